"""From run folders to the report: numbers become tables, charts and sentences; the template only places them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from calibration.errors import InputError, Problem
from calibration.files import write_text
from outputs import facts, findings, intact, names, pricefindings, readable, store, tables, wording
from outputs.comparison import numbered
from outputs.report import parameters, run_charts, tabular
from outputs.report.tabular import Table
from outputs.sections import SECTION, Section
from outputs.validation import judging, record

HERE = Path(__file__).parent


@dataclass(frozen=True)
class ReportRun:
    """What a report needs of a run."""

    name: str  # of its folder
    dataset: xr.Dataset
    inputs: Mapping[str, Any]
    provenance: Mapping[str, Any]
    parameters: pd.DataFrame  # name, value, unit, source, status, range, soft
    scenario_text: str = ""

    @cached_property
    def ds(self) -> xr.Dataset:
        """The dataset without its scenario axis."""
        return facts.one_scenario(self.dataset)

    @property
    def scenario(self) -> str:
        """Name of the scenario."""
        return tables.scenario_name(self.dataset)


def from_folder(run: str | Path, root: Path | None = None) -> ReportRun:
    """Read a run folder. Raises InputError when it is not one or was changed."""
    found = store.read(run, root)
    if "year" in found.dataset.dims:
        whole = (found.folder / SECTION).is_file()
        what = "a path of years" if whole else "a path of years without its section"
        expected = "a run of `python run.py solve`" if whole else "`python run.py path` again"
        raise InputError(Problem(what, str(found.folder), expected=expected))
    intact.check(found.dataset, str(found.folder / store.RESULTS))
    for name, content in ((store.INPUTS, found.inputs), (store.PROVENANCE, found.provenance)):
        intact.check_written(name, content, str(found.folder / name))
    text = store.read_text(found.folder / "scenario.yaml")
    table = parameters.read(found.folder / "parameters.csv")
    return ReportRun(found.name, found.dataset, found.inputs, found.provenance, table, text)


def render(runs: Sequence[ReportRun], path: Path, parts: Sequence[Section] = ()) -> Path:
    """Write the report of one or more runs as one HTML file, whole or not at all; parts: what follows them."""
    write_text(path, html(runs, parts))
    return path


def html(runs: Sequence[ReportRun], parts: Sequence[Section] = ()) -> str:
    """The report as text."""
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["data_uri"] = data_uri
    environment.filters["bound"] = bound
    environment.filters["held_against"] = record.in_words
    environment.filters["capital"] = lambda text: text[:1].upper() + text[1:]
    template = environment.get_template("report.html.j2")
    shown = [View(run, at) for at, run in enumerate(runs)]
    return template.render(
        runs=shown,
        parts=parts,
        first=shown[0],
        comparison=tabular.comparison(labelled(runs)) if len(runs) > 1 else None,
        mix=run_charts.mix(labelled(runs)) if len(runs) > 1 else None,
        who_in_each=findings.who_in_each(labelled(runs)),
        style=Markup((HERE / "report.css").read_text(encoding="utf-8")),
        script=Markup((HERE / "report.js").read_text(encoding="utf-8")),
        data=as_script({view.key: view.cards for view in shown}),
        citation=citation(runs),
        history=history(),
    )


def labelled(runs: Sequence[ReportRun]) -> list[tuple[str, xr.Dataset]]:
    """Runs by scenario, by folder where a scenario comes twice, and numbered where a folder's name does."""
    scenarios = [run.scenario for run in runs]
    labels = [run.scenario if scenarios.count(run.scenario) == 1 else run.name for run in runs]
    return list(zip(numbered(labels), [run.ds for run in runs], strict=True))


def history() -> dict[str, Any]:
    """What was observed and how the model did: the record, its table, and what the model leaves out."""
    found = record.read()
    rows = tabular.table("record", found.by_group(), "model-and-history")
    missed = set(found.tests.loc[found.tests["verdict"] == "miss", "group"])
    notes = {group: text.replace("`", "") for group, text in judging.NOTES.items() if group in missed}
    left_out = [(judging.GROUPS[group], text) for group, text in notes.items()]
    return {"record": found, "table": rows, "left_out": left_out, "judging": record.JUDGING}


