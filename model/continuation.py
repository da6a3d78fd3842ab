"""Walking from the base year to a shock that Newton's method cannot reach in one go."""

from __future__ import annotations

from dataclasses import replace

from model.equilibrium import State
from model.newton import Options, Trace, newton
from model.prepare import prepare
from model.problem import Equilibrium, Point
from model.records import Array, Benchmark, Closure, Quota, Shock
from model.shocks import scaled

FIRST_STEP = 0.5
SMALLEST_STEP = 1 / 64
MOST_SOLVES = 60
EASY = 5  # iterations up to which the next step may be longer
WAYPOINT = 1e-6  # tolerance on the way


def walk(
    benchmark: Benchmark, shock: Shock, closure: Closure, quotas: tuple[Quota, ...], options: Options
) -> tuple[Trace[Point] | None, float]:
    """The last trace of a walk and the part of the shock at which it ended: 1 when it arrived.

    Steps are predicted from the two points before, doubled after an easy solve and halved after a failure.
    """
    done, step = 0.0, FIRST_STEP
    points: list[tuple[float, State]] = []
    trace: Trace[Point] | None = None
    for _ in range(MOST_SOLVES):
        target = min(1.0, done + step)
        part, limits = scaled(benchmark, shock, quotas, target)
        problem = Equilibrium(prepare(benchmark, part, closure, limits))
        arrives = target >= 1.0
        limit = options if arrives else replace(options, tolerance=max(options.tolerance, WAYPOINT))
        trace = newton(problem, _predict(problem, points, target), limit)
        if trace.outcome == "converged":
            if arrives:
                return trace, 1.0
            points = [*points[-1:], (target, problem.cells.unpack(trace.x))]
            done, step = target, step * (2.0 if trace.iterations <= EASY else 1.0)
        else:
            step /= 2
            if step < SMALLEST_STEP:
                break
    return trace, done


def _predict(problem: Equilibrium, points: list[tuple[float, State]], target: float) -> Array:
    """The straight line through the last two points; the base year is the first.

    Points are states, because an embargo takes cells away when the walk arrives, and not before.
    """
    known = [(part, problem.cells.pack(state)) for part, state in points]
    if not known:
        return problem.start()
    (before, first), (last, x) = known if len(known) == 2 else ((0.0, problem.start()), known[0])
    return problem.move(x, (x - first) * ((target - last) / (last - before)))
