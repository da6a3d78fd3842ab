"""The facts page: docs/validation.md, made from results and from nothing else."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from outputs import names
from outputs.names import number, signed
from outputs.validation.book import Row
from outputs.validation.inverse import DIALS, Answer
from outputs.validation.judging import GROUPS, HIT, HIT_SHARE, NEAR, NEAR_SHARE, NOTES

HEAD = """\
# The model and what happened

This page is made by `python run.py validate --write`; do not edit it. Observed numbers and their sources are in
`calibration/data/facts/` and `calibration/data/evidence/`. Status: *seen* read in a stored source, *computed*
arithmetic on one, *memory* recalled and unverified. A fact that parameters were chosen with in view is marked *fitted*;
all others are tests, and a miss is shown as a miss.
"""

JUDGING = f"""\
How a number is judged. Ratios and levels: *hit* within {100 * (HIT - 1):.0f} %, *near* within a factor of {NEAR:g}.
Shares: within {HIT_SHARE:g}, or {NEAR_SHARE:g}. Effects: as ratios, *sign only* where the size is further off but the
sign is right. *Off by* is the model over what was observed (for shares the difference), with the regime in the last
column; a fitted fact names what was set with it in view.
"""


def facts_page(
    rows: Sequence[Row],
    answers: Sequence[Answer],
    scenario: str,
    calibration: str,
    questions: Iterable[str] = (),
    remarks: Mapping[str, str] | None = None,
) -> str:
    """The whole page, in Markdown."""
    regimes = list(dict.fromkeys(row.regime for row in rows))
    count = tally(rows, regimes[-1])
    parts = [
        HEAD,
        f"Scenario `{scenario}` on `{calibration}`; under {names.regime(regimes[-1])}: {count}.\n",
        "![The model and what happened](validation.png)\n",
        by_group(rows, regimes[-1]),
        JUDGING,
    ]
    for group, title in GROUPS.items():
        inside = [row for row in rows if row.fact.group == group]
        if inside:
            parts += [
                f"## {title}\n",
                table(inside, regimes),
                (remarks or {}).get(group, ""),
                NOTES.get(group, ""),
            ]
    if answers:
        parts += ["## What it would take\n", TAKE, inverse_table(answers)]
    parts += list(questions)
    return "\n".join(part for part in parts if part).rstrip() + "\n"


TAKE = """\
For each fact, a parameter is scaled until the model reproduces it, everything else as calibrated (every evaluation is
the whole path solved anew, with directed technology and spillovers). The search ends where technology feeds on itself
or a year has no equilibrium. A number in brackets is beyond that: the straight line from the default through the
nearest value that could be solved. *Plausible* means within the range the calibration gives for the parameter,
*doubtful* up to three times outside, *implausible* beyond.
"""


def tally(rows: Sequence[Row], regime: str) -> str:
    """How many facts are hit, near, right in sign only, and missed, the fitted ones counted apart."""
    chosen = [row for row in rows if row.regime == regime]
    tests = [row for row in chosen if not row.fact.fitted]
    kinds = ("hit", "near", "sign only", "miss")
    said = [f"{sum(row.verdict == kind for row in tests)} {kind}" for kind in kinds]
    return f"{len(tests)} tests: {', '.join(said)}; {len(chosen) - len(tests)} facts were fitted"


def by_group(rows: Sequence[Row], regime: str) -> str:
    """A Markdown table of verdicts by group of facts, the fitted ones in a column of their own."""
    kinds = ("hit", "near", "sign only", "miss")
    lines = [f"| facts | {' | '.join(kinds)} | fitted |", "|---|" + "---:|" * 5]
    for group, title in GROUPS.items():
        inside = [row for row in rows if row.fact.group == group and row.regime == regime]
        tests = [row.verdict for row in inside if not row.fact.fitted]
        counts = [*(tests.count(kind) for kind in kinds), len(inside) - len(tests)]
        if inside:
            lines.append(f"| {title} | {' | '.join(str(n) if n else '' for n in counts)} |")
    return "\n".join(lines) + "\n"


def table(rows: Sequence[Row], regimes: Sequence[str]) -> str:
    """A Markdown table: a line for each fact, a column for each regime."""
    lines = [
        f"| fact | observed | {' | '.join(names.regime(r) for r in regimes)} | off by | verdict | status | source |",
        "|---|---:|" + "---:|" * len(regimes) + "---:|---|---|---|",
    ]
    for name in dict.fromkeys(row.fact.name for row in rows):
        inside = {row.regime: row for row in rows if row.fact.name == name}
        last = inside[list(inside)[-1]]
        fact = last.fact
        cells = [number(inside[r].model) if r in inside else "" for r in regimes]
        seen = "negative" if fact.kind == "sign" else number(fact.observed)
        text = f"{fact.text} ({fact.unit})"
        verdict = f"{last.verdict.removesuffix(')')}: {fact.fitted})" if fact.fitted else last.verdict
        cells += [off_by(last), verdict, fact.status, fact.source]
        lines.append(f"| {text} | {seen} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def inverse_table(answers: Sequence[Answer]) -> str:
    """A Markdown table of the values that would reproduce each fact."""
    heads = (
        "fact", "observed", "model at default", "parameter", "default", "would have to be", "model then", "judgement",
    )  # fmt: skip
    lines = [f"| {' | '.join(heads)} |", "|---|---:|---:|---|---:|---:|---:|---|"]
    for one in answers:
        seen = "negative" if one.target == 0 else number(one.target)
        cells = (
            one.text, seen, signed(one.at_default), DIALS[one.dial].text, number(one.default), needed(one),
            signed(one.nearest), judged(one),
        )  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    meanings = [f"- {dial.text}: {dial.meaning}." for dial in DIALS.values()]
    return "\n".join([*lines, "", "What the parameters say:", "", *meanings]) + "\n"


def needed(one: Answer) -> str:
    """The value that reproduces a fact; in brackets one that is extrapolated; or none."""
    if not math.isnan(one.factor):
        return number(one.value)
    if not math.isnan(one.extrapolated):
        return f"({number(one.default * one.extrapolated)})"
    return "none"


def judged(one: Answer) -> str:
    """The judgement, and for a fact that was not reproduced where the search ended and why."""
    if not math.isnan(one.factor):
        return one.plausible
    ends = [
        f"{number(one.default * one.low, 2)} ({one.why_low})",
        f"{number(one.default * one.high, 2)} ({one.why_high})",
    ]
    return f"{one.plausible}. Tried from {ends[0]} to {ends[1]}"


def off_by(row: Row) -> str:
    """How far the model is off: its number over the observed one, or for shares the difference."""
    fact = row.fact
    if fact.kind == "sign":
        return ""
    if fact.kind in ("share", "at least"):
        return signed(row.model - fact.observed, 2)
    return f"× {number(row.model / fact.observed, 2)}"
