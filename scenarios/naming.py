"""From the names in a scenario to positions on the axes of a calibration; what does not exist is collected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from calibration.errors import Problem, one_of
from model.records import Array, Labels
from scenarios.common import OnGoods, OnTrade
from scenarios.quantities import Loc
from scenarios.selectors import ELEMENT_GROUPS, select, terms
from scenarios.spoken import meant

if TYPE_CHECKING:
    from scenarios.scenario import Place, Scenario

TARGETS = (
    "elements", "goods", "origins", "destinations", "region", "regions", "sectors", "technologies",
)  # fmt: skip


class Names:
    """Looks up names for one scenario and one calibration. `place` is where the names being looked up stand."""

    def __init__(self, scenario: Scenario, labels: Labels) -> None:
        self.labels = labels
        self.coalitions: Mapping[str, Sequence[str]] = scenario.coalitions
        self.groups: Mapping[str, Sequence[str]] = {
            **ELEMENT_GROUPS,
            "elements": labels.elements,
            **scenario.groups,
        }
        self.problems: list[Problem] = []
        self.place: Place = scenario.whole
        self._vague: set[Loc] = set()  # places with names that are not all known
        self._vague_groups: set[str] = set()
        # With groups that cannot be read, or of another file that is not there, any name may be a group's.
        borrowed = scenario.whole.sure("tax_equivalent_of") and scenario.whole.sure("taxes_from_licences_of")
        self._listed = {
            key for key in ("coalitions", "groups") if borrowed and not scenario.whole.refused(key)
        }
        self._check_groups(scenario)

    def refuse(self, loc: Loc, what: str, expected: str = "", suggestion: str = "") -> None:
        """Note that something does not fit the calibration, unless it was refused when it was read."""
        if self.place.refused(*loc):
            return
        problem = self.place.problem(loc, what, expected, suggestion)
        if problem not in self.problems:
            self.problems.append(problem)

    def clash(self, loc: Loc, what: str, expected: str = "") -> None:
        """Note that what an instrument is aimed at is there, but not together."""
        if self.certain(*TARGETS):
            self.refuse(loc, what, expected)

    def certain(self, *fields: str) -> bool:
        """Whether fields of an instrument could be read, and all names in them exist."""
        return all(self._certain((field,)) for field in fields)

    def _certain(self, loc: Loc) -> bool:
        return self.place.sure(*loc) and (*self.place.path, *loc) not in self._vague

    def _doubt(self, loc: Loc) -> None:
        self._vague.add((*self.place.path, *loc))

    def one(self, kind: str, name: str, loc: Loc, valid: Sequence[str]) -> int:
        """Position of one name; 0 with a problem noted when there is none."""
        if name in valid:
            return valid.index(name)
        self.refuse(loc, f"unknown {kind} {name!r}", one_of(valid), meant(name, valid))
        self._doubt(loc)
        return 0

    def region(self, name: str, loc: Loc) -> int:
        """Position of one region."""
        return self.one("region", name, loc, self.labels.regions)

    def stage(self, name: str, loc: Loc) -> int:
        """Position of a stage of the rare-earth chain."""
        return self.one("stage", name, loc, self.labels.stages)

    def many(
        self, kind: str, selector: Any, loc: Loc, valid: Sequence[str], groups: Mapping[str, Sequence[str]]
    ) -> Array:
        """Mask of what a selector covers; empty only with a problem noted."""
        group = "coalitions" if groups is self.coalitions else "groups"

        def unknown(below: Loc, name: str) -> None:
            self._doubt(loc)
            if group in self._listed:
                suggestion = meant(name, (*valid, *groups, "all"))
                self.refuse((*loc, *below), f"unknown {kind} {name!r}", one_of(valid), suggestion)

        mask = select(selector, valid, groups, unknown)
        if self._vague_groups.intersection(name for _, name in terms(selector)):
            self._doubt(loc)
        if not mask.any() and self._certain(loc):
            self.refuse(loc, f"covers no {kind} of this calibration", one_of(valid))
        return mask

    def regions(self, selector: Any, loc: Loc) -> Array:
        """Mask (n,) of regions."""
        return self.many("region", selector, loc, self.labels.regions, self.coalitions)

    def sectors(self, selector: Any, loc: Loc = ("sectors",)) -> Array:
        """Mask (j,) of sectors."""
        return self.many("sector", selector, loc, self.labels.sectors, self.groups)

    def technologies(self, selector: Any, loc: Loc = ("technologies",)) -> Array:
        """Mask (g,) of technologies."""
        return self.many("technology", selector, loc, self.labels.technologies, self.groups)

    def goods(self, line: OnGoods) -> Array:
        """Mask (k,) of the goods and elements an instrument is aimed at."""
        mask = np.zeros(len(self.labels.goods), dtype=bool)
        if line.elements is not None:
            chosen = self.many("element", line.elements, ("elements",), self.labels.elements, self.groups)
            mask |= np.isin(self.labels.goods, np.array(self.labels.elements)[chosen])
        if line.goods is not None:
            mask |= self.many("good", line.goods, ("goods",), self.labels.goods, self.groups)
        return mask

    def trade(self, line: OnTrade) -> Array:
        """Mask (i,n,k) of the trade an instrument covers; never a sale at home."""
        origins, destinations = (
            self.regions(line.origins, ("origins",)),
            self.regions(line.destinations, ("destinations",)),
        )
        abroad = ~np.eye(len(origins), dtype=bool) & origins[:, None] & destinations[None, :]
        if not abroad.any() and origins.any() and destinations.any():
            self.clash((), "covers no trade: the only origin is the only destination", "two regions")
        return np.asarray(abroad[:, :, None] & self.goods(line))

    def _check_groups(self, scenario: Scenario) -> None:
        """Every member of the scenario's own groups exists."""
        labels = self.labels
        things = (*labels.sectors, *(good for good in labels.goods if good not in labels.sectors), "X")
        for where, kind, valid, groups in (
            ("coalitions", "region", labels.regions, scenario.coalitions),
            ("groups", "sector or good", things, scenario.groups),
        ):
            for group, members in groups.items():
                for position, member in enumerate(members):
                    self.one(kind, member, (where, group, position), valid)
                if self.place.refused(where, group) or not set(members) <= set(valid):
                    self._vague_groups.add(group)
