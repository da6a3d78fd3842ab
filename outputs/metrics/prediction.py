"""Does exposure predict loss? Rank correlation of exposure before a shock with losses in the solved model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.stats import rankdata

import scenarios
from model.ces import shares_of
from model.exposure import USD_PER_MILLION, leontief_times
from model.records import Array, Regime
from model.solution import Solution
from model.solve import solve
from model.welfare import equivalent_variation, real_income
from outputs import settings
from outputs.metrics.base import Base
from outputs.metrics.regions import regions
from outputs.pipeline import refuse_path

SCENARIOS = ("full-embargo", "china-2010-quota")
REGIMES: tuple[Regime, ...] = ("exogenous", "directed")
RESAMPLES = 999
INTERVAL = (0.05, 0.95)
FEWEST = 5  # places below which a rank correlation says nothing

LOSSES = {
    "cost": "rise of unit cost over the price of the region's final bundle",
    "output": "fall of output volume",
    "income": "fall of real income",
}


@dataclass(frozen=True)
class Loss:
    """What a scenario costs, by sector and region."""

    scenario: str
    title: str
    regime: Regime
    output: Array  # (n,j) percent, positive is a loss of volume
    cost: Array  # (n,j) percent, positive is a rise of unit cost over the price of the final bundle
    income: Array  # (n,) percent, positive is a loss of real income
    income_usd: Array  # (n,) million USD, positive is a loss


@dataclass(frozen=True)
class Correlation:
    """Spearman's rank correlation of a measure before the shock with a loss after it."""

    scenario: str
    regime: Regime
    across: str  # sectors or regions
    loss: str
    measure: str
    value: float
    low: float
    high: float
    levels: float  # Pearson's correlation of the levels, beside that of the ranks
    places: int


@dataclass(frozen=True)
class Prediction:
    """Losses, and what predicts them."""

    losses: tuple[Loss, ...]
    correlations: tuple[Correlation, ...]
    failed: tuple[str, ...] = field(default=())  # scenario, regime and the solver's reason


def measures_by_sector(base: Base) -> dict[str, Array]:
    """(m,) measures of exposure, from the plainest to the index."""
    e, flows = base.exposure, base.flows
    direct = shares_of(flows.output, flows.element_value.sum(axis=(0, 1))) * USD_PER_MILLION
    restricted = e.intensity * e.dependence
    at_home = np.repeat(base.restricting, len(direct) // len(base.restricting))
    return {
        "direct intensity": direct,
        "total intensity": e.intensity,
        "of restricting origins": restricted,
        "and hard to replace": restricted * e.non_substitutability,
        "exposure index": e.index,
        "index, crossing the border": base.crossing.index,
        "used outside, any origin": leontief_times(flows, np.where(at_home, 0.0, direct)),
    }


def spearman(first: Array, second: Array) -> Array:
    """Rank correlation along the last axis; 0 where either is constant."""
    return pearson(rankdata(first, axis=-1), rankdata(second, axis=-1))


def pearson(first: Array, second: Array) -> Array:
    """Correlation along the last axis; 0 where either is constant."""
    a, b = (x - x.mean(axis=-1, keepdims=True) for x in (first, second))
    size = np.sqrt((a**2).sum(axis=-1) * (b**2).sum(axis=-1))
    return shares_of(size, (a * b).sum(axis=-1))


def bootstrap(first: Array, second: Array, seed: int = 0) -> tuple[float, float]:
    """Interval of the rank correlation when places are drawn again with replacement."""
    rows = np.random.default_rng(seed).integers(0, len(first), (RESAMPLES, len(first)))
    low, high = np.quantile(spearman(first[rows], second[rows]), INTERVAL)
    return float(low), float(high)


def contents(names: Sequence[str], base: Base) -> list[dict[str, Any]]:
    """What scenarios say, as part of what a run is determined by."""
    return [_scenario(name, base).model_dump(mode="json") for name in names]


def _scenario(name: str, base: Base) -> scenarios.Scenario:
    """A scenario on the calibration of `base`, whichever it names itself. Raises InputError when it does not fit."""
    edit = settings.editor([], {"calibration": str(base.calibration.path)})
    scenario = scenarios.load(name, base.calibration, edit)
    refuse_path(scenario, "a scenario of one year")
    return scenario


def losses(
    base: Base,
    names: Sequence[str] = SCENARIOS,
    regimes: Sequence[Regime] = REGIMES,
    advance: Callable[[], object] | None = None,
) -> tuple[list[Loss], list[str]]:
    """Solve scenarios on the calibration of `base`; what is not solved is named with the solver's reason."""
    found, failed = [], []
    for name in names:
        scenario = _scenario(name, base)
        shock = scenario.shock(base.calibration)
        for regime in regimes:
            solution = solve(base.calibration.benchmark, shock, scenario.closure(regime), throw=False)
            if solution.converged:
                found.append(loss(scenario.name, scenario.title, regime, solution))
            else:
                failed.append(f"{name}, {regime}: {solution.diagnosis.text(base.labels)}")
            if advance:
                advance()
    return found, failed


def loss(name: str, title: str, regime: Regime, solution: Solution) -> Loss:
    """The losses of a solution."""
    a = solution.allocation
    real_cost = a.costs.unit - a.spending.final_price[:, None]
    return Loss(
        name, title, regime, -100 * np.expm1(a.state.output - a.revenue_price), 100 * np.expm1(real_cost),
        100 * (1 - real_income(solution)), -equivalent_variation(solution),
    )  # fmt: skip


def predict(
    base: Base,
    names: Sequence[str] = SCENARIOS,
    regimes: Sequence[Regime] = REGIMES,
    advance: Callable[[], object] | None = None,
) -> Prediction:
    """Losses of the scenarios and their rank correlation with every measure, outside the restricting regions."""
    found, failed = losses(base, names, regimes, advance)
    rows = [row for one in found for row in (*_by_sector(base, one), *_by_region(base, one))]
    return Prediction(tuple(found), tuple(rows), tuple(failed))


def _by_sector(base: Base, one: Loss) -> list[Correlation]:
    cells = base.outside.reshape(-1)
    rows = []
    for name, values in (("cost", one.cost), ("output", one.output)):
        for measure, given in measures_by_sector(base).items():
            rows.append(_correlation(one, "sectors", name, measure, given[cells], values.reshape(-1)[cells]))
    return [row for row in rows if row.places >= FEWEST]


def measures_by_region(base: Base) -> dict[str, Array]:
    """(n,) measures of exposure of regions."""
    found = regions(base)
    return {
        "index, production": found.production,
        "index, consumption": found.consumption,
        "index, production, crossing": found.crossing,
        "dependence": found.dependence,
    }


def _by_region(base: Base, one: Loss) -> list[Correlation]:
    cells = ~base.restricting
    rows = []
    for measure, given in measures_by_region(base).items():
        rows.append(_correlation(one, "regions", "income", measure, given[cells], one.income[cells]))
    return [row for row in rows if row.places >= FEWEST]


def _correlation(one: Loss, across: str, name: str, measure: str, given: Array, lost: Array) -> Correlation:
    low, high = bootstrap(given, lost)
    ranked, levels = float(spearman(given, lost)), float(pearson(given, lost))
    return Correlation(one.scenario, one.regime, across, name, measure, ranked, low, high, levels, len(given))
