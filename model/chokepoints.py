"""What hangs on one node or link: removal, hypothetical extraction, cuts, rerouting. Section 9 of docs/model.md.

These are views of quantities: no price moves and nothing is substituted. The solved model says what is left of them
once it does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property

import networkx as nx
import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

from model.ces import shares_of
from model.exposure import Flows
from model.network import ELEMENT, MINE, SEPARATOR, Graph
from model.records import Array, Frozen

SOURCE, SINK = "all ore", "all targets"


def passing_through(flows: Flows, direct: Array, wanted: Array) -> Array:
    """(m,) share of what is embodied in final demand `wanted` (m,) that passes through each node, its ends included.

    direct (m,): amount per unit of output. It is what the buyers of `wanted` lose when the node is removed and nothing
    replaces it: the amount through m is (d L)_m (L y)_m / L_mm.
    """
    inverse = flows.leontief
    arriving, leaving = direct @ inverse, inverse @ wanted
    total = float(direct @ leaving)
    return shares_of(np.asarray(total), arriving * leaving / np.diagonal(inverse))


@dataclass(frozen=True)
class Extraction(Frozen):
    """Hypothetical extraction of every node by itself, million USD: the node sells and buys nothing."""

    output: Array  # (m,) world output lost, its own included
    value_added: Array  # (m,) world value added lost
    backward: Array  # (m,) output lost upstream when it buys no intermediates, but sells as before
    forward: Array  # (m,) output lost when it sells no intermediates, but still serves final demand


def extraction_of_each(flows: Flows) -> Extraction:
    """Extraction of every node, from one Leontief inverse: without m, output falls by L_.m x_m / L_mm.

    Source: Dietzenbacher and Lahr (2013), with complete (rows and columns) and partial extraction.
    """
    inverse, output, final = flows.leontief, flows.output, flows.final.sum(axis=1)
    own = np.diagonal(inverse)
    per_unit, added = inverse.sum(axis=0), flows.value_added @ inverse
    # Without column m, A' = A - a_m e_m': x' = x - L a_m x_m / (1 + e_m' L a_m), and L a_m = L_.m - e_m.
    backward = (per_unit - 1) * output / own
    # Without row m, A' = A - e_m a_m': x' = x - L_.m (a_m' x) / (1 + a_m' L_.m), and a_m' L_.m = L_mm - 1.
    forward = per_unit * (output - final) / own
    return Extraction(per_unit * output / own, added * output / own, backward, forward)


def extraction(flows: Flows, removed: Array) -> Array:
    """(m,) output lost when the removed nodes (m,) bool sell and buy nothing (hypothetical extraction), million USD.

    Quantities only: no price moves and nothing is replaced, an upper bound that the solved model is compared with.
    """
    gone = np.flatnonzero(np.asarray(removed, dtype=bool))
    inverse = flows.leontief
    # Outputs of the removed nodes are to be 0: final demand for them falls until they are.
    less = np.linalg.solve(inverse[np.ix_(gone, gone)], flows.output[gone])
    return np.asarray(inverse[:, gone] @ less)


def without_exports(flows: Flows, node: int) -> Array:
    """(m,) output lost when a node sells nothing abroad, neither inputs nor final goods, million USD."""
    regions = flows.final.shape[1]
    home = node // (len(flows.output) // regions)
    abroad = np.repeat(np.arange(regions) != home, len(flows.output) // regions)
    row = np.where(abroad, flows.coefficients[node], 0.0)
    sold = float(np.delete(flows.final[node], home).sum())
    column = flows.leontief[:, node]
    return np.asarray(column * (row @ flows.output + sold) / (1 + row @ column))


@dataclass(frozen=True)
class Cut:
    """The narrowest place between ore and a target."""

    targets: tuple[str, ...]
    need: float  # tonnes that reach the targets in the base year
    flow: float  # tonnes that could reach them at most
    edges: tuple[tuple[str, str, float], ...]  # seller, buyer, capacity in tonnes; a plant is named as both

    @property
    def covered(self) -> float:
        """Share of the need that could be met, at most 1."""
        return min(self.flow / self.need, 1.0) if self.need > 0 else 1.0


def chokepoint(
    graph: Graph,
    targets: Collection[str],
    *,
    stretch: float = 1.0,
    spare: float = 1.0,
    closed: Iterable[tuple[str, str]] = (),
) -> Cut:
    """Minimum cut from all ore to the target nodes of a `rare_earth_graph`, everybody else giving way.

    Mines and separators make at most `spare` times their base tonnes, links carry `stretch` times theirs, `closed` ones
    nothing. Raises ValueError naming targets that are not in the graph.
    """
    missing = [t for t in targets if t not in graph]
    if missing:
        raise ValueError(f"not in the graph: {', '.join(missing)}")
    # Every node is cut in two, entrance and exit, with its own capacity between them.
    place = {node: at for at, node in enumerate(graph)}
    entrance, leave, sink = 1, 1 + len(place), 1 + 2 * len(place)
    shut = set(closed)
    links: list[tuple[int, int, float]] = []
    for u, v, link in graph.edges(data=True):
        if (u, v) not in shut:
            links.append((leave + place[u], entrance + place[v], stretch * float(link["tonnes"])))
    for node, data in graph.nodes(data=True):
        plant = data["kind"] in (MINE, SEPARATOR, ELEMENT)
        at = place[node]
        links.append((entrance + at, leave + at, spare * float(data["tonnes"]) if plant else np.inf))
        if data["kind"] == MINE or (data["kind"] == SEPARATOR and not graph.in_degree(node)):
            links.append((0, entrance + at, np.inf))
    need = 0.0
    for node in targets:
        coming = sum(float(link["tonnes"]) for _, _, link in graph.in_edges(node, data=True))
        need += coming
        links.append((entrance + place[node], sink, coming))
    names = [SOURCE, *graph, *graph, SINK]
    seller, buyer, capacity = (np.array(values) for values in zip(*links, strict=True))
    cut = _minimum_cut(seller, buyer, capacity, sink, max(need, 1e-300))
    edges = tuple((names[seller[at]], names[buyer[at]], float(capacity[at])) for at in np.flatnonzero(cut))
    return Cut(tuple(targets), need, float(capacity[cut].sum()), edges)


def _minimum_cut(seller: Array, buyer: Array, capacity: Array, sink: int, need: float) -> Array:
    """(l,) bool: the links of a minimum cut between node 0 and the sink; what can flow is their capacity.

    Among cuts that differ by less than rounding, 2^-29 of `need` for each link, any may be found.
    """
    # The algorithm counts in 32-bit whole numbers. No capacity above the need can matter.
    whole = np.floor(np.minimum(capacity, 2 * need) / (need / 2**28) + 0.5).astype(np.int32)
    network = csr_array((whole, (seller, buyer)), shape=(sink + 1, sink + 1))
    left = csr_array(network - maximum_flow(network, 0, sink).flow)
    left.data = np.maximum(left.data, 0)
    left.eliminate_zeros()
    reached = np.zeros(sink + 1, dtype=bool)
    reached[breadth_first_order(left, 0, return_predecessors=False)] = True
    return np.asarray(reached[seller] & ~reached[buyer] & (capacity > 0))


def gatekeepers(graph: Graph, target: str) -> list[str]:
    """Nodes that every path from ore to the target passes through, in order: single chokepoints (dominators).

    Raises ValueError when the target is not in the graph or no ore reaches it.
    """
    rooted = _rooted(graph, target)
    above = nx.immediate_dominators(rooted, SOURCE)
    found = []
    node = above[target]
    while node != SOURCE:
        found.append(node)
        node = above[node]
    return found[::-1]


def smallest_cut(graph: Graph, target: str) -> set[str]:
    """The fewest nodes whose loss cuts the target off from all ore (Menger); empty when ore reaches it directly.

    Raises ValueError when the target is not in the graph or no ore reaches it.
    """
    rooted = _rooted(graph, target)
    if rooted.has_edge(SOURCE, target):
        return set()
    return set(nx.minimum_node_cut(rooted, SOURCE, target))


def _rooted(graph: Graph, target: str) -> Graph:
    if target not in graph:
        raise ValueError(f"not in the graph: {target}")
    rooted: Graph = nx.DiGraph(graph.edges)
    for node, data in graph.nodes(data=True):
        if data["kind"] == MINE or (data["kind"] == SEPARATOR and not graph.in_degree(node)):
            rooted.add_edge(SOURCE, node)
    if target not in rooted or SOURCE not in rooted or not nx.has_path(rooted, SOURCE, target):
        raise ValueError(f"no ore reaches {target}")
    return rooted


@dataclass(frozen=True)
class Rerouting(Frozen):
    """How much of an element's use could be met when some origins stop exporting it."""

    need: Array  # (n,) tonnes used in the base year
    kept: Array  # (n,) tonnes that still come as before
    alone: Array  # (n,) tonnes at most, all other buyers outside the restricting origins giving way
    together: float  # tonnes at most for all buyers outside the restricting origins
    restricting: Array  # (i,) bool


