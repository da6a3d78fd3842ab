"""Quotas, licences, smuggling, embargoes: E12-E14 and section 5 of docs/model.md, read from published results."""

from functools import cache

import numpy as np
import pytest

from model import Closure, Shock, solve
from model.flows import gate_tonnes, licence_rates
from model.variables import results
from model.welfare import real_income
from tests import checks
from tests.instruments import DIRECTED, EXOGENOUS, awkward, exports_of, production_quota, quota_on

B = awkward(11)
N, J, K, _, E = B.shape
OF_ZERO = exports_of(B, 0, B.elements)
REO = np.linspace(0.4, 1.0, K)


def quota(ratio: float, b=B, **options):
    return quota_on(
        b,
        options.pop("name", "quota"),
        options.pop("covers", OF_ZERO),
        ratio,
        options.pop("weight", None),
        **options,
    )


@cache
def base():
    return solve(B, closure=DIRECTED)


@cache
def half():
    return solve(B, Shock(quotas=(quota(0.5),)), DIRECTED)


def same_bits(one, other) -> bool:
    pairs = zip(
        one.allocation.state[:8], other.allocation.state[:8], strict=True
    )  # quotas' own unknowns aside
    return all(first.tobytes() == second.tobytes() for first, second in pairs)


def assert_same(one, other, tolerance: float = 1e-9) -> None:
    for name in ("price", "output", "wage", "rent", "income", "research_x", "research_e"):
        checks.assert_close(
            name, getattr(one.allocation.state, name), getattr(other.allocation.state, name), tolerance
        )


# ------------------------------------------------------------------ slack and binding


@pytest.mark.parametrize(
    "closure", [DIRECTED, EXOGENOUS, Closure("directed", "target", "target")], ids=lambda c: c.regime
)
@pytest.mark.parametrize("ratio", [1.0, 1.0001, 3.0])
def test_a_slack_quota_changes_nothing_bit_for_bit(closure, ratio):
    tariff = Shock(tariff=B.tariff * 1.1)
    without, slack = (
        solve(B, tariff, closure),
        solve(B, tariff.replace(quotas=(quota(ratio * 1.05),)), closure),
    )
    assert slack.licence == {"quota": 0.0}
    assert same_bits(without, slack)


def test_a_quota_at_base_tonnes_changes_nothing():
    at_base = solve(B, Shock(quotas=(quota(1.0),)), DIRECTED)
    assert at_base.licence["quota"] < 1e-9
    assert_same(at_base, base())


def test_a_quota_that_another_makes_slack_leaves_no_trace():
    tight, loose = quota(0.3), quota(0.6, name="loose")
    both = solve(B, Shock(quotas=(tight, loose)), DIRECTED)
    assert both.licence["loose"] == 0.0
    assert same_bits(both, solve(B, Shock(quotas=(tight,)), DIRECTED))


def test_of_two_quotas_alike_the_first_has_the_price():
    twins = solve(B, Shock(quotas=(quota(0.5), quota(0.5, name="again"))), DIRECTED)
    assert twins.licence == half().licence | {"again": 0.0}
    assert same_bits(twins, half())


@pytest.mark.parametrize("ratio", [0.95, 0.5, 0.1, 0.01])
@pytest.mark.parametrize("weight", [None, REO], ids=["gross", "oxide"])
def test_tonnes_are_the_limit(ratio, weight):
    q = quota(ratio, weight=weight)
    solution = solve(B, Shock(quotas=(q,)), DIRECTED)
    sold = (np.where(q.covers, gate_tonnes(solution), 0.0) * q.weight).sum()
    assert sold == pytest.approx(q.limit, rel=1e-10)
    assert solution.licence["quota"] > 0


def test_goods_that_are_not_named_need_no_weight():
    """The REO content of an ordinary good is no number."""
    weight = np.where(np.isin(np.arange(K), B.elements), REO, np.nan)
    whole = solve(B, Shock(quotas=(quota(0.5, weight=REO),)), DIRECTED)
    limit = quota(0.5, weight=REO).limit
    found = solve(B, Shock(quotas=(quota(0.5).replace(limit=limit, weight=weight),)), DIRECTED)
    assert found.licence == whole.licence
    assert found.licence["quota"] > 0
    made = production_quota(B, 0.8)
    bare = made.replace(weight=np.where(made.goods, made.weight, np.nan))
    one, other = (solve(B, Shock(production_quotas=(limit,)), EXOGENOUS).allocation for limit in (made, bare))
    assert one.state.production_licence[0] > 0
    np.testing.assert_array_equal(other.price, one.price)


@pytest.mark.parametrize("changes", [{"limit": np.nan}, {"weight": np.full(K, np.nan)}])
def test_a_limit_or_weight_that_is_no_number_is_refused(changes):
    for one in (quota(0.5), production_quota(B, 0.8)):
        with pytest.raises(ValueError, match="needs a limit, and a weight"):
            one.replace(**changes)


