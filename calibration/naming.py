"""Values by name in a calibration YAML as arrays, with every unknown or missing name reported where it stands."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from calibration.errors import InputError, Problem, dotted, one_of, unknown_name
from calibration.schema import Grid, Names
from calibration.strict_yaml import Document, KeyPath

Array = npt.NDArray[np.float64]


class Namer:
    """Turns the mappings of one document into arrays and gathers what is wrong with their names."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.problems: list[Problem] = []

    def vector(
        self, entry: Names, names: Sequence[str], path: KeyPath, *, kind: str, missing: float | None = None
    ) -> Array:
        """One number for each name; `default` in the file, or `missing`, fills what is not named."""
        return self._row(entry.value, names, (*path, "value"), kind, missing)

    def grid(
        self,
        entry: Grid,
        rows: Sequence[str],
        columns: Sequence[str],
        path: KeyPath,
        *,
        kinds: tuple[str, str],
        missing: float | None = 0.0,
    ) -> Array:
        """A number for each (row, column); a row that is not named is filled with `missing`."""
        table = np.full((len(rows), len(columns)), np.nan if missing is None else missing)
        where = (*path, "value")
        for row, values in entry.value.items():
            if row not in rows:
                self._unknown(kinds[0], row, rows, (*where, row))
                continue
            table[rows.index(row)] = self._row(values, columns, (*where, row), kinds[1], missing)
        return table

    def finish(self) -> None:
        """Raises InputError when any name was wrong."""
        if self.problems:
            raise InputError(self.problems)

    def _row(
        self, values: dict[str, float], names: Sequence[str], path: KeyPath, kind: str, missing: float | None
    ) -> Array:
        for name in values:
            if name != "default" and name not in names:
                self._unknown(kind, name, [*names, "default"], (*path, name))
        fill = values.get("default", missing)
        lacking = [name for name in names if name not in values] if fill is None else []
        if lacking:
            text = f"no value for {kind} {one_of(lacking).removeprefix('one of ')}"
            self.problems.append(self.document.problem(path, text, "a value for each, or `default`"))
        return np.array([values.get(name, np.nan if fill is None else fill) for name in names])

    def _unknown(self, kind: str, name: str, valid: Sequence[str], path: KeyPath) -> None:
        document = self.document
        self.problems.append(
            unknown_name(
                kind, name, valid, file=document.file, line=document.line(path), where=dotted(path[:-1])
            )
        )
