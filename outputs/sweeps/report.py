"""Tables, figures and the section of a sweep: written into its folder from results.nc alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from calibration.errors import InputError
from calibration.tables import write_csv
from outputs import names, sections
from outputs.sweeps import discovery, drawing, indices
from outputs.sweeps.drawing import Drawn
from outputs.sweeps.groups import Group, amounts, groups, plain, valued
from outputs.sweeps.reading import Sweep, is_constant
from outputs.tables import columns as as_columns

SAMPLED = ("monte_carlo", "latin_hypercube", "sobol")
FEWEST = 16  # points of a plan of Saltelli, with fewer of which nobody can say what decides


@dataclass
class Tables:
    """Tables by file name, and what could not be computed and why."""

    frames: dict[str, pd.DataFrame] = field(default_factory=dict)
    lacking: dict[tuple[str, str], str] = field(default_factory=dict)  # analysis and outcome, "" for all
    derivatives: dict[str, str] = field(default_factory=dict)  # see `without_derivatives`

    @property
    def refused(self) -> dict[str, str]:
        """What could not be computed, in words, and why: one entry for analyses and outcomes that go together."""
        analyses: dict[tuple[str, str], list[str]] = {}
        for (name, column), why in self.lacking.items():
            analyses.setdefault((column, why), []).append(name)
        together: dict[tuple[str, str], list[str]] = {}
        for (column, why), names_ in analyses.items():
            together.setdefault((names.listed(names_), why), []).extend([column] if column else [])
        found = {
            f"{what} of {', '.join(columns)}" if columns else what: why
            for (what, why), columns in together.items()
        }
        return found | self.derivatives


def tables(sweep: Sweep) -> Tables:
    """Everything that the design allows; refusals are kept with their reason."""
    found = Tables({"summary": indices.summary(sweep)})
    methods: dict[str, Any] = {}
    if sweep.design == "sobol":
        methods["sobol"] = indices.sobol
        if sweep.settings["second_order"]:
            methods["sobol_pairs"] = indices.sobol_pairs
    if sweep.design == "morris":
        methods["morris"] = indices.morris
    if sweep.design in SAMPLED:
        methods |= {"coefficients": indices.coefficients, "tornado": indices.tornado}
    if sweep.design == "one_at_a_time":
        methods["tornado"] = indices.tornado
    for name, method in methods.items():
        _gather(found, name, sweep, method)
    if sweep.design in SAMPLED:
        _gather(found, "boxes", sweep, boxes, only_thresholds=True)
        _gather(found, "tree", sweep, tree, only_thresholds=True)
        _gather(found, "thresholds", sweep, thresholds, only_thresholds=True)
    if "tornado" in methods:
        found.derivatives = without_derivatives(sweep)
    failures = sweep.failures()
    if failures:
        found.frames["failed"] = pd.DataFrame({"draw": list(failures), "reason": list(failures.values())})
    return found


def _gather(found: Tables, name: str, sweep: Sweep, method: Any, only_thresholds: bool = False) -> None:
    frames = []
    for group in groups(sweep):
        if only_thresholds and group.threshold is None:
            continue
        for column, _ in group.single:
            try:
                frame = method(sweep, column, group.threshold) if only_thresholds else method(sweep, column)
            except InputError as error:
                found.lacking[name, column] = str(error).removeprefix(f"{column}: ")
            except ModuleNotFoundError as error:
                found.lacking[name, ""] = (
                    f"package {error.name} is not installed: requirements-dev.lock has it"
                )
            else:
                frame.insert(0, "outcome", column)
                frames.append(frame)
    if frames:
        found.frames[name] = pd.concat(frames, ignore_index=True)


def without_derivatives(sweep: Sweep) -> dict[str, str]:
    """Outcomes and parameters that have no derivative, in words, and why: one entry for those that go together."""
    why, found = sweep.no_derivative(), {}
    for reason in dict.fromkeys(text for text in why.flat if text):
        together: dict[tuple[str, ...], list[str]] = {}
        for parameter, row in zip(sweep.parameters, why == reason, strict=True):
            columns = tuple(column for column, lacks in zip(sweep.columns, row, strict=True) if lacks)
            if columns:
                together.setdefault(columns, []).append(parameter)
        for columns, parameters in together.items():
            of = "all outcomes" if len(columns) == len(sweep.columns) else ", ".join(columns)
            by = "any parameter" if len(parameters) == len(sweep.parameters) else ", ".join(parameters)
            found[f"derivatives of {of} by {by}"] = str(reason)
    return found


def boxes(sweep: Sweep, column: str, limit: float) -> pd.DataFrame:
    """Scenario discovery: limits of the box that best singles out the rarer side of the limit."""
    x, hit, side = _rarer(sweep, column, limit)
    box = discovery.chosen(discovery.prim(x, hit, sweep.parameters))
    rows = [
        {"draws": side, "parameter": name, "from": low, "to": high, "p_value": box.p_value[name],
         "coverage": box.coverage, "density": box.density, "share_of_draws": box.share}
        for name, (low, high) in box.limits.items()
    ]  # fmt: skip
    if not rows:
        raise InputError(f"{column}: no box singles out the draws {side}")
    return pd.DataFrame(rows)


def tree(sweep: Sweep, column: str, limit: float) -> pd.DataFrame:
    """Scenario discovery: the leaves of a classification tree of the rarer side of the limit, densest first."""
    x, hit, side = _rarer(sweep, column, limit)
    leaves = discovery.tree(x, hit, sweep.parameters)
    rows = [
        {"draws": side, "where": leaf.rule, "coverage": leaf.coverage, "density": leaf.density,
         "share_of_draws": leaf.share}
        for leaf in leaves
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _rarer(sweep: Sweep, column: str, limit: float) -> tuple[Any, Any, str]:
    """Values of the draws, which of them are on the rarer side of the limit, and which side that is."""
    x, hit = discovery.of_interest(sweep, column, limit)
    above = bool(hit.mean() <= 0.5)
    return x, hit if above else ~hit, f"{'above' if above else 'below'} {limit:g}"


def thresholds(sweep: Sweep, column: str, limit: float) -> pd.DataFrame:
    """Where the median of an outcome crosses its limit, along each parameter; everything else varies."""
    rows = []
    for parameter in sweep.parameters:
        curve = discovery.threshold_curve(sweep, column, parameter, limit)
        for value in discovery.crossings(curve, limit):
            rows.append({"parameter": parameter, "limit": limit, "crosses_at": value})
    if not rows:
        raise InputError(f"{column}: the median does not cross {limit:g} along any parameter")
    return pd.DataFrame(rows)


def write(sweep: Sweep, folder: Path, figures: bool = True) -> Tables:
    """Write tables/, figures/, section.html and index.html; returns the tables."""
    found = tables(sweep)
    comments = [f"sweep: {sweep.dataset.attrs['name']}", f"calibration: {sweep.dataset.attrs['calibration']}"]
    for name, frame in found.frames.items():
        write_csv(folder / "tables" / f"{name}.csv", as_columns(_written(frame)), comments=comments)
    drawn = drawing.draw(sweep, folder / "figures", found.frames) if figures else []
    sections.write(folder, sweep.dataset.attrs["title"], section(sweep, found, drawn))
    return found


def _written(frame: pd.DataFrame) -> pd.DataFrame:
    """A table for a file: an empty cell where there is no number."""
    return frame.astype(object).where(frame.notna(), "")


def section(sweep: Sweep, found: Tables, drawn: list[Drawn]) -> str:
    """The HTML of a sweep's section; figures are in it, so that it stands alone."""
    attrs = sweep.dataset.attrs
    return (
        sections.environment(Path(__file__).parent)
        .get_template("section.html.j2")
        .render(
            title=attrs["title"], question=attrs["question"], name=attrs["name"], calibration=attrs["calibration"],
            design=sweep.design, draws=len(sweep.values), failed=len(sweep.failures()), soft=sweep.soft,
            alone=sweep.solved_alone,
            notes=json.loads(attrs["notes"]), answers=list(answers(sweep, found)), tables=found.frames,
            refused=found.refused, parameters=list(_parameters(sweep)),
            figures=[(d.title, sections.embedded(d.path)) for d in drawn if d.path is not None],
            left_out=[(d.title, d.reason) for d in drawn if d.path is None], cell=sections.cell,
        )
    )  # fmt: skip


