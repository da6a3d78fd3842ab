"""A base year from arrays."""

from __future__ import annotations

import numpy as np
import pytest

from model import Closure, Shock, solve
from model.flows import gate_flows
from model.table import Elasticities, TableError, benchmark_from_flows, benchmark_from_shares

ALONE = Closure("exogenous", "given", "given")
REGIONS, SECTORS = 3, 5


def flows(seed: int = 0, empty: float = 0.2):
    """Intermediate (i,k,n,j) and final (i,k,n) flows with empty cells; what inputs leave of sales is positive."""
    rng = np.random.default_rng(seed)
    intermediate = rng.gamma(0.5, 1.0, (REGIONS, SECTORS, REGIONS, SECTORS))
    final = rng.gamma(1.0, 8.0, (REGIONS, SECTORS, REGIONS)) + 15 * np.eye(REGIONS)[:, None]
    intermediate[rng.random(intermediate.shape) < empty] = 0.0
    return intermediate, final


@pytest.mark.parametrize("classes", ["common", "intermediate_final", "sector"])
def test_the_base_year_is_a_solution_and_returns_its_flows(classes):
    intermediate, final = flows()
    b = benchmark_from_flows(intermediate, final, use_classes=classes)
    solution = solve(b, Shock(), ALONE)
    assert solution.iterations == 0
    total = intermediate.sum(axis=3) + final  # (i,k,n)
    np.testing.assert_allclose(gate_flows(solution), total.transpose(0, 2, 1), rtol=1e-12, atol=1e-12)


def test_output_value_added_and_deficits_follow_from_flows():
    intermediate, final = flows()
    b = benchmark_from_flows(intermediate, final)
    sales = intermediate.sum(axis=(2, 3)) + final.sum(axis=2)
    np.testing.assert_allclose(b.output, sales)
    np.testing.assert_allclose(b.factor_payment[:, 0], sales - intermediate.sum(axis=(0, 1)))
    spent = final.sum(axis=(0, 1))
    np.testing.assert_allclose(b.deficit, spent - b.factor_payment.sum(axis=(1, 2)))
    assert abs(b.deficit.sum()) < 1e-9 * spent.sum()


def test_taxes_are_paid_on_the_way():
    intermediate, final = flows()
    rng = np.random.default_rng(1)
    abroad = 1 - np.eye(REGIONS)[:, :, None]
    tariff = rng.uniform(0, 0.1, (REGIONS, REGIONS, SECTORS)) * abroad
    export_tax = rng.uniform(0, 0.1, (REGIONS, REGIONS, SECTORS)) * abroad
    b = benchmark_from_flows(intermediate, final, tariff=tariff, export_tax=export_tax)
    assert abs(b.deficit.sum()) < 1e-9 * b.final.sum()
    assert solve(b, Shock(), ALONE).iterations == 0


def test_shares_give_the_same_economy_as_flows():
    intermediate, final = flows()
    tariff = np.where(np.eye(REGIONS)[:, :, None] > 0, 0.0, 0.07) * np.ones((1, 1, SECTORS))
    b = benchmark_from_flows(intermediate, final, tariff=tariff, use_classes="intermediate_final")
    cost = b.use.sum(axis=1) + b.factor_payment.sum(axis=1)
    again = benchmark_from_shares(
        b.trade_share, b.use / cost[:, None], b.final / b.final.sum(axis=1, keepdims=True),
        b.factor_payment.sum(axis=(1, 2)), deficit=b.deficit, tariff=tariff, use_classes="intermediate_final",
    )  # fmt: skip
    np.testing.assert_allclose(again.output, b.output, rtol=1e-10)
    np.testing.assert_allclose(again.deficit, b.deficit, atol=1e-9 * b.final.sum())
    shock = Shock(tariff=2 * tariff)
    one, other = solve(b, shock, ALONE), solve(again, shock, ALONE)
    np.testing.assert_allclose(one.allocation.state.price, other.allocation.state.price, atol=1e-9)


