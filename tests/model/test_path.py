"""Paths: E21-E23."""

from dataclasses import replace

import numpy as np
import pytest

from model import Closure, Shock, SolveError, path, solve
from model.decomposition import technology_parts
from model.equilibrium import tobins_q
from model.path import (
    Standing,
    base_standing,
    build,
    even,
    finish_plant,
    hold_stocks,
    learn,
    long_run,
    simulate,
    technology_target,
)
from model.stability import check_speeds
from model.welfare import technology
from tests.independent import published, recompute
from tests.instruments import awkward, exports_of, quota_on
from tests.worlds import quota, world

YEARS = range(2009, 2017)
FULL = "directed_with_spillovers"


@pytest.fixture(scope="module")
def spike():
    """A quota for three years, then none."""
    bench, _ = world(1, research_closure="sector")
    shocks = [Shock(), *[Shock(quotas=(quota(bench, 0.4),))] * 3, *[Shock()] * 4]
    return bench, shocks, simulate(bench, YEARS, shocks, FULL)


def test_without_a_shock_nothing_moves():
    bench, _ = world(2, research_closure="sector")
    years = range(2009, 2031)
    path = simulate(bench, years, [Shock()] * len(years), FULL)
    assert np.abs(path.technology).max() < 1e-12
    assert np.abs(path.capacity).max() < 1e-12


def test_the_first_half_does_not_depend_on_the_horizon(spike):
    bench, shocks, path = spike
    half = simulate(bench, YEARS[:4], shocks[:4], FULL)
    np.testing.assert_array_equal(half.technology, path.technology[:4])
    np.testing.assert_array_equal(half.capacity, path.capacity[:4])


def test_a_path_sought_near_another_is_the_same_path(spike):
    """To the tolerance of every year's solve, with fewer steps; from anything but the same years it is refused."""
    bench, shocks, path = spike
    other = bench.replace(
        parameters=bench.parameters.replace(ree_elasticity=1.05 * bench.parameters.ree_elasticity)
    )
    alone, near = (simulate(other, YEARS, shocks, FULL, near=start) for start in (None, path))
    np.testing.assert_allclose(near.technology, alone.technology, atol=1e-9)
    np.testing.assert_allclose(near.capacity, alone.capacity, atol=1e-9)
    steps = [sum(s.iterations for s in each.solutions) for each in (near, alone)]
    assert steps[0] < steps[1]
    with pytest.raises(ValueError, match="near none of"):
        simulate(other, YEARS[:3], shocks[:3], FULL, near=path)


def test_a_long_path_after_a_shock_settles(spike):
    bench, _, path = spike
    years = range(2009, 2031)
    shocks = [Shock(), *[Shock(quotas=(quota(bench, 0.4),))] * 3, *[Shock()] * (len(years) - 4)]
    long = simulate(bench, years, shocks, FULL)
    moves = np.abs(np.diff(long.capacity, axis=0)).max(axis=(1, 2))
    assert moves[-1] < 0.05 * moves.max()
    assert np.abs(long.capacity[-1]).max() < 0.1 * np.abs(long.capacity).max()
    gap = np.abs(np.diff(long.technology, axis=0)).max(axis=(1, 2, 3))
    assert (np.diff(gap[8:]) < 0).all()  # what was learnt is forgotten ever more slowly


def test_a_temporary_restriction_leaves_lasting_technology_only_when_forgetting_is_slower(spike):
    bench, shocks, _ = spike
    benches = bench, bench.replace(parameters=even(bench.parameters))
    paths = (simulate(b, YEARS, shocks, FULL, capacity_moves=False) for b in benches)
    lasting, fading = (p.technology[-1][1:, [0, 1], :-1].sum(axis=2) for p in paths)
    assert (lasting > 0).all()
    assert (fading < 0.5 * lasting).all()


def test_learning_and_forgetting_close_their_share_of_the_gap():
    parameters = world(1)[0].parameters.replace(learning=0.3, forgetting=0.1)
    now = {"direction": np.array([0.0, 1.0, 0.5])}
    after = learn(now, {"direction": np.array([1.0, 0.0, 0.5])}, parameters)
    np.testing.assert_allclose(after["direction"], [0.3, 0.9, 0.5])


