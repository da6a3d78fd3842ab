"""Ordinary goods region by region, links between regions cut, written out as one matrix for each region: E4, E7-E11.

For the usual case (every ordinary sector makes one good of its own, with mobile factors) this is what `Tangent.at_home`
would give column by column, at a tenth of the cost. It serves the preconditioner only, which leaves out what is small:
substitution between rare earths and other inputs, stocks, research.
"""

from __future__ import annotations

import numpy as np

from model.records import Array
from model.system import span
from model.tangent import Tangent
from model.tangent.trade import HomeTrade, Trade


def home_blocks(tangent: Tangent, goods: Array, sectors: Array) -> Array:
    """(n,l,l) changes of market, profit, factor and income residuals for changes of prices, outputs, wages and income.

    sectors: the ordinary ones, and goods: what they make, in the order of rows and columns.
    """
    system, region, factors = tangent.system, tangent.region, tangent.factors
    regions, k, j = len(system.supplied), len(goods), len(sectors)
    share, gate, own = _trade(tangent, goods)
    material, spent = _materials(tangent, goods, share, gate)  # (n,J,k), (n,k,J)
    cost = np.ones((regions, system.active.shape[1], 1))  # of other inputs in all costs
    if len(system.nests.users):
        cost[:, region.users] -= region.ree_share
    final = system.benchmark.final_class
    bought = (gate[final] * region.final[..., 0][:, goods])[:, :, None]  # of the final bundle
    final_share = region.final_share[:, :, goods] * share[final][:, None]
    outlay, wages = region.outlay, region.mobile_share
    demand = factors.demand
    f = demand.shape[1]
    blocks = np.zeros((regions, k + j + f + 1, k + j + f + 1), dtype=material.dtype)
    price, output, wage, income = np.split(np.arange(k + j + f + 1), np.cumsum([k, j, f]))

    def at(rows: Array, columns: Array) -> Array:
        return blocks[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]

    def in_columns(of_sectors: Array) -> Array:
        return of_sectors.swapaxes(1, 2).astype(blocks.dtype)

    made, own_good = span(sectors), np.arange(k)
    # E7: price less cost.
    by_materials = (cost * region.materials_part).astype(blocks.dtype)
    np.multiply(material[:, made], -by_materials[:, made], out=at(output, price))
    at(output, price)[:, own_good, own_good] += 1.0
    at(output, wage)[...] = -((1 - region.materials_part) * cost * wages)[:, made]
    # E8, E9: supply less demand at the gate.
    substituted = outlay * (region.gap_materials - region.rho_material)
    at(price, price)[...] = (system.nests.rho_final * bought) * final_share
    at(price, price)[...] -= (spent * in_columns(substituted)) @ material
    at(price, price)[:, own_good, own_good] -= own
    np.multiply(spent[:, :, made], -in_columns(outlay)[:, :, made], out=at(price, output))
    at(price, output)[:, own_good, own_good] += 1.0
    at(price, wage)[...] = (spent * in_columns(outlay * region.gap_materials)) @ wages
    at(price, income)[...] = -bought
    # E10: factor supply less demand.
    at(wage, price)[...] = (demand * in_columns(region.gap_added)) @ material
    at(wage, output)[...] = -demand[:, :, made]
    at(wage, wage)[...] = (1 - factors.own) * np.eye(f)
    at(wage, wage)[...] -= (demand * (region.gap_added - region.rho_factor).swapaxes(1, 2)) @ wages
    # E11, and the numeraire in the place of the budget left out.
    at(income, output)[...] = -(tangent.at_output[:, :, sectors] * tangent.per_income[:, None])
    at(income, wage)[...] = -(factors.mobile_supply[..., 0] * tangent.per_income)[:, None]
    at(income, income)[...] = 1.0
    last = system.numeraire_region
    blocks[last, income] = 0.0
    blocks[last, income, wage] = factors.world_mobile[last, :, 0] / tangent.a.world
    return blocks


def _trade(tangent: Tangent, goods: Array) -> tuple[Array, Array, Array]:
    """Home share of purchases (c,n,k); ln demand at the gate per dollar spent (c,n,k) and against its price (n,k)."""
    assert isinstance(tangent.trade, Trade)
    trade, region = tangent.trade, tangent.region
    home, plain = HomeTrade(trade), np.searchsorted(trade.sourcing.plain, goods)
    share = home.share[..., 0][:, plain].swapaxes(1, 2)
    gate = (home.gate * trade.into)[..., 0][:, plain].swapaxes(1, 2)
    lost = (home.gate * trade.per_price)[..., 0][:, plain].swapaxes(1, 2)
    if region.paid is not None:
        gate = gate * region.paid[..., 0][:, goods]
    own = ((gate * region.own[..., 0][:, :, goods] - lost) * share).sum(axis=0)
    return share, gate, own + trade.sourcing.rho[goods]


def _materials(tangent: Tangent, goods: Array, share: Array, gate: Array) -> tuple[Array, Array]:
    """ln price of materials against home prices (n,J,k), ln demand at the gate per dollar spent on them (n,k,J)."""
    regions, sectors = tangent.system.active.shape
    where = span(goods)
    dtype = tangent.region.material[0].share.dtype
    material = np.zeros((regions, sectors, len(goods)), dtype=dtype)
    spent = np.zeros((regions, len(goods), sectors), dtype=dtype)
    for bundle in tangent.region.material:
        cls, members = bundle.use_class, bundle.sectors
        part = bundle.share[:, :, where] * bundle.scale.astype(dtype)
        if bundle.power is not None:
            part *= bundle.power[:, where].swapaxes(1, 2)
        material[:, members] = part * share[cls][:, None].astype(dtype)
        spent[:, :, members] = part.swapaxes(1, 2) * gate[cls][:, :, None].astype(dtype)
    return material, spent
