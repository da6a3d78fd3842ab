"""Every table of a result, cell by cell from its labels: numbers are drawn, one or two regions restrict."""

from __future__ import annotations

import numpy as np
import pytest

from outputs import facts, pricefacts
from tests.outputs.drawn import drawn, names, number

REGIMES = ("exogenous", "directed", "directed_with_spillovers")


@pytest.fixture(scope="module", params=[("R1",), ("R0", "R2")], ids=" and ".join)
def own(request):
    """The regions that restrict."""
    return request.param


@pytest.fixture(scope="module")
def result(ds, own):
    return drawn(ds, own)


@pytest.fixture(scope="module")
def abroad(result, own):
    return [name for name in names(result, "region") if name not in own]


def mean(pairs):
    """Mean of values by weights."""
    pairs = list(pairs)
    return sum(value * weight for value, weight in pairs) / sum(weight for _, weight in pairs)


def tonnes(ds, origins, regions, element, regime=""):
    """Tonnes that regions buy from origins: under a regime, or in the base year."""
    where = {"regime": regime} if regime else {}
    name = "tonnes" if regime else "base_tonnes"
    return sum(
        number(ds, name, origin=i, region=n, element=element, **where) for i in origins for n in regions
    )


@pytest.mark.parametrize("regime", REGIMES)
def test_prices_of_an_element(result, own, abroad, regime):
    """Abroad by what goes abroad, at home by all that is made; what others pay by what they buy from everywhere."""
    table = pricefacts.table(result, regime).set_index("element")
    world = names(result, "region")
    for e in names(result, "element"):
        row = table.loc[e]
        border = {
            when: mean((number(result, name, origin=i, element=e, **at), tonnes(result, [i], abroad, e)) for i in own)
            for when, name, at in (("base", "base_border_value", {}), ("now", "border_value", {"regime": regime}))
        }  # fmt: skip
        gate = {
            when: mean((number(result, name, origin=i, element=e, **at), tonnes(result, [i], world, e)) for i in own)
            for when, name, at in (("base", "base_gate_value", {}), ("now", "gate_value", {"regime": regime}))
        }  # fmt: skip
        paid = mean(
            (number(result, "purchaser_price", regime=regime, region=n, good=e), tonnes(result, world, [n], e))
            for n in abroad
        )  # fmt: skip
        assert row["abroad, base [USD/kg]"] == pytest.approx(border["base"])
        assert row["abroad [USD/kg]"] == pytest.approx(border["now"])
        assert row["abroad, change [%]"] == pytest.approx(100 * (border["now"] / border["base"] - 1))
        assert row["home, base [USD/kg]"] == pytest.approx(gate["base"])
        assert row["home [USD/kg]"] == pytest.approx(gate["now"])
        assert row["home, change [%]"] == pytest.approx(100 * (gate["now"] / gate["base"] - 1))
        assert row["paid by others, change [%]"] == pytest.approx(100 * (paid - 1))
        assert row["sold abroad, base [t]"] == pytest.approx(tonnes(result, own, abroad, e))
        assert row["sold abroad [t]"] == pytest.approx(tonnes(result, own, abroad, e, regime))


def without(ds, regime, element, origin, region):
    """The result with one flow stopped under one regime."""
    now = ds["tonnes"].copy()
    now.loc[{"regime": regime, "element": element, "origin": origin, "region": region}] = 0.0
    return ds.assign(tonnes=now)


def test_where_one_buyer_gets_no_more_the_price_abroad_is_what_others_pay(result, own, abroad):
    """Under every regime, if under one: regimes stand side by side, and the note beside them knows no regime."""
    stopped = without(result, "directed", "E1", own[0], abroad[0])
    assert pricefacts.paid(result) == []
    assert pricefacts.paid(stopped) == ["E1"]
    assert not pricefacts.stopped(stopped)
    for regime in REGIMES:
        table, as_before = (pricefacts.table(one, regime).set_index("element") for one in (stopped, result))
        changed = table["abroad, change [%]"] != as_before["abroad, change [%]"]
        assert list(changed[changed].index) == ["E1"]
        row, before = table.loc["E1"], as_before.loc["E1"]
        assert row["abroad, change [%]"] == pytest.approx(before["paid by others, change [%]"])
        assert row["abroad [USD/kg]"] == pytest.approx(
            before["abroad, base [USD/kg]"] * (1 + before["paid by others, change [%]"] / 100)
        )
    assert pricefacts.delivered_index(stopped, "directed") is None


def test_what_is_sold_to_anybody_abroad_is_exported(result, own, abroad):
    """By any of those that restrict; what they sell to each other is no export."""
    base = result["base_tonnes"].copy()
    base.loc[{"origin": list(own), "region": abroad}] = 0.0
    assert pricefacts.exported(result.assign(base_tonnes=base)) == []
    base.loc[{"origin": own[-1], "region": abroad[-1], "element": "E1"}] = 1.0
    assert pricefacts.exported(result.assign(base_tonnes=base)) == ["E1"]


