"""Small pieces whose faults whole solves do not show: edges of loops, tolerances, messages. See `tests.mutation`."""

import pickle
from types import SimpleNamespace

import networkx as nx
import numpy as np
import pytest
from scipy.sparse import csr_array

from model import Closure, Shock, continuation, derivatives, solve
from model.base_year import TONNES, gate_value_base, production_tonnes_base, quota_tonnes_base
from model.batch import Centre, _pack, _unpack
from model.centrality import betweenness
from model.chokepoints import _minimum_cut
from model.equilibrium import allocate, residuals
from model.feasibility import infeasible
from model.flows import delivered_price, gate_flows, gate_tonnes
from model.idle import idle
from model.markets import sluggish_index
from model.network import communities
from model.newton import Options
from model.path import base_standing, hold_stocks
from model.prepare import prepare
from model.records import ProductionQuota, Quota
from model.security import HORIZON, STATIC, cut, years_to_replace
from model.shocks import close_empty_quotas, scaled
from model.solution import Diagnosis
from model.stability import long_run_feedback, unstable
from model.stack import Different, _stacked, stack
from model.stack import pack_residuals as stacked_residuals
from model.stack import unpack as stacked_states
from model.supply_paths import _Branch
from model.table import (
    _affordable,
    _income_without_deficit,
    _make_shares,
    _output_of,
    benchmark_from_flows,
)
from model.unknowns import layout
from model.variables import results
from model.welfare import _log_mean
from tests import checks
from tests.instruments import EXOGENOUS, Case, awkward, cases, exports_of, production_quota, quota_on
from tests.worlds import world


@pytest.fixture(scope="module")
def b():
    return awkward(0)


# ------------------------------------------------------------------ records


def test_arrays_of_a_record_are_read_only(b):
    with pytest.raises(ValueError, match="read-only"):
        b.output[0, 0] = 1.0


def test_what_was_derived_from_a_base_year_does_not_travel_with_it(b):
    solve(b, Shock())
    again = pickle.loads(pickle.dumps(b))  # noqa: S301
    assert "_data" not in vars(again)
    assert again.output.tobytes() == b.output.tobytes()
    assert again.parameters.ree_elasticity.tobytes() == b.parameters.ree_elasticity.tobytes()


def test_what_was_computed_from_a_system_does_not_travel_with_it(b):
    solution = solve(b, Shock())
    sourcing = solution.system.sourcing
    lean = len(pickle.dumps(sourcing))
    assert sourcing.rough.weight.dtype == np.float32
    assert len(pickle.dumps(sourcing)) == lean
    again = pickle.loads(pickle.dumps(solution))  # noqa: S301
    assert again.system.sourcing.rough.weight.tobytes() == sourcing.rough.weight.tobytes()


def test_what_is_known_of_a_base_year_is_computed_once_and_read_only(b):
    first = gate_value_base(b)
    assert gate_value_base(b) is first
    assert (
        gate_value_base(b.replace(parameters=b.parameters.replace(breadth=0.1))) is first
    )  # of the data alone
    with pytest.raises(ValueError, match="read-only"):
        first[0, 0, 0] = 1.0


# ------------------------------------------------------------------ shocks


def test_half_of_a_rate_is_the_geometric_mean(b):
    tariff = b.tariff + 0.3
    half, _ = scaled(b, Shock(tariff=tariff), (), 0.5)
    np.testing.assert_allclose(1 + half.tariff, np.sqrt((1 + b.tariff) * (1 + tariff)), rtol=1e-14)
    assert half.export_tax is None
    iceberg = np.full(b.export_tax.shape, 1.44)
    np.testing.assert_allclose(scaled(b, Shock(iceberg=iceberg), (), 0.5)[0].iceberg, 1.2, rtol=1e-14)


