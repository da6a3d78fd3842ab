"""Numbers of a scenario: a value, or values by year, with unit, source and status.

In YAML a quantity is a number in the default unit, a mapping of years (steps, each holding until the next), or a
mapping with `value`, `steps` or `linear` beside `unit`, `source`, `status` and `note`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, TypeAlias, TypeVar, get_args

from pydantic import Discriminator, Field, GetCoreSchemaHandler, Tag, ValidationError, model_validator
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, core_schema

from calibration.errors import shown
from calibration.validate import Schema

Status: TypeAlias = Literal["seen", "computed", "memory", "analyst"]
Year: TypeAlias = Annotated[int, Field(ge=1900, le=2200)]
Loc: TypeAlias = tuple[str | int, ...]

SOFT: frozenset[Status] = frozenset({"memory", "analyst"})


class Figure(Schema):
    """One number and where it comes from."""

    value: float
    source: str | None = Field(None, description="Who published the number.")
    status: Status | None = Field(
        None,
        description="seen: read in the source; computed: arithmetic on a source; memory: recalled, unverified; "
        "analyst: a judgement.",
    )
    note: str | None = None


def _shape(value: Any) -> str:
    """Which form of a quantity stands in the file."""
    if not isinstance(value, Mapping):
        return "figure" if isinstance(value, Schema) else "number"
    years = any(str(key).lstrip("-").isdigit() for key in value)
    return "years" if years and not {"value", "steps", "linear"} & value.keys() else "figure"


Point: TypeAlias = Annotated[
    Annotated[float, Tag("number")] | Annotated[Figure, Tag("figure")], Discriminator(_shape)
]
Steps: TypeAlias = Annotated[
    dict[Year, Point], Field(min_length=1, json_schema_extra={"propertyNames": {"pattern": r"^\d{4}$"}})
]


class Dated(Schema):
    """A quantity with its unit: one `value`, or `steps` or a `linear` path by year."""

    UNITS: ClassVar[Mapping[str, float]] = {
        "": 1.0
    }  # unit -> value of one in the default unit, which is the first

    value: float | None = None
    steps: Steps | None = Field(None, description="Value by year; each holds until the next given year.")
    linear: Annotated[Steps, Field(min_length=2)] | None = Field(
        None, description="Value by year; in a straight line between the years, constant after the last."
    )
    source: str | None = Field(None, description="Who published the number.")
    status: Status | None = Field(
        None,
        description="seen: read in the source; computed: arithmetic on a source; memory: recalled, unverified; "
        "analyst: a judgement.",
    )
    note: str | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Dated:
        given = [name for name in ("value", "steps", "linear") if getattr(self, name) is not None]
        if len(given) != 1:
            raise PydanticCustomError(
                "one_form",
                f"has {' and '.join(given) or 'no number'}",
                {"expected": "one of value, steps, linear"},
            )
        return self


class Rate(Dated):
    """A rate: 0.25 is 25 %."""

    UNITS = {"ratio": 1.0, "%": 0.01}
    unit: Literal["ratio", "%"] = "ratio"


class Tonnes(Dated):
    """A weight per year."""

    UNITS = {"t": 1.0, "kt": 1000.0}
    unit: Literal["t", "kt"] = "t"


class Limit(Dated):
    """A weight per year, or a ratio to the base year."""

    UNITS = {"t": 1.0, "kt": 1000.0, "ratio": 1.0, "%": 0.01}
    unit: Literal["t", "kt", "ratio", "%"] = "t"


class Money(Dated):
    """Money per year."""

    UNITS = {"million USD": 1.0, "billion USD": 1000.0, "USD": 1e-6}
    unit: Literal["million USD", "billion USD", "USD"] = "million USD"


class Price(Dated):
    """A price per kg."""

    UNITS = {"USD/kg": 1.0, "USD/t": 0.001}
    unit: Literal["USD/kg", "USD/t"] = "USD/kg"


class CapacityCost(Schema):
    """What a unit of yearly capacity costs to build."""

    value: Annotated[float, Field(gt=0)]
    unit: Literal["USD/t", "USD/t REO", "ratio"] = Field(
        description="USD per tonne of yearly capacity, gross weight or rare-earth oxide; ratio: USD per USD of yearly "
        "sales at base-year prices."
    )
    source: str = Field(description="Who published the number, or whose judgement it is.")
    status: Status
    note: str | None = None


D = TypeVar("D")
Quantity: TypeAlias = Annotated[
    Annotated[float, Tag("number")] | Annotated[Steps, Tag("years")] | Annotated[D, Tag("figure")],
    Discriminator(_shape),
]
AnyQuantity: TypeAlias = float | Mapping[int, "float | Figure"] | Dated


@dataclass(frozen=True, slots=True)
class Within:
    """Bounds of a quantity, in its default unit; checked at every year."""

    above: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    below: float | None = None
    hint: str = ""  # what was probably meant when the upper bound is passed

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def check(self, quantity: Any) -> Any:
        faults = [
            InitErrorDetails(type=PydanticCustomError("bounds", *fault), loc=entry.loc, input=entry.value)
            for entry in entries(quantity)
            if (fault := self.fault(entry.value * scale(quantity), entry.value))
        ]
        if faults:
            raise ValidationError.from_exception_data("quantity", faults)
        return quantity

    def fault(self, value: float, written: float) -> tuple[Any, dict[str, Any]] | None:
        for bad, form, bound in (
            (self.above is not None and value <= self.above, "more than {:g}", self.above),
            (self.at_least is not None and value < self.at_least, "{:g} or more", self.at_least),
            (self.at_most is not None and value > self.at_most, "at most {:g}", self.at_most),
            (self.below is not None and value >= self.below, "less than {:g}", self.below),
        ):
            if bad and bound is not None:
                high = bound in (self.at_most, self.below)
                expected = form.format(bound) + (f" ({self.hint})" if self.hint and high else "")
                return f"got {shown(written)}", {"expected": expected}
        return None


@dataclass(frozen=True, slots=True)
class Entry:
    """One number of a quantity as the file has it."""

    year: int | None
    value: float
    loc: Loc
    source: str | None
    status: Status | None
    note: str | None


def entries(quantity: AnyQuantity) -> Iterator[Entry]:
    """The numbers of a quantity, in its own unit; those without a source of their own have the quantity's."""
    if isinstance(quantity, Dated):
        around = (quantity.source, quantity.status, quantity.note)
        if quantity.value is not None:
            yield Entry(None, quantity.value, ("value",), *around)
        for form in ("steps", "linear"):
            yield from _points(getattr(quantity, form) or {}, (form,), around)
    elif isinstance(quantity, Mapping):
        yield from _points(quantity, (), (None, None, None))
    else:
        yield Entry(None, quantity, (), None, None, None)


