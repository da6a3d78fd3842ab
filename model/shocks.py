"""Operations on shocks: base-year licences as quotas, empty quotas as embargoes, part of a shock."""

from __future__ import annotations

import numpy as np

from model.base_year import TONNES, gate_value_base, quota_tonnes_base
from model.memory import remember
from model.records import Array, Benchmark, ProductionQuota, Quota, Shock


def base_quotas(benchmark: Benchmark) -> tuple[Quota, ...]:
    """E14: a base-year licence is a quota that binds at base tonnes, one for each origin and licence price."""
    return remember(benchmark.data, "base_quotas", lambda: _base_quotas(benchmark))


def _base_quotas(b: Benchmark) -> tuple[Quota, ...]:
    found = []
    abroad = ~np.eye(b.output.shape[0], dtype=bool)
    for i in np.nonzero(b.licence.any(axis=1))[0].tolist():
        for price in np.unique(b.licence[i][b.licence[i] > 0]):
            covers = np.zeros(b.export_tax.shape, dtype=bool)
            covers[i] = abroad[i][:, None] & (b.licence[i] == price)[None, :]
            quota = Quota(
                f"base-licence-{i}-{price:g}", covers, 1.0, np.ones(b.final.shape[1]), start=float(price)
            )
            found.append(quota.replace(limit=quota_tonnes_base(b, quota)))
    return tuple(found)


def close_empty_quotas(
    benchmark: Benchmark, shock: Shock, quotas: tuple[Quota, ...]
) -> tuple[Shock, tuple[Quota, ...]]:
    """E12: a limit of 0 is an embargo; a quota on nothing that is still sold (a base-year licence, say) is dropped.

    A good that weighs nothing under a quota is not limited by it, and nothing is where smuggling is free.
    """
    if not quotas:
        return shock, quotas
    quotas = tuple(q for q in quotas if q.leak_margin != 0)
    closed = [q.covers & (q.counted > 0) for q in quotas if q.limit <= 0]
    if closed:
        embargo = np.logical_or.reduce(closed if shock.embargo is None else [*closed, shock.embargo])
        shock = shock.replace(embargo=embargo)
    sold = gate_value_base(benchmark) > 0
    if shock.embargo is not None:
        sold &= ~shock.embargo
    return shock, tuple(q for q in quotas if (q.covers & sold & (q.counted > 0)).any())


def implied(quota: Quota, by: Quota) -> bool:
    """E13: whether a quota cannot bind where another holds: that limits all of its sales, to no more tonnes."""
    return (
        by.leak_margin is None
        and by.limit <= quota.limit
        and not (quota.covers & ~by.covers).any()
        and bool((quota.counted <= by.counted).all())
    )


def scaled(
    benchmark: Benchmark, shock: Shock, quotas: tuple[Quota, ...], part: float
) -> tuple[Shock, tuple[Quota, ...]]:
    """A part of a shock, from 0 (the base year) to 1; rates, limits and productivity move in logs."""
    if part >= 1.0:
        return shock, quotas
    b = benchmark

    def rate(new: Array | None, base: Array) -> Array | None:
        return None if new is None else (1 + base) * ((1 + new) / (1 + base)) ** part - 1

    def power(new: Array | None) -> Array | None:
        return None if new is None else new**part

    def linear(new: Array | None) -> Array | None:
        return None if new is None else part * new

    iceberg = power(shock.iceberg)
    if shock.embargo is not None:  # a closed origin keeps a share of 1 - part, through its trade cost
        rho = np.minimum(1.0 - b.parameters.trade_elasticity, -1e-3)
        cost = np.where(shock.embargo, np.exp(np.log1p(-part) / rho), 1.0)
        iceberg = cost if iceberg is None else cost * iceberg
    limits = tuple(
        q.replace(limit=_between(max(quota_tonnes_base(b, q), q.limit), q.limit, part)) for q in quotas
    )
    production = tuple(
        q.replace(limit=_between(max(_made(b, q), q.limit), q.limit, part)) for q in shock.production_quotas
    )
    part_shock = shock.replace(
        export_tax=rate(shock.export_tax, b.export_tax), tariff=rate(shock.tariff, b.tariff), iceberg=iceberg,
        embargo=None, quotas=(), production_quotas=production, subsidy=rate(shock.subsidy, b.subsidy),
        use_subsidy=linear(shock.use_subsidy), research_subsidy=linear(shock.research_subsidy),
        productivity=power(shock.productivity), demand_shift=power(shock.demand_shift),
        stock_release=linear(shock.stock_release), recycling=linear(shock.recycling),
        capacity_investment=linear(shock.capacity_investment), technology=linear(shock.technology),
        capacity=linear(shock.capacity),
    )  # fmt: skip
    return part_shock, limits


def _between(base: float, limit: float, part: float) -> float:
    return float(base ** (1 - part) * limit**part)


def _made(b: Benchmark, quota: ProductionQuota) -> float:
    made = np.where(quota.goods, b.output[quota.origin] @ b.make[quota.origin], 0.0)
    unit = np.where(quota.goods, b.unit_value[quota.origin], 1.0)
    return float((made / unit * quota.counted).sum() * TONNES)
