"""Exposure and its regressions: by hand, in plain loops, by least squares on dummies."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from calibration.errors import InputError
from calibration.evidence import shipped
from calibration.evidence.elasticities.bootstrap import cluster_signs, joint_bootstrap, linear_bootstrap
from calibration.evidence.exposure import measures
from calibration.evidence.exposure.measures import (
    standardise,
    us_exposure,
    value_by_user,
    wiod_exposure,
)
from calibration.evidence.exposure.panels import ExposurePanel, exports_panel, panel_from_arrays, tfp_panel
from calibration.evidence.exposure.regressions import difference_in_differences, event_study, long_difference

# ------------------------------------------------------------------ exposure


def test_exposure_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two sectors and an idle one, two elements; the first sector sells half of its worth into the second."""
    scores = pd.DataFrame({"element": ["Y", "Nd"], "score": [50.0, 80.0]})
    monkeypatch.setattr(shipped, "substitutability", lambda: scores)
    value = pd.DataFrame([[3.0, 1.0], [0.0, 2.0], [0.0, 0.0]], index=["a", "b", "c"], columns=["Nd", "Y"])
    inverse = np.linalg.inv(np.eye(3) - np.array([[0, 0.5, 0], [0, 0, 0], [0, 0, 0.2]]))
    found = measures._exposure(value, np.array([100.0, 50.0, 10.0]), inverse)
    assert found.sectors == ("a", "b", "c")
    assert found.elements == ("Nd", "Y")
    assert found.direct == pytest.approx([40_000, 40_000, 0])
    assert found.total == pytest.approx([40_000, 60_000, 0])
    score_a = (0.8 * 30_000 + 0.5 * 10_000) / 40_000
    score_b = (0.8 * 15_000 + 0.5 * (40_000 + 5_000)) / 60_000
    assert found.score == pytest.approx([score_a, score_b, 0])
    assert found.exposure == pytest.approx([40_000 * score_a, 60_000 * score_b, 0])
    assert found.element_share == pytest.approx(np.array([[0.75, 0.25], [0, 1], [0, 0]]))
    frame = found.frame()
    assert frame.columns.tolist() == ["sector", "direct", "total", "score", "exposure"]
    assert frame["total"].tolist() == found.total.tolist()


def test_use_is_valued_application_by_application() -> None:
    use, users = shipped.use_by_application(), shipped.application_users("sector")
    prices = shipped.oxide_prices()
    value = value_by_user("sector")
    for user in value.index[:4]:
        for element in value.columns:
            price = prices[(prices["year"] == 2009) & (prices["element"] == element)]["price"].item()
            wanted = 0.0
            for row in use[use["element"] == element].itertuples():
                share = users[(users["application"] == row.application) & (users["user"] == user)]["share"]
                wanted += row.oxide * price / 1000 * float(share.sum())
            assert value.loc[user, element] == pytest.approx(wanted)
    with pytest.raises(InputError, match=r"no price of .* in 1901"):
        value_by_user("sector", 1901)


def test_intensities_are_per_million_of_output() -> None:
    us, value = us_exposure(), value_by_user("us_industry")
    output = shipped.us_tfp().set_index(["industry", "year"])["gross_output"]
    for place, industry in enumerate(us.sectors):
        bought = value.loc[int(industry)].sum() if int(industry) in value.index else 0.0
        assert us.direct[place] == pytest.approx(bought * 1e6 / output[int(industry), 2009])
    assert us.total == pytest.approx(us.direct)
    world, bought = wiod_exposure(), value_by_user("sector")
    exports = shipped.exports()
    for place, sector in enumerate(world.sectors):
        made = exports[(exports["year"] == 2009) & (exports["sector"] == sector)]["gross_output"].sum()
        wanted = bought.loc[sector].sum() * 1e6 / made if sector in bought.index else 0.0
        assert world.direct[place] == pytest.approx(wanted)


