"""The summary of a run on one screen of a terminal: 80 by 24 characters, or more where there is more room."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

import numpy as np
import pandas as pd
import xarray as xr

from calibration.errors import printable
from outputs import facts, findings, lost, names, pricefacts, pricefindings, quotas, wording
from outputs.findings import SURPLUS
from outputs.names import compact, number, signed

if TYPE_CHECKING:
    from outputs.experiment import Result

STYLES = {"title": "1", "head": "1;36", "plain": "", "note": "2", "warning": "33"}
LABEL = 23  # columns of row labels
PPM = "ppm: millionths; 10,000 ppm are 1 %."


class Line(NamedTuple):
    """A line, how it is shown where colours are, and its rank: lines of high rank go first when the screen is small."""

    text: str
    style: str = "plain"
    rank: int = 0


def screen() -> tuple[int, int]:
    """Columns and rows to fill; without a terminal there is no limit to the rows."""
    size = shutil.get_terminal_size((100, 40))
    rows = size.lines if sys.stdout.isatty() or "LINES" in os.environ else 1000
    return min(max(size.columns, 80), 100), max(rows, 24)


def write(lines: Iterable[Line], stream: TextIO | None = None) -> None:
    """Print lines; colours only on a terminal that wants them."""
    stream = stream or sys.stdout
    coloured = stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    for line in lines:
        code, text = STYLES[line.style], printable(line.text)
        stream.write(f"\x1b[{code}m{text}\x1b[0m\n" if coloured and code else f"{text}\n")


def fitted(lines: Sequence[Line], width: int, rows: int) -> list[Line]:
    """Lines cut to the width, and the least needed left out until they and a prompt fit the rows."""
    kept = list(lines)
    while len(kept) > rows - 1 and (highest := max(line.rank for line in kept)) > 0:
        last = max(at for at, line in enumerate(kept) if line.rank == highest)
        del kept[last]
    # A path is never cut: it is there to be copied.
    return [
        line if line.text.startswith("-> ") else line._replace(text=_clip(line.text, width)) for line in kept
    ]


def scenario(
    dataset: xr.Dataset,
    width: int,
    rows: int = 1000,
    *,
    soft: tuple[int, int] | None = None,
    tax: xr.Dataset | None = None,
    folders: Sequence[str] = (),
) -> list[Line]:
    """Prices, income, sectors, what decides, and how far to trust it. `tax`: the same tonnes by one export tax.

    soft: how many of the calibration's parameters are soft, and how many there are.
    """
    ds = facts.one_scenario(dataset)
    name = str(dataset["scenario"].values.reshape(-1)[0])
    head = f"{ds.attrs.get('title', name)}  ({name} on {ds.attrs.get('calibration', '')})"
    about = findings.regions(ds)
    lines = [
        Line(head, "title"),
        *(line._replace(rank=1) for line in _wrapped(about.text if about else "", width)),
    ]
    lines += [*_quotas(ds, width), *_prices(ds, width), *_chain(ds, width), *_surplus(ds)]
    lines += [*_income(ds), *_sectors(ds)]
    lines += _wrapped(_decided(ds), width)
    if tax is not None:
        lines += tax_equivalent(ds, facts.one_scenario(tax), width)
    lines += _trust([ds] if tax is None else [ds, facts.one_scenario(tax)], width, soft)
    ranks = [1 if 0 < at < len(folders) - 1 else 0 for at in range(len(folders))]
    lines += [Line(f"-> {folder}", "note", rank) for folder, rank in zip(folders, ranks, strict=True)]
    return fitted(lines, width, rows)


def _surplus(ds: xr.Dataset) -> list[Line]:
    """Tonnes made and thrown away, by regime, where there are any."""
    tonnes = ds["thrown_away"].sum(["region", "element"]).values.ravel()
    each = " | ".join(f"{value:,.0f}" for value in tonnes)
    return [Line(f"made and thrown away {each} t")] if (tonnes > SURPLUS).any() else []


def _quotas(ds: xr.Dataset, width: int) -> list[Line]:
    """Tonnes and licences of the quotas."""
    lines, taxes = [], quotas.taxes(ds)
    for quota, rows in quotas.table(ds).groupby("quota", sort=False):
        first = rows.iloc[0]
        price = " | ".join(number(value) for value in rows["licence [USD/kg]"])
        rate = " | ".join(number(value, 2) for value in rows["licence [% of gate price]"])
        tonnes = f"{quotas.tonnes(first['base [t]'])} t, limit {quotas.tonnes(first['limit [t]'])} t"
        called = "export tax" if quota in taxes else "licence"
        text, more = f"{quota}: {tonnes}; {called} {price} USD/kg", f" ({rate} % of price)"
        if len(text + more) <= width:
            lines.append(Line(text + more))
        else:
            lines += [Line(text), Line(f"  {more.strip(' ()')}", rank=2)]
        if (leak := rows.get("smuggled [t]")) is not None and leak.any():
            smuggled = " | ".join(f"{value:,.0f}" for value in leak)
            lines.append(Line(f"  smuggled beside the limit {smuggled} t"))
    return lines


def _prices(ds: xr.Dataset, width: int) -> list[Line]:
    """Prices by element, abroad and at home, under every regime."""
    regimes = wording.regimes(ds)
    tables = {regime: pricefacts.table(ds, regime).set_index("element") for regime in regimes}
    elements = list(tables[regimes[0]].index)
    columns = ("abroad, change [%]", "home, change [%]")
    changes = [_percent(value) for table in tables.values() for name in columns for value in table[name]]
    cell = max(5, 1 + max(map(len, changes), default=0))
    shown = _moving(elements, tables, columns, (width - LABEL) // cell - 1)
    more = f" {len(shown)}/{len(elements)}" if len(shown) < len(elements) else ""
    lines = [Line(_row(f"Prices{more}", [*shown, "mean"], cell), "head")]
    base, paid = tables[regimes[0]]["abroad, base [USD/kg]"], pricefacts.paid(ds)
    all_paid = bool(paid) and paid == pricefacts.exported(ds)
    lines.append(Line(_row("abroad, base USD/kg", [_short(base[e]) for e in shown], cell)))
    for column, where in (("abroad, change [%]", "abroad"), ("home, change [%]", "home")):
        for at, regime in enumerate(regimes):
            cells = [_percent(tables[regime][column][e]) for e in shown] + [
                _percent(pricefacts.told_index(ds, regime)[where])
            ]
            called = "paid" if where == "abroad" and all_paid else where
            rank = 0 if where == "abroad" else 4 if 0 < at < len(regimes) - 1 else 1
            lines.append(Line(_row(f"{called} %, {_regime(regime)}", cells, cell), rank=rank))
        if where == "abroad" and paid and not all_paid:
            lines += _wrapped(
                f"of {names.listed(paid)} what others pay: exports to some or all stopped", width
            )
    return lines


def _chain(ds: xr.Dataset, width: int) -> list[Line]:
    """What ore and magnets cost outside, where one of them moves more than oxides do."""
    found, first = pricefindings.chain(ds), wording.regimes(ds)[0]
    changes = [abs(pricefacts.bought_index(ds, first, good)) for good in pricefacts.chain_goods(ds)]
    told = found is not None and max(changes) > abs(pricefacts.index(ds, first)["abroad"])
    return [line._replace(rank=1) for line in _wrapped(found.text, width)] if found and told else []


def _moving(
    elements: Sequence[str], tables: Mapping[str, pd.DataFrame], columns: Sequence[str], room: int
) -> list[str]:
    """As many elements as there is room for, in their order: those whose prices move most."""
    moved = pd.concat([table[list(columns)].abs() for table in tables.values()], axis=1).max(axis=1)
    most = set(moved.sort_values(ascending=False, kind="stable").index[:room])
    return [element for element in elements if element in most]


def _income(ds: xr.Dataset) -> list[Line]:
    """Real income: the restricting regions, all others, and those of them that move most."""
    regimes, own = wording.regimes(ds), facts.restricting(ds)
    table = facts.real_income(ds).set_index("region")
    columns = [f"{regime} [million USD]" for regime in regimes]
    outside = [str(r) for r in ds["region"].values if str(r) not in own]
    most = list(table.loc[outside, columns].abs().max(axis=1).sort_values(ascending=False).index[:4])
    unit, scale = names.readable_money([float(value) for value in table[columns].to_numpy().ravel()])
    head = f"Real income, {names.brief(unit)}"
    lines = [Line(_row(head, [_regime(r) for r in regimes], 14), "head")]
    ranks = {
        **dict.fromkeys(own if len(own) < 4 else ["restricting"], 0),
        "others": 0,
        **dict(zip(most, (2, 3, 5, 7), strict=False)),
        "world": 6,
    }
    for row, rank in ranks.items():
        label = f"  {names.region(row)}" if row in most else names.region(row)
        label = names.regions(own) if row == "restricting" else label
        cells = [signed(scale * float(table.loc[row, c])) for c in columns]
        lines.append(Line(_row(label, cells, 14), rank=rank))
    rents = [float(ds["licence_rent"].sel(regime=r).sum()) for r in regimes]
    if any(rents):
        called = "tax for it received" if quotas.taxes(ds) else "quota rents received"
        called = "tax and quota rents" if quotas.taxes(ds) and quotas.licences(ds) else called
        lines.append(Line(_row(called, [number(scale * rent) for rent in rents], 14), rank=1))
    return lines


def _sectors(ds: xr.Dataset) -> list[Line]:
    """Exposed against other sectors outside the restricting regions; nothing on technology where it is fixed."""
    regimes = wording.regimes(ds)
    table: Any = facts.sectors(ds).set_index(["measure", "regime"])
    lines = [Line(_row("Sectors outside", ["exposed", "other"] * len(regimes), 9), "head")]
    for measure, label in (
        ("exports, volume", "exports"), ("tfp", "TFP"), ("cost saved by technology", "cost saved"),
        ("rare-earth patents", "REE patents"),
    ):  # fmt: skip
        key = "TFP as accounts see it" if measure == "tfp" else measure
        values: list[float | None] = []
        for regime in regimes:
            row = table.loc[(key, regime)]
            fixed = measure != "exports, volume" and not facts.learns(ds, regime)
            values += [None, None] if fixed else [row["exposed [%]"], row["other [%]"]]
        unit, scale = names.readable_unit([v for v in values if v is not None])
        cells = [
            "-" if v is None else fitting(scale * v, 9) if abs(v) > wording.NEGLIGIBLE else "0"
            for v in values
        ]
        lines.append(Line(_row(f"{label}, {unit}", cells, 9), rank=3 if measure == "tfp" else 0))
    return lines


def _decided(ds: xr.Dataset) -> str:
    """What moves exports of exposed sectors outside, in a line or two."""
    if "force" not in ds.dims:
        return ""
    by_force = ds["exposed_exports_by_force"]
    parts = {str(f): wording.resolved(float(by_force.sel(force=f))) for f in ds["force"].values}
    unit, scale = names.readable_unit(list(parts.values()))
    detail = ", ".join(f"{_force(force)} {signed(scale * value, 2)}" for force, value in parts.items())
    regime = _regime(str(ds.attrs.get("decomposed", "")))
    which = names.listed([_force(force) for force in findings.deciding(ds)]) or "nothing"
    return f"Exports of exposed sectors ({regime}), {unit}: {detail}. Decided by {which}."


def _trust(runs: Sequence[xr.Dataset], width: int, soft: tuple[int, int] | None) -> list[Line]:
    """Status, residuals, soft numbers, and what was not solved."""
    count = sum(ds.sizes["regime"] for ds in runs)
    worst = max(float(max(ds["residual"].max(), ds["walras"].max())) for ds in runs)
    text = f"{count} equilibri{'um' if count == 1 else 'a'}, largest residual {worst:.0e}"
    if soft is not None:
        text += f"; {soft[0]} of {soft[1]} parameters are soft"
    lines = _wrapped(f"{text}.", width, "note")
    failed = [f"! {one}" for ds in runs for one in findings.failed(ds)]
    if any(findings.is_deep(ds) for ds in runs):
        failed.insert(0, f"! {findings.DEEP_CAUTION}.")
    failed += [f"! {said}." for ds in runs if (said := lost.caution(ds))]
    return lines + [line for one in failed for line in _wrapped(one, width, "warning")]


def tax_equivalent(quota: xr.Dataset, tax: xr.Dataset, width: int) -> list[Line]:
    """The same tonnes by one export-tax rate: the rate, real income, and how the mix of elements differs."""
    regimes = [r for r in wording.regimes(quota) if r in wording.regimes(tax)]
    rates = tax["licence_rate"].sel(quota=quotas.taxes(tax))
    rate = [f"{number(100 * float(rates.sel(regime=r).values.max(initial=0.0)))} %" for r in regimes]
    lines = [Line(_row("As one export tax", rate, 14), "head")]
    for group, label in (
        ("restricting", wording.restrictors(quota)),
        ("others", "all others"),
    ):
        values = [float(tax["group_equivalent_variation"].sel(regime=r, group=group)) for r in regimes]
        lines.append(Line(_row(f"{label}, m USD", [signed(v) for v in values], 14), rank=4))
    mix = _wrapped(findings.tax_mix(quota, tax), width)
    return [*lines, *(line._replace(rank=2) for line in mix)]


def _regime(regime: str) -> str:
    return names.SHORT_REGIMES.get(regime, regime)


def _force(force: str) -> str:
    return "shock" if force == "cost" else force


def _row(label: str, cells: Sequence[str], cell: int) -> str:
    return _clip(label, LABEL).ljust(LABEL) + "".join(text.rjust(cell) for text in cells)


def fitting(value: float, cell: int, digits: int = 2) -> str:
    """A change that leaves a space in its cell: +0 or -0 for what has no room to be told from 0, large ones short."""
    text = signed(value, digits)
    if len(text) < cell and "e" not in text:
        return text
    short = compact(value) if abs(value) >= names.LARGE else "0" if value > 0 else "-0"
    return f"{'+' if value > 0 else ''}{short}"


def _percent(value: float) -> str:
    """A change in percent in at most four characters; four digits take five. A dash where there is none."""
    if np.isnan(value):
        return "-"
    if abs(value) < 0.05:
        return "0" if abs(value) < 1e-9 else "+0" if value > 0 else "-0"
    if abs(value) >= 9999.5:
        return f"{'+' if value > 0 else ''}{compact(value)}"
    return f"{value:+.0f}" if abs(value) >= 9.95 else f"{value:+.1f}"


def _short(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.0f}" if value >= 9.95 else f"{value:.1f}"


def _clip(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 3]}..."


def _wrapped(text: str, width: int, style: str = "plain") -> list[Line]:
    return [Line(line, style) for line in textwrap.wrap(text, width)]


def soft_count(rows: Iterable[Any]) -> tuple[int, int]:
    """How many of a calibration's parameters are soft, and how many there are."""
    flags = [bool(row.soft) for row in rows]
    return sum(flags), len(flags)


