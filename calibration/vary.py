"""The same base year with other numbers: what sweeps vary."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from calibration.errors import InputError, Problem, nearest, unknown_name
from calibration.schema import CalibrationFile
from calibration.strict_yaml import Document, KeyPath

if TYPE_CHECKING:
    from calibration.load import Calibration

SECTIONS = ("rare_earths", "parameters")
# Rows add to one: where one cell grows, the others give way.
SHARES = ("ore_mix", "concentrate_destination", "application_to_sector")
WHOLE = ("build_time",)  # rounded to whole numbers


def vary(base: Calibration, changes: Mapping[str, float]) -> Calibration:
    """The calibration carved and balanced again with some numbers changed.

    A single number (`ree_elasticity_max`) is set to the level given; a table (`magnet_price`), a row of it
    (`ore_composition.ion_clay`) or a cell (`magnet_price.JPN`) is multiplied by it: what `range` and `range_factor`
    say. Rows of shares still add to one. Raises InputError: unknown names, values out of their bounds, a base year
    that no longer balances.
    """
    from calibration.load import build, reparametrised

    settings = changed(base.settings, changes)
    if settings.rare_earths is base.settings.rare_earths:
        return reparametrised(base, settings)
    return build(settings, base.document, base.concordance, base.host, base.path, base.hashes)


def changed(settings: CalibrationFile, changes: Mapping[str, float]) -> CalibrationFile:
    """The settings with some numbers changed; see `vary`."""
    sections: dict[str, Any] = {section: getattr(settings, section) for section in SECTIONS}
    problems = []
    for path, amount in changes.items():
        problem = misplaced(settings, path)
        if problem is not None:
            problems.append(problem)
            continue
        name, *steps = path.split(".")
        section = _section(settings, name)
        try:
            new = _varied(name, getattr(sections[section], name), steps, amount)
        except ValidationError as error:
            problems.append(Problem(f"{path} = {amount:g}: {error.errors()[0]['msg']}"))
        else:
            sections[section] = sections[section].model_copy(update={name: new})
    if problems:
        raise InputError(problems)
    return settings.model_copy(update=sections)


def forbidden_ends(settings: CalibrationFile, document: Document) -> list[tuple[KeyPath, Problem]]:
    """Ends of ranges to which their parameters cannot go, and where they stand: sweeps would stop there."""
    found: list[tuple[KeyPath, Problem]] = []
    for section in SECTIONS:
        for name, entry in getattr(settings, section):
            field = next((field for field in ("range", "range_factor") if hasattr(entry, field)), "")
            for at, end in enumerate(getattr(entry, field) if field else ()):
                try:
                    _varied(name, entry, [], end)
                except ValidationError as error:
                    first, where = error.errors()[0], (section, name, field, at)
                    number = ".".join(str(step) for step in first["loc"][1:]) or "the value"
                    what = f"{end:g} leads {number} to {first['input']:g}"
                    expected = first["msg"].removeprefix("Input should be ")
                    found.append((where, document.problem(where, what, expected)))
    return found


def _varied(name: str, entry: Any, steps: list[str], amount: float) -> Any:
    """An entry with some of its numbers changed. Raises pydantic's ValidationError."""
    return type(entry).model_validate(entry.model_dump() | _new_value(name, entry, steps, amount))


def _section(settings: CalibrationFile, name: str) -> str:
    """The section in which a parameter is given; "" when it is in none."""
    given = {section: {key for key, entry in getattr(settings, section) if entry} for section in SECTIONS}
    return next((section for section in SECTIONS if name in given[section]), "")


def misplaced(settings: CalibrationFile, path: str) -> Problem | None:
    """What is wrong with a path to a number, or to several; None when it leads to some."""
    name, *steps = path.split(".")
    section = _section(settings, name)
    if not section:
        known = [key for section in SECTIONS for key, entry in getattr(settings, section) if entry]
        return unknown_name("parameter", name, known)
    entry = getattr(getattr(settings, section), name)
    try:
        _new_value(name, entry, steps, 1.0)
    except (KeyError, TypeError):
        inside: Any = entry.value
        while steps and isinstance(inside, dict) and steps[0] in inside:
            inside = inside[steps.pop(0)]
        valid = list(inside) if isinstance(inside, dict) else []
        suggestion = nearest(steps[0], valid) if steps else ""
        expected = f"a name within {name}, or {name} alone" if len(path) > len(name) else ""
        what = "no such number" if len(path) > len(name) else "is no number"
        return Problem(f"{path}: {what}", expected=expected, suggestion=suggestion)
    return None


def _new_value(name: str, entry: Any, steps: list[str], amount: float) -> dict[str, Any]:
    """The changed fields of an entry. A level outside its range widens the range: asking for it is no mistake."""
    if isinstance(entry.value, dict):
        table = _scaled(entry.value, steps, amount)
        if name in SHARES:
            table = {row: _shares(cells) for row, cells in table.items()}
        if name in WHOLE:
            table = {place: float(round(value)) for place, value in table.items()}
        return {"value": table}
    if steps or not isinstance(entry.value, (int, float)):
        raise KeyError(steps)
    low, high = entry.range
    return {"value": amount, "range": (min(low, amount), max(high, amount))}


def _shares(cells: dict[str, float]) -> dict[str, float]:
    total = sum(cells.values())
    return {name: cell / total for name, cell in cells.items()} if total > 0 else cells


def _scaled(values: Any, steps: list[str], factor: float) -> Any:
    if steps:
        return {**values, steps[0]: _scaled(values[steps[0]], steps[1:], factor)}
    if isinstance(values, dict):
        return {name: _scaled(value, [], factor) for name, value in values.items()}
    return values * factor
