"""From the names on a command line to solved, saved scenarios: what `solve`, `compare` and `report` share."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import calibration
import scenarios
from calibration.errors import InputError
from calibration.files import write_text
from model.records import REGIMES
from outputs import provenance, settings, store, tables
from outputs.experiment import Plan, Result, plan, solve_plans


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that change what is solved and where it goes."""
    parser.add_argument("--calibration", metavar="NAME", help="base year and parameters instead of the scenario's own")
    parser.add_argument("--regime", action="append", choices=REGIMES, help="only this technology regime; may be repeated")
    parser.add_argument("--horizon", choices=("short", "long"), help="short: technology and capacity of the base year")
    parser.add_argument(
        "--set", action="append", default=[], metavar="PATH=VALUE", dest="settings",
        help="change a value of the scenario, such as parameters.breadth=0 or instruments.quota-2010.limit=25000",
    )  # fmt: skip
    parser.add_argument("--no-decomposition", action="store_true", help="do not ask which force brought the result about")
    parser.add_argument("--no-security", action="store_true", help="do not ask what a full embargo would cost now")
    add_output_options(parser)


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """Where results go and how much is said."""
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="where run folders are made (default outputs/runs)")
    parser.add_argument("--json", action="store_true", help="print the results for machines, and nothing else")
    parser.add_argument("-q", "--quiet", action="store_true", help="print only the folders that were written")
    parser.add_argument("-v", "--verbose", action="store_true", help="also say how every solve went")
    parser.add_argument("--no-figures", action="store_true", help="draw no figures")


def plans(names: Sequence[str], args: argparse.Namespace) -> list[Plan]:
    """Scenarios made ready. Raises InputError with the problems of all of them."""
    changes = [settings.parse(text) for text in args.settings]
    edit = settings.editor(changes, {"horizon": args.horizon, "calibration": args.calibration})
    bases: dict[str, Any] = {}
    found, problems = [], []
    for name in names:
        try:
            scenario = scenarios.load(name, edit=edit)
            refuse_path(scenario)
            base = bases.setdefault(scenario.calibration, None) or _calibration(scenario, name)
            bases[scenario.calibration] = base
            scenario = scenarios.load(name, base, edit)
            regimes = tuple(args.regime) if args.regime else scenario.regimes
            ready = plan(
                scenario, base, regimes=regimes, decompose=not args.no_decomposition, security=not args.no_security
            )
            found.append(ready)
        except InputError as error:
            problems += [problem for problem in error.problems if problem not in problems]
    if problems:
        raise InputError(problems)
    return found


def _calibration(scenario: scenarios.Scenario, name: str) -> calibration.Calibration:
    """The calibration a scenario names; a path is taken from the scenario's folder when it is not found from here."""
    beside = scenarios.library.find(name).parent / scenario.calibration
    is_path = scenario.calibration.endswith((".yaml", ".yml"))
    return calibration.load(beside if is_path and not Path(scenario.calibration).is_file() else scenario.calibration)


def refuse_path(scenario: scenarios.Scenario) -> None:
    """Raise InputError for a scenario that is a path of years."""
    if scenario.horizon == "path":
        raise InputError(
            scenario.whole.problem(("horizon",), f"{scenario.name} is a path of years", "`run.py path`, or --set horizon=long")
        )


def solved(ready: Sequence[Plan], args: argparse.Namespace) -> list[Result]:
    """Solve plans with a progress bar on terminals. Raises ValueError on results that are not finite."""
    with _progress(ready, quiet=args.quiet or args.json) as advance:
        return solve_plans(ready, None, advance)


@contextmanager
def _progress(ready: Sequence[Plan], quiet: bool) -> Iterator[Any]:
    """A bar on terminals for what takes more than two seconds."""
    from tqdm import tqdm

    with tqdm(desc="solving", unit="equilibria", delay=2, leave=False, disable=quiet or not sys.stderr.isatty()) as bar:
        yield bar.update


def save(result: Result, args: argparse.Namespace, seconds: float, *, draw: bool = True) -> store.Saved:
    """Write a result's run folder."""
    assert result.dataset is not None
    ready = result.plan
    options = {"regimes": list(ready.closures()), "decompose": ready.decompose, "security": ready.security}
    determined = provenance.inputs(ready.scenario, ready.calibration, **options)
    name = f"{store.safe_name(ready.scenario.name)}-{provenance.run_id(determined)}"
    dataset = result.dataset

    def fill(folder: Path) -> None:
        store.write_netcdf(dataset, folder / store.RESULTS)
        write_text(folder / store.INPUTS, json.dumps(determined, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
        tables.write_tables(dataset, folder / "tables")
        tables.write_parameters(ready.calibration.parameters_table, folder / "parameters.csv")
        write_text(folder / "scenario.yaml", scenario_text(ready.scenario, args))
        if draw and not args.no_figures:
            from outputs import figures

            figures.draw_scenario(dataset, folder / "figures")

    status = {"status": dict.fromkeys(ready.closures(), "converged") | dict(result.failed)}
    about = provenance.circumstances(command_line(), seconds, datetime.now(UTC).isoformat(timespec="seconds")) | status
    return store.save(name, fill, about, args.out)


def scenario_text(scenario: scenarios.Scenario, args: argparse.Namespace) -> str:
    """The scenario's file as it was read, or with settings laid over it."""
    document = scenario.whole.document
    assert document is not None
    path = Path(document.file)
    if not args.settings and not args.horizon and not args.calibration and path.is_file():
        return path.read_text(encoding="utf-8-sig")
    import yaml

    head = f"# {path.name} with settings of the command line: {command_line()}\n"
    return head + yaml.safe_dump(document.data, sort_keys=False, allow_unicode=True, width=110)


def command_line() -> str:
    """The command as it was typed, quoted for a shell."""
    return shlex.join(["run.py", *sys.argv[1:]])


def shown_path(path: Path) -> str:
    """A path as it is printed: relative when it lies below the working folder."""
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return str(path)


def as_json(result: Result, folder: Path | None) -> dict[str, Any]:
    """A result for machines: the tables as records, with units in the names of their columns."""
    from outputs import facts, findings

    name = result.plan.scenario.name
    if result.dataset is None:
        return {"scenario": name, "solved": [], "failed": dict(result.failed)}
    ds = facts.one_scenario(result.dataset)
    records = {key: table.to_dict("records") for key, table in tables.all_tables(ds).items() if key != "sectors"}
    return {
        "scenario": name,
        "calibration": result.plan.calibration.name,
        "solved": [str(r) for r in ds["regime"].values],
        "failed": dict(result.failed),
        "folder": None if folder is None else str(folder),
        "findings": {finding.topic: finding.text for finding in findings.findings(ds)},
        "tables": records,
    }


def say_failures(results: Iterable[Result]) -> int:
    """Print what was not solved to standard error; returns the exit code, 1 when there is anything."""
    code = 0
    for result in results:
        for regime, why in result.failed.items():
            print(f"{result.plan.scenario.name}, {regime}: {why}", file=sys.stderr)
            code = 1
    return code