def test_the_sum_of_the_parts_decides_whether_one_learns_or_forgets():
    parameters = world(1)[0].parameters.replace(learning=0.5, forgetting=0.1)
    now = {"direction": np.array([1.0]), "breadth": np.array([0.0])}
    after = learn(now, {"direction": np.array([0.0]), "breadth": np.array([3.0])}, parameters)
    np.testing.assert_allclose(after["direction"], [0.5])  # the sum rises from 1 towards 3: both parts at 0.5
    np.testing.assert_allclose(after["breadth"], [1.5])


@pytest.mark.parametrize("regime", ["directed", FULL])
def test_the_target_of_technology_is_that_of_the_static_solution_at_its_own_fixed_point(regime):
    bench, _ = world(2, research_closure="sector")
    shock = Shock(quotas=(quota(bench, 0.5),))
    static = solve(bench, shock, Closure(regime))
    given = solve(bench, shock.replace(technology=technology(static)), Closure(regime, "given", "given"))
    parts = technology_target(given, regime)
    np.testing.assert_allclose(sum(parts.values()), technology(static), atol=1e-9)
    for name, part in technology_parts(static).items():
        np.testing.assert_allclose(parts[name], part, atol=1e-9)


@pytest.mark.parametrize("regime", ["exogenous", "directed", FULL])
def test_each_part_of_the_target_is_its_term_of_e17(regime):
    """Own research, that of others, breadth: in loops, where some do without an element or without research."""
    b = awkward(3, sparse=True, gaps=True)
    shock = Shock(quotas=(quota_on(b, "quota", exports_of(b, 0, b.elements), 0.4),))
    closure = Closure(regime, "given", "given")
    solution = solve(b, shock, closure)
    parts, par = technology_target(solution, regime), b.parameters
    w = recompute(b, shock, closure, published(solution))
    used = (w.base_type > 0) & (b.research_share > 0)[:, :, None]
    assert 0.3 < used[used.any(axis=2)].mean() < 1.0
    log_r = np.log(w.p.research)
    wanted = {name: np.zeros(used.shape) for name in ("direction", "spillovers", "breadth")}
    for n, j, g in np.argwhere(used) if regime != "exogenous" else ():
        wanted["direction"][n, j, g] = par.innovation_elasticity[n, g] * log_r[n, j, g]
        if regime != FULL:
            continue
        omega = np.outer(par.spillover_region[n], par.spillover_sector[j]) * used[:, :, g]
        if omega.sum() > 0:
            wanted["spillovers"][n, j, g] = par.spillover[n, g] * (omega * log_r[:, :, g]).sum() / omega.sum()
        if g == used.shape[2] - 1:
            named = (w.base_type[n, j, :-1] * log_r[n, j, :-1]).sum()
            wanted["breadth"][n, j, g] = par.breadth / par.breadth_reference * named
    for name, part in wanted.items():
        np.testing.assert_allclose(parts[name], part, atol=1e-13, err_msg=name)
        assert part.any() == (regime == FULL or (regime == "directed" and name == "direction"))


def test_the_target_of_capacity_is_consistent_at_itself():
    bench, _ = world(1, research_closure="sector")
    shock = Shock(quotas=(quota(bench, 0.5),))
    target = long_run(bench, shock, None).allocation.capacity
    there = solve(bench, shock.replace(capacity=target), Closure("exogenous", "given", "given"))
    q = tobins_q(there.system, there.allocation)
    expected = bench.parameters.capacity_response * q
    np.testing.assert_allclose(target, expected, atol=1e-9)


def test_capacity_is_stable_at_full_speed_where_the_cobweb_is_not():
    """With rent at today's capacity as the signal, inelastic supply would overshoot ever further (E22)."""
    bench, _ = world(
        1, research_closure="sector", capacity_exit=np.ones(3), capacity_expansion=np.ones(3),
        build_time=np.zeros(3, dtype=int), capacity_response=np.full(3, 3.0), ree_elasticity=np.full(7, 0.03),
        element_elasticity=np.full(7, 0.05), capacity_weight=np.zeros(3),
    )  # fmt: skip
    small = np.zeros((3, 3))
    small[0, 1] = 1e-4
    moved = solve(bench, Shock(capacity=small), Closure("exogenous", "given", "given"))
    slope = bench.parameters.capacity_response[1] * tobins_q(moved.system, moved.allocation)[0, 1] / 1e-4
    assert slope < -1  # an explicit rule K' = K*(K) diverges
    shocks = [Shock(), *[Shock(quotas=(quota(bench, 0.6),))] * 8]
    path = simulate(bench, range(9), shocks, "exogenous")
    np.testing.assert_allclose(path.capacity[3:], np.broadcast_to(path.capacity[2], (6, 3, 3)), atol=1e-9)


