"""Paths: what is solved, that contributions add up, and that tables say what the Dataset says."""

import argparse
import csv
import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import scenarios
from calibration.errors import InputError
from model.feasibility import UNSOLD
from model.path import simulate
from outputs import names, pricefacts, store
from outputs.names import number, signed
from outputs.paths import bands, facts, figures, findings, instruments, labelled, plan, saving, summary, work
from outputs.paths.facts import View
from outputs.paths.tables import TABLES, write_tables
from outputs.report import build
from outputs.sweeps.groups import groups
from scenarios.base_year import tonnes_sold
from scenarios.sweeps import design as plans
from scenarios.sweeps.design import Outcome
from scenarios.sweeps.distributions import Uniform
from scenarios.sweeps.execution import InProcess, pool
from tests.outputs.conftest import small_calibration
from tests.outputs.test_sweeps import sweep_of

FULL = "directed_with_spillovers"


def path_file(**changes):
    """A quota for two years, a tariff from the second, on four years, as it stands in a file."""
    source = {"source": "a test", "status": "analyst"}
    lines = [
        {"type": "export_quota", "name": "quota", "origins": "R0", "elements": "all", "from": 2010, "until": 2011,
         "limit": {"value": 0.6, "unit": "ratio", **source}},
        {"type": "tariff", "name": "tariff", "origins": "R0", "destinations": "R1", "elements": "all", "from": 2011,
         "rate": {"value": 0.3, **source}},
    ]  # fmt: skip
    given = {
        "name": "path", "title": "A quota for two years", "question": "What is left of it?", "calibration": "small",
        "horizon": "path", "years": "2009-2012", "instruments": lines, "assumptions": [{"text": "A test."}],
    }  # fmt: skip
    return given | changes


def path_scenario(**changes):
    return scenarios.parse(path_file(**changes))


@pytest.fixture(scope="module")
def ready():
    return plan.plan(path_scenario(), small_calibration())


@pytest.fixture(scope="module")
def result(ready):
    found = labelled.label(ready, work.run(ready, InProcess()))
    assert not found.failed
    return found


@pytest.fixture(scope="module")
def view(result):
    return View(result.dataset)


def test_a_path_of_the_model_is_what_the_result_holds(ready, view):
    inputs = ready.inputs
    path = simulate(ready.benchmark, inputs.years, inputs.shocks, FULL)
    found = view.over_time("technology_level", FULL)
    np.testing.assert_allclose(np.log(found), path.technology, atol=1e-12)
    np.testing.assert_allclose(view.over_time("capacity", FULL), np.exp(path.capacity), atol=1e-12)
    np.testing.assert_allclose(
        view.over_time("capacity_target", FULL), np.exp(path.capacity_target), atol=1e-12
    )


@pytest.mark.slow
def test_workers_give_the_same_numbers(ready, result):
    with pool(2) as executor:
        again = labelled.label(ready, work.run(ready, executor))
    xr.testing.assert_allclose(again.dataset, result.dataset, rtol=1e-9, atol=1e-9)


def test_the_companion_forgets_as_fast_as_it_learns(ready, view):
    even = ready.benchmark.replace(
        parameters=ready.benchmark.parameters.replace(forgetting=ready.benchmark.parameters.learning)
    )
    path = simulate(even, ready.inputs.years, ready.inputs.shocks, FULL)
    found = np.log(view.over_time("technology_level", FULL, work.EVEN))
    np.testing.assert_allclose(found, path.technology, atol=1e-12)
    assert np.abs(found - np.log(view.over_time("technology_level", FULL))).max() > 1e-6
    one, two = (view.over_time("technology_level", "exogenous", memory) for memory in view.memories)
    np.testing.assert_array_equal(one, two)


def test_forces_add_up_to_the_change_in_every_year(view):
    ds = view.ds
    assert [int(y) for y in ds["decomposed_year"].values] == view.years
    income = view.over_time("equivalent_variation", FULL)
    np.testing.assert_allclose(ds["real_income_usd_by_force"].sum("force"), income, atol=1e-8)
    exports = 100 * (view.over_time("exports_volume", FULL) - 1)
    np.testing.assert_allclose(ds["sector_exports_by_force"].sum("force"), exports, atol=1e-8)
    assert (
        np.abs(
            ds["real_income_usd_by_force"].sel(force=["direction", "spillovers", "breadth", "capacity"])
        ).max()
        > 0
    )


