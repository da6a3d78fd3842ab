"""Draws around a centre: what they give is what a solve alone gives, whoever does the work."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

from model import Closure, Shock, solve
from model.batch import Centre, solve_many
from model.newton import Options
from tests.instruments import awkward, exports_of, quota_on

ELASTICITIES = ("trade_elasticity", "ree_elasticity", "element_elasticity", "materials_elasticity")
CLOSURES = [
    Closure("exogenous", "given", "given"),
    Closure("directed", "target", "given"),
    Closure("directed_with_spillovers", "target", "target"),
]


def shock(b, ratio: float = 0.5) -> Shock:
    return Shock(quotas=(quota_on(b, "quota", exports_of(b, 0, b.elements), ratio),))


def draws(b, count: int, spread: float = 0.4):
    rng = np.random.default_rng(1)
    for _ in range(count):
        moved = {}
        for name in ELASTICITIES:
            value = getattr(b.parameters, name)
            moved[name] = value * np.exp(rng.uniform(-spread, spread, value.shape))
        yield b.replace(parameters=b.parameters.replace(**moved)), shock(b, rng.uniform(0.3, 0.8))


def read(solution):
    state = solution.allocation.state
    return solution.status, np.concatenate([state.price.ravel(), state.output.ravel(), state.licence])


@pytest.mark.parametrize("closure", CLOSURES, ids=lambda c: f"{c.regime}-{c.capacity}")
def test_a_draw_is_what_a_solve_alone_gives(closure):
    b = awkward()
    centre = Centre(b, shock(b), closure)
    for draw in draws(b, 5):
        near, alone = centre.solve(*draw), solve(*draw, closure)
        assert near.converged
        np.testing.assert_allclose(read(near)[1], read(alone)[1], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("count", [1, 12])
def test_draws_may_restrict_other_goods_than_the_centre(count):
    """As many quotas, so as many unknowns; but what is bought cell by cell is not the same."""
    b = awkward()
    ordinary = np.setdiff1d(np.nonzero(b.final.any(axis=0))[0], b.elements)[:2]
    units = b.unit_value.copy()
    units[:, ordinary] = 5.0
    b = b.replace(unit_value=units)
    here, there = (
        Shock(quotas=(quota_on(b, "quota", exports_of(b, 0, goods), 0.5),))
        for goods in (ordinary[:1], ordinary)
    )
    there = there.replace(
        productivity=np.full(b.output.shape, 20.0)
    )  # far: what is factorised has to be renewed
    centre = Centre(b, here, CLOSURES[0])
    alone = read(solve(b, there, CLOSURES[0]))
    for found in solve_many(centre, [(b, there)] * count, read):
        assert found[0] == "converged"
        np.testing.assert_allclose(found[1], alone[1], rtol=1e-9, atol=1e-9)


def test_a_draw_does_not_depend_on_its_neighbours():
    b = awkward()
    centre, many = Centre(b, shock(b)), list(draws(b, 6))
    forward = list(solve_many(centre, many, read))
    backward = list(solve_many(centre, many[::-1], read))[::-1]
    for (_, one), (_, other) in zip(forward, backward, strict=True):
        np.testing.assert_array_equal(one, other)


def test_processes_give_the_same_numbers_in_the_same_order():
    b = awkward()
    centre, many = Centre(b, shock(b)), list(draws(b, 5))
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        shared = list(solve_many(centre, many, read, pool, chunk=2))
    for (status, one), (_, other) in zip(shared, solve_many(centre, many, read), strict=True):
        assert status == "converged"
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-13)


def test_a_draw_that_fails_is_kept_and_spoils_nothing():
    b = awkward()
    centre = Centre(b, shock(b))
    closed = np.zeros(b.export_tax.shape, dtype=bool)
    closed[:, 1, b.elements[0]] = True
    good = next(iter(draws(b, 1)))
    found = list(solve_many(centre, [(b, Shock(embargo=closed)), good], read))
    assert [status for status, _ in found] == ["infeasible", "converged"]


def test_a_draw_whose_quota_is_slack_leaves_no_trace_of_it():
    b = awkward()
    centre = Centre(b, shock(b))
    loose = centre.solve(b, shock(b, 1.5))
    assert loose.licence == {"quota": 0.0}
    np.testing.assert_allclose(read(loose)[1], 0.0, atol=1e-11)


@pytest.mark.parametrize("drawn", [{"breadth": 500.0}, {"breadth_reference": 1e-6}])
def test_a_draw_of_breadth_is_refused_where_it_is_refused_alone(drawn):
    b, closure = awkward(), Closure("directed_with_spillovers")
    wild = b.replace(parameters=b.parameters.replace(**drawn))
    assert solve(wild, shock(b), closure, throw=False).status == "unstable"
    assert Centre(b, shock(b), closure).solve(wild, shock(b)).status == "unstable"


def test_stability_is_checked_again_when_innovation_is_drawn():
    b = awkward()
    centre = Centre(b, shock(b))
    wild = b.parameters.replace(
        ree_elasticity=np.full(b.shape[1], 3.5), innovation_elasticity=np.full((4, 6), 0.5)
    )
    assert centre.solve(b.replace(parameters=wild), shock(b)).status == "unstable"
    unchecked = Centre(b, shock(b), options=Options(check_stability=False))
    assert unchecked.solve(b.replace(parameters=wild), shock(b)).status != "unstable"
