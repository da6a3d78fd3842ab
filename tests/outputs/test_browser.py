"""The report in a real browser: no errors, nothing loaded, usable by keyboard, at 1280 and 400 pixels and on paper."""

import dataclasses
import re

import pytest

import calibration
from outputs import facts, names, report, sections, style, tables
from tests.outputs.browser import Browser, needs_browser

pytestmark = needs_browser


@pytest.fixture(scope="module")
def path(runs, tmp_path_factory):
    folders = [report.from_folder(folder) for folder in runs.folders]
    return report.render(folders, tmp_path_factory.mktemp("page") / "report.html")


@pytest.fixture(scope="module")
def browser():
    found = Browser()
    yield found
    found.close()


@pytest.mark.parametrize("width", [1280, 400])
def test_it_shows_without_errors_and_loads_nothing(browser, path, width):
    browser.errors.clear()
    browser.requests.clear()
    browser.open(path, width)
    assert browser.errors == []
    assert [url for url in browser.requests if not url.startswith(("file:", "data:"))] == []
    assert browser.run("document.documentElement.scrollWidth") <= width
    boxes = browser.run(
        "Array.from(document.querySelectorAll('figure svg.plot')).map(s => { const b = s.getBoundingClientRect();"
        " return [b.width, b.height, s.querySelectorAll('rect, circle').length]; })"
    )
    assert len(boxes) >= 14
    assert all(width * 0.25 < w <= width and h > 40 and marks > 0 for w, h, marks in boxes)


@pytest.mark.parametrize("width", [1280, 400])
def test_no_text_runs_out_of_its_chart(browser, path, width):
    browser.open(path, width)
    out = browser.run(
        "Array.from(document.querySelectorAll('svg.plot text')).filter(t => { const b = t.getBoundingClientRect();"
        f" return b.right > {width} || b.left < 0; }}).map(t => t.textContent)"
    )
    assert out == []


def test_a_region_is_chosen_by_keyboard(browser, path, ds):
    browser.open(path, 1280)
    browser.run("document.getElementById('run1-region').focus()")
    browser.key("ArrowDown", 40)
    assert browser.run("document.getElementById('run1-region').value") == "R1"
    rows = browser.run(
        "Array.from(document.querySelectorAll('#run1-income .card tr'))"
        ".map(r => Array.from(r.children).map(c => c.textContent))"
    )
    shown = next(row for row in rows if row[0] == "real income [million USD]")
    expected = facts.real_income(ds).set_index("region").loc["R1"]
    assert shown[1:] == [names.signed(expected[f"{r} [million USD]"]) for r in ds["regime"].values]
    faded = browser.run("document.querySelectorAll('#run1-income .chart [data-key=R2].faded').length")
    assert faded > 0
    assert browser.run("document.querySelectorAll('#run1-income .chart [data-key=R1].faded').length") == 0


def test_everything_can_be_reached_by_tab(browser, path):
    browser.open(path, 1280)
    browser.run("document.activeElement.blur()")
    seen = set()
    for _ in range(60):
        browser.key("Tab", 9)
        seen.add(
            browser.run(
                "document.activeElement.tagName + ' ' + (document.activeElement.className || document.activeElement.id)"
            )
        )
    kinds = {one.split()[0] for one in seen}
    assert {"A", "SELECT", "SUMMARY"} <= kinds
    assert "A skip" in seen


def test_a_bar_tells_its_number(browser, path):
    browser.open(path, 1280)
    browser.run(
        "document.querySelector('#run1-income svg.plot rect').scrollIntoView({block: 'center', behavior: 'instant'})"
    )
    box = browser.run(
        "(() => { const bar = document.querySelector('#run1-income svg.plot rect');"
        " const b = bar.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2, bar.dataset.tip]; })()"
    )
    browser.move(box[0], box[1])
    assert browser.run("document.getElementById('tip').hidden") is False
    assert browser.run("document.getElementById('tip').textContent") == box[2]
    browser.key("Escape", 27)
    assert browser.run("document.getElementById('tip').hidden") is True


