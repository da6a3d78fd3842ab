"""How labels and numbers read for people. A label without an entry reads as it is."""

from __future__ import annotations

from collections.abc import Sequence

from scenarios.spoken import ELEMENTS, REGIONS

REGIMES = {
    "exogenous": "fixed technology",
    "directed": "directed technology",
    "directed_with_spillovers": "directed technology and spillovers",
}
SHORT_REGIMES = {"exogenous": "fixed", "directed": "directed", "directed_with_spillovers": "+ spillovers"}
FORCES = {
    "cost": "the shock itself",
    "direction": "direction of own research",
    "spillovers": "spillovers from others' research",
    "breadth": "breadth of rare-earth-saving research",
    "capacity": "capacity",
    "sum": "sum",
}


PER_KG = "USD per kg of product"  # gross weight, as customs count it
OF_PRODUCT = "Product as it is traded: oxides; lanthanum and cerium as compounds with less oxide."
LARGE = 9999.5  # from here on numbers in a chart are written in thousands and millions


def region(label: str) -> str:
    """A region's name."""
    return REGIONS.get(label, label)


def named(label: str) -> str:
    """A region as it is named within a sentence: China, the United States."""
    name = region(label)
    return f"the {name}" if name.startswith(("rest of", "United")) else name


def regions(labels: Sequence[str]) -> str:
    """Regions as they stand in a sentence; only how many when there are more than three."""
    return (
        listed([named(label) for label in labels])
        if len(labels) < 4
        else f"{len(labels)} restricting regions"
    )


def capital(text: str) -> str:
    """Text with its first letter large."""
    return text[:1].upper() + text[1:]


def possessive(name: str) -> str:
    """Whose: China's, United States', 8 restricting regions'."""
    return f"{name}'" if name.endswith("s") else f"{name}'s"


def element(label: str) -> str:
    """An element's name."""
    return ELEMENTS.get(label, label)


def sector(label: str) -> str:
    """A sector's name."""
    return label.replace("_", " ").replace("ree ", "rare-earth ")


def regime(label: str) -> str:
    """A technology regime's name."""
    return REGIMES.get(label, label)


def listed(names: Sequence[str]) -> str:
    """Names as they stand in a sentence: a, b and c."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def counted(number: int, what: str) -> str:
    """How many there are of something: 1 line, 2 lines."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def number(value: float, digits: int = 3) -> str:
    """A number to some significant digits, without exponent where people would write none: 1,234; 12.3; 0.0021.

    Nothing before the decimal point is rounded below a million; from there on four digits are kept.
    """
    if value == 0:
        return "0"
    size = abs(value)
    if size < 1e-7 or size >= 1e12:
        return f"{value:.{digits - 1}e}"
    if size >= 1e6:
        return f"{float(f'{value:.{max(digits, 4)}g}'):,.0f}"
    if size >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    rounded = f"{value:.{digits}g}"
    if "e" in rounded:
        return f"{float(rounded):.12f}".rstrip("0")
    whole, _, fraction = rounded.lstrip("-").partition(".")
    missing = digits - len((whole + fraction).lstrip("0"))
    return rounded + ("." if missing > 0 and not fraction else "") + "0" * max(missing, 0)


def signed(value: float, digits: int = 3) -> str:
    """A change, with its sign: +12.3, -0.0021, 0."""
    text = number(value, digits)
    return f"+{text}" if value > 0 else text


def readable_unit(values: Sequence[float]) -> tuple[str, float]:
    """% or, when all of some changes in percent are below 0.1, ppm; and what to multiply them with."""
    return ("ppm", 1e4) if values and max(abs(v) for v in values) < 0.1 else ("%", 1.0)


def readable_money(values: Sequence[float]) -> tuple[str, float]:
    """million USD or, when some amount is 10,000 of them, billion USD; and what to multiply amounts with."""
    many = bool(values) and max(abs(v) for v in values) >= 1e4
    return ("billion USD", 1e-3) if many else ("million USD", 1.0)


def brief(unit: str) -> str:
    """A unit of `readable_money` where there is little room: m USD, bn USD."""
    return unit.replace("million", "m").replace("billion", "bn")


def beside(value: float, least: float = 0.0) -> str:
    """A change beside its bar: two digits, from LARGE on as `compact`; "about 0" below `least`."""
    if abs(value) < least and value != 0:
        return "about 0"
    if abs(value) < LARGE:
        return signed(value, 2)
    return f"{'+' if value > 0 else ''}{compact(value)}"


def tick(value: float) -> str:
    """A round value as it stands on an axis, exactly: 0.25; 3,000; 12.5k; 3M."""
    size = abs(value)
    if size >= 1e6:
        return f"{value / 1e6:,.10g}M"
    if size >= LARGE:
        return f"{value / 1000:,.10g}k"
    return f"{value:,.10g}" if size >= 1e-4 or value == 0 else f"{value:.1g}"


def compact(value: float) -> str:
    """A large number in few characters: 12k, 1.3M, 120M; k are thousands, M are millions."""
    size = abs(value)
    if size >= 999_500:
        return f"{value / 1e6:,.0f}M" if size >= 9.95e6 else f"{value / 1e6:.1f}M"
    return f"{value / 1000:.0f}k"
