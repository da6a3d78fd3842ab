"""`solve`: benchmark + shock -> equilibrium, with quotas switched on and off and continuation for hard shocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from model.base_year import quota_tonnes_base
from model.continuation import walk
from model.equilibrium import allocate
from model.feasibility import diagnose, infeasible, oversold, unsound
from model.flows import gate_tonnes
from model.newton import Options, Trace, newton
from model.prepare import eased, prepare
from model.problem import Equilibrium, Point
from model.records import Array, Benchmark, Closure, Quota, Shock
from model.shocks import base_quotas, check_shapes, close_empty_quotas, implied, names_all
from model.solution import Diagnosis, Solution, SolveError, Status
from model.stability import unstable
from model.system import System
from model.unknowns import layout

ProblemOf = Callable[[System], Equilibrium]


def solve(
    benchmark: Benchmark,
    shock: Shock | None = None,
    closure: Closure | None = None,
    *,
    options: Options | None = None,
    throw: bool = True,
    start: Solution | None = None,
) -> Solution:
    """The equilibrium of a shocked world (E1-E20).

    start: a solution of a like shock on the same base year, tried first; the base year follows when it leads nowhere.
    Returns a Solution whose status is `converged`, or raises SolveError (with `throw=False` it is returned).
    Arrays that do not fit the base year raise ValueError.
    """
    solution = attempt(benchmark, shock or Shock(), closure or Closure(), options or Options(), start)
    if throw and not solution.converged:
        raise SolveError(solution)
    return solution


def attempt(
    benchmark: Benchmark,
    shock: Shock,
    closure: Closure,
    options: Options,
    start: Solution | None = None,
    problem_of: ProblemOf = Equilibrium,
) -> Solution:
    """`solve` without raising; problem_of: how a system becomes a root-finding problem."""
    shock, quotas = posed(benchmark, shock)
    problem = infeasible(benchmark, shock, quotas)
    if problem is None and options.check_stability:
        problem = unstable(benchmark, closure)
    if problem is not None:
        return _unsolved(benchmark, closure, problem)

    def search(active: tuple[Quota, ...]) -> Solution:
        return _solve_once(benchmark, shock, closure, active, options, start, problem_of)

    return _with_active_quotas(benchmark, quotas, search)


def posed(benchmark: Benchmark, shock: Shock) -> tuple[Shock, tuple[Quota, ...]]:
    """The shock with closed origins, and all quotas: those of the base year's licences, and its own.

    Raises ValueError where its arrays do not fit the base year.
    """
    check_shapes(benchmark, shock)
    quotas = shock.quotas if shock.remove_base_licence else (*base_quotas(benchmark), *shock.quotas)
    return close_empty_quotas(benchmark, shock, quotas)


def tight(benchmark: Benchmark, quotas: tuple[Quota, ...]) -> list[bool]:
    """E13: which quotas would bind if tonnes stayed where they are: the first guess of those that do.

    Not those that a tighter one makes redundant: two that bind on the same sales have no single pair of prices. Nor,
    at first, one that leaves more of all its sales than another: both seldom bind, and near where they do prices of
    licences are hard to tell apart.
    """
    tonnes = [quota_tonnes_base(benchmark, q) for q in quotas]
    cut = [at for at, q in enumerate(quotas) if q.limit < tonnes[at] * (1 + 1e-12)]

    def spare(at: int, other: int) -> bool:
        one, by = quotas[at], quotas[other]
        looser = one.limit * tonnes[other] > by.limit * tonnes[at]
        return _redundant(quotas, at, other) or (looser and names_all(by, one))

    redundant = {at for at in cut for other in cut if other != at and spare(at, other)}
    return [at in cut and at not in redundant for at in range(len(quotas))]


def _redundant(quotas: tuple[Quota, ...], at: int, other: int) -> bool:
    """Whether one quota cannot bind where another does; of two alike that is the second."""
    twins = implied(quotas[other], quotas[at])
    return implied(quotas[at], quotas[other]) and (not twins or other < at)


def _with_active_quotas(
    benchmark: Benchmark, quotas: tuple[Quota, ...], search: Callable[[tuple[Quota, ...]], Solution]
) -> Solution:
    """E13: drop slack quotas and add violated ones until none changes; every round starts anew.

    A slack quota so leaves no trace: the last round is bit for bit the solve without it.
    """
    active = tight(benchmark, quotas)
    for _ in range(2 * len(quotas) + 1):
        solution = search(tuple(q for q, on in zip(quotas, active, strict=True) if on))
        if not solution.converged:
            return solution
        before, active = active, binding(solution, quotas, active)
        if active == before:
            return _sound(licensed(solution, quotas))
    return _failed(solution, "stalled", "the set of binding quotas keeps changing")


def binding(solution: Solution, quotas: tuple[Quota, ...], active: list[bool]) -> list[bool]:
    """E13: the quotas that were active but for slack ones, and those that the solution violates."""
    chosen = (q for q, on in zip(quotas, active, strict=True) if on)
    chi = dict(zip((q.name for q in chosen), solution.allocation.state.licence.tolist(), strict=True))
    return [
        chi[q.name] > 1e-9 * s if on else _tonnes(solution, q) > q.limit * (1 + 1e-9)
        for q, on, s in zip(quotas, active, _scales(solution, quotas, active), strict=True)
    ]


def _scales(solution: Solution, quotas: tuple[Quota, ...], active: list[bool]) -> list[float]:
    scales = iter(solution.system.restrictions.scale.tolist())
    return [next(scales) if on else 1.0 for _, on in zip(quotas, active, strict=True)]


def _tonnes(solution: Solution, quota: Quota) -> float:
    """E12 for a quota that was not part of the solve."""
    return float((np.where(quota.covers, gate_tonnes(solution), 0.0) * quota.counted).sum())


def licensed(solution: Solution, quotas: tuple[Quota, ...]) -> Solution:
    """The solution with the licence price of every quota, 0 where it is slack."""
    active = (q.name for q in solution.system.restrictions.quotas)
    chi = dict(zip(active, solution.allocation.state.licence.tolist(), strict=True))
    return replace(solution, licence={q.name: chi.get(q.name, 0.0) for q in quotas})


def _sound(solution: Solution) -> Solution:
    """The solution, or that it is none: stocks would be sold abroad, or a region consume less than nothing."""
    found = unsound(solution)
    return solution if found is None else replace(solution, status=found.status, diagnosis=found)


def _failed(solution: Solution, status: Status, detail: str) -> Solution:
    return replace(
        solution, status=status, diagnosis=replace(solution.diagnosis, status=status, detail=detail)
    )


def _unsolved(benchmark: Benchmark, closure: Closure, diagnosis: Diagnosis) -> Solution:
    """The base year, with a diagnosis: nothing was solved."""
    system = prepare(benchmark, Shock(), closure, ())
    cells = layout(system)
    return Solution(diagnosis.status, diagnosis, system, allocate(system, cells.unpack(np.zeros(cells.size))))


def _solve_once(
    benchmark: Benchmark,
    shock: Shock,
    closure: Closure,
    quotas: tuple[Quota, ...],
    options: Options,
    start: Solution | None,
    problem_of: ProblemOf,
) -> Solution:
    """One system, from a start or the base year; by continuation in the size of the shock when Newton alone fails."""
    system = prepare(benchmark, shock, closure, quotas)
    if start is None:
        system = eased(system)
    problem = problem_of(system)
    trace = None if start is None else newton(problem, _near(problem, start), options)
    if trace is None or trace.outcome != "converged":
        problem = problem if start is None else Equilibrium(system)
        trace = newton(problem, problem.start(), options)
    done = 1.0
    found = trace.outcome == "converged" and oversold(system, trace.point.allocation) is None
    if not found and options.continuation:
        walked, done = walk(benchmark, shock, closure, quotas, options)
        trace = walked if done == 1.0 and walked is not None else trace
    return _solution(problem, trace, done)


def _near(problem: Equilibrium, start: Solution) -> Array:
    """The unknowns of a problem at another solution; licences by the name of their quota."""
    system, old = problem.system, start.allocation.state
    licence = np.array([start.licence.get(quota.name, quota.start) for quota in system.restrictions.quotas])
    leak = np.zeros(len(system.restrictions.leaking))
    production = np.zeros(len(system.restrictions.production))
    if len(production) == len(old.production_licence):
        production = old.production_licence
    return problem.cells.pack(old._replace(licence=licence, leak=leak, production_licence=production))


def _solution(problem: Equilibrium, trace: Trace[Point], done: float) -> Solution:
    """What a trace came to; done: the part of the shock that continuation reached."""
    allocation = trace.point.allocation
    diagnosis = diagnose(problem.system, problem.cells, allocation, trace, done)
    return Solution(
        diagnosis.status, diagnosis, problem.system, allocation, {}, trace.iterations, trace.evaluations,
        trace.products,
        trace.history,
    )  # fmt: skip
