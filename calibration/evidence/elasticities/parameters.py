"""Estimates as a calibration the model takes as it is: a YAML file laid over another calibration by
`based_on`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml

from calibration.errors import InputError, unknown_name
from calibration.load import read_settings

LOWEST = 0.01  # an elasticity of 0 divides by zero in a CES, and sweeps need room to multiply


@dataclass(frozen=True, slots=True)
class SectorElasticity:
    """eps of one sector with its interval; `sector` is the calibration's name of it."""

    sector: str
    value: float
    lower: float
    upper: float


def calibration_text(
    estimates: Sequence[SectorElasticity],
    zeta: float,
    *,
    base: Path,
    folder: Path,
    name: str,
    source: str,
    status: Literal["computed", "analyst"],
    sectors: Sequence[str],
) -> str:
    """YAML that sets `ree_elasticity` of some sectors and the `innovation_elasticity` 1/zeta they were
    derived with.

    eps and zeta are not told apart by the data, so a file never gives one without the other. The range of
    sweeps spans the widest interval. `base` is the calibration file it is laid over, `folder` where the text
    will be saved: paths are written relative to it. Raises InputError on sectors the calibration does not
    have, ValueError on none.
    """
    if not estimates:
        raise ValueError("no elasticity to write: every sector was refused")
    strange = [e.sector for e in estimates if e.sector not in sectors]
    if strange:
        raise InputError([unknown_name("sector", s, sectors) for s in strange])
    values = {e.sector: round(max(e.value, LOWEST), 4) for e in estimates}
    low = min(max(e.lower, LOWEST) / max(e.value, LOWEST) for e in estimates)
    high = max(max(e.upper, LOWEST) / max(e.value, LOWEST) for e in estimates)
    intervals = "; ".join(f"{e.sector} {e.lower:.3f} to {e.upper:.3f}" for e in estimates)
    settings, _, _, _ = read_settings(base)
    content = {
        "based_on": _relative(base, folder),
        "name": name,
        # The two paths of the calibration below, seen from here.
        "tables": _relative(base.parent / settings.tables, folder),
        "concordance": _relative(base.parent / settings.concordance, folder),
        "parameters": {
            "ree_elasticity": _entry(
                values,
                "elasticity of substitution",
                f"{source}. 95% intervals: {intervals}",
                status,
                low,
                high,
            ),
            "innovation_elasticity": _entry(
                {"default": round(1 / zeta, 6)},
                "elasticity of technology to research (lambda)",
                f"assumed in the estimation of ree_elasticity (zeta = {zeta:g}); eps and zeta hold together only",
                "analyst",
                1.0,
                1.0,
            ),
        },
    }
    comment = (
        "# Written by `python run.py estimate elasticities`: give this file as the calibration.\n"
        "# Sectors that are not named keep the rule of the calibration it is based on.\n"
    )
    return comment + yaml.safe_dump(
        content, sort_keys=False, allow_unicode=True, width=110, default_flow_style=None
    )


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()


def _entry(
    value: Mapping[str, float], unit: str, source: str, status: str, low: float, high: float
) -> dict[str, object]:
    return {
        "value": dict(value),
        "unit": unit,
        "source": source,
        "status": status,
        "range_factor": [round(low, 4), round(high, 4)],
    }
