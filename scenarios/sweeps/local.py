"""How outcomes move with each parameter where all are in the middle of their ranges: derivatives, nothing sampled.

One linear solve for each parameter, scenario and regime (`model.derivatives`). They say what the draws near the middle
do; where the sampled tornado says something else, the outcome bends or parameters work on each other.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from model.derivatives import Direction, derivatives
from model.records import Array, Benchmark, Shock
from model.solution import Solution
from model.variables import results
from scenarios.sweeps.distributions import Discrete
from scenarios.sweeps.outcomes import LICENCE, Column, Source
from scenarios.sweeps.worlds import FAILURES, Told, reason, worlds

if TYPE_CHECKING:
    from scenarios.sweeps.study import Study

DISCRETE = "a discrete number moves in steps"
COMPARED = "outcomes of paths, and the terms of trade, are not derived"


class Raw(NamedTuple):
    """An outcome before it is compared, its change by parameter over a whole range, and why there is none."""

    value: float
    change: Array  # (parameter,), nan where there is none
    lacking: tuple[str, ...]  # of each parameter, "" where there is one


class Local(NamedTuple):
    """Outcomes (column,) in the middle, and their change (parameter, column) over a whole range at that rate.

    lacking (parameter, column): why there is no derivative, "" where there is one. There is none of outcomes of paths,
    by discrete parameters, in a middle that has no solution, and where a parameter changes which cells there are.
    """

    outcome: Array
    change: Array
    lacking: Array


def local(study: Study) -> Local:
    """The derivatives of a sweep's outcomes; the same on every computer that has the same libraries."""
    shape = len(study.design.vary), len(study.columns)
    found = Local(np.full(shape[1], np.nan), np.full(shape, np.nan), np.full(shape, "", dtype=object))
    try:
        middle = _Middle(study)
    except FAILURES as error:
        found.lacking[:] = reason("the middle of all ranges", error, study.calibration.labels)
        return found
    for at, column in enumerate(study.columns):
        try:
            found.outcome[at], found.change[:, at], found.lacking[:, at] = middle.column(column)
        except FAILURES as error:
            found.lacking[:, at] = reason("", error, study.calibration.labels)
    strange = ~np.isfinite(found.change) & (found.lacking == "")
    found.lacking[strange] = "the derivative is not finite"
    return found


class _Middle:
    """The middle of all ranges, its solutions found when first asked for."""

    def __init__(self, study: Study) -> None:
        self.study, self.row = study, study.centres.middle
        self.worlds = worlds(study, self.row)
        self._known: dict[tuple[str, str | None], dict[str, Raw]] = {}

    def column(self, column: Column) -> Raw:
        """An outcome and its changes. Raises what a draw may fail with."""
        found = self._compared(column, column.source)
        if column.minus is None:
            return found
        less = self._compared(column, column.minus)
        return Raw(found.value - less.value, found.change - less.change, _either(found, less))

    def _compared(self, column: Column, source: Source) -> Raw:
        """An outcome measured against the base year, by the rules of `Column`."""
        new = self._raw(source.scenario, source.regime, source)[column.label]
        if column.outcome.measure == "level":
            return new
        old = Raw(1.0, np.zeros_like(new.change), ("",) * len(new.change))
        if column.needs_base:
            old = self._raw(source.scenario, None, source)[column.label]
        lacking = _either(new, old)
        if column.outcome.measure == "change":
            return Raw(new.value - old.value, new.change - old.change, lacking)
        ratio = new.value / old.value
        return Raw(100 * (ratio - 1), 100 * (new.change - old.change * ratio) / old.value, lacking)

    def _raw(self, key: str, regime: str | None, source: Source) -> dict[str, Raw]:
        """Selected cells of every outcome of a scenario, summed or averaged, under a regime or in the base year."""
        if source.year is not None or self.study.trade_terms:
            raise Told(COMPARED)
        if (key, regime) not in self._known:
            self._known[key, regime] = self._derived(key, source, base=regime is None)
        return self._known[key, regime]

    def _derived(self, key: str, source: Source, base: bool) -> dict[str, Raw]:
        where = "the middle of all ranges" if base else f"the middle of all ranges, {source.regime}"
        try:
            solution = self.study.centres.of_middle(key, None if base else source.regime)
        except FAILURES as error:
            raise Told(reason(where, error, self.study.calibration.labels)) from error
        values = self._read(key, solution)
        found = {label: np.full(len(self.row), np.nan) for label in values}
        lacking = [DISCRETE if isinstance(law, Discrete) else "" for law in self.study.laws]
        moved = [at for at, why in enumerate(lacking) if not why]
        try:
            self._fill(found, solution, key, base, moved)
        except FAILURES:  # one of them has no derivative: each on its own
            for at in moved:
                try:
                    self._fill(found, solution, key, base, [at])
                except FAILURES as error:
                    lacking[at] = reason("", error, self.study.calibration.labels)
        return {label: Raw(float(value), found[label], tuple(lacking)) for label, value in values.items()}

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
        values[LICENCE.name] = np.array([solution.licences.get(name, 0.0) for name in quotas])
        return {
            column.label: np.asarray(column.reduced(values))
            for column in self.study.columns
            if key in [source.scenario for source in (column.source, column.minus) if source is not None]
        }


def _either(one: Raw, other: Raw) -> tuple[str, ...]:
    """Why what is made of two has no derivative."""
    return tuple(a or b for a, b in zip(one.lacking, other.lacking, strict=True))
