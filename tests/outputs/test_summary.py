"""The summary fits a screen and says what the numbers say."""

import io
import re

import numpy as np
import pytest
import xarray as xr

import scenarios
from outputs import experiment, facts, findings, growth, names, pricefacts, quotas, readable, summary, tables
from outputs.report import tabular
from outputs.summary import Line
from tests.outputs.conftest import scenario


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("width", [80, 90, 100])
@pytest.mark.parametrize("rows", [24, 30, 40])
def test_it_fits_the_screen(solved, taxed, width, rows):
    for tax in (None, taxed.dataset):
        lines = summary.scenario(
            solved.dataset, width, rows, soft=(2, 3), tax=tax, folders=["outputs/runs/cut-0123456789ab"]
        )
        assert max(len(line.text) for line in lines) <= width
        assert len(lines) < rows


def test_a_large_screen_shows_more(solved):
    small, large = (summary.scenario(solved.dataset, 100, rows) for rows in (24, 40))
    assert len(small) < len(large)
    assert {line.text for line in small} <= {line.text for line in large}


def test_what_matters_most_is_on_the_smallest_screen(solved):
    text = "\n".join(
        line.text for line in summary.scenario(solved.dataset, 80, 24, soft=(2, 3), folders=["there"])
    )
    for wanted in (
        "licence",
        "abroad %",
        "Real income",
        "all others",
        "exports",
        "Decided by",
        "residual",
        "2 of 3",
        "-> there",
    ):
        assert wanted in text, wanted


def test_every_number_of_the_income_table_is_that_of_the_result(solved, ds):
    lines = [line.text for line in summary.scenario(solved.dataset, 100)]
    row = next(line for line in lines if line.startswith("all others")).split()[2:]
    shown = [float(cell.replace(",", "")) for cell in row]
    expected = ds["group_equivalent_variation"].sel(group="others").values
    np.testing.assert_allclose(shown, expected, rtol=6e-3)


