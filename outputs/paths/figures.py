"""Figures of a path. All numbers come from `outputs.paths.facts`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from outputs import facts as solve_facts
from outputs import names, pricefacts, style, wording
from outputs.figures import source_note
from outputs.findings import is_deep
from outputs.names import number, signed
from outputs.paths import facts, findings
from outputs.paths.facts import View
from outputs.paths.work import CALIBRATED, EVEN
from outputs.style import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, SKY

COLOUR = {"exogenous": GREY, "directed": BLUE, "directed_with_spillovers": GREEN}
FORCE = {"cost": RED, "direction": BLUE, "spillovers": GREEN, "breadth": ORANGE, "capacity": PURPLE}
OTHERS = (RED, BLUE, GREEN, ORANGE, PURPLE, SKY)
PANELS = 4  # elements shown


def draw(view: View, folder: Path, scenario: str) -> list[Path]:
    """Draw every figure of a path into a folder; returns the files."""
    note = source_note(view.ds, scenario)
    with style.look():
        drawn = [
            make(view, folder, note)
            for make in (prices, real_income, exposed, capacity, security, forces, instruments)
        ]
    return [path for path in drawn if path is not None]


def prices(view: View, folder: Path, note: str) -> Path | None:
    """Prices of some elements, abroad by regime and at home."""
    if not pricefacts.exported(view.ds):
        return None
    table = facts.stacked(view, pricefacts.table)
    first: Any = table[table["regime"] == view.regimes[0]].reset_index(drop=True)
    top = first.loc[first["abroad, change [%]"].abs().idxmax()]
    elements = shown_elements(table, top["element"])
    drawn, grid, strip = _panels(2, 2)
    for axes, element in zip(grid.reshape(-1), elements, strict=False):
        part = table[table["element"] == element]
        for regime in view.regimes:
            run = part[part["regime"] == regime]
            axes.plot(
                run["year"],
                run["abroad [USD/kg]"],
                color=COLOUR[regime],
                label=f"abroad, {names.regime(regime)}",
                **_line(),
            )
        last = part[part["regime"] == view.regimes[-1]]
        axes.plot(
            last["year"],
            last["home [USD/kg]"],
            color=RED,
            ls="--",
            label=f"in {wording.restrictors(view.ds)}, {names.regime(view.regimes[-1])}",
            **_line(),
        )
        axes.set_yscale("log")
        style.log_ticks(axes.yaxis, (1, 2, 5))
        axes.yaxis.set_minor_formatter(FuncFormatter(lambda *_: ""))
        axes.set_title(names.element(element)[:1].upper() + names.element(element)[1:], fontsize=10)
        _years(axes)
    for axes in grid[:, 0]:
        axes.set_ylabel(names.PER_KG)
    _legend(strip, grid[0, 0])
    most = f"{names.element(top['element'])} {signed(top['abroad, change [%]'], 2)} % in {top['year']}"
    title = f"{_title(view)}: prices abroad move most by {most} with {names.regime(view.regimes[0])}"
    about = "Abroad: at the border, export tax and licence in it; what others pay where exports to some have stopped. "
    return style.finish(drawn, folder / "prices.png", title, f"{about}{names.OF_PRODUCT} {note}")


def shown_elements(table: pd.DataFrame, moved: str) -> list[str]:
    """The one that moved most, and cheap and dear ones that tell most and are sold abroad, in order of base price."""
    base = table.drop_duplicates("element")
    base = base[base["sold abroad, base [t]"] > 0].sort_values("abroad, base [USD/kg]")
    value = base["sold abroad, base [t]"] * base["abroad, base [USD/kg]"]
    most = base.loc[value.sort_values(ascending=False).index[: max(PANELS + 2, len(base) // 2)]]
    most = most[most["element"] != moved].sort_values("abroad, base [USD/kg]")
    spread = np.linspace(0, len(most) - 1, min(PANELS - 1, len(most))).round().astype(int)
    shown = {moved, *most["element"].iloc[spread]}
    return [str(element) for element in base["element"] if element in shown]


def real_income(view: View, folder: Path, note: str) -> Path:
    """Real income of the restricting regions and of all others, by regime; dotted with an even memory."""
    table, columns = (
        facts.overview(view),
        [f"real income, {who} [million USD]" for who in ("others", "restricting")],
    )
    unit, scale = names.readable_money([float(v) for v in table[columns].to_numpy().ravel()])
    table = table.assign(**{column: scale * table[column] for column in columns})
    drawn, grid, strip = _panels(1, 2)
    for axes, column, who in zip(grid[0], columns, ("All others", wording.restrictors(view.ds)), strict=True):
        _by_regime(axes, view, table, column)
        axes.set_title(names.capital(who))
    grid[0, 0].set_ylabel(f"equivalent variation, {unit} a year")
    _legend(strip, grid[0, 0])
    last = table[(table["memory"] == CALIBRATED) & (table["year"] == view.years[-1])].set_index("regime")
    values = last["real income, others [million USD]"]
    said = "; ".join(f"{signed(values[r])} with {names.regime(r)}" for r in view.regimes)
    title = f"{_title(view)}: others' real income in {view.years[-1]}, {unit}: {said}"
    about = _memory(view) + note + findings.caution(is_deep(view.ds))
    return style.finish(drawn, folder / "real_income.png", title, about)


def exposed(view: View, folder: Path, note: str) -> Path:
    """Exports of exposed and other sectors outside, and cost that technology saves."""
    table = facts.overview(view)
    drawn, grid, strip = _panels(1, 3)
    columns = {
        "exports, exposed [%]": "Exports, exposed sectors", "exports, other [%]": "Exports, other sectors",
        "cost saved, exposed [%]": "Cost saved, exposed sectors",
    }  # fmt: skip
    for axes, (column, label) in zip(grid[0], columns.items(), strict=True):
        unit, scale = names.readable_unit([float(v) for v in table[column]])
        _by_regime(axes, view, table.assign(**{column: scale * table[column]}), column)
        axes.set_title(label)
        axes.set_ylabel(f"change in {unit}")
    _legend(strip, grid[0, 0])
    last = table[(table["memory"] == CALIBRATED) & (table["year"] == view.years[-1])].set_index("regime")[
        "exports, exposed [%]"
    ]
    unit, scale = names.readable_unit([float(v) for v in last])
    said = "; ".join(f"{signed(scale * last[r], 2)} with {names.regime(r)}" for r in view.regimes)
    where = f"outside {wording.restrictors(view.ds)} in {view.years[-1]}"
    title = f"{_title(view)}: exports of exposed sectors {where}, {unit}: {said}"
    about = "Exposed: the tenth of sectors with most rare earths that are hard to replace. ppm: millionths. "
    return style.finish(drawn, folder / "exposed_sectors.png", title, about + _memory(view) + note)


def capacity(view: View, folder: Path, note: str) -> Path | None:
    """Capacity by stage, outside and inside the restricting regions."""
    table = facts.state(view)
    stages = list(dict.fromkeys(table["stage"]))
    if not stages:
        return None
    drawn, grid, strip = _panels(1, len(stages))
    weight = _stage_weight(view)
    for axes, stage in zip(grid[0], stages, strict=True):
        part = table[table["stage"] == stage].merge(weight, on=["region", "stage"])
        part["inside"] = part["region"].isin(solve_facts.restricting(view.ds))
        for regime in view.regimes:
            for inside, look in ((False, "-"), (True, "--")):
                run = part[(part["regime"] == regime) & (part["inside"] == inside)]
                if not len(run):
                    continue
                total = run.groupby("year")["weight"].sum()
                mean = (run["capacity [ratio]"] * run["weight"]).groupby(run["year"]).sum() / total
                where = f"in {wording.restrictors(view.ds)}" if inside else "outside"
                axes.plot(
                    mean.index,
                    mean,
                    color=COLOUR[regime],
                    ls=look,
                    label=f"{where}, {names.regime(regime)}",
                    **_line(),
                )
        axes.axhline(1, color="#333333", lw=0.9, zorder=1.5)
        axes.set_title(names.sector(stage)[:1].upper() + names.sector(stage)[1:])
        _years(axes)
    grid[0, 0].set_ylabel("capacity, base year = 1")
    _legend(strip, grid[0, 0])
    outside = table[
        ~table["region"].isin(solve_facts.restricting(view.ds)) & (table["regime"] == view.regimes[0])
    ]
    outside = outside.merge(weight, on=["region", "stage"])
    ends = outside[outside["year"] == view.years[-1]]
    mean = (ends["capacity [ratio]"] * ends["weight"]).groupby(ends["stage"]).sum() / ends.groupby("stage")[
        "weight"
    ].sum()
    said = ", ".join(f"{names.sector(s)} {number(mean[s], 2)}" for s in stages if s in mean)
    title = f"{_title(view)}: plant outside {wording.restrictors(view.ds)} in {view.years[-1]}, base year 1: {said}"
    return style.finish(
        drawn,
        folder / "capacity.png",
        title,
        f"Weighted by base output. Title: {names.regime(view.regimes[0])}. {note}",
    )


def _stage_weight(view: View) -> pd.DataFrame:
    """Base output by region and stage."""
    frame: pd.DataFrame = view.ds["base_stage_output"].to_series().rename("weight").reset_index()
    return frame


def security(view: View, folder: Path, note: str) -> Path | None:
    """What a cut would cost at once and what an embargo would cost that lasts, with and without innovation so far."""
    panels = []
    if "cut_loss" in view.ds:
        share = float(view.ds["cut"].values[0])
        panels.append(("cut_loss", f"{100 * share:.6g} % of exports stop at once"))
    if "embargo_loss" in view.ds:
        panels.append(("embargo_loss", "All exports stop for good"))
    if not panels:
        return None
    drawn, grid, strip = _panels(1, len(panels))
    lost = [facts.others(view, name, regime) for name, _ in panels for regime in view.regimes]
    unit, scale = names.readable_money([float(np.abs(loss).max()) for loss in lost])
    for axes, (name, label) in zip(grid[0], panels, strict=True):
        for regime in view.regimes:
            axes.plot(
                view.years,
                scale * facts.others(view, name, regime).reindex(view.years),  # a gap where it was not solved
                color=COLOUR[regime],
                label=names.regime(regime),
                **_line(),
            )
            if regime != "exogenous":
                without = facts.others(view, f"{name}_without_innovation", regime).reindex(view.years)
                axes.plot(
                    view.years,
                    scale * without,
                    color=COLOUR[regime],
                    ls=":",
                    label="the same at base-year technology",
                    **_line(),
                )
        axes.set_ylim(bottom=0 if axes.dataLim.y0 >= 0 else None)  # others can gain
        axes.set_title(label)
        _years(axes)
    grid[0, 0].set_ylabel(f"loss of all others, {unit} a year")
    _legend(strip, grid[0, 0])
    name, label = panels[0]
    last = view.regimes[-1]
    losses, bare = (facts.others(view, f"{name}{suffix}", last) for suffix in ("", "_without_innovation"))
    at_last, at_base = losses.iloc[-1], bare.iloc[-1]
    when = f"if {label[0].lower() + label[1:]} in {losses.index[-1]}"
    title = f"{_title(view)}: {when}, others lose {number(scale * at_last)} {unit}"
    if at_base != at_last:
        title += f"; without innovation {number(scale * at_base)}"
    about = "At once: technology and plant as they stand. For good: plant has followed its rent, technology has not. "
    if any(len(facts.others(view, name, last)) < len(view.years) for name, _ in panels):
        about += "No line: not solved. "
    about += f"Title: {names.regime(last)}. {note}{findings.caution(findings.is_insecure(view))}"
    return style.finish(drawn, folder / "security.png", title, about)


def forces(view: View, folder: Path, note: str) -> Path | None:
    """What each force adds, year by year, to exports of exposed sectors and to others' real income."""
    table = facts.forces(view)
    if not len(table):
        return None
    regime = names.regime(str(view.ds.attrs.get("decomposed", "")))
    about = f"With {regime}; forces averaged over every order in which they can be switched on (Shapley). "
    colours = {force: FORCE[force] for force in table["force"] if force in FORCE}
    return _stacks(view, table, "force", colours, names.FORCES, folder / "forces.png", about + note)


