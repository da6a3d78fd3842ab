"""Eora26, thousand USD: the folder or zip file with Eora26_2009_bp_T.txt, _FD.txt and the label files.

189 economies x 26 industries. The row and column of statistical discrepancies (ROW TOTAL) are left out, with a note.
Lenzen et al. (2013), Econ. Syst. Res. 25:20. `factor` 0.001 turns thousand into million USD.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from calibration.errors import InputError, Problem
from calibration.sources import delimited
from calibration.sources.table import Cells, Label, WorldTable, check_year, to_table

DISCREPANCY = ("ROW", "TOTAL")
COUNTRY, SECTOR = 1, 3  # columns of the label files: name, code, kind, industry or category


def read(path: Path, year: int, factor: float = 1e-3, negative: str = "refuse") -> WorldTable:
    """A year of the tables at basic prices."""
    check_year(path, year)
    rows = _labels(path, "labels_T.txt")
    final_columns = _labels(path, "labels_FD.txt")
    flows = _matrix(path, f"Eora26_{year}_bp_T.txt", len(rows), len(rows))
    final = _matrix(path, f"Eora26_{year}_bp_FD.txt", len(rows), len(final_columns))
    keep = [p for p, label in enumerate(rows) if label[0] != DISCREPANCY[0]]
    keep_final = [p for p, label in enumerate(final_columns) if label[0] != DISCREPANCY[0]]
    dropped = flows.values.sum() - flows.values[np.ix_(keep, keep)].sum()
    cells = Cells(
        file=flows.file,
        rows=[rows[p] for p in keep],
        columns=[rows[p] for p in keep],
        final_columns=[final_columns[p] for p in keep_final],
        intermediate=flows.values[np.ix_(keep, keep)],
        final=final.values[np.ix_(keep, keep_final)],
        row_lines=[flows.lines[p] for p in keep],
        column_numbers=[p + 1 for p in keep],
    )
    table = to_table("Eora26", year, cells, factor=factor, negative=negative)
    if not dropped:
        return table
    note = f"Statistical discrepancies (ROW) of {dropped * factor:,.6g} million USD between industries are left out."
    return WorldTable(**{**table.__dict__, "notes": (*table.notes, note)})


def _labels(path: Path, member: str) -> list[Label]:
    text = _text(path, member)
    labels = []
    for line, row in enumerate(text.splitlines(), start=1):
        cells = row.split("\t")
        if len(cells) <= SECTOR:
            expected = "economy, code, kind and name, separated by tabs"
            raise InputError(Problem(f"{len(cells)} cells", f"{path}/{member}", line, expected=expected))
        labels.append((cells[COUNTRY].strip(), cells[SECTOR].strip()))
    return labels


def _matrix(path: Path, member: str, rows: int, columns: int) -> delimited.Sheet:
    file = f"{path}/{member}"
    sheet = delimited.parse(_text(path, member), file, separator="\t", header_rows=0, label_columns=0)
    if sheet.values.shape != (rows, columns):
        text = f"{sheet.values.shape[0]} rows and {sheet.values.shape[1]} columns"
        expected = f"{rows} and {columns}, as the label files list"
        raise InputError(Problem(text, file, sheet.lines[-1], expected=expected))
    return sheet


def _text(path: Path, member: str) -> str:
    return delimited.read_text(path / member) if path.is_dir() else delimited.read_text(path, member)