def test_colours_are_for_terminals_only(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    plain, terminal = io.StringIO(), Terminal()
    for stream in (plain, terminal):
        summary.write([Line("head", "head")], stream)
    assert plain.getvalue() == "head\n"
    assert "\x1b[" in terminal.getvalue()
    monkeypatch.setenv("NO_COLOR", "1")
    quiet = Terminal()
    summary.write([Line("head", "head")], quiet)
    assert quiet.getvalue() == "head\n"


def test_names_cannot_move_the_cursor(solved):
    hostile = solved.dataset.assign_attrs(title="\x1b[2J\rgone\u202e")
    stream = io.StringIO()
    summary.write(summary.scenario(hostile, 80), stream)
    assert "\x1b" not in stream.getvalue()
    assert "\r" not in stream.getvalue()


def test_technology_that_is_fixed_has_no_numbers(solved):
    line = next(
        line.text for line in summary.scenario(solved.dataset, 100) if line.text.startswith("REE patents")
    )
    assert line.split()[-6:-4] == ["-", "-"]


# -- sentences ------------------------------------------------------------------------------------------------


def text_of(ds, topic):
    return next(finding.text for finding in findings.findings(ds) if finding.topic == topic)


@pytest.mark.parametrize(("restricting", "others"), [(5.0, -7.0), (-5.0, 7.0), (-1.0, -2.0), (0.0, 0.0)])
def test_words_follow_the_sign_of_the_numbers(ds, restricting, others):
    groups = ds["group_equivalent_variation"].copy(
        data=np.tile([restricting + others, restricting, others], (3, 1))
    )
    said = text_of(ds.assign(group_equivalent_variation=groups), "Real income")
    one = {1: "gains 5.00", -1: "loses", 0: "neither gains nor loses"}[int(np.sign(restricting))]
    assert f"With fixed technology R0 {one}" in said
    rest = {1: "gain 7.00", -1: "lose", 0: "neither gain nor lose"}[int(np.sign(others))]
    assert f"all others {rest}" in said


@pytest.mark.parametrize("sign", [1, -1])
def test_exports_rise_or_fall_as_they_do(ds, sign):
    turned = ds.assign(exports_volume=1 + sign * 0.02 * ds["exposed"] * (1 + 0 * ds["exports_volume"]))
    turned = turned.assign(exports_volume=turned["exports_volume"].transpose("regime", "region", "sector"))
    said = text_of(turned, "Exports")
    word = "rise" if sign > 0 else "fall"
    assert said.count(f"{word} by 2.0 % with") == 3
    assert "other sectors 0" in said


def test_the_deciding_force_is_read_from_the_contributions(ds):
    parts = ds["exposed_exports_by_force"].copy(data=[-5.0, 1.0, 9.0, 1.0])
    assert findings.deciding(ds.assign(exposed_exports_by_force=parts)) == ("spillovers",)
    said = findings.deciding_force(ds.assign(exposed_exports_by_force=parts))
    assert "spillovers from others' research decides (without it they would fall)" in said
    parts = ds["exposed_exports_by_force"].copy(data=[-5.0, 9.0, 1.0, 1.0])
    assert findings.deciding(ds.assign(exposed_exports_by_force=parts)) == ("direction",)


def test_nothing_is_said_of_what_was_not_computed(solved):
    bare = solved.dataset.squeeze("scenario").drop_dims("force").drop_vars("embargo_loss")
    topics = {finding.topic for finding in findings.findings(bare)}
    assert "Security" not in topics
    assert findings.deciding_force(bare) == ""
    noted = bare.assign_attrs(note_security="no solution was found")
    assert "no solution was found" in " ".join(findings.failed(noted))


def test_a_loss_that_nothing_like_it_was_seen_of_is_no_forecast(ds):
    income = float(ds["base_income"].values[ds["restricting"].values == 0].sum())

    def said(share):
        loss = xr.zeros_like(ds["embargo_loss"])
        loss.loc[{"region": ds["region"].values[ds["restricting"].values == 0][0]}] = share * income
        return findings.security(ds.assign(embargo_loss=loss.assign_attrs(ds["embargo_loss"].attrs))).text

    assert "no forecast" not in said(0.009)
    assert "up to 4.30 % of their income, and no forecast" in said(0.043)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (123456, "123,456"), (1234567, "1,235,000"), (123.4, "123"), (12.34, "12.3"), (1.0, "1.00"),
     (0.5, "0.500"), (0.0123, "0.0123"), (-0.00012, "-0.000120"), (999.9, "1,000"),
     (2.5e-9, "2.50e-09"), (-45.678, "-45.7")],
)  # fmt: skip
def test_numbers_read_as_people_write_them(value, text):
    assert names.number(value) == text
    assert names.signed(abs(value))[0] == ("+" if value else "0")


# -- facts ----------------------------------------------------------------------------------------------------


def test_the_price_index_abroad_is_weighted_by_base_tonnes(ds):
    run = ds.sel(regime="directed")
    tonnes = ds["base_tonnes"].sel(origin="R0", region=["R1", "R2"]).sum("region")
    expected = (run["border_value"].sel(origin="R0") * tonnes).sum() / (
        ds["base_border_value"].sel(origin="R0") * tonnes
    ).sum()
    assert pricefacts.index(ds, "directed")["abroad"] == pytest.approx(100 * (float(expected) - 1), rel=1e-9)


def test_prices_at_home_and_abroad_are_those_of_the_restricting_region(ds):
    run = ds.sel(regime="exogenous")
    table = pricefacts.table(ds, "exogenous").set_index("element")
    for element in ds["element"].values:
        for where, name in (("home", "gate_value"), ("abroad", "border_value")):
            now = float(run[name].sel(origin="R0", element=element))
            before = float(ds[f"base_{name}"].sel(origin="R0", element=element))
            row = table.loc[element]
            assert row[f"{where} [USD/kg]"] == pytest.approx(now)
            assert row[f"{where}, base [USD/kg]"] == pytest.approx(before)
            assert row[f"{where}, change [%]"] == pytest.approx(100 * (now / before - 1))


