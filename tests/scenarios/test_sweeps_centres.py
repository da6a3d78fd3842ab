"""Where draws start from: a guess that changes no number, and what is checked once for all draws."""

import gc
import itertools

import numpy as np
import pytest

from model import memory
from model.records import Closure
from model.solve import solve
from model.stability import TechnologyMap
from scenarios import sweeps
from scenarios.sweeps import centres, evaluate, surface
from scenarios.sweeps.worlds import worlds
from tests.scenarios.test_sweeps import SMALL

WILD = SMALL.replace(
    "  - path: calibration.supply_elasticity.ree_mining\n",
    "  - path: calibration.element_elasticity\n"
    "    distribution: {type: uniform, low: 0.5, high: 8}\n"
    "  - path: calibration.innovation_elasticity\n"
    "    distribution: {type: uniform, low: 0.1, high: 6}\n",
)


def study(tmp_path, text=SMALL, draws=6):
    path = tmp_path / "small.yaml"
    path.write_text(text.replace("draws: 6", f"draws: {draws}"))
    return sweeps.load(path)


def evaluated(ready, row):
    """One draw, by itself."""
    (found,) = evaluate.evaluate(ready, row[None])
    return found


def test_a_draw_does_not_depend_on_those_before_it(tmp_path):
    forward, backward = study(tmp_path, draws=200), study(tmp_path, draws=200)
    rows = forward.sample.values[:3]
    one = [evaluated(forward, row).values for row in rows]
    other = [evaluated(backward, row).values for row in rows[::-1]][::-1]
    np.testing.assert_array_equal(one, other)


def test_the_start_comes_closer_than_the_centre(tmp_path):
    ready = study(tmp_path, draws=200)
    starts, rows = ready.centres, ready.sample.values[:6]
    from_centre, from_guess = [], []
    for row in rows:
        solution = starts.one(worlds(ready, row)["quota"], row, "directed")
        start = starts._starts["quota", "directed"]
        x = start.centre.unknowns(solution)
        from_centre.append(np.linalg.norm(start.centre.x - x))
        from_guess.append(np.linalg.norm(start.surface(starts.moved(row)) - x))
    assert np.median(np.array(from_guess) / from_centre) < 0.3


def test_distances_are_in_ranges_of_what_is_drawn_evenly(tmp_path):
    text = SMALL.replace(
        "{type: uniform, low: 20000, high: 35000}", "{type: loguniform, low: 10000, high: 40000}"
    )
    starts = study(tmp_path, text).centres
    assert starts.middle[2] == pytest.approx(20000)
    np.testing.assert_allclose(starts.moved(starts.high), 0.5)
    np.testing.assert_allclose(starts.moved(starts.low), -0.5)
    row = np.array([0.3, 1.2, 15000.0])
    np.testing.assert_allclose(starts.row(starts.moved(row)), row, rtol=1e-12)


def test_the_surface_goes_through_any_function_of_second_order():
    rng = np.random.default_rng(3)
    slope, bend = rng.standard_normal((3, 5)), rng.standard_normal((3, 3, 5))

    def function(x):
        return 1.0 + x @ slope + np.einsum("i,j,ijk->k", x, x, bend)

    reach = np.array([[0.3, 0.2], [0.1, 0.3], [0.3, 0.3]])
    found = surface.fit(
        function(np.zeros(3)), lambda points: [function(x) for x in points], reach, crossed=True
    )
    for moved in rng.uniform(-0.5, 0.5, (5, 3)):
        np.testing.assert_allclose(found(moved), function(moved), rtol=1e-12)


def test_the_surface_is_flat_along_what_fails():
    def function(x):
        return None if x[1] else np.array([x[0], 1e-12 * x[0]])

    found = surface.fit(
        np.zeros(2), lambda points: [function(x) for x in points], np.full((2, 2), 0.3), crossed=True
    )
    np.testing.assert_allclose(found(np.array([0.5, 0.5])), [0.5, 0.0], atol=1e-15)


def test_what_a_parameter_does_not_move_stays_to_the_bit(tmp_path):
    text = SMALL.replace("supply_elasticity.ree_mining", "innovation_elasticity")
    ready = study(tmp_path, text, draws=200)
    row = ready.sample.values[0]
    other = np.array([row[0], ready.sample.values[1][1], row[2]])
    exogenous = [column.source.regime == "exogenous" for column in ready.columns]
    one, two = evaluated(ready, row).values, evaluated(ready, other).values
    np.testing.assert_array_equal(one[exogenous], two[exogenous])
    assert (np.delete(one, np.flatnonzero(exogenous)) != np.delete(two, np.flatnonzero(exogenous))).any()


def test_a_range_in_which_technology_may_feed_on_itself_is_checked_draw_by_draw(tmp_path):
    ready = study(tmp_path, WILD, draws=200)
    closure = Closure("directed", "target", "target")
    assert not ready.centres._settles("quota", closure)
    for row in ready.sample.values[:12]:
        world = worlds(ready, row)["quota"]
        alone = solve(
            world.benchmark,
            world.scenario.shock(world.calibration),
            world.scenario.closure("directed"),
            throw=False,
        )
        reason = evaluated(ready, row).reason
        assert ("unstable" in reason) == (alone.status == "unstable")


def test_corners_hold_every_three_parameters_at_all_combinations_of_ends(tmp_path):
    starts = sweeps.load("elasticities-2010", 40).centres
    corners = starts._corners()
    for three in itertools.combinations(range(len(starts.middle)), 3):
        assert len(np.unique(corners[:, three], axis=0)) == 8