def test_half_of_a_production_quota_is_the_geometric_mean_of_what_is_made_and_the_limit(b):
    quota = production_quota(b, 0.25)
    made = sum(
        b.output[quota.origin, j] * b.make[quota.origin, j, k] / b.unit_value[quota.origin, k] * quota.weight[k]
        for j in range(b.output.shape[1])
        for k in np.flatnonzero(quota.goods)
    )  # fmt: skip
    assert production_tonnes_base(b, quota) == pytest.approx(made * TONNES, rel=1e-13)
    half, _ = scaled(b, Shock(production_quotas=(quota,)), (), 0.5)
    assert half.production_quotas[0].limit == pytest.approx(np.sqrt(made * TONNES * quota.limit), rel=1e-13)


def test_a_limit_of_zero_is_an_embargo_and_no_quota(b):
    covers = exports_of(b, 0, b.elements)
    empty, open_ = quota_on(b, "none", covers, 0.0), quota_on(b, "some", exports_of(b, 1, b.elements), 0.5)
    shock, left = close_empty_quotas(b, Shock(), (empty, open_))
    assert [q.name for q in left] == ["some"]
    assert (shock.embargo == covers).all()


def test_a_quota_that_lets_nothing_through_is_kept_while_some_of_what_it_covers_is_sold(b):
    everything = np.logical_or.reduce(
        [exports_of(b, i, np.arange(b.final.shape[1])) for i in range(len(b.output))]
    )
    kept = close_empty_quotas(b, Shock(), (Quota("one", everything, 1.0, np.ones(b.final.shape[1])),))[1]
    assert [q.name for q in kept] == ["one"]


# ------------------------------------------------------------------ messages


class Labels:
    regions, goods = ("CHN", "JPN"), ("oxide", "magnets")


def test_a_diagnosis_names_the_worst_cell():
    stalled = Diagnosis("stalled", "market", (1, 0), 2e-3)
    advice = "the residual stopped falling: try a smaller shock, or elasticities further from zero"
    place = "worst at market of a good (E9)"
    assert stalled.text() == f"stalled; {place}: region 1, good 0 (residual 2.0e-03); {advice}"
    assert stalled.text(Labels) == f"stalled; {place}: JPN, oxide (residual 2.0e-03); {advice}"
    # A position without a name stands for itself.
    assert ": JPN, good 7 (" in Diagnosis("stalled", "market", (1, 7), 2e-3).text(Labels)
    assert ": a quota (" in Diagnosis("stalled", "quota", (0,), 2e-3, quota="a quota").text(Labels)


def test_a_diagnosis_without_a_cell_or_a_size_says_none():
    closed = Diagnosis("infeasible", "market", (0, 1), 2e-3, "nobody sells it")
    assert "residual" not in closed.text()
    assert closed.text().startswith("infeasible; nobody sells it; worst at")
    assert "worst" not in Diagnosis("non_finite", "", (), np.nan).text()


# ------------------------------------------------------------------ continuation and cuts


def test_a_walk_arrives_where_one_step_would(b, monkeypatch):
    shock = Shock(tariff=b.tariff + 0.1)
    tried = []
    kept = continuation.newton

    def counted(problem, start, options):
        tried.append(options.tolerance)
        return kept(problem, start, options)

    monkeypatch.setattr(continuation, "newton", counted)
    trace, done = continuation.walk(b, shock, Closure(), (), Options())
    assert done == 1.0
    assert trace.outcome == "converged"
    assert len(tried) == 2  # half of the way, and the other half
    assert tried[-1] == Options().tolerance
    whole = solve(b, shock, Closure())
    reached = np.abs(whole.allocation.state.price).max()
    assert reached > 0.01
    assert np.abs(trace.residual).max() < Options().tolerance


