"""Spending, sales, factors and income: E8-E11 of docs/model.md. Values are million USD."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from model.ces import index
from model.innovation import Direction
from model.prices import Costs, Sources
from model.records import Array
from model.system import System


class Spending(NamedTuple):
    """Who spends what: E8."""

    cost: Array  # (n,j) (1-rs)(1+s) Y'
    share_ree: Array  # (n,j) new cost share of the REE bundle
    on_factor: Array  # (n,f,j)
    on_element: Array  # (n,r,e)
    on_materials: Array  # (n,j)
    materials_scale: tuple[Array, ...]  # per group: (n,jg) materials outlay over the nest's index power
    final_price: Array  # (n,) ln price of the final bundle
    final: Array  # (n,k)
    gross: Array  # (c,n,k) at purchaser prices before stocks
    stock: Array  # (n,k) value of stock released and recycled
    net: Array  # (c,n,k) what origins face


class Sales(NamedTuple):
    """Where spending goes: E9 and the tax flows of E11."""

    per_power: Array  # (c,kp,n) spending over P^(1-sigma), plain goods
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
    users = nests.users
    cost = system.cost_base * np.exp(output)
    bundle = np.zeros_like(cost)
    bundle[:, users] = costs.ree
    share_ree = nests.ree * np.exp(nests.rho_ree * (bundle - costs.nest))
    on_other = (
        cost * (1 - nests.ree) * np.exp(nests.rho_ree * (costs.other - costs.technology_x - costs.nest))
    )
    on_added = on_other * nests.value_added * np.exp(nests.rho_added * (costs.value_added - costs.other))
    on_materials = (
        on_other * (1 - nests.value_added) * np.exp(nests.rho_added * (costs.materials - costs.other))
    )
    on_element = (
        (cost * share_ree)[:, users, None]
        * nests.element
        * np.exp(nests.rho_element[:, None] * (costs.element_price - costs.ree[:, :, None]))
    )
    factor_power = np.exp(nests.rho_factor * (wage - costs.value_added[:, None, :]))
    gross = np.zeros(costs.users_price.shape, dtype=cost.dtype)
    scales = []
    per_power = on_materials * np.exp(-nests.rho_material * costs.materials)
    for (c, _rho, sectors), share, power in zip(
        nests.groups, nests.group_material, costs.materials_power, strict=True
    ):
        scale = per_power[:, sectors]
        gross[c] += (scale[:, None, :] @ share)[:, 0] * (1 + power)
        scales.append(scale)
    for c in np.unique(b.use_class[users]):
        gross[c][:, b.elements] += on_element[:, b.use_class[users] == c].sum(axis=1)
    buyers_price = costs.users_price[b.final_class]
    mean = (nests.final * np.expm1(nests.rho_final * buyers_price)).sum(axis=1)
    final_price = index(mean, np.asarray(nests.rho_final))
    shares = nests.final * np.exp(nests.rho_final * (buyers_price - final_price[:, None]))
    final = shares * (system.income_base * np.exp(income))[:, None]
    gross[b.final_class] += final
    if system.shock.use_subsidy is not None:
        gross = gross / np.exp(system.log_use)
    stock, net = worth_today(system, system.stock, price), gross
    if system.stock is not None:
        total = gross.sum(axis=0)
        net = gross * (1 - np.divide(stock, total, out=np.zeros_like(total), where=total != 0))
    return Spending(
        cost, share_ree, on_added[:, None, :] * nests.factor * factor_power, on_element, on_materials, tuple(scales),
        final_price, final, gross, stock, net,
    )  # fmt: skip


def worth_today(system: System, material: Array | None, price: Array) -> Array:
    """E9: (n,k) value at today's purchaser price of stock or recycled material worth that much at base prices."""
    if material is None:
        return np.zeros(price.shape[1:], dtype=price.dtype)
    today = np.take_along_axis(price, system.stock_class[None], axis=0)[0]
    return material * np.exp(today)


def sell(system: System, sources: Sources, net: Array, rate: Array, abroad: Array) -> Sales:
    """E9, E11: demand at the gate, and the taxes and rents on the way there.

    net (c,n,k) spending; rate (kc,n,i) licence rate l; abroad (kc,n,i) the part of it that importers keep.
    """
    s = system.sourcing
    spending = net.transpose(0, 2, 1)
    per_power = spending[:, s.plain] / (1 + sources.plain)
    power = 1 + sources.power
    gate = np.zeros_like(power)
    gate[s.plain] = power[s.plain] * to_origin(per_power, s.gate)
    cell = s.share * sources.cell_power * (spending[:, s.cell] / (1 + sources.cell))[..., None]
    cell_gate = cell.sum(axis=0) * s.gate_cell / (1 + rate)
    gate[s.cell] = cell_gate.sum(axis=1)
    tariff = (cell * s.tariff_cell).sum(axis=(0, 1, 3))
    tax = (cell * s.tax_cell).sum(axis=(0, 1, 2))
    if s.tariff is not None:
        tariff = tariff + ((s.tariff @ power[s.plain, :, None])[..., 0] * per_power).sum(axis=(0, 1))
    if s.tax is not None:
        tax = tax + (power[s.plain] * to_origin(per_power, s.tax)).sum(axis=0)
    return Sales(
        per_power, gate.T, cell, cell_gate, tariff, tax,
        (cell_gate * (rate - abroad)).sum(axis=(0, 1)), (cell_gate * abroad).sum(axis=(0, 2)),
    )  # fmt: skip


def to_origin(spending: Array, weight: Array) -> Array:
    """E9: (k,i) sum over classes and buyers of weight (c,k,n,i) times spending (c,k,n)."""
    return (spending[:, :, None, :] @ weight)[:, :, 0, :].sum(axis=0)


