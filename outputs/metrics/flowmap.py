"""The flow map: tonnes of rare earths from mines to final buyers, as bands between columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path as Curve

from model.ces import shares_of
from model.records import Array
from outputs import names, style
from outputs.metrics.export import region_colours
from outputs.metrics.network import Network
from outputs.metrics.text import source, who
from outputs.names import number

OTHERS = "others"
GAP, LINE, WIDTH = (
    0.012,
    0.028,
    0.035,
)  # between nodes, for a label at least, and of a node; tonnes are 1 high
SHOWN = (6, 6, 9, 9, 10)  # nodes named in each column
RESTS = 4  # regions whose other sectors are shown together
LEAST = 1e-3  # of all tonnes, to have a node of its own
TITLES = ("Mined", "Separated", "First used", "Last made", "Finally used")


@dataclass(frozen=True)
class Column:
    """Nodes of one column, largest first, and which of them every place belongs to."""

    labels: tuple[str, ...]
    regions: tuple[str, ...]
    group: Array  # (places,) position of each place among the labels


def column(sizes: Array, labels: Sequence[str], regions: Sequence[str], shown: int) -> Column:
    """The largest places by name; what is left together by region where that is much, the rest as one."""
    least = LEAST * float(sizes.sum())
    order = [int(p) for p in np.argsort(-sizes, kind="stable")[:shown] if sizes[p] > least]
    named, owners = [labels[p] for p in order], [regions[p] for p in order]
    group = np.full(len(sizes), -1)
    group[order] = np.arange(len(order))
    if len(set(regions)) < len(regions):
        own = np.array(regions)
        left = {r: float(sizes[(own == r) & (group < 0)].sum()) for r in dict.fromkeys(regions)}
        for region in sorted(left, key=lambda r: -left[r])[:RESTS]:
            if left[region] > least:
                group[(own == region) & (group < 0)] = len(named)
                named, owners = [*named, f"{region} other sectors"], [*owners, region]
    if (sizes[group < 0] > 0).any():
        named, owners = [*named, OTHERS], [*owners, ""]
    group[group < 0] = len(named) - 1
    return Column(tuple(named), tuple(owners), group)


def grouped(flows: Array, left: Column, right: Column) -> Array:
    """(a,b) flows between the nodes of two columns."""
    table = np.zeros((len(left.labels), len(right.labels)))
    np.add.at(table, (left.group[:, None], right.group[None, :]), flows)
    return table


def columns(found: Network) -> tuple[list[Column], list[Array]]:
    """The columns, and tonnes between each and the next. What enters a node leaves it."""
    base, flows = found.base, found.flows
    regions, sectors = base.labels.regions, base.labels.sectors
    places = [f"{r} {names.sector(s)}" for r in regions for s in sectors]
    home = [r for r in regions for _ in sectors]
    ore, direct = flows.ore.sum(axis=0), flows.direct.sum(axis=0)
    per_unit = shares_of(base.flows.output, direct.sum(axis=0))
    final = base.flows.final.sum(axis=1)
    inside = per_unit[:, None] * base.flows.leontief * final  # first user to maker of the final good
    tables = [ore, direct, inside, flows.final]
    sizes = [
        ore.sum(axis=1),
        ore.sum(axis=0),
        direct.sum(axis=0),
        inside.sum(axis=0),
        flows.final.sum(axis=0),
    ]
    labels = [regions, regions, places, places, regions]
    owners = [regions, regions, home, home, regions]
    found_columns = [column(*each) for each in zip(sizes, labels, owners, SHOWN, strict=True)]
    pairs = zip(tables, found_columns[:-1], found_columns[1:], strict=True)
    return found_columns, [grouped(table, left, right) for table, left, right in pairs]


def flow_map(found: Network, folder: Path) -> Path:
    """Mines, separators, first users, makers of final goods and final buyers, with bands as wide as tonnes."""
    base = found.base
    parts, tables = columns(found)
    colours = region_colours(base.labels.regions, base.restricting_names)
    drawn, axes = style.figure(size=(13.0, 7.2))
    axes.set_axis_off()
    total = found.flows.total
    sizes = [tables[0].sum(axis=1), *(table.sum(axis=0) for table in tables)]
    tops = [_tops(size / total) for size in sizes]
    for at, table in enumerate(tables):
        _bands(
            axes,
            at,
            table / total,
            tops[at],
            tops[at + 1],
            [colours.get(r, style.GREY) for r in parts[at].regions],
        )
    for at, (part, size, top) in enumerate(zip(parts, sizes, tops, strict=True)):
        for label, region, tonnes, y in zip(part.labels, part.regions, size, top, strict=True):
            height = tonnes / total
            colour = colours.get(region, style.GREY)
            axes.add_patch(Rectangle((at - WIDTH / 2, y - height), WIDTH, height, color=colour, zorder=3))
            axes.annotate(
                style.plain(f"{label}  {number(100 * height, 2)} %"), (at + WIDTH * 0.75, y - height / 2),
                fontsize=7.5, va="center", ha="left", zorder=4, color="#222222",
                bbox={"boxstyle": "round,pad=0.12", "facecolor": "white", "alpha": 0.65, "linewidth": 0},
            )  # fmt: skip
        axes.annotate(TITLES[at], (at, 1.05), ha="center", fontsize=10.5, weight="bold")
    axes.set_xlim(-0.1, len(parts) - 0.45)
    axes.set_ylim(min(float(top[-1]) for top in tops) - 0.05, 1.09)
    what = (
        "all rare earths"
        if len(found.elements) == len(base.labels.elements)
        else names.listed(found.elements)
    )
    mined, used = (
        number(100 * float(sizes[at][_of(parts[at], base.restricting_names)].sum()) / total, 2)
        for at in (0, 4)
    )
    title = f"{mined} % of {what} is mined in {who(base)}, {used} % ends up with final buyers there"
    about = (
        f"Tonnes, gross weight, {number(total)} t in all; bands in the colour of the region they come from. First "
        "used: sectors that buy elements; last made: sectors that sell the final goods which contain them. "
    )
    return style.finish(drawn, folder / "flow_map.png", title, about + source(base))


def _of(part: Column, regions: tuple[str, ...]) -> list[int]:
    return [at for at, region in enumerate(part.regions) if region in regions]


def _tops(sizes: Array) -> Array:
    """Upper ends of the nodes of a column, from 1 downwards, with gaps and room for a label each."""
    room = np.maximum(sizes + GAP, LINE)
    return 1.0 - np.concatenate([[0.0], np.cumsum(room)[:-1]]) - (room - GAP - sizes) / 2


def _bands(axes: Axes, at: int, table: Array, left: Array, right: Array, colours: list[str]) -> None:
    """Bands between two columns; at every node in the order of the other side, so that few cross."""
    leaving, arriving = left.copy(), right.copy()
    starts, x0, x1 = {}, at + WIDTH / 2, at + 1 - WIDTH / 2
    for a, b in np.ndindex(table.shape):
        starts[a, b] = leaving[a]
        leaving[a] -= table[a, b]
    for b, a in np.ndindex(table.T.shape):
        size, y0, y1 = table[a, b], starts[a, b], arriving[b]
        arriving[b] -= size
        if size < 2e-4:
            continue
        middle = (x0 + x1) / 2
        corners = [
            (x0, y0), (middle, y0), (middle, y1), (x1, y1), (x1, y1 - size), (middle, y1 - size), (middle, y0 - size),
            (x0, y0 - size), (x0, y0),
        ]  # fmt: skip
        points = np.array(corners, dtype=float)
        codes = [Curve.MOVETO, *[Curve.CURVE4] * 3, Curve.LINETO, *[Curve.CURVE4] * 3, Curve.CLOSEPOLY]
        axes.add_patch(
            PathPatch(Curve(points, codes), facecolor=colours[a], alpha=0.33, linewidth=0, zorder=1)
        )