def test_cuts_leave_the_tonnes_they_say_and_a_full_one_leaves_nothing():
    bench = world(1, research_closure="sector")[0]
    goods = np.zeros(bench.final.shape[1], dtype=bool)
    goods[bench.elements] = True
    closed = exports_of(bench, 0, bench.elements)
    today = solve(bench, Shock(), STATIC)
    part, whole = cut(bench, Shock(), closed, (0.5, 1.0), today)
    counted = [float((s.allocation.quota_tonnes).sum()) for s in (part,)]
    assert counted[0] > 0
    assert gate_flows(part)[closed].sum() > 0
    assert gate_flows(whole)[closed].sum() == 0.0


# ------------------------------------------------------------------ welfare


def test_the_logarithmic_mean_lies_between_and_is_nothing_where_either_is():
    first, second = (
        np.array([1.0, 2.0, 3.0, 0.0, 4.0, 0.0]),
        np.array([np.e, 2.0, 3.0 * (1 + 1e-8), 5.0, 0.0, 0.0]),
    )
    found = _log_mean(first, second)
    np.testing.assert_allclose(found, [np.e - 1, 2.0, 3.0 * (1 + 0.5e-8), 0, 0, 0], rtol=1e-14)
    near = np.exp(np.array([0.9e-6, 1.1e-6, -1.1e-6]))
    np.testing.assert_allclose(_log_mean(np.ones(3), near), (1 + near) / 2, rtol=1e-12)
    np.testing.assert_array_equal(_log_mean(np.ones((2, 1)), np.ones(3)), np.ones((2, 3)))


# ------------------------------------------------------------------ paths and plant


def test_a_release_may_exceed_what_is_held_by_rounding_alone():
    large, small = np.full((1, 1), 1e6), np.full((1, 1), 1e-3)
    assert hold_stocks([Shock(stock_release=large * (1 + 9e-10))] * 1 + [Shock()], large)[1, 0, 0] == 0.0
    assert hold_stocks([Shock(stock_release=small + 9e-10), Shock()], small)[1, 0, 0] == 0.0
    with pytest.raises(ValueError, match="year 1 of the path: region 0 releases"):
        hold_stocks([Shock(stock_release=large * (1 + 1.5e-9))], large)


def test_plant_that_is_there_replaces_in_year_zero():
    bench = world(1, research_closure="sector")[0]
    found = years_to_replace(
        bench, base_standing(bench), np.zeros((3, 3)), np.array([False, True, True]), bench.parameters
    )
    assert set(found["stage"].tolist()) == {0}
    assert set(found["element"].tolist()) == {0}


def test_plant_that_comes_a_year_after_the_horizon_never_comes():
    """Plant must double, from the build time on half of the gap a year: there three years after the build time."""
    bench = world(1, research_closure="sector")[0]
    for build_time, years in ((HORIZON - 3, HORIZON), (HORIZON - 2, -1)):
        par = bench.parameters.replace(
            capacity_expansion=np.full(3, 0.5),
            build_time=np.full(3, build_time),
            capacity_exit=np.full(3, 0.5),
        )
        found = years_to_replace(
            bench, base_standing(bench), np.full((3, 3), np.log(2.0)), np.array([False, True, True]), par
        )
        assert set(found["stage"].tolist()) == {years}


def test_feedback_above_one_is_counted_by_sector():
    strong = awkward(7, innovation_elasticity=np.full((4, 6), 0.5), spillover=np.zeros((4, 6)), breadth=0.0)
    assert unstable(strong, Closure("directed")) is None
    par = strong.parameters
    rho = np.full_like(par.element_elasticity, 0.5)
    user = int(np.flatnonzero(strong.research_share.max(axis=0) > 0)[0])
    rho[user] = 50.0
    found = unstable(strong.replace(parameters=par.replace(element_elasticity=rho)), Closure("directed"))
    assert found is not None
    strong_cells = np.maximum.reduce(
        [
            excess >= 1
            for excess in long_run_feedback(
                strong.replace(parameters=par.replace(element_elasticity=rho))
            ).values()
        ]
    )
    sectors = int(strong_cells.any(axis=2).sum())
    assert 0 < sectors < strong_cells.any(axis=2).size / 2
    assert f"is 1 or more in {sectors} sectors" in found.detail
    # What is not solved stands at the base year.
    changed = strong.replace(parameters=par.replace(element_elasticity=rho))
    left = solve(changed, Shock(tariff=strong.tariff + 0.1), Closure("directed"), throw=False)
    assert left.status == "unstable"
    assert not any(
        array.any() for name, array in left.allocation.state._asdict().items() if name != "licence"
    )


