"""Each formula of the estimators alone: in plain loops, in closed form, or by another method."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import optimize, stats

from calibration.errors import InputError
from calibration.evidence.elasticities import bootstrap, estimators, fixed_effects, pooling
from calibration.evidence.elasticities.bootstrap import cluster_signs, linear_bootstrap, score_bootstrap
from calibration.evidence.elasticities.estimators import anderson_rubin, estimate_slope, first_stage_f
from calibration.evidence.elasticities.fixed_effects import partial_out
from calibration.evidence.elasticities.inference import Fit, cluster_influence
from calibration.evidence.elasticities.instruments import Variation, conditional_f, variation
from calibration.evidence.elasticities.moments import iv_ppml, moment_at, project
from calibration.evidence.elasticities.panel import Panel, panel_from_frame
from calibration.evidence.elasticities.parameters import SectorElasticity, calibration_text
from calibration.evidence.elasticities.simulate import World, _autoregressive, _clear, _quota_path, simulate
from calibration.load import find, load

SMALL = World(sectors=6, countries=4, years=10, ree_patents=8.0)


@pytest.fixture(scope="module")
def panel() -> Panel:
    return panel_from_frame(simulate(SMALL, np.random.default_rng(3)).data)


# ------------------------------------------------------------------ fixed effects and influence


def test_one_effect_is_taken_out_at_once_and_nothing_of_nothing() -> None:
    column, codes, weights = np.array([1.0, 3.0, 10.0]), np.array([0, 0, 1]), np.array([1.0, 3.0, 2.0])
    assert partial_out(column, (codes,), weights).tolist() == [[-1.5, 0.5, 0.0]]
    assert partial_out(np.zeros((0, 3)), (codes,)).shape == (0, 3)
    assert column.tolist() == [1.0, 3.0, 10.0]


def test_effects_that_do_not_settle_are_said_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fixed_effects, "MAX_SWEEPS", 3)
    rng = np.random.default_rng(0)
    chain = np.arange(40) // 2, (np.arange(40) + 1) // 2  # each effect meets the next in one row: slow
    with pytest.raises(RuntimeError, match="did not settle in 3 sweeps"):
        partial_out(rng.normal(size=(1, 40)), chain)


def test_influence_adds_up_to_the_miss_of_a_linear_slope() -> None:
    rng = np.random.default_rng(1)
    x, noise = rng.normal(size=(2, 50)), rng.normal(size=50)
    slope = np.linalg.solve(x @ x.T, x @ (np.array([0.4, -1.0]) @ x + noise))
    fit = Fit(slope, x, x, noise)  # the error at the truth
    assert fit.influence.sum(1) == pytest.approx(slope - [0.4, -1.0], abs=1e-12)


def test_clusters_of_two_slopes_are_left_out_one_at_a_time() -> None:
    rng = np.random.default_rng(2)
    z, x, error = rng.normal(size=(2, 60)), rng.normal(size=(2, 60)), rng.normal(size=60)
    x += 2 * z
    cluster = np.repeat(np.arange(6), 10)
    found = cluster_influence(Fit(np.zeros(2), z, x, error), cluster)
    for g in range(6):
        kept = cluster != g
        change = np.linalg.solve(z[:, kept] @ x[:, kept].T, z[:, ~kept] @ error[~kept])
        assert found[:, g] == pytest.approx(change * np.sqrt(5 / 6), rel=1e-10)
    with pytest.raises(ValueError, match="at least two clusters"):
        cluster_influence(Fit(np.zeros(2), z, x, error), np.zeros(60, dtype=int))


# ------------------------------------------------------------------ the panel


def frame(**columns: object) -> pd.DataFrame:
    """Two units, three years."""
    base = pd.DataFrame(
        {
            "unit": ["b", "b", "b", "a", "a", "a"], "sector": ["s", "s", "s", "t", "t", "t"],
            "year": [2003, 2001, 2002] * 2, "ree_patents": [3.0, 1, 2, 6, 4, 5], "other_patents": 9.0,
            "log_price": [0.3, 0.1, 0.2, 0.6, 0.4, 0.5], "quota_exposure": [3.0, 1, 2, 60, 40, 50],
        }
    )  # fmt: skip
    return base.assign(**columns)


def test_rows_are_sorted_and_coded_and_clusters_are_units_unless_named() -> None:
    found = panel_from_frame(frame())
    assert found.ree.tolist() == [4, 5, 6, 1, 2, 3]
    assert found.unit.tolist() == found.cluster.tolist() == [0, 0, 0, 1, 1, 1]
    assert found.sector.tolist() == [1, 1, 1, 0, 0, 0]
    assert found.period.tolist() == [0, 1, 2, 0, 1, 2]
    assert (found.unit_names, found.sector_names, found.rows) == (("a", "b"), ("s", "t"), 6)
    assert found.price.tolist() == [[0.4, 0.5, 0.6, 0.1, 0.2, 0.3]]
    assert found.instrument.tolist() == [[40, 50, 60, 1, 2, 3]]
    assert found.dropped == {}
    by_year = panel_from_frame(frame(), cluster="year", instruments=("quota_exposure", "log_price"))
    assert by_year.cluster.tolist() == [0, 1, 2, 0, 1, 2]
    assert by_year.instrument.shape == (2, 6)
    assert panel_from_frame(frame(), instruments=()).instrument.shape == (0, 6)


def test_units_that_share_their_sectors_instrument_are_one_cluster() -> None:
    """Each unit copies the sector's instrument: sectors are what varies. A difference anywhere makes units clusters."""
    alike = pd.concat([frame(), frame(unit=["d"] * 3 + ["c"] * 3)], ignore_index=True)
    found = panel_from_frame(alike)
    assert found.clustered_by == "sector"
    assert found.cluster.tolist() == found.sector.tolist()
    assert panel_from_frame(alike, cluster="unit").cluster.tolist() == found.unit.tolist()
    other_price = alike.assign(log_price=np.arange(12.0))
    assert panel_from_frame(other_price).clustered_by == "sector"
    assert panel_from_frame(other_price, instruments=()).clustered_by == "unit"
    assert panel_from_frame(alike, instruments=()).clustered_by == "sector"
    differs = alike.copy()
    differs.loc[7, "quota_exposure"] += 1e-3
    assert panel_from_frame(differs).clustered_by == "unit"
    assert panel_from_frame(frame()).clustered_by == "unit"  # one unit a sector
    assert panel_from_frame(alike.assign(sector="s", quota_exposure=alike["year"])).clustered_by == "unit"


