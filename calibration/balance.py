"""Biproportional balancing of tables with hard totals (RAS)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def ras(
    prior: Array, rows: Array, columns: Array, *, tolerance: float = 1e-12, max_rounds: int = 2000
) -> Array:
    """The non-negative table nearest to `prior` in relative entropy with the given row and column totals.

    prior (r,c) >= 0, rows (r,), columns (c,), all in one unit; zeros stay zero. Raises ValueError when the totals
    differ, are negative, or cannot be met by the cells that are not zero. Stone (1961); Bacharach (1970).
    """
    if (prior < 0).any() or (rows < 0).any() or (columns < 0).any():
        raise ValueError("RAS needs a prior and totals that are not negative")
    scale = max(rows.sum(), columns.sum(), 1e-300)
    if abs(rows.sum() - columns.sum()) > 1e-9 * scale:
        raise ValueError(f"row totals add to {rows.sum():.12g}, column totals to {columns.sum():.12g}")
    table = prior.astype(float)
    for _ in range(max_rounds):
        table = table * _ratio(rows, table.sum(1))[:, None]
        table = table * _ratio(columns, table.sum(0))[None, :]
        if np.abs(table.sum(1) - rows).max(initial=0.0) <= tolerance * scale:
            return table
    raise ValueError("RAS does not converge: the cells that are not zero cannot meet the totals")


def _ratio(target: Array, actual: Array) -> Array:
    if ((actual == 0) & (target > 0)).any():
        raise ValueError("RAS cannot fill a row or column whose cells are all zero")
    return np.divide(target, actual, out=np.zeros_like(target), where=actual > 0)
