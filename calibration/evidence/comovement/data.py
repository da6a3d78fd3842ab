"""Time series from CSV: dates checked, units named, gaps and duplicates refused.

A table has one column of dates, `month` (2010-07), `quarter` (2010-Q3), `year` (2010) or `date` (2010-07-30),
rising and without repeats, and one column `name [unit]` per series. Cells hold a number, or nothing where it
was not observed. Months, quarters and years must follow each other without a jump unless gaps are allowed; a
row that is absent is then a missing observation. Lines above the header that start with # are comments.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

import numpy as np

from calibration.errors import InputError, Problem, one_of, shown
from calibration.evidence.comovement.hits import Floats, Ints
from calibration.files import decode, read_bytes
from calibration.tables import MAX_BYTES, Column, parse_csv

Frequency = Literal["monthly", "quarterly", "annual", "daily"]
_NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")


@dataclass(frozen=True)
class Calendar:
    """How dates of one frequency are written and counted."""

    column: str
    pattern: re.Pattern[str]
    example: str
    count: Callable[[re.Match[str]], int]
    write: Callable[[int], str]
    regular: bool


CALENDARS: dict[str, Calendar] = {
    "monthly": Calendar(
        "month",
        re.compile(r"(\d{4})-(0[1-9]|1[0-2])"),
        "2010-07",
        lambda m: 12 * int(m[1]) + int(m[2]) - 1,
        lambda n: f"{n // 12:04d}-{n % 12 + 1:02d}",
        True,
    ),
    "quarterly": Calendar(
        "quarter",
        re.compile(r"(\d{4})-Q([1-4])"),
        "2010-Q3",
        lambda m: 4 * int(m[1]) + int(m[2]) - 1,
        lambda n: f"{n // 4:04d}-Q{n % 4 + 1}",
        True,
    ),
    "annual": Calendar(
        "year", re.compile(r"(\d{4})"), "2010", lambda m: int(m[1]), lambda n: f"{n:04d}", True
    ),
    "daily": Calendar(
        "date",
        re.compile(r"(\d{4})-(\d{2})-(\d{2})"),
        "2010-07-30",
        lambda m: date(int(m[1]), int(m[2]), int(m[3])).toordinal(),
        lambda n: date.fromordinal(n).isoformat(),
        False,
    ),
}


def parse_date(text: str, frequency: Frequency) -> int:
    """The number of a date in its calendar. Raises ValueError saying how dates are written."""
    calendar = CALENDARS[frequency]
    match = calendar.pattern.fullmatch(text.strip())
    try:
        if match:
            return calendar.count(match)
    except ValueError:  # a 31 June
        pass
    raise ValueError(f"{shown(text)} is not a date of {frequency} data; expected one like {calendar.example}")


def format_date(number: int, frequency: Frequency) -> str:
    return CALENDARS[frequency].write(int(number))


@dataclass(frozen=True)
class SeriesTable:
    """Series on a common, rising time axis; missing values are NaN."""

    file: str
    frequency: Frequency
    dates: Ints  # numbers of the dates, see `parse_date`
    values: dict[str, Floats]
    units: dict[str, str]


def read_series(
    path: str | Path, frequency: Frequency, gaps: Literal["error", "missing"] = "error"
) -> SeriesTable:
    """Read a table of time series. Raises InputError with all problems, each with file, line and column."""
    file = str(path)
    text = decode(read_bytes(path, MAX_BYTES), file)
    header = _header(text, file)
    calendar = CALENDARS[frequency]
    if header[0] != calendar.column:
        what = f"first column {shown(header[0])}"
        raise InputError(
            Problem(what, file, expected=f"{calendar.column}, with {frequency} dates like {calendar.example}")
        )
    table = parse_csv(text, [Column(name, required=name == calendar.column) for name in header], file=file)
    problems: list[Problem] = []
    dates = _dates(table, frequency, gaps, problems)
    values, units = {}, {}
    for name in header[1:]:
        bare, unit = _name_and_unit(name)
        if not unit:
            problems.append(Problem(f"column {shown(name)} has no unit", file, expected=f"{bare} [unit]"))
        if bare in values:
            problems.append(Problem(f"two columns named {bare}", file))
        values[bare], units[bare] = _numbers(table, name, problems), unit
    if problems:
        raise InputError(problems)
    place = dates - dates[0] if calendar.regular else np.arange(dates.size)
    length = int(place[-1]) + 1
    axis = dates[0] + np.arange(length) if calendar.regular else dates
    spread = {name: _spread(x, place, length) for name, x in values.items()}
    return SeriesTable(file, frequency, axis, spread, units)


def _header(text: str, file: str) -> list[str]:
    rows = [row for row in text.splitlines() if row.strip() and not row.startswith("#")]
    if len(rows) < 3:
        raise InputError(Problem("too few rows", file, expected="a header and at least two dates"))
    header = next(csv.reader([rows[0]]))
    if len(header) < 2:
        raise InputError(
            Problem(
                f"one column only: {shown(rows[0])}", file, expected="a date and series, separated by commas"
            )
        )
    return header


def _name_and_unit(header: str) -> tuple[str, str]:
    match = re.fullmatch(r"(.*?)\s*\[(.+)\]", header)
    return (match[1], match[2]) if match else (header.strip(), "")


def _dates(table, frequency: Frequency, gaps: str, problems: list[Problem]) -> Ints:
    calendar = CALENDARS[frequency]
    numbers: list[int] = []
    for row, cell in enumerate(table[calendar.column]):
        try:
            number = parse_date(cell, frequency)
        except ValueError as error:
            problems.append(table.problem(row, calendar.column, str(error)))
            continue
        if numbers and number == numbers[-1]:
            problems.append(table.problem(row, calendar.column, f"{cell} stands twice"))
        elif numbers and number < numbers[-1]:
            problems.append(
                table.problem(row, calendar.column, f"{cell} stands after a later date", "rising dates")
            )
        elif numbers and calendar.regular and gaps == "error" and number > numbers[-1] + 1:
            missing = calendar.write(numbers[-1] + 1)
            what = (
                f"{missing} is absent"
                if number == numbers[-1] + 2
                else f"{missing} to {calendar.write(number - 1)} are absent"
            )
            hint = "every date, or `gaps: missing` to take absent rows as missing"
            problems.append(table.problem(row, calendar.column, what, hint))
        numbers.append(number)
    return np.array(numbers, dtype=np.intp)


def _numbers(table, column: str, problems: list[Problem]) -> Floats:
    cells = table[column]
    values = np.full(len(cells), np.nan)
    for row, cell in enumerate(cells):
        if not cell.strip():
            continue
        if _NUMBER.fullmatch(cell.strip()) and np.isfinite(float(cell)):
            values[row] = float(cell)
        else:
            problems.append(
                table.problem(row, column, f"got {shown(cell)}", "a number, or nothing where not observed")
            )
    return values


def _spread(x: Floats, place: Ints, length: int) -> Floats:
    result = np.full(length, np.nan)
    result[place] = x
    return result


def read_phases(path: str | Path, frequency: Frequency) -> tuple[Ints, np.ndarray]:
    """Dates and phase names from a CSV with the calendar's date column and `phase` (bull, bear, or nothing)."""
    calendar = CALENDARS[frequency]
    text = decode(read_bytes(path, MAX_BYTES), str(path))
    columns = [Column(calendar.column), Column("phase", valid=("bull", "bear"), required=False)]
    table = parse_csv(text, columns, key=(calendar.column,), file=str(path))
    if "phase" not in table.columns:
        raise InputError(
            Problem(
                "no column 'phase'",
                str(path),
                expected=f"{calendar.column}, phase ({one_of(('bull', 'bear'))})",
            )
        )
    problems: list[Problem] = []
    dates = _dates(table, frequency, "missing", problems)
    if problems:
        raise InputError(problems)
    return dates, table["phase"]