def _points(steps: Mapping[int, float | Figure], loc: Loc, around: tuple[Any, Any, Any]) -> Iterator[Entry]:
    for year, point in sorted(steps.items()):
        if isinstance(point, Figure):
            own = (point.source or around[0], point.status or around[1], point.note or around[2])
            yield Entry(year, point.value, (*loc, year, "value"), *own)
        else:
            yield Entry(year, point, (*loc, year), *around)


def scale(quantity: AnyQuantity) -> float:
    """Value in the default unit of one in the quantity's unit."""
    return quantity.UNITS[unit(quantity)] if isinstance(quantity, Dated) else 1.0


def unit(quantity: AnyQuantity) -> str:
    """Unit as written, "" when the quantity is a plain number in the default unit."""
    return str(getattr(quantity, "unit", ""))


def default_unit(annotation: Any) -> str:
    """Unit of a plain number where this is annotated: the first of its kind's; "" where it is of none."""
    if isinstance(annotation, type) and issubclass(annotation, Dated):
        return next(iter(annotation.UNITS))
    return next(filter(None, map(default_unit, get_args(annotation))), "")


def is_ratio(quantity: AnyQuantity) -> bool:
    """Whether a limit is given relative to the base year."""
    return unit(quantity) in ("ratio", "%")


def start(quantity: AnyQuantity) -> int | None:
    """First given year; None when one value holds always."""
    return next(iter(entries(quantity))).year


def at(quantity: AnyQuantity | None, year: int | None) -> float | None:
    """Value in a year, in the default unit; None before the first given year (and for no quantity).

    Without a year only a quantity that is the same in every year has a value; one with years raises ValueError.
    """
    if quantity is None:
        return None
    points = [(entry.year, entry.value * scale(quantity)) for entry in entries(quantity)]
    if points[0][0] is None:
        return points[0][1]
    if year is None:
        raise ValueError("a quantity with values by year needs a year")
    before = [(y, v) for y, v in points if y is not None and y <= year]
    after = [(y, v) for y, v in points if y is not None and y > year]
    if not before:
        return None
    (first, value) = before[-1]
    if isinstance(quantity, Dated) and quantity.linear is not None and after:
        last, final = after[0]
        return value + (final - value) * (year - first) / (last - first)
    return value
