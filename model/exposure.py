"""Intensity, substitutability and exposure: section 9 of docs/model.md, computed from the base year.

Nodes are region-sector pairs (n,j) in the order of `Benchmark.output`, flattened where a matrix is needed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import lu_factor, lu_solve

from model.ces import shares_of
from model.records import Array, Benchmark, Frozen
from model.system import TONNES, licence_rate

KG_PER_TONNE = 1e3


@dataclass(frozen=True)
class Flows(Frozen):
    """The base year as one world input-output table at gate prices, million USD."""

    intermediate: Array  # (nj,nj) row: origin-sector, column: using sector
    final: Array  # (nj,n) final demand by region of the buyer
    output: Array  # (nj,)
    element_value: Array  # (e,i,nj) use of each element by origin, gate prices, million USD
    element_tonnes: Array  # (e,i,nj)

    @property
    def coefficients(self) -> Array:
        """A: (nj,nj) inputs per unit of output."""
        return shares_of(self.output[None, :], self.intermediate)

    @property
    def value_added(self) -> Array:
        """(nj,) share of output that is not intermediate inputs at gate prices: factors, research, taxes on the way."""
        return np.where(self.output > 0, 1 - self.coefficients.sum(axis=0), 0.0)


def world_table(b: Benchmark) -> Flows:
    """The world table behind a base year: sales of every sector to every sector and to final demand."""
    regions, sectors = b.output.shape
    keep = 1 / ((1 + b.export_tax) * (1 + licence_rate(b)) * (1 + b.tariff))
    supply = np.einsum("njk,nj->nk", b.make, b.output)
    maker = shares_of(supply[:, None, :], b.make * b.output[:, :, None])  # (i,h,k) who makes what is sold
    table = np.zeros((regions, sectors, regions, sectors))
    elements = np.zeros((len(b.elements), regions, regions, sectors))
    for j in range(sectors):
        gate = b.trade_share[b.use_class[j]] * keep * b.use[None, :, :, j]  # (i,n,k)
        table[:, :, :, j] = np.einsum("ihk,ink->ihn", maker, gate, optimize=True)
        elements[:, :, :, j] = gate[:, :, b.elements].transpose(2, 0, 1)
    gate = b.trade_share[b.final_class] * keep * b.final[None]
    final = np.einsum("ihk,ink->ihn", maker, gate, optimize=True)
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

    direct_usd: Array  # (e,i,nj) USD per million USD of output
    direct_kg: Array  # (e,i,nj) kg per million USD
    total_usd: Array  # (e,i,nj) with all inputs upstream: direct times the Leontief inverse
    total_kg: Array  # (e,i,nj)


def leontief_times(flows: Flows, rows: Array) -> Array:
    """rows (..., nj) times the Leontief inverse (I - A)^-1, without forming it."""
    nodes = len(flows.output)
    factors = lu_factor(np.eye(nodes) - flows.coefficients)
    stacked = rows.reshape(-1, nodes)
    return lu_solve(factors, stacked.T, trans=1).T.reshape(rows.shape)


def intensity(flows: Flows) -> Intensity:
    """Direct and total intensity of every region-sector in every element of every origin."""
    direct_usd = shares_of(flows.output, flows.element_value) * 1e6
    direct_kg = shares_of(flows.output, flows.element_tonnes) * KG_PER_TONNE
    both = leontief_times(flows, np.stack([direct_usd, direct_kg]))
    return Intensity(direct_usd, direct_kg, both[0], both[1])


def embodied(flows: Flows, per_unit: Array) -> Array:
    """(e,i,n) elements embodied in the final demand of each region, by origin of the element.

    per_unit: total intensity (e,i,nj) per million USD. Sums to what all sectors use.
    """
    return per_unit @ flows.final


def element_shares(b: Benchmark) -> Array:
    """(n,e,j) share of each element in a sector's rare-earth cost; 0 where none is used."""
    use = b.use[:, b.elements, :]
    return shares_of(use.sum(axis=1, keepdims=True), use)


def substitutability(b: Benchmark, score: Array) -> Array:
    """(n,j) score of each sector's element mix; score (e,) on 0 (good substitutes) to 100 (none)."""
    return np.einsum("nej,e->nj", element_shares(b), score / 100)


def exposure(b: Benchmark, total: Array, score: Array, restricting: Array) -> Array:
    """(n,j) exposure: sum over elements of total intensity x share from the restricting origins x non-substitutability.

    total (e,i,nj) total intensity per million USD; score (e,) 0-100; restricting (i,) bool. USD per million USD of
    output that come from a restricting origin and have no substitute.
    """
    regions, sectors = b.output.shape
    at_risk = np.where(np.asarray(restricting, dtype=bool)[None, :, None], total, 0.0).sum(axis=1)
    return np.einsum("em,e->m", at_risk, score / 100).reshape(regions, sectors)


def ghosh(flows: Flows) -> Array:
    """(e,i,nj) share of each element's supply that ends up, through all forward links, in each sector's output.

    The downstream view: an input's outputs are distributed in the proportions of the base year (Ghosh).
    """
    nodes = len(flows.output)
    distribution = shares_of(flows.output[:, None], flows.intermediate)
    first = shares_of(flows.element_value.sum(axis=(1, 2))[:, None, None], flows.element_value)
    stacked = first.reshape(-1, nodes)
    return np.linalg.solve((np.eye(nodes) - distribution).T, stacked.T).T.reshape(first.shape)


def upstreamness(flows: Flows) -> Array:
    """(nj,) Antras and Chor: mean number of stages to final demand, 1 for a good sold to final buyers only."""
    nodes = len(flows.output)
    return np.linalg.solve(np.eye(nodes) - shares_of(flows.output[:, None], flows.intermediate), np.ones(nodes))


def downstreamness(flows: Flows) -> Array:
    """(nj,) mean number of stages of production behind a unit of output, 1 for one without inputs."""
    nodes = len(flows.output)
    return np.linalg.solve((np.eye(nodes) - flows.coefficients).T, np.ones(nodes))
