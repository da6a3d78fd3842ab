"""Wavelet local multiple cross-correlation: local multiple correlation with the dominant series moved by a lag."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from calibration.evidence.comovement.hits import Floats, Ints
from calibration.evidence.comovement.local import (
    effective_size,
    local_multiple_correlation,
    window_weights,
)
from calibration.evidence.comovement.modwt import Modwt, phase_shift, without_mirror
from calibration.evidence.comovement.waveletmoments import Interval, fisher_half_width, fisher_interval


@dataclass(frozen=True)
class LocalMultipleCrossCorrelation:
    """phi and interval by level, lag and date, (J+1, 2L+1, N); dominant (J+1, N) is the series that is moved."""

    levels: tuple[str, ...]
    lags: Ints
    value: Floats
    lower: Floats
    upper: Floats
    dominant: Ints


def local_multiple_cross_correlation(
    transform: Modwt,
    max_lag: int,
    half_width: float | None = None,
    window: str = "gaussian",
    variable: int | None = None,
    confidence: float = 0.95,
    interval: Interval = "published",
) -> LocalMultipleCrossCorrelation:
    """At lag k the dominant series of lag 0, at t+k and weighted theta(t+k-s), is explained by the others at t, both
    dates of the series.
    """
    here = local_multiple_correlation(
        transform, half_width, window, variable, confidence, interval, centre=False
    )
    shifted = without_mirror(phase_shift(transform))
    n, d = shifted.coefficients.shape[1:]
    if not 0 <= max_lag < n:
        raise ValueError(f"max_lag must be from 0 to {n - 1}, got {max_lag}")
    theta = window_weights(n, here.half_width, window)
    lags = np.arange(-max_lag, max_lag + 1)
    value = np.stack([_at_lag(shifted, theta, int(k), here.dominant) for k in lags], axis=1)
    half = fisher_half_width(effective_size(shifted, theta, interval)[:, None], confidence)
    lower, upper = fisher_interval(value, np.broadcast_to(half, value.shape), floor=d > 2)
    return LocalMultipleCrossCorrelation(transform.names, lags, value, lower, upper, here.dominant)


def _at_lag(shifted: Modwt, theta: Floats, lag: int, response: Ints) -> Floats:
    """phi at one lag, (J+1, N); NaN where the dominant series is not defined."""
    w = np.where(shifted.known[..., None], shifted.coefficients, 0.0)
    depth, n, d = w.shape
    early, late = slice(max(-lag, 0), n - max(lag, 0)), slice(max(lag, 0), n + min(lag, 0))
    # Rows where both the series moved and the others are known.
    both = (shifted.known[:, early] & shifted.known[:, late])[..., None]
    x, y = np.where(both, w[:, early], 0.0), np.where(both, w[:, late], 0.0)
    theta_x, theta_y = theta[:, early], theta[:, late]
    xx = np.einsum("st,jta,jtb->jsab", theta_x**2, x, x, optimize=True)
    yy = np.einsum("st,jta->jsa", theta_y**2, y**2, optimize=True)
    yx = np.einsum("st,jta,jtb->jsab", theta_x * theta_y, y, x, optimize=True)
    phi = np.full((depth, n), np.nan)
    for variable in range(d):
        others = np.arange(d) != variable
        at = response == variable
        a = xx[at][:, others][:, :, others]
        c = yx[at][:, variable][:, others]
        explained = np.einsum("na,nab,nb->n", c, np.linalg.pinv(a, hermitian=True), c)
        with np.errstate(invalid="ignore", divide="ignore"):
            size = np.sqrt(np.clip(explained / yy[at][:, variable], 0, 1))
        phi[at] = size * np.sign(c[:, 0]) if d == 2 else size
    return phi
