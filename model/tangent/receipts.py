"""What regions receive on the way of goods of the chain, in percentage changes: E11."""

from __future__ import annotations

from typing import NamedTuple

from model.equilibrium import Allocation
from model.records import Array
from model.system import System


class Moved(NamedTuple):
    """Flows of cell goods, and what of a change of a producer price or a licence moves them."""

    value: Array  # (c,kc,n,i) at purchaser prices
    gate_by_class: Array  # (c,kc,n,i) at the gate
    gate: Array  # (kc,n,i) the same, summed over classes
    passed: Array  # (kc,n,i) 1 / (1 + licence rate)
    unit: Array  # (kc,n,i,q) licence rate per unit of chi
    falling: Array  # (kc,n,i) the part of the licence rate that falls when the price rises
    falling_abroad: Array  # (kc,n,i) of it, what importers keep
    at_price: Array  # (kc,n,i) elasticity of a flow at purchaser prices to the price of its origin
    at_gate: Array  # (kc,n,i) the same at the gate


class Receipts:
    """Changes of taxes and licence rents by region, per change of h (see `Cells`), prices, licences and capacity."""

    def __init__(self, system: System, a: Allocation, rho: Array, moved: Moved) -> None:
        """rho (kc,1,1)."""
        s, r, flow = system.sourcing, system.restrictions, moved.gate
        rate, abroad = a.licence_rate, a.licence_abroad
        kept, regions = rate - abroad, flow.shape[1]
        imported, exported = moved.value * s.tariff_cell, moved.value * s.tax_cell
        if len(r.quotas):
            imported = imported + moved.gate_by_class * abroad
            exported = exported + moved.gate_by_class * kept
        self.importer = imported.sum(axis=3)[..., None]  # (c,kc,n,1), against h
        self.exporter = exported.reshape(-1, regions).T  # (i, c*kc*n), against h
        value = moved.value.sum(axis=0)
        tariffs, taxes = value * s.tariff_cell, value * s.tax_cell
        to_importer = tariffs * moved.at_price + flow * (abroad * moved.at_gate - moved.falling_abroad)
        to_exporter = taxes * moved.at_price
        to_exporter += flow * (kept * moved.at_gate - moved.falling + moved.falling_abroad)
        self.importer_price = to_importer.transpose(1, 0, 2).reshape(regions, -1)  # (n, kc*i)
        self.exporter_price = to_exporter.sum(axis=1)[..., None]  # (kc,i,1)
        self.importer_capacity = imported.sum(axis=0).transpose(1, 0, 2).reshape(regions, -1)
        self.exporter_capacity = exported.sum(axis=(0, 2))[..., None]
        self.by_chi: Array | None = None  # (n,q)
        if len(r.quotas):
            steep, above = rho * moved.passed, (rho - 1) * moved.passed
            unit, unit_abroad, many = moved.unit, moved.unit * r.rent_to_importer, flow[..., None]
            bought = (tariffs * steep + flow * abroad * above)[..., None] * unit + many * unit_abroad
            sold = (taxes * steep + flow * kept * above)[..., None] * unit + many * (unit - unit_abroad)
            self.by_chi = bought.sum(axis=(0, 2)) + sold.sum(axis=(0, 1))

    def change(self, dp: Array, chi: Array, weight: Array | None, h: Array) -> Array:
        """(n,x) million USD; dp (kc,i,x), chi (q,x), weight (kc,i,x) of capacity, h (c,kc,n,x)."""
        flat = (-1, dp.shape[-1])
        found: Array = (self.importer * h).sum(axis=(0, 1)) + self.exporter @ h.reshape(flat)
        found = found + self.importer_price @ dp.reshape(flat) + (self.exporter_price * dp).sum(axis=0)
        if weight is not None:
            found = found + self.importer_capacity @ weight.reshape(flat)
            found = found + (self.exporter_capacity * weight).sum(axis=0)
        return found if self.by_chi is None else found + self.by_chi @ chi