def instruments(view: View, folder: Path, note: str) -> Path | None:
    """What each instrument adds, year by year."""
    table = facts.instruments(view)
    if not len(table):
        return None
    labels = [name for name in dict.fromkeys(table["instrument"]) if name != "sum"]
    colours = dict(zip(labels, OTHERS, strict=False))
    text = {name: name.replace("_", " ").replace("-", " ") for name in [*labels, "sum"]}
    about = "With all that an instrument does to technology and plant; averaged over every order (Shapley). "
    return _stacks(view, table, "instrument", colours, text, folder / "instruments.png", about + note)


def _stacks(
    view: View, table: pd.DataFrame, axis: str, colours: dict[str, str], text: Any, path: Path, note: str
) -> Path:  # fmt: skip
    drawn, grid, strip = _panels(1, 2)
    years = list(dict.fromkeys(table["year"]))
    for axes, column, label in zip(
        grid[0], ("exports, exposed [%]", "real income, others [million USD]"),
        (f"Exports, exposed sectors outside {wording.restrictors(view.ds)}", "Real income, all others"), strict=True,
    ):  # fmt: skip
        readable = names.readable_unit if column.endswith("[%]") else names.readable_money
        unit, scale = readable([float(v) for v in table[column]])
        up, down = np.zeros(len(years)), np.zeros(len(years))
        for name, colour in colours.items():
            values = scale * table[table[axis] == name].set_index("year")[column].reindex(years).to_numpy()
            start = np.where(values >= 0, up, down)
            axes.bar(years, values, bottom=start, color=colour, width=0.75, label=text[name], zorder=2)
            up, down = up + np.maximum(values, 0), down + np.minimum(values, 0)
        total = scale * table[table[axis] == "sum"].set_index("year")[column].reindex(years)
        axes.plot(years, total, color="black", marker="D", ms=5, lw=1.2, label="sum", zorder=4)
        style.zero_line(axes, vertical=False)
        axes.set_title(label, fontsize=10)
        axes.set_ylabel(unit)
        _years(axes)
    _legend(strip, grid[0, 0])
    last = table[table["year"] == years[-1]].set_index(axis)["exports, exposed [%]"]
    unit, scale = names.readable_unit([float(v) for v in last])
    ends = [last[list(colours)].idxmax(), last[list(colours)].idxmin()]
    most = " and ".join(f"{text[name]} {signed(scale * last[name], 2)}" for name in dict.fromkeys(ends))
    all_in_all = signed(scale * last["sum"], 2)
    title = f"{_title(view)}: exports of exposed sectors in {years[-1]} {all_in_all} {unit}, of it {most}"
    return style.finish(drawn, path, title, note)


