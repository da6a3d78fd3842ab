"""The numbers that summary, figures and tables of a path quote, computed in one place.

Tables are long: a row for each year (and regime, region, element ...), columns with their unit in brackets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from outputs import facts, pricefacts, quotas, wording
from outputs.paths.industries import INDUSTRIES, bundle_prices
from outputs.paths.labelled import MEASURED
from outputs.paths.work import CALIBRATED, EVEN
from outputs.tables import with_gaps


class View:
    """A path's Dataset (one scenario), cut into years and regimes once."""

    def __init__(self, ds: xr.Dataset) -> None:
        self.ds = facts.one_scenario(ds)
        self.years = [int(value) for value in self.ds["year"].values]
        self.regimes = wording.regimes(self.ds)
        self.memories = [str(value) for value in self.ds["memory"].values]
        self.own = self.ds["restricting"].values > 0
        self._cut: dict[tuple[object, ...], xr.Dataset] = {}

    def year(self, at: int, memory: str = CALIBRATED) -> xr.Dataset:
        """One year as the Dataset of a solve, for `outputs.facts`; without the cuts and embargoes not solved then."""
        if (at, memory) not in self._cut:
            found = self.ds.sel(memory=memory, year=at)
            for when in set(MEASURED.values()) & set(found.dims):
                found = found.sel({when: at}) if at in found[when] else found.drop_dims(when)
            self._cut[at, memory] = found
        return self._cut[at, memory]

    def run(self, at: int, regime: str, memory: str = CALIBRATED) -> xr.Dataset:
        """One year of one regime."""
        if (at, regime, memory) not in self._cut:
            self._cut[at, regime, memory] = self.year(at, memory).sel(regime=regime)
        return self._cut[at, regime, memory]

    def runs(self) -> Iterator[tuple[int, str]]:
        """Every year of every regime."""
        for at in self.years:
            for regime in self.regimes:
                yield at, regime

    def over_time(self, name: str, regime: str, memory: str = CALIBRATED) -> np.ndarray:
        """A variable by year (t, ...), of one regime; by the years of its own axis where it has one."""
        values = self.ds[name].sel(regime=regime)
        found: np.ndarray = (values.sel(memory=memory) if "memory" in values.dims else values).values
        return found


def stacked(view: View, make: Callable[[xr.Dataset, str], pd.DataFrame]) -> pd.DataFrame:
    """A table of a result that takes a regime, for all years and regimes on top of each other."""
    frames = []
    for at, regime in view.runs():
        frame = make(view.year(at), regime)
        frame.insert(0, "regime", regime)
        frame.insert(0, "year", at)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def overview(view: View) -> pd.DataFrame:
    """One row a memory, year and regime: prices, tonnes, real income, exports and patents of exposed sectors."""
    rows = []
    for memory in view.memories:
        for at in view.years:
            run = view.year(at, memory)
            sectors = facts.sectors(run).set_index(["regime", "measure"])
            group = dict(zip(run["group"].values, run["group_equivalent_variation"].values.T, strict=True))
            for r, regime in enumerate(view.regimes):
                index, prices = pricefacts.index(run, regime), pricefacts.table(run, regime)
                rows.append(
                    {
                        "memory": memory,
                        "year": at,
                        "regime": regime,
                        "oxides abroad [%]": index["abroad"],
                        "oxides at home [%]": index["home"],
                        "sold abroad [t]": float(prices["sold abroad [t]"].sum()),
                        "export licence [USD/kg]": quotas.highest(run, "licence_price", regime),
                        "real income, restricting [million USD]": float(group["restricting"][r]),
                        "real income, others [million USD]": float(group["others"][r]),
                        "exports, exposed [%]": _cell(sectors, regime, "exports, volume", "exposed [%]"),
                        "exports, other [%]": _cell(sectors, regime, "exports, volume", "other [%]"),
                        "cost saved, exposed [%]": _cell(
                            sectors, regime, "cost saved by technology", "exposed [%]"
                        ),
                        "rare-earth patents, exposed [%]": _cell(
                            sectors, regime, "rare-earth patents", "exposed [%]"
                        ),
                    }
                )
    return pd.DataFrame(rows)


def _cell(sectors: pd.DataFrame, regime: str, measure: str, column: str) -> float:
    found: Any = sectors.loc[(regime, measure), column]
    return float(found)


def real_income(view: View) -> pd.DataFrame:
    """One row a year, regime and region or group: equivalent variation, and beside it that with an even memory."""
    both = {memory: _real_income(view, memory) for memory in view.memories}
    table = both[CALIBRATED]
    if EVEN in both:
        table["real income, even memory [million USD]"] = both[EVEN]["real income [million USD]"]
    return table


