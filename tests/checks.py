"""The invariants of docs/model.md as functions: each takes a case and raises AssertionError, in well under a second.

Tests run them over many worlds; `tests/model/test_planted_bugs.py` and `tests/mutation.py` use them to see which
notice that an equation was broken.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from model import Solution, solve
from model.flows import delivered_price
from model.records import Shock
from model.unknowns import BLOCKS
from model.variables import VARIABLES, results
from tests.anew import TAKEN, table_anew
from tests.conditions import gaps
from tests.independent import published, quota_tonnes, recompute
from tests.instruments import Case
from tests.points import (
    analytic,
    assemble,
    complex_step,
    expected_residuals,
    point,
    published_at,
    residuals_at,
)  # fmt: skip


def largest(values) -> float:
    return float(np.abs(np.asarray(values)).max(initial=0.0))


def assert_close(name: str, got, wanted, tolerance: float) -> None:
    gap = np.abs(np.asarray(got) - np.asarray(wanted))
    assert np.isfinite(gap).all(), f"{name}: not finite"
    assert largest(gap) <= tolerance, (
        f"{name}: off by {largest(gap):.2e} at {np.unravel_index(gap.argmax(), gap.shape)}"
    )


# ------------------------------------------------------------------ off equilibrium


def replicates(case: Case) -> None:
    """10.1: the base year solves the system as it stands; nothing iterates and every hat is 1."""
    calm = replace(case, shock=Shock())
    system, cells = assemble(calm)
    start = cells.unpack(np.zeros(cells.size))._replace(
        licence=np.array([q.start for q in system.restrictions.quotas])
    )
    _, r = residuals_at(system, start)
    assert largest(cells.pack_residuals(r)) < 2e-12
    solution = solve(calm.benchmark, calm.shock, calm.closure)
    assert solution.iterations == 0
    for name, array in solution.allocation.state._asdict().items():
        if name not in ("licence", "leak"):
            assert_close(name, array, 0.0, 1e-12)


def levels(case: Case, seed: int = 0, size: float = 0.1) -> None:
    """E1-E17, E22: at a random point every residual is what plain loops make of docs/model.md."""
    system, cells, state = point(case, seed, size)
    a, r = residuals_at(system, state)
    w = recompute(case.benchmark, case.shock, case.closure, published_at(system, a))
    expected = expected_residuals(system, w)
    for (_, name), mask in zip(BLOCKS, cells.masks, strict=True):
        if mask.any():
            assert_close(
                name, np.where(mask, getattr(r, name), 0.0), np.where(mask, expected[name], 0.0), 1e-10
            )
    for name in ("technology", "scientists' market", "scientists"):
        if name in expected:
            assert_close(name, expected[name], 0.0, 1e-11)
    assert_close("income", a.income / w.income, 1.0, 1e-11)
    sold = [quota_tonnes(w.b, q, w.gate, w.p.price) for q in system.restrictions.quotas]
    assert_close("quota tonnes", a.quota_tonnes / np.array(sold), 1.0, 1e-10)


def walras(case: Case, seed: int = 0) -> None:
    """10.2: what is supplied less what is demanded, over all goods and factors, is what incomes fall short of."""
    system, _, state = point(case, seed, size=0.3)
    a, _ = residuals_at(system, state)
    spent = system.income_base * np.exp(state.income)
    goods = (a.supply - a.sales.gate).sum()
    hired = a.mobile_supply.sum() + a.sluggish_supply.sum() - a.spending.on_factor.sum()
    deficits = case.benchmark.deficit.sum()
    assert abs(goods + hired - (a.income - spent).sum() + deficits) < 1e-11 * spent.sum()


def homogeneous(case: Case, seed: int = 0, factor: float = 2.0) -> None:
    """10.3: nothing real depends on the unit of money."""
    system, cells, state = point(case, seed)
    _, before = residuals_at(system, state)
    log = np.log(factor)
    rates = np.array([1.0 if not q.specific else factor for q in system.restrictions.quotas])
    scaled = state._replace(
        price=state.price + log, output=state.output + log, wage=state.wage + log, rent=state.rent + log,
        income=state.income + log, licence=state.licence * rates, production_licence=state.production_licence * factor,
    )  # fmt: skip
    r = system.restrictions
    money = system.replace(
        deficit=system.deficit * (factor if system.benchmark.parameters.deficit_rule == "fixed" else 1.0),
        production_scale=system.production_scale * factor,
        log_floor=None if system.log_floor is None else system.log_floor + log,
        restrictions=r.replace(
            scale=r.scale * rates, reach=r.reach * rates, leak_margin=r.leak_margin * factor
        ),
    )
    _, after = residuals_at(money, scaled)
    before.budget[system.numeraire_region] += log  # the numeraire doubles with the rest
    assert_close("residuals", cells.pack_residuals(after), cells.pack_residuals(before), 1e-11)


def derivative(case: Case, seed: int = 0) -> None:
    """10.5: the product that the solver uses is the complex-step derivative."""
    system, cells, state = point(case, seed)
    direction = np.random.default_rng(seed + 1).normal(size=cells.size)
    exact = complex_step(system, cells, state, direction)
    assert_close(
        "derivative", analytic(system, cells, state, direction), exact, 1e-10 * max(1.0, largest(exact))
    )


# ------------------------------------------------------------------ at a solution


def solved(case: Case, solution: Solution | None = None) -> Solution:
    """10.4, 10.7: every condition of an equilibrium holds to 1e-10, from the published result."""
    solution = solution or solve(case.benchmark, case.shock, case.closure)
    w = recompute(case.benchmark, case.shock, case.closure, published(solution))
    worst = gaps(w)
    assert max(worst.values()) < 1e-10, {name: gap for name, gap in worst.items() if gap >= 1e-10}
    return solution


def reported(case: Case, solution: Solution | None = None) -> None:
    """Section 8: every variable of the table of results against flows worked out anew."""
    b, solution = case.benchmark, solution or solve(case.benchmark, case.shock, case.closure)
    base = solve(b, closure=case.closure)
    found = results(solution, base)
    w = recompute(b, case.shock, case.closure, published(solution))
    wanted = table_anew(w)
    assert set(found) == {v.name for v in VARIABLES} == set(wanted) | TAKEN
    for name, value in wanted.items():
        size = 1 + np.abs(value)
        if name == "equivalent_variation":  # a small difference of large numbers
            size = b.final.sum(axis=1)
        elif name == "thrown_away":  # the same: what is made less what is sold
            size = 1 + w.tonnes[:, :, b.elements].sum(axis=1)
        assert_close(name, found[name] / size, value / size, 1e-9)
    assert_close("delivered prices", delivered_price(solution), w.delivered, 1e-10)