def mobile_supply(system: System, wage: Array, labour: Array) -> Array:
    """E10: (n,fm) income of mobile factors. labour (n,): what scientists leave of it, ratio."""
    supply = system.endowment[:, system.mobile] * np.exp(wage)
    return supply * np.where(system.mobile == system.benchmark.labour, labour[:, None], 1.0)


def sluggish_supply(system: System, sluggish: Array, capacity: Array, labour: Array) -> Array:
    """E10: (n,fs,j) income of each sluggish factor in each sector.

    sluggish (n,fs,j) ln wages; capacity (n,s) ln K, which scales the endowment of the stage's resource.
    W = [sum phi w^(1+kappa)]^(1/(1+kappa)); income phi V0 w^(1+kappa) W^-kappa.
    """
    if not len(system.sluggish):
        return sluggish
    rho = system.rho_supply[:, None]
    mean = sluggish_index(system, sluggish)
    supply = system.endowment[:, system.sluggish, None] * system.supply_share
    supply = supply * np.exp(rho * sluggish - (rho - 1) * mean[:, :, None])
    for s, j in enumerate(system.benchmark.stage_sector):
        f = system.stage_factor[s]
        supply[:, f, j] = supply[:, f, j] * np.exp(capacity[:, s])
    return supply * np.where(system.sluggish == system.benchmark.labour, labour[:, None], 1.0)[:, :, None]


def sluggish_excess(
    system: System, sluggish: Array, capacity: Array, labour: Array, output: Array, costs: Costs
) -> Array:
    """E10: (n,fs,j) ln supply less ln demand of sluggish factors, 0 in the base year.

    In logs throughout: the rent of a dying mine falls below what exp can hold. output (n,j) ln Y, subsidies included.
    """
    if not len(system.sluggish):
        return sluggish
    nests = system.nests
    rho = system.rho_supply[:, None]
    supply = rho * sluggish - (rho - 1) * sluggish_index(system, sluggish)[:, :, None]
    for s, j in enumerate(system.benchmark.stage_sector):
        supply[:, system.stage_factor[s], j] += capacity[:, s]
    supply = (
        supply
        + np.where(system.sluggish == system.benchmark.labour, np.log(labour)[:, None], 0.0)[:, :, None]
    )
    on_other = output + nests.rho_ree * (costs.other - costs.technology_x - costs.nest)
    on_added = on_other + nests.rho_added * (costs.value_added - costs.other)
    demand = on_added[:, None] + nests.rho_factor * (sluggish - costs.value_added[:, None])
    return np.where(system.supply_share > 0, supply - demand, 0.0)


def labour_wage(system: System, mobile: Array, sluggish: Array) -> Array:
    """(n,) ln wage of labour: its index when labour is sluggish."""
    labour = system.benchmark.labour
    if labour in system.mobile:
        return mobile[:, int(np.searchsorted(system.mobile, labour))]
    return sluggish_index(system, sluggish)[:, int(np.searchsorted(system.sluggish, labour))]


def sluggish_index(system: System, sluggish: Array) -> Array:
    """E10: (n,fs) ln W of sluggish factors."""
    if not len(system.sluggish):
        return sluggish[:, :, 0]
    top, shares = sluggish_weights(system, sluggish)
    total = shares.sum(axis=2)
    return top + np.log(np.where(total == 0, 1.0, total)) / system.rho_supply


def sluggish_weights(system: System, sluggish: Array) -> tuple[Array, Array]:
    """E10: (n,fs) the highest ln wage of a factor, and (n,fs,j) phi (w / highest)^(1+kappa).

    Relative to the highest, because the rent of a dying mine falls below what exp can hold.
    """
    present = system.supply_share > 0
    top = np.where(present, sluggish.real, -np.inf).max(axis=2)
    top = np.where(np.isfinite(top), top, 0.0)
    power = np.exp(system.rho_supply[:, None] * np.where(present, sluggish - top[:, :, None], 0.0))
    return top, system.supply_share * power


def labour_in_production(system: System, direction: Direction) -> Array:
    """E16: (n,) labour left to production when scientists are drawn from it, ratio to the base."""
    return 1 - system.research.labour_share * (direction.scientists - 1)


def world_factor_income(system: System, mobile: Array, sluggish: Array) -> Array:
    """E11: labour and capital income of the base endowments, ratio to the base: the numeraire.

    mobile (n,fm), sluggish (n,fs,j) ln wages.
    """
    b = system.benchmark
    average = np.zeros(system.endowment.shape, dtype=np.result_type(mobile, sluggish))
    average[:, system.mobile] = mobile
    average[:, system.sluggish] = sluggish_index(system, sluggish)
    base = np.where(b.numeraire, system.endowment, 0.0)
    return 1 + (base * np.expm1(average)).sum() / base.sum()


def income(
    system: System, spending: Spending, sales: Sales, factor_income: Array, output: Array, world: Array
) -> Array:  # fmt: skip
    """E11: (n,) income, million USD.

    factor_income (n,); output (n,j) ln Y; world: world factor income, ratio.
    Smuggling costs, recycling costs and capacity investment are uses of income (they buy the final bundle): welfare
    deducts them.
    """
    b = system.benchmark
    revenue = np.exp(output)
    research = (system.research_income * revenue).sum(axis=1)
    subsidies = (system.subsidy * b.output * revenue).sum(axis=1)
    use_subsidy = (-np.expm1(system.log_use) * spending.gross.sum(axis=0)).sum(axis=1)
    deficit = system.deficit * (world if b.parameters.deficit_rule == "share_of_world_income" else 1.0)
    return (
        factor_income + research + sales.tariff + sales.tax + sales.rent_exporter + sales.rent_importer
        + spending.stock.sum(axis=1) - subsidies - use_subsidy + deficit
    )  # fmt: skip
