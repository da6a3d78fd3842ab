"""The figures of a sweep, one function each: tables in, a Matplotlib figure out."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from calibration.errors import InputError
from model.records import REGIMES
from outputs import names, style
from outputs.names import number
from outputs.sweeps import discovery, indices
from outputs.sweeps.groups import Group, in_words
from outputs.sweeps.reading import Sweep

COLOUR = {"exogenous": style.GREY, "directed": style.BLUE, "directed_with_spillovers": style.GREEN}
assert set(COLOUR) == set(REGIMES)
SHOWN = 10  # parameters in a figure
PANELS = 9  # outcomes in the overview


def _heading(regime: str, panels: int) -> str:
    """A panel's regime, in full where there is room."""
    return names.regime(regime) if panels < 3 else names.SHORT_REGIMES.get(regime, regime)


def _rows(count: int) -> tuple[float, float]:
    return 10.0, 2.2 + 0.42 * count


def _rows_of(tables: Mapping[str, pd.DataFrame], name: str, group: Group) -> dict[str, pd.DataFrame]:
    """A table's rows by regime, those that could be computed. Raises InputError when none could."""
    whole = tables.get(name, pd.DataFrame({"outcome": []}))
    found = {r: whole[whole["outcome"] == c].reset_index(drop=True) for c, r in group.single}
    found = {regime: rows for regime, rows in found.items() if len(rows)}
    if not found:
        raise InputError(f"{group.name}: no indices")
    return found


def sobol(sweep: Sweep, whole: Mapping[str, pd.DataFrame], group: Group) -> Any:
    """First-order (dark) and total (light) indices with intervals, a panel for each regime."""
    tables = _rows_of(whole, "sobol", group)
    order = np.argsort(-np.max([table["total"] for table in tables.values()], axis=0))[:SHOWN]
    figure, axes = style.figure(1, len(tables), size=_rows(len(order)), sharey=True, squeeze=False)
    place = np.arange(len(order))[::-1]
    for axis, (regime, table) in zip(axes[0], tables.items(), strict=True):
        colour = COLOUR[regime]
        rows = table.iloc[order]
        axis.barh(
            place, rows["total"], height=0.66, color=colour, alpha=0.3, label="total, with interactions"
        )
        axis.barh(place, rows["first"], height=0.36, color=colour, label="alone")
        for name, shift in (("first", -0.09), ("total", 0.09)):
            axis.hlines(place + shift, rows[f"{name}_low"], rows[f"{name}_high"], color="black", linewidth=1)
        axis.set_title(_heading(regime, len(axes[0])), loc="left")
        axis.set_xlim(min(0.0, rows["first_low"].min() * 1.05), max(1.0, rows["total_high"].max() * 1.05))
        axis.set_xlabel("share of variance")
        axis.grid(axis="y", visible=False)
    listed = next(iter(tables.values()))["parameter"]
    axes[0][0].set_yticks(place, [sweep.words(str(listed[j])) for j in order])
    _legend_below(figure, axes[0][0])
    return figure


def morris(sweep: Sweep, whole: Mapping[str, pd.DataFrame], group: Group) -> Any:
    """Mean absolute elementary effect against its spread: right is influential, up is nonlinear or interacting."""
    tables = _rows_of(whole, "morris", group)
    figure, axes = style.figure(1, len(tables), squeeze=False)
    for axis, (regime, table) in zip(axes[0], tables.items(), strict=True):
        axis.errorbar(table["mu_star"], table["sigma"], xerr=table["half_width"], fmt="o", color=COLOUR[regime],
                      ecolor="#999999")  # fmt: skip
        for row in table.nlargest(5, "mu_star").itertuples():
            axis.annotate(sweep.words(str(row.parameter)), (row.mu_star, row.sigma), xytext=(4, 5),
                          textcoords="offset points", fontsize=8)  # fmt: skip
        axis.set_title(_heading(regime, len(axes[0])), loc="left")
        unit = plain_numbers(axis.xaxis, group.unit, axis.get_xlim())
        axis.set_xlabel(f"mean absolute effect, {unit}")
        unit = plain_numbers(axis.yaxis, group.unit, axis.get_ylim())
        axis.set_ylabel(f"spread of the effect, {unit}")
    return figure


