"""The base year as networkx graphs: mines, elements, region-sectors, final buyers. Section 9 of docs/model.md.

Attributes are text, whole numbers and floats only, so that GraphML and GEXF hold them. Tonnes of elements are followed
from ore to final demand, inside products after their first use, and conserved: what enters a node leaves it, up to the
flows too small to show.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import networkx as nx
import numpy as np

from model.ces import shares_of
from model.exposure import Flows, downstreamness, upstreamness
from model.records import Array, Frozen, Labels

Graph: TypeAlias = "nx.DiGraph[str]"

MINE, SEPARATOR, ELEMENT, SECTOR, FINAL = "mine", "separator", "element", "sector", "final buyer"
FINAL_PREFIX = "use"


def node_names(labels: Labels) -> list[str]:
    """Names of region-sectors in the order of the flattened tables."""
    return [f"{region}:{sector}" for region in labels.regions for sector in labels.sectors]


def production_graph(flows: Flows, labels: Labels, smallest: float = 1e-4) -> Graph:
    """Region-sectors and their intermediate flows (million USD); flows below `smallest` of the buyer's output left out.

    Node attributes: region, sector, output and final (million USD), upstreamness and downstreamness (stages). Edge
    attributes: value (million USD), cost_share (of the buyer), distance (-ln cost_share, for strongest paths).
    """
    names = node_names(labels)
    graph: Graph = nx.DiGraph(name="production")
    up, down, final = upstreamness(flows), downstreamness(flows), flows.final.sum(axis=1)
    for position, name in enumerate(names):
        region, sector = name.split(":", 1)
        graph.add_node(
            name, label=name, region=region, sector=sector, output=float(flows.output[position]),
            final=float(final[position]), upstreamness=float(up[position]), downstreamness=float(down[position]),
        )  # fmt: skip
    share = flows.coefficients
    seller, buyer = np.nonzero(share > smallest)
    part = share[seller, buyer]
    value, distance = flows.intermediate[seller, buyer], np.maximum(-np.log(part), 1e-12)
    graph.add_edges_from(
        (names[s], names[b], {"value": v, "cost_share": p, "distance": d})
        for s, b, v, p, d in zip(
            seller.tolist(), buyer.tolist(), value.tolist(), part.tolist(), distance.tolist(), strict=True
        )
    )
    return graph


@dataclass(frozen=True)
class ElementFlows(Frozen):
    """Tonnes of some elements from ore to final demand. What enters a place leaves it."""

    names: tuple[str, ...]  # of the elements
    ore: Array  # (e,i,i) mined in the first region, separated in the second
    direct: Array  # (e,i,m) separated in i, used by m
    embodied: Array  # (m,m) inside products, all elements together
    final: Array  # (m,n) inside what final buyers get

    @property
    def total(self) -> float:
        """Tonnes in all."""
        return float(self.direct.sum())


def element_flows(
    flows: Flows, labels: Labels, ore: Array | None = None, elements: Sequence[str] | None = None
) -> ElementFlows:
    """Tonnes of the elements (all of them by default) along every link.

    ore (e,i,i): share of each mine (first region) in what a separator makes of an element; without it, and for
    separators of unknown ore, everything is mined where it is separated. Raises ValueError on an unknown element.
    """
    names = tuple(elements) if elements is not None else labels.elements
    unknown = [name for name in names if name not in labels.elements]
    if unknown:
        raise ValueError(f"no element {', '.join(unknown)}")
    chosen = [labels.elements.index(name) for name in names]
    direct = flows.element_tonnes[chosen]
    made = direct.sum(axis=2)
    own = np.broadcast_to(np.eye(len(labels.regions)), (len(names), *made.shape[1:], made.shape[1]))
    share = own if ore is None else np.where(ore[chosen].sum(axis=1, keepdims=True) > 0, ore[chosen], own)
    per_unit = shares_of(flows.output, direct.sum(axis=(0, 1))) @ flows.leontief
    return ElementFlows(
        names,
        share * made[:, None, :],
        direct,
        per_unit[:, None] * flows.intermediate,
        per_unit[:, None] * flows.final,
    )


def rare_earth_graph(
    flows: Flows, found: ElementFlows, labels: Labels, stage_sector: Array, smallest: float = 1e-3
) -> Graph:
    """Mines, separators, elements by origin, region-sectors and final buyers, with tonnes along every link.

    stage_sector (s,): sector of each stage of the chain; the first mines, the second separates (`Benchmark`).

    Links below `smallest` of all tonnes, a sector's purchases from itself, and what then hangs in the air are left out.
    Node attributes: kind, region, sector or element, tonnes (through it), output (million USD), upstreamness (stages).
    Edge attributes: kind, tonnes, share (of the buyer's tonnes). The attribute `shown` of the graph is the share of
    final use that its links carry.
    """
    graph: Graph = nx.DiGraph(name="rare earths", elements=" ".join(found.names), tonnes=found.total)
    mining, separation = (labels.sectors[int(j)] for j in stage_sector[:2])
    least = smallest * found.total
    regions = labels.regions
    names = node_names(labels)
    made = found.ore.sum(axis=0)
    for o, i in zip(*np.nonzero(made > least), strict=True):
        _link(
            graph,
            f"{regions[o]}:{mining}",
            f"{regions[i]}:{separation}",
            made[o, i],
            made[:, i].sum(),
            "concentrate",
        )
    for e, element in enumerate(found.names):
        for i in np.flatnonzero(found.direct[e].sum(axis=1) > least):
            amount = found.direct[e, i].sum()
            _link(
                graph, f"{regions[i]}:{separation}", f"{regions[i]}:{element}", amount, amount, "separation"
            )
        into = found.direct[e].sum(axis=0)
        for i, m in zip(*np.nonzero(found.direct[e] > least), strict=True):
            _link(graph, f"{regions[i]}:{element}", names[m], found.direct[e, i, m], into[m], "first use")
    inside = found.embodied.copy()
    np.fill_diagonal(inside, 0.0)
    through = inside.sum(axis=0) + found.direct.sum(axis=(0, 1))
    for u, v in zip(*np.nonzero(inside > least), strict=True):
        _link(graph, names[u], names[v], inside[u, v], through[v], "in products")
    bought = found.final.sum(axis=0)
    for u, n in zip(*np.nonzero(found.final > least), strict=True):
        _link(graph, names[u], f"{FINAL_PREFIX}:{regions[n]}", found.final[u, n], bought[n], "final use")
    _trim(graph)
    _describe(graph, flows, labels, mining, separation)
    graph.graph["shown"] = _shown(graph) / found.total if found.total > 0 else 0.0
    return graph


def _link(graph: Graph, seller: str, buyer: str, tonnes: float, into: float, kind: str) -> None:
    """Add a link, or tonnes to one that is there (concentrate is also a product that contains elements)."""
    if seller == buyer:
        return
    before = float(graph.edges[seller, buyer]["tonnes"]) if graph.has_edge(seller, buyer) else 0.0
    amount = before + float(tonnes)
    if before:
        graph.edges[seller, buyer].update(tonnes=amount)
    else:
        graph.add_edge(seller, buyer, kind=kind, tonnes=amount, share=float(tonnes / into))


def _trim(graph: Graph) -> None:
    """Leave out what no ore reaches, or what reaches no final buyer, through the links that are left."""
    links = list(graph.edges(data=True))
    origins = [u for u, _, data in links if data["kind"] in ("concentrate", "separation")]
    ends = [v for _, v, data in links if data["kind"] == "final use"]
    ahead = set().union(*(nx.descendants(graph, u) | {u} for u in set(origins)), set())
    behind = set().union(*(nx.ancestors(graph, v) | {v} for v in set(ends)), set())
    graph.remove_nodes_from([node for node in graph if node not in ahead & behind])


def _describe(graph: Graph, flows: Flows, labels: Labels, mining: str, separation: str) -> None:
    """Attributes of the nodes."""
    position = {name: at for at, name in enumerate(node_names(labels))}
    up = upstreamness(flows)
    for node in graph:
        first, second = node.split(":", 1)
        tonnes = max(_tonnes(graph.in_edges(node, data=True)), _tonnes(graph.out_edges(node, data=True)))
        data = {"label": node, "region": first, "tonnes": tonnes}
        if first == FINAL_PREFIX:
            data |= {"kind": FINAL, "region": second, "label": f"{second}: final use"}
        elif second in labels.elements:
            data |= {"kind": ELEMENT, "element": second}
        else:
            kind = {mining: MINE, separation: SEPARATOR}.get(second, SECTOR)
            at = position[node]
            data |= {
                "kind": kind,
                "sector": second,
                "output": float(flows.output[at]),
                "upstreamness": float(up[at]),
            }
        graph.nodes[node].update(data)


def _tonnes(links: Iterable[tuple[str, str, dict[str, Any]]]) -> float:
    return sum(float(data["tonnes"]) for _, _, data in links)


def _shown(graph: Graph) -> float:
    return _tonnes(link for link in graph.edges(data=True) if link[2]["kind"] == "final use")


def communities(graph: Graph, weight: str = "value", seed: int = 0, covered: float = 0.95) -> list[set[str]]:
    """Groups of nodes that trade more with each other than by chance (Louvain), the largest first.

    The weight of two nodes is the sum of both directions. The largest links that together make `covered` of all weight
    decide; nodes with smaller ones only stand alone.
    """
    links = sorted(((float(data[weight]), u, v) for u, v, data in graph.edges(data=True)), reverse=True)
    enough = covered * sum(value for value, _, _ in links)
    mutual: nx.Graph[str] = nx.Graph()
    mutual.add_nodes_from(sorted(graph))
    running = 0.0
    for value, u, v in links:
        before = mutual.edges[u, v]["weight"] if mutual.has_edge(u, v) else 0.0
        mutual.add_edge(u, v, weight=before + value)
        running += value
        if running >= enough:
            break
    groups = nx.community.louvain_communities(mutual, weight="weight", seed=seed)
    return sorted((set(group) for group in groups), key=lambda group: (-len(group), min(group)))


def articulation_points(graph: Graph) -> set[str]:
    """Nodes whose removal breaks the network, directions ignored, into more pieces."""
    return set(nx.articulation_points(graph.to_undirected()))
