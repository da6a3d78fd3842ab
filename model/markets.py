"""Spending, sales, factors and income: E8-E11 of docs/model.md. Values are million USD.

Arrays may carry axes of draws before those named (`model/stack.py`): every index counts from the last axis.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from model.ces import each, index
from model.innovation import Direction
from model.prices import Costs, Sources
from model.records import Array
from model.system import System, span


class Spending(NamedTuple):
    """Who spends what: E8."""

    cost: Array  # (n,j) (1-rs)(1+s) Y'
    share_ree: Array  # (n,j) new cost share of the REE bundle
    on_factor: Array  # (n,f,j)
    on_element: Array  # (n,r,e)
    on_materials: Array  # (n,j)
    final_price: Array  # (n,) ln price of the final bundle
    final: Array  # (n,k)
    gross: Array  # (c,n,k) at purchaser prices before stocks
    stock: Array  # (n,k) value of stock released and recycled
    net: Array  # (c,n,k) what origins face


class Sales(NamedTuple):
    """Where spending goes: E9 and the tax flows of E11."""

    per_power: Array  # (c,kp,n) spending over P^(1-sigma), plain goods
    tariff_power: Array | None  # (c,kp,n) tariff paid per unit of it, plain goods
    gate: Array  # (i,k) demand at the producer's gate
    cell: Array  # (c,kc,n,i) spending of n on i, purchaser prices, cell goods
    cell_gate: Array  # (kc,n,i) the same at the gate, summed over classes
    tariff: Array  # (n,)
    tax: Array  # (i,)
    rent_exporter: Array  # (i,)
    rent_importer: Array  # (n,)


def spend(system: System, output: Array, costs: Costs, wage: Array, income: Array, price: Array) -> Spending:
    """E8: spending of every region on every good.

    output (n,j) ln Y; wage (n,f,j) ln; income (n,) ln I; price (c,n,k) ln purchaser prices.
    """
    nests, b = system.nests, system.benchmark
    cost = system.cost_base * np.exp(output)
    share_ree, on_element, on_other = _rare_earths(system, cost, costs)
    added_power = np.exp(nests.rho_added * (costs.value_added - costs.other))
    materials_power = np.exp(nests.rho_added * (costs.materials - costs.other))
    on_added = on_other * nests.value_added * added_power
    on_materials = on_other * (1 - nests.value_added) * materials_power
    factor_power = np.exp(nests.rho_factor[..., None, :] * (wage - costs.value_added[..., None, :]))
    gross = np.zeros(costs.users_price.shape, dtype=cost.dtype)
    per_power = on_materials * np.exp(-nests.rho_material * costs.materials)
    for (c, sectors), share, power in zip(
        nests.groups, nests.group_material, costs.materials_power, strict=True
    ):
        scale = per_power if len(nests.groups) == 1 else per_power[..., sectors]
        gross[..., c, :, :] += each(share.swapaxes(-1, -2), scale) * (1 + power)
    for c, buyers in system.users_by_class:
        of_class = gross[..., c, :, :]
        of_class[..., span(b.elements)] += on_element[..., buyers, :].sum(axis=-2)
    buyers_price = costs.users_price[..., b.final_class, :, :]
    moved = nests.rho_final[..., None] * buyers_price
    final_price = index((nests.final * np.expm1(moved)).sum(axis=-1), nests.rho_final)
    shares = nests.final * np.exp(nests.rho_final[..., None] * (buyers_price - final_price[..., None]))
    final = shares * (system.income_base * np.exp(income))[..., None]
    gross[..., b.final_class, :, :] += final
    if system.shock.use_subsidy is not None:
        gross = gross / np.exp(system.log_use)[..., None, :, :]
    stock, net = worth_today(system, system.stock, price), gross
    if system.stock is not None:
        total = gross.sum(axis=-3)
        released = np.divide(stock, total, out=np.zeros_like(total), where=total != 0)
        net = gross * (1 - released)[..., None, :, :]
    return Spending(
        cost, share_ree, on_added[..., None, :] * nests.factor * factor_power, on_element, on_materials,
        final_price, final, gross, stock, net,
    )  # fmt: skip


def _rare_earths(system: System, cost: Array, costs: Costs) -> tuple[Array, Array, Array]:
    """E3, E5, E8: cost shares of the REE bundle (n,j), spending on elements (n,r,e) and on all other inputs (n,j)."""
    nests, users = system.nests, system.nests.users
    if not len(users):
        return np.zeros_like(cost), costs.element_price, cost
    share_ree, on_other = np.zeros_like(cost), cost.copy()
    rho, share, nest = nests.rho_ree[..., users], nests.ree[..., users], costs.nest[..., users]
    other = (costs.other - costs.technology_x)[..., users]
    of_users = share * np.exp(rho * (costs.ree - nest))
    share_ree[..., users] = of_users
    on_other[..., users] *= (1 - share) * np.exp(rho * (other - nest))
    mix = np.exp(nests.rho_element[..., None] * (costs.element_price - costs.ree[..., None]))
    return share_ree, (cost[..., users] * of_users)[..., None] * nests.element * mix, on_other


def worth_today(system: System, material: Array | None, price: Array) -> Array:
    """E9: (n,k) value at today's purchaser price of stock or recycled material worth that much at base prices."""
    if material is None:
        return np.zeros(price.shape[:-3] + price.shape[-2:], dtype=price.dtype)
    chosen = np.broadcast_to(system.stock_class, price.shape[-2:])[(None,) * (price.ndim - 2)]
    today = np.take_along_axis(price, chosen, axis=-3)[..., 0, :, :]
    return material * np.exp(today)