def tornado(sweep: Sweep, whole: Mapping[str, pd.DataFrame], group: Group) -> Any:
    """Outcome at the low and at the high end of each parameter, and what derivatives in the middle say."""
    tables = _rows_of(whole, "tornado", group)
    swing = np.max([table["swing"].abs() for table in tables.values()], axis=0)
    order = np.argsort(-swing)[:SHOWN]
    figure, axes = style.figure(1, len(tables), size=_rows(len(order)), sharey=True, squeeze=False)
    place = np.arange(len(order))[::-1]
    for axis, (regime, table) in zip(axes[0], tables.items(), strict=True):
        rows = table.iloc[order]
        centre = float(_centre(sweep, rows["outcome"].iloc[0]))
        ends = [rows["at_low"] - centre, rows["at_high"] - centre]
        for bars, (far, other), colour, text in (
            (ends[0], ends, style.SKY, "low end"),
            (ends[1], ends[::-1], style.ORANGE, "high end"),
        ):
            drawn = axis.barh(place, bars, left=centre, color=colour, label=text)
            for bar, shorter in zip(drawn, far.abs() < other.abs(), strict=True):
                bar.set_zorder(1.2 if shorter else 1.1)  # of two on one side the shorter stays in sight
        if rows["derivative"].notna().any():
            for end, colour in ((-0.5, style.SKY), (0.5, style.ORANGE)):
                axis.plot(centre + end * rows["derivative"], place, "D", color=colour, markeredgecolor="black",
                          markersize=5, label="by derivatives" if end > 0 else None, linestyle="none")  # fmt: skip
        axis.axvline(centre, color="#333333", linewidth=0.9)
        if group.threshold is not None:
            axis.axvline(group.threshold, color=style.RED, linewidth=1, linestyle="--")
        axis.set_title(_heading(regime, len(axes[0])), loc="left")
        axis.grid(axis="y", visible=False)
        axis.margins(x=0.06)
        _few_ticks(axis, group.unit)
    axes[0][0].set_yticks(place, [sweep.words(sweep.parameters[j]) for j in order])
    _legend_below(figure, axes[0][0])
    return figure


def _legend_below(figure: Any, axis: Any) -> None:
    """A legend beside the note, where it hides nothing."""
    handles, texts = axis.get_legend_handles_labels()
    figure.legend(handles, texts, loc="outside lower right", ncols=4, fontsize=8)


def _centre(sweep: Sweep, column: str) -> float:
    """What a tornado's bars start from: the outcome in the middle, or the mean of the sample."""
    if sweep.design == "one_at_a_time":
        return float(sweep.outcomes[0, sweep.position(column)])
    return float(sweep.solved(column)[1].mean())


def _few_ticks(axis: Any, unit: str) -> None:
    """Ticks along x that do not run into each other, and the unit they are in."""
    axis.xaxis.set_major_locator(MaxNLocator(4))
    axis.set_xlabel(plain_numbers(axis.xaxis, unit, axis.get_xlim()))


def plain_numbers(side: Any, unit: str, limits: tuple[float, float]) -> str:
    """Plain numbers along an axis: large amounts in billions, groups of thousands; returns the unit shown."""
    size = max(abs(limit) for limit in limits)
    factor, shown = in_words(size, unit)
    if shown != unit:
        side.set_major_formatter(FuncFormatter(lambda value, _: f"{factor * value:,.4g}"))
        return shown
    if size >= 1000:
        side.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    return unit


def wide(axis: Any, values: Any) -> None:
    """A logarithmic scale on both sides of zero where a few outcomes would hide all others."""
    size = np.abs(values[np.isfinite(values)])
    middle = float(np.median(size)) if len(size) else 0.0
    if middle > 0 and size.max() > 100 * middle:
        straight = 10 ** np.ceil(np.log10(middle))  # linear up to here, decades beyond
        axis.set_yscale("symlog", linthresh=straight)
        decades = straight * 10.0 ** np.arange(np.ceil(np.log10(size.max() / straight)) + 1)
        axis.yaxis.set_major_locator(FixedLocator([*-decades[::-1], 0.0, *decades]))
        axis.yaxis.set_minor_locator(NullLocator())
        axis.set_ylim(min(1.5 * np.nanmin(values), 0.0), max(1.5 * np.nanmax(values), 0.0))