# ------------------------------------------------------------------ networks


def test_betweenness_of_two_nodes_is_zero():
    pair = csr_array(np.array([[0.0, 1.0], [1.0, 0.0]]))
    np.testing.assert_array_equal(betweenness(pair), [0.0, 0.0])
    line = csr_array(np.array([[0.0, 1, 0], [1, 0, 1], [0, 1, 0]]))
    np.testing.assert_array_equal(betweenness(line, np.array([], dtype=int)), np.zeros(3))


def test_the_minimum_cut_is_at_the_narrow_link_next_to_the_source():
    cut = _minimum_cut(np.array([0, 1]), np.array([1, 2]), np.array([1.0, 5.0]), 2, 5.0)
    assert cut.tolist() == [True, False]


def test_only_links_that_matter_make_a_community():
    graph = nx.DiGraph()
    graph.add_weighted_edges_from([("a", "b", 100.0), ("c", "d", 99.0), ("e", "a", 0.01)], weight="value")
    assert communities(graph) == [{"a", "b"}, {"c", "d"}, {"e"}]


def test_extensions_that_carry_nothing_are_no_paths():
    assert _Branch((), (0, 1, 2), np.array([0.0, 2.0, 3.0]), True).order.tolist() == [2, 1]


# ------------------------------------------------------------------ base years, batches and derivatives


def test_income_of_the_base_year_and_the_deficit_are_what_is_spent(b):
    assert (b.research_share * b.output).sum() > 0
    np.testing.assert_allclose(_income_without_deficit(b) + b.deficit, b.final.sum(axis=1), rtol=1e-12)


def test_a_quota_on_an_ordinary_good_binds(b):
    ordinary = 0
    assert ordinary not in b.elements
    limited = quota_on(b, "one good", exports_of(b, 0, [ordinary]), 0.7)
    solution = solve(b, Shock(quotas=(limited,)))
    assert solution.licence["one good"] > 0
    assert solution.allocation.quota_tonnes[0] == pytest.approx(0.7 * quota_tonnes_base(b, limited), rel=1e-9)


def test_a_licence_on_an_ordinary_good_goes_when_it_is_removed():
    bench = awkward(1, licensed=(0, 3))
    kept = Case(bench, Shock(tariff=bench.tariff + 0.1))
    removed = Case(bench, Shock(remove_base_licence=True))
    cheaper = Case(
        bench,
        Shock(remove_base_licence=True, tariff=bench.tariff + 0.1, iceberg=1 + 0.1 * (bench.tariff > 0)),
    )
    checks.replicates(kept)
    for case in (kept, removed, cheaper):
        checks.levels(case)
        checks.derivative(case)
        checks.reported(case, checks.solved(case))
    price = delivered_price(solve(bench, Shock(remove_base_licence=True)))[0, 1:, [0, 3]]
    rate = 1.0 / bench.unit_value[0, [0, 3]]
    assert (price < 1 / (1 + 0.5 * rate[:, None])).all()


def test_scientists_who_leave_sluggish_labour_leave_fewer_workers():
    immobile = awkward(0, factor_mobility=np.array([2.0, 0.5, 0.0]), research_supply_elasticity=0.7)
    covers = exports_of(immobile, 0, immobile.elements)
    case = Case(immobile, Shock(quotas=(quota_on(immobile, "quota", covers, 0.3),)))
    checks.levels(case)
    checks.derivative(case)
    checks.solved(case)


