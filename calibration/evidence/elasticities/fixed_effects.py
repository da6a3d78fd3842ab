"""Taking fixed effects out of columns by alternating projections, with weights and any number of effects."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]

TOLERANCE = 1e-10
MAX_SWEEPS = 10_000


def partial_out(columns: Array, effects: tuple[Codes, ...], weights: Array | None = None) -> Array:
    """Residuals of each row of `columns` (k, n) on dummies of every effect (n,), by weighted least squares.

    Raises RuntimeError when the sweeps do not settle, as when an effect hangs on cells of nearly no weight.
    """
    left = np.array(columns, dtype=float, ndmin=2)
    if left.size == 0:
        return left
    weights = np.ones(left.shape[1]) if weights is None else weights
    totals = [np.bincount(codes, weights) for codes in effects]
    scale = np.maximum(np.abs(left).max(1, keepdims=True), 1e-300)
    for _ in range(MAX_SWEEPS):
        change = 0.0
        for codes, total in zip(effects, totals, strict=True):
            for k in range(len(left)):
                mean = np.bincount(codes, weights * left[k]) / total
                left[k] -= mean[codes]
                change = max(change, float(np.abs(mean).max() / scale[k, 0]))
        if change < TOLERANCE or len(effects) == 1:
            return left
    raise RuntimeError(f"fixed effects did not settle in {MAX_SWEEPS} sweeps ({change:.1e} left)")