def test_names_that_are_scripts_do_not_run(browser, path):
    browser.open(path, 1280)
    assert browser.run("document.title").startswith("A cut <script>")
    assert browser.run("document.querySelectorAll('script').length") == 2


def test_on_paper_it_has_few_pages_and_what_matters_is_open(browser, path):
    browser.open(path, 1280)
    paper = browser.paper()
    pages = len(re.findall(rb"/Type\s*/Page\b", paper))
    assert 4 <= pages <= 40
    assert browser.run("document.querySelectorAll('details[open]').length") == 0  # closed again afterwards


def on_paper(browser, width=718, height=900):
    """The page as it stands on paper of that width: Letter less its margins."""
    browser.call("Emulation.setEmulatedMedia", media="print")
    browser.call(
        "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
    )


def on_screen(browser):
    browser.call("Emulation.setEmulatedMedia", media="")
    browser.call("Emulation.clearDeviceMetricsOverride")


def test_on_paper_prices_of_ten_elements_fit_one_page(browser, path):
    """Two charts of ten rows, as every shipped calibration has: else half of two pages stays empty."""
    browser.open(path, 1280)
    on_paper(browser)
    try:
        whole, rows = browser.run(
            "(() => { const s = document.getElementById('run1-prices');"
            " const rows = Array.from(s.querySelectorAll('.labels')).map("
            "one => Array.from(one.children).map(row => row.getBoundingClientRect().height));"
            " return [s.getBoundingClientRect().height, rows]; })()"
        )
        bars = browser.run(
            "document.querySelector('#run1-prices .chart svg line.grid').getBoundingClientRect().height"
        )
    finally:
        on_screen(browser)
    assert len(rows) == 2
    letter = (11 * 25.4 - 28) / 25.4 * 96  # pixels of a page less its margins
    assert whole + sum((10 - len(chart)) * chart[0] for chart in rows) < letter
    assert sum(rows[0]) == pytest.approx(bars, abs=1)  # labels stand beside their bars


def test_on_paper_a_table_may_go_on_to_the_next_page_and_a_heading_may_not_be_left(browser, path):
    browser.open(path, 1280)
    on_paper(browser)
    try:
        kept = browser.run(
            "['figure', 'figure .chart', 'figcaption', 'h2', 'h3', 'figure .legend'].map(which => {"
            " const s = getComputedStyle(document.querySelector('main ' + which));"
            " return [which, s.breakInside, s.breakAfter]; })"
        )
        hidden = browser.run("getComputedStyle(document.querySelector('.aside')).display")
    finally:
        on_screen(browser)
    found = {which: (inside, after) for which, inside, after in kept}
    assert found["figure"][0] == "auto"
    assert found["figure .chart"][0] == found["figcaption"][0] == "avoid"
    assert {found[which][1] for which in ("h2", "h3", "figcaption", "figure .legend")} == {"avoid"}
    assert hidden == "none"


def test_numbers_of_deep_cuts_fit_a_phone(browser, runs, tmp_path):
    """Losses of a real economy are billions: their numbers run neither out of the chart nor into its labels."""
    run = report.from_folder(runs.folders[0])
    values = run.dataset["embargo_loss"]
    for scale in (1e3, 1e6):
        scaled = run.dataset.assign(
            embargo_loss=(values / abs(values).max() * scale).assign_attrs(values.attrs)
        )
        one = dataclasses.replace(run, dataset=scaled)
        browser.open(report.render([one], tmp_path / "deep.html"), 400)
        out = browser.run(
            "Array.from(document.querySelectorAll('#run1-security .chart')).flatMap(c => {"
            " const edge = Math.max(...Array.from(c.querySelectorAll('.labels span')).map("
            "l => l.getBoundingClientRect().right));"
            " const ticks = Array.from(c.querySelectorAll('.tick')).map(t => t.getBoundingClientRect());"
            " const meet = ticks.slice(1).filter((b, i) => b.left < ticks[i].right + 2).map(() => 'ticks meet');"
            " return Array.from(c.querySelectorAll('.value')).filter(t => {"
            " const b = t.getBoundingClientRect(); return b.right > 400 || b.left < edge - 1; })"
            ".map(t => t.textContent).concat(meet); })"
        )
        assert out == []