@pytest.mark.parametrize("by", ["name", pytest.param("type", marks=pytest.mark.slow)])
def test_instruments_add_up_with_all_they_do_to_technology(ready, result, by):
    results = work.run(ready, InProcess())
    parts = instruments.run(ready, by, InProcess())
    full = instruments.outcomes_of(ready, results)
    ds = View(instruments.contributions(ready, by, parts, full, result.dataset)).ds
    (said,) = [one.text for one in findings.findings(View(ds)) if one.topic == "Instruments"]
    total = float(facts.others(View(result.dataset), "equivalent_variation", FULL).sum())
    assert f"sum {signed(total)}" in said
    wanted = ["quota", "tariff"] if by == "name" else ["export_quota", "tariff"]
    assert list(ds["instrument"].values) == wanted
    income = View(result.dataset).over_time("equivalent_variation", FULL)
    np.testing.assert_allclose(ds["real_income_usd_by_instrument"].sum("instrument"), income, atol=1e-8)
    quota = ds["real_income_usd_by_instrument"].sel(instrument=wanted[0])
    assert np.abs(quota.sel(year=2012)).max() > 0  # it has ended, what it taught has not
    assert np.abs(ds["real_income_usd_by_instrument"].sel(instrument="tariff", year=2010)).max() == 0


def test_too_many_instruments_are_refused():
    source = {"source": "a test", "status": "analyst"}
    lines = [
        {
            "type": "export_tax",
            "name": f"tax-{n}",
            "origins": "R0",
            "elements": "all",
            "add": {"value": 0.01, **source},
        }
        for n in range(7)
    ]
    with pytest.raises(InputError, match="7 instruments by name need"):
        instruments.players(path_scenario(instruments=lines), "name")
    assert instruments.players(path_scenario(instruments=lines), "type") == {
        "export_tax": tuple(f"tax-{n}" for n in range(7))
    }


def test_security_is_measured_at_each_years_state(view):
    ds = view.ds
    loss = facts.others(view, "cut_loss", FULL)
    assert (loss > 0).all()
    bare = facts.others(view, "cut_loss_without_innovation", FULL)
    np.testing.assert_array_equal(loss[:2], bare[:2])
    assert loss[2012] < bare[2012]  # something was learnt
    assert list(loss.index) == view.years
    assert (ds["embargo_loss"].sel(region=["R1", "R2"]).sum("region") > 0).all()
    assert set(np.unique(ds["years_to_replace_stage"])) <= set(range(-1, 61))
    np.testing.assert_allclose(ds["cut"], [0.5])


def with_gaps(plan, gaps):
    """The path's jobs, of which some events were not solved: (regime, year, event) -> how many cuts were."""
    found = work.run(plan, InProcess())
    for (regime, year, event), count in gaps.items():
        key = (regime, work.CALIBRATED), plan.years.index(year)
        done = found.years[key]
        extra = {name: value for name, value in done.extra.items() if labelled_by.get(name) != event}
        extra |= {name: done.extra[name][:count] for name in set(done.extra) - set(extra) if count}
        found.years[key] = done._replace(extra=extra, notes={event: f"a reason of {year}"})
    return labelled.label(plan, found).dataset


labelled_by = {row.name: event for event, rows in labelled.SECURITY.items() for row in rows}


@pytest.fixture(scope="module")
def gappy(ready):
    """No cut in 2010, neither with fixed technology, nor an embargo in the last year with all forces."""
    gaps = {("exogenous", 2010, "cut"): 0, ("exogenous", 2012, "embargo"): 0, (FULL, 2012, "embargo"): 0}
    return View(with_gaps(replace(ready, decompose=False, companion=False), gaps))


def test_a_year_without_a_solution_leaves_the_others(view, gappy):
    """`stockpile` lost what a cut would cost in all eight years since it has no solution in 2014 and 2015."""
    for name, event in labelled_by.items():
        when = labelled.MEASURED[event]
        left = [year for year in view.years if year != {"cut": 2010, "embargo": 2012}[event]]
        assert list(gappy.ds[when]) == left
        np.testing.assert_array_equal(gappy.ds[name], view.ds[name].sel({when: left}), name)
    assert findings.gaps(gappy) == [
        "cut loss: 2010, fixed technology: a reason of 2010",
        "embargo loss: 2012, fixed technology and directed technology and spillovers: a reason of 2012",
    ]
    assert all(np.isfinite(one).all() for one in gappy.ds.data_vars.values() if one.dtype.kind == "f")


