"""The closure in words: what a result takes as given is said, and changes when the scenario changes it."""

import json

import numpy as np
import pytest

import run
import scenarios
from calibration import available, strict_yaml
from calibration.errors import InputError
from outputs import intact, pipeline, report
from outputs.closure import DEFICITS, assumed, late_plant, numbers, years_amiss
from outputs.names import number
from outputs.report.build import html
from tests.outputs.conftest import scenario


def said(calibration, regimes=("exogenous", "directed"), **changes):
    """The closure of a scenario, by what each line is about."""
    one = scenario(**changes)
    lines = assumed(one, one.benchmark(calibration), calibration.labels, regimes, calibration.year)
    return {term.partition(" (")[0]: text for term, text in lines}


def quota(**changes):
    line = {
        "type": "export_quota",
        "name": "q",
        "origins": "R0",
        "elements": "all",
        "limit": {"value": 0.5, "unit": "ratio"},
    }
    return [line | changes]


def test_horizon_and_targets_are_said(calibration):
    held = said(calibration)
    assert "stands for 2010" in held["Time"]
    assert "at its target" in held["Technology"]
    assert held["Plant"].startswith("As in the base year")
    freed = said(calibration, at_target=["technology", "capacity"])
    assert freed["Plant"].startswith("At its target")
    assert freed["Technology"] == held["Technology"]
    short = said(calibration, horizon="short")
    assert "do not" in short["Time"]
    assert "no time" in short["Technology"]
    path = said(calibration, horizon="path", year=None, years="2009-2012")
    assert "2009-2012" in path["Time"]
    assert "E21" in path["Technology"]
    assert "E22" in path["Plant"]


def test_what_becomes_of_a_surplus_is_said(calibration):
    assert "Surplus" not in said(calibration)
    floored = said(calibration, parameters={"price_floor": {"E1": 0.4}})["Surplus"]
    assert "E1 0.400" in floored
    assert "E0" not in floored
    limit = {
        "type": "production_quota",
        "region": "R0",
        "elements": "all",
        "limit": {"value": 90, "unit": "%"},
    }
    assert "a millionth" in said(calibration, instruments=[limit])["Surplus"]


def test_that_nobody_pays_for_plant_that_follows_its_rent_is_said(calibration):
    """Its gain is in real income, its cost is not."""
    for free in ({"at_target": ["capacity"]}, {"horizon": "path", "years": "2010-2012", "year": None}):
        assert "costs nobody anything" in said(calibration, **free)["Plant"]
    assert "costs nobody anything" not in said(calibration)["Plant"]


def test_that_plant_which_was_paid_for_stops_as_other_plant_does_is_said(calibration):
    plant = {
        "type": "capacity_investment", "region": "R1", "stage": calibration.labels.stages[0], "spending": {"2010": 1},
        "build_time": 0, "capacity_cost": {"value": 1, "unit": "ratio", "source": "s", "status": "analyst"},
    }  # fmt: skip
    path = {"horizon": "path", "years": "2010-2012", "year": None}
    assert "capacity_exit: 0" in said(calibration, instruments=[plant], **path)["Plant that was paid for"]
    assert "Plant that was paid for" not in said(calibration, instruments=[plant])
    assert "Plant that was paid for" not in said(calibration, **path)


def test_a_shift_of_demand_says_what_real_income_is_measured_at(calibration):
    good = calibration.labels.goods[0]
    shift = {"type": "demand_shift", "regions": "R1", "goods": good, "multiplier": 1.2}
    assert "at the shifted demand" in said(calibration, instruments=[shift])["Demand"]
    assert "Demand" not in said(calibration)


def test_the_deficit_rule_is_that_of_the_run(calibration):
    assert said(calibration)["Trade deficits"] == DEFICITS["fixed"]
    moved = said(calibration, deficits="share_of_world_income")
    assert moved["Trade deficits"] == DEFICITS["share_of_world_income"]


def test_who_gets_the_rent_and_whether_quotas_leak(calibration):
    plain = said(calibration)["Quota rents"]
    assert plain.startswith("All stay in the region that exports")
    assert "nothing is smuggled" in plain
    shared = said(calibration, instruments=quota(rent_to_importer=0.3, leak_margin=2))["Quota rents"]
    assert "those of q goes to importers" in shared
    assert "licence price of q" in shared
    assert "goes to importers" not in said(calibration, instruments=quota(rent_to_importer=0))["Quota rents"]
    assert "Quota rents" not in said(calibration, instruments=[])


def test_how_factors_move_is_read_from_the_parameters(calibration):
    labels, kappa = calibration.labels, calibration.benchmark.parameters.factor_mobility
    text = said(calibration)["Factors of production"]
    assert text.count("moves freely") == int(np.isinf(kappa).sum()) > 0
    assert text.count(" stays") == int((kappa == 0).sum())
    slow = said(calibration, parameters={"factor_mobility": {labels.factors[0]: 1.5}})
    assert f"{labels.factors[0]} moves with elasticity 1.5" in slow["Factors of production"]


def test_scientists_only_where_there_is_research(calibration):
    assert "same sector" in said(calibration)["Scientists"]
    assert "Scientists" not in said(calibration, regimes=("exogenous",))
    assert "directed" not in said(calibration, regimes=("exogenous",))["Technology"]


def test_a_run_and_its_report_say_it(runs):
    run = report.from_folder(runs.folders[0])
    lines = json.loads(run.ds.attrs["assumed"])
    page = html([run])
    for term, text in lines:
        assert f"<dt>{term}</dt><dd>{text.replace(chr(39), '&#39;')}</dd>" in page
    assert {"Time", "Technology", "Trade deficits"} <= {term for term, _ in lines}


