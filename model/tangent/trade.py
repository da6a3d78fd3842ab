"""Trade in percentage changes: E1, E2, E9 and E12-E14.

Producer prices reach buyers (`inward`), spending reaches origins (`outward`). For plain goods both are one matrix
product per good. For cell goods every coefficient that does not depend on the direction is summed over cells once, so
that a product costs a few small matrix products whatever the number of cells.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from model.equilibrium import Allocation, State
from model.records import Array
from model.restrictions import licence_rates, tonnes_per_value
from model.system import System, span
from model.tangent.receipts import Moved, Receipts


def reciprocal(level: Array) -> Array:
    """1 / level, 1 where there is nothing."""
    return 1.0 / np.where(level == 0, 1.0, level)


def times(matrices: Array, vectors: Array) -> Array:
    """Their product, in the precision of the matrices."""
    found: Array = matrices @ vectors.astype(matrices.dtype, copy=False)
    return found


class Trade:
    """Sourcing and sales of all goods."""

    def __init__(self, system: System, a: Allocation, rough: bool = False) -> None:
        s, sales = system.sourcing, a.sales
        self.weights = s.rough if rough else s
        self.sourcing, self.shape = s, a.sources.price.shape
        self.plain, self.rho = span(s.plain), s.rho[:, None, None]
        self.rho_plain = self.rho[self.plain]
        self.power = 1 + a.sources.power[self.plain, :, None]  # (kp,i,1)
        self.into = 1 / (1 + a.sources.plain[..., None])  # (c,kp,n,1)
        self.per_price = sales.per_power[..., None] * self.rho_plain  # (c,kp,n,1)
        self.per_gate = self.power * reciprocal(sales.gate.T[self.plain, :, None])
        self.gate_weight = self.weights.gate.swapaxes(2, 3)
        self.cells = Cells(system, a) if len(s.cell) else None
        if sales.tariff_power is not None:
            self.steep = self.power * self.rho_plain
            self.per_power, self.tariff_level = sales.per_power[..., None], sales.tariff_power[..., None]
        if self.weights.tax is not None:
            self.tax_weight = self.weights.tax.swapaxes(2, 3)
            left = times(self.tax_weight, sales.per_power[..., None]).sum(axis=0)
            self.tax_level = left * self.power * self.rho_plain

    def inward(self, d: State) -> Array:
        """E2: (c,n,k,x) purchaser prices."""
        dp = d.price.swapaxes(0, 1)
        plain = times(self.weights.weight, self.power * dp[self.plain]) * self.into
        if self.cells is None:
            return plain.swapaxes(1, 2)
        price = np.empty((self.shape[0], self.shape[2], self.shape[1], dp.shape[-1]), dtype=dp.dtype)
        price[:, self.plain] = plain
        price[:, self.cells.goods] = self.cells.inward(dp[self.cells.goods], d.licence, d.capacity)
        return price.swapaxes(1, 2)

    def outward(self, d: State, price: Array, net: Array) -> tuple[Array, Array | float, Array | None]:
        """E9, E11, E12: ln demand at the gate (i,k,x), taxes and licence rents by region (n,x), quota tonnes (q,x).

        price (c,n,k,x) and net (c,n,k,x) spending, million USD.
        """
        dp, price, spending = d.price.swapaxes(0, 1), price.swapaxes(1, 2), net.swapaxes(1, 2)
        moved = dp[self.plain]
        per = spending[:, self.plain] * self.into - self.per_price * price[:, self.plain]
        arriving = times(self.gate_weight, per)
        arriving = arriving[0] if len(arriving) == 1 else arriving.sum(axis=0)
        plain = self.rho_plain * moved + self.per_gate * arriving
        taxes = self._taxes(moved, per)
        if self.cells is None:
            return plain.swapaxes(0, 1), taxes, None
        gate = np.empty_like(dp)
        gate[self.plain] = plain
        goods = self.cells.goods
        moved, weight = dp[goods], self.cells.log_capacity(d.capacity)
        h, gate[goods], tonnes = self.cells.outward(
            moved, d.licence, weight, price[:, goods], spending[:, goods]
        )
        return gate.swapaxes(0, 1), taxes + self.cells.receipts.change(moved, d.licence, weight, h), tonnes

    def _taxes(self, moved: Array, per: Array) -> Array | float:
        """E11: tariffs and export taxes on plain goods."""
        s = self.weights
        taxes: Array | float = 0.0
        if s.tariff is not None:
            paid = times(s.tariff, self.steep * moved) * self.per_power
            paid += self.tariff_level * per
            taxes = taxes + paid.sum(axis=(0, 1))
        if s.tax is not None:
            left = times(self.tax_weight, per).sum(axis=0)
            taxes = taxes + (self.tax_level * moved + self.power * left).sum(axis=0)
        return taxes


class HomeTrade:
    """The part of trade that stays at home: what is left of `Trade` when regions are taken one at a time.

    Cell goods keep their prices.
    """

    def __init__(self, trade: Trade) -> None:
        self.trade = trade
        s = trade.sourcing
        self.share = np.einsum("ckii->cki", s.weight)[..., None] * trade.power * trade.into
        self.gate = np.einsum("ckii->cki", s.gate)[..., None] * trade.per_gate

    def inward(self, d: State) -> Array:
        """E2: (c,n,k,x) purchaser prices."""
        trade = self.trade
        price = np.zeros((trade.shape[0], *d.price.shape), dtype=d.price.dtype).swapaxes(1, 2)
        price[:, trade.plain] = self.share * d.price.swapaxes(0, 1)[trade.plain]
        return price.swapaxes(1, 2)

    def outward(self, d: State, price: Array, net: Array) -> tuple[Array, float, None]:
        """E9: ln demand at the gate (i,k,x)."""
        trade = self.trade
        price, spending = price.swapaxes(1, 2)[:, trade.plain], net.swapaxes(1, 2)[:, trade.plain]
        per = spending * trade.into - trade.per_price * price
        gate = np.zeros_like(d.price).swapaxes(0, 1)
        gate[trade.plain] = trade.rho_plain * d.price.swapaxes(0, 1)[trade.plain] + (self.gate * per).sum(
            axis=0
        )
        return gate.swapaxes(0, 1), 0.0, None


class Cells:
    """Goods whose sourcing depends on licences or capacity.

    With h = ln spending - rho ln P - ln of mean capacity by buyer, a flow at purchaser prices changes by
    a dp + b chi + ln K + h and at the gate by a' dp + b' chi + ln K + h; everything else sums such changes.
    """

    def __init__(self, system: System, a: Allocation) -> None:
        s, r = system.sourcing, system.restrictions
        self.system, self.a = system, a
        self.goods, self.rho = span(s.cell), s.rho[s.cell][:, None, None]
        self.classes = s.share.shape[0]
        falling, falling_abroad = _specific(system, a)
        passed = 1 / (1 + a.licence_rate)
        prices = a.price.T[s.cell]
        quotas = len(r.quotas)
        unit = _per_unit(system, prices)
        at_price = self.rho * (1 - falling * passed)  # a
        at_gate = at_price + falling * passed  # a'
        share = a.sources.cell_share
        self.share = share * (1 - falling * passed)  # (c,kc,n,i) dP/dp
        self.by_chi = ((share * passed)[..., None] * unit).sum(axis=3) if quotas else None
        spent = a.spending.net.transpose(0, 2, 1)[:, s.cell]
        self.per_spending = reciprocal(spent)[..., None] * (spent > 0)[..., None]
        flow_c = a.sales.cell * (s.gate_cell * passed)
        flow = flow_c[0] if self.classes == 1 else flow_c.sum(axis=0)
        self.moved = Moved(
            a.sales.cell, flow_c, flow, passed, unit, falling, falling_abroad, at_price, at_gate
        )
        total = reciprocal(flow.sum(axis=1))  # (kc,i)
        self.flow, self.total = flow_c.swapaxes(2, 3), total[..., None]
        self.own = ((flow * at_gate).sum(axis=1) * total)[..., None]
        self._capacity(system, a, flow, total)
        self.chi_gate, self.quotas = None, None
        if quotas:
            above = ((self.rho - 1) * passed)[..., None] * unit
            self.chi_gate = (flow[..., None] * above).sum(axis=1) * total[..., None]
            counted = (
                r.per_kg * flow_c[:, None] * tonnes_per_value(r, prices)[None, None, :, None]
            )  # (c,q,kc,n,i)
            self.quotas = QuotaTonnes(counted, at_gate - 1, above)

    @cached_property
    def receipts(self) -> Receipts:
        """What regions receive: the preconditioner does without."""
        return Receipts(self.system, self.a, self.rho, self.moved)

    def _capacity(self, system: System, a: Allocation, flow: Array, total: Array) -> None:
        """E22: weights of capacity in prices and in the mean that normalises them."""
        self.stages = None
        if system.closure.capacity != "target":
            return
        s = system.sourcing
        weights = system.capacity_weight.T * system.stage_good
        self.stages = weights.T[s.cell]  # (kc,s)
        self.present = (flow.sum(axis=1) * total)[..., None]
        self.mean = s.capacity_base * a.weight  # (c,kc,n,i)
        # New shares less the means: with unit elasticity they differ in the last digits.
        base, power, mean = a.sources.cell_base, a.sources.cell_power, a.sources.cell[..., None]
        closed = np.where(s.closed[..., None] < 0, base - self.mean, 0.0)
        self.capacity_price = (base * ((power - mean) / (1 + mean)) + closed) / self.rho

    def log_capacity(self, capacity: Array) -> Array | None:
        """(kc,i,x) change of the capacity weight of each origin, from ln K (n,s,x)."""
        if self.stages is None:
            return None
        return np.einsum("ks,isx->kix", self.stages, capacity)

    def inward(self, dp: Array, chi: Array, capacity: Array) -> Array:
        """(c,kc,n,x) purchaser prices, from producer prices (kc,i,x), licences (q,x) and ln K (n,s,x)."""
        price = self.share @ dp
        if self.by_chi is not None:
            price = price + self.by_chi @ chi
        weight = self.log_capacity(capacity)
        return price if weight is None else price + self.capacity_price @ weight

    def outward(
        self, dp: Array, chi: Array, weight: Array | None, price: Array, spending: Array
    ) -> tuple[Array, Array, Array | None]:
        """h (c,kc,n,x), ln demand at the gate (kc,i,x), quota tonnes (q,x).

        price and spending (c,kc,n,x); weight (kc,i,x) of capacity.
        """
        h = spending * self.per_spending - self.rho * price
        if weight is not None:
            h = h - self.mean @ weight
        arriving = self.flow @ h
        arriving = arriving[0] if self.classes == 1 else arriving.sum(axis=0)
        gate = arriving * self.total + self.own * dp
        if weight is not None:
            gate = gate + self.present * weight
        if self.quotas is None:
            return h, gate, None
        return h, gate + self.chi_gate @ chi, self.quotas.change(dp, h, chi, weight)


class QuotaTonnes:
    """E12: tonnes under each quota, against prices, h, licences and capacity."""

    def __init__(self, counted: Array, at_price: Array, at_chi: Array) -> None:
        rows = counted.shape[1]
        total = counted.sum(axis=0)  # (q,kc,n,i)
        self.h = counted.sum(axis=4).transpose(1, 0, 2, 3).reshape(rows, -1)  # (q, c*kc*n)
        self.price = (total * at_price).sum(axis=2).reshape(rows, -1)  # (q, kc*i)
        self.total = total
        self.chi = total.reshape(rows, -1) @ at_chi.reshape(-1, rows)

    def change(self, dp: Array, h: Array, chi: Array, capacity: Array | None) -> Array:
        flat = (-1, dp.shape[-1])
        tonnes = self.h @ h.reshape(flat) + self.price @ dp.reshape(flat) + self.chi @ chi
        if capacity is None:
            return tonnes
        by_origin = self.total.sum(axis=2).reshape(len(self.total), -1)
        return np.asarray(tonnes + by_origin @ capacity.reshape(flat))


def _specific(system: System, a: Allocation) -> tuple[Array, Array]:
    """The parts of the licence rates that fall when the price rises: those of specific licences."""
    r = system.restrictions
    if r.all_specific:
        return a.licence_rate, a.licence_abroad
    prices = a.price.T[system.sourcing.cell]
    chi = np.where(r.specific, a.state.licence, 0.0)
    return licence_rates(r, prices, chi), licence_rates(r, prices, chi * r.rent_to_importer)


def _per_unit(system: System, prices: Array) -> Array:
    """(kc,n,i,q) licence rates per unit of chi; they are linear in it."""
    r = system.restrictions
    per_value = np.exp(-prices) / r.unit_value
    rates = np.where(r.specific[:, None, None, None], r.per_kg * per_value[:, None, :], r.per_kg > 0)
    return rates.transpose(1, 2, 3, 0)
