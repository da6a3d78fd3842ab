"""Limits in which the model has a closed form, and slopes that docs/model.md states: E2, E10, E15-E20, E22."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model import Closure, Shock, solve
from model.ces import exponent, index, pair
from model.equilibrium import directed
from model.flows import spending_flows
from model.innovation import long_run_elasticity
from model.restrictions import complementarity, complementarity_slopes
from model.variables import results
from model.welfare import equivalent_variation, real_income
from tests import checks, closed_forms
from tests.independent import base_gate, base_spending
from tests.instruments import DIRECTED, Case, awkward, cases, exports_of, quota_on
from tests.points import assemble, complex_step, residuals_at
from tests.tables import benchmark, random_table
from tests.worlds import Sizes, world

SMALL = Sizes(3, 3, 2, 1, 2)


def quota_case(b, ratio=0.5, closure=DIRECTED):
    return Case(b, Shock(quotas=(quota_on(b, "quota", exports_of(b, 0, b.elements), ratio),)), closure)


def scarce_case(b, closure):
    """A quota, and separation that costs five times as much everywhere: elements cost a multiple."""
    productivity = np.ones(b.output.shape)
    productivity[:, b.stage_sector[1]] = 0.2
    case = quota_case(b, 0.3, closure)
    return Case(b, case.shock.replace(productivity=productivity), closure)


def solved(case):
    return solve(case.benchmark, case.shock, case.closure)


# ------------------------------------------------------------------ trade


@settings(max_examples=12)
@given(seed=st.integers(0, 10**6), sectors=st.integers(1, 5), intermediates=st.sampled_from([0.0, 0.6]))
def test_gains_from_trade_have_the_closed_form(seed, sectors, intermediates):
    """Arkolakis, Costinot and Rodriguez-Clare: no deficits, taxes or research; foreign shocks of any kind."""
    table = random_table(seed, 4, sectors, intermediates=intermediates)
    rng = np.random.default_rng(seed)
    sigma = rng.uniform(1.5, 8.0, sectors)
    b = benchmark(table, sigma)
    abroad = ~np.eye(4, dtype=bool)[:, :, None]
    iceberg = np.where(abroad, rng.uniform(0.7, 3.0, table.trade.shape), 1.0)
    solution = solve(b, Shock(iceberg=iceberg))
    paid = spending_flows(solution)[0]
    share_hat = np.array([paid[n, n] / paid[:, n].sum(axis=0) / table.trade[n, n] for n in range(4)])
    expected = closed_forms.gains_from_domestic_shares(table, share_hat, sigma)
    checks.assert_close("real income", real_income(solution), expected, 1e-9)


@settings(max_examples=6)
@given(seed=st.integers(0, 10**6))
def test_cobb_douglas_is_caliendo_and_parro(seed):
    """Solved by their own loop over prices, spending and wages: tests/closed_forms.py."""
    table = random_table(seed, 4, 5, tariffs=0.3, deficits=10.0)
    rng = np.random.default_rng(seed)
    sigma = rng.uniform(2.0, 8.0, 5)
    abroad = ~np.eye(4, dtype=bool)[:, :, None]
    tariff = np.where(abroad, rng.uniform(0, 0.5, table.tariff.shape), 0.0)
    iceberg = np.where(abroad, rng.uniform(0.8, 1.5, table.tariff.shape), 1.0)
    theirs = closed_forms.caliendo_parro(table, sigma - 1, tariff, iceberg)
    solution = solve(benchmark(table, sigma), Shock(tariff=tariff, iceberg=iceberg))
    a = solution.allocation
    checks.assert_close("wages", np.exp(a.state.wage[:, 0]), theirs.wage, 1e-9)
    checks.assert_close("prices", np.exp(a.sources.price[0]), theirs.price, 1e-9)
    checks.assert_close("tariffs", a.sales.tariff, theirs.tariff_revenue, 1e-7)
    checks.assert_close("welfare", real_income(solution), theirs.welfare, 1e-9)


@settings(max_examples=5)
@given(seed=st.integers(0, 10**6))
def test_welfare_to_first_order_is_that_of_baqaee_and_farhi(seed):
    """Their propagation equations in standard form, region by region: factors, nests, trade."""
    table = random_table(seed, 3, 4, factors=2)
    sigma, ones = np.linspace(0.8, 5.0, 4), np.ones(4)
    nests = {"final": 0.7, "added": 0.3, "factors": 0.6, "materials": 1.4}
    b = benchmark(
        table, sigma, final_elasticity=0.7, value_added_elasticity=0.3 * ones, factor_elasticity=0.6 * ones,
        materials_elasticity=1.4 * ones,
    )  # fmt: skip
    change = np.random.default_rng(seed).normal(size=table.final.shape)
    theirs, _ = closed_forms.first_order(closed_forms.network(table, sigma, **nests), change)
    up, down = (np.log(real_income(solve(b, Shock(productivity=np.exp(s * change))))) for s in (1e-4, -1e-4))
    checks.assert_close("welfare", (up - down) / 2e-4, theirs, 1e-5)


@pytest.mark.parametrize("sector", [0, 3, 4, 5])
def test_hulten(sector):
    """No taxes, licences, research: real incomes of the world change by the Domar weight, single regions otherwise."""
    b, _ = world(3, SMALL, taxes=False, research=False)
    unit = np.zeros(b.output.shape)
    unit[1, sector] = 1.0
    size = 1e-3
    gains = [equivalent_variation(solve(b, Shock(productivity=np.exp(s * size * unit)))) for s in (1, -1)]
    slope = (gains[0] - gains[1]) / (2 * size)
    assert slope.sum() == pytest.approx(b.output[1, sector], rel=1e-5)
    assert np.abs(slope).max() < b.output[1, sector] * 5
    assert slope[1] != pytest.approx(b.output[1, sector], rel=1e-3)  # terms of trade


def test_hulten_fails_where_it_should():
    """With taxes the envelope theorem does not hold: the test above is not empty."""
    b, _ = world(3, SMALL, taxes=True, research=False)
    unit = np.zeros(b.output.shape)
    unit[1, 0] = 1e-3
    gains = [equivalent_variation(solve(b, Shock(productivity=np.exp(s * unit)))).sum() for s in (1, -1)]
    assert (gains[0] - gains[1]) / 2e-3 != pytest.approx(b.output[1, 0], rel=1e-2)


# ------------------------------------------------------------------ supply


@pytest.mark.parametrize("seed", range(3))
def test_supply_elasticity_of_a_sector_with_a_resource(seed):
    """E10: [factor_elasticity (1-nu)/nu + eta (1-v)]/v at fixed other prices: only the rent adjusts."""
    b = awkward(seed, taxes=False)
    case = Case(b, Shock(), Closure("exogenous", "given", "given"))
    system, cells = assemble(case)
    start = cells.unpack(np.zeros(cells.size))
    j = int(b.stage_sector[0])  # mining makes one good
    k = int(np.nonzero(b.make[0, j])[0][0])
    resource = int(system.stage_factor[0])

    def column(field, cell):
        direction = cells.unpack(np.zeros(cells.size))
        getattr(direction, field)[cell] = 1.0
        return cells.unpack(complex_step(system, cells, start, cells.pack(direction)))

    # Residuals have the places of the unknowns they are paired with: profit with output, sluggish with rent.
    of_price, of_output, of_rent = (
        column("price", (1, k)), column("output", (1, j)), column("rent", (1, resource, j)))  # fmt: skip
    matrix = np.array([[x.output[1, j], x.rent[1, resource, j]] for x in (of_output, of_rent)]).T
    value, _ = np.linalg.solve(matrix, -np.array([of_price.output[1, j], of_price.rent[1, resource, j]]))
    added, cost = b.factor_payment[1, :, j].sum(), b.factor_payment[1, :, j].sum() + b.use[1, :, j].sum()
    nu, v = b.factor_payment[1, 2, j] / added, added / cost
    par = b.parameters
    expected = (par.factor_elasticity[j] * (1 - nu) / nu + par.value_added_elasticity[j] * (1 - v)) / v
    assert value - 1 == pytest.approx(expected, rel=1e-9)


def test_more_capacity_everywhere_is_no_gain_in_variety():
    """E22: weights of origins are normalised, so at given prices nothing changes."""
    b = awkward(4)
    case = Case(b, Shock(capacity=np.full((4, 2), 0.7)))
    system, cells = assemble(case)
    a, _ = residuals_at(system, cells.unpack(np.zeros(cells.size)))
    checks.assert_close("purchaser prices", a.sources.price, 0.0, 1e-14)
    one_more = np.zeros((4, 2))
    one_more[0, 1] = 0.7
    system, cells = assemble(Case(b, Shock(capacity=one_more)))
    a, _ = residuals_at(system, cells.unpack(np.zeros(cells.size)))
    sold = a.sales.gate / a.supply
    assert sold[0, b.elements[0]] > 1.05 and np.all(sold[1:, b.elements[0]] < 1)


def test_recycled_material_that_goes_into_stock_still_costs_what_it_costs():
    """Stock bought and material recycled cancel in the market, not in the costs."""
    b, tonnes = awkward(4), np.zeros((4, 13))
    tonnes[:, b.elements] = 5.0
    cost = np.full((4, 13), 0.4)
    kept = solve(b, Shock(stock_release=-tonnes, recycling=tonnes, recycling_cost=cost), DIRECTED)
    checks.assert_close("prices", kept.allocation.state.price, 0.0, 1e-12)
    spent = 0.4 * (tonnes * mean_value(b)).sum(axis=1) * 1e3 / 1e6
    checks.assert_close("cost", -equivalent_variation(kept), spent, 1e-9)


def test_what_a_tonne_takes_to_recover_does_not_rise_with_what_it_fetches():
    """Section 5: under a tax that makes elements dear, recycling uses up as much of the final bundle as without."""
    b = awkward(4)
    tonnes, cost, tax = np.zeros((4, 13)), np.full((4, 13), 0.4), b.export_tax.copy()
    tonnes[1, b.elements] = 5.0
    tax[:, 1, b.elements] += 4.0
    given = Shock(recycling=tonnes, export_tax=tax)
    free, paid = (solve(b, shock, DIRECTED) for shock in (given, given.replace(recycling_cost=cost)))
    assert free.allocation.sources.price[:, 1, b.elements].min() > 0.2
    spent = 0.4 * (tonnes * mean_value(b)).sum(axis=1) * 1e3 / 1e6
    checks.assert_close("cost", equivalent_variation(free) - equivalent_variation(paid), spent, 1e-9)


def mean_value(b):
    """(n,k) USD per kg of what a region buys, as buyers pay it; 0 where it buys none."""
    gate = base_gate(b)
    kilos = (gate / b.unit_value[:, None, :]).sum(axis=0)
    return base_spending(b).sum(axis=0) / np.where(kilos > 0, kilos, 1.0)


# ------------------------------------------------------------------ directed technology

COMMON = {"spillover": np.zeros((4, 6)), "breadth": 0.0}


def test_with_unit_elasticities_technology_does_not_move_under_sector():
    ones = np.ones(9)
    b = awkward(5, ree_elasticity=ones, element_elasticity=ones)
    solution = solved(quota_case(b))
    table = results(solution, solve(b, closure=DIRECTED))
    checks.assert_close("technology", table["technology"], 1.0, 1e-13)
    checks.assert_close("research", table["research"], 1.0, 1e-13)
    assert abs(np.log(table["gate_value"])).max() > 0.01  # though prices did


def test_with_unit_elasticities_all_types_move_alike_under_region():
    ones = np.ones(9)
    b = awkward(
        5, ree_elasticity=ones, element_elasticity=ones, research_closure="region",
        innovation_elasticity=np.full((4, 6), 0.08), **COMMON,
    )  # fmt: skip
    case = quota_case(b, closure=Closure("directed"))
    case = Case(
        b,
        case.shock.replace(productivity=np.exp(np.random.default_rng(1).normal(0, 0.1, (4, 9)))),
        case.closure,
    )
    solution = solved(case)
    table = results(solution, solve(b, closure=case.closure))
    expected = (table["output"] / b.output / table["scientists_wage"]) ** 0.08
    used = (b.use[:, b.elements].transpose(0, 2, 1) > 0) & (b.research_share > 0)[:, :, None]
    checks.assert_close("X", table["technology"][:, :, -1], expected, 1e-11)
    checks.assert_close(
        "elements", np.where(used, table["technology"][:, :, :-1] / expected[:, :, None], 1.0), 1.0, 1e-11
    )
    assert np.abs(expected - 1).max() > 1e-3


@pytest.mark.parametrize("lam", [0.2, 0.5, 1.0])
def test_direction_of_technology_follows_relative_prices_exactly(lam):
    """E18: one element, common lambda, no spillovers: log-linear at any size of the shock."""
    b = awkward(
        6,
        Sizes(4, 6, 1, 1, 6),
        innovation_elasticity=np.full((4, 2), lam),
        spillover=np.zeros((4, 2)),
        breadth=0.0,
    )
    solution = solved(scarce_case(b, Closure("directed")))
    a, users = solution.allocation, solution.system.nests.users
    price = a.sources.price[0][:, b.elements[0]][:, None] - a.costs.other[:, users]  # ln p_R/p_X
    log_a = a.costs.technology_e[:, :, 0] - a.costs.technology_x[:, users]
    direction = directed(solution.system, a)
    log_r = direction.research_e[:, :, 0] - direction.research_x[:, users]
    bow = 1 - b.parameters.ree_elasticity[users]
    checks.assert_close("technology", log_a, lam * bow / (1 + lam * bow) * price, 1e-10)
    checks.assert_close("research", log_r, bow / (1 + lam * bow) * price, 1e-10)
    share = (
        a.costs.ree - (a.costs.other - a.costs.technology_x)[:, users]
    )  # cost share follows the long-run elasticity
    long_run = 1 - bow / (1 + lam * bow)
    assert np.all(long_run >= b.parameters.ree_elasticity[users])
    checks.assert_close("relative cost", bow * share, (1 - long_run) * price, 1e-10)
    assert np.abs(price).max() > 0.5


@pytest.mark.parametrize("eps", [0.1, 0.7, 1.0, 1.4])
@pytest.mark.parametrize("lam", [0.0, 0.5, 1.0, 2.0])
def test_the_long_run_elasticity_is_the_stated_one(eps, lam):
    """E18: 1 - eps_LR = (1-eps)/(1+lambda(1-eps)); no change without innovation, 1/(2-eps) at lambda 1."""
    found = long_run_elasticity(np.array(eps), np.array(lam))
    assert found == pytest.approx((eps + lam * (1 - eps)) / (1 + lam * (1 - eps)), rel=1e-14)


def test_a_world_without_research_has_no_direction():
    for closure in ("region", "sector"):
        b = awkward(14, research=False, research_closure=closure)
        table = results(solved(quota_case(b)), solve(b, closure=DIRECTED))
        for variable in ("technology", "research", "scientists", "ree_patents", "tfp_solow"):
            checks.assert_close(variable, table[variable], 1.0, 1e-14)
        if closure == "region":
            checks.assert_close("wage", table["scientists_wage"], 1.0, 1e-14)


def test_direction_between_elements():
    """The same inside the bundle, with the elasticity between elements."""
    b = awkward(7, innovation_elasticity=np.full((4, 6), 0.5), **COMMON)
    solution = solved(scarce_case(b, Closure("directed")))
    a, users = solution.allocation, solution.system.nests.users
    price = a.sources.price[0][:, b.elements][:, None, :]
    bow = 1 - b.parameters.element_elasticity[users][:, None]
    slope = 0.5 * bow / (1 + 0.5 * bow)
    difference = a.costs.technology_e - a.costs.technology_e[:, :, :1]
    checks.assert_close("elements", difference, slope * (price - price[:, :, :1]), 1e-10)


@pytest.mark.parametrize("closure", ["sector", "region"])
def test_accounts_do_not_see_direction_but_cost_does(closure):
    """E19: with a common lambda the Solow residual is lambda ln(Y/wr), 0 under `sector`; the gain in cost is not."""
    lam = 0.5 if closure == "sector" else 0.08
    b = awkward(8, research_closure=closure, innovation_elasticity=np.full((4, 6), lam), **COMMON)
    solution = solved(scarce_case(b, Closure("directed")))
    table = results(solution, solve(b, closure=Closure("directed")))
    expected = (table["output"] / b.output / table["scientists_wage"]) ** lam
    neutral = solution.system.shock.productivity
    checks.assert_close("TFP a", table["tfp_solow"], expected * neutral, 1e-10)
    users = solution.system.nests.users
    gain = np.log(table["tfp_cost_saved"])[:, users] - np.log(expected)[:, users]
    assert np.all(gain > -1e-12)  # direction is towards what became dear
    assert gain.max() > 1e-4


def test_patents_are_research_weighted_by_cost_share():
    """E20."""
    case = quota_case(awkward(9))
    table = results(solved(case), solve(case.benchmark, closure=DIRECTED))
    used = case.benchmark.use[:, case.benchmark.elements].transpose(0, 2, 1)
    share = used / np.where(used.sum(axis=2, keepdims=True) > 0, used.sum(axis=2, keepdims=True), 1.0)
    expected = (share * table["research"][:, :, :-1]).sum(axis=2) + (used.sum(axis=2) <= 0)
    checks.assert_close("patents", table["ree_patents"], expected, 1e-12)


def test_regimes_coincide_without_what_sets_them_apart():
    still = awkward(10, innovation_elasticity=np.zeros((4, 6)), **COMMON)
    kinds = [
        solved(quota_case(still, 0.5, Closure(r)))
        for r in ("exogenous", "directed", "directed_with_spillovers")
    ]
    alone = awkward(10, **COMMON)
    kinds += [solved(quota_case(alone, 0.5, Closure(r))) for r in ("directed", "directed_with_spillovers")]
    for one, other in ((0, 1), (0, 2), (3, 4)):
        checks.assert_close(
            "prices", kinds[one].allocation.state.price, kinds[other].allocation.state.price, 1e-11
        )
    assert np.abs(kinds[0].allocation.state.price - kinds[3].allocation.state.price).max() > 1e-3


# ------------------------------------------------------------------ elementary functions


@given(st.lists(st.floats(-2, 2), min_size=2, max_size=6), st.floats(-0.999, 6), st.integers(0, 99))
def test_ces_index_against_the_textbook_form(prices, sigma, seed):
    x, share = np.array(prices), np.random.default_rng(seed).dirichlet(np.ones(len(prices)))
    rho = exponent(np.array(sigma))
    found = index((share * np.expm1(rho * x)).sum(), rho)
    if abs(1 - sigma) < 1e-4:
        mean = (share * x).sum()
        assert found == pytest.approx(mean + 0.5 * (1 - sigma) * ((share * x**2).sum() - mean**2), abs=1e-7)
    else:
        assert found == pytest.approx(
            np.log((share * np.exp(x) ** (1 - sigma)).sum()) / (1 - sigma), abs=1e-10
        )
    assert x.min() - 1e-12 <= found <= x.max() + 1e-12


@pytest.mark.parametrize(
    "closure", [Closure("exogenous", "given", "given"), Closure("exogenous", "given", "target")]
)
def test_trade_of_unit_elasticity_is_the_limit_of_its_neighbours(closure):
    """E2 and E22: in between elasticities a ten-thousandth below and above, whatever capacity does."""
    b = awkward()
    plant = None
    if closure.capacity == "given":
        plant = np.log1p(np.random.default_rng(0).uniform(-0.4, 0.6, (len(b.output), len(b.stage_sector))))

    def price(sigma):
        b_ = b.replace(parameters=b.parameters.replace(trade_elasticity=np.full(b.final.shape[1], sigma)))
        case = quota_case(b_, 0.6, closure)
        found = solve(b_, case.shock.replace(capacity=plant), closure)
        assert found.iterations < 15
        return found.allocation.state.price

    below, at, above = (price(sigma) for sigma in (1 - 1e-4, 1.0, 1 + 1e-4))
    assert np.abs(above - below).max() > 1e-6
    np.testing.assert_allclose(at, (below + above) / 2, atol=1e-6)
    checks.levels(Case(b.replace(parameters=b.parameters.replace(
        trade_elasticity=np.ones(b.final.shape[1]))), Shock(capacity=plant), closure), seed=1)  # fmt: skip


def test_unit_elasticity_is_exact():
    x, share = np.array([0.3, -1.2, 0.7]), np.array([0.2, 0.5, 0.3])
    assert index(
        (share * np.expm1(exponent(np.array(1.0)) * x)).sum(), exponent(np.array(1.0))
    ) == pytest.approx((share * x).sum(), abs=1e-15)
    assert pair(0.3, 0.5, -0.2, exponent(np.array(1.0))) == pytest.approx(0.3 * 0.5 - 0.7 * 0.2, abs=1e-15)
    assert exponent(np.array([1.0, 3.0]))[1] == -2.0


@given(st.floats(0, 1e6), st.floats(-30, 30))
def test_fischer_burmeister_is_zero_only_where_quotas_are_complementary(price, room):
    value = float(complementarity(np.array(price), np.array(room)))
    assert value == pytest.approx(price + room - np.hypot(price, room), abs=1e-9 * (1 + price))
    if min(price, abs(room)) > 1e-3:
        assert abs(value) > 1e-4
    assert float(complementarity(np.array(price), np.array(0.0))) == 0.0
    assert float(complementarity(np.array(0.0), np.array(abs(room)))) == 0.0


def test_fischer_burmeister_keeps_small_numbers():
    """Written plainly, a + b - sqrt(a^2 + b^2) of 1e-12 and 1 is a third wrong."""
    assert float(complementarity(np.array(1e-12), np.array(1.0))) == pytest.approx(1e-12, rel=1e-9)
    corner = complementarity_slopes(np.array(0.0), np.array(0.0))
    assert all(0 < float(slope) < 1 for slope in corner)


def test_instruments_are_switched_on_by_what_the_shock_says():
    """No case of the other tests is without effect, but those that say so."""
    still = {"no shock", "capacity investment", "quota that does not bind"}
    for name, case in cases(0).items():
        moved = np.abs(solved(case).allocation.state.price).max()
        assert (moved < 1e-12) == (name in still), name
