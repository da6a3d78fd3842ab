"""Hits from quantile regressions: the quantile of a series given regressors instead of its unconditional one.

h_t(a) = 1[y_t <= x_t' b(a)] - a with b(a) the regression quantile of Koenker and Bassett (1978), solved exactly as a
linear programme in its dual form. The bootstrap resamples (y, x) of target and predictor together, each with its own
regressors, and runs the regressions again in every resample.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import linprog

from calibration.evidence.comovement.alignment import FEWEST_ROWS
from calibration.evidence.comovement.crossquantilogram import (
    Bootstrap,
    CrossQuantilogram,
    check_lags,
    inference,
    trusted,
)
from calibration.evidence.comovement.hits import Floats, Ints, check_levels
from calibration.evidence.comovement.moments import partial_correlation, products_from_hits

# Residuals this small relative to the spread of y are points the regression passes through: they count as hits.
ON_THE_LINE = 1e-9


def quantile_regression(y: ArrayLike, x: ArrayLike, level: float, weights: ArrayLike | None = None) -> Floats:
    """Regression quantile b minimising sum w rho_a(y - x b); y (n,), x (n, p) with its own constant, weights (n,) >= 0.

    Raises ValueError when the columns of x are linearly dependent.
    """
    response, design = np.asarray(y, dtype=float), np.asarray(x, dtype=float)
    weight = np.ones(response.size) if weights is None else np.asarray(weights, dtype=float)
    used = weight > 0
    response, design, weight = response[used], design[used], weight[used]
    if np.linalg.matrix_rank(design) < design.shape[1]:
        raise ValueError("the regressors of a quantile regression are linearly dependent")
    # Dual: maximise y'd subject to x'd = (1-a) x'w and 0 <= d <= w; the multipliers of the equalities are -b.
    solution = linprog(
        -response,
        A_eq=design.T,
        b_eq=(1 - level) * design.T @ weight,
        bounds=np.column_stack([np.zeros(weight.size), weight]),
        method="highs",
    )
    if not solution.success:
        raise ValueError(f"quantile regression at level {level:g} failed: {solution.message}")
    return -np.asarray(solution.eqlin.marginals)


def regression_hits(
    y: ArrayLike, x: ArrayLike, levels: ArrayLike, weights: ArrayLike | None = None
) -> Floats:
    """Hits 1[y <= x b(a)] - a, shape (n, levels); x (n, p) without a constant, which is added."""
    response = np.asarray(y, dtype=float)
    design = np.column_stack([np.ones(response.size), x])
    a = check_levels(levels)
    slack = ON_THE_LINE * max(np.ptp(response), np.finfo(float).tiny)
    fitted = np.column_stack([design @ quantile_regression(response, design, level, weights) for level in a])
    return (response[:, None] <= fitted + slack) - a


def cross_quantilogram_regression(
    target: ArrayLike,
    predictor: ArrayLike,
    target_regressors: ArrayLike,
    predictor_regressors: ArrayLike,
    levels: ArrayLike,
    lags: int | Sequence[int] = 1,
    *,
    predictor_levels: ArrayLike | None = None,
    bootstrap: Bootstrap | None = None,
    names: tuple[str, str] = ("target", "predictor"),
) -> CrossQuantilogram:
    """Cross-quantilogram of regression hits. Regressors (T, p) stand beside their series and are lagged with it.

    Everything must be observed. Costs one linear programme per level, side and resample.
    """
    sides = [_side(target, target_regressors, names[0]), _side(predictor, predictor_regressors, names[1])]
    if len(sides[0]) != len(sides[1]):
        raise ValueError(f"{names[0]} has {len(sides[0])} observations and {names[1]} {len(sides[1])}")
    a1 = check_levels(levels)
    a2 = a1 if predictor_levels is None else check_levels(predictor_levels)
    wanted = check_lags(lags, len(sides[0]))
    full = [regression_hits(s[:, 0], s[:, 1:], a) for s, a in zip(sides, (a1, a2), strict=True)]
    per_lag = []
    for k in wanted:
        n = len(sides[0]) - k
        if n < FEWEST_ROWS:
            raise ValueError(f"only {n} rows at lag {k}; at least {FEWEST_ROWS} are needed")
        value = _correlation(full[0][k:], full[1][:n])
        expected = n * np.outer(*(np.minimum(a, 1 - a) for a in (a1, a2)))
        result: dict = {"value": value, "expected": expected, "tied": np.zeros_like(value), "rows": n}
        if bootstrap is not None:
            pair = (sides[0][k:], sides[1][:n])
            gamma = bootstrap.restart(np.column_stack([pair[0][:, 0], pair[1][:, 0]]))
            draws = np.array([_resample(pair, (a1, a2), rows) for rows in bootstrap.draw(n, gamma, k)])
            result |= {"gamma": gamma} | inference(
                value, draws - value, bootstrap.level, trusted(expected, result["tied"])
            )
        per_lag.append(result)
    fields = {name: np.array([result[name] for result in per_lag]) for name in per_lag[0]}
    return CrossQuantilogram(
        target=names[0],
        predictor=names[1],
        controls=(),
        lags=wanted,
        target_levels=a1,
        predictor_levels=a2,
        missing="error",
        bootstrap=bootstrap,
        **fields,  # type: ignore[arg-type]
    )


def _side(y: ArrayLike, x: ArrayLike, name: str) -> Floats:
    side = np.column_stack([np.asarray(y, dtype=float), np.asarray(x, dtype=float)])
    if not np.isfinite(side).all():
        raise ValueError(f"{name} or its regressors have missing values; regression hits need all of them")
    return side


def _correlation(h1: Floats, h2: Floats) -> Floats:
    return partial_correlation(products_from_hits([(h1[None], "target"), (h2[None], "predictor")]), 2)[0]


def _resample(pair: tuple[Floats, Floats], levels: tuple[Floats, Floats], rows: Ints) -> Floats:
    """One resample: distinct rows weighted by how often they were drawn, the same regression and smaller."""
    counts = np.bincount(rows, minlength=len(pair[0])).astype(float)
    hits = [regression_hits(s[:, 0], s[:, 1:], a, counts) for s, a in zip(pair, levels, strict=True)]
    root = np.sqrt(counts)[:, None]
    return _correlation(root * hits[0], root * hits[1])
