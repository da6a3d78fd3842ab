"""What every reader of a world input-output table gives, and the checks all tables go through."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from calibration.errors import InputError, Problem, nearest, one_of

Array = npt.NDArray[np.float64]
Label = tuple[str, str]  # economy, industry (or category of final use)

ROUNDING = 0.5  # of the smallest step of the table, for every cell of a row
SHARE_OFF = 0.005  # how far a stated output may be from the sum of its row beyond rounding
SHOWN = 20


@dataclass(frozen=True)
class WorldTable:
    """A world input-output table at basic prices, million USD, industry by industry."""

    name: str
    year: int
    countries: tuple[str, ...]
    sectors: tuple[str, ...]
    intermediate: Array  # (i,k,n,j) sales of country i, industry k to industry j of country n
    final: Array  # (i,k,n) sales to final users of n, changes of stocks included
    output: Array  # (i,k) as the table states it; the sum of the row may differ by rounding
    notes: tuple[str, ...] = field(default_factory=tuple)  # what the reader changed, with amounts


@dataclass(frozen=True)
class Cells:
    """The cells of a table with their labels and where they stand in its file."""

    file: str
    rows: Sequence[Label]  # of industries
    columns: Sequence[Label]  # of industries, in the same order as the rows
    final_columns: Sequence[Label]
    intermediate: Array  # (row, column)
    final: Array  # (row, final column)
    output: Array | None = None  # (row,) as stated
    row_lines: Sequence[int] = ()  # line of each row in the file
    column_numbers: Sequence[int] = ()  # column, from 1, of each column in the file

    def at(self, row: int, column: int | None = None) -> tuple[int | None, str]:
        """Line and column of a cell as they are named in messages."""
        line = self.row_lines[row] if row < len(self.row_lines) else None
        place = f"row {' '.join(self.rows[row])}"
        if column is not None:
            label = [*self.columns, *self.final_columns][column]
            number = f" (column {self.column_numbers[column]})" if column < len(self.column_numbers) else ""
            place += f", column {' '.join(label)}{number}"
        return line, place


def to_table(
    name: str, year: int, cells: Cells, *, factor: float = 1.0, negative: str = "refuse"
) -> WorldTable:
    """Check cells and give them the shape of a world table.

    factor: million USD in one unit of the file. negative: `refuse` or `zero` for negative flows between industries
    (final uses may be negative: stocks fall). Raises InputError: labels missing, repeated, superfluous or in another
    order, cells that are no finite numbers, negative flows, rows that do not add up to the stated output.
    """
    check_labels(cells)
    _check_finite(cells)
    cells, notes = _negative_flows(cells, negative)
    countries = tuple(dict.fromkeys([*(c for c, _ in cells.rows), *(c for c, _ in cells.final_columns)]))
    sectors = tuple(dict.fromkeys(s for _, s in cells.rows))
    output = cells.intermediate.sum(1) + cells.final.sum(1) if cells.output is None else cells.output
    _check_sums(cells, output)
    place = {
        label: (countries.index(label[0]), sectors.index(label[1])) for label in dict.fromkeys(cells.rows)
    }
    position = np.array([place[label] for label in cells.rows])
    flat = position[:, 0] * len(sectors) + position[:, 1]
    size = len(countries) * len(sectors)
    intermediate = np.zeros((size, size))
    intermediate[np.ix_(flat, flat)] = cells.intermediate
    final = np.zeros((size, len(countries)))
    for column, (country, _) in enumerate(cells.final_columns):
        final[flat, countries.index(country)] += cells.final[:, column]
    stated = np.zeros(size)
    stated[flat] = output
    n, k = len(countries), len(sectors)
    return WorldTable(
        name=name,
        year=year,
        countries=countries,
        sectors=sectors,
        intermediate=factor * intermediate.reshape(n, k, n, k),
        final=factor * final.reshape(n, k, n),
        output=factor * stated.reshape(n, k),
        notes=notes,
    )


def check_year(path: Path, year: int, found: int | None = None) -> None:
    """Raises InputError when a file says, inside or in its name, that it is of another year."""
    named = [int(text) for text in re.findall(r"(?<!\d)(?:19|20)\d\d(?!\d)", path.stem)]
    if found is None and named:
        found = named[-1]  # an edition may stand before it
    if found is not None and found != year:
        raise InputError(Problem(f"a table of {found}", str(path), expected=f"one of {year}"))


def scaled(table: WorldTable, note: str, factor: float) -> WorldTable:
    """The table with every flow times a factor."""
    return replace(
        table,
        intermediate=factor * table.intermediate,
        final=factor * table.final,
        output=factor * table.output,
        notes=(*table.notes, note),
    )


def check_labels(cells: Cells) -> None:
    """Raises InputError unless rows and columns of industries are the same, in the same order, each once."""
    problems = []
    first: dict[Label, int] = {}
    for row, label in enumerate(cells.rows):
        if label in first:
            line, place = cells.at(row)
            problems.append(Problem("the label stands twice", cells.file, line, place))
        first.setdefault(label, row)
    columns = dict.fromkeys(cells.columns)
    names = [" ".join(label) for label in first]
    for position, label in enumerate(cells.columns):
        if label not in first:
            number = cells.column_numbers[position] if cells.column_numbers else position + 1
            text = f"column {' '.join(label)} (column {number}) has no row of that label"
            problems.append(Problem(text, cells.file, suggestion=nearest(" ".join(label), names)))
    if len(columns) != len(cells.columns):
        seen: set[Label] = set()
        for label in cells.columns:
            if label in seen:
                problems.append(Problem(f"column {' '.join(label)} stands twice", cells.file))
            seen.add(label)
    for row, label in enumerate(cells.rows):
        if label not in columns:
            line, place = cells.at(row)
            problems.append(Problem("the row has no column of that label", cells.file, line, place))
    if not problems and list(cells.rows) != list(cells.columns):
        row = next(p for p, (r, c) in enumerate(zip(cells.rows, cells.columns, strict=True)) if r != c)
        line, place = cells.at(row)
        text = "rows and columns are in different orders"
        problems.append(Problem(text, cells.file, line, place, expected=" ".join(cells.columns[row])))
    problems += _check_rectangular(cells) if not problems else []
    if not cells.final_columns:
        problems.append(Problem("no columns of final use", cells.file))
    if problems:
        raise InputError(problems[:SHOWN])


def _check_rectangular(cells: Cells) -> list[Problem]:
    """Every economy must list every industry once."""
    by_country: dict[str, set[str]] = {}
    for country, sector in cells.rows:
        by_country.setdefault(country, set()).add(sector)
    every = set.union(*by_country.values()) if by_country else set()
    return [
        Problem(
            f"economy {country} has no industry {one_of(sorted(lacking)).removeprefix('one of ')}", cells.file
        )
        for country, sectors in by_country.items()
        if (lacking := every - sectors)
    ]


def _check_finite(cells: Cells) -> None:
    both = np.concatenate([cells.intermediate, cells.final], axis=1)
    bad = np.argwhere(~np.isfinite(both))
    if len(bad):
        raise InputError(
            [
                Problem(
                    f"got {both[row, column]}",
                    cells.file,
                    *cells.at(int(row), int(column)),
                    "a finite number",
                )
                for row, column in bad[:SHOWN]
            ]
        )


def _negative_flows(cells: Cells, negative: str) -> tuple[Cells, tuple[str, ...]]:
    bad = np.argwhere(cells.intermediate < 0)
    if not len(bad):
        return cells, ()
    if negative != "zero":
        problems = [
            Problem(
                f"negative flow {cells.intermediate[row, column]:g}",
                cells.file,
                *cells.at(int(row), int(column)),
                "0 or more, or `negative_flows: zero` in the calibration",
            )
            for row, column in bad[:SHOWN]
        ]
        raise InputError(problems)
    total = float(-cells.intermediate[cells.intermediate < 0].sum())
    note = f"{len(bad)} negative flows between industries, {total:,.6g} in all, set to zero."
    positive = np.maximum(cells.intermediate, 0.0)
    return replace(cells, intermediate=positive, output=None), (note,)


def _check_sums(cells: Cells, output: Array) -> None:
    sums = cells.intermediate.sum(1) + cells.final.sum(1)
    whole = bool((np.concatenate([cells.intermediate.ravel(), cells.final.ravel()]) % 1 == 0).all())
    count = cells.intermediate.shape[1] + cells.final.shape[1]
    allowed = SHARE_OFF * np.abs(output) + (
        ROUNDING * count if whole else 1e-6 * max(1.0, np.abs(output).max())
    )
    bad = np.flatnonzero(np.abs(sums - output) > allowed)
    if len(bad):
        problems = [
            Problem(
                f"the row adds to {sums[row]:,.6g}",
                cells.file,
                *cells.at(int(row)),
                f"{output[row]:,.6g}, as stated",
            )
            for row in bad[:SHOWN]
        ]
        raise InputError(problems)


def numbers(texts: Sequence[str], file: str, line: int, first_column: int) -> Array:
    """The cells of a row as numbers, blanks as zero. Raises InputError naming the first cell that is none."""
    try:
        return np.array(texts, dtype=float)
    except ValueError:
        values = np.empty(len(texts))
        for position, text in enumerate(texts):
            try:
                values[position] = float(text) if text.strip() else 0.0
            except ValueError:
                where = f"column {first_column + position}"
                raise InputError(Problem(f"got {text[:40]!r}", file, line, where, "a number")) from None
            if math.isnan(values[position]):
                where = f"column {first_column + position}"
                raise InputError(Problem("got nan", file, line, where, "a number")) from None
        return values
