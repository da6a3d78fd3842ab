"""Bad scenarios: every problem at once, with line and nearest name, and never a traceback."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scenarios
from calibration.errors import InputError
from scenarios import base_year, sweeps
from scenarios.common import Instrument
from scenarios.reference import KINDS
from scenarios.spoken import meant

HEAD = """\
name: t
title: t
question: q
calibration: small
"""


def problems(text: str, world: Any = None) -> list[str]:
    with pytest.raises(InputError) as error:
        scenarios.parse(text, world)
    return [str(problem) for problem in error.value.problems]


def test_every_problem_of_a_file_is_reported_at_once_with_its_line(world: SimpleNamespace) -> None:
    found = problems(
        HEAD
        + """\
horizon: path
years: 2009-2015
coalitions: {quad: [USA, JPM]}
instruments:
  - type: export_quota
    origins: [CHN, Chna]
    elements: [La, Dyy]
    limit: {2010: 5000, 2011: {value: 3, status: sene}}
  - type: export_tax
    origins: CNH
    elements: heavi
    rate: 25
  - type: exporttax
    rate: 1
  - type: capacity_investment
    region: AUS
    stage: magnet
    spending: {value: 3, unit: EUR}
    capacity_cost: {value: 30, unit: USD/t, source: x, status: analyst}
    build_time: 2
  - type: friction
    from: 2020
    origins: CHN
    elements: all
    cost: 0.1
