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
from model.variables import results
from tests.conditions import gaps
from tests.independent import Published, base_gate, base_licence, normal, published, quota_tonnes, recompute
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
        restrictions=r.replace(scale=r.scale * rates, leak_margin=r.leak_margin * factor),
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
    """Section 8: the table of results against flows worked out anew."""
    b, solution = case.benchmark, solution or solve(case.benchmark, case.shock, case.closure)
    base = solve(b, closure=case.closure)
    table = results(solution, base)
    w = recompute(b, case.shock, case.closure, published(solution))
    e, abroad = b.elements, ~np.eye(len(b.final), dtype=bool)[:, :, None]
    n = len(b.final)
    spent = w.spending.sum(axis=0)
    geometric = np.exp((w.spending * np.log(w.purchaser)).sum(axis=0) / np.where(spent > 0, spent, 1.0))
    no_technology = Published(**{**vars(w.p), "technology": np.ones_like(w.p.technology)})
    without = recompute(b, case.shock, case.closure, no_technology).unit_cost
    gate0 = base_gate(b)
    bought = w.gate[:, :, e]
    origin = np.stack([[normal(bought[:, m, x]) for x in range(len(e))] for m in range(n)])  # (n,e,i)
    wanted = {
        "purchaser_price": np.where(spent > 0, geometric, 1.0),
        "gate_value": w.p.price[:, e] * b.unit_value[:, e],
        "tonnes": w.tonnes[:, :, e],
        "unit_cost": w.unit_cost,
        "ree_cost_share": w.on_type[:, :, :-1].sum(axis=2),
        "tfp_cost_saved": without / w.unit_cost,
        "tfp_solow": solow(w),
        "final_price": w.final_price,
        "real_income": w.consumption / b.final.sum(axis=1) / w.final_price,
        "equivalent_variation": w.consumption / w.final_price - b.final.sum(axis=1),
        "licence_rent": w.rent - w.smuggling,
        "export_tax_revenue": w.export_tax,
        "tariff_revenue": w.tariff,
        "import_dependence": np.array(
            [[sum(origin[m, x]) - origin[m, x, m] for x in range(len(e))] for m in range(n)]
        ),
        "concentration": (origin**2).sum(axis=2),
        "output_volume": np.where(b.output > 0, w.p.output / np.where(b.output > 0, b.output, 1.0), 1.0)
        / w.revenue,
        "exports": by_sector(w.made, w.gate),
        "border_price": border_price(w, gate0, abroad)[:, e],
        "ree_patents": patents(w),
        "technology_gain": (
            (1 - b.research_share) * (1 + w.s) * w.p.output * (without / w.unit_cost - 1)
        ).sum(axis=1),
        "terms_of_trade": terms_of_trade(w, gate0),
        "real_income_without_asset_sales": (w.consumption - w.released) / b.final.sum(axis=1) / w.final_price,
    }
    assert_close("delivered prices", delivered_price(solution), w.delivered, 1e-10)
    for name, value in wanted.items():
        size = 1 + np.abs(value)
        if name == "equivalent_variation":  # a small difference of large numbers
            size = b.final.sum(axis=1)
        assert_close(name, table[name] / size, value / size, 1e-9)
    exported = by_sector(w.made, w.gate / w.p.price[:, None, :])
    before = by_sector(b.make * b.output[:, :, None], gate0)
    assert_close(
        "exports_volume",
        table["exports_volume"],
        exported / np.where(before > 0, before, 1) + (before <= 0),
        1e-9,
    )


def by_sector(made, gate):
    """(n,j): sales abroad of what each sector makes; a good of several sectors is split by what each makes of it."""
    abroad = gate.sum(axis=1) - np.einsum("nnk->nk", gate)
    found = np.zeros(made.shape[:2])
    for n, j, k in np.argwhere(made > 0):
        found[n, j] += abroad[n, k] * made[n, j, k] / made[n, :, k].sum()
    return found


def border_price(w, gate0, abroad):
    """(i,k): mean over foreign buyers, by base sales, of the border price over its base: gate, licence, export tax."""
    b, weight = w.b, gate0 * abroad
    ratio = np.ones(gate0.shape)
    for i, n, k in np.ndindex(ratio.shape):
        base = 1 + (b.licence[i, k] / b.unit_value[i, k] if i != n and b.licence[i, k] > 0 else 0.0)
        ratio[i, n, k] = (1 + w.licence[i, n, k]) / base * (1 + w.x[i, n, k]) / (1 + b.export_tax[i, n, k])
    mean = np.ones(b.final.shape)
    for i, k in np.ndindex(mean.shape):
        if weight[i, :, k].sum() > 0:
            mean[i, k] = (normal(weight[i, :, k]) * ratio[i, :, k]).sum()
    return mean * w.p.price


def terms_of_trade(w, gate0):
    """Section 8: change of border prices, deflated, at the mean of old and new quantities; exports less imports."""
    b, found = w.b, np.zeros(len(w.b.final))
    for i, n, k in np.ndindex(gate0.shape):
        if i == n:
            continue
        old = (1 + base_licence(b, i, n, k)) * (1 + b.export_tax[i, n, k])
        new = w.p.price[i, k] * (1 + w.licence[i, n, k]) * (1 + w.x[i, n, k])
        mean = (gate0[i, n, k] + w.gate[i, n, k] / w.p.price[i, k]) / 2
        found[i] += mean * (new / w.final_price[i] - old)
        found[n] -= mean * (new / w.final_price[n] - old)
    return found


def patents(w):
    """E20: research on elements, weighted by their share in the base cost of rare earths; 1 where there is none."""
    found = np.ones(w.b.output.shape)
    for n, j in np.argwhere((w.base_type[:, :, :-1].sum(axis=2) > 0) & (w.b.research_share > 0)):
        found[n, j] = (normal(w.base_type[n, j, :-1]) * w.p.research[n, j, :-1]).sum()
    return found


def solow(w):
    """E19a from prices: growth of input prices at nested Sato-Vartia weights, less growth of cost."""
    b, found = w.b, np.ones(w.b.output.shape)
    for n, j in np.argwhere(b.output > 0):
        paid = w.purchaser[b.use_class[j], n] * (1 - w.v[n])
        before, after = w.base_type[n, j], w.on_type[n, j]
        inner = sato_vartia(normal(before[:-1]), normal(after[:-1]))
        top = sato_vartia([sum(before[:-1]), before[-1]], [sum(after[:-1]), after[-1]])
        inputs = top[0] * (inner * np.log(paid[b.elements])).sum() + top[1] * np.log(w.other_price[n, j])
        found[n, j] = np.exp(inputs) / w.unit_cost[n, j]
    return found


def sato_vartia(before, after):
    """Weights that make a CES index exact: logarithmic means of shares, summing to 1."""
    mean = [0.0 if x <= 0 or y <= 0 else np.sqrt(x * y) if abs(y / x - 1) < 1e-5 else (y - x) / np.log(y / x)
            for x, y in zip(before, after, strict=True)]  # fmt: skip
    return normal(mean)
