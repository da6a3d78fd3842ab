"""The frozen records that flow through the model: base year, parameters, shock, closure.

Axis letters, here and everywhere in `model/` (docs/model.md section 1):

    n  region that buys          i  region that sells (origin)     j  sector       k  good
    e  element (a subset of k)   f  factor                         g  technology (elements, then X)
    c  class of use with its own origin shares                     s  stage with capacity

Values are million USD a year, quantities tonnes, unit values USD per kg; every `*_tax`, `tariff`, `subsidy` is a rate
(0.25 is 25 %). Arrays are made read-only on construction, so a record can be shared between solves and threads.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

Regime = Literal["exogenous", "directed", "directed_with_spillovers"]
ResearchClosure = Literal["region", "sector"]

REGIMES: tuple[Regime, ...] = ("exogenous", "directed", "directed_with_spillovers")


def _freeze(record: object) -> None:
    """Make every array of a frozen dataclass a read-only view of its own."""
    fields = record.__dict__
    for name, value in fields.items():
        if isinstance(value, np.ndarray) and value.flags.writeable:
            value = value.view()
            value.flags.writeable = False
            fields[name] = value


def _choose(name: str, value: str, allowed: tuple[str, ...]) -> None:
    """Raise ValueError where a value is none of those allowed: a misspelt one would pass for the last."""
    if value not in allowed:
        raise ValueError(f"{name} is {value!r}, and can be {', '.join(map(repr, allowed))}")


class Frozen:
    """Base of the records: arrays read-only, `replace` returns a changed copy."""

    def __post_init__(self) -> None:
        _freeze(self)

    def __getstate__(self) -> dict[str, Any]:
        """What travels: the fields, not what has been computed from them."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}  # type: ignore[arg-type]

    def replace(self, **changes: Any) -> Any:
        """A copy with some fields changed (`dataclasses.replace`)."""
        return dataclasses.replace(self, **changes)  # type: ignore[type-var]


@dataclass(frozen=True)
class Labels(Frozen):
    """Names of the axes; the model never reads them, messages and results do."""

    regions: tuple[str, ...]
    sectors: tuple[str, ...]
    goods: tuple[str, ...]
    factors: tuple[str, ...]
    elements: tuple[str, ...]
    stages: tuple[str, ...] = ()

    @property
    def technologies(self) -> tuple[str, ...]:
        """What innovation improves: each element, and X (all other inputs)."""
        return (*self.elements, "X")


@dataclass(frozen=True)
class Parameters(Frozen):
    """Elasticities and research parameters; pure numbers. Any of them may change in a sweep."""

    trade_elasticity: Array  # (k,) sigma_k of E2; Eaton-Kortum theta = sigma - 1
    ree_elasticity: Array  # (j,) eps_j of E5, REE bundle against all other inputs
    element_elasticity: Array  # (j,) rho_j of E3, between elements
    value_added_elasticity: Array  # (j,) eta_j of E4, value added against materials
    factor_elasticity: Array  # (j,) between factors, E4
    materials_elasticity: Array  # (j,) between ordinary goods, E4
    transformation_elasticity: Array  # (j,) tau_j of E6; 0 is a fixed composition of the ore
    final_elasticity: float  # between goods in final demand, E8
    factor_mobility: Array  # (f,) kappa_f of E10; inf is mobile, 0 specific
    innovation_elasticity: Array  # (n,g) lambda_ng of E17
    spillover: Array  # (n,g) phi_ng of E17
    spillover_region: Array  # (n,n) Omega_region
    spillover_sector: Array  # (j,j) Omega_sector
    breadth: float  # psi of E17
    breadth_reference: float = 0.01  # theta_ref of E17
    research_supply_elasticity: float = 0.0  # E16
    research_closure: ResearchClosure = "region"  # E16
    price_floor: Array = field(default_factory=lambda: np.zeros(0))  # (e,) of E6, a ratio; none given: 0
    capacity_weight: Array = field(default_factory=lambda: np.zeros(0))  # (s,) E22
    capacity_response: Array = field(default_factory=lambda: np.zeros(0))  # (s,) xi of E22, finite
    capacity_expansion: Array = field(default_factory=lambda: np.zeros(0))  # (s,) delta of E22, up, per year
    capacity_exit: Array = field(default_factory=lambda: np.zeros(0))  # (s,) delta of E22, down, per year
    capacity_scrapping: Array = field(
        default_factory=lambda: np.zeros(0)
    )  # (s,) of idle plant, per year; none given: 1
    build_time: Array = field(default_factory=lambda: np.zeros(0, dtype=int))  # (s,) b of E22, whole years
    learning: float = 0.3  # delta_up of E21, per year
    forgetting: float = 0.05  # delta_down of E21, per year
    deficit_rule: Literal["fixed", "share_of_world_income"] = "fixed"  # E11

    def __post_init__(self) -> None:
        _choose("research_closure", self.research_closure, ("region", "sector"))
        _choose("deficit_rule", self.deficit_rule, ("fixed", "share_of_world_income"))
        # Factors are told apart by the one, sectors grouped by the other: what is no number would belong nowhere.
        for name in ("factor_mobility", "materials_elasticity"):
            if np.isnan(getattr(self, name)).any():
                raise ValueError(f"{name} = {getattr(self, name)} holds what is no number")
        super().__post_init__()


