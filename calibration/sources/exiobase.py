"""EXIOBASE 3, industry by industry, million EUR: the folder or zip file IOT_2009_ixi with Z.txt and Y.txt.

49 regions x 163 industries. `factor` in the calibration turns EUR into USD. Stadler et al. (2018), J. Ind. Ecol.
22:502.
"""

from __future__ import annotations

from pathlib import Path

from calibration.errors import InputError, Problem
from calibration.sources import delimited
from calibration.sources.table import Cells, WorldTable, check_labels, check_year, to_table


def read(path: Path, year: int, factor: float = 1.0, negative: str = "refuse") -> WorldTable:
    """A year of the tables."""
    check_year(path, year)
    flows, final = _sheet(path, "Z.txt"), _sheet(path, "Y.txt")
    cells = Cells(
        file=flows.file,
        rows=[(r, s) for r, s in flows.labels],
        columns=list(zip(*flows.header, strict=True)),
        final_columns=list(zip(*final.header, strict=True)),
        intermediate=flows.values,
        final=final.values,
        row_lines=flows.lines,
        column_numbers=[p + 3 for p in range(flows.values.shape[1])],
    )
    check_labels(cells)
    if flows.labels != final.labels:
        line = next(
            (p for p, (a, b) in enumerate(zip(flows.labels, final.labels, strict=False)) if a != b), None
        )
        text = "the rows are not those of Z.txt"
        number = final.lines[line] if line is not None else None
        raise InputError(Problem(text, final.file, number))
    return to_table("EXIOBASE 3", year, cells, factor=factor, negative=negative)


def _sheet(path: Path, member: str) -> delimited.Sheet:
    """Two header rows (region, industry or category), two label columns, and sometimes a line with their names."""
    if path.is_dir():
        file, text = path / member, delimited.read_text(path / member)
    else:
        file, text = path / member, delimited.read_text(path, member)
    lines = text.splitlines()
    if len(lines) > 2 and lines[2].strip() in ("region\tsector", "sector\tregion"):
        del lines[2]
    return delimited.parse("\n".join(lines), str(file), separator="\t", header_rows=2, label_columns=2)
