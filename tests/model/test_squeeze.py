"""Cuts of exports: the steps of the walk, the limits on the way, and what is dropped on it."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from model import Shock, SolveError, shocks, solve, squeeze
from model.flows import gate_flows, gate_tonnes
from model.records import Quota
from model.solution import Diagnosis
from model.squeeze import ALMOST_NOTHING, DIRECT, SHORTEST, STATIC, closing, cut
from tests.instruments import awkward, exports_of, quota_on


@pytest.fixture(scope="module")
def b():
    return awkward(0)


@pytest.fixture(scope="module")
def covers(b):
    return exports_of(b, 0, b.elements)


@pytest.fixture(scope="module")
def today(b):
    return solve(b, Shock(), STATIC)


def walker(monkeypatch, longest):
    """Solves end in limits, and succeed when the limit is not more than `longest` (in logs) below the last success."""
    steps, here = [], [0.0]

    def solved(benchmark, shock, closure, *, start, options, throw=True):
        assert (closure, options) == (STATIC, DIRECT)
        at = np.log(shock.quotas[-1].limit)
        good = here[-1] - at <= longest * (1 + 1e-12)
        steps.append((start, float(shock.quotas[-1].limit), good))
        if good:
            here.append(at)
        diagnosis = Diagnosis("converged" if good else "stalled", "", (), 0.0)
        if throw and not good:
            raise SolveError(diagnosis)
        return SimpleNamespace(converged=good, diagnosis=diagnosis, at=float(shock.quotas[-1].limit))

    monkeypatch.setattr(squeeze, "solve", solved)
    return steps


def limits(steps):
    return [limit for _, limit, _ in steps]


def test_a_walk_starts_with_a_fifth_and_every_success_lengthens_the_step(b, covers, monkeypatch):
    steps = walker(monkeypatch, 10.0)
    unit = Quota("cut", covers, 1.0, np.ones(b.final.shape[1]))
    end = squeeze._tighten(b, Shock(), unit, 1.0, 1e-4, "today")
    assert limits(steps) == pytest.approx([0.2, 0.2 * 0.2**1.5, 0.2**2.5 * 0.2**2.25, 1e-4])
    assert limits(steps)[-1] == 1e-4  # to the bit
    assert end.at == 1e-4
    assert [start if start == "today" else start.at for start, _, _ in steps] == [
        "today",
        *limits(steps)[:-1],
    ]


def test_a_step_that_fails_is_halved_from_where_one_stands(b, covers, monkeypatch):
    steps = walker(monkeypatch, 0.5 * np.log(5))
    unit = Quota("cut", covers, 1.0, np.ones(b.final.shape[1]))
    squeeze._tighten(b, Shock(), unit, 1.0, 0.2, "today")
    assert limits(steps) == pytest.approx([0.2, 0.2**0.5, 0.2])
    assert [good for _, _, good in steps] == [False, True, True]


def test_a_walk_goes_on_from_the_share_that_was_left(b, covers, monkeypatch):
    steps = walker(monkeypatch, 10.0)
    unit = Quota("cut", covers, 3.0, np.ones(b.final.shape[1]))
    squeeze._tighten(b, Shock(), unit, 0.5, 0.05, "there")
    assert limits(steps) == pytest.approx([3 * 0.1, 3 * 0.05])


def test_a_walk_that_gets_nowhere_is_given_up_at_the_shortest_step(b, covers, monkeypatch):
    steps = walker(monkeypatch, 0.0)
    unit = Quota("cut", covers, 1.0, np.ones(b.final.shape[1]))
    with pytest.raises(SolveError):
        squeeze._tighten(b, Shock(), unit, 1.0, 1e-3, "today")
    tried = np.log(5) / 2.0 ** np.arange(len(steps))
    np.testing.assert_allclose(-np.log(limits(steps)), tried, rtol=1e-9)
    assert tried[-1] < SHORTEST <= tried[-2]


def test_a_cut_of_nothing_is_today_and_solves_nothing(b, covers, today, monkeypatch):
    steps = walker(monkeypatch, 10.0)
    assert cut(b, Shock(), covers, (0.0,), today) == (today,)
    assert steps == []


def test_every_cut_has_the_tonnes_it_leaves_and_starts_from_the_one_before(b, covers, today, monkeypatch):
    steps = walker(monkeypatch, 1e3)
    tonnes = gate_tonnes(today)[covers].sum()
    steps_of = cut(b, Shock(), covers, (0.5, 0.75), SimpleNamespace(**vars(today)))
    assert limits(steps) == pytest.approx([0.5 * tonnes, 0.25 * tonnes])
    assert steps[1][0] is steps_of[0]


def test_an_embargo_follows_the_last_tonnes(b, covers, today, monkeypatch):
    asked = []

    def solved(benchmark, shock, closure, *, start, options, throw=True):
        asked.append(shock)
        return SimpleNamespace(converged=True)

    monkeypatch.setattr(squeeze, "solve", solved)
    cut(b, Shock(), covers, (1.0,), today)
    tonnes = gate_tonnes(today)[covers].sum()
    assert asked[-2].quotas[-1].limit == pytest.approx(ALMOST_NOTHING * tonnes)
    assert (asked[-1].embargo == covers).all()
    assert asked[-1].quotas == ()
    asked.clear()
    cut(b, Shock(), covers, (0.5,), today)
    assert all(shock.embargo is None for shock in asked)


def test_goods_that_are_not_sold_need_no_unit_value(b, covers):
    """Of what is closed already there are no tonnes to count, though nobody knows what one is worth."""
    good = int(b.elements[0])
    value = b.unit_value.copy()
    value[0, good] = np.nan
    unknown, shut = b.replace(unit_value=value), exports_of(b, 0, [good])
    start = solve(unknown, Shock(embargo=shut), STATIC)
    assert cut(unknown, Shock(embargo=shut), shut, (0.5, 1.0), start) == (start, start)
    with pytest.raises(ValueError, match=rf"goods \[{good}\] have no unit value"):
        cut(unknown, Shock(), covers, (0.5,), solve(unknown, Shock(), STATIC))


def test_closing_adds_to_an_embargo_and_drops_quotas_on_what_is_closed(b, covers):
    elsewhere = exports_of(b, 1, b.elements)
    inside, across = quota_on(b, "inside", covers, 0.5), quota_on(b, "across", covers | elsewhere, 0.5)
    closed = closing(Shock(embargo=elsewhere, quotas=(inside, across)), covers)
    assert (closed.embargo == (covers | elsewhere)).all()
    assert [q.name for q in closed.quotas] == ["across"]
    assert (closing(Shock(), covers).embargo == covers).all()


@pytest.mark.parametrize(
    ("changes", "implied"),
    [
        ({}, True),
        ({"limit": 99.0}, False),
        ({"limit": 100.0}, True),
        ({"weight": 0.5}, True),  # in content, that of the cut is met
        ({"weight": 1.0}, True),
        ({"weight": 1.1}, False),
        ({"leak_margin": 0.5}, True),  # nothing is smuggled past a limit that is not met
        ({"origin": 1}, False),
    ],
)
def test_a_quota_is_implied_by_a_tighter_one_on_all_it_covers(b, covers, changes, implied):
    values = {"limit": 150.0, "weight": 1.0, "leak_margin": None, "origin": 0} | changes
    part = exports_of(b, values["origin"], b.elements[:2])
    other = Quota(
        "other", part, values["limit"], np.full(b.final.shape[1], values["weight"]), leak_margin=values["leak_margin"]
    )  # fmt: skip
    cut = Quota("cut", covers, 100.0, np.ones(b.final.shape[1]))
    assert shocks.implied(other, cut) == implied
    assert not shocks.implied(other, cut.replace(leak_margin=0.5)), "more may leave than the limit"


def test_nothing_of_what_is_cut_entirely_is_left(b, covers, today):
    (after,) = cut(b, Shock(), covers, (1.0,), today)
    assert gate_flows(after)[covers].sum() == 0.0
    np.testing.assert_allclose(
        after.allocation.supply, solve(b, Shock(embargo=covers), STATIC).allocation.supply, rtol=1e-8
    )
