"""Exports that have stopped: the price abroad is what others pay, and losses that no data can tell are no forecast."""

import numpy as np
import pytest

from outputs import experiment, findings, names, pricefacts, pricefindings, summary
from outputs.report import run_charts
from tests.outputs.conftest import scenario


def closed(calibration, **which):
    """An embargo of the first region."""
    line = {"type": "embargo", "name": "stop", "origins": "R0", **which}
    given = scenario("stop", instruments=[line])
    (result,) = experiment.solve_plans([experiment.plan(given, calibration, security=False)])
    assert not result.failed
    return result.dataset


@pytest.fixture(scope="module")
def embargo(calibration):
    """No exports of elements by the first region."""
    line = {"type": "embargo", "name": "stop", "origins": "R0", "elements": "all"}
    (result,) = experiment.solve_plans([experiment.plan(scenario("stop", instruments=[line]), calibration)])
    assert not result.failed
    return result.dataset


@pytest.fixture(scope="module")
def one_buyer(calibration):
    """No exports of elements by the first region to the second; to the third they go on."""
    return closed(calibration, destinations="R1", elements="all")


@pytest.fixture(scope="module")
def one_element(calibration):
    """No exports of one element by the first region; the other is sold to all."""
    return closed(calibration, elements="E0")


def spent(dataset, regime, element):
    """What a kg costs those outside, over all origins and by base tonnes: change in percent, from delivered prices."""
    run = dataset.squeeze("scenario").sel(regime=regime)
    others = [str(r) for r in run["region"].values if r != "R0"]
    paid = run["purchaser_price"].sel(good=element, region=others)
    tonnes = run["base_tonnes"].sel(element=element, region=others).sum("origin")
    return 100 * (float((paid * tonnes).sum() / tonnes.sum()) - 1)


@pytest.mark.parametrize("regime", ["exogenous", "directed_with_spillovers"])
def test_where_one_buyer_gets_no_more_the_price_abroad_is_what_others_pay(one_buyer, regime):
    ds = one_buyer.squeeze("scenario")
    assert not pricefacts.stopped(ds)
    assert pricefacts.paid(ds) == pricefacts.exported(ds) == ["E0", "E1"]
    table = pricefacts.table(ds, regime).set_index("element")
    assert (table["sold abroad [t]"] > 0.05).all()
    for element in ("E0", "E1"):
        wanted = spent(one_buyer, regime, element)
        assert wanted > 0
        assert table.loc[element, "abroad, change [%]"] == pytest.approx(wanted, rel=1e-9)
    assert pricefacts.index(ds, regime)["abroad"] > 0


def test_words_of_one_buyer_say_whose_price_it_is(one_buyer):
    ds = one_buyer.squeeze("scenario")
    text = pricefindings.oxides(ds).text
    assert "R0 has stopped selling oxides to some or all buyers: others pay for them" in text
    assert "sold abroad by R0" not in text
    assert "at the border" not in pricefindings.abroad(ds)
    rows = [line.text for line in summary.scenario(one_buyer, 100)]
    assert any(row.startswith("paid %, fixed") for row in rows)


def test_one_element_that_is_sold_to_nobody_is_named(one_element):
    ds, regime = one_element.squeeze("scenario"), "directed"
    assert pricefacts.paid(ds) == ["E0"]
    table = pricefacts.table(ds, regime).set_index("element")
    assert table.loc["E0", "abroad, change [%]"] == pytest.approx(spent(one_element, regime, "E0"), rel=1e-9)
    border = 100 * (float(ds["border_price"].sel(regime=regime, origin="R0", element="E1")) - 1)
    assert table.loc["E1", "abroad, change [%]"] == pytest.approx(border, rel=1e-9)
    text, note = pricefindings.oxides(ds).text, pricefindings.abroad(ds)
    assert (
        "stopped selling E0 to some or all buyers: with what others pay for it, wherever it is from" in text
    )
    assert "oxides sold abroad by R0" not in text
    assert "at the border" in note
    assert "of E0 what others pay" in note
    rows = [line.text for line in summary.scenario(one_element, 100)]
    assert any(row.startswith("of E0 what others pay") for row in rows)


