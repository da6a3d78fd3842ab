"""A small economy in tonnes and dollars per kg, without hats, solved by scipy.

Two regions, an ordinary good and two oxides that one sector makes jointly. Demands are derivatives of cost functions
(Shephard's lemma) and supplies derivatives of revenue functions (Hotelling's), in physical units: what a licence per
kg, smuggling, a stock, recycling, a production quota and given plant do is then a matter of adding up tonnes.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.optimize import root

from model import Shock, solve
from model.flows import gate_tonnes
from model.records import ProductionQuota, Quota
from model.table import Elasticities, Innovation, RareEarths, benchmark_from_flows
from model.welfare import real_income
from tests.instruments import EXOGENOUS

TRADE = np.array([3.0, 6.0, 8.0])
EPS, RHO, ETA, FACTOR, TAU, OMEGA = 0.4, 0.3, 0.6, 0.7, 0.5, 0.8
UNIT = np.array(
    [[1.0, 4.0, 40.0], [1.0, 6.0, 50.0]]
)  # USD per kg of oxides (million USD per unit of the good)
TAX, TARIFF, SUBSIDY = np.zeros((2, 2, 3)), np.zeros((2, 2, 3)), np.zeros((2, 2))
TAX[0, 1, 1:], TARIFF[[0, 1], [1, 0]], SUBSIDY[0, 1] = 0.2, 0.07, 0.05
LATER = np.where(TARIFF > 0, 0.12, 0.0)
KEPT, COST, INVESTED = (
    0.25,
    0.6,
    np.array([0.3, 0.8]),
)  # importers' part of rents, cost of recycling, USD million
PLANT, USE = np.array([1.0, 1.3]), np.zeros((2, 3))
USE[1, 1] = 0.15


def small():
    rng = np.random.default_rng(7)
    flows, final, make = np.zeros((2, 3, 2, 2)), np.zeros((2, 3, 2)), np.zeros((2, 2, 3))
    flows[:, 0, :, 0], flows[:, 0, :, 1] = rng.uniform(5, 20, (2, 2)), rng.uniform(0.5, 1, (2, 2))
    flows[:, 1:, :, 0], final[:, 0] = rng.uniform(1, 3, (2, 2, 2)), rng.uniform(20, 40, (2, 2))
    make[:, 0, 0] = make[:, 1, 1] = make[:, 1, 2] = 1.0
    factor_share = np.array([[[1.0, 0.6], [0.0, 0.4]]] * 2)
    b = benchmark_from_flows(
        flows, final, factor_share=factor_share, mobility=(np.inf, 0.0), make=make, tariff=TARIFF, export_tax=TAX,
        subsidy=SUBSIDY, numeraire=(True, False), innovation=Innovation(options={"capacity_weight": np.array([OMEGA])}),
        elasticities=Elasticities(
            trade=TRADE, value_added=ETA, factor=FACTOR, ree=EPS, element=RHO, transformation=TAU
        ),
        rare_earths=RareEarths(
            np.array([1, 2]), np.array([1]), np.where(np.arange(3) > 0, UNIT, np.nan), np.ones(3)
        ),
    )  # fmt: skip
    sold = flows.sum(axis=3) + final  # (i,k,n) million USD at the gate
    return b, sold.transpose(0, 2, 1)


def ces(weights, prices, sigma):
    """Price of a unit that cost 1 at prices of 1, and the demand for each input per unit."""
    price = (weights * prices ** (1 - sigma)).sum() ** (1 / (1 - sigma))
    return price, weights * (price / prices) ** sigma


def purchases(b, sold, usd, licence):
    """Prices of the composites, and thousand tonnes (units) from each origin in one; (n,k), (i,n,k)."""
    before = UNIT[:, None] * (1 + TAX) * (1 + TARIFF)
    now = (usd[:, None] + licence) * (1 + TAX) * (1 + LATER)
    price, content = np.ones((2, 3)), np.zeros((2, 2, 3))
    for n, k in np.ndindex(2, 3):
        spent = sold[:, n, k] / UNIT[:, k] * before[:, n, k]
        weight = spent / spent.sum() * (PLANT**OMEGA if k else 1.0)
        price[n, k], amount = ces(weight / weight.sum(), now[:, n, k] / before[:, n, k], TRADE[k])
        content[:, n, k] = amount / before[:, n, k]
    return price, content


def production(b, n, paid, wage, rent, scale):
    """Unit cost of both sectors; their inputs of composites, labour and plant at these scales of output."""
    cost, goods, factors = np.ones(2), np.zeros(3), np.zeros((2, 2))
    for j in range(2):
        good, oxides, added = b.use[n, 0, j], b.use[n, 1:, j], b.factor_payment[n, :, j]
        other, total = good + added.sum(), good + added.sum() + oxides.sum()
        added_price, of_added = ces(added / added.sum(), np.array([wage, rent]), FACTOR)
        other_price, of_other = ces(
            np.array([good, added.sum()]) / other, np.array([paid[0], added_price]), ETA
        )
        oxide_price, of_oxides = (
            ces(oxides / max(oxides.sum(), 1e-9), paid[1:], RHO) if j == 0 else (1.0, 0.0)
        )
        cost[j], top = ces(np.array([oxides.sum(), other]) / total, np.array([oxide_price, other_price]), EPS)
        goods[0] += total * scale[j] * top[1] * of_other[0]
        goods[1:] += total * scale[j] * top[0] * of_oxides
        factors[:, j] = total * scale[j] * top[1] * of_other[1] * of_added
    return cost, goods, factors


def instruments(sold):
    """Tonnes of stocks and recycling (n,k), what exports and production were, and whose exports need a licence.

    per_tonne (n,k): million USD, at prices of the base year, of the composite that weighs a tonne in its own mix.
    """
    tonnes = sold * 1e3 / UNIT[:, None]
    paid = (sold * (1 + TAX) * (1 + TARIFF)).sum(axis=0)
    stock, recycled, covers = np.zeros((2, 3)), np.zeros((2, 3)), np.zeros((2, 2, 3), dtype=bool)
    stock[1, 1], stock[0, 2] = 0.1 * tonnes[:, 1, 1].sum(), -0.05 * tonnes[:, 0, 2].sum()
    recycled[1, 2] = 0.07 * tonnes[:, 1, 2].sum()
    covers[0, 1, 1:] = True
    return SimpleNamespace(
        tonnes=tonnes, stock=stock, recycled=recycled, covers=covers, exports=tonnes[covers].sum(),
        made=tonnes[0, :, 1:].sum(), per_tonne=paid / tonnes.sum(axis=0),
    )  # fmt: skip


def economy(b, sold, unknown, margin, limited):
    """What does not hold at prices, wages, rents, scales, incomes, licence prices and smuggling; and what they imply.

    margin: cost of smuggling in USD per kg, None without it; limited: whether region 0's production is limited too.
    """
    way = instruments(sold)
    price, (wage, rent) = np.exp(unknown[:6]).reshape(2, 3), np.exp(unknown[6:10]).reshape(2, 2)
    scale, income = np.exp(unknown[10:14]).reshape(2, 2), unknown[14:16] * b.final.sum(axis=1)
    chi, smuggled, levy = unknown[16], unknown[17] * way.exports, unknown[18]
    usd, licence = price * UNIT, np.where(way.covers, chi, 0.0)
    composite, content = purchases(b, sold, usd, licence)
    paid = composite * (1 - USE)
    parts = [production(b, n, paid[n], wage[n], rent[n], scale[n]) for n in range(2)]
    cost, goods, factors = (np.array([part[at] for part in parts]) for at in range(3))
    goods[:, 0] += income / paid[:, 0]
    stock, recycled = way.stock * way.per_tonne, way.recycled * way.per_tonne
    shipped = content * (goods - stock - recycled)  # (i,n,k) thousand tonnes
    kept = usd - np.array([[0.0, levy, levy], [0.0, 0.0, 0.0]])
    index, made, revenue = price.copy()[:, :2], np.zeros((2, 3)), np.zeros((2, 2))
    for i in range(2):
        index[i, 1], mix = ces(b.make[i, 1, 1:], kept[i, 1:] / UNIT[i, 1:], -TAU)
        made[i] = [b.output[i, 0] * scale[i, 0], *(b.output[i, 1] * scale[i, 1] * mix / UNIT[i, 1:])]
        revenue[i] = kept[i, 0] * made[i, 0], (kept[i, 1:] * made[i, 1:]).sum()
    border = shipped * (usd[:, None] + licence)
    rents, labour = shipped * licence, b.factor_payment[:, 0].sum(axis=1)
    plant = b.factor_payment[:, 1].sum(axis=1) * PLANT
    earned = (
        wage * labour + rent * plant + b.deficit
        + (border * (1 + TAX) * LATER).sum(axis=(0, 2)) + (border * TAX).sum(axis=(1, 2))
        + (1 - KEPT) * rents.sum(axis=(1, 2)) + KEPT * rents.sum(axis=(0, 2))
        + ((usd - kept) * made).sum(axis=1) + (composite * (stock + recycled)).sum(axis=1)
        - (SUBSIDY * revenue).sum(axis=1) - (USE * composite * goods).sum(axis=1)
    )  # fmt: skip
    budget = (income - earned) / b.final.sum(axis=1)
    exports = shipped[way.covers].sum() * 1e3
    wrong = [
        index - cost, (made - shipped.sum(axis=1)) / made, factors[:, 0].sum(axis=1) / labour - 1,
        factors[:, 1].sum(axis=1) / plant - 1, [(wage * labour).sum() / labour.sum() - 1], budget[1:],
        [(exports - smuggled) / (0.5 * way.exports) - 1, unknown[17] if margin is None else chi / margin - 1],
        [made[0, 1:].sum() * 1e3 / (0.8 * way.made) - 1 if limited else levy],
    ]  # fmt: skip
    used_up = (smuggled * (margin or 0.0) / 1e3) * np.array([1 - KEPT, KEPT])
    left = income - used_up - (COST * recycled.sum(axis=1) + INVESTED) * paid[:, 0]
    return np.concatenate([np.ravel(part) for part in wrong]), SimpleNamespace(
        real=left / paid[:, 0] / b.final.sum(axis=1), price=price, tonnes=shipped * 1e3, licence=chi, smuggled=smuggled,
        levy=levy, left_out=budget[0],
    )  # fmt: skip


def shock_of(b, sold, margin, limited):
    """The same instruments for the model."""
    way, oxides = instruments(sold), np.array([False, True, True])
    quota = Quota(
        "licence", way.covers, 0.5 * way.exports, np.ones(3), leak_margin=margin, rent_to_importer=KEPT
    )
    limit = ProductionQuota("plants", 0, oxides, 0.8 * way.made, np.ones(3))
    return Shock(
        quotas=(quota,), production_quotas=(limit,) if limited else (), use_subsidy=USE, tariff=LATER,
        stock_release=way.stock, recycling=way.recycled, recycling_cost=np.full((2, 3), COST),
        capacity=np.log(PLANT)[:, None], capacity_investment=INVESTED,
    )  # fmt: skip


@pytest.mark.parametrize("limited", [False, True])
@pytest.mark.parametrize("leaks", [False, True])
def test_the_model_is_the_economy_in_kilos(leaks, limited):
    b, sold = small()
    start, margin = np.zeros(19), None
    start[14:16] = 1.0
    found = root(lambda x: economy(b, sold, x, None, limited)[0], start, tol=1e-13)
    if leaks:
        margin = 0.5 * found.x[16]
        found = root(lambda x: economy(b, sold, x, margin, limited)[0], found.x, tol=1e-13)
    wrong, there = economy(b, sold, found.x, margin, limited)
    assert np.abs(wrong).max() < 1e-12
    assert abs(there.left_out) < 1e-12  # the budget of the region left out
    assert there.licence > 0.1 and (there.smuggled > 1) == leaks and (there.levy > 0.1) == limited
    solution = solve(b, shock_of(b, sold, margin, limited), EXOGENOUS)
    state = solution.allocation.state
    assert solution.licence["licence"] == pytest.approx(there.licence, rel=1e-9)
    np.testing.assert_allclose(state.leak, [there.smuggled] if leaks else [], rtol=1e-9)
    np.testing.assert_allclose(state.production_licence, [there.levy] if limited else [], rtol=1e-9)
    np.testing.assert_allclose(np.exp(solution.allocation.price), there.price, rtol=1e-10)
    np.testing.assert_allclose(gate_tonnes(solution)[:, :, 1:], there.tonnes[:, :, 1:], rtol=1e-9)
    np.testing.assert_allclose(real_income(solution), there.real, rtol=1e-10)
