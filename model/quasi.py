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

T = TypeVar("T")
K = TypeVar("K", covariant=True)


class Rows(Protocol[K]):
    """Problems in rows; positions say which of them the rows given are."""

    metric: Array  # (unknown,) 1 / square of what counts as one unit of each

    def evaluate(self, rows: Array, x: Array) -> tuple[K, Array]:
        """What is to be kept of an evaluation, and the residuals (row, unknown)."""

    def correct(self, residual: Array) -> Array:
        """(row, unknown) an approximate Newton step, -J^-1 residual."""

    def move(self, x: Array, step: Array) -> Array:
        """x after a step; to first order x + step."""

    def length(self, x: Array, step: Array) -> Array:
        """(row,) largest change of any unknown."""


@dataclass(frozen=True)
class Found(Generic[T]):
    """A row that has converged."""

    kept: T  # of the evaluation it converged in
    position: int  # in that evaluation
    residual: Array  # (unknown,)
    x: Array
    history: tuple[float, ...]


def broyden(
    problems: Rows[T], start: Array, tolerance: float, limit: int, longest: float, hopeless: float = 1e3
) -> dict[int, Found[T]]:
    """Roots of the rows that converge within `limit` evaluations; Broyden's good update from J^-1 of `correct`.

    Limited memory in the form of steps s and corrections u, H+ = (1 + u s') H (Kelley 1995, section 7.3). Steps longer
    than `longest` are cut. Rows that leave the domain, or whose residual grows beyond `hopeless` times the first, are
    given up.
    """
    rows, x = np.arange(len(start)), start
    found: dict[int, Found[T]] = {}
    steps: list[Array] = []
    updates: list[Array] = []
    _, residual = problems.evaluate(rows, x)
    history = [np.abs(residual).max(axis=1)]
    step = problems.correct(residual)
    for _ in range(limit):
        taken = step * np.minimum(1.0, longest / np.maximum(problems.length(x, step), 1e-300))[:, None]
        moved = problems.move(x, taken)
        kept, residual = problems.evaluate(rows, moved)
        history.append(np.abs(residual).max(axis=1))
        for position in np.nonzero(history[-1] < tolerance)[0]:
            past = tuple(float(norm[position]) for norm in history)
            found[int(rows[position])] = Found(kept, int(position), residual[position], moved[position], past)
        going = (history[-1] >= tolerance) & (history[-1] < hopeless * np.maximum(history[0], 1.0))
        if not going.any():
            break
        following = problems.correct(residual)
        for s, u in zip(steps, updates, strict=True):
            following += np.einsum("rx,rx->r", s, following)[:, None] * u
        taken = moved - x
        steps.append(taken * problems.metric)
        change = step - following  # H times the change of the residuals
        along = np.einsum("rx,rx->r", steps[-1], change)
        updates.append((taken - change) / np.where(along == 0.0, 1.0, along)[:, None])
        step = following + np.einsum("rx,rx->r", steps[-1], following)[:, None] * updates[-1]
        x = moved
        if not going.all():
            rows, x, step = rows[going], x[going], step[going]
            history = [norm[going] for norm in history]
            steps, updates = [s[going] for s in steps], [u[going] for u in updates]
    return found
