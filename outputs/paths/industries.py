"""The industries that reports on security are about: what they pay, and how much rare earth is in what they buy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import xarray as xr


class Industry(NamedTuple):
    """A sector that makes something, or a bundle of goods that final demand buys."""

    name: str
    sectors: tuple[str, ...]
    bundle: bool = False


# Military equipment is the bundle of the scenarios `military-demand-*`: final demand for equipment, base-year weights.
INDUSTRIES = (
    Industry("cars", ("transport_equipment",)),
    Industry("electronics", ("electrical_optical",)),
    Industry("magnets", ("magnets",)),
    Industry("military equipment", ("electrical_optical", "machinery", "transport_equipment"), bundle=True),
)


def bundle_prices(here: xr.Dataset, industry: Industry) -> Mapping[str, Mapping[str, float]]:
    """By region: exposure, change of cost (or of the bundle's price) now, and what a cut and an embargo would add.

    here: one year and regime of a path. Regions without the industry, and names the calibration lacks, are left out.
    """
    axis, kind = ("good", "price") if industry.bundle else ("sector", "cost")
    names, sectors = (list(here[each].values.astype(str)) for each in (axis, "sector"))
    if not set(industry.sectors) <= set(names):
        return {}
    at, of = ([each.index(name) for name in industry.sectors] for each in (names, sectors))
    weight = (here["base_final"] if industry.bundle else here["base_output"]).values[:, at]
    now = (here["final_demand_price"] if industry.bundle else here["unit_cost"]).values[:, at]
    exposure, regions = here["exposure"].values, here["region"].values
    moved = {kind: now} | {f"{kind}, {event}": values[:, at] for event, values in _events(here, kind).items()}
    if not industry.bundle:
        moved |= {f"output, {event}": values[:, at] for event, values in _events(here, "output").items()}
    return {
        str(regions[n]): {"exposure [USD per million USD]": _mean(exposure[n, of], weight[n])}
        | {f"{label} [%]": _percent(ratio[n], weight[n]) for label, ratio in moved.items()}
        for n in np.flatnonzero(weight.sum(axis=1) > 0)
    }


def _events(here: xr.Dataset, kind: str) -> dict[str, np.ndarray]:
    """What a cut and a lasting embargo would do to a price, a cost or output: ratios by event."""
    found = {}
    if f"cut_{kind}" in here:
        for z, share in enumerate(here["cut"].values):
            found[f"cut of {100 * share:.6g} %"] = here[f"cut_{kind}"].values[z]
    if f"embargo_{kind}" in here:
        found["lasting embargo"] = here[f"embargo_{kind}"].values
    return found


def _mean(values: np.ndarray, weight: np.ndarray) -> float:
    return float((values * weight).sum() / weight.sum())


def _percent(ratio: np.ndarray, weight: np.ndarray) -> float:
    return 100 * (_mean(ratio, weight) - 1)
