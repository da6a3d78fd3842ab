"""Several mistakes in one file, of its structure, its names and its values: all are told at once, and nothing else."""

from __future__ import annotations

import json
import random
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import calibration
import scenarios
from calibration import strict_yaml
from calibration.errors import InputError
from calibration.strict_yaml import Document
from calibration.validate import read
from scenarios import library, sweeps
from scenarios.reference import KINDS
from scenarios.scenario import Scenario
from scenarios.sweeps.design import Design
from scenarios.sweeps.gathering import STAND_INS
from scenarios.sweeps.study import prepare
from tests import mistakes

EACH = 2
LOADED = cache(calibration.load)


def loaded(scenario: Scenario) -> Any:
    return LOADED(library.calibration_file(scenario))


LAYERS = """\
name: t
title: t
question: q
calibration: %s
yeers: 2009-2015
horizon: path
coalitions: {quad: [USA, JPM], allies: JPN}
parameters: {ree_elasticity: {magnet: -1}, breath: 2, trade_elasticity: 1000}
instruments:
  - type: export_quta
    origins: CHM
    elements: [Nd, Dz]
    form: 2010
    limit: 30258
  - {type: stockpile, regions: [quad, allies], elements: Dy, release: plenty}
  - {type: production_subsidy, regions: allies, sectors: ree_minning, rte: 1.5}
  - {type: use_subsidy, regions: [JPN], elements: Dy, rate: 1.5, until: 2008}
  - nothing
  - {typ: recycling, regions: USB, goods: [magnets, 5, gold], tonnes: {value: -5, unti: t}, cost: 900}
  - {type: capacity_investment, region: AUS, stage: magnet, spending: {value: 3, unit: EUR}, build_time: 2.5,
     capacity_cost: {value: 30, unit: USD/t, source: x}, from: 2010}
"""
WITHOUT_CALIBRATION = {
    "yeers", "coalitions.allies", "parameters.ree_elasticity.magnet", "parameters.breath",
    "parameters.trade_elasticity", "instruments[0].type", "instruments[0].form", "instruments[1].release",
    "instruments[2].rte", "instruments[3].rate", "instruments[3]", "instruments[4]", "instruments[5].typ",
    "instruments[5].goods[1]",
    "instruments[5].tonnes.value", "instruments[5].tonnes.unti", "instruments[5].cost", "instruments[6].spending.unit",
    "instruments[6].build_time", "instruments[6].capacity_cost.status",
}  # fmt: skip
WITH_CALIBRATION = {
    "coalitions.quad[1]", "instruments[0].origins", "instruments[0].elements[1]", "instruments[2].sectors",
    "instruments[5].regions", "instruments[5].goods[2]", "instruments[6].stage",
}  # fmt: skip


def places(text: str, world: Any) -> list[str]:
    with pytest.raises(InputError) as error:
        scenarios.parse(text, world)
    found = error.value.problems
    assert [problem.line for problem in found] == sorted(problem.line or 0 for problem in found)
    return [problem.where for problem in found]


def test_mistakes_of_all_layers_are_told_at_once_and_each_once(world: SimpleNamespace) -> None:
    """The sector `magnet` is wrong twice: no such label, and its value is out of range."""
    found = places(LAYERS % "small", lambda name: world)
    assert sorted(found) == sorted(
        [*WITHOUT_CALIBRATION, *WITH_CALIBRATION, "parameters.ree_elasticity.magnet"]
    )


def test_without_a_calibration_names_are_not_guessed(world: SimpleNamespace) -> None:
    def find(name: str) -> Any:
        raise InputError(f"no calibration {name!r}")

    assert sorted(places(LAYERS % "smal", find)) == sorted([*WITHOUT_CALIBRATION, "calibration"])