def test_standard_deviations_over_the_sample() -> None:
    values = {"a": 1.0, "b": 3.0, "c": 8.0, "left out": 100.0}
    found = standardise(values, ["a", "b", "c"])
    deviation = math.sqrt(((1 - 4) ** 2 + (3 - 4) ** 2 + (8 - 4) ** 2) / 2)
    assert found == pytest.approx({"a": -3 / deviation, "b": -1 / deviation, "c": 4 / deviation})
    assert standardise({"a": 1e9, "b": 1e9 * (1 + 1e-11)}, ["a", "b"])["a"] == pytest.approx(-math.sqrt(0.5))
    for alike in ({"a": 1e9, "b": 1e9 * (1 + 1e-13)}, {"a": 5.0}, {"a": 0.0, "b": 0.0}):
        with pytest.raises(InputError, match="equally exposed"):
            standardise(alike, list(alike))
    with pytest.raises(InputError, match="did you mean left out"):
        standardise(values, ["a", "left ou"])


# ------------------------------------------------------------------ panels


def test_panel_of_exports_is_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    exposure = {s: float(k) for k, s in enumerate(wiod_exposure().sectors)}
    panel = exports_panel(exposure, without=("CHN", "RoW", "DEU"), without_sectors=("c14",))
    table = shipped.exports().set_index(["country", "sector", "year"])["exports"]
    assert not {"CHN", "RoW", "DEU"} & set(panel.data["group"])
    assert "c14" not in set(panel.data["sector"])
    goods = shipped.sectors().set_index("sector")["goods"]
    assert goods[panel.data["sector"].unique()].all()
    for row in panel.data.iloc[::977].itertuples():
        assert row.outcome == pytest.approx(math.log(table[row.group, row.sector, row.year]))
        assert row.unit == f"{row.group} {row.sector}"
    raw = shipped.exports()
    raw = raw[raw["country"].isin(set(panel.data["group"])) & raw["sector"].isin(set(exposure) - {"c14"})]
    raw = raw[goods[raw["sector"]].to_numpy()]
    never = raw.groupby(["country", "sector"])["exports"].min() > 0
    assert panel.data["unit"].nunique() == never.sum()
    assert panel.dropped == len(raw) - len(panel.data) == 17 * (~never).sum()
    everything = exports_panel(exposure, goods_only=False)
    assert everything.data["sector"].nunique() > panel.data["sector"].nunique() + 5
    assert everything.data.groupby("sector")["exposure"].first().std(ddof=1) == pytest.approx(1.0)
    with pytest.raises(InputError, match="unknown country"):
        exports_panel(exposure, without=("XXX",))


def test_panel_of_productivity_is_the_table() -> None:
    exposure = {s: float(k) for k, s in enumerate(us_exposure().sectors)}
    panel = tfp_panel(exposure, manufacturing_only=True)
    tfp = shipped.us_tfp().set_index(["industry", "year"])["tfp"]
    made = shipped.us_industries().set_index("industry")["manufacturing"]
    assert {int(i) for i in panel.data["unit"]} == set(made[made].index)
    for row in panel.data.iloc[::101].itertuples():
        assert row.outcome == pytest.approx(math.log(tfp[int(row.unit), row.year]))
        assert (row.group, row.sector) == ("USA", row.unit)
    assert panel.dropped == 0
    by_sector = panel.data.groupby("sector")["exposure"].first()
    assert by_sector.std(ddof=1) == pytest.approx(1.0)
    assert set(tfp_panel(exposure).data["unit"]) == set(exposure)


def arrays(level, exposure, years=(2000, 2001), groups=("x", "y"), sectors=("a", "b", "c")) -> ExposurePanel:
    return panel_from_arrays(
        level, exposure, years, groups=groups, sectors=sectors, name="ln y", source="here"
    )


