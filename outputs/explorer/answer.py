"""From a state to what the page draws: the scenario solved, and its numbers as text from `outputs.facts`."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import xarray as xr

import calibration
import scenarios
from calibration import Calibration
from calibration.errors import InputError, unknown_name
from model.path import simulate
from model.records import Array, Benchmark, Closure, Shock
from model.solution import Solution, SolveError
from model.solve import solve
from outputs import dataset, facts
from outputs.dataset import Frame
from outputs.explorer import question, tables
from outputs.explorer.state import State
from outputs.focus import marks, restricting_regions
from scenarios import Scenario

KEPT = 8  # paths and starts that are remembered


@dataclass
class World:
    """A calibration with what does not depend on the shock."""

    calibration: Calibration
    base: Solution
    marks: dict[bytes, dict[str, Array]] = field(
        default_factory=dict
    )  # exposure and the like by restricting regions
    starts: OrderedDict[Any, Solution] = field(default_factory=OrderedDict)
    paths: OrderedDict[Any, tuple[Solution, ...]] = field(default_factory=OrderedDict)

    def marked(self, restricting: Array) -> dict[str, Array]:
        """(n,j) and (j,) arrays that say which sectors are exposed; once for each set of restrictors."""
        key = restricting.tobytes()
        if key not in self.marks:
            self.marks[key] = marks(self.calibration.benchmark, restricting, self.calibration)
        return self.marks[key]


class Answers:
    """Solves states one after another and remembers calibrations and starting points."""

    def __init__(self) -> None:
        self.worlds: dict[str, World] = {}

    def __call__(self, state: State) -> dict[str, Any]:
        """What the page shows for a state. Raises InputError when the state asks for what does not exist."""
        began = time.perf_counter()
        world = self.world(question.shipped(state.scenario).calibration)
        base = world.calibration
        region = _known("region", state.region, base.labels.regions, "JPN")
        sector = _known("sector", state.sector, base.labels.sectors, "electrical_optical")
        content = question.text(state, base)
        scenario = scenarios.parse(content, base)
        found = {
            "yaml": content,
            "controls": tables.controls(state, scenario, base, region, sector),
            "calibration": f"{base.name}: {base.title}",
            "limits": list(base.limits),
        }
        try:
            ds, message = _solved(world, scenario, state)
        except (SolveError, ValueError, ArithmeticError) as error:  # the last two: paths that do not settle
            why = error.told(base.labels) if isinstance(error, SolveError) else str(error)
            return found | {"solved": False, "message": why, "seconds": _since(began)}
        shown = tables.all_tables(ds, scenario, state.regime, region, sector)
        return found | shown | {"solved": True, "message": message, "seconds": _since(began)}

    def world(self, name: str) -> World:
        """A calibration, read once. Raises InputError."""
        if name not in self.worlds:
            base = calibration.load(name)
            self.worlds[name] = World(base, solve(base.benchmark))
        return self.worlds[name]


def _known(what: str, name: str, labels: tuple[str, ...], preferred: str) -> str:
    """A label of the calibration; when none is given the preferred one, or the first. Raises InputError."""
    if not name:
        return preferred if preferred in labels else labels[0]
    if name not in labels:
        raise InputError(unknown_name(what, name, labels, where=what))
    return name


def _since(began: float) -> float:
    return round(time.perf_counter() - began, 4)


def _solved(world: World, scenario: Scenario, state: State) -> tuple[xr.Dataset, str]:
    """The Dataset of the scenario, in its only or its last year, and the solver's words. Raises SolveError."""
    benchmark = scenario.benchmark(world.calibration)
    if scenario.horizon == "path":
        shock = scenario.shock(world.calibration, scenario.last)
        solution = _on_path(world, scenario, benchmark, state)
    else:
        shock = scenario.shock(world.calibration)
        solution = _once(world, benchmark, shock, scenario.closure(state.regime), state)
    frame = _frame(world, benchmark, shock)
    case = dataset.case(solution, world.base, shock, frame)
    ds = dataset.assemble({(state.regime, None): case}, frame, scenario.name, {"title": scenario.title})
    return facts.one_scenario(ds), case.message


def _once(world: World, benchmark: Benchmark, shock: Shock, closure: Closure, state: State) -> Solution:
    """One equilibrium, begun at the last one like it: a slider moves in small steps."""
    key = (state.scenario, closure)
    solution = solve(benchmark, shock, closure, start=world.starts.get(key))
    _remember(world.starts, key, lambda: solution, renew=True)
    return solution


def _on_path(world: World, scenario: Scenario, benchmark: Benchmark, state: State) -> Solution:
    """The last year of a path. A path that was solved is kept, so that only a longer one is solved again."""
    key = state.model_copy(update={"years": 0, "region": "", "sector": ""})
    known = world.paths.get(key, ())
    if len(known) <= state.years:
        asked = scenario.path(world.calibration)
        path = simulate(
            benchmark, asked.years, asked.shocks, state.regime,
            added_capacity=asked.added_capacity, initial_stocks=asked.initial_stocks,
        )  # fmt: skip
        known = _remember(world.paths, key, lambda: path.solutions, renew=True)
    return known[state.years]


def _remember(kept: OrderedDict[Any, Any], key: Any, make: Callable[[], Any], renew: bool = False) -> Any:
    """Keep the newest few."""
    if renew or key not in kept:
        kept[key] = make()
    kept.move_to_end(key)
    while len(kept) > KEPT:
        kept.popitem(last=False)
    return kept[key]


def _frame(world: World, benchmark: Benchmark, shock: Shock) -> Frame:
    """Labels and base year: as `experiment.plan` makes it, with what does not change taken from memory."""
    restricting = restricting_regions(benchmark, shock)
    quotas = dataset.all_quotas(benchmark, shock)
    marked = world.marked(restricting)
    return dataset.frame(world.calibration.labels, benchmark, world.base, quotas, restricting, marked)
