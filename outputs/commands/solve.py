"""`run.py solve`: solve scenarios and write a run folder for each."""

from __future__ import annotations

import argparse
import json
import sys

EPILOG = """\
examples:
  python run.py solve china-2010-quota                       a shipped scenario; `check` reads it without solving
  python run.py solve my-scenario.yaml                       a file of your own
  python run.py solve china-2010-quota --set instruments.quota-2010.limit=20000
                                                             the same with another limit; several --set are allowed
  python run.py solve china-2010-quota --set parameters.ree_elasticity.magnets=0.1 --regime directed
  python run.py solve china-2010-quota --horizon short       technology and capacity as in the base year
  python run.py solve full-embargo-2025 --by-instrument name --first-order
                                                             what each instrument brought about; first-order
                                                             effects beside the exact change of real income
  python run.py solve china-2010-quota --json | jq '.[0].tables.real_income'

Each scenario gets a folder outputs/runs/NAME-ID with results.nc, tables, figures, the scenario and its provenance. The
ID comes from everything that determines the numbers, so that no run is ever written over another one.

exit codes: 0 solved, 1 a regime of a scenario was not solved, 2 the input is wrong, 3 a file cannot be written.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The options of `solve`."""
    from outputs import pipeline

    parser = subparsers.add_parser(
        "solve",
        help="solve scenarios: result file, tables, figures and a summary",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("scenarios", nargs="+", metavar="SCENARIO", help="a scenario by name, or a YAML file")
    parser.add_argument(
        "--first-order",
        action="store_true",
        help="also print terms-of-trade and volume-of-trade effects (Caliendo and Parro) beside the exact change",
    )
    pipeline.add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Solve, save, and say what came out."""
    from outputs import pipeline, summary

    outcomes = pipeline.solve_and_save(pipeline.plans(args.scenarios, args), args)
    for outcome in outcomes:
        result, saved = outcome.result, outcome.saved
        if saved is not None and result.dataset is not None and not args.json:
            shown = pipeline.shown_path(saved.folder)
            if args.quiet:
                print(shown)
                continue
            folders = [shown, *(["the same run was there already"] if saved.existed else [])]
            soft = summary.soft_count(result.plan.calibration.parameters_table)
            summary.write(summary.scenario(result.dataset, *summary.screen(), soft=soft, folders=folders))
            summary.write(summary.instruments(result.dataset))
            if args.first_order:
                summary.write(summary.first_order(result.dataset, summary.screen()[0]))
            if args.verbose:
                summary.write(summary.solves(result))
    if args.json:
        json.dump(
            [pipeline.as_json(outcome) for outcome in outcomes], sys.stdout, indent=1, ensure_ascii=False
        )
        sys.stdout.write("\n")
    return pipeline.say_failures(outcomes)
