"""A base year from arrays."""

from __future__ import annotations

import numpy as np
import pytest

from model import Closure, Shock, solve
from model.flows import gate_flows
from model.table import (
    Elasticities,
    Innovation,
    RareEarths,
    TableError,
    benchmark_from_flows,
    benchmark_from_shares,
)
from model.variables import VARIABLES, results
from tests import checks
from tests.instruments import Case

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


# ------------------------------------------------------------------ every field, in loops

JOINT = np.array([[1.0, 0, 0, 0.25], [0, 1, 1, 0], [0, 0, 0, 0.75]])
"""(j,k) two goods of one sector; one good of two sectors; and what a sector that makes no more than a part."""


def rich(classes="common", **changes):
    """Three regions, three sectors, four goods, two factors, taxes, subsidies, research; a sector that is empty."""
    rng = np.random.default_rng(5)
    intermediate, final = rng.uniform(0.2, 1.0, (3, 4, 3, 3)), rng.uniform(5, 9, (3, 4, 3))
    make = np.broadcast_to(JOINT, (3, 3, 4)).copy()
    make[2] = [[1, 0, 0, 1], [0, 1, 1, 0], [0, 0, 0, 0]]  # in region 2 the third sector does not exist
    intermediate[:, :, 2, 2] = 0.0
    abroad = ~np.eye(3, dtype=bool)[:, :, None]
    options = {
        "make": make,
        "tariff": rng.uniform(0, 0.2, (3, 3, 4)) * abroad,
        "export_tax": rng.uniform(0, 0.2, (3, 3, 4)) * abroad,
        "subsidy": rng.uniform(0, 0.1, (3, 3)),
        "factor_share": rng.dirichlet([2.0, 1.0], (3, 3)).transpose(0, 2, 1),
        "mobility": (np.inf, 0.5),
        "innovation": Innovation(share=0.04, elasticity=0.3),
        "use_classes": classes,
    } | changes
    return intermediate, final, options


