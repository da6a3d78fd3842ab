"""What sentences made from results have in common: who restricts, how much dearer, who gains."""

from __future__ import annotations

from typing import NamedTuple

import xarray as xr

from outputs import facts, names
from outputs.names import listed, number, signed

NEGLIGIBLE = 1e-9  # percent, or million USD: below it a change is called none


class Finding(NamedTuple):
    """A statement: a heading of a word or two, and the sentence."""

    topic: str
    text: str


def resolved(change: float) -> float:
    """A change in percent, 0 where it is less than the solver resolves."""
    return change if abs(change) >= NEGLIGIBLE else 0.0


def regimes(ds: xr.Dataset) -> list[str]:
    """The technology regimes of a result, in its order."""
    return [str(r) for r in ds["regime"].values]


def restrictors(ds: xr.Dataset) -> str:
    """The restricting regions as they stand in a sentence."""
    return names.regions(facts.restricting(ds))


def ending(ds: xr.Dataset) -> str:
    """The ending of a verb that the restricting regions do."""
    return "s" if len(facts.restricting(ds)) == 1 else ""


def elsewhere(values: dict[str, float], unit: str, first: str, what: str = "The same") -> str:
    """The same number under the other regimes."""
    rest = [
        f"{signed(v) if unit == ' %' else number(v)}{unit} with {names.regime(r)}"
        for r, v in values.items()
        if r != first
    ]
    return f" {what} is {listed(rest)}." if rest else ""


def dearer(change: float) -> str:
    """A change of a price in words."""
    if abs(change) < NEGLIGIBLE:
        return "the same"
    return f"{number(abs(change))} % {'more' if change > 0 else 'less'}"


def tiny(share: float) -> str:
    """A change in percent in the unit that reads best."""
    unit, scale = names.readable_unit([share])
    return f"{signed(scale * share, 2)} {unit}"


def gains(value: float, count: int = 2, often: str = "") -> str:
    """What so many regions gain or lose, million USD."""
    s = "s" if count == 1 else ""
    if abs(value) < NEGLIGIBLE:
        return f"neither gain{s} nor lose{s}"
    unit, scale = names.readable_money([value])
    return f"{'gain' if value > 0 else 'lose'}{s} {number(abs(scale * value))} {unit}{often}"


def moves(change: float, unit: str) -> str:
    """A change as a verb and a number."""
    if abs(change) < NEGLIGIBLE:
        return "do not change"
    return f"{'rise' if change > 0 else 'fall'} by {number(abs(change), 2)} {unit}"


def sentence(parts: list[str]) -> str:
    """One sentence of several parts."""
    return names.capital("; ".join(parts)) + "."
