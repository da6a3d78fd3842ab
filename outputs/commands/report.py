"""`run.py report`: one HTML file of one or more runs, that opens anywhere and loads nothing."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

EPILOG = """\
examples:
  run.py report outputs/runs/china-2010-quota-0123456789ab        written into the run's folder
  run.py report china-2010-quota-0123456789ab -o quota.html       by name of the run, to a file of your choice
  run.py report RUN1 RUN2                                         several runs, side by side and one after another
  run.py report RUN --with china-2010-2015-ab12 --with SWEEP      and after them the path, sweep, metrics or study

A run comes from `run.py solve` or `run.py compare`; --with takes the folder of whatever `path`, `sweep`, `metrics`,
`network`, `estimate`, `comovement` or `validate` wrote. The file has everything in it: charts, tables to download, the
parameters with their sources, and how to make the run again. Printed from a browser it makes a PDF.

exit codes: 0 written, 2 a run does not exist or was changed, 3 the file cannot be written.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The options of `report`."""
    parser = subparsers.add_parser(
        "report",
        help="a self-contained HTML report of runs",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("runs", nargs="+", metavar="RUN", help="a run folder, or its name under outputs/runs")
    parser.add_argument(
        "--with",
        dest="parts",
        action="append",
        default=[],
        metavar="FOLDER",
        help="a folder with a section.html",
    )
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="the file to write")
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="where run folders are (default outputs/runs)"
    )
    parser.add_argument("--json", action="store_true", help="print what was written for machines")


def run(args: argparse.Namespace) -> int:
    """Read the runs and write the report."""
    from calibration.errors import InputError, Problem
    from outputs import pipeline, report, sections, store

    runs: list[report.ReportRun] = []
    problems: list[Problem] = []
    for name in args.runs:
        try:
            runs.append(report.from_folder(name, args.out))
        except InputError as error:
            problems += error.problems
    parts: list[sections.Section] = []
    for at, name in enumerate(args.parts, start=1):
        try:
            parts.append(sections.read(_folder(name, args.out), f"part{at}"))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    path = args.output or store.find(args.runs[0], args.out) / "report.html"
    if path.is_dir():
        raise InputError(Problem("is a folder", str(path), expected="the name of a file"))
    report.render(runs, path, parts)
    if args.json:
        json.dump({"report": str(path), "runs": [one.name for one in runs]}, sys.stdout)
        sys.stdout.write("\n")
    else:
        print(pipeline.shown_path(path))
    return 0


def _folder(name: str, root: Path | None) -> Path:
    """A folder by its path or by its name under the run folders."""
    from outputs import store

    here = Path(name)
    return here if here.is_dir() else (root or store.RUNS) / here.name
