"""CEPII BACI: bilateral trade in HS 2846 (rare-earth compounds). Gaulier & Zignago (2010), CEPII WP 2010-23."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Mapping
from pathlib import Path

from calibration.errors import InputError, Problem, nearest, one_of, shown
from calibration.tables import Column, Table, read_csv

COLUMNS = (
    Column("year", "integer"),
    Column("exporter"),
    Column("importer"),
    Column("product", valid=("284610", "284690")),
    Column("value_kusd", "number", minimum=0),
    Column("quantity_tonnes", required=False),
)
UNKNOWN = ("", "NA")  # what CEPII writes for a quantity that is not known


def read(
    path: Path, year: int, region_of: Mapping[str, str], rest: str
) -> tuple[dict[tuple[str, str, str], list[float]], tuple[str, ...]]:
    """(exporter, importer, product) -> [tonnes, million USD] between regions in one year; and what is amiss with names.

    `region_of` maps BACI's country names; every other country is in `rest`, and refused when that is "". Trade inside a
    region is left out. Rows without tonnes count with their value only. Names of `region_of` that no row of any year
    has are told: their countries may stand in the file under other names, whose trade then counts in `rest`.
    """
    table = read_csv(path, COLUMNS, key=("year", "exporter", "importer", "product"))
    nowhere = {*table["exporter"], *table["importer"]} - {*region_of}
    if nowhere and not rest:
        text = f"{one_of(sorted(nowhere))} is in no region of the concordance"
        raise InputError(
            Problem(text, str(path), expected="`rest`: the region of all countries without a name")
        )
    tonnes = _tonnes(table)
    flows: dict[tuple[str, str, str], list[float]] = defaultdict(lambda: [0.0, 0.0])
    for row in range(len(table)):
        if table["year"][row] != year:
            continue
        exporter = region_of.get(table["exporter"][row], rest)
        importer = region_of.get(table["importer"][row], rest)
        if exporter == importer:
            continue
        flow = flows[exporter, importer, str(table["product"][row])]
        flow[0] += tonnes[row]
        flow[1] += float(table["value_kusd"][row]) / 1e3
    if not flows:
        raise InputError(Problem(f"no row of year {year}", str(path)))
    return dict(flows), _unseen(region_of, {*table["exporter"], *table["importer"]}, rest)


def _tonnes(table: Table) -> list[float]:
    """Quantities, 0 where none is known. Raises InputError with every cell that holds something else."""
    if "quantity_tonnes" not in table.columns:
        raise InputError(Problem("no column 'quantity_tonnes'", table.file))
    found, problems = [], []
    for row, cell in enumerate(table["quantity_tonnes"]):
        try:
            tonnes = 0.0 if cell.strip() in UNKNOWN else float(cell)
        except ValueError:
            tonnes = math.nan
        if not 0 <= tonnes < math.inf:
            expected = "a number of at least 0, or NA"
            problems.append(table.problem(row, "quantity_tonnes", f"got {shown(cell)}", expected))
        found.append(tonnes)
    if problems:
        raise InputError(problems)
    return found


def _unseen(region_of: Mapping[str, str], found: Collection[str], rest: str) -> tuple[str, ...]:
    """Names that the file does not have, with the nearest of those that it has and no region claims."""
    others = [name for name in found if name not in region_of]
    told = []
    for name in region_of:
        if name not in found:
            close = nearest(name, others)
            told.append(f"{name} (is it {close}?)" if close else name)
    if not told:
        return ()
    return (
        f"The trade data do not have {', '.join(told)}: what trade there is under other names is in {rest}.",
    )
