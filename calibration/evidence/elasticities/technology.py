"""From a measured slope to the elasticity of substitution: E18 of docs/model.md, read backwards.

Innovation follows the relative price of rare earths. With zeta = 1/lambda the cost of directing it, the slope
of relative research on the relative price is beta = (1-eps) / (1 + (1-eps)/zeta), that of relative technology
is b = beta/zeta.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


class RefusedEstimate(ValueError):
    """A slope that no elasticity of substitution above 0 can produce, with the reason."""


@dataclass(frozen=True, slots=True)
class Band:
    """eps for a list of zeta, because a slope does not identify the two apart.

    zeta, epsilon, lower, upper: (z,). Where `refused` holds, no eps > 0 fits the slope at that zeta, and `epsilon`
    and `lower` are 0, the bound it runs into; `upper` is above 0 where the interval's lower end has an eps.
    `bounded`: the interval of the slope crosses the bound, so `lower` is 0 by refusal, not by estimate.
    """

    zeta: Array
    epsilon: Array
    lower: Array
    upper: Array
    refused: npt.NDArray[np.bool_]
    bounded: npt.NDArray[np.bool_]


def research_slope(epsilon: npt.ArrayLike, zeta: npt.ArrayLike) -> Array:
    """E18: beta = (1-eps)/(1+lambda(1-eps)), slope of ln(r_R/r_X) on ln(p_R/p_X), lambda = 1/zeta."""
    gap = 1 - np.asarray(epsilon, float)
    return gap / (1 + gap / np.asarray(zeta, float))


def technology_slope(epsilon: npt.ArrayLike, zeta: npt.ArrayLike) -> Array:
    """E18: b = lambda(1-eps)/(1+lambda(1-eps)), slope of ln(a_R/a_X) on ln(p_R/p_X), lambda = 1/zeta."""
    return research_slope(epsilon, zeta) / np.asarray(zeta, float)


def research_slope_limit(zeta: npt.ArrayLike) -> Array:
    """E18 at eps = 0: the largest slope of research any elasticity can produce, zeta/(1+zeta)."""
    zeta = np.asarray(zeta, float)
    return zeta / (1 + zeta)


def epsilon_from_research(slope: float, zeta: float) -> float:
    """E18 solved for eps from the slope of patents: eps = 1 - zeta beta/(zeta - beta).

    Raises RefusedEstimate when beta >= zeta/(1+zeta), ValueError when zeta is not positive.
    """
    _check(slope, zeta)
    limit = float(research_slope_limit(zeta))
    if slope >= limit:
        if slope < 1:
            needed = f"or zeta is above {zeta:g} (at least {slope / (1 - slope):.4g} is needed)"
        else:
            needed = "and no zeta fits a slope of 1 or more"
        raise RefusedEstimate(
            f"a slope of {slope:.4g} of relative patents on the relative price is at or above "
            f"zeta/(1+zeta) = {limit:.4g} (zeta = {zeta:g}): with eps = 0, inputs used in fixed proportions, it "
            f"would be {limit:.4g}, and no eps > 0 gives more. Either the price is not exogenous, or relative "
            f"patents respond for another reason, {needed}."
        )
    return 1 - zeta * slope / (zeta - slope)


def epsilon_from_technology(slope: float, zeta: float) -> float:
    """E18 solved for eps from the slope of a measure of technology itself: eps = 1 - zeta b/(1-b).

    Raises RefusedEstimate when b >= 1/(1+zeta), ValueError when zeta is not positive.
    """
    _check(slope, zeta)
    limit = 1 / (1 + zeta)
    if slope >= limit:
        raise RefusedEstimate(
            f"a slope of {slope:.4g} of relative technology on the relative price is at or above "
            f"1/(1+zeta) = {limit:.4g} (zeta = {zeta:g}), what eps = 0 gives; no eps > 0 gives more. Patents "
            "measure research, not technology: their slope is zeta times larger and has its own formula."
        )
    return 1 - zeta * slope / (1 - slope)


def epsilon_band(slope: float, interval: tuple[float, float], zeta: npt.ArrayLike) -> Band:
    """eps and its interval over a list of zeta (E18), from the slope of patents. eps falls in beta, so ends
    swap. (z,)
    """
    grid = np.atleast_1d(np.asarray(zeta, float))
    if not (np.all(np.isfinite(grid)) and np.all(grid > 0)):
        raise ValueError("zeta must be positive and finite")
    low, high = interval
    if not low <= slope <= high:
        raise ValueError(f"the interval ({low:g}, {high:g}) does not hold the slope {slope:g}")
    limit = research_slope_limit(grid)
    refused, bounded = slope >= limit, high >= limit

    def solve(beta: float) -> Array:
        if beta == -np.inf:
            return 1 + grid  # what eps tends to
        within = np.minimum(beta, limit)  # at the limit eps is exactly 0
        return np.where(beta >= limit, 0.0, 1 - grid * within / (grid - within))

    return Band(grid, solve(slope), solve(high), solve(low), refused, bounded)


def epsilon_standard_error(slope: float, standard_error: float, zeta: float) -> float:
    """Delta method on E18: |d eps/d beta| = zeta^2/(zeta-beta)^2. Raises as epsilon_from_research."""
    epsilon_from_research(slope, zeta)
    return standard_error * (zeta / (zeta - slope)) ** 2


def _check(slope: float, zeta: float) -> None:
    if not np.isfinite(slope):
        raise ValueError("the slope is not a finite number")
    if not (np.isfinite(zeta) and zeta > 0):
        raise ValueError(f"zeta = 1/lambda must be positive and finite, not {zeta!r}")
