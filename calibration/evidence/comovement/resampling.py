"""The stationary bootstrap of Politis and Romano (1994) and its automatic block length."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from calibration.evidence.comovement.hits import Floats, Ints

Blocks = Literal["mean", "longest"]


def stationary_indices(n: int, gamma: float, resamples: int, rng: np.random.Generator) -> Ints:
    """Rows 0..n-1 of every resample, shape (resamples, n): blocks of mean length 1/gamma on a circle.

    gamma in (0, 1] is the probability that a block ends, not a block length.
    """
    check_gamma(gamma)
    restart = rng.random((resamples, n)) < gamma
    restart[:, 0] = True
    start = rng.integers(n, size=(resamples, n))
    return _follow(restart, start)


def indices_from_uniforms(first: float, restart: ArrayLike, start: ArrayLike, gamma: float) -> Ints:
    """One resample as a function of the uniforms it consumes, so that a recorded one can be repeated.

    first draws row 0; restart (n,) are compared with gamma; start holds one uniform per restart, in order. A row is
    ceiling(n u) - 1. A restart in the first place overrides `first`.
    """
    check_gamma(gamma)
    jump = np.asarray(restart, dtype=float) < gamma
    n = jump.size
    rows = np.zeros(n, dtype=np.intp)
    rows[0] = np.ceil(n * first) - 1
    rows[jump] = np.ceil(n * np.asarray(start, dtype=float)) - 1
    jump[0] = True
    return _follow(jump[None], rows[None])[0]


def _follow(restart: np.ndarray, start: Ints) -> Ints:
    """Let blocks run on from their starting row, around the circle."""
    n = restart.shape[1]
    place = np.arange(n)
    block = np.maximum.accumulate(np.where(restart, place, 0), axis=1)
    rows = np.take_along_axis(start, block, axis=1) + (place - block)
    return (rows % n).astype(np.intp)


def check_gamma(gamma: float) -> None:
    if not 0 < gamma <= 1:
        hint = f"; for a mean block of {gamma:g} rows give {1 / gamma:.4g}" if gamma > 1 else ""
        raise ValueError(f"gamma is the probability that a block ends, in (0, 1]; got {gamma:g}{hint}")


def optimal_block_length(x: ArrayLike) -> Floats:
    """Mean block length for the stationary bootstrap of each column of x (n, d), at least 1; shape (d,).

    Politis and White (2004) with the correction of Patton, Politis and White (2009): flat-top window up to the
    lag after which max(5, log10 n) autocorrelations in a row are within 2 sqrt(log10(n)/n).
    """
    data = np.asarray(x, dtype=float)
    columns = data[:, None] if data.ndim == 1 else data
    return np.array([_block_length(column) for column in columns.T])


def _block_length(x: Floats) -> float:
    n = x.size
    if n < 10 or np.ptp(x) == 0:
        raise ValueError(f"a block length needs at least 10 observations that are not all equal, got {n}")
    # A length has no unit: products of sums of squares must neither overflow nor vanish in any.
    deviation = x / np.abs(x).max()
    deviation -= deviation.mean()
    deviation /= np.abs(deviation).max()
    run = max(5, int(np.log10(n)))
    longest = min(int(np.ceil(np.sqrt(n))) + run, n - 2)
    cross = np.array([deviation[k:] @ deviation[: n - k] for k in range(longest + 1)])
    # Each autocorrelation is scaled by the sums of squares of the two stretches that enter it.
    tail = np.array([deviation[k + 1 :] @ deviation[k + 1 :] for k in range(longest + 1)])
    head = np.array([deviation[: n - k - 1] @ deviation[: n - k - 1] for k in range(longest + 1)])
    small = np.abs(cross) < 2 * np.sqrt(np.log10(n) / n) * np.sqrt(tail * head)
    quiet = [k for k in range(longest - run + 1) if small[k : k + run].all()]
    width = min(2 * max(quiet[0], 1) if quiet else longest, longest)
    lag = np.arange(1, width + 1)
    covariance = cross[1 : width + 1] / n
    flat_top = np.minimum(1.0, 2 * (1 - lag / width))
    spectrum = cross[0] / n + 2 * flat_top @ covariance
    slope = 2 * (flat_top * lag) @ covariance
    if spectrum == 0:
        return 1.0
    length = (slope**2 / spectrum**2 * n) ** (1 / 3)
    return float(np.clip(length, 1.0, np.ceil(min(3 * np.sqrt(n), n / 3))))


def block_gamma(x: ArrayLike, blocks: Blocks = "mean") -> float:
    """Restart probability of a data matrix (n, d), target and predictor in its first columns.

    "mean": of 1 / optimal block length over all columns, as published. "longest": of the longer block of target and
    predictor, which controls that forget quickly do not shorten.
    """
    per_column = 1.0 / optimal_block_length(x)
    return float(per_column.mean() if blocks == "mean" else per_column[:2].min())
