"""Innovation against security: what is said of losses that are given, without solving a path."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from outputs.names import number
from outputs.validation import questions
from outputs.validation.questions import TURNS, Compared

YEARS = range(2010, 2025)


def compared(capacity, research, none=100.0):
    """Losses that are the same in every year."""
    return Compared(*(dict.fromkeys(YEARS, loss) for loss in (none, capacity, research)))


@pytest.mark.parametrize(
    ("capacity", "research", "better", "worse"),
    [(60.0, 75.0, "capacity", "research"), (75.0, 60.0, "research", "capacity")],
)
def test_the_policy_that_leaves_the_smaller_loss_is_better(capacity, research, better, worse):
    base = compared(capacity, research)
    assert base.gap(2015) == research - capacity
    *said, last = questions._verdict(base)
    for year, text in zip(questions.SECURITY_YEARS, said, strict=True):
        assert text == f"In {year} {better} leaves a loss that is 15.0 million USD smaller than {worse} does."
    avoided = [f"{100 - loss:.0f} %" for loss in (capacity, research)]
    assert last.startswith(f"By 2024 capacity avoids {avoided[0]} of the loss and research {avoided[1]}: ")


def test_what_moves_the_answer_most_is_shown_first():
    """Turns by one, two, three ... million USD; the last one turns the sign, and one was not solved."""
    base = compared(90.0, 94.0)
    answers = {("", 1.0): base}
    for size, turn in enumerate(TURNS):
        for factor in (turn.low, turn.high):
            answers[turn.parameter, factor] = compared(90.0, 94.0 - size)
    answers[TURNS[0].parameter, TURNS[0].low] = "2013: no equilibrium; try less"
    lines = questions._sensitivity(answers, base)
    shown = list(dict.fromkeys(line.split(" | ")[0].strip("| ") for line in lines if " | " in line))
    assert shown == ["parameter", "default", *(turn.parameter for turn in reversed(TURNS[-3:]))]
    turned = [turn.parameter for size, turn in enumerate(TURNS) if size >= 4][::-1]
    assert f"- The sign of the answer turns with: {', '.join(turned[:-1])} and {turned[-1]}." in lines
    assert f"- {TURNS[0].parameter} times {TURNS[0].low:.2g} was not solved (2013: no equilibrium)." in lines


def path(income, cut):
    """A path of which income of all others by year, and what a cut would cost them in 2017, are known."""
    years = list(range(2010, 2025))
    values = np.array([[income.get(year, 0.0)] for year in years])
    losses = np.array([[cut if year == 2017 else 0.0] for year in years])
    ds = {
        "group": SimpleNamespace(values=["others"]),
        "cut_loss": SimpleNamespace(dims=("cut_year", "region")),
        "cut_year": SimpleNamespace(values=years),
    }
    return SimpleNamespace(
        years=years,
        ds=ds,
        own=np.array([False]),
        over_time=lambda name, regime: {"group_equivalent_variation": values, "cut_loss": losses}[name],
    )


@pytest.mark.parametrize(("flood", "verdict"), [(-9.0, "yes"), (-5.0, "no")])
def test_a_flood_makes_a_squeeze_dearer_where_more_is_lost_with_it(monkeypatch, flood, verdict):
    flooded = path({2010: 1.0, 2017: 2.0, 2018: flood, 2024: -1.0}, 30.0)
    alone = path({2018: -7.0}, 20.0)
    monkeypatch.setattr(
        questions, "view_of", lambda name, *_, **__: flooded if name.startswith("flooding") else alone
    )
    text = questions.flooding_first(None)
    assert f"Does the flood make the later squeeze cost others more: {verdict}." in text
    rows = {line.split(" | ")[0].strip("| "): line.strip("| ").split(" | ")[1:] for line in text.splitlines()}
    assert rows["loss in 2018"] == [number(-flood), "7.00"] * 2
    assert rows["loss of 2018 to 2024"] == [number(1 - flood), "7.00"] * 2
    assert rows["real income of 2010 to 2017"] == ["3.00", "0"] * 2
    assert rows["what halving exports in 2017 would cost"] == ["30.0", "20.0"] * 2
