"""Quantile hits: who was at or below its own quantile, from ranks alone.

The hit of x_t at level a is 1[x_t <= q(a)] - a with q(a) the type-7 sample quantile (Hyndman and Fan 1996).
Because q(a) lies between two neighbouring order statistics, x_t <= q(a) is the same as x_t <= x_(m), with
m = floor(1 + (n-1) a): a statement about ranks, exact under ties. FUZZ keeps grids whose (n-1) a lands an ulp
below an integer on that integer.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

FUZZ = 1e-12


def order_index(n: int | Ints, levels: ArrayLike) -> Ints:
    """m = floor(1 + (n-1) a): which order statistic (1 = smallest) bounds the hits at level a of a sample of n."""
    size = np.asarray(n)[..., None]
    return np.floor(1.0 + (size - 1) * np.asarray(levels, dtype=float) + FUZZ).astype(np.intp)


def ranks(x: ArrayLike) -> Ints:
    """Dense ranks 0..K-1: equal values share a rank. x has shape (n,) and no missing values."""
    values = np.asarray(x, dtype=float)
    if not np.isfinite(values).all():
        raise ValueError("ranks of a series with missing or infinite values are not defined")
    return np.unique(values, return_inverse=True)[1].reshape(-1).astype(np.intp)


def below(counts: Ints) -> Ints:
    """How many observations are strictly below each dense rank; counts (..., K) are observations at each rank."""
    return np.cumsum(counts, axis=-1) - counts


def first_hit(n_below: Ints, order: Ints) -> Ints:
    """Index of the lowest level whose quantile an observation reaches; len(levels) if it reaches none.

    n_below (..., K): observations strictly below; order (..., levels) from `order_index`. An observation with c
    others below it is a hit at level i when order_i > c, so it hits every level from #{i: order_i <= c}
    upwards.
    """
    if order.ndim == 1:
        return np.searchsorted(order, n_below, side="right").astype(np.intp)
    return (order[..., None, :] <= n_below[..., None]).sum(axis=-1, dtype=np.intp)


def quantile_hits(x: ArrayLike, levels: ArrayLike) -> Floats:
    """Hits 1[x_t <= q(a)] - a of one series, shape (n, levels), mean close to zero; levels in (0, 1)."""
    a = check_levels(levels)
    code = ranks(x)
    start = first_hit(below(np.bincount(code)), order_index(code.size, a))[code]
    return (np.arange(a.size) >= start[:, None]) - a


def quantile(x: ArrayLike, levels: ArrayLike) -> Floats:
    """Type-7 sample quantiles, shape (levels,): what the hits are measured against."""
    return np.quantile(np.asarray(x, dtype=float), check_levels(levels), method="linear")


def check_levels(levels: ArrayLike) -> Floats:
    """Levels as a rising array strictly inside (0, 1), or a ValueError saying which are not."""
    a = np.atleast_1d(np.asarray(levels, dtype=float))
    if a.ndim != 1 or a.size == 0:
        raise ValueError("quantile levels must be a list of at least one number")
    if not ((a > 0) & (a < 1)).all():
        raise ValueError(f"quantile levels must lie strictly between 0 and 1, got {a[~((a > 0) & (a < 1))]}")
    if (np.diff(a) <= 0).any():
        raise ValueError("quantile levels must rise strictly")
    return a
