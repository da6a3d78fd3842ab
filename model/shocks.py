"""Operations on shocks: base-year licences as quotas, empty quotas as embargoes, part of a shock."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from model.base_year import gate_value_base, production_tonnes_base, quota_tonnes_base
from model.memory import remember
from model.records import Array, Benchmark, Quota, Shock
from model.solution import Diagnosis


class Field(NamedTuple):
    """What a field of `Shock` has to be."""

    axes: str
    above: float = -np.inf  # every entry is above this
    least: float = -np.inf  # and not below this
    below: float = np.inf
    block: str = "market"  # of the equilibrium in which a bad entry shows first


FIELDS = {
    "export_tax": Field("ink", above=-1.0), "tariff": Field("ink", above=-1.0), "iceberg": Field("ink", above=0.0),
    "subsidy": Field("nj", above=-1.0, block="profit"), "productivity": Field("nj", above=0.0, block="profit"),
    "use_subsidy": Field("nk", below=1.0), "demand_shift": Field("nk", least=0.0), "stock_release": Field("nk"),
    "recycling": Field("nk", least=0.0), "recycling_cost": Field("nk"),
    "capacity_investment": Field("n", block="budget"),
    "research_subsidy": Field("njg", above=-1.0, block="profit"), "technology": Field("njg", block="profit"),
    "capacity": Field("ns", block="capacity"),
}  # fmt: skip


def check_shapes(benchmark: Benchmark, shock: Shock) -> None:
    """Raise ValueError where an instrument is no array with an entry for each cell, or two quotas have one name."""
    regions, sectors, goods, _, elements = benchmark.shape
    stages = len(benchmark.stage_sector)
    sizes = {"n": regions, "i": regions, "j": sectors, "k": goods, "g": elements + 1, "s": stages}
    given = [(name, getattr(shock, name), told.axes, "iuf") for name, told in FIELDS.items()]
    given.append(("embargo", shock.embargo, "ink", "b"))
    given += [(f"what quota {q.name!r} covers", q.covers, "ink", "b") for q in shock.quotas]
    given += [(f"goods of production quota {q.name!r}", q.goods, "k", "b") for q in shock.production_quotas]
    for name, value, axes, kinds in given:
        if value is None:
            continue
        shape = tuple(sizes[axis] for axis in axes)
        if not isinstance(value, np.ndarray) or value.dtype.kind not in kinds:
            raise ValueError(f"{name} needs an array of {'True and False' if kinds == 'b' else 'numbers'}")
        if value.shape != shape:
            raise ValueError(f"{name} has shape {value.shape}, and needs ({','.join(axes)}) = {shape}")
    for quotas in ("quotas", "production_quotas"):
        names = [quota.name for quota in getattr(shock, quotas)]
        if len(set(names)) < len(names):
            twice = next(one for one in names if names.count(one) > 1)
            raise ValueError(f"two {quotas} are named {twice!r}: licence prices go by name")


def outside_domain(shock: Shock) -> Diagnosis | None:
    """An instrument that is not finite, or a rate or ratio that leaves nothing to pay, with its place."""
    for name, told in FIELDS.items():
        if (value := getattr(shock, name)) is None or not value.size:
            continue
        low, high = value.min(), value.max()  # nan if any is
        if low > told.above and low >= told.least and high < told.below and np.isfinite(low):
            continue
        inside = np.isfinite(value) & (value > told.above) & (value >= told.least) & (value < told.below)
        at = tuple(int(p) for p in np.argwhere(~inside)[0])
        cell = (at[0], at[2]) if told.axes == "ink" else at[:2]
        detail = f"{name}[{', '.join(map(str, at))}] = {value[at]:g} is outside the domain of {name}"
        return Diagnosis("non_finite", told.block, cell, np.nan, detail)
    return None


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


def names_all(by: Quota, quota: Quota) -> bool:
    """Whether a quota limits all that another does, at whatever weights, and nothing can be smuggled past it."""
    same = not (quota.covers & ~by.covers).any() and not ((quota.counted > 0) & (by.counted <= 0)).any()
    return same and by.leak_margin is None


def implied(quota: Quota, by: Quota) -> bool:
    """E13: whether a quota cannot bind where another holds: that limits all of its sales, to no more tonnes."""
    return names_all(by, quota) and by.limit <= quota.limit and bool((quota.counted <= by.counted).all())


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
        q.replace(limit=_between(max(production_tonnes_base(b, q), q.limit), q.limit, part))
        for q in shock.production_quotas
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
