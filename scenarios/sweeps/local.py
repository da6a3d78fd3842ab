"""How outcomes move with each parameter where all are in the middle of their ranges: derivatives, nothing sampled.

One linear solve for each parameter, scenario and regime (`model.derivatives`). They say what the draws near the middle
do; where the sampled tornado says something else, the outcome bends or parameters work on each other.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from model.derivatives import Direction, derivatives
from model.records import Array, Benchmark, Shock
from model.solution import Solution
from model.variables import results
from scenarios.sweeps.distributions import Discrete
from scenarios.sweeps.outcomes import LICENCE, Column, Source
from scenarios.sweeps.worlds import FAILURES, worlds

if TYPE_CHECKING:
    from scenarios.sweeps.study import Study

Raw = tuple[float, Array]  # an outcome before it is compared, and its change by parameter over a whole range


class Local(NamedTuple):
    """Outcomes (column,) in the middle, and their change (parameter, column) over a whole range at that rate.

    nan where there is none: outcomes of paths, discrete parameters, a middle that has no solution, or a derivative
    that does not exist because the parameter changes which cells there are.
    """

    outcome: Array
    change: Array


def local(study: Study) -> Local:
    """The derivatives of a sweep's outcomes; the same on every computer that has the same libraries."""
    found = Local(
        np.full(len(study.columns), np.nan), np.full((len(study.design.vary), len(study.columns)), np.nan)
    )
    try:
        middle = _Middle(study)
    except FAILURES:
        return found
    for at, column in enumerate(study.columns):
        try:
            found.outcome[at], found.change[:, at] = middle.column(column)
        except FAILURES:
            continue
    return found


class _Middle:
    """The middle of all ranges, its solutions found when first asked for."""

    def __init__(self, study: Study) -> None:
        self.study, self.row = study, study.centres.middle
        self.worlds = worlds(study, self.row)
        self._known: dict[tuple[str, str | None], dict[str, Raw]] = {}

    def column(self, column: Column) -> Raw:
        """An outcome and its changes. Raises what a draw may fail with."""
        value, change = self._compared(column, column.source)
        if column.minus is not None:
            less, by = self._compared(column, column.minus)
            value, change = value - less, change - by
        return value, change

    def _compared(self, column: Column, source: Source) -> Raw:
        """An outcome measured against the base year, by the rules of `Column`."""
        new, change = self._raw(source.scenario, source.regime, source)[column.label]
        if column.outcome.measure == "level":
            return new, change
        old, before = 1.0, np.zeros_like(change)
        if column.needs_base:
            old, before = self._raw(source.scenario, None, source)[column.label]
        if column.outcome.measure == "change":
            return new - old, change - before
        return 100 * (new / old - 1), 100 * (change - before * new / old) / old

    def _raw(self, key: str, regime: str | None, source: Source) -> dict[str, Raw]:
        """Selected cells of every outcome of a scenario, summed or averaged, under a regime or in the base year."""
        if source.year is not None or self.study.trade_terms:
            raise ValueError("no derivatives along a path, nor where two solutions are compared")
        if (key, regime) not in self._known:
            self._known[key, regime] = self._derived(key, source, base=regime is None)
        return self._known[key, regime]

    def _derived(self, key: str, source: Source, base: bool) -> dict[str, Raw]:
        world, centres = self.worlds[key], self.study.centres
        solution = centres.base(world, self.row) if base else centres.solve(world, self.row, source.regime)
        values = self._read(key, solution)
        found = {label: np.full(len(self.row), np.nan) for label in values}
        moved = [at for at, law in enumerate(self.study.laws) if not isinstance(law, Discrete)]
        try:
            self._fill(found, solution, key, base, moved)
        except FAILURES:  # one of them has no derivative: each on its own
            for at in moved:
                with suppress(*FAILURES):
                    self._fill(found, solution, key, base, [at])
        return {label: (float(value), found[label]) for label, value in values.items()}

    def _fill(
        self, found: dict[str, Array], solution: Solution, key: str, base: bool, parameters: list[int]
    ) -> None:
        directions = [Direction(str(at), partial(self._moved, at, key, base)) for at in parameters]
        rates = derivatives(solution, *self._moved(0, key, base), directions, partial(self._read, key))
        for at in parameters:
            for label, rate in rates[str(at)].items():
                found[label][at] = float(rate)

    def _moved(
        self, at: int, key: str, base: bool, _: object = None, __: object = None, s: float = 0.0
    ) -> tuple[Benchmark, Shock]:
        """Base year and shock with one parameter moved by a part of its range."""
        row = self.row.copy()
        row[at] += s * (self.study.centres.high - self.study.centres.low)[at]
        world = worlds(self.study, row)[key] if s else self.worlds[key]
        return world.benchmark, Shock() if base else world.scenario.shock(world.calibration)

    def _read(self, key: str, solution: Solution) -> dict[str, Array]:
        """Selected cells of the outcomes of a scenario."""
        quotas = self.study.quotas[key]
        values: dict[str, Array] = dict(results(solution, solution, self.study.variables))
        values[LICENCE.name] = np.array([solution.licence.get(name, 0.0) for name in quotas])
        return {
            column.label: np.asarray(column.reduced(values))
            for column in self.study.columns
            if key in (column.source.scenario, column.minus.scenario if column.minus else key)
        }
