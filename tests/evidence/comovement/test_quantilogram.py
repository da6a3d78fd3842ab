"""The cross-quantilogram: against literal formulas, its invariances, its refusals, its bootstrap."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.evidence.comovement import (
    Bootstrap,
    Control,
    cross_quantilogram,
    optimal_block_length,
    portmanteau,
    quantile_hits,
    stationary_indices,
    windowed_quantilogram,
)
from tests.evidence.comovement.oracles import correlation_of_hits, hits, quantilogram, synth

DATA = synth()
LEVELS = [0.1, 0.3, 0.5, 0.9]


def series(seed, n=120, ties=False):
    rng = np.random.default_rng(seed)
    x = rng.standard_t(3, (4, n))
    return np.round(x) if ties else x


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("timing", ["lagged", "contemporaneous", "intermediate", 2])
@pytest.mark.parametrize("level", [0.4, "target", "predictor"])
def test_against_hit_matrices(ties, timing, level):
    """Every control, timing and tie of quantiles, against the inverse of the matrix of products."""
    y, x, z, w = series(1, ties=ties)
    k = 3
    lags = {"lagged": [k], "contemporaneous": [0], "intermediate": [1, 2], 2: [2]}[timing]
    controls = [Control(z, level, timing), Control(w, 0.6, "lagged")]
    found = cross_quantilogram(y, x, LEVELS, k, controls=controls).value[0]
    for i, a1 in enumerate(LEVELS):
        for j, a2 in enumerate(LEVELS):
            own = {"target": a1, "predictor": a2}.get(level, level)
            expected = quantilogram(y, x, a1, a2, k, [(z, own, lags), (w, 0.6, [k])])
            assert found[i, j] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("ties", [False, True])
def test_bootstrap_against_resampling_the_values(ties):
    """Rows drawn, quantiles taken again, correlation inverted: one resample at a time."""
    y, x, z, _ = series(2, ties=ties)
    k, n = 2, 118
    indices = stationary_indices(n, 0.2, 60, np.random.default_rng(5))
    bootstrap = Bootstrap(indices=indices, gamma=0.2, level=0.1)
    levels = [0.2, 0.5, 0.7]
    found = cross_quantilogram(y, x, levels, k, controls=[Control(z, "target")], bootstrap=bootstrap)
    rows = np.column_stack([y[k:], x[:-k], z[:-k]])
    for i, a1 in enumerate(levels):
        for j, a2 in enumerate(levels):
            drawn = [
                correlation_of_hits([hits(s[:, 0], a1), hits(s[:, 1], a2), hits(s[:, 2], a1)])
                for s in (rows[index] for index in indices)
            ]
            deviation = np.array(drawn) - found.value[0, i, j]
            assert found.lower[0, i, j] == pytest.approx(np.quantile(deviation, 0.05), abs=1e-12)
            assert found.upper[0, i, j] == pytest.approx(np.quantile(deviation, 0.95), abs=1e-12)
            assert found.standard_error[0, i, j] == pytest.approx(deviation.std(), abs=1e-12)
            away = np.abs(drawn - np.mean(drawn))
            assert found.margin[0, i, j] == pytest.approx(np.quantile(away, 0.9), abs=1e-12)
            reached = (1 + (away >= abs(found.value[0, i, j])).sum()) / 61
            assert found.p_value[0, i, j] == pytest.approx(reached)


@given(st.lists(st.integers(-5, 5), min_size=20, max_size=60), st.integers(0, 2**31))
def test_invariant_under_increasing_transforms(values, seed):
    y = np.array(values, dtype=float)
    x = np.random.default_rng(seed).permutation(y) + np.arange(y.size) % 3
    if np.ptp(y) == 0 or np.ptp(x) == 0 or np.ptp(y[1:]) == 0 or np.ptp(x[:-1]) == 0:
        return
    if np.array_equal(np.unique(y[1:], return_inverse=True)[1], np.unique(x[:-1], return_inverse=True)[1]):
        return
    if y[1:].max() <= np.quantile(y, 0.8) or x[:-1].max() <= np.quantile(x, 0.8):
        return  # refused: every row is a hit
    first = cross_quantilogram(y, x, [0.2, 0.5, 0.8], 1).value
    second = cross_quantilogram(np.exp(y / 3) - 7, np.arctan(x) * 1e9, [0.2, 0.5, 0.8], 1).value
    np.testing.assert_array_equal(first, second)


def test_hits_on_grids_that_land_an_ulp_low():
    """0.29 x 100 is 28.999..96 in floating point: the 30th smallest of 101 still belongs to the 0.29 quantile."""
    x = np.arange(101.0)
    assert (quantile_hits(x, 0.29)[:, 0] > 0).sum() == 30


def test_symmetric_cases():
    y, x, *_ = series(3, n=200)
    contemporaneous = cross_quantilogram(y, x, LEVELS, 0).value[0]
    np.testing.assert_allclose(contemporaneous, cross_quantilogram(x, y, LEVELS, 0).value[0].T, atol=1e-15)
    # Turning a series over maps the quantile a to 1 - a, exactly where (n-1)a is not whole; turning one flips the sign.
    levels = np.array([0.1, 0.5, 0.9])
    there = cross_quantilogram(y, x, levels, 3).value[0]
    back = cross_quantilogram(-y, -x, levels, 3).value[0]
    np.testing.assert_allclose(there, back[::-1, ::-1], atol=1e-14)
    np.testing.assert_allclose(there, -cross_quantilogram(y, -x, levels, 3).value[0][:, ::-1], atol=1e-14)


def test_perfect_dependence_at_its_lag_only():
    x = series(4)[1]
    y = np.append([0.11, 0.12], x[:-2])  # the target is the predictor two dates back
    found = cross_quantilogram(y, x, LEVELS, [1, 2, 3]).value
    assert np.abs(found).max() <= 1
    assert np.diag(found[1]).min() > 0.85
    assert np.diag(found[0]).max() < 0.5
    assert np.diag(found[2]).max() < 0.5


def test_a_lag_does_not_depend_on_which_others_are_asked_for():
    y, x, *_ = series(5)
    several = cross_quantilogram(y, x, LEVELS, [1, 4, 6], bootstrap=Bootstrap(50, seed=3))
    alone = cross_quantilogram(y, x, LEVELS, 4, bootstrap=Bootstrap(50, seed=3))
    np.testing.assert_array_equal(several.lower[1], alone.lower[0])
    other = cross_quantilogram(y, x, LEVELS, 4, bootstrap=Bootstrap(50, seed=4))
    assert (other.lower != alone.lower).any()


def test_p_values_agree_with_margins():
    found = cross_quantilogram(DATA["ree"], DATA["mil"], [0.2, 0.5, 0.8], [1, 2], bootstrap=Bootstrap(999))
    assert (found.p_value[found.significant] <= 0.052).all()
    assert (found.p_value[~found.significant] >= 0.048).all()
    low, high = found.interval
    np.testing.assert_array_equal((low > 0) | (high < 0), found.significant)
    assert (found.p_family >= found.p_value - 1e-12).all()
    published = (found.value < found.lower) | (found.value > found.upper)
    np.testing.assert_array_equal(found.significant_as_published, published)
    without = cross_quantilogram(DATA["ree"], DATA["mil"], [0.5], 1)
    with pytest.raises(ValueError, match="need a bootstrap"):
        _ = without.significant


def test_sparse_cells_are_marked():
    """336 rows at levels 0.05: less than one joint hit is expected, and critical values mean nothing."""
    found = cross_quantilogram(DATA["ree"], DATA["mil"], [0.05, 0.5, 0.95], 1, bootstrap=Bootstrap(50))
    assert found.reliable[0].tolist() == [[False, True, False], [True, True, True], [False, True, False]]
    assert found.expected[0, 1, 1] == pytest.approx(335 / 4, rel=0.01)
    assert (found.p_family[~found.reliable] == 1).all()


class TestPortmanteau:
    def test_sums_of_squares(self):
        y, x, z, _ = series(6)
        test = portmanteau(y, x, LEVELS, 5, controls=[Control(z)])
        rho = cross_quantilogram(y, x, LEVELS, range(1, 6), controls=[Control(z)]).value
        np.testing.assert_allclose(test.box_pierce.value, 120 * np.cumsum(rho**2, axis=0))
        weight = (120 * 122 / (120 - np.arange(1, 6)))[:, None, None]
        np.testing.assert_allclose(test.ljung_box.value, np.cumsum(weight * rho**2, axis=0))

    def test_bootstrap_against_resampling_the_values(self):
        y, x, *_ = series(7)
        p, n = 3, 117
        indices = stationary_indices(n, 0.3, 40, np.random.default_rng(1))
        test = portmanteau(y, x, [0.3, 0.6], p, bootstrap=Bootstrap(indices=indices, gamma=0.3, level=0.2))
        rows = np.column_stack([y[p:], *(x[p - k : -k] for k in range(1, p + 1))])
        drawn = np.zeros((40, p, 2, 2))
        for b, index in enumerate(indices):
            for k in range(1, p + 1):
                for i, a1 in enumerate((0.3, 0.6)):
                    for j, a2 in enumerate((0.3, 0.6)):
                        one = correlation_of_hits([hits(rows[index, 0], a1), hits(rows[index, k], a2)])
                        drawn[b, k - 1, i, j] = 120 * (one - test.rho[k - 1, i, j]) ** 2
        q = drawn.cumsum(axis=1)
        np.testing.assert_allclose(test.box_pierce.critical, np.quantile(q, 0.8, axis=0), rtol=1e-10)
        sup = np.quantile(q.max(axis=(2, 3)), 0.8, axis=0)
        np.testing.assert_allclose(test.box_pierce.sup_critical, sup, rtol=1e-10)

    def test_sup_p_value_is_the_share_of_suprema_as_large(self):
        y, x, *_ = series(7)
        test = portmanteau(y, x, [0.3, 0.6], 3, bootstrap=Bootstrap(60, seed=2)).box_pierce
        assert ((test.sup_p_value >= 1 / 61) & (test.sup_p_value <= 1)).all()
        np.testing.assert_array_equal(test.sup_value > test.sup_critical, test.sup_p_value <= 0.05 + 1 / 61)

    def test_sup_over_a_region(self):
        y, x, *_ = series(8)
        inside = np.array([[False, True], [False, False]])
        test = portmanteau(y, x, [0.3, 0.6], 2, region=inside, bootstrap=Bootstrap(40))
        np.testing.assert_array_equal(test.box_pierce.sup_value, test.box_pierce.value[:, 0, 1])
        np.testing.assert_array_equal(test.box_pierce.sup_critical, test.box_pierce.critical[:, 0, 1])

    def test_gaps_keep_the_power(self):
        """Rows observed at one lag are more than those observed at all: both are scaled to their own number."""
        rejected = np.zeros(2)
        for seed in range(40):
            rng = np.random.default_rng(seed)
            x = rng.standard_normal(337)
            y = 0.35 * x[:-1] + rng.standard_normal(336)
            y = np.append(rng.standard_normal(), y)
            y[rng.random(337) < 0.1], x[rng.random(337) < 0.1] = np.nan, np.nan
            bootstrap = Bootstrap(200, seed=seed)
            test = portmanteau(y, x, [0.5], 6, missing="pairwise", bootstrap=bootstrap)
            null = portmanteau(rng.permutation(y), x, [0.5], 6, missing="pairwise", bootstrap=bootstrap)
            rejected += [t.ljung_box.p_value[-1, 0, 0] <= 0.05 for t in (test, null)]
        assert rejected[0] > 12
        assert rejected[1] <= 5

    def test_gaps_count_the_rows_that_are_observed(self):
        """A series observed on its first 50 dates is a series of 50."""
        y, x, *_ = series(6)
        short = portmanteau(y[:50], x[:50], LEVELS, 3, bootstrap=Bootstrap(60, gamma=0.3))
        late = np.where(np.arange(120) < 50, y, np.nan)
        early = np.where(np.arange(120) < 50, x, np.nan)
        long = portmanteau(late, early, LEVELS, 3, missing="pairwise", bootstrap=Bootstrap(60, gamma=0.3))
        np.testing.assert_allclose(long.ljung_box.value, short.ljung_box.value)
        np.testing.assert_allclose(long.ljung_box.p_value, short.ljung_box.p_value)


class TestTies:
    def test_independent_series_with_many_equal_values(self):
        """Two fifths of zeros in both: low quantiles are 0, their hits share a mean, and the cells are not trusted."""
        levels = np.array([0.1, 0.2, 0.3, 0.5, 0.7, 0.8])
        reliable, apart = [], []
        for seed in range(20):
            rng = np.random.default_rng(seed)
            y, x = (np.where(rng.random(336) < 0.4, -3.0, rng.standard_normal(336)) for _ in range(2))
            found = cross_quantilogram(y, x, levels, 1)
            reliable.append(found.reliable[0])
            apart.append(found.value[0] * np.sqrt(335))
        mean = np.mean(apart, axis=0)
        assert mean[0, 0] > 3  # standard errors from 0, of independent series
        assert not np.array(reliable)[:, :2, :2].any()
        told = np.mean(reliable, axis=0) == 1
        assert told[3:, 3:].all()
        assert np.abs(mean[told]).max() < 1

    def test_shift_is_the_mean_of_products_over_its_error(self):
        """Of two series crossed with each other, so that they are exactly independent."""
        y, x = (np.ravel(a) for a in np.meshgrid([0.0, 0, 1, 2, 3], [0.0, 0, 0, 1, 2]))
        found = cross_quantilogram(y, x, [0.1, 0.5], 0)
        np.testing.assert_allclose(found.tied[0], np.abs(found.value[0]) * 5)


class TestMissing:
    def test_pairwise_uses_each_series_own_quantiles(self):
        y, x, *_ = series(9)
        x[[5, 60]] = np.nan
        found = cross_quantilogram(y, x, [0.5], 1, missing="pairwise")
        kept = ~np.isnan(x)
        h1 = hits(y, 0.5)
        h2 = np.full(120, np.nan)
        h2[kept] = hits(x[kept], 0.5)
        t = [t for t in range(1, 120) if kept[t - 1]]
        assert found.value.item() == pytest.approx(correlation_of_hits([h1[t], h2[[i - 1 for i in t]]]))
        assert found.rows.tolist() == [117]

    def test_complete_keeps_calendar_lags(self):
        y, x, *_ = series(10)
        x[[5, 60]] = np.nan
        found = cross_quantilogram(y, x, [0.5], 1, missing="complete")
        kept = ~np.isnan(x)
        h = np.full((2, 120), np.nan)
        h[0, kept], h[1, kept] = hits(y[kept], 0.5), hits(x[kept], 0.5)
        t = [t for t in range(1, 120) if kept[t] and kept[t - 1]]
        assert found.value.item() == pytest.approx(correlation_of_hits([h[0, t], h[1, [i - 1 for i in t]]]))

    def test_refused_unless_chosen(self):
        y, x, *_ = series(11)
        x[7] = np.nan
        with pytest.raises(ValueError, match=r"missing values in predictor \(1\)"):
            cross_quantilogram(y, x, [0.5])
        x[7] = np.inf
        with pytest.raises(ValueError, match="infinite"):
            cross_quantilogram(y, x, [0.5], missing="pairwise")


class TestRefusals:
    Y, X, Z, _ = series(12)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"levels": [0.0, 0.5]}, "strictly between 0 and 1"),
            ({"levels": [0.5, 0.2]}, "rise strictly"),
            ({"levels": []}, "at least one"),
            (
                {"predictor": np.minimum(X, np.quantile(X, 0.6)), "levels": [0.5, 0.9]},
                "at level 0.9 no row of predictor lies above",
            ),
            ({"lags": -1}, "lags must be"),
            ({"lags": [-1, 2]}, "lags must be"),
            ({"lags": [1, 1]}, "lags must be"),
            ({"lags": 119}, "only 1 rows"),
            ({"predictor": np.ones(120)}, "constant"),
            ({"predictor": np.arange(119.0)}, r"shape \(119,\)"),
            ({"predictor": "target", "lags": 0}, "are the same series"),
            ({"controls": [Control(X, 0.3, name="again")]}, "again at lag 1 are the same series"),
            ({"controls": [Control(Y**3, "target", 0, name="cube")]}, "increasing transform"),
            ({"controls": [Control(Z, 0.5, "later")]}, "timing of control"),  # type: ignore[arg-type]
            ({"controls": [Control(Z, 0.5, -2)]}, "timing of control"),
            ({"controls": [Control(Z, 1.5)]}, "strictly between"),
            ({"missing": "drop"}, "missing must be"),
            ({"where": np.ones(3, dtype=bool)}, "where has shape"),
        ],
    )
    def test_message(self, arguments, message):
        call = {"target": self.Y, "predictor": self.X, "levels": [0.2, 0.5], "lags": 1} | arguments
        if isinstance(call["predictor"], str):
            call["predictor"] = self.Y
        with pytest.raises(ValueError, match=message):
            cross_quantilogram(**call)

    @pytest.mark.parametrize("shape", [(5, 118), (5, 120), (119,)])
    def test_rows_given_for_resamples_are_those_of_the_lag(self, shape):
        with pytest.raises(ValueError, match=r"indices at lag 1 must be rows 0\.\.118"):
            cross_quantilogram(
                self.Y, self.X, [0.5], 1, bootstrap=Bootstrap(indices=np.zeros(shape, dtype=int), gamma=0.5)
            )

    def test_gamma_is_not_a_block_length(self):
        with pytest.raises(ValueError, match=r"mean block of 12 rows give 0\.08333"):
            Bootstrap(gamma=12)

    def test_collinear_controls(self):
        """Each the other turned over, whatever sign the rounding of the pivot has."""
        for seed in range(30):
            y, x, z, _ = series(seed, n=114)
            twice = [Control(z, 0.3), Control(-z, 0.7)]
            with pytest.raises(ValueError, match="exact combinations"):
                cross_quantilogram(y, x, [0.5], 1, controls=twice)

    def test_two_levels_of_one_control_are_allowed(self):
        both = [Control(self.Z, 0.2), Control(self.Z, 0.8)]
        found = cross_quantilogram(self.Y, self.X, [0.5], 1, controls=both).value.item()
        expected = quantilogram(self.Y, self.X, 0.5, 0.5, 1, [(self.Z, 0.2, [1]), (self.Z, 0.8, [1])])
        assert found == pytest.approx(expected)


def test_where_takes_quantiles_of_its_own_rows():
    y, x, *_ = series(13)
    where = np.arange(120) % 3 > 0
    found = cross_quantilogram(y, x, [0.3], 2, where=where).value.item()
    t = np.flatnonzero(where & (np.arange(120) >= 2))
    assert found == pytest.approx(correlation_of_hits([hits(y[t], 0.3), hits(x[t - 2], 0.3)]))


@pytest.mark.parametrize("kind", ["rolling", "recursive"])
def test_windows_are_sub_samples(kind):
    y, x, z, _ = series(14)
    found = windowed_quantilogram(y, x, [0.4], 1, width=50, step=7, kind=kind, controls=[Control(z, 0.5)])
    assert found.last[-1] == 119
    assert found.last[0] >= 49
    for first, last, result in zip(found.first, found.last, found.results, strict=True):
        cut = slice(first, last + 1)
        alone = cross_quantilogram(y[cut], x[cut], [0.4], 1, controls=[Control(z[cut], 0.5)])
        assert result.value.item() == alone.value.item()
    assert (found.first == 0).all() == (kind == "recursive")


class TestBootstrapDraws:
    def test_blocks(self):
        drawn = stationary_indices(200, 0.1, 300, np.random.default_rng(1))
        assert drawn.min() == 0
        assert drawn.max() == 199
        restarts = (np.diff(drawn, axis=1) % 200 != 1).mean()
        assert restarts == pytest.approx(0.1 * 199 / 200, abs=0.005)
        counts = np.bincount(drawn.ravel(), minlength=200)
        assert counts.min() > 200

    def test_gamma_one_is_independent_draws(self):
        drawn = stationary_indices(50, 1.0, 400, np.random.default_rng(2))
        follow = (np.diff(drawn, axis=1) % 50 == 1).mean()
        assert follow == pytest.approx(1 / 50, abs=0.005)

    @pytest.mark.parametrize("unit", [1e300, 1e100, 1e-100, 1e-300])
    def test_block_length_has_no_unit(self, unit):
        x = np.random.default_rng(0).standard_normal(200).cumsum()
        assert optimal_block_length(x * unit) == pytest.approx(optimal_block_length(x), rel=1e-9)

    def test_block_length_against_arch(self):
        bootstrap = pytest.importorskip("arch.bootstrap")
        for n in (40, 336, 1200):
            noise = np.random.default_rng(n).standard_normal((3, n))
            x = np.column_stack([noise[0], np.cumsum(noise[1]), np.convolve(noise[2], [1, 0.8, 0.6], "same")])
            expected = bootstrap.optimal_block_length(x)["stationary"].to_numpy()
            np.testing.assert_allclose(optimal_block_length(x), np.maximum(expected, 1), rtol=1e-10)

    def test_block_length_of_a_constant(self):
        with pytest.raises(ValueError, match="not all equal"):
            optimal_block_length(np.ones(50))


def autoregressive(rng, n, phi=0.5):
    e = rng.standard_t(5, n + 50)
    x = np.zeros(n + 50)
    for t in range(1, n + 50):
        x[t] = phi * x[t - 1] + e[t]
    return x[50:]


class TestSizeAndPower:
    """500 simulations each; a 5 % test of a true null should reject in 5 %, give or take what 500 draws allow."""

    def rejections(self, link, draws=500, controls=0):
        count = np.zeros((2, 2))
        for seed in range(draws):
            rng = np.random.default_rng([seed, controls])
            x = autoregressive(rng, 200)
            y = autoregressive(rng, 200)
            y[1:] += link * x[:-1]
            given = [Control(autoregressive(rng, 200)) for _ in range(controls)]
            bootstrap = Bootstrap(200, seed=seed)
            count += cross_quantilogram(y, x, [0.3, 0.5], 1, controls=given, bootstrap=bootstrap).significant[
                0
            ]
        return count / draws

    @pytest.mark.parametrize("controls", [0, 2])
    def test_size(self, controls):
        rate = self.rejections(0.0, controls=controls)
        assert rate.min() > 0.025
        assert rate.max() < 0.08

    def test_power(self):
        assert self.rejections(0.5, draws=60).min() > 0.9

    def test_partial_removes_a_common_cause(self):
        """Two series driven by a third: dependent, and not given it."""
        plain, given = 0, 0
        for seed in range(60):
            rng = np.random.default_rng(seed)
            z = rng.permutation(np.repeat([-1.0, 1.0], 150))
            y = np.append(0, z[:-1]) + 0.8 * rng.standard_normal(300)
            x = z + 0.8 * rng.standard_normal(300)
            bootstrap = Bootstrap(200, seed=seed)
            plain += cross_quantilogram(y, x, [0.5], 1, bootstrap=bootstrap).significant.item()
            control = [Control(z, 0.5)]
            given += cross_quantilogram(
                y, x, [0.5], 1, controls=control, bootstrap=bootstrap
            ).significant.item()
        assert plain == 60
        assert given <= 8

    def test_family_wise_size(self):
        """Not one reliable cell of the map significant for the map, in about 95 % of independent pairs."""
        levels = np.arange(0.1, 0.95, 0.1)
        wrong = 0
        for seed in range(150):
            rng = np.random.default_rng(seed)
            y, x = rng.standard_t(4, (2, 250))
            found = cross_quantilogram(y, x, levels, 1, bootstrap=Bootstrap(200, seed=seed))
            wrong += bool((found.p_family <= 0.05).any())
        assert wrong / 150 < 0.11
