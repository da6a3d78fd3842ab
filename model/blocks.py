"""Inverses of many small matrices, one for each region: the parts of the preconditioner that regions solve.

Single precision: half the bytes, and accuracy enough. Blocks are eliminated so that nearly all work is products of
stacks of matrices, which cost a fraction of factorising them one at a time.
"""

from __future__ import annotations

from contextlib import suppress

import numpy as np
from scipy.linalg.lapack import dgetrf

from model.records import Array

LEAF = 64  # rows up to which a series of powers takes less time than elimination
DOUBLINGS = 4  # of the number of its terms, before elimination has to do
FADED = 0.03  # entries of a power that need no more terms: what is left out is of the order of their squares
SINGULAR = 0.1  # of the reciprocal of rounding: entries of an inverse beyond which there is none


def inverse(blocks: Array, absent: Array) -> Array:
    """(n,l,l) inverses of any matrices; absent (n,l): rows and columns of zeros, rows of zeros in the inverse."""
    index = np.arange(blocks.shape[1])
    blocks[:, index, index] += absent
    return _lapack(blocks).astype(np.float32) * ~absent[:, :, None]


def triangular_inverse(blocks: Array, absent: Array, k: int) -> Array:
    """(n,l,l) inverses where profits (the second k rows) do not depend on outputs (the second k columns).

    Prices follow from profits, then outputs from markets, then factors and income (the border) from what is left. Rows
    of blocks are markets, then profits; rows of the inverse are prices, outputs and the border. absent (n,l): columns
    of zeros, as in `inverse`.
    """
    blocks = blocks.astype(np.float32, copy=False)
    first, second, border = slice(k), slice(k, 2 * k), slice(2 * k, None)
    index = np.arange(blocks.shape[1])
    blocks[:, index[first], index[second]] += absent[:, first]
    blocks[:, index[second], index[first]] += absent[:, first]
    blocks[:, index[border], index[border]] += absent[:, border]
    found = np.zeros_like(blocks)
    both = np.concatenate([blocks[:, second, first], blocks[:, first, second]])
    from_profit, from_market = np.split(_by_halves(both), 2)
    found[:, first, second], found[:, second, first] = from_profit, from_market
    found[:, second, second] = -from_market @ (blocks[:, first, first] @ from_profit)
    # What the border leaves to do, and what prices and outputs do when it moves.
    inner, rows = found[:, : 2 * k, : 2 * k], blocks[:, border, : 2 * k]
    left, columns = rows @ inner, inner @ blocks[:, : 2 * k, border]
    last = _lapack(blocks[:, border, border] - rows @ columns)
    moved = columns @ last
    inner += moved @ left
    found[:, : 2 * k, border], found[:, border, border] = -moved, last
    found[:, border, : 2 * k] = -last @ left
    if absent.any():
        found *= ~absent[:, :, None]
    return found


def _by_halves(matrices: Array) -> Array:
    """Inverses by elimination of the first half of rows (Schur complement), down to sizes where a series is faster.

    For matrices of which every leading part is well conditioned: those of cost and sales shares are.
    """
    size = matrices.shape[-1]
    if size <= LEAF:
        return _series(matrices)
    half = size // 2
    upper, lower = slice(half), slice(half, None)
    first = _by_halves(matrices[:, upper, upper])
    left, right = matrices[:, lower, upper] @ first, first @ matrices[:, upper, lower]
    last = _by_halves(matrices[:, lower, lower] - left @ matrices[:, upper, lower])
    moved = right @ last
    found = np.empty_like(matrices)
    found[:, upper, upper], found[:, upper, lower] = first + moved @ left, -moved
    found[:, lower, upper], found[:, lower, lower] = -last @ left, last
    return found


def _series(matrices: Array) -> Array:
    """Inverses of D(1 - E), D their diagonals, by (1 + E)(1 + E^2)(1 + E^4)..., or by LAPACK where E does not fade."""
    index = np.arange(matrices.shape[-1])
    with np.errstate(all="ignore"):  # a diagonal without an entry: E is not finite and does not fade
        diagonal = matrices[:, index, index]
        power = matrices / -diagonal[:, :, None]
        power[:, index, index] = 0.0
        found = power.copy()
        found[:, index, index] = 1.0
        for _ in range(DOUBLINGS):
            power = power @ power
            found += power @ found
            if np.abs(power).max() < FADED:
                return found / diagonal[:, None, :]
    return _lapack(matrices)


def _lapack(matrices: Array) -> Array:
    """Of each matrix; where one is singular, that of a regular one nearby: no more than a guess is asked of these."""
    precision = np.finfo(matrices.dtype).eps
    with suppress(np.linalg.LinAlgError):
        found = np.linalg.inv(matrices)
        if not np.abs(found).max(initial=0.0) >= SINGULAR / precision:  # what is not finite is left as it is
            return found
    return np.linalg.inv(regular(matrices))


def regular(matrices: Array) -> Array:
    """Matrices with the directions that they lose put back: a preconditioner must not lose any.

    Rows may differ in scale.
    """
    scale = np.abs(matrices).max(axis=-1, keepdims=True)
    scale = np.where(scale == 0, 1.0, scale)
    left, size, right = np.linalg.svd(matrices / scale)
    lost = size <= np.finfo(matrices.dtype).eps * matrices.shape[-1] * size[..., :1]
    whole: Array = scale * ((left * np.where(lost, 1.0, size)[..., None, :]) @ right)
    return whole


def factors(matrix: Array) -> tuple[Array, Array]:
    """LU factors of a matrix, or of a regular one nearby where it is singular; and their pivots."""
    lu, pivots, _ = dgetrf(matrix)
    sizes = np.abs(np.diagonal(lu))
    if sizes.min(initial=np.inf) <= np.finfo(lu.dtype).eps * len(lu) * sizes.max(initial=0.0):
        lu, pivots, _ = dgetrf(regular(matrix))
    return lu, pivots
