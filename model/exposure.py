"""Intensity, substitutability and exposure: section 9 of docs/model.md, computed from the base year.

Nodes are region-sector pairs (n,j) in the order of `Benchmark.output`, flattened where a matrix is needed and then
written m. Everything that looks up or down the chain goes through one Leontief inverse, kept on `Flows`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from scipy.linalg import LinAlgError, inv

from model.base_year import TONNES, licence_rate
from model.ces import shares_of
from model.records import Array, Benchmark, Frozen

KG_PER_TONNE = 1e3
USD_PER_MILLION = 1e6
WORST_SCORE = 100.0  # of substitutability: no substitute at all
GOVERNANCE_RANGE = (-2.5, 2.5)  # of the World Bank's governance estimates, poor to good


@dataclass(frozen=True)
class Flows(Frozen):
    """The base year as one world input-output table at gate prices, million USD."""

    intermediate: Array  # (m,m) row: origin-sector, column: using sector
    final: Array  # (m,n) final demand by region of the buyer
    output: Array  # (m,)
    element_value: Array  # (e,i,m) use of each element by origin, gate prices, million USD
    element_tonnes: Array  # (e,i,m)

    @cached_property
    def coefficients(self) -> Array:
        """A: (m,m) inputs per unit of output."""
        return shares_of(self.output[None, :], self.intermediate)

    @cached_property
    def leontief(self) -> Array:
        """L = (I - A)^-1: (m,m) output of the row that a unit of final demand for the column needs.

        Raises ValueError when there is none.
        """
        try:
            return np.asarray(
                inv(np.eye(len(self.output)) - self.coefficients, overwrite_a=True, check_finite=False)
            )
        except LinAlgError:
            message = "no Leontief inverse: some sectors use up all they make among themselves"
            raise ValueError(message) from None

    @property
    def value_added(self) -> Array:
        """(m,) share of output that is not intermediate inputs at gate prices: factors, research, taxes on the way."""
        return np.where(self.output > 0, 1 - shares_of(self.output, self.intermediate.sum(axis=0)), 0.0)


def world_table(b: Benchmark) -> Flows:
    """The world table behind a base year: sales of every sector to every sector and to final demand."""
    regions, sectors = b.output.shape
    keep = 1 / ((1 + b.export_tax) * (1 + licence_rate(b)) * (1 + b.tariff))
    supply = np.einsum("njk,nj->nk", b.make, b.output)
    maker = shares_of(supply[:, None, :], b.make * b.output[:, :, None])  # (i,h,k) who makes what is sold
    table = np.empty((regions, sectors, regions, sectors))
    elements = np.empty((len(b.elements), regions, regions, sectors))
    gates = [share * keep for share in b.trade_share]  # (i,n,k) of a dollar spent, what reaches the gate
    for c in np.unique(b.use_class):
        of_class = np.flatnonzero(b.use_class == c) if (b.use_class != c).any() else slice(None)
        for n in range(regions):
            sold = (maker * gates[c][:, None, n]) @ b.use[n][:, of_class]  # (i,h,j)
            table[:, :, n, of_class] = sold
        bought = gates[c][:, :, b.elements].transpose(2, 0, 1)[..., None]  # (e,i,n,1)
        elements[..., of_class] = bought * b.use[:, b.elements][..., of_class].transpose(1, 0, 2)[:, None]
    gate = gates[b.final_class] * b.final[None]
    final = maker @ gate.transpose(0, 2, 1)
    unit = np.where(np.isfinite(b.unit_value), b.unit_value, 1.0)[:, b.elements].T  # (e,i)
    nodes = regions * sectors
    value = elements.reshape(len(b.elements), regions, nodes)
    return Flows(
        table.reshape(nodes, nodes), final.reshape(nodes, regions), b.output.reshape(nodes), value,
        value * TONNES / unit[:, :, None],
    )  # fmt: skip


@dataclass(frozen=True)
class Intensity(Frozen):
    """Rare earths in a unit of output, by element and origin; per million USD."""

    direct_usd: Array  # (e,i,m) USD per million USD of output
    direct_kg: Array  # (e,i,m) kg per million USD
    total_usd: Array  # (e,i,m) with all inputs upstream: direct times the Leontief inverse
    total_kg: Array  # (e,i,m)


def leontief_times(flows: Flows, rows: Array) -> Array:
    """rows (..., m) times the Leontief inverse."""
    return np.asarray(rows @ flows.leontief)


def intensity(flows: Flows) -> Intensity:
    """Direct and total intensity of every region-sector in every element of every origin."""
    direct_usd = shares_of(flows.output, flows.element_value) * USD_PER_MILLION
    direct_kg = shares_of(flows.output, flows.element_tonnes) * KG_PER_TONNE
    both = leontief_times(flows, np.stack([direct_usd, direct_kg]))
    return Intensity(direct_usd, direct_kg, both[0], both[1])


def final_intensity(flows: Flows, total: Array, regions: int) -> Array:
    """(...,n,j) embodied per million USD of n's final demand for the product of sector j, whoever makes it.

    total (..., m): total intensity per million USD of output. 0 where n buys none of j.
    """
    final = flows.final.reshape(regions, -1, regions)  # (i,j,n)
    by_origin = total.reshape(*total.shape[:-1], regions, -1)
    embodied_in = np.einsum("...ij,ijn->...nj", by_origin, final)
    return shares_of(final.sum(axis=0).T, embodied_in)


def embodied(flows: Flows, per_unit: Array) -> Array:
    """(e,i,n) elements embodied in the final demand of each region, by origin of the element.

    per_unit: total intensity (e,i,m) per million USD. Sums to what all sectors use.
    """
    return np.asarray(per_unit @ flows.final)


def embodied_routes(flows: Flows, direct: Array, regions: int) -> Array:
    """(...,n,f) embodied amounts by region of the first user n and region of the final buyer f.

    direct (..., m): use per unit of output. Sums over n and f to all use.
    """
    needed = flows.leontief @ flows.final  # (m,f) output that serves each final buyer
    by_user = direct.reshape(*direct.shape[:-1], regions, 1, -1)  # (...,n,1,j)
    return np.asarray((by_user @ needed.reshape(regions, -1, regions))[..., 0, :])


def element_shares(b: Benchmark) -> Array:
    """(n,e,j) share of each element in a sector's rare-earth cost; 0 where none is used."""
    use = b.use[:, b.elements, :]
    return shares_of(use.sum(axis=1, keepdims=True), use)


