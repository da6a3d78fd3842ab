"""Who and what an instrument is aimed at: names, groups of names, everything, everything but some."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, TypeAlias

import numpy as np
from pydantic import Discriminator, Field, Tag

from calibration.validate import Schema
from model.records import Array
from scenarios.quantities import Loc

Names: TypeAlias = Annotated[tuple[str, ...], Field(min_length=1)]


class AllBut(Schema):
    """Everything but the names given."""

    all_but: str | Names


def _shape(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "names"
    return "name" if isinstance(value, str) or not isinstance(value, Mapping | AllBut) else "all_but"


Selector: TypeAlias = Annotated[
    Annotated[str, Tag("name")] | Annotated[Names, Tag("names")] | Annotated[AllBut, Tag("all_but")],
    Discriminator(_shape),
]

# Light and heavy as the U.S. Geological Survey divides them (Fact Sheet 2014-3078): atomic numbers 57-64 and 65-71 with
# yttrium; scandium is neither. `light_cn` and `medium_heavy_cn` are the two parts of China's export quotas from 2012.
ELEMENT_GROUPS: Mapping[str, tuple[str, ...]] = {
    "light": ("La", "Ce", "Pr", "Nd", "Sm", "Eu", "Gd"),
    "heavy": ("Tb", "Dy", "Ho", "Er", "Tm", "Yb", "Lu", "Y"),
    "light_cn": ("La", "Ce", "Pr", "Nd"),
    "medium_heavy_cn": ("Sm", "Eu", "Gd", "Tb", "Dy", "Ho", "Er", "Tm", "Yb", "Lu", "Y"),
    "magnet_elements": ("Pr", "Nd", "Tb", "Dy"),
    "licensed_2025": ("Sm", "Gd", "Tb", "Dy", "Lu", "Sc", "Y"),
}
RESERVED = ("all", "elements", *ELEMENT_GROUPS)


def terms(selector: str | Sequence[str] | AllBut) -> Iterator[tuple[Loc, str]]:
    """The names in a selector and where each stands below it."""
    inner: str | Sequence[str] = selector.all_but if isinstance(selector, AllBut) else selector
    loc: Loc = ("all_but",) if isinstance(selector, AllBut) else ()
    if isinstance(inner, str):
        yield loc, inner
    else:
        for position, name in enumerate(inner):
            yield (*loc, position), name


def select(
    selector: str | Sequence[str] | AllBut,
    names: Sequence[str],
    groups: Mapping[str, Iterable[str]],
    unknown: Callable[[Loc, str], None],
) -> Array:
    """Mask over `names` of what a selector covers; `unknown(loc, name)` is called for each name that is neither a
    name nor a group."""
    mask = np.zeros(len(names), dtype=bool)
    position = {name: index for index, name in enumerate(names)}
    for loc, name in terms(selector):
        if name in position:
            mask[position[name]] = True
        elif name == "all":
            mask[:] = True
        elif name in groups:
            mask |= np.isin(names, list(groups[name]))
        else:
            unknown(loc, name)
    return ~mask if isinstance(selector, AllBut) else mask
