"""Sections of other commands in a report: they come through whole, and nothing that runs or loads comes with them."""

import re
from html.parser import HTMLParser
from itertools import pairwise

import pandas as pd
import pytest
from matplotlib.figure import Figure

from calibration.errors import InputError
from outputs import sections
from outputs.sections import Part


def written(folder, html):
    (folder / sections.SECTION).write_text(html, encoding="utf-8")
    return folder


class Text(HTMLParser):
    """What a reader sees."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def handle_data(self, data):
        self.seen.append(data.strip())


def seen(html):
    reader = Text()
    reader.feed(html)
    return [text for text in reader.seen if text]


@pytest.fixture
def part(tmp_path):
    picture = tmp_path / "a_picture.png"
    Figure(figsize=(1, 1)).savefig(picture, metadata={"Title": 'Prices of "Dy" < +5 %'})
    table = pd.DataFrame({"<b>": ["<script>alert(1)</script>", "a & b"], "value": [123.0, float("nan")]})
    return Part(
        "sort", "A title & more", "Why < then?", [("Prices", "They <rise>.")], ["directed: no"], ["a note"], [picture],
        {"some_numbers": table}, ["two of 55"],
    )  # fmt: skip


def test_everything_in_a_part_is_shown_as_text(part):
    html = sections.body(part)
    assert "<script" not in html
    for text in (
        "A title & more", "Why < then?", "They <rise>.", "directed: no", "a note", "Some numbers", "<b>",
        "<script>alert(1)</script>", "a & b", "123", "two of 55",
    ):  # fmt: skip
        assert text in seen(html), text
    assert "nan" not in html


def test_a_section_comes_through_whole(part, tmp_path):
    html = sections.body(part)
    sections.write(tmp_path, part.title, html)
    found = sections.read(tmp_path, "part7")
    assert found.title == "A title & more"
    assert seen(found.html) == seen(html)
    assert re.findall(r"<(/?\w+)", found.html) == re.findall(r"<(/?\w+)", html)
    assert re.search(r'src="([^"]*)"', found.html)[1] == re.search(r'src="([^"]*)"', html)[1]
    assert seen((tmp_path / sections.PAGE).read_text())[-len(seen(html)) :] == seen(html)


def test_a_picture_is_described_by_its_title(part):
    assert 'alt="Prices of &#34;Dy&#34; &lt; +5 %"' in sections.body(part)


def test_a_page_starts_with_its_heading_and_leaves_out_no_level(part, tmp_path):
    sections.write(tmp_path, part.title, sections.body(part))
    headings = re.findall(r"<h(\d)[^>]*>([^<]*)</h\1>", (tmp_path / sections.PAGE).read_text())
    levels = [int(level) for level, _ in headings]
    assert headings[0] == ("1", "A title &amp; more")
    assert levels.count(1) == 1
    assert all(level <= before + 1 for before, level in pairwise(levels))


def test_ids_of_two_sections_differ(part, tmp_path):
    sections.write(tmp_path, part.title, sections.body(part))
    one, other = (set(re.findall(r'\bid="([^"]+)"', sections.read(tmp_path, key).html)) for key in ("a", "b"))
    assert one
    assert not one & other
    assert set(re.findall(r'aria-labelledby="([^"]+)"', sections.read(tmp_path, "a").html)) <= one


@pytest.mark.parametrize(
    ("html", "message"),
    [
        ("<section>\n<script>alert(1)</script></section>", "section.html:2: <script> does not belong"),
        ("<section><p onclick='x()'>a</p></section>", "<p> does not have onclick="),
        ("<section><p style='background: url(//x)'>a</p></section>", "<p> does not have style="),
        ("<section><iframe></iframe></section>", "<iframe> does not belong"),
        ("<section><svg><a></a></svg></section>", "<svg> does not belong"),
        ("<section><img src='https://x/y.png'></section>", "an image that is not inside the file"),
        ("<section><img src='data:image/svg+xml;base64,AAAA'></section>", "an image that is not inside"),
        ("<section><img src='figures/a.png'></section>", "an image that is not inside"),
        ("<!doctype html><html></html>", "a page instead of a section"),
        ("<section><p>a</section>", "</section> closes nothing"),
        ("<section><p>a</p>", "<section> is not closed"),
        ("</article><section></section>", "</article> closes nothing"),
        ("<?php x ?>", "a processing instruction"),
    ],
)
def test_what_runs_loads_or_breaks_the_page_is_refused(tmp_path, html, message):
    with pytest.raises(InputError) as error:
        sections.read(written(tmp_path, html), "part1")
    assert message in str(error.value)


def test_a_link_loses_its_target(tmp_path):
    html = "<section><h2>T</h2><p><a href='javascript:alert(1)'>there</a></p></section>"
    assert "javascript" not in sections.read(written(tmp_path, html), "part1").html
    assert seen(sections.read(tmp_path, "part1").html) == ["T", "there"]


def test_a_folder_without_a_section_is_said_so(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        sections.read(tmp_path, "part1")


def test_tables_are_in_words_and_small_changes_in_ppm():
    table = pd.DataFrame({"regime": ["exogenous"], "exports, exposed [%]": [-0.00507], "sold [t]": [30258.0]})
    html = sections.body(Part("path", "A title", tables={"overview": table}))
    assert "fixed technology" in html
    assert "exports, exposed [ppm]" in html
    assert "-50.7" in html
    assert "exogenous" not in html


def test_what_was_assumed_is_listed():
    html = sections.body(Part("path", "A title", assumed=[("Plant", "As it <was>.")]))
    assert "<strong>Plant.</strong> As it &lt;was&gt;." in html
    assert "What was assumed" not in sections.body(Part("path", "A title"))
