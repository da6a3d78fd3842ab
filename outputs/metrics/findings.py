"""What metrics and network came to, in sentences."""

from __future__ import annotations

import numpy as np

from model.network import node_names
from outputs import names
from outputs.metrics.network import CLOSINGS, Network
from outputs.metrics.prediction import LOSSES, spearman
from outputs.metrics.results import Metrics
from outputs.metrics.text import node, who
from outputs.metrics.uncertainty import ranks
from outputs.names import number


def of_metrics(found: Metrics) -> dict[str, str]:
    """Findings of `run.py metrics` by topic."""
    said = {
        "intensity": _intensity(found),
        "final use": _final_use(found),
        "path": _path(found),
        "exposure": _exposure(found),
        "regions": _regions(found),
        "substitutability": _substitutability(found),
        "prediction": _prediction(found),
        "uncertainty": _uncertainty(found),
    }
    return {topic: text for topic, text in said.items() if text}


def _intensity(found: Metrics) -> str:
    base, i = found.base, found.intensity
    output = np.where(base.outside.reshape(-1), base.flows.output, 0.0)
    direct, total = ((kg.sum(axis=(0, 1)) @ output) / output.sum() for kg in (i.direct_kg, i.total_kg))
    return (
        f"A million USD of output outside {who(base)}, the rare-earth chain left out, uses "
        f"{number(float(direct), 2)} kg of rare earths directly and {number(float(total), 2)} kg with all inputs, "
        "in kg of product as it is traded."
    )


def _final_use(found: Metrics) -> str:
    base = found.base
    e = base.labels.elements.index("Dy") if "Dy" in base.labels.elements else len(base.labels.elements) - 1
    routes = found.routes[e, base.restricting].sum(axis=0)
    if routes.sum() <= 0:
        return ""
    first, final = routes.sum(axis=1) / routes.sum(), routes.sum(axis=0) / routes.sum()
    own = base.restricting
    abroad = [n for n in np.argsort(-final, kind="stable") if not own[n]][:3]
    others = names.listed([f"{names.named(base.labels.regions[n])} {100 * final[n]:.0f} %" for n in abroad])
    return (
        f"Of {names.possessive(who(base))} {names.element(base.labels.elements[e])}, {100 * first[own].sum():.0f} % is "
        f"first used at home and {100 * final[own].sum():.0f} % ends up with final buyers there; abroad {others}."
    )


def _path(found: Metrics) -> str:
    base = found.base
    element = "Dy" if "Dy" in base.labels.elements else base.labels.elements[-1]
    if not found.paths[element]:
        return ""
    e, places = base.labels.elements.index(element), node_names(base.labels)
    total = float(base.flows.element_tonnes[e].sum())
    first = found.paths[element][0]
    mine, separator = (base.labels.regions[i] for i in first.before)
    chain = " > ".join([f"{mine} mine", f"{separator} {element}", *(places[m] for m in first.nodes)])
    share = sum(path.amount for path in found.paths[element]) / total
    return (
        f"The largest path of {names.element(element)}, {100 * first.amount / total:.1f} % of it, is {chain} > final "
        f"buyers in {names.named(base.labels.regions[first.buyer])}; the {len(found.paths[element])} largest carry "
        f"{100 * share:.0f} %."
    )


def _exposure(found: Metrics) -> str:
    base, index = found.base, found.base.exposure.index
    cells = base.outside.reshape(-1)
    top = [m for m in np.argsort(-index, kind="stable") if cells[m]][:3]
    if not top or index[top[0]] <= 0:
        return f"No sector outside is exposed to {who(base)}."
    parts = [f"{node(base, m)} {number(float(index[m]), 2)}" for m in top]
    text = f"Most exposed to {who(base)}, USD at risk per million USD of output: {names.listed(parts)}"
    if found.draws is None:
        return text + "."
    low, _, high = found.draws.quantiles(ranks(found.draws.index[:, cells]))
    place = int(np.cumsum(cells)[top[0]] - 1)
    return f"{text}; the first has rank {low[place]:.0f} to {high[place]:.0f} in 90 % of draws of the soft numbers."


def _regions(found: Metrics) -> str:
    base, r = found.base, found.regions
    outside = np.flatnonzero(~base.restricting)

    def top(values: np.ndarray) -> str:
        order = outside[np.argsort(-values[outside], kind="stable")[:3]]
        return names.listed([names.named(base.labels.regions[n]) for n in order])

    return f"Regions most exposed as producers: {top(r.production)}; as final buyers: {top(r.consumption)}."


def _substitutability(found: Metrics) -> str:
    implied = found.implied
    if implied is None:
        return ""
    users = implied.score[0] > 0
    gap = np.abs(implied.demand["fixed"][0] - implied.substitution[0])[users].max()
    text = (
        f"Prices 1 % higher cut demand outside by {number(float(implied.total['fixed'][0]), 2)} % with fixed and "
        f"{number(float(implied.total['directed'][0]), 2)} % with directed technology; by sector, the solved "
        f"elasticity and the one that the scores imply differ by at most {number(float(gap), 2)}."
    )
    others = [
        f"{name} {spearman(implied.score[0][users], implied.score[s][users]):.2f}"
        for s, name in enumerate(implied.scores)
        if s and not np.allclose(implied.score[s], implied.score[0])
    ]
    return f"{text} Rank correlation of sector scores with {names.listed(others)}." if others else text


