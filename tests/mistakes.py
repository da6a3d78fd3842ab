"""Mistakes planted in good files, each independent of the others, with the place where it must be told."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from calibration.errors import InputError, dotted

KeyPath = tuple[str | int, ...]
NAMES = {
    "origins", "destinations", "regions", "region", "paid_by", "elements", "goods", "sectors", "technologies", "stage",
}  # fmt: skip
WRONG = {
    "limit": -5, "rate": -99, "add": -99, "cost": -9, "multiplier": -1, "tonnes": -1, "spending": -1, "build_time": 99,
    "purchase": -1, "release": -1, "initial": -1, "share": 7, "rent_to_importer": 7, "leak_margin": -1, "from": 99,
    "until": 9999,
}  # fmt: skip


class Mistake(NamedTuple):
    """A change of a file, and the place where it must be told."""

    path: KeyPath  # of the value, or of the key that is misspelt
    value: Any
    key: str = ""  # what the last key becomes

    @property
    def where(self) -> str:
        """The place as messages name it."""
        return dotted((*self.path[:-1], self.key) if self.key else self.path)


def planted(tree: Any, mistakes: list[Mistake]) -> Any:
    """The tree with mistakes: values first, so that their places are still called what they are."""
    tree = copy.deepcopy(tree)
    for mistake in sorted(mistakes, key=lambda mistake: (bool(mistake.key), -len(mistake.path))):
        around = tree
        for step in mistake.path[:-1]:
            around = around[step]
        if mistake.key:
            around[mistake.key] = around.pop(mistake.path[-1])
        else:
            around[mistake.path[-1]] = mistake.value
    return tree


def chosen(found: list[Mistake], chance: random.Random) -> list[Mistake]:
    """Two to four that do not stand in each other's way."""
    chance.shuffle(found)
    taken: list[Mistake] = []
    count = chance.choice((2, 3, 4))
    for mistake in found:
        if all(mistake.path[: len(one.path)] != one.path[: len(mistake.path)] for one in taken):
            taken.append(mistake)
    return taken[:count]


def of_a_scenario(data: dict[str, Any]) -> list[Mistake]:
    """Every mistake that is known here of a scenario."""
    found = [Mistake(("colour",), "red"), Mistake(("compare_with",), "nowhere")]
    found += [Mistake(("parameters", "breathe"), 1)] if "parameters" in data else []
    for key in data:
        if key in ("title", "question", "horizon", "instruments", "regimes", "parameters", "year", "years"):
            found.append(Mistake((key,), None, f"{key}x"))
    found += [Mistake(("regimes", 0), "nobody")] if data.get("regimes") else []
    found += [Mistake(("horizon",), "longest")] if "horizon" in data else []
    for name, members in data.get("coalitions", {}).items():
        found += [Mistake(("coalitions", name, at), "Atlantis") for at in range(len(members))]
    for at, line in enumerate(data.get("instruments", [])):
        found += _of_a_line(("instruments", at), line)
    return found


def _of_a_line(path: KeyPath, line: dict[str, Any]) -> Iterator[Mistake]:
    for key, value in line.items():
        here = (*path, key)
        yield Mistake(here, None, f"{key}x")
        if key == "type":
            yield Mistake(here, f"{value}s")
        if key in NAMES:
            yield from names(here, value)
        if key in WRONG:
            yield Mistake(here, WRONG[key])
            yield Mistake(here, "many")


def of_a_sweep(data: dict[str, Any]) -> list[Mistake]:
    """Every mistake that is known here of a sweep."""
    found = [Mistake(("colour",), "red"), Mistake(("regimes",), "none at all")]
    found.append(Mistake(("design", "type"), f"{data['design']['type']}s"))
    found += [Mistake((key,), None, f"{key}x") for key in data if key not in ("scenarios", "name")]
    found += [Mistake(("design", key), None, f"{key}x") for key in data["design"]]
    found += [
        Mistake(("design", key), -7) for key in ("draws", "seed", "points", "levels") if key in data["design"]
    ]
    for at, varied in enumerate(data["vary"]):
        found += _of_varied(("vary", at), varied)
    for at, outcome in enumerate(data["outcomes"]):
        found += _of_an_outcome(("outcomes", at), outcome)
    for at in range(len(data.get("correlations", []))):
        found += [Mistake(("correlations", at, "value"), 2), Mistake(("correlations", at, "between"), "one")]
    return found


def _of_varied(path: KeyPath, varied: dict[str, Any]) -> Iterator[Mistake]:
    for key, value in varied.items():
        yield Mistake((*path, key), None, f"{key}x")
        if key != "distribution":
            yield Mistake((*path, key), {"x": 1})
        if key == "path" and isinstance(value, str):
            room, name, *rest = value.split(".")
            yield Mistake((*path, key), ".".join((f"{room}x", name, *rest)))
            if room != "instruments":
                yield Mistake((*path, key), ".".join((room, f"{name}x", *rest)))
            else:
                yield Mistake((*path, key), f"{value}x")
    for key, value in varied.get("distribution", {}).items():
        here = (*path, "distribution", key)
        yield Mistake(here, None, f"{key}x")
        yield Mistake(here, f"{value}s")


def _of_an_outcome(path: KeyPath, outcome: dict[str, Any]) -> Iterator[Mistake]:
    for key in outcome:
        yield Mistake((*path, key), None, f"{key}x")
    yield Mistake((*path, "variable"), "happiness")
    yield Mistake((*path, "measure"), "metres")
    yield Mistake((*path, "scenario"), "nowhere")
    yield Mistake((*path, "threshold"), "high")
    for axis, selector in outcome.get("select", {}).items():
        yield Mistake((*path, "select", axis), None, f"{axis}x")
        yield from names((*path, "select", axis), selector)


def names(path: KeyPath, selector: Any) -> Iterator[Mistake]:
    """Each name of a selector, misspelt beyond recognition, or no name at all."""
    if isinstance(selector, str):
        yield Mistake(path, "Atlantis")
        yield Mistake(path, 7)
    elif isinstance(selector, list):
        for at in range(len(selector)):
            yield Mistake((*path, at), "Atlantis")
            yield Mistake((*path, at), 7)
    else:
        yield from names((*path, "all_but"), selector["all_but"])


def told(read: Callable[[], object]) -> list[str]:
    """The places of the problems that a reader tells."""
    try:
        read()
    except InputError as error:
        return sorted(problem.where for problem in error.problems)
    return []
