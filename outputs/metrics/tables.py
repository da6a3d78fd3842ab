"""The tables of `run.py metrics`, units in the headers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from model.network import node_names
from model.records import Array
from outputs.metrics import prediction
from outputs.metrics.results import Metrics
from outputs.metrics.uncertainty import ranks

PER_OUTPUT, PER_FINAL = "per million USD of output", "per million USD of final demand"


def all_tables(found: Metrics) -> dict[str, pd.DataFrame]:
    """Tables by file name; those that were not asked for are left out."""
    made: dict[str, Callable[[Metrics], pd.DataFrame]] = {
        "exposure": exposure, "exposure_regions": exposure_regions, "intensity": intensities,
        "final_demand": final_demand, "embodied_trade": embodied_trade, "supply_paths": supply_paths,
        "elements": elements, "supply": supply, "substitutability": substitutability, "scores": scores,
        "losses": losses, "correlations": correlations,
    }  # fmt: skip
    tables = {name: make(found) for name, make in made.items()}
    return {name: table for name, table in tables.items() if len(table)}


def _cells(found: Metrics) -> tuple[Array, Array, Array]:
    """Positions of region-sectors with output, and their labels."""
    labels = found.base.labels
    at = np.flatnonzero(found.base.flows.output > 0)
    n, j = np.divmod(at, len(labels.sectors))
    return at, np.array(labels.regions)[n], np.array(labels.sectors)[j]


def exposure(found: Metrics) -> pd.DataFrame:
    """One row a region-sector, the most exposed first; ranked are those outside the restricting regions and chain."""
    at, region, sector = _cells(found)
    base, e = found.base, found.base.exposure
    ranked = base.outside.reshape(-1)
    table = pd.DataFrame(
        {
            "region": region,
            "sector": sector,
            f"index [USD {PER_OUTPUT}]": e.index[at],
            f"intensity [USD {PER_OUTPUT}]": e.intensity[at],
            "dependence [share]": e.dependence[at],
            "non-substitutability [0-1]": e.non_substitutability[at],
            "concentration HHI-WGI [0-1]": e.concentration[at],
            "at risk in output [million USD]": (e.index * base.flows.output / 1e6)[at],
            f"index, crossing the border [USD {PER_OUTPUT}]": base.crossing.index[at],
            "rank": _rank(e.index, ranked)[at],
        }
    )
    if found.draws is not None:
        low, median, high = found.draws.quantiles(found.draws.index)
        rank_low, _, rank_high = found.draws.quantiles(_rank(found.draws.index, ranked))
        table[f"index, 5 % [USD {PER_OUTPUT}]"] = low[at]
        table[f"index, median [USD {PER_OUTPUT}]"] = median[at]
        table[f"index, 95 % [USD {PER_OUTPUT}]"] = high[at]
        table["rank, 5 %"], table["rank, 95 %"] = rank_low[at], rank_high[at]
    return table.sort_values(table.columns[2], ascending=False, kind="stable", ignore_index=True)


def _rank(values: Array, among: Array) -> Array:
    """Ranks along the last axis among some cells; 0 for the others."""
    placed = np.zeros(values.shape)
    placed[..., among] = ranks(values[..., among])
    return placed


def exposure_regions(found: Metrics) -> pd.DataFrame:
    """One row a region: the country index and its parts."""
    r = found.regions
    table = pd.DataFrame(
        {
            "region": list(found.base.labels.regions),
            "restricting": found.base.restricting,
            "production index [USD per million USD of value added]": r.production,
            "intensity [USD per million USD of value added]": r.intensity,
            "dependence [share]": r.dependence,
            "non-substitutability [0-1]": r.non_substitutability,
            "concentration HHI-WGI [0-1]": r.concentration,
            "production index, crossing the border [USD per million USD of value added]": r.crossing,
            f"consumption index [USD {PER_FINAL}]": r.consumption,
            "rare earths bought [million USD]": r.bought,
            "at risk [million USD]": r.at_risk,
        }
    )
    if found.draws is not None:
        for name, values in (
            ("production", found.draws.production),
            ("consumption", found.draws.consumption),
        ):
            low, _, high = found.draws.quantiles(values)
            rank_low, _, rank_high = found.draws.quantiles(ranks(values))
            table[f"{name} index, 5 %"], table[f"{name} index, 95 %"] = low, high
            table[f"{name} rank, 5 %"], table[f"{name} rank, 95 %"] = rank_low, rank_high
    return table


def intensities(found: Metrics) -> pd.DataFrame:
    """One row a region, sector and element that is used, directly or in inputs."""
    at, region, sector = _cells(found)
    i, restricting = found.intensity, found.base.restricting
    total = i.total_usd.sum(axis=1)
    share = np.divide(
        i.total_usd[:, restricting].sum(axis=1), total, out=np.zeros_like(total), where=total > 0
    )
    columns = {
        f"direct [kg {PER_OUTPUT}]": i.direct_kg.sum(axis=1), f"total [kg {PER_OUTPUT}]": i.total_kg.sum(axis=1),
        f"direct [USD {PER_OUTPUT}]": i.direct_usd.sum(axis=1), f"total [USD {PER_OUTPUT}]": total,
        "from restricting origins [share]": share, "forward, Ghosh [share of world supply]": found.forward,
    }  # fmt: skip
    return _by_element(found, region, sector, {name: values[:, at] for name, values in columns.items()})


def final_demand(found: Metrics) -> pd.DataFrame:
    """One row a buying region, product and element embodied in it."""
    labels = found.base.labels
    n, j = np.divmod(np.arange(found.final_kg[0].size), len(labels.sectors))
    columns = {
        f"embodied [kg {PER_FINAL}]": found.final_kg.reshape(len(labels.elements), -1),
        f"embodied [USD {PER_FINAL}]": found.final_usd.reshape(len(labels.elements), -1),
    }
    return _by_element(found, np.array(labels.regions)[n], np.array(labels.sectors)[j], columns)


def _by_element(found: Metrics, region: Array, sector: Array, columns: dict[str, Array]) -> pd.DataFrame:
    """Rows (region, sector, element) from columns (e, cells), those with nothing left out."""
    first = next(iter(columns.values()))
    used = np.any([values > 0 for values in columns.values()], axis=0).T
    cell, e = np.nonzero(used)
    names = {
        "region": region[cell],
        "sector": sector[cell],
        "element": np.array(found.base.labels.elements)[e],
    }
    assert first.shape[1] == len(region)
    return pd.DataFrame({**names, **{name: values[e, cell] for name, values in columns.items()}})


def embodied_trade(found: Metrics) -> pd.DataFrame:
    """One row an element, origin and final buyer: who finally uses whose rare earths."""
    tonnes = found.routes.sum(axis=2)
    e, i, f = np.nonzero(tonnes > 0)
    labels = found.base.labels
    regions, of_origin = np.array(labels.regions), tonnes.sum(axis=2)
    used = np.einsum("eiff->eif", found.routes)
    return pd.DataFrame(
        {
            "element": np.array(labels.elements)[e],
            "origin": regions[i],
            "final buyer": regions[f],
            "embodied [t]": tonnes[e, i, f],
            "share of the origin's [share]": tonnes[e, i, f] / of_origin[e, i],
            "first used there [t]": used[e, i, f],
        }
    )


def supply_paths(found: Metrics) -> pd.DataFrame:
    """The largest supply paths of every element from mine to final buyer."""
    labels, names = found.base.labels, node_names(found.base.labels)
    rows = []
    for e, element in enumerate(labels.elements):
        all_tonnes = float(found.base.flows.element_tonnes[e].sum())
        running = 0.0
        for rank, path in enumerate(found.paths[element], 1):
            running += path.amount / all_tonnes
            mine, separator = path.before
            rows.append(
                {
                    "element": element, "rank": rank,
                    "mine": labels.regions[mine], "separator": labels.regions[separator],
                    "path": " > ".join(names[m] for m in path.nodes), "final buyer": labels.regions[path.buyer],
                    "tonnes [t]": path.amount, "share of world use [share]": path.amount / all_tonnes,
                    "cumulative [share]": running,
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def elements(found: Metrics) -> pd.DataFrame:
    """One row an element: score, concentration, and how demand answers its price alone."""
    base = found.base
    tonnes = base.flows.element_tonnes.sum(axis=(1, 2))
    value = base.flows.element_value.sum(axis=(1, 2))
    table = pd.DataFrame(
        {
            "element": list(base.labels.elements),
            "use [t]": tonnes,
            "use at the gate [million USD]": value,
            f"score, {base.score.name} [0-100]": base.score.element,
            "HHI of supply [0-1]": (base.supply**2).sum(axis=1),
            "HHI-WGI of supply [0-1]": base.concentration,
            "from restricting origins [share]": base.supply[:, base.restricting].sum(axis=1),
        }
    )
    if found.implied is not None:
        table["own-price elasticity of demand outside, solved"] = found.implied.element
    return table


def supply(found: Metrics) -> pd.DataFrame:
    """One row an element and origin: share of world supply, and how the origin is governed."""
    base = found.base
    e, i = np.nonzero(base.supply > 0)
    return pd.DataFrame(
        {
            "element": np.array(base.labels.elements)[e],
            "origin": np.array(base.labels.regions)[i],
            "share of world supply [share]": base.supply[e, i],
            "governance [-2.5 to 2.5]": base.governance.estimate[i],
            "economies behind the figure": [" ".join(base.governance.economies[origin]) for origin in i],
        }
    )


def substitutability(found: Metrics) -> pd.DataFrame:
    """One row a set of scores and sector: score, elasticity, and the elasticity of demand in the solved model."""
    implied, labels = found.implied, found.base.labels
    if implied is None:
        return pd.DataFrame()
    s, j = np.nonzero(implied.score > 0)
    return pd.DataFrame(
        {
            "scores": np.array(implied.scores)[s],
            "sector": np.array(labels.sectors)[j],
            "score [0-1]": implied.score[s, j],
            "elasticity of substitution": implied.substitution[s, j],
            "price elasticity of demand, solved, fixed technology": implied.demand["fixed"][s, j],
            "long-run elasticity of substitution (E18)": implied.long_run[s, j],
            "price elasticity of demand, solved, directed technology": implied.demand["directed"][s, j],
        }
    )


def scores(found: Metrics) -> pd.DataFrame:
    """One row a set of scores and element, with source and status."""
    rows = [
        {
            "scores": one.name, "element": element, "score [0-100]": float(value), "title": one.title,
            "source": one.source, "status": one.status,
        }
        for one in found.base.scores.values()
        for element, value in zip(found.base.labels.elements, one.element, strict=True)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def losses(found: Metrics) -> pd.DataFrame:
    """One row a solved scenario, regime, region and sector: what it lost, beside the index before it."""
    if found.prediction is None or not found.prediction.losses:
        return pd.DataFrame()
    at, region, sector = _cells(found)
    n = at // len(found.base.labels.sectors)
    tables = [
        pd.DataFrame(
            {
                "scenario": one.scenario,
                "regime": one.regime,
                "region": region,
                "sector": sector,
                f"index [USD {PER_OUTPUT}]": found.base.exposure.index[at],
                "rise of real unit cost [%]": one.cost.reshape(-1)[at],
                "fall of output volume [%]": one.output.reshape(-1)[at],
                "fall of the region's real income [%]": one.income[n],
                "the same [million USD]": one.income_usd[n],
            }
        )
        for one in found.prediction.losses
    ]
    return pd.concat(tables, ignore_index=True)


def correlations(found: Metrics) -> pd.DataFrame:
    """One row a scenario, regime, loss and measure: rank correlation with its bootstrap interval."""
    if found.prediction is None:
        return pd.DataFrame()
    rows = [
        {
            "scenario": c.scenario, "regime": c.regime, "across": c.across, "loss": prediction.LOSSES[c.loss],
            "measure": c.measure, "rank correlation": c.value, "5 %": c.low, "95 %": c.high,
            "correlation of levels": c.levels, "places": c.places,
        }
        for c in found.prediction.correlations
    ]  # fmt: skip
    return pd.DataFrame(rows)
