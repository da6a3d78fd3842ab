"""Draws of the simulator, estimated: bias and coverage of eps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from calibration.evidence.elasticities.estimators import Method, estimate_slope
from calibration.evidence.elasticities.panel import panel_from_frame
from calibration.evidence.elasticities.simulate import World, simulate
from calibration.evidence.elasticities.technology import epsilon_band, research_slope


@dataclass(frozen=True)
class Experiment:
    """eps by draw, whether its interval and that of the clustered t cover the truth, and how many were refused."""

    truth: float
    epsilon: np.ndarray
    covered: np.ndarray
    covered_by_t: np.ndarray
    refused: int

    @property
    def bias(self) -> float:
        return float(self.epsilon.mean() - self.truth)

    @property
    def error_of_bias(self) -> float:
        return float(self.epsilon.std(ddof=1) / np.sqrt(len(self.epsilon)))

    @property
    def coverage(self) -> float:
        return float(self.covered.mean())

    @property
    def coverage_of_t(self) -> float:
        return float(self.covered_by_t.mean())

    def __str__(self) -> str:
        return (
            f"eps {self.truth:g}: bias {self.bias:+.4f} (s.e. {self.error_of_bias:.4f}), coverage {self.coverage:.3f} "
            f"(t {self.coverage_of_t:.3f}), "
            f"s.d. {self.epsilon.std(ddof=1):.3f}, refused {self.refused} of {len(self.covered)}"
        )


def run(world: World, method: Method, draws: int, lags: int = 0, cluster: str | None = None) -> Experiment:
    """Estimate `draws` panels of one world. A refused slope counts in coverage (its interval may hold the truth)."""
    assert isinstance(world.epsilon, float)
    found, covered, by_t, refused = [], [], [], 0
    for seed in range(draws):
        panel = panel_from_frame(
            simulate(world, np.random.default_rng(seed)).data, lags=lags, cluster=cluster
        )
        slope = estimate_slope(panel, method, draws=0)
        by_t.append(slope.interval[0] <= research_slope(world.epsilon, world.zeta) <= slope.interval[1])
        band = epsilon_band(slope.slope, slope.best_interval, [world.zeta])
        covered.append(bool(band.lower[0] <= world.epsilon <= band.upper[0]))
        refused += bool(band.refused[0])
        # The formula without its refusal: leaving refused draws out would hide a bias.
        found.append(1 - world.zeta * slope.slope / (world.zeta - slope.slope))
    return Experiment(world.epsilon, np.array(found), np.array(covered), np.array(by_t), refused)
