"""From the controls to a scenario: what the page shows, exports and solves is one and the same YAML text."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import yaml

import scenarios
from calibration import Calibration
from calibration.errors import InputError, Problem, unknown_name
from model.records import Array
from outputs.explorer.state import State
from outputs.focus import restricting_regions
from scenarios import Scenario, library

CHAIN = ("ree_mining", "ree_separation")  # the stages that the capacity control enlarges
# A judgement: plant costs about two years' sales and is written off in ten.
PLANT_COST = {"value": 0.2, "unit": "ratio", "source": "yearly cost of plant over sales", "status": "analyst"}
DEFENCE = ("electrical_optical", "machinery", "transport_equipment")
# New orders of defence capital goods over US final demand for equipment, as in scenarios/military-demand-bull.yaml.
DEFENCE_SHARE = 0.124
SET_HERE = {"source": "set in the explorer", "status": "analyst"}


def offered() -> dict[str, str]:
    """Scenarios that are one equilibrium, by name, with their titles; paths and tax equivalents are not offered."""
    return {name: scenario.title for name, scenario in _loaded().items()}


@cache
def _loaded() -> dict[str, Scenario]:
    loaded = {name: scenarios.load(path) for name, path in library.available().items()}
    return {n: s for n, s in loaded.items() if s.horizon != "path" and s.tax_equivalent_of is None}


def shipped(name: str) -> Scenario:
    """A scenario that is offered. Raises InputError on any other name, so that no path is ever opened."""
    if name not in _loaded():
        raise InputError(unknown_name("scenario", name, offered(), where="scenario"))
    return _loaded()[name]


def text(state: State, base: Calibration) -> str:
    """The scenario of a state as YAML; `scenarios.parse` reads it. Raises InputError."""
    scenario = shipped(state.scenario)
    original = _original(scenario)
    data: dict[str, Any] = copy.deepcopy(original)
    data["instruments"] = list(data.get("instruments", []))
    data["regimes"] = [state.regime]
    first = scenario.year or base.year + 1
    if not scenario.year:
        data["year"] = first
    _time(data, state, first)
    if state.cut is not None:
        _cut(data, state.cut, base)
    if state.capacity > 1 and horizon(state, scenario) != "capacity":
        data["instruments"] += _plant(state.capacity, base, _restricting(data, base), first)
    if state.military != 1:
        data["instruments"].append(_military(state.military, base))
    _parameters(data, state, scenario.benchmark(base).parameters, base)
    if not data["instruments"]:
        del data["instruments"]
    if data != original:
        data["name"] = f"{str(data['name'])[:60]}-explored"
        data["title"] = f"{data['title']} (changed in the explorer)"
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=110)


def _original(scenario: Scenario) -> dict[str, Any]:
    """What stands in a scenario's file, less what leads to other files."""
    document = scenario.whole.document
    assert document is not None
    return {key: value for key, value in document.data.items() if key != "compare_with"}


def horizon(state: State, scenario: Scenario) -> str:
    """What may respond: the control's setting, or the file's in the control's words."""
    if state.horizon is not None:
        return state.horizon
    if scenario.horizon == "long":
        return "capacity" if "capacity" in scenario.at_target else "technology"
    return scenario.horizon


def _time(data: dict[str, Any], state: State, first: int) -> None:
    """Horizon, years and what is at its target."""
    if state.horizon is None:
        return
    data.pop("at_target", None)
    if state.horizon == "path":
        data.pop("year", None)
        data |= {"horizon": "path", "years": f"{first}-{first + state.years}"}
    elif state.horizon == "short":
        data["horizon"] = "short"
    else:
        both = ["technology", "capacity"]
        data |= {"horizon": "long", "at_target": both if state.horizon == "capacity" else ["technology"]}


