"""A scenario: the question, the instruments, the years, and how the economy may respond."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol, TypeAlias

from pydantic import BeforeValidator, Field, PrivateAttr, ValidationError, field_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from calibration.errors import InputError, Problem, dotted, shown
from calibration.salvage import overlaps, within
from calibration.strict_yaml import Document
from calibration.validate import Schema
from model.records import REGIMES, Benchmark, Closure, Labels, Regime, Shock
from scenarios.common import Name
from scenarios.instruments import AnyInstrument, CapacityInvestment
from scenarios.quantities import Loc, Status, Year, default_unit, entries, unit
from scenarios.selectors import RESERVED, Names

if TYPE_CHECKING:
    from scenarios.shocks import PathInputs

PLAIN = {"initial": "t"}  # units of numbers that are written without one
CALLED = {"fixed": "exogenous", "spillovers": "directed_with_spillovers"}  # in results, by their first word


def _by_its_name(regime: Any) -> Any:
    """Results call regimes by words that are no names here."""
    first = regime.removeprefix("+ ").split()[:1] if isinstance(regime, str) else []
    if first and first[0] in CALLED:
        expected = f"its name here: {CALLED[first[0]]}"
        raise PydanticCustomError("regime", f"got {shown(regime)}", {"expected": expected})
    return regime


AnyRegime: TypeAlias = Annotated[Regime, BeforeValidator(_by_its_name)]
Respond: TypeAlias = Literal["technology", "capacity"]


class Calibration(Protocol):
    """What a scenario needs of a calibration."""

    @property
    def benchmark(self) -> Benchmark: ...
    @property
    def labels(self) -> Labels: ...


class Source(Schema):
    """Where figures or the story come from."""

    text: str = Field(description="Author, title, year, or the table.")
    status: Status
    url: str | None = None


class Assumption(Schema):
    """What was assumed, and on what."""

    text: str
    status: Status = "analyst"


@dataclass(frozen=True, slots=True)
class Place:
    """Where an instrument, or another part of a scenario, stands in a file."""

    document: Document | None = None
    path: Loc = ()
    doubts: frozenset[Loc] = frozenset()  # places of the document that were refused when it was read

    @property
    def file(self) -> str:
        """The file's name; "" where there is none."""
        return "" if self.document is None else self.document.file

    def at(self, *path: str | int) -> Place:
        """The place of a part."""
        return replace(self, path=(*self.path, *path))

    def sure(self, *loc: str | int) -> bool:
        """Whether nothing was refused there, in what is around it or in what it holds."""
        return not overlaps((*self.path, *loc), self.doubts)

    def refused(self, *loc: str | int) -> bool:
        """Whether what stands there was refused, or what is around it."""
        return within((*self.path, *loc), self.doubts)

    def problem(
        self, loc: Iterable[str | int], what: str, expected: str = "", suggestion: str = ""
    ) -> Problem:
        steps = (*self.path, *loc)
        if self.document is None:
            return Problem(what, where=dotted(steps), expected=expected, suggestion=suggestion)
        return self.document.problem(steps, what, expected, suggestion)


@dataclass(frozen=True, slots=True)
class FigureRow:
    """One number of a scenario with its provenance, for reports."""

    instrument: str
    field: str
    year: int | None
    value: float
    unit: str
    source: str
    status: str  # "" where the file gives none: a setting of the scenario, no figure


