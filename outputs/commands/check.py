"""`run.py check`: say what is wrong with calibrations, scenarios and sweeps, and which numbers are soft."""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import calibration
from calibration import Calibration, Parameter, strict_yaml
from calibration.errors import InputError, Problem, printable, unknown_name
from calibration.facts import compare
from calibration.provenance import SOFT

if TYPE_CHECKING:
    from model.records import Labels
    from scenarios.scenario import Scenario

EPILOG = """\
examples:
  python run.py check calibration/china-2009.yaml           a calibration: does it balance, which parameters are soft
  python run.py check scenarios/*.yaml                      scenarios: names, dates, limits
  python run.py check elasticities-2010                     a sweep: ranges, draws, outcomes
  python run.py check my-calibration.yaml --soft            every parameter marked memory or analyst, with its source

Nothing is solved and nothing is written. Exit code 2 when a file is wrong.
"""
WIDTH = 110
SECTIONS = {"rare_earths", "based_on", "concordance"}  # a file with one of these is a calibration


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The options of `check`."""
    parser = subparsers.add_parser(
        "check",
        help="read a scenario, sweep or calibration file and say what is wrong with it, without solving",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="calibration, scenario or sweep YAML"
    )
    parser.add_argument("--soft", action="store_true", help="list every soft parameter with its source")


def run(args: argparse.Namespace) -> int:
    """Check every file; all problems of all files are reported together."""
    problems: list[Problem] = []
    bases: dict[Path, Calibration] = {}
    for file in args.files:
        try:
            text = _check(file, args.soft, bases)
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


def _check(file: Path, soft: bool, bases: dict[Path, Calibration]) -> str:
    path = file if file.suffix in (".yaml", ".yml") else _named(str(file))
    data = strict_yaml.load(path).data
    if isinstance(data, dict) and SECTIONS & data.keys():
        return describe(calibration.load(path), soft)
    if isinstance(data, dict) and "design" in data:
        return _check_sweep(path)
    return _check_scenario(path, soft, bases)


def _named(name: str) -> Path:
    """The file of a shipped calibration or scenario. Raises InputError."""
    from scenarios import library, sweeps

    known = {**calibration.available(), **library.available(), **sweeps.available()}
    if name not in known:
        raise InputError(unknown_name("calibration, scenario or sweep", name, known))
    return known[name]


def _check_scenario(path: Path, soft: bool, bases: dict[Path, Calibration]) -> str:
    """A scenario against the calibration that it names; each calibration is loaded once."""
    import scenarios
    from outputs.closure import numbers
    from outputs.limits import allowed
    from outputs.names import counted
    from outputs.pipeline import calibration_of

    scenario = scenarios.load(path, partial(calibration_of, bases=bases))
    found = numbers(scenario)
    loose = [one for one in found if one[2] in SOFT]
    bare = [one for one in found if not one[2]]
    lines = [
        f"{_shown(path)}: {scenario.title}",
        f"  {scenario.calibration}, {scenario.years or scenario.year or 'no year'}, horizon {scenario.horizon}; "
        f"{counted(len(scenario.instruments), 'instrument')}, {counted(len(found), 'number')}: "
        f"{len(found) - len(loose) - len(bare)} from a source, {len(loose)} soft, {len(bare)} without a source",
    ]
    for name, *about in loose if soft else found:
        lines += _wrapped(f"{name}: ", [_number(*about)])
    if not soft:
        base = calibration_of(scenario, bases)
        lines += [*_wrapped("", allowed(scenario, base)), *_closure(scenario, base)]
        lines += _wrapped("assumed: ", [f"{one.text} ({one.status})" for one in scenario.assumptions])
    return "\n".join(lines)


def _number(value: str, status: str, source: str) -> str:
    """A number of a scenario and where it is from."""
    if not status:
        return f"{value} (no source: a setting of the scenario)"
    return f"{value} ({status}): {source}" if source else f"{value} ({status})"


def _closure(scenario: Scenario, base: Calibration) -> list[str]:
    """What is given and what responds, and instruments that move nothing because of it."""
    from outputs import limits
    from outputs.closure import assumed
    from scenarios.instruments import ResearchSubsidy

    said = assumed(scenario, scenario.benchmark(base), base.labels, scenario.regimes, base.year)
    lines = [line for term, text in said for line in _wrap(f"{term}: {text}")]
    fixed = scenario.horizon != "path" and all(
        closure.technology == "given" for closure in scenario.closures().values()
    )
    idle = [line.name for line in scenario.instruments if isinstance(line, ResearchSubsidy)] if fixed else []
    return lines + _wrapped(
        "! ",
        [
            *(f"{name} subsidises research, and technology does not respond" for name in idle),
            *(
                f"{name} limits nothing: an embargo stops all it covers"
                for name in limits.idle(scenario, base)
            ),
        ],
    )


def _shown(path: Path) -> str:
    from outputs.pipeline import shown_path

    return shown_path(path)


def _check_sweep(path: Path) -> str:
    """A sweep: its numbers with their distributions, and how many solves it takes."""
    from scenarios import sweeps
    from scenarios.sweeps.targets import multiplies

    study = sweeps.load(path)
    draws, soft = (
        len(study.sample.values),
        {row.name for row in study.calibration.parameters_table if row.soft},
    )
    lines = [
        f"{_shown(path)}: {study.design.title}",
        f"  design {study.design.design.type}, {draws:,} draws of {len(study.design.vary)} numbers, "
        f"{len(study.solves)} solves each; {len(study.columns)} outcomes; calibration {study.calibration.name}",
    ]
    for varied, law in zip(study.design.vary, study.laws, strict=True):
        paths = [path.split(".")[1] for path in varied.paths if path.startswith("calibration.")]
        mark = " (soft)" if soft & set(paths) else ""
        times = "× " if multiplies(varied, study.calibration) else ""
        lines.append(f"  {varied.name}: {law.type}, {times}{law.bounds[0]:g} to {law.bounds[1]:g}{mark}")
    return "\n".join(lines)


def describe(base: Calibration, list_soft: bool = False) -> str:
    """What a calibration is, what was adjusted, and how sure its numbers are."""
    b = base.benchmark
    n, j, k, _, e = b.shape
    lines = [
        f"{_shown(base.path)}: {base.title}",
        f"  {n} regions, {j} sectors, {k} goods, {e} elements; world output {b.output.sum() / 1e6:.1f} trillion USD; "
        "every identity of the base year holds",
    ]
    lines += [
        line for what, names in _names(base.labels).items() for line in _wrap(f"{what}: {', '.join(names)}")
    ]
    lines += _wrapped("limit: ", base.limits) + _wrapped("note: ", base.notes)
    lines += [f"  {row}" for row in _facts(base)]
    table = base.parameters_table
    counts = {
        status: sum(p.status == status for p in table) for status in ("seen", "computed", "memory", "analyst")
    }
    soft = [p for p in table if p.soft]
    partly = sum(p.status not in SOFT for p in soft)
    found = ", ".join(f"{count} {status}" for status, count in counts.items())
    lines.append(
        f"  {len(table)} parameters: {found}; {partly} of those seen or computed have soft values in them"
    )
    if list_soft:
        lines += [_soft_line(p) for p in soft]
    else:
        names = ", ".join(p.name for p in soft)
        lines += _wrap(f"soft (memory or judgement; --soft lists sources): {names}")
    return "\n".join(lines)


def _names(labels: Labels) -> dict[str, Sequence[str]]:
    """What a scenario may name, by kind; goods but elements, which are goods, too."""
    goods = [good for good in labels.goods if good not in labels.elements]
    return {
        "regions": labels.regions, "sectors": labels.sectors, "goods": goods, "elements": labels.elements,
        "stages": labels.stages,
    }  # fmt: skip


def _wrap(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="    ")


def _wrapped(prefix: str, texts: Sequence[str]) -> list[str]:
    return [line for text in texts for line in _wrap(prefix + text)]


def _soft_line(p: Parameter) -> str:
    span = f", range {p.range[0]:g}-{p.range[1]:g}" if p.range else ""
    which = f" ({', '.join(p.soft_values)})" if p.soft_values and p.status not in SOFT else ""
    text = f"{p.name}{which} [{p.unit}] {p.status}{span}: {p.source}"
    return "\n".join(_wrap(text))


def _facts(base: Calibration) -> list[str]:
    """The comparison with figures as lines of a table."""
    rows = compare(base)
    if not rows:
        return []
    width = max(len(row.what) for row in rows)
    lines = [f"{'figure':<{width}} {'source':>12} {'base year':>12} {'off':>8}  imposed  unit (status)"]
    for row in rows:
        values = f"{_figure(row.source_value):>12} {_figure(row.base_year):>12} {row.difference:>+8.1%}"
        imposed = "yes" if row.imposed else "no"
        lines.append(f"{row.what:<{width}} {values}  {imposed:<7}  {row.unit} ({row.status})")
    return lines


def _figure(value: float) -> str:
    """Four significant digits, thousands in groups, no powers of ten."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
