"""The YAML of a co-movement study: data, series, and the analyses to run on them. See docs/comovement.md."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from calibration.evidence.comovement.alignment import Timing
from calibration.evidence.comovement.filters import FILTERS
from calibration.evidence.comovement.local import WINDOWS
from calibration.validate import Schema

Level = Annotated[float, Field(gt=0, lt=1)]
Whole = Annotated[int, Field(ge=1)]
Lag = Annotated[int, Field(ge=0)]
TransformName = Literal["log", "difference", "standardise", "absolute", "volatility", "seasonal_adjustment"]
SERIES_NAME = r"^[a-z][a-z0-9_]*$"
FILE_NAME = r"^[a-z0-9][a-z0-9-]*$"
PART_OF_FILE_NAME = r"^[A-Za-z0-9][A-Za-z0-9 _-]*$"
WITHOUT_NUMBER, WITH_NUMBER = ("log", "standardise", "absolute"), ("seasonal_adjustment",)


def _choice(value: str, valid: tuple[str, ...], what: str) -> str:
    if value not in valid:
        raise PydanticCustomError(
            "choice", f"unknown {what} {value!r}", {"expected": f"one of {', '.join(valid)}"}
        )
    return value


class TableSpec(Schema):
    """A CSV of series. Paths are relative to the study file."""

    file: str
    frequency: Literal["monthly", "quarterly", "annual", "daily"]
    gaps: Literal["error", "missing"] = "error"
    provenance: str = Field("", description="YAML naming title, unit, source and status of every column.")
    optional: bool = Field(
        False, description="A slot: without the file the analyses that need it are left out."
    )
    published_by: str = Field(
        "", description="Where the data of a slot can be had, for the message that it is absent."
    )


class SeriesSpec(Schema):
    """A series by name: a column of a table with transforms, or the product of standardised series."""

    table: str = ""
    column: str = ""
    unit: str = Field("", description="If given, must be the unit in the table's header.")
    transform: list[
        TransformName | Annotated[dict[TransformName, Whole], Field(min_length=1, max_length=1)]
    ] = []
    product: list[str] = Field([], description="An interaction: the product of these series, standardised.")
    label: str = ""
    stands_in_for: str = Field("", description="What the series is used in place of; shown on every figure.")

    @field_validator("transform")
    @classmethod
    def _numbers(cls, steps: list[Any]) -> list[Any]:
        for step in steps:
            name = step if isinstance(step, str) else next(iter(step))
            if not isinstance(step, str) and name in WITHOUT_NUMBER:
                raise PydanticCustomError("number", f"{name} takes no number", {"expected": f"{name} alone"})
            if isinstance(step, str) and name in WITH_NUMBER:
                raise PydanticCustomError("number", f"{name} needs a number", {"expected": f"{{{name}: 12}}"})
        return steps

    @model_validator(mode="after")
    def _one_origin(self) -> SeriesSpec:
        if self.product and (self.table or self.column):
            raise PydanticCustomError(
                "origin", "both a table column and a product", {"expected": "one of the two"}
            )
        if not self.product and not (self.table and self.column):
            raise PydanticCustomError("origin", "no origin", {"expected": "table and column, or product"})
        if self.product and len(self.product) < 2:
            raise PydanticCustomError("origin", "a product of one series", {"expected": "at least two"})
        return self


class Span(Schema):
    """Dates written as in the tables, both included; open where left out."""

    start: str | None = Field(None, alias="from")
    end: str | None = Field(None, alias="to")

    @field_validator("start", "end", mode="before")
    @classmethod
    def _year(cls, value: Any) -> Any:
        """A year is written as a number."""
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class Grid(Schema):
    """Evenly spaced quantile levels, both ends included."""

    start: Level = Field(alias="from")
    end: Level = Field(alias="to")
    step: Level

    @model_validator(mode="after")
    def _reaches_the_end(self) -> Grid:
        steps = (self.end - self.start) / self.step
        if steps < 0 or abs(steps - round(steps)) > 1e-9 * max(steps, 1):
            text = f"steps of {self.step:g} from {self.start:g} do not lead to {self.end:g}"
            raise PydanticCustomError(
                "grid", text, {"expected": "an end that is a whole number of steps away"}
            )
        return self


class ControlSpec(Schema):
    series: str
    level: Level | Literal["target", "predictor"] = 0.5
    timing: Timing | Lag = "lagged"


class RollingSpec(Schema):
    width: Whole
    step: Whole = 1
    kind: Literal["rolling", "recursive"] = "rolling"
    lag: Lag = 1
    levels: list[Level] = [0.25, 0.5, 0.75]


class Regressors(Schema):
    """Regressors of the quantile regressions whose hits are compared: series taken one observation earlier."""

    target: list[str]
    predictor: list[str]
    levels: list[Level] = [0.1, 0.5, 0.9]
    lags: list[Lag] = [1]
    resamples: Annotated[int, Field(ge=20, le=100_000)] = 200


class QuantilogramSpec(Schema):
    name: str = Field(pattern=FILE_NAME)
    target: str
    predictors: list[str] = Field(min_length=1)
    controls: list[ControlSpec] = []
    levels: Grid | list[Level] = Field(
        default_factory=lambda: Grid.model_validate({"from": 0.05, "to": 0.95, "step": 0.05})
    )
    lags: list[Lag] = Field([1], min_length=1)
    portmanteau: int = Field(
        0, ge=0, description="Q statistics, and bars lag by lag, over lags 1 to this; 0 for none."
    )
    profile_levels: list[Level] = Field(
        [0.2, 0.5, 0.8], description="Levels of both series in the bars lag by lag."
    )
    self_normalised: int = Field(
        0, ge=0, description="The self-normalised test over lags 1 to this; 0 for none."
    )
    trimming: Level = 0.1
    rolling: RollingSpec | None = None
    subsamples: dict[Annotated[str, Field(pattern=PART_OF_FILE_NAME)], Span] = {}
    regressors: Regressors | None = None


class BootstrapSpec(Schema):
    resamples: Annotated[int, Field(ge=20, le=100_000)] = 1000
    level: Level = 0.05
    gamma: Annotated[float, Field(gt=0, le=1)] | None = Field(
        None, description="Restart probability; left out: 1/block length by Patton, Politis and White."
    )
    blocks: Literal["mean", "longest"] = Field(
        "mean",
        description="Without gamma: its mean over all columns, or that of the longer of target and predictor.",
    )
    seed: int = Field(0, ge=0)


class WaveletSpec(Schema):
    name: str = Field(pattern=FILE_NAME)
    series: list[str] = Field(min_length=2)
    filter: str = "la8"
    levels: Whole | None = Field(None, description="J; left out: trunc(log2 N) - 3.")
    boundary: Literal["periodic", "reflection"] = "periodic"
    brick_wall: bool = True
    window: str = "gaussian"
    half_width: Annotated[float, Field(gt=0)] | None = Field(None, description="M; left out: trunc(N/8).")
    interval: Literal["published", "corrected"] = "corrected"
    confidence: Level = 0.95
    variable: str | None = Field(
        None, description="Series explained by the others; left out: the one explained best."
    )
    max_lag: int = Field(12, ge=0)
    centre: bool = True

    @model_validator(mode="after")
    def _names(self) -> WaveletSpec:
        _choice(self.filter, FILTERS, "wavelet filter")
        _choice(self.window, tuple(WINDOWS), "window")
        return self


class PhaseSpec(Schema):
    """Bear: quantile levels up to `bear`; bull: from `bull`. With `dated`, a CSV of dates and phases decides."""

    bear: Level = 0.25
    bull: Level = 0.75
    lag: Lag = 1
    levels: Grid | list[Level] = Field(
        default_factory=lambda: Grid.model_validate({"from": 0.05, "to": 0.95, "step": 0.05})
    )
    dated: str | None = None


class ShareSpec(Schema):
    """A number of the exported scenario with where it comes from."""

    value: Annotated[float, Field(gt=0, le=1)]
    source: str
    status: Literal["seen", "computed", "memory", "analyst"]


class PairSpec(Schema):
    target: str
    predictor: str


class DemandShiftSpec(Schema):
    """Scenarios of a bull and a bear year of military demand, from the growth of a series; see `run.py comovement`."""

    series: str = Field(description="Series whose level, before transforms, grows with military demand.")
    periods: Whole = Field(12, description="Growth over so many observations.")
    bear: Level = Field(0.1, description="Quantile of growth in a bear year.")
    bull: Level = Field(0.9, description="Quantile of growth in a bull year.")
    dependence: PairSpec = Field(
        description="Whose dependence on whom, by phase, is recorded with the scenario."
    )
    calibration: str = "china-2009"
    year: int = 2010
    regions: str = "USA"
    goods: list[str] = ["electrical_optical", "machinery", "transport_equipment"]
    share: ShareSpec = Field(description="Part of the goods' final demand that is military.")


class StudySpec(Schema):
    study: str = Field(pattern=FILE_NAME)
    title: str
    question: str = ""
    note: str = ""
    tables: dict[str, TableSpec] = Field(min_length=1)
    window: Span = Span()
    missing: Literal["error", "complete", "pairwise"] = "error"
    series: dict[Annotated[str, Field(pattern=SERIES_NAME)], SeriesSpec] = Field(min_length=2)
    bootstrap: BootstrapSpec = BootstrapSpec()
    quantilograms: list[QuantilogramSpec] = []
    wavelets: list[WaveletSpec] = []
    phases: PhaseSpec = PhaseSpec()
    roles: dict[Literal["exports", "military", "volatility", "governance", "tension"], str] = {}
    demand_shift: DemandShiftSpec | None = None
