"""Real income and its parts, productivity, patents: section 8, E19 and E20 of docs/model.md."""

from __future__ import annotations

import numpy as np

from model.ces import shares_of
from model.equilibrium import directed
from model.flows import export_price, gate_flows, rent_left_abroad
from model.markets import worth_today
from model.prices import unit_cost
from model.records import Array
from model.restrictions import tonnes_per_value
from model.solution import Solution


def consumption(solution: Solution, asset_sales: bool = True) -> Array:
    """(n,) million USD spent on consumption: income less what investment, recycling and smuggling use up.

    With `asset_sales=False` the value of stocks sold is not counted as income (bought stocks are not a loss).
    """
    system, a = solution.system, solution.allocation
    price = np.exp(a.spending.final_price)
    spent = system.income_base * np.exp(a.state.income) - system.burnt * price - leak_cost(solution)
    if system.stock is None:
        return spent
    recycled = worth_today(system, system.recycled, a.sources.price)
    if system.recycling_cost is not None:
        spent = spent - (system.recycling_cost * recycled).sum(axis=1)
    if not asset_sales:
        spent = spent - (a.spending.stock - recycled).sum(axis=1)
    return spent


def leak_cost(solution: Solution) -> Array:
    """Section 5: (n,) million USD that smuggling uses up, margin times tonnes.

    Borne as rents are received, which E11 counts on smuggled tonnes too: by exporters and, with `rent_to_importer`, by
    buyers, each by the quota tonnes; what is left to either is its rent on tonnes with a licence.
    """
    system, a = solution.system, solution.allocation
    r = system.restrictions
    cost = np.zeros(system.income_base.shape)
    if not len(r.leaking):
        return cost
    per_value = tonnes_per_value(r, a.price.T[system.sourcing.cell])[:, None, :]
    for position, quota in enumerate(r.leaking):
        sold = (r.per_kg[quota] * a.sales.cell_gate * per_value).sum(axis=0)  # (n,i)
        abroad = r.rent_to_importer[quota]
        borne = (1 - abroad) * sold.sum(axis=0) + abroad * sold.sum(axis=1)
        cost += shares_of(sold.sum(), borne) * r.leak_margin[position] * a.state.leak[position] / 1e3
    return cost


def real_income(solution: Solution, asset_sales: bool = True) -> Array:
    """Section 8: (n,) real income, ratio to the base year (the equivalent variation is this less 1, times income)."""
    system, a = solution.system, solution.allocation
    base = system.income_base
    return shares_of(base, consumption(solution, asset_sales)) / np.exp(a.spending.final_price)


def equivalent_variation(solution: Solution, asset_sales: bool = True) -> Array:
    """Section 8: (n,) million USD at base-year prices."""
    return (real_income(solution, asset_sales) - 1) * solution.system.income_base


def licence_rent(solution: Solution) -> Array:
    """E11: (n,) licence and production-quota rents received, million USD."""
    sales = solution.allocation.sales
    return (
        sales.rent_exporter + sales.rent_importer + solution.allocation.production_rent - leak_cost(solution)
    )


def terms_of_trade(solution: Solution, base: Solution) -> Array:
    """(n,) gain from changes of border prices at mean quantities (Bennet), deflated, million USD.

    Border prices include export taxes and licences, importers' part of the rent left out: what the exporting country
    receives for a unit.
    """
    new, old = _border(solution), _border(base)
    deflator = solution.allocation.spending.final_price
    change = np.zeros_like(deflator)
    for n in range(len(change)):
        exports = (_mean(new[1][n], old[1][n]) * (new[0][n] / np.exp(deflator[n]) - old[0][n])).sum()
        imports = (
            _mean(new[1][:, n], old[1][:, n]) * (new[0][:, n] / np.exp(deflator[n]) - old[0][:, n])
        ).sum()
        change[n] = exports - imports
    return change


def _mean(first: Array, second: Array) -> Array:
    return 0.5 * (first + second)


