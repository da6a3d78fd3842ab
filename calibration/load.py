"""A calibration: YAML and host table -> `Benchmark`, labels, and the table of parameters with their sources."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from calibration import host as host_tables
from calibration import identities, parameters, strict_yaml
from calibration.base_year import assemble, remove_negative_final
from calibration.carve import MAGNETS, Carved, CarveData, carve
from calibration.chain import Chain, ChainData, build_chain
from calibration.errors import InputError, Problem, nearest, one_of
from calibration.naming import Namer
from calibration.schema import CalibrationFile, Concordance, Entry
from calibration.validate import validate
from model.records import Benchmark, Labels

Array = npt.NDArray[np.float64]

FOLDER = Path(__file__).parent
STAGES = ("ree_mining", "ree_separation", "magnets")
HOSTS = {"ree_mining": "mining", "ree_separation": "chemicals", "magnets": "electrical_optical"}
FACTORS = ("labour", "capital", "resource")
SOFT = ("memory", "analyst")


@dataclass(frozen=True)
class Parameter:
    """One line of the provenance table."""

    name: str
    value: Any
    unit: str
    source: str
    status: str
    range: tuple[float, float] | None  # level of a single number, factor of a table
    soft: bool  # status memory or analyst, or some of its cells are


@dataclass(frozen=True)
class Calibration:
    """A base year ready to solve."""

    name: str
    title: str
    year: int
    benchmark: Benchmark
    labels: Labels
    parameters_table: tuple[Parameter, ...]
    limits: tuple[str, ...]  # stated on every result
    path: Path
    hashes: dict[str, str]  # SHA-256 of the YAML, the concordance and every table
    chain: Chain = field(repr=False)
    carved: Carved = field(repr=False)
    host: host_tables.Host = field(repr=False)
    notes: tuple[str, ...] = ()  # what was adjusted, with amounts
    vat_not_refunded: float = 0.0  # part of the export tax on elements: 1 + x0 = (1 + duty)(1 + VAT)
    latent_capacity: dict[tuple[str, str], float] = field(default_factory=dict)  # (region, stage) -> K of E22


def find(path_or_name: str | Path) -> Path:
    """The file of a calibration given by path or by the name of one that is shipped."""
    path = Path(path_or_name)
    if path.suffix in (".yaml", ".yml"):
        return path
    shipped = FOLDER / f"{path_or_name}.yaml"
    if not shipped.is_file():
        names = sorted(p.stem for p in FOLDER.glob("*.yaml"))
        raise InputError(
            Problem(
                f"no calibration {str(path_or_name)!r}",
                expected=f"a path ending in .yaml, or {one_of(names)}",
                suggestion=nearest(path_or_name, names),
            )
        )
    return shipped


def load(path_or_name: str | Path) -> Calibration:
    """Read a calibration, carve out the rare-earth chain and balance the base year. Raises InputError."""
    path = find(path_or_name)
    document = strict_yaml.load(path)
    settings = validate(CalibrationFile, document)
    concordance_path = path.parent / settings.concordance
    concordance = validate(Concordance, strict_yaml.load(concordance_path))
    regions, sectors = tuple(concordance.regions), tuple(concordance.sectors)
    folder = path.parent / settings.tables
    host = host_tables.read(folder, regions, sectors)
    calibration = build(settings, document, host)
    return Calibration(
        **{**calibration, "path": path, "hashes": _hashes([path, concordance_path], folder)},
    )


def build(
    settings: CalibrationFile, document: strict_yaml.Document, host: host_tables.Host
) -> dict[str, Any]:
    """Everything of a `Calibration` but its path and hashes."""
    labels = Labels(
        regions=host.regions,
        sectors=host.sectors + STAGES,
        goods=(*host.sectors, "concentrate", *settings.elements, "magnets"),
        factors=FACTORS,
        elements=settings.elements,
        stages=STAGES,
    )
    namer = Namer(document)
    chain_data, carve_data = _chain_inputs(settings, namer, host, labels)
    namer.finish()
    chain = build_chain(chain_data)
    final_trade, moved, added = remove_negative_final(host.intermediate_trade, host.final_trade)
    carved = carve(carve_data, chain, host.intermediate_trade, host.use, final_trade)
    e = len(labels.elements)
    k = len(host.sectors)
    elements = np.arange(k + 1, k + 1 + e)
    shares = parameters.shares(settings.parameters, namer, labels, carved)
    namer.finish()
    export_tax = np.zeros((len(labels.regions), len(labels.regions), len(labels.goods)))
    origin = chain_data.customs_origin
    export_tax[origin][:, elements] = chain_data.export_tax
    export_tax[origin, origin] = 0.0
    arrays = assemble(carved, _makes(labels), export_tax, shares, settings.use_classes)
    benchmark = Benchmark(
        **arrays,
        export_tax=export_tax,
        tariff=np.zeros_like(export_tax),
        subsidy=np.zeros_like(arrays["output"]),
        licence=np.zeros((len(labels.regions), len(labels.goods))),
        unit_value=_unit_values(chain, carve_data, labels),
        reo_content=_reo_content(chain_data, carve_data, labels),
        elements=elements,
        parameters=parameters.model_parameters(settings.parameters, namer, labels, arrays, elements),
        use_class=np.zeros(len(labels.sectors), dtype=int),
        final_class=settings.use_classes - 1,
        stage_sector=np.arange(k, k + len(STAGES)),
        labour=0,
        numeraire=np.array([True, True, False]),
    )
    namer.finish()
    identities.check(benchmark, labels, document.file)
    gap = np.abs(
        host.use.sum(1) * 0 + host.intermediate_trade.sum(1) + host.final_trade.sum(1) - host.stated_output
    )
    return {
        "name": settings.name,
        "title": settings.title,
        "year": settings.year,
        "benchmark": benchmark,
        "labels": labels,
        "parameters_table": provenance(settings),
        "limits": settings.limits,
        "chain": chain,
        "carved": carved,
        "host": host,
        "notes": (
            f"Output is the sum of sales; the source table states it within {gap.max():,.0f} million USD (rounding).",
            f"Falls of stocks: {moved:,.0f} million USD of negative final sales set to zero; {added:,.0f} of them exceed "
            "the other final sales of their origin and good and count as output.",
            *(f"Balancing moved {amount:.3g} million USD: {what}." for what, amount in carved.moved.items()),
        ),
        "vat_not_refunded": settings.rare_earths.vat_not_refunded.value,
        "latent_capacity": _latent(settings, chain_data, labels),
    }


def provenance(settings: CalibrationFile) -> tuple[Parameter, ...]:
    """Every parameter of the file with its unit, source, status and range."""
    table = []
    for group in (settings.rare_earths, settings.parameters):
        for name in type(group).model_fields:
            entry: Entry = getattr(group, name)
            span = getattr(entry, "range", None) or getattr(entry, "range_factor", None)
            soft = entry.status in SOFT or bool(entry.soft)
            table.append(Parameter(name, entry.value, entry.unit, entry.source, entry.status, span, soft))  # type: ignore[attr-defined]
    return tuple(table)


def _chain_inputs(
    settings: CalibrationFile, namer: Namer, host: host_tables.Host, labels: Labels
) -> tuple[ChainData, CarveData]:
    """The arrays of the chain from the names of the file."""
    r = settings.rare_earths
    regions, elements = labels.regions, labels.elements
    applications, ores = tuple(r.element_by_application.value), tuple(r.ore_composition.value)

    def at(name: str) -> tuple[str, str]:
        return ("rare_earths", name)

    def by_region(name: str, missing: float | None = 0.0) -> Array:
        return namer.vector(getattr(r, name), regions, at(name), kind="region", missing=missing)

    def by_element(name: str) -> Array:
        return namer.vector(getattr(r, name), elements, at(name), kind="element")

    def grid(name: str, rows: tuple[str, ...], columns: tuple[str, ...], *kinds: str) -> Array:
        return namer.grid(getattr(r, name), rows, columns, at(name), kinds=(kinds[0], kinds[1]))

    content = namer.vector(
        r.reo_content, ("concentrate", *elements, "magnets"), at("reo_content"), kind="rare-earth good"
    )
    if settings.origin_of_customs_data not in regions:
        namer.problems.append(
            namer.document.problem(
                ("origin_of_customs_data",),
                f"unknown region {settings.origin_of_customs_data!r}",
                one_of(regions),
            )
        )
        namer.finish()
    origin = regions.index(settings.origin_of_customs_data)
    wedge = (1 + by_element("export_duty")) * (1 + r.vat_not_refunded.value) - 1
    chain = ChainData(
        customs_origin=origin,
        oxide_price=by_element("oxide_price"),
        export_tax=wedge,
        reo_content=content[1:-1],
        mine_output=by_region("mine_output"),
        concentrate_trade=grid("concentrate_trade", regions, regions, "region", "region"),
        concentrate_content=float(content[0]),
        concentrate_price_limit=r.concentrate_price_limit.value,
        concentrate_cost_share=r.concentrate_cost_share.value,
        ore_composition=grid("ore_composition", ores, elements, "ore", "element"),
        ore_mix=grid("ore_mix", regions, ores, "region", "ore"),
        element_by_application=grid(
            "element_by_application", applications, elements, "application", "element"
        ),
        application_to_sector=grid(
            "application_to_sector", applications, labels.sectors, "application", "sector"
        ),
        application_by_region=grid("application_by_region", applications, regions, "application", "region"),
        home_share=by_region("home_share_of_elements", 1.0),
        reprocessing_limit=r.reprocessing_share_limit.value,
        reprocessing_sector=labels.sectors.index("chemicals"),
        trade_tonnes=host.trade_tonnes,
        trade_value=host.trade_value,
    )
    carving = CarveData(
        host=np.array([labels.sectors.index(HOSTS[stage]) for stage in STAGES]),
        value_added_share=namer.vector(r.value_added_share, STAGES, at("value_added_share"), kind="stage"),
        export_tax=wedge,
        customs_origin=origin,
        reo_content=content[1:-1],
        magnet_content=float(content[-1]),
        magnet_price=by_region("magnet_price", None),
        magnet_home_share=by_region("magnet_home_share", None),
        magnet_buyers=namer.vector(
            r.magnet_buyers, host.sectors, at("magnet_buyers"), kind="sector", missing=0.0
        ),
    )
    return chain, carving


def _makes(labels: Labels) -> Array:
    """(j,k) 1 where sector j makes good k: sectors their own good, separation every element."""
    makes = np.zeros((len(labels.sectors), len(labels.goods)))
    ordinary = len(labels.sectors) - len(STAGES)
    makes[np.arange(ordinary), np.arange(ordinary)] = 1.0
    makes[ordinary, ordinary] = 1.0
    makes[ordinary + 1, ordinary + 1 : -1] = 1.0
    makes[ordinary + 2, -1] = 1.0
    return makes


def _unit_values(chain: Chain, data: CarveData, labels: Labels) -> Array:
    """(i,k) USD/kg at the gate of rare-earth goods, nan for others. Where nothing is mined: the mean elsewhere."""
    values = np.full((len(labels.regions), len(labels.goods)), np.nan)
    ordinary = len(labels.goods) - len(labels.elements) - 2
    concentrate = chain.concentrate_value
    values[:, ordinary] = np.where(concentrate > 0, concentrate, concentrate[concentrate > 0].mean())
    values[:, ordinary + 1 : -1] = chain.element_value
    values[:, -1] = data.magnet_price
    return values


def _reo_content(chain: ChainData, data: CarveData, labels: Labels) -> Array:
    content = np.full(len(labels.goods), np.nan)
    ordinary = len(labels.goods) - len(labels.elements) - 2
    content[ordinary:] = [chain.concentrate_content, *chain.reo_content, data.magnet_content]
    return content


def _latent(settings: CalibrationFile, data: ChainData, labels: Labels) -> dict[tuple[str, str], float]:
    """(region, stage) -> capacity of the reference plant over what ran in the base year."""
    base = {"ree_mining": data.concentrate_trade.sum(1), "ree_separation": data.concentrate_trade.sum(0)}
    found = {}
    for region, stages in settings.rare_earths.latent_capacity.value.items():
        for stage, tonnes in stages.items():
            found[region, stage] = tonnes / float(base[stage][labels.regions.index(region)])
    return found


def _hashes(files: list[Path], folder: Path) -> dict[str, str]:
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    return {**found, **host_tables.hashes(folder)}


__all__ = ["MAGNETS", "Calibration", "Parameter", "build", "find", "load", "provenance"]
