"""A globalised Newton-Krylov method. It knows no economics: a function, its linearisation, a preconditioner."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from model.records import Array, Frozen

Outcome = Literal["converged", "stalled", "diverged", "non_finite", "iteration_limit"]


@dataclass(frozen=True)
class Options(Frozen):
    """Limits of the solver: nothing runs without a cap."""

    tolerance: float = 1e-11  # largest |residual|
    max_iterations: int = 60
    max_step: float = 1.5  # largest change of any unknown in one step (logs: a factor of 4.5)
    min_damping: float = 1e-6
    stall_window: int = 12  # iterations in which the merit must fall by `stall_factor`
    stall_factor: float = 0.5
    max_products: int = 200  # Jacobian products in one linear solve


@dataclass(frozen=True)
class Trace(Frozen):
    """How a solve went."""

    outcome: Outcome
    x: Array
    residual: Array
    iterations: int
    evaluations: int
    products: int
    history: tuple[float, ...]  # largest |residual| at each iterate


class Point(Protocol):
    """The function at an iterate."""

    residual: Array

    def solve(self, rhs: Array, tolerance: float, limit: int) -> tuple[Array, int]:
        """An approximate Newton step J dx = rhs to a relative tolerance, and the products it took."""


def newton(evaluate: Callable[[Array], Point], start: Array, options: Options) -> Trace:
    """Inexact Newton with backtracking on the sum of squares; stalls and cycles end early."""
    x, evaluations, products = start, 1, 0
    point = evaluate(x)
    history = [_norm(point.residual)]
    if not np.isfinite(history[0]):
        return Trace("non_finite", x, point.residual, 0, 1, 0, tuple(history))
    merit = float(point.residual @ point.residual)
    for iteration in range(options.max_iterations):
        if history[-1] < options.tolerance:
            return Trace("converged", x, point.residual, iteration, evaluations, products, tuple(history))
        if _stalled(history, options):
            return Trace("stalled", x, point.residual, iteration, evaluations, products, tuple(history))
        forcing = _forcing(history)
        step, used = point.solve(-point.residual, forcing, options.max_products)
        products += used
        if not np.isfinite(step).all():
            return Trace("diverged", x, point.residual, iteration, evaluations, products, tuple(history))
        damping = min(1.0, options.max_step / max(_norm(step), 1e-300))
        while True:
            trial = x + damping * step
            candidate = evaluate(trial)
            evaluations += 1
            value = float(candidate.residual @ candidate.residual)
            if np.isfinite(value) and value <= (1 - 1e-4 * damping) * merit:
                break
            # At the level of rounding the merit cannot fall any more.
            if np.isfinite(value) and _norm(candidate.residual) < options.tolerance:
                break
            damping *= 0.5
            if damping < options.min_damping:
                outcome: Outcome = "stalled" if np.isfinite(value) else "diverged"
                return Trace(outcome, x, point.residual, iteration, evaluations, products, tuple(history))
        x, point, merit = trial, candidate, value
        history.append(_norm(point.residual))
    outcome = "converged" if history[-1] < options.tolerance else "iteration_limit"
    return Trace(outcome, x, point.residual, options.max_iterations, evaluations, products, tuple(history))


def _norm(vector: Array) -> float:
    return float(np.abs(vector).max(initial=0.0))


def _forcing(history: list[float]) -> float:
    """Eisenstat and Walker's second choice: solve the linear system no better than the model is good."""
    if len(history) < 2:
        return 1e-2
    return float(np.clip(0.9 * (history[-1] / history[-2]) ** 2, 1e-6, 1e-2))


def _stalled(history: list[float], options: Options) -> bool:
    window = options.stall_window
    return len(history) > window and min(history[-window:]) > options.stall_factor * min(history[:-window])