@pytest.mark.parametrize("licence", [None, np.linspace(0.0, 3.0, 12).reshape(3, 4)])
@pytest.mark.parametrize("classes", ["common", "intermediate_final", "sector"])
def test_every_field_is_what_the_flows_say(classes, licence):
    intermediate, final, options = rich(classes)
    if licence is not None:
        none = np.array([], dtype=int)
        options["rare_earths"] = RareEarths(none, none, np.full((3, 4), 7.0), np.ones(4), licence)
    rate = np.zeros((3, 4)) if licence is None else licence / 7.0
    b = benchmark_from_flows(intermediate, final, **options)
    make, tariff, tax, subsidy = (options[name] for name in ("make", "tariff", "export_tax", "subsidy"))
    sales, output = np.zeros((3, 4)), np.zeros((3, 3))
    for i, k in np.ndindex(3, 4):
        sales[i, k] = intermediate[i, k].sum() + final[i, k].sum()
        for j in range(3):
            output[i, j] += make[i, j, k] / make[i, :, k].sum() * sales[i, k]
    np.testing.assert_allclose(b.output, output, rtol=1e-13)
    assert output[2, 2] == 0
    for i, j, k in np.ndindex(3, 3, 4):
        part = make[i, j, k] / make[i, :, k].sum() * sales[i, k]
        assert b.make[i, j, k] == pytest.approx(part / output[i, j] if output[i, j] else 0.0, rel=1e-13)

    def paid(i, k, n):
        return (1 + tariff[i, n, k]) * (1 + tax[i, n, k]) * (1 + rate[i, k] * (i != n))

    research = np.where(output > 0, 0.04, 0.0)
    np.testing.assert_array_equal(b.research_share, research)
    income = np.zeros(3)
    for n, j in np.ndindex(3, 3):
        bought = [sum(intermediate[i, k, n, j] * paid(i, k, n) for i in range(3)) for k in range(4)]
        np.testing.assert_allclose(b.use[n, :, j], bought, rtol=1e-13)
        cost = (1 - research[n, j]) * (1 + subsidy[n, j]) * output[n, j]
        added = cost - sum(bought)
        np.testing.assert_allclose(
            b.factor_payment[n, :, j], options["factor_share"][n, :, j] * added, rtol=1e-11
        )
        income[n] += added + (research[n, j] * (1 + subsidy[n, j]) - subsidy[n, j]) * output[n, j]
    for n, k in np.ndindex(3, 4):
        consumed = sum(final[i, k, n] * paid(i, k, n) for i in range(3))
        assert b.final[n, k] == pytest.approx(consumed, rel=1e-13)
        for i in range(3):
            gate = intermediate[i, k, n].sum() + final[i, k, n]
            income[n] += gate * (paid(i, k, n) - (1 + tax[i, n, k]) * (1 + rate[i, k] * (i != n)))
            income[i] += gate * ((1 + tax[i, n, k]) * (1 + rate[i, k] * (i != n)) - 1)
    np.testing.assert_allclose(b.deficit, b.final.sum(axis=1) - income, atol=1e-10)
    spending = {"common": [range(4)], "intermediate_final": [range(3), [3]], "sector": [[0], [1], [2], [3]]}[
        classes
    ]
    flows = np.concatenate([intermediate, final[..., None]], axis=3)  # final demand as a fourth user
    assert b.trade_share.shape == (len(spending), 3, 3, 4)
    for c, users in enumerate(spending):
        for n, k in np.ndindex(3, 4):
            worth = [sum(flows[i, k, n, u] for u in users) * paid(i, k, n) for i in range(3)]
            share = np.array(worth) / sum(worth) if sum(worth) else np.zeros(3)
            np.testing.assert_allclose(b.trade_share[c, :, n, k], share, rtol=1e-12, atol=1e-15)
    assert b.use_class.tolist() == ([0, 1, 2] if classes == "sector" else [0, 0, 0])
    assert b.final_class == len(spending) - 1
    np.testing.assert_array_equal(b.tariff, tariff)
    np.testing.assert_array_equal(b.export_tax, tax)
    np.testing.assert_array_equal(b.subsidy, subsidy)
    assert b.parameters.factor_mobility.tolist() == [np.inf, 0.5]
    assert solve(b, Shock(), ALONE).iterations == 0


def test_what_is_not_said_is_left_out():
    intermediate, final = flows()
    b = benchmark_from_flows(intermediate, final)
    assert not any(array.any() for array in (b.tariff, b.export_tax, b.subsidy, b.licence, b.research_share))
    assert (b.elements.size, b.stage_sector.size, b.labour, b.numeraire.tolist()) == (0, 0, 0, [True])
    assert np.isnan(b.unit_value).all()
    assert np.isnan(b.reo_content).all()
    par = b.parameters
    assert par.deficit_rule == "fixed"
    assert not par.innovation_elasticity.any()
    assert par.innovation_elasticity.shape == par.spillover.shape == (REGIONS, 1)
    assert not par.spillover.any()
    assert par.breadth == 0.0
    np.testing.assert_array_equal(par.spillover_region, np.eye(REGIONS))
    np.testing.assert_array_equal(par.spillover_sector, np.eye(SECTORS))


