"""A region split in two identical halves: docs/model.md says that nothing but concentration may change."""

from __future__ import annotations

import numpy as np

from model.records import Benchmark, Quota, Shock
from tests.instruments import Case


def twice(array, region: int, *axes: int):
    """The array with the region's entries repeated at the end of the given axes."""
    for axis in axes:
        array = np.concatenate([array, np.take(array, [region], axis=axis)], axis=axis)
    return array


def halved(array, region: int, axis: int = 0):
    """The same for values that the halves share."""
    array = twice(np.asarray(array, dtype=float), region, axis)
    cut = [slice(None)] * array.ndim
    for position in (region, -1):
        cut[axis] = position
        array[tuple(cut)] /= 2
    return array


def split_benchmark(b: Benchmark, r: int) -> Benchmark:
    par = b.parameters
    omega = halved(par.spillover_region, r, axis=1)
    return b.replace(
        **{name: halved(getattr(b, name), r) for name in ("output", "use", "final", "factor_payment", "deficit")},
        **{name: twice(getattr(b, name), r, 0) for name in ("make", "research_share", "subsidy", "licence")},
        unit_value=twice(b.unit_value, r, 0),
        **{name: twice(getattr(b, name), r, 0, 1) for name in ("export_tax", "tariff")},
        trade_share=twice(halved(b.trade_share, r, axis=1), r, 2),
        parameters=par.replace(
            innovation_elasticity=twice(par.innovation_elasticity, r, 0), spillover=twice(par.spillover, r, 0),
            spillover_region=twice(omega, r, 0),
        ),
    )  # fmt: skip


def split_quota(q: Quota, r: int) -> Quota:
    """Both halves are listed; trade between them is at home and so exempt."""
    return q.replace(covers=twice(q.covers, r, 0, 1))


def split_shock(shock: Shock, r: int, regions: int) -> Shock:
    changes: dict[str, object] = {}
    for name in ("export_tax", "tariff", "iceberg", "embargo"):
        if getattr(shock, name) is not None:
            changes[name] = twice(getattr(shock, name), r, 0, 1)
    for name in (
        "subsidy",
        "use_subsidy",
        "research_subsidy",
        "productivity",
        "demand_shift",
        "recycling_cost",
        "technology",
        "capacity",
    ):
        if getattr(shock, name) is not None:
            changes[name] = twice(getattr(shock, name), r, 0)
    for name in ("stock_release", "recycling", "capacity_investment"):
        if getattr(shock, name) is not None:
            changes[name] = halved(getattr(shock, name), r)
    production = []
    for q in shock.production_quotas:
        limit = q.limit / 2 if q.origin == r else q.limit
        production.append(q.replace(limit=limit))
        if q.origin == r:
            production.append(q.replace(limit=limit, origin=regions, name=f"{q.name}, other half"))
    quotas = tuple(split_quota(q, r) for q in shock.quotas)
    return shock.replace(**changes, quotas=quotas, production_quotas=tuple(production))


def split(case: Case, region: int) -> Case:
    """The case with one more region, at the end: the other half of `region`."""
    shock = split_shock(case.shock, region, len(case.benchmark.output))
    return Case(split_benchmark(case.benchmark, region), shock, case.closure)
