"""Bull and bear markets: dependence in each, moderation, and what the data say about the study's four findings.

A phase is a block of quantile levels (bear: target and predictor both at or below a cut-off; bull: both at or
above one) or a dated stretch of time. In the first case the statistic is the mean (partial) cross-quantilogram
over the block, in the second its mean over equal levels of both series within the dates of the phase. Both are
this project's: how the original study aggregates is not public.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from calibration.evidence.comovement.alignment import Control, Missing, make_sample
from calibration.evidence.comovement.crossquantilogram import (
    Bootstrap,
    estimate,
    resampled_values,
    trusted_cells,
)
from calibration.evidence.comovement.hits import Floats
from calibration.evidence.comovement.transforms import interaction

PHASES = ("bear", "bull")


@dataclass(frozen=True)
class PhaseDependence:
    """Mean (partial) cross-quantilogram of a phase, its bootstrap interval and p-value as at `CrossQuantilogram`.

    cells: those of the block that are reliable as described there, of which the mean is taken; where none is, all of
    them are taken and the phase is not `reliable`: nothing can be told.
    """

    phase: str
    value: float
    lower: float
    upper: float
    p_value: float
    rows: int
    cells: int
    reliable: bool


def phase_block(levels: Floats, phase: str, bear: float, bull: float) -> np.ndarray:
    """Cells (target, predictor) of a phase: both levels <= bear, or both >= bull. ValueError if there are none."""
    if not 0 < bear < bull < 1:
        raise ValueError(f"cut-offs need 0 < bear < bull < 1, got {bear:g} and {bull:g}")
    inside = levels <= bear + 1e-9 if phase == "bear" else levels >= bull - 1e-9
    if not inside.any():
        raise ValueError(
            f"no quantile level lies in the {phase} phase: cut-offs {bear:g} and {bull:g}, levels {levels}"
        )
    return np.outer(inside, inside)


def block_dependence(
    target: ArrayLike,
    predictor: ArrayLike,
    levels: ArrayLike,
    block: ArrayLike,
    lag: int,
    bootstrap: Bootstrap,
    *,
    phase: str = "",
    controls: Sequence[Control] = (),
    missing: Missing = "error",
    where: ArrayLike | None = None,
    names: tuple[str, str] = ("target", "predictor"),
) -> PhaseDependence:
    """Mean (partial) cross-quantilogram over the reliable cells of `block` (levels, levels), resampled as a whole."""
    sample = make_sample(target, predictor, levels, None, controls, missing, where, names)
    variables = sample.variables(lag)
    rows = sample.rows(variables)
    whole = np.asarray(block, dtype=bool)
    told = whole & trusted_cells(sample, variables, rows)
    cells = told if told.any() else whole
    value = float(estimate(sample, variables, rows)[cells].mean())
    gamma = bootstrap.restart(sample.aligned_values(variables, rows))
    indices = bootstrap.draw(rows.size, gamma, lag)
    drawn = resampled_values(sample.aligned_codes(variables, rows), variables, indices)[:, cells].mean(axis=1)
    deviation = drawn[~np.isnan(drawn)] - value
    if deviation.size < max(20, len(indices) // 2):
        raise ValueError(
            f"only {deviation.size} of {len(indices)} resamples are defined: too few observations for these levels"
        )
    away = np.abs(deviation - deviation.mean())
    margin = float(np.quantile(away, 1 - bootstrap.level))
    return PhaseDependence(
        phase,
        value,
        max(value - margin, -1.0),
        min(value + margin, 1.0),
        float((1 + (away >= abs(value)).sum()) / (1 + away.size)),
        int(rows.size),
        int(cells.sum()),
        bool(told.any()),
    )


@dataclass(frozen=True)
class PhaseRule:
    """How phases are told: by quantile cut-offs, or by dates when `dated` names the dates of each phase, (T,) each."""

    levels: Floats
    bear: float = 0.25
    bull: float = 0.75
    lag: int = 1
    dated: Mapping[str, np.ndarray] | None = None

    def dependence(
        self,
        phase: str,
        target: ArrayLike,
        predictor: ArrayLike,
        bootstrap: Bootstrap,
        controls: Sequence[Control] = (),
        missing: Missing = "error",
        names: tuple[str, str] = ("target", "predictor"),
    ) -> PhaseDependence:
        if self.dated is None:
            block, where = phase_block(self.levels, phase, self.bear, self.bull), None
        else:
            block, where = np.eye(self.levels.size, dtype=bool), self.dated[phase]
        return block_dependence(
            target,
            predictor,
            self.levels,
            block,
            self.lag,
            bootstrap,
            phase=phase,
            controls=controls,
            missing=missing,
            where=where,
            names=names,
        )


@dataclass(frozen=True)
class Claim:
    """One finding reported by Islam (2025): which series bears on exports, in which phase, with which sign."""

    number: int
    text: str
    role: str
    signs: Mapping[str, int]


CLAIMS = (
    Claim(
        1,
        "Exports and military development are strongly and positively linked in bull and bear markets",
        "military",
        {"bear": 1, "bull": 1},
    ),
    Claim(2, "Price volatility constrains exports in bull markets", "volatility", {"bull": -1}),
    Claim(
        3,
        "Governance lowers exports in bear markets and raises them in bull markets",
        "governance",
        {"bear": -1, "bull": 1},
    ),
    Claim(
        4,
        "Governance interacted with tension raises exports in bull markets",
        "governance x tension",
        {"bull": 1},
    ),
)
ROLES = ("exports", "military", "volatility", "governance", "tension")


@dataclass(frozen=True)
class Finding:
    """A claim in one phase and what these data say; measured is None where `missing` names series not at hand."""

    claim: Claim
    phase: str
    expected: int
    measured: PhaseDependence | None
    controls: tuple[str, ...]
    missing: tuple[str, ...] = ()

    def verdict(self, level: float = 0.05) -> str:
        if self.measured is None:
            return f"not tested: no series for {', '.join(self.missing)}"
        if not self.measured.reliable:
            return "too few observations to tell"
        same = np.sign(self.measured.value) == self.expected
        clear = self.measured.p_value <= level
        return f"{'same' if same else 'opposite'} sign, {'' if clear else 'not '}significant"


def findings(
    roles: Mapping[str, ArrayLike | None],
    rule: PhaseRule,
    bootstrap: Bootstrap,
    missing: Missing = "error",
    labels: Mapping[str, str] | None = None,
) -> list[Finding]:
    """The four claims for whatever series play the roles of ROLES; a role left out leaves its claims untested.

    Each is the partial cross-quantilogram of exports with the series in question, given the medians of the
    other series at hand at the same lag; for the interaction these include governance and tension themselves.
    """
    have = {role: np.asarray(x, dtype=float) for role, x in roles.items() if x is not None}
    name = {role: (labels or {}).get(role, role) for role in (*ROLES, "governance x tension")}
    result = []
    for claim in CLAIMS:
        needed = ["exports", *claim.role.split(" x ")]
        absent = tuple(role for role in needed if role not in have)
        if absent:
            result += [Finding(claim, phase, sign, None, (), absent) for phase, sign in claim.signs.items()]
            continue
        parts = claim.role.split(" x ")
        predictor = have[claim.role] if len(parts) == 1 else interaction([have[part] for part in parts])
        others = [role for role in ROLES[1:] if role in have and role != claim.role]
        controls = [Control(have[role], 0.5, "lagged", name[role]) for role in others]
        for phase, sign in claim.signs.items():
            measured = rule.dependence(
                phase,
                have["exports"],
                predictor,
                bootstrap,
                controls,
                missing,
                (name["exports"], name[claim.role]),
            )
            result.append(Finding(claim, phase, sign, measured, tuple(others)))
    return result
