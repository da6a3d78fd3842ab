"""Worlds of sectors that make one good each, from shares alone: random ones, and the shipped table of 2009.

No rare earths, no research: what closed forms and other people's models speak of. The flows are those that the shares
imply in a balanced world; they solve the accounting identities as one linear system.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

import calibration
from model.records import Benchmark, Parameters


@dataclass(frozen=True)
class Table:
    """Shares that make a world. Tariffs are on the price at the border; deficits are million USD and sum to 0."""

    trade: np.ndarray  # (i,n,k) origins in n's spending on k
    cost: np.ndarray  # (n,k,j) goods in the cost of sector j
    factor: np.ndarray  # (n,f,j) factors in it
    final: np.ndarray  # (n,k) goods in final spending
    tariff: np.ndarray  # (i,n,k)
    deficit: np.ndarray  # (n,)
    total: float = 1000.0  # world value added, million USD


def random_table(
    seed: int,
    regions: int = 4,
    sectors: int = 5,
    factors: int = 1,
    intermediates: float = 0.5,
    tariffs: float = 0.0,
    deficits: float = 0.0,
) -> Table:
    rng = np.random.default_rng(seed)
    n, j = regions, sectors
    trade = 0.5 * rng.dirichlet(np.ones(n), (n, j)).transpose(2, 0, 1) + 0.5 * np.eye(n)[:, :, None]
    cost = (
        rng.dirichlet(np.ones(j), (n, j)).transpose(0, 2, 1) * rng.uniform(0.5, 1, (n, 1, j)) * intermediates
    )
    factor = rng.dirichlet(np.full(factors, 2.0), (n, j)).transpose(0, 2, 1) * (
        1 - cost.sum(axis=1, keepdims=True)
    )
    final = rng.dirichlet(np.full(j, 2.0), n)
    tariff = rng.uniform(0, 1, (n, n, j)) * (1 - np.eye(n)[:, :, None]) * tariffs
    deficit = rng.normal(size=n) * deficits
    return Table(trade, cost, factor, final, tariff, deficit - deficit.mean())


# Sectors that some region buys but does not make join a neighbour: a domestic share of 0 has no closed form.
JOINED = {"leather": "textiles", "water_transport": "inland_transport", "motor_trade": "retail",
          "private_households": "other_services"}  # fmt: skip


@cache
def shipped(sectors: str = "all", intermediates: bool = True) -> Table:
    """Twelve regions of 2009 at basic prices, deficits left out; `all` 31 sectors or `one`.

    Without intermediates all flows count as final and value added is all of cost.
    """
    source = calibration.load("china-2009")
    names = source.labels.sectors[: source.host.use.shape[1]]
    kept = [name for name in names if name not in JOINED] if sectors == "all" else ["all"]
    group = np.zeros((len(names), len(kept)))
    for row, name in enumerate(names):
        group[row, kept.index(JOINED.get(name, name)) if sectors == "all" else 0] = 1.0
    final_trade = np.maximum(source.host.final_trade, 0.0) @ group  # less falls of stocks
    trade = source.host.intermediate_trade @ group + final_trade
    use = np.einsum("nkj,kx,jy->nxy", source.host.use, group, group)
    output, final = trade.sum(axis=1), final_trade.sum(axis=0)
    if not intermediates:
        use, final = np.zeros_like(use), trade.sum(axis=0)
    cost = use / np.where(output > 0, output, 1.0)[:, None, :]
    return Table(
        trade=trade / trade.sum(axis=0), cost=cost, factor=1 - cost.sum(axis=1, keepdims=True),
        final=final / final.sum(axis=1, keepdims=True), tariff=np.zeros(trade.shape), deficit=np.zeros(len(output)),
        total=float((output - use.sum(axis=1)).sum()),
    )  # fmt: skip


def flows(table: Table):
    """Output (n,j) and final spending (n,) of the world that has these shares."""
    t = table
    n, k = t.final.shape
    gate = t.trade / (1 + t.tariff)
    size = n * k
    matrix, rhs = np.eye(size + n), np.zeros(size + n)
    # output of (i,k): what every sector and every household buys of it
    matrix[:size, :size] -= np.einsum("ink,nkj->iknj", gate, t.cost).reshape(size, size)
    matrix[:size, size:] -= np.einsum("ink,nk->ikn", gate, t.final).reshape(size, n)
    # income of n: factors, tariffs on what its sectors and households buy, deficit
    rate = (t.trade * t.tariff / (1 + t.tariff)).sum(axis=0)  # (n,k)
    for m in range(n):
        matrix[size + m, m * k : (m + 1) * k] -= t.factor[m].sum(axis=0) + rate[m] @ t.cost[m]
        matrix[size + m, size + m] -= rate[m] @ t.final[m]
    rhs[size:] = t.deficit
    # one equation follows from the others: the size of the world takes its place
    matrix[-1], rhs[-1] = 0.0, t.total
    matrix[-1, :size] = t.factor.sum(axis=1).ravel()
    solution = np.linalg.solve(matrix, rhs)
    assert (solution >= 0).all(), "these shares and deficits make no world"
    return solution[:size].reshape(n, k), solution[size:]


def benchmark(table: Table, sigma, **elasticities) -> Benchmark:
    """The base year of a table; elasticities of substitution are 1 unless given."""
    t = table
    n, k = t.final.shape
    f = t.factor.shape[1]
    output, income = flows(t)
    ones, none = np.ones(k), np.zeros((n, k))
    parameters = Parameters(
        trade_elasticity=np.broadcast_to(np.asarray(sigma, dtype=float), (k,)),
        ree_elasticity=ones, element_elasticity=ones, value_added_elasticity=ones, factor_elasticity=ones,
        materials_elasticity=ones, transformation_elasticity=0 * ones, final_elasticity=1.0,
        factor_mobility=np.full(f, np.inf), innovation_elasticity=np.zeros((n, 1)), spillover=np.zeros((n, 1)),
        spillover_region=np.eye(n), spillover_sector=np.eye(k), breadth=0.0,
    ).replace(**elasticities)  # fmt: skip
    return Benchmark(
        output=output, make=np.broadcast_to(np.eye(k), (n, k, k)) * (output > 0)[:, :, None],
        use=t.cost * output[:, None, :], final=t.final * income[:, None], trade_share=t.trade[None],
        factor_payment=t.factor * output[:, None, :], research_share=none, export_tax=np.zeros(t.trade.shape),
        tariff=t.tariff, subsidy=none, licence=none, deficit=t.deficit, unit_value=np.ones((n, k)), reo_content=ones,
        elements=np.zeros(0, dtype=int), parameters=parameters, use_class=np.zeros(k, dtype=int),
        numeraire=np.ones(f, dtype=bool),
    )  # fmt: skip
