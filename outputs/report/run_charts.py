"""Charts of a run: which of its numbers each one shows, in which order and unit; None where it has none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from outputs import facts, names, pricefacts, wording
from outputs.report import charts
from outputs.report.charts import Chart


def all_charts(ds: xr.Dataset) -> dict[str, Chart | None]:
    """Every chart of a run; None where it has no numbers."""
    return (
        charts_of_prices(ds)
        | charts_of_income(ds)
        | charts_of_sectors(ds)
        | charts_of_innovation(ds)
        | charts_of_security(ds)
    )


def charts_of_prices(ds: xr.Dataset) -> dict[str, Chart | None]:
    """Levels at the border and at home, and changes abroad by regime."""
    regimes = wording.regimes(ds)
    first = pricefacts.table(ds, regimes[0])
    first = first[first["abroad, base [USD/kg]"] > 0].sort_values("abroad, base [USD/kg]")
    if not len(first):
        return {"prices": None, "price_changes": None}
    own = wording.restrictors(ds)
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
    by_regime = {r: pricefacts.table(ds, r).set_index("element")["abroad, change [%]"] for r in regimes}
    changes = charts.bars(
        [(e, names.element(e), [float(by_regime[r][e]) for r in regimes]) for e in first["element"]],
        _series(regimes),
        "%",
    )
    return {"prices": levels, "price_changes": changes}


def charts_of_income(ds: xr.Dataset) -> dict[str, Chart | None]:
    """Real income by region and regime, regions that lose most first."""
    regimes = wording.regimes(ds)
    frame: Any = facts.real_income(ds).set_index("region").loc[[str(r) for r in ds["region"].values]]
    own, columns = facts.restricting(ds), [f"{r} [million USD]" for r in regimes]
    order = [*own, *frame.drop(own)[columns[0]].sort_values().index]
    unit, scale = names.readable_money([float(v) for v in frame[columns].to_numpy().ravel()])
    rows = [(r, names.region(r), [scale * float(frame.loc[r, c]) for c in columns]) for r in order]
    return {"real_income": charts.bars(rows, _series(regimes), unit, least=0.005 if scale < 1 else 0.0)}


def charts_of_sectors(ds: xr.Dataset) -> dict[str, Chart | None]:
    """Exposed against other sectors, and every sector against its exposure."""
    regimes = wording.regimes(ds)
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
        unit, scale = names.readable_unit(values)
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
    unit, scale = names.readable_unit([low, high])
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
    regimes = [r for r in wording.regimes(ds) if facts.learns(ds, r)]
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
        unit, scale = names.readable_unit(list(values))
        rows_of = [
            (f, names.FORCES[f], scale * float(v)) for f, v in zip(parts["force"], values, strict=True)
        ]
        found["forces"] = charts.waterfall(rows_of, unit)
    return found


def charts_of_security(ds: xr.Dataset) -> dict[str, Chart | None]:
    """What a full embargo would cost now, by region and regime."""
    frame = facts.embargo(ds)
    if not len(frame) or not pricefacts.exported(ds):
        return {"embargo": None}
    regimes = wording.regimes(ds)
    columns = [f"{r} [million USD]" for r in regimes]
    frame = frame[frame["region"] != "others"]
    unit, scale = names.readable_money([float(v) for v in frame[columns].to_numpy().ravel()])
    rows = [
        (str(row["region"]), names.region(str(row["region"])), [scale * float(row[c]) for c in columns])
        for _, row in frame.iterrows()
    ]
    rows.sort(key=lambda row: -row[2][0])
    return {"embargo": charts.bars(rows, _series(regimes), unit)}


def mix(runs: Sequence[tuple[str, xr.Dataset]]) -> Chart:
    """Tonnes sold abroad by element, change from the base year in percent, in the first regime of each run."""
    kinds = ("exogenous", "directed", "directed_with_spillovers", "exposed", "abroad", "total")
    runs = runs[: len(kinds)]  # more bars could not be told apart; the table has all runs
    frames = [pricefacts.table(ds, str(ds["regime"].values[0])).set_index("element") for _, ds in runs]
    rows = [
        (
            e,
            names.element(e),
            [_percent(f.loc[e, "sold abroad [t]"], f.loc[e, "sold abroad, base [t]"]) for f in frames],
        )
        for e in frames[0].index
    ]
    return charts.bars(rows, [(kinds[at], name) for at, (name, _) in enumerate(runs)], "%")


def _percent(new: float, old: float) -> float:
    return 100 * (new / old - 1) if old > 0 else 0.0


def _series(regimes: Sequence[str]) -> list[tuple[str, str]]:
    return [(r if r in names.REGIMES else "directed", names.regime(r)) for r in regimes]
