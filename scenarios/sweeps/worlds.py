"""What a draw's numbers come to: a calibration, and scenarios with their base year."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

import calibration
from calibration import Calibration
from calibration.errors import InputError
from model.records import Array, Benchmark
from model.solution import SolveError
from scenarios.scenario import Scenario
from scenarios.sweeps import targets

if TYPE_CHECKING:
    from scenarios.sweeps.study import Study

# What a draw may fail with; anything else is a fault of the program and stops the sweep.
FAILURES = (InputError, SolveError, ValueError, ArithmeticError, np.linalg.LinAlgError)


@dataclass(frozen=True)
class World:
    """A scenario with the numbers of a draw."""

    key: str
    scenario: Scenario
    calibration: Calibration
    benchmark: Benchmark


def worlds(study: Study, row: Array) -> dict[str, World]:
    """The scenarios of a draw (parameter,) by their key in the sweep. Raises InputError."""
    values = dict(zip(study.design.names, row.tolist(), strict=True))
    changes = targets.calibration_changes(study.design, values)
    base = calibration.vary(study.calibration, changes) if changes else study.calibration
    return {key: _world(study, key, base, values) for key in study.cases}


def _world(study: Study, key: str, base: Calibration, values: Mapping[str, float]) -> World:
    scenario = study.cases[key]
    if study.touched[key]:
        scenario = study.read(targets.edited(study.documents[key], scenario, study.design, values))
    return World(key, scenario, base, scenario.benchmark(base))
