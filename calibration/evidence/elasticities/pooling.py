"""Slopes sector by sector, and their shrinkage towards what substitutability scores lead one to expect
(empirical Bayes).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize, stats

from calibration.evidence.elasticities.inference import cluster_influence
from calibration.evidence.elasticities.moments import iv_ppml
from calibration.evidence.elasticities.panel import Panel

Array = npt.NDArray[np.float64]
FEW_CLUSTERS = 5


@dataclass(frozen=True, slots=True)
class SectorSlopes:
    """beta of each sector (s,), year effects common to all, and the covariance of the estimates (s, s)."""

    names: tuple[str, ...]
    slope: Array
    covariance: Array
    clusters: npt.NDArray[np.intp]  # clusters in each sector


@dataclass(frozen=True, slots=True)
class Pooled:
    """Slopes after shrinkage (s,): posterior means and deviations, the weight of each sector's own estimate,
    and what was learned of the prior: how far sectors scatter around it, and by how much all of them lie
    above it.
    """

    slope: Array
    standard_error: Array
    own_weight: Array
    between_deviation: float
    shift: float
    shift_error: float


def slopes_by_sector(panel: Panel) -> SectorSlopes:
    """E18's beta for every sector at once (price of today only), by IV-PPML with unit and common year
    effects.

    Inference clusters as the panel does where every sector has at least five clusters; otherwise it is robust
    to heteroskedasticity and to serial dependence within units (Bartlett kernel), since a sector that is one
    cluster has no variation between clusters to learn from.
    """
    member = panel.sector == np.arange(len(panel.sector_names))[:, None]  # (s, n)
    instrument = (member[:, None, :] * panel.instrument[None]).reshape(-1, panel.rows)
    estimate = iv_ppml(panel, member * panel.price[0], instrument)
    clusters = np.array([len(np.unique(panel.cluster[rows])) for rows in member])
    if clusters.min() >= FEW_CLUSTERS:
        sums = cluster_influence(estimate, panel.cluster)
        covariance = sums @ sums.T
    else:
        covariance = _serial_covariance(estimate.influence, panel)
    return SectorSlopes(panel.sector_names, estimate.slope, covariance, clusters)


def substitutability_prior(score: npt.ArrayLike, epsilon_min: float, epsilon_max: float) -> Array:
    """eps expected from a substitutability score (s,), 0 good substitute to 1 none: eps_max - (eps_max -
    eps_min) score.
    """
    value = np.asarray(score, float)
    if not (np.all(value >= 0) and np.all(value <= 1)):
        raise ValueError("substitutability scores lie between 0 (good substitute) and 1 (none)")
    if not 0 < epsilon_min <= epsilon_max:
        raise ValueError("the prior needs 0 < epsilon_min <= epsilon_max")
    return epsilon_max - (epsilon_max - epsilon_min) * value


def shrink(slope: Array, covariance: Array, prior: Array, *, learn_shift: bool = True) -> Pooled:
    """Empirical Bayes: slope ~ N(theta, covariance), theta ~ N(prior + shift, tau^2 I), tau by Paule and
    Mandel's moment.

    With `learn_shift` the prior gives the pattern across sectors and the data its level. The posterior covers
    the uncertainty of the shift; that of tau is left out, as is usual, so that intervals are a little short
    with few sectors.
    """
    size = len(slope)
    design = np.ones((size, 1)) if learn_shift else np.zeros((size, 0))
    gap = slope - prior
    degrees = size - design.shape[1]
    if degrees < 1:
        raise ValueError("pooling needs at least two sectors")

    def fit(tau2: float) -> tuple[Array, Array, float]:
        precision = np.linalg.inv(covariance + tau2 * np.eye(size))
        spread = np.asarray(np.linalg.inv(design.T @ precision @ design), float)
        mean = spread @ design.T @ precision @ gap
        left = gap - design @ mean
        return mean, spread, float(left @ precision @ left)

    top = float(gap @ gap + np.trace(covariance))
    tau2 = 0.0
    if fit(0.0)[2] > degrees:
        tau2 = float(optimize.brentq(lambda t: fit(t)[2] - degrees, 0.0, 10 * top, xtol=1e-12 * top))
    mean, spread, _ = fit(tau2)
    own = tau2 * np.linalg.inv(covariance + tau2 * np.eye(size))  # weight of the estimates in the posterior
    centre = prior + design @ mean
    rest = (np.eye(size) - own) @ design
    posterior = tau2 * (np.eye(size) - own) + rest @ spread @ rest.T
    return Pooled(
        centre + own @ (slope - centre),
        np.sqrt(np.maximum(np.diag(posterior), 0.0)),
        np.diag(own).copy(),
        float(np.sqrt(tau2)),
        float(mean[0]) if learn_shift else 0.0,
        float(np.sqrt(spread[0, 0])) if learn_shift else 0.0,
    )


def normal_interval(mean: float, deviation: float, level: float = 0.95) -> tuple[float, float]:
    """Central interval of a normal posterior."""
    width = float(stats.norm.ppf(0.5 + level / 2)) * deviation
    return mean - width, mean + width


def _serial_covariance(influence: Array, panel: Panel) -> Array:
    """Newey and West within units: (s, s). Bandwidth 4 (T/100)^(2/9), T the number of years, at least 1."""
    years = int(panel.period.max()) + 1
    bandwidth = max(1, int(4 * (years / 100) ** (2 / 9)))
    covariance = influence @ influence.T
    by_place = np.full((len(panel.unit_names), years), -1)
    by_place[panel.unit, panel.period] = np.arange(panel.rows)
    for lag in range(1, bandwidth + 1):
        now, before = by_place[:, lag:].ravel(), by_place[:, :-lag].ravel()
        both = (now >= 0) & (before >= 0)
        cross = influence[:, now[both]] @ influence[:, before[both]].T
        covariance = covariance + (1 - lag / (bandwidth + 1)) * (cross + cross.T)
    degrees = panel.rows - len(panel.unit_names) - years - len(influence)
    return covariance * panel.rows / degrees