def test_elasticities_are_one_number_or_one_each():
    intermediate, final, options = rich()
    sigma, nu = np.linspace(2, 6, 4), np.linspace(0.1, 0.5, 3)
    kinds = Elasticities(
        trade=sigma,
        final=0.7,
        materials=0.11,
        value_added=nu,
        factor=0.22,
        ree=0.33,
        element=0.44,
        transformation=0.55,
    )
    rare = RareEarths(
        np.array([1, 2]),
        np.array([1, 2]),
        np.full((3, 4), 7.0),
        np.linspace(0.4, 1, 4),
        licence=np.full((3, 4), 0.5),
    )
    b = benchmark_from_flows(
        intermediate, final, elasticities=kinds, rare_earths=rare, labour=1, numeraire=[False, True],
        deficit_rule="share_of_world_income",
        **options | {"innovation": Innovation(0.04, np.arange(9.0).reshape(3, 3), {"breadth": 0.3})},
    )  # fmt: skip
    par = b.parameters
    np.testing.assert_array_equal(par.trade_elasticity, sigma)
    np.testing.assert_array_equal(par.value_added_elasticity, nu)
    for name, value in {
        "materials": 0.11,
        "factor": 0.22,
        "ree": 0.33,
        "element": 0.44,
        "transformation": 0.55,
    }.items():
        np.testing.assert_array_equal(getattr(par, f"{name}_elasticity"), np.full(3, value))
    assert par.final_elasticity == 0.7
    np.testing.assert_array_equal(par.innovation_elasticity, np.arange(9.0).reshape(3, 3))
    assert (par.breadth, par.deficit_rule) == (0.3, "share_of_world_income")
    assert par.spillover.shape == (3, 3)
    stages = {
        "capacity_weight": 1.0,
        "capacity_response": 0.5,
        "capacity_expansion": 0.2,
        "capacity_exit": 0.5,
    }
    for name, value in {**stages, "build_time": 0}.items():
        np.testing.assert_array_equal(getattr(par, name), np.full(2, value))
    assert (b.elements.tolist(), b.stage_sector.tolist()) == ([1, 2], [1, 2])
    assert (b.labour, b.numeraire.tolist()) == (1, [False, True])
    assert (b.unit_value == 7.0).all()
    np.testing.assert_array_equal(b.reo_content, np.linspace(0.4, 1, 4))
    assert (b.licence == 0.5).all()


def test_tables_that_are_no_base_year_say_what_is_wrong_and_where():
    intermediate, final, options = rich()
    wrong = final.copy()
    wrong[0, 1, 2], wrong[2, 0, 1] = -1.0, -3.0
    with pytest.raises(TableError) as refused:
        benchmark_from_flows(-intermediate, wrong, **options)
    first, second = refused.value.problems
    assert first.startswith("intermediate holds 96 negative flows")
    assert first.count(" = ") == 5  # the worst five
    assert "the largest at (2, 0, 1) = -3, (0, 1, 2) = -1 (" in second
    clipped = benchmark_from_flows(intermediate, wrong, **options | {"negative": "clip"})
    zero = benchmark_from_flows(intermediate, np.maximum(wrong, 0), **options)
    np.testing.assert_array_equal(clipped.output, zero.output)
    with pytest.raises(TableError, match="not finite at"):
        benchmark_from_flows(intermediate, np.where(wrong < 0, np.inf, wrong), **options)
    with pytest.raises(TableError, match="4 goods and 3 sectors: say who makes what"):
        benchmark_from_flows(intermediate, final, **options | {"make": None})
    with pytest.raises(TableError, match="2 factors need factor_share"):
        benchmark_from_flows(intermediate, final, **options | {"factor_share": None})
    with pytest.raises(TableError, match="do not fit"):
        benchmark_from_flows(intermediate[:2], final[:2], **options)
    none = np.array([], dtype=int)
    rare = RareEarths(none, none, np.full((3, 4), np.nan), np.ones(4), licence=np.eye(3, 4))
    with pytest.raises(TableError, match="a good with a licence has no unit value"):
        benchmark_from_flows(intermediate, final, **options | {"rare_earths": rare})
    greedy = intermediate.copy()
    greedy[:, :, 1, 0], greedy[:, :, 0, 1] = 20.0, 9.0
    with pytest.raises(TableError, match=r"2 sectors pay more .* the worst at \(1, 0\) = -\d+.*, \(0, 1\)"):
        benchmark_from_flows(greedy, final, **options)


