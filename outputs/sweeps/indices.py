"""Which parameter decides: Sobol indices, elementary effects, regression and rank coefficients.

SciPy has the bootstrap and SALib pairs and elementary effects. What is here hands them the draws of a design, with the
same seed each time, and refuses what they would turn into zeros: outcomes that do not vary or are not numbers.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from calibration.errors import InputError
from model.records import Array
from outputs.sweeps.reading import Sweep, refuse_constant

RESAMPLES = 500
CONFIDENCE = 0.95
SEED = 1  # of resampling, so that a sweep has the same intervals each time; SALib takes 0 for none
LAID_OUT = ("grid", "one_at_a_time", "morris")  # points with no probabilities


def sobol(sweep: Sweep, column: str, resamples: int = RESAMPLES) -> pd.DataFrame:
    """First-order and total Sobol indices of each parameter with bootstrap intervals.

    Columns: parameter, first, first_low, first_high, total, total_low, total_high. Raises InputError.
    """
    _need(sweep, "sobol")
    y, _ = sweep.whole(column)
    d = len(sweep.parameters)
    blocks = y.reshape(-1, sweep.block)
    plain = blocks[:, [0, -1]]
    refuse_constant(column, plain.ravel(), sweep.unit(column))
    draws = blocks - plain.mean()  # the estimators lose digits to an outcome far from zero
    idle = (blocks[:, 1 : d + 1] == blocks[:, :1]).all(axis=0)  # what moves nothing has indices of 0, exactly
    found = saltelli(draws, d)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # what SciPy has no interval for is refused below
        # Not SobolResult.bootstrap: it seeds itself, differently each time.
        around = stats.bootstrap(
            [np.arange(len(draws))], lambda rows: saltelli(draws[rows], d), vectorized=False, method="BCa",
            n_resamples=resamples, confidence_level=CONFIDENCE, rng=np.random.default_rng(SEED),
        ).confidence_interval  # fmt: skip
    frame: dict[str, Any] = {"parameter": sweep.parameters}
    for name, values, low, high in zip(("first", "total"), found, around.low, around.high, strict=True):
        for bound in (low, high):
            bound[idle] = 0.0
            if not np.isfinite(bound).all():
                raise InputError(f"{column}: too few draws for an interval; expected more than {len(y)}")
        frame |= {name: values, f"{name}_low": low, f"{name}_high": high}
    return pd.DataFrame(frame)


def saltelli(blocks: Array, d: int) -> Array:
    """(2, d) first-order and total indices from outcomes (n, d + 2 or more) in blocks A, AB of each parameter, ..., B.

    Saltelli et al. (2010), table 2, (b) and (f).
    """
    a, ab, b = blocks[:, :1], blocks[:, 1 : d + 1], blocks[:, -1:]
    variance = np.var(blocks[:, [0, -1]])
    return np.array([(b * (ab - a)).mean(axis=0), ((a - ab) ** 2).mean(axis=0) / 2]) / variance


def sobol_pairs(sweep: Sweep, column: str, resamples: int = 100) -> pd.DataFrame:
    """Second-order Sobol indices of each pair with intervals, by SALib. Raises InputError."""
    from SALib.analyze import sobol as salib

    _need(sweep, "sobol")
    if not sweep.settings["second_order"]:
        raise InputError("no draws for pairs; expected second_order: true in the design")
    y, _ = sweep.whole(column)
    refuse_constant(column, y[sweep.independent()], sweep.unit(column))
    names = sweep.parameters
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Constant values", UserWarning)  # in a resample: refused below
        found = salib.analyze(
            _problem(names),
            y,
            calc_second_order=True,
            num_resamples=resamples,
            conf_level=CONFIDENCE,
            seed=SEED,
        )
    pairs = [(i, j) for i in range(len(names)) for j in range(i + 1, len(names))]
    if not np.isfinite([found["S2_conf"][pair] for pair in pairs]).all():
        raise InputError(f"{column}: too few draws for an interval; expected more than {len(y)}")
    return pd.DataFrame(
        {
            "first_parameter": [names[i] for i, _ in pairs],
            "second_parameter": [names[j] for _, j in pairs],
            "second_order": [float(found["S2"][pair]) for pair in pairs],
            "half_width": [float(found["S2_conf"][pair]) for pair in pairs],
        }
    )


def morris(sweep: Sweep, column: str, resamples: int = RESAMPLES) -> pd.DataFrame:
    """Elementary effects over the whole range of each parameter, by SALib: mu, mu_star with half width, sigma."""
    from SALib.analyze import morris as salib

    _need(sweep, "morris")
    y, _ = sweep.whole(column)
    unit = _ranks_to_unit(sweep)
    found = salib.analyze(
        _problem(sweep.parameters), unit, y, num_resamples=resamples, conf_level=CONFIDENCE,
        num_levels=sweep.settings["levels"], seed=SEED,
    )  # fmt: skip
    columns = {"mu": "mu", "mu_star": "mu_star", "mu_star_conf": "half_width", "sigma": "sigma"}
    frame = {new: np.asarray(found[old], dtype=float) for old, new in columns.items()}
    return pd.DataFrame({"parameter": sweep.parameters, **frame})


def _ranks_to_unit(sweep: Sweep) -> np.ndarray:
    """Morris' levels again: evenly spaced, whatever the distribution made of them."""
    unit = np.empty_like(sweep.values)
    levels = sweep.settings["levels"]
    for j in range(sweep.values.shape[1]):
        seen, place = np.unique(sweep.values[:, j], return_inverse=True)
        if len(seen) > levels:
            raise InputError(f"{sweep.parameters[j]}: {len(seen)} values in a design of {levels} levels")
        unit[:, j] = place / max(len(seen) - 1, 1)
    return unit


