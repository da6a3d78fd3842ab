"""Analysis of sweeps against closed forms, SALib and boxes that are known; constants and failures are errors."""

import json
import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from scipy import stats

from calibration.errors import InputError
from outputs import style
from outputs.sweeps import discovery, figures, grids, groups, indices, reading, report
from scenarios.sweeps import design as plans
from scenarios.sweeps import sampling, study
from scenarios.sweeps.distributions import Discrete, Uniform

PI = np.pi
ISHIGAMI = [Uniform(low=-PI, high=PI)] * 3


def ishigami(x, a=7.0, b=0.1):
    return np.sin(x[:, 0]) + a * np.sin(x[:, 1]) ** 2 + b * x[:, 2] ** 4 * np.sin(x[:, 0])


def ishigami_indices(a=7.0, b=0.1):
    """First-order and total indices, and the one pair that interacts (Ishigami and Homma 1990)."""
    v1, v2 = 0.5 * (1 + b * PI**4 / 5) ** 2, a**2 / 8
    v13 = b**2 * PI**8 * (1 / 18 - 1 / 50)
    v = v1 + v2 + v13
    return np.array([v1, v2, 0]) / v, np.array([v1 + v13, v2, v13]) / v, v13 / v


def sweep_of(
    plan,
    function,
    laws,
    correlation=None,
    years=(0,),
    threshold=np.nan,
    regimes=("directed",),
):
    """A sweep whose outcome is a function of the parameters: one column, or one for each regime and year."""
    d = len(laws)
    names = tuple(f"p{j}" for j in range(d))
    correlation = np.eye(d) if correlation is None else correlation
    found = sampling.sample(plan, list(laws), names, correlation)
    y = np.asarray(function(found.values))
    y = y[:, None] if y.ndim == 1 else y
    labels = [f"y.{regime}" + (f".{year}" if year else "") for regime in regimes for year in years]
    return reading.of(
        xr.Dataset(
            {
                "value": (("draw", "parameter"), found.values), "weight": ("draw", found.weights),
                "outcome": (("draw", "column"), y),
                "reason": ("draw", np.where(np.isnan(y).any(axis=1), "it failed", "").astype(object)),
                "path": ("parameter", [f"calibration.{name}" for name in names]),
                "distribution": ("parameter", [law.model_dump_json() for law in laws]),
                "column_outcome": ("column", ["y"] * len(labels)),
                "column_regime": ("column", [regime for regime in regimes for _ in years]),
                "column_year": ("column", [year for _ in regimes for year in years]),
                "units": ("column", ["percent"] * len(labels)), "threshold": ("column", [threshold] * len(labels)),
            },
            coords={"parameter": list(names), "column": labels},
            attrs={
                "design": plan.type, "block": found.block, "design_json": plan.model_dump_json(), "name": "test",
                "title": "A <test>", "question": "?", "calibration": "none", "notes": "[]", "soft": '["p0"]',
                "correlation": json.dumps(correlation.tolist()),
            },
        )
    )  # fmt: skip


def saltelli(draws, second_order=False):
    return plans.Sobol(type="sobol", draws=draws, seed=1, second_order=second_order)


@pytest.fixture(scope="module")
def ishigami_sweep():
    return sweep_of(saltelli(2**11 * 8, second_order=True), ishigami, ISHIGAMI)


# Indices


def test_sobol_indices_of_ishigami(ishigami_sweep):
    first, total, _ = ishigami_indices()
    table = indices.sobol(ishigami_sweep, "y.directed", resamples=100)
    np.testing.assert_allclose(table["first"], first, atol=0.02)
    np.testing.assert_allclose(table["total"], total, atol=0.02)
    for name, exact in (("first", first), ("total", total)):
        assert (table[f"{name}_low"] <= table[name]).all()
        assert (table[name] <= table[f"{name}_high"]).all()
        assert (np.abs(table[name] - exact) < 2 * (table[f"{name}_high"] - table[f"{name}_low"])).all()


