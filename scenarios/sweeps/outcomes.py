"""From results to the numbers that a sweep keeps: one column for each outcome, regime and year."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from calibration.errors import InputError, Problem, nearest, one_of
from model.records import Array, Labels, Regime
from model.variables import AXES, RENAMED, VARIABLES, Variable
from scenarios.naming import Names
from scenarios.scenario import Place, Scenario
from scenarios.selectors import AllBut
from scenarios.sweeps.design import Design, Outcome

LICENCE = Variable("licence_price", "q", "USD/kg", "E14", "licence price of a quota")
KNOWN = {RENAMED.get(row.name, row.name): row for row in (*VARIABLES, LICENCE)}
NONE_AT_BASE = (LICENCE.name, "equivalent_variation", "technology_gain", "terms_of_trade")
RATIOS = ("ratio", "share", "index", "USD/kg")


@dataclass(frozen=True)
class Source:
    """Where a number is read: a scenario under a regime, in a year of a path (position), or the one year."""

    scenario: str
    regime: Regime
    year: int | None


@dataclass(frozen=True)
class Column:
    """One number of every draw."""

    label: str
    outcome: Outcome
    cells: tuple[Array, ...]  # positions along each axis of the variable
    source: Source
    minus: Source | None
    year: int | None  # calendar year of a path
    unit: str
    description: str

    def value(
        self, results: Mapping[Source, Mapping[str, Array]], base: Mapping[str, Mapping[str, Array]]
    ) -> float:
        """The number, from results by source and base-year values by scenario."""
        found = self._read(results[self.source], base, self.source)
        return found if self.minus is None else found - self._read(results[self.minus], base, self.minus)

    def _read(
        self, results: Mapping[str, Array], base: Mapping[str, Mapping[str, Array]], source: Source
    ) -> float:
        new = self.reduced(results)
        if self.outcome.measure == "level":
            return new
        ratio = KNOWN[self.outcome.variable].unit == "ratio"
        old = 1.0 if ratio else self.reduced(base[source.scenario])
        if self.outcome.measure == "change":
            return new - old
        if old == 0:
            raise ZeroDivisionError(f"{self.label}: is 0 in the base year, so nothing is a percentage of it")
        return 100 * (new / old - 1)

    def reduced(self, results: Mapping[str, Array]) -> float:
        """The selected cells of the variable, summed or averaged."""
        values = results[KNOWN[self.outcome.variable].name]
        cells = values[np.ix_(*self.cells)] if self.cells else values
        return float(cells.mean() if reduction(self.outcome) == "mean" else cells.sum())

    @property
    def needs_base(self) -> bool:
        """Whether base-year values are read."""
        return self.outcome.measure != "level" and KNOWN[self.outcome.variable].unit != "ratio"


def reduction(outcome: Outcome) -> str:
    """Sum for amounts, mean for ratios, unless the file says otherwise."""
    return outcome.reduce or ("mean" if KNOWN[outcome.variable].unit in RATIOS else "sum")


@dataclass(frozen=True)
class Given:
    """What outcomes are chosen from; None where it is not known."""

    cases: Mapping[str, Scenario]
    labels: Labels | None
    quotas: Mapping[str, tuple[str, ...] | None]
    regimes: tuple[Regime, ...] | None


def columns(design: Design, whole: Place, given: Given) -> tuple[tuple[Column, ...], list[Problem]]:
    """Every column of a sweep, in the order of the file, and all that does not fit."""
    found: list[Column] = []
    problems: list[Problem] = []
    for at, outcome in enumerate(design.outcomes):
        place = whole.at("outcomes", at)
        wrong = _problems(outcome, place, given)
        problems += wrong
        if not wrong and place.sure():
            try:
                found += _of_outcome(outcome, place, given)
            except InputError as error:
                problems += error.problems
    return tuple(found), problems


def _problems(outcome: Outcome, place: Place, given: Given) -> list[Problem]:
    """Everything in an outcome that is wrong by itself: names, labels, the measure, the year."""
    problems: list[Problem] = []
    cases, minus = given.cases, outcome.minus

    def named(kind: str, name: Any, valid: Any, *where: str | int) -> None:
        if name is not None and valid is not None and name not in valid and not place.refused(*where):
            problems.append(
                place.problem(where, f"unknown {kind} {name!r}", one_of(valid), nearest(name, valid))
            )

    named("variable", outcome.variable, KNOWN, "variable")
    named("scenario", outcome.scenario, cases, "scenario")
    for regime in outcome.regimes:
        named("regime of the sweep", regime, given.regimes, "regimes")
    if minus is not None:
        named("scenario", minus.scenario, cases, "minus", "scenario")
        named("regime of the sweep", minus.regime, given.regimes, "minus", "regime")
        if minus.scenario is None and minus.regime is None and place.sure("minus"):
            problems.append(place.problem(("minus",), "names nothing", "scenario: or regime:"))
    key = outcome.scenario or next(iter(cases))
    scenario = cases[key] if key in cases and place.sure("scenario") else None
    if given.labels is not None:  # what is wrong whichever scenario is meant
        meant = cases if scenario is None else {key: scenario}
        each = [_labels(outcome, place, one, given.labels, given.quotas[key]) for key, one in meant.items()]
        problems += [problem for problem in each[0] if all(problem in others for others in each)]
    if outcome.variable in KNOWN and place.sure("variable"):
        row = KNOWN[outcome.variable]
        if outcome.measure == "percent" and outcome.variable in NONE_AT_BASE and place.sure("measure"):
            text = f"{outcome.variable} is 0 in the base year"
            problems.append(place.problem(("measure",), text, "level or change"))
        if outcome.reduce == "sum" and row.unit in RATIOS and place.sure("reduce"):
            problems.append(place.problem(("reduce",), f"a sum of {row.unit}s has no meaning", "mean"))
    if scenario is not None and all(scenario.whole.sure(key) for key in ("horizon", "years", "year")):
        try:
            _years(outcome, scenario, place)
        except InputError as error:
            problems += [] if place.refused("year") else error.problems
    return problems


def _labels(
    outcome: Outcome, place: Place, scenario: Scenario, labels: Labels, quotas: tuple[str, ...] | None
) -> list[Problem]:
    """Axes and labels of `select` that are not there."""
    names = Names(scenario, labels)
    names.place, names.problems = place, []
    valid = _valid(labels, quotas)
    known = outcome.variable in KNOWN and place.sure("variable")
    axes = _axes(outcome.variable) if known else list(valid)
    for axis, selector in outcome.select.items():
        if axis not in axes:
            what = f"{outcome.variable} has no axis {axis!r}" if known else f"unknown axis {axis!r}"
            names.refuse(("select", axis), what, one_of(axes), nearest(axis, axes))
        elif axis != "quota" or quotas is not None:
            _mask(names, axis, selector, valid[axis])
    return names.problems


def _axes(variable: str) -> list[str]:
    return ["quota" if letter == "q" else AXES[letter] for letter in KNOWN[variable].axes]


def _valid(labels: Labels, quotas: tuple[str, ...] | None) -> dict[str, tuple[str, ...]]:
    """The labels of each axis."""
    return {
        "region": labels.regions, "origin": labels.regions, "sector": labels.sectors, "good": labels.goods,
        "element": labels.elements, "factor": labels.factors, "technology": labels.technologies,
        "stage": labels.stages, "quota": quotas or (),
    }  # fmt: skip


def _mask(names: Names, axis: str, selector: Any, valid: tuple[str, ...]) -> Array:
    groups = names.coalitions if axis in ("region", "origin") else names.groups
    return names.many(axis, selector, ("select", axis), valid, groups)


def _of_outcome(outcome: Outcome, place: Place, given: Given) -> list[Column]:
    """The columns of an outcome with nothing wrong by itself; none where what it is chosen from is not known."""
    cases, minus, regimes = given.cases, outcome.minus, given.regimes
    scenario = outcome.scenario or next(iter(cases))
    read = (scenario, scenario if minus is None or minus.scenario is None else minus.scenario)
    quotas = [given.quotas[key] for key in read]
    if given.labels is None or regimes is None or quotas[0] is None or quotas[1] is None:
        return []
    cells = _cells(outcome, place, cases[scenario], given.labels, quotas[0])
    if outcome.variable == LICENCE.name:
        for one in read:
            _specific(cases[one], [quotas[0][at] for at in cells[0]], place)
        _same_quotas(quotas[0], quotas[1], cells[0], read[1], place)
    years = _years(outcome, cases[scenario], place)
    made = []
    for regime in outcome.regimes or regimes:
        other = None if minus is None else (minus.scenario or scenario, minus.regime or regime)
        if other == (scenario, regime):
            continue  # a regime less itself
        for position, year in years:
            against = None if other is None else Source(*other, _position(cases[other[0]], year, place))
            label = f"{outcome.name}.{regime}" + (f".{year}" if outcome.year == "all" else "")
            made.append(
                Column(label, outcome, cells, Source(scenario, regime, position), against, year, _unit(outcome),
                       _described(outcome, scenario, regime, other, year))
            )  # fmt: skip
    if not made:
        raise InputError(place.problem(("minus",), "is the outcome itself", "another scenario or regime"))
    return made


def _cells(
    outcome: Outcome, place: Place, scenario: Scenario, labels: Labels, quotas: tuple[str, ...]
) -> tuple[Array, ...]:
    """Positions selected along each axis of the variable. Raises InputError where there is nothing to select."""
    names = Names(scenario, labels)
    names.place = place
    valid = _valid(labels, quotas)
    cells = []
    for axis in _axes(outcome.variable):
        cells.append(np.flatnonzero(_mask(names, axis, outcome.select.get(axis, "all"), valid[axis])))
    if names.problems:
        raise InputError(names.problems)
    return tuple(cells)


def _years(outcome: Outcome, scenario: Scenario, place: Place) -> list[tuple[int | None, int | None]]:
    """Position and calendar year of each year read."""
    if scenario.years is None:
        if outcome.year is not None:
            raise InputError(place.problem(("year",), f"{scenario.name} is no path of years", "no year"))
        return [(None, None)]
    span = [int(year) for year in scenario.span if year is not None]
    if outcome.year == "all":
        return list(enumerate(span))
    year = span[-1] if outcome.year is None else outcome.year
    if year not in span:
        raise InputError(
            place.problem(("year",), f"got {year}", f"a year from {span[0]} to {span[-1]}, or all")
        )
    return [(span.index(year), year)]


def _position(scenario: Scenario, year: int | None, place: Place) -> int | None:
    """Position of a year in the scenario that is subtracted. Raises InputError when it has no such year."""
    span = scenario.span if scenario.years is not None else (None,)
    if year in span:
        return None if year is None else span.index(year)
    has = "is no path of years" if scenario.years is None else f"has the years {span[0]} to {span[-1]}"
    expected = "a scenario of one year" if year is None else f"one with the year {year}"
    raise InputError(place.problem(("minus", "scenario"), f"{scenario.name} {has}", expected))


def _specific(scenario: Scenario, chosen: list[str], place: Place) -> None:
    """Raise InputError for a quota whose licence is a rate on the value: it has no price per kg."""
    rates = [line.name for line in scenario.instruments if getattr(line, "licence", "") == "ad_valorem"]
    if found := [name for name in chosen if name in rates]:
        what = f"the licence of {', '.join(found)} is ad valorem and has no price per kg"
        raise InputError(place.problem(("select", "quota"), what, "a quota with licence: specific"))


def _same_quotas(one: tuple[str, ...], other: tuple[str, ...], chosen: Array, key: str, place: Place) -> None:
    """Raise InputError unless the chosen quotas are also those of the scenario that is subtracted."""
    lacking = [one[at] for at in chosen if at >= len(other) or other[at] != one[at]]
    if lacking:
        what = f"{key} has no quota {', '.join(lacking)} in that place"
        raise InputError(
            place.problem(("minus", "scenario"), what, f"the quotas of both to be {', '.join(one)}")
        )


def _unit(outcome: Outcome) -> str:
    unit = KNOWN[outcome.variable].unit
    if outcome.measure == "percent":
        return "percent" if outcome.minus is None else "percentage points"
    return unit


def _described(
    outcome: Outcome, scenario: str, regime: str, other: tuple[str, str] | None, year: int | None
) -> str:
    chosen = ", ".join(f"{axis} {_words(selector)}" for axis, selector in outcome.select.items())
    text = f"{outcome.variable} ({chosen or 'all'}; {reduction(outcome)}), {outcome.measure}, {scenario}, {regime}"
    if other is not None:
        text += f", less {other[0]}, {other[1]}"
    return text + (f", {year}" if year else "")


def _words(selector: Any) -> str:
    if isinstance(selector, AllBut):
        return f"all but {_words(selector.all_but)}"
    return selector if isinstance(selector, str) else "+".join(selector)
