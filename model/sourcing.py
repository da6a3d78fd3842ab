"""Origin weights of E2 and what of a dollar spent reaches the gate, from shares, taxes, embargoes and quotas."""

from __future__ import annotations

from typing import Any

import numpy as np

from model.base_year import by_good, export_tax_base, licence_rate, sourcing_base, tariff_base
from model.ces import exponent
from model.records import Array, Benchmark, ProductionQuota, Quota, Shock
from model.system import Sourcing, System, span

WIDEST = 600.0  # difference of ln powers beyond which the lower one is nothing, and exp would overflow
WEDGES = ("export_tax", "tariff", "iceberg")  # instruments of a shock between gate and buyer


def sourcing(
    b: Benchmark, shock: Shock, quotas: tuple[Quota, ...], stage_good: Array, like: System | None
) -> Sourcing:
    """E1, E2, E9: shares of origins under a shock, and how they follow prices; like: as in `prepare`.

    stage_good (s,k): the goods of each stage. Embargoed cells are 0; embargoed shares are not given to others.
    """
    rho = exponent(b.parameters.trade_elasticity)
    if like is not None and _sold_alike(b, shock, quotas, rho, like):
        return like.sourcing.replace(rho=rho)
    dynamic = cell_goods(b, quotas, shock.production_quotas, stage_good)
    plain, cell = np.nonzero(~dynamic)[0], np.nonzero(dynamic)[0]
    some, licence0, pi = span(plain), licence_rate(b), sourcing_base(b)
    tax, tariff = _level(shock.export_tax, export_tax_base(b)), _level(shock.tariff, tariff_base(b))
    wedge = _wedge(b, shock, tax, tariff)
    # With no quota in force on it, a base-year licence has gone: its rate falls from l0 to 0.
    if b.licence[:, plain].any():
        gone = 1 / (1 + by_good(np.where(dynamic, 0.0, licence0)))
        wedge = gone if wedge is None else wedge * gone
    weight, share = pi[:, some], pi[:, cell]
    tilt = np.zeros(share.shape[1:]) if wedge is None else rho[cell, None, None] * np.log(wedge[cell])
    level = np.zeros(weight.shape[:3])
    if shock.embargo is not None:
        closed = by_good(shock.embargo)
        weight, level = _open(weight, closed[some])
        share = np.where(closed[cell], 0.0, share)
    if wedge is not None:
        weight, raised = _under_wedges(weight, wedge[some], rho[plain])
        level += raised
    gate, tariff_part, tax_part = _gate_parts(weight, _charged(tax, some), _charged(tariff, some))
    no_rate = np.zeros(share.shape[1:])
    tax_cell, tariff_cell = (no_rate if rate is None else rate[cell] for rate in (tax, tariff))
    keep = 1.0 / ((1 + tax_cell) * (1 + tariff_cell))
    return Sourcing(
        plain=plain, cell=cell, rho=rho, weight=weight, level=level, gate=gate, tariff=tariff_part, tax=tax_part,
        share=share, closed=share.sum(axis=3) - pi[:, cell].sum(axis=3), tilt=tilt,
        capacity_base=pi[:, cell], gate_cell=keep, tariff_cell=tariff_cell / (1 + tariff_cell),
        tax_cell=tax_cell * keep, licence_base=by_good(licence0[:, :, span(cell)]),
    )  # fmt: skip


def cell_goods(
    b: Benchmark, quotas: tuple[Quota, ...], production: tuple[ProductionQuota, ...], stage_good: Array
) -> Array:  # fmt: skip
    """Goods whose sourcing weights may depend on the unknowns: the rare-earth chain, and what quotas name."""
    dynamic: Array = np.array(stage_good.any(axis=0))
    dynamic[b.elements] = True
    for quota in quotas:
        dynamic |= quota.covers.any(axis=(0, 1))
    for limit in production:
        dynamic |= limit.goods
    return dynamic


