"""Runs held against each other: inputs that differ, then results that differ, ranked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from calibration.errors import InputError, Problem

RELATIVE = 1e-6
SKIPPED = ("iterations", "residual", "walras", "message")  # how it was solved, not what came out


@dataclass(frozen=True)
class Member:
    """A run that is compared."""

    name: str
    dataset: xr.Dataset  # without a scenario axis
    inputs: Mapping[str, Any]


def refuse_units(members: Sequence[Member]) -> None:
    """Raise InputError when a variable has not the same unit in all runs."""
    problems = []
    for variable in sorted({str(v) for m in members for v in m.dataset.data_vars}):
        units = {
            m.name: str(m.dataset[variable].attrs.get("units", "")) for m in members if variable in m.dataset
        }
        if len(set(units.values())) > 1:
            listed = ", ".join(f"{unit or 'none'} in {name}" for name, unit in units.items())
            problems.append(
                Problem(f"units differ: {listed}", where=variable, expected="one unit in all runs")
            )
    if problems:
        raise InputError(problems)


def inputs(members: Sequence[Member]) -> pd.DataFrame:
    """Inputs that differ: one row each, a column for every run; "-" where a run has none."""
    flat = [dict(_flatten(m.inputs)) for m in members]
    keys = sorted({key for one in flat for key in one})
    rows = [
        [key, *(one.get(key, "-") for one in flat)]
        for key in keys
        if len({one.get(key, "-") for one in flat}) > 1
    ]
    orders = [_order(m.inputs) for m in members]
    if len(set(orders)) > 1 and len(set(map(frozenset, orders))) == 1:
        rows.append(["scenario.parameters, in this order", *map(", ".join, orders)])
    return pd.DataFrame(rows, columns=["input", *numbered([m.name for m in members])])


def _order(inputs: Mapping[str, Any]) -> tuple[str, ...]:
    """Parameters of a scenario as they are set one after another: a later one may set the same number again."""
    return tuple(key for key, _ in _flatten(inputs.get("scenario", {})) if key.startswith("parameters."))


def _flatten(value: Any, path: str = "") -> list[tuple[str, str]]:
    """Leaves of nested mappings and lists by dotted path; instruments by their names."""
    if isinstance(value, Mapping):
        return [
            leaf
            for key, inner in value.items()
            for leaf in _flatten(inner, f"{path}.{key}" if path else str(key))
        ]
    if isinstance(value, list | tuple):
        named = [
            (str(v["name"]) if isinstance(v, Mapping) and v.get("name") else str(at), v)
            for at, v in enumerate(value)
        ]
        return [leaf for key, inner in named for leaf in _flatten(inner, f"{path}.{key}")]
    return [] if value is None else [(path, str(value))]


def results(members: Sequence[Member], relative: float = RELATIVE) -> pd.DataFrame:
    """Results that differ, the largest first: for each variable and other run the cell that differs most.

    A difference counts when it is more than `relative` of the larger value, or of 1 for ratios and shares. Columns:
    variable, cell, the two runs and values, difference in percent of the first, cells that differ, unit.
    """
    refuse_units(members)
    first, rows = members[0], []
    for other in members[1:]:
        for name in first.dataset.data_vars:
            if name in SKIPPED or name not in other.dataset:
                continue
            a, b = first.dataset[name], other.dataset[name]
            if not_comparable(a, b):
                continue
            row = _largest(str(name), _common(a, b), _common(b, a), relative)
            if row is not None:
                rows.append({"run": other.name, **row})
    columns = ["run", "variable", "cell", "first", "other", "difference [%]", "cells", "unit"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.sort_values("difference [%]", key=np.abs, ascending=False, kind="stable", ignore_index=True)


def _common(one: xr.DataArray, other: xr.DataArray) -> xr.DataArray:
    """The regimes that both have; every other axis is the same already."""
    if "regime" not in one.dims:
        return one
    return one.sel(regime=[r for r in one["regime"].values if r in other["regime"].values])


def not_comparable(a: xr.DataArray, b: xr.DataArray) -> str:
    """The axis on which two variables differ in labels, "" when they can be compared; regimes in common are enough."""
    if a.dims != b.dims:
        return "axes"
    for axis in a.dims:
        same = a.sizes[axis] == b.sizes[axis] and bool((a[axis].values == b[axis].values).all())
        if axis == "regime":
            same = any(r in b["regime"].values for r in a["regime"].values)
        if not same:
            return str(axis)
    return ""


def left_out(members: Sequence[Member]) -> list[str]:
    """What could not be compared, and why: said, never silently dropped."""
    said: dict[str, list[str]] = {}
    for other in members[1:]:
        for name in members[0].dataset.data_vars:
            if name in SKIPPED:
                continue
            if name not in other.dataset:
                said.setdefault(f"not in {other.name}", []).append(str(name))
            elif axis := not_comparable(members[0].dataset[name], other.dataset[name]):
                said.setdefault(f"{axis} differs in {other.name}", []).append(str(name))
    return [f"{reason}: {', '.join(variables)}" for reason, variables in said.items()]


def _largest(name: str, a: xr.DataArray, b: xr.DataArray, relative: float) -> dict[str, Any] | None:
    """The cell of a variable that differs most, or None when nothing differs beyond the tolerance."""
    x, y = np.asarray(a.values, dtype=float), np.asarray(b.values, dtype=float)
    if not x.size:
        return None
    floor = 1.0 if a.attrs.get("units") in ("ratio", "share", "index", "0 or 1") else 0.0
    beyond = np.abs(y - x) > relative * np.maximum(np.maximum(np.abs(x), np.abs(y)), floor)
    if not beyond.any():
        return None
    # In levels the size of a cell decides, in ratios its change: a tonne of samarium is not what a run is about.
    weight = np.abs(y - x) if floor == 0.0 else np.abs(np.log(np.maximum(y, 1e-300) / np.maximum(x, 1e-300)))
    at = np.unravel_index(int(np.argmax(np.where(beyond, weight, -1.0))), x.shape)
    labels = [f"{axis} {a[axis].values[position]}" for axis, position in zip(a.dims, at, strict=True)]
    base = abs(float(x[at]))
    return {
        "variable": name,
        "cell": ", ".join(labels),
        "first": float(x[at]),
        "other": float(y[at]),
        "difference [%]": 100 * float(y[at] - x[at]) / base if base > 0 else float(np.sign(y[at])) * 100.0,
        "cells": int(beyond.sum()),
        "unit": str(a.attrs.get("units", "")),
    }


def numbered(names: Sequence[str]) -> list[str]:
    """Names, with their position where one comes more than once."""
    return [f"{name} ({at + 1})" if names.count(name) > 1 else name for at, name in enumerate(names)]