def test_a_year_without_a_solution_is_a_gap_that_is_told(gappy, tmp_path, monkeypatch):
    cut, embargo = "cut of 50 % [million USD]", "lasting embargo [million USD]"
    table = facts.security(gappy).set_index("year")
    for column, year in ((cut, 2010), (embargo, 2012)):
        assert table.loc[year, column].isna().all()
        assert set(table.index[table[column].isna()]) == {year}
    years = facts.years_to_replace(gappy).set_index("year")["years to replace [years]"]
    assert set(years.index[years.isna()]) == {2012}
    text = findings.security(gappy).text
    now = facts.others(gappy, "embargo_loss", FULL)
    assert list(now.index) == [2009, 2010, 2011] and f" and {number(now[2011])} in 2011 (" in text
    assert "and was not solved in 2010;" in text and "and was not solved in 2012." in text
    assert findings.replacing(gappy).text.endswith(" in 2011.")
    lines = [line.text for line in summary.path(gappy, "path", 100)]
    (head,) = [line for line in lines if line.endswith("2012") and "2009" in line]
    for label, year in (("50 % cut now", 2010), ("Lasting embargo", 2012)):
        (row,) = [line for line in lines if line.startswith(label)]
        assert [at for at, sign in enumerate(row) if sign == "–"] == [head.index(str(year)) + 3]
    assert "! cut loss: 2010, fixed technology: a reason of 2010" in lines
    write_tables(gappy, tmp_path, "path")
    written = (tmp_path / "embargo_now.csv").read_text(encoding="utf-8")
    assert (
        "nan" not in written and "# missing: cut loss: 2010, fixed technology: a reason of 2010\n" in written
    )
    monkeypatch.setattr(figures.style, "finish", lambda figure, path, title, note: (figure, title, note))
    drawn, title, note = figures.security(gappy, tmp_path, "")
    line = drawn.axes[0].lines[0].get_ydata()
    assert list(np.isnan(line)) == [False, True, False, False] and "No line: not solved." in note


def test_of_several_cuts_the_largest_table_is_kept(ready):
    asked = replace(ready, decompose=False, companion=False, cuts=(0.25, 0.5), regimes=("exogenous",))
    one = with_gaps(asked, {("exogenous", year, "cut"): 1 for year in (2010, 2011, 2012)})
    assert list(one["cut"]) == [0.25] and list(one["cut_year"]) == [2009, 2010, 2011, 2012]
    two = with_gaps(asked, {("exogenous", 2010, "cut"): 1})
    assert list(two["cut"]) == [0.25, 0.5] and list(two["cut_year"]) == [2009, 2011, 2012]
    gone = with_gaps(asked, {("exogenous", year, "cut"): 0 for year in asked.years})
    assert "cut_loss" not in gone and "cut_year" not in gone.dims
    assert "costs" in findings.security(View(gone)).text  # the embargo


def test_the_smaller_cuts_stand_where_a_larger_one_fails(ready, monkeypatch):
    from model.solution import Diagnosis, SolveError

    def failing(benchmark, shock, closed, shares, today):
        if shares[-1] > 0.6:
            raise SolveError(Diagnosis("stalled", "goods", (0, 0), 1.0, f"failed at {shares}"))
        return cut(benchmark, shock, closed, shares, today)

    cut = work.cut
    monkeypatch.setattr(work, "cut", failing)
    asked = replace(
        ready, decompose=False, companion=False, cuts=(0.25, 0.5, 0.75, 1.0), regimes=("exogenous",)
    )
    found = labelled.label(asked, work.run(asked, InProcess())).dataset
    assert list(found["cut"]) == [0.25, 0.5] and list(found["cut_year"]) == list(asked.years)
    assert found.attrs["note_cut_loss"].startswith(
        "2009: a cut of 75 % was not solved (stalled; failed at (0.25, 0.5, 0.75)"
    )


