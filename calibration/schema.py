"""What a calibration YAML may say. Names of regions and so on are checked where they are known (`naming`)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

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


class Scalar(Entry):
    value: float
    range: Range  # level


class Names(Entry):
    """One number for each name; `default` stands for the names that are left out."""

    value: dict[str, float]
    range_factor: Range  # multiplies all values


class Grid(Entry):
    """A number for each pair of names; in the inner mapping `default` stands for the names that are left out."""

    value: dict[str, dict[str, float]]
    range_factor: Range


class Mobility(Entry):
    value: dict[str, float | Literal["mobile"]]


class RegionWeights(Entry):
    value: Literal["trade", "uniform", "own"]


class SectorWeights(Entry):
    value: Literal["input_output", "uniform", "own"]


class Closure(Entry):
    value: Literal["region", "sector"]


class RareEarths(Schema):
    """The rare-earth chain in tonnes and prices: what `carve` takes out of the host table."""

    oxide_price: Names
    export_duty: Names
    vat_not_refunded: Scalar
    reo_content: Names
    mine_output: Names
    concentrate_destination: Grid
    concentrate_price_limit: Scalar
    ore_composition: Grid
    ore_mix: Grid
    element_by_application: Grid
    application_to_sector: Grid
    application_by_region: Grid
    home_share_of_elements: Names
    reprocessing_share_limit: Scalar
    concentrate_cost_share: Scalar
    value_added_share: Names
    magnet_price: Names
    magnet_home_share: Names
    magnet_buyers: Names
    latent_capacity: Grid
    customs_total: Names | None = None
    customs_destination: Grid | None = None


class ModelParameters(Schema):
    """Elasticities, research and capacity: what `model.Parameters` and the factor shares are made of."""

    trade_theta: Names
    trade_sigma_rare_earths: Names
    value_added_elasticity: Names
    materials_elasticity: Names
    factor_elasticity: Names
    substitutability: Names
    ree_elasticity_max: Scalar
    ree_elasticity_min: Scalar
    ree_elasticity: Names
    element_elasticity: Names
    transformation_elasticity: Names
    final_elasticity: Scalar
    factor_mobility: Mobility
    supply_elasticity: Grid
    labour_share: Names
    research_intensity: Names
    research_by_region: Names
    innovation_elasticity: Names
    innovation_elasticity_other: Scalar
    spillover: Scalar
    spillover_other: Scalar
    spillover_region: RegionWeights
    spillover_sector: SectorWeights
    breadth: Scalar
    breadth_reference: Scalar
    research_supply_elasticity: Scalar
    research_closure: Closure
    learning: Scalar
    forgetting: Scalar
    capacity_weight: Names
    capacity_response: Names
    capacity_expansion: Names
    capacity_exit: Names
    build_time: Names


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

    growth: Names  # nominal GDP in USD of the newer year over that of the table's year


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

    regions: dict[str, tuple[str, ...]]
    sectors: dict[str, tuple[str, ...]]
    trade_names: dict[str, tuple[str, ...]] = {}
    rest: str = ""
    parameter_names: ParameterNames = ParameterNames()
