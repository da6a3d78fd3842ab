"""An audit: a stratified sample to be labelled by hand, blind, and what the labels say once they are in.

Every class is sampled, so that rare ones are judged too; scoring weighs each label by the share of patents it
stands for.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from calibration.evidence.patents.agreement import Agreement, agreement
from calibration.evidence.patents.records import CLASSES, Patent, Verdict


@dataclass(frozen=True, slots=True)
class Drawn:
    """One patent of the sample; weight is the number of patents of its stratum it stands for."""

    id: str
    stratum: str
    weight: float


@dataclass(frozen=True, slots=True)
class ClassShare:
    """Share of patents truly of a class by the audit, its standard error, and the share the classifier says."""

    category: str
    audited: float
    standard_error: float
    classified: float


@dataclass(frozen=True, slots=True)
class Audit:
    """Agreement weighed up to all patents, and true class shares."""

    agreement: Agreement
    accuracy_error: float
    shares: tuple[ClassShare, ...]


def draw(
    patents: Sequence[Patent], verdicts: Sequence[Verdict], size: int, *, years: int = 5, seed: int = 0
) -> list[Drawn]:
    """A sample of classified patents, stratified by class and by spans of years; as equal over classes as
    there are patents, over a class's spans in proportion. In random order, so that a labeller learns nothing
    from it.

    Raises ValueError when nothing is classified or the size is below the number of strata.
    """
    by_id = {patent.id: patent for patent in patents}
    strata: dict[str, list[str]] = defaultdict(list)
    for verdict in verdicts:
        if verdict.status == "classified":
            start = by_id[verdict.id].year // years * years
            strata[f"{verdict.category} {start}-{start + years - 1}"].append(verdict.id)
    if not strata:
        raise ValueError("no classified patents to draw from")
    if size < len(strata):
        raise ValueError(f"a sample of {size} cannot cover {len(strata)} strata of class and years")
    wanted = _allocate({name: len(ids) for name, ids in strata.items()}, size)
    rng = np.random.default_rng(seed)
    drawn = []
    for name in sorted(strata):
        ids = sorted(strata[name])
        chosen = rng.choice(len(ids), wanted[name], replace=False)
        drawn += [Drawn(ids[k], name, len(ids) / wanted[name]) for k in chosen]
    return [drawn[k] for k in rng.permutation(len(drawn))]


def score(drawn: Sequence[Drawn], classified: Sequence[str], labels: Sequence[str]) -> Audit:
    """What the labels say of the classifier, all in the order of `drawn`.

    Standard errors are those of a stratified sample with the finite-population correction.
    """
    weights = np.array([d.weight for d in drawn])
    compared = agreement(list(labels), list(classified), weights.tolist())
    strata = [d.stratum for d in drawn]
    total = weights.sum()
    right = np.array([a == b for a, b in zip(labels, classified, strict=True)], float)
    shares = []
    for name in CLASSES:
        is_true = np.array([label == name for label in labels], float)
        said = np.array([c == name for c in classified], float)
        shares.append(
            ClassShare(
                name,
                float(weights @ is_true / total),
                _stratified_error(is_true, weights, strata),
                float(weights @ said / total),
            )
        )
    return Audit(compared, _stratified_error(right, weights, strata), tuple(shares))


def _allocate(sizes: dict[str, int], size: int) -> dict[str, int]:
    """Sample sizes by stratum: one each, then by class in equal parts, within classes in proportion, none
    above its size.
    """
    classes = defaultdict(list)
    for name in sorted(sizes):
        classes[name.split()[0]].append(name)
    wanted = dict.fromkeys(sizes, 1)
    left = min(size, sum(sizes.values())) - len(sizes)
    while left > 0:
        open_classes = [c for c, names in classes.items() if any(wanted[n] < sizes[n] for n in names)]
        # The class with the fewest so far, and in it the stratum furthest below its proportion.
        behind = min(open_classes, key=lambda c: (sum(wanted[n] for n in classes[c]), c))
        room = [n for n in classes[behind] if wanted[n] < sizes[n]]
        wanted[min(room, key=lambda n: (wanted[n] / sizes[n], n))] += 1
        left -= 1
    return wanted


def _stratified_error(values: np.ndarray, weights: np.ndarray, strata: Sequence[str]) -> float:
    """Standard error of the weighted mean; a stratum with a single label counts as its class's whole spread
    (1/4).
    """
    variance, total = 0.0, weights.sum()
    for name in sorted(set(strata)):
        here = np.array([s == name for s in strata])
        count, population = int(here.sum()), float(weights[here].sum())
        spread = float(values[here].var(ddof=1)) if count > 1 else 0.25
        variance += (population / total) ** 2 * max(1 - count / population, 0.0) * spread / count
    return math.sqrt(variance)
