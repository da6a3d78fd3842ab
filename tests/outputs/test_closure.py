"""The closure in words: what a result takes as given is said, and changes when the scenario changes it."""

import json

import numpy as np
import pytest

import scenarios
from calibration.errors import InputError
from outputs import intact, report
from outputs.closure import DEFICITS, assumed, numbers
from outputs.report.build import html
from tests.outputs.conftest import scenario


def said(calibration, regimes=("exogenous", "directed"), **changes):
    """The closure of a scenario, by what each line is about."""
    one = scenario(**changes)
    lines = assumed(one, one.benchmark(calibration), calibration.labels, regimes)
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
        lines = assumed(one, calibration.benchmark, labels, one.regimes)
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
