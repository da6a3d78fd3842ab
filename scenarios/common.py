"""What instruments share: a name, years in force, targets, bounds of their numbers."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, TypeAlias

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from calibration.errors import shown
from calibration.validate import Schema
from scenarios import quantities
from scenarios.quantities import AnyQuantity, Money, Quantity, Rate, Tonnes, Within, Year
from scenarios.selectors import Selector

PERCENT = "for percent write {value: ..., unit: '%'}"
Tax: TypeAlias = Annotated[Quantity[Rate], Within(above=-1, at_most=20, hint=PERCENT)]
Share: TypeAlias = Annotated[Quantity[Rate], Within(at_least=0, at_most=1, hint=PERCENT)]
Multiplier: TypeAlias = Annotated[Quantity[Rate], Within(above=0, at_most=100, hint=PERCENT)]
Weight: TypeAlias = Annotated[Quantity[Tonnes], Within(at_least=0, at_most=1e9)]
Amount: TypeAlias = Annotated[Quantity[Money], Within(at_least=0, at_most=1e7)]
NAME = r"[a-z0-9][a-z0-9._-]*"


def _a_name(name: str) -> str:
    """A name that can be a file's name and part of a path in results."""
    if re.fullmatch(NAME, name) is None:
        raise PydanticCustomError(
            "name", f"got {shown(name)}", {"expected": "small letters, digits, and - . _ between"}
        )
    return name


Name: TypeAlias = Annotated[str, AfterValidator(_a_name), Field(json_schema_extra={"pattern": f"^{NAME}$"})]


class Instrument(Schema):
    """What every instrument has: a name and the years in which it is in force."""

    summary: ClassVar[str]  # one line on what it does, for the reference
    overlap: ClassVar[str]  # what happens where two lines of this type meet
    secondary: ClassVar[
        tuple[str, ...]
    ] = ()  # quantities whose years do not decide when the instrument is in force

    name: Name = Field("", description="Name in results and decompositions; the type when left out.")
    from_year: Year | None = Field(
        None, alias="from", description="First year in force; from the start if left out."
    )
    until_year: Year | None = Field(
        None, alias="until", description="Last year in force; to the end if left out."
    )
    note: str | None = None

    @model_validator(mode="after")
    def _years_in_order(self) -> Instrument:
        if self.from_year is not None and self.until_year is not None and self.from_year > self.until_year:
            text = f"until {self.until_year} is before from {self.from_year}"
            raise PydanticCustomError("years", text, {"cure": {"from": None, "until": None}})
        return self

    def numbers(self) -> dict[str, AnyQuantity]:
        """The quantities given, by field."""
        given = {
            name: getattr(self, name) for name in type(self).model_fields if name in self.model_fields_set
        }
        return {
            name: value for name, value in given.items() if isinstance(value, float | dict | quantities.Dated)
        }

    def _starts(self) -> list[int | None]:
        return [
            quantities.start(value) for name, value in self.numbers().items() if name not in self.secondary
        ]

    def years(self) -> tuple[int, ...]:
        """The years that it names, of each number the first; none where nothing depends on the year."""
        starts = (quantities.start(number) for number in self.numbers().values())
        return tuple(year for year in (self.from_year, self.until_year, *starts) if year is not None)

    def first_year(self) -> int | None:
        """First year in force; None when it is always. A number without years holds in every year."""
        starts = self._starts()
        given = [year for year in starts if year is not None]
        if not given or len(given) < len(starts):
            return self.from_year
        return max(min(given), self.from_year or 0)

    def in_force(self, year: int | None) -> bool:
        """Whether the instrument acts in a year."""
        if year is None:
            return True
        first, last = self.first_year(), self.until_year
        return (first is None or year >= first) and (last is None or year <= last)

    def total(self, quantity: AnyQuantity | None, year: int | None, since: int | None = None) -> float:
        """Sum of a yearly quantity over the years in force up to a year, from `since` when it has no first year."""
        first = self.first_year() or since
        years = (year,) if year is None or first is None else range(first, year + 1)
        return sum(quantities.at(quantity, y) or 0.0 for y in years if self.in_force(y))


class OnGoods(Instrument):
    """Aimed at goods."""

    elements: Selector | None = Field(
        None, description="Rare earths: `all`, names such as [Dy, Tb], or a group such as `heavy`."
    )
    goods: Selector | None = Field(None, description="Goods by name, `all`, or a group; added to `elements`.")

    @model_validator(mode="after")
    def _some_goods(self) -> OnGoods:
        if self.elements is None and self.goods is None:
            hint = {"expected": "elements: or goods:", "cure": {"elements": "all"}}
            raise PydanticCustomError("missing_goods", "names no goods", hint)
        return self


class OnTrade(OnGoods):
    """Aimed at trade between regions; never at sales at home."""

    origins: Selector = Field("all", description="Regions that sell.")
    destinations: Selector = Field("all", description="Regions that buy.")


class RateLine(Schema):
    """A rate that is set, or a change that is added to the rate so far."""

    rate: Tax | None = Field(None, description="The rate; replaces the base year's and any earlier line's.")
    add: Tax | None = Field(None, description="Added to the base year's rate or to an earlier line's.")

    @model_validator(mode="after")
    def _one(self) -> RateLine:
        if (self.rate is None) == (self.add is None):
            cure = {"rate": 0} if self.rate is None else {"add": None}
            hint = {"expected": "either rate: or add:", "cure": cure}
            raise PydanticCustomError("rate_or_add", "needs a rate", hint)
        return self
