"""Broyden's method for many problems at once, each a row: no derivatives, one evaluation for every step.

Where all problems are close to one whose Jacobian has been factorised, a handful of steps does, and a step of all
problems costs little more than a step of one. It knows no economics, and it never lies: rows that have not converged
are said to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np

from model.records import Array

E = TypeVar("E")
R = TypeVar("R", covariant=True)


class Rows(Protocol[E, R]):
    """Problems in rows."""

    metric: Array  # (unknown,) 1 / square of what counts as one unit of each

    def evaluate(self, rows: Array, x: Array) -> tuple[E, Array]:
        """An evaluation of some of the problems, and its residuals (row, unknown)."""

    def keep(self, evaluation: E, position: int) -> R:
        """What is wanted of one problem that has converged, by its position in an evaluation."""

    def correct(self, residual: Array) -> Array:
        """(row, unknown) an approximate Newton step, -J^-1 residual, in any precision."""

    def move(self, x: Array, step: Array) -> Array:
        """x after a step; to first order x + step."""

    def length(self, x: Array, step: Array) -> Array:
        """(row,) largest change of any unknown."""


K = TypeVar("K")


@dataclass(frozen=True)
class Found(Generic[K]):
    """A problem that has converged."""

    kept: K
    residual: Array  # (unknown,)
    x: Array
    history: tuple[float, ...]


def broyden(
    problems: Rows[E, K], start: Array, tolerance: float, limit: int, longest: float, hopeless: float = 1e3
) -> dict[int, Found[K]]:
    """Roots of the rows that converge within `limit` evaluations; Broyden's good update from J^-1 of `correct`.

    Limited memory in the form of steps s and corrections u, H+ = (1 + u s') H (Kelley 1995, section 7.3). Steps longer
    than `longest` are cut. Rows that leave the domain, or whose residual grows beyond `hopeless` times the first, are
    given up.
    """
    with np.errstate(all="ignore"):  # a row that leaves the domain, or a singular Jacobian: it is given up
        return _broyden(problems, start, tolerance, limit, longest, hopeless)


def _broyden(
    problems: Rows[E, K], start: Array, tolerance: float, limit: int, longest: float, hopeless: float
) -> dict[int, Found[K]]:
    rows, x = np.arange(len(start)), start
    found: dict[int, Found[K]] = {}
    steps: list[Array] = []
    updates: list[Array] = []
    _, residual = problems.evaluate(rows, x)
    history = [np.abs(residual).max(axis=1)]
    step = problems.correct(residual)
    metric = problems.metric.astype(step.dtype)
    for _ in range(limit):
        part = np.minimum(1.0, longest / np.maximum(problems.length(x, step), 1e-300))
        moved = problems.move(x, step * part[:, None])
        evaluation, residual = problems.evaluate(rows, moved)
        history.append(np.abs(residual).max(axis=1))
        for position in np.nonzero(history[-1] < tolerance)[0].tolist():
            past = tuple(float(norm[position]) for norm in history)
            kept = problems.keep(evaluation, position)
            found[int(rows[position])] = Found(kept, residual[position].copy(), moved[position].copy(), past)
        going = (history[-1] >= tolerance) & (history[-1] < hopeless * np.maximum(history[0], 1.0))
        if not going.any():
            break
        if not going.all():
            rows, x, step, moved, residual = (array[going] for array in (rows, x, step, moved, residual))
            history = [norm[going] for norm in history]
            steps, updates = [s[going] for s in steps], [u[going] for u in updates]
        following = problems.correct(residual)
        for s, u in zip(steps, updates, strict=True):
            following += _dot(s, following) * u
        # What is learnt needs no more digits than `correct` gives: the residuals judge.
        taken, change = (
            (moved - x).astype(step.dtype),
            step - following,
        )  # change: H times that of the residuals
        steps.append(taken * metric)
        along = _dot(steps[-1], change)
        updates.append((taken - change) / np.where(along == 0.0, 1.0, along))
        step = following + _dot(steps[-1], following) * updates[-1]
        x = moved
    return found


def _dot(left: Array, right: Array) -> Array:
    """(row, 1) scalar products of rows."""
    found: Array = np.einsum("rx,rx->r", left, right)[:, None]
    return found