def as_script(value: Any) -> Markup:
    """JSON that can stand in a script element: nothing in it can end the element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))


def data_uri(table: Table) -> str:
    """A table as a link that downloads it."""
    return "data:text/csv;charset=utf-8;base64," + base64.b64encode(table.csv.encode()).decode()


def citation(runs: Sequence[ReportRun]) -> str:
    """How to cite the results."""
    code = runs[0].inputs.get("code", {})
    version = code.get("version", "")
    listed = names.listed([run.name for run in runs])
    return (
        f"rare-earth-model {version}: runs {listed}"
        if len(runs) > 1
        else f"rare-earth-model {version}: run {listed}"
    )


@dataclass(frozen=True)
class View:
    """A run as the template shows it."""

    run: ReportRun
    position: int
    cache: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Start of the ids of its parts in the page."""
        return f"run{self.position + 1}"

    @property
    def ds(self) -> xr.Dataset:
        return self.run.ds

    @property
    def title(self) -> str:
        return str(self.ds.attrs.get("title") or self.run.scenario)

    @property
    def question(self) -> str:
        return str(self.ds.attrs.get("question", ""))

    @property
    def headline(self) -> str:
        return findings.headline(self.ds)

    @property
    def findings(self) -> list[wording.Finding]:
        return findings.findings(self.ds)

    @property
    def failed(self) -> list[str]:
        return findings.failed(self.ds)

    @property
    def regimes(self) -> list[tuple[str, str]]:
        return [(r, names.regime(r)) for r in wording.regimes(self.ds)]

    @property
    def learning(self) -> list[str]:
        """Regimes whose technology responds."""
        return [regime for regime, _ in self.regimes if facts.learns(self.ds, regime)]

    @property
    def who(self) -> str:
        return wording.restrictors(self.ds)

    @property
    def tiles(self) -> list[tuple[str, list[tuple[str, str]]]]:
        return tabular.tiles(self.ds)

    @property
    def charts(self) -> dict[str, Any]:
        """Every chart by name; those that the run has no numbers for are left out."""
        if "charts" not in self.cache:
            made = run_charts.all_charts(self.ds)
            self.cache["charts"] = {name: chart for name, chart in made.items() if chart is not None}
        return self.cache["charts"]  # type: ignore[no-any-return]

    @property
    def tables(self) -> dict[str, Table]:
        if "tables" not in self.cache:
            found = {
                name: tabular.table(name, frame, self.run.scenario, readable.page(name, frame, self.learning))
                for name, frame in tables.all_tables(self.ds).items()
                if len(frame)
            }
            self.cache["tables"] = found
        return self.cache["tables"]  # type: ignore[no-any-return]

    @property
    def heat(self) -> tabular.Heat:
        return tabular.dependence(self.ds)

    @property
    def cards(self) -> dict[str, Any]:
        """What the page shows when a region or an element is chosen."""
        return {
            "regimes": [name for _, name in self.regimes],
            "region": tabular.region_cards(self.ds),
            "element": tabular.element_cards(self.ds),
        }

    @property
    def embargo(self) -> str:
        return findings.embargo_name(self.ds)

    @property
    def limits(self) -> list[str]:
        return [str(text) for text in json.loads(self.ds.attrs.get("limits", "[]"))]

    @property
    def abroad(self) -> str:
        """What the price abroad is, and a kg of what it buys."""
        return f"{pricefindings.abroad(self.ds)} {names.OF_PRODUCT}"

    @property
    def caution(self) -> str:
        """What stands beside losses that no data can tell."""
        deep = findings.embargo_share(self.ds) > findings.DEEP
        return " No forecast: so deep a cut was never seen." if deep else ""

    @property
    def notes(self) -> list[str]:
        return [str(text) for text in json.loads(self.ds.attrs.get("notes", "[]"))]

    @property
    def assumptions(self) -> list[tuple[str, str]]:
        found = json.loads(self.ds.attrs.get("assumptions", "[]"))
        return [(str(text).replace("`", ""), str(status)) for text, status in found]

    @property
    def closure(self) -> list[tuple[str, str]]:
        """What is given and what responds: what it is about, and what is assumed."""
        return [(str(term), str(text)) for term, text in json.loads(self.ds.attrs.get("assumed", "[]"))]

    @property
    def numbers(self) -> list[list[str]]:
        """Every number of the scenario: which, value with unit, status, source."""
        return [[str(text) for text in row] for row in json.loads(self.ds.attrs.get("numbers", "[]"))]

    @property
    def instruments(self) -> list[tuple[str, str, str]]:
        """What the scenario does: name, type, and its settings in a line."""
        found = []
        for line in self.run.inputs.get("scenario", {}).get("instruments", []):
            settings = {
                k: v for k, v in line.items() if k not in ("name", "type") and v not in (None, [], {}, "")
            }
            found.append(
                (
                    str(line.get("name", "")),
                    str(line.get("type", "")).replace("_", " "),
                    tabular.in_line(settings),
                )
            )
        return found

    @property
    def overrides(self) -> Mapping[str, Any]:
        """Parameters that the scenario writes over."""
        return self.run.inputs.get("scenario", {}).get("parameters") or {}

    @property
    def changed(self) -> list[tuple[str, str, str]]:
        """Of each of them its name, its value in the run and in the calibration."""
        return parameters.changed(self.run.parameters, self.overrides)

    @property
    def parameters(self) -> Table:
        if "parameters" not in self.cache:
            self.cache["parameters"] = parameters.shown(
                self.run.parameters, self.overrides, self.run.scenario
            )
        return self.cache["parameters"]  # type: ignore[no-any-return]

    @property
    def soft(self) -> tuple[int, int]:
        return int(self.run.parameters["soft"].sum()), len(self.run.parameters)

    @property
    def worst_residual(self) -> str:
        worst = max(float(self.ds["residual"].max()), float(self.ds["walras"].max()))
        return f"{worst:.1e}"

    @property
    def reproduce(self) -> str:
        return str(self.run.provenance.get("command", f"python run.py solve {self.run.scenario}"))

    @property
    def facts_of_run(self) -> list[tuple[str, str]]:
        """Provenance, line by line."""
        given, made = self.run.inputs, self.run.provenance
        code, files = given.get("code", {}), given.get("calibration", {}).get("files", {})
        rows = [
            ("run", self.run.name), ("time", made.get("time", "")), ("status", tabular.in_line(made.get("status", {}))),
            ("code", f"version {code.get('version', '')}, commit {made.get('commit') or 'unknown'}"),
            ("hash of the code", code.get("sha256", "")), ("hash of the lock file", given.get("lock", "")),
            ("Python and packages", f"Python {given.get('python', '')}, {tabular.in_line(given.get('libraries', {}))}"),
            ("calibration", str(self.ds.attrs.get("calibration", ""))),
            *((f"  {name}", value) for name, value in files.items()),
        ]  # fmt: skip
        return [(str(key), str(value)) for key, value in rows]


def bound(text: str) -> str:
    """A sentence whose numbers are not parted from their units at the end of a line."""
    return re.sub(r"(?<=\d) (?=%|ppm|t\b|m USD|million USD|USD)", "\u00a0", text)
