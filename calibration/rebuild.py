"""Rebuild the shipped host table of a calibration from raw source tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from calibration import host as host_tables
from calibration import strict_yaml
from calibration.aggregate import aggregate
from calibration.schema import CalibrationFile, Concordance
from calibration.sources import baci, wiod2013
from calibration.validate import validate


def host_from_source(path: Path, source: Path) -> host_tables.Host:
    """The host table of the calibration YAML at `path` from the raw tables in the folder `source`."""
    settings = validate(CalibrationFile, strict_yaml.load(path))
    concordance = validate(Concordance, strict_yaml.load(path.parent / settings.concordance))
    world = settings.sources.world_table
    table = wiod2013.read_npz(source / world.file, world.year)
    table = aggregate(table, concordance.regions, concordance.sectors, settings.concordance)
    regions, sectors = table.countries, table.sectors
    names = {name: region for region, members in concordance.trade_names.items() for name in members}
    trade = settings.sources.rare_earth_trade
    flows = baci.read(source / trade.file, trade.year, names, concordance.rest)
    tonnes = np.zeros((len(regions), len(regions), 2))
    value = np.zeros_like(tonnes)
    for (exporter, importer, product), (t, v) in sorted(flows.items()):
        place = regions.index(exporter), regions.index(importer), ("284610", "284690").index(product)
        tonnes[place] += t
        value[place] += v
    return host_tables.Host(
        regions=regions,
        sectors=sectors,
        intermediate_trade=table.intermediate.sum(3).transpose(0, 2, 1),
        final_trade=table.final.transpose(0, 2, 1),
        use=table.intermediate.sum(0).transpose(1, 0, 2),
        stated_output=table.output,
        trade_tonnes=tonnes,
        trade_value=value,
    )


COMMENTS = [
    "WIOD release 2013 (Timmer et al. 2015, Rev. Int. Econ. 23:575; CC BY 4.0), aggregated; BACI (CEPII, Etalab 2.0).",
    "Built by `python run.py calibrate`; do not edit.",
]


def rebuild(path: Path, source: Path, folder: Path) -> host_tables.Host:
    """Write the host table of a calibration into `folder`."""
    host = host_from_source(path, source)
    host_tables.write(host, folder, COMMENTS)
    return host
