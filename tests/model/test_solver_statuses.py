"""Every status of a solve, reached by an economy, with the place it names and what it says."""

from __future__ import annotations

import re

import numpy as np
import pytest

from model import Closure, Labels, Shock, SolveError, solve
from model.idle import idle
from model.newton import Options
from model.solution import ADVICE, WHAT
from model.table import Elasticities, benchmark_from_flows
from tests.instruments import awkward, exports_of, quota_on
from tests.worlds import Sizes, world

ALONE = Closure("exogenous", "given", "given")
"""Technology and capacity as they are."""


def test_converged_is_below_the_tolerance():
    b = awkward()
    solution = solve(b, Shock(quotas=(quota_on(b, "q", exports_of(b, 0, b.elements), 0.3),)))
    assert solution.status == "converged"
    assert abs(solution.diagnosis.value) < Options().tolerance
    assert solution.diagnosis.text().startswith("converged")


def test_a_good_without_an_origin_is_infeasible_and_named():
    b, labels = world(3)
    closed = np.zeros(b.export_tax.shape, dtype=bool)
    closed[:, 1, b.elements[0]] = True  # home sales too: region 1 has no element left
    with pytest.raises(SolveError, match="no origin for a good that is used") as refused:
        solve(b, Shock(embargo=closed))
    diagnosis = refused.value.diagnosis
    assert (diagnosis.status, diagnosis.block, diagnosis.cell) == (
        "infeasible",
        "market",
        (1, int(b.elements[0])),
    )
    text = diagnosis.text(labels)
    assert "R1" in text
    assert labels.goods[b.elements[0]] in text
    assert "relax the restriction" in text


def test_an_essential_origin_that_closes_is_infeasible():
    b, _ = world(3, trade_elasticity=np.full(8, 0.9))
    closed = exports_of(b, 0, [2])
    assert solve(b, Shock(embargo=closed), ALONE, throw=False).status == "infeasible"


def captive(stocks: float, limit: float):
    """A region buys tonnes for its stocks from its only origin, which has a quota; both relative to base sales."""
    b, _ = world(1)
    element, buyer = int(b.elements[0]), 1
    others = np.zeros(b.export_tax.shape, dtype=bool)
    others[1:, buyer, element] = True
    covers = np.zeros_like(others)
    covers[0, buyer, element] = True
    quota = quota_on(b, "tight", covers, limit)
    bought = np.zeros(b.final.shape)
    bought[buyer, element] = -stocks * quota.limit / limit
    return b, Shock(embargo=others, stock_release=bought, quotas=(quota,))


def test_a_quota_that_nobody_can_meet_is_infeasible():
    solution = solve(*captive(stocks=2.0, limit=0.5), ALONE, throw=False)
    assert solution.status == "infeasible"
    assert solution.diagnosis.block == "quota"
    assert "of what quota 'tight' limits to" in solution.diagnosis.text()
    assert solve(*captive(stocks=0.2, limit=0.5), ALONE).converged


def test_a_quota_that_can_be_met_only_by_ruin_says_who_is_ruined():
    """Stocks are just within the limit: what is left to users is worth more than the region earns."""
    solution = solve(*captive(stocks=0.6, limit=0.9), ALONE, throw=False)
    if not solution.converged:
        assert solution.status in ("infeasible", "stalled", "diverged")
        assert (
            "income falls to nothing" in solution.diagnosis.text()
            or "no licence price" in solution.diagnosis.text()
        )


def test_the_quota_that_fails_is_named_where_another_is_slack():
    b = awkward()
    many = np.ones_like(b.parameters.trade_elasticity)
    few = 0.1 * np.ones_like(b.parameters.ree_elasticity)
    b = b.replace(
        parameters=b.parameters.replace(
            ree_elasticity=few, element_elasticity=few, trade_elasticity=1.1 * many
        )
    )
    wide = quota_on(b, "wide", exports_of(b, 1, b.elements), 5.0)
    closed = quota_on(b, "closed", exports_of(b, 0, b.elements), 1e-30)
    diagnosis = solve(b, Shock(quotas=(wide, closed)), ALONE, throw=False).diagnosis
    assert (diagnosis.status, diagnosis.block) == ("infeasible", "quota")
    assert f"{WHAT['quota']}: closed;" in diagnosis.text()


def test_an_unstable_regime_is_refused_with_its_cells():
    b, labels = world(0, research_closure="region")
    with pytest.raises(SolveError, match="feeds on itself") as refused:
        solve(b, Shock())
    diagnosis = refused.value.diagnosis
    assert diagnosis.status == "unstable"
    assert diagnosis.value > 1
    assert any(name in diagnosis.text(labels) for name in labels.sectors)
    assert solve(
        b, Shock(), options=Options(check_stability=False)
    ).converged  # the base year is a solution all the same