def test_sobol_indices_are_salibs_on_the_same_draws(ishigami_sweep):
    salib = pytest.importorskip("SALib.analyze.sobol")
    problem = {"num_vars": 3, "names": list("abc"), "bounds": [[-PI, PI]] * 3}
    theirs = salib.analyze(problem, ishigami_sweep.outcomes[:, 0], num_resamples=20, seed=1)
    ours = indices.sobol(ishigami_sweep, "y.directed", resamples=20)
    np.testing.assert_allclose(ours["first"], theirs["S1"], atol=5e-3)
    np.testing.assert_allclose(ours["total"], theirs["ST"], atol=5e-3)


def test_sobol_indices_are_scipys_on_the_same_draws(ishigami_sweep):
    blocks = ishigami_sweep.outcomes[:, 0].reshape(-1, ishigami_sweep.block)
    parts = {"f_A": blocks[:, 0], "f_B": blocks[:, -1], "f_AB": blocks[:, 1:4].T[:, None, :]}
    theirs = stats.sobol_indices(func=parts, n=len(blocks))
    ours = indices.sobol(ishigami_sweep, "y.directed", resamples=1000)
    np.testing.assert_allclose(ours["first"], theirs.first_order, atol=1e-12)
    np.testing.assert_allclose(ours["total"], theirs.total_order, atol=1e-12)
    around = theirs.bootstrap(confidence_level=0.95, n_resamples=1000)  # seeds itself, differently each time
    for name, interval in (("first", around.first_order), ("total", around.total_order)):
        low, high = interval.confidence_interval
        np.testing.assert_allclose(ours[f"{name}_high"] - ours[f"{name}_low"], high - low, rtol=0.3)


@pytest.mark.parametrize("method", [indices.sobol, indices.sobol_pairs])
def test_intervals_of_sobol_indices_are_the_same_each_time(ishigami_sweep, method):
    if method is indices.sobol_pairs:
        pytest.importorskip("SALib")
    once, again = (method(ishigami_sweep, "y.directed", resamples=20) for _ in range(2))
    pd.testing.assert_frame_equal(once, again, check_exact=True)


def test_intervals_of_elementary_effects_are_the_same_each_time():
    pytest.importorskip("SALib")
    sweep = sweep_of(plans.Morris(type="morris", draws=80, seed=1), ishigami, ISHIGAMI)
    once, again = (indices.morris(sweep, "y.directed", resamples=20) for _ in range(2))
    assert once["half_width"].max() > 0
    pd.testing.assert_frame_equal(once, again, check_exact=True)


def test_pairs_of_ishigami(ishigami_sweep):
    pytest.importorskip("SALib")
    table = indices.sobol_pairs(ishigami_sweep, "y.directed", resamples=20)
    found = {(r.first_parameter, r.second_parameter): r.second_order for r in table.itertuples()}
    assert found["p0", "p2"] == pytest.approx(ishigami_indices()[2], abs=0.03)
    assert found["p0", "p1"] == pytest.approx(0, abs=0.03)


def test_a_parameter_that_moves_nothing_has_indices_of_zero():
    table = indices.sobol(sweep_of(saltelli(640), lambda x: x[:, 0], ISHIGAMI), "y.directed", resamples=50)
    assert table.loc[2, ["first", "first_low", "first_high", "total", "total_high"]].tolist() == [0] * 5
    assert table.loc[0, "first"] == pytest.approx(1, abs=0.05)


