"""`run.py calibrate`: build the host table of a base year from raw tables, carve out rare earths, balance, compare."""

from __future__ import annotations

import argparse
import filecmp
import sys
import tempfile
from pathlib import Path

import calibration
from calibration import derived, facts, host, rebuild, sources
from calibration.errors import InputError, Problem
from calibration.load import find, read_settings
from outputs.commands.check import describe, printable_lines

EPILOG = """\
examples:
  run.py calibrate calibration/china-2009.yaml --source DIR           rebuild the shipped tables from raw tables
  run.py calibrate calibration/china-2009.yaml --source DIR --verify  compare with what is shipped, write nothing
  run.py calibrate calibration/china-2009-full.yaml --source DIR      all economies of the world table, none grouped
  run.py calibrate --sources                                          which raw tables can be read, and their licences

The tables go into the folder `tables` of the calibration. Raw tables are never downloaded: the calibration names the
file, `sources` tells where it comes from.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The options of `calibrate`."""
    parser = subparsers.add_parser(
        "calibrate",
        help="build a base year from source tables and balance it",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("calibration", nargs="?", help="calibration YAML, or the name of a shipped one")
    parser.add_argument("--source", type=Path, metavar="DIR", help="folder with the raw tables")
    parser.add_argument(
        "--verify", action="store_true", help="compare with the tables at hand, write nothing"
    )
    parser.add_argument("--sources", action="store_true", help="list the raw tables that can be read")


def run(args: argparse.Namespace) -> int:
    """Rebuild or verify the tables of one calibration."""
    if args.sources:
        sys.stdout.write(printable_lines(_catalogue()))
        return 0
    if args.calibration is None or args.source is None:
        raise InputError("give a calibration and --source DIR with the raw tables; see --help")
    if not args.source.is_dir():
        raise InputError(Problem("no such folder", str(args.source)))
    path = find(args.calibration)
    if args.verify:
        return _verify(path, args.source)
    settings, _, _, _ = read_settings(path)
    folder = path.parent / settings.tables
    _, notes = rebuild.rebuild(path, args.source, folder)
    base = calibration.load(path)
    derived.write(base, folder)
    text = describe(base) + "".join(f"\n  source: {note}" for note in notes)
    sys.stdout.write(printable_lines(f"{text}\n  tables written to {folder}"))
    missed = facts.unmet(facts.compare(base))
    if missed:
        names = "; ".join(f"{row.what} is off by {row.difference:+.1%}" for row in missed)
        raise InputError(Problem(f"imposed figures are missed by more than 1 %: {names}", str(path)))
    return 0


def _verify(path: Path, source: Path) -> int:
    """Build into a temporary folder and compare byte by byte. Raises InputError naming the tables that differ."""
    settings, _, _, _ = read_settings(path)
    folder = path.parent / settings.tables
    with tempfile.TemporaryDirectory() as temporary:
        built = Path(temporary)
        rebuild.rebuild(path, source, built)
        _, mismatch, errors = filecmp.cmpfiles(folder, built, host.FILES, shallow=False)
    if mismatch or errors:
        raise InputError(
            [
                Problem("differs from what the raw tables give", str(folder / name))
                for name in mismatch + errors
            ]
        )
    sys.stdout.write(f"{folder}: {len(host.FILES)} tables, the same bytes as built from {source}\n")
    return 0


def _catalogue() -> str:
    lines = []
    for name, known in sources.catalogue().items():
        lines += [name, f"  {known['title']}", f"  files: {known['files']}"]
        lines += [f"  cite: {known['cite']}; licence: {known['licence']}"]
    return "\n".join(lines)