def test_what_cannot_be_paid_is_scaled_to_what_is_earned():
    """At the end every sector pays at most what it keeps of its sales, and those that were scaled exactly that."""
    intermediate, final, options = rich(negative="clip")
    intermediate[:, :, 0, 1] *= 12
    b = benchmark_from_flows(intermediate, final, **options)
    kept = (1 - b.research_share) * (1 + b.subsidy) * b.output
    np.testing.assert_allclose(b.use[0, :, 1].sum(), kept[0, 1], rtol=1e-12)
    assert (b.factor_payment[0, :, 1] == 0).all()
    assert (b.use.sum(axis=1) <= kept * (1 + 1e-12)).all()
    paid = (
        intermediate
        * (1 + options["tariff"].transpose(0, 2, 1))[..., None]
        * (1 + options["export_tax"].transpose(0, 2, 1))[..., None]
    ).sum(axis=0)  # (k,n,j)
    untouched = np.ones((3, 3), dtype=bool)
    untouched[0, 1] = False
    np.testing.assert_allclose(b.use.transpose(1, 0, 2)[:, untouched], paid[:, untouched], rtol=1e-12)
    mix = b.use[0, :, 1] / b.use[0, :, 1].sum()
    np.testing.assert_allclose(mix, paid[:, 0, 1] / paid[:, 0, 1].sum(), rtol=1e-12)


def shares(seed=2):
    """Trade (c,i,n,k), cost and final shares of three regions that buy most of what they use at home."""
    rng = np.random.default_rng(seed)
    pi = rng.dirichlet(np.ones(3), (2, 3, 4)).transpose(0, 3, 1, 2) * 0.2 + 0.8 * np.eye(3)[:, :, None]
    cost = rng.dirichlet(np.ones(4), (3, 4)).transpose(0, 2, 1) * 0.5
    return pi, cost, rng.dirichlet(np.ones(4), 3)


ADDED = np.array([50.0, 80.0, 30.0])


def test_shares_by_class_spend_what_is_earned():
    """Caliendo and Parro's linear system: income is value added, the deficit and tariffs; every market clears."""
    pi, cost, final = shares()
    rng = np.random.default_rng(3)
    tariff = rng.uniform(0.05, 0.3, (3, 3, 4)) * ~np.eye(3, dtype=bool)[:, :, None]
    b = benchmark_from_shares(pi, cost, final, ADDED, tariff=tariff, use_classes="intermediate_final")
    np.testing.assert_allclose(b.trade_share, pi, rtol=1e-10)
    np.testing.assert_allclose(b.use, cost * b.output[:, None, :], rtol=1e-10)
    np.testing.assert_allclose(b.final / b.final.sum(axis=1, keepdims=True), final, rtol=1e-10)
    np.testing.assert_allclose(b.factor_payment.sum(axis=(1, 2)), ADDED, rtol=1e-10)
    assert abs(b.deficit.sum()) < 1e-8
    gate = gate_flows(solve(b, Shock(), ALONE))
    np.testing.assert_allclose(
        b.final.sum(axis=1), ADDED + b.deficit + (gate * tariff).sum(axis=(0, 2)), rtol=1e-9
    )
    again = benchmark_from_shares(
        pi, cost, final, ADDED, deficit=b.deficit, tariff=tariff, use_classes="intermediate_final"
    )
    np.testing.assert_allclose(again.final, b.final, rtol=1e-10)
    even = benchmark_from_shares(pi[0], cost, final, ADDED)
    np.testing.assert_allclose(even.trade_share, pi[:1], rtol=1e-10)
    np.testing.assert_allclose(even.factor_payment.sum(axis=(1, 2)), ADDED, rtol=1e-10)
    assert not even.tariff.any()


