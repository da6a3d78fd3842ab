"""Bilateral flows and prices of a solution, cell by cell: what results and welfare read."""

from __future__ import annotations

import numpy as np

from model.base_year import TONNES
from model.base_year import licence_rate as base_licence_rate
from model.records import Array
from model.solution import Solution


def expand(solution: Solution, plain: Array, cell: Array) -> Array:
    """(i,n,k) from plain (kp,n,i) and cell (kc,n,i) goods."""
    s = solution.system.sourcing
    full = np.empty((len(s.rho), *plain.shape[1:]))
    full[s.plain], full[s.cell] = plain, cell
    return full.transpose(2, 1, 0)


def spending_flows(solution: Solution) -> Array:
    """E8, E9: (c,i,n,k) spending of n on k from i at purchaser prices, million USD."""
    a, s = solution.allocation, solution.system.sourcing
    power = 1 + a.sources.power
    plain = s.weight * a.sales.per_power[..., None] * power[s.plain][None, :, None, :]
    return np.stack([expand(solution, plain[c], a.sales.cell[c]) for c in range(len(plain))])


def gate_flows(solution: Solution) -> Array:
    """E9: (i,n,k) million USD at the producer's gate."""
    a, s = solution.allocation, solution.system.sourcing
    power = 1 + a.sources.power
    plain = (s.gate * a.sales.per_power[..., None]).sum(axis=0) * power[s.plain][:, None, :]
    return expand(solution, plain, a.sales.cell_gate)


def stage_flows(solution: Solution) -> Array:
    """E9: (i,n,s) million USD at the gate of everything that each stage of the chain makes."""
    return np.einsum("ink,sk->ins", gate_flows(solution), solution.system.stage_good.astype(float))


def gate_tonnes(solution: Solution) -> Array:
    """E12: (i,n,k) tonnes; nan for goods without a unit value."""
    price = np.exp(solution.allocation.price)
    return gate_flows(solution) * TONNES / (price * solution.system.benchmark.unit_value)[:, None, :]


def licence_rates(solution: Solution) -> Array:
    """E14: (i,n,k) licence as a rate of the gate price."""
    return _of_cells(solution, solution.allocation.licence_rate)


def rent_left_abroad(solution: Solution) -> Array:
    """E11: (i,n,k) the part of the licence rate that importers keep."""
    return _of_cells(solution, solution.allocation.licence_abroad)


def _of_cells(solution: Solution, rate: Array) -> Array:
    """(i,n,k) from rates of cell goods (kc,n,i), 0 for all others."""
    s = solution.system.sourcing
    full = np.zeros((len(s.rho), *solution.system.benchmark.export_tax.shape[:2]))
    full[s.cell] = rate
    return full.transpose(2, 1, 0)


def wedges(solution: Solution) -> tuple[Array, Array]:
    """(i,n,k) export tax and tariff in force."""
    b, shock = solution.system.benchmark, solution.system.shock
    tax = b.export_tax if shock.export_tax is None else shock.export_tax
    return tax, b.tariff if shock.tariff is None else shock.tariff


def export_price(solution: Solution) -> Array:
    """(i,n,k) what a foreign buyer pays at the border for a unit worth 1 at the base gate: p (1+l)(1+x)."""
    tax, _ = wedges(solution)
    price = np.exp(solution.allocation.price)[:, None, :]
    return price * (1 + licence_rates(solution)) * (1 + tax)


def delivered_price(solution: Solution) -> Array:
    """E1: (i,n,k) delivered price of each origin's good, ratio to the base."""
    b, shock = solution.system.benchmark, solution.system.shock
    _, tariff = wedges(solution)
    old = (1 + base_licence_rate(b)) * (1 + b.export_tax) * (1 + b.tariff)
    price = export_price(solution) * (1 + tariff) / old
    return price if shock.iceberg is None else price * shock.iceberg


def thrown_away(solution: Solution) -> Array:
    """E6: (i,k) tonnes made that are not sold at the floor under their price, or are not worth a licence.

    0 where nothing is sold: goods that nobody may buy are not counted. nan for what is sold without a unit value.
    """
    a, sold = solution.allocation, gate_tonnes(solution).sum(axis=1)
    return np.where(a.supply > 0, sold, 0.0) * np.expm1(a.net - a.state.price)