@dataclass(frozen=True)
class Benchmark(Frozen):
    """The base year: docs/model.md section 2. It is the solution with every hat equal to 1."""

    output: Array  # (n,j) million USD at the producer's gate
    make: Array  # (n,j,k) shares of revenue, sum over k is 1 where output > 0
    use: Array  # (n,k,j) million USD, purchaser prices
    final: Array  # (n,k) million USD, purchaser prices
    trade_share: Array  # (c,i,n,k) pi, sum over i is 1 where n buys k
    factor_payment: Array  # (n,f,j) million USD
    research_share: Array  # (n,j) share of revenue
    export_tax: Array  # (i,n,k) rate x0; 0 at home
    tariff: Array  # (i,n,k) rate t0; 0 at home
    subsidy: Array  # (n,j) rate s0 on production
    licence: Array  # (i,k) licence0, USD per kg: quota rent present in the base year
    deficit: Array  # (n,) million USD, sums to 0
    unit_value: Array  # (i,k) USD per kg at the producer's gate; nan for goods no quota can name
    reo_content: Array  # (k,) kg of rare-earth oxide per kg; nan likewise
    elements: Array  # (e,) positions of the elements among the goods
    parameters: Parameters
    use_class: Array  # (j,) class of each using sector
    final_class: int = 0  # class of final demand
    stage_sector: Array = field(default_factory=lambda: np.zeros(0, dtype=int))  # (s,) sector of each stage
    labour: int = 0  # position of labour among the factors
    numeraire: Array = field(default_factory=lambda: np.array([True]))  # (f,) factors of the numeraire

    @property
    def data(self) -> Benchmark:
        """The benchmark whose data these are: itself, or the one that it is but for parameters."""
        return self.__dict__.get("_data", self)

    def replace(self, **changes: Any) -> Benchmark:
        """A copy with some fields changed."""
        changed: Benchmark = super().replace(**changes)
        if set(changes) <= {"parameters"}:
            object.__setattr__(changed, "_data", self.data)
        return changed

    @property
    def shape(self) -> tuple[int, int, int, int, int]:
        """(regions, sectors, goods, factors, elements)."""
        regions, sectors = self.output.shape
        return regions, sectors, self.final.shape[1], self.factor_payment.shape[1], len(self.elements)


def _weigh(quota: Quota | ProductionQuota) -> None:
    """Raise ValueError where the limit, or the weight of a good named, is no number or negative: it would be slack."""
    if np.isnan(quota.limit) or not (np.isfinite(quota.counted) & (quota.counted >= 0)).all():
        raise ValueError(f"quota {quota.name!r} needs a limit, and a weight for each good that it names")


