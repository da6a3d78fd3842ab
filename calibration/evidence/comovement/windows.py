"""Cross-quantilograms over rolling and recursive windows of time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from calibration.evidence.comovement.alignment import Control
from calibration.evidence.comovement.crossquantilogram import Bootstrap, CrossQuantilogram, cross_quantilogram
from calibration.evidence.comovement.hits import Floats, Ints

Kind = Literal["rolling", "recursive"]


@dataclass(frozen=True)
class WindowedQuantilogram:
    """One cross-quantilogram per window; first and last (windows,) are the dates it covers, both included, 0-based."""

    kind: Kind
    first: Ints
    last: Ints
    results: tuple[CrossQuantilogram, ...]

    def stacked(self, name: str) -> Floats:
        """An array of the results by window, e.g. "value": (window, lag, target, predictor)."""
        return np.array([getattr(result, name) for result in self.results])


def window_edges(length: int, width: int, step: int = 1, kind: Kind = "rolling") -> tuple[Ints, Ints]:
    """First and last dates (included) of the windows; the last window always ends at the last date.

    recursive windows all start at 0 and grow from `width`.
    """
    if not 1 <= width <= length or step < 1 or kind not in ("rolling", "recursive"):
        raise ValueError(
            f"windows need 1 <= width <= {length}, step >= 1 and kind rolling or recursive; got {width}, "
            f"{step}, {kind}"
        )
    last = np.arange(length - 1, width - 2, -step)[::-1]
    first = last - width + 1 if kind == "rolling" else np.zeros_like(last)
    return first, last


def windowed_quantilogram(
    target: ArrayLike,
    predictor: ArrayLike,
    levels: ArrayLike,
    lags: int | Sequence[int] = 1,
    *,
    width: int,
    step: int = 1,
    kind: Kind = "rolling",
    controls: Sequence[Control] = (),
    bootstrap: Bootstrap | None = None,
    progress: Callable[[Iterable[int]], Iterable[int]] = iter,
    **options: Any,
) -> WindowedQuantilogram:
    """`cross_quantilogram` on every window, quantiles and critical values from the window alone.

    Every window draws from the same seed, so that neighbours differ by their data and not by their draws.
    """
    y, x = np.asarray(target, dtype=float), np.asarray(predictor, dtype=float)
    first, last = window_edges(y.size, width, step, kind)
    results = []
    for place in progress(range(first.size)):
        cut = slice(first[place], last[place] + 1)
        inside = [
            replace(control, series=np.asarray(control.series, dtype=float)[cut]) for control in controls
        ]
        results.append(
            cross_quantilogram(y[cut], x[cut], levels, lags, controls=inside, bootstrap=bootstrap, **options)
        )
    return WindowedQuantilogram(kind, first, last, tuple(results))
