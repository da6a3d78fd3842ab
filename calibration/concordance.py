"""Names of a concordance that lead nowhere, or to two places; those of the source table are checked with it."""

from __future__ import annotations

from calibration.errors import Problem, unknown_name
from calibration.inputs import STAGES
from calibration.schema import Concordance
from calibration.strict_yaml import Document, KeyPath


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
