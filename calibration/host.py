"""The host table: the aggregated world table and rare-earth trade as shipped with a calibration.

Cells are whole million USD where the source has them so (WIOD), and rounded to one USD otherwise, so that a rebuild
gives the same bytes on every machine.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from calibration.errors import InputError, Problem
from calibration.files import MEGABYTE, decode, read_bytes, write_bytes
from calibration.tables import Column, format_csv, read_csv

Array = npt.NDArray[np.float64]

FILES = (
    "intermediate_trade.csv.gz",
    "final_trade.csv.gz",
    "use.csv.gz",
    "stated_output.csv",
    "rare_earth_trade.csv",
)


@dataclass(frozen=True)
class Host:
    """The aggregated world table, million USD at basic prices, and trade in rare-earth compounds."""

    regions: tuple[str, ...]
    sectors: tuple[str, ...]
    intermediate_trade: Array  # (i,n,k) sales to all industries of n
    final_trade: Array  # (i,n,k) sales to final users of n, changes of stocks included; may be negative
    use: Array  # (n,k,j) purchases from all origins
    stated_output: Array  # (n,k)
    trade_tonnes: Array  # (i,n,p) HS 284610, 284690, gross weight
    trade_value: Array  # (i,n,p) million USD, FOB


def _number(value: float) -> float | int:
    """Whole numbers without a decimal point; others to six decimals."""
    return int(value) if float(value).is_integer() else round(float(value), 6)


def _wide(names: dict[str, list[str]], columns: tuple[str, ...], values: Array) -> dict[str, list[Any]]:
    table: dict[str, list[Any]] = dict(names)
    for position, column in enumerate(columns):
        table[f"{column} [million USD]"] = [_number(v) for v in values[:, position]]
    return table


def write(host: Host, folder: Path, comments: list[str]) -> None:
    """Write the tables of a host; the same host gives the same bytes."""
    regions, sectors = host.regions, host.sectors
    n, k = len(regions), len(sectors)
    pairs = {"origin": [i for i in regions for _ in regions], "region": [r for _ in regions for r in regions]}
    goods = {"region": [r for r in regions for _ in sectors], "good": [g for _ in regions for g in sectors]}
    tables: dict[str, dict[str, list[Any]]] = {
        "intermediate_trade.csv.gz": _wide(pairs, sectors, host.intermediate_trade.reshape(n * n, k)),
        "final_trade.csv.gz": _wide(pairs, sectors, host.final_trade.reshape(n * n, k)),
        "use.csv.gz": _wide(goods, sectors, host.use.reshape(n * k, k)),
        "stated_output.csv": _wide({"region": list(regions)}, sectors, host.stated_output),
        "rare_earth_trade.csv": {
            **pairs,
            "cerium [t]": [_number(v) for v in host.trade_tonnes[:, :, 0].ravel()],
            "other [t]": [_number(v) for v in host.trade_tonnes[:, :, 1].ravel()],
            "cerium_value [million USD]": [_number(v) for v in host.trade_value[:, :, 0].ravel()],
            "other_value [million USD]": [_number(v) for v in host.trade_value[:, :, 1].ravel()],
        },
    }
    for name, table in tables.items():
        content = format_csv(table, comments=comments).encode()
        write_bytes(folder / name, _packed(content) if name.endswith(".gz") else content)


def _packed(content: bytes) -> bytes:
    """gzip without a time or a name, so that equal content gives equal bytes."""
    stream = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=stream, compresslevel=9, mtime=0) as packed:
        packed.write(content)
    return stream.getvalue()


def hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of the unpacked content of every table."""
    return {name: hashlib.sha256(read_bytes(folder / name, 100 * MEGABYTE)).hexdigest() for name in FILES}


