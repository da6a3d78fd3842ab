"""Derivatives of results: against differences of solves, and against what theory says."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from model import SHORT, Closure, Shock, solve
from model import derivatives as module
from model.derivatives import Direction, derivatives, instrument, parameter, quota_limit
from model.newton import Options
from model.prepare import alike
from model.variables import results
from tests.instruments import awkward, cases, exports_of, production_quota, quota_on

TIGHT = Options(tolerance=1e-13)
READ = (
    "producer_price",
    "tonnes",
    "output",
    "technology",
    "research",
    "real_income",
    "terms_of_trade",
    "licence_rent",
)


def outcomes(solution):
    base = solve(solution.system.benchmark, Shock(), solution.system.closure)
    values = results(solution, base)
    found = {name: values[name] for name in READ}
    return {**found, "licence_price": np.array(list(solution.licence.values()))}


def differences(case, direction, h=3e-4):
    """Central differences of whole solves, extrapolated (Richardson)."""

    def at(s):
        b, shock = direction.move(case.benchmark, case.shock, s)
        return outcomes(solve(b, shock, case.closure, options=TIGHT))

    points = {s: at(s * h) for s in (-2, -1, 1, 2)}
    return {
        name: (8 * (points[1][name] - points[-1][name]) - (points[2][name] - points[-2][name])) / (12 * h)
        for name in points[1]
    }


def agree(case, solution, direction):
    found = derivatives(solution, case.benchmark, case.shock, [direction], outcomes)[direction.name]
    level = outcomes(solution)
    for name, wanted in differences(case, direction).items():
        noise = 1e-7 * np.abs(wanted).max(initial=0.0) + 1e-9 * np.abs(level[name]).max(initial=1.0)
        np.testing.assert_allclose(found[name], wanted, rtol=1e-7, atol=noise, err_msg=name)


DIRECTIONS = {
    "eps of all sectors": parameter("ree_elasticity"),
    "sigma of one good": parameter("trade_elasticity", 3),
    "final elasticity": parameter("final_elasticity"),
    "tau": parameter("transformation_elasticity"),
    "lambda of one region": parameter("innovation_elasticity", 1),
    "phi": parameter("spillover"),
    "psi, added to": parameter("breadth", add=True),
    "weights of capacity": parameter("capacity_weight"),
    "quota": quota_limit("quota"),
    "tariff": instrument("tariff", np.s_[0, 1, 2]),
    "export tax": instrument("export_tax", np.s_[0, 1:, :]),
    "iceberg": instrument("iceberg", np.s_[0, 1, :], multiply=True),
    "subsidy": instrument("subsidy", np.s_[2, 0]),
    "research subsidy": instrument("research_subsidy", np.s_[1, :, 0]),
    "stocks": instrument("stock_release", np.s_[1, -1]),
    "productivity": instrument("productivity", np.s_[0], multiply=True),
}


@pytest.mark.parametrize("direction", DIRECTIONS.values(), ids=DIRECTIONS)
def test_derivatives_are_the_limits_of_differences(direction):
    case = cases()["quota"]
    case = type(case)(case.benchmark, case.shock, Closure("directed_with_spillovers", "target", "target"))
    solution = solve(case.benchmark, case.shock, case.closure, options=TIGHT)
    agree(case, solution, direction)


def test_scientists_who_are_given_in_number_have_a_derivative_with_respect_to_their_supply():
    """At an elasticity of 0 nothing leaves production; the right-hand difference has an error of the step squared."""
    case = cases()["quota"]
    b, closure, step = case.benchmark, Closure("exogenous", "given", "given"), 1e-4
    assert b.parameters.research_supply_elasticity == 0.0
    solution = solve(b, case.shock, closure)
    supply = parameter("research_supply_elasticity", add=True)
    found = derivatives(solution, b, case.shock, [supply], lambda s: {"income": s.allocation.income})
    at = [
        solve(supply.move(b, case.shock, s * step)[0], case.shock, closure).allocation.income
        for s in (0, 1, 2)
    ]
    wanted = (-1.5 * at[0] + 2 * at[1] - 0.5 * at[2]) / step
    assert np.abs(wanted).max() > 1e-6
    np.testing.assert_allclose(found[supply.name]["income"], wanted, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(
    "name",
    [
        "quota that leaks",
        "production quota",
        "origins differ by use",
        "sluggish labour and capital",
        "licence of the base year kept",
        "licence of the base year removed",
    ],
)
def test_they_hold_with_other_instruments_in_force(name):
    case = cases()[name]
    solution = solve(case.benchmark, case.shock, case.closure, options=TIGHT)
    agree(case, solution, parameter("trade_elasticity"))


def test_a_quota_that_binds_moves_its_own_tonnes_one_for_one():
    case = cases()["quota"]
    solution = solve(case.benchmark, case.shock, case.closure)

    def counted(s):
        return {"tonnes": s.allocation.quota_tonnes}

    found = derivatives(solution, case.benchmark, case.shock, [quota_limit("quota")], counted)
    np.testing.assert_allclose(found["limit of quota"]["tonnes"], case.shock.quotas[0].limit, rtol=1e-9)


def test_a_floor_just_under_a_price_has_no_effect():
    """Nothing is thrown away on this side; a difference that reached over to the other would find some."""
    b = awkward()
    plenty = np.ones(b.output.shape)
    plenty[:, b.stage_sector] = 1.3
    shock = Shock(productivity=plenty)
    lowest = np.exp(solve(b, shock, options=TIGHT).allocation.price[:, b.elements]).min(axis=0)
    floored = b.replace(parameters=b.parameters.replace(price_floor=lowest * (1 - 1e-4)))
    solution = solve(floored, shock, options=TIGHT)
    found = derivatives(solution, floored, shock, [parameter("price_floor")], outcomes)["price_floor"]
    level = outcomes(solution)
    for name, value in found.items():
        assert np.abs(value).max(initial=0.0) < 1e-9 * np.abs(level[name]).max(initial=1.0), name


def test_what_hardly_pays_for_its_licence_moves_by_whole_logs():
    """Ores of fixed composition: what a unit leaves its producer changes a thousand times faster than the limit."""
    b = awkward()
    b = b.replace(parameters=b.parameters.replace(transformation_elasticity=np.zeros(b.output.shape[1])))
    shock = Shock(production_quotas=(production_quota(b, 0.0624),))
    solution = solve(b, shock, SHORT, options=TIGHT)

    def read(s):
        return {"left": s.allocation.net[1].min(), "price": s.allocation.price[1, b.elements]}

    direction, h = quota_limit("mines"), 1e-6
    found = derivatives(solution, b, shock, [direction], read)[direction.name]
    assert found["left"] > 1000
    near = [
        read(solve(*direction.move(b, shock, s), SHORT, options=TIGHT, start=solution))["price"]
        for s in (h, -h)
    ]
    np.testing.assert_allclose(found["price"], (near[0] - near[1]) / (2 * h), rtol=1e-5)


def test_two_production_quotas_on_the_same_tonnes_have_no_derivative():
    """Their two licence prices are one: only the sum is given, and either limit alone is a kink."""
    b = awkward()
    mines = production_quota(b, 0.7)
    shock = Shock(production_quotas=(mines, mines.replace(name="twin")))
    solution = solve(b, shock, SHORT)
    with pytest.raises(ArithmeticError, match="singular"):
        derivatives(solution, b, shock, [quota_limit("twin")], outcomes)


def test_a_slack_quota_has_no_effect():
    b = awkward()
    loose = quota_on(b, "loose", exports_of(b, 0, b.elements), 1.5)
    shock = Shock(quotas=(loose,))
    solution = solve(b, shock)
    found = derivatives(solution, b, shock, [quota_limit("loose")], outcomes)["limit of loose"]
    assert all(np.abs(value).max(initial=0.0) < 1e-9 for value in found.values())


def test_at_the_base_year_no_elasticity_matters():
    b = awkward()
    solution = solve(b, Shock(), Closure("directed", "target", "target"))
    moves = [parameter(name) for name in ("trade_elasticity", "ree_elasticity", "materials_elasticity")]
    for found in derivatives(solution, b, Shock(), moves, outcomes).values():
        assert max(np.abs(found[name]).max() for name in ("producer_price", "output", "real_income")) < 1e-7


def test_what_cannot_be_differentiated_is_refused():
    case = cases()["iceberg"]
    failed = solve(case.benchmark, case.shock, options=Options(max_iterations=1), throw=False)
    with pytest.raises(ValueError, match="converged"):
        derivatives(failed, case.benchmark, case.shock, [parameter("breadth")], outcomes)


# ------------------------------------------------------------------ what a direction moves


def test_parameters_are_multiplied_or_added_to_where_they_are_named():
    b, shock = awkward(), Shock()
    now, s = b.parameters, 0.3
    sigma = parameter("trade_elasticity", 2).move(b, shock, s)[0].parameters.trade_elasticity
    wanted = now.trade_elasticity.copy()
    wanted[2] *= np.exp(s)
    np.testing.assert_allclose(sigma, wanted, rtol=1e-15)
    assert now.trade_elasticity[2] == sigma[2] / np.exp(s)  # what there was stays
    added = parameter("ree_elasticity", add=True).move(b, shock, s)[0].parameters
    np.testing.assert_allclose(added.ree_elasticity, now.ree_elasticity + s, rtol=1e-15)
    back = added.replace(ree_elasticity=now.ree_elasticity)
    assert alike(back, now, [f.name for f in fields(now)])
    for moved, value in (
        (parameter("breadth"), now.breadth * np.exp(s)),
        (parameter("breadth", add=True), now.breadth + s),
    ):
        after = moved.move(b, shock, s)[0].parameters.breadth
        assert type(after) is float
        assert after == pytest.approx(value, rel=1e-15)
    array = b.replace(parameters=now.replace(breadth=np.array(now.breadth)))  # as files give them
    assert type(parameter("breadth").move(array, shock, s)[0].parameters.breadth) is float


def test_instruments_are_added_to_or_multiplied_where_they_are_named():
    b, s = awkward(), 0.2
    where = np.s_[0, 1:, 2]
    (of, shock) = instrument("tariff", where).move(b, Shock(), s)
    assert of is b
    wanted = b.tariff.copy()
    wanted[where] += s
    np.testing.assert_allclose(shock.tariff, wanted, rtol=1e-15)
    (_, shock) = instrument("tariff", where).move(b, shock, s)  # from what is in force
    np.testing.assert_allclose(shock.tariff[where], b.tariff[where] + 2 * s, rtol=1e-14)
    (_, shock) = instrument("iceberg", where, multiply=True).move(b, Shock(), s)
    assert (shock.iceberg[where] == np.exp(s)).all()
    assert (np.delete(shock.iceberg, 0, axis=0) == 1).all()
    assert instrument("tariff").name == "tariff"


def test_a_limit_moves_with_its_name_alone():
    b = awkward()
    quotas = tuple(quota_on(b, name, exports_of(b, 0, b.elements), 0.5) for name in ("one", "two"))
    mines = production_quota(b, 0.7)
    (_, shock) = quota_limit("two").move(b, Shock(quotas=quotas, production_quotas=(mines,)), 0.1)
    assert [q.limit for q in shock.quotas] == [quotas[0].limit, pytest.approx(quotas[1].limit * np.exp(0.1))]
    assert shock.production_quotas == (mines,)
    (_, shock) = quota_limit("mines").move(b, Shock(quotas=quotas, production_quotas=(mines,)), 0.1)
    assert shock.quotas == quotas
    assert shock.production_quotas[0].limit == pytest.approx(mines.limit * np.exp(0.1))
    assert quota_limit("two").name == "limit of two"


@pytest.mark.parametrize(
    "name",
    [
        "export_tax", "tariff", "subsidy", "iceberg", "productivity", "demand_shift", "use_subsidy", "stock_release",
        "recycling", "recycling_cost", "research_subsidy", "technology", "capacity", "capacity_investment",
    ],
)  # fmt: skip
def test_what_an_instrument_is_before_it_moves_changes_nothing(name):
    """Zero of a quantity, one of a ratio, the base year's rate: the shapes that `Shock` takes, and no effect."""
    b = awkward()
    closure = (
        Closure("directed", "given", "given") if name in ("technology", "capacity") else Closure("directed")
    )
    with_it = solve(b, Shock(**{name: module._none(b, name)}), closure)
    without = solve(b, Shock(), closure)
    assert with_it.iterations == 0
    for field, value in without.allocation.state._asdict().items():
        np.testing.assert_allclose(getattr(with_it.allocation.state, field), value, atol=1e-14)
    moved = instrument(name).move(b, Shock(), 1.0)[1]
    assert getattr(moved, name).shape == module._none(b, name).shape
    level = {"export_tax": b.export_tax, "tariff": b.tariff, "subsidy": b.subsidy}
    ratio = name in ("iceberg", "productivity", "demand_shift")
    np.testing.assert_array_equal(module._none(b, name), level.get(name, 1.0 if ratio else 0.0))
    shapes = {
        "technology": (*b.output.shape, len(b.elements) + 1),
        "capacity": (len(b.output), len(b.stage_sector)),
    }
    if name in shapes:
        assert module._none(b, name).shape == shapes[name]