@pytest.mark.parametrize("name", ["ree_elasticity", "element_elasticity"])
def test_elements_that_attract_research_by_getting_cheap_are_refused(name):
    b = awkward()
    elasticity = np.full(b.shape[1], 3.5)  # lambda = 0.5: 0.5 (3.5 - 1) > 1
    high = b.replace(parameters=b.parameters.replace(**{name: elasticity}))
    solution = solve(high, Shock(), throw=False)
    assert solution.status == "unstable"
    assert "= 1.25 is 1 or more" in solution.diagnosis.detail
    assert solve(high, Shock(), ALONE).converged


def test_the_cap_on_iterations_is_a_status():
    b = awkward()
    shock = Shock(quotas=(quota_on(b, "q", exports_of(b, 0, b.elements), 0.2),))
    solution = solve(b, shock, options=Options(max_iterations=2), throw=False)
    assert (solution.status, solution.iterations) == ("iteration_limit", 2)
    assert "allow more iterations" in solution.diagnosis.text()


def test_numbers_outside_the_domain_are_not_finite_and_named():
    b = awkward()
    tax = b.tariff.copy()
    tax[0, 1, 2] = -1.5  # a subsidy of more than the price
    with np.errstate(invalid="ignore"):
        solution = solve(b, Shock(tariff=tax), ALONE, throw=False)
    assert solution.status == "non_finite"
    assert solution.diagnosis.block == "market"
    assert ADVICE["non_finite"] in solution.diagnosis.text()


def test_an_unpayable_debt_ends_early_and_says_how_far_the_walk_came():
    """Deficits are fixed in the numeraire: when trade gets forty times as dear, no wage earns what is owed."""
    b = in_debt()
    far = np.where(np.eye(3, dtype=bool)[:, :, None], 1.0, 40.0) * np.ones(b.export_tax.shape)
    solution = solve(b, Shock(iceberg=far), ALONE, throw=False)
    assert solution.status == "stalled"
    assert re.search(
        r"walking from the base year ended at \d+% of the shock|income falls to nothing",
        solution.diagnosis.detail,
    )
    assert solution.iterations < Options().max_iterations
    one_by_one = solve(b, Shock(iceberg=far), ALONE, throw=False, options=Options(continuation=False))
    assert "walking" not in one_by_one.diagnosis.detail


def in_debt():
    """Region 0 consumes a third of what a like region would, and sells the rest abroad for nothing in return."""
    rng = np.random.default_rng(4)
    flows = rng.uniform(1, 3, (3, 4, 3, 4)) + 20 * np.eye(3)[:, None, :, None]
    final = rng.uniform(5, 10, (3, 4, 3)) + 100 * np.eye(3)[:, None]
    final[:, :, 0] *= 0.35
    return benchmark_from_flows(flows, final, elasticities=Elasticities(trade=6.0, materials=0.2, final=0.05))


NAMES = Labels(
    regions=("Borrower", "Lender", "Third"), sectors=("wheat", "ore", "cloth", "wine"),
    goods=("wheat", "ore", "cloth", "wine"), factors=("labour",), elements=(),
)  # fmt: skip


@pytest.mark.parametrize(
    ("status", "options"),
    [
        ("stalled", Options()),
        ("diverged", Options(stall_window=60)),  # patient: until no step helps, however short
        ("iteration_limit", Options(max_iterations=3)),
    ],
)
def test_a_search_without_an_end_names_region_and_good_and_what_to_try(status, options):
    b = in_debt()
    far = np.where(np.eye(3, dtype=bool)[:, :, None], 1.0, 40.0) * np.ones(b.export_tax.shape)
    solution = solve(b, Shock(iceberg=far), ALONE, throw=False, options=options)
    assert solution.status == status
    text = solution.diagnosis.text(NAMES)
    assert text.startswith(status)
    assert ADVICE[status] in text
    assert re.search(
        r"worst at market of a good \(E9\): (Borrower|Lender|Third), (wheat|ore|cloth|wine)", text
    )
    assert f"{abs(solution.diagnosis.value):.1e}" in text


def test_failures_can_be_returned_or_raised():
    b = awkward()
    shock = Shock(quotas=(quota_on(b, "q", exports_of(b, 0, b.elements), 0.2),))
    few = Options(max_iterations=1)
    with pytest.raises(SolveError) as raised:
        solve(b, shock, options=few)
    returned = solve(b, shock, options=few, throw=False)
    assert raised.value.diagnosis == returned.diagnosis
    assert raised.value.solution is not None


def balances(solution):
    """Markets that are open clear, and so does the budget that was left out (Walras)."""
    system, a = solution.system, solution.allocation
    sold, bought = a.supply[system.supplied], a.sales.gate[system.supplied]
    np.testing.assert_allclose(sold, bought, rtol=1e-9)
    np.testing.assert_allclose(a.income, system.income_base * np.exp(a.state.income), rtol=1e-9)


# ---------------------------------------------------------------- who stops when the last buyer goes


