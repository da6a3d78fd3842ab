"""Which patents are worth classifying: by CPC class, by class together with a term, or by a term in the text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from calibration.errors import InputError
from calibration.evidence.patents.cpc import Symbol, SymbolRange, parse_range, parse_symbol
from calibration.evidence.patents.readers import Source, rows_of
from calibration.evidence.patents.records import ELEMENTS, Patent
from calibration.evidence.patents.text import find_elements
from calibration.strict_yaml import load
from calibration.validate import Schema, validate

SHIPPED = Path(__file__).parent / "candidates.yaml"


class SelectionFile(Schema):
    """candidates.yaml: symbols with their labels, and terms."""

    classes: dict[str, str]
    classes_with_terms: dict[str, str]
    terms: list[str]
    weak_elements: list[str]


@dataclass(frozen=True, slots=True)
class Selection:
    """The rules, read: by subclass the ranges that suffice and those that need a term; `words` are
    the terms in small letters, looked for before the pattern that knows where words end."""

    alone: dict[str, tuple[SymbolRange, ...]]
    with_term: dict[str, tuple[SymbolRange, ...]]
    words: tuple[str, ...]
    terms: re.Pattern[str]
    weak: frozenset[str]

    def by_class(self, codes: Iterable[str]) -> str:
        """`class`, `class with term` (needs one) or "" for a patent's CPC codes; what is no symbol is passed
        over.
        """
        found = ""
        for code in codes:
            symbol = parse_symbol(code)
            if symbol is None:
                continue
            if _within(symbol, self.alone):
                return "class"
            if _within(symbol, self.with_term):
                found = "class with term"
        return found

    def by_term(self, text: str) -> bool:
        """Whether a text names rare earths, or one that alone suffices."""
        folded = text.casefold()
        named = any(word in folded for word in self.words) and self.terms.search(text)
        return bool(named) or any(e not in self.weak for e in find_elements(text))

    def reason(self, patent: Patent) -> str:
        """Why a patent is a candidate: `class`, `class with term`, `term`; "" when it is none."""
        by_class = self.by_class(patent.cpc)
        if by_class == "class":
            return by_class
        if self.by_term(patent.text):
            return by_class or "term"
        return ""


def read_selection(path: str | Path = SHIPPED) -> Selection:
    """The rules of a selection file. Raises InputError with every symbol that is none."""
    document = load(path)
    rules = validate(SelectionFile, document)
    problems = []
    groups: list[dict[str, tuple[SymbolRange, ...]]] = []
    for section in ("classes", "classes_with_terms"):
        ranges: dict[str, tuple[SymbolRange, ...]] = {}
        for text in getattr(rules, section):
            try:
                parsed = parse_range(text)
            except ValueError as error:
                problems.append(document.problem((section, text), str(error)))
                continue
            key = parsed.first.subclass
            ranges[key] = (*ranges.get(key, ()), parsed)
        groups.append(ranges)
    for k, element in enumerate(rules.weak_elements):
        if element not in ELEMENTS:
            problems.append(document.problem(("weak_elements", k), f"unknown element {element!r}"))
    if problems:
        raise InputError(problems)
    words = "|".join(re.escape(term) for term in sorted(rules.terms, key=len, reverse=True))
    pattern = re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE)
    plain = tuple(term.casefold() for term in rules.terms)
    return Selection(groups[0], groups[1], plain, pattern, frozenset(rules.weak_elements))


def candidate_ids(source: Source, folder: str | Path, selection: Selection) -> tuple[set[str], Counter[str]]:
    """Ids of the candidates of a source, streaming its tables once, and how many came in for which reason.

    Memory grows with the patents that match a class or a term, not with the source.
    """
    alone: set[str] = set()
    need_term: set[str] = set()
    with_term: set[str] = set()
    for identity, fields in rows_of(source, folder):
        found = selection.by_class(fields.get("cpc", ()))
        if found:
            (alone if found == "class" else need_term).add(identity)
        text = ". ".join(value for name in ("title", "abstract") for value in fields.get(name, ()))
        if text and selection.by_term(text):
            with_term.add(identity)
    reasons = Counter(
        {
            "class": len(alone),
            "class with term": len((need_term & with_term) - alone),
            "term": len(with_term - alone - need_term),
        }
    )
    return alone | with_term, reasons


def _within(symbol: Symbol, ranges: dict[str, tuple[SymbolRange, ...]]) -> bool:
    return any(r.holds(symbol) for r in ranges.get(symbol.subclass, ()))