def test_little_is_not_nothing(result, own, abroad):
    """A flow that falls to a thousandth has a price of its own."""
    now = result["tonnes"].copy()
    now.loc[{"element": "E1", "origin": list(own)}] *= 1e-3
    assert pricefacts.paid(result.assign(tonnes=now)) == []


@pytest.mark.parametrize("regime", REGIMES)
def test_price_indices_are_of_a_basket_of_base_tonnes(result, own, abroad, regime):
    """What base tonnes cost now over what they did: those sold abroad at the border, those kept at home at the gate."""
    elements = names(result, "element")
    now, base = (
        sum(
            number(result, name, origin=i, element=e, **at) * tonnes(result, [i], abroad, e)
            for i in own
            for e in elements
        )
        for name, at in (("border_value", {"regime": regime}), ("base_border_value", {}))
    )
    kept, then = (
        sum(
            number(result, name, origin=i, element=e, **at) * tonnes(result, [i], own, e)
            for i in own
            for e in elements
        )
        for name, at in (("gate_value", {"regime": regime}), ("base_gate_value", {}))
    )
    found = pricefacts.index(result, regime)
    assert found["abroad"] == pytest.approx(100 * (now / base - 1))
    assert found["home"] == pytest.approx(100 * (kept / then - 1))
    assert pricefacts.told_index(result, regime) == pytest.approx(found)
    delivered = mean(
        (
            number(result, "delivered_price", regime=regime, origin=i, region=n, good=e),
            number(result, "base_border_value", origin=i, element=e) * tonnes(result, [i], [n], e),
        )
        for i in own
        for n in abroad
        for e in elements
    )
    assert pricefacts.delivered_index(result, regime) == pytest.approx(100 * (delivered - 1))


@pytest.mark.parametrize(("where", "lacks"), [("abroad", "abroad"), ("own", "home")])
def test_no_price_is_told_of_what_was_never_sold(result, own, abroad, where, lacks):
    base = result["base_tonnes"].copy()
    base.loc[{"origin": list(own), "region": {"abroad": abroad, "own": list(own)}[where]}] = 0.0
    found = pricefacts.told_index(result.assign(base_tonnes=base), "directed")
    assert [name for name, value in found.items() if np.isnan(value)] == [lacks]


def test_real_income_has_regions_first_and_then_groups(result):
    table = facts.real_income(result).set_index("region")
    assert list(table.index) == [*names(result, "region"), *names(result, "group")]
    for regime in REGIMES:
        for axis, usd, ratio in (
            ("region", "equivalent_variation", "real_income"),
            ("group", "group_equivalent_variation", "group_real_income"),
        ):
            for one in names(result, axis):
                row, where = table.loc[one], {"regime": regime, axis: one}
                assert row[f"{regime} [million USD]"] == number(result, usd, **where)
                assert row[f"{regime} [%]"] == pytest.approx(100 * (number(result, ratio, **where) - 1))


def test_income_of_others_is_that_of_those_that_do_not_restrict(result, abroad):
    income = sum(number(result, "base_income", region=n) for n in abroad)
    assert facts.others_income(result) == pytest.approx(income)


@pytest.mark.parametrize("regime", REGIMES)
def test_parts_of_real_income(result, regime):
    """What technology saves, and what a deficit buys, are at prices of final demand; rents stand beside the parts."""
    table = facts.income_parts(result, regime).set_index("region")
    for n in names(result, "region"):
        row, at = table.loc[n], {"regime": regime, "region": n}
        technology = number(result, "technology_gain", **at) / number(result, "final_price", **at)
        deficit = number(result, "deficit", **at) / number(result, "final_price", **at)
        deficit -= number(result, "base_deficit", region=n)
        trade, whole = number(result, "terms_of_trade", **at), number(result, "equivalent_variation", **at)
        assert row["real income [million USD]"] == whole
        assert row["terms of trade [million USD]"] == trade
        assert row["technology [million USD]"] == pytest.approx(technology)
        assert row["trade deficit [million USD]"] == pytest.approx(deficit)
        assert row["rest [million USD]"] == pytest.approx(whole - trade - technology - deficit)
        assert row["licence rent received [million USD]"] == number(result, "licence_rent", **at)


MEASURES = {
    "exports, volume": ("exports_volume", "base_exports"),
    "output, volume": ("output_volume", "base_output"),
    "TFP as accounts see it": ("tfp_solow", "base_output"),
    "cost saved by technology": ("tfp_cost_saved", "base_output"),
    "rare-earth patents": ("ree_patents", ""),
    "unit cost": ("unit_cost", "base_output"),
}


def group_of(ds, own, region, sector):
    """Which of the groups that are compared a sector of a region is in; "" for none."""
    if region in own:
        return ""
    if number(ds, "chain", sector=sector):
        return "magnet_chain"
    return "exposed" if number(ds, "exposed", region=region, sector=sector) else "other"