def coefficients(sweep: Sweep, column: str) -> pd.DataFrame:
    """Standardised regression and partial rank correlation coefficients of a random sample.

    Columns: parameter, regression, low, high (95 %), rank, rank_low, rank_high; `attrs` has r2 and rank_r2.
    """
    x, y, _ = sweep.solved(column)
    refuse_constant(column, y, sweep.unit(column))
    n, d = x.shape
    if n < 2 * d + 3:
        raise InputError(f"{column}: {n} draws of {d} parameters; expected {2 * d + 3} or more")
    slope, low, high, r2 = _standardised(x, y)
    ranks = np.apply_along_axis(stats.rankdata, 0, x)
    place = stats.rankdata(y)
    partial = np.array([_partial(ranks, place, j) for j in range(d)])
    # Fisher's z of a partial correlation that controls for d - 1 others.
    half = stats.norm.ppf(0.975) / np.sqrt(n - d - 2)
    z = np.arctanh(np.clip(partial, -1 + 1e-15, 1 - 1e-15))
    frame = pd.DataFrame(
        {
            "parameter": sweep.parameters, "regression": slope, "low": low, "high": high, "rank": partial,
            "rank_low": np.tanh(z - half), "rank_high": np.tanh(z + half),
        }
    )  # fmt: skip
    frame.attrs = {"r2": r2, "rank_r2": _standardised(ranks, place)[3], "draws": n}
    return frame


