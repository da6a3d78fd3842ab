"""run.py comovement STUDY.yaml: quantile and wavelet co-movement of time series."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime
from pathlib import Path

from tqdm import tqdm

from calibration.errors import InputError, Problem, unknown_name
from calibration.evidence.comovement.analysis import Results, run_study
from calibration.evidence.comovement.demand import write_demand_scenarios
from calibration.evidence.comovement.study import read_study
from outputs.comovement.report import answers, write_results
from outputs.pipeline import shown_path

ROOT = Path(__file__).parents[2]
STUDIES = ROOT / "calibration" / "evidence" / "comovement" / "studies"

EPILOG = """\
STUDY is a YAML file, or the name of one in calibration/evidence/comovement/studies. docs/comovement.md describes it.

  python run.py comovement military-development
  python run.py comovement my-study.yaml --output outputs/runs/my-study
  python run.py comovement my-study.yaml --scenarios scenarios
"""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    parser = subparsers.add_parser(
        "comovement",
        help="quantile and wavelet co-movement of time series",
        description="Cross-quantilograms, wavelet multiple correlations and market phases of the series in a study.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("study", metavar="STUDY", help="YAML file of the study, or its name")
    parser.add_argument(
        "--output", type=Path, metavar="FOLDER", help="new folder for the results (default: in outputs/runs)"
    )
    parser.add_argument(
        "--scenarios",
        type=Path,
        metavar="FOLDER",
        help="also write military-demand-bull.yaml and -bear.yaml there; they must not exist yet",
    )
    parser.add_argument(
        "--check", action="store_true", help="read the study and its data, say what is there, and stop"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    study = read_study(study_path(args.study))
    for name, why in study.absent.items():
        print(f"not at hand: {name}: {why}", file=sys.stderr)
    if args.check:
        for one in study.series.values():
            print(f"{one.name}: {one.caption} [{one.unit}], {one.transform}; {one.source} ({one.status})")
        return 0
    folder = args.output or new_folder(study.spec.study)
    if folder.exists():
        raise InputError(Problem("exists already", str(folder), expected="a new folder"))
    results = run_study(
        study, lambda names: tqdm(names, disable=not sys.stderr.isatty(), desc=study.spec.study)
    )
    written = write_demand_scenarios(results, args.scenarios) if args.scenarios else []
    write_results(results, folder)
    print(summary(results))
    print(f"\nresults: {shown_path(folder / 'index.html')}")
    for path in written:
        print(f"scenario: {shown_path(path)}")
    return 0


def studies() -> dict[str, Path]:
    """The shipped studies by name."""
    return {path.stem: path for path in sorted(STUDIES.glob("*.yaml"))}


def study_path(name: str) -> Path:
    """The file a study is named by: a path, or the name of a shipped study. Raises InputError."""
    path, shipped = Path(name), studies()
    if path.exists() or path.suffix or path.name != name:
        return path
    if name not in shipped:
        raise InputError(unknown_name("study", name, shipped))
    return shipped[name]


def new_folder(study: str) -> Path:
    """A folder under outputs/runs that does not exist yet, named by study and time."""
    base = ROOT / "outputs" / "runs" / f"comovement-{study}-{datetime.now():%Y%m%d-%H%M%S}"
    return next(
        p for p in (base, *(base.with_name(f"{base.name}-{n}") for n in range(2, 1000))) if not p.exists()
    )


def summary(results: Results) -> str:
    """What was found, for the terminal."""
    study = results.study
    labels = study.labels()
    lines = [f"{study.spec.title} ({labels[0]} to {labels[-1]})", ""]
    lines += answers(results)
    if results.findings:
        lines += ["", "The four findings of Islam (2025), for the series in the roles:"]
    for f in results.findings:
        m = f.measured
        value = "" if m is None else f" {m.value:+.3f} [{m.lower:+.3f}, {m.upper:+.3f}], p {m.p_value:.3f}:"
        sign = "+" if f.expected > 0 else "-"
        lines.append(
            f"  {f.claim.number} {f.phase}, claimed {sign}:{value} {f.verdict(study.spec.bootstrap.level)}"
        )
    lines += [f"left out: {name}: {why}" for name, why in results.skipped.items()]
    return "\n".join(lines)
