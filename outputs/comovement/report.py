"""A results folder of a co-movement study: figures, tables, NetCDF, a section for the report, and its provenance."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from calibration.evidence.comovement.analysis import Results
from calibration.evidence.comovement.study import Study
from calibration.files import write_bytes, write_text
from calibration.tables import write_csv
from outputs import sections
from outputs.comovement.drawing import Drawing, series_figure
from outputs.comovement.quantilefigures import quantilogram_figures
from outputs.comovement.store import datasets, findings_columns, write_netcdf, write_tables
from outputs.comovement.waveletfigures import scale_labels, wavelet_figures


def draw(results: Results) -> list[Drawing]:
    study = results.study
    drawings = [series_figure(study)]
    for q in results.quantilograms:
        drawings += quantilogram_figures(study, q)
    for w in results.wavelets:
        drawings += wavelet_figures(study, w)
    return drawings


def write_results(results: Results, folder: Path) -> list[Path]:
    """Fill a new folder. index.html stands alone; section.html is its body, for the report to include."""
    study = results.study
    folder.mkdir(parents=True, exist_ok=False)
    groups = datasets(results)
    write_netcdf(groups, folder / "results.nc")
    tables = write_tables(groups, folder / "tables")
    if results.findings:
        path = folder / "tables" / "findings.csv"
        write_csv(path, findings_columns(results.findings, study.spec.bootstrap.level))
        tables.insert(0, path)
    figures = []
    for drawing in draw(results):
        image = _png(drawing.figure)
        path = folder / "figures" / f"{drawing.name}.png"
        write_bytes(path, image)
        figures.append({"src": sections.embedded(path), "alt": drawing.alt, "caption": drawing.caption})
    section = render_section(results, figures, [path.name for path in tables])
    sections.write(folder, study.spec.title, section)
    write_text(folder / "provenance.json", json.dumps(provenance(study), indent=2) + "\n")
    return tables


def _png(figure: Figure) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()


def render_section(
    results: Results, figures: Sequence[dict[str, str]], tables: Sequence[str], prefix: str = ""
) -> str:
    """The HTML of the section; links go to `prefix` + results.nc and tables/."""
    study = results.study
    labels = study.labels()
    b = study.spec.bootstrap
    return (
        sections.environment(Path(__file__).parent)
        .get_template("section.html.j2")
        .render(
            study=study,
            answers=answers(results),
            span=(labels[0], labels[-1], len(labels)),
            missing={
                "error": "none",
                "complete": "a date counts when all series of an analysis are observed",
                "pairwise": "a row counts when its own columns are observed",
            }[study.spec.missing],
            findings=results.findings,
            percent=f"{100 * (1 - b.level):g}",
            level=b.level,
            figures=figures,
            skipped=results.skipped,
            tables=tables,
            prefix=prefix,
        )
    )


def answers(results: Results) -> list[str]:
    """What each analysis found, in a sentence."""
    study = results.study
    said = []
    for q in results.quantilograms:
        clear = q.grid.significant & q.grid.reliable
        assert q.grid.p_family is not None and q.grid.bootstrap is not None
        strong = (q.grid.p_family <= q.grid.bootstrap.level).sum(axis=(1, 2))
        names = f"{study.series[q.predictor].caption} → {study.series[q.target].caption}"
        if not q.grid.reliable.any():
            said.append(f"{names}: no pair of quantiles has observations enough to tell.")
            continue
        expected = q.grid.bootstrap.level * q.grid.reliable.sum()
        parts = [f"lag {k}: {s}" for k, s in zip(q.grid.lags, strong, strict=True) if s]
        said.append(
            f"{names}: {clear.sum()} of {q.grid.reliable.sum()} reliable cells are significant one by one "
            f"({expected:.1f} expected by "
            f"chance); for the whole map of a lag, {', '.join(parts) if parts else 'none'}."
        )
    for w in results.wavelets:
        m = w.multiple
        best = int(np.nanargmin(m.p_value))
        scale = scale_labels(len(m.levels) - 1, study.frequency)[best]
        clear = m.p_value[best] <= 1 - w.spec.confidence
        interval = "" if np.isnan(m.lower[best]) else f"interval {m.lower[best]:.2f} to {m.upper[best]:.2f}, "
        told = "surest at" if clear else "distinguishable from none at no scale, the surest being"
        said.append(
            f"{'; '.join(study.series[n].label for n in w.series)}: multiple correlation by scale "
            f"{np.nanmin(m.value):.2f} to {np.nanmax(m.value):.2f}; {told} periods of {scale} "
            f"({m.value[best]:.2f}, {interval}p-value {_p_value(m.p_value[best])}; unrelated series reach "
            f"{m.critical[best]:.2f})."
        )
    return said


def _p_value(p: float) -> str:
    return f"{p:.2g}" if p >= 0.001 else "below 0.001"


def provenance(study: Study) -> dict[str, Any]:
    """Inputs with their hashes, versions and time: what is needed to repeat the run."""
    folder = study.file.resolve().parent
    inputs = {str(study.file.name): study.file}
    for table in study.spec.tables.values():
        for name in (table.file, table.provenance):
            if name and (folder / name).is_file():
                inputs[name] = folder / name
    if study.spec.phases.dated:
        inputs[study.spec.phases.dated] = folder / study.spec.phases.dated
    return {
        "study": study.spec.study,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": f"python run.py comovement {study.file}",
        "inputs": {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in inputs.items()},
        "code": _commit(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in ("numpy", "scipy", "xarray", "matplotlib")},
        "seed": study.spec.bootstrap.seed,
        "not_at_hand": study.absent,
        "stand_ins": {one.name: one.stands_in_for for one in study.series.values() if one.stands_in_for},
    }


def _commit() -> str:
    """The commit the code stands at, marked when files differ from it; "unknown" outside a repository."""
    here = Path(__file__).parent
    try:
        ask = ["git", "-C", str(here), "describe", "--always", "--dirty", "--abbrev=12"]
        return subprocess.run(ask, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"
