"""Sourcing, cost nests and prices: E1-E7 of docs/model.md. All prices are ln hats.

Arrays may carry axes of draws before those named (`model/stack.py`): every index counts from the last axis.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from model.ces import each, index, pair
from model.records import Array
from model.system import Nests, Sourcing, System, span


class Sources(NamedTuple):
    """Purchaser prices and what is needed to send spending back to its origins.

    Powers are relative to the smallest of a good, which cancels in shares. With sigma 10 a price that rises twentyfold
    has a power of 1e-12: less 1, nothing of it would be left.
    """

    power: Array  # (k,i) (producer price hat)^(1-sigma) over the smallest of its good, less 1
    plain: Array  # (c,kp,n) P^(1-sigma) over the same and over `Sourcing.level`, less 1, of plain goods
    cell_base: (
        Array  # (c,kc,n,i) shares of origins in cell goods if all delivered prices rose alike, which sum to 1
    )
    cell_power: Array  # (c,kc,n,i) (delivered price hat)^(1-sigma) over the smallest of its good, less 1
    cell: Array  # (c,kc,n) P^(1-sigma) over the same, less 1, of cell goods
    price: Array  # (c,n,k) ln P

    @property
    def cell_share(self) -> Array:
        """E2: (c,kc,n,i) new shares of origins in spending on cell goods."""
        return np.asarray(self.cell_base * (1 + self.cell_power) / (1 + self.cell)[..., None])


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


def source(sourcing: Sourcing, p: Array, licence: Array, base: Array, left: Array) -> Sources:
    """E1, E2: delivered and purchaser prices.

    p (n,k) producer prices; licence (kc,n,i) ln((1+l)/(1+l0)); base (c,kc,n,i), left (c,kc,n): `base_shares`.
    """
    rho, prices = sourcing.rho[..., None], p.swapaxes(-1, -2)
    exponent = rho * prices
    floor = exponent.real.min(axis=-1, keepdims=True)
    power = np.expm1(exponent - floor)
    some, dear = span(sourcing.plain), span(sourcing.cell)
    plain = each(sourcing.weight, power[..., None, some, :])
    level = floor[..., None, some, :] + sourcing.level + np.log1p(plain)
    if not len(sourcing.cell):
        total = (level / rho[..., None, :, :]).swapaxes(-1, -2)
        return Sources(power, plain, sourcing.share, sourcing.share, plain[..., :0, :], total)
    bought = sourcing.bought
    wedge = (rho[..., dear, :, None] * (prices[..., dear, None, :] + licence) + sourcing.tilt)[
        ..., None, :, :, :
    ]
    cell_floor = np.where(bought, wedge.real, np.inf).min(axis=(-2, -1))[..., None]
    cell_floor = np.where(np.isfinite(cell_floor), cell_floor, 0.0)  # a good that nobody buys
    cell_power = np.expm1(np.where(bought, wedge - cell_floor[..., None], 0.0))
    cell = np.einsum("...i,...i->...", base, cell_power)
    total = np.empty((*level.shape[:-2], *prices.shape[-2:]), dtype=level.dtype)
    total[..., some, :] = level
    total[..., dear, :] = cell_floor + left + np.log1p(cell)
    return Sources(power, plain, base, cell_power, cell, (total / rho[..., None, :, :]).swapaxes(-1, -2))


def materials_index(nests: Nests, users_price: Array) -> tuple[Array, tuple[Array, ...]]:
    """E4: (n,j) price of materials, and the powers of goods prices it is made of.

    Powers are taken per (region, good) for each distinct (class of use, elasticity), never per (region, good, sector).
    """
    means, powers = [], []
    for (c, sectors), share in zip(nests.groups, nests.group_material, strict=True):
        rho = nests.rho_material[..., sectors[0], None]
        powers.append(np.expm1(rho * users_price[..., c, :, :]))
        means.append(index(each(share, powers[-1]), rho))
    if len(nests.groups) == 1:
        return means[0], tuple(powers)
    materials = np.empty((*means[0].shape[:-1], nests.ree.shape[-1]), dtype=users_price.dtype)
    for (_, sectors), mean in zip(nests.groups, means, strict=True):
        materials[..., sectors] = mean
    return materials, tuple(powers)


def unit_cost(system: System, price: Array, wage: Array, technology_x: Array, technology_e: Array) -> Costs:
    """E3-E5: unit cost of every sector.

    price (c,n,k); wage (n,f,j); technology_x (n,j) and technology_e (n,r,e) ln a.
    """
    nests, b, users = system.nests, system.benchmark, system.nests.users
    users_price = price if system.shock.use_subsidy is None else price + system.log_use[..., None, :, :]
    materials, powers = materials_index(nests, users_price)
    mean = np.einsum("...fj,...fj->...j", nests.factor, np.expm1(nests.rho_factor[..., None, :] * wage))
    value_added = index(mean, nests.rho_factor)
    other = pair(nests.value_added, value_added, materials, nests.rho_added)
    prices = users_price[..., span(b.elements)]
    prices = (prices if prices.shape[-3] == 1 else prices[..., b.use_class[users], :, :]).swapaxes(-2, -3)
    element_price = prices - technology_e
    mean = np.einsum("...e,...e->...", nests.element, np.expm1(nests.rho_element[..., None] * element_price))
    ree = index(mean, nests.rho_element)
    nest = other - technology_x
    if len(users):
        rho, share = nests.rho_ree[..., users], nests.ree[..., users]
        nest[..., users] = pair(share, ree, nest[..., users], rho)
    return Costs(
        users_price, powers, materials, value_added, other, technology_x, technology_e, element_price, ree, nest,
        nest - system.log_productivity,
    )  # fmt: skip


def revenue_price(system: System, net: Array) -> Array:
    """E6: (n,j) price of a unit of output: the price of its good, or the CET index of several.

    net (n,k): producer prices less any production-quota rent.
    """
    if system.one_good_each:
        return net
    out = np.zeros((*net.shape[:-1], system.active.shape[1]), dtype=net.dtype)
    out[..., system.pair_sector] = net[..., system.pair_good]
    for j, pairs in system.several:
        prices, rho = net[..., system.pair_good[pairs]], system.rho_make[..., j]
        mean = (system.pair_share[..., pairs] * np.expm1(rho[..., None] * prices)).sum(axis=-1)
        out[..., j] = index(mean, rho)
    return out


def supply_shares(system: System, net: Array, out: Array) -> Array:
    """E6: (n,m) new share of each (sector, good) pair in its sector's revenue."""
    if not len(system.joint):
        return system.pair_share
    rho = system.rho_make[..., system.pair_sector]
    return system.pair_share * np.exp(rho * (net[..., system.pair_good] - out[..., system.pair_sector]))


def zero_profit(system: System, out: Array, costs: Costs) -> Array:
    """E7: (n,j) ln of revenue per unit, subsidy included, less ln of unit cost."""
    return out + system.log_subsidy - costs.unit
