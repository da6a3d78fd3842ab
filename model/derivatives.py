"""Derivatives of results with respect to parameters and instruments, at a solution.

The residuals F(x, theta) hold at x(theta), so that dx/dtheta = -J^-1 dF/dtheta: one linear solve for each direction,
with the products of the solver. Any reported outcome R then moves by its change along (dx/dtheta, 1). Both changes are
five-point differences of explicit functions, exact to about 1e-11; nothing is solved again. Their step is shorter where
the unknowns move much, or a price would cross its floor. Quotas that bind keep binding: at a point where one is about
to, the derivative is that of the side on which the solution stands. There is none at a price that just meets its floor,
as where a floor of 1 meets the base year, nor where a production quota meets what is made without it: what is returned
mixes both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from model.equilibrium import State, allocate, least_left, production_licences, residuals
from model.krylov import fgmres
from model.prepare import prepare
from model.problem import Equilibrium
from model.records import Array, Benchmark, Frozen, Shock
from model.shocks import base_quotas, close_empty_quotas
from model.solution import Solution
from model.system import System
from model.tangent import linearise
from model.unknowns import layout

STEP = 3e-4  # of the differences, where no log moves faster than the direction
SHORTER = 0.1 ** np.arange(5)  # parts of it that are tried where a price is near its floor
STENCIL = (
    (-2, 1 / 12),
    (-1, -2 / 3),
    (1, 2 / 3),
    (2, -1 / 12),
)  # error STEP^4 / 30 times the fifth derivative
ACCURACY = 1e-13  # of the linear solve
LIMIT = 300  # products
SINGULAR = 1e7  # change of a log beyond which it is no derivative: of two production quotas on the same, say


@dataclass(frozen=True)
class Direction(Frozen):
    """A way to move parameters or a shock: what they are after a move of size s."""

    name: str
    move: Callable[[Benchmark, Shock, float], tuple[Benchmark, Shock]]


def parameter(name: str, where: Any = ..., *, add: bool = False) -> Direction:
    """A field of `Parameters`, or the entries `where` of it, times exp(s) (plus s with `add`)."""

    def move(b: Benchmark, shock: Shock, s: float) -> tuple[Benchmark, Shock]:
        moved = _moved(getattr(b.parameters, name), where, s, add)
        return b.replace(parameters=b.parameters.replace(**{name: moved})), shock

    return Direction(name, move)


def instrument(name: str, where: Any = ..., *, multiply: bool = False) -> Direction:
    """A field of `Shock`, or the entries `where` of it, plus s (times exp(s) with `multiply`).

    A field that is None starts from the base year's rate, a ratio of 1 or a quantity of 0.
    """

    def move(b: Benchmark, shock: Shock, s: float) -> tuple[Benchmark, Shock]:
        now = getattr(shock, name)
        now = _none(b, name) if now is None else now
        return b, shock.replace(**{name: _moved(now, where, s, not multiply)})

    return Direction(name, move)


def quota_limit(name: str) -> Direction:
    """The limit of an export or production quota times exp(s)."""

    def move(b: Benchmark, shock: Shock, s: float) -> tuple[Benchmark, Shock]:
        fields = {
            field: tuple(
                q.replace(limit=q.limit * float(np.exp(s))) if q.name == name else q
                for q in getattr(shock, field)
            )
            for field in ("quotas", "production_quotas")
        }
        return b, shock.replace(**fields)

    return Direction(f"limit of {name}", move)


def derivatives(
    solution: Solution,
    benchmark: Benchmark,
    shock: Shock,
    directions: Iterable[Direction],
    read: Callable[[Solution], Mapping[str, Array]],
) -> dict[str, dict[str, Array]]:
    """dR/ds of every outcome that `read` reports, by name of direction and of outcome.

    benchmark, shock: those of the solution, as they were given to `solve`. Raises ValueError when the solution has not
    converged, two directions have one name or a direction changes which cells exist, ArithmeticError when the Jacobian
    is singular.
    """
    if not solution.converged:
        raise ValueError("derivatives need a solution that has converged")
    directions = tuple(directions)
    names = [direction.name for direction in directions]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(
            f"two directions are named {twice!r}: results go by name, so rename one with `replace`"
        )
    point = _Point(solution, benchmark, shock)
    return {direction.name: point.derivative(direction, read) for direction in directions}


class _Point:
    """The system at the solution, factorised."""

    def __init__(self, solution: Solution, benchmark: Benchmark, shock: Shock) -> None:
        self.solution, self.benchmark, self.shock = solution, benchmark, shock
        self.problem = Equilibrium(solution.system)
        self.cells = self.problem.cells
        self.x = self.cells.pack(solution.allocation.state)
        self.scale = self._scale()
        self.tangent = linearise(solution.system, solution.allocation)
        self.problem.preconditioner.renew(self.tangent, regions=True, chain=True)

    def derivative(
        self, direction: Direction, read: Callable[[Solution], Mapping[str, Array]]
    ) -> dict[str, Array]:
        """dR/ds along one direction."""

        @cache
        def system(s: float) -> System:
            return self._system(direction, s)

        fixed = self._stencil(system, np.zeros_like(self.x))
        rows = [weight * self._residual(moved, state) for weight, moved, state in fixed]
        way = self._solve(-np.sum(rows, axis=0))
        total: dict[str, Array] = {}
        for weight, moved, state in self._stencil(system, way):
            for name, value in read(self._at(moved, state)).items():
                total[name] = total.get(name, np.zeros(())) + weight * np.asarray(value)
        return total

    def _scale(self) -> Array:
        """Of each unknown, what a change is measured by: 1 for logs, prices for licences, base tonnes for leaks."""
        scale, problem, system = np.ones_like(self.x), self.problem, self.problem.system
        scale[problem.licence] = self.x[problem.licence] + system.restrictions.scale
        scale[problem.leak] = system.restrictions.leak_scale
        scale[problem.made] = self.x[problem.made] + system.production_scale
        return scale

    def _stencil(self, system: Callable[[float], System], way: Array) -> list[tuple[float, System, State]]:
        """Weights of a difference along (way, 1), with the system and the unknowns at each of its points.

        Its step is the longest of those tried at which no good comes to be thrown away, or to be sold.
        """
        fastest = np.abs(way / self.scale).max(initial=1.0)
        side = _sold(self.solution.system, self.solution.allocation.state)
        points: list[tuple[float, System, State]] = []
        for step in STEP / fastest * SHORTER:
            points = [
                (weight / step, system(at * step), self.cells.unpack(self.x + at * step * way))
                for at, weight in STENCIL
            ]
            if all(np.array_equal(_sold(moved, state), side) for _, moved, state in points):
                break
        return points

    def _system(self, direction: Direction, s: float) -> System:
        """The system after a move, with the quotas that bind at the solution."""
        b, shock = direction.move(self.benchmark, self.shock, s)
        quotas = shock.quotas if shock.remove_base_licence else (*base_quotas(b), *shock.quotas)
        shock, quotas = close_empty_quotas(b, shock, quotas)
        binding = {q.name for q in self.solution.system.restrictions.quotas}
        system = prepare(
            b, shock, self.solution.system.closure, tuple(q for q in quotas if q.name in binding)
        )
        if not np.array_equal(layout(system).positions, self.cells.positions):
            raise ValueError(f"{direction.name} changes which cells exist")
        return system

    def _residual(self, system: System, state: State) -> Array:
        return self.cells.pack_residuals(residuals(system, allocate(system, state)))

    def _solve(self, rhs: Array) -> Array:
        """J^-1 rhs."""
        cells = self.cells
        full = np.zeros(cells.edges[-1])
        full[cells.positions] = rhs

        def product(vector: Array) -> Array:
            image = np.zeros_like(full)
            image[cells.positions] = cells.flatten(self.tangent(cells.arrange(vector[:, None])))[
                cells.positions, 0
            ]
            return image

        found, used = fgmres(product, self.problem.preconditioner.apply, full, ACCURACY, LIMIT)
        way = found[cells.positions]
        if not (np.abs(way) < SINGULAR * self.scale).all() or used >= LIMIT:
            raise ArithmeticError("the Jacobian at the solution is singular: no derivative exists")
        return way

    def _at(self, system: System, state: State) -> Solution:
        """What a point near the solution would report."""
        licence = dict(self.solution.licence)
        licence |= dict(
            zip((q.name for q in system.restrictions.quotas), state.licence.tolist(), strict=True)
        )
        return replace(self.solution, system=system, allocation=allocate(system, state), licence=licence)


def _sold(system: System, state: State) -> Array:
    """E6: (n,k) bool: goods of which nothing is thrown away."""
    least = least_left(system, production_licences(system, state.production_licence))
    return state.price >= (-np.inf if least is None else least)


def _moved(value: Any, where: Any, s: float, add: bool) -> Any:
    """A number, or entries of an array, plus s or times exp(s)."""
    after = np.array(value, dtype=float)
    after[where] = after[where] + s if add else after[where] * np.exp(s)
    return after if after.ndim else float(after)


def _none(b: Benchmark, name: str) -> Array:
    """What a field of `Shock` stands for when it is None."""
    base = {
        "export_tax": b.export_tax, "tariff": b.tariff, "subsidy": b.subsidy,
        "iceberg": np.ones_like(b.export_tax), "productivity": np.ones_like(b.output),
        "demand_shift": np.ones_like(b.final), "use_subsidy": np.zeros_like(b.final),
        "stock_release": np.zeros_like(b.final), "recycling": np.zeros_like(b.final),
        "recycling_cost": np.zeros_like(b.final),
        "research_subsidy": np.zeros((*b.output.shape, len(b.elements) + 1)),
        "technology": np.zeros((*b.output.shape, len(b.elements) + 1)),
        "capacity": np.zeros((len(b.output), len(b.stage_sector))), "capacity_investment": np.zeros(len(b.output)),
    }  # fmt: skip
    return base[name]