def test_a_factor_that_a_region_does_not_have_has_no_market(b):
    """Nobody in region 1 owns capital: no logarithm of nothing is taken, also where no search catches it."""
    payment = b.factor_payment.copy()
    payment[1, 0] += payment[1, 1]
    payment[1, 1] = 0.0
    without = b.replace(factor_payment=payment)
    system = prepare(without, Shock(), Closure(), ())
    cells = layout(system)
    with np.errstate(all="raise"):
        found = residuals(system, allocate(system, cells.unpack(np.zeros(cells.size))))
    assert np.abs(found.mobile).max() < 1e-12
    checks.solved(Case(without, Shock(tariff=b.tariff + 0.2)))


def test_quotas_per_tonne_and_by_value_hold_side_by_side(b):
    covers, heavy = exports_of(b, 0, b.elements), exports_of(b, 0, b.elements[-2:])
    by_value = quota_on(b, "heavy", heavy, 0.3, specific=False, rent_to_importer=0.3)
    case = Case(b, Shock(quotas=(quota_on(b, "quota", covers, 0.5), by_value)))
    checks.levels(case)
    checks.derivative(case)
    solution = checks.solved(case)
    checks.reported(case, solution)
    assert min(solution.licence.values()) > 0


def test_a_region_where_nobody_lives_changes_nothing():
    """All of its flows are zero: it has no income, no markets, no unknowns."""
    rng = np.random.default_rng(3)
    flows, final = rng.uniform(0.5, 1.5, (3, 4, 3, 4)), rng.uniform(5, 9, (3, 4, 3))
    far = np.where(np.eye(3, dtype=bool)[:, :, None], 1.0, 1.3) * np.ones((1, 1, 4))
    alone = solve(benchmark_from_flows(flows, final), Shock(iceberg=far), EXOGENOUS)
    wide = [np.zeros((4, 4, 4, 4)), np.zeros((4, 4, 4))]
    wide[0][:3, :, :3], wide[1][:3, :, :3] = flows, final
    beside = np.ones((4, 4, 4))
    beside[:3, :3] = far
    empty = benchmark_from_flows(*wide)
    with np.errstate(all="raise"):
        system = prepare(empty, Shock(), EXOGENOUS, ())
        cells = layout(system)
        residuals(system, allocate(system, cells.unpack(np.zeros(cells.size))))
    found = solve(empty, Shock(iceberg=beside), EXOGENOUS)
    assert found.converged
    np.testing.assert_allclose(found.allocation.state.price[:3], alone.allocation.state.price, atol=1e-9)
    assert cells.size == layout(prepare(benchmark_from_flows(flows, final), Shock(), EXOGENOUS, ())).size


def test_only_plant_that_there_is_has_a_capacity(b):
    """A region without mines: the resource of its stage earns nothing."""
    payment = b.factor_payment.copy()
    payment[2, 2, b.stage_sector[0]] = 0.0
    system = prepare(b.replace(factor_payment=payment), Shock(), Closure("exogenous", "given", "target"), ())
    cells = layout(system)
    places = {cells.locate(position) for position in range(cells.size)}
    assert {cell for name, cell in places if name == "capacity"} == {
        (n, s) for n in range(4) for s in range(2) if (n, s) != (2, 0)
    }


