"""Schemas for YAML files: pydantic models whose errors name file, line, place and the nearest valid key.

A schema is a `Schema` subclass. Nothing is converted silently: text is no number, 1.5 is no whole number, unknown keys
and infinite numbers are refused. Alternatives should be told apart by a `Literal` field named in
`Field(discriminator=...)`: then only the errors of the alternative meant are reported.
"""

from __future__ import annotations

import json
import re
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError

from calibration.errors import InputError, Problem, nearest, one_of, shown
from calibration.strict_yaml import Document, KeyPath

M = TypeVar("M", bound=BaseModel)


class Schema(BaseModel):
    """Base of all schemas: frozen, unknown keys refused, no conversions, finite numbers only."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


_EXPECTED = {
    "string_type": "text",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "dict_type": "a mapping",
    "none_required": "nothing",
}
_BOUNDS = {"gt": "> {}", "ge": ">= {}", "lt": "< {}", "le": "<= {}", "multiple_of": "a multiple of {}"}
_LENGTHS = {"too_short": "{} or more", "too_long": "{} or fewer"}  # of lists and mappings
_KEY = "[key]"  # pydantic's mark for an error in the key of a mapping, not in its value


def validate(schema: type[M], document: Document, path: KeyPath = ()) -> M:
    """The document, or the part of it at `path`, as a record of the given schema.

    Raises InputError with all problems at once, each with file and line.
    """
    data = document.data
    for step in path:
        data = data[step]
    if data is None:
        data = {}  # an empty file or section: report the keys it lacks
    try:
        # Through JSON, because pydantic's strict mode there is that of a file: a list may fill a tuple, text an enum.
        return schema.model_validate_json(json.dumps(data))
    except ValidationError as error:
        found = error.errors(include_url=False)
        raise InputError(list(_problems(schema, document, path, data, found))) from None


def _problems(
    schema: type[BaseModel], document: Document, path: KeyPath, data: Any, errors: Sequence[Mapping[str, Any]]
) -> Iterator[Problem]:
    """One problem per place; the alternatives of a union that fail at the same place are read as one."""
    places: dict[tuple[KeyPath, str], list[tuple[str, str, str]]] = {}
    misspelt: set[tuple[KeyPath, str]] = (
        set()
    )  # keys that are missing only because they are written otherwise
    for error in errors:
        steps, kinds = _locate(schema, data, error["loc"])
        what, expected, suggestion = _message(error, kinds, _at(data, steps[:-1]))
        if error["type"] == "extra_forbidden":
            misspelt.add((steps[:-1], suggestion))
        if error["type"].startswith("union_tag"):
            steps = (*steps, error["ctx"]["discriminator"].strip("'"))
        places.setdefault((steps, what), []).append((what, expected, suggestion))
    wrong = {steps[:length] for steps, _ in places for length in range(len(steps))}
    for error in errors:  # a list is not too short that has members, of which all are wrong
        steps, _ = _locate(schema, data, error["loc"])
        if error["type"] == "too_short" and steps in wrong:
            places = {place: said for place, said in places.items() if place[0] != steps}
    for (steps, what), messages in sorted(places.items(), key=lambda item: document.line(path + item[0][0])):
        if what == "missing key" and (steps[:-1], str(steps[-1])) in misspelt:
            continue
        expected = " or ".join(dict.fromkeys(message[1] for message in messages if message[1]))
        suggestion = next((message[2] for message in messages if message[2]), "")
        yield document.problem(path + steps, what, expected, suggestion)


def _message(error: Mapping[str, Any], kinds: list[Any], around: Any) -> tuple[str, str, str]:
    """What is wrong, what was expected, what was perhaps meant."""
    kind, context, value = error["type"], error.get("ctx", {}), error["input"]
    got = f"got {shown(value)}"
    if kind == "extra_forbidden":
        valid = [key for kind in kinds for key in _keys(kind)]
        unused = [key for key in valid if not isinstance(around, dict) or key not in around]
        return "unknown key", one_of(valid), nearest(error["loc"][-1], unused)
    if kind == "missing":
        return "missing key", "; ".join(filter(None, (_describe(k) for k in kinds[:1]))), ""
    if kind in ("model_type", "model_attributes_type"):
        return got, "a mapping with keys " + ", ".join(key for kind in kinds for key in _keys(kind)), ""
    if kind in ("literal_error", "enum", "union_tag_invalid"):
        listed = context.get("expected") or context.get("expected_tags") or ""
        valid = re.findall(r"'([^']*)'", listed) or [listed]
        named = context.get("tag", value)
        return f"got {shown(named)}", one_of(valid), nearest(named, valid)
    if kind == "union_tag_not_found":
        tags = [tag for leaf in kinds for tag in _tags(leaf, context["discriminator"].strip("'"))]
        return "missing key", one_of(tags), ""
    if _KEY in error["loc"]:
        got += " as a key"
    bounds = [form.format(f"{context[name]:g}") for name, form in _BOUNDS.items() if name in context]
    if bounds:
        return got, f"a number {bounds[0]}".replace("a number a", "a"), ""
    if kind in _EXPECTED:
        return got, _EXPECTED[kind], _meant(kind, value)
    if kind in _LENGTHS:
        bound = context.get("min_length", context.get("max_length"))
        return f"has {context['actual_length']}", _LENGTHS[kind].format(bound), ""
    message = str(context["error"]) if kind in ("value_error", "assertion_error") else error["msg"]
    return message, str(context.get("expected", "")) if kind not in _STANDARD else "", ""


_WRITTEN_NUMBER = re.compile(
    r"(?P<number>[-+]?[0-9][0-9_,]*(\.[0-9]+)?([eE][-+]?[0-9]+)?) *(?P<unit>%|[A-Za-z][\w/ ]*)?"
)


def _meant(kind: str, value: Any) -> str:
    """The number, or the year, that a text was meant for."""
    if not isinstance(value, str):
        return ""
    if kind.startswith("int") and (year := re.match(r"([12][0-9]{3})-[0-9]{2}", value)):
        return year[1]
    found = _WRITTEN_NUMBER.fullmatch(value.strip())
    if not kind.startswith(("int", "float")) or found is None:
        return ""
    number = re.sub("[,_]", "", found["number"])
    if found["unit"]:
        return f'value: {number} and unit: "{found["unit"]}"'
    return f"{number} without quotes" if number == value.strip() else number


# Kinds of pydantic's own whose message says everything; a validator's PydanticCustomError may carry `expected`.
_STANDARD = {"string_too_short", "string_too_long", "string_pattern_mismatch"}


def _locate(schema: type[BaseModel], data: Any, location: Sequence[str | int]) -> tuple[KeyPath, list[Any]]:
    """Path in the file of an error's location, and the types that may stand there.

    Pydantic puts the names of union members and of validators between the keys; they are told from keys by following
    the annotations along with the data.
    """
    steps: list[str | int] = []
    kinds: list[Any] = [schema]
    for position, step in enumerate(location):
        if step == _KEY:
            break
        inner = [child for kind in kinds for child in _children(kind, step)]
        last = position == len(location) - 1
        if isinstance(data, dict) and (found := _key_in(data, step)) is not None and (inner or last):
            steps.append(found)
            data = data[found]
            kinds = inner or kinds
        elif isinstance(data, list) and isinstance(step, int) and step < len(data):
            steps.append(step)
            data = data[step]
            kinds = inner
        elif inner and last and isinstance(data, dict):  # a missing key: its place is the mapping around it
            steps.append(step)
            kinds = inner
        else:
            kinds = _chosen(kinds, step)
    return tuple(steps), [leaf for kind in kinds for leaf in _alternatives(kind)]


def _key_in(data: dict[str | int, Any], step: str | int) -> str | int | None:
    """The key as the file has it: JSON writes whole numbers used as keys as text."""
    return next((key for key in data if key == step or str(key) == str(step)), None)


def _alternatives(kind: Any) -> Iterator[Any]:
    """The types that may stand where `kind` is annotated, without None."""
    if hasattr(kind, "__value__"):  # a named alias, `type Share = float`
        yield from _alternatives(kind.__value__)
    elif get_origin(kind) is Annotated:
        yield from _alternatives(get_args(kind)[0])
    elif get_origin(kind) in (Union, types.UnionType):
        for member in get_args(kind):
            yield from _alternatives(member)
    elif kind is not types.NoneType:
        yield kind


def _children(kind: Any, step: str | int) -> Iterator[Any]:
    """The types of what stands at a key or position inside a value of type `kind`."""
    for leaf in _alternatives(kind):
        if _is_schema(leaf):
            for name, info in leaf.model_fields.items():
                if step == (info.validation_alias or name):
                    yield info.annotation
        elif get_origin(leaf) in (dict, Mapping):
            yield get_args(leaf)[1]
        elif isinstance(step, int) and get_origin(leaf) is not Literal:
            members = [member for member in get_args(leaf) if member is not Ellipsis]
            yield from members[min(step, len(members) - 1) :][:1]


def _chosen(kinds: list[Any], tag: str | int) -> list[Any]:
    """The alternatives that a union member's name or a discriminator's value points to."""
    leaves = [leaf for kind in kinds for leaf in _alternatives(kind)]
    chosen = [
        leaf for leaf in leaves if _is_schema(leaf) and (leaf.__name__ == tag or _has_literal(leaf, tag))
    ]
    return chosen or leaves


def _has_literal(schema: type[BaseModel], tag: str | int) -> bool:
    return any(tag in _tags(schema, name) for name in schema.model_fields)


def _tags(schema: Any, name: str) -> tuple[Any, ...]:
    """The values that a `Literal` field allows."""
    info = schema.model_fields.get(name) if _is_schema(schema) else None
    return get_args(info.annotation) if info and get_origin(info.annotation) is Literal else ()


def _is_schema(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _keys(kind: Any) -> list[str]:
    return [info.alias or name for name, info in kind.model_fields.items()] if _is_schema(kind) else []


def _describe(kind: Any) -> str:
    """An annotation in the words of someone who writes YAML."""
    if _is_schema(kind):
        return "a mapping with keys " + ", ".join(_keys(kind))
    if get_origin(kind) is Literal:
        return one_of(get_args(kind))
    if get_origin(kind) in (dict, Mapping):
        return "a mapping"
    if get_origin(kind) in (list, tuple, set, frozenset):
        return "a list"
    return {str: "text", float: "a number", int: "a whole number", bool: "true or false"}.get(kind, "")


def _at(data: Any, path: KeyPath) -> Any:
    """The value at a path, or None where the file has nothing there."""
    for step in path:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return None
    return data
