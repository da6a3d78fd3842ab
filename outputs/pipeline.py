"""From the names on a command line to solved, saved scenarios: what `solve`, `compare` and `report` share."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import calibration
import scenarios
from calibration.errors import InputError
from calibration.files import write_text
from model.records import REGIMES
from outputs import provenance, settings, store, tables, wording
from outputs.arguments import whole
from outputs.closure import late_plant, years_amiss
from outputs.draw import Artist
from outputs.experiment import Plan, Result, plan, solve_plans
from outputs.instruments import CHOICES
from scenarios.processes import worker


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that change what is solved and where it goes."""
    parser.add_argument(
        "--calibration", metavar="CALIBRATION", help="base year and parameters instead of the scenario's own"
    )
    parser.add_argument(
        "--regime", action="append", choices=REGIMES, help="only this technology regime; may be repeated"
    )
    parser.add_argument(
        "--horizon", choices=("short", "long"), help="short: technology and capacity of the base year"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="PATH=VALUE", dest="settings",
        help="change a value of the scenario, such as parameters.breadth=0 or instruments.quota-2010.limit=25000",
    )  # fmt: skip
    parser.add_argument(
        "--no-decomposition", action="store_true", help="do not ask which force brought the result about"
    )
    parser.add_argument(
        "--by-instrument", choices=CHOICES, help="also ask what each instrument brought about: 2^n equilibria"
    )
    parser.add_argument(
        "--no-security", action="store_true", help="do not ask what a full embargo would cost now"
    )
    add_output_options(parser)


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """Where results go and how much is said."""
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="where run folders are made (default outputs/runs)"
    )
    parser.add_argument(
        "--json", action="store_true", help="print the results for machines, and nothing else"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="print only the folders that were written")
    parser.add_argument("-v", "--verbose", action="store_true", help="also say how every solve went")
    parser.add_argument(
        "--workers",
        type=whole(1),
        default=1,
        metavar="N",
        help="processes that solve side by side (default 1)",
    )
    parser.add_argument("--no-figures", action="store_true", help="draw no figures")


def plans(names: Sequence[str], args: argparse.Namespace) -> list[Plan]:
    """Scenarios made ready. Raises InputError with the problems of all of them."""
    changes = [settings.parse(text) for text in args.settings]
    edit = settings.editor(changes, {"horizon": args.horizon, "calibration": args.calibration})
    bases: dict[Path, calibration.Calibration] = {}
    found, problems = [], []
    for name in names:
        try:
            scenario = scenarios.load(name, partial(calibration_of, bases=bases), edit)
            one_year = f"--set horizon=long --set years=null --set year={scenario.span[-1]}"
            refuse_path(scenario, f"`python run.py path`, or a year of it: {one_year}")
            base = calibration_of(scenario, bases)
            warn_of_years(scenario, base)
            regimes = tuple(args.regime) if args.regime else scenario.regimes
            ready = plan(
                scenario,
                base,
                regimes=regimes,
                decompose=not args.no_decomposition,
                security=not args.no_security,
                by_instrument=args.by_instrument or "",
            )
            if ready.by_instrument:
                ready.players()
            found.append(ready)
        except InputError as error:
            problems += [problem for problem in error.problems if problem not in problems]
    if problems:
        raise InputError(problems)
    return found


def warn_of_years(scenario: scenarios.Scenario, base: calibration.Calibration) -> None:
    """Say on standard error when a scenario's years do not go with the base year, or end before what they pay for."""
    for amiss in (years_amiss(scenario, base.year), late_plant(scenario)):
        if amiss:
            print(f"{scenario.name}: {amiss}", file=sys.stderr)


def calibration_of(
    scenario: scenarios.Scenario, bases: dict[Path, calibration.Calibration]
) -> calibration.Calibration:
    """The calibration a scenario names, kept in `bases`, so that each file is read once. Raises InputError."""
    path = scenarios.library.calibration_file(scenario)
    if path.resolve() not in bases:
        bases[path.resolve()] = calibration.load(path)
    return bases[path.resolve()]


def refuse_path(scenario: scenarios.Scenario, expected: str) -> None:
    """Raise InputError for a scenario that is a path of years."""
    if scenario.horizon == "path":
        raise InputError(
            scenario.whole.problem(("horizon",), f"{scenario.name} is a path of years", expected)
        )


@dataclass(frozen=True)
class Outcome:
    """A scenario that was solved, and the run folder it is in (None when no regime was solved)."""

    result: Result
    saved: store.Saved | None
    inputs: dict[str, Any]
    provenance: dict[str, Any]
    fault: str = ""  # why it has no figures


def solve_and_save(
    ready: Sequence[Plan], args: argparse.Namespace, drawn: Collection[int] | None = None
) -> list[Outcome]:
    """Solve plans and write their run folders; figures are drawn meanwhile in a second process.

    drawn: positions of the plans that get figures, by default all.
    """
    start = time.perf_counter()
    drafts: list[tuple[Result, store.Draft | None, dict[str, Any]]] = []
    with ExitStack() as stack:
        artist = stack.enter_context(Artist()) if ready and not args.no_figures else None
        advance = stack.enter_context(_progress(quiet=args.quiet or args.json))
        executor = stack.enter_context(_executor(args.workers))
        for result in _results(ready, executor, advance):
            determined = _inputs(result.plan)
            draft = None
            if result.dataset is not None:
                draft = store.Draft(
                    f"{store.safe_name(result.plan.scenario.name)}-{provenance.run_id(determined)}", args.out
                )
                stack.callback(draft.discard)
                if artist and (drawn is None or len(drafts) in drawn):
                    artist.draw(result.dataset, draft.folder / "figures")
                _fill(draft.folder, result, determined, args)
            drafts.append((result, draft, determined))
        fault = ""
        try:
            if artist:
                artist.wait()
        except RuntimeError as error:  # numbers are not lost because a picture is
            fault = str(error)
        done = [_finished(result, draft, determined, start) for result, draft, determined in drafts]
        return [replace(one, fault=fault) for one in done]


