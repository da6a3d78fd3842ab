"""What a scenario needs of the base year: tonnes sold, used and made."""

from __future__ import annotations

import numpy as np

from model.base_year import TONNES, gate_value_base
from model.records import Array, Benchmark


def tonnes_sold(benchmark: Benchmark) -> Array:
    """Base-year sales in tonnes, gross weight; nan where goods without a unit value are sold; (i,n,k)."""
    return _tonnes(gate_value_base(benchmark), benchmark.unit_value[:, None, :])


def tonnes_made(benchmark: Benchmark) -> Array:
    """Base-year output in tonnes, gross weight; nan where goods without a unit value are made; (n,k)."""
    return _tonnes(np.einsum("njk,nj->nk", benchmark.make, benchmark.output), benchmark.unit_value)


def stage_tonnes(benchmark: Benchmark, region: int, sector: int, reo: bool) -> float:
    """Base-year output of a stage in tonnes, gross or as oxide; nan when that is unknown for something it makes."""
    tonnes = _tonnes(
        benchmark.output[region, sector] * benchmark.make[region, sector], benchmark.unit_value[region]
    )
    made = tonnes != 0
    return float((tonnes * (benchmark.reo_content if reo else 1.0))[made].sum())


def _tonnes(value: Array, unit_value: Array) -> Array:
    unit_value = np.broadcast_to(unit_value, value.shape)
    return np.divide(value * TONNES, unit_value, out=np.zeros_like(value), where=value != 0)


def research_outlay(benchmark: Benchmark) -> Array:
    """Base-year research aimed at each technology, million USD; the last is X, all other inputs; (n,j,g)."""
    elements = np.moveaxis(benchmark.use[:, benchmark.elements, :], 1, 2)
    cost = (benchmark.use.sum(axis=1) + benchmark.factor_payment.sum(axis=1))[:, :, None]
    share = np.divide(elements, cost, out=np.zeros_like(elements), where=cost > 0)
    rest = np.where(cost > 0, 1 - share.sum(axis=2, keepdims=True), 0.0)
    research = benchmark.research_share * (1 + benchmark.subsidy) * benchmark.output
    return np.asarray(research[:, :, None] * np.concatenate([share, rest], axis=2))