def test_what_was_not_asked_for_has_no_table(ready):
    """`embargo_now.csv` listed years, regimes and regions, and no numbers."""
    asked = replace(ready, decompose=False, companion=False, security=False, regimes=("exogenous",))
    assert not len(facts.security(View(labelled.label(asked, work.run(asked, InProcess())).dataset)))


def test_cuts_that_are_close_have_columns_of_their_own():
    scenario = path_scenario(years="2009-2011", regimes=["exogenous"])
    close = plan.plan(scenario, small_calibration(), decompose=False, companion=False, cuts=(0.121, 0.124))
    found = View(labelled.label(close, work.run(close, InProcess())).dataset)
    table = facts.security(found)
    for share, text in ((0, "12.1"), (1, "12.4")):
        wanted = found.ds["cut_loss"].sel(cut_year=2010, regime="exogenous", region="R1").values[share]
        row = table[(table["year"] == 2010) & (table["region"] == "R1")].iloc[0]
        assert row[f"cut of {text} % [million USD]"] == wanted
    assert findings._cut(found) == "A sudden cut of exports by 12.1 %"


def test_a_cut_is_asked_for_once():
    asked = argparse.Namespace(
        cut=[0.5, 0.25, 0.5], by_instrument=None, regime=None,
        no_decomposition=True, no_security=False, no_companion=True,
    )  # fmt: skip
    assert saving._plan(path_scenario(), small_calibration(), asked).cuts == (0.25, 0.5)


def test_tables_say_what_the_dataset_says(view):
    table = facts.real_income(view)
    row = table[(table["year"] == 2011) & (table["regime"] == FULL) & (table["region"] == "R1")].iloc[0]
    value = view.ds["equivalent_variation"].sel(memory="calibrated", regime=FULL, year=2011, region="R1")
    assert row["real income [million USD]"] == float(value)
    even = view.ds["equivalent_variation"].sel(memory="even", regime=FULL, year=2011, region="R1")
    assert row["real income, even memory [million USD]"] == float(even)
    security = facts.security(view)
    last = security[(security["year"] == 2012) & (security["regime"] == FULL)].set_index("region")
    assert last.loc["others", "cut of 50 % [million USD]"] == pytest.approx(
        last.loc[["R1", "R2"], "cut of 50 % [million USD]"].sum()
    )
    for name, make in TABLES.items():
        made = make(view)
        assert np.isfinite(made.select_dtypes("number")).all(axis=None), name


def test_findings_and_summary_fit_a_screen(view):
    said = {finding.topic for finding in findings.findings(view)}
    assert said == {
        "Prices", "Ore and magnets", "Real income", "Exports", "Memory", "Forces", "Security", "Years to replace",
    }  # fmt: skip
    lines = summary.path(view, "path", 80, 24)
    assert len(lines) <= 23
    assert all(len(line.text) <= 80 for line in lines)


def test_words_say_where_the_price_abroad_is_what_others_pay(view):
    tonnes = view.ds["tonnes"].copy()
    tonnes.loc[{"year": 2012, "origin": "R0", "region": "R1"}] = 0.0
    assert "what others pay" not in findings.prices(view).text
    assert "what others pay" in findings.prices(View(view.ds.assign(tonnes=tonnes))).text


@pytest.mark.parametrize(("others", "deep"), [(0.985, True), (0.995, False)])
def test_losses_of_a_year_that_no_data_can_tell_are_no_forecast(view, others, deep):
    ratio = view.ds["group_real_income"].copy()
    ratio.loc[{"group": "others", "year": 2011, "regime": "exogenous"}] = others
    changed = View(view.ds.assign(group_real_income=ratio))
    assert ("no forecast" in findings.income(changed).text) is deep
    assert "no forecast" not in findings.security(changed).text
    text = " ".join(line.text for line in summary.path(changed, "path", 100))
    assert ("no forecast" in text) is deep


