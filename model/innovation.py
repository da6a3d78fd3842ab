"""Directed technological change: E15-E20 of docs/model.md. Hats are in logs.

Arrays may carry axes of draws before those named (`model/stack.py`): every index counts from the last axis.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from model.prices import Costs
from model.records import Array
from model.system import Nests, Research, System


class Direction(NamedTuple):
    """What each type of input costs relative to the base, and what research it attracts."""

    share_x: Array  # (n,j) ln of the cost share of X, hat
    share_e: Array  # (n,r,e) ln of the cost share of element e, hat
    wage: Array  # (n,j) ln of scientists' wage
    research_x: Array  # (n,j) ln r
    research_e: Array  # (n,r,e) ln r
    scientists: Array  # (n,) L^r hat


def type_shares(nests: Nests, costs: Costs) -> tuple[Array, Array]:
    """The price effect of E15: ln hats of the cost shares of X (n,j) and of each element (n,r,e)."""
    nest = costs.nest
    if not len(nests.users):  # X is all there is
        return np.zeros_like(nest), np.zeros_like(costs.element_price)
    share_x = nests.rho_ree * (costs.other - costs.technology_x - nest)
    bundle = nests.rho_ree[..., nests.users] * (costs.ree - nest[..., nests.users])
    mix = nests.rho_element[..., None] * (costs.element_price - costs.ree[..., None])
    share_e = bundle[..., None] + mix
    return share_x, share_e


def technology(
    research: Research, users: Array, r_x: Array, r_e: Array, spillovers: bool
) -> tuple[Array, Array]:
    """E17: ln a of X (n,j) and of each element (n,r,e), from ln r of the same cells."""
    a_x = research.own_x[..., None] * r_x
    a_e = research.own_e[..., None, :] * r_e
    if spillovers:
        spilt = research.spill_x[..., None] * spill(research, r_x)
        a_x = a_x + spilt + broaden(research, users, r_e, r_x.shape)
        a_e = a_e + research.spill_e[..., None, :] * spill_elements(research, users, r_e)
    return a_x * research.active_x, a_e * research.active_e


def spill(research: Research, r_x: Array) -> Array:
    """E17: (n,j) what others' research on X adds, Omega_region r Omega_sector', rows renormalised."""
    return (research.region @ (r_x * research.active_x) @ research.sector.swapaxes(-1, -2)) * research.reach_x


def spill_elements(research: Research, users: Array, r_e: Array) -> Array:
    """E17: (n,r,e) what others' research on an element adds."""
    sector = research.sector[..., users[:, None], users][..., None, :, :]
    stacked = np.moveaxis(r_e * research.active_e, -1, -3)
    spilt = research.region[..., None, :, :] @ stacked @ sector.swapaxes(-1, -2)
    return np.moveaxis(spilt, -3, -1) * research.reach_e


def broaden(research: Research, users: Array, r_e: Array, shape: tuple[int, ...]) -> Array:
    """E17, breadth: (n,j) what rare-earth-saving research adds to all other inputs of its sector."""
    added = np.zeros(shape, dtype=r_e.dtype)
    added[..., users] = (research.breadth * r_e * research.active_e).sum(axis=-1)
    return added


def scientists_wage(
    research: Research, share_x: Array, share_e: Array, output: Array, users: Array, labour_wage: Array
) -> Array:
    """E16: (n,j) ln wage of scientists. Output is ln Y, production subsidies included; labour_wage (n,) ln.

    sum r = L^r and L^r = (wr/w)^elasticity give wr^(1+elasticity) = w^elasticity * research demand at wr = 1, over
    the region (`region`) or over the sector, where demand is Y times the subsidised cost shares (`sector`).
    """
    if research.by_sector:
        supply = research.supply[..., None]
        demand = output
        if research.subsidised:
            extra = research.subsidised_x * np.exp(share_x)
            extra[..., users] += (research.subsidised_e * np.exp(share_e)).sum(axis=-1)
            demand = demand + np.log1p(extra)
        return (demand + supply * labour_wage[..., None]) / (1 + supply)
    if not research.performed:  # nobody asks for any
        wage = research.supply * labour_wage / (1 + research.supply)
        return np.broadcast_to(wage[..., None], output.shape)
    demand = (research.weight_x * np.expm1(share_x + output)).sum(axis=-1)
    demand = demand + (research.weight_e * np.expm1(share_e + output[..., users, None])).sum(axis=(-2, -1))
    excess = research.weight_x.sum(axis=-1) + research.weight_e.sum(axis=(-2, -1)) - 1.0
    excess = np.where(excess <= -1.0, 0.0, excess)  # a region without research
    wage = (np.log1p(demand + excess) + research.supply * labour_wage) / (1 + research.supply)
    return np.broadcast_to(wage[..., None], output.shape)


def direct(system: System, costs: Costs, output: Array, labour_wage: Array) -> Direction:
    """E15, E16: research on every type of input, from prices and markets.

    output (n,j) ln of output value with production subsidies; labour_wage (n,) ln.
    """
    research, users = system.research, system.nests.users
    share_x, share_e = type_shares(system.nests, costs)
    wage = scientists_wage(research, share_x, share_e, output, users, labour_wage)
    if not research.performed:  # nothing to direct
        nothing = np.zeros_like(share_x), np.zeros_like(share_e)
        return Direction(share_x, share_e, wage, *nothing, np.ones_like(labour_wage))
    reward = output - wage
    research_x = (share_x + reward + research.log_subsidy_x) * research.active_x
    research_e = (share_e + reward[..., users, None] + research.log_subsidy_e) * research.active_e
    hired = research.sector_share * np.expm1(research.supply[..., None] * (wage - labour_wage[..., None]))
    scientists = 1 + hired.sum(axis=-1)
    return Direction(share_x, share_e, wage, research_x, research_e, scientists)


def long_run_elasticity(ree_elasticity: Array, innovation_elasticity: Array) -> Array:
    """E18: eps_LR = 1 - (1-eps)/(1+lambda(1-eps)), substitution once technology has followed prices.

    With one lambda for all types and no spillovers. 1 - eps_LR is also the slope of ln(r_R/r_X) on ln(p_R/p_X), and
    lambda (1 - eps_LR) that of ln(a_R/a_X).
    """
    gap = 1 - ree_elasticity
    return 1 - gap / (1 + innovation_elasticity * gap)
