"""What a calibration YAML may say. Names of regions and so on are checked where they are known (`naming`)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from calibration.validate import Schema

Status = Literal["seen", "computed", "memory", "analyst"]
Range = tuple[float, float]
Text = Annotated[str, Field(min_length=1)]


class Entry(Schema):
    """One parameter: where it comes from and how far it can be trusted."""

    unit: Text
    source: Text
    status: Status
    soft: tuple[str, ...] = ()  # names within the value that are less sure than `status` says


Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Amount = Annotated[float, Field(ge=0)]
Score = Annotated[float, Field(ge=0, le=100)]


def _ordered(span: Range) -> Range:
    if span[0] > span[1]:
        text = f"the range runs from {span[0]:g} to {span[1]:g}"
        raise PydanticCustomError("range", text, {"expected": "the smaller number first"})
    return span


class Scalar(Entry):
    """A single number."""

    value: float
    range: Range  # level

    _check_range = field_validator("range")(_ordered)

    @model_validator(mode="after")
    def _in_range(self) -> Scalar:
        low, high = self.range
        if not low <= self.value <= high:
            text = f"value {self.value:g} is outside its range"
            hint = {"expected": f"{low:g} to {high:g}", "cure": {"range": [self.value, self.value]}}
            raise PydanticCustomError("range", text, hint)
        return self


class Names(Entry):
    """One number for each name; `default` stands for the names that are left out."""

    value: dict[str, float]
    range_factor: Range  # multiplies all values

    _check_range = field_validator("range_factor")(_ordered)


class Grid(Entry):
    """A number for each pair of names; in the inner mapping `default` stands for the names that are left out."""

    value: dict[str, dict[str, float]]
    range_factor: Range

    _check_range = field_validator("range_factor")(_ordered)


# The same with bounds. Classes of their own, not generic ones: those cannot be sent to another process.
class ShareScalar(Scalar):
    value: Share


class PositiveScalar(Scalar):
    value: Positive


class AmountScalar(Scalar):
    value: Amount


class ShareNames(Names):
    value: dict[str, Share]


class PositiveNames(Names):
    value: dict[str, Positive]


class AmountNames(Names):
    value: dict[str, Amount]


class ScoreNames(Names):
    value: dict[str, Score]


class ShareGrid(Grid):
    value: dict[str, dict[str, Share]]


class PositiveGrid(Grid):
    value: dict[str, dict[str, Positive]]


class AmountGrid(Grid):
    value: dict[str, dict[str, Amount]]


class Mobility(Entry):
    value: dict[str, Amount | Literal["mobile"]]


class RegionWeights(Entry):
    value: Literal["trade", "uniform", "own"]


class SectorWeights(Entry):
    value: Literal["input_output", "uniform", "own"]


class Closure(Entry):
    value: Literal["region", "sector"]


class RareEarths(Schema):
    """The rare-earth chain in tonnes and prices: what `carve` takes out of the host table."""

    oxide_price: PositiveNames
    export_duty: AmountNames
    vat_not_refunded: ShareScalar
    base_licence: AmountScalar
    reo_content: PositiveNames
    mine_output: AmountNames
    concentrate_destination: ShareGrid
    concentrate_price_limit: AmountScalar
    ore_composition: AmountGrid
    ore_mix: ShareGrid
    element_by_application: AmountGrid
    application_to_sector: ShareGrid
    application_by_region: AmountGrid
    home_share_of_elements: ShareNames
    reprocessing_share_limit: ShareScalar
    concentrate_cost_share: ShareScalar
    value_added_share: ShareNames
    magnet_price: PositiveNames
    magnet_home_share: ShareNames
    magnet_buyers: AmountNames
    latent_capacity: PositiveGrid
    customs_total: PositiveNames | None = None
    customs_destination: PositiveGrid | None = None


class ModelParameters(Schema):
    """Elasticities, research and capacity: what `model.Parameters` and the factor shares are made of."""

    trade_theta: PositiveNames
    trade_sigma_rare_earths: PositiveNames
    value_added_elasticity: AmountNames
    materials_elasticity: AmountNames
    factor_elasticity: AmountNames
    substitutability: ScoreNames
    ree_elasticity_max: AmountScalar
    ree_elasticity_min: AmountScalar
    ree_elasticity: AmountNames
    element_elasticity: AmountNames
    transformation_elasticity: AmountNames
    price_floor: ShareNames | None = None
    final_elasticity: AmountScalar
    factor_mobility: Mobility
    supply_elasticity: PositiveGrid
    labour_share: ShareNames
    research_intensity: ShareNames
    research_by_region: AmountNames
    innovation_elasticity: AmountNames
    innovation_elasticity_other: AmountScalar
    spillover: AmountScalar
    spillover_other: AmountScalar
    spillover_region: RegionWeights
    spillover_sector: SectorWeights
    breadth: AmountScalar
    breadth_reference: PositiveScalar
    research_supply_elasticity: AmountScalar
    research_closure: Closure
    learning: ShareScalar
    forgetting: ShareScalar
    capacity_weight: AmountNames
    capacity_response: AmountNames
    capacity_expansion: ShareNames
    capacity_exit: ShareNames
    capacity_scrapping: ShareNames
    build_time: AmountNames


class WorldSource(Schema):
    """The world table a calibration is built from, below the folder given on the command line."""

    reader: Text  # a name of sources.READERS
    file: Text
    year: int
    factor: float | None = None  # million USD in one unit of the file; None: the reader's own
    negative_flows: Literal["refuse", "zero"] = "refuse"


class TradeSource(Schema):
    reader: Literal["baci"]
    file: Text
    year: int


class Sources(Schema):
    world_table: WorldSource
    rare_earth_trade: TradeSource


class Rebase(Schema):
    """A table of an older year brought to the size of a newer one, region by region."""

    growth: PositiveNames  # nominal GDP in USD of the newer year over that of the table's year


Measure = Literal[
    "world_value_at_export_prices",
    "world_tonnes_reo",
    "mined_reo",
    "production_reo",
    "production_share",
    "export_tonnes",
    "export_value",
    "home_use_share",
    "use_reo",
    "use_share_of_sector",
    "host_output",
]


class Fact(Schema):
    """A figure to hold the base year against."""

    measure: Measure
    value: float
    unit: Text
    source: Text
    status: Status
    imposed: (
        bool  # True: the base year is built to meet it; False: it is not, and the difference tells something
    )
    region: str = ""
    element: str = ""
    sector: str = ""


class Hosts(Schema):
    """The sector of the source table out of which each stage of the chain is carved."""

    ree_mining: Text = "mining"
    ree_separation: Text = "chemicals"
    magnets: Text = "electrical_optical"


class CalibrationFile(Schema):
    """A calibration YAML."""

    name: Text
    based_on: str | None = None
    title: Text
    year: int
    tables: Text
    concordance: Text
    elements: Annotated[tuple[str, ...], Field(min_length=1)]
    origin_of_customs_data: Text
    use_classes: Literal[1, 2] = 1
    hosts: Hosts = Hosts()
    limits: tuple[str, ...]
    facts: tuple[Fact, ...] = ()
    sources: Sources
    rebase: Rebase | None = None
    rare_earths: RareEarths
    parameters: ModelParameters

    @field_validator("elements")
    @classmethod
    def _each_once(cls, elements: tuple[str, ...]) -> tuple[str, ...]:
        twice = sorted({name for name in elements if elements.count(name) > 1})
        if twice:
            raise PydanticCustomError(
                "twice", f"{', '.join(twice)} stands twice", {"expected": "each element once"}
            )
        return elements


class OtherNames(Schema):
    """How names of another classification in parameter files lead to this one's; see `naming.Axis`."""

    like: dict[str, str] = {}
    within: dict[str, str] = {}


class ParameterNames(Schema):
    regions: OtherNames = OtherNames()
    sectors: OtherNames = OtherNames()


class UsDetail(Schema):
    """How the detail industries of the US BEA relate to sectors, applications and magnets."""

    sectors: dict[str, tuple[str, ...]]
    hosts: dict[Literal["elements", "magnets"], str]
    applications: dict[str, dict[str, float]]
    magnets: dict[str, dict[str, float]]


class Concordance(Schema):
    """How economies and sectors of a source are grouped; the groups' order is that of the calibration."""

    regions: dict[str, Annotated[tuple[str, ...], Field(min_length=1)]]
    sectors: dict[str, Annotated[tuple[str, ...], Field(min_length=1)]]
    trade_names: dict[str, tuple[str, ...]] = {}
    rest: str = ""
    parameter_names: ParameterNames = ParameterNames()
