"""The numbers of a solved state as the page shows them: values to draw, and the same as text."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pandas as pd
import xarray as xr

from calibration import Calibration
from model.records import REGIMES
from outputs import facts, names, pricefacts, pricefindings, quotas, wording
from outputs.explorer import question
from outputs.explorer.state import State
from outputs.names import number, signed
from scenarios import Scenario

NOISE = 1e-9  # of changes in % and million USD
SECTOR_ROWS = (
    "exports, volume", "output, volume", "unit cost", "cost saved by technology", "TFP as accounts see it",
    "rare-earth patents",
)  # fmt: skip


def controls(state: State, scenario: Scenario, base: Calibration, region: str, sector: str) -> dict[str, Any]:
    """What the page's controls offer and stand at."""
    return {
        "scenarios": [{"id": name, "text": title} for name, title in question.offered().items()],
        "regimes": [{"id": regime, "text": names.regime(regime)} for regime in REGIMES],
        "regions": [{"id": r, "text": names.region(r)} for r in base.labels.regions],
        "sectors": [{"id": s, "text": names.sector(s)} for s in base.labels.sectors],
        "question": scenario.question,
        "state": state.model_dump()
        | {
            "region": region,
            "sector": sector,
            "horizon": question.horizon(state, question.shipped(state.scenario)),
        },
    }


def all_tables(ds: xr.Dataset, scenario: Scenario, regime: str, region: str, sector: str) -> dict[str, Any]:
    """Every table of the page for one regime, region and sector."""
    prices, income = pricefacts.table(ds, regime), _by_region(facts.real_income(ds))
    index, limits = pricefacts.index(ds, regime), quotas.table(ds)
    usd, share = f"{regime} [million USD]", f"{regime} [%]"
    who = wording.restrictors(ds)
    limit = _rows(limits[limits["limit [t]"] > 0])
    cells = facts.by_sector(ds, regime)
    mine = _rows(cells[cells["region"] == region])
    return {
        "who": who,
        "abroad": pricefindings.abroad(ds).rstrip("."),
        "cut": _cut(limit, any(line.type == "embargo" for line in scenario.instruments)),
        "headline": [
            _figure("Prices of elements abroad", index["abroad"], "%"),
            _figure(f"Prices of elements in {who}", index["home"], "%"),
            *(_licence(row) for row in limit),
            _figure(f"Real income, {who}", income["restricting"][usd], "million USD"),
            _figure("Real income, all others", income["others"][usd], "million USD"),
            _figure(f"Real income, {names.region(region)}", income[region][usd], "million USD"),
        ],
        "prices": [
            {
                "label": names.element(row["element"]), "symbol": row["element"],
                "abroad": _change(row["abroad, change [%]"]), "home": _change(row["home, change [%]"]),
                "level": number(row["abroad [USD/kg]"]), "before": number(row["abroad, base [USD/kg]"]),
            }
            for row in _rows(prices) if row["abroad, base [USD/kg]"] > 0
        ],
        "income": [
            {
                "id": r, "label": names.region(r), "usd": _change(income[r][usd]),
                "share": signed(income[r][share], 2),
            }
            for r in map(str, ds["region"].values)
        ],
        "sectors": _sectors(mine, set(ds["sector"].values[ds["chain"].values > 0])),
        "sector": _sector(mine, sector),
        "research": _research(ds, regime),
        "dependence": _dependence(ds, regime, region),
    }  # fmt: skip


def _change(value: float) -> dict[str, Any]:
    """A change and its text; below what the solver's tolerance leaves open it is none."""
    value = float(value) if abs(value) > NOISE else 0.0
    return {"value": value, "text": signed(value)}


def _figure(label: str, value: float, unit: str) -> dict[str, Any]:
    return {"label": label, "unit": unit, **_change(value)}


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a table as mappings."""
    columns = [table[name].tolist() for name in table.columns]
    return [dict(zip(table.columns, values, strict=True)) for values in zip(*columns, strict=True)]


def _by_region(table: pd.DataFrame) -> dict[str, dict[str, Any]]:
    return {row["region"]: row for row in _rows(table)}


def _licence(row: dict[str, Any]) -> dict[str, Any]:
    value = float(row["licence [USD/kg]"])
    return {
        "label": f"Licence price, {row['quota']}",
        "unit": "USD/kg",
        "value": value,
        "text": number(value),
    }


def _cut(limit: list[dict[str, Any]], closed: bool) -> float:
    """How much of base-year tonnes the quotas together stop, in %; without quotas all or nothing."""
    limit = [row for row in limit if row["limits"] == quotas.EXPORTS]
    base = sum(row["base [t]"] for row in limit)
    return max(0.0, 100 * (1 - sum(row["limit [t]"] for row in limit) / base)) if base > 0 else 100.0 * closed


def _sectors(mine: list[dict[str, Any]], chain: Collection[str]) -> list[dict[str, Any]]:
    """Export volumes of a region's sectors, from its rows of `facts.by_sector`."""
    return [
        {
            "id": row["sector"], "label": names.sector(row["sector"]), "exposed": bool(row["exposed"]),
            "chain": row["sector"] in chain,
            "exports": _change(row["exports, volume [%]"]), "exposure": number(row["exposure [USD per million USD]"]),
        }
        for row in mine if row["exports, base [million USD]"] > 0
    ]  # fmt: skip


def _sector(mine: list[dict[str, Any]], sector: str) -> list[dict[str, Any]]:
    """One sector of one region; empty when it does not exist there."""
    rows = [row for row in mine if row["sector"] == sector]
    return [_figure(label, row[f"{label} [%]"], "%") for row in rows for label in SECTOR_ROWS]


def _research(ds: xr.Dataset, regime: str) -> list[dict[str, Any]]:
    """Research by what it improves; empty when technology is fixed."""
    if not facts.learns(ds, regime):
        return []
    return [
        {
            "label": "all other inputs" if row["technology"] == "X" else names.element(row["technology"]),
            "symbol": row["technology"], "outside": _change(row["outside [%]"]), "inside": _change(row["inside [%]"]),
        }
        for row in _rows(facts.research(ds, regime))
    ]  # fmt: skip


def _dependence(ds: xr.Dataset, regime: str, region: str) -> list[dict[str, Any]]:
    """How much of each element a region buys from the restricting regions; empty for these themselves."""
    table = facts.security(ds, regime)
    return [
        {
            "label": names.element(row["element"]), "before": number(row["from the restricting, base [%]"]),
            "now": number(row["from the restricting [%]"]),
        }
        for row in _rows(table[table["region"] == region])
    ]  # fmt: skip
