"""What the data of a base year come to, whatever the parameters and the shock: computed once and kept with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import NamedTuple, TypeVar

import numpy as np

from model.ces import shares_of
from model.memory import remember
from model.records import Array, Benchmark, Frozen, ProductionQuota, Quota
from model.system import span

KG_PER_TONNE = 1e3
USD_PER_MILLION = 1e6
TONNES = USD_PER_MILLION / KG_PER_TONNE  # tonnes = million USD * TONNES / (USD per kg)

T = TypeVar("T")


def _once(function: Callable[[Benchmark], T]) -> Callable[[Benchmark], T]:
    """Remember the result with the data of the benchmark; arrays become read-only."""

    @wraps(function)
    def remembered(b: Benchmark) -> T:
        def compute() -> T:
            result = function(b)
            if isinstance(result, np.ndarray):
                result.flags.writeable = False
            return result

        return remember(b.data, function.__name__, compute)

    return remembered


@dataclass(frozen=True)
class NestShares(Frozen):
    """Base cost shares of E3-E5."""

    users: Array  # (r,) sectors that use rare earths
    ree: Array  # (n,j) theta, REE bundle in cost
    element: Array  # (n,r,e) element in the REE bundle
    value_added: Array  # (n,j) value added in X
    factor: Array  # (n,f,j) factor in value added
    material: Array  # (n,j,k) good in materials


@_once
def nest_shares(b: Benchmark) -> NestShares:
    """E3-E5 in the base year."""
    is_element = np.zeros(b.final.shape[1], dtype=bool)
    is_element[b.elements] = True
    use_e = b.use[:, b.elements, :]
    users = np.nonzero(use_e.any(axis=(0, 1)))[0]
    ree = use_e.sum(axis=1)
    ordinary = np.where(is_element[None, :, None], 0.0, b.use)
    materials = ordinary.sum(axis=1)
    added = b.factor_payment.sum(axis=1)
    return NestShares(
        users=users,
        ree=shares_of(ree + materials + added, ree),
        element=shares_of(ree[:, users, None], use_e[:, :, users].transpose(0, 2, 1)),
        value_added=shares_of(materials + added, added),
        factor=shares_of(added[:, None, :], b.factor_payment),
        material=np.ascontiguousarray(shares_of(materials[:, :, None], ordinary.transpose(0, 2, 1))),
    )


@dataclass(frozen=True)
class Constants(Frozen):
    """What a solve needs of the base year besides shares."""

    supplied: Array  # (n,k) bool, goods made in the region
    active: Array  # (n,j) bool, sectors that produce
    pair_sector: Array  # (m,) sector of each (sector, good) pair
    pair_good: Array  # (m,)
    pair_share: Array  # (n,m) make
    to_good: Array  # (m,k) 1 where the pair makes the good
    to_sector: Array  # (m,j)
    joint: Array  # sectors that make several goods
    cost: Array  # (n,j) (1-rs)(1+s) Y0
    research: Array  # (n,j) rs (1+s) Y0
    endowment: Array  # (n,f) income of each factor, million USD
    income: Array  # (n,)
    stage_good: Array  # (s,k) bool, goods made by the stage's sector
    stock_class: Array  # (n,k) class whose price values stocks
    no_sector: Array  # (n,j) zeros
    no_good: Array  # (n,k) zeros


@_once
def constants(b: Benchmark) -> Constants:
    """Of the data alone, so that draws of parameters share them."""
    _, sectors, goods, _, _ = b.shape
    pair_sector, pair_good = np.nonzero((b.make * b.output[:, :, None]).any(axis=0))
    stage_good = np.zeros((len(b.stage_sector), goods), dtype=bool)
    for s, j in enumerate(b.stage_sector):
        stage_good[s] = b.make[:, j].any(axis=0)
    revenue = (1 + b.subsidy) * b.output
    return Constants(
        supplied=(b.output[:, None] @ b.make)[:, 0] > 0, active=b.output > 0,
        pair_sector=pair_sector, pair_good=pair_good, pair_share=b.make[:, pair_sector, pair_good],
        to_good=np.eye(goods)[pair_good], to_sector=np.eye(sectors)[pair_sector],
        joint=np.nonzero(np.bincount(pair_sector, minlength=sectors) > 1)[0],
        cost=(1 - b.research_share) * revenue, research=b.research_share * revenue,
        endowment=b.factor_payment.sum(axis=2), income=b.final.sum(axis=1), stage_good=stage_good,
        stock_class=spending_base(b).argmax(axis=0),
        no_sector=np.zeros_like(b.output), no_good=np.zeros_like(b.final),
    )  # fmt: skip


@_once
def sourcing_base(b: Benchmark) -> Array:
    """(c,k,n,i) pi of E2, laid out for products."""
    return np.ascontiguousarray(b.trade_share.transpose(0, 3, 2, 1))


def by_good(array: Array) -> Array:
    """(k,n,i) from (i,n,k), laid out for products."""
    return np.ascontiguousarray(array.transpose(2, 1, 0))


@_once
def export_tax_base(b: Benchmark) -> Array | None:
    """(k,n,i) rates, None where nothing is charged."""
    return by_good(b.export_tax) if b.export_tax.any() else None


@_once
def tariff_base(b: Benchmark) -> Array | None:
    """(k,n,i) rates, None where nothing is charged."""
    return by_good(b.tariff) if b.tariff.any() else None


@_once
def licence_rate(b: Benchmark) -> Array:
    """(i,n,k) base-year licence as a rate of the gate price, l0 = licence0/u abroad, 0 at home."""
    if not b.licence.any():
        return np.zeros(b.export_tax.shape)
    rate = np.where(b.licence > 0, b.licence / np.where(b.licence > 0, b.unit_value, 1.0), 0.0)
    home = np.eye(b.output.shape[0], dtype=bool)[:, :, None]
    return np.where(home, 0.0, np.broadcast_to(rate[:, None, :], b.export_tax.shape))


@_once
def gate_value_base(b: Benchmark) -> Array:
    """E9 in the base year: (i,n,k) million USD at the producer's gate."""
    spent = np.einsum("cink,cnk->ink", b.trade_share, spending_base(b))
    return spent / ((1 + b.export_tax) * (1 + licence_rate(b)) * (1 + b.tariff))


