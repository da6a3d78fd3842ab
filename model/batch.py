"""Many solves around one: draws of parameters and shocks that share a base year.

The centre is solved once, in full. Every draw then starts from its solution, with its factorisations, and costs a few
Newton steps. What a draw gives depends on the centre and on the draw alone, not on its neighbours or on how many
processes share the work; a draw that fails from there is solved as if alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import replace
from itertools import count, islice
from os import getpid
from typing import TypeVar

import numpy as np

from model.newton import Options
from model.problem import Equilibrium
from model.records import Array, Benchmark, Closure, Parameters, Shock
from model.solution import Solution
from model.solve import attempt, solve
from model.stability import long_run_feedback
from model.system import System
from model.tangent import linearise
from model.unknowns import layout

Draw = tuple[Benchmark, Shock]
Told = tuple[Benchmark, Shock, Closure, Options]
T = TypeVar("T")

# All of E16 and E17; where scientists move between sectors, what a sector sells decides as well (section 6).
INNOVATION = (
    "innovation_elasticity", "spillover", "spillover_region", "spillover_sector", "breadth", "breadth_reference",
    "research_supply_elasticity", "research_closure",
)  # fmt: skip
FAR = 1.0  # change of any log from the centre beyond which a draw factorises for itself
LEAST = 0.05  # of the centre's licence price: the least that a guess may have
SLOW = 12  # products of a linear solve beyond which it does, too


class Centre:
    """A solved point, and what makes solves near it cheap."""

    def __init__(
        self,
        benchmark: Benchmark,
        shock: Shock,
        closure: Closure | None = None,
        options: Options | None = None,
    ) -> None:
        """Solve the centre. Raises SolveError."""
        self.closure, self.options = closure or Closure(), options or Options()
        self.told: Told = (benchmark, shock, self.closure, self.options)
        self.solution = solve(benchmark, shock, self.closure, options=self.options)
        self.problem = Equilibrium(self.solution.system)
        self.x: Array = self.problem.cells.pack(self.solution.allocation.state)
        tangent = linearise(self.solution.system, self.solution.allocation)
        self.problem.preconditioner.renew(tangent, regions=True, chain=True)

    def solve(self, benchmark: Benchmark, shock: Shock, start: Solution | None = None) -> Solution:
        """A draw; never raises, see its status. Stability is that of the centre, unless the draw puts it in doubt."""
        check = self.options.check_stability and self._doubtful(benchmark)
        options = replace(self.options, check_stability=check)
        return attempt(benchmark, shock, self.closure, options, start or self.solution, self.problem_of)

    def at(self, x: Array) -> Solution:
        """The centre with other unknowns: a guess for `solve`. Licences stay positive."""
        x = x.copy()
        licence = self.problem.licence
        x[licence] = np.maximum(x[licence], LEAST * self.x[licence])
        allocation = replace(self.solution.allocation, state=self.problem.cells.unpack(x))
        licences = dict(
            zip((q.name for q in self.solution.system.restrictions.quotas), x[licence].tolist(), strict=True)
        )
        return replace(self.solution, allocation=allocation, licence=licences)

    def unknowns(self, solution: Solution) -> Array | None:
        """The unknowns of a draw's solution laid out as the centre's; None when it failed or has others."""
        cells = layout(solution.system)
        if not solution.converged or not np.array_equal(cells.positions, self.problem.cells.positions):
            return None
        return cells.pack(solution.allocation.state)

    def _doubtful(self, benchmark: Benchmark) -> bool:
        """Whether innovation is drawn, or so much substitution that a sector's long run is unstable."""
        before, now = self.told[0].parameters, benchmark.parameters
        names = INNOVATION if now.research_closure == "sector" else (*INNOVATION, "trade_elasticity")
        if not all(np.array_equal(getattr(before, name), getattr(now, name)) for name in names):
            return True
        return any(excess.max(initial=0.0) >= 1 for excess in long_run_feedback(benchmark).values())

    def problem_of(self, system: System) -> Equilibrium:
        """The root-finding problem of a draw, with the centre's factorisations where they fit."""
        cells = layout(system)
        if cells.edges != self.problem.cells.edges or (cells.positions != self.problem.cells.positions).any():
            return Equilibrium(system, cells)
        return Equilibrium(
            system, cells, self.problem.preconditioner.copy(), factorised=self.x, far=FAR, slow=SLOW
        )


def solve_many(
    centre: Centre,
    draws: Iterable[Draw],
    read: Callable[[Solution], T],
    executor: Executor | None = None,
    chunk: int = 16,
) -> Iterator[T]:
    """What `read` makes of the solution of every draw, in order; failed draws included (see `Solution.status`).

    executor: any `concurrent.futures.Executor`; its workers solve the centre once each. `read` must then be importable.
    """
    if executor is None:
        yield from (read(centre.solve(*draw)) for draw in draws)
        return
    source, name = iter(draws), f"{getpid()}-{next(_names)}"
    pending: list[Future[list[T]]] = []
    while part := [_pack(centre, draw) for draw in islice(source, chunk)]:
        pending.append(executor.submit(_solve_part, name, centre.told, part, read))
    for future in pending:
        yield from future.result()


def _pack(centre: Centre, draw: Draw) -> tuple[Benchmark | Parameters, Shock]:
    """A draw as it travels: parameters alone where the data are the centre's."""
    benchmark, shock = draw
    return (benchmark.parameters if benchmark.data is centre.told[0].data else benchmark), shock


_names = count()
_centres: dict[str, Centre] = {}  # of a worker: the last one


def _solve_part(
    name: str, told: Told, draws: list[tuple[Benchmark | Parameters, Shock]], read: Callable[[Solution], T]
) -> list[T]:
    """A worker's share of the draws."""
    if name not in _centres:
        _centres.clear()
        _centres[name] = Centre(*told)
    centre = _centres[name]
    return [read(centre.solve(_unpack(centre, what), shock)) for what, shock in draws]


def _unpack(centre: Centre, what: Benchmark | Parameters) -> Benchmark:
    """The benchmark of a draw that has travelled."""
    return what if isinstance(what, Benchmark) else centre.told[0].replace(parameters=what)
