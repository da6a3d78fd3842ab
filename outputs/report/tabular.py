"""Numbers of a report as text: tables, tiles of the first screen, cards of a region and an element."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from calibration.tables import format_csv
from outputs import facts, names, pricefacts, quotas, readable, tables, wording
from outputs.names import number, signed

CAPTIONS = {
    "real_income": "Real income by region and regime: equivalent variation, also as a share of base income",
    "real_income_parts": "What the change of real income is made of",
    "prices": "Prices and tonnes by element",
    "quotas": "Quotas: tonnes and licences",
    "exposed_and_other_sectors": "Exposed and other sectors outside the restricting regions, change from the base year",
    "sectors": "Every sector of every region",
    "growth_on_exposure": "Growth on exposure: the slope that is estimated from data, in the model",
    "research": "Research by what it improves, change in percent",
    "security": "Dependence on imports and concentration, by region and element",
    "embargo_now": "Real income that an embargo would cost now",
    "forces": "Contribution of each force",
    "instruments": "Contribution of each instrument",
    "sector_exports_by_force": "Exports of every sector, by force",
    "sector_exports_by_instrument": "Exports of every sector, by instrument",
    "first_order": "First-order effects of terms and volume of trade (Caliendo and Parro) beside the exact change",
    "first_order_by_partner": "First-order effects by partner",
    "first_order_by_good": "First-order effects by good",
    "residuals": "Largest residual of each block of equations",
    "parameters": "Parameters of the calibration",
    "comparison": "The runs side by side",
    "record": "The model against what was observed, tests by group",
}
EXPORTS = "exports of exposed sectors"  # the headline whose unit follows its size


@dataclass(frozen=True)
class Table:
    """A table as text, its first rows when it is long, and all numbers in full as CSV."""

    name: str
    caption: str
    columns: tuple[tuple[str, bool], ...]  # (heading, whether it holds numbers)
    rows: tuple[tuple[str, ...], ...]
    csv: str
    filename: str
    length: int


def table(name: str, frame: pd.DataFrame, scenario: str, page: pd.DataFrame | None = None) -> Table:
    """A frame for the page: three digits on the page, all of them in the download.

    page: what the page shows, where that is not the frame itself.
    """
    frame_of_page = readable.first(name, frame if page is None else page)
    numeric = [_holds_numbers(frame_of_page[column]) for column in frame_of_page.columns]
    rows = tuple(
        tuple(_cell(column, value) for column, value in zip(frame_of_page.columns, row, strict=True))
        for row in frame_of_page.itertuples(index=False, name=None)
    )
    text = format_csv(tables.columns(frame), comments=[f"scenario: {scenario}", CAPTIONS.get(name, name)])
    heads = tuple((readable.head(str(c)), n) for c, n in zip(frame_of_page.columns, numeric, strict=True))
    return Table(
        name,
        CAPTIONS.get(name, name),
        heads,
        rows,
        text,
        f"{scenario}-{name}.csv".replace("/", "-"),
        len(frame),
    )


def _holds_numbers(column: pd.Series[Any]) -> bool:
    """Whether a column holds numbers, perhaps with gaps."""
    given = [value for value in column.tolist() if value is not None]
    return bool(given) and all(isinstance(value, float | np.floating) for value in given)


def _cell(column: str, value: Any) -> str:
    if value is None:
        return pricefacts.no_price(column) if column.startswith(tuple(pricefacts.NO_PRICE)) else "–"
    if isinstance(value, readable.Change):
        return str(value)
    if isinstance(value, float | np.floating):
        return f"{value:.1e}" if column in names.REGIMES else number(float(value))
    if isinstance(value, bool | np.bool_):
        return "yes" if value else ""
    words: dict[str, Callable[[str], str]] = {
        "region": names.region,
        "regime": names.regime,
        "sector": names.sector,
        "force": lambda f: names.FORCES.get(f, f),
        "partner": names.region,
    }
    return words.get(column, str)(str(value))


def in_line(value: Any) -> str:
    """A nested value in a line: numbers with their unit, and where they are from in brackets."""
    if isinstance(value, Mapping) and value.get("value") is not None:
        about = [value.get("status"), value.get("source"), value.get("note")]
        number_of = f"{in_line(value['value'])} {value.get('unit') or ''}".strip()
        return number_of + (
            f" ({'; '.join(str(text).rstrip('.') for text in about if text)})" if any(about) else ""
        )
    if isinstance(value, Mapping):
        return ", ".join(
            _entry(key, inner) for key, inner in value.items() if inner not in (None, "", [], {})
        )
    if isinstance(value, list | tuple):
        return " ".join(in_line(inner) for inner in value)
    if isinstance(value, float):
        return f"{value:,.6g}"
    return str(value)


def _entry(key: str, value: Any) -> str:
    nested = isinstance(value, Mapping) and value.get("value") is None
    return f"{key} ({in_line(value)})" if nested else f"{key} {in_line(value)}"


def tiles(ds: xr.Dataset) -> list[tuple[str, list[tuple[str, str]]]]:
    """The numbers of the first screen: heading, and (regime, number) pairs."""
    regimes = wording.regimes(ds)
    groups: Any = facts.real_income(ds).set_index("region")
    own = wording.restrictors(ds)
    index = {r: pricefacts.told_index(ds, r) for r in regimes}

    def each(values: dict[str, str]) -> list[tuple[str, str]]:
        return [(names.regime(r), values[r]) for r in regimes]

    return [
        ("Price of oxides abroad", each({r: _percent(index[r]["abroad"]) for r in regimes})),
        (f"Price in {own}", each({r: _percent(index[r]["home"]) for r in regimes})),
        (
            f"Real income, {own}",
            each({r: _million(groups.loc["restricting", f"{r} [million USD]"]) for r in regimes}),
        ),
        (
            "Real income, all others",
            each({r: _million(groups.loc["others", f"{r} [million USD]"]) for r in regimes}),
        ),
    ]


def _percent(value: float) -> str:
    return "none sold" if np.isnan(value) else f"{signed(value)} %"


def _million(value: float) -> str:
    unit, scale = names.readable_money([float(value)])
    return f"{signed(scale * float(value))} {names.brief(unit)}"


@dataclass(frozen=True)
class Heat:
    """A grid of shares: rows are regions, columns elements; a cell is its text and its shade from 0 to 1."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[tuple[str, float], ...]], ...]