def test_parts_of_real_income_add_up(ds):
    for regime in ds["regime"].values:
        table = facts.income_parts(ds, regime)
        names = ("terms of trade", "technology", "trade deficit", "rest")
        parts = table[[f"{name} [million USD]" for name in names]].sum(axis=1)
        np.testing.assert_allclose(parts, table["real income [million USD]"], atol=1e-9)


def by_dummies(ds, variable, regime):
    """Growth on exposure by least squares with a dummy of each region, over the sectors that had any of it."""
    outside = [str(r) for r in ds["region"].values if r != "R0"]
    ordinary = [str(s) for s, chain in zip(ds["sector"].values, ds["chain"].values, strict=True) if not chain]
    exposure = ds["exposure"].sel(region=outside, sector=ordinary).mean("region")
    rows, growth = [], []
    for n, region in enumerate(outside):
        for sector in ordinary:
            here = {"region": region, "sector": sector}
            before = {
                "exports_volume": ds["base_exports"].sel(here),
                "tfp_cost_saved": ds["base_output"].sel(here),
                "ree_patents": ds["base_research"].sel(here).sel(technology=["E0", "E1"]).sum(),
            }[variable]
            if before > 0:
                rows.append(
                    [float(exposure.sel(sector=sector)), *(float(n == at) for at in range(len(outside)))]
                )
                growth.append(np.log(float(ds[variable].sel(here).sel(regime=regime))))
    slope = np.linalg.lstsq(np.array(rows), np.array(growth), rcond=None)[0][0]
    return 100 * slope * float(exposure.std(ddof=1)), len(rows)


@pytest.mark.parametrize("regime", ["exogenous", "directed", "directed_with_spillovers"])
def test_growth_on_exposure_is_over_the_sectors_that_had_any_of_it(ds, regime):
    table = growth.slopes(ds)
    cells = {}
    for row, variable in enumerate(growth.SLOPES):
        expected, cells[variable] = by_dummies(ds, variable, regime)
        assert table[f"{regime} [% per s.d.]"][row] == pytest.approx(expected, rel=1e-8, abs=1e-10)
    assert 0 < cells["ree_patents"] < cells["tfp_cost_saved"]  # some do no research on elements


def test_exports_that_ended_have_no_growth(solved):
    """Where a sector may not export any more the slope is over the others, as in the regression on data."""
    from calibration.evidence.exposure.regressions import long_difference
    from outputs.evidence.model_results import panel_from_result

    ended = solved.dataset["exports_volume"].copy()
    ended.loc[{"region": "R1", "sector": "s1"}] = 0.0
    ds = solved.dataset.assign(exports_volume=ended)
    found = growth.slopes(ds.squeeze("scenario")).set_index("outcome").loc["exports, volume"]
    panel = panel_from_result(ds, "exports_volume", regime="directed", base_year=2009, last_year=2010)
    expected = long_difference(panel, 2009, 2010, draws=0).value
    assert found["directed [% per s.d.]"] == pytest.approx(100 * expected, rel=1e-6)


def test_growth_on_exposure_is_the_regression_that_is_run_on_data(solved):
    """By pyfixest, with region effects, on the panel that `run.py estimate exposure --result` makes."""
    from calibration.evidence.exposure.regressions import long_difference
    from outputs.evidence.model_results import panel_from_result

    # Two sectors of the small world do research on elements, and the regression wants three: here all do.
    ds = solved.dataset.assign(base_research=solved.dataset["base_research"] + 1.0)
    table = growth.slopes(ds.squeeze("scenario"))
    for row, variable in enumerate(growth.SLOPES):
        for regime in ("directed", "directed_with_spillovers"):
            panel = panel_from_result(ds, variable, regime=regime, base_year=2009, last_year=2010)
            expected = long_difference(panel, 2009, 2010, draws=0).value
            assert table[f"{regime} [% per s.d.]"][row] == pytest.approx(100 * expected, rel=1e-6, abs=1e-10)


