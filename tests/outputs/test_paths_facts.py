"""Tables and sentences of a path whose numbers are drawn: every year, regime and memory is another one."""

from __future__ import annotations

import re

import numpy as np
import pytest
import xarray as xr

from outputs import names as words
from outputs.names import number, signed
from outputs.paths import facts, findings
from outputs.paths.facts import View
from tests.outputs.drawn import drawn, names
from tests.outputs.drawn import number as cell
from tests.outputs.test_paths import ready, result  # noqa: F401  fixtures

FIRST, FULL = "exogenous", "directed_with_spillovers"
COLUMN = "real income, others [million USD]"


@pytest.fixture(scope="module")
def ds(result):  # noqa: F811
    """Two cuts, although one was asked for; R1 restricts."""
    one = result.dataset.squeeze("scenario")
    two = xr.concat([one.assign_coords(cut=[0.5]), one.assign_coords(cut=[0.25])], "cut", data_vars="minimal",
                    coords="minimal", compat="override", join="outer")  # fmt: skip
    years = two["years_to_replace_stage"].copy(), two["years_to_replace_element"].copy()
    found = drawn(two, ["R1"]).assign(years_to_replace_stage=years[0], years_to_replace_element=years[1])
    found = found.assign(quota_on_output=two["quota_on_output"])
    return found.assign_attrs(two.attrs, learning="0.2", forgetting="0.05")


@pytest.fixture(scope="module")
def view(ds):
    return View(ds)


def rows(table, *keys):
    """Rows of a table by some of its columns."""
    return table.set_index(list(keys)).sort_index()


def test_the_overview_has_the_dearest_licence_and_both_groups(view, ds):
    table = rows(facts.overview(view), "memory", "year", "regime")
    for memory in names(ds, "memory"):
        for year in view.years:
            for regime in view.regimes:
                row = table.loc[(memory, year, regime)]
                run = ds.sel(memory=memory, year=year, regime=regime)
                exports = run["licence_price"][run["quota_on_output"] == 0]
                assert row["export licence [USD/kg]"] == float(exports.max())
                for group in ("others", "restricting"):
                    expected = cell(run, "group_equivalent_variation", group=group)
                    assert row[f"real income, {group} [million USD]"] == expected
                sold = run["tonnes"].sel(origin="R1", region=["R0", "R2"]).sum()
                assert row["sold abroad [t]"] == pytest.approx(float(sold))


def test_real_income_of_either_memory(view, ds):
    table = rows(facts.real_income(view), "year", "regime", "region")
    for (year, regime, region), row in table.iterrows():
        if region not in names(ds, "region"):
            continue
        at = {"year": year, "regime": regime, "region": region}
        for memory, column in (
            ("calibrated", "real income [million USD]"),
            ("even", "real income, even memory [million USD]"),
        ):
            assert row[column] == cell(ds, "equivalent_variation", memory=memory, **at)
        ratio = cell(ds, "real_income", memory="calibrated", **at)
        assert row["real income [%]"] == pytest.approx(100 * (ratio - 1))


def test_what_stands_of_plant(view, ds):
    variables = {
        "capacity [ratio]": "capacity",
        "target [ratio]": "capacity_target",
        "plant standing [ratio]": "plant",
        "return [ratio]": "resource_rent",
    }
    for _, row in facts.state(view).iterrows():
        at = {name: row[name] for name in ("year", "regime", "region", "stage")}
        for column, variable in variables.items():
            assert row[column] == cell(ds, variable, memory="calibrated", **at)


def test_stocks_are_added_up_over_elements(view, ds):
    for _, row in facts.stocks(view).iterrows():
        each = [
            cell(ds, "stock", year=row["year"], region=row["region"], element=e) for e in names(ds, "element")
        ]
        assert row["held [t]"] == pytest.approx(sum(each))
        assert [row[f"{e} [t]"] for e in names(ds, "element")] == each


def test_losses_of_every_cut_with_and_without_innovation(view, ds):
    table = rows(facts.security(view), "year", "regime", "region")
    for (year, regime), part in table.groupby(level=[0, 1]):
        for share, text in ((0.5, "50"), (0.25, "25")):
            for variable, more in (("cut_loss", ""), ("cut_loss_without_innovation", ", base technology")):
                each = {
                    region: cell(ds, variable, cut_year=year, regime=regime, region=region, cut=share)
                    for region in ("R0", "R2")
                }
                found = part[f"cut of {text} %{more} [million USD]"].droplevel([0, 1])
                assert dict(found) == pytest.approx(each | {"others": sum(each.values())})


def test_others_are_told_the_first_cut(view, ds):
    for variable in ("cut_loss", "cut_loss_without_innovation", "embargo_loss"):
        found = facts.others(view, variable, FULL)
        chosen = ds[variable].sel(regime=FULL, region=["R0", "R2"]).sum("region")
        expected = chosen.sel(cut=0.5) if "cut" in chosen.dims else chosen
        np.testing.assert_allclose(found, expected)


def test_dependence_is_in_percent(view, ds):
    table = facts.dependence(view)
    assert len(table) > 0
    for _, row in table.iterrows():
        at = {name: row[name] for name in ("year", "regime", "region", "stage")}
        share = cell(ds, "stage_import_dependence", memory="calibrated", **at)
        assert row["imports [%]"] == pytest.approx(100 * share)
        assert row["concentration [0-1]"] == cell(ds, "stage_concentration", memory="calibrated", **at)


