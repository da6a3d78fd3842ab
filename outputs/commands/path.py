"""`run.py path`: solve scenarios year by year, technology, capacity and stockpiles carried from year to year."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from outputs.arguments import between, whole

EPILOG = """\
examples:
  python run.py path china-2010-2015                         the restrictions of 2010-2014 and what was left in 2018
  python run.py path flooding-and-mountain-pass squeeze-alone
  python run.py path allied-capacity --set parameters.forgetting=0.1
  python run.py path china-2010-2015 --by-instrument type    what quotas and what taxes brought about, year by year
  python run.py path my-path.yaml --cut 0.25 --cut 0.5       security: what stopping these shares of exports would cost

Every path is shown beside the same path with forgetting as fast as learning. For every year the result holds what a
sudden cut of exports would cost at that year's technology and plant, what a full embargo would cost once plant has
followed, and how many years plant outside would take to follow. Results are in a run folder as those of `solve`, with
a year axis.

exit codes: 0 solved, 1 a regime of a scenario was not solved, 2 the input is wrong, 3 a file cannot be written.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The options of `path`."""
    from model.records import REGIMES

    parser = subparsers.add_parser(
        "path",
        help="year by year: technology, capacity and stockpiles",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "scenarios",
        nargs="+",
        metavar="SCENARIO",
        help="a scenario with `horizon: path` by name, or a YAML file",
    )
    add("--calibration", metavar="CALIBRATION", help="base year and parameters instead of the scenario's own")
    add("--regime", action="append", choices=REGIMES, help="only this technology regime; may be repeated")
    add(
        "--set",
        action="append",
        default=[],
        metavar="PATH=VALUE",
        dest="settings",
        help="change a value of the scenario",
    )
    add(
        "--cut",
        action="append",
        type=between(0, 1, above=True),
        metavar="SHARE",
        help="share of exports that stops at once (default 0.5)",
    )
    add(
        "--by-instrument",
        choices=("type", "name"),
        help="also ask what each instrument brought about: 2^n paths",
    )
    add("--no-decomposition", action="store_true", help="do not ask which force brought the result about")
    add("--no-security", action="store_true", help="do not ask what cuts and embargoes would cost")
    add(
        "--no-companion",
        action="store_true",
        help="do not solve the path with forgetting as fast as learning",
    )
    add(
        "--workers",
        type=whole(1),
        default=min(4, os.cpu_count() or 1),
        metavar="N",
        help="processes (default: up to 4)",
    )
    add("--out", type=Path, metavar="FOLDER", help="where run folders are made (default outputs/runs)")
    add("--json", action="store_true", help="print the results for machines, and nothing else")
    add("-q", "--quiet", action="store_true", help="print only the folders that were written")
    add("--no-figures", action="store_true", help="draw no figures")


def run(args: argparse.Namespace) -> int:
    """Solve, save, and say what came out."""
    from outputs import pipeline, summary
    from outputs.paths import saving
    from outputs.paths.facts import View
    from outputs.paths.plan import CUTS
    from outputs.paths.summary import path

    args.cut = args.cut or list(CUTS)
    args.horizon = None
    printed, code = [], 0
    for ready in saving.plans(args.scenarios, args):
        one = saving.solve_and_save(ready, args)
        for regime, why in one.result.failed.items():
            print(f"{ready.scenario.name}, {regime}: {why}", file=sys.stderr)
            code = 1
        if one.saved is not None and one.result.dataset is not None:
            shown = pipeline.shown_path(one.saved.folder)
            if args.quiet:
                print(shown)
            elif not args.json:
                there = " (the same run was there already)" if one.saved.existed else ""
                soft = summary.soft_count(ready.calibration.parameters_table)
                view = View(one.result.dataset)
                summary.write(
                    path(view, ready.scenario.name, *summary.screen(), soft=soft, folders=[shown + there])
                )
        if args.json:
            printed.append(saving.as_json(one))
    if args.json:
        json.dump(printed, sys.stdout, indent=1, ensure_ascii=False)
        sys.stdout.write("\n")
    return code
