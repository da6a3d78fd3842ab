"""The estimators against pyfixest, brute force and data without noise."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from calibration.errors import InputError
from calibration.evidence.elasticities.bootstrap import cluster_signs, linear_bootstrap, score_bootstrap
from calibration.evidence.elasticities.estimators import METHODS, estimate_slope
from calibration.evidence.elasticities.fixed_effects import partial_out
from calibration.evidence.elasticities.inference import Fit, cluster_influence
from calibration.evidence.elasticities.moments import iv_ppml, moment_at, row_weights
from calibration.evidence.elasticities.panel import Panel, panel_from_frame
from calibration.evidence.elasticities.simulate import World, simulate
from calibration.evidence.regression import feols, fepois

SMALL = World(sectors=6, countries=4, years=10, ree_patents=8.0)


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    return simulate(SMALL, np.random.default_rng(3)).data


@pytest.fixture(scope="module")
def panel(data: pd.DataFrame) -> Panel:
    return panel_from_frame(data)


def test_partial_out_is_a_weighted_regression_on_dummies(panel: Panel) -> None:
    rng = np.random.default_rng(0)
    weights = rng.uniform(0.1, 2.0, panel.rows)
    columns = rng.normal(size=(2, panel.rows))
    dummies = np.hstack(
        [np.eye(panel.unit.max() + 1)[panel.unit], np.eye(panel.period.max() + 1)[panel.period]]
    )
    root = np.sqrt(weights)
    expected = (
        columns.T
        - dummies @ np.linalg.lstsq(dummies * root[:, None], columns.T * root[:, None], rcond=None)[0]
    )
    assert partial_out(columns, (panel.unit, panel.period), weights) == pytest.approx(expected.T, abs=1e-8)


def test_least_squares_and_2sls_are_those_of_pyfixest(data: pd.DataFrame, panel: Panel) -> None:
    plus_one = data.assign(y=np.log((1 + data.ree_patents) / (1 + data.other_patents)))
    fit = feols("y ~ log_price | unit + year", plus_one, vcov={"CRV1": "unit"})
    assert estimate_slope(panel, "log_plus_one", draws=0).slope == pytest.approx(
        fit.coef()["log_price"], rel=1e-8
    )
    positive = data[data.ree_patents > 0].assign(y=lambda d: np.log(d.ree_patents / d.other_patents))
    fit = feols("y ~ 1 | unit + year | log_price ~ quota_exposure", positive, fixef_rm="none")
    mine = estimate_slope(panel, "iv_log", draws=0)
    assert mine.slope == pytest.approx(fit.coef()["log_price"], rel=1e-7)
    assert mine.rows == len(positive)


def test_ppml_is_that_of_pyfixest(data: pd.DataFrame, panel: Panel) -> None:
    with_offset = data.assign(offset=np.log(data.other_patents))
    fit = fepois("ree_patents ~ log_price | unit + year", with_offset, vcov={"CRV1": "unit"}, offset="offset")
    mine = estimate_slope(panel, "ppml", draws=0)
    assert mine.slope == pytest.approx(fit.coef()["log_price"], rel=1e-6)
    assert mine.standard_error / float(fit.se()["log_price"]) == pytest.approx(1.0, abs=0.15)


def test_iv_ppml_finds_the_slope_of_data_without_noise() -> None:
    rng = np.random.default_rng(1)
    units, years = 12, 7
    unit, year = np.divmod(np.arange(units * years), years)
    price = rng.normal(size=units * years)
    other = rng.uniform(50, 150, units * years)
    counts = other * np.exp(0.37 * price - 2 + rng.normal(size=units)[unit] + rng.normal(size=years)[year])
    frame = pd.DataFrame(
        {
            "unit": unit,
            "sector": unit,
            "year": year,
            "ree_patents": counts,
            "other_patents": other,
            "log_price": price,
        }
    ).assign(quota_exposure=price + rng.normal(size=len(price)))
    fit = iv_ppml(panel_from_frame(frame))
    assert fit.slope[0] == pytest.approx(0.37, abs=1e-9)
    assert np.abs(fit.error).max() < 1e-8


def test_rows_weigh_by_the_mean_count_of_their_unit(panel: Panel) -> None:
    means = pd.Series(panel.ree).groupby(panel.unit).mean()
    assert row_weights(panel) == pytest.approx((means / means.mean())[panel.unit].to_numpy())


def test_iv_ppml_solves_its_moments(panel: Panel) -> None:
    fit = iv_ppml(panel)
    ratio = fit.error / row_weights(panel) + 1
    for codes, weights in ((panel.unit, np.ones(panel.rows)), (panel.period, row_weights(panel))):
        means = np.bincount(codes, weights * ratio) / np.bincount(codes, weights)
        assert means == pytest.approx(1.0, abs=1e-8)
    assert fit.instrument @ fit.error == pytest.approx(0.0, abs=1e-7)
    assert moment_at(panel, float(fit.slope[0])).influence.sum() == pytest.approx(0.0, abs=1e-8)


def test_clustered_error_is_the_jackknife(panel: Panel) -> None:
    whole = iv_ppml(panel)
    sums = cluster_influence(whole, panel.cluster)
    groups = panel.cluster.max() + 1
    without = []
    for g in range(groups):
        rows = panel.cluster != g
        part = replace(
            panel,
            ree=panel.ree[rows],
            other=panel.other[rows],
            price=panel.price[:, rows],
            instrument=panel.instrument[:, rows],
            unit=np.unique(panel.unit[rows], return_inverse=True)[1],
            period=panel.period[rows],
            cluster=panel.cluster[rows],
        )
        without.append(iv_ppml(part).slope[0])
    gaps = np.array(without) - whole.slope[0]
    brute = np.sqrt((groups - 1) / groups * (gaps**2).sum())
    assert np.sqrt((sums**2).sum()) == pytest.approx(brute, rel=0.15)
    assert np.corrcoef(-gaps, sums[0])[0, 1] > 0.97


def test_jackknife_of_a_mean_is_exact() -> None:
    rng = np.random.default_rng(5)
    y = rng.normal(size=40)
    cluster = np.repeat(np.arange(8), [2, 3, 4, 5, 5, 6, 7, 8])
    fit = Fit(np.array([y.mean()]), np.ones((1, 40)), np.ones((1, 40)), y - y.mean())
    without = np.array([y[cluster != g].mean() for g in range(8)])
    assert cluster_influence(fit, cluster)[0] * np.sqrt(8 / 7) == pytest.approx(y.mean() - without, abs=1e-12)


def test_a_slope_resting_on_one_cluster_is_refused() -> None:
    fit = Fit(np.zeros(1), np.array([[1.0, -1.0, 0.0]]), np.array([[1.0, -1.0, 0.0]]), np.ones(3))
    with pytest.raises(ValueError, match="one cluster alone"):
        cluster_influence(fit, np.array([0, 0, 1]))


def test_every_sign_pattern_is_tried_with_few_clusters() -> None:
    signs = cluster_signs(6, 999, np.random.default_rng(0))
    assert {tuple(row) for row in signs} == set(itertools.product((-1.0, 1.0), repeat=6))
    assert set(np.round(np.unique(np.abs(cluster_signs(11, 99, np.random.default_rng(0)))), 4)) == {
        0.7071,
        1.0,
        1.2247,
    }


def test_wild_bootstrap_against_a_regression_per_draw() -> None:
    rng = np.random.default_rng(2)
    unit, year = np.divmod(np.arange(6 * 5), 5)
    x, z = rng.normal(size=(2, 30))
    y = 0.5 * x + rng.normal(size=30)
    signs = cluster_signs(6, 64, rng)
    dummies = np.hstack([np.eye(6)[unit], np.eye(5)[year][:, 1:]])
    full = np.column_stack([x, z, dummies])

    def t_value(outcome: np.ndarray) -> float:
        beta, *_ = np.linalg.lstsq(full, outcome, rcond=None)
        residual = outcome - full @ beta
        bread = np.linalg.inv(full.T @ full)
        scores = np.array([(full[unit == g] * residual[unit == g, None]).sum(0) for g in range(6)])
        variance = bread @ scores.T @ scores @ bread
        return abs(beta[0]) / np.sqrt(variance[0, 0])

    restricted = np.column_stack([z, dummies])
    fitted = restricted @ np.linalg.lstsq(restricted, y, rcond=None)[0]
    drawn = [t_value(fitted + row[unit] * (y - fitted)) for row in signs]
    expected = np.mean(np.array(drawn) >= t_value(y) * (1 - 1e-9))
    assert linear_bootstrap(y, x, x, (unit, year), unit, signs, controls=z[None]) == pytest.approx(expected)


def test_bootstrap_with_instruments_does_not_reject_the_truth_too_often() -> None:
    rng = np.random.default_rng(4)
    unit, year = np.divmod(np.arange(20 * 6), 6)
    rejected = []
    for _ in range(150):
        z, u = rng.normal(size=(2, 120))
        u = u + rng.normal(size=20)[unit]
        x = 0.6 * z + 0.7 * u + rng.normal(size=120)
        signs = cluster_signs(20, 99, rng)
        rejected.append(linear_bootstrap(0.4 * x + u, x, z, (unit, year), unit, signs, null=0.4) < 0.05)
    assert np.mean(rejected) < 0.11


def test_bootstrap_of_a_null_is_that_of_zero_on_what_is_left(panel: Panel) -> None:
    y, effects = np.log(1 + panel.ree), (panel.unit, panel.period)
    signs = cluster_signs(panel.cluster.max() + 1, 99, np.random.default_rng(0))
    for z, null in ((panel.price, 0.7), (panel.instrument, 0.5)):
        given = linear_bootstrap(y, panel.price[0], z, effects, panel.cluster, signs, null=null)
        moved = linear_bootstrap(y - null * panel.price[0], panel.price[0], z, effects, panel.cluster, signs)
        assert given == moved
        assert 0.05 < given < 1.0


def test_score_bootstrap_interval_is_symmetric_and_wide_enough() -> None:
    influence = np.random.default_rng(0).normal(size=40)
    signs = cluster_signs(40, 999, np.random.default_rng(1))
    p, (low, high) = score_bootstrap(influence, 3.0, signs)
    assert (low + high) / 2 == pytest.approx(3.0)
    assert 1.5 < (high - 3.0) / np.sqrt((influence**2).sum()) < 2.5
    assert 0 <= p <= 1


def test_anderson_rubin_agrees_with_t_when_strong_and_is_open_when_weak(data: pd.DataFrame) -> None:
    large = replace(SMALL, sectors=10, countries=12, years=18)
    strong = estimate_slope(panel_from_frame(simulate(large, np.random.default_rng(3)).data), draws=0)
    low, high = strong.weak_instrument_interval or (None, None)
    assert low is not None
    assert high is not None
    assert low < strong.slope < high
    assert (high - low) / (strong.interval[1] - strong.interval[0]) == pytest.approx(1.0, abs=0.3)
    noise = np.random.default_rng(8).normal(size=len(data))
    weak = estimate_slope(panel_from_frame(data.assign(quota_exposure=noise)), draws=0)
    assert weak.first_stage_f[0] < 10
    assert weak.weak_instrument_interval is not None
    assert None in weak.weak_instrument_interval
    assert not np.isfinite(weak.best_interval).all()


def test_lags_are_years_not_rows() -> None:
    frame = pd.DataFrame(
        {
            "unit": [0, 0, 0, 0, 1, 1, 1, 1],
            "sector": 0,
            "year": [1, 2, 4, 5, 1, 2, 4, 5],
            "ree_patents": 3.0,
            "other_patents": 9.0,
            "log_price": [1.0, 2.0, 4.0, 5.0, 10.0, 20.0, 40.0, 50.0],
            "quota_exposure": np.arange(8.0),
        }
    )
    panel = panel_from_frame(frame, lags=1)
    assert panel.dropped == {"past years not in the table": 4}
    assert panel.price[0].tolist() == [2.0, 5.0, 20.0, 50.0]
    assert panel.price[1].tolist() == [1.0, 4.0, 10.0, 40.0]


def test_lagged_slopes_add_up_to_the_long_run(panel: Panel) -> None:
    world = replace(SMALL, sectors=10, countries=10, years=18)
    draw = simulate(world, np.random.default_rng(0))
    estimate = estimate_slope(panel_from_frame(draw.data, lags=2), draws=0)
    assert len(estimate.by_lag) == len(estimate.first_stage_f) == 3
    assert estimate.slope == pytest.approx(estimate.by_lag.sum())
    assert abs(estimate.slope - draw.slope[0]) < 3 * estimate.standard_error


def test_uninformative_rows_are_dropped_and_counted(data: pd.DataFrame) -> None:
    changed = data.copy()
    changed.loc[changed.unit == 5, "ree_patents"] = 0
    changed.loc[changed.index[7], "other_patents"] = 0
    panel = panel_from_frame(changed)
    assert panel.dropped["no other patents, so no ratio"] == 1
    assert panel.dropped["unit or year with no rare-earth patent or a single row"] == 10
    assert "5" not in panel.unit_names


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"log_price": np.nan}, "log_price: 240 values are not finite numbers"),
        ({"ree_patents": -1}, "ree_patents: negative count"),
        ({"unit": 1, "year": 1}, "rows repeat a unit and year"),
        ({"ree_patents": 0}, "no row is left"),
    ],
)
def test_bad_panels_are_refused(data: pd.DataFrame, change: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        panel_from_frame(data.assign(**change))


def test_missing_column_names_the_nearest(data: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="did you mean log_prices"):
        panel_from_frame(data.rename(columns={"log_price": "log_prices"}))


def test_instruments_that_do_not_move_the_price_are_refused(data: pd.DataFrame) -> None:
    by_year = data.assign(quota_exposure=data.year.astype(float))
    with pytest.raises(ValueError, match="does not vary within units"):
        iv_ppml(panel_from_frame(by_year))


def test_simulated_research_is_e18_without_shocks() -> None:
    quiet = replace(SMALL, demand_shock=0.0, technology_shock=0.0, price_error=0.0)
    draw = simulate(quiet, np.random.default_rng(0))
    assert draw.data.log_research_ratio.to_numpy() == pytest.approx(
        draw.slope[0] * draw.data.log_price.to_numpy()
    )
    technology = draw.data.log_research_ratio / quiet.zeta
    assert draw.data.log_technology_ratio.to_numpy() == pytest.approx(technology.to_numpy())


def test_simulated_prices_answer_to_demand_and_to_the_quota(data: pd.DataFrame) -> None:
    by_year = data.groupby("year")[["log_price", "quota_exposure"]].mean()
    assert by_year.corr().iloc[0, 1] > 0.7
    calm = simulate(replace(SMALL, quota_depth=0.0, quota_noise=0.0), np.random.default_rng(3)).data
    assert calm.log_price.max() < data.log_price.max()


def test_methods_without_instruments_run_and_others_say_why(data: pd.DataFrame) -> None:
    panel = panel_from_frame(data, instruments=())
    assert estimate_slope(panel, "ppml", draws=0).first_stage_f == ()
    with pytest.raises(ValueError, match="needs an instrument"):
        estimate_slope(panel, "iv_ppml", draws=0)
    assert set(METHODS) == {"iv_ppml", "iv_log", "ppml", "log_plus_one"}


def test_two_clusters_that_mirror_each_other_tell_no_error() -> None:
    # Coverage of 95 % intervals was 74 %, and the first-stage F 2e31: influences of the two cancel out.
    data = simulate(replace(SMALL, sectors=2, countries=1, ree_patents=40.0), np.random.default_rng(0)).data
    with pytest.raises(ValueError, match="neither of the two clusters moves a slope alone"):
        estimate_slope(panel_from_frame(data), draws=0)


def test_two_clusters_of_many_units_have_a_jackknife() -> None:
    data = simulate(replace(SMALL, countries=2, ree_patents=40.0), np.random.default_rng(0)).data
    assert estimate_slope(panel_from_frame(data, cluster="country"), draws=0).jackknife