def _cut(data: dict[str, Any], cut: float, base: Calibration) -> None:
    """Every quota and embargo on exports leaves what the cut leaves of base-year tonnes; without any, one is added."""
    limit = {"value": round(100 - cut, 6), "unit": "%", **SET_HERE}
    found = [line for line in data["instruments"] if line["type"] in ("export_quota", "embargo")]
    for line in found:
        line["type"] = "export_quota"
        line["limit"] = dict(limit)
    if not found and cut > 0:
        origin = _largest_maker(base)
        quota = {
            "type": "export_quota",
            "name": "explorer-quota",
            "origins": origin,
            "elements": "all",
            "limit": limit,
        }
        data["instruments"].append(quota)


def _restricting(data: Mapping[str, Any], base: Calibration) -> set[str]:
    """Regions that the instruments so far restrict."""
    scenario = scenarios.parse(data)
    mask = restricting_regions(base.benchmark, scenario.shock(base, scenario.span[0]))
    return {region for region, own in zip(base.labels.regions, mask, strict=True) if own}


def _largest_maker(base: Calibration) -> str:
    return base.labels.regions[int(np.flatnonzero(restricting_regions(base.benchmark))[0])]


def _plant(multiple: float, base: Calibration, own: set[str], first: int) -> list[dict[str, Any]]:
    """More mines and separation in every region that has some and does not restrict."""
    b, labels = base.benchmark, base.labels
    lines = []
    for stage in (name for name in CHAIN if name in labels.stages):
        sales = b.output[:, b.stage_sector[labels.stages.index(stage)]]
        for region, value in zip(labels.regions, sales, strict=True):
            if region in own or value <= 0:
                continue
            spending = float(f"{(multiple - 1) * value * PLANT_COST['value']:.10g}")
            lines.append(
                {
                    "type": "capacity_investment",
                    "name": f"explorer-{stage.replace('_', '-')}-{region.lower()}",
                    "region": region,
                    "stage": stage,
                    "from": first,
                    "until": first,
                    "spending": {"value": spending, **SET_HERE},
                    "capacity_cost": dict(PLANT_COST),
                    "build_time": 0,
                }
            )
    return lines


def _military(multiple: float, base: Calibration) -> dict[str, Any]:
    """More or less US demand for defence equipment. Raises InputError where there is no USA or no such goods."""
    goods = [good for good in DEFENCE if good in base.labels.goods]
    if "USA" not in base.labels.regions or not goods:
        raise InputError(
            Problem("the calibration has no USA or no equipment sectors", where="military", expected="1")
        )
    return {
        "type": "demand_shift", "name": "explorer-military", "regions": "USA", "goods": goods,
        "multiplier": {"value": multiple, **SET_HERE},
        "share": {"value": DEFENCE_SHARE, "source": "as in military-demand-bull", "status": "computed"},
    }  # fmt: skip


def _parameters(data: dict[str, Any], state: State, now: Any, base: Calibration) -> None:
    """Elasticities times their controls, written out as numbers."""
    labels = base.labels
    for name, scale, rows, columns in (
        ("ree_elasticity", state.substitution, labels.sectors, ()),
        ("innovation_elasticity", state.research, labels.regions, labels.technologies),
    ):
        if scale == 1:
            continue
        kept = data.get("parameters", {})
        data["parameters"] = {key: kept[key] for key in kept if key.split(".")[0] != name}
        data["parameters"][name] = _compact(scale * getattr(now, name), rows, columns)


def _compact(values: Array, rows: Sequence[str], columns: Sequence[str]) -> Any:
    """Numbers by label, and by label within label; one number where all are the same."""
    if (values == values.flat[0]).all():
        return _digits(values.flat[0])
    if values.ndim == 1:
        return {row: _digits(value) for row, value in zip(rows, values, strict=True)}
    return {row: _compact(line, columns, ()) for row, line in zip(rows, values, strict=True)}


def _digits(value: float) -> float:
    """Ten significant digits: short in the file, and exact enough not to be seen in any result."""
    return float(f"{value:.10g}")
