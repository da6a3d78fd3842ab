"""What can be told before solving, and what is said of a search that failed: each rule alone."""

from __future__ import annotations

import importlib
import re
from types import SimpleNamespace

import numpy as np
import pytest

from model import Shock, solve
from model.batch import Centre
from model.feasibility import POOR, PROHIBITIVE, UNSOLD, _limiting, diagnose, infeasible
from model.flows import gate_flows, gate_tonnes
from model.newton import Trace
from model.records import Quota
from model.welfare import real_income
from tests.independent import base_gate, base_spending
from tests.instruments import EXOGENOUS, awkward, exports_of, quota_on, sold_from_stock
from tests.worlds import Sizes

BUYER, TONNES = 1, 100.0


@pytest.fixture(scope="module")
def b():
    return awkward(2, Sizes(4, 6, 5, 2, 6))  # two classes of users


@pytest.fixture(scope="module")
def good(b):
    return int(b.elements[0])


def one_seller(b, good, origins=(0,)):
    """(i,n,k) bool: a good's sales of some origins; and those of all others, for an embargo."""
    sells = np.zeros(b.export_tax.shape, dtype=bool)
    sells[list(origins), :, good] = True
    rest = np.zeros_like(sells)
    rest[:, :, good] = ~sells[:, :, good]
    return sells, rest


def purchases(b, good, tonnes=TONNES):
    bought = np.zeros(b.final.shape)
    bought[BUYER, good] = -tonnes
    return bought


def limit_of(b, covers, limit, weight=1.0):
    abroad = ~np.eye(len(covers), dtype=bool)[:, :, None]
    return (Quota("quota", covers & abroad, limit, np.full(b.final.shape[1], weight)),)


# ------------------------------------------------------------------ stocks beyond what quotas let through


def per_kg(b, good, origin):
    """USD per kg that the buyer paid in the base year, taxes and licence included."""
    licence = b.licence[origin, good] / b.unit_value[origin, good] if origin != BUYER else 0.0
    wedge = (1 + b.export_tax[origin, BUYER, good]) * (1 + licence) * (1 + b.tariff[origin, BUYER, good])
    return b.unit_value[origin, good] * wedge


def gate_tonnes_per_tonne(b, good, origin=0):
    """Tonnes of one origin that do for a tonne of the base year's mix: buyers are paid for what they pay."""
    spent = base_spending(b)[:, BUYER, good] @ b.trade_share[:, :, BUYER, good]
    tonnes = sum(spent[i] / per_kg(b, good, i) for i in range(len(spent)))
    return spent.sum() / tonnes / per_kg(b, good, origin)


def test_stocks_that_one_origin_must_supply_are_held_against_its_quota(b, good):
    covers, closed = one_seller(b, good)
    shock = Shock(embargo=closed, stock_release=purchases(b, good))
    need = TONNES * gate_tonnes_per_tonne(b, good)
    assert infeasible(b, shock, limit_of(b, covers, 1.001 * need)) is None
    found = infeasible(b, shock, limit_of(b, covers, 0.999 * need))
    assert (found.status, found.block, found.cell) == ("infeasible", "quota", (0,))
    assert np.isnan(found.value)
    assert f"stocks need {need:.6g} t of what quota 'quota' limits to {0.999 * need:.6g} t" in found.detail


def test_the_second_quota_is_named_when_it_is_the_one(b, good):
    covers, closed = one_seller(b, good)
    shock = Shock(embargo=closed, stock_release=purchases(b, good))
    other = limit_of(b, covers, 10 * TONNES)[0]
    assert infeasible(b, shock, (other, *limit_of(b, covers, 1.0))).cell == (1,)


