"""What a scenario says twice, too late or never: checks that need no calibration."""

from __future__ import annotations

from collections.abc import Iterator

from calibration.errors import Problem, one_of
from scenarios import overrides
from scenarios.common import Instrument
from scenarios.instruments import (
    CapacityInvestment,
    DemandShift,
    ExportQuota,
    Recycling,
    Stockpile,
)
from scenarios.quantities import Dated, at, entries, is_ratio, start, unit
from scenarios.scenario import Place, Scenario

RATES = ("rate", "add", "cost")  # quantities that are shares of a value
STATUS = ("seen", "computed", "memory", "analyst")
HIGH_RATE = 2.0  # above, a plain number is more likely to be meant in per cent
SMALL_LIMIT = 10.0  # tonnes: below, a plain number is more likely to be meant as a ratio


def problems(scenario: Scenario) -> Iterator[Problem]:
    """Everything wrong with a scenario that its schema cannot see; nothing that rests on what was refused already."""
    yield from _years(scenario)
    for line in scenario.instruments:
        place = scenario.place(line.name)
        yield from _time(line, scenario, place)
        yield from _provenance(line, place)
        yield from _rates(line, place)
        if isinstance(line, ExportQuota):
            yield from _limit(line, place)
        if isinstance(line, CapacityInvestment):
            yield from _plant(scenario, place)
        if isinstance(line, Stockpile) and place.sure("from") and place.sure("until"):
            yield from _stock(line, scenario, place)
    yield from overrides.problems(scenario)


def _years(scenario: Scenario) -> Iterator[Problem]:
    """A path has years and no year; anything else the reverse."""
    whole, is_path = scenario.whole, scenario.horizon == "path"
    if not whole.sure("horizon"):
        return
    if is_path and scenario.years is None and whole.sure("years"):
        yield whole.problem(("horizon",), "a path needs years", "years: 2009-2018")
    if not is_path and scenario.years is not None:
        yield whole.problem(("years",), "belong to horizon: path", "year:")
    if is_path and scenario.year is not None:
        yield whole.problem(("year",), "a path has no single year", "years: alone")


def _time(line: Instrument, scenario: Scenario, place: Place) -> Iterator[Problem]:
    """An instrument acts in some year of the scenario, and one that grows from year to year has a beginning."""
    if not all(scenario.whole.sure(key) for key in ("year", "years", "horizon")):
        return
    years = scenario.span
    if line.years() and years == (None,):
        if scenario.horizon != "path":  # else its years are missing
            yield place.problem(
                (), "has years, but the scenario has none", "year: or, with horizon: path, years:"
            )
        return
    begins = all(place.sure(name) for name in ("from", *line.numbers()))
    if isinstance(line, CapacityInvestment):
        if line.first_year() is None:
            if begins:
                yield place.problem(("spending",), "has no first year", "from: or a value by year")
            return
        if any(year is not None and line.total(line.spending, year - line.build_time) for year in years):
            return  # what was built before acts now
    for field in line.secondary if begins and isinstance(line, Recycling | DemandShift) else ():
        quantity, first = getattr(line, field), line.first_year() or years[0]
        if first is not None and at(quantity, first) is None:
            yield place.problem((field,), f"starts in {start(quantity)}, after the instrument ({first})")
    if not any(line.in_force(year) for year in years):
        yield place.problem((), f"is in force in no year of the scenario ({_shown(years)})")


def _provenance(line: Instrument, place: Place) -> Iterator[Problem]:
    """A number that is called seen has been seen somewhere; a source says how sure the number is."""
    for name, quantity in line.numbers().items():
        for entry in entries(quantity) if place.sure(name) else ():
            if entry.status in ("seen", "computed") and not entry.source:
                what = f"a number with status {entry.status} has no source"
                yield place.problem((name,), what, "source:, or status memory or analyst")
                break
            if entry.source and not entry.status:
                yield place.problem(
                    (name,), "a number with a source has no status", f"status: {one_of(STATUS)}"
                )
                break


def _shown(years: tuple[int | None, ...]) -> str:
    return str(years[0]) if len(years) == 1 else f"{years[0]}-{years[-1]}"


def _rates(line: Instrument, place: Place) -> Iterator[Problem]:
    """A rate of 15 without a unit is hardly 1,500 %."""
    for name, quantity in line.numbers().items():
        if name not in RATES or "unit" in getattr(quantity, "model_fields_set", ()):
            continue
        for entry in entries(quantity):
            if abs(entry.value) > HIGH_RATE:
                yield place.problem(
                    (name, *entry.loc),
                    f"a rate of {entry.value:g} is {100 * entry.value:,.10g} %",
                    f"{{value: {entry.value:g}, unit: '%'}}, or unit: ratio if it is meant so",
                )


def _limit(line: ExportQuota, place: Place) -> Iterator[Problem]:
    """A limit of 0.6 without a unit is hardly 600 kg a year; smuggling is measured against a price per kg."""
    for entry in entries(line.limit):
        said = isinstance(line.limit, Dated) and "unit" in line.limit.model_fields_set
        if (
            not said
            and not is_ratio(line.limit)
            and unit(line.limit) in ("", "t")
            and 0 < entry.value < SMALL_LIMIT
        ):
            yield place.problem(
                ("limit", *entry.loc),
                f"a limit of {entry.value:g} t a year",
                "unit: ratio for a ratio to the base year, or unit: t if it is meant so",
            )
        if line.leak_margin is not None and entry.value == 0:
            yield place.problem(
                ("limit", *entry.loc),
                "a limit of 0 is an embargo, which nothing leaks from",
                "1 %, or no leak_margin",
            )
    if line.leak_margin is not None and line.licence == "ad_valorem":
        yield place.problem(("leak_margin",), "is per kg, but the licence is by value", "licence: specific")


def _plant(scenario: Scenario, place: Place) -> Iterator[Problem]:
    """E22: where capacity is at its target, plant is what its rent pays for, whoever built some."""
    at_target = scenario.horizon == "long" and "capacity" in scenario.at_target
    if at_target and all(scenario.whole.sure(key) for key in ("horizon", "at_target", "year", "years")):
        what = "builds plant that changes nothing: in the long run all plant is at its target"
        yield place.problem((), what, "horizon: short or path, or at_target: [technology]")


def _stock(line: Stockpile, scenario: Scenario, place: Place) -> Iterator[Problem]:
    """E23: no more leaves a stock than is in it."""
    flows = [entry for flow in (line.purchase, line.release) if flow is not None for entry in entries(flow)]
    if scenario.span[0] is None and any(entry.year is not None for entry in flows):
        return  # that years are missing is said elsewhere
    for year in scenario.span:
        held = line.held(year, scenario.span[0])
        if held < -1e-6:
            when = f" in {year}" if year else ""
            yield place.problem(
                ("release",),
                f"sells {-held:g} t more than is held{when}",
                "smaller releases, or initial: or purchase: in this line",
            )
            return
