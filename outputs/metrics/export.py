"""Graphs as GraphML and GEXF, the same bytes for the same graph. Gephi opens both; GEXF comes placed and coloured."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import networkx as nx

from calibration.files import write_bytes
from model.network import ELEMENT, FINAL, MINE, SECTOR, SEPARATOR, Graph
from outputs import style

COLUMN = {MINE: 0.0, SEPARATOR: 1.0, ELEMENT: 2.0, SECTOR: 3.0, FINAL: 7.0}
SPREAD = (1200.0, 90.0)  # units of Gephi between columns, and between nodes of one
PALETTE = (
    style.RED,
    style.BLUE,
    style.GREEN,
    style.ORANGE,
    style.PURPLE,
    style.SKY,
    "#A6761D",
    "#66505A",
    "#B5BD00",
    "#4D4D9F",
    "#E377C2",
    "#17BECF",
)


def region_colours(regions: tuple[str, ...], first: tuple[str, ...] = ()) -> dict[str, str]:
    """A colour for each region, the restricting ones red; those beyond the palette grey."""
    order = [*first, *(r for r in regions if r not in first)]
    return {r: PALETTE[at] if at < len(PALETTE) else style.GREY for at, r in enumerate(order)}


def write(graph: Graph, folder: Path, stem: str, colours: dict[str, str]) -> list[Path]:
    """Write STEM.graphml and STEM.gexf. Edge weight is tonnes, or million USD where there are none."""
    weighted: Graph = nx.DiGraph()
    weighted.graph.update(graph.graph)
    for node in sorted(graph):
        weighted.add_node(node, **graph.nodes[node])
    for u, v, data in sorted(graph.edges(data=True), key=lambda edge: edge[:2]):
        weighted.add_edge(u, v, weight=float(data.get("tonnes", data.get("value", 1.0))), **data)
    files = []
    text = "\n".join(nx.generate_graphml(weighted)) + "\n"
    files.append(_write(folder / f"{stem}.graphml", text))
    _place(weighted, colours)
    stream = io.BytesIO()
    nx.write_gexf(weighted, stream)
    # The date of writing is no part of the graph.
    dated = stream.getvalue().decode("utf-8")
    files.append(_write(folder / f"{stem}.gexf", re.sub(r' lastmodifieddate="[^"]*"', "", dated)))
    return files


def _write(path: Path, text: str) -> Path:
    write_bytes(path, text.encode("utf-8"))
    return path


def _place(graph: Graph, colours: dict[str, str]) -> None:
    """Position, colour and size of every node as Gephi reads them: ore on the left, final buyers on the right."""
    most = max((_size(data) for _, data in graph.nodes(data=True)), default=0.0)
    columns: dict[float, list[str]] = {}
    for node, data in graph.nodes(data=True):
        columns.setdefault(_column(data), []).append(node)
    for across, members in columns.items():
        members.sort(key=lambda node: (-_size(graph.nodes[node]), node))
        for row, node in enumerate(members):
            data = graph.nodes[node]
            colour = colours.get(str(data["region"]), style.GREY)
            red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
            data["viz"] = {
                "position": {"x": SPREAD[0] * across, "y": -SPREAD[1] * row, "z": 0.0},
                "color": {"r": red, "g": green, "b": blue, "a": 1.0},
                "size": 8.0 + 60.0 * (_size(data) / most) ** 0.5 if most > 0 else 8.0,
            }


def _size(data: dict[str, Any]) -> float:
    return float(data.get("tonnes", data.get("output", 0.0)))


def _column(data: dict[str, Any]) -> float:
    """Of the rare-earth graph: the kind, sectors by how near they are to final demand; of others: upstreamness."""
    stages = float(data.get("upstreamness", 1.0))
    if "kind" not in data:
        return -round(stages)
    return 3.0 + max(0.0, 3.0 - round(stages - 1)) if data["kind"] == SECTOR else COLUMN[data["kind"]]
