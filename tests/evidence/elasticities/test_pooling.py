"""Shrinkage towards the substitutability rule."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from calibration.evidence.elasticities.panel import panel_from_frame
from calibration.evidence.elasticities.pooling import (
    normal_interval,
    shrink,
    slopes_by_sector,
    substitutability_prior,
)
from calibration.evidence.elasticities.simulate import World, simulate


def test_noise_that_hides_everything_gives_the_prior() -> None:
    prior = np.array([0.3, 0.4, 0.5])
    pooled = shrink(prior + [3.0, -3.0, 1.0], np.eye(3) * 1e4, prior, learn_shift=False)
    assert pooled.slope == pytest.approx(prior, abs=1e-3)
    assert pooled.own_weight.max() < 1e-3


def test_scatter_far_beyond_noise_keeps_the_estimates() -> None:
    slope = np.array([0.0, 0.9, -0.7, 0.4])
    pooled = shrink(slope, np.eye(4) * 1e-6, np.zeros(4))
    assert pooled.slope == pytest.approx(slope, abs=1e-4)
    assert pooled.own_weight.min() > 0.999
    assert pooled.standard_error == pytest.approx(1e-3, rel=0.01)


def test_posterior_is_that_of_brute_force() -> None:
    rng = np.random.default_rng(3)
    slope, noise, prior = np.array([0.1, 0.5, 0.8]), np.diag([0.02, 0.05, 0.01]), np.array([0.3, 0.3, 0.6])
    pooled = shrink(slope, noise, prior, learn_shift=False)
    # Draw from the prior and weigh by the likelihood: no formula in common.
    tau = rng.uniform(0, 1, 1_000_000)
    theta = prior + tau[:, None] * rng.normal(size=(len(tau), 3))
    weight = np.exp(-0.5 * ((slope - theta) ** 2 / np.diag(noise)).sum(1))
    weight /= weight.sum()
    mean = weight @ theta
    assert pooled.slope == pytest.approx(mean, abs=0.004)
    assert pooled.standard_error == pytest.approx(np.sqrt(weight @ (theta - mean) ** 2), abs=0.004)
    assert pooled.between_deviation == pytest.approx(weight @ tau, abs=0.004)


def test_posterior_with_a_shift_is_that_of_brute_force() -> None:
    rng = np.random.default_rng(4)
    slope, noise = np.array([0.6, 0.2, 0.9]), np.diag([0.03, 0.05, 0.2])
    pooled = shrink(slope, noise, np.zeros(3))
    tau, shift = rng.uniform(0, 1, 1_500_000), rng.uniform(-4, 5, 1_500_000)  # as good as flat
    theta = shift[:, None] + tau[:, None] * rng.normal(size=(len(tau), 3))
    weight = np.exp(-0.5 * ((slope - theta) ** 2 / np.diag(noise)).sum(1))
    weight /= weight.sum()
    mean = weight @ theta
    assert pooled.slope == pytest.approx(mean, abs=0.01)
    assert pooled.standard_error == pytest.approx(np.sqrt(weight @ (theta - mean) ** 2), abs=0.01)
    assert pooled.shift == pytest.approx(weight @ shift, abs=0.015)


def test_shift_is_learned_and_equal_noise_shares_it_equally() -> None:
    prior = np.array([0.1, 0.2, 0.3, 0.4])
    pooled = shrink(prior + 0.25, np.eye(4) * 1e-4, prior)
    assert pooled.shift == pytest.approx(0.25, abs=1e-9)
    assert pooled.slope == pytest.approx(prior + 0.25, abs=1e-9)


def test_pooling_is_closer_to_the_truth_than_sectors_alone() -> None:
    rng = np.random.default_rng(0)
    prior = rng.uniform(0.2, 0.6, 12)
    alone, together, covered = [], [], []
    noise = np.diag(rng.uniform(0.005, 0.05, 12))
    for _ in range(60):
        truth = prior + 0.05 + rng.normal(0, 0.08, 12)
        slope = rng.multivariate_normal(truth, noise)
        pooled = shrink(slope, noise, prior)
        alone.append((slope - truth) ** 2)
        together.append((pooled.slope - truth) ** 2)
        ends = [normal_interval(m, s) for m, s in zip(pooled.slope, pooled.standard_error, strict=True)]
        covered.append([low <= t <= high for (low, high), t in zip(ends, truth, strict=True)])
    assert np.mean(together) < 0.5 * np.mean(alone)
    assert 0.87 < np.mean(covered) < 0.98


def test_sector_slopes_follow_their_own_truth() -> None:
    world = World(epsilon=(0.1, 0.5, 0.9, 1.4), sectors=4, countries=25, years=18, ree_patents=10.0)
    draw = simulate(world, np.random.default_rng(2))
    slopes = slopes_by_sector(panel_from_frame(draw.data))
    error = np.sqrt(np.diag(slopes.covariance))
    assert slopes.names == ("0", "1", "2", "3")
    assert (slopes.clusters == 25).all()
    assert (np.abs(slopes.slope - draw.slope) < 3.5 * error).all()
    assert np.corrcoef(slopes.slope, draw.slope)[0, 1] > 0.8


def test_slopes_of_sectors_add_up_over_lags() -> None:
    rng = np.random.default_rng(0)
    sector, country, year = (index.ravel() for index in np.indices((4, 8, 16)))
    shock = rng.normal(0, 0.5, (16, 1)) * rng.uniform(0.3, 1.5, (1, 4 * 8))
    unit = sector * 8 + country
    price = shock + rng.normal(0, 0.05, shock.shape)
    past = np.vstack([np.zeros((1, 4 * 8)), price[:-1]])
    mean = 300 * np.exp(0.25 * price + 0.25 * past)[year, unit]
    data = pd.DataFrame({"unit": unit, "sector": sector, "country": country, "year": year})
    data = data.assign(log_price=price[year, unit], quota_exposure=shock[year, unit], other_patents=1000.0)
    slopes = slopes_by_sector(panel_from_frame(data.assign(ree_patents=rng.poisson(mean)), lags=1))
    error = np.sqrt(np.diag(slopes.covariance))
    assert slopes.slope.shape == slopes.first_stage_f.shape == error.shape == (4,)
    assert error.max() < 0.06
    assert (np.abs(slopes.slope - 0.5) < 3.5 * error).all()


def test_few_clusters_get_serial_errors() -> None:
    world = World(epsilon=0.4, sectors=3, countries=4, years=25, ree_patents=30.0)
    slopes = slopes_by_sector(panel_from_frame(simulate(world, np.random.default_rng(1)).data))
    assert (slopes.clusters == 4).all()
    assert (np.diag(slopes.covariance) > 1e-3).all()


def test_one_unit_a_sector_and_one_quota_do_not_tell_sectors_apart() -> None:
    # A quota that moves all sectors in fixed proportions is, with a free slope for each, a year effect.
    world = World(epsilon=0.4, sectors=8, countries=1, years=25, ree_patents=30.0)
    with pytest.raises(ValueError, match="do not move every column"):
        slopes_by_sector(panel_from_frame(simulate(world, np.random.default_rng(1)).data))


def test_prior_is_the_rule_of_the_model() -> None:
    assert substitutability_prior([0.0, 0.5, 1.0], 0.1, 0.9) == pytest.approx([0.9, 0.5, 0.1])
    with pytest.raises(ValueError, match="between 0"):
        substitutability_prior([70.0], 0.1, 0.9)
    with pytest.raises(ValueError, match="epsilon_min"):
        substitutability_prior([0.5], 0.9, 0.1)
