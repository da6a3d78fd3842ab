"""The derivative of the residuals, equation by equation: E1-E17, E22 in percentage changes.

`linearise` takes an allocation and returns a function from changes of the unknowns to changes of the residuals. It is
the linearised model that GEMPACK users know: every CES aggregate changes by the share-weighted sum of its parts. Arrays
carry a last axis of columns (x), so that many directions cost a few matrix products. Tests hold it to complex-step
derivatives of `residuals` (docs/model.md, section 10.5).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from model.equilibrium import Allocation, Residuals, State
from model.records import Array
from model.restrictions import complementarity_slopes, licence_rates, tonnes_per_value
from model.system import System


class PriceChanges(NamedTuple):
    """Changes of E1-E5."""

    rate: Array  # (kc,n,i,x) licence rate
    abroad: Array  # (kc,n,i,x)
    shift: Array  # (c,kc,n,i,x) ln of a cell's weight
    price: Array  # (c,n,k,x)
    materials: Array  # (n,j,x)
    value_added: Array
    other: Array
    technology_x: Array
    element_price: Array  # (n,r,e,x)
    ree: Array  # (n,r,x)
    nest: Array  # (n,j,x)
    share_x: Array  # (n,j,x) ln cost share of X
    share_ree: Array  # (n,r,x)
    share_e: Array  # (n,r,e,x)


class SpendingChanges(NamedTuple):
    """Changes of E8."""

    on_factor: Array  # (n,f,j,x) ln
    final_price: Array  # (n,x)
    gross: Array  # (c,n,k,x) million USD
    stock: Array  # (n,k,x)
    net: Array  # (c,n,k,x)


def linearise(system: System, a: Allocation) -> Callable[[State], Residuals]:
    """The Jacobian of `residuals` at an allocation, as a function of changes of the unknowns."""
    slopes = _Slopes(system, a)

    def product(d: State) -> Residuals:
        return slopes.residuals(d)

    return product


def _x(array: Array) -> Array:
    """With a last axis for the columns."""
    return array[..., None]


class _Slopes:
    """Shares at the allocation, computed once and used by every product."""

    def __init__(self, system: System, a: Allocation) -> None:
        self.system, self.a = system, a
        nests, s, c = system.nests, system.sourcing, a.costs
        self.power = 1 + a.sources.power  # (k,i)
        self.cell_share = s.share * a.sources.cell_power / (1 + a.sources.cell)[..., None]
        self.capacity_share = s.capacity_base * np.exp(a.tilt)
        self.element_share = nests.element * np.exp(nests.rho_element[:, None] * (c.element_price - c.ree[:, :, None]))
        self.factor_share = nests.factor * np.exp(nests.rho_factor * (a.wage - c.value_added[:, None, :]))
        self.added_share = nests.value_added * np.exp(nests.rho_added * (c.value_added - c.other))
        self.final_share = a.spending.final / np.where(
            a.spending.final.sum(axis=1, keepdims=True) == 0, 1.0, a.spending.final.sum(axis=1, keepdims=True)
        )
        self.material_power = tuple(1 + p for p in c.materials_power)
        self.spread = rent_spread(system, a)

    # ---------------------------------------------------------------- E1-E5

    def prices(self, d: State) -> PriceChanges:
        system, a = self.system, self.a
        s, r, nests, b = system.sourcing, system.restrictions, system.nests, system.benchmark
        dp = d.price.swapaxes(0, 1)  # (k,i,x)
        cell_prices = a.state.price.T[s.cell]
        rate = self._licences(d.licence, cell_prices) - _x(_specific(r, a.licence_rate, cell_prices, a.state.licence)) * dp[s.cell][:, None]
        weighted = np.einsum("q,q...->q...", r.rent_to_importer, d.licence)
        abroad = self._licences(weighted, cell_prices) - _x(
            _specific(r, a.licence_abroad, cell_prices, a.state.licence * r.rent_to_importer)
        ) * dp[s.cell][:, None]
        d_capacity = self._tilt(d.capacity)
        rho_cell = s.rho[s.cell][:, None, None, None]
        shift = rho_cell * (dp[s.cell][:, None] + rate / _x(1 + a.licence_rate)) + d_capacity
        price = np.zeros((*a.sources.price.transpose(0, 2, 1).shape, dp.shape[-1]), dtype=dp.dtype)
        price[:, s.plain] = (s.weight @ (_x(self.power) * dp)[s.plain]) / _x(1 + a.sources.plain)
        price[:, s.cell] = (_x(self.cell_share) * shift).sum(axis=3) / s.rho[s.cell][:, None, None]
        price = price.swapaxes(1, 2)
        return self._costs(d, rate, abroad, shift, price)

    def _licences(self, chi: Array, prices: Array) -> Array:
        """Change of the licence rates per change of chi (they are linear in it)."""
        r = self.system.restrictions
        if not len(r.quotas):
            s = self.system.sourcing
            return np.zeros((*s.tilt.shape, chi.shape[-1]), dtype=chi.dtype)
        per_unit = np.stack([licence_rates(r, prices, unit) for unit in np.eye(len(r.quotas))])
        return np.tensordot(per_unit, chi, axes=(0, 0))

    def _tilt(self, d_capacity: Array) -> Array:
        """E22: change of ln K^w less its share-weighted mean, (c,kc,n,i,x)."""
        system = self.system
        s = system.sourcing
        log_k = np.einsum(
            "s,sk,isx->kix", system.benchmark.parameters.capacity_weight, system.stage_good.astype(float), d_capacity
        )[s.cell]
        mean = (_x(self.capacity_share) * log_k[None, :, None]).sum(axis=3)
        return log_k[None, :, None] - mean[:, :, :, None]

    def _costs(self, d: State, rate: Array, abroad: Array, shift: Array, price: Array) -> PriceChanges:
        system, a = self.system, self.a
        nests, b, c = system.nests, system.benchmark, a.costs
        materials = np.zeros(d.output.shape, dtype=price.dtype)
        for (cls, rho, sectors), power in zip(nests.groups, self.material_power, strict=True):
            mean = nests.material[:, sectors] @ (_x(power) * price[cls])
            materials[:, sectors] = mean * _x(np.exp(-rho * c.materials[:, sectors]))
        wage = self._wages(d)
        value_added = (_x(self.factor_share) * wage).sum(axis=1)
        other = _x(self.added_share) * value_added + _x(1 - self.added_share) * materials
        tech_x, tech_e = self._technology(d)
        element_price = price[b.use_class[nests.users]][:, :, b.elements].swapaxes(0, 1) - tech_e
        ree = (_x(self.element_share) * element_price).sum(axis=2)
        share = _x(a.spending.share_ree)
        bundle = np.zeros_like(other)
        bundle[:, nests.users] = ree
        nest = share * bundle + (1 - share) * (other - tech_x)
        rho = nests.rho_ree[:, None]
        share_ree = rho[nests.users] * (ree - nest[:, nests.users])
        share_e = share_ree[:, :, None] + nests.rho_element[:, None, None] * (element_price - ree[:, :, None])
        return PriceChanges(
            rate, abroad, shift, price, materials, value_added, other, tech_x, element_price, ree, nest,
            rho * (other - tech_x - nest), share_ree, share_e,
        )  # fmt: skip

    def _wages(self, d: State) -> Array:
        b = self.system.benchmark
        shape = (*b.factor_payment.shape, d.output.shape[-1])
        wage = np.zeros(shape, dtype=d.output.dtype)
        wage[:, self.system.mobile] = d.wage[:, :, None]
        wage[:, self.system.sluggish] = d.rent
        return wage

    def _technology(self, d: State) -> tuple[Array, Array]:
        """E17 is linear in ln r."""
        system = self.system
        q, users = system.research, system.nests.users
        if system.closure.technology != "target" or system.closure.regime == "exogenous":
            return np.zeros_like(d.research_x), np.zeros_like(d.research_e)
        a_x, a_e = q.own_x[:, None, None] * d.research_x, q.own_e[:, None, :, None] * d.research_e
        if system.closure.regime == "directed_with_spillovers":
            live_x, live_e = d.research_x * _x(q.active_x), d.research_e * _x(q.active_e)
            spilt = np.einsum("nm,mjx,qj->nqx", q.region, live_x, q.sector, optimize=True)
            a_x = a_x + q.spill_x[:, None, None] * spilt * _x(q.reach_x)
            a_x[:, users] += (_x(q.breadth) * live_e).sum(axis=2)
            sector = q.sector[np.ix_(users, users)]
            spilt = np.einsum("nm,mrex,qr->nqex", q.region, live_e, sector, optimize=True)
            a_e = a_e + q.spill_e[:, None, :, None] * spilt * _x(q.reach_e)
        return a_x * _x(q.active_x), a_e * _x(q.active_e)

    # ---------------------------------------------------------------- E8

    def spending(self, d: State, dc: PriceChanges) -> SpendingChanges:
        system, a = self.system, self.a
        nests, b, sp = system.nests, system.benchmark, a.spending
        users = nests.users
        on_other = d.output + dc.share_x
        rho_added = nests.rho_added[:, None]
        on_added = on_other + rho_added * (dc.value_added - dc.other)
        on_materials = on_other + rho_added * (dc.materials - dc.other)
        wage = self._wages(d)
        on_factor = on_added[:, None] + nests.rho_factor[:, None] * (wage - dc.value_added[:, None])
        gross = np.zeros_like(dc.price)
        for position, (cls, rho, sectors) in enumerate(nests.groups):
            scale, power = sp.materials_scale[position], self.material_power[position]
            change = _x(scale) * (on_materials[:, sectors] - rho * dc.materials[:, sectors])
            outlay = (scale[:, None] @ nests.material[:, sectors])[:, 0] * power
            gross[cls] += _x(power) * (nests.material[:, sectors].swapaxes(1, 2) @ change) + rho * _x(outlay) * dc.price[cls]
        on_element = _x(sp.on_element) * (d.output[:, users, None] + dc.share_e)
        for position, j in enumerate(users):
            gross[b.use_class[j]][:, b.elements] += on_element[:, position]
        buyers = dc.price[b.final_class]
        final_price = (_x(self.final_share) * buyers).sum(axis=1)
        gross[b.final_class] += _x(sp.final) * (d.income[:, None] + nests.rho_final * (buyers - final_price[:, None]))
        gross = gross / _x(np.exp(system.log_use))
        stock = np.zeros(gross.shape[1:], dtype=gross.dtype)
        if system.stock is None:
            return SpendingChanges(on_factor, final_price, gross, stock, gross)
        stock = _x(sp.stock) * np.take_along_axis(dc.price, system.stock_class[None, ..., None], axis=0)[0]
        total = sp.gross.sum(axis=0)
        safe = np.where(total == 0, 1.0, total)
        part = stock / _x(safe) - _x(sp.stock / safe**2) * gross.sum(axis=0)
        net = gross * _x(1 - sp.stock / safe) - _x(sp.gross) * part
        return SpendingChanges(on_factor, final_price, gross, stock, net)

    # ---------------------------------------------------------------- E9-E13, E15-E16, E22

    def residuals(self, d: State) -> Residuals:
        system, a = self.system, self.a
        dc = self.prices(d)
        ds = self.spending(d, dc)
        gate, cell_gate, taxes = self._sales(d, dc, ds)
        net, revenue, rent, supply = self._supply(d)
        sci_wage, scientists = self._scientists(d, dc)
        labour = -_x(system.research.labour_share) * scientists
        mobile, sluggish, world = self._factors(d, labour)
        earned = mobile.sum(axis=1) + sluggish.sum(axis=(1, 2)) + rent
        income = self._income(d, ds, earned + taxes, world)
        budget = d.income - income / _x(np.where(a.income == 0, 1.0, a.income))
        budget[system.numeraire_region] = world / a.world
        share = _x(a.spending.on_factor)
        demand = (share * ds.on_factor)[:, system.mobile].sum(axis=2)
        total = share[:, system.mobile].sum(axis=2)
        research_x, research_e = self._research(d, dc, sci_wage)
        quota, leak = self._quotas(d, cell_gate)
        stage = d.rent[:, system.stage_factor, system.benchmark.stage_sector] - ds.final_price[:, None]
        response = _x(system.benchmark.parameters.capacity_response)
        return Residuals(
            profit=revenue - dc.nest,
            market=_ratio(supply, a.supply) - _ratio(gate, a.sales.gate),
            mobile=_ratio(mobile, a.mobile_supply) - demand / np.where(total == 0, 1.0, total),
            sluggish=_ratio(sluggish, a.sluggish_supply) - ds.on_factor[:, system.sluggish],
            budget=budget, research_x=research_x, research_e=research_e,
            capacity=d.capacity - response * stage,
            quota=quota, leak=leak, production=self._production(d, supply),
        )  # fmt: skip

    def _sales(self, d: State, dc: PriceChanges, ds: SpendingChanges) -> tuple[Array, Array, Array]:
        """Demand at the gate (i,k,x), of cell goods by buyer (kc,n,i,x), and taxes plus rents by region (n,x)."""
        system, a = self.system, self.a
        s, sales, src = system.sourcing, a.sales, a.sources
        dp = d.price.swapaxes(0, 1)
        spending, price = ds.net.swapaxes(1, 2), dc.price.swapaxes(1, 2)
        rho = s.rho[:, None, None]
        per = spending[:, s.plain] / _x(1 + src.plain) - _x(sales.per_power) * rho[s.plain] * price[:, s.plain]
        gate = np.zeros_like(dp)
        power = self.power[s.plain]
        gate[s.plain] = _x(sales.gate.T[s.plain]) * rho[s.plain] * dp[s.plain] + _x(power) * _to_origin(per, s.gate)
        cell = _x(sales.cell) * (dc.shift - (rho[s.cell] * price[:, s.cell])[:, :, :, None])
        cell = cell + _x(self.cell_share) * spending[:, s.cell][:, :, :, None]
        keep = s.gate_cell / (1 + a.licence_rate)
        cell_gate = cell.sum(axis=0) * _x(keep) - _x(sales.cell_gate / (1 + a.licence_rate)) * dc.rate
        gate[s.cell] = cell_gate.sum(axis=1)
        taxes = (cell * _x(s.tariff_cell)).sum(axis=(0, 1, 3)) + (cell * _x(s.tax_cell)).sum(axis=(0, 1, 2))
        if s.tariff is not None:
            moved = s.tariff @ (_x(power) * rho[s.plain] * dp[s.plain])
            level = (s.tariff @ power[..., None])[..., 0]
            taxes = taxes + (moved * _x(sales.per_power) + _x(level) * per).sum(axis=(0, 1))
        if s.tax is not None:
            level = power * (sales.per_power[:, :, None] @ s.tax)[:, :, 0].sum(axis=0)
            taxes = taxes + (_x(level) * rho[s.plain] * dp[s.plain] + _x(power) * _to_origin(per, s.tax)).sum(axis=0)
        kept = a.licence_rate - a.licence_abroad
        exporter = cell_gate * _x(kept) + _x(sales.cell_gate) * (dc.rate - dc.abroad)
        importer = cell_gate * _x(a.licence_abroad) + _x(sales.cell_gate) * dc.abroad
        return gate.swapaxes(0, 1), cell_gate, taxes + exporter.sum(axis=(0, 1)) + importer.sum(axis=(0, 2))

    def _supply(self, d: State) -> tuple[Array, Array, Array, Array]:
        """E6, E7: net prices (n,k,x), revenue price (n,j,x), production rents (n,x), supply (n,k,x)."""
        system, a = self.system, self.a
        net = d.price
        if system.restrictions.production:
            net = d.price + (_x(self.spread) * d.price - self._production_rent(d)) / _x(1 - self.spread)
        out = np.zeros(d.output.shape, dtype=net.dtype)
        pairs = _x(a.made) * net[:, system.pair_good]
        np.add.at(out, (slice(None), system.pair_sector), pairs)
        rho = system.rho_make[system.pair_sector][:, None]
        made = rho * (net[:, system.pair_good] - out[:, system.pair_sector]) + d.output[:, system.pair_sector]
        sold = _x(a.made * (system.benchmark.output * np.exp(a.state.output))[:, system.pair_sector]) * made
        supply_net = np.zeros_like(net)
        np.add.at(supply_net, (slice(None), system.pair_good), sold)
        markup = np.exp(a.state.price - a.net_price)
        supply = supply_net * _x(markup) + _x(a.supply) * (d.price - net)
        return net, out, (supply - supply_net).sum(axis=1), supply

    def _production_rent(self, d: State) -> Array:
        """Change of chi/(p u) for given p, (n,k,x)."""
        system, a = self.system, self.a
        change = np.zeros_like(d.price)
        for position, quota in enumerate(system.restrictions.production):
            unit = np.where(quota.goods, system.benchmark.unit_value[quota.origin], 1.0)
            slope = np.where(quota.goods, quota.weight, 0.0) / unit * np.exp(-a.state.price[quota.origin])
            change[quota.origin] += _x(slope) * d.production_licence[position]
        return change

    def _scientists(self, d: State, dc: PriceChanges) -> tuple[Array, Array]:
        """E16: change of ln scientists' wage (n,j,x) and of L^r (n,x)."""
        system, a = self.system, self.a
        q, users = system.research, system.nests.users
        if q.by_sector:
            return d.output, np.zeros_like(d.income)
        output = a.state.output + system.log_subsidy
        w_x = q.weight_x * np.exp(a.direction.share_x + output)
        w_e = q.weight_e * np.exp(a.direction.share_e + output[:, users, None])
        total = w_x.sum(axis=1) + w_e.sum(axis=(1, 2))
        change = (_x(w_x) * (dc.share_x + d.output)).sum(axis=1)
        change = change + (_x(w_e) * (dc.share_e + d.output[:, users, None])).sum(axis=(1, 2))
        labour = self._labour_wage(d)
        wage = (change / _x(np.where(total == 0, 1.0, total)) + q.supply * labour) / (1 + q.supply)
        scientists = _x(a.direction.scientists) * q.supply * (wage - labour)
        return np.broadcast_to(wage[:, None], d.output.shape), scientists

    def _labour_wage(self, d: State) -> Array:
        system = self.system
        labour = system.benchmark.labour
        if labour in system.mobile:
            return d.wage[:, int(np.searchsorted(system.mobile, labour))]
        return self._sluggish_mean(d)[:, int(np.searchsorted(system.sluggish, labour))]

    def _sluggish_mean(self, d: State) -> Array:
        """E10: change of ln W of sluggish factors, (n,fs,x)."""
        system = self.system
        rho = system.rho_supply[:, None]
        weight = system.supply_share * np.exp(rho * self.a.state.rent)
        total = weight.sum(axis=2)
        return (_x(weight) * d.rent).sum(axis=2) / _x(np.where(total == 0, 1.0, total))

    def _factors(self, d: State, labour: Array) -> tuple[Array, Array, Array]:
        """E10: factor incomes of mobile (n,fm,x) and sluggish (n,fs,j,x) factors; the numeraire, ratio (x,)."""
        system, a, b = self.system, self.a, self.system.benchmark
        hours = labour / _x(a.labour)
        is_labour = (system.mobile == b.labour)[:, None]
        mobile = _x(a.mobile_supply) * (d.wage + np.where(is_labour, hours[:, None], 0.0))
        mean = self._sluggish_mean(d)
        rho = system.rho_supply[:, None, None]
        change = rho * d.rent - (rho - 1) * mean[:, :, None]
        for s, j in enumerate(b.stage_sector):
            change[:, system.stage_factor[s], j] += d.capacity[:, s]
        is_labour = (system.sluggish == b.labour)[:, None, None]
        change = change + np.where(is_labour, hours[:, None, None], 0.0)
        base = np.where(b.numeraire, system.endowment, 0.0)
        from model.markets import sluggish_index

        world = (_x(base[:, system.mobile] * np.exp(a.state.wage)) * d.wage).sum(axis=(0, 1))
        level = base[:, system.sluggish] * np.exp(sluggish_index(system, a.state.rent))
        world = (world + (_x(level) * mean).sum(axis=(0, 1))) / base.sum()
        return mobile, _x(a.sluggish_supply) * change, world

    def _income(self, d: State, ds: SpendingChanges, flows: Array, world: Array) -> Array:
        """E11, million USD."""
        system, a, b = self.system, self.a, self.system.benchmark
        revenue = _x(np.exp(a.state.output)) * d.output
        research = (_x(system.research_income) * revenue).sum(axis=1)
        subsidies = (_x(system.subsidy * b.output) * revenue).sum(axis=1)
        use_subsidy = (_x(-np.expm1(system.log_use)) * ds.gross.sum(axis=0)).sum(axis=1)
        moving = b.parameters.deficit_rule == "share_of_world_income"
        deficit = _x(system.deficit) * world if moving else 0.0
        return flows + research + ds.stock.sum(axis=1) - subsidies - use_subsidy + deficit

    def _research(self, d: State, dc: PriceChanges, wage: Array) -> tuple[Array, Array]:
        """E15."""
        q, users = self.system.research, self.system.nests.users
        reward = d.output - wage
        x = d.research_x - (dc.share_x + reward) * _x(q.active_x)
        e = d.research_e - (dc.share_e + reward[:, users, None]) * _x(q.active_e)
        return x, e

    def _quotas(self, d: State, cell_gate: Array) -> tuple[Array, Array]:
        """E13."""
        system, a, r = self.system, self.a, self.system.restrictions
        if not len(r.quotas):
            return d.licence, d.leak
        prices = a.state.price.T[system.sourcing.cell]
        per = tonnes_per_value(r, prices)
        dp = d.price.swapaxes(0, 1)[system.sourcing.cell]
        change = cell_gate - _x(a.sales.cell_gate) * dp[:, None]
        tonnes = np.einsum("qkni,knix,ki->qx", r.per_kg, change, per, optimize=True)
        net = a.quota_tonnes.copy()
        net[r.leaking] = net[r.leaking] - a.state.leak
        tonnes[r.leaking] -= d.leak
        first, second = complementarity_slopes(a.state.licence / r.scale, r.log_limit - np.log(net))
        quota = _x(first / r.scale) * d.licence - _x(second / net) * tonnes
        first, second = complementarity_slopes(
            a.state.leak / r.leak_scale, (r.leak_margin - a.state.licence[r.leaking]) / r.scale[r.leaking]
        )
        leak = _x(first / r.leak_scale) * d.leak - _x(second / r.scale[r.leaking]) * d.licence[r.leaking]
        return quota, leak

    def _production(self, d: State, supply: Array) -> Array:
        """Production quotas, section 5."""
        system, a = self.system, self.a
        out = np.zeros_like(d.production_licence)
        for position, quota in enumerate(system.restrictions.production):
            i, tonnes = quota.origin, a.production_tonnes[position]
            unit = np.where(quota.goods, system.benchmark.unit_value[i], 1.0)
            per = np.where(quota.goods, quota.weight, 0.0) * 1e3 / (unit * np.exp(a.state.price[i]))
            change = (_x(per) * (supply[i] - _x(a.supply[i]) * d.price[i])).sum(axis=0)
            scale = system.production_scale[position]
            first, second = complementarity_slopes(
                a.state.production_licence[position] / scale, np.log(quota.limit / tonnes)
            )
            out[position] = first / scale * d.production_licence[position] - second * change / tonnes
        return out


def rent_spread(system: System, a: Allocation) -> Array:
    """(n,k) part of the price that is production-quota rent."""
    return -np.expm1(a.net_price - a.state.price)


def _specific(r, rate: Array, prices: Array, chi: Array) -> Array:  # type: ignore[no-untyped-def]
    """The part of a licence rate that falls when the price rises: that of specific licences."""
    if r.specific.all():
        return rate
    return licence_rates(r, prices, np.where(r.specific, chi, 0.0))


def _ratio(change: Array, level: Array) -> Array:
    """Change of a log where there is a market."""
    return change / _x(np.where(level == 0, 1.0, level))


def _to_origin(spending: Array, weight: Array) -> Array:
    """sum over classes and buyers: (c,k,n,x), (c,k,n,i) -> (k,i,x)."""
    return (weight.swapaxes(2, 3) @ spending).sum(axis=0)
