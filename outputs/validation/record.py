"""How the model did against what happened: a table that is shipped, so that every report can say it.

`python run.py validate --write` makes it beside the page; reports read it and solve nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from calibration.tables import Column, read_csv, write_csv
from outputs import names
from outputs.names import number, signed
from outputs.validation.judging import GROUPS, HIT, HIT_SHARE, NEAR, NEAR_SHARE

if TYPE_CHECKING:
    from outputs.validation.book import Row

SHIPPED = Path(__file__).parents[2] / "docs" / "validation.csv"
JUDGING = (
    f"Hit: within {100 * (HIT - 1):.0f} %, shares within {HIT_SHARE:g}. Near: within a factor of {NEAR:g}, shares "
    f"within {NEAR_SHARE:g}. Middle of tests: the median of model over observed (×), or of the difference of shares. "
    "Ratios are to 2009."
)
VERDICTS = ("hit", "near", "sign only", "miss")
COLUMNS = (
    Column("scenario"), Column("calibration"), Column("regime"), Column("group", valid=tuple(GROUPS)), Column("fact"),
    Column("unit"), Column("kind"), Column("observed", "number"), Column("model", "number"),
    Column("verdict", valid=VERDICTS), Column("fitted", required=False), Column("status"), Column("source"),
)  # fmt: skip


def write(path: Path, rows: Sequence[Row], scenario: str, calibration: str) -> Path:
    """Write every fact under every regime: observed, model, verdict, and what was fitted with it in view."""
    values = [
        (
            scenario, calibration, row.regime, row.fact.group, row.fact.text, row.fact.unit, row.fact.kind,
            _rounded(row.fact.observed), _rounded(row.model), row.verdict.removesuffix(" (fitted)"), row.fact.fitted,
            row.fact.status, row.fact.source,
        )
        for row in rows
    ]  # fmt: skip
    columns = {column.header: [row[at] for row in values] for at, column in enumerate(COLUMNS)}
    comments = ["Model against what was observed; how a number is judged: validation.md beside this file."]
    write_csv(path, columns, comments=comments)
    return path


def _rounded(value: float) -> float:
    """Seven digits: the file changes with the model and not with the last bits of a solve."""
    return float(f"{value:.7g}")


@dataclass(frozen=True)
class Record:
    """The facts held against the model under one regime."""

    facts: pd.DataFrame  # the columns above
    scenario: str
    calibration: str
    regime: str

    @property
    def tests(self) -> pd.DataFrame:
        """The facts that nothing was fitted to."""
        return self.facts[self.facts["fitted"] == ""]

    def count(self, verdict: str) -> int:
        """How many tests have a verdict."""
        return int((self.tests["verdict"] == verdict).sum())

    @property
    def tally(self) -> str:
        """How many tests are hit, near, right in sign, and missed, as part of a sentence."""
        return (
            f"{self.count('hit')} are hit, {self.count('near')} are near, {self.count('sign only')} have the right "
            f"sign and {self.count('miss')} are missed"
        )

    def by_group(self) -> pd.DataFrame:
        """One row a group of facts: verdicts of its tests, how far the middle one is off, and the furthest."""
        rows = []
        for group, title in GROUPS.items():
            inside = self.tests[self.tests["group"] == group]
            if len(inside):
                counts = {verdict: str((inside["verdict"] == verdict).sum()) for verdict in VERDICTS}
                rows.append(
                    {"": title, "tests": str(len(inside)), **counts, "middle of tests": _middle(inside),
                     "furthest off": _furthest(inside)}
                )  # fmt: skip
        return pd.DataFrame(rows)


def read(path: Path = SHIPPED) -> Record:
    """The record that is shipped, under the regime in which most responds. Raises InputError."""
    table = read_csv(path, COLUMNS)
    frame = pd.DataFrame({c.name: table.columns.get(c.name, "") for c in COLUMNS})
    last = frame["regime"].iloc[-1]
    one = frame[frame["regime"] == last].reset_index(drop=True)
    return Record(one, str(one["scenario"].iloc[0]), str(one["calibration"].iloc[0]), str(last))


def _gaps(rows: pd.DataFrame) -> Iterator[tuple[float, Any]]:
    """How far each number is off: log of model over observed, or for shares the difference; none for signs."""
    found: Any = rows.itertuples(index=False)
    for row in found:
        if row.kind in ("ratio", "change") and row.model * row.observed > 0:
            yield float(np.log(row.model / row.observed)), row
        elif row.kind == "share":
            yield float(row.model - row.observed), row


def _middle(rows: pd.DataFrame) -> str:
    """The median of how far off, with its direction; nothing where the facts are of several kinds."""
    if len(set(rows["kind"])) > 1 or not (gaps := [gap for gap, _ in _gaps(rows)]):
        return "–"
    middle = float(np.median(gaps))
    return signed(middle, 2) if rows["kind"].iloc[0] == "share" else f"× {number(float(np.exp(middle)), 2)}"


def _furthest(rows: pd.DataFrame) -> str:
    """The fact that is furthest off, with both numbers."""
    found = list(_gaps(rows))
    if not found:
        return "–"
    row = max(found, key=lambda pair: abs(pair[0]))[1]
    return f"{row.fact}: {number(row.observed)} observed, {number(row.model)} in the model ({row.unit})"


def in_words(record: Record, calibration: str) -> str:
    """What was held against what, for a run on a calibration."""
    recalled = int((record.tests["status"] == "memory").sum())
    text = (
        f"{len(record.tests)} observed numbers that no parameter was set with in view, {recalled} of them recalled "
        f"from memory, were held against the model: scenario {record.scenario} on {record.calibration}, "
        f"{names.regime(record.regime)}. {names.capital(record.tally)}."
    )
    if calibration != record.calibration:
        text += f" Nothing was held against {calibration}, the calibration of this run."
    return text
