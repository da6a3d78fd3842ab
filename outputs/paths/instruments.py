"""What each instrument of a path brought about, what it did to technology and plant included.

Every set of instruments is a path of its own; contributions are Shapley values over all orders and add up exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor, as_completed
from typing import Any

import numpy as np
import xarray as xr

from model.path import base_standing, finish_plant, next_standing, run_year
from model.records import Array, Regime
from model.solution import SolveError
from outputs import dataset, facts
from outputs.instruments import ABOUT, Group, groups, lines_of, players
from outputs.instruments import contributions as split
from outputs.paths.plan import PathPlan
from outputs.paths.work import CALIBRATED, Content, Packed, Results, unpacked


def job(packed: Packed, regime: Regime) -> list[dict[str, Array]] | str:
    """Outcomes of every year of a path; the solver's words when it is not solved."""
    content = unpacked(packed)
    benchmark, inputs = content.benchmark, content.inputs
    standing, found = base_standing(benchmark), []
    base = dataset.base_solution(benchmark)
    for at, (year, shock) in enumerate(zip(inputs.years, inputs.shocks, strict=True)):
        standing = finish_plant(standing, inputs.added_capacity[at])
        try:
            record = run_year(benchmark, year, shock, regime, standing)
        except SolveError as error:
            return f"{year}: {error.told(content.frame.labels)}"
        case = dataset.case(record.solution, base, shock, content.frame)
        found.append(facts.outcomes(case.values, content.frame.base))
        standing = next_standing(record, benchmark.parameters)
    return found


def run(
    plan: PathPlan, by: str, executor: Executor, progress: Callable[[], Any] | None = None
) -> dict[Group, list[dict[str, Array]] | str]:
    """Solve the path of every set of instruments, the empty and the full one excepted."""
    names, done = players(plan.scenario, by), {}
    under_way = {}
    for group in groups(names):
        inputs = plan.scenario.only(lines_of(names, group)).path(plan.calibration)
        content = Content(plan.benchmark, plan.benchmark, inputs, plan.frame, plan.closed, ())
        under_way[executor.submit(job, Packed(content), plan.fullest)] = group
    for future in as_completed(under_way):
        done[under_way[future]] = future.result()
        if progress:
            progress()
    return done


def outcomes_of(plan: PathPlan, results: Results) -> list[dict[str, Array]]:
    """Outcomes of the full path in its fullest regime, year by year."""
    cases = [results.years[(plan.fullest, CALIBRATED), at].case for at in range(len(plan.years))]
    return [facts.outcomes(case.values, plan.frame.base) for case in cases if case is not None]


def contributions(
    plan: PathPlan, by: str, done: Mapping[Group, Any], full: list[dict[str, Array]], found: xr.Dataset
) -> xr.Dataset:
    """Add what each instrument brought about in each year; when a path was not solved, the reason instead."""
    names = players(plan.scenario, by)
    for group, outcome in done.items():
        if isinstance(outcome, str):
            return found.assign_attrs(
                note_instruments=f"{' with '.join(sorted(group))} was not solved ({outcome})"
            )
    added = {}
    for name, (unit, axes, text) in facts.OUTCOMES.items():
        whole = np.stack([year[name] for year in full])
        worth = {group: np.stack([year[name] for year in years]) for group, years in done.items()}
        parts = split(names, whole, worth)
        stack = np.stack([parts[player] for player in names], axis=1)
        said = {
            "units": unit, "long_name": name.replace("_", " ") + " by instrument", "equation": "section 8",
            "description": f"what each instrument adds to: {text}; {ABOUT}",
        }  # fmt: skip
        added[f"{name}_by_instrument"] = (["scenario", "year", "instrument", *axes], stack[None], said)
    dataset.refuse_not_finite({name: array for name, (_, array, _) in added.items()})
    return found.assign(added).assign_coords(instrument=np.array(list(names), dtype=object))
