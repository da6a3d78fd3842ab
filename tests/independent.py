"""The model of docs/model.md once more: in levels, in plain loops, from nothing but the equations of that page.

Shares no code with `model/`, records aside: no logs of hats, no matrix layouts, no split of goods. `recompute` takes
what a solution publishes (prices, outputs, wages, incomes, technology, licence prices) and works out every flow anew;
`tests/conditions.py` compares the two sides of every condition of an equilibrium.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from model.records import Array, Benchmark, Closure, Quota, Shock
from model.solution import Solution
from model.variables import results

Published = (
    SimpleNamespace  # what a solution states: ratios to the base year, but output and income in million USD
)
Economy = SimpleNamespace  # what follows from it: E1-E16


def published(solution: Solution, base: Solution | None = None) -> Published:
    """From the table of results; wages of single sectors, which the table sums up, from the unknowns."""
    table, a = results(solution, base or solution), solution.allocation
    quotas = solution.system.restrictions.quotas
    leaking = [quotas[q].name for q in solution.system.restrictions.leaking]
    return Published(
        price=table["producer_price"], output=table["output"], wage=np.exp(a.wage), income=table["income"],
        technology=table["technology"], research=table["research"], research_wage=table["scientists_wage"],
        scientists=table["scientists"], capacity=table["capacity"], licence=solution.licence,
        leak=dict(zip(leaking, a.state.leak.tolist(), strict=True)),
        production_licence=a.state.production_licence.tolist(), wasted=_wasted(table, solution),
    )  # fmt: skip


def _wasted(table, solution: Solution):
    """(n,k) share of what is made that is thrown away, from the tonnes of each element."""
    b = solution.system.benchmark
    wasted, thrown = np.zeros(b.final.shape), table["thrown_away"]
    sold = np.nan_to_num(table["tonnes"]).sum(axis=1)
    wasted[:, b.elements] = np.divide(
        thrown, thrown + sold, out=np.zeros_like(thrown), where=(thrown > 0) & (sold > 0)
    )
    return wasted


# ------------------------------------------------------------------ small things


def ces(share, price, sigma: float):
    """Price index and new shares of a CES aggregate; inputs of share 0 take no part."""
    used = [c for c in range(len(share)) if share[c] > 0]
    new = np.zeros(len(share))
    if not used:
        return 1.0, new
    if sigma == 1:
        index = np.prod([price[c] ** share[c] for c in used])
    else:
        index = sum(share[c] * price[c] ** (1 - sigma) for c in used) ** (1 / (1 - sigma))
    for c in used:
        new[c] = share[c] * (price[c] / index) ** (1 - sigma)
    return index, new


def normal(values):
    """Shares of a total; zeros where there is nothing."""
    total = sum(values)
    return np.array(values) / total if total > 0 else np.zeros(len(values))


def in_force(new, base):
    return base if new is None else new


# ------------------------------------------------------------------ base year


def base_spending(b: Benchmark) -> Array:
    """(c,n,k) million USD."""
    spent = np.zeros((b.trade_share.shape[0], *b.final.shape))
    for j, c in enumerate(b.use_class):
        spent[c] += b.use[:, :, j]
    spent[b.final_class] += b.final
    return spent


def base_licence(b: Benchmark, i: int, n: int, k: int) -> float:
    """Licence of the base year as a rate of the gate price."""
    return b.licence[i, k] / b.unit_value[i, k] if i != n and b.licence[i, k] > 0 else 0.0


def base_gate(b: Benchmark) -> Array:
    """(i,n,k) million USD at the producer's gate."""
    spent, gate = base_spending(b), np.zeros(b.export_tax.shape)
    for i, n, k in np.ndindex(gate.shape):
        paid = sum(b.trade_share[c, i, n, k] * spent[c, n, k] for c in range(len(spent)))
        gate[i, n, k] = paid / (
            (1 + b.export_tax[i, n, k]) * (1 + base_licence(b, i, n, k)) * (1 + b.tariff[i, n, k])
        )
    return gate


def tonnes(value: float, price_per_kg: float) -> float:
    """E12: from million USD."""
    return value * 1e6 / price_per_kg / 1e3


def quota_tonnes(b: Benchmark, quota, gate, price) -> float:
    """E12: tonnes that count under a quota."""
    cells = [tuple(c) for c in np.argwhere(quota.covers)]
    return sum(quota.weight[k] * tonnes(gate[i, n, k], price[i, k] * b.unit_value[i, k]) for i, n, k in cells)


