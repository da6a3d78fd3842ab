"""Positions of region-sectors in the world table: section 9 of docs/model.md. Arrays in, arrays out.

networkx has the same measures for graphs of moderate size, and tests hold the two together. Here they are computed on
the full table, where a graph of every region-sector would have millions of edges.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from model.ces import shares_of
from model.exposure import Flows
from model.records import Array


def pagerank(flows: Flows, damping: float = 0.85, tolerance: float = 1e-12, limit: int = 1000) -> Array:
    """(m,) PageRank of suppliers: where a dollar of cost ends up that walks from buyers to their suppliers.

    A buyer hands its weight to its suppliers in proportion to what it buys from them; a node without inputs, and
    1 - damping of every weight, goes to all alike. Raises ValueError when `limit` rounds do not reach `tolerance`.
    """
    weight = flows.intermediate.T  # (buyer, supplier)
    total = weight.sum(axis=1)
    step = shares_of(total[:, None], weight)
    idle = total == 0
    nodes = len(total)
    rank = np.full(nodes, 1.0 / nodes)
    for _ in range(limit):
        new = damping * (rank @ step + rank[idle].sum() / nodes) + (1 - damping) / nodes
        if np.abs(new - rank).sum() < tolerance:
            return new
        rank = new
    raise ValueError(f"PageRank does not converge in {limit} rounds")


def katz(flows: Flows, attenuation: float = 1.0) -> Array:
    """(m,) Katz centrality along input coefficients: sum over walks to m, each link weighted by `attenuation`.

    At attenuation 1 it is the column sum of the Leontief inverse, total requirements; smaller values discount far
    suppliers.
    """
    if attenuation == 1.0:
        return flows.leontief.sum(axis=0)
    nodes = len(flows.output)
    return np.linalg.solve((np.eye(nodes) - attenuation * flows.coefficients).T, np.ones(nodes))


def strongest_paths(flows: Flows, smallest: float = 1e-4) -> csr_array:
    """Sparse (m,m) lengths -ln(input coefficient) of links above `smallest`: the shortest path has the largest product.

    Sales of a sector to itself are left out: no shortest path uses them.
    """
    share = flows.coefficients.copy()
    np.fill_diagonal(share, 0.0)
    seller, buyer = np.nonzero(share > smallest)
    # A coefficient of 1 or more has no positive length; the least one keeps it the strongest link there is.
    length = np.maximum(-np.log(share[seller, buyer]), 1e-12)
    return csr_array((length, (seller, buyer)), shape=share.shape)


def betweenness(lengths: csr_array, sources: Array | None = None) -> Array:
    """(m,) share of the ordered pairs of other nodes whose shortest path passes through m (Brandes 2001).

    lengths: sparse, positive. Among paths of equal length one counts; with real-valued lengths there are none. sources:
    positions to start from, all by default; with some, the sum over these is scaled to all.
    """
    nodes = lengths.shape[0]
    starts = np.arange(nodes) if sources is None else np.asarray(sources)
    if nodes < 3 or not len(starts):
        return np.zeros(nodes)
    distance, before = dijkstra(lengths, indices=starts, return_predecessors=True)
    through = _descendants(distance, before, starts)
    through[np.arange(len(starts)), starts] = 0.0  # a path's own ends are not between
    return through.sum(axis=0) * (nodes / len(starts)) / ((nodes - 1) * (nodes - 2))


def _descendants(distance: Array, before: Array, starts: Array) -> Array:
    """(s,m) number of nodes behind each node in the tree of shortest paths of every start."""
    rows = np.arange(len(starts))
    behind = np.zeros(distance.shape)
    reached = np.isfinite(distance)
    # From the farthest node to the nearest, one node of every tree at a time.
    order = np.argsort(np.where(reached, -distance, np.inf), axis=1, kind="stable")
    for position in range(distance.shape[1]):
        node = order[:, position]
        parent = before[rows, node]
        use = reached[rows, node] & (parent >= 0)
        behind[rows[use], parent[use]] += 1 + behind[rows[use], node[use]]
    return behind


def transmission(flows: Flows, direct: Array) -> Array:
    """(...,m) amount embodied in final demand that passes through m in the middle of its path, once for each passage.

    direct (...,m): amount per unit of output. Not counted: where it is first used, and where the final good is made.
    Source: Liang, Qu and Xu (2016), betweenness of transmission sectors.
    """
    arriving = direct @ flows.leontief - direct  # with inputs, per unit of output
    passing = flows.output - flows.final.sum(axis=1)  # output that serves other sectors
    return np.asarray(arriving * passing)
