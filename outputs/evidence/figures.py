"""Figures of the evidence: event studies, eps over zeta, sector slopes, agreement of classifiers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import wrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from calibration.evidence.elasticities.pooling import Pooled, SectorSlopes, normal_interval
from calibration.evidence.elasticities.technology import Band
from calibration.evidence.exposure.regressions import EventStudy
from calibration.evidence.patents.agreement import Agreement
from calibration.files import atomic_path

# Okabe and Ito: told apart by colour-blind readers and in grey.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#777777"


def save(figure: Figure, path: Path) -> Path:
    """Write a figure as PNG, whole or not at all; it carries its title for those who cannot see it."""
    title = figure.get_suptitle() or figure.axes[0].get_title(loc="left")
    with atomic_path(path) as partial:
        figure.savefig(partial, dpi=150, metadata={"Title": title})
    return path


def marked(figure: Figure, warnings: Sequence[str]) -> Figure:
    """The figure with warnings in it, so that a copy of it alone is not taken for evidence."""
    if warnings:
        figure.supxlabel("; ".join(warnings), fontsize=9, weight="bold", color=ORANGE, x=0.01, ha="left")
    return figure


def event_study_figure(studies: Sequence[tuple[str, EventStudy]], outcome: str, title: str) -> Figure:
    """Coefficients by year with 95% intervals, one panel per sample, on one scale."""
    width = 4.6 * len(studies) + 0.6
    figure = Figure(figsize=(max(width, 6.5), 4.2), layout="constrained")
    axes = figure.subplots(1, len(studies), sharey=True, squeeze=False)[0]
    for axis, (name, study) in zip(axes, studies, strict=True):
        _draw_event_study(axis, study)
        axis.set_title(f"{name} ({study.rows:,} rows, {study.clusters} sectors)", fontsize=9.5, loc="left")
    axes[0].set_ylabel(
        f"{outcome}: log points per standard\ndeviation of exposure, {studies[0][1].base_year} = 0"
    )
    figure.suptitle(title, fontsize=11.5, fontweight="bold", x=0.01, ha="left")
    return figure


def _draw_event_study(axis: Axes, study: EventStudy) -> None:
    years = np.array(study.years)
    after = years > study.base_year
    axis.axhline(0, color="black", linewidth=0.8)
    axis.axvspan(study.base_year + 0.5, years[-1] + 0.5, color=ORANGE, alpha=0.07, linewidth=0)
    for mask, colour, label in ((~after, BLUE, f"to {study.base_year}"), (after, ORANGE, "after")):
        centre, low, high = study.value[mask], study.lower[mask], study.upper[mask]
        axis.errorbar(
            years[mask],
            centre,
            np.array([centre - low, high - centre]),
            fmt="o",
            markersize=4,
            color=colour,
            capsize=2,
            linewidth=1.1,
            label=label,
        )
    axis.set_xlim(years[0] - 0.7, years[-1] + 0.7)
    axis.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axis.grid(axis="y", color="#dddddd", linewidth=0.6)
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, fontsize=8, loc="best")


def band_figure(
    band: Band, slope: float, interval: tuple[float, float], truth: float | None = None
) -> Figure:
    """eps over zeta: what one slope of patents says about two parameters."""
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axis = figure.subplots()
    fits = ~band.refused
    axis.fill_between(
        band.zeta, band.lower, band.upper, color=BLUE, alpha=0.18, linewidth=0, label="95% interval"
    )
    axis.plot(band.zeta[fits], band.epsilon[fits], color=BLUE, linewidth=2, label="estimate")
    if band.refused.any():
        edge = band.zeta[band.refused].max()
        axis.axvspan(
            band.zeta[0], edge, color=GREY, alpha=0.15, linewidth=0, label="no elasticity above 0 fits"
        )
    if truth is not None:
        axis.axhline(truth, color=ORANGE, linestyle="--", linewidth=1.2, label="truth of the simulation")
    axis.set_xlim(band.zeta[0], band.zeta[-1])
    axis.set_ylim(bottom=0)
    axis.set_xlabel("zeta = 1/lambda, cost of directing research")
    axis.set_ylabel("elasticity of substitution eps")
    axis.set_title(
        f"Slope of patents on the price {slope:.2f} ({interval[0]:.2f} to {interval[1]:.2f})",
        fontsize=10,
        loc="left",
    )
    axis.grid(color="#dddddd", linewidth=0.6)
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, fontsize=8)
    return figure


def sectors_figure(
    slopes: SectorSlopes, pooled: Pooled, prior: np.ndarray, limit: float, names: Mapping[str, str]
) -> Figure:
    """Each sector's own slope, what its substitutability leads one to expect, and the two together. names: what the
    sectors are called."""
    order = np.argsort(pooled.slope)
    own_error = np.sqrt(np.diag(slopes.covariance))
    figure = Figure(figsize=(8.2, 0.42 * len(order) + 1.8), layout="constrained")
    axis = figure.subplots()
    rows = np.arange(len(order), dtype=float)
    for values, error, shift, colour, label in (
        (slopes.slope, own_error, 0.16, GREY, "the sector alone"),
        (pooled.slope, pooled.standard_error, -0.16, BLUE, "pooled"),
    ):
        width = np.array([normal_interval(0.0, e)[1] for e in error[order]])
        axis.errorbar(
            values[order],
            rows + shift,
            xerr=width,
            fmt="o",
            markersize=4,
            color=colour,
            capsize=2,
            linewidth=1.1,
            label=label,
        )
    axis.plot(
        prior[order] + pooled.shift,
        rows,
        "|",
        markersize=12,
        color=ORANGE,
        markeredgewidth=2,
        label="expected",
    )
    axis.axvline(limit, color="black", linestyle=":", linewidth=1, label="limit: eps = 0")
    axis.set_yticks(rows, ["\n".join(wrap(names.get(slopes.names[k], slopes.names[k]), 30)) for k in order])
    axis.set_xlabel("slope of relative patents on the relative price")
    axis.set_title(
        "Slope by sector: alone, expected from its substitutability, and the two pooled",
        fontsize=10,
        loc="left",
    )
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(axis="x", color="#dddddd", linewidth=0.6)
    axis.set_axisbelow(True)
    axis.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def confusion_figure(result: Agreement, rows: str, columns: str) -> Figure:
    """Confusion matrix; shading is the share of the row."""
    figure = Figure(figsize=(6.2, 5.0), layout="constrained")
    axis = figure.subplots()
    total = result.counts.sum(1, keepdims=True)
    share = np.divide(result.counts, total, out=np.zeros_like(result.counts), where=total > 0)
    axis.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for i, j in np.ndindex(*share.shape):
        if result.counts[i, j]:
            text = (
                f"{result.counts[i, j]:g}"
                if float(result.counts[i, j]).is_integer()
                else f"{result.counts[i, j]:.1f}"
            )
            axis.text(
                j,
                i,
                text,
                ha="center",
                va="center",
                color="white" if share[i, j] > 0.55 else "black",
                fontsize=9,
            )
    names = [name.replace("_", " ") for name in result.classes]
    axis.set_xticks(range(len(names)), names, rotation=35, ha="right")
    axis.set_yticks(range(len(names)), names)
    axis.set_xlabel(columns)
    axis.set_ylabel(rows)
    kappa = "not defined" if result.kappa is None else f"{result.kappa:.2f}"
    axis.set_title(f"accuracy {100 * result.accuracy:.0f} %, Cohen's kappa {kappa}", fontsize=10, loc="left")
    return figure


def counts_figure(years: Sequence[int], by_class: Mapping[str, Sequence[float]], note: str) -> Figure:
    """Patents a year by class, small multiples on one scale."""
    names = list(by_class)
    figure = Figure(figsize=(9.0, 4.6), layout="constrained")
    axes = figure.subplots(2, 3, sharex=True, sharey=True).ravel()
    for axis, name in zip(axes, names, strict=False):
        axis.bar(years, by_class[name], color=BLUE, width=0.8)
        axis.set_title(name.replace("_", " "), fontsize=9.5, loc="left")
        axis.spines[["top", "right"]].set_visible(False)
        axis.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    for axis in axes[len(names) :]:
        axis.set_visible(False)
    figure.supylabel("patents a year (fractional)", fontsize=9)
    figure.suptitle("Patents on rare earths by what they do", x=0.01, ha="left", fontsize=11, weight="bold")
    figure.supxlabel("\n".join(wrap(note, 150)), fontsize=8, color="#444444", x=0.01, ha="left")
    return figure
