"""WIOD releases 2013 and 2016, current million USD. Timmer et al. (2015), Rev. Int. Econ. 23:575; (2016) GGDC RM 162.

Release 2013: 41 economies x 35 industries, 1995-2011. Release 2016: 44 economies x 56 industries, 2000-2014.
"""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from calibration.errors import InputError, Problem
from calibration.files import MEGABYTE, read_bytes
from calibration.sources import delimited
from calibration.sources.table import Cells, Label, WorldTable, check_year, numbers, to_table

HEADER_ROWS, LABEL_COLUMNS = 6, 4  # of the Excel files
CODE, NAME, COUNTRY, NUMBER = 0, 1, 2, 3  # label columns; header rows 3 to 6 hold the same


def read_2013(path: Path, year: int, factor: float = 1.0, negative: str = "refuse") -> WorldTable:
    """The Excel file of a year (wiot09_row_apr12.xlsx), or its arrays Z, F, x, countries, sectors packed as .npz."""
    read = _read_npz if path.suffix == ".npz" else _read_excel
    return to_table("WIOD release 2013", year, read(path, year), factor=factor, negative=negative)


def read_2016(path: Path, year: int, factor: float = 1.0, negative: str = "refuse") -> WorldTable:
    """The Excel file of a year (WIOT2014_Nov16_ROW.xlsb), or the data frame of the R or Stata release as CSV."""
    read = _read_csv_2016 if path.suffix == ".csv" else _read_excel
    return to_table("WIOD release 2016", year, read(path, year), factor=factor, negative=negative)


def _read_npz(path: Path, year: int) -> Cells:
    check_year(path, year)
    try:
        with np.load(io.BytesIO(read_bytes(path, 100 * MEGABYTE)), allow_pickle=False) as packed:
            arrays = {name: packed[name] for name in ("Z", "F", "x", "countries", "sectors")}
    except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        what = f"not a readable world table ({error})"
        raise InputError(Problem(what, str(path), expected="arrays Z, F, x, countries, sectors")) from error
    countries = [str(name) for name in arrays["countries"]]
    sectors = [str(name) for name in arrays["sectors"]]
    size = len(countries) * len(sectors)
    shapes = {"Z": (size, size), "x": (size,)}
    wrong = [
        Problem(f"array {name} has shape {arrays[name].shape}", str(path), expected=str(shape))
        for name, shape in shapes.items()
        if arrays[name].shape != shape
    ]
    final = arrays["F"]
    if final.ndim != 2 or final.shape[0] != size or final.shape[1] % len(countries):
        wrong.append(Problem(f"array F has shape {final.shape}", str(path), expected=f"({size}, categories)"))
    if wrong:
        raise InputError(wrong)
    labels = [(country, sector) for country in countries for sector in sectors]
    categories = final.shape[1] // len(countries)
    return Cells(
        file=str(path),
        rows=labels,
        columns=labels,
        final_columns=[(country, f"final use {c + 1}") for country in countries for c in range(categories)],
        intermediate=arrays["Z"].astype(float),
        final=final.astype(float),
        output=arrays["x"].astype(float),
    )


def _read_excel(path: Path, year: int) -> Cells:
    rows = _excel_rows(path)
    if len(rows) <= HEADER_ROWS:
        raise InputError(Problem("the sheet ends within its header", str(path), len(rows) or None))
    stated = [
        int(y) for cell in rows[0] + rows[1] for y in re.findall(r"(?<!\d)(?:19|20)\d\d(?!\d)", str(cell))
    ]
    check_year(path, year, stated[0] if stated else None)
    header = [[str(cell) for cell in row[LABEL_COLUMNS:]] for row in rows[2:HEADER_ROWS]]
    labels: list[Label | None] = []
    values, lines = [], []
    for line, row in enumerate(rows[HEADER_ROWS:], start=HEADER_ROWS + 1):
        number = str(row[NUMBER])
        country = str(row[COUNTRY])
        if not re.fullmatch(r"r\d+", number) or country in ("", "TOT"):
            continue
        labels.append((country, f"c{number[1:]}"))
        values.append(
            numbers([str(cell) for cell in row[LABEL_COLUMNS:]], str(path), line, LABEL_COLUMNS + 1)
        )
        lines.append(line)
    if not values:
        raise InputError(Problem("no row whose fourth cell is r1, r2, ...", str(path)))
    columns: list[Label | None] = [
        (country, number) if country not in ("", "TOT") and number.startswith("c") else None
        for country, number in zip(header[COUNTRY], header[NUMBER], strict=True)
    ]
    total = next((p for p in reversed(range(len(columns))) if columns[p] is None), None)
    sheet = delimited.Sheet(str(path), header, [], np.array(values), lines, LABEL_COLUMNS)
    known = {label[1] for label in labels if label is not None}
    cells = delimited.to_cells(sheet, labels, columns, lambda label: label[1] not in known)
    return cells if total is None else _with_output(cells, sheet.values[:, total])


def _with_output(cells: Cells, output: np.ndarray) -> Cells:
    return Cells(**{**cells.__dict__, "output": output})


def _excel_rows(path: Path) -> list[list[Any]]:
    read_bytes(path, 400 * MEGABYTE)  # one message for a missing or unreadable file
    import python_calamine

    try:
        workbook = python_calamine.CalamineWorkbook.from_path(str(path))
        return workbook.get_sheet_by_index(0).to_python(skip_empty_area=False)
    except (python_calamine.CalamineError, OSError) as error:
        raise InputError(Problem(f"not a readable Excel file ({error})", str(path))) from error


def _read_csv_2016(path: Path, year: int) -> Cells:
    """Columns IndustryCode, IndustryDescription, Country, RNr, Year, AUS1, ..., ROW61, TOT."""
    text = delimited.read_text(path)
    names = next(iter(text.splitlines()), "").replace('"', "").split(",")
    wanted = ["IndustryCode", "IndustryDescription", "Country", "RNr", "Year"]
    if names[:5] != wanted:
        raise InputError(Problem("other columns than expected", str(path), 1, expected=", ".join(wanted)))
    sheet = delimited.parse(text, str(path), separator=",", header_rows=1, label_columns=5)
    years = {labels[4].strip() for labels in sheet.labels}
    if years != {str(year)}:
        check_year(path, year, int(min(years - {str(year)})))
    rows: list[Label | None] = []
    for _, _, country, number, _ in sheet.labels:
        rows.append(
            None if country == "TOT" or not number.strip().isdigit() else (country, f"c{int(number)}")
        )
    known = {label[1] for label in rows if label is not None}
    columns: list[Label | None] = []
    for name in sheet.header[0]:
        match = re.fullmatch(r"([A-Z]{3})(\d+)", name)
        columns.append((match[1], f"c{match[2]}") if match else None)
    return delimited.to_cells(sheet, rows, columns, lambda label: label[1] not in known, output="TOT")