def test_every_unknown_has_a_place_by_name(b):
    """Factors and sectors are those of the base year, though blocks hold only some of them."""
    two = awkward(0, factor_mobility=np.array([np.inf, 0.5, 0.0]))
    covers = exports_of(two, 0, two.elements)
    quotas = (quota_on(two, "quota", covers, 0.5, leak_margin=0.5),)
    system = prepare(two, Shock(quotas=quotas), Closure("directed", "target", "target"), quotas)
    cells = layout(system)
    places = [cells.locate(position) for position in range(cells.size)]
    assert len(set(places)) == cells.size
    found = {name: {cell for block, cell in places if block == name} for name, _ in places}
    regions = range(4)
    assert found["market"] == {(n, k) for n in regions for k in range(13) if system.supplied[n, k]}
    assert found["profit"] == {(n, j) for n in regions for j in range(9) if two.output[n, j] > 0}
    assert found["mobile"] == {(n, 0) for n in regions}
    paid = two.factor_payment
    assert found["sluggish"] == {
        (n, f, j) for n in regions for f in (1, 2) for j in range(9) if paid[n, f, j] > 0
    }
    spent, used = two.research_share, two.use[:, two.elements]
    assert found["research_e"] == {
        (n, j, e)
        for n in regions
        for j in range(9)
        for e in range(5)
        if spent[n, j] > 0 and used[n, e, j] > 0
    }
    assert found["research_x"] == {(n, j) for n in regions for j in range(9) if spent[n, j] > 0}
    assert found["quota"] == found["leak"] == {(0,)}
    assert found["budget"] == {(n,) for n in regions}


def test_scientists_of_regions_are_counted_draw_by_draw():
    """Base years that differ in research, its scientists moving between sectors: three at once, and each alone."""
    region = awkward(0, research_closure="region", research_supply_elasticity=0.5)
    rng, systems = np.random.default_rng(0), []
    for _ in range(3):
        spent = region.research_share * rng.uniform(0.5, 1.0, region.research_share.shape)
        drawn = region.replace(research_share=spent)
        systems.append(prepare(drawn, Shock(), Closure("directed", "target", "given"), ()))
    cells = layout(systems[0])
    x = rng.normal(0, 0.1, (3, cells.size))
    whole = stack(systems)
    together = stacked_residuals(cells, residuals(whole, allocate(whole, stacked_states(cells, x))))
    for row, system in enumerate(systems):
        alone = residuals(system, allocate(system, cells.unpack(x[row])))
        np.testing.assert_allclose(together[row], cells.pack_residuals(alone), rtol=1e-11, atol=1e-12)


def test_draws_of_other_lengths_are_not_stacked():
    assert _stacked("any", [(1, (2,)), (1, (2,))]) == (1, (2,))
    for other in ((1,), (1, 2, 3), (1, 3), ("1", 2)):
        with pytest.raises(Different):
            _stacked("any", [(1, 2), other])


def test_a_draw_travels_as_a_base_year_or_as_parameters(b):
    centre = SimpleNamespace(told=(b,))
    assert _unpack(centre, b) is b
    other = b.parameters.replace(breadth=0.5 * b.parameters.breadth)
    assert _unpack(centre, other).parameters is other
    assert _unpack(centre, other).output is b.output


@pytest.mark.parametrize(
    "name", ["use_subsidy", "stock_release", "recycling", "research_subsidy", "capacity"]
)
def test_instruments_that_are_not_there_are_zero(b, name):
    assert not derivatives._none(b, name).any()


@pytest.mark.parametrize(
    ("first", "used"), [(np.nan, 0), (0.0, derivatives.LIMIT)], ids=["not a number", "no end"]
)
def test_a_singular_jacobian_has_no_derivative(b, monkeypatch, first, used):
    def fgmres(product, apply, rhs, accuracy, limit):
        return np.concatenate([[first], np.zeros(len(rhs) - 1)]), used

    solution = solve(b, Shock(tariff=b.tariff + 0.1))
    monkeypatch.setattr(derivatives, "fgmres", fgmres)
    direction = derivatives.instrument("tariff", (0, 1, 0))
    with pytest.raises(ArithmeticError, match="no derivative exists"):
        derivatives.derivatives(solution, b, Shock(tariff=b.tariff + 0.1), [direction], results)


