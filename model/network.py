"""The base year as a network: who supplies whom, chokepoints, extraction. Section 9 of docs/model.md.

networkx is the interface; where a graph of every region-sector is too dense for it, sums are done with arrays and only
flows above a share of the total become edges.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import networkx as nx
import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.linalg import splu

from model.ces import shares_of
from model.exposure import Flows
from model.records import Array, Benchmark, Frozen, Labels
from model.system import gate_value_base

SOURCE, SINK = "ore", "target"

Graph: TypeAlias = "nx.DiGraph[str]"


def node_names(labels: Labels) -> list[str]:
    """Names of region-sectors in the order of the flattened tables."""
    return [f"{region}:{sector}" for region in labels.regions for sector in labels.sectors]


def production_graph(flows: Flows, labels: Labels, smallest: float = 1e-4) -> Graph:
    """Region-sectors and their intermediate flows (million USD); flows below `smallest` of the buyer's output left out.

    Node attributes: region, sector, output, final. Edge attributes: value, cost_share (of the buyer), distance
    (1/cost_share, for shortest paths).
    """
    names = node_names(labels)
    graph: Graph = nx.DiGraph(name="production")
    final = flows.final.sum(axis=1)
    for position, name in enumerate(names):
        region, sector = name.split(":", 1)
        graph.add_node(
            name, region=region, sector=sector, output=float(flows.output[position]), final=float(final[position])
        )
    share = flows.coefficients
    for seller, buyer in zip(*np.nonzero(share > smallest), strict=True):
        part = float(share[seller, buyer])
        value = float(flows.intermediate[seller, buyer])
        graph.add_edge(names[seller], names[buyer], value=value, cost_share=part, distance=1 / part)
    return graph


def rare_earth_graph(b: Benchmark, flows: Flows, labels: Labels, smallest: float = 1e-3) -> Graph:
    """From ore to user: mines, separators, elements by origin, and the sectors that buy them.

    Edges carry value (million USD, gate) and share (of what the buyer buys of it). Flows below `smallest` of the
    buyer's purchases are left out.
    """
    graph: Graph = nx.DiGraph(name="rare earths")
    stages = dict(zip(labels.stages, (labels.sectors[j] for j in b.stage_sector), strict=True))
    separation = next((s for s in stages.values() if "separation" in s), None)
    gate = gate_value_base(b)
    for position, element in zip(b.elements, labels.elements, strict=True):
        for i, origin in enumerate(labels.regions):
            made = gate[i, :, position].sum()
            if made <= 0:
                continue
            node = f"{origin}:{element}"
            graph.add_node(node, kind="element", region=origin, element=element, value=float(made))
            if separation is not None:
                maker = f"{origin}:{separation}"
                output = float(b.output[i, labels.sectors.index(separation)])
                graph.add_node(maker, kind="separation", region=origin, value=output)
                graph.add_edge(maker, node, value=float(made), share=1.0)
    _add_users(graph, flows, labels, smallest)
    _add_concentrate(graph, b, labels, separation, smallest)
    return graph


def _add_users(graph: Graph, flows: Flows, labels: Labels, smallest: float) -> None:
    names = node_names(labels)
    bought = flows.element_value.sum(axis=1)
    for e, element in enumerate(labels.elements):
        share = shares_of(bought[e][None, :], flows.element_value[e])
        for i, m in zip(*np.nonzero(share > smallest), strict=True):
            region, sector = names[m].split(":", 1)
            graph.add_node(names[m], kind="user", region=region, sector=sector, value=float(flows.output[m]))
            graph.add_edge(
                f"{labels.regions[i]}:{element}", names[m],
                value=float(flows.element_value[e, i, m]), share=float(share[i, m]),
            )  # fmt: skip


def _add_concentrate(
    graph: Graph, b: Benchmark, labels: Labels, separation: str | None, smallest: float
) -> None:
    """Mines to separators: goods made by the first stage."""
    if separation is None or len(b.stage_sector) < 2:
        return
    mining = int(b.stage_sector[0])
    goods = np.nonzero(b.make[:, mining].any(axis=0))[0]
    gate = gate_value_base(b)[:, :, goods].sum(axis=2)
    share = shares_of(gate.sum(axis=0)[None, :], gate)
    for i, n in zip(*np.nonzero(share > smallest), strict=True):
        mine, plant = f"{labels.regions[i]}:{labels.sectors[mining]}", f"{labels.regions[n]}:{separation}"
        graph.add_node(mine, kind="mining", region=labels.regions[i], value=float(b.output[i, mining]))
        if plant in graph:
            graph.add_edge(mine, plant, value=float(gate[i, n]), share=float(share[i, n]))


@dataclass(frozen=True)
class Centrality(Frozen):
    """Position of each node of a production graph."""

    names: tuple[str, ...]
    pagerank: Array  # weight of what flows in, from suppliers
    katz: Array  # total requirements, column sums of the Leontief inverse
    betweenness: Array  # shortest paths by cost share, sampled when the graph is large


def centrality(graph: Graph, flows: Flows, samples: int = 200, seed: int = 0) -> Centrality:
    """PageRank, Katz (the Leontief inverse itself, solved sparsely) and betweenness.

    betweenness uses `samples` pivots when the graph has more nodes than that.
    """
    names = tuple(graph)
    rank = nx.pagerank(graph, weight="cost_share")
    nodes = len(flows.output)
    system = splu(csr_array(np.eye(nodes) - flows.coefficients).tocsc())
    katz = system.solve(np.ones(nodes), trans="T")
    pivots = None if len(names) <= samples else samples
    between = nx.betweenness_centrality(graph, k=pivots, weight="distance", seed=seed)
    return Centrality(names, np.array([rank[n] for n in names]), katz, np.array([between[n] for n in names]))


def communities(graph: Graph, weight: str = "value", seed: int = 0) -> list[set[str]]:
    """Groups of nodes that trade more with each other than by chance (Louvain)."""
    return [set(group) for group in nx.community.louvain_communities(graph.to_undirected(), weight=weight, seed=seed)]


@dataclass(frozen=True)
class Cut(Frozen):
    """The cheapest way to cut a sector off from ore."""

    target: str
    flow: float  # million USD that reach it
    edges: tuple[tuple[str, str, float], ...]  # seller, buyer, value


def chokepoint(graph: Graph, targets: list[str]) -> Cut:
    """Minimum cut from all ore to the target nodes of a rare-earth graph, values as capacities.

    Raises ValueError naming targets that are not in the graph.
    """
    missing = [t for t in targets if t not in graph]
    if missing:
        raise ValueError(f"not in the graph: {', '.join(missing)}")
    network: Graph = nx.DiGraph()
    network.add_edges_from((u, v, {"capacity": data["value"]}) for u, v, data in graph.edges(data=True))
    starts = [n for n, data in graph.nodes(data=True) if data.get("kind") == "mining"]
    starts += [n for n, data in graph.nodes(data=True) if data.get("kind") == "separation" and not graph.in_degree(n)]
    # Separators add value to concentrate, so ore enters them at the value they sell.
    for node, data in graph.nodes(data=True):
        if data.get("kind") == "separation" and node not in starts:
            bought = sum(d["value"] for _, _, d in graph.in_edges(node, data=True))
            for maker, _, d in list(graph.in_edges(node, data=True)):
                network[maker][node]["capacity"] = data["value"] * d["value"] / bought
    for node in starts:
        network.add_edge(SOURCE, node)  # no capacity attribute: infinite
    for node in targets:
        network.add_edge(node, SINK)
    flow, (reached, _) = nx.minimum_cut(network, SOURCE, SINK)
    edges = tuple(
        (u, v, float(d["capacity"])) for u, v, d in network.edges(data=True) if u in reached and v not in reached
    )
    return Cut(", ".join(targets), float(flow), edges)


def extraction(flows: Flows, removed: Array) -> Array:
    """(nj,) output lost when the removed nodes (nj,) bool sell and buy nothing (hypothetical extraction), million USD.

    Quantities only: no price moves and nothing is replaced, an upper bound that the solved model is compared with.
    """
    keep = ~np.asarray(removed, dtype=bool)
    nodes = len(flows.output)
    coefficients = flows.coefficients * keep[:, None] * keep[None, :]
    final = flows.final.sum(axis=1) * keep
    left = np.linalg.solve(np.eye(nodes) - coefficients, final)
    return flows.output - left


def structural_paths(
    flows: Flows, direct: Array, smallest: float, deepest: int = 6
) -> Iterator[tuple[tuple[int, ...], float]]:
    """Supply paths from a first user of an element to final demand, with the amount embodied along each.

    direct (nj,): amount per unit of output of the first user; paths below `smallest` (same unit as direct times final
    demand) are not followed. The sum over all paths and depths is the total embodied use.
    """
    final = flows.final.sum(axis=1)
    distribution = flows.coefficients
    # What a node can still deliver per unit of its output, through all later links: bounds every path through it.
    sales = shares_of(flows.output[:, None], flows.intermediate)
    reach = np.linalg.solve(np.eye(len(final)) - sales, np.ones(len(final)))
    stack: list[tuple[tuple[int, ...], float]] = [((int(m),), float(direct[m])) for m in np.nonzero(direct)[0]]
    while stack:
        path, amount = stack.pop()
        last = path[-1]
        arriving = amount * final[last]
        if arriving >= smallest:
            yield path, arriving
        if len(path) >= deepest:
            continue
        for buyer in np.nonzero(amount * distribution[last] * flows.output * reach >= smallest)[0]:
            stack.append(((*path, int(buyer)), amount * float(distribution[last, buyer])))
