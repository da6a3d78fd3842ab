"""Time from a moved slider to new numbers: the explorer's solve and tables at the default calibration."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import cache

from outputs.explorer.answer import Answers
from outputs.explorer.state import State

CUTS = itertools.cycle([20.0, 24.0, 28.0, 32.0, 36.0])


@cache
def _answers() -> Answers:
    """Warm, as a page that is open: the calibration is read and one state was solved."""
    answers = Answers()
    answers(State())
    return answers


def redraw() -> object:
    """Another cut of the quota of 2010: scenario text, shock, equilibrium, and every number of the page."""
    return _answers()(State(cut=next(CUTS)))


WORKS: dict[str, Callable[[], object]] = {"explorer-redraw": redraw}
