"""The facts page: docs/validation.md, made from results and from nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from outputs import names
from outputs.names import number, signed
from outputs.validation.book import HIT, HIT_SHARE, NEAR, NEAR_SHARE, Row
from outputs.validation.inverse import DIALS, Answer

HEAD = """\
# The model and what happened

This page is made by `run.py validate --inverse --questions --write`; do not edit it. Observed numbers and their sources
are in `calibration/data/facts/` and `calibration/data/evidence/`. Status: *seen* read in a stored source, *computed*
arithmetic on one, *memory* recalled and unverified. A fact that parameters were chosen with in view is marked *fitted*;
all others are tests, and a miss is shown as a miss.
"""

JUDGING = f"""\
How a number is judged. Ratios and levels: *hit* within {100 * (HIT - 1):.0f} %, *near* within a factor of {NEAR:g}.
Shares: within {HIT_SHARE:g}, or {NEAR_SHARE:g}. Effects: as ratios, *sign only* where the size is further off but the
sign is right.
"""


def facts_page(
    rows: Sequence[Row],
    answers: Sequence[Answer],
    scenario: str,
    calibration: str,
    questions: Iterable[str] = (),
) -> str:
    """The whole page, in Markdown."""
    regimes = list(dict.fromkeys(row.regime for row in rows))
    count = tally(rows, regimes[-1])
    parts = [
        HEAD,
        f"Scenario `{scenario}` on `{calibration}`; under {names.regime(regimes[-1])}: {count}.\n",
        "![The model and what happened](validation.png)\n",
        JUDGING,
    ]
    for group, title in GROUPS.items():
        inside = [row for row in rows if row.fact.group == group]
        if inside:
            parts += [f"## {title}\n", table(inside, regimes), NOTES.get(group, "")]
    if answers:
        parts += ["## What it would take\n", TAKE, inverse_table(answers)]
    parts += list(questions)
    return "\n".join(part for part in parts if part).rstrip() + "\n"


GROUPS = {
    "prices": "Prices outside China",
    "prices by element": "Prices outside China, by element",
    "prices in China": "Prices inside China",
    "export tonnes": "China's exports, tonnes",
    "export unit value": "China's exports, unit value",
    "quota use": "Use of the quota",
    "share of China in Japanese imports": "China's share of Japan's imports",
    "literature": "Innovation, exports, productivity, losses",
}

# What the model and the scenario leave out, by structure; what that does to the fit is in the tables above each note.
NOTES = {
    "prices": """\
Not in the model: hoarding, panic, and expectations of tighter quotas to come. Its quota of 2011 is as tight as that of
2010, and growth of demand after the recession of 2009 is not in the path.
""",
    "prices in China": """\
An export restriction can only make oxides cheaper at home. What raised prices inside China in 2011 (purchases by the
state, the campaign against illegal mines, speculation) is outside the scenario.
""",
    "quota use": """\
Not in the scenario: smuggling, the stocks abroad of 2010, and the fall of demand after the price peak. Customs and
quota do not count the same tonnes.
""",
    "share of China in Japanese imports": """\
Customs data count oxides that third countries refined from Chinese material as theirs; the base year attributes more to
China. Mines that Japan paid for are in `allied-capacity`, not here.
""",
    "literature": """\
Rare earths are a small part of cost even in the exposed sectors, so effects through cost alone are small. Definitions
differ: the studies use firms and patents by industry, the model sectors of twelve regions.
""",
}

TAKE = """\
For each effect, a parameter is scaled until the model reproduces it (every evaluation is the whole path solved anew).
The search ends where technology feeds on itself or a year has no equilibrium. *Plausible* means within the range the
calibration gives for the parameter.
"""


def tally(rows: Sequence[Row], regime: str) -> str:
    """How many facts are hit, near, right in sign only, and missed, the fitted ones counted apart."""
    chosen = [row for row in rows if row.regime == regime]
    tests = [row for row in chosen if not row.fact.fitted]
    kinds = ("hit", "near", "sign only", "miss")
    said = [f"{sum(row.verdict == kind for row in tests)} {kind}" for kind in kinds]
    return f"{len(tests)} tests: {', '.join(said)}; {len(chosen) - len(tests)} facts were fitted"


def table(rows: Sequence[Row], regimes: Sequence[str]) -> str:
    """A Markdown table: a line for each fact, a column for each regime."""
    lines = [
        f"| fact | observed | {' | '.join(names.regime(r) for r in regimes)} | verdict | status | source |",
        "|---|---:|" + "---:|" * len(regimes) + "---|---|---|",
    ]
    for name in dict.fromkeys(row.fact.name for row in rows):
        inside = {row.regime: row for row in rows if row.fact.name == name}
        last = inside[list(inside)[-1]]
        fact = last.fact
        cells = [number(inside[r].model) if r in inside else "" for r in regimes]
        seen = "negative" if fact.kind == "sign" else number(fact.observed)
        text = f"{fact.text} ({fact.unit})"
        lines.append(
            f"| {text} | {seen} | {' | '.join(cells)} | {last.verdict} | {fact.status} | {fact.source} |"
        )
    return "\n".join(lines) + "\n"


def inverse_table(answers: Sequence[Answer]) -> str:
    """A Markdown table of the values that would reproduce each fact."""
    heads = (
        "fact", "observed", "model at default", "parameter", "default", "would have to be", "factor",
        "model then", "judgement",
    )  # fmt: skip
    lines = [f"| {' | '.join(heads)} |", "|---|---:|---:|---|---:|---:|---:|---:|---|"]
    for one in answers:
        known = one.factor == one.factor
        value = number(one.value) if known else f"none (factors {one.tried})"
        factor = number(one.factor) if known else ""
        cells = (
            one.fact, number(one.target), signed(one.at_default), DIALS[one.dial].text, number(one.default), value,
            factor,
            signed(one.nearest), one.plausible,
        )  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    meanings = [f"- {dial.text}: {dial.meaning}." for dial in DIALS.values()]
    return "\n".join([*lines, "", "What the parameters say:", "", *meanings]) + "\n"
