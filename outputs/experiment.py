"""A scenario on a calibration, solved under its regimes. Solves are jobs that may run side by side."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from calibration import Calibration
from model.base_year import quota_tonnes_base
from model.decomposition import technology_parts
from model.records import REGIMES, Array, Benchmark, Closure, Quota, Regime, Shock
from model.security import embargo
from model.solution import Solution
from model.solve import solve
from outputs import dataset, facts, forces, wording
from outputs.closure import assumed, numbers
from outputs.dataset import Case, Frame
from outputs.focus import extent, marks, restricted, restricting_regions
from outputs.forces import Parts
from outputs.instruments import ABOUT, groups, lines_of, players
from outputs.instruments import contributions as split
from scenarios import Scenario
from scenarios.located import located

PARTIAL_CUT = 0.9  # of base-year exports, when a full embargo has no solution

# ("case", regime), ("corner", forces), ("instruments", names), ("embargo", regime) or ("cut", regime)
Key = tuple[Any, ...]


class Job(NamedTuple):
    """One solve. The frame is what results need of the scenario; a job can be sent to another process."""

    key: Key
    benchmark: Benchmark
    shock: Shock
    closure: Closure
    frame: Frame
    base: Solution  # without a shock


class Done(NamedTuple):
    """What a job came to: its numbers and what technology and capacity are made of, or why it was not solved."""

    key: Key
    case: Case | None
    parts: Parts
    message: str


@dataclass(frozen=True)
class Result:
    """A solved scenario: the Dataset, and the regimes that were not solved with the solver's reason."""

    plan: Plan
    dataset: xr.Dataset | None  # None when no regime was solved
    failed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """A scenario ready to be solved."""

    scenario: Scenario
    calibration: Calibration
    regimes: tuple[Regime, ...]
    benchmark: Benchmark
    shock: Shock
    frame: Frame
    base: Solution
    decompose: bool = True
    security: bool = True
    by_instrument: str = ""  # `name` or `type`: also ask what each instrument brought about

    def closures(self) -> dict[Regime, Closure]:
        """The closure of each regime, in the order of REGIMES."""
        return {regime: self.scenario.closure(regime) for regime in REGIMES if regime in self.regimes}

    def _job(self, key: Key, shock: Shock, closure: Closure) -> Job:
        return Job(key, self.benchmark, shock, closure, self.frame, self.base)

    def fullest(self, done: Mapping[Key, Done]) -> Regime:
        """The regime with most forces of those that were solved: what a decomposition decomposes."""
        solved = [regime for regime in self.closures() if done["case", regime].case is not None]
        return [*self.closures(), *solved][-1]

    def regime_jobs(self) -> list[Job]:
        """One solve a regime."""
        return [
            self._job(("case", regime), self.shock, closure) for regime, closure in self.closures().items()
        ]

    def follow_ups(self, done: Mapping[Key, Done]) -> list[Job]:
        """Solves that start from the technology a regime reached: corners of the decomposition, embargoes."""
        return [
            *(self._corner_jobs(done) if self.decompose else ()),
            *(self._embargo_jobs(done) if self.security else ()),
            *(self._instrument_jobs(done) if self.by_instrument else ()),
        ]

    def players(self) -> dict[str, tuple[str, ...]]:
        """The lines of the scenario that each player of a decomposition by instrument stands for."""
        return players(self.scenario, self.by_instrument)

    def _instrument_jobs(self, done: Mapping[Key, Done]) -> list[Job]:
        """The scenario with some of its instruments, technology and capacity following as in the fullest regime."""
        names, closure = self.players(), self.closures()[self.fullest(done)]
        found = []
        for group in groups(names):
            shock = self.scenario.only(lines_of(names, group)).shock(self.calibration)
            found.append(self._job(("instruments", group), shock, closure))
        return found

    def _corner_jobs(self, done: Mapping[Key, Done]) -> list[Job]:
        parts = done["case", self.fullest(done)].parts
        wanted = forces.corners(parts)
        if forces.acting(parts) and self.empty_corner(done) is None:
            wanted = [frozenset(), *wanted]
        return [
            self._job(("corner", on), forces.corner_shock(self.shock, parts, on), forces.STATIC)
            for on in wanted
        ]

    def empty_corner(self, done: Mapping[Key, Done]) -> Done | None:
        """The solve at the technology and capacity of the base year, when a regime is just that."""
        for regime, closure in self.closures().items():
            if closure.technology == closure.capacity == "given" and done["case", regime].case is not None:
                return done["case", regime]
        return done.get(("corner", frozenset()))

    def _embargo_jobs(self, done: Mapping[Key, Done]) -> list[Job]:
        """Section 8: exports of elements by the restricting regions stop now, at the technology of each regime."""
        closed = self.restrictable()
        closed = closed if self.shock.embargo is None else closed | self.shock.embargo
        left = tuple(quota for quota in self.shock.quotas if (quota.covers & ~closed).any())
        return self._frozen_jobs("embargo", self.shock.replace(embargo=closed, quotas=left), done)

    def cut_jobs(self, done: Mapping[Key, Done]) -> list[Job]:
        """The same with a tenth of base-year tonnes left, when the full embargo has no solution that can be found."""
        if not self.security or all(done[key].case for key in done if key[0] == "embargo"):
            return []
        b, covers = self.benchmark, self.restrictable()
        quota = Quota("cut", covers, 1.0, np.ones(b.final.shape[1]))
        quota = quota.replace(limit=(1 - PARTIAL_CUT) * quota_tonnes_base(b, quota))
        return self._frozen_jobs("cut", self.shock.replace(quotas=(*self.shock.quotas, quota)), done)

    def restrictable(self) -> Array:
        """(i,n,k) bool: exports of elements by the restricting regions."""
        b = self.benchmark
        elements = np.isin(np.arange(b.final.shape[1]), b.elements)
        found = np.zeros(b.export_tax.shape, dtype=bool)
        for origin in np.flatnonzero(self.frame.base["restricting"]):
            found |= embargo(b, int(origin), elements)
        return found

    def _frozen_jobs(self, kind: str, shock: Shock, done: Mapping[Key, Done]) -> list[Job]:
        """A shock at the technology and capacity that each regime has reached."""
        found = []
        for regime in self.closures():
            if done["case", regime].case is not None:
                parts = done["case", regime].parts
                now = forces.corner_shock(shock, parts, forces.acting(parts))
                found.append(self._job((kind, regime), now, forces.STATIC))
        return found