def distributions(sweep: Sweep, found: Sequence[Group]) -> Any:
    """Median, half of the draws (thick) and nine tenths (thin) of each outcome by regime."""
    shown = found[:PANELS]
    across = min(3, len(shown))
    down = -(-len(shown) // across)
    figure, axes = style.figure(down, across, size=(10.0, 1.6 + 1.55 * down), squeeze=False)
    for axis, group in zip(axes.flat, shown, strict=False):
        for at, (column, regime) in enumerate(reversed(group.single)):
            _, y, _ = sweep.solved(column)
            p5, p25, middle, p75, p95 = np.quantile(y, [0.05, 0.25, 0.5, 0.75, 0.95])
            colour = COLOUR[regime]
            axis.hlines(at, p5, p95, color=colour, linewidth=2)
            axis.hlines(at, p25, p75, color=colour, linewidth=8)
            axis.plot(middle, at, "o", color="white", markeredgecolor="black", markersize=6, zorder=3)
        regimes = [names.SHORT_REGIMES.get(regime, regime) for _, regime in reversed(group.single)]
        axis.set_yticks(range(len(regimes)), regimes)
        axis.set_ylim(-0.6, len(regimes) - 0.4)
        low, high = axis.get_xlim()
        if low < 0 < high:
            style.zero_line(axis)
        axis.set_title(textwrap.fill(group.title, 24), loc="left")  # as wide as one of three panels
        axis.grid(axis="y", visible=False)
        _few_ticks(axis, group.unit)
    for axis in axes.flat[len(shown) :]:
        axis.set_visible(False)
    return figure


def threshold(sweep: Sweep, whole: Mapping[str, pd.DataFrame], group: Group) -> Any:
    """The outcome along the two parameters that move it most, and where its median crosses the limit."""
    column, regime = group.single[-1]
    limit = group.threshold or 0.0
    found = indices.leading(whole, column)
    if found is None:
        raise InputError(f"{column}: nothing tells what moves it")
    chosen = [str(name) for name in found[1]["parameter"][:2]]
    figure, axes = style.figure(1, len(chosen), squeeze=False, sharey=True)
    for axis, parameter in zip(axes[0], chosen, strict=True):
        curve = discovery.threshold_curve(sweep, column, parameter, limit)
        axis.fill_between(curve["value"], curve["p5"], curve["p95"], color=COLOUR[regime], alpha=0.25,
                          label="nine tenths of draws")  # fmt: skip
        axis.plot(
            curve["value"], curve["median"], color=COLOUR[regime], marker="o", markersize=4, label="median"
        )
        axis.axhline(limit, color=style.RED, linewidth=1, linestyle="--")
        for at, x in enumerate(discovery.crossings(curve, limit)):
            axis.axvline(x, color=style.RED, linewidth=1, linestyle=":")
            axis.annotate(
                number(x), (x, limit), xytext=(4, 6 + 12 * at), textcoords="offset points", color=style.RED
            )
        axis.set_xlabel(sweep.words(parameter))
        axis.xaxis.set_major_locator(MaxNLocator(5, prune="both"))
        plain_numbers(axis.xaxis, "", axis.get_xlim())
    axes[0][0].set_ylabel(plain_numbers(axes[0][0].yaxis, group.unit, axes[0][0].get_ylim()))
    axes[0][-1].legend(loc="best")
    axes[0][0].set_title(names.regime(regime), loc="left")
    return figure


def fan(sweep: Sweep, group: Group) -> Any:
    """Quantiles of an outcome year by year, a panel for each regime."""
    regimes = list(dict.fromkeys(group.regimes))
    figure, axes = style.figure(1, len(regimes), squeeze=False, sharey=True)
    for axis, regime in zip(axes[0], regimes, strict=True):
        chosen = [
            (y, c) for c, r, y in zip(group.columns, group.regimes, group.years, strict=True) if r == regime
        ]
        years = [year for year, _ in chosen]
        draws = [sweep.solved(column)[1] for _, column in chosen]
        levels = np.array([np.quantile(y, [0.05, 0.25, 0.5, 0.75, 0.95]) for y in draws]).T
        axis.fill_between(
            years, levels[0], levels[4], color=COLOUR[regime], alpha=0.2, label="nine tenths of draws"
        )
        axis.fill_between(years, levels[1], levels[3], color=COLOUR[regime], alpha=0.4, label="half of draws")
        axis.plot(years, levels[2], color=COLOUR[regime], linewidth=2, label="median")
        if levels.min() < 0 < levels.max():
            style.zero_line(axis, vertical=False)
        axis.set_title(_heading(regime, len(axes[0])), loc="left")
        axis.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    wide(axes[0][0], sweep.outcomes[:, [sweep.position(column) for column in group.columns]])
    axes[0][0].set_ylabel(plain_numbers(axes[0][0].yaxis, group.unit, axes[0][0].get_ylim()))
    axes[0][-1].legend(loc="best")
    return figure