def test_the_cheapest_way_decides_where_two_origins_stand_under_one_quota(b, good):
    """The origin whose tonnes are dearest, taxes included, sends the fewest for the same money."""
    covers, closed = one_seller(b, good, (0, 2))
    shock = Shock(embargo=closed, stock_release=purchases(b, good))
    need = TONNES * min(gate_tonnes_per_tonne(b, good, origin) for origin in (0, 2))
    assert infeasible(b, shock, limit_of(b, covers, 1.001 * need)) is None
    assert infeasible(b, shock, limit_of(b, covers, 0.999 * need)) is not None


def test_stocks_that_another_origin_can_supply_are_no_trouble(b, good):
    covers = one_seller(b, good)[0]
    assert infeasible(b, Shock(stock_release=purchases(b, good)), limit_of(b, covers, 1.0)) is None


def test_stocks_released_need_nothing(b, good):
    covers, closed = one_seller(b, good)
    shock = Shock(embargo=closed, stock_release=-purchases(b, good))
    assert infeasible(b, shock, limit_of(b, covers, 1.0)) is None


def test_what_is_recycled_goes_into_stocks_as_well(b, good):
    """Only the sum of the two is a purchase: the same solution as buying less and recycling nothing."""
    covers, closed = (part & (np.arange(4) == BUYER)[:, None] for part in one_seller(b, good))
    used = -sold_from_stock(b, BUYER, good, 1.0)
    quota = limit_of(b, covers, 0.4 * float(-used.sum()))
    shock = Shock(embargo=closed, quotas=quota, stock_release=0.6 * used)
    assert infeasible(b, shock, quota).block == "quota"
    one = solve(b, shock.replace(recycling=-0.5 * used), EXOGENOUS)
    other = solve(b, shock.replace(stock_release=0.1 * used), EXOGENOUS)
    np.testing.assert_allclose(one.allocation.state.price, other.allocation.state.price, rtol=0, atol=1e-10)
    assert one.licence["quota"] == pytest.approx(other.licence["quota"], rel=1e-9)


def test_stocks_are_bought_from_smugglers_past_a_limit(b, good):
    covers, closed = (part & (np.arange(4) == BUYER)[:, None] for part in one_seller(b, good))
    used = -sold_from_stock(b, BUYER, good, 1.0)
    (quota,) = limit_of(b, covers, 0.4 * float(-used.sum()))
    shock = Shock(embargo=closed, quotas=(quota.replace(leak_margin=50.0),), stock_release=0.6 * used)
    solution = solve(b, shock, EXOGENOUS)
    assert solution.licence["quota"] == pytest.approx(50.0, rel=1e-9)
    smuggled = gate_tonnes(solution)[0, BUYER, good] - quota.limit
    assert solution.allocation.state.leak == pytest.approx([smuggled], rel=1e-9)


def test_an_origin_that_sells_to_one_class_of_users_alone_still_sells(b, good):
    share = b.trade_share.copy()
    share[0, 0, BUYER, good] = 0.0  # origin 0 sells nothing of it to the first class
    share[0, :, BUYER, good] /= share[0, :, BUYER, good].sum()
    covers, closed = one_seller(b, good)
    shock = Shock(embargo=closed, stock_release=purchases(b, good))
    # Asked by itself: an embargo that leaves the first class without an origin is refused for that.
    found = infeasible(b.replace(trade_share=share), shock, limit_of(b, covers, 1.0))
    assert found.block == "quota"


def test_a_licence_of_the_base_year_was_part_of_the_price(b, good):
    licensed = awkward(1, licence=True)
    good = int(licensed.elements[0])
    covers, closed = one_seller(licensed, good)
    shock = Shock(embargo=closed, stock_release=purchases(licensed, good))
    rate = licensed.licence[0, good] / licensed.unit_value[0, good]
    need = TONNES * gate_tonnes_per_tonne(licensed, good)
    assert rate > 0.01
    assert infeasible(licensed, shock, limit_of(licensed, covers, 1.001 * need)) is None
    assert infeasible(licensed, shock, limit_of(licensed, covers, 0.999 * need)) is not None


