"""Is the equilibrium found the only one? Searches from random starts, and what they end in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from model.newton import Options
from model.problem import Equilibrium
from model.records import Array, Benchmark, Closure, Shock
from model.solution import Solution
from model.solve import attempt, solve

SAME = 1e-8  # largest difference of any log between two searches that found the same equilibrium


def distinct_solutions(
    benchmark: Benchmark,
    shock: Shock | None = None,
    closure: Closure | None = None,
    *,
    starts: int = 20,
    spread: float = 0.2,
    seed: int = 0,
    options: Options | None = None,
) -> tuple[list[Solution], int]:
    """The equilibria that random searches end in, that of `solve` first, and how many searches ended in one.

    starts: number of searches; spread: standard deviation of the logs of a start around the base year. One entry is
    evidence for a unique equilibrium, more entries are proof of several. A search that leads nowhere counts for
    nothing: it is not rescued from the base year. Raises SolveError when `solve` fails.
    """
    shock, closure, options = shock or Shock(), closure or Closure(), options or Options()
    found = [solve(benchmark, shock, closure, options=options)]
    rng, ended = np.random.default_rng(seed), 0
    for _ in range(starts):
        solution = _search(benchmark, shock, closure, options, spread, rng)
        if not solution.converged:
            continue
        ended += 1
        if not any(_same(solution, other) for other in found):
            found.append(solution)
    return found, ended


def _search(
    benchmark: Benchmark,
    shock: Shock,
    closure: Closure,
    options: Options,
    spread: float,
    rng: np.random.Generator,
) -> Solution:
    """One search from a random start, and from nowhere else; which quotas bind is found anew."""

    class Elsewhere(Equilibrium):
        def start(self) -> Array:
            moved = super().start() + rng.normal(0.0, spread, self.cells.size)
            moved[self.licence] = self.system.restrictions.scale * np.abs(moved[self.licence])
            moved[self.leak.start :] = 0.0
            return moved

    alone = replace(options, continuation=False, check_stability=False)
    return attempt(benchmark, shock, closure, alone, problem_of=Elsewhere)


def _same(one: Solution, other: Solution) -> bool:
    """Whether two solutions are one equilibrium: all that is not negligible moved alike."""
    a, b = one.allocation, other.allocation
    pairs = [(a.income, b.income), (a.supply, b.supply), (a.labour, b.labour)]
    return all(np.allclose(x, y, rtol=SAME, atol=SAME * np.abs(y).max(initial=0.0)) for x, y in pairs)
