"""The CSV tables of a path's run folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from calibration.tables import write_csv
from outputs import facts as solve_facts
from outputs import pricefacts
from outputs.paths import facts, findings
from outputs.paths.facts import View
from outputs.tables import columns, with_gaps

TABLES: Mapping[str, Callable[[View], pd.DataFrame]] = {
    "overview": facts.overview,
    "prices": lambda view: with_gaps(facts.stacked(view, pricefacts.table)),
    "real_income": facts.real_income,
    "stocks": facts.stocks,
    "surplus": facts.surplus,
    "quotas": facts.quota_years,
    "capacity": facts.state,
    "embargo_now": facts.security,
    "years_to_replace": facts.years_to_replace,
    "concentration": facts.concentration,
    "dependence_by_stage": facts.dependence,
    "dependence_by_element": lambda view: facts.stacked(view, solve_facts.security),
    "industries": facts.industries,
    "military_equipment": lambda view: facts.industries(view, bundles=True),
    "forces": facts.forces,
    "instruments": facts.instruments,
    "sector_exports_by_force": lambda view: facts.sector_contributions(view, "force"),
    "sector_exports_by_instrument": lambda view: facts.sector_contributions(view, "instrument"),
}


def write_tables(view: View, folder: Path, scenario: str) -> list[Path]:
    """Write every table that has rows under `folder`; returns the files."""
    missing = [f"missing: {one}" for one in findings.gaps(view)]
    comments = [f"scenario: {scenario}", f"calibration: {view.ds.attrs.get('calibration', '')}", *missing]
    written = []
    for name, make in TABLES.items():
        table = make(view)
        if len(table):
            path = folder / f"{name}.csv"
            write_csv(path, columns(table), comments=comments)
            written.append(path)
    return written
