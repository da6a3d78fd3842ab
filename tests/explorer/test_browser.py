"""The explorer in a real browser: keyboard, widths, console, and numbers that are those of the command line."""

import base64
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.outputs.browser import Browser, needs_browser

ROOT = Path(__file__).parents[2]
TAB, END, RIGHT = ("Tab", 9), ("End", 35), ("ArrowRight", 39)

pytestmark = needs_browser


@pytest.fixture(scope="module")
def address():
    process = subprocess.Popen(
        [sys.executable, "run.py", "explore", "--no-browser", "--quiet", "--port", "0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process.stdout.readline().strip()
    process.terminate()
    process.communicate(timeout=20)


@pytest.fixture
def page(address):
    browser = Browser()
    try:
        visit(browser, address)
        yield browser
        assert browser.errors == []
        assert all(url.startswith((address, "about:", "data:", "blob:")) for url in browser.requests)
    finally:
        browser.close()


def visit(browser, address, width=1280):
    size(browser, width)
    browser.call("Page.navigate", url="about:blank")
    browser.call("Page.navigate", url=address)
    settle(browser)


def size(browser, width):
    browser.call(
        "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600
    )


def settle(browser):
    """Wait until the last change is solved and drawn."""
    end = time.monotonic() + 60
    ready = "document.getElementById('results')?.getAttribute('aria-busy') === 'false'"
    while not (browser.run("document.readyState") == "complete" and browser.run(ready)):
        assert time.monotonic() < end
        time.sleep(0.05)


def text(browser, selector):
    return browser.run(f"document.querySelector({json.dumps(selector)})?.textContent ?? ''")


def test_a_slider_by_keyboard_gives_the_numbers_of_the_command_line(page, tmp_path):
    page.run("document.getElementById('cut').focus()")
    before = text(page, "#headline")
    for _ in range(12):
        page.key(*RIGHT)
    time.sleep(0.2)
    settle(page)
    assert text(page, "#headline") != before
    assert text(page, "output[for=cut]") == "31 %"  # of 18.6, rounded by the slider, and twelve steps
    file = tmp_path / "china-2010-quota-explored.yaml"
    file.write_text(text(page, "#yaml"), encoding="utf-8")
    command = [sys.executable, "run.py", "solve", str(file), "--out", str(tmp_path), "--json", "--no-figures"]
    said = subprocess.run(
        [*command, "--no-security", "--no-decomposition"], cwd=ROOT, capture_output=True, text=True
    )
    assert said.returncode == 0, said.stderr
    tables = json.loads(said.stdout)[0]["tables"]
    prices = {row["element"]: row["abroad, change [%]"] for row in tables["prices"]}
    shown = page.run(
        "[...document.querySelectorAll('#chart-prices tbody tr')]"
        ".map((row) => [row.children[0].textContent, row.children[1].textContent])"
    )
    assert len(shown) == len(prices)
    for label, value in shown:
        symbol = re.search(r"\((\w+)\)", label)[1]
        assert float(value) == pytest.approx(prices[symbol], rel=0.006, abs=1e-4), (
            label
        )  # three digits are shown


def test_every_chart_has_marks_and_a_table(page):
    for chart in ("prices", "income", "sectors", "research"):
        marks = page.run(f"document.querySelectorAll('#chart-{chart} svg :is(circle, rect)[class]').length")
        rows = page.run(f"document.querySelectorAll('#chart-{chart} tbody tr').length")
        assert marks >= rows > 5, chart
        assert page.run(
            f"document.querySelector('#chart-{chart} figure > svg').getAttribute('aria-label').length > 20"
        )


def test_every_control_is_named_and_reached_by_tab(page):
    page.run("document.body.focus()")
    reached = []
    for _ in range(30):
        page.key(*TAB)
        reached.append(page.run("document.activeElement.id || document.activeElement.textContent"))
    wanted = [
        "scenario", "regime", "horizon", "cut", "substitution", "research", "capacity", "military", "region",
        "sector", "reset", "pin", "export", "link",
    ]  # fmt: skip
    assert [one for one in reached if one in wanted][: len(wanted)] == wanted
    assert page.run("[...document.querySelectorAll('select, input')].every((one) => one.labels.length === 1)")
    ids = page.run("[...document.querySelectorAll('[id]')].map((one) => one.id)")
    assert len(ids) == len(set(ids))


def test_pins_stand_beside_and_a_link_restores_them(page, address):
    page.run("document.getElementById('pin').click()")
    page.run("document.getElementById('cut').focus()")
    page.key(*END)
    time.sleep(0.2)
    settle(page)
    shown, link = text(page, "#pins"), page.run("location.href")
    assert "cut % 100" in shown
    visit(page, link)
    assert text(page, "#pins") == shown
    assert page.run("document.getElementById('cut').value") == "100"


def test_what_is_pinned_while_the_next_is_solved_has_its_own_settings(page):
    """Answers come late: the controls have moved on when the first one is there, and it is pinned then."""
    page.run(
        "window.fetch = ((real) => async (...how) => {"
        "  const answer = await real(...how); await new Promise((ready) => setTimeout(ready, 1500)); return answer;"
        "})(window.fetch)"
    )
    moved = (
        "(e => { e.value = %d; e.dispatchEvent(new Event('input', {bubbles: true})); })"
        "(document.getElementById('cut'))"
    )
    before = text(page, "#status")
    page.run(moved % 40)
    page.run(moved % 90)
    end = time.monotonic() + 60
    while text(page, "#status") == before and time.monotonic() < end:
        time.sleep(0.02)
    page.run("document.getElementById('pin').click()")
    settle(page)
    settings = page.run(
        "[...document.querySelectorAll('#pins tr.setting td')].map((cell) => cell.textContent)"
    )
    assert [one.rpartition("; ")[2] for one in settings] == ["cut % 90", "cut % 40"]


@pytest.mark.parametrize("link", ["cut=abc", "cut=1e999", "cut=", "substitution=x"])
def test_a_link_with_what_is_no_number_is_refused(page, address, link):
    visit(page, f"{address}#{link}")
    assert "The link was not understood" in text(page, "#said")
    assert text(page, "output[for=cut]") == "18.6 % (file)"
    page.errors.clear()  # the browser notes the refused request


def test_nothing_sticks_out_of_a_narrow_page(page, tmp_path):
    for width in (400, 1280):
        size(page, width)
        time.sleep(0.3)
        assert page.run("document.documentElement.scrollWidth <= innerWidth"), width
        assert len(base64.b64decode(page.call("Page.captureScreenshot")["data"])) > 10_000


def test_markup_in_a_link_is_text(page, address):
    visit(page, f"{address}#region=<img src=x onerror=alert(1)>&cut=20")
    assert page.run("document.images.length") == 0
    assert "The link was not understood" in text(page, "#said")
    page.errors.clear()  # the browser notes the refused request
