"""What labels are called: regions and elements by their names, for messages and for results."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from calibration.errors import Problem, nearest, unknown_name

REGIONS = {
    "CHN": "China", "JPN": "Japan", "USA": "United States", "KOR": "Korea", "TWN": "Taiwan", "DEU": "Germany",
    "REU": "rest of the EU", "IND": "India", "RUS": "Russia", "BRA": "Brazil", "AUS": "Australia",
    "ROW": "rest of the world", "world": "world", "others": "all others",
}  # fmt: skip
ELEMENTS = {
    "La": "lanthanum", "Ce": "cerium", "Pr": "praseodymium", "Nd": "neodymium", "Sm": "samarium", "Eu": "europium",
    "Gd": "gadolinium", "Tb": "terbium", "Dy": "dysprosium", "Y": "yttrium", "Ho": "holmium", "Er": "erbium",
    "Tm": "thulium", "Yb": "ytterbium", "Lu": "lutetium", "Sc": "scandium",
}  # fmt: skip
# One name may stand for several labels.
OTHERWISE = {
    **dict.fromkeys(("eu", "european union", "europe"), ("DEU", "REU")), "america": ("USA",), "us": ("USA",),
    "south korea": ("KOR",), **dict.fromkeys(("uk", "united kingdom", "britain", "france"), ("REU",)),
    **dict.fromkeys(("myanmar", "burma", "malaysia", "vietnam", "canada"), ("ROW",)),
}  # fmt: skip


def meant(name: str, valid: Iterable[str]) -> str:
    """The label that was perhaps meant, or labels: the nearest one, or those of what it is called; "" when none is."""
    valid = list(valid)
    called = {text.casefold(): (label,) for label, text in (REGIONS | ELEMENTS).items()} | OTHERWISE
    labels = called.get(nearest(name, called), ())
    return " and ".join(labels) if labels and set(labels) <= set(valid) else nearest(name, valid)


def unknown_label(kind: str, name: str, valid: Iterable[str]) -> Problem:
    """The problem of a name that is no label of a calibration, with the label that was perhaps meant."""
    valid = list(valid)
    return replace(unknown_name(kind, name, valid), suggestion=meant(name, valid))