class Scenario(Schema):
    """What is asked: which instruments act in which years, and what may respond to them."""

    name: Name = Field(description="The file's name without .yaml.")
    title: str = Field(description="Heading of the report.")
    question: str = Field(description="What the scenario answers, in one sentence.")
    calibration: str = Field(
        description="Base year and parameters: a name, or a path from this file's folder."
    )
    year: Year | None = Field(None, description="The year that a single equilibrium stands for.")
    years: str | None = Field(
        None,
        description="First and last year of a path: 2009-2018.",
        json_schema_extra={"pattern": r"^\d{4}-\d{4}$"},
    )
    horizon: Literal["short", "long", "path"] = Field(
        "long",
        description="short: technology and capacity as in the base year; long: at their targets; path: year by year.",
    )
    at_target: Annotated[tuple[Respond, ...], Field(max_length=2)] = Field(
        ("technology", "capacity"),
        description="With `long`: what is at its target; the other is as in the base year.",
    )
    regimes: Annotated[tuple[AnyRegime, ...], Field(min_length=1)] = Field(
        REGIMES, description="Technology regimes to compare."
    )
    instruments: tuple[AnyInstrument, ...] = Field((), description="What the scenario does, line by line.")
    tax_equivalent_of: str | None = Field(
        None,
        description="Another scenario, whose export quotas become the one ad-valorem rate on all their goods that "
        "gives the same total tonnes. The quantity is fixed and the tax is found.",
    )
    taxes_from_licences_of: str | None = Field(
        None,
        description="Another scenario, whose licence prices at the technology and capacity of the base year become "
        "export taxes that stay as they are, in place of its quotas. The tax is fixed and the quantity is found.",
    )
    deficits: Literal["fixed", "share_of_world_income"] | None = Field(
        None,
        description="Trade deficits: fixed in the numeraire or a share of world factor income; else the calibration's.",
    )
    parameters: dict[str, Any] = Field(
        default_factory=dict,
        description="Parameters that differ from the calibration's: a number for all, or numbers by label.",
    )
    coalitions: dict[str, Names] = Field(default_factory=dict, description="Named groups of regions.")
    groups: dict[str, Names] = Field(default_factory=dict, description="Named groups of goods or sectors.")
    compare_with: str | None = Field(None, description="Scenario whose results are shown next to these.")
    sources: tuple[Source, ...] = Field((), description="What the scenario as a whole rests on.")
    assumptions: tuple[Assumption, ...] = Field((), description="What was assumed where no source decides.")

    _places: dict[str, Place] = PrivateAttr(default_factory=dict)
    _whole: Place = PrivateAttr(default_factory=Place)

    @field_validator("instruments")
    @classmethod
    def _name_all(cls, instruments: tuple[AnyInstrument, ...]) -> tuple[AnyInstrument, ...]:
        """Names for those without: the type, with a number where a type comes more than once."""
        kinds = Counter(line.type for line in instruments if not line.name)
        taken = Counter[str]()
        named = []
        for line in instruments:
            if not line.name:
                taken[line.type] += 1
                name = f"{line.type}-{taken[line.type]}" if kinds[line.type] > 1 else line.type
                line = line.model_copy(update={"name": name})
            named.append(line)
        first: dict[str, int] = {}
        twice = [
            InitErrorDetails(
                type=PydanticCustomError(
                    "twice", f"name {line.name} is that of instruments[{first[line.name]}], too",
                    {"expected": "a name for each"},
                ),
                loc=(at, "name"),
                input=None,
            )
            for at, line in enumerate(named)
            if first.setdefault(line.name, at) != at
        ]  # fmt: skip
        if twice:
            raise ValidationError.from_exception_data("instruments", twice)
        return tuple(named)

    @field_validator("coalitions", "groups")
    @classmethod
    def _not_reserved(cls, groups: dict[str, Names]) -> dict[str, Names]:
        fault = PydanticCustomError("reserved", "is a group already", {"expected": "another name"})
        taken = [InitErrorDetails(type=fault, loc=(name,), input=None) for name in groups if name in RESERVED]
        if taken:
            raise ValidationError.from_exception_data("groups", taken)
        return groups

    @field_validator("years", mode="before")
    @classmethod
    def _two_years(cls, years: Any) -> Any:
        if years is None:
            return None
        expected = ""
        if not isinstance(years, str) or not re.fullmatch(r"\d{4}-\d{4}", years):
            expected = "two years such as 2009-2018"
        elif not ("1900" <= years[:4] <= "2200" and "1900" <= years[5:] <= "2200"):
            expected = "years from 1900 to 2200"
        elif years[:4] > years[5:]:
            expected = f"the first year first: {years[5:]}-{years[:4]}"
        if expected:
            raise PydanticCustomError("years", f"got {shown(years)}", {"expected": expected})
        return years

    @property
    def first(self) -> int:
        """First year of a path."""
        return int(str(self.years)[:4])

    @property
    def last(self) -> int:
        """Last year of a path."""
        return int(str(self.years)[5:])

    @property
    def span(self) -> tuple[int | None, ...]:
        """The years that are solved: all of a path, or the one (None when the scenario has none)."""
        return tuple(range(self.first, self.last + 1)) if self.years else (self.year,)

    def instrument(self, name: str) -> AnyInstrument:
        """An instrument by name. Raises KeyError."""
        return {line.name: line for line in self.instruments}[name]

    def only(self, names: Collection[str]) -> Scenario:
        """The same scenario with some of its instruments, for decompositions. Raises KeyError on an unknown name."""
        for name in names:
            self.instrument(name)
        return self.model_copy(
            update={"instruments": tuple(line for line in self.instruments if line.name in names)}
        )

    def placed(self, whole: Place, places: dict[str, Place]) -> Scenario:
        """The same scenario, knowing where it and its instruments stand, for messages."""
        copy = self.model_copy()
        copy._whole, copy._places = whole, places
        return copy

    @property
    def whole(self) -> Place:
        """Where the scenario stands: its file."""
        return self._whole

    def place(self, instrument: str) -> Place:
        """Where an instrument stands in its file."""
        return self._places.get(instrument, Place(path=(instrument,)))

    def closure(self, regime: Regime) -> Closure:
        """What responds (section 7); along a path technology and capacity are given by the years before."""
        target = self.at_target if self.horizon == "long" else ()
        technology = "technology" in target and regime != "exogenous"
        return Closure(
            regime, "target" if technology else "given", "target" if "capacity" in target else "given"
        )

    def closures(self) -> dict[Regime, Closure]:
        """The closure of each regime of the scenario."""
        return {regime: self.closure(regime) for regime in self.regimes}

    def shock(self, calibration: Calibration, year: int | None = None) -> Shock:
        """What the scenario changes in a year, by default in its own; raises InputError with all problems.

        Capacity is the base year's with what investments have added; along a path the solver's own takes its place.
        """
        from scenarios.shocks import build

        if year is None and self.years is not None:
            raise ValueError(f"{self.name} is a path over {self.years}: name the year")
        built = build(self, calibration.benchmark, calibration.labels, self.year if year is None else year)
        return self._swapped(built, calibration)

    def path(self, calibration: Calibration) -> PathInputs:
        """Shocks, finished plant and stocks of all years of a path; raises InputError."""
        from scenarios.shocks import build_path

        if self.years is None:
            raise ValueError(f"{self.name} is not a path")
        inputs = build_path(self, calibration.benchmark, calibration.labels)
        return inputs.replace(shocks=tuple(self._swapped(shock, calibration) for shock in inputs.shocks))

    def _swapped(self, shock: Shock, calibration: Calibration) -> Shock:
        """With `taxes_from_licences_of`, licences of a shock as taxes; raises InputError when it has no solution."""
        guessed = any(place.doubts for place in (self._whole, *self._places.values()))
        if self.taxes_from_licences_of is None or not shock.quotas or guessed:
            return shock
        from model.solution import SolveError
        from scenarios.swaps import fixed_taxes

        try:
            return fixed_taxes(shock, self.benchmark(calibration))
        except SolveError as error:
            where = ("taxes_from_licences_of",)
            raise InputError(
                self.whole.problem(where, f"{self.taxes_from_licences_of}: {error.told(calibration.labels)}")
            ) from error

    def benchmark(self, calibration: Calibration) -> Benchmark:
        """The calibration's benchmark with the scenario's parameters and deficit rule; raises InputError."""
        from scenarios.overrides import apply

        return apply(self, calibration.benchmark, calibration.labels)

    def check(self, calibration: Calibration) -> None:
        """Raise InputError with everything that does not fit the calibration, in any year."""
        problems: list[Problem] = []
        dated = [year for line in self.instruments for year in line.years()]
        years = self.span if self.span != (None,) or not dated else (max(dated),)
        actions: list[Callable[[Calibration], object]] = [self.benchmark]
        actions += [partial(self.shock, year=year) for year in years]
        for action in actions:
            try:
                action(calibration)
            except InputError as error:
                problems += [problem for problem in error.problems if problem not in problems]
        if problems:
            raise InputError(sorted(problems, key=lambda problem: (problem.file, problem.line or 0)))

    def figures(self) -> tuple[FigureRow, ...]:
        """Every number of the instruments with its unit, source and status."""
        rows = []
        for line in self.instruments:
            for name, quantity in line.numbers().items():
                written = unit(quantity) or default_unit(type(line).model_fields[name].annotation)
                written = written or PLAIN.get(name, "")
                for e in entries(quantity):
                    source, status = e.source or "", e.status or ""
                    rows.append(FigureRow(line.name, name, e.year, e.value, written, source, status))
            if isinstance(line, CapacityInvestment):
                c = line.capacity_cost
                rows.append(FigureRow(line.name, "capacity_cost", None, c.value, c.unit, c.source, c.status))
        return tuple(rows)
