"""The solves of a path, as jobs that workers do side by side: a year of a chain, or one corner of a decomposition.

A chain is a regime with one memory; its years follow each other, everything else runs beside them.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from model.path import Standing, Year, base_standing, finish_plant, next_standing, run_year
from model.records import Array, Benchmark, Regime, Shock
from model.security import STATIC, cut, lasting_embargo, years_to_replace
from model.solution import Solution, SolveError
from model.solve import solve
from model.stability import check_path
from model.variables import results
from model.welfare import equivalent_variation
from outputs import dataset, facts, forces
from outputs.dataset import Case, Frame
from outputs.paths.plan import PathPlan
from scenarios.shocks import PathInputs

CALIBRATED, EVEN = "calibrated", "even"  # memories: forgetting as calibrated, or as fast as learning

Chain = tuple[Regime, str]


@dataclass(frozen=True)
class Content:
    """What a worker needs of a path."""

    benchmark: Benchmark
    even: Benchmark
    inputs: PathInputs
    frame: Frame
    closed: Array
    cuts: tuple[float, ...]

    def of(self, memory: str) -> Benchmark:
        """The base year with the parameters of a memory."""
        return self.even if memory == EVEN else self.benchmark


class Packed:
    """Content that travels to a worker as bytes and is unpacked there once."""

    def __init__(self, content: Content) -> None:
        self.blob = pickle.dumps(content, protocol=pickle.HIGHEST_PROTOCOL)
        self.digest = hashlib.sha256(self.blob).digest()

    def __hash__(self) -> int:
        return hash(self.digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Packed) and self.digest == other.digest


@lru_cache(maxsize=8)
def unpacked(packed: Packed) -> Content:
    """The content, the same object every time: what the solver keeps with a base year is kept across jobs."""
    content = pickle.loads(packed.blob)  # noqa: S301  (made by this program a moment ago)
    assert isinstance(content, Content)
    return content


class Done(NamedTuple):
    """A year of a chain: its numbers, what follows, and why it was not solved if it was not."""

    case: Case | None
    standing: Standing | None
    following: Standing | None
    extra: Mapping[str, Array]
    message: str
    notes: Mapping[str, str]  # by event whose cost is asked for, `cut` or `embargo`: why it was not measured


def year_job(packed: Packed, chain: Chain, at: int, before: Standing | None, security: bool) -> Done:
    """A year of a chain. A solve that fails is reported, never raised."""
    content, (regime, memory) = unpacked(packed), chain
    benchmark, inputs = content.of(memory), content.inputs
    try:
        if before is None:
            check_path(benchmark, regime)
        standing = finish_plant(before or base_standing(benchmark), inputs.added_capacity[at])
        record = run_year(benchmark, inputs.years[at], inputs.shocks[at], regime, standing)
    except SolveError as error:
        return Done(None, None, None, {}, error.told(content.frame.labels), {})
    except (ValueError, ArithmeticError) as error:
        return Done(None, None, None, {}, str(error), {})
    base = dataset.base_solution(benchmark)
    case = dataset.case(record.solution, base, inputs.shocks[at], content.frame)
    extra: dict[str, Array] = {
        "capacity_target": np.exp(record.capacity_target),
        "plant": np.exp(standing.plant),
        "final_demand_price": _final_price(record.solution),
    }
    notes: dict[str, str] = {}
    if security:
        found, notes = secure(content, inputs.shocks[at], record)
        extra |= found
    following = next_standing(record, benchmark.parameters)
    return Done(case, standing, following, extra, case.message, notes)


def secure(content: Content, shock: Shock, record: Year) -> tuple[dict[str, Array], dict[str, str]]:
    """Section 8: what cuts would cost at a year's state, and an embargo that lasts; and why one failed.

    Of several cuts those are there, from the smallest on, that were solved.
    """
    now = shock.replace(technology=record.standing.log_technology, capacity=record.standing.capacity)
    found: dict[str, Array] = {}
    notes: dict[str, str] = {}
    for count in range(len(content.cuts), 0, -1):
        try:
            found |= _cuts(content, now, record.solution, content.cuts[:count])
            break
        except SolveError as error:  # that of the smallest cut without a solution stays
            share = f"{100 * content.cuts[count - 1]:.6g} %"
            notes["cut"] = f"a cut of {share} was not solved ({error.told(content.frame.labels)})"
    try:
        found |= _embargo(content, now, record)
    except SolveError as error:
        notes["embargo"] = f"an embargo was not solved ({error.told(content.frame.labels)})"
    return found, notes


def _cuts(content: Content, now: Shock, today: Solution, shares: Sequence[float]) -> dict[str, Array]:
    """What cuts do to a year, `today`. Raises SolveError."""
    benchmark, closed = content.benchmark, content.closed
    after = cut(benchmark, now, closed, shares, today)
    found = _cut_results(today, after)
    without = found["cut_loss"]
    if np.any(now.technology):
        plain = now.replace(technology=None)
        bare = solve(benchmark, plain, STATIC, start=today)
        without = np.stack([_lost(bare, each) for each in cut(benchmark, plain, closed, shares, bare)])
    return found | {"cut_loss_without_innovation": without}


def _embargo(content: Content, now: Shock, record: Year) -> dict[str, Array]:
    """What an embargo that lasts would do to a year, and how long replacing takes. Raises SolveError."""
    benchmark, closed = content.benchmark, content.closed
    heading = record.long_run or solve(benchmark, now.replace(capacity=None), STATIC)
    lasting = lasting_embargo(benchmark, now, closed)
    found = _lasting_results(heading, lasting)
    without = found["embargo_loss"]
    if np.any(now.technology):
        plain = now.replace(technology=None)
        bare = solve(benchmark, plain.replace(capacity=None), heading.system.closure)
        without = _lost(bare, lasting_embargo(benchmark, plain, closed))
    outside = np.asarray(~closed.any(axis=(1, 2)))
    target = lasting.allocation.capacity
    years = years_to_replace(benchmark, record.standing, target, outside, benchmark.parameters)
    found |= {f"years_to_replace_{name}": value.astype(float) for name, value in years.items()}
    return found | {"embargo_loss_without_innovation": without}


def _lost(before: Solution, after: Solution) -> Array:
    """(n,) million USD at base prices."""
    return equivalent_variation(before) - equivalent_variation(after)


def _cut_results(today: Solution, after: tuple[Solution, ...]) -> dict[str, Array]:
    return {
        "cut_loss": np.stack([_lost(today, each) for each in after]),
        "cut_output": np.stack([_output(each) / _output(today) for each in after]),
        "cut_cost": np.stack(
            [np.exp(each.allocation.costs.unit - today.allocation.costs.unit) for each in after]
        ),
        "cut_price": np.stack([_final_price(each) / _final_price(today) for each in after]),
    }


def _lasting_results(today: Solution, after: Solution) -> dict[str, Array]:
    return {
        "embargo_loss": _lost(today, after),
        "embargo_output": _output(after) / _output(today),
        "embargo_cost": np.exp(after.allocation.costs.unit - today.allocation.costs.unit),
        "embargo_price": _final_price(after) / _final_price(today),
    }


def _output(solution: Solution) -> Array:
    """(n,j) volume of output, ratio to the base year."""
    return results(solution, solution, ["output_volume"])["output_volume"]


def _final_price(solution: Solution) -> Array:
    """(n,k) price that final demand pays, ratio to the base year."""
    return np.exp(solution.allocation.costs.users_price[solution.system.benchmark.final_class])


def corner_job(packed: Packed, at: int, standing: Standing, on: frozenset[str]) -> dict[str, Array] | str:
    """Outcomes of a year with some of its forces; the solver's words when it is not solved."""
    content = unpacked(packed)
    shock = forces.corner_shock(content.inputs.shocks[at].replace(capacity=None), parts_of(standing), on)
    solution = solve(content.benchmark, shock, STATIC, throw=False)
    if not solution.converged:
        return solution.diagnosis.text(content.frame.labels)
    base = dataset.base_solution(content.benchmark)
    return facts.outcomes(dataset.case(solution, base, shock, content.frame).values, content.frame.base)


