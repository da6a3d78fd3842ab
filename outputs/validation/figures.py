"""The model and what happened, in one figure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from outputs import names, style
from outputs.paths.figures import COLOUR
from outputs.style import RED
from outputs.validation.book import Row
from outputs.validation.page import tally

SERIES = {
    "price_abroad": "Oxide prices outside China, base year 1",
    "export_unit_value": "Unit value of China's exports, USD/kg",
    "export_tonnes": "China's exports, tonnes",
    "quota_use": "Exports over the quota",
    "share_of_China_in_Japanese_imports": "China's share of Japan's imports",
}
EFFECTS = ("patents", "exports", "tfp_japan", "mitigated")
LABELS = {
    "patents": "patents", "exports": "exports", "tfp_japan": "TFP, Japan", "mitigated": "loss\nmitigated",
}  # fmt: skip


def draw(rows: Sequence[Row], path: Path, scenario: str, calibration: str) -> Path:
    """Draw every series over time, and the effects of the literature; returns the file."""
    regimes = list(dict.fromkeys(row.regime for row in rows))
    with style.look():
        drawn, grid = style.figure(2, 3, size=(12.5, 7.4))
        for axes, (series, label) in zip(grid.reshape(-1), SERIES.items(), strict=False):
            _series(axes, [row for row in rows if row.fact.name.startswith(f"{series}_")], regimes, label)
        _effects(grid.reshape(-1)[-1], [row for row in rows if row.fact.name in EFFECTS], regimes)
        grid[0, 2].legend(fontsize=8, loc="lower left")
        title = f"The model and what happened. {tally(rows, regimes[-1])}"
        note = (
            f"Counted with {names.regime(regimes[-1])}. rare-earth-model, {scenario} on {calibration}; "
            "observed: Lynas, USGS, BACI, "
            "customs and quotas as reported, literature (status of each in docs/validation.md). Open marks: fitted."
        )
        return style.finish(drawn, path, title, note)


def _series(axes: Axes, rows: Sequence[Row], regimes: Sequence[str], label: str) -> None:
    years = sorted({_year(row) for row in rows})
    seen = {_year(row): row.fact.observed for row in rows}
    axes.plot(
        years, [seen[y] for y in years], color=RED, lw=2.2, marker="D", ms=5, label="observed", zorder=4
    )
    for regime in regimes:
        model = {_year(row): row.model for row in rows if row.regime == regime}
        axes.plot(
            years,
            [model[y] for y in years],
            color=COLOUR[regime],
            marker="o",
            ms=3.5,
            label=names.regime(regime),
            zorder=3,
        )
    fitted = [y for y in years if any(row.fact.fitted for row in rows if _year(row) == y)]
    axes.scatter(fitted, [seen[y] for y in fitted], s=60, facecolor="white", edgecolor=RED, zorder=5)
    low, high = min(seen.values()), max(seen.values())
    if high / max(low, 1e-9) > 4:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_locator(NullLocator())
    else:
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.set_title(label, fontsize=9)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))


def _effects(axes: Axes, rows: Sequence[Row], regimes: Sequence[str]) -> None:
    """The model over what was observed, in logs: 1 is a hit, to the left of 0.001 is next to nothing."""
    facts = [name for name in EFFECTS if any(row.fact.name == name for row in rows)]
    at = np.arange(len(facts))[::-1]
    for y, name in zip(at, facts, strict=True):
        for regime in regimes:
            found = [row for row in rows if row.fact.name == name and row.regime == regime and row.model > 0]
            if found:
                axes.scatter(found[0].model / found[0].fact.observed, y, s=45, color=COLOUR[regime], zorder=3)
        if not any(row.fact.name == name and row.model > 0 for row in rows):
            axes.annotate(
                "the other sign", (0.02, y), xycoords=("axes fraction", "data"), va="center", fontsize=8
            )
    axes.axvline(1, color=RED, lw=2, zorder=2)
    axes.set_xscale("log")
    axes.set_yticks(at, [LABELS[name] for name in facts])
    axes.set_ylim(-0.6, len(facts) - 0.4)
    axes.set_title("Model over reported effect; 1: the same", fontsize=9)
    axes.grid(axis="y", visible=False)


def _year(row: Row) -> int:
    return int(row.fact.name.rsplit("_", 1)[1])
