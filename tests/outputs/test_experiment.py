"""From solves to a result: what quotas count, groups, embargoes that have no solution, what a result says of itself."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

import scenarios
from calibration.errors import InputError
from model.base_year import quota_tonnes_base
from model.records import Quota, Shock
from outputs import closure, dataset, experiment, focus, growth, intact
from outputs.dataset import Case
from outputs.experiment import Done
from outputs.paths import labelled, plan, work
from scenarios.base_year import tonnes_sold
from scenarios.located import located
from scenarios.sweeps.execution import InProcess
from tests.outputs.drawn import drawn
from tests.outputs.test_paths import path_scenario
from tests.worlds import Sizes, world

REGIMES = ("exogenous", "directed", "directed_with_spillovers")


def quota(covers, **given):
    return Quota("q", covers, 5.0, np.array([1.0, 0.5, 1.0]), **given)


@pytest.mark.parametrize("specific", [True, False])
def test_what_counts_against_a_quota_and_what_its_licence_is_worth(monkeypatch, specific):
    """A tonne of the second good counts half. Rent: USD per kg that counts, or a share of the value at the gate."""
    tonnes = np.arange(1.0, 13.0).reshape(2, 2, 3)
    value = 7.0 * tonnes[::-1] + 3.0
    covers = np.zeros((2, 2, 3), dtype=bool)
    covers[0, 1, :2] = True  # 4 t of the first good, 5 t of the second
    monkeypatch.setattr(dataset.flows, "gate_flows", lambda solution: value)
    monkeypatch.setattr(dataset.flows, "gate_tonnes", lambda solution: tonnes)
    solution = SimpleNamespace(
        licence={"q": 0.25}, system=SimpleNamespace(restrictions=SimpleNamespace(production=()))
    )
    found = dataset._quotas(solution, [quota(covers, specific=specific, leak_margin=0.3)], ("other", "q"))
    counted, worth = 4.0 + 0.5 * 5.0, float(value[0, 1, :2].sum())
    rent = 0.25 * counted / 1e3 if specific else 0.25 * worth
    assert {name: row[0] for name, row in found.items()} == dict.fromkeys(found, 0.0)
    assert {name: row[1] for name, row in found.items()} == pytest.approx(
        {
            "quota_in_force": 1.0, "quota_limit": 5.0, "quota_tonnes": counted, "quota_leak": counted - 5.0,
            "smuggling_cost": 0.3 * (counted - 5.0) / 1e3, "licence_price": rent * 1e3 / counted,
            "licence_rate": rent / worth,
        }
    )  # fmt: skip


@pytest.mark.parametrize("removed", [True, False])
def test_licences_of_the_base_year_are_quotas_until_they_are_removed(removed):
    benchmark, labels = world(1, Sizes(), licence=True)
    own = Quota("own", np.zeros(benchmark.export_tax.shape, dtype=bool), 1.0, np.ones(len(labels.goods)))
    found = dataset.all_quotas(benchmark, Shock(quotas=(own,), remove_base_licence=removed))
    assert found[-1] is own
    assert (len(found) == 1) is removed


def test_income_of_a_group_is_that_of_its_members(ds):
    """Equivalent variation of its members over their income of the base year."""
    for name in ds["group"].values:
        member = ds["group_member"].sel(group=name)
        gained = (ds["equivalent_variation"] * member).sum("region")
        np.testing.assert_allclose(ds["group_equivalent_variation"].sel(group=name), gained, atol=1e-9)
        ratio = 1 + gained / float((ds["base_income"] * member).sum())
        np.testing.assert_allclose(ds["group_real_income"].sel(group=name), ratio, rtol=1e-12)
    apart = ds["group_member"].sel(group="restricting") + ds["group_member"].sel(group="others")
    assert (apart == 1).all() and (ds["group_member"].sel(group="world") == 1).all()


def test_a_result_has_the_year_of_its_base_and_of_its_scenario(ds, solved):
    assert (ds.attrs["base_year"], ds.attrs["scenario_year"]) == ("2009", "2010")
    assert solved.plan.calibration.year == 2009


def done(kind, solved_regimes, value):
    """Jobs of every regime: all regions have an equivalent variation of `value` where one was solved."""
    values = {"equivalent_variation": np.full(3, value)}
    return {
        (kind, regime): Done(
            (kind, regime), Case(values, "") if regime in solved_regimes else None, {}, "no root"
        )
        for regime in REGIMES
    }


@pytest.mark.parametrize(("full", "cut"), [(REGIMES, 1.0), (REGIMES[1:], 0.9)])
def test_a_cut_of_nine_tenths_stands_in_for_an_embargo_without_solution(solved, full, cut):
    """One kind for all regimes, and it says which."""
    bare = solved.dataset.drop_vars("embargo_loss")
    jobs = done("embargo", full, -50.0) | done("cut", REGIMES, -40.0)
    found = experiment._secured(solved.plan, bare, jobs)
    assert found["embargo_loss"].attrs["cut"] == cut
    assert f"when {100 * cut:.0f} % of" in found["embargo_loss"].attrs["description"]
    after = -50.0 if cut == 1.0 else -40.0
    xr.testing.assert_allclose(
        found["embargo_loss"].drop_attrs(), (bare["equivalent_variation"] - after).drop_attrs()
    )
    note = found.attrs.get("note_security", "")
    assert note == (
        "" if cut == 1.0 else "no solution was found for a full embargo under exogenous (no root)"
    )


def test_of_a_cut_a_tenth_of_base_tonnes_is_left(solved):
    cases = {("case", regime): Done(("case", regime), Case({}, ""), {}, "") for regime in REGIMES}
    jobs = solved.plan.cut_jobs(cases | done("embargo", REGIMES[:1], 0.0))
    assert [job.key for job in jobs] == [("cut", regime) for regime in REGIMES]
    for job in jobs:
        cut = job.shock.quotas[-1]
        assert cut.limit == pytest.approx(0.1 * quota_tonnes_base(solved.plan.benchmark, cut))
        assert cut.covers[0, 1:, solved.plan.benchmark.elements].all() and not cut.covers[1:].any()
    assert solved.plan.cut_jobs(cases | done("embargo", REGIMES, 0.0)) == []


def test_sectors_that_export_nothing_have_no_growth_of_exports(ds):
    """Whatever their ratio is, which nothing is measured by; their productivity counts."""
    result = drawn(ds, ["R1"])
    base = result["base_exports"].copy()
    cell = {"region": "R0", "sector": result["sector"].values[result["chain"].values == 0][0]}
    base.loc[cell] = 0.0
    none = result.assign(base_exports=base)
    changed = {}
    for name in ("exports_volume", "tfp_cost_saved"):
        moved = none[name].copy()
        moved.loc[cell] = 9.0
        changed[name] = (
            growth.slopes(none.assign({name: moved})).iloc[:, 1:] != growth.slopes(none).iloc[:, 1:]
        )
    assert not changed["exports_volume"].any(axis=None)
    assert changed["tfp_cost_saved"].any(axis=None)


def test_the_exposed_are_a_tenth():
    """Of the sectors that produce, outside the restricting regions and the chain."""
    benchmark, _ = world(2, Sizes(regions=5, ordinary=11))
    restricting = np.array([True, False, False, False, False])
    measure = np.random.default_rng(4).random(benchmark.output.shape)
    chosen = focus.exposed(benchmark, measure, restricting)
    cells = (benchmark.output > 0) & ~restricting[:, None] & ~focus.chain_sectors(benchmark)[None]
    assert cells.sum() == 44
    assert chosen.sum() == 5  # 0.9 of the way from the first to the last
    assert measure[chosen].min() > measure[cells & ~chosen].max()


@pytest.mark.parametrize("left_out", ["world", "restricting", "others"])
def test_a_result_that_lacks_a_group_is_refused(solved, left_out):
    groups = [name for name in solved.dataset["group"].values if name != left_out]
    with pytest.raises(InputError, match=f"group: lacks {left_out}"):
        intact.check(solved.dataset.sel(group=groups), "results.nc")


@pytest.mark.parametrize(
    ("up", "down", "said"),
    [
        (0.2, 0.05, "up faster than down"),
        (0.05, 0.2, "down faster than up"),
        (0.1, 0.1, "up as fast as down"),
    ],
)
def test_how_fast_technology_moves_is_told_as_the_scenario_has_it(calibration, up, down, said):
    benchmark = calibration.benchmark
    speeds = benchmark.parameters.replace(learning=up, forgetting=down)
    told = dict(
        closure.assumed(
            path_scenario(), benchmark.replace(parameters=speeds), calibration.labels, REGIMES, 2009
        )
    )
    assert f"a little every year, {said} (E21)" in told["Technology"]


STOCKS = """\
name: stocks
title: More than is used
question: Where does it go?
calibration: small
{time}
instruments:
  - type: stockpile
    name: stock
    regions: R1
    elements: E0
    initial: 1.0e6
    release: {{value: {tonnes}, unit: t, source: a test, status: analyst}}
  - type: recycling
    name: scrap
    regions: R1
    elements: E0
    tonnes: {{value: 0.25, unit: ratio, source: a test, status: analyst}}
    cost: {{value: 0.5, source: a test, status: analyst}}
