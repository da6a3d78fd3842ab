"""Years: knowledge, capacity and stocks. E21-E23 of docs/model.md.

Recursive-dynamic: each year is the static equilibrium given the technology and the capacity that the years before left.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from model.equilibrium import directed, tobins_q
from model.innovation import broaden, spill, spill_elements, technology
from model.records import Array, Benchmark, Closure, Frozen, Parameters, Regime, Shock
from model.solution import Solution, SolveError
from model.solve import solve
from model.squeeze import STATIC, cut
from model.stability import check_path, check_speeds

ROUNDING = 1e-9  # of what is released: less than that is not left in a stock, nor missing from it
LONG_RUN = Closure("exogenous", "given", "target")  # capacity at its target, technology as it stands


@dataclass(frozen=True)
class Standing(Frozen):
    """What a year starts from."""

    technology: Mapping[str, Array]  # (n,j,g) ln a by part: direction, spillovers, breadth
    capacity: Array  # (n,s) ln K, plant that runs
    plant: Array  # (n,s) ln of all plant, what is mothballed included
    targets: tuple[Array, ...] = ()  # (n,s) ln K* of the years before, oldest first

    @property
    def log_technology(self) -> Array:
        """(n,j,g) ln a."""
        return np.asarray(sum(self.technology.values()))


@dataclass(frozen=True)
class Year(Frozen):
    """A year of a path: what it starts from, its equilibrium, and where technology and capacity are headed."""

    year: int
    standing: Standing
    solution: Solution
    technology_target: Mapping[str, Array]  # (n,j,g) by part
    long_run: Solution | None  # where capacity is headed; None when it does not move

    @property
    def capacity_target(self) -> Array:
        """(n,s) ln K*; capacity itself when it does not move. Nothing is built where nothing can be sold."""
        if self.long_run is None:
            return self.standing.capacity
        target, system = self.long_run.allocation.capacity, self.long_run.system
        if system.idle is None:
            return target
        closed = system.idle[0][:, system.benchmark.stage_sector]
        return np.where(closed, np.minimum(target, self.standing.capacity), target)

    @property
    def capacity_earning(self) -> Array:
        """(n,s) the ln K that the year's own rent is worth, xi ln q; none where a stage makes nothing."""
        system = self.solution.system
        worth = system.capacity_response * tobins_q(system, self.solution.allocation)
        return np.where(system.active[:, system.benchmark.stage_sector], worth, -np.inf)


@dataclass(frozen=True)
class Path(Frozen):
    """Consecutive years, and the stocks held at the start of each."""

    records: tuple[Year, ...]
    stocks: Array  # (t,n,k) tonnes

    @property
    def years(self) -> tuple[int, ...]:
        """The years in order."""
        return tuple(record.year for record in self.records)

    @property
    def solutions(self) -> tuple[Solution, ...]:
        """The equilibrium of each year."""
        return tuple(record.solution for record in self.records)

    @property
    def technology(self) -> Array:
        """(t,n,j,g) ln a at the start of each year."""
        return np.stack([record.standing.log_technology for record in self.records])

    @property
    def capacity(self) -> Array:
        """(t,n,s) ln K of each year."""
        return np.stack([record.standing.capacity for record in self.records])

    @property
    def capacity_target(self) -> Array:
        """(t,n,s) ln K* of each year."""
        return np.stack([record.capacity_target for record in self.records])


def base_standing(benchmark: Benchmark) -> Standing:
    """The base year: a = 1 and K = 1 everywhere."""
    regions, sectors = benchmark.output.shape
    none = np.zeros((regions, sectors, len(benchmark.elements) + 1))
    plant = np.zeros((regions, len(benchmark.stage_sector)))
    return Standing({"direction": none, "spillovers": none, "breadth": none}, plant, plant)