def test_licences_are_reported_by_name_and_move_with_the_solution():
    case = cases()["licence of the base year and a quota"]
    solution = solve(case.benchmark, case.shock, case.closure, options=TIGHT)
    names = list(solution.licence)
    assert len(names) == 2

    def read(found):
        assert list(found.licence) == names
        return {name: np.array(price) for name, price in found.licence.items()}

    direction = quota_limit("quota")
    found = derivatives(solution, case.benchmark, case.shock, [direction], read)[direction.name]
    h = 1e-4
    near = [
        solve(*direction.move(case.benchmark, case.shock, s), case.closure, options=TIGHT).licence
        for s in (h, -h)
    ]
    for name in names:
        assert found[name] == pytest.approx((near[0][name] - near[1][name]) / (2 * h), rel=1e-6, abs=1e-7)
    assert found["quota"] < 0


def test_a_direction_that_opens_or_closes_trade_has_no_derivative():
    case = cases()["export tax"]
    solution = solve(case.benchmark, case.shock, case.closure)

    def shut(b, shock, s):
        closed = np.zeros(b.export_tax.shape, dtype=bool)
        closed[1][:, b.elements] = True  # home included: a sector stops
        return b, shock.replace(embargo=closed)

    with pytest.raises(ValueError, match="the end of a trade changes which cells exist"):
        derivatives(
            solution,
            case.benchmark,
            case.shock,
            [Direction("the end of a trade", shut)],
            lambda s: {"x": np.zeros(1)},
        )
