"""`solve`: benchmark + shock -> equilibrium, with quotas switched on and off and continuation for hard shocks."""

# NOTE for whoever works on the solver (delete when done): (1) Newton's max_step is in logs but licence unknowns are in USD/kg, so
# a licence of 8 USD/kg needs many damped steps: make the unknown chi / scale. (2) path of scenario china-2010-2015 on china-2009,
# exogenous, capacity moving: 2010 takes 12 s and 2012 (quotas light and medium-heavy) stalls at JPN Ce, residual 0.19, with the dense
# LU of the start as preconditioner (GMRES runs out of products). Both must work, fast. (3) Everything else waits for the fast solve.
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import lu_factor, lu_solve
from scipy.sparse.linalg import LinearOperator, gmres

from model.equilibrium import Allocation, allocate, residuals
from model.newton import Options, Trace, newton
from model.records import Array, Benchmark, Closure, Quota, Shock
from model.shocks import base_quotas, close_empty_quotas, scaled
from model.solution import Diagnosis, Solution, SolveError, Status
from model.system import System, prepare, quota_tonnes_base
from model.tangent import linearise
from model.unknowns import Layout, layout

MIN_CONTINUATION = 1 / 64


def solve(
    benchmark: Benchmark,
    shock: Shock | None = None,
    closure: Closure | None = None,
    *,
    options: Options | None = None,
    throw: bool = True,
) -> Solution:
    """The equilibrium of a shocked world (E1-E20).

    Returns a Solution whose status is `converged`, or raises SolveError (with `throw=False` it is returned).
    """
    shock, closure, options = shock or Shock(), closure or Closure(), options or Options()
    quotas = shock.quotas if shock.remove_base_licence else (*base_quotas(benchmark), *shock.quotas)
    shock, quotas = close_empty_quotas(benchmark, shock, quotas)
    problem = _infeasible(benchmark, shock)
    if problem is not None:
        solution = _unsolved(benchmark, shock, closure, problem)
    else:
        solution = _with_active_quotas(benchmark, shock, closure, quotas, options)
    if throw and not solution.converged:
        raise SolveError(solution)
    return solution


def _with_active_quotas(
    benchmark: Benchmark, shock: Shock, closure: Closure, quotas: tuple[Quota, ...], options: Options
) -> Solution:
    """E13: drop slack quotas and add violated ones until none changes; every round starts from the base year.

    A slack quota so leaves no trace: the last round is bit for bit the solve without it.
    """
    active = [q.limit < quota_tonnes_base(benchmark, q) * (1 + 1e-12) for q in quotas]
    for _ in range(2 * len(quotas) + 1):
        chosen = tuple(q for q, on in zip(quotas, active, strict=True) if on)
        solution = _solve_once(benchmark, shock, closure, chosen, options)
        if not solution.converged:
            return solution
        chi = dict(zip((q.name for q in chosen), solution.allocation.state.licence.tolist(), strict=True))
        slack = [on and chi[q.name] <= 1e-9 * s for q, on, s in zip(quotas, active, _scales(solution, quotas, active), strict=True)]
        violated = [not on and _tonnes(solution, q) > q.limit * (1 + 1e-9) for q, on in zip(quotas, active, strict=True)]
        if not any(slack) and not any(violated):
            return _licensed(solution, {q.name: chi.get(q.name, 0.0) for q in quotas})
        active = [(on and not off) or add for on, off, add in zip(active, slack, violated, strict=True)]
    return _failed(solution, "stalled", "the set of binding quotas keeps changing")


def _scales(solution: Solution, quotas: tuple[Quota, ...], active: list[bool]) -> list[float]:
    scales = iter(solution.system.restrictions.scale.tolist())
    return [next(scales) if on else 1.0 for _, on in zip(quotas, active, strict=True)]


def _tonnes(solution: Solution, quota: Quota) -> float:
    """E12 for a quota that was not part of the solve."""
    from model.flows import gate_tonnes

    return float((np.where(quota.covers, gate_tonnes(solution), 0.0) * quota.weight).sum())


def _licensed(solution: Solution, licence: dict[str, float]) -> Solution:
    from dataclasses import replace

    return replace(solution, licence=licence)


def _failed(solution: Solution, status: Status, detail: str) -> Solution:
    from dataclasses import replace

    return replace(solution, status=status, diagnosis=replace(solution.diagnosis, status=status, detail=detail))


def _unsolved(benchmark: Benchmark, shock: Shock, closure: Closure, diagnosis: Diagnosis) -> Solution:
    """The base year, with a diagnosis: nothing was solved."""
    system = prepare(benchmark, Shock(), closure, ())
    cells = layout(system)
    return Solution(diagnosis.status, diagnosis, system, allocate(system, cells.unpack(np.zeros(cells.size))))


