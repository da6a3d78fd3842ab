"""Figures of a scenario that can be put on a slide. All numbers come from `facts`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes

from outputs import facts, findings, names, pricefacts, pricefindings, style, wording
from outputs.names import signed
from outputs.style import BLUE, GREY, ORANGE, RED

Values = npt.NDArray[Any]
SHORT = 16  # characters of a name that a legend has room for
FILLED = 0.86  # of a row, by its bars
NUMBER = 7.0  # points: the size of a number beside a bar
LINE = 1.3  # from one number to the next, of their size
AROUND = 2.0  # inches that title, legend, axis and note take above and below the bars


def draw_scenario(dataset: xr.Dataset, folder: Path) -> list[Path]:
    """Draw every figure of a scenario into a folder; returns the files."""
    ds = facts.one_scenario(dataset)
    note = source_note(ds, str(dataset["scenario"].values.reshape(-1)[0]))
    with style.look():
        drawn = [make(ds, folder, note) for make in (prices, real_income, sectors, research, forces)]
    return [path for path in drawn if path is not None]


def source_note(ds: xr.Dataset, scenario: str) -> str:
    """What stands under every figure."""
    return (
        f"Source: rare-earth-model, scenario {scenario}, calibration {ds.attrs.get('calibration', '')}. Model "
        "results, no data; many parameters are soft (see parameters.csv)."
    )


def prices(ds: xr.Dataset, folder: Path, note: str) -> Path | None:
    """Oxide prices in and outside the restricting regions: levels on a log scale, changes by regime."""
    if not pricefacts.exported(ds):
        return None
    regimes = wording.regimes(ds)
    first: Any = pricefacts.table(ds, regimes[0])
    first = first[first["abroad, base [USD/kg]"] > 0].sort_values("abroad, base [USD/kg]", ascending=False)
    order, rows = list(first["element"]), np.arange(len(first))
    size = _size(len(order), len(regimes))
    drawn, (left, right) = style.figure(1, 2, size=size, sharey=True, width_ratios=(1.15, 1))
    _levels(left, first, rows, names.regime(regimes[0]), wording.restrictors(ds))
    left.set_yticks(rows, [f"{names.element(e)} ({e})" for e in order])
    changes = {
        r: pricefacts.table(ds, r).set_index("element")["abroad, change [%]"].reindex(order) for r in regimes
    }
    _grouped(right, {regime: change.to_numpy() for regime, change in changes.items()})
    large = max(float(change.abs().max()) for change in changes.values()) >= names.LARGE
    right.set_xlabel(f"change of the price abroad, %{'; k: thousands, M: millions' if large else ''}")
    right.xaxis.set_major_formatter(style.ticks())
    right.set_title("Change abroad, by technology regime")
    right.margins(x=0.12)
    style.legend_above(right, 2)
    change = changes[regimes[0]]
    most, least = str(change.idxmax()), str(change.idxmin())
    moved = (
        f"abroad, {names.element(most)} {signed(change[most], 2)} % and "
        f"{names.element(least)} {signed(change[least], 2)} %"
        if change.abs().max() > wording.NEGLIGIBLE
        else "no price moves abroad"
    )
    title = f"{_title(ds)}: {moved} with {names.regime(regimes[0])}"
    about = f"Abroad: {pricefindings.abroad(ds)} {names.OF_PRODUCT} {note}"
    return style.finish(drawn, folder / "prices.png", title, about)


def _levels(axes: Axes, table: pd.DataFrame, rows: Values, regime: str, who: str) -> None:
    """Prices before and after, abroad above and at home below in each row."""
    home = f"in {who}" if len(who) < SHORT else "at home"
    for at, where, colour, label in ((0.14, "abroad", RED, "abroad"), (-0.14, "home", BLUE, home)):
        before, after = table[f"{where}, base [USD/kg]"].to_numpy(), table[f"{where} [USD/kg]"].to_numpy()
        y, shape = rows + at, "D" if where == "abroad" else "o"
        axes.hlines(y, before, after, color=colour, linewidth=2, zorder=2)
        hollow: Any = {"facecolor": "white", "edgecolor": colour, "linewidth": 1.5}
        axes.scatter(before, y, s=34, zorder=3, label=f"{label}, base year", **hollow)
        axes.scatter(after, y, s=40, color=colour, marker=shape, zorder=4, label=f"{label}, {regime}")
    axes.set_xscale("log")
    style.log_ticks(axes.xaxis, (1, 3))
    axes.set_xlabel(f"{names.PER_KG}, logarithmic")
    axes.set_title("Level")
    style.legend_above(axes, 2)


def real_income(ds: xr.Dataset, folder: Path, note: str) -> Path:
    """Real income by region and regime."""
    regimes = wording.regimes(ds)
    table: Any = facts.real_income(ds).set_index("region")
    own, columns = facts.restricting(ds), {r: f"{r} [million USD]" for r in regimes}
    regions = table.loc[[str(r) for r in ds["region"].values]]
    order = [*regions[columns[regimes[0]]].drop(own).sort_values().index, *own]
    unit, scale = names.readable_money([float(v) for v in regions[list(columns.values())].to_numpy().ravel()])
    bars = {regime: scale * regions.loc[order, column].to_numpy() for regime, column in columns.items()}
    drawn, axes = style.figure(size=_size(len(order), len(regimes)))
    _grouped(axes, bars, least=0.005 if scale < 1 else 0.0)
    axes.set_yticks(np.arange(len(order)), [names.region(r)[:1].upper() + names.region(r)[1:] for r in order])
    axes.margins(x=0.08, y=0.02)
    axes.set_xlabel(f"equivalent variation, {unit} a year at base prices")
    axes.xaxis.set_major_formatter(style.ticks())
    style.legend_above(axes, 3)
    group = scale * table[columns[regimes[0]]]
    title = (
        f"{_title(ds)}: real income {signed(group['restricting'])} {unit} in {wording.restrictors(ds)}, "
        f"{signed(group['others'])} in all others with {names.regime(regimes[0])}"
    )
    about = f"{note} {findings.DEEP_CAUTION}." if findings.is_deep(ds) else note
    return style.finish(drawn, folder / "real_income.png", title, about)


def sectors(ds: xr.Dataset, folder: Path, note: str) -> Path | None:
    """Exports and productivity of sectors outside the restricting regions against their exposure."""
    tables = {regime: _outside(ds, regime) for regime in wording.regimes(ds)}
    if not any(len(table) for table in tables.values()):
        return None
    means: Any = facts.sectors(ds).set_index(["regime", "measure"])
    drawn, grid = style.figure(2, len(tables), sharex=True, sharey="row", squeeze=False)
    for row, (measure, label) in enumerate(
        (("exports, volume", "exports"), ("cost saved by technology", "cost saved"))
    ):
        column = f"{measure} [%]"
        low = min(float(np.quantile(table[column], 0.01)) for table in tables.values())
        high = max(float(np.quantile(table[column], 0.99)) for table in tables.values())
        unit, scale = names.readable_unit([low, high])
        grid[row, 0].set_ylabel(f"{label}, change in {unit}")
        for axes, (regime, table) in zip(grid[row], tables.items(), strict=True):
            _cloud(axes, table, column, scale)
            exposed, other = (
                signed(scale * means.loc[(regime, measure), f"{g} [%]"], 2) for g in ("exposed", "other")
            )
            text = f"mean: exposed {exposed}, other {other}"
            axes.annotate(text, (0.03, 0.96), xycoords="axes fraction", va="top", fontsize=8)
            if high > low:
                edge = 0.15 * (high - low)
                axes.set_ylim(scale * (low - edge), scale * (high + 2 * edge))
    for axes, regime in zip(grid[0], tables, strict=True):
        axes.set_title(names.capital(names.regime(regime)), fontsize=10)
    for axes in grid[1]:
        axes.set_xlabel("exposure, USD per million USD")
    grid[0, -1].legend(loc="lower left", fontsize=8, ncols=2, handletextpad=0.2)
    own = wording.restrictors(ds)
    about = (
        "One mark a region and sector, area by base exports; the outermost 2 % lie outside the frame. Exposure: rare "
        f"earths of {own} in output, direct and in inputs, times non-substitutability. ppm: millionths. "
    )
    title = f"{_title(ds)}: exports and technology of sectors outside {own}"
    return style.finish(drawn, folder / "sectors.png", title, about + note)


def _cloud(axes: Axes, table: pd.DataFrame, column: str, scale: float) -> None:
    """Every sector by exposure, the exposed ones in another colour and shape."""
    for exposed, colour, marker, label in (
        (False, GREY, "o", "other sectors"),
        (True, ORANGE, "D", "most exposed tenth"),
    ):
        part = table[table["exposed"] == exposed]
        weight = np.sqrt(part["exports, base [million USD]"].to_numpy())
        area = 4 + 60 * weight / max(weight.max(initial=0), 1e-300)
        look: Any = {
            "color": colour,
            "marker": marker,
            "alpha": 0.55,
            "linewidth": 0,
            "zorder": 2,
            "label": label,
        }
        axes.scatter(part["exposure [USD per million USD]"], scale * part[column], s=area, **look)
    style.zero_line(axes, vertical=False)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(style.ticks())


def research(ds: xr.Dataset, folder: Path, note: str) -> Path | None:
    """Where research went: by element, inside and outside the restricting regions."""
    tables = {r: facts.research(ds, r).iloc[::-1] for r in wording.regimes(ds) if facts.learns(ds, r)}
    if not tables:
        return None
    rows = len(next(iter(tables.values())))
    drawn, grid = style.figure(1, 2, size=_size(rows, len(tables)), sharey=True)
    for axes, column, label in zip(
        grid,
        ("outside", "inside"),
        (f"Outside {wording.restrictors(ds)}", f"In {wording.restrictors(ds)}"),
        strict=True,
    ):
        _grouped(axes, {r: table[f"{column} [%]"].to_numpy() for r, table in tables.items()}, least=0.005)
        axes.set_title(label)
        axes.set_xlabel("research and patents, change in %")
        axes.margins(x=0.15)
    kinds = next(iter(tables.values()))["technology"]
    labels = ["all other inputs" if kind == "X" else f"{names.element(kind)} ({kind})" for kind in kinds]
    grid[0].set_yticks(np.arange(len(labels)), labels)
    style.legend_above(grid[0], 2, grid[1])
    about = "By what research improves, sectors weighted by what they spend on it. "
    return style.finish(drawn, folder / "research.png", f"{_title(ds)}: where research went", about + note)


def forces(ds: xr.Dataset, folder: Path, note: str) -> Path | None:
    """What moved the exports of exposed sectors outside: a bar for each force, adding up."""
    table = facts.forces(ds)
    if not len(table):
        return None
    changes = table["exports, exposed [%]"].to_numpy()
    unit, scale = names.readable_unit(list(changes))
    values, rows = scale * changes, np.arange(len(table))[::-1]
    start = np.concatenate([[0.0], np.cumsum(values[:-1])[:-1], [0.0]])
    colours = [ORANGE if value < 0 else BLUE for value in values[:-1]] + [style.BLACK]
    drawn, axes = style.figure(size=(10.0, 4.2))
    axes.barh(rows, values, left=start, color=colours, height=0.62, zorder=2)
    _numbers(axes, values, start + values, rows, size=9)
    style.zero_line(axes)
    axes.set_yticks(rows, [names.FORCES[f] for f in table["force"]])
    axes.grid(axis="y", visible=False)
    axes.use_sticky_edges = False
    axes.margins(x=0.12)
    axes.set_xlabel(f"change of export volume, {unit}")
    _still(axes, changes)
    title = f"{_title(ds)}: exports of exposed sectors outside {wording.restrictors(ds)} {_moved(ds, changes[-1])}"
    regime = names.regime(str(ds.attrs.get("decomposed", "")))
    about = (
        f"With {regime}; forces averaged over every order of switching them on (Shapley). ppm: millionths. "
    )
    return style.finish(drawn, folder / "forces.png", title, about + note)


def _moved(ds: xr.Dataset, change: float) -> str:
    """Whether exports rise or fall, percent, and which forces decide that; that they do neither where nothing does."""
    if abs(change) < wording.NEGLIGIBLE:
        return "do not change"
    deciding = [names.FORCES[f] for f in findings.deciding(ds)]
    verb = "decides" if len(deciding) == 1 else "decide"
    return f"{'rise' if change > 0 else 'fall'}; {names.listed(deciding)} {verb}"


def _size(rows: int, bars: int) -> tuple[float, float]:
    """A figure for rows of so many bars each, higher than a slide where their numbers would run into each other."""
    width, height = style.INCHES
    return width, max(height, AROUND + LINE * NUMBER / 72 * rows * bars / FILLED)


def _grouped(axes: Axes, series: Mapping[str, Values], least: float = 0.0) -> None:
    """Horizontal bars of each regime in every row, with their numbers; row 0 is the lowest."""
    height = FILLED / len(series)
    for at, (regime, values) in enumerate(series.items()):
        y = np.arange(len(values)) + (len(series) / 2 - at - 0.5) * height
        axes.barh(y, values, height=0.92 * height, label=names.regime(regime), zorder=2, **_fill(regime))
        _numbers(axes, values, values, y, least=least)
    axes.grid(axis="y", visible=False)
    style.zero_line(axes)
    _still(axes, np.concatenate([np.asarray(values, dtype=float) for values in series.values()]))


def _still(axes: Axes, values: Values) -> None:
    """An axis about zero for bars that have no length, instead of one around rounding."""
    if not (np.abs(values) > wording.NEGLIGIBLE).any():
        axes.set_xlim(-1, 1)


def _numbers(
    axes: Axes, values: Values, x: Values, y: Values, *, size: float = NUMBER, least: float = 0.0
) -> None:
    """The number of each bar beside its end."""
    for value, end, place in zip(values, x, y, strict=True):
        text = names.beside(value, least)
        # On the left "about 0" would stand on the label of its row.
        side = 1 if value >= 0 or text == "about 0" else -1
        where: Any = {"va": "center", "ha": "left" if side > 0 else "right", "textcoords": "offset points"}
        axes.annotate(text, (end, place), (4 * side, 0), fontsize=size, color="#333333", **where)


def _outside(ds: xr.Dataset, regime: str) -> pd.DataFrame:
    """Sectors outside the restricting regions and the rare-earth chain that export and are exposed."""
    table = facts.by_sector(ds, regime)
    chain = {str(s) for s in ds["sector"].values[ds["chain"].values > 0]}
    keep = ~table["region"].isin(facts.restricting(ds)) & ~table["sector"].isin(chain)
    return table[
        keep & (table["exposure [USD per million USD]"] > 0) & (table["exports, base [million USD]"] > 0)
    ]


def _fill(regime: str) -> dict[str, Any]:
    """Colour of a regime's bars, and stripes that tell them apart in grey."""
    return style.REGIME.get(regime, {"facecolor": style.PURPLE})


def _title(ds: xr.Dataset) -> str:
    return str(ds.attrs.get("title", ""))
