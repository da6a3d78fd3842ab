"""The parameters of a run as its report shows them: values in words, and what the scenario wrote over them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from calibration.errors import InputError
from calibration.provenance import SOFT
from calibration.tables import Column, read_csv
from outputs.report.tabular import Table, in_line, table

LONGEST = 160  # characters of a value on the page; the download has all

COLUMNS = (
    Column("name"), Column("value"), Column("unit", required=False), Column("source", required=False), Column("status"),
    Column("range", required=False), Column("soft"), Column("soft values", required=False),
)  # fmt: skip


def read(path: Path) -> pd.DataFrame:
    """What `outputs.tables.write_parameters` wrote. Raises InputError with every cell that it cannot have written."""
    table = read_csv(path, COLUMNS)
    frame = pd.DataFrame({column.name: table.columns.get(column.name, "") for column in COLUMNS})
    problems = []
    for row, (value, span) in enumerate(zip(frame["value"], frame["range"], strict=True)):
        if not _is_value(_parsed(value)):
            expected = "a number, a name or a table of them, as JSON"
            problems.append(table.problem(row, "value", "is no value of a parameter", expected))
        if span and not _is_range(_parsed(span)):
            problems.append(table.problem(row, "range", "is no range", "two numbers in brackets"))
    if problems:
        raise InputError(problems)
    return frame.assign(soft=frame["soft"] == "true")


def overrides(given: Mapping[str, Any]) -> dict[str, str]:
    """What a scenario writes over parameters, by name, as text; `breadth.x: 1` is `breadth: {x: 1}`."""
    found: dict[str, list[str]] = {}
    for key, value in given.items():
        name, *labels = str(key).split(".")
        for label in reversed(labels):
            value = {label: value}
        found.setdefault(name, []).append(in_line(value))
    return {name: ", ".join(texts) for name, texts in found.items()}


def changed(frame: pd.DataFrame, given: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Of each parameter that a scenario writes over: name, value in the run, value of the calibration."""
    base = dict(zip(frame["name"], frame["value"], strict=True))
    return [
        (name, text, _value(base[name]) if name in base else "") for name, text in overrides(given).items()
    ]


def shown(frame: pd.DataFrame, given: Mapping[str, Any], scenario: str) -> Table:
    """All parameters of the calibration; frame: `outputs.tables.parameters`; given: what the scenario writes over.

    The page has values in words and cuts long ones; the download has them as JSON, and in full.
    """
    over = overrides(given)
    some = frame["soft values"].where(~frame["status"].isin(SOFT), "")  # of what is soft, every value is
    which = zip(frame["soft"], some, strict=True)
    full = frame[["name", "value", "unit", "status", "soft", "range", "source"]].assign(
        soft=[f"soft: {values}" if values else "soft" if soft else "" for soft, values in which]
    )
    page = full.assign(
        value=[
            _short(value) + (f"; in this run {over[name]}" if name in over else "")
            for name, value in zip(full["name"], full["value"], strict=True)
        ],
        range=[_range(span, value) for span, value in zip(full["range"], full["value"], strict=True)],
    )
    if over:
        full.insert(2, "in this run", [over.get(name, "") for name in full["name"]])
    return table("parameters", full, scenario, page)


def _parsed(text: str) -> Any:
    """A cell of JSON; None where it is none. A negative number is guarded from spreadsheets by an apostrophe."""
    try:
        return json.loads(text.removeprefix("'"))
    except (ValueError, RecursionError):
        return None


def _is_value(value: Any, depth: int = 2) -> bool:
    if isinstance(value, Mapping):
        return depth > 0 and all(_is_value(inner, depth - 1) for inner in value.values())
    return isinstance(value, str) or _is_number(value)


def _is_range(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(_is_number(end) for end in value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


def _value(text: str) -> str:
    """A value that is stored as JSON, in words."""
    return in_line(_parsed(text)) or "none"


def _short(text: str) -> str:
    """The same, cut after a number where it is long, with how many numbers there are in all."""
    words = _value(text)
    if len(words) <= LONGEST:
        return words
    return f"{words[:LONGEST].rpartition(',')[0]}, … ({_count(_parsed(text))} numbers)"


def _count(value: Any) -> int:
    return sum(_count(inner) for inner in value.values()) if isinstance(value, Mapping) else 1


def _range(span: str, value: str) -> str:
    """A range: levels of a single number, factors on all numbers of a table."""
    if not span:
        return ""
    low, high = _parsed(span)
    factor = "× " if isinstance(_parsed(value), Mapping) else ""
    return "fixed" if low == high else f"{factor}{low:g}–{high:g}"