def test_sales_at_home_need_no_licence():
    home = OF_ZERO.copy()
    home[0, 0] = home[0, 1]
    with pytest.raises(ValueError, match="'quota' covers sales at home"):
        quota(0.5, covers=home)


def test_a_tighter_quota_has_a_dearer_licence():
    prices = [solve(B, Shock(quotas=(quota(r),)), DIRECTED).licence["quota"] for r in (0.9, 0.7, 0.5, 0.3)]
    assert np.all(np.diff(prices) > 0)


# ------------------------------------------------------------------ the licence price


def test_a_specific_licence_is_one_price_a_kilo():
    chi, rates = half().licence["quota"], licence_rates(half())
    for k in B.elements:
        gate = np.exp(half().allocation.state.price[0, k]) * B.unit_value[0, k]  # USD per kg
        checks.assert_close("licence", rates[0, 1:, k] * gate, chi, 1e-12)
    assert not rates[1:].any() and not rates[0, 0].any()
    assert not rates[:, :, [k for k in range(K) if k not in B.elements]].any()


def test_cheap_elements_rise_most_abroad_and_none_at_home():
    table = results(half(), base())
    cheap_first = np.argsort(B.unit_value[0, B.elements])
    ratio = (table["border_price"] / table["producer_price"][:, B.elements])[0, cheap_first]
    assert np.all(np.diff(ratio) < 0) and np.all(ratio > 1)
    tonnes = results(base(), base())["tonnes"][0, 0]
    at_home = (tonnes * table["gate_value"][0]).sum() / (tonnes * B.unit_value[0, B.elements]).sum()
    assert at_home < 1  # what may not be exported is sold at home
    assert table["licence_rent"][0] > 0 and not table["licence_rent"][1:].any()


def test_the_licence_is_paid_before_the_export_duty():
    """E14: abroad it costs chi (1+x)(1+t) d."""
    from model.flows import delivered_price

    chi, price = half().licence["quota"], np.exp(half().allocation.state.price)
    k = int(B.elements[0])
    for n in range(1, N):
        duty = (1 + B.export_tax[0, n, k]) * (1 + B.tariff[0, n, k])
        paid = delivered_price(half())[0, n, k] * B.unit_value[0, k] * duty
        assert paid == pytest.approx((price[0, k] * B.unit_value[0, k] + chi) * duty, rel=1e-12)


def test_taxes_of_the_same_rates_give_the_same_allocation():
    """1 + x' = (1 + x0)(1 + l), good by good."""
    tax = (1 + B.export_tax) * (1 + licence_rates(half())) - 1
    assert_same(solve(B, Shock(export_tax=tax), DIRECTED), half())


@pytest.mark.parametrize("share", [0.0, 0.35])
def test_an_ad_valorem_licence_is_a_uniform_tax(share):
    """The tax-equivalent of a quota: one rate, the same tonnes. Rents that buyers keep are a transfer besides."""
    q = quota(0.5, specific=False, rent_to_importer=share)
    licence = solve(B, Shock(quotas=(q,)), DIRECTED)
    rate = licence.licence["quota"]
    tax = np.where(OF_ZERO, (1 + B.export_tax) * (1 + rate) - 1, B.export_tax)
    taxed = solve(B, Shock(export_tax=tax), DIRECTED)
    sold = np.where(OF_ZERO, gate_tonnes(taxed), 0.0).sum()
    if share == 0.0:
        assert_same(licence, taxed)
        assert sold == pytest.approx(q.limit, rel=1e-9)
    else:
        gain = real_income(licence) - real_income(taxed)
        assert gain[0] < 0 and np.all(gain[1:] > 0)


def test_a_uniform_tax_and_a_specific_licence_differ_in_the_mix():
    uniform = solve(B, Shock(quotas=(quota(0.5, specific=False),)), DIRECTED)
    mixes = [
        np.where(OF_ZERO, gate_tonnes(s), 0.0)[0].sum(axis=0)[B.elements] for s in (base(), half(), uniform)
    ]
    assert mixes[1].sum() == pytest.approx(mixes[2].sum(), rel=1e-9)
    ratio = (mixes[1] / mixes[2])[np.argsort(B.unit_value[0, B.elements])]
    assert ratio[0] < 0.99 and ratio[-1] > 1.01  # a price per kilo weighs most on cheap elements


# ------------------------------------------------------------------ several quotas, zero, smuggling, production


