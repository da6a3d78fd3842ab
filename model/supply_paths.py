"""Structural path analysis: the largest supply paths from ore to final buyers. Section 9 of docs/model.md.

A path is first user -> user of its product -> ... -> final buyer. What still travels with a path that has reached a
node is exactly the amount carried per unit of that node's output times its output, because output serves final demand
in the end. So paths come out largest first, and each path that is left is smaller than the last one given.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np

from model.exposure import Flows
from model.records import Array


@dataclass(frozen=True)
class Start:
    """Where paths begin: a first user, the amount per unit of its output, and what came before (mine, separator)."""

    before: tuple[int, ...]
    node: int
    amount: float


@dataclass(frozen=True)
class Path:
    """A supply path and the amount embodied along it."""

    before: tuple[int, ...]  # of its `Start`
    nodes: tuple[int, ...]  # first user ... maker of the final good
    buyer: int  # region of the final buyer
    amount: float  # in the unit of `Start.amount` times million USD


class _Branch:
    """The extensions of a prefix, or its final buyers: amounts sorted when first asked for, taken one at a time."""

    __slots__ = ("amounts", "before", "final", "nodes", "order", "taken")

    def __init__(self, before: tuple[int, ...], nodes: tuple[int, ...], amounts: Array, final: bool) -> None:
        self.before, self.nodes, self.final = before, nodes, final
        positive = np.flatnonzero(amounts > 0)
        self.order = positive[np.argsort(-amounts[positive], kind="stable")]
        self.amounts, self.taken = amounts[self.order], 0

    @property
    def largest(self) -> float:
        return float(self.amounts[self.taken])


def largest_paths(flows: Flows, starts: Sequence[Start], *, smallest: float = 0.0) -> Iterator[Path]:
    """All supply paths of the starts, the largest first, down to `smallest`; the sum over all is all use.

    Lazy: work is in proportion to the paths taken. Source: Defourny and Thorbecke (1984); Lenzen (2007).
    """
    queue: list[tuple[float, int, _Branch]] = []
    tie = count()
    coefficients, output, final = flows.coefficients, flows.output, flows.final

    def add(branch: _Branch) -> None:
        if branch.taken < len(branch.order) and branch.largest >= smallest:
            heapq.heappush(queue, (-branch.largest, next(tie), branch))

    def grow(before: tuple[int, ...], nodes: tuple[int, ...], carried: float) -> None:
        """carried: amount per unit of output of the last node, by this path alone."""
        last = nodes[-1]
        add(_Branch(before, nodes, carried * final[last], final=True))
        add(_Branch(before, nodes, carried * coefficients[last] * output, final=False))

    by_mass = np.array([start.amount * output[start.node] for start in starts])
    pending = np.argsort(-by_mass, kind="stable").tolist()
    opened = 0
    while queue or opened < len(pending):
        if opened < len(pending) and (not queue or by_mass[pending[opened]] >= -queue[0][0]):
            start = starts[pending[opened]]
            opened += 1
            grow(start.before, (start.node,), start.amount)
            continue
        _, _, branch = heapq.heappop(queue)
        amount, position = branch.largest, int(branch.order[branch.taken])
        branch.taken += 1
        add(branch)
        if branch.final:
            yield Path(branch.before, branch.nodes, position, amount)
        else:
            grow(branch.before, (*branch.nodes, position), amount / float(output[position]))


def first_users(
    flows: Flows, element: int, origin: int | None = None, ore: Array | None = None
) -> list[Start]:
    """Starts at every direct user of an element, tonnes; `before` is (origin,), or (mine, origin) with `ore`.

    origin: only elements separated there. ore (i,i): share of each mine (row) in what an origin (column) separates.
    """
    tonnes = flows.element_tonnes[element]
    origins = range(len(tonnes)) if origin is None else [origin]
    starts = []
    for i in origins:
        mines = (
            [((i,), 1.0)]
            if ore is None
            else [((int(o), i), float(ore[o, i])) for o in np.flatnonzero(ore[:, i])]
        )
        for m in np.flatnonzero(tonnes[i] > 0):
            per_unit = float(tonnes[i, m] / flows.output[m])
            starts += [Start(before, int(m), share * per_unit) for before, share in mines]
    return starts
