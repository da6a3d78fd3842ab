"""What the functions of `model/table.py` accept: shapes, ranges, sums and names; every problem at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from model.records import Array, Parameters
from model.refusals import cells, not_finite

SUM = 1e-6  # by how much shares may miss 1: numbers in single precision do
OPTIONS = {
    "spillover": "ng", "spillover_region": "nn", "spillover_sector": "jj", "price_floor": "e", "capacity_weight": "s",
    "capacity_response": "s", "capacity_expansion": "s", "capacity_exit": "s", "capacity_scrapping": "s",
    "build_time": "s",
}  # fmt: skip
GIVEN = (
    "innovation_elasticity",
    "factor_mobility",
    "deficit_rule",
)  # of `Parameters`, by arguments of their own

Sizes = Mapping[str, int]


def sizes_of(regions: int, goods: int, sectors: int, factors: int, rare_earths: Any) -> dict[str, int]:
    """The length of every axis by its letter."""
    elements = 0 if rare_earths is None else np.size(rare_earths.elements)
    stages = 0 if rare_earths is None else np.size(rare_earths.stage_sector)
    return {
        "n": regions, "i": regions, "k": goods, "j": sectors, "f": factors, "e": elements, "g": elements + 1,
        "s": stages,
    }  # fmt: skip


def misshapen(name: str, value: Any, axes: str, sizes: Sizes, number: bool = False) -> list[str]:
    """A problem where a value has not one entry for each cell of its axes; number: one number for all will do."""
    try:
        array = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        return [f"{name} is no array of numbers"]
    shape = tuple(sizes[axis] for axis in axes)
    if array.shape == shape or (number and array.ndim == 0):
        return []
    return [f"{name} has shape {array.shape}, and needs ({','.join(axes)}) = {shape}"]


def outside(name: str, value: Any, where: Array, range_: str) -> list[str]:
    """A problem where some entries lie outside their range."""
    array = np.atleast_1d(np.asarray(value, dtype=float))
    wrong = np.atleast_1d(where)
    return [f"{name} must be {range_}, not {cells(wrong, array)}"] if wrong.any() else []


def numbers(
    name: str, value: Any, axes: str, sizes: Sizes, least: float = 0.0, number: bool = False
) -> list[str]:
    """Problems of an array whose entries are finite and not below the least."""
    if problems := misshapen(name, value, axes, sizes, number):
        return problems
    array = np.atleast_1d(np.asarray(value, dtype=float))
    return not_finite(**{name: array}) or outside(name, array, array < least, f"{least:g} or more")


def rates(name: str, value: Any, axes: str, sizes: Sizes, number: bool = False) -> list[str]:
    """Problems of rates: above -1, or nothing is left to pay."""
    if value is None:
        return []
    if problems := misshapen(name, value, axes, sizes, number):
        return problems
    array = np.atleast_1d(np.asarray(value, dtype=float))
    return not_finite(**{name: array}) or outside(name, array, array <= -1, "above -1")


def sums(name: str, share: Any, axis: int, used: Array | None = None) -> list[str]:
    """A problem where shares do not sum to 1; used: where they have to, elsewhere they may be all 0 as well."""
    total = np.asarray(share, dtype=float).sum(axis=axis)
    free = (total == 0) if used is None else (total == 0) & ~used
    return outside(f"the sum of {name}", total, ~((np.abs(total - 1) <= SUM) | free), "1")


def choice(name: str, value: Any, allowed: Sequence[str]) -> list[str]:
    """A problem where a value is none of those allowed."""
    return [] if value in allowed else [f"{name} is {value!r}, and can be {', '.join(map(repr, allowed))}"]


def positions(name: str, value: Any, count: int, of: str) -> list[str]:
    """Problems of positions on an axis: whole numbers, each once."""
    array = np.asarray(value)
    if array.size and array.dtype.kind not in "iu":
        return [f"{name} holds {array.dtype.name} values, and needs positions of {of}, whole numbers"]
    if array.ndim != 1:
        return [f"{name} has {array.ndim} axes, and needs one"]
    problems = outside(name, array, (array < 0) | (array >= count), f"positions of {count} {of}")
    return problems if len(np.unique(array)) == len(array) else [*problems, f"{name} names some {of} twice"]


def factors(
    share: Any, mobility: Array, labour: int, numeraire: Sequence[bool] | None, sizes: Sizes
) -> list[str]:
    """Problems of what is said about factors of production."""
    count = sizes["f"]
    problems = outside("mobility", mobility, ~(mobility >= 0), "0 or more, or inf")
    if not 0 <= labour < count:
        problems.append(f"labour is factor {labour}, and there are {count}")
    counted = [True] * count if numeraire is None else list(numeraire)
    if len(counted) != count or not any(counted):
        problems.append(f"numeraire needs {count} entries, one for each factor, and one of them true")
    if share is None:
        return problems if count == 1 else [*problems, f"{count} factors need factor_share (n,f,j)"]
    return problems + (
        numbers("factor_share", share, "nfj", sizes) or sums("factor_share over factors", share, 1)
    )


def elasticities(given: Any, sizes: Sizes) -> list[str]:
    """Problems of `Elasticities`: a number or one each, 0 or more; of transformation above -1."""
    problems = []
    for f in fields(given):
        value, axes = getattr(given, f.name), {"trade": "k", "final": ""}.get(f.name, "j")
        name = f"elasticities.{f.name}"
        if f.name == "transformation":
            problems += rates(name, value, axes, sizes, number=True)
        else:
            problems += numbers(name, value, axes, sizes, number=True)
    return problems


def innovation(given: Any, sizes: Sizes) -> list[str]:
    """Problems of `Innovation`."""
    problems = numbers("innovation.share", given.share, "nj", sizes, number=True)
    if not problems:
        share = np.asarray(given.share, dtype=float)
        problems = outside("innovation.share", share, share >= 1, "below 1")
    problems += numbers("innovation.elasticity", given.elasticity, "ng", sizes, -np.inf, number=True)
    known = {f.name for f in fields(Parameters)}
    known -= {name for name in known if name.endswith("_elasticity") and name != "research_supply_elasticity"}
    known -= set(GIVEN)
    for name, value in given.options.items():
        if name not in known:
            problems.append(f"innovation.options has no {name!r}, and can have {', '.join(sorted(known))}")
        elif name in OPTIONS:
            problems += numbers(f"innovation.options[{name!r}]", value, OPTIONS[name], sizes, -np.inf)
    return problems


def rare_earths(given: Any, sizes: Sizes) -> list[str]:
    """Problems of `RareEarths`."""
    problems = positions("rare_earths.elements", given.elements, sizes["k"], "goods")
    problems += positions("rare_earths.stage_sector", given.stage_sector, sizes["j"], "sectors")
    for name, axes in (("unit_value", "ik"), ("reo_content", "k")):
        value = getattr(given, name)
        wrong = misshapen(f"rare_earths.{name}", value, axes, sizes)
        if not wrong:
            array = np.asarray(value, dtype=float)
            below = (array <= 0) if name == "unit_value" else (array < 0)
            low = "above 0" if name == "unit_value" else "0 or more"
            wrong = outside(
                f"rare_earths.{name}", array, below | np.isinf(array), f"{low} and finite, or nan"
            )
        problems += wrong
    if given.licence is not None:
        problems += numbers("rare_earths.licence", given.licence, "ik", sizes)
    return problems


def negatives(flows: Array, final: Array, negative: str) -> list[str]:
    """What flows may not be: not finite, negative unless they are to be clipped, or none at all."""
    problems = not_finite(intermediate=flows, final=final)
    for name, array in (("intermediate", flows), ("final", final)):
        if negative == "refuse" and (array < 0).any():
            problems.append(
                f"{name} holds {int((array < 0).sum())} negative flows, the largest at "
                f"{cells(array < 0, array)} (origin, good, region, sector); negative='clip' sets them to zero"
            )
    if not problems and not (final > 0).any():
        problems.append("final holds nothing that anybody consumes")
    return problems
