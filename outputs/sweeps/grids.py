"""Figures of a grid over one or two parameters: lines that show the shape, and a map with every number."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import LogNorm, Normalize, SymLogNorm

from calibration.errors import InputError
from model.records import Array
from outputs import names, style
from outputs.names import number
from outputs.sweeps.figures import COLOUR, plain_numbers, wide
from outputs.sweeps.groups import Group, in_words, plain
from outputs.sweeps.reading import Sweep

DECADES = 30  # largest over smallest outcome above which colours are in logs
MOST = 16, 24  # cells across and down
DARK = 0.45  # luminance of a cell below which its number is white


def sides(sweep: Sweep) -> list[int]:
    """Positions of the parameters: the one with most values, along which a figure runs, first."""
    return sorted(range(len(sweep.parameters)), key=lambda j: -len(_levels(sweep, j)))


def _levels(sweep: Sweep, at: int) -> Array:
    """Values of a parameter in the order of the design: a discrete one has that of its file."""
    values = sweep.values[:, at]
    return np.asarray(values[np.sort(np.unique(values, return_index=True)[1])])


def lines(sweep: Sweep, group: Group) -> Any:
    """The outcome along one parameter, a line for each value of the other, darker from the first to the last."""
    along, *rest = sides(sweep)
    x = _levels(sweep, along)
    figure, axes = style.figure(1, len(group.single), squeeze=False, sharey=True)
    for axis, (column, regime) in zip(axes[0], group.single, strict=True):
        table = _table(sweep, column)
        shades = colormaps["viridis_r"](np.linspace(0.1, 1.0, len(table))) if rest else [COLOUR[regime]]
        for shade, line, row in zip(shades, table, _rows(sweep, rest), strict=True):
            axis.plot(x, line, color=shade, marker="o", markersize=3, label=row)
        if np.nanmin(table) < 0 < np.nanmax(table):
            style.zero_line(axis, vertical=False)
        axis.set_title(names.regime(regime), loc="left")
        axis.set_xlabel(sweep.words(sweep.parameters[along]))
        plain_numbers(axis.xaxis, "", axis.get_xlim())
        if x[0] > x[-1]:
            axis.invert_xaxis()
    if not rest:
        wide(axes[0][0], sweep.outcomes[:, [sweep.position(column) for column, _ in group.single]])
    axes[0][0].set_ylabel(plain_numbers(axes[0][0].yaxis, group.unit, axes[0][0].get_ylim()))
    if rest:
        handles, texts = axes[0][-1].get_legend_handles_labels()
        axes[0][-1].legend(handles, texts, title=sweep.words(sweep.parameters[rest[0]]), loc="best")
    return figure


def _rows(sweep: Sweep, rest: list[int]) -> list[str | None]:
    return [plain(float(value)) for value in _levels(sweep, rest[0])] if rest else [None]


def _table(sweep: Sweep, column: str) -> Array:
    """(values of the other parameter or 1, values along) outcomes, nan where a draw failed."""
    along, *rest = sides(sweep)
    y = sweep.outcomes[:, sweep.position(column)]
    rows = (
        [sweep.values[:, rest[0]] == level for level in _levels(sweep, rest[0])]
        if rest
        else [np.ones(len(y), bool)]
    )
    place = {level: at for at, level in enumerate(_levels(sweep, along))}
    table = np.full((len(rows), len(place)), np.nan)
    for row, chosen in enumerate(rows):
        for value, outcome in zip(sweep.values[chosen, along], y[chosen], strict=True):
            table[row, place[value]] = outcome
    return table


def cells(sweep: Sweep, group: Group) -> Any:
    """Every outcome of a grid as a number in a coloured cell, a panel for each regime. Raises InputError: too many."""
    along, other = sides(sweep)
    tables = {regime: _table(sweep, column) for column, regime in group.single}
    factor, unit = in_words(max(float(np.nanmax(np.abs(table))) for table in tables.values()), group.unit)
    colours, norm = _colours(np.concatenate([table.ravel() for table in tables.values()]) * factor)
    height, width = next(iter(tables.values())).shape
    if width > MOST[0] or height > MOST[1]:
        raise InputError(
            f"{width} x {height} cells; expected {MOST[0]} x {MOST[1]} or fewer for numbers to be read"
        )
    figure, axes = style.figure(
        len(tables), 1, size=(10.0, 1.3 + len(tables) * (0.7 + 0.33 * height)), squeeze=False
    )
    for axis, (regime, table) in zip(axes[:, 0], tables.items(), strict=True):
        shown = colours(norm(table * factor))
        axis.imshow(shown, aspect="auto")
        for (row, at), value in np.ndenumerate(table * factor):
            text = "failed" if np.isnan(value) else number(float(value), 2)
            light = shown[row, at, :3] @ [0.299, 0.587, 0.114] > DARK
            axis.text(
                at, row, text, ha="center", va="center", fontsize=8, color="black" if light else "white"
            )
        axis.set_title(f"{names.regime(regime)}, {unit}", loc="left")
        axis.set_xticks(range(width), [plain(float(v)) for v in _levels(sweep, along)])
        axis.set_yticks(range(height), [plain(float(v)) for v in _levels(sweep, other)])
        axis.set_ylabel(sweep.words(sweep.parameters[other]))
        axis.grid(visible=False)
        axis.tick_params(length=0)
        for side in axis.spines.values():
            side.set_visible(False)
    axes[-1, 0].set_xlabel(sweep.words(sweep.parameters[along]))
    return figure


def _colours(values: Array) -> tuple[Any, Any]:
    """A colour map and its scale: one colour from light to dark where all have one sign, in logs over many sizes."""
    found = values[np.isfinite(values)]
    size = np.abs(found[found != 0])
    if not len(size):
        size = np.ones(1)
    low, high = float(size.min()), float(size.max())
    if found.min() < 0 < found.max():
        norm: Any = SymLogNorm(max(low, high / 1e4), vmin=-high, vmax=high)
        return _failed(colormaps["RdBu"]), norm
    name = "OrRd" if found.min() < 0 else "Blues"
    scale = LogNorm(low, high) if high > DECADES * low else Normalize(0.0, high)
    return _failed(colormaps[name]), lambda value: scale(
        np.ma.masked_invalid(np.maximum(np.abs(value), low / 10))
    )


def _failed(colours: Any) -> Any:
    return colours.with_extremes(bad="#DDDDDD")