def test_elementary_effects_of_a_plane():
    pytest.importorskip("SALib")
    laws = [Uniform(low=0.0, high=2.0), Uniform(low=5.0, high=6.0), Uniform(low=0.0, high=1.0)]
    plan = plans.Morris(type="morris", draws=80, seed=1)
    sweep = sweep_of(plan, lambda x: 3 * x[:, 0] - 4 * x[:, 1], laws)
    table = indices.morris(sweep, "y.directed", resamples=20)
    np.testing.assert_allclose(table["mu"], [6, -4, 0], atol=1e-9)  # over the whole range of each
    np.testing.assert_allclose(table["mu_star"], [6, 4, 0], atol=1e-9)
    np.testing.assert_allclose(table["sigma"], 0, atol=1e-8)


def test_regression_and_rank_coefficients_of_a_plane():
    plan = plans.LatinHypercube(type="latin_hypercube", draws=2000, seed=1)
    laws = [Uniform(low=0.0, high=1.0), Uniform(low=0.0, high=10.0), Uniform(low=0.0, high=1.0)]
    table = indices.coefficients(sweep_of(plan, lambda x: 3 * x[:, 0] - 0.4 * x[:, 1], laws), "y.directed")
    np.testing.assert_allclose(table["regression"], [0.6, -0.8, 0], atol=0.03)
    assert table.attrs["r2"] == pytest.approx(1)
    assert table["rank"].tolist()[0] > 0.95
    assert table["rank"].tolist()[1] < -0.95
    monotone = indices.coefficients(sweep_of(plan, lambda x: np.exp(9 * x[:, 0]), laws), "y.directed")
    assert monotone["rank"][0] == pytest.approx(1)
    assert monotone.attrs["r2"] < 0.7 < monotone.attrs["rank_r2"]


def test_rank_coefficients_see_through_other_parameters():
    """Partial: p1 has no effect of its own, though it goes with p0, which has."""
    plan = plans.MonteCarlo(type="monte_carlo", draws=3000, seed=1)
    correlation = np.array([[1.0, 0.8], [0.8, 1.0]])
    sweep = sweep_of(
        plan, lambda x: x[:, 0] + 0.1 * np.sin(97 * x[:, 1]), [Uniform(low=0.0, high=1.0)] * 2, correlation
    )
    table = indices.coefficients(sweep, "y.directed")
    assert table["rank"][0] > 0.9
    assert abs(table["rank"][1]) < 0.1
    assert np.corrcoef(sweep.values[:, 1], sweep.outcomes[:, 0])[0, 1] > 0.5


def test_quadrature_has_mean_and_spread():
    laws = [Uniform(low=0.0, high=1.0), Uniform(low=1.0, high=3.0)]
    sweep = sweep_of(plans.Stroud(type="stroud"), lambda x: 2 * x[:, 0] - 3 * x[:, 1], laws)
    row = indices.summary(sweep).iloc[0]
    assert row["mean"] == pytest.approx(1 - 6)
    assert row["sd"] == pytest.approx(np.sqrt(4 / 12 + 9 * 4 / 12))
    assert "median" not in row


def test_tornado_one_at_a_time_and_sampled():
    laws = [Uniform(low=0.0, high=1.0), Uniform(low=0.0, high=10.0)]
    alone = sweep_of(plans.OneAtATime(type="one_at_a_time"), lambda x: 5 * x[:, 0] - x[:, 1], laws)
    table = indices.tornado(alone, "y.directed")
    assert table[["at_low", "at_high"]].to_numpy().tolist() == [[-5, 0], [2.5, -7.5]]
    assert table.attrs["centre"] == -2.5
    plan = plans.LatinHypercube(type="latin_hypercube", draws=4000, seed=2)
    sampled = indices.tornado(sweep_of(plan, lambda x: 5 * x[:, 0] - x[:, 1], laws), "y.directed")
    np.testing.assert_allclose(sampled["at_high"] - sampled["at_low"], [4.5, -9], atol=0.35)


