"""Wavelet variance, covariance and correlation by level (Percival and Walden 2000, chapter 8; Whitcher et al. 2000)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import betaincc, betainccinv
from scipy.stats import chi2, norm

from calibration.evidence.comovement.hits import Floats
from calibration.evidence.comovement.modwt import Modwt

Interval = Literal["published", "corrected"]


@dataclass(frozen=True)
class ByLevel:
    """An estimate and its interval at every level; arrays start with the level axis (J+1).

    NaN: a level none of whose coefficients is free of the ends of the series, or an interval on fewer than 3
    observations.
    """

    levels: tuple[str, ...]
    value: Floats
    lower: Floats
    upper: Floats


def level_rows(transform: Modwt) -> list[Floats]:
    """Coefficients still known at each level, (n_j, series); n_j may be 0 after `brick_wall`."""
    return [level[known] for level, known in zip(transform.coefficients, transform.known, strict=True)]


def mean_products(w: Floats, centre: bool = False) -> Floats:
    """Mean of w_i w_j over rows of w (n, d), about their means if `centre`; NaN without rows."""
    if not len(w):
        return np.full((w.shape[1], w.shape[1]), np.nan)
    deviation = w - w.mean(axis=0) if centre else w
    return deviation.T @ deviation / len(w)


def wavelet_variance(
    transform: Modwt, interval: Literal["chi-squared", "gaussian"] = "chi-squared", confidence: float = 0.95
) -> ByLevel:
    """Mean square of the coefficients of each level and series, (J+1, series); they add up to that of the series.

    Unbiased after `brick_wall`. Intervals: chi-squared with max(M_j/2^j, 1) degrees of freedom, or from the
    large-sample variance 2 A_j / M_j of a Gaussian series, A_j the integrated squared spectrum.
    """
    rows = level_rows(transform)
    value = np.array([np.diag(mean_products(w)) for w in rows])
    tail = (1 - confidence) / 2
    if interval == "chi-squared":
        freedom = np.maximum(level_sizes(transform, "corrected"), 1)[:, None]
        lower, upper = (
            freedom * value / chi2.ppf(1 - tail, freedom),
            freedom * value / chi2.ppf(tail, freedom),
        )
    elif interval == "gaussian":
        count = known_sizes(transform)
        spread = [
            _squared_spectrum(w) / n if len(w) else np.full(w.shape[1], np.nan)
            for w, n in zip(rows, count, strict=True)
        ]
        error = norm.ppf(1 - tail) * np.sqrt(2 * np.array(spread))
        lower, upper = value - error, value + error
    else:
        raise ValueError(f"interval must be chi-squared or gaussian, got {interval!r}")
    return ByLevel(transform.names, value, lower, upper)


def _squared_spectrum(w: Floats) -> Floats:
    """A_j: half the squared variance plus the sum of squared autocovariances, of uncentred coefficients."""
    n = len(w)
    power = np.abs(np.fft.rfft(w, 2 * n, axis=0)) ** 2
    covariance = np.fft.irfft(power, 2 * n, axis=0)[:n] / n
    return (covariance**2).sum(axis=0) - covariance[0] ** 2 / 2


def products_by_level(transform: Modwt, centre: bool) -> Floats:
    """Mean products of every two series at each level, (J+1, series, series); about their means if `centre`."""
    return np.array([mean_products(w, centre) for w in level_rows(transform)])


def correlation_from_products(product: Floats) -> Floats:
    """Correlation matrices from matrices of products, (..., d, d); NaN where a series has no variation."""
    scale = np.sqrt(np.einsum("...ii->...i", product))
    with np.errstate(invalid="ignore", divide="ignore"):
        result = product / scale[..., :, None] / scale[..., None, :]
    axis = np.arange(product.shape[-1])
    result[..., axis, axis] = np.where(scale > 0, 1.0, np.nan)
    return result


def wavelet_covariance(transform: Modwt) -> Floats:
    """Covariance of every two series at each level (coefficients have mean zero but for the smooth), (J+1, d, d)."""
    return products_by_level(transform, centre=False)


def wavelet_correlation(
    transform: Modwt, confidence: float = 0.95, centre: bool = False, interval: Interval = "published"
) -> ByLevel:
    """Correlation of every two series by level, (J+1, d, d), with Fisher's interval on `level_sizes` observations."""
    value = correlation_from_products(products_by_level(transform, centre))
    half = fisher_half_width(level_sizes(transform, interval), confidence)[:, None, None]
    lower, upper = fisher_interval(value, np.broadcast_to(half, value.shape))
    return ByLevel(transform.names, value, lower, upper)


def level_sizes(transform: Modwt, interval: Interval) -> Floats:
    """The independent observations a level is worth; the smooth counts as level J+1.

    "published": floor(N / 2^j), coefficients that the ends of the series reach included; "corrected": without them.
    """
    check_interval(interval)
    share = 2.0 ** np.arange(1, transform.levels + 2)
    if interval == "published":
        return np.floor(transform.length / share)
    return known_sizes(transform) / share


def known_sizes(transform: Modwt) -> Floats:
    """Coefficients still known at each level; under reflection one and its mirror image count as one."""
    return transform.known.sum(axis=1) * (transform.length / transform.known.shape[1])


def check_interval(interval: str) -> None:
    if interval not in ("published", "corrected"):
        raise ValueError(f"interval must be published or corrected, got {interval!r}")


def fisher_half_width(size: Floats, confidence: float) -> Floats:
    """z / sqrt(n - 3) on Fisher's scale: infinite at n = 3, NaN (no interval) below."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return norm.ppf(0.5 + confidence / 2) / np.sqrt(np.where(size >= 3, size - 3, np.nan))


def fisher_interval(value: Floats, half: Floats, floor: bool = False) -> tuple[Floats, Floats]:
    """tanh(atanh(value) -/+ half); the lower end is cut at 0 if `floor`."""
    with np.errstate(invalid="ignore", divide="ignore"):
        centre = np.arctanh(value)
        lower, upper = np.tanh(centre - half), np.tanh(centre + half)
    return (np.maximum(lower, 0.0) if floor else lower), upper


def against_none(value: Floats, size: Floats, d: int, tries: int, confidence: float) -> tuple[Floats, Floats]:
    """p-value of multiple correlations phi of d series; and what unrelated ones stay below with that confidence.

    phi of a given series on d-1 unrelated ones has phi^2 ~ Beta((d-1)/2, (n-d)/2), n its `size`: it is never negative
    and far from 0 in small samples, so that an interval around it does not tell it from none. tries: of how many series
    it is the largest (Bonferroni).
    Cautious: at 5 % it calls 0 to 4 % of unrelated samples related. Where n does not exceed d nothing can be told: p is
    1, and the value to reach too.
    """
    a, b = (d - 1) / 2, (np.broadcast_to(size, value.shape) - d) / 2
    told = b > 0
    b = np.where(told, b, 1.0)
    p_value = np.minimum(tries * betaincc(a, b, np.clip(value**2, 0, 1)), 1.0)
    critical = np.sqrt(betainccinv(a, b, (1 - confidence) / tries))
    return np.where(told | np.isnan(value), p_value, 1.0), np.where(told, critical, 1.0)
