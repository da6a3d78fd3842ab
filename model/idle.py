"""Who stops when an embargo takes away the last buyer.

A log hat cannot reach zero, so these cells leave the system before it is solved: a sector none of whose goods can be
sold closes, and a good that a joint producer cannot sell is thrown away. Sectors that are left with each other, or with
themselves, as buyers close as well: what they sell could never pay for labour.
"""

from __future__ import annotations

import numpy as np

from model.records import Array, Benchmark

REST = -60.0  # ln hat of what has stopped: 1e-26 of the base year, nothing to any sum


def idle(b: Benchmark, embargo: Array) -> tuple[Array, Array]:
    """(n,j) sectors that close and (n,k) goods without a buyer, closed sectors' purchases gone.

    embargo (i,n,k) bool.
    """
    open_share = np.where(embargo, 0.0, b.trade_share)
    closed: Array = np.ones(b.output.shape, dtype=bool)  # until a final buyer, or a sector that is open, buys
    made: Array = b.make * b.output[:, :, None] > 0
    while True:
        buys = _buys(b, closed)
        unsold = np.asarray(made.any(axis=1)) & ~((open_share > 0) & buys[:, None]).any(axis=(0, 2))
        stops = np.asarray(made.any(axis=2)) & (unsold[:, None, :] | ~made).all(axis=2)
        if (stops == closed).all():
            return closed, unsold
        closed = stops


def _buys(b: Benchmark, closed: Array) -> Array:
    """(c,n,k) bool: whether anybody in n who is open buys k."""
    buys = np.zeros((b.trade_share.shape[0], *b.final.shape), dtype=bool)
    for j, c in enumerate(b.use_class):
        buys[c] |= (b.use[:, :, j] > 0) & ~closed[:, j, None]
    buys[b.final_class] |= b.final > 0
    return buys
