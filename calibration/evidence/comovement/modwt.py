"""The maximal-overlap discrete wavelet transform, its inverse and the multiresolution it adds up to.

Percival and Walden (2000), chapter 5: W_{j,t} = sum_l h_l/sqrt2 V_{j-1, (t - 2^(j-1) l) mod N}, V the same with g and
V_0 the series. Any length and any number of series at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from calibration.evidence.comovement.filters import WaveletFilter, wavelet_filter
from calibration.evidence.comovement.hits import Floats

Boundary = Literal["periodic", "reflection"]
SMALLEST = 1e-70  # size of numbers that can be squared twice and divided


@dataclass(frozen=True)
class Modwt:
    """Coefficients (J+1, N, series): levels d1..dJ, then the smooth sJ. N is doubled under reflection.

    known (J+1, N): False where a coefficient has been taken out as touched by the ends of the series. Rows
    there hold NaN.
    """

    coefficients: Floats
    filter: WaveletFilter
    boundary: Boundary
    length: int  # of the series
    known: np.ndarray
    in_phase: bool = False
    walled: bool = False

    @property
    def levels(self) -> int:
        return int(self.coefficients.shape[0]) - 1

    @property
    def names(self) -> tuple[str, ...]:
        return level_names(self.levels)


def level_names(levels: int) -> tuple[str, ...]:
    """d1 .. dJ and sJ."""
    return (*(f"d{j}" for j in range(1, levels + 1)), f"s{levels}")


def periods(levels: int) -> tuple[tuple[int, int | None], ...]:
    """Periods each level stands for, in observations: 2^j to 2^(j+1) for details, 2^(J+1) and longer for the smooth."""
    return (*((2**j, 2 ** (j + 1)) for j in range(1, levels + 1)), (2 ** (levels + 1), None))


def default_levels(length: int) -> int:
    """J = trunc(log2 N) - 3, at least 1."""
    return max(1, int(np.log2(length)) - 3)


def modwt(
    x: ArrayLike,
    filter: str | WaveletFilter | ArrayLike = "la8",
    levels: int | None = None,
    boundary: Boundary = "periodic",
) -> Modwt:
    """MODWT of x, (N,) or (N, series). boundary "reflection" transforms the series followed by its mirror image.

    levels defaults to trunc(log2 N) - 3. Raises ValueError for missing values or 2^levels > N.
    """
    series = as_columns(x)
    length = series.shape[0]
    w = wavelet_filter(filter)
    if boundary == "reflection":
        series = np.concatenate([series, series[::-1]])
    elif boundary != "periodic":
        raise ValueError(f"boundary must be periodic or reflection, got {boundary!r}")
    depth = default_levels(length) if levels is None else levels
    if depth < 1 or 2**depth > len(series):
        raise ValueError(
            f"levels must be from 1 to {int(np.log2(len(series)))} for {length} observations, got {depth}"
        )
    taps = np.column_stack([w.wavelet, w.scaling]) / np.sqrt(2)
    out = np.empty((depth + 1, *series.shape))
    smooth = series
    for j in range(depth):
        pair = np.einsum("tls,lf->fts", smooth[_places(len(series), j, w.length, -1)], taps, optimize=True)
        out[j], smooth = pair
    out[depth] = smooth
    return Modwt(out, w, boundary, length, np.ones(out.shape[:2], dtype=bool))


def _places(n: int, level: int, taps: int, direction: int) -> np.ndarray:
    """Where the taps of a level fall, (n, taps), going back (-1) or ahead (+1) around the circle."""
    return (np.arange(n)[:, None] + direction * 2**level * np.arange(taps)) % n


def as_columns(x: ArrayLike) -> Floats:
    """One column per series; refuses missing values."""
    data = np.asarray(x, dtype=float)
    if data.ndim == 1:
        data = data[:, None]
    if data.ndim != 2 or data.shape[0] < 2:
        raise ValueError(f"expected a series (N,) or a table (N, series), got shape {data.shape}")
    if not np.isfinite(data).all():
        bad = [str(c) for c in np.flatnonzero(~np.isfinite(data).all(axis=0))]
        raise ValueError(
            f"a wavelet transform needs every observation; values are missing in column {', '.join(bad)}"
        )
    refuse_size(data, [f"column {c}" for c in range(data.shape[1])])
    return data


def refuse_size(data: Floats, labels: Sequence[str]) -> None:
    """Raise ValueError for series (N, series) of which errors of slopes, squares of squares, cannot be computed."""
    with np.errstate(over="ignore", invalid="ignore"):
        size, spread = np.abs(data).max(axis=0), np.ptp(data, axis=0)
    for label, high, width in zip(labels, size, spread, strict=True):
        if high > 1 / SMALLEST or 0 < width < SMALLEST:
            what = f"has values up to {high:.3g}" if high > 1 / SMALLEST else f"varies by {width:.3g} only"
            raise ValueError(
                f"{label} {what}: squares of squares of such numbers cannot be computed; expected sizes from "
                f"{SMALLEST:g} to {1 / SMALLEST:g}, in other units or in logs"
            )


def imodwt(transform: Modwt) -> Floats:
    """The series a transform came from, (N, series); twice as long, with its mirror image, under reflection."""
    if transform.in_phase or transform.walled:
        raise ValueError(
            "only a transform as it came from modwt can be inverted: not shifted, nothing taken out"
        )
    return _invert(transform.coefficients, transform.filter)


def _invert(coefficients: Floats, w: WaveletFilter) -> Floats:
    n = coefficients.shape[1]
    h, g = w.wavelet / np.sqrt(2), w.scaling / np.sqrt(2)
    smooth = coefficients[-1]
    for j in range(len(coefficients) - 2, -1, -1):
        ahead = _places(n, j, w.length, +1)
        smooth = np.einsum("tls,l->ts", coefficients[j][ahead], h) + np.einsum("tls,l->ts", smooth[ahead], g)
    return smooth


def multiresolution(
    x: ArrayLike,
    filter: str | WaveletFilter | ArrayLike = "la8",
    levels: int | None = None,
    boundary: Boundary = "periodic",
) -> Floats:
    """Details D1..DJ and smooth SJ, (J+1, N, series), zero phase, adding up to the series exactly."""
    transform = modwt(x, filter, levels, boundary)
    parts = np.empty_like(transform.coefficients)
    for place in range(transform.levels + 1):
        # Levels above a detail are zero and stay zero on the way down: start the inversion at the detail itself.
        top = min(place + 2, transform.levels + 1)
        alone = np.zeros((top, *parts.shape[1:]))
        alone[place] = transform.coefficients[place]
        parts[place] = _invert(alone, transform.filter)
    return parts[:, : transform.length]


def brick_wall(transform: Modwt) -> Modwt:
    """Take out (NaN) the first (2^j - 1)(L - 1) coefficients of each level, which the ends of the series reach.

    The smooth loses as many as level J. A level shorter than that is lost whole.
    """
    if transform.in_phase:
        raise ValueError("take boundary coefficients out before shifting phases")
    known = transform.known.copy()
    for j in range(1, transform.levels + 1):
        known[j - 1, : transform.filter.boundary(j)] = False
    known[-1, : transform.filter.boundary(transform.levels)] = False
    coefficients = np.where(known[..., None], transform.coefficients, np.nan)
    return replace(transform, coefficients=coefficients, known=known, walled=True)


def phase_shift(transform: Modwt) -> Modwt:
    """Move each level left, around the circle, so that its events line up in time with those of the series."""
    if transform.in_phase:
        raise ValueError("phases have been shifted already")
    w, depth = transform.filter, transform.levels
    shifts = [*(w.shift(j) for j in range(1, depth + 1)), w.smooth_shift(depth)]
    coefficients = np.stack(
        [np.roll(c, -s, axis=0) for c, s in zip(transform.coefficients, shifts, strict=True)]
    )
    known = np.stack([np.roll(k, -s) for k, s in zip(transform.known, shifts, strict=True)])
    return replace(transform, coefficients=coefficients, known=known, in_phase=True)


def without_mirror(transform: Modwt) -> Modwt:
    """The dates of the series alone. In its mirror image time runs back, so that who leads there follows."""
    dates = slice(0, transform.length)
    return replace(transform, coefficients=transform.coefficients[:, dates], known=transform.known[:, dates])
