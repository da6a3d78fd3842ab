"""Who restricts, and who is exposed to it: section 9 of docs/model.md."""

from __future__ import annotations

import numpy as np

from calibration import Calibration
from calibration.errors import InputError, Problem
from model.exposure import exposure as measure
from model.exposure import intensity, world_table
from model.records import Array, Benchmark, Shock

EXPOSED_SHARE = 0.1  # the most exposed tenth of sectors outside the restricting regions


def restricting_regions(benchmark: Benchmark, *shocks: Shock) -> Array:
    """(n,) bool: regions whose sales of rare-earth goods the shocks tax more, ration or close.

    When it is no region, or every one, the one that makes most of the elements, so that there always are others.
    """
    b, found = benchmark, restricted(benchmark, *shocks)
    if extent(found) != "some":
        made = np.einsum("nj,nje->n", b.output, b.make[:, :, b.elements])
        found = np.arange(len(found)) == made.argmax()
    return found


def extent(found: Array) -> str:
    """Whether it is `all` regions, `some` or `none`."""
    return "all" if found.all() else "some" if found.any() else "none"


def restricted(benchmark: Benchmark, *shocks: Shock) -> Array:
    """(n,) bool: regions that sell what the shocks tax more, ration or close."""
    b = benchmark
    sells = (b.trade_share > 0).any(axis=0) & rare_earth_goods(b)  # (i,n,k)
    found = np.zeros(b.output.shape[0], dtype=bool)
    for shock in shocks:
        for quota in shock.quotas:
            found |= (quota.covers & sells).any(axis=(1, 2))
        for made in shock.production_quotas:
            found[made.origin] |= bool((made.goods & sells[made.origin]).any())
        if shock.embargo is not None:
            found |= (shock.embargo & sells).any(axis=(1, 2))
        if shock.export_tax is not None:
            found |= ((shock.export_tax > b.export_tax + 1e-12) & sells).any(axis=(1, 2))
    return found


def rare_earth_goods(benchmark: Benchmark) -> Array:
    """(k,) bool: the elements and what the stages with capacity make (concentrate, magnets)."""
    found = np.zeros(benchmark.final.shape[1], dtype=bool)
    found[benchmark.elements] = True
    for sector in benchmark.stage_sector:
        found |= (benchmark.make[:, sector] > 0).any(axis=0)
    return found


def exposure(benchmark: Benchmark, restricting: Array, score: Array) -> Array:
    """Section 9: (n,j) rare earths of the restricting regions that are hard to replace, USD per million USD of output.

    In all inputs, through the world input-output table; score (e,) 0 good substitutes to 100 none.
    """
    if not len(benchmark.elements):
        return np.zeros(benchmark.output.shape)
    total = intensity(world_table(benchmark)).total_usd
    # Ten digits: the last ones depend on how many threads the linear algebra uses, and results must not.
    return significant(measure(benchmark, total, score, restricting), 10)


def significant(values: Array, digits: int) -> Array:
    """Numbers rounded to some significant digits; 0 stays 0."""
    size = np.floor(np.log10(np.where(values == 0, 1.0, np.abs(values))))
    scale = 10.0 ** (digits - 1 - size)
    return np.asarray(np.round(values * scale) / scale)


def scores(calibration: Calibration) -> Array:
    """(e,) substitutability score of each element, or else the default that the calibration gives.

    Raises InputError when it gives neither.
    """
    row = next(row for row in calibration.parameters_table if row.name == "substitutability")
    given = {
        element: row.value.get(element, row.value.get("default")) for element in calibration.labels.elements
    }
    lacking = [element for element, score in given.items() if score is None]
    if lacking:
        raise InputError(
            Problem(f"no score for {', '.join(lacking)}", where=f"{calibration.name}: substitutability")
        )
    return np.array([float(score) for score in given.values()])


def exposed(benchmark: Benchmark, exposure: Array, restricting: Array) -> Array:
    """(n,j) bool: the most exposed tenth of sectors outside the restricting regions, the rare-earth chain left out."""
    cells = ~restricting[:, None] & ~chain_sectors(benchmark)[None, :] & (benchmark.output > 0)
    if not cells.any():
        return cells
    return cells & (exposure >= np.quantile(exposure[cells], 1 - EXPOSED_SHARE)) & (exposure > 0)


def marks(benchmark: Benchmark, restricting: Array, calibration: Calibration) -> dict[str, Array]:
    """Section 9, of every sector: `exposure` (n,j); as 0 or 1 whether it is `exposed` (n,j), of the `chain` (j,)."""
    measure = exposure(benchmark, restricting, scores(calibration))
    return {
        "exposure": measure,
        "exposed": exposed(benchmark, measure, restricting).astype(float),
        "chain": chain_sectors(benchmark).astype(float),
    }


def chain_sectors(benchmark: Benchmark) -> Array:
    """(j,) bool: sectors of the rare-earth chain, those that have stages with capacity."""
    found = np.zeros(benchmark.output.shape[1], dtype=bool)
    found[benchmark.stage_sector] = True
    return found
