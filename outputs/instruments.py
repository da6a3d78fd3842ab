"""Instruments as players: what each of them brought about, whatever the order in which they are introduced."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations

from calibration.errors import InputError, Problem
from model.decomposition import shapley
from model.records import Array
from scenarios import Scenario

MOST = 6  # players: 2^6 scenarios
CHOICES = ("type", "name")
ABOUT = "with all it does to technology and plant; averaged over all orders (Shapley)"

Group = frozenset[str]
Players = Mapping[str, tuple[str, ...]]  # the lines of the scenario that each stands for


def players(scenario: Scenario, by: str) -> dict[str, tuple[str, ...]]:
    """Instruments by `name`, or taken together by `type`. Raises InputError when there are too many, or none."""
    grouped: dict[str, list[str]] = {}
    for line in scenario.instruments:
        grouped.setdefault(line.name if by == "name" else line.type, []).append(line.name)
    if not grouped:
        place = ("instruments",)
        raise InputError(
            scenario.whole.problem(place, "there are none to divide among", "no --by-instrument")
        )
    if len(grouped) > MOST:
        what = f"{len(grouped)} instruments by {by} need 2^{len(grouped)} scenarios"
        raise InputError(
            Problem(what, expected=f"at most {MOST}; --by-instrument type takes those of a type together")
        )
    return {name: tuple(lines) for name, lines in grouped.items()}


def groups(names: Players) -> Iterator[Group]:
    """Every set of players that is neither empty nor full."""
    for size in range(1, len(names)):
        yield from map(frozenset, combinations(names, size))


def lines_of(names: Players, group: Group) -> list[str]:
    """Names of the lines that a set of players stands for."""
    return [line for name in group for line in names[name]]


def contributions(names: Players, whole: Array, worth: Mapping[Group, Array]) -> dict[str, Array]:
    """Shapley values of an outcome that is 0 without instruments and `whole` with all of them."""

    def value(group: Group) -> Array:
        if not group:
            return whole * 0.0
        return whole if len(group) == len(names) else worth[group]

    return shapley(tuple(names), value)
