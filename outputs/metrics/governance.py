"""How well the origins of rare earths are governed: weights of HHI-WGI."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from calibration import Calibration
from calibration.errors import InputError, Problem
from calibration.tables import Column, read_csv
from model.records import Array
from outputs.metrics.scores import DATA, Suppliers, provenance

DIMENSIONS = (
    "voice_and_accountability", "political_stability", "government_effectiveness", "regulatory_quality", "rule_of_law",
    "control_of_corruption",
)  # fmt: skip
FILE = DATA / "governance.csv"


@dataclass(frozen=True)
class Governance:
    """The governance of each region, mean of six dimensions over its economies."""

    estimate: Array  # (i,) -2.5 poor to 2.5 good; nan where no economy of the region has figures
    year: int  # of the figures
    economies: tuple[tuple[str, ...], ...]  # that stand for each region


def estimates(year: int) -> tuple[int, dict[str, float]]:
    """The year nearest to `year` that has figures, and the mean of the six dimensions by economy."""
    columns = [Column("economy"), Column("year", "integer")]
    columns += [Column(name, "number", "-2.5 to 2.5", -4.0, 4.0) for name in DIMENSIONS]
    table = read_csv(FILE, columns, ("economy", "year"))
    nearest = min({int(y) for y in table["year"]}, key=lambda y: (abs(y - year), y))
    mean = np.mean([table[name] for name in DIMENSIONS], axis=0)
    return nearest, {
        str(code): float(value)
        for code, y, value in zip(table["economy"], table["year"], mean, strict=True)
        if y == nearest
    }


def governance(calibration: Calibration, supply: Array) -> Governance:
    """Governance of every region of a calibration in its year.

    supply (e,i) shares of world supply. Raises InputError when a region supplies and no economy of it has figures.
    """
    about = provenance().governance
    year, known = estimates(calibration.year)
    concordance = calibration.concordance
    suppliers = _of_year(about.suppliers, calibration.year).economies
    listed = {economy for members in concordance.regions.values() for economy in members}
    stands_for = []
    for region in calibration.labels.regions:
        members = list(concordance.regions[region])
        if any(member in about.rest for member in members):
            members += [economy for economy in suppliers if economy not in listed]
        with_figures = [economy for economy in members if economy in known]
        stands_for.append(tuple(e for e in with_figures if e in suppliers) or tuple(with_figures))
    estimate = np.array([np.mean([known[e] for e in group]) if group else np.nan for group in stands_for])
    missing = np.isnan(estimate) & (supply.max(axis=0, initial=0.0) > 0)
    if missing.any():
        names = ", ".join(r for r, gap in zip(calibration.labels.regions, missing, strict=True) if gap)
        text = f"no governance figures of {year} for {names}, which supplies rare earths"
        raise InputError(Problem(text, str(FILE), expected="a row for an economy of the region"))
    return Governance(np.where(np.isnan(estimate), 0.0, estimate), year, tuple(stands_for))


def _of_year(lists: tuple[Suppliers, ...], year: int) -> Suppliers:
    past = [one for one in lists if one.first_year <= year]
    return max(past, key=lambda one: one.first_year) if past else lists[0]