@pytest.mark.parametrize(("seed", "origin"), [(0, 0), (1, 2), (4, 3)])
def test_what_is_refused_could_not_have_been_solved(monkeypatch, seed, origin):
    """Stocks take at least the tonnes that are held against the quota, however origins differ in what a kilo costs."""
    monkeypatch.setattr(importlib.import_module("model.solve"), "infeasible", lambda *_: None)
    b = awkward(seed, licence=seed == 1)
    good = int(b.elements[0])
    unit = b.unit_value.copy()
    unit[:, good] = np.random.default_rng(seed).permutation([2.0, 6.0, 12.0, 30.0])
    b = b.replace(unit_value=unit)
    covers, closed = (part & (np.arange(4) == BUYER)[:, None] for part in one_seller(b, good, (origin,)))
    sold = float(base_gate(b)[origin, BUYER, good] * 1e3 / unit[origin, good])
    shock = Shock(embargo=closed, stock_release=purchases(b, good, sold))
    solution = solve(b, shock, EXOGENOUS)
    spending = solution.allocation.spending
    of_users = spending.gross[:, BUYER, good].sum() / spending.net[:, BUYER, good].sum()
    taken = gate_tonnes(solution)[origin, BUYER, good] * (1 - of_users)
    assert infeasible(b, shock, limit_of(b, covers, taken)) is None


# ------------------------------------------------------------------ embargoes


def test_nothing_is_wrong_without_stocks_and_embargoes(b):
    quotas = (quota_on(b, "q", exports_of(b, 0, b.elements), 0.01),)
    assert infeasible(b, Shock(), quotas) is None


def test_the_cell_that_has_no_origin_left_is_named(b, good):
    closed = np.zeros(b.export_tax.shape, dtype=bool)
    closed[:, 3, good] = True
    found = infeasible(b, Shock(embargo=closed), ())
    assert (found.block, found.cell) == ("market", (3, good))
    closed[3, 3, good] = False
    assert infeasible(b, Shock(embargo=closed), ()) is None


def test_what_nobody_buys_needs_no_origin(b, good):
    share = b.trade_share.copy()
    share[:, :, 3, good] = 0.0
    closed = np.zeros(b.export_tax.shape, dtype=bool)
    closed[:, 3, good] = True
    assert infeasible(b.replace(trade_share=share), Shock(embargo=closed), ()) is None
    share = b.trade_share.copy()
    share[:, 0, :, good] = 0.0  # origin 0 sells none of it: closing it changes nothing
    closed = exports_of(b, 0, [good])
    low = b.parameters.replace(trade_elasticity=np.full(b.final.shape[1], 0.5))
    assert infeasible(b.replace(trade_share=share, parameters=low), Shock(embargo=closed), ()) is None


def test_one_class_of_users_without_an_origin_is_enough(b, good):
    share = b.trade_share.copy()
    share[1, :, 3, good] = np.arange(4) == 0  # the second class buys from origin 0 alone
    closed = np.zeros(b.export_tax.shape, dtype=bool)
    closed[0, 3, good] = True
    assert infeasible(b, Shock(embargo=closed), ()) is None
    assert infeasible(b.replace(trade_share=share), Shock(embargo=closed), ()).cell == (3, good)


@pytest.mark.parametrize(("sigma", "needed"), [(0.9, True), (1.0, True), (1.1, False)])
def test_every_origin_is_essential_up_to_an_elasticity_of_one(b, good, sigma, needed):
    elasticity = b.parameters.trade_elasticity.copy()
    elasticity[good] = sigma
    low = b.replace(parameters=b.parameters.replace(trade_elasticity=elasticity))
    closed = np.zeros(b.export_tax.shape, dtype=bool)
    closed[0, 2, good] = True
    found = infeasible(low, Shock(embargo=closed), ())
    assert (found is not None) == needed
    if needed:
        assert found.cell == (2, good)
        assert "every origin is essential" in found.detail