@pytest.mark.parametrize(("share", "deep"), [(0.011, True), (0.009, False)])
@pytest.mark.parametrize("name", ["cut_loss", "embargo_loss"])
def test_a_cut_that_would_cost_so_much_is_no_forecast(view, name, share, deep):
    abroad = view.ds["restricting"].values == 0
    loss = xr.zeros_like(view.ds[name])
    income = view.ds["base_income"].values[abroad].sum()
    when = labelled.MEASURED[name.removesuffix("_loss")]
    loss.loc[{"region": view.ds["region"].values[abroad][0], when: 2012}] = share * income
    changed = View(view.ds.assign({name: loss}))
    assert ("no forecast" in findings.security(changed).text) is deep
    assert "no forecast" not in findings.income(changed).text
    text = " ".join(line.text for line in summary.path(changed, "path", 100))
    assert ("no forecast" in text) is deep


@pytest.mark.parametrize("lost", [-2.2e6, -84_505.0, -3.0, -1e-5])
def test_years_stand_under_each_other(view, lost):
    """Every cell ends where its year does, whatever the size of the numbers."""
    usd = view.ds["group_equivalent_variation"].copy()
    usd.loc[{"year": 2011}] = lost
    lines = [
        line.text for line in summary.path(View(view.ds.assign(group_equivalent_variation=usd)), "path", 100)
    ]
    (head,) = [line for line in lines if line.endswith("2012") and "2009" in line]
    ends = [head.index(str(year)) + 4 for year in view.years]
    rows = lines[lines.index(head) + 1 :][: 3 * len(view.regimes)]
    assert len(rows) == 9
    for row in rows:
        assert all(row[end - 1] != " " and row[end : end + 1] in ("", " ") for end in ends), row
    unit = "bn USD" if lost < -1e4 else "m USD"
    assert any(line.startswith(f"Others, {unit}") for line in lines)


def test_changes_are_told_against_the_base_year_whatever_year_the_path_begins_with(view):
    late = View(view.ds.sel(year=slice(2010, None)))
    text = findings.prices(late).text
    assert "furthest from their base-year price in 2010" in text
    assert "price of 2010" not in text
    assert "against the base year" in findings.income(late).text
    assert "differs from that of the base year by" in findings.memory(late).text


def test_a_cut_that_others_gain_by_is_marked(view):
    assert "a gain" not in findings.security(view).text
    turned = View(view.ds.assign(cut_loss=-view.ds["cut_loss"]))
    assert "(a minus sign is a gain); a full embargo" in findings.security(turned).text


def test_what_magnets_and_ore_cost_outside_is_told_where_it_changes(view):
    """A path of a quota on magnets told the price of oxides only."""
    (good, *_) = pricefacts.chain_goods(view.ds)
    prices = view.ds["purchaser_price"].copy(data=np.ones(view.ds["purchaser_price"].shape))
    flat = View(view.ds.assign(purchaser_price=prices))
    assert findings.chain(flat) is None
    prices = prices.copy()
    prices.loc[{"good": good, "year": 2010, "regime": FULL}] = 1.5
    prices.loc[{"good": good, "year": 2012, "regime": FULL}] = 0.9
    told = findings.chain(View(view.ds.assign(purchaser_price=prices))).text
    assert f"50.0 % more in 2010 and 10.0 % less in 2012 with {names.regime(FULL)}" in told
    assert f"for {good} the same in 2009 and the same in 2012 with {names.regime('exogenous')}" in told
    said = " ".join(
        line.text for line in summary.path(View(view.ds.assign(purchaser_price=prices)), "p", 100)
    )
    assert f"for {good}" in said


def test_rounding_is_told_as_nothing(view):
    """A shock that ended was "the shock itself -1.1e-10", and an even memory "-0" in the base year."""
    noise = view.ds["exposed_exports_by_force"].copy()
    noise.loc[{"force": "cost"}] = -1.1e-14
    group = view.ds["group_equivalent_variation"].copy()
    group.loc[{"memory": "even", "year": 2009}] = -1e-8
    noisy = View(view.ds.assign(exposed_exports_by_force=noise, group_equivalent_variation=group))
    assert "the shock itself 0," in findings.deciding(noisy).text
    rows = [line.text for line in summary.path(noisy, "path", 100) if "even memory" in line.text]
    assert rows[0].split()[2] == "0"


@pytest.mark.parametrize("regime", ["directed", FULL])
def test_rows_have_their_unit_whatever_the_first_regime_is(view, regime):
    lines = [line.text for line in summary.path(View(view.ds.sel(regime=[regime])), "path", 80)]
    for start in ("Oxides abroad, % ", "Others, m USD "):
        (row,) = [line for line in lines if line.startswith(start)]
        assert row.count(" ") >= len(view.years)


