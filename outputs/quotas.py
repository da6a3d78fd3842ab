"""What quotas do: tonnes and licences, and what is smuggled past them."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import xarray as xr

from model.records import Array
from outputs import names
from outputs.names import listed, number

EXPORTS, OUTPUT = "exports", "output"  # what a quota limits


def table(ds: xr.Dataset) -> pd.DataFrame:
    """One row a regime and quota: tonnes, limit, licence per kg and as a rate; what is smuggled, if anything is."""
    regimes, named = ds["regime"].values.astype(str), ds["quota"].values.astype(str)
    columns = {
        "regime": np.repeat(regimes, len(named)),
        "quota": np.tile(named, len(regimes)),
        "limits": np.tile(np.where(ds["quota_on_output"].values > 0, OUTPUT, EXPORTS), len(regimes)),
        "base [t]": np.tile(ds["quota_base_tonnes"].values, len(regimes)),
        "limit [t]": ds["quota_limit"].values.reshape(-1),
        "sold [t]": ds["quota_tonnes"].values.reshape(-1),
    }
    smuggled = ds["quota_leak"].values.reshape(-1)
    if smuggled.any():
        columns["smuggled [t]"] = smuggled
        columns["cost of smuggling [million USD]"] = ds["smuggling_cost"].values.reshape(-1)
    columns["licence [USD/kg]"] = ds["licence_price"].values.reshape(-1)
    columns["licence [% of gate price]"] = 100 * ds["licence_rate"].values.reshape(-1)
    return pd.DataFrame(columns)


def highest(ds: xr.Dataset, name: str, regime: str) -> float:
    """The highest licence on exports of a result, as price or rate (`name`); 0 where no quota limits exports."""
    exports = ds["quota_on_output"].values == 0
    return float(ds[name].sel(regime=regime).values[exports].max(initial=0.0))


def taxes(ds: xr.Dataset) -> list[str]:
    """The quotas whose licences stand for export taxes, where the scenario asks for the rates that give the tonnes."""
    return list(json.loads(ds.attrs.get("export_taxes", "[]")))


def licences(ds: xr.Dataset) -> list[str]:
    """The other quotas whose licences are worth something."""
    return [name for name in ds["quota"].values[_worth(ds)].astype(str) if name not in taxes(ds)]


def right(ds: xr.Dataset) -> str:
    """What the licences that are worth something allow."""
    worth, made = _worth(ds), ds["quota_on_output"].values > 0
    which = {"export": (worth & ~made).any(), "make and sell": (worth & made).any()}
    return " and to ".join(what for what, has in which.items() if has)


def _worth(ds: xr.Dataset) -> Array:
    """(q,) bool: quotas whose licences are worth something under some regime, in some year."""
    return np.asarray(ds["licence_price"].values.reshape(-1, ds.sizes["quota"]).max(axis=0, initial=0.0) > 0)


def tonnes(value: float) -> str:
    """Tonnes without a point that could be taken for one between thousands: 30,258; 549; 10; 0.5."""
    whole = value >= 99.95 or value == round(value)
    return f"{value:,.0f}" if whole else f"{value:.1f}" if value >= 0.1 else number(value)


def smuggling(ds: xr.Dataset) -> str:
    """What is sold beside the limits and what that uses up, by regime, as a sentence; empty when nothing is."""
    leak, cost = (ds[name].sum("quota") for name in ("quota_leak", "smuggling_cost"))
    each = [
        f"{number(float(leak.sel(regime=r)))} t at a cost of {number(float(cost.sel(regime=r)))} million USD "
        f"({names.regime(r)})"
        for r in ds["regime"].values.astype(str)
        if float(leak.sel(regime=r)) > 0
    ]
    return f"Smuggled beside the limit: {listed(each)}; rents are less this cost." if each else ""