CLIFF = (
    SMALL[: SMALL.index("design:")]
    + """\
design: {type: grid, points: 8}
vary:
  - path: parameters.ree_elasticity
    distribution: {type: loguniform, low: 0.03, high: 0.9}
  - path: instruments.quota-2010.limit
    distribution: {type: loguniform, low: 1500, high: 35000}
outcomes:
  - {name: gain, variable: equivalent_variation, select: {region: {all_but: CHN}}}
"""
)


def test_a_surface_that_saves_nothing_is_not_used(tmp_path, monkeypatch):
    """Over a cliff: what a surface of second order says beyond it is further off than the middle."""
    monkeypatch.setattr(centres, "WORTH", 1)
    hard = study(tmp_path, CLIFF).centres
    evaluated(hard.study, hard.study.sample.values[30])
    assert not hard._starts["quota", "exogenous"].surface.slope.any()


def test_within_the_shipped_ranges_technology_settles_everywhere(tmp_path):
    ready = study(tmp_path, draws=200)
    assert ready.centres._settles("quota", Closure("directed", "target", "target"))
    few = study(tmp_path, draws=6)  # not worth the solves: every draw is checked
    assert not few.centres._settles("quota", Closure("directed", "target", "target"))


def test_more_research_is_a_map_of_technology_so_many_times_larger(tmp_path):
    b = study(tmp_path).calibration.benchmark
    once, more = (TechnologyMap(each, "directed_with_spillovers") for each in (b, centres._more_research(b)))
    change = np.random.default_rng(1).standard_normal(once.size)
    np.testing.assert_allclose(more(change), centres.MARGIN * once(change), atol=1e-5)


def test_a_draw_leaves_nothing_behind(tmp_path):
    """Memory of a worker does not grow with draws: what is kept with a base year goes with it."""
    ready = study(tmp_path)
    evaluated(ready, ready.sample.values[0])
    gc.collect()
    before = len(memory._kept)
    for row in ready.sample.values[1:]:
        evaluated(ready, row)
    gc.collect()
    assert len(memory._kept) == before


def test_where_the_middle_has_no_solution_draws_are_solved_alone(tmp_path, monkeypatch):
    ready = study(tmp_path)
    found = evaluated(ready, ready.sample.values[0])
    lost = study(tmp_path)
    monkeypatch.setattr(centres, "Centre", _no_centre)
    alone = evaluated(lost, lost.sample.values[0])
    assert alone.reason == ""
    np.testing.assert_allclose(alone.values, found.values, rtol=1e-6)
    assert lost.centres.lacking("quota", "directed") == "ValueError: no centre"
    assert ready.centres.lacking("quota", "directed") == ""


PATH = (
    SMALL[: SMALL.index("scenarios:")]
    + """\
scenarios:
  cut:
    scenario: no-shock
    change: {horizon: path, years: 2009-2011}
    add: [{type: export_quota, name: cut, origins: CHN, elements: all, limit: {value: 80, unit: "%"}, from: 2010}]
calibration: china-2009-small
regimes: [directed]
design: {type: monte_carlo, draws: 6, seed: 1}
vary:
  - path: calibration.ree_elasticity_max
  - path: instruments.cut.limit
    distribution: {type: uniform, low: 60, high: 90}
outcomes:
  - {name: gain, variable: equivalent_variation, select: {region: {all_but: CHN}}, year: all}
"""
)


def test_a_path_starts_from_that_in_the_middle_and_comes_to_the_same(tmp_path):
    """To the solver's tolerance the path alone; to the last bit whatever was solved before it."""
    forward, backward = study(tmp_path, PATH), study(tmp_path, PATH)
    rows = forward.sample.values[:3]
    one = [evaluated(forward, row).values for row in rows]
    other = [evaluated(backward, row).values for row in rows[::-1]][::-1]
    np.testing.assert_array_equal(one, other)
    assert np.isfinite(one).all()
    alone = study(tmp_path, PATH)
    alone.centres._paths["cut", "directed"] = None
    income = alone.calibration.benchmark.final.sum()
    for row, values in zip(rows, one, strict=True):
        np.testing.assert_allclose(evaluated(alone, row).values, values, rtol=1e-7, atol=1e-11 * income)
    world = worlds(forward, rows[0])["cut"]
    near = forward.centres.path(world, "directed").records[1:]
    far = alone.centres.path(world, "directed").records[1:]
    saved = [f.solution.iterations - n.solution.iterations for n, f in zip(near, far, strict=True)]
    assert min(saved) >= 0 < max(saved)


def test_where_the_path_in_the_middle_has_no_solution_draws_are_solved_alone(tmp_path, monkeypatch):
    ready = study(tmp_path, PATH)
    real = centres.simulate

    def fails(benchmark, *given, near=None, **more):
        if near is None and not tried:
            tried.append(benchmark)
            raise ValueError("no path")
        return real(benchmark, *given, near=near, **more)

    tried = []
    monkeypatch.setattr(centres, "simulate", fails)
    assert evaluated(ready, ready.sample.values[0]).reason == ""
    assert ready.centres.lacking("cut", "directed") == "ValueError: no path"


def test_scenarios_with_the_same_settings_share_a_base_year(tmp_path):
    """What is computed of it once, such as whether technology settles, serves both."""
    text = SMALL.replace(
        "{quota: china-2010-quota}",
        "{quota: china-2010-quota, none: no-shock,"
        " other: {scenario: no-shock, change: {parameters: {ree_elasticity: 0.4}}}}",
    ) + "".join(
        f"  - {{name: of-{key}, variable: real_income, scenario: {key}}}\n" for key in ("none", "other")
    )
    ready = study(tmp_path, text)
    found = worlds(ready, ready.sample.values[0])
    assert found["quota"].benchmark is found["none"].benchmark
    assert found["other"].benchmark is not found["none"].benchmark


def _no_centre(*_):
    raise ValueError("no centre")
