"""A node that sells nothing abroad any more: what hangs on it in the table, and what the solved model loses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from calibration.errors import InputError, unknown_name
from model.ces import shares_of
from model.chokepoints import passing_through, without_exports
from model.exposure import Flows
from model.network import node_names
from model.records import Array, Shock
from model.solve import solve
from model.welfare import equivalent_variation
from outputs.metrics.base import Base
from outputs.metrics.elasticity import FIXED


@dataclass(frozen=True)
class Removal:
    """One node without exports. Losses are those of all other regions, positive when they lose."""

    node: str
    kind: str
    exports: float  # million USD
    flow_share: float  # of all elements' value in what others finally use, that passed through the exports
    table_loss: float  # million USD of value added elsewhere that goes with them when nothing is replaced
    solved_loss: float | None  # million USD of real income of the others; None when it was not solved
    solved_world: float | None  # million USD of real income of the world
    why: str = ""  # it was not solved


def default_nodes(base: Base, count: int = 10) -> list[str]:
    """The stages of the chain that export, and the sectors through which most rare earths pass, alternating by size."""
    b, names = base.calibration.benchmark, node_names(base.labels)
    exports = exports_of(base)
    chain = np.isin(np.tile(np.arange(b.output.shape[1]), b.output.shape[0]), b.stage_sector)
    direct = shares_of(base.flows.output, base.flows.element_value.sum(axis=(0, 1)))
    through = passing_through(base.flows, direct, base.flows.final.sum(axis=1))
    largest_chain = np.argsort(-np.where(chain, exports, 0.0), kind="stable")[: count // 2]
    others = np.argsort(-np.where(chain | (exports <= 0), 0.0, through), kind="stable")[: count - count // 2]
    return [names[m] for m in (*largest_chain, *others) if exports[m] > 0]


def exports_of(base: Base) -> Array:
    """(m,) exports of every region-sector, million USD at the gate."""
    flows, n = base.flows, len(base.labels.regions)
    sectors = len(flows.output) // n
    sold = flows.intermediate.reshape(n, sectors, n, sectors).sum(axis=3) + flows.final.reshape(n, sectors, n)
    home = np.einsum("njn->nj", sold)
    return np.asarray((sold.sum(axis=2) - home).reshape(-1))


def removals(base: Base, nodes: Sequence[str], advance: Callable[[], object] | None = None) -> list[Removal]:
    """Close the exports of every node in turn. Raises InputError on unknown nodes."""
    names = node_names(base.labels)
    unknown = [unknown_name("node", node, names) for node in nodes if node not in names]
    if unknown:
        raise InputError(unknown)
    found = []
    for node in nodes:
        found.append(_remove(base, names.index(node), node))
        if advance:
            advance()
    return found


def _remove(base: Base, m: int, node: str) -> Removal:
    b = base.calibration.benchmark
    region, sector = divmod(m, b.output.shape[1])
    kind = base.labels.sectors[sector]
    goods = b.make[region, sector] > 0
    closed = np.zeros(b.export_tax.shape, dtype=bool)
    closed[region] = goods
    closed[region, region] = False
    loss = without_exports(base.flows, m) * base.flows.value_added
    elsewhere = np.arange(len(loss)) // b.output.shape[1] != region
    solution = solve(b, Shock(embargo=closed), FIXED, throw=False)
    income = -equivalent_variation(solution) if solution.converged else None
    others = np.arange(len(b.output)) != region
    return Removal(
        node, kind, float(exports_of(base)[m]), flow_share(base, region, sector), float(loss[elsewhere].sum()),
        None if income is None else float(income[others].sum()), None if income is None else float(income.sum()),
        "" if solution.converged else solution.diagnosis.text(base.labels),
    )  # fmt: skip


def flow_share(base: Base, region: int, sector: int) -> float:
    """Share of the elements in what other regions finally use that has passed through the exports of a node, by value.

    Of a separator the elements it sells abroad count, of a mine those separated abroad from its ore.
    """
    flows, b = base.flows, base.calibration.benchmark
    elsewhere = np.arange(len(b.output)) != region
    wanted = flows.final[:, elsewhere].sum(axis=1)
    need = flows.leontief @ wanted
    used = shares_of(flows.output, flows.element_value) * need  # (e,i,m) in what others finally use
    abroad = np.repeat(elsewhere, b.output.shape[1])
    mining, separation = b.stage_sector[:2]
    if sector == separation:
        passing = float(used[:, region, abroad].sum())
    elif sector == mining:
        passing = float(np.einsum("ei,eim->", base.ore[:, region, elsewhere], used[:, elsewhere]))
    else:
        direct = shares_of(flows.output, flows.element_value.sum(axis=(0, 1)))
        passing = float(
            direct @ _output_behind(flows, region * b.output.shape[1] + sector, abroad, need, elsewhere)
        )
    return passing / float(used.sum())


def _output_behind(flows: Flows, m: int, abroad: Array, need: Array, elsewhere: Array) -> Array:
    """(m,) output that serves other regions' final demand only through the exports of m (a change of one row of A)."""
    row, column = np.where(abroad, flows.coefficients[m], 0.0), flows.leontief[:, m]
    sold = float(flows.final[m, elsewhere].sum())
    return np.asarray(column * (row @ need + sold) / (1 + row @ column))
