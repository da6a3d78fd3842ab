"""Where the numbers of a draw go: calibration entries, model parameters, instruments of scenarios."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from calibration import Calibration
from calibration.errors import InputError, Problem, nearest, one_of, unknown_name
from calibration.strict_yaml import Document
from calibration.vary import misplaced
from scenarios import overrides
from scenarios.naming import Names
from scenarios.quantities import Loc
from scenarios.scenario import Place, Scenario
from scenarios.sweeps.cases import Read
from scenarios.sweeps.design import Design, Varied

ROOMS = ("calibration", "parameters", "instruments")


@dataclass(frozen=True)
class Target:
    """One path that a number is written to."""

    room: Literal["calibration", "parameters", "instruments"]
    rest: str  # the path within the room
    factor: bool


def targets(varied: Varied) -> tuple[Target, ...]:
    """The targets of a parameter. Raises KeyError for a path that starts with no room."""
    found = []
    for path in varied.paths:
        room, _, rest = path.partition(".")
        if room not in ROOMS or not rest:
            raise KeyError(path)
        found.append(Target(room, rest, varied.factor))  # type: ignore[arg-type]
    return tuple(found)


def multiplies(varied: Varied, base: Calibration) -> bool:
    """Whether a parameter's number is a factor on what stands in the files, and not the value itself."""
    first = targets(varied)[0]
    if first.room != "calibration":
        return first.factor
    single = {row.name for row in base.parameters_table if isinstance(row.value, int | float)}
    return first.rest not in single


def law(varied: Varied, base: Calibration | None, place: Place) -> Any:
    """The parameter's distribution, with what is left out from the calibration; None where nothing sure can be said
    of it. Raises InputError."""
    if varied.distribution is None and not place.sure("distribution"):
        return None
    found = None if place.refused("path") else _range(varied, base)
    low, high, centre = found or (math.nan, math.nan, math.nan)
    given = varied.distribution
    if given is None:
        from scenarios.sweeps.distributions import Uniform

        given = Uniform()
    whole = given.completed(low, high, centre)
    lacking = [name for name in ("low", "high", "mode", "mean") if _nan(getattr(whole, name, None))]
    if lacking and found is None:
        return None
    if lacking:
        text = "only entries of the calibration have a range of their own"
        raise InputError(place.problem(("distribution",), text, f"a distribution with {', '.join(lacking)}"))
    low, high = whole.bounds
    mode = getattr(whole, "mode", None)
    if not low < high or (mode is not None and not low <= mode <= high):
        text = f"runs from {low:g} to {high:g}" + ("" if mode is None else f" with its mode at {mode:g}")
        raise InputError(
            place.problem(("distribution",), text, "the smaller number first, and the mode between")
        )
    if whole.type == "loguniform" and low <= 0:
        raise InputError(place.problem(("distribution",), f"a logarithm from {low:g}", "low: above 0"))
    inner = whole.quantile(np.array([0.05, 0.5, 0.95]))
    if whole.type == "normal" and not (np.isfinite(inner).all() and low < inner[0] and inner[2] < high):
        text = f"a mean of {whole.mean:g} leaves nothing between {low:g} and {high:g}"
        raise InputError(place.problem(("distribution",), text, "bounds that hold some of the distribution"))
    return whole


def _nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _range(varied: Varied, base: Calibration | None) -> tuple[float, float, float] | None:
    """Range and value in the calibration; nan where there is none, None where that cannot be known. Tables and their
    parts are factors around 1."""
    room, _, rest = varied.paths[0].partition(".")
    if room == "calibration":
        rows = {} if base is None else {row.name: row for row in base.parameters_table}
        row = rows.get(rest.split(".")[0])
        if row is None:
            return None
        if row.range is not None:
            return (*row.range, float(row.value) if isinstance(row.value, int | float) else 1.0)
    elif room not in ROOMS:
        return None
    return math.nan, math.nan, 1.0 if varied.factor else math.nan


def calibration_changes(design: Design, values: Mapping[str, float]) -> dict[str, float]:
    """What `calibration.vary` takes."""
    return {
        target.rest: values[str(varied.name)]
        for varied in design.vary
        for target in targets(varied)
        if target.room == "calibration"
    }


def touches(design: Design, scenario: Scenario) -> bool:
    """Whether a draw changes a scenario's own file."""
    return any(_here(target, scenario) for varied in design.vary for target in targets(varied))


def _here(target: Target, scenario: Scenario) -> bool:
    if target.room == "instruments":
        return _position(target, scenario) is not None
    return target.room == "parameters"


def _position(target: Target, scenario: Scenario) -> tuple[str, list[str]] | None:
    """Name of the instrument and what follows; names may hold dots, so the longest that fits is taken."""
    for line in sorted(scenario.instruments, key=lambda line: -len(line.name)):
        if target.rest.startswith(line.name + "."):
            return line.name, target.rest[len(line.name) + 1 :].split(".")
    return None


def edited(document: Document, scenario: Scenario, design: Design, values: Mapping[str, float]) -> Document:
    """A scenario's document with the numbers of a draw. Raises InputError where a path leads to no number."""
    data = copy.deepcopy(document.data)
    for varied in design.vary:
        for target in targets(varied):
            value = values[str(varied.name)]
            if target.room == "parameters":
                changed = data.setdefault("parameters", {})
                changed.pop(target.rest, None)
                changed[target.rest] = value  # last: what is written later wins
            elif target.room == "instruments" and (found := _position(target, scenario)) is not None:
                _write(data, scenario, found, target, value)
    return Document(document.file, data, document.lines)


