"""The model's counterpart of every fact, computed from the published result of a path."""

from __future__ import annotations

import numpy as np

from model.records import Array
from outputs import facts as solve_facts
from outputs.paths.facts import View

PATENT_DEPRECIATION = 0.15  # a year, the usual rate for stocks of patents and R&D
HORIZON = 8  # years over which exports and productivity are said to have grown
RESTRICTED = range(2010, 2015)
EUROPE = ("DEU", "REU", "EUR")  # those that a calibration has


def at(view: View, year: int) -> int:
    """Position of a year."""
    return view.years.index(year)


def border_value(view: View, regime: str, year: int) -> dict[str, float]:
    """USD per kg of each element at China's border; the base year's in its own year."""
    own = _china(view)
    values = view.over_time("border_value", regime)[at(view, year), own]
    return dict(zip(view.ds["element"].values.astype(str), values.tolist(), strict=True))


def oxide_value(view: View, regime: str, year: int) -> dict[str, float]:
    """USD per kg of each element's oxide inside China."""
    values = (
        view.over_time("gate_value", regime)[at(view, year), _china(view)] / view.ds["reo_content"].values
    )
    return dict(zip(view.ds["element"].values.astype(str), values.tolist(), strict=True))


def exported(view: View, regime: str, year: int) -> dict[str, float]:
    """Tonnes of each element that China sells abroad."""
    own = _china(view)
    tonnes = view.over_time("tonnes", regime)[at(view, year), own]
    abroad = np.arange(len(tonnes)) != own
    return dict(zip(view.ds["element"].values.astype(str), tonnes[abroad].sum(axis=0).tolist(), strict=True))


def export_tonnes(view: View, regime: str, year: int) -> float:
    """All of them."""
    return sum(exported(view, regime, year).values())


def unit_value(view: View, regime: str, year: int) -> float:
    """USD per kg of China's exports at its border."""
    tonnes, price = exported(view, regime, year), border_value(view, regime, year)
    return sum(tonnes[e] * price[e] for e in tonnes) / sum(tonnes.values())


def price_index(view: View, regime: str, year: int, elements: list[str]) -> float:
    """Prices abroad of some elements over those of the first year, weighted by tonnes of the first year."""
    first = view.years[0]
    weight, base, now = (
        exported(view, regime, first),
        border_value(view, regime, first),
        border_value(view, regime, year),
    )
    return sum(weight[e] * now[e] for e in elements) / sum(weight[e] * base[e] for e in elements)


def quota_use(view: View, regime: str, year: int) -> float:
    """Tonnes under China's quotas over their limit; several quotas of a year together."""
    t = at(view, year)
    sold, limit = (view.over_time(name, regime)[t] for name in ("quota_tonnes", "quota_limit"))
    return float(sold.sum() / limit.sum())


def slack(view: View, regime: str, year: int) -> list[tuple[str, float, bool]]:
    """Quotas in force in a year: name, tonnes over limit, and whether the licence costs nothing."""
    t = at(view, year)
    force, sold, limit, price = (
        view.over_time(name, regime)[t]
        for name in ("quota_in_force", "quota_tonnes", "quota_limit", "licence_price")
    )
    names = view.ds["quota"].values.astype(str)
    return [
        (str(names[q]), float(sold[q] / limit[q]), bool(price[q] <= 0))
        for q in np.flatnonzero((force > 0) & (limit > 0))
    ]


def share_in_japan(view: View, regime: str, year: int) -> float:
    """China's share of the tonnes of elements that Japan imports."""
    regions = list(view.ds["region"].values)
    japan = regions.index("JPN")
    bought = view.over_time("tonnes", regime)[at(view, year)][:, japan].sum(axis=1)
    imported = bought.sum() - bought[japan]
    return float(bought[_china(view)] / imported)


def patent_stock(view: View, regime: str, weight: Array | None = None) -> float:
    """Percent by which the rare-earth patent stock of exposed sectors outside exceeds that of others, mean of years.

    Sectors count by their research on rare earths in the base year, so that the means are of all patents of a group;
    or by a weight (n,j).
    """
    if weight is None:
        elements = view.ds["technology"].values != "X"
        weight = view.ds["base_research"].values[:, :, elements].sum(axis=2)
    flow = view.over_time("ree_patents", regime)
    stock, stocks = np.ones(flow.shape[1:]), []
    for each in flow:
        stock = (1 - PATENT_DEPRECIATION) * stock + PATENT_DEPRECIATION * each
        stocks.append(stock)
    return float(np.mean([_exposed_less_other(view, s, weight) for s in stocks[1:]]))


def export_growth(view: View, regime: str) -> float:
    """Percentage points a year by which exports of exposed sectors outside grow faster, over eight years."""
    values = view.over_time("exports_volume", regime)[at(view, view.years[0] + HORIZON)]
    return _exposed_less_other(view, values, view.ds["base_exports"].values) / HORIZON


def tfp_slope(view: View, regime: str, region: str = "JPN", measure: str = "tfp_cost_saved") -> float:
    """Percent a year of productivity growth per standard deviation of exposure across sectors of a region."""
    n = list(view.ds["region"].values).index(region)
    keep = (
        (view.ds["base_output"].values[n] > 0)
        & (view.ds["chain"].values == 0)
        & (view.ds["exposure"].values[n] > 0)
    )
    exposure = view.ds["exposure"].values[n, keep]
    growth = (
        100 * np.log(view.over_time(measure, regime)[at(view, view.years[0] + HORIZON), n, keep]) / HORIZON
    )
    score = (exposure - exposure.mean()) / exposure.std()
    return float((score * growth).mean())


def tfp_china(view: View, regime: str) -> float:
    """Percent a year of productivity change in the most exposed tenth of China's own sectors, by base output."""
    n = _china(view)
    keep = (view.ds["base_output"].values[n] > 0) & (view.ds["chain"].values == 0)
    exposure, output = view.ds["exposure"].values[n], view.ds["base_output"].values[n]
    top = keep & (exposure >= np.quantile(exposure[keep], 0.9))
    growth = (
        100 * np.log(view.over_time("tfp_cost_saved", regime)[at(view, view.years[0] + HORIZON), n]) / HORIZON
    )
    return float((growth * output)[top].sum() / output[top].sum())


def mitigated(view: View, regime: str) -> float:
    """Share of Europe's loss under fixed technology in the years of restriction that a regime avoids."""
    regions = list(view.ds["region"].values)
    europe = [regions.index(name) for name in EUROPE if name in regions]
    years = [at(view, year) for year in RESTRICTED]
    fixed, learnt = (
        view.over_time("equivalent_variation", r)[years][:, europe].sum() for r in ("exogenous", regime)
    )
    return float(1 - learnt / fixed)


def _exposed_less_other(view: View, ratio: Array, base: Array) -> float:
    """Percent: mean change of exposed sectors outside less that of the others."""
    groups = solve_facts.sector_groups(
        {name: view.ds[name].values for name in ("restricting", "chain", "exposed")}
    )
    one, two = (solve_facts.weighted(ratio, base * groups[name]) for name in ("exposed", "other"))
    return 100 * float(np.log(one) - np.log(two))


def _china(view: View) -> int:
    return list(view.ds["region"].values).index("CHN")
