"""Which rows and which lags enter a cross-quantilogram: the lag-aligned sample, missing data and controls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from calibration.evidence.comovement.hits import (
    Floats,
    Ints,
    below,
    check_levels,
    first_hit,
    order_index,
    ranks,
)
from calibration.evidence.comovement.moments import Axis, Hits

Missing = Literal["error", "complete", "pairwise"]
Timing = Literal["lagged", "contemporaneous", "intermediate"]

# Fewest lag-aligned rows on which a correlation of hits is computed.
FEWEST_ROWS = 10


@dataclass(frozen=True)
class Control:
    """A series whose hits are held constant.

    level: its own quantile level, or "target" or "predictor" to follow the level of that one across the grid.
    timing: "lagged" takes it at t-k like the predictor, "contemporaneous" at t, "intermediate" at t-1 .. t-k+1 (one
    control each; none when k < 2), a number at that lag.
    """

    series: ArrayLike
    level: float | Literal["target", "predictor"] = 0.5
    timing: Timing | int = "lagged"
    name: str = "control"

    def lags(self, k: int) -> list[int]:
        match self.timing:
            case "lagged":
                return [k]
            case "contemporaneous":
                return [0]
            case "intermediate":
                return list(range(1, k))
            case int() if self.timing >= 0:
                return [self.timing]
        raise ValueError(
            f"timing of {self.name} must be lagged, contemporaneous, intermediate or a lag of 0 or more, "
            f"got {self.timing!r}"
        )


@dataclass(frozen=True)
class Variable:
    """One column of the aligned sample: which series, at which lag, hit at which levels."""

    series: int
    lag: int
    levels: Floats
    axis: Axis


@dataclass(frozen=True)
class Sample:
    """Series of equal length ranked once, ready to be aligned at any lag. Series 0 is the target, 1 the predictor."""

    names: tuple[str, ...]
    values: Floats  # (series, T); missing values are NaN
    codes: Ints  # (series, T) dense ranks, -1 where missing
    controls: tuple[Control, ...]
    target_levels: Floats
    predictor_levels: Floats
    where: np.ndarray | None  # (T,) dates t whose rows count; quantiles are then those of these rows

    @property
    def length(self) -> int:
        return self.values.shape[1]

    def variables(self, k: int) -> list[Variable]:
        """Columns at lag k: target at t, predictor at t-k, then the controls."""
        columns = [
            Variable(0, 0, self.target_levels, "target"),
            Variable(1, k, self.predictor_levels, "predictor"),
        ]
        for number, control in enumerate(self.controls, start=2):
            if control.level == "target":
                levels, axis = self.target_levels, "target"
            elif control.level == "predictor":
                levels, axis = self.predictor_levels, "predictor"
            else:
                levels, axis = check_levels(control.level), "fixed"
            columns += [Variable(number, lag, levels, axis) for lag in control.lags(k)]  # type: ignore[arg-type]
        return columns

    def rows(self, variables: Sequence[Variable]) -> Ints:
        """Dates t (0-based) at which every column is observed."""
        deepest = max(v.lag for v in variables)
        t = np.arange(deepest, self.length)
        seen = np.all([self.codes[v.series, t - v.lag] >= 0 for v in variables], axis=0)
        if self.where is not None:
            seen &= self.where[t]
        t = t[seen]
        if t.size < FEWEST_ROWS:
            raise ValueError(
                f"only {t.size} rows have {', '.join(self.names)} together at lag {deepest}; at least "
                f"{FEWEST_ROWS} are needed"
            )
        return t

    def aligned_codes(self, variables: Sequence[Variable], rows: Ints) -> Ints:
        """Ranks of the aligned sample, shape (variables, rows); refuses columns that do not vary."""
        codes = np.array([self.codes[v.series, rows - v.lag] for v in variables])
        for v, code in zip(variables, codes, strict=True):
            if (code == code[0]).all():
                raise ValueError(
                    f"{self.names[v.series]} is constant over the {rows.size} rows used at lag {v.lag}"
                )
        self._refuse_duplicates(variables, codes)
        return codes

    def _refuse_duplicates(self, variables: Sequence[Variable], codes: Ints) -> None:
        """Equal ranks are the same information. Two controls may share a series if their fixed levels differ."""
        for i, u in enumerate(variables):
            for j in range(i + 1, len(variables)):
                v = variables[j]
                apart = u.axis == v.axis == "fixed" and not np.array_equal(u.levels, v.levels)
                if not apart and np.array_equal(codes[i], codes[j]):
                    raise ValueError(
                        f"{self.names[u.series]} at lag {u.lag} and {self.names[v.series]} at lag {v.lag} "
                        "are the same "
                        "series, or one is an increasing transform of the other"
                    )

    def aligned_values(self, variables: Sequence[Variable], rows: Ints) -> Floats:
        """Values of the aligned sample, shape (rows, variables)."""
        return np.array([self.values[v.series, rows - v.lag] for v in variables]).T

    def hits(self, variables: Sequence[Variable], rows: Ints) -> list[Hits]:
        """Hits of the sample: against full-sample quantiles, or against those of the rows when `where` is set."""
        codes = self.aligned_codes(variables, rows)
        if self.where is not None:
            return resampled_hits(codes, variables, np.arange(rows.size)[None])
        result = []
        for v, code in zip(variables, codes, strict=True):
            seen = self.codes[v.series]
            counts = np.bincount(seen[seen >= 0])
            first = first_hit(below(counts), order_index(int(counts.sum()), v.levels))
            result.append(Hits(v.levels, first[code][None], v.axis))
        return result


def resampled_hits(codes: Ints, variables: Sequence[Variable], indices: Ints) -> list[Hits]:
    """Hits of resampled rows against the quantiles of each resample; indices (resamples, rows)."""
    resamples, rows = indices.shape
    result = []
    for v, code in zip(variables, codes, strict=True):
        drawn = code[indices]
        size = int(code.max()) + 1
        place = drawn + np.arange(0, resamples * size, size)[:, None]
        counts = np.bincount(place.ravel(), minlength=resamples * size).reshape(resamples, size)
        first = first_hit(below(counts), order_index(rows, v.levels))
        result.append(Hits(v.levels, first.ravel()[place], v.axis))
    return result


def make_sample(
    target: ArrayLike,
    predictor: ArrayLike,
    target_levels: ArrayLike,
    predictor_levels: ArrayLike | None = None,
    controls: Sequence[Control] = (),
    missing: Missing = "error",
    where: ArrayLike | None = None,
    names: tuple[str, str] = ("target", "predictor"),
) -> Sample:
    """Check and rank the series. Raises ValueError naming the series that cannot be used and why."""
    series = [target, predictor, *(control.series for control in controls)]
    labels = (*names, *(control.name for control in controls))
    values = [np.asarray(x, dtype=float) for x in series]
    for label, x in zip(labels, values, strict=True):
        if x.ndim != 1 or x.size != values[0].size:
            raise ValueError(f"{label} has shape {x.shape}; expected ({values[0].size},) like {labels[0]}")
    stacked = _treat_missing(np.array(values), labels, missing)
    t_levels = check_levels(target_levels)
    chosen = None if where is None else np.asarray(where, dtype=bool)
    if chosen is not None and chosen.shape != stacked.shape[1:]:
        raise ValueError(f"where has shape {chosen.shape}; expected {stacked.shape[1:]}")
    codes = np.full(stacked.shape, -1, dtype=np.intp)
    for row, x in enumerate(stacked):
        seen = ~np.isnan(x)
        if not seen.any():
            never = [label for label, one in zip(labels, values, strict=True) if np.isnan(one).all()]
            who = (
                f"{never[0]} is never observed"
                if never
                else f"{', '.join(labels)} are never observed together"
            )
            raise ValueError(f"{who}: there is nothing to compare")
        if np.ptp(x[seen]) == 0:
            raise ValueError(f"{labels[row]} is constant: its quantiles say nothing")
        codes[row, seen] = ranks(x[seen])
    return Sample(
        names=labels,
        values=stacked,
        codes=codes,
        controls=tuple(controls),
        target_levels=t_levels,
        predictor_levels=t_levels if predictor_levels is None else check_levels(predictor_levels),
        where=chosen,
    )


def _treat_missing(values: Floats, names: Sequence[str], missing: Missing) -> Floats:
    """error: refuse gaps. complete: a date counts when all series are seen. pairwise: a row needs its own columns."""
    if np.isinf(values).any():
        raise ValueError(f"{names[int(np.isinf(values).any(axis=1).argmax())]} has infinite values")
    gaps = np.isnan(values)
    if missing == "error":
        if gaps.any():
            bad = [f"{name} ({row.sum()})" for name, row in zip(names, gaps, strict=True) if row.any()]
            raise ValueError(f'missing values in {", ".join(bad)}; choose missing="complete" or "pairwise"')
    elif missing == "complete":
        values = np.where(gaps.any(axis=0), np.nan, values)
    elif missing != "pairwise":
        raise ValueError(f"missing must be error, complete or pairwise, got {missing!r}")
    return values
