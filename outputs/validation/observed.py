"""What was observed, with source and status: tables of `calibration/data/facts` and of `calibration/data/evidence`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import calibration
from calibration.tables import Column, Table, read_csv

DATA = Path(calibration.__file__).parent / "data"
STATUS = ("seen", "computed", "memory", "analyst")
VAT = 0.17  # in quotations inside China


@dataclass(frozen=True)
class Figure:
    """An observed number."""

    value: float
    source: str
    status: str


@dataclass(frozen=True)
class Observed:
    """Everything that was observed."""

    abroad: Mapping[tuple[str, int], Figure]  # (element, year): USD per kg, FOB China
    in_china: Mapping[tuple[str, int], Figure]  # (element, year): USD per kg without value-added tax
    trade: Mapping[tuple[str, int], Figure]  # (series, year)
    literature: Mapping[str, Figure]


def read(folder: Path = DATA) -> Observed:
    """Read the tables. Raises InputError."""
    return Observed(
        _abroad(folder / "evidence" / "ree_oxide_prices_annual.csv"),
        _in_china(folder / "facts" / "prices_in_china.csv"),
        _trade(folder / "facts" / "trade.csv"),
        _literature(folder / "facts" / "literature.csv"),
    )


def _figures(table: Table, value: str, row: int) -> Figure:
    return Figure(float(table[value][row]), str(table["source"][row]), str(table["status"][row]))


def _abroad(path: Path) -> dict[tuple[str, int], Figure]:
    table = read_csv(
        path,
        (
            Column("element"), Column("year", "integer"), Column("price", "number", "USD per kg", minimum=0),
            Column("basis"), Column("status", valid=STATUS), Column("source"),
        ),
        key=("element", "year"),
    )  # fmt: skip
    found = {}
    for row in range(len(table)):
        figure = _figures(table, "price", row)
        basis = str(table["basis"][row])
        about = figure.source if basis.split()[-1] in figure.source else f"{figure.source}, {basis}"
        found[str(table["element"][row]), int(table["year"][row])] = Figure(
            figure.value, about, figure.status
        )
    return found


def _in_china(path: Path) -> dict[tuple[str, int], Figure]:
    table = read_csv(
        path,
        (
            Column("element"), Column("date"), Column("price", "number", "USD per kg", minimum=0),
            Column("status", valid=STATUS), Column("source"),
        ),
        key=("element", "date"),
    )  # fmt: skip
    found = {}
    for row in range(len(table)):
        figure = _figures(table, "price", row)
        year = int(str(table["date"][row])[:4])
        found[str(table["element"][row]), year] = Figure(
            figure.value / (1 + VAT), figure.source, figure.status
        )
    return found


def _trade(path: Path) -> dict[tuple[str, int], Figure]:
    table = read_csv(
        path,
        (
            Column("series"), Column("year", "integer"), Column("value", "number"), Column("unit"),
            Column("status", valid=STATUS), Column("source"),
        ),
        key=("series", "year"),
    )  # fmt: skip
    rows = range(len(table))
    return {
        (str(table["series"][row]), int(table["year"][row])): _figures(table, "value", row) for row in rows
    }


def _literature(path: Path) -> dict[str, Figure]:
    table = read_csv(
        path,
        (
            Column("fact"),
            Column("value", "number"),
            Column("unit"),
            Column("status", valid=STATUS),
            Column("source"),
        ),
        key=("fact",),
    )
    return {str(table["fact"][row]): _figures(table, "value", row) for row in range(len(table))}
