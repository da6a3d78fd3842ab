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

import numpy as np

import calibration
import scenarios
from model.records import Benchmark, Regime
from outputs.names import number
from outputs.paths import work
from outputs.paths.facts import View
from outputs.paths.labelled import label
from outputs.paths.plan import PathPlan, plan
from outputs.validation import book, observed
from outputs.validation.book import Fact
from scenarios.sweeps.execution import InProcess

STEPS = (3.0, 10.0, 100.0, 1000.0)  # factors tried outwards, up and down, before the root is closed in on
EXACT = 0.02  # relative accuracy of the factor
MOST = 12  # evaluations within a bracket
FARTHEST = 1e4  # factor beyond which a straight line says nothing
DOUBTFUL = 3.0  # factor outside the range up to which a value is only doubtful
ZERO = {"sign"}  # kinds of facts of which the target is where the sign turns


Turn = Callable[[Benchmark, float], Benchmark]


@dataclass(frozen=True)
class Dial:
    """A parameter that can be turned: how, its default in words, and what a factor on it means."""

    name: str
    text: str
    turn: Turn
    meaning: str
    range_of: str  # the calibration's parameter that gives the default and the range


def scaled(name: str) -> Turn:
    """A parameter times a factor, everywhere."""

    def turn(benchmark: Benchmark, factor: float) -> Benchmark:
        parameters = benchmark.parameters
        changed: Benchmark = benchmark.replace(
            parameters=parameters.replace(**{name: factor * getattr(parameters, name)})
        )
        return changed

    return turn


def trade_in_elements(benchmark: Benchmark, factor: float) -> Benchmark:
    """The elasticity between origins of elements times a factor."""
    sigma = np.array(benchmark.parameters.trade_elasticity)
    sigma[benchmark.elements] *= factor
    changed: Benchmark = benchmark.replace(parameters=benchmark.parameters.replace(trade_elasticity=sigma))
    return changed


DIALS: Mapping[str, Dial] = {
    dial.name: dial
    for dial in (
        Dial("breadth", "breadth psi", scaled("breadth"),
             "what 1 % more rare-earth research adds to all other inputs, in %, at 1 % of rare earths in cost",
             "breadth"),
        Dial("spillover", "spillover phi", scaled("spillover"),
             "what 1 % more rare-earth research of others adds to one's own technology, in %", "spillover"),
        Dial("innovation_elasticity", "innovation elasticity lambda", scaled("innovation_elasticity"),
             "what 1 % more research adds to technology, in %", "innovation_elasticity"),
        Dial("ree_elasticity", "substitution elasticity eps of rare earths", scaled("ree_elasticity"),
             "by how many % the use of rare earths falls when they cost 1 % more; the value of a sector whose elements "
             "all have good substitutes", "ree_elasticity_max"),
        Dial("trade_elasticity", "elasticity sigma between origins of an oxide", trade_in_elements,
             "by how many % purchases from an origin fall when it alone is 1 % dearer", "trade_sigma_rare_earths"),
    )
}  # fmt: skip

# Facts and the parameters that could bring them about.
QUESTIONS: tuple[tuple[str, str], ...] = (
    ("price_abroad_2011", "ree_elasticity"),
    ("price_abroad_2012", "ree_elasticity"),
    ("price_in_china_Nd_2011", "ree_elasticity"),
    ("export_unit_value_2011", "ree_elasticity"),
    ("export_tonnes_2012", "ree_elasticity"),
    ("quota_use_2012", "ree_elasticity"),
    ("quota_use_2012", "innovation_elasticity"),
    ("share_of_China_in_Japanese_imports_2014", "trade_elasticity"),
    ("patents", "innovation_elasticity"),
    ("patents", "ree_elasticity"),
    ("exports", "breadth"),
    ("exports", "spillover"),
    ("exports", "innovation_elasticity"),
    ("tfp_japan", "breadth"),
    ("tfp_japan", "spillover"),
    ("tfp_japan", "innovation_elasticity"),
    ("tfp_china", "breadth"),
)


@dataclass(frozen=True)
class Answer:
    """The value that reproduces a fact, or how near the model comes."""

    fact: str
    text: str  # the fact in words
    dial: str
    target: float
    at_default: float
    default: float  # of the parameter
    factor: float  # nan when no factor that was solved reproduces the fact
    nearest: float  # what the model has at the factor, or at the one that comes nearest
    extrapolated: (
        float  # factor at which a straight line from the default through the nearest meets the fact; nan
    )
    low: float  # factors between which was searched
    high: float
    why_low: str  # why it ended there
    why_high: str
    plausible: str

    @property
    def value(self) -> float:
        """Of the parameter: the calibration's number times the factor; nan when there is none."""
        return self.default * self.factor


Evaluate = Callable[[float], float | str]  # what the model has at a factor, or why it was not solved


