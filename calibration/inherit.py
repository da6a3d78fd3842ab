"""A calibration based on another: the keys it gives replace those of its base."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from calibration import strict_yaml
from calibration.errors import InputError, Problem
from calibration.strict_yaml import Document, KeyPath

MERGED = ("rare_earths", "parameters")  # sections in which entries, not the whole section, are replaced
DEEPEST = 5


@dataclass(frozen=True, slots=True)
class Layered(Document):
    """A document laid over its base; problems are reported in the file that gives the value."""

    top: Document
    base: Document

    def _owner(self, path: KeyPath) -> Document:
        depth = 2 if path[:1] and path[0] in MERGED and len(path) > 1 else 1
        return (
            self.base if path[:depth] in self.base.lines and path[:depth] not in self.top.lines else self.top
        )

    def line(self, path: Iterable[str | int] = ()) -> int:
        """Line, from 1, in the file that gives the value at a path."""
        steps = tuple(path)
        return self._owner(steps).line(steps)

    def problem(
        self, path: Iterable[str | int], what: str, expected: str = "", suggestion: str = ""
    ) -> Problem:
        """A problem with the value at a path, with the file that gives it and its line."""
        steps = tuple(path)
        return self._owner(steps).problem(steps, what, expected, suggestion)


def load(path: Path) -> tuple[Document, list[Path]]:
    """The document at `path` laid over those it is based on, and all files read, the first one first.

    Raises InputError, also when files are based on each other in a circle.
    """
    files = [path]
    layers = [strict_yaml.load(path)]
    while isinstance(layers[-1].data, dict) and "based_on" in layers[-1].data:
        name = layers[-1].data["based_on"]
        if not isinstance(name, str) or not name.endswith(".yaml"):
            raise InputError(layers[-1].problem(("based_on",), "not the file of a calibration", "NAME.yaml"))
        following = files[-1].parent / name
        if following in files or len(files) >= DEEPEST:
            raise InputError(layers[-1].problem(("based_on",), f"{name} leads back here or too deep"))
        files.append(following)
        layers.append(strict_yaml.load(following))
    document = layers[-1]
    for top in reversed(layers[:-1]):
        document = _over(top, document)
    return document, files


def _over(top: Document, base: Document) -> Layered:
    data = {**base.data, **top.data}
    lines = {**base.lines, **top.lines}
    for section in MERGED:
        if isinstance(top.data.get(section), dict) and isinstance(base.data.get(section), dict):
            data[section] = {**base.data[section], **top.data[section]}
    return Layered(top.file, data, lines, top, base)