def rerouting(
    shipments: Array, ore: Array, restricting: Array, *, stretch: float = np.inf, spare: Array | float = 1.0
) -> Rerouting:
    """Maximum flow of one element from mines over separators to buyers without the exports of some origins.

    shipments (i,n) tonnes; ore (i,i) tonnes of it mined in the first region and separated in the second;
    restricting (i,) bool; links carry `stretch` times their base tonnes; plants make `spare` times theirs, a number
    or (2,i): mines, separators. The restricting origins export neither concentrate nor the element.
    """
    shut = np.asarray(restricting, dtype=bool)
    regions = len(shut)
    away = ~np.eye(regions, dtype=bool)
    lost = shut[:, None] & away
    left, ore_left = np.where(lost, 0.0, shipments), np.where(lost, 0.0, ore)
    need, kept = shipments.sum(axis=0), left.sum(axis=0)
    mines, separators = np.broadcast_to(np.asarray(spare, dtype=float), (2, regions))
    network = _Plants(ore_left, left, ore.sum(axis=1) * mines, shipments.sum(axis=1) * separators, stretch)
    alone = np.zeros(regions)
    for n in np.flatnonzero((kept > 0) & ~shut):
        alone[n] = network.flow(np.where(np.arange(regions) == n, need, 0.0))
    return Rerouting(need, kept, np.where(shut, need, alone), network.flow(np.where(shut, 0.0, need)), shut)


