"""Intervals and tests of a sweep against SciPy's own: one parameter, where textbooks have the formula."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from outputs.sweeps import discovery, indices
from scenarios.sweeps import design as plans
from scenarios.sweeps.distributions import Uniform
from tests.outputs.test_sweeps import sweep_of

PLAN = plans.MonteCarlo(type="monte_carlo", draws=40, seed=5)
LAW = Uniform(low=1.0, high=3.0)


@pytest.fixture(scope="module")
def sweep():
    noise = np.random.default_rng(6).normal(size=PLAN.draws)
    return sweep_of(PLAN, lambda x: 2 * x[:, 0] + noise, [LAW])


@pytest.fixture(scope="module")
def row(sweep):
    return indices.coefficients(sweep, sweep.columns[0]).iloc[0]


def test_the_interval_of_a_slope_is_that_of_least_squares(sweep, row):
    x, y = sweep.values[:, 0], sweep.outcomes[:, 0]
    line = stats.linregress(x, y)
    scale = x.std() / y.std()
    half = stats.t.ppf(0.975, len(x) - 2) * line.stderr * scale
    assert row["regression"] == pytest.approx(line.slope * scale)
    assert (row["low"], row["high"]) == pytest.approx((line.slope * scale - half, line.slope * scale + half))


def test_the_interval_of_a_rank_correlation_is_fishers(sweep, row):
    x, y = sweep.values[:, 0], sweep.outcomes[:, 0]
    found = stats.pearsonr(stats.rankdata(x), stats.rankdata(y))
    assert row["rank"] == pytest.approx(found.statistic)
    assert (row["rank_low"], row["rank_high"]) == pytest.approx(tuple(found.confidence_interval(0.95)))


def test_the_share_of_draws_that_are_positive(sweep):
    """And the fit of the regression is the share of the variance that it explains."""
    table = indices.summary(sweep).iloc[0]
    shifted = sweep_of(PLAN, lambda x: x[:, 0] - 1.5, [LAW])
    share = indices.summary(shifted).iloc[0]["share_positive"]
    assert share == (shifted.outcomes[:, 0] > 0).mean() != 0.5
    assert table["p5"] == np.quantile(sweep.outcomes[:, 0], 0.05)
    frame = indices.coefficients(sweep, sweep.columns[0])
    assert frame.attrs["r2"] == pytest.approx(
        stats.linregress(sweep.values[:, 0], sweep.outcomes[:, 0]).rvalue ** 2
    )


def test_the_p_value_of_a_limit_is_that_of_the_binomial_test():
    """That the box would hold as many draws of interest by chance, without the limit."""
    rng = np.random.default_rng(7)
    x = rng.random((200, 2))
    hit = (x[:, 0] > 0.6) & (rng.random(200) < 0.7)
    box = discovery.chosen(discovery.prim(x, hit, ("a", "b")))
    inside = np.ones(200, dtype=bool)
    for name, (low, high) in box.limits.items():
        at = ("a", "b").index(name)
        inside &= (x[:, at] >= low) & (x[:, at] <= high)
    for name in box.limits:
        without = np.ones(200, dtype=bool)
        for other, (low, high) in box.limits.items():
            if other != name:
                at = ("a", "b").index(other)
                without &= (x[:, at] >= low) & (x[:, at] <= high)
        expected = stats.binomtest(int(hit[inside].sum()), int(inside.sum()), hit[without].mean(), "greater")
        assert box.p_value[name] == pytest.approx(expected.pvalue, rel=1e-9, abs=0)
    assert box.density == hit[inside].mean()
    assert box.coverage == hit[inside].sum() / hit.sum()


def test_the_densest_leaf_comes_first():
    rng = np.random.default_rng(8)
    x = rng.random((400, 2))
    hit = rng.random(400) < np.where(x[:, 0] > 0.5, 0.8, 0.2)
    densities = [leaf.density for leaf in discovery.tree(x, hit, ("a", "b"))]
    assert densities == sorted(densities, reverse=True)
    assert densities[0] > 0.7
