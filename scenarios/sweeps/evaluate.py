"""Draws: the calibration and the scenarios with their numbers, solved together, and the outcomes read of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from model.records import Array, Regime
from model.solution import Solution
from model.variables import results
from scenarios.sweeps.outcomes import Source
from scenarios.sweeps.worlds import FAILURES, World, reason, worlds

if TYPE_CHECKING:
    from scenarios.sweeps.study import Study


class Evaluated(NamedTuple):
    """The outcomes of a draw, nan where they could not be had, and why ("" when all could)."""

    values: Array
    reason: str


def evaluate(study: Study, rows: Array) -> list[Evaluated]:
    """The outcomes of draws (draw, parameter). Never raises for a draw that cannot be solved: the reason is kept."""
    draws = [_Draw(study, row) for row in rows]
    for key, regime in study.solves:
        cases = {at: draw.cases[key] for at, draw in enumerate(draws) if key in draw.cases}
        solutions: Sequence[Solution | Exception | None] = [None] * len(cases)
        if cases and study.cases[key].years is None:
            solutions = solve_together(
                study, [case.world for case in cases.values()], rows[list(cases)], regime
            )
        for at, solution in zip(cases, solutions, strict=True):
            draws[at].add(key, regime, solution)
    return [draw.outcomes() for draw in draws]


class _Draw:
    """A draw under way: its scenarios, what was found of them, and why something was not."""

    def __init__(self, study: Study, row: Array) -> None:
        self.study = study
        self.cases: dict[str, _Case] = {}
        self.found: dict[Source, Mapping[str, Array]] = {}
        self.reasons: list[str] = []
        try:
            self.cases = {key: _Case(study, world, row) for key, world in worlds(study, row).items()}
        except FAILURES as error:
            self.reasons.append(reason("the draw's numbers", error, study.calibration.labels))

    def add(self, key: str, regime: Regime, solution: Solution | Exception | None) -> None:
        """Results under a regime, of a solution (or why there is none) or of a path."""
        try:
            self.found |= self.cases[key].solved(regime, solution)
        except FAILURES as error:
            self.reasons.append(reason(f"{key}, {regime}", error, self.study.calibration.labels))

    def outcomes(self) -> Evaluated:
        """The outcomes that can be had of what was found."""
        values = np.full(len(self.study.columns), np.nan)
        if not self.cases:
            return Evaluated(values, self.reasons[0])
        found, reasons = self.found, self.reasons
        levels: dict[str, Mapping[str, Array]] = {}
        for key in self.study.base_needed:
            try:
                levels[key] = self.cases[key].base()
            except FAILURES as error:
                reasons.append(reason(f"{key}, the base year", error, self.study.calibration.labels))
        for at, column in enumerate(self.study.columns):
            sources = [source for source in (column.source, column.minus) if source is not None]
            known = levels if column.needs_base else self.study.cases
            if all(source in found and source.scenario in known for source in sources):
                try:
                    values[at] = column.value(found, levels)
                except ZeroDivisionError as error:
                    reasons.append(str(error))
                    continue
                if not np.isfinite(values[at]):
                    values[at] = np.nan
                    reasons.append(f"{column.label} is not finite")
        return Evaluated(values, "; ".join(reasons))


class _Case:
    """A scenario with the numbers of a draw, and what is read of its solutions."""

    def __init__(self, study: Study, world: World, row: Array) -> None:
        self.study, self.world, self.row = study, world, row
        self._base: Solution | None = None

    def solved(
        self, regime: Regime, solution: Solution | Exception | None
    ) -> dict[Source, Mapping[str, Array]]:
        """Results under a regime: of the one year (a solution, or why there is none), or of the years of a path."""
        key, world = self.world.key, self.world
        if isinstance(solution, Exception):
            raise solution
        if solution is not None:
            return {Source(key, regime, None): self.read(solution)}
        solutions = self.study.centres.path(world, regime).solutions
        return {Source(key, regime, year): self.read(solutions[year]) for year in self.study.years[key]}

    def read(self, solution: Solution) -> Mapping[str, Array]:
        """Results of a solution; the base year is solved only where an outcome is measured against it."""
        # Without `terms_of_trade` nothing in the results depends on the second solution.
        against = self.base_solution() if self.study.trade_terms else solution
        values = results(solution, against, self.study.variables)
        quotas = self.study.quotas[self.world.key]
        values["licence_price"] = np.array([solution.licences.get(name, 0.0) for name in quotas])
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


def solve_together(
    study: Study, cases: Sequence[World], rows: Array, regime: Regime
) -> list[Solution | Exception]:
    """The one place where a sweep calls the solver for a year: a scenario of several draws, and why some failed."""
    return study.centres.solve(cases, rows, regime)