def answers(sweep: Sweep, found: Tables) -> Iterator[str]:
    """A sentence for each outcome: how far it spreads and what decides it."""
    summary = {str(row["outcome"]): row for row in found.frames["summary"].to_dict("records")}
    for group in groups(sweep):
        # Of a grid every regime: what its corners say is all that a sentence can.
        for column, regime in group.single if sweep.design == "grid" else group.single[-1:]:
            solved = _solved(summary[column])
            if stays := _stays(sweep, group, column):
                found_out = stays + solved
            elif sweep.design == "grid":
                found_out = _grid_ends(sweep, group, column)
            else:
                found_out = _spread(group, summary[column]) + solved
            yield f"{group.title} ({names.regime(regime)}): {found_out}{_decides(sweep, column, found)}."


def _stays(sweep: Sweep, group: Group, column: str) -> str:
    """The one value of an outcome that no draw moves; "" for others."""
    y = sweep.outcomes[:, sweep.position(column)]
    y = y[np.isfinite(y)]
    if len(y) < 2 or not is_constant(y, group.unit):
        return ""
    (value,), unit = amounts([float(y[0])], group.unit)
    return f"{value} {unit} in every draw, no parameter moves it"


def _spread(group: Group, row: Mapping[Any, Any]) -> str:
    """How far an outcome spreads, from its row of the summary."""
    if pd.notna(row.get("median")):
        (middle, low, high), unit = amounts([row["median"], row["p5"], row["p95"]], group.unit)
        return f"median {middle} {unit}, nine tenths of draws between {low} and {high}"
    if pd.notna(row.get("mean")):
        (mean, sd), unit = amounts([row["mean"], row["sd"]], group.unit)
        return f"mean {mean} {unit}, standard deviation {sd}"
    if pd.notna(row.get("lowest")):
        (low, high), unit = amounts([row["lowest"], row["highest"]], group.unit)
        return f"between {low} and {high} {unit}"
    return "not found in every draw"