def test_panel_of_arrays_by_hand() -> None:
    level = np.arange(1.0, 13.0).reshape(2, 2, 3)
    level[1, 0, 1] = 0.0  # x b is left out whole
    panel = arrays(level, [1.0, 2.0, 6.0])
    assert panel.dropped == 2
    rows = {(r.unit, r.year): r for r in panel.data.itertuples()}
    assert set(rows) == {(u, y) for u in ("x a", "x c", "y a", "y b", "y c") for y in (2000, 2001)}
    scaled = (np.array([1.0, 2.0, 6.0]) - 3) / math.sqrt((4 + 1 + 9) / 2)
    for t, n, j in np.ndindex(level.shape):
        unit = f"{'xy'[n]} {'abc'[j]}"
        if (unit, 2000 + t) in rows:
            row = rows[unit, 2000 + t]
            assert (row.group, row.sector) == ("xy"[n], "abc"[j])
            assert row.outcome == pytest.approx(math.log(level[t, n, j]))
            assert row.exposure == pytest.approx(scaled[j])
    both = np.array([[1.0, 2.0, 6.0], [0.0, 5.0, 4.0]])
    by_region = arrays(np.ones((2, 2, 3)), both).data.set_index(["unit", "year"])["exposure"]
    assert by_region["y b", 2001] == pytest.approx((5 - both.mean()) / both.std(ddof=1))


def test_arrays_that_make_no_panel_are_refused() -> None:
    one = np.ones((2, 2, 3))
    with pytest.raises(ValueError, match=r"shape \(2, 3, 2\), not \(2, 2, 3\)"):
        arrays(one.swapaxes(1, 2), [1.0, 2.0, 3.0])
    for wrong in (-0.1, np.nan, np.inf):
        level = one.copy()
        level[1, 0, 2] = wrong
        with pytest.raises(ValueError, match="finite and not negative"):
            arrays(level, [1.0, 2.0, 3.0])
    for wrong in ([1.0, 1.0, 1.0], [1.0, np.nan, 2.0]):
        with pytest.raises(ValueError, match="must be finite and differ"):
            arrays(one, wrong)


# ------------------------------------------------------------------ regressions


@pytest.fixture(scope="module")
def panel() -> ExposurePanel:
    """Seven sectors in three groups, eight years; exposure differs by group too, and some cells are missing."""
    rng = np.random.default_rng(4)
    level = np.exp(rng.normal(size=(8, 3, 7)))
    level[3, 1, 2] = 0.0
    return panel_from_arrays(
        level, rng.normal(size=(3, 7)), tuple(range(2000, 2008)), groups=tuple("xyz"), sectors=tuple("abcdefg"),
        name="ln y", source="drawn",
    )  # fmt: skip


