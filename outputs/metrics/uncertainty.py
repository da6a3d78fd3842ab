"""Exposure when the soft numbers behind it are drawn from their ranges: the base year is built anew for every draw."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import qmc, rankdata

from calibration.errors import InputError
from calibration.load import build
from calibration.schema import CalibrationFile
from model.ces import shares_of
from model.exposure import (
    Flows,
    first_use,
    governed_concentration,
    region_exposure,
    supply_shares,
    world_table,
)
from model.records import Array
from outputs.metrics.base import Base

LOW, HIGH = 0.05, 0.95  # of the intervals that are reported
REFINED = 1e-10
ROUNDS = 60


@dataclass(frozen=True)
class Draws:
    """Draws of the index, complete ones only."""

    index: Array  # (d,m) USD at risk per million USD of output
    production: Array  # (d,n) of `RegionExposure`
    consumption: Array  # (d,n)
    parameters: int  # numbers that were drawn
    failed: tuple[str, ...]  # why draws have no base year

    def quantiles(self, values: Array) -> Array:
        """(3,...) low, median and high of draws along the first axis."""
        return np.quantile(values, (LOW, 0.5, HIGH), axis=0)


def ranks(values: Array) -> Array:
    """Ranks along the last axis, 1 for the largest; equal values share the mean of their ranks."""
    return np.asarray(rankdata(-values, axis=-1))


@dataclass(frozen=True)
class _Leaf:
    """A number of the calibration that is drawn: its place, its value and the range it is drawn from."""

    section: str
    entry: str
    path: tuple[str, ...]  # within the value
    low: float
    high: float
    value: float

    def at(self, quantile: float) -> float:
        """The number at a quantile of its range: uniform in logs, or in levels where the range holds 0."""
        if self.low <= 0:
            return self.low + (self.high - self.low) * quantile
        return float(self.low * (self.high / self.low) ** quantile)


def leaves(settings: CalibrationFile) -> list[_Leaf]:
    """Every number with a range that exposure depends on: the rare-earth chain, and scores."""
    found = []
    for section, names in (("rare_earths", None), ("parameters", ("substitutability",))):
        group = getattr(settings, section)
        for name in names or type(group).model_fields:
            entry = getattr(group, name)
            if entry is None:
                continue
            factor = getattr(entry, "range_factor", None)
            low, high = factor or entry.range
            if low == high:
                continue
            for path, value in _numbers(entry.value):
                bounds = (low * value, high * value) if factor else (low, high)
                if value != 0:
                    found.append(_Leaf(section, name, path, *bounds, value))
    return found


def _numbers(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], float]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _numbers(inner, (*path, key))
    else:
        yield path, float(value)


def drawn(settings: CalibrationFile, numbers: list[_Leaf], quantiles: Array) -> CalibrationFile:
    """Settings with every leaf at its quantile. Shares that sum to 1 are scaled back to it; bounds are kept."""
    values: dict[tuple[str, str], Any] = {}
    for leaf, quantile in zip(numbers, quantiles, strict=True):
        key = (leaf.section, leaf.entry)
        if key not in values:
            given = getattr(getattr(settings, leaf.section), leaf.entry).value
            values[key] = _copy(given)
        if not leaf.path:
            values[key] = leaf.at(quantile)
            continue
        inner = values[key]
        for step in leaf.path[:-1]:
            inner = inner[step]
        inner[leaf.path[-1]] = leaf.at(quantile)
    changes: dict[str, dict[str, Any]] = {"rare_earths": {}, "parameters": {}}
    for (section, name), value in values.items():
        entry = getattr(getattr(settings, section), name)
        changes[section][name] = entry.model_copy(update={"value": _sensible(entry, value)})
    return settings.model_copy(
        update={
            section: getattr(settings, section).model_copy(update=new) for section, new in changes.items()
        }
    )


def _copy(value: Any) -> Any:
    return {key: _copy(inner) for key, inner in value.items()} if isinstance(value, dict) else value


def _sensible(entry: Any, value: Any) -> Any:
    """Drawn values within what they can be: shares at most 1, scores at most 100, mixes summing to 1 as before."""
    old = entry.value
    if not isinstance(value, dict):
        return value
    if any(isinstance(inner, dict) for inner in value.values()):
        return {key: _mix(old[key], inner) for key, inner in value.items()}
    top = 100.0 if "score" in entry.unit else 1.0 if max(old.values()) <= 1 else np.inf
    return _mix(old, {key: min(inner, top) for key, inner in value.items()})


def _mix(old: dict[str, float], new: dict[str, float]) -> dict[str, float]:
    if abs(sum(old.values()) - 1) > 1e-9:
        return new
    total = sum(new.values())
    return {key: value / total for key, value in new.items()}


def draw(base: Base, count: int, seed: int, progress: Callable[[], object] | None = None) -> Draws:
    """Draw the index `count` times (Latin hypercube). A draw without a base year is left out and its reason kept."""
    given = base.calibration
    numbers = leaves(given.settings)
    sample = qmc.LatinHypercube(len(numbers), rng=np.random.default_rng(seed)).random(count)
    factor = _score_factors(base)
    measured: list[tuple[Array, Array, Array]] = []
    failed: list[str] = []
    for quantiles in sample:
        try:
            settings = drawn(given.settings, numbers, quantiles)
            one = build(settings, given.document, given.concordance, given.host, given.path, {})
        except InputError as error:
            failed.append(str(error).splitlines()[0])
        else:
            measured.append(_measure(base, world_table(one.benchmark), factor(numbers, quantiles)))
        if progress:
            progress()
    if not measured:
        raise InputError(f"none of {count} draws has a base year: {failed[0]}")
    index, production, consumption = (np.array(values) for values in zip(*measured, strict=True))
    return Draws(index, production, consumption, len(numbers), tuple(failed))


def _score_factors(base: Base) -> Callable[[list[_Leaf], Array], Array]:
    """(e,) factors of the scores, drawn as the calibration's own are, whichever scores the index uses."""
    elements = base.labels.elements

    def factors(numbers: list[_Leaf], quantiles: Array) -> Array:
        by_name = {
            leaf.path[0]: leaf.at(quantile) / leaf.value
            for leaf, quantile in zip(numbers, quantiles, strict=True)
            if leaf.entry == "substitutability"
        }
        return np.array([by_name.get(element, by_name.get("default", 1.0)) for element in elements])

    return factors


def _measure(base: Base, flows: Flows, factor: Array) -> tuple[Array, Array, Array]:
    score = base.first_user_score
    score = np.minimum(score * (factor if score.ndim == 1 else factor[:, None]), 100.0)
    concentration = governed_concentration(supply_shares(flows), base.governance.estimate)
    first = concentration @ first_use(flows, score, base.restricting)[2]
    index = through_inputs(flows, first, base.flows.leontief)
    regions = region_exposure(flows, index, first)
    return index, regions.production, regions.consumption


def through_inputs(flows: Flows, first: Array, nearby: Array) -> Array:
    """first (m,) times the Leontief inverse of `flows`, by refining with the inverse of a nearby table."""
    total = first @ nearby
    for _ in range(ROUNDS):
        missing = first + shares_of(flows.output, total @ flows.intermediate) - total
        if np.abs(missing).max() <= REFINED * np.abs(first).max():
            return np.asarray(total)
        total = total + missing @ nearby
    return np.asarray(first @ flows.leontief)