def test_large_losses_are_in_billions(view):
    lost = view.ds["group_equivalent_variation"].copy()
    lost.loc[{"group": "others", "year": 2012}] = -819_230.0
    text = findings.income(View(view.ds.assign(group_equivalent_variation=lost))).text
    assert "-819 billion USD in 2012" in text
    assert "million" not in text


def test_figures_are_drawn(view, tmp_path):
    drawn = figures.draw(view, tmp_path, "path")
    assert {path.stem for path in drawn} == {
        "prices", "real_income", "exposed_sectors", "capacity", "security", "forces",
    }  # fmt: skip
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in drawn)


def test_a_gain_is_not_cut_off_and_a_fall_is_no_peak(view, tmp_path, monkeypatch):
    drawn: list[tuple[object, str]] = []
    monkeypatch.setattr(
        figures.style, "finish", lambda figure, path, title, note: drawn.append((figure, title)) or path
    )
    turned = {name: -view.ds[name] for name in view.ds if str(name).startswith("cut_loss")}
    figures.security(View(view.ds.assign(turned)), tmp_path, "")
    figures.security(view, tmp_path, "")
    (gains, _), (losses, _) = drawn
    assert gains.axes[0].get_ylim()[0] < 0 == losses.axes[0].get_ylim()[0]
    cheap = view.ds["base_border_value"] * (1 + 0 * view.ds["border_value"]) * 0.5
    figures.prices(
        View(view.ds.assign(border_value=cheap.transpose(*view.ds["border_value"].dims))), tmp_path, ""
    )
    assert "move most by" in drawn[-1][1] and "-50 %" in drawn[-1][1]


def test_the_element_that_the_title_names_is_drawn():
    """A path of licences said "move most by yttrium +6,688 %" over cerium, neodymium, praseodymium and terbium."""
    sold = np.array([900.0, 700, 5, 300, 200, 80, 3])
    priced = np.array([1.0, 2, 3, 50, 60, 800, 900])
    table = pd.DataFrame(
        {"element": list("ABCDEFG"), "sold abroad, base [t]": sold, "abroad, base [USD/kg]": priced}
    )
    for moved in "ABCDEFG":
        shown = figures.shown_elements(table, moved)
        assert moved in shown and len(shown) == 4 and shown == sorted(shown)


def test_a_path_of_a_region_that_sells_no_elements_is_written(view, tmp_path):
    own = (view.ds["origin"] == "R0").values
    gone = {
        name: view.ds[name].where(~xr.DataArray(own, dims="origin"), 0.0)
        for name in ("base_tonnes", "tonnes")
    }
    bare = View(view.ds.assign({name: value.transpose(*view.ds[name].dims) for name, value in gone.items()}))
    assert "Prices" not in {finding.topic for finding in findings.findings(bare)}
    assert figures.prices(bare, tmp_path, "") is None
    written = {path.name for path in write_tables(bare, tmp_path, "path")}
    assert "prices.csv" in written
    lines = (tmp_path / "prices.csv").read_text(encoding="utf-8").splitlines()
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    assert {row["abroad [USD/kg]"] for row in rows} == {""}


def test_a_year_that_cannot_be_solved_is_named_and_the_others_stay(ready):
    unstable = ready.benchmark.replace(
        parameters=ready.benchmark.parameters.replace(learning=0.999, forgetting=0.999)
    )
    found = ready.benchmark.parameters.innovation_elasticity
    wild = unstable.replace(parameters=unstable.parameters.replace(innovation_elasticity=20 * found))
    broken = replace(ready, benchmark=wild, decompose=False, security=False, companion=False)
    result = labelled.label(broken, work.run(broken, InProcess()))
    assert list(result.dataset["regime"].values) == ["exogenous"]
    assert set(result.failed) == {"directed", FULL}
    assert "2009" in result.failed[FULL]
    assert json.loads(result.dataset.attrs["failed"]) == dict(result.failed)


