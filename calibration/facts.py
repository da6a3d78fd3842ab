"""Hold a base year against figures: those it was built to meet, and those it was not.

Every measure is computed from the published `Benchmark`, never from what the builder kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from calibration.errors import InputError, Problem, unknown_name
from calibration.identities import gate_values, licence_rate
from calibration.schema import Fact

if TYPE_CHECKING:
    from calibration.load import Calibration

Array = npt.NDArray[np.float64]
KG_PER_TONNE = 1e3
MILLION = 1e6
IMPOSED_WITHIN = 0.01


@dataclass(frozen=True)
class Comparison:
    """One figure and what the base year has."""

    what: str
    source_value: float
    base_year: float
    unit: str
    imposed: bool
    source: str
    status: str

    @property
    def difference(self) -> float:
        """Relative difference of the base year from the figure."""
        return self.base_year / self.source_value - 1


class Measures:
    """Quantities of a base year by region, element and sector, from its `Benchmark` alone."""

    def __init__(self, calibration: Calibration) -> None:
        b, self.labels = calibration.benchmark, calibration.labels
        self.hosts = calibration.settings.hosts
        self.benchmark = b
        gate = gate_values(b)[:, :, b.elements]  # (i,n,e) million USD
        unit_value = b.unit_value[:, None, b.elements]
        self.tonnes = gate * MILLION / (unit_value * KG_PER_TONNE)
        self.reo = self.tonnes * b.reo_content[b.elements]
        licence = licence_rate(b.licence, b.unit_value)[:, :, b.elements]
        self.fob = gate * (1 + b.export_tax[:, :, b.elements]) * (1 + licence)
        self.abroad = ~np.eye(len(b.output), dtype=bool)
        self.export_price = self._export_price()

    def _export_price(self) -> Array:
        """(e,) USD/kg: what the largest exporter's goods cost at its border."""
        b = self.benchmark
        largest = int(np.argmax((self.fob * self.abroad[:, :, None]).sum((1, 2))))
        there = 1 if largest == 0 else 0
        gate = b.unit_value[largest, b.elements] + b.licence[largest, b.elements]
        return gate * (1 + b.export_tax[largest, there, b.elements])

    def value(self, fact: Fact, file: str) -> float:
        """What the base year has for the measure of a fact. Raises InputError for unknown names."""
        problems = [
            unknown_name(kind, name, valid, file=file, where="facts")
            for kind, name, valid in (
                ("region", fact.region, self.labels.regions),
                ("element", fact.element, self.labels.elements),
                ("sector", fact.sector, self.labels.sectors),
            )
            if name and name not in valid
        ]
        needed = {
            "world_value_at_export_prices": (),
            "world_tonnes_reo": (),
            "use_share_of_sector": ("sector",),
        }
        needed |= {"host_output": ("region", "sector")}
        problems += [
            Problem(f"{fact.measure} needs a {name}", file, where="facts")
            for name in needed.get(fact.measure, ("region",))
            if not getattr(fact, name)
        ]
        if problems:
            raise InputError(problems)
        return float(getattr(self, f"_{fact.measure}")(fact))

    def _elements(self, fact: Fact) -> Array:
        chosen = [not fact.element or element == fact.element for element in self.labels.elements]
        return np.array(chosen, dtype=float)

    def _region(self, fact: Fact) -> int:
        return self.labels.regions.index(fact.region)

    def _world_value_at_export_prices(self, fact: Fact) -> float:
        value = self.tonnes.sum((0, 1)) * self.export_price * KG_PER_TONNE / MILLION
        return float(value @ self._elements(fact))

    def _world_tonnes_reo(self, fact: Fact) -> float:
        return float(self.reo.sum((0, 1)) @ self._elements(fact))

    def _mined_reo(self, fact: Fact) -> float:
        """Concentrate sold, in oxide."""
        b, good = self.benchmark, self.labels.goods.index("concentrate")
        i = self._region(fact)
        value = float(gate_values(b)[i, :, good].sum())
        return value * MILLION / (b.unit_value[i, good] * KG_PER_TONNE) * float(b.reo_content[good])

    def _production_reo(self, fact: Fact) -> float:
        return float(self.reo[self._region(fact)].sum(0) @ self._elements(fact))

    def _production_share(self, fact: Fact) -> float:
        return self._production_reo(fact) / self._world_tonnes_reo(fact)

    def _export_tonnes(self, fact: Fact) -> float:
        i = self._region(fact)
        return float(self.tonnes[i, self.abroad[i]].sum(0) @ self._elements(fact))

    def _export_value(self, fact: Fact) -> float:
        i = self._region(fact)
        return float(self.fob[i, self.abroad[i]].sum(0) @ self._elements(fact))

    def _use_reo(self, fact: Fact) -> float:
        return float(self.reo[:, self._region(fact)].sum(0) @ self._elements(fact))

    def _home_use_share(self, fact: Fact) -> float:
        return self._use_reo(fact) / self._world_tonnes_reo(fact)

    def _use_share_of_sector(self, fact: Fact) -> float:
        b = self.benchmark
        use = b.use[:, b.elements].sum((0, 1))
        return float(use[self.labels.sectors.index(fact.sector)] / use.sum())

    def _host_output(self, fact: Fact) -> float:
        """Output of a sector of the source table: itself and the stages carved out of it."""
        members = [fact.sector]
        members += [stage for stage, host in self.hosts.model_dump().items() if host == fact.sector]
        region = self._region(fact)
        return float(sum(self.benchmark.output[region, self.labels.sectors.index(name)] for name in members))


