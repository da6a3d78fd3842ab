"""Run folders of `metrics` and `network`: tables, figures, graphs, a page, and what everything was made from."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from calibration.files import write_text
from calibration.tables import write_csv
from outputs import provenance, sections, store
from outputs.metrics import export, findings, networktables, results, tables
from outputs.metrics.base import Base
from outputs.metrics.network import Network
from outputs.metrics.results import Metrics
from outputs.metrics.scores import DATA
from outputs.tables import columns, write_parameters

PAGE_TABLES = ("exposure", "exposure_regions", "correlations", "supply_paths", "substitutability", "elements")
PAGE_NETWORK = ("positions", "chokepoints", "bottlenecks", "rerouting_together", "rerouting", "removal")
NETCDF = "metrics.nc"


@dataclass(frozen=True)
class Report:
    """What goes into a folder besides data: tables, sentences, what is not solved."""

    kind: str
    title: str
    question: str
    tables: Mapping[str, pd.DataFrame]
    findings: Mapping[str, str]
    problems: tuple[str, ...]
    on_page: tuple[str, ...]


def of_metrics(found: Metrics) -> Report:
    """The report of `run.py metrics`."""
    about = found.base.calibration
    question = "Who depends on rare earths, through what, how hard to replace, and does it predict who loses?"
    return Report(
        "metrics", f"Exposure to rare earths: {about.title}", question, tables.all_tables(found),
        findings.of_metrics(found), found.problems, PAGE_TABLES,
    )  # fmt: skip


def of_network(found: Network) -> Report:
    """The report of `run.py network`."""
    about = found.base.calibration
    question = "Through whose hands do rare earths pass, where is the way narrow, and what hangs on it?"
    return Report(
        "network", f"The network of rare earths: {about.title}", question, networktables.all_tables(found),
        findings.of_network(found), found.problems, PAGE_NETWORK,
    )  # fmt: skip


def determined(base: Base, kind: str, files: Sequence[str | Path], **options: object) -> dict[str, Any]:
    """Everything the numbers are determined by."""
    scores = [hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in files]
    about = base.calibration
    return {
        "command": kind,
        "calibration": {"name": about.name, "files": dict(sorted(about.hashes.items()))},
        "data": {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(DATA.glob("[!.]*"))
        },
        "options": {
            **options,
            "restricting": list(base.restricting_names),
            "scores": base.score.name,
            "files": scores,
        },
        "code": {"version": provenance.version(), "sha256": provenance.code_hash()},
        "lock": provenance.lock_hash(),
        "python": platform.python_version(),
        "libraries": provenance.libraries(),
    }


def save(
    found: Metrics | Network,
    report: Report,
    inputs: dict[str, Any],
    *,
    root: Path | None,
    draw: bool,
    command: str,
    seconds: float,
) -> store.Saved:
    """Write a run folder, whole or not at all."""
    base = found.base
    draft = store.Draft(f"{report.kind}-{base.calibration.name}-{provenance.run_id(inputs)}", root)
    try:
        fill(found, report, draft.folder, draw=draw)
        write_text(
            draft.folder / store.INPUTS,
            json.dumps(inputs, indent=1, ensure_ascii=False) + "\n",
        )
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return draft.finish(
            provenance.circumstances(command, seconds, now) | {"not_solved": list(report.problems)}
        )
    finally:
        draft.discard()


def fill(found: Metrics | Network, report: Report, folder: Path, *, draw: bool = True) -> None:
    """Write every file but inputs.json and provenance.json."""
    base = found.base
    comments = [f"calibration: {base.calibration.name}", f"scores: {base.score.name} ({base.score.status})"]
    for name, table in report.tables.items():
        write_csv(folder / "tables" / f"{name}.csv", columns(table), comments=comments)
    write_parameters(base.calibration.parameters_table, folder / "parameters.csv")
    pictures: list[Path] = []
    if isinstance(found, Metrics):
        store.write_netcdf(results.dataset(found), folder / NETCDF)
        if draw:
            from outputs.metrics import figures

            pictures = figures.draw(found, folder / "figures")
    else:
        colours = export.region_colours(base.labels.regions, base.restricting_names)
        export.write(found.graph, folder / "graphs", "rare_earths", colours)
        export.write(found.production, folder / "graphs", "production", colours)
        if draw:
            from outputs.metrics import networkfigures

            pictures = networkfigures.draw(found, folder / "figures")
    sections.write(folder, report.title, section(base, report, pictures))


def section(base: Base, report: Report, pictures: Sequence[Path]) -> str:
    """The HTML of the section, which index.html shows as a page and a report may include."""
    rows = base.calibration.parameters_table
    soft = (
        f"Scores: {base.score.title} ({base.score.status}). {sum(bool(row.soft) for row in rows)} of the {len(rows)} "
        "parameters of the calibration are recalled or judged; parameters.csv marks them."
    )
    return sections.body(
        sections.Part(
            report.kind, report.title, report.question,
            [(topic[:1].upper() + topic[1:], text) for topic, text in report.findings.items()],
            report.problems, pictures=pictures, soft=[soft, *base.calibration.limits],
            tables={name: report.tables[name] for name in report.on_page if name in report.tables},
        )
    )  # fmt: skip
