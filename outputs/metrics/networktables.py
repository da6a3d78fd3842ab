"""The tables of `run.py network`, units in the headers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from model.chokepoints import SINK
from outputs.metrics.network import Network


def all_tables(found: Network) -> dict[str, pd.DataFrame]:
    """Tables by file name; empty ones are left out."""
    made: dict[str, Callable[[Network], pd.DataFrame]] = {
        "positions": positions,
        "nodes": nodes,
        "links": links,
        "communities": communities,
        "chokepoints": chokepoints,
        "bottlenecks": bottlenecks,
        "passing": passing,
        "rerouting": rerouting,
        "rerouting_together": together,
        "removal": removal,
    }
    tables = {name: make(found) for name, make in made.items()}
    return {name: table for name, table in tables.items() if len(table)}


def positions(found: Network) -> pd.DataFrame:
    """One row a region-sector with output: where it stands in the world table."""
    p, labels, output = found.positions, found.base.labels, found.base.flows.output
    at = np.flatnonzero(output > 0)
    n, j = np.divmod(at, len(labels.sectors))
    columns = {
        "output [million USD]": output,
        "upstreamness [stages]": p.upstreamness,
        "downstreamness [stages]": p.downstreamness,
        "PageRank [share]": p.pagerank,
        "total requirements, Katz [USD per USD]": p.katz,
        "betweenness [share of pairs]": p.betweenness,
        "elements in transit [million USD]": p.transmission,
        "elements passing through [share]": p.passing,
        "output lost without it [million USD]": p.extraction.output,
        "value added lost without it [million USD]": p.extraction.value_added,
        "output lost upstream [million USD]": p.extraction.backward,
        "output lost downstream [million USD]": p.extraction.forward,
        "community": p.community,
    }
    names = {"region": np.array(labels.regions)[n], "sector": np.array(labels.sectors)[j]}
    table = pd.DataFrame({**names, **{name: values[at] for name, values in columns.items()}})
    return table.sort_values(
        "elements passing through [share]", ascending=False, kind="stable", ignore_index=True
    )


def nodes(found: Network) -> pd.DataFrame:
    """One row a node of the rare-earth graph, the largest first; `articulation`: without it the graph falls apart."""
    rows = [
        {
            "node": node,
            "kind": data["kind"],
            "tonnes [t]": data["tonnes"],
            "articulation": bool(data["articulation"]),
        }
        for node, data in found.graph.nodes(data=True)
    ]
    return pd.DataFrame(rows).sort_values("tonnes [t]", ascending=False, kind="stable", ignore_index=True)


def links(found: Network) -> pd.DataFrame:
    """One row a link of the rare-earth graph, the largest first."""
    rows = [
        {
            "from": u,
            "to": v,
            "kind": data["kind"],
            "tonnes [t]": data["tonnes"],
            "share of the buyer's [share]": data["share"],
        }
        for u, v, data in found.graph.edges(data=True)
    ]
    return pd.DataFrame(rows).sort_values("tonnes [t]", ascending=False, kind="stable", ignore_index=True)


def communities(found: Network) -> pd.DataFrame:
    """One row a node of a community of two and more."""
    rows = [
        {"community": number, "node": node, "nodes in it": len(group)}
        for number, group in enumerate(found.communities)
        if len(group) > 1
        for node in sorted(group)
    ]
    return pd.DataFrame(rows)


def chokepoints(found: Network) -> pd.DataFrame:
    """One row an element and target: what it needs, and how much could reach it without the restricting origins."""
    rows = []
    for point in found.chokepoints:
        row = {"element": point.element, "target": point.target, "need [t]": point.need}
        for (closing, stretch), cut in point.cuts.items():
            row[f"covered without exported {closing}, links {stretch:g} times as wide [share]"] = cut.covered
        row["on every path"] = " ".join(point.gatekeepers)
        row["fewest nodes that cut it off"] = " ".join(point.fewest)
        rows.append(row)
    return pd.DataFrame(rows)


def bottlenecks(found: Network) -> pd.DataFrame:
    """One row a link or plant of a minimum cut that does not meet the whole need."""
    rows = [
        {
            "element": point.element,
            "target": point.target,
            "closed": closing,
            "links, times as wide": stretch,
            "from": u,
            "to": "its own capacity" if u == v else v,
            "tonnes [t]": tonnes,
        }
        for point in found.chokepoints
        for (closing, stretch), cut in point.cuts.items()
        for u, v, tonnes in cut.edges
        if v != SINK
    ]
    return pd.DataFrame(rows)


def passing(found: Network) -> pd.DataFrame:
    """One row a target and a node that much of its element has passed through."""
    rows = [
        {"element": point.element, "target": point.target, "node": node, "passed through [share]": share}
        for point in found.chokepoints
        for node, share in point.through
    ]
    return pd.DataFrame(rows)


def rerouting(found: Network) -> pd.DataFrame:
    """One row an element and region outside: what of its use could be met without the restricting origins."""
    rows = []
    regions = found.base.labels.regions
    for element, by_stretch in found.rerouting.items():
        first = next(iter(by_stretch.values()))
        for n in np.flatnonzero(~found.base.restricting & (first.need > 0)):
            need = float(first.need[n])
            row = {
                "element": element,
                "region": regions[n],
                "use [t]": need,
                "comes from others already [share]": float(first.kept[n]) / need,
            }
            for stretch, one in by_stretch.items():
                row[f"alone, {_wide(stretch)} [share]"] = min(float(one.alone[n]) / need, 1.0)
            if element in found.latent:
                most = float(found.latent[element].alone[n])
                row["alone, with plant that could open [share]"] = min(most / need, 1.0)
            rows.append(row)
    return pd.DataFrame(rows)


def together(found: Network) -> pd.DataFrame:
    """One row an element: what of all use outside could be met at once without the restricting origins."""
    rows = []
    for element, by_stretch in found.rerouting.items():
        first = next(iter(by_stretch.values()))
        need = float(first.need[~first.restricting].sum())
        row: dict[str, object] = {"element": element, "use outside [t]": need}
        for stretch, one in by_stretch.items():
            row[f"{_wide(stretch)} [share]"] = one.together / need if need > 0 else 1.0
        if element in found.latent:
            row["with plant that could open [share]"] = (
                found.latent[element].together / need if need > 0 else 1.0
            )
        rows.append(row)
    return pd.DataFrame(rows)


def _wide(stretch: float) -> str:
    return "links without limit" if np.isinf(stretch) else f"links {stretch:g} times as wide"


def removal(found: Network) -> pd.DataFrame:
    """One row a node that sells nothing abroad: what hung on it in the table, and what the solved model loses."""
    rows = [
        {
            "node": one.node,
            "exports [million USD]": one.exports,
            "elements of others passing [share]": one.flow_share,
            "value added lost elsewhere, table [million USD]": one.table_loss,
            "real income lost elsewhere, solved [million USD]": one.solved_loss,
            "real income lost in the world, solved [million USD]": one.solved_world,
            "not solved": one.why,
        }
        for one in found.removals
    ]
    return pd.DataFrame(rows)
