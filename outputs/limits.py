"""What quotas allow beside what was sold in the base year: before a solve, so that a wrong number is seen."""

from __future__ import annotations

import numpy as np

from calibration import Calibration
from model.base_year import production_tonnes_base, quota_tonnes_base
from model.records import Quota, Shock
from outputs.names import number
from outputs.quotas import tonnes
from scenarios import Scenario
from scenarios.shocks import build


def allowed(scenario: Scenario, base: Calibration) -> list[str]:
    """Tonnes that each quota allows in its first year, of those of the base year. Raises InputError."""
    said: dict[str, str] = {}
    for year, shock in _shocks(scenario, base):
        b, when = base.benchmark, f" in {year}" if scenario.years else ""
        sold = [(q.name, q.limit, quota_tonnes_base(b, q), "exported") for q in shock.quotas]
        made = [(q.name, q.limit, production_tonnes_base(b, q), "made") for q in shock.production_quotas]
        for name, limit, before, what in (*sold, *made):
            share = f", {number(100 * limit / before)} %" if before > 0 else ""
            text = f"{name}: {tonnes(limit)} t{when} of {tonnes(before)} t {what} in the base year{share}"
            said.setdefault(name, text)
    return list(said.values())


def idle(scenario: Scenario, base: Calibration) -> list[str]:
    """Export quotas that limit nothing in any year, as an embargo stops all that they cover. Raises InputError."""
    shocks = [shock for _, shock in _shocks(scenario, base)]
    names = dict.fromkeys(quota.name for shock in shocks for quota in shock.quotas)
    limiting = {quota.name for shock in shocks for quota in shock.quotas if not _stopped(quota, shock)}
    return [name for name in names if name not in limiting]


def _shocks(scenario: Scenario, base: Calibration) -> list[tuple[int | None, Shock]]:
    """The shock of every year, with its quotas, whatever takes their place in a solve."""
    return [(year, build(scenario, base.benchmark, base.labels, year)) for year in scenario.span]


def _stopped(quota: Quota, shock: Shock) -> bool:
    """Whether an embargo stops all that a quota covers."""
    return shock.embargo is not None and not np.any(quota.covers & ~shock.embargo)
