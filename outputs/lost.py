"""Technology that a sector loses where research turns away from its rare earths, so much that no data can tell it."""

from __future__ import annotations

import numpy as np
import xarray as xr

from outputs import names
from outputs.wording import Finding

KEPT = 0.8  # of what other inputs did in the base year: with less, results rest on how breadth goes on (E17)
OTHER = "X"  # all inputs but rare earths
WITH_BREADTH = "directed_with_spillovers"


def technology(ds: xr.Dataset) -> Finding | None:
    """The sector whose other inputs lost most, where breadth took that much: any year of a path."""
    text = caution(ds)
    return Finding("Lost technology", f"{text}.") if text else None


def caution(ds: xr.Dataset) -> str:
    """The same as a sentence without its end; empty where nothing of the kind happened."""
    if WITH_BREADTH not in ds["regime"].values or float(ds.attrs.get("breadth", 0)) == 0:
        return ""
    level = ds["technology_level"].sel(regime=WITH_BREADTH, technology=OTHER).where(ds["base_output"] > 0)
    level = level.isel(memory=0) if "memory" in level.dims else level
    least = level.min([axis for axis in level.dims if axis not in ("region", "sector")])
    if not float(least.min()) < KEPT:
        return ""
    n, j = np.unravel_index(int(np.nanargmin(least.values)), least.shape)
    region, sector = (str(ds[axis].values[at]) for axis, at in (("region", n), ("sector", j)))
    return (
        f"No forecast with {names.regime(WITH_BREADTH)}: output of {names.sector(sector)} in {names.named(region)} "
        f"takes {names.number(1 / float(least.min()))} times the inputs beside rare earths that it took, because "
        "research that leaves rare earths takes with it what it gave the whole sector (breadth, E17). No data show "
        "that; parameters: {breadth: 0} is the same without"
    )
