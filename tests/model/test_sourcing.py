"""Sourcing under wedges that nobody escapes: nothing may cancel, however small what is left."""

from __future__ import annotations

import numpy as np
import pytest

from model import Closure, Shock, solve
from model.prepare import prepare
from model.table import Elasticities, benchmark_from_flows

ALONE = Closure("exogenous", "given", "given")
REGIONS, GOODS = 3, 2


def buyer_of_all(home: float, trade=20.0):
    """Region 2 makes next to nothing of good 0 (home: how much of what others would make)."""
    rng = np.random.default_rng(0)
    flows = rng.uniform(0.1, 1.0, (REGIONS, GOODS, REGIONS, GOODS))
    final = rng.uniform(5.0, 9.0, (REGIONS, GOODS, REGIONS))
    flows[2, 0] *= home
    final[2, 0] *= home
    flows[:, :, 2, 0] *= home
    return benchmark_from_flows(flows, final, elasticities=Elasticities(trade=trade))


def taxed(rate: float):
    """Region 2 charges the same on good 0 of both others."""
    tariff = np.zeros((REGIONS, REGIONS, GOODS))
    tariff[:2, 2, 0] = rate
    return Shock(tariff=tariff)


def left_out(solution) -> float:
    """Walras' law: by how much the budget that no equation holds is off, in world income."""
    income = solution.system.income_base * np.exp(solution.allocation.state.income)
    return float(np.abs(income - solution.allocation.income).max() / income.sum())


@pytest.mark.parametrize("trade", [0.5, 1.0, 9.0, 20.0])
@pytest.mark.parametrize("rate", [0.25, 10.0, 100.0])
def test_a_tax_on_all_origins_alike_changes_no_share_and_raises_the_price_by_its_rate(rate, trade):
    b = buyer_of_all(0.0, trade)
    s = prepare(b, taxed(rate), ALONE, ()).sourcing
    np.testing.assert_allclose(s.weight[0, 0, 2], b.trade_share[0, :, 2, 0], rtol=1e-13)
    np.testing.assert_allclose(s.level[0, 0, 2] / s.rho[0], np.log1p(rate), rtol=1e-13)


@pytest.mark.parametrize("home", [0.0, 1e-13, 1e-6])
@pytest.mark.parametrize("rate", [10.0, 30.0, 100.0])
def test_budgets_hold_whatever_a_region_without_a_maker_charges(home, rate):
    """What is left of the powers of prices, 101^-19 = 1e-38, is far below the rounding of 1."""
    solution = solve(buyer_of_all(home), taxed(rate), ALONE)
    assert left_out(solution) < 1e-10


def test_budgets_hold_where_an_embargo_leaves_a_trifle_of_origins():
    embargo = np.zeros((REGIONS, REGIONS, GOODS), dtype=bool)
    embargo[:2, 2, 0] = True
    solution = solve(buyer_of_all(1e-13, 9.0), Shock(embargo=embargo), ALONE)
    assert left_out(solution) < 1e-10


def test_shares_of_open_origins_sum_to_one_and_prices_say_what_closed():
    """Of origins with shares a third, one closed: P = (2/3)^(1/(1-sigma)) at base producer prices."""
    flows = np.ones((3, 1, 3, 1)) * 0.1
    b = benchmark_from_flows(flows, np.ones((3, 1, 3)), elasticities=Elasticities(trade=4.0))
    embargo = np.zeros((3, 3, 1), dtype=bool)
    embargo[0, 2] = True
    s = prepare(b, Shock(embargo=embargo), ALONE, ()).sourcing
    np.testing.assert_allclose(s.weight[0, 0, 2], [0.0, 0.5, 0.5], rtol=1e-14)
    np.testing.assert_allclose(s.level[0, 0], [0.0, 0.0, np.log(2 / 3)], rtol=1e-14)


def test_wedges_of_any_size_leave_finite_shares():
    """A cost of 1e40 on all but home: its power, e^-1750, is nothing, and the other's not infinite."""
    b = buyer_of_all(1e-3)
    far = np.where(np.eye(REGIONS, dtype=bool)[:, :, None], 1.0, 1e40) * np.ones(b.export_tax.shape)
    s = prepare(b, Shock(iceberg=far), ALONE, ()).sourcing
    np.testing.assert_allclose(s.weight[0, 0], np.eye(REGIONS), atol=1e-15)
    np.testing.assert_allclose(s.level[0, 0], np.log(b.trade_share[0, :, :, 0].diagonal()), rtol=1e-12)