def substitutability(b: Benchmark, score: Array) -> Array:
    """(n,j) score of each sector's element mix, 0 to 1.

    score: (e,) or (e,m), on 0 (good substitutes) to 100 (none).
    """
    score = np.asarray(score, dtype=float) / WORST_SCORE
    by_node = score.reshape(len(score), *b.output.shape) if score.ndim > 1 else score[:, None, None]
    return np.einsum(
        "nej,enj->nj", element_shares(b), np.broadcast_to(by_node, (len(score), *b.output.shape))
    )


def elasticity_of_score(score: Array, low: float, high: float) -> Array:
    """Section 9: eps = high - (high - low) score; score 0 (good substitutes) to 1 (none)."""
    return high - (high - low) * np.asarray(score, dtype=float)


def exposure(b: Benchmark, total: Array, score: Array, restricting: Array) -> Array:
    """(n,j) exposure: sum over elements of total intensity x share from the restricting origins x non-substitutability.

    total (e,i,m) total intensity per million USD; score (e,) 0-100; restricting (i,) bool. USD per million USD of
    output that come from a restricting origin and have no substitute.
    """
    regions, sectors = b.output.shape
    at_risk = np.where(np.asarray(restricting, dtype=bool)[None, :, None], total, 0.0).sum(axis=1)
    return np.einsum("em,e->m", at_risk, score / WORST_SCORE).reshape(regions, sectors)


@dataclass(frozen=True)
class Exposure(Frozen):
    """The exposure index of every region-sector and its parts, whose product it is.

    Each part is the mean over elements weighted by the parts before it, so that the product is exact.
    """

    intensity: Array  # (m,) USD of rare earths, all origins, per million USD of output
    dependence: Array  # (m,) share of it from the restricting origins
    non_substitutability: Array  # (m,) 0 good substitutes, 1 none, where an element is first used
    concentration: Array  # (m,) HHI-WGI of the world supply of those elements, 0 to 1
    by_element: Array  # (e,m) the index, element by element

    @property
    def index(self) -> Array:
        """(m,) USD at risk per million USD of output."""
        return self.by_element.sum(axis=0)


