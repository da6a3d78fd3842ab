"""From the names on a command line to solved, saved scenarios: what `solve`, `compare` and `report` share."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import calibration
import scenarios
from calibration.errors import InputError
from calibration.files import write_text
from model.records import REGIMES
from outputs import provenance, settings, store, tables
from outputs.arguments import whole
from outputs.draw import Artist
from outputs.experiment import Plan, Result, plan, solve_plans
from outputs.instruments import CHOICES
from scenarios.processes import worker


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that change what is solved and where it goes."""
    parser.add_argument(
        "--calibration", metavar="NAME", help="base year and parameters instead of the scenario's own"
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
    bases: dict[str, calibration.Calibration] = {}
    found, problems = [], []
    for name in names:
        try:
            scenario = scenarios.load(name, finder(name, bases), edit)
            refuse_path(scenario)
            base = bases[scenario.calibration]
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


def finder(
    scenario: str | Path, bases: dict[str, calibration.Calibration]
) -> Callable[[str], calibration.Calibration]:
    """What finds the calibration that a scenario names, by name or path, and keeps it in `bases`.

    A path is taken from the scenario's folder when it is not found from here. Raises InputError.
    """

    def found(name: str) -> calibration.Calibration:
        if name not in bases:
            beside = scenarios.library.find(scenario).parent / name
            is_path = name.endswith((".yaml", ".yml"))
            bases[name] = calibration.load(beside if is_path and not Path(name).is_file() else name)
        return bases[name]

    return found


def refuse_path(scenario: scenarios.Scenario) -> None:
    """Raise InputError for a scenario that is a path of years."""
    if scenario.horizon == "path":
        raise InputError(
            scenario.whole.problem(
                ("horizon",),
                f"{scenario.name} is a path of years",
                "`python run.py path`, or --set horizon=long",
            )
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
    write_text(
        folder / store.INPUTS, json.dumps(determined, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    )
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
    if not args.settings and not args.horizon and not args.calibration and path.is_file():
        return path.read_text(encoding="utf-8-sig")
    import yaml

    head = f"# {path.name} with settings of the command line: {command_line()}\n"
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
        "solved": [str(r) for r in ds["regime"].values],
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
