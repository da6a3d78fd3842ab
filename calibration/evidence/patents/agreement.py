"""How far two sets of labels agree: confusion, precision and recall by class with their intervals, Cohen's kappa with
its standard error.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from calibration.evidence.patents.records import CLASSES

Array = npt.NDArray[np.float64]
Interval: TypeAlias = tuple[float, float]
NORMAL_975 = 1.959963984540054  # of two-sided intervals of 95 %


@dataclass(frozen=True, slots=True)
class Agreement:
    """counts (c, c): rows the reference, columns the other, weights added up. recall, precision (c,): None
    where the reference, or the other, never uses the class. kappa is None when both use one and the same
    class only. kappa_error and the 95 % intervals are None, too, of labels with weights: what error there is
    depends on how they were drawn.
    """

    classes: tuple[str, ...]
    counts: Array
    accuracy: float
    recall: tuple[float | None, ...]
    precision: tuple[float | None, ...]
    kappa: float | None
    kappa_error: float | None
    labels: int
    accuracy_interval: Interval | None
    recall_intervals: tuple[Interval | None, ...]
    precision_intervals: tuple[Interval | None, ...]


def agreement(
    reference: Sequence[str],
    other: Sequence[str],
    weights: Sequence[float] | None = None,
    classes: Sequence[str] = CLASSES,
) -> Agreement:
    """Compare labels one by one. Raises ValueError on different lengths, no labels, or labels that are no
    class.
    """
    if len(reference) != len(other) or not reference:
        raise ValueError(f"{len(reference)} reference labels against {len(other)}")
    strange = sorted((set(reference) | set(other)) - set(classes))
    if strange:
        raise ValueError(f"no classes: {', '.join(strange)}")
    place = {name: k for k, name in enumerate(classes)}
    counts = np.zeros((len(classes), len(classes)))
    amount = np.ones(len(reference)) if weights is None else np.asarray(weights, float)
    np.add.at(counts, ([place[r] for r in reference], [place[o] for o in other]), amount)
    kappa, error = cohen_kappa(counts)
    hit, rows, columns = np.diag(counts), counts.sum(1), counts.sum(0)
    alike = weights is None
    return Agreement(
        tuple(classes),
        counts,
        float(hit.sum() / counts.sum()),
        tuple(_ratio(h, t) for h, t in zip(hit, rows, strict=True)),
        tuple(_ratio(h, t) for h, t in zip(hit, columns, strict=True)),
        kappa,
        error if alike else None,
        len(reference),
        _of_count(hit.sum(), counts.sum()) if alike else None,
        tuple(_of_count(h, t) if alike else None for h, t in zip(hit, rows, strict=True)),
        tuple(_of_count(h, t) if alike else None for h, t in zip(hit, columns, strict=True)),
    )


def wilson(share: float, size: float) -> Interval:
    """Wilson's (1927) 95 % interval of a share seen in `size` draws, which may be an effective number; the share itself
    when that is infinite.
    """
    if math.isinf(size):
        return share, share
    square = NORMAL_975**2
    middle = (share + square / (2 * size)) / (1 + square / size)
    reach = math.sqrt(share * (1 - share) * square / size + (square / (2 * size)) ** 2) / (1 + square / size)
    return max(middle - reach, 0.0), min(middle + reach, 1.0)


def cohen_kappa(counts: Array) -> tuple[float | None, float | None]:
    """Cohen's kappa of a confusion matrix and its large-sample standard error (Fleiss, Cohen and Everitt
    1969), of labels drawn at random from all.
    """
    share = counts / counts.sum()
    size = float(counts.sum())
    rows, columns, hit = share.sum(1), share.sum(0), np.diag(share)
    observed, chance = float(hit.sum()), float(rows @ columns)
    if chance >= 1 - 1e-12:
        return None, None
    kappa = (observed - chance) / (1 - chance)
    on = float((hit * (1 - (rows + columns) * (1 - kappa)) ** 2).sum())
    crossed = share * (rows[None, :] + columns[:, None]) ** 2
    off = (1 - kappa) ** 2 * float(crossed.sum() - np.trace(crossed))
    variance = (on + off - (kappa - chance * (1 - kappa)) ** 2) / ((1 - chance) ** 2 * size)
    return kappa, math.sqrt(max(variance, 0.0))


def _ratio(part: float, whole: float) -> float | None:
    return float(part / whole) if whole > 0 else None


def _of_count(part: float, whole: float) -> Interval | None:
    return wilson(float(part / whole), float(whole)) if whole > 0 else None