def test_classes_of_use_matter_only_when_their_origins_differ():
    intermediate, final = flows(empty=0.0)
    total = intermediate.sum(axis=3) + final
    share = total / total.sum(axis=0)  # (i,k,n): the same origins for every use
    alike = share[..., None] * intermediate.sum(axis=0), share * final.sum(axis=0)
    shock = Shock(iceberg=np.where(np.eye(REGIONS)[:, :, None] > 0, 1.0, 1.3) * np.ones((1, 1, SECTORS)))
    prices = [
        solve(benchmark_from_flows(*alike, use_classes=classes), shock, ALONE).allocation.state.price
        for classes in ("common", "intermediate_final", "sector")
    ]
    np.testing.assert_allclose(prices[1], prices[0], atol=1e-10)
    np.testing.assert_allclose(prices[2], prices[0], atol=1e-10)


def test_factors_may_be_many_and_specific():
    intermediate, final = flows()
    share = np.stack([np.full((REGIONS, SECTORS), 0.6), np.full((REGIONS, SECTORS), 0.4)], axis=1)
    low = Elasticities(trade=3.0, final=0.5, materials=0.05, value_added=0.05, factor=0.05)
    b = benchmark_from_flows(
        intermediate,
        final,
        factor_share=share,
        mobility=(np.inf, 0.0),
        use_classes="sector",
        elasticities=low,
    )
    far = np.ones(b.export_tax.shape)
    far[1] = 2.5
    far[1, 1] = 1.0
    solution = solve(b, Shock(iceberg=far), ALONE)
    assert np.ptp(solution.allocation.state.rent[1, 0]) > 0.01  # rents of one region part ways


def test_a_negative_flow_is_named_and_refused_unless_asked_otherwise():
    intermediate, final = flows()
    final[2, 3, 1] = -4.5
    with pytest.raises(TableError, match=r"final holds 1 negative flows, the largest at \(2, 3, 1\) = -4.5"):
        benchmark_from_flows(intermediate, final)
    b = benchmark_from_flows(intermediate, final, negative="clip")
    assert solve(b, Shock(), ALONE).iterations == 0


def test_sectors_that_cannot_pay_for_their_inputs_are_named_or_scaled():
    intermediate, final = flows()
    intermediate[:, :, 0, 2] *= 100
    with pytest.raises(TableError, match=r"pay more for inputs than they sell for, the worst at \(0, 2\)"):
        benchmark_from_flows(intermediate, final)
    b = benchmark_from_flows(intermediate, final, negative="clip")
    assert (b.factor_payment >= 0).all()
    assert solve(b, Shock(), ALONE).iterations == 0


def test_empty_cells_cost_nothing_and_break_nothing():
    intermediate, final = flows(empty=0.5)
    intermediate[:, :, 1, 4] = 0.0  # a sector that does not exist
    intermediate[1, 4] = 0.0
    final[1, 4] = 0.0
    intermediate[:, 3, 2] = 0.0  # a good nobody in a region buys
    final[:, 3, 2] = 0.0
    b = benchmark_from_flows(intermediate, final)
    solution = solve(
        b, Shock(tariff=np.where(np.eye(REGIONS)[:, :, None] > 0, 0.0, 0.5) * np.ones((1, 1, SECTORS))), ALONE
    )
    assert all(np.isfinite(part).all() for part in solution.allocation.state)
    assert gate_flows(solution)[1, :, 4].sum() == 0.0


def test_shapes_that_do_not_fit_are_refused():
    intermediate, final = flows()
    with pytest.raises(TableError, match="do not fit"):
        benchmark_from_flows(intermediate, final[:, :2])
    with pytest.raises(TableError, match="factor_share"):
        benchmark_from_flows(intermediate, final, mobility=(np.inf, 0.0))
    with pytest.raises(TableError, match="not finite"):
        benchmark_from_flows(np.where(intermediate > 5, np.nan, intermediate), final)
