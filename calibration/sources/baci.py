"""CEPII BACI: bilateral trade in HS 2846 (rare-earth compounds). Gaulier & Zignago (2010), CEPII WP 2010-23."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from calibration.errors import InputError, Problem
from calibration.tables import Column, read_csv

COLUMNS = (
    Column("year", "integer"),
    Column("exporter"),
    Column("importer"),
    Column("product", valid=("284610", "284690")),
    Column("value_kusd", "number", minimum=0),
    Column("quantity_tonnes", required=False),
)


def read(
    path: Path, year: int, region_of: Mapping[str, str], rest: str
) -> dict[tuple[str, str, str], list[float]]:
    """(exporter, importer, product) -> [tonnes, million USD] between regions in one year.

    `region_of` maps BACI's country names; every other country is in `rest`. Trade inside a region is left out. Rows
    without tonnes count with their value only.
    """
    table = read_csv(path, COLUMNS, key=("year", "exporter", "importer", "product"))
    flows: dict[tuple[str, str, str], list[float]] = defaultdict(lambda: [0.0, 0.0])
    for row in range(len(table)):
        if table["year"][row] != year:
            continue
        exporter = region_of.get(table["exporter"][row], rest)
        importer = region_of.get(table["importer"][row], rest)
        if exporter == importer:
            continue
        tonnes = table["quantity_tonnes"][row]
        flow = flows[exporter, importer, str(table["product"][row])]
        flow[0] += float(tonnes or 0.0)
        flow[1] += float(table["value_kusd"][row]) / 1e3
    if not flows:
        raise InputError(Problem(f"no row of year {year}", str(path)))
    return dict(flows)