def test_overlapping_licences_add():
    heavy = quota(0.2, name="heavy", covers=exports_of(B, 0, B.elements[-2:]))
    solution = solve(B, Shock(quotas=(quota(0.5), heavy)), DIRECTED)
    chi = solution.licence
    assert chi["quota"] > 0 and chi["heavy"] > 0
    per_kg = licence_rates(solution)[0, 1] * np.exp(solution.allocation.state.price[0]) * B.unit_value[0]
    checks.assert_close("light", per_kg[B.elements[:-2]], chi["quota"], 1e-11)
    checks.assert_close("heavy", per_kg[B.elements[-2:]], chi["quota"] + chi["heavy"], 1e-11)


def test_two_quotas_that_halve_the_market_are_one():
    """Separate limits for buyers at the tonnes a common limit gives them: the same prices."""
    sold = np.where(OF_ZERO, gate_tonnes(half()), 0.0).sum(axis=(0, 2))
    parts = []
    for n in range(1, N):
        covers = OF_ZERO.copy()
        covers[:, [m for m in range(N) if m != n]] = False
        parts.append(quota(1.0, name=f"to {n}", covers=covers).replace(limit=float(sold[n])))
    solution = solve(B, Shock(quotas=tuple(parts)), DIRECTED)
    assert_same(solution, half())
    assert list(solution.licence.values()) == pytest.approx([half().licence["quota"]] * (N - 1), rel=1e-8)


def test_a_limit_of_zero_is_an_embargo():
    none, embargo = (
        solve(B, Shock(quotas=(quota(0.0),)), DIRECTED),
        solve(B, Shock(embargo=OF_ZERO), DIRECTED),
    )
    assert same_bits(none, embargo)
    assert not gate_tonnes(embargo)[OF_ZERO].any()


def test_almost_nothing_is_almost_an_embargo():
    embargo = solve(B, Shock(embargo=OF_ZERO), DIRECTED)
    gaps = []
    for ratio in (1e-2, 1e-4):
        quotas = solve(B, Shock(quotas=(quota(ratio),)), DIRECTED)
        gaps.append(np.abs(quotas.allocation.state.price - embargo.allocation.state.price).max())
    assert gaps[1] < 0.1 * gaps[0] < 0.1


def test_smuggling_caps_the_licence_price():
    chi = half().licence["quota"]
    free = solve(B, Shock(quotas=(quota(0.5, leak_margin=2 * chi),)), DIRECTED)
    assert free.licence["quota"] == pytest.approx(chi, rel=1e-9)
    assert free.allocation.state.leak[0] == pytest.approx(0.0, abs=1e-6)
    leaky = solve(B, Shock(quotas=(quota(0.5, leak_margin=0.4 * chi),)), DIRECTED)
    leak, limit = leaky.allocation.state.leak[0], quota(0.5).limit
    assert leaky.licence["quota"] == pytest.approx(0.4 * chi, rel=1e-9)
    assert leak > 0.05 * limit
    sold = np.where(OF_ZERO, gate_tonnes(leaky), 0.0).sum()
    assert sold - leak == pytest.approx(limit, rel=1e-9)
    # margin times smuggled tonnes is used up: the same allocation without smuggling costs consumes that much more
    cost = 0.4 * chi * leak * 1e3 / 1e6
    income = B.final.sum(axis=1)[0] * np.exp(leaky.allocation.state.income[0])
    price = np.exp(leaky.allocation.spending.final_price[0])
    assert real_income(leaky)[0] == pytest.approx((income - cost) / price / B.final.sum(axis=1)[0], rel=1e-12)
    assert results(leaky, base())["licence_rent"][0] == pytest.approx(0.4 * chi * limit / 1e3, rel=1e-8)


@pytest.mark.parametrize("margin", [0.05, 0.5, 5.0])
@pytest.mark.parametrize("ratio", [1e-2, 1e-4, 1e-6])
def test_nearly_all_may_be_smuggled(ratio, margin):
    """What smuggling adds to a tight limit counts in tonnes, not in logs of what little is left of the limit."""
    tight = quota(ratio, leak_margin=margin)
    solution = solve(B, Shock(quotas=(tight,)), EXOGENOUS)
    sold = np.where(OF_ZERO, gate_tonnes(solution), 0.0).sum()
    leak = solution.allocation.state.leak[0]
    assert sold == pytest.approx(tight.limit + leak, rel=1e-9)
    assert leak > 10 * tight.limit
    assert solution.licence["quota"] == pytest.approx(margin, rel=1e-6)


@pytest.mark.parametrize("share", [0.0, 0.35, 1.0])
def test_nobody_receives_a_rent_on_what_is_smuggled(share):
    """With smugglers' margin spent there is rent on the limit alone, shared between exporter and buyers as it is."""
    chi = half().licence["quota"]
    q = quota(0.5, leak_margin=0.4 * chi, rent_to_importer=share)
    leaky = solve(B, Shock(quotas=(q,)), DIRECTED)
    assert leaky.allocation.state.leak[0] > 0.05 * q.limit
    bought = np.where(OF_ZERO, gate_tonnes(leaky) * q.weight, 0.0)[0].sum(axis=1)
    rent = 0.4 * chi * q.limit / 1e3
    expected = share * rent * bought / bought.sum()
    expected[0] += (1 - share) * rent
    np.testing.assert_allclose(results(leaky, base())["licence_rent"], expected, rtol=1e-7, atol=1e-7 * rent)


