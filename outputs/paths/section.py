"""A path as a section of a report."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from outputs import sections
from outputs.paths import findings, tables
from outputs.paths.facts import View

ON_PAGE = (
    "overview", "prices", "real_income", "stocks", "surplus", "quotas", "capacity", "embargo_now", "years_to_replace",
    "forces", "instruments",
)  # fmt: skip


def write(
    view: View, folder: Path, pictures: Sequence[Path], soft: tuple[int, int], failed: Mapping[str, str]
) -> None:
    """Write the section of a path; soft: parameters that are soft, and all of them; failed: by regime, why."""
    attrs = view.ds.attrs
    title = str(attrs.get("title") or folder.name)
    shown = {name: tables.TABLES[name](view) for name in ON_PAGE}
    part = sections.Part(
        "path", title, str(attrs.get("question", "")), findings.findings(view),
        [f"{regime}: {why}" for regime, why in failed.items()], notes=findings.gaps(view), pictures=pictures,
        tables={name: table for name, table in shown.items() if len(table)},
        assumed=[
            *((str(term), str(text)) for term, text in json.loads(attrs.get("assumed", "[]"))),
            *(
                (f"The scenario ({status})", str(text).replace("`", ""))
                for text, status in json.loads(attrs.get("assumptions", "[]"))
            ),
        ],
        soft=[
            f"{soft[0]} of the {soft[1]} parameters are recalled or judged; parameters.csv marks them.",
            *(str(text) for text in json.loads(attrs.get("limits", "[]"))),
        ],
        rows=40,
    )  # fmt: skip
    sections.write(folder, title, sections.body(part))
