"""`run.py estimate`: the elasticity of substitution from patents; what moved with exposure to rare earths."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from calibration.errors import InputError, Problem
from calibration.tables import Column, Table, read_csv
from outputs.arguments import needless

EPILOG = """\
examples:
  python run.py estimate exposure                        exports of 40 countries, US productivity on exposure; real data
  python run.py estimate exposure --exposure mine.csv    the same with exposures of your own (columns sector, exposure)
  python run.py estimate exposure --result outputs/runs/RUN   the same regressions on a result, beside the data
  python run.py estimate elasticities --counts counts.csv --totals totals.csv     from `python run.py patents panel`
  python run.py estimate elasticities --panel panel.csv --zeta 2                  from a table of your own
  python run.py estimate elasticities --simulate         on simulated patents with a known answer

The panel of `--panel` has columns unit, sector, year, ree_patents, other_patents, log_price and, for instruments,
quota_exposure (and country, for --cluster country); docs/evidence.md describes each. Sectors are told apart where all
are WIOD's, c1 to c35; others have one slope together. elasticities.yaml is a calibration: give it to `solve` as it is.
"""

CLUSTERS = ("unit", "sector", "country")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The options of `estimate`."""
    parser = subparsers.add_parser(
        "estimate",
        help="elasticities from patents, prices and trade",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kinds = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    slopes = kinds.add_parser("elasticities", help="eps from the direction of innovation (E18)")
    given = slopes.add_mutually_exclusive_group(required=True)
    given.add_argument("--counts", type=Path, metavar="CSV", help="counts written by `patents panel`")
    given.add_argument("--panel", type=Path, metavar="CSV", help="a panel of your own")
    given.add_argument("--simulate", action="store_true", help="simulated patents with a known answer")
    slopes.add_argument("--totals", type=Path, metavar="CSV", help="patents of every kind, with --counts")
    slopes.add_argument(
        "--saving", default=None, metavar="CLASSES", help="classes that save rare earths, by commas"
    )
    slopes.add_argument("--zeta", type=float, default=2.0, help="1/lambda, assumed (default 2)")
    slopes.add_argument("--lags", type=int, default=0, help="past years of the price (default 0)")
    slopes.add_argument(
        "--cluster",
        choices=CLUSTERS,
        default=None,
        help="column of independent clusters (default: sector where the instrument is the same in all its units)",
    )
    slopes.add_argument("--base", default="china-2009", help="calibration the estimates are laid over")
    slopes.add_argument("--seed", type=int, default=None, help="of --simulate (default 0)")
    exposure = kinds.add_parser("exposure", help="exports and productivity on exposure to rare earths")
    exposure.add_argument("--exposure", type=Path, metavar="CSV", help="exposure by WIOD sector (c1 to c35)")
    exposure.add_argument("--us-exposure", type=Path, metavar="CSV", help="exposure by US industry (1 to 63)")
    exposure.add_argument("--base-year", type=int, default=2009, help="year all others are compared with")
    exposure.add_argument(
        "--result", type=Path, metavar="FILE", help="a result of the model: its folder or results.nc"
    )
    exposure.add_argument(
        "--regime",
        action="append",
        default=[],
        help="technology regime of --result, may be repeated (default all)",
    )
    for one in (slopes, exposure):
        one.add_argument("--draws", type=int, default=999, help="of the wild bootstrap (default 999)")
        one.add_argument("--out", type=Path, default=None, metavar="DIR", help="folder of the results")


def run(args: argparse.Namespace) -> int:
    """Estimate, write the files and say what was found."""
    from outputs.store import RUNS

    args.out = args.out or RUNS / "evidence" / args.what
    if args.draws < 99:
        raise InputError(Problem(f"{args.draws} draws", where="--draws", expected="99 or more"))
    return _elasticities(args) if args.what == "elasticities" else _exposure(args)


def _elasticities(args: argparse.Namespace) -> int:
    from calibration.evidence.elasticities.panel import panel_from_frame
    from calibration.evidence.exposure.measures import wiod_exposure
    from outputs.evidence import elasticities_files, elasticities_run

    if not (np.isfinite(args.zeta) and args.zeta > 0):
        raise InputError(Problem(f"got {args.zeta}", where="--zeta", expected="a number above 0"))
    if not 0 <= args.lags <= 10:
        raise InputError(Problem(f"got {args.lags}", where="--lags", expected="0 to 10"))
    reasons = {} if args.counts else dict.fromkeys(("--totals", "--saving"), "only --counts needs it")
    if not args.simulate:
        reasons["--seed"] = "only --simulate draws numbers"
    needless(args, reasons)
    exposure = wiod_exposure()
    score = dict(zip(exposure.sectors, exposure.score.tolist(), strict=True))
    truth: float | None = None
    notes: list[str] = []
    if args.simulate:
        seed = args.seed or 0
        data, truth = _simulated(score, args.zeta, seed)
        source = f"simulate.World, seed {seed}"
    elif args.counts:
        data, notes = _from_counts(args)
        source = f"{args.counts.name} and {args.totals.name}"
    else:
        data, source = _read_panel(args.panel), args.panel.name
    instruments = ("quota_exposure",) if "quota_exposure" in data else ()
    if args.cluster and args.cluster not in data:
        raise InputError(
            Problem(f"{args.cluster}: the panel has no such column", where="--cluster", expected="another")
        )
    panel = panel_from_frame(data, lags=args.lags, instruments=instruments, cluster=args.cluster)
    findings = elasticities_run.investigate(panel, score, zeta=args.zeta, base=args.base, draws=args.draws)
    written = elasticities_files.write(
        findings,
        args.out,
        base=args.base,
        source=source,
        simulated=args.simulate,
        truth=truth,
        notes=notes,
    )
    sys.stdout.write((args.out / "summary.md").read_text(encoding="utf-8"))
    _say_written(written)
    return 0


def _simulated(score: dict[str, float], zeta: float, seed: int) -> tuple[pd.DataFrame, float]:
    """A simulated panel of the seven sectors that buy rare earths, and the mean of the true eps."""
    from calibration.evidence.elasticities.simulate import World, simulate

    sectors = ("c8", "c9", "c11", "c12", "c13", "c14", "c15")
    rng = np.random.default_rng(seed)
    epsilon = tuple(float(0.7 - 0.5 * score[s] + rng.normal(0, 0.08)) for s in sectors)
    world = World(epsilon=epsilon, zeta=zeta, sectors=len(sectors), countries=20)
    data = simulate(world, rng).data
    data["sector"] = [sectors[k] for k in data["sector"]]
    return data, float(np.mean(epsilon))


def _from_counts(args: argparse.Namespace) -> tuple[pd.DataFrame, list[str]]:
    """The panel of counts and totals, and what is to be said of its prices."""
    from calibration.evidence.elasticities.study import SAVING, build_panel, panel_prices

    if args.totals is None:
        raise InputError(
            Problem("missing", where="--totals", expected="the totals written by `patents panel`")
        )
    counts = read_csv(
        args.counts,
        [
            Column("country"),
            Column("sector"),
            Column("element"),
            Column("year", "integer"),
            Column("category"),
        ]
        + [Column("patents", "number", minimum=0)],
        key=("country", "sector", "element", "year", "category"),
    )
    totals = read_csv(
        args.totals,
        [
            Column("country"),
            Column("sector"),
            Column("year", "integer"),
            Column("patents", "number", minimum=0),
        ],
        key=("country", "sector", "year"),
    )
    saving = tuple(args.saving.split(",")) if args.saving else SAVING
    counted, all_kinds = _filled(args.counts, counts), _filled(args.totals, totals)
    return build_panel(counted, all_kinds, saving=saving), [str(panel_prices(all_kinds))]


def _filled(path: Path, table: Table) -> pd.DataFrame:
    """A table as a frame. Raises InputError when it has no rows."""
    data = pd.DataFrame(dict(table.columns))
    if data.empty:
        raise InputError(Problem("there are no rows below the header", str(path)))
    return data


def _read_panel(path: Path) -> pd.DataFrame:
    columns = [
        Column("unit"),
        Column("sector"),
        Column("country", required=False),
        Column("year", "integer"),
        Column("ree_patents", "number", minimum=0),
        Column("other_patents", "number", minimum=0),
        Column("log_price", "number"),
        Column("quota_exposure", "number", required=False),
    ]
    return _filled(path, read_csv(path, columns, key=("unit", "year")))


def _exposure(args: argparse.Namespace) -> int:
    from outputs.evidence import exposure_run
    from outputs.evidence.tables import effects_table, screen

    if not args.result:
        needless(args, {"--regime": "it is one of a --result"})
    exposures = exposure_run.exposures(args.exposure, args.us_exposure)
    named = exposure_run.samples(exposures)
    estimates = exposure_run.estimate(named, args.base_year, args.draws, _progress(len(named)))
    if args.result:
        path = args.result / "results.nc" if args.result.is_dir() else args.result
        estimates = exposure_run.with_model(estimates, path, args.regime, args.base_year, args.draws)
    written = exposure_run.write(estimates, exposures, args.out)
    table = effects_table(estimates.effects)
    print(screen({name: table[name] for name in exposure_run.SHOWN}, digits=2))
    for note in estimates.notes:
        print(note)
    _say_written(written)
    return 0


def _progress(total: int):  # type: ignore[no-untyped-def]
    """Say on the terminal which sample is at work; nothing when there is no terminal."""
    from tqdm import tqdm

    bar = tqdm(total=total, disable=not sys.stderr.isatty(), unit="sample")

    def advance(name: str) -> None:
        bar.set_description(name[:40])
        bar.update()

    return advance


def _say_written(written: list[Path]) -> None:
    from outputs.pipeline import shown_path

    print(f"\nwritten to {shown_path(written[0].parent)}: {', '.join(path.name for path in written)}")
