"""What every estimator here comes down to, a set of moments solved for slopes, and the clustered variance of
it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.evidence.elasticities.fixed_effects import Codes

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fit:
    """Slopes (k,) that solve instrument @ error = 0; all with unit and year effects taken out.

    instrument, response: (k, n); error: (n,). Moving the slope by d moves the error by -response.T @ d, so
    that the slope misses the truth by about (instrument @ response.T)^-1 instrument @ error.
    """

    slope: Array
    instrument: Array
    response: Array
    error: Array

    @property
    def influence(self) -> Array:
        """Part of each row in slope - truth (k, n)."""
        curvature = self.instrument @ self.response.T
        return np.asarray(np.linalg.solve(curvature, self.instrument * self.error), float)


def cluster_influence(fit: Fit, cluster: Codes) -> Array:
    """Influence by cluster (k, g), so scaled that its outer product is a covariance of the slopes near the jackknife's.

    Each cluster's part is what leaving it out would change if the effects that clusters share (years) kept their
    values: with clusters of different size this keeps intervals from being too short. The jackknife itself (CV3;
    MacKinnon, Nielsen and Webb 2023) estimates shared effects again without the cluster, and its errors are
    larger: by up to a tenth with 24 clusters, by a fifth to two thirds with 7. Raises
    ValueError when there are fewer than two clusters, or the slopes rest on one cluster alone.
    """
    groups, slopes = int(cluster.max()) + 1, len(fit.slope)
    if groups < 2:
        raise ValueError("clustered inference needs at least two clusters")
    score = _sum_by(fit.instrument * fit.error, cluster, groups)  # (k, g)
    product = (fit.instrument[:, None, :] * fit.response[None, :, :]).reshape(slopes * slopes, -1)
    curvature = _sum_by(product, cluster, groups).reshape(slopes, slopes, groups)
    left = curvature.sum(2)[:, :, None] - curvature  # without the cluster
    without = np.moveaxis(left, 2, 0)
    if np.linalg.cond(without).max() > 1e12:
        raise ValueError("the slopes rest on one cluster alone: leave it out, or cluster by smaller units")
    parts = np.linalg.solve(without, score.T[:, :, None])[:, :, 0].T
    return np.asarray(parts * np.sqrt((groups - 1) / groups), float)


def _sum_by(rows: Array, codes: Codes, groups: int) -> Array:
    return np.array([np.bincount(codes, row, groups) for row in rows])
