"""Many solves around one: draws of parameters and shocks that share a base year.

The centre is solved once, in full, and its Jacobian is factorised. Draws then go in groups: the equations are computed
for all draws of a group at once (`model/stack.py`), and a quasi-Newton method needs nothing else (`model/quasi.py`). A
draw that does not converge so, or has other cells than the centre, is solved from the centre with Newton's method, and
if that fails as if alone. What a draw gives depends on the centre and, within the tolerance, on its group; not on how
many processes share the work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import replace
from functools import cached_property
from itertools import count, islice
from os import getpid
from typing import NamedTuple, TypeVar

import numpy as np

from model.equilibrium import Allocation
from model.feasibility import infeasible, unsound
from model.group import Group, Jacobian
from model.newton import Options
from model.prepare import RESEARCH, alike, prepare
from model.problem import Equilibrium
from model.quasi import Found, broyden
from model.records import Array, Benchmark, Closure, Parameters, Quota, Shock
from model.solution import Diagnosis, Solution
from model.solve import attempt, binding, licensed, posed, solve, tight
from model.stability import long_run_feedback, unstable
from model.stack import Different
from model.system import System
from model.tangent import linearise
from model.unknowns import Layout, layout

Draw = tuple[Benchmark, Shock]
Told = tuple[Benchmark, Shock, Closure, Options, int]
T = TypeVar("T")

FAR = 1.0  # change of any log from the centre beyond which a draw factorises for itself
LEAST = 0.05  # of the centre's licence price: the least that a guess may have
SLOW = 12  # products of a linear solve beyond which it does, too
GROUP = 128  # draws that are solved together
FEWEST = 8  # below which each draw is solved by itself: a Jacobian is not worth its factorisation
LARGEST = 6000  # unknowns, beyond which a dense Jacobian is not worth its memory (140 MB)
OFTEN = 500  # draws from which on its inverse is worth making
MEMORY = 64e6  # bytes of sourcing weights that draws solved together may have
STEPS = 30  # of the quasi-Newton method, before a draw is solved by itself


_names = count()


class Posed(NamedTuple):
    """A draw ready to be solved."""

    system: System
    quotas: tuple[Quota, ...]
    active: list[bool]  # which quotas bind, as far as base tonnes tell


class Centre:
    """A solved point, and what makes solves near it cheap."""

    def __init__(
        self,
        benchmark: Benchmark,
        shock: Shock,
        closure: Closure | None = None,
        options: Options | None = None,
        draws: int = 0,
    ) -> None:
        """Solve the centre; draws: how many are expected, as far as is known. Raises SolveError."""
        self.closure, self.options = closure or Closure(), options or Options()
        self.told: Told = (benchmark, shock, self.closure, self.options, draws)
        self.solution = solve(benchmark, shock, self.closure, options=self.options)
        self.problem = Equilibrium(self.solution.system)
        self.x: Array = self.problem.cells.pack(self.solution.allocation.state)
        self.draws = draws
        self.name = f"{getpid()}-{next(_names)}"  # by which workers know it
        tangent = linearise(self.solution.system, self.solution.allocation)
        self.problem.preconditioner.renew(tangent, regions=True, chain=True)

    def solve(self, benchmark: Benchmark, shock: Shock, start: Solution | None = None) -> Solution:
        """A draw; never raises, see its status. Stability is that of the centre, unless the draw puts it in doubt."""
        check = self.options.check_stability and self._doubtful(benchmark)
        options = replace(self.options, check_stability=check)
        return attempt(benchmark, shock, self.closure, options, start or self.solution, self.problem_of)

    def solve_group(self, draws: Sequence[Draw], guesses: Array | None = None) -> list[Solution]:
        """Draws together, with what `solve` gives for each to the tolerance; guesses (draw, unknown), or the centre."""
        start = np.tile(self.x, (len(draws), 1)) if guesses is None else self._allowed(guesses)
        found: dict[int, Solution] = {}
        if len(draws) >= FEWEST and self.groups:
            posed_draws = {
                at: known for at, draw in enumerate(draws) if (known := self._pose(*draw)) is not None
            }
            size = max(FEWEST, int(MEMORY / self.solution.system.sourcing.weight.nbytes))
            positions = list(posed_draws)
            for first in range(0, len(positions), size):
                part = positions[first : first + size]
                together = self._together([posed_draws[at] for at in part], start[part])
                found |= {part[row]: solution for row, solution in together.items()}
        return [
            found.get(at) or self.solve(*draw, self.at(x))
            for at, (draw, x) in enumerate(zip(draws, start, strict=True))
        ]

    def _together(self, draws: Sequence[Posed], start: Array) -> dict[int, Solution]:
        """The draws that converge together, by their position."""
        try:
            group = Group(self.problem, self.jacobian, [draw.system for draw in draws])
        except Different:
            return {}
        roots = broyden(group, start, self.options.tolerance, STEPS, self.options.max_step)
        found = {}
        for row, root in roots.items():
            draw = draws[row]
            solution = self._solution(draw.system, root)
            if unsound(solution) is None and binding(solution, draw.quotas, draw.active) == draw.active:
                found[row] = licensed(solution, draw.quotas)
        return found

    @property
    def groups(self) -> bool:
        """Whether draws are solved in groups at all."""
        return self.problem.cells.size <= LARGEST

    @cached_property
    def jacobian(self) -> Jacobian:
        """What groups need, factorised when it is first asked for."""
        return Jacobian(self.problem, self.solution, often=self.draws >= OFTEN)

    def _pose(self, benchmark: Benchmark, shock: Shock) -> Posed | None:
        """A draw ready to be solved; None when it has other cells than the centre, or needs a closer look."""
        doubtful = self.options.check_stability and self._doubtful(benchmark)
        if doubtful and unstable(benchmark, self.closure) is not None:
            return None
        shock, quotas = posed(benchmark, shock)
        if infeasible(benchmark, shock, quotas) is not None:
            return None
        active = tight(benchmark, quotas)
        chosen = tuple(q for q, on in zip(quotas, active, strict=True) if on)
        system = prepare(benchmark, shock, self.closure, chosen, like=self.solution.system)
        return Posed(system, quotas, active) if self._alike(system, layout(system)) else None

    def _alike(self, system: System, cells: Layout) -> bool:
        """Whether a draw has the unknowns of the centre, and the same goods bought cell by cell."""
        mine, goods = self.problem.cells, self.solution.system.sourcing.cell
        same = cells.edges == mine.edges and np.array_equal(cells.positions, mine.positions)
        return same and np.array_equal(system.sourcing.cell, goods)

    def _solution(self, system: System, root: Found[Allocation]) -> Solution:
        worst = int(np.argmax(np.abs(root.residual)))
        block, cell = self.problem.cells.locate(worst)
        steps = len(root.history) - 1
        return Solution(
            "converged", Diagnosis("converged", block, cell, float(root.residual[worst])), system, root.kept,
            {}, steps, steps + 1, 0, root.history,
        )  # fmt: skip

    def _allowed(self, x: Array) -> Array:
        """Guesses whose licences are positive."""
        x, licence = x.copy(), self.problem.licence
        x[..., licence] = np.maximum(x[..., licence], LEAST * self.x[licence])
        return x

    def at(self, x: Array) -> Solution:
        """The centre with other unknowns: a guess for `solve`. Licences stay positive."""
        x, licence = self._allowed(x), self.problem.licence
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
        # Where scientists move between sectors, what a sector sells decides as well (section 6).
        names = RESEARCH if now.research_closure == "sector" else (*RESEARCH, "trade_elasticity")
        if not alike(before, now, names):
            return True
        return any(excess.max(initial=0.0) >= 1 for excess in long_run_feedback(benchmark).values())

    def problem_of(self, system: System) -> Equilibrium:
        """The root-finding problem of a draw, with the centre's factorisations where they fit."""
        cells = layout(system)
        if not self._alike(system, cells):
            return Equilibrium(system, cells)
        return Equilibrium(
            system, cells, self.problem.preconditioner.copy(), factorised=self.x, far=FAR, slow=SLOW
        )


