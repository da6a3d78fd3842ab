"""Figures of `run.py metrics` that need the solved model. All numbers come from `results`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from model.records import Array
from outputs import names, style
from outputs.metrics.prediction import Correlation
from outputs.metrics.results import Metrics
from outputs.metrics.text import source, who
from outputs.names import number
from outputs.style import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, SKY

PPM = 1e4  # of a percentage
MARKS = ("o", "s", "^", "D", "v", "P", "X")
COLOURS = (RED, GREY, BLUE, GREEN, PURPLE, ORANGE, SKY)


def substitutability(found: Metrics, folder: Path) -> Path:
    """Scores by sector, and what they mean for demand in the solved model."""
    implied, base = found.implied, found.base
    assert implied is not None
    order = [j for j in np.argsort(-implied.score[0], kind="stable") if implied.score[0, j] > 0]
    rows = np.arange(len(order))[::-1]
    labels = [names.capital(names.sector(base.labels.sectors[j])) for j in order]
    drawn, (left, right) = style.figure(1, 2, sharey=True, size=(11.0, max(4.4, 1.8 + 0.42 * len(order))))
    own = implied.score[0]
    for s, name in enumerate(implied.scores):
        if s and np.allclose(implied.score[s], own):
            continue
        look = {"marker": MARKS[s % 7], "color": COLOURS[s % 7], "label": name}
        left.scatter(100 * implied.score[s, order], rows, s=44, zorder=3, **look)
    left.set_yticks(rows, labels)
    left.set_title("Score of what a sector buys")
    left.set_xlabel("0 good substitutes, 100 none")
    left.set_xlim(0, 103)
    left.legend(loc="upper center", fontsize=8, bbox_to_anchor=(0.4, -0.16), ncols=2)
    series = (
        (implied.substitution[0], "elasticity from the score", "|", GREY, 150),
        (implied.demand["fixed"][0], "solved, fixed technology", "o", BLUE, 40),
        (implied.long_run[0], "long run in closed form (E18)", "|", "#333333", 150),
        (implied.demand["directed"][0], "solved, directed technology", "D", GREEN, 36),
    )
    for values, label, mark, colour, size in series:
        width = 2 if mark == "|" else 1
        right.scatter(
            values[order], rows, s=size, marker=mark, color=colour, label=label, zorder=3, linewidth=width
        )
    right.set_xlim(left=0)
    right.set_title("Price elasticity of demand")
    right.set_xlabel("fall of tonnes in %, for a price 1 % higher")
    right.legend(loc="upper center", fontsize=8, bbox_to_anchor=(0.5, -0.16), ncols=2)
    for axes in (left, right):
        axes.grid(axis="y", visible=False)
        axes.margins(y=0.08)
    fixed, directed = float(implied.total["fixed"][0]), float(implied.total["directed"][0])
    title = (
        f"A price 1 % higher cuts demand outside {who(found.base)} by {number(fixed, 2)} % with fixed technology, by "
        f"{number(directed, 2)} % once research follows"
    )
    about = "Solved with what users pay for elements 1 % higher, whatever the origin. "
    return style.finish(drawn, folder / "substitutability.png", title, about + source(found.base))


def prediction(found: Metrics, folder: Path) -> Path:
    """Exposure before the shock against losses in the solved model, sectors above and regions below."""
    assert found.prediction is not None
    base, losses = found.base, found.prediction.losses
    drawn, grid = style.figure(
        2, len(losses), size=(max(10.0, 3.3 * len(losses)), 6.6), squeeze=False, sharex="row"
    )
    cells, outside = base.outside.reshape(-1), np.flatnonzero(~base.restricting)
    index, production = base.exposure.index[cells], found.regions.production[outside]
    for column, one in enumerate(losses):
        above, below = grid[:, column]
        cost, income = PPM * one.cost.reshape(-1)[cells], PPM * one.income[outside]
        above.scatter(index, cost, s=12, color=BLUE, alpha=0.45, linewidth=0, zorder=2)
        above.set_title(f"{one.scenario}\n{names.regime(one.regime)}", fontsize=9.5)
        below.scatter(production, income, s=26, color=ORANGE, zorder=3)
        for place, at in enumerate(np.argsort(production)):
            below.annotate(
                base.labels.regions[outside[at]], (production[at], income[at]), (3, 4 if place % 2 else -9),
                textcoords="offset points", fontsize=6.5, color="#555555",
            )  # fmt: skip
        told = (("cost", "exposure index"), ("income", "index, production"))
        for axes, values, (loss, measure) in zip((above, below), (cost, income), told, strict=True):
            _logarithmic(axes, values)
            text = f"rank correlation {_correlation(found, one.scenario, one.regime, loss, measure)}"
            axes.annotate(text, (0.03, 0.97), xycoords="axes fraction", va="top", fontsize=8.5)
    for above, below in grid.T:
        above.set_xlabel("exposure index of the sector", fontsize=8.5)
        below.set_xlabel("production index of the region", fontsize=8.5)
    grid[0, 0].set_ylabel("rise of real unit cost, ppm")
    grid[1, 0].set_ylabel("fall of real income, ppm")
    costs, incomes = _span(found, "cost", "exposure index"), _span(found, "income", "index, production")
    title = (
        f"Exposure and loss: rank correlation {costs} with costs across sectors, {incomes} with income "
        "across regions"
    )
    about = (
        f"One mark a region-sector (above) or region (below) outside {who(found.base)}; rank correlations with "
        "90 % bootstrap intervals; ppm: millionths; axes logarithmic on both sides of zero. "
    )
    return style.finish(drawn, folder / "prediction.png", title, about + source(found.base))


def _logarithmic(axes: Axes, values: Array) -> None:
    """A logarithmic horizontal axis, and a vertical one that is logarithmic on both sides of zero."""
    axes.set_xscale("log")
    axes.set_yscale("symlog", linthresh=_threshold(values), linscale=0.5)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: number(value, 1)))
    axes.tick_params(labelsize=8)
    style.zero_line(axes, vertical=False)
    axes.margins(y=0.2)


def _threshold(values: Array) -> float:
    """Where a symmetric logarithmic axis turns linear: the power of ten below the middle size."""
    size = np.abs(values[values != 0])
    return float(10 ** np.floor(np.log10(np.median(size)))) if len(size) else 1.0


def _matching(found: Metrics, loss: str, measure: str) -> list[Correlation]:
    assert found.prediction is not None
    return [c for c in found.prediction.correlations if (c.loss, c.measure) == (loss, measure)]


def _correlation(found: Metrics, scenario: str, regime: str, loss: str, measure: str) -> str:
    one = next(
        (c for c in _matching(found, loss, measure) if (c.scenario, c.regime) == (scenario, regime)), None
    )
    return (
        "not at hand: too few places" if one is None else f"{one.value:.2f} [{one.low:.2f}, {one.high:.2f}]"
    )


def _span(found: Metrics, loss: str, measure: str) -> str:
    values = [c.value for c in _matching(found, loss, measure)]
    if not values:
        return "not at hand"
    low, high = f"{min(values):.2f}", f"{max(values):.2f}"
    return low if low == high else f"{low} to {high}"
