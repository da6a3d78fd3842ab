"""The self-normalised test: no bootstrap, no block length (Han, Linton, Oka and Whang 2016, section 3.3; Lobato 2001).

S = T rho' V^-1 rho with rho the cross-quantilograms at lags 1..p of the whole sample and
V = T^-2 sum_{s >= [T w]} s^2 (rho_s - rho)(rho_s - rho)', rho_s the same from the first s observations, their quantiles
included. Under the null S tends to B(1)' [int_w^1 (B(r) - r B(1))(B(r) - r B(1))' dr]^-1 B(1), which is simulated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from calibration.evidence.comovement.alignment import (
    FEWEST_ROWS,
    Control,
    Missing,
    Sample,
    Variable,
    make_sample,
)
from calibration.evidence.comovement.crossquantilogram import BLOCK, check_lags, estimate
from calibration.evidence.comovement.hits import Floats, Ints, below, first_hit, order_index
from calibration.evidence.comovement.moments import Hits, partial_correlation, products

STEPS = 1000
DRAWS = 10_000


@dataclass(frozen=True)
class SelfNormalised:
    """S for lags 1..p, p = 1..P: value and p_value are (p, target, predictor), critical is (p,) at `level`."""

    target: str
    predictor: str
    controls: tuple[str, ...]
    target_levels: Floats
    predictor_levels: Floats
    rho: Floats
    value: Floats
    critical: Floats
    p_value: Floats
    level: float
    trimming: float


def self_normalised(
    target: ArrayLike,
    predictor: ArrayLike,
    levels: ArrayLike,
    max_lag: int = 1,
    *,
    predictor_levels: ArrayLike | None = None,
    controls: Sequence[Control] = (),
    trimming: float = 0.1,
    level: float = 0.05,
    missing: Missing = "error",
    names: tuple[str, str] = ("target", "predictor"),
    seed: int = 0,
) -> SelfNormalised:
    """Test of no dependence at lags 1..p for p = 1..max_lag; arguments as in `cross_quantilogram`.

    trimming: share w of the sample before the first recursive estimate.
    """
    sample = make_sample(target, predictor, levels, predictor_levels, controls, missing, None, names)
    lags = check_lags(range(1, max_lag + 1), sample.length)
    first = int(sample.length * trimming)
    if not 0 < trimming < 1 or first < max_lag + FEWEST_ROWS:
        raise ValueError(
            f"trimming {trimming:g} starts the recursion at {first} observations; at least "
            f"{max_lag + FEWEST_ROWS} are needed"
        )
    ends = np.arange(first, sample.length + 1)
    rho, path = [], []
    for k in lags:
        variables = sample.variables(k)
        rows = sample.rows(variables)
        rho.append(estimate(sample, variables, rows))
        path.append(_recursive(sample, variables, rows, ends))
    value = _statistic(np.array(rho), np.array(path), ends, sample.length)
    null = null_draws(max_lag, trimming, seed)
    return SelfNormalised(
        target=names[0],
        predictor=names[1],
        controls=tuple(control.name for control in controls),
        target_levels=sample.target_levels,
        predictor_levels=sample.predictor_levels,
        rho=np.array(rho),
        value=value,
        critical=np.quantile(null, 1 - level, axis=1),
        p_value=np.array(
            [(1 + (null[p] >= s[..., None]).sum(-1)) / (1 + DRAWS) for p, s in enumerate(value)]
        ),
        level=level,
        trimming=trimming,
    )


def _recursive(sample: Sample, variables: Sequence[Variable], rows: Ints, ends: Ints) -> Floats:
    """Estimates from the first s observations for every s in `ends`, shape (ends, target, predictor)."""
    parts = []
    for start in range(0, ends.size, BLOCK):
        end = ends[start : start + BLOCK]
        hits = []
        for v in variables:
            code = sample.codes[v.series]
            counts = np.array([np.bincount(code[:s][code[:s] >= 0], minlength=code.max() + 1) for s in end])
            reached = first_hit(below(counts), order_index(counts.sum(axis=1), v.levels))
            hits.append(Hits(v.levels, reached[:, code[rows - v.lag]], v.axis))
        parts.append(partial_correlation(products(hits, keep=rows < end[:, None]), len(variables)))
    path = np.concatenate(parts)
    if np.isnan(path).any():
        raise ValueError(
            "the first recursive estimates are not defined: raise trimming or take fewer controls"
        )
    return path


def _statistic(rho: Floats, path: Floats, ends: Ints, length: int) -> Floats:
    """S for p = 1..P from rho (P, ...) and its path (P, ends, ...)."""
    deviation = path - rho[:, None]
    weight = (ends / length) ** 2
    spread = np.einsum("s,ps...,qs...->...pq", weight, deviation, deviation)
    last = np.moveaxis(rho, 0, -1)
    value = np.empty_like(rho)
    for p in range(1, len(rho) + 1):
        v = spread[..., :p, :p]
        scale = np.sqrt(np.einsum("...pp->...p", v))
        if (scale == 0).any() or np.linalg.cond(v / scale[..., None] / scale[..., None, :]).max() > 1e12:
            raise ValueError(
                f"the recursive estimates at lags 1..{p} do not vary enough to normalise the test"
            )
        solved = np.linalg.solve(v, last[..., :p, None])[..., 0]
        value[p - 1] = length * (last[..., :p] * solved).sum(-1)
    return value


@lru_cache(maxsize=16)
def null_draws(dimension: int, trimming: float, seed: int = 0) -> Floats:
    """Draws of the limit of S for p = 1..dimension, shape (dimension, DRAWS). Read-only, kept for the session."""
    rng = np.random.default_rng(seed)
    kept = slice(int(STEPS * trimming), None)
    r = np.arange(1, STEPS + 1)[:, None] / STEPS
    result = np.empty((dimension, DRAWS))
    for start in range(0, DRAWS, 500):
        motion = np.cumsum(rng.standard_normal((500, STEPS, dimension)), axis=1) / np.sqrt(STEPS)
        end = motion[:, -1]
        bridge = (motion - r * end[:, None])[:, kept]
        spread = bridge.swapaxes(1, 2) @ bridge / STEPS
        for p in range(1, dimension + 1):
            solved = np.linalg.solve(spread[:, :p, :p], end[:, :p, None])[..., 0]
            result[p - 1, start : start + 500] = (end[:, :p] * solved).sum(-1)
    result.flags.writeable = False
    return result
