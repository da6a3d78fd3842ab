"""YAML read strictly: what stands in the file is what is loaded, and every value knows its line.

Plain scalars are read by the core schema of YAML 1.2, which is what people expect: `1e-6` is a number; `NO`, `yes`,
`12:30`, `1_000` and `2010-07-01` are text; true and false are the only truth values. What has more than one reading,
or can hide or multiply values, is refused: repeated keys, anchors and aliases, merge keys, tags, leading zeros,
hexadecimal, not-a-number and infinity, several documents, control and invisible characters.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from calibration.errors import InputError, Problem, dotted, shown
from calibration.files import MEGABYTE, decode, read_bytes

KeyPath: TypeAlias = tuple[str | int, ...]

MAX_BYTES = 2 * MEGABYTE
MAX_DEPTH = 32
MAX_VALUES = 200_000
MAX_PROBLEMS = 100

_NULL = re.compile(r"~|null|Null|NULL|")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9_]+")
_OTHER_BASE = re.compile(r"[-+]?0[xXoObB][0-9a-fA-F_]+")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")

# Control characters, line ends that editors do not count, and characters that are invisible or reorder text.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]"
)


@dataclass(frozen=True, slots=True)
class Document:
    """What one YAML file says: plain dicts, lists, text, numbers, truth values and None, and the line of each."""

    file: str
    data: Any
    lines: Mapping[KeyPath, int] = field(repr=False)
    # Of values that are not the file's own: what they come from.
    origins: Mapping[KeyPath, str] = field(default_factory=dict, kw_only=True, repr=False)
    text: str = field(default="", kw_only=True, repr=False)  # of the file, where nothing is laid over it

    def line(self, path: Iterable[str | int] = ()) -> int:
        """Line, from 1, of the value at a path, or of the nearest thing around it that the file has."""
        steps = tuple(path)
        while steps not in self.lines:
            steps = steps[:-1]
        return self.lines[steps]

    def problem(
        self, path: Iterable[str | int], what: str, expected: str = "", suggestion: str = ""
    ) -> Problem:
        """A problem with the value at a path, with file and line filled in."""
        steps = tuple(path)
        for length in range(len(steps), 0, -1):
            if steps[:length] in self.origins:
                where = f"{self.origins[steps[:length]]}: {dotted(steps)}"
                return Problem(what, self.file, None, where, expected, suggestion)
        return Problem(what, self.file, self.line(steps), dotted(steps), expected, suggestion)


def load(path: str | Path) -> Document:
    """Read one YAML file. Raises InputError with every problem found, or with the first fault of syntax."""
    return loads(read_bytes(path, MAX_BYTES), str(path))


def loads(content: str | bytes, file: str = "<text>") -> Document:
    """Read YAML text; `file` is the name used in messages. Raises InputError."""
    if len(content) > MAX_BYTES:
        raise InputError(Problem(f"larger than the limit of {MAX_BYTES / MEGABYTE:g} MB", file))
    text = decode(content, file) if isinstance(content, bytes) else content
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    hidden = [_hidden(match, file) for match in islice(_HIDDEN.finditer(text), MAX_PROBLEMS)]
    if hidden:
        raise InputError(hidden)
    return _Builder(file, text).build()


def _events(text: str) -> Iterator[yaml.Event]:
    """Parser events, by the C parser where PyYAML was built with it. Taken one at a time, so that limits hold early."""
    return yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


@dataclass(slots=True)
class _Open:
    """A mapping or list that is being filled."""

    path: KeyPath
    value: dict[str | int, Any] | list[Any]
    key: str | int | None = None  # of a mapping: the key whose value comes next
    key_line: int = 0
    seen: dict[str, int] = field(default_factory=dict)  # key -> line of its first use


class _Builder:
    """Builds values from parser events with a stack of its own: nesting in the file is never nesting of calls."""

    def __init__(self, file: str, text: str) -> None:
        self.file, self.text = file, text
        self.problems: list[Problem] = []
        self.lines: dict[KeyPath, int] = {}
        self.stack: list[_Open] = []
        self.root: Any = None
        self.documents = 0
        self.values = 0

    def build(self) -> Document:
        try:
            for event in _events(self.text):
                mark: Any = event.start_mark
                self._take(event, mark.line + 1)
                if len(self.problems) >= MAX_PROBLEMS:
                    break
        except yaml.MarkedYAMLError as error:
            self.problems.append(self._syntax(error))
        except yaml.YAMLError as error:
            self.problems.append(Problem(f"not YAML: {error}", self.file))
        if not self.documents and not self.problems:
            self.problems.append(Problem("the file holds no values", self.file))
        if self.problems:
            raise InputError(self.problems)
        return Document(self.file, self.root, self.lines, text=self.text)

    def _take(self, event: yaml.Event, line: int) -> None:
        match event:
            case yaml.DocumentStartEvent():
                self._start_document(event, line)
            case yaml.AliasEvent():
                self._refuse(line, f"alias *{event.anchor}", "the value written out")
                self._place(None, line)
            case yaml.ScalarEvent():
                self._check_decoration(event, line)
                self._scalar(event, line)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._check_decoration(event, line)
                self._open({} if isinstance(event, yaml.MappingStartEvent) else [], line)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self.stack.pop()

    def _start_document(self, event: yaml.DocumentStartEvent, line: int) -> None:
        self.documents += 1
        if self.documents > 1:
            self._stop(line, "a second document starts here", "one document in a file")
        if event.version or event.tags:
            self._refuse(line, "a % directive", "none")

    def _check_decoration(self, event: Any, line: int) -> None:
        if event.anchor:
            self._refuse(line, f"anchor &{event.anchor}", "each value written out where it is used")
        if event.tag:
            self._refuse(line, f"tag {event.tag}", "a plain value; quotes make text")

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> None:
        value: Any = event.value
        plain = not event.style  # neither quoted nor a block: its kind is told from its letters
        if plain:
            try:
                value = plain_scalar(event.value)
            except NotAllowed as error:
                # {value: 1,000} is 1 and then 000.
                parted = self._awaits_key() and len(event.value) == 3 and event.value.isdigit()
                hint = "; a comma parts values: one thousand is 1000" if parted else ""
                self._refuse(line, error.what, error.expected + hint)
        if self._awaits_key():
            self._key(value, event.value, line, plain)
        else:
            self._place(value, line)

    def _awaits_key(self) -> bool:
        return bool(self.stack) and isinstance(self.stack[-1].value, dict) and self.stack[-1].key is None

    def _key(self, key: Any, text: str, line: int, plain: bool) -> None:
        top = self.stack[-1]
        top.key, top.key_line = text, line
        if text == "<<" and plain:
            self._refuse(line, "merge key <<", "the keys written out")
        elif key is None or isinstance(key, bool | float):
            self._refuse(line, f"{shown(key)} as a key", f'text or a whole number; for text write "{text}"')
        else:
            top.key = key
        name = str(top.key)
        if name in top.seen:
            what = f"repeated key; first used in line {top.seen[name]}"
            self.problems.append(Problem(what, self.file, line, self._here()))
        top.seen.setdefault(name, line)

    def _open(self, value: dict[str | int, Any] | list[Any], line: int) -> None:
        if self._awaits_key():
            self._stop(line, "a mapping or a list as a key", "text")
        if len(self.stack) >= MAX_DEPTH:
            self._stop(line, f"nested deeper than {MAX_DEPTH} levels")
        self.stack.append(_Open(self._place(value, line), value))

    def _place(self, value: Any, line: int) -> KeyPath:
        """Put a finished or just opened value where it belongs; returns its path."""
        self.values += 1
        if self.values > MAX_VALUES:
            self._stop(line, f"more than {MAX_VALUES} values")
        path: KeyPath = ()
        if not self.stack:
            self.root = value
        else:
            top = self.stack[-1]
            if isinstance(top.value, list):
                path = (*top.path, len(top.value))
                top.value.append(value)
            elif top.key is None:  # an alias stands where a key should; refused already
                top.key = ""
                return top.path
            else:
                path, line = (*top.path, top.key), top.key_line
                top.value[top.key] = value
                top.key = None
        self.lines[path] = line
        return path

    def _here(self) -> str:
        """The path of what is being read, for messages."""
        if not self.stack:
            return ""
        top = self.stack[-1]
        step = len(top.value) if isinstance(top.value, list) else top.key
        return dotted(top.path if step is None else (*top.path, step))

    def _refuse(self, line: int, what: str, expected: str = "") -> None:
        self.problems.append(Problem(f"{what} is not allowed", self.file, line, self._here(), expected))

    def _stop(self, line: int, what: str, expected: str = "") -> None:
        """Refuse what makes reading on pointless."""
        raise InputError([*self.problems, Problem(what, self.file, line, self._here(), expected)])

    def _syntax(self, error: yaml.MarkedYAMLError) -> Problem:
        mark = error.problem_mark or error.context_mark
        if mark is None:
            return Problem(f"not YAML: {error.problem}", self.file)
        line, rows = mark.line + 1, self.text.split("\n")
        # A tab is reported where it stands; the parser stumbles there or in the line after it.
        for number in (line, line - 1):
            if 1 <= number <= len(rows) and re.match(r" *\t", rows[number - 1]):
                return Problem("a tab indents this line", self.file, number, expected="spaces")
        what = f"not YAML: {error.problem}"
        expected = self._meant(error, rows)
        if error.context:
            what += f" {error.context}"
            if error.context_mark is not None and error.context_mark.line != mark.line:
                what += f" that starts in line {error.context_mark.line + 1}"
        return Problem(what, self.file, line, self._here(), expected)

    @staticmethod
    def _meant(error: yaml.MarkedYAMLError, rows: list[str]) -> str:
        """What to write instead, for the faults that are made most."""
        mark, about = error.problem_mark, str(error.problem)
        if about.startswith("mapping values are not allowed"):
            return 'text that has ": " in it in quotes, and the keys of a mapping each in a line of its own'
        if about.startswith("found character that cannot start any token") and mark and mark.line < len(rows):
            character = rows[mark.line][mark.column : mark.column + 1]
            return f'text that begins with {character} in quotes: "{character}"' if character.strip() else ""
        return ""


class NotAllowed(ValueError):
    """An unquoted scalar with more than one reading: what it is, and what to write."""

    def __init__(self, what: str, expected: str) -> None:
        super().__init__(what, expected)
        self.what, self.expected = what, expected


def plain_scalar(text: str) -> str | int | float | bool | None:
    """Value of an unquoted scalar by the core schema of YAML 1.2. Raises NotAllowed."""
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text) or _FALSE.fullmatch(text):
        return bool(_TRUE.fullmatch(text))
    if _LEADING_ZERO.fullmatch(text):
        bare = text.lstrip("+-0_") or "0"
        raise NotAllowed(f"number {text} with a leading zero", f'the number {bare}, or the text "{text}"')
    if _OTHER_BASE.fullmatch(text):
        raise NotAllowed(f"number {text} in another base", f'a decimal number, or the text "{text}"')
    if _NOT_FINITE.fullmatch(text):
        raise NotAllowed(text, "a finite number")
    if _INTEGER.fullmatch(text):
        if len(text.lstrip("+-")) > 18:
            raise NotAllowed(f"whole number {text[:24]}...", "at most 18 digits")
        return int(text)
    if _FLOAT.fullmatch(text):
        return _finite(text)
    return text


def _finite(text: str) -> float:
    value = float(text)
    vanished = value == 0 and any(digit in "123456789" for digit in re.split("[eE]", text)[0])
    if math.isinf(value) or vanished:
        raise NotAllowed(f"number {text[:24]}", "a number between 1e-307 and 1e308 in size")
    return value


def _hidden(match: re.Match[str], file: str) -> Problem:
    line = match.string.count("\n", 0, match.start()) + 1
    return Problem(f"character U+{ord(match[0]):04X} cannot be seen and is not allowed", file, line)
