"""Tonnes, rents and plant that have to be somewhere: identities that the equations imply and do not state."""

from __future__ import annotations

import numpy as np
import pytest

from model import ProductionQuota, Quota, Shock, solve
from model.decomposition import first_order
from model.derivatives import derivatives, parameter
from model.flows import gate_tonnes
from model.path import base_standing, next_standing, run_year
from model.solve import tight
from model.welfare import equivalent_variation, terms_of_trade
from tests.independent import base_gate
from tests.instruments import EXOGENOUS, awkward, cases, exports_of, quota_on, with_mines
from tests.worlds import Sizes

# ------------------------------------------------------------------ stocks


def bought_tonnes(b):
    """(n,k) tonnes that regions buy in the base year."""
    return (base_gate(b) * 1e3 / b.unit_value[:, None, :]).sum(axis=0)


@pytest.mark.parametrize("classes", [1, 2])
@pytest.mark.parametrize("field", ["stock_release", "recycling"])
def test_a_tonne_for_stock_is_a_tonne_of_what_is_sold(classes, field):
    """Under taxes, tariffs and licences of the base year: what a little stock takes or gives is its own weight."""
    b = awkward(1, Sizes(4, 6, 5, classes, 6), licence=True)
    good, buyer = int(b.elements[1]), 2
    tonnes = np.zeros(b.final.shape)
    tonnes[buyer, good] = 1e-5 * bought_tonnes(b)[buyer, good]
    a = solve(b, Shock(**{field: tonnes}), EXOGENOUS)
    spending = a.allocation.spending
    with_it, without = (part[:, buyer, good].sum() for part in (spending.gross, spending.net))
    displaced = gate_tonnes(a)[:, buyer, good].sum() * (with_it / without - 1)
    assert displaced == pytest.approx(tonnes[buyer, good], rel=1e-4)


def test_stock_of_what_a_region_does_not_buy_is_refused():
    b = awkward(3, sparse=True, gaps=True)
    worthless = np.zeros(b.final.shape)
    share = b.trade_share.copy()
    share[:, :, 2, 2] = 0.0
    worthless[2, 2] = 1.0
    empty = b.replace(trade_share=share)
    with pytest.raises(ValueError, match="good 2 has no value in region 2"):
        solve(empty, Shock(stock_release=worthless), EXOGENOUS)


# ------------------------------------------------------------------ plant


def two_makers():
    """Ore comes from mines (sector 2) in region 0, and in region 1 from sector 1, beside its own good."""
    make = np.tile(np.eye(3), (2, 1, 1))
    make[1, 2, 2], make[1, 1, 2] = 0.0, 1.0
    return with_mines(make, bought=np.array([1.0, 0.0]))


def test_a_region_without_plant_has_no_capacity():
    """What another sector makes of the stage's good does not depend on plant that the region does not have."""
    b = two_makers()
    assert b.output[1, 2] == 0 and b.output[0, 2] > 0
    there, not_there = (np.array([[one], [other]]) for one, other in ((0.3, 0.0), (0.0, 0.3)))
    nothing = solve(b, Shock(capacity=not_there), EXOGENOUS)
    assert np.abs(nothing.allocation.state.price).max() == 0
    assert not nothing.allocation.capacity.any()
    both, own = (solve(b, Shock(capacity=k), EXOGENOUS) for k in (there + not_there, there))
    assert np.abs(own.allocation.state.price).max() > 1e-3
    np.testing.assert_array_equal(both.allocation.state.price, own.allocation.state.price)


def test_nothing_is_built_where_nothing_can_be_sold():
    """A stage that an embargo closes is not rebuilt to what it was in the base year."""
    case = cases(0)["embargo that closes a sector"]
    b, shock = case.benchmark, case.shock
    small = base_standing(b).replace(capacity=np.full((4, 2), -0.5), plant=np.full((4, 2), -0.5))
    year = run_year(b, 2010, shock, "exogenous", small)
    closed = year.solution.system.idle[0][:, b.stage_sector]
    assert closed[1, 1] and not closed[0].any()
    np.testing.assert_array_equal(year.capacity_target[closed], -0.5)
    np.testing.assert_array_equal(year.capacity_target[~closed], year.long_run.allocation.capacity[~closed])
    following = next_standing(year, b.parameters)
    np.testing.assert_array_equal(following.capacity[closed], -0.5)


# ------------------------------------------------------------------ rents


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_rents_that_importers_keep_are_no_loss_of_theirs(share):
    """Free trade and a small quota: real income moves by the terms of trade, the rest is of second order."""
    b = awkward(0, taxes=False, research=False, deficits=False, subsidies=False)
    assert not (b.tariff.any() or b.export_tax.any() or b.research_share.any())
    base = solve(b, Shock(), EXOGENOUS)
    covers, rest = exports_of(b, 0, b.elements), []
    for ratio in (0.99, 0.999):
        quota = quota_on(b, "quota", covers, ratio, rent_to_importer=share)
        after = solve(b, Shock(quotas=(quota,)), EXOGENOUS)
        gain, terms = equivalent_variation(after), terms_of_trade(after, base)
        rest.append(np.abs(gain - terms).max())
        assert rest[-1] < 3 * (1 - ratio) * np.abs(gain).max()
        formula = first_order(after, base).total * b.final.sum(axis=1)
        assert np.abs(formula - gain).max() < 10 * (1 - ratio) * np.abs(gain).max()
    assert rest[1] < rest[0] / 50