def answer(question: tuple[str, str], calibration_name: str, scenario_name: str) -> Answer:
    """Solve one question. Runs in a worker; loads what it needs. Raises KeyError for a fact that is not there."""
    dial = DIALS[question[1]]
    ready, default, span = _ready(calibration_name, scenario_name, dial.range_of)
    fact, evaluate = function(ready, question[0], dial)
    return search(fact, dial, evaluate, default, span)


def search(fact: Fact, dial: Dial, evaluate: Evaluate, default: float, span: tuple[float, float]) -> Answer:
    """Look for the factor at which the model meets a fact: outwards from 1, up and then down, then inwards."""
    target = 0.0 if fact.kind in ZERO else fact.observed
    first = evaluate(1.0)
    if isinstance(first, str):
        raise ValueError(f"{fact.name}: the path of the calibration was not solved ({first})")
    values, ended, bracket = {1.0: first}, {1: "the last tried", -1: "the last tried"}, None
    for direction in (1, -1):
        for step in STEPS:
            outer, found = step**direction, evaluate(step**direction)
            if isinstance(found, str):
                ended[direction] = found
                outer, found = _edge(evaluate, max(values) if direction > 0 else min(values), outer, values)
            values[outer] = found
            bracket = _bracket(values, target)
            if bracket or ended[direction] != "the last tried":
                break
        if bracket:
            break
    factor, extrapolated = math.nan, math.nan
    nearest_factor = min(values, key=lambda f: abs(values[f] - target))
    if bracket:
        factor, values[factor] = _root(evaluate, *bracket, values, target)
        nearest_factor = factor
    elif nearest_factor != 1:
        slope = (values[nearest_factor] - first) / (nearest_factor - 1)
        reached = 1 + (target - first) / slope
        extrapolated = reached if 0 < reached <= FARTHEST else math.nan
    return Answer(
        fact.name, fact.text, dial.name, target, first, default, factor, values[nearest_factor], extrapolated,
        min(values), max(values), ended[-1], ended[1],
        plausibility(factor, default, span, extrapolated),
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


def function(ready: PathPlan, fact_name: str, dial: Dial) -> tuple[Fact, Evaluate]:
    """A fact, and the model's number as a function of a factor on a parameter."""
    seen = observed.read()
    regimes: tuple[Regime, ...] = (ready.fullest,)
    elements = list(ready.calibration.labels.elements)
    fact = next(each for each in book.facts(seen, elements, list(ready.years)) if each.name == fact_name)
    if math.isnan(fact.observed):
        fixed = replace(ready, regimes=("exogenous",))
        first = label(fixed, work.run(fixed, InProcess()))
        assert first.dataset is not None
        year = int(fact_name.rsplit("_", 1)[1])
        fact = replace(fact, observed=book.index_observed(seen, View(first.dataset), year))

    def evaluate(factor: float) -> float | str:
        turned = replace(ready, benchmark=dial.turn(ready.benchmark, factor), regimes=regimes)
        found = label(turned, work.run(turned, InProcess()))
        if found.dataset is None or found.failed:
            why = " ".join(found.failed.values())
            return "technology feeds on itself" if "technology" in why else "a year has no equilibrium"
        return fact.model(View(found.dataset), ready.fullest)

    return fact, evaluate


def _edge(evaluate: Evaluate, good: float, bad: float, values: dict[float, float]) -> tuple[float, float]:
    """The factor nearest to one that cannot be solved that can, to ten per cent."""
    while abs(math.log(bad / good)) > 0.1:
        middle = math.sqrt(good * bad)
        found = evaluate(middle)
        if isinstance(found, str):
            bad = middle
        else:
            good, values[middle] = middle, found
    return good, values[good]


def _bracket(values: Mapping[float, float], target: float) -> tuple[float, float] | None:
    """Two neighbouring factors between which the target lies."""
    for (one, a), (two, b) in pairwise(sorted(values.items())):
        if (a - target) * (b - target) <= 0:
            return one, two
    return None


def _root(
    evaluate: Evaluate, low: float, high: float, known: Mapping[float, float], target: float
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
        if isinstance(value, str):
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


def plausibility(
    factor: float, default: float, span: tuple[float, float], extrapolated: float = math.nan
) -> str:
    """A judgement by rule: inside the calibration's range, outside it, or out of reach."""
    if math.isnan(factor):
        if math.isnan(extrapolated):
            return "no value does: the parameter does not move it that far"
        return (
            f"{plausibility(extrapolated, default, span)}; by extrapolation, the model has no solution there"
        )
    value, (low, high) = factor * default, span
    if low <= value <= high:
        return "plausible: within the calibration's range"
    gap = value / high if value > high else low / value if value > 0 else math.inf
    side = "above" if value > high else "below"
    word = "doubtful" if gap <= DOUBTFUL else "implausible"
    return f"{word}: {side} the calibration's range, by a factor of {number(gap, 2)}"
