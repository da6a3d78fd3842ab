"""Settings from the command line laid over a scenario file: `--set instruments.quota-2010.limit=25000`."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from calibration import strict_yaml
from calibration.errors import InputError, Problem, unknown_name
from calibration.strict_yaml import Document, KeyPath

# What stood beside a number that was changed is not the source of the new one.
PROVENANCE = ("source", "status", "note", "url")


class Setting(NamedTuple):
    """One change: where, and the new value."""

    path: tuple[str, ...]
    value: Any
    text: str  # as it was given


def parse(text: str) -> Setting:
    """Read `dotted.path=value`; the value is YAML. Raises InputError."""
    path, equals, value = text.partition("=")
    steps = tuple(step.strip() for step in path.split("."))
    if not equals or not all(steps):
        raise InputError(
            Problem(f"--set {text!r}", expected="a.dotted.path=value, such as parameters.breadth=0.05")
        )
    try:
        found = strict_yaml.loads(f"value: {value.strip()}", f"--set {path.strip()}").data
    except InputError as error:
        raise InputError([Problem(p.what, p.file, expected=p.expected) for p in error.problems]) from None
    if set(found) != {"value"}:
        raise InputError(Problem(f"--set {text!r} holds more than one value", expected="one value in a line"))
    return Setting(steps, found["value"], text)


def editor(
    settings: Sequence[Setting], forced: Mapping[str, Any] | None = None
) -> Callable[[Document], Document] | None:
    """What `scenarios.load` needs to lay settings over a file; None when there are none."""
    forced = {key: value for key, value in (forced or {}).items() if value is not None}
    if not settings and not forced:
        return None

    def edit(document: Document) -> Document:
        if not isinstance(document.data, dict):
            return document  # the schema says what is wrong with it
        data = copy.deepcopy(document.data)
        origins = {_apply(data, setting, document): f"--set {setting.text}" for setting in settings}
        origins |= {(key,): f"--{key} {value}" for key, value in forced.items()}
        return Document(document.file, {**data, **forced}, document.lines, origins=origins)

    return edit


def _apply(data: dict[str, Any], setting: Setting, document: Document) -> KeyPath:
    """Write one setting into the data of a scenario; returns where. Raises InputError when the path leads nowhere."""
    place: Any = data
    path: KeyPath = ()
    for depth, step in enumerate(setting.path[:-1]):
        path = (*path, _position(place, step, setting, document) if isinstance(place, list) else step)
        place = _inside(place, step, setting, document, create=depth > 0 or step != "instruments")
    last = setting.path[-1]
    if isinstance(place, list):
        position = _position(place, last, setting, document)
        place[position] = setting.value
        return (*path, position)
    if isinstance(old := place.get(last), dict) and "value" in old and not isinstance(setting.value, dict):
        kept = {key: value for key, value in old.items() if key not in PROVENANCE}
        place[last] = {
            **kept,
            "value": setting.value,
            "source": "set on the command line",
            "status": "analyst",
        }
        return (*path, last, "value")
    place[last] = setting.value
    return (*path, last)


def _inside(place: Any, step: str, setting: Setting, document: Document, create: bool) -> Any:
    """What stands at a step of the path; a mapping that is not there yet is made."""
    if isinstance(place, list):
        return place[_position(place, step, setting, document)]
    if step not in place and create:
        place[step] = {}
    inner = place.get(step)
    if not isinstance(inner, dict | list):
        what = f"--set {setting.text}: {step!r} holds no settings"
        raise InputError(
            unknown_name("setting", step, place, file=document.file)
            if inner is None
            else Problem(what, document.file)
        )
    return inner


def _position(place: list[Any], step: str, setting: Setting, document: Document) -> int:
    """Position in a list by number, or by the name or type of an instrument."""
    if step.isdigit() and int(step) < len(place):
        return int(step)
    lines = [line if isinstance(line, dict) else {} for line in place]
    named = [line.get("name") or line.get("type") for line in lines]
    for names in (named, [line.get("type") for line in lines]):
        if names.count(step) == 1:
            return names.index(step)
    raise InputError(
        unknown_name(
            "instrument",
            step,
            [str(name) for name in named],
            file=document.file,
            where=f"--set {setting.text}",
        )
    )