# ------------------------------------------------------------------ searches that failed


def said(outcome="stalled", done=1.0, residual=(1e-3, -5e-2, 2e-2), **changes):
    """The diagnosis of a search with two quotas and three regions."""
    values = {
        "licence": [0.0, 0.0], "tonnes": [10.0, 10.0], "income": [100.0, 50.0, 80.0], "base": [100.0, 50.0, 80.0],
    } | changes  # fmt: skip
    quotas = tuple(SimpleNamespace(name=name) for name in ("first", "second"))
    rules = SimpleNamespace(quotas=quotas, scale=np.array([2.0, 3.0]), log_limit=np.log([10.0, 10.0]))
    system = SimpleNamespace(restrictions=rules, income_base=np.array(values["base"]), stock=None)
    allocation = SimpleNamespace(
        state=SimpleNamespace(licence=np.array(values["licence"])),
        quota_tonnes=np.array(values["tonnes"]),
        income=np.array(values["income"]),
    )
    cells = SimpleNamespace(locate=lambda position: ("market", (position,)))
    trace = Trace(outcome, np.zeros(0), None, np.array(residual), 7, 9, 11, ())
    return diagnose(system, cells, allocation, trace, done)


def test_the_largest_residual_of_either_sign_is_named_with_its_sign():
    found = said()
    assert (found.status, found.block, found.cell, found.value) == ("stalled", "market", (1,), -5e-2)
    assert found.detail == "the search ended after 7 iterations"
    assert said(residual=(-1e-3, 3e-2, -2e-2)).value == 3e-2
    assert said("converged").cell == (1,)
    assert said("converged").detail == ""


def test_an_economy_without_unknowns_has_no_residual():
    found = said("converged", residual=())
    assert (found.block, found.cell, found.value) == ("", (), 0.0)


def test_how_far_a_walk_came_is_said_unless_it_arrived():
    assert said(done=0.25).detail.endswith(
        "after 7 iterations, and walking from the base year ended at 25% of the shock"
    )
    assert said("iteration_limit", done=0.25).detail == "after 7 iterations"


@pytest.mark.parametrize(
    ("licence", "tonnes", "quota"),
    [
        ([0.0, 3.1 * PROHIBITIVE], [10.0, 12.0], 1),
        ([2.1 * PROHIBITIVE, 3.1 * PROHIBITIVE], [12.0, 12.0], 0),
        ([0.0, 2.9 * PROHIBITIVE], [10.0, 12.0], None),  # not prohibitive
        ([0.0, 3.1 * PROHIBITIVE], [10.0, 10.9], None),  # all but met: 9% above
        ([0.0, 3.1 * PROHIBITIVE], [10.0, 11.2], 1),  # 12% above
        ([3.1 * PROHIBITIVE, 0.0], [10.0, 12.0], None),  # one is dear, the other exceeded
        ([0.0, 3.1 * PROHIBITIVE], [10.0, np.nan], 1),  # not known to be met
    ],
)
def test_a_quota_that_no_price_brings_down_is_named(licence, tonnes, quota):
    found = said(licence=licence, tonnes=tonnes)
    if quota is None:
        assert (found.status, found.block) == ("stalled", "market")
        return
    assert (found.status, found.block, found.cell) == ("infeasible", "quota", (quota,))
    assert f"brings quota '{('first', 'second')[quota]}' down to its limit" in found.detail
    assert found.value == -5e-2


def test_of_regions_without_income_the_poorest_for_its_size_is_named():
    """100 of 10,000 is more of a ruin than 1 of 50; a region that never earned anything is none."""
    found = said(income=[100.0, 1.0, 0.0], base=[10_000.0, 50.0, 0.0])
    assert (found.status, found.block, found.cell, found.value) == ("stalled", "budget", (0,), -5e-2)
    assert "income falls to nothing" in found.detail
    assert said(income=[600.0, 1.0, 0.0], base=[10_000.0, 50.0, 0.0]).cell == (1,)
    assert said("diverged", income=[100.0, -1.0, 0.0], base=[10_000.0, 50.0, 0.0]).cell == (1,)


