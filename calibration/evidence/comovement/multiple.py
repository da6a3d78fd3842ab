"""Wavelet multiple correlation: how well one series is explained by all the others at each scale.

Fernandez-Macho (2012, Physica A 391): from the uncentred correlations P of the coefficients of a level,
phi = sqrt(1 - 1/max_i (P^-1)_ii), the largest multiple correlation of any one series on the rest; that series is the
dominant one. With two series phi carries the sign of their correlation.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from calibration.evidence.comovement.hits import Floats, Ints
from calibration.evidence.comovement.modwt import Modwt, without_mirror
from calibration.evidence.comovement.waveletmoments import (
    Interval,
    against_none,
    correlation_from_products,
    fisher_half_width,
    fisher_interval,
    level_rows,
    level_sizes,
    products_by_level,
)

# A column of the correlation matrix with less than this share of it left by the columns before it adds nothing.
RANK_TOLERANCE = 1e-7


@dataclass(frozen=True)
class MultipleCorrelation:
    """phi, interval and dominant series (0-based) by level, each (J+1,).

    p_value and critical, the value that unrelated series reach once in 1/(1 - confidence) times, are those of
    `waveletmoments.against_none` on the coefficients that the ends of the series do not reach. NaN in an interval:
    fewer than 3 observations. NaN in phi, with dominant -1: a level without known coefficients.
    """

    levels: tuple[str, ...]
    value: Floats
    lower: Floats
    upper: Floats
    dominant: Ints
    p_value: Floats
    critical: Floats


@dataclass(frozen=True)
class MultipleCrossCorrelation:
    """The same by level and lag, (J+1, 2L+1): at lag > 0 the dominant series follows the others by that many dates."""

    levels: tuple[str, ...]
    lags: Ints
    value: Floats
    lower: Floats
    upper: Floats
    dominant: Ints
    p_value: Floats


def multiple_from_correlations(
    correlation: Floats, variable: int | None = None
) -> tuple[Floats, Ints, np.ndarray]:
    """phi, dominant series and rank deficiency of correlation matrices (..., d, d).

    Where the matrix is rank deficient phi is 1 and there is no dominant series (-1); where it is missing phi is NaN.
    """
    d = correlation.shape[-1]
    missing = np.asarray(np.isnan(correlation).any(axis=(-2, -1)))
    safe = np.where(missing[..., None, None], np.eye(d), correlation)
    pivots = np.abs(np.einsum("...ii->...i", np.linalg.qr(safe, mode="r")))
    deficient = np.asarray(np.any(pivots < RANK_TOLERANCE * np.linalg.norm(safe, axis=-2), axis=-1))
    inverse = np.linalg.inv(np.where(deficient[..., None, None], np.eye(d), safe))
    diagonal = np.einsum("...ii->...i", inverse)
    if variable is None:
        # Series that tie, as two always do, count as the first of them.
        best = np.argmax(diagonal >= diagonal.max(axis=-1, keepdims=True) * (1 - 1e-12), axis=-1)
    else:
        best = np.full(diagonal.shape[:-1], _check_variable(variable, d))
    chosen = np.take_along_axis(diagonal, best[..., None], axis=-1)[..., 0]
    phi = np.sqrt(np.clip(1 - 1 / chosen, 0, 1))
    if d == 2:
        phi = phi * np.sign(safe[..., 0, 1])
    phi = np.where(missing, np.nan, np.where(deficient, 1.0, phi))
    return phi, np.where(missing | deficient, -1, best).astype(np.intp), deficient & ~missing


def _check_variable(variable: int, d: int) -> int:
    if not 0 <= variable < d:
        raise ValueError(f"variable must be the number of a series, 0 to {d - 1}, got {variable}")
    return variable


def check_series(transform: Modwt) -> int:
    d = transform.coefficients.shape[2]
    if d < 2:
        raise ValueError("a multiple correlation needs at least two series")
    return d


def warn_uncentred(transform: Modwt, centre: bool | None) -> bool:
    """Whether to centre; None means no, with a warning if the smooth is mostly mean, which drives phi to 1."""
    if centre is None:
        smooth = transform.coefficients[-1][transform.known[-1]]
        if smooth.size:
            mostly_mean = np.flatnonzero(smooth.mean(axis=0) ** 2 > smooth.var(axis=0))
            if mostly_mean.size > 1:
                warnings.warn(
                    f"the smooth of series {', '.join(map(str, mostly_mean))} is mostly its mean, which "
                    "makes their uncentred "
                    "correlation there tend to 1: pass centre=True, or centre=False to keep it",
                    stacklevel=3,
                )
    return bool(centre)


def multiple_correlation(
    transform: Modwt,
    variable: int | None = None,
    confidence: float = 0.95,
    centre: bool | None = None,
    interval: Interval = "published",
) -> MultipleCorrelation:
    """Wavelet multiple correlation of all series of a transform; of `variable` on the others if given.

    Interval: tanh(atanh phi -/+ z/sqrt(n - 3)), n the `level_sizes`; cut at 0 with more than two series. Raises
    ValueError where a series is a combination of the others.
    """
    d = check_series(transform)
    centred = warn_uncentred(transform, centre)
    correlation = correlation_from_products(products_by_level(transform, centred))
    value, dominant, deficient = multiple_from_correlations(correlation, variable)
    if (deficient | (np.isnan(value) & transform.known.any(axis=1))).any():
        level = transform.names[int(np.argmax(deficient | np.isnan(value)))]
        raise ValueError(f"at level {level} a series is a combination of the others, or does not vary")
    half = fisher_half_width(level_sizes(transform, interval), confidence)
    lower, upper = fisher_interval(value, half, floor=d > 2)
    sizes = level_sizes(transform, "corrected")
    p_value, critical = against_none(value, sizes, d, chosen_among(d, variable), confidence)
    return MultipleCorrelation(transform.names, value, lower, upper, dominant, p_value, critical)


def chosen_among(d: int, variable: int | None) -> int:
    """Of how many series the one explained is the best; two explain each other equally well."""
    return d if variable is None and d > 2 else 1


def multiple_cross_correlation(
    transform: Modwt,
    max_lag: int | None = None,
    variable: int | None = None,
    confidence: float = 0.95,
    centre: bool | None = None,
    interval: Interval = "published",
) -> MultipleCrossCorrelation:
    """Multiple correlation of the dominant series of lag 0 (or `variable`), moved against all the others.

    At lag k the series at t+k is explained by the others at t, over the dates of the series where both are known.
    max_lag defaults to trunc(sqrt(N)/2).
    """
    d = check_series(transform)
    centred = warn_uncentred(transform, centre)
    dominant = multiple_correlation(transform, variable, confidence, centred).dominant
    longest = int(np.sqrt(transform.length) / 2) if max_lag is None else max_lag
    rows = level_rows(without_mirror(transform))
    shortest = min(len(w) for w in rows if len(w))
    if not 0 <= longest < shortest - d:
        raise ValueError(f"max_lag must be from 0 to {shortest - d - 1}, got {longest}")
    lags = np.arange(-longest, longest + 1)
    value = np.full((len(rows), lags.size), np.nan)
    for place, (w, response) in enumerate(zip(rows, dominant, strict=True)):
        if len(w):
            value[place] = [_moved(w, response, int(k), centred) for k in lags]
    half = fisher_half_width(level_sizes(transform, interval), confidence)[:, None]
    lower, upper = fisher_interval(value, np.broadcast_to(half, value.shape), floor=d > 2)
    sizes = level_sizes(transform, "corrected")[:, None]
    p_value, _ = against_none(value, sizes, d, chosen_among(d, variable), confidence)
    return MultipleCrossCorrelation(transform.names, lags, value, lower, upper, dominant, p_value)


def _moved(w: Floats, response: int, lag: int, centre: bool) -> float:
    """Multiple correlation of column `response` at t+lag with the others at t."""
    n = len(w)
    y = w[max(lag, 0) : n + min(lag, 0), response]
    x = np.delete(w[max(-lag, 0) : n - max(lag, 0)], response, axis=1)
    if centre:
        y, x = y - y.mean(), x - x.mean(axis=0)
    fitted = x @ np.linalg.lstsq(x, y, rcond=None)[0]
    phi = float(np.sqrt((fitted @ fitted) / (y @ y)))
    return phi * float(np.sign(x[:, 0] @ y)) if x.shape[1] == 1 else phi
