"""Wavelet regression: the coefficients behind a wavelet multiple correlation, globally and by date.

Fernandez-Macho (2018). At each level the coefficients of one series are regressed on those of the others
without a constant, which is the regression whose R^2 is phi^2. `centre=True` takes all about their (local) means:
the regression of a phi that is centred. `constant=True` adds one as the R package wavemulcor does (in the local
version beside the weighted data, itself unweighted; the response is that of the uncentred phi).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import t as student

from calibration.evidence.comovement.hits import Floats, Ints
from calibration.evidence.comovement.local import (
    effective_size,
    local_multiple_correlation,
    local_products,
    window_weights,
)
from calibration.evidence.comovement.modwt import Modwt, phase_shift
from calibration.evidence.comovement.multiple import multiple_correlation
from calibration.evidence.comovement.waveletmoments import level_rows, level_sizes, mean_products

Errors = Literal["published", "corrected"]


@dataclass(frozen=True)
class WaveletRegression:
    """Slopes by level (and date) on every series, (J+1, [N,] series). The response's own slope is -1, its error 0.

    errors "published" counts every coefficient of a level as an observation, as least squares does; "corrected"
    counts what they are worth, n_j/2^j or the effective size of the window. response is -1 and the rest NaN
    where phi is not defined or is 1 by construction.
    """

    levels: tuple[str, ...]
    response: Ints
    slope: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats
    p_value: Floats
    errors: Errors


def wavelet_regression(
    transform: Modwt,
    variable: int | None = None,
    constant: bool = False,
    confidence: float = 0.95,
    errors: Errors = "corrected",
    centre: bool = False,
) -> WaveletRegression:
    """Regression of the dominant series of each level (or `variable`) on the others."""
    _check_means(constant, centre)
    response = multiple_correlation(transform, variable, confidence, centre=centre).dominant
    rows = level_rows(transform)
    product = np.array([len(w) * mean_products(w, centre=constant or centre) for w in rows])
    count = np.array([len(w) for w in rows], dtype=float)
    if errors == "corrected":
        count = level_sizes(transform, "corrected")
    return _solve(
        transform,
        product,
        response,
        count,
        transform.coefficients.shape[1],
        constant or centre,
        confidence,
        errors,
    )


def local_regression(
    transform: Modwt,
    half_width: float | None = None,
    window: str = "gaussian",
    variable: int | None = None,
    constant: bool = False,
    confidence: float = 0.95,
    errors: Errors = "corrected",
    centre: bool = False,
) -> WaveletRegression:
    """The same at every date, weighted as in `local_multiple_correlation`; arrays (J+1, N, series)."""
    _check_means(constant, centre)
    phi = local_multiple_correlation(transform, half_width, window, variable, confidence, centre=centre)
    shifted = phase_shift(transform)
    theta = window_weights(shifted.coefficients.shape[1], phi.half_width, window)
    product = local_products(shifted, theta, centre)
    known = shifted.known.sum(axis=1)[:, None].astype(float)
    if constant:
        w = np.where(shifted.known[..., None], shifted.coefficients, 0.0)
        total = np.einsum("st,jtd->jsd", theta, w, optimize=True)
        product = product - total[..., :, None] * total[..., None, :] / known[..., None, None]
    count = np.broadcast_to(known, product.shape[:2])
    if errors == "corrected":
        count = effective_size(shifted, theta, "corrected")
    dates = slice(0, transform.length)
    n = shifted.coefficients.shape[1]
    return _solve(
        transform,
        product[:, dates],
        phi.dominant,
        count[:, dates],
        n,
        constant or centre,
        confidence,
        errors,
    )


def _check_means(constant: bool, centre: bool) -> None:
    if constant and centre:
        raise ValueError("constant and centre both take means out: choose one")


def _solve(
    transform: Modwt,
    product: Floats,
    response: Ints,
    count: Floats,
    n: int,
    means: bool,
    confidence: float,
    errors: Errors,
) -> WaveletRegression:
    """Slopes from matrices of products (..., d, d): with P their inverse, slope_j = -P_yj / P_yy for every other j."""
    if errors not in ("published", "corrected"):
        raise ValueError(f"errors must be published or corrected, got {errors!r}")
    d = product.shape[-1]
    usable = response >= 0
    inverse = np.linalg.inv(np.where(usable[..., None, None], product, np.eye(d)))
    y = np.where(usable, response, 0)[..., None]
    row = np.take_along_axis(inverse, y[..., None], axis=-2)[..., 0, :]
    own = np.take_along_axis(row, y, axis=-1)
    slope = -row / own
    regressors = d - 1 + means
    freedom = np.where(usable, count - regressors, np.nan)
    with np.errstate(invalid="ignore"):
        freedom = np.where(freedom > 0, freedom, np.nan)[..., None]
        # Residual sum of squares is 1/P_yy; the inverse of the regressors' products is P_jj - P_yj^2 / P_yy.
        spread = np.maximum(np.einsum("...ii->...i", inverse) - row**2 / own, 0)
        error = np.sqrt(spread / own / freedom)
        is_response = np.arange(d) == y
        error = np.where(is_response & usable[..., None], 0.0, error)
        ratio = np.abs(slope) / np.where(is_response, np.nan, error)
        p_value = np.where(is_response, 0.0, 2 * student.sf(ratio, freedom))
        # The published interval takes N - d degrees of freedom at every level.
        wide = student.ppf(0.5 + confidence / 2, n - d if errors == "published" else freedom) * error
    slope, p_value = (np.where(usable[..., None], a, np.nan) for a in (slope, p_value))
    return WaveletRegression(
        transform.names, response, slope, error, slope - wide, slope + wide, p_value, errors
    )
