"""The table of results once more, from flows that `tests/independent.py` worked out: docs/model.md, section 8."""

from __future__ import annotations

import numpy as np

from tests.independent import Economy, Published, base_gate, base_licence, base_spending, normal, recompute

# What the flows are worked out from; `tests/conditions.py` checks it.
TAKEN = {
    "producer_price",
    "output",
    "income",
    "technology",
    "research",
    "scientists",
    "scientists_wage",
    "capacity",
}


def table_anew(w: Economy) -> dict[str, np.ndarray]:
    """Name of a variable -> values."""
    b, e, p = w.b, w.b.elements, w.p
    gate0, income = base_gate(b), b.final.sum(axis=1)
    spent = w.spending.sum(axis=0)
    geometric = np.exp((w.spending * np.log(w.purchaser)).sum(axis=0) / np.where(spent > 0, spent, 1.0))
    unimproved = Published(**{**vars(p), "technology": np.ones_like(p.technology)})
    without = recompute(b, w.shock, w.closure, unimproved).unit_cost
    elements = origins(w.gate[:, :, e])
    by_stage = np.stack([w.gate[:, :, b.make[:, j].any(axis=0)].sum(axis=2) for j in b.stage_sector], axis=2)
    stages = origins(by_stage)
    exported, before = (by_sector(*pair) for pair in (
        (w.made, w.gate / p.price[:, None, :]), (b.make * b.output[:, :, None], gate0)))  # fmt: skip
    border = border_price(w, gate0)[:, e]
    made = np.where(w.gate.sum(axis=1) > 0, w.supply_net / w.earned, 0.0)
    return {
        "purchaser_price": np.where(spent > 0, geometric, 1.0),
        "border_price": border,
        "border_value": border * border_value(w, gate0)[:, e],
        "gate_value": p.price[:, e] * b.unit_value[:, e],
        "tonnes": w.tonnes[:, :, e],
        "thrown_away": (made - w.gate.sum(axis=1) / p.price)[:, e] * 1e3 / b.unit_value[:, e],
        "output_volume": np.where(b.output > 0, p.output / np.where(b.output > 0, b.output, 1.0), 1.0) / w.revenue,
        "exports": by_sector(w.made, w.gate),
        "exports_volume": exported / np.where(before > 0, before, 1.0) + (before <= 0),
        "unit_cost": w.unit_cost,
        "ree_cost_share": w.on_type[:, :, :-1].sum(axis=2),
        "tfp_solow": solow(w),
        "tfp_cost_saved": without / w.unit_cost,
        "ree_patents": patents(w),
        "wage": w.average,
        "resource_rent": p.wage[:, w.resource, b.stage_sector],
        "final_price": w.final_price,
        "real_income": w.consumption / income / w.final_price,
        "real_income_without_asset_sales": (w.consumption - w.released) / income / w.final_price,
        "equivalent_variation": w.consumption / w.final_price - income,
        "licence_rent": w.rent - w.smuggling,
        "export_tax_revenue": w.export_tax,
        "tariff_revenue": w.tariff,
        "deficit": w.deficit,
        "technology_gain": ((1 - b.research_share) * (1 + w.s) * p.output * (without / w.unit_cost - 1)).sum(axis=1),
        "terms_of_trade": terms_of_trade(w, gate0),
        "import_dependence": imports(elements),
        "concentration": (elements**2).sum(axis=0),
        "stage_import_dependence": imports(stages),
        "stage_concentration": (stages**2).sum(axis=0),
        "supply_concentration": np.array([(normal(w.supply[:, k]) ** 2).sum() for k in e]),
        "stage_supply_concentration": np.array([(normal(x) ** 2).sum() for x in by_stage.sum(axis=1).T]),
    }  # fmt: skip


def origins(gate):
    """(i,n,x) share of each origin in what a region buys."""
    share = np.zeros(gate.shape)
    for n, x in np.ndindex(gate.shape[1:]):
        share[:, n, x] = normal(gate[:, n, x])
    return share


def imports(share):
    """(n,x) share that comes from other regions."""
    return np.array([share[:, n].sum(axis=0) - share[n, n] for n in range(len(share))])


def by_sector(made, gate):
    """(n,j): sales abroad of what each sector makes; a good of several sectors is split by what each makes of it."""
    abroad = gate.sum(axis=1) - np.einsum("nnk->nk", gate)
    found = np.zeros(made.shape[:2])
    for n, j, k in np.argwhere(made > 0):
        found[n, j] += abroad[n, k] * made[n, j, k] / made[n, :, k].sum()
    return found


def abroad_weights(gate0):
    """(i,n,k) base sales to each foreign buyer over all of them; 0 where there are none."""
    weight = np.zeros(gate0.shape)
    for i, k in np.ndindex(gate0.shape[0], gate0.shape[2]):
        sold = np.where(np.arange(len(gate0)) == i, 0.0, gate0[i, :, k])
        weight[i, :, k] = normal(sold)
    return weight


