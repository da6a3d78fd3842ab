"""Group economies and sectors by a concordance; totals are kept exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from calibration.errors import InputError, Problem, nearest
from calibration.sources.table import WorldTable

Array = npt.NDArray[np.float64]


def grouping(groups: Mapping[str, Sequence[str]], names: Sequence[str], what: str, file: str) -> Array:
    """Matrix (group, name) of 0 and 1. Raises InputError unless every name stands in exactly one group."""
    place = {name: position for position, name in enumerate(names)}
    matrix = np.zeros((len(groups), len(names)))
    problems = []
    for row, (group, members) in enumerate(groups.items()):
        for member in members:
            if member not in place:
                text = f"{what} {member!r} of group {group} is not in the source table"
                problems.append(Problem(text, file, suggestion=nearest(member, names)))
            else:
                matrix[row, place[member]] += 1
    for name, count in zip(names, matrix.sum(0), strict=True):
        if count != 1:
            text = f"{what} {name!r} stands in {int(count)} groups"
            problems.append(Problem(text, file, expected="exactly one"))
    if problems:
        raise InputError(problems)
    return matrix


def aggregate(
    table: WorldTable,
    regions: Mapping[str, Sequence[str]],
    sectors: Mapping[str, Sequence[str]],
    file: str = "",
) -> WorldTable:
    """The table between groups of economies and groups of sectors."""
    r = grouping(regions, table.countries, "economy", file)
    s = grouping(sectors, table.sectors, "sector", file)
    flows = np.einsum("ai,iknj->aknj", r, table.intermediate)
    flows = np.einsum("bk,aknj->abnj", s, flows)
    flows = np.einsum("cn,abnj->abcj", r, flows)
    return replace(
        table,
        countries=tuple(regions),
        sectors=tuple(sectors),
        intermediate=np.einsum("dj,abcj->abcd", s, flows),
        final=np.einsum("ai,bk,cn,ikn->abc", r, s, r, table.final, optimize=True),
        output=r @ table.output @ s.T,
    )
