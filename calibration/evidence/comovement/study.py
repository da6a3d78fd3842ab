"""Read a study: its YAML, its tables, the transforms, and which of its series are not at hand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from calibration.errors import InputError, shown, unknown_name
from calibration.evidence.comovement.data import (
    Frequency,
    SeriesTable,
    format_date,
    parse_date,
    read_phases,
    read_series,
)
from calibration.evidence.comovement.hits import Floats, Ints
from calibration.evidence.comovement.schema import Grid, SeriesSpec, Span, StudySpec
from calibration.evidence.comovement.studychecks import bad_dates, unknown_names
from calibration.evidence.comovement.transforms import TRANSFORMS, interaction
from calibration.strict_yaml import Document, KeyPath, load
from calibration.validate import validate


@dataclass(frozen=True)
class Series:
    """A series of a study over its window, transformed; and what to say about it."""

    name: str
    label: str
    values: Floats
    level: Floats  # before the transforms
    history: Floats  # the level from the table's first date to the last of the study
    unit: str
    transform: str
    stands_in_for: str
    source: str
    status: str

    @property
    def caption(self) -> str:
        return f"{self.label} (stands in for {self.stands_in_for})" if self.stands_in_for else self.label


@dataclass(frozen=True)
class Study:
    """Everything a study needs, checked. absent: series whose table is an empty slot, with the message that says so."""

    spec: StudySpec
    file: Path
    frequency: Frequency
    dates: Ints
    series: dict[str, Series]
    absent: dict[str, str]
    phases: dict[str, np.ndarray] | None  # dates of each phase, when phases are dated

    def labels(self) -> list[str]:
        return [format_date(n, self.frequency) for n in self.dates]

    def between(self, span: Span) -> np.ndarray:
        """Which dates of the study lie in a span."""
        low = self.dates[0] if span.start is None else parse_date(span.start, self.frequency)
        high = self.dates[-1] if span.end is None else parse_date(span.end, self.frequency)
        return (self.dates >= low) & (self.dates <= high)

    def missing_for(self, names: list[str]) -> list[str]:
        """Those of the names that are empty slots."""
        return [name for name in names if name in self.absent]


def levels_of(given: Grid | list[float]) -> Floats:
    """Quantile levels of a grid, rounded to 12 digits, or as listed."""
    if isinstance(given, Grid):
        count = int(np.floor((given.end - given.start) / given.step + 1e-9)) + 1
        return np.round(given.start + given.step * np.arange(count), 12)
    return np.asarray(given, dtype=float)


def read_study(path: str | Path) -> Study:
    """Read and check a study and its data. Raises InputError with all problems."""
    document = load(path)
    spec = validate(StudySpec, document)
    folder = Path(path).resolve().parent
    frequency = _one_frequency(spec, document)
    problems = list(unknown_names(spec, document)) + list(bad_dates(spec, document, frequency))
    if problems:
        raise InputError(problems)
    tables, slots = _read_tables(spec, document, folder)
    absent = _absent(spec, slots)
    dates = _window(spec, document, frequency, tables)
    series: dict[str, Series] = {}
    # Products come after the series they are made of, whatever the order in the file.
    for name, one in sorted(spec.series.items(), key=lambda item: bool(item[1].product)):
        if name in absent or any(part not in series for part in one.product):
            continue  # a part with a problem of its own is reported there
        try:
            series[name] = (
                _product(name, one, series)
                if one.product
                else _column(name, one, spec, folder, tables, dates)
            )
        except InputError as error:
            problems += [problem for problem in error.problems if problem not in problems]
        except ValueError as error:
            problems.append(document.problem(["series", name], str(error)))
    if problems:
        raise InputError(problems)
    ordered = {name: series[name] for name in spec.series if name in series}
    return Study(
        spec, Path(path), frequency, dates, ordered, absent, _phases(spec, document, folder, frequency, dates)
    )


def _one_frequency(spec: StudySpec, document: Document) -> Frequency:
    found = {table.frequency for table in spec.tables.values()}
    if len(found) > 1:
        raise InputError(
            document.problem(
                ["tables"], f"tables of different frequencies: {', '.join(sorted(found))}", "one"
            )
        )
    return found.pop()


def _read_tables(
    spec: StudySpec, document: Document, folder: Path
) -> tuple[dict[str, SeriesTable], dict[str, str]]:
    """Tables at hand, and for every empty slot the message that says where its data are published."""
    tables, slots, problems = {}, {}, []
    for name, one in spec.tables.items():
        path = folder / one.file
        if not path.exists():
            where = f"; published by {one.published_by}" if one.published_by else ""
            message = f"no file {_short(path)}{where}"
            if one.optional:
                slots[name] = message
            else:
                problems.append(
                    document.problem(
                        ["tables", name, "file"], message, "a CSV as described in docs/comovement.md"
                    )
                )
            continue
        try:
            tables[name] = read_series(path, one.frequency, one.gaps)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    if not tables:
        raise InputError(
            document.problem(["tables"], "none of the tables is at hand: " + "; ".join(slots.values()))
        )
    return tables, slots


def _short(path: Path) -> str:
    """A path as seen from where the user stands, if it lies below."""
    whole = path.resolve()
    return str(whole.relative_to(Path.cwd())) if whole.is_relative_to(Path.cwd()) else str(whole)


def _absent(spec: StudySpec, slots: dict[str, str]) -> dict[str, str]:
    absent = {name: slots[one.table] for name, one in spec.series.items() if one.table in slots}
    for name, one in spec.series.items():
        parts = [part for part in one.product if part in absent]
        if parts:
            absent[name] = f"needs {', '.join(parts)}"
    return absent


def _window(
    spec: StudySpec, document: Document, frequency: Frequency, tables: dict[str, SeriesTable]
) -> Ints:
    """Dates of the study: its window, which every table must cover; without one, what all tables have in common."""
    first = max(table.dates[0] for table in tables.values())
    last = min(table.dates[-1] for table in tables.values())
    low = parse_date(spec.window.start, frequency) if spec.window.start else first
    high = parse_date(spec.window.end, frequency) if spec.window.end else last
    if low >= high:
        raise InputError(document.problem(["window"], "the window is empty", "from before to"))
    short = [
        name
        for name, t in tables.items()
        if (t.dates[0] > low or t.dates[-1] < high) and spec.tables[name].gaps == "error"
    ]
    if short:
        span = f"{format_date(first, frequency)} to {format_date(last, frequency)}"
        raise InputError(
            document.problem(["window"], f"not covered by table {', '.join(short)}", f"dates within {span}")
        )
    if frequency != "daily":
        return np.arange(low, high + 1, dtype=np.intp)
    seen = np.unique(np.concatenate([table.dates for table in tables.values()]))
    return seen[(seen >= low) & (seen <= high)]


def _column(
    name: str, one: SeriesSpec, spec: StudySpec, folder: Path, tables: dict[str, SeriesTable], dates: Ints
) -> Series:
    table = tables[one.table]
    if one.column not in table.values:
        problem = unknown_name("column", one.column, table.values)
        raise ValueError(f"{problem} in {spec.tables[one.table].file}")
    unit = table.units[one.column]
    if one.unit and one.unit != unit:
        raise ValueError(f"unit {shown(one.unit)}, but the header of {one.column} says {shown(unit)}")
    # Transforms see the whole table, so that a difference has its first value if an earlier date is there.
    values, steps = table.values[one.column], []
    for step in one.transform:
        what, argument = (step, None) if isinstance(step, str) else next(iter(step.items()))
        values = TRANSFORMS[what](values) if argument is None else TRANSFORMS[what](values, argument)
        steps.append(what.replace("_", " ") + (f" {argument}" if argument else ""))
    about = _provenance(spec, one, folder)
    return Series(
        name=name,
        label=one.label or about.get("title", name),
        values=_on(dates, table.dates, values),
        level=_on(dates, table.dates, table.values[one.column]),
        history=table.values[one.column][table.dates <= dates[-1]],
        unit=unit,
        transform=", ".join(steps) or "none",
        stands_in_for=one.stands_in_for,
        source=about.get("source", f"{spec.tables[one.table].file}, column {one.column}"),
        status=about.get("status", "as supplied"),
    )


def _product(name: str, one: SeriesSpec, series: dict[str, Series]) -> Series:
    parts = [series[part] for part in one.product]
    values = interaction([part.values for part in parts])
    stand_ins = "; ".join(part.stands_in_for for part in parts if part.stands_in_for)
    label = one.label or " x ".join(part.label for part in parts)
    return Series(
        name=name,
        label=label,
        values=values,
        level=values,
        history=values,
        unit="1",
        transform="product of standardised series",
        stands_in_for=one.stands_in_for or stand_ins,
        source="computed from the series it multiplies",
        status="computed",
    )


def _on(dates: Ints, have: Ints, values: Floats) -> Floats:
    """Values on the study's dates, NaN where the table has none."""
    result = np.full(dates.size, np.nan)
    place = np.searchsorted(have, dates).clip(0, have.size - 1)
    found = have[place] == dates
    result[found] = values[place[found]]
    return result


def _provenance(spec: StudySpec, one: SeriesSpec, folder: Path) -> dict[str, Any]:
    file = spec.tables[one.table].provenance
    if not file:
        return {}
    document = load(folder / file)
    columns = _mapping(document, (), document.data).get("columns", {})
    about = _mapping(document, ("columns",), columns).get(one.column, {})
    about = _mapping(document, ("columns", one.column), about)
    return {key: str(value) for key, value in about.items()}


def _mapping(document: Document, path: KeyPath, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(document.problem(path, f"got {shown(value)}", "a mapping"))
    return value


def _phases(
    spec: StudySpec, document: Document, folder: Path, frequency: Frequency, dates: Ints
) -> dict[str, np.ndarray] | None:
    if spec.phases.dated is None:
        return None
    when, phase = read_phases(folder / spec.phases.dated, frequency)
    result = {name: np.isin(dates, when[phase == name]) for name in ("bear", "bull")}
    empty = [name for name, chosen in result.items() if not chosen.any()]
    if empty:
        raise InputError(
            document.problem(["phases", "dated"], f"no date of the window is in a {' or '.join(empty)} phase")
        )
    return result
