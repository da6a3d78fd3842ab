"""Bring a world table to the size of a newer year, region by region, by RAS with hard totals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from calibration.balance import ras
from calibration.base_year import remove_negative_final
from calibration.sources.table import WorldTable

Array = npt.NDArray[np.float64]


def rebase(table: WorldTable, growth: Array) -> WorldTable:
    """The table with value added and output of every industry times its region's `growth` (n,).

    Purchases of an industry grow with its region, final use with income plus the region's deficit, and the cells are
    those nearest to the old ones with these totals. Within a region the structure of industries stays as it was:
    what changes is how large regions are. Deficits are scaled down where needed to sum to zero.
    """
    n, k = table.output.shape
    clean, moved, _ = remove_negative_final(table.final.transpose(0, 2, 1))
    flows = table.intermediate.reshape(n * k, n * k)
    final = clean.transpose(0, 2, 1).reshape(n * k, n)
    output = flows.sum(1) + final.sum(1)
    value_added = (output - flows.sum(0)).reshape(n, k).sum(1)
    scale = np.repeat(growth, k)
    deficit = growth * (final.sum(0) - value_added)
    deficit -= deficit.sum() * np.abs(deficit) / max(np.abs(deficit).sum(), 1e-300)
    columns = np.concatenate([scale * flows.sum(0), growth * value_added + deficit])
    prior = np.concatenate([flows, final], axis=1)
    fixed = ras(prior, scale * output, columns)
    note = f"Brought to a newer year by RAS; negative final sales of {moved:,.0f} million USD were set to zero before."
    return replace(
        table,
        intermediate=fixed[:, : n * k].reshape(n, k, n, k),
        final=fixed[:, n * k :].reshape(n, k, n),
        output=(scale * output).reshape(n, k),
        notes=(*table.notes, note),
    )