def test_what_moves_an_outcome_most_is_told_by_a_fit_before_the_tails_of_a_sample():
    """Of 60 draws six lie in a tail: what p0 does there hides which of the others matters."""
    plan = plans.LatinHypercube(type="latin_hypercube", draws=60, seed=11)
    laws = [Uniform(low=0.0, high=1.0)] * 4
    sweep = sweep_of(plan, lambda x: 10 * x[:, 0] + x[:, 1] + 0.4 * x[:, 3], laws)
    tables = report.tables(sweep).frames
    name, rows = indices.leading(tables, "y.directed")
    assert name == "coefficients"
    assert rows["parameter"].tolist() == ["p0", "p1", "p3", "p2"]
    assert indices.leading({"tornado": tables["tornado"]}, "y.directed")[0] == "tornado"
    assert indices.leading(tables, "z") is None


# What must not pass for a number


@pytest.mark.parametrize("method", [indices.sobol, indices.sobol_pairs])
def test_a_constant_outcome_is_an_error(method):
    pytest.importorskip("SALib")
    sweep = sweep_of(saltelli(128, second_order=True), lambda x: np.full(len(x), 3.5), ISHIGAMI)
    with pytest.raises(InputError, match=r"the same in every draw \(3.5\)"):
        method(sweep, "y.directed")


def test_a_constant_outcome_is_an_error_everywhere_else():
    plan = plans.MonteCarlo(type="monte_carlo", draws=50, seed=1)
    sweep = sweep_of(plan, lambda x: np.zeros(len(x)), ISHIGAMI)
    for method in (indices.coefficients, indices.tornado):
        with pytest.raises(InputError, match="the same in every draw"):
            method(sweep, "y.directed")


def some_failed(share):
    def function(x):
        y = ishigami(x)
        y[: round(share * len(y))] = np.nan
        return y

    return function


def test_more_than_one_in_a_hundred_failed_means_no_indices():
    sweep = sweep_of(saltelli(640), some_failed(0.02), ISHIGAMI)
    with pytest.raises(InputError, match="13 of 640 draws failed"):
        indices.sobol(sweep, "y.directed")


def test_a_few_failed_draws_are_replaced_and_counted():
    sweep = sweep_of(saltelli(1280), some_failed(0.005), ISHIGAMI)
    y, replaced = sweep.whole("y.directed")
    assert replaced == 6
    assert np.isfinite(y).all()
    assert np.isfinite(indices.sobol(sweep, "y.directed", resamples=20)["first"]).all()
    row = indices.summary(sweep).iloc[0]
    assert row["failed"] == 6
    assert row["draws"] == 1280


def test_a_quadrature_with_a_failed_point_has_no_mean():
    sweep = sweep_of(plans.Stroud(type="stroud"), some_failed(0.2), ISHIGAMI)
    row = indices.summary(sweep).iloc[0]
    assert row["failed"] == 1
    assert "mean" not in row and "lowest" not in row


def test_methods_refuse_other_designs():
    sweep = sweep_of(plans.MonteCarlo(type="monte_carlo", draws=50, seed=1), ishigami, ISHIGAMI)
    for method in (indices.sobol, indices.morris, indices.one_at_a_time):
        with pytest.raises(InputError, match="this is a design of type monte_carlo"):
            method(sweep, "y.directed")


# Discovery


def test_prim_finds_the_box_that_was_hidden():
    plan = plans.LatinHypercube(type="latin_hypercube", draws=4000, seed=1)
    laws = [Uniform(low=0.0, high=1.0)] * 4
    sweep = sweep_of(plan, lambda x: ((x[:, 0] > 0.7) & (x[:, 2] < 0.4)) + 0.01 * x[:, 1], laws)
    x, hit = discovery.of_interest(sweep, "y.directed", 0.5)
    box = discovery.chosen(discovery.prim(x, hit, sweep.parameters))
    strong = {name: span for name, span in box.limits.items() if box.p_value[name] < 1e-6}
    assert set(strong) == {"p0", "p2"}
    assert strong["p0"][0] == pytest.approx(0.7, abs=0.03)
    assert strong["p2"][1] == pytest.approx(0.4, abs=0.03)
    assert box.coverage > 0.9
    assert box.density > 0.95


