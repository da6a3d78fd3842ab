"""A solve that starts from another solution ends where it would have ended from the base year."""

from dataclasses import replace

import numpy as np
import pytest

from model import Closure, Shock, solve
from tests.worlds import quota, world

STATIC, TARGET = Closure("exogenous", "given", "given"), Closure("directed", "target", "target")


@pytest.mark.parametrize("closure", [STATIC, TARGET])
def test_a_start_saves_steps_and_changes_nothing(closure):
    bench, _ = world(1, research_closure="sector")
    near = solve(bench, Shock(quotas=(quota(bench, 0.42),)), closure)
    cold = solve(bench, Shock(quotas=(quota(bench, 0.4),)), closure)
    warm = solve(bench, Shock(quotas=(quota(bench, 0.4),)), closure, start=near)
    assert 0 < warm.iterations < cold.iterations
    np.testing.assert_allclose(warm.allocation.supply, cold.allocation.supply, rtol=1e-8)
    assert warm.licence["quota"] == pytest.approx(cold.licence["quota"], rel=1e-8)


def test_a_start_may_have_other_quotas_and_another_closure():
    bench, _ = world(1, research_closure="sector")
    first = solve(bench, Shock(quotas=(quota(bench, 0.4), quota(bench, 0.5, name="other"))), TARGET)
    warm = solve(bench, Shock(quotas=(quota(bench, 0.6),)), STATIC, start=first)
    cold = solve(bench, Shock(quotas=(quota(bench, 0.6),)), STATIC)
    np.testing.assert_allclose(warm.allocation.supply, cold.allocation.supply, rtol=1e-8)


def test_a_start_that_leads_nowhere_does_no_harm():
    bench, _ = world(1, research_closure="sector")
    good = solve(bench, Shock(quotas=(quota(bench, 0.6),)), STATIC)
    lost = good.allocation.state._replace(price=np.full_like(good.allocation.state.price, 400.0))
    bad = replace(good, allocation=replace(good.allocation, state=lost))
    found = solve(bench, Shock(quotas=(quota(bench, 0.6),)), STATIC, start=bad)
    np.testing.assert_allclose(found.allocation.supply, good.allocation.supply, rtol=1e-10)