assumptions: [{{text: A test.}}]
"""


@pytest.mark.parametrize("times", [0.95, 5.0])
@pytest.mark.parametrize("time", ["year: 2010", "horizon: path\nyears: 2009-2011"])
def test_a_stock_that_is_too_large_is_refused_in_its_own_unit_at_its_line(calibration, tmp_path, time, times):
    """It said "worth 0.339 million USD where 0.329 are used" of tonnes and shares that a file gives.

    Of five times what is used it said that the start is outside the model's domain.
    """
    use = float(tonnes_sold(calibration.benchmark)[:, 1, calibration.benchmark.elements[0]].sum())
    file = tmp_path / "stocks.yaml"
    file.write_text(STOCKS.format(time=time, tonnes=times * use), encoding="utf-8")
    given = scenarios.load(file, calibration)
    if given.horizon == "path":
        ready = plan.plan(given, calibration, regimes=("exogenous",), security=False, companion=False)
        found = labelled.label(ready, work.run(ready, InProcess()))
        why = found.failed["exogenous"]
        assert why.startswith("2009: ")
    else:
        ready = experiment.plan(given, calibration, regimes=("exogenous",), security=False)
        why = experiment.solve_plans([ready])[0].failed["exogenous"]
    assert f"{(times + 0.25) * use:,.5g} t ({times + 0.25:.3g} of base-year use)" in why and "USD" not in why
    lines = file.read_text(encoding="utf-8").splitlines()
    for field, number in (("release", 0), ("tonnes", 1)):
        (at,) = [n for n, line in enumerate(lines, 1) if line.startswith(f"    {field}:")]
        assert f"; {file}:{at}: instruments[{number}].{field}" in why
    assert located(given, "stalled") == "stalled"
