"""Parameters that a scenario changes: a number for all, or numbers by label, down to one cell."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from calibration.errors import InputError, nearest, one_of, shown
from model.records import Array, Benchmark, Labels, Parameters
from scenarios.naming import Names
from scenarios.quantities import Loc
from scenarios.scenario import Scenario

# Axes of each parameter, in the letters of docs/model.md, and the range its values must be in.
AXES: Mapping[str, tuple[str, float, float]] = {
    "trade_elasticity": ("k", 0.0, 100.0),
    "ree_elasticity": ("j", 0.0, 20.0),
    "element_elasticity": ("j", 0.0, 20.0),
    "value_added_elasticity": ("j", 0.0, 20.0),
    "factor_elasticity": ("j", 0.0, 20.0),
    "materials_elasticity": ("j", 0.0, 20.0),
    "transformation_elasticity": ("j", -0.99, 100.0),
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
TOO_MANY = "has more labels than the parameter has axes"
AXIS_KIND = {"n": "region", "j": "sector", "k": "good", "f": "factor", "s": "stage", "g": "technology"}


def apply(scenario: Scenario, benchmark: Benchmark, labels: Labels) -> Benchmark:
    """The benchmark with the parameters and the deficit rule of a scenario. Raises InputError with all problems."""
    if not scenario.parameters and scenario.deficits is None:
        return benchmark
    names = Names(scenario, labels)
    names.place = scenario.whole
    changes: dict[str, Any] = {} if scenario.deficits is None else {"deficit_rule": scenario.deficits}
    for key, value in scenario.parameters.items():
        # `ree_elasticity.magnets: 0.2` is `ree_elasticity: {magnets: 0.2}`
        name, *along = str(key).split(".")
        path = ("parameters", key)
        axes = AXES[name][0] if name in AXES else ""
        if name not in NAMES:
            names.refuse(path, f"unknown parameter {name!r}", one_of(NAMES), nearest(name, NAMES))
        elif len(along) > len(axes):
            names.refuse(path, TOO_MANY, f"{len(axes)} at most" if axes else "none")
        elif name in AXES:
            now = changes.get(name, getattr(benchmark.parameters, name))
            changes[name] = _changed(name, now, along, value, path, names)
        elif value in CHOICES[name]:
            changes[name] = value
        else:
            names.refuse(path, f"got {shown(value)}", one_of(CHOICES[name]), nearest(value, CHOICES[name]))
    if names.problems:
        raise InputError(names.problems)
    parameters: Parameters = benchmark.parameters.replace(**changes)
    changed: Benchmark = benchmark.replace(parameters=parameters)
    return changed


def _changed(name: str, now: Any, along: Sequence[str], value: Any, path: Loc, names: Names) -> Any:
    """The parameter with an override written over it, at the labels that stand in its key."""
    axes, low, high = AXES[name]
    if not axes:
        number = _number(value, path, (low, high), names)
        return now if number is None else number
    array = np.array(now, copy=True)
    cells = tuple(_labels(axis, label, path, names) for axis, label in zip(axes, along, strict=False))
    _write(array, cells, axes[len(along) :], value, path, (low, high), names)
    return array


def _write(
    array: Array,
    cells: tuple[Array, ...],
    axes: str,
    value: Any,
    path: Loc,
    bounds: tuple[float, float],
    names: Names,
) -> None:
    """Write a number, or a mapping of labels to numbers along the next axis, over some cells of an array."""
    if isinstance(value, Mapping) and "value" not in value:
        if not axes:
            names.refuse(path, TOO_MANY, "a number")
            return
        for label, inner in value.items():
            mask = _labels(axes[0], str(label), (*path, label), names)
            _write(array, (*cells, mask), axes[1:], inner, (*path, label), bounds, names)
        return
    number = _number(value, path, bounds, names)
    if number is None:
        return
    if array.dtype.kind == "i" and number != int(number):
        names.refuse(path, f"got {shown(number)}", "a whole number")
        return
    full = [*cells, *(np.ones(size, dtype=bool) for size in array.shape[len(cells) :])]
    array[np.ix_(*full)] = number


def _labels(axis: str, label: str, path: Loc, names: Names) -> Array:
    """Positions that a label, or the name of a group, stands for."""
    labels = names.labels
    valid = {
        "n": labels.regions, "j": labels.sectors, "k": labels.goods, "f": labels.factors, "s": labels.stages,
        "g": labels.technologies,
    }[axis]  # fmt: skip
    return names.many(AXIS_KIND[axis], label, path, valid, names.coalitions if axis == "n" else names.groups)


def _number(value: Any, path: Loc, bounds: tuple[float, float], names: Names) -> float | None:
    """A number, or the `value` of a mapping that also has source and status."""
    if isinstance(value, Mapping):
        extra = [key for key in value if key not in ("value", "source", "status", "note")]
        if extra:
            names.refuse((*path, extra[0]), "unknown key", "one of value, source, status, note")
        value = value.get("value")
        path = (*path, "value")
    if value == "mobile" and bounds[1] == math.inf:
        return math.inf
    if isinstance(value, bool) or not isinstance(value, int | float):
        names.refuse(path, f"got {shown(value)}", "a number, or a mapping of labels to numbers")
        return None
    low, high = bounds
    if not low <= value <= high:
        names.refuse(path, f"got {shown(value)}", f"a number from {low:g} to {high:g}")
        return None
    return float(value)
