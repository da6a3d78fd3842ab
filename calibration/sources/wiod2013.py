"""WIOD release 2013: 41 economies x 35 industries, current million USD. Timmer et al. (2015), Rev. Int. Econ. 23:575."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np

from calibration.errors import InputError, Problem
from calibration.files import MEGABYTE, read_bytes
from calibration.sources.table import WorldTable


def read_npz(path: Path, year: int) -> WorldTable:
    """A year packed as arrays Z (1435,1435), F (1435,205), x (1435,), countries (41,), sectors (35,)."""
    try:
        with np.load(io.BytesIO(read_bytes(path, 100 * MEGABYTE)), allow_pickle=False) as packed:
            arrays = {name: packed[name] for name in ("Z", "F", "x", "countries", "sectors")}
    except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        what = f"not a readable world table ({error})"
        raise InputError(Problem(what, str(path), expected="arrays Z, F, x, countries, sectors")) from error
    countries = tuple(str(name) for name in arrays["countries"])
    sectors = tuple(str(name) for name in arrays["sectors"])
    n, k = len(countries), len(sectors)
    shapes = {"Z": (n * k, n * k), "F": (n * k, n * 5), "x": (n * k,)}
    wrong = [
        Problem(f"array {name} has shape {arrays[name].shape}", str(path), expected=str(shape))
        for name, shape in shapes.items()
        if arrays[name].shape != shape
    ]
    if wrong:
        raise InputError(wrong)
    return WorldTable(
        name="WIOD release 2013",
        year=year,
        countries=countries,
        sectors=sectors,
        intermediate=arrays["Z"].astype(float).reshape(n, k, n, k),
        final=arrays["F"].astype(float).reshape(n, k, n, 5).sum(axis=3),
        output=arrays["x"].astype(float).reshape(n, k),
    )
