"""The inverse question: which value of a parameter would make the model reproduce a fact, and is it plausible?

Every evaluation is a path solved anew. A parameter is scaled, keeping its pattern over regions and sectors, until the
model meets the fact; the search ends at values at which technology feeds on itself or a year has no equilibrium.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Any

import calibration
import scenarios
from model.records import Parameters, Regime
from outputs.paths import work
from outputs.paths.facts import View
from outputs.paths.labelled import label
from outputs.paths.plan import PathPlan, plan
from outputs.validation import book, observed
from scenarios.sweeps.execution import InProcess

STEPS = (
    1.0,
    3.0,
    10.0,
    100.0,
    1000.0,
)  # factors tried outwards, up and down, before the root is closed in on
EXACT = 0.02  # relative accuracy of the factor
MOST = 12  # evaluations within a bracket


@dataclass(frozen=True)
class Dial:
    """A parameter that can be turned: how, its default in words, and what a factor on it means."""

    name: str
    text: str
    turn: Callable[[Parameters, float], Parameters]
    meaning: str
    range_of: str  # the calibration's parameter that gives the default and the range


def _scaled(name: str) -> Callable[[Parameters, float], Parameters]:
    def turn(parameters: Parameters, factor: float) -> Parameters:
        changed: Parameters = parameters.replace(**{name: factor * getattr(parameters, name)})
        return changed

    return turn


DIALS: Mapping[str, Dial] = {
    dial.name: dial
    for dial in (
        Dial("breadth", "breadth psi", _scaled("breadth"),
             "what 1 % more rare-earth research adds to all other inputs, in %, at 1 % of rare earths in cost",
             "breadth"),
        Dial("spillover", "spillover phi", _scaled("spillover"),
             "what 1 % more rare-earth research of others adds to one's own technology, in %", "spillover"),
        Dial("innovation_elasticity", "innovation elasticity lambda", _scaled("innovation_elasticity"),
             "what 1 % more research adds to technology, in %", "innovation_elasticity"),
        Dial("ree_elasticity", "substitution elasticity eps of rare earths", _scaled("ree_elasticity"),
             "by how many % the use of rare earths falls when they cost 1 % more", "ree_elasticity_max"),
    )
}  # fmt: skip

# Facts and the parameters that could bring them about.
QUESTIONS: tuple[tuple[str, str], ...] = (
    ("price_abroad_2011", "ree_elasticity"),
    ("patents", "innovation_elasticity"),
    ("patents", "ree_elasticity"),
    ("exports", "breadth"),
    ("exports", "spillover"),
    ("exports", "innovation_elasticity"),
    ("tfp_japan", "breadth"),
    ("tfp_japan", "innovation_elasticity"),
    ("mitigated", "innovation_elasticity"),
    ("mitigated", "spillover"),
)


@dataclass(frozen=True)
class Answer:
    """The value that reproduces a fact, or how near the model comes."""

    fact: str
    dial: str
    target: float
    at_default: float
    default: float  # of the parameter
    factor: float  # nan when no factor reproduces the fact
    value: float  # of the parameter, the calibration's number times the factor
    nearest: float  # what the model has at the factor, or at the one that comes nearest
    tried: str  # the factors between which was searched, and why it ended
    plausible: str


def answer(question: tuple[str, str], calibration_name: str, scenario_name: str) -> Answer:
    """Solve one question. Runs in a worker; loads what it needs."""
    fact_name, dial = question[0], DIALS[question[1]]
    ready, default, span = _ready(calibration_name, scenario_name, dial.range_of)
    target, evaluate = _function(ready, fact_name, dial)
    values = {1.0: evaluate(1.0)}
    reason = "the factors tried"
    at_default = values[1.0]
    assert at_default is not None
    bracket = None
    for direction in (1, -1):
        for step in STEPS[1:]:
            factor = step**direction
            values[factor] = evaluate(factor)
            if values[factor] is None:
                factor, values[factor] = _edge(evaluate, _last(values, direction), factor, values)
                reason = "the edge of what can be solved"
            bracket = _bracket(values, target)
            if bracket or reason.startswith("the edge"):
                break
        if bracket:
            break
    found = {f: v for f, v in values.items() if v is not None}
    if bracket:
        factor, value = _root(evaluate, *bracket, found, target)
    else:
        factor = math.nan
        value = min(found.values(), key=lambda v: abs(v - target))
    span_tried = f"{min(found):.3g} to {max(found):.3g}, {reason}"
    return Answer(
        fact_name, dial.name, target, at_default, default, factor, default * factor, value, span_tried,
        plausibility(factor, default, span),
    )  # fmt: skip


@lru_cache(maxsize=2)
def _path(calibration_name: str, scenario_name: str) -> PathPlan:
    base = calibration.load(calibration_name)
    scenario = scenarios.load(scenario_name, base)
    options: dict[str, Any] = {"decompose": False, "security": False, "companion": False}
    return plan(scenario, base, **options)


def _ready(
    calibration_name: str, scenario_name: str, name: str
) -> tuple[PathPlan, float, tuple[float, float]]:
    """The path, and the default and range of a parameter (a range of factors is made one of levels)."""
    ready = _path(calibration_name, scenario_name)
    row = next(row for row in ready.calibration.parameters_table if row.name == name)
    value = row.value["default"] if isinstance(row.value, dict) else row.value
    low, high = row.range or (1.0, 1.0)
    if isinstance(row.value, dict):
        low, high = low * value, high * value
    return ready, float(value), (float(low), float(high))


def _function(ready: PathPlan, fact_name: str, dial: Dial) -> tuple[float, Callable[[float], float | None]]:
    """The observed value, and the model's as a function of the factor; None where a path cannot be solved."""
    seen = observed.read()
    regimes: tuple[Regime, ...] = (
        ("exogenous", ready.fullest) if fact_name == "mitigated" else (ready.fullest,)
    )
    elements = list(ready.calibration.labels.elements)
    fact = next(each for each in book.facts(seen, elements, list(ready.years)) if each.name == fact_name)
    target = fact.observed

    def evaluate(factor: float) -> float | None:
        parameters = dial.turn(ready.benchmark.parameters, factor)
        turned = replace(ready, benchmark=ready.benchmark.replace(parameters=parameters), regimes=regimes)
        found = label(turned, work.run(turned, InProcess()))
        if found.dataset is None or found.failed:
            return None
        return fact.model(View(found.dataset), ready.fullest)

    if math.isnan(target):
        fixed = replace(ready, regimes=("exogenous",))
        first = label(fixed, work.run(fixed, InProcess()))
        assert first.dataset is not None
        target = book.index_observed(seen, View(first.dataset), int(fact_name.rsplit("_", 1)[1]))
    return target, evaluate


