"""Whether the ranges of a sweep can be built, found out before the first solve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

import calibration
from calibration.errors import InputError, Problem
from scenarios.scenario import Place
from scenarios.sweeps import targets
from scenarios.sweeps.design import Design

if TYPE_CHECKING:
    from scenarios.sweeps.study import Study


def problems(study: Study, whole: Place, positions: Sequence[int]) -> list[Problem]:
    """Both ends of every range and a point between can be built, so that a wrong one is found before any solve.

    positions: of the study's parameters in the file.
    """
    design, found = study.design, []
    centre = {n: float(law.quantile(np.array(0.5))) for n, law in zip(design.names, study.laws, strict=True)}
    # Where the middle itself cannot be built each number is tried alone, so that only the wrong ones are blamed.
    together = _fault(study, design, centre) is None
    for at, varied, law in zip(positions, design.vary, study.laws, strict=True):
        tried = design if together else design.model_copy(update={"vary": (varied,)})
        # Between the ends, too: a year there is no whole number.
        for end in (*law.bounds, float(law.quantile(np.array(0.382)))):
            problem = _fault(study, tried, centre | {str(varied.name): end})
            if problem is not None:
                where = f"{problem.where}: " if problem.where else ""
                text = f"at {varied.name} = {end:g}: {where}{problem.what}"
                found.append(whole.problem(("vary", at), text, problem.expected, problem.suggestion))
                break
    if not together and not found:
        problem = _fault(study, design, centre)
        assert problem is not None
        found.append(
            whole.problem(("vary",), f"in the middle of all ranges: {problem.what}", problem.expected)
        )
    return found


def _fault(study: Study, design: Design, values: Mapping[str, float]) -> Problem | None:
    """What keeps the base years of a draw from being built; None when nothing does."""
    try:
        changes = targets.calibration_changes(design, values)
        base = calibration.vary(study.calibration, changes) if changes else study.calibration
        for key, case in study.cases.items():
            if study.touched[key]:
                case = study.read(targets.edited(study.documents[key], case, design, values))
            case.benchmark(base)
    except InputError as error:
        return error.problems[0]
    return None
