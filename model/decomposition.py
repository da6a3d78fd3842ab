"""What a result is made of: order-free contributions, and the first-order formula of Caliendo and Parro.

Technology and capacity of a solution are taken as given forces beside the instruments: with all of them switched on the
static equilibrium is the solution itself, with none it is the base year. Their Shapley values add up exactly and do not
depend on an order (the "subtotals" of the linearised-model tradition, without the linearisation).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from math import factorial
from typing import NamedTuple

import numpy as np

from model.flows import gate_flows, licence_rates, rent_left_abroad, wedges
from model.path import technology_target
from model.records import Array, Benchmark, Closure, Shock
from model.solution import Solution
from model.solve import solve
from model.welfare import technology

MAX_PLAYERS = 10  # 2^10 solves


def shapley(players: Sequence[str], value: Callable[[frozenset[str]], Array]) -> dict[str, Array]:
    """Shapley value of each player for every entry of an outcome array.

    value: outcome with exactly these players present. Contributions sum to value(all) - value(none). Raises ValueError
    for more than MAX_PLAYERS players.
    """
    if len(players) > MAX_PLAYERS:
        raise ValueError(
            f"{len(players)} forces need 2^{len(players)} solves; group them into at most {MAX_PLAYERS}"
        )
    worth = {
        frozenset(group): np.asarray(value(frozenset(group)), dtype=float)
        for size in range(len(players) + 1)
        for group in combinations(players, size)
    }
    m = len(players)
    contributions = {}
    for player in players:
        total = np.zeros_like(worth[frozenset()])
        for group, outcome in worth.items():
            if player not in group:
                weight = factorial(len(group)) * factorial(m - len(group) - 1) / factorial(m)
                total += weight * (worth[group | {player}] - outcome)
        contributions[player] = total
    return contributions


def technology_parts(solution: Solution) -> dict[str, Array]:
    """E17 split: (n,j,g) ln a from own research (`direction`), from others (`spillovers`) and from `breadth`.

    The parts add up to the technology of a solution whose technology is at its target.
    """
    closure = solution.system.closure
    if closure.regime == "exogenous" or closure.technology == "given":
        return {"technology": technology(solution)}
    parts = technology_target(solution, closure.regime)
    return parts if closure.regime == "directed_with_spillovers" else {"direction": parts["direction"]}


def contributions(
    benchmark: Benchmark,
    solution: Solution,
    instruments: Mapping[str, Callable[[Shock], Shock]],
    outcome: Callable[[Solution], Array],
) -> dict[str, Array]:
    """Contribution of every instrument, of each part of technology and of capacity to an outcome of a solution.

    instruments: for each name, what it adds to a shock. outcome: e.g. the log of real income (n,). A solution without
    the base year's licence is compared with a base year without it. Raises SolveError when a combination has no
    equilibrium.
    """
    parts = technology_parts(solution)
    capacity = solution.allocation.capacity
    players = [*instruments, *(name for name, part in parts.items() if part.any())]
    if capacity.any():
        players.append("capacity")
    closure = Closure("exogenous", "given", "given")

    def value(group: frozenset[str]) -> Array:
        shock = Shock(remove_base_licence=solution.system.shock.remove_base_licence)
        for name, add in instruments.items():
            if name in group:
                shock = add(shock)
        on = [part for name, part in parts.items() if name in group]
        shock = shock.replace(
            technology=sum(on) if on else None, capacity=capacity if "capacity" in group else None
        )
        return outcome(solve(benchmark, shock, closure))

    return shapley(players, value)


class FirstOrder(NamedTuple):
    """Caliendo and Parro's decomposition of the change of real income, shares of base income."""

    terms_of_trade: Array  # (n,i,k): partner and good
    volume_of_trade: Array  # (n,i,k)

    @property
    def total(self) -> Array:
        """(n,) first-order change of real income."""
        return (self.terms_of_trade + self.volume_of_trade).sum(axis=(1, 2))


def first_order(solution: Solution, base: Solution) -> FirstOrder:
    """First-order terms-of-trade and volume-of-trade effects (Caliendo and Parro 2015), by partner and good.

    Terms of trade: exports times the change of own prices less imports times that of the partner's, at the border.
    Volume: tariff rates times the change of import volumes, and export-tax rates that of export volumes. A licence
    counts as the export tax it is equivalent to, but for the part of its rent that importers keep. Valid for small
    shocks without subsidies, research or new technology, and blind to everything of second order: report it beside the
    exact change.
    """
    price = solution.allocation.price
    old, new = gate_flows(base), gate_flows(solution)
    abroad = ~np.eye(len(price), dtype=bool)[:, :, None]
    trade = np.where(abroad, old, 0.0)  # (i,n,k)
    income = base.system.income_base[:, None, None]
    (levy, tariff), (later, _) = _border_wedges(base), _border_wedges(solution)
    border = trade * levy
    sold = border * (price[:, None, :] + np.log(later / levy))
    terms = (sold - sold.transpose(1, 0, 2)) / income
    traded = (old > 0) & (new > 0)
    ratio = np.divide(new, old, out=np.ones_like(new), where=traded)
    volume = np.where(traded, np.log(ratio) - price[:, None, :], np.where(old > 0, -1.0, 0.0))
    volume_effect = ((levy - 1) * trade * volume + (tariff * border * volume).transpose(1, 0, 2)) / income
    return FirstOrder(terms, volume_effect)


def _border_wedges(solution: Solution) -> tuple[Array, Array]:
    """(i,n,k) what the exporting country receives over the gate price, with export tax and licence; and the tariff."""
    tax, tariff = wedges(solution)
    return (1 + tax) * (1 + licence_rates(solution)) - rent_left_abroad(solution), tariff