def test_prim_only_gets_denser():
    rng = np.random.default_rng(5)
    x = rng.random((1000, 3))
    hit = rng.random(1000) < 0.2 + 0.6 * x[:, 0]
    path = discovery.prim(x, hit, ("a", "b", "c"))
    density = [box.density for box in path]
    assert density == sorted(density)
    assert density[-1] > density[0] + 0.15
    assert path[0].coverage == path[0].share == 1
    assert path[-1].share >= discovery.SMALLEST


def test_a_tree_finds_both_regions_that_were_hidden():
    pytest.importorskip("sklearn")
    x = np.random.default_rng(6).random((4000, 3))
    hit = ((x[:, 0] > 0.7) & (x[:, 2] < 0.4)) | ((x[:, 0] < 0.2) & (x[:, 2] > 0.5))
    leaves = discovery.tree(x, hit, ("a", "b", "c"))
    dense = [leaf for leaf in leaves if leaf.density > 0.97]
    assert sum(leaf.coverage for leaf in dense) > 0.97
    assert len(dense) == 2
    assert not any("b" in leaf.rule.split() for leaf in dense)
    assert sum(leaf.share for leaf in leaves) == pytest.approx(1)
    assert sum(leaf.coverage for leaf in leaves) == pytest.approx(1)
    for leaf in dense:  # rules say where: every draw that obeys one is in its leaf
        inside = np.ones(len(x), dtype=bool)
        for part in leaf.rule.split(" and "):
            low, name, high = re.fullmatch(r"(?:(\S+) < )?(\w)(?: <= (\S+))?", part).groups()
            column = x[:, "abc".index(name)]
            inside &= (column > float(low or -np.inf)) & (column <= float(high or np.inf))
        assert inside.mean() == pytest.approx(leaf.share, abs=1e-3)
        assert hit[inside].mean() == pytest.approx(leaf.density, abs=1e-2)


# Grids


def grid_of(function, laws, **more):
    return sweep_of(plans.Grid(type="grid", points=more.pop("points", 4)), function, laws, **more)


def test_a_map_of_a_grid_has_every_outcome_in_its_place_and_in_the_order_of_the_file():
    first = Discrete(type="discrete", values=(0.9, 0.1))
    second = Discrete(type="discrete", values=(30.0, 20.0, 10.0))
    sweep = grid_of(lambda x: 1000 * x[:, 0] + x[:, 1], [first, second])
    assert grids.sides(sweep) == [1, 0]  # along the finer one
    assert grids._table(sweep, "y.directed").tolist() == [[930, 920, 910], [130, 120, 110]]
    (axis,) = grids.cells(sweep, groups.groups(sweep)[0]).axes
    assert [text.get_text() for text in axis.texts] == ["930", "920", "910", "130", "120", "110"]
    assert [tick.get_text() for tick in axis.get_xticklabels()] == ["30", "20", "10"]
    assert [tick.get_text() for tick in axis.get_yticklabels()] == ["0.9", "0.1"]


def test_a_failed_point_is_named_in_the_map_and_left_out_of_sentences(tmp_path):
    def function(x):
        return np.where(x[:, 0] > 1.5, np.nan, -x[:, 0] * 10 ** x[:, 1])

    sweep = grid_of(function, [Uniform(low=1.0, high=2.0), Uniform(low=0.0, high=3.0)])
    (axis,) = grids.cells(sweep, groups.groups(sweep)[0]).axes
    assert [text.get_text() for text in axis.texts].count("failed") == 8
    found = report.write(sweep, tmp_path)
    assert {path.name for path in tmp_path.glob("figures/*.png")} == {"map-y.png", "lines-y.png"}
    (said,) = report.answers(sweep, found)
    assert said == "Y (directed technology): from -1,333 percent at p0 1.33, p1 3 to -1.00 at p0 1, p1 0."


