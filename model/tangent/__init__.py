"""The derivative of the residuals, equation by equation: E1-E17, E22 in percentage changes.

`linearise` takes an allocation and returns a function from changes of the unknowns to changes of the residuals. It is
the linearised model that GEMPACK users know: every CES aggregate changes by the share-weighted sum of its parts. Arrays
carry a last axis of directions (x), so that many directions cost a few matrix products. Regions act on their own
(`region`) and meet in trade (`trade`). Tests hold it to complex-step derivatives of `residuals`.
"""

from __future__ import annotations

from copy import copy

import numpy as np

from model.base_year import TONNES
from model.equilibrium import TRIFLE, Allocation, Residuals, State, least_left, production_licences
from model.markets import sluggish_index, sluggish_weights
from model.records import Array
from model.restrictions import allowed, complementarity_slopes
from model.system import System, span
from model.tangent.region import Region, Reply
from model.tangent.trade import HomeTrade, Trade, reciprocal

__all__ = ["Tangent", "linearise", "linearise_for_steps"]

LARGE = 200_000  # cells beyond which products are bound by what memory gives: single precision is then twice as fast
WIDE = 1e15  # powers of prices beyond which single precision might not hold their products


def linearise(system: System, a: Allocation, rough: bool = False) -> Tangent:
    """The Jacobian of `residuals` at an allocation, as a function of changes of the unknowns.

    rough: large matrices in single precision, seven digits at half the time.
    """
    return Tangent(system, a, rough)


def linearise_for_steps(system: System, a: Allocation) -> Tangent:
    """The Jacobian as exact as steps need it: that of large tables is rough, unless prices are too far apart."""
    large = max(system.sourcing.weight.size, system.nests.material.size) > LARGE
    return linearise(system, a, rough=large and bool(a.sources.power.max() < WIDE))


class Tangent:
    """Changes of the residuals for changes of the unknowns; arrays of both carry a last axis of directions."""

    def __init__(self, system: System, a: Allocation, rough: bool = False) -> None:
        self.system, self.a = system, a
        self.trade: Trade | HomeTrade = Trade(system, a, rough)
        self.region = Region(system, a, rough)
        self.supply = Supply(system, a)
        self.factors = Factors(system, a, self.region)
        b = system.benchmark
        self.at_output = ((system.research_income - system.subsidy * b.output) * np.exp(a.state.output))[
            :, None
        ]
        self.per_income = reciprocal(a.income)[:, None]
        self.slopes = _slopes(system, a) if len(system.restrictions.quotas) else None

    def at_home(self, research: bool) -> Tangent:
        """The same derivative, links between regions cut: block diagonal by region; with or without research."""
        home = copy(self)
        home.trade = HomeTrade(self.trade) if isinstance(self.trade, Trade) else self.trade
        if not research:
            home.region = copy(self.region)
            home.region.learns = False
        return home

    def __call__(self, d: State) -> Residuals:
        """Changes of the residuals for changes of the unknowns."""
        system, a = self.system, self.a
        net = self.supply.net(d.price, d.production_licence)
        at_gate = self.supply.gate_price(net, d.production_licence)
        faced = d if at_gate is d.price else d._replace(price=at_gate)
        price = self.trade.inward(faced)
        reply = self.region.respond(d, price)
        demand, taxes, tonnes = self.trade.outward(faced, price, reply.net)
        revenue, supplied, rent = self.supply.change(d, net, at_gate)
        wage, scientists = d.output, None
        if self.region.rewards:  # else nothing reads the wage
            wage, scientists = self.region.scientists(d, reply, self.factors.labour_wage(d))
        hours = (
            None if scientists is None else -(system.research.labour_share / a.labour)[:, None] * scientists
        )
        mobile, sluggish, earned, world = self.factors.change(d, reply, hours)
        income = earned + taxes + self._transfers(d, reply, earned)
        if rent is not None:
            income = income + rent
        budget = d.income - income * self.per_income
        alone = isinstance(self.trade, HomeTrade)
        budget[system.numeraire_region] = (
            world[system.numeraire_region] if alone else world.sum(axis=0)
        ) / a.world
        research_x, research_e = d.research_x, d.research_e
        if self.region.learns:
            research_x, research_e = self.region.research(d, reply, wage)
        quota, leak = self.quotas(d.licence, d.leak, tonnes)
        return Residuals(
            profit=revenue - reply.nest, market=supplied - demand, mobile=mobile, sluggish=sluggish, budget=budget,
            research_x=research_x, research_e=research_e, capacity=self.capacity(d, reply), quota=quota, leak=leak,
            production=self.supply.quotas(at_gate, d.production_licence, supplied),
        )  # fmt: skip

    def _transfers(self, d: State, reply: Reply, earned: Array) -> Array:
        """E11: research income less subsidies, stock sales, deficits; million USD; earned (n,x) by all factors."""
        system = self.system
        total = (self.at_output @ d.output)[:, 0]
        if reply.stock is not None:
            total = total + reply.stock.sum(axis=1)
        if self.region.paid is not None:
            total = total + (np.expm1(system.log_use)[..., None] * reply.gross.sum(axis=0)).sum(axis=1)
        if system.benchmark.parameters.deficit_rule == "share_of_world_income":
            total = total + system.deficit[:, None] * (earned.sum(axis=0) / system.endowment.sum())
        return total

    def capacity(self, d: State, reply: Reply) -> Array:
        """E22."""
        system = self.system
        if system.closure.capacity != "target":
            return d.capacity
        rent = d.rent[:, system.stage_factor, system.benchmark.stage_sector]
        response = system.capacity_response[..., None]
        return d.capacity - response * (rent - reply.final_price[:, None])

    def quotas(self, licence: Array, leak: Array, tonnes: Array | None) -> tuple[Array, Array]:
        """E13: conditions of export quotas (q,x) and of leaks (ql,x)."""
        a, r = self.a, self.system.restrictions
        if tonnes is None or self.slopes is None:
            return licence, leak
        per_licence, per_tonne = self.slopes
        if not len(r.leaking):
            return per_licence * licence - per_tonne * tonnes, leak
        quota = per_licence * licence - per_tonne * tonnes
        may = a.quota_tonnes / allowed(r, a.state.leak)
        quota[r.leaking] += (per_tonne * may[:, None])[r.leaking] * leak
        scale = r.scale[r.leaking]
        margin = (r.leak_margin - a.state.licence[r.leaking]) / scale
        first, second = complementarity_slopes(a.state.leak / r.leak_scale, margin)
        return quota, (first / r.leak_scale)[:, None] * leak - (second / scale)[:, None] * licence[r.leaking]


