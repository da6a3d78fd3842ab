"""The instruments of policy that a scenario combines: section 5 of docs/model.md.

Each is one entry of `instruments:`, told apart by `type`. What happens where two entries meet is said in the class.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from scenarios import quantities
from scenarios.common import (
    PERCENT,
    Amount,
    Instrument,
    Multiplier,
    OnGoods,
    OnTrade,
    RateLine,
    Share,
    Weight,
)  # fmt: skip
from scenarios.quantities import Limit, Price, Quantity, Rate, Within
from scenarios.selectors import Selector

LATER_REPLACES = (
    "A later line replaces an earlier one where both apply; `add` is added to what stands so far."
)


class ExportTax(OnTrade, RateLine):
    summary = "A tax on exports, part of the price at the border, paid to the exporter's treasury (E1)."
    overlap = LATER_REPLACES
    type: Literal["export_tax"]


class Tariff(OnTrade, RateLine):
    summary = (
        "A tax on imports, on the price with export tax and licence, paid to the importer's treasury (E1)."
    )
    overlap = LATER_REPLACES
    type: Literal["tariff"]


class Friction(OnTrade):
    summary = "Trade cost that nobody collects, as melting ice: delays, inspections, licences that take months (E1)."
    overlap = "Frictions multiply."
    type: Literal["friction"]
    cost: Annotated[Quantity[Rate], Within(above=-1, at_most=100, hint=PERCENT)] = Field(
        description="Share of the delivered quantity that must be shipped on top: 0.1 is 1.1 shipped per 1 delivered."
    )


class Embargo(OnTrade):
    summary = "No trade in the goods between the regions; in other goods and by other ways trade goes on."
    overlap = "Embargoes unite."
    type: Literal["embargo"]


class ExportQuota(OnTrade):
    summary = "A limit on exports in tonnes; the licence to export gets a price when it binds (E12-E14)."
    overlap = "Quotas add: a sale that two quotas cover needs a licence of each."
    secondary = ("rent_to_importer", "leak_margin")
    type: Literal["export_quota"]
    limit: Annotated[Quantity[Limit], Within(at_least=0, at_most=1e9)] = Field(
        description="Most that may be exported a year, over all the goods and destinations together; "
        "in `ratio` or `%`: of base-year exports. 0 is an embargo."
    )
    weight: Literal["gross", "reo"] = Field(
        "gross", description="What is counted: gross weight, or the content of rare-earth oxide."
    )
    licence: Literal["specific", "ad_valorem"] = Field(
        "specific", description="One licence price per kg on every good, or one rate on the value."
    )
    rent_to_importer: Share | None = Field(None, description="Share of the rent that goes to importers.")
    leak_margin: Annotated[Quantity[Price], Within(at_least=0, at_most=1e6)] | None = Field(
        None,
        description="What smuggling costs; at this licence price the rest leaks. No leak if left out.",
    )


class ProductionQuota(OnGoods):
    summary = (
        "A limit on what one region makes and sells, in tonnes; the rent stays there. Waste does not count."
    )
    overlap = "Quotas add: each binds by itself."
    type: Literal["production_quota"]
    region: str
    limit: Annotated[Quantity[Limit], Within(above=0, at_most=1e9)] = Field(
        description="Most that may be made and sold a year, over all the goods; in `ratio` or `%`: of base-year output."
    )
    weight: Literal["gross", "reo"] = Field("reo", description="What is counted.")


class ProductionSubsidy(Instrument, RateLine):
    summary = "A subsidy on the sales of sectors, paid by their region (E7)."
    overlap = LATER_REPLACES
    type: Literal["production_subsidy"]
    regions: Selector
    sectors: Selector


class UseSubsidy(OnGoods):
    summary = "A part of the purchaser's price of goods that the user's region pays (E8)."
    overlap = "A later line replaces an earlier one where both apply."
    type: Literal["use_subsidy"]
    regions: Selector
    rate: Annotated[Quantity[Rate], Within(above=-20, below=1, hint=PERCENT)] = Field(
        description="Share of the price; a negative rate is a tax on use."
    )


class ResearchSubsidy(Instrument):
    summary = "A subsidy on research aimed at chosen inputs, paid by the region (E15)."
    overlap = "Rates add."
    type: Literal["research_subsidy"]
    regions: Selector
    sectors: Selector = "all"
    technologies: Selector = Field(
        "elements", description="What research saves: elements, groups of them, or X (all other inputs)."
    )
    rate: Annotated[Quantity[Rate], Within(above=-1, at_most=1000)] | None = Field(
        None, description="Subsidy per USD of research."
    )
    spending: Amount | None = Field(
        None,
        description="Outlay a year instead of a rate: one rate on all research covered, that costs this at "
        "base-year research.",
    )

    @model_validator(mode="after")
    def _one(self) -> ResearchSubsidy:
        if (self.rate is None) == (self.spending is None):
            cure = {"rate": 0} if self.rate is None else {"spending": None}
            hint = {"expected": "either rate: or spending:", "cure": cure}
            raise PydanticCustomError("rate_or_spending", "needs an amount", hint)
        return self


class CapacityInvestment(Instrument):
    summary = "Public money for mines, separation plants or magnet works, usable after a build time (E22)."
    overlap = "Investments add."
    type: Literal["capacity_investment"]
    region: str = Field(
        description="Where it is built; the region must have some of that stage in the calibration."
    )
    stage: str
    spending: Amount = Field(description="Outlay a year, on the final bundle of the region that pays.")
    capacity_cost: quantities.CapacityCost = Field(
        description="What a unit of yearly capacity costs: `value`, `unit`, `source` and `status`, all four required."
    )
    build_time: Annotated[int, Field(ge=0, le=30)] = Field(description="Whole years from outlay to use.")
    paid_by: str | None = Field(None, description="Region whose income pays; the region itself if left out.")


class Stockpile(OnGoods):
    summary = "Tonnes bought for a stock or sold from it (E9, E23)."
    overlap = "Stockpiles add; each sells what it holds itself."
    secondary = ("initial",)
    type: Literal["stockpile"]
    regions: Selector = Field(
        description="Holders; tonnes are split over them and the goods as in base-year use."
    )
    purchase: Weight | None = Field(None, description="Bought a year.")
    release: Weight | None = Field(
        None,
        description="Sold a year; never more than is held, or than the holder uses: it is not sold abroad.",
    )
    initial: Annotated[float, Field(ge=0, le=1e9)] = Field(
        0.0, description="Tonnes held before the first year, and before the line's own purchases."
    )

    @model_validator(mode="after")
    def _some(self) -> Stockpile:
        if self.purchase is None and self.release is None:
            hint = {"expected": "purchase: or release:", "cure": {"purchase": 0}}
            raise PydanticCustomError("no_flow", "moves nothing", hint)
        return self

    def held(self, year: int | None, since: int | None = None) -> float:
        """Tonnes held at the end of a year (E23), when the first year is `since` or later."""
        return self.initial + self.total(self.purchase, year, since) - self.total(self.release, year, since)


class Recycling(OnGoods):
    summary = "Recovered material that replaces purchases, at a cost (E9)."
    overlap = "Tonnes add; the cost is their average."
    secondary = ("cost",)
    type: Literal["recycling"]
    regions: Selector = Field(description="Where it is recovered and used; split as in base-year use.")
    tonnes: Annotated[Quantity[Limit], Within(at_least=0, at_most=1e9)] = Field(
        description="Recovered a year; in `ratio` or `%`: of base-year use."
    )
    cost: Annotated[Quantity[Rate], Within(at_least=0, at_most=10, hint=PERCENT)] = Field(
        description="Cost as a share of what buyers paid for it in the base year; it does not rise with the price."
    )


class DemandShift(OnGoods):
    summary = (
        "Final demand for goods is raised or lowered; the rest of final demand makes room (military demand)."
    )
    overlap = "Multipliers multiply."
    secondary = ("share",)
    type: Literal["demand_shift"]
    regions: Selector
    multiplier: Multiplier = Field(
        description="Of the part of final demand that shifts: 1.2 is a fifth more."
    )
    share: Share = Field(1.0, description="Part of the good's final demand that shifts.")


class Productivity(Instrument):
    summary = "More or less output from the same inputs."
    overlap = "Multipliers multiply."
    type: Literal["productivity"]
    regions: Selector
    sectors: Selector
    multiplier: Multiplier = Field(description="1.01 is one per cent more from the same inputs.")


class RemoveBaseLicence(Instrument):
    summary = "The licence price that the base year already has is dropped (section 5)."
    overlap = "Once is enough."
    type: Literal["remove_base_licence"]


AnyInstrument: TypeAlias = Annotated[
    ExportTax
    | Tariff
    | Friction
    | Embargo
    | ExportQuota
    | ProductionQuota
    | ProductionSubsidy
    | UseSubsidy
    | ResearchSubsidy
    | CapacityInvestment
    | Stockpile
    | Recycling
    | DemandShift
    | Productivity
    | RemoveBaseLicence,
    Field(discriminator="type"),
]
