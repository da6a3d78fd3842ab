"""What stands on a screen, beside what was drawn for it: whose number, of which regime, in which column."""

from __future__ import annotations

import argparse
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from outputs import comparing, facts, findings, names, pipeline, pricefacts, quotas, readable, summary
from outputs.comparison import Member, results
from outputs.report import tabular
from tests.outputs.drawn import drawn, number

FIRST, FULL = "exogenous", "directed_with_spillovers"


@pytest.fixture(scope="module")
def one(ds):
    return drawn(ds, ["R1"], 1)


@pytest.fixture(scope="module")
def other(ds):
    return drawn(ds, ["R1"], 2)


@pytest.fixture(scope="module")
def said(one, other):
    """The lines of a comparison of two runs."""
    members = [Member("first", one, {"x": 1}), Member("second", other, {"x": 2})]
    args = argparse.Namespace(tolerance=1e-6, rows=5)
    gathered = SimpleNamespace(members=members, folders=(), outcomes=())
    return [line.text for line in comparing.lines(gathered, args, "there")]


def test_runs_are_numbered_as_their_columns_are(said):
    assert said[1:3] == ["  [1] first", "  [2] second"]
    heads = [line for line in said if line.endswith("[2]")]
    assert [line.split("  ")[0] for line in heads] == [names.regime(FIRST), names.regime(FULL)]
    assert all(line.split()[-2:] == ["[1]", "[2]"] for line in heads)


def test_headlines_of_either_regime_are_its_own(said, one, other):
    starts = [at for at, line in enumerate(said) if line.endswith("[2]")]
    ends = [*starts[1:], said.index("Inputs that differ")]
    for regime, start, end in zip((FIRST, FULL), starts, ends, strict=True):
        expected = tabular.headlines([(one, regime), (other, regime)])
        rows = [line.split()[-2:] for line in said[start + 1 : end]]
        assert rows[: len(expected)] == [[comparing._number(v) for v in row] for row in expected.values()]


def test_every_variable_that_differs_is_listed_but_how_it_was_solved(one, other):
    found = set(results([Member("a", one, {}), Member("b", other, {})])["variable"])
    assert {"licence_price", "licence_rate", "real_income", "tonnes", "purchaser_price"} <= found
    assert not {"iterations", "residual", "walras", "message"} & found


def quota_rows(ds):
    return quotas.table(ds).set_index(["regime", "quota"])


def test_quotas_of_every_regime(one):
    """Two of them, so that regimes and names cannot change places."""
    two = one.isel(quota=[0, 0]).assign_coords(quota=["a", "b"])
    two = drawn(two, ["R1"], 3)
    table = quota_rows(two)
    assert len(table) == 2 * two.sizes["regime"]
    for (regime, quota), row in table.iterrows():
        at = {"regime": regime, "quota": quota}
        assert row["base [t]"] == number(two, "quota_base_tonnes", quota=quota)
        assert row["limit [t]"] == number(two, "quota_limit", **at)
        assert row["sold [t]"] == number(two, "quota_tonnes", **at)
        assert row["smuggled [t]"] == number(two, "quota_leak", **at)
        assert row["cost of smuggling [million USD]"] == number(two, "smuggling_cost", **at)
        assert row["licence [USD/kg]"] == number(two, "licence_price", **at)
        assert row["licence [% of gate price]"] == pytest.approx(100 * number(two, "licence_rate", **at))


def text(ds, start):
    """The line of a summary that begins so."""
    lines = [line.text for line in summary.scenario(ds.expand_dims(scenario=["cut"]), 100)]
    (found,) = [line for line in lines if line.startswith(start)]
    return found


def test_regions_that_move_most_come_first_whichever_way(one):
    """A loss of nine is more than a gain of two."""
    usd = one["equivalent_variation"].copy()
    usd.loc[{"region": "R0"}], usd.loc[{"region": "R2"}] = 2.0, -9.0
    lines = [
        line
        for line in summary.scenario(one.assign(equivalent_variation=usd).expand_dims(scenario=["cut"]), 100)
        if line.text.startswith("  R")
    ]
    assert [(line.text.split()[0], line.rank) for line in lines] == [("R2", 2), ("R0", 3)]


def test_large_amounts_of_all_regions_have_one_unit(one):
    """From a million million on four digits are kept, and what stands beside with more did not add up to them."""
    changes = {name: 1e6 * one[name] for name in ("equivalent_variation", "group_equivalent_variation")}
    big = one.assign(changes | {"licence_rent": 2e3 * one["licence_rent"]})
    lines = [line.text for line in summary.scenario(big.expand_dims(scenario=["cut"]), 100)]
    start = next(at for at, line in enumerate(lines) if line.startswith("Real income, bn USD"))
    values = [facts.real_income(big).set_index("region")[f"{r} [million USD]"] for r in (FIRST, FULL)]
    for row in lines[start + 1 : start + 5]:
        cells, label = row.split(), {"all others": "others"}.get(row[:23].strip(), row[:23].strip())
        assert [cells[-3], cells[-1]] == [names.signed(1e-3 * float(value[label])) for value in values]
    rents = text(big, "quota rents received").split()[-3:]
    assert rents == [names.number(2 * float(rent)) for rent in one["licence_rent"].sum("region").values]


def test_ore_and_magnets_are_told_where_they_move_more_than_oxides(one):
    """Of a ban on magnets the prices of oxides were all that stood on the screen."""
    good, abroad = pricefacts.chain_goods(one)[-1], pricefacts.index(one, FIRST)["abroad"]
    for change, told in ((2 * abs(abroad) + 1, True), (0.0, False)):
        prices = one["purchaser_price"].copy()
        for each in pricefacts.chain_goods(one):
            prices.loc[{"good": each}] = 1 + change / 100 * (each == good)
        ds = one.assign(purchaser_price=prices).expand_dims(scenario=["cut"])
        lines = " ".join(line.text for line in summary.scenario(ds, 100))
        assert (f"for {good} {names.number(change)} % more with {names.regime(FIRST)}" in lines) is told


