"""Cross-quantilogram and partial cross-quantilogram (Han, Linton, Oka and Whang 2016) over whole grids.

    rho(k) = sum h1_t h2_{t-k} / sqrt(sum h1_t^2 sum h2_{t-k}^2),   h = 1[x <= q(a)] - a,

over the overlap of the target at t and the predictor at t-k; with controls -P_12 / sqrt(P_11 P_22), P the
inverse of the matrix of hit products. Inference resamples rows of the lag-aligned sample (pairing kept) and
recomputes the quantiles in each resample. Critical values as published are quantiles of rho* - rho, centred on the
null of no dependence; see `CrossQuantilogram` for the margin used here to call a cell significant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from calibration.evidence.comovement.alignment import (
    Control,
    Missing,
    Sample,
    Variable,
    make_sample,
    resampled_hits,
)
from calibration.evidence.comovement.hits import Floats, Ints
from calibration.evidence.comovement.moments import Hits, partial_correlation, products
from calibration.evidence.comovement.resampling import (
    Blocks,
    block_gamma,
    check_gamma,
    stationary_indices,
)

# Fewest observations expected, under independence, in the least likely of the four combinations of hit and no
# hit. Below it the bootstrap misleads: a combination that never occurs in the sample occurs in no resample
# either, and the bootstrap sees hardly any error (5 % tests of two independent series of 200 to 336 reject in up to
# 30 % of such cells, those by published critical values in up to 60 %). With 5 the whole map of two independent
# series is called dependent in 9 % of samples, nearly always by a cell just above 5; with 8 in 3 %.
FEWEST_EXPECTED = 8.0

# Standard errors by which ties may move the value of independent series. Where a value repeats, a quantile has more
# below it than its level says; where those of both series do, their hits share a mean, which the uncentred correlation
# takes for dependence.
MOST_TIED = 0.25

# Resamples handled together: small enough to stay in cache, and fixed, so that results do not depend on memory.
BLOCK = 125


@dataclass(frozen=True)
class Bootstrap:
    """How to resample. gamma is the restart probability; without it, that of `resampling.block_gamma` by `blocks`.

    level: size of the two-sided test. indices: rows to use instead of drawing them, (resamples, rows), 0-based, for
    every lag or by lag.
    """

    resamples: int = 1000
    level: float = 0.05
    gamma: float | None = None
    seed: int = 0
    blocks: Blocks = "mean"
    indices: ArrayLike | Mapping[int, ArrayLike] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.resamples < 1 or not 0 < self.level < 1:
            raise ValueError(
                f"a bootstrap needs resamples >= 1 and a level in (0, 1), got {self.resamples}, {self.level}"
            )
        if self.gamma is not None:
            check_gamma(self.gamma)

    def restart(self, x: ArrayLike) -> float:
        """Restart probability for aligned columns (n, d), target and predictor first."""
        return self.gamma or block_gamma(x, self.blocks)

    def draw(self, rows: int, gamma: float, lag: int, stream: int = 0) -> Ints:
        """Rows of every resample at one lag. The draws of a lag do not depend on which other lags are asked for."""
        if self.indices is None:
            rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(stream, lag)))
            return stationary_indices(rows, gamma, self.resamples, rng)
        given = self.indices[lag] if isinstance(self.indices, Mapping) else self.indices
        indices = np.asarray(given, dtype=np.intp)
        if indices.ndim != 2 or indices.shape[1] != rows or indices.min() < 0 or indices.max() >= rows:
            raise ValueError(
                f"indices at lag {lag} must be rows 0..{rows - 1} in shape (resamples, {rows}), got {indices.shape}"
            )
        return indices


@dataclass(frozen=True)
class CrossQuantilogram:
    """Values and inference over lags x target levels x predictor levels; arrays are (lag, target, predictor).

    lower, upper: critical values as published, quantiles of rho* - rho. They reject too often: resamples repeat
    rows, which draws rho* towards zero and its distribution away from rho. margin and the p-values therefore measure
    rho* from its own mean: margin is the (1 - level) quantile of |rho* - mean rho*|, p_value the share of resamples
    at least as far out as rho, p_family the same for the largest studentised deviation of all reliable cells of a
    lag's map (1 in cells that are not reliable). Without a bootstrap all of these are None. expected is the count,
    under independence, of the least likely combination of hit and no hit; tied: by how many standard errors ties move
    the value of independent series.
    """

    target: str
    predictor: str
    controls: tuple[str, ...]
    lags: tuple[int, ...]
    target_levels: Floats
    predictor_levels: Floats
    value: Floats
    expected: Floats
    tied: Floats
    rows: Ints  # (lag,) lag-aligned rows used
    missing: Missing
    lower: Floats | None = None
    upper: Floats | None = None
    margin: Floats | None = None
    p_value: Floats | None = None
    p_family: Floats | None = None
    standard_error: Floats | None = None
    gamma: Floats | None = None  # (lag,)
    discarded: Ints | None = None  # (lag,) resamples in which some cell was not defined
    bootstrap: Bootstrap | None = None

    @property
    def significant(self) -> np.ndarray:
        """Cells further from zero than the margin, one by one. Raises ValueError without a bootstrap."""
        return np.abs(self.value) > _have(self.margin)

    @property
    def significant_as_published(self) -> np.ndarray:
        """Cells outside the published critical values. Raises ValueError without a bootstrap."""
        return (self.value < _have(self.lower)) | (self.value > _have(self.upper))

    @property
    def reliable(self) -> np.ndarray:
        """Cells with observations enough, and ties few enough, for the bootstrap to be trusted."""
        return trusted(self.expected, self.tied)

    @property
    def interval(self) -> tuple[Floats, Floats]:
        """value - margin and value + margin, within [-1, 1]. Raises ValueError without a bootstrap."""
        margin = _have(self.margin)
        return np.clip(self.value - margin, -1, 1), np.clip(self.value + margin, -1, 1)


def _have(array: Floats | None) -> Floats:
    if array is None:
        raise ValueError("significance and intervals need a bootstrap")
    return array


def cross_quantilogram(
    target: ArrayLike,
    predictor: ArrayLike,
    levels: ArrayLike,
    lags: int | Sequence[int] = 1,
    *,
    predictor_levels: ArrayLike | None = None,
    controls: Sequence[Control] = (),
    bootstrap: Bootstrap | None = None,
    missing: Missing = "error",
    where: ArrayLike | None = None,
    names: tuple[str, str] = ("target", "predictor"),
) -> CrossQuantilogram:
    """Cross-quantilogram of every pair of levels at every lag; partial when controls are given.

    target, predictor: (T,), the predictor enters at t - lag. levels: of the target, and of the predictor unless
    `predictor_levels` says otherwise. where: (T,) keeps only rows of these dates t, with the quantiles of these rows.
    Raises ValueError for constant or duplicate series, too few rows, bad levels or lags.
    """
    sample = make_sample(target, predictor, levels, predictor_levels, controls, missing, where, names)
    wanted = check_lags(lags, sample.length)
    lag_results = [_at_lag(sample, k, bootstrap) for k in wanted]

    def stacked(name: str) -> Floats | None:
        return None if bootstrap is None else np.array([result[name] for result in lag_results])

    return CrossQuantilogram(
        target=names[0],
        predictor=names[1],
        controls=tuple(control.name for control in controls),
        lags=wanted,
        target_levels=sample.target_levels,
        predictor_levels=sample.predictor_levels,
        value=np.array([result["value"] for result in lag_results]),
        expected=np.array([result["expected"] for result in lag_results]),
        tied=np.array([result["tied"] for result in lag_results]),
        rows=np.array([result["rows"] for result in lag_results]),
        missing=missing,
        lower=stacked("lower"),
        upper=stacked("upper"),
        margin=stacked("margin"),
        p_value=stacked("p_value"),
        p_family=stacked("p_family"),
        standard_error=stacked("standard_error"),
        gamma=stacked("gamma"),
        discarded=stacked("discarded"),  # type: ignore[arg-type]
        bootstrap=bootstrap,
    )


def check_lags(lags: int | Sequence[int], length: int) -> tuple[int, ...]:
    wanted = tuple(int(k) for k in np.atleast_1d(np.asarray(lags)))
    if not wanted or min(wanted) < 0 or max(wanted) >= length or len(set(wanted)) < len(wanted):
        raise ValueError(f"lags must be different whole numbers from 0 to {length - 1}, got {list(wanted)}")
    return wanted


def _at_lag(sample: Sample, k: int, bootstrap: Bootstrap | None) -> dict:
    variables = sample.variables(k)
    rows = sample.rows(variables)
    value = estimate(sample, variables, rows)
    expected, tied = least_expected(sample, variables, rows), shift_by_ties(sample, variables, rows)
    result: dict = {"value": value, "expected": expected, "tied": tied, "rows": rows.size}
    if bootstrap is None:
        return result
    gamma = bootstrap.restart(sample.aligned_values(variables, rows))
    indices = bootstrap.draw(rows.size, gamma, k)
    codes = sample.aligned_codes(variables, rows)
    deviation = resampled_values(codes, variables, indices) - value
    return result | {"gamma": gamma} | inference(value, deviation, bootstrap.level, trusted(expected, tied))


def trusted(expected: Floats, tied: Floats) -> np.ndarray:
    """Cells in which the bootstrap can be trusted, by `least_expected` and `shift_by_ties`."""
    return (expected >= FEWEST_EXPECTED) & (tied <= MOST_TIED)


def trusted_cells(sample: Sample, variables: Sequence[Variable], rows: Ints) -> np.ndarray:
    """The same for columns and rows of a sample, (target levels, predictor levels)."""
    return trusted(least_expected(sample, variables, rows), shift_by_ties(sample, variables, rows))


def least_expected(sample: Sample, variables: Sequence[Variable], rows: Ints) -> Floats:
    """Expected count of the least likely of the four combinations of hits, (target levels, predictor levels)."""
    share = [_hit_share(hits) for hits in sample.hits(variables, rows)[:2]]
    return rows.size * np.outer(*(np.minimum(s, 1 - s) for s in share))


def shift_by_ties(sample: Sample, variables: Sequence[Variable], rows: Ints) -> Floats:
    """Value that hits of independent series would have because of their means, over its standard error 1/sqrt(n)."""
    relative = []
    for hits in sample.hits(variables, rows)[:2]:
        share, level = _hit_share(hits), hits.levels
        square = share * (1 - level) ** 2 + (1 - share) * level**2
        relative.append(np.abs(share - level) / np.sqrt(square))
    return np.sqrt(rows.size) * np.outer(*relative)


def _hit_share(hits: Hits) -> Floats:
    """Share of rows that are hits at each level."""
    return (hits.first[0][:, None] <= np.arange(hits.levels.size)).mean(axis=0)


def estimate(sample: Sample, variables: Sequence[Variable], rows: Ints) -> Floats:
    """Values over the grid (target levels, predictor levels).

    Refuses levels at which every row is a hit, and cells that the controls explain exactly.
    """
    every = sample.hits(variables, rows)
    for variable, hits in zip(variables, every, strict=True):
        share = _hit_share(hits)
        if share[-1] == 1:
            first = float(hits.levels[np.argmax(share == 1)])
            raise ValueError(
                f"at level {first:g} no row of {sample.names[variable.series]} lies above its quantile: all are "
                "hits (its largest value may repeat): take lower levels"
            )
    value = partial_correlation(products(every), len(variables))[0]
    if np.isnan(value).any():
        i, j = np.argwhere(np.isnan(value))[0]
        names = ", ".join(dict.fromkeys(sample.names[v.series] for v in variables))
        raise ValueError(
            f"at target level {sample.target_levels[i]:g} and predictor level "
            f"{sample.predictor_levels[j]:g} the hits of "
            f"{names} are exact combinations of each other: leave a control out or change its level"
        )
    return value


def resampled_values(codes: Ints, variables: Sequence[Variable], indices: Ints) -> Floats:
    """Values of every resample, (resamples, target levels, predictor levels); NaN where not defined."""
    parts = []
    for start in range(0, len(indices), BLOCK):
        hits = resampled_hits(codes, variables, indices[start : start + BLOCK])
        parts.append(partial_correlation(products(hits), len(variables)))
    return np.concatenate(parts)


def inference(value: Floats, deviation: Floats, level: float, reliable: np.ndarray) -> dict:
    """Critical values, p-values and standard errors of a grid from its resampled deviations (resamples, ...).

    The family of cells tested together are the reliable ones.
    """
    defined = ~np.isnan(deviation).any(axis=tuple(range(1, deviation.ndim)))
    used = deviation[defined]
    if used.shape[0] < max(20, len(deviation) // 2):
        raise ValueError(
            f"only {used.shape[0]} of {len(deviation)} resamples are defined: too few observations for these levels"
        )
    lower, upper = np.quantile(used, [level / 2, 1 - level / 2], axis=0)
    error = used.std(axis=0)
    away = np.abs(used - used.mean(axis=0))
    total = used.shape[0] + 1
    # A cell that moves in no resample (all ties) has no error to be measured in.
    moves = (error > 0) & reliable
    family = np.ones_like(value)
    if moves.any():
        largest = np.sort((away[:, moves] / error[moves]).max(axis=1))
        beyond = largest.size - np.searchsorted(largest, np.abs(value)[moves] / error[moves], side="left")
        family[moves] = (1 + beyond) / total
    return {
        "lower": lower,
        "upper": upper,
        "margin": np.quantile(away, 1 - level, axis=0),
        "p_value": (1 + (away >= np.abs(value)).sum(axis=0)) / total,
        "p_family": family,
        "standard_error": error,
        "discarded": len(deviation) - used.shape[0],
    }
