"""What an equilibrium is: the two sides of every condition, from flows that `tests/independent.py` worked out."""

from __future__ import annotations

import numpy as np

from tests.independent import Economy, licensed, quota_tonnes, tonnes


def produces(w: Economy):
    """(n,j) sectors that exist and that an embargo has not closed."""
    return w.p.output > 1e-20 * w.b.output


def sides(w: Economy) -> dict[str, tuple]:
    """Name of a condition -> its two sides, arrays that an equilibrium makes equal (E7, E9-E11, E15-E17, E22)."""
    b, p = w.b, w.p
    active = produces(w)
    found = {
        "profit": (
            np.where(active, w.revenue * (1 + w.s) / (1 + b.subsidy), 1.0),
            np.where(active, w.unit_cost, 1.0),
        ),
        "market": (w.supply, w.gate.sum(axis=1)),
        "mobile": (w.paid_mobile[:, w.mobile], w.factor_demand.sum(axis=2)[:, w.mobile]),
        "sluggish": (w.paid[:, ~w.mobile], w.factor_demand[:, ~w.mobile]),
        "budget": (p.income, w.income),
        "numeraire": (w.world, 1.0),
    }
    if w.closure.capacity == "target":
        has = (b.factor_payment[:, w.resource, b.stage_sector] > 0) & active[:, b.stage_sector]
        tobin = p.wage[:, w.resource, b.stage_sector] / w.final_price[:, None]
        found["capacity"] = p.capacity, np.where(has, tobin**b.parameters.capacity_response, 1.0)
    return found | research(w)


def research(w: Economy) -> dict[str, tuple]:
    """E15-E17."""
    b, p, par = w.b, w.p, w.b.parameters
    used = (w.base_type > 0) & ((b.research_share > 0) & produces(w))[:, :, None]
    reward = p.output * (1 + w.s) / (np.where(b.output > 0, b.output, 1.0) * (1 + b.subsidy))
    r = np.ones(w.on_type.shape)
    for n, j, g in np.argwhere(used):
        subsidy = 0.0 if w.shock.research_subsidy is None else w.shock.research_subsidy[n, j, g]
        r[n, j, g] = (
            w.on_type[n, j, g] / w.base_type[n, j, g] * reward[n, j] / p.research_wage[n, j] * (1 + subsidy)
        )
    found = {
        "research": (p.research, r),
        "technology": (np.where(used, p.technology, 1.0), technology(w, used)),
    }
    base = (b.research_share * (1 + b.subsidy) * b.output)[:, :, None] * w.base_type
    hired = (p.research_wage / w.average[:, b.labour, None]) ** par.research_supply_elasticity  # (n,j)
    total = base.sum(axis=(1, 2))
    working = (base.sum(axis=2) * hired).sum(axis=1)
    found["scientists"] = p.scientists * total, working
    at_work = base * np.where(used, r, 0.0)
    if par.research_closure == "sector":  # they stay in their sector
        there = used.any(axis=2)
        return found | {
            "scientists' market": (at_work.sum(axis=2), np.where(there, base.sum(axis=2) * hired, 0.0))
        }
    return found | {"scientists' market": (at_work.sum(axis=(1, 2)), working)}


def technology(w: Economy, used):
    """E17: (n,j,g)."""
    par, log_a = w.b.parameters, np.zeros(used.shape)
    if w.closure.technology == "given" or w.closure.regime == "exogenous":
        given = (
            w.shock.technology
            if w.closure.technology == "given" and w.shock.technology is not None
            else log_a
        )
        return np.where(used, np.exp(given), 1.0)
    log_r = np.log(w.p.research)
    for n, j, g in np.argwhere(used):
        log_a[n, j, g] = par.innovation_elasticity[n, g] * log_r[n, j, g]
        if w.closure.regime == "directed":
            continue
        omega = np.outer(par.spillover_region[n], par.spillover_sector[j]) * used[:, :, g]
        if omega.sum() > 0:
            log_a[n, j, g] += par.spillover[n, g] * (omega * log_r[:, :, g]).sum() / omega.sum()
        theta = w.base_type[n, j, :-1].sum()
        if g == used.shape[2] - 1 and theta > 0:
            within = w.base_type[n, j, :-1] / theta
            log_a[n, j, g] += par.breadth * theta / par.breadth_reference * (within * log_r[n, j, :-1]).sum()
    return np.exp(log_a)


def quota_gaps(w: Economy) -> dict[str, float]:
    """E12, E13: how far licence prices, tonnes and smuggling are from complementary, relative to the limits."""
    b, p = w.b, w.p
    worst = {"licence below 0": 0.0, "over the limit": 0.0, "licence though slack": 0.0, "smuggling": 0.0}

    def note(name: str, value: float) -> None:
        worst[name] = max(worst[name], value)

    for q in w.quotas:
        chi, leak = p.licence.get(q.name, 0.0), p.leak.get(q.name, 0.0)
        sold = quota_tonnes(b, q, w.gate, p.price) - leak
        note("licence below 0", -chi)
        note("over the limit", sold / q.limit - 1 if q.limit > 0 else sold)
        if chi > 0:
            note("licence though slack", abs(1 - sold / q.limit))
        if q.leak_margin is not None:
            note("smuggling", max(chi / q.leak_margin - 1, -leak / q.limit))
            note("smuggling", abs(chi / q.leak_margin - 1) * leak / q.limit)
    for chi, q in zip(p.production_licence, w.shock.production_quotas, strict=True):
        goods, i = licensed(w, q), q.origin
        made = sum(q.weight[k] * tonnes(w.supply[i, k], p.price[i, k] * b.unit_value[i, k]) for k in goods)
        note("licence below 0", -chi)
        note("over the limit", made / q.limit - 1)
        note("licence though slack", chi * abs(1 - made / q.limit))
    return worst


def floor_gaps(w: Economy) -> dict[str, float]:
    """E6: how far waste is from complementary to prices above their floors and to what pays for its licence."""
    floor, trifle, there = np.zeros(w.net.shape), np.zeros(w.net.shape), w.gate.sum(axis=1) > 0
    floor[:, w.b.elements] = w.b.parameters.price_floor if len(w.b.parameters.price_floor) else 0.0
    for q in w.shock.production_quotas:
        trifle[q.origin] = np.maximum(trifle[q.origin], 1e-6 * (q.goods & (q.weight > 0)))
    over = np.minimum(w.p.price / np.maximum(floor, 1e-300), w.net / np.maximum(trifle, 1e-300)) - 1
    return {
        "price below its floor": float(np.where(there, floor / w.p.price - 1, 0.0).max()),
        "licence not paid for": float(np.where(there, trifle / w.net - 1, 0.0).max()),
        "thrown away though sold": float(np.where(there, np.minimum(over, 1.0) * w.p.wasted, 0.0).max()),
        "wasted below 0": float(-w.p.wasted.min()),
    }


def gaps(w: Economy) -> dict[str, float]:
    """Name of a condition -> by how much it fails at worst, relative to the larger side."""
    found = {}
    for name, (one, other) in sides(w).items():
        # What has stopped is not exactly 0.
        size = np.maximum(np.maximum(np.abs(one), np.abs(other)), 1e-12 * np.max(np.abs(one), initial=0.0))
        found[name] = float((np.abs(one - other) / np.where(size > 0, size, 1.0)).max(initial=0.0))
    return found | quota_gaps(w) | floor_gaps(w)
