"""Names of a concordance that lead nowhere, or stand for two things; those of the source table are checked with it."""

from __future__ import annotations

from collections.abc import Sequence

from calibration.errors import Problem, unknown_name
from calibration.inputs import CONCENTRATE, STAGES
from calibration.schema import Concordance
from calibration.strict_yaml import Document, KeyPath

# What means several of them, or whoever is not named, in calibrations, scenarios and results.
COMMON = ("all", "default", "elements", "others", "restricting", "world")
CHAIN = (*STAGES, CONCENTRATE)  # sectors and goods that every calibration has


def ambiguous(
    elements: Sequence[str], document: Document, concordance: Concordance, groups: Document
) -> list[Problem]:
    """Regions, sectors and elements whose names mean something else, too; groups: the document of the concordance."""
    common = dict.fromkeys(COMMON, "a word for several of them")
    chain = dict.fromkeys(CHAIN, "that of a part of the rare-earth chain")
    sectors = dict.fromkeys(concordance.sectors, "that of a sector")
    taken: list[tuple[Document, KeyPath, str, dict[str, str]]] = [
        *((groups, ("regions", name), name, common) for name in concordance.regions),
        *((groups, ("sectors", name), name, common | chain) for name in concordance.sectors),
        *((document, ("elements", at), name, common | chain | sectors) for at, name in enumerate(elements)),
    ]
    return [
        file.problem(path, f"the name {name!r} is {names[name]}", "another name")
        for file, path, name, names in taken
        if name in names
    ]


def misleading(concordance: Concordance, document: Document) -> list[Problem]:
    """Regions and sectors that are named and not there, and countries of the trade data that are named twice."""
    regions, sectors = tuple(concordance.regions), tuple(concordance.sectors)
    names = concordance.parameter_names
    led: list[tuple[KeyPath, str, str, tuple[str, ...]]] = [
        (("trade_names", name), name, "region", regions) for name in concordance.trade_names
    ]
    if concordance.rest:
        led.append((("rest",), concordance.rest, "region", regions))
    for kind, lead, own, stages in (
        ("region", names.regions, regions, ()),
        ("sector", names.sectors, sectors, STAGES),
    ):
        path = ("parameter_names", f"{kind}s")
        led += [((*path, "within", name), group, kind, own) for name, group in lead.within.items()]
        led += [((*path, "like", name), name, kind, (*own, *stages)) for name in lead.like]
    problems = []
    for place, name, kind, valid in led:
        if name not in valid:
            unknown = unknown_name(kind, name, valid)
            problems.append(document.problem(place, unknown.what, unknown.expected, unknown.suggestion))
    first: dict[str, str] = {}
    for region, members in concordance.trade_names.items():
        for at, member in enumerate(members):
            if first.setdefault(member, region) != region:
                text = f"{member} stands under {first[member]}, too"
                problems.append(document.problem(("trade_names", region, at), text, "each country once"))
    return problems
