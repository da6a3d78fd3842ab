"""By instrument, and first-order beside exact: what adds up, against solves and sums made here."""

import numpy as np
import pytest

from calibration.errors import InputError
from model import solve
from model.welfare import equivalent_variation
from outputs import experiment, gains, instruments, names, summary, tables
from outputs.findings import failed
from tests.outputs.conftest import scenario, small_calibration

FULL = "directed_with_spillovers"
SOURCE = {"source": "a test", "status": "analyst"}
LINES = [
    {"type": "export_quota", "name": "quota", "origins": "R0", "elements": "all",
     "limit": {"value": 0.7, "unit": "ratio", **SOURCE}},
    {"type": "tariff", "name": "tariff", "origins": "R0", "destinations": "R1", "elements": "all",
     "rate": {"value": 0.2, **SOURCE}},
    {"type": "productivity", "name": "luck", "regions": "R2", "multiplier": {"value": 1.001, **SOURCE}},
]  # fmt: skip


@pytest.fixture(scope="module")
def base():
    return small_calibration()


@pytest.fixture(scope="module")
def lines(base):
    """The three lines, the third aimed at a sector that is there."""
    return [*LINES[:2], LINES[2] | {"sectors": base.labels.sectors[1]}]


@pytest.fixture(scope="module")
def three(base, lines):
    plan = experiment.plan(scenario("three", instruments=lines), base, security=False, by_instrument="name")
    (result,) = experiment.solve_plans([plan])
    assert not result.failed
    return result


def exact(base, given, names):
    """Equivalent variation with some of the lines, solved here."""
    part = given.only(names)
    if not names:
        return np.zeros(len(base.labels.regions))
    return equivalent_variation(solve(base.benchmark, part.shock(base), given.closure(FULL)))


def test_instruments_add_up_to_the_result(three):
    ds = three.dataset.squeeze("scenario")
    assert list(ds["instrument"].values) == ["quota", "tariff", "luck"]
    income = ds["equivalent_variation"].sel(regime=FULL)
    np.testing.assert_allclose(ds["real_income_usd_by_instrument"].sum("instrument"), income, atol=1e-8)
    exports = 100 * (ds["exports_volume"].sel(regime=FULL) - 1)
    np.testing.assert_allclose(ds["sector_exports_by_instrument"].sum("instrument"), exports, atol=1e-8)
    assert (np.abs(ds["real_income_usd_by_instrument"]).max("region") > 1e-6).all()


def test_the_part_of_an_instrument_is_its_mean_over_all_orders(base, lines, three):
    given = scenario("three", instruments=lines)
    names = ["quota", "tariff", "luck"]
    worth = {on: exact(base, given, on) for on in [(), *((n,) for n in names), ("quota", "tariff"), ("quota", "luck"),
                                                   ("tariff", "luck"), tuple(names)]}  # fmt: skip
    orders = [
        worth["quota",] - worth[()], worth["quota",] - worth[()],
        worth["quota", "tariff"] - worth["tariff",], worth["quota", "luck"] - worth["luck",],
        worth[tuple(names)] - worth["tariff", "luck"], worth[tuple(names)] - worth["tariff", "luck"],
    ]  # fmt: skip
    found = three.dataset["real_income_usd_by_instrument"].sel(instrument="quota").squeeze("scenario")
    np.testing.assert_allclose(found, np.mean(orders, axis=0), atol=1e-7)


def test_instruments_of_a_type_are_taken_together_and_one_alone_is_everything(base, lines):
    two = scenario("two", instruments=[lines[1], lines[1] | {"name": "again", "destinations": "R2"}])
    plan = experiment.plan(two, base, security=False, decompose=False, by_instrument="type")
    (result,) = experiment.solve_plans([plan])
    ds = result.dataset.squeeze("scenario")
    assert list(ds["instrument"].values) == ["tariff"]
    part = ds["real_income_usd_by_instrument"].sel(instrument="tariff")
    np.testing.assert_array_equal(part, ds["equivalent_variation"].sel(regime=FULL))


def test_a_set_of_instruments_without_a_solution_leaves_a_reason(base, lines):
    """A purchase that the quota alone allows cannot be met under both; the note says which set failed."""
    plan = experiment.plan(
        scenario("three", instruments=lines[:2]), base, security=False, by_instrument="name"
    )
    done = {job.key: experiment.run_job(job) for job in plan.regime_jobs()}
    done |= {job.key: experiment.run_job(job) for job in plan.follow_ups(done)}
    key = ("instruments", frozenset({"quota"}))
    done[key] = done[key]._replace(case=None, message="stalled")
    result = experiment._result(plan, done)
    assert "instrument" not in result.dataset.dims
    (said,) = failed(result.dataset)
    assert "quota was not solved (stalled)" in said


