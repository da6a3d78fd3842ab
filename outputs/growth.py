"""Growth on exposure (docs/evidence.md), in the model: the statistic that `run.py estimate exposure` has from data."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from model.records import Array

SLOPES = {
    "exports_volume": "exports, volume",
    "tfp_cost_saved": "TFP (cost saved by technology)",
    "ree_patents": "rare-earth patents",
}


def had(ds: xr.Dataset, variable: str) -> Array:
    """(n,j) bool: region-sectors that had any of a variable of SLOPES in the base year.

    The ratio of what there never was is 1, and no growth of 0: most sectors do no research on rare earths.
    """
    if variable == "ree_patents":
        base = ds["base_research"].sel(technology=ds["technology"].values != "X").sum("technology")
    else:
        base = ds["base_exports" if variable == "exports_volume" else "base_output"]
    return np.asarray(base.transpose("region", "sector").values > 0)


def slopes(ds: xr.Dataset) -> pd.DataFrame:
    """One row an outcome: its growth on exposure by regime; NaN where too few sectors have it.

    Slope of the log change of sectors that `had` it and still have, outside the restricting regions and the chain, on
    exposure, with an effect of each region, in percent a standard deviation of exposure. As in the data, exposure is
    that of the sector, the mean over regions, its standard deviation is over sectors, and what ended has no growth.
    """
    outside, ordinary = ds["restricting"].values == 0, ds["chain"].values == 0
    exposure = ds["exposure"].values[outside][:, ordinary].mean(axis=0)
    spread = float(exposure.std(ddof=1)) if len(exposure) > 1 else 0.0
    if spread == 0:
        return pd.DataFrame(columns=["outcome"])
    columns: dict[str, Sequence[object]] = {"outcome": list(SLOPES.values())}
    there = {name: had(ds, name)[outside][:, ordinary] for name in SLOPES}
    for at, regime in enumerate(ds["regime"].values):
        ratio = {name: ds[name].values[at][outside][:, ordinary] for name in SLOPES}
        columns[f"{regime} [% per s.d.]"] = [
            100 * spread * _slope(ratio[name], exposure, there[name] & (ratio[name] > 0)) for name in SLOPES
        ]
    return pd.DataFrame(columns)


def _slope(ratio: Array, exposure: Array, there: Array) -> float:
    """Slope of log ratios (n,j) on exposure (j,) over the cells that are there, with an effect of each region."""
    count = np.maximum(there.sum(axis=1, keepdims=True), 1)
    own = np.where(there, exposure - (there * exposure).sum(axis=1, keepdims=True) / count, 0.0)
    total = float((own**2).sum())
    return float((own * np.log(np.where(there, ratio, 1.0))).sum()) / total if total > 0 else float("nan")
