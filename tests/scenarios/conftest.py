"""A small world whose axes all differ in length. Only what scenarios read of it is meaningful: it is not balanced."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from model.records import Benchmark, Labels, Parameters

REGIONS = ("CHN", "JPN", "USA", "AUS", "ROW")
SECTORS = ("ree_mining", "ree_separation", "magnets", "chemicals", "electrical_optical", "services")
ELEMENTS = ("La", "Nd", "Dy", "Y")
GOODS = ("concentrate", *ELEMENTS, "magnets", "chemicals", "electrical_optical", "services")
FACTORS = ("labour", "capital", "resource")
STAGES = ("ree_mining", "magnets")


def parameters(n: int, j: int, k: int, e: int) -> Parameters:
    return Parameters(
        trade_elasticity=np.full(k, 4.0),
        ree_elasticity=np.linspace(0.1, 0.6, j),
        element_elasticity=np.full(j, 0.2),
        value_added_elasticity=np.full(j, 0.5),
        factor_elasticity=np.full(j, 0.7),
        materials_elasticity=np.full(j, 0.1),
        transformation_elasticity=np.zeros(j),
        final_elasticity=0.9,
        price_floor=np.zeros(e),
        factor_mobility=np.array([np.inf, 1.0, 0.0]),
        innovation_elasticity=np.full((n, e + 1), 0.5),
        spillover=np.zeros((n, e + 1)),
        spillover_region=np.eye(n),
        spillover_sector=np.eye(j),
        breadth=0.0,
        capacity_weight=np.ones(len(STAGES)),
        capacity_response=np.ones(len(STAGES)),
        capacity_expansion=np.full(len(STAGES), 0.2),
        capacity_exit=np.full(len(STAGES), 0.5),
        capacity_scrapping=np.full(len(STAGES), 0.05),
        build_time=np.array([3, 2]),
    )


def benchmark() -> Benchmark:
    rng = np.random.default_rng(3)
    n, j, k, f, e = len(REGIONS), len(SECTORS), len(GOODS), len(FACTORS), len(ELEMENTS)
    make = np.zeros((n, j, k))
    make[:, 0, 0] = 1
    make[:, 1, 1 : 1 + e] = rng.dirichlet(np.ones(e), n)
    for sector, good in zip(range(2, j), range(1 + e, k), strict=True):
        make[:, sector, good] = 1
    use = rng.uniform(1, 9, (n, k, j))
    use[4, 3, :] = 0  # ROW uses no Dy
    final = rng.uniform(1, 9, (n, k))
    final[:, : 1 + e] = 0
    shares = rng.dirichlet(np.ones(n), (1, n, k)).transpose(0, 3, 1, 2)
    abroad = ~np.eye(n, dtype=bool)[:, :, None]
    unit_value = np.full((n, k), np.nan)
    unit_value[:, : 2 + e] = rng.uniform(3, 300, (n, 2 + e))
    content = np.full(k, np.nan)
    content[: 2 + e] = [0.5, 0.9, 1.0, 1.0, 1.0, 0.3]
    output = rng.uniform(50, 100, (n, j))
    output[3, 2] = 0  # no magnets in AUS
    licence = np.zeros((n, k))
    licence[0, 1:3] = 0.5
    return Benchmark(
        output=output,
        make=make,
        use=use,
        final=final,
        trade_share=shares,
        factor_payment=rng.uniform(1, 9, (n, f, j)),
        research_share=np.full((n, j), 0.03),
        export_tax=np.where(abroad, rng.uniform(0, 0.3, (n, 1, k)), 0.0),
        tariff=np.where(abroad, 0.05, 0.0) * np.ones((n, n, k)),
        subsidy=np.full((n, j), 0.01),
        licence=licence,
        deficit=np.zeros(n),
        unit_value=unit_value,
        reo_content=content,
        elements=np.arange(1, 1 + e),
        parameters=parameters(n, j, k, e),
        use_class=np.zeros(j, dtype=int),
        stage_sector=np.array([0, 2]),
    )


@pytest.fixture(scope="session")
def world() -> SimpleNamespace:
    labels = Labels(REGIONS, SECTORS, GOODS, FACTORS, ELEMENTS, STAGES)
    return SimpleNamespace(name="small", benchmark=benchmark(), labels=labels)