def solves(result: Result) -> list[Line]:
    """How each solve went."""
    if result.dataset is None:
        return []
    ds = facts.one_scenario(result.dataset)
    return [
        Line(
            f"  {names.regime(r)}: {int(ds['iterations'].sel(regime=r))} iterations, "
            f"{ds['message'].sel(regime=r).item()}",
            "note",
        )
        for r in wording.regimes(ds)
    ]


def instruments(dataset: xr.Dataset) -> list[Line]:
    """What each instrument brought about; nothing when it was not asked."""
    ds = facts.one_scenario(dataset)
    table = facts.contributions(ds, "instrument")
    if not len(table):
        return []
    columns = [name for name in table.columns if name != "instrument"]
    unit, scale = names.readable_unit(table["exports, exposed [%]"].tolist())
    heads = [f"exposed exp., {unit}", "others, m USD", f"{_own_short(ds)}, m USD"]
    shown = [(columns[0], scale), (columns[-2], 1.0), (columns[-1], 1.0)]
    which = f"By instrument, with {names.regime(str(ds.attrs['decomposed']))}"
    lines = [Line(which, "head"), Line(_row("", heads, 20), "head")]
    for _, row in table.iterrows():
        cells = [signed(by * float(row[name])) for name, by in shown]
        lines.append(Line(_row(str(row["instrument"]), cells, 20)))
    return lines


def first_order(dataset: xr.Dataset, width: int) -> list[Line]:
    """Caliendo and Parro's first-order decomposition beside the exact change, by region, in the last regime."""
    from outputs import gains

    ds = facts.one_scenario(dataset)
    regime = wording.regimes(ds)[-1]
    table = gains.first_order(ds, regime)
    heads = ["terms of trade", "volume", "sum", "exact"]
    lines = [Line(_row("First-order, m USD", heads, 15), "head")]
    for row in table.itertuples(index=False):
        lines.append(Line(_row(names.region(row[0]), [signed(float(value)) for value in row[1:5]], 15)))
    note = (
        f"With {names.regime(regime)}. Terms and volume of trade are first-order approximations for small shocks; "
        "exact is the equivalent variation."
    )
    return lines + _wrapped(note, width, "note")


def _own_short(ds: xr.Dataset) -> str:
    """The restricting regions, when their names are short."""
    text = wording.restrictors(ds)
    return text if 0 < len(text) < 9 else "restricting"