def test_what_no_run_writes_there_is_refused(runs):
    found = report.from_folder(runs.folders[0]).dataset
    for wrong in ([["one"]], [["a", "b", "c"]], ["text"], [["a", ["b"]]]):
        with pytest.raises(InputError, match="row of 2 texts"):
            intact.check(found.assign_attrs(assumed=json.dumps(wrong)), "x.nc")
    intact.check(found, "x.nc")


def test_every_shipped_scenario_has_a_closure_in_words(calibration):
    for name in scenarios.available():
        one = scenarios.load(name)
        labels = calibration.labels
        lines = assumed(one, calibration.benchmark, labels, one.regimes, int(one.span[0] or 2009))
        assert len(lines) == len({term for term, _ in lines})
        assert all(text.endswith(".") and len(text) > 20 for _, text in lines), name


def test_numbers_have_units_status_and_source(calibration, runs):
    stock = {"type": "stockpile", "name": "s", "regions": "R1", "elements": "E0", "purchase": 30}
    one = scenario(instruments=[*quota(rent_to_importer=0.25), stock])
    found = {name: rest for name, *rest in numbers(one)}
    assert found["q.limit"] == ["50 %", "", ""]
    assert found["q.rent_to_importer"] == ["25 %", "", ""]  # a plain number is in its field's own unit
    assert found["s.purchase"] == ["30 t", "", ""]
    assert {row[0]: row[1:] for row in numbers(scenario())}["quota.limit"] == ("60 %", "analyst", "a test")
    dated = scenario(
        horizon="path",
        year=None,
        years="2009-2012",
        instruments=quota(limit={"linear": {2010: 90, 2012: 60}, "unit": "%"}),
    )
    assert [row[1] for row in numbers(dated)] == ["90 % in 2010", "60 % in 2012"]
    page = html([report.from_folder(runs.folders[0])])
    assert (
        '<th scope="row">quota.limit</th><td class="number">60 %</td><td><span class="softmark">analyst</span>'
        in page
    )


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"year": 2008}, "2008 is before the base year of small, 2009"),
        ({"year": 2009}, ""),
        ({"year": 2039}, ""),
        ({"year": 2040}, "2040 is 31 years after the base year"),
        ({"horizon": "path", "year": None, "years": "2000-2100"}, "2000 is before the base year"),
        ({"horizon": "path", "year": None, "years": "2009-2100"}, "2100 is 91 years after the base year"),
        ({"year": None}, ""),
    ],
)
def test_years_that_do_not_go_with_the_base_year_are_said(calibration, changes, text, capsys):
    one = scenario(**changes)
    assert text in years_amiss(one, calibration.year)
    assert bool(years_amiss(one, calibration.year)) == bool(text)
    assert text in said(calibration, **changes).get("Years", "")
    pipeline.warn_of_years(one, calibration)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"cut: {text}") if text else err == ""


@pytest.mark.parametrize(
    ("build_time", "until", "told"),
    [(2, 2012, "mine in 2011 and 2012"), (1, 2012, "mine in 2012"), (0, 2012, ""), (2, 2010, "")],
)
def test_outlays_for_plant_that_is_ready_after_the_last_year_are_said(
    calibration, build_time, until, told, capsys
):
    """Of outlays from 2010 on, in a path that ends in 2012."""
    line = {
        "type": "capacity_investment", "name": "mine", "region": "R1", "stage": calibration.labels.stages[0],
        "spending": 10, "from": 2010, "until": until, "build_time": build_time,
        "capacity_cost": {"value": 2, "unit": "ratio", "source": "made up", "status": "analyst"},
    }  # fmt: skip
    changes = {"horizon": "path", "year": None, "years": "2009-2012", "instruments": [line]}
    text = late_plant(scenario(**changes))
    assert bool(text) == bool(told)
    assert told in text
    assert said(calibration, **changes).get("Late plant", "") == text
    pipeline.warn_of_years(scenario(**changes), calibration)
    assert told in capsys.readouterr().err
    assert not late_plant(scenario())


def test_shipped_scenarios_go_with_their_base_years():
    of = {name: int(strict_yaml.load(path).data.get("year", 0)) for name, path in available().items()}
    for name in scenarios.available():
        one = scenarios.load(name)
        assert not years_amiss(one, of[one.calibration]), name


def test_the_facts_of_2009_are_not_held_against_another_base_year(capsys):
    assert run.guarded(["validate", "--calibration", "world-2024"]) == 2
    assert "its base year is 2024; expected one of 2009" in capsys.readouterr().err


def test_base_year_rates_that_a_rate_replaces_are_said(calibration):
    line = {"type": "export_tax", "name": "duty", "origins": "R0", "destinations": "R1", "elements": ["E0"]}
    base = calibration.benchmark.export_tax[0, 1, calibration.labels.goods.index("E0")]
    assert base > 0
    text = said(calibration, instruments=[{**line, "rate": 0.4}])["Rates replaced"]
    assert text.startswith(f"duty takes the place of {number(100 * base)} % in the base year")
    wide = {**line, "origins": "all", "destinations": "all", "elements": "all", "rate": 0.4}
    traded = (calibration.benchmark.trade_share > 0).any(axis=0)[..., calibration.benchmark.elements]
    rates = calibration.benchmark.export_tax[..., calibration.benchmark.elements]
    rates = rates[traded & ~np.eye(3, dtype=bool)[..., None]]
    low, high = number(100 * rates.min()), number(100 * rates.max())
    assert f"{low} to {high} %" in said(calibration, instruments=[wide])["Rates replaced"]
    assert "Rates replaced" not in said(calibration, instruments=[{**line, "add": 0.4}])
    assert "Rates replaced" not in said(calibration, instruments=quota())
