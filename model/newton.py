"""A globalised Newton-Krylov method. It knows no economics: a problem, its linearisation, a step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Literal, Protocol, TypeVar

import numpy as np

from model.records import Array, Frozen

Outcome = Literal["converged", "stalled", "diverged", "non_finite", "iteration_limit"]


@dataclass(frozen=True)
class Options(Frozen):
    """Limits of the solver: nothing runs without a cap."""

    tolerance: float = 1e-11  # largest |residual|
    max_iterations: int = 60
    max_step: float = 1.5  # largest change of any unknown in one step (logs: a factor of 4.5)
    min_damping: float = 1e-4
    stall_window: int = 8  # iterations whose steps together must be worth `stall_progress` of a full one
    stall_progress: float = 0.25
    cycle_steps: float = 5.0  # full steps in which the sum of squares must at least halve
    max_products: int = 80  # Jacobian products in one linear solve
    forcing: float = 0.2  # relative tolerance of the first linear solves
    continuation: bool = True  # walk from the base year when the search fails
    check_stability: bool = (
        True  # refuse regimes in which technology feeds on itself (once for each base year)
    )


class Point(Protocol):
    """The problem at an iterate."""

    @property
    def residual(self) -> Array:
        """What is to become zero."""

    def step(self, tolerance: float, limit: int) -> tuple[Array, int]:
        """An approximate Newton step, J step = -residual to a relative tolerance, and the products it took."""

    def level(self, residual: Array) -> float:
        """Square of the size of the correction that a residual calls for, to the accuracy of the preconditioner.

        Valid after `step`. Unlike the size of the residual itself it does not depend on how equations are scaled
        (Deuflhard 2004, natural level functions).
        """


P = TypeVar("P", bound=Point, covariant=True)


@dataclass(frozen=True)
class Trace(Frozen, Generic[P]):
    """How a solve went."""

    outcome: Outcome
    x: Array
    point: P
    residual: Array
    iterations: int
    evaluations: int
    products: int
    history: tuple[float, ...]  # largest |residual| at each iterate


class Problem(Protocol[P]):
    """A function whose root is wanted."""

    def evaluate(self, x: Array) -> P:
        """The function at x."""

    def move(self, x: Array, step: Array) -> Array:
        """x after a step; to first order x + step."""

    def length(self, x: Array, step: Array) -> float:
        """Largest change of any unknown, relative to what a linear model can be trusted for."""


def newton(problem: Problem[P], start: Array, options: Options) -> Trace[P]:
    """Inexact Newton with backtracking; a step is good when it lowers the sum of squares or the level of `Point`.

    Steps too short to get anywhere, and full steps that come back to where they were, end the search early.
    """
    x, evaluations, products = start, 1, 0
    point = problem.evaluate(x)
    history = [_norm(point.residual)]

    def trace(outcome: Outcome) -> Trace[P]:
        return Trace(
            outcome, x, point, point.residual, len(history) - 1, evaluations, products, tuple(history)
        )

    if not np.isfinite(history[0]):
        return trace("non_finite")
    merit = float(point.residual @ point.residual)
    merits, dampings = [merit], [0.0]
    while history[-1] >= options.tolerance:
        if len(history) > options.max_iterations:
            return trace("iteration_limit")
        if _stalled(merits, dampings, options):
            return trace("stalled")
        step, used = point.step(_forcing(merits, options), options.max_products)
        products += used
        length = problem.length(x, step)
        if not np.isfinite(length):
            return trace("diverged")
        damping = min(1.0, options.max_step / max(length, 1e-300))
        level = None
        while True:
            trial = problem.move(x, damping * step)
            candidate = problem.evaluate(trial)
            evaluations += 1
            value = float(candidate.residual @ candidate.residual)
            # At the level of rounding nothing can fall any more.
            if value <= (1 - 1e-4 * damping) * merit or _norm(candidate.residual) < options.tolerance:
                break
            level = point.level(point.residual) if level is None else level
            if np.isfinite(value):
                value = point.level(candidate.residual)
                if value <= (1 - 0.5 * damping) * level:
                    break
            damping *= _shrink(level, value, damping)
            if damping < options.min_damping:
                return trace("diverged")
        x, point, merit = trial, candidate, float(candidate.residual @ candidate.residual)
        history.append(_norm(point.residual))
        merits.append(merit)
        dampings.append(damping)
    return trace("converged")


def _norm(vector: Array) -> float:
    return float(np.abs(vector).max(initial=0.0))


def _shrink(merit: float, value: float, damping: float) -> float:
    """Minimum of the parabola through the merit, its slope (-2 merit for a Newton step) and the trial, bounded."""
    if not np.isfinite(value):
        return 0.25
    best = merit * damping / (value + (2 * damping - 1) * merit)
    return float(np.clip(best, 0.1, 0.5))


def _forcing(merits: list[float], options: Options) -> float:
    """Eisenstat and Walker's second choice: solve the linear system no better than the model is good.

    Nor better than the tolerance needs: the last step is a short one (Kelley 1995, section 6.3).
    """
    needed = 0.3 * options.tolerance / np.sqrt(merits[-1])
    if len(merits) < 2:
        return max(options.forcing, needed)
    return max(float(np.clip(0.9 * merits[-1] / merits[-2], 1e-6, options.forcing)), needed)


def _stalled(merits: list[float], dampings: list[float], options: Options) -> bool:
    """Steps that are too short, or that go round in a circle."""
    window, done = options.stall_window, 0.0
    if len(dampings) > window and sum(dampings[-window:]) < options.stall_progress:
        return True
    for since in range(len(dampings) - 1, 0, -1):
        done += dampings[since]
        if done >= options.cycle_steps:
            return min(merits[since:]) > 0.5 * min(merits[:since])
    return False
