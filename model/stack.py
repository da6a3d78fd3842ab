"""Systems of several draws as one: the equations are then computed for all of them at once.

Arrays that differ between draws get a first axis of draws, the others keep the shape they have. NumPy's cost of a call
is then paid once for all draws, and for economies of a few thousand cells that is most of the cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from model.equilibrium import Allocation, Residuals, State
from model.records import Array
from model.system import Nests, Research, Restrictions, Sourcing, System
from model.unknowns import ORDER, Layout

PARTS = (System, Sourcing, Nests, Research, Restrictions)
# Read in ways that leave no room for an axis of draws, and the same in all draws that can be stacked.
COMMON = ("benchmark", "shock", "closure", "quotas", "production")
ALIKE = ("per_kg",)
ANY = ("subsidised",)  # true of all draws where it is of one: terms that are 0 in the others


class Different(ValueError):
    """Systems that differ in more than numbers."""


def stack(systems: Sequence[System]) -> System:
    """One system for all draws. Raises Different where they have other cells, goods, quotas or instruments."""
    first = systems[0]
    if first.restrictions.production:
        raise Different("production quotas, whose equations are written for one draw")
    for other in systems[1:]:
        if _form(other) != _form(first):
            raise Different("other closures, rules, sectors or factors")
    whole: System = _stacked("system", systems)
    return whole


def _form(system: System) -> tuple[object, ...]:
    """What the equations read of a draw besides the numbers of its system."""
    b = system.benchmark
    positions = (b.elements, b.use_class, b.stage_sector, b.numeraire)
    return (
        system.closure, system.researches, b.parameters.deficit_rule, system.shock.use_subsidy is None,
        len(system.restrictions.quotas), b.shape, b.final_class, b.labour, *(array.tobytes() for array in positions),
    )  # fmt: skip


def _stacked(name: str, values: Sequence[Any]) -> Any:
    first = values[0]
    if name in ANY:
        return any(values)
    if name in COMMON or all(value is first for value in values):
        return values[0]
    if any(type(value) is not type(first) for value in values):
        raise Different(name)
    if type(first) in PARTS:
        found = {f.name: [getattr(value, f.name) for value in values] for f in fields(first)}
        return replace(first, **{part: _stacked(part, those) for part, those in found.items()})
    if isinstance(first, np.ndarray):
        return _together(name, values)
    if isinstance(first, tuple):
        if any(len(value) != len(first) for value in values):
            raise Different(name)
        columns = zip(*values, strict=True)
        return tuple(_stacked(name, those) for those in columns)
    if any(value != first for value in values):
        raise Different(name)
    return values[0]


def _together(name: str, arrays: Sequence[Array]) -> Array:
    first = arrays[0]
    if any(array.shape != first.shape for array in arrays):
        raise Different(name)
    if all(array is first or np.array_equal(array, first) for array in arrays[1:]):
        return first
    if first.dtype.kind != "f" or name in ALIKE:
        raise Different(name)
    return np.stack(arrays)


def unpack(cells: Layout, rows: Array) -> State:
    """State arrays with a first axis of draws, from the vectors of unknowns in the rows."""
    full = np.zeros((len(rows), cells.edges[-1]))
    full[:, cells.positions] = rows
    return State(*[
        full[:, start:end].reshape(len(rows), *shape) if end > start else np.zeros((len(rows), *shape))
        for start, end, shape in cells.pieces
    ])  # fmt: skip


def pack_residuals(cells: Layout, residuals: Residuals) -> Array:
    """(draw, cell) residuals in the order of the unknowns they are paired with."""
    count = len(residuals.market)
    parts = [residuals[ORDER[at]] for at in cells.kept]
    return np.concatenate([part.reshape(count, part[0].size) for part in parts], axis=1)[:, cells.positions]


def take(of: Any, like: Any, chosen: Any) -> Any:
    """Draws of a stacked record, one (a position) or some (positions); like: the same record of a single draw."""
    if isinstance(of, np.ndarray):
        # A copy of what is one draw's own, so that it does not keep the arrays of all.
        return np.array(of[chosen]) if of.ndim > np.ndim(like) else of
    if isinstance(of, tuple):
        parts = [take(part, single, chosen) for part, single in zip(of, like, strict=True)]
        return type(of)(*parts) if hasattr(of, "_fields") else tuple(parts)
    if type(of) in PARTS or isinstance(of, Allocation):
        names = [f.name for f in fields(of) if f.name not in COMMON]
        return replace(of, **{name: take(getattr(of, name), getattr(like, name), chosen) for name in names})
    return of
