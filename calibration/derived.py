"""Tables of the carved chain for people to read and check; the model never reads them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from calibration.facts import compare
from calibration.identities import gate_values
from calibration.tables import write_csv

if TYPE_CHECKING:
    from calibration.load import Calibration

FILES = ("rare_earth_use.csv", "rare_earth_shipments.csv", "carved_cells.csv", "comparison.csv")
DIGITS = 6  # significant: the same on every machine


def write(base: Calibration, folder: Path) -> None:
    """Write element use by sector and region, shipments, cells of the host table that gave, and the comparison."""
    notes = [
        f"{base.title}; carved by {base.path.name}",
        "Made by `python run.py calibrate`; not read by the model.",
    ]
    notes += [f"limit: {limit}" for limit in base.limits]
    write_csv(folder / FILES[0], _columns(_use(base), USE), comments=notes)
    write_csv(folder / FILES[1], _columns(_shipments(base), SHIPMENTS), comments=notes)
    write_csv(folder / FILES[2], _columns(_carved(base), CARVED), comments=notes)
    rows = [
        (c.what, _short(c.source_value), _short(c.base_year), c.unit, c.imposed, c.status, c.source)
        for c in compare(base)
    ]
    write_csv(folder / FILES[3], _columns(rows, COMPARISON), comments=notes)


USE = ("region", "sector", "element", "quantity [t]", "reo [t]", "value [million USD]", "status")
SHIPMENTS = (
    "origin",
    "region",
    "element",
    "quantity [t]",
    "gate_value [million USD]",
    "export_tax [rate]",
    "status",
)
CARVED = (
    "region",
    "good",
    "sector",
    "host_value [million USD]",
    "taken_out [million USD]",
    "share_taken [rate]",
)
COMPARISON = ("figure", "source_value", "base_year", "unit", "imposed", "status", "source")


def _short(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def _columns(rows: Iterable[tuple[Any, ...]], names: tuple[str, ...]) -> dict[str, list[Any]]:
    table = list(rows)
    return {name: [row[position] for row in table] for position, name in enumerate(names)}


def _use(base: Calibration) -> Iterable[tuple[Any, ...]]:
    """Element use by sector; judged, as the split by application is."""
    b, labels = base.benchmark, base.labels
    status = base.settings.rare_earths.application_by_region.status
    bought = base.chain.shipments.sum(0)  # (n,e) t
    for n, region in enumerate(labels.regions):
        for j, sector in enumerate(labels.sectors):
            for e, element in enumerate(labels.elements):
                tonnes = bought[n, e] * base.chain.sector_share[n, e, j]
                if tonnes > 0:
                    value = b.use[n, b.elements[e], j]
                    content = b.reo_content[b.elements[e]]
                    yield (
                        region,
                        sector,
                        element,
                        _short(tonnes),
                        _short(tonnes * content),
                        _short(value),
                        status,
                    )


def _shipments(base: Calibration) -> Iterable[tuple[Any, ...]]:
    """Shipments; those of the customs origin abroad rest on customs data, the others on judgement."""
    b, labels = base.benchmark, base.labels
    gate = gate_values(b)
    for i, origin in enumerate(labels.regions):
        for n, region in enumerate(labels.regions):
            status = "computed" if i == base.customs_origin and n != i else "analyst"
            for e, element in enumerate(labels.elements):
                tonnes = base.chain.shipments[i, n, e]
                if tonnes > 0:
                    value, tax = gate[i, n, b.elements[e]], b.export_tax[i, n, b.elements[e]]
                    yield origin, region, element, _short(tonnes), _short(value), _short(tax), status


def _carved(base: Calibration) -> Iterable[tuple[Any, ...]]:
    """Cells of the host table out of which something was taken, and how much."""
    sectors = base.host.sectors
    k = len(sectors)
    left = base.carved.use[:, :k, :k]
    taken = base.host.use - left
    for n, good, sector in np.argwhere(np.abs(taken) > 1e-6 * np.maximum(base.host.use, 1.0)):
        whole, part = base.host.use[n, good, sector], taken[n, good, sector]
        share = part / whole if whole else 0.0
        yield base.labels.regions[n], sectors[good], sectors[sector], whole, _short(part), _short(share)
