"""Numbers on a command line, and what to say to a word that a command does not know."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from calibration.errors import Problem


def whole(least: int, most: int | None = None) -> Callable[[str], int]:
    """A whole number within limits, for `type=` of argparse."""
    wanted = (
        f"a whole number from {least} to {most}" if most is not None else f"a whole number, {least} or more"
    )

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least or (most is not None and value > most):
            raise argparse.ArgumentTypeError(f"got {text!r}; expected {wanted}")
        return value

    return read


def between(low: float, high: float = math.inf, *, above: bool = False) -> Callable[[str], float]:
    """A number from low to high, for `type=` of argparse; above: low itself is not allowed."""
    if math.isinf(high):
        wanted = f"a number above {low:g}" if above else f"a number, {low:g} or more"
    else:
        wanted = (
            f"a number above {low:g} and at most {high:g}" if above else f"a number from {low:g} to {high:g}"
        )

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high or (above and value == low) or math.isinf(value):
            hint = ", a ratio and not percent" if text.strip().endswith("%") else ""
            raise argparse.ArgumentTypeError(f"got {text!r}; expected {wanted}{hint}")
        return value

    return read


def needless(args: argparse.Namespace, reasons: Mapping[str, str]) -> None:
    """Raises InputError with every option that was given and would do nothing; reasons: why, by option."""
    from calibration.errors import InputError, Problem

    values = {option: getattr(args, option[2:].replace("-", "_")) for option in reasons}
    given = [option for option, value in values.items() if value not in (None, []) and value is not False]
    if given:
        raise InputError([Problem(f"does not apply: {reasons[option]}", where=option) for option in given])


def unknown(words: Sequence[str], command: str, parser: argparse.ArgumentParser) -> Iterator[Problem]:
    """One problem for each word of a command line that its command did not take."""
    # Not above: NumPy comes with the package, and --help is to be quick.
    from calibration.errors import Problem, nearest

    options = sorted(set(_options(parser)))
    for word in words:
        name = word.partition("=")[0]
        if name.startswith("-"):
            close = nearest(name, options) or _begun(name, options)
            expected = f"an option of `python run.py {command} --help`"
            yield Problem(f"unknown option {name} of {command}", expected=expected, suggestion=close)
        elif any(other.startswith("-") for other in words[: words.index(word)]):
            continue  # the value of an option that is not known either
        else:
            expected = (
                f"what `python run.py {command} --help` lists; an option and its value are --option VALUE"
            )
            yield Problem(f"{command} does not take {word!r}", expected=expected)


def _options(parser: argparse.ArgumentParser) -> Iterable[str]:
    """All options of a parser and of the parsers below it."""
    for action in parser._actions:
        yield from action.option_strings
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from _options(inner)


def _begun(name: str, options: Iterable[str]) -> str:
    """The one long option that a short one may have stood for."""
    found = [one for one in options if one.startswith("--") and one[2:].startswith(name.strip("-") or "?")]
    return found[0] if len(found) == 1 else ""
