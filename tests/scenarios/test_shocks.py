"""From instruments to the arrays of a Shock, recomputed here cell by cell."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scenarios
from calibration.errors import InputError
from model.path import hold_stocks
from model.records import Shock
from tests.scenarios.conftest import ELEMENTS, GOODS, REGIONS, SECTORS

HEAD = {"name": "t", "title": "t", "question": "q", "calibration": "small"}
CHN, JPN, USA, AUS, ROW = range(5)
DY, MAGNETS = GOODS.index("Dy"), GOODS.index("magnets")


def build(world: Any, *lines: dict[str, Any], year: int | None = None, **head: Any) -> Shock:
    frame = HEAD | ({"year": year} if year else {}) | head
    return scenarios.parse(frame | {"instruments": list(lines)}, world).shock(world)


def touched(shock: Shock) -> set[str]:
    """The fields of a Shock that say something."""
    given = ((item.name, getattr(shock, item.name)) for item in dataclasses.fields(shock))
    return {name for name, value in given if isinstance(value, np.ndarray) or value not in (None, False, ())}


def tonnes(world: Any, i: int, n: int, k: int) -> float:
    """E12 by hand, for base-year exports."""
    b = world.benchmark
    spent = sum(b.use[n, k, j] for j in range(len(SECTORS))) + b.final[n, k]
    licence = b.licence[i, k] / b.unit_value[i, k] if i != n else 0.0
    gate = (
        b.trade_share[0, i, n, k]
        * spent
        / (1 + b.export_tax[i, n, k])
        / (1 + licence)
        / (1 + b.tariff[i, n, k])
    )
    return gate * 1e6 / (b.unit_value[i, k] * 1000)


def test_nothing_is_nothing(world: SimpleNamespace) -> None:
    assert touched(build(world)) == set()


def test_rates_are_levels_and_later_lines_replace_earlier_ones(world: SimpleNamespace) -> None:
    line = {"type": "export_tax", "origins": "CHN"}
    shock = build(
        world,
        line | {"elements": "all", "rate": 0.3},
        line | {"elements": "Dy", "rate": 0.5},
        line | {"elements": "Dy", "destinations": "USA", "add": 0.1},
    )
    base = world.benchmark.export_tax
    for i in range(5):
        for n in range(5):
            for k, good in enumerate(GOODS):
                expected = base[i, n, k]
                if i == CHN and n != CHN and good in ELEMENTS:
                    expected = 0.3 if good != "Dy" else 0.6 if n == USA else 0.5
                assert shock.export_tax[i, n, k] == pytest.approx(expected), (i, n, good)
    assert shock.tariff is None


def test_a_rate_of_zero_removes_the_base_tax_and_no_line_keeps_it(world: SimpleNamespace) -> None:
    shock = build(world, {"type": "tariff", "destinations": "USA", "goods": "magnets", "rate": 0})
    assert (shock.tariff[np.arange(5) != USA, USA, MAGNETS] == 0).all()
    untouched = shock.tariff != world.benchmark.tariff
    assert untouched.sum() == 4


def test_home_sales_are_never_touched(world: SimpleNamespace) -> None:
    target = {"origins": "all", "destinations": "all", "goods": "all"}
    shock = build(
        world,
        {"type": "export_tax", **target, "rate": 1},
        {"type": "tariff", **target, "rate": 1},
        {"type": "friction", **target, "cost": 1},
        {"type": "embargo", **target},
    )
    home = np.arange(5)
    assert (shock.export_tax[home, home] == 0).all()
    assert (shock.tariff[home, home] == 0).all()
    assert (shock.iceberg[home, home] == 1).all()
    assert not shock.embargo[home, home].any()
    assert shock.embargo.sum() == 5 * 4 * len(GOODS)


def test_frictions_multiply_and_embargoes_unite(world: SimpleNamespace) -> None:
    line = {"type": "friction", "origins": "CHN"}
    shock = build(
        world,
        line | {"elements": "all", "cost": 0.1},
        line | {"elements": "Dy", "cost": {"value": 20, "unit": "%"}},
        {"type": "embargo", "origins": "CHN", "destinations": "JPN", "elements": "La"},
        {"type": "embargo", "origins": "CHN", "destinations": "USA", "elements": "La"},
    )
    assert shock.iceberg[CHN, JPN, DY] == pytest.approx(1.1 * 1.2)
    assert shock.iceberg[CHN, JPN, DY - 1] == pytest.approx(1.1)
    assert np.argwhere(shock.embargo).tolist() == [[CHN, JPN, 1], [CHN, USA, 1]]


@pytest.mark.parametrize("weight", ["gross", "reo"])
def test_a_quota_relative_to_the_base_year_is_a_share_of_base_tonnes(
    world: SimpleNamespace, weight: str
) -> None:
    line = {
        "type": "export_quota",
        "origins": ["CHN", "AUS"],
        "destinations": {"all_but": "ROW"},
        "elements": ["Nd", "Dy"],
    }
    shock = build(world, line | {"limit": {"value": 60, "unit": "%"}, "weight": weight})
    (quota,) = shock.quotas
    content = world.benchmark.reo_content if weight == "reo" else np.ones(len(GOODS))
    covered = [
        (i, n, k) for i in (CHN, AUS) for n in (CHN, JPN, USA, AUS) if i != n for k in (GOODS.index("Nd"), DY)
    ]
    assert sorted(map(tuple, np.argwhere(quota.covers).tolist())) == sorted(covered)
    assert quota.limit == pytest.approx(
        0.6 * sum(tonnes(world, *cell) * content[cell[2]] for cell in covered)
    )
    assert quota.weight[DY] == content[DY]
    assert quota.specific
    assert quota.leak_margin is None


def test_quotas_stay_apart_and_carry_their_options(world: SimpleNamespace) -> None:
    line = {"type": "export_quota", "origins": "CHN", "elements": "all"}
    shock = build(
        world,
        line
        | {
            "name": "a",
            "limit": {"value": 3, "unit": "kt"},
            "licence": "ad_valorem",
            "rent_to_importer": 0.25,
        },
        line | {"limit": 2000, "leak_margin": {"value": 20000, "unit": "USD/t"}},
    )
    first, second = shock.quotas
    assert (first.name, first.limit, first.specific, first.rent_to_importer) == ("a", 3000, False, 0.25)
    assert (second.name, second.limit, second.leak_margin) == ("export_quota", 2000, pytest.approx(20))


def test_a_quota_of_zero_is_an_embargo(world: SimpleNamespace) -> None:
    target = {"origins": "CHN", "elements": "heavy"}
    quota = build(world, {"type": "export_quota", **target, "limit": 0})
    embargo = build(world, {"type": "embargo", **target})
    assert quota.quotas == ()
    assert (quota.embargo == embargo.embargo).all()


def test_a_production_quota_limits_one_region(world: SimpleNamespace) -> None:
    line = {
        "type": "production_quota",
        "region": "CHN",
        "elements": "all",
        "limit": {"value": 0.5, "unit": "ratio"},
    }
    (quota,) = build(world, line).production_quotas
    b = world.benchmark
    made = sum(
        b.output[CHN, 1] * b.make[CHN, 1, k] * 1000 / b.unit_value[CHN, k] * b.reo_content[k]
        for k in range(1, 5)
    )
    assert (quota.origin, quota.limit) == (CHN, pytest.approx(0.5 * made))
    assert quota.goods.tolist() == [good in ELEMENTS for good in GOODS]


def test_subsidies(world: SimpleNamespace) -> None:
    shock = build(
        world,
        {"type": "production_subsidy", "regions": "USA", "sectors": "ree_mining", "add": 0.2},
        {"type": "use_subsidy", "regions": ["JPN", "USA"], "elements": "Dy", "rate": 0.3},
        {"type": "use_subsidy", "regions": "JPN", "elements": "Dy", "rate": 0.1},
    )
    assert shock.subsidy[USA, 0] == pytest.approx(0.21)
    assert shock.subsidy[JPN, 0] == 0.01
    assert shock.use_subsidy[USA, DY] == 0.3
    assert shock.use_subsidy[JPN, DY] == 0.1
    assert np.count_nonzero(shock.use_subsidy) == 2


def test_research_spending_is_a_rate_that_costs_as_much_at_base_year_research(world: SimpleNamespace) -> None:
    line = {"type": "research_subsidy", "regions": ["JPN", "USA"], "sectors": "magnets"}
    shock = build(
        world, line | {"technologies": ["Dy", "X"], "spending": 5}, line | {"technologies": "Dy", "rate": 0.1}
    )
    b, j = world.benchmark, SECTORS.index("magnets")
    outlay = 0.0
    for n in (JPN, USA):
        cost = b.use[n, :, j].sum() + b.factor_payment[n, :, j].sum()
        share = {"Dy": b.use[n, DY, j] / cost, "X": 1 - sum(b.use[n, k, j] for k in range(1, 5)) / cost}
        outlay += 0.03 * 1.01 * b.output[n, j] * (share["Dy"] + share["X"])
    z = shock.research_subsidy
    assert z[JPN, j, 4] == pytest.approx(5 / outlay)
    assert z[JPN, j, ELEMENTS.index("Dy")] == pytest.approx(5 / outlay + 0.1)
    assert np.count_nonzero(z) == 4


def investment(**changes: Any) -> dict[str, Any]:
    cost = {"value": 10, "unit": "ratio", "source": "s", "status": "analyst"}
    line = {
        "type": "capacity_investment",
        "region": "USA",
        "stage": "magnets",
        "build_time": 2,
        "capacity_cost": cost,
    }
    return line | changes


def test_capacity_is_paid_at_once_and_there_after_the_build_time(world: SimpleNamespace) -> None:
    line = investment(spending={2010: 30, 2012: 0}, paid_by="JPN")
    scenario = scenarios.parse(HEAD | {"horizon": "path", "years": "2009-2016", "instruments": [line]}, world)
    base = world.benchmark.output[USA, 2]
    for year, paid, built in (
        (2009, 0, 0),
        (2010, 30, 0),
        (2011, 30, 0),
        (2012, 0, 30),
        (2013, 0, 60),
        (2016, 0, 60),
    ):
        shock = scenario.shock(world, year)
        spent = np.zeros(5) if shock.capacity_investment is None else shock.capacity_investment
        assert spent.tolist() == [0, paid, 0, 0, 0], year
        capacity = np.zeros((5, 2)) if shock.capacity is None else shock.capacity
        assert capacity[USA, 1] == pytest.approx(np.log1p(built / (10 * base))), year
        assert np.count_nonzero(capacity) == (built > 0)


@pytest.mark.parametrize(("unit", "content"), [("USD/t", 1.0), ("USD/t REO", 0.5)])
def test_capacity_cost_per_tonne_counts_gross_weight_or_oxide(
    world: SimpleNamespace, unit: str, content: float
) -> None:
    cost = {"value": 1000, "unit": unit, "source": "s", "status": "analyst"}
    line = investment(stage="ree_mining", spending={2010: 4, 2011: 0}, build_time=0, capacity_cost=cost)
    shock = build(world, line, year=2012, horizon="short")
    base = world.benchmark.output[USA, 0] * 1000 / world.benchmark.unit_value[USA, 0] * content
    assert shock.capacity[USA, 0] == pytest.approx(np.log1p(4e6 / 1000 / base))


def test_stockpiles_and_recycling_are_split_as_base_use(world: SimpleNamespace) -> None:
    shock = build(
        world,
        {"type": "stockpile", "regions": ["JPN", "USA"], "elements": ["Nd", "Dy"], "purchase": 100},
        {
            "type": "recycling",
            "regions": "JPN",
            "elements": ["Nd", "Dy"],
            "tonnes": {"value": 10, "unit": "%"},
            "cost": 0.8,
        },
        {"type": "recycling", "regions": "JPN", "elements": "Dy", "tonnes": 1, "cost": 0.4},
    )
    use = {(n, k): sum(tonnes(world, i, n, k) for i in range(5)) for n in (JPN, USA) for k in (DY - 1, DY)}
    total = sum(use.values())
    for (n, k), amount in use.items():
        assert shock.stock_release[n, k] == pytest.approx(-100 * amount / total)
    assert shock.stock_release.sum() == pytest.approx(-100)
    recycled = 0.1 * use[JPN, DY]
    assert shock.recycling[JPN, DY] == pytest.approx(recycled + 1)
    assert shock.recycling_cost[JPN, DY] == pytest.approx((0.8 * recycled + 0.4) / (recycled + 1))
    assert shock.recycling_cost[JPN, DY - 1] == pytest.approx(0.8)
    assert np.count_nonzero(shock.recycling) == 2


def test_shifts_and_productivity_multiply(world: SimpleNamespace) -> None:
    shift = {"type": "demand_shift", "regions": "USA", "goods": "things", "multiplier": 1.5}
    better = {"type": "productivity", "regions": "all", "sectors": "chemicals", "multiplier": 1.1}
    shock = build(
        world,
        shift,
        shift | {"share": 0.2},
        better,
        better | {"regions": "JPN"},
        groups={"things": ["chemicals", "services"]},
    )
    k = GOODS.index("services")
    assert shock.demand_shift[USA, k] == pytest.approx(1.5 * 1.1)
    assert np.count_nonzero(shock.demand_shift != 1) == 2
    assert shock.productivity[:, 3].tolist() == pytest.approx([1.1, 1.21, 1.1, 1.1, 1.1])


def test_the_base_licence_is_removed_from_its_year_on(world: SimpleNamespace) -> None:
    line = {"type": "remove_base_licence", "from": 2015}
    scenario = scenarios.parse(HEAD | {"horizon": "path", "years": "2014-2016", "instruments": [line]}, world)
    assert [scenario.shock(world, year).remove_base_licence for year in (2014, 2015, 2016)] == [
        False,
        True,
        True,
    ]


@given(st.integers(2005, 2020), st.integers(0, 10), st.integers(2000, 2025))
def test_an_instrument_acts_from_its_first_to_its_last_year(first: int, length: int, year: int) -> None:
    line = {"type": "embargo", "origins": "CHN", "elements": "all", "from": first, "until": first + length}
    head = HEAD | {"horizon": "path", "years": "2000-2040"}
    (read,) = scenarios.parse(head | {"instruments": [line]}).instruments
    assert read.in_force(year) == (first <= year <= first + length)


@pytest.mark.parametrize(
    ("kind", "rest"),
    [
        ("export_tax", {"origins": "CHN", "elements": "all", "rate": {2012: 0.1}}),
        ("tariff", {"elements": "all", "add": {2012: 0.1}}),
        ("friction", {"elements": "all", "cost": {2012: 0.1}}),
        ("export_quota", {"elements": "all", "limit": {2012: 5000}, "rent_to_importer": 0.1}),
        ("production_quota", {"region": "CHN", "elements": "all", "limit": {2012: 5000}}),
        ("production_subsidy", {"regions": "all", "sectors": "all", "rate": {2012: 0.1}}),
        ("use_subsidy", {"regions": "all", "elements": "all", "rate": {2012: 0.1}}),
        ("research_subsidy", {"regions": "all", "rate": {2012: 0.1}}),
        ("stockpile", {"regions": "all", "elements": "all", "release": {2012: 5}, "initial": 100}),
        ("recycling", {"regions": "all", "elements": "all", "tonnes": {2012: 5}, "cost": 0.1}),
        ("demand_shift", {"regions": "all", "goods": "chemicals", "multiplier": {2012: 1.1}, "share": 0.5}),
        ("productivity", {"regions": "all", "sectors": "all", "multiplier": {2012: 1.1}}),
    ],
)
def test_before_its_first_year_an_instrument_does_nothing(
    world: SimpleNamespace, kind: str, rest: dict[str, Any]
) -> None:
    head = HEAD | {"horizon": "path", "years": "2010-2014"}
    scenario = scenarios.parse(head | {"instruments": [{"type": kind, **rest}]}, world)
    assert touched(scenario.shock(world, 2011)) == set()
    assert touched(scenario.shock(world, 2012))
    assert touched(scenario.shock(world, 2014))


NAMES = st.lists(st.sampled_from(REGIONS), min_size=1, unique=True)


@given(
    NAMES, NAMES, st.sampled_from(["all", "heavy", "light", ["La"], ["Nd", "Y"], {"all_but": ["La", "Dy"]}])
)
def test_targets_cover_what_they_name(
    world: SimpleNamespace, origins: list[str], destinations: list[str], elements: Any
) -> None:
    members = {"all": set(ELEMENTS), "heavy": {"Dy", "Y"}, "light": {"La", "Nd"}}
    if isinstance(elements, dict):
        chosen = set(ELEMENTS) - set(elements["all_but"])
    else:
        chosen = members[elements] if isinstance(elements, str) else set(elements)
    line = {"type": "embargo", "origins": origins, "destinations": destinations, "elements": elements}
    pairs = [(i, n) for i in origins for n in destinations if i != n]
    if not pairs:
        with pytest.raises(InputError, match="covers no trade"):
            build(world, line)
        return
    closed = build(world, line).embargo
    found = {(REGIONS[i], REGIONS[n], GOODS[k]) for i, n, k in np.argwhere(closed).tolist()}
    assert found == {(i, n, k) for i, n in pairs for k in chosen}


def test_coalitions_and_complements(world: SimpleNamespace) -> None:
    line = {"type": "embargo", "origins": "CHN", "destinations": {"all_but": ["friends"]}, "elements": "Dy"}
    closed = build(world, line, coalitions={"friends": ["ROW", "AUS"]}).embargo
    assert np.argwhere(closed).tolist() == [[CHN, JPN, DY], [CHN, USA, DY]]


def test_the_same_scenario_gives_the_same_shock_and_leaves_the_base_year_alone(
    world: SimpleNamespace,
) -> None:
    before = world.benchmark.export_tax.copy()
    line = {"type": "export_tax", "origins": "CHN", "elements": "all", "add": 0.3}
    first, second = build(world, line), build(world, line)
    assert (first.export_tax == second.export_tax).all()
    assert (world.benchmark.export_tax == before).all()


def test_only_some_instruments(world: SimpleNamespace) -> None:
    lines = [{"type": "embargo", "origins": o, "elements": "all"} for o in ("CHN", "AUS")]
    lines += [{"type": "friction", "name": "slow", "elements": "all", "cost": 0.1}]
    scenario = scenarios.parse(HEAD | {"instruments": lines}, world)
    assert [line.name for line in scenario.instruments] == ["embargo-1", "embargo-2", "slow"]
    assert scenario.only(["slow"]).shock(world).embargo is None
    assert touched(scenario.only([]).shock(world)) == set()
    with pytest.raises(KeyError):
        scenario.only(["fast"])


@pytest.mark.parametrize(
    ("flows", "held"),
    [
        ({"purchase": {2008: 30, 2012: 0}}, 90),  # of 2008, 2009 and 2010
        ({"from": 2009, "purchase": 30}, 60),
        ({"from": 2009, "purchase": 30, "release": {2009: 0, 2010: 5}, "initial": 7}, 7 + 60 - 5),
        ({"purchase": 30}, 0),  # from the first year of the path on
        ({"from": 2009, "until": 2011, "purchase": {2008: 30, 2010: 0}, "initial": 1}, 31),
    ],
)
def test_what_was_bought_before_a_path_is_in_the_stock(
    world: SimpleNamespace, flows: dict[str, Any], held: float
) -> None:
    lines = [{"type": "stockpile", "regions": "JPN", "elements": "Dy"} | flows]
    scenario = scenarios.parse(HEAD | {"horizon": "path", "years": "2011-2013", "instruments": lines}, world)
    inputs = scenario.path(world)
    assert inputs.initial_stocks[JPN, DY] == pytest.approx(held)
    assert inputs.initial_stocks.sum() == pytest.approx(held)
    stocks = hold_stocks(inputs.shocks, inputs.initial_stocks)
    line = scenario.instruments[0]
    assert [stocks[t, JPN, DY] for t in (1, 2)] == pytest.approx([line.held(y, 2011) for y in (2011, 2012)])


def test_the_inputs_of_a_path(world: SimpleNamespace) -> None:
    cost = {"value": 10, "unit": "ratio", "source": "s", "status": "analyst"}
    lines = [
        investment(spending={2008: 30, 2012: 0}, capacity_cost=cost),
        {
            "type": "stockpile",
            "regions": "JPN",
            "elements": "Dy",
            "initial": 7,
            "release": {2011: 7, 2012: 0},
        },
    ]
    scenario = scenarios.parse(HEAD | {"horizon": "path", "years": "2011-2015", "instruments": lines}, world)
    inputs = scenario.path(world)
    assert inputs.years == (2011, 2012, 2013, 2014, 2015)
    assert inputs.added_capacity[:, USA, 1] * 10 * world.benchmark.output[USA, 2] == pytest.approx(
        [60, 30, 30, 0, 0]  # what was ordered in 2008 and 2009 is there when the path begins
    )
    assert np.count_nonzero(inputs.added_capacity) == 3
    assert inputs.initial_stocks[JPN, DY] == 7
    assert inputs.initial_stocks.sum() == 7
    assert inputs.shocks[0].stock_release[JPN, DY] == 7
    assert touched(inputs.shocks[4]) == {"capacity"} | (
        {"capacity_investment", "stock_release"} & touched(inputs.shocks[4])
    )
    with pytest.raises(ValueError, match="not a path"):
        scenarios.load("no-shock").path(world)
