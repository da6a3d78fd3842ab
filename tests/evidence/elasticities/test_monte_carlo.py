"""The estimator recovers the truth of the simulator, and the naive one does not."""

from __future__ import annotations

import pytest

from calibration.evidence.elasticities.simulate import World
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


@pytest.mark.slow
@pytest.mark.parametrize("method", ["log_plus_one", "ppml"])
def test_methods_that_take_the_price_as_given_are_biased(method: str) -> None:
    result = run(World(), method, 100)  # type: ignore[arg-type]
    print(result)
    assert result.coverage < 0.5
    assert result.bias < -0.15
