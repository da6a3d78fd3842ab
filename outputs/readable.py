"""Tables as people read them: small changes in ppm, labels in words, research only where something comes of it.

The downloads keep the frames as they are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from outputs import names

SHOWN_ROWS = 160
BY_ROW = ("exposed_and_other_sectors", "growth_on_exposure")  # whose rows are different things
ROUNDING = 1e-9  # percent: the solver resolves no less
PATENTS = "rare-earth patents"
IN_PERCENT = re.compile(r"\[%(?P<of>[^\]]*)\]$")


def page(name: str, frame: pd.DataFrame, learning: Sequence[str]) -> pd.DataFrame:
    """What the page shows of a table: changes below 0.1 % in ppm, and research only where technology follows it.

    learning: regimes in which technology responds. In the others the model has research that the prices would call
    for, and nothing comes of it: as a result it would mislead.
    """
    frame = first(name, frame)
    if name == "research":
        frame = frame[frame["regime"].isin(learning)]
    if name == "exposed_and_other_sectors":
        frame = frame[(frame["measure"] != PATENTS) | frame["regime"].isin(learning)]
    if name == "growth_on_exposure":
        frame = _without_idle_research(frame, learning)
    return _by_row(frame) if name in BY_ROW else by_column(frame)


def _without_idle_research(frame: pd.DataFrame, learning: Sequence[str]) -> pd.DataFrame:
    """Slopes of patents are left open under regimes whose technology does not respond."""
    frame = frame.astype(object)
    idle = [c for c in frame.columns[1:] if str(c).split(" [")[0] not in learning]
    frame.loc[frame["outcome"] == PATENTS, idle] = None
    return frame


def by_column(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns of small changes in ppm."""
    columns: dict[str, Any] = {}
    for column in frame.columns:
        values, found = frame[column], IN_PERCENT.search(str(column))
        if found and pd.api.types.is_float_dtype(values):
            unit, scale = names.readable_unit([float(v) for v in values if not np.isnan(v)])
            column = f"{column[: found.start()]}[{unit}{found['of']}]"
            values = scale * values.mask(values.abs() < ROUNDING, 0.0)
        columns[str(column)] = values
    return pd.DataFrame(columns)


class Change(float):
    """A change in percent that is shown in the unit that suits it, whatever stands beside it."""

    def __str__(self) -> str:
        value = 0.0 if abs(self) < ROUNDING else float(self)
        unit, scale = names.readable_unit([value])
        return f"{names.number(scale * value)} {unit}"


def _by_row(frame: pd.DataFrame) -> pd.DataFrame:
    """Every number with a unit of its own, so that ppm stand beside percent; the heads lose theirs."""
    columns: dict[str, list[Any]] = {}
    for column in frame.columns:
        values, found = frame[column].tolist(), IN_PERCENT.search(str(column))
        if not found:
            columns[str(column)] = values
            continue
        of = f" [{found['of'].strip()}]" if found["of"] else ""
        name = str(column)[: found.start()].strip()
        columns[HEADS.get(name, name) + of] = [None if v is None else Change(v) for v in values]
    return pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in columns.items()})


HEADS: dict[str, str] = {
    "exposed": "exposed sectors", "other": "other sectors", "magnet_chain": "rare-earth chain", **names.REGIMES,
}  # fmt: skip


def head(column: str) -> str:
    """A heading with labels as words: `directed [%]` becomes `directed technology [%]`."""
    label, bracket, unit = column.partition(" [")
    return HEADS.get(label, label) + bracket + unit


def first(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """The rows that are shown on the page: of sectors the most exposed ones under the last regime."""
    if name == "sectors":
        last = frame[frame["regime"] == frame["regime"].iloc[-1]]
        frame = last.sort_values("exposure [USD per million USD]", ascending=False)
    return frame.head(SHOWN_ROWS)
