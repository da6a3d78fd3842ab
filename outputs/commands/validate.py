"""`run.py validate`: hold the model against what happened from 2009 to 2018."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from outputs.arguments import whole

DOCS = Path(__file__).parents[2] / "docs"

EPILOG = """\
examples:
  python run.py validate                       prices, trade, patents, exports, productivity: model against observed
  python run.py validate --inverse             also: which value of a parameter would reproduce each effect (minutes)
  python run.py validate --questions           also: innovation against security, what the model says (minutes)
  python run.py validate --write               all of it, as docs/validation.md with its figure and table
  python run.py validate --set parameters.breadth=0.05    the same with other parameters

Facts that parameters were chosen with in view are marked as fitted; all others are tests. Nothing is written without
--write.

exit codes: 0 done, whatever the facts say; 1 a regime was not solved; 2 the input is wrong.
"""

SCENARIO = "china-2010-2015"


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The options of `validate`."""
    parser = subparsers.add_parser(
        "validate",
        help="hold the model against what happened from 2009 to 2018",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--calibration", metavar="CALIBRATION", help="base year and parameters instead of the scenario's own")
    add(
        "--set",
        action="append",
        default=[],
        metavar="PATH=VALUE",
        dest="settings",
        help="change a value of the scenario",
    )
    add("--inverse", action="store_true", help="find the parameter values that would reproduce each effect")
    add("--questions", action="store_true", help="answer what the model says on innovation against security")
    add(
        "--write",
        type=Path,
        nargs="?",
        const=DOCS,
        metavar="FOLDER",
        help="write the page, its figure and table (docs), with all that --inverse and --questions ask",
    )
    add(
        "--workers",
        type=whole(1),
        default=min(4, os.cpu_count() or 1),
        metavar="N",
        help="processes (default: up to 4)",
    )
    add("--json", action="store_true", help="print the comparison for machines, and nothing else")


def run(args: argparse.Namespace) -> int:
    """Solve the path, compare, and say how it went."""
    from calibration.errors import InputError, Problem
    from calibration.files import try_writing
    from outputs.paths import saving
    from outputs.paths.facts import View
    from outputs.pipeline import shown_path
    from outputs.validation import book, observed, show

    options = argparse.Namespace(
        settings=args.settings, calibration=args.calibration, regime=None, cut=[0.5], by_instrument="",
        no_decomposition=True, no_security=True, no_companion=True,
    )  # fmt: skip
    if args.write is not None:
        try_writing(args.write)  # now, not after minutes
    (ready,) = saving.plans([SCENARIO], options)
    if ready.calibration.year != book.BASE:
        raise InputError(
            Problem(
                f"its base year is {ready.calibration.year}",
                where=f"calibration {ready.calibration.name}",
                expected=f"one of {book.BASE}, which every observed change is counted from",
            )
        )
    solved = saving.solved(ready, args.workers, quiet=args.json)
    for regime, why in solved.failed.items():
        print(f"{SCENARIO}, {regime}: {why}", file=sys.stderr)
    if solved.dataset is None:
        return 1
    view = View(solved.dataset)
    rows = book.compare(observed.read(), view)
    answers = show.answers(ready, args.workers) if args.inverse or args.write else []
    said = show.questions(args.workers) if args.questions or args.write else []
    if args.json:
        json.dump(show.as_json(rows, answers), sys.stdout, indent=1, ensure_ascii=False)
        sys.stdout.write("\n")
    else:
        show.write_rows(rows)
        show.write_answers(answers)
        for one in said:
            print(f"\n{one}")
    if args.write is not None:
        remarks = show.remarks(view)
        for path in show.write_page(
            args.write, rows, answers, said, SCENARIO, ready.calibration.name, remarks
        ):
            print(f"-> {shown_path(path)}", file=sys.stderr if args.json else sys.stdout)
    return 1 if solved.failed else 0
