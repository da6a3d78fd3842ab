"""Products of hits for every quantile pair and every resample at once, and what is left of them given controls.

An observation hits all quantile levels from its `first_hit` upwards, so the joint counts of two series over a whole
grid of levels are the two-way cumulative sums of one small histogram. No hit matrix is ever formed: the work is one
pass over the observations per pair of series, whatever the size of the grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from calibration.evidence.comovement.hits import Floats, Ints

Axis = Literal["target", "predictor", "fixed"]

# Share of a variable's own sum of squares below which it counts as a combination of the others.
COLLINEAR = 1e-10


@dataclass(frozen=True)
class Hits:
    """One variable of the lag-aligned sample: levels (a,), first hit level of every row (resamples, rows), grid axis.

    A variable whose quantile is fixed has one level; one tied to the target's or the predictor's has theirs.
    """

    levels: Floats
    first: Ints
    axis: Axis


Products = dict[tuple[int, int], Floats]


def products(variables: Sequence[Hits], keep: np.ndarray | None = None) -> Products:
    """Sums over rows of h_u h_v for u <= v, each (resamples, target levels | 1, predictor levels | 1).

    keep (resamples, rows), if given, says which rows of each resample count.
    """
    resamples, rows = variables[0].first.shape
    n = np.full(resamples, rows) if keep is None else keep.sum(axis=1)
    size = n.astype(float)[:, None, None]
    count = [_joint(v, v, keep) for v in variables]
    level = [_spread(v.levels[None], v.axis) for v in variables]
    result: Products = {}
    for u in range(len(variables)):
        for v in range(u, len(variables)):
            both = count[u] if u == v else _joint(variables[u], variables[v], keep)
            result[u, v] = both - level[v] * count[u] - level[u] * count[v] + level[u] * level[v] * size
    return result


def _spread(values: np.ndarray, axis: Axis) -> np.ndarray:
    """Put levels (b, a) on their grid axis: (b, a, 1) for the target's, (b, 1, a) for the predictor's."""
    return values[:, None, :] if axis == "predictor" else values[:, :, None]


def _joint(u: Hits, v: Hits, keep: np.ndarray | None) -> Floats:
    """Rows where both u and v hit, over the grid of levels."""
    if u.axis == v.axis:
        # The same level for both: a row hits both from the later of its two first hits upwards.
        return _spread(_counts(np.maximum(u.first, v.first), u.levels.size, keep), u.axis)
    if (
        v.axis == "target" or u.axis == "predictor"
    ):  # target's levels down, predictor's across, a fixed one either way
        u, v = v, u
    first = u.first * (v.levels.size + 1) + v.first
    shape = (-1, u.levels.size + 1, v.levels.size + 1)
    cells = _histogram(first, shape[1] * shape[2], keep).reshape(shape)[:, :-1, :-1]
    return cells.cumsum(axis=1).cumsum(axis=2)


def _counts(first: Ints, levels: int, keep: np.ndarray | None) -> Floats:
    return _histogram(first, levels + 1, keep)[:, :-1].cumsum(axis=1)


def _histogram(value: Ints, bins: int, keep: np.ndarray | None) -> Floats:
    """How often each value 0..bins-1 occurs in every row of `value` (resamples, rows)."""
    resamples = value.shape[0]
    place = value + np.arange(0, resamples * bins, bins)[:, None]
    chosen = place.ravel() if keep is None else place[keep]
    return np.bincount(chosen, minlength=resamples * bins).reshape(resamples, bins).astype(float)


def partial_correlation(result: Products, variables: int) -> Floats:
    """Uncentred correlation of variable 0 with variable 1 given variables 2.., by sweeping the controls out one
    by one.

    Equal to -P_12 / sqrt(P_11 P_22) with P the inverse of the matrix of products. Missing (NaN) where a control, or a
    variable given the controls, is a combination of the others. Shape (resamples, target levels, predictor levels).
    """
    left = dict(result)
    degenerate = np.zeros((1, 1, 1), dtype=bool)
    for control in range(2, variables):
        pivot = left[control, control]
        degenerate = degenerate | (pivot <= COLLINEAR * result[control, control])
        pivot = np.where(degenerate, 1.0, pivot)
        rest = [0, 1, *range(control + 1, variables)]
        for i, u in enumerate(rest):
            for v in rest[i:]:
                left[u, v] = left[u, v] - left[_key(u, control)] * left[_key(v, control)] / pivot
    for v in (0, 1):
        degenerate = degenerate | (left[v, v] <= COLLINEAR * result[v, v])
    scale = np.where(degenerate, np.nan, left[0, 0] * left[1, 1])
    return left[0, 1] / np.sqrt(scale)


def _key(u: int, v: int) -> tuple[int, int]:
    return (u, v) if u <= v else (v, u)


def products_from_hits(variables: Sequence[tuple[Floats, Axis]]) -> Products:
    """The same sums as `products` from hits written out, (resamples, rows, levels): for hits that are not ranks."""
    result: Products = {}
    for i, (u, u_axis) in enumerate(variables):
        for j, (v, v_axis) in enumerate(variables[i:], start=i):
            if u_axis == v_axis:
                result[i, j] = _spread(np.einsum("bna,bna->ba", u, v), u_axis)
            elif v_axis == "target" or u_axis == "predictor":
                result[i, j] = v.swapaxes(1, 2) @ u
            else:
                result[i, j] = u.swapaxes(1, 2) @ v
    return result