def lonely():
    """Region 2 sells its concentrate abroad only; an embargo on it."""
    b = awkward()
    concentrate = int(np.nonzero(b.make[:, b.stage_sector[0]].any(axis=0))[0][0])
    closed = np.zeros(b.export_tax.shape, dtype=bool)
    closed[2, :, concentrate] = True
    return b, concentrate, closed


def test_a_mine_without_buyers_closes():
    b, concentrate, closed = lonely()
    sectors, goods = idle(b, closed)
    mining = int(b.stage_sector[0])
    assert [tuple(int(i) for i in cell) for cell in np.argwhere(sectors)] == [(2, mining)]
    assert [tuple(int(i) for i in cell) for cell in np.argwhere(goods)] == [(2, concentrate)]
    solution = solve(b, Shock(embargo=closed), ALONE)
    assert np.exp(solution.allocation.state.output[2, mining]) < 1e-20
    payments = solution.allocation.spending.on_factor[2, :, mining]
    assert np.abs(payments).max() < 1e-15 * b.output[2, mining]
    balances(solution)


def test_closing_spreads_to_those_who_sold_to_it_alone():
    b, concentrate, closed = lonely()
    mining, separation = (int(j) for j in b.stage_sector[:2])
    closed[2, :, b.elements] = True  # and nobody takes its oxides: separation closes
    closed[:, :, concentrate] |= ~np.eye(len(b.output), dtype=bool)  # concentrate is sold at home only
    closed[2, 2, concentrate] = False
    sectors, _ = idle(b, closed)
    users = np.nonzero(b.use[2, concentrate] > 0)[0]
    assert set(users) == {separation}
    assert sectors[2, separation]
    assert sectors[2, mining]
    assert sectors.sum() == 2


def ring(classes="sector"):
    """In region 0 sectors 2 and 3 sell to themselves and each other, and abroad; final buyers at home buy neither."""
    rng = np.random.default_rng(1)
    flows, final = rng.uniform(0.5, 1.5, (3, 4, 3, 4)), rng.uniform(5, 10, (3, 4, 3))
    flows[0, 2:, 0, :2] = 0.0
    final[0, 2:, 0] = 0.0
    kinds = Elasticities(trade=4.0, materials=0.5, value_added=0.5, final=0.8)
    return benchmark_from_flows(flows, final, use_classes=classes, elasticities=kinds)


@pytest.mark.parametrize("goods", [[3], [2, 3]])
def test_sectors_left_with_themselves_as_buyers_close(goods):
    """Their sales could pay for their inputs, but never for labour."""
    b = ring()
    closed = exports_of(b, 0, goods)
    sectors, unsold = idle(b, closed)
    wanted = {(0, j) for j in goods} if goods == [2, 3] else set()
    assert {tuple(int(v) for v in cell) for cell in np.argwhere(sectors)} == wanted
    assert (sectors == unsold).all()  # each makes a good of its own
    solution = solve(b, Shock(embargo=closed), ALONE)
    assert solution.converged
    made = np.exp(solution.allocation.state.output[0])
    assert (made[[j for j in range(4) if (0, j) not in wanted]] > 0.01).all()
    assert all(made[j] < 1e-20 for _, j in wanted)
    balances(solution)


def test_what_one_class_of_users_buys_is_sold():
    """Four classes, two regions: a good keeps its maker while users of any class may buy it."""
    b = awkward(2, Sizes(regions=2, ordinary=5, elements=2, classes=4, users=3))
    element = int(b.elements[0])
    users = np.flatnonzero((b.use[:, element] > 0).any(axis=0))
    share = b.trade_share.copy()
    kept = b.use_class[users[0]]
    share[[c for c in range(4) if c != kept], 1, :, element] = 0.0  # of origin 1, one class buys it
    closed = np.zeros(b.export_tax.shape, dtype=bool)
    for k in set(b.elements.tolist()) - {element}:
        closed[1, :, k] = True
    only = b.replace(trade_share=share)
    separation = int(b.stage_sector[1])
    assert not idle(only, closed)[0][1, separation]
    share = share.copy()
    share[kept, 1, :, element] = 0.0
    assert idle(b.replace(trade_share=share), closed)[0][1, separation]


def test_an_oxide_without_buyers_is_thrown_away():
    b = awkward()
    separation = int(b.stage_sector[1])
    closed = np.zeros(b.export_tax.shape, dtype=bool)
    closed[2, :, b.elements[0]] = True
    solution = solve(b, Shock(embargo=closed), ALONE)
    assert np.exp(solution.allocation.state.price[2, b.elements[0]]) < 1e-20
    assert np.exp(solution.allocation.state.output[2, separation]) > 0.1
    before = solve(b, Shock(), ALONE)
    made = solution.system.pair_sector == separation
    goods = solution.system.pair_good[made]
    others = goods != b.elements[0]
    gain = solution.allocation.state.price - before.allocation.state.price
    assert gain[2, goods[others]].mean() > 0  # the rest has to pay for the ore
    balances(solution)
