"""From a design to points: one row of parameter values for each draw, the same rows on every machine."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats
from scipy.stats import qmc

from calibration.errors import InputError, Problem
from model.records import Array
from scenarios.sweeps import design as plans
from scenarios.sweeps import quadrature
from scenarios.sweeps.distributions import Discrete

STRUCTURED = (
    plans.Sobol,
    plans.Morris,
    plans.Grid,
    plans.OneAtATime,
)  # what these measure assumes independence


@dataclass(frozen=True)
class Sample:
    """Points of a sweep: values (draw, parameter), weights (draw,) that sum to 1, and how draws hang together.

    block: draws in a row that make a unit, 1 when every draw stands alone: a point of Saltelli's plan, a trajectory.
    """

    values: Array
    weights: Array
    block: int = 1


def sample(plan: Any, laws: list[Any], names: tuple[str, ...], correlation: Array) -> Sample:
    """All points of a design. Raises InputError when the distributions do not suit it."""
    independent = np.array_equal(correlation, np.eye(len(laws)))
    if isinstance(plan, STRUCTURED) and not independent:
        text = f"design {plan.type} with correlated parameters: what it measures assumes independence"
        raise InputError(Problem(text, expected="monte_carlo, latin_hypercube or stroud"))
    if isinstance(plan, plans.Stroud):
        return _quadrature(plan, laws, names, correlation)
    unit, block = _unit(plan, laws, names)
    if not independent:
        unit = _copula(unit, correlation)
    values = np.stack([law.quantile(unit[:, at]) for at, law in enumerate(laws)], axis=1)
    return Sample(values, np.full(len(values), 1 / len(values)), block)


def correlation_matrix(plan: plans.Design) -> Array:
    """(d,d) of a design. Raises InputError on unknown names and on what no set of numbers can have."""
    names, matrix = plan.names, np.eye(len(plan.names))
    for entry in plan.correlations:
        i, j = (names.index(name) for name in entry.between)
        matrix[i, j] = matrix[j, i] = entry.value
    if np.linalg.eigvalsh(matrix).min() < 1e-10:
        raise InputError("no numbers can be correlated like this (the matrix is not positive definite)")
    return matrix


def _unit(plan: Any, laws: list[Any], names: tuple[str, ...]) -> tuple[Array, int]:
    """Points in the unit cube, and the length of a block."""
    d = len(laws)
    match plan:
        case plans.MonteCarlo():
            return np.random.default_rng(plan.seed).random((plan.draws, d)), 1
        case plans.LatinHypercube():
            return qmc.LatinHypercube(d, rng=np.random.default_rng(plan.seed)).random(plan.draws), 1
        case plans.Sobol():
            return saltelli(d, plan.draws, plan.seed, plan.second_order)
        case plans.Morris():
            return _morris(d, plan)
        case plans.Grid():
            return _grid(plan, laws, names), 1
        case _:
            return _one_at_a_time(plan, laws), 1


def saltelli(d: int, draws: int, seed: int, second_order: bool) -> tuple[Array, int]:
    """Blocks A, AB_1..AB_d, (BA_1..BA_d,) B for each of 2^m points; AB_j is A with parameter j from B.

    The order is that of SALib. Raises InputError when draws do not make a block of two points.
    """
    block = (2 * d if second_order else d) + 2
    power = int(np.floor(np.log2(max(draws // block, 1))))
    if power < 1:
        text = f"design sobol: {draws} draws of {d} parameters"
        raise InputError(Problem(text, expected=f"{2 * block} draws or more"))
    both = qmc.Sobol(2 * d, rng=np.random.default_rng(seed)).random_base2(power)
    a, b = both[:, :d], both[:, d:]
    points = np.empty((len(a), block, d))
    points[:, 0], points[:, -1] = a, b
    for j in range(d):
        points[:, 1 + j] = a
        points[:, 1 + j, j] = b[:, j]
        if second_order:
            points[:, 1 + d + j] = b
            points[:, 1 + d + j, j] = a[:, j]
    return points.reshape(-1, d), block


def _morris(d: int, plan: plans.Morris) -> tuple[Array, int]:
    from SALib.sample import morris

    trajectories = plan.draws // (d + 1)
    if trajectories < 2:
        text = f"design morris: {plan.draws} draws of {d} parameters"
        raise InputError(Problem(text, expected=f"{2 * (d + 1)} draws or more"))
    problem = {"num_vars": d, "names": [str(j) for j in range(d)], "bounds": [[0.0, 1.0]] * d}
    return np.asarray(morris.sample(problem, trajectories, num_levels=plan.levels, seed=plan.seed)), d + 1


def _levels(law: Any, points: int) -> Array:
    """Probabilities of evenly spaced quantiles; of a discrete distribution, one inside each value's."""
    if isinstance(law, Discrete):
        weights = np.array(law.weights or (1.0,) * len(law.values))
        return np.asarray((np.cumsum(weights) - weights / 2) / weights.sum())
    return np.linspace(0.0, 1.0, points)


