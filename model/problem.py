"""The equilibrium as a root-finding problem: what Newton's method sees of the economy."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from model.equilibrium import Allocation, State, allocate, least_left, production_licences, residuals
from model.krylov import Recycled, fgmres
from model.preconditioner import Preconditioner
from model.records import Array
from model.system import System
from model.tangent import Tangent, linearise_for_steps
from model.unknowns import Layout, layout

SLOW = 20  # products of one linear solve beyond which the regions of the preconditioner are renewed
# Weight of outputs, rents, capacity, and what production quotas leave of a price, in the length of a step: those of a
# dying mine fall by many orders at once.
LOOSE = 0.05
NEAR = 0.1  # part of the tolerance of a step that the change of any log since the Jacobian may be worth
PAST = 0.03  # how far beyond the floor of a price, in logs, a step may go
LEAST = -1 + 1e-9  # of a level: the least that a step may leave
ROUGH = 0.1  # tolerance of a step from which on what the preconditioner solves exactly needs no product to check it
FAR = 0.5  # change of any log since the chain was factorised beyond which it is factorised again


class Equilibrium:
    """Unknowns of one system as a vector; residuals, steps, and how far a step may go."""

    def __init__(
        self,
        system: System,
        cells: Layout | None = None,
        preconditioner: Preconditioner | None = None,
        *,
        factorised: Array | None = None,
        far: float = FAR,
        slow: int = SLOW,
    ) -> None:
        """factorised: where the preconditioner was; far, slow: when it is renewed (see the constants)."""
        self.system = system
        self.cells = layout(system) if cells is None else cells
        self.factorised, self.far, self.slow_at, self.slow = factorised, far, slow, False
        self.linearised: tuple[Array, Tangent] | None = None  # the last Jacobian, and where it is that of
        self.recycled = Recycled()
        licence, leak = (State._fields.index(name) for name in ("licence", "leak"))
        starts = (*self.cells.starts, self.cells.size)
        self.limited = _under_production_quotas(system)
        self.counts = np.ones(self.cells.size)  # (size,) weight of each unknown in the length of a step
        for name in (State._fields.index(name) for name in ("output", "rent", "capacity")):
            self.counts[starts[name] : starts[name + 1]] = LOOSE
        self.counts[self.limited] = LOOSE
        self.priced = slice(starts[0], starts[1])
        self.floored = system.log_floor is not None or bool(system.restrictions.production)
        self.exists = np.zeros(self.cells.edges[-1])  # 1 where a cell is an unknown
        self.exists[self.cells.positions] = 1.0
        self.licence = slice(starts[licence], starts[leak])
        self.leak = slice(starts[leak], starts[leak + 1])
        self.made = slice(starts[leak + 1], None)
        self.first: Point | None = None  # where searches begin, evaluated ahead
        if preconditioner is None:
            preconditioner = Preconditioner(system, self.cells, lambda: self._begin().tangent)
        self.preconditioner = preconditioner

    def _begin(self) -> Point:
        """The base year with new quotas, which preconditioners are made of and most searches begin at."""
        found = self.evaluate(self.start())
        self.first = found
        return found

    def start(self) -> Array:
        """The base year: every hat 1, base-year licences at their price."""
        x = np.zeros(self.cells.size)
        x[self.licence] = [q.start for q in self.system.restrictions.quotas]
        return x

    def evaluate(self, x: Array) -> Point:
        """Allocation and residuals at x."""
        known, self.first = self.first, None
        if known is not None and np.array_equal(x, known.x):
            return known
        with np.errstate(all="ignore"):  # outside the domain: the line search steps back
            allocation = allocate(self.system, self.cells.unpack(x))
            residual = self.cells.pack_residuals(residuals(self.system, allocation))
        return Point(self, x, allocation, residual)

    def move(self, x: Array, step: Array) -> Array:
        """Logs add; licence prices move so that ln(unit value + licence) does, and never fall below minus that."""
        moved = x + step
        level = x[..., self.licence] + self.system.restrictions.scale
        moved[..., self.licence] += (
            level * np.expm1(step[..., self.licence] / level) - step[..., self.licence]
        )
        level = x[..., self.made] + self.system.production_scale
        moved[..., self.made] += level * np.expm1(step[..., self.made] / level) - step[..., self.made]
        if self.floored:
            moved[..., self.priced] = x[..., self.priced] + self.repriced(x, step)
        return moved

    def repriced(self, x: Array, step: Array) -> Array:
        """Changes of what goods earn in a step: falls under production quotas are of levels, which licences add to.

        They end soon after the floors that they cross: beyond them nothing is as the Jacobian has it.
        """
        system = self.system
        if (least := least_left(system, production_licences(system, x[..., self.made]))) is None:
            return step[..., self.priced]
        above = x[..., self.priced] - np.broadcast_to(least, system.supplied.shape)[system.supplied]
        change = step[..., self.priced].copy()
        limited = change[..., self.limited]
        falls = (above[..., self.limited] >= 0) & (limited < 0)
        change[..., self.limited] = np.where(falls, np.log1p(np.maximum(limited, LEAST)), limited)
        to = above + change
        return np.where((above >= 0) != (to >= 0), np.clip(to, -PAST, PAST) - above, change)

    def length(self, x: Array, step: Array) -> float:
        """Largest change of a log."""
        return float(np.abs(self.relative(x, step)).max(initial=0.0))

    def relative(self, x: Array, step: Array) -> Array:
        """A step in logs: licences against the price they add to, leaks against base tonnes."""
        r, scaled = self.system.restrictions, step * self.counts
        if self.floored:
            scaled[..., self.priced] = self.repriced(x, step) * self.counts[self.priced]
        if len(r.quotas):
            scaled[..., self.licence] /= x[..., self.licence] + r.scale
            scaled[..., self.leak] /= r.leak_scale
        if len(r.production):
            scaled[..., self.made] /= x[..., self.made] + self.system.production_scale
        return scaled


def _under_production_quotas(system: System) -> Array:
    """Positions of the prices of goods that a production quota names."""
    named = np.zeros(system.supplied.shape, dtype=bool)
    for quota in system.restrictions.production:
        named[quota.origin] |= quota.goods
    return np.nonzero(named[system.supplied])[0]


@dataclass(frozen=True)
class Point:
    """The system at an iterate."""

    problem: Equilibrium
    x: Array
    allocation: Allocation
    residual: Array

    @cached_property
    def tangent(self) -> Tangent:
        """The Jacobian here."""
        return linearise_for_steps(self.problem.system, self.allocation)

    def step(self, tolerance: float, limit: int) -> tuple[Array, int]:
        """A Newton step by flexible GMRES on all cells; the preconditioner is renewed here."""
        with np.errstate(
            all="ignore"
        ):  # levels too small to divide by: no finite step, which ends the search
            return self._step(tolerance, limit)

    def _step(self, tolerance: float, limit: int) -> tuple[Array, int]:
        problem, cells = self.problem, self.problem.cells
        tangent = self._tangent(tolerance)
        far = problem.factorised is None or problem.slow
        far = far or problem.length(self.x, self.x - problem.factorised) > problem.far
        problem.preconditioner.renew(tangent, problem.slow, far)
        if far:
            problem.factorised = self.x
            if problem.preconditioner.chain is not None:
                problem.recycled.forget()  # what they add, the new factors know
        rhs = np.zeros(cells.edges[-1])
        rhs[cells.positions] = -self.residual
        if far and tolerance >= ROUGH and problem.preconditioner.holds(rhs):
            problem.slow = False
            return problem.preconditioner.apply(rhs)[cells.positions], 0

        def product(vector: Array) -> Array:
            return cells.flatten(tangent(cells.arrange(vector[:, None])))[:, 0] * problem.exists

        step, used = fgmres(product, problem.preconditioner.apply, rhs, tolerance, limit, problem.recycled)
        problem.slow = used > problem.slow_at
        return step[cells.positions], used

    def _tangent(self, tolerance: float) -> Tangent:
        """The Jacobian here; or the last one, once, where it differs from it by less than the step is to be exact.

        Once, because at the kink of a quota's condition no distance is short.
        """
        problem, known = self.problem, self.problem.linearised
        problem.linearised = None
        if known is not None and problem.length(self.x, self.x - known[0]) < NEAR * tolerance:
            return known[1]
        problem.linearised = self.x, self.tangent
        return self.tangent

    def level(self, residual: Array) -> float:
        """Square of the size of the correction that a residual calls for."""
        problem, cells = self.problem, self.problem.cells
        full = np.zeros(cells.edges[-1])
        full[cells.positions] = residual
        correction = problem.preconditioner.apply(full)[cells.positions]
        scaled = problem.relative(self.x, correction)
        return float(scaled @ scaled)
