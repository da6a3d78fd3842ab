"""Regression hits and the self-normalised test."""

import numpy as np
import pytest

from calibration.evidence.comovement import (
    Bootstrap,
    Control,
    cross_quantilogram,
    cross_quantilogram_regression,
    quantile_hits,
    quantile_regression,
    regression_hits,
    self_normalised,
    selfnormalised,
)
from calibration.evidence.comovement.selfnormalised import null_draws
from tests.evidence.comovement.oracles import correlation_of_hits, quantilogram, synth

DATA = synth()


class TestQuantileRegression:
    def test_minimises_the_check_function(self):
        """Subgradient condition: no column's weighted residual signs can be improved (Koenker 2005, theorem 2.1)."""
        rng = np.random.default_rng(1)
        x = np.column_stack([np.ones(150), rng.standard_normal((150, 2))])
        y = x @ [1.0, 2.0, -1.0] + rng.standard_t(3, 150)
        for level in (0.1, 0.5, 0.85):
            b = quantile_regression(y, x, level)
            residual = y - x @ b
            loss = np.sum(residual * (level - (residual < 0)))
            for _ in range(200):
                other = y - x @ (b + 0.05 * rng.standard_normal(3))
                assert np.sum(other * (level - (other < 0))) >= loss - 1e-9
            assert (np.abs(residual) < 1e-9).sum() == 3

    def test_weights_repeat_observations(self):
        rng = np.random.default_rng(2)
        x = np.column_stack([np.ones(60), rng.standard_normal(60)])
        y = x[:, 1] + rng.standard_normal(60)
        counts = rng.integers(0, 4, 60)
        repeated = quantile_regression(np.repeat(y, counts), np.repeat(x, counts, axis=0), 0.37)
        np.testing.assert_allclose(quantile_regression(y, x, 0.37, counts), repeated, atol=1e-9)

    def test_dependent_columns(self):
        x = np.ones((20, 2))
        with pytest.raises(ValueError, match="linearly dependent"):
            quantile_regression(np.arange(20.0), x, 0.5)


def test_hits_without_regressors_are_the_unconditional_ones():
    levels = [0.12, 0.47, 0.83]  # where n a is not whole and the regression quantile is unique
    found = regression_hits(DATA["ree"], np.empty((336, 0)), levels)
    np.testing.assert_allclose(found, quantile_hits(DATA["ree"], levels))


def test_regression_quantilogram_is_the_correlation_of_its_hits():
    y, x = DATA["ree"][1:], DATA["mil"][1:]
    own = DATA["ree"][:-1, None], DATA["mil"][:-1, None]
    found = cross_quantilogram_regression(
        y, x, *own, [0.2, 0.6], [0, 3], predictor_levels=[0.7], bootstrap=Bootstrap(25)
    )
    h1, h2 = regression_hits(y, own[0], [0.2, 0.6]), regression_hits(x, own[1], [0.7])
    for i in range(2):
        assert found.value[0, i, 0] == pytest.approx(correlation_of_hits([h1[:, i], h2[:, 0]]))
        assert found.value[1, i, 0] == pytest.approx(correlation_of_hits([h1[3:, i], h2[:-3, 0]]))
    assert found.rows.tolist() == [335, 332]


def test_regression_bootstrap_draws_both_series_together():
    """Every resample refits on rows of (y, x) and its own regressors at the lag."""
    rng = np.random.default_rng(3)
    y, x, u, v = rng.standard_normal((4, 40))
    indices = rng.integers(0, 38, (20, 38))
    found = cross_quantilogram_regression(
        y, x, u, v, [0.5], 2, bootstrap=Bootstrap(indices=indices, gamma=1.0, level=0.1)
    )
    drawn = [
        correlation_of_hits(
            [
                regression_hits(y[2:][i], u[2:][i, None], [0.5])[:, 0],
                regression_hits(x[:-2][i], v[:-2][i, None], [0.5])[:, 0],
            ]
        )
        for i in indices
    ]
    assert found.upper.item() == pytest.approx(
        np.quantile(np.array(drawn) - found.value.item(), 0.95), abs=1e-9
    )


def test_regression_hits_count_what_is_expected_in_the_rarest_combination():
    y, x, z = np.random.default_rng(4).standard_normal((3, 60))
    found = cross_quantilogram_regression(y, x, z, z**2, [0.2, 0.9], 2)
    np.testing.assert_allclose(found.expected[0], 58 * np.outer([0.2, 0.1], [0.2, 0.1]))


