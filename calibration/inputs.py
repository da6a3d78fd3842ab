"""The arrays of the rare-earth chain from the names and numbers of a calibration YAML."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.carve import CarveData
from calibration.chain import ChainData
from calibration.host import Host
from calibration.naming import Axis, Namer
from calibration.schema import CalibrationFile, Concordance, Grid
from model.records import Labels

Array = npt.NDArray[np.float64]

STAGES = ("ree_mining", "ree_separation", "magnets")
CONCENTRATE = "concentrate"
CERIUM = "Ce"
FACTORS = ("labour", "capital", "resource")
ROUNDING = 1e-9  # of a total of exports, by which its parts may miss it


@dataclass(frozen=True)
class Axes:
    """The named axes of a calibration."""

    region: Axis
    host_sector: Axis
    sector: Axis
    good: Axis
    rare_good: Axis
    element: Axis
    stage: Axis
    factor: Axis


def make_axes(settings: CalibrationFile, concordance: Concordance) -> Axes:
    """Axes in the order of the concordance, the chain last."""
    regions, sectors = tuple(concordance.regions), tuple(concordance.sectors)
    names = concordance.parameter_names
    by_sector = (names.sectors.like, names.sectors.within)
    rare = (CONCENTRATE, *settings.elements, STAGES[-1])
    return Axes(
        region=Axis("region", regions, names.regions.like, names.regions.within),
        host_sector=Axis("sector", sectors, *by_sector),
        sector=Axis("sector", (*sectors, *STAGES), *by_sector),
        good=Axis("good", sectors, *by_sector),
        rare_good=Axis("rare-earth good", rare),
        element=Axis("element", settings.elements),
        stage=Axis("stage", STAGES),
        factor=Axis("factor", FACTORS),
    )


def make_labels(axes: Axes) -> Labels:
    """Labels of the `Benchmark`."""
    return Labels(
        regions=axes.region.names,
        sectors=axes.sector.names,
        goods=axes.good.names + axes.rare_good.names,
        factors=FACTORS,
        elements=axes.element.names,
        stages=STAGES,
    )


def chain_data(settings: CalibrationFile, namer: Namer, axes: Axes, host: Host) -> ChainData:
    """What `chain.build_chain` needs. Problems are left in `namer`."""
    r = settings.rare_earths
    element, region = axes.element, axes.region
    application = Axis("application", tuple(r.element_by_application.value))
    ore = Axis("ore", tuple(r.ore_composition.value))

    def grid(name: str, rows: Axis, columns: Axis, *amounts: bool) -> Array:
        rows_add, columns_add = amounts or (False, False)
        return namer.grid(getattr(r, name), rows, columns, at(name), amounts=(rows_add, columns_add))

    duty = namer.vector(r.export_duty, element, at("export_duty"))
    content = namer.vector(r.reo_content, axes.rare_good, at("reo_content"))
    origin = namer.position(region, settings.origin_of_customs_data, ("origin_of_customs_data",))
    tonnes, value = _customs(settings, namer, axes, host, origin)
    return ChainData(
        customs_origin=origin,
        oxide_price=namer.vector(r.oxide_price, element, at("oxide_price")),
        export_tax=(1 + duty) * (1 + r.vat_not_refunded.value) - 1,
        licence=r.base_licence.value,
        reo_content=content[1:-1],
        concentrate_trade=_mined(settings, namer, "concentrate_destination", region, region),
        concentrate_content=float(content[0]),
        concentrate_price_limit=r.concentrate_price_limit.value,
        concentrate_cost_share=r.concentrate_cost_share.value,
        ore_composition=grid("ore_composition", ore, element),
        ore_mix=_shares(_mined(settings, namer, "ore_mix", region, ore)),
        element_by_application=grid("element_by_application", application, element),
        application_to_sector=grid("application_to_sector", application, axes.sector, False, True),
        application_by_region=grid("application_by_region", application, region),
        active=_active(settings, namer, axes, host),
        home_share=namer.vector(r.home_share_of_elements, region, at("home_share_of_elements"), missing=1.0),
        reprocessing_limit=r.reprocessing_share_limit.value,
        reprocessing_sector=namer.position(
            axes.sector, settings.hosts.ree_separation, ("hosts", "ree_separation")
        ),
        trade_tonnes=tonnes,
        trade_value=value,
        cerium=_cerium(settings, namer),
    )


def _cerium(settings: CalibrationFile, namer: Namer) -> int:
    """Position of the element that HS 2846.10 is."""
    if CERIUM in settings.elements:
        return settings.elements.index(CERIUM)
    namer.refuse(
        ("elements",), f"no {CERIUM}, of which the customs data have flows of its own", f"{CERIUM} among them"
    )
    return 0


def carve_data(settings: CalibrationFile, namer: Namer, axes: Axes, chain: ChainData) -> CarveData:
    """What `carve.carve` needs besides the chain. Problems are left in `namer`."""
    r = settings.rare_earths
    hosts = [
        namer.position(axes.host_sector, getattr(settings.hosts, stage), ("hosts", stage)) for stage in STAGES
    ]
    buyers = namer.vector(r.magnet_buyers, axes.host_sector, at("magnet_buyers"), missing=0.0, amounts=True)
    content = namer.vector(r.reo_content, axes.rare_good, at("reo_content"))
    fob = chain.oxide_price * chain.reo_content
    gate = fob / (1 + chain.export_tax) - chain.licence
    return CarveData(
        host=np.array(hosts),
        value_added_share=namer.vector(r.value_added_share, axes.stage, at("value_added_share")),
        border_wedge=fob / gate - 1,
        customs_origin=chain.customs_origin,
        reo_content=chain.reo_content,
        magnet_content=float(content[-1]),
        magnet_price=namer.vector(r.magnet_price, axes.region, at("magnet_price")),
        magnet_home_share=namer.vector(r.magnet_home_share, axes.region, at("magnet_home_share")),
        magnet_buyers=buyers / buyers.sum() if buyers.sum() > 0 else buyers,
    )


def at(name: str) -> tuple[str, str]:
    """Path of an entry of the section `rare_earths`."""
    return ("rare_earths", name)


def _active(settings: CalibrationFile, namer: Namer, axes: Axes, host: Host) -> Array:
    """(n,j) True where a sector has purchases in the source table; a stage where its host has."""
    buys = host.use.sum(1) > 0
    hosts = [namer.position(axes.host_sector, getattr(settings.hosts, s), ("hosts", s)) for s in STAGES]
    return np.concatenate([buys, buys[:, hosts]], axis=1)


def _customs(
    settings: CalibrationFile, namer: Namer, axes: Axes, host: Host, origin: int
) -> tuple[Array, Array]:
    """Bilateral tonnes and values (i,n,p). Those of the customs origin meet the totals and destinations given."""
    r = settings.rare_earths
    tonnes, value = host.trade_tonnes.copy(), host.trade_value.copy()
    columns = Axis("figure", ("tonnes", "value"))
    fixed = np.full((len(tonnes), 2), np.nan)
    if r.customs_destination is not None:
        where = at("customs_destination")
        fixed = namer.grid(
            r.customs_destination, axes.region, columns, where, missing=np.nan, amounts=(True, False)
        )
    total = None
    if r.customs_total is not None:
        total = namer.vector(r.customs_total, columns, at("customs_total"))
    for figure, table in enumerate((tonnes, value)):
        exports, name = table[origin], columns.names[figure]
        named = ~np.isnan(fixed[:, figure])
        for region in np.flatnonzero(named):
            if exports[region].sum() > 0:
                exports[region] *= fixed[region, figure] / exports[region].sum()
            else:
                text = f"{name} to {axes.region.names[region]}, to which the trade data have no exports"
                namer.refuse((*at("customs_destination"), "value"), text, "a destination that they have")
        if total is not None:
            others, given = exports[~named].sum(), exports[named].sum()
            left = total[figure] - given
            if others > 0 and left >= 0:
                exports[~named] *= left / others
            elif abs(left) > ROUNDING * given:
                text = f"{name} of {total[figure]:,.6g}, where destinations that are named have {given:,.6g}"
                expected = "as much, or a destination without a figure" if left > 0 else "as much or more"
                namer.refuse((*at("customs_total"), "value"), text, expected)
    return tonnes, value


def _mined(settings: CalibrationFile, namer: Namer, name: str, region: Axis, columns: Axis) -> Array:
    """(region, column) t REO mined, split by the shares of an entry: by where it is separated, or by ore.

    Tonnes are added up, so that groups of regions are right whatever the shares of their members.
    """
    mined = settings.rare_earths.mine_output
    shares: Grid = getattr(settings.rare_earths, name)
    for place, tonnes in mined.value.items():
        total = sum(shares.value.get(place, {}).values())
        if tonnes > 0 and abs(total - 1) > 1e-6:
            path = (*at(name), "value", place)
            text = f"shares of {place} add to {total:g}"
            namer.problems.append(namer.document.problem(path, text, "1, as something is mined there"))
    amounts = {
        place: {column: mined.value.get(place, 0.0) * share for column, share in row.items()}
        for place, row in shares.value.items()
    }
    namer.vector(mined, region, at("mine_output"), missing=0.0, amounts=True)  # reports unknown regions
    entry = shares.model_copy(update={"value": amounts})
    return namer.grid(entry, region, columns, at(name), amounts=(True, columns is region))


def _shares(table: Array) -> Array:
    total = table.sum(1, keepdims=True)
    return np.divide(table, total, out=np.zeros_like(table), where=total > 0)
