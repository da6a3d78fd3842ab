"""What the controls of the explorer stand at: read from a request, checked, with bounds on every number."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from calibration.errors import InputError, Problem, printable, shown
from model.records import Regime

Horizon = Literal["short", "technology", "capacity", "path"]
NAME = r"^[A-Za-z0-9_./-]{1,60}$"


class State(BaseModel):
    """The controls. None is `as in the scenario's file`; multipliers of 1 change nothing."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)

    scenario: str = Field("china-2010-quota", pattern=NAME)
    regime: Regime = "directed_with_spillovers"
    horizon: Horizon | None = Field(None, description="what may respond to the shock")
    years: int = Field(5, ge=1, le=10, description="with horizon path: years after the first")
    cut: float | None = Field(
        None, ge=0, le=100, description="% of base-year exports that quotas and embargoes stop"
    )
    substitution: float = Field(1.0, ge=0.25, le=2, description="multiplier of every ree_elasticity")
    research: float = Field(1.0, ge=0, le=1.5, description="multiplier of every innovation_elasticity")
    capacity: float = Field(
        1.0, ge=1, le=10, description="mines and separation abroad, multiple of the base year"
    )
    military: float = Field(
        1.0, ge=0.5, le=3, description="US demand for defence equipment, multiple of the base year"
    )
    region: str = Field("", pattern=r"^[A-Za-z0-9_-]{0,60}$")
    sector: str = Field("", pattern=r"^[A-Za-z0-9_-]{0,60}$")


def read(body: bytes) -> State:
    """The state that a request holds, as JSON. Raises InputError naming every field that is wrong."""
    try:
        return State.model_validate_json(body)
    except ValidationError as error:
        found = []
        for detail in error.errors(include_url=False, include_context=False):
            where = ".".join(printable(str(step))[:40] for step in detail["loc"])
            got = "" if detail["type"] in ("json_invalid", "missing") else f", got {shown(detail['input'])}"
            found.append(Problem(f"{detail['msg']}{got}"[:200], where=where or "request"))
        raise InputError(found[:20]) from None