def _slopes(system: System, a: Allocation) -> tuple[Array, Array]:
    """E13: (q,1) change of the condition of each export quota per unit of its licence, and per tonne less."""
    r = system.restrictions
    room = np.log(allowed(r, a.state.leak)) - np.log(a.quota_tonnes)
    first, second = complementarity_slopes(a.state.licence / r.reach, room)
    return (first / r.reach)[:, None], (second / a.quota_tonnes)[:, None]


class Supply:
    """E6, E7 and production quotas."""

    def __init__(self, system: System, a: Allocation) -> None:
        self.system, self.a = system, a
        self.sector, self.good = span(system.pair_sector), span(system.pair_good)
        self.made = a.made[..., None]
        self.rho = system.rho_make[0, system.pair_sector, None]
        if not system.one_to_one:
            value = a.made * (system.benchmark.output * np.exp(a.state.output))[:, system.pair_sector]
            self.sold = (value * reciprocal(value @ system.to_good)[:, system.pair_good])[..., None]
        self.markup = np.exp(a.price - a.net)[..., None]
        licences = production_licences(system, a.state.production_licence)
        least = least_left(system, licences)
        self.sells: Array | None = None  # (n,k,1) bool: all that is made
        if least is not None:
            self.sells = (a.state.price >= least)[..., None]
        self.at_floor = np.zeros(system.supplied.shape)  # 1 / net where it is what licences leave of a floor
        if licences is not None and system.log_floor is not None:
            holds = (a.state.price < least) & (np.exp(system.log_floor) - licences > TRIFLE)
            self.at_floor = np.where(holds, np.exp(-a.net), 0.0)

    def net(self, made: Array, licence: Array) -> Array:
        """E6: (n,k,x) ln of what a unit sold leaves its producer, from what a unit made earns and licences (qp,x)."""
        if self.sells is None:
            return made
        net = self.sells * made
        limits, per_licence = self.system.restrictions.production, self.system.per_licence
        for quota, kg, change in zip(limits, per_licence, licence, strict=True):
            net[quota.origin] -= (self.at_floor[quota.origin] * kg)[:, None] * change
        return net

    def change(self, d: State, net: Array, at_gate: Array) -> tuple[Array, Array, Array | None]:
        """ln revenue price (n,j,x), ln supply (n,k,x), production-quota rents (n,x) in million USD.

        net and at_gate (n,k,x) ln prices of units sold, without and with production-quota rents.
        """
        system, a = self.system, self.a
        if system.one_good_each:
            revenue, supplied = d.price, d.output
        else:
            prices, supplied = d.price[:, self.good], d.output[:, system.pair_sector]  # the second a copy
            revenue = np.zeros_like(d.output)
            revenue[:, self.sector] = prices
            for j, pairs in system.several:
                revenue[:, j] = (self.made[:, pairs] * prices[:, pairs]).sum(axis=1)
                supplied[:, pairs] += self.rho[pairs] * (prices[:, pairs] - revenue[:, j, None])
            if not system.one_to_one:
                supplied = system.to_good.T @ (self.sold * supplied)
        if not system.restrictions.production:
            return revenue, supplied, None
        before = (a.supply[..., None] / self.markup) * supplied
        supplied = supplied + at_gate - net
        return revenue, supplied, (a.supply[..., None] * supplied - before).sum(axis=1)

    def gate_price(self, net: Array, licence: Array) -> Array:
        """Section 5: (n,k,x) ln prices with production-quota rents, from those without and licences (qp,x)."""
        system, a = self.system, self.a
        if not system.restrictions.production:
            return net
        price = net / self.markup
        for quota, kg, change in zip(
            system.restrictions.production, system.per_licence, licence, strict=True
        ):
            price[quota.origin] += (kg * np.exp(-a.price[quota.origin]))[:, None] * change
        return price

    def quotas(self, price: Array, licence: Array, supplied: Array) -> Array:
        """Section 5: conditions of production quotas (qp,x); price and supplied (n,k,x), licence (qp,x)."""
        system, a = self.system, self.a
        if not system.restrictions.production:
            return licence
        out = np.empty_like(licence)
        for position, quota in enumerate(system.restrictions.production):
            i, tonnes = quota.origin, a.production_tonnes[position]
            per = system.per_licence[position] * TONNES / np.exp(a.price[i]) * a.supply[i]
            change = (per[:, None] * (supplied[i] - price[i])).sum(axis=0)
            scale = system.production_scale[position]
            first, second = complementarity_slopes(
                a.state.production_licence[position] / scale, np.log(quota.limit / tonnes)
            )
            out[position] = first / scale * licence[position] - second * change / tonnes
        return out


