"""The pieces of a report: tables as text, charts as positions, cards of a region and an element."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from calibration.tables import format_csv
from outputs import facts, names, tables
from outputs.names import number, signed
from outputs.report import charts
from outputs.report.charts import Chart

CAPTIONS = {
    "real_income": "Real income by region and regime: equivalent variation, and percent of base income",
    "real_income_parts": "What the change of real income is made of",
    "prices": "Prices and tonnes by element",
    "quotas": "Quotas: tonnes and licences",
    "exposed_and_other_sectors": "Exposed and other sectors outside the restricting regions, change in percent",
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
    "mix": "Tonnes sold abroad by element",
}


SHOWN_ROWS = 160


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


def table(name: str, frame: pd.DataFrame, scenario: str, clip: int = 0) -> Table:
    """A frame for the page: three digits on the page, all of them in the download."""
    numeric = [pd.api.types.is_float_dtype(frame[column].infer_objects()) for column in frame.columns]
    rows = tuple(
        tuple(_cell(column, value, clip) for column, value in zip(frame.columns, row, strict=True))
        for row in _first(name, frame).itertuples(index=False, name=None)
    )
    text = format_csv(tables.columns(frame), comments=[f"scenario: {scenario}", CAPTIONS.get(name, name)])
    heads = tuple((str(c), n) for c, n in zip(frame.columns, numeric, strict=True))
    return Table(
        name,
        CAPTIONS.get(name, name),
        heads,
        rows,
        text,
        f"{scenario}-{name}.csv".replace("/", "-"),
        len(frame),
    )


def _first(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """The rows that are shown on the page: of sectors the most exposed ones under the last regime."""
    if name == "sectors":
        last = frame[frame["regime"] == frame["regime"].iloc[-1]]
        frame = last.sort_values("exposure [USD per million USD]", ascending=False)
    return frame.head(SHOWN_ROWS)


def _cell(column: str, value: Any, clip: int) -> str:
    if value is None:
        return next((text for start, text in facts.NO_PRICE.items() if column.startswith(start)), "")
    if isinstance(value, float | np.floating):
        return f"{value:.1e}" if column in names.REGIMES else number(float(value))
    if isinstance(value, bool | np.bool_):
        return "yes" if value else ""
    readable: dict[str, Callable[[str], str]] = {
        "region": names.region,
        "regime": names.regime,
        "sector": names.sector,
        "force": lambda f: names.FORCES.get(f, f),
        "partner": names.region,
    }
    text = readable.get(column, str)(str(value))
    return f"{text[: clip - 1]}…" if clip and len(text) > clip else text


def tiles(ds: xr.Dataset) -> list[tuple[str, list[tuple[str, str]]]]:
    """The numbers of the first screen: heading, and (regime, number) pairs."""
    regimes = [str(r) for r in ds["regime"].values]
    groups: Any = facts.real_income(ds).set_index("region")
    own = names.listed([names.region(r) for r in facts.restricting(ds)])
    index = {r: facts.price_index(ds, r) for r in regimes}

    def each(values: dict[str, str]) -> list[tuple[str, str]]:
        return [(names.regime(r), values[r]) for r in regimes]

    return [
        ("Price of oxides abroad", each({r: f"{signed(index[r]['abroad'])} %" for r in regimes})),
        (f"Price in {own}", each({r: f"{signed(index[r]['home'])} %" for r in regimes})),
        (
            f"Real income, {own}",
            each({r: _million(groups.loc["restricting", f"{r} [million USD]"]) for r in regimes}),
        ),
        (
            "Real income, all others",
            each({r: _million(groups.loc["others", f"{r} [million USD]"]) for r in regimes}),
        ),
    ]


def _million(value: float) -> str:
    return f"{signed(float(value))} m USD"


def charts_of_prices(ds: xr.Dataset) -> dict[str, Chart | None]:
    """Levels at the border and at home, and changes abroad by regime."""
    regimes = [str(r) for r in ds["regime"].values]
    first = facts.prices(ds, regimes[0])
    first = first[first["abroad, base [USD/kg]"] > 0].sort_values("abroad, base [USD/kg]")
    if not len(first):
        return {"prices": None, "price_changes": None}
    own = names.listed([names.region(r) for r in facts.restricting(ds)])
    levels = charts.dumbbells(
        [
            (
                str(row["element"]), f"{names.element(row['element'])}",
                [(row[f"{at}, base [USD/kg]"], row[f"{at} [USD/kg]"]) for at in ("abroad", "home")],
            )
            for _, row in first.iterrows()
        ],
        [("abroad", f"abroad, base year (hollow) and {names.regime(regimes[0])}"), ("home", f"in {own}")], "USD/kg",
    )  # fmt: skip
    by_regime = {r: facts.prices(ds, r).set_index("element")["abroad, change [%]"] for r in regimes}
    changes = charts.bars(
        [(e, names.element(e), [float(by_regime[r][e]) for r in regimes]) for e in first["element"]],
        _series(regimes),
        "%",
    )
    return {"prices": levels, "price_changes": changes}


def charts_of_income(ds: xr.Dataset) -> dict[str, Chart | None]:
    """Real income by region and regime, regions that lose most first."""
    regimes = [str(r) for r in ds["regime"].values]
    frame: Any = facts.real_income(ds).set_index("region").loc[[str(r) for r in ds["region"].values]]
    own, columns = facts.restricting(ds), [f"{r} [million USD]" for r in regimes]
    order = [*own, *frame.drop(own)[columns[0]].sort_values().index]
    rows = [(r, names.region(r), [float(frame.loc[r, c]) for c in columns]) for r in order]
    return {"real_income": charts.bars(rows, _series(regimes), "million USD")}


def charts_of_sectors(ds: xr.Dataset) -> dict[str, Chart | None]:
    """Exposed against other sectors, and every sector against its exposure."""
    regimes = [str(r) for r in ds["regime"].values]
    frame: Any = facts.sectors(ds).set_index(["measure", "regime"])
    found: dict[str, Chart | None] = {}
    for name, measure in (
        ("exports", "exports, volume"),
        ("cost_saved", "cost saved by technology"),
        ("patents", "rare-earth patents"),
    ):
        shown = regimes if name == "exports" else [r for r in regimes if facts.learns(ds, r)]
        groups = [("exposed", "exposed sectors"), ("other", "other sectors")]
        values = [float(frame.loc[(measure, r), f"{g} [%]"]) for g, _ in groups for r in shown]
        unit, scale = facts.readable_unit(values)
        rows = [
            (g, label, [scale * float(frame.loc[(measure, r), f"{g} [%]"]) for r in shown])
            for g, label in groups
        ]
        found[name] = charts.bars(rows, _series(shown), unit, thickness=14) if shown else None
    found["scatter"] = _scatter(ds, regimes[-1])
    return found


def _scatter(ds: xr.Dataset, regime: str) -> Chart | None:
    """Exports of every sector outside the restricting regions against exposure, in the fullest regime."""
    frame = facts.by_sector(ds, regime)
    chain = {str(s) for s in ds["sector"].values[ds["chain"].values > 0]}
    keep = ~frame["region"].isin(facts.restricting(ds)) & ~frame["sector"].isin(chain)
    frame = frame[
        keep & (frame["exposure [USD per million USD]"] > 0) & (frame["exports, base [million USD]"] > 0)
    ]
    if not len(frame):
        return None
    change = frame["exports, volume [%]"].to_numpy()
    low, high = float(np.quantile(change, 0.01)), float(np.quantile(change, 0.99))
    unit, scale = facts.readable_unit([low, high])
    points = [
        ("exposed" if row["exposed"] else "other", f"{names.sector(row['sector'])}, {names.region(row['region'])}",
         float(row["exposure [USD per million USD]"]), scale * float(row["exports, volume [%]"]),
         float(row["exports, base [million USD]"]))
        for _, row in frame.sort_values("exposed").iterrows()
    ]  # fmt: skip
    edge = 0.1 * (high - low)
    limits = (scale * (min(low, 0) - edge), scale * (max(high, 0) + edge))
    series = [("exposed", "the most exposed tenth"), ("other", "other sectors")]
    return charts.scatter(points, series, ("USD per million USD", unit), limits)


def charts_of_innovation(ds: xr.Dataset) -> dict[str, Chart | None]:
    """Where research went, and what moved exports of exposed sectors."""
    regimes = [str(r) for r in ds["regime"].values if facts.learns(ds, str(r))]
    found: dict[str, Chart | None] = {"research": None, "research_home": None, "forces": None}
    if regimes:
        by_regime = {r: facts.research(ds, r).set_index("technology") for r in regimes}
        for name, column in (("research", "outside [%]"), ("research_home", "inside [%]")):
            rows = [
                (
                    t,
                    "all other inputs" if t == "X" else names.element(t),
                    [float(by_regime[r].loc[t, column]) for r in regimes],
                )
                for t in by_regime[regimes[0]].index
            ]
            found[name] = charts.bars(rows, _series(regimes), "%", least=0.005)
    parts = facts.forces(ds)
    if len(parts):
        values = parts["exports, exposed [%]"]
        unit, scale = facts.readable_unit(list(values))
        rows_of = [
            (f, names.FORCES[f], scale * float(v)) for f, v in zip(parts["force"], values, strict=True)
        ]
        found["forces"] = charts.waterfall(rows_of, unit)
    return found


def charts_of_security(ds: xr.Dataset) -> dict[str, Chart | None]:
    """What a full embargo would cost now, by region and regime."""
    frame = facts.embargo(ds)
    if not len(frame):
        return {"embargo": None}
    regimes = [str(r) for r in ds["regime"].values]
    rows = [
        (
            str(row["region"]),
            names.region(str(row["region"])),
            [float(row[f"{r} [million USD]"]) for r in regimes],
        )
        for _, row in frame.iterrows()
        if row["region"] != "others"
    ]
    rows.sort(key=lambda row: -row[2][0])
    return {"embargo": charts.bars(rows, _series(regimes), "million USD")}


def all_charts(ds: xr.Dataset) -> dict[str, Chart | None]:
    """Every chart of a run; None where it has no numbers."""
    return (
        charts_of_prices(ds)
        | charts_of_income(ds)
        | charts_of_sectors(ds)
        | charts_of_innovation(ds)
        | charts_of_security(ds)
    )


def _series(regimes: Sequence[str]) -> list[tuple[str, str]]:
    return [(r if r in names.REGIMES else "directed", names.regime(r)) for r in regimes]


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
    regimes = [str(r) for r in ds["regime"].values]
    parts = {r: facts.income_parts(ds, r).set_index("region") for r in regimes}
    labels = list(parts[regimes[0]].columns)
    found = {}
    for n, region in enumerate(ds["region"].values):
        rows = [[label, *(signed(float(parts[r].loc[region, label])) for r in regimes)] for label in labels]
        income = ds["real_income"].values[:, n]
        rows.insert(1, ["real income [%]", *(signed(100 * (float(v) - 1)) for v in income)])
        for name, label, base in (
            ("exports_volume", "exports, volume [%]", "base_exports"),
            ("output_volume", "output, volume [%]", "base_output"),
        ):
            weight = ds[base].values[n]
            rows.append(
                [
                    label,
                    *(
                        signed(facts.percent(facts.weighted(ds[name].sel(regime=r).values[n], weight)))
                        for r in regimes
                    ),
                ]
            )
        found[str(region)] = {"name": names.region(str(region)), "rows": rows}
    return found


def element_cards(ds: xr.Dataset) -> dict[str, Any]:
    """For each element: its name and rows of (label, number for each regime)."""
    regimes = [str(r) for r in ds["regime"].values]
    frames = {r: facts.prices(ds, r).set_index("element") for r in regimes}
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
    if not np.isnan(value):
        return number(value)
    return next(text for start, text in facts.NO_PRICE.items() if column.startswith(start))


def comparison(runs: Sequence[tuple[str, xr.Dataset]]) -> Table:
    """The headline numbers of several runs side by side."""
    regimes = [str(r) for r in runs[0][1]["regime"].values if all(r in ds["regime"].values for _, ds in runs)]
    rows: dict[str, list[float]] = {}
    heads = [f"{name}, {names.SHORT_REGIMES.get(r, r)}" for r in regimes for name, _ in runs]
    for r in regimes:
        for _, ds in runs:
            for label, value in headline(ds, r).items():
                rows.setdefault(label, []).append(value)
    frame = pd.DataFrame([[label, *values] for label, values in rows.items()], columns=["", *heads])
    return table("comparison", frame, "comparison")


def headline(ds: xr.Dataset, regime: str) -> dict[str, float]:
    index = facts.price_index(ds, regime)
    groups: Any = facts.real_income(ds).set_index("region")
    frame: Any = facts.sectors(ds).set_index(["regime", "measure"])
    column = f"{regime} [million USD]"
    return {
        "tonnes sold abroad [t]": float(facts.prices(ds, regime)["sold abroad [t]"].sum()),
        "licence [% of gate price]": 100 * float(ds["licence_rate"].sel(regime=regime).max())
        if ds.sizes["quota"]
        else 0.0,
        "mean price abroad [%]": index["abroad"],
        "mean price at home [%]": index["home"],
        "real income, restricting [million USD]": float(groups.loc["restricting", column]),
        "real income, all others [million USD]": float(groups.loc["others", column]),
        "quota rents [million USD]": float(ds["licence_rent"].sel(regime=regime).sum()),
        "exports of exposed sectors [%]": float(frame.loc[(regime, "exports, volume"), "exposed [%]"]),
    }


def mix(runs: Sequence[tuple[str, xr.Dataset]]) -> Chart:
    """Tonnes sold abroad by element, change from the base year in percent, in the first regime of each run."""
    kinds = ("exogenous", "directed", "directed_with_spillovers")
    frames = [facts.prices(ds, str(ds["regime"].values[0])).set_index("element") for _, ds in runs]
    rows = [
        (
            e,
            names.element(e),
            [_percent(f.loc[e, "sold abroad [t]"], f.loc[e, "sold abroad, base [t]"]) for f in frames],
        )
        for e in frames[0].index
    ]
    return charts.bars(rows, [(kinds[at % 3], name) for at, (name, _) in enumerate(runs)], "%")


def _percent(new: float, old: float) -> float:
    return 100 * (new / old - 1) if old > 0 else 0.0
