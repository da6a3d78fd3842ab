"""Time from a moved slider to new numbers: the explorer's solve and tables at the default calibration."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

MOVES = (
    {"cut": 20.0}, {"cut": 28.0}, {"cut": 36.0}, {"substitution": 0.8}, {"substitution": 1.3}, {"research": 0.7},
    {"capacity": 2.0}, {"military": 1.5},
)  # fmt: skip


def redraw() -> dict[str, Any]:
    """Every slider moved in an open page: scenario text, shock, equilibrium, and every number of the page."""
    from outputs.explorer.answer import Answers
    from outputs.explorer.state import State

    answers = Answers()
    answers(State())
    times = []
    for move in MOVES:
        begun = time.perf_counter()
        answers(State(**move))
        times.append(time.perf_counter() - begun)
    slowest = max(range(len(MOVES)), key=times.__getitem__)
    note = (
        f"{len(MOVES)} moves of sliders in an open page, slowest {next(iter(MOVES[slowest]))}; target 0.3 s"
    )
    return {"seconds": median(times), "spread": f"{min(times):.3g} to {max(times):.3g}", "note": note}


WORKS: dict[str, Callable[[], dict[str, Any]]] = {"explorer-redraw": redraw}
