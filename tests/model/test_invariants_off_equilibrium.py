"""Identities that hold at any point, solved or not, with every instrument switched on in turn.

docs/model.md: E1-E17 and E22 against plain loops; Walras' law; homogeneity; derivatives against the complex step.
"""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from model.feasibility import infeasible
from model.problem import Equilibrium
from model.records import Closure, Shock
from model.solve import solve
from model.table import RareEarths, benchmark_from_flows
from tests import checks
from tests.instruments import Case, awkward, cases
from tests.points import analytic, complex_step, point, residuals_at
from tests.worlds import Sizes

CASES = cases(0)
NAMES = tuple(CASES)
IDENTITIES = (checks.levels, checks.walras, checks.homogeneous, checks.derivative)


@pytest.mark.parametrize("name", NAMES)
def test_every_equation_at_a_random_point_is_that_of_the_page(name):
    checks.levels(CASES[name], seed=3)


@pytest.mark.parametrize(
    "name", ["tariff", "quota", "embargo", "capacity given", "capacity at its target", "empty cells"]
)
def test_precision_is_kept_when_prices_move_by_powers_of_ten(name):
    """P^(1-sigma) of a good that is dear everywhere is 1e-12 or less: nothing may be subtracted from it."""
    for seed in range(3):
        checks.levels(CASES[name], seed, size=1.5)


@pytest.mark.parametrize("name", NAMES)
def test_walras_law_is_an_identity(name):
    checks.walras(CASES[name], seed=4)


@pytest.mark.parametrize("name", NAMES)
def test_the_unit_of_money_does_not_matter(name):
    checks.homogeneous(CASES[name], seed=5)


@pytest.mark.parametrize("name", NAMES)
def test_derivatives_are_complex_step_derivatives(name):
    checks.derivative(CASES[name], seed=6)


@pytest.mark.parametrize("users", [[0], [3], [1, 3]])
@pytest.mark.parametrize("classes", ["common", "intermediate_final", "sector"])
def test_derivatives_whoever_uses_rare_earths(classes, users):
    """Few sectors do, or one alone, whose origins may be its own; and the solver needs no more steps for it."""
    rng = np.random.default_rng(2)
    flows, final = rng.uniform(0.1, 1.0, (3, 5, 3, 5)), rng.uniform(6.0, 9.0, (3, 5, 3))
    flows[:, 2][:, :, np.setdiff1d(np.arange(5), users)] = 0.0
    flows[:, 2] *= 3.0
    final[:, 2] = 0.0
    flows[:, :, :, 2] *= 0.1
    rare = RareEarths([2], [], np.full((3, 5), 10.0), np.ones(5))
    b = benchmark_from_flows(flows, final, use_classes=classes, rare_earths=rare)
    productivity = np.linspace(0.9, 1.1, 15).reshape(3, 5)
    case = Case(b, Shock(productivity=productivity), Closure("exogenous", "given", "given"))
    system, cells, state = point(case, 6)
    problem, x, step = Equilibrium(system), cells.pack(state), 1e-5
    direction = rng.normal(size=cells.size)
    ahead, behind = (problem.evaluate(x + s * step * direction).residual for s in (1, -1))
    found = analytic(system, cells, state, direction)
    np.testing.assert_allclose(found, (ahead - behind) / (2 * step), atol=1e-7)
    assert solve(b, case.shock, case.closure).iterations < 8


@pytest.mark.parametrize(
    "name", ["quota", "quota that leaks", "production quota", "quotas that overlap", "all at once"]
)
def test_derivatives_where_quotas_bind_exactly(name):
    """On the kink's smooth side: room is 0, the licence price is not."""
    system, cells, state = point(CASES[name], 7)
    a = residuals_at(system, state)[0]
    r = system.restrictions
    tight = a.quota_tonnes.copy()
    tight[r.leaking] -= state.leak
    system = system.replace(restrictions=r.replace(log_limit=np.log(tight)))
    direction = np.random.default_rng(8).normal(size=cells.size)
    exact = complex_step(system, cells, state, direction)
    checks.assert_close(
        "derivative", analytic(system, cells, state, direction), exact, 1e-10 * np.abs(exact).max()
    )


@pytest.mark.parametrize("name", NAMES)
def test_derivatives_in_single_precision_have_six_digits(name):
    system, cells, state = point(CASES[name], 6)
    direction = np.random.default_rng(7).normal(size=cells.size)
    exact = analytic(system, cells, state, direction)
    rough = analytic(system, cells, state, direction, rough=True)
    checks.assert_close("rough", rough, exact, 1e-5 * np.abs(exact).max())
    assert not np.array_equal(rough, exact)


def test_derivatives_are_linear_and_take_many_columns():
    system, cells, state = point(CASES["all at once"], 9)
    directions = np.random.default_rng(1).normal(size=(cells.size, 4))
    together = analytic(system, cells, state, directions)
    for column in range(4):
        alone = analytic(system, cells, state, directions[:, column])
        checks.assert_close("column", together[:, column], alone, 1e-12 * np.abs(alone).max())
    summed = analytic(system, cells, state, directions.sum(axis=1))
    checks.assert_close("sum", together.sum(axis=1), summed, 1e-11 * np.abs(summed).max())


worlds = st.fixed_dictionaries({
    "seed": st.integers(0, 10_000),
    "regions": st.integers(2, 5), "ordinary": st.integers(2, 6), "elements": st.integers(1, 5),
    "classes": st.integers(1, 3),
    "sparse": st.booleans(), "licence": st.booleans(), "taxes": st.booleans(), "research": st.booleans(),
    "closure": st.sampled_from(["region", "sector"]), "capital": st.sampled_from([np.inf, 0.0, 1.7]),
    "name": st.sampled_from(NAMES),
})  # fmt: skip


@settings(max_examples=25)
@given(worlds)
def test_identities_in_random_worlds(draw):
    sizes = Sizes(
        draw["regions"], draw["ordinary"], draw["elements"], draw["classes"], min(2, draw["ordinary"])
    )
    same = {key: draw[key] for key in ("sparse", "licence", "taxes", "research")}
    b = awkward(
        draw["seed"], sizes, research_closure=draw["closure"], capital_mobility=draw["capital"], **same
    )
    case = cases(draw["seed"], b)[draw["name"]]
    assume(infeasible(case.benchmark, case.shock, case.shock.quotas) is None)  # an embargo on the only seller
    for identity in IDENTITIES:
        identity(case, draw["seed"])


@pytest.mark.parametrize("seed", range(3))
def test_goods_under_a_quota_take_the_same_path_as_others(seed):
    """Plain goods by matrix products, goods under quotas cell by cell: a quota at price 0 must not matter."""
    case = CASES["quota"]
    with_quota, cells, state = point(case, seed)
    without, others, _ = point(replace(case, shock=case.shock.replace(quotas=())), seed)
    _, first = residuals_at(with_quota, state._replace(licence=np.zeros(1)))
    _, second = residuals_at(without, state._replace(licence=np.zeros(0)))
    for name in ("profit", "market", "budget", "sluggish", "research_e"):
        checks.assert_close(name, getattr(first, name), getattr(second, name), 1e-13)


def test_all_regimes_and_closures_share_the_base_year():
    b = CASES["quota"].benchmark
    for regime in ("exogenous", "directed", "directed_with_spillovers"):
        for technology in ("given", "target"):
            for capacity in ("given", "target"):
                checks.replicates(Case(b, CASES["quota"].shock, Closure(regime, technology, capacity)))