def read(folder: Path, regions: tuple[str, ...], sectors: tuple[str, ...]) -> Host:
    """Read the tables of a host; regions and sectors must stand in the order given. Raises InputError."""
    pairs = [(i, r) for i in regions for r in regions]
    trade = read_csv(
        folder / "rare_earth_trade.csv",
        [
            Column("origin"),
            Column("region"),
            Column("cerium", "number", "t", minimum=0),
            Column("other", "number", "t", minimum=0),
            Column("cerium_value", "number", "million USD", minimum=0),
            Column("other_value", "number", "million USD", minimum=0),
        ],
    )
    first_line = int(trade.lines[0]) if len(trade) else 2  # comment lines stand above it
    _check_order(trade.file, list(zip(trade["origin"], trade["region"], strict=True)), pairs, first_line)
    n = len(regions)
    host = Host(
        regions=regions,
        sectors=sectors,
        intermediate_trade=_read_wide(folder / "intermediate_trade.csv.gz", pairs, sectors).reshape(n, n, -1),
        final_trade=_read_wide(folder / "final_trade.csv.gz", pairs, sectors).reshape(n, n, -1),
        use=_read_wide(folder / "use.csv.gz", [(r, g) for r in regions for g in sectors], sectors).reshape(
            n, len(sectors), -1
        ),
        stated_output=_read_wide(folder / "stated_output.csv", [(r,) for r in regions], sectors),
        trade_tonnes=np.stack([trade["cerium"], trade["other"]], axis=-1).reshape(n, n, 2),
        trade_value=np.stack([trade["cerium_value"], trade["other_value"]], axis=-1).reshape(n, n, 2),
    )
    check(host, folder)
    return host


def check(host: Host, folder: Path) -> None:
    """Raises InputError unless what regions buy of a good from all origins is what their sectors buy of it."""
    sold, bought = host.intermediate_trade.sum(0), host.use.sum(2)
    off = np.abs(sold - bought) > 1e-6 * np.maximum(np.abs(bought), 1.0)
    problems = [
        Problem(
            f"{host.regions[n]} buys {bought[n, k]:,.6g} million USD of {host.sectors[k]}",
            str(folder / "use.csv.gz"),
            expected=f"{sold[n, k]:,.6g}, as in intermediate_trade.csv.gz",
        )
        for n, k in np.argwhere(off)
    ]
    if problems:
        raise InputError(problems)


def _read_wide(path: Path, rows: Sequence[tuple[str, ...]], columns: tuple[str, ...]) -> Array:
    """A table of one number per (row, column), rows and columns exactly as named; fast, so read by hand."""
    file = str(path)
    lines = decode(read_bytes(path, 100 * MEGABYTE), file).splitlines()
    skipped = next((position for position, line in enumerate(lines) if not line.startswith("#")), len(lines))
    table = list(csv.reader(lines[skipped:]))
    names = len(rows[0])
    wanted = [f"{column} [million USD]" for column in columns]
    if not table or table[0][names:] != wanted:
        expected = f"columns {', '.join(wanted[:3])}, ... ({len(wanted)}), in this order"
        raise InputError(
            Problem("other columns than the calibration's sectors", file, skipped + 1, expected=expected)
        )
    _check_order(file, [tuple(cells[:names]) for cells in table[1:]], rows, skipped + 2)
    values = np.empty((len(rows), len(columns)))
    for position, cells in enumerate(table[1:]):
        if len(cells) != len(table[0]):
            line, expected = skipped + 2 + position, f"{len(table[0])}, as above"
            raise InputError(Problem(f"{len(cells)} cells", file, line, expected=expected))
        try:
            values[position] = [float(cell) for cell in cells[names:]]
        except ValueError as error:
            raise InputError(
                Problem(f"not a row of numbers ({error})", file, skipped + 2 + position)
            ) from error
    if not np.isfinite(values).all():
        row, column = np.argwhere(~np.isfinite(values))[0]
        raise InputError(Problem("a number that is not finite", file, skipped + 2 + int(row), wanted[column]))
    return values


def _check_order(
    file: str, found: Sequence[tuple[str, ...]], wanted: Sequence[tuple[str, ...]], first_line: int
) -> None:
    """Raises InputError at the first row that is not the one expected."""
    for position, name in enumerate(wanted):
        if position >= len(found) or tuple(found[position]) != name:
            got = "the end of the table" if position >= len(found) else ", ".join(found[position])
            raise InputError(Problem(f"got {got}", file, first_line + position, expected=", ".join(name)))
    if len(found) > len(wanted):
        raise InputError(Problem("more rows than expected", file, first_line + len(wanted)))
