"""Years: knowledge, capacity and stocks. E21-E23 of docs/model.md.

Recursive-dynamic: each year is the static equilibrium given last year's technology and capacity.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from model.equilibrium import tobins_q
from model.innovation import technology
from model.records import Array, Benchmark, Closure, Frozen, Parameters, Regime, Shock
from model.solution import Solution, SolveError
from model.solve import solve


@dataclass(frozen=True)
class Path(Frozen):
    """Solutions of consecutive years and the states they start from."""

    years: tuple[int, ...]
    solutions: tuple[Solution, ...]
    technology: Array  # (t,n,j,g) ln a at the start of each year
    capacity: Array  # (t,n,s) ln K
    technology_target: Array  # (t,n,j,g)
    capacity_target: Array  # (t,n,s)
    stocks: Array  # (t,n,k) tonnes held at the start of each year


def technology_target(solution: Solution, regime: Regime) -> Array:
    """E17 at the year's research: (n,j,g) ln a towards which technology moves. 0 in the exogenous regime."""
    system, direction = solution.system, solution.allocation.direction
    nests = system.nests
    regions, sectors = system.active.shape
    target = np.zeros((regions, sectors, len(system.benchmark.elements) + 1))
    if regime == "exogenous":
        return target
    spillovers = regime == "directed_with_spillovers"
    x, e = technology(system.research, nests.users, direction.research_x, direction.research_e, spillovers)
    target[:, :, -1] = x
    target[:, nests.users, :-1] = e
    return target


def capacity_target(solution: Solution) -> Array:
    """E22: (n,s) ln K* = xi ln q; 0 where a stage has no plant."""
    system = solution.system
    b = system.benchmark
    if not len(b.stage_sector):
        return np.zeros(system.log_capacity.shape)
    present = system.supply_share[:, system.stage_factor, b.stage_sector] > 0
    return np.where(present, b.parameters.capacity_response * tobins_q(system, solution.allocation), 0.0)


def learn(log_a: Array, target: Array, parameters: Parameters) -> Array:
    """E21: ln a of the next year; learning at one rate, forgetting at another."""
    gap = target - log_a
    return log_a + parameters.learning * np.maximum(gap, 0) + parameters.forgetting * np.minimum(gap, 0)


def build(log_k: Array, targets: Sequence[Array], parameters: Parameters) -> Array:
    """E22: ln K of the next year.

    targets: ln K* of every year so far, this year last. Plant ordered b years ago is finished as long as plant is still
    wanted today; where it is not, plant leaves at once.
    """
    wanted = targets[-1] - log_k
    ordered = np.zeros_like(log_k)
    for s, delay in enumerate(np.asarray(parameters.build_time, dtype=int)):
        if len(targets) > delay:
            ordered[:, s] = np.maximum(targets[-1 - delay][:, s] - log_k[:, s], 0)
    grow = np.where(wanted > 0, parameters.capacity_expansion * ordered, 0.0)
    return log_k + grow + parameters.capacity_exit * np.minimum(wanted, 0)


def hold_stocks(shocks: Sequence[Shock], initial: Array) -> Array:
    """E23: (t,n,k) tonnes held at the start of each year. Raises ValueError when a release exceeds what is held."""
    held = [initial]
    for t, shock in enumerate(shocks):
        released = np.zeros_like(initial) if shock.stock_release is None else shock.stock_release
        left = held[-1] - released
        if (left < -1e-9 * np.maximum(1.0, np.abs(released))).any():
            n, k = (int(v) for v in np.argwhere(left == left.min())[0])
            raise ValueError(
                f"year {t + 1} of the path: region {n} releases {released[n, k]:.6g} t of good {k} "
                f"but holds {held[-1][n, k]:.6g} t"
            )
        held.append(np.maximum(left, 0.0))
    return np.stack(held[:-1])


def check_stable(parameters: Parameters) -> None:
    """Refuse speeds outside the range in which a path can settle: every one a share of the gap closed in a year."""
    ranges = {
        "learning": parameters.learning, "forgetting": parameters.forgetting,
        "capacity_expansion": parameters.capacity_expansion, "capacity_exit": parameters.capacity_exit,
    }  # fmt: skip
    for name, value in ranges.items():
        if np.any(np.asarray(value) < 0) or np.any(np.asarray(value) > 1):
            raise ValueError(f"{name} = {value} is outside its stable range [0, 1]")
    if (np.asarray(parameters.build_time) < 0).any():
        raise ValueError(f"build_time = {parameters.build_time} is negative")


def simulate(
    benchmark: Benchmark,
    years: Sequence[int],
    shocks: Sequence[Shock],
    regime: Regime = "directed",
    *,
    capacity_moves: bool = True,
    added_capacity: Array | None = None,
    initial_stocks: Array | None = None,
    progress: Callable[[int], None] | None = None,
) -> Path:
    """E21-E23: a path of years.

    shocks: one for each year; added_capacity (t,n,s): plant finished by policy at the start of each year, as a share of
    base capacity; initial_stocks (n,k) tonnes. Raises SolveError naming the year, ValueError for unstable parameters.
    """
    par = benchmark.parameters
    check_stable(par)
    regions, sectors = benchmark.output.shape
    log_a = np.zeros((regions, sectors, len(benchmark.elements) + 1))
    log_k = np.zeros((regions, len(benchmark.stage_sector)))
    stocks = hold_stocks(shocks, np.zeros(benchmark.final.shape) if initial_stocks is None else initial_stocks)
    closure = Closure(regime, "given", "given")
    solutions: list[Solution] = []
    a_start, k_start, a_targets, k_targets = [], [], [], []
    for t, (year, shock) in enumerate(zip(years, shocks, strict=True)):
        if added_capacity is not None:
            log_k = np.log(np.exp(log_k) + added_capacity[t])
        solution = solve(benchmark, shock.replace(technology=log_a, capacity=log_k), closure, throw=False)
        if not solution.converged:
            error = SolveError(solution)
            error.add_note(f"in year {year} of the path, regime {regime}")
            raise error
        solutions.append(solution)
        a_start.append(log_a)
        k_start.append(log_k)
        a_targets.append(technology_target(solution, regime))
        k_targets.append(capacity_target(solution))
        log_a = learn(log_a, a_targets[-1], par)
        if capacity_moves:
            log_k = build(log_k, k_targets, par)
        if progress is not None:
            progress(year)
    return Path(
        tuple(years), tuple(solutions), np.stack(a_start), np.stack(k_start), np.stack(a_targets),
        np.stack(k_targets), stocks,
    )  # fmt: skip
