"""Where results turn: boxes in which an outcome exceeds a limit, and values at which its sign flips."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from calibration.errors import InputError
from model.records import Array
from outputs.names import number
from outputs.sweeps.reading import Sweep

PEEL = 0.05  # share of the draws in the box that a step removes
SMALLEST = 0.05  # share of all draws below which a box says nothing
LEAVES = 6  # of a tree
BINS = 12  # along a parameter, at most
IN_BIN = 25  # draws in each, at least


@dataclass(frozen=True)
class Box:
    """Limits on some parameters, and how well they single out the draws of interest.

    coverage: share of the draws of interest that lie in the box; density: share of the box that is of interest.
    p_value: of each limited parameter, that the box would be as dense without that limit (one-sided binomial).
    """

    limits: dict[str, tuple[float, float]]
    coverage: float
    density: float
    share: float
    p_value: dict[str, float]


def of_interest(sweep: Sweep, column: str, limit: float, above: bool = True) -> tuple[Array, Array]:
    """Values of the solved draws and whether the outcome is beyond the limit. Raises InputError when all or none is."""
    x, y, _ = sweep.solved(column)
    hit = y > limit if above else y < limit
    if hit.all() or not hit.any():
        which = "every" if hit.all() else "no"
        raise InputError(
            f"{column}: {which} draw is {'above' if above else 'below'} {limit:g}; nothing to discover"
        )
    return x, hit


def prim(x: Array, hit: Array, names: tuple[str, ...], peel: float = PEEL) -> list[Box]:
    """Peel a box from the outside in: the patient rule induction method (Friedman and Fisher 1999), without pasting.

    Returns the trajectory from all draws to the densest box: coverage falls while density rises, the reader chooses.
    """
    low, high = x.min(axis=0), x.max(axis=0)
    full = (low.copy(), high.copy())
    path = [_box(x, hit, low, high, full, names)]
    while True:
        inside = _inside(x, low, high)
        best: tuple[float, Array, Array] | None = None
        for j in range(x.shape[1]):
            column = x[inside, j]
            for lower in (True, False):
                edge = float(np.quantile(column, peel if lower else 1 - peel))
                kept = column > edge if lower else column < edge
                if kept.all() or kept.mean() < 1 - 4 * peel:  # few distinct values: peel the outermost one
                    seen = np.unique(column)
                    if len(seen) < 2:
                        continue
                    kept = column > seen[0] if lower else column < seen[-1]
                if kept.sum() < SMALLEST * len(x):
                    continue
                density = float(hit[inside][kept].mean())
                new_low, new_high = low.copy(), high.copy()
                (new_low if lower else new_high)[j] = column[kept].min() if lower else column[kept].max()
                if best is None or density > best[0]:
                    best = (density, new_low, new_high)
        if best is None or best[0] < path[-1].density:
            break
        if best[0] == path[-1].density == 1.0:
            break
        _, low, high = best
        path.append(_box(x, hit, low, high, full, names))
    return path


def chosen(path: list[Box]) -> Box:
    """The box of a trajectory with the best balance: the largest harmonic mean of coverage and density."""
    return max(path, key=lambda box: 2 * box.coverage * box.density / max(box.coverage + box.density, 1e-300))


def _inside(x: Array, low: Array, high: Array) -> Array:
    return np.asarray(((x >= low) & (x <= high)).all(axis=1))


def _box(
    x: Array, hit: Array, low: Array, high: Array, full: tuple[Array, Array], names: tuple[str, ...]
) -> Box:
    from scipy.stats import binom

    inside = _inside(x, low, high)
    limited = [j for j in range(len(names)) if low[j] > full[0][j] or high[j] < full[1][j]]
    p_value = {}
    for j in limited:
        wider_low, wider_high = low.copy(), high.copy()
        wider_low[j], wider_high[j] = full[0][j], full[1][j]
        without = _inside(x, wider_low, wider_high)
        p_value[names[j]] = float(binom.sf(hit[inside].sum() - 1, inside.sum(), hit[without].mean()))
    return Box(
        {names[j]: (float(low[j]), float(high[j])) for j in limited},
        float(hit[inside].sum() / hit.sum()), float(hit[inside].mean()), float(inside.mean()), p_value,
    )  # fmt: skip


@dataclass(frozen=True)
class Leaf:
    """A branch of a tree to its end: what holds there, and which part of the draws is of interest; see `Box`."""

    rule: str
    coverage: float
    density: float
    share: float


def tree(x: Array, hit: Array, names: tuple[str, ...], leaves: int = LEAVES) -> list[Leaf]:
    """The leaves of a classification tree (scikit-learn, CART), densest first. Boxes may miss a second region."""
    from sklearn.tree import DecisionTreeClassifier

    grown = DecisionTreeClassifier(
        max_leaf_nodes=leaves, min_samples_leaf=max(int(np.ceil(SMALLEST * len(x))), 2), random_state=0
    )
    grown.fit(x, hit)
    inner, at = grown.tree_, grown.apply(x)
    found = []

    def descend(node: int, limits: dict[str, tuple[float, float]]) -> None:
        if inner.children_left[node] < 0:
            here = hit[at == node]
            found.append(
                Leaf(
                    _words(limits),
                    float(here.sum() / hit.sum()),
                    float(here.mean()),
                    float(len(here) / len(hit)),
                )
            )
            return
        name, edge = names[inner.feature[node]], float(inner.threshold[node])
        low, high = limits.get(name, (-np.inf, np.inf))
        descend(inner.children_left[node], limits | {name: (low, min(high, edge))})
        descend(inner.children_right[node], limits | {name: (max(low, edge), high)})

    descend(0, {})
    return sorted(found, key=lambda leaf: -leaf.density)


def _words(limits: dict[str, tuple[float, float]]) -> str:
    """Limits on parameters in words."""
    parts = []
    for name, (low, high) in limits.items():
        below = f" <= {number(high, 4)}" if np.isfinite(high) else ""
        parts.append(f"{number(low, 4)} < {name}{below}" if np.isfinite(low) else f"{name}{below}")
    return " and ".join(parts) or "all draws"


def threshold_curve(sweep: Sweep, column: str, parameter: str, limit: float = 0.0) -> pd.DataFrame:
    """Share of draws above a limit and quantiles of the outcome along one parameter, in bins of equal count.

    Columns: value (median of the bin), above, above_low, above_high (Wilson, 95 %), p5, median, p95, draws.
    """
    x, y, _ = sweep.solved(column)
    j = sweep.parameters.index(parameter)
    seen = np.unique(x[:, j])
    bins = int(np.clip(len(y) // IN_BIN, 3, BINS))
    if len(seen) <= BINS:
        groups = [x[:, j] == value for value in seen]
    else:
        edges = np.quantile(x[:, j], np.linspace(0, 1, bins + 1))
        place = np.clip(np.searchsorted(edges, x[:, j], side="right") - 1, 0, bins - 1)
        groups = [place == at for at in range(bins)]
    rows = []
    for group in (g for g in groups if g.any()):
        n, share = int(group.sum()), float((y[group] > limit).mean())
        low, high = _wilson(share, n)
        p5, middle, p95 = np.quantile(y[group], [0.05, 0.5, 0.95])
        rows.append((float(np.median(x[group, j])), share, low, high, p5, middle, p95, n))
    return pd.DataFrame(
        rows, columns=["value", "above", "above_low", "above_high", "p5", "median", "p95", "draws"]
    )


def _wilson(share: float, n: int, z: float = 1.959964) -> tuple[float, float]:
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return float(middle - half), float(middle + half)


def crossings(curve: pd.DataFrame, limit: float = 0.0, of: str = "median") -> list[float]:
    """Values of the parameter at which the outcome crosses the limit, by straight lines between bins."""
    x, y = curve["value"].to_numpy(), curve[of].to_numpy() - limit
    found = []
    for at in range(len(x) - 1):
        if y[at] == 0:
            found.append(float(x[at]))
        elif y[at] * y[at + 1] < 0:
            found.append(float(x[at] - y[at] * (x[at + 1] - x[at]) / (y[at + 1] - y[at])))
    if len(y) and y[-1] == 0:
        found.append(float(x[-1]))
    return found
