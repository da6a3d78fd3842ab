"""What is smuggled past a quota is in the results, in tonnes and in cost, and said wherever the quota is."""

import json
from dataclasses import replace

import numpy as np
import pytest

from outputs import (
    dataset,
    experiment,
    findings,
    names,
    pricefacts,
    pricefindings,
    quotas,
    summary,
    wording,
)
from outputs.names import number, signed
from outputs.paths import findings as path_findings
from outputs.paths import labelled, plan, work
from outputs.paths.facts import View
from outputs.paths.tables import TABLES
from outputs.report import tabular
from scenarios.sweeps.execution import InProcess
from tests.outputs.conftest import scenario
from tests.outputs.test_paths import path_file, path_scenario


def leaky_line(margin):
    source = {"source": "a test", "status": "analyst"}
    return {
        "type": "export_quota", "name": "quota", "origins": "R0", "elements": "all",
        "limit": {"value": 0.6, "unit": "ratio", **source},
        "leak_margin": {"value": margin, "unit": "USD/kg", **source},
    }  # fmt: skip


@pytest.fixture(scope="module")
def margin(ds):
    """Between the licences that the limit has in different regimes: some smuggle, one does not."""
    licences = np.sort(ds["licence_price"].values.ravel())
    return float(licences[0] + licences[-1]) / 2


@pytest.fixture(scope="module")
def leaky(calibration, margin):
    changed = scenario("leaky", instruments=[leaky_line(margin)])
    (result,) = experiment.solve_plans(
        [experiment.plan(changed, calibration, security=False, decompose=False)]
    )
    return result


def test_what_is_sold_is_the_limit_and_what_is_smuggled(leaky, margin, ds):
    found = leaky.dataset.squeeze("scenario")
    for regime in found["regime"].values:
        run, tight = found.sel(regime=regime), ds.sel(regime=regime)
        leak, chi = float(run["quota_leak"].sum()), float(run["licence_price"].sum())
        abroad = float(run["tonnes"].sel(origin="R0", region=["R1", "R2"]).sum())
        if float(tight["licence_price"].sum()) > margin:
            assert chi == pytest.approx(margin, rel=1e-8)
            assert leak == pytest.approx(abroad - float(run["quota_limit"].sum()), rel=1e-6)
            assert leak > 0
        else:
            assert leak == 0
        cost = float(run["smuggling_cost"].sum())
        assert cost == pytest.approx(margin * leak / 1e3, rel=1e-12)
        received = float(run["licence_rent"].sum())
        assert received == pytest.approx(chi * abroad / 1e3 - cost, rel=1e-8)
    assert 0 < int((found["quota_leak"].values > 0).sum()) < found.sizes["regime"]


def test_smuggling_is_said_where_the_quota_is(leaky, ds):
    found = leaky.dataset.squeeze("scenario")
    table = quotas.table(found)
    sold = table["limit [t]"] + table["smuggled [t]"]
    np.testing.assert_allclose(table["sold [t]"], sold, rtol=1e-8)
    tonnes = " | ".join(f"{value:,.0f}" for value in found["quota_leak"].values.ravel())
    for width in (80, 200):
        texts = [line.text for line in summary.scenario(leaky.dataset, width)]
        assert f"  smuggled beside the limit {tonnes} t" in texts
    rent = findings.rent(found)
    assert "Smuggled beside the limit: " in rent.text
    assert "rents are less this cost" in rent.text
    # Without smuggling nothing is said of it.
    assert not any("smuggl" in name for name in quotas.table(ds))
    assert quotas.smuggling(ds) == ""


@pytest.fixture(scope="module")
def floored(calibration):
    """The quota makes elements cheap at home, where two of them are not sold below their floors."""
    floors = {"price_floor": {"E0": 0.99, "E1": 0.97}}
    changed = scenario("floored", parameters=floors)
    (result,) = experiment.solve_plans(
        [experiment.plan(changed, calibration, security=False, decompose=False)]
    )
    return result.dataset


def test_what_is_thrown_away_is_said(floored, ds):
    found = floored.squeeze("scenario")
    tonnes = found["thrown_away"]
    assert set(tonnes["element"].values[(tonnes.values > 0).any(axis=(0, 1))]) <= {"E0", "E1"}
    wasted = tonnes.sel(element="E0", region="R0").values
    assert (wasted > 0).any()
    at_floor = found["producer_price"].sel(region="R0", good="E0").values < 0.99 + 1e-12
    np.testing.assert_array_equal(wasted > 0, at_floor)
    each = " | ".join(f"{value:,.0f}" for value in tonnes.sum(["region", "element"]).values.ravel())
    assert f"made and thrown away {each} t" in [line.text for line in summary.scenario(floored, 100)]
    said = findings.surplus(found)
    assert said.text.startswith(
        "Made and thrown away, because nobody buys it at the floor under its price or "
    )
    assert said in findings.findings(found)
    # Without floors nothing is said of it.
    assert findings.surplus(ds) is None
    assert not any("thrown" in line.text for line in summary.scenario(ds.expand_dims(scenario=["cut"]), 100))


