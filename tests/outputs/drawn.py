"""Results whose every number is drawn: no two of them are alike by accident, as those of a small solve can be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

MARKS = ("restricting", "exposed", "chain", "group_member", "message")  # no amounts


def drawn(ds: xr.Dataset, own: Sequence[str], seed: int = 1) -> xr.Dataset:
    """A result of the same axes in which the regions `own` restrict; all amounts from 0.5 to 2."""
    rng = np.random.default_rng(seed)
    found = {
        name: array.copy(data=rng.uniform(0.5, 2.0, array.shape))
        for name, array in ds.data_vars.items()
        if name not in MARKS
    }
    restricting = ds["restricting"].copy(data=np.isin(ds["region"].values, own).astype(float))
    ordinary = ds["chain"].values == 0
    exposed = (rng.random(ds["exposed"].shape) < 0.5) & ordinary & (restricting.values == 0)[:, None]
    exposed[restricting.values == 0, np.flatnonzero(ordinary)[0]] = True
    exposed[restricting.values == 0, np.flatnonzero(ordinary)[1]] = False
    return ds.assign(
        found | {"restricting": restricting, "exposed": ds["exposed"].copy(data=exposed.astype(float))}
    )


def names(ds: xr.Dataset, axis: str) -> list[str]:
    """Labels of an axis."""
    return [str(label) for label in ds[axis].values]


def number(ds: xr.Dataset, variable: str, **where: str) -> float:
    """One cell of a result by its labels."""
    return float(ds[variable].sel(where))