def speeds(**changes):
    defaults = {
        "capacity_expansion": np.array([0.5]),
        "capacity_exit": np.array([0.8]),
        "build_time": np.array([2]),
    }
    return world(1)[0].parameters.replace(**(defaults | changes))


def ahead(standing, targets, parameters):
    """Capacity and plant after a sequence of targets."""
    for target in targets:
        standing = build(standing, np.full((1, 1), target), parameters)
    return float(standing.capacity[0, 0]), float(standing.plant[0, 0])


EMPTY = Standing({}, np.zeros((1, 1)), np.zeros((1, 1)))


def test_plant_takes_its_build_time_and_leaves_at_once():
    par = speeds()
    assert ahead(EMPTY, [1.0], par) == (0, 0)  # ordered
    assert ahead(EMPTY, [1.0, 1.0], par) == (0, 0)
    assert ahead(EMPTY, [1.0, 1.0, 1.0], par) == (0.5, 0.5)
    assert ahead(EMPTY, [-1.0], par) == (-0.8, -0.8)  # nothing is kept without mothballing
    assert ahead(EMPTY, [-1.0, 1.0, 1.0], par)[0] == -0.8  # wanted now, nothing was ordered in time
    assert ahead(EMPTY, [1.0, 1.0, -1.0], par)[0] == -0.8  # no longer wanted when it would have been finished


def test_plant_that_pays_today_does_not_stop_for_what_others_will_build():
    par = speeds()
    for earning, left in ((0.5, 0.0), (-0.5, -0.4), (-2.0, -0.8)):  # ln K that today's rent is worth
        after = build(EMPTY, np.full((1, 1), -1.0), par, np.full((1, 1), earning))
        assert after.capacity.item() == pytest.approx(left)


def test_no_plant_stops_in_a_year_in_which_it_earns_more_than_in_the_base_year():
    """Of a subsidy whose plant takes nine years: what others make meanwhile is wanted, though not in the end."""
    bench, _ = world(1)
    slow = bench.parameters.replace(build_time=np.full(3, 9), capacity_exit=np.full(3, 0.5))
    bench = bench.replace(parameters=slow)
    subsidy = bench.subsidy.copy()
    subsidy[0, bench.stage_sector] += 0.2
    path = simulate(bench, range(6), [Shock(subsidy=subsidy)] * 6, "exogenous")
    rent = np.stack([tobins_q(s.system, s.allocation) for s in path.solutions])
    assert (path.capacity_target[0, 1:] < -0.02).any() and (path.capacity[-1, 1:] < -0.02).any()
    stopped = np.diff(path.capacity, axis=0) < -1e-9
    assert (rent[:-1][stopped] < 0).all()


def test_mothballed_plant_reopens_without_a_build_time_and_is_scrapped_in_time():
    par = speeds(capacity_scrapping=np.array([0.25]))
    closed = ahead(EMPTY, [-1.0], par)
    np.testing.assert_allclose(closed, [-0.8, -0.8 + 0.75 * 0.8])
    reopened = ahead(EMPTY, [-1.0, 0.0], par)
    np.testing.assert_allclose(reopened[0], -0.8 + 0.6)  # all that is idle, 0.6, is less than 0.8 * 0.8
    kept = ahead(EMPTY, [-1.0] * 30, par)
    np.testing.assert_allclose(kept, [-1.0, -1.0], atol=1e-3)


def test_capacity_stays_between_its_extreme_targets():
    rng = np.random.default_rng(0)
    for _ in range(20):
        par = speeds(
            capacity_expansion=rng.uniform(0, 1, 1), capacity_exit=rng.uniform(0, 1, 1),
            capacity_scrapping=rng.uniform(0, 1, 1), build_time=rng.integers(0, 4, 1),
        )  # fmt: skip
        standing, targets = EMPTY, rng.uniform(-1, 1, 40)
        for target in targets:
            standing = build(standing, np.full((1, 1), target), par)
            assert targets.min() <= standing.capacity.item() <= targets.max()
            assert standing.plant.item() >= standing.capacity.item()