def test_only_years_in_which_a_quota_is_in_force_are_listed(view, ds):
    limit = ds["quota_limit"].copy()
    limit.loc[{"year": [2009, 2012]}] = 0.0
    table = facts.quota_years(View(ds.assign(quota_limit=limit)))
    assert set(table["year"]) == {2010, 2011}
    assert set(facts.quota_years(view)["year"]) == set(view.years)


def test_contributions_of_every_year(view, ds):
    for at, row in rows(facts.forces(view), "year", "force").iterrows():
        forces = names(ds, "force") if at[1] == "sum" else [at[1]]
        here = ds.sel(decomposed_year=at[0], force=forces).sum("force")
        assert row["exports, exposed [%]"] == pytest.approx(float(here["exposed_exports_by_force"]))
        income = here["real_income_usd_by_force"]
        assert row[COLUMN] == pytest.approx(float(income.sel(region=["R0", "R2"]).sum()))
        assert row["real income, restricting [million USD]"] == pytest.approx(float(income.sel(region="R1")))


# -- sentences ---------------------------------------------------------------------------------------------------------


def over_years(ds, variable, values, **where):
    """The path with a variable set year by year, in all regimes and memories or in some."""
    new = ds[variable].copy()
    for year, value in zip(ds["year"].values, values, strict=True):
        new.loc[{"year": year, **where}] = value
    return ds.assign({variable: new})


@pytest.mark.parametrize("values", [(5.0, -9.0, 20.0, -3.0), (-1.0, 2.0, 30.0, 4.0)])
def test_the_lowest_year_is_no_gain(ds, values):
    """At its lowest, not where it is furthest from the base year."""
    text = findings.income(View(over_years(ds, "group_equivalent_variation", values, group="others"))).text
    worst = int(np.argmin(values))
    lowest, last = signed(values[worst]), signed(values[-1])
    assert f"with fixed technology {lowest} million USD in {2009 + worst} and {last} in 2012" in text


@pytest.mark.parametrize("ratios", [(1.1, 0.5, 1.2, 1.3), (0.9, 1.6, 0.8, 0.7)])
def test_prices_are_furthest_where_they_are_above_or_below(ds, ratios):
    base = ds["base_border_value"]
    now = ds["border_value"].copy()
    for year, ratio in zip(ds["year"].values, ratios, strict=True):
        now.loc[{"year": year}] = ratio * base.broadcast_like(now.sel(year=year)).transpose(
            *now.sel(year=year).dims
        )
    text = findings.prices(View(ds.assign(border_value=now))).text
    at = int(np.argmax(np.abs(np.array(ratios) - 1)))
    changes = [100 * (ratio - 1) for ratio in ratios]
    told = [f"{number(abs(c))} % {'more' if c > 0 else 'less'}" for c in changes]
    assert f"in {2009 + at} ({told[at]}) and cost {told[-1]} in 2012" in text


def test_the_last_year_that_was_decomposed_is_told(view, ds):
    last = ds["exposed_exports_by_force"].sel(decomposed_year=2012)
    text = findings.deciding(view).text
    assert text.startswith("Exports of exposed sectors in 2012, ")
    unit, scale = words.readable_unit([float(v) for v in last])
    assert f": {signed(scale * float(last.sum()), 2)} {unit} = " in text


def test_the_companion_forgets_as_fast_as_the_path_learns(view, ds):
    """0.2 a year is how fast it learns; 0.05 how fast it forgets."""
    text = findings.memory(view).text
    assert "were forgetting as fast as learning (0.2 a year instead of 0.05)" in text
    one, two = (
        signed(cell(ds, "group_equivalent_variation", memory=m, regime=FULL, year=2012, group="others"))
        for m in ("calibrated", "even")
    )
    assert re.search(
        rf"differs from that of the base year by {re.escape(one)} .* by {re.escape(two)}\.$", text
    )


def test_what_a_cut_costs_first_and_last_and_at_base_technology(view):
    text = findings.security(view).text
    for variable, start in (
        ("cut_loss", "a sudden cut of exports by 50 %"),
        ("embargo_loss", "a full embargo that lasts"),
    ):
        now, without = (facts.others(view, variable + more, FULL) for more in ("", "_without_innovation"))
        assert (
            f"{start} costs all others {number(now[2009])} million USD a year in 2009 and {number(now[2012])} in 2012 "
            f"({number(without[2012])} at base-year technology)" in text
        )


@pytest.mark.parametrize("regime", [FIRST, FULL])
@pytest.mark.parametrize("variable", ["cut_loss", "embargo_loss"])
def test_a_loss_beyond_what_was_seen_counts_in_every_regime(ds, regime, variable):
    calm = ds.assign(cut_loss=0 * ds["cut_loss"], embargo_loss=0 * ds["embargo_loss"])
    assert not findings.is_insecure(View(calm))
    new = calm[variable].copy()
    when = {"cut_loss": "cut_year", "embargo_loss": "embargo_year"}[variable]
    new.loc[{"regime": regime, when: 2011, "region": "R0"}] = float(ds["base_income"].sum())
    assert findings.is_insecure(View(calm.assign({variable: new})))


def test_what_is_replaced_at_once_is_not_never_replaced(ds):
    years = ds["years_to_replace_stage"].copy()
    for position, stage in enumerate(names(ds, "stage")):
        years.loc[{"stage": stage}] = (0, 7, -1)[position % 3]
    text = findings.replacing(View(ds.assign(years_to_replace_stage=years))).text
    said = [f"{words.sector(s)} {('0', '7', 'never')[p % 3]}" for p, s in enumerate(names(ds, "stage"))]
    assert text.count(words.listed(said)) == 2
