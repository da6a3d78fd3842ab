"""Derivatives of results: against differences of solves, and against what theory says."""

from __future__ import annotations

import numpy as np
import pytest

from model import Closure, Shock, solve
from model.derivatives import derivatives, instrument, parameter, quota_limit
from model.newton import Options
from model.variables import results
from tests.instruments import awkward, cases, exports_of, quota_on

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


@pytest.mark.parametrize(
    "name", ["quota that leaks", "production quota", "origins differ by use", "sluggish labour and capital"]
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
