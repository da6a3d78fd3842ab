"""What a cut would cost now, who depends on whom, and how long replacing takes."""

import numpy as np
import pytest

from model import Closure, Shock, solve
from model.base_year import quota_tonnes_base
from model.ces import herfindahl
from model.flows import stage_flows
from model.path import LONG_RUN, Standing, base_standing, build, simulate
from model.security import (
    STATIC,
    _feeds,
    concentration,
    cut,
    embargo,
    import_dependence,
    income_lost,
    lasting_embargo,
    supply_concentration,
    years_to_replace,
)
from model.welfare import real_income
from tests.independent import published, recompute
from tests.instruments import awkward
from tests.worlds import quota, world


def elements_mask(bench):
    mask = np.zeros(bench.final.shape[1], dtype=bool)
    mask[bench.elements] = True
    return mask


@pytest.fixture(scope="module")
def bench():
    return world(1, research_closure="sector")[0]


@pytest.fixture(scope="module")
def closed(bench):
    return embargo(bench, 0, elements_mask(bench))


def test_an_embargo_never_closes_home(bench, closed):
    assert not closed[0, 0].any()
    assert closed[0, 1][bench.elements].all()
    assert not closed[1:].any()


def test_deeper_cuts_cost_the_others_more_and_leave_what_they_say(bench, closed):
    today = solve(bench, Shock(), STATIC)
    cuts = cut(bench, Shock(), closed, (0.3, 0.6, 1.0), today)
    weight = bench.final.sum(axis=1)
    losses = [(weight * income_lost(today, solution))[1:].sum() for solution in cuts]
    assert 0 < losses[0] < losses[1] < losses[2]
    draft = quota(bench, 1.0)
    assert cuts[1].allocation.quota_tonnes[0] == pytest.approx(
        0.4 * quota_tonnes_base(bench, draft), rel=1e-9
    )
    assert (import_dependence(cuts[2], np.array([True, False, False]))[:, bench.elements] == 0).all()


def test_an_embargo_reached_step_by_step_is_the_embargo(bench, closed):
    today = solve(bench, Shock(), STATIC)
    (walked,) = cut(bench, Shock(), closed, (1.0,), today)
    direct = solve(bench, Shock(embargo=closed), STATIC)
    np.testing.assert_allclose(walked.allocation.supply, direct.allocation.supply, rtol=1e-7)


@pytest.mark.parametrize("limit", [0.9, 0.2])
def test_a_cut_comes_on_top_of_quotas_that_are_there(bench, closed, limit):
    shock = Shock(quotas=(quota(bench, limit),))
    (found,) = cut(bench, shock, closed, (0.5,), solve(bench, shock, STATIC))
    expected = solve(bench, Shock(quotas=(quota(bench, 0.5 * limit),)), STATIC)
    np.testing.assert_allclose(found.allocation.supply, expected.allocation.supply, rtol=1e-7)


def test_innovation_so_far_lowers_the_loss_of_a_cut(bench, closed):
    shocks = [Shock(), *[Shock(quotas=(quota(bench, 0.3),))] * 4]
    path = simulate(bench, range(5), shocks, "directed", capacity_moves=False)
    losses = []
    for shock in (Shock(technology=path.technology[-1]), Shock()):
        today = solve(bench, shock, STATIC)
        (after,) = cut(bench, shock, closed, (0.7,), today)
        losses.append((bench.final.sum(axis=1) * income_lost(today, after))[1:].sum())
    assert 0 < losses[0] < losses[1]


def test_where_nothing_is_sold_nothing_can_be_cut(bench, closed):
    shock = Shock(embargo=closed)
    today = solve(bench, shock, STATIC)
    assert cut(bench, shock, closed, (0.5, 0.9), today) == (today, today)


def test_an_embargo_that_lasts_costs_less_than_one_that_strikes(bench, closed):
    today = solve(bench, Shock(), STATIC)
    (struck,) = cut(bench, Shock(), closed, (1.0,), today)
    lasting = lasting_embargo(bench, Shock(), closed)
    weight = bench.final.sum(axis=1)
    at_once, later = ((weight * income_lost(today, s))[1:].sum() for s in (struck, lasting))
    assert later < at_once
    assert lasting.system.closure == LONG_RUN


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


def test_dependence_and_concentration_in_loops():
    """From flows worked out anew, where some origins sell nothing to some buyers."""
    b = awkward(3, sparse=True)
    shock = Shock(tariff=b.tariff + 0.3)
    solution = solve(b, shock, STATIC)
    w = recompute(b, shock, STATIC, published(solution))
    restricting = np.array([True, False, True, False])
    dependence, index = import_dependence(solution), concentration(solution)
    on_some, world_index = import_dependence(solution, restricting), supply_concentration(solution)
    for n, k in np.ndindex(b.final.shape):
        bought = sum(w.gate[i, n, k] for i in range(4))
        parts = [w.gate[i, n, k] / bought if bought > 0 else 0.0 for i in range(4)]
        abroad = [part for i, part in enumerate(parts) if i != n]
        some = [part for i, part in enumerate(parts) if i != n and restricting[i]]
        assert dependence[n, k] == pytest.approx(sum(abroad), rel=1e-9, abs=1e-14)
        assert on_some[n, k] == pytest.approx(sum(some), rel=1e-9, abs=1e-14)
        assert index[n, k] == pytest.approx(sum(part**2 for part in parts), rel=1e-9)
    for k in range(b.final.shape[1]):
        supply = w.gate[:, :, k].sum(axis=1)
        assert world_index[k] == pytest.approx(((supply / supply.sum()) ** 2).sum(), rel=1e-9)
    assert (dependence > on_some).any()


