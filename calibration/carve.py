"""Take the rare-earth chain out of its host sectors without changing any total of the host table.

Rows: concentrate out of mining, elements out of chemicals, magnets out of electrical equipment, cell by cell at gate
prices. Columns: the three new sectors buy what their hosts buy, in their hosts' proportions, besides rare earths.
Export taxes on rare earths, which the host table counts in the income of the using sector, are taken out of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.balance import ras
from calibration.chain import USD_PER_KG_TONNES, Chain
from calibration.errors import InputError

Array = npt.NDArray[np.float64]

MINING, SEPARATION, MAGNETS = 0, 1, 2  # stages, in the order of the chain
SMALLEST = 1e-3  # share of a host cell that is left at least


@dataclass(frozen=True)
class CarveData:
    """What carving needs besides the chain: positions of hosts, and the shares and prices of magnets."""

    host: Array  # (s,) position of the host sector of each stage
    value_added_share: Array  # (s,)
    border_wedge: Array  # (e,) what leaving `customs_origin` adds to the gate price, a rate: tax and licence
    customs_origin: int
    reo_content: Array  # (e,)
    magnet_content: float  # kg REO per kg
    magnet_price: Array  # (i,) USD/kg
    magnet_home_share: Array  # (i,)
    magnet_buyers: Array  # (k,) shares over host sectors


@dataclass(frozen=True)
class Moved:
    """What balancing moved: between the origins of a good, or between the cells of a region's purchases."""

    good: int | None
    region: int | None
    amount: float  # million USD


@dataclass(frozen=True)
class Carved:
    """The economy with the chain: ordinary goods, concentrate, elements, magnets; host sectors, then the stages."""

    trade: Array  # (c,i,n,k) million USD at the gate; c: industries, final users
    use: Array  # (n,k,j) million USD, purchaser prices
    final: Array  # (n,k)
    moved: tuple[Moved, ...] = ()  # what balancing had to move


def magnet_trade(data: CarveData, chain: Chain, host_trade: Array) -> Array:
    """(i,n) million USD: as many magnets as the elements bought by magnet makers give, sold as the host's goods are."""
    bought = np.einsum("ine,ne->ne", chain.shipments, chain.sector_share[:, :, -1])
    tonnes = bought @ data.reo_content / data.magnet_content
    output = tonnes * data.magnet_price * USD_PER_KG_TONNES
    abroad = host_trade[:, :, data.host[MAGNETS]].copy()
    np.fill_diagonal(abroad, 0.0)
    abroad /= abroad.sum(1, keepdims=True)
    sales = abroad * (output * (1 - data.magnet_home_share))[:, None]
    sales[np.diag_indices_from(sales)] = output * data.magnet_home_share
    return sales


def carve(data: CarveData, chain: Chain, host_trade: Array, host_use: Array, final_trade: Array) -> Carved:
    """Carve the chain out of (i,n,k) trade of industries and of final users and (n,k,j) use, k = j = host sectors.

    Raises InputError when a stage's rare-earth inputs exceed its output less value added.
    """
    n, _, k = host_trade.shape
    e = len(data.reo_content)
    mine, chem, elec = (int(h) for h in data.host)
    concentrate = chain.concentrate_tonnes * chain.concentrate_value[:, None] * USD_PER_KG_TONNES
    elements = chain.shipments * chain.element_value[:, None, :] * USD_PER_KG_TONNES
    magnets = magnet_trade(data, chain, host_trade)

    trade = np.zeros((2, n, n, k + 2 + e))
    trade[1, :, :, :k] = final_trade
    trade[0, :, :, :k] = host_trade
    trade[0, :, :, mine] -= concentrate
    trade[0, :, :, chem] -= elements.sum(2)
    trade[0, :, :, elec] -= magnets
    trade[0, :, :, k] = concentrate
    trade[0, :, :, k + 1 : k + 1 + e] = elements
    trade[0, :, :, -1] = magnets

    gate = np.zeros((n, k + 2 + e, k + 3))  # use at gate prices
    gate[:, :k, :k] = host_use
    gate[:, k, k + SEPARATION] = concentrate.sum(0)
    gate[:, k + 1 : k + 1 + e] = elements.sum(0)[:, :, None] * chain.sector_share
    gate[:, -1, :k] = magnets.sum(0)[:, None] * data.magnet_buyers
    # Rare earths leave the rows and columns of the host goods in which the source table counts them.
    host_of = np.concatenate([np.arange(k), data.host]).astype(int)
    for good, row in ((slice(k, k + 1), mine), (slice(k + 1, k + 1 + e), chem), (slice(-1, None), elec)):
        bought = gate[:, good].sum(1)
        for sector, column in enumerate(host_of):
            gate[:, row, column] -= bought[:, sector]

    purchaser = gate.copy()
    taxed = elements[data.customs_origin] * data.border_wedge
    taxed[data.customs_origin] = 0.0
    purchaser[:, k + 1 : k + 1 + e] += taxed[:, :, None] * chain.sector_share
    output = trade.sum((0, 2))
    stage_output = np.stack([output[:, k], output[:, k + 1 : k + 1 + e].sum(1), output[:, -1]], axis=1)
    for stage, host in enumerate(data.host):
        rare = purchaser[:, k:, k + stage].sum(1)
        materials = stage_output[:, stage] * (1 - data.value_added_share[stage]) - rare
        if (materials < 0).any():
            raise InputError(
                f"rare_earths: {('ree_mining', 'ree_separation', 'magnets')[stage]} pays more for rare earths than "
                "its output less value added; lower value_added_share or raise its prices"
            )
        column = np.maximum(purchaser[:, :k, host], 0.0)
        bought = column * (materials / np.maximum(column.sum(1), 1e-300))[:, None]
        purchaser[:, :k, k + stage] = bought
        purchaser[:, :k, host] -= bought
    moved = _repair(trade, purchaser, host_trade, host_use)
    final = trade[1].sum(0)
    return Carved(trade, purchaser, final, moved)


def _repair(trade: Array, use: Array, host_trade: Array, host_use: Array) -> tuple[Moved, ...]:
    """Where carving left cells of host goods below zero, the nearest table with the same totals (RAS); in place.

    Trade of a good keeps its totals by origin and region; a region's purchases keep those by good and sector.
    Raises InputError when a total itself is below zero: more was taken out than there is.
    """
    k = host_use.shape[1]
    moved = []
    for good in range(k):
        block = trade[0, :, :, good]
        if block.min() < 0:
            fixed = _nearest(block, SMALLEST * host_trade[:, :, good], "sales of a host good abroad")
            moved.append(Moved(good, None, float(np.abs(fixed - block).sum() / 2)))
            trade[0, :, :, good] = fixed
    for region in range(len(use)):
        block = use[region, :k]
        if block.min() < 0:
            floor = np.zeros_like(block)
            floor[:, :k] = SMALLEST * host_use[region]
            fixed = _nearest(block, floor, "a host sector's purchases")
            moved.append(Moved(None, region, float(np.abs(fixed - block).sum() / 2)))
            use[region, :k] = fixed
    return tuple(moved)


def _nearest(block: Array, floor: Array, what: str) -> Array:
    rows, columns = block.sum(1), block.sum(0)
    least = min(rows.min(), columns.min())
    if least < -1e-9 * max(np.abs(block).max(), 1.0):
        raise InputError(
            f"rare_earths: more is taken out of {what} than there is (by {-least:.4g} million USD)"
        )
    return ras(np.maximum(block, floor), np.maximum(rows, 0.0), np.maximum(columns, 0.0))
