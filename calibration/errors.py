"""What is wrong with an input: where it stands, what was expected, and the nearest valid name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

SHOWN_PROBLEMS = 40
SHOWN_NAMES = 12


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with an input. Reads as `file:line: where: what; expected ...; did you mean ...?`."""

    what: str
    file: str = ""
    line: int | None = None  # counted from 1
    where: str = ""  # dotted path of the key, or the column of a table
    expected: str = ""
    suggestion: str = ""

    def __str__(self) -> str:
        position = f"{self.file}:{self.line}" if self.file and self.line else self.file
        text = ": ".join(part for part in (position, self.where, self.what) if part)
        if self.expected:
            text += f"; expected {self.expected}"
        if self.suggestion:
            text += f"; did you mean {self.suggestion}?"
        return printable(text)


class InputError(Exception):
    """All problems found in the user's input, together. run.py prints them and exits with code 2."""

    def __init__(self, problems: Iterable[Problem] | Problem | str) -> None:
        if isinstance(problems, str):
            problems = Problem(problems)
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        if not self.problems:
            raise ValueError("an InputError needs at least one problem")
        super().__init__(self.problems)  # the constructor's own argument, so that the error can be pickled

    def __str__(self) -> str:
        lines = [str(problem) for problem in self.problems[:SHOWN_PROBLEMS]]
        left = len(self.problems) - len(lines)
        return "\n".join([*lines, f"... and {left} more problems"] if left else lines)


def printable(text: str) -> str:
    """Text with characters that could move a terminal's cursor or hide themselves written as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def shown(value: object) -> str:
    """A value as it is named in a message: its kind, and no more of it than a line holds."""
    match value:
        case None:
            return "nothing"
        case bool():
            return f"the truth value {str(value).lower()}"
        case str():
            return f"text {_clipped(repr(value))}"
        case int() | float():
            return f"the number {_clipped(repr(value))}"
        case dict():
            return "a mapping"
        case list() | tuple():
            return "a list"
    return _clipped(repr(value))


def nearest(name: object, valid: Iterable[object]) -> str:
    """The valid name closest to a mistyped one, or "" when none is close."""
    wanted = str(name)[:80].casefold()
    by_folded = {str(candidate).casefold(): str(candidate) for candidate in valid}
    if wanted in by_folded:
        return by_folded[wanted]
    starts = [folded for folded in by_folded if len(wanted) >= 3 and folded.startswith(wanted)]
    close = difflib.get_close_matches(wanted, by_folded, n=1, cutoff=0.6) or starts[:1]
    return by_folded[close[0]] if close else ""


def one_of(valid: Iterable[object]) -> str:
    """The valid names as they are listed in a message: all when few, else the first ones and how many there are."""
    names = [str(name) for name in valid]
    if not names:
        return "no name here"
    if len(names) == 1:
        return names[0]
    if len(names) > SHOWN_NAMES:
        return f"one of {', '.join(names[:SHOWN_NAMES])}, ... ({len(names)} in all)"
    return f"one of {', '.join(names)}"


def unknown_name(
    kind: str,
    name: object,
    valid: Iterable[object],
    *,
    file: str = "",
    line: int | None = None,
    where: str = "",
) -> Problem:
    """The problem of a name that is not among the valid ones: `unknown region 'Jpan'; expected one of ...`."""
    names = list(valid)
    what = f"unknown {kind} {_clipped(repr(name))}"
    return Problem(what, file, line, where, expected=one_of(names), suggestion=nearest(name, names))


def dotted(path: Iterable[str | int]) -> str:
    """A path of keys and positions as it is written in messages: `instruments[0].limit`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{_clipped(step)}" if text else _clipped(step)
    return _clipped(text, 160)


def _clipped(text: str, length: int = 60) -> str:
    return text if len(text) <= length else f"{text[: length - 3]}..."