def exposure_index(
    flows: Flows, score: Array, restricting: Array, concentration: Array, *, crossing: bool = False
) -> Exposure:
    """Intensity x dependence on the restricting origins x non-substitutability x governance-weighted concentration.

    score (e,) or (e,m): 0-100, by element and first user; restricting (i,) bool; concentration (e,) HHI-WGI, 0-1.
    crossing: count only elements that leave a restricting origin as elements, not those inside its own products.
    """
    first = first_use(flows, score, restricting, crossing=crossing)
    total, restricted, hard = leontief_times(flows, first)
    weighed = hard * concentration[:, None]
    sums = [part.sum(axis=0) for part in (total, restricted, hard, weighed)]
    dependence, hardness, concentrated = (shares_of(whole, part) for whole, part in pairwise(sums))
    return Exposure(sums[0], dependence, hardness, concentrated, weighed)


def first_use(flows: Flows, score: Array, restricting: Array, *, crossing: bool = False) -> Array:
    """(3,e,m) USD per million USD of output, direct use: all, of restricting origins, and of these hard to replace."""
    restricting = np.asarray(restricting, dtype=bool)
    by_origin = shares_of(flows.output, flows.element_value) * USD_PER_MILLION
    restricted = by_origin[:, restricting].sum(axis=1)
    if crossing:
        at_home = np.repeat(restricting, len(flows.output) // len(restricting))
        restricted = np.where(at_home[None, :], 0.0, restricted)
    score = np.asarray(score, dtype=float)
    hard = restricted * (score if score.ndim > 1 else score[:, None]) / WORST_SCORE
    return np.stack([by_origin.sum(axis=1), restricted, hard])


def governed_concentration(share: Array, governance: Array) -> Array:
    """(...,) HHI-WGI: sum over origins of squared shares weighted by how poorly an origin is governed; 0 to 1.

    share (..., i) of supply, summing to 1; governance (i,) World Bank estimate, -2.5 (poor) to 2.5 (good), which the
    European Commission's criticality method turns into a weight in the same way.
    """
    low, high = GOVERNANCE_RANGE
    return np.asarray((share**2) @ np.clip((high - governance) / (high - low), 0.0, 1.0))


def supply_shares(flows: Flows) -> Array:
    """(e,i) share of each origin in the tonnes of an element that all sectors use."""
    made = flows.element_tonnes.sum(axis=2)
    return shares_of(made.sum(axis=1, keepdims=True), made)


@dataclass(frozen=True)
class RegionExposure(Frozen):
    """Exposure of regions, nothing counted twice."""

    production: (
        Array  # (n,) at-risk elements bought by a region's producers, USD per million USD of value added
    )
    consumption: Array  # (n,) at-risk elements embodied in final demand, USD per million USD of it
    at_risk: Array  # (n,) million USD of the first


def region_exposure(flows: Flows, per_unit: Array, first: Array) -> RegionExposure:
    """The index by region.

    per_unit (m,): the index per million USD of output; first (m,): the same of direct use alone.
    """
    regions = flows.final.shape[1]
    bought = (first * flows.output / USD_PER_MILLION).reshape(regions, -1).sum(axis=1)
    added = (flows.value_added * flows.output).reshape(regions, -1).sum(axis=1)
    spent = flows.final.sum(axis=0)
    return RegionExposure(
        shares_of(added, bought) * USD_PER_MILLION, shares_of(spent, per_unit @ flows.final), bought
    )  # fmt: skip


def ghosh(flows: Flows) -> Array:
    """(e,m) share of each element's supply that ends up, through all forward links, in each sector's output.

    The downstream view: a node's output is distributed in the proportions of the base year (Ghosh). The Ghosh inverse
    is the Leontief inverse in other units, x_i^-1 L_ij x_j.
    """
    used = flows.element_value.sum(axis=1)
    first = shares_of(used.sum(axis=1, keepdims=True), used)
    return leontief_times(flows, shares_of(flows.output, first)) * flows.output


def upstreamness(flows: Flows) -> Array:
    """(m,) Antras and Chor: mean number of stages to final demand, 1 for a good sold to final buyers only."""
    stages = shares_of(flows.output, flows.leontief @ flows.output)
    return np.where(flows.output > 0, stages, 1.0)


def downstreamness(flows: Flows) -> Array:
    """(m,) mean number of stages of production behind a unit of output, 1 for one without inputs."""
    return flows.leontief.sum(axis=0)