def test_what_is_embargoed_is_named_by_origin_and_good(bench):
    goods = np.zeros(bench.final.shape[1], dtype=bool)
    goods[3] = True
    closed = embargo(bench, 1, goods)
    assert {tuple(int(v) for v in cell) for cell in np.argwhere(closed)} == {(1, 0, 3), (1, 2, 3)}


def test_income_is_lost_in_logs(bench, closed):
    today, after = solve(bench, Shock(), STATIC), solve(bench, Shock(embargo=closed), STATIC)
    lost = income_lost(today, after)
    np.testing.assert_allclose(np.exp(-lost), real_income(after) / real_income(today), rtol=1e-12)
    assert (bench.final.sum(axis=1) * lost)[1:].sum() > 0


def test_flows_of_stages_are_those_of_their_goods(bench):
    base = solve(bench, closure=STATIC)
    flows = stage_flows(base)
    supply = base.allocation.supply
    concentrate, magnets = 4, 5
    np.testing.assert_allclose(flows.sum(axis=1)[:, 0], supply[:, concentrate])
    np.testing.assert_allclose(flows.sum(axis=1)[:, 1], supply[:, bench.elements].sum(axis=1))
    np.testing.assert_allclose(flows.sum(axis=1)[:, 2], supply[:, magnets])


def test_the_index_of_equal_shares_is_one_over_their_number():
    assert herfindahl(np.ones(4)) == pytest.approx(0.25)
    assert herfindahl(np.array([1.0, 0, 0])) == 1


def replacing(bench, target, standing=None, **speeds):
    par = bench.parameters.replace(
        capacity_expansion=np.full(3, 0.5), build_time=np.array([3, 1, 0]), capacity_exit=np.full(3, 0.5), **speeds
    )  # fmt: skip
    outside = np.array([False, True, True])
    return years_to_replace(bench, standing or base_standing(bench), target, outside, par)


def test_years_to_replace_are_build_time_and_speed(bench):
    # Plant must double; ln K covers half the gap a year after the build time: 2^(1 - 2^-h) >= 0.9 * 2 from h = 3 on.
    found = replacing(bench, np.full((3, 3), np.log(2.0)))
    np.testing.assert_array_equal(found["stage"], [6, 4, 3])
    np.testing.assert_array_equal(found["element"], [6, 6])  # mines are the slower stage


def test_plant_that_stands_idle_replaces_at_once(bench):
    there = np.full((3, 3), np.log(2.0))
    found = replacing(bench, there, Standing(base_standing(bench).technology, np.zeros((3, 3)), there))
    np.testing.assert_array_equal(found["stage"], 0)


def test_what_never_comes_is_minus_one(bench):
    frozen = bench.parameters.replace(capacity_expansion=np.zeros(3))
    found = years_to_replace(
        bench, base_standing(bench), np.ones((3, 3)), np.array([False, True, True]), frozen
    )
    np.testing.assert_array_equal(found["stage"], -1)
    np.testing.assert_array_equal(found["element"], -1)


def test_only_plant_outside_counts(bench):
    target = np.zeros((3, 3))
    target[0] = 5.0
    np.testing.assert_array_equal(replacing(bench, target)["stage"], 0)


def test_where_there_is_no_plant_outside_nothing_is_replaced(bench):
    """An element that the embargoed region alone makes, and a stage that it alone has, never come."""
    make, output = bench.make.copy(), bench.output.copy()
    first = int(bench.elements[0])
    make[1:, bench.stage_sector[1], first] = 0.0
    output[1:, bench.stage_sector[2]] = 0.0
    found = replacing(bench.replace(make=make, output=output), np.zeros((3, 3)))
    np.testing.assert_array_equal(found["stage"], [0, 0, -1])
    np.testing.assert_array_equal(found["element"], [-1, 0])


def test_the_order_book_of_today_does_not_count(bench):
    """Orders for an embargo are placed when it starts: what was ordered before for other reasons is left out."""
    standing = build(base_standing(bench), np.ones((3, 3)), bench.parameters)
    assert len(standing.targets) == 1
    np.testing.assert_array_equal(
        replacing(bench, np.full((3, 3), np.log(2.0)), standing)["stage"],
        replacing(bench, np.full((3, 3), np.log(2.0)), standing.replace(targets=()))["stage"],
    )


def test_an_element_whose_only_stage_never_comes_never_comes(bench):
    """A chain that is known from separation on."""
    par = bench.parameters
    names = ("capacity_weight", "capacity_response", "capacity_expansion", "capacity_exit", "build_time")
    of_one = par.replace(**{name: getattr(par, name)[1:2] for name in names}).replace(
        capacity_expansion=np.zeros(1)
    )
    late = bench.replace(stage_sector=bench.stage_sector[1:2], parameters=of_one)
    outside = np.array([False, True, True])
    found = years_to_replace(late, base_standing(late), np.ones((3, 1)), outside, of_one)
    np.testing.assert_array_equal(found["stage"], [-1])
    np.testing.assert_array_equal(found["element"], [-1, -1])


def test_a_stage_feeds_another_wherever_it_is_made(bench):
    """Also when some regions have none of it, and not itself."""
    mining, separation, magnets = (int(j) for j in bench.stage_sector)
    make = bench.make.copy()
    make[0, mining] = 0.0
    partly = bench.replace(make=make)
    assert _feeds(partly, mining, [separation])
    assert not _feeds(partly, separation, [separation])
    assert not _feeds(partly, magnets, [separation])
    make[:, mining] = 0.0
    assert not _feeds(bench.replace(make=make), mining, [separation])
