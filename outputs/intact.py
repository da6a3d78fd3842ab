"""Whether a dataset is a result of this program: its variables, their axes and numbers, its labels and attributes.

A result may come from another version, or from somebody else. It is asked here once, so that what shows it need not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import xarray as xr

from calibration.errors import InputError, Problem, shown, unknown_name
from model.records import REGIMES
from model.variables import RENAMED, VARIABLES
from outputs import facts, names
from outputs.dataset import BASE, EXTRA, LEVELS, base_row, dims

LEAD = ["scenario", "regime"]
GROUPS = {"world", "restricting", "others"}
EXPECTED = "a result written by this version of run.py"
# Attributes that hold JSON -> what it is.
STRUCTURED: dict[str, type] = {
    "limits": list,
    "notes": list,
    "assumptions": list,
    "assumed": list,
    "numbers": list,
    "failed": dict,
}
ROWS = {"assumptions": 2, "assumed": 2, "numbers": 4}  # lists of rows of so many texts


def check(ds: xr.Dataset, file: str) -> None:
    """Raise InputError with everything that a report or a comparison of a run would stumble over."""
    found = [*_axes(ds), *_labels(ds), *_attributes(ds)] or [*_numbers(ds)]
    if found:
        raise InputError([Problem(what, file, where=where, expected=EXPECTED) for where, what in found[:20]])


def _wanted() -> dict[str, list[str]]:
    """Axes of every variable that each result has."""
    wanted = {RENAMED.get(row.name, row.name): LEAD + dims(row) for row in (*VARIABLES, *EXTRA)}
    wanted |= {row.name: dims(row) for row in (*BASE, *(base_row(level) for level in LEVELS))}
    return wanted | {"message": LEAD}


def _possible() -> dict[str, list[str]]:
    """Axes of the variables that a result may have."""
    by = {
        f"{name}_by_{player}": ["scenario", player, *axes]
        for name, (_, axes, _) in facts.OUTCOMES.items()
        for player in ("force", "instrument")
    }
    return by | {"embargo_loss": [*LEAD, "region"]}


def _axes(ds: xr.Dataset) -> Iterator[tuple[str, str]]:
    wanted, possible = _wanted(), _possible()
    for name, axes in (wanted | possible).items():
        if name not in ds.data_vars:
            if name in wanted:
                yield name, "is not there"
        elif list(ds[name].dims) != axes:
            yield (
                name,
                f"has the axes {', '.join(map(str, ds[name].dims)) or 'none'} instead of {', '.join(axes)}",
            )
    for player in ("force", "instrument"):
        given = [f"{name}_by_{player}" in ds for name in facts.OUTCOMES]
        if (player in ds.dims or any(given)) and not (player in ds.dims and all(given)):
            yield player, "is an axis of some of its variables only"


def _labels(ds: xr.Dataset) -> Iterator[tuple[str, str]]:
    axes = {axis for row in _wanted().values() for axis in row} | ({"force", "instrument"} & set(ds.dims))
    known = {"regime": REGIMES, "force": tuple(names.FORCES)}
    for axis in sorted(axes):
        if axis not in ds.coords or ds[axis].dims != (axis,):
            yield axis, "has no labels"
            continue
        labels = ds[axis].values.tolist()
        if not all(isinstance(label, str) and 0 < len(label) <= 200 for label in labels):
            yield axis, "has labels that are no names"
        elif len(set(labels)) < len(labels):
            yield axis, "has a label twice"
        elif not labels and axis != "quota":
            yield axis, "is empty"
        elif axis == "scenario" and len(labels) != 1:
            yield axis, f"{len(labels)} scenarios"
        elif unknown := [label for label in labels if axis in known and label not in known[axis]]:
            yield axis, unknown_name(axis, unknown[0], known[axis]).what
        elif axis == "group" and not set(labels) >= GROUPS:
            yield axis, f"lacks {', '.join(sorted(GROUPS - set(labels)))}"


def _numbers(ds: xr.Dataset) -> Iterator[tuple[str, str]]:
    for name, array in ds.data_vars.items():
        if name == "message":
            if not all(isinstance(text, str) for text in array.values.ravel().tolist()):
                yield "message", "is not text"
        elif array.dtype.kind != "f":
            yield str(name), f"holds {array.dtype} instead of numbers"
        elif not np.isfinite(array.values).all():
            yield str(name), "holds a number that is not finite"
        elif not isinstance(array.attrs.get("units", ""), str):
            yield str(name), "has units that are not text"


def _attributes(ds: xr.Dataset) -> Iterator[tuple[str, str]]:
    for name, value in ds.attrs.items():
        if not isinstance(value, str):
            yield str(name), f"attribute {shown(value)} is not text"
        elif name in STRUCTURED:
            yield from (
                (str(name), what)
                for what in _structured(value, STRUCTURED[str(name)], ROWS.get(str(name), 0))
            )
    regimes = ds["regime"].values.tolist() if "regime" in ds.variables else []
    if ({"force", "instrument"} & set(ds.dims)) and ds.attrs.get("decomposed") not in regimes:
        yield "decomposed", "attribute names no regime of the result"
    if "embargo_loss" in ds and not isinstance(ds["embargo_loss"].attrs.get("cut"), float | np.floating):
        yield "embargo_loss", "does not say how deep the cut is"


def _structured(text: str, kind: type, width: int = 0) -> Iterator[str]:
    value: Any = None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        yield "attribute is not JSON"
        return
    members: Any = value.values() if isinstance(value, dict) else value
    if not isinstance(value, kind):
        yield "attribute is not a JSON " + ("list" if kind is list else "object")
    elif not all(isinstance(one, str | list) for one in members):
        yield "attribute holds what is not text"
    elif width and not all(
        isinstance(one, list) and len(one) == width and all(isinstance(text, str) for text in one)
        for one in members
    ):
        yield f"attribute holds what is no row of {width} texts"


# Dotted names in inputs.json and provenance.json -> what stands there, where there is something.
WRITTEN: dict[str, dict[str, type]] = {
    "inputs.json": {
        "scenario": dict, "scenario.instruments": list, "scenario.parameters": dict,
        "code": dict, "code.version": str, "code.sha256": str,
        "calibration": dict, "calibration.files": dict, "libraries": dict, "lock": str, "python": str,
    },
    "provenance.json": {"time": str, "command": str, "commit": str, "status": dict, "files": dict},
}  # fmt: skip


def check_written(name: str, found: Mapping[str, Any], file: str) -> None:
    """Raise InputError for a JSON file of a run that holds something else than `run.py solve` writes there."""
    problems = []
    for where, kind in WRITTEN[name].items():
        value: Any = found
        for step in where.split("."):
            value = value.get(step) if isinstance(value, Mapping) else None
        if value is not None and not isinstance(value, kind):
            problems.append(Problem(f"got {shown(value)}", file, where=where, expected=EXPECTED))
        elif isinstance(value, list) and not all(isinstance(one, dict) for one in value):
            problems.append(Problem("an instrument that is none", file, where=where, expected=EXPECTED))
    if problems:
        raise InputError(problems)