def _grid(plan: plans.Grid, laws: list[Any], names: tuple[str, ...]) -> Array:
    if isinstance(plan.points, dict):
        need = [name for name, law in zip(names, laws, strict=True) if not isinstance(law, Discrete)]
        lacking = [name for name in need if name not in plan.points]
        unknown = [name for name in plan.points if name not in names]
        if lacking or unknown:
            text = f"design grid: points for {', '.join(plan.points)}"
            raise InputError(Problem(text, expected=", ".join(names)))
        counts = [plan.points.get(name, 0) for name in names]
    else:
        counts = [plan.points] * len(names)
    axes = [_levels(law, count) for law, count in zip(laws, counts, strict=True)]
    draws = math.prod(len(axis) for axis in axes)
    if draws > plans.MOST:
        raise InputError(Problem(f"design grid: {draws:,} draws", expected=f"{plans.MOST:,} or fewer"))
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(draws, len(axes))


def _one_at_a_time(plan: plans.OneAtATime, laws: list[Any]) -> Array:
    centre = np.full(len(laws), 0.5)
    rows = [centre]
    for at, law in enumerate(laws):
        for level in _levels(law, plan.points):
            row = centre.copy()
            row[at] = level
            rows.append(row)
    return np.array(rows)


def _copula(unit: Array, correlation: Array) -> Array:
    """Gaussian copula: normal scores get the correlation; each parameter's own distribution stays."""
    scores = stats.norm.ppf(np.clip(unit, 1e-15, 1 - 1e-15))
    return np.asarray(stats.norm.cdf(scores @ np.linalg.cholesky(correlation).T))


def _quadrature(plan: plans.Stroud, laws: list[Any], names: tuple[str, ...], correlation: Array) -> Sample:
    found = [law.moments() for law in laws]
    bad = [name for name, moments in zip(names, found, strict=True) if moments is None]
    if bad:
        text = f"design stroud: {', '.join(bad)} not symmetric"
        raise InputError(Problem(text, expected="uniform, loguniform, or a mode in the middle"))
    mean, sd, log = (np.array(column) for column in zip(*found, strict=True))
    if plan.degree == 5:
        if not np.array_equal(correlation, np.eye(len(laws))):
            raise InputError(
                Problem("design stroud of degree 5 with correlated parameters", expected="degree: 3")
            )
        points, weights = quadrature.degree_five(np.array([law.kurtosis() for law in laws]))
    else:
        points = quadrature.rotated(len(laws), plan.rotations, plan.seed) @ np.linalg.cholesky(correlation).T
        weights = np.full(len(points), 1 / len(points))
    values = mean + sd * points
    values = np.where(log, np.exp(np.where(log, values, 0.0)), values)
    for at, (law, name) in enumerate(zip(laws, names, strict=True)):
        low, high = law.bounds
        slack = 1e-9 * (high - low)
        if values[:, at].min() < low - slack or values[:, at].max() > high + slack:
            text = (
                f"design stroud: points of {name} run from {values[:, at].min():g} to {values[:, at].max():g}"
            )
            text += f", beyond its range {low:g} to {high:g}"
            raise InputError(Problem(text, expected="weaker correlations, or one rotation"))
    return Sample(values, weights)
