"""Estimates as tables, for CSV files and for the screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from calibration.evidence.elasticities.estimators import WHAT, SlopeEstimate
from calibration.evidence.elasticities.technology import (
    RefusedEstimate,
    epsilon_from_research,
    epsilon_standard_error,
)
from calibration.evidence.exposure.regressions import Effect, EventStudy
from calibration.evidence.patents.agreement import Agreement

Columns = dict[str, list[Any]]


def effects_table(rows: Sequence[tuple[str, str, Effect]]) -> Columns:
    """One row per (outcome, sample, effect)."""
    table: Columns = {
        name: []
        for name in (
            "outcome",
            "sample",
            "effect",
            "value [log points per sd]",
            "standard_error",
            "lower",
            "upper",
            "p_value",
            "bootstrap_p_value",
            "rows",
            "sectors",
        )
    }
    for outcome, sample, e in rows:
        values = (
            outcome,
            sample,
            e.name,
            e.value,
            e.standard_error,
            *e.interval,
            e.p_value,
            e.bootstrap_p_value,
        )
        for column, value in zip(table.values(), (*values, e.rows, e.clusters), strict=True):
            column.append(value)
    return table


def event_table(studies: Sequence[tuple[str, str, EventStudy]]) -> Columns:
    """One row per (outcome, sample, year)."""
    names = ("outcome", "sample", "year", "value [log points per sd]", "standard_error", "lower", "upper")
    table: Columns = {name: [] for name in names}
    for outcome, sample, s in studies:
        for year, *numbers in zip(s.years, s.value, s.standard_error, s.lower, s.upper, strict=True):
            for column, value in zip(table.values(), (outcome, sample, year, *numbers), strict=True):
                column.append(value)
    return table


def slopes_table(estimates: Sequence[SlopeEstimate], zeta: float) -> Columns:
    """One row per method; eps is empty where the slope is refused, the reason in the last column."""
    table: Columns = {
        name: []
        for name in (
            "method",
            "what",
            "slope",
            "standard_error",
            "lower",
            "upper",
            "p_value",
            "bootstrap_p_value",
            "bootstrap_lower",
            "bootstrap_upper",
            "weak_iv_lower",
            "weak_iv_upper",
            "first_stage_f",
            "epsilon",
            "epsilon_standard_error",
            "rows",
            "units",
            "clusters",
            "errors",
            "zeros",
            "refused",
        )
    }
    for e in estimates:
        epsilon, refused = epsilon_or_reason(e.slope, zeta)
        error = None if refused else epsilon_standard_error(e.slope, e.standard_error, zeta)
        boot = e.bootstrap_interval or (None, None)
        robust = e.weak_instrument_interval or (None, None)
        weakest = min(e.first_stage_f) if e.first_stage_f else None
        values = (
            e.method,
            WHAT[e.method],
            e.slope,
            e.standard_error,
            *e.interval,
            e.p_value,
            e.bootstrap_p_value,
        )
        rest = (*boot, *robust, weakest, epsilon, error, e.rows, e.units, e.clusters)
        errors = "jackknife" if e.jackknife else "jackknife to first order"
        for column, value in zip(table.values(), (*values, *rest, errors, e.zeros, refused), strict=True):
            column.append(value)
    return table


def epsilon_or_reason(slope: float, zeta: float) -> tuple[float | None, str]:
    """eps, or None and why there is none."""
    try:
        return epsilon_from_research(slope, zeta), ""
    except RefusedEstimate as error:
        return None, str(error)


def agreement_table(result: Agreement) -> Columns:
    """Recall and precision by class; empty where they are not defined."""
    return {
        "class": list(result.classes),
        "labels": [float(v) for v in result.counts.sum(1)],
        "recall": list(result.recall),
        "precision": list(result.precision),
    }


def screen(columns: Mapping[str, Sequence[Any]], digits: int = 3) -> str:
    """Columns side by side; text to the left, numbers to the right in significant digits, a dash for
    what is not there."""
    cells = {name: [name, *(shown(v, digits) for v in values)] for name, values in columns.items()}
    left = {name: all(isinstance(v, str) for v in values) for name, values in columns.items()}
    width = {name: max(map(len, column)) for name, column in cells.items()}
    lines = [
        "  ".join(
            c.ljust(width[n]) if left[n] else c.rjust(width[n]) for n, c in zip(cells, row, strict=True)
        ).rstrip()
        for row in zip(*cells.values(), strict=True)
    ]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def shown(value: Any, digits: int) -> str:
    """A value as text: numbers in significant digits, a dash for what is not there."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.{digits}g}" if abs(value) < 100 else f"{value:,.0f}"
    return str(value)


def agreement_with_intervals(result: Agreement, counted: str) -> Columns:
    """Recall and precision by class, each with its 95 % interval; `counted` names what the labels add up to."""
    table = agreement_table(result)
    return {
        "class": table["class"],
        counted: table["labels"],
        "recall": table["recall"],
        "its 95 %": [span(interval) for interval in result.recall_intervals],
        "precision": table["precision"],
        "and its 95 %": [span(interval) for interval in result.precision_intervals],
    }


def kappa(result: Agreement, digits: int) -> str:
    """Cohen's kappa and its standard error in words."""
    if result.kappa is None:
        return "Cohen's kappa not defined"
    return f"Cohen's kappa {result.kappa:.{digits}f} (s.e. {result.kappa_error:.{digits}f})"


def span(interval: tuple[float, float] | None) -> str:
    """An interval in words; a dash where there is none."""
    return "-" if interval is None else f"{interval[0]:.2f} to {interval[1]:.2f}"