def technology_target(solution: Solution, regime: Regime) -> dict[str, Array]:
    """E17 at the year's research, part by part: (n,j,g) ln a from own research, others' research, and breadth.

    The parts that a regime has; their sum is the technology that research of this year leads to in the end.
    """
    system, direction = solution.system, directed(solution.system, solution.allocation)
    research, users = system.research, system.nests.users
    r_x, r_e = direction.research_x, direction.research_e
    total, spilt, broad = (
        np.zeros((*system.active.shape, len(system.benchmark.elements) + 1)) for _ in range(3)
    )
    if regime == "exogenous":
        return {"direction": total, "spillovers": spilt, "breadth": broad}
    spillovers = regime == "directed_with_spillovers"
    total[:, :, -1], total[:, users, :-1] = technology(research, users, r_x, r_e, spillovers)
    if spillovers:
        spilt[:, :, -1] = research.spill_x[:, None] * spill(research, r_x) * research.active_x
        spilt[:, users, :-1] = (
            research.spill_e[:, None, :] * spill_elements(research, users, r_e) * research.active_e
        )
        broad[:, :, -1] = broaden(research, users, r_e, r_x.shape) * research.active_x
    return {"direction": total - spilt - broad, "spillovers": spilt, "breadth": broad}


def long_run(
    benchmark: Benchmark, shock: Shock, log_technology: Array | None, start: Solution | None = None
) -> Solution:
    """E22: the equilibrium that capacity heads for, ln K* = xi ln q at K* itself, technology as it stands.

    Investors foresee the price at which their plant will sell. Tobin's q at today's capacity would be a cobweb: where
    supply and demand are inelastic, rent reacts to capacity many times over. Raises SolveError.
    """
    try:
        return solve(
            benchmark, shock.replace(technology=log_technology, capacity=None), LONG_RUN, start=start
        )
    except SolveError as error:
        error.add_note("in the long-run equilibrium that capacity heads for (E22)")
        raise


def learn(now: Mapping[str, Array], target: Mapping[str, Array], parameters: Parameters) -> dict[str, Array]:
    """E21: ln a of the next year, by part; learning where the sum of parts lies below its target, else forgetting."""
    gap = np.asarray(sum(target.values())) - np.asarray(sum(now.values()))
    speed = np.where(gap > 0, parameters.learning, parameters.forgetting)
    return {part: now[part] + speed * (target[part] - now[part]) for part in now}


def even(parameters: Parameters) -> Parameters:
    """Parameters with forgetting as fast as learning: the companion of every path (E21)."""
    changed: Parameters = parameters.replace(forgetting=parameters.learning)
    return changed


def build(
    standing: Standing, target: Array, parameters: Parameters, earning: Array | float = -np.inf
) -> Standing:
    """E22: capacity of the next year; technology is left as it is.

    Plant that is not wanted stops at once and is mothballed, but for what today's rent is worth (earning, ln K): nobody
    shuts what pays because others build, before they have built. A share of idle plant is scrapped every year. Plant
    that is wanted comes first from what is idle, as fast as it stopped, and then from what was ordered b years ago, as
    long as more than the idle plant is wanted today.
    """
    targets = (*standing.targets, target)
    capacity, idle = standing.capacity, standing.plant - standing.capacity
    wanted = target - capacity
    ordered = np.zeros_like(capacity)
    for s, delay in enumerate(np.asarray(parameters.build_time, dtype=int)):
        if len(targets) > delay:
            ordered[:, s] = np.maximum(targets[-1 - delay][:, s] - standing.plant[:, s], 0)
    new = np.where(wanted > idle, parameters.capacity_expansion * ordered, 0.0)
    reopened = np.minimum(parameters.capacity_exit * np.maximum(wanted, 0), idle)
    stopped = np.minimum(np.maximum(target, earning) - capacity, 0)
    after = capacity + new + reopened + parameters.capacity_exit * stopped
    keep = 1.0 - (parameters.capacity_scrapping if len(parameters.capacity_scrapping) else 1.0)
    plant = after + keep * np.maximum(standing.plant + new - after, 0)
    return Standing(standing.technology, after, plant, targets)


def finish_plant(standing: Standing, added: Array) -> Standing:
    """Plant finished by policy at the start of a year; added (n,s) share of base capacity."""
    changed: Standing = standing.replace(
        capacity=np.log(np.exp(standing.capacity) + added), plant=np.log(np.exp(standing.plant) + added)
    )
    return changed


