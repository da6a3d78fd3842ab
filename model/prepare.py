"""From a base year, its parameters, a shock and a closure to the constants of one solve (`model/system.py`).

`prepare` computes every base share, power and wedge once, laid out for the products the solver makes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields

import numpy as np

from model.base_year import (
    TONNES,
    constants,
    gate_value_base,
    mean_gate_value,
    nest_shares,
    quota_tonnes_base,
    quota_unit_value,
    spending_base,
)  # fmt: skip
from model.ces import exponent, shares_of
from model.idle import idle
from model.records import Array, Benchmark, Closure, ProductionQuota, Quota, Shock
from model.sourcing import cell_goods, sourcing
from model.system import Nests, Research, Restrictions, System

# Parameters that parts of a system are made of; those of research are all of E16 and E17.
NESTS = (
    "ree_elasticity", "element_elasticity", "value_added_elasticity", "factor_elasticity", "materials_elasticity",
    "final_elasticity",
)  # fmt: skip
RESEARCH = (
    "innovation_elasticity", "spillover", "spillover_region", "spillover_sector", "breadth", "breadth_reference",
    "research_supply_elasticity", "research_closure",
)  # fmt: skip
LIGHT = 1 / 3  # least weight of a licence in E13: with less, quotas that leak take more steps


def prepare(
    benchmark: Benchmark,
    shock: Shock,
    closure: Closure,
    quotas: tuple[Quota, ...],
    like: System | None = None,
) -> System:
    """Compute the constants of a solve with the given active export quotas.

    like: another system, whose parts are shared where they are made of the same numbers.
    """
    b, par, c = benchmark, benchmark.parameters, constants(benchmark)
    if like is not None and like.benchmark.data is not b.data:
        like = None
    subsidy, cost, research_income, log_subsidy = b.subsidy, c.cost, c.research, c.no_sector
    if shock.subsidy is not None:
        subsidy = shock.subsidy
        cost = (1 - b.research_share) * (1 + subsidy) * b.output
        research_income = b.research_share * (1 + subsidy) * b.output
        log_subsidy = np.log((1 + subsidy) / (1 + b.subsidy))
    nests = _nests(b, shock, like)
    supplied, active = c.supplied, c.active
    stopped = None if shock.embargo is None else idle(b, shock.embargo)
    if stopped is not None and not stopped[1].any():
        stopped = None
    if stopped is not None:
        supplied, active = supplied & ~stopped[1], active & ~stopped[0]
    log_capacity = _log_capacity(b, shock)
    mobile = np.nonzero(np.isinf(par.factor_mobility))[0]
    sluggish = np.nonzero(np.isfinite(par.factor_mobility))[0]
    stock, recycled = _materials(b, shock)
    labour_income = c.endowment[:, b.labour]
    return System(
        benchmark=b, shock=shock, closure=closure, nests=nests,
        sourcing=sourcing(b, shock, quotas, c.stage_good, like),
        research=_research(b, shock, nests, labour_income, active, like),
        restrictions=_restrictions(b, shock, quotas, c.stage_good, like),
        output=b.output, supplied=supplied, active=active, idle=stopped,
        pair_sector=c.pair_sector, pair_good=c.pair_good, pair_share=c.pair_share,
        to_good=c.to_good, to_sector=c.to_sector,
        one_to_one=len(c.pair_good) == b.final.shape[1] and bool((c.pair_good == np.arange(b.final.shape[1])).all()),
        joint=c.joint, rho_make=1.0 + par.transformation_elasticity[None], log_floor=_log_floor(b, supplied),
        cost_base=cost, subsidy=subsidy, log_subsidy=log_subsidy,
        log_productivity=c.no_sector if shock.productivity is None else np.log(shock.productivity),
        log_use=c.no_good if shock.use_subsidy is None else np.log1p(-shock.use_subsidy),
        stock=stock, recycled=recycled, stock_class=c.stock_class, burnt=_burnt(b, shock, recycled),
        mobile=mobile, sluggish=sluggish, rho_supply=1.0 + par.factor_mobility[None, sluggish],
        specific=not par.factor_mobility[sluggish].any(),
        endowment=c.endowment,
        supply_share=_supply_share(b, active, sluggish, like),
        income_base=c.income, deficit=b.deficit,
        stage_factor=_stage_factor(b, sluggish), stage_good=c.stage_good, log_capacity=log_capacity,
        capacity_weight=par.capacity_weight[None], capacity_response=par.capacity_response[None],
        log_technology=shock.technology,
        research_income=research_income,
        production_scale=np.array([_production_unit_value(b, q) for q in shock.production_quotas]),
        numeraire_region=int(np.argmax(labour_income)),
    )  # fmt: skip


def alike(one: object, other: object, names: Iterable[str]) -> bool:
    """Whether two records have the same in the fields of these names."""
    return all(_same(getattr(one, name), getattr(other, name)) for name in names)


def _same(one: object, other: object) -> bool:
    if one is other:
        return True
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return np.array_equal(one, other)
    return bool(one == other)


def _log_floor(b: Benchmark, supplied: Array) -> Array | None:
    """E6: (n,k) ln of the floors under prices of what is sold, -inf where there is none; None where none is."""
    if not b.parameters.price_floor.any():
        return None
    floor = np.zeros(supplied.shape)
    floor[:, b.elements] = b.parameters.price_floor * supplied[:, b.elements]
    return np.log(floor, out=np.full_like(floor, -np.inf), where=floor > 0)


def _log_capacity(b: Benchmark, shock: Shock) -> Array:
    """E22: (n,s) given ln K; 0 where a region has no plant of the stage, though another sector may make its goods."""
    if shock.capacity is None:
        return constants(b).no_sector[:, b.stage_sector]
    specific = np.isfinite(b.parameters.factor_mobility) & ~b.numeraire
    plant = b.factor_payment[:, specific][:, :, b.stage_sector].sum(axis=1)
    return np.where(plant > 0, shock.capacity, 0.0)


def _stage_factor(b: Benchmark, sluggish: Array) -> Array:
    """The specific factor that stands for the capacity of each stage: the one outside the numeraire."""
    resource = [position for position, f in enumerate(sluggish) if not b.numeraire[f]]
    if len(b.stage_sector) and len(resource) != 1:
        raise ValueError(
            "stages with capacity need exactly one sluggish factor outside the numeraire (`resource`)"
        )
    return np.full(len(b.stage_sector), resource[0] if resource else -1, dtype=int)


def _nests(b: Benchmark, shock: Shock, like: System | None) -> Nests:
    par = b.parameters
    shifted = like is None or like.shock.demand_shift is not shock.demand_shift
    if like is not None and not shifted and alike(par, like.benchmark.parameters, NESTS):
        return like.nests
    base = nest_shares(b)
    rho_material = exponent(par.materials_elasticity)
    groups, material = _groups(b, rho_material, like)
    final = b.final if shock.demand_shift is None else b.final * shock.demand_shift
    return Nests(
        users=base.users, ree=base.ree, element=base.element, value_added=base.value_added, factor=base.factor,
        material=base.material, groups=groups, group_material=material,
        rho_ree=exponent(par.ree_elasticity)[None], rho_element=exponent(par.element_elasticity)[None, base.users],
        rho_added=exponent(par.value_added_elasticity)[None], rho_factor=exponent(par.factor_elasticity)[None],
        rho_material=rho_material[None],
        final=shares_of(final.sum(axis=1, keepdims=True), final),
        rho_final=exponent(np.array([par.final_elasticity])),
    )  # fmt: skip


def _groups(
    b: Benchmark, rho: Array, like: System | None
) -> tuple[tuple[tuple[int, Array], ...], tuple[Array, ...]]:
    """Sectors with common materials prices and exponents rho (j,), by class of use; and their materials (n,jg,k)."""
    # In the order of their first sectors, so that draws of elasticities have the same groups.
    keys = dict.fromkeys(zip(b.use_class.tolist(), rho.tolist(), strict=True))
    groups = tuple((c, np.nonzero((b.use_class == c) & (rho == r))[0]) for c, r in keys)
    if like is not None and len(groups) == len(like.nests.groups):
        known = zip(groups, like.nests.groups, strict=True)
        if all(one[0] == other[0] and np.array_equal(one[1], other[1]) for one, other in known):
            return like.nests.groups, like.nests.group_material
    material = nest_shares(b).material
    return groups, (material,) if len(groups) == 1 else tuple(material[:, js] for _, js in groups)


def _supply_share(b: Benchmark, active: Array, sluggish: Array, like: System | None) -> Array:
    """E10: (n,fs,j) base shares of sectors in what sluggish factors earn."""
    if like is not None and like.active is active and np.array_equal(like.sluggish, sluggish):
        return like.supply_share
    earned = constants(b).endowment[:, sluggish, None]
    return shares_of(earned, b.factor_payment[:, sluggish]) * active[:, None]


def _materials(b: Benchmark, shock: Shock) -> tuple[Array | None, Array | None]:
    """Stock releases plus recycled material, and the latter alone, in million USD at base prices."""
    total, recycled = None, None
    for tonnes in (shock.stock_release, shock.recycling):
        if tonnes is None:
            continue
        value = _stocks(b, tonnes)
        total = value if total is None else total + value
        if tonnes is shock.recycling:
            recycled = value
    return total, recycled


def _burnt(b: Benchmark, shock: Shock, recycled: Array | None) -> Array:
    """Section 5: (n,) million USD of the final bundle that investment and recycling use up, at base prices.

    What a tonne takes to recover is the same whatever the material fetches: scarcity makes recycling pay.
    """
    burnt = np.zeros(len(b.output))
    if shock.capacity_investment is not None:
        burnt = burnt + shock.capacity_investment
    if recycled is not None and shock.recycling_cost is not None:
        burnt = burnt + (shock.recycling_cost * recycled).sum(axis=1)
    return burnt


def _stocks(b: Benchmark, tonnes: Array) -> Array:
    """E9: (n,k) million USD that buyers paid for as many tonnes in the base year, taxes and licences included.

    At the gate value a tonne bought for stock would take less than a tonne from what is sold. Raises ValueError where
    a tonne has no value.
    """
    value, paid = np.zeros(b.final.shape), spending_base(b).sum(axis=0)
    for k in np.nonzero(tonnes.any(axis=0))[0]:
        markup = shares_of(gate_value_base(b)[:, :, k].sum(axis=0), paid[:, k])
        worth = markup * (mean_gate_value(b, int(k)) / TONNES)
        value[:, k] = np.where(tonnes[:, k] == 0, 0.0, tonnes[:, k] * worth)
    worthless = np.argwhere((tonnes != 0) & ~(np.abs(value) > 0))
    if len(worthless):
        n, good = worthless[0]
        raise ValueError(
            f"a tonne of good {good} has no value in region {n}: none is bought there, or its unit value is unknown"
        )
    return value


def _research(
    b: Benchmark, shock: Shock, nests: Nests, labour_income: Array, active: Array, like: System | None
) -> Research:
    same = (
        like is not None and like.active is active and like.shock.research_subsidy is shock.research_subsidy
    )
    if like is not None and same and alike(b.parameters, like.benchmark.parameters, RESEARCH):
        return like.research
    par, users = b.parameters, nests.users
    research = constants(b).research
    performed = ((research > 0) & active).astype(float)
    share_x = 1.0 - nests.ree
    share_e = nests.ree[:, users, None] * nests.element
    active_x = (performed * share_x) > 0
    active_e = (performed[:, users, None] * share_e) > 0
    total = research.sum(axis=1)
    z = (
        np.zeros((*b.output.shape, len(b.elements) + 1))
        if shock.research_subsidy is None
        else shock.research_subsidy
    )
    z_x, z_e = z[:, :, -1], z[:, users, :-1]
    sector_users = par.spillover_sector[np.ix_(users, users)]
    reach_x = par.spillover_region @ active_x @ par.spillover_sector.T
    by_region = par.spillover_region @ active_e.reshape(len(active_e), -1)
    reach_e = sector_users @ by_region.reshape(active_e.shape)
    return Research(
        active_x=active_x, active_e=active_e,
        weight_x=shares_of(total[:, None], research * share_x) * (1 + z_x),
        weight_e=shares_of(total[:, None, None], research[:, users, None] * share_e) * (1 + z_e),
        sector_share=shares_of(total[:, None], research), subsidised_x=share_x * z_x, subsidised_e=share_e * z_e,
        subsidised=bool(z.any()),
        log_subsidy_x=np.log1p(z_x), log_subsidy_e=np.log1p(z_e),
        own_x=par.innovation_elasticity[:, -1], own_e=par.innovation_elasticity[:, :-1],
        spill_x=par.spillover[:, -1], spill_e=par.spillover[:, :-1],
        region=par.spillover_region, sector=par.spillover_sector,
        reach_x=shares_of(reach_x, np.ones_like(reach_x)) * active_x,
        reach_e=shares_of(reach_e, np.ones_like(reach_e)) * active_e,
        breadth=par.breadth * (nests.ree[:, users, None] / par.breadth_reference) * nests.element,
        supply=np.array([par.research_supply_elasticity]), by_sector=par.research_closure == "sector",
        labour_share=shares_of(labour_income, total),
    )  # fmt: skip


def _restrictions(
    b: Benchmark, shock: Shock, quotas: tuple[Quota, ...], stage_good: Array, like: System | None
) -> Restrictions:
    log_limit = np.log(np.array([q.limit for q in quotas], dtype=float))
    if like is not None and _restricted_alike(shock, quotas, like):
        known = like.restrictions
        return known.replace(quotas=quotas, log_limit=log_limit, reach=known.scale)
    cell = np.nonzero(cell_goods(b, quotas, shock.production_quotas, stage_good))[0]
    covers = [q.covers[:, :, cell].transpose(2, 1, 0) for q in quotas]
    per_kg = [c * q.counted[cell, None, None] for c, q in zip(covers, quotas, strict=True)]
    leaking = np.array([i for i, q in enumerate(quotas) if q.leak_margin is not None], dtype=int)
    by_value = [q.name for q in quotas if q.leak_margin is not None and not q.specific]
    if by_value:
        raise ValueError(
            f"quota {by_value[0]!r}: smuggling costs USD per kg, which a licence by value cannot exceed"
        )
    scale = np.array([quota_unit_value(b, q) if q.specific else 1.0 for q in quotas])
    unit_value = b.unit_value[:, cell].T
    return Restrictions(
        quotas=quotas,
        per_kg=np.array(per_kg).reshape(len(quotas), len(cell), *b.export_tax.shape[:2]),
        specific=np.array([q.specific for q in quotas], dtype=bool),
        unit_value=np.where(np.isfinite(unit_value), unit_value, 1.0), scale=scale,
        reach=scale, log_limit=log_limit,
        rent_to_importer=np.array([q.rent_to_importer for q in quotas], dtype=float),
        leaking=leaking,
        leak_margin=np.array([quotas[i].leak_margin for i in leaking], dtype=float),
        leak_scale=np.array([quota_tonnes_base(b, quotas[i]) for i in leaking], dtype=float),
        production=shock.production_quotas,
    )  # fmt: skip


def eased(system: System) -> System:
    """The same equilibrium for searches from the base year: E13 with less weight on the licence of a shallow cut.

    There, where it is 0, the linear condition has it make up for a part of the cut itself, in proportion to its weight,
    and the first steps fall as short. The weight is as many logs as tonnes are to fall: deep cuts are not to be taken
    in one step.
    """
    r = system.restrictions
    if not r.quotas:
        return system
    times = np.array([quota_tonnes_base(system.benchmark, q) / q.limit for q in r.quotas])
    weight = np.log(np.clip(times, np.exp(LIGHT), np.e))
    found: System = system.replace(restrictions=r.replace(reach=r.scale / weight))
    return found


def _restricted_alike(shock: Shock, quotas: tuple[Quota, ...], like: System) -> bool:
    """Whether restrictions are those of another system, but for the limits of quotas."""
    others = like.restrictions.quotas
    names = [f.name for f in fields(Quota) if f.name != "limit"]
    return (
        shock.production_quotas is like.shock.production_quotas
        and len(quotas) == len(others)
        and all(alike(quota, other, names) for quota, other in zip(quotas, others, strict=True))
    )


def _production_unit_value(b: Benchmark, quota: ProductionQuota) -> float:
    """Mean unit value of what a production quota covers, USD per kg."""
    made = np.where(quota.goods, b.output[quota.origin] @ b.make[quota.origin], 0.0)
    unit = np.where(quota.goods, b.unit_value[quota.origin], 1.0)
    if not np.isfinite(unit).all():
        raise ValueError(f"production quota {quota.name!r} names a good that has no unit value")
    tonnes = (made / unit * quota.counted).sum()
    if tonnes <= 0:
        raise ValueError(f"production quota {quota.name!r} limits nothing that region {quota.origin} makes")
    return float(made.sum() / tonnes)