class Factors:
    """E10 and the numeraire."""

    def __init__(self, system: System, a: Allocation, region: Region) -> None:
        self.system, self.region = system, region
        b = system.benchmark
        demand = a.spending.on_factor[:, region.mobile]
        share = demand * reciprocal(demand.sum(axis=2, keepdims=True))  # (n,fm,j)
        self.demand = share
        self.own = (share * system.nests.rho_factor[..., None, :]).sum(axis=2)[..., None]
        self.mobile_supply, self.sluggish_supply = a.mobile_supply[..., None], a.sluggish_supply[..., None]
        base = system.numeraire / system.numeraire.sum()
        self.world_mobile = (base[:, system.mobile] * np.exp(a.state.wage))[..., None]
        self.labour_mobile = system.mobile == b.labour
        self.specific = system.specific
        if len(system.sluggish):
            rho = system.rho_supply[..., None]
            _, weight = sluggish_weights(system, a.state.rent)
            self.mean = (weight * reciprocal(weight.sum(axis=2, keepdims=True)))[..., None]
            self.rho = rho[..., None]
            earning = base[:, system.sluggish]
            if earning.any():
                earning = earning * np.exp(sluggish_index(system, a.state.rent))
            self.world_sluggish = earning[..., None]
            self.labour_sluggish = (system.sluggish == b.labour)[:, None, None]

    def labour_wage(self, d: State) -> Array:
        """(n,x) ln wage of labour."""
        system = self.system
        if system.labour_is_mobile:
            return d.wage[:, system.labour_at]
        return (self.mean * d.rent).sum(axis=2)[:, system.labour_at]

    def change(self, d: State, reply: Reply, hours: Array | None) -> tuple[Array, Array, Array, Array]:
        """ln excess supply of mobile (n,fm,x) and sluggish (n,fs,j,x) factors, factor income (n,x), numeraire (n,x).

        hours (n,x): ln labour left by research.
        """
        system = self.system
        supply = d.wage
        if hours is not None:
            supply = supply + self.labour_mobile[:, None] * hours[:, None]
        mobile = supply - self.demand @ reply.on_factor - self.own * d.wage
        earned = (self.mobile_supply * supply).sum(axis=1)
        world = (self.world_mobile * d.wage).sum(axis=1)
        if not len(system.sluggish):
            return mobile, d.rent, earned, world
        mean = (self.mean * d.rent).sum(axis=2)
        supply = self.rho * d.rent
        if not self.specific:
            supply = supply - (self.rho - 1) * mean[:, :, None]
        if system.closure.capacity == "target":
            for s, j in enumerate(system.benchmark.stage_sector):
                supply[:, system.stage_factor[s], j] += d.capacity[:, s]
        if hours is not None:
            supply = supply + self.labour_sluggish * hours[:, None, None]
        sluggish = supply - reply.on_factor[:, None] - self.region.rho_factor * d.rent
        earned = earned + (self.sluggish_supply * supply).sum(axis=(1, 2))
        return mobile, sluggish, earned, world + (self.world_sluggish * mean).sum(axis=1)