def test_paths_of_the_instrument_and_the_series_they_are_made_of() -> None:
    rng = np.random.default_rng(0)
    quota, other, loading = rng.normal(size=8), rng.normal(size=8), np.array([0.5, 1.0, 1.5, 1.5])

    def of(paths: np.ndarray, missing: int = 0) -> Variation | None:
        units, years = paths.shape
        unit, year = np.divmod(np.arange(units * years), years)
        table = pd.DataFrame(
            {
                "unit": unit, "sector": unit, "year": year, "ree_patents": 3.0, "other_patents": 9.0,
                "log_price": rng.normal(size=paths.size), "quota_exposure": paths.ravel(),
            }
        )  # fmt: skip
        return variation(panel_from_frame(table.drop(index=range(missing))))

    one = loading[:, None] * quota
    assert of(one) == Variation(3, 1)
    assert of(one, missing=2) == Variation(3, 1)
    assert of(one + np.array([0, 1, 0, 1])[:, None] * other) == Variation(4, 2)
    assert of(rng.normal(size=(5, 8))) == Variation(5, 5)
    assert variation(panel_from_frame(frame(), instruments=())) is None


def test_a_unit_lies_in_one_sector() -> None:
    wrong = frame()
    wrong.loc[1, "sector"] = "t"
    with pytest.raises(InputError, match="1 units lie in several sectors, first b in s, t"):
        panel_from_frame(wrong)
    with pytest.raises(InputError, match="the panel has no rows"):
        panel_from_frame(frame().iloc[:0])


def test_lags_of_instruments_follow_their_instrument() -> None:
    found = panel_from_frame(frame(), lags=1, instruments=("quota_exposure", "log_price"))
    assert found.price.tolist() == [[0.5, 0.6, 0.2, 0.3], [0.4, 0.5, 0.1, 0.2]]
    assert found.instrument[:2].tolist() == [[50, 60, 2, 3], [40, 50, 1, 2]]
    assert found.instrument[2:].tolist() == found.price.tolist()
    assert found.period.tolist() == [0, 1, 0, 1]
    assert found.dropped == {"past years not in the table": 2}


def test_one_wrong_value_is_enough() -> None:
    for column, value, message in (
        ("ree_patents", -0.1, "ree_patents: negative count"),
        ("other_patents", -3.0, "other_patents: negative count"),
        ("log_price", np.inf, "log_price: 1 values are not finite numbers"),
        ("quota_exposure", np.nan, "quota_exposure: 1 values are not finite numbers"),
    ):
        wrong = frame()
        wrong.loc[2, column] = value
        with pytest.raises(InputError, match=message):
            panel_from_frame(wrong)
    wrong = frame()
    wrong.loc[1, "year"] = 2003
    with pytest.raises(InputError, match="1 rows repeat a unit and year, first b in 2003"):
        panel_from_frame(wrong)


def test_rows_that_say_nothing_fall_away_until_none_is_left() -> None:
    """A unit without patents; then a year that only that unit and one other had; each counted once."""
    table = pd.DataFrame(
        {
            "unit": ["a", "a", "a", "b", "b", "c", "c"], "sector": "s", "year": [1, 2, 3, 1, 2, 3, 4],
            "ree_patents": [1.0, 2, 3, 4, 5, 0, 0], "other_patents": [5.0, 5, 5, 5, 5, 5, 5],
            "log_price": [1.0, 2, 3, 4, 6, 1, 7], "quota_exposure": [1.0, 2, 3, 4, 6, 1, 7],
        }
    )  # fmt: skip
    found = panel_from_frame(table)
    assert (found.unit_names, found.rows) == (("a", "b"), 4)
    assert found.dropped == {"unit or year with no rare-earth patent or a single row": 3}
    assert found.take(np.ones(4, bool), "nothing") is found
    table.loc[0, "other_patents"] = 0.0
    with pytest.raises(InputError, match="no row is left that could move the slope"):
        panel_from_frame(table)


# ------------------------------------------------------------------ bootstraps


@pytest.mark.parametrize(
    ("clusters", "draws", "kind"),
    [(6, 64, "all"), (6, 63, "webb"), (11, 500, "webb"), (12, 500, "signs"), (2, 4, "all")],
)
def test_weights_are_all_patterns_or_webb_or_signs(clusters: int, draws: int, kind: str) -> None:
    weights = cluster_signs(clusters, draws, np.random.default_rng(0))
    assert weights.shape == ((2**clusters if kind == "all" else draws), clusters)
    values = np.unique(np.round(weights**2, 12)).tolist()
    assert values == ([0.5, 1.0, 1.5] if kind == "webb" else [1.0])
    assert np.abs(weights.mean()) < 0.1
    with pytest.raises(ValueError, match="at least two"):
        cluster_signs(1, draws, np.random.default_rng(0))


def test_score_bootstrap_in_loops() -> None:
    influence, slope = np.array([0.3, -0.5, 0.2, 0.9, -0.1]), 1.3
    signs = cluster_signs(5, 99, np.random.default_rng(0))
    size = math.sqrt(sum(v**2 for v in influence))
    drawn = sorted(abs(sum(s * v for s, v in zip(row, influence, strict=True))) / size for row in signs)
    p, (low, high) = score_bootstrap(influence, slope, signs, 0.9)
    assert p == pytest.approx(sum(t >= slope / size * (1 - 1e-9) for t in drawn) / 32)
    assert 0 < p < 1
    width = float(np.quantile(drawn, 0.9)) * size
    assert (low, high) == pytest.approx((slope - width, slope + width))
    # Webb's weights differ in size: each draw has a deviation of its own.
    webb = cluster_signs(5, 20, np.random.default_rng(0))
    of_each = [
        abs(sum(s * v for s, v in zip(row, influence, strict=True)))
        / math.sqrt(sum((s * v) ** 2 for s, v in zip(row, influence, strict=True)))
        for row in webb
    ]
    p, _ = score_bootstrap(influence, 0.4, webb)
    assert p == pytest.approx(np.mean(np.array(of_each) >= 0.4 / size))


