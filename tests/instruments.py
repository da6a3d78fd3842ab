"""Every policy instrument of docs/model.md section 5, one at a time, on any test world; and a world to try them on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from model.records import Benchmark, Closure, ProductionQuota, Quota, Shock
from model.table import Elasticities, RareEarths, benchmark_from_flows
from tests.independent import base_gate
from tests.worlds import Sizes, world

DIRECTED = Closure("directed_with_spillovers")
EXOGENOUS = Closure("exogenous", "given", "given")

# Axes of different lengths: n 4, j 9, k 13, e 5, g 6, users of rare earths 7, factors 3, stages 2, classes 1.
AWKWARD = Sizes(regions=4, ordinary=6, elements=5, users=6)


def awkward(seed: int = 0, sizes: Sizes = AWKWARD, **options: object) -> Benchmark:
    """A world with two stages of capacity and scientists whose number is given by sector (always stable)."""
    options = {"research_closure": "sector", **options}
    b, _ = world(seed, sizes, **options)  # type: ignore[arg-type]
    par = b.parameters
    two = {name: getattr(par, name)[:2] for name in
           ("capacity_weight", "capacity_response", "capacity_expansion", "capacity_exit", "build_time")}  # fmt: skip
    return b.replace(stage_sector=b.stage_sector[:2], parameters=par.replace(**two))


@dataclass(frozen=True)
class Case:
    """A world, a shock, a closure."""

    benchmark: Benchmark
    shock: Shock
    closure: Closure = DIRECTED


def exports_of(b: Benchmark, origin: int, goods) -> np.ndarray:
    """(i,n,k) bool: sales abroad of some goods of one origin."""
    covers = np.zeros(b.export_tax.shape, dtype=bool)
    covers[origin][:, goods] = True
    covers[origin, origin] = False
    return covers


def quota_on(b: Benchmark, name: str, covers, ratio: float, weight=None, **options: object) -> Quota:
    """A quota at a ratio of base tonnes, which are counted here anew."""
    weight = np.ones(b.final.shape[1]) if weight is None else weight
    tonnes = base_gate(b) * 1e3 / b.unit_value[:, None, :] * weight
    return Quota(name, covers, ratio * float(tonnes[covers].sum()), weight, **options)  # type: ignore[arg-type]


def sold_from_stock(b: Benchmark, region: int, good: int, times: float) -> np.ndarray:
    """(n,k) tonnes that a stock sells in a region, relative to what it uses in the base year."""
    bought = base_gate(b)[:, region, good]
    used = (bought[bought > 0] * 1e3 / b.unit_value[bought > 0, good]).sum()
    released = np.zeros(b.final.shape)
    released[region, good] = times * used
    return released


def production_quota(b: Benchmark, ratio: float, origin: int = 1) -> ProductionQuota:
    goods = np.zeros(b.final.shape[1], dtype=bool)
    goods[b.elements] = True
    weight = np.linspace(0.5, 1.0, b.final.shape[1])
    made = b.output[origin] @ b.make[origin]
    tonnes = (made[goods] * 1e3 / b.unit_value[origin, goods] * weight[goods]).sum()
    return ProductionQuota("mines", origin, goods, ratio * float(tonnes), weight)


def with_mines(make: np.ndarray, bought: np.ndarray) -> Benchmark:
    """Two regions, three sectors; the last mines with a resource of its own. make (n,j,k).

    bought (n,): what mines buy, against other sectors.
    """
    rng = np.random.default_rng(3)
    flows, final = rng.uniform(1, 5, (2, 3, 2, 3)), rng.uniform(5, 20, (2, 3, 2))
    flows[:, :, :, 2] *= bought
    share = np.zeros((2, 2, 3))
    share[:, 0], share[:, 1, 2] = [1.0, 1.0, 0.7], 0.3
    mines = RareEarths(np.zeros(0, int), np.array([2]), np.full((2, 3), 5.0), np.ones(3))
    return benchmark_from_flows(
        flows, final, factor_share=share, mobility=(np.inf, 0.0), make=make, rare_earths=mines,
        numeraire=(True, False), elasticities=Elasticities(transformation=0.5),
    )  # fmt: skip


def cases(seed: int = 0, b: Benchmark | None = None) -> dict[str, Case]:
    """Name -> case; a few worlds, every instrument. Rates differ by cell, so that no swapped axis goes unseen."""
    sizes = None if b is None else Sizes(b.shape[0], b.shape[1] - 3, b.shape[4], len(b.trade_share), 2)
    b = awkward(seed) if b is None else b
    rng = np.random.default_rng(seed + 1000)
    n, j, k, _, e = b.shape
    foreign = ~np.eye(n, dtype=bool)[:, :, None]
    elements = b.elements
    reo = np.linspace(0.4, 1.0, k)
    of_zero = exports_of(b, 0, elements)

    def some(shape, low, high, chance=0.5):
        return rng.uniform(low, high, shape) * (rng.random(shape) < chance)

    def tonnes(sign=1.0, of=b):
        out = np.zeros((n, k))
        bought = (base_gate(of) * 1e3 / of.unit_value[:, None, :]).sum(axis=0)
        out[:, elements] = sign * some((n, e), 0.02, 0.2) * bought[:, elements]
        return out

    closed = exports_of(b, 1, elements[:2]) & (rng.random((n, n, k)) < 0.7)
    last_buyers, by_products = np.zeros((2, n, n, k), dtype=bool)
    last_buyers[1][:, elements] = True  # home included
    by_products[1][:, elements[: len(elements) // 2]] = True
    quota = quota_on(b, "quota", of_zero, 0.5)
    heavy = quota_on(b, "heavy", exports_of(b, 0, elements[-2:]), 0.3)
    one_buyer = of_zero.copy()
    one_buyer[:, 2:] = False
    taxed = b.export_tax + some((n, n, k), -0.1, 0.5) * foreign
    tariffs = b.tariff + some((n, n, k), -0.1, 0.4) * foreign
    shifted = np.exp(some((n, k), -0.3, 0.3))
    capacity = np.log1p(some((n, 2), -0.4, 0.6))
    learned = some((n, j, e + 1), -0.1, 0.2)
    region = b.replace(parameters=b.parameters.replace(
        research_closure="region", research_supply_elasticity=0.5, innovation_elasticity=np.full((n, e + 1), 0.08),
    ))  # fmt: skip
    elastic = b.replace(parameters=b.parameters.replace(research_supply_elasticity=0.7))
    immobile = b.replace(parameters=b.parameters.replace(factor_mobility=np.array([2.0, 0.5, 0.0])))
    sharing = b.replace(parameters=b.parameters.replace(deficit_rule="share_of_world_income"))
    licensed = awkward(seed + 1, sizes or AWKWARD, licence=True)
    classes = awkward(seed + 2, sizes or Sizes(4, 6, 5, 2, 6))
    sparse = awkward(seed + 3, sizes or AWKWARD, sparse=True, gaps=True)

    def stock_case(world_: Benchmark) -> Case:
        return Case(
            world_, Shock(stock_release=tonnes(of=world_), quotas=(quota_on(world_, "quota", of_zero, 0.6),))
        )

    shocks = {
        "no shock": Shock(),
        "export tax": Shock(export_tax=taxed),
        "tariff": Shock(tariff=tariffs),
        "iceberg": Shock(iceberg=np.where(foreign, np.exp(some((n, n, k), -0.1, 0.3)), 1.0)),
        "embargo": Shock(embargo=closed),
        "embargo that closes a sector": Shock(embargo=last_buyers),
        "embargo on by-products": Shock(embargo=by_products),
        "quota": Shock(quotas=(quota,)),
        "quota by oxide content": Shock(quotas=(quota_on(b, "quota", of_zero, 0.5, reo),)),
        "quota, ad valorem": Shock(quotas=(quota.replace(specific=False),)),
        "quota with rents to importers": Shock(quotas=(quota.replace(rent_to_importer=0.4),)),
        "quotas that overlap": Shock(quotas=(quota, heavy)),
        "quota on one buyer": Shock(quotas=(quota_on(b, "quota", one_buyer, 0.4),)),
        "quota that does not bind": Shock(quotas=(quota_on(b, "quota", of_zero, 3.0, leak_margin=5.0),)),
        "quota of zero": Shock(quotas=(quota.replace(limit=0.0),)),
        "quota that leaks": Shock(quotas=(quota_on(b, "quota", of_zero, 0.5, reo, leak_margin=0.5),)),
        "production quota": Shock(production_quotas=(production_quota(b, 0.7),)),
        "production subsidy": Shock(subsidy=b.subsidy + some((n, j), -0.05, 0.15)),
        "use subsidy": Shock(use_subsidy=some((n, k), 0.0, 0.2)),
        "research subsidy": Shock(research_subsidy=some((n, j, e + 1), 0.0, 0.5)),
        "productivity": Shock(productivity=np.exp(some((n, j), -0.1, 0.2))),
        "demand shift": Shock(demand_shift=shifted),
        "stock release": Shock(stock_release=tonnes()),
        "stock purchase": Shock(stock_release=tonnes(-1.0)),
        "recycling": Shock(recycling=tonnes(), recycling_cost=some((n, k), 0.1, 0.6, 0.9)),
        "capacity investment": Shock(capacity_investment=some(n, 1.0, 9.0, 0.8)),
    }
    found = {name: Case(b, shock) for name, shock in shocks.items()}
    tight = (quota_on(b, "quota", of_zero, 0.5),)
    found |= {
        "technology given": Case(b, Shock(technology=learned, quotas=tight), Closure("directed", "given", "given")),
        "capacity given": Case(b, Shock(capacity=capacity, quotas=(heavy,))),
        "capacity given, embargo": Case(b, Shock(capacity=capacity, embargo=closed)),
        "capacity at its target": Case(b, Shock(quotas=tight), Closure("directed", "target", "target")),
        "technology exogenous": Case(b, Shock(quotas=tight), EXOGENOUS),
        "directed without spillovers": Case(b, Shock(quotas=tight), Closure("directed")),
        "scientists move between sectors": Case(
            region, Shock(quotas=tight, research_subsidy=some((n, j, e + 1), 0, 0.5))),
        "scientists of a closed sector move": Case(region, Shock(embargo=last_buyers)),
        "scientists in elastic supply": Case(
            elastic, Shock(quotas=tight, research_subsidy=some((n, j, e + 1), 0, 0.5))),
        "sluggish labour and capital": Case(immobile, Shock(quotas=tight)),
        "deficits that move with the world": Case(sharing, Shock(tariff=tariffs)),
        "licence of the base year kept": Case(licensed, Shock(tariff=tariffs)),
        "licence of the base year and a quota": Case(
            licensed, Shock(quotas=(quota_on(licensed, "quota", of_zero, 0.6),))),
        "licence of the base year removed": Case(licensed, Shock(remove_base_licence=True)),
        "origins differ by use": Case(
            classes, Shock(tariff=tariffs, quotas=(quota_on(classes, "quota", of_zero, 0.5),))),
        "stock release, origins differ by use": stock_case(classes),
        "empty cells": Case(sparse, Shock(tariff=tariffs, quotas=(quota_on(sparse, "quota", of_zero, 0.5),))),
        "all at once": Case(b, Shock(
            export_tax=taxed, tariff=tariffs, quotas=(quota.replace(leak_margin=2.0), heavy),
            subsidy=shocks["production subsidy"].subsidy,
            use_subsidy=shocks["use subsidy"].use_subsidy, research_subsidy=shocks["research subsidy"].research_subsidy,
            productivity=shocks["productivity"].productivity, demand_shift=shifted, stock_release=tonnes(),
            recycling=tonnes(), recycling_cost=np.full((n, k), 0.3), capacity_investment=np.full(n, 2.0),
            capacity=capacity,
            production_quotas=(production_quota(b, 0.9),))),
    }  # fmt: skip
    # Drawn last, so that the cases above stay what they are.
    ordinary = np.setdiff1d(np.arange(k), elements)
    uneven = b.parameters.innovation_elasticity * rng.uniform(0.5, 1.0, (n, e + 1))
    apart = b.replace(parameters=b.parameters.replace(innovation_elasticity=uneven))
    untaxed = awkward(seed + 4, sizes or AWKWARD, taxes=False)
    floored = b.replace(
        parameters=b.parameters.replace(price_floor=np.linspace(0.97, 0.9, e) * (np.arange(e) % 3 != 1))
    )  # one element in three has none
    rigid = b.replace(parameters=b.parameters.replace(transformation_elasticity=np.zeros(j)))
    plenty = np.ones((n, j))
    plenty[:, b.stage_sector] = 1.3
    rates = {name: some((n, n, k), 0.0, 0.4) * foreign for name in ("export_tax", "tariff")}
    found |= {
        "innovation differs by element": Case(apart, Shock(quotas=tight)),
        "embargo on ordinary goods": Case(b, Shock(embargo=exports_of(b, n - 1, ordinary[:2]))),
        "taxes where there were none": Case(untaxed, Shock(**rates)),
        "floors under prices": Case(floored, Shock(productivity=plenty, quotas=tight)),
        "floors and an embargo on by-products": Case(floored, Shock(embargo=by_products, productivity=plenty)),
        "floors and a production quota": Case(floored, Shock(
            productivity=plenty, production_quotas=(production_quota(b, 0.9),))),
        "production quota and an embargo on by-products": Case(rigid, Shock(
            embargo=by_products, production_quotas=(production_quota(b, 0.05),))),
    }  # fmt: skip
    return found