def test_one_equilibrium_is_one(one):
    alone = one.sel(regime=[FIRST])
    assert text(alone, "1 equilibrium, largest residual")


def test_a_regime_whose_technology_stands_still_has_no_numbers_of_it(one):
    """Any regime, not the one that is called so."""
    level = one["technology_level"].copy()
    level.loc[{"regime": FULL}] = 1.0
    assert [cell == "-" for cell in text(one.assign(technology_level=level), "cost saved").split()[-6:]] == [
        False, False, False, False, True, True
    ]  # fmt: skip


@pytest.mark.parametrize("variable", ["residual", "walras"])
def test_the_largest_residual_may_be_that_of_walras_law(one, variable):
    calm = one.assign(residual=1e-14 * one["residual"], walras=1e-14 * one["walras"])
    new = calm[variable].copy(data=np.full(calm[variable].shape, 3e-9))
    assert "largest residual 3e-09" in text(calm.assign({variable: new}), f"{one.sizes['regime']} equilibria")


def test_the_tax_that_stands_for_a_quota(one, other):
    """Its rate where it is levied, and what it sells more of against the quota."""
    tax = other.isel(quota=[0, 0]).assign_coords(quota=["idle", "tax"])
    rate = tax["licence_rate"].copy()
    rate.loc[{"quota": "idle"}], rate.loc[{"quota": "tax"}] = 0.0, 0.25
    tax = tax.assign(licence_rate=rate).assign_attrs(export_taxes='["idle", "tax"]')
    lines = [line.text for line in summary.tax_equivalent(one, tax, 200)]
    assert lines[0].split()[-6:] == ["25.0", "%"] * 3
    assert lines[-1] == findings.tax_mix(one, tax)
    for line, group in zip(lines[1:3], ("restricting", "others"), strict=True):
        values = [
            names.signed(number(tax, "group_equivalent_variation", regime=r, group=group))
            for r in names_of(one)
        ]
        assert line.split()[-3:] == values


def names_of(ds):
    return [str(regime) for regime in ds["regime"].values]


def test_soft_parameters_are_those_marked_soft(calibration):
    """Whatever their status: a number that was seen may have values in it that were not."""
    rows = [
        SimpleNamespace(soft=soft, status=status)
        for soft, status in ((True, "seen"), (False, "analyst"), (True, "memory"))
    ]
    assert summary.soft_count(rows) == (2, 3)
    assert summary.soft_count(calibration.parameters_table) == (2, 3)


def test_first_order_effects_are_of_the_regime_that_is_named(one):
    lines = [line.text for line in summary.first_order(one.expand_dims(scenario=["cut"]), 100)]
    assert f"With {names.regime(FULL)}." in " ".join(lines)
    exact = [line.split()[-1] for line in lines[1:4]]
    assert exact == [
        names.signed(number(one, "equivalent_variation", regime=FULL, region=r)) for r in ("R0", "R1", "R2")
    ]


def test_the_most_exposed_sectors_are_shown_and_research_that_comes_to_something(one):
    frame = tabular_frame(one)
    shown = readable.first("sectors", frame)
    exposure = shown["exposure [USD per million USD]"].to_numpy()
    assert (np.diff(exposure) <= 0).all()
    assert exposure[0] == frame["exposure [USD per million USD]"].max()
    assert set(shown["regime"]) == {FULL}
    research = facts.research(one, FIRST).assign(regime=FIRST)
    assert len(readable.page("research", research, [FULL])) == 0
    assert len(readable.page("research", research, [FIRST])) == len(research)


def tabular_frame(ds):
    """The table of sectors, all regimes on top of each other."""
    from outputs.tables import all_tables

    return all_tables(ds)["sectors"]


@pytest.mark.parametrize(
    ("failed", "fault", "code"),
    [({}, "", 0), ({}, "no picture", 3), ({"directed": "no root"}, "", 1), ({"directed": "no root"}, "x", 1)],
)
def test_the_exit_code_says_whether_something_was_not_solved(capsys, failed, fault, code):
    result = SimpleNamespace(failed=failed, plan=SimpleNamespace(scenario=SimpleNamespace(name="cut")))
    assert pipeline.say_failures([SimpleNamespace(result=result, fault=fault)]) == code
    told = capsys.readouterr().err
    assert ("cut, directed: no root" in told) is bool(failed)


def test_what_was_not_solved_at_all_is_in_the_output_for_machines():
    plan = SimpleNamespace(scenario=SimpleNamespace(name="cut"))
    result = SimpleNamespace(plan=plan, dataset=None, failed={"directed": "no root"})
    assert pipeline.as_json(SimpleNamespace(result=result)) == {
        "scenario": "cut", "solved": [], "failed": {"directed": "no root"}
    }  # fmt: skip


def test_a_comparison_for_machines_names_what_failed_and_nothing_else(one, other):
    members = [Member("first", one, {}), Member("second", other, {})]
    results = [
        SimpleNamespace(plan=SimpleNamespace(scenario=SimpleNamespace(name=name)), failed=failed)
        for name, failed in (("cut", {"directed": "no root"}), ("deep", {}))
    ]
    gathered = SimpleNamespace(
        members=members, folders=(), outcomes=[SimpleNamespace(result=result) for result in results]
    )
    found = comparing.as_json(gathered, argparse.Namespace(tolerance=1e-6), Path("there"))
    assert found["failed"] == {"cut": {"directed": "no root"}}
    assert list(found["tables"]) == ["first", "second"]
