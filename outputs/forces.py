"""What brought a result about: parts of technology switched on in every order (Shapley), adding up exactly.

`cost` is the shock at the technology and capacity of the base year. What a solution's technology adds to it is split in
the parts of E17: `direction` (own research), `spillovers` (research of others) and `breadth` (research that saves rare
earths helps the whole sector); `capacity` is E22. Each corner is an equilibrium of the model with some parts present.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import combinations

import numpy as np

from model.decomposition import shapley
from model.records import Array, Closure, Shock

FORCES = ("cost", "direction", "spillovers", "breadth", "capacity")
STATIC = Closure("exogenous", "given", "given")

Corner = frozenset[str]
Parts = Mapping[str, Array]  # ln a (n,j,g) of each part of technology; ln K (n,s) of `capacity`


def acting(parts: Parts) -> tuple[str, ...]:
    """The forces that differ from the base year, in the order of FORCES."""
    return tuple(name for name in FORCES if name in parts and np.any(parts[name]))


def corners(parts: Parts) -> list[Corner]:
    """Every set of forces that is neither empty nor full: those two are solved anyway."""
    names = acting(parts)
    return [frozenset(some) for size in range(1, len(names)) for some in combinations(names, size)]


def corner_shock(shock: Shock, parts: Parts, on: Collection[str]) -> Shock:
    """The shock with some forces present, for a solve in which technology and capacity are given."""
    learnt = [parts[name] for name in on if name != "capacity"]
    changes: dict[str, Array] = {"technology": np.sum(learnt, axis=0)} if learnt else {}
    if "capacity" in on:
        changes["capacity"] = parts["capacity"]
    changed: Shock = shock.replace(**changes)
    return changed


def contributions(parts: Parts, change: Mapping[Corner, Array]) -> dict[str, Array]:
    """Contribution of `cost` and of every force. `change`: from the base year, of every corner."""
    return {"cost": change[frozenset()], **shapley(acting(parts), lambda on: change[on])}


def decisive(parts: Mapping[str, float]) -> tuple[str, ...]:
    """The forces without which the sum would have the other sign, largest first.

    When no single one is decisive, the largest of the sum's own sign; none when the sum is 0.
    """
    sign = np.sign(sum(parts.values()))
    if sign == 0:
        return ()
    total = sum(parts.values())
    pivotal = [name for name, part in parts.items() if np.sign(total - part) == -sign]
    found = pivotal or [max(parts, key=lambda name: sign * parts[name])]
    return tuple(sorted(found, key=lambda name: -sign * parts[name]))