@dataclass(frozen=True)
class _Plants:
    """Source, mines, separators (in and out), buyers, sink; capacities in tonnes."""

    ore: Array  # (i,i) links that are open
    links: Array  # (i,n)
    mines: Array  # (i,)
    separators: Array  # (i,)
    stretch: float

    def flow(self, need: Array) -> float:
        """Tonnes that can reach buyers with these needs."""
        n, largest = len(need), float(need.sum())
        if largest <= 0:
            return 0.0
        seller, buyer, capacity = self._links
        seller = np.concatenate([seller, 1 + 3 * n + np.arange(n)])
        buyer = np.concatenate([buyer, np.full(n, 4 * n + 1)])
        capacity = np.concatenate([capacity, need])
        return float(capacity[_minimum_cut(seller, buyer, capacity, 4 * n + 1, largest)].sum())

    @cached_property
    def _links(self) -> tuple[Array, Array, Array]:
        """Ends and capacity of every link but those to the sink: mines at 1, separators in and out, buyers."""
        n = len(self.mines)
        place = np.arange(n)
        i, o = np.nonzero(self.ore)
        s, b = np.nonzero(self.links)
        seller = np.concatenate([np.zeros(n, dtype=int), 1 + i, 1 + n + place, 1 + 2 * n + s])
        buyer = np.concatenate([1 + place, 1 + n + o, 1 + 2 * n + place, 1 + 3 * n + b])
        capacity = [
            self.mines,
            self._stretched(self.ore[i, o]),
            self.separators,
            self._stretched(self.links[s, b]),
        ]
        return seller, buyer, np.concatenate(capacity)

    def _stretched(self, tonnes: Array) -> Array:
        if np.isinf(self.stretch):
            return np.where(tonnes > 0, np.inf, 0.0)
        return tonnes * self.stretch