def _results(ready: Sequence[Plan], executor: Executor | None, advance: Any) -> Iterator[Result]:
    """Results one after another, so that one is written and drawn while the next is solved; all at once in parallel."""
    if executor is not None:
        yield from solve_plans(ready, executor, advance)
    else:
        for one in ready:
            yield from solve_plans([one], None, advance)


@contextmanager
def _executor(workers: int) -> Iterator[Executor | None]:
    """Processes that solve side by side."""
    if workers < 2:
        yield None
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=worker) as pool:
        yield pool


@contextmanager
def _progress(quiet: bool) -> Iterator[Any]:
    """A bar on terminals for what takes more than two seconds."""
    from tqdm import tqdm

    with tqdm(
        desc="solving", unit=" equilibria", delay=2, leave=False, disable=quiet or not sys.stderr.isatty()
    ) as bar:
        yield bar.update


def _inputs(ready: Plan) -> dict[str, Any]:
    options: dict[str, Any] = {
        "regimes": list(ready.closures()), "decompose": ready.decompose, "security": ready.security,
    }  # fmt: skip
    if ready.by_instrument:
        options["by_instrument"] = ready.by_instrument
    return provenance.inputs(ready.scenario, ready.calibration, **options)


def _fill(folder: Path, result: Result, determined: dict[str, Any], args: argparse.Namespace) -> None:
    """Write a result's files."""
    assert result.dataset is not None
    ready = result.plan
    store.write_netcdf(result.dataset, folder / store.RESULTS)
    write_text(folder / store.INPUTS, json.dumps(determined, indent=1, ensure_ascii=False) + "\n")
    tables.write_tables(result.dataset, folder / "tables")
    tables.write_parameters(ready.calibration.parameters_table, folder / "parameters.csv")
    write_text(folder / "scenario.yaml", scenario_text(ready.scenario, args))


def _finished(result: Result, draft: store.Draft | None, determined: dict[str, Any], start: float) -> Outcome:
    """Give the folder its name."""
    status = {"status": dict.fromkeys(result.plan.closures(), "converged") | dict(result.failed)}
    now = datetime.now(UTC).isoformat(timespec="seconds")
    about = provenance.circumstances(command_line(), time.perf_counter() - start, now) | status
    return Outcome(result, draft.finish(about) if draft else None, determined, about)


def scenario_text(scenario: scenarios.Scenario, args: argparse.Namespace) -> str:
    """The scenario's file as it was read, or with settings laid over it."""
    document = scenario.whole.document
    assert document is not None
    path = Path(document.file)
    laid_over = [word for text in args.settings for word in ("--set", text)]
    for name in ("horizon", "calibration"):
        laid_over += [f"--{name}", getattr(args, name)] if getattr(args, name) else []
    if not laid_over and document.text:
        return document.text  # the file may have changed since
    import yaml

    # Not the whole command: how much it printed, or where to, makes no other run.
    head = f"# {path.name} with {shlex.join(laid_over)}\n" if laid_over else ""
    return head + yaml.safe_dump(document.data, sort_keys=False, allow_unicode=True, width=110)


def command_line() -> str:
    """The command as it was typed, quoted for a shell."""
    return shlex.join(["python", "run.py", *sys.argv[1:]])


def shown_path(path: Path) -> str:
    """A path as it is printed: relative when it lies below the working folder."""
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return str(path)


def as_json(outcome: Outcome) -> dict[str, Any]:
    """A result for machines: the tables as records, with units in the names of their columns."""
    from outputs import facts, findings

    result = outcome.result
    name = result.plan.scenario.name
    if result.dataset is None:
        return {"scenario": name, "solved": [], "failed": dict(result.failed)}
    ds = facts.one_scenario(result.dataset)
    records = {
        key: table.to_dict("records")
        for key, table in tables.all_tables(ds).items()
        if not key.startswith("sector")  # long ones: in the folder
    }
    return {
        "scenario": name,
        "calibration": result.plan.calibration.name,
        "solved": wording.regimes(ds),
        "failed": dict(result.failed),
        "folder": str(outcome.saved.folder) if outcome.saved else None,
        "findings": {finding.topic: finding.text for finding in findings.findings(ds)},
        "tables": records,
    }


def say_failures(outcomes: Iterable[Outcome]) -> int:
    """Print what was not solved or drawn to standard error; returns the exit code: 1, or 3 when only pictures lack."""
    code = 0
    for outcome in outcomes:
        for regime, why in outcome.result.failed.items():
            print(f"{outcome.result.plan.scenario.name}, {regime}: {why}", file=sys.stderr)
            code = 1
        if outcome.fault:
            print(outcome.fault, file=sys.stderr)
            code = code or 3
    return code
