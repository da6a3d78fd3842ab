"""Constant-elasticity aggregates in log hats, exact near unit elasticity (docs/model.md, section 3).

Everything works in logs of hats: x is ln of a price hat, and an aggregate of the base year (all x = 0) is exactly 0.
"""

from __future__ import annotations

import numpy as np

from model.records import Array

# Unit elasticity is the limit of the CES form. Taken at |1 - sigma| = 2^-52 it is exact to rounding, because expm1
# and log1p keep full relative precision there; so no branch is needed.
UNIT = 2.0**-52


def exponent(sigma: Array) -> Array:
    """1 - sigma, with unit elasticity at its limit."""
    rho = 1.0 - np.asarray(sigma, dtype=float)
    return np.where(rho == 0.0, UNIT, rho)


def index(mean: Array, rho: Array) -> Array:
    """ln P = log1p(sum share * expm1(rho x)) / rho, from the sum."""
    return np.log1p(mean) / rho


def pair(share: Array, first: Array, second: Array, rho: Array) -> Array:
    """CES of two inputs, the first with base share `share`: E4 and E5."""
    return index(share * np.expm1(rho * first) + (1.0 - share) * np.expm1(rho * second), rho)


def each(matrices: Array, vectors: Array) -> Array:
    """Products of matrices (m,j,k), one for each m, with their vectors (m,k): (m,j).

    Where vectors have an axis of draws before m and matrices do not, those of all draws are one product.
    """
    if vectors.ndim < matrices.ndim:
        return (matrices @ vectors[..., None])[..., 0]
    rows = np.moveaxis(vectors, 0, -2)
    return np.moveaxis(rows @ matrices.swapaxes(-1, -2), -2, 0)


def shares_of(total: Array, part: Array) -> Array:
    """part / total, 0 where the total is 0 (a nest that is absent)."""
    return np.divide(part, total, out=np.zeros(np.broadcast(part, total).shape), where=np.asarray(total) != 0)


def herfindahl(part: Array) -> Array:
    """Sum of squared shares over the first axis, 0 to 1; 0 where there is nothing."""
    return (shares_of(part.sum(axis=0), part) ** 2).sum(axis=0)