def test_a_production_quota_binds_and_its_rent_stays():
    q = production_quota(B, 0.6)
    solution = solve(B, Shock(production_quotas=(q,)), DIRECTED)
    gate = gate_tonnes(solution)[q.origin]
    made = (gate * q.weight)[:, q.goods].sum()
    assert made == pytest.approx(q.limit, rel=1e-9)
    table = results(solution, base())
    chi = solution.allocation.state.production_licence[0]
    assert table["licence_rent"][q.origin] == pytest.approx(chi * q.limit / 1e3, rel=1e-9)
    assert not np.delete(table["licence_rent"], q.origin).any()
    assert np.all(
        table["producer_price"][q.origin, B.elements] > 1
    )  # dearer at home too, unlike an export quota


def test_a_slack_production_quota_has_no_rent():
    solution = solve(B, Shock(production_quotas=(production_quota(B, 1.2),)), DIRECTED)
    assert solution.allocation.state.production_licence[0] == pytest.approx(0.0, abs=1e-9)
    assert_same(solution, base())


@pytest.mark.parametrize("closed", [2, 5])
@pytest.mark.parametrize("tau", [0.0, 0.2])
def test_what_nobody_may_buy_needs_no_licence_to_be_made(tau, closed):
    """It is thrown away: a quota that names it is the quota that does not."""
    b = B.replace(parameters=B.parameters.replace(transformation_elasticity=np.full(J, tau)))
    mines = production_quota(b, 0.01)
    embargo = np.zeros(b.export_tax.shape, dtype=bool)
    embargo[mines.origin][:, b.elements[:closed]] = True  # home included
    others = mines.goods.copy()
    others[b.elements[:closed]] = False
    limits = (mines.replace(goods=others),) if others.any() else ()
    with_it, without = (
        solve(b, Shock(embargo=embargo, production_quotas=quotas), DIRECTED) for quotas in ((mines,), limits)
    )
    np.testing.assert_allclose(
        with_it.allocation.income,
        without.allocation.income,
        rtol=1e-9,
        atol=1e-9 * without.allocation.income.max(),
    )
    chi = with_it.allocation.state.production_licence
    assert chi == pytest.approx(without.allocation.state.production_licence if limits else [0.0], rel=1e-8)
    assert (chi[0] > 0.1) == bool(limits)


# ------------------------------------------------------------------ licences of the base year

LICENSED = awkward(12, licence=True)


def test_a_licence_of_the_base_year_is_kept_and_binds_at_base_tonnes():
    solution = solve(LICENSED, closure=DIRECTED)
    assert list(solution.licence.values()) == [2.0]
    cheaper = np.exp(
        np.full((N, J), 0.05)
    )  # more productive everywhere: more would be sold, so the licence is dearer
    grown = solve(LICENSED, Shock(productivity=cheaper), DIRECTED)
    assert next(iter(grown.licence.values())) > 0
    sold = [np.where(OF_ZERO, gate_tonnes(s), 0.0).sum() for s in (solution, grown)]
    assert sold[1] == pytest.approx(sold[0], rel=1e-9)


def test_without_its_licence_more_is_sold_and_the_rent_is_gone():
    freed = solve(LICENSED, Shock(remove_base_licence=True), DIRECTED)
    kept = solve(LICENSED, closure=DIRECTED)
    assert freed.licence == {}
    assert (
        np.where(OF_ZERO, gate_tonnes(freed), 0).sum() > 1.01 * np.where(OF_ZERO, gate_tonnes(kept), 0).sum()
    )
    assert not results(freed, kept)["licence_rent"].any()
    assert np.all(results(freed, kept)["border_price"][0] < 1)


def test_an_embargo_takes_the_place_of_a_licence():
    """The licence of the base year is on trade that no longer exists."""
    solution = solve(LICENSED, Shock(embargo=OF_ZERO), DIRECTED)
    assert solution.converged and solution.licence == {}


def test_a_quota_over_trade_that_does_not_exist_changes_nothing():
    sparse = awkward(13, sparse=True)
    absent = exports_of(sparse, 0, sparse.elements) & (sparse.trade_share[0] == 0)
    assert absent.any()
    nothing = quota(1.0, b=B).replace(covers=absent, limit=5.0)
    assert same_bits(solve(sparse, Shock(quotas=(nothing,)), DIRECTED), solve(sparse, closure=DIRECTED))