def plan(scenario: Scenario, calibration: Calibration, **options: Any) -> Plan:
    """Make a scenario ready. Raises InputError when it does not fit the calibration."""
    benchmark = scenario.benchmark(calibration)
    shock = scenario.shock(calibration)
    restricting = restricting_regions(benchmark, shock)
    quotas = dataset.all_quotas(benchmark, shock)
    base = dataset.base_solution(benchmark)
    marked = marks(benchmark, restricting, calibration)
    frame = dataset.frame(
        calibration.labels, benchmark, base, quotas, restricting, marked, scenario.coalitions
    )
    regimes = options.pop("regimes", None) or scenario.regimes
    return Plan(scenario, calibration, tuple(regimes), benchmark, shock, frame, base, **options)


def run_job(job: Job) -> Done:
    """Solve one job. A solve that fails is reported, never raised: the others go on."""
    solution = solve(job.benchmark, job.shock, job.closure, throw=False)
    message = solution.diagnosis.text(job.frame.labels)
    if not solution.converged:
        return Done(job.key, None, {}, message)
    parts = technology_parts(solution) | {"capacity": solution.allocation.capacity}
    return Done(job.key, dataset.case(solution, job.base, job.shock, job.frame), parts, message)


def solve_plans(
    plans: Sequence[Plan], executor: Executor | None = None, progress: Callable[[], object] | None = None
) -> list[Result]:
    """Solve scenarios; `executor` runs the jobs side by side, `progress` is called when one is done."""
    done: list[dict[Key, Done]] = [{} for _ in plans]
    _run([(at, job) for at, each in enumerate(plans) for job in each.regime_jobs()], done, executor, progress)
    _run(
        [(at, job) for at, each in enumerate(plans) for job in each.follow_ups(done[at])],
        done,
        executor,
        progress,
    )
    _run(
        [(at, job) for at, each in enumerate(plans) for job in each.cut_jobs(done[at])],
        done,
        executor,
        progress,
    )
    return [_result(each, found) for each, found in zip(plans, done, strict=True)]


