"""A calibration based on another: the keys it gives replace those of its base."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from calibration import strict_yaml
from calibration.errors import InputError, Problem, nearest, one_of, shown
from calibration.strict_yaml import Document, KeyPath

MERGED = ("rare_earths", "parameters")  # sections in which entries, not the whole section, are replaced
DEEPEST = 5
FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Layered(Document):
    """A document laid over its base; problems are reported in the file that gives the value."""

    top: Document
    base: Document

    def owner(self, path: KeyPath) -> Document:
        """The document, of however many layers, that gives the value at a path."""
        depth = 2 if path[:1] and path[0] in MERGED and len(path) > 1 else 1
        if path[:depth] in self.top.lines or path[:depth] not in self.base.lines:
            return self.top
        return self.base.owner(path) if isinstance(self.base, Layered) else self.base

    def line(self, path: Iterable[str | int] = ()) -> int:
        """Line, from 1, in the file that gives the value at a path."""
        steps = tuple(path)
        return self.owner(steps).line(steps)

    def problem(
        self, path: Iterable[str | int], what: str, expected: str = "", suggestion: str = ""
    ) -> Problem:
        """A problem with the value at a path, with the file that gives it and its line."""
        steps = tuple(path)
        return self.owner(steps).problem(steps, what, expected, suggestion)


def available() -> dict[str, Path]:
    """The shipped calibrations by name."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.yaml"))}


def load(path: Path) -> tuple[Document, list[Path]]:
    """The document at `path` laid over those it is based on, and all files read, the first one first.

    Raises InputError, also when files are based on each other in a circle.
    """
    files = [path]
    layers = [strict_yaml.load(path)]
    while isinstance(layers[-1].data, dict) and "based_on" in layers[-1].data:
        name = layers[-1].data["based_on"]
        following = _named(name, files[-1])
        if following is None:
            expected = f"a file ending in .yaml, or {one_of(shipped := available())}"
            what = f"no calibration {shown(name)}"
            raise InputError(layers[-1].problem(("based_on",), what, expected, nearest(name, shipped)))
        if following in files or len(files) >= DEEPEST:
            raise InputError(layers[-1].problem(("based_on",), f"{name} leads back here or too deep"))
        files.append(following)
        layers.append(strict_yaml.load(following))
    document = layers[-1]
    for top in reversed(layers[:-1]):
        document = _over(top, document)
    return document, files


def beside(document: Document, key: str) -> Path:
    """The path that a key gives, relative to the file in which it stands."""
    file = document.owner((key,)).file if isinstance(document, Layered) else document.file
    return Path(file).parent / document.data[key]


def is_inherited(document: Document, key: str) -> bool:
    """Whether a key stands in a file that this one is based on."""
    return isinstance(document, Layered) and (key,) not in document.top.lines


def _named(name: object, file: Path) -> Path | None:
    """The file a calibration is based on: a path from its own folder, or the name of a shipped one."""
    if not isinstance(name, str):
        return None
    if name.endswith((".yaml", ".yml")):
        return file.parent / name
    return available().get(name)


def _over(top: Document, base: Document) -> Layered:
    data = {**base.data, **top.data}
    lines = {**base.lines, **top.lines}
    for section in MERGED:
        if isinstance(top.data.get(section), dict) and isinstance(base.data.get(section), dict):
            data[section] = {**base.data[section], **top.data[section]}
    return Layered(top.file, data, lines, top, base)