def _last(values: Mapping[float, float | None], direction: int) -> float:
    """The outermost factor in a direction that could be solved."""
    solved = [f for f, v in values.items() if v is not None]
    return max(solved) if direction > 0 else min(solved)


def _edge(
    evaluate: Callable[[float], float | None], good: float, bad: float, values: dict[float, float | None]
) -> tuple[float, float | None]:
    """The factor nearest to one that cannot be solved that can, to ten per cent."""
    while abs(math.log(bad / good)) > 0.1:
        middle = math.sqrt(good * bad)
        values[middle] = evaluate(middle)
        good, bad = (middle, bad) if values[middle] is not None else (good, middle)
    return good, values[good]


def _bracket(values: Mapping[float, float | None], target: float) -> tuple[float, float] | None:
    """Two neighbouring factors between which the target lies."""
    known = sorted((f, v) for f, v in values.items() if v is not None)
    for (one, a), (two, b) in pairwise(known):
        if (a - target) * (b - target) <= 0:
            return one, two
    return None


def _root(
    evaluate: Callable[[float], float | None],
    low: float,
    high: float,
    known: Mapping[float, float],
    target: float,
) -> tuple[float, float]:
    """The factor at which the model meets the target: false position (Illinois) in logs of the factor."""
    a, b = math.log(low), math.log(high)
    fa, fb = known[low] - target, known[high] - target
    best = (low, known[low]) if abs(fa) < abs(fb) else (high, known[high])
    for _ in range(MOST):
        if abs(b - a) < EXACT or best[1] == target:
            break
        middle = b - fb * (b - a) / (fb - fa) if fb != fa else (a + b) / 2
        middle = min(max(middle, min(a, b) + EXACT / 4), max(a, b) - EXACT / 4)
        value = evaluate(math.exp(middle))
        if value is None:
            break
        if abs(value - target) < abs(best[1] - target):
            best = (math.exp(middle), value)
        if abs(value - target) <= 1e-3 * abs(target):
            break
        if (value - target) * fb <= 0:
            a, fa = b, fb
        else:
            fa /= 2
        b, fb = middle, value - target
    return best


def plausibility(factor: float, default: float, span: tuple[float, float]) -> str:
    """A judgement by rule: inside the calibration's range, outside it, or out of reach."""
    if math.isnan(factor):
        return "no value does"
    value, (low, high) = factor * default, span
    if low <= value <= high:
        return "plausible: within the calibration's range"
    gap = value / high if value > high else low / value if value > 0 else math.inf
    side = "above" if value > high else "below"
    if gap <= 3:
        return f"doubtful: {side} the calibration's range, by a factor of {gap:.2g}"
    return f"implausible: {side} the calibration's range, by a factor of {gap:.2g}"