def _run(
    jobs: Sequence[tuple[int, Job]],
    done: list[dict[Key, Done]],
    executor: Executor | None,
    progress: Callable[[], object] | None,
) -> None:
    work = [job for _, job in jobs]
    results: Iterable[Done] = executor.map(run_job, work) if executor else map(run_job, work)
    for (at, job), one in zip(jobs, results, strict=True):
        done[at][job.key] = one
        if progress:
            progress()


def _result(plan: Plan, done: Mapping[Key, Done]) -> Result:
    cases: dict[tuple[str, int | None], Case] = {}
    failed: dict[str, str] = {}
    for regime in plan.closures():
        one = done["case", regime]
        if one.case is None:
            failed[regime] = one.message
        else:
            cases[regime, None] = one.case
    # Where files stand is no part of a result: the same scenario in another folder has the same bytes.
    told = {regime: located(plan.scenario, why) for regime, why in failed.items()}
    if not cases:
        return Result(plan, None, told)
    solved = dataset.assemble(cases, plan.frame, plan.scenario.name, attributes(plan, failed))
    additions = (
        (plan.decompose, _decomposed),
        (plan.security, _secured),
        (bool(plan.by_instrument), _by_instrument),
    )
    for wanted, add in additions:
        if wanted:
            solved = add(plan, solved, done)
    return Result(plan, solved, told)


def _taxes(plan: Plan) -> list[str]:
    """The quotas whose licences stand for export taxes, where a scenario asks for the rates that give the tonnes."""
    wanted = plan.scenario.tax_equivalent_of is not None
    return [quota.name for quota in plan.shock.quotas if wanted and not quota.specific]


def attributes(plan: Plan, failed: Mapping[str, str]) -> dict[str, str]:
    """What a result says of itself; no time stamps here."""
    scenario, calibration = plan.scenario, plan.calibration
    return {
        "title": scenario.title,
        "question": scenario.question,
        "restricts": extent(restricted(plan.benchmark, plan.shock)),
        "scenario_horizon": scenario.horizon,
        "export_taxes": json.dumps(_taxes(plan), ensure_ascii=False),
        "scenario_year": str(scenario.year or ""),
        "calibration": calibration.name,
        "base_year": str(calibration.year),
        "limits": json.dumps(list(calibration.limits), ensure_ascii=False),
        "notes": json.dumps(list(calibration.notes), ensure_ascii=False),
        "assumptions": json.dumps([[a.text, a.status] for a in scenario.assumptions], ensure_ascii=False),
        "failed": json.dumps(dict(failed), ensure_ascii=False),
        "assumed": json.dumps(
            assumed(scenario, plan.benchmark, calibration.labels, plan.regimes, calibration.year)
        ),
        "numbers": json.dumps(numbers(scenario), ensure_ascii=False),
        "breadth": str(plan.benchmark.parameters.breadth),
        "closure": json.dumps({r: [c.technology, c.capacity] for r, c in plan.closures().items()}),
    }