def test_a_path_shows_its_stocks_and_quotas_by_year(calibration):
    stock = {
        "type": "stockpile", "name": "stock", "regions": "R1", "elements": ["E1"], "until": 2011,
        "purchase": {2009: 5, 2011: 0}, "release": {2011: 4},
    }  # fmt: skip
    given = path_scenario(instruments=[*path_file()["instruments"], stock])
    ready = plan.plan(given, calibration, security=False, decompose=False, companion=False)
    view = View(labelled.label(ready, work.run(ready, InProcess())).dataset)
    held = TABLES["stocks"](view)
    assert list(held.columns) == ["year", "region", "held [t]", "E1 [t]"]
    assert set(held["region"]) == {"R1"}
    assert list(zip(held["year"], held["held [t]"], strict=True)) == [
        (2009, 0),
        (2010, 5),
        (2011, 10),
        (2012, 6),
    ]
    assert not len(TABLES["surplus"](view))
    said = {found.topic: found.text for found in path_findings.findings(view)}
    without = view.ds["real_income_without_asset_sales"].sel(region=["R1", "R2"]) - 1
    lost = (without * view.ds["base_income"]).sum("region").squeeze(drop=True)
    for regime in view.regimes:
        amount = lost.sel(regime=regime)
        assert (
            f"{signed(float(amount.min()))} million USD in {int(amount.idxmin('year'))} and" in said["Stocks"]
        )
    limits = TABLES["quotas"](view)
    assert sorted(set(limits["year"])) == [2010, 2011]
    np.testing.assert_allclose(limits["sold [t]"], limits["limit [t]"], rtol=1e-8)


def test_a_path_shows_its_surplus_by_year(calibration):
    given = path_scenario(parameters={"price_floor": {"E0": 0.99, "E1": 0.97}})
    ready = plan.plan(given, calibration, security=False, decompose=False, companion=False)
    view = View(labelled.label(ready, work.run(ready, InProcess())).dataset)
    table = TABLES["surplus"](view)
    assert set(table.columns) <= {"year", "regime", "thrown away [t]", "E0 [t]", "E1 [t]"}
    for _, row in table.iterrows():
        run = view.run(int(row["year"]), str(row["regime"]))["thrown_away"]
        assert row["thrown away [t]"] == pytest.approx(float(run.sum()), rel=1e-12)
    assert (table["thrown away [t]"] > 0).any()
    assert (table.loc[table["year"] == 2009, "thrown away [t]"] == 0).all()


def made_line(limit, unit="ratio"):
    return {
        "type": "production_quota", "name": "made", "region": "R0", "elements": "all", "weight": "gross",
        "limit": {"value": limit, "unit": unit},
    }  # fmt: skip


@pytest.mark.parametrize("exports", [False, True])
def test_a_quota_on_what_is_made_has_tonnes_a_licence_and_a_right_of_its_own(calibration, ds, leaky, exports):
    """Its rent was told as that of the right to export, and neither its tonnes nor its licence were in any table."""
    of_exports = leaky_line(1.0)
    del of_exports["leak_margin"]
    lines = [made_line(0.9), *([of_exports] if exports else [])]
    ready = experiment.plan(scenario("made", instruments=lines), calibration, security=False, decompose=False)
    (result,) = experiment.solve_plans([ready])
    found = result.dataset.squeeze("scenario")
    table = quotas.table(found).set_index(["quota", "regime"])
    for regime in found["regime"].values:
        row = table.loc["made", regime]
        sold = float(found["tonnes"].sel(regime=regime, origin="R0").sum())
        assert row["limits"] == "output"
        assert row["sold [t]"] == pytest.approx(0.9 * row["base [t]"], rel=1e-9)
        assert row["sold [t]"] == pytest.approx(sold, rel=1e-9)
        rents = table.xs(regime, level="regime")
        worth = (rents["licence [USD/kg]"] * rents["sold [t]"]).sum() / 1e3
        assert worth == pytest.approx(float(found["licence_rent"].sel(regime=regime).sum()), rel=1e-9)
        of_exports = rents.loc[rents["limits"] == "exports", "licence [% of gate price]"]
        (headline,) = tabular.headlines([(found, regime)])["export licence [% of gate price]"]
        assert headline == pytest.approx(max(of_exports, default=0.0), rel=1e-12)
        assert exports or rents["licence [% of gate price]"].max() > headline == 0
    right = "to export and to make and sell" if exports else "to make and sell"
    assert findings.rent(found).text.startswith(f"The right {right} is worth ")
    assert findings.rent(ds).text.startswith("The right to export is worth ")
    assert any(line.text.startswith("made: ") for line in summary.scenario(result.dataset, 100))
    both = dataset.combine([leaky.dataset, result.dataset])["quota_on_output"]
    assert both.sel(quota="made").to_series().to_dict() == {"leaky": 0, "made": 1}