# ------------------------------------------------------------------ quotas at their ends


def test_a_good_that_weighs_nothing_is_not_limited():
    """By a limit of zero as little as by a small one."""
    b = awkward(0)
    covers = exports_of(b, 0, b.elements[:2])
    weight = np.where(np.arange(b.final.shape[1]) == b.elements[0], 0.0, 1.0)
    none, little = (
        solve(b, Shock(quotas=(quota_on(b, "quota", covers, ratio, weight),)), EXOGENOUS)
        for ratio in (0.0, 1e-4)
    )
    free, tight = (gate_tonnes(none)[0, 1:, b.elements[at]].sum() for at in (0, 1))
    assert tight == 0
    assert free == pytest.approx(gate_tonnes(little)[0, 1:, b.elements[0]].sum(), rel=1e-2)
    assert solve(b, Shock(quotas=(Quota("none", covers, 1.0, 0 * weight),)), EXOGENOUS).licence == {}


def test_where_smuggling_is_free_nothing_is_limited():
    b = awkward(0)
    quota = quota_on(b, "quota", exports_of(b, 0, b.elements), 0.5, leak_margin=0.0)
    assert not solve(b, Shock(quotas=(quota,)), EXOGENOUS).allocation.state.price.any()


def test_smuggling_past_a_licence_by_value_is_refused():
    """Its cost is in USD per kg, the licence a rate: neither is above the other."""
    b = awkward(0)
    quota = quota_on(b, "quota", exports_of(b, 0, b.elements), 0.5, leak_margin=0.3, specific=False)
    with pytest.raises(ValueError, match="quota 'quota': smuggling costs USD per kg"):
        solve(b, Shock(quotas=(quota,)), EXOGENOUS)


def test_a_production_quota_on_nothing_is_refused():
    b = two_makers()
    ore = np.array([False, False, True])
    idle = ProductionQuota("ore", 0, ore, 1.0, np.zeros(3))
    with pytest.raises(ValueError, match="production quota 'ore' limits nothing that region 0 makes"):
        solve(b, Shock(production_quotas=(idle,)), EXOGENOUS)


@pytest.mark.parametrize("ratio", [0.9, 0.99, 0.9999])
def test_a_quota_a_little_below_one_that_binds_takes_its_place(ratio):
    """A licence of the base year on the same sales: they bind one or the other, never both."""
    b = awkward(1, licence=True)
    covers = exports_of(b, 0, b.elements)
    quota = quota_on(b, "quota", covers, ratio)
    after = solve(b, Shock(quotas=(quota,)), EXOGENOUS)
    assert after.licence["quota"] > 2.0 and after.licence["base-licence-0-2"] == 0.0
    alone = solve(b, Shock(quotas=(quota,), remove_base_licence=True), EXOGENOUS)
    np.testing.assert_array_equal(after.allocation.state.price, alone.allocation.state.price)


@pytest.mark.parametrize("ratio", [0.98, 0.99, 0.999])
@pytest.mark.parametrize("seed", [9, 10])
def test_a_quota_that_weighs_the_same_sales_otherwise_takes_its_place(seed, ratio):
    """By oxide content, say, beside a licence by gross weight: nearly the same limit, and neither is passed."""
    b = awkward(seed, licence=True, sigma=2.2)
    covers, content = exports_of(b, 0, b.elements), np.linspace(0.5, 1.0, b.final.shape[1])
    quota = quota_on(b, "quota", covers, ratio, content)
    after = solve(b, Shock(quotas=(quota,)), EXOGENOUS)
    quotas = (quota, quota_on(b, "base-licence-0-2", covers, 1.0))
    left = [1 - (gate_tonnes(after) * q.weight)[covers].sum() / q.limit for q in quotas]
    price = [after.licence[q.name] for q in quotas]
    assert min(left) > -1e-9 and price[0] > 0
    assert all(chi == 0 or abs(room) < 1e-9 for chi, room in zip(price, left, strict=True))


def test_of_two_quotas_that_are_alike_one_binds():
    b = awkward(0)
    one, other = (quota_on(b, name, exports_of(b, 0, b.elements), 0.9) for name in ("one", "other"))
    both = solve(b, Shock(quotas=(one, other)), EXOGENOUS)
    assert both.licence["one"] > 0 and both.licence["other"] == 0.0
    part = quota_on(b, "part", exports_of(b, 0, b.elements[:2]), 0.9).replace(limit=other.limit)
    assert tight(b, (part, other)) == [False, True]
    assert tight(b, (other.replace(leak_margin=1.0), part.replace(limit=1.0))) == [True, True]
    assert tight(b, (one, one, one)) == [True, False, False]


# ------------------------------------------------------------------ derivatives


def test_two_directions_of_one_name_are_refused():
    b = awkward(0)
    base = solve(b, Shock(), EXOGENOUS)
    both = (parameter("trade_elasticity", 0), parameter("trade_elasticity", 1))
    with pytest.raises(ValueError, match="two directions are named 'trade_elasticity'"):
        derivatives(base, b, Shock(), both, lambda solution: {"income": solution.allocation.income})
