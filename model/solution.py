"""What a solve returns, and how a failure explains itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from model.equilibrium import Allocation
from model.records import Frozen, Labels
from model.system import System

Status = Literal[
    "converged", "stalled", "diverged", "infeasible", "unstable", "non_finite", "iteration_limit"
]

BLOCK_AXES = {
    "profit": ("regions", "sectors"), "market": ("regions", "goods"), "mobile": ("regions", "factors"),
    "sluggish": ("regions", "factors", "sectors"), "budget": ("regions",), "research_x": ("regions", "sectors"),
    "research_e": ("regions", "sectors", "elements"), "capacity": ("regions", "stages"), "quota": ("quotas",),
    "leak": ("leaks",), "production": ("production quotas",),
}  # fmt: skip

WHAT = {
    "profit": "zero profit (E7)", "market": "market of a good (E9)", "mobile": "market of a mobile factor (E10)",
    "sluggish": "market of a sluggish factor (E10)", "budget": "budget (E11)", "research_x": "research on X (E15)",
    "research_e": "research on an element (E15)", "capacity": "capacity (E22)", "quota": "export quota (E13)",
    "leak": "leakage (section 5)", "production": "production quota (section 5)",
}  # fmt: skip

ADVICE = {
    "stalled": "the residual stopped falling: try a smaller shock, or elasticities further from zero",
    "diverged": "no step reduced the residual: try a smaller shock, or elasticities further from zero",
    "infeasible": "no equilibrium exists: relax the restriction, or give the good another origin",
    "unstable": "lower innovation_elasticity or spillover, or take scientists as given by sector (research_closure)",
    "non_finite": "the start is outside the model's domain: check the shock for extreme values",
    "iteration_limit": "the iteration cap was reached: allow more iterations, or try a smaller shock",
    "converged": "",
}


@dataclass(frozen=True)
class Diagnosis(Frozen):
    """Where a solve stands: the worst residual, its block and cell, and what to try."""

    status: Status
    block: str
    cell: tuple[int, ...]
    value: float
    detail: str = ""
    quota: str = ""  # name of the quota that the cell is one of

    def text(self, labels: Labels | None = None) -> str:
        """One sentence for people; positions stand in for names without labels."""
        if self.status == "converged":
            return f"converged: largest residual {abs(self.value):.1e}"
        axes = zip(BLOCK_AXES.get(self.block, ()), self.cell, strict=False)
        where = self.quota or ", ".join(_name(axis, cell, labels) for axis, cell in axes)
        worst = f"worst at {WHAT.get(self.block, self.block)}: {where}" if self.block else ""
        solved = (
            bool(self.block) and np.isfinite(self.value) and self.status not in ("infeasible", "unstable")
        )
        size = f" (residual {self.value:.1e})" if solved else ""
        return "; ".join(
            part for part in (f"{self.status}", self.detail, worst + size, ADVICE[self.status]) if part
        )


def _name(axis: str, position: int, labels: Labels | None) -> str:
    names = getattr(labels, axis, ()) if labels is not None else ()
    return names[position] if position < len(names) else f"{axis.rstrip('s')} {position}"


@dataclass(frozen=True)
class Solution(Frozen):
    """An equilibrium (or the best point of a solve that failed: see `status`)."""

    status: Status
    diagnosis: Diagnosis
    system: System
    allocation: Allocation
    licence: dict[str, float] = field(default_factory=dict)  # chi of export quotas by name, slack ones at 0
    iterations: int = 0
    evaluations: int = 0
    products: int = 0
    history: tuple[float, ...] = ()

    @property
    def converged(self) -> bool:
        """True when every residual is below the tolerance."""
        return self.status == "converged"

    @property
    def licences(self) -> dict[str, float]:
        """chi of every quota by name, those on production included."""
        names = (quota.name for quota in self.system.restrictions.production)
        return {
            **self.licence,
            **dict(zip(names, self.allocation.state.production_licence.tolist(), strict=True)),
        }


class SolveError(RuntimeError):
    """A solve that failed, with its diagnosis."""

    def __init__(self, solution: Solution | Diagnosis) -> None:
        self.diagnosis = solution if isinstance(solution, Diagnosis) else solution.diagnosis
        self.solution = solution if isinstance(solution, Solution) else None
        super().__init__(self.diagnosis.text())

    def told(self, labels: Labels | None = None) -> str:
        """The diagnosis in names, and what was noted where the error passed."""
        return "; ".join([self.diagnosis.text(labels), *getattr(self, "__notes__", ())])
