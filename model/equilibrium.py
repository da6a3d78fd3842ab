"""From unknowns to flows, once (`allocate`), and from flows to residuals: docs/model.md sections 3-6.

`allocate` is the only place where unknowns become flows; residuals, derivatives, checks and results read its record.
Arrays may carry axes of draws before those named (`model/stack.py`): every index counts from the last axis.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from model.base_year import TONNES
from model.idle import REST
from model.innovation import Direction, direct, technology
from model.markets import (
    Sales,
    Spending,
    deficits,
    income,
    labour_in_production,
    labour_wage,
    mobile_supply,
    sell,
    sluggish_excess,
    sluggish_supply,
    spend,
    world_factor_income,
)  # fmt: skip
from model.prices import Costs, Sources, revenue_price, source, supply_shares, unit_cost, zero_profit
from model.records import Array
from model.restrictions import complementarity, licence_rates, log_licence, quota_conditions, quota_tonnes
from model.system import System, base_shares, capacity_weights, span

NOTHING = 1e-300  # tonnes: as good as none, and with a logarithm
TRIFLE = 1e-6  # of the base price: what a unit sold must leave a producer who needs a licence for it


class State(NamedTuple):
    """The unknowns: ln hats, except chi and leak."""

    price: Array  # (n,k) what a unit made earns: price less production-quota rents and waste
    output: Array  # (n,j) value of output
    wage: Array  # (n,fm) mobile factors
    rent: Array  # (n,fs,j) sluggish and specific factors
    income: Array  # (n,)
    research_x: Array  # (n,j) ln r, when technology is at its target
    research_e: Array  # (n,r,e)
    capacity: Array  # (n,s) ln K, when capacity is at its target
    licence: Array  # (q,) chi, USD per kg
    leak: Array  # (ql,) tonnes
    production_licence: Array  # (qp,) chi of production quotas, USD per kg


@dataclass(frozen=True)
class Allocation:
    """Everything the unknowns imply."""

    state: State
    wage: Array  # (n,f,j) ln
    licence_rate: Array  # (kc,n,i) l
    licence_abroad: Array  # (kc,n,i) part of l kept by importers
    capacity: Array  # (n,s) ln K
    weight: Array  # (c,kc,n,i) of capacity, normalised
    sources: Sources
    costs: Costs
    price: Array  # (n,k) ln producer price, production-quota rents included
    net: Array  # (n,k) ln of what a unit sold leaves its producer
    revenue_price: Array  # (n,j)
    made: Array  # (n,m) new make shares
    spending: Spending
    sales: Sales
    supply: Array  # (i,k) million USD at the gate
    production_rent: Array  # (i,)
    direction: Direction | None  # None where it moves nothing (see `directed`)
    mobile_supply: Array  # (n,fm) income of mobile factors, million USD
    sluggish_supply: Array  # (n,fs,j) income of sluggish factors
    labour: Array  # (n,) labour left to production, ratio
    income: Array  # (n,) million USD
    world: Array  # world factor income, ratio
    quota_tonnes: Array  # (q,)
    production_tonnes: Array  # (qp,)


class Residuals(NamedTuple):
    """E7, E9-E11, E13, E16 and E22 as ln(supply) - ln(demand), one entry per unknown."""

    profit: Array  # (n,j) E7
    market: Array  # (n,k) E9
    mobile: Array  # (n,fm) E10
    sluggish: Array  # (n,fs,j) E10
    budget: Array  # (n,) E11; the region left out (Walras' law) holds the numeraire
    research_x: Array  # (n,j) E15
    research_e: Array  # (n,r,e) E15
    capacity: Array  # (n,s) E22
    quota: Array  # (q,) E13
    leak: Array  # (ql,)
    production: Array  # (qp,)


def allocate(system: System, state: State) -> Allocation:
    """E1-E17: every flow implied by the unknowns."""
    s, r, b = system.sourcing, system.restrictions, system.benchmark
    state = _at_rest(system, state)
    spillovers = system.closure.regime == "directed_with_spillovers"
    factors, sectors = b.factor_payment.shape[1:]
    wage = np.empty((*state.wage.shape[:-1], factors, sectors), dtype=state.price.dtype)
    wage[..., span(system.mobile), :] = state.wage[..., None]
    if len(system.sluggish):
        wage[..., span(system.sluggish), :] = state.rent
    licences = production_licences(system, state.production_licence)
    least = least_left(system, licences)
    net = state.price if least is None else np.maximum(state.price, least)
    price = net if licences is None else net + np.log1p(licences * np.exp(-net))
    prices = price.swapaxes(-1, -2)[..., span(s.cell), :]
    rate = licence_rates(r, prices, state.licence)
    abroad = np.zeros(rate.shape[-3:])
    if r.shares_rent:
        abroad = licence_rates(r, prices, state.licence * r.rent_to_importer)
    if system.closure.capacity == "target":
        capacity, weight = state.capacity, capacity_weights(system, state.capacity)
        base, left = base_shares(s, weight)
    else:
        capacity, weight = system.log_capacity, system.weight
        base, left = system.cell_base
    sources = source(s, price, log_licence(s, rate), base, left)
    if system.learns:
        tech = technology(system.research, system.nests.users, state.research_x, state.research_e, spillovers)
    else:
        tech = given_technology(system)
    costs = unit_cost(system, sources.price, wage, *tech)
    revenue = revenue_price(system, state.price)
    made = supply_shares(system, state.price, revenue)
    spending = spend(system, state.output, costs, wage, state.income, sources.price)
    sales = sell(system, sources, spending.net, rate, abroad)
    supply_net = supplied_value(system, made, state.output)
    supply = supply_net * np.exp(price - net) if r.production else supply_net
    direction, labour = None, np.ones(supply.shape[:-1])
    if system.researches:
        direction = _direction(system, state, costs)
        labour = labour_in_production(system, direction)
    mobile = mobile_supply(system, state.wage, labour)
    sluggish = sluggish_supply(system, state.rent, capacity, labour)
    world = world_factor_income(system, state.wage, state.rent)
    rent = (supply - supply_net).sum(axis=-1)
    earned = mobile.sum(axis=-1) + sluggish.sum(axis=(-2, -1))
    deficit = deficits(system, earned)
    return Allocation(
        state=state, wage=wage, licence_rate=rate, licence_abroad=abroad, capacity=capacity, weight=weight,
        sources=sources, costs=costs, price=price, net=net, revenue_price=revenue, made=made,
        spending=spending, sales=sales, supply=supply, production_rent=rent, direction=direction,
        mobile_supply=mobile, sluggish_supply=sluggish, labour=labour,
        income=income(system, spending, sales, earned + rent, state.output, deficit), world=world,
        quota_tonnes=quota_tonnes(r, sales.cell_gate, prices),
        production_tonnes=production_tonnes(system, supply, price),
    )  # fmt: skip


def directed(system: System, a: Allocation) -> Direction:
    """E15, E16: what research prices and markets ask for, computed now where nothing in the equilibrium reads it."""
    return a.direction or _direction(system, a.state, a.costs)


def _direction(system: System, state: State, costs: Costs) -> Direction:
    wage = labour_wage(system, state.wage, state.rent)
    return direct(system, costs, state.output + system.log_subsidy, wage)


def _at_rest(system: System, state: State) -> State:
    """The state with closed sectors, what is specific to them, and unsold goods of sectors that are open, at rest."""
    if system.idle is None:
        return state
    sectors, goods = system.idle
    thrown_away = goods & (system.benchmark.make * system.active[:, :, None] > 0).any(axis=1)
    return state._replace(
        output=np.where(sectors, REST, state.output), rent=np.where(sectors[:, None, :], REST, state.rent),
        price=np.where(thrown_away, REST, state.price),
    )  # fmt: skip


def given_technology(system: System) -> tuple[Array, Array]:
    """E21: technology given from outside (a = 1 when nothing is): ln a of X (n,j) and of elements (n,r,e)."""
    b, users = system.benchmark, system.nests.users
    if system.log_technology is None:
        return np.zeros(b.output.shape), np.zeros((b.output.shape[0], len(users), len(b.elements)))
    return system.log_technology[..., -1], system.log_technology[..., users, :-1]


def supplied_value(system: System, made: Array, output: Array) -> Array:
    """E6: (n,k) value of what all sectors make of each good, million USD."""
    value = system.output * np.exp(output)
    if system.one_good_each:
        return value
    value = value[..., system.pair_sector]
    if system.one_to_one:  # every pair makes a good of its own, in the order of the goods
        return made * value
    supply: Array = (made * value) @ system.to_good
    return supply


def production_licences(system: System, chi: Array) -> Array | None:
    """Section 5: (n,k) what licences of production quotas cost a unit that is sold, chi/u; None without quotas."""
    if not system.restrictions.production:
        return None
    cost = np.zeros(system.supplied.shape, dtype=chi.dtype)
    for quota, kg, value in zip(system.restrictions.production, system.per_licence, chi, strict=True):
        cost[quota.origin] += value * kg
    return cost


def least_left(system: System, licences: Array | None) -> Array | None:
    """E6: (n,k) ln of the least that a unit sold leaves its producer, p - chi/u; -inf, or None for all: anything.

    That is what licences leave of the floor under its price. Who needs a licence asks for a trifle, and throws away
    what does not pay for it. The unknown is what a unit made earns: less, where part of what is made is thrown away.
    """
    if licences is None:
        return system.log_floor
    least = np.where(system.licensed, TRIFLE, 0.0)
    if system.log_floor is not None:
        least = np.maximum(np.exp(system.log_floor) - licences, least)
    return np.log(least, out=np.full_like(least, -np.inf), where=least != 0)


def production_tonnes(system: System, supply: Array, price: Array) -> Array:
    """Section 5: (qp,) tonnes sold under each production quota; next to none where nobody may buy what it names."""
    if not system.restrictions.production:
        return np.zeros((*supply.shape[:-2], 0), dtype=supply.dtype)
    out = np.zeros((*supply.shape[:-2], len(system.restrictions.production)), dtype=supply.dtype)
    for position, (quota, kg) in enumerate(
        zip(system.restrictions.production, system.per_licence, strict=True)
    ):
        out[position] = (supply[quota.origin] * TONNES * kg / np.exp(price[quota.origin])).sum()
    return np.where(out == 0, NOTHING, out)


def residuals(system: System, a: Allocation) -> Residuals:
    """What is not yet in equilibrium: logs of ratios, so that a vanishing market cannot pass for a cleared one."""
    state, r, mobile = a.state, system.restrictions, span(system.mobile)
    demand = a.spending.on_factor[..., mobile, :].sum(axis=-1)
    budget = log_ratio(system.income_base * np.exp(state.income), a.income, system.income_base > 0)
    budget[..., system.numeraire_region] = np.log(a.world)
    quota, leak = quota_conditions(r, state.licence, a.quota_tonnes, state.leak)
    research_x, research_e = state.research_x, state.research_e
    if a.direction is not None:
        research_x, research_e = research_x - a.direction.research_x, research_e - a.direction.research_e
    return Residuals(
        profit=zero_profit(system, a.revenue_price, a.costs) * system.active,
        market=log_ratio(a.supply, a.sales.gate, system.supplied),
        mobile=log_ratio(a.mobile_supply, demand, system.endowment[..., mobile] > 0),
        sluggish=sluggish_excess(
            system, state.rent, a.capacity, a.labour, state.output + system.log_subsidy, a.costs
        ),
        budget=budget,
        research_x=research_x, research_e=research_e,
        capacity=a.capacity - system.capacity_response * tobins_q(system, a),
        quota=quota, leak=leak,
        production=production_conditions(system, state.production_licence, a.production_tonnes),
    )  # fmt: skip


def production_conditions(system: System, chi: Array, tonnes: Array) -> Array:
    """Section 5: (qp,) licence price of production quotas against room under their limits."""
    if not system.restrictions.production:
        return chi
    limits = np.array([quota.limit for quota in system.restrictions.production])
    return complementarity(chi / system.production_scale, np.log(limits / tonnes))


def log_ratio(supply: Array, demand: Array, present: Array) -> Array:
    """ln(supply) - ln(demand) where there is a market."""
    return np.log(np.where(present, supply, 1.0)) - np.log(np.where(present, demand, 1.0))


def tobins_q(system: System, a: Allocation) -> Array:
    """E22: (n,s) ln of each stage's rent over the price of the final bundle, hat."""
    rent = a.state.rent[..., system.stage_factor, system.benchmark.stage_sector]
    return rent - a.spending.final_price[..., None]