def all_quotas(b: Benchmark, shock: Shock) -> list[Quota]:
    """The scenario's quotas, and those that licences of the base year stand for."""
    found: list[Quota] = []
    goods, gate = b.final.shape[1], base_gate(b)
    for i in range(len(b.licence)) if not shock.remove_base_licence else ():
        for price in sorted(set(b.licence[i][b.licence[i] > 0])):
            covers = np.zeros(b.export_tax.shape, dtype=bool)
            covers[i][:, b.licence[i] == price] = True
            covers[i, i] = False
            draft = Quota(f"base-licence-{i}-{price:g}", covers, 1.0, np.ones(goods))
            found.append(draft.replace(limit=quota_tonnes(b, draft, gate, np.ones(b.final.shape))))
    return found + list(shock.quotas)


# ------------------------------------------------------------------ E1-E7


def recompute(b: Benchmark, shock: Shock, closure: Closure, p: Published) -> Economy:
    """Every flow that what is published implies."""
    w = Economy(b=b, shock=shock, closure=closure, p=p, quotas=all_quotas(b, shock))
    w.x, w.t = in_force(shock.export_tax, b.export_tax), in_force(shock.tariff, b.tariff)
    w.s = in_force(shock.subsidy, b.subsidy)
    w.v = in_force(shock.use_subsidy, np.zeros(b.final.shape))
    licences(w)
    sourcing(w)
    costs(w)
    supply(w)
    spending(w)
    stocks(w)
    trade(w)
    factors(w)
    incomes(w)
    return w


def licences(w: Economy) -> None:
    """E14: licence rates (i,n,k), and the part of them that goes to importers; cells that are closed."""
    b, p = w.b, w.p
    w.licence, w.to_importer = np.zeros(b.export_tax.shape), np.zeros(b.export_tax.shape)
    w.closed = np.zeros(b.export_tax.shape, dtype=bool) if w.shock.embargo is None else w.shock.embargo.copy()
    for q in w.quotas:
        w.closed |= q.covers & (q.limit <= 0)
        for i, n, k in np.argwhere(q.covers):
            chi = p.licence.get(q.name, 0.0)
            rate = chi * q.weight[k] / (p.price[i, k] * b.unit_value[i, k]) if q.specific else chi
            w.licence[i, n, k] += rate
            w.to_importer[i, n, k] += rate * q.rent_to_importer


def sourcing(w: Economy) -> None:
    """E1, E2, E22: delivered prices (i,n,k), purchaser prices (c,n,k), origin shares (c,i,n,k)."""
    b, p, par = w.b, w.p, w.b.parameters
    w.delivered = np.ones(b.export_tax.shape)
    for i, n, k in np.ndindex(w.delivered.shape):
        wedge = 1.0 if w.shock.iceberg is None else w.shock.iceberg[i, n, k]
        wedge *= (1 + w.x[i, n, k]) / (1 + b.export_tax[i, n, k])
        wedge *= (1 + w.licence[i, n, k]) / (1 + base_licence(b, i, n, k))
        wedge *= (1 + w.t[i, n, k]) / (1 + b.tariff[i, n, k])
        w.delivered[i, n, k] = p.price[i, k] * wedge
    weight = np.ones(b.final.shape)
    for stage, j in enumerate(b.stage_sector):
        plant = (
            b.output[:, j] > 0
        )  # a region without the stage has no capacity, though others may make its goods
        for k in np.nonzero(b.make[:, j].any(axis=0))[0]:
            weight[plant, k] = p.capacity[plant, stage] ** par.capacity_weight[stage]
    w.share = np.zeros(b.trade_share.shape)
    w.purchaser = np.ones((b.trade_share.shape[0], *b.final.shape))
    for c, n, k in np.ndindex(w.purchaser.shape):
        pi = np.where(w.closed[:, n, k], 0.0, normal(b.trade_share[c, :, n, k] * weight[:, k]))
        w.purchaser[c, n, k], w.share[c, :, n, k] = ces(pi, w.delivered[:, n, k], par.trade_elasticity[k])