def test_a_map_that_no_one_could_read_is_left_out_and_says_so(tmp_path):
    sweep = grid_of(lambda x: x[:, 0], [Uniform(low=1.0, high=2.0)] * 2, points=20)
    report.write(sweep, tmp_path)
    assert "20 x 20 cells; expected 16 x 24 or fewer" in (tmp_path / "section.html").read_text()


@pytest.mark.parametrize(("low", "high"), [(-3.0, 5.0), (0.0, 0.0), (2.0, 2.1), (1e-6, 1e6), (-1e6, -1e-6)])
def test_colours_of_a_map_tell_the_largest_from_the_smallest(low, high):
    colours, norm = grids._colours(np.array([low, high, np.nan]))
    shown = colours(norm(np.array([low, high, np.nan])))
    assert np.isfinite(shown).all()
    assert (shown[0] != shown[1]).any() == (low != high)


def test_the_sentence_of_a_share_has_its_interval_and_stays_a_share():
    sweep = sweep_of(saltelli(80), lambda x: np.sign(x[:, 0]) * x[:, 0] ** 2 + 0.05 * x[:, 1], ISHIGAMI)
    found = report.tables(sweep)
    (said,) = report.answers(sweep, found)
    share, low, high = (
        int(each) for each in re.search(r"decides (\d+) % .* \((\d+) % to (\d+) %\)", said).groups()
    )
    assert found.frames["sobol"]["total"].max() > 1  # what so few draws say
    assert low <= share <= high <= 100


@pytest.mark.parametrize(("draws", "told"), [(10, False), (40, False), (80, True)])
def test_few_points_of_a_plan_name_nothing_that_decides(draws, told):
    """With 2 and 8 points of three parameters intervals are empty or wide, whatever they say."""
    sweep = sweep_of(saltelli(draws), lambda x: np.sign(x[:, 0]) * x[:, 0] ** 2 + 0.05 * x[:, 1], ISHIGAMI)
    (said,) = report.answers(sweep, report.tables(sweep))
    assert ("of the variance" in said) is told
    assert (f"cannot be told from {draws // 5} points of the plan, 16 or more are wanted" in said) is not told


@pytest.mark.parametrize(("lost", "told"), [(0, ""), (30, " (of the 70 of 100 draws that were solved)")])
def test_a_spread_says_of_how_many_draws_it_is(lost, told):
    plan = plans.MonteCarlo(type="monte_carlo", draws=100, seed=1)
    sweep = sweep_of(
        plan, lambda x: np.where(np.arange(len(x)) < lost, np.nan, x[:, 0]), [Uniform(low=0.0, high=1.0)]
    )
    (said,) = report.answers(sweep, report.tables(sweep))
    (middle, low, high), unit = groups.amounts(
        np.quantile(sweep.outcomes[lost:, 0], [0.5, 0.05, 0.95]), "percent"
    )
    spread = f"median {middle} {unit}, nine tenths of draws between {low} and {high}{told};"
    assert said.startswith(f"Y (directed technology): {spread}")


def test_numbers_in_sentences_have_their_unit_behind_them():
    assert groups.valued("exports left, % of 2009", 20.0) == "exports left 20 % of 2009"
    assert groups.valued("elasticity", 0.03) == "elasticity 0.03"
    assert groups.amounts([-2_835_000.0, -11.2], "million USD") == (["-2,835", "-0.0112"], "billion USD")
    assert groups.amounts([1_000.0, 0.5], "million USD") == (["1,000", "0.500"], "million USD")


def test_all_or_no_draws_leave_nothing_to_discover():
    sweep = sweep_of(
        plans.MonteCarlo(type="monte_carlo", draws=50, seed=1), lambda x: 1 + x[:, 0] ** 2, ISHIGAMI
    )
    with pytest.raises(InputError, match="every draw is above 0"):
        discovery.of_interest(sweep, "y.directed", 0.0)


