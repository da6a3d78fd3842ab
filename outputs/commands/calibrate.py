"""`run.py calibrate`: build a base year's host table from raw tables, carve out rare earths, balance, compare."""

from __future__ import annotations

import argparse
import filecmp
import sys
import tempfile
from pathlib import Path

import calibration
from calibration import derived, facts, host, inherit, rebuild, sources, us_detail
from calibration.errors import InputError, Problem
from calibration.load import build, find, read_settings
from calibration.sources import bea
from outputs.commands.check import describe, printable_lines

EPILOG = """\
examples:
  python run.py calibrate calibration/china-2009.yaml --source DIR           rebuild the shipped tables from raw tables
  python run.py calibrate calibration/china-2009.yaml --source DIR --verify  compare with what is shipped, write nothing
  python run.py calibrate calibration/china-2009-full.yaml --source DIR      all economies of the table, none grouped
  python run.py calibrate china-2009 --source DIR --us-detail 2012           some 400 US industries, same carve-out
  python run.py calibrate --sources                                          raw tables that are read, their licences

The tables go into the folder `tables` of the calibration. Raw tables are never downloaded: the calibration names the
file, `sources` tells where it comes from.
"""

BEA_FOLDER = "io"  # below the source folder, or the folder itself
MOST_EXPOSED = 15


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The options of `calibrate`."""
    parser = subparsers.add_parser(
        "calibrate",
        help="build a base year from source tables and balance it",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "calibration", nargs="?", metavar="CALIBRATION", help="calibration YAML, or the name of a shipped one"
    )
    parser.add_argument("--source", type=Path, metavar="DIR", help="folder with the raw tables")
    parser.add_argument(
        "--verify", action="store_true", help="compare with the tables at hand, write nothing"
    )
    parser.add_argument(
        "--us-detail",
        type=int,
        metavar="YEAR",
        help="rare-earth intensities of US detail industries (2007, 2012, 2017)",
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
    if args.us_detail is not None:
        return _us_detail(path, args.source, args.us_detail)
    return _build(path, args.source)


def _build(path: Path, source: Path) -> int:
    """Build, balance and compare; the tables are written only when all of it went well."""
    settings, document, concordance, _ = read_settings(path)
    if inherit.is_inherited(document, "tables"):
        problem = f"the tables of {settings.based_on} would be overwritten"
        raise InputError(Problem(problem, str(path), where="tables", expected="a folder of its own"))
    tables, notes = rebuild.host_from_source(path, source)
    missed = facts.unmet(facts.compare(build(settings, document, concordance, tables, path, {})))
    if missed:
        names = "; ".join(f"{row.what} is off by {row.difference:+.1%}" for row in missed)
        raise InputError(Problem(f"imposed figures are missed by more than 1 %: {names}", str(path)))
    folder = inherit.beside(document, "tables")
    host.write(tables, folder, rebuild.comments(settings, notes))
    base = calibration.load(path)  # as others will read it
    derived.write(base, folder)
    text = describe(base) + "".join(f"\n  source: {note}" for note in notes)
    sys.stdout.write(printable_lines(f"{text}\n  tables written to {folder}"))
    return 0


def _verify(path: Path, source: Path) -> int:
    """Build into a temporary folder and compare byte by byte. Raises InputError naming the tables that differ."""
    _, document, _, _ = read_settings(path)
    folder = inherit.beside(document, "tables")
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


def _us_detail(path: Path, source: Path, year: int) -> int:
    """Intensities of US industries: tables for the calibration's folder, the most exposed ones on the terminal."""
    base = calibration.load(path)
    tables = source / BEA_FOLDER if (source / BEA_FOLDER).is_dir() else source
    detail = us_detail.intensities(base, bea.read(tables, year))
    comparison = us_detail.compare_with_world(base, detail)
    notes = [
        f"Rare-earth use of the United States in {base.name}, over the BEA detail tables of {year}; by judgement.",
        *(f"limit: {limit}" for limit in base.limits),
        "Made by `python run.py calibrate --us-detail`; not read by the model.",
    ]
    folder = inherit.beside(base.document, "tables")
    stem = f"us_detail_{year}"
    us_detail.write(detail, comparison, folder, stem, notes)
    lines = [f"{base.name}, US industries of {year}, kg REO per million USD of output"]
    lines.append(f"{'industry':<52} {'direct':>8} {'magnets':>8} {'total':>8} {'USD/million':>12}")
    for p in (-detail.total.sum(0)).argsort(kind="stable")[:MOST_EXPOSED]:
        name = f"{detail.industries[p]} {detail.names[p]}"[:52]
        kilos = detail.direct[:, p].sum(), detail.in_magnets[:, p].sum(), detail.total[:, p].sum()
        lines.append(
            f"{name:<52} {kilos[0]:>8.1f} {kilos[1]:>8.1f} {kilos[2]:>8.1f} {detail.total_value[p]:>12.0f}"
        )
    lines += ["", f"{'sector: detail put together, world table':<52} {'direct':>17} {'total':>17}"]
    for row in comparison[:MOST_EXPOSED]:
        direct = f"{row.detail_direct:>8.2f} {row.world_direct:>8.2f}"
        lines.append(f"{row.sector:<52} {direct} {row.detail_total:>8.2f} {row.world_total:>8.2f}")
    lines.append(
        f"{detail.moved:.1f} million USD were more than the host cell holds and came out of its other cells"
    )
    lines.append(f"written: {folder / stem}.csv, {stem}_by_sector.csv")
    sys.stdout.write(printable_lines("\n".join(lines)))
    return 0


def _catalogue() -> str:
    lines = []
    for name, known in sources.catalogue().items():
        lines += [name, f"  {known['title']}", f"  files: {known['files']}"]
        lines += [f"  cite: {known['cite']}; licence: {known['licence']}"]
    return "\n".join(lines)
