"""The facts page: observed numbers have sources, measures are recomputed, inverse values give the fact again."""

import json
import math
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import calibration
import scenarios
from outputs.paths import work
from outputs.paths.facts import View
from outputs.paths.labelled import label
from outputs.paths.plan import plan
from outputs.validation import book, inverse, measures, observed, page, questions, record, show
from outputs.validation.book import Fact, Row, verdict
from outputs.validation.inverse import DIALS
from scenarios.sweeps.execution import InProcess

FULL = "directed_with_spillovers"
PAGE = Path(__file__).parents[2] / "docs" / "validation.md"
QUICK = {"decompose": False, "security": False, "companion": False}


@pytest.fixture(scope="module")
def base():
    return calibration.load("china-2009-small")


@pytest.fixture(scope="module")
def seen():
    return observed.read()


@pytest.fixture(scope="module")
def view(base):
    ready = plan(scenarios.load("china-2010-2015", base), base, **QUICK)
    found = label(ready, work.run(ready, InProcess()))
    assert not found.failed
    return View(found.dataset)


@pytest.fixture(scope="module")
def rows(seen, view):
    return book.compare(seen, view)


def of(view, name, regime, year):
    """A variable of a year as a DataArray with labels."""
    return view.ds[name].sel(regime=regime, year=year, memory="calibrated")


def test_prices_in_china_are_of_a_kilo_of_oxide(base, view):
    """Those of the base year, with what is levied at the border, are the oxide prices of the calibration."""
    (prices,) = (row.value for row in base.parameters_table if row.name == "oxide_price")
    b, china = base.benchmark, base.labels.regions.index("CHN")
    levied = b.export_tax[china].max(axis=0)[b.elements]
    found = measures.oxide_value(view, FULL, 2009)
    for element, rate in zip(base.labels.elements, levied, strict=True):
        assert found[element] * (1 + rate) == pytest.approx(prices[element], rel=1e-6)


# What was observed


def test_every_observed_number_has_a_source_and_a_status(seen):
    figures = [
        *seen.abroad.values(),
        *seen.in_china.values(),
        *seen.trade.values(),
        *seen.literature.values(),
    ]
    assert len(figures) > 100
    for figure in figures:
        assert figure.source.strip()
        assert figure.status in observed.STATUS
        assert np.isfinite(figure.value)


def test_every_fact_that_is_to_be_met_is_in_the_book(seen, rows):
    groups = {row.fact.group for row in rows}
    assert groups == set(page.GROUPS)
    years = {g: {int(r.fact.name[-4:]) for r in rows if r.fact.group == g} for g in groups - {"literature"}}
    assert years["prices"] == set(range(2010, 2016))
    assert years["export tonnes"] == years["export unit value"] == set(range(2009, 2015))
    assert years["quota use"] == set(range(2010, 2015))
    assert years["share of China in Japanese imports"] == set(range(2009, 2019))
    literature = {row.fact.name: row.fact.observed for row in rows if row.fact.group == "literature"}
    assert literature == {"patents": 7.4, "exports": 0.3, "tfp_japan": 0.5, "tfp_china": -1, "mitigated": 0.9}
    assert {name for name, _ in inverse.QUESTIONS} <= {row.fact.name for row in rows}
    asked = {row.fact.group for row in rows if row.fact.name in {name for name, _ in inverse.QUESTIONS}}
    assert asked == groups - {"prices by element"}


def test_the_most_exposed_tenth_in_china_is_weighed_by_output():
    """Two of twenty sectors: the mean of 2 % a year with one unit of output and of 5 % with three."""
    sectors, years = 20, list(range(2009, 2018))
    exposure = np.arange(1.0, sectors + 1)
    output = np.ones(sectors)
    output[-1] = 3.0
    rate = np.zeros(sectors)
    rate[-2:] = 0.02, 0.05
    tfp = np.exp(np.outer(np.arange(len(years)), rate))[:, None, :]
    ds = xr.Dataset(
        {
            "base_output": (("region", "sector"), output[None]),
            "exposure": (("region", "sector"), exposure[None]),
            "chain": ("sector", np.zeros(sectors)),
        },
        coords={"region": ["CHN"]},
    )
    found = SimpleNamespace(ds=ds, years=years, over_time=lambda name, regime: tfp)
    assert measures.tfp_china(found, "directed") == pytest.approx((2.0 + 3 * 5.0) / 4)