def test_a_slope_that_nobody_has_is_a_gap(ds):
    none = ds.assign(base_research=0 * ds["base_research"])
    row = growth.slopes(none).set_index("outcome").loc["rare-earth patents"]
    assert row.isna().all()
    table = tables.all_tables(none)["growth_on_exposure"]
    assert table.set_index("outcome").loc["rare-earth patents"].tolist() == [None, None, None]
    page = readable.page("growth_on_exposure", table, ["directed"])
    assert page.iloc[-1, 1:].tolist() == [None, None, None]


def test_dependence_is_a_share_of_tonnes(ds):
    table = facts.security(ds, "directed").set_index(["region", "element"])
    run = ds["tonnes"].sel(regime="directed")
    for region in ("R1", "R2"):
        for element in ds["element"].values:
            cell = run.sel(region=region, element=element)
            expected = 100 * float(cell.sel(origin="R0") / cell.sum())
            assert table.loc[(region, element), "from the restricting [%]"] == pytest.approx(expected)


def test_large_changes_keep_their_distance(solved):
    """A price at forty times its base takes a wider column, not the one beside it."""
    dear = solved.dataset.assign(border_value=40 * solved.dataset["border_value"])
    rows = [line.text for line in summary.scenario(dear, 100) if line.text.startswith("abroad %")]
    assert rows
    for row in rows:
        cells = row[summary.LABEL :].split()
        assert len(cells) == dear.sizes["element"] + 1
        assert max(map(len, cells)) >= 5


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.0011, "+0.0011"), (0.000022, "+0"), (-0.000022, "-0"), (2.5e-9, "+0"), (-12.0, "-12"),
     (99_999_999.0, "+100M")],
)  # fmt: skip
def test_a_cell_keeps_its_distance(value, text):
    assert summary.fitting(value, 9) == text


@pytest.mark.parametrize("scale", [1e-7, 1e-5, 1.0, 1e5])
def test_cells_of_sectors_never_run_together(solved, scale):
    """Whatever the sizes, a row has a number for each group and regime."""
    changed = {
        name: 1 + scale * (solved.dataset[name] - 1)
        for name in ("exports_volume", "tfp_solow", "tfp_cost_saved", "ree_patents")
    }
    lines = [line.text for line in summary.scenario(solved.dataset.assign(changed), 100)]
    for label in ("exports,", "TFP,", "cost saved,", "REE patents,"):
        (row,) = [line for line in lines if line.startswith(label)]
        cells = row[summary.LABEL :].split()
        assert len(cells) == 2 * solved.dataset.sizes["regime"], row
        assert all(re.fullmatch(r"-|0|[+-][\d.,]+[kM]?", cell) for cell in cells), row


def test_the_caption_of_real_income_leaves_the_unit_to_the_columns(ds):
    """Small shares are in ppm: a caption that says percent would be wrong."""
    small = ds.assign(real_income=1 + 1e-6 * (ds["real_income"] - 1),
                      group_real_income=1 + 1e-6 * (ds["group_real_income"] - 1))  # fmt: skip
    frame = tables.all_tables(small)["real_income"]
    shown = tabular.table("real_income", frame, "cut", readable.page("real_income", frame, []))
    assert any("[ppm]" in head for head, _ in shown.columns)
    assert "percent" not in shown.caption


def test_why_something_was_not_solved_is_said_in_full(solved):
    why = "under exogenous (" + "a long reason; " * 12 + "the end)"
    noted = solved.dataset.assign_attrs(note_security=f"no solution was found for a full embargo {why}")
    for width in (80, 100):
        lines = [line.text for line in summary.scenario(noted, width)]
        assert max(map(len, lines)) <= width
        assert "the end)" in " ".join(lines)


def test_the_licence_as_a_share_of_the_price_is_never_left_out(solved):
    rates = [
        f"{value:.0f}"
        for value in quotas.table(solved.dataset.squeeze("scenario"))["licence [% of gate price]"]
    ]
    for width in (80, 100, 200):
        text = " ".join(line.text for line in summary.scenario(solved.dataset, width)[:3])
        assert "% of price" in text
        assert rates[0] in text.replace(",", "")


