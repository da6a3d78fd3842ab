"""Innovation is not security: what a full embargo would cost now, and who depends on whom. Section 8 of docs/model.md."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from model.ces import shares_of
from model.flows import gate_flows, gate_tonnes
from model.records import Array, Benchmark, Closure, Shock
from model.solution import Solution
from model.solve import solve
from model.welfare import real_income

STATIC = Closure("exogenous", "given", "given")


class EmbargoLoss(NamedTuple):
    """A full embargo at today's technology and capacity; logs of real income, positive is a loss."""

    now: Array  # (n,) ln real income today less under the embargo
    without_innovation: Array  # (n,) the same at base-year technology
    cut: Solution  # the embargoed world

    @property
    def avoided(self) -> Array:
        """(n,) loss avoided by innovation so far."""
        return self.without_innovation - self.now


def embargo(benchmark: Benchmark, origin: int, goods: Array) -> Array:
    """(i,n,k) bool: nothing of `goods` (k,) leaves `origin`."""
    closed = np.zeros(benchmark.export_tax.shape, dtype=bool)
    closed[origin] = np.asarray(goods, dtype=bool)[None, :]
    closed[origin, origin] = False
    return closed


def embargo_loss(benchmark: Benchmark, shock: Shock, closed: Array) -> EmbargoLoss:
    """What closing `closed` (i,n,k) would cost now.

    shock: today's policy with today's technology and capacity given (`Shock.technology`, `Shock.capacity`). Raises
    SolveError when the embargoed world has no equilibrium.
    """
    shut = closed if shock.embargo is None else closed | shock.embargo
    plain = shock.replace(technology=None)
    today, cut = solve(benchmark, shock, STATIC), solve(benchmark, shock.replace(embargo=shut), STATIC)
    if shock.technology is None or not np.any(shock.technology):
        loss = _loss(today, cut)
        return EmbargoLoss(loss, loss, cut)
    base, base_cut = solve(benchmark, plain, STATIC), solve(benchmark, plain.replace(embargo=shut), STATIC)
    return EmbargoLoss(_loss(today, cut), _loss(base, base_cut), cut)


def _loss(before: Solution, after: Solution) -> Array:
    return np.log(real_income(before)) - np.log(real_income(after))


def import_dependence(solution: Solution, origins: Array | None = None) -> Array:
    """(n,k) share of what a region buys that comes from abroad, or from `origins` (i,) bool, at the gate."""
    gate = gate_flows(solution)
    share = shares_of(gate.sum(axis=0), gate)
    if origins is None:
        return share.sum(axis=0) - np.einsum("nnk->nk", share)
    elsewhere = ~np.eye(len(gate), dtype=bool)[:, :, None] & np.asarray(origins, dtype=bool)[:, None, None]
    return np.where(elsewhere, share, 0.0).sum(axis=0)


def concentration(solution: Solution) -> Array:
    """(n,k) Herfindahl index of the origins of what a region buys, 0 to 1."""
    gate = gate_flows(solution)
    return (shares_of(gate.sum(axis=0), gate) ** 2).sum(axis=0)


def supply_concentration(solution: Solution) -> Array:
    """(k,) Herfindahl index of world supply of each good by origin, at the gate."""
    supply = solution.allocation.supply
    return (shares_of(supply.sum(axis=0), supply) ** 2).sum(axis=0)


def years_to_replace(cut_off: tuple[Solution, ...], before: Solution, good: int, share: float = 0.9) -> Array:
    """(n,) years until purchases of a good, in tonnes, are back at a share of what they were; -1 when they never are.

    cut_off: solutions of the years of an embargo, in order; before: the year before it.
    """
    wanted = gate_tonnes(before)[:, :, good].sum(axis=0)
    years = np.full(len(wanted), -1)
    for t, solution in reversed(list(enumerate(cut_off))):
        back = gate_tonnes(solution)[:, :, good].sum(axis=0) >= share * wanted
        years = np.where(back, t, years)
    return np.where(wanted > 0, years, 0)
