"""Which calibration a scenario is solved on: the one beside its file, whatever else has that name."""

import argparse

import pytest

from outputs import pipeline
from outputs.commands import check
from outputs.paths import saving
from tests.outputs.conftest import options

SCENARIO = """\
name: s
title: nothing
question: What?
calibration: cal.yaml
year: 2010
horizon: long
"""


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Two folders with files of one name each, and a third one where commands are run."""
    for name in ("a", "b", "here"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "cal.yaml").write_text(f"name: of-{name}\nbased_on: china-2009-small\n")
        (tmp_path / name / "s.yaml").write_text(SCENARIO)
    monkeypatch.chdir(tmp_path / "here")
    return ["../a/s.yaml", "../b/s.yaml", str(tmp_path / "a" / "s.yaml")]


def test_solve_takes_the_calibration_beside_each_scenario(files, tmp_path):
    found = pipeline.plans(files, options(tmp_path))
    assert [one.calibration.name for one in found] == ["of-a", "of-b", "of-a"]
    assert found[0].calibration is found[2].calibration  # read once


def test_the_saved_scenario_is_what_was_read_not_what_the_file_says_by_then(files, tmp_path):
    text = "# a comment\n" + SCENARIO
    (tmp_path / "a" / "s.yaml").write_text(text)
    (one,) = pipeline.plans(files[:1], options(tmp_path))
    (tmp_path / "a" / "s.yaml").write_text("name: changed\n")
    assert pipeline.scenario_text(one.scenario, options(tmp_path)) == text


@pytest.mark.parametrize("given", [{"calibration": "cal.yaml"}, {"settings": ["calibration=cal.yaml"]}])
def test_a_path_that_is_typed_is_one_from_the_working_folder(given, files, tmp_path):
    found = pipeline.plans(files[:2], options(tmp_path, **given))
    assert [one.calibration.name for one in found] == ["of-here", "of-here"]


def test_a_path_of_years_takes_the_calibration_beside_it(files, tmp_path):
    for name in ("a", "b"):
        text = SCENARIO.replace("year: 2010\nhorizon: long", "years: 2010-2012\nhorizon: path")
        (tmp_path / name / "s.yaml").write_text(text)
    given = options(tmp_path, cut=[1.0], no_companion=True)
    assert [one.calibration.name for one in saving.plans(files, given)] == ["of-a", "of-b", "of-a"]


def test_check_reads_the_calibration_beside_each_scenario(files, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(check, "_closure", lambda scenario, base: seen.append(base.name) or [])
    assert check.run(argparse.Namespace(files=[check.Path(file) for file in files], soft=False)) == 0
    assert seen == ["of-a", "of-b", "of-a"]
    (tmp_path / "b" / "cal.yaml").unlink()  # not there, but in the working folder
    check.run(argparse.Namespace(files=[check.Path(files[1])], soft=False))
    assert seen[-1] == "of-here"