def test_sales_of_a_good_are_split_as_make_says_and_what_nobody_makes_is_nobodys():
    """Two sectors, three goods: the first made by both, one to three; the second by the second; the third by none."""
    make, sales = np.array([[[1.0, 0, 0], [3.0, 2.0, 0]]]), np.array([[8.0, 5.0, 0.0]])
    np.testing.assert_array_equal(_output_of(sales, make), [[2.0, 11.0]])
    np.testing.assert_allclose(_make_shares(sales, make), [[[1, 0, 0], [6 / 11, 5 / 11, 0]]], rtol=1e-15)
    np.testing.assert_array_equal(_make_shares(0 * sales, make), 0 * make)


def test_only_sectors_that_pay_more_than_they_sell_for_are_scaled_down():
    """Two sectors of one region with a good each: one buys for 10 and sells for 4, the other for 1 and 15."""
    flows, final = np.zeros((1, 2, 1, 2)), np.array([[[3.0], [5.0]]])
    flows[0, 1, 0, 0], flows[0, 0, 0, 1] = 10.0, 1.0
    found = _affordable(flows, final, np.ones((1, 2, 1)), np.eye(2)[None], np.ones((1, 2)))
    assert found[0, 1, 0, 0] == pytest.approx(4.0, rel=1e-12)
    assert found[0, 0, 0, 1] == 1.0


def test_a_sector_without_output_does_not_stop(b):
    """It makes nothing, so that it has nothing to stop; base years have such cells."""
    output, make = b.output.copy(), b.make.copy()
    output[0, 0], make[0, 0] = 0.0, 0.0
    empty = SimpleNamespace(
        output=output, make=make, trade_share=b.trade_share, use=b.use, final=b.final, use_class=b.use_class,
        final_class=b.final_class,
    )  # fmt: skip
    closed, _ = idle(empty, np.zeros(b.trade_share.shape, dtype=bool))
    assert not closed[0, 0]


def test_a_cut_keeps_a_quota_that_is_tighter_on_a_part(b):
    """Quotas that a cut implies are dropped on the way; one on a part that is tighter still is not implied."""
    covers = exports_of(b, 0, b.elements)
    part = exports_of(b, 0, b.elements[:1])
    tight = quota_on(b, "part", part, 0.05)
    shock = Shock(quotas=(tight,))
    today = solve(b, shock, STATIC)
    (after,) = cut(b, shock, covers, [0.3], today)
    sold = np.where(part, gate_tonnes(after), 0.0).sum()
    assert sold <= tight.limit * (1 + 1e-9)
    all_sold = np.where(covers, gate_tonnes(after), 0.0).sum()
    assert all_sold == pytest.approx(0.7 * np.where(covers, gate_tonnes(today), 0.0).sum(), rel=1e-6)


def test_what_travels_of_a_draw_is_as_little_as_possible(b):
    centre, shock = SimpleNamespace(told=(b,)), Shock()
    drawn = b.replace(parameters=b.parameters.replace(breadth=0.2))
    assert _pack(centre, (drawn, shock)) == (drawn.parameters, shock)
    other = b.replace(output=b.output.copy())
    assert _pack(centre, (other, shock))[0] is other


def test_a_draw_puts_stability_in_doubt_when_innovation_or_a_long_run_changes(b):
    centre = Centre(b, Shock(), EXOGENOUS)

    def drawn(**changes):
        return b.replace(parameters=b.parameters.replace(**changes))

    assert not centre._doubtful(b)
    assert not centre._doubtful(drawn(trade_elasticity=1.3 * b.parameters.trade_elasticity))
    assert centre._doubtful(drawn(breadth=0.2))
    assert centre._doubtful(drawn(innovation_elasticity=0.9 * b.parameters.innovation_elasticity))
    for name in ("ree_elasticity", "element_elasticity"):
        assert not centre._doubtful(drawn(**{name: np.full(b.shape[1], 2.9)}))
        assert centre._doubtful(drawn(**{name: np.full(b.shape[1], 3.0)}))  # lambda is 0.5
    by_region = b.replace(parameters=b.parameters.replace(research_closure="region"))
    of_region = Centre(by_region, Shock(), EXOGENOUS)
    moved = by_region.parameters.replace(trade_elasticity=1.3 * b.parameters.trade_elasticity)
    assert of_region._doubtful(by_region.replace(parameters=moved))


