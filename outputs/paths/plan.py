"""A scenario over years, made ready to be solved: what every worker needs to know of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from calibration import Calibration
from model.path import even, hold_stocks
from model.records import REGIMES, Array, Benchmark, Regime
from model.security import embargo
from model.stability import check_speeds
from outputs import dataset
from outputs.dataset import Frame
from outputs.focus import marks, restricting_regions
from scenarios import Scenario
from scenarios.shocks import PathInputs

CUTS = (0.5,)  # shares of a year's exports that the security measures take away at once


@dataclass(frozen=True)
class PathPlan:
    """A scenario over years on a calibration."""

    scenario: Scenario
    calibration: Calibration
    regimes: tuple[Regime, ...]
    benchmark: Benchmark
    inputs: PathInputs
    frame: Frame
    stocks: Array  # (t,n,k) tonnes held at the start of each year
    closed: Array  # (i,n,k) bool: exports of elements by the restricting regions
    cuts: tuple[float, ...] = CUTS
    decompose: bool = True
    security: bool = True
    companion: bool = True  # the same path with forgetting as fast as learning
    by_instrument: str = ""  # `name` or `type`: also ask what each instrument brought about

    @property
    def fullest(self) -> Regime:
        """The regime with most forces: what decompositions decompose."""
        return self.regimes[-1]

    @property
    def years(self) -> tuple[int, ...]:
        """The years in order."""
        return self.inputs.years

    @property
    def even_benchmark(self) -> Benchmark:
        """The base year with forgetting as fast as learning."""
        changed: Benchmark = self.benchmark.replace(parameters=even(self.benchmark.parameters))
        return changed


def plan(scenario: Scenario, calibration: Calibration, **options: Any) -> PathPlan:
    """Make a scenario over years ready. Raises InputError when it does not fit, ValueError on unstable speeds."""
    benchmark = scenario.benchmark(calibration)
    check_speeds(benchmark.parameters)
    inputs = scenario.path(calibration)
    restricting = restricting_regions(benchmark, *inputs.shocks)
    wanted = options.pop("regimes", None) or scenario.regimes
    elements = np.isin(np.arange(benchmark.final.shape[1]), benchmark.elements)
    closed = np.zeros(benchmark.export_tax.shape, dtype=bool)
    for origin in np.flatnonzero(restricting):
        closed |= embargo(benchmark, int(origin), elements)
    return PathPlan(
        scenario,
        calibration,
        tuple(regime for regime in REGIMES if regime in wanted),
        benchmark,
        inputs,
        frame(scenario, calibration, benchmark, inputs, restricting),
        hold_stocks(inputs.shocks, inputs.initial_stocks),
        closed,
        **options,
    )


def frame(
    scenario: Scenario, calibration: Calibration, benchmark: Benchmark, inputs: PathInputs, restricting: Array
) -> Frame:
    """What all years share: labels, base-year values, exposure, groups, and the quotas of any year."""
    quotas = {quota.name: quota for shock in inputs.shocks for quota in dataset.all_quotas(benchmark, shock)}
    base, marked = dataset.base_solution(benchmark), marks(benchmark, restricting, calibration)
    return dataset.frame(
        calibration.labels, benchmark, base, tuple(quotas.values()), restricting, marked, scenario.coalitions
    )
