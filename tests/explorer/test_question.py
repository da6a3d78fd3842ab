"""From the controls to a scenario, and from it to numbers: the same as the command line's."""

import math
from pathlib import Path

import numpy as np
import pytest
import yaml

import calibration
import scenarios
from calibration.errors import InputError
from outputs import explorer, facts, pricefacts
from outputs.experiment import plan, solve_plans
from outputs.explorer import question, state
from outputs.explorer.answer import Answers
from outputs.explorer.state import State
from outputs.names import signed

CHANGES = {
    "as in the file": {},
    "cut": {"cut": 43.0},
    "no cut": {"cut": 0.0},
    "substitution": {"substitution": 1.3},
    "research": {"research": 0.5},
    "capacity": {"capacity": 4.0},
    "military": {"military": 2.0},
    "short": {"horizon": "short"},
    "all at once": {
        "scenario": "full-embargo",
        "cut": 60.0,
        "substitution": 0.8,
        "capacity": 2.0,
        "military": 0.7,
    },
}


@pytest.fixture(scope="module")
def base():
    return calibration.load("china-2009")


@pytest.fixture(scope="module")
def answers():
    return Answers()


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_is_exported_solves_to_what_is_shown(change, base, answers):
    answer = answers(State(regime="directed", region="USA", **change))
    scenario = scenarios.parse(
        answer["yaml"], base
    )  # as `run.py solve` reads it: cold start, every table anew
    result = solve_plans([plan(scenario, base, decompose=False, security=False)])[0]
    ds = facts.one_scenario(result.dataset)
    prices = pricefacts.table(ds, "directed").set_index("element")
    for row in answer["prices"]:
        assert row["abroad"]["text"] == signed(prices.loc[row["symbol"], "abroad, change [%]"])
        assert row["home"]["text"] == signed(prices.loc[row["symbol"], "home, change [%]"])
    income = facts.real_income(ds).set_index("region")["directed [million USD]"]
    for row in answer["income"]:
        assert row["usd"]["value"] == pytest.approx(income[row["id"]], rel=1e-6, abs=1e-6)
    exports = facts.by_sector(ds, "directed").set_index(["region", "sector"])["exports, volume [%]"]
    for row in answer["sectors"]:
        assert row["exports"]["value"] == pytest.approx(exports["USA", row["id"]], rel=1e-6, abs=1e-8)


def test_as_in_the_file_is_the_file(base):
    text = question.text(State(regime="directed"), base)
    data, shipped = (
        yaml.safe_load(text),
        yaml.safe_load(scenarios.available()["china-2010-quota"].read_text()),
    )
    assert data["instruments"] == shipped["instruments"]
    assert data.keys() - shipped.keys() == {"regimes"}


def test_a_cut_leaves_the_rest_of_base_tonnes(answers):
    headline = {row["label"]: row["value"] for row in answers(State(cut=30.0))["headline"]}
    assert headline["Licence price, quota-2010"] > 0
    assert answers(State(cut=30.0))["cut"] == pytest.approx(30)
    assert answers(State(cut=0.0))["headline"][0]["value"] == pytest.approx(0, abs=1e-6)


def test_the_price_abroad_is_named_for_what_it_is(answers):
    """Where nothing is exported the chart was titled "at the border with licence and tax"."""
    assert answers(State(cut=50.0))["abroad"] == "at the border, export tax and licence in it"
    stopped = answers(State(cut=100.0))["abroad"]
    assert stopped.endswith("exports no oxides any more; what others pay, wherever they are from")
    page = Path(explorer.__file__).parent / "page" / "explorer.js"
    assert "and abroad: ${answer.abroad}" in page.read_text(encoding="utf-8")


def test_controls_move_what_they_name(answers):
    def abroad(**change):
        return answers(State(regime="exogenous", cut=40.0, horizon="short", **change))["headline"][0]["value"]

    plain = abroad()
    assert abroad(substitution=1.5) < plain < abroad(substitution=0.6)
    assert abroad(capacity=5.0) < plain
    assert abroad(military=3.0) > plain


