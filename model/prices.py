"""Sourcing, cost nests and prices: E1-E7 of docs/model.md. All prices are ln hats."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from model.ces import index, pair
from model.records import Array
from model.system import Nests, Sourcing, System


class Sources(NamedTuple):
    """Purchaser prices and what is needed to send spending back to its origins.

    Powers are relative to the smallest of a good (of a buyer and a good for cell goods), which cancels in shares. With
    sigma 10 a price that rises twentyfold has a power of 1e-12: less 1, nothing of it would be left.
    """

    power: Array  # (k,i) (producer price hat)^(1-sigma) over the smallest of its good, less 1
    plain: Array  # (c,kp,n) P^(1-sigma) over the same, less 1, of plain goods
    cell_power: Array  # (c,kc,n,i) (delivered price hat)^(1-sigma) over the smallest, capacity included
    cell: Array  # (c,kc,n) P^(1-sigma) over the same, less 1, of cell goods
    price: Array  # (c,n,k) ln P


class Costs(NamedTuple):
    """Cost of every sector, and the indices of its nests, all ln hats."""

    users_price: Array  # (c,n,k) purchaser price net of use subsidies
    materials_power: tuple[Array, ...]  # per group: (n,k) expm1(rho users_price)
    materials: Array  # (n,j)
    value_added: Array  # (n,j)
    other: Array  # (n,j) X before technology
    technology_x: Array  # (n,j) ln a_X
    technology_e: Array  # (n,r,e) ln a_e
    element_price: Array  # (n,r,e) price of an element in efficiency units
    ree: Array  # (n,r) REE bundle
    nest: Array  # (n,j) cost of the nest, before neutral productivity
    unit: Array  # (n,j) unit cost c


def source(sourcing: Sourcing, p: Array, licence: Array, log_tilt: Array) -> Sources:
    """E1, E2: delivered and purchaser prices.

    p (n,k) producer prices; licence (kc,n,i) ln((1+l)/(1+l0)); log_tilt (c,kc,n,i) capacity weights of E22, ln.
    """
    rho = sourcing.rho
    exponent = rho[:, None] * p.T
    floor = exponent.real.min(axis=1)
    power = np.expm1(exponent - floor[:, None])
    plain = (sourcing.weight @ power[sourcing.plain, :, None])[..., 0] + sourcing.missing
    if not len(sourcing.cell):
        total = (floor[:, None] + np.log1p(plain)) / rho[:, None]
        return Sources(power, plain, sourcing.share, plain[:, :0], total.transpose(0, 2, 1))
    shift = (
        rho[sourcing.cell, None, None] * (p.T[sourcing.cell, None, :] + licence) + sourcing.tilt + log_tilt
    )
    cell_floor = np.where(sourcing.share > 0, shift.real, np.inf).min(axis=3)
    cell_floor = np.where(np.isfinite(cell_floor), cell_floor, 0.0)  # a good that nobody buys
    shift = np.where(sourcing.share > 0, shift - cell_floor[..., None], 0.0)
    closed = sourcing.share.sum(axis=3) - sourcing.capacity_base.sum(axis=3)  # less than 0 under an embargo
    cell = (sourcing.share * np.expm1(shift)).sum(axis=3) + closed
    classes, regions = sourcing.weight.shape[0], p.shape[0]
    total = np.zeros((classes, len(rho), regions), dtype=p.dtype)
    total[:, sourcing.plain] = floor[sourcing.plain, None] + np.log1p(plain)
    total[:, sourcing.cell] = cell_floor + np.log1p(cell)
    return Sources(power, plain, np.exp(shift), cell, (total / rho[:, None]).transpose(0, 2, 1))


def materials_index(nests: Nests, users_price: Array) -> tuple[Array, tuple[Array, ...]]:
    """E4: (n,j) price of materials, and the powers of goods prices it is made of.

    Powers are taken per (region, good) for each distinct (class of use, elasticity), never per (region, good, sector).
    """
    materials = np.zeros(nests.ree.shape, dtype=users_price.dtype)
    powers = []
    for (c, rho, sectors), share in zip(nests.groups, nests.group_material, strict=True):
        power = np.expm1(rho * users_price[c])
        mean = (share @ power[:, :, None])[..., 0]
        materials[:, sectors] = index(mean, np.asarray(rho))
        powers.append(power)
    return materials, tuple(powers)


def unit_cost(system: System, price: Array, wage: Array, technology_x: Array, technology_e: Array) -> Costs:
    """E3-E5: unit cost of every sector.

    price (c,n,k); wage (n,f,j); technology_x (n,j) and technology_e (n,r,e) ln a.
    """
    nests, b = system.nests, system.benchmark
    users_price = price if system.shock.use_subsidy is None else price + system.log_use
    materials, powers = materials_index(nests, users_price)
    mean = (nests.factor * np.expm1(nests.rho_factor * wage)).sum(axis=1)
    value_added = index(mean, nests.rho_factor)
    other = pair(nests.value_added, value_added, materials, nests.rho_added)
    classes = b.use_class[nests.users]
    element_price = users_price[classes][:, :, b.elements].transpose(1, 0, 2) - technology_e
    mean = (nests.element * np.expm1(nests.rho_element[:, None] * element_price)).sum(axis=2)
    ree = index(mean, nests.rho_element)
    bundle = np.zeros_like(other)
    bundle[:, nests.users] = ree
    nest = pair(nests.ree, bundle, other - technology_x, nests.rho_ree)
    return Costs(
        users_price, powers, materials, value_added, other, technology_x, technology_e, element_price, ree, nest,
        nest - system.log_productivity,
    )  # fmt: skip


def revenue_price(system: System, net: Array) -> Array:
    """E6: (n,j) price of a unit of output: the price of its good, or the CET index of several.

    net (n,k): producer prices less any production-quota rent.
    """
    out = np.zeros(system.active.shape, dtype=net.dtype)
    out[:, system.pair_sector] = net[:, system.pair_good]
    for j in system.joint:
        pairs = system.pair_sector == j
        prices, rho = net[:, system.pair_good[pairs]], system.rho_make[j]
        out[:, j] = index((system.pair_share[:, pairs] * np.expm1(rho * prices)).sum(axis=1), rho)
    return out


def supply_shares(system: System, net: Array, out: Array) -> Array:
    """E6: (n,m) new share of each (sector, good) pair in its sector's revenue."""
    rho = system.rho_make[system.pair_sector]
    return system.pair_share * np.exp(rho * (net[:, system.pair_good] - out[:, system.pair_sector]))


def zero_profit(system: System, out: Array, costs: Costs) -> Array:
    """E7: (n,j) ln of revenue per unit, subsidy included, less ln of unit cost."""
    return out + system.log_subsidy - costs.unit