def run_year(
    benchmark: Benchmark,
    year: int,
    shock: Shock,
    regime: Regime,
    standing: Standing,
    *,
    capacity_moves: bool = True,
    near: Year | None = None,
) -> Year:
    """E21-E22: the equilibrium of a year and where it is headed. Raises SolveError naming the year.

    near: the same year of a like path, from which solves start; a guess that changes results within the tolerance.
    """
    log_a = standing.log_technology
    given = shock.replace(technology=log_a, capacity=standing.capacity)
    try:
        start = None if near is None else near.solution
        solution = _equilibrium(benchmark, given, Closure(regime, "given", "given"), start)
        moves = capacity_moves and len(benchmark.stage_sector) > 0
        start = None if near is None else near.long_run
        heading = long_run(benchmark, shock, log_a, start) if moves else None
    except SolveError as error:
        error.add_note(f"in year {year} of the path, regime {regime}")
        raise
    return Year(year, standing, solution, technology_target(solution, regime), heading)


def _equilibrium(benchmark: Benchmark, shock: Shock, closure: Closure, start: Solution | None) -> Solution:
    """The equilibrium of a year; an embargo that cannot be reached in one go is approached step by step."""
    found = solve(benchmark, shock, closure, throw=False, start=start)
    if found.converged:
        return found
    if (
        shock.embargo is None
        or not np.isfinite(benchmark.unit_value[:, shock.embargo.any(axis=(0, 1))]).all()
    ):
        raise SolveError(found)
    before = shock.replace(embargo=None)
    (walked,) = cut(benchmark, before, shock.embargo, (1.0,), solve(benchmark, before, STATIC))
    return solve(benchmark, shock, closure, start=walked)


def next_standing(record: Year, parameters: Parameters) -> Standing:
    """E21, E22: what the next year starts from, policy's own plant aside."""
    following = build(record.standing, record.capacity_target, parameters, record.capacity_earning)
    learnt: Standing = following.replace(
        technology=learn(record.standing.technology, record.technology_target, parameters)
    )
    return learnt


def hold_stocks(shocks: Sequence[Shock], initial: Array) -> Array:
    """E23: (t,n,k) tonnes held at the start of each year. Raises ValueError when a release exceeds what is held."""
    held = [initial]
    for t, shock in enumerate(shocks):
        released = np.zeros_like(initial) if shock.stock_release is None else shock.stock_release
        left = held[-1] - released
        if (left < -ROUNDING * np.maximum(1.0, np.abs(released))).any():
            n, k = (int(v) for v in np.argwhere(left == left.min())[0])
            raise ValueError(
                f"year {t + 1} of the path: region {n} releases {released[n, k]:.6g} t of good {k} "
                f"but holds {held[-1][n, k]:.6g} t"
            )
        held.append(np.where(left > ROUNDING * np.abs(released), left, 0.0))
    return np.stack(held[:-1])


def simulate(
    benchmark: Benchmark,
    years: Sequence[int],
    shocks: Sequence[Shock],
    regime: Regime = "directed",
    *,
    capacity_moves: bool = True,
    added_capacity: Array | None = None,
    initial_stocks: Array | None = None,
    check_stability: bool = True,
    progress: Callable[[int], None] | None = None,
    near: Path | None = None,
) -> Path:
    """E21-E23: a path of years.

    shocks: one for each year; added_capacity (t,n,s): plant finished by policy at the start of each year, as a share of
    base capacity; initial_stocks (n,k) tonnes; near: a path of the same years of a like economy, of which each year is
    where that year's solves start: a guess. Raises SolveError naming the year, ValueError where technology does not
    settle (`model.stability.check_path`; left out with check_stability=False) or a speed is outside [0, 1].
    """
    if check_stability:
        check_path(benchmark, regime)
    else:
        check_speeds(benchmark.parameters)
    stocks = hold_stocks(
        shocks, np.zeros(benchmark.final.shape) if initial_stocks is None else initial_stocks
    )
    if near is not None and near.years != tuple(years):
        raise ValueError(f"a path of {near.years} is near none of {tuple(years)}")
    standing, records = base_standing(benchmark), []
    for t, (year, shock) in enumerate(zip(years, shocks, strict=True)):
        if added_capacity is not None:
            standing = finish_plant(standing, added_capacity[t])
        start = None if near is None else near.records[t]
        records.append(
            run_year(benchmark, year, shock, regime, standing, capacity_moves=capacity_moves, near=start)
        )
        standing = next_standing(records[-1], benchmark.parameters)
        if progress is not None:
            progress(year)
    return Path(tuple(records), stocks)
