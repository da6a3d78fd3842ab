"""Paths: E21-E23."""

import numpy as np
import pytest

from model import Shock, solve
from model.path import build, check_stable, hold_stocks, learn, simulate
from tests.worlds import quota, world

YEARS = range(2009, 2017)


@pytest.fixture(scope="module")
def spike():
    """A quota for three years, then none."""
    bench, _ = world(1, research_closure="sector")
    shocks = [Shock(), *[Shock(quotas=(quota(bench, 0.4),))] * 3, *[Shock()] * 4]
    return bench, shocks, simulate(bench, YEARS, shocks, "directed_with_spillovers")


def test_without_a_shock_nothing_moves():
    bench, _ = world(2, research_closure="sector")
    path = simulate(bench, YEARS, [Shock()] * len(YEARS), "directed_with_spillovers")
    assert np.abs(path.technology).max() < 1e-12
    assert np.abs(path.capacity).max() < 1e-12


def test_the_first_half_does_not_depend_on_the_horizon(spike):
    bench, shocks, path = spike
    half = simulate(bench, YEARS[:4], shocks[:4], "directed_with_spillovers")
    np.testing.assert_array_equal(half.technology, path.technology[:4])
    np.testing.assert_array_equal(half.capacity, path.capacity[:4])


def test_a_temporary_restriction_leaves_lasting_technology_only_when_forgetting_is_slower(spike):
    bench, shocks, path = spike
    even = bench.replace(parameters=bench.parameters.replace(forgetting=bench.parameters.learning))
    symmetric = simulate(even, YEARS, shocks, "directed_with_spillovers")
    lasting, fading = (p.technology[-1][1:, [0, 1], :-1].sum(axis=2) for p in (path, symmetric))
    assert (lasting > 0).all()
    assert (fading < 0.5 * lasting).all()


def test_learning_and_forgetting_close_their_share_of_the_gap():
    parameters = world(1)[0].parameters.replace(learning=0.3, forgetting=0.1)
    now = np.array([0.0, 1.0, 0.5])
    np.testing.assert_allclose(learn(now, np.array([1.0, 0.0, 0.5]), parameters), [0.3, 0.9, 0.5])


def test_plant_takes_its_build_time_and_leaves_at_once():
    parameters = world(1)[0].parameters.replace(
        capacity_expansion=np.array([0.5]), capacity_exit=np.array([0.8]), build_time=np.array([2])
    )
    zero, high = np.zeros((1, 1)), np.ones((1, 1))
    assert build(zero, [high], parameters) == 0  # ordered this year
    assert build(zero, [high, high], parameters) == 0
    assert build(zero, [high, high, high], parameters) == 0.5
    assert build(zero, [high, high, -high], parameters) == -0.8  # no longer wanted: plant leaves
    assert build(zero, [-high, high, high], parameters) == 0  # wanted now, nothing was ordered


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


@pytest.mark.parametrize("name", ["learning", "forgetting"])
@pytest.mark.parametrize("value", [-0.1, 1.1])
def test_speeds_outside_their_range_are_refused(name, value):
    parameters = world(1)[0].parameters.replace(**{name: value})
    with pytest.raises(ValueError, match=rf"{name} = .* \[0, 1\]"):
        check_stable(parameters)


def test_added_capacity_acts_like_given_capacity():
    bench, _ = world(3, research_closure="sector")
    added = np.zeros((1, 3, 3))
    added[0, 1, 1] = 0.5
    path = simulate(bench, [2010], [Shock()], "exogenous", added_capacity=added)
    log_k = np.log1p(added[0])
    given = solve(bench, Shock(capacity=log_k), path.solutions[0].system.closure)
    np.testing.assert_array_equal(path.solutions[0].allocation.supply, given.allocation.supply)
