"""Counts and totals as `patents panel` writes them, drawn from a known slope on the shipped prices."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from calibration.evidence.elasticities.simulate import World, _autoregressive
from calibration.evidence.elasticities.study import sector_prices
from calibration.evidence.exposure.measures import wiod_exposure

YEARS = tuple(range(2005, 2021))


@cache
def shipped_prices() -> pd.DataFrame:
    return sector_prices(wiod_exposure(), YEARS).log_price


def drawn_counts(
    countries: int, slope: float = 0.4, size: float = 40.0, shock: float = 0.0, seed: int = 0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Poisson counts around `size` in every country, sector and year; `shock` is that of a sector in all countries."""
    prices = shipped_prices()
    rng = np.random.default_rng(seed)
    level = slope * prices.sub(prices.mean(axis=1), axis=0).to_numpy()
    sectors, years = level.shape
    level = level + _autoregressive(shock, World(years=years), sectors, rng).T
    cells = [(f"C{k:02d}", s, y) for k in range(countries) for s in prices.index for y in prices.columns]
    totals = pd.DataFrame(cells, columns=["country", "sector", "year"])
    counts = totals.assign(element="Nd", category="uses_less")
    counts["patents"] = rng.poisson(size * np.exp(np.tile(level.ravel(), countries))).astype(float)
    return counts, totals.assign(patents=3000.0 + counts["patents"])
