"""Every shipped scenario has a solution in every regime and year; what instruments cost and bring is in incomes."""

from __future__ import annotations

import numpy as np
import pytest

import calibration
import scenarios
from model import solve
from model.path import simulate
from model.records import REGIMES
from model.solution import Solution
from outputs.dataset import walras
from scenarios import reference
from tests.independent import published, recompute

SHIPPED = tuple(scenarios.available())
QUICK = (
    "china-2010-quota", "examples/export-quota", "examples/export-tax", "examples/friction", "examples/leakage",
    "examples/price-floor", "examples/production-quota", "examples/production-subsidy", "examples/research-subsidy",
    "examples/tariff", "examples/use-subsidy", "examples/capacity-investment", "examples/demand-shift",
    "examples/embargo", "examples/stockpile", "examples/productivity", "examples/fixed-tax",
)  # fmt: skip


def solutions(name: str, base: calibration.Calibration) -> list[tuple[str, int | None, Solution]]:
    """Every equilibrium that a scenario asks for; raises SolveError naming what has none."""
    scenario = scenarios.load(name, base)
    bench = scenario.benchmark(base)
    if scenario.horizon != "path":
        shock = scenario.shock(base)
        return [
            (regime, None, solve(bench, shock, closure)) for regime, closure in scenario.closures().items()
        ]
    inputs = scenario.path(base)
    found = []
    for regime in scenario.regimes:
        path = simulate(
            bench, inputs.years, inputs.shocks, regime,
            added_capacity=inputs.added_capacity, initial_stocks=inputs.initial_stocks,
        )  # fmt: skip
        found += [(regime, record.year, record.solution) for record in path.records]
    return found


@pytest.fixture(scope="module")
def small() -> calibration.Calibration:
    return calibration.load("china-2009-small")


@pytest.mark.parametrize("name", QUICK)
def test_a_scenario_solves_and_every_budget_holds_when_recomputed(
    name: str, small: calibration.Calibration
) -> None:
    """Rents, revenues, outlays and subsidies of the instrument, from published numbers by code of the tests' own."""
    found = solutions(name, small)
    assert all(walras(solution) < 1e-9 for _, _, solution in found)
    _, _, last = found[-1]
    system = last.system
    w = recompute(system.benchmark, system.shock, system.closure, published(last))
    np.testing.assert_allclose(w.income, last.allocation.income, rtol=1e-9)
    assert abs(w.income.sum() - last.allocation.income.sum()) < 1e-10 * w.income.sum()
    np.testing.assert_allclose(w.supply, w.gate.sum(axis=1), rtol=1e-8, atol=1e-9)


ALL_AT_ONCE = """
name: everything
title: Every instrument at once
question: Do they combine?
calibration: china-2009-small
horizon: path
years: 2009-2012
instruments:
  - {type: export_tax, origins: CHN, elements: all, add: {2010: 0.05, 2011: 0.1}}
  - {type: tariff, origins: CHN, destinations: USA, goods: magnets, rate: {linear: {2010: 0, 2012: 0.2}}}
  - {type: friction, origins: CHN, destinations: JPN, elements: heavy, cost: 0.1, from: 2010}
  - {type: embargo, origins: CHN, destinations: KOR, elements: [Dy], from: 2011}
  - {type: export_quota, name: total, origins: CHN, elements: all, limit: {2010: 34000, 2011: 32000}}
  - {type: export_quota, name: heavy, origins: CHN, elements: heavy, limit: {value: 90, unit: "%"}, leak_margin: 20,
     from: 2010}
  - {type: production_quota, region: CHN, elements: all, limit: {value: 95, unit: "%"}, from: 2011}
  - {type: production_subsidy, regions: USA, sectors: ree_mining, add: 0.1, from: 2010}
  - {type: use_subsidy, regions: JPN, elements: all, rate: 0.05, from: 2010, until: 2011}
  - {type: research_subsidy, regions: JPN, rate: 0.2, from: 2010}
  - {type: capacity_investment, region: AUS, stage: ree_mining, spending: 10, from: 2010, build_time: 1,
     capacity_cost: {value: 20000, unit: USD/t REO, source: a test, status: analyst}, paid_by: JPN}
  - {type: stockpile, regions: JPN, elements: [Dy, Tb], purchase: {2010: 3, 2012: 0}, release: {2012: 5}}
  - {type: recycling, regions: EUR, elements: [Nd], tonnes: 20, cost: 0.9, from: 2011}
  - {type: demand_shift, regions: USA, goods: electrical_optical, multiplier: 1.01, from: 2010}
  - {type: productivity, regions: KOR, sectors: all, multiplier: 1.001, from: 2012}
"""


def test_every_instrument_is_dated_and_combines_with_all_others(small: calibration.Calibration) -> None:
    scenario = scenarios.parse(ALL_AT_ONCE, small)
    kinds = {kind.model_fields["type"].annotation.__args__[0] for kind in reference.KINDS}  # type: ignore[union-attr]
    assert {line.type for line in scenario.instruments} == kinds - {"remove_base_licence"}
    first = scenario.shock(small, 2009)
    assert first.quotas == ()
    inputs = scenario.path(small)
    path = simulate(
        small.benchmark, inputs.years, inputs.shocks, "directed_with_spillovers",
        added_capacity=inputs.added_capacity, initial_stocks=inputs.initial_stocks,
    )  # fmt: skip
    assert np.abs(path.solutions[0].allocation.state.price).max() < 1e-9  # nothing is in force in 2009
    for solution in path.solutions[1:]:
        system = solution.system
        w = recompute(system.benchmark, system.shock, system.closure, published(solution))
        np.testing.assert_allclose(w.income, solution.allocation.income, rtol=1e-9)
    np.testing.assert_allclose(path.stocks.sum(axis=(1, 2)), [0, 0, 3, 6], atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_scenario_solves_in_every_regime_and_year(name: str) -> None:
    base = calibration.load(scenarios.load(name).calibration)
    found = solutions(name, base)
    assert {regime for regime, _, _ in found} <= set(REGIMES)
    assert max(walras(solution) for _, _, solution in found) < 1e-9
    assert all(solution.converged for _, _, solution in found)


def test_plant_that_was_mothballed_is_back_a_year_after_it_is_wanted(small: calibration.Calibration) -> None:
    """The calibration scraps what stops; the example keeps it, and mines abroad reopen without a build time."""
    np.testing.assert_array_equal(small.benchmark.parameters.capacity_scrapping, 1)
    scenario = scenarios.load("examples/mothballing", small)
    inputs, kept = scenario.path(small), scenario.benchmark(small)
    scrapped = small.benchmark
    assert kept.parameters.capacity_scrapping.tolist() == [0.15] * 3
    at, usa = list(inputs.years).index(2014), small.labels.regions.index("USA")
    mines = []
    for bench in (kept, scrapped):
        path = simulate(bench, inputs.years[: at + 1], inputs.shocks[: at + 1], "exogenous")
        mines.append(np.exp(path.capacity[:, usa, 0]))
        idle = np.exp(path.records[-2].standing.plant) - np.exp(path.records[-2].standing.capacity)
        assert (idle[usa, 0] > 0.1) == (bench is kept)
    assert mines[0][at - 1] < 0.8  # closed by the flood, which ended in 2012; wanted again from 2013 on
    np.testing.assert_allclose(mines[0][: at - 1], mines[1][: at - 1], atol=1e-9)
    assert mines[0][at] > mines[0][at - 1] + 0.1
    assert mines[1][at] < mines[1][at - 1] + 1e-9