def _by_regime(axes: Axes, view: View, table: pd.DataFrame, column: str) -> None:
    """A line for each regime; dotted with an even memory."""
    for regime in view.regimes:
        run = table[table["regime"] == regime]
        one = run[run["memory"] == CALIBRATED]
        axes.plot(one["year"], one[column], color=COLOUR[regime], label=names.regime(regime), **_line())
        two = run[run["memory"] == EVEN]
        if len(two) and regime != "exogenous":
            axes.plot(
                two["year"], two[column], color=COLOUR[regime], ls=":", lw=1.5, label="the same, even memory"
            )
    style.zero_line(axes, vertical=False)
    _years(axes)


def _line() -> dict[str, Any]:
    return {"lw": 1.8, "marker": "o", "ms": 3.5, "zorder": 3}


def _years(axes: Axes) -> None:
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))


def _panels(rows: int, columns: int) -> tuple[Any, Any, Axes]:
    """A figure with panels and, below them, a strip for one legend."""
    ratios = [1.0] * rows + [0.12 if rows == 1 else 0.2]
    drawn, grid = style.figure(rows + 1, columns, squeeze=False, height_ratios=ratios)
    spec = grid[0, 0].get_gridspec()
    for axes in grid[-1]:
        axes.remove()
    strip = drawn.add_subplot(spec[-1, :])
    strip.axis("off")
    return drawn, grid[:-1], strip


def _legend(strip: Axes, axes: Axes) -> None:
    """One legend for all panels."""
    handles, labels = axes.get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    strip.legend(unique.values(), unique.keys(), loc="center", ncols=min(3, len(unique)), fontsize=8.5)


def _title(view: View) -> str:
    return str(view.ds.attrs.get("title", ""))


def _memory(view: View) -> str:
    """What the dotted lines are."""
    if EVEN not in view.memories:
        return ""
    up, down = view.ds.attrs.get("learning", ""), view.ds.attrs.get("forgetting", "")
    return f"Even memory: forgetting at {up} a year, as fast as learning, instead of {down}. "