def _real_income(view: View, memory: str) -> pd.DataFrame:
    frames = []
    for at in view.years:
        wide = facts.real_income(view.year(at, memory))
        for regime in view.regimes:
            frames.append(
                pd.DataFrame(
                    {
                        "year": at,
                        "regime": regime,
                        "region": wide["region"],
                        "real income [million USD]": wide[f"{regime} [million USD]"],
                        "real income [%]": wide[f"{regime} [%]"],
                    }
                )
            )
    return pd.concat(frames, ignore_index=True)


def state(view: View) -> pd.DataFrame:
    """One row a year, regime, region and stage with plant: capacity, its target, what stands and the return to it."""
    ds = view.ds
    n, s = np.nonzero(ds["base_stage_output"].values > 0)
    columns = {
        "capacity": "capacity",
        "target": "capacity_target",
        "plant standing": "plant",
        "return": "resource_rent",
    }
    frames = []
    for at, regime in view.runs():
        run = view.run(at, regime)
        values = {f"{label} [ratio]": run[name].values[n, s] for label, name in columns.items()}
        where = {"region": ds["region"].values[n].astype(str), "stage": ds["stage"].values[s].astype(str)}
        frames.append(pd.DataFrame({"year": at, "regime": regime, **where, **values}))
    return pd.concat(frames, ignore_index=True)


def stocks(view: View) -> pd.DataFrame:
    """One row a year and region that ever holds stocks: tonnes at the start of the year, of each element held."""
    held = view.ds["stock"]
    holders, kinds = (
        held.any([axis for axis in held.dims if axis != kept]) for kept in ("region", "element")
    )
    tonnes = held[:, holders.values, kinds.values]
    _, regions, elements = (tonnes[axis].values for axis in tonnes.dims)
    columns = {f"{element} [t]": tonnes.values[:, :, at].ravel() for at, element in enumerate(elements)}
    where = {
        "year": np.repeat(view.years, len(regions)),
        "region": np.tile(regions.astype(str), len(view.years)),
    }
    return pd.DataFrame({**where, "held [t]": tonnes.values.sum(axis=2).ravel(), **columns})


def surplus(view: View) -> pd.DataFrame:
    """One row a year and regime, where anything is thrown away in any: tonnes, of each element that is."""
    tonnes = [view.run(at, regime)["thrown_away"].sum("region").values for at, regime in view.runs()]
    found = pd.DataFrame(tonnes, columns=[f"{e} [t]" for e in view.ds["element"].values.astype(str)])
    found = found.loc[:, (found > 0).any()]
    found.insert(0, "thrown away [t]", found.sum(axis=1))
    found.insert(0, "regime", [regime for _, regime in view.runs()])
    found.insert(0, "year", [at for at, _ in view.runs()])
    return found if len(found.columns) > 3 else found.iloc[:0]


def quota_years(view: View) -> pd.DataFrame:
    """The rows of `outputs.quotas` of every year, without the years in which a quota is not in force."""
    frames = [quotas.table(view.year(at)).assign(year=at) for at in view.years]
    found = pd.concat(frames, ignore_index=True).fillna(0.0)
    return found[["year", *(name for name in found if name != "year")]][found["limit [t]"] > 0]


def security(view: View) -> pd.DataFrame:
    """One row a year, regime and region outside the restricting ones: what a cut and an embargo would cost."""
    ds, outside = view.ds, ~view.own
    names = [*(str(r) for r in ds["region"].values[outside]), "others"]
    measures = {
        f"{label}{technology} [million USD]": (f"{event}_loss{suffix}", at)
        for label, event, at in (
            *((f"cut of {100 * s:.6g} %", "cut", (z,)) for z, s in enumerate(ds["cut"].values if "cut" in ds else ())),
            ("lasting embargo", "embargo", ()),
        )
        for technology, suffix in (("", ""), (", base technology", "_without_innovation"))
        if f"{event}_loss" in ds
    }  # fmt: skip
    if not measures:
        return pd.DataFrame({"region": []})
    rows = []
    for year, regime in view.runs():
        here, columns = view.run(year, regime), {}
        for label, (name, at) in measures.items():
            loss = here[name].values[at] if name in here else np.full(len(outside), np.nan)
            columns[label] = [*loss[outside], loss[outside].sum()]
        rows.append(pd.DataFrame({"year": year, "regime": regime, "region": names, **columns}))
    return with_gaps(pd.concat(rows, ignore_index=True))


def others(view: View, name: str, regime: str) -> pd.Series[float]:
    """By year in which it was solved, a loss of all outside the restricting regions; of several cuts the first."""
    values = view.over_time(name, regime)
    values = values[:, 0] if "cut" in view.ds[name].dims else values
    (when,) = (axis for axis in view.ds[name].dims if str(axis).endswith("year"))
    return pd.Series(values[:, ~view.own].sum(axis=1), [int(at) for at in view.ds[when].values])


