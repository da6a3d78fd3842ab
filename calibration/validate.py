"""Schemas for YAML files: pydantic models whose errors name file, line, place and the nearest valid key.

A schema is a `Schema` subclass. Nothing is converted silently: text is no number, 1.5 is no whole number, unknown keys
and infinite numbers are refused. Alternatives should be told apart by a `Literal` field named in
`Field(discriminator=...)`: then only the errors of the alternative meant are reported.
"""

from __future__ import annotations

import json
import re
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Annotated, Any, Generic, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError

from calibration.errors import InputError, Problem, nearest, one_of, shown
from calibration.salvage import NO_CURE, Fault, StandIns, is_guess, mended, within
from calibration.strict_yaml import Document, KeyPath

M = TypeVar("M", bound=BaseModel)
ROUNDS = 20  # of mending; each takes away what hid the faults of the next


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


@dataclass(frozen=True)
class Reading(Generic[M]):
    """What could be read of a document, and everything wrong with it."""

    record: M | None  # None when too little could be read
    document: Document  # what the record says: the file, or the file as it was probably meant
    problems: tuple[Problem, ...] = ()
    doubts: frozenset[KeyPath] = (
        frozenset()
    )  # places that were refused: what the record holds there is a guess


def validate(schema: type[M], document: Document, path: KeyPath = ()) -> M:
    """The document, or the part of it at `path`, as a record of the given schema.

    Raises InputError with all problems at once, each with file and line.
    """
    reading = read(schema, document, path=path)
    if reading.record is None or reading.problems:
        raise InputError(reading.problems)
    return reading.record


def read(
    schema: type[M], document: Document, stand_ins: StandIns | None = None, *, path: KeyPath = ()
) -> Reading[M]:
    """The document, or the part of it at `path`, and all its problems, in the order of the file.

    After a fault the rest is read as `salvage` says, with `stand_ins` for what cannot be read.
    """
    found: list[Fault] = []
    problems: list[tuple[int, Problem]] = []
    record = None
    for _ in range(ROUNDS):
        data = _at(document.data, path)
        if data is None:
            data = {}  # an empty file or section: report the keys it lacks
        try:
            # Through JSON, as pydantic's strict mode there is that of a file: a list may fill a tuple, text an enum.
            record = schema.model_validate_json(json.dumps(data))
            break
        except ValidationError as error:
            faults = [
                fault._replace(path=path + fault.path)
                for fault in _faults(schema, data, error.errors(include_url=False))
            ]
        new = [fault for fault in faults if not _follows(fault, found)]
        problems += [
            (document.line(fault.path), document.problem(*fault[:4]))
            for fault in new
            if not (fault.is_kind and is_guess(document, fault.path))
        ]
        found += new
        as_meant = mended(document, faults, stand_ins or {})
        if as_meant is document:
            break
        document = as_meant
    told = tuple(problem for _, problem in sorted(problems, key=itemgetter(0)))
    return Reading(record, document, told, frozenset(_refused(found)))


def _follows(fault: Fault, found: Sequence[Fault]) -> bool:
    """Whether a fault comes from one that was told: that stands around it, or is an unknown key that was left out."""
    left_out = {one.path[:-1] for one in found if one.is_key and not one.suggestion}
    return fault.path in left_out or within(fault.path, _refused(found))


def _refused(found: Iterable[Fault]) -> list[KeyPath]:
    return [path for fault in found for path in fault.refused]


def _faults(schema: type[BaseModel], data: Any, errors: Sequence[Mapping[str, Any]]) -> Iterator[Fault]:
    """One fault per place; the alternatives of a union that fail at the same place are read as one."""
    places: dict[tuple[KeyPath, str], list[Fault]] = {}
    misspelt: set[tuple[KeyPath, str]] = (
        set()
    )  # keys that are missing only because they are written otherwise
    for error in errors:
        steps, kinds = _locate(schema, data, error)
        fault = _fault(error, steps, kinds, data)
        if fault.is_key:
            misspelt.add((fault.path[:-1], fault.suggestion))
        places.setdefault((fault.path, fault.what), []).append(fault)
    wrong = {steps[:length] for steps, _ in places for length in range(len(steps))}
    for error in errors:  # a list is not too short that has members, of which all are wrong
        steps, _ = _locate(schema, data, error)
        if error["type"] == "too_short" and steps in wrong:
            places = {place: said for place, said in places.items() if place[0] != steps}
    for (steps, what), same in places.items():
        if what == "missing key" and (steps[:-1], str(steps[-1])) in misspelt:
            continue
        expected = " or ".join(dict.fromkeys(fault.expected for fault in same if fault.expected))
        meant = next((fault for fault in same if fault.suggestion), same[0])
        yield meant._replace(expected=expected)


def _fault(error: Mapping[str, Any], steps: KeyPath, kinds: list[Any], data: Any) -> Fault:
    """What is wrong at a place, what was expected, what was perhaps meant."""
    if error["type"] == "extra_forbidden":
        valid, around = [key for kind in kinds for key in _keys(kind)], _at(data, steps[:-1])
        unused = [key for key in valid if not isinstance(around, dict) or key not in around]
        return Fault(steps, "unknown key", one_of(valid), nearest(steps[-1], unused), is_key=True)
    kind, is_name = error["type"], error["type"] in ("literal_error", "enum", "union_tag_invalid")
    if not kind.startswith("union_tag"):
        is_kind = is_name or kind in _EXPECTED or kind.startswith("model_")
        cure = error.get("ctx", {}).get("cure", NO_CURE)
        return Fault(steps, *_message(error, kinds), is_name=is_name, is_kind=is_kind, cure=cure)
    tag, around = error["ctx"]["discriminator"].strip("'"), _at(data, steps)
    if kind == "union_tag_not_found" and isinstance(around, dict):
        known = {key for kind in kinds for key in _keys(kind)}
        written = nearest(tag, [key for key in around if key not in known])
        if written:
            return Fault((*steps, written), "unknown key", f"the key {tag}", tag, is_key=True)
    return Fault((*steps, tag), *_message(error, kinds), is_name=is_name)


def _message(error: Mapping[str, Any], kinds: list[Any]) -> tuple[str, str, str]:
    """What is wrong, what was expected, what was perhaps meant."""
    kind, context, value = error["type"], error.get("ctx", {}), error["input"]
    got = f"got {shown(value)}"
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
        return got, _EXPECTED[kind], "" if _KEY in error["loc"] else _meant(kind, value)
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


def _locate(schema: type[BaseModel], data: Any, error: Mapping[str, Any]) -> tuple[KeyPath, list[Any]]:
    """Path in the file of an error's location, and the types that may stand there.

    Pydantic puts the names of union members and of validators between the keys; they are told from keys by following
    the annotations along with the data.
    """
    steps: list[str | int] = []
    kinds: list[Any] = [schema]
    location: Sequence[str | int] = error["loc"]
    for position, step in enumerate(location):
        if step == _KEY:
            break
        inner = [child for kind in kinds for child in _children(kind, step)]
        last = position == len(location) - 1
        if isinstance(data, dict) and (found := _key_in(data, step)) is not None and (inner or last):
            steps.append(found)
            data = data[found]
            if (
                error["type"] != "extra_forbidden" or not last
            ):  # an unknown key: what it stands in is asked for
                kinds = inner or kinds
        elif isinstance(data, list) and isinstance(step, int) and step < len(data):
            steps.append(step)
            data = data[step]
            kinds = inner
        elif (
            last and error["type"] == "missing" and isinstance(data, dict)
        ):  # a missing key: its place is the mapping around it
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
