"""Terms of trade (section 8) against what they stand for: a way of many small steps from the base year to a cut."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from model import Shock, solve
from model.flows import export_price, gate_flows, rent_left_abroad
from model.welfare import equivalent_variation, terms_of_trade, trade_deficit
from tests.instruments import EXOGENOUS, awkward, exports_of, quota_on

FREE = {"taxes": False, "research": False, "deficits": False, "subsidies": False}
STEPS, LAST = 200, 1e-5  # of tonnes, let through at the end of the way


def way(b, **options):
    """Solutions under quotas on all elements of region 0 that let ever less through, from the base year on."""
    covers, found = exports_of(b, 0, b.elements), [solve(b, Shock(), EXOGENOUS)]
    for ratio in LAST ** (np.arange(1, STEPS + 1) / STEPS):
        quota = quota_on(b, "quota", covers, ratio, **options)
        found.append(solve(b, Shock(quotas=(quota,)), EXOGENOUS, start=found[-1]))
    return found


def earned(solution, deflator):
    """(i,n,k) what a unit brings the country that exports it, deflated, and quantity; both 0 at home."""
    gate = np.exp(solution.allocation.price)[:, None, :]
    abroad = ~np.eye(len(gate), dtype=bool)[:, :, None]
    price = (export_price(solution) - gate * rent_left_abroad(solution)) / deflator
    return abroad * price, abroad * gate_flows(solution) / gate


def step_by_step(found):
    """(n,) million USD: changes of border prices at mean quantities (Bennet), added up over small steps."""
    total = np.zeros(len(found[0].system.income_base))
    for n in range(len(total)):
        for before, after in pairwise(found):
            (p0, q0), (p1, q1) = (
                earned(s, np.exp(s.allocation.spending.final_price[n])) for s in (before, after)
            )
            change = (p1 - p0) * (q0 + q1) / 2
            total[n] += change[n].sum() - change[:, n].sum()
    return total


@pytest.mark.parametrize("rent_to_importer", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("options", [FREE, {}, {"sigma": 2.2}], ids=["free trade", "taxed", "inelastic"])
def test_they_are_the_sum_of_small_steps(options, rent_to_importer):
    """With half of the trade left within 1 % of the largest gain or loss; with a hundredth, or none, within 4 %."""
    b = awkward(1, **options)
    found = way(b, rent_to_importer=rent_to_importer)
    for last, tolerance in ((12, 0.01), (80, 0.04), (STEPS, 0.04)):
        some = found[: last + 1]
        exact = step_by_step(some)
        off = np.abs(terms_of_trade(some[-1], some[0]) - exact).max()
        assert off < tolerance * np.abs(exact).max()


def test_of_buyers_under_free_trade_they_are_the_change_of_real_income():
    """Nothing else moves it: at any cut, and under an embargo, which ends the trade completely."""
    b = awkward(0, **FREE)
    base, covers = solve(b, Shock(), EXOGENOUS), exports_of(b, 0, b.elements)
    shocks = [Shock(quotas=(quota_on(b, "quota", covers, ratio),)) for ratio in (0.9, 0.5, 0.1, 0.01)]
    for shock in [*shocks, Shock(embargo=covers)]:
        after = solve(b, shock, EXOGENOUS)
        terms, gain = terms_of_trade(after, base)[1:], equivalent_variation(after)[1:]
        assert np.abs(terms - gain).max() < 0.005 * np.abs(gain).max()


@pytest.mark.parametrize("seed", range(3))
def test_an_embargo_is_the_end_of_ever_smaller_quotas(seed):
    b = awkward(seed)
    base, covers = solve(b, Shock(), EXOGENOUS), exports_of(b, 0, b.elements)
    closed = terms_of_trade(solve(b, Shock(embargo=covers), EXOGENOUS), base)
    for ratio in (1e-4, 1e-6):
        quota = quota_on(b, "quota", covers, ratio)
        nearly = terms_of_trade(solve(b, Shock(quotas=(quota,)), EXOGENOUS), base)
        assert np.abs(nearly - closed).max() < 1e-2 * np.abs(closed).max()
    assert np.abs(nearly - closed).max() < 1e-4 * np.abs(closed).max()


@pytest.mark.parametrize("rule", ["fixed", "share_of_world_income"])
def test_with_what_a_deficit_buys_they_are_all_that_a_small_tariff_does(rule):
    """Free trade: what is left is of second order, a loss of who sets it; what a deficit buys is of first order."""
    b = awkward(0, **FREE | {"deficits": True}, deficit_rule=rule)
    base, rest = solve(b, Shock(), EXOGENOUS), []
    for rate in (1e-3, 2e-3):
        tariff = np.zeros_like(b.tariff)
        tariff[:, 1] = rate
        tariff[1, 1] = 0.0
        after = solve(b, Shock(tariff=tariff), EXOGENOUS)
        worth = trade_deficit(after) / np.exp(after.allocation.spending.final_price) - b.deficit
        gain = equivalent_variation(after)
        rest.append(gain - terms_of_trade(after, base) - worth)
        assert np.abs(np.delete(rest[-1], 1)).max() < 1e-4 * np.abs(np.delete(worth, 1)).max()
    assert rest[0][1] < 0 < gain[1]
    np.testing.assert_allclose(rest[1][1] / rest[0][1], 4, rtol=0.02)