def sold_out(ready):
    """The path with all the Dy that R1 uses, ten times over, sold from a stock there in its second year."""
    b = ready.benchmark
    k = int(b.elements[0])
    released = np.zeros(b.final.shape)
    released[1, k] = 10 * np.einsum("ik->k", tonnes_sold(b)[:, 1])[k]
    shocks = list(ready.inputs.shocks)
    shocks[1] = shocks[1].replace(stock_release=released)
    return replace(ready, inputs=ready.inputs.replace(shocks=tuple(shocks)), security=False, companion=False)


@pytest.mark.parametrize("by", ["year", "instrument"])
def test_a_path_that_fails_names_region_and_good(ready, by):
    broken = sold_out(ready)
    good, region = broken.frame.labels.elements[0], broken.frame.labels.regions[1]  # the holder
    if by == "year":
        why = labelled.label(broken, work.run(broken, InProcess())).failed[FULL]
    else:
        content = work.Content(
            broken.benchmark, broken.benchmark, broken.inputs, broken.frame, broken.closed, ()
        )
        why = instruments.job(work.Packed(content), FULL)
    assert why.startswith("2010: ")
    assert f"market of a good (E9): {region}, {good}" in why


def test_where_a_file_stands_is_no_part_of_a_result(ready):
    """The same scenario in another folder has the same bytes; who reads that a stock is too large is told its line."""
    stock = {
        "type": "stockpile",
        "name": "stock",
        "regions": "R1",
        "elements": "E1",
        "initial": 9,
        "release": {2011: 4},
    }
    given = replace(
        ready, scenario=path_scenario(instruments=[*path_file()["instruments"], stock]), decompose=False,
        security=False, companion=False, regimes=("exogenous", FULL),
    )  # fmt: skip
    jobs = work.run(given, InProcess())
    key = (FULL, work.CALIBRATED), 2
    jobs.years[key] = jobs.years[key]._replace(case=None, message=f"infeasible; {UNSOLD}")
    found = labelled.label(given, jobs)
    why = found.failed[FULL]
    assert why.startswith(f"2011: infeasible; {UNSOLD}; ") and why.endswith("instruments[2].release")
    assert json.loads(found.dataset.attrs["failed"]) == {FULL: f"2011: infeasible; {UNSOLD}"}


def test_unstable_speeds_are_refused_with_the_range():
    calibration = small_calibration(learning=1.5)
    with pytest.raises(ValueError, match=r"learning = 1.5 is outside its stable range \[0, 1\]"):
        plan.plan(path_scenario(), calibration)


def test_a_run_folder_is_written_whole(ready, tmp_path, monkeypatch):
    args = argparse.Namespace(
        out=tmp_path,
        quiet=True,
        json=False,
        workers=1,
        no_figures=True,
        settings=[],
        horizon=None,
        calibration=None,
    )
    monkeypatch.setattr(saving.pipeline, "scenario_text", lambda scenario, args: "name: path\n")
    small = plan.plan(path_scenario(years="2009-2011"), small_calibration(), decompose=False, security=False)
    saved = saving.solve_and_save(small, args)
    run = store.read(saved.saved.folder)
    assert run.dataset.sizes["year"] == 3
    assert run.inputs["options"]["companion"] is True
    again = saving.solve_and_save(small, args)
    assert again.saved.existed
    assert json.dumps(saving.as_json(saved))


def outcome(**given):
    return Outcome.model_validate_json(json.dumps({"name": "y", **given}))


def test_the_line_between_bands_is_the_path(view):
    table = facts.overview(view)
    table = table[(table["memory"] == work.CALIBRATED) & (table["regime"] == FULL)]
    for select, column in (({"all_but": "R0"}, "others"), ("R0", "restricting"), (["R0"], "restricting")):
        found = bands.line(view, outcome(variable="equivalent_variation", select={"region": select}), FULL)
        np.testing.assert_allclose(found, table[f"real income, {column} [million USD]"])
    price = outcome(variable="border_value", select={"origin": "R0", "element": "E1"}, measure="percent")
    prices = facts.stacked(view, pricefacts.table)
    prices = prices[(prices["regime"] == FULL) & (prices["element"] == "E1")]
    # In front of the bands stands the price at the border, to which a specific licence adds what it costs.
    np.testing.assert_allclose(bands.line(view, price, FULL), prices["abroad, change [%]"], atol=1e-9)
    change = outcome(variable="border_value", select={"origin": "R0", "element": "E1"}, measure="change")
    base = prices["abroad, base [USD/kg]"].to_numpy()
    np.testing.assert_allclose(
        100 * bands.line(view, change, FULL) / base, prices["abroad, change [%]"], atol=1e-9
    )
    assert bands.line(view, outcome(variable="equivalent_variation", select={"region": "G7"}), FULL) is None