def test_prices_inside_china_are_quoted_with_tax(seen):
    assert seen.in_china["Nd", 2011].value == pytest.approx(168.23 / 1.17)


def test_quota_use_is_customs_over_quota(rows):
    use = {row.fact.name: row.fact.observed for row in rows if row.fact.group == "quota use"}
    assert use["quota_use_2012"] == pytest.approx(16265 / 30996)
    assert use["quota_use_2010"] == pytest.approx(39813 / 30258)


def test_only_what_was_set_in_view_of_a_fact_is_fitted(rows):
    fitted = {row.fact.name for row in rows if row.fact.fitted}
    elements = {name for name in fitted if re.fullmatch(r"price_[A-Z][a-z]?_2010", name)}
    assert fitted - elements == {
        "price_abroad_2010", "export_tonnes_2009", "export_unit_value_2009",
        # Inside their arc elasticities the elasticities of substitution were set.
        *(f"export_{what}_{year}" for what in ("tonnes", "unit_value") for year in (2010, 2011, 2012)),
    }  # fmt: skip


def test_years_that_parameters_were_set_with_in_view_are_no_tests():
    """The YAML says between which arc elasticities the substitution of rare earths was set: their years are fitted."""
    table = calibration.load("china-2009").parameters_table
    (source,) = [row.source for row in table if row.name == "ree_elasticity_max"]
    first, last = map(int, re.search(r"arc elasticities of Chinese exports (\d{4})-(\d{4})", source).groups())
    assert (first, last) == (book.BASE, book.ARC[-1])
    assert tuple(range(first + 1, last + 1)) == book.ARC


def test_fitted_facts_say_so(rows):
    assert all("fitted" in row.verdict for row in rows if row.fact.fitted)


def test_no_label_of_a_fact_is_cut(rows, capsys):
    show.write_rows(rows)
    out = capsys.readouterr().out
    inside = {
        row.fact.text: row.fact
        for row in rows
        if row.fact.group not in ("prices by element", "prices in China")
    }
    assert max(map(len, inside)) > show.LABEL
    # Of a wrapped label the numbers stand at the end of its first line.
    labels = " ".join(line[: show.LABEL].strip() for line in out.splitlines())
    for fact in inside.values():
        assert f"{fact.text}, {fact.unit}" in labels


# Measures, recomputed from labels


@pytest.mark.parametrize("year", [2009, 2011, 2015])
def test_trade_of_a_year(view, year):
    tonnes = of(view, "tonnes", FULL, year)
    out = tonnes.sel(origin="CHN").drop_sel(region="CHN")
    assert measures.export_tonnes(view, FULL, year) == pytest.approx(float(out.sum()))
    value = float((out * of(view, "border_value", FULL, year).sel(origin="CHN")).sum())
    assert measures.unit_value(view, FULL, year) == pytest.approx(value / float(out.sum()))
    japan = tonnes.sel(region="JPN").drop_sel(origin="JPN").sum("element")
    share = float(japan.sel(origin="CHN") / japan.sum())
    assert measures.share_in_japan(view, FULL, year) == pytest.approx(share)


def test_the_price_index_has_weights_of_the_base_year(view):
    elements = ["La", "Nd", "Dy"]
    weight = (
        of(view, "tonnes", FULL, 2009)
        .sel(origin="CHN", element=elements)
        .drop_sel(region="CHN")
        .sum("region")
    )
    now, before = (
        of(view, "border_value", FULL, y).sel(origin="CHN", element=elements) for y in (2012, 2009)
    )
    wanted = float((weight * now).sum() / (weight * before).sum())
    assert measures.price_index(view, FULL, 2012, elements) == pytest.approx(wanted)


def test_quotas_that_do_not_bind_are_named_and_used_in_part(view):
    use = measures.quota_use(view, FULL, 2013)
    quotas = measures.slack(view, FULL, 2013)
    assert len(quotas) == 2
    limits = {str(q): float(of(view, "quota_limit", FULL, 2013).sel(quota=q)) for q, _, _ in quotas}
    assert use == pytest.approx(sum(share * limits[q] for q, share, _ in quotas) / sum(limits.values()))
    for name, share, idle in quotas:
        price = float(of(view, "licence_price", FULL, 2013).sel(quota=name))
        assert idle == (price == 0)
        assert share < 1 - 1e-6 if idle else share == pytest.approx(1, abs=1e-9)


