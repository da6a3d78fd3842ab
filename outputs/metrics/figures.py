"""Figures of `run.py metrics`. All numbers come from `results`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from model.records import Array
from outputs import names, style
from outputs.focus import chain_sectors
from outputs.metrics import uncertainty
from outputs.metrics.results import Metrics
from outputs.metrics.solvedfigures import prediction, substitutability
from outputs.metrics.text import node, source, who
from outputs.names import number
from outputs.style import BLUE, ORANGE, RED, SKY

ROWS = 22  # of the heat map
TOP = 20  # of the ranking
SHADES = "YlOrBr"
PARTS = (
    ("intensity", "Intensity", "USD per million\nUSD of output"),
    ("dependence", "Dependence", "share from\nrestricting origins"),
    ("non_substitutability", "Hard to replace", "0 good substitutes,\n1 none"),
    ("concentration", "Concentration", "HHI-WGI,\n0 to 1"),
)


def draw(found: Metrics, folder: Path) -> list[Path]:
    """Draw every figure into a folder; returns the files."""
    with style.look():
        made = [
            heat_map(found, folder),
            ranking(found, folder),
            by_region(found, folder),
            final_users(found, folder),
        ]
        if found.implied is not None:
            made.append(substitutability(found, folder))
        if found.prediction is not None and found.prediction.losses:
            made.append(prediction(found, folder))
    return made


def shaded(
    axes: Axes,
    values: Array,
    rows: list[str],
    columns: list[str],
    unit: str,
    drawn: Figure,
    least: float,
    norm: Normalize | None = None,
) -> None:
    """A heat map with the numbers in its cells, colours logarithmic unless told; cells below `least` stay empty."""
    shown = np.where(values >= least, values, np.nan)
    seen = shown[np.isfinite(shown)] if np.isfinite(shown).any() else np.array([1.0])
    norm = norm or LogNorm(max(least, float(np.quantile(seen, 0.1))), float(seen.max()))
    image = axes.imshow(shown, cmap=SHADES, norm=norm, aspect="auto")
    for r, c in np.argwhere(np.isfinite(shown)):
        colour = "white" if norm(shown[r, c]) > 0.62 else "#333333"
        axes.text(c, r, number(float(shown[r, c]), 2), ha="center", va="center", fontsize=7, color=colour)
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows, fontsize=8.5)
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.xaxis.tick_top()
    bar = drawn.colorbar(image, ax=axes, shrink=0.6, pad=0.02)
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value, 1)))
    bar.ax.tick_params(labelsize=8)
    bar.set_label(unit, fontsize=8.5)
    bar.outline.set_visible(False)


def heat_map(found: Metrics, folder: Path) -> Path:
    """Element x sector: total intensity outside the restricting regions, direct and in inputs."""
    base = found.base
    output = np.where(base.restricting[:, None], 0.0, base.calibration.benchmark.output)
    kg = found.intensity.total_kg.sum(axis=1).reshape(-1, *output.shape)
    total = output.sum(axis=0)
    mean = np.divide(
        (kg * output).sum(axis=1), total, out=np.zeros((len(kg), len(total))), where=total > 0
    )  # (e,j)
    chain = chain_sectors(base.calibration.benchmark)
    magnets = int(base.calibration.benchmark.stage_sector[-1])
    wanted = (total > 0) & (~chain | (np.arange(len(chain)) == magnets))
    order = [j for j in np.argsort(-mean.sum(axis=0), kind="stable") if wanted[j]][:ROWS]
    drawn, axes = style.figure(size=(10.0, 7.0))
    rows = [names.capital(names.sector(base.labels.sectors[j])) for j in order]
    elements = list(base.labels.elements)
    shaded(axes, mean[:, order].T, rows, elements, "kg per million USD of output, logarithmic", drawn, 1e-5)
    after = names.listed([names.sector(base.labels.sectors[j]) for j in order[:4] if j != magnets])
    title = f"Rare earths inside what sectors outside {who(base)} make: after magnets, {after} hold most"
    about = (
        "Kilograms of element (gross weight) per million USD of output, used directly or in inputs of any region "
        f"and stage; mean over regions outside {who(base)}, the {len(order)} most intensive sectors. "
    )
    return style.finish(drawn, folder / "heat_map.png", title, about + source(base))


def ranking(found: Metrics, folder: Path) -> Path:
    """The most exposed region-sectors with intervals, and the parts of the index beside them."""
    base, e = found.base, found.base.exposure
    cells = base.outside.reshape(-1)
    order = [m for m in np.argsort(-e.index, kind="stable") if cells[m]][:TOP]
    rows = np.arange(len(order))[::-1]
    drawn, grid = style.figure(1, 5, size=(12.0, 6.4), sharey=True, width_ratios=(2.6, 1, 1, 1, 1))
    first: Axes = grid[0]
    first.scatter(e.index[order], rows, s=42, color=RED, zorder=3, label="calibration")
    if found.draws is not None:
        low, median, high = found.draws.quantiles(found.draws.index[:, order])
        first.hlines(
            rows, low, high, color=RED, alpha=0.35, linewidth=5, zorder=2, label="5 to 95 % of draws"
        )
        first.scatter(median, rows, marker="|", s=90, color="#333333", zorder=3, label="median of draws")
        rank_low, _, rank_high = found.draws.quantiles(uncertainty.ranks(found.draws.index[:, cells]))
        place = np.cumsum(cells) - 1
        for row, m, right in zip(rows, order, np.maximum(high, e.index[order]), strict=True):
            text = f"rank {rank_low[place[m]]:.0f}–{rank_high[place[m]]:.0f}"
            look: dict[str, Any] = {
                "textcoords": "offset points",
                "va": "center",
                "fontsize": 7.5,
                "color": "#555555",
            }
            first.annotate(text, (right, row), (6, 0), **look)
    sectors = len(base.labels.sectors)
    labels = [
        f"{base.labels.regions[m // sectors]}  {names.sector(base.labels.sectors[m % sectors])}"
        for m in order
    ]
    first.set_yticks(rows, labels)
    first.set_xlim(left=0)
    first.margins(x=0.2, y=0.02)
    first.set_xlabel("USD at risk per million USD of output")
    first.set_title("Exposure index")
    first.legend(loc="lower right", fontsize=8)
    for axes, (part, title, unit) in zip(grid[1:], PARTS, strict=True):
        values = getattr(e, part)[order]
        axes.barh(rows, values, color=BLUE if part == "intensity" else SKY, height=0.62, zorder=2)
        axes.set_title(title, fontsize=9)
        axes.set_xlabel(unit, fontsize=8)
        axes.set_xlim(0, 1 if part != "intensity" else None)
        axes.tick_params(axis="y", length=0)
    for axes in grid:
        axes.grid(axis="y", visible=False)
    title = f"Most exposed to {who(base)}: {node(base, order[0])}; the index is the product of four parts"
    about = "Regions by code; sectors outside the restricting regions and the rare-earth chain. "
    if found.draws is not None:
        count = len(found.draws.index)
        about += f"Draws: {count} base years built with {found.draws.parameters} soft numbers drawn from their ranges. "
    return style.finish(drawn, folder / "ranking.png", title, about + source(base))


def by_region(found: Metrics, folder: Path) -> Path:
    """The country index: at risk in production and in consumption."""
    base, r = found.base, found.regions
    order = [n for n in np.argsort(-r.production, kind="stable") if not base.restricting[n]][:25]
    rows = np.arange(len(order))[::-1]
    drawn, grid = style.figure(1, 2, size=(10.0, max(4.6, 1.6 + 0.27 * len(order))), sharey=True)
    panels = (
        ("production", "In production", "USD at risk bought per million USD of value added", BLUE),
        ("consumption", "In final demand", "USD at risk embodied per million USD of final demand", ORANGE),
    )
    for axes, (name, title, unit, colour) in zip(grid, panels, strict=True):
        values = getattr(r, name)[order]
        axes.barh(rows, values, color=colour, height=0.62, zorder=2)
        if found.draws is not None:
            low, _, high = found.draws.quantiles(getattr(found.draws, name)[:, order])
            axes.hlines(rows, low, high, color="#222222", linewidth=1.6, zorder=3)
            axes.scatter(np.r_[low, high], np.r_[rows, rows], marker="|", s=40, color="#222222", zorder=3)
        axes.set_title(title)
        axes.set_xlabel(unit)
        axes.grid(axis="y", visible=False)
    grid[0].set_yticks(rows, [names.capital(names.region(base.labels.regions[n])) for n in order])
    most = names.named(base.labels.regions[order[0]])
    buyer = names.named(base.labels.regions[max(order, key=lambda n: float(r.consumption[n]))])
    title = f"{names.capital(most)} is the region most exposed to {who(base)} as a producer, {buyer} as a final buyer"
    about = f"Rare earths of {who(base)} x non-substitutability x HHI-WGI. "
    about += "Lines: 5 to 95 % of draws of the soft numbers. " if found.draws is not None else ""
    return style.finish(drawn, folder / "regions.png", title, about + source(base))


def _headline(elements: tuple[str, ...]) -> int:
    """The element that titles speak of: dysprosium, or the last one."""
    return elements.index("Dy") if "Dy" in elements else len(elements) - 1


def final_users(found: Metrics, folder: Path) -> Path:
    """Who finally uses the rare earths of the restricting origins, by element."""
    base = found.base
    routes = found.routes[:, base.restricting].sum(axis=1)  # (e,n,f)
    routes = 100 * routes / np.maximum(routes.sum(axis=(1, 2), keepdims=True), 1e-300)
    direct, share = routes.sum(axis=2), routes.sum(axis=1)
    order = np.argsort(-share.mean(axis=0), kind="stable")[:16]
    rest = 100 - share[:, order].sum(axis=1, keepdims=True)
    labels = [names.capital(names.region(base.labels.regions[n])) for n in order]
    values = share[:, order].T
    if rest.max() > 0.05:
        values, labels = np.vstack([values, rest.T]), [*labels, "All others"]
    drawn, axes = style.figure(size=(10.0, max(4.2, 1.9 + 0.3 * len(labels))))
    shaded(
        axes,
        values,
        labels,
        list(base.labels.elements),
        "% of the element's tonnes, logarithmic",
        drawn,
        0.05,
    )
    own, e = base.restricting, _headline(base.labels.elements)
    element = base.labels.elements[e]
    first, last = (number(float(part[e, own].sum()), 2) for part in (direct, share))
    title = (
        f"Who finally uses {names.possessive(who(base))} rare earths: {first} % of {element} is first used at home, "
        f"{last} % ends in final demand at home"
    )
    about = (
        f"Share of what is separated in {who(base)} that is embodied in what each region's final buyers get. "
    )
    return style.finish(drawn, folder / "final_users.png", title, about + source(base))
