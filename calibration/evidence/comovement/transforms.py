"""What is done to a series before it is compared: logs, differences, seasonal adjustment, standardising.

Every transform keeps the length of the series: dates that it uses up become missing (NaN). A series may start or end
with missing values; a gap inside it stays a gap, and is refused where the transform cannot stand it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable

import numpy as np

from calibration.evidence.comovement.hits import Floats


def log(x: Floats) -> Floats:
    """Natural logarithm. Raises ValueError at values that are not above zero."""
    bad = np.flatnonzero(x <= 0)
    if bad.size:
        raise ValueError(f"the logarithm of {x[bad[0]]:g} at observation {bad[0] + 1} is not defined")
    return np.log(x)


def difference(x: Floats, periods: int = 1) -> Floats:
    """x_t - x_{t-periods}; the first `periods` dates are missing."""
    if not 1 <= periods < x.size:
        raise ValueError(f"periods of a difference must be from 1 to {x.size - 1}, got {periods}")
    result = np.full(x.size, np.nan)
    result[periods:] = x[periods:] - x[:-periods]
    return result


def standardise(x: Floats) -> Floats:
    """Mean 0 and standard deviation 1 over the observed dates."""
    with np.errstate(over="ignore", invalid="ignore"):
        spread = np.nanstd(x, ddof=1)
    if not np.isfinite(spread):
        raise ValueError(
            f"values up to {np.nanmax(np.abs(x)):.3g} are too large to be standardised: take other units"
        )
    if not spread > 0:
        raise ValueError("a series that does not vary cannot be standardised")
    return (x - np.nanmean(x)) / spread


def absolute(x: Floats) -> Floats:
    """Absolute values; of changes, a measure of volatility."""
    return np.abs(x)


def volatility(x: Floats, window: int = 12) -> Floats:
    """Standard deviation over the last `window` dates, the date included; missing until so many are observed."""
    if not 2 <= window <= x.size:
        raise ValueError(f"window of a volatility must be from 2 to {x.size}, got {window}")
    result = np.full(x.size, np.nan)
    result[window - 1 :] = np.lib.stride_tricks.sliding_window_view(x, window).std(axis=1, ddof=1)
    return result


def seasonal_adjustment(x: Floats, period: int, robust: bool = True) -> Floats:
    """x without its seasonal component by STL (Cleveland et al. 1990), as statsmodels computes it."""
    seen = np.flatnonzero(~np.isnan(x))
    part = x[seen[0] : seen[-1] + 1] if seen.size else x[:0]
    if np.isnan(part).any():
        raise ValueError("seasonal adjustment needs a series without gaps")
    if part.size < 2 * period:
        raise ValueError(f"seasonal adjustment needs two periods of {period}, got {part.size} observations")
    stl = importlib.import_module("statsmodels.tsa.seasonal").STL
    result = x.copy()
    result[seen[0] : seen[-1] + 1] = part - stl(part, period=period, robust=robust).fit().seasonal
    return result


TRANSFORMS: dict[str, Callable[..., Floats]] = {
    "log": log,
    "difference": difference,
    "standardise": standardise,
    "absolute": absolute,
    "volatility": volatility,
    "seasonal_adjustment": seasonal_adjustment,
}


def interaction(series: list[Floats]) -> Floats:
    """Product of standardised series."""
    return np.prod([standardise(x) for x in series], axis=0)
