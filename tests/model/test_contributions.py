"""Decompositions add up, do not depend on an order, and match what first-order theory says."""

import numpy as np
import pytest

from model import Closure, Shock, solve
from model.decomposition import contributions, first_order, shapley, technology_parts
from model.welfare import real_income, technology
from tests.independent import base_gate, base_licence, published, recompute
from tests.instruments import EXOGENOUS, awkward, exports_of, quota_on
from tests.worlds import quota, world


def log_income(solution):
    return np.log(real_income(solution))


def test_shapley_of_an_additive_game_is_each_players_part():
    parts = {"a": np.array([1.0, 2.0]), "b": np.array([-3.0, 0.5]), "c": np.array([0.0, 4.0])}
    found = shapley(list(parts), lambda group: sum((parts[p] for p in group), np.zeros(2)))
    for name, part in parts.items():
        np.testing.assert_allclose(found[name], part, atol=1e-15)


def test_shapley_splits_an_interaction_equally():
    found = shapley(["a", "b"], lambda group: np.array([6.0 if len(group) == 2 else 0.0]))
    assert found["a"] == found["b"] == 3.0


def test_too_many_players_are_refused():
    with pytest.raises(ValueError, match="2\\^11 solves"):
        shapley([str(p) for p in range(11)], lambda group: np.zeros(1))


@pytest.mark.parametrize("capacity", ["given", "target"])
def test_contributions_add_up_to_the_change(capacity):
    bench, _ = world(1, research_closure="sector")
    limit = quota(bench, 0.5)
    tax = bench.export_tax * 1.5
    solution = solve(
        bench, Shock(quotas=(limit,), export_tax=tax), Closure("directed_with_spillovers", "target", capacity)
    )
    instruments = {
        "quota": lambda shock: shock.replace(quotas=(limit,)),
        "tax": lambda shock: shock.replace(export_tax=tax),
    }
    found = contributions(bench, solution, instruments, log_income)
    expected = {"quota", "tax", "direction", "spillovers", "breadth"} | (
        {"capacity"} if capacity == "target" else set()
    )
    assert set(found) == expected
    np.testing.assert_allclose(sum(found.values()), log_income(solution), atol=1e-9)
    assert all(np.abs(part).max() > 1e-9 for part in found.values())


def test_plant_of_one_stage_in_one_region_is_a_part():
    bench = awkward()
    plant = np.zeros((len(bench.output), len(bench.stage_sector)))
    plant[1, 0] = 0.3
    solution = solve(bench, Shock(capacity=plant), EXOGENOUS)
    found = contributions(bench, solution, {}, log_income)
    assert set(found) == {"capacity"}
    np.testing.assert_allclose(found["capacity"], log_income(solution), atol=1e-12)


@pytest.mark.parametrize("regime", ["directed", "directed_with_spillovers"])
def test_parts_of_technology_add_up(regime):
    bench, _ = world(2, research_closure="sector")
    solution = solve(bench, Shock(quotas=(quota(bench, 0.5),)), Closure(regime))
    np.testing.assert_allclose(sum(technology_parts(solution).values()), technology(solution), atol=1e-14)


def test_first_order_formula_is_the_limit_of_the_exact_change():
    bench, _ = world(4, research=False, subsidies=False)
    base = solve(bench, closure=Closure("exogenous", "given"))
    errors = []
    for size in (1e-2, 5e-3):
        shock = Shock(tariff=bench.tariff * (1 + size), export_tax=bench.export_tax * (1 - size))
        solution = solve(bench, shock, Closure("exogenous", "given"))
        errors.append(np.abs(first_order(solution, base).total - log_income(solution)).max() / size)
    assert errors[1] < 0.7 * errors[0], errors  # the error is of second order


def test_first_order_formula_in_loops_where_trade_is_taxed_licensed_and_stopped():
    b = awkward(1, licence=True, sparse=True)
    foreign = ~np.eye(4, dtype=bool)[:, :, None]
    closed = exports_of(b, 1, b.elements[:2])
    shock = Shock(
        tariff=b.tariff + 0.1 * foreign,
        export_tax=b.export_tax + 0.2 * foreign,
        embargo=closed,
        quotas=(quota_on(b, "quota", exports_of(b, 0, b.elements), 0.5),),
    )
    solution, base = solve(b, shock, EXOGENOUS), solve(b, Shock(), EXOGENOUS)
    w, old = recompute(b, shock, EXOGENOUS, published(solution)), base_gate(b)
    income, rise = b.final.sum(axis=1), np.log(w.p.price)
    found = first_order(solution, base)
    assert (old[closed] > 0).any()
    assert (w.licence[0, 1, b.elements] > 0).all()
    assert (old[1:, 0, :] == 0).any()  # trade that never was

    def border(i, n, k):
        """Value at the border before, and how far its price rose."""
        before = (1 + b.export_tax[i, n, k]) * (1 + base_licence(b, i, n, k))
        after = (1 + shock.export_tax[i, n, k]) * (1 + w.licence[i, n, k])
        return old[i, n, k] * before, rise[i, k] + np.log(after / before)

    def growth(i, n, k):
        """Of a volume; what stops loses all of it."""
        if old[i, n, k] == 0:
            return 0.0
        return np.log(w.gate[i, n, k] / old[i, n, k]) - rise[i, k] if w.gate[i, n, k] > 0 else -1.0

    for n, i, k in np.ndindex(*old.shape):
        if n == i:
            assert found.terms_of_trade[n, i, k] == found.volume_of_trade[n, i, k] == 0
            continue
        (sold, up), (bought, up_there) = border(n, i, k), border(i, n, k)
        terms = (sold * up - bought * up_there) / income[n]
        assert found.terms_of_trade[n, i, k] == pytest.approx(terms, rel=1e-8, abs=1e-12)
        volume = (sold - old[n, i, k]) * growth(n, i, k) + b.tariff[i, n, k] * bought * growth(i, n, k)
        assert found.volume_of_trade[n, i, k] == pytest.approx(volume / income[n], rel=1e-8, abs=1e-12)
    total = (found.terms_of_trade + found.volume_of_trade).sum(axis=(1, 2))
    np.testing.assert_array_equal(found.total, total)


def test_real_income_with_stocks_sold_counts_them_only_when_asked():
    bench, _ = world(5, research_closure="sector")
    release = np.zeros(bench.final.shape)
    release[1, bench.elements] = 20.0
    solution = solve(bench, Shock(stock_release=release), Closure("exogenous", "given"))
    value = solution.allocation.spending.stock[1].sum()
    gap = real_income(solution) - real_income(solution, asset_sales=False)
    price = np.exp(solution.allocation.spending.final_price[1])
    np.testing.assert_allclose(gap[1] * solution.system.income_base[1] * price, value, rtol=1e-10)
    np.testing.assert_allclose(gap[[0, 2]], 0, atol=1e-15)