def _standardised(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    t = (y - y.mean()) / y.std()
    slope, *_ = np.linalg.lstsq(z, t, rcond=None)
    rest = t - z @ slope
    n, d = z.shape
    error = np.sqrt(np.diag(np.linalg.pinv(z.T @ z)) * (rest @ rest) / (n - d - 1))
    half = stats.t.ppf(0.975, n - d - 1) * error
    return slope, slope - half, slope + half, float(1 - (rest @ rest) / (t @ t))


def _partial(x: np.ndarray, y: np.ndarray, j: int) -> float:
    """Correlation of column j with y, both cleared of the other columns."""
    others = np.column_stack([np.ones(len(x)), np.delete(x, j, axis=1)])
    clear = (
        np.column_stack([x[:, j], y])
        - others @ np.linalg.lstsq(others, np.column_stack([x[:, j], y]), rcond=None)[0]
    )
    a, b = clear.T
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def summary(sweep: Sweep) -> pd.DataFrame:
    """Mean, spread and quantiles of every outcome over the draws that were solved, and how many failed.

    A quadrature has a mean and a standard deviation, no quantiles, and nothing when a point failed. A design
    whose points have no probabilities has the lowest and the highest outcome.
    """
    rows = []
    levels = {"p5": 0.05, "p25": 0.25, "median": 0.5, "p75": 0.75, "p95": 0.95}
    for at, column in enumerate(sweep.columns):
        failed = int((~np.isfinite(sweep.outcomes[:, at])).sum())
        row: dict[str, Any] = {"outcome": column, "unit": sweep.unit(column), "draws": len(sweep.values)}
        row["failed"] = failed
        if failed < len(sweep.values) and not (
            failed and sweep.design == "stroud"
        ):  # it needs all of its points
            _, y, w = sweep.solved(column)
            row |= {"lowest": float(y.min()), "highest": float(y.max())}
            if sweep.design not in LAID_OUT:
                mean = float(w @ y)
                row |= {"mean": mean, "sd": math.sqrt(max(float(w @ (y - mean) ** 2), 0.0))}
            if sweep.design not in (*LAID_OUT, "stroud"):
                row |= {name: float(np.quantile(y, level)) for name, level in levels.items()}
                row["share_positive"] = float((y > 0).mean())
        rows.append(row)
    return pd.DataFrame(rows)


def one_at_a_time(sweep: Sweep, column: str) -> pd.DataFrame:
    """The outcome at the lowest and highest value of each parameter with all others at the centre; `attrs`: centre."""
    _need(sweep, "one_at_a_time")
    y, _ = sweep.whole(column)
    centre = sweep.values[0]
    rows = []
    for j, name in enumerate(sweep.parameters):
        alone = np.delete(sweep.values == centre, j, axis=1).all(axis=1)
        alone[0] = False
        at = np.flatnonzero(alone)
        low, high = at[np.argmin(sweep.values[at, j])], at[np.argmax(sweep.values[at, j])]
        rows.append((name, sweep.values[low, j], sweep.values[high, j], y[low], y[high]))
    return _with_derivatives(sweep, column, rows, float(y[0]))


def tornado(sweep: Sweep, column: str, tail: float = 0.1) -> pd.DataFrame:
    """The mean outcome over draws in the lowest and the highest tenth of each parameter, and what derivatives say.

    Everything else varies as it does in the sample. One at a time has the outcomes themselves. Columns: parameter,
    from, to (its mean in either tenth), at_low, at_high, swing = at_high - at_low, derivative: the swing that the
    derivative in the middle of all ranges gives from one to the other, nan where there is none.
    """
    if sweep.design == "one_at_a_time":
        return one_at_a_time(sweep, column)
    x, y, _ = sweep.solved(column)
    refuse_constant(column, y, sweep.unit(column))
    rows = []
    for j, name in enumerate(sweep.parameters):
        low, high = np.quantile(x[:, j], [tail, 1 - tail])
        below, above = x[:, j] <= low, x[:, j] >= high
        rows.append((name, x[below, j].mean(), x[above, j].mean(), y[below].mean(), y[above].mean()))
    return _with_derivatives(sweep, column, rows, float(y.mean()))


def _with_derivatives(sweep: Sweep, column: str, rows: list[tuple[Any, ...]], centre: float) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["parameter", "from", "to", "at_low", "at_high"])
    frame["swing"] = frame["at_high"] - frame["at_low"]
    frame["derivative"] = sweep.change_by_range(column) * (frame["to"] - frame["from"]) / sweep.width()
    frame.attrs["centre"] = centre
    return frame


# How far a parameter moves an outcome, first what tells it best: tails of a sample are noise beside a fit.
TELLING = {"sobol": "total", "morris": "mu_star", "coefficients": "regression", "tornado": "swing"}


def leading(tables: Mapping[str, pd.DataFrame], column: str) -> tuple[str, pd.DataFrame] | None:
    """The best of the tables that has an outcome, and its rows from what moves the outcome most to what does least."""
    for name, measure in TELLING.items():
        rows = tables.get(name, pd.DataFrame({"outcome": []}))
        rows = rows[rows["outcome"] == column]
        if len(rows):
            return name, rows.iloc[np.argsort(-rows[measure].abs(), kind="stable")]
    return None


def _need(sweep: Sweep, design: str) -> None:
    if sweep.design != design:
        raise InputError(f"this is a design of type {sweep.design}; expected {design}")


def _problem(names: tuple[str, ...]) -> dict[str, object]:
    return {"num_vars": len(names), "names": list(names), "bounds": [[0.0, 1.0]] * len(names)}
