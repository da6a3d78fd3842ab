"""GLORIA, thousand USD, through pymrio: the folder with the MRIO and satellite archives of a year and the ReadMe.

164 regions x 120 industries. Lenzen et al. (2022), J. Environ. Account. Manag. 10(3). pymrio (optional extra `sources`)
builds the industry table from the supply and use tables, which takes tens of gigabytes of memory.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from calibration.errors import InputError, Problem
from calibration.sources.table import Cells, WorldTable, to_table


def read(path: Path, year: int, factor: float = 1e-3, negative: str = "refuse") -> WorldTable:
    """A year of the tables at basic prices; the release number is read from the names of the archives."""
    if not path.is_dir():
        raise InputError(Problem("not a folder", str(path), expected="the folder with the GLORIA archives"))
    versions = {found[1] for file in path.iterdir() if (found := re.match(r"GLORIA_MRIOs_(\d+)_", file.name))}
    if len(versions) != 1:
        text = f"archives GLORIA_MRIOs_VERSION_{year} of {len(versions)} releases"
        raise InputError(Problem(text, str(path), expected="of one release"))
    import pymrio

    try:
        system = pymrio.parse_gloria(path, year=year, version=int(versions.pop()), price="bp")
        system.calc_system()
    except (OSError, KeyError, ValueError, pymrio.tools.ioparser.ParserError) as error:
        raise InputError(Problem(f"pymrio could not read it ({error})", str(path))) from error
    return from_pymrio("GLORIA", year, system, str(path), factor=factor, negative=negative)


def from_pymrio(
    name: str, year: int, system: Any, file: str, *, factor: float, negative: str = "refuse"
) -> WorldTable:
    """The world table of a pymrio IOSystem whose Z and Y are there; labels are checked like those of any file."""
    cells = Cells(
        file=file,
        rows=[(str(r), str(s)) for r, s in system.Z.index],
        columns=[(str(r), str(s)) for r, s in system.Z.columns],
        final_columns=[(str(r), str(c)) for r, c in system.Y.columns],
        intermediate=np.asarray(system.Z, dtype=float),
        final=np.asarray(system.Y.reindex(system.Z.index), dtype=float),
    )
    return to_table(name, year, cells, factor=factor, negative=negative)