def test_capacity_abroad_follows_the_rent(spike):
    _, _, path = spike
    assert (path.capacity_target[1, 1:, 1] > 0).all()
    assert (path.capacity[3, 1:, 1] > 0).all()
    np.testing.assert_array_equal(path.capacity[:2], 0)


def test_a_stock_cannot_be_negative():
    held = np.zeros((2, 3))
    held[0, 1] = 10.0
    release = np.zeros((2, 3))
    release[0, 1] = 6.0
    shocks = [Shock(stock_release=release), Shock(stock_release=release)]
    with pytest.raises(ValueError, match=r"year 2 .* releases 6 t of good 1 but holds 4 t"):
        hold_stocks(shocks, held)
    bought = [Shock(stock_release=-release), Shock(stock_release=release)]
    np.testing.assert_allclose(hold_stocks(bought, held)[1, 0, 1], 16.0)


def test_a_stock_that_is_sold_is_empty():
    """Three purchases of 40 t, sold as two of 60 t, left 1.4e-14 t, which a report told."""
    bought, sold = np.full((1, 1), 40 * 0.81), np.full((1, 1), 60 * 0.81)
    shocks = [*[Shock(stock_release=-bought)] * 3, *[Shock(stock_release=sold)] * 2, Shock()]
    assert hold_stocks(shocks, np.zeros((1, 1)))[-1].item() == 0


@pytest.mark.parametrize("name", ["learning", "forgetting", "capacity_exit"])
@pytest.mark.parametrize("value", [-0.1, 1.1])
def test_speeds_outside_their_range_are_refused(name, value):
    parameters = world(1)[0].parameters.replace(**{name: value})
    with pytest.raises(ValueError, match=rf"{name} = .* \[0, 1\]"):
        check_speeds(parameters)


def test_added_capacity_acts_like_given_capacity():
    bench, _ = world(3, research_closure="sector")
    added = np.zeros((1, 3, 3))
    added[0, 1, 1] = 0.5
    path = simulate(bench, [2010], [Shock()], "exogenous", added_capacity=added)
    given = solve(bench, Shock(capacity=np.log1p(added[0])), path.solutions[0].system.closure)
    np.testing.assert_array_equal(path.solutions[0].allocation.supply, given.allocation.supply)
    finished = finish_plant(base_standing(bench), added[0])
    np.testing.assert_allclose(np.exp(finished.plant[1, 1]), 1.5)


def test_paths_are_refused_where_technology_does_not_settle_unless_one_asks():
    bench, _ = world(0, research_closure="region")
    with pytest.raises(ValueError, match="feeds on itself"):
        simulate(bench, [2010], [Shock()], "directed")
    (year,) = simulate(bench, [2010], [Shock()], "directed", check_stability=False).records
    assert year.solution.converged
    wrong = bench.replace(parameters=bench.parameters.replace(learning=1.5))
    with pytest.raises(ValueError, match=r"learning = 1.5 is outside"):
        simulate(wrong, [2010], [Shock()], "exogenous", check_stability=False)


def test_an_embargo_that_no_solve_reaches_in_one_go_is_walked_to(monkeypatch):
    """Only goods that are embargoed need a unit value: the walk counts their tonnes."""
    bench, _ = world(1, research_closure="sector")
    closed = exports_of(bench, 0, bench.elements)
    direct = solve(bench, Shock(embargo=closed), Closure("directed", "given", "given"))
    kept, tried = path.solve, []

    def once_lost(benchmark, shock, closure, **options):
        tried.append(options)
        found = kept(benchmark, shock, closure, **options)
        return replace(found, status="stalled") if len(tried) == 1 else found

    def year(of, shock):
        tried.clear()
        return path._equilibrium(of, shock, Closure("directed", "given", "given"), None)

    monkeypatch.setattr(path, "solve", once_lost)
    value = bench.unit_value.copy()
    value[:, [k for k in range(value.shape[1]) if k not in bench.elements]] = np.nan
    found = year(bench.replace(unit_value=value), Shock(embargo=closed))
    np.testing.assert_allclose(found.allocation.supply, direct.allocation.supply, rtol=1e-8)
    assert len(tried) == 3
    value[1, bench.elements[0]] = np.nan
    for of, shock in ((bench.replace(unit_value=value), Shock(embargo=closed)), (bench, Shock())):
        with pytest.raises(SolveError):
            year(of, shock)