@pytest.mark.parametrize("multiple", [1.5, 4.0])
def test_more_capacity_is_a_multiple_of_what_there_was(multiple, base):
    shock = scenarios.parse(question.text(State(capacity=multiple, horizon="short"), base), base).shock(base)
    labels, b = base.labels, base.benchmark
    china, elsewhere = labels.regions.index("CHN"), 0
    for stage in ("ree_mining", "ree_separation"):
        at = labels.stages.index(stage)
        there = b.output[:, b.stage_sector[at]] > 0
        there[china] = False
        elsewhere += there.sum()
        assert np.exp(shock.capacity[there, at]) == pytest.approx(multiple, rel=1e-9)
        assert (shock.capacity[~there, at] == 0).all()
    assert elsewhere > 2


def test_research_at_zero_is_fixed_technology(answers):
    without = answers(State(regime="directed", research=0.0))
    fixed = answers(State(regime="exogenous"))
    assert without["headline"][0]["text"] == fixed["headline"][0]["text"]
    assert without["research"] == []


def test_the_first_year_of_a_path_is_the_short_run(answers, monkeypatch):
    path = answers(State(horizon="path", years=1, regime="directed", cut=30.0))
    short = answers(State(horizon="short", regime="directed", cut=30.0))
    assert path["solved"]
    world = answers.worlds["china-2009"]
    first = next(reversed(world.paths.values()))[0]
    assert first.licence["quota-2010"] == pytest.approx(short["headline"][2]["value"], rel=1e-8)
    # A path that is known is not solved again.
    monkeypatch.setattr("outputs.explorer.answer.simulate", None)
    assert (
        answers(State(horizon="path", years=1, regime="directed", cut=30.0))["headline"] == path["headline"]
    )


def test_a_technology_that_feeds_on_itself_is_said_not_drawn(answers):
    answer = answers(State(scenario="examples/research-subsidy", research=1.5))
    assert answer["solved"] is False
    assert "unstable" in answer["message"]


def test_a_path_on_which_technology_does_not_settle_is_said_not_drawn(answers):
    answer = answers(
        State(scenario="examples/research-subsidy", horizon="path", years=1, regime="directed", research=1.5)
    )
    assert answer["solved"] is False
    assert "feeds on itself" in answer["message"]


@pytest.mark.slow
def test_every_offered_scenario_can_be_shown(answers):
    for name in question.offered():
        answer = answers(State(scenario=name, regime="exogenous"))
        assert answer["solved"], answer["message"]
        assert all(math.isfinite(row["value"]) for row in answer["headline"])


HOSTILE = {
    "not a number": b'{"cut": NaN}',
    "without end": b'{"cut": Infinity}',
    "too large a number": b'{"research": 1e999}',
    "huge whole number": b'{"years": 99999999999999999999999999}',
    "beyond the slider": b'{"cut": 101}',
    "text for a number": b'{"cut": "40"}',
    "truth for a number": b'{"years": true}',
    "a path": b'{"scenario": "../../pyproject"}',
    "an absolute path": b'{"scenario": "/etc/passwd"}',
    "a script": b'{"region": "<script>alert(1)</script>"}',
    "an unknown key": b'{"__class__": 1}',
    "a list": b"[1, 2]",
    "nothing": b"",
    "no JSON": b"{cut: 1}",
    "deep": b"[" * 2000,
    "not UTF-8": b'{"region": "\xff"}',
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_hostile_states_are_refused(body):
    with pytest.raises(InputError) as error:
        question.shipped(state.read(body).scenario)
    assert len(str(error.value)) < 1500


@pytest.mark.parametrize("field", ["region", "sector"])
def test_unknown_labels_are_refused(field, answers):
    with pytest.raises(InputError, match=f"unknown {field} 'Atlantis'"):
        answers(State(**{field: "Atlantis"}))