def test_the_sign_flips_where_it_flips():
    plan = plans.LatinHypercube(type="latin_hypercube", draws=3000, seed=4)
    laws = [Uniform(low=0.0, high=1.0), Uniform(low=-0.1, high=0.1)]
    sweep = sweep_of(plan, lambda x: (x[:, 0] - 0.35) * (0.8 - x[:, 0]) + 0.05 * x[:, 1], laws)
    curve = discovery.threshold_curve(sweep, "y.directed", "p0")
    assert discovery.crossings(curve) == pytest.approx([0.35, 0.8], abs=0.02)
    assert discovery.crossings(discovery.threshold_curve(sweep, "y.directed", "p1")) == []


def test_the_sample_of_a_saltelli_plan_has_no_value_twice(ishigami_sweep):
    """Its other draws repeat the numbers of two: quantiles must leave them out."""
    values, outcome, weights = ishigami_sweep.solved("y.directed")
    assert len(values) == 2 * len(ishigami_sweep.values) // ishigami_sweep.block
    assert all(len(np.unique(column)) == len(column) for column in values.T)
    np.testing.assert_allclose(outcome, ishigami(values), rtol=1e-12)
    np.testing.assert_allclose(weights.sum(), 1.0, rtol=1e-12)
    row = indices.summary(ishigami_sweep).iloc[0]
    found = [row["p5"], row["median"], row["p95"]]
    np.testing.assert_allclose(found, np.quantile(ishigami(values), [0.05, 0.5, 0.95]), rtol=1e-12)


@pytest.mark.parametrize(("limit", "side"), [(0.9, "above"), (0.1, "below")])
def test_what_is_singled_out_is_the_rarer_side(limit, side):
    sweep = sweep_of(
        plans.MonteCarlo(type="monte_carlo", draws=400, seed=1), lambda x: x[:, 0], [Uniform(low=0, high=1)]
    )
    for found in (report.boxes(sweep, "y.directed", limit), report.tree(sweep, "y.directed", limit)):
        assert set(found["draws"]) == {f"{side} {limit:g}"}
    box = report.boxes(sweep, "y.directed", limit).iloc[0]
    assert box["share_of_draws"] < 0.2
    assert (box["from"] > 0.8) if side == "above" else (box["to"] < 0.2)


def test_shares_have_wilsons_interval():
    low, high = discovery._wilson(0.1, 50)  # Newcombe (1998), table I has 0.0435 and 0.2136 for 5 of 50
    assert (low, high) == pytest.approx((0.0435, 0.2136), abs=1e-4)


# Report


def test_the_page_has_everything_and_escapes_it(tmp_path):
    plan = plans.LatinHypercube(type="latin_hypercube", draws=100, seed=1)

    def path(x):
        return np.column_stack([x[:, 0] + t * x[:, 1] - 1 for t in range(3)])

    laws = [Uniform(low=0.0, high=1.0)] * 2
    sweep = sweep_of(plan, path, laws, years=(2010, 2011, 2012), threshold=0.0)
    sweep.outcomes[5] = np.nan
    sweep.dataset["reason"][5] = "<b>no equilibrium</b>"
    found = report.write(sweep, tmp_path)
    assert {"summary", "coefficients", "tornado", "boxes", "thresholds", "failed"} <= set(found.frames)
    page = (tmp_path / "index.html").read_text()
    assert "A &lt;test&gt;" in page
    assert "&lt;b&gt;no equilibrium" in page
    assert "<b>no" not in page
    assert "1 draws failed in whole or in part" in page
    assert 'class="soft"' in page
    figures = {path.name for path in tmp_path.glob("figures/*.png")}
    assert {"distributions.png", "fan-y.png", "tornado-y.png", "threshold-y.png"} <= figures
    assert (tmp_path / "tables" / "summary.csv").is_file()


