"""Refusals of tables that are no base year: what is wrong with arrays, and where."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from model.records import Array

WORST = 5  # cells named in a refusal


class TableError(ValueError):
    """A table that is no base year: every problem, with the worst cells."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        super().__init__("; ".join(self.problems))


def cells(wrong: Array, size: Array) -> str:
    """The worst cells among those that are wrong, with what stands there."""
    found = np.argwhere(wrong)
    order = np.argsort(-np.abs(np.nan_to_num(size[wrong], nan=np.inf)))[:WORST]
    return ", ".join(f"{tuple(int(v) for v in found[o])} = {size[tuple(found[o])]:.6g}" for o in order)


def not_finite(**arrays: Array) -> list[str]:
    """A problem for each array, by its name, that holds a value that is not finite."""
    return [
        f"{name} holds values that are not finite at {cells(~np.isfinite(array), array)}"
        for name, array in arrays.items()
        if not np.isfinite(array).all()
    ]