def dependence(ds: xr.Dataset) -> Heat:
    """Share of each element that comes from the restricting regions, base year -> the last regime."""
    frame = facts.security(ds, str(ds["regime"].values[-1]))
    elements = tuple(str(e) for e in ds["element"].values)
    rows = []
    for region in dict.fromkeys(frame["region"]):
        part = frame[frame["region"] == region].set_index("element")
        cells = []
        for e in elements:
            if e in part.index:
                before, now = (
                    part.loc[e, "from the restricting, base [%]"],
                    part.loc[e, "from the restricting [%]"],
                )
                cells.append((f"{before:.0f} → {now:.0f}", now / 100))
            else:
                cells.append(("–", 0.0))
        rows.append((names.region(str(region)), tuple(cells)))
    return Heat(elements, tuple(rows))


def region_cards(ds: xr.Dataset) -> dict[str, Any]:
    """For each region: its name and rows of (label, number for each regime)."""
    regimes = wording.regimes(ds)
    parts = {r: facts.income_parts(ds, r).set_index("region") for r in regimes}
    labels = list(parts[regimes[0]].columns)
    found = {}
    for n, region in enumerate(ds["region"].values):
        rows = [[label, *(signed(float(parts[r].loc[region, label])) for r in regimes)] for label in labels]
        income = ds["real_income"].values[:, n]
        rows.insert(1, _in_percent("real income", [100 * (float(v) - 1) for v in income]))
        for name, label, base in (
            ("exports_volume", "exports, volume", "base_exports"),
            ("output_volume", "output, volume", "base_output"),
        ):
            weight = ds[base].values[n]
            changes = [
                facts.percent(facts.weighted(ds[name].sel(regime=r).values[n], weight)) for r in regimes
            ]
            rows.append(_in_percent(label, changes))
        found[str(region)] = {"name": names.region(str(region)), "rows": rows}
    return found


def _in_percent(label: str, changes: Sequence[float]) -> list[str]:
    """A row of a card: changes in percent, or in ppm where they are small."""
    unit, scale = names.readable_unit(changes)
    return [f"{label} [{unit}]", *(signed(scale * change) for change in changes)]


def element_cards(ds: xr.Dataset) -> dict[str, Any]:
    """For each element: its name and rows of (label, number for each regime)."""
    regimes = wording.regimes(ds)
    frames = {r: pricefacts.table(ds, r).set_index("element") for r in regimes}
    found = {}
    for element in ds["element"].values:
        rows = [
            [label, *(_price(label, float(frames[r].loc[element, label])) for r in regimes)]
            for label in frames[regimes[0]].columns
        ]
        found[str(element)] = {"name": names.element(str(element)), "rows": rows}
    return found


def _price(column: str, value: float) -> str:
    """A price or tonnes of an element, or why there is no price."""
    return pricefacts.no_price(column) if np.isnan(value) else number(value)


def comparison(runs: Sequence[tuple[str, xr.Dataset]]) -> Table:
    """The headline numbers of several runs side by side."""
    regimes = [str(r) for r in runs[0][1]["regime"].values if all(r in ds["regime"].values for _, ds in runs)]
    heads = [f"{name}, {names.SHORT_REGIMES.get(r, r)}" for r in regimes for name, _ in runs]
    rows = headlines([(ds, r) for r in regimes for _, ds in runs])
    frame = pd.DataFrame([[label, *values] for label, values in rows.items()], columns=["", *heads])
    return table("comparison", tables.with_gaps(frame), "comparison")


def headlines(runs: Sequence[tuple[xr.Dataset, str]]) -> dict[str, list[float]]:
    """The numbers by which runs under regimes are compared, one each; the unit stands in the label."""
    columns = [_headline(ds, regime) for ds, regime in runs]
    rows = {label: [column[label] for column in columns] for label in columns[0]}
    changes = rows.pop(EXPORTS)
    unit, scale = names.readable_unit([value for value in changes if np.isfinite(value)])
    return rows | {f"{EXPORTS} [{unit}]": [scale * value for value in changes]}


def _headline(ds: xr.Dataset, regime: str) -> dict[str, float]:
    index = pricefacts.told_index(ds, regime)
    groups: Any = facts.real_income(ds).set_index("region")
    frame: Any = facts.sectors(ds).set_index(["regime", "measure"])
    column = f"{regime} [million USD]"
    return {
        "tonnes sold abroad [t]": float(pricefacts.table(ds, regime)["sold abroad [t]"].sum()),
        "export licence [% of gate price]": 100 * quotas.highest(ds, "licence_rate", regime),
        "mean price abroad [%]": index["abroad"],
        "mean price at home [%]": index["home"],
        "real income, restricting [million USD]": float(groups.loc["restricting", column]),
        "real income, all others [million USD]": float(groups.loc["others", column]),
        "quota rents [million USD]": float(ds["licence_rent"].sel(regime=regime).sum()),
        EXPORTS: float(frame.loc[(regime, "exports, volume"), "exposed [%]"]),
    }