@pytest.mark.parametrize(("part", "ruined"), [(0.99 * POOR, True), (1.01 * POOR, False)])
def test_a_region_is_ruined_below_a_twentieth_of_its_income(part, ruined):
    assert POOR == 0.05
    assert (said(income=[100.0, 50.0 * part, 80.0]).block == "budget") == ruined


# ------------------------------------------------------------------ stocks that are not sold abroad


@pytest.mark.parametrize("recycled", [False, True])
def test_more_than_is_used_is_not_sold_abroad(b, good, recycled):
    """E9, E23: markets would clear with purchases below zero, which sell the holder's stock to everybody else."""
    given = sold_from_stock(b, 1, good, 1.3)
    shock = Shock(recycling=given) if recycled else Shock(stock_release=given)
    solution = solve(b, shock, EXOGENOUS, throw=False)
    bought = gate_flows(solution)[:, 1, good]
    assert (bought < 0).any()
    assert (solution.status, solution.diagnosis.cell) == ("infeasible", (1, good))
    text = solution.diagnosis.text()
    assert UNSOLD in text and f"bring, {given.sum():,.5g} t (1.3 of base-year use), is more than the " in text
    used = float(re.search(r"than the ([\d.,]+) t used", text)[1].replace(",", ""))
    left = given.sum() * (1 + bought.sum() / solution.allocation.spending.stock[1, good])  # but for taxes
    assert used == pytest.approx(left, rel=0.01)


@pytest.mark.parametrize("times", [0.5, 0.9])
def test_what_is_used_at_home_is(b, good, times):
    solution = solve(b, Shock(stock_release=sold_from_stock(b, 1, good, times)), EXOGENOUS)
    assert (gate_flows(solution) >= 0).all()


def test_a_draw_that_would_sell_its_stock_abroad_fails_among_others(b, good):
    shares = np.linspace(0.1, 1.3, 9)
    draws = [(b, Shock(stock_release=sold_from_stock(b, 1, good, times))) for times in shares]
    found = Centre(b, draws[4][1], EXOGENOUS).solve_group(draws)
    alone = [solve(*draw, EXOGENOUS, throw=False).status for draw in draws]
    assert [solution.status for solution in found] == alone
    assert {"converged", "infeasible"} == set(alone)


# ------------------------------------------------------------------ regions that spend more than they earn


@pytest.mark.parametrize(("share", "sound"), [(0.5, True), (1.5, False)])
def test_no_region_consumes_less_than_nothing(b, share, sound):
    """An outlay beyond income would leave consumption below zero, at prices at which all markets clear."""
    outlay = np.zeros(len(b.output))
    outlay[2] = share * b.final[2].sum()
    draws = [(b, Shock(capacity_investment=times * outlay)) for times in np.linspace(0.9, 1.1, 9)]
    for found in (
        solve(*draws[4], EXOGENOUS, throw=False),
        *Centre(b, Shock(), EXOGENOUS).solve_group(draws),
    ):
        assert (real_income(found)[2] > 0) == sound
        assert found.status == ("converged" if sound else "infeasible")
        assert sound or (found.diagnosis.block, found.diagnosis.cell) == ("budget", (2,))


def test_the_quota_that_a_cell_stands_for_is_named():
    """Leaks are counted among the quotas that leak, production quotas among themselves."""
    export, production = ([SimpleNamespace(name=name) for name in names] for names in ("abc", "pq"))
    system = SimpleNamespace(
        restrictions=SimpleNamespace(quotas=export, leaking=np.array([0, 2]), production=production)
    )
    named = {block: _limiting(system, block, (1,)) for block in ("quota", "leak", "production", "budget")}
    assert named == {"quota": "b", "leak": "c", "production": "q", "budget": ""}
