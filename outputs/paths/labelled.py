"""The results of a path as one Dataset: the variables of a solve with `year` and `memory`, security, contributions.

`memory` is `calibrated`, or `even`: the same path with forgetting as fast as learning (E21), which shows how much of a
result rests on the two speeds being different.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr

from model.records import Array, Regime
from model.variables import Variable
from outputs import dataset, facts, forces, names
from outputs.closure import assumed, numbers
from outputs.focus import extent, restricted
from outputs.paths.plan import PathPlan
from outputs.paths.work import CALIBRATED, EVEN, Done, Results, parts_of
from scenarios.located import located

LETTERS = {**dataset.LETTERS, "z": "cut"}

STATE = tuple(
    Variable(*row)
    for row in (
        ("capacity_target", "ns", "ratio", "E22", "capacity that the year's long-run equilibrium has, K*"),
        ("plant", "ns", "ratio", "E22", "plant that stands, what is mothballed included"),
        ("final_demand_price", "nk", "ratio", "E2", "price paid by final demand"),
    )
)

# What may happen in a year -> what is said of it, on an axis of the years in which it was solved in every regime.
MEASURED = {"cut": "cut_year", "embargo": "embargo_year"}
SECURITY = {event: tuple(Variable(*row) for row in rows) for event, rows in {
    "cut": (
        ("cut_loss", "zn", "million USD", "8", "real income lost, at base prices, if a share of the restricting "
         "regions' exports of elements of the year stopped at once: technology and plant as they stand"),
        ("cut_loss_without_innovation", "zn", "million USD", "8", "the same at the technology of the base year"),
        ("cut_output", "znj", "ratio", "8", "volume of output under the cut over that without"),
        ("cut_cost", "znj", "ratio", "8", "unit cost under the cut over that without"),
        ("cut_price", "znk", "ratio", "8", "price paid by final demand under the cut over that without"),
    ),
    "embargo": (
        ("embargo_loss", "n", "million USD", "8", "real income lost, at base prices, by a full embargo that lasts: "
         "plant has followed its rent, technology stands as it is"),
        ("embargo_loss_without_innovation", "n", "million USD", "8", "the same at the technology of the base year"),
        ("embargo_output", "nj", "ratio", "8", "volume of output under the lasting embargo over that without"),
        ("embargo_cost", "nj", "ratio", "8", "unit cost under the lasting embargo over that without"),
        ("embargo_price", "nk", "ratio", "8", "price paid by final demand under the lasting embargo over that without"),
        ("years_to_replace_stage", "s", "years", "8", "years until plant outside could make nine tenths of what it "
         "will make under a lasting embargo; -1: never"),
        ("years_to_replace_element", "e", "years", "8", "the same for an element, which waits for its slowest stage"),
    ),
}.items()}  # fmt: skip


@dataclass(frozen=True)
class PathResult:
    """A path that was solved: the Dataset (None when no regime was), and why others were not."""

    plan: PathPlan
    dataset: xr.Dataset | None
    failed: Mapping[str, str] = field(default_factory=dict)


def label(plan: PathPlan, results: Results) -> PathResult:
    """Put the jobs of a path together. Raises ValueError on numbers that are not finite."""
    why = {regime: _failure(plan, results, regime, CALIBRATED) for regime in plan.regimes}
    solved = [regime for regime in plan.regimes if not why[regime]]
    failed: dict[str, str] = {regime: reason for regime, reason in why.items() if reason}
    # Where files stand is no part of a result: the same scenario in another folder has the same bytes.
    told = {regime: located(plan.scenario, reason) for regime, reason in failed.items()}
    if not solved:
        return PathResult(plan, None, told)
    found = _years(plan, results, solved, attributes(plan, failed))
    for add in (_state, _stocks, _security, _forces):
        found = add(plan, results, solved, found)
    return PathResult(plan, found, told)


def _failure(plan: PathPlan, results: Results, regime: Regime, memory: str) -> str:
    """Why a chain did not reach its end; "" when it did."""
    for at, year in enumerate(plan.years):
        done = results.years.get(((regime, memory), at))
        if done is not None and done.case is None:
            return f"{year}: {done.message}"
    return ""


def _done(results: Results, regime: Regime, memory: str, at: int) -> Done:
    """A year of a chain; the exogenous regime has no memory."""
    return results.years[(regime, memory if regime != "exogenous" else CALIBRATED), at]


def _memories(plan: PathPlan, results: Results, solved: Sequence[Regime]) -> list[str]:
    if not plan.companion or any(
        _failure(plan, results, regime, EVEN) for regime in solved if regime != "exogenous"
    ):
        return [CALIBRATED]
    return [CALIBRATED, EVEN]


def _years(plan: PathPlan, results: Results, solved: Sequence[Regime], about: dict[str, str]) -> xr.Dataset:
    """Every variable of a solve, by memory, regime and year."""
    name = plan.scenario.name
    memories = _memories(plan, results, solved)
    runs = {}
    for memory in memories:
        cases: dict[tuple[str, int | None], dataset.Case] = {
            (regime, year): case
            for regime in solved
            for at, year in enumerate(plan.years)
            if (case := _done(results, regime, memory, at).case) is not None
        }
        runs[memory] = dataset.assemble(cases, plan.frame, name, about)
    first = runs[CALIBRATED]
    variables: dict[str, Any] = {}
    for key, variable in first.data_vars.items():
        if "year" not in variable.dims:
            variables[str(key)] = variable
            continue
        axes = ["scenario", "memory", *variable.dims[1:]]
        stack = np.stack([run[key].values for run in runs.values()], axis=1)
        variables[str(key)] = (axes, stack, variable.attrs)
    coords = {**first.coords, "memory": np.array(memories, dtype=object)}
    found = xr.Dataset(variables, coords, first.attrs)
    if plan.companion and len(memories) == 1:
        reasons = [
            f"{r}: {why}" for r in solved if r != "exogenous" and (why := _failure(plan, results, r, EVEN))
        ]
        found = found.assign_attrs(note_memory=f"the companion path was not solved ({'; '.join(reasons)})")
    return found


def _state(plan: PathPlan, results: Results, solved: Sequence[Regime], found: xr.Dataset) -> xr.Dataset:
    added: dict[str, Any] = {}
    for row in STATE:
        stack = [
            [
                [_done(results, regime, memory, at).extra[row.name] for at in range(len(plan.years))]
                for regime in solved
            ]
            for memory in found["memory"].values
        ]
        added[row.name] = (
            ["scenario", "memory", "regime", "year", *dims(row)],
            np.array(stack)[None],
            dataset.describe(row),
        )
    return found.assign(added)


def _stocks(plan: PathPlan, results: Results, solved: Sequence[Regime], found: xr.Dataset) -> xr.Dataset:
    row = Variable("stock", "ne", "t", "E23", "tonnes held at the start of the year")
    held = plan.stocks[:, :, plan.benchmark.elements]
    bought = Variable("base_final", "nk", "million USD", "E8", "final demand; base year")
    made = Variable(
        "base_stage_output", "ns", "million USD", "E9", "output of a stage of the chain; base year"
    )
    by_stage = plan.benchmark.output[:, plan.benchmark.stage_sector]
    return found.assign(
        {
            row.name: (["scenario", "year", *dims(row)], held[None], dataset.describe(row)),
            bought.name: (dims(bought), plan.benchmark.final, dataset.describe(bought)),
            made.name: (dims(made), by_stage, dataset.describe(made)),
        }
    )


def _security(plan: PathPlan, results: Results, solved: Sequence[Regime], found: xr.Dataset) -> xr.Dataset:
    """What cuts and an embargo would do, in the years in which that was solved in every regime; why not in other years.

    Of several cuts and years the largest full table is kept.
    """
    if not plan.security:
        return found
    years = [[_done(results, regime, CALIBRATED, at) for regime in solved] for at in range(len(plan.years))]
    added, coords, notes = {}, {}, {}
    for event, when in MEASURED.items():
        solutions = [min(_solutions(done, event) for done in regimes) for regimes in years]
        cells = {count: count * sum(there >= count for there in solutions) for count in set(solutions) - {0}}
        deep = max(cells, key=lambda count: (cells[count], -count), default=0)
        kept = [at for at, there in enumerate(solutions) if deep and there >= deep]
        if why := [
            text for at, regimes in enumerate(years) if (text := _why(plan, at, solved, regimes, event))
        ]:
            notes[f"note_{event}_loss"] = "\n".join(why)
        if not kept:
            continue
        coords[when] = np.array([plan.years[at] for at in kept])
        coords |= {"cut": np.array(plan.cuts[:deep])} if event == "cut" else {}
        several = slice(deep) if event == "cut" else ...
        for row in SECURITY[event]:
            by_regime = zip(*(years[at] for at in kept), strict=True)
            stack = np.array([[done.extra[row.name][several] for done in chain] for chain in by_regime])
            added[row.name] = (["scenario", "regime", when, *dims(row)], stack[None], dataset.describe(row))
    dataset.refuse_not_finite({name: array for name, (_, array, _) in added.items()})
    return found.assign(added).assign_coords(coords).assign_attrs(notes)


def _solutions(done: Done, event: str) -> int:
    """How many cuts of a year were solved, from the smallest on; of an embargo one or none."""
    loss = done.extra.get(f"{event}_loss")
    return 0 if loss is None else len(loss) if event == "cut" else 1


def _why(plan: PathPlan, at: int, solved: Sequence[Regime], regimes: Sequence[Done], event: str) -> str:
    """Year, regimes where they are not all, and the reason of the first, where an event was not solved; or ""."""
    failed = {r: done.notes[event] for r, done in zip(solved, regimes, strict=True) if event in done.notes}
    if not failed:
        return ""
    who = "" if len(failed) == len(solved) else f", {names.listed([names.regime(r) for r in failed])}"
    return f"{plan.years[at]}{who}: {next(iter(failed.values()))}"


def _forces(plan: PathPlan, results: Results, solved: Sequence[Regime], found: xr.Dataset) -> xr.Dataset:
    """Contributions of the forces to the outcomes of each year that was decomposed, in the fullest regime."""
    if not plan.decompose or plan.fullest not in solved:
        return found
    years, parts, notes = [], [], []
    for at, year in enumerate(plan.years):
        done = _done(results, plan.fullest, CALIBRATED, at)
        assert done.case is not None
        assert done.standing is not None
        values: dict[frozenset[str], dict[str, Array]] = {}
        values[frozenset(forces.acting(parts_of(done.standing)))] = facts.outcomes(
            done.case.values, plan.frame.base
        )
        unsolved = ""
        for (corner_at, on), outcome in results.corners.items():
            if corner_at == at and isinstance(outcome, str):
                unsolved = f"{year}: {' and '.join(sorted(on)) or 'cost alone'} was not solved ({outcome})"
            elif corner_at == at and not isinstance(outcome, str):
                values[on] = outcome
        if unsolved:
            notes.append(unsolved)
            continue
        years.append(year)
        parts.append(_split(parts_of(done.standing), values))
    about = {"decomposed": plan.fullest} | ({"note_decomposition": "; ".join(notes)} if notes else {})
    if not years:
        return found.assign_attrs(about)
    added = {}
    for name, (unit, axes, text) in facts.OUTCOMES.items():
        stack = np.array([[year[name][force] for force in forces.FORCES] for year in parts])
        said = {
            "units": unit, "long_name": name.replace("_", " ") + " by force", "equation": "section 8",
            "description": f"what each force adds to: {text}; averaged over all orders (Shapley)",
        }  # fmt: skip
        added[f"{name}_by_force"] = (["scenario", "decomposed_year", "force", *axes], stack[None], said)
    dataset.refuse_not_finite({name: array for name, (_, array, _) in added.items()})
    coords = {"force": np.array(forces.FORCES, dtype=object), "decomposed_year": np.array(years)}
    return found.assign(added).assign_coords(coords).assign_attrs(about)


def _split(
    parts: Mapping[str, Array], values: Mapping[frozenset[str], dict[str, Array]]
) -> dict[str, dict[str, Array]]:
    """Contributions by outcome and force; forces that do not act add 0."""
    found = {}
    for name in facts.OUTCOMES:
        by_force = forces.contributions(parts, {on: outcome[name] for on, outcome in values.items()})
        none = np.zeros_like(by_force["cost"])
        found[name] = {force: by_force.get(force, none) for force in forces.FORCES}
    return found


def dims(row: Variable) -> list[str]:
    """Names of a variable's axes."""
    return [LETTERS[letter] for letter in row.axes]


def attributes(plan: PathPlan, failed: Mapping[str, str]) -> dict[str, str]:
    """What a result says of itself; no time stamps here."""
    scenario, calibration = plan.scenario, plan.calibration
    par = plan.benchmark.parameters
    return {
        "title": scenario.title,
        "question": scenario.question,
        "restricts": extent(restricted(plan.benchmark, *plan.inputs.shocks)),
        "scenario_horizon": "path",
        "scenario_year": str(scenario.years),
        "calibration": calibration.name,
        "base_year": str(calibration.year),
        "limits": json.dumps(list(calibration.limits), ensure_ascii=False),
        "assumptions": json.dumps([[a.text, a.status] for a in scenario.assumptions], ensure_ascii=False),
        "failed": json.dumps(dict(failed), ensure_ascii=False),
        "assumed": json.dumps(
            assumed(scenario, plan.benchmark, calibration.labels, plan.regimes, calibration.year)
        ),
        "numbers": json.dumps(numbers(scenario), ensure_ascii=False),
        "learning": str(par.learning),
        "forgetting": str(par.forgetting),
        "breadth": str(par.breadth),
    }
