"""Panels for the exposure regressions: one row per unit and year, from data at hand or from the model's own
results.

Columns: unit, group (a country, or one group for all), sector, year, outcome (a log), exposure (standard
deviations).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from calibration.errors import InputError, unknown_name
from calibration.evidence import shipped
from calibration.evidence.exposure.measures import standardise

COLUMNS = ("unit", "group", "sector", "year", "outcome", "exposure")


@dataclass(frozen=True, slots=True)
class ExposurePanel:
    """Rows with COLUMNS; what the outcome is, where it comes from, and how many rows had no log."""

    data: pd.DataFrame
    outcome: str
    source: str
    dropped: int


def exports_panel(
    exposure: dict[str, float],
    *,
    countries: tuple[str, ...] | None = None,
    without: tuple[str, ...] = ("CHN", "RoW"),
    without_sectors: tuple[str, ...] = (),
    goods_only: bool = True,
) -> ExposurePanel:
    """ln exports by country, sector and year, 1995-2011 (WIOD): all countries but China and the rest of the
    world.

    Country-sectors that ever export nothing, or less than nothing, are left out whole, so that the set of
    exporters is the same in every year. Raises InputError on unknown countries.
    """
    data = shipped.exports()
    known = data["country"].unique().tolist()
    unknown = [name for name in (*(countries or ()), *without) if name not in known]
    if unknown:
        raise InputError([unknown_name("country", name, known) for name in unknown])
    kept = [name for name in (countries or known) if countries or name not in without]
    wanted = shipped.sectors()
    names = wanted.loc[wanted["goods"] | (not goods_only), "sector"].tolist()
    names = [name for name in names if name not in without_sectors]
    data = data[data["country"].isin(kept) & data["sector"].isin(names)]
    unit = data["country"] + " " + data["sector"]
    positive = (data["exports"] > 0).groupby(unit).transform("all")
    scaled = standardise(exposure, names)
    return ExposurePanel(
        pd.DataFrame(
            {
                "unit": unit,
                "group": data["country"],
                "sector": data["sector"],
                "year": data["year"],
                "outcome": np.log(data["exports"].where(positive, 1)),
                "exposure": data["sector"].map(scaled),
            }
        )[positive].reset_index(drop=True),
        "ln exports",
        "World Input-Output Database, release 2013",
        int((~positive).sum()),
    )


def tfp_panel(exposure: dict[str, float], *, manufacturing_only: bool = False) -> ExposurePanel:
    """ln TFP of US industries by year, 1995-2023. `exposure` by industry code as text."""
    industries = shipped.us_industries()
    names = [
        str(i) for i in industries.loc[industries["manufacturing"] | (not manufacturing_only), "industry"]
    ]
    data = shipped.us_tfp()
    data = data.assign(unit=data["industry"].astype(str))
    data = data[data["unit"].isin(names)]
    return ExposurePanel(
        pd.DataFrame(
            {
                "unit": data["unit"],
                "group": "USA",
                "sector": data["unit"],
                "year": data["year"],
                "outcome": np.log(data["tfp"]),
                "exposure": data["unit"].map(standardise(exposure, names)),
            }
        ).reset_index(drop=True),
        "ln TFP",
        "BEA/BLS integrated industry-level production account",
        0,
    )


def panel_from_arrays(
    outcome: npt.ArrayLike,
    exposure: npt.ArrayLike,
    years: tuple[int, ...],
    *,
    groups: tuple[str, ...],
    sectors: tuple[str, ...],
    name: str,
    source: str,
) -> ExposurePanel:
    """A panel from positive levels or hats (t, n, j), such as the model's exports by year, region and sector.

    exposure: (j,) or (n, j), standardised over its own values. Cells that are 0 in any year are left out
    whole. Raises ValueError when shapes differ or an outcome is negative or not finite.
    """
    level = np.asarray(outcome, float)
    if level.shape != (len(years), len(groups), len(sectors)):
        raise ValueError(f"outcome has shape {level.shape}, not {(len(years), len(groups), len(sectors))}")
    if not (np.all(np.isfinite(level)) and np.all(level >= 0)):
        raise ValueError("outcomes must be finite and not negative")
    given = np.asarray(exposure, float)
    size = np.broadcast_to(given, level.shape[1:])
    spread = float(given.std(ddof=1))
    if not np.isfinite(spread) or spread == 0:
        raise ValueError("exposures must be finite and differ")
    present = (level > 0).all(0)
    t, n, j = (index.ravel() for index in np.indices(level.shape))
    kept = np.broadcast_to(present, level.shape).ravel()
    t, n, j = t[kept], n[kept], j[kept]
    return ExposurePanel(
        pd.DataFrame(
            {
                "unit": [f"{groups[a]} {sectors[b]}" for a, b in zip(n, j, strict=True)],
                "group": np.array(groups, dtype=object)[n],
                "sector": np.array(sectors, dtype=object)[j],
                "year": np.array(years)[t],
                "outcome": np.log(level[t, n, j]),
                "exposure": ((size - size.mean()) / spread)[n, j],
            }
        ),
        name,
        source,
        int(len(kept) - kept.sum()),
    )