def _border(solution: Solution) -> tuple[Array, Array]:
    """(i,n,k) what a unit earns the exporting country, and quantity at base gate prices; trade at home left out.

    The border price, hat times base markup, less the licence rent that stays with the importer.
    """
    gate_price, kept = np.exp(solution.allocation.price)[:, None, :], rent_left_abroad(solution)
    home = np.eye(len(kept), dtype=bool)[:, :, None]
    return export_price(solution) - gate_price * kept, np.where(home, 0.0, gate_flows(solution) / gate_price)


def technology(solution: Solution) -> Array:
    """E17: (n,j,g) ln a; 0 where a technology is not used."""
    a, nests = solution.allocation, solution.system.nests
    regions, sectors = solution.system.active.shape
    elements = len(solution.system.benchmark.elements)
    log_a = np.zeros((regions, sectors, elements + 1))
    log_a[:, :, -1] = a.costs.technology_x
    log_a[:, nests.users, :-1] = a.costs.technology_e
    return log_a


def research(solution: Solution) -> Array:
    """E15: (n,j,g) ln r; 0 where there is none."""
    a, nests = solution.allocation, solution.system.nests
    regions, sectors = solution.system.active.shape
    elements = len(solution.system.benchmark.elements)
    log_r = np.zeros((regions, sectors, elements + 1))
    direction = directed(solution.system, a)
    log_r[:, :, -1], log_r[:, nests.users, :-1] = direction.research_x, direction.research_e
    return log_r


def ree_patents(solution: Solution) -> Array:
    """E20: (n,j) rare-earth patents of a sector, ratio to the base: r weighted by each element's cost share."""
    nests = solution.system.nests
    patents = np.ones(solution.system.active.shape)
    research_e = directed(solution.system, solution.allocation).research_e
    weighted = 1 + (nests.element * np.expm1(research_e)).sum(axis=2)
    patents[:, nests.users] = np.where(solution.system.research.active_e.any(axis=2), weighted, 1.0)
    return patents


def solow_residual(solution: Solution) -> Array:
    """E19 (a): (n,j) ln TFP as accounts see it: nested Sato-Vartia sum of w_g ln a_g, plus neutral productivity."""
    system, a = solution.system, solution.allocation
    nests, users = system.nests, system.nests.users
    ree = a.spending.share_ree
    weight_ree = _log_mean(nests.ree, ree)
    weight_x = _log_mean(1 - nests.ree, 1 - ree)
    share = nests.element * np.exp(
        nests.rho_element[..., None] * (a.costs.element_price - a.costs.ree[:, :, None])
    )
    weight_e = _log_mean(nests.element, share)
    bundle = np.zeros(system.active.shape)
    bundle[:, users] = (shares_of(weight_e.sum(axis=2, keepdims=True), weight_e) * a.costs.technology_e).sum(
        axis=2
    )
    total = weight_ree + weight_x
    return (weight_ree * bundle + weight_x * a.costs.technology_x) / total + system.log_productivity


def cost_saved(solution: Solution) -> Array:
    """E19 (b): (n,j) ln of cost saved by technology at the new prices: ln c(p', a=1) - ln c(p', a')."""
    system, a = solution.system, solution.allocation
    without = unit_cost(
        system,
        a.sources.price,
        a.wage,
        np.zeros_like(a.costs.technology_x),
        np.zeros_like(a.costs.technology_e),
    )
    return without.nest - a.costs.nest


def _log_mean(first: Array, second: Array) -> Array:
    """Logarithmic mean, the Sato-Vartia weight; 0 where either is 0."""
    first, second = np.broadcast_arrays(first, second)
    used = (first > 0) & (second > 0)
    x, y = np.where(used, first, 1.0), np.where(used, second, 1.0)
    half = (np.log(y) - np.log(x)) / 2
    # (y - x) / ln(y/x), without cancellation where they are close
    mean = np.sqrt(x * y) * np.where(half == 0, 1.0, np.sinh(half) / np.where(half == 0, 1.0, half))
    return np.where(used, mean, 0.0)