def years_to_replace(view: View) -> pd.DataFrame:
    """One row a year, regime and stage or element: years until plant outside has followed an embargo."""
    rows = []
    for kind, axis in (("years_to_replace_stage", "stage"), ("years_to_replace_element", "element")):
        if kind not in view.ds:
            continue
        for at, regime in view.runs():
            here, labels = view.run(at, regime), view.ds[axis].values
            values = here[kind].values.astype(int) if kind in here else [None] * len(labels)
            rows += [
                {"year": at, "regime": regime, "what": str(what), "years to replace [years]": value}
                for what, value in zip(labels, values, strict=True)
            ]
    return with_gaps(pd.DataFrame(rows))


def concentration(view: View) -> pd.DataFrame:
    """One row a year, regime and element or stage: Herfindahl index of world supply by origin."""
    rows = []
    for name, axis in (("supply_concentration", "element"), ("stage_supply_concentration", "stage")):
        for at, regime in view.runs():
            values = view.run(at, regime)[name].values
            for what, value in zip(view.ds[axis].values, values, strict=True):
                row = {"year": at, "regime": regime, "what": str(what)}
                rows.append(row | {"supply concentration [0-1]": float(value)})
    return pd.DataFrame(rows)


def dependence(view: View) -> pd.DataFrame:
    """One row a year, regime, region and stage: share of imports in purchases, and how concentrated origins are."""
    rows = []
    ds = view.ds
    for at, regime in view.runs():
        here = view.run(at, regime)
        index = here["stage_concentration"].values
        for n, s in np.argwhere(index > 0):
            rows.append(
                {
                    "year": at,
                    "regime": regime,
                    "region": str(ds["region"].values[n]),
                    "stage": str(ds["stage"].values[s]),
                    "imports [%]": 100 * float(here["stage_import_dependence"].values[n, s]),
                    "concentration [0-1]": float(index[n, s]),
                }
            )
    return pd.DataFrame(rows)


def industries(view: View, *, bundles: bool = False) -> pd.DataFrame:
    """One row a year, regime, industry and region: cost now, and what a cut and a lasting embargo would do to it.

    With `bundles` those that are bundles of goods, by their price to final demand.
    """
    rows = []
    for at, regime in view.runs():
        here = view.run(at, regime)
        for industry in INDUSTRIES:
            if industry.bundle == bundles:
                for region, numbers in bundle_prices(here, industry).items():
                    head = {"year": at, "regime": regime, "industry": industry.name, "region": region}
                    rows.append(head | dict(numbers))
    return with_gaps(pd.DataFrame(rows))


def forces(view: View) -> pd.DataFrame:
    """One row a year and force: what it adds to exports of exposed sectors and to real income; the sum last."""
    return _contributions(view.ds, "force", "decomposed_year")


def instruments(view: View) -> pd.DataFrame:
    """One row a year and instrument, as `forces`."""
    return _contributions(view.ds, "instrument", "year")


def _contributions(ds: xr.Dataset, axis: str, when: str) -> pd.DataFrame:
    if axis not in ds.dims:
        return pd.DataFrame({axis: []})
    others = ds["restricting"].values == 0
    rows = []
    for at in ds[when].values:
        here = ds.sel({when: at})
        income = here[f"real_income_usd_by_{axis}"].values
        columns = {
            "exports, exposed [%]": here[f"exposed_exports_by_{axis}"].values,
            "exports, other [%]": here[f"other_exports_by_{axis}"].values,
            "real income, others [million USD]": income[:, others].sum(axis=1),
            "real income, restricting [million USD]": income[:, ~others].sum(axis=1),
        }
        table = pd.DataFrame({"year": int(at), axis: ds[axis].values.astype(str), **columns})
        total = {"year": int(at), axis: "sum", **{name: values.sum() for name, values in columns.items()}}
        rows.append(pd.concat([table, pd.DataFrame([total])], ignore_index=True))
    return pd.concat(rows, ignore_index=True)


def sector_contributions(view: View, axis: str) -> pd.DataFrame:
    """One row a year, region, sector with exports and force (or instrument): what it adds to exports, in percent."""
    name, ds = f"sector_exports_by_{axis}", view.ds
    when = "decomposed_year" if axis == "force" else "year"
    if name not in ds:
        return pd.DataFrame({axis: []})
    n, j = np.nonzero(ds["base_exports"].values > 0)
    frames = []
    for at in ds[when].values:
        values = ds[name].sel({when: at}).values
        columns = {f"{label} [%]": values[f, n, j] for f, label in enumerate(ds[axis].values)}
        frames.append(
            pd.DataFrame(
                {
                    "year": int(at),
                    "region": ds["region"].values[n].astype(str),
                    "sector": ds["sector"].values[j].astype(str),
                    **columns,
                    "sum [%]": values[:, n, j].sum(axis=0),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)
