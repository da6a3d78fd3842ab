"""Tables of what a result is made of: by sector and force or instrument, and Caliendo and Parro's first-order formula.

First-order numbers are approximations for small shocks, without subsidies, research or new technology. They always
stand beside the exact change of real income (equivalent variation), which they can miss by orders of magnitude.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from model.records import Array

TERMS, VOLUME = "terms of trade, first-order [million USD]", "volume of trade, first-order [million USD]"


def sector_exports(ds: xr.Dataset, axis: str) -> pd.DataFrame:
    """One row a region and sector that exports: what each force (or instrument) adds to its exports, and the sum."""
    name = f"sector_exports_by_{axis}"
    if name not in ds:
        return pd.DataFrame(columns=[axis])
    n, j = np.nonzero(ds["base_exports"].values > 0)
    values = ds[name].values[:, n, j]
    return pd.DataFrame(
        {
            "region": ds["region"].values[n].astype(str),
            "sector": ds["sector"].values[j].astype(str),
            **{f"{label} [%]": part for label, part in zip(ds[axis].values, values, strict=True)},
            "sum [%]": values.sum(axis=0),
        }
    )


def first_order(ds: xr.Dataset, regime: str) -> pd.DataFrame:
    """One row a region: the two first-order effects and their sum beside the exact change of real income."""
    terms, volume = (part.sum(axis=(1, 2)) for part in _parts(ds, regime))
    exact = ds["equivalent_variation"].sel(regime=regime).values
    income = ds["base_income"].values
    return pd.DataFrame(
        {
            "region": ds["region"].values.astype(str),
            TERMS: terms,
            VOLUME: volume,
            "sum, first-order [million USD]": terms + volume,
            "real income, exact [million USD]": exact,
            "sum, first-order [% of income]": 100 * (terms + volume) / income,
            "real income, exact [% of income]": 100 * exact / income,
        }
    )


def first_order_by_partner(ds: xr.Dataset, regime: str) -> pd.DataFrame:
    """One row a region and partner: the two effects over all goods."""
    return _long(ds, regime, "partner", "origin", 2)


def first_order_by_good(ds: xr.Dataset, regime: str) -> pd.DataFrame:
    """One row a region and good: the two effects over all partners."""
    return _long(ds, regime, "good", "good", 1)


def _long(ds: xr.Dataset, regime: str, name: str, axis: str, away: int) -> pd.DataFrame:
    terms, volume = (part.sum(axis=away) for part in _parts(ds, regime))
    n, other = np.nonzero((terms != 0) | (volume != 0))
    return pd.DataFrame(
        {
            "region": ds["region"].values[n].astype(str),
            name: ds[axis].values[other].astype(str),
            TERMS: terms[n, other],
            VOLUME: volume[n, other],
        }
    )


def _parts(ds: xr.Dataset, regime: str) -> tuple[Array, Array]:
    """Terms and volume of trade, (n,i,k)."""
    run = ds.sel(regime=regime)
    return run["first_order_terms_of_trade"].values, run["first_order_volume_of_trade"].values
