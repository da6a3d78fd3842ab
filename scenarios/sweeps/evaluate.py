"""One draw: the calibration and the scenarios with its numbers, solved, and the outcomes read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

import calibration
from calibration.errors import InputError
from model.records import Array, Benchmark, Closure, Regime, Shock
from model.solution import Solution, SolveError
from model.solve import solve
from model.variables import results
from scenarios.scenario import Scenario
from scenarios.sweeps import targets
from scenarios.sweeps.outcomes import Source

if TYPE_CHECKING:
    from scenarios.sweeps.study import Study

# What a draw may fail with; anything else is a fault of the program and stops the sweep.
FAILURES = (InputError, SolveError, ValueError, ArithmeticError, np.linalg.LinAlgError)


class Unsolved(ValueError):
    """A solve that failed, in words."""


class Evaluated(NamedTuple):
    """The outcomes of a draw, nan where they could not be had, and why ("" when all could)."""

    values: Array
    reason: str


def evaluate(study: Study, row: Array) -> Evaluated:
    """The outcomes of one draw (column,). Never raises for a draw that cannot be solved: the reason is kept."""
    nothing = np.full(len(study.columns), np.nan)
    values = dict(zip(study.design.names, row.tolist(), strict=True))
    try:
        changes = targets.calibration_changes(study.design, values)
        base = calibration.vary(study.calibration, changes) if changes else study.calibration
        worlds = {key: _World(study, key, base, values) for key in study.cases}
    except FAILURES as error:
        return Evaluated(nothing, _reason("the draw's numbers", error))
    found: dict[Source, Mapping[str, Array]] = {}
    reasons = []
    for key, regime in study.solves:
        try:
            found |= worlds[key].solved(regime, study.years.get(key))
        except FAILURES as error:
            reasons.append(_reason(f"{key}, {regime}", error))
    try:
        levels = {key: worlds[key].base() for key in study.base_needed}
    except FAILURES as error:
        return Evaluated(nothing, _reason("the base year", error))
    for at, column in enumerate(study.columns):
        if column.source in found and (column.minus is None or column.minus in found):
            nothing[at] = column.value(found, levels)
            if not np.isfinite(nothing[at]):
                nothing[at] = np.nan
                reasons.append(f"{column.label} is not finite")
    return Evaluated(nothing, "; ".join(reasons))


def _reason(where: str, error: BaseException) -> str:
    notes = " ".join(getattr(error, "__notes__", ()))
    text = (
        str(error)
        if isinstance(error, InputError | SolveError | Unsolved)
        else f"{type(error).__name__}: {error}"
    )
    return f"{where}: {' '.join(text.split())} {notes}".strip()[:500]


def solve_one(benchmark: Benchmark, shock: Shock, closure: Closure) -> Solution:
    """The one place where a sweep calls the solver. Raises SolveError."""
    return solve(benchmark, shock, closure)


class _World:
    """A scenario with the numbers of a draw."""

    def __init__(
        self, study: Study, key: str, base: calibration.Calibration, values: Mapping[str, float]
    ) -> None:
        self.key, self.study = key, study
        self.calibration = base
        self.scenario: Scenario = study.cases[key]
        if study.touched[key]:
            edited = targets.edited(study.documents[key], self.scenario, study.design, values)
            self.scenario = study.read(edited)
        self.benchmark = self.scenario.benchmark(base)
        self._base: Solution | None = None

    def solved(self, regime: Regime, years: tuple[int, ...] | None) -> dict[Source, Mapping[str, Array]]:
        """Results under a regime: of the one year, or of the years (positions) of a path that are read."""
        read = self.reader()
        if self.scenario.years is None:
            shock, closure = self.scenario.shock(self.calibration), self.scenario.closure(regime)
            try:
                solution = solve_one(self.benchmark, shock, closure)
            except SolveError as error:
                names = tuple(quota.name for quota in shock.quotas)
                text = error.diagnosis.text(self.calibration.labels, names)
                raise Unsolved(text) from error
            return {Source(self.key, regime, None): read(solution)}
        from model.path import simulate

        path = self.scenario.path(self.calibration)
        solutions = simulate(
            self.benchmark, path.years, path.shocks, regime,
            added_capacity=path.added_capacity, initial_stocks=path.initial_stocks,
        ).solutions  # fmt: skip
        return {Source(self.key, regime, year): read(solutions[year]) for year in years or ()}

    def reader(self) -> Callable[[Solution], Mapping[str, Array]]:
        """Results of a solution; the base year is solved only where an outcome is measured against it."""
        quotas = self.study.quotas[self.key]
        against = self.base_solution() if self.study.trade_terms else None

        def read(solution: Solution) -> Mapping[str, Array]:
            # Without `terms_of_trade` nothing in the results depends on the second solution.
            values = dict(results(solution, against or solution))
            values["licence_price"] = np.array([solution.licence.get(name, 0.0) for name in quotas])
            return values

        return read

    def base_solution(self) -> Solution:
        """The solution without a shock."""
        if self._base is None:
            self._base = solve(self.benchmark)
        return self._base

    def base(self) -> Mapping[str, Array]:
        """Values of the base year."""
        solution = self.base_solution()
        quotas = self.study.quotas[self.key]
        return {**results(solution, solution), "licence_price": np.zeros(len(quotas))}