def test_the_patent_stock_forgets_fifteen_per_cent_a_year(view):
    ds, means = view.ds, []
    stock = np.ones(ds["base_output"].shape)
    exposed = ds["exposed"].values > 0
    other = (ds["restricting"].values[:, None] == 0) & (ds["chain"].values[None] == 0) & ~exposed
    weight = ds["base_research"].drop_sel(technology="X").sum("technology").values
    for year in view.years:
        stock = 0.85 * stock + 0.15 * of(view, "ree_patents", FULL, year).values
        means.append([np.average(stock[cells], weights=weight[cells]) for cells in (exposed, other)])
    ratio = 100 * np.log(np.array(means)[1:, 0] / np.array(means)[1:, 1]).mean()
    assert measures.patent_stock(view, FULL) == pytest.approx(ratio)


def test_growth_of_exports_and_productivity_over_eight_years(view):
    ds = view.ds
    volume = of(view, "exports_volume", FULL, 2017).values
    exposed = ds["exposed"].values > 0
    other = (ds["restricting"].values[:, None] == 0) & (ds["chain"].values[None] == 0) & ~exposed
    one, two = (np.average(volume[c], weights=ds["base_exports"].values[c]) for c in (exposed, other))
    assert measures.export_growth(view, FULL) == pytest.approx(100 * np.log(one / two) / 8)
    japan = list(ds["region"].values).index("JPN")
    keep = (
        (ds["base_output"].values[japan] > 0) & (ds["chain"].values == 0) & (ds["exposure"].values[japan] > 0)
    )
    exposure = ds["exposure"].values[japan][keep]
    growth = 100 * np.log(of(view, "tfp_cost_saved", FULL, 2017).values[japan][keep]) / 8
    slope = np.polyfit((exposure - exposure.mean()) / exposure.std(), growth, 1)[0]
    assert measures.tfp_slope(view, FULL) == pytest.approx(slope)


def test_the_share_of_loss_mitigated(view):
    loss = {
        r: sum(float(of(view, "equivalent_variation", r, y).sel(region="EUR")) for y in range(2010, 2015))
        for r in ("exogenous", FULL)
    }
    assert measures.mitigated(view, FULL) == pytest.approx(1 - loss[FULL] / loss["exogenous"])


# Verdicts


@pytest.mark.parametrize(
    ("kind", "seen", "model", "wanted"),
    [
        ("ratio", 2.0, 2.4, "hit"), ("ratio", 2.0, 3.9, "near"), ("ratio", 2.0, 4.1, "miss"),
        ("ratio", 2.0, -2.0, "miss"),
        ("change", 7.4, 0.01, "sign only"), ("change", 7.4, -7.4, "miss"), ("share", 0.5, 0.54, "hit"),
        ("share", 0.5, 0.64, "near"), ("share", 0.5, 0.66, "miss"), ("sign", -1, -1e-9, "hit"),
        ("sign", -1, 1e-9, "miss"),
        ("at least", 0.9, 0.95, "hit"), ("at least", 0.9, 0.5, "near"), ("at least", 0.9, 0.4, "miss"),
    ],
)  # fmt: skip
def test_verdicts(kind, seen, model, wanted):
    assert verdict(kind, seen, model) == wanted


# The inverse


def fact(target, kind="ratio"):
    return Fact("f", "a fact", "ratio", kind, target, "a test", "analyst", lambda view, regime: 0.0)


def test_the_search_finds_a_root_on_either_side():
    up = inverse.search(fact(9.0), DIALS["breadth"], lambda f: 3 * f**0.5, 0.02, (0.0, 0.1))
    assert up.factor == pytest.approx(9, rel=0.03)
    assert up.nearest == pytest.approx(9, rel=0.02)
    assert up.value == pytest.approx(0.18, rel=0.03)
    assert up.plausible.startswith("doubtful: above")
    down = inverse.search(fact(9.0), DIALS["breadth"], lambda f: 3 / f, 0.02, (0.0, 0.1))
    assert down.factor == pytest.approx(1 / 3, rel=0.03)
    assert down.plausible.startswith("plausible")


