"""The estimator recovers the truth of the simulator, and the naive one does not."""

from __future__ import annotations

import numpy as np
import pytest

from calibration.evidence.elasticities.estimators import estimate_slope
from calibration.evidence.elasticities.panel import panel_from_frame
from calibration.evidence.elasticities.simulate import World
from calibration.evidence.elasticities.study import build_panel
from calibration.evidence.exposure.measures import wiod_exposure
from tests.evidence.elasticities.counts import drawn_counts
from tests.evidence.elasticities.monte_carlo import run

SMALL = World(sectors=12, countries=10, years=16, ree_patents=12.0, demand_shock=0.2)


def test_estimator_recovers_eps_and_naive_does_not() -> None:
    instrumented = run(SMALL, "iv_ppml", 20)
    assert instrumented.refused <= 1
    assert abs(instrumented.bias) < 0.03 + 2 * instrumented.error_of_bias
    assert 0.85 <= instrumented.coverage <= 1.0
    naive = run(SMALL, "log_plus_one", 20)
    assert naive.bias < -0.1
    assert naive.bias < -4 * naive.error_of_bias


@pytest.mark.slow
@pytest.mark.parametrize(
    "world",
    [World(), World(epsilon=0.7), World(epsilon=0.2, zeta=4.0), World(ree_patents=2.0, price_error=0.15)],
    ids=["default", "good substitutes", "poor substitutes", "many zeros, noisy price"],
)
def test_five_hundred_draws(world: World) -> None:
    result = run(world, "iv_ppml", 500)
    print(result)
    assert abs(result.bias) < 0.03
    assert 0.92 <= result.coverage <= 0.98
    assert result.refused < 30


def coverage_with_shipped_prices(draws: int, shock: float) -> tuple[float, float]:
    """Of the 95 % interval by sector (clustered t) and by country-sector (Anderson and Rubin): seven sectors in ten
    countries, prices and quotas as shipped, counts of 40 with a yearly AR(1) shock (0.5) that a sector's countries
    share."""
    exposure = wiod_exposure()
    by_sector, by_unit = [], []
    for seed in range(draws):
        data = build_panel(*drawn_counts(10, 0.4, shock=shock, seed=seed), exposure=exposure)
        low, high = estimate_slope(panel_from_frame(data), draws=0).interval
        by_sector.append(low <= 0.4 <= high)
        low, high = estimate_slope(panel_from_frame(data, cluster="unit"), draws=0).best_interval
        by_unit.append(low <= 0.4 <= high)
    return float(np.mean(by_sector)), float(np.mean(by_unit))


def test_a_shock_that_countries_share_is_in_the_errors_by_sector_and_not_by_unit() -> None:
    by_sector, by_unit = coverage_with_shipped_prices(15, 0.2)
    assert by_sector >= 0.8
    assert by_unit <= 0.7


@pytest.mark.slow
@pytest.mark.parametrize("shock", [0.0, 0.1, 0.2])
def test_the_interval_by_sector_holds_with_shipped_prices(shock: float) -> None:
    by_sector, by_unit = coverage_with_shipped_prices(200, shock)
    print(f"shock {shock:g}: by sector {by_sector:.3f}, by country-sector {by_unit:.3f}")
    assert 0.9 <= by_sector <= 0.99
    assert by_unit < 0.7 or shock == 0


@pytest.mark.slow
def test_five_hundred_draws_with_a_shock_that_countries_share() -> None:
    world = World(dependence=(1.0, 1.0), sector_shock=0.2)
    result = run(world, "iv_ppml", 500)
    print(result)
    assert abs(result.bias) < 0.05
    assert 0.92 <= result.coverage_of_t <= 0.98
    assert result.coverage >= 0.94
    by_unit = run(world, "iv_ppml", 500, cluster="unit")
    print(by_unit)
    assert by_unit.coverage < 0.92


@pytest.mark.slow
@pytest.mark.parametrize("method", ["log_plus_one", "ppml"])
def test_methods_that_take_the_price_as_given_are_biased(method: str) -> None:
    result = run(World(), method, 100)  # type: ignore[arg-type]
    print(result)
    assert result.coverage < 0.5
    assert result.bias < -0.15
