"""Rebuild the host table of a calibration from raw source tables."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from calibration import host as host_tables
from calibration import sources
from calibration.aggregate import aggregate
from calibration.errors import InputError
from calibration.load import read_settings
from calibration.naming import Axis, Namer
from calibration.rebase import rebase
from calibration.schema import CalibrationFile, Concordance
from calibration.sources import baci
from calibration.sources.table import WorldTable
from calibration.strict_yaml import Document

CERIUM, OTHER = "284610", "284690"


def host_from_source(path: Path, source: Path) -> tuple[host_tables.Host, tuple[str, ...]]:
    """The host table of the calibration at `path` from the raw tables in `source`, and what was changed in them."""
    settings, document, concordance, _ = read_settings(path)
    table = world_table(settings, document, concordance, source)
    tonnes, value, amiss = _trade(settings, concordance, source, table.countries)
    host = host_tables.Host(
        regions=table.countries,
        sectors=table.sectors,
        intermediate_trade=table.intermediate.sum(3).transpose(0, 2, 1),
        final_trade=table.final.transpose(0, 2, 1),
        use=table.intermediate.sum(0).transpose(1, 0, 2),
        stated_output=table.output,
        trade_tonnes=tonnes,
        trade_value=value,
    )
    return host, (*table.notes, *amiss)


def world_table(
    settings: CalibrationFile, document: Document, concordance: Concordance, source: Path
) -> WorldTable:
    """The aggregated world table, brought to a newer year where asked, cells rounded as they are shipped."""
    world = settings.sources.world_table
    raw = sources.read_world_table(
        world.reader, source, world.file, world.year, world.factor, world.negative_flows
    )
    table = aggregate(raw, concordance.regions, concordance.sectors, settings.concordance)
    if settings.rebase is not None:
        namer = Namer(document)
        names = concordance.parameter_names.regions
        region = Axis("region", table.countries, names.like, names.within)
        growth = namer.vector(settings.rebase.growth, region, ("rebase", "growth"))
        namer.finish()
        table = rebase(table, growth)
    return replace(table, intermediate=np.round(table.intermediate, 6), final=np.round(table.final, 6))


def _trade(
    settings: CalibrationFile, concordance: Concordance, source: Path, regions: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Tonnes and million USD (i,n,p) of trade in rare-earth compounds, p: cerium, others; and what is amiss."""
    names = {name: region for region, members in concordance.trade_names.items() for name in members}
    trade = settings.sources.rare_earth_trade
    path = source / trade.file
    if not path.exists():
        raise InputError(sources.missing_file(trade.reader, path))
    flows, amiss = baci.read(path, trade.year, names, concordance.rest)
    tonnes = np.zeros((len(regions), len(regions), 2))
    value = np.zeros_like(tonnes)
    for (exporter, importer, product), (t, v) in sorted(flows.items()):
        place = regions.index(exporter), regions.index(importer), (CERIUM, OTHER).index(product)
        tonnes[place] += t
        value[place] += v
    return np.round(tonnes, 6), np.round(value, 6), amiss


def comments(settings: CalibrationFile, notes: tuple[str, ...]) -> list[str]:
    """The lines that stand above every shipped table: where it comes from and what was changed."""
    known = sources.catalogue()
    world, trade = settings.sources.world_table, settings.sources.rare_earth_trade
    return [
        f"{known[world.reader]['title']}; {known[world.reader]['cite']}; {known[world.reader]['licence']}",
        f"{known[trade.reader]['title']}; {known[trade.reader]['cite']}; {known[trade.reader]['licence']}",
        f"Year {world.year} (trade in rare earths {trade.year}), aggregated by {settings.concordance}"
        + ("; brought to a newer year" if settings.rebase else ""),
        *notes,
        "Built by `python run.py calibrate`; do not edit.",
    ]


def rebuild(path: Path, source: Path, folder: Path) -> tuple[host_tables.Host, tuple[str, ...]]:
    """Write the host table of a calibration into `folder`; the host and what was changed in the source tables."""
    settings, _, _, _ = read_settings(path)
    host, notes = host_from_source(path, source)
    host_tables.write(host, folder, comments(settings, notes))
    return host, notes