@_once
def spending_base(b: Benchmark) -> Array:
    """(c,n,k) base spending by class of use, purchaser prices."""
    spending = np.zeros((b.trade_share.shape[0], *b.final.shape))
    for c in np.unique(b.use_class):
        spending[c] = b.use[:, :, span(np.nonzero(b.use_class == c)[0])].sum(axis=2)
    spending[b.final_class] += b.final
    return spending


def mean_gate_value(b: Benchmark, good: int) -> Array:
    """(n,) base mean unit value at the gate of what each region buys of a good, USD per kg; 0 where it buys none."""
    gate = gate_value_base(b)[:, :, good]
    unit = np.broadcast_to(b.unit_value[:, good, None], gate.shape)
    tonnes = np.divide(gate, unit, out=np.zeros_like(gate), where=gate > 0)
    return shares_of(tonnes.sum(axis=0), gate.sum(axis=0))


class Covered(NamedTuple):
    """What a quota covers in the base year."""

    tonnes: float  # E12, quota tonnes
    unit_value: float | None  # u_q of E13, USD per kg; None where nothing is sold


def _covered(b: Benchmark, quota: Quota) -> Covered:
    """Kept with the data: draws of a limit ask again and again."""
    key = ("covered", np.packbits(quota.covers).tobytes(), quota.counted.tobytes())
    return remember(b.data, key, lambda: _count(b, quota))


def _count(b: Benchmark, quota: Quota) -> Covered:
    gate = np.where(quota.covers, gate_value_base(b), 0.0)
    unit = np.where(quota.covers, b.unit_value[:, None, :], 1.0)
    if not np.isfinite(unit).all():
        raise ValueError(f"quota {quota.name!r} names a good that has no unit value")
    tonnes = float((gate * TONNES / unit * quota.counted).sum())
    return Covered(tonnes, float(gate.sum() * TONNES / tonnes) if tonnes > 0 else None)


def quota_tonnes_base(b: Benchmark, quota: Quota) -> float:
    """E12 in the base year: quota tonnes."""
    return _covered(b, quota).tonnes


def production_tonnes_base(b: Benchmark, quota: ProductionQuota) -> float:
    """Section 5 in the base year: tonnes made that count under a production quota."""
    made = np.where(quota.goods, b.output[quota.origin] @ b.make[quota.origin], 0.0)
    unit = np.where(quota.goods, b.unit_value[quota.origin], 1.0)
    return float((made / unit * quota.counted).sum() * TONNES)


def quota_unit_value(b: Benchmark, quota: Quota) -> float:
    """u_q of E13: mean unit value of what the quota covers, weighted by base tonnes, USD per kg."""
    value = _covered(b, quota).unit_value
    if value is None:
        raise ValueError(f"quota {quota.name!r} covers nothing that is sold in the base year")
    return value