def test_a_p_value_counts_ties_and_is_never_zero() -> None:
    drawn = np.array([1.0, 2.0, 3.0, 3.0])
    assert bootstrap._p_value(drawn, 3.0) == 0.5
    assert bootstrap._p_value(drawn, 3.0 * (1 + 1e-10)) == 0.5  # to rounding
    assert bootstrap._p_value(drawn, 3.1) == 0.2
    assert bootstrap._p_value(drawn, 0.5) == 1.0


def test_wild_bootstrap_with_instruments_is_that_of_davidson_and_mackinnon_in_loops() -> None:
    rng = np.random.default_rng(7)
    unit, year = np.divmod(np.arange(6 * 5), 5)
    z, u = rng.normal(size=(2, 30))
    x = 0.8 * z + 0.5 * u + rng.normal(size=30)
    y, null = 0.3 * x + u, 0.1
    dummies = np.hstack([np.eye(6)[unit], np.eye(5)[year][:, 1:]])
    signs = cluster_signs(6, 64, rng)

    def residual(of: np.ndarray, on: np.ndarray) -> np.ndarray:
        return of - on @ np.linalg.lstsq(on, of, rcond=None)[0]

    def t_value(outcome: np.ndarray, price: np.ndarray) -> float:
        first = np.column_stack([z, dummies])
        fitted = residual(price - residual(price, first), dummies)
        slope = fitted @ outcome / (fitted @ price)
        error = residual(outcome - slope * price, dummies)
        scores = [(fitted[unit == g] * error[unit == g]).sum() for g in range(6)]
        return (slope - null) / (math.sqrt(sum(s**2 for s in scores)) / abs(fitted @ price))

    restricted = residual(y - null * x, dummies)
    first = np.column_stack([z, restricted, dummies])
    coefficients = np.linalg.lstsq(first, x, rcond=None)[0]
    fitted = first @ coefficients - coefficients[1] * restricted
    reduced = x - fitted
    drawn = []
    for row in signs:
        price = fitted + row[unit] * reduced
        drawn.append(abs(t_value(null * price + row[unit] * restricted, price)))
    wanted = np.mean(np.array(drawn) >= abs(t_value(y, x)) * (1 - 1e-9))
    found = linear_bootstrap(y, x, z, (unit, year), unit, signs, null=null)
    assert found == pytest.approx(wanted)
    assert 0.05 < found < 1


