"""Sections: what commands write beside their tables for a report to take in, and pages that hold one of them.

A folder with a section holds section.html, a fragment that loads nothing, and index.html, the same as a page.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image

from calibration.errors import InputError, Problem
from calibration.files import MEGABYTE, decode, read_bytes, write_text
from outputs import names, readable
from outputs.names import number

SECTION, PAGE = "section.html", "index.html"
MAX_SECTION = 50 * MEGABYTE
HERE = Path(__file__).parent

TITLED = frozenset({"id", "class"})
# What sections are made of: elements and their attributes. Nothing that runs, loads or leads anywhere.
ALLOWED: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(
        ("p", "ul", "ol", "li", "dl", "dt", "dd", "strong", "em", "b", "i", "q", "code", "pre", "span", "div",
         "table", "caption", "thead", "tbody", "tr", "figure", "figcaption", "summary", "br", "h2", "h3", "h4"),
        TITLED,
    ),
    "section": TITLED | {"aria-labelledby"}, "details": TITLED | {"open"}, "a": TITLED | {"href"},
    "th": TITLED | {"scope", "colspan", "rowspan"}, "td": TITLED | {"colspan", "rowspan"},
    "img": TITLED | {"src", "alt", "loading"},
}  # fmt: skip
VOID = ("img", "br")
PICTURE = re.compile(r"data:image/png;base64,[A-Za-z0-9+/]+={0,2}")


def environment(folder: Path) -> Environment:
    """Templates of a folder: text is escaped, a name that is not there is an error."""
    loader = FileSystemLoader([folder, HERE])
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)


def embedded(path: Path) -> str:
    """A PNG as the address of an image, so that a page needs no other file."""
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")


def described(path: Path) -> str:
    """What a PNG shows: its title."""
    with Image.open(path) as picture:
        return str(picture.info["Title"])


def cell(value: Any) -> str:
    """A number or text in a table; a dash where there is none."""
    if value is None or value is pd.NaT or (isinstance(value, float | np.floating) and np.isnan(value)):
        return "–"
    if isinstance(value, float | np.floating):
        return number(float(value))
    return names.REGIMES.get(str(value), str(value))


@dataclass(frozen=True)
class Part:
    """What most sections are made of, in the order in which they show it."""

    kind: str  # one word, for ids
    title: str
    question: str = ""
    findings: Sequence[tuple[str, str]] = ()  # topic and sentence
    failed: Sequence[str] = ()
    notes: Sequence[str] = ()
    pictures: Sequence[Path] = ()
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    soft: Sequence[str] = ()  # what the numbers rest on that is recalled or judged
    folder: str = "tables/"  # of the CSV files
    rows: int = 25  # of a table that are shown
    assumed: Sequence[tuple[str, str]] = ()  # what it is about, and what is assumed


def body(part: Part) -> str:
    """The HTML of a section."""
    shown = {name: readable.by_column(table.head(part.rows)) for name, table in part.tables.items()}
    template = environment(HERE).get_template("section.html.j2")
    return template.render(
        part=part, shown=shown, embedded=embedded, described=described, cell=cell, head=readable.head
    )


def write(folder: Path, title: str, body: str) -> None:
    """Write section.html and index.html into a folder."""
    write_text(folder / SECTION, body)
    page = environment(HERE).get_template("page.html.j2")
    write_text(folder / PAGE, page.render(title=title, body=Markup(_raised(body))))


def _raised(body: str) -> str:
    """A section whose headings are those of a page: its own is the first of all."""
    return re.sub(r"(</?h)([2-4])\b", lambda found: f"{found[1]}{int(found[2]) - 1}", body)


@dataclass(frozen=True)
class Section:
    """A section that was read: its heading, the start of its ids, and its HTML."""

    title: str
    key: str
    html: Markup


def read(folder: Path, key: str) -> Section:
    """A folder's section with `key` before its ids. Raises InputError when it holds what no section may."""
    path = folder / SECTION
    text = decode(read_bytes(path, MAX_SECTION), str(path))
    reader = _Reader(key, str(path))
    reader.feed(text)
    reader.close()
    if reader.open:
        reader.refuse(f"<{reader.open[-1]}> is not closed")
    return Section(reader.title.strip() or folder.name, key, Markup("".join(reader.made)))


class _Reader(HTMLParser):
    """Writes a section anew from elements that are allowed, and refuses everything else."""

    def __init__(self, key: str, where: str) -> None:
        super().__init__(convert_charrefs=True)
        self.key, self.where = key, where
        self.made: list[str] = []
        self.open: list[str] = []
        self.title = ""

    def refuse(self, what: str) -> None:
        raise InputError(Problem(what, self.where, self.getpos()[0], expected="a section written by run.py"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        allowed = ALLOWED.get(tag)
        if allowed is None:
            self.refuse(f"<{tag}> does not belong in a section")
            return
        given = {name: value or "" for name, value in attrs}
        for name in given.keys() - allowed:
            self.refuse(f"<{tag}> does not have {name}= in a section")
        if tag == "img" and not PICTURE.fullmatch(given.get("src", "")):
            self.refuse("an image that is not inside the file")
        given.pop("href", None)  # leads to files that are not beside the report
        for name in given.keys() & {"id", "aria-labelledby"}:
            given[name] = f"{self.key}-{given[name]}"
        text = "".join(f' {name}="{escape(value)}"' for name, value in given.items())
        self.made.append(f"<{tag}{text}>")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.refuse(f"</{tag}> closes nothing")
        self.made.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "h2":
            self.title += data
        self.made.append(escape(data, quote=False))

    def handle_comment(self, data: str) -> None:
        pass

    def handle_decl(self, decl: str) -> None:
        self.refuse("a page instead of a section")

    def handle_pi(self, data: str) -> None:
        self.refuse("a processing instruction")

    def unknown_decl(self, data: str) -> None:
        self.refuse("a declaration")
