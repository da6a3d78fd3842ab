"""What every reader of a world input-output table gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class WorldTable:
    """A world input-output table at basic prices, million USD, industry by industry."""

    name: str
    year: int
    countries: tuple[str, ...]
    sectors: tuple[str, ...]
    intermediate: npt.NDArray[
        np.float64
    ]  # (i,k,n,j) sales of country i, industry k to industry j of country n
    final: npt.NDArray[np.float64]  # (i,k,n) sales to final users of n, changes of stocks included
    output: npt.NDArray[np.float64]  # (i,k) as the table states it; the sum of the row may differ by rounding
