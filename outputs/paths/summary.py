"""The summary of a path on one screen of a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np

from outputs import lost, names, wording
from outputs.findings import DEEP_CAUTION, is_deep
from outputs.names import number
from outputs.paths import facts, findings
from outputs.paths.facts import View
from outputs.paths.work import CALIBRATED, EVEN
from outputs.summary import LABEL, Line, fitted, fitting

CELL = 8
NAME = len("Oxides abroad, %")  # columns of what a row of outcomes is of, with its unit
NOISE = 1e-6  # smaller changes come from rounding


def path(
    view: View,
    scenario: str,
    width: int,
    rows: int = 1000,
    *,
    soft: tuple[int, int] | None = None,
    folders: Sequence[str] = (),
) -> list[Line]:
    """Prices, income, exports and security by year, what decides, and how far to trust it."""
    head = f"{view.ds.attrs.get('title', scenario)}  ({scenario} on {view.ds.attrs.get('calibration', '')})"
    at = _shown(view, width)
    years = _row("", [str(view.years[t]) for t in at], _label(view))
    lines = [Line(head, "title"), Line(years, "head")]
    lines += [*_outcomes(view, at), *_security(view, at)]
    for finding in findings.findings(view):
        if finding.topic in ("Ore and magnets", "Forces", "Instruments", "Years to replace"):
            rank = 2 if finding.topic in ("Ore and magnets", "Years to replace") else 0
            lines += _wrapped(finding.text, width, rank=rank)
    lines += _trust(view, width, soft)
    if is_deep(view.ds) or findings.is_insecure(view):
        lines += _wrapped(f"! {DEEP_CAUTION}.", width, "warning")
    if said := lost.caution(view.ds):
        lines += _wrapped(f"! {said}.", width, "warning")
    lines += [Line(f"! {one}", "warning") for one in findings.missing(view)]
    lines += [Line(f"-> {folder}", "note") for folder in folders]
    return fitted(lines, width, rows)


def _shown(view: View, width: int) -> list[int]:
    """Positions of the years that fit, the first and the last among them."""
    fit = min((width - _label(view)) // CELL, len(view.years))
    return [int(t) for t in dict.fromkeys(np.linspace(0, len(view.years) - 1, fit).round())]


def _label(view: View) -> int:
    """Columns of row labels: what, its unit and, behind them, the first regime."""
    return max(LABEL, NAME + 2 + len(names.SHORT_REGIMES.get(view.regimes[0], view.regimes[0])))


def _outcomes(view: View, at: Sequence[int]) -> list[Line]:
    table, room = facts.overview(view), _label(view)
    lines = []
    for column, label, what in (
        ("oxides abroad [%]", "Oxides abroad, %", "plain"),
        ("real income, others [million USD]", "Others", "even"),
        ("real income, restricting [million USD]", _own(view), "plain"),
        ("exports, exposed [%]", "Exposed exp", "even"),
    ):
        chosen = table[table["memory"] == CALIBRATED]
        unit, scale = ("", 1.0)
        if column.startswith("exports"):
            unit, scale = names.readable_unit([float(v) for v in chosen[column]])
        elif column.endswith("[million USD]"):
            unit, scale = names.readable_money([float(v) for v in chosen[column]])
        for at_regime, regime in enumerate(view.regimes):
            values = _heard(scale * chosen[chosen["regime"] == regime][column].to_numpy())
            name = f"{label}{', ' + names.brief(unit) if unit else ''}" if at_regime == 0 else ""
            short = names.SHORT_REGIMES.get(regime, regime)
            middle = 0 < at_regime < len(view.regimes) - 1
            lines.append(
                Line(
                    _labelled(name, short, [fitting(values[t], CELL) for t in at], room),
                    rank=3 if middle else 0,
                )
            )
        if what == "even" and EVEN in view.memories and view.regimes[-1] != "exogenous":
            other = table[(table["memory"] == EVEN) & (table["regime"] == view.regimes[-1])][column]
            values = _heard(scale * other.to_numpy())
            lines.append(
                Line(_labelled("", "even memory", [fitting(values[t], CELL) for t in at], room), rank=1)
            )
    return lines


def _own(view: View) -> str:
    """The restricting regions, when their names are short."""
    text = wording.restrictors(view.ds)
    return text if len(text) < 9 else "Restrict."


def _heard(values: np.ndarray) -> np.ndarray:
    """Changes without what comes from rounding."""
    return np.where(np.abs(values) < NOISE, 0.0, values)


def _security(view: View, at: Sequence[int]) -> list[Line]:
    lines, last, room = [], view.regimes[-1], _label(view)
    for name, label in (("cut_loss", ""), ("embargo_loss", "Lasting embargo")):
        if name not in view.ds:
            continue
        if name == "cut_loss":
            label = f"{100 * float(view.ds['cut'].values[0]):.6g} % cut now"
        now, without = (facts.others(view, f"{name}{suffix}", last) for suffix in ("", "_without_innovation"))
        unit, scale = names.readable_money([float(v) for v in (*now, *without)])
        cells, bare = (
            [number(scale * loss[year], 3) if (year := view.years[t]) in loss else "–" for t in at]
            for loss in (now, without)
        )
        lines.append(Line(_row(f"{label}, {names.brief(unit)}", cells, room), rank=0))
        if (now != without).any():
            lines.append(Line(_row("  no innovation", bare, room), rank=1))
    return lines


def _labelled(name: str, regime: str, cells: Sequence[str], room: int) -> str:
    """A row: what, under which regime, and the years."""
    left = room - 2 - len(regime)
    return _row(f"{name[:left]:<{left}} {regime}", cells, room)


def _row(label: str, cells: Sequence[str], room: int) -> str:
    return label[:room].ljust(room) + "".join(f" {text}".rjust(CELL) for text in cells)


def _wrapped(text: str, width: int, style: str = "plain", rank: int = 0) -> list[Line]:
    return [Line(line, style, rank) for line in textwrap.wrap(text, width)]


def _trust(view: View, width: int, soft: tuple[int, int] | None) -> list[Line]:
    ds = view.ds
    count = len(view.memories) * len(view.regimes) * len(view.years)
    worst = max(float(ds["residual"].max()), float(ds["walras"].max()))
    text = f"{count} years solved, largest residual {worst:.0e}."
    if soft is not None:
        text += f" {soft[0]} of {soft[1]} parameters are soft (memory or judgement)."
    return _wrapped(text, width, "note")
