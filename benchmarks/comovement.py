"""Times of the co-movement estimators: quantile grids with their bootstrap, and a local wavelet correlation."""

from __future__ import annotations

import statistics
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np

from calibration.evidence.comovement import (
    Bootstrap,
    Control,
    brick_wall,
    cross_quantilogram,
    local_multiple_correlation,
    modwt,
)

MONTHS = 336
REPEATS = 5


def panel() -> np.ndarray:
    """Four persistent, heavy-tailed series of 336 months, always the same."""
    rng = np.random.default_rng(20231231)
    noise = rng.standard_t(4, (MONTHS + 50, 4))
    series = np.zeros_like(noise)
    for t in range(1, len(series)):
        series[t] = 0.4 * series[t - 1] + noise[t]
    return series[50:]


def timed(name: str, work: Callable[[], object], repeats: int, note: str) -> dict[str, Any]:
    """Median and spread of seconds after one warm-up, and the peak of memory allocated in a run of its own."""
    work()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return {
        "name": name,
        "seconds": statistics.median(seconds),
        "spread": f"{min(seconds):.3g} to {max(seconds):.3g}",
        "peak_mb": round(peak / 1e6),
        "note": note,
    }


def partial_grid(levels: int, lags: int) -> Callable[[], object]:
    """A partial cross-quantilogram with two controls and 1,000 resamples."""
    y, x, z, w = panel().T
    grid = np.linspace(0.05, 0.95, levels)
    controls = [Control(z, 0.5), Control(w, 0.5)]
    return lambda: cross_quantilogram(
        y, x, grid, range(1, lags + 1), controls=controls, bootstrap=Bootstrap(1000, seed=1)
    )


def pcq_11x11x1() -> dict[str, Any]:
    note = "11 x 11 quantiles, one lag, 1,000 resamples, two controls, 336 months; R quantilogram 3.1.1: 95 s"
    return timed("pcq-11x11x1", partial_grid(11, 1), REPEATS, note)


def pcq_19x19x12() -> dict[str, Any]:
    note = "19 x 19 quantiles, 12 lags, 1,000 resamples, two controls, 336 months; R quantilogram 3.1.1: about an hour"
    return timed("pcq-19x19x12", partial_grid(19, 12), REPEATS, note)


def wlmc_336x4() -> dict[str, Any]:
    def work() -> object:
        return local_multiple_correlation(brick_wall(modwt(table, "la8", 5)), 42, centre=False)

    table = panel()
    note = "MODWT la8 of four series, J = 5, brick wall, local multiple correlation with a gaussian window"
    return timed("wlmc-336x4", work, 20, note)


WORKS: dict[str, Callable[[], dict[str, Any]]] = {
    "pcq-11x11x1": pcq_11x11x1,
    "pcq-19x19x12": pcq_19x19x12,
    "wlmc-336x4": wlmc_336x4,
}
