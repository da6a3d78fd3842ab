"""The CSV tables of a run folder."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from calibration.tables import write_csv
from outputs import facts, gains, growth, pricefacts, quotas, wording


def write_tables(dataset: xr.Dataset, folder: Path) -> list[Path]:
    """Write every table of a scenario under `folder`; returns the files."""
    ds = facts.one_scenario(dataset)
    comments = [f"scenario: {scenario_name(dataset)}", f"calibration: {ds.attrs.get('calibration', '')}"]
    written = []
    for name, table in all_tables(ds).items():
        if len(table):
            path = folder / f"{name}.csv"
            write_csv(path, columns(table), comments=comments)
            written.append(path)
    return written


def all_tables(ds: xr.Dataset) -> dict[str, pd.DataFrame]:
    """Tables of a scenario by file name; what depends on the regime is stacked with a column `regime`."""
    regimes = wording.regimes(ds)

    def stacked(make: Any) -> pd.DataFrame:
        frames = []
        for regime in regimes:
            frame = make(ds, regime)
            frame.insert(0, "regime", regime)
            frames.append(frame)
        return pd.concat(frames, ignore_index=True)

    return {
        "real_income": facts.real_income(ds),
        "real_income_parts": stacked(facts.income_parts),
        "prices": with_gaps(stacked(pricefacts.table)),
        "quotas": quotas.table(ds),
        "exposed_and_other_sectors": facts.sectors(ds),
        "sectors": stacked(facts.by_sector),
        "growth_on_exposure": with_gaps(growth.slopes(ds)),
        "research": stacked(facts.research),
        "security": stacked(facts.security),
        "embargo_now": facts.embargo(ds),
        "forces": facts.forces(ds),
        "instruments": facts.contributions(ds, "instrument"),
        "sector_exports_by_force": gains.sector_exports(ds, "force"),
        "sector_exports_by_instrument": gains.sector_exports(ds, "instrument"),
        "first_order": stacked(gains.first_order),
        "first_order_by_partner": stacked(gains.first_order_by_partner),
        "first_order_by_good": stacked(gains.first_order_by_good),
        "residuals": facts.residuals(ds),
    }


def with_gaps(table: pd.DataFrame) -> pd.DataFrame:
    """The table with None, an empty cell, where there is no number."""
    return table.astype(object).where(table.notna(), None)


def columns(table: pd.DataFrame) -> dict[str, list[Any]]:
    """A frame as `write_csv` takes it."""
    return {str(name): table[name].tolist() for name in table.columns}


def parameters(rows: Iterable[Any]) -> pd.DataFrame:
    """The parameters of a calibration with unit, source, status, range and whether they are soft."""
    rows = list(rows)
    return pd.DataFrame(
        {
            "name": [row.name for row in rows],
            "value": [json.dumps(row.value, ensure_ascii=False, default=str) for row in rows],
            "unit": [row.unit for row in rows],
            "source": [row.source for row in rows],
            "status": [row.status for row in rows],
            "range": [json.dumps(row.range) if row.range else "" for row in rows],
            "soft": [bool(row.soft) for row in rows],
            "soft values": [", ".join(row.soft_values) for row in rows],
        }
    )


def write_parameters(rows: Iterable[Any], path: Path) -> None:
    """`parameters` as a CSV file."""
    write_csv(path, columns(parameters(rows)))


def scenario_name(dataset: xr.Dataset) -> str:
    """The name of the scenario in a dataset."""
    return str(dataset["scenario"].values.reshape(-1)[0])
