"""The model: a world of regions and sectors, a shock, an equilibrium. See docs/model.md."""

from model import pages
from model.records import (
    REGIMES,
    SHORT,
    Benchmark,
    Closure,
    Labels,
    Parameters,
    ProductionQuota,
    Quota,
    Regime,
    Shock,
)  # fmt: skip
from model.solution import Diagnosis, Solution, SolveError
from model.solve import solve

pages.keep()

__all__ = [
    "REGIMES", "SHORT", "Benchmark", "Closure", "Diagnosis", "Labels", "Parameters", "ProductionQuota", "Quota",
    "Regime", "Shock", "Solution", "SolveError", "solve",
]  # fmt: skip
