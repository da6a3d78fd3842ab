"""Innovation is not security: what a cut would cost now, who depends on whom, how long replacing takes. Section 8."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from model.ces import herfindahl, shares_of
from model.flows import gate_flows
from model.path import LONG_RUN, Standing, build
from model.records import Array, Benchmark, Parameters, Shock
from model.solution import Solution
from model.solve import solve
from model.squeeze import STATIC, closing, cut
from model.welfare import real_income

__all__ = [
    "STATIC", "concentration", "cut", "embargo", "import_dependence", "income_lost", "lasting_embargo",
    "supply_concentration", "years_to_replace",
]  # fmt: skip

HORIZON = 60  # years after which plant that is not there counts as never there


def embargo(benchmark: Benchmark, origin: int, goods: Array) -> Array:
    """(i,n,k) bool: nothing of `goods` (k,) leaves `origin`."""
    closed = np.zeros(benchmark.export_tax.shape, dtype=bool)
    closed[origin] = np.asarray(goods, dtype=bool)[None, :]
    closed[origin, origin] = False
    return closed


def lasting_embargo(benchmark: Benchmark, shock: Shock, closed: Array) -> Solution:
    """The world long after `closed` was shut: plant followed its rent (E22), technology stands. Raises SolveError."""
    return solve(benchmark, closing(shock, closed).replace(capacity=None), LONG_RUN)


def income_lost(before: Solution, after: Solution) -> Array:
    """(n,) ln of real income before over after."""
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
    return herfindahl(gate_flows(solution))


def supply_concentration(solution: Solution) -> Array:
    """(k,) Herfindahl index of world supply of each good by origin, at the gate."""
    return herfindahl(solution.allocation.supply)


def years_to_replace(
    benchmark: Benchmark,
    standing: Standing,
    target: Array,
    outside: Array,
    parameters: Parameters,
    *,
    share: float = 0.9,
) -> Mapping[str, Array]:
    """Years until plant outside could make most of what it will make once it has adjusted to an embargo.

    standing: plant today; target (n,s): ln K* of the lasting embargo, ordered from today on (E22 does the rest);
    outside (n,) bool: regions that are not embargoed. Returns `stage` (s,) and `element` (e,): an element waits for the
    slower of its stages. -1: never within HORIZON years. What matters is plant weighted by base output.
    """
    b = benchmark
    weight = np.where(outside[:, None], b.output[:, b.stage_sector], 0.0)  # (n,s)
    made = np.einsum("njk,nj->nk", b.make, b.output)[:, b.elements] * outside[:, None]
    maker = [s for s, j in enumerate(b.stage_sector) if (b.make[:, j][:, b.elements] > 0).any()]
    upstream = [
        s for s, j in enumerate(b.stage_sector) if _feeds(b, int(j), [int(b.stage_sector[m]) for m in maker])
    ]
    stage, element = np.full(weight.shape[1], -1), np.full(len(b.elements), -1)
    ahead = standing.replace(targets=())
    for year in range(HORIZON + 1):
        plant = np.exp(ahead.plant)
        stage = np.where((stage < 0) & _reached(weight, plant, target, share), year, stage)
        for s in maker:
            there = _reached(made, plant[:, [s]], target[:, [s]], share)
            element = np.where((element < 0) & there, year, element)
        ahead = build(ahead, target, parameters)
    for s in upstream:
        element = np.where((element < 0) | (stage[s] < 0), -1, np.maximum(element, stage[s]))
    return {"stage": stage, "element": element}


def _reached(weight: Array, plant: Array, target: Array, share: float) -> Array:
    """Whether plant, weighted, has come up to a share of its target; plant that need not grow is there, none is not."""
    there: Array = (weight * plant).sum(axis=0) >= share * (weight * np.exp(target)).sum(axis=0)
    return there & (weight.sum(axis=0) > 0)


def _feeds(b: Benchmark, sector: int, buyers: list[int]) -> bool:
    """Whether what a stage makes is used by some others of the chain."""
    goods = (b.make[:, sector] > 0).any(axis=0)
    return sector not in buyers and bool((b.use[:, goods][:, :, buyers] > 0).any())
