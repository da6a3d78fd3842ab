"""What all figures of a co-movement study share: their frame, dates, hatching, and the note on stand-ins."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from calibration.evidence.comovement.data import format_date
from calibration.evidence.comovement.study import Study

DIVERGING = "RdBu_r"
# Okabe and Ito: told apart by colour-blind readers and in grey.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")
UNIT = {"monthly": "months", "quarterly": "quarters", "annual": "years", "daily": "observations"}
BLANK = "#ececec"


@dataclass(frozen=True)
class Drawing:
    """A figure, its file name without ending, a caption, and a description for those who cannot see it."""

    name: str
    figure: Figure
    caption: str
    alt: str


def new_figure(width: float, height: float, title: str, study: Study, used: Sequence[str]) -> Figure:
    """A figure with a title and, below it, which series stand in for what."""
    figure = Figure(figsize=(width, height), layout="constrained", dpi=150)
    figure.suptitle(
        "\n".join(textwrap.wrap(title, int(width * 9), break_on_hyphens=False)),
        fontsize=12,
        fontweight="bold",
        x=0.01,
        ha="left",
    )
    note = stand_ins(study, used)
    if note:
        figure.supxlabel(
            "\n".join(textwrap.wrap(note, int(width * 15), break_on_hyphens=False)),
            fontsize=8,
            x=0.01,
            ha="left",
            color="#444444",
        )
    return figure


def stand_ins(study: Study, used: Sequence[str]) -> str:
    parts = [
        f"{one.label} stands in for {one.stands_in_for}"
        for one in (study.series[name] for name in dict.fromkeys(used))
        if one.stands_in_for
    ]
    return "Stand-ins: " + "; ".join(parts) + "." if parts else ""


def date_axis(axes: Axes, dates: np.ndarray, study: Study) -> None:
    """A handful of dates along the axis, at round years where the data have them."""
    labels = [format_date(n, study.frequency) for n in dates]
    starts = [i for i, text in enumerate(labels) if i == 0 or text[:4] != labels[i - 1][:4]]
    years = [i for i in starts if int(labels[i][:4]) % max(1, len(starts) // 8 or 1) == 0] or starts
    axes.set_xticks(years, [labels[i][:4] for i in years])
    axes.set_xlim(-0.5, len(dates) - 0.5)


def say_if_blank(axes: Axes, shown: np.ndarray) -> None:
    """Say in the middle of a map that nothing on it is significant."""
    if np.isnan(shown).all():
        axes.text(
            0.5,
            0.5,
            "nothing significant",
            transform=axes.transAxes,
            ha="center",
            va="center",
            color="#666666",
        )


def hatch_cells(axes: Axes, cells: np.ndarray) -> None:
    """Hatch the cells that are True, run by run along each row, as one artist: hundreds would take seconds."""
    runs = []
    for row, marked in enumerate(cells):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], marked, [0]]).astype(int))).reshape(-1, 2) - 0.5
        low, high = row - 0.5, row + 0.5
        runs += [[(left, low), (right, low), (right, high), (left, high)] for left, right in edges]
    axes.add_collection(PolyCollection(runs, hatch="///", facecolor="none", edgecolor="#9a9a9a", lw=0))


def span(count: int, study: Study) -> str:
    """A number of observations in words: 1 month, 12 months."""
    unit = UNIT[study.frequency]
    return f"{count} {unit[:-1] if count == 1 else unit}"


def series_figure(study: Study) -> Drawing:
    names = list(study.series)
    figure = new_figure(9, 1.25 * len(names) + 1.2, "The series as they are compared", study, names)
    panels = figure.subplots(len(names), 1, squeeze=False, sharex=True)[:, 0]
    for axes, name in zip(panels, names, strict=True):
        one = study.series[name]
        axes.plot(one.values, color=COLOURS[0], lw=0.9)
        axes.set_title(f"{one.label} ({one.unit}; {one.transform})", fontsize=9, loc="left")
        axes.tick_params(labelsize=8)
    date_axis(panels[-1], study.dates, study)
    gone = [
        f"{name}: {int(np.isnan(s.values).sum())} missing"
        for name, s in study.series.items()
        if np.isnan(s.values).any()
    ]
    caption = "The series after their transforms. " + (
        "; ".join(gone) + "." if gone else "No value is missing."
    )
    return Drawing("series", figure, caption, f"Line plots of {', '.join(names)}.")
