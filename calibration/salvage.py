"""Reading on after a mistake: a document as it was probably meant, so that all its problems are told in one message.

A key or a name that is misspelt is read as the nearest valid one; what then is wrong with it is wrong in the file, too.
An unknown key is left out. For any other value that is refused a stand-in is put, if there is one: what rests on it is
in doubt, and nothing is said of it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

from calibration.errors import Problem
from calibration.strict_yaml import Document, KeyPath

LEFT_OUT: Any = object()  # the stand-in for what a file need not have
# By the path of a key with * for positions, by the key alone, or as `KEY.*` for whatever stands below it; what can be
# called is given the path.
StandIns = Mapping[str, Any]
NO_CURE: Mapping[str, Any] = {}


class Fault(NamedTuple):
    """What a schema refuses at a place of a document."""

    path: KeyPath
    what: str
    expected: str = ""
    suggestion: str = ""
    is_key: bool = False  # the key itself is unknown, not its value
    is_name: bool = False  # one of a few names was expected: the suggestion is a value
    is_kind: bool = False  # what stands there is of another kind than was expected
    cure: Mapping[str, Any] = NO_CURE  # of keys that do not go together: what some would have to be

    @property
    def refused(self) -> list[KeyPath]:
        """The places of which nothing is known with this fault."""
        if self.is_key:
            return []
        return [(*self.path, key) for key in self.cure] or [self.path]


@dataclass(frozen=True, slots=True)
class Mended(Document):
    """A document with faults mended; problems are told of the file as it is written."""

    written: Document
    spelt: Mapping[KeyPath, str | int]  # place here -> its last key as the file has it

    def _there(self, path: Iterable[str | int]) -> KeyPath:
        steps = tuple(path)
        return tuple(self.spelt.get(steps[: at + 1], step) for at, step in enumerate(steps))

    def line(self, path: Iterable[str | int] = ()) -> int:
        """Line, from 1, in the file."""
        return self.written.line(self._there(path))

    def problem(
        self, path: Iterable[str | int], what: str, expected: str = "", suggestion: str = ""
    ) -> Problem:
        """A problem with the value at a path, where the file has it."""
        return self.written.problem(self._there(path), what, expected, suggestion)


def is_guess(document: Document, path: KeyPath) -> bool:
    """Whether the last key of a path is only what the file's key was taken for."""
    return isinstance(document, Mended) and path in document.spelt


def overlaps(path: KeyPath, places: Iterable[KeyPath]) -> bool:
    """Whether any of the places holds the path or stands below it."""
    return any(path[: len(place)] == place[: len(path)] for place in places)


def within(path: KeyPath, places: Iterable[KeyPath]) -> bool:
    """Whether the path is one of the places or stands below one."""
    return any(path[: len(place)] == place for place in places)


def mended(document: Document, faults: Iterable[Fault], stand_ins: StandIns) -> Document:
    """The document without these faults, as far as they can be mended; the same one when none can."""
    data = copy.deepcopy(document.data)
    spelt = dict(document.spelt) if isinstance(document, Mended) else {}
    done: list[KeyPath] = []
    for fault in sorted(faults, key=lambda fault: not fault.is_key):
        if fault.path and not within(fault.path, done):
            done += _mend(data, fault, spelt, stand_ins)
    if not done:
        return document
    written = document.written if isinstance(document, Mended) else document
    return Mended(document.file, data, document.lines, written, spelt)


def _mend(data: Any, fault: Fault, spelt: dict[KeyPath, str | int], stand_ins: StandIns) -> Iterator[KeyPath]:
    """Mend a fault; gives the place at which the data changed."""
    around, key = _at(data, fault.path[:-1]), fault.path[-1]
    if fault.is_key and isinstance(around, dict) and key in around:
        value = around.pop(key)
        if fault.suggestion and fault.suggestion not in around:
            around[fault.suggestion] = value
            spelt[*fault.path[:-1], fault.suggestion] = key
        yield fault.path
    elif fault.is_name and fault.suggestion and _holds(around, key) and around[key] != fault.suggestion:
        around[key] = fault.suggestion
        yield fault.path
    elif fault.cure and isinstance(whole := _at(data, fault.path), dict):
        whole |= fault.cure
        yield from fault.refused
    else:
        places = (fault.path[:length] for length in range(len(fault.path), 0, -1))
        yield from islice((place for place in places if _stand_in(data, place, stand_ins)), 1)


def _stand_in(data: Any, path: KeyPath, stand_ins: StandIns) -> bool:
    """Put a stand-in at a path; False when there is none, or it stands there already and did not help."""
    around, key = _at(data, path[:-1]), path[-1]
    whole = ".".join("*" if isinstance(step, int) else step for step in path)
    named = (whole, str(key), f"{path[-2]}.*" if len(path) > 1 else "")
    found = [stand_ins[name] for name in named if name in stand_ins]
    if not found or not isinstance(around, dict if isinstance(key, str) else dict | list):
        return False
    value = found[0](path) if callable(found[0]) else found[0]
    if value is LEFT_OUT:
        return isinstance(around, dict) and around.pop(key, LEFT_OUT) is not LEFT_OUT
    if _holds(around, key) and (type(around[key]), around[key]) == (type(value), value):  # True is 1, too
        return False
    around[key] = copy.deepcopy(value)
    return True


def _at(data: Any, path: KeyPath) -> Any:
    """The mapping or list at a path; None when there is none."""
    for step in path:
        if not _holds(data, step):
            return None
        data = data[step]
    return data


def _holds(data: Any, step: Any) -> bool:
    if isinstance(data, list):
        return isinstance(step, int) and step < len(data)
    return isinstance(data, dict) and step in data
