"""What shares of spending imply: output, taxes and final spending, as in Caliendo and Parro (2015)."""

from __future__ import annotations

import numpy as np

from model.records import Array
from model.refusals import WORST, TableError

ROUNDING = 1e-10  # below this, relative to the largest, a number is rounding
CONTRADICTION = 1e-6  # of a region's spending: a larger difference between what is given twice is refused


def output_per_spending(at_gate: Array, paid: Array, final: Array) -> Array:
    """(n,j,m) output per unit of final spending of region m, so that every market clears."""
    regions, goods = final.shape
    size = regions * goods
    inputs = np.einsum("ink,nkj->iknj", at_gate[0], paid).reshape(size, size)
    consumed = np.einsum("ink,nk->ikn", at_gate[1], final).reshape(size, regions)
    try:
        output = np.linalg.solve(np.eye(size) - inputs, consumed)
    except np.linalg.LinAlgError:
        output = np.full(consumed.shape, -1.0)
    if output.min() < -ROUNDING * np.abs(output).max():  # no Leontief inverse is below 0
        raise TableError(
            ["spending implied by the shares grows without end: cost shares of a sector sum to 1 or more"]
        )
    return np.maximum(output, 0.0).reshape(regions, goods, regions)


def taxes_per_spending(
    at_gate: Array, rates: tuple[Array, Array, Array], paid: Array, final: Array, output: Array
) -> Array:
    """(n,m) tariffs, export taxes and licences that n receives per unit of final spending of region m, E11."""
    tariff, export_tax, licence = rates
    border = (1 + export_tax) * (1 + licence)
    bought = np.stack(
        [np.einsum("nkj,njm->nkm", paid, output), final[:, :, None] * np.eye(len(final))[:, None]]
    )
    imports = np.einsum("cnk,cnkm->nm", (at_gate * border * tariff).sum(axis=1), bought)
    exports: Array = np.einsum("cink,cnkm->im", at_gate * (border - 1), bought)
    return imports + exports


def final_spending(earned: Array, other: Array, value_added: Array, deficit: Array | None) -> Array:
    """(n,) final spending with which every region earns its value added, nearest to what the deficits allow.

    earned, other (n,m): value added, and all other income, per unit of final spending of region m.
    """
    budget = np.eye(len(earned)) - other
    spent = np.linalg.solve(budget, value_added + (0.0 if deficit is None else deficit))
    spent = spent + np.linalg.lstsq(earned, value_added - earned @ spent, rcond=ROUNDING)[0]
    paid, implied = earned @ spent, budget @ spent - value_added
    tolerance = CONTRADICTION * np.maximum(np.abs(spent), value_added)
    wrong = np.abs(paid - value_added) > tolerance
    if wrong.any():
        raise TableError([_contradiction("value added contradicts shares", wrong, value_added, paid)])
    if (spent < 0).any():
        worst = ", ".join(f"{n} = {spent[n]:.6g}" for n in np.argsort(spent)[:WORST] if spent[n] < 0)
        raise TableError([
            f"value added and shares imply final spending below 0 in {int((spent < 0).sum())} regions: {worst}"
        ])  # fmt: skip
    if deficit is not None and (wrong := np.abs(implied - deficit) > tolerance).any():
        raise TableError([
            _contradiction("deficit contradicts value added and shares", wrong, deficit, implied)
        ])  # fmt: skip
    return spent


def _contradiction(what: str, wrong: Array, given: Array, implied: Array) -> str:
    """A refusal with the worst regions: what was given, and what follows from the rest."""
    worst = [n for n in np.argsort(-np.abs(given - implied), kind="stable") if wrong[n]][:WORST]
    rows = (f"region {n} is given {given[n]:.6g}, implied {implied[n]:.6g}" for n in worst)
    return f"{what} in {int(wrong.sum())} regions: {'; '.join(rows)}"
