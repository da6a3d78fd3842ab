"""Wavelets: closed forms, reconstruction at any length, and literal versions of the multiple correlations."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from calibration.evidence.comovement import (
    FILTERS,
    WINDOWS,
    brick_wall,
    imodwt,
    local_multiple_correlation,
    local_multiple_cross_correlation,
    local_regression,
    modwt,
    multiple_correlation,
    multiple_cross_correlation,
    multiresolution,
    phase_shift,
    wavelet_correlation,
    wavelet_covariance,
    wavelet_filter,
    wavelet_regression,
    wavelet_variance,
)
from calibration.evidence.comovement.local import effective_size, window_weights
from calibration.evidence.comovement.modwt import default_levels, periods
from calibration.evidence.comovement.waveletmoments import against_none, level_sizes
from tests.evidence.comovement.oracles import local_correlation, synth

EXACT = ("haar", "d4", "d6", "d8", "d16", "la8", "la16", "la20")
DATA = np.column_stack(list(synth().values()))


class TestFilters:
    @pytest.mark.parametrize("name", EXACT)
    def test_defining_equations(self, name):
        """Unit energy, orthogonal to even shifts, L/2 vanishing moments, sum sqrt 2: to double precision."""
        g = wavelet_filter(name).scaling
        n = g.size
        for m in range(n // 2):
            assert g[2 * m :] @ g[: n - 2 * m] == pytest.approx(float(m == 0), abs=3e-16 * n)
        place = np.arange(n) / n
        for p in range(n // 2):
            assert ((-1.0) ** np.arange(n) * place**p) @ g == pytest.approx(0, abs=1e-14)
        assert g.sum() == pytest.approx(np.sqrt(2), abs=1e-15 * n)

    def test_against_pywavelets(self):
        pywt = pytest.importorskip("pywt")
        same = {"haar": "db1", "d4": "db2", "d6": "db3", "d8": "db4", "d16": "db8"}
        for ours, theirs in same.items():
            np.testing.assert_allclose(wavelet_filter(ours).scaling, pywt.Wavelet(theirs).rec_lo, atol=1e-11)
        for ours, theirs in {"la8": "sym4", "la16": "sym8", "la20": "sym10"}.items():
            w = pywt.Wavelet(theirs)
            np.testing.assert_allclose(wavelet_filter(ours).scaling, w.dec_lo, atol=1e-11)
            np.testing.assert_allclose(wavelet_filter(ours).wavelet, -np.array(w.dec_hi), atol=1e-11)

    def test_unknown(self):
        with pytest.raises(ValueError, match="unknown wavelet filter 'la10'; expected one of haar, d4"):
            wavelet_filter("la10")
        with pytest.raises(ValueError, match="even number"):
            wavelet_filter([1.0, 0.5, 0.5])


@given(
    n=st.integers(4, 90),
    name=st.sampled_from(EXACT),
    boundary=st.sampled_from(["periodic", "reflection"]),
    seed=st.integers(0, 10_000),
)
def test_perfect_reconstruction_and_parseval(n, name, boundary, seed):
    x = np.random.default_rng(seed).standard_normal((n, 2)) * 10.0 ** (seed % 7 - 3)
    levels = int(np.log2(n))
    transform = modwt(x, name, levels, boundary)
    whole = np.concatenate([x, x[::-1]]) if boundary == "reflection" else x
    np.testing.assert_allclose(imodwt(transform), whole, atol=1e-12 * np.abs(x).max())
    np.testing.assert_allclose((transform.coefficients**2).sum((0, 1)), (whole**2).sum(0), rtol=1e-12)
    parts = multiresolution(x, name, levels, boundary)
    np.testing.assert_allclose(parts.sum(axis=0), x, atol=1e-12 * np.abs(x).max())


def test_published_filters_reconstruct_to_their_digits():
    for name, digits in {"bl14": 1e-8, "fk4": 1e-11, "fk8": 1e-5, "mb8": 1e-3, "mb16": 1e-3}.items():
        assert np.abs(imodwt(modwt(DATA, name, 4)) - DATA).max() < digits
    assert set(FILTERS) == {*EXACT, "bl14", "fk4", "fk8", "mb8", "mb16"}


def test_shifting_the_series_shifts_the_transform():
    there = modwt(DATA, "la8", 5).coefficients
    np.testing.assert_allclose(
        modwt(np.roll(DATA, 17, axis=0), "la8", 5).coefficients, np.roll(there, 17, axis=1), atol=1e-13
    )


def test_constants_and_polynomials_have_no_details():
    """L/2 vanishing moments: away from the ends a cubic has no la8 details (it has 4)."""
    t = np.arange(200.0)
    transform = brick_wall(modwt(np.column_stack([np.full(200, 3.0), (t / 100) ** 3]), "la8", 3))
    for level in range(3):
        np.testing.assert_allclose(transform.coefficients[level][transform.known[level]], 0, atol=1e-12)
    smooth = transform.coefficients[3][transform.known[3]]
    np.testing.assert_allclose(smooth[:, 0], 3.0)


def test_boundaries():
    transform = brick_wall(modwt(DATA[:100], "la8", 4))
    assert (~transform.known).sum(axis=1).tolist() == [7, 21, 49, 100, 100]
    assert np.isnan(transform.coefficients[3]).all()
    moved = phase_shift(transform)
    # The ends lie at both ends of the dates once phases are shifted.
    assert not moved.known[1, :10].any()
    assert not moved.known[1, -11:].any()
    assert moved.known[1, 10:-11].all()
    with pytest.raises(ValueError, match="before shifting"):
        brick_wall(moved)
    with pytest.raises(ValueError, match="shifted already"):
        phase_shift(moved)
    with pytest.raises(ValueError, match="can be inverted"):
        imodwt(transform)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"levels": 9}, "levels must be from 1 to 8"),
        ({"levels": 0}, "levels must be"),
        ({"boundary": "zero"}, "boundary must be"),
        ({"x": np.array([1.0, np.nan, 2.0, 3.0])}, "missing in column 0"),
        ({"x": np.zeros((2, 2, 2))}, "expected a series"),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(ValueError, match=message):
        modwt(**({"x": DATA, "filter": "la8"} | arguments))


def test_periods_and_default_levels():
    assert periods(3) == ((2, 4), (4, 8), (8, 16), (16, None))
    assert [default_levels(n) for n in (16, 336, 1024)] == [1, 5, 7]


class TestVarianceIntervals:
    def test_chi_squared_interval_by_its_own_tails(self):
        """freedom x s^2 / chi2 of either tail: below and above the estimate, and 95 % of the mass between."""
        T = brick_wall(modwt(DATA, "la8", 3))
        found = wavelet_variance(T)
        freedom = np.maximum(T.known.sum(axis=1) / 2.0 ** np.arange(1, 5), 1)[:, None]
        np.testing.assert_allclose(stats.chi2.sf(freedom * found.value / found.upper, freedom), 0.975)
        np.testing.assert_allclose(stats.chi2.sf(freedom * found.value / found.lower, freedom), 0.025)


class TestMoments:
    T = modwt(DATA, "la8", 4)

    def test_variances_add_up(self):
        value = wavelet_variance(self.T).value
        np.testing.assert_allclose(value.sum(axis=0), (DATA**2).mean(axis=0))

    def test_covariance_and_correlation(self):
        covariance, correlation = wavelet_covariance(self.T), wavelet_correlation(self.T)
        np.testing.assert_allclose(np.einsum("jii->ji", covariance), wavelet_variance(self.T).value)
        assert correlation.value[2, 0, 1] == pytest.approx(
            covariance[2, 0, 1] / np.sqrt(covariance[2, 0, 0] * covariance[2, 1, 1])
        )
        half = 1.959963984540054 / np.sqrt(336 // 8 - 3)
        expected = np.tanh(np.arctanh(correlation.value[2, 0, 1]) - half)
        assert correlation.lower[2, 0, 1] == pytest.approx(expected)

    @pytest.mark.parametrize("interval", ["chi-squared", "gaussian"])
    def test_interval_of_the_variance_covers(self, interval):
        """White noise of variance 1: level j has wavelet variance 2^-j."""
        inside = np.zeros(2)
        for seed in range(300):
            noise = np.random.default_rng(seed).standard_normal(256)
            found = wavelet_variance(brick_wall(modwt(noise, "d4", 2)), interval)
            truth = 2.0 ** -np.arange(1, 3)
            inside += ((found.lower[:2, 0] <= truth) & (truth <= found.upper[:2, 0])).astype(float)
        assert (inside / 300 > 0.9).all()

    def test_half_widths_are_those_of_normal_quantiles(self):
        wide, narrow = (wavelet_variance(self.T, "gaussian", level) for level in (0.95, 0.9))
        ratio = (wide.upper - wide.value) / (narrow.upper - narrow.value)
        np.testing.assert_allclose(ratio, 1.959963984540054 / 1.6448536269514722)


class TestMultiple:
    T = brick_wall(modwt(DATA, "la8", 4))

    def test_is_the_largest_multiple_r(self):
        found = multiple_correlation(self.T, centre=False)
        for level in range(5):
            w = self.T.coefficients[level][self.T.known[level]]
            r = []
            for i in range(4):
                x, y = np.delete(w, i, axis=1), w[:, i]
                fitted = x @ np.linalg.lstsq(x, y, rcond=None)[0]
                r.append(np.sqrt(fitted @ fitted / (y @ y)))
            assert found.value[level] == pytest.approx(max(r))
            assert found.dominant[level] == int(np.argmax(r))

    def test_two_series_carry_their_sign(self):
        pair = modwt(DATA[:, [0, 1]] * [1, -1], "la8", 3)
        value = multiple_correlation(pair, centre=False).value
        np.testing.assert_allclose(value, wavelet_correlation(pair).value[:, 0, 1])
        assert (value[:2] < 0).all()

    def test_order_and_scale_do_not_matter(self):
        order = [2, 0, 3, 1]
        moved = brick_wall(modwt((DATA * [1, -3, 0.1, 50])[:, order], "la8", 4))
        first, second = multiple_correlation(self.T, centre=False), multiple_correlation(moved, centre=False)
        np.testing.assert_allclose(first.value, second.value)
        assert first.dominant.tolist() == [order[i] for i in second.dominant]

    def test_mean_of_the_smooth(self):
        far = DATA + 1000.0
        transform = modwt(far, "la8", 3)
        with pytest.warns(UserWarning, match="mostly its mean"):
            assert multiple_correlation(transform).value[-1] > 0.999
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            kept = multiple_correlation(transform, centre=False)
            centred = multiple_correlation(transform, centre=True)
        assert kept.value[-1] > 0.999
        np.testing.assert_allclose(
            centred.value, multiple_correlation(modwt(DATA, "la8", 3), centre=True).value, atol=1e-8
        )

    def test_duplicates_are_refused(self):
        twice = modwt(np.column_stack([DATA, DATA[:, 0] + DATA[:, 1]]), "la8", 3)
        with pytest.raises(ValueError, match="combination of the others"):
            multiple_correlation(twice, centre=False)
        with pytest.raises(ValueError, match="at least two series"):
            multiple_correlation(modwt(DATA[:, 0]))
        with pytest.raises(ValueError, match="0 to 3"):
            multiple_correlation(self.T, variable=4, centre=False)

    def test_levels_lost_to_the_ends_are_missing(self):
        found = multiple_correlation(brick_wall(modwt(DATA, "la8", 6)), centre=False)
        assert np.isnan(found.value).tolist() == [False] * 5 + [True] * 2
        assert found.dominant[5:].tolist() == [-1, -1]

    def test_lags(self):
        """The dominant series follows the others by three dates: the multiple correlation peaks at lag 3."""
        rng = np.random.default_rng(1)
        x = rng.standard_normal((400, 2))
        y = np.roll(x.sum(axis=1), 3) + 0.3 * rng.standard_normal(400)
        transform = modwt(np.column_stack([y, x]), "haar", 3)
        found = multiple_cross_correlation(transform, 8, variable=0, centre=False)
        assert found.lags[np.argmax(found.value[0])] == 3
        at_zero = multiple_correlation(transform, 0, centre=False)
        np.testing.assert_allclose(found.value[:, 8], at_zero.value)
        np.testing.assert_allclose(found.lower[:, 8], at_zero.lower)

    def test_lags_of_two_series_mirror(self):
        pair = modwt(DATA[:, [0, 1]], "la8", 3)
        there = multiple_cross_correlation(pair, 5, variable=0, centre=False).value
        back = multiple_cross_correlation(pair, 5, variable=1, centre=False).value
        np.testing.assert_allclose(there, back[:, ::-1])


class TestLocal:
    @pytest.mark.parametrize("window", WINDOWS)
    @pytest.mark.parametrize("walled", [False, True])
    @pytest.mark.parametrize(("series", "variable"), [([0, 1, 2, 3], None), ([0, 1], None), ([0, 2, 3], 1)])
    def test_against_the_loop(self, window, walled, series, variable):
        """Six windows, odd length, with and without boundary coefficients, date by date."""
        transform = modwt(DATA[:151, series], "d6", 3)
        transform = brick_wall(transform) if walled else transform
        found = local_multiple_correlation(transform, 11.5, window, variable, centre=False)
        shifted = phase_shift(transform)
        for level in range(4):
            phi, size, best = local_correlation(shifted.coefficients[level], 11.5, window, variable)
            np.testing.assert_allclose(found.value[level], phi, atol=1e-10)
            seen = np.isfinite(phi)
            np.testing.assert_allclose(found.effective[level][seen], size[seen], rtol=1e-10)
            if len(series) > 2:
                np.testing.assert_array_equal(found.dominant[level], best)

    def test_window_names(self):
        T = modwt(DATA, "haar", 2)
        for name, same in {
            "GAUSS": "gaussian",
            "Cleveland": "tricube",
            "parabolic": "epanechnikov",
            "tria": "bartlett",
        }.items():
            assert local_multiple_correlation(T, 9, name, centre=False).window == same
        with pytest.raises(ValueError, match="unknown window 'hann'"):
            local_multiple_correlation(T, 9, "hann", centre=False)
        with pytest.raises(ValueError, match="half-width"):
            local_multiple_correlation(T, 0, centre=False)

    def test_a_window_over_everything_is_the_global_one(self):
        T = brick_wall(modwt(DATA, "la8", 4))
        everywhere = local_multiple_correlation(T, 1e9, "uniform", interval="corrected", centre=False)
        overall = multiple_correlation(T, centre=False)
        np.testing.assert_allclose(everywhere.value, np.repeat(overall.value[:, None], 336, axis=1))
        known = T.known.sum(axis=1)
        np.testing.assert_allclose(everywhere.effective[:, 0], known / 2.0 ** np.arange(1, 6))

    def test_corrected_interval_is_wider_the_coarser_the_scale(self):
        T = modwt(DATA, "la8", 5)
        for window in ("gaussian", "uniform"):
            published = local_multiple_correlation(T, 42, window, centre=False)
            corrected = local_multiple_correlation(T, 42, window, interval="corrected", centre=False)
            by_level = corrected.effective * 2.0 ** np.arange(1, 7)[:, None] / published.effective
            assert (corrected.upper - corrected.lower > published.upper - published.lower)[0].all()
            # Products weigh theta^2: the same where theta is 0 or 1; of a gaussian sums over the real line are known.
            expected = 1.0 if window == "uniform" else 1 / np.sqrt(2)
            np.testing.assert_allclose(by_level[:, 168], expected, rtol=1e-4)

    def test_effective_sample_is_what_a_weighted_correlation_varies_by(self):
        """The variance of atanh r of two white series is 1/(n - 3): n from 2,000 draws, window by window."""
        n, draws, rng = 200, 2000, np.random.default_rng(0)
        known = modwt(rng.standard_normal((n, 2)), "haar", 1)
        x, y = rng.standard_normal((2, draws, n))
        for window in ("gaussian", "tricube", "bartlett", "uniform"):
            theta = window_weights(n, 25, window)
            square = theta[100] ** 2
            r = (x * y) @ square / np.sqrt((x**2 @ square) * (y**2 @ square))
            worth = 2 * effective_size(known, theta, "corrected")[0, 100]
            np.testing.assert_allclose(1 / np.arctanh(r).var(), worth, rtol=0.12)

    @pytest.mark.parametrize("count", [2, 4])
    def test_unrelated_series_are_seldom_called_related(self, count):
        """Not so their intervals: of four series nearly half exclude 0, which is why they are no test."""
        rng, level, cells, intervals = np.random.default_rng(1), [], [], []
        for _ in range(60):
            T = brick_wall(modwt(rng.standard_normal((336, count)), "la8", 5))
            level.append(multiple_correlation(T, centre=True).p_value <= 0.05)
            found = local_multiple_correlation(T, 42, centre=True, interval="corrected")
            cells.append(found.significant.mean(axis=1))
            intervals.append(multiple_correlation(T, centre=True).lower > 0)
        assert (np.mean(level, axis=0) < 0.1).all()
        assert (np.mean(cells, axis=0) < 0.07).all()
        assert (np.mean(intervals) > 0.3) == (count == 4)

    def test_p_value_of_one_regression_is_that_of_its_f_test(self):
        """A chosen series on d - 1 others, n observations: F = (R^2/(d-1)) / ((1-R^2)/(n-d))."""
        phi, n, d = np.array([0.3, 0.6]), 40.0, 4
        p_value, critical = against_none(phi, np.array(n), d, 1, 0.95)
        ratio = phi**2 / (d - 1) / ((1 - phi**2) / (n - d))
        np.testing.assert_allclose(p_value, stats.f.sf(ratio, d - 1, n - d))
        np.testing.assert_allclose(against_none(critical, np.array(n), d, 1, 0.95)[0], 0.05)
        assert against_none(phi, np.array(4.0), d, 1, 0.95)[0].tolist() == [1, 1]

    def test_windows_without_enough_coefficients(self):
        """A narrow uniform window inside the boundary: phi is 1 by construction, and says so."""
        T = brick_wall(modwt(DATA[:120], "la8", 3))
        found = local_multiple_correlation(T, 2, "uniform", centre=False)
        by_construction = (found.value == 1) & (found.dominant == -1)
        assert by_construction.any()
        assert not found.significant[by_construction].any()
        nothing = np.isnan(found.value)
        assert nothing.any()
        assert (found.dominant[nothing] == -1).all()

    def test_a_mirror_image_is_no_observation(self):
        # Of two unrelated series of 336, 14 % were called related at 5 % at the finest level; of four, 26 %.
        noise = np.random.default_rng(0).standard_normal((200, 128, 2))
        found = [multiple_correlation(modwt(x, "haar", 3, "reflection"), centre=True) for x in noise]
        assert np.mean([f.p_value <= 0.05 for f in found], axis=0).max() < 0.05
        transform = modwt(noise[0], "haar", 3, "reflection")
        size = 128 / 2.0 ** np.arange(1, 5)
        assert level_sizes(transform, "corrected") == pytest.approx(size)
        # A window that holds everything has seen each coefficient twice.
        everything = window_weights(256, 1000.0, "uniform")
        effective = effective_size(phase_shift(transform), everything, "corrected")
        assert effective == pytest.approx(np.tile(size[:, None], 256))
        wide, narrow = (
            wavelet_regression(modwt(noise[0], "haar", 3, edge), variable=0).standard_error[0, 1]
            for edge in ("reflection", "periodic")
        )
        assert wide == pytest.approx(narrow, rel=0.05)

    def test_who_leads_does_not_follow_in_a_mirror(self):
        # With the image among the dates a link of 0.96 at lag 2 was 0.49 at lag 2 and at lag -2.
        leader = np.random.default_rng(0).standard_normal(338)
        pair = np.column_stack([leader[2:], leader[:-2]])
        transform = modwt(pair, "haar", 2, "reflection")
        found = multiple_cross_correlation(transform, 3, variable=1, centre=True).value
        local = local_multiple_cross_correlation(transform, 3, 42, variable=1).value
        assert found[0, 5] > 0.95
        assert abs(found[0, 1]) < 0.2
        assert local[0, 5].min() > 0.9
        assert np.abs(local[0, 1]).max() < 0.5

    def test_reflection_returns_the_dates_of_the_series(self):
        found = local_multiple_correlation(modwt(DATA[:101], "la8", 3, "reflection"), 12, centre=False)
        assert found.value.shape == (4, 101)

    def test_finds_when_a_link_breaks(self):
        rng = np.random.default_rng(4)
        x = rng.standard_normal(400)
        y = np.where(np.arange(400) < 200, x, rng.standard_normal(400)) + 0.3 * rng.standard_normal(400)
        found = local_multiple_correlation(brick_wall(modwt(np.column_stack([x, y]), "la8", 3)), 30)
        assert found.value[0, 50:150].min() > 0.8
        assert np.abs(found.value[0, 250:350]).max() < 0.6

    def test_centring_removes_local_means(self):
        moved = local_multiple_correlation(modwt(DATA + 500.0, "la8", 3), 30, centre=True)
        plain = local_multiple_correlation(modwt(DATA, "la8", 3), 30, centre=True)
        np.testing.assert_allclose(moved.value, plain.value, atol=1e-6)

    def test_cross_correlation_at_lag_zero_and_a_planted_lag(self):
        rng = np.random.default_rng(5)
        x = rng.standard_normal((300, 2))
        y = np.roll(x.sum(axis=1), 2) + 0.3 * rng.standard_normal(300)
        T = modwt(np.column_stack([y, x]), "haar", 2)
        found = local_multiple_cross_correlation(T, 4, 25, variable=0)
        here = local_multiple_correlation(T, 25, variable=0, centre=False)
        np.testing.assert_allclose(found.value[:, 4], here.value, atol=1e-12)
        np.testing.assert_allclose(found.lower[:, 4], here.lower, atol=1e-12)
        assert (found.lags[np.argmax(found.value[0], axis=0)][40:260] == 2).all()

    @pytest.mark.parametrize("lag", [-3, 2])
    def test_cross_correlation_against_weighted_least_squares(self, lag):
        """The series moved keeps the weights of its own dates."""
        T = brick_wall(modwt(DATA, "d4", 2))
        found = local_multiple_cross_correlation(T, 3, 20, variable=1)
        w = phase_shift(T).coefficients[1]
        for s in (60, 200):
            weighted = np.exp(-(((np.arange(336) - s) / 20) ** 2))[:, None] * w
            t = np.arange(max(0, -lag), 336 - max(0, lag))
            y, x = weighted[t + lag, 1], weighted[t][:, [0, 2, 3]]
            both = np.isfinite(y) & np.isfinite(x).all(axis=1)
            y, x = y[both], x[both]
            fitted = x @ np.linalg.lstsq(x, y, rcond=None)[0]
            expected = np.sqrt(fitted @ fitted / (y @ y))
            assert found.value[1, list(found.lags).index(lag), s] == pytest.approx(expected, rel=1e-9)


class TestRegression:
    T = brick_wall(modwt(DATA, "la8", 3))

    @pytest.mark.parametrize("constant", [False, True])
    def test_against_least_squares(self, constant):
        found = wavelet_regression(self.T, constant=constant, errors="published")
        for level in range(4):
            w = self.T.coefficients[level][self.T.known[level]]
            y = found.response[level]
            others = [i for i in range(4) if i != y]
            x = np.column_stack([np.ones(len(w)), w[:, others]]) if constant else w[:, others]
            b, rss, *_ = np.linalg.lstsq(x, w[:, y], rcond=None)
            error = np.sqrt(np.diag(np.linalg.inv(x.T @ x)) * rss / (len(w) - x.shape[1]))
            np.testing.assert_allclose(found.slope[level, others], b[constant:])
            np.testing.assert_allclose(found.standard_error[level, others], error[constant:])
            assert found.slope[level, y] == -1
            assert found.standard_error[level, y] == 0

    @pytest.mark.parametrize("constant", [False, True])
    def test_local_against_weighted_least_squares(self, constant):
        found = local_regression(self.T, 25, constant=constant, errors="published")
        shifted = phase_shift(self.T)
        for level, s in ((0, 40), (1, 160), (3, 300)):
            theta = np.exp(-(((np.arange(336) - s) / 25) ** 2))
            theta /= theta.sum()
            w = (shifted.coefficients[level] * theta[:, None])[shifted.known[level]]
            y = found.response[level, s]
            others = [i for i in range(4) if i != y]
            x = np.column_stack([np.ones(len(w)), w[:, others]]) if constant else w[:, others]
            b, rss, *_ = np.linalg.lstsq(x, w[:, y], rcond=None)
            error = np.sqrt(np.diag(np.linalg.inv(x.T @ x)) * rss / (len(w) - x.shape[1]))
            np.testing.assert_allclose(found.slope[level, s, others], b[constant:], rtol=1e-8)
            np.testing.assert_allclose(found.standard_error[level, s, others], error[constant:], rtol=1e-8)

    def test_centred_slopes_are_those_of_the_centred_correlation(self):
        """R^2 of the regression beside a centred phi is its square, level by level and date by date."""
        T = brick_wall(modwt(DATA + 3 * np.arange(336.0)[:, None] / 336, "la8", 3))
        by_level = multiple_correlation(T, centre=True), wavelet_regression(T, centre=True)
        np.testing.assert_array_equal(by_level[0].dominant, by_level[1].response)
        for level in range(4):
            w = T.coefficients[level][T.known[level]]
            w, y = w - w.mean(axis=0), by_level[1].response[level]
            residual = w @ by_level[1].slope[level]
            np.testing.assert_allclose(
                1 - residual.var() / w[:, y].var(), by_level[0].value[level] ** 2, atol=1e-9
            )
        phi = local_multiple_correlation(T, 25, centre=True)
        slopes = local_regression(T, 25, centre=True)
        np.testing.assert_array_equal(phi.dominant, slopes.response)
        shifted = phase_shift(T)
        square = np.exp(-2 * ((np.arange(336) - 160) / 25) ** 2) * shifted.known[2]
        w = np.where(shifted.known[2][:, None], shifted.coefficients[2], 0.0)
        w = w - np.average(w, axis=0, weights=square)
        residual, own = w @ slopes.slope[2, 160], w[:, slopes.response[2, 160]]
        left = (square * residual**2).sum() / (square * own**2).sum()
        assert 1 - left == pytest.approx(phi.value[2, 160] ** 2)
        with pytest.raises(ValueError, match="choose one"):
            wavelet_regression(T, constant=True, centre=True)

    def test_the_level_at_fault_is_named(self):
        """Series that differ by what changes its sign every month only are one from the second level on."""
        pair = np.column_stack([DATA[:, 0], DATA[:, 0] + (-1.0) ** np.arange(336)])
        with pytest.raises(ValueError, match="at level d2 a series is a combination"):
            multiple_correlation(modwt(pair, "haar", 3), centre=False)

    def test_corrected_errors_are_larger_at_coarse_scales(self):
        published = wavelet_regression(self.T, errors="published").standard_error
        corrected = wavelet_regression(self.T).standard_error
        ratio = np.nanmax(corrected / np.where(published > 0, published, np.nan), axis=1)
        assert (np.diff(ratio) > 0).all()
        with pytest.raises(ValueError, match="errors must be"):
            wavelet_regression(self.T, errors="naive")

    def test_missing_where_phi_is_not_defined(self):
        narrow = brick_wall(modwt(DATA[:120], "la8", 3))
        found = local_regression(narrow, 2, "uniform")
        undefined = found.response == -1
        assert undefined.any()
        assert np.isnan(found.slope[undefined]).all()
