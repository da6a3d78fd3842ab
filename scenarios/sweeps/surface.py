"""A surface of second order through a few solved points: what a draw's unknowns are guessed to be."""

from __future__ import annotations

import itertools
from collections.abc import Callable
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


def fit(origin: Array, solved: Callable[[Array], Array | None], reach: Array, crossed: bool) -> Surface:
    """The surface through the origin, a point on either side along each parameter, and one for each pair.

    solved: unknowns at a point (parameter,), None where there are none; reach (parameter, 2): how far below and above
    points lie, 0 for parameters that are left out; crossed: whether pairs are solved. What fails counts as no change.
    """
    d = len(reach)
    pairs = [(i, i) for i in range(d)] + (list(itertools.combinations(range(d), 2)) if crossed else [])
    slope, bend = np.zeros((d, len(origin))), np.zeros((len(pairs), len(origin)))
    above: dict[int, Array] = {}

    def change(steps: dict[int, float]) -> Array | None:
        moved = np.zeros(d)
        for at, step in steps.items():
            moved[at] = step
        x = solved(moved)
        # What does not move is left exactly where it is, so that a parameter that does nothing leaves no trace.
        return None if x is None else np.where(np.abs(x - origin) > STILL, x - origin, 0.0)

    for i, (low, high) in enumerate(reach):
        ends = (change({i: -low}), change({i: high})) if low > 0 and high > 0 else (None, None)
        if ends[0] is not None and ends[1] is not None:
            bend[i] = (ends[0] / low + ends[1] / high) / (low + high)
            slope[i] = ends[1] / high - bend[i] * high
            above[i] = ends[1]
    for at, (i, j) in enumerate(pairs[d:], start=d):
        both = change({i: reach[i, 1], j: reach[j, 1]}) if i in above and j in above else None
        if both is not None:
            cross = both - above[i] - above[j]
            bend[at] = np.where(np.abs(cross) > STILL, cross, 0.0) / (reach[i, 1] * reach[j, 1])
    first, second = np.array(pairs).T
    return Surface(origin, slope, bend, (first, second))
