"""From patent counts, oxide prices and the export quota to the panel of E18."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from calibration.errors import InputError
from calibration.evidence import shipped
from calibration.evidence.exposure.measures import BASE_YEAR, Exposure, wiod_exposure
from calibration.evidence.patents.records import CLASSES

SAVING = ("uses_less", "substitutes", "recycles")  # research that makes a unit of rare earth go further
TYPICAL_LICENCE = 15.0  # USD per kg: about what light oxides rose by abroad from 2009 to 2010


@dataclass(frozen=True, slots=True)
class Prices:
    """ln price of the rare-earth bundle by sector and year, from elements with a price in every year; `coverage` is
    their share of each sector's bundle in the base year.
    """

    log_price: pd.DataFrame  # sector x year
    elements: tuple[str, ...]
    years: tuple[int, ...]
    soft: bool  # whether any price is recalled, not read
    coverage: pd.Series  # by sector

    def __str__(self) -> str:
        shares = ", ".join(f"{s} {100 * share:.0f} %" for s, share in self.coverage.items())
        text = (
            f"Prices of {', '.join(self.elements)}, the elements with one in every year used ({len(self.years)} years "
            f"from {self.years[0]} to {self.years[-1]}). They are this much of sectors' bundles in {BASE_YEAR}, and "
            f"stand for the rest: {shares}. The instrument is of whole bundles."
        )
        return f"{text} Some prices are recalled, not read." if self.soft else text


def sector_prices(exposure: Exposure, years: tuple[int, ...], prices: pd.DataFrame | None = None) -> Prices:
    """Geometric index of each sector's rare earths with fixed shares of the base year (geometric Laspeyres); years
    without an annual average are left out, none is filled, and the shares of elements with a price in all others
    are scaled up. Raises InputError when fewer than three years or two elements remain.
    """
    table = shipped.oxide_prices() if prices is None else prices
    table = table[table["year"].isin(years) & (table["basis"] == "annual average")]
    wide = table.pivot(index="element", columns="year", values="price")
    wide = wide.loc[[e for e in exposure.elements if e in wide.index]]
    complete = wide.dropna()
    priced = ", ".join(map(str, wide.columns)) or "none"
    if wide.shape[1] < 3:
        raise InputError(
            f"oxide prices of three years are the least; of the years asked for there are: {priced}"
        )
    if len(complete) < 2:
        raise InputError(
            f"prices of two elements in every year are the least; {len(complete)} have one in all of {priced}"
        )
    place = [exposure.elements.index(str(e)) for e in complete.index]
    share = exposure.element_share[:, place]
    covered = share.sum(1)
    weights = np.divide(share, covered[:, None], out=np.zeros_like(share), where=covered[:, None] > 0)
    users = covered > 0
    index = pd.DataFrame(
        (weights @ np.log(complete.to_numpy()))[users],
        index=[s for s, uses in zip(exposure.sectors, users, strict=True) if uses],
        columns=complete.columns,
    )
    used = table[table["element"].isin(complete.index)]
    soft = bool((used["status"] != "seen").any())
    elements, priced_years = tuple(map(str, complete.index)), tuple(int(y) for y in complete.columns)
    return Prices(index, elements, priced_years, soft, pd.Series(covered[users], index=index.index))


def panel_prices(
    totals: pd.DataFrame, exposure: Exposure | None = None, years: tuple[int, ...] | None = None
) -> Prices:
    """The prices `build_panel` uses: of its years that have a quota, or come after the last one."""
    asked = years or tuple(int(y) for y in sorted(totals["year"].unique()))
    return sector_prices(exposure or wiod_exposure(), tuple(quota_tightness(asked)))


def quota_tightness(years: tuple[int, ...]) -> dict[int, float]:
    """-ln of the quota over the mean of 2005-2009; 0 from 2015 on, when there was none. Years before 2005
    have none.
    """
    quota = shipped.export_quota().set_index("year")["quota"]
    base = float(np.log(quota.loc[2005:BASE_YEAR]).mean())
    return {
        y: base - float(np.log(quota[y])) if y in quota.index else 0.0
        for y in years
        if y in quota.index or y > quota.index.max()
    }


def licence_exposure(exposure: Exposure, licence: float = TYPICAL_LICENCE) -> dict[str, float]:
    """By how many logs a licence per kilo (E14) raises each sector's rare-earth price at the prices of the
    base year: large for users of cheap light oxides. Fixed before the shock, so it may stand in an
    instrument.
    """
    table = shipped.oxide_prices()
    price = table[table["year"] == BASE_YEAR].set_index("element")["price"].reindex(exposure.elements)
    rise = np.log1p(licence / price.to_numpy())
    return dict(zip(exposure.sectors, (exposure.element_share @ rise).tolist(), strict=True))


def build_panel(
    counts: pd.DataFrame,
    totals: pd.DataFrame,
    *,
    saving: tuple[str, ...] = SAVING,
    exposure: Exposure | None = None,
    dependence: Mapping[str, float] | None = None,
    years: tuple[int, ...] | None = None,
) -> pd.DataFrame:
    """The table `panel_from_frame` reads, from the counts of `patents panel` and totals of all patents.

    ree_patents: of the classes in `saving`; other_patents: all patents less those of every class but
    `unrelated`. dependence: share of a country's rare earths bought from the restricting one, 1 for all by
    default. A cell without any patent in the totals is left out. Raises InputError on unknown classes, counts
    above totals, and counts of a cell that the totals do not have.
    """
    unknown = sorted(set(saving) - set(CLASSES))
    if unknown or not saving:
        raise InputError(f"unknown classes {', '.join(unknown)}; they are {', '.join(CLASSES)}")
    exposure = exposure or wiod_exposure()
    prices = panel_prices(totals, exposure, years)
    tightness = quota_tightness(prices.years)
    licence = licence_exposure(exposure)
    keys = ["country", "sector", "year"]
    related = counts[counts["category"] != "unrelated"]
    table = totals[keys + ["patents"]].rename(columns={"patents": "all"})
    table = table.merge(
        _sum(counts[counts["category"].isin(saving)], keys, "ree_patents"), on=keys, how="outer"
    )
    table = table.merge(_sum(related, keys, "related"), on=keys, how="outer").fillna(
        {"ree_patents": 0.0, "related": 0.0}
    )
    table = table[table["sector"].isin(prices.log_price.index) & table["year"].isin(prices.years)]
    lacking = table[table["all"].isna() & (table["related"] > 0)]
    if len(lacking):
        first = lacking.iloc[0]
        raise InputError(
            f"{len(lacking)} cells have rare-earth patents and no totals, first {first['country']}, "
            f"{first['sector']}, {first['year']}: the totals must cover every cell of the counts"
        )
    table = table[table["all"].notna()]
    other = table["all"] - table["related"]
    if (other < -1e-6).any():
        first = table[other < -1e-6].iloc[0]
        raise InputError(
            f"more rare-earth patents than patents in {first['country']}, {first['sector']}, {first['year']}: "
            "the totals must count the same source in the same way"
        )
    on = {c: 1.0 if dependence is None else dependence.get(c, 0.0) for c in table["country"].unique()}
    return pd.DataFrame(
        {
            "unit": table["country"] + " " + table["sector"],
            "country": table["country"],
            "sector": table["sector"],
            "year": table["year"],
            "ree_patents": table["ree_patents"],
            "other_patents": other.clip(lower=0.0),
            "log_price": [
                prices.log_price.loc[s, y] for s, y in zip(table["sector"], table["year"], strict=True)
            ],
            "quota_exposure": table["year"].map(tightness)
            * table["sector"].map(licence)
            * table["country"].map(on),
        }
    ).reset_index(drop=True)


def _sum(counts: pd.DataFrame, keys: list[str], name: str) -> pd.DataFrame:
    total: pd.DataFrame = counts.groupby(keys)["patents"].sum().reset_index(name=name)
    return total
