"""Real income and its parts, productivity, patents: section 8, E19 and E20 of docs/model.md."""

from __future__ import annotations

import numpy as np

from model.ces import shares_of
from model.equilibrium import directed
from model.flows import (
    export_price,
    gate_flows,
    licence_rates,
    rent_left_abroad,
    spending_flows,
    wedges,
)
from model.markets import deficits, worth_today
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
    if system.stock is not None and not asset_sales:
        recycled = worth_today(system, system.recycled, a.sources.price)
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


def trade_deficit(solution: Solution) -> Array:
    """E11: (n,) what a region spends beyond its earnings, million USD; negative where it lends."""
    a = solution.allocation
    return deficits(solution.system, a.mobile_supply.sum(axis=-1) + a.sluggish_supply.sum(axis=(-2, -1)))


def terms_of_trade(solution: Solution, base: Solution) -> Array:
    """(n,) gain from changes of border prices at the quantities on the way there (Divisia), deflated, million USD.

    Border prices include export taxes and licences, importers' part of the rent left out: what the exporting country
    receives for a unit. Trade that an embargo ended counts as under a quota that lets ever less of it through.
    """
    growth, share = _price_growth(solution, base)
    value, before = _border_values(solution).sum(axis=1), _border_values(base).sum(axis=1)  # (c,n,k)
    tax, _ = wedges(solution)
    # What a unit earns is (1-kept) border price + kept (what it would be without the licence), export tax in both
    kept = shares_of(licence_rates(solution), rent_left_abroad(solution)) / (1 + tax)
    old, new = export_price(base), export_price(solution) / (1 + licence_rates(solution))
    sold = 0.5 * (_quantity(solution) + _quantity(base))
    deflator = solution.allocation.spending.final_price
    change = np.zeros_like(deflator)
    for n, log_price in enumerate(deflator):
        spent = _log_mean(before, value * np.exp(-log_price))[:, None]
        paid = (spent * (growth - share * log_price)).sum(axis=0)
        gain = (1 - kept) * paid + kept * sold * (new * np.exp(-log_price) - old)
        change[n] = gain[n].sum() - gain[:, n].sum()  # sales at home are in both
    return change


def _price_growth(solution: Solution, base: Solution) -> tuple[Array, Array]:
    """(c,i,n,k) growth of the border price of each origin times its share of the good on the way, and mean shares.

    Of d ln p_i = d ln(p_i/P) + d ln P the first goes with the share, d ln(share)/(1-sigma): at logarithmic means it is
    exact, and (share lost)/(sigma-1) where trade ended. The second is taken at mean shares. P is the Sato-Vartia index,
    with Feenstra's (1994) correction for origins that are gone.
    """
    value, before = _border_values(solution), _border_values(base)
    share = shares_of(value.sum(axis=1, keepdims=True), value)
    old = shares_of(before.sum(axis=1, keepdims=True), before)
    weight, mean = _log_mean(old, share), 0.5 * (old + share)
    growth = weight * np.log(export_price(solution) / export_price(base))
    if (closed := solution.system.shock.embargo) is not None:
        elastic = solution.system.benchmark.parameters.trade_elasticity - 1  # above 0 where trade may end
        growth = growth + np.where(closed, shares_of(elastic, old), 0.0)
    whole = weight.sum(axis=1, keepdims=True)
    index = shares_of(whole, growth.sum(axis=1, keepdims=True))
    return growth + (mean - weight) * index, mean


def _border_values(solution: Solution) -> Array:
    """(c,i,n,k) what n pays for k from i at the border, rents of importers included; at home what buyers pay."""
    _, tariff = wedges(solution)
    return spending_flows(solution) / (1 + tariff)


def _quantity(solution: Solution) -> Array:
    """(i,n,k) quantity at base gate prices."""
    return gate_flows(solution) / np.exp(solution.allocation.price)[:, None, :]


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
