"""Wild cluster bootstraps: one sign per cluster and draw, so that dependence within clusters is kept.

Linear slopes by imposing the null (Cameron, Gelbach and Miller 2008; with instruments Davidson and MacKinnon
2010); slopes of counts by their scores (Kline and Santos 2012). With few clusters every sign pattern is tried
and the p-value is exact in that sense.
"""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

from calibration.evidence.elasticities.fixed_effects import Codes, partial_out

Array = npt.NDArray[np.float64]

DRAWS = 999
_WEBB = np.sqrt(np.array([1.5, 1.0, 0.5]))
CHUNK = 200  # draws held in memory at once


def cluster_signs(clusters: int, draws: int, rng: np.random.Generator) -> Array:
    """Weights (draws, clusters): all 2^G Rademacher patterns when no more than asked for, Webb's six points
    below 12 clusters, else random Rademacher signs.
    """
    if clusters < 2:
        raise ValueError("a cluster bootstrap needs at least two clusters")
    if 2**clusters <= draws:
        return np.array(list(itertools.product((-1.0, 1.0), repeat=clusters)))
    if clusters < 12:
        return rng.choice(np.concatenate([-_WEBB, _WEBB]), (draws, clusters))
    return rng.choice(np.array([-1.0, 1.0]), (draws, clusters))


def score_bootstrap(
    influence: Array, slope: float, signs: Array, level: float = 0.95
) -> tuple[float, tuple[float, float]]:
    """p-value of slope = 0 and the percentile-t interval from clusters' influence (g,). Symmetric, without a
    small-sample factor. Raises ValueError when no cluster has any influence.
    """
    size = float(np.sqrt((influence**2).sum()))
    if not size > 1e-12 * abs(slope):
        raise ValueError("the slope fits without error: there is nothing to test against")
    drawn = signs * influence
    statistic = np.abs(drawn.sum(1)) / np.sqrt((drawn**2).sum(1))
    observed = abs(slope) / size
    critical = float(np.quantile(statistic, level))
    return _p_value(statistic, observed), (slope - critical * size, slope + critical * size)


def linear_bootstrap(
    outcome: Array,
    price: Array,
    instrument: Array,
    effects: tuple[Codes, ...],
    cluster: Codes,
    signs: Array,
    null: float = 0.0,
    controls: Array | None = None,
) -> float:
    """p-value of slope = null for one price (n,), by least squares when `instrument` is the price, else by
    2SLS (m, n).

    `controls` (c, n) are exogenous regressors beside the price, taken out of everything along with the
    effects. Effects are taken out of every drawn outcome again, since a year's effect is shared by clusters
    of opposite sign.
    """
    others = partial_out(controls, effects) if controls is not None else np.zeros((0, len(outcome)))

    def net(columns: Array) -> Array:
        left = partial_out(columns, effects)
        if not len(others):
            return left
        cleaned: Array = left - np.linalg.lstsq(others.T, left.T, rcond=None)[0].T @ others
        return cleaned

    y, x, z = net(outcome)[0], net(price)[0], net(np.atleast_2d(instrument))
    if not _varies(y - null * x, outcome):
        raise ValueError("the outcome is fitted without error: there is nothing to test against")
    exogenous = len(z) == 1 and np.allclose(z[0], x)
    restricted = y - null * x
    if exogenous:
        first, reduced = x, np.zeros_like(x)
    else:
        # The first stage holds the restricted error, so that the two equations' errors keep their correlation.
        regressors = np.vstack([z, restricted])
        coefficients = np.linalg.lstsq(regressors.T, x, rcond=None)[0]
        first = coefficients[:-1] @ z
        reduced = x - first
    observed = _t_value(y[None], x[None], z, cluster, null)[0]
    statistics = []
    for start in range(0, len(signs), CHUNK):
        weights = signs[start : start + CHUNK][:, cluster]
        drawn_x = np.broadcast_to(x, weights.shape) if exogenous else net(first + weights * reduced)
        drawn_y = null * drawn_x + net(weights * restricted)
        statistics.append(_t_value(drawn_y, drawn_x, z, cluster, null))
    return _p_value(np.abs(np.concatenate(statistics)), abs(observed))


