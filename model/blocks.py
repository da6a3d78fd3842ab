"""Systems of linear equations, one for each region, factorised: the parts of the preconditioner that regions solve."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from model.records import Array


class Blocks(Protocol):
    """A square matrix for each region, factorised; in single precision: half the bytes, and accuracy enough."""

    def solve(self, right: Array) -> Array:
        """(n,l) the solution for a right-hand side (n,l)."""


class Dense:
    """Any matrices (n,l,l): their inverses. absent (n,l): rows and columns of zeros."""

    def __init__(self, blocks: Array, absent: Array) -> None:
        index = np.arange(blocks.shape[1])
        blocks[:, index, index] += absent
        self.inverse = _inverse(blocks).astype(np.float32)

    def solve(self, right: Array) -> Array:
        """(n,l)."""
        return _times(self.inverse, right)


class Triangular:
    """Matrices (n,l,l) in which profits (the second k rows) do not depend on outputs (the second k columns).

    Prices follow from profits, then outputs from markets, then factors and income (the border) from what is left.
    """

    def __init__(self, blocks: Array, absent: Array, k: int) -> None:
        size = blocks.shape[1]
        index, self.k = np.arange(size), k
        # Of columns; rows are markets, then profits.
        price, output, border = slice(k), slice(k, 2 * k), slice(2 * k, None)
        blocks[:, index[price], index[output]] += absent[:, price]
        blocks[:, index[output], index[price]] += absent[:, price]
        blocks[:, index[border], index[border]] += absent[:, border]
        blocks = blocks.astype(np.float32)
        self.from_profit = _inverse(blocks[:, output, price])
        self.from_market = _inverse(blocks[:, price, output])
        self.cross = blocks[:, price, price]
        self.rows = blocks[:, border, : 2 * k]
        # What prices and outputs do when the border moves; then the border alone.
        by_price = self.from_profit @ blocks[:, output, border]
        by_output = self.from_market @ (blocks[:, price, border] - self.cross @ by_price)
        self.columns = np.concatenate([by_price, by_output], axis=1)
        self.last = _inverse(blocks[:, border, border] - self.rows @ self.columns)

    def solve(self, right: Array) -> Array:
        """(n,l)."""
        k, found = self.k, np.empty_like(right)
        found[:, :k] = _times(self.from_profit, right[:, k : 2 * k])
        found[:, k : 2 * k] = _times(self.from_market, right[:, :k] - _times(self.cross, found[:, :k]))
        inner = found[:, : 2 * k]
        found[:, 2 * k :] = _times(self.last, right[:, 2 * k :] - _times(self.rows, inner))
        inner -= _times(self.columns, found[:, 2 * k :])
        return found


def _inverse(matrices: Array) -> Array:
    """Of each matrix; where one is singular, what comes closest to it: no more than a guess is asked of these."""
    try:
        return np.linalg.inv(matrices)
    except np.linalg.LinAlgError:
        return np.linalg.pinv(matrices)


def _times(matrices: Array, vectors: Array) -> Array:
    """(n,p) products of matrices (n,p,q) and vectors (n,q)."""
    found: Array = (matrices @ vectors[:, :, None])[:, :, 0]
    return found
