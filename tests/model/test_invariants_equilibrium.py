"""Solutions: every condition recomputed from what is published; results, units of account, starts.

docs/model.md section 8 and E7-E22; `tests/independent.py` shares no code with the solver.
"""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from model import Closure, Shock, solve
from model.variables import VARIABLES, results
from tests import checks
from tests.independent import published, recompute
from tests.instruments import DIRECTED, EXOGENOUS, Case, awkward, cases, exports_of, quota_on
from tests.points import analytic, assemble, residuals_at
from tests.worlds import Sizes

CASES = cases(0)


@cache
def solution_of(name):
    case = CASES[name]
    return solve(case.benchmark, case.shock, case.closure)


@pytest.mark.parametrize("name", CASES)
def test_an_equilibrium_is_one_when_recomputed(name):
    checks.solved(CASES[name], solution_of(name))


@pytest.mark.parametrize("name", CASES)
def test_the_market_left_out_clears(name):
    """By Walras' law the budget that the solver leaves out holds too, to 1e-9 of world income."""
    case = CASES[name]
    solution = solution_of(name)
    w = recompute(case.benchmark, case.shock, case.closure, published(solution))
    left_out = solution.system.numeraire_region
    assert abs(w.income[left_out] - w.p.income[left_out]) < 1e-9 * w.income.sum()


REPORTED = (
    "no shock", "export tax", "quota by oxide content", "quota that leaks", "production quota", "use subsidy",
    "recycling", "stock purchase", "stock release", "capacity investment", "technology given", "capacity at its target",
    "licence of the base year removed", "origins differ by use", "empty cells", "all at once",
    "embargo that closes a sector", "embargo on by-products", "scientists of a closed sector move",
    "floors under prices", "floors and a production quota", "floors and an embargo on by-products",
)  # fmt: skip


@pytest.mark.parametrize("name", REPORTED)
def test_results_are_what_the_flows_say(name):
    checks.reported(CASES[name], solution_of(name))


def test_smuggling_under_a_quota_of_two_origins_costs_them_by_tonnes():
    """Not by value: with one origin the two are the same."""
    b = awkward(0)
    covers = exports_of(b, 0, b.elements) | exports_of(b, 1, b.elements[:2])
    leaky = quota_on(b, "both", covers, 0.5, np.linspace(0.4, 1.0, b.final.shape[1]), leak_margin=0.5)
    case = Case(b, Shock(quotas=(leaky,)))
    solution = solve(case.benchmark, case.shock, case.closure)
    assert solution.allocation.state.leak[0] > 0
    checks.reported(case, solution)


@pytest.mark.parametrize(
    "name", ["quota that leaks", "empty cells", "capacity at its target", "licence of the base year kept"]
)
def test_every_result_is_finite_and_has_its_axes(name):
    case = CASES[name]
    table = results(solution_of(name), solve(case.benchmark, closure=case.closure))
    n, j, k, f, e = case.benchmark.shape
    length = {"n": n, "i": n, "j": j, "k": k, "e": e, "f": f, "g": e + 1, "s": 2, "m": f}
    assert set(table) == {v.name for v in VARIABLES}
    for variable in VARIABLES:
        values = np.asarray(table[variable.name])
        assert values.shape == tuple(length[axis] for axis in variable.axes), variable.name
        if variable.name != "tonnes":
            assert np.isfinite(values).all(), variable.name


# ------------------------------------------------------------------ units of account


def in_other_units(case: Case, factor: float) -> Case:
    """All base values and tonnes in another size; prices per kg stay."""
    b, shock = case.benchmark, case.shock
    values = ("output", "use", "final", "factor_payment", "deficit")
    sized = ("stock_release", "recycling", "capacity_investment")
    return Case(
        b.replace(**{name: getattr(b, name) * factor for name in values}),
        shock.replace(
            **{name: getattr(shock, name) * factor for name in sized if getattr(shock, name) is not None},
            quotas=tuple(q.replace(limit=q.limit * factor) for q in shock.quotas),
            production_quotas=tuple(q.replace(limit=q.limit * factor) for q in shock.production_quotas),
        ),
        case.closure,
    )


