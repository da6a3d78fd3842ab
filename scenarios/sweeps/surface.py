"""A surface of second order through a few solved points: what a draw's unknowns are guessed to be."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from model.records import Array

STILL = 1e-9  # change of a log that is none


@dataclass(frozen=True)
class Surface:
    """Unknowns (x,) at the origin, and how they move with each parameter and each pair of them."""

    origin: Array
    slope: Array  # (parameter, x)
    bend: Array  # (pair, x)
    pairs: tuple[Array, Array]  # parameters of each pair; of a parameter with itself first

    def __call__(self, moved: Array) -> Array:
        """Unknowns where parameters (parameter,) have moved so far from the origin."""
        first, second = self.pairs
        return np.asarray(self.origin + moved @ self.slope + (moved[first] * moved[second]) @ self.bend)


def fit(
    origin: Array, solved: Callable[[Array], Sequence[Array | None]], reach: Array, crossed: bool
) -> Surface:
    """The surface through the origin, a point on either side along each parameter, and one for each pair.

    solved: unknowns at points (point, parameter), None where there are none; reach (parameter, 2): how far below and
    above points lie, 0 for parameters that are left out; crossed: whether pairs are solved. What fails counts as no
    change.
    """
    d = len(reach)
    pairs = [(i, i) for i in range(d)] + (list(itertools.combinations(range(d), 2)) if crossed else [])
    slope, bend = np.zeros((d, len(origin))), np.zeros((len(pairs), len(origin)))

    def changes(points: Array) -> list[Array | None]:
        # What does not move is left exactly where it is, so that a parameter that does nothing leaves no trace.
        found = solved(points) if len(points) else []
        return [None if x is None else np.where(np.abs(x - origin) > STILL, x - origin, 0.0) for x in found]

    moving = np.nonzero((reach > 0).all(axis=1))[0]
    below, high = changes(-np.diag(reach[:, 0])[moving]), changes(np.diag(reach[:, 1])[moving])
    above: dict[int, Array] = {}
    for i, left, right in zip(moving.tolist(), below, high, strict=True):
        if left is not None and right is not None:
            bend[i] = (left / reach[i, 0] + right / reach[i, 1]) / reach[i].sum()
            slope[i] = right / reach[i, 1] - bend[i] * reach[i, 1]
            above[i] = right
    crossing = [at for at in range(d, len(pairs)) if pairs[at][0] in above and pairs[at][1] in above]
    corners = np.zeros((len(crossing), d))
    for point, at in zip(corners, crossing, strict=True):
        point[list(pairs[at])] = reach[list(pairs[at]), 1]
    for at, both in zip(crossing, changes(corners), strict=True):
        if both is not None:
            i, j = pairs[at]
            cross = both - above[i] - above[j]
            bend[at] = np.where(np.abs(cross) > STILL, cross, 0.0) / (reach[i, 1] * reach[j, 1])
    first, second = np.array(pairs).T
    return Surface(origin, slope, bend, (first, second))