def costs(w: Economy) -> None:
    """E3-E5: unit cost (n,j), and what of it goes to goods, factors, and types of input."""
    b, p, par = w.b, w.p, w.b.parameters
    regions, sectors, goods, n_factors, n_elements = b.shape
    elements = [int(e) for e in b.elements]
    others = [k for k in range(goods) if k not in elements]
    w.unit_cost, w.other_price = np.ones((2, regions, sectors))
    w.on_good, w.on_factor = np.zeros((regions, goods, sectors)), np.zeros((regions, n_factors, sectors))
    w.on_type, w.base_type = np.zeros((2, regions, sectors, n_elements + 1))
    for n, j in np.argwhere(b.output > 0):
        paid = w.purchaser[b.use_class[j], n] * (1 - w.v[n])
        ree, other, added = b.use[n, elements, j], b.use[n, others, j], b.factor_payment[n, :, j]
        in_cost = normal([ree.sum(), other.sum() + added.sum()])
        in_other = normal([added.sum(), other.sum()])
        ree_price, of_ree = ces(
            normal(ree), paid[elements] / p.technology[n, j, :-1], par.element_elasticity[j]
        )
        materials, of_materials = ces(normal(other), paid[others], par.materials_elasticity[j])
        value_added, of_added = ces(normal(added), p.wage[n, :, j], par.factor_elasticity[j])
        x_price, of_x = ces(in_other, [value_added, materials], par.value_added_elasticity[j])
        cost, top = ces(in_cost, [ree_price, x_price / p.technology[n, j, -1]], par.ree_elasticity[j])
        w.other_price[n, j] = x_price
        w.unit_cost[n, j] = cost / (1.0 if w.shock.productivity is None else w.shock.productivity[n, j])
        w.on_good[n, elements, j] = top[0] * of_ree
        w.on_good[n, others, j] = top[1] * of_x[1] * of_materials
        w.on_factor[n, :, j] = top[1] * of_x[0] * of_added
        w.on_type[n, j] = [*top[0] * of_ree, top[1]]
        w.base_type[n, j] = [*in_cost[0] * normal(ree), in_cost[1]]


def licensed(w: Economy, q):
    """Goods of a production quota that somebody may buy: what is thrown away needs no licence."""
    return [k for k in np.nonzero(q.goods)[0] if w.p.price[q.origin, k] > 1e-20]


def supply(w: Economy) -> None:
    """E6: revenue of a unit of output (n,j), sales of each good at the gate (n,k), with quota rents and without."""
    b, p = w.b, w.p
    w.net = p.price.copy()  # of a unit sold
    for chi, q in zip(p.production_licence, w.shock.production_quotas, strict=True):
        for k in licensed(w, q):
            w.net[q.origin, k] -= chi * q.weight[k] / b.unit_value[q.origin, k]
    w.earned = w.net * (1 - p.wasted)  # by a unit made
    w.revenue, w.made = np.ones(b.output.shape), np.zeros(b.make.shape)
    w.supply, w.supply_net = np.zeros((2, *b.final.shape))
    for n, j in np.argwhere(b.output > 0):
        # revenue is a CES index too, of elasticity -tau
        w.revenue[n, j], made = ces(b.make[n, j], w.earned[n], -b.parameters.transformation_elasticity[j])
        w.made[n, j] = made * p.output[n, j]
        w.supply_net[n] += made * p.output[n, j]
        w.supply[n] += made * p.output[n, j] * p.price[n] / w.net[n]


# ------------------------------------------------------------------ E8-E11, E16


def spending(w: Economy) -> None:
    """E8: spending (c,n,k) at purchaser prices, demand for factors (n,f,j), price of the final bundle (n,)."""
    b, p = w.b, w.p
    w.spending, w.factor_demand = np.zeros(w.purchaser.shape), np.zeros(w.on_factor.shape)
    for n, j in np.argwhere(b.output > 0):
        cost = (1 - b.research_share[n, j]) * (1 + w.s[n, j]) * p.output[n, j]
        w.factor_demand[n, :, j] = cost * w.on_factor[n, :, j]
        w.spending[b.use_class[j], n] += cost * w.on_good[n, :, j]
    w.final_price = np.ones(len(b.final))
    for n in range(len(b.final)):
        wanted = b.final[n] if w.shock.demand_shift is None else b.final[n] * w.shock.demand_shift[n]
        paid = w.purchaser[b.final_class, n] * (1 - w.v[n])
        w.final_price[n], of_final = ces(normal(wanted), paid, b.parameters.final_elasticity)
        w.spending[b.final_class, n] += of_final * p.income[n]
    w.spending = w.spending / (1 - w.v)  # buyers pay 1 - v of it
    w.use_subsidies = (w.spending * w.v).sum(axis=(0, 2))


def stocks(w: Economy) -> None:
    """E9: value of stock released and recycled (n,k), which stands in for purchases."""
    b, shock = w.b, w.shock
    released, recycled = (
        in_force(shock.stock_release, np.zeros(b.final.shape)),
        in_force(shock.recycling, np.zeros(b.final.shape)),
    )
    before, gate = base_spending(b), base_gate(b)
    w.stock, w.recycling_cost, w.released = (
        np.zeros(b.final.shape),
        np.zeros(len(b.final)),
        np.zeros(len(b.final)),
    )
    for n, k in np.argwhere((released != 0) | (recycled != 0)):
        bought = sum(tonnes(gate[i, n, k], b.unit_value[i, k]) for i in range(len(gate)) if gate[i, n, k] > 0)
        main = int(np.argmax(before[:, n, k]))  # the class that buys most
        paid = before[:, n, k].sum() / bought  # million USD a tonne, as buyers paid in the base year
        worth = paid * w.purchaser[main, n, k]
        w.stock[n, k] = (released[n, k] + recycled[n, k]) * worth
        w.released[n] += released[n, k] * worth
        if shock.recycling_cost is not None:
            w.recycling_cost[n] += shock.recycling_cost[n, k] * recycled[n, k] * paid
    gross = w.spending.sum(axis=0)
    for c in range(len(w.spending)):
        w.spending[c] -= w.stock * np.divide(w.spending[c], gross, out=np.zeros_like(gross), where=gross > 0)


