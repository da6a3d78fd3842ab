"""Hard scenarios: nearly all converge, the rest say why; a second method and random starts find the same."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import root

from calibration import load
from model import Closure, Shock, SolveError, solve
from model.flows import gate_tonnes, thrown_away
from model.newton import Options, newton
from model.prepare import prepare
from model.problem import Equilibrium
from model.records import ProductionQuota
from model.table import RareEarths, benchmark_from_flows
from model.uniqueness import distinct_solutions
from tests.checks import solved
from tests.conditions import gaps
from tests.hard import hard
from tests.independent import published, recompute
from tests.instruments import Case, awkward, exports_of, production_quota, quota_on
from tests.worlds import Sizes

ALONE = Closure("exogenous", "given", "given")
FAILURES = ("stalled", "diverged", "infeasible", "unstable", "iteration_limit")


def failures(seeds) -> dict[int, str]:
    """What did not converge; every failure has a place, or a reason."""
    found = {}
    for seed in seeds:
        case = hard(seed)
        solution = solve(case.benchmark, case.shock, case.closure, throw=False)
        if not solution.converged:
            assert solution.status in FAILURES, solution.diagnosis.text()
            assert solution.diagnosis.block
            found[seed] = solution.diagnosis.text()
    return found


def test_hard_scenarios_converge():
    assert failures(range(40)) == {}


@pytest.mark.slow
def test_of_a_thousand_hard_scenarios_nearly_all_converge():
    found = failures(range(1000))
    assert len(found) <= 5, found


@pytest.mark.parametrize("seed", [0, *range(41, 46)])
def test_hard_solutions_hold_in_levels_recomputed_without_the_model(seed):
    """`tests/independent.py` works out every flow anew, in plain loops; every condition holds to 1e-10."""
    solved(hard(seed))


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_a_second_method_finds_the_same(seed):
    """Powell's hybrid method of MINPACK, its Jacobian by differences, from some way off."""
    case = hard(seed)
    ours = solve(case.benchmark, case.shock, case.closure)
    problem = Equilibrium(ours.system)
    x = problem.cells.pack(ours.allocation.state)
    rng = np.random.default_rng(seed)
    away = x * rng.uniform(0.9, 1.0, x.shape)
    theirs = root(lambda v: problem.evaluate(v).residual, away, method="hybr", options={"xtol": 1e-13})
    assert np.abs(theirs.fun).max() < 1e-9, theirs.message
    np.testing.assert_allclose(theirs.x, x, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("seed", range(0, 40, 3))
def test_steps_in_single_precision_lead_to_the_same(seed, monkeypatch):
    """As on tables of a hundred regions: the steps are rough, what they are judged by is not."""
    case = hard(seed)
    exact = solve(case.benchmark, case.shock, case.closure)
    monkeypatch.setattr("model.tangent.LARGE", 0)
    rough = solve(case.benchmark, case.shock, case.closure)
    assert abs(rough.diagnosis.value) < Options().tolerance
    one, other = (Equilibrium(s.system).cells.pack(s.allocation.state) for s in (exact, rough))
    np.testing.assert_allclose(other, one, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("seed", [pytest.param(0, marks=pytest.mark.slow), 1, 2])
def test_twenty_random_starts_give_one_solution(seed):
    case = hard(seed)
    found, ended = distinct_solutions(case.benchmark, case.shock, case.closure)
    assert len(found) == 1
    assert ended >= 10


def test_several_equilibria_are_reported():
    """Technology that feeds on itself: the base year is an equilibrium, and so are others."""
    b = awkward(sizes=Sizes(regions=2, ordinary=3, elements=2, users=2))
    wild = b.parameters.replace(
        ree_elasticity=np.full(b.shape[1], 4.0), element_elasticity=np.full(b.shape[1], 4.0),
        innovation_elasticity=np.full((2, 3), 0.5),
    )  # fmt: skip
    b, unchecked = b.replace(parameters=wild), Options(check_stability=False)
    found, _ = distinct_solutions(b, closure=Closure("directed"), options=unchecked, spread=0.5, starts=8)
    assert len(found) > 1
    assert not np.allclose(found[0].allocation.supply, found[1].allocation.supply, rtol=1e-3)


def test_searches_need_a_solution_to_compare_with():
    b = awkward()
    closed = np.zeros(b.export_tax.shape, dtype=bool)
    closed[:, 1, b.elements[0]] = True
    with pytest.raises(SolveError, match="no origin"):
        distinct_solutions(b, Shock(embargo=closed))


def test_a_quota_found_slack_from_anywhere_is_slack():
    b = awkward()
    loose = quota_on(b, "loose", exports_of(b, 0, b.elements), 1.4)
    found, ended = distinct_solutions(b, Shock(quotas=(loose,)), starts=5)
    assert len(found) == 1
    assert ended == 5
    assert found[0].licence == {"loose": 0.0}


@pytest.mark.parametrize("goods", [range(1), range(4), range(6), range(13)])
def test_quotas_on_whatever_is_exported_converge(goods):
    """On ordinary goods, all of them, and everything a region sells: not on the rare-earth chain alone."""
    b = awkward()
    assert b.final.shape[1] == 13
    quota = quota_on(b, "exports", exports_of(b, 0, list(goods)), 0.7)
    solution = solve(b, Shock(quotas=(quota,)), ALONE)
    assert solution.products < 60
    solved(Case(b, Shock(quotas=(quota,)), ALONE))


@pytest.mark.parametrize("goods", [slice(0, 1), slice(0, None), slice(5, None)], ids=["one", "all", "heavy"])
@pytest.mark.parametrize("closure", [ALONE, Closure("directed", "target", "given")])
def test_production_quotas_take_nearly_all_of_what_by_products_cost(goods, closure):
    """Fixed ores: to sell less of one oxide, or of all by weight, leaves a millionth of the price of the cheap.

    What does not leave that is thrown away: nobody buys a licence for it.
    """
    b = load("china-2009").benchmark
    named = np.isin(np.arange(b.final.shape[1]), b.elements[goods])
    made = np.where(named, b.output[0] @ b.make[0] * 1e3 / np.where(named, b.unit_value[0], 1.0), 0.0).sum()
    licences, left = [], []
    for ratio in (0.9, 0.6, 0.3, 0.1):
        quota = ProductionQuota("plants", 0, named, ratio * made, np.ones(len(named)))
        found = solve(b, Shock(production_quotas=(quota,)), closure)
        a = found.allocation
        chi = a.state.production_licence[0]
        assert found.iterations < 30
        assert a.production_tonnes[0] == pytest.approx(quota.limit, rel=1e-9)
        per_unit = np.where(named, chi / np.where(named, b.unit_value[0], 1.0), 0.0)
        np.testing.assert_allclose(np.exp(a.price[0]), np.exp(a.net[0]) + per_unit, rtol=1e-12)
        wasted = thrown_away(found)[0]
        assert a.net[0, named].min() >= np.log(1e-6) * (1 + 1e-12)
        assert not wasted[named & (a.net[0] > np.log(1e-6) + 1e-9)].any()
        licences.append(chi)
        left.append((a.state.price - a.price)[0, named].min())
    assert (np.diff(licences) > 0).all()
    assert (np.diff(left) < 0).all()
    assert (wasted[named] > 0).any()  # at a tenth


@pytest.mark.parametrize("ratio", [0.9, 0.5, 0.1])
@pytest.mark.parametrize("closure", [ALONE, Closure("directed", "target", "given")])
def test_production_quotas_on_shipped_ores_of_fixed_composition(ratio, closure):
    b = load("china-2009-small").benchmark
    fixed = b.parameters.replace(transformation_elasticity=np.zeros(b.shape[1]))
    quota = production_quota(b, ratio, 0)
    found = solve(b.replace(parameters=fixed), Shock(production_quotas=(quota,)), closure)
    assert found.allocation.production_tonnes[0] == pytest.approx(quota.limit, rel=1e-9)
    assert np.nansum(thrown_away(found)) > 0


def test_a_production_quota_beside_an_embargo_of_the_largest_maker():
    """What is left of prices elsewhere rises a thousandfold: no step of levels. Steps of one case are chaotic."""
    b = load("china-2009").benchmark
    closed, steps = exports_of(b, 0, b.elements), []
    for region, ratio in ((1, 0.99), (1, 0.5), (2, 0.9), (7, 0.7)):
        quota = production_quota(b, ratio, region)
        found = solve(b, Shock(embargo=closed, production_quotas=(quota,)), ALONE)
        steps.append(found.iterations)
        assert found.allocation.production_tonnes[0] <= quota.limit * (1 + 1e-9)
    assert np.mean(steps) < 45


@pytest.mark.parametrize("seed", [3, 8, 19, 24, 33, 49, 53, 60])
def test_ores_of_fixed_composition_under_tight_production_quotas(seed):
    """None of these has an equilibrium in which everything is sold: some oxide does not pay for its licence."""
    case = hard(seed)
    limit = production_quota(case.benchmark, 0.2, seed % 2)
    shock = case.shock.replace(production_quotas=(limit,))
    found = solve(case.benchmark, shock, case.closure)
    assert np.nansum(thrown_away(found)) > 0
    # Recomputed as price less licence, of which a millionth is left: six digits are lost.
    assert max(gaps(recompute(case.benchmark, shock, case.closure, published(found))).values()) < 1e-7


@pytest.mark.slow
def test_hard_scenarios_with_production_quotas_converge():
    """From 3 % to all of what is made, on top of all else: quotas, embargoes, taxes, floors."""
    for seed in range(250):
        case, rng = floored(seed) if seed % 2 else hard(seed), np.random.default_rng(seed)
        limit = production_quota(case.benchmark, 10 ** rng.uniform(-1.5, 0), int(rng.integers(2)))
        shock = case.shock.replace(production_quotas=(limit,))
        assert solve(case.benchmark, shock, case.closure, throw=False).converged, seed


def floored(seed: int) -> Case:
    """A hard scenario with floors under most prices, anywhere up to those of the base year."""
    case, rng = hard(seed), np.random.default_rng(seed + 1000)
    elements = case.benchmark.shape[4]
    floor = np.where(rng.random(elements) < 0.7, rng.uniform(rng.choice([0.2, 0.9]), 1.0, elements), 0.0)
    b = case.benchmark.replace(parameters=case.benchmark.parameters.replace(price_floor=floor))
    return Case(b, case.shock, case.closure)


def test_hard_scenarios_with_floors_under_prices_converge():
    binding = 0
    for seed in range(30):
        case = floored(seed)
        found = solve(case.benchmark, case.shock, case.closure)
        binding += bool(np.nansum(thrown_away(found)) > 0)
        solved(case, found)
    assert binding > 15


def test_floors_below_all_prices_change_nothing():
    b = load("china-2009").benchmark
    shock = Shock(quotas=(quota_on(b, "exports", exports_of(b, 0, b.elements), 0.6),))
    low = b.replace(parameters=b.parameters.replace(price_floor=np.full(b.shape[4], 1e-6)))
    one, other = solve(b, shock, ALONE), solve(low, shock, ALONE)
    for before, after in zip(one.allocation.state, other.allocation.state, strict=True):
        np.testing.assert_array_equal(after, before)


def test_a_floor_holds_and_its_surplus_is_thrown_away():
    """Under an export quota light oxides get cheap at home; a floor stops that, and the ore's composition is kept."""
    b = load("china-2009").benchmark
    shock = Shock(quotas=(quota_on(b, "exports", exports_of(b, 0, b.elements), 0.6),))
    fixed = b.parameters.replace(transformation_elasticity=np.zeros(b.shape[1]))
    free = solve(b.replace(parameters=fixed), shock, ALONE)
    floors = fixed.replace(price_floor=np.full(b.shape[4], 0.9))
    held = solve(b.replace(parameters=floors), shock, ALONE)
    price = np.exp(held.allocation.price[0, b.elements])
    wasted = thrown_away(held)[0, b.elements]
    assert np.exp(free.allocation.price[0, b.elements]).min() < 0.8
    assert price.min() == pytest.approx(0.9, rel=1e-12)
    assert ((wasted > 0) == (price < 0.9 + 1e-9)).all()
    made = wasted + gate_tonnes(held).sum(axis=1)[0, b.elements]
    before = (b.output[0] @ b.make[0] * 1e3 / b.unit_value[0])[b.elements]
    assert np.ptp(np.log(made / before)) < 1e-9


def test_elements_that_no_stage_makes_cost_no_more_than_other_goods():
    rng = np.random.default_rng(0)
    flows, final = rng.uniform(0.1, 1, (3, 7, 3, 7)), rng.uniform(5, 9, (3, 7, 3))
    elements = RareEarths(np.arange(3, 7), np.zeros(0, dtype=int), np.full((3, 7), 10.0), np.ones(7))
    b = benchmark_from_flows(flows, final, rare_earths=elements)
    tax = np.zeros(b.export_tax.shape)
    tax[0, 1:, 4] = 0.05
    assert solve(b, Shock(export_tax=tax), ALONE).products < 40


def test_the_order_of_elements_does_not_matter():
    b = awkward()
    order = np.array([0, 2, 1, 3, 4])
    with_x = np.append(order, len(order))
    p = b.parameters
    turned = b.replace(
        elements=b.elements[order],
        parameters=p.replace(
            innovation_elasticity=p.innovation_elasticity[:, with_x], spillover=p.spillover[:, with_x]
        ),
    )
    quota = quota_on(b, "exports", exports_of(b, 0, b.elements), 0.5)
    for closure in (ALONE, Closure("directed_with_spillovers", "target", "target")):
        one, other = (solve(w, Shock(quotas=(quota,)), closure) for w in (b, turned))
        np.testing.assert_allclose(other.allocation.state.price, one.allocation.state.price, atol=1e-10)
        assert other.licence["exports"] == pytest.approx(one.licence["exports"], rel=1e-9)


@pytest.mark.parametrize(("ratio", "weight"), [(0.9, 1 / 3), (0.6, np.log(1 / 0.6)), (0.1, 1.0)])
def test_licences_of_shallow_cuts_weigh_less_from_the_base_year_and_are_the_same(ratio, weight):
    b = load("china-2009-small").benchmark
    shock = Shock(quotas=(quota_on(b, "quota", exports_of(b, 0, b.elements), ratio),))
    eased = solve(b, shock, ALONE)
    plain = prepare(b, shock, ALONE, shock.quotas)
    np.testing.assert_array_equal(plain.restrictions.reach, plain.restrictions.scale)
    np.testing.assert_allclose(eased.system.restrictions.reach, plain.restrictions.scale / weight, rtol=1e-12)
    problem = Equilibrium(plain)
    found = newton(problem, problem.start(), Options())
    assert found.outcome == "converged"
    np.testing.assert_allclose(
        found.point.allocation.state.licence, eased.allocation.state.licence, rtol=1e-9
    )
