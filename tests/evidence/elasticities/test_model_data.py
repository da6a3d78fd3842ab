"""The estimator on data the model itself made: equilibria under supply shocks and a quota, research moved by unseen
subsidies."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from calibration.evidence.elasticities.estimators import estimate_slope
from calibration.evidence.elasticities.panel import panel_from_frame
from calibration.evidence.elasticities.technology import (
    epsilon_band,
    epsilon_from_research,
    epsilon_from_technology,
    research_slope,
)
from model.records import Closure, Shock
from model.solve import solve
from model.variables import results
from tests.worlds import Sizes, quota, world

EPSILON, ZETA, YEARS = 0.4, 2.0, 16


def simulate_by_the_model(subsidies: float, rng: np.random.Generator) -> pd.DataFrame:
    """Yearly equilibria of a small world with one element, technology directed and without spillovers.

    log_price, log_research, log_technology are those of rare earths relative to other inputs, by region and using
    sector outside the restricting region; `subsidies` is the spread of research subsidies that no researcher sees.
    """
    size = Sizes(regions=6, ordinary=7, elements=1, users=6)
    bench, _ = world(3, size, ree_cost=0.01)
    n, j, _, _, _ = bench.shape
    parameters = bench.parameters.replace(
        ree_elasticity=np.full(j, EPSILON),
        innovation_elasticity=np.full((n, 2), 1 / ZETA),
        spillover=np.zeros((n, 2)),
        breadth=0.0,
        research_closure="sector",
    )
    bench = bench.replace(parameters=parameters)
    users = np.nonzero(bench.use[:, bench.elements[0]].sum(0) > 0)[0]
    shares = bench.trade_share[0, :, :, bench.elements[0]]  # (i,n), before the shocks
    separation = bench.stage_sector[1]
    base = solve(bench)
    limits = np.minimum(rng.uniform(0.3, 1.2, YEARS), 1.0)
    hardship = rng.uniform(0.0, 1.5, (YEARS, n))  # ln cost of separation by region
    rows = []
    for year, limit in enumerate(limits):
        subsidy = np.zeros((n, j, 2))
        subsidy[:, :, 0] = np.expm1(rng.normal(0, subsidies, (n, j)))
        productivity = np.ones((n, j))
        productivity[:, separation] = np.exp(-hardship[year])
        bound = (quota(bench, float(limit)),)
        shock = Shock(quotas=bound, research_subsidy=subsidy, productivity=productivity)
        solution = solve(bench, shock, Closure("directed", "target"))
        found, costs = results(solution, base), solution.allocation.costs
        price = costs.users_price[bench.use_class][:, :, bench.elements[0]].T - costs.other
        research, technology = np.log(found["research"]), np.log(found["technology"])
        for region in range(1, n):
            for sector in users:
                rows.append(
                    {
                        "unit": f"{region} {sector}",
                        "sector": sector,
                        "year": year,
                        "log_price": price[region, sector],
                        "log_research": research[region, sector, 0] - research[region, sector, 1],
                        "log_technology": technology[region, sector, 0] - technology[region, sector, 1],
                        "quota_exposure": hardship[year] @ shares[:, region]
                        - np.log(limit) * shares[0, region],
                    }
                )
    return pd.DataFrame(rows)


def test_slopes_of_the_model_are_those_of_e18() -> None:
    data = simulate_by_the_model(0.0, np.random.default_rng(0))
    assert data.log_price.max() > 0.3
    research = np.polyfit(data.log_price, data.log_research, 1)[0]
    technology = np.polyfit(data.log_price, data.log_technology, 1)[0]
    assert research == pytest.approx(float(research_slope(EPSILON, ZETA)), abs=1e-7)
    assert epsilon_from_research(research, ZETA) == pytest.approx(EPSILON, abs=1e-6)
    assert epsilon_from_technology(technology, ZETA) == pytest.approx(EPSILON, abs=1e-6)


def test_estimator_recovers_the_elasticity_of_the_model() -> None:
    rng = np.random.default_rng(5)
    data = simulate_by_the_model(0.15, rng)
    size = rng.lognormal(3.5, 0.5, data.unit.nunique())[pd.factorize(data.unit)[0]]
    counts = data.assign(
        ree_patents=rng.poisson(size * np.exp(data.log_research)),
        other_patents=1 + rng.poisson(400, len(data)),
    )
    panel = panel_from_frame(counts)
    estimate = estimate_slope(panel, "iv_ppml", draws=0)
    band = epsilon_band(estimate.slope, estimate.best_interval, [ZETA])
    assert estimate.standard_error < 0.15
    assert band.lower[0] < EPSILON < band.upper[0]
    assert band.epsilon[0] == pytest.approx(EPSILON, abs=0.2)
