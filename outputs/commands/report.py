"""`run.py report`: one HTML file of one or more runs, that opens anywhere and loads nothing."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from outputs.sections import Section

EPILOG = """\
examples:
  python run.py report outputs/runs/china-2010-quota-0123456789ab        written into the run's folder
  python run.py report china-2010-quota -o quota.html                    by the beginning of its name, to a file
  python run.py report RUN1 RUN2                                         several runs, side by side, then one by one
  python run.py report RUN china-2010-2015 path-2010-2015                after it a path, with bands of a sweep of it

A run comes from `solve` or `compare`. Folders of `path`, `sweep`, `metrics`, `network`, `patents`,
`estimate` and `comovement` follow the runs as sections. The file has everything in it: charts, tables to download,
the parameters with their sources, and how to make the run again. Printed from a browser it makes a PDF.

exit codes: 0 written, 2 a run does not exist or a file in it was changed since, 3 the file cannot be written.
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
    parser.add_argument(
        "runs", nargs="+", metavar="RUN", help="a run folder, its name in outputs/runs, or how it begins"
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
    parts: list[tuple[Path, Section]] = []
    folders: list[Path] = []
    problems: list[Problem] = []
    for name in args.runs:
        try:
            folders.append(store.find(name, args.out, abbreviated=True))
            if (folders[-1] / sections.SECTION).is_file():
                store.refuse_changed(folders[-1], (sections.SECTION, *store.READ), if_hashed=True)
                parts.append((folders[-1], sections.read(folders[-1], f"part{len(parts) + 1}")))
            else:
                runs.append(report.from_folder(folders[-1]))
        except InputError as error:
            problems += error.problems
    if not runs and not problems:
        page = pipeline.shown_path(folders[0] / sections.PAGE)
        what = "no run of `python run.py solve` to report on"
        problems.append(
            Problem(what, where=args.runs[0], expected=f"one beside it; {page} is a page already")
        )
    if problems:
        raise InputError(problems)
    path = args.output or folders[0] / "report.html"
    if path.is_dir():
        raise InputError(Problem("is a folder", str(path), expected="the name of a file"))
    report.render(runs, path, _with_bands(parts))
    if args.json:
        json.dump({"report": str(path), "runs": [one.name for one in runs]}, sys.stdout)
        sys.stdout.write("\n")
    else:
        print(pipeline.shown_path(path))
    return 0


def _with_bands(parts: list[tuple[Path, Section]]) -> list[Section]:
    """The sections, with bands in those of paths that a sweep beside them is of."""
    from outputs import store
    from scenarios.sweeps.storage import MANIFEST

    solved = (store.INPUTS, store.RESULTS)
    sweeps = [folder for folder, _ in parts if (folder / MANIFEST).is_file()]
    made = []
    for folder, section in parts:
        for sweep in sweeps if all((folder / name).is_file() for name in solved) else ():
            from outputs.paths.bands import with_bands

            section = with_bands(section, folder, sweep)
        made.append(section)
    return made
