"""The record of the model against what was observed: as the page has it, and said in every report."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from calibration.errors import InputError
from outputs import report
from outputs.names import number
from outputs.report.build import html
from outputs.validation import page, record
from outputs.validation.book import Fact, Row, verdict
from outputs.validation.record import VERDICTS, Record

PAGE = (Path(__file__).parents[2] / "docs" / "validation.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def shipped():
    return record.read()


def test_it_has_the_facts_of_the_page_and_no_other(shipped):
    lines = [line for line in PAGE.split("## What it would take")[0].splitlines() if " | " in line]
    for row in shipped.facts.itertuples(index=False):
        (line,) = [one for one in lines if one.startswith(f"| {row.fact} ({row.unit}) |")]
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert cells[1] == ("negative" if row.kind == "sign" else number(row.observed))
        assert cells[4] == number(row.model)
        assert cells[6].split(" (")[0] == row.verdict
        assert ("fitted" in cells[6]) == bool(row.fitted)
        assert cells[7:] == [row.status, row.source]
        assert verdict(row.kind, row.observed, row.model) == row.verdict
    assert len(shipped.facts) == sum(
        "| seen |" in x or "| memory |" in x or "| computed |" in x for x in lines
    )


def test_counts_are_those_of_the_page_and_add_up(shipped):
    said = re.search(
        r"(\d+) tests: (\d+) hit, (\d+) near, (\d+) sign only, (\d+) miss; (\d+) facts were fitted", PAGE
    )
    tests, *counts, fitted = map(int, said.groups())
    assert [shipped.count(one) for one in VERDICTS] == counts
    assert len(shipped.tests) == tests == sum(counts)
    assert len(shipped.facts) == tests + fitted
    groups = shipped.by_group()
    assert groups[[*VERDICTS]].astype(int).sum().tolist() == counts
    assert groups["tests"].astype(int).sum() == tests


def made(*rows):
    """A record of facts (kind, observed, model), judged as facts are."""
    frame = pd.DataFrame(
        [
            {"group": "prices", "fact": f"f{at}", "unit": "u", "kind": kind, "observed": seen, "model": model,
             "verdict": verdict(kind, seen, model), "fitted": "", "status": "seen", "source": "s"}
            for at, (kind, seen, model) in enumerate(rows)
        ]
    )  # fmt: skip
    return Record(frame, "a-path", "here", "directed")


def test_the_middle_and_the_furthest_are_of_logs():
    (row,) = (
        made(("ratio", 1.0, 1.1), ("ratio", 10.0, 1.0), ("ratio", 1.0, 4.0)).by_group().to_dict("records")
    )
    assert row["middle of tests"] == "× 1.1"
    assert row["furthest off"].startswith("f1: 10.0 observed, 1.00 in the model")
    (row,) = made(("share", 0.5, 0.9), ("share", 0.5, 0.6), ("share", 0.9, 0.1)).by_group().to_dict("records")
    assert row["middle of tests"] == "+0.10"
    assert row["furthest off"].startswith("f2")
    (row,) = made(("ratio", 1.0, 2.0), ("sign", -1.0, 1.0)).by_group().to_dict("records")
    assert row["middle of tests"] == "–"


def test_a_fitted_fact_is_no_test():
    one = made(("ratio", 1.0, 9.0), ("ratio", 1.0, 1.0))
    one.facts.loc[0, "fitted"] = "a parameter"
    assert one.count("miss") == 0
    assert len(one.tests) == 1


def test_it_is_read_as_it_was_written(tmp_path):
    fact = Fact(
        "n", "A fact", "ratio", "ratio", 2.0, "a book", "seen", lambda view, regime: 0.0, "", "prices"
    )
    rows = [Row(fact, "exogenous", 1.9), Row(fact, "directed", 0.1)]
    found = record.read(record.write(tmp_path / "r.csv", rows, "a-path", "here"))
    assert (found.scenario, found.calibration, found.regime) == ("a-path", "here", "directed")
    assert found.facts["model"].tolist() == [0.1]
    assert found.count("miss") == 1
    text = (tmp_path / "r.csv").read_text(encoding="utf-8").replace("miss", "hitt")
    (tmp_path / "r.csv").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="hitt"):
        record.read(tmp_path / "r.csv")


def test_every_report_says_it_first_and_in_full(runs, shipped):
    text = html([report.from_folder(folder) for folder in runs.folders])
    answer = text.index(f"{len(shipped.tests)} observed numbers that nothing was fitted to, {shipped.tally}")
    assert answer < text.index('id="run1-prices"')
    part = text[text.index('id="run1-history"') : text.index('id="run1-assumptions"')]
    assert shipped.tally[0].upper() + shipped.tally[1:] in part
    assert "Nothing was held against small, the calibration of this run." in part
    for title in page.GROUPS.values():
        assert title.replace("'", "&#39;") in part
    assert "hoarding" in part
    assert "`" not in part
    assert text.count('class="record"') == 1  # the second run points at the first


def test_a_run_on_the_calibration_that_was_tested_is_not_warned(shipped):
    assert "Nothing was held" not in record.in_words(shipped, shipped.calibration)
    assert "recalled from memory" in record.in_words(shipped, shipped.calibration)
    assert np.isfinite(shipped.facts[["observed", "model"]].to_numpy()).all()


def test_readme_and_limits_say_what_is_not_reproduced(shipped):
    root = Path(__file__).parents[2]
    told = (
        f"{len(shipped.tests)} observed numbers of 2009 to 2018 that nothing was fitted to, {shipped.tally}"
    )
    pages = [
        " ".join((root / name).read_text(encoding="utf-8").split())
        for name in ("README.md", "docs/limits.md")
    ]
    for text in pages:
        assert told in text
    every = pd.read_csv(record.SHIPPED, comment="#")
    peak = every[every["fact"].str.startswith("Oxide prices outside China in 2011")].set_index("regime")
    with_all, fixed = (peak.loc[regime] for regime in (shipped.regime, "exogenous"))
    assert peak.loc[shipped.regime, "verdict"] == "miss"
    assert f"were {number(with_all['observed'])} times those of 2009 in 2011" in pages[1]
    assert f"has {number(with_all['model'])} times" in pages[1]
    assert f"{number(fixed['model'])} times with technology fixed" in pages[1]
    home = shipped.facts[shipped.facts["fact"].str.contains("inside China in 2011")]
    times = home["observed"] / home["model"]
    assert f"{times.min():.0f} to {times.max():.0f} times the model's" in pages[1]
