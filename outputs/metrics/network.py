"""The network of a calibration: positions, chokepoints, rerouting, removals. What `run.py network` finds out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from calibration.errors import InputError, unknown_name
from model.centrality import betweenness, katz, pagerank, strongest_paths, transmission
from model.ces import shares_of
from model.chokepoints import (
    Cut,
    Extraction,
    Rerouting,
    chokepoint,
    extraction_of_each,
    gatekeepers,
    passing_through,
    rerouting,
    smallest_cut,
)
from model.exposure import downstreamness, upstreamness
from model.network import (
    ELEMENT,
    MINE,
    ElementFlows,
    Graph,
    articulation_points,
    communities,
    element_flows,
    node_names,
    production_graph,
    rare_earth_graph,
)
from model.records import Array
from outputs.metrics.base import Base
from outputs.metrics.removal import Removal, default_nodes, removals
from scenarios.spoken import unknown_label

CLOSINGS = ("elements", "elements and magnets")  # what the restricting origins keep
STRETCHES = (1.0, 2.0, 5.0)  # how many times its base tonnes a link can carry
REROUTED = (2.0, np.inf)  # the same in rerouting, where 1 leaves what comes from others already
SMALLEST = 1e-3
TARGETS = 3
REMOVED = 10


@dataclass(frozen=True)
class Positions:
    """Every region-sector (m,): where it stands."""

    upstreamness: Array  # stages to final demand
    downstreamness: Array  # stages behind it
    pagerank: Array
    katz: Array  # total requirements: output everywhere for a unit of final demand
    betweenness: Array  # share of pairs whose strongest supply path passes through
    transmission: Array  # million USD of elements that pass through in the middle of their paths
    passing: Array  # share of the elements, by value, that passes through, ends included
    extraction: Extraction
    community: Array  # number of its community, 0 the largest


@dataclass(frozen=True)
class Chokepoint:
    """What stands between ore of one element and a target."""

    element: str
    target: str
    need: float  # tonnes
    cuts: Mapping[
        tuple[str, float], Cut
    ]  # what the restricting origins close, stretch of links -> minimum cut
    gatekeepers: tuple[str, ...]
    fewest: tuple[str, ...]  # the fewest nodes that cut it off
    through: tuple[
        tuple[str, float], ...
    ]  # nodes through which most of what reaches it has passed, with shares


@dataclass(frozen=True)
class Network:
    """What `run.py network` finds out."""

    base: Base
    elements: tuple[str, ...]
    flows: ElementFlows
    graph: Graph  # of the elements, mines to final buyers
    production: Graph
    positions: Positions
    communities: tuple[frozenset[str], ...]
    chokepoints: tuple[Chokepoint, ...]
    rerouting: Mapping[str, Mapping[float, Rerouting]]  # element -> stretch -> result
    latent: Mapping[str, Rerouting]  # element -> with plants that could open, links without limit
    removals: tuple[Removal, ...]

    @property
    def problems(self) -> tuple[str, ...]:
        """Removals that were not solved."""
        return tuple(f"{one.node} without exports: {one.why}" for one in self.removals if one.why)


def measure(
    base: Base,
    *,
    elements: Sequence[str] = (),
    targets: Sequence[str] = (),
    removed: Sequence[str] = (),
    smallest: float = SMALLEST,
    solved: bool = True,
    advance: Callable[[], object] | None = None,
) -> Network:
    """Compute everything. Raises InputError on unknown names, or targets that the elements do not reach."""
    labels, names = base.labels, node_names(base.labels)
    problems = [unknown_label("element", e, labels.elements) for e in elements if e not in labels.elements]
    problems += [unknown_name("node", node, names) for node in (*targets, *removed) if node not in names]
    if problems:
        raise InputError(problems)
    chosen = tuple(elements) or labels.elements
    flows = element_flows(base.flows, labels, base.ore, chosen)
    graph = rare_earth_graph(base.flows, flows, labels, base.calibration.benchmark.stage_sector, smallest)
    production = production_graph(base.flows, labels, smallest)
    groups = tuple(frozenset(group) for group in communities(production))
    placed = positions(base, flows, groups)
    _annotate(graph, production, placed, names)
    _report(advance)
    closely = elements or (headline(base),)
    points = tuple(point for e in closely for point in chokepoints(base, e, targets, smallest / 10))
    _report(advance)
    plants = latent_plants(base)
    rerouted = {e: {s: _reroute(base, e, s) for s in REROUTED} for e in labels.elements}
    latent = {e: _reroute(base, e, np.inf, plants) for e in labels.elements} if (plants > 1).any() else {}
    _report(advance)
    nodes = removed or default_nodes(base, REMOVED)
    found = tuple(removals(base, nodes, advance)) if solved else ()
    return Network(
        base, chosen, flows, graph, production, placed, groups, points, rerouted, latent, found,
    )  # fmt: skip


def steps(removed: Sequence[str], solved: bool) -> int:
    """How often `measure` reports an advance."""
    return 3 + (len(removed) or REMOVED) * solved


def _report(advance: Callable[[], object] | None) -> None:
    if advance:
        advance()


def _annotate(graph: Graph, production: Graph, placed: Positions, names: Sequence[str]) -> None:
    """Positions as attributes of the nodes, for programs that read the graphs."""
    apart = articulation_points(graph)
    for node in graph:
        graph.nodes[node]["articulation"] = int(node in apart)
    numbers = {"pagerank": placed.pagerank, "betweenness": placed.betweenness, "passing": placed.passing}
    for m, name in enumerate(names):
        production.nodes[name].update({key: float(values[m]) for key, values in numbers.items()})
        production.nodes[name]["community"] = int(placed.community[m])


def positions(base: Base, found: ElementFlows, groups: Sequence[frozenset[str]]) -> Positions:
    """Where every region-sector stands; elements by value are those of `found`."""
    flows = base.flows
    chosen = [base.labels.elements.index(name) for name in found.names]
    direct = shares_of(flows.output, flows.element_value[chosen].sum(axis=(0, 1)))
    number = {node: at for at, group in enumerate(groups) for node in group}
    return Positions(
        upstreamness=upstreamness(flows),
        downstreamness=downstreamness(flows),
        pagerank=pagerank(flows),
        katz=katz(flows),
        betweenness=betweenness(strongest_paths(flows)),
        transmission=transmission(flows, direct),
        passing=passing_through(flows, direct, flows.final.sum(axis=1)),
        extraction=extraction_of_each(flows),
        community=np.array([number[name] for name in node_names(base.labels)]),
    )


def default_targets(base: Base, found: ElementFlows, graph: Graph) -> list[str]:
    """Makers of final goods outside the restricting regions and the chain that hold most of the elements, in tonnes."""
    held = found.final.sum(axis=1) * base.outside.reshape(-1)
    names = node_names(base.labels)
    order = [names[m] for m in np.argsort(-held, kind="stable") if held[m] > 0]
    return [name for name in order if name in graph][:TARGETS]


def headline(base: Base) -> str:
    """The element that is looked at more closely when none is named: dysprosium, or the last one."""
    return "Dy" if "Dy" in base.labels.elements else base.labels.elements[-1]


def chokepoints(base: Base, element: str, targets: Sequence[str], smallest: float) -> list[Chokepoint]:
    """Cuts between ore of an element and each target. Raises InputError when too little of it reaches a target."""
    found = element_flows(base.flows, base.labels, base.ore, [element])
    stages = base.calibration.benchmark.stage_sector
    graph = rare_earth_graph(base.flows, found, base.labels, stages, smallest)
    wanted = targets or default_targets(base, found, graph)
    lacking = [target for target in wanted if target not in graph]
    if lacking:
        names = ", ".join(lacking)
        raise InputError(f"too little {element} reaches {names} to show; a smaller --smallest shows more")
    return [_chokepoint(base, found, graph, target) for target in wanted]


def _chokepoint(base: Base, found: ElementFlows, graph: Graph, target: str) -> Chokepoint:
    cuts = {
        (closing, s): chokepoint(graph, [target], stretch=s, closed=closed_links(base, graph, closing))
        for closing in CLOSINGS
        for s in STRETCHES
    }
    names, flows = node_names(base.labels), base.flows
    m = names.index(target)
    chosen = [base.labels.elements.index(name) for name in found.names]
    direct = shares_of(flows.output, flows.element_tonnes[chosen].sum(axis=(0, 1)))
    share = passing_through(flows, direct, np.where(np.arange(len(names)) == m, 1.0, 0.0))
    share[m] = 0.0
    largest = np.argsort(-share, kind="stable")[:5]
    return Chokepoint(
        element=found.names[0],
        target=target,
        need=next(iter(cuts.values())).need,
        cuts=cuts,
        gatekeepers=tuple(gatekeepers(graph, target)),
        fewest=tuple(sorted(smallest_cut(graph, target))),
        through=tuple((names[v], float(share[v])) for v in largest if share[v] > 0),
    )


def closed_links(base: Base, graph: Graph, closing: str = CLOSINGS[0]) -> list[tuple[str, str]]:
    """Links by which elements and concentrate, or these and magnets, leave the restricting regions."""
    inside, b = set(base.restricting_names), base.calibration.benchmark
    chain = {base.labels.sectors[int(j)] for j in b.stage_sector} if closing == CLOSINGS[1] else set()

    def leaves(u: str, v: str) -> bool:
        seller = graph.nodes[u]
        closed = seller["kind"] in (MINE, ELEMENT) or seller.get("sector") in chain
        return closed and seller["region"] in inside and graph.nodes[v]["region"] not in inside

    return [(u, v) for u, v in graph.edges if leaves(u, v)]


def _reroute(base: Base, element: str, stretch: float, spare: Array | float = 1.0) -> Rerouting:
    e, n = base.labels.elements.index(element), len(base.labels.regions)
    shipments = base.flows.element_tonnes[e].reshape(n, n, -1).sum(axis=2)
    ore = base.ore[e] * shipments.sum(axis=1)
    return rerouting(shipments, ore, base.restricting, stretch=stretch, spare=spare)


def latent_plants(base: Base) -> Array:
    """(2,i) times its base output that a region's mines and separators could make with plant that could open."""
    plants = np.ones((2, len(base.labels.regions)))
    rows = {stage: row for row, stage in enumerate(base.labels.stages[:2])}
    for (region, stage), capacity in base.calibration.latent_capacity.items():
        if stage in rows:
            plants[rows[stage], base.labels.regions.index(region)] = max(float(capacity), 1.0)
    return plants
