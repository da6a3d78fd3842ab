"""What `run.py compare` does: gather runs, save the comparison, and put it on a screen."""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from calibration.files import write_text
from calibration.tables import write_csv
from outputs import comparison, facts, findings, names, pipeline, provenance, quotas, store, tables
from outputs.comparison import Member
from outputs.names import number, signed
from outputs.report import ReportRun, from_folder, render, tabular
from outputs.summary import Line


@dataclass(frozen=True)
class Gathered:
    """Runs to compare, in the order they were named."""

    runs: tuple[ReportRun, ...]
    folders: tuple[Path, ...]
    outcomes: tuple[pipeline.Outcome, ...]  # of the scenarios that were solved now

    @property
    def members(self) -> list[Member]:
        """The runs by the names they are shown with."""
        from outputs.report.build import labelled

        return [
            Member(name, ds, run.inputs)
            for (name, ds), run in zip(labelled(self.runs), self.runs, strict=True)
        ]


def gather(wanted: Sequence[str], args: argparse.Namespace) -> Gathered:
    """Read the names that are run folders and solve the others; what was not solved at all is left out."""
    is_run = [store.is_run(name, args.out) for name in wanted]
    read = {name: from_folder(name, args.out) for name, there in zip(wanted, is_run, strict=True) if there}
    ready = pipeline.plans([name for name, there in zip(wanted, is_run, strict=True) if not there], args)
    # The report has charts of every run; the default comparison draws pictures of its first one only.
    outcomes = iter(pipeline.solve_and_save(ready, args, None if args.runs else [0]))
    runs, folders, solved = [], [], []
    for name, there in zip(wanted, is_run, strict=True):
        if there:
            runs.append(read[name])
            folders.append(store.find(name, args.out))
            continue
        outcome = next(outcomes)
        solved.append(outcome)
        if outcome.saved is not None:
            runs.append(in_memory(outcome))
            folders.append(outcome.saved.folder)
    return Gathered(tuple(runs), tuple(folders), tuple(solved))


def in_memory(outcome: pipeline.Outcome) -> ReportRun:
    """A run that was just saved, without reading it back."""
    assert outcome.saved is not None
    assert outcome.result.dataset is not None
    rows = outcome.result.plan.calibration.parameters_table
    text = store.read_text(outcome.saved.folder / "scenario.yaml")
    return ReportRun(
        outcome.saved.folder.name,
        outcome.result.dataset,
        outcome.inputs,
        outcome.provenance,
        tables.parameters(rows),
        text,
    )


def save(gathered: Gathered, args: argparse.Namespace, seconds: float) -> store.Saved:
    """Write the tables of the comparison and its report."""
    members, runs = gathered.members, [run.name for run in gathered.runs]
    identity = hashlib.sha256(json.dumps([runs, args.tolerance]).encode()).hexdigest()[:12]

    draft = store.Draft(f"comparison-{identity}", args.out)
    try:
        write_csv(draft.folder / "inputs_that_differ.csv", tables.columns(comparison.inputs(members)))
        write_csv(
            draft.folder / "differences.csv", tables.columns(comparison.results(members, args.tolerance))
        )
        write_text(
            draft.folder / "headline.csv", tabular.comparison([(m.name, m.dataset) for m in members]).csv
        )
        if not args.no_report:
            render(gathered.runs, draft.folder / "report.html")
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return draft.finish({**provenance.circumstances(pipeline.command_line(), seconds, now), "runs": runs})
    finally:
        draft.discard()


# Inputs that only people read; they differ between any two scenarios.
PROSE = (
    "title",
    "question",
    "name",
    "assumptions",
    "sources",
    "compare_with",
    "note",
    "source",
    "status",
    "url",
)


def lines(gathered: Gathered, args: argparse.Namespace, folder: str) -> list[Line]:
    """The comparison on a screen: headline, inputs that differ, results that differ."""
    members = gathered.members
    said = [Line("Side by side", "title")]
    said += [Line(f"  [{at}] {m.name}") for at, m in enumerate(members, 1)]
    said += _headlines(members)
    if differ_in := findings.who_in_each([(m.name, m.dataset) for m in members]):
        said.append(Line(differ_in, "warning"))
    differ = comparison.inputs(members)
    prose = differ["input"].map(lambda path: any(step in PROSE for step in path.split(".")[1:]))
    said.append(Line("Inputs that differ", "head"))
    for row in differ[~prose].itertuples(index=False, name=None):
        said.append(Line(f"  {row[0]}: " + " | ".join(_short(str(value)) for value in row[1:])))
    if prose.any():
        said.append(
            Line(
                f"  and {names.counted(int(prose.sum()), 'line')} of text or sources (inputs_that_differ.csv)",
                "note",
            )
        )
    found = comparison.results(members, args.tolerance)
    said.append(
        Line(
            f"Results that differ by more than {args.tolerance:g}: {len(found)} variables, the cell that differs most",
            "head",
        )
    )
    several = len(members) > 2
    said += [Line(_difference(row, several)) for row in _records(found.head(args.rows))]
    if len(found) > args.rows:
        said.append(Line(f"  and {len(found) - args.rows} more (differences.csv)", "note"))
    said += [Line(f"not compared, {text}", "warning") for text in comparison.left_out(members)]
    return [*said, Line(f"-> {folder}", "note")]


def _headlines(members: Sequence[Member]) -> list[Line]:
    """The headline numbers under the first and the last regime that all runs have."""
    regimes = [
        str(r)
        for r in members[0].dataset["regime"].values
        if all(r in m.dataset["regime"].values for m in members)
    ]
    said = []
    for regime in dict.fromkeys((*regimes[:1], *regimes[-1:])):
        heads = "".join(f"[{at}]".rjust(12) for at in range(1, len(members) + 1))
        said.append(Line(names.regime(regime).ljust(40) + heads, "head"))
        for label, values in tabular.headlines([(m.dataset, regime) for m in members]).items():
            said.append(Line(f"  {label}".ljust(40) + "".join(_number(value).rjust(12) for value in values)))
    return said


def _number(value: float) -> str:
    return "-" if np.isnan(value) else number(value)


def _difference(row: dict[str, Any], several: bool) -> str:
    change = f"{number(row['first'], 4)} -> {number(row['other'], 4)} {row['unit']} ({signed(row['difference [%]'])} %)"
    return f"  {row['variable']} ({row['cell']}): {change}" + (f" in {row['run']}" if several else "")


def _short(value: str) -> str:
    if value.endswith(".0") and value[:-2].lstrip("-").isdigit():
        return f"{float(value):,.0f}"
    return value if len(value) <= 40 else f"{value[:37]}..."


def as_json(gathered: Gathered, args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """The comparison for machines."""
    members = gathered.members
    return {
        "runs": [str(path) for path in gathered.folders],
        "folder": str(folder),
        "inputs": _records(comparison.inputs(members)),
        "results": _records(comparison.results(members, args.tolerance)),
        "not_compared": comparison.left_out(members),
        "tables": {
            m.name: {
                "real_income": _records(facts.real_income(m.dataset)),
                "quotas": _records(quotas.table(m.dataset)),
                "forces": _records(facts.forces(m.dataset)),
            }
            for m in members
        },
        "failed": {
            one.result.plan.scenario.name: dict(one.result.failed)
            for one in gathered.outcomes
            if one.result.failed
        },
    }


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]
