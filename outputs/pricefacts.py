"""The prices that summary, figures, report and comparison quote: of oxides at home and abroad, of ore and magnets."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from model.records import Array
from outputs.facts import percent, position, weighted

SAME = 1e-6  # percent: prices at the border and at buyers that differ by less are one price

# Why an element has no price, by the beginning of the column's name.
NO_PRICE = {"abroad": "not exported", "home": "not made", "paid by others": "not bought"}


def no_price(column: str) -> str:
    """Why an element has no price in a column of `table`. Raises ValueError for a column without prices."""
    for start, reason in NO_PRICE.items():
        if column.startswith(start):
            return reason
    raise ValueError(f"{column!r} holds no price; columns that do begin with {', '.join(NO_PRICE)}")


def table(ds: xr.Dataset, regime: str) -> pd.DataFrame:
    """One row an element: prices abroad and at home of the restricting regions, and tonnes sold abroad.

    Abroad: price at the border, export tax and licence in it, weighted by base tonnes when several regions restrict.
    Where exports to some buyer have stopped that is not the price they pay: then it moves as what others pay does, over
    all origins (`paid`), under every regime, so that regimes compare one price. NaN where there is no price, as nothing
    was exported, made or bought in the base year.
    """
    at = position(ds, "regime", regime)
    own = ds["restricting"].values > 0
    base, now = ds["base_tonnes"].values, ds["tonnes"].values[at]
    sold, after = base[own][:, ~own].sum(axis=1), now[own][:, ~own].sum(axis=1)  # (i,e)
    made, bought = base[own].sum(axis=1), base[:, ~own].sum(axis=0)  # (i,e), (n,e)
    ended = paid(ds)
    border, gate = ds["border_value"].values[at][own], ds["gate_value"].values[at][own]
    border_base, gate_base = ds["base_border_value"].values[own], ds["base_gate_value"].values[own]
    goods, at_users = list(ds["good"].values), ds["purchaser_price"].values[at][~own]
    rows = []
    for e, element in enumerate(ds["element"].values):
        before, abroad = _mean(border_base[:, e], sold[:, e]), _mean(border[:, e], sold[:, e])
        others = _mean(at_users[:, goods.index(element)], bought[:, e])
        if str(element) in ended:
            abroad = before * others
        home = _mean(gate_base[:, e], made[:, e]), _mean(gate[:, e], made[:, e])
        rows.append(
            {
                "element": str(element),
                "abroad, base [USD/kg]": before,
                "abroad [USD/kg]": abroad,
                "abroad, change [%]": percent(abroad / before),
                "home, base [USD/kg]": home[0],
                "home [USD/kg]": home[1],
                "home, change [%]": percent(home[1] / home[0]),
                "paid by others, change [%]": percent(others),
                "sold abroad, base [t]": float(sold[:, e].sum()),
                "sold abroad [t]": float(after[:, e].sum()),
            }
        )
    return pd.DataFrame(rows)


def has_stopped(before: Array, now: Array) -> Array:
    """Whether sales that there were have stopped; bool, of the shape of `now`."""
    return np.asarray((before > 0) & (now < 1e-9 * before))


def stopped(ds: xr.Dataset) -> bool:
    """Whether the restricting regions export no element any more, under any regime."""
    before, now = _sold_abroad(ds)
    return bool(has_stopped(before.sum(), now.sum(axis=(-3, -2, -1))).all())


def paid(ds: xr.Dataset) -> list[str]:
    """Elements whose price abroad is what others pay: exports to some buyer have stopped, in any regime or year."""
    ended = has_stopped(*_sold_abroad(ds))
    return [str(name) for name in ds["element"].values[ended.any(axis=tuple(range(ended.ndim - 1)))]]


def exported(ds: xr.Dataset) -> list[str]:
    """Elements that the restricting regions sold abroad in the base year."""
    before, _ = _sold_abroad(ds)
    return [str(name) for name in ds["element"].values[(before > 0).any(axis=(0, 1))]]


def _sold_abroad(ds: xr.Dataset) -> tuple[Array, Array]:
    """Tonnes that the restricting regions sell to others: in the base year (i,n,e), and now (...,i,n,e)."""
    own = ds["restricting"].values > 0
    return ds["base_tonnes"].values[own][:, ~own], ds["tonnes"].values[..., own, :, :][..., ~own, :]


def index(ds: xr.Dataset, regime: str) -> dict[str, float]:
    """Change in percent of the mean price of elements, weighted by base tonnes sold there: `abroad`, `home`."""
    each, at = table(ds, regime), position(ds, "regime", regime)
    own = ds["restricting"].values > 0
    home = ds["base_tonnes"].values[own][:, own].sum(axis=1)
    gate, before = ds["gate_value"].values[at][own], ds["base_gate_value"].values[own]
    found = {"abroad": 0.0, "home": 0.0}
    value = float((each["abroad, base [USD/kg]"] * each["sold abroad, base [t]"]).sum())
    if value > 0:
        found["abroad"] = percent(
            float((each["abroad [USD/kg]"] * each["sold abroad, base [t]"]).sum()) / value
        )
    if (before * home).sum() > 0:
        found["home"] = percent(float((gate * home).sum() / (before * home).sum()))
    return found


def told_index(ds: xr.Dataset, regime: str) -> dict[str, float]:
    """`index`, NaN where the restricting regions sold no oxide in the base year: there is no price to change."""
    own, tonnes = ds["restricting"].values > 0, ds["base_tonnes"].values
    sold = {"abroad": tonnes[own][:, ~own].sum(), "home": tonnes[own][:, own].sum()}
    return {where: value if sold[where] > 0 else float("nan") for where, value in index(ds, regime).items()}


def delivered_index(ds: xr.Dataset, regime: str) -> float | None:
    """Change in percent of what buyers abroad pay for the oxides of `index`, tariffs and frictions in it.

    None where that is the change at the border, and where exports to some buyer have stopped.
    """
    at, own = position(ds, "regime", regime), ds["restricting"].values > 0
    goods = list(ds["good"].values)
    sold = ds["base_tonnes"].values[own][:, ~own]
    if not sold.any() or paid(ds):
        return None
    columns = [goods.index(element) for element in ds["element"].values]
    at_buyers = ds["delivered_price"].values[at][own][:, ~own][..., columns]
    value = ds["base_border_value"].values[own][:, None] * sold
    index = percent(weighted(at_buyers, value))
    at_border = weighted(ds["border_price"].values[at][own], value.sum(axis=1))
    return index if abs(index - percent(at_border)) > SAME else None


def chain_goods(ds: xr.Dataset) -> list[str]:
    """What the rare-earth chain makes beside elements: concentrate, magnets."""
    ordinary = {str(j) for j, own in zip(ds["sector"].values, ds["chain"].values, strict=True) if not own}
    return [str(k) for k in ds["good"].values if k not in {*ordinary, *ds["element"].values}]


def bought_index(ds: xr.Dataset, regime: str, good: str) -> float:
    """Change in percent of what buyers outside pay for a good, wherever it is from; 0 where they bought none."""
    at, outside = position(ds, "regime", regime), ds["restricting"].values == 0
    bought = ds["base_trade"].sel(good=good).sum("origin").values[outside]
    price = ds["purchaser_price"].sel(good=good).values[at][outside]
    return percent(weighted(price, bought))


def _mean(price: Array, tonnes: Array) -> float:
    """Mean price by tonnes; NaN where there are none."""
    return weighted(price, tonnes) if float(np.sum(tonnes)) > 0 else float("nan")