@dataclass(frozen=True)
class Quota(Frozen):
    """An export quota in tonnes, E12-E14."""

    name: str
    covers: Array  # (i,n,k) bool; never a sale at home
    limit: float  # tonnes a year, weighted by `weight`
    weight: Array  # (k,) quota tonnes per tonne: 1 (gross weight) or the REO content
    specific: bool = True  # one price per kg; False: one ad-valorem rate
    rent_to_importer: float = 0.0  # share of the rent
    leak_margin: float | None = None  # m_q, USD per kg: cost of smuggling; None: no leak
    start: float = 0.0  # licence price of the base year, where the solver starts; USD per kg

    def __post_init__(self) -> None:
        if np.einsum("iik->k", self.covers).any():
            raise ValueError(f"quota {self.name!r} covers sales at home")
        _weigh(self)
        if not 0 <= self.rent_to_importer <= 1:
            raise ValueError(f"quota {self.name!r}: rent_to_importer = {self.rent_to_importer} is no share")
        if self.leak_margin is not None and not self.leak_margin >= 0:
            raise ValueError(
                f"quota {self.name!r}: smuggling costs {self.leak_margin} USD per kg, less than nothing"
            )
        super().__post_init__()

    @cached_property
    def goods(self) -> Array:
        """(k,) bool: what it names."""
        return np.asarray(self.covers.any(axis=(0, 1)))

    @cached_property
    def counted(self) -> Array:
        """(k,) `weight`, 0 for goods that are not named."""
        return np.where(self.goods, self.weight, 0.0)


@dataclass(frozen=True)
class ProductionQuota(Frozen):
    """A limit on what a region makes and sells, in tonnes; the rent stays there. Section 5."""

    name: str
    origin: int
    goods: Array  # (k,) bool
    limit: float  # tonnes a year
    weight: Array  # (k,)

    def __post_init__(self) -> None:
        _weigh(self)
        super().__post_init__()

    @cached_property
    def counted(self) -> Array:
        """(k,) `weight`, 0 for goods that are not named."""
        return np.where(self.goods, self.weight, 0.0)


@dataclass(frozen=True)
class Shock(Frozen):
    """What a scenario changes in one year. None means: as in the base year. Levels, not changes, for rates."""

    export_tax: Array | None = None  # (i,n,k) rate
    tariff: Array | None = None  # (i,n,k) rate
    iceberg: Array | None = None  # (i,n,k) ratio d, 1 is none
    embargo: Array | None = None  # (i,n,k) bool, True is closed
    quotas: tuple[Quota, ...] = ()
    production_quotas: tuple[ProductionQuota, ...] = ()
    subsidy: Array | None = None  # (n,j) rate s
    use_subsidy: Array | None = None  # (n,k) rate v
    research_subsidy: Array | None = None  # (n,j,g) rate z
    productivity: Array | None = None  # (n,j) ratio, 1.01 makes one percent more from the same inputs
    demand_shift: Array | None = None  # (n,k) multiplier of final shares, renormalised
    stock_release: Array | None = None  # (n,k) tonnes of what n buys in the base year, negative when buying
    recycling: Array | None = None  # (n,k) tonnes
    recycling_cost: Array | None = None  # (n,k) share of its value at base-year prices
    capacity_investment: Array | None = None  # (n,) million USD of the final bundle
    technology: Array | None = None  # (n,j,g) ln a, given (paths, E21)
    capacity: Array | None = None  # (n,s) ln K, given (paths, E22); without effect where there is no plant
    remove_base_licence: bool = False  # drop licence0 (section 5)


@dataclass(frozen=True)
class Closure(Frozen):
    """Which of technology and capacity respond (section 7) and how research does (section 6)."""

    regime: Regime = "directed"
    technology: Literal["given", "target"] = "target"  # given: Shock.technology, a = 1 when None
    capacity: Literal["given", "target"] = "given"  # given: Shock.capacity, K = 1 when None

    def __post_init__(self) -> None:
        _choose("regime", self.regime, REGIMES)
        _choose("technology", self.technology, ("given", "target"))
        _choose("capacity", self.capacity, ("given", "target"))
        super().__post_init__()


SHORT = Closure("exogenous", "given", "given")
