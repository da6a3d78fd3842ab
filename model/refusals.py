"""Refusals of tables that are no base year: what is wrong with arrays, and where."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from model.idle import idle
from model.records import Array, Benchmark

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


def refuse_unmade(sales: Array, make: Array) -> None:
    """Goods that a region sells and no sector of it makes."""
    unmade = (sales > 0) & (make.sum(axis=1) == 0)
    if unmade.any():
        raise TableError(
            [f"make has no sector for goods that are sold, at {cells(unmade, sales)} (region, good)"]
        )


def refuse_empty_cost(added: Array) -> None:
    """Sectors whose inputs cost more than they sell for have no value added to pay."""
    if (added < 0).any():
        raise TableError([
            f"{int((added < 0).sum())} sectors pay more for inputs than they sell for, the worst at "
            f"{cells(added < 0, added)} (region, sector)"
        ])  # fmt: skip


def refuse_unpaid(added: Array, total: Array) -> None:
    """Value added that goes to no factor."""
    unpaid = (added > 0) & (total == 0)
    if unpaid.any():
        raise TableError([f"factor_share is 0 for every factor at {cells(unpaid, added)} (region, sector)"])


def refuse_idle(b: Benchmark) -> None:
    """Sectors that sell to each other, or to themselves, alone: what they make has no price."""
    stops, _ = idle(b, np.zeros(b.export_tax.shape, dtype=bool))
    wrong = stops & (b.output > 0)
    if wrong.any():
        raise TableError([
            f"{int(wrong.sum())} sectors sell only to each other or themselves, and nothing of it ever reaches final "
            f"demand: {cells(wrong, b.output)} (region, sector)"
        ])  # fmt: skip
