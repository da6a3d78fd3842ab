"""Figures of a scenario that can be put on a slide. All numbers come from `facts`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator

from outputs import facts, findings, names, style
from outputs.names import number, signed
from outputs.style import BLUE, GREY, ORANGE, RED


def draw_scenario(dataset: xr.Dataset, folder: Path) -> list[Path]:
    """Draw every figure of a scenario into a folder; returns the files."""
    ds = facts.one_scenario(dataset)
    scenario = str(dataset["scenario"].values.reshape(-1)[0])
    note = source_note(ds, scenario)
    drawn = []
    with style.look():
        for make in (prices, real_income, sectors, research, forces):
            path = make(ds, folder, note)
            if path is not None:
                drawn.append(path)
    return drawn


def source_note(ds: xr.Dataset, scenario: str) -> str:
    """What stands under every figure."""
    return (
        f"Source: rare-earth-model, scenario {scenario}, calibration {ds.attrs.get('calibration', '')}. Model results, no "
        "data; many parameters are soft (see parameters.csv)."
    )


def prices(ds: xr.Dataset, folder: Path, note: str) -> Path:
    """Oxide prices in and outside the restricting regions: levels on a log scale, changes by regime."""
    regimes = _regimes(ds)
    first = facts.prices(ds, regimes[0])
    first = first[first["abroad, base [USD/kg]"] > 0].sort_values("abroad, base [USD/kg]", ascending=False)
    order, rows = list(first["element"]), np.arange(len(first))
    drawn, (left, right) = style.figure(1, 2, sharey=True, width_ratios=(1.15, 1))
    for at, where, colour, label in ((0.14, "abroad", RED, "abroad"), (-0.14, "home", BLUE, f"in {_who(ds)}")):
        before, after = first[f"{where}, base [USD/kg]"].to_numpy(), first[f"{where} [USD/kg]"].to_numpy()
        left.hlines(rows + at, before, after, color=colour, linewidth=2, zorder=2)
        left.scatter(before, rows + at, s=34, facecolor="white", edgecolor=colour, linewidth=1.5, zorder=3, label=f"{label}, base year")
        left.scatter(after, rows + at, s=40, color=colour, marker="D" if where == "abroad" else "o", zorder=4, label=f"{label}, {names.regime(regimes[0])}")
    left.set_xscale("log")
    left.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
    left.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value, 1)))
    left.set_yticks(rows, [f"{names.element(e)} ({e})" for e in order])
    left.set_xlabel("USD per kg of oxide, logarithmic")
    left.set_title("Level")
    left.legend(loc="best")
    height = 0.8 / len(regimes)
    for at, regime in enumerate(regimes):
        change = facts.prices(ds, regime).set_index("element")["abroad, change [%]"].reindex(order)
        y = rows + (len(regimes) / 2 - at - 0.5) * height
        right.barh(y, change, height=height * 0.92, label=names.regime(regime), zorder=2, **_fill(regime))
        for place, value in zip(y, change, strict=True):
            right.annotate(signed(value, 2), (value, place), (3 if value >= 0 else -3, 0), textcoords="offset points",
                           va="center", ha="left" if value >= 0 else "right", fontsize=7, color="#333333")  # fmt: skip
    style.zero_line(right)
    right.set_xlabel("change of the price abroad, %")
    right.set_title("Change abroad, by technology regime")
    right.margins(x=0.12)
    right.legend(loc="best")
    change = first.set_index("element")["abroad, change [%]"]
    most, least = str(change.idxmax()), str(change.idxmin())
    title = (
        f"{ds.attrs.get('title', '')}: abroad, {names.element(most)} {signed(change[most], 2)} % and {names.element(least)} "
        f"{signed(change[least], 2)} % with {names.regime(regimes[0])}"
    )
    return style.finish(drawn, folder / "prices.png", title, f"Abroad: at the border, export tax and licence in it. {note}")


def real_income(ds: xr.Dataset, folder: Path, note: str) -> Path:
    """Real income by region and regime, million USD."""
    regimes = _regimes(ds)
    table = facts.real_income(ds).set_index("region").loc[[str(r) for r in ds["region"].values]]
    own = facts.restricting(ds)
    size = table[f"{regimes[0]} [million USD]"]
    order = [*size.drop(own).sort_values().index, *own]
    rows = np.arange(len(order))
    drawn, axes = style.figure()
    height = 0.8 / len(regimes)
    for at, regime in enumerate(regimes):
        values = table.loc[order, f"{regime} [million USD]"].to_numpy()
        y = rows + (len(regimes) / 2 - at - 0.5) * height
        axes.barh(y, values, height=height * 0.92, label=names.regime(regime), zorder=2, **_fill(regime))
        for place, value in zip(y, values, strict=True):
            axes.annotate(signed(value, 2), (value, place), (3 if value >= 0 else -3, 0), textcoords="offset points",
                          va="center", ha="left" if value >= 0 else "right", fontsize=7, color="#333333")  # fmt: skip
    style.zero_line(axes)
    axes.set_yticks(rows, [names.region(r)[:1].upper() + names.region(r)[1:] for r in order])
    axes.grid(axis="y", visible=False)
    axes.margins(x=0.08, y=0.02)
    axes.set_xlabel("equivalent variation, million USD a year at base prices")
    axes.legend(loc="lower right")
    group = facts.real_income(ds).set_index("region")[f"{regimes[0]} [million USD]"]
    title = (
        f"{ds.attrs.get('title', '')}: real income {signed(group['restricting'])} million USD in {_who(ds)}, "
        f"{signed(group['others'])} in all others with {names.regime(regimes[0])}"
    )
    return style.finish(drawn, folder / "real_income.png", title, note)


def sectors(ds: xr.Dataset, folder: Path, note: str) -> Path:
    """Exports and productivity of sectors outside the restricting regions against their exposure."""
    regimes = _regimes(ds)
    drawn, grid = style.figure(2, len(regimes), sharex=True, sharey="row", squeeze=False)
    for row, (measure, label) in enumerate((("exports, volume [%]", "exports"), ("cost saved by technology [%]", "cost saved"))):
        tables = {regime: _outside(ds, regime) for regime in regimes}
        low = min(float(np.quantile(table[measure], 0.01)) for table in tables.values())
        high = max(float(np.quantile(table[measure], 0.99)) for table in tables.values())
        unit, scale = facts.readable_unit([low, high])
        means = facts.sectors(ds).set_index(["regime", "measure"])
        for column, (regime, table) in enumerate(tables.items()):
            axes: Axes = grid[row, column]
            for exposed, colour, marker in ((False, GREY, "o"), (True, ORANGE, "D")):
                part = table[table["exposed"] == exposed]
                weight = np.sqrt(part["exports, base [million USD]"].to_numpy())
                axes.scatter(part["exposure [USD per million USD]"], scale * part[measure], s=4 + 60 * weight / max(weight.max(initial=0), 1e-300),
                             color=colour, marker=marker, alpha=0.55, linewidth=0, zorder=2,
                             label="the most exposed tenth" if exposed else "other sectors")  # fmt: skip
            style.zero_line(axes, vertical=False)
            axes.set_xscale("log")
            if row == 0:
                axes.set_title(names.regime(regime)[0].upper() + names.regime(regime)[1:], fontsize=10)
            else:
                axes.set_xlabel("exposure, USD per million USD")
            if column == 0:
                axes.set_ylabel(f"{label}, change in {unit}")
            mean = means.loc[(regime, measure.removesuffix(" [%]"))]
            text = f"mean: exposed {signed(scale * mean['exposed [%]'], 2)}, other {signed(scale * mean['other [%]'], 2)}"
            axes.annotate(text, (0.03, 0.96), xycoords="axes fraction", va="top", fontsize=8)
            if high > low:
                edge = 0.15 * (high - low)
                axes.set_ylim(scale * (low - edge), scale * (high + 2 * edge))
    grid[0, -1].legend(loc="lower left", fontsize=8, ncols=2, handletextpad=0.2)
    title = f"{ds.attrs.get('title', '')}: exports and technology of sectors outside {_who(ds)}"
    about = (
        "One mark a region and sector, area by base exports; the outermost 2 % lie outside the frame. Exposure: rare earths "
        f"of {_who(ds)} in output, direct and in inputs, times non-substitutability. ppm: millionths. "
    )
    return style.finish(drawn, folder / "sectors.png", title, about + note)


def research(ds: xr.Dataset, folder: Path, note: str) -> Path | None:
    """Where research went: by element, inside and outside the restricting regions."""
    regimes = [r for r in _regimes(ds) if facts.learns(ds, r)]
    if not regimes:
        return None
    drawn, grid = style.figure(1, 2, sharey=True)
    for axes, column, label in zip(grid, ("outside [%]", "inside [%]"), (f"Outside {_who(ds)}", f"In {_who(ds)}"), strict=True):
        height = 0.8 / len(regimes)
        for at, regime in enumerate(regimes):
            table = facts.research(ds, regime).iloc[::-1]
            rows = np.arange(len(table))
            y = rows + (len(regimes) / 2 - at - 0.5) * height
            axes.barh(y, table[column], height=height * 0.92, label=names.regime(regime), zorder=2, **_fill(regime))
            for place, value in zip(y, table[column], strict=True):
                text = signed(value, 2) if abs(value) >= 0.005 else "0" if value == 0 else "about 0"
                axes.annotate(text, (value, place), (3 if value >= 0 else -3, 0), textcoords="offset points",
                              va="center", ha="left" if value >= 0 else "right", fontsize=7, color="#333333")  # fmt: skip
        axes.set_yticks(rows, ["all other inputs" if t == "X" else f"{names.element(t)} ({t})" for t in table["technology"]])
        axes.grid(axis="y", visible=False)
        style.zero_line(axes)
        axes.set_title(label)
        axes.set_xlabel("research and patents, change in %")
        axes.margins(x=0.15)
    grid[0].legend(loc="lower right")
    title = f"{ds.attrs.get('title', '')}: where research went"
    about = "By what research improves, sectors weighted by what they spend on it. "
    return style.finish(drawn, folder / "research.png", title, about + note)


def forces(ds: xr.Dataset, folder: Path, note: str) -> Path | None:
    """What moved the exports of exposed sectors outside: a bar for each force, adding up."""
    table = facts.forces(ds)
    if not len(table):
        return None
    values = table["exports, exposed [%]"].to_numpy()
    unit, scale = facts.readable_unit(list(values))
    values, rows = scale * values, np.arange(len(table))[::-1]
    start = np.concatenate([[0.0], np.cumsum(values[:-1])[:-1], [0.0]])
    colours = [style.BLACK if f == "sum" else ORANGE if v < 0 else BLUE for f, v in zip(table["force"], values, strict=True)]
    drawn, axes = style.figure(size=(10.0, 4.2))
    axes.barh(rows, values, left=start, color=colours, height=0.62, zorder=2)
    for row, begin, value in zip(rows, start, values, strict=True):
        end = begin + value
        axes.annotate(signed(value, 2), (end, row), (5 if value >= 0 else -5, 0), textcoords="offset points", va="center",
                      ha="left" if value >= 0 else "right", fontsize=9)  # fmt: skip
    style.zero_line(axes)
    axes.set_yticks(rows, [names.FORCES[f] for f in table["force"]])
    axes.grid(axis="y", visible=False)
    axes.use_sticky_edges = False
    axes.margins(x=0.12)
    axes.set_xlabel(f"change of export volume, {unit}")
    deciding = names.listed([names.FORCES[f] for f in findings.deciding(ds)])
    moved = "rise" if values[-1] > 0 else "fall"
    title = f"{ds.attrs.get('title', '')}: exports of exposed sectors outside {_who(ds)} {moved}; {deciding} decides"
    title = title if len(findings.deciding(ds)) == 1 else title.replace(" decides", " decide")
    regime = names.regime(str(ds.attrs.get("decomposed", "")))
    about = f"With {regime}; forces averaged over every order in which they can be switched on (Shapley). ppm: millionths. "
    return style.finish(drawn, folder / "forces.png", title, about + note)


def _outside(ds: xr.Dataset, regime: str):  # type: ignore[no-untyped-def]
    """Sectors outside the restricting regions and the rare-earth chain that export and are exposed."""
    table = facts.by_sector(ds, regime)
    chain = {str(s) for s in ds["sector"].values[ds["chain"].values > 0]}
    keep = ~table["region"].isin(facts.restricting(ds)) & ~table["sector"].isin(chain)
    return table[keep & (table["exposure [USD per million USD]"] > 0) & (table["exports, base [million USD]"] > 0)]


def _regimes(ds: xr.Dataset) -> list[str]:
    return [str(r) for r in ds["regime"].values]


def _fill(regime: str) -> dict[str, Any]:
    """Colour of a regime's bars, and stripes that tell them apart in grey."""
    return style.REGIME.get(regime, {"facecolor": style.PURPLE})


def _who(ds: xr.Dataset) -> str:
    return names.listed([names.region(r) for r in facts.restricting(ds)])
