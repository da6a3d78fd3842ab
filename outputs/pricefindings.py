"""What a result says of prices, in sentences."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from outputs import names, pricefacts
from outputs.names import listed, number, signed
from outputs.wording import NEGLIGIBLE, Finding, dearer, elsewhere, ending, regimes, restrictors

TOLD = 0.05  # percent: smaller changes of prices up and down the chain are not worth a sentence


def cost(ds: xr.Dataset, regime: str) -> str:
    """What oxides cost abroad and at home, as the beginning of a sentence; empty for those that sell none."""
    index, own = pricefacts.told_index(ds, regime), restrictors(ds)
    abroad = f"{dearer(index['abroad'])} abroad{_delivered(ds, regime)}"
    parts = [abroad] if not np.isnan(index["abroad"]) else []
    parts += [f"{dearer(index['home'])} in {own}"] if not np.isnan(index["home"]) else []
    return f"oxides cost {' and '.join(parts)}; " if parts else ""


def oxides(ds: xr.Dataset) -> Finding | None:
    """How far prices rise abroad and at home, and for which elements most."""
    first = regimes(ds)[0]
    mean = {r: pricefacts.index(ds, r)["abroad"] for r in regimes(ds)}
    table: Any = pricefacts.table(ds, first)
    table = table[table["sold abroad, base [t]"] > 0]
    if not len(table):
        return None
    change = table["abroad, change [%]"]
    if change.abs().max() < NEGLIGIBLE:
        return Finding("Prices", "No price moves.")
    most, least = table.loc[change.idxmax()], table.loc[change.idxmin()]
    text = (
        f"With {names.regime(first)}, {_sold(ds)} {dearer(mean[first])} "
        f"(mean by tonnes): {names.element(most['element'])} {signed(most['abroad, change [%]'])} % from "
        f"{number(most['abroad, base [USD/kg]'])} USD/kg, {names.element(least['element'])} "
        f"{signed(least['abroad, change [%]'])} % from {number(least['abroad, base [USD/kg]'])} USD/kg."
        f"{_charged(ds, first)}{elsewhere(mean, ' %', first, 'The mean abroad')}{_inside(ds, first)}"
    )
    return Finding("Prices", text)


def _inside(ds: xr.Dataset, regime: str) -> str:
    """What happens to prices at home, as a sentence; empty where nothing was sold there."""
    home = pricefacts.told_index(ds, regime)["home"]
    if np.isnan(home):
        return ""
    moved = (
        "stays as it was"
        if abs(home) < NEGLIGIBLE
        else f"{'rises' if home > 0 else 'falls'} by {number(abs(home))} %"
    )
    return f" Inside {restrictors(ds)} the mean price {moved} with {names.regime(regime)}."


def _delivered(ds: xr.Dataset, regime: str) -> str:
    """What oxides sold abroad cost their buyers, where tariffs or frictions stand between them and the border."""
    at_buyers = pricefacts.delivered_index(ds, regime)
    return "" if at_buyers is None else f" ({dearer(at_buyers)} with tariffs and frictions)"


def _charged(ds: xr.Dataset, regime: str) -> str:
    """That what buyers pay on top is not in the price abroad, as a sentence; empty where nothing changed there."""
    at_buyers = pricefacts.delivered_index(ds, regime)
    if at_buyers is None:
        return ""
    return f" That is at the border; with tariffs and frictions their buyers pay {dearer(at_buyers)}."


def _sold(ds: xr.Dataset) -> str:
    """Whose oxides the price abroad is of, as the beginning of a sentence that ends with the change."""
    own, paid = restrictors(ds), pricefacts.paid(ds)
    s = ending(ds)
    if pricefacts.stopped(ds):
        return f"{own} export{s} no oxides any more: others pay for them, wherever they are from,"
    if not paid:
        return f"oxides sold abroad by {own} cost"
    which = "oxides" if paid == pricefacts.exported(ds) else listed([names.element(e) for e in paid])
    text = f"{own} {'has' if s else 'have'} stopped selling {which} to some or all buyers"
    if which == "oxides":
        return f"{text}: others pay for them, wherever they are from,"
    these, they_are = ("it", "it is") if len(paid) == 1 else ("these", "they are")
    return f"{text}: with what others pay for {these}, wherever {they_are} from, oxides abroad cost"


def chain(ds: xr.Dataset) -> Finding | None:
    """What concentrate and magnets cost those who buy them outside, where that changes."""
    each = []
    for good in pricefacts.chain_goods(ds):
        change = {regime: pricefacts.bought_index(ds, regime, good) for regime in regimes(ds)}
        if max(abs(value) for value in change.values()) >= TOLD:
            paid = [f"{dearer(value)} with {names.regime(regime)}" for regime, value in change.items()]
            each.append(f"for {good} {listed(paid)}")
    text = f"Outside {restrictors(ds)} buyers pay, wherever it is from, {'; '.join(each)}."
    return Finding("Ore and magnets", text) if each else None


def abroad(ds: xr.Dataset) -> str:
    """What prices abroad are, as part of a note."""
    paid = pricefacts.paid(ds)
    if pricefacts.stopped(ds):
        return f"{restrictors(ds)} export{ending(ds)} no oxides any more; what others pay, wherever they are from."
    if not paid:
        return "at the border, export tax and licence in it."
    ended = "what others pay, wherever it is from, as exports to some or all of them have stopped"
    if paid == pricefacts.exported(ds):
        return f"{ended}."
    return (
        f"at the border, export tax and licence in it; of {listed([names.element(e) for e in paid])} {ended}."
    )