def _infeasible(benchmark: Benchmark, shock: Shock) -> Diagnosis | None:
    """A good that somebody needs and no open origin sells."""
    if shock.embargo is None:
        return None
    b = benchmark
    for c in range(b.trade_share.shape[0]):
        bought = b.trade_share[c].sum(axis=0) > 0
        open_share = np.where(shock.embargo, 0.0, b.trade_share[c])
        closed = bought & (open_share.sum(axis=0) <= 0)
        essential = shock.embargo & (b.trade_share[c] > 0) & (b.parameters.trade_elasticity <= 1)
        if closed.any():
            cell = tuple(int(v) for v in np.argwhere(closed)[0])
            return Diagnosis("infeasible", "market", cell, np.nan, "an embargo leaves no origin for a good that is used")
        if essential.any():
            _, n, k = (int(v) for v in np.argwhere(essential)[0])
            return Diagnosis(
                "infeasible", "market", (n, k), np.nan,
                "with a trade elasticity of 1 or less every origin is essential, and one is closed",
            )  # fmt: skip
    return None


@dataclass(frozen=True)
class _Point:
    """The system at an iterate."""

    system: System
    cells: Layout
    allocation: Allocation
    residual: Array
    preconditioner: _Preconditioner

    def solve(self, rhs: Array, tolerance: float, limit: int) -> tuple[Array, int]:
        """GMRES on the right-preconditioned Newton equations."""
        jacobian = linearise(self.system, self.allocation)
        used = 0

        def product(vector: Array) -> Array:
            nonlocal used
            used += 1
            change = self.preconditioner.apply(vector.reshape(-1))
            return self.cells.pack_residuals(jacobian(self.cells.unpack(change[:, None])))[:, 0]

        self.preconditioner.refresh(jacobian)
        operator = LinearOperator((len(rhs), len(rhs)), matvec=product, dtype=float)
        solution, _ = gmres(operator, rhs, rtol=tolerance, atol=0.0, restart=min(limit, 60), maxiter=max(1, limit // 60))
        return self.preconditioner.apply(solution), used


class _Preconditioner:
    """Dense LU of a Jacobian nearby, renewed when it stops helping."""

    def __init__(self, cells: Layout) -> None:
        self.cells, self.factors, self.age = cells, None, 0

    def refresh(self, jacobian) -> None:  # type: ignore[no-untyped-def]
        if self.factors is None:
            self.factors = lu_factor(self.cells.pack_residuals(jacobian(self.cells.unpack(np.eye(self.cells.size)))))

    def apply(self, vector: Array) -> Array:
        return lu_solve(self.factors, vector)


def _solve_once(
    benchmark: Benchmark, shock: Shock, closure: Closure, quotas: tuple[Quota, ...], options: Options
) -> Solution:
    """One system, from the base year; by continuation in the size of the shock when Newton alone fails."""
    system, cells = _prepared(benchmark, shock, closure, quotas)
    trace = _newton(system, cells, _start(system, cells), options)
    if trace.outcome != "converged":
        trace = _continuation(benchmark, shock, closure, quotas, options) or trace
    return _solution(system, cells, trace)


def _prepared(
    benchmark: Benchmark, shock: Shock, closure: Closure, quotas: tuple[Quota, ...]
) -> tuple[System, Layout]:
    system = prepare(benchmark, shock, closure, quotas)
    return system, layout(system)


def _start(system: System, cells: Layout) -> Array:
    """The base year: every hat 1, base-year licences at their price."""
    state = cells.unpack(np.zeros(cells.size))
    licence = np.array([q.start for q in system.restrictions.quotas])
    return cells.pack(state._replace(licence=licence))


def _newton(system: System, cells: Layout, start: Array, options: Options) -> Trace:
    preconditioner = _Preconditioner(cells)

    def evaluate(x: Array) -> _Point:
        with np.errstate(all="ignore"):  # outside the domain: the line search steps back
            allocation = allocate(system, cells.unpack(x))
            residual = cells.pack_residuals(residuals(system, allocation))
        return _Point(system, cells, allocation, residual, preconditioner)

    return newton(evaluate, start, options)


def _continuation(
    benchmark: Benchmark, shock: Shock, closure: Closure, quotas: tuple[Quota, ...], options: Options
) -> Trace | None:
    """Walk from the base year to the shock, halving the step where Newton fails."""
    done, step, start, previous = 0.0, 0.5, None, None
    while done < 1.0:
        target = min(1.0, done + step)
        part, limits = scaled(benchmark, shock, quotas, target)
        system, cells = _prepared(benchmark, part, closure, limits)
        guess = _start(system, cells) if start is None else start
        if previous is not None:
            guess = start + (start - previous[1]) * (target - done) / (done - previous[0])
        trace = _newton(system, cells, guess, options)
        if trace.outcome != "converged" and previous is not None:
            trace = _newton(system, cells, start, options)
        if trace.outcome == "converged":
            previous = None if start is None else (done, start)
            done, start, step = target, trace.x, min(2 * step, 1.0)
        else:
            step /= 2
            if step < MIN_CONTINUATION:
                return None
    return trace


def _solution(system: System, cells: Layout, trace: Trace) -> Solution:
    allocation = allocate(system, cells.unpack(trace.x))
    worst = int(np.argmax(np.abs(trace.residual))) if len(trace.residual) else 0
    block, cell = cells.locate(worst)
    diagnosis = Diagnosis(trace.outcome, block, cell, float(trace.residual[worst]))
    return Solution(
        trace.outcome, diagnosis, system, allocation, {}, trace.iterations, trace.evaluations, trace.products, trace.history
    )
