"""`run.py compare`: runs side by side; without names the default comparison of China's export quota of 2010."""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import TYPE_CHECKING

from outputs.arguments import between, whole

if TYPE_CHECKING:
    from outputs.comparing import Gathered
    from outputs.summary import Line

DEFAULT = ("china-2010-quota", "china-2010-tax-equivalent")

EPILOG = """\
examples:
  python run.py                                              the default: the quota of 2010 and the tax with its tonnes
  python run.py compare china-2010-quota full-embargo        two scenarios: solved, saved and compared
  python run.py compare outputs/runs/A outputs/runs/B        two runs that were made before
  python run.py compare china-2010-quota outputs/runs/A      one of each; any number
  python run.py compare A B --tolerance 1e-3 --rows 50       only differences above 0.1 %, more of them

First the inputs that differ are shown, then the results, ranked by how much they differ from the first run. Runs whose
variables have different units are refused. Everything is written to outputs/runs/comparison-ID with a report.

exit codes: 0 done, 1 a regime of a scenario was not solved, 2 the input is wrong, 3 a file cannot be written.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The options of `compare`."""
    from outputs import pipeline

    parser = subparsers.add_parser(
        "compare",
        help="runs side by side (alone: China's export quota of 2010 under three technology regimes)",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "runs", nargs="*", metavar="RUN", help="a run folder, a scenario by name, or a YAML file"
    )
    parser.add_argument(
        "--tolerance", type=between(0), default=1e-6, help="relative difference that counts (default 1e-6)"
    )
    parser.add_argument(
        "--rows", type=whole(1), default=15, help="results shown (default 15); all are in differences.csv"
    )
    parser.add_argument("--no-report", action="store_true", help="write no HTML report")
    pipeline.add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Solve what is not solved yet, compare, save, and say what came out."""
    from outputs import comparing, pipeline, summary

    start = time.perf_counter()
    names = args.runs or list(DEFAULT)
    if len(names) < 2:
        from calibration.errors import InputError

        raise InputError("compare needs two runs or more; `python run.py solve` solves one")
    gathered = comparing.gather(names, args)
    if len(gathered.members) < 2:
        return pipeline.say_failures(gathered.outcomes)
    saved = comparing.save(gathered, args, time.perf_counter() - start)
    if args.json:
        json.dump(comparing.as_json(gathered, args, saved.folder), sys.stdout, indent=1, ensure_ascii=False)
        sys.stdout.write("\n")
    elif args.quiet:
        print("\n".join([*map(pipeline.shown_path, gathered.folders), pipeline.shown_path(saved.folder)]))
    elif args.runs:
        summary.write(comparing.lines(gathered, args, pipeline.shown_path(saved.folder)))
    else:
        page = saved.folder / "report.html"
        written = page if page.is_file() else saved.folder
        summary.write(_default_summary(gathered, pipeline.shown_path(written)))
    return pipeline.say_failures(gathered.outcomes)


def _default_summary(gathered: Gathered, written: str) -> list[Line]:
    """The quota with the tax that exports as much below it; written: the report, or its folder where there is none."""
    from outputs import pipeline, summary

    quota, tax = (outcome.result for outcome in gathered.outcomes)
    assert quota.dataset is not None
    soft = summary.soft_count(quota.plan.calibration.parameters_table)
    folders = [*map(pipeline.shown_path, gathered.folders), written]
    return summary.scenario(quota.dataset, *summary.screen(), soft=soft, tax=tax.dataset, folders=folders)