def test_a_draws_unknowns_are_a_start_for_the_same_draw(b):
    covers = exports_of(b, 0, b.elements)
    centre = Centre(b, Shock(quotas=(quota_on(b, "quota", covers, 0.6),)), EXOGENOUS)
    shock = Shock(quotas=(quota_on(b, "quota", covers, 0.4),))
    found = centre.solve(b, shock)
    x = centre.unknowns(found)
    assert x is not None
    assert centre.solve(b, shock, centre.at(x)).iterations == 0 < found.iterations
    assert centre.unknowns(solve(b, Shock(), EXOGENOUS)) is None  # without the quota's licence


def test_stocks_are_counted_by_the_weights_of_the_quota(b):
    """Purchases of 0.9 of a limit in content, 1.8 of it in gross weight: the quota can be met."""
    good = int(b.elements[0])
    unit = b.unit_value.copy()  # a kilo costs the buyer as much from everywhere
    unit[:, good] = 5.0 / ((1 + b.export_tax[:, 1, good]) * (1 + b.tariff[:, 1, good]))
    b = b.replace(unit_value=unit)
    sells = exports_of(b, 0, [good])
    closed = np.zeros_like(sells)
    closed[1:, :, good] = True
    weight = np.full(b.final.shape[1], 0.5)
    bought = np.zeros(b.final.shape)
    bought[1, good] = -100.0
    shock = Shock(embargo=closed, stock_release=bought)
    quota = Quota("quota", sells, 55.0, weight)
    assert infeasible(b, shock, (quota,)) is None
    assert infeasible(b, shock, (quota.replace(limit=45.0),)).block == "quota"


@pytest.mark.parametrize("priced", [False, True])
def test_a_production_quota_on_a_good_without_a_unit_value_is_refused(priced):
    """Whether or not another good under it has one."""
    b, _ = world(1, research_closure="sector")
    first, second = b.elements[:2]
    goods = np.isin(np.arange(b.final.shape[1]), [first, second])
    value = b.unit_value.copy()
    value[:, first] = np.nan
    value[:, second] = 1.0 if priced else np.nan
    quota = ProductionQuota("mines", 0, goods, 1.0, np.ones(len(goods)))
    with pytest.raises(ValueError, match="'mines' names a good that has no unit value"):
        prepare(b.replace(unit_value=value), Shock(production_quotas=(quota,)), Closure(), ())


def test_a_sector_that_buys_nothing_but_rare_earths_has_no_other_technology():
    b, _ = world(1, research_closure="sector")
    j = int(np.nonzero(b.use[0][b.elements].any(axis=0) & (b.research_share[0] > 0))[0][0])
    use, paid = b.use.copy(), b.factor_payment.copy()
    ordinary = ~np.isin(np.arange(use.shape[1]), b.elements)
    use[0, ordinary, j], paid[0, :, j] = 0.0, 0.0
    research = prepare(b.replace(use=use, factor_payment=paid), Shock(), Closure(), ()).research
    assert not research.active_x[0, j]
    assert prepare(b, Shock(), Closure(), ()).research.active_x[0, j]


def test_the_price_of_a_factor_that_a_region_does_not_have_stays():
    case = cases()["no shock"]
    system = prepare(case.benchmark, case.shock, case.closure, ())
    share = system.supply_share.copy()
    share[1] = 0.0
    wages = np.random.default_rng(0).normal(size=share.shape)
    index = sluggish_index(system.replace(supply_share=share), wages)
    np.testing.assert_array_equal(index[1], 0.0)
    assert index[0].any()
