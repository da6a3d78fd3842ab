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

WEAK_F = 10.0  # of a first stage (Staiger and Stock 1997)
MOSTLY_OWN = 0.5  # least weight of a sector's own estimate in what is written of it
LOWEST = 0.01  # an elasticity of 0 divides by zero in a CES, and sweeps need room to multiply


@dataclass(frozen=True, slots=True)
class SectorElasticity:
    """eps of one sector with its interval; `sector` is the calibration's name of it. own_weight: of its own data in
    the value; first_stage_f: how far they move its price. Both None where the value does not come from its data alone.
    """

    sector: str
    value: float
    lower: float
    upper: float
    own_weight: float | None = None
    first_stage_f: float | None = None

    @property
    def soft(self) -> bool:
        """Whether the value is more of the prior than of the sector's data, or rests on a weak instrument."""
        mostly_prior = self.own_weight is not None and self.own_weight < MOSTLY_OWN
        weak = self.first_stage_f is not None and self.first_stage_f < WEAK_F
        return mostly_prior or weak

    def __str__(self) -> str:
        text = f"{self.sector} {self.lower:.3f} to {self.upper:.3f}"
        told = [f"own weight {self.own_weight:.2f}"] if self.own_weight is not None else []
        told += [f"F {self.first_stage_f:.1f}"] if self.first_stage_f is not None else []
        return f"{text} ({', '.join(told)})" if told else text


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
    will be saved: paths are written relative to it. Sectors whose value is soft are named as such; where all are,
    the whole is `analyst`. Raises InputError on sectors the calibration does not
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
    intervals = _intervals(estimates)
    soft = [e.sector for e in estimates if e.soft]
    if len(soft) == len(estimates):
        status = "analyst"
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
                soft if status == "computed" else [],
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


def _intervals(estimates: Sequence[SectorElasticity]) -> str:
    """Interval of each sector; once where all have the same, as when they share one estimate."""
    told = [str(e).removeprefix(e.sector) for e in estimates]
    return f"all{told[0]}" if len(set(told)) == 1 and len(told) > 1 else "; ".join(map(str, estimates))


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()


def _entry(
    value: Mapping[str, float],
    unit: str,
    source: str,
    status: str,
    low: float,
    high: float,
    soft: Sequence[str] = (),
) -> dict[str, object]:
    return {
        "value": dict(value),
        "unit": unit,
        "source": source,
        "status": status,
        "range_factor": [round(low, 4), round(high, 4)],
        **({"soft": list(soft)} if soft else {}),
    }
