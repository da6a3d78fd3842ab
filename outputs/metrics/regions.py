"""Exposure by region, each part shown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from model.ces import shares_of
from model.exposure import USD_PER_MILLION, first_use, region_exposure
from model.records import Array
from outputs.metrics.base import Base


@dataclass(frozen=True)
class Regions:
    """The country index and its parts. `production` is the product of intensity and the three shares after it."""

    production: Array  # (n,) USD at risk per million USD of value added
    intensity: Array  # (n,) rare earths bought by producers, USD per million USD of value added
    dependence: Array  # (n,) share from the restricting origins
    non_substitutability: Array  # (n,) 0 to 1
    concentration: Array  # (n,) HHI-WGI, 0 to 1
    crossing: Array  # (n,) the index where only elements that cross a border count
    consumption: Array  # (n,) USD at risk, embodied, per million USD of final demand
    at_risk: Array  # (n,) million USD at risk among producers
    bought: Array  # (n,) million USD of rare earths bought by producers


def regions(base: Base) -> Regions:
    """The country index of every region."""
    flows, n = base.flows, len(base.labels.regions)
    total, restricted, hard = first_use(flows, base.first_user_score, base.restricting)
    crossing = first_use(flows, base.first_user_score, base.restricting, crossing=True)[2]
    weighed, border = base.concentration @ hard, base.concentration @ crossing
    parts = (total.sum(axis=0), restricted.sum(axis=0), hard.sum(axis=0), weighed, border)
    usd = [(part * flows.output / USD_PER_MILLION).reshape(n, -1).sum(axis=1) for part in parts]
    added = (flows.value_added * flows.output).reshape(n, -1).sum(axis=1)
    index = region_exposure(flows, base.exposure.index, weighed)
    return Regions(
        production=index.production,
        intensity=shares_of(added, usd[0]) * USD_PER_MILLION,
        dependence=shares_of(usd[0], usd[1]),
        non_substitutability=shares_of(usd[1], usd[2]),
        concentration=shares_of(usd[2], usd[3]),
        crossing=shares_of(added, usd[4]) * USD_PER_MILLION,
        consumption=index.consumption,
        at_risk=index.at_risk,
        bought=np.asarray(usd[0]),
    )