def _write(data: Any, scenario: Scenario, found: tuple[str, list[str]], target: Target, value: float) -> None:
    place, last, old = _number(data, scenario, found)
    if isinstance(old, int) and not isinstance(old, bool) and value == round(value):
        value = round(value)  # a year is a whole number
    if old is None:
        raise InputError(Problem(f"{target.rest}: {scenario.name} has no such number", scenario.name))
    if target.factor:
        place[last] = _times(old, value)
    elif isinstance(old, dict) and "value" in old:
        place[last] = {**old, "value": value}
    elif isinstance(old, dict):
        text = f"{target.rest}: is given by year"
        raise InputError(
            Problem(text, scenario.name, expected="factor: true, or the year at the end of the path")
        )
    else:
        place[last] = value


def _number(data: Any, scenario: Scenario, found: tuple[str, list[str]]) -> tuple[Any, Any, Any]:
    """The mapping in which a number of an instrument stands, its key there, and the number or None."""
    name, steps = found
    position = next((at for at, line in enumerate(scenario.instruments) if line.name == name), 0)
    place: Any = data["instruments"][position]
    for step in steps[:-1]:
        place = place.get(_key(place, step)) if isinstance(place, dict) else None
    last = _key(place, steps[-1]) if isinstance(place, dict) else steps[-1]
    return place, last, place.get(last) if isinstance(place, dict) else None


def _key(place: dict[Any, Any], step: str) -> Any:
    return next((key for key in place if str(key) == step), step)


def _times(old: Any, factor: float) -> Any:
    """Every number of a quantity times a factor; sources and units stay."""
    if isinstance(old, dict):
        kept = ("source", "status", "note", "unit")
        return {key: inner if key in kept else _times(inner, factor) for key, inner in old.items()}
    return old * factor if isinstance(old, int | float) and not isinstance(old, bool) else old


def problems(
    at: int, design: Design, whole: Place, cases: Mapping[str, Read], base: Calibration | None
) -> Iterator[Problem]:
    """Paths of a parameter that lead nowhere, or that another number goes to."""
    varied, place = design.vary[at], whole.at("vary", at)
    if place.refused("path"):
        return
    taken = {path: str(one.name) for one in design.vary[:at] for path in one.paths}
    for position, path in enumerate(varied.paths):
        where = ("path",) if isinstance(varied.path, str) else ("path", position)
        if path in taken:
            yield place.problem(where, f"{path} gets another number from {taken[path]}", "each path once")
        taken[path] = str(varied.name)
        room, _, rest = path.partition(".")
        if room not in ROOMS or not rest:
            expected = "calibration.NAME, parameters.NAME or instruments.NAME.FIELD"
            yield place.problem(where, f"path {path!r}", expected, nearest(room, ROOMS))
        elif room == "instruments":
            yield from _no_number(Target("instruments", rest, varied.factor), place, where, cases)
        elif room == "parameters":
            yield from _no_parameter(rest, place, where, cases, base)
        elif base is not None and (problem := misplaced(base.settings, rest)) is not None:
            yield place.problem(where, problem.what, problem.expected, problem.suggestion)
    if varied.factor and not all(path.startswith("instruments.") for path in varied.paths):
        text = "calibration tables are multiplied anyway, single numbers and parameters set"
        yield place.problem(("factor",), text, "factor: only with instruments")


def _no_parameter(
    rest: str, place: Place, where: Loc, cases: Mapping[str, Read], base: Calibration | None
) -> Iterator[Problem]:
    fault = overrides.misplaced(rest)
    if fault is not None:
        yield place.problem(where, *fault)
    elif base is not None and cases:
        names = Names(next(iter(cases.values())).scenario, base.labels)
        names.place, names.problems = place, []
        overrides.look_up(rest, where, names)
        yield from names.problems


def _no_number(target: Target, place: Place, where: Loc, cases: Mapping[str, Read]) -> Iterator[Problem]:
    """A path to an instrument that no scenario has, or to what is no number there."""
    scenarios = [case.scenario for case in cases.values()]
    if not any(_here(target, scenario) for scenario in scenarios):
        if all(case.right for case in cases.values()):
            yield _unknown(target, place, where, [line.name for one in scenarios for line in one.instruments])
        return
    for case in cases.values():
        found = _position(target, case.scenario)
        if found is None or not case.right:
            continue
        around, last, old = _number(case.document.data, case.scenario, found)
        if old is None:
            valid = [str(key) for key in around] if isinstance(around, dict) else []
            text = f"{target.rest}: {case.scenario.name} has no such number"
            yield place.problem(where, text, one_of(valid) if valid else "", nearest(last, valid))


def _unknown(target: Target, place: Place, where: Loc, lines: list[str]) -> Problem:
    if target.rest in lines:
        return place.problem(where, f"names no number of {target.rest}", f"instruments.{target.rest}.FIELD")
    problem = unknown_name("instrument", target.rest.split(".")[0], dict.fromkeys(lines))
    return place.problem(where, problem.what, problem.expected, problem.suggestion)