def compare(calibration: Calibration) -> tuple[Comparison, ...]:
    """All facts of a calibration's YAML beside what its base year has. Raises InputError for unknown names."""
    measures = Measures(calibration)
    rows = []
    for fact in calibration.settings.facts:
        what = " ".join(
            filter(None, [fact.measure.replace("_", " "), fact.region, fact.element, fact.sector])
        )
        found = measures.value(fact, str(calibration.path))
        rows.append(Comparison(what, fact.value, found, fact.unit, fact.imposed, fact.source, fact.status))
    return (*rows, *_element_shares(calibration, measures))


def _element_shares(calibration: Calibration, measures: Measures) -> list[Comparison]:
    """The customs origin's share of each element, against mine output times ore composition, added up by hand."""
    r, region = calibration.settings.rare_earths, calibration.region
    origin, elements = calibration.customs_origin, calibration.labels.elements
    made: dict[int, dict[str, float]] = {}
    for miner, ores in r.ore_mix.value.items():
        mined = r.mine_output.value.get(miner, 0.0)
        for separator, share in r.concentrate_destination.value.get(miner, {}).items():
            for ore, part in ores.items():
                grades = r.ore_composition.value[ore]
                whole = sum(grades.get(element, 0.0) for element in elements)
                for element in elements:
                    tonnes = mined * share * part * grades.get(element, 0.0) / whole if whole else 0.0
                    row = made.setdefault(region.position(separator), dict.fromkeys(elements, 0.0))
                    row[element] += tonnes
    rows = []
    for e, element in enumerate(elements):
        expected = made[origin][element] / sum(m[element] for m in made.values())
        production = measures.reo.sum(1)[:, e]
        found = production[origin] / production.sum()
        source = "mine output times ore composition"
        what = f"production share {calibration.labels.regions[origin]} {element}"
        rows.append(Comparison(what, expected, float(found), "share", True, source, r.mine_output.status))
    return rows


def unmet(comparisons: tuple[Comparison, ...]) -> tuple[Comparison, ...]:
    """The imposed figures that the base year misses by more than one percent."""
    return tuple(c for c in comparisons if c.imposed and abs(c.difference) > IMPOSED_WITHIN)