def test_shares_under_all_instruments_give_the_economy_they_were_taken_from():
    intermediate, final = flows()
    rng = np.random.default_rng(4)
    abroad = ~np.eye(REGIONS, dtype=bool)[:, :, None]
    none = np.array([], dtype=int)
    unit_value = np.full((REGIONS, SECTORS), 7.0)
    options = {
        "tariff": rng.uniform(0, 0.2, (REGIONS, REGIONS, SECTORS)) * abroad,
        "export_tax": rng.uniform(0, 0.2, (REGIONS, REGIONS, SECTORS)) * abroad,
        "subsidy": rng.uniform(0, 0.1, (REGIONS, SECTORS)),
        "innovation": Innovation(share=0.04),
        "rare_earths": RareEarths(
            none, none, unit_value, np.ones(SECTORS), rng.uniform(0, 2, unit_value.shape)
        ),
        "use_classes": "intermediate_final",
    }
    b = benchmark_from_flows(intermediate, final, **options)
    cost = b.use.sum(axis=1) + b.factor_payment.sum(axis=1)
    added = b.factor_payment.sum(axis=(1, 2))
    spent = b.final.sum(axis=1, keepdims=True)
    for deficit in (None, b.deficit):
        again = benchmark_from_shares(
            b.trade_share, b.use / cost[:, None], b.final / spent, added, deficit=deficit, **options
        )
        for name in ("output", "use", "final", "factor_payment", "trade_share", "research_share"):
            np.testing.assert_allclose(getattr(again, name), getattr(b, name), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(again.deficit, b.deficit, atol=1e-9 * spent.sum())


def test_deficits_that_value_added_and_shares_contradict_are_refused():
    pi, cost, final = shares()
    implied = benchmark_from_shares(pi, cost, final, ADDED).deficit
    wrong = implied + [0.0, 3.1, -3.0]
    with pytest.raises(TableError) as refused:
        benchmark_from_shares(pi, cost, final, ADDED, deficit=wrong)
    assert refused.value.problems == [
        "deficit contradicts value added and shares in 2 regions: "
        f"region 1 is given {wrong[1]:.6g}, implied {implied[1]:.6g}; "
        f"region 2 is given {wrong[2]:.6g}, implied {implied[2]:.6g}"
    ]
    with pytest.raises(TableError, match="region 0 is given"):  # deficits of the world do not sum to 0
        benchmark_from_shares(pi, cost, final, ADDED, deficit=implied + [3.0, 0.0, 0.0])
    rounded = benchmark_from_shares(pi, cost, final, ADDED, deficit=implied + [0.0, 1e-6, -1e-6])
    np.testing.assert_allclose(rounded.deficit, implied, rtol=1e-9)


def test_where_all_buy_alike_any_deficit_is_consistent():
    """Without trade costs and with one taste, who spends does not matter to who earns: deficits stay as given."""
    pi, cost, final = shares()
    pi, cost, final = (
        np.broadcast_to(pi[0, :, :1], (3, 3, 4)),
        np.broadcast_to(cost[:1], (3, 4, 4)),
        np.broadcast_to(final[:1], (3, 4)),
    )
    output, spent = np.zeros((3, 4)), np.array([60.0, 70.0, 30.0])
    for _ in range(200):
        output = np.einsum("ink,nkj,nj->ik", pi, cost, output) + np.einsum("ink,nk,n->ik", pi, final, spent)
    added = ((1 - cost.sum(axis=1)) * output).sum(axis=1)
    for deficit in (spent - added, spent[::-1] - added, np.zeros(3)):
        b = benchmark_from_shares(pi, cost, final, added, deficit=deficit)
        np.testing.assert_allclose(b.deficit, deficit, atol=1e-10)
    np.testing.assert_allclose(benchmark_from_shares(pi, cost, final, added).deficit, 0.0, atol=1e-10)


def test_shares_that_no_economy_has_are_refused():
    pi, cost, final = shares()
    with pytest.raises(TableError, match="one good for each sector"):
        benchmark_from_shares(pi, cost[:, :, :2], final, np.ones(3))
    with pytest.raises(TableError, match="grows without end"):
        benchmark_from_shares(pi, 2.2 * cost, final, np.ones(3))
    with pytest.raises(TableError, match="value_added holds values that are not finite"):
        benchmark_from_shares(pi, cost, final, np.array([1.0, np.nan, 1.0]))
    closed = np.broadcast_to(np.eye(3)[:, :, None], (3, 3, 4)).copy()
    with pytest.raises(TableError, match="final spending below 0 in 1 regions: 1 = -"):
        benchmark_from_shares(pi, cost, final, np.array([50.0, 1.0, 30.0]))
    closed[2] = 0.0
    closed[0, 2] = 1.0  # nobody buys what region 2 makes
    with pytest.raises(
        TableError, match=r"value added contradicts shares in .*region 2 is given 30, implied 0"
    ):
        benchmark_from_shares(closed, cost, final, ADDED)


def test_a_good_of_two_sectors_is_sold_and_reported_for_both():
    intermediate, final, options = rich(make=np.broadcast_to(JOINT, (3, 3, 4)))
    kinds = Elasticities(trade=4.0, materials=0.5, value_added=0.4, factor=0.6, final=0.7, transformation=0.5)
    rare = RareEarths(np.array([1, 2]), np.array([1]), np.full((3, 4), 7.0), np.ones(4))
    b = benchmark_from_flows(
        intermediate, final, elasticities=kinds, rare_earths=rare, numeraire=[True, False], **options
    )
    abroad = ~np.eye(3, dtype=bool)[:, :, None]
    dearer = np.where(abroad, b.tariff + np.array([0.3, 0.0, 0.2, 0.1]), 0.0)
    productivity = np.ones(b.output.shape)
    productivity[0, 2] = 1.3  # one of the two makers of the last good
    case = Case(b, Shock(tariff=dearer, productivity=productivity), ALONE)
    checks.levels(case)
    checks.derivative(case)
    checks.reported(case, checks.solved(case))


@pytest.mark.parametrize("research_closure", ["region", "sector"])
def test_ratios_of_a_sector_that_a_region_does_not_have_are_1(research_closure):
    """Though another sector makes its good there, and the shock names it as it names all."""
    intermediate, final, options = rich(mobility=(np.inf, 0.0))
    rng = np.random.default_rng(3)
    rare = RareEarths(np.array([1, 2]), np.array([1]), np.full((3, 4), 7.0), np.ones(4))
    b = benchmark_from_flows(intermediate, final, rare_earths=rare, numeraire=[True, False], **options)
    b = b.replace(
        parameters=b.parameters.replace(research_closure=research_closure, research_supply_elasticity=0.5)
    )
    assert b.output[2, 2] == 0
    everywhere = {
        "tariff": np.where(np.eye(3)[:, :, None] > 0, 0.0, b.tariff + np.array([0.3, 0.0, 0.2, 0.1])),
        "productivity": rng.uniform(1.1, 1.3, (3, 3)),
        "subsidy": b.subsidy + 0.1,
    }
    for closure, more in (
        (ALONE, {"technology": rng.uniform(0.1, 0.2, (3, 3, 3))}),
        (Closure(), {"research_subsidy": rng.uniform(0.1, 0.3, (3, 3, 3))}),
    ):
        case = Case(b, Shock(**everywhere, **more), closure)
        solution = checks.solved(case)
        checks.reported(case, solution)
        found = results(solution, solve(b, closure=closure))
        for row in VARIABLES:
            if row.unit == "ratio" and row.axes.startswith("nj"):
                assert (found[row.name][2, 2] == 1).all(), row.name
                assert (found[row.name][:2, 1:] != 1).any() or row.equation in ("E15", "E20"), row.name


def test_every_array_that_is_not_finite_is_named_at_once():
    hole = np.full((3, 3), np.nan)
    with pytest.raises(TableError) as refused:
        benchmark_from_shares(np.full((3, 3, 3), 1 / 3), np.full((3, 3, 3), 0.2), hole, np.full(3, np.inf))
    assert [problem.split()[0] for problem in refused.value.problems] == ["final_share", "value_added"]