parameters: {ree_elasticty: 3, ree_elasticity: {magnet: 0.3, services: -2}}
""",
        world,
    )
    expected = [
        ("7: coalitions.quad[1]: unknown region 'JPM'", "did you mean JPN?"),
        ("10: instruments[0].origins[1]: unknown region 'Chna'", "did you mean CHN?"),
        ("11: instruments[0].elements[1]: unknown element 'Dyy'", "did you mean Dy?"),
        ("12: instruments[0].limit[2011].status: got text 'sene'", "did you mean seen?"),
        ("14: instruments[1].origins: unknown region 'CNH'", "did you mean CHN?"),
        ("15: instruments[1].elements: unknown element 'heavi'", "did you mean heavy?"),
        ("16: instruments[1].rate: got the number 25.0", "unit: '%'"),
        ("17: instruments[2].type: got text 'exporttax'", "did you mean export_tax?"),
        ("21: instruments[3].stage: unknown stage 'magnet'", "did you mean magnets?"),
        ("22: instruments[3].spending.unit: got text 'EUR'", "million USD"),
        ("25: instruments[4]: is in force in no year of the scenario (2009-2015)", ""),
        ("30: parameters.ree_elasticty: unknown parameter", "did you mean ree_elasticity?"),
        ("30: parameters.ree_elasticity.magnet: unknown sector", "did you mean magnets?"),
        ("30: parameters.ree_elasticity.services: got the number -2", "from 0 to 20"),
    ]
    for start, end in expected:
        assert any(line.startswith(f"<scenario>:{start}") and end in line for line in found), start
    places = [int(line.split(":")[1]) for line in found]
    assert places == sorted(places)


QUOTA = "instruments:\n  - {type: export_quota, origins: CHN, elements: all, limit: %s}\n"
PATH = "horizon: path\nyears: 2009-2012\n"
TWICE = (
    "instruments:\n  - {type: embargo, elements: all, name: a}\n  - {type: embargo, goods: all, name: a}\n"
)
PLANT = (
    "year: 2012\ninstruments:\n"
    "  - {type: capacity_investment, region: USA, stage: ree_mining, from: 2009, spending: 5, "
    "build_time: 1, capacity_cost: {value: 9, unit: USD/t, source: s, status: analyst}}\n"
)
STOCK = "instruments:\n  - {type: stockpile, regions: JPN, elements: Dy, %s}\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (QUOTA % "-5", "0 or more"),
        (QUOTA % "0.6", "unit: ratio"),
        (QUOTA % "{value: 30258, unit: tons}", "one of t, kt, ratio, %"),
        (QUOTA % "{value: 3, steps: {2010: 3}}", "has value and steps"),
        (QUOTA % "{unit: t}", "has no number"),
        (QUOTA % "30258 t", "instruments[0].limit: got text '30258 t'"),
        (QUOTA % "{10: 30258}", "[10]"),
        (QUOTA % "{2010: 30258, 2011: many}", "limit[2011]: got text 'many'"),
        (QUOTA % "{2011: 30258}", "has years, but the scenario has none"),
        ("year: 2010\n" + QUOTA % "{2011: 30258}", "is in force in no year of the scenario (2010)"),
        ("horizon: path\n", "a path needs years"),
        (PLANT, "instruments[0]: builds plant that changes nothing: in the long run all plant is at its target"),
        ("at_target: [capacity]\n" + PLANT, "expected horizon: short or path, or at_target: [technology]"),
        ("years: 2009-2012\n", "5: years: belong to horizon: path"),
        ("horizon: path\nyears: 2012-2009\n", "6: years: got text '2012-2009'"),
        ("horizon: path\nyears: 2009-2012\nyear: 2010\n", "7: year: a path has no single year"),
        ("horizon: medium\n", "one of short, long, path"),
        ("regimes: []\n", "regimes"),
        ("regimes: [directd]\n", "did you mean directed?"),
        ("compare_with: no-schock\n", "did you mean no-shock?"),
        ("tax_equivalent_of: full-embargo\n", "full-embargo has no export quota"),
        ("tax_equivalent_of: china-2010-tax-equivalent\n", "borrows its quotas itself"),
        ("coalitions: {all: [USA]}\n", "a group already"),
        ("instruments:\n  - {type: embargo, origins: CHN}\n", "names no goods"),
        ("instruments:\n  - {type: tariff, elements: all}\n", "either rate: or add:"),
        ("instruments:\n  - {type: tariff, elements: all, rate: 1, add: 1}\n", "either rate: or add:"),
        ("instruments:\n  - {type: embargo, goods: all, from: 2012, until: 2010}\n", "until 2010 is before from 2012"),
        ("instruments:\n  - {type: embargo, elements: all, name: Bad Name}\n", "instruments[0].name"),
        (QUOTA % "5", "or unit: t if it is meant so"),
        (QUOTA % "50%", 'did you mean value: 50 and unit: "%"?'),
        (QUOTA % "'30258'", "did you mean 30258 without quotes?"),
        (QUOTA % "30258 t", 'did you mean value: 30258 and unit: "t"?'),
        (QUOTA % "{value: 30_258}", "did you mean 30258?"),
        (QUOTA % "{value: 1,000, unit: t}", "one thousand is 1000"),
        (QUOTA % "{value: 30258, status: seen}", "limit: a number with status seen has no source"),
        (QUOTA % "{value: 30258, source: WSJ}", "limit: a number with a source has no status"),
        (QUOTA % "{2010: 30258, 2011: {value: 1e4, status: computed}}", "status computed has no source"),
        ("title: A quota: what then\n", 'text that has ": " in it in quotes'),
        (QUOTA % "{value: 50, unit: %}", 'text that begins with % in quotes: "%"'),
        ("regimes: [fixed]\n", "regimes[0]: got text 'fixed'; expected its name here: exogenous"),
        ("regimes: ['+ spillovers']\n", "its name here: directed_with_spillovers"),
        ("horizon: path\nyears: 2010\n", "years: got the number 2010; expected two years such as 2009-2018"),
        ("horizon: path\nyears: 2010-2500\n", "years from 1900 to 2200"),
        ("horizon: path\nyears: 2012-2009\n", "the first year first: 2009-2012"),
        ("instruments:\n  - {type: embargo, elements: all, from: 2010-01-01}\n", "did you mean 2010?"),
        ("instruments:\n  - {type: embargo, elements: dysprosium}\n", "did you mean Dy?"),
        ("instruments:\n  - {type: embargo, elements: all, origins: China}\n", "did you mean CHN?"),
        (TWICE, "7: instruments[1].name: name a is that of instruments[0], too"),
        (TWICE, "is that of instruments[0], too"),
        (STOCK % "initial: 5", "purchase: or release:"),
        (STOCK % "release: 5", "sells 5 t more than is held"),
        (PATH + STOCK % "purchase: {2009: 5, 2010: 0}, release: {2011: 3}", "1 t more than is held in 2012"),
        ("instruments: {type: embargo}\n", "a list"),
        ("instruments:\n  - embargo\n", "instruments[0]"),
        ("parameters: {breadth: NO}\n", "got text 'NO'"),
        ("parameters: {learning: 1.5}\n", "from 0 to 1"),
        ("parameters: {spillover_region: 1}\n", "unknown parameter"),
        ("parameters: {research_closure: sectors}\n", "did you mean"),
        ("parameters: {build_time: 1.5}\n", "a whole number"),
        ("parameters: {price_floor: 1.2}\n", "from 0 to 1"),
        ("parameters: {price_floor: {Laa: 0.5}}\n", "5: parameters.price_floor.Laa: unknown element 'Laa'"),
        ("parameters: {breadth: {a: 1}}\n", "a number"),
        ("parameters: {ree_elasticity: {magnets: {x: 1}}}\n", "more labels than the parameter has axes"),
        ("parameters: {ree_elasticity.magnts: 0.2}\n", "5: parameters.ree_elasticity.magnts: unknown sector 'magnts'"),
        ("parameters: {ree_elasticity.magnets: 90}\n", "5: parameters.ree_elasticity.magnets: got the number 90"),
        ("parameters: {ree_elasticity.magnets: {value: 90}}\n", "ree_elasticity.magnets.value: got the number 90"),
        ("parameters: {ree_elasticity.magnets.x: 1}\n", "magnets.x: has more labels than the parameter has axes"),
        ("parameters: {spillover.CHN: {Q: 3}}\n", "parameters.spillover.CHN.Q: unknown technology 'Q'"),
        ("parameters: {spillover.CHM.Q: 3}\n", "parameters.spillover.CHM.Q: unknown region 'CHM'"),
        ("parameters: {spillover.CHM.Q: 3}\n", "parameters.spillover.CHM.Q: unknown technology 'Q'"),
        ("parameters: {breadth.magnets: 3}\n", "breadth.magnets: has more labels than the parameter has axes"),
        ("parameters: {research_closure.CHN: region}\n", "has more labels than the parameter has axes; expected none"),
        ("instruments:\n  - {type: friction, elements: all, cost: .nan}\n", ".nan is not allowed"),
        ("name: NO\nname: x\n", "repeated key"),
    ],
)  # fmt: skip
def test_one_clear_message(text: str, message: str, world: SimpleNamespace) -> None:
    found = problems(HEAD + text, world)
    assert any(message in line for line in found), found


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "{type: export_quota, goods: chemicals, limit: 500}",
            "chemicals has no price per kg in the calibration",
        ),
        (
            "{type: export_quota, goods: [chemicals, Dy], weight: reo, limit: 500}",
            "chemicals has no rare-earth content",
        ),
        ("{type: embargo, origins: CHN, destinations: CHN, elements: all}", "covers no trade"),
        ("{type: embargo, origins: {all_but: all}, elements: all}", "covers no region"),
        ("{type: embargo, elements: {all_but: elements}}", "covers no element"),
        ("{type: stockpile, regions: ROW, elements: Dy, purchase: 5}", "none of the goods is used there"),
        (
            "{type: demand_shift, regions: USA, elements: Dy, multiplier: 2}",
            "none of the goods is bought by final demand",
        ),
        ("{type: production_quota, region: AUS, goods: magnets, limit: 500}", "AUS makes none of the goods"),
    ],
)
def test_what_the_calibration_cannot_do(line: str, message: str, world: SimpleNamespace) -> None:
    assert any(message in text for text in problems(f"{HEAD}instruments:\n  - {line}\n", world))


@pytest.mark.parametrize("head", ["horizon: short\n", "at_target: [technology]\n", "at_target: []\n"])
def test_plant_counts_where_capacity_is_not_at_its_target(world: SimpleNamespace, head: str) -> None:
    shock = scenarios.parse(HEAD + head + PLANT, world).shock(world)
    assert np.count_nonzero(shock.capacity) == 1


def test_an_investment_where_nothing_is_names_where_something_is(world: SimpleNamespace) -> None:
    text = f"""{HEAD}year: 2012
