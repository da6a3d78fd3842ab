"""run.py check and run.py calibrate as a user meets them."""

from __future__ import annotations

import os
import re
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
    for named in ("regions: CHN, JPN,", "goods: agriculture,", "concentrate, magnets", "elements: La, Ce,"):
        assert named in text.replace("\n    ", " "), named  # what scenarios may name
    assert "limit: Rare-earth metals" in text
    assert "export tonnes CHN" in text
    assert "home use share CHN" in text
    assert "application_by_region" in text
    counted = re.search(
        r"(\d+) memory, (\d+) analyst; (\d+) of those seen or computed have soft values", text
    )
    listed = re.split(r",\s+", text.split("--soft lists sources): ")[1])
    assert sum(int(count) for count in counted.groups()) == len(listed)


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


MINE = """\
name: mine
title: t
question: q
calibration: {calibration}
horizon: {horizon}
regimes: [directed]
instruments:
  - {{type: research_subsidy, name: r, regions: JPN, technologies: Dy, rate: 0.2}}
  - {{type: export_quota, name: q, origins: CHN, elements: Dy, limit: {{value: 40, source: a memo, status: memory}}}}
"""


def test_check_counts_numbers_by_what_they_rest_on_and_says_what_responds(tmp_path, capsys):
    path = tmp_path / "mine.yaml"
    path.write_text(MINE.format(calibration="china-2009", horizon="short"))
    assert run.main(["check", str(path)]) == 0
    text = capsys.readouterr().out
    assert "2 numbers: 0 from a source, 1 soft, 1 without a source" in text
    assert "  r.rate: 20 % (no source: a setting of the scenario)" in text
    assert "  q.limit: 40 t (memory): a memo" in text
    assert "  Trade deficits: " in text
    assert "  ! r subsidises research, and technology does not respond" in text
    path.write_text(MINE.format(calibration="china-2009", horizon="long"))
    assert run.main(["check", str(path)]) == 0
    assert "!" not in capsys.readouterr().out


QUOTAS = """\
name: mine
title: t
question: q
calibration: china-2009
horizon: path
years: 2009-2012
instruments:
  - {type: export_quota, name: few, origins: CHN, elements: all, from: 2011, limit: 40}
  - {type: export_quota, name: dy, origins: CHN, elements: Dy, limit: {value: 50, unit: "%%"}}
  - {type: production_quota, name: made, region: CHN, elements: all, limit: {value: 0.9, unit: ratio}}
  - {type: embargo, name: stop, origins: CHN, elements: heavy%s}
"""


def test_check_holds_quotas_against_the_base_year(tmp_path, capsys):
    """Who writes 40 and means 40 % sees what that is; who stops what a quota limits sees that it limits nothing."""
    path = tmp_path / "mine.yaml"
    path.write_text(QUOTAS % "")
    assert run.main(["check", str(path)]) == 0
    text = capsys.readouterr().out
    assert "  few: 40 t in 2011 of 37,189 t exported in the base year, 0.108 %\n" in text
    assert "  made: 116,372 t in 2009 of 129,303 t made in the base year, 90.0 %\n" in text
    assert "  ! dy limits nothing: an embargo stops all it covers\n" in text
    assert "few limits nothing" not in text
    path.write_text(QUOTAS % ", until: 2011")  # in the last year it has something to limit
    assert run.main(["check", str(path)]) == 0
    assert "limits nothing" not in capsys.readouterr().out


def test_check_says_what_is_wrong_with_the_name_of_a_calibration_in_one_line(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(MINE.format(calibration="china-2010", horizon="short"))
    with pytest.raises(InputError) as error:
        run.main(["check", str(path)])
    (problem,) = error.value.problems
    assert str(problem).startswith(f"{path}:4: calibration: no calibration 'china-2010'; expected")
    assert "did you mean china-2009?" in str(problem)


def test_check_takes_a_calibration_that_stands_beside_the_scenario(tmp_path, capsys):
    (tmp_path / "own.yaml").write_text("based_on: china-2009-small\ntitle: Mine\n")
    (tmp_path / "mine.yaml").write_text(MINE.format(calibration="own.yaml", horizon="long"))
    found = run.guarded(["check", str(tmp_path / "mine.yaml")])
    assert found == 0, capsys.readouterr().err


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
