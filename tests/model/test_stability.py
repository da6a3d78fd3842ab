"""Whether technology settles."""

import re

import numpy as np
import pytest

import calibration
from model import Closure, Shock, solve, stability
from model.innovation import technology
from model.path import simulate
from model.stability import TechnologyMap, check_path, extremes, unstable
from tests.worlds import world

FULL = "directed_with_spillovers"


@pytest.mark.parametrize("regime", ["directed", FULL])
def test_the_map_is_the_derivative_of_research_by_finite_differences(regime):
    bench, _ = world(1, research_closure="sector")
    product = TechnologyMap(bench, regime)
    research, users = product.system.research, product.system.nests.users
    rng, h = np.random.default_rng(1), 1e-5
    r_x, r_e = (rng.standard_normal(mask.shape) * mask for mask in product.active)
    log_a = np.zeros((*bench.output.shape, len(bench.elements) + 1))
    log_a[:, :, -1], log_a[:, users, :-1] = technology(research, users, h * r_x, h * r_e, regime == FULL)
    pair = [
        solve(bench, Shock(technology=sign * log_a), Closure(regime, "given", "given")) for sign in (1, -1)
    ]
    up, down = (
        np.concatenate(
            [
                s.allocation.direction.research_x[product.active[0]],
                s.allocation.direction.research_e[product.active[1]],
            ]
        )
        for s in pair
    )
    vector = np.concatenate([r_x[product.active[0]], r_e[product.active[1]]])
    np.testing.assert_allclose(product(vector), (up - down) / (2 * h), atol=1e-6)


@pytest.mark.parametrize("closure", ["sector", "region"])
@pytest.mark.parametrize("regime", ["directed", FULL])
def test_extremes_are_those_of_the_dense_matrix(closure, regime):
    bench, _ = world(0, research_closure=closure)
    product = TechnologyMap(bench, regime)
    values = np.linalg.eigvals(np.stack([product(unit) for unit in np.eye(product.size)], axis=1))
    found = extremes(bench, regime)
    np.testing.assert_allclose(
        [found.largest, found.smallest], [values.real.max(), values.real.min()], atol=1e-6
    )


@pytest.mark.parametrize("closure", ["sector", "region"])
@pytest.mark.parametrize("top", [0.97, 0.99, 1.01, 1.03, 1.08])
def test_an_equilibrium_is_refused_from_an_eigenvalue_of_one_on(closure, top):
    """Also where the first values that Arnoldi's method finds are far below the largest."""
    for seed in (1, 2):
        options = {"research_closure": closure, "research_supply_elasticity": 0.5}
        bench, _ = world(seed, **options)
        par = bench.parameters
        scale = top / extremes(bench, "directed").largest
        bench = bench.replace(parameters=par.replace(innovation_elasticity=scale * par.innovation_elasticity))
        assert extremes(bench, "directed").largest == pytest.approx(top, rel=1e-5)
        assert (unstable(bench, Closure("directed")) is not None) == (top >= 1)


@pytest.mark.parametrize("supply", [0.13, 0.147, 0.15])
def test_the_shipped_base_year_is_refused_where_its_eigenvalue_passes_one(supply):
    b = calibration.load("china-2009").benchmark
    b = b.replace(parameters=b.parameters.replace(research_supply_elasticity=supply))
    assert (unstable(b, Closure("directed")) is not None) == (extremes(b, "directed").largest >= 1)


def test_an_eigenvalue_that_cannot_be_told_from_one_is_refused_not_raised(monkeypatch):
    def lost(*_):
        raise ArithmeticError("not found")

    bench, _ = world(1, research_closure="region", research_supply_elasticity=0.5)
    par = bench.parameters
    scale = 0.999 / extremes(bench, "directed").largest
    bench = bench.replace(parameters=par.replace(innovation_elasticity=scale * par.innovation_elasticity))
    assert unstable(bench, Closure("directed")) is None
    monkeypatch.setattr(stability, "extremes", lost)
    again = bench.replace(output=bench.output.copy())
    assert re.search(r"may feed on itself.* 0\.9.*not found", unstable(again, Closure("directed")).detail)


def test_technology_that_feeds_on_itself_is_refused_with_the_range():
    bench, _ = world(0, research_closure="region")
    largest = extremes(bench, "directed").largest
    assert largest > 1
    with pytest.raises(ValueError, match=rf"largest eigenvalue .* stable below {1 / largest:.3g} times"):
        check_path(bench, "directed")
    # The range is right: eigenvalues are proportional to the innovation elasticity.
    tame = bench.replace(
        parameters=bench.parameters.replace(
            innovation_elasticity=bench.parameters.innovation_elasticity * 0.99 / largest
        )
    )
    assert check_path(tame, "directed").largest == pytest.approx(0.99, rel=1e-6)


def test_a_path_overshoots_outside_the_range_and_settles_inside():
    # Innovation pays so much that saved elements fall in price by more, and research turns away from them at once.
    bench, _ = world(
        1, research_closure="sector", innovation_elasticity=np.full((3, 3), 3.0), learning=1.0, forgetting=1.0
    )  # fmt: skip
    found = extremes(bench, "directed")
    assert found.fastest < 1
    with pytest.raises(ValueError, match=rf"the stable range is 0 to {found.fastest:.3g}"):
        check_path(bench, "directed")
    with pytest.raises(ValueError, match="the stable range is 0 to"):
        simulate(bench, [2010], [Shock()], "directed")
    shocks = [
        Shock(demand_shift=np.where(np.arange(bench.final.shape[1]) == 0, 1.05, 1.0) * np.ones((3, 1))),
        *[Shock()] * 11,
    ]

    def swing(speed):
        par = bench.parameters.replace(learning=speed, forgetting=speed)
        path = simulate(
            bench.replace(parameters=par),
            range(12),
            shocks,
            "directed",
            capacity_moves=False,
            check_stability=False,
        )
        return np.abs(np.diff(path.technology, axis=0)).max(axis=(1, 2, 3))

    outside, inside = swing(min(1.0, 1.2 * found.fastest)), swing(0.8 * found.fastest)
    assert outside[-1] > outside[4]
    assert inside[-1] < 0.5 * inside[4]