def test_the_search_goes_down_also_where_up_ends_at_an_edge():
    """A parameter that cannot be raised may still have to be lowered far."""
    found = inverse.search(
        fact(30.0),
        DIALS["breadth"],
        lambda f: "technology feeds on itself" if f > 2 else 1 / f,
        0.02,
        (0.0, 0.1),
    )
    assert found.factor == pytest.approx(1 / 30, rel=0.03)
    assert found.why_high == "technology feeds on itself"
    assert found.high == pytest.approx(2, rel=0.11)


def test_what_cannot_be_reached_is_extrapolated_or_said_to_be_none():
    near = inverse.search(
        fact(100.0), DIALS["breadth"], lambda f: "no equilibrium" if f > 5 else 2 * f, 0.02, (0.0, 0.1)
    )
    assert math.isnan(near.factor)
    assert near.extrapolated == pytest.approx(50)
    assert near.plausible.startswith("implausible: above")
    assert "by extrapolation" in near.plausible
    assert page.needed(near) == "(1.00)"
    flat = inverse.search(fact(100.0), DIALS["breadth"], lambda f: -float(f), 0.02, (0.0, 0.1))
    assert math.isnan(flat.extrapolated)
    assert page.needed(flat) == "none"
    assert json.loads(json.dumps(show.as_json([], [flat]), allow_nan=False))["inverse"][0]["factor"] is None


def test_a_sign_is_reached_where_it_turns():
    found = inverse.search(fact(-1.0, "sign"), DIALS["breadth"], lambda f: 1 - f / 2, 0.02, (0.0, 0.1))
    assert found.factor == pytest.approx(2, rel=0.03)


def test_a_value_put_back_reproduces_the_fact(base):
    """Substitution at which exports of 2011 are a fifth dearer, written into the scenario and solved again."""
    short = scenarios.load("china-2010-2015", base).model_copy(update={"years": "2009-2011"})
    ready = plan(short, base, regimes=("exogenous",), **QUICK)
    dial = DIALS["ree_elasticity"]
    given, evaluate = inverse.function(ready, "export_unit_value_2011", dial)
    target = 1.2 * evaluate(1.0)
    found = inverse.search(replace(given, observed=target), dial, evaluate, 0.35, (0.2, 0.9))
    assert found.factor < 1
    eps = (found.factor * base.benchmark.parameters.ree_elasticity).tolist()
    changed = dict(zip(base.labels.sectors, eps, strict=True))
    edited = short.model_copy(update={"parameters": {"ree_elasticity": changed}})
    again = plan(edited, base, regimes=("exogenous",), **QUICK)
    view = View(label(again, work.run(again, InProcess())).dataset)
    assert measures.unit_value(view, "exogenous", 2011) == pytest.approx(target, rel=2e-3)


def test_trade_in_elements_alone_is_turned(base):
    before, after = (
        p.parameters.trade_elasticity
        for p in (base.benchmark, DIALS["trade_elasticity"].turn(base.benchmark, 2))
    )
    elements = np.isin(np.arange(len(before)), base.benchmark.elements)
    np.testing.assert_array_equal(after, np.where(elements, 2 * before, before))


# The page


def test_the_page_has_every_fact_with_source_and_misses_are_misses(rows, tmp_path):
    text = page.facts_page(rows, [], "china-2010-2015", "china-2009-small")
    lines = text.splitlines()
    for name in {row.fact.name for row in rows}:
        last = next(row for row in reversed(rows) if row.fact.name == name)
        (line,) = [one for one in lines if one.startswith(f"| {last.fact.text} (")]
        assert last.fact.source in line
        assert f"| {last.fact.status} |" in line
        assert last.verdict.split(" (")[0] in line
    heading = 1  # of the table by group
    assert text.count("| miss |") - heading == len(
        {r.fact.name for r in rows if r.regime == FULL and r.verdict == "miss"}
    )


def test_the_files_are_written_and_the_figure_is_a_picture(rows, view, tmp_path):
    files = show.write_page(tmp_path, rows, [], [], "china-2010-2015", "china-2009-small", show.remarks(view))
    assert [path.name for path in files] == ["validation.md", "validation.png", "validation.csv"]
    assert files[1].read_bytes().startswith(b"\x89PNG")
    assert "quota-medium-heavy" in files[0].read_text(encoding="utf-8")


