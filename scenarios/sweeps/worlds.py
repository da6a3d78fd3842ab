"""What a draw's numbers come to: a calibration, and scenarios with their base year."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

import calibration
from calibration import Calibration
from calibration.errors import InputError
from model.records import Array, Benchmark, Labels
from model.solution import SolveError
from scenarios.scenario import Scenario
from scenarios.sweeps import targets

if TYPE_CHECKING:
    from scenarios.sweeps.study import Study

# What a draw may fail with; anything else is a fault of the program and stops the sweep.
FAILURES = (InputError, SolveError, ValueError, ArithmeticError, np.linalg.LinAlgError)


class Told(ValueError):
    """A failure whose words are for the reader as they stand."""


@dataclass(frozen=True)
class World:
    """A scenario with the numbers of a draw."""

    key: str
    scenario: Scenario
    calibration: Calibration
    benchmark: Benchmark


def reason(where: str, error: BaseException, labels: Labels) -> str:
    """Why something failed, in a line that fits a table. An error that no one foresaw says its type."""
    text = str(error) if isinstance(error, InputError | Told) else f"{type(error).__name__}: {error}"
    if isinstance(error, SolveError):
        text = error.told(labels)
    else:
        text = " ".join([text, *getattr(error, "__notes__", ())])
    return " ".join(f"{where}: {text}".split()).removeprefix(": ")[:500]


def worlds(study: Study, row: Array) -> dict[str, World]:
    """The scenarios of a draw (parameter,) by their key in the sweep. Raises InputError."""
    values = dict(zip(study.design.names, row.tolist(), strict=True))
    changes = targets.calibration_changes(study.design, values)
    base = calibration.vary(study.calibration, changes) if changes else study.calibration
    found: dict[str, World] = {}
    for key, scenario in study.cases.items():
        if study.touched[key]:
            scenario = study.read(targets.edited(study.documents[key], scenario, study.design, values))
        found[key] = World(key, scenario, base, _benchmark(scenario, base, found))
    return found


def _benchmark(scenario: Scenario, base: Calibration, found: Mapping[str, World]) -> Benchmark:
    """A scenario's base year: the very one of an earlier scenario with the same settings, so that what is computed of
    it once, such as whether technology settles, serves both."""
    for world in found.values():
        same = world.scenario.parameters == scenario.parameters
        if same and world.scenario.deficits == scenario.deficits:
            return world.benchmark
    return scenario.benchmark(base)
