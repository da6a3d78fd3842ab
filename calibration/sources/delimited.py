"""Big labelled tables in text files, read line by line so that every fault has its line and column."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calibration.errors import InputError, Problem
from calibration.files import MEGABYTE, decode, read_bytes
from calibration.sources.table import Array, Cells, Label, numbers

MAX_BYTES = 4000 * MEGABYTE


@dataclass(frozen=True)
class Sheet:
    """A table as it stands in a file: header rows, label columns, numbers."""

    file: str
    header: list[list[str]]  # header rows, the cells above the numbers only
    labels: list[list[str]]  # label cells of every row
    values: Array
    lines: list[int]  # line of every row
    label_columns: int


def read_text(path: Path, member: str | None = None) -> str:
    """A text file, or a member of a zip file. Raises InputError when it is not there."""
    if member is None:
        return decode(read_bytes(path, MAX_BYTES), str(path))
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.rsplit("/", 1)[-1] == member]
            if not names:
                raise InputError(Problem(f"the archive holds no {member}", str(path)))
            return decode(archive.read(names[0]), f"{path}/{member}")
    except FileNotFoundError as error:
        raise InputError(Problem("no such file", str(path))) from error
    except zipfile.BadZipFile as error:
        raise InputError(Problem(f"not a readable zip file ({error})", str(path))) from error


def parse(text: str, file: str, *, separator: str, header_rows: int, label_columns: int) -> Sheet:
    """Split a text into header, labels and numbers. Raises InputError naming line and column of what is wrong."""
    lines = text.splitlines()
    if len(lines) <= header_rows:
        raise InputError(Problem("the table ends within its header", file, len(lines) or None))
    header = [split(line, separator) for line in lines[:header_rows]]
    width = len(header[0]) if header else len(split(lines[0], separator))
    labels, rows, numbers_of_lines = [], [], []
    for number, line in enumerate(lines[header_rows:], start=header_rows + 1):
        if not line.strip():
            continue
        cells = split(line, separator)
        if len(cells) != width:
            last = " (the file may be truncated)" if number == len(lines) else ""
            raise InputError(
                Problem(f"{len(cells)} cells{last}", file, number, expected=f"{width}, as above")
            )
        labels.append(cells[:label_columns])
        rows.append(numbers(cells[label_columns:], file, number, label_columns + 1))
        numbers_of_lines.append(number)
    return Sheet(
        file, [row[label_columns:] for row in header], labels, np.array(rows), numbers_of_lines, label_columns
    )


def to_cells(
    sheet: Sheet,
    rows: Sequence[Label | None],
    columns: Sequence[Label | None],
    is_final: Callable[[Label], bool],
    output: str | None = None,
) -> Cells:
    """The cells of a sheet: rows and columns labelled None are left out.

    is_final tells columns of final use. output: the first header cell of the column of stated outputs.
    """
    keep = [position for position, label in enumerate(rows) if label is not None]
    names = [label for label in rows if label is not None]
    industries = [p for p, label in enumerate(columns) if label is not None and not is_final(label)]
    final = [p for p, label in enumerate(columns) if label is not None and is_final(label)]
    if not keep or not industries:
        raise InputError(Problem("no industries were found in the table", sheet.file))
    stated = [p for p, cell in enumerate(sheet.header[0]) if output is not None and cell.strip() == output]
    values = sheet.values[keep]
    return Cells(
        file=sheet.file,
        rows=names,
        columns=[label for p in industries if (label := columns[p]) is not None],
        final_columns=[label for p in final if (label := columns[p]) is not None],
        intermediate=values[:, industries],
        final=values[:, final],
        output=values[:, stated[0]] if stated else None,
        row_lines=[sheet.lines[p] for p in keep],
        column_numbers=[p + sheet.label_columns + 1 for p in [*industries, *final]],
    )


def split(line: str, separator: str) -> list[str]:
    """The cells of a line; quotes as in CSV."""
    if '"' in line:
        return next(csv.reader([line], delimiter=separator))
    return line.split(separator)
