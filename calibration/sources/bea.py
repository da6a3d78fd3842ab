"""US BEA detail make and use tables (about 400 industries; 2007, 2012, 2017), million USD at producer prices."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from calibration import sources
from calibration.errors import InputError, Problem, nearest, one_of
from calibration.files import MEGABYTE, decode, read_bytes
from calibration.sources import delimited

Array = npt.NDArray[np.float64]

FILES = {
    2007: ("bea2007_detail_make_after.csv.gz", "bea2007_detail_use_PRO_after.csv.gz"),
    2012: ("bea2012_detail_make_before.csv.gz", "bea2012_detail_use_PRO_before.csv.gz"),
    2017: ("bea2017_detail_make_before.csv.gz", "bea2017_detail_use_PRO_before.csv.gz"),
}
NAMES = "bea{year}_detail_commodity_names.csv"
TOTALS = re.compile(r"T0\d\d|NA(\.\d)?|V00\d00|F\d\d[A-Z0-9]\d\d")  # totals, value added, final uses
# Industries without a commodity of the same code, which the list of names leaves out.
GOVERNMENT = {
    "331314": "Secondary smelting and alloying of aluminum",
    "S00101": "Federal electric utilities",
    "S00201": "State and local government passenger transit",
    "S00202": "State and local government electric utilities",
}
MAX_BYTES = 100 * MEGABYTE


@dataclass(frozen=True)
class DetailTable:
    """The make and use tables of a year."""

    year: int
    industries: tuple[str, ...]
    commodities: tuple[str, ...]
    names: dict[str, str]  # of codes, where the source has them
    make: Array  # (industry, commodity)
    use: Array  # (commodity, industry), imports included

    @property
    def output(self) -> Array:
        """(industry,) million USD."""
        return self.make.sum(1)


def read(folder: Path, year: int) -> DetailTable:
    """The tables of a year from a folder. Raises InputError: files, codes or numbers that are not as they should be."""
    if year not in FILES:
        raise InputError(f"no detail tables of {year}; BEA has {one_of(FILES)}")
    paths = [folder / name for name in FILES[year]]
    missing = [sources.missing_file("bea", path) for path in paths if not path.exists()]
    if missing:
        raise InputError(missing)
    make_rows, make_columns, make = _matrix(paths[0])
    use_rows, use_columns, use = _matrix(paths[1])
    problems = _differences(paths[1], "row", make_columns, use_rows)
    problems += _differences(paths[1], "column", make_rows, use_columns)
    if problems:
        raise InputError(problems)
    order = [use_rows.index(code) for code in make_columns], [use_columns.index(code) for code in make_rows]
    if (make < 0).any():
        row, column = np.argwhere(make < 0)[0]
        where = f"row {make_rows[row]}, column {make_columns[column]}"
        raise InputError(Problem("negative output", str(paths[0]), where=where, expected="0 or more"))
    return DetailTable(
        year, tuple(make_rows), tuple(make_columns), _names(folder, year), make, use[np.ix_(*order)]
    )


def _matrix(path: Path) -> tuple[list[str], list[str], Array]:
    sheet = delimited.parse(
        decode(read_bytes(path, MAX_BYTES), str(path)),
        str(path),
        separator=",",
        header_rows=1,
        label_columns=1,
    )
    rows = [labels[0].strip() for labels in sheet.labels]
    columns = [name.strip() for name in sheet.header[0]]
    keep_rows = [p for p, name in enumerate(rows) if not TOTALS.fullmatch(name)]
    keep_columns = [p for p, name in enumerate(columns) if not TOTALS.fullmatch(name)]
    for what, names in (
        ("row", [rows[p] for p in keep_rows]),
        ("column", [columns[p] for p in keep_columns]),
    ):
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise InputError(Problem(f"{what} {one_of(twice)} stands twice", str(path)))
    return (
        [rows[p] for p in keep_rows],
        [columns[p] for p in keep_columns],
        sheet.values[np.ix_(keep_rows, keep_columns)],
    )


def _differences(path: Path, what: str, wanted: list[str], found: list[str]) -> list[Problem]:
    """Codes of the make table that the use table lacks, and codes that only the use table has."""
    lacking = [
        Problem(f"no {what} {code}", str(path), expected="as in the make table")
        for code in wanted
        if code not in found
    ]
    extra = [
        Problem(f"{what} {code} is not in the make table", str(path), suggestion=nearest(code, wanted))
        for code in found
        if code not in wanted
    ]
    return lacking + extra


def _names(folder: Path, year: int) -> dict[str, str]:
    path = next((p for y in (year, *FILES) if (p := folder / NAMES.format(year=y)).exists()), None)
    if path is None:
        return dict(GOVERNMENT)
    lines = decode(read_bytes(path, MAX_BYTES), str(path)).splitlines()[1:]
    return GOVERNMENT | {
        cells[0].strip(): cells[1].strip() for line in lines if len(cells := delimited.split(line, ",")) >= 2
    }
