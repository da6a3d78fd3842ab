"""A group of draws around a solved centre, as problems in rows for `model/quasi.py`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.linalg.lapack import sgetrf, sgetrs

from model.equilibrium import Allocation, allocate, residuals
from model.problem import Equilibrium
from model.records import Array
from model.solution import Solution
from model.stack import pack_residuals, stack, take, unpack
from model.system import System
from model.tangent import linearise

WIDTH = 128  # columns of the Jacobian made at a time


class Jacobian:
    """The Jacobian at a centre, factorised: dense on purpose, because one product serves a whole group.

    Single precision, half the time: what it gives is a guess, which the equations then judge in full precision. Where
    it is used often enough it is inverted, because a product is faster than the solution of two triangular systems.
    """

    def __init__(self, problem: Equilibrium, solution: Solution, often: bool = False) -> None:
        cells, tangent = problem.cells, linearise(solution.system, solution.allocation, rough=True)
        matrix = np.empty((cells.size, cells.size), dtype=np.float32, order="F")
        for first in range(0, cells.size, WIDTH):
            chosen = cells.positions[first : first + WIDTH]
            columns = np.zeros((cells.edges[-1], len(chosen)))
            columns[chosen, np.arange(len(chosen))] = 1.0
            matrix[:, first : first + WIDTH] = cells.flatten(tangent(cells.arrange(columns)))[cells.positions]
        self.factors, self.pivots, _ = sgetrf(matrix, overwrite_a=True)
        self.inverse: Array | None = None
        if often:
            inverse = np.empty((cells.size, cells.size), dtype=np.float32)  # transposed, and its sign changed
            for first in range(0, cells.size, WIDTH):
                unit = np.zeros((len(inverse[first : first + WIDTH]), cells.size), dtype=np.float32)
                unit[np.arange(len(unit)), first + np.arange(len(unit))] = -1.0
                inverse[first : first + WIDTH] = self._solved(unit)
            self.inverse = inverse

    def correct(self, residual: Array) -> Array:
        """(row, unknown) -J^-1 residual, in single precision."""
        right = residual.astype(np.float32)
        if self.inverse is None:
            return self._solved(np.negative(right, out=right))
        step: Array = right @ self.inverse
        return step

    def _solved(self, rows: Array) -> Array:
        """(row, unknown) J^-1 rows."""
        found, _ = sgetrs(self.factors, self.pivots, rows.T, overwrite_b=True)
        return np.asarray(found.T)


class Group:
    """Systems of draws with the cells of a centre, solved together. Raises `stack.Different`."""

    def __init__(self, centre: Equilibrium, jacobian: Jacobian, systems: Sequence[System]) -> None:
        self.centre, self.jacobian = centre, jacobian
        self.single, self.whole = systems[0], stack(systems)
        self.rows, self.system = np.arange(len(systems)), self.whole
        self.like = allocate(self.single, centre.cells.unpack(centre.start()))  # the shapes of a single draw
        scale = np.ones(centre.cells.size)
        scale[centre.leak] = self.single.restrictions.leak_scale
        scale[centre.licence] = self.single.restrictions.scale
        self.metric = scale**-2

    def evaluate(self, rows: Array, x: Array) -> tuple[Allocation, Array]:
        """Allocations and residuals of some draws."""
        if len(rows) != len(self.rows):
            self.rows, self.system = rows, take(self.whole, self.single, rows)
        with np.errstate(all="ignore"):  # outside the domain: the row is given up
            allocation = allocate(self.system, unpack(self.centre.cells, x))
            residual = pack_residuals(self.centre.cells, residuals(self.system, allocation))
        return allocation, residual

    def keep(self, evaluation: Allocation, position: int) -> Allocation:
        """The allocation of one draw."""
        alone: Allocation = take(evaluation, self.like, position)
        return alone

    def correct(self, residual: Array) -> Array:
        """(row, unknown) the Newton step of the centre."""
        return self.jacobian.correct(residual)

    def move(self, x: Array, step: Array) -> Array:
        """As `Equilibrium.move`, row by row; with the floors of the centre, which steps need and solutions do not."""
        return self.centre.move(x, step)

    def length(self, x: Array, step: Array) -> Array:
        """(row,) as `Equilibrium.length`."""
        longest: Array = np.abs(self.centre.relative(x, step)).max(axis=1)
        return longest
