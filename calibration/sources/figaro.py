"""Eurostat FIGARO, industry by industry, million EUR, matrix CSV (matrix_eu-ic-io_ind-by-ind_23ed_2010.csv).

`factor` in the calibration turns EUR into USD.
"""

from __future__ import annotations

import re
from pathlib import Path

from calibration.sources import delimited
from calibration.sources.table import Label, WorldTable, check_year, to_table

FINAL = re.compile(r"P3_S1[345]|P3|P5\w*")
FACTOR_ROWS = re.compile(r"W2_.*")  # taxes, residents' purchases, wages, other value added


def read(path: Path, year: int, factor: float = 1.0, negative: str = "refuse") -> WorldTable:
    """A year of the tables; the file's edition stands in its name too."""
    check_year(path, year)
    sheet = delimited.parse(
        delimited.read_text(path), str(path), separator=",", header_rows=1, label_columns=1
    )
    rows = [_label(cells[0]) for cells in sheet.labels]
    columns = [_label(name) for name in sheet.header[0]]
    cells = delimited.to_cells(sheet, rows, columns, lambda label: FINAL.fullmatch(label[1]) is not None)
    return to_table("FIGARO", year, cells, factor=factor, negative=negative)


def _label(name: str) -> Label | None:
    name = name.strip().strip('"')
    if FACTOR_ROWS.fullmatch(name) or "_" not in name:
        return None
    country, sector = name.split("_", 1)
    return country, sector
