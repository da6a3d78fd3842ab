"""Economies that the solver's benchmarks run on: random tables of any size, and the WIOD table where it is at hand."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from model.records import Benchmark
from model.table import Elasticities, benchmark_from_flows

SOURCE = "BENCHMARK_SOURCE"  # folder with the raw tables, set by `benchmarks/run.py --source`
WIOD = "wiod2013_2010.npz"


class MissingSource(RuntimeError):
    """Raw tables are not part of the project; the message says where to put them."""


def wiod(**options: Any) -> Benchmark:
    """WIOD release 2013, year 2010, as it is: 41 economies, 35 industries, empty cells, negative stocks set to zero."""
    from calibration.sources.wiod import read_2013

    folder = os.environ.get(SOURCE)
    for name in (WIOD, "wiot10_row_apr12.xlsx"):
        if folder and (Path(folder) / name).is_file():
            table = read_2013(Path(folder) / name, 2010)
            return benchmark_from_flows(table.intermediate, table.final, negative="clip", **options)
    raise MissingSource(
        f"this work needs the WIOD table of 2010 ({WIOD} or wiot10_row_apr12.xlsx, release 2013, wiod.org): "
        f"name its folder with --source or {SOURCE}"
    )


def random_flows(regions: int, sectors: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Intermediate (i,k,n,j) and final (i,k,n) flows: sizes and distances spread like those of real tables."""
    rng = np.random.default_rng(seed)
    size = np.exp(rng.normal(0, 1.2, regions))
    near = np.exp(rng.normal(-3.5, 1.2, (regions, sectors, regions)))
    near[np.arange(regions), :, np.arange(regions)] = np.exp(rng.normal(0, 0.4, (regions, sectors)))
    origin = near * size[:, None, None] * np.exp(rng.normal(0, 0.6, (regions, sectors, 1)))
    origin /= origin.sum(axis=0)
    inputs = rng.gamma(0.25, 1.0, (regions, sectors, sectors))
    inputs *= rng.uniform(0.3, 0.6, (regions, 1, sectors)) / inputs.sum(axis=1, keepdims=True)
    demand = rng.gamma(0.5, 1.0, (regions, sectors)) * size[:, None]
    output = demand.copy()
    for _ in range(400):
        spent = np.einsum("nkj,nj->nk", inputs, output) + demand
        output = np.einsum("ikn,nk->ik", origin, spent)
    return np.einsum("ikn,nkj,nj->iknj", origin, inputs, output), origin * demand.T[None]


def random_economy(regions: int, sectors: int, seed: int = 0, **elasticities: float) -> Benchmark:
    """A random table as a base year: one mobile factor, one set of origin shares, Cobb-Douglas unless told."""
    return benchmark_from_flows(
        *random_flows(regions, sectors, seed), elasticities=Elasticities(**elasticities)
    )


def trade_war(b: Benchmark, rate: float = 0.25) -> np.ndarray:
    """(i,n,k) a tariff of 25 % by all on all."""
    return np.where(np.eye(len(b.output), dtype=bool)[:, :, None], 0.0, b.tariff + rate)
