#!/usr/bin/env python3
"""Rare-earth supply shocks: solve scenarios, compare them, and look behind the numbers.

Exit codes: 0 done, 1 a scenario was not solved, 2 the input is wrong or is not there, 3 a package is missing or a file
cannot be written, 130 interrupted.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from pathlib import Path

COMMANDS = {
    "compare": "scenarios side by side under several technology regimes (what `python run.py` alone does)",
    "solve": "solve scenarios: result file, tables, figures and a summary",
    "check": "read a scenario, sweep or calibration file and say what is wrong with it, without solving",
    "path": "year by year: technology, capacity and stockpiles",
    "sweep": "many draws of uncertain parameters: intervals, and which parameter decides",
    "report": "a self-contained HTML report of a result",
    "explore": "a page on this computer that solves again at every change of a slider",
    "metrics": "who depends on rare earths: intensity, substitutability, exposure by sector",
    "network": "the input-output network: chokepoints, centralities, extraction",
    "calibrate": "build a base year from source tables and balance it",
    "estimate": "elasticities from patents, prices and trade",
    "patents": "classify patents by what they do with rare earths",
    "comovement": "quantile and wavelet co-movement: what follows military demand, when, at which scale",
    "validate": "hold the model against what happened from 2009 to 2018",
    "doctor": "look at this computer: Python, packages, files, a small solve",
    "completion": "completion for bash: source <(python run.py completion)",
}
FOLDER = Path(__file__).parent / "outputs" / "commands"

# One thread of linear algebra, unless asked otherwise: at this size more of them mostly wait for each other, the cores
# are used by processes (figures, --workers), and results would differ in their last bits with the number of threads.
for _threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")


def main(argv: list[str]) -> int:
    """Run one command and return its exit code. Only the module of the command asked for is imported."""
    argv = argv or ["compare"]
    asked = next((word for word in argv if not word.startswith("-")), "")
    available = [name for name in COMMANDS if (FOLDER / f"{name}.py").is_file()]
    if asked and asked not in available:
        from calibration.errors import InputError, unknown_name

        raise InputError(unknown_name("command", asked, available))
    parser = argparse.ArgumentParser(
        prog="python run.py",
        description=__doc__,
        epilog="`python run.py COMMAND --help` tells what a command reads and writes, with examples.",
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, max_help_position=16),
    )
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", required=True)
    command = importlib.import_module(f"outputs.commands.{asked}") if asked else None
    for name in available:
        if command and name == asked:
            command.add_parser(subparsers)
        else:
            subparsers.add_parser(name, help=COMMANDS[name])
    args, rest = parser.parse_known_args(argv)  # ends the program after --help or when no command is named
    assert command is not None
    if rest:
        from calibration.errors import InputError
        from outputs import arguments

        raise InputError(arguments.unknown(rest, asked, subparsers.choices[asked]))
    return int(command.run(args))


def guarded(argv: list[str]) -> int:
    """`main`, with what the user can mend said in a line instead of a traceback."""
    try:
        return main(argv)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output is gone, as with `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] in ("model", "calibration", "scenarios", "outputs"):
            raise
        message = "activate .venv (source .venv/bin/activate) or install requirements-dev.lock (README.md)"
        print(f"package {error.name} is not installed for {sys.executable}: {message}", file=sys.stderr)
        return 3
    except Exception as error:
        # Not at the top of this file: with the package come NumPy and SciPy, and --help is to be quick.
        from calibration.errors import InputError, printable

        if isinstance(error, OSError):
            print(printable(f"{error.filename or 'file'}: {error.strerror or error}"), file=sys.stderr)
            return 3
        if not isinstance(error, InputError):
            raise
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        sys.exit(f"run.py needs Python 3.11, 3.12 or 3.13; this is {sys.version.split()[0]}")
    sys.exit(guarded(sys.argv[1:]))