def test_what_is_left_out_for_one_reason_is_told_in_one_line():
    found = report.Tables()
    for column in ("a", "b"):
        for analysis in ("boxes", "tree"):
            found.lacking[analysis, column] = "no draw is above 0"
    found.lacking["thresholds", "b"] = "no crossing"
    found.lacking["sobol_pairs", ""] = "package SALib is not installed"
    assert found.refused == {
        "boxes and tree of a, b": "no draw is above 0",
        "thresholds of b": "no crossing",
        "sobol_pairs": "package SALib is not installed",
    }


def test_a_page_says_what_was_left_out(tmp_path):
    sweep = sweep_of(saltelli(128), lambda x: np.full(len(x), 1.0), ISHIGAMI)
    report.write(sweep, tmp_path, figures=False)
    assert "the same in every draw" in (tmp_path / "section.html").read_text()


@pytest.mark.parametrize("name", study.available())
def test_titles_of_panels_stay_inside_the_picture_and_apart(name):
    """Three panels stand side by side: a title as long as a shipped design has is broken before the next one."""
    regimes = ("exogenous", "directed", "directed_with_spillovers")
    shown = [
        groups.Group(str(at), words, regimes, regimes, (0, 0, 0), "million USD", None)
        for at, words in enumerate(dict.fromkeys(one.title for one in study.load(name).spec.design.outcomes))
    ]
    values = np.linspace(-40.0, 140.0, 20)
    with style.look():
        figure = figures.distributions(SimpleNamespace(solved=lambda column: (None, values, None)), shown)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
    found = [
        text for text in figure.findobj(Text) if " ".join(text.get_text().split()) in {g.title for g in shown}
    ]
    boxes = [text.get_window_extent(canvas.get_renderer()) for text in found]
    assert len(boxes) == len(shown)
    assert all(box.x0 >= 0 and box.x1 <= figure.bbox.width for box in boxes)
    assert not any(one.overlaps(other) for at, one in enumerate(boxes) for other in boxes[:at])


@pytest.mark.parametrize(
    "plan",
    [
        saltelli(64),
        plans.Morris(type="morris", draws=30, seed=1),
        plans.MonteCarlo(type="monte_carlo", draws=30, seed=1),
        plans.Grid(type="grid", points=3),
    ],
    ids=lambda plan: plan.type,
)
def test_an_outcome_that_never_moves_says_so(plan):
    """A fixed deficit had "nine tenths of draws between -71.0 and -71.0", on a grid from one corner to itself."""
    pytest.importorskip("SALib")
    noise = np.random.default_rng(1)
    laws = [Uniform(low=0.0, high=1.0), Uniform(low=5.0, high=9.0)]
    sweep = sweep_of(plan, lambda x: -71 + 1e-12 * noise.normal(size=len(x)), laws)
    (said,) = report.answers(sweep, report.tables(sweep))
    assert said == "Y (directed technology): -71.0 percent in every draw, no parameter moves it."
    moving = sweep_of(plan, lambda x: -71 + x[:, 0], laws)
    assert "no parameter" not in "".join(report.answers(moving, report.tables(moving)))


def test_what_is_too_little_for_an_interval_is_refused_without_a_warning():
    """SciPy and SALib wrote theirs to the terminal; a warning is an error here."""
    pytest.importorskip("SALib")
    rare = [Uniform(low=0.0, high=1.0)] * 2
    either = sweep_of(saltelli(32), lambda x: (x > 0.9).any(axis=1) * 1.0, rare)
    assert report.tables(either).lacking["sobol", "y.directed"].startswith("too few draws for an interval")
    both = sweep_of(saltelli(48, second_order=True), lambda x: (x > 0.9).all(axis=1) * 1.0, rare)
    assert report.tables(both).lacking["sobol_pairs", "y.directed"].startswith("the same in every draw (0)")
