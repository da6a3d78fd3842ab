"""Wavelet local multiple correlation: multiple correlation by scale and date (Fernandez-Macho 2018, Physica A 490).

The phase-shifted coefficients of a level are multiplied by weights theta(t - s), normalised to add up to one
over t, and phi is taken from their uncentred correlations as in `multiple`. All dates, levels and pairs of
series are one product of the matrix of squared weights with the products of coefficients.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from calibration.evidence.comovement.hits import Floats, Ints
from calibration.evidence.comovement.modwt import Modwt, phase_shift
from calibration.evidence.comovement.multiple import (
    check_series,
    chosen_among,
    multiple_from_correlations,
    warn_uncentred,
)
from calibration.evidence.comovement.waveletmoments import (
    Interval,
    against_none,
    check_interval,
    correlation_from_products,
    fisher_half_width,
    fisher_interval,
)

# Weight at u = |t - s|/M; all but the gaussian end at u = 1.
WINDOWS: dict[str, Callable[[Floats], Floats]] = {
    "gaussian": lambda u: np.exp(-(u**2)),
    "uniform": lambda u: (u <= 1).astype(float),
    "tricube": lambda u: np.where(u <= 1, (1 - np.minimum(u, 1) ** 3) ** 3, 0.0),
    "epanechnikov": lambda u: np.where(u <= 1, 1 - u**2, 0.0),
    "bartlett": lambda u: np.where(u <= 1, 1 - u, 0.0),
    "wendland": lambda u: np.where(u <= 1, (1 - np.minimum(u, 1)) ** 4 * (1 + 4 * u), 0.0),
}
_ALIASES = {"clev": "tricube", "para": "epanechnikov", "tria": "bartlett"}


@dataclass(frozen=True)
class LocalMultipleCorrelation:
    """phi, interval, dominant series and effective sample size by level and date, each (J+1, N).

    dominant is -1 where too few coefficients carry weight to tell series apart (phi is 1 there by construction)
    or where phi is missing. known: whether the coefficient at that very date is free of the ends of the series;
    phi elsewhere rests on its neighbours. NaN in an interval: an effective sample below 3. p_value: that of
    `waveletmoments.against_none` on the corrected effective sample, date by date; 1 where there is no dominant series.
    """

    levels: tuple[str, ...]
    value: Floats
    lower: Floats
    upper: Floats
    dominant: Ints
    known: np.ndarray
    effective: Floats
    p_value: Floats
    window: str
    half_width: float
    interval: Interval
    confidence: float

    @property
    def significant(self) -> np.ndarray:
        """Where unrelated series reach phi less often than once in 1/(1 - confidence) times, date by date."""
        return self.p_value <= 1 - self.confidence

    @property
    def significant_as_published(self) -> np.ndarray:
        """Where the interval excludes 0 and phi is not 1 by construction: of more than two series nearly everywhere."""
        with np.errstate(invalid="ignore"):
            return ((self.lower > 0) | (self.upper < 0)) & (self.dominant >= 0)


def window_name(window: str) -> str:
    """The full name of a window from its first four letters, in any case."""
    short = window.lower()[:4]
    names = _ALIASES | {name[:4]: name for name in WINDOWS}
    if short not in names:
        raise ValueError(f"unknown window {window!r}; expected one of {', '.join(WINDOWS)}")
    return names[short]


def window_weights(n: int, half_width: float, window: str = "gaussian") -> Floats:
    """theta[s, t] before normalisation, (n, n)."""
    if not half_width > 0:
        raise ValueError(f"the window's half-width must be above 0, got {half_width}")
    date = np.arange(n)
    return WINDOWS[window_name(window)](np.abs(date[:, None] - date) / half_width)


def local_multiple_correlation(
    transform: Modwt,
    half_width: float | None = None,
    window: str = "gaussian",
    variable: int | None = None,
    confidence: float = 0.95,
    interval: Interval = "published",
    centre: bool | None = None,
) -> LocalMultipleCorrelation:
    """Wavelet local multiple correlation of all series of a transform (not yet phase-shifted).

    half_width M, in observations, defaults to trunc(N/8). interval "published" takes Nhat = 1/sum theta^2 at
    every scale, too narrow at coarse ones; "corrected" counts what products weighted by theta^2 are worth, those of
    known coefficients only, and divides by 2^j. Under reflection the dates of the series are returned, their mirror
    image is not.
    """
    d = check_series(transform)
    centred = warn_uncentred(transform, centre)
    shifted = phase_shift(transform)
    width = transform.length // 8 if half_width is None else half_width
    theta = window_weights(shifted.coefficients.shape[1], width, window)
    product = local_products(shifted, theta, centred)
    value, dominant, _ = multiple_from_correlations(correlation_from_products(product), variable)
    effective = effective_size(shifted, theta, interval)
    worth = effective_size(shifted, theta, "corrected")
    p_value, _ = against_none(value, worth, d, chosen_among(d, variable), confidence)
    p_value = np.where(dominant >= 0, p_value, 1.0)
    lower, upper = fisher_interval(value, fisher_half_width(effective, confidence), floor=d > 2)
    dates = slice(0, transform.length)
    return LocalMultipleCorrelation(
        levels=transform.names,
        value=value[:, dates],
        lower=lower[:, dates],
        upper=upper[:, dates],
        dominant=dominant[:, dates],
        known=shifted.known[:, dates],
        effective=effective[:, dates],
        p_value=p_value[:, dates],
        window=window_name(window),
        half_width=float(width),
        interval=interval,
        confidence=confidence,
    )


def local_products(shifted: Modwt, theta: Floats, centre: bool) -> Floats:
    """sum_t theta^2 w_i w_j by level, date and pair of series, (J+1, N, d, d); about local means if `centre`."""
    w = np.where(shifted.known[..., None], shifted.coefficients, 0.0)
    depth, n, d = w.shape
    i, j = np.triu_indices(d)
    pairs = (w[:, :, i] * w[:, :, j]).swapaxes(0, 1).reshape(n, -1)
    square = theta**2
    total = (square @ pairs).reshape(n, depth, i.size).swapaxes(0, 1)
    product = np.empty((depth, n, d, d))
    product[..., i, j] = total
    product[..., j, i] = total
    if centre:
        mean = (square @ w.swapaxes(0, 1).reshape(n, -1)).reshape(n, depth, d).swapaxes(0, 1)
        weight = (square @ shifted.known.T.astype(float)).T[..., None, None]
        with np.errstate(invalid="ignore", divide="ignore"):
            product = product - mean[..., :, None] * mean[..., None, :] / weight
    return product


def effective_size(shifted: Modwt, theta: Floats, interval: Interval) -> Floats:
    """Nhat by level and date, (J+1, N).

    Data are weighted by theta, so products by theta^2: a sum of those is worth (sum theta^2)^2 / sum theta^4 of them.
    Under reflection a coefficient and its mirror image are one, with the weights of both.
    """
    check_interval(interval)
    known, square = shifted.known.astype(float), theta**2
    weight = known @ square.T
    with np.errstate(invalid="ignore", divide="ignore"):
        if interval == "published":
            return theta.sum(axis=1) ** 2 / weight
        share = 2.0 ** np.arange(1, len(known) + 1)[:, None]
        fourth = known @ (square**2).T
        if known.shape[1] > shifted.length:
            fourth += (known * known[:, ::-1]) @ (square * square[:, ::-1]).T
        return np.where(weight > 0, weight**2 / fourth, 0.0) / share
