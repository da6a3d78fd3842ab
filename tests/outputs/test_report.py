"""The report: one file, every number placed, nothing of a name's text run as code."""

import argparse
import base64
import csv
import dataclasses
import io
import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import run
from calibration.errors import InputError
from calibration.tables import write_csv
from outputs import comparing, findings, report, sections, tables
from outputs.report import charts, parameters, run_charts
from outputs.report.build import as_script, html
from outputs.sections import Part
from tests.outputs.conftest import HOSTILE

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """Elements of a page with their attributes and text; raises on elements that are not closed."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.stack, self.text = [], [], {}
        self.feed(text)
        self.close()
        assert self.stack == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag, (tag, self.getpos())

    def handle_data(self, data):
        if self.stack:
            self.text.setdefault(self.stack[-1], []).append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def one(runs):
    return html([report.from_folder(runs.folders[0])])


@pytest.fixture(scope="module")
def two(runs):
    return html([report.from_folder(folder) for folder in runs.folders])


@pytest.fixture(scope="module")
def page(one):
    return Page(one)


def test_it_loads_nothing(one, two):
    for text in (one, two):
        for attributes in (attributes for _, attributes in Page(text).elements):
            for name in ("src", "href", "action", "xlink:href", "srcset"):
                target = attributes.get(name) or ""
                assert target.startswith(("#", "data:")) or target == "", target
        assert "@import" not in text
        assert not re.search(r"url\((?!#)", text)
        assert "default-src 'none'" in text


def test_sections_of_other_folders_follow_the_runs(runs, one, tmp_path):
    table = pd.DataFrame({"element": ["Dy"], "share [%]": [98.5]})
    part = Part("metrics", HOSTILE, notes=["Who uses Dy?"], tables={"use": table})
    sections.write(tmp_path / "found", "x", sections.body(part))
    out = tmp_path / "report.html"
    found = str(tmp_path / "found")
    assert run.guarded(["report", str(runs.folders[0]), found, found, "-o", str(out)]) == 0
    text = out.read_text(encoding="utf-8")
    added = Page(text)
    assert [a["id"] for a in added.all("article")] == ["run1", "part1", "part2"]
    assert {"#part1", "#part2"} <= {a.get("href") for a in added.all("a")}
    assert "Who uses Dy?" in added.text["p"]
    assert {"Dy", "98.5"} <= set(added.text["td"])
    assert HOSTILE in added.text["h2"]
    assert len(added.all("script")) == 2
    ids = [a["id"] for _, a in added.elements if "id" in a]
    assert len(ids) == len(set(ids))


def test_what_is_no_run_and_has_no_section_is_refused_and_nothing_is_written(runs, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    out = tmp_path / "report.html"
    said = run.guarded(["report", str(runs.folders[0]), str(tmp_path / "empty"), "nowhere", "-o", str(out)])
    assert said == 2
    problems = capsys.readouterr().err.splitlines()
    assert any("empty" in line for line in problems)
    assert any("no run 'nowhere'" in line for line in problems)
    assert not out.exists()


def test_a_report_needs_a_run(tmp_path, capsys):
    sections.write(tmp_path / "found", "x", sections.body(Part("metrics", "Metrics")))
    assert run.guarded(["report", str(tmp_path / "found")]) == 2
    assert "no run of `python run.py solve` to report on" in capsys.readouterr().err
    assert not (tmp_path / "found" / "report.html").exists()


def test_names_are_shown_not_run(one, page):
    assert HOSTILE not in one.replace("<script>\n", "")
    scripts = page.all("script")
    assert len(scripts) == 2  # the data and our own code
    assert "alert" not in "".join(page.text["script"][1:])
    assert "&lt;script&gt;alert" in one


def test_data_cannot_end_its_script():
    text = str(as_script({"a": "</script><script>alert(1)</script>", "b": "<!--", "c": "&"}))
    assert "<" not in text
    assert json.loads(text)["a"].startswith("</script>")
    with pytest.raises(ValueError, match="not JSON compliant"):
        as_script({"a": float("nan")})


def test_ids_are_unique_and_links_lead_somewhere(two):
    page = Page(two)
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for attributes in page.all("a"):
        if attributes["href"].startswith("#"):
            assert attributes["href"][1:] in ids
    for _, attributes in page.elements:
        for name in ("aria-labelledby", "for"):
            if name in attributes:
                assert attributes[name] in ids


def test_it_can_be_read_aloud(page):
    assert page.all("html")[0]["lang"] == "en"
    for landmark in ("header", "nav", "main", "footer", "h1"):
        assert len(page.all(landmark)) == 1, landmark
    for svg in page.all("svg"):
        assert svg.get("aria-hidden") == "true" or svg.get("aria-label")
    labels = {attributes["for"] for attributes in page.all("label")}
    assert {attributes["id"] for attributes in page.all("select")} == labels
    for table in page.all("th"):
        assert table.get("scope") in ("col", "row")
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_question_and_answer_come_first(one):
    text = re.sub(r"<style>.*?</style>", "", one, flags=re.DOTALL)
    assert (
        text.index("What does a cut do?")
        < text.index("With fixed technology, oxides cost")
        < text.index("<figure>")
    )


def test_every_section_is_there(page):
    ids = {attributes.get("id") for attributes in page.all("section")}
    sections = (
        "answer",
        "prices",
        "income",
        "sectors",
        "innovation",
        "security",
        "assumptions",
        "parameters",
        "trust",
    )
    assert {f"run1-{section}" for section in sections} <= ids


def test_soft_numbers_are_marked(one):
    assert "2 of 3" in one
    assert one.count('class="soft"') == 2


PARAMETERS = pd.DataFrame(
    {
        "name": ["breadth", "ore", "weights", "many"],
        "value": ["0.02", '{"CHN": {"La": 23.0, "Ce": 129000.5}, "IND": {"La": 1.0}}', '"trade"',
                  json.dumps({f"sector_{at}": at / 8 for at in range(99)})],
        "unit": "share", "source": "by judgement", "status": ["analyst", "seen", "computed", "memory"],
        "range": ["[0.0, 0.1]", "[0.9, 1.1]", "", "[1.0, 1.0]"],
        "soft": [True, True, False, True], "soft values": ["", "IND", "", "sector_3"],
    }
)  # fmt: skip


def test_parameters_are_in_words_on_the_page_and_in_full_in_the_download():
    table = parameters.shown(PARAMETERS, {}, "cut")
    heads = [head for head, _ in table.columns]
    rows = {row[0]: dict(zip(heads, row, strict=True)) for row in table.rows}
    assert rows["ore"]["value"] == "CHN (La 23, Ce 129,000), IND (La 1)"  # six digits
    assert rows["weights"]["value"] == "trade"
    assert [rows[name]["range"] for name in PARAMETERS["name"]] == ["0–0.1", "× 0.9–1.1", "", "fixed"]
    assert [rows[name]["soft"] for name in PARAMETERS["name"]] == ["soft", "soft: IND", "", "soft"]
    many = rows["many"]["value"]
    assert len(many) < 200 and re.search(r"sector_\d+ [\d.]+, … \(99 numbers\)$", many)
    lines = [line for line in table.csv.splitlines(True) if line[0] != "#"]
    full = {row["name"]: row for row in csv.DictReader(io.StringIO("".join(lines)))}
    assert {name: row["value"] for name, row in full.items()} == dict(
        zip(PARAMETERS["name"], PARAMETERS["value"], strict=True)
    )


def test_parameters_that_no_run_wrote_are_refused_all_at_once(tmp_path):
    good = PARAMETERS.assign(value=["-0.5", *PARAMETERS["value"][1:]])
    write_csv(tmp_path / "good.csv", tables.columns(good))
    assert parameters.shown(parameters.read(tmp_path / "good.csv"), {}, "cut").rows[0][1] == "-0.5"
    deep = "[" * 100_000
    values = ["0.0x2", "NaN", "[1, 2]", deep, '{"a": {"b": {"c": 1}}}', "1e999", "true", "9" * 400]
    many = pd.DataFrame({"name": "n", "value": [*values, "1"], "status": "seen", "soft": "true"})
    many["range"] = [""] * len(values) + ['["a", 1]']
    write_csv(tmp_path / "bad.csv", tables.columns(many))
    with pytest.raises(InputError) as refused:
        parameters.read(tmp_path / "bad.csv")
    found = [(problem.line, problem.where) for problem in refused.value.problems]
    assert found == [(at, "column value") for at in range(2, 10)] + [(10, "column range")]


def test_a_parameter_that_the_scenario_writes_over_is_shown_with_both_values(runs):
    one = report.from_folder(runs.folders[0])
    given = {
        "breadth": {"value": 0.05, "source": "own estimate", "status": "analyst"},
        "ore.CHN": {"La": 30},
        "ore": {"IND": {"La": 0}},
        "trade_elasticity": 4.5,
    }
    scenario = {**one.inputs["scenario"], "parameters": given}
    run = dataclasses.replace(one, inputs={**one.inputs, "scenario": scenario}, parameters=PARAMETERS)
    assert parameters.changed(PARAMETERS, given) == [
        ("breadth", "0.05 (analyst; own estimate)", "0.02"),
        ("ore", "CHN (La 30), IND (La 0)", "CHN (La 23, Ce 129,000), IND (La 1)"),
        ("trade_elasticity", "4.5", ""),
    ]
    cells = set(Page(html([run])).text["td"])
    assert {"0.05 (analyst; own estimate)", "0.02", "0.02; in this run 0.05 (analyst; own estimate)"} <= cells
    assert "differ from the calibration" not in html([one])


def test_it_says_how_to_make_the_run_again(one, runs):
    assert runs.folders[0].name in one
    assert re.search(r'class="command"[^>]*><code>python run\.py\b', one)
    given = json.loads((runs.folders[0] / "inputs.json").read_text())
    assert given["code"]["sha256"] in one


def test_downloads_hold_the_numbers_in_full(page, ds):
    found = {a["download"]: a["href"] for a in page.all("a") if "download" in a}
    assert {"cut-real_income.csv", "cut-prices.csv", "cut-parameters.csv", "cut-sectors.csv"} <= found.keys()
    text = base64.b64decode(found["cut-real_income.csv"].split(",", 1)[1]).decode()
    rows = list(
        csv.DictReader(io.StringIO("".join(line for line in text.splitlines(True) if line[0] != "#")))
    )
    assert (
        float(rows[1]["directed [million USD]"])
        == ds["equivalent_variation"].sel(regime="directed", region="R1").item()
    )


def test_cards_hold_every_region_and_element(one, ds):
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', one, re.DOTALL)
    cards = json.loads(text)["run1"]
    assert list(cards["region"]) == [str(r) for r in ds["region"].values]
    assert list(cards["element"]) == [str(e) for e in ds["element"].values]
    assert all(
        len(row) == 1 + ds.sizes["regime"] for card in cards["region"].values() for row in card["rows"]
    )


def test_marks_stay_inside_their_chart(page):
    for tag, attributes in page.elements:
        for name in ("x", "x1", "x2", "cx", "width"):
            value = attributes.get(name, "")
            if tag in ("rect", "line", "circle", "text") and value.endswith("%"):
                assert -0.01 <= float(value[:-1]) <= 100.01


def test_two_runs_of_one_scenario_are_told_apart(runs):
    run = report.from_folder(runs.folders[0])
    text = html([run, report.ReportRun("other", run.dataset, run.inputs, run.provenance, run.parameters)])
    Page(text)
    assert runs.folders[0].name in text


def test_runs_in_which_others_restrict_say_who(runs):
    one, two = (report.from_folder(folder) for folder in runs.folders)
    assert "not the same regions" not in html([one, two])
    turned = two.dataset.assign(restricting=two.dataset["restricting"].copy(data=[0.0, 1.0, 0.0]))
    other = dataclasses.replace(two, dataset=turned)
    said = "Restricting, at home, abroad and outside are not the same regions in all runs: R0 in cut; R1 in deep."
    assert said in html([one, other])
    gathered = comparing.Gathered((one, other), tuple(runs.folders), ())
    args = argparse.Namespace(tolerance=1e-6, rows=3)
    assert said in [line.text for line in comparing.lines(gathered, args, "there")]


def test_a_run_of_a_region_that_sells_no_elements_has_a_report(runs):
    one = report.from_folder(runs.folders[0])
    own = (one.dataset["origin"] == "R0").values[:, None, None]
    none = {
        name: one.dataset[name].copy(data=np.where(own, 0.0, one.dataset[name].values))
        for name in ("base_tonnes", "tonnes")
    }
    text = html([dataclasses.replace(one, dataset=one.dataset.assign(none))])
    assert "No oxides of R0 are sold abroad." in text
    assert "would cost now</figcaption>" not in text and "exports of elements would cost now" not in text


def test_a_run_without_learning_has_a_report(calibration, tmp_path):
    from outputs import experiment, pipeline
    from tests.outputs.conftest import options, scenario

    plan = experiment.plan(scenario(), calibration, regimes=("exogenous",), decompose=False, security=False)
    (outcome,) = pipeline.solve_and_save([plan], options(tmp_path))
    text = html([report.from_folder(outcome.saved.folder)])
    Page(text)
    assert "Technology does not respond" in text


def test_it_is_written_whole(runs, tmp_path):
    path = report.render([report.from_folder(runs.folders[0])], tmp_path / "deep" / "r.html")
    assert path.read_text().rstrip().endswith("</html>")
    assert [p.name for p in path.parent.iterdir()] == ["r.html"]
    with pytest.raises(InputError, match="no run"):
        report.from_folder(tmp_path / "nothing")


# -- charts ---------------------------------------------------------------------------------------------------

NUMBERS = st.floats(-1e6, 1e6).map(lambda x: round(x, 4))


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=6))
def test_bars_are_as_long_as_their_numbers(values):
    chart = charts.bars(
        [(str(at), "row", pair) for at, pair in enumerate(values)], [("a", "A"), ("b", "B")], "%"
    )
    flat = [value for pair in values for value in pair]
    lengths = np.array([mark.width for _, mark in chart.marks])
    span = max(*flat, 0.0) - min(*flat, 0.0)
    if span > 0:
        np.testing.assert_allclose(lengths / lengths.max(), np.abs(flat) / np.abs(flat).max(), atol=2e-3)
    for value, (_, mark) in zip(flat, chart.marks, strict=True):
        assert 0 <= mark.x <= mark.x + mark.width <= 100
        edge = mark.x if value < 0 else mark.x + mark.width
        assert abs(edge - mark.text_x) < 2e-3
        assert abs((mark.x + mark.width if value < 0 else mark.x) - chart.zero) < 2e-3


@given(st.lists(NUMBERS, min_size=1, max_size=5))
def test_a_waterfall_ends_where_its_sum_ends(values):
    rows = [(f"f{at}", "force", value) for at, value in enumerate(values)] + [("sum", "sum", sum(values))]
    marks = [mark for _, mark in charts.waterfall(rows, "%").marks]
    last = marks[-2]
    assert abs(last.text_x - marks[-1].text_x) < 0.01


@given(st.floats(-1e3, 1e3), st.floats(1e-6, 1e9))
def test_ticks_are_round_inside_and_few(low, span):
    scale = charts.Scale(low, low + span)
    ticks = scale.ticks()
    assert len(ticks) <= 12
    assert all(-0.01 <= tick.x <= 100.01 for tick in ticks)


def test_logarithmic_ticks():
    assert [tick.text for tick in charts.Scale(2.5, 600, log=True).ticks()] == ["3", "10", "30", "100", "300"]


def test_ticks_of_many_powers_are_few_and_short():
    ticks = charts.Scale(3.0, 4e7, log=True).ticks()
    assert 3 <= len(ticks) <= 7
    assert all(len(tick.text) <= 5 for tick in ticks)
    assert {tick.text for tick in ticks} <= {"10", "100", "1,000", "10k", "100k", "1M", "10M"}


def test_large_numbers_are_short_and_explained():
    chart = charts.bars(
        [("a", "A", [121_700_000.0, -25_378.0, 9_999.0])], [("x", "x"), ("y", "y"), ("z", "z")], "%"
    )
    assert [mark.text for _, mark in chart.marks] == ["+122M", "-25k", "+9,999"]
    assert "M: millions" in chart.unit
    assert "121,700,000" in chart.marks[0][1].tip  # in full where there is room
    assert charts.bars([("a", "A", [12.0])], [("x", "x")], "%").unit == "%"


def test_dumbbells_put_before_and_after_on_one_scale():
    chart = charts.dumbbells([("e", "E", [(1.0, 10.0), (100.0, 10.0)])], [("a", "A"), ("b", "B")], "USD/kg")
    x = [mark.x for _, mark in chart.marks]
    assert x[1] == x[3]
    assert x[2] - x[1] == pytest.approx(x[1] - x[0], abs=0.01)


def test_losses_that_no_data_can_tell_are_no_forecast_beside_their_chart(runs, monkeypatch, tmp_path):
    one = report.from_folder(runs.folders[0])
    share = findings.embargo_share(one.ds)
    for limit, said in ((share * 0.99, True), (share * 1.01, False)):
        monkeypatch.setattr(findings, "DEEP", limit)
        text = report.render([one], tmp_path / "x.html").read_text(encoding="utf-8")
        section = text.partition('<section id="run1-security"')[2].partition("</figure>")[0]
        assert ("No forecast: so deep a cut was never seen" in section) == said


def test_up_to_six_runs_are_told_apart_by_colour(ds):
    chart = run_charts.mix([(f"run {at}", ds) for at in range(8)])
    kinds = [kind for kind, _ in chart.legend]
    assert len(kinds) == len(set(kinds)) == 6
    style = (Path(report.__file__).parent / "report.css").read_text(encoding="utf-8")
    for kind in kinds:
        assert re.search(rf"\.{kind}\b[^{{}}]*{{ fill:", style), kind