def sell(system: System, sources: Sources, net: Array, rate: Array, abroad: Array) -> Sales:
    """E9, E11: demand at the gate, and the taxes and rents on the way there.

    net (c,n,k) spending; rate (kc,n,i) licence rate l; abroad (kc,n,i) the part of it that importers keep.
    """
    s = system.sourcing
    spending, some, dear = net.swapaxes(-1, -2), span(s.plain), span(s.cell)
    per_power = spending[..., some, :] / (1 + sources.plain)
    power = 1 + sources.power[..., some, :]
    gate = np.empty_like(sources.power)
    gate[..., some, :] = power * to_origin(per_power, s.gate)
    cell = sources.cell_share * spending[..., dear, :, None]
    paid = cell[..., 0, :, :, :] if cell.shape[-4] == 1 else cell.sum(axis=-4)
    at_gate = paid * s.gate_cell / (1 + rate)
    gate[..., dear, :] = np.einsum("...ni->...i", at_gate)
    tariff, tax = to_buyers(paid, s.tariff_cell), to_sellers(paid, s.tax_cell)
    importers, tariff_power = np.zeros_like(tariff), None
    if s.tariff is not None:
        tariff_power = each(s.tariff, power[..., None, :, :])
        tariff = tariff + np.einsum("...ckn,...ckn->...n", tariff_power, per_power)
    if s.tax is not None:
        tax = tax + (power * to_origin(per_power, s.tax)).sum(axis=-2)
    if system.restrictions.shares_rent:
        importers = to_buyers(at_gate, abroad)
    return Sales(
        per_power, tariff_power, gate.swapaxes(-1, -2), cell, at_gate, tariff, tax,
        to_sellers(at_gate, rate - abroad), importers,
    )  # fmt: skip


def to_buyers(flow: Array, rate: Array) -> Array:
    """(n,) sum over goods and origins of flows (k,n,i) times rates."""
    found: Array = np.einsum("...kni,...kni->...n", flow, rate)
    return found


def to_sellers(flow: Array, rate: Array) -> Array:
    """(i,) sum over goods and buyers of flows (k,n,i) times rates."""
    found: Array = np.einsum("...kni,...kni->...i", flow, rate)
    return found


def to_origin(spending: Array, weight: Array) -> Array:
    """E9: (k,i) sum over classes and buyers of weight (c,k,n,i) times spending (c,k,n)."""
    return each(weight.swapaxes(-1, -2), spending).sum(axis=-3)


def mobile_supply(system: System, wage: Array, labour: Array) -> Array:
    """E10: (n,fm) income of mobile factors. labour (n,): what scientists leave of it, ratio."""
    supply: Array = system.endowment[..., span(system.mobile)] * np.exp(wage)
    if system.labour_is_mobile:
        supply[..., system.labour_at] *= labour
    return supply


def sluggish_supply(system: System, sluggish: Array, capacity: Array, labour: Array) -> Array:
    """E10: (n,fs,j) income of each sluggish factor in each sector.

    sluggish (n,fs,j) ln wages; capacity (n,s) ln K, which scales the endowment of the stage's resource.
    W = [sum phi w^(1+kappa)]^(1/(1+kappa)); income phi V0 w^(1+kappa) W^-kappa.
    """
    if not len(system.sluggish):
        return sluggish
    supply = system.endowment[..., span(system.sluggish), None] * system.supply_share
    supply = supply * np.exp(supply_price(system, sluggish))
    stages = system.benchmark.stage_sector
    if len(stages):
        supply[..., system.stage_factor, stages] *= np.exp(capacity)
    if not system.labour_is_mobile:
        supply[..., system.labour_at, :] *= labour[..., None]
    return supply


