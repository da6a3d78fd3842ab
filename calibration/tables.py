"""CSV tables read and written strictly: named columns, units in the header, no empty or non-finite numbers.

A table may start with comment lines (`# source: ...`). Its header names every column once, in any order, a number's
unit in brackets: `region,sector,output [million USD]`.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np

from calibration.errors import InputError, Problem, nearest, one_of, printable, shown, unknown_name
from calibration.files import MEGABYTE, decode, read_bytes, write_text

MAX_BYTES = 200 * MEGABYTE
MAX_PROBLEMS = 100
_NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
# First characters at which a spreadsheet takes text for a formula, full-width forms included.
_FORMULA = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"

Kind: TypeAlias = Literal["text", "number", "integer"]


@dataclass(frozen=True, slots=True)
class Column:
    """What a column of a table holds."""

    name: str
    kind: Kind = "text"
    unit: str = ""  # stands in the header as `name [unit]`
    minimum: float = -math.inf
    maximum: float = math.inf
    valid: Collection[str] | None = None  # names that may stand here
    required: bool = True  # False: text may be empty, and the whole column may be absent and is then left out

    @property
    def header(self) -> str:
        return f"{self.name} [{self.unit}]" if self.unit else self.name


@dataclass(frozen=True, slots=True)
class Table:
    """The columns of a table by name, each an array of its rows, and the line of every row in its file."""

    file: str
    columns: Mapping[str, np.ndarray]
    lines: np.ndarray = field(repr=False)

    def __getitem__(self, column: str) -> np.ndarray:
        return self.columns[column]

    def __len__(self) -> int:
        return len(self.lines)

    def problem(self, row: int, column: str, what: str, expected: str = "", suggestion: str = "") -> Problem:
        """A problem with one cell, its file and line filled in; rows count from 0 after the header."""
        return Problem(what, self.file, int(self.lines[row]), f"column {column}", expected, suggestion)


def read_csv(path: str | Path, columns: Sequence[Column], key: Sequence[str] = ()) -> Table:
    """Read a CSV file, or one packed as .csv.gz.

    No two rows may agree in all columns of `key`. Text columns become object arrays, numbers float64, integers int64;
    the arrays are read-only. Raises InputError with all problems, each with file, line and column.
    """
    file = str(path)
    return parse_csv(decode(read_bytes(path, MAX_BYTES), file), columns, key, file)


def parse_csv(text: str, columns: Sequence[Column], key: Sequence[str] = (), file: str = "<text>") -> Table:
    """`read_csv` on text already at hand."""
    rows = _rows(text, file)
    if not rows:
        raise InputError(Problem("the table is empty", file, expected=f"a header with {_headers(columns)}"))
    header_line, header = rows[0]
    present = _check_header(header, columns, file, header_line)
    problems = [
        Problem(f"{len(cells)} cells", file, line, expected=f"{len(header)}, as in the header")
        for line, cells in rows[1:]
        if len(cells) != len(header)
    ]
    if problems:
        raise InputError(problems)
    lines = np.array([line for line, _ in rows[1:]], dtype=np.int64)
    table: dict[str, np.ndarray] = {}
    for column, position in present:
        cells = [row[position] for _, row in rows[1:]]
        table[column.name] = _convert(column, cells, lines, file, problems)
    if not problems:
        problems += _repeated(key, table, lines, file)
    if problems:
        raise InputError(problems[:MAX_PROBLEMS])
    for array in (lines, *table.values()):
        array.flags.writeable = False
    return Table(file, table, lines)


def write_csv(
    path: str | Path, columns: Mapping[str, Iterable[Any]], *, comments: Iterable[str] = ()
) -> None:
    """Write columns (header -> cells of equal number) whole or not at all; numbers read back as the same bits.

    Text that a spreadsheet would run as a formula gets an apostrophe in front. Raises ValueError on a number that is
    not finite: a table never holds one.
    """
    write_text(path, format_csv(columns, comments=comments))


def format_csv(columns: Mapping[str, Iterable[Any]], *, comments: Iterable[str] = ()) -> str:
    """The text that `write_csv` writes."""
    stream = io.StringIO()
    for comment in comments:
        stream.write(f"# {printable(comment)}\n")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([_cell(name) for name in columns])
    for row in zip(*columns.values(), strict=True):
        writer.writerow([_cell(value) for value in row])
    return stream.getvalue()


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case str():
            text = value.replace("\x00", "").replace("\r\n", "\n").replace("\r", "\n")
            return f"'{text}" if text.lstrip(" ").startswith(tuple(_FORMULA)) else text
        case bool() | np.bool_():
            return str(bool(value)).lower()
        case int() | np.integer():
            return str(int(value))
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"a table cannot hold the number {number}")
    return repr(number)


def _rows(text: str, file: str) -> list[tuple[int, list[str]]]:
    """Line and cells of every row; comment lines before the header and empty lines are left out."""
    if "\x00" in text:
        raise InputError(Problem("a NUL character", file, text.count("\n", 0, text.index("\x00")) + 1))
    stream = io.StringIO(text.replace("\r\n", "\n").replace("\r", "\n"), newline="")
    skipped = 0
    start = 0
    while (line := stream.readline()).startswith("#") or (line and not line.strip()):
        skipped += 1
        start = stream.tell()
    stream.seek(start)
    reader = csv.reader(stream, strict=True)
    rows = []
    before = skipped
    try:
        for cells in reader:
            if cells:
                rows.append((before + 1, cells))
            before = skipped + reader.line_num
    except csv.Error as error:
        raise InputError(Problem(f"not CSV: {error}", file, before + 1)) from error
    return rows


def _check_header(
    header: list[str], columns: Sequence[Column], file: str, line: int
) -> list[tuple[Column, int]]:
    """The columns that are there and their positions. Raises InputError on missing, unknown and repeated ones."""
    if len(header) == 1 and len(columns) > 1 and (found := re.search("[;\t|]", header[0])):
        raise InputError(Problem(f"cells are separated by {found[0]!r}", file, line, expected="commas"))
    problems = []
    wanted = {column.header: column for column in columns}
    for position, name in enumerate(header):
        if name in header[:position]:
            problems.append(Problem(f"column {shown(name)} stands twice in the header", file, line))
        elif name not in wanted:
            problems.append(_unknown_column(name, wanted, file, line))
    for name, column in wanted.items():
        if column.required and name not in header and not any(p.suggestion == name for p in problems):
            problems.append(Problem(f"no column {name!r}", file, line, expected=_headers(columns)))
    if problems:
        raise InputError(problems)
    return [(column, header.index(name)) for name, column in wanted.items() if name in header]


def _unknown_column(name: str, wanted: Mapping[str, Column], file: str, line: int) -> Problem:
    bare = name.split("[")[0].strip()
    same = next((header for header, column in wanted.items() if column.name == bare), "")
    if same:
        return Problem(f"column {shown(name)}", file, line, expected=repr(same), suggestion=same)
    return unknown_name("column", name, wanted, file=file, line=line)


def _headers(columns: Sequence[Column]) -> str:
    return ", ".join(column.header for column in columns)


def _convert(
    column: Column, cells: list[str], lines: np.ndarray, file: str, problems: list[Problem]
) -> np.ndarray:
    """The cells of one column as an array; what is wrong with them is added to `problems`."""

    def report(row: int, what: str, expected: str = "", suggestion: str = "") -> None:
        where = f"column {column.name}"
        problems.append(Problem(what, file, int(lines[row]), where, expected, suggestion))

    if column.kind == "text":
        names = set(column.valid) if column.valid is not None else None
        for row, cell in enumerate(cells):
            if cell == "" and column.required:
                report(row, "an empty cell", "text" if names is None else one_of(column.valid or ()))
            elif cell and names is not None and cell not in names:
                report(row, f"unknown name {shown(cell)}", one_of(column.valid or ()), nearest(cell, names))
        return np.array(cells, dtype=object)
    pattern, expected = (_NUMBER, "a number") if column.kind == "number" else (_INTEGER, "a whole number")
    values = np.zeros(len(cells), dtype=np.float64 if column.kind == "number" else np.int64)
    for row, given in enumerate(cells):
        cell = given.strip(" \t")  # and no other blank, such as those that cannot be seen
        if not pattern.fullmatch(cell):
            report(row, f"got {shown(given)}" if cell else "an empty cell", expected)
            continue
        value = float(cell) if column.kind == "number" else int(cell)
        if not math.isfinite(value):
            report(row, f"got {cell}", "a finite number")
        elif not column.minimum <= value <= column.maximum:
            report(row, f"got {cell}", _range(column))
        else:
            values[row] = value
    return values


def _range(column: Column) -> str:
    if math.isinf(column.maximum):
        return f"at least {column.minimum:g}"
    if math.isinf(column.minimum):
        return f"at most {column.maximum:g}"
    return f"{column.minimum:g} to {column.maximum:g}"


def _repeated(
    key: Sequence[str], table: Mapping[str, np.ndarray], lines: np.ndarray, file: str
) -> list[Problem]:
    if not key:
        return []
    first: dict[tuple[Any, ...], int] = {}
    problems = []
    for line, name in zip(
        lines.tolist(), zip(*(table[column].tolist() for column in key), strict=True), strict=True
    ):
        if name in first:
            described = ", ".join(f"{column} {value}" for column, value in zip(key, name, strict=True))
            problems.append(Problem(f"{described} stands twice; first in line {first[name]}", file, line))
        first.setdefault(name, line)
    return problems
