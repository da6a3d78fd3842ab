"""Portmanteau tests of no cross-quantile dependence at lags 1..p, and their supremum over a range of quantiles.

Box-Pierce Q(p) = T sum_{k<=p} rho(k)^2 and Ljung-Box Q(p) = T (T+2) sum_{k<=p} rho(k)^2 / (T-k), T the length
of the series. The bootstrap resamples rows [x1_t, x2_{t-1}, .., x2_{t-p}] (with the controls of every lag) and
rebuilds Q from rho* - rho (Han, Linton, Oka and Whang 2016, section 3.2).

With missing data T - k is the number of rows observed at lag k, and fewer rows are observed at all lags, which are
the ones resampled: their deviations are scaled to the rows of their lag.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from calibration.evidence.comovement.alignment import Control, Missing, Sample, make_sample, resampled_hits
from calibration.evidence.comovement.crossquantilogram import (
    BLOCK,
    Bootstrap,
    check_lags,
    estimate,
    trusted_cells,
)
from calibration.evidence.comovement.hits import Floats, Ints
from calibration.evidence.comovement.moments import partial_correlation, products


@dataclass(frozen=True)
class QStatistic:
    """One kind of Q over p = 1..P: value, critical and p_value are (p, target, predictor); the sup_ ones are (p,)."""

    value: Floats
    sup_value: Floats
    critical: Floats | None = None
    p_value: Floats | None = None
    sup_critical: Floats | None = None
    sup_p_value: Floats | None = None


@dataclass(frozen=True)
class Portmanteau:
    """Q statistics for every pair of levels, and their sup over the pairs of `region` (target, predictor)."""

    target: str
    predictor: str
    controls: tuple[str, ...]
    target_levels: Floats
    predictor_levels: Floats
    rho: Floats  # (p, target, predictor) the (partial) cross-quantilograms at lags 1..P
    box_pierce: QStatistic
    ljung_box: QStatistic
    rows: int
    region: np.ndarray
    gamma: float | None = None
    discarded: int | None = None
    bootstrap: Bootstrap | None = None


def portmanteau(
    target: ArrayLike,
    predictor: ArrayLike,
    levels: ArrayLike,
    max_lag: int,
    *,
    predictor_levels: ArrayLike | None = None,
    controls: Sequence[Control] = (),
    region: ArrayLike | None = None,
    bootstrap: Bootstrap | None = None,
    missing: Missing = "error",
    where: ArrayLike | None = None,
    names: tuple[str, str] = ("target", "predictor"),
) -> Portmanteau:
    """Box-Pierce and Ljung-Box statistics over lags 1..p for p = 1..max_lag; arguments as in `cross_quantilogram`.

    region: pairs of levels over which the sup is taken; by default all that are reliable at every lag, or all
    if none is.
    """
    sample = make_sample(target, predictor, levels, predictor_levels, controls, missing, where, names)
    lags = check_lags(range(1, max_lag + 1), sample.length)
    columns = {k: sample.variables(k) for k in lags}
    own = {k: sample.rows(columns[k]) for k in lags}
    rho = np.array([estimate(sample, columns[k], own[k]) for k in lags])
    every = [v for k in lags for v in columns[k]]
    rows = sample.rows(every)
    # T of each lag, and of the rows that are resampled: the length of the series where nothing is missing.
    lengths = np.array([own[k].size + k for k in lags])
    weights = _weights(lengths)
    values = {kind: np.cumsum(w[:, None, None] * rho**2, axis=0) for kind, w in weights.items()}
    inside = _region(region, sample, columns)
    fields: dict = {"rows": rows.size, "region": inside}
    if bootstrap is None:
        statistics = {kind: QStatistic(q, q[:, inside].max(axis=1)) for kind, q in values.items()}
    else:
        # Each distinct column once, however many lags it serves.
        distinct = {(v.series, v.lag): v for v in every}
        gamma = bootstrap.restart(sample.aligned_values(list(distinct.values()), rows))
        scaled = {kind: weight * ((rows.size + max_lag) / lengths) for kind, weight in weights.items()}
        draws = _resampled_q(sample, columns, rows, rho, scaled, bootstrap, gamma)
        statistics = {kind: _tested(values[kind], draws[kind], inside, bootstrap.level) for kind in weights}
        fields |= {"gamma": gamma, "discarded": draws["discarded"], "bootstrap": bootstrap}
    return Portmanteau(
        target=names[0],
        predictor=names[1],
        controls=tuple(control.name for control in controls),
        target_levels=sample.target_levels,
        predictor_levels=sample.predictor_levels,
        rho=rho,
        box_pierce=statistics["box_pierce"],
        ljung_box=statistics["ljung_box"],
        **fields,
    )


def _weights(length: Ints) -> dict[str, Floats]:
    """What rho^2 of lags 1, 2, ... counts in each kind of Q; length (p,) T of each lag."""
    lag = np.arange(1, length.size + 1)
    return {"box_pierce": length.astype(float), "ljung_box": length * (length + 2) / (length - lag)}


def _resampled_q(
    sample: Sample,
    columns: dict,
    rows: np.ndarray,
    rho: Floats,
    weights: dict,
    bootstrap: Bootstrap,
    gamma: float,
) -> dict:
    """Q of every resample by kind, (p, resamples, target, predictor)."""
    indices = bootstrap.draw(rows.size, gamma, len(columns), stream=1)
    codes = {k: sample.aligned_codes(variables, rows) for k, variables in columns.items()}
    square = np.empty((len(columns), len(indices), *rho.shape[1:]))
    for start in range(0, len(indices), BLOCK):
        block = slice(start, start + BLOCK)
        for place, (k, variables) in enumerate(columns.items()):
            hits = resampled_hits(codes[k], variables, indices[block])
            square[place, block] = (partial_correlation(products(hits), len(variables)) - rho[place]) ** 2
    defined = ~np.isnan(square).any(axis=(0, 2, 3))
    if defined.sum() < max(20, len(indices) // 2):
        raise ValueError(
            f"only {defined.sum()} of {len(indices)} resamples are defined: too few observations for these levels"
        )
    square = square[:, defined]
    result: dict = {"discarded": int((~defined).sum())}
    for kind, weight in weights.items():
        result[kind] = np.cumsum(weight[:, None, None, None] * square, axis=0)
    return result


def _region(region: ArrayLike | None, sample: Sample, columns: dict) -> np.ndarray:
    if region is not None:
        inside = np.asarray(region, dtype=bool)
        if inside.shape != (sample.target_levels.size, sample.predictor_levels.size) or not inside.any():
            raise ValueError(
                f"region must choose at least one pair of levels in shape (target, predictor), got {inside.shape}"
            )
        return inside
    told = [trusted_cells(sample, variables, sample.rows(variables)) for variables in columns.values()]
    inside = np.all(told, axis=0)
    return inside if inside.any() else np.ones_like(inside)


def _tested(value: Floats, cells: Floats, inside: np.ndarray, level: float) -> QStatistic:
    total = cells.shape[1] + 1
    highest, sup = value[:, inside].max(axis=1), cells[:, :, inside].max(axis=2)
    return QStatistic(
        value=value,
        sup_value=highest,
        critical=np.quantile(cells, 1 - level, axis=1),
        p_value=(1 + (cells >= value[:, None]).sum(axis=1)) / total,
        sup_critical=np.quantile(sup, 1 - level, axis=1),
        sup_p_value=(1 + (sup >= highest[:, None]).sum(axis=1)) / total,
    )
