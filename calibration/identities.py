"""The identities of the base year (docs/model.md section 2), computed from a `Benchmark` alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from calibration.errors import InputError, Problem
from model.records import Benchmark, Labels

Array = npt.NDArray[Any]
TOLERANCE = 1e-9  # relative
SHOWN = 5


def gate_values(b: Benchmark) -> Array:
    """g_ink (i,n,k), million USD at the producer's gate, from spending and shares."""
    spending = np.zeros((len(b.trade_share), *b.final.shape))
    for sector, use_class in enumerate(b.use_class):
        spending[use_class] += b.use[:, :, sector]
    spending[b.final_class] += b.final
    paid = np.einsum("cink,cnk->ink", b.trade_share, spending)
    return paid / ((1 + b.export_tax) * (1 + licence_rate(b.licence, b.unit_value)) * (1 + b.tariff))


def licence_rate(licence: Array, unit_value: Array) -> Array:
    """l_ink (i,n,k): licence0 (i,k) over the unit value (i,k) abroad, 0 at home."""
    rate = np.where(licence > 0, licence / np.where(np.isfinite(unit_value), unit_value, np.inf), 0.0)
    return rate[:, None, :] * (1 - np.eye(len(licence)))[:, :, None]


def residuals(b: Benchmark) -> dict[str, Array]:
    """Relative errors: `goods` (i,k), `profit` (n,j), `budget` (n,), `deficit` (1,), `share` (c,n,k), `make` (n,j)."""
    gate, licence = gate_values(b), licence_rate(b.licence, b.unit_value)
    supply = np.einsum("njk,nj->nk", b.make, b.output)
    sales = gate.sum(1)
    gross = (1 + b.subsidy) * b.output
    cost = b.use.sum(1) + b.factor_payment.sum(1)
    revenue = (1 - b.research_share) * gross
    income = (
        b.factor_payment.sum((1, 2))
        + (b.research_share * gross).sum(1)
        + np.einsum("ink,ink->n", gate * (1 + b.export_tax) * (1 + licence), b.tariff)
        + np.einsum("ink,ink->i", gate * (1 + licence), b.export_tax)
        + np.einsum("ink,ink->i", gate, licence)
        - (b.subsidy * b.output).sum(1)
        + b.deficit
    )
    world = b.final.sum()
    total = b.trade_share.sum(1)
    bought = _spent(b) > 0
    return {
        "goods": _relative(supply, sales),
        "profit": _relative(revenue, cost),
        "budget": _relative(income, b.final.sum(1)),
        "deficit": np.array([b.deficit.sum() / world]),
        "share": np.where(bought, total - 1, total),
        "make": np.where(b.output > 0, b.make.sum(2) - 1, 0.0),
    }


def check(b: Benchmark, labels: Labels, file: str = "") -> None:
    """Raises InputError naming the worst cells unless every identity holds to 1e-9 and no value is negative."""
    axes = {
        "goods": (labels.regions, labels.goods),
        "profit": (labels.regions, labels.sectors),
        "budget": (labels.regions,),
        "deficit": (("world",),),
        "share": (tuple(f"class {c}" for c in range(len(b.trade_share))), labels.regions, labels.goods),
        "make": (labels.regions, labels.sectors),
    }
    problems = []
    for name, error in residuals(b).items():
        bad = np.argwhere(~(np.abs(error) <= TOLERANCE))
        worst = sorted(bad.tolist(), key=lambda cell: -np.nan_to_num(abs(error[tuple(cell)]), nan=np.inf))
        for cell in worst[:SHOWN]:
            where = ", ".join(axis[position] for axis, position in zip(axes[name], cell, strict=True))
            text = f"the base year does not balance: {name} of {where} is off by {error[tuple(cell)]:.2e}"
            problems.append(Problem(text, file, expected=f"at most {TOLERANCE:g} of its size"))
    problems += _negative(b, labels, file)
    if problems:
        raise InputError(problems)


def _negative(b: Benchmark, labels: Labels, file: str) -> list[Problem]:
    """The most negative cells of every value that may not be negative."""
    regions, sectors, goods = labels.regions, labels.sectors, labels.goods
    classes = tuple(f"class {c}" for c in range(len(b.trade_share)))
    values = {
        "output": (regions, sectors),
        "make": (regions, sectors, goods),
        "use": (regions, goods, sectors),
        "final": (regions, goods),
        "trade_share": (classes, regions, regions, goods),
        "factor_payment": (regions, labels.factors, sectors),
        "research_share": (regions, sectors),
    }
    problems = []
    for name, names in values.items():
        array = getattr(b, name)
        bad = np.argwhere(~(np.isfinite(array) & (array >= 0)))
        worst = sorted(bad.tolist(), key=lambda cell: np.nan_to_num(array[tuple(cell)], nan=-np.inf))
        for cell in worst[:SHOWN]:
            where = ", ".join(axis[position] for axis, position in zip(names, cell, strict=True))
            problems.append(
                Problem(f"{name} of {where} is {array[tuple(cell)]:.4g}", file, expected="0 or more")
            )
    return problems


def _spent(b: Benchmark) -> Array:
    spending = np.zeros((len(b.trade_share), *b.final.shape))
    for sector, use_class in enumerate(b.use_class):
        spending[use_class] += b.use[:, :, sector]
    spending[b.final_class] += b.final
    return spending


def _relative(left: Array, right: Array) -> Array:
    """(left - right) over the larger of the two; 0 where both are 0."""
    size = np.maximum(np.abs(left), np.abs(right))
    return np.divide(left - right, size, out=np.zeros_like(size), where=size > 0)
