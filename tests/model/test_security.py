"""The cost of an embargo now."""

import numpy as np

from model import Closure, Shock, solve
from model.path import simulate
from model.security import concentration, embargo, embargo_loss, import_dependence, supply_concentration
from tests.worlds import quota, world


def elements_mask(bench):
    mask = np.zeros(bench.final.shape[1], dtype=bool)
    mask[bench.elements] = True
    return mask


def test_an_embargo_never_closes_home():
    bench, _ = world(1)
    closed = embargo(bench, 0, elements_mask(bench))
    assert not closed[0, 0].any()
    assert closed[0, 1][bench.elements].all()
    assert not closed[1:].any()


def test_innovation_so_far_lowers_the_loss_of_an_embargo():
    bench, _ = world(1, research_closure="sector")
    shocks = [Shock(), *[Shock(quotas=(quota(bench, 0.3),))] * 4]
    path = simulate(bench, range(5), shocks, "directed", capacity_moves=False)
    closed = embargo(bench, 0, elements_mask(bench))
    loss = embargo_loss(bench, Shock(technology=path.technology[-1]), closed)
    world_loss = (loss.now * bench.final.sum(axis=1))[1:].sum()
    world_without = (loss.without_innovation * bench.final.sum(axis=1))[1:].sum()
    assert 0 < world_loss < world_without
    np.testing.assert_array_equal(loss.avoided, loss.without_innovation - loss.now)


def test_without_technology_nothing_is_avoided():
    bench, _ = world(2)
    loss = embargo_loss(bench, Shock(), embargo(bench, 0, elements_mask(bench)))
    np.testing.assert_array_equal(loss.avoided, 0)


def test_dependence_and_concentration_are_shares():
    bench, _ = world(3)
    base = solve(bench, closure=Closure("exogenous"))
    dependence, index = import_dependence(base), concentration(base)
    on_first = import_dependence(base, np.array([True, False, False]))
    assert (dependence >= 0).all()
    assert (dependence <= 1).all()
    assert (on_first <= dependence + 1e-15).all()
    assert (on_first[0] == 0).all()
    bought = index > 0
    assert (index[bought] >= 1 / 3 - 1e-12).all()
    assert (supply_concentration(base) <= 1).all()
    cut = solve(bench, Shock(embargo=embargo(bench, 0, elements_mask(bench))), Closure("exogenous", "given"))
    assert (import_dependence(cut, np.array([True, False, False]))[:, bench.elements] == 0).all()
