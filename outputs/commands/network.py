"""`run.py network`: through whose hands rare earths pass, where the way is narrow, and what hangs on it."""

from __future__ import annotations

import argparse
import time

from outputs.arguments import between
from outputs.commands.metrics import add_base_options, add_output_options, finish, progress

EPILOG = """\
examples:
  python run.py network                                        the default base year, all elements
  python run.py network --element Dy --element Nd              two elements; chokepoints of each
  python run.py network --target DEU:transport_equipment       cuts between ore and a sector
  python run.py network --remove CHN:magnets --remove JPN:magnets
                                                               what table and model lose without their exports
  python run.py network world-2024 --smallest 0.0001           show smaller flows

Writes outputs/runs/network-NAME-ID: tables as CSV, graphs as GraphML and GEXF (Gephi opens both), figures, index.html
and section.html. docs/metrics.md says how each number is made.

exit codes: 0 done, 1 something was not solved (the rest is there), 2 the input is wrong, 3 a file cannot be written.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The options of `network`."""
    from outputs.metrics.network import SMALLEST

    parser = subparsers.add_parser(
        "network",
        help="the input-output network: chokepoints, centralities, extraction",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_base_options(parser)
    parser.add_argument(
        "--element", action="append", default=[], metavar="E", help="only these elements; may be repeated"
    )
    parser.add_argument(
        "--target",
        action="append",
        default=[],
        metavar="REGION:SECTOR",
        help="cuts between ore and this sector",
    )
    parser.add_argument(
        "--remove",
        action="append",
        default=[],
        metavar="REGION:SECTOR",
        help="close the exports of this sector",
    )
    parser.add_argument(
        "--smallest", type=between(0, 1), default=SMALLEST, metavar="SHARE",
        help=f"links below this share of all tonnes are not shown (default {SMALLEST:g})",
    )  # fmt: skip
    add_output_options(parser)


def run(args: argparse.Namespace) -> int:
    """Compute, save, and say what came out."""
    import calibration
    from outputs.metrics import base, network, saving

    start = time.perf_counter()
    ready = base.prepare(calibration.load(args.calibration), restricting=args.restricting)
    options = {
        "elements": args.element,
        "targets": args.target,
        "removed": args.remove,
        "smallest": args.smallest,
    }
    with progress(network.steps(args.remove, not args.no_solve), args) as advance:
        found = network.measure(ready, solved=not args.no_solve, advance=advance, **options)
    inputs = saving.determined(ready, "network", [], solved=not args.no_solve, **options)
    return finish(found, saving.of_network(found), inputs, args, start)
