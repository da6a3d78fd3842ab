"""An audit: a stratified sample to be labelled by hand, blind, and what the labels say once they are in.

Every class is sampled, so that rare ones are judged too; scoring weighs each label by the number of patents it
stands for, which is renewed when some of the sample is left without a label. Errors are those of the stratified
sample, by linearisation (Woodruff 1971; Cochran 1977, chapter 5A).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from calibration.evidence.patents.agreement import Agreement, Interval, agreement, wilson
from calibration.evidence.patents.records import CLASSES, Patent, Verdict

Array = npt.NDArray[np.float64]
# A class in which few labels disagree varies more than they show, so that its spread is taken after this many more
# labels, right as often as all patents are by the sample. tests/evidence/patents holds the coverage this gives.
ADDED_LABELS = 2.0


@dataclass(frozen=True, slots=True)
class Drawn:
    """One patent of the sample; weight is the number of patents of its stratum it stands for."""

    id: str
    stratum: str
    weight: float


@dataclass(frozen=True, slots=True)
class ClassShare:
    """Share of patents truly of a class by the audit, its standard error and 95 % interval, and the share that the
    classifier says.
    """

    category: str
    audited: float
    standard_error: float
    interval: Interval
    classified: float


@dataclass(frozen=True, slots=True)
class Audit:
    """Agreement weighed up to all patents, and true class shares. left_out: classes of the sample without any label, of
    which nothing is said.
    """

    agreement: Agreement
    accuracy_error: float
    shares: tuple[ClassShare, ...]
    left_out: tuple[str, ...]


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
    """What the labels say of the classifier, all in the order of `drawn`, which is the whole sample: "" stands where
    there is no label. Those without one are taken to be like the others of their stratum, and a stratum without any
    like the others of its class. Raises ValueError when there is no label at all.
    """
    weights, left_out = _renewed(drawn, [bool(label) for label in labels])
    here = [k for k, weight in enumerate(weights) if weight > 0]
    if not here:
        raise ValueError("no labels to score")
    truth, said = [labels[k] for k in here], [classified[k] for k in here]
    compared = agreement(truth, said, weights[here].tolist())
    # Of what is truly of a class, the part classified so is among those that nothing is known of.
    unknown = [name in left_out for name in CLASSES]
    known = [None if lost else share for share, lost in zip(compared.recall, unknown, strict=True)]
    compared = replace(compared, recall=tuple(known))
    cells = compared.counts / compared.counts.sum()
    sample = _sample([drawn[k].stratum for k in here], weights[here], truth, said)
    same, every = np.eye(len(CLASSES)), np.ones((len(CLASSES), len(CLASSES)))
    rows = [np.outer(one, every[0]) for one in same]  # the cells of what is truly of a class
    accuracy_error, accuracy_interval = _of_ratio(sample, cells, same, every)
    shares = [
        ClassShare(
            name,
            float((cells * row).sum()),
            _error(sample, row),
            _share_interval(sample, row),
            float((cells * row.T).sum()),
        )
        for name, row in zip(CLASSES, rows, strict=True)
    ]
    compared = replace(
        compared,
        kappa_error=_kappa_error(sample, cells, compared.kappa),
        accuracy_interval=accuracy_interval,
        recall_intervals=_intervals(sample, cells, compared.recall, rows),
        precision_intervals=_intervals(sample, cells, compared.precision, [row.T for row in rows]),
    )
    return Audit(compared, accuracy_error, tuple(shares), left_out)


@dataclass(frozen=True, slots=True)
class _Sample:
    """A stratified sample with labels. By stratum (h,): patents, labels, and place of its class (g). By class
    (g, c, c): cells of the confusion matrix as shares of the class, as they are and smoothed.
    """

    population: Array
    labels: Array
    group: npt.NDArray[np.int64]
    cells: Array
    smooth: Array

    @property
    def share(self) -> Array:
        """Of all patents, by class (g,)."""
        return np.bincount(self.group, self.population) / self.population.sum()


def _renewed(drawn: Sequence[Drawn], labelled: Sequence[bool]) -> tuple[Array, tuple[str, ...]]:
    """Patents that each label stands for, 0 where there is none, and the classes without any label."""
    patents: dict[str, float] = defaultdict(float)  # by stratum
    count: dict[str, int] = defaultdict(int)  # of labels, by stratum
    for d, has in zip(drawn, labelled, strict=True):
        patents[d.stratum] += d.weight
        count[d.stratum] += has
    whole: dict[str, float] = defaultdict(float)  # patents by class
    reached: dict[str, float] = defaultdict(float)  # of them in strata with a label
    for stratum, number in patents.items():
        whole[_class_of(stratum)] += number
        reached[_class_of(stratum)] += number if count[stratum] else 0.0
    weights = np.zeros(len(drawn))
    for k, (d, has) in enumerate(zip(drawn, labelled, strict=True)):
        if has:
            group = _class_of(d.stratum)
            weights[k] = patents[d.stratum] / count[d.stratum] * whole[group] / reached[group]
    return weights, tuple(sorted(group for group, number in reached.items() if not number))


def _sample(strata: Sequence[str], weights: Array, truth: Sequence[str], said: Sequence[str]) -> _Sample:
    names = sorted(set(strata))
    groups = sorted({_class_of(name) for name in names})
    place: dict[str, int] = {name: k for k, name in enumerate(CLASSES)}
    stratum = np.array([names.index(s) for s in strata])
    group = np.array([groups.index(_class_of(name)) for name in names])
    labels: Array = np.bincount(stratum).astype(float)
    cells: Array = np.zeros((len(groups), len(CLASSES), len(CLASSES)))
    rows, columns = [place[t] for t in truth], [place[s] for s in said]
    np.add.at(cells, (group[stratum], rows, columns), weights)
    cells /= cells.sum((1, 2), keepdims=True)
    accuracy = float(weights @ [t == s for t, s in zip(truth, said, strict=True)]) / weights.sum()
    right = (len(truth) * accuracy + 1) / (len(truth) + 2)
    usual = np.full((len(CLASSES), len(CLASSES)), (1 - right) / (len(CLASSES) - 1))
    np.fill_diagonal(usual, right)
    seen = np.bincount(group, labels)[:, None, None]
    smooth = (seen * cells + ADDED_LABELS * usual * cells.sum(1, keepdims=True)) / (seen + ADDED_LABELS)
    return _Sample(np.bincount(stratum, weights).astype(float), labels, group, cells, smooth)


def _error(sample: _Sample, slope: Array) -> float:
    """Standard error of a statistic by its derivative with respect to each cell of the confusion matrix (c, c)."""
    spread = (sample.smooth * slope**2).sum((1, 2)) - (sample.smooth * slope).sum((1, 2)) ** 2
    unseen = np.maximum(1 - sample.labels / sample.population, 0.0)
    part = sample.population / sample.population.sum()
    return math.sqrt(max(float((part**2 * unseen * spread[sample.group] / sample.labels).sum()), 0.0))


def _share_interval(sample: _Sample, over: Array) -> Interval:
    """Of the share of all patents in the cells `over` (c, c), from Wilson's of every class (Zou and Donner 2008).

    A share that is made of rare mistakes in a large class is not known any better for none of them being seen: there an
    interval from the standard error of the whole is too short.
    """
    labels, population = (
        np.bincount(sample.group, sample.labels),
        np.bincount(sample.group, sample.population),
    )
    found = (sample.cells * over).sum((1, 2))
    below = above = 0.0
    for part, share, count, patents in zip(sample.share, found, labels, population, strict=True):
        unseen = 1 - count / patents
        low, high = wilson(float(share), count / unseen if unseen > 1e-12 else math.inf)
        below += float(part * (share - low)) ** 2
        above += float(part * (high - share)) ** 2
    middle = float(sample.share @ found)
    return max(middle - math.sqrt(below), 0.0), min(middle + math.sqrt(above), 1.0)


def _of_ratio(sample: _Sample, cells: Array, hit: Array, over: Array) -> tuple[float, Interval]:
    """Standard error and 95 % interval of the share of `hit` in `over`, both (c, c), one for cells that belong to it.

    The interval is Wilson's, of as many draws at random as have the same error.
    """
    whole = float((cells * over).sum())
    share = float((cells * over * hit).sum()) / whole
    error = _error(sample, over * (hit - share) / whole)
    if error < 1e-12:
        return error, (share, share)
    smooth = np.einsum("g,gij->ij", sample.share, sample.smooth)
    usual = float((smooth * over * hit).sum() / (smooth * over).sum())
    return error, wilson(share, usual * (1 - usual) / error**2)


def _intervals(
    sample: _Sample, cells: Array, shares: Sequence[float | None], over: Sequence[Array]
) -> tuple[Interval | None, ...]:
    """Of the shares on the diagonal; None where there is no share."""
    diagonal = np.eye(len(CLASSES))
    return tuple(
        None if share is None else _of_ratio(sample, cells, diagonal, among)[1]
        for share, among in zip(shares, over, strict=True)
    )


def _kappa_error(sample: _Sample, cells: Array, kappa: float | None) -> float | None:
    if kappa is None:
        return None
    rows, columns = cells.sum(1), cells.sum(0)
    by_chance = columns[:, None] + rows[None, :]  # derivative of rows @ columns
    return _error(sample, (np.eye(len(CLASSES)) - (1 - kappa) * by_chance) / (1 - float(rows @ columns)))


def _class_of(stratum: str) -> str:
    return stratum.split()[0]


def _allocate(sizes: dict[str, int], size: int) -> dict[str, int]:
    """Sample sizes by stratum: one each, then by class in equal parts, within classes in proportion, none
    above its size.
    """
    classes = defaultdict(list)
    for name in sorted(sizes):
        classes[_class_of(name)].append(name)
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
