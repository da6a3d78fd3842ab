"""The slope of relative patents on the relative price of rare earths (E18), by four methods that err in
different ways.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import optimize, stats

from calibration.errors import InputError
from calibration.evidence.elasticities import bootstrap
from calibration.evidence.elasticities.fixed_effects import partial_out
from calibration.evidence.elasticities.inference import Fit, cluster_influence
from calibration.evidence.elasticities.instruments import conditional_f
from calibration.evidence.elasticities.moments import iv_ppml, moment_at, project
from calibration.evidence.elasticities.panel import Panel, drop_uninformative
from calibration.evidence.regression import fepois

Array = npt.NDArray[np.float64]
Method = Literal["iv_ppml", "iv_log", "ppml", "log_plus_one"]
LARGEST_EXPONENT = 50.0
# Clusters from which Anderson and Rubin's test can reject: its statistic is at most about the root of their number less
# one, which for 7 is the critical value itself.
FEWEST_FOR_ANDERSON_RUBIN = 12
REFITTED = 50  # clusters up to which the jackknife estimates again without each; beyond, first order is near
METHODS: tuple[Method, ...] = get_args(Method)

WHAT = {
    "iv_ppml": "counts, zeros kept, price instrumented",
    "iv_log": "log ratio, zeros dropped, price instrumented (2SLS)",
    "ppml": "counts, zeros kept, price taken as exogenous",
    "log_plus_one": "naive: ln(1+count) ratio, price taken as exogenous",
}


@dataclass(frozen=True, slots=True)
class SlopeEstimate:
    """beta of E18 summed over lags, with its inference; `by_lag` (K,) and `covariance` (K, K) of the single
    lags.
    """

    method: Method
    slope: float
    standard_error: float
    interval: tuple[float, float]  # clustered jackknife, t with G-1 degrees of freedom
    p_value: float  # of beta = 0, that is eps = 1
    by_lag: Array
    covariance: Array
    first_stage_f: tuple[float, ...]  # clustered, one per column of the price; empty without instruments
    bootstrap_p_value: float | None
    bootstrap_interval: tuple[float, float] | None
    # Anderson-Rubin, for counts with one price and one instrument, and not too few clusters; None is unbounded on that
    # side.
    weak_instrument_interval: tuple[float | None, float | None] | None
    rows: int
    units: int
    clusters: int
    zeros: float
    dropped: dict[str, int]
    jackknife: bool  # whether errors are of estimates without each cluster, or those to first order

    @property
    def best_interval(self) -> tuple[float, float]:
        """The Anderson-Rubin interval where there is one, else that of the clustered t. Ends may be infinite.

        In simulations with many zeros it holds the truth as often as it says, the other a little less often.
        """
        if self.weak_instrument_interval is None:
            return self.interval
        low, high = self.weak_instrument_interval
        return (-math.inf if low is None else low, math.inf if high is None else high)


def estimate_slope(
    panel: Panel,
    method: Method = "iv_ppml",
    *,
    level: float = 0.95,
    draws: int = bootstrap.DRAWS,
    seed: int = 0,
) -> SlopeEstimate:
    """Estimate E18's beta with unit and year effects; draws = 0 leaves the bootstrap and the Anderson-Rubin
    interval out.

    Raises ValueError when the method needs instruments and the panel has none, or has fewer than two
    clusters.
    """
    if panel.cluster.max() < 1:
        raise ValueError("clustered inference needs at least two clusters")
    if method.startswith("iv") and not len(panel.instrument):
        raise ValueError(f"method {method} needs an instrument")
    if method == "iv_log":
        panel = panel.take(panel.ree > 0, "no rare-earth patents, so no log")
    return _summarise(panel, method, _SOLVERS[method](panel), level, draws, seed)


def first_stage_f(panel: Panel) -> tuple[float, ...]:
    """F of the instruments for each column of the price, the other columns instrumented too; by the jackknife, as
    errors of slopes.
    """
    effects = (panel.unit, panel.period)

    def clustered(fit: Fit) -> Array:
        sums = cluster_influence(fit, panel.cluster)
        again = _jackknife_of_least_squares(fit, panel) if sums.shape[1] <= REFITTED else None
        return _covariance(sums, again)

    price, instrument = partial_out(panel.price, effects), partial_out(panel.instrument, effects)
    return tuple(conditional_f(price, instrument, clustered).tolist())


def _jackknife_of_least_squares(fit: Fit, panel: Panel) -> Array | None:
    """Covariance of least squares from estimates without each cluster, unit and year effects estimated again (k, k);
    None when one of them does not exist.
    """
    outcome, groups, changes = fit.slope @ fit.response + fit.error, int(panel.cluster.max()) + 1, []
    size = np.abs(fit.instrument).max(1)
    for g in range(groups):
        rows = panel.cluster != g
        codes = [np.unique(c[rows], return_inverse=True)[1] for c in (panel.unit, panel.period)]
        left = partial_out(np.vstack([outcome, fit.instrument])[:, rows], (codes[0], codes[1]))
        if (np.abs(left[1:]).max(1) <= 1e-9 * size).any():
            return None
        changes.append(np.linalg.lstsq(left[1:].T, left[0], rcond=None)[0] - fit.slope)
    change = np.array(changes)
    return np.asarray((groups - 1) / groups * change.T @ change, float)


def _summarise(panel: Panel, method: Method, fit: Fit, level: float, draws: int, seed: int) -> SlopeEstimate:
    groups = int(panel.cluster.max()) + 1
    sums = cluster_influence(fit, panel.cluster)
    again = jackknife(panel, method, fit.slope) if groups <= REFITTED else None
    covariance = _covariance(sums, again)
    slope, error = float(fit.slope.sum()), float(np.sqrt(covariance.sum()))
    if not error > 1e-12 * abs(slope):
        raise ValueError("the counts are fitted without error: there is nothing to test against")
    width = float(stats.t.ppf(0.5 + level / 2, groups - 1)) * error
    instrumented = method.startswith("iv")
    p_boot, interval_boot, robust = None, None, None
    if draws:
        signs = bootstrap.cluster_signs(groups, draws, np.random.default_rng(seed))
        p_boot, interval_boot = bootstrap.score_bootstrap(sums.sum(0), slope, signs, level)
        if method in ("iv_log", "log_plus_one") and len(panel.price) == 1:
            p_boot = bootstrap.linear_bootstrap(
                _log_ratio(panel, method),
                panel.price[0],
                panel.instrument if instrumented else panel.price,
                (panel.unit, panel.period),
                panel.cluster,
                signs,
            )
    one_price = len(panel.price) == len(panel.instrument) == 1
    if method == "iv_ppml" and one_price and groups >= FEWEST_FOR_ANDERSON_RUBIN:
        robust = anderson_rubin(panel, slope, error, level)
    return SlopeEstimate(
        method,
        slope,
        error,
        (slope - width, slope + width),
        float(2 * stats.t.sf(abs(slope) / error, groups - 1)),
        fit.slope,
        covariance,
        first_stage_f(panel) if instrumented else (),
        p_boot,
        interval_boot,
        robust,
        panel.rows,
        len(panel.unit_names),
        groups,
        float((panel.ree == 0).mean()),
        panel.dropped,
        again is not None,
    )


def _covariance(sums: Array, again: Array | None) -> Array:
    """The jackknife's covariance (k, k), or that of clusters' influence (k, g) to first order where there is none.

    Raises ValueError with two clusters that have no jackknife: years then make the one the mirror of the other, and
    influences that cancel out tell no error.
    """
    if again is None and sums.shape[1] == 2:
        raise ValueError(
            "neither of the two clusters moves a slope alone, so that nothing tells its error: cluster by smaller units"
        )
    return np.asarray(sums @ sums.T if again is None else again, float)


def jackknife(panel: Panel, method: Method, slope: Array) -> Array | None:
    """Covariance of the slopes (k, k) from estimates without each cluster, effects estimated again (CV3; MacKinnon,
    Nielsen and Webb 2023); None when one of them does not exist.
    """
    groups, changes = int(panel.cluster.max()) + 1, []
    for g in range(groups):
        try:
            rest = drop_uninformative(panel.take(panel.cluster != g, "cluster left out"))
            changes.append(_SOLVERS[method](rest).slope - slope)
        except (InputError, ValueError, RuntimeError):
            return None
    change = np.array(changes)
    return np.asarray((groups - 1) / groups * change.T @ change, float)


def anderson_rubin(
    panel: Panel, slope: float, error: float, level: float = 0.95
) -> tuple[float | None, float | None]:
    """Interval of slopes the moment does not reject, valid however weak the instrument.

    None where it has no end below a slope at which a unit's patents would differ exp(50)-fold between years.
    """

    def excess(beta: float) -> float:
        return _excess(panel, beta, level)

    furthest = LARGEST_EXPONENT / float(np.ptp(panel.price))

    def end(direction: float) -> float | None:
        inside, step = slope, error * direction
        while abs(inside + step) < furthest:
            if excess(inside + step) > 0:
                return float(optimize.brentq(excess, inside, inside + step, xtol=1e-6 * error))
            inside, step = inside + step, 1.8 * step
        return None

    return end(-1.0), end(1.0)


def anderson_rubin_scan(panel: Panel, level: float = 0.95) -> tuple[float | None, float | None] | None:
    """The same without a slope to start from: first and last of slopes on a grid, denser near 0, that the moment
    does not reject; None when it rejects all of them.
    """
    furthest = 0.99 * LARGEST_EXPONENT / float(np.ptp(panel.price))
    grid = np.sinh(np.linspace(-1, 1, 81) * np.arcsinh(100 * furthest)) / 100
    kept = [float(beta) for beta in grid if _excess(panel, float(beta), level) <= 0]
    if not kept:
        return None
    return None if kept[0] == grid[0] else kept[0], None if kept[-1] == grid[-1] else kept[-1]


def _excess(panel: Panel, beta: float, level: float) -> float:
    """|t| of the moment at a slope, less its critical value."""
    critical = float(stats.t.ppf(0.5 + level / 2, int(panel.cluster.max())))
    fit = moment_at(panel, beta)
    sums = cluster_influence(fit, panel.cluster)[0]
    return abs(float(fit.influence.sum())) / float(np.sqrt((sums**2).sum())) - critical


def _log_ratio(panel: Panel, method: Method) -> Array:
    shift = 1.0 if method == "log_plus_one" else 0.0
    return np.log((panel.ree + shift) / (panel.other + shift))


def _linear(panel: Panel, method: Method, instrument: Array) -> Fit:
    """Least squares or 2SLS of the log ratio."""
    effects = (panel.unit, panel.period)
    y, x = partial_out(_log_ratio(panel, method), effects)[0], partial_out(panel.price, effects)
    slope = np.linalg.solve(instrument @ x.T, instrument @ y)
    return Fit(slope, instrument, x, y - slope @ x)


def _naive(panel: Panel) -> Fit:
    return _linear(panel, "log_plus_one", partial_out(panel.price, (panel.unit, panel.period)))


def _iv_log(panel: Panel) -> Fit:
    return _linear(panel, "iv_log", project(panel, panel.price, panel.instrument))


def _ppml(panel: Panel) -> Fit:
    """PPML by pyfixest, ln of other patents as offset."""
    names = [f"price_{k}" for k in range(len(panel.price))]
    data = pd.DataFrame(
        {"ree": panel.ree, "offset": np.log(panel.other), "unit": panel.unit, "period": panel.period}
        | dict(zip(names, panel.price, strict=True))
    )
    formula = f"ree ~ {' + '.join(names)} | unit + period"
    found = fepois(formula, data, vcov="iid", offset="offset", fixef_rm="none", iwls_tol=1e-10)
    mean = np.asarray(found.predict(type="response"), float)
    price = partial_out(panel.price, (panel.unit, panel.period), mean)
    return Fit(found.coef().loc[names].to_numpy(float), price, mean * price, panel.ree - mean)


_SOLVERS = {"iv_ppml": iv_ppml, "iv_log": _iv_log, "ppml": _ppml, "log_plus_one": _naive}
