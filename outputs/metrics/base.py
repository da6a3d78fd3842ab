"""What every metric starts from: the world table of a calibration, who restricts, scores, governance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from calibration import Calibration
from calibration.errors import InputError
from calibration.inputs import chain_data, make_axes
from calibration.naming import Namer
from model.ces import shares_of
from model.exposure import Exposure, Flows, exposure_index, governed_concentration, supply_shares, world_table
from model.records import Array, Labels
from outputs.focus import chain_sectors, restricting_regions
from outputs.metrics.governance import Governance, governance
from outputs.metrics.scores import OWN, Scores, by_first_user, chosen, gather
from scenarios.spoken import unknown_label


@dataclass(frozen=True)
class Base:
    """A calibration made ready for metrics."""

    calibration: Calibration
    flows: Flows
    restricting: Array  # (i,) bool
    scores: Mapping[str, Scores]
    score: Scores  # the one the index uses
    governance: Governance

    @property
    def labels(self) -> Labels:
        """Labels of the calibration."""
        return self.calibration.labels

    @property
    def restricting_names(self) -> tuple[str, ...]:
        """Regions that restrict."""
        return tuple(r for r, on in zip(self.labels.regions, self.restricting, strict=True) if on)

    @cached_property
    def supply(self) -> Array:
        """(e,i) shares of world supply, tonnes."""
        return supply_shares(self.flows)

    @cached_property
    def concentration(self) -> Array:
        """(e,) HHI-WGI of world supply."""
        return governed_concentration(self.supply, self.governance.estimate)

    @cached_property
    def first_user_score(self) -> Array:
        """(e,) or (e,m) the scores the index uses."""
        return by_first_user(self.score, self.calibration)

    @cached_property
    def exposure(self) -> Exposure:
        """The index and its parts."""
        return exposure_index(self.flows, self.first_user_score, self.restricting, self.concentration)

    @cached_property
    def crossing(self) -> Exposure:
        """The same, only for elements that leave the restricting origins as elements."""
        return exposure_index(
            self.flows, self.first_user_score, self.restricting, self.concentration, crossing=True
        )

    @cached_property
    def outside(self) -> Array:
        """(n,j) bool: sectors that produce, outside the restricting regions and the rare-earth chain."""
        b = self.calibration.benchmark
        return (b.output > 0) & ~self.restricting[:, None] & ~chain_sectors(b)[None, :]

    @cached_property
    def ore(self) -> Array:
        """(e,i,i) share of each mine (first region) in what a separator makes of an element; 0 where it makes none."""
        given = self.calibration
        data = chain_data(
            given.settings, Namer(given.document), make_axes(given.settings, given.concordance), given.host
        )
        composition = shares_of(data.ore_composition.sum(axis=1, keepdims=True), data.ore_composition)
        mined = np.einsum("on,oe->eon", data.concentrate_trade, data.ore_mix @ composition)
        return shares_of(mined.sum(axis=1, keepdims=True), mined)


def prepare(
    calibration: Calibration,
    *,
    restricting: Sequence[str] = (),
    score: str = OWN,
    score_files: Sequence[str | Path] = (),
) -> Base:
    """Read what metrics need. Raises InputError on unknown regions or scores, or without rare earths."""
    labels = calibration.labels
    unknown = [
        unknown_label("region", name, labels.regions) for name in restricting if name not in labels.regions
    ]
    if unknown:
        raise InputError(unknown)
    scores = gather(calibration, score_files)
    flows = world_table(calibration.benchmark)
    found = (
        np.isin(labels.regions, restricting) if restricting else restricting_regions(calibration.benchmark)
    )
    about = governance(calibration, supply_shares(flows))
    return Base(calibration, flows, found, scores, chosen(scores, score), about)
