"""`run.py completion`: print what makes bash complete commands, options, runs and the names of what is shipped."""

from __future__ import annotations

import argparse
import importlib
import re
import sys
from pathlib import Path

EPILOG = """\
examples:
  source <(python run.py completion)                     in this shell; the same line in ~/.bashrc: in every one
  python run.py completion --name ree                    also for an alias called ree
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The options of `completion`."""
    parser = subparsers.add_parser(
        "completion",
        help="completion for bash: source <(python run.py completion)",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--name", default="ree", help="an alias of yours that is completed as well (default ree)"
    )


def run(args: argparse.Namespace) -> int:
    """Print the script."""
    import calibration
    import scenarios
    from calibration.errors import InputError
    from outputs import completion
    from outputs.commands import comovement
    from scenarios import sweeps

    if not re.fullmatch(r"[A-Za-z_]\w*", args.name):
        raise InputError(f"--name {args.name!r}: expected letters, digits and _")
    parsers: dict[str, argparse.ArgumentParser] = {}
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if not path.stem.startswith("_"):
            subparsers = argparse.ArgumentParser(prog="run.py").add_subparsers()
            importlib.import_module(f"outputs.commands.{path.stem}").add_parser(subparsers)
            parsers[path.stem] = subparsers.choices[path.stem]
    bases, library, designs = calibration.available(), scenarios.available(), sweeps.available()
    shipped = {
        "CALIBRATION": bases, "SCENARIO": library, "DESIGN": designs, "STUDY": comovement.studies(),
        "compare RUN": library, "check FILE": [*bases, *library, *designs],
    }  # fmt: skip
    sys.stdout.write(completion.bash(parsers, shipped, args.name))
    return 0
