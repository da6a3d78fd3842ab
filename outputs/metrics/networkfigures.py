"""Figures of `run.py network`. All numbers come from `network`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.patches import FancyArrowPatch
from matplotlib.ticker import FuncFormatter

from model.records import Array
from outputs import names, style
from outputs.metrics.export import region_colours
from outputs.metrics.figures import shaded
from outputs.metrics.flowmap import flow_map
from outputs.metrics.network import CLOSINGS, Network
from outputs.metrics.text import node as place
from outputs.metrics.text import source, who
from outputs.names import number
from outputs.style import BLUE, GREEN, GREY, ORANGE, RED

ROUND = 14  # regions on the map, the rest together
ARROWS = 32  # of each panel
LABELLED = 14
STRETCH = 2.0  # of links, in the figure of rerouting


def draw(found: Network, folder: Path) -> list[Path]:
    """Draw every figure into a folder; returns the files."""
    with style.look():
        made = [flow_map(found, folder), network_map(found, folder), positions(found, folder)]
        made += [rerouting(found, folder), chokepoints(found, folder)]
        if any(one.solved_loss is not None for one in found.removals):
            made.append(removal(found, folder))
    return made


def what(found: Network) -> str:
    """The elements that were followed, as they stand in a sentence."""
    everything = len(found.elements) == len(found.base.labels.elements)
    return "rare earths" if everything else names.listed([names.element(e) for e in found.elements])


def network_map(found: Network, folder: Path) -> Path:
    """Trade between regions: in the elements themselves, and in products that contain them."""
    regions, trades = _trades(found)
    colours = region_colours(found.base.labels.regions, found.base.restricting_names)
    drawn, grid = style.figure(1, 2, size=(13.0, 6.4))
    angle = np.pi / 2 - 2 * np.pi * np.arange(len(regions)) / len(regions)
    places = np.column_stack([np.cos(angle), np.sin(angle)])
    most = max(float(table.max(initial=0.0)) for _, table in trades)
    totals = [float(table.sum()) for _, table in trades]
    for axes, (title, table), tonnes in zip(grid, trades, totals, strict=True):
        axes.set_aspect("equal")
        axes.set_axis_off()
        axes.set_title(f"{title}: {number(tonnes)} t between regions", loc="center")
        for at in np.argsort(-table, axis=None, kind="stable")[:ARROWS]:
            i, n = divmod(int(at), len(regions))
            if table[i, n] > 0:
                _arrow(axes, places[i], places[n], table[i, n] / most, colours.get(regions[i], style.GREY))
        through = (table.sum(axis=0) + table.sum(axis=1)) / max(sum(totals), 1e-300)
        for (x, y), region, share in zip(places, regions, through, strict=True):
            colour = colours.get(region, style.GREY)
            axes.scatter(x, y, s=60 + 900 * share, color=colour, zorder=3, edgecolor="white")
            side = "left" if x > 0.1 else "right" if x < -0.1 else "center"
            axes.annotate(
                names.capital(names.region(region)), (x, y), (17 * x, 15 * y), textcoords="offset points", zorder=4,
                ha=side, va="center", fontsize=9,
            )  # fmt: skip
        axes.set_xlim(-1.7, 1.7)
        axes.set_ylim(-1.17, 1.17)
    ratio = number(totals[1] / totals[0], 2) if totals[0] > 0 else "many"
    title = f"Inside products, {ratio} times as many tonnes of {what(found)} cross borders as in trade of the elements"
    about = (
        f"Arrows as wide as tonnes to the power 0.75, the {ARROWS} largest of each panel, in the colour of the seller; "
        "products count at every border they cross, final goods included. "
    )
    return style.finish(drawn, folder / "network_map.png", title, about + source(found.base))


def _arrow(axes: Axes, start: Array, end: Array, size: float, colour: str) -> None:
    width = 0.6 + 13 * size**0.75
    shape = (
        f"simple,tail_width={width:.2f},head_width={2.5 + 1.7 * width:.2f},head_length={4 + 1.1 * width:.2f}"
    )
    axes.add_patch(
        FancyArrowPatch(
            tuple(start), tuple(end), connectionstyle="arc3,rad=0.18", arrowstyle=shape, color=colour, alpha=0.45,
            linewidth=0, shrinkA=9, shrinkB=8, mutation_scale=1, zorder=2,
        )
    )  # fmt: skip


def _trades(found: Network) -> tuple[list[str], list[tuple[str, Array]]]:
    """Regions on the map, and (i,n) tonnes between them as elements and inside products."""
    labels, n = found.base.labels, len(found.base.labels.regions)
    sectors = len(labels.sectors)
    elements = found.flows.direct.sum(axis=0).reshape(n, n, sectors).sum(axis=2)
    inside = found.flows.embodied.reshape(n, sectors, n, sectors).sum(axis=(1, 3))
    inside = inside + found.flows.final.reshape(n, sectors, n).sum(axis=1)
    away = ~np.eye(n, dtype=bool)
    elements, inside = elements * away, inside * away
    size = (elements + inside).sum(axis=0) + (elements + inside).sum(axis=1)
    order = list(np.argsort(-size, kind="stable")[:ROUND])
    shown = [labels.regions[at] for at in order]
    if n > ROUND:
        group = np.full(n, ROUND)
        group[order] = np.arange(ROUND)
        tables = []
        for table in (elements, inside):
            small = np.zeros((ROUND + 1, ROUND + 1))
            np.add.at(small, (group[:, None], group[None, :]), table)
            np.fill_diagonal(small, 0.0)
            tables.append(small)
        return [*shown, "others"], [("As elements", tables[0]), ("Inside products", tables[1])]
    pick = np.ix_(order, order)
    return shown, [("As elements", elements[pick]), ("Inside products", inside[pick])]


def positions(found: Network, folder: Path) -> Path:
    """Region-sectors by stages to final demand and what passes through them."""
    base, p = found.base, found.positions
    labels, output = base.labels, base.flows.output
    share = 100 * p.passing
    cells = (output > 0) & (share > 0)
    colours = region_colours(labels.regions, base.restricting_names)
    owner = np.arange(len(output)) // len(labels.sectors)
    drawn, axes = style.figure(size=(11.0, 6.4))
    axes.scatter(
        p.upstreamness[cells], share[cells], s=8 + 500 * (output[cells] / output.max()), alpha=0.55, linewidth=0,
        color=[colours[labels.regions[n]] for n in owner[cells]], zorder=2,
    )  # fmt: skip
    order = np.argsort(-np.where(cells, share, 0.0), kind="stable")[:LABELLED]
    axes.set_yscale("log")
    axes.set_ylim(max(float(share[cells].max()) / 1e4, 1e-4), 1.6 * float(share[cells].max()))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value, 1)))
    axes.set_xlabel("stages to final demand (upstreamness of Antràs and Chor)")
    axes.set_ylabel(f"share of all {what(found)} that passes through, %")
    texts = [
        f"{labels.regions[owner[m]]} {names.sector(labels.sectors[m % len(labels.sectors)])}" for m in order
    ]
    _labels(axes, p.upstreamness[order], share[order], texts)
    first = int(order[0])
    title = (
        f"{number(float(share[first]), 2)} % of {what(found)}, by value, passes through {place(base, first)}"
    )
    about = "One mark a region-sector, area by output, colour by region; ends of a path count as passing. "
    return style.finish(drawn, folder / "positions.png", title, about + source(base))


SIDES = (
    (8, 0),
    (-8, 0),
    (8, 10),
    (-8, 10),
    (8, -10),
    (-8, -10),
    (8, 20),
    (-8, -20),
    (8, -20),
    (8, 30),
    (8, -30),
)


def _labels(axes: Axes, x: Array, y: Array, texts: list[str]) -> None:
    """Labels beside points, on the first side where they cover no other label."""
    points = axes.transData.transform(np.column_stack([x, y])) * 72 / axes.figure.dpi
    taken: list[tuple[float, float, float]] = []
    for (across, height), text, at in zip(points, texts, zip(x, y, strict=True), strict=True):
        width = 4.7 * len(text)
        spans = [(across + dx - (width if dx < 0 else 0.0), height + dy, dx, dy) for dx, dy in SIDES]
        free = [
            span
            for span in spans
            if all(
                abs(span[1] - h) >= 10 or span[0] >= end or span[0] + width <= start
                for start, end, h in taken
            )
        ]
        left, up, dx, dy = (free or spans)[0]
        taken.append((left, left + width, up))
        side = "right" if dx < 0 else "left"
        axes.annotate(
            text, at, (dx, dy), textcoords="offset points", fontsize=8, va="center", ha=side, zorder=4
        )


def rerouting(found: Network, folder: Path) -> Path:
    """How much of its use of each element a region could get without the restricting origins."""
    base = found.base
    regions = [n for n in range(len(base.labels.regions)) if not base.restricting[n]]
    need = np.array([next(iter(one.values())).need for one in found.rerouting.values()])  # (e,n)
    value = (
        base.flows.element_value.sum(axis=1).reshape(len(need), len(base.labels.regions), -1).sum(axis=(0, 2))
    )
    regions = sorted(regions, key=lambda n: -value[n])[:20]
    alone = np.array([one[STRETCH].alone for one in found.rerouting.values()])
    covered = 100 * np.minimum(np.divide(alone, need, out=np.ones_like(need), where=need > 0), 1.0)
    most = np.array([one[np.inf].together for one in found.rerouting.values()])
    together = most / np.maximum(need[:, ~base.restricting].sum(axis=1), 1e-300)
    values = np.vstack([100 * np.minimum(together, 1.0), covered[:, regions].T])
    rows = ["All outside at once", *(names.capital(names.region(base.labels.regions[n])) for n in regions)]
    drawn, axes = style.figure(size=(10.0, max(4.4, 1.9 + 0.3 * len(rows))))
    shaded(
        axes, values, rows, list(base.labels.elements), "% of base-year use", drawn, 0.0, Normalize(0, 100)
    )
    axes.axhline(0.5, color="white", linewidth=4)
    least = int(np.argmin(values[0]))
    title = (
        f"Without {who(base)}, others' plants cover {number(float(values[0].min()), 2)} % "
        f"({base.labels.elements[least]}) to {number(float(values[0].max()), 2)} % of what is used outside"
    )
    about = (
        f"First row: all buyers outside {who(base)} share what mines and separators elsewhere made, links without "
        f"limit. Others: each region alone, everybody else giving way, links at most {STRETCH:g} times as wide. "
        "Quantities only: no price, no new plant. "
    )
    return style.finish(drawn, folder / "rerouting.png", title, about + source(base))


def chokepoints(found: Network, folder: Path) -> Path:
    """What reaches targets when the restricting origins close elements, or elements and magnets."""
    points = found.chokepoints
    stretches = sorted({stretch for point in points for _, stretch in point.cuts})
    drawn, grid = style.figure(1, len(CLOSINGS), size=(11.0, max(3.6, 1.9 + 0.55 * len(points))), sharey=True)
    rows, height = np.arange(len(points))[::-1], 0.8 / len(stretches)
    for axes, closing in zip(np.atleast_1d(grid), CLOSINGS, strict=True):
        for at, (stretch, colour) in enumerate(zip(stretches, (RED, ORANGE, BLUE, GREEN), strict=False)):
            values = np.array([100 * point.cuts[closing, stretch].covered for point in points])
            y = rows + (len(stretches) / 2 - at - 0.5) * height
            axes.barh(
                y,
                values,
                height=height * 0.9,
                color=colour,
                zorder=2,
                label=f"links carry {stretch:g} times base tonnes",
            )
            for row, covered in zip(y, values, strict=True):
                text = number(float(covered), 2)
                axes.annotate(
                    text, (covered, row), (3, 0), textcoords="offset points", va="center", fontsize=7.5
                )
        axes.set_title(f"No exports of {closing}")
        axes.set_xlabel("% of base-year need that arrives")
        axes.set_xlim(0, 112)
        axes.grid(axis="y", visible=False)
    first = np.atleast_1d(grid)[0]
    first.set_yticks(rows, [f"{point.element} for {_spaced(point.target)}" for point in points])
    drawn.legend(*first.get_legend_handles_labels(), loc="outside right center", fontsize=8)
    base = found.base
    low, high = (min(point.cuts[closing, 1.0].covered for point in points) for closing in CLOSINGS[::-1])
    title = (
        f"Closed elements alone leave {number(100 * high, 2)} % and more, as products still leave {who(base)}; with "
        f"magnets closed too, as little as {number(100 * low, 2)} %"
    )
    about = (
        "Maximum flow from mines to the target, everybody else giving way, mines and separators at their base "
        "tonnes; no price, no new plant. "
    )
    return style.finish(drawn, folder / "chokepoints.png", title, about + source(base))


def _spaced(node: str) -> str:
    region, sector = node.split(":", 1)
    return f"{region} {names.sector(sector)}"


def removal(found: Network, folder: Path) -> Path:
    """What hangs on a node's exports in the table, and what the solved model loses."""
    shown = [one for one in found.removals if one.solved_loss is not None]
    shown.sort(key=lambda one: -float(one.solved_loss or 0.0))
    rows = np.arange(len(shown))[::-1]
    size = (11.5, max(4.2, 1.9 + 0.36 * len(shown)))
    drawn, (left, right) = style.figure(1, 2, size=size, sharey=True, width_ratios=(2.2, 1))
    solved = np.array([float(one.solved_loss or 0.0) for one in shown])
    table = np.array([one.table_loss for one in shown])
    ends = np.sort([np.abs(solved), table], axis=0)
    left.hlines(rows, ends[0], ends[1], color="#CCCCCC", zorder=1)
    left.scatter(
        table,
        rows,
        s=44,
        color=GREY,
        marker="s",
        zorder=3,
        label="table: value added that served the exports",
    )
    for sign, face, label in (
        (1, RED, "solved: real income lost"),
        (-1, "white", "solved: real income gained"),
    ):
        at = np.sign(solved) == sign
        if at.any():
            left.scatter(
                np.abs(solved[at]), rows[at], s=48, facecolor=face, edgecolor=RED, zorder=4, label=label
            )
    left.set_xscale("log")
    left.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value, 1)))
    left.set_yticks(rows, [_spaced(one.node) for one in shown])
    left.set_xlabel("million USD, all other regions together, logarithmic")
    left.set_title("Loss of others without the node's exports")
    left.legend(loc="upper center", bbox_to_anchor=(0.45, -0.14), ncols=3, fontsize=8)
    right.barh(rows, [100 * one.flow_share for one in shown], color=BLUE, height=0.6, zorder=2)
    right.set_xlabel("% of the elements others finally use")
    right.set_title("Passed through them")
    for axes in (left, right):
        axes.grid(axis="y", visible=False)
        axes.margins(y=0.06)
    worst = max(shown, key=lambda one: float(one.solved_loss or 0.0) / max(one.table_loss, 1e-9))
    title = (
        f"{number(worst.table_loss, 2)} million USD hang on the exports of {_spaced(worst.node)} in the table; "
        f"the model puts the loss without them at {number(float(worst.solved_loss or 0.0), 2)} million, no forecast"
    )
    failed = [one for one in found.removals if one.solved_loss is None]
    about = (
        "Each node alone sells nothing abroad; technology and capacity as in the base year. So deep a cut was never "
        "seen: what the last tonnes are worth follows from the form of the equations (docs/limits.md). "
    )
    about += f"Not solved: {', '.join(_spaced(one.node) for one in failed)}. " if failed else ""
    return style.finish(drawn, folder / "removal.png", title, about + source(found.base))