INVESTMENT = (
    "instruments:\n  - {type: capacity_investment, region: %s, stage: magnets, spending: %s, build_time: 1, "
    "capacity_cost: {value: 1, unit: ratio, source: s, status: analyst}}\n"
)
HEAD = "name: t\ntitle: t\nquestion: q\ncalibration: small\n"
HEAD_OF_A_PATH = HEAD + "horizon: path\nyears: 2009-2012\n"


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("instruments:\n  - {type: production_quota, region: CHM, goods: magnets, limit: 5000}\n",
         ["instruments[0].region"]),
        ("instruments:\n  - {type: embargo, origins: allies, elements: all}\ncoalitions: {allies: [JPM]}\n",
         ["coalitions.allies[0]"]),
        ("instruments:\n  - {type: embargo, origins: allies, elements: all}\ncoalitions: 5\n", ["coalitions"]),
        ("instruments:\n  - {type: embargo, origins: [CHM], destinations: CHN, elements: all}\n",
         ["instruments[0].origins[0]"]),
        ("instruments:\n  - {type: research_subsidy, regions: CHM, spending: 10}\n", ["instruments[0].regions"]),
        ("instruments:\n  - {type: stockpile, regions: JPN, elements: Dy, initial: lots, release: 5}\n",
         ["instruments[0].initial"]),
        ("instruments:\n  - {type: export_quota, elements: all, limit: {value: 5000, status: sen}}\n",
         ["instruments[0].limit.status"]),
        ("instruments:\n  - {type: export_quota, elements: all, limit: {value: 5000, status: sure, source: x}}\n",
         ["instruments[0].limit.status"]),
        ("instruments:\n  - {type: export_quota, elements: all, limit: {amount: 5000}}\n",
         ["instruments[0].limit.amount"]),
        ("instruments:\n  - {type: tariff, ore: all, rate: 0.5}\n", ["instruments[0].ore"]),
        ("instruments:\n  - {type: quota, origins: CHM}\n", ["instruments[0].type"]),
        ("tax_equivalent_of: nowhere\ninstruments:\n  - {type: embargo, origins: friends, elements: all}\n",
         ["tax_equivalent_of"]),
        (INVESTMENT % ("CHM", "{2010: 5}"), ["instruments[0].region"]),
        (INVESTMENT % ("CHN", "soon"), ["instruments[0].spending"]),
        ("instruments:\n  - {type: embargo, origins: CHM}\n", ["instruments[0]", "instruments[0].origins"]),
        ("instruments:\n  - {type: tariff, origins: CHM, elements: all, rate: 1, add: 1}\n",
         ["instruments[0]", "instruments[0].origins"]),
        ("instruments:\n  - {type: tariff, origins: CHM, elements: all}\n",
         ["instruments[0]", "instruments[0].origins"]),
        ("instruments:\n  - {type: stockpile, regions: CHM, elements: Dy, initial: 5}\n",
         ["instruments[0]", "instruments[0].regions"]),
        ("instruments:\n  - {type: embargo, origins: CHM, elements: all, from: 2012, until: 2010}\n",
         ["instruments[0]", "instruments[0].origins"]),
    ],
)  # fmt: skip
def test_what_follows_from_a_mistake_is_not_told(text: str, where: list[str], world: SimpleNamespace) -> None:
    assert places(HEAD_OF_A_PATH + text, world) == where


@pytest.mark.parametrize(
    ("head", "where"),
    [
        ("horizon: forever\nyears: 2009-2012\n", ["horizon"]),
        ("horizon: path\nyears: soon\n", ["years"]),
        ("horizon: longest\nyears: 2009-2012\n", ["horizon"]),
    ],
)
def test_years_that_cannot_be_read_put_no_instrument_in_the_wrong(
    head: str, where: list[str], world: SimpleNamespace
) -> None:
    line = "instruments:\n  - {type: export_quota, elements: all, limit: {2011: 5000}, until: 2015}\n"
    assert places(HEAD + head + line, world) == where


def test_years_that_are_turned_round_are_told_once(world: SimpleNamespace) -> None:
    line = "instruments:\n  - {type: embargo, elements: all, from: 2015, until: 2008}\n"
    assert places(HEAD_OF_A_PATH + line, world) == ["instruments[0]"]


def test_a_name_too_long_for_a_file_is_an_unknown_name(tmp_path: Path) -> None:
    tmp_path.joinpath("own.yaml").write_text(HEAD + f"compare_with: {'x' * 5000}\n")
    with pytest.raises(InputError, match="compare_with: unknown scenario"):
        scenarios.load(tmp_path / "own.yaml")


