"""What steps of `run.py patents` ask of their options and of each other."""

from __future__ import annotations

import argparse
from pathlib import Path

from calibration.errors import InputError, Problem


def refuse(args: argparse.Namespace, options: tuple[str, ...], reason: str) -> None:
    """Raises InputError with every one of the options that was given: none is left unused without a word."""
    values = {name: getattr(args, name[2:].replace("-", "_")) for name in options}
    given = [name for name, value in values.items() if value is not None and value is not False]
    if given:
        raise InputError([Problem(f"{name} {reason}") for name in given])


def need(path: Path, command: str) -> Path:
    """The path of what another step writes. Raises InputError when it is not there."""
    if not path.is_file():
        raise InputError(Problem("not there yet", str(path), expected=f"what `run.py {command}` writes"))
    return path