def losses(ds, values):
    """The result with these losses of all others from an embargo, by regime, million USD."""
    lost = xr.zeros_like(ds["embargo_loss"])
    region = ds["region"].values[ds["restricting"].values == 0][0]
    for regime, value in zip(ds["regime"].values, values, strict=True):
        lost.loc[{"regime": regime, "region": region}] = value
    return ds.assign(embargo_loss=lost.assign_attrs(ds["embargo_loss"].attrs))


def test_a_stop_that_others_gain_by_is_no_cost(ds):
    said = findings.security(losses(ds, [-1.5, -1.25, -1.0])).text
    assert "would bring all others, in million USD a year, 1.50 with" in said
    assert "cost all others" not in said
    assert "-" not in said.replace("rare-earth", "")
    assert "(a minus sign is a gain)" in findings.security(losses(ds, [2.0, -1.0, 1.0])).text


def test_what_innovation_avoids_is_told_against_fixed_technology_alone(ds):
    lost = losses(ds, [3.0, 2.0, 1.0])
    assert "Innovation until then avoids 2.00 of it" in findings.security(lost).text
    assert "Innovation until then" not in findings.security(lost.isel(regime=[1, 2])).text


def test_technology_that_changes_nothing_saves_no_noise(ds):
    said = text_of(ds.assign(tfp_cost_saved=1 + 5e-14 + 0 * ds["tfp_cost_saved"]), "Innovation")
    assert "technology changes nothing in their cost" in said
    assert "saves" not in said


def test_a_force_that_is_alone_has_no_rival(ds):
    parts = ds["exposed_exports_by_force"].copy(data=[-5.0, 0.0, 0.0, 0.0])
    said = findings.deciding_force(ds.assign(exposed_exports_by_force=parts))
    assert "the shock itself decides (nothing else moves them)" in said
    alone = findings.deciding_force(ds.assign(exposed_exports_by_force=parts).isel(force=[0]))
    assert "the shock itself decides (nothing else moves them)" in alone
    assert "none alone turns it" not in alone


def test_nobody_gains_nothing_a_year(ds):
    still = ds.assign(group_equivalent_variation=0 * ds["group_equivalent_variation"])
    assert "R0 neither gains nor loses, all others neither gain nor lose." in findings.headline(still)
    assert "million USD a year, all others" in findings.headline(ds)


@pytest.mark.parametrize(
    ("name", "whose"), [("China", "China's"), ("8 restricting regions", "8 restricting regions'")]
)
def test_whose_exports(name, whose):
    assert names.possessive(name) == whose


def test_regions_have_their_article_within_a_sentence():
    assert [names.named(label) for label in ("CHN", "USA", "REU", "ROW", "R0")] == [
        "China", "the United States", "the rest of the EU", "the rest of the world", "R0"
    ]  # fmt: skip


def test_a_quota_that_does_not_bind_is_said_to(ds):
    idle = ds.assign(licence_rent=0 * ds["licence_rent"], licence_price=0 * ds["licence_price"])
    sold = quotas.table(ds)["sold [t]"].iloc[0]
    assert f"No quota binds: quota allows {quotas.tonnes(sold)} t, of which" in text_of(idle, "Rent")
    later = ds["licence_rent"].copy()
    later.loc[{"regime": "exogenous"}] = 0.0
    said = text_of(ds.assign(licence_rent=later), "Rent")
    assert "with directed technology, and goes to R0. The same is 0 million USD with fixed technology" in said


@pytest.mark.parametrize(
    ("tonnes", "text"),
    [
        (10.0, "10"),
        (1098.5, "1,098"),
        (549.27, "549"),
        (60000.0, "60,000"),
        (12.34, "12.3"),
        (0.02, "0.0200"),
    ],
)
def test_no_point_in_tonnes_can_be_taken_for_a_thousand(tonnes, text):
    assert quotas.tonnes(tonnes) == text


def test_what_others_pay_for_one_element_is_what_they_pay_for_it(ds):
    tonnes = ds["tonnes"].copy()
    element = str(ds["element"].values[0])
    tonnes.loc[{"origin": "R0", "region": "R1", "element": element}] = 0.0
    said = text_of(ds.assign(tonnes=tonnes), "Prices")
    assert "with what others pay for it, wherever it is from, oxides abroad cost" in said


