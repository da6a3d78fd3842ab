"""Symbols of the Cooperative Patent Classification: read, compared and matched against ranges."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_SYMBOL = re.compile(
    r"\s*([A-HY])\s*(\d{2})\s*([A-Z])\s*(?:0*(\d{1,4})\s*(?:/\s*(\d{2,6}))?)?\s*", re.IGNORECASE
)
_RANGE_END = re.compile(r"\s*(?:[A-HY]\d{2}[A-Z]\s*)?(?:0*(\d{1,4})\s*/)?\s*(\d{2,6})\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Symbol:
    """C22B 59/00 is subclass C22B, group 59, subgroup "00". A subclass alone has group None; subgroup "" is a
    group.
    """

    subclass: str
    group: int | None = None
    subgroup: str = ""

    def __str__(self) -> str:
        if self.group is None:
            return self.subclass
        return f"{self.subclass} {self.group}" + (f"/{self.subgroup}" if self.subgroup else "")


@dataclass(frozen=True, slots=True)
class SymbolRange:
    """From one symbol to another of the same group, deeper subgroups of the last one included."""

    first: Symbol
    last: Symbol

    def holds(self, symbol: Symbol) -> bool:
        """Whether a symbol lies in the range. Digits after the slash count as decimals: 1/0533 lies after
        1/053.
        """
        if symbol.subclass != self.first.subclass:
            return False
        if self.first.group is None:
            return True
        if symbol.group != self.first.group:
            return False
        # A main group (59/00) stands for all of its subgroups.
        if self.first.subgroup in ("", "00") and self.last == self.first:
            return True
        return self.first.subgroup <= symbol.subgroup and (
            symbol.subgroup <= self.last.subgroup or symbol.subgroup.startswith(self.last.subgroup)
        )


@lru_cache(maxsize=500_000)  # there are some 260,000 symbols, and sources of fifty million
def parse_symbol(text: str) -> Symbol | None:
    """A symbol however it is written (C22B59/00, C22B 59/00, c22b0059000), or None when it is none."""
    compact = re.fullmatch(r"([A-HY]\d{2}[A-Z])(\d{4})(\d{2,6})", text.strip().upper())
    if compact:  # PATSTAT and WIPO's fixed-width form
        digits = compact[3]
        return Symbol(compact[1], int(compact[2]), digits[:2] + digits[2:].rstrip("0"))
    match = _SYMBOL.fullmatch(text)
    if not match:
        return None
    subclass = f"{match[1]}{match[2]}{match[3]}".upper()
    return Symbol(subclass, int(match[4]) if match[4] else None, match[5] or "")


def parse_range(text: str) -> SymbolRange:
    """`C22B 59` (all of it), `H01F 1/055` (with what is below it) or `H01F 1/053-1/057`. Raises ValueError."""
    start, _, end = text.partition("-")
    first = parse_symbol(start)
    if first is None:
        raise ValueError(
            f"{text!r} is not a CPC symbol such as C22B 59/00 or a range such as H01F 1/053-1/057"
        )
    if not end:
        return SymbolRange(first, first)
    match = _RANGE_END.fullmatch(end)
    if not match or first.group is None or not first.subgroup or (match[1] and int(match[1]) != first.group):
        raise ValueError(f"the range {text!r} must stay within one group, as H01F 1/053-1/057 does")
    last = Symbol(first.subclass, first.group, match[2])
    if last.subgroup < first.subgroup:
        raise ValueError(f"the range {text!r} ends before it starts")
    return SymbolRange(first, last)
