"""How much the instruments vary, and whether they move every slope on its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.evidence.elasticities.panel import Panel

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Variation:
    """Paths of the first instrument over time: `paths` that differ between units, and the number of time `series`
    they are combinations of. One series, as of one quota, with many paths is a shift-share design: what is learned
    comes from few shocks, however many units there are (Adao, Kolesar and Morales 2019).
    """

    paths: int
    series: int


def variation(panel: Panel) -> Variation | None:
    """Of the panel's first instrument; None without one. Series are counted in the periods that all paths have."""
    if not len(panel.instrument):
        return None
    shape = len(panel.unit_names), int(panel.period.max()) + 1
    by_unit = np.full(shape, np.nan)
    by_unit[panel.unit, panel.period] = panel.instrument[0]
    scale = float(np.nanmax(np.abs(by_unit)))
    found: list[Array] = []
    for path in by_unit:
        if not any(_same(path, other, scale) for other in found):
            found.append(path)
    paths = np.array(found)
    common = paths[:, np.isfinite(paths).all(0)]
    series = int(np.linalg.matrix_rank(common, tol=1e-8 * scale * max(common.shape))) if common.size else 0
    return Variation(len(paths), series)


def _same(one: Array, other: Array, scale: float) -> bool:
    """Whether two paths (t,) agree wherever both are there, to rounding."""
    return bool(np.nanmax(np.abs(one - other), initial=0.0) <= 1e-12 * scale)