def solve_many(
    centre: Centre,
    draws: Iterable[Draw],
    read: Callable[[Solution], T],
    executor: Executor | None = None,
    chunk: int = GROUP,
) -> Iterator[T]:
    """What `read` makes of the solution of every draw, in order; failed draws included (see `Solution.status`).

    executor: any `concurrent.futures.Executor`; its workers solve the centre once each. `read` must then be importable.
    chunk: draws that are solved together. The same chunks give the same bits.
    """
    source = iter(draws)
    if executor is None:
        while group := list(islice(source, chunk)):
            yield from map(read, centre.solve_group(group))
        return
    pending: list[Future[list[T]]] = []
    while part := [_pack(centre, draw) for draw in islice(source, chunk)]:
        pending.append(executor.submit(_solve_part, centre.name, centre.told, part, read))
    for future in pending:
        yield from future.result()


def _pack(centre: Centre, draw: Draw) -> tuple[Benchmark | Parameters, Shock]:
    """A draw as it travels: parameters alone where the data are the centre's."""
    benchmark, shock = draw
    return (benchmark.parameters if benchmark.data is centre.told[0].data else benchmark), shock


_centres: dict[str, Centre] = {}  # of a worker: the last one


def _solve_part(
    name: str, told: Told, draws: list[tuple[Benchmark | Parameters, Shock]], read: Callable[[Solution], T]
) -> list[T]:
    """A worker's share of the draws."""
    if name not in _centres:
        _centres.clear()
        _centres[name] = Centre(*told)
    centre = _centres[name]
    return [
        read(found) for found in centre.solve_group([(_unpack(centre, what), shock) for what, shock in draws])
    ]


def _unpack(centre: Centre, what: Benchmark | Parameters) -> Benchmark:
    """The benchmark of a draw that has travelled."""
    return what if isinstance(what, Benchmark) else centre.told[0].replace(parameters=what)
