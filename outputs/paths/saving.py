"""From the names on a command line to solved, saved paths."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import scenarios
from calibration import Calibration
from calibration.errors import InputError, Problem
from calibration.files import write_text
from outputs import pipeline, provenance, settings, store
from outputs.instruments import players
from outputs.paths import figures, findings, instruments, section, tables, work
from outputs.paths.facts import View
from outputs.paths.labelled import PathResult, label
from outputs.paths.plan import PathPlan, plan
from outputs.tables import write_parameters
from scenarios.sweeps.execution import pool


@dataclass(frozen=True)
class Saved:
    """A path that was solved, and the run folder it is in (None when no regime was solved)."""

    result: PathResult
    saved: store.Saved | None


def plans(names: Sequence[str], args: argparse.Namespace) -> list[PathPlan]:
    """Paths made ready. Raises InputError with the problems of all of them."""
    changes = [settings.parse(text) for text in args.settings]
    edit = settings.editor(changes, {"calibration": args.calibration})
    bases: dict[Path, Calibration] = {}
    found, problems = [], []
    for name in names:
        try:
            scenario = scenarios.load(name, partial(pipeline.calibration_of, bases=bases), edit)
            if scenario.horizon != "path":
                where = scenario.whole.problem(
                    ("horizon",), f"{scenario.name} has no years", "`python run.py solve`, or horizon: path"
                )
                raise InputError(where)
            base = pipeline.calibration_of(scenario, bases)
            pipeline.warn_of_years(scenario, base)
            found.append(_plan(scenario, base, args))
        except InputError as error:
            problems += [problem for problem in error.problems if problem not in problems]
    if problems:
        raise InputError(problems)
    return found


def _plan(scenario: scenarios.Scenario, base: Calibration, args: argparse.Namespace) -> PathPlan:
    if args.by_instrument:
        players(scenario, args.by_instrument)
    try:
        return plan(
            scenario, base, regimes=tuple(args.regime or scenario.regimes), cuts=tuple(sorted(set(args.cut))),
            decompose=not args.no_decomposition, security=not args.no_security, companion=not args.no_companion,
            by_instrument=args.by_instrument or "",
        )  # fmt: skip
    except ValueError as error:
        raise InputError(Problem(str(error), where=scenario.name)) from error


def solved(ready: PathPlan, workers: int, quiet: bool = True) -> PathResult:
    """Solve a path, with a progress bar on terminals."""
    with pool(workers) as executor, _progress(work.count(ready), quiet) as advance:
        results = work.run(ready, executor, advance)
        found = label(ready, results)
        if ready.by_instrument and found.dataset is not None and ready.fullest not in found.failed:
            parts = instruments.run(ready, ready.by_instrument, executor, advance)
            full = instruments.outcomes_of(ready, results)
            dataset = instruments.contributions(ready, ready.by_instrument, parts, full, found.dataset)
            found = PathResult(ready, dataset, found.failed)
    return found


@contextmanager
def _progress(total: int, quiet: bool) -> Iterator[Callable[[], object]]:
    """A bar on terminals; what turns out to be needed on the way is added to its length."""
    from tqdm import tqdm

    off = quiet or not sys.stderr.isatty()
    with tqdm(desc="solving", unit=" years", total=total, leave=False, disable=off) as bar:

        def advance() -> None:
            if bar.total is not None and bar.n >= bar.total:
                bar.total = bar.n + 1
            bar.update()

        yield advance


def solve_and_save(ready: PathPlan, args: argparse.Namespace) -> Saved:
    """Solve a path and write its run folder."""
    start = time.perf_counter()
    result = solved(ready, args.workers, args.quiet or args.json)
    options = {
        "regimes": list(ready.regimes), "cuts": list(ready.cuts), "decompose": ready.decompose,
        "security": ready.security, "companion": ready.companion, "by_instrument": ready.by_instrument,
    }  # fmt: skip
    determined = provenance.inputs(ready.scenario, ready.calibration, **options)
    if result.dataset is None:
        return Saved(result, None)
    with ExitStack() as stack:
        name = f"{store.safe_name(ready.scenario.name)}-{provenance.run_id(determined)}"
        draft = store.Draft(name, args.out)
        stack.callback(draft.discard)
        _fill(draft.folder, result, determined, args)
        status = {"status": dict.fromkeys(ready.regimes, "converged") | dict(result.failed)}
        now = datetime.now(UTC).isoformat(timespec="seconds")
        about = provenance.circumstances(pipeline.command_line(), time.perf_counter() - start, now) | status
        return Saved(result, draft.finish(about))


def _fill(folder: Path, result: PathResult, determined: dict[str, Any], args: argparse.Namespace) -> None:
    """Write a path's files."""
    assert result.dataset is not None
    ready, view = result.plan, View(result.dataset)
    store.write_netcdf(result.dataset, folder / store.RESULTS)
    write_text(folder / store.INPUTS, json.dumps(determined, indent=1, ensure_ascii=False) + "\n")
    tables.write_tables(view, folder / "tables", ready.scenario.name)
    write_parameters(ready.calibration.parameters_table, folder / "parameters.csv")
    write_text(folder / "scenario.yaml", pipeline.scenario_text(ready.scenario, args))
    drawn = [] if args.no_figures else figures.draw(view, folder / "figures", ready.scenario.name)
    parameters = ready.calibration.parameters_table
    soft = (sum(bool(row.soft) for row in parameters), len(parameters))
    section.write(view, folder, drawn, soft, result.failed)


def as_json(one: Saved) -> dict[str, Any]:
    """A path for machines: findings and tables as records, with units in the names of their columns."""
    name = one.result.plan.scenario.name
    if one.result.dataset is None:
        return {"scenario": name, "solved": [], "failed": dict(one.result.failed)}
    view = View(one.result.dataset)
    short = {
        key: make for key, make in tables.TABLES.items() if not key.startswith(("sector_", "dependence_"))
    }
    return {
        "scenario": name,
        "calibration": one.result.plan.calibration.name,
        "solved": view.regimes,
        "failed": dict(one.result.failed),
        "folder": str(one.saved.folder) if one.saved else None,
        "findings": {finding.topic: finding.text for finding in findings.findings(view)},
        "missing": findings.gaps(view),
        "tables": {key: table.to_dict("records") for key, make in short.items() if len(table := make(view))},
    }
