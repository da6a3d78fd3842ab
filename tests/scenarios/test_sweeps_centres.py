"""Where draws start from: a guess that changes no number, and what is checked once for all draws."""

import numpy as np

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


def test_a_draw_does_not_depend_on_those_before_it(tmp_path):
    forward, backward = study(tmp_path, draws=64), study(tmp_path, draws=64)
    rows = forward.sample.values[:3]
    one = [evaluate.evaluate(forward, row).values for row in rows]
    other = [evaluate.evaluate(backward, row).values for row in rows[::-1]][::-1]
    np.testing.assert_array_equal(one, other)


def test_the_start_comes_closer_than_the_centre(tmp_path):
    ready = study(tmp_path, draws=64)
    starts, rows = ready.centres, ready.sample.values[:6]
    from_centre, from_guess = [], []
    for row in rows:
        solution = starts.solve(worlds(ready, row)["quota"], row, "directed")
        start = starts._starts["quota", "directed"]
        x = start.centre.unknowns(solution)
        from_centre.append(np.linalg.norm(start.centre.x - x))
        from_guess.append(np.linalg.norm(start.surface((row - starts.middle) / starts.width) - x))
    assert np.median(np.array(from_guess) / from_centre) < 0.3


def test_the_surface_goes_through_any_function_of_second_order():
    rng = np.random.default_rng(3)
    slope, bend = rng.standard_normal((3, 5)), rng.standard_normal((3, 3, 5))

    def function(x):
        return 1.0 + x @ slope + np.einsum("i,j,ijk->k", x, x, bend)

    reach = np.array([[0.3, 0.2], [0.1, 0.3], [0.3, 0.3]])
    found = surface.fit(function(np.zeros(3)), function, reach, crossed=True)
    for moved in rng.uniform(-0.5, 0.5, (5, 3)):
        np.testing.assert_allclose(found(moved), function(moved), rtol=1e-12)


def test_the_surface_is_flat_along_what_fails():
    def function(x):
        return None if x[1] else np.array([x[0], 1e-12 * x[0]])

    found = surface.fit(np.zeros(2), function, np.full((2, 2), 0.3), crossed=True)
    np.testing.assert_allclose(found(np.array([0.5, 0.5])), [0.5, 0.0], atol=1e-15)


def test_what_a_parameter_does_not_move_stays_to_the_bit(tmp_path):
    text = SMALL.replace("supply_elasticity.ree_mining", "innovation_elasticity")
    ready = study(tmp_path, text, draws=64)
    row = ready.sample.values[0]
    other = np.array([row[0], ready.sample.values[1][1], row[2]])
    exogenous = [column.source.regime == "exogenous" for column in ready.columns]
    one, two = evaluate.evaluate(ready, row).values, evaluate.evaluate(ready, other).values
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
        reason = evaluate.evaluate(ready, row).reason
        assert ("unstable" in reason) == (alone.status == "unstable")


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


def test_where_the_middle_has_no_solution_draws_are_solved_alone(tmp_path, monkeypatch):
    ready = study(tmp_path)
    found = evaluate.evaluate(ready, ready.sample.values[0])
    lost = study(tmp_path)
    monkeypatch.setattr(centres, "Centre", _no_centre)
    alone = evaluate.evaluate(lost, lost.sample.values[0])
    assert alone.reason == ""
    np.testing.assert_allclose(alone.values, found.values, rtol=1e-6)


def _no_centre(*_):
    raise ValueError("no centre")
