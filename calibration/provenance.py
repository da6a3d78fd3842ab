"""The table of parameters: value, unit, source, status and range of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from calibration.schema import CalibrationFile, Entry

SOFT = ("memory", "analyst")


@dataclass(frozen=True)
class Parameter:
    """One line of the provenance table."""

    name: str
    section: str  # rare_earths or parameters
    value: Any
    unit: str
    source: str
    status: str  # seen, computed, memory, analyst
    range: tuple[float, float] | None  # level of a single number, factor of a table
    soft: bool  # status memory or analyst, or some of its values are
    soft_values: tuple[str, ...] = ()  # which, when only some


def provenance(settings: CalibrationFile) -> tuple[Parameter, ...]:
    """Every parameter of a calibration, in the order of its schema."""
    table = []
    for section in ("rare_earths", "parameters"):
        group = getattr(settings, section)
        for name in type(group).model_fields:
            entry: Entry | None = getattr(group, name)
            if entry is None:
                continue
            given: Any = entry
            span = getattr(given, "range", None) or getattr(given, "range_factor", None)
            soft = entry.status in SOFT or bool(entry.soft)
            table.append(
                Parameter(
                    name, section, given.value, entry.unit, entry.source, entry.status, span, soft, entry.soft
                )
            )
    return tuple(table)