@pytest.fixture(scope="module")
def tariffed(calibration):
    """A tariff of one buyer on the elements of R0, and nothing else; one regime."""
    line = {"type": "tariff", "name": "tariff", "origins": "R0", "destinations": "R1", "elements": "all",
            "rate": {"value": 0.5, "source": "a test", "status": "analyst"}}  # fmt: skip
    given = {"name": "tariffed", "title": "A tariff", "question": "Who pays?", "calibration": "small", "year": 2010,
             "horizon": "short", "instruments": [line]}  # fmt: skip
    plan = experiment.plan(scenarios.parse(given), calibration, regimes=("exogenous",), security=False)
    (result,) = experiment.solve_plans([plan])
    return facts.one_scenario(result.dataset)


def test_what_a_tariff_adds_to_the_price_abroad_is_said(tariffed, ds):
    sold, value = tariffed["base_tonnes"].values[0], tariffed["base_border_value"].values[0]
    price = tariffed["delivered_price"].values[0, 0]
    goods = list(tariffed["good"].values)
    before = after = 0.0
    for e, element in enumerate(tariffed["element"].values):
        for n in (1, 2):
            before += sold[n, e] * value[e]
            after += sold[n, e] * value[e] * price[n, goods.index(element)]
    paid = 100 * (after / before - 1)
    assert pricefacts.index(tariffed, "exogenous")["abroad"] < 0 < paid
    assert pricefacts.delivered_index(tariffed, "exogenous") == pytest.approx(paid)
    more = f"{names.number(paid)} % more"
    assert f"less abroad ({more} with tariffs and frictions) and" in findings.headline(tariffed)
    assert f"with tariffs and frictions their buyers pay {more}." in text_of(tariffed, "Prices")
    assert pricefacts.delivered_index(ds, "exogenous") is None
    assert "tariffs and frictions" not in findings.headline(ds) + text_of(ds, "Prices")


def without_elements(ds):
    """The result as if R0 sold no elements, as a region that restricts magnets alone may."""
    own = (ds["origin"] == "R0").values[:, None, None]
    none = {
        name: ds[name].copy(data=np.where(own, 0.0, ds[name].values)) for name in ("base_tonnes", "tonnes")
    }
    return ds.assign(none | {"exposed": 0 * ds["exposed"]})


def test_nothing_is_said_of_prices_and_exports_that_there_are_not(ds, solved):
    bare = without_elements(ds)
    assert findings.headline(bare).startswith("With fixed technology, R0 ")
    assert "oxides" not in findings.headline(bare)
    topics = {finding.topic: finding.text for finding in findings.findings(bare)}
    assert not {"Prices", "Innovation"} & set(topics)
    assert topics["Exports"] == "No sector outside R0 uses elements from there."
    assert topics["Security"] == "R0 exports no elements that could be stopped."
    assert tabular.tiles(bare)[0][1][0][1] == "none sold"
    dash = tabular.comparison([("a", bare), ("b", ds)])
    (row,) = [row for row in dash.rows if row[0] == "mean price abroad [%]"]
    assert row[1] == "–" and row[2] not in ("–", "0")
    lines = [line.text for line in summary.scenario(without_elements(solved.dataset), 100)]
    assert next(line for line in lines if line.startswith("abroad %")).split()[-1] == "-"


def test_where_elements_do_not_fit_the_ones_that_move_are_shown(calibration):
    """An embargo on the last of twelve elements was summed up without it."""
    line = {
        "type": "export_quota", "name": "quota", "origins": "R0", "elements": "E1",
        "limit": {"value": 0.6, "unit": "ratio"},
    }  # fmt: skip
    ready = experiment.plan(scenario(instruments=[line]), calibration, security=False, decompose=False)
    (result,) = experiment.solve_plans([ready])
    (head,) = [
        line.text for line in summary.scenario(result.dataset, summary.LABEL + 14) if "1/2" in line.text
    ]
    assert head.split() == ["Prices", "1/2", "E1", "mean"]
