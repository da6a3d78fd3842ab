"""How much the instruments vary, and whether they move every slope on its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.evidence.elasticities.inference import Fit
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


def conditional_f(price: Array, instrument: Array, covariance: Callable[[Fit], Array]) -> Array:
    """F of the instruments for each column of the price, the others instrumented too (k,): Sanderson and
    Windmeijer (2016). With one column it is the first-stage F.

    price (k, n) and instrument (m, n), effects out of both; `covariance` gives that of a fit's slopes. What moves
    a column on its own is the part of the instruments that no other column's first stage uses, m - k + 1 of them.
    """
    found = []
    basis = np.linalg.qr(instrument.T)[0]  # (n, m)
    seen = basis.T @ price.T  # first stages in that basis (m, k)
    for k in range(len(price)):
        others = np.arange(len(price)) != k
        turned = np.linalg.svd(seen[:, others], full_matrices=True)[0]
        own = turned[:, int(others.sum()) :].T @ basis.T  # (m - k + 1, n)
        slope_of_others = np.linalg.lstsq(seen[:, others], seen[:, k], rcond=None)[0]
        coefficient = own @ price[k]
        error = price[k] - slope_of_others @ price[others] - coefficient @ own
        variance = covariance(Fit(coefficient, own, own, error))
        found.append(float(coefficient @ np.linalg.solve(variance, coefficient)) / len(own))
    return np.array(found)