def test_a_tax_with_the_tonnes_of_a_quota_is_told_as_a_tax(ds):
    """The rate that was asked for, and not what a right to export is worth that nobody needs."""
    tax = ds.assign_attrs(export_taxes=json.dumps(ds["quota"].values.tolist()))
    said = findings.rent(tax)
    assert said.topic == "Tax"
    for regime in ds["regime"].values:
        rate = 100 * float(ds["licence_rate"].sel(regime=regime).max())
        assert f"{number(rate)} % with {names.regime(regime)}" in said.text
    assert "right to export" not in said.text
    lines = [line.text for line in summary.scenario(tax.expand_dims(scenario=["cut"]), 100)]
    assert any("; export tax " in line for line in lines)
    assert not any("licence" in line or "quota rents" in line for line in lines)


def test_a_quota_on_production_beside_a_tax_is_no_tax(calibration, leaky):
    """The tax with a quota's tonnes was said to bring the production quota's rents, at its rate."""
    exports = leaky_line(1.0) | {"licence": "ad_valorem"}
    del exports["leak_margin"]
    lines = [made_line(0.9), exports]
    ready = experiment.plan(scenario("made", instruments=lines), calibration, security=False, decompose=False)
    asked = ready.scenario.model_copy(update={"tax_equivalent_of": "cut"})
    (result,) = experiment.solve_plans([replace(ready, scenario=asked)])
    found, name = result.dataset.squeeze("scenario"), exports["name"]
    assert quotas.taxes(found) == [name] and quotas.licences(found) == ["made"]
    text = findings.rent(found).text
    assert f" t of what {name} covers is " in text and "what made covers" not in text
    table = quotas.table(found).set_index(["quota", "regime"])
    for regime in found["regime"].values:
        rents = float(found["licence_rent"].sel(regime=regime).sum())
        brought, made = (
            row["licence [USD/kg]"] * row["sold [t]"] / 1e3
            for row in (table.loc[n, regime] for n in (name, "made"))
        )
        assert made > 0 and brought + made == pytest.approx(rents, rel=1e-9)
        assert f"{number(brought)} with {names.regime(regime)}" in text.split("licences for made")[0]
        assert f"{number(rents)} with {names.regime(regime)}" in text.split("licences for made")[1]
    text = [line.text for line in summary.scenario(result.dataset, 200)]
    assert any(line.startswith("made: ") and "; licence " in line for line in text)
    assert any(line.startswith(f"{name}: ") and "; export tax " in line for line in text)
    (rate,) = (line.text for line in summary.tax_equivalent(found, found, 200)[:1])
    highest = 100 * float(found["licence_rate"].sel(quota=name).max())
    assert f"{number(highest)} %" in rate


def test_what_ore_and_magnets_cost_outside_is_told(ds):
    """A quota on magnets was said to make oxides cheaper, and nothing else was told of prices."""
    goods = pricefacts.chain_goods(ds)
    assert goods and not {*goods} & {*ds["element"].values}
    assert all(ds["chain"].sel(sector=k) for k in goods if k in ds["sector"].values)
    outside = ds["restricting"].values == 0
    text = pricefindings.chain(ds).text
    for good in goods:
        for regime in ds["regime"].values:
            price = ds["purchaser_price"].sel(regime=regime, good=good).values[outside]
            bought = ds["base_trade"].sel(good=good).sum("origin").values[outside]
            change = 100 * (float((price * bought).sum() / bought.sum()) - 1)
            assert pricefacts.bought_index(ds, regime, good) == pytest.approx(change, rel=1e-9)
            if f"for {good} " in text:
                assert f"{wording.dearer(change)} with {names.regime(regime)}" in text
    assert any(f"for {good} " in text for good in goods)
    still = ds.assign(purchaser_price=ds["purchaser_price"] * 0 + 1)
    assert pricefindings.chain(still) is None
