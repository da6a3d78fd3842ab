"""Slopes sector by sector, and their shrinkage towards what substitutability scores lead one to expect."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from calibration.evidence.elasticities.fixed_effects import partial_out
from calibration.evidence.elasticities.inference import Fit, cluster_influence
from calibration.evidence.elasticities.instruments import conditional_f
from calibration.evidence.elasticities.moments import iv_ppml
from calibration.evidence.elasticities.panel import Panel

Array = npt.NDArray[np.float64]
FEW_CLUSTERS = 5


@dataclass(frozen=True, slots=True)
class SectorSlopes:
    """beta of each sector (s,), summed over lags, year effects common to all, and the covariance of the estimates
    (s, s).
    """

    names: tuple[str, ...]
    slope: Array
    covariance: Array
    clusters: npt.NDArray[np.intp]  # clusters in each sector
    first_stage_f: Array  # of each sector's price, the others instrumented too; the least of its lags (s,)


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
    """E18's beta for every sector at once, summed over lags, by IV-PPML with unit and common year effects.

    Inference clusters as the panel does where every sector has at least five clusters; otherwise it is robust
    to heteroskedasticity and to serial dependence within clusters (Bartlett kernel), since a sector that is one
    cluster has no variation between clusters to learn from.
    """
    member = panel.sector == np.arange(len(panel.sector_names))[:, None]  # (s, n)
    instrument = (member[:, None, :] * panel.instrument[None]).reshape(-1, panel.rows)
    sectors, lags = len(member), len(panel.price)
    price = (member[:, None, :] * panel.price[None]).reshape(-1, panel.rows)  # (s k, n)
    summed = np.kron(np.eye(sectors), np.ones(lags))  # (s, s k)
    estimate = iv_ppml(panel, price, instrument)
    clusters = np.array([len(np.unique(panel.cluster[rows])) for rows in member])

    def covariance(fit: Fit) -> Array:
        if clusters.min() < FEW_CLUSTERS:
            return _serial_covariance(fit.influence, panel)
        sums = cluster_influence(fit, panel.cluster)
        return np.asarray(sums @ sums.T, float)

    effects = (panel.unit, panel.period)
    strength = conditional_f(partial_out(price, effects), partial_out(instrument, effects), covariance)
    weakest = strength.reshape(sectors, lags).min(1)
    return SectorSlopes(
        panel.sector_names,
        summed @ estimate.slope,
        summed @ covariance(estimate) @ summed.T,
        clusters,
        weakest,
    )


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


def shrink(
    slope: Array, covariance: Array, prior: Array, *, learn_shift: bool = True, widest: float = 1.0
) -> Pooled:
    """Hierarchical normal model: slope ~ N(theta, covariance), theta ~ N(prior + shift, tau^2 I); posterior of theta.

    With `learn_shift` the prior gives the pattern across sectors and the data its level (flat prior). The scatter tau
    is uniform on 0 to `widest`, and is integrated over rather than fixed at its estimate, so that intervals hold
    with as few sectors as there are. Raises ValueError with fewer than two sectors.
    """
    size = len(slope)
    if size < 2:
        raise ValueError("pooling needs at least two sectors")
    design = np.ones((size, 1)) if learn_shift else np.zeros((size, 0))
    grid = (np.arange(200) + 0.5) / 200 * widest
    pieces = [_given_scatter(tau, slope - prior, covariance, design) for tau in grid]
    log_density = np.array([piece.log_density for piece in pieces])
    weight = np.exp(log_density - log_density.max())
    weight /= weight.sum()
    means = np.array([piece.mean for piece in pieces])
    mean = weight @ means
    variance = weight @ (np.array([piece.variance for piece in pieces]) + (means - mean) ** 2)
    shifts = np.array([piece.shift for piece in pieces])
    shift = float(weight @ shifts)
    spread = weight @ (np.array([piece.shift_variance for piece in pieces]) + (shifts - shift) ** 2)
    return Pooled(
        prior + mean,
        np.sqrt(variance),
        weight @ np.array([piece.own_weight for piece in pieces]),
        float(weight @ grid),
        shift,
        float(np.sqrt(spread)),
    )


@dataclass(frozen=True, slots=True)
class _Piece:
    """The posterior of theta - prior (s,) for one scatter, and how likely that scatter is."""

    mean: Array
    variance: Array
    own_weight: Array
    shift: float
    shift_variance: float
    log_density: float


def _given_scatter(tau: float, gap: Array, covariance: Array, design: Array) -> _Piece:
    """Closed form for a known tau; the shift is integrated out."""
    size = len(gap)
    precision = np.linalg.inv(covariance + tau**2 * np.eye(size))
    spread = np.linalg.inv(design.T @ precision @ design)
    shift = spread @ design.T @ precision @ gap
    left = gap - design @ shift
    own = tau**2 * precision  # weight of the estimates
    rest = (np.eye(size) - own) @ design
    variance = tau**2 * (np.eye(size) - own) + rest @ spread @ rest.T
    log_density = 0.5 * (
        np.linalg.slogdet(precision)[1] + np.linalg.slogdet(spread)[1] - left @ precision @ left
    )
    return _Piece(
        design @ shift + own @ left,
        np.diag(variance),
        np.diag(own),
        float(shift[0]) if len(shift) else 0.0,
        float(spread[0, 0]) if len(shift) else 0.0,
        float(log_density),
    )


def normal_interval(mean: float, deviation: float, level: float = 0.95) -> tuple[float, float]:
    """Central interval of a normal posterior."""
    width = float(stats.norm.ppf(0.5 + level / 2)) * deviation
    return mean - width, mean + width


def _serial_covariance(influence: Array, panel: Panel) -> Array:
    """Newey and West within clusters, whose rows of one year are one: (s, s). Bandwidth 4 (T/100)^(2/9), T the
    number of years, at least 1.
    """
    years = int(panel.period.max()) + 1
    bandwidth = max(1, int(4 * (years / 100) ** (2 / 9)))
    groups = int(panel.cluster.max()) + 1
    place = panel.cluster * years + panel.period
    by_year = np.array([np.bincount(place, row, groups * years) for row in influence])
    by_year = by_year.reshape(len(influence), groups, years)  # 0 where a cluster has no row
    covariance = np.einsum("sgt,rgt->sr", by_year, by_year)
    for lag in range(1, bandwidth + 1):
        cross = np.einsum("sgt,rgt->sr", by_year[:, :, lag:], by_year[:, :, :-lag])
        covariance = covariance + (1 - lag / (bandwidth + 1)) * (cross + cross.T)
    degrees = panel.rows - len(panel.unit_names) - years - len(influence)
    return np.asarray(covariance * panel.rows / degrees, float)
