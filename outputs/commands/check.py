"""`run.py check`: read calibrations and scenarios, say what is wrong with them, and which numbers are soft."""

from __future__ import annotations

import argparse
import sys
import textwrap
from pathlib import Path

import calibration
from calibration import Calibration, Parameter, strict_yaml
from calibration.errors import InputError, Problem, printable
from calibration.facts import compare

EPILOG = """\
examples:
  run.py check calibration/china-2009.yaml           a calibration: does it balance, which parameters are soft
  run.py check scenarios/*.yaml                      scenarios: names, dates, limits
  run.py check my-calibration.yaml --soft            every parameter marked memory or analyst, with its source

Nothing is solved and nothing is written. Exit code 2 when a file is wrong.
"""
WIDTH = 110
SECTIONS = {"rare_earths", "parameters"}  # a file with one of these is a calibration


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The options of `check`."""
    parser = subparsers.add_parser(
        "check",
        help="read a scenario, sweep or calibration file and say what is wrong with it, without solving",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="calibration or scenario YAML")
    parser.add_argument("--soft", action="store_true", help="list every soft parameter with its source")


def run(args: argparse.Namespace) -> int:
    """Check every file; all problems of all files are reported together."""
    problems: list[Problem] = []
    for file in args.files:
        try:
            text = _check(file, args.soft)
        except InputError as error:
            problems += error.problems
        else:
            sys.stdout.write(printable_lines(text))
    if problems:
        raise InputError(problems)
    return 0


def printable_lines(text: str) -> str:
    """Text with control characters escaped, line ends kept."""
    return "".join(f"{printable(line)}\n" for line in text.splitlines())


def _check(file: Path, soft: bool) -> str:
    data = strict_yaml.load(file).data
    if isinstance(data, dict) and (SECTIONS & data.keys() or "based_on" in data):
        return describe(calibration.load(file), soft)
    from scenarios import (
        check as check_scenario,
    )  # a scenario reads its calibration: imported only when needed

    return f"{file}: {check_scenario(file)}"


def describe(base: Calibration, list_soft: bool = False) -> str:
    """What a calibration is, what was adjusted, and how sure its numbers are."""
    b = base.benchmark
    n, j, k, _, e = b.shape
    lines = [
        f"{base.path}: {base.title}",
        f"  {n} regions, {j} sectors, {k} goods, {e} elements; world output {b.output.sum() / 1e6:.1f} trillion USD; "
        "every identity of the base year holds",
    ]
    lines += _wrapped("limit: ", base.limits) + _wrapped("note: ", base.notes)
    lines += [f"  {row}" for row in _facts(base)]
    table = base.parameters_table
    counts = {
        status: sum(p.status == status for p in table) for status in ("seen", "computed", "memory", "analyst")
    }
    lines.append(
        f"  {len(table)} parameters: " + ", ".join(f"{count} {status}" for status, count in counts.items())
    )
    soft = [p for p in table if p.soft]
    if list_soft:
        lines += [_soft_line(p) for p in soft]
    else:
        names = ", ".join(p.name for p in soft)
        lines += textwrap.wrap(f"soft (memory or judgement; --soft lists sources): {names}", WIDTH, **_INDENT)
    return "\n".join(lines)


_INDENT = {"initial_indent": "  ", "subsequent_indent": "    "}


def _wrapped(prefix: str, texts: tuple[str, ...]) -> list[str]:
    return [line for text in texts for line in textwrap.wrap(prefix + text, WIDTH, **_INDENT)]


def _soft_line(p: Parameter) -> str:
    span = f", range {p.range[0]:g}-{p.range[1]:g}" if p.range else ""
    which = (
        f" ({', '.join(p.soft_values)})" if p.soft_values and p.status not in ("memory", "analyst") else ""
    )
    text = f"{p.name}{which} [{p.unit}] {p.status}{span}: {p.source}"
    return "\n".join(textwrap.wrap(text, WIDTH, **_INDENT))


def _facts(base: Calibration) -> list[str]:
    """The comparison with figures as lines of a table."""
    rows = compare(base)
    if not rows:
        return []
    width = max(len(row.what) for row in rows)
    lines = [f"{'figure':<{width}} {'source':>12} {'base year':>12} {'off':>8}  imposed  unit (status)"]
    for row in rows:
        lines.append(
            f"{row.what:<{width}} {_figure(row.source_value):>12} {_figure(row.base_year):>12} {row.difference:>+8.1%}  "
            f"{'yes' if row.imposed else 'no':<7}  {row.unit} ({row.status})"
        )
    return lines


def _figure(value: float) -> str:
    """Four significant digits, thousands in groups, no powers of ten."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
