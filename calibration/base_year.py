"""The base year from carved flows: every identity of docs/model.md section 2 holds by construction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from calibration.carve import Carved

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Shares:
    """How income is divided. Shares of value added or of its parts."""

    labour: Array  # (n,j) labour over labour and capital
    resource: Array  # (n,j) specific resource over value added net of research
    research: Array  # (n,j) research outlay over value added


def remove_negative_final(final: Array) -> tuple[Array, float, float]:
    """(i,n,k) sales to final users without negative cells, and the million USD moved and added.

    Cells are negative where stocks fell by more than was sold. Other final sales of the same origin and good are
    scaled down, so that its output stays; where all of them together are negative, the fall of stocks counts as
    output of the year.
    """
    positive = np.maximum(final, 0.0)
    total = final.sum(1, keepdims=True)
    scale = np.maximum(total, 0.0) / np.where(
        positive.sum(1, keepdims=True) > 0, positive.sum(1, keepdims=True), 1.0
    )
    added = float(-np.minimum(total, 0.0).sum())
    return positive * scale, float((positive - final).sum()), added


def assemble(
    carved: Carved, make_goods: Array, export_tax: Array, licence_rate: Array, shares: Shares, classes: int
) -> dict[str, Any]:
    """Arrays of a `Benchmark` from carved flows; taxes x and licence rates l are (i,n,k), paid as g (1+l) (1+x).

    `make_goods` (j,k) is True where sector j makes good k. Values in million USD; the deficit is what closes the
    budgets and sums to zero.
    """
    trade = carved.trade if classes == 2 else carved.trade.sum(0, keepdims=True)
    wedge = (1 + export_tax) * (1 + licence_rate)
    paid = trade * wedge
    spending = paid.sum(1)
    trade_share = np.divide(paid, spending[:, None], out=np.zeros_like(paid), where=spending[:, None] > 0)
    # Spending is what users pay; flows follow from it, so that both sides of every market agree to the last bit.
    use, final = carved.use, carved.final
    bought = np.stack([use.sum(2), final]) if classes == 2 else (use.sum(2) + final)[None]
    gate = np.einsum("cink,cnk->ink", trade_share, bought) / wedge
    sales = gate.sum(1)  # (i,k)
    output = sales @ make_goods.T
    make = np.divide(
        make_goods[None] * sales[:, None, :],
        output[:, :, None],
        out=np.zeros((*output.shape, sales.shape[1])),
        where=output[:, :, None] > 0,
    )
    value_added = output - use.sum(1)
    research = shares.research * value_added
    research_share = np.divide(research, output, out=np.zeros_like(output), where=output > 0)
    income = (1 - research_share) * output - use.sum(1)
    resource = income * shares.resource
    rest = income - resource
    factor_payment = np.stack([rest * shares.labour, rest * (1 - shares.labour), resource], axis=1)
    taxes = np.einsum("ink,ink->i", gate, wedge - 1)  # and licence rents
    earned = factor_payment.sum((1, 2)) + (research_share * output).sum(1) + taxes
    return {
        "output": output,
        "make": make,
        "use": use,
        "final": final,
        "trade_share": trade_share,
        "factor_payment": factor_payment,
        "research_share": research_share,
        "deficit": _summing_to_zero(final.sum(1) - earned),
    }


def _summing_to_zero(deficit: Array) -> Array:
    """The deficits less their rounding error (1e-16 of world income), in proportion to their size."""
    size = np.abs(deficit)
    return deficit - deficit.sum() * size / max(size.sum(), 1e-300)
