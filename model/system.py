"""The constants of one solve: what a base year, its parameters, a shock and a closure come to (see `model/prepare.py`).

Nothing here depends on the unknowns. Goods are split in two groups: *plain* goods, whose sourcing weights are constant
during the solve and so need only matrix products, and *cell* goods (the rare-earth chain and whatever a quota names),
whose weights may depend on licences and capacity and are computed cell by cell.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from model.records import Array, Benchmark, Closure, Frozen, ProductionQuota, Quota, Shock


@dataclass(frozen=True)
class Sourcing(Frozen):
    """Origin weights of E2, with every wedge that does not depend on the unknowns folded in."""

    plain: Array  # positions of plain goods
    cell: Array  # positions of cell goods
    rho: Array  # (k,) 1 - sigma
    weight: Array  # (c,kp,n,i) shares of origins in plain goods at base producer prices, which sum to 1
    level: Array  # (c,kp,n) ln of sum_i pi~ (wedge)^rho, what P^rho is at base producer prices
    gate: Array  # (c,kp,n,i) weight / ((1+x)(1+t)): what of a dollar spent reaches the gate
    tariff: Array | None  # (c,kp,n,i) weight t/(1+t): what of it is tariff; None where none is charged on any
    tax: Array | None  # (c,kp,n,i) weight x/((1+x)(1+t)): export tax; None where none is charged on any
    share: Array  # (c,kc,n,i) pi of cell goods, embargoed cells at 0
    closed: Array  # (c,kc,n) sum of it less that of the base year: below 0 under an embargo
    tilt: Array  # (kc,n,i) rho * ln(wedge) of cell goods
    capacity_base: Array  # (c,kc,n,i) pi of cell goods, embargoed cells kept (E22 does not renormalise them)
    gate_cell: Array  # (kc,n,i) 1/((1+x)(1+t))
    tariff_cell: Array  # (kc,n,i) t/(1+t)
    tax_cell: Array  # (kc,n,i) x/((1+x)(1+t))
    licence_base: Array  # (kc,n,i) rate l0

    @cached_property
    def bought(self) -> Array:
        """(c,kc,n,i) bool: cells of cell goods that are not empty."""
        return self.share > 0

    @cached_property
    def log_licence_base(self) -> Array:
        """(kc,n,i) ln(1+l0)."""
        return np.log1p(self.licence_base)

    @cached_property
    def rough(self) -> Sourcing:
        """With the weights of plain goods in single precision: half the bytes, where a guess will do."""
        parts = {name: getattr(self, name) for name in ("weight", "gate", "tariff", "tax")}
        return self.replace(**{name: p if p is None else p.astype(np.float32) for name, p in parts.items()})


@dataclass(frozen=True)
class Nests(Frozen):
    """Base cost shares of E3-E5 and the exponents of each nest."""

    users: Array  # (r,) sectors that use rare earths
    ree: Array  # (n,j) theta, REE bundle in cost
    element: Array  # (n,r,e) element in the REE bundle
    value_added: Array  # (n,j) value added in X
    factor: Array  # (n,f,j) factor in value added
    material: Array  # (n,j,k) good in materials
    groups: tuple[tuple[int, Array], ...]  # (class, sectors) with common materials prices and exponents
    group_material: tuple[Array, ...]  # (n,jg,k) material of each group
    rho_ree: Array  # (1,j), one row for all regions
    rho_element: Array  # (1,r)
    rho_added: Array  # (1,j)
    rho_factor: Array  # (1,j)
    rho_material: Array  # (1,j)
    final: Array  # (n,k) shares of final demand, shifted and renormalised
    rho_final: Array  # (1,)

    @cached_property
    def rough_material(self) -> tuple[Array, ...]:
        """`group_material` in single precision."""
        return tuple(part.astype(np.float32) for part in self.group_material)

    @cached_property
    def by_class(self) -> list[tuple[int, Array, list[int], Array]]:
        """Classes of use, their sectors, the groups these are in, and which of them each sector is in."""
        found = []
        for cls in sorted({cls for cls, _ in self.groups}):
            groups = [position for position, (own, _) in enumerate(self.groups) if own == cls]
            sectors = np.concatenate([self.groups[position][1] for position in groups])
            group = np.repeat(np.arange(len(groups)), [len(self.groups[position][1]) for position in groups])
            order = np.argsort(sectors)
            found.append((cls, sectors[order], groups, group[order]))
        return found


@dataclass(frozen=True)
class Research(Frozen):
    """Constants of E15-E17."""

    active_x: Array  # (n,j) cells whose X technology moves
    active_e: Array  # (n,r,e)
    weight_x: Array  # (n,j) base share of the region's research, R&D subsidy included
    weight_e: Array  # (n,r,e)
    sector_share: Array  # (n,j) base share of each sector in the region's research
    subsidised_x: Array  # (n,j) base cost share of X times z
    subsidised_e: Array  # (n,r,e) base cost share of the element times z
    subsidised: bool
    log_subsidy_x: Array  # (n,j) ln(1+z)
    log_subsidy_e: Array  # (n,r,e)
    own_x: Array  # (n,) lambda
    own_e: Array  # (n,e)
    spill_x: Array  # (n,) phi
    spill_e: Array  # (n,e)
    region: Array  # (n,n) Omega_region
    sector: Array  # (j,j) Omega_sector
    reach_x: Array  # (n,j) 1 / row sum of Omega over active cells, 0 when empty
    reach_e: Array  # (n,r,e)
    breadth: Array  # (n,r,e) psi theta/theta_ref * share of e in REE cost
    supply: Array  # (1,) research_supply_elasticity
    by_sector: bool  # closure `sector`
    labour_share: Array  # (n,) base research income over base labour income

    @cached_property
    def performed(self) -> bool:
        """Whether anybody does any."""
        return bool(self.sector_share.any())


@dataclass(frozen=True)
class Restrictions(Frozen):
    """Constants of E12-E14, one row per active quota."""

    quotas: tuple[Quota, ...]
    per_kg: Array  # (q,kc,n,i) quota tonnes per tonne, 0 outside the quota
    specific: Array  # (q,) bool
    unit_value: Array  # (kc,i) USD per kg
    scale: Array  # (q,) u_q, USD per kg (1 for ad-valorem quotas)
    reach: Array  # (q,) what a licence is held against in E13: u_q, and more in `prepare.eased`
    log_limit: Array  # (q,) ln tonnes
    rent_to_importer: Array  # (q,)
    leaking: Array  # positions of quotas with a leak margin
    leak_margin: Array  # (ql,)
    leak_scale: Array  # (ql,) tonnes
    production: tuple[ProductionQuota, ...]

    @cached_property
    def all_specific(self) -> bool:
        """Whether no licence is by value."""
        return bool(self.specific.all())

    @cached_property
    def shares_rent(self) -> bool:
        """Whether importers keep any part of any rent."""
        return bool(self.rent_to_importer.any())


@dataclass(frozen=True)
class System(Frozen):
    """All constants of one solve."""

    benchmark: Benchmark
    shock: Shock
    closure: Closure
    sourcing: Sourcing
    nests: Nests
    research: Research
    restrictions: Restrictions
    output: Array  # (n,j) Y0, million USD
    supplied: Array  # (n,k) bool, goods made in the region
    active: Array  # (n,j) bool, sectors that produce
    idle: tuple[Array, Array] | None  # (n,j) sectors and (n,k) goods that an embargo left without a buyer
    pair_sector: Array  # (m,) sector of each (sector, good) pair
    pair_good: Array  # (m,)
    pair_share: Array  # (n,m) make
    to_good: Array  # (m,k) 1 where the pair makes the good
    to_sector: Array  # (m,j)
    one_to_one: bool  # whether the pairs make all goods, each its own, in their order
    joint: Array  # sectors that make several goods
    rho_make: Array  # (1,j) 1 + tau
    log_floor: Array | None  # (n,k) ln of floors under prices, -inf where there is none
    cost_base: Array  # (n,j) (1-rs)(1+s) Y0: cost at base output and the new subsidy rate
    log_subsidy: Array  # (n,j) ln((1+s)/(1+s0))
    subsidy: Array  # (n,j)
    log_productivity: Array  # (n,j)
    log_use: Array  # (n,k) ln(1-v)
    stock: Array | None  # (n,k) million USD at base prices, released plus recycled
    stock_class: Array  # (n,k) class whose price values the stock
    burnt: Array  # (n,) million USD of the final bundle bought for investment and recycling, base prices
    recycled: Array | None  # (n,k) million USD at base prices
    mobile: Array  # positions of mobile factors
    sluggish: Array  # positions of sluggish and specific factors
    rho_supply: Array  # (1,fs) 1 + kappa
    specific: bool  # whether no sluggish factor moves at all: kappa = 0
    endowment: Array  # (n,f) base income of each factor, million USD
    supply_share: Array  # (n,fs,j) phi
    income_base: Array  # (n,)
    deficit: Array  # (n,)
    stage_factor: Array  # (s,) position among sluggish factors of the stage's resource
    stage_good: Array  # (s,k) bool, goods made by the stage's sector
    log_capacity: Array  # (n,s) given capacity
    capacity_weight: Array  # (1,s) of E22
    capacity_response: Array  # (1,s) xi of E22
    log_technology: Array | None  # (n,j,g) given technology
    research_income: Array  # (n,j) rs (1+s) Y0
    production_scale: Array  # (qp,) USD per kg
    numeraire_region: int  # whose budget is left out, by Walras' law

    @cached_property
    def one_good_each(self) -> bool:
        """Whether sectors make one good each, the first sector the first good and so on."""
        sectors = np.arange(self.active.shape[-1])
        return self.one_to_one and np.array_equal(self.pair_sector, sectors)

    @cached_property
    def per_licence(self) -> Array:
        """Section 5: (qp,k) kg that count under a production quota, by what is worth a dollar in the base year.

        None of a good that nobody may buy: it is thrown away, and needs no licence.
        """
        found = np.zeros((len(self.restrictions.production), self.supplied.shape[-1]))
        for row, quota in zip(found, self.restrictions.production, strict=True):
            sold = quota.goods & self.supplied[quota.origin]
            row[sold] = quota.counted[sold] / self.benchmark.unit_value[quota.origin, sold]
        return found

    @cached_property
    def licensed(self) -> Array:
        """(n,k) bool: goods that count under a production quota."""
        found = np.zeros(self.supplied.shape, dtype=bool)
        for quota, kg in zip(self.restrictions.production, self.per_licence, strict=True):
            found[quota.origin] |= kg > 0
        return found & self.supplied

    @cached_property
    def learns(self) -> bool:
        """Whether research is unknown: technology is where it leads."""
        return self.closure.technology == "target" and self.closure.regime != "exogenous"

    @cached_property
    def researches(self) -> bool:
        """Whether research moves anything in the equilibrium: technology, or the labour that scientists leave."""
        return self.learns or bool(self.research.supply.any())

    @cached_property
    def weight(self) -> Array:
        """E22 at given capacity: `capacity_weights`."""
        return capacity_weights(self, self.log_capacity)

    @cached_property
    def cell_base(self) -> tuple[Array, Array]:
        """E2 at given capacity: `base_shares`."""
        return base_shares(self.sourcing, self.weight)

    @cached_property
    def users_by_class(self) -> list[tuple[int, Any]]:
        """Classes of use, and which users of rare earths buy in them."""
        classes = self.benchmark.use_class[self.nests.users]
        return [(int(cls), span(np.nonzero(classes == cls)[0])) for cls in np.unique(classes)]

    @cached_property
    def several(self) -> list[tuple[int, Any]]:
        """Sectors that make several goods, and their pairs."""
        return [(int(j), span(np.nonzero(self.pair_sector == j)[0])) for j in self.joint]

    @cached_property
    def makers(self) -> Array:
        """Sectors of the chain: its stages, and who else makes a good whose sourcing is not constant."""
        chosen = among(self.supplied.shape[-1], self.sourcing.cell)[self.pair_good]
        stages = among(self.active.shape[-1], self.benchmark.stage_sector)
        stages[self.pair_sector[chosen]] = True
        return np.nonzero(stages)[0]

    @cached_property
    def numeraire(self) -> Array:
        """E11: (n,f) base income of the factors that are the numeraire, million USD."""
        return np.where(self.benchmark.numeraire, self.endowment, 0.0)

    @cached_property
    def sluggish_numeraire(self) -> bool:
        """Whether sluggish factors are part of the numeraire."""
        return bool(self.numeraire[..., self.sluggish].any())

    @cached_property
    def labour_is_mobile(self) -> bool:
        """Whether labour is one of the mobile factors."""
        return bool((self.mobile == self.benchmark.labour).any())

    @cached_property
    def labour_at(self) -> int:
        """The position of labour among mobile factors, or among the others."""
        group = self.mobile if self.labour_is_mobile else self.sluggish
        return int(np.searchsorted(group, self.benchmark.labour))


def among(count: int, positions: Array) -> Array:
    """(count,) bool, True at the positions."""
    found = np.zeros(count, dtype=bool)
    found[positions] = True
    return found


def span(positions: Array) -> Any:
    """A slice where positions are consecutive and in order (a view instead of a copy), else the positions."""
    return _span(positions.tobytes(), positions.dtype.str)


@lru_cache(maxsize=1024)  # asked for in every evaluation
def _span(raw: bytes, dtype: str) -> Any:
    positions = np.frombuffer(raw, dtype=dtype)
    if len(positions) and (np.diff(positions) == 1).all():
        return slice(int(positions[0]), int(positions[-1]) + 1)
    return positions


def capacity_weights(system: System, capacity: Array) -> Array:
    """E22: K^w over its base-weighted mean, (c,kc,n,i), 1 for goods of no stage; capacity (n,s) ln K."""
    s = system.sourcing
    powers = system.capacity_weight * capacity
    log_k = (system.stage_good.T.astype(float) @ powers.swapaxes(-1, -2))[..., None, span(s.cell), None, :]
    relative = np.exp(log_k - log_k.real.max(axis=-1, keepdims=True))
    mean = (s.capacity_base * relative).sum(axis=-1, keepdims=True)
    weights: Array = relative / np.where(mean == 0, 1.0, mean)  # nobody buys
    return weights


def base_shares(sourcing: Sourcing, weight: Array) -> tuple[Array, Array]:
    """E2: (c,kc,n,i) shares of origins in cell goods if delivered prices rose alike, which sum to 1, and (c,kc,n) ln of
    what an embargo leaves of them; weight (c,kc,n,i) of capacity.
    """
    share = sourcing.share * weight
    # Shares sum to 1 but for an embargo, and with unit elasticity rounding must not pass for one.
    left = np.where(sourcing.closed < 0, share.sum(axis=-1), 1.0)
    return share / left[..., None], np.log(left)
