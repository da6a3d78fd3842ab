"""The numbers that summary, figures, report and comparison quote, computed in one place from a result.

Tables are pandas frames whose columns carry their unit in brackets, as in the CSV files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from model.records import Array

# Outcomes that are decomposed by force: unit, axes, description.
OUTCOMES: Mapping[str, tuple[str, tuple[str, ...], str]] = {
    "exposed_exports": ("%", (), "volume of exports of the exposed sectors outside the restricting regions"),
    "other_exports": ("%", (), "volume of exports of all other sectors there, the rare-earth chain left out"),
    "magnet_chain_exports": ("%", (), "volume of exports of the rare-earth chain there"),
    "real_income_usd": ("million USD", ("region",), "equivalent variation"),
    "sector_exports": ("%", ("region", "sector"), "volume of exports of each sector"),
}


def outcomes(values: Mapping[str, Array], base: Mapping[str, Array]) -> dict[str, Array]:
    """OUTCOMES of one solve, as changes from the base year; arrays by name of variable."""
    exports, before = values["exports_volume"], base["base_exports"]
    found = {
        f"{name}_exports": np.asarray(percent(weighted(exports, before * cells)))
        for name, cells in sector_groups(base).items()
    }
    by_sector = 100 * (values["exports_volume"] - 1)
    return found | {
        "real_income_usd": np.asarray(values["equivalent_variation"]),
        "sector_exports": by_sector,
    }


def sector_groups(base: Mapping[str, Array]) -> dict[str, Array]:
    """(n,j) bool by name: cells outside the restricting regions that are exposed, not exposed, of the chain."""
    abroad = np.asarray(base["restricting"])[:, None] == 0
    chain = np.asarray(base["chain"])[None, :] > 0
    cells = np.asarray(base["exposed"]) > 0
    return {"exposed": cells, "other": abroad & ~chain & ~cells, "magnet_chain": abroad & chain}


def are_exposed(ds: xr.Dataset) -> bool:
    """Whether any sector outside is exposed to the restricting regions."""
    return bool((ds["exposed"].values > 0).any())


def weighted(ratio: Array, weight: Array) -> float:
    """Mean of ratios by weight; 1 where nothing has weight."""
    total = float(np.sum(weight))
    return float(np.sum(weight * ratio) / total) if total > 0 else 1.0


def percent(ratio: float) -> float:
    """A ratio to the base year as a change in percent."""
    return 100.0 * (ratio - 1.0)


def learns(ds: xr.Dataset, regime: str) -> bool:
    """Whether technology responds in a regime."""
    return bool((ds["technology_level"].sel(regime=regime) != 1).any())


def one_scenario(dataset: xr.Dataset) -> xr.Dataset:
    """The dataset without its scenario axis of length one. Raises ValueError when there are several."""
    return dataset.squeeze("scenario") if "scenario" in dataset.dims else dataset


def restricting(ds: xr.Dataset) -> list[str]:
    """Names of the regions that restrict."""
    return [str(r) for r in ds["region"].values[ds["restricting"].values > 0]]


def real_income(ds: xr.Dataset) -> pd.DataFrame:
    """One row a region, the groups last: equivalent variation by regime in million USD, and in percent of income."""
    columns: dict[str, list[object]] = {
        "region": [str(r) for r in (*ds["region"].values, *ds["group"].values)]
    }
    usd = np.hstack([ds["equivalent_variation"].values, ds["group_equivalent_variation"].values])
    ratio = np.hstack([ds["real_income"].values, ds["group_real_income"].values])
    for at, regime in enumerate(ds["regime"].values):
        columns[f"{regime} [million USD]"] = usd[at].tolist()
        columns[f"{regime} [%]"] = (100 * (ratio[at] - 1)).tolist()
    return pd.DataFrame(columns)


def others_income(ds: xr.Dataset) -> float:
    """Income of all others in the base year, million USD."""
    return float(ds["base_income"].values[ds["restricting"].values == 0].sum())


def income_parts(ds: xr.Dataset, regime: str) -> pd.DataFrame:
    """One row a region: real income change and its parts; the rest is quantities under distortions, and outlays.

    Licence rents are inside the terms of trade (what the exporting country receives has those that it keeps in it, and
    what importers keep was never paid abroad), so rents are shown beside the parts, not among them, as they are
    received. Parts are deflated: a deficit that stays as it is in money buys more or less.
    """
    at = position(ds, "regime", regime)
    total, rent = ds["equivalent_variation"].values[at], ds["licence_rent"].values[at]
    trade = ds["terms_of_trade"].values[at]
    price = ds["final_price"].values[at]
    technology = ds["technology_gain"].values[at] / price
    deficit = ds["deficit"].values[at] / price - ds["base_deficit"].values
    return pd.DataFrame(
        {
            "region": [str(r) for r in ds["region"].values],
            "real income [million USD]": total,
            "terms of trade [million USD]": trade,
            "technology [million USD]": technology,
            "trade deficit [million USD]": deficit,
            "rest [million USD]": total - trade - technology - deficit,
            "licence rent received [million USD]": rent,
        }
    )


# Label, and what a mean over sectors is weighted by. Patents by research on rare earths, so that the mean is the change
# of all patents of a group: most sectors have none, and their ratio of 1 is not a count that stood still.
SECTOR_MEASURES = {
    "exports_volume": ("exports, volume", "base_exports"),
    "output_volume": ("output, volume", "base_output"),
    "tfp_solow": ("TFP as accounts see it", "base_output"),
    "tfp_cost_saved": ("cost saved by technology", "base_output"),
    "ree_patents": ("rare-earth patents", "ree_research"),
    "unit_cost": ("unit cost", "base_output"),
}


def sectors(ds: xr.Dataset) -> pd.DataFrame:
    """One row a regime and measure: change in percent of groups of sectors outside the restricting regions."""
    groups = sector_groups({name: ds[name].values for name in ("restricting", "chain", "exposed")})
    on_elements = ds["base_research"].values[:, :, ds["technology"].values != "X"]
    weights = {
        "base_exports": ds["base_exports"].values,
        "base_output": ds["base_output"].values,
        "ree_research": on_elements.sum(axis=2),
    }
    ratios = {
        name: (label, ds[name].values, weights[weight]) for name, (label, weight) in SECTOR_MEASURES.items()
    }
    rows = []
    for at, regime in enumerate(ds["regime"].values):
        for label, ratio, base in ratios.values():
            changes = {
                f"{group} [%]": percent(weighted(ratio[at], base * cells)) for group, cells in groups.items()
            }
            rows.append({"regime": str(regime), "measure": label, **changes})
    return pd.DataFrame(rows)


def by_sector(ds: xr.Dataset, regime: str) -> pd.DataFrame:
    """One row a region and sector with output: exposure and what happened to it."""
    at = position(ds, "regime", regime)
    n, j = np.nonzero(ds["base_output"].values > 0)
    columns: dict[str, object] = {
        "region": ds["region"].values[n].astype(str),
        "sector": ds["sector"].values[j].astype(str),
        "exposure [USD per million USD]": ds["exposure"].values[n, j],
        "exposed": (ds["exposed"].values[n, j] > 0),
        "exports, base [million USD]": ds["base_exports"].values[n, j],
    }
    for name, (label, _) in SECTOR_MEASURES.items():
        columns[f"{label} [%]"] = 100 * (ds[name].values[at][n, j] - 1)
    return pd.DataFrame(columns)


def research(ds: xr.Dataset, regime: str) -> pd.DataFrame:
    """One row a technology: change in percent of research outside and inside the restricting regions.

    Sectors are weighted by what they spent on that research in the base year, so that it is the change of the total.
    """
    own = ds["restricting"].values > 0
    research_of = ds["research"].values[position(ds, "regime", regime)]
    rows = []
    for g, technology in enumerate(ds["technology"].values):
        ratio, weight = research_of[:, :, g], ds["base_research"].values[:, :, g]
        rows.append(
            {
                "technology": str(technology),
                "outside [%]": percent(weighted(ratio[~own], weight[~own])),
                "inside [%]": percent(weighted(ratio[own], weight[own])),
            }
        )
    return pd.DataFrame(rows)


def contributions(ds: xr.Dataset, axis: str) -> pd.DataFrame:
    """One row a force (or an instrument): what it adds to each outcome, the sum last; empty when there is none."""
    if axis not in ds.dims:
        return pd.DataFrame(columns=[axis])
    others = ds["restricting"].values == 0
    income = ds[f"real_income_usd_by_{axis}"].values
    table = pd.DataFrame(
        {
            axis: ds[axis].values.astype(str),
            "exports, exposed [%]": ds[f"exposed_exports_by_{axis}"].values,
            "exports, other [%]": ds[f"other_exports_by_{axis}"].values,
            "exports, magnets and chain [%]": ds[f"magnet_chain_exports_by_{axis}"].values,
            "real income, others [million USD]": income[:, others].sum(axis=1),
            "real income, restricting [million USD]": income[:, ~others].sum(axis=1),
        }
    )
    total = {axis: "sum", **table.drop(columns=axis).sum().to_dict()}
    return pd.concat([table, pd.DataFrame([total])], ignore_index=True)


def forces(ds: xr.Dataset) -> pd.DataFrame:
    """`contributions` of the forces."""
    return contributions(ds, "force")


def security(ds: xr.Dataset, regime: str) -> pd.DataFrame:
    """One row a region and element outside the restricting regions: import dependence and concentration."""
    at = position(ds, "regime", regime)
    own = ds["restricting"].values > 0
    before, now = ds["base_tonnes"].values, ds["tonnes"].values[at]
    bought, buys = before.sum(axis=0), now.sum(axis=0)
    n, e = np.nonzero((bought > 0) & ~own[:, None])
    return pd.DataFrame(
        {
            "region": ds["region"].values[n].astype(str),
            "element": ds["element"].values[e].astype(str),
            "bought, base [t]": bought[n, e],
            "from the restricting, base [%]": 100 * _shares(before[own].sum(axis=0), bought)[n, e],
            "from the restricting [%]": 100 * _shares(now[own].sum(axis=0), buys)[n, e],
            "imports, base [%]": 100 * ds["base_import_dependence"].values[n, e],
            "imports [%]": 100 * ds["import_dependence"].values[at][n, e],
            "concentration, base [0-1]": ds["base_concentration"].values[n, e],
            "concentration [0-1]": ds["concentration"].values[at][n, e],
        }
    )


def residuals(ds: xr.Dataset) -> pd.DataFrame:
    """One row a block of equations: largest residual by regime, Walras' law last."""
    columns: dict[str, Sequence[object]] = {"block": [*(str(b) for b in ds["block"].values), "walras"]}
    found = np.hstack([ds["residual"].values, ds["walras"].values[:, None]])
    for at, regime in enumerate(ds["regime"].values):
        columns[str(regime)] = found[at].tolist()
    return pd.DataFrame(columns)


def _shares(part: Array, whole: Array) -> Array:
    return np.divide(part, whole, out=np.zeros_like(whole), where=whole > 0)


def position(ds: xr.Dataset, axis: str, label: str) -> int:
    """Where a label stands on an axis. Raises KeyError."""
    found = np.flatnonzero(ds[axis].values == label)
    if not len(found):
        raise KeyError(label)
    return int(found[0])


def embargo(ds: xr.Dataset) -> pd.DataFrame:
    """One row a region outside the restricting ones: real income that a full embargo would cost now, by regime.

    Empty when the embargo was not solved.
    """
    if "embargo_loss" not in ds:
        return pd.DataFrame(columns=["region"])
    others = ds["restricting"].values == 0
    columns: dict[str, Sequence[object]] = {
        "region": [*(str(r) for r in ds["region"].values[others]), "others"]
    }
    for regime in ds["regime"].values:
        loss = ds["embargo_loss"].sel(regime=regime).values[others]
        columns[f"{regime} [million USD]"] = [*(float(v) for v in loss), float(loss.sum())]
    return pd.DataFrame(columns)