def test_bands_are_of_the_same_path_only():
    base = {"name": "small", "files": {"small.yaml": "0"}}
    inputs = {"calibration": base, "scenario": path_scenario().model_dump(mode="json")}

    def determined(calibration=base, **changes):
        return {"calibration": calibration, "scenarios": {"none": {"name": "x"}, "it": path_file(**changes)}}

    assert bands.same_path(inputs, determined()) == "it"
    assert bands.same_path(inputs, determined(years="2009-2013")) == ""
    assert bands.same_path(inputs, determined({**base, "files": {"small.yaml": "1"}})) == ""


def sweep_by_year(view, draws=8):
    """A Sobol sweep of an outcome in two years: the sum of two numbers, and its double."""
    return sweep_of(
        plans.Sobol(type="sobol", draws=2 * draws, seed=1, second_order=False),
        lambda x: np.stack([x.sum(axis=1), 2 * x.sum(axis=1)], axis=1),
        [Uniform(low=0.0, high=1.0), Uniform(low=5.0, high=9.0)],
        years=(2010, 2011), regimes=(FULL,),
    )  # fmt: skip


def test_a_band_holds_the_quantiles_of_the_sweep(view, tmp_path, monkeypatch):
    """Counted anew from the draws of the sample: of each block the first and the last."""
    sweep, drawn = sweep_by_year(view), []
    monkeypatch.setattr(bands.style, "finish", lambda figure, path, title, note: drawn.append(figure) or path)
    (group,) = groups(sweep)
    bands.draw(view, sweep, group, outcome(variable="equivalent_variation", year="all"), tmp_path)
    axes = drawn[0].axes[0]
    rows = np.arange(len(sweep.values)) % sweep.block
    sums = sweep.values.sum(axis=1)[(rows == 0) | (rows == sweep.block - 1)]
    median = next(line for line in axes.lines if line.get_label() == "median of draws")
    np.testing.assert_array_equal(median.get_xdata(), [2010, 2011])
    np.testing.assert_allclose(median.get_ydata(), [np.median(sums), 2 * np.median(sums)], rtol=1e-12)
    for patch, share in zip(axes.collections, (0.05, 0.25), strict=True):
        ends = patch.get_paths()[0].vertices[:, 1]
        np.testing.assert_allclose(ends.min(), np.quantile(sums, share), rtol=1e-12)
        np.testing.assert_allclose(ends.max(), 2 * np.quantile(sums, 1 - share), rtol=1e-12)


def test_an_outcome_that_names_no_scenario_is_of_the_first_one(view):
    """In the order of the sweep's file; what a manifest says of it may have been sorted."""
    sweep = sweep_by_year(view)
    sweep.dataset.attrs["scenarios"] = json.dumps({"zz": "zz", "aa": "aa"})
    design = {
        "scenarios": {"aa": "aa", "zz": "zz"},
        "outcomes": [{"name": "y", "variable": "equivalent_variation"}],
    }
    assert bands.shown(sweep, design, "aa") == []
    ((group, _),) = bands.shown(sweep, design, "zz")
    assert group.name == "y"


@pytest.mark.parametrize(
    ("whole", "said"),
    [
        (True, "a path of years; expected a run of `python run.py solve`"),
        (False, "a path of years without its section; expected `python run.py path` again"),
    ],
)
def test_a_path_where_a_run_is_wanted_is_told_as_what_it_is(result, tmp_path, monkeypatch, whole, said):
    """A comparison asked for a path that was whole "again"."""
    if whole:
        (tmp_path / "section.html").write_text("<section></section>")
    folder = SimpleNamespace(folder=tmp_path, dataset=result.dataset)
    monkeypatch.setattr(build.store, "read", lambda run, root: folder)
    with pytest.raises(InputError) as error:
        build.from_folder(tmp_path)
    assert str(error.value) == f"{tmp_path}: {said}"