horizon: short
instruments:
  - type: capacity_investment
    region: AUS
    stage: magnets
    spending: {{2010: 5}}
    capacity_cost: {{value: 1, unit: ratio, source: s, status: analyst}}
    build_time: 1
"""
    (found,) = problems(text, world)
    assert "AUS has no magnets in the base year" in found
    assert "expected one of CHN, JPN, USA, ROW" in found


def test_a_missing_file_and_an_unknown_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        scenarios.load(tmp_path / "none.yaml")
    with pytest.raises(InputError, match="did you mean full-embargo"):
        scenarios.load("full-embarg")


def test_names_in_a_borrowed_scenario_are_reported_in_its_own_file(
    tmp_path: Path, world: SimpleNamespace
) -> None:
    line = "instruments:\n  - {type: export_quota, origins: CNH, elements: all, limit: 500}\n"
    tmp_path.joinpath("quota.yaml").write_text(HEAD + line)
    tmp_path.joinpath("tax.yaml").write_text(HEAD + "tax_equivalent_of: quota\n")
    with pytest.raises(InputError) as error:
        scenarios.load(tmp_path / "tax.yaml", world)
    (problem,) = error.value.problems
    assert Path(problem.file).name == "quota.yaml"
    assert problem.line == 6


WORDS = st.sampled_from(["all", "CHN", "Dy", "%", "2010"])
NUMBERS = st.one_of(st.integers(-5, 3000), st.floats(allow_nan=False, allow_infinity=False))
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, st.text(max_size=8), WORDS)
KEYS = st.one_of(
    st.text(max_size=6), st.sampled_from(["value", "unit", "steps", "linear", "all_but", "2010"])
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=6,
)
FIELDS = sorted({info.alias or name for kind in KINDS for name, info in kind.model_fields.items()} - {"type"})
LINES = st.dictionaries(st.sampled_from(FIELDS), ANYTHING, max_size=5)
TYPES = st.sampled_from([kind.model_fields["type"].annotation.__args__[0] for kind in KINDS])
PARTS = st.sampled_from(["year", "years", "horizon", "parameters", "groups", "coalitions", "regimes"])


@given(TYPES, LINES, st.dictionaries(PARTS, ANYTHING, max_size=2))
def test_whatever_stands_in_a_file_gives_a_scenario_or_an_input_error(
    world: SimpleNamespace, kind: str, line: dict[str, Any], head: dict[str, Any]
) -> None:
    frame = {"name": "t", "title": "t", "question": "q", "calibration": "small"}
    try:
        scenario = scenarios.parse(frame | {"instruments": [{"type": kind, **line}]} | head, world)
    except InputError:
        return
    for year in scenario.span:
        scenario.shock(world, year)


def test_every_kind_of_instrument_says_what_it_does() -> None:
    for kind in KINDS:
        assert issubclass(kind, Instrument)
        assert kind.summary.endswith(".")
        assert kind.overlap.endswith(".") or kind.overlap.endswith("far.")


def test_a_stock_by_years_in_a_scenario_without_years() -> None:
    """Found by fuzzing: what is held could not be counted."""
    line = {
        "type": "stockpile",
        "regions": "JPN",
        "elements": "all",
        "purchase": {2010: 100},
        "release": {2013: 150},
    }
    data = {"name": "x", "title": "t", "question": "q", "calibration": "china-2009", "horizon": "path"}
    with pytest.raises(InputError, match="a path needs years"):
        scenarios.parse({**data, "instruments": [line]})


def test_a_limit_below_ten_tonnes_is_believed_where_its_unit_is_written(world: SimpleNamespace) -> None:
    scenarios.parse(HEAD + QUOTA % "{value: 5, unit: t}", world)
    assert len(problems(HEAD + QUOTA % "5", world)) == 1


def test_members_that_are_wrong_do_not_make_a_list_too_short(world: SimpleNamespace) -> None:
    assert [line for line in problems(HEAD + "regimes: [directd]\n", world) if "or more" in line] == []
    assert any("1 or more" in line for line in problems(HEAD + "regimes: []\n", world))


def test_an_unknown_region_is_not_said_to_do_no_research(world: SimpleNamespace) -> None:
    line = "instruments:\n  - {type: research_subsidy, regions: %s, technologies: Dy, rate: 0.2}\n"
    (found,) = problems(HEAD + line % "Japn", world)
    assert "did you mean JPN?" in found


def test_a_share_of_exports_that_are_none_is_no_limit(world: SimpleNamespace, monkeypatch: Any) -> None:
    sold = base_year.tonnes_sold(world.benchmark).copy()
    sold[0] = 0
    monkeypatch.setattr(base_year, "tonnes_sold", lambda benchmark: sold)
    (found,) = problems(HEAD + QUOTA % "{value: 50, unit: '%'}", world)
    assert "instruments[0].limit: a share of nothing" in found
    scenarios.parse(HEAD + QUOTA % "{value: 50, unit: t}", world)


def test_a_sweep_is_no_scenario_and_a_scenario_no_sweep(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="elasticities-2010 is a sweep; expected"):
        scenarios.load("elasticities-2010")
    with pytest.raises(InputError, match="china-2010-quota is a scenario; expected"):
        sweeps.load("china-2010-quota")
    with pytest.raises(InputError, match="is a folder; expected a scenario by name"):
        scenarios.load(tmp_path)


TAX = "instruments:\n  - {type: export_tax, elements: all, rate: %s}\n"


@pytest.mark.parametrize(
    ("rate", "message"),
    [
        ("15", "<scenario>:8: instruments[0].rate: a rate of 15 is 1,500 %; expected {value: 15, unit: '%'}, or"),
        ("{value: 15}", "instruments[0].rate.value: a rate of 15 is 1,500 %"),
        ("{2010: 0.1, 2011: 2.5}", "instruments[0].rate[2011]: a rate of 2.5 is 250 %"),
        ("2", ""), ("1.45", ""), ("{value: 15, unit: '%'}", ""), ("{value: 1000, unit: '%'}", ""),
        ("{value: 15, unit: ratio}", ""),
    ],
)  # fmt: skip
def test_a_rate_above_200_per_cent_says_its_unit(rate: str, message: str) -> None:
    text = HEAD + PATH + TAX % rate
    if message:
        assert any(message in line for line in problems(text))
    else:
        scenarios.parse(text)


RECYCLED = "  - {type: recycling, regions: JPN, elements: Dy, cost: 0.5, tonnes: %s}\n"


@pytest.mark.parametrize(
    ("amounts", "line"),
    [
        (["{value: 250, unit: '%'}"], 6), (["{value: 1, unit: ratio}"], 6), (["400000"], 6),
        (["{value: 60, unit: '%'}", "{value: 50, unit: '%'}"], 7),
        (["{value: 99, unit: '%'}"], None), (["{value: 60, unit: '%'}", "{value: 30, unit: '%'}"], None),
    ],
)  # fmt: skip
def test_no_more_is_recycled_than_is_used(
    world: SimpleNamespace, amounts: list[str], line: int | None
) -> None:
    text = "instruments:\n" + "".join(RECYCLED % each for each in amounts)
    if line is None:
        scenarios.parse(HEAD + text, world)
        return
    (found,) = problems(HEAD + text, world)
    assert found.startswith(f"<scenario>:{line}: instruments[{len(amounts) - 1}].tonnes: all of the ")
    assert "t of Dy used in JPN in the base year would be recycled, or more; expected less than all" in found


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("EU", "DEU and REU"), ("EU27", "DEU and REU"), ("European Union", "DEU and REU"), ("UK", "REU"),
        ("Myanmar", "ROW"), ("Germany", "DEU"), ("US", "USA"), ("alies", "allies"), ("Utopia", ""),
    ],
)  # fmt: skip
def test_what_regions_are_called_leads_to_all_that_is_meant(name, label):
    """The rest of the EU alone would leave out Germany."""
    regions = ("CHN", "JPN", "USA", "DEU", "REU", "AUS", "ROW", "allies")
    assert meant(name, regions) == label


def test_a_region_of_all_of_the_eu_is_meant_where_there_is_one():
    assert meant("EU", ("CHN", "USA", "EUR")) == "EUR"
