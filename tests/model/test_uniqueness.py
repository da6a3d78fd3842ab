"""Random searches for other equilibria: which of them count, where they start, and what counts as the same."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from model import Closure, Shock, solve, uniqueness
from model.newton import Options
from model.uniqueness import SAME, distinct_solutions
from tests.checks import assert_close
from tests.instruments import EXOGENOUS, awkward, exports_of, quota_on


@pytest.fixture(scope="module")
def b():
    return awkward(0)


@pytest.fixture(scope="module")
def taxed(b):
    """A shock and its equilibrium."""
    shock = Shock(tariff=b.tariff + 0.2)
    return shock, solve(b, shock, EXOGENOUS)


def scripted(monkeypatch, outcomes):
    """Searches end as they are told; returns what each was asked."""
    asked, left = [], iter(outcomes)

    def attempt(*arguments, **options):
        asked.append((arguments, options))
        return next(left)

    monkeypatch.setattr(uniqueness, "attempt", attempt)
    return asked


def test_searches_that_lead_nowhere_do_not_count_and_each_equilibrium_stands_once(b, taxed, monkeypatch):
    shock, first = taxed
    other, lost = solve(b, Shock(), EXOGENOUS), replace(first, status="stalled")
    asked = scripted(monkeypatch, [first, lost, other, other, lost, first, other])
    found, ended = distinct_solutions(b, shock, EXOGENOUS, starts=7, options=Options(tolerance=1e-11))
    assert ended == 5
    assert [s.converged for s in found] == [True, True]
    assert_close("supply", found[0].allocation.supply, first.allocation.supply, 0.0)
    assert found[1] is other
    for (of, under, closure, options), _ in asked:
        assert (of, under, closure) == (b, shock, EXOGENOUS)
        assert options == Options(tolerance=1e-11, continuation=False, check_stability=False)


def test_without_a_shock_and_a_closure_the_base_year_is_searched_around(b, monkeypatch):
    asked = scripted(monkeypatch, [replace(solve(b), status="stalled")])
    found, ended = distinct_solutions(b, starts=1)
    assert (len(found), ended) == (1, 0)
    assert found[0].allocation.supply.tobytes() == solve(b).allocation.supply.tobytes()
    _, shock, closure, _ = asked[0][0]
    assert shock == Shock()
    assert closure == Closure()


def starts_of(b, monkeypatch, seed, spread, shock=None):
    """Where the searches would start."""
    solution = solve(b, shock, EXOGENOUS)
    asked = scripted(monkeypatch, [solution] * 20)
    distinct_solutions(b, shock, EXOGENOUS, seed=seed, spread=spread)
    problems = [options["problem_of"](solution.system) for _, options in asked]
    return problems, np.array([problem.start() for problem in problems])


def test_starts_are_normal_in_logs_around_the_base_year_and_follow_the_seed(b, monkeypatch):
    problems, starts = starts_of(b, monkeypatch, 3, 0.3)
    free = starts[:, : problems[0].licence.start]
    assert free.size > 2_000
    assert abs(free.mean()) < 3 * 0.3 / np.sqrt(free.size)
    assert free.std() == pytest.approx(0.3, rel=0.05)
    assert np.abs(np.corrcoef(free) - np.eye(20)).max() < 0.3  # each search has a start of its own
    assert (starts_of(b, monkeypatch, 3, 0.3)[1] == starts).all()
    assert not (starts_of(b, monkeypatch, 4, 0.3)[1] == starts).any()


def test_starts_have_licences_of_the_size_of_unit_values_and_no_leak(b, monkeypatch):
    covers = exports_of(b, 0, b.elements)
    shock = Shock(quotas=(quota_on(b, "quota", covers, 0.5, leak_margin=0.5),))
    problems, starts = starts_of(b, monkeypatch, 0, 0.2, shock)
    licence, scale = starts[:, problems[0].licence], problems[0].system.restrictions.scale
    assert licence.shape == (20, 1)
    assert starts[:, problems[0].leak].shape == (20, 1)
    assert (licence > 0).all()
    assert 0.05 < (licence / scale).mean() < 0.3  # the mean of |x| is 0.8 standard deviations
    assert not starts[:, problems[0].leak.start :].any()


def outcome(**changes):
    arrays = {"income": np.array([4.0, 8.0]), "supply": np.array([1e6, 2.0]), "labour": np.ones(3)} | changes
    return SimpleNamespace(allocation=SimpleNamespace(**arrays))


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({}, True),
        ({"income": np.array([4.0, 8.0 * (1 + 0.5 * SAME)])}, True),
        ({"income": np.array([4.0 + 30 * SAME, 8.0])}, False),
        ({"labour": np.array([1.0, 1.0, 1 + 5 * SAME])}, False),
        ({"supply": np.array([1e6, 2.0 + 0.5e6 * SAME])}, True),  # negligible beside the largest
        ({"supply": np.array([1e6, 2.0 + 3e6 * SAME])}, False),
        ({"supply": np.array([1e6 * (1 + 5 * SAME), 2.0])}, False),
    ],
)
def test_two_solutions_are_the_same_when_all_that_is_not_negligible_is(changes, same):
    assert uniqueness._same(outcome(**changes), outcome()) == same


def test_what_is_negligible_is_so_beside_the_largest_however_small_that_is():
    small, other = np.array([1e-3, 2e-3]), np.array([1e-3, 2e-3 + 0.5 * SAME])
    assert not uniqueness._same(outcome(income=other), outcome(income=small))


def test_negative_incomes_have_a_size_too():
    """A region that owes more than it earns."""
    poor = np.array([-1e6, 1e-3])
    near, far = (poor + np.array([0.0, gap]) for gap in (0.5e6 * SAME, 3e6 * SAME))
    assert uniqueness._same(outcome(income=near), outcome(income=poor))
    assert not uniqueness._same(outcome(income=far), outcome(income=poor))