def test_other_regimes_are_told_of_the_same_place(ds):
    """Prices abroad of every regime stand together, before what is said of the price at home."""
    abroad, home = pricefindings.oxides(ds).text.split("Inside R0")
    for regime in ("directed", "directed_with_spillovers"):
        assert f"{names.signed(pricefacts.index(ds, regime)['abroad'])} % with" in abroad
    assert f"{names.number(abs(pricefacts.index(ds, 'exogenous')['home']))} %" in home
    assert home.endswith("with fixed technology.")


@pytest.fixture(scope="module")
def stop(embargo):
    return embargo.squeeze("scenario")


def test_the_price_abroad_is_what_others_pay_where_nothing_is_sold(stop, ds):
    assert pricefacts.stopped(stop)
    assert not pricefacts.stopped(ds)
    for regime in stop["regime"].values:
        table = pricefacts.table(stop, str(regime))
        had = table["sold abroad, base [t]"] > 0
        assert (table.loc[had, "sold abroad [t]"] < 1e-9).all()
        np.testing.assert_allclose(
            table.loc[had, "abroad, change [%]"], table.loc[had, "paid by others, change [%]"], rtol=1e-9
        )
        # The price at a border that nothing crosses is another one: it falls where a market was lost.
        own = int(np.flatnonzero(stop["restricting"].values)[0])
        border = 100 * (stop["border_price"].sel(regime=regime).values[own] - 1)
        assert border.min() < 0
        assert (table["abroad, change [%]"] > 0).all()
        assert pricefacts.index(stop, str(regime))["abroad"] > 0
    kept = pricefacts.table(ds, "directed")
    assert not np.allclose(kept["abroad, change [%]"], kept["paid by others, change [%]"])


def test_words_say_that_exports_have_stopped(stop):
    text = pricefindings.oxides(stop).text
    assert "exports no oxides any more: others pay for them" in text
    assert "exports no oxides any more" in pricefindings.abroad(stop)
    assert "exports no elements any more" in findings.security(stop).text
    assert "more abroad" in findings.headline(stop)


def test_the_summary_calls_it_paid(embargo, solved):
    rows = [line.text for line in summary.scenario(embargo, 100)]
    assert any(row.startswith("paid %, fixed") for row in rows)
    assert not any(row.startswith("abroad %") for row in rows)
    assert any(line.text.startswith("abroad %, fixed") for line in summary.scenario(solved.dataset, 100))


def test_charts_are_drawn_of_it(stop):
    charts = run_charts.charts_of_prices(stop)
    assert all(np.isfinite(mark.x) for _, mark in charts["price_changes"].marks)


@pytest.mark.parametrize(("others", "deep"), [(0.985, True), (0.995, False), (1.2, False)])
def test_losses_that_no_data_can_tell_are_no_forecast(solved, others, deep):
    ratio = solved.dataset["group_real_income"].copy()
    ratio.loc[{"group": "others"}] = others
    changed = solved.dataset.assign(group_real_income=ratio)
    one = changed.squeeze("scenario")
    assert findings.is_deep(one) is deep
    assert ("no forecast" in findings.income(one).text) is deep
    text = " ".join(line.text for line in summary.scenario(changed, 100))
    assert ("no forecast" in text) is deep


@pytest.mark.parametrize(("region", "deep"), [("R1", True), ("R0", False)])
def test_one_of_the_others_that_loses_so_much_is_enough(ds, region, deep):
    """A region that alone is cut off loses what the gains of the rest hide; the restricting one does not count."""
    ratio = ds["real_income"].copy()
    ratio.loc[{"region": region, "regime": "directed"}] = 0.97
    changed = ds.assign(real_income=ratio)
    assert findings.is_deep(changed) is deep
    assert ("no forecast" in findings.income(changed).text) is deep


def test_who_loses_most_is_told_in_the_unit_of_the_group(ds):
    lost = ds["equivalent_variation"].copy()
    lost.loc[{"region": "R1", "regime": "exogenous"}] = -434_243.0
    assert (
        "Most is lost by R1 (-434 billion USD, fixed technology)"
        in findings.income(ds.assign(equivalent_variation=lost)).text
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (9999.0, "+9999"),
        (10_000.0, "+10k"),
        (712_000.0, "+712k"),
        (1_343_000.0, "+1.3M"),
        (-20_000.0, "-20k"),
        (1.2e8, "+120M"),
    ],
)
def test_large_changes_fit_a_column(value, text):
    assert summary._percent(value) == text
