"""run.py check and run.py calibrate as a user meets them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import run
from calibration.errors import InputError

ROOT = Path(run.__file__).parent
SOURCE = os.environ.get("RARE_EARTH_SOURCE_DIR", "")


def test_check_tells_what_a_calibration_is_and_what_is_soft(capsys):
    assert run.main(["check", "china-2009"]) == 0
    text = capsys.readouterr().out
    assert "12 regions, 38 sectors, 47 goods, 10 elements" in text
    assert "limit: Rare-earth metals" in text
    assert "export tonnes CHN" in text
    assert "home use share CHN" in text
    assert "application_by_region" in text


def test_check_lists_soft_parameters_with_their_sources(capsys):
    run.main(["check", "world-2024", "--soft"])
    text = capsys.readouterr().out
    assert "structure of industries" in text.replace("\n    ", " ")
    assert "substitutability [score 0-100] memory, range 0.8-1: Graedel et al. (2015)" in text


def test_check_takes_scenarios(capsys):
    assert run.main(["check", str(ROOT / "scenarios" / "china-2010-quota.yaml")]) == 0
    text = capsys.readouterr().out.replace("\n    ", " ")
    assert "China's export quota of 2010" in text
    assert "quota-2010.limit: 30,258 t (seen): Wall Street Journal" in text
    assert (
        "assumed: Licences were given to exporters without payment, so the rent stays in China. (memory)"
        in text
    )


def test_check_reports_all_files_together(tmp_path, capsys):
    (tmp_path / "a.yaml").write_text("rare_earths: 1\n")
    with pytest.raises(InputError) as error:
        run.main(["check", str(tmp_path / "a.yaml"), "chin-2009", "china-2009"])
    files = {problem.file for problem in error.value.problems}
    assert str(tmp_path / "a.yaml") in files
    assert "did you mean china-2009" in str(error.value)
    assert "12 regions" in capsys.readouterr().out


def test_calibrate_lists_sources(capsys):
    assert run.main(["calibrate", "--sources"]) == 0
    text = capsys.readouterr().out
    for name in ("wiod2013", "figaro", "gloria", "bea"):
        assert f"\n{name}\n" in f"\n{text}"


def test_calibrate_says_what_it_needs(tmp_path):
    with pytest.raises(InputError, match="--source DIR"):
        run.main(["calibrate", "china-2009"])
    with pytest.raises(InputError, match="no such folder"):
        run.main(["calibrate", "china-2009", "--source", str(tmp_path / "none")])
    with pytest.raises(InputError, match="WIOD release 2013"):
        run.main(["calibrate", "china-2009", "--source", str(tmp_path), "--verify"])


def test_tables_of_the_base_are_never_overwritten(tmp_path):
    (tmp_path / "mine.yaml").write_text("name: mine\nbased_on: china-2009\n")
    with pytest.raises(InputError, match="would be overwritten; expected a folder of its own"):
        run.main(["calibrate", str(tmp_path / "mine.yaml"), "--source", str(tmp_path)])


@pytest.mark.skipif(not SOURCE, reason="RARE_EARTH_SOURCE_DIR names no folder with raw tables")
def test_calibrate_verifies_the_shipped_tables(capsys):
    assert run.main(["calibrate", "china-2009", "--source", SOURCE, "--verify"]) == 0
    assert "the same bytes" in capsys.readouterr().out
