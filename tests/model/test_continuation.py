"""The walk to a hard shock: parts of a shock, the length of steps, and where the next one starts."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from model import Closure, Shock, continuation, solve
from model.batch import Centre
from model.continuation import EASY, FIRST_STEP, MOST_SOLVES, SMALLEST_STEP, WAYPOINT, _predict, walk
from model.flows import gate_tonnes
from model.newton import Options
from model.records import Quota
from model.shocks import base_quotas, close_empty_quotas, scaled
from model.table import RareEarths, benchmark_from_flows
from tests.checks import solved
from tests.independent import base_gate
from tests.instruments import Case, awkward, exports_of, production_quota, quota_on, sold_from_stock


@pytest.fixture(scope="module")
def b():
    return awkward(0)


# ------------------------------------------------------------------ a part of a shock


def test_all_of_a_shock_is_the_shock(b):
    shock, quotas = Shock(tariff=b.tariff), (quota_on(b, "q", exports_of(b, 0, b.elements), 0.5),)
    assert scaled(b, shock, quotas, 1.0) == (shock, quotas)


def test_rates_and_ratios_move_in_logs_and_quantities_in_levels(b):
    part, rng = 0.3, np.random.default_rng(0)
    n, j, k, _, e = b.shape

    def some(*shape):
        return rng.uniform(0.1, 0.4, shape)

    new = {
        "export_tax": some(n, n, k), "tariff": some(n, n, k), "subsidy": some(n, j), "iceberg": 1 + some(n, n, k),
        "productivity": 1 + some(n, j), "demand_shift": 1 + some(n, k), "use_subsidy": some(n, k),
        "research_subsidy": some(n, j, e + 1), "stock_release": some(n, k), "recycling": some(n, k),
        "capacity_investment": some(n), "technology": some(n, j, e + 1), "capacity": some(n, 2),
    }  # fmt: skip
    found, _ = scaled(b, Shock(**new, recycling_cost=some(n, k), remove_base_licence=True), (), part)
    for name in ("export_tax", "tariff", "subsidy"):
        log_base, log_new = np.log1p(getattr(b, name)), np.log1p(new[name])
        wanted = np.expm1((1 - part) * log_base + part * log_new)
        np.testing.assert_allclose(getattr(found, name), wanted, rtol=1e-13, err_msg=name)
    for name in ("iceberg", "productivity", "demand_shift"):
        np.testing.assert_allclose(
            getattr(found, name), np.exp(part * np.log(new[name])), rtol=1e-13, err_msg=name
        )
    for name in (
        "use_subsidy", "research_subsidy", "stock_release", "recycling", "capacity_investment", "technology",
        "capacity",
    ):  # fmt: skip
        np.testing.assert_allclose(getattr(found, name), part * new[name], rtol=1e-14, err_msg=name)
    assert found.remove_base_licence
    assert found.recycling_cost is not None
    assert (found.embargo, found.quotas) == (None, ())


def test_no_part_of_a_shock_is_the_base_year(b):
    rng = np.random.default_rng(1)
    shock = Shock(
        tariff=b.tariff + 0.2,
        iceberg=rng.uniform(1, 2, b.export_tax.shape),
        embargo=exports_of(b, 1, b.elements),
    )
    quota = quota_on(b, "q", exports_of(b, 0, b.elements), 0.25)
    found, (limited,) = scaled(b, shock, (quota,), 0.0)
    np.testing.assert_allclose(found.tariff, b.tariff, atol=1e-15)
    np.testing.assert_array_equal(found.iceberg, 1.0)
    assert limited.limit == pytest.approx(4 * quota.limit, rel=1e-13)


def test_a_part_of_an_embargo_keeps_that_share_of_what_is_bought(b):
    """At given prices a cost c scales the weight of an origin by c^(1 - sigma): 1 - part of it is left."""
    closed, part = exports_of(b, 1, b.elements), 0.7
    shock = Shock(embargo=closed, iceberg=np.full(b.export_tax.shape, 1.5))
    found, _ = scaled(b, shock, (), part)
    sigma = b.parameters.trade_elasticity
    assert (sigma > 1).all()
    left = (found.iceberg / 1.5**part) ** (1 - sigma)
    np.testing.assert_allclose(left[closed], 1 - part, rtol=1e-12)
    np.testing.assert_allclose(left[~closed], 1.0, rtol=1e-12)
    alone, _ = scaled(b, Shock(embargo=closed), (), part)
    np.testing.assert_allclose(alone.iceberg, found.iceberg / 1.5**part, rtol=1e-12)


def test_limits_move_in_logs_from_what_was_sold_and_loose_ones_stay(b):
    covers = exports_of(b, 0, b.elements)
    tight, loose = quota_on(b, "tight", covers, 0.25), quota_on(b, "loose", covers, 4.0)
    mines = production_quota(b, 0.25), production_quota(b, 3.0)
    found, limits = scaled(b, Shock(production_quotas=mines), (tight, loose), 0.5)
    assert [q.limit for q in limits] == pytest.approx([2 * tight.limit, loose.limit], rel=1e-13)
    made = [q.limit for q in found.production_quotas]
    assert made == pytest.approx([2 * mines[0].limit, mines[1].limit], rel=1e-12)


# ------------------------------------------------------------------ quotas of the base year, and empty ones


def test_licences_of_the_base_year_are_quotas_at_its_tonnes():
    b = awkward(1, licence=True)
    prices = b.licence.copy()
    prices[0, b.elements[0]], prices[2, b.elements[1]] = 3.0, 1.0
    b = b.replace(licence=prices)  # what the data would have to balance with does not matter here
    found = {q.name: q for q in base_quotas(b)}
    assert set(found) == {"base-licence-0-2", "base-licence-0-3", "base-licence-2-1"}
    tonnes = base_gate(b) * 1e3 / b.unit_value[:, None, :]
    for name, goods in (("base-licence-0-2", b.elements[1:]), ("base-licence-0-3", b.elements[:1])):
        assert (found[name].covers == exports_of(b, 0, goods)).all()
        assert found[name].limit == pytest.approx(tonnes[found[name].covers].sum(), rel=1e-12)
    assert (found["base-licence-2-1"].covers == exports_of(b, 2, b.elements[1:2])).all()
    assert [found[name].start for name in sorted(found)] == [2.0, 3.0, 1.0]
    assert base_quotas(awkward(0)) == ()


def test_quotas_on_nothing_that_is_sold_are_dropped(b):
    covers, elsewhere = exports_of(b, 0, b.elements), exports_of(b, 1, b.elements)
    here, there = quota_on(b, "here", covers, 0.5), quota_on(b, "there", elsewhere, 0.5)
    assert close_empty_quotas(b, Shock(), (here, there)) == (Shock(), (here, there))
    closed = Shock(embargo=covers)
    assert close_empty_quotas(b, closed, (here, there)) == (closed, (there,))
    part = Shock(embargo=exports_of(b, 0, b.elements[:1]))
    assert close_empty_quotas(b, part, (here,)) == (part, (here,))
    shock, left = close_empty_quotas(b, closed, (here, there.replace(limit=0.0)))
    assert left == ()
    assert (shock.embargo == covers | elsewhere).all()
    assert close_empty_quotas(b, closed, ()) == (closed, ())
    never = awkward(3, sparse=True)
    absent = base_gate(never) == 0
    one = exports_of(never, 0, range(never.final.shape[1])) & absent
    assert one.any()
    nothing = Quota("nothing", one, 1.0, np.ones(never.final.shape[1]))
    assert close_empty_quotas(never, Shock(), (nothing,)) == (Shock(), ())


# ------------------------------------------------------------------ the walk

AS_IT_IS = SimpleNamespace(
    pack=lambda state: state, unpack=lambda x: x
)  # a layout in which states are vectors


def walked(b, monkeypatch, outcomes, options=None):
    """A walk on which solves end as they are told; (trace, done), and (part, start, tolerance) of every solve."""
    tried, left = [], iter(outcomes)

    def newton(problem, start, limit):
        good, iterations = next(left)
        tried.append((parts[-1], start, limit))
        outcome = "converged" if good else "stalled"
        return SimpleNamespace(
            outcome=outcome, iterations=iterations, x=np.array([parts[-1], parts[-1] ** 2])
        )

    parts = []

    def part_of(benchmark, shock, quotas, part):
        parts.append(part)
        return shock, quotas

    problem = SimpleNamespace(start=lambda: np.zeros(2), move=lambda x, step: x + step, cells=AS_IT_IS)
    monkeypatch.setattr(continuation, "newton", newton)
    monkeypatch.setattr(continuation, "scaled", part_of)
    monkeypatch.setattr(continuation, "prepare", lambda *_: None)
    monkeypatch.setattr(continuation, "Equilibrium", lambda _: problem)
    return walk(b, Shock(), Closure(), (), options or Options()), tried


def test_easy_steps_double_and_others_stay(b, monkeypatch):
    outcomes = [(False, 9), (False, 9), (True, EASY + 1), (True, EASY), (True, EASY), (True, 1)]
    (trace, done), tried = walked(b, monkeypatch, outcomes)
    assert [part for part, _, _ in tried] == [0.5, 0.25, 0.125, 0.25, 0.5, 1.0]
    assert FIRST_STEP == 0.5
    assert done == 1.0
    assert trace.x[0] == 1.0


def test_no_step_goes_beyond_the_end(b, monkeypatch):
    outcomes = [(False, 9), (True, 1), (True, 1), (True, 1)]
    (trace, done), tried = walked(b, monkeypatch, outcomes)
    assert [part for part, _, _ in tried] == [0.5, 0.25, 0.75, 1.0]
    assert (done, trace.x[0]) == (1.0, 1.0)


def test_only_the_end_of_a_walk_has_to_be_exact(b, monkeypatch):
    _, tried = walked(b, monkeypatch, [(True, 1), (True, 1)], Options(tolerance=1e-11, max_iterations=17))
    assert [limit.tolerance for _, _, limit in tried] == [WAYPOINT, 1e-11]
    assert {limit.max_iterations for _, _, limit in tried} == {17}
    _, tried = walked(b, monkeypatch, [(True, 1), (True, 1)], Options(tolerance=1e-3))
    assert [limit.tolerance for _, _, limit in tried] == [1e-3, 1e-3]


def test_steps_start_on_the_line_through_the_last_two_points(b, monkeypatch):
    """The path is (s, s^2), from (0, 0): predicted exactly in the first and by the secant in the second."""
    outcomes = [(True, 9), (False, 9), (True, 9), (False, 9), (True, 9), (True, 9)]
    _, tried = walked(b, monkeypatch, outcomes)
    assert [part for part, _, _ in tried] == [0.5, 1.0, 0.75, 1.0, 0.875, 1.0]
    starts = [start for _, start, _ in tried]
    secants = [0.0, 0.5, 0.375, 0.25 + 0.5 * 1.25, 0.25 + 0.375 * 1.25, 0.5625 + 0.25 * 1.625]
    np.testing.assert_allclose([s[1] for s in starts], secants, rtol=1e-14)
    np.testing.assert_allclose([s[0] for s in starts], [0.0, *(part for part, _, _ in tried[1:])], rtol=1e-14)


def test_a_walk_ends_where_no_shorter_step_is_left(b, monkeypatch):
    (trace, done), tried = walked(b, monkeypatch, [(True, 9), *[(False, 9)] * 60])
    assert done == 0.5
    assert trace.outcome == "stalled"
    steps = np.array([part for part, _, _ in tried[1:]]) - 0.5
    np.testing.assert_allclose(steps, 0.5 / 2.0 ** np.arange(len(steps)))
    assert steps[-1] == SMALLEST_STEP


def test_a_walk_that_crawls_ends_too(b, monkeypatch):
    crawl = [(False, 9)] * 5 + [(True, 9)] * 80
    (_, done), tried = walked(b, monkeypatch, crawl)
    assert len(tried) == MOST_SOLVES
    assert done == pytest.approx(55 / 64)


def test_the_base_year_is_the_first_point_of_the_line():
    problem = SimpleNamespace(
        start=lambda: np.array([1.0, 2.0]), move=lambda x, step: x + step, cells=AS_IT_IS
    )
    np.testing.assert_array_equal(_predict(problem, [], 0.5), [1.0, 2.0])
    np.testing.assert_allclose(_predict(problem, [(0.25, np.array([2.0, 2.0]))], 0.75), [4.0, 2.0])
    points = [(0.25, np.array([2.0, 2.0])), (0.5, np.array([2.0, 4.0]))]
    np.testing.assert_allclose(_predict(problem, points, 1.0), [2.0, 8.0])


def test_a_search_that_runs_out_of_iterations_is_walked(b):
    """Five are too few for the whole cut, and enough for its parts."""
    shock = Shock(quotas=(quota_on(b, "q", exports_of(b, 0, b.elements), 0.01),))
    few = Options(max_iterations=5)
    alone = solve(b, shock, options=replace(few, continuation=False), throw=False)
    assert alone.status == "iteration_limit"
    walked = solve(b, shock, options=few)
    np.testing.assert_allclose(
        walked.allocation.state.price, solve(b, shock).allocation.state.price, atol=1e-9
    )


# ------------------------------------------------------------------ starts outside the domain


@pytest.mark.parametrize("regime", ["exogenous", "directed"])
def test_stocks_that_sell_more_than_was_used_are_walked_to(b, regime):
    """At prices of the base year nothing would be left for origins to sell; the price falls until there is."""
    n, k = 2, int(b.elements[-1])
    shock = Shock(stock_release=sold_from_stock(b, n, k, 1.3))
    solution = solved(Case(b, shock, Closure(regime, "given", "given")))
    assert solution.allocation.spending.net[:, n, k].sum() > 0


def sold_abroad_alone():
    """Region 0 sells its good 0 to region 1 alone."""
    rng = np.random.default_rng(5)
    flows, final = rng.uniform(0.1, 1.0, (3, 3, 3, 3)), rng.uniform(4.0, 8.0, (3, 3, 3))
    flows[0, 0, [0, 2]] = final[0, 0, [0, 2]] = 0.0
    return benchmark_from_flows(flows, final)


def test_a_walk_to_an_embargo_that_closes_a_sector_arrives():
    """On the way the sector still sells a little and has a price; at the end it has none."""
    b = sold_abroad_alone()
    embargo = np.zeros(b.export_tax.shape, dtype=bool)
    embargo[0, 1, 0] = True
    shock, closure = Shock(embargo=embargo), Closure("exogenous", "given", "given")
    few = Options(max_iterations=3)
    alone = solve(b, shock, closure, options=replace(few, continuation=False), throw=False)
    assert alone.status == "iteration_limit"
    walked = solve(b, shock, closure, options=few)
    assert walked.system.idle is not None
    np.testing.assert_allclose(
        walked.allocation.state.price, solve(b, shock, closure).allocation.state.price, atol=1e-9
    )


def one_buyer_of_ore():
    """Region 0 makes good 0 with labour that can do nothing else, for region 1 alone; 600 t at 10 USD a kg."""
    rng = np.random.default_rng(5)
    flows, final = rng.uniform(0.1, 1.0, (3, 3, 3, 3)), rng.uniform(4.0, 8.0, (3, 3, 3))
    flows[:, 0], final[:, 0] = 0.0, 0.0
    flows[0, 0, 1] = 2.0
    flows[:, :, :, 0] *= 0.3
    flows[:, :, 1:, 0] = 0.0
    unit_value = np.full((3, 3), np.nan)
    unit_value[:, 0] = 10.0
    none = np.zeros(0, dtype=int)
    priced = RareEarths(none, none, unit_value, np.full(3, np.nan))
    return benchmark_from_flows(flows, final, rare_earths=priced, mobility=(0.0,))


def released(tonnes: float, rate: float = 0.0) -> Shock:
    """Region 1 sells so much ore from its stocks, and charges a tariff on what it imports."""
    release, tariff = np.zeros((3, 3)), np.zeros((3, 3, 3))
    release[1, 0], tariff[0, 1, 0] = tonnes, rate
    return Shock(stock_release=release, tariff=tariff)


def test_a_shock_under_which_nobody_would_buy_at_prices_of_the_base_year_is_walked_to():
    """An eighth of what is bought is worth more than all of it where a tariff makes it eleven times as dear."""
    b, closure = one_buyer_of_ore(), Closure("exogenous", "given", "given")
    shock = released(75.0, 10.0)
    assert solve(b, shock, closure, options=Options(continuation=False), throw=False).status == "non_finite"
    solution = solve(b, shock, closure)
    assert gate_tonnes(solution)[0, 1, 0] > 0


def test_stocks_beyond_what_is_bought_have_no_equilibrium():
    """Region 2 buys ore as well, so that its market clears; but region 0 would buy back from region 1."""
    flows = np.full((3, 3, 3, 3), 0.2)
    priced = RareEarths(
        np.zeros(0, dtype=int), np.zeros(0, dtype=int), np.full((3, 3), 10.0), np.full(3, np.nan)
    )
    b, closure = (
        benchmark_from_flows(flows, np.full((3, 3, 3), 2.0), rare_earths=priced),
        Closure("exogenous"),
    )
    bought = base_gate(b)[:, 1, 0].sum() * 1e3 / 10.0
    assert solve(b, released(0.9 * bought), closure).converged
    solution = solve(b, released(3.0 * bought), closure, throw=False)
    assert solution.status == "infeasible"
    assert (solution.diagnosis.block, solution.diagnosis.cell) == ("market", (1, 0))
    assert "is not sold abroad" in solution.diagnosis.text()
    draws = [(b, released(share * bought)) for share in (0.1, 0.3, 3.0, 0.5, 0.6, 0.7, 0.8, 0.9, 4.0)]
    statuses = [s.status for s in Centre(b, released(0.2 * bought), closure).solve_group(draws)]
    assert [at for at, status in enumerate(statuses) if status == "infeasible"] == [2, 8]
    assert statuses.count("converged") == 7
