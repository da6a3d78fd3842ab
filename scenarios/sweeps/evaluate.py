"""One draw: the calibration and the scenarios with its numbers, solved, and the outcomes read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from model.records import Array, Regime
from model.solution import Solution, SolveError
from model.variables import results
from scenarios.sweeps.outcomes import Source
from scenarios.sweeps.worlds import FAILURES, Told, World, reason, worlds

if TYPE_CHECKING:
    from scenarios.sweeps.study import Study


class Evaluated(NamedTuple):
    """The outcomes of a draw, nan where they could not be had, and why ("" when all could)."""

    values: Array
    reason: str


def evaluate(study: Study, row: Array) -> Evaluated:
    """The outcomes of one draw (column,). Never raises for a draw that cannot be solved: the reason is kept."""
    nothing = np.full(len(study.columns), np.nan)
    try:
        draw = {key: _Draw(study, world, row) for key, world in worlds(study, row).items()}
    except FAILURES as error:
        return Evaluated(nothing, reason("the draw's numbers", error))
    found: dict[Source, Mapping[str, Array]] = {}
    reasons = []
    for key, regime in study.solves:
        try:
            found |= draw[key].solved(regime)
        except FAILURES as error:
            reasons.append(reason(f"{key}, {regime}", error))
    levels: dict[str, Mapping[str, Array]] = {}
    for key in study.base_needed:
        try:
            levels[key] = draw[key].base()
        except FAILURES as error:
            reasons.append(reason(f"{key}, the base year", error))
    for at, column in enumerate(study.columns):
        sources = [source for source in (column.source, column.minus) if source is not None]
        known = levels if column.needs_base else study.cases
        if all(source in found and source.scenario in known for source in sources):
            try:
                nothing[at] = column.value(found, levels)
            except ZeroDivisionError as error:
                reasons.append(str(error))
                continue
            if not np.isfinite(nothing[at]):
                nothing[at] = np.nan
                reasons.append(f"{column.label} is not finite")
    return Evaluated(nothing, "; ".join(reasons))


class _Draw:
    """A scenario with the numbers of a draw, and what is read of its solutions."""

    def __init__(self, study: Study, world: World, row: Array) -> None:
        self.study, self.world, self.row = study, world, row
        self._base: Solution | None = None

    def solved(self, regime: Regime) -> dict[Source, Mapping[str, Array]]:
        """Results under a regime: of the one year, or of the years (positions) of a path that are read."""
        key, world = self.world.key, self.world
        if world.scenario.years is None:
            try:
                solution = solve_one(self.study, world, self.row, regime)
            except SolveError as error:
                text = error.diagnosis.text(world.calibration.labels, self.study.quotas[key])
                raise Told(text) from error
            return {Source(key, regime, None): self.read(solution)}
        solutions = self.study.centres.path(world, regime).solutions
        return {Source(key, regime, year): self.read(solutions[year]) for year in self.study.years[key]}

    def read(self, solution: Solution) -> Mapping[str, Array]:
        """Results of a solution; the base year is solved only where an outcome is measured against it."""
        # Without `terms_of_trade` nothing in the results depends on the second solution.
        against = self.base_solution() if self.study.trade_terms else solution
        values = results(solution, against, self.study.variables)
        quotas = self.study.quotas[self.world.key]
        values["licence_price"] = np.array([solution.licence.get(name, 0.0) for name in quotas])
        return values

    def base_solution(self) -> Solution:
        """The solution without a shock."""
        if self._base is None:
            self._base = self.study.centres.base(self.world, self.row)
        return self._base

    def base(self) -> Mapping[str, Array]:
        """Values of the base year."""
        solution = self.base_solution()
        quotas = self.study.quotas[self.world.key]
        return {**results(solution, solution, self.study.variables), "licence_price": np.zeros(len(quotas))}


def solve_one(study: Study, world: World, row: Array, regime: Regime) -> Solution:
    """The one place where a sweep calls the solver for a year. Raises SolveError."""
    return study.centres.solve(world, row, regime)