def by_dummies(
    data: pd.DataFrame, columns: list[np.ndarray], single: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients and their covariance clustered by sector, by least squares on dummies; small samples as in Stata."""
    effects = [data["group"]] if single else [data["unit"], data["group"] + data["year"].astype(str)]
    dummies = np.hstack([pd.get_dummies(e).to_numpy(float) for e in effects])
    x = np.column_stack([c - dummies @ np.linalg.lstsq(dummies, c, rcond=None)[0] for c in columns])
    y = data["outcome"].to_numpy()
    y = y - dummies @ np.linalg.lstsq(dummies, y, rcond=None)[0]
    value = np.linalg.lstsq(x, y, rcond=None)[0]
    error, bread = y - x @ value, np.linalg.inv(x.T @ x)
    meat = np.zeros((len(columns), len(columns)))
    for _, rows in data.reset_index(drop=True).groupby("sector").groups.items():
        score = x[rows].T @ error[rows]
        meat += np.outer(score, score)
    return value, bread @ meat @ bread


def test_event_study_is_least_squares_on_dummies(panel: ExposurePanel) -> None:
    data = panel.data
    study = event_study(panel, 2004, level=0.9, draws=49)
    years = [y for y in range(2000, 2008) if y != 2004]
    columns = [np.where(data["year"] == y, data["exposure"], 0.0) for y in years]
    value, covariance = by_dummies(data, columns)
    assert study.years == tuple(range(2000, 2008))
    assert study.value[4] == study.standard_error[4] == study.lower[4] == study.upper[4] == 0.0
    kept = [0, 1, 2, 3, 5, 6, 7]
    assert study.value[kept] == pytest.approx(value, abs=1e-7)
    scale = study.covariance[0, 0] / covariance[0, 0]  # of degrees of freedom
    assert 1.0 < scale < 1.5
    assert study.covariance == pytest.approx(scale * covariance, rel=1e-5, abs=1e-9)
    assert study.standard_error[kept] == pytest.approx(np.sqrt(np.diag(study.covariance)))
    width = stats.t(6).ppf(0.95) * study.standard_error
    assert study.upper - study.value == pytest.approx(width)
    assert study.value - study.lower == pytest.approx(width)
    assert (study.pre_years, study.rows, study.clusters) == (4, len(data), 7)
    early = data[data["year"] <= 2004].reset_index(drop=True)
    slope, _ = by_dummies(early, [(early["exposure"] * (early["year"] - 2004)).to_numpy()])
    assert study.pretrend.value == pytest.approx(slope[0], abs=1e-7)
    assert study.pretrend.rows == len(early)


def test_the_joint_pretest_is_a_regression_per_draw(panel: ExposurePanel) -> None:
    """Restricted residuals, signs by sector, a regression on dummies and a clustered Wald statistic for each draw."""
    data = panel.data.sort_values(["sector", "unit", "year"]).reset_index(drop=True)
    columns = [np.where(data["year"] == y, data["exposure"], 0.0) for y in range(2000, 2008) if y != 2003]
    effects = [data["unit"], data["group"] + data["year"].astype(str)]
    late = np.column_stack([*(pd.get_dummies(e).to_numpy(float) for e in effects), *columns[3:]])
    outcome = data["outcome"].to_numpy()
    fitted = late @ np.linalg.lstsq(late, outcome, rcond=None)[0]
    sector = pd.factorize(data["sector"], sort=True)[0]

    def wald(y: np.ndarray) -> float:
        value, covariance = by_dummies(data.assign(outcome=y), columns)
        return float(value[:3] @ np.linalg.solve(covariance[:3, :3], value[:3]))

    signs = cluster_signs(7, 128, np.random.default_rng(0))
    drawn = np.array([wald(fitted + row[sector] * (outcome - fitted)) for row in signs])
    observed = wald(outcome)
    found = event_study(panel, 2003, draws=128).joint_pretest
    assert found == pytest.approx((observed / 3, np.mean(drawn >= observed * (1 - 1e-9))), rel=1e-6)
    assert 0.02 < found[1] < 1
    assert event_study(panel, 2003, draws=0).joint_pretest is None


def test_a_joint_test_of_one_slope_is_the_t_test_and_needs_more_clusters_than_slopes() -> None:
    rng = np.random.default_rng(3)
    unit, year = np.divmod(np.arange(7 * 6), 6)
    y, x, other, z = rng.normal(size=(4, 42))
    signs = cluster_signs(7, 128, rng)
    t_test = linear_bootstrap(y, x, x, (unit, year), unit, signs, controls=z[None])
    assert joint_bootstrap(y, x[None], (unit, year), unit, signs, z[None])[1] == pytest.approx(t_test)
    scaled = [
        joint_bootstrap(y, np.array(tested), (unit, year), unit, signs)
        for tested in ([x, other], [x + 5 * other, 0.01 * other])
    ]
    assert scaled[0] == pytest.approx(scaled[1], rel=1e-9)  # of the space tested, not of its columns
    assert joint_bootstrap(y, rng.normal(size=(5, 42)), (unit, year), unit, signs) is not None
    assert joint_bootstrap(y, rng.normal(size=(6, 42)), (unit, year), unit, signs) is None
    with pytest.raises(ValueError, match="fitted without error"):
        joint_bootstrap(2 * z + unit, x[None], (unit, year), unit, signs, z[None])


def rejections(exposure: np.ndarray, pre: int, draws: int, trend: float) -> float:
    """Share of draws of independent sector-year noise in which the joint test rejects at 5 %."""
    exposure = (exposure - exposure.mean()) / exposure.std(ddof=1)
    sectors, years = len(exposure), pre + 3
    unit, year = np.divmod(np.arange(sectors * years), years)
    by_year = [np.where(year == t, exposure[unit], 0.0) for t in range(years) if t != pre]
    rejected = 0
    for seed in range(draws):
        rng = np.random.default_rng(seed)
        y = rng.normal(size=len(unit)) + trend * exposure[unit] * np.minimum(year - pre, 0)
        signs = cluster_signs(sectors, 199, rng)
        test = joint_bootstrap(y, np.array(by_year[:pre]), (unit, year), unit, signs, np.array(by_year[pre:]))
        rejected += test[1] < 0.05
    return rejected / draws


@pytest.mark.parametrize("pre", [5, 14])
def test_the_joint_pretest_rejects_a_truth_as_seldom_as_it_says_and_sees_a_trend(pre: int) -> None:
    """With the shipped exposure of goods sectors, where Hotelling's T^2 rejects a true null in two draws of three."""
    goods = shipped.sectors().set_index("sector")["goods"]
    of = wiod_exposure()
    exposure = of.exposure[[bool(goods[s]) for s in of.sectors]]
    assert len(exposure) == 16
    assert rejections(exposure, pre, 120, 0.0) <= 0.11  # three standard errors above 0.05
    assert rejections(exposure, pre, 40, 3.0) > 0.8


def test_an_outcome_fitted_without_error_is_refused(panel: ExposurePanel) -> None:
    data = panel.data
    whole = data[data["group"] != "y"]  # balanced: effects are taken out to the last digit
    after = whole["exposure"] * (whole["year"] >= 2004)
    exact = ExposurePanel(whole.assign(outcome=0.5 * after), "ln y", "", 0)
    for draws in (0, 49):
        with pytest.raises(InputError, match="the outcome is fitted without error"):
            difference_in_differences(exact, 2004, draws=draws)
        with pytest.raises(InputError, match="the outcome is fitted without error"):
            event_study(exact, 2003, draws=draws)


def test_differences_in_differences_are_least_squares_on_dummies(panel: ExposurePanel) -> None:
    data = panel.data
    after = (data["exposure"] * (data["year"] >= 2004)).to_numpy()
    trend = (data["exposure"] * data["year"]).to_numpy()
    plain = difference_in_differences(panel, 2004, draws=49, level=0.9)
    value, covariance = by_dummies(data, [after])
    assert plain.value == pytest.approx(value[0], abs=1e-7)
    assert plain.name == "after x exposure"
    ratio = plain.standard_error / math.sqrt(covariance[0, 0])
    assert 1.0 < ratio < 1.2
    width = stats.t(6).ppf(0.95) * plain.standard_error
    assert plain.interval == pytest.approx((plain.value - width, plain.value + width))
    assert plain.p_value == pytest.approx(2 * stats.t(6).sf(abs(plain.value) / plain.standard_error))
    assert (plain.rows, plain.clusters) == (len(data), 7)
    value, _ = by_dummies(data, [after, trend])
    detrended = difference_in_differences(panel, 2004, detrended=True, draws=49)
    assert detrended.value == pytest.approx(value[0], abs=1e-7)
    assert detrended.name == "after x exposure, trend taken out"


@pytest.mark.parametrize("detrended", [False, True])
def test_the_bootstrap_is_that_of_the_regression(panel: ExposurePanel, detrended: bool) -> None:
    data = panel.data
    effects = tuple(pd.factorize(c)[0] for c in (data["unit"], data["group"] + data["year"].astype(str)))
    cluster = pd.factorize(data["sector"], sort=True)[0]
    after = (data["exposure"] * (data["year"] >= 2004)).to_numpy()
    trend = (data["exposure"] * (data["year"] - 2004)).to_numpy()
    signs = cluster_signs(7, 128, np.random.default_rng(0))
    wanted = linear_bootstrap(
        data["outcome"].to_numpy(),
        after,
        after,
        effects,
        cluster,
        signs,
        controls=trend[None] if detrended else None,
    )
    found = difference_in_differences(panel, 2004, detrended=detrended, draws=128)
    assert found.bootstrap_p_value == pytest.approx(wanted)
    assert difference_in_differences(panel, 2004, draws=0).bootstrap_p_value is None


def test_long_differences_are_yearly_growth_on_exposure(panel: ExposurePanel) -> None:
    wide = panel.data.pivot(index="unit", columns="year", values="outcome")
    growth = (wide[2006] - wide[2001]) / 5
    rows = panel.data.drop_duplicates("unit").reset_index(drop=True)
    rows = rows.assign(outcome=growth[rows["unit"]].to_numpy())
    value, _ = by_dummies(rows, [rows["exposure"].to_numpy()], single=True)
    found = long_difference(panel, 2001, 2006, draws=49)
    assert found.value == pytest.approx(value[0], abs=1e-7)
    assert (found.name, found.rows) == ("growth 2001-2006", 20)
    effects = (pd.factorize(rows["group"])[0],)
    cluster = pd.factorize(rows["sector"], sort=True)[0]
    signs = cluster_signs(7, 49, np.random.default_rng(0))
    x = rows["exposure"].to_numpy()
    wanted = linear_bootstrap(rows["outcome"].to_numpy(), x, x, effects, cluster, signs)
    assert found.bootstrap_p_value == pytest.approx(wanted)
    for start, end in ((2006, 2001), (2003, 2003), (1999, 2003)):
        with pytest.raises(InputError, match=f"no growth from {start} to {end}"):
            long_difference(panel, start, end)


def test_what_has_no_regression_is_refused(panel: ExposurePanel) -> None:
    few = ExposurePanel(panel.data[panel.data["sector"].isin(["a", "b"])], "ln y", "", 0)
    with pytest.raises(InputError, match="2 sectors are too few"):
        difference_in_differences(few, 2004)
    three = ExposurePanel(panel.data[panel.data["sector"].isin(["a", "b", "c"])], "ln y", "", 0)
    assert difference_in_differences(three, 2004, draws=0).clusters == 3
    by_unit = panel.data["unit"].map({u: math.pi * k for k, u in enumerate(panel.data["unit"].unique())})
    for outcome in (0.0, 3.0, by_unit, by_unit + 0.1 * panel.data["year"]):
        still = ExposurePanel(panel.data.assign(outcome=outcome), "ln y", "", 0)
        with pytest.raises(InputError, match="the outcome does not vary"):
            difference_in_differences(still, 2004, draws=0)
    for year in (2000, 2001, 2007, 2010):
        with pytest.raises(InputError, match=f"base year {year} needs two years before and one after"):
            event_study(panel, year)
    assert event_study(panel, 2002, draws=0).pre_years == 2
    assert event_study(panel, 2006, draws=0).pre_years == 6
    for year in (2000, 2008):
        with pytest.raises(InputError, match=f"no years on one side of {year}"):
            difference_in_differences(panel, year)
    alike = panel.data.assign(exposure=panel.data["group"].map({"x": 1.0, "y": 2.0, "z": 3.0}))
    with pytest.raises(InputError, match="not told apart from the fixed effects: effect"):
        difference_in_differences(ExposurePanel(alike, "ln y", "", 0), 2004)


def test_the_order_of_rows_changes_nothing(panel: ExposurePanel) -> None:
    """Nor which clusters the draws of the bootstrap meet."""
    turned = ExposurePanel(panel.data.iloc[::-1], "ln y", "", 0)
    one, other = (difference_in_differences(p, 2004, draws=49) for p in (panel, turned))
    assert other.bootstrap_p_value == one.bootstrap_p_value
    assert other.value == pytest.approx(one.value, abs=1e-9)
    assert other.standard_error == pytest.approx(one.standard_error, rel=1e-9)
