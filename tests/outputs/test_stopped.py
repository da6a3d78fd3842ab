"""Exports that have stopped: the price abroad is what others pay, and losses that no data can tell are no forecast."""

import numpy as np
import pytest

from outputs import experiment, facts, findings, summary
from outputs.report import run_charts
from tests.outputs.conftest import scenario


@pytest.fixture(scope="module")
def embargo(calibration):
    """No exports of elements by the first region."""
    line = {"type": "embargo", "name": "stop", "origins": "R0", "elements": "all"}
    (result,) = experiment.solve_plans([experiment.plan(scenario("stop", instruments=[line]), calibration)])
    assert not result.failed
    return result.dataset


@pytest.fixture(scope="module")
def stop(embargo):
    return embargo.squeeze("scenario")


def test_the_price_abroad_is_what_others_pay_where_nothing_is_sold(stop, ds):
    assert facts.stopped(stop)
    assert not facts.stopped(ds)
    for regime in stop["regime"].values:
        table = facts.prices(stop, str(regime))
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
        assert facts.price_index(stop, str(regime))["abroad"] > 0
    kept = facts.prices(ds, "directed")
    assert not np.allclose(kept["abroad, change [%]"], kept["paid by others, change [%]"])


def test_words_say_that_exports_have_stopped(stop):
    text = findings.prices(stop).text
    assert "exports no oxides any more: others pay for them" in text
    assert "exports nothing any more" in findings.abroad(stop)
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