def _sold_alike(b: Benchmark, shock: Shock, quotas: tuple[Quota, ...], rho: Array, like: System) -> bool:
    """Whether sourcing is that of another system, but for its exponents."""
    same = all(getattr(shock, name) is getattr(like.shock, name) for name in (*WEDGES, "embargo"))
    if not same or shock.production_quotas is not like.shock.production_quotas:
        return False
    others = like.restrictions.quotas
    if len(quotas) != len(others) or any(
        q.covers is not o.covers for q, o in zip(quotas, others, strict=True)
    ):
        return False
    moved = any(getattr(shock, name) is not None for name in WEDGES)
    # What licences leave when they go is a wedge, too.
    moved = moved or bool(b.licence[:, like.sourcing.plain].any())
    return not moved or np.array_equal(rho, like.sourcing.rho)


def _level(now: Array | None, base: Array | None) -> Array | None:
    """(k,n,i) rates in force, None where nothing is charged."""
    if now is None:
        return base
    return by_good(now) if now.any() else None


def _charged(rate: Array | None, some: Any) -> Array | None:
    """The rates of some goods, None where nothing is charged on any of them."""
    return rate[some] if rate is not None and rate[some].any() else None


def _wedge(b: Benchmark, shock: Shock, tax: Array | None, tariff: Array | None) -> Array | None:
    """(k,n,i) new over old wedge between gate and purchaser price, None where none changes."""
    wedge: Array | None = None
    for now, base in ((tax, export_tax_base(b)), (tariff, tariff_base(b))):
        if now is not base:
            ratio: Array = np.divide(1 + (0.0 if now is None else now), 1 + (0.0 if base is None else base))
            wedge = ratio if wedge is None else wedge * ratio
    if shock.iceberg is not None:
        iceberg = by_good(shock.iceberg)
        wedge = iceberg if wedge is None else wedge * iceberg
    return wedge


def _open(share: Array, closed: Array) -> tuple[Array, Array]:
    """E2: (c,k,n,i) shares of origins among those that are open, and (c,k,n) ln of what these had; closed (k,n,i)."""
    kept = np.where(closed, 0.0, share)
    # Where nothing is closed shares sum to 1, and with unit elasticity rounding must not pass for a loss.
    left = np.where((closed & (share > 0)).any(axis=3), kept.sum(axis=3), 1.0)
    left = np.where(left == 0, 1.0, left)  # nobody is left to buy from
    return kept / left[..., None], np.log(left)


def _under_wedges(share: Array, wedge: Array, rho: Array) -> tuple[Array, Array]:
    """E2: (c,k,n,i) shares of origins at base producer prices, and (c,k,n) ln of P^rho there.

    Relative to the lowest power that anybody pays, so that nothing cancels where all origins are taxed alike or only a
    trifle is left of them. share (c,k,n,i) without wedges; wedge (k,n,i), new over old.
    """
    power = np.log(wedge)
    power *= rho[:, None, None]
    bought = share.any(axis=0)
    least = power.min(axis=2, initial=np.inf, where=bought)
    least = np.maximum(least, power.max(axis=2, initial=-np.inf, where=bought) - WIDEST)
    least[~np.isfinite(least)] = 0.0  # a good that nobody buys
    power -= least[:, :, None]
    change = share * np.expm1(power, out=power)
    more = change.sum(axis=3)
    change += share
    change /= (1 + more)[..., None]
    return change, least + np.log1p(more)


def _gate_parts(
    weight: Array, tax: Array | None, tariff: Array | None
) -> tuple[Array, Array | None, Array | None]:
    """What of a dollar spent reaches the gate, and what of it is tariff and export tax, where there are any."""
    before_tariff = weight if tariff is None else weight / (1 + tariff)
    gate = before_tariff if tax is None else before_tariff / (1 + tax)
    paid = None if tariff is None else before_tariff * tariff
    return gate, paid, None if tax is None else gate * tax