def sluggish_excess(
    system: System, sluggish: Array, capacity: Array, labour: Array, output: Array, costs: Costs
) -> Array:
    """E10: (n,fs,j) ln supply less ln demand of sluggish factors, 0 in the base year.

    In logs throughout: the rent of a dying mine falls below what exp can hold. output (n,j) ln Y, subsidies included.
    """
    if not len(system.sluggish):
        return sluggish
    nests, supply = system.nests, supply_price(system, sluggish)
    stages = system.benchmark.stage_sector
    if len(stages):
        supply = supply.copy()
        supply[..., system.stage_factor, stages] += capacity
    if not system.labour_is_mobile:
        supply = supply.copy()
        supply[..., system.labour_at, :] += np.log(labour)[..., None]
    on_other = output + nests.rho_ree * (costs.other - costs.technology_x - costs.nest)
    on_added = on_other + nests.rho_added * (costs.value_added - costs.other)
    cheaper = nests.rho_factor[..., None, :] * (sluggish - costs.value_added[..., None, :])
    excess = supply - (on_added[..., None, :] + cheaper)
    return np.where(system.supply_share > 0, excess, 0.0)


def supply_price(system: System, sluggish: Array) -> Array:
    """E10: (n,fs,j) what supply of a sluggish factor's income follows, ln w^(1+kappa) W^-kappa."""
    if system.specific:
        return sluggish
    rho = system.rho_supply[..., None]
    return rho * sluggish - (rho - 1) * sluggish_index(system, sluggish)[..., None]


def labour_wage(system: System, mobile: Array, sluggish: Array) -> Array:
    """(n,) ln wage of labour: its index when labour is sluggish."""
    if system.labour_is_mobile:
        return mobile[..., system.labour_at]
    return sluggish_index(system, sluggish)[..., system.labour_at]


def sluggish_index(system: System, sluggish: Array) -> Array:
    """E10: (n,fs) ln W of sluggish factors."""
    if not len(system.sluggish):
        return sluggish[..., 0]
    top, shares = sluggish_weights(system, sluggish)
    total = shares.sum(axis=-1)
    return top + np.log(np.where(total == 0, 1.0, total)) / system.rho_supply


def sluggish_weights(system: System, sluggish: Array) -> tuple[Array, Array]:
    """E10: (n,fs) the highest ln wage of a factor, and (n,fs,j) phi (w / highest)^(1+kappa).

    Relative to the highest, because the rent of a dying mine falls below what exp can hold.
    """
    present = system.supply_share > 0
    top = np.where(present, sluggish.real, -np.inf).max(axis=-1)
    top = np.where(np.isfinite(top), top, 0.0)
    power = np.exp(system.rho_supply[..., None] * np.where(present, sluggish - top[..., None], 0.0))
    return top, system.supply_share * power


def labour_in_production(system: System, direction: Direction) -> Array:
    """E16: (n,) labour left to production when scientists are drawn from it, ratio to the base."""
    return 1 - system.research.labour_share * (direction.scientists - 1)


def world_factor_income(system: System, mobile: Array, sluggish: Array) -> Array:
    """E11: labour and capital income of the base endowments, ratio to the base: the numeraire.

    mobile (n,fm), sluggish (n,fs,j) ln wages.
    """
    base = system.numeraire
    more = (base[..., span(system.mobile)] * np.expm1(mobile)).sum(axis=(-2, -1))
    if system.sluggish_numeraire:
        average = sluggish_index(system, sluggish)
        more = more + (base[..., system.sluggish] * np.expm1(average)).sum(axis=(-2, -1))
    return 1 + more / base.sum(axis=(-2, -1))


def deficits(system: System, earned: Array) -> Array:
    """E11: (n,) trade deficits, million USD, fixed or a share of the world's factor income. earned (n,): by region."""
    if system.benchmark.parameters.deficit_rule == "fixed":
        return system.deficit
    world = earned.sum(axis=-1) / system.endowment.sum(axis=(-2, -1))
    return system.deficit * world[..., None]


def income(
    system: System, spending: Spending, sales: Sales, factor_income: Array, output: Array, deficit: Array
) -> Array:  # fmt: skip
    """E11: (n,) income, million USD.

    factor_income (n,), deficit (n,); output (n,j) ln Y.
    Smuggling costs, recycling costs and capacity investment are uses of income (they buy the final bundle): welfare
    deducts them.
    """
    revenue = np.exp(output)
    research = (system.research_income * revenue).sum(axis=-1)
    subsidies = (system.subsidy * system.output * revenue).sum(axis=-1)
    if system.shock.use_subsidy is not None:
        paid = -np.expm1(system.log_use) * spending.gross.sum(axis=-3)
        subsidies = subsidies + paid.sum(axis=-1)
    return (
        factor_income + research + sales.tariff + sales.tax + sales.rent_exporter + sales.rent_importer
        + spending.stock.sum(axis=-1) - subsidies + deficit
    )  # fmt: skip