@pytest.mark.parametrize("name", ["quota that leaks", "quotas that overlap", "stock release", "production quota",
                                  "licence of the base year kept", "recycling"])  # fmt: skip
def test_a_larger_world_has_the_same_hats(name):
    larger = in_other_units(CASES[name], 7.0)
    one, other = solution_of(name), solve(larger.benchmark, larger.shock, larger.closure)
    for field in ("price", "output", "wage", "rent", "income", "research_e"):
        checks.assert_close(
            field, getattr(other.allocation.state, field), getattr(one.allocation.state, field), 1e-9
        )
    assert other.licence == pytest.approx(one.licence, rel=1e-8, abs=1e-9)
    checks.assert_close("leak", other.allocation.state.leak / 7, one.allocation.state.leak, 1e-6)


# ------------------------------------------------------------------ starts


def newton_from(case: Case, seed: int):
    """A plain damped Newton method on the same equations, from a random start; not the solver's. None: no solution."""
    system, cells = assemble(case)
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 0.3, cells.size)
    state = cells.unpack(x)._replace(licence=rng.uniform(0, 5, len(system.restrictions.quotas)))
    x, identity = cells.pack(state), np.eye(cells.size)

    def residual(vector):
        with np.errstate(all="ignore"):
            return cells.pack_residuals(residuals_at(system, cells.unpack(vector))[1])

    r = residual(x)
    for _ in range(60):
        if np.abs(r).max() < 1e-12:
            return system, cells.unpack(x)
        step = np.linalg.solve(analytic(system, cells, cells.unpack(x), identity), -r)
        damping = min(1.0, 1.0 / np.abs(step).max())
        while True:
            tried = residual(x + damping * step)
            if (np.isfinite(tried).all() and tried @ tried < r @ r * (1 - 1e-4 * damping)) or damping < 1e-9:
                break
            damping /= 2
        x, r = x + damping * step, tried
    return system, None


@pytest.mark.parametrize(
    "closure", [DIRECTED, EXOGENOUS, Closure("directed", "target", "target")], ids=lambda c: c.regime
)
def test_twenty_random_starts_agree(closure):
    b = awkward(5, Sizes(3, 3, 2, 1, 2))
    reo = np.linspace(0.5, 1.0, b.final.shape[1])
    case = Case(b, Shock(quotas=(quota_on(b, "quota", exports_of(b, 0, b.elements), 0.4, reo),)), closure)
    solution = solve(b, case.shock, closure)
    found = 0
    for seed in range(20):
        system, state = newton_from(case, seed)
        if state is None:
            continue
        found += 1
        a, _ = residuals_at(system, state)
        checks.assert_close("prices", state.price, solution.allocation.state.price, 1e-8)
        checks.assert_close("licence", state.licence, list(solution.licence.values()), 1e-7)
        checks.assert_close("gate", a.sales.cell_gate, solution.allocation.sales.cell_gate, 1e-6)
        checks.assert_close(
            "tonnes", a.quota_tonnes, case.shock.quotas[0].limit, 1e-6 * case.shock.quotas[0].limit
        )
    assert found >= 18, f"only {found} of 20 starts reached a solution"


def test_a_solve_repeats_bit_for_bit():
    case = CASES["all at once"]
    one, other = solution_of("all at once"), solve(case.benchmark, case.shock, case.closure)
    for first, second in zip(one.allocation.state, other.allocation.state, strict=True):
        assert first.tobytes() == second.tobytes()


def test_the_order_of_quotas_does_not_matter():
    case = CASES["quotas that overlap"]
    turned = replace(case, shock=case.shock.replace(quotas=case.shock.quotas[::-1]))
    one, other = solution_of("quotas that overlap"), solve(turned.benchmark, turned.shock, turned.closure)
    assert one.licence == pytest.approx(other.licence, rel=1e-9)