def _decomposed(plan: Plan, solved: xr.Dataset, done: Mapping[Key, Done]) -> xr.Dataset:
    """Add contributions by force; when a corner was not solved they are left out and the reason is noted."""
    full, empty = done["case", plan.fullest(done)], plan.empty_corner(done)
    found = {frozenset(forces.acting(full.parts)): full, frozenset(): empty or full}
    found |= {on: done["corner", on] for on in forces.corners(full.parts)}
    values = {}
    for on, one in found.items():
        if one.case is None:
            which = " and ".join(sorted(on)) or "cost alone"
            return solved.assign_attrs(
                note_decomposition=f"not decomposed: {which} was not solved ({one.message})"
            )
        values[on] = facts.outcomes(one.case.values, plan.frame.base)
    names = ("cost", *forces.acting(full.parts))
    added = {}
    for name, (unit, axes, text) in facts.OUTCOMES.items():
        parts = forces.contributions(full.parts, {on: value[name] for on, value in values.items()})
        about = {
            "units": unit, "long_name": name.replace("_", " ") + " by force", "equation": "section 8",
            "description": f"what each force adds to: {text}; averaged over all orders (Shapley)",
        }  # fmt: skip
        added[f"{name}_by_force"] = (
            ["scenario", "force", *axes],
            np.stack([parts[f] for f in names])[None],
            about,
        )
    dataset.refuse_not_finite({name: array for name, (_, array, _) in added.items()})
    return (
        solved.assign(added)
        .assign_coords(force=np.array(names, dtype=object))
        .assign_attrs(decomposed=plan.fullest(done))
    )


def _by_instrument(plan: Plan, solved: xr.Dataset, done: Mapping[Key, Done]) -> xr.Dataset:
    """Add contributions by instrument; when a set of them was not solved they are left out and the reason is noted."""
    names, full = plan.players(), done["case", plan.fullest(done)]
    if full.case is None:
        return solved
    worth = {}
    for group in groups(names):
        one = done["instruments", group]
        if one.case is None:
            why = f"{' with '.join(sorted(group))} was not solved ({one.message})"
            return solved.assign_attrs(note_instruments=f"not decomposed by instrument: {why}")
        worth[group] = facts.outcomes(one.case.values, plan.frame.base)
    whole, added = facts.outcomes(full.case.values, plan.frame.base), {}
    for name, (unit, axes, text) in facts.OUTCOMES.items():
        parts = split(names, whole[name], {group: values[name] for group, values in worth.items()})
        about = {
            "units": unit, "long_name": name.replace("_", " ") + " by instrument", "equation": "section 8",
            "description": f"what each instrument adds to: {text}; {ABOUT}",
        }  # fmt: skip
        stack = np.stack([parts[player] for player in names])[None]
        added[f"{name}_by_instrument"] = (["scenario", "instrument", *axes], stack, about)
    dataset.refuse_not_finite({name: array for name, (_, array, _) in added.items()})
    return (
        solved.assign(added)
        .assign_coords(instrument=np.array(list(names), dtype=object))
        .assign_attrs(decomposed=plan.fullest(done))
    )


def _secured(plan: Plan, solved: xr.Dataset, done: Mapping[Key, Done]) -> xr.Dataset:
    """Add the loss that a full embargo, or else a cut of nine tenths, would cause now; what was not solved is noted."""
    regimes = wording.regimes(solved)
    full = all(done["embargo", regime].case for regime in regimes)
    kind, cut = ("embargo", 1.0) if full else ("cut", PARTIAL_CUT)
    notes = [
        f"under {regime} ({done['embargo', regime].message})"
        for regime in regimes
        if not done["embargo", regime].case
    ]
    if notes:
        solved = solved.assign_attrs(note_security=f"no solution was found for a full embargo {notes[0]}")
    after = [done[kind, regime].case for regime in regimes]
    if not all(after):
        return solved
    left = np.stack([case.values["equivalent_variation"] for case in after if case])
    loss = solved["equivalent_variation"].values - left[None]
    dataset.refuse_not_finite({"embargo_loss": loss})
    about = {
        "units": "million USD", "long_name": "loss from an embargo now", "equation": "section 8", "cut": cut,
        "description": f"real income lost, at base prices, when {100 * cut:.0f} % of the base-year exports of "
        "elements by the restricting regions stop at the technology reached",
    }  # fmt: skip
    return solved.assign(embargo_loss=(["scenario", "regime", "region"], loss, about))
