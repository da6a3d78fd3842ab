"""Shocks under which no equilibrium exists, found before solving."""

from __future__ import annotations

import numpy as np

from model.records import Array, Benchmark, Shock
from model.solution import Diagnosis


def infeasible(benchmark: Benchmark, shock: Shock) -> Diagnosis | None:
    """A good that somebody needs and no open origin sells."""
    if shock.embargo is None:
        return None
    b = benchmark
    for share in b.trade_share:
        bought = share.sum(axis=0) > 0
        closed = bought & (np.where(shock.embargo, 0.0, share).sum(axis=0) <= 0)
        essential = shock.embargo & (share > 0) & (b.parameters.trade_elasticity <= 1)
        if closed.any():
            return _diagnosis(closed, "an embargo leaves no origin for a good that is used")
        if essential.any():
            detail = "with a trade elasticity of 1 or less every origin is essential, and one is closed"
            return _diagnosis(essential.any(axis=0), detail)
    return None


def _diagnosis(cells: Array, detail: str) -> Diagnosis:
    n, k = (int(v) for v in np.argwhere(cells)[0])
    return Diagnosis("infeasible", "market", (n, k), np.nan, detail)