def _prediction(found: Metrics) -> str:
    if found.prediction is None or not found.prediction.correlations:
        return ""
    said = []
    for loss, measure in (
        ("cost", "exposure index"),
        ("output", "exposure index"),
        ("income", "index, production"),
    ):
        rows = [c for c in found.prediction.correlations if (c.loss, c.measure) == (loss, measure)]
        if rows:
            each = ", ".join(f"{c.scenario} {names.SHORT_REGIMES[c.regime]} {c.value:.2f}" for c in rows)
            said.append(f"{LOSSES[loss]} across {rows[0].across}: {each}")
    return f"Rank correlation of exposure with the {'; with the '.join(said)}."


def _uncertainty(found: Metrics) -> str:
    d = found.draws
    if d is None:
        return ""
    failed = f" {len(d.failed)} had no base year and were left out: {d.failed[0]}" if d.failed else ""
    return (
        f"{len(d.index)} draws of {d.parameters} soft numbers; the base year was built anew for each.{failed}"
    )


def of_network(found: Network) -> dict[str, str]:
    """Findings of `run.py network` by topic."""
    said = {
        "graph": _graph(found),
        "passing": _passing(found),
        "positions": _positions(found),
        "chokepoints": _chokepoints(found),
        "rerouting": _rerouting(found),
        "removal": _removal(found),
    }
    return {topic: text for topic, text in said.items() if text}


def _what(found: Network) -> str:
    return (
        names.listed(found.elements)
        if len(found.elements) < len(found.base.labels.elements)
        else "rare earths"
    )


def _graph(found: Network) -> str:
    g = found.graph
    return (
        f"The graph of {_what(found)} has {len(g)} nodes and {g.number_of_edges()} links, which carry "
        f"{100 * g.graph['shown']:.0f} % of {number(found.flows.total)} t to final buyers; "
        f"{sum(len(c) > 1 for c in found.communities)} communities of region-sectors."
    )


def _passing(found: Network) -> str:
    share = found.positions.passing
    top = np.argsort(-share, kind="stable")[:3]
    each = names.listed([f"{node(found.base, int(m))} {100 * share[m]:.0f} %" for m in top])
    return f"Of {_what(found)}, by value, most passes through {each}."


def _positions(found: Network) -> str:
    p, active = found.positions, found.base.flows.output > 0
    return (
        f"Rank correlation with total requirements (which Katz centrality is): PageRank "
        f"{spearman(p.katz[active], p.pagerank[active]):.2f}, betweenness "
        f"{spearman(p.katz[active], p.betweenness[active]):.2f}, upstreamness "
        f"{spearman(p.katz[active], p.upstreamness[active]):.2f}."
    )


def _chokepoints(found: Network) -> str:
    if not found.chokepoints:
        return ""
    low = [min(p.cuts[c, 1.0].covered for p in found.chokepoints) for c in CLOSINGS]
    return (
        f"Without exports of elements by {who(found.base)}, links as wide as they are still bring {100 * low[0]:.0f} % "
        f"and more of the {found.chokepoints[0].element} in the targets; without magnets too, {100 * low[1]:.0f} %."
    )


def _rerouting(found: Network) -> str:
    shares = {}
    for element, by_stretch in found.rerouting.items():
        one = by_stretch[np.inf]
        need = float(one.need[~one.restricting].sum())
        shares[element] = one.together / need if need > 0 else 1.0
    least, most = min(shares, key=lambda e: shares[e]), max(shares, key=lambda e: shares[e])
    low, high = (f"{100 * shares[element]:.0f} %" for element in (least, most))
    part = f"{low} of every element" if low == high else f"{low} ({least}) to {high} ({most}) of what is"
    return f"Mines and separators elsewhere cover {part} used outside {who(found.base)}."


def _removal(found: Network) -> str:
    solved = [one for one in found.removals if one.solved_loss is not None]
    if not solved:
        return ""
    worst = max(solved, key=lambda one: float(one.solved_loss or 0.0))
    table = max(solved, key=lambda one: one.table_loss)
    values = np.array([[float(one.solved_loss or 0.0), one.table_loss, one.flow_share] for one in solved])
    loss = float(worst.solved_loss or 0.0)
    text = (
        f"Without its exports, {worst.node} costs others most in the solved model ({number(loss, 2)} million USD), "
        f"{table.node} in the table ({number(table.table_loss, 2)} million USD)."
        if loss > 0
        else f"In the solved model others lose by the end of none of these exports: without those of {worst.node} they "
        f"gain {number(-loss, 2)} million USD. In the table {table.node} costs others most "
        f"({number(table.table_loss, 2)} million USD)."
    )
    text += " Neither is a forecast: so deep a cut was never seen."
    if len(solved) < 4:
        return text
    return (
        f"{text} Rank correlation of solved losses with the table's {spearman(values[:, 0], values[:, 1]):.2f}, with "
        f"the share of elements that passed {spearman(values[:, 0], values[:, 2]):.2f}."
    )
