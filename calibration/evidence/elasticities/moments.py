"""Counts on an endogenous price: PPML's moment with a multiplicative error, instruments and fixed effects.

The number of rare-earth patents is N = O exp(beta q + unit + year) v with O other patents, q the relative
price (E18) and v an error of mean 1 that may move with q but not with the instruments. Then E[v - 1 |
instruments, effects] = 0, whatever the price's own equation looks like (Mullahy 1997; Windmeijer and Santos
Silva 1997). Zero counts stay in. The unit and year effects are solved for exactly, by balancing, at every
slope.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from calibration.evidence.elasticities.fixed_effects import partial_out
from calibration.evidence.elasticities.inference import Fit
from calibration.evidence.elasticities.panel import Panel

Array = npt.NDArray[np.float64]


def iv_ppml(
    panel: Panel, price: Array | None = None, instrument: Array | None = None, start: Array | None = None
) -> Fit:
    """Slopes of E18 by just-identified moments; price (k, n) and instrument (m, n) default to the panel's.

    Instruments are projected on the price's columns first, so m may exceed k. Rows weigh by their unit's mean
    count, which is about the inverse of the noise of its ratio. Raises ValueError when the instruments do not
    move the price, RuntimeError when the iteration does not settle.
    """
    price = panel.price if price is None else price
    instrument = panel.instrument if instrument is None else instrument
    if len(instrument) < len(price):
        raise ValueError(f"{len(price)} slopes need at least as many instruments, not {len(instrument)}")
    fitted = project(panel, price, instrument)
    slope = np.zeros(len(price)) if start is None else np.array(start, float)
    weights = row_weights(panel)
    state: tuple[Array, Array] | None = None
    for _ in range(100):
        ratio, state = _balance(panel, price, slope, weights, state)
        fit = _moments(panel, price, fitted, weights, ratio, slope)
        step = np.linalg.solve(fit.instrument @ fit.response.T, fit.instrument @ fit.error)
        slope = slope + step * min(1.0, 0.5 / max(float(np.abs(step).max()), 1e-300))
        if np.abs(step).max() < 1e-10:
            return fit
    raise RuntimeError(
        "the moments of the patent equation have no solution near these data: the instruments move the price too "
        "little, or there are too few counts"
    )


def moment_at(panel: Panel, slope: float) -> Fit:
    """The moment at a given slope, for the Anderson-Rubin test. One price and its own instruments."""
    weights = row_weights(panel)
    fitted = project(panel, panel.price, panel.instrument)
    at = np.array([slope])
    ratio, _ = _balance(panel, panel.price, at, weights, None)
    return _moments(panel, panel.price, fitted, weights, ratio, at)


def row_weights(panel: Panel) -> Array:
    """Mean rare-earth count of the row's unit over the mean of all (n,)."""
    mean = np.bincount(panel.unit, panel.ree) / np.bincount(panel.unit)
    relative: Array = (mean / mean.mean())[panel.unit]
    return relative


def project(panel: Panel, price: Array, instrument: Array) -> Array:
    """Price as predicted by the instruments, unit and year effects taken out of both (k, n)."""
    effects = (panel.unit, panel.period)
    flat_price, flat = partial_out(price, effects), partial_out(instrument, effects)
    size = np.sqrt((flat**2).sum(1, keepdims=True))
    if (size <= 1e-9 * np.sqrt((instrument**2).sum(1, keepdims=True))).any():
        raise ValueError("an instrument does not vary within units beyond what is common to a year")
    flat = flat / size
    fitted: Array = np.linalg.lstsq(flat.T, flat_price.T, rcond=None)[0].T @ flat
    if np.linalg.matrix_rank(fitted, tol=1e-8 * max(float(np.abs(flat_price).max()), 1e-300)) < len(price):
        raise ValueError("the instruments do not move every column of the price on its own")
    return fitted


def _balance(
    panel: Panel, price: Array, slope: Array, weights: Array, start: tuple[Array, Array] | None
) -> tuple[Array, tuple[Array, Array]]:
    """v = N / (O exp(beta q)) scaled by unit and year so that its weighted mean is 1 in each of them (n,),
    and the scales.
    """
    exponent = slope @ price
    raw = panel.ree / panel.other * np.exp(exponent.mean() - exponent)
    rows_in_unit = np.bincount(panel.unit).astype(float)
    weight_in_year = np.bincount(panel.period, weights)
    by_unit, by_year = start or (np.ones(len(rows_in_unit)), np.ones(len(weight_in_year)))
    for _ in range(5000):
        unit = rows_in_unit / np.bincount(panel.unit, raw * by_year[panel.period])
        year = weight_in_year / np.bincount(panel.period, weights * raw * unit[panel.unit])
        change = np.abs(np.log(year / by_year)).max()
        by_unit, by_year = unit, year
        if change < 1e-12:
            break
    else:
        raise RuntimeError(f"unit and year effects did not settle ({change:.1e} left)")
    return raw * by_unit[panel.unit] * by_year[panel.period], (by_unit, by_year)


def _moments(panel: Panel, price: Array, fitted: Array, weights: Array, ratio: Array, slope: Array) -> Fit:
    """The moments at a slope, their instrument and response net of effects in the metric of the ratio's
    weights.
    """
    size = weights * ratio
    net = partial_out(np.vstack([fitted, price]), (panel.unit, panel.period), size + 1e-12)
    instrument, net_price = net[: len(fitted)], net[len(fitted) :]
    return Fit(slope, instrument, size * net_price, weights * (ratio - 1))
