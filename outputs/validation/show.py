"""What `run.py validate` prints and writes."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from calibration.files import write_text
from outputs import names, summary
from outputs.names import number, signed
from outputs.paths.facts import View
from outputs.paths.plan import PathPlan
from outputs.summary import Line
from outputs.validation import figures, inverse, measures, page, record
from outputs.validation.book import Row
from outputs.validation.inverse import DIALS, Answer
from scenarios.sweeps.execution import pool

LABEL = 64  # width of what a fact is called; what is longer goes on in the next line


def answers(ready: PathPlan, workers: int) -> list[Answer]:
    """Every inverse question, side by side."""
    with pool(workers) as executor:
        given = [
            executor.submit(inverse.answer, question, ready.scenario.calibration, ready.scenario.name)
            for question in inverse.QUESTIONS
        ]
        return [one.result() for one in given]


def questions(workers: int) -> list[str]:
    """What the model says on innovation against security, as sections of the page."""
    from outputs.validation import questions as asked

    return asked.sections(workers)


def write_rows(rows: Sequence[Row]) -> None:
    """One line a fact: observed, model by regime, verdict; prices by element are in the page alone."""
    regimes = list(dict.fromkeys(row.regime for row in rows))
    head = (
        f"{'':<{LABEL}}{'observed':>10}"
        + "".join(f"{names.SHORT_REGIMES[r]:>13}" for r in regimes)
        + "  verdict"
    )
    lines = [Line(f"Model against observed, {page.tally(rows, regimes[-1])}", "title"), Line(head, "head")]
    shown = [row for row in rows if row.fact.group not in ("prices by element", "prices in China")]
    for name in dict.fromkeys(row.fact.name for row in shown):
        inside = {row.regime: row for row in rows if row.fact.name == name}
        last = inside[list(inside)[-1]]
        cells = "".join(f"{number(inside[r].model) if r in inside else '':>13}" for r in regimes)
        first, *rest = textwrap.wrap(
            f"{last.fact.text}, {last.fact.unit}", LABEL - 1, subsequent_indent="  ", break_on_hyphens=False
        )
        style = "warning" if last.verdict.startswith("miss") else "plain"
        lines.append(Line(f"{first:<{LABEL}}{number(last.fact.observed):>10}{cells}  {last.verdict}", style))
        lines += [Line(more, style) for more in rest]
    summary.write(lines)


def write_answers(found: Sequence[Answer]) -> None:
    """One line an inverse question."""
    if not found:
        return
    lines = [Line("What it would take", "title")]
    for one in found:
        seen = "negative" if one.target == 0 else number(one.target)
        lines.append(
            Line(f"{one.fact}: {DIALS[one.dial].text} {page.needed(one)} instead of {number(one.default)}; there "
                 f"{number(one.nearest)} (observed {seen}); {one.plausible}")
        )  # fmt: skip
    summary.write(lines)


def write_page(
    folder: Path,
    rows: Sequence[Row],
    found: Sequence[Answer],
    said: Sequence[str],
    scenario: str,
    calibration: str,
    remarks: Mapping[str, str],
) -> list[Path]:
    """Write validation.md, validation.png and validation.csv; returns the files."""
    picture = figures.draw(rows, folder / "validation.png", scenario, calibration)
    text = page.facts_page(rows, found, scenario, calibration, said, remarks)
    write_text(folder / "validation.md", text)
    table = record.write(folder / "validation.csv", rows, scenario, calibration)
    return [folder / "validation.md", picture, table]


def as_json(rows: Sequence[Row], found: Sequence[Answer]) -> dict[str, Any]:
    """The comparison for machines."""
    return {
        "facts": [
            {
                "fact": row.fact.name, "text": row.fact.text, "unit": row.fact.unit, "observed": row.fact.observed,
                "regime": row.regime, "model": row.model, "verdict": row.verdict, "fitted": row.fact.fitted,
                "status": row.fact.status, "source": row.fact.source,
            }
            for row in rows
        ],
        "inverse": [
            {name: _plain(getattr(one, name)) for name in one.__dataclass_fields__} for one in found
        ],
    }  # fmt: skip


def _plain(value: Any) -> Any:
    """JSON has no number that is none."""
    return None if isinstance(value, float) and math.isnan(value) else value


def remarks(view: View) -> dict[str, str]:
    """Sentences on what the model has, by group of facts."""
    regime, said = view.regimes[-1], []
    for year in (year for year in measures.RESTRICTED if year in view.years):
        free = [
            f"`{name}` ({100 * use:.0f} % used)"
            for name, use, idle in measures.slack(view, regime, year)
            if idle
        ]
        said.append(f"{year} {names.listed(free) if free else 'none'}")
    by_output = measures.patent_stock(view, regime, view.ds["base_output"].values)
    patents = (
        "Patents are means over all patents of a group of sectors. With sectors weighted by output instead, the first "
        f"line would be {signed(by_output)} %: most other sectors do no research on rare earths and stand still.\n"
    )
    return {
        "literature": patents,
        "quota use": f"Quotas that do not bind in the model, {names.regime(regime)}: {'; '.join(said)}.\n",
    }
