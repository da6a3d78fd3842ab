"""Shocks under which no equilibrium exists, found before solving; and what a search that failed has to say."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np

from model.base_year import licence_rate, spending_base
from model.ces import shares_of
from model.equilibrium import Allocation
from model.newton import Trace
from model.problem import Point
from model.records import Array, Benchmark, Quota, Shock
from model.shocks import outside_domain
from model.solution import Diagnosis, Solution
from model.system import System
from model.unknowns import Layout
from model.welfare import consumption

POOR = 0.05  # income over the base year's below which a region cannot pay what it owes
ROUNDING = 1e-9  # of what is used: by so much stocks may pass it
UNSOLD = "is not sold abroad"  # what a refusal of stocks says
PROHIBITIVE = 1e6  # licence price over unit value from which on a quota that is still exceeded cannot be met


def infeasible(benchmark: Benchmark, shock: Shock, quotas: tuple[Quota, ...]) -> Diagnosis | None:
    """An instrument outside its domain, a good without an open origin, stocks bought beyond what quotas let through."""
    if (outside := outside_domain(shock)) is not None:
        return outside
    if shock.stock_release is not None and (found := _overbought(benchmark, shock, quotas)) is not None:
        return found
    return None if shock.embargo is None else _closed(benchmark, shock.embargo)


def _overbought(b: Benchmark, shock: Shock, quotas: tuple[Quota, ...]) -> Diagnosis | None:
    """Fixed tonnes for stocks that only origins under one quota can sell, and that exceed its limit.

    What is recycled goes into stocks as well, and what is smuggled passes the limit.
    """
    recycled = 0.0 if shock.recycling is None else shock.recycling
    bought = np.maximum(-np.asarray(shock.stock_release) - recycled, 0.0)
    sells = (b.trade_share > 0).any(axis=0)
    if shock.embargo is not None:
        sells &= ~shock.embargo
    need = bought * _lightest(b, sells & (bought > 0))
    for position, quota in enumerate(quotas):
        if quota.leak_margin is not None:
            continue
        captive = sells.any(axis=0) & (quota.covers | ~sells).all(axis=0)
        least = np.where(captive, need, 0.0) * quota.counted
        if least.sum() > quota.limit:
            detail = (
                f"stocks need {least.sum():.6g} t of what quota {quota.name!r} limits to {quota.limit:.6g} t"
            )
            return Diagnosis("infeasible", "quota", (position,), np.nan, detail, quota.name)
    return None


def _lightest(b: Benchmark, sells: Array) -> Array:
    """(n,k) fewest tonnes at the gate that do for a tonne of the base year's mix, 0 where nobody sells.

    Origins are weighed by what buyers pay: least comes from the dearest alone. sells (i,n,k) bool.
    """
    spent = spending_base(b)
    share = shares_of(spent.sum(axis=0), np.einsum("cink,cnk->ink", b.trade_share, spent))
    some = (share > 0) & sells.any(axis=0)
    dollars = b.unit_value[:, None, :] * (1 + b.export_tax)  # per kg
    paid = dollars * (1 + b.tariff) * (1 + licence_rate(b))
    dearest = np.where(sells, paid, 0.0).max(axis=0)
    return shares_of((share / np.where(some, paid, 1.0) * some).sum(axis=0) * dearest, np.ones_like(dearest))


def _closed(b: Benchmark, embargo: Array) -> Diagnosis | None:
    """An embargo on the last origin of a good that is used."""
    for share in b.trade_share:
        bought = share.sum(axis=0) > 0
        closed = bought & (np.where(embargo, 0.0, share).sum(axis=0) <= 0)
        essential = embargo & (share > 0) & (b.parameters.trade_elasticity <= 1)
        if closed.any():
            return _diagnosis(closed, "an embargo leaves no origin for a good that is used")
        if essential.any():
            detail = "with a trade elasticity of 1 or less every origin is essential, and one is closed"
            return _diagnosis(essential.any(axis=0), detail)
    return None


def _diagnosis(cells: Array, detail: str) -> Diagnosis:
    n, k = (int(v) for v in np.argwhere(cells)[0])
    return Diagnosis("infeasible", "market", (n, k), np.nan, detail)


def unsound(solution: Solution) -> Diagnosis | None:
    """What makes residuals of zero no equilibrium; None when nothing does."""
    return oversold(solution.system, solution.allocation) or _spent_up(solution)


def _spent_up(solution: Solution) -> Diagnosis | None:
    """E11: a region where investment, recycling and smuggling use up all income: consumption would be below zero."""
    left = consumption(solution)
    if not (poor := (left <= 0) & (solution.system.income_base > 0)).any():
        return None
    n = int(np.argmin(np.where(poor, left, np.inf)))
    detail = (
        f"investment, recycling and smuggling cost {-left[n]:,.0f} million USD more than the region's income: "
        "nothing is left to consume"
    )
    return Diagnosis("infeasible", "budget", (n,), np.nan, detail)


def oversold(system: System, a: Allocation) -> Diagnosis | None:
    """E9, E23: stocks and recycled material that bring a region more of a good than it uses.

    Markets would clear all the same: its purchases would be negative, and origins would sell its stock to others.
    """
    if system.stock is None:
        return None
    brought, used = a.spending.stock, a.spending.gross.sum(axis=-3)
    excess = brought - used * (1 + ROUNDING)
    if not (excess > 0).any():
        return None
    n, k = (int(v) for v in np.unravel_index(np.argmax(excess), excess.shape))
    flows = (system.shock.stock_release, system.shock.recycling)
    tonnes = float(sum(flow[n, k] for flow in flows if flow is not None))
    before = tonnes * float(spending_base(system.benchmark)[:, n, k].sum() / system.stock[n, k])
    detail = (
        f"what stocks and recycling bring, {tonnes:,.5g} t ({tonnes / before:.3g} of base-year use), is more than the "
        f"{tonnes * used[n, k] / brought[n, k]:,.5g} t used, and {UNSOLD}: release or recover less"
    )
    return Diagnosis("infeasible", "market", (n, k), np.nan, detail)


def diagnose(system: System, cells: Layout, a: Allocation, trace: Trace[Point], done: float) -> Diagnosis:
    """Where a search ended, and why if it failed; done: the part of the shock that continuation reached."""
    size = np.abs(trace.residual)
    block, cell = cells.locate(int(np.argmax(size))) if len(size) else ("", ())
    value = float(trace.residual[np.argmax(size)]) if len(size) else 0.0
    if trace.outcome == "converged":
        return Diagnosis("converged", block, cell, value, quota=_limiting(system, block, cell))
    if trace.outcome == "non_finite" and (detail := _not_numbers(system.benchmark)) is not None:
        return Diagnosis(trace.outcome, block, cell, value, detail)
    if (
        trace.outcome == "non_finite" and (over := oversold(system, a)) is not None
    ):  # nothing is left to be bought
        return replace(over, status=trace.outcome, value=value)
    r = system.restrictions
    exceeded = ~(a.quota_tonnes < np.exp(r.log_limit + 0.1))
    prohibitive = (a.state.licence > PROHIBITIVE * r.scale) & exceeded
    if prohibitive.any():
        q = int(np.argmax(prohibitive))
        return Diagnosis(
            "infeasible",
            "quota",
            (q,),
            value,
            f"no licence price brings quota {r.quotas[q].name!r} down to its limit",
            r.quotas[q].name,
        )
    poor = (a.income <= POOR * system.income_base) & (system.income_base > 0)
    if poor.any():
        n = int(np.argmin(np.where(poor, a.income / np.where(poor, system.income_base, 1.0), np.inf)))
        detail = (
            "income falls to nothing: what the region has to pay (a surplus fixed in the numeraire, stocks) is more "
            "than it earns"
        )
        return Diagnosis(trace.outcome, "budget", (n,), value, detail)
    named = _limiting(system, block, cell)
    return Diagnosis(trace.outcome, block, cell, value, _progress(trace, done), named)


def _limiting(system: System, block: str, cell: tuple[int, ...]) -> str:
    """Name of the quota that a cell of a block stands for; "" where it stands for none.

    Positions are among the quotas that are in the system: those that are slack, or of other years, are not.
    """
    r = system.restrictions
    if block == "quota":
        return r.quotas[cell[0]].name
    if block == "leak":
        return r.quotas[r.leaking[cell[0]]].name
    return r.production[cell[0]].name if block == "production" else ""


def _not_numbers(b: Benchmark) -> str | None:
    """Parameters that are no numbers; a mobility may be infinite."""
    for f in fields(b.parameters):
        value = getattr(b.parameters, f.name)
        if isinstance(value, str) or f.name == "factor_mobility":
            continue
        wrong = ~np.isfinite(value)
        if wrong.any():
            at = tuple(int(p) for p in np.argwhere(wrong)[0])
            return f"parameter {f.name}{list(at) if at else ''} = {np.asarray(value)[at]}"
    return None


def _progress(trace: Trace[Point], done: float) -> str:
    if trace.outcome == "iteration_limit":
        return f"after {trace.iterations} iterations"
    walked = f", and walking from the base year ended at {done:.0%} of the shock" if done < 1 else ""
    return f"the search ended after {trace.iterations} iterations" + walked
