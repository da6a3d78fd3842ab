"""A sweep's parts and everything wrong with them, each part by itself: what is wrong with one hides no other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from calibration import Calibration
from calibration.errors import InputError, Problem, unknown_name
from calibration.salvage import LEFT_OUT
from calibration.strict_yaml import Document, KeyPath
from model.records import Array, Regime
from model.variables import AXES
from scenarios.scenario import Place, Scenario
from scenarios.sweeps import cases as cases_of
from scenarios.sweeps import outcomes, sampling, targets
from scenarios.sweeps.cases import Read
from scenarios.sweeps.design import Design
from scenarios.sweeps.outcomes import Column


def _own(path: KeyPath) -> str:
    """A name that nothing else has."""
    return "x" + "".join(str(step) for step in path if isinstance(step, int))


# What is read in place of a value that is refused: nothing follows from it, for itself or for what stands beside it.
STAND_INS: Mapping[str, Any] = {
    **dict.fromkeys(("name", "title", "question", "scenarios.*"), "x"),
    **dict.fromkeys(
        (
            "calibration", "regimes", "add", "change", "factor", "distribution", "correlations", "notes", "select",
            "reduce", "measure", "minus", "year", "threshold", "scenario", "regime", "second_order", "points",
            "degree", "rotations",
        ),
        LEFT_OUT,
    ),
    **{f"{axis}.*": "all" for axis in ("quota", "all_but", *AXES.values())},
    "scenarios": {"x": "x"}, "design": {"type": "monte_carlo", "draws": 2, "seed": 0}, "draws": 1000, "seed": 0,
    "levels": 4, "vary": [{"path": "x"}], "path": _own, "vary.*.name": _own, "outcomes.*.name": _own,
    "vary.*": lambda path: {"path": _own(path)}, "between": ["x", "y"], "correlations.*.value": 0,
    "outcomes": [{"name": "x", "variable": "x"}], "variable": "x", "select.*": "all",
    "outcomes.*": lambda path: {"name": _own(path), "variable": "x"},
}  # fmt: skip


@dataclass(frozen=True)
class Parts:
    """What could be made of a sweep, and everything wrong with it."""

    cases: Mapping[str, Read]
    quotas: Mapping[str, tuple[str, ...] | None]  # names by scenario; None where they are not known
    laws: tuple[Any, ...]  # of each parameter; None where nothing sure can be said of it
    sound: tuple[int, ...]  # positions of parameters with nothing wrong with them
    columns: tuple[Column, ...]
    correlation: Array
    problems: tuple[Problem, ...]

    @property
    def readable(self) -> bool:
        """Whether nothing is wrong with the scenarios."""
        return all(case.right for case in self.cases.values())

    @property
    def scenarios(self) -> dict[str, Scenario]:
        """The scenarios by key."""
        return {key: case.scenario for key, case in self.cases.items()}

    @property
    def listed(self) -> dict[str, tuple[str, ...]]:
        """The quotas of the scenarios of which they are known."""
        return {key: names for key, names in self.quotas.items() if names is not None}


def gather(
    design: Design, documents: Mapping[str, Document], base: Calibration | None, whole: Place
) -> Parts:
    """The parts of a sweep; without a calibration as far as they need none."""
    cases, problems = {}, []
    for key in design.scenarios:
        cases[key], wrong = cases_of.read(key, design, documents.get(key), base, whole)
        problems += wrong
    quotas = {key: _quota_names(case, base) for key, case in cases.items()}
    laws, sound = [], []
    for at, varied in enumerate(design.vary):
        wrong, law = list(targets.problems(at, design, whole, cases, base)), None
        try:
            law = targets.law(varied, base, whole.at("vary", at))
        except InputError as error:
            wrong += error.problems
        laws.append(law)
        problems += wrong
        if law is not None and not wrong and whole.sure("vary", at):
            sound.append(at)
    scenarios = {key: case.scenario for key, case in cases.items()}
    given = outcomes.Given(scenarios, base.labels if base else None, quotas, _regimes(design, cases, whole))
    columns, wrong = outcomes.columns(design, whole, given)
    problems += wrong
    if not wrong and whole.sure("outcomes"):
        problems += _unread(columns, cases, whole)
    correlation, wrong = _correlation(design, whole)
    problems += wrong
    return Parts(cases, quotas, tuple(laws), tuple(sound), columns, correlation, tuple(problems))


def _quota_names(case: Read, base: Calibration | None) -> tuple[str, ...] | None:
    if base is None or not case.right:
        return None
    scenario = case.scenario
    shocks = [scenario.shock(base)] if scenario.years is None else scenario.path(base).shocks
    exports = (quota.name for shock in shocks for quota in shock.quotas)
    production = (quota.name for shock in shocks for quota in shock.production_quotas)
    return tuple(dict.fromkeys((*exports, *production)))


def _regimes(design: Design, cases: Mapping[str, Read], whole: Place) -> tuple[Regime, ...] | None:
    """The regimes of a sweep; None where they are not known."""
    first = next(iter(cases.values())).scenario
    if not whole.sure("regimes") or not (design.regimes or first.whole.sure("regimes")):
        return None
    return design.regimes or first.regimes


def _unread(columns: tuple[Column, ...], cases: Mapping[str, Read], whole: Place) -> list[Problem]:
    """Scenarios that no outcome reads."""
    read = {source.scenario for column in columns for source in (column.source, column.minus) if source}
    return [
        whole.problem(("scenarios", key), "no outcome reads it", "an outcome with `scenario:` or `minus:`")
        for key in cases
        if columns and key not in read
    ]


def _correlation(design: Design, whole: Place) -> tuple[Array, list[Problem]]:
    """Correlations of the parameters, and what is wrong with them; names are only known where all are read."""
    problems = []
    named = (whole.sure("vary", at, key) for at in range(len(design.vary)) for key in ("name", "path"))
    if all(named):
        problems = [
            whole.problem(("correlations", at, "between"), p.what, p.expected, p.suggestion)
            for at, entry in enumerate(design.correlations)
            if not whole.refused("correlations", at, "between")
            for p in (
                unknown_name("parameter", n, design.names) for n in entry.between if n not in design.names
            )
        ]
        if not problems and whole.sure("correlations"):
            try:
                return sampling.correlation_matrix(design), []
            except InputError as error:
                problems = [whole.problem(("correlations",), error.problems[0].what)]
    return np.eye(len(design.vary)), problems