def weight(ds, name, region, sector):
    """What a sector counts for; for patents what it spends on research on elements."""
    if name:
        return number(ds, name, region=region, sector=sector)
    return sum(
        number(ds, "base_research", region=region, sector=sector, technology=g)
        for g in names(ds, "technology")
        if g != "X"
    )


@pytest.mark.parametrize("regime", REGIMES)
def test_changes_of_groups_of_sectors(result, own, regime):
    table = facts.sectors(result).set_index(["regime", "measure"])
    assert {measure for _, measure in table.index} == set(MEASURES)
    for measure, (variable, base) in MEASURES.items():
        for group in ("exposed", "other", "magnet_chain"):
            change = mean(
                (number(result, variable, regime=regime, region=n, sector=j), weight(result, base, n, j))
                for n in names(result, "region")
                for j in names(result, "sector")
                if group_of(result, own, n, j) == group
            )
            assert table.loc[(regime, measure), f"{group} [%]"] == pytest.approx(100 * (change - 1))


@pytest.mark.parametrize("regime", REGIMES)
def test_every_sector_with_its_own_numbers(result, regime):
    table = facts.by_sector(result, regime)
    assert len(table) == result.sizes["region"] * result.sizes["sector"]
    for _, row in table.iterrows():
        at = {"region": row["region"], "sector": row["sector"]}
        assert row["exposure [USD per million USD]"] == number(result, "exposure", **at)
        assert row["exposed"] == bool(number(result, "exposed", **at))
        assert row["exports, base [million USD]"] == number(result, "base_exports", **at)
        for measure, (variable, _) in MEASURES.items():
            change = 100 * (number(result, variable, regime=regime, **at) - 1)
            assert row[f"{measure} [%]"] == pytest.approx(change)


@pytest.mark.parametrize("regime", REGIMES)
def test_research_inside_and_outside(result, own, abroad, regime):
    table = facts.research(result, regime).set_index("technology")
    for g in names(result, "technology"):
        for column, regions in (("outside [%]", abroad), ("inside [%]", own)):
            change = mean(
                (
                    number(result, "research", regime=regime, region=n, sector=j, technology=g),
                    number(result, "base_research", region=n, sector=j, technology=g),
                )
                for n in regions
                for j in names(result, "sector")
            )
            assert table.loc[g, column] == pytest.approx(100 * (change - 1))


def test_contributions_of_forces(result, own, abroad):
    table = facts.forces(result).set_index("force")
    assert list(table.index) == [*names(result, "force"), "sum"]
    variables = {
        "exports, exposed [%]": "exposed_exports_by_force",
        "exports, other [%]": "other_exports_by_force",
        "exports, magnets and chain [%]": "magnet_chain_exports_by_force",
    }
    for force in names(result, "force"):
        row = table.loc[force]
        for column, variable in variables.items():
            assert row[column] == number(result, variable, force=force)
        for column, regions in (("others", abroad), ("restricting", own)):
            income = sum(number(result, "real_income_usd_by_force", force=force, region=n) for n in regions)
            assert row[f"real income, {column} [million USD]"] == pytest.approx(income)
    np.testing.assert_allclose(table.loc["sum"], table.drop("sum").sum())


@pytest.mark.parametrize("regime", REGIMES)
def test_dependence_before_and_now(result, own, abroad, regime):
    table = facts.security(result, regime).set_index(["region", "element"])
    assert {region for region, _ in table.index} == set(abroad)
    everywhere = names(result, "region")
    for (n, e), row in table.iterrows():
        at, now = {"region": n, "element": e}, {"region": n, "element": e, "regime": regime}
        before, after = (tonnes(result, everywhere, [n], e, when) for when in ("", regime))
        assert row["bought, base [t]"] == pytest.approx(before)
        share = 100 * tonnes(result, own, [n], e) / before
        assert row["from the restricting, base [%]"] == pytest.approx(share)
        assert row["from the restricting [%]"] == pytest.approx(
            100 * tonnes(result, own, [n], e, regime) / after
        )
        assert row["imports, base [%]"] == pytest.approx(100 * number(result, "base_import_dependence", **at))
        assert row["imports [%]"] == pytest.approx(100 * number(result, "import_dependence", **now))
        assert row["concentration, base [0-1]"] == number(result, "base_concentration", **at)
        assert row["concentration [0-1]"] == number(result, "concentration", **now)


def test_losses_of_an_embargo_and_their_sum(result, abroad):
    table = facts.embargo(result).set_index("region")
    assert list(table.index) == [*abroad, "others"]
    for regime in REGIMES:
        each = [number(result, "embargo_loss", regime=regime, region=n) for n in abroad]
        column = table[f"{regime} [million USD]"]
        np.testing.assert_allclose(column, [*each, sum(each)])


def test_residuals_of_every_block_and_of_walras_law(result):
    table = facts.residuals(result).set_index("block")
    for regime in REGIMES:
        for block in names(result, "block"):
            assert table.loc[block, regime] == number(result, "residual", regime=regime, block=block)
        assert table.loc["walras", regime] == number(result, "walras", regime=regime)