def test_pictures_of_sections_can_be_read_on_a_phone(browser, runs, tmp_path):
    """Their text is a part of them: they keep their size and are moved sideways, and the page is not."""
    drawn, _ = style.figure()
    picture = style.finish(drawn, tmp_path / "a.png", "A picture", "a note")
    sections.write(tmp_path / "part", "x", sections.body(sections.Part("path", "A path", pictures=[picture])))
    part = sections.read(tmp_path / "part", "part1")
    page = report.render([report.from_folder(runs.folders[0])], tmp_path / "report.html", [part])
    for one in (page, tmp_path / "part" / sections.PAGE):
        browser.open(one, 400)
        widths = browser.run(
            "Array.from(document.images).map(i => [i.naturalWidth, i.getBoundingClientRect().width])"
        )
        assert len(widths) == 1
        assert widths[0][1] > 0.4 * widths[0][0]  # letters of 7 points in a picture of 10 inches
        assert browser.run("document.documentElement.scrollWidth") <= 400
    browser.open(page, 1280)
    assert browser.run("document.images[0].getBoundingClientRect().right") <= 1280


def test_names_longer_than_a_phone_is_wide_are_broken(browser, runs, tmp_path):
    """Outcomes of sweeps are named so, in what is said and in what was left out."""
    name = "real-income-outside-china.directed_with_spillovers.2018"
    part = sections.Part(
        "sweep", f"What {name} is", f"Is it {name}?", [(name, name)], assumed=[(name, name)], notes=[name]
    )
    sections.write(tmp_path / "part", "x", sections.body(part))
    page = report.render(
        [report.from_folder(runs.folders[0])],
        tmp_path / "report.html",
        [sections.read(tmp_path / "part", "part1")],
    )
    for one in (page, tmp_path / "part" / sections.PAGE):
        browser.open(one, 320)
        assert browser.run("document.documentElement.scrollWidth") <= 320


def test_on_paper_the_parameters_of_a_calibration_take_two_pages_and_all_are_there(browser, runs, tmp_path):
    """With the shipped calibration: no cell is lost or cut off, and nothing makes the browser shrink the page."""
    rows = calibration.load("china-2009").parameters_table
    run = dataclasses.replace(report.from_folder(runs.folders[0]), parameters=tables.parameters(rows))
    browser.open(report.render([run], tmp_path / "report.html"), 1280)
    browser.run(
        "document.querySelectorAll('header, footer, section:not(#run1-parameters)').forEach(one => one.remove())"
    )
    assert len(re.findall(rb"/Type\s*/Page\b", browser.paper())) <= 2
    browser.call("Emulation.setEmulatedMedia", media="print")
    browser.run("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    width = 700
    browser.call(
        "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False
    )
    try:
        assert browser.run("document.documentElement.scrollWidth") <= width
        boxes = browser.run(
            "Array.from(document.querySelectorAll('.parameters tbody tr')).map(row => Array.from(row.children)"
            ".filter(c => c.textContent).map(c => c.getBoundingClientRect()).map(b => [b.left, b.right, b.height]))"
        )
    finally:
        browser.call("Emulation.setEmulatedMedia", media="")
        browser.call("Emulation.clearDeviceMetricsOverride")
    assert len(boxes) == len(rows)
    assert all(0 <= left < right <= width and height > 0 for row in boxes for left, right, height in row)
