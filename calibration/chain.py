"""The rare-earth chain of the base year in tonnes and prices, before it meets the host table.

All arrays are over the calibration's regions and elements. Tonnes are tonnes of product as it is traded (gross weight);
times `reo_content` they are tonnes of rare-earth oxide (REO).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from calibration.errors import InputError

Array = npt.NDArray[np.float64]
USD_PER_KG_TONNES = 1e-3  # USD/kg times tonnes is thousand USD; this makes it million USD


@dataclass(frozen=True)
class ChainData:
    """What the calibration YAML and the customs data say of the chain. Axes: i,n regions, e elements, a applications,
    o ores, j sectors, p the two HS products (cerium compounds, others)."""

    customs_origin: int  # whose exports are known by destination and imposed
    oxide_price: Array  # (e,) USD/kg REO, FOB
    export_tax: Array  # (e,) wedge at the border of the customs origin: duty and VAT
    licence: float  # USD/kg, rent of a quota of the customs origin, paid before the tax
    reo_content: Array  # (e,) kg REO per kg
    concentrate_trade: Array  # (i,n) t REO mined in i and separated in n
    concentrate_content: float
    concentrate_price_limit: float  # USD/kg
    concentrate_cost_share: float
    ore_composition: Array  # (o,e)
    ore_mix: Array  # (i,o)
    element_by_application: Array  # (a,e) t REO
    application_to_sector: Array  # (a,j)
    application_by_region: Array  # (a,n)
    active: Array  # (n,j) True where the sector, or the host of the stage, produces
    home_share: Array  # (i,)
    reprocessing_limit: float
    reprocessing_sector: int
    trade_tonnes: Array  # (i,n,p)
    trade_value: Array  # (i,n,p) million USD
    cerium: int  # position of the element that HS 2846.10 is


@dataclass(frozen=True)
class Chain:
    """The chain in the base year."""

    production: Array  # (n,e) t
    shipments: Array  # (i,n,e) t, home included
    sector_share: Array  # (n,e,j) of n's purchases of e
    reprocessed: Array  # (n,) share of purchases that the chemical industry works up for export
    element_value: Array  # (i,e) USD/kg at the producer's gate
    concentrate_value: Array  # (i,) USD/kg at the mine's gate
    concentrate_tonnes: Array  # (i,n) t


def build_chain(data: ChainData) -> Chain:
    """Tonnes, shipments and gate prices of every element. Raises InputError when exports exceed what is made."""
    ore = data.ore_mix @ _normalised(data.ore_composition)
    separated = data.concentrate_trade.sum(0)
    composition = np.divide(
        data.concentrate_trade.T @ ore,
        separated[:, None],
        out=np.zeros_like(ore),
        where=separated[:, None] > 0,
    )
    production = separated[:, None] * composition / data.reo_content
    price = data.oxide_price * data.reo_content
    element_value = np.repeat(price[None, :], len(separated), axis=0)
    element_value[data.customs_origin] = price / (1 + data.export_tax) - data.licence
    if (element_value <= 0).any():
        raise InputError(
            "rare_earths: base_licence exceeds the price of an element at the border less export tax"
        )
    tonnes = separated_compounds(data)
    shipments = _shipments(data, production, tonnes, price)
    weights = _sector_weights(data)
    reprocessed = _reprocessing(data, shipments, tonnes)
    return Chain(
        production=production,
        shipments=shipments,
        sector_share=_with_reprocessing(weights, reprocessed, data.reprocessing_sector),
        reprocessed=reprocessed,
        element_value=element_value,
        concentrate_value=data.concentrate_cost_share
        * data.concentrate_content
        * np.einsum("ie,ie->i", ore, element_value / data.reo_content),
        concentrate_tonnes=data.concentrate_trade / data.concentrate_content,
    )


def separated_compounds(data: ChainData) -> Array:
    """Tonnes (i,n,p) of trade in separated compounds: flows cheaper than the limit are concentrate."""
    dear = data.trade_value > data.concentrate_price_limit * data.trade_tonnes * USD_PER_KG_TONNES
    dear[data.customs_origin] = True
    dear[:, :, 0] = True  # cerium compounds are separated by definition
    return np.where(dear, data.trade_tonnes, 0.0)


def tilted_mix(prior: Array, price: Array, unit_value: float) -> Array:
    """The mix prior_e price_e^x, normalised, whose mean price is `unit_value`.

    A unit value outside the prices of the elements (small, misreported flows) tells nothing of the mix: the prior.
    """
    held = prior > 0
    if not price[held].min() < unit_value < price[held].max():
        return prior / prior.sum()
    relative = np.log(price / unit_value)

    def mix(power: float) -> Array:
        weight = np.where(held, prior * np.exp(np.clip(power * relative, -600, 600)), 0.0)
        return weight / weight.sum()

    power = brentq(lambda x: float(np.log(mix(x) @ price / unit_value)), -50.0, 50.0, xtol=1e-14, rtol=1e-14)
    return mix(power)


def _normalised(table: Array) -> Array:
    total = table.sum(-1, keepdims=True)
    return np.divide(table, total, out=np.zeros_like(table), where=total > 0)


def _shipments(data: ChainData, production: Array, tonnes: Array, price: Array) -> Array:
    """(i,n,e): the customs origin's exports in the customs tonnes and values, others' in the pattern of theirs."""
    regions = len(production)
    shipments = np.zeros((regions, *production.shape))
    for origin in range(regions):
        if origin == data.customs_origin:
            shipments[origin] = _customs_exports(data, price)
            home = production[origin] - shipments[origin].sum(0)
            if (home <= 0).any():
                raise InputError(
                    "rare_earths: the customs data export more of an element than mines give: "
                    f"{', '.join(f'{h:.0f} t' for h in home)} are left at home, by element"
                )
        else:
            pattern = tonnes[origin].sum(-1)
            exported = (1 - data.home_share[origin]) if pattern.sum() > 0 else 0.0
            share = exported * pattern / max(pattern.sum(), 1e-300)
            shipments[origin] = share[:, None] * production[origin]
            home = (1 - exported) * production[origin]
        shipments[origin, origin] = home
    return shipments


def _customs_exports(data: ChainData, price: Array) -> Array:
    """(n,e) t whose total and FOB value by destination are those of the customs."""
    origin = data.customs_origin
    exports = np.zeros((data.trade_tonnes.shape[1], len(price)))
    cerium = np.arange(len(price)) == data.cerium
    for region in range(len(exports)):
        tonnes = data.trade_tonnes[origin, region].sum()
        value = data.trade_value[origin, region].sum()
        if tonnes <= 0:
            continue
        uses = data.element_by_application.T @ data.application_by_region[:, region] / data.reo_content
        prior = np.where(cerium, 0.0, uses)
        prior = _normalised(prior) * data.trade_tonnes[origin, region, 1] / tonnes
        prior[cerium] = max(data.trade_tonnes[origin, region, 0] / tonnes, 1e-3)
        exports[region] = tonnes * tilted_mix(
            prior / prior.sum(), price, value / (tonnes * USD_PER_KG_TONNES)
        )
    return exports


def _sector_weights(data: ChainData) -> Array:
    """(n,e,j) share of each sector in a region's use of an element, from applications.

    An element for which a region has no application, or not the sector, is bought by its chemical industry.
    """
    weights = np.einsum(
        "ae,an,aj->nej", data.element_by_application, data.application_by_region, data.application_to_sector
    )
    weights *= data.active[:, None, :]
    unused = weights.sum(2) == 0
    weights[:, :, data.reprocessing_sector][unused] = 1.0
    return _normalised(weights)


def _reprocessing(data: ChainData, shipments: Array, tonnes: Array) -> Array:
    """(n,) share of purchases that go to exporters of compounds beyond what the region separates itself."""
    exports = tonnes.sum((1, 2)) - (shipments.sum((1, 2)) - np.einsum("iie->i", shipments))
    purchases = shipments.sum((0, 2))
    return np.clip(exports / np.maximum(purchases, 1e-300), 0.0, data.reprocessing_limit)


def _with_reprocessing(weights: Array, share: Array, sector: int) -> Array:
    moved = weights * (1 - share[:, None, None])
    moved[:, :, sector] += share[:, None]
    return moved