def trade(w: Economy) -> None:
    """E9, E11: gate values and tonnes (i,n,k), taxes and rents by region."""
    b, p = w.b, w.p
    w.gate, w.tonnes = np.zeros(b.export_tax.shape), np.zeros(b.export_tax.shape)
    w.tariff, w.export_tax, w.rent = np.zeros((3, len(b.final)))
    for i, n, k in np.ndindex(w.gate.shape):
        paid = sum(w.share[c, i, n, k] * w.spending[c, n, k] for c in range(len(w.spending)))
        x, t, l = w.x[i, n, k], w.t[i, n, k], w.licence[i, n, k]
        gate = paid / ((1 + x) * (1 + l) * (1 + t))
        w.gate[i, n, k] = gate
        w.tonnes[i, n, k] = tonnes(gate, p.price[i, k] * b.unit_value[i, k])
        w.tariff[n] += gate * (1 + x) * (1 + l) * t
        w.export_tax[i] += gate * (1 + l) * x
        w.rent[i] += gate * (l - w.to_importer[i, n, k])
        w.rent[n] += gate * w.to_importer[i, n, k]
    w.rent += (w.supply - w.supply_net).sum(axis=1)


def factors(w: Economy) -> None:
    """E10, E16: wage of each factor (n,f) and what it is paid, by region if mobile and by sector if not."""
    b, p, par = w.b, w.p, w.b.parameters
    w.mobile = np.isinf(par.factor_mobility)
    endowment = b.factor_payment.sum(axis=2)
    research = (b.research_share * (1 + b.subsidy) * b.output).sum(axis=1)
    w.average, w.paid_mobile, w.paid = (
        np.ones(endowment.shape),
        np.zeros(endowment.shape),
        np.zeros(w.on_factor.shape),
    )
    for n, f in np.argwhere(endowment > 0):
        hours = 1 - research[n] / endowment[n, f] * (p.scientists[n] - 1) if f == b.labour else 1.0
        phi, kappa = normal(b.factor_payment[n, f]), par.factor_mobility[f]
        if w.mobile[f]:
            w.average[n, f] = p.wage[n, f, 0]
            w.paid_mobile[n, f] = endowment[n, f] * hours * p.wage[n, f, 0]
            continue
        w.average[n, f] = sum(phi * p.wage[n, f] ** (1 + kappa)) ** (1 / (1 + kappa))
        w.paid[n, f] = (
            endowment[n, f] * hours * phi * (p.wage[n, f] / w.average[n, f]) ** kappa * p.wage[n, f]
        )
    w.resource = next((f for f in range(len(w.mobile)) if not w.mobile[f] and not b.numeraire[f]), None)
    for stage, j in enumerate(b.stage_sector):
        w.paid[:, w.resource, j] *= p.capacity[:, stage]
    numeraire = endowment * b.numeraire
    w.world = (numeraire * w.average).sum() / numeraire.sum()


def incomes(w: Economy) -> None:
    """E11: income, and what smuggling, recycling and investment leave of it to consume."""
    b, p = w.b, w.p
    earned = w.paid_mobile.sum(axis=1) + w.paid.sum(axis=(1, 2))
    moves = b.parameters.deficit_rule == "share_of_world_income"
    w.deficit = b.deficit * (earned.sum() / b.factor_payment.sum() if moves else 1.0)
    w.income = earned + (b.research_share * (1 + w.s) * p.output).sum(axis=1)
    w.income = w.income + w.tariff + w.export_tax + w.rent + w.stock.sum(axis=1) + w.deficit
    w.income = w.income - (w.s * p.output).sum(axis=1) - w.use_subsidies
    invested = in_force(w.shock.capacity_investment, np.zeros(len(b.final)))
    w.consumption = w.income - (w.recycling_cost + invested) * w.final_price
    w.smuggling = np.zeros(len(b.final))
    for q in w.quotas:
        if p.leak.get(q.name, 0.0) > 0:
            sold = (np.where(q.covers, w.tonnes, 0.0) * q.weight).sum(axis=2)
            for one, part in (
                (sold.sum(axis=1), 1 - q.rent_to_importer),
                (sold.sum(axis=0), q.rent_to_importer),
            ):
                w.smuggling += part * q.leak_margin * p.leak[q.name] * 1e3 / 1e6 * normal(one)
    w.consumption = w.consumption - w.smuggling