def test_how_far_off():
    assert page.off_by(Row(fact(4.0), FULL, 1.0)) == "× 0.25"
    assert page.off_by(Row(fact(0.5, "share"), FULL, 0.75)) == "+0.25"
    assert page.off_by(Row(fact(-1.0, "sign"), FULL, 0.75)) == ""


def test_the_shipped_page_has_every_part():
    text = PAGE.read_text(encoding="utf-8")
    for title in (*page.GROUPS.values(), "What it would take", "Innovation against security"):
        assert f"## {title}\n" in text
    for title in ("A restriction that ended", "First a flood", "Capacity against research"):
        assert f"### {title}" in text
    assert (PAGE.parent / "validation.png").is_file()
    inverse_part = text.split("## What it would take")[1].split("## Innovation")[0]
    assert inverse_part.count("\n| ") == len(inverse.QUESTIONS) + 1


@pytest.mark.slow
def test_the_shipped_page_holds_the_numbers_of_the_model(seen, tmp_path):
    full = calibration.load("china-2009")
    ready = plan(scenarios.load("china-2010-2015", full), full, **QUICK)
    found = book.compare(seen, View(label(ready, work.run(ready, InProcess())).dataset))
    text = PAGE.read_text(encoding="utf-8")
    for group in page.GROUPS:
        inside = [row for row in found if row.fact.group == group]
        assert page.table(inside, ready.regimes) in text, f"{group}: renew it (its first lines say how)"
    anew, kept = (
        pd.read_csv(path, comment="#")
        for path in (record.write(tmp_path / "t.csv", found, "china-2010-2015", "china-2009"), record.SHIPPED)
    )
    np.testing.assert_allclose(anew.pop("model"), kept.pop("model"), rtol=1e-4)
    pd.testing.assert_frame_equal(anew, kept)


# Innovation against security


@pytest.fixture(scope="module")
def quotas(base):
    regimes = (questions.DIRECTED, FULL)
    return {
        name: questions.view_of(name, None, base, regimes=regimes, **QUICK)
        for name in ("quota-that-ended", "quota-that-stays")
    }


def test_a_restriction_that_ended_leaves_technology_and_exports_and_one_that_stays_only_with_spillovers(
    quotas,
):
    ended, stays = quotas["quota-that-ended"], quotas["quota-that-stays"]
    for regime in (questions.DIRECTED, FULL):
        assert questions.saving_technology(ended, regime, 2018) > 1  # percent
        assert questions.exposed_exports(ended, regime, 2018) > 0
        assert questions.saving_technology(ended, regime, 2009) == 0
    assert questions.exposed_exports(stays, questions.DIRECTED, 2018) < 0
    assert questions.exposed_exports(stays, FULL, 2018) > 0


def test_technology_and_exports_are_weighted_means_of_what_is_published(quotas):
    view = quotas["quota-that-ended"]
    level = np.log(of(view, "technology_level", FULL, 2018)).isel(technology=slice(0, -1)).mean("technology")
    spent = (view.ds["base_ree_cost_share"] * view.ds["base_output"]).drop_sel(region="CHN")
    wanted = 100 * float((level.drop_sel(region="CHN") * spent).sum() / spent.sum())
    assert questions.saving_technology(view, FULL, 2018) == pytest.approx(wanted)
    weight = (view.ds["base_exports"] * view.ds["exposed"]).values
    moved = 1e6 * (np.average(of(view, "exports_volume", FULL, 2018).values, weights=weight) - 1)
    assert questions.exposed_exports(view, FULL, 2018) == pytest.approx(moved)


def test_a_flood_makes_the_later_squeeze_cost_more(base):
    options = {"regimes": ("exogenous",), **QUICK}
    loss = {}
    for name in ("flooding-and-mountain-pass", "squeeze-alone"):
        given = scenarios.load(name, base).model_copy(update={"years": "2009-2018"})
        ready = plan(given, base, **options)
        view = questions.solved(ready)
        loss[name] = -float(
            view.ds["group_equivalent_variation"].sel(
                memory="calibrated", regime="exogenous", year=2018, group="others"
            )
        )
    assert loss["flooding-and-mountain-pass"] > 1.5 * loss["squeeze-alone"] > 0


@pytest.mark.slow
def test_capacity_against_research_on_the_page_is_what_the_paths_say():
    found = questions.compare_policies()
    text = PAGE.read_text(encoding="utf-8")
    assert "\n".join(f"- {one}" for one in questions._verdict(found)) in text
