"""Small pieces whose faults whole estimates do not show: edges, defaults, degrees of freedom. See `tests.mutation`."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from calibration.evidence.comovement import (
    Bootstrap,
    block_dependence,
    brick_wall,
    cross_quantilogram,
    local_multiple_correlation,
    local_multiple_cross_correlation,
    local_regression,
    modwt,
    multiple_correlation,
    portmanteau,
    wavelet_regression,
)
from calibration.evidence.comovement.analysis import observed_stretch
from calibration.evidence.comovement.demand import demand_multiplier
from calibration.evidence.comovement.hits import check_levels
from calibration.evidence.comovement.moments import products_from_hits
from calibration.evidence.comovement.resampling import check_gamma
from calibration.evidence.comovement.transforms import seasonal_adjustment, standardise
from calibration.evidence.comovement.waveletmoments import _squared_spectrum
from calibration.evidence.comovement.windows import window_edges


def test_levels_lie_strictly_between_zero_and_one_and_rise():
    assert check_levels(0.5).tolist() == [0.5]
    assert check_levels([1e-9, 1 - 1e-9]).size == 2
    for wrong, message in (
        ([0.5, 1.0], r"got \[1\.\]"), ([0.0, 0.5], r"got \[0\.\]"), ([-0.1], "strictly between"), ([], "at least one"),
        ([[0.5]], "must be a list"), ([0.5, 0.5], "rise strictly"), ([0.6, 0.5], "rise strictly"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            check_levels(wrong)


def test_a_block_that_is_given_by_its_length_is_told_how():
    check_gamma(1.0)
    check_gamma(1e-6)
    with pytest.raises(ValueError, match=r"got 1\.5; for a mean block of 1\.5 rows give 0\.6667"):
        check_gamma(1.5)
    for wrong in (0.0, -0.1):
        with pytest.raises(ValueError, match=f"got {wrong:g}$"):
            check_gamma(wrong)


def test_windows_by_hand():
    first, last = window_edges(10, 4, 3)
    assert (first.tolist(), last.tolist()) == ([0, 3, 6], [3, 6, 9])
    first, last = window_edges(9, 4, 3)
    assert (first.tolist(), last.tolist()) == ([2, 5], [5, 8])
    first, last = window_edges(9, 4, 3, "recursive")
    assert (first.tolist(), last.tolist()) == ([0, 0], [5, 8])
    assert [edge.tolist() for edge in window_edges(4, 4)] == [[0], [3]]
    assert window_edges(5, 1)[0].tolist() == list(range(5))
    for wrong in ((4, 5, 1), (4, 0, 1), (4, 2, 0)):
        with pytest.raises(ValueError, match="windows need"):
            window_edges(*wrong)
    with pytest.raises(ValueError, match="rolling or recursive"):
        window_edges(4, 2, 1, "growing")


def test_growth_of_demand_by_hand():
    level = np.array([1.0, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 3072])
    assert demand_multiplier(level, 1, 0.5, 11) == 2.0
    assert demand_multiplier(level, 1, 1.0, 10) == 3.0
    assert demand_multiplier(level, 2, 0.0, 10) == 4.0  # ten are enough
    for wrong in (level[:-2], np.where(level == 16, np.nan, level), np.where(level == 16, 0.0, level)):
        with pytest.raises(ValueError, match="needs 10 dates and levels above zero"):
            demand_multiplier(wrong, 1, 0.5, 11)
    with pytest.raises(ValueError, match="got 9"):
        demand_multiplier(level, 1, 0.5, 9)


AXES = ("target", "predictor", "fixed")


@pytest.mark.parametrize("first", AXES)
@pytest.mark.parametrize("second", AXES)
def test_products_of_hits_are_on_the_grid_of_their_levels(first, second):
    """Target's levels down, predictor's across; two variables of one axis share their levels."""
    rng, sizes = np.random.default_rng(0), {"target": 3, "predictor": 4, "fixed": 1}
    u, v = (rng.normal(size=(2, 7, sizes[axis])) for axis in (first, second))
    found = products_from_hits([(u, first), (v, second)])[0, 1]
    rows, columns = (sizes[axis] if axis in (first, second) else 1 for axis in ("target", "predictor"))
    assert found.shape == (2, rows, columns)
    for b, t, p in np.ndindex(found.shape):
        place = {"target": t, "predictor": p, "fixed": 0}
        wanted = sum(u[b, n, place[first]] * v[b, n, place[second]] for n in range(7))
        assert found[b, t, p] == pytest.approx(wanted, rel=1e-12)


def test_p_values_of_blocks_count_the_estimate_among_the_draws():
    rng = np.random.default_rng(1)
    x = rng.normal(size=300)
    y = np.r_[0.0, 4.0 * x[:-1]] + rng.normal(size=300)
    block = np.array([[True, False], [False, False]])
    inside = block_dependence(rng.normal(size=300), x, [0.3, 0.7], block, 1, Bootstrap(49))
    assert -1 < inside.lower < inside.value < inside.upper < 1
    assert inside.upper - inside.value == pytest.approx(inside.value - inside.lower)
    near, noise = (
        block_dependence(series, x, [0.3, 0.7], block, 1, Bootstrap(49)).p_value
        for series in (y, rng.normal(size=300))
    )
    for p_value in (near, noise):
        assert p_value * 50 == pytest.approx(round(p_value * 50))


def test_the_sup_is_over_cells_that_hold_enough_unless_none_does():
    """With 100 rows the level 0.02 has two hits; four of the five pairs of it are not reliable."""
    rng = np.random.default_rng(2)
    y, x = rng.normal(size=(2, 101))
    found = portmanteau(y, x, [0.02, 0.5], 2)
    assert found.region.tolist() == [[False, False], [False, True]]
    np.testing.assert_allclose(found.box_pierce.sup_value, found.box_pierce.value[:, 1, 1])
    assert portmanteau(y, x, [0.02], 2).region.tolist() == [[True]]


def test_published_intervals_take_dates_less_variables_as_degrees_of_freedom():
    rng = np.random.default_rng(3)
    transform = brick_wall(modwt(rng.normal(size=(200, 3)), "haar", 2))
    found = local_regression(transform, 30, errors="published", confidence=0.9)
    shown = np.isfinite(found.standard_error) & (found.standard_error > 0)
    width = (found.upper - found.slope)[shown] / found.standard_error[shown]
    np.testing.assert_allclose(width, stats.t(200 - 3).ppf(0.95), rtol=1e-9)
    np.testing.assert_allclose(
        (found.slope - found.lower)[shown], (found.upper - found.slope)[shown], rtol=1e-9
    )


def test_two_periods_are_enough_for_a_season():
    rng = np.random.default_rng(4)
    season = np.tile(np.sin(np.arange(12) / 12 * 2 * np.pi), 2)
    found = seasonal_adjustment(np.r_[np.nan, season + 0.01 * rng.normal(size=24), np.nan], 12)
    assert np.isnan(found[[0, -1]]).all()
    assert np.abs(found[1:-1]).max() < 0.1
    with pytest.raises(ValueError, match="two periods of 12, got 23"):
        seasonal_adjustment(season[:-1], 12)
    with pytest.raises(ValueError, match="without gaps"):
        seasonal_adjustment(np.where(np.arange(24) == 5, np.nan, season), 12)


def test_the_spread_of_a_variance_is_that_of_its_autocovariances():
    w = np.random.default_rng(5).normal(size=(40, 2))
    for column in range(2):
        x = w[:, column]
        covariance = [sum(x[t] * x[t + k] for t in range(40 - k)) / 40 for k in range(40)]
        wanted = covariance[0] ** 2 / 2 + sum(c**2 for c in covariance[1:])
        assert _squared_spectrum(w)[column] == pytest.approx(wanted, rel=1e-10)


def test_a_region_of_the_sup_fits_the_grid_and_holds_something():
    y, x = np.random.default_rng(6).normal(size=(2, 100))
    for wrong in (np.ones((2, 3), dtype=bool), np.ones((3, 2), dtype=bool), np.zeros((2, 2), dtype=bool)):
        with pytest.raises(ValueError, match="region must choose at least one pair"):
            portmanteau(y, x, [0.3, 0.6], 2, region=wrong)


def test_p_values_of_slopes_are_two_sided():
    transform = brick_wall(modwt(np.random.default_rng(7).normal(size=(200, 3)), "haar", 2))
    for constant in (False, True):
        found = wavelet_regression(transform, constant=constant, errors="published")
        for level in range(3):
            freedom = transform.known[level].sum() - 2 - constant
            shown = found.standard_error[level] > 0
            ratio = np.abs(found.slope[level] / np.where(shown, found.standard_error[level], 1.0))
            wanted = np.where(shown, 2 * stats.t(freedom).sf(ratio), 0.0)
            np.testing.assert_allclose(found.p_value[level], wanted, rtol=1e-9)


def test_the_series_that_is_explained_is_that_of_the_uncentred_correlation():
    rng = np.random.default_rng(8)
    common = rng.normal(size=(300, 1))
    series = common * [1.0, 0.5, 0.1] + 0.5 * rng.normal(size=(300, 3)) + [0.0, 1.0, 60.0]
    transform = brick_wall(modwt(series, "haar", 2))
    uncentred, centred = (multiple_correlation(transform, centre=centre).dominant for centre in (False, True))
    assert (uncentred != centred).any()
    np.testing.assert_array_equal(wavelet_regression(transform).response, uncentred)
    here, other = (
        local_multiple_correlation(transform, 60, centre=centre).dominant for centre in (False, True)
    )
    assert (here != other).any()
    np.testing.assert_array_equal(local_multiple_cross_correlation(transform, 1, 60).dominant, here)


def test_a_gap_is_named_where_it_is():
    values = np.arange(30.0)
    values[20] = np.nan
    study = SimpleNamespace(
        series={"a": SimpleNamespace(values=values), "b": SimpleNamespace(values=np.r_[np.nan, np.ones(29)])},
        labels=lambda: [f"month {t}" for t in range(30)],
        dates=np.arange(30),
    )
    with pytest.raises(ValueError, match="the gap at month 20,"):
        observed_stretch(study, ["a", "b"])
    values[20] = 1.0
    table, dates = observed_stretch(study, ["a", "b"])
    assert (table.shape, dates[0], dates[-1]) == ((29, 2), 1, 29)
    values[:15] = np.nan
    with pytest.raises(
        ValueError, match="a, b are observed together on 15 dates; a wavelet analysis needs 16"
    ):
        observed_stretch(study, ["a", "b"])


def test_an_interval_lies_around_its_value_and_within_one():
    rng = np.random.default_rng(9)
    x = rng.normal(size=120)
    y = np.r_[0.0, 3 * x[:-1]] + rng.normal(size=120)
    found = cross_quantilogram(y, x, [0.2, 0.5, 0.8], [1, 2], bootstrap=Bootstrap(40))
    low, high = found.interval
    np.testing.assert_array_equal(low, np.maximum(found.value - found.margin, -1))
    np.testing.assert_array_equal(high, np.minimum(found.value + found.margin, 1))
    assert (high < 1).any()
    with pytest.raises(ValueError, match="need a bootstrap"):
        _ = cross_quantilogram(y, x, [0.5], [1]).interval


def test_a_series_that_does_not_vary_is_refused_where_some_coefficients_are_known():
    series = np.random.default_rng(10).normal(size=(120, 2))
    series[:, 1] = 0.0
    with pytest.raises(ValueError, match="does not vary"):
        multiple_correlation(brick_wall(modwt(series, "la8", 2)), centre=False)


def test_what_is_never_observed_is_named_and_is_not_called_constant():
    x, y = np.random.default_rng(0).standard_normal((2, 60))
    never = np.full(60, np.nan)
    with pytest.raises(ValueError, match=r"^predictor is never observed"):
        cross_quantilogram(x, never, [0.5], 1, missing="complete")
    early, late = np.where(np.arange(60) < 30, x, np.nan), np.where(np.arange(60) < 30, np.nan, y)
    with pytest.raises(ValueError, match="target, predictor are never observed together"):
        cross_quantilogram(early, late, [0.5], 1, missing="complete")


PAIR = np.random.default_rng(0).normal(size=(128, 2)) @ [[1.0, 1.0], [0.0, 1.0]]


@pytest.mark.parametrize("unit", [1e-68, 1e68])
def test_units_change_nothing_of_a_regression(unit):
    own, scaled = (wavelet_regression(modwt(unit * PAIR)) for unit in (1.0, unit))
    np.testing.assert_allclose(scaled.p_value, own.p_value, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(scaled.standard_error, own.standard_error, rtol=1e-9)


@pytest.mark.parametrize("unit", [1e300, 1e160, 1e85, 1e-80, 1e-300])
def test_numbers_whose_squares_cannot_be_computed_are_refused_for_that(unit):
    """At 1e300 a series was "a combination of the others, or does not vary"; at 1e85 a p-value was wrong by 0.095."""
    what = r"has values up to \d" if unit > 1 else r"varies by \d.* only"
    one = PAIR * [1.0, unit]
    with pytest.raises(
        ValueError, match=f"column 1 {what}.*expected sizes from 1e-70 to 1e.70, in other units"
    ):
        modwt(one)
    series = {name: SimpleNamespace(values=values) for name, values in zip("ab", one.T, strict=True)}
    with pytest.raises(ValueError, match=f"b {what}"):
        observed_stretch(SimpleNamespace(series=series, dates=np.arange(128)), ["a", "b"])
    modwt(np.column_stack([PAIR[:, 0], np.zeros(128)]))  # what does not vary is refused for that, later


def test_what_is_too_large_to_be_standardised_is_not_zero():
    """It was: everything over an infinite deviation."""
    with pytest.raises(ValueError, match=r"values up to \d\.?\d*e\+30\d are too large to be standardised"):
        standardise(1e300 * PAIR[:, 0])
