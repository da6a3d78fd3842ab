"""Values by name in a calibration YAML as arrays, with every unknown or missing name reported where it stands."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from calibration.errors import InputError, Problem, one_of, unknown_name
from calibration.salvage import overlaps
from calibration.schema import Grid, Names
from calibration.strict_yaml import Document, KeyPath

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Axis:
    """The names along an axis, and how names of another classification in the file lead to them.

    `like`: own name -> the name whose rates and prices it takes (own classification finer). `within`: name in the file
    -> own name that contains it (own classification coarser): rates are averaged, amounts and shares added.
    """

    kind: str
    names: tuple[str, ...]
    like: Mapping[str, str] = field(default_factory=dict)
    within: Mapping[str, str] = field(default_factory=dict)

    def known(self, amounts: bool) -> tuple[str, ...]:
        """Names that may stand in the file. Amounts are never copied to all that are `like` a name."""
        others = [*self.within, *([] if amounts else self.like.values())]
        return (*self.names, *(name for name in dict.fromkeys(others) if name not in self.names))

    def position(self, name: str) -> int:
        """Position of a name, its own or one within another. Raises KeyError."""
        own = name if name in self.names else self.within.get(name, name)
        if own not in self.names:
            raise KeyError(name)
        return self.names.index(own)

    def row(self, values: Mapping[str, float], fill: float | None, amounts: bool) -> tuple[Array, list[str]]:
        """One number for each name, and the names that got none."""
        members: dict[str, list[str]] = {name: [] for name in self.names}
        for name, own in self.within.items():
            members[own].append(name)
        row = np.full(len(self.names), np.nan)
        for position, name in enumerate(self.names):
            inside = dict.fromkeys(members[name] if name not in values else (name, *members[name]))
            given = [values[m] for m in inside if m in values]
            if given and amounts:
                row[position] = sum(given)
            elif given:  # those that are not named have the default
                given += [values["default"]] * (len(inside) - len(given)) if "default" in values else []
                row[position] = sum(given) / len(given)
            elif not amounts and self.like.get(name) in values:
                row[position] = values[self.like[name]]
            elif fill is not None:
                row[position] = fill
        # A fill of nan asks for nan where nothing is given; otherwise what is left is lacking.
        lacking = (
            [n for n, value in zip(self.names, row, strict=True) if np.isnan(value)] if fill is None else []
        )
        return row, lacking


class Namer:
    """Turns the mappings of one document into arrays and gathers what is wrong with their names.

    doubts: places that were refused already; nothing more is said of them.
    """

    def __init__(self, document: Document, doubts: Collection[KeyPath] = ()) -> None:
        self.document, self.doubts = document, doubts
        self.problems: list[Problem] = []

    def refuse(self, path: KeyPath, what: str, expected: str = "", suggestion: str = "") -> None:
        """Note a problem with the value at a path."""
        problem = self.document.problem(path, what, expected, suggestion)
        if not overlaps(path, self.doubts) and problem not in self.problems:
            self.problems.append(problem)

    def vector(
        self, entry: Names, axis: Axis, path: KeyPath, *, missing: float | None = None, amounts: bool = False
    ) -> Array:
        """One number for each name; `default` in the file, or `missing`, fills what is not named."""
        return self._row(entry.value, axis, (*path, "value"), missing, amounts)

    def grid(
        self,
        entry: Grid,
        rows: Axis,
        columns: Axis,
        path: KeyPath,
        *,
        missing: float = 0.0,
        amounts: tuple[bool, bool] = (False, False),
    ) -> Array:
        """A number for each (row, column); a row that is not named is filled with `missing`.

        `amounts`: whether rows, columns of other classifications add up (True) or are averaged.
        """
        where = (*path, "value")
        named: dict[str, Array] = {}
        known = rows.known(amounts[0])
        for row, values in entry.value.items():
            if row not in known:
                self._unknown(rows.kind, row, known, (*where, row))
                continue
            named[row] = self._row(values, columns, (*where, row), missing, amounts[1])
        table = np.full((len(rows.names), len(columns.names)), missing)
        for position in range(len(columns.names)):
            column = {row: float(values[position]) for row, values in named.items()}
            table[:, position], _ = rows.row(column, missing, amounts[0])
        return table

    def position(self, axis: Axis, name: str, path: KeyPath) -> int:
        """Position of a name given in the file; the problem is kept and 0 returned when there is none."""
        try:
            return axis.position(name)
        except KeyError:
            self._unknown(axis.kind, name, axis.known(amounts=True), path)
            return 0

    def finish(self) -> None:
        """Raises InputError when any name was wrong."""
        if self.problems:
            raise InputError(self.problems)

    def _row(
        self, values: dict[str, float], axis: Axis, path: KeyPath, missing: float | None, amounts: bool
    ) -> Array:
        known = axis.known(amounts)
        for name in values:
            if name != "default" and name not in known:
                self._unknown(axis.kind, name, [*known, "default"], (*path, name))
        row, lacking = axis.row(values, values.get("default", missing), amounts)
        if lacking:
            text = f"no value for {axis.kind} {one_of(lacking).removeprefix('one of ')}"
            self.refuse(path, text, "a value for each, or `default`")
        return row

    def _unknown(self, kind: str, name: str, valid: Sequence[str], path: KeyPath) -> None:
        problem = unknown_name(kind, name, valid)
        self.refuse(path, problem.what, problem.expected, problem.suggestion)
