"""OECD Inter-Country Input-Output tables, million USD, editions of 2016 to 2023 as CSV.

Files are named like ICIO2021_2018.csv or 2018_SML.csv.

Mexico and China are split into MX1, MX2 and CN1, CN2 in the extended editions; a concordance puts them together.
"""

from __future__ import annotations

from pathlib import Path

from calibration.sources import delimited
from calibration.sources.table import Label, WorldTable, check_year, to_table

FINAL = {
    "HFCE",
    "NPISH",
    "NPS",
    "GGFC",
    "GFCF",
    "INVNT",
    "INV",
    "DIRP",
    "DPABR",
    "FD",
    "P33",
    "DISC",
    "NONRES",
}
TOTALS = {"OUT", "TOTAL"}


def read(path: Path, year: int, factor: float = 1.0, negative: str = "refuse") -> WorldTable:
    """A year of the tables; the column of statistical discrepancies (DISC) is a final use of its own economy `ALL`."""
    check_year(path, year)
    text = delimited.read_text(path)
    sheet = delimited.parse(text, str(path), separator=",", header_rows=1, label_columns=1)
    names = [name.strip() for name in sheet.header[0]]
    columns = [None if name in TOTALS else _column(name) for name in names]
    known = {label for label in columns if label is not None and label[1] not in FINAL}
    countries = {label[0] for label in known}
    rows = [_row(cells[0].strip(), countries) for cells in sheet.labels]
    output = next((name for name in names if name in TOTALS), None)
    cells = delimited.to_cells(sheet, rows, columns, lambda label: label[1] in FINAL, output=output)
    return to_table("OECD ICIO", year, cells, factor=factor, negative=negative)


def _column(name: str) -> Label | None:
    if "_" not in name:
        return ("ALL", name) if name in FINAL else None
    country, sector = name.split("_", 1)
    if country in FINAL:  # the edition of 2016 writes HC_AUS
        country, sector = sector, country
    return country, sector


def _row(name: str, countries: set[str]) -> Label | None:
    """Rows of taxes (AUS_TAXSUB, TLS), value added (VA, VALU) and output (OUT, OUTPUT) are no industries."""
    country, _, sector = name.partition("_")
    factor = (
        not sector
        or "TAX" in name
        or sector in ("VALU", "VA")
        or country in ("TLS", "VA", "VALU", "OUT", "OUTPUT")
    )
    return None if factor or (country not in countries and country in ("", "TOTAL")) else (country, sector)
