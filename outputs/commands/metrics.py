"""`run.py metrics`: who depends on rare earths, through what, how hard to replace, and does it predict loss."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from outputs.arguments import whole

EPILOG = """\
examples:
  python run.py metrics                                  the default base year, China restricting
  python run.py metrics world-2024 --scenario full-embargo-2025
  python run.py metrics china-2009 --score eu-2017-supply-risk
  python run.py metrics china-2009 --scores my-scores.yaml --score my-scores
  python run.py metrics china-2009 --restricting CHN RUS --draws 500
  python run.py metrics china-2009 --no-solve --json | jq .findings

Writes outputs/runs/metrics-NAME-ID: tables as CSV, metrics.nc with everything, figures, index.html and section.html.
docs/metrics.md says how each number is made and what a file of scores holds.

exit codes: 0 done, 1 something was not solved (the rest is there), 2 the input is wrong, 3 a file cannot be written.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The options of `metrics`."""
    from outputs.metrics import prediction
    from outputs.metrics.scores import OWN

    parser = subparsers.add_parser(
        "metrics",
        help="who depends on rare earths: intensity, substitutability, exposure by sector",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_base_options(parser)
    parser.add_argument(
        "--scores",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="YAML file of scores; may be repeated",
    )
    parser.add_argument(
        "--score", default=OWN, metavar="NAME", help="scores the index uses (default: the calibration's)"
    )
    parser.add_argument(
        "--draws", type=whole(0), default=100, metavar="N", help="draws of the soft numbers (default 100)"
    )
    parser.add_argument("--seed", type=whole(0), default=0, metavar="N", help="seed of the draws (default 0)")
    parser.add_argument(
        "--scenario", action="append", metavar="SCENARIO",
        help="scenario whose losses exposure is held against; may be repeated (default "
        f"{' and '.join(prediction.SCENARIOS)})",
    )  # fmt: skip
    add_output_options(parser)


def add_base_options(parser: argparse.ArgumentParser) -> None:
    """What `metrics` and `network` start from."""
    parser.add_argument(
        "calibration", nargs="?", default="china-2009", metavar="CALIBRATION",
        help="name or YAML file of a base year (default china-2009)",
    )  # fmt: skip
    parser.add_argument(
        "--restricting", nargs="+", default=[], metavar="REGION",
        help="regions that may restrict (default: the one that makes most of the elements)",
    )  # fmt: skip
    parser.add_argument(
        "--no-solve", action="store_true", help="only what the table says, nothing from the solved model"
    )


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """Where results go and how much is said."""
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="where run folders are made (default outputs/runs)"
    )
    parser.add_argument(
        "--json", action="store_true", help="print findings and tables for machines, and nothing else"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="print only the folder that was written")
    parser.add_argument("--no-figures", action="store_true", help="draw no figures")


def run(args: argparse.Namespace) -> int:
    """Compute, save, and say what came out."""
    import calibration
    from outputs.metrics import base, prediction, results, saving

    start = time.perf_counter()
    ready = base.prepare(
        calibration.load(args.calibration),
        restricting=args.restricting,
        score=args.score,
        score_files=args.scores,
    )
    scenarios, solved = tuple(args.scenario or prediction.SCENARIOS), not args.no_solve
    inputs = saving.determined(
        ready, "metrics", args.scores, draws=args.draws, seed=args.seed, solved=solved,
        scenarios=prediction.contents(scenarios, ready) if solved else [],
    )  # fmt: skip
    with progress(results.steps(ready, args.draws, solved, scenarios, prediction.REGIMES), args) as advance:
        found = results.measure(
            ready, draws=args.draws, seed=args.seed, solved=solved, scenarios=scenarios, advance=advance
        )
    return finish(found, saving.of_metrics(found), inputs, args, start)


def progress(total: int, args: argparse.Namespace) -> Any:
    """A bar on terminals for what takes more than two seconds."""
    from contextlib import contextmanager

    from tqdm import tqdm

    @contextmanager
    def bar() -> Any:
        silent = args.quiet or args.json or not sys.stderr.isatty()
        with tqdm(total=total, desc="metrics", unit="step", delay=2, leave=False, disable=silent) as shown:
            yield shown.update

    return bar()


def finish(found: Any, report: Any, inputs: dict[str, Any], args: argparse.Namespace, start: float) -> int:
    """Write the folder and print; 1 when something was not solved."""
    from outputs import pipeline, summary
    from outputs.metrics import saving

    saved = saving.save(
        found, report, inputs, root=args.out, draw=not args.no_figures, command=pipeline.command_line(),
        seconds=time.perf_counter() - start,
    )  # fmt: skip
    shown = pipeline.shown_path(saved.folder)
    if args.json:
        printed = {
            "command": report.kind,
            "calibration": found.base.calibration.name,
            "folder": str(saved.folder),
            "findings": dict(report.findings),
            "not_solved": list(report.problems),
            "tables": {name: table.to_dict("records") for name, table in report.tables.items()},
        }
        json.dump(printed, sys.stdout, indent=1, ensure_ascii=False, default=plain)
        sys.stdout.write("\n")
    elif args.quiet:
        print(shown)
    else:
        summary.write(lines(report, shown + (" (the same run was there already)" if saved.existed else "")))
    for problem in report.problems:
        print(f"not solved: {problem}", file=sys.stderr)
    return 1 if report.problems else 0


def plain(value: Any) -> Any:
    """NumPy numbers and truth values as JSON has them."""
    return value.item()


def lines(report: Any, folder: str) -> list[Any]:
    """The findings, wrapped for a terminal."""
    import textwrap

    from outputs.summary import Line, screen

    width, _ = screen()
    said = [Line(report.title, "title")]
    for topic, text in report.findings.items():
        first, *rest = textwrap.wrap(f"{topic}: {text}", width, subsequent_indent="  ")
        said += [Line(first), *(Line(line) for line in rest)]
    return [*said, Line(f"-> {folder}/index.html", "note")]