def _solved(row: Mapping[Any, Any]) -> str:
    """Of which draws a spread is told; "" when all were solved. Those that fail are rarely like the others."""
    draws, failed = int(row["draws"]), int(row["failed"])
    return f" (of the {draws - failed:,} of {draws:,} draws that were solved)" if 0 < failed < draws else ""


def _grid_ends(sweep: Sweep, group: Group, column: str) -> str:
    """The lowest and the highest outcome of a grid, and where they are."""
    try:
        x, y, _ = sweep.solved(column)
    except InputError:
        return "no point was solved"
    ends = [int(np.argmin(y)), int(np.argmax(y))]
    values, unit = amounts([float(y[at]) for at in ends], group.unit)
    places = [
        ", ".join(valued(sweep.words(p), float(v)) for p, v in zip(sweep.parameters, x[at], strict=True))
        for at in ends
    ]
    return f"from {values[0]} {unit} at {places[0]} to {values[1]} at {places[1]}"


def _decides(sweep: Sweep, column: str, found: Tables) -> str:
    """Which parameter moves an outcome most, by the best table that there is; "" without one."""
    told = indices.leading(found.frames, column)
    if told is None:
        return ""
    table, row = told[0], told[1].iloc[0]
    best = sweep.words(str(row["parameter"]))
    if table != "sobol":
        return f"; {best} moves it most"
    points = len(sweep.values) // sweep.block
    if points < FEWEST:
        return f"; what decides cannot be told from {points} points of the plan, {FEWEST} or more are wanted"
    # Estimates of few draws leave the range of a share.
    share, low, high = (
        f"{100 * np.clip(row[name], 0, 1):.0f} %" for name in ("total", "total_low", "total_high")
    )
    return f"; {best} decides {share} of the variance ({low} to {high}), alone or with others"


def _parameters(sweep: Sweep) -> Iterator[tuple[str, str, str, bool]]:
    """Name, path, distribution in words, and whether the calibration's value is soft."""
    ds = sweep.dataset
    for at, name in enumerate(sweep.parameters):
        law = json.loads(str(ds["distribution"].values[at]))
        kind = str(law.pop("type"))
        times = "× " if sweep.factor(name) else ""
        words = ", ".join(
            f"{key} {'' if key == 'weights' else times}{_law(value)}"
            for key, value in law.items()
            if value is not None
        )
        yield sweep.words(name), str(ds["path"].values[at]), f"{kind}: {words}", name in sweep.soft


def _law(value: Any) -> str:
    """A number of a distribution, or several."""
    return " ".join(plain(each) for each in value) if isinstance(value, list) else plain(value)