def parts_of(standing: Standing) -> dict[str, Array]:
    """The forces that stand behind a year: parts of technology, and capacity."""
    return {**standing.technology, "capacity": standing.capacity}


@dataclass
class Results:
    """What the jobs of a path came to."""

    years: dict[tuple[Chain, int], Done] = field(default_factory=dict)
    corners: dict[tuple[int, frozenset[str]], dict[str, Array] | str] = field(default_factory=dict)


def chains(plan: PathPlan) -> list[Chain]:
    """The chains of a path, the longest first; without technology both memories are one."""
    wanted: list[Chain] = [(regime, CALIBRATED) for regime in reversed(plan.regimes)]
    if plan.companion:
        wanted += [(regime, EVEN) for regime in plan.regimes if regime != "exogenous"]
    return wanted


def run(plan: PathPlan, executor: Executor, progress: Callable[[], Any] | None = None) -> Results:
    """Solve every year of every chain, and the corners of the fullest one."""
    content = Content(plan.benchmark, plan.even_benchmark, plan.inputs, plan.frame, plan.closed, plan.cuts)
    packed, results = Packed(content), Results()
    pending: dict[Future[Any], tuple[Any, ...]] = {}

    def submit_year(chain: Chain, at: int, before: Standing | None) -> None:
        secured = plan.security and chain[1] == CALIBRATED
        pending[executor.submit(year_job, packed, chain, at, before, secured)] = ("year", chain, at)

    def take(what: tuple[Any, ...], found: Any) -> None:
        if what[0] == "corner":
            results.corners[what[1], what[2]] = found
            return
        _, chain, at = what
        results.years[chain, at] = found
        if found.following is not None and at + 1 < len(plan.years):
            submit_year(chain, at + 1, found.following)
        if plan.decompose and chain == (plan.fullest, CALIBRATED) and found.standing is not None:
            for on in wanted_corners(found.standing):
                pending[executor.submit(corner_job, packed, at, found.standing, on)] = ("corner", at, on)

    for chain in chains(plan):
        submit_year(chain, 0, None)
    while pending:
        done, _ = wait(pending, return_when=FIRST_COMPLETED)
        for future in done:
            take(pending.pop(future), future.result())
            if progress:
                progress()
    return results


def wanted_corners(standing: Standing) -> list[frozenset[str]]:
    """Sets of forces to solve for: all but the full one, which is the year itself."""
    parts = parts_of(standing)
    return [frozenset(), *forces.corners(parts)] if forces.acting(parts) else []


def count(plan: PathPlan) -> int:
    """How many jobs a path has, corners not counted."""
    return len(chains(plan)) * len(plan.years)