def test_nothing_is_solved_on_a_guess(
    tmp_path: Path, world: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    quota = "instruments:\n  - {type: export_quota, name: q, origins: CHN, elements: all, limit: %s}\n"
    tmp_path.joinpath("quota.yaml").write_text(HEAD + quota % "lots")
    tmp_path.joinpath("tax.yaml").write_text(HEAD + "taxes_from_licences_of: quota\n")
    monkeypatch.setattr("scenarios.swaps.fixed_taxes", lambda shock, benchmark: pytest.fail("solved"))
    with pytest.raises(InputError) as error:
        scenarios.load(tmp_path / "tax.yaml", world)
    (problem,) = error.value.problems
    assert (Path(problem.file).name, problem.where) == ("quota.yaml", "instruments[0].limit")


def test_a_scenario_that_borrows_from_itself(tmp_path: Path) -> None:
    tmp_path.joinpath("own.yaml").write_text(HEAD + "tax_equivalent_of: own\n")
    with pytest.raises(InputError, match="borrows its quotas itself"):
        scenarios.load(tmp_path / "own.yaml")


@pytest.mark.parametrize("spoilt", [{"?": []}, [[]], None, True, -1e9])
def test_a_field_that_cannot_be_read_leaves_the_others(spoilt: Any) -> None:
    """Each field of every instrument of the library in its turn: its line is still read as what it is."""
    lines = [
        line
        for path in library.available().values()
        for line in strict_yaml.load(path).data.get("instruments", [])
    ]
    assert {line["type"] for line in lines} >= {
        kind.model_fields["type"].annotation.__args__[0] for kind in KINDS
    }
    for line in lines:
        for key in line.keys() - {"type"}:
            data = FRAME | {"instruments": [line | {key: spoilt}]}
            reading = read(Scenario, strict_yaml.loads(json.dumps(data, indent=1)), library.STAND_INS)
            assert reading.record is not None
            assert reading.record.instruments[0].type == line["type"], (line["type"], key)


FRAME = {"name": "t", "title": "t", "question": "q", "calibration": "small"}


SWEEP = """\
name: sw
title: t
question: q
scenarios: {quota: china-2010-quota}
calibration: china-2009-small
regimes: [exogenos, directed]
design: {type: monte_carl, draws: -4, seeed: 1}
vary:
  - path: calibration.ree_elasticity_mx
  - path: parameters.breath
    distribution: {type: uniform, low: many, high: 1}
  - path: [instruments.quota-2010.limt, parameters.ree_elasticity.magnetz]
    distribution: {type: triangulr, low: 40000, mode: 30258, high: 37000}
  - path: parameters.learning
    distribution: {type: uniform, low: 0, high: 5}
  - path: calibration.breadth
    nam: b
correlations: [{between: [b, c], value: 2}]
outcomes:
  - name: x
    variable: equivalent_varation
    select: {region: CHM}
  - {name: x, variable: real_income, select: {region: [CHN, JPM], element: Dy}, scenario: quoat, measure: metres}
  - {name: y, variable: real_income, year: 2010, minus: {regime: directd}}
"""
OF_THE_DESIGN = [
    "correlations[0].between", "correlations[0].value", "design.draws", "design.seeed", "design.type",
    "outcomes[0].variable", "outcomes[0].select.region", "outcomes[1].measure", "outcomes[1].name",
    "outcomes[1].scenario", "outcomes[1].select.element", "outcomes[1].select.region[1]", "outcomes[2].minus.regime",
    "regimes[0]", "vary[0].path", "vary[1].distribution.low", "vary[1].path", "vary[2].distribution",
    "vary[2].distribution.type", "vary[2].path[1]", "vary[4].nam",
]  # fmt: skip


def of_a_sweep(text: str, folder: Path) -> list[str]:
    (folder / "sw.yaml").write_text(text)
    with pytest.raises(InputError) as error:
        sweeps.load(folder / "sw.yaml")
    found = error.value.problems
    assert [problem.line for problem in found] == sorted(problem.line or 0 for problem in found)
    return [problem.where for problem in found]


def test_mistakes_of_all_layers_of_a_sweep_are_told_at_once_and_each_once(tmp_path: Path) -> None:
    found = of_a_sweep(SWEEP, tmp_path)
    assert sorted(found) == sorted([*OF_THE_DESIGN, "vary[2].path[0]", "vary[3]", "outcomes[2].year"])


def test_what_hangs_on_a_scenario_that_is_not_there_is_not_told(tmp_path: Path) -> None:
    """No instrument is unknown, and no end of a range is tried."""
    found = of_a_sweep(SWEEP.replace("china-2010-quota", "china-2010-qota"), tmp_path)
    groups = {
        "outcomes[0].select.region",
        "outcomes[1].select.region[1]",
        "vary[2].path[1]",
    }  # it may have some
    assert sorted(found) == sorted([*(set(OF_THE_DESIGN) - groups), "scenarios.quota"])


@pytest.mark.parametrize("name", library.available())
def test_all_mistakes_in_a_scenario_are_told_at_once_and_nothing_else(name: str) -> None:
    path = library.available()[name]
    document = strict_yaml.load(path)
    for seed in range(EACH):
        assert_told(path, document, random.Random(seed))


@pytest.mark.parametrize("name", sweeps.available())
def test_all_mistakes_in_a_sweep_are_told_at_once_and_nothing_else(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration, "load", LOADED)
    for seed in range(EACH):
        assert_told_of_a_sweep(sweeps.available()[name], random.Random(seed))


def assert_told(path: Path, document: Document, chance: random.Random) -> None:
    """Plants mistakes and reads what is told."""
    planted = mistakes.chosen(mistakes.of_a_scenario(document.data), chance)
    bad = Document(document.file, mistakes.planted(document.data, planted), document.lines)
    told = mistakes.told(lambda: library.from_document(bad, path.parent, loaded))
    assert told == sorted(mistake.where for mistake in planted), planted


def assert_told_of_a_sweep(path: Path, chance: random.Random) -> None:
    """Plants mistakes and reads what is told."""
    document = strict_yaml.load(path)
    planted = mistakes.chosen(mistakes.of_a_sweep(document.data), chance)
    bad = Document(document.file, mistakes.planted(document.data, planted), document.lines)
    told = mistakes.told(lambda: prepare(read(Design, bad, STAND_INS)))
    assert told == sorted(mistake.where for mistake in planted), planted