def test_too_many_instruments_are_refused(lines):
    many = [lines[1] | {"name": f"t{n}"} for n in range(instruments.MOST + 1)]
    with pytest.raises(InputError, match="at most 6; --by-instrument type"):
        instruments.players(scenario("many", instruments=many), "name")


def test_no_instruments_cannot_be_divided_among():
    with pytest.raises(InputError, match="instruments: there are none to divide among"):
        instruments.players(scenario("none", limit=None), "name")


def test_terms_of_trade_are_what_one_region_gains_from_another(base, three):
    """Antisymmetric in value, and equal to base trade times price changes recomputed from published variables."""
    ds = three.dataset.squeeze("scenario").sel(regime=FULL)
    terms = ds["first_order_terms_of_trade"].values
    np.testing.assert_allclose(terms, -terms.transpose(1, 0, 2), atol=1e-9)
    goods = [str(g) for g in ds["good"].values if str(g) not in ds["element"].values]
    at = [list(ds["good"].values).index(g) for g in goods]
    price = np.log(ds["producer_price"].values[:, at])
    # At the border: with the export taxes of the base year, which the scenario leaves alone for these goods.
    sold = (ds["base_trade"].values * (1 + base.benchmark.export_tax))[:, :, at]
    for n in range(3):
        for i in {0, 1, 2} - {n}:
            wanted = sold[n, i] * price[n] - sold[i, n] * price[i]
            np.testing.assert_allclose(terms[n, i][at], wanted, atol=1e-8)


def test_tables_of_first_order_effects_hold_the_same_sums(three):
    ds = three.dataset.squeeze("scenario")
    total = gains.first_order(ds, FULL).set_index("region")
    for frame in (gains.first_order_by_partner(ds, FULL), gains.first_order_by_good(ds, FULL)):
        sums = frame.groupby("region")[[gains.TERMS, gains.VOLUME]].sum()
        np.testing.assert_allclose(sums, total.loc[sums.index, [gains.TERMS, gains.VOLUME]], atol=1e-9)
    for name, axis, away in (("partner", "origin", "good"), ("good", "good", "origin")):
        frame = getattr(gains, f"first_order_by_{name}")(ds, FULL)
        assert len(frame) > 3
        by_label = ds["first_order_terms_of_trade"].sel(regime=FULL).sum(away)
        for row in frame.itertuples(index=False):
            assert row[2] == pytest.approx(float(by_label.sel({"region": row[0], axis: row[1]})), abs=1e-12)
    np.testing.assert_array_equal(
        total["real income, exact [million USD]"], ds["equivalent_variation"].sel(regime=FULL)
    )
    stacked = tables.all_tables(ds)
    assert set(stacked["first_order"]["regime"]) == set(ds["regime"].values)
    assert list(stacked["instruments"]["instrument"]) == ["quota", "tariff", "luck", "sum"]


def test_percentages_are_of_each_regions_own_income(three):
    """Against the ratio of real income, which the solution holds besides."""
    ds = three.dataset.squeeze("scenario")
    table = gains.first_order(ds, FULL).set_index("region")
    ratio = ds["real_income"].sel(regime=FULL).to_series()
    np.testing.assert_allclose(
        table["real income, exact [% of income]"], 100 * (ratio[table.index] - 1), rtol=1e-6, atol=1e-9
    )
    for kind in ("real income, exact", "sum, first-order"):
        income = 100 * table[f"{kind} [million USD]"] / table[f"{kind} [% of income]"]
        np.testing.assert_allclose(income, ds["base_income"].to_series()[income.index], rtol=1e-9)


def test_the_terminal_shows_both(three):
    text = "\n".join(line.text for line in summary.instruments(three.dataset))
    regime = names.regime(three.dataset.attrs["decomposed"])
    assert text.startswith(f"By instrument, with {regime}\n")  # it ended in "+ spi..."
    assert "tariff" in text
    assert "sum" in text
    text = "\n".join(line.text for line in summary.first_order(three.dataset, 100))
    assert "exact" in text
    assert "approximations" in text


def test_first_order_is_exact_for_a_small_tariff_where_it_applies():
    """No research, no subsidies: halving the shock quarters the gap between the formula and the exact change."""
    plain = small_calibration(research=False, subsidies=False)
    gaps = []
    for rate in (0.02, 0.01):
        line = {name: LINES[1][name] for name in ("type", "name", "elements")} | {
            "add": {"value": rate, **SOURCE}
        }
        given = scenario("small", instruments=[line], horizon="short")
        plan = experiment.plan(given, plain, regimes=("exogenous",), security=False, decompose=False)
        (result,) = experiment.solve_plans([plan])
        table = gains.first_order(result.dataset.squeeze("scenario"), "exogenous")
        gaps.append(
            np.abs(table["sum, first-order [million USD]"] - table["real income, exact [million USD]"]).max()
        )
    assert gaps[1] == pytest.approx(gaps[0] / 4, rel=0.1)