def test_regression_hits_refuse_missing_values():
    y = DATA["ree"].copy()
    y[3] = np.nan
    with pytest.raises(ValueError, match="exports or its regressors have missing"):
        cross_quantilogram_regression(
            y, DATA["mil"], DATA["vol"], DATA["ten"], [0.5], names=("exports", "military")
        )


class TestSelfNormalised:
    def test_limit_against_published_quantiles(self):
        """Lobato (2001), table 1: upper 10, 5 and 1 % points of the functional without trimming."""
        draws = null_draws(2, 1e-9)
        np.testing.assert_allclose(np.quantile(draws[0], [0.9, 0.95]), [28.31, 45.40], rtol=0.04)
        np.testing.assert_allclose(np.quantile(draws[1], [0.9, 0.95]), [71.88, 103.6], rtol=0.04)

    @pytest.mark.parametrize("controls", [[], [Control(DATA["vol"][:80], 0.5)]])
    def test_statistic_against_prefixes(self, controls):
        y, x = DATA["ree"][:80], DATA["mil"][:80]
        found = self_normalised(y, x, [0.3, 0.6], 2, controls=controls, trimming=0.25)
        for i, a1 in enumerate((0.3, 0.6)):
            for j, a2 in enumerate((0.3, 0.6)):

                def rho(s, k, a1=a1, a2=a2):
                    given = [(c.series[:s], 0.5, [k]) for c in controls]
                    return quantilogram(y[:s], x[:s], a1, a2, k, given)

                last = np.array([rho(80, 1), rho(80, 2)])
                v = np.zeros((2, 2))
                for s in range(20, 81):
                    d = np.array([rho(s, 1), rho(s, 2)]) - last
                    v += s**2 * np.outer(d, d) / 80**2
                assert found.value[1, i, j] == pytest.approx(80 * last @ np.linalg.solve(v, last), rel=1e-8)
                assert found.value[0, i, j] == pytest.approx(80 * last[0] ** 2 / v[0, 0], rel=1e-8)

    def test_size_and_power(self):
        null = link = 0
        for seed in range(200):
            rng = np.random.default_rng(seed)
            y, x = rng.standard_normal((2, 300))
            null += self_normalised(y, x, [0.5]).p_value.item() <= 0.05
            y[1:] += x[:-1]
            link += self_normalised(y, x, [0.5]).p_value.item() <= 0.05
        assert null / 200 < 0.08
        assert link / 200 > 0.8

    def test_agrees_in_direction_with_the_bootstrap(self):
        found = self_normalised(DATA["ree"], DATA["mil"], [0.5], 1)
        assert found.rho[0] == pytest.approx(cross_quantilogram(DATA["ree"], DATA["mil"], [0.5], 1).value[0])
        assert found.critical[0] == pytest.approx(np.quantile(null_draws(1, 0.1)[0], 0.95))

    @pytest.mark.parametrize("trimming", [0.0, 1.0, 0.02])
    def test_trimming(self, trimming):
        with pytest.raises(ValueError, match="starts the recursion"):
            self_normalised(DATA["ree"], DATA["mil"], [0.5], 1, trimming=trimming)


def test_one_pair_of_quantiles_that_cannot_be_normalised_is_enough_to_refuse():
    """At the second pair the estimates at both lags move together, at the first they do not."""
    rng = np.random.default_rng(0)
    rho, path = rng.normal(size=(2, 2)), rng.normal(size=(2, 9, 2))
    ends = np.arange(12, 21)
    assert np.isfinite(selfnormalised._statistic(rho, path, ends, 20)).all()
    path[1, :, 1] = rho[1, 1] + 2 * (path[0, :, 1] - rho[0, 1])
    with pytest.raises(ValueError, match="do not vary enough to normalise"):
        selfnormalised._statistic(rho, path, ends, 20)


def test_estimates_of_very_different_size_are_normalised_all_the_same():
    """S is a quadratic form in the inverse of its own spread: no scale of an estimate moves it."""
    rng = np.random.default_rng(1)
    rho, path, ends = rng.normal(size=(2, 1)), rng.normal(size=(2, 9, 1)), np.arange(12, 21)
    found = selfnormalised._statistic(rho, path, ends, 20)
    small = np.array([1.0, 1e-8])[:, None]
    again = selfnormalised._statistic(rho * small, path * small[:, None], ends, 20)
    np.testing.assert_allclose(again, found, rtol=1e-10)
