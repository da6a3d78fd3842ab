"""The evidence as a part of a report: one fragment of HTML with its figures in it, that loads nothing."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from calibration.files import write_text
from outputs.evidence.tables import shown


def section(
    title: str, notes: Sequence[str], table: Mapping[str, Sequence[Any]], figures: Sequence[Path]
) -> str:
    """A heading, notes, a table and figures; everything that is text is escaped."""
    head = "".join(f"<th>{escape(name)}</th>" for name in table)
    rows = "".join(
        "<tr>" + "".join(_cell(value) for value in row) + "</tr>" for row in zip(*table.values(), strict=True)
    )
    said = "".join(f"<p>{escape(note)}</p>" for note in notes)
    drawn = "".join(_figure(path) for path in figures)
    return (
        f'<section class="evidence"><h2>{escape(title)}</h2>{said}'
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{drawn}</section>\n"
    )


def write_section(
    folder: Path,
    title: str,
    notes: Sequence[str],
    table: Mapping[str, Sequence[Any]],
    figures: Sequence[Path],
) -> Path:
    """Write section.html into a folder."""
    path = folder / "section.html"
    write_text(path, section(title, notes, table, figures))
    return path


def _cell(value: Any) -> str:
    kind = "" if isinstance(value, str) else ' class="number"'
    return f"<td{kind}>{escape(shown(value, 3))}</td>"


def _figure(path: Path) -> str:
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    label = escape(path.stem.replace("_", " "))
    return f'<figure><img alt="{label}" src="data:image/png;base64,{data}"></figure>'