def joint_bootstrap(
    outcome: Array,
    tested: Array,
    effects: tuple[Codes, ...],
    cluster: Codes,
    signs: Array,
    controls: Array | None = None,
) -> tuple[float, float] | None:
    """Clustered Wald statistic that all slopes of `tested` (q, n) are zero, over q, and its p-value with that
    null imposed on the draws.

    `controls` (c, n) stay free under the null. None where the clustered covariance has no inverse: q slopes
    need more than q + 1 clusters. Draws are sums over clusters, so effects are taken out of one column per
    cluster and not of one per draw. Raises ValueError when nothing is left of the outcome under the null.
    """
    count, groups = len(tested), int(cluster.max()) + 1
    if count >= groups - 1:
        return None
    columns = [outcome[None], tested] if controls is None else [outcome[None], tested, controls]
    left = partial_out(np.vstack(columns), effects)
    basis = np.linalg.qr(left[1 + count :].T)[0].T

    def without_controls(rows: Array) -> Array:
        return np.asarray(rows - (rows @ basis.T) @ basis, float)

    y, x = without_controls(left[:1])[0], without_controls(left[1 : 1 + count])
    if not _varies(y, outcome):
        raise ValueError("the outcome is fitted without error: there is nothing to test against")
    member = (cluster == np.arange(groups)[:, None]).astype(float)  # (g, n)
    by_cluster = without_controls(partial_out(member * y, effects))  # of each cluster's part of the residual
    # Scores of cluster h in a draw are linear in the signs: sum over g of sign_g score[h, g] (g, g, q).
    score = np.einsum("hn,gn,qn->hgq", member, by_cluster, x, optimize=True)
    curvature = np.einsum("hn,qn,rn->hqr", member, x, x, optimize=True)
    bread = np.linalg.inv(curvature.sum(0))

    def wald(weights: Array) -> Array:
        slope = weights @ score.sum(0) @ bread  # (b, q)
        scores = np.einsum("bg,hgq->bhq", weights, score) - np.einsum("hqr,br->bhq", curvature, slope)
        influence = scores @ bread
        meat = np.einsum("bhq,bhr->bqr", influence, influence)
        return np.asarray(
            np.einsum("bq,bq->b", slope, np.linalg.solve(meat, slope[..., None])[..., 0]), float
        )

    observed = float(wald(np.ones((1, groups)))[0])
    return observed / count, _p_value(wald(signs), observed)


def _varies(left: Array, whole: Array) -> bool:
    """Whether what is left of a column is more than rounding."""
    return bool(np.abs(left).max() > 1e-12 * np.abs(whole).max())


def _t_value(outcome: Array, price: Array, instrument: Array, cluster: Codes, null: float) -> Array:
    """Clustered t-values of slope = null for every draw (b,); outcome and price (b, n), instrument (m, n),
    effects out of all.
    """
    inverse = np.linalg.inv(instrument @ instrument.T)
    fitted = (price @ instrument.T) @ inverse @ instrument  # (b, n)
    curvature = (fitted * price).sum(1)
    slope = (fitted * outcome).sum(1) / curvature
    score = fitted * (outcome - slope[:, None] * price)
    by_cluster = np.zeros((int(cluster.max()) + 1, len(score)))
    np.add.at(by_cluster, cluster, score.T)
    return (slope - null) * curvature / np.sqrt((by_cluster**2).sum(0))


def _p_value(drawn: Array, observed: float) -> float:
    """Share of drawn statistics at least as large as the observed; never 0, for the observed is one of them."""
    return max(float(np.mean(drawn >= observed * (1 - 1e-9))), 1 / (len(drawn) + 1))