def border_price(w, gate0):
    """(i,k): mean over foreign buyers, by base sales, of the border price over its base: gate, licence, export tax."""
    b, weight = w.b, abroad_weights(gate0)
    ratio = np.zeros(b.final.shape)
    for i, n, k in np.argwhere(weight > 0):
        base = (1 + base_licence(b, i, n, k)) * (1 + b.export_tax[i, n, k])
        ratio[i, k] += weight[i, n, k] * (1 + w.licence[i, n, k]) * (1 + w.x[i, n, k]) / base
    return np.where(ratio > 0, ratio, 1.0) * w.p.price


def border_value(w, gate0):
    """(i,k) USD per kg at the border in the base year, mean over foreign buyers."""
    b, weight = w.b, abroad_weights(gate0)
    markup = np.zeros(b.final.shape)
    for i, n, k in np.argwhere(weight > 0):
        markup[i, k] += weight[i, n, k] * (1 + base_licence(b, i, n, k)) * (1 + b.export_tax[i, n, k])
    return np.where(markup > 0, markup, 1.0) * b.unit_value


def terms_of_trade(w, gate0):
    """Section 8: what changes of border prices bring exporters and cost importers, deflated by each one's bundle."""
    b, found = w.b, np.zeros(len(w.b.final))
    before = base_spending(b)[:, None] * b.trade_share / (1 + b.tariff)
    after = w.spending[:, None] * w.share / (1 + w.t)  # (c,i,n,k) at the border
    for c, n, k in np.ndindex(w.spending.shape):
        old, new = before[c, :, n, k], after[c, :, n, k]
        mean, growth = on_the_way(w, n, k, normal(old), normal(new))
        for i in [i for i in range(len(old)) if i != n and old[i] > 0]:
            for region, sign in ((i, 1), (n, -1)):
                deflator = w.final_price[region]
                spent = log_mean(old.sum(), new.sum() / deflator)
                found[region] += (
                    sign * (1 - left(w, i, n, k)) * spent * (growth[i] - mean[i] * np.log(deflator))
                )
    for i, n, k in np.argwhere(gate0 > 0):
        quantity = (gate0[i, n, k] + w.gate[i, n, k] / w.p.price[i, k]) / 2
        for region, sign in ((i, 1), (n, -1)):
            unlicensed = w.p.price[i, k] * (1 + w.x[i, n, k]) / w.final_price[region]
            border = (1 + base_licence(b, i, n, k)) * (1 + b.export_tax[i, n, k])
            found[region] += sign * (i != n) * left(w, i, n, k) * quantity * (unlicensed - border)
    return found


def left(w, i, n, k):
    """What importers get back of a licence in the border price: their part of the rent, which pays no duty."""
    return w.to_importer[i, n, k] / w.licence[i, n, k] / (1 + w.x[i, n, k]) if w.licence[i, n, k] > 0 else 0.0


def on_the_way(w, n, k, old, new):
    """(i,) mean shares of origins, and growth of border prices times shares, with the limit of it where trade ended."""
    growth, weight = np.zeros(len(old)), np.array([log_mean(x, y) for x, y in zip(old, new, strict=True)])
    for i in np.flatnonzero(old > 0):
        wedge = (1 + w.licence[i, n, k]) * (1 + w.x[i, n, k])
        wedge /= (1 + base_licence(w.b, i, n, k)) * (1 + w.b.export_tax[i, n, k])
        growth[i] = weight[i] * np.log(wedge * w.p.price[i, k])
        if w.closed[i, n, k]:
            growth[i] = old[i] / (w.b.parameters.trade_elasticity[k] - 1)
    index = growth.sum() / weight.sum() if weight.sum() > 0 else 0.0
    return (old + new) / 2, growth + ((old + new) / 2 - weight) * index


def patents(w):
    """E20: research on elements, weighted by their share in the base cost of rare earths; 1 where there is none."""
    found = np.ones(w.b.output.shape)
    for n, j in np.argwhere((w.base_type[:, :, :-1].sum(axis=2) > 0) & (w.b.research_share > 0)):
        found[n, j] = (normal(w.base_type[n, j, :-1]) * w.p.research[n, j, :-1]).sum()
    return found


def solow(w):
    """E19a from prices: growth of input prices at nested Sato-Vartia weights, less growth of cost."""
    b, found = w.b, np.ones(w.b.output.shape)
    for n, j in np.argwhere(b.output > 0):
        paid = w.purchaser[b.use_class[j], n] * (1 - w.v[n])
        before, after = w.base_type[n, j], w.on_type[n, j]
        inner = sato_vartia(normal(before[:-1]), normal(after[:-1]))
        top = sato_vartia([sum(before[:-1]), before[-1]], [sum(after[:-1]), after[-1]])
        inputs = top[0] * (inner * np.log(paid[b.elements])).sum() + top[1] * np.log(w.other_price[n, j])
        found[n, j] = np.exp(inputs) / w.unit_cost[n, j]
    return found


def sato_vartia(before, after):
    """Weights that make a CES index exact: logarithmic means of shares, summing to 1."""
    return normal([log_mean(x, y) for x, y in zip(before, after, strict=True)])


def log_mean(x, y):
    """Logarithmic mean; 0 where either is 0."""
    if x <= 0 or y <= 0:
        return 0.0
    return np.sqrt(x * y) if abs(y / x - 1) < 1e-5 else (y - x) / np.log(y / x)