def test_draws_in_parts_are_the_draws(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    y, effects = np.log(1 + panel.ree), (panel.unit, panel.period)
    signs = cluster_signs(panel.cluster.max() + 1, 25, np.random.default_rng(0))
    arguments = y, panel.price[0], panel.instrument, effects, panel.cluster, signs, 0.5
    whole = linear_bootstrap(*arguments)
    monkeypatch.setattr(bootstrap, "CHUNK", 7)
    assert linear_bootstrap(*arguments) == whole


# ------------------------------------------------------------------ the slope and its inference


def test_the_summary_is_the_students_t_of_the_clusters(panel: Panel) -> None:
    found = estimate_slope(panel, "iv_ppml", draws=0, level=0.9)
    groups = panel.cluster.max() + 1
    assert found.clusters == groups
    without = [iv_ppml(panel.take(panel.cluster != g, "out")).slope[0] for g in range(groups)]
    error = math.sqrt((groups - 1) / groups * sum((b - found.slope) ** 2 for b in without))
    assert found.jackknife
    assert found.covariance == pytest.approx(np.array([[error**2]]))
    assert found.standard_error == pytest.approx(error)
    width = stats.t(groups - 1).ppf(0.95) * found.standard_error
    assert found.interval == pytest.approx((found.slope - width, found.slope + width))
    assert found.p_value == pytest.approx(
        2 * stats.t(groups - 1).cdf(-abs(found.slope) / found.standard_error)
    )
    assert (found.rows, found.units) == (panel.rows, 24)
    assert found.zeros == pytest.approx(sum(c == 0 for c in panel.ree) / panel.rows)
    assert found.bootstrap_p_value is found.bootstrap_interval is None


def test_a_slope_and_its_negative_are_as_far_from_none(panel: Panel) -> None:
    found = estimate_slope(panel, "log_plus_one", draws=0)
    turned = estimate_slope(replace(panel, price=-panel.price), "log_plus_one", draws=0)
    assert turned.slope == pytest.approx(-found.slope)
    assert turned.p_value == pytest.approx(found.p_value)
    assert 0 < turned.p_value < 1


@pytest.mark.parametrize("slope", [1.0, -1.0])
@pytest.mark.parametrize("method", ["iv_ppml", "iv_log", "ppml"])
def test_an_exact_fit_of_either_sign_leaves_nothing_to_test_against(
    panel: Panel, method: str, slope: float
) -> None:
    exact = replace(panel, ree=8.0 * np.exp(slope * panel.price[0]), other=np.full(panel.rows, 64.0))
    with pytest.raises(ValueError, match="fitted without error"):
        estimate_slope(exact, method, draws=0)


@pytest.mark.parametrize("method", ["log_plus_one", "iv_log"])
def test_the_jackknife_estimates_effects_again(panel: Panel, method: str) -> None:
    """Least squares and 2SLS on dummies without each sector."""
    of = replace(panel, cluster=panel.sector).take(panel.ree > 0, "no log")
    shift = 1.0 if method == "log_plus_one" else 0.0
    y = np.log((of.ree + shift) / (of.other + shift))
    z = of.price[0] if method == "log_plus_one" else of.instrument[0]

    def slope(rows: np.ndarray) -> float:
        dummies = np.hstack([np.eye(24)[of.unit[rows]], np.eye(10)[of.period[rows]]])
        flat = z[rows] - dummies @ np.linalg.lstsq(dummies, z[rows], rcond=None)[0]
        return float(flat @ y[rows] / (flat @ of.price[0][rows]))

    whole = slope(np.ones(of.rows, bool))
    gaps = [slope(of.cluster != g) - whole for g in range(6)]
    found = estimate_slope(of, method, draws=0)
    assert found.jackknife
    assert found.standard_error == pytest.approx(math.sqrt(5 / 6 * sum(g**2 for g in gaps)), rel=1e-6)
    fit = estimators._SOLVERS[method](of)
    assert math.sqrt((cluster_influence(fit, of.cluster) ** 2).sum()) < 0.95 * found.standard_error


def test_with_many_clusters_or_without_an_estimate_the_jackknife_is_to_first_order(
    panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = estimate_slope(panel, "iv_ppml", draws=0)
    monkeypatch.setattr(estimators, "REFITTED", 23)
    found = estimate_slope(panel, "iv_ppml", draws=0)
    sums = cluster_influence(iv_ppml(panel), panel.cluster)
    assert not found.jackknife
    assert found.covariance == pytest.approx(sums @ sums.T)
    assert found.standard_error < exact.standard_error
    assert found.slope == exact.slope
    # Two clusters, of which one alone has no slope: years are all it has.
    alone = replace(panel, cluster=(panel.unit > 0).astype(np.intp))
    assert estimators.jackknife(alone, "iv_ppml", exact.slope) is None


@pytest.mark.parametrize("method", ["ppml", "iv_ppml"])
def test_errors_to_first_order_are_near_those_of_estimates_without_each_cluster(
    panel: Panel, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """24 clusters of 10 rows: first order leaves out that years are estimated again, a tenth of the error at most."""
    exact = estimate_slope(panel, method, draws=0)
    monkeypatch.setattr(estimators, "REFITTED", 23)
    found = estimate_slope(panel, method, draws=0)
    assert exact.jackknife
    assert not found.jackknife
    assert found.standard_error == pytest.approx(exact.standard_error, rel=0.1)


def test_two_clusters_are_enough_and_one_is_not(panel: Panel) -> None:
    two = replace(panel, cluster=panel.unit % 2)
    found = estimate_slope(two, "log_plus_one", draws=0)
    assert found.clusters == 2
    without = [estimators._naive(two.take(two.cluster != g, "out")).slope[0] for g in (0, 1)]
    # sqrt(1/2 of the squares), and Student's t with one degree of freedom, whose 97.5 % quantile is 12.7062
    error = math.sqrt(sum((b - found.slope) ** 2 for b in without) / 2)
    assert found.standard_error == pytest.approx(error)
    assert found.interval[1] - found.slope == pytest.approx(12.7062 * error, rel=1e-5)
    with pytest.raises(ValueError, match="at least two clusters"):
        estimate_slope(replace(panel, cluster=np.zeros_like(panel.unit)), "log_plus_one")


def test_a_slope_of_the_other_sign_is_as_far_from_zero(panel: Panel) -> None:
    for method in ("iv_ppml", "log_plus_one"):
        up = estimate_slope(panel, method, draws=19)
        down = estimate_slope(replace(panel, price=-panel.price), method, draws=19)
        assert down.slope == pytest.approx(-up.slope, abs=1e-9)
        assert down.p_value == pytest.approx(up.p_value, rel=1e-6)
        assert down.interval == pytest.approx((-up.interval[1], -up.interval[0]), abs=1e-8)
        assert down.bootstrap_p_value == up.bootstrap_p_value


def test_the_bootstrap_of_a_method_is_its_own(panel: Panel) -> None:
    groups, draws = panel.cluster.max() + 1, 49
    signs = cluster_signs(groups, draws, np.random.default_rng(5))
    naive = estimate_slope(panel, "log_plus_one", draws=draws, seed=5)
    outcome = np.log(1 + panel.ree) - np.log(1 + panel.other)
    effects = panel.unit, panel.period
    wanted = linear_bootstrap(outcome, panel.price[0], panel.price, effects, panel.cluster, signs)
    assert naive.bootstrap_p_value == wanted
    assert naive.first_stage_f == ()
    positive = panel.take(panel.ree > 0, "no log")
    logs = estimate_slope(panel, "iv_log", draws=draws, seed=5)
    wanted = linear_bootstrap(
        np.log(positive.ree / positive.other), positive.price[0], positive.instrument,
        (positive.unit, positive.period), positive.cluster, signs,
    )  # fmt: skip
    assert logs.bootstrap_p_value == wanted
    counts = estimate_slope(panel, "iv_ppml", draws=draws, seed=5)
    sums = cluster_influence(iv_ppml(panel), panel.cluster).sum(0)
    p, interval = score_bootstrap(sums, counts.slope, signs)
    assert (counts.bootstrap_p_value, counts.bootstrap_interval) == (p, pytest.approx(interval))


def test_first_stage_f_is_the_squared_t_of_one_instrument(
    panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By least squares on dummies without each cluster; and to first order, by the formula."""
    groups = panel.cluster.max() + 1

    def coefficients(rows: np.ndarray, instrument: np.ndarray) -> np.ndarray:
        dummies = np.hstack([np.eye(24)[panel.unit[rows]], np.eye(10)[panel.period[rows]]])
        x = np.column_stack([instrument[:, rows].T, dummies])
        return np.linalg.lstsq(x, panel.price[0][rows], rcond=None)[0][: len(instrument)]

    def wald(instrument: np.ndarray) -> float:
        whole = coefficients(np.ones(panel.rows, bool), instrument)
        gaps = np.array([coefficients(panel.cluster != g, instrument) - whole for g in range(groups)])
        return whole @ np.linalg.solve((groups - 1) / groups * gaps.T @ gaps, whole)

    assert first_stage_f(panel) == pytest.approx((wald(panel.instrument),), rel=1e-6)
    # Two instruments: the mean over both of a Wald test.
    other = np.random.default_rng(0).normal(size=panel.rows)
    two = replace(panel, instrument=np.vstack([panel.instrument, other]))
    assert first_stage_f(two) == pytest.approx((wald(two.instrument) / 2,), rel=1e-6)
    exact = first_stage_f(panel)[0]
    monkeypatch.setattr(estimators, "REFITTED", 23)
    z, x = (partial_out(v, (panel.unit, panel.period))[0] for v in (panel.instrument, panel.price))
    coefficient = z @ x / (z @ z)
    error = x - coefficient * z
    parts = []
    for g in range(groups):
        kept = panel.cluster != g
        parts.append((z[~kept] * error[~kept]).sum() / (z[kept] @ z[kept]))
    variance = (groups - 1) / groups * sum(part**2 for part in parts)
    assert first_stage_f(panel) == pytest.approx((coefficient**2 / variance,))
    assert first_stage_f(panel)[0] > exact


def test_the_ends_of_anderson_and_rubin_are_just_not_rejected() -> None:
    large = World(sectors=8, countries=6, years=12, ree_patents=12.0)
    data = panel_from_frame(simulate(large, np.random.default_rng(3)).data)
    found = estimate_slope(data, draws=0, level=0.9)
    low, high = anderson_rubin(data, found.slope, found.standard_error, 0.9)
    assert found.weak_instrument_interval == (low, high)
    assert found.best_interval == (low, high)
    assert low < found.slope < high
    groups = data.cluster.max() + 1
    for end in (low, high):
        fit = moment_at(data, end)
        sums = cluster_influence(fit, data.cluster)[0]
        t = abs(fit.influence.sum()) / math.sqrt((sums**2).sum())
        assert t == pytest.approx(stats.t(groups - 1).ppf(0.95), rel=1e-4)


def test_with_seven_clusters_anderson_and_rubin_could_reject_nothing() -> None:
    """The statistic of seven equal parts, the largest there is, is the critical value; so none is given below 12."""
    fit = Fit(np.zeros(1), np.ones((1, 70)), np.ones((1, 70)), np.ones(70))
    largest = fit.influence.sum() / math.sqrt(
        (cluster_influence(fit, np.repeat(np.arange(7), 10)) ** 2).sum()
    )
    assert largest == pytest.approx(math.sqrt(6))
    assert largest < stats.t(6).ppf(0.975) * 1.002
    for sectors, given in ((11, False), (12, True)):
        world = World(sectors=sectors, countries=1, years=12, ree_patents=20.0)
        found = estimate_slope(panel_from_frame(simulate(world, np.random.default_rng(0)).data), draws=0)
        assert found.clusters == sectors
        assert (found.weak_instrument_interval is not None) == given
        assert given or found.best_interval == found.interval


def test_a_scan_finds_the_interval_of_the_search_without_a_slope_to_start_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    large = World(sectors=8, countries=6, years=12, ree_patents=12.0)
    data = panel_from_frame(simulate(large, np.random.default_rng(3)).data)
    found = estimate_slope(data, draws=0)
    low, high = found.weak_instrument_interval
    scanned = estimators.anderson_rubin_scan(data)
    grid = 0.99 * estimators.LARGEST_EXPONENT / np.ptp(data.price)
    points = np.sinh(np.linspace(-1, 1, 81) * np.arcsinh(100 * grid)) / 100
    inside = points[(points > low) & (points < high)]
    assert scanned == pytest.approx((inside[0], inside[-1]))
    monkeypatch.setattr(estimators, "_excess", lambda *_: -1.0)
    assert estimators.anderson_rubin_scan(data) == (None, None)
    monkeypatch.setattr(estimators, "_excess", lambda *_: 1.0)
    assert estimators.anderson_rubin_scan(data) is None


@pytest.mark.parametrize(
    ("open_ends", "best"),
    [(None, (0.1, 0.3)), ((None, 0.4), (-math.inf, 0.4)), ((-0.1, None), (-0.1, math.inf))],
)
def test_the_best_interval_may_be_open(panel: Panel, open_ends: tuple, best: tuple) -> None:
    found = estimate_slope(panel, "log_plus_one", draws=0)
    assert found.weak_instrument_interval is None
    assert replace(found, interval=(0.1, 0.3), weak_instrument_interval=open_ends).best_interval == best


def test_an_interval_without_ends_stops_where_patents_would_differ_beyond_reason(panel: Panel) -> None:
    """Where nothing is rejected, the search ends at a slope that moves a unit's patents exp(50)-fold."""
    asked: list[float] = []
    error = 1e-3 * np.random.default_rng(0).normal(size=panel.rows)

    def never(of: Panel, beta: float) -> Fit:
        asked.append(beta)
        ones = np.ones((1, of.rows))
        return Fit(np.zeros(1), ones, ones, error)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(estimators, "moment_at", never)
        patch.setattr(estimators, "cluster_influence", lambda fit, cluster: np.full((1, 5), 1e6))
        assert anderson_rubin(panel, 0.2, 0.1) == (None, None)
    furthest = 50 / np.ptp(panel.price)
    assert max(np.abs(asked)) < furthest < 2.0 * max(np.abs(asked))
    steps = np.diff([0.2, *sorted(b for b in asked if b > 0.2)])
    assert steps == pytest.approx(0.1 * 1.8 ** np.arange(len(steps)))


def test_projection_is_two_stage_least_squares_first_stage(panel: Panel) -> None:
    rng = np.random.default_rng(0)
    z = np.vstack([panel.instrument, rng.normal(size=panel.rows)])
    dummies = np.hstack(
        [np.eye(panel.unit.max() + 1)[panel.unit], np.eye(panel.period.max() + 1)[panel.period]]
    )
    full = np.column_stack([z.T, dummies])
    fitted = full @ np.linalg.lstsq(full, panel.price[0], rcond=None)[0]
    fitted -= dummies @ np.linalg.lstsq(dummies, fitted, rcond=None)[0]
    assert project(panel, panel.price, z)[0] == pytest.approx(fitted, abs=1e-8)
    with pytest.raises(ValueError, match="2 slopes need at least as many instruments, not 1"):
        iv_ppml(panel, np.vstack([panel.price, z[1]]), panel.instrument)
    for unit in (1e-6, 1.0, 1e6):  # in any unit of the price
        np.testing.assert_allclose(project(panel, unit * panel.price, z)[0], unit * fitted, atol=1e-7 * unit)
        with pytest.raises(ValueError, match="do not move every column"):
            project(panel, unit * np.vstack([panel.price, panel.price]), z)


def test_iv_ppml_finds_its_slope_from_anywhere(panel: Panel) -> None:
    here = iv_ppml(panel)
    assert iv_ppml(panel, start=here.slope + 2.0).slope == pytest.approx(here.slope, abs=1e-9)
    near = iv_ppml(panel, start=here.slope)
    assert near.slope == pytest.approx(here.slope, abs=1e-9)


# ------------------------------------------------------------------ pooling


def test_serial_covariance_is_that_of_newey_and_west_in_loops(panel: Panel) -> None:
    rng = np.random.default_rng(3)
    influence = rng.normal(size=(2, panel.rows))
    years = panel.period.max() + 1
    bandwidth = max(1, int(4 * (years / 100) ** (2 / 9)))
    assert bandwidth == 2
    wanted = np.zeros((2, 2))
    for a in range(panel.rows):
        for b in range(panel.rows):
            lag = abs(int(panel.period[a]) - int(panel.period[b]))
            if panel.unit[a] == panel.unit[b] and lag <= bandwidth:
                wanted += (1 - lag / (bandwidth + 1)) * np.outer(influence[:, a], influence[:, b])
    wanted *= panel.rows / (panel.rows - 24 - years - 2)
    assert pooling._serial_covariance(influence, panel) == pytest.approx(wanted, rel=1e-10)


def test_rows_that_are_not_there_are_nobodys_neighbours() -> None:
    unit, period = np.array([0, 0, 1, 1, 1]), np.array([0, 2, 0, 1, 2])
    of = SimpleNamespace(unit=unit, cluster=unit, period=period, unit_names=("a", "b"), rows=5)
    influence = np.array([[1.0, 10.0, 2.0, 3.0, 4.0]])
    cross = 2 * 3 + 3 * 4  # neighbours in years; the first unit's two rows are two years apart
    wanted = ((influence**2).sum() + 0.5 * 2 * cross) * 5 / (5 - 2 - 3 - 1)
    assert pooling._serial_covariance(influence, of)[0, 0] == pytest.approx(wanted)


def test_rows_of_a_cluster_and_year_are_one(panel: Panel) -> None:
    """What countries of a sector share in a year does not average out."""
    influence = np.random.default_rng(3).normal(size=(1, panel.rows))
    by_sector = replace(panel, cluster=panel.sector)
    years, sectors = panel.period.max() + 1, panel.sector.max() + 1
    total = np.zeros((sectors, years))
    np.add.at(total, (panel.sector, panel.period), influence[0])
    wanted = sum(
        max(0.0, 1 - abs(t - u) / 3) * total[s, t] * total[s, u]
        for s in range(sectors) for t in range(years) for u in range(years)
    )  # fmt: skip
    wanted *= panel.rows / (panel.rows - 24 - years - 1)
    assert pooling._serial_covariance(influence, by_sector)[0, 0] == pytest.approx(wanted)


def test_the_conditional_f_is_that_of_sanderson_and_windmeijer() -> None:
    """Two prices, three instruments, errors of one size: by their own formula, residuals of 2SLS on all instruments."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(3, 400))
    x = np.array([[0.5, 0.2, 0.0], [0.4, 0.3, 0.1]]) @ z + rng.normal(size=(2, 400))

    def plain(fit: Fit) -> np.ndarray:
        return np.linalg.inv(fit.instrument @ fit.response.T) * (fit.error @ fit.error) / 400

    fitted = np.linalg.lstsq(z.T, x.T, rcond=None)[0].T @ z
    wanted = []
    for one, other in ((0, 1), (1, 0)):
        left = x[one] - (fitted[other] @ x[one]) / (fitted[other] @ x[other]) * x[other]
        explained = z.T @ np.linalg.lstsq(z.T, left, rcond=None)[0]
        wanted.append((explained @ explained) / ((left - explained) @ (left - explained) / 400) / (3 - 1))
    assert conditional_f(x, z, plain) == pytest.approx(wanted)
    # Each price is moved, but by the same instrument: together they are not.
    together = np.array([[0.5], [0.4]]) * z[0] + 0.3 * rng.normal(size=(2, 400))
    alone = [conditional_f(row[None], z, plain)[0] for row in together]
    assert min(alone) > 100
    assert max(conditional_f(together, z, plain)) < 5


def test_a_sector_without_a_first_stage_is_seen() -> None:
    """Four sectors with instruments of their own; that of the last is noise."""
    rng = np.random.default_rng(1)
    unit, year = np.divmod(np.arange(24 * 16), 16)
    sector = unit % 4
    z = rng.normal(size=unit.size)
    price = np.where(sector < 3, z, 0.0) + 0.5 * rng.normal(size=unit.size)
    table = pd.DataFrame(
        {
            "unit": unit, "sector": sector, "year": year, "other_patents": 400.0, "log_price": price,
            "quota_exposure": z, "ree_patents": rng.poisson(20 * np.exp(0.3 * price)).astype(float),
        }
    )  # fmt: skip
    f = pooling.slopes_by_sector(panel_from_frame(table)).first_stage_f
    assert f[:3].min() > 50
    assert f[3] < 10


@pytest.mark.parametrize(("countries", "clustered"), [(5, True), (4, False)])
def test_sectors_are_clustered_from_five_clusters_on(countries: int, clustered: bool) -> None:
    world = World(epsilon=0.4, sectors=3, countries=countries, years=12, ree_patents=30.0)
    data = panel_from_frame(simulate(world, np.random.default_rng(1)).data)
    found = pooling.slopes_by_sector(data)
    member = np.array([data.sector == s for s in range(3)])
    estimate = iv_ppml(data, member * data.price[0], member * data.instrument[0])
    assert found.slope == pytest.approx(estimate.slope)
    sums = cluster_influence(estimate, data.cluster)
    wanted = sums @ sums.T if clustered else pooling._serial_covariance(estimate.influence, data)
    assert found.covariance == pytest.approx(wanted)
    assert found.clusters.tolist() == [countries] * 3


def test_the_shift_given_the_scatter_is_generalised_least_squares() -> None:
    covariance = np.array([[0.04, 0.01, 0.0], [0.01, 0.09, 0.02], [0.0, 0.02, 0.01]])
    gap, tau = np.array([0.3, -0.1, 0.2]), 0.25
    piece = pooling._given_scatter(tau, gap, covariance, np.ones((3, 1)))
    total = covariance + tau**2 * np.eye(3)
    weight = np.linalg.solve(total, np.ones(3))
    assert piece.shift == pytest.approx(weight @ gap / weight.sum())
    assert piece.shift_variance == pytest.approx(1 / weight.sum())
    # theta and the data are jointly normal with a shift of very wide prior: conditioning, no formula in common.
    wide = 1e3
    prior = tau**2 * np.eye(3) + wide
    gain = prior @ np.linalg.inv(prior + covariance)
    assert piece.mean == pytest.approx(gain @ gap, abs=1e-4)
    assert piece.variance == pytest.approx(np.diag(prior - gain @ prior), abs=1e-4)
    assert piece.own_weight == pytest.approx(np.diag(tau**2 * np.linalg.inv(total)))
    density = stats.multivariate_normal(np.zeros(3), total + wide)
    base = pooling._given_scatter(0.1, gap, covariance, np.ones((3, 1)))
    other = stats.multivariate_normal(np.zeros(3), covariance + 0.01 * np.eye(3) + wide)
    ratio = density.logpdf(gap) - other.logpdf(gap)
    assert piece.log_density - base.log_density == pytest.approx(ratio, abs=1e-3)


def test_pooling_has_limits_and_says_so() -> None:
    assert pooling.normal_interval(1.0, 2.0, 0.9) == pytest.approx((1 - 2 * 1.6448536, 1 + 2 * 1.6448536))
    with pytest.raises(ValueError, match="at least two sectors"):
        pooling.shrink(np.ones(1), np.eye(1), np.ones(1))
    pooling.shrink(np.ones(2), np.eye(2), np.ones(2))
    narrow = pooling.shrink(np.array([0.0, 4.0]), 1e-4 * np.eye(2), np.zeros(2), widest=0.2)
    assert 0.15 < narrow.between_deviation < 0.2
    for widest in (1.0, 3.0):  # data that say nothing leave the scatter uniform on 0 to the widest
        nothing = pooling.shrink(np.array([0.2, 0.7]), 1e12 * np.eye(2), np.zeros(2), widest=widest)
        assert nothing.between_deviation == pytest.approx(widest / 2, rel=1e-6)
    fixed = pooling.shrink(np.array([0.5, 0.7]), 0.01 * np.eye(2), np.zeros(2), learn_shift=False)
    assert (fixed.shift, fixed.shift_error) == (0.0, 0.0)


# ------------------------------------------------------------------ simulated markets


def cleared(world: World, epsilon, weights, dependence, value, size, limit, demand, knowledge, cost):
    """ln prices of one year (u,), by a root finder on one element cost each, a licence and users' quantities."""
    users, elements = weights.shape
    kilos = weights * size[:, None] / value
    tied = dependence[:, None] * kilos
    rho = world.element_elasticity

    def year(at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        marginal, licence, own = at[:elements], at[elements], at[elements + 1 :]
        price, left = np.zeros(users), []
        bought = np.zeros((users, elements))
        for u in range(users):
            to_user = [
                math.exp(marginal[e]) + dependence[u] * licence / value[e] for e in range(elements)
            ]  # of a base price of 1
            index = sum(weights[u, e] * to_user[e] ** (1 - rho) for e in range(elements)) ** (1 / (1 - rho))
            price[u] = math.log(index) + world.local_price_slope * own[u]
            # E15-E17 as two equations.
            gap = 1 - epsilon[u]
            r = np.linalg.solve(
                [[1.0, gap], [-1 / world.zeta, 1.0]], [gap * price[u] + demand[u], knowledge[u]]
            )
            quantity = -epsilon[u] * price[u] - gap * r[1] + demand[u]
            left.append(quantity - own[u])
            for e in range(elements):
                bought[u, e] = math.exp(quantity) * (to_user[e] / index) ** -rho
        for e in range(elements):
            total = math.log((kilos[:, e] * bought[:, e]).sum() / kilos[:, e].sum())
            left.append(world.supply_elasticity * (marginal[e] - cost[e]) - total)
        slack = limit - math.log((tied * bought).sum() / tied.sum())
        left.append(licence + 30 * slack - math.hypot(licence, 30 * slack))  # one of the two is 0
        return np.array(left), price

    found = optimize.root(lambda at: year(at)[0], np.r_[np.zeros(elements), 5.0, np.zeros(users)], tol=1e-11)
    assert found.success, found.message
    return year(found.x)[1], found.x[elements]


def test_simulated_markets_clear_as_a_root_finder_has_them() -> None:
    rng = np.random.default_rng(0)
    years, users, elements = 4, 5, 3
    world = World(zeta=1.7, element_elasticity=0.35, supply_elasticity=0.8, local_price_slope=0.25)
    epsilon = rng.uniform(0.2, 0.7, users)
    weights, dependence = rng.dirichlet(np.ones(elements), users), rng.uniform(0.1, 0.9, users)
    value, size = np.array([5.0, 30.0, 80.0]), rng.uniform(0.5, 2, users)
    limit = np.array([-0.8, -0.3, 0.1, 0.6])
    demand, knowledge = rng.normal(0, 0.2, (2, years, users))
    cost = rng.normal(0, 0.15, (years, elements))
    found = _clear(world, epsilon, weights, dependence, value, size, limit, demand, knowledge, cost)
    licences = []
    for t in range(years):
        wanted, licence = cleared(
            world, epsilon, weights, dependence, value, size, limit[t], demand[t], knowledge[t], cost[t]
        )
        licences.append(licence)
        np.testing.assert_allclose(found[t], wanted, atol=1e-4)
    assert licences[0] > 5
    assert licences[-1] < 1e-6


def test_shocks_are_stationary_and_persist_as_asked() -> None:
    world = replace(SMALL, years=40, persistence=0.7)
    shock = _autoregressive(0.3, world, 4_000, np.random.default_rng(0))
    assert shock.shape == (40, 4_000)
    assert shock.std(axis=1) == pytest.approx(np.full(40, 0.3), rel=0.06)
    for lag in (1, 2):
        now, before = shock[lag:].ravel(), shock[:-lag].ravel()
        assert np.corrcoef(now, before)[0, 1] == pytest.approx(0.7**lag, abs=0.01)
    assert abs(np.corrcoef(shock[:, 0], shock[:, 1])[0, 1]) < 0.5


def test_a_shock_of_a_sector_is_shared_by_its_countries_and_by_no_other_sector() -> None:
    quiet = World(
        sectors=12, countries=6, years=40, demand_shock=0.0, technology_shock=0.0, price_error=0.0,
        local_price_slope=0.0, quota_depth=0.0, quota_noise=0.0, dependence=(1.0, 1.0),
    )  # fmt: skip
    for size in (0.1, 0.3):
        draw = simulate(replace(quiet, sector_shock=size), np.random.default_rng(0))
        data = draw.data.assign(
            shock=(draw.data["log_research_ratio"] - draw.slope[0] * draw.data["log_price"])
            * (1 + (1 - draw.epsilon[0]) / quiet.zeta)
        )  # E15-E17: what is left of research beside the price
        wide = data.pivot(index="year", columns=["sector", "country"], values="shock")
        for sector in range(12):
            assert np.ptp(wide[sector].to_numpy(), axis=1).max() < 1e-9
        each = wide.xs(0, axis=1, level="country").to_numpy()
        assert each.std() == pytest.approx(size, rel=0.15)
        assert np.abs(np.corrcoef(each.T)[np.triu_indices(12, 1)]).mean() < 0.25
    by_sector = data.groupby(["sector", "year"])["quota_exposure"].agg(np.ptp)
    assert by_sector.max() == 0.0


def test_the_quota_is_deepest_in_mid_sample_and_never_far_above_exports() -> None:
    calm = replace(SMALL, years=20, quota_noise=0.0, quota_depth=0.8)
    path = _quota_path(calm, np.random.default_rng(0))
    assert path.argmin() == 12
    assert path[12] == pytest.approx(-0.8)
    assert path[[8, 16]] == pytest.approx(-0.8 * math.exp(-0.5))
    noisy = _quota_path(replace(calm, quota_noise=2.0, quota_depth=0.0, years=2000), np.random.default_rng(0))
    assert noisy.max() == 0.25
    assert np.std(noisy[noisy < 0]) == pytest.approx(2 * math.sqrt(1 - 2 / math.pi), rel=0.1)


def test_counts_and_prices_of_a_draw_have_the_size_that_was_asked_for() -> None:
    world = World(sectors=30, countries=20, years=6, ree_patents=4.0, other_patents=200.0, price_error=0.05,
                  demand_shock=0.0, technology_shock=0.0, quota_depth=0.0, quota_noise=0.0)  # fmt: skip
    draw = simulate(world, np.random.default_rng(1))
    data = draw.data
    assert len(data) == 30 * 20 * 6
    assert data.groupby(["sector", "country"])["unit"].nunique().eq(1).all()
    assert sorted(data["year"].unique()) == list(range(6))
    # A mean of a log-normal: exp(sigma^2 / 2) above its median.
    scale = data.groupby("unit")["ree_patents"].mean() / np.exp(
        data.groupby("unit")["log_research_ratio"].mean()
    )
    assert scale.mean() == pytest.approx(4.0 * math.exp(0.6**2 / 2), rel=0.1)
    assert np.log(scale[scale > 2]).median() == pytest.approx(math.log(4.0) + 0.2, abs=0.3)
    assert data["other_patents"].min() >= 1
    assert data["other_patents"].mean() == pytest.approx(1 + 200.0 * math.exp(0.4**2 / 2), rel=0.03)
    observed = data["log_price"] - data["log_research_ratio"] / draw.slope[0]
    assert observed.std() == pytest.approx(0.05, rel=0.1)  # what the researcher sees is off by that much
    assert (data["quota_exposure"] == 0).all()
    assert draw.epsilon.tolist() == [0.4] * 30
    exposure = data.groupby("unit")["exposure"].first()
    assert 0 < exposure.min() < exposure.max() < 4
    quota = simulate(replace(world, quota_depth=0.5), np.random.default_rng(1)).data
    ratio = quota["quota_exposure"] / quota["exposure"]
    assert ratio.groupby(quota["year"]).std().max() < 1e-12  # the same limit for all
    assert ratio.max() == pytest.approx(0.5, rel=0.1)


def test_a_draw_is_made_of_the_distributions_it_says() -> None:
    """Element shares, dependence, unit values, sizes: drawn once more in their order, and exposure by its formula."""
    world = replace(SMALL, demand_shock=0.3, technology_shock=0.2)
    data = simulate(world, np.random.default_rng(9)).data
    rng = np.random.default_rng(9)
    shares = rng.dirichlet(np.full(world.elements, 0.35), world.sectors)
    dependence = rng.uniform(0.05, 0.95, world.countries)
    value = rng.lognormal(math.log(20), 1.0, world.elements)
    for row in data[data["year"] == 0].itertuples():
        rise = sum(
            shares[row.sector, e] * math.log(1 + value.mean() / value[e]) for e in range(world.elements)
        )
        assert row.exposure == pytest.approx(dependence[row.country] * rise)
    units = world.sectors * world.countries
    limit = _quota_path(world, rng)
    demand, knowledge = _autoregressive(0.3, world, units, rng), _autoregressive(0.2, world, units, rng)
    cost, size = rng.normal(0, 0.15, (world.years, world.elements)), rng.lognormal(0, 0.8, units)
    sector, country = np.arange(units) % world.sectors, np.arange(units) // world.sectors
    epsilon = np.full(units, 0.4)
    price = _clear(
        world, epsilon, shares[sector], dependence[country], value, size, limit, demand, knowledge, cost
    )
    ratio = (0.6 * (price - knowledge) + demand) / (1 + 0.6 / world.zeta)
    wide = data.pivot(index="year", columns="unit", values="log_research_ratio").to_numpy()
    assert wide == pytest.approx(ratio, abs=1e-12)
    technology = data.pivot(index="year", columns="unit", values="log_technology_ratio").to_numpy()
    assert technology == pytest.approx(ratio / world.zeta + knowledge, abs=1e-12)
    exposure = data.pivot(index="year", columns="unit", values="quota_exposure").to_numpy()
    own = data[data["year"] == 0].set_index("unit")["exposure"].to_numpy()
    assert exposure == pytest.approx(-limit[:, None] * own)


# ------------------------------------------------------------------ a calibration of estimates


def test_a_calibration_of_estimates_says_values_ranges_and_intervals(tmp_path) -> None:
    base = find("china-2009")
    found = [SectorElasticity("machinery", 0.4, 0.2, 0.5), SectorElasticity("magnets", 0.10006, -0.3, 0.45)]
    text = calibration_text(
        found, 3.0, base=base, folder=tmp_path, name="x", source="a tést", status="computed",
        sectors=load(base).labels.sectors,
    )  # fmt: skip
    assert text.startswith("# Written by")
    assert "a tést" in text  # as people read it
    keys = ["based_on", "name", "tables", "concordance", "parameters"]
    assert [line.split(":")[0] for line in text.splitlines() if line[0] not in "# "] == keys
    content = yaml.safe_load(text)
    assert (tmp_path / content["based_on"]).resolve() == base.resolve()
    assert (tmp_path / content["tables"]).exists()
    eps = content["parameters"]["ree_elasticity"]
    assert eps["value"] == {"machinery": 0.4, "magnets": 0.1001}
    assert eps["range_factor"] == [round(0.01 / 0.10006, 4), round(0.45 / 0.10006, 4)]
    assert eps["source"] == "a tést. 95% intervals: machinery 0.200 to 0.500; magnets -0.300 to 0.450"
    assert eps["status"] == "computed"
    innovation = content["parameters"]["innovation_elasticity"]
    assert innovation["value"] == {"default": round(1 / 3, 6)}
    assert innovation["range_factor"] == [1.0, 1.0]
    assert innovation["status"] == "analyst"
