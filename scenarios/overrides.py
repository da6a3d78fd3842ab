"""Parameters that a scenario changes: a number for all, or numbers by label, down to one cell."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from calibration.errors import InputError, Problem, nearest, one_of, shown
from model.records import Array, Benchmark, Labels, Parameters
from scenarios.naming import Names
from scenarios.quantities import Loc
from scenarios.scenario import Place, Scenario

# Axes of each parameter, in the letters of docs/model.md, and the range its values must be in.
AXES: Mapping[str, tuple[str, float, float]] = {
    "trade_elasticity": ("k", 0.0, 100.0),
    "ree_elasticity": ("j", 0.0, 20.0),
    "element_elasticity": ("j", 0.0, 20.0),
    "value_added_elasticity": ("j", 0.0, 20.0),
    "factor_elasticity": ("j", 0.0, 20.0),
    "materials_elasticity": ("j", 0.0, 20.0),
    "transformation_elasticity": ("j", -0.99, 100.0),
    "price_floor": ("e", 0.0, 1.0),
    "final_elasticity": ("", 0.0, 20.0),
    "factor_mobility": ("f", 0.0, math.inf),  # `mobile` is infinity
    "innovation_elasticity": ("ng", 0.0, 10.0),
    "spillover": ("ng", 0.0, 10.0),
    "breadth": ("", 0.0, 10.0),
    "breadth_reference": ("", 1e-9, 1.0),
    "research_supply_elasticity": ("", 0.0, 100.0),
    "capacity_weight": ("s", 0.0, 10.0),
    "capacity_response": ("s", 0.0, 100.0),
    "capacity_expansion": ("s", 0.0, 1.0),
    "capacity_exit": ("s", 0.0, 1.0),
    "capacity_scrapping": ("s", 0.0, 1.0),
    "build_time": ("s", 0.0, 30.0),
    "learning": ("", 0.0, 1.0),
    "forgetting": ("", 0.0, 1.0),
}
CHOICES: Mapping[str, tuple[str, ...]] = {"research_closure": ("region", "sector")}
NAMES = (*AXES, *CHOICES)
WHOLE = ("build_time",)
PROVENANCE = ("value", "source", "status", "note")
TOO_MANY = "has more labels than the parameter has axes"
AXIS_KIND = {
    "n": "region", "j": "sector", "k": "good", "e": "element", "f": "factor", "s": "stage", "g": "technology",
}  # fmt: skip


def problems(scenario: Scenario) -> Iterator[Problem]:
    """Everything wrong with the parameters of a scenario that needs no calibration: all but the labels."""
    for key, value in scenario.parameters.items():
        name, along, axes = _split(key)
        path, whole = ("parameters", key), scenario.whole
        if fault := misplaced(key):
            yield whole.problem(path, *fault)
        elif name in AXES:
            yield from _values(name, axes[len(along) :], value, path, whole)
        elif value not in CHOICES[name]:
            suggestion = nearest(value, CHOICES[name])
            yield whole.problem(path, f"got {shown(value)}", one_of(CHOICES[name]), suggestion)


def misplaced(key: str) -> tuple[str, str, str] | None:
    """What is wrong with a path to a parameter apart from its labels, what was expected, what was perhaps meant."""
    name, along, axes = _split(key)
    if name not in NAMES:
        return f"unknown parameter {name!r}", one_of(NAMES), nearest(name, NAMES)
    if len(along) > len(axes):
        return TOO_MANY, f"{len(axes)} at most" if axes else "none", ""
    return None


def look_up(key: str, path: Loc, names: Names) -> tuple[Array, ...]:
    """Positions of the labels in a path to a parameter, along its first axes."""
    _, along, axes = _split(key)
    return tuple(_labels(axis, label, path, names) for axis, label in zip(axes, along, strict=False))


def _split(key: str) -> tuple[str, list[str], str]:
    """A parameter's name, the labels in its key and its axes: `ree_elasticity.magnets: 0.2` is
    `ree_elasticity: {magnets: 0.2}`."""
    name, *along = str(key).split(".")
    return name, along, AXES[name][0] if name in AXES else ""


def _values(name: str, axes: str, value: Any, path: Loc, whole: Place) -> Iterator[Problem]:
    """What is wrong with a number, or with those of a mapping of labels to numbers."""
    if not isinstance(value, Mapping):
        if fault := _fault(name, value):
            yield whole.problem(path, *fault)
    elif "value" not in value:
        if not axes:
            yield whole.problem(path, TOO_MANY, "a number")
            return
        for label, inner in value.items():
            yield from _values(name, axes[1:], inner, (*path, label), whole)
    else:
        extra = [key for key in value if key not in PROVENANCE]
        if extra:
            suggestion = nearest(extra[0], [key for key in PROVENANCE if key not in value])
            yield whole.problem((*path, extra[0]), "unknown key", one_of(PROVENANCE), suggestion)
        if fault := _fault(name, value["value"]):
            yield whole.problem((*path, "value"), *fault)


def _fault(name: str, value: Any) -> tuple[str, str] | None:
    """Why something is no value of a parameter, and what was expected; None when it is one."""
    _, low, high = AXES[name]
    if value == "mobile" and high == math.inf:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"got {shown(value)}", "a number, or a mapping of labels to numbers"
    if not low <= value <= high:
        return f"got {shown(value)}", f"a number from {low:g} to {high:g}"
    if name in WHOLE and value != int(value):
        return f"got {shown(value)}", "a whole number"
    return None


def apply(scenario: Scenario, benchmark: Benchmark, labels: Labels) -> Benchmark:
    """The benchmark with the parameters and the deficit rule of a scenario. Raises InputError with all problems."""
    if not scenario.parameters and scenario.deficits is None:
        return benchmark
    names = Names(scenario, labels)
    names.problems += problems(scenario)
    changes: dict[str, Any] = {} if scenario.deficits is None else {"deficit_rule": scenario.deficits}
    for key, value in scenario.parameters.items():
        name, along, axes = _split(key)
        if name not in AXES:
            changes[name] = value
        elif not axes:
            changes[name] = _number(value)
        elif len(along) <= len(axes):
            array = np.array(changes.get(name, getattr(benchmark.parameters, name)), copy=True)
            path = ("parameters", key)
            cells = look_up(key, path, names)
            _write(array, cells, axes[len(along) :], value, path, name, names)
            changes[name] = array
    if names.problems:
        raise InputError(names.problems)
    parameters: Parameters = benchmark.parameters.replace(**changes)
    changed: Benchmark = benchmark.replace(parameters=parameters)
    return changed


def _write(
    array: Array, cells: tuple[Array, ...], axes: str, value: Any, path: Loc, name: str, names: Names
) -> None:
    """Write a number, or a mapping of labels to numbers along the next axis, over some cells of an array.

    What is wrong with numbers is told by `problems`."""
    if isinstance(value, Mapping) and "value" not in value:
        for label, inner in value.items() if axes else ():
            mask = _labels(axes[0], str(label), (*path, label), names)
            _write(array, (*cells, mask), axes[1:], inner, (*path, label), name, names)
        return
    number = _number(value)
    if _fault(name, number) is None:
        full = [*cells, *(np.ones(size, dtype=bool) for size in array.shape[len(cells) :])]
        array[np.ix_(*full)] = number


def _number(value: Any) -> Any:
    """A number, or the `value` of a mapping that also has source and status; `mobile` is infinity."""
    bare = value.get("value") if isinstance(value, Mapping) else value
    return math.inf if bare == "mobile" else bare


def _labels(axis: str, label: str, path: Loc, names: Names) -> Array:
    """Positions that a label, or the name of a group, stands for."""
    labels = names.labels
    valid = {
        "n": labels.regions, "j": labels.sectors, "k": labels.goods, "e": labels.elements, "f": labels.factors,
        "s": labels.stages, "g": labels.technologies,
    }[axis]  # fmt: skip
    return names.many(AXIS_KIND[axis], label, path, valid, names.coalitions if axis == "n" else names.groups)
