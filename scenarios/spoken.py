"""What labels are called: regions and elements by their names, for messages and for results."""

from __future__ import annotations

from collections.abc import Iterable

from calibration.errors import nearest

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
OTHERWISE = {"eu": "REU", "european union": "REU", "america": "USA", "us": "USA", "south korea": "KOR"}


def meant(name: str, valid: Iterable[str]) -> str:
    """The label that was perhaps meant: the nearest one, or that of what it is called; "" when none is."""
    valid = list(valid)
    called = {text.casefold(): label for label, text in (REGIONS | ELEMENTS).items()} | OTHERWISE
    close = nearest(name, called)
    label = called.get(name.casefold()) or (called[close] if close else "")
    return label if label in valid else nearest(name, valid)
