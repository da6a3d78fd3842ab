"""One reader per source of raw tables; each gives plain arrays with labels and never touches the network."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

from calibration.errors import InputError, Problem, unknown_name
from calibration.sources import eora, exiobase, figaro, gloria, icio, wiod
from calibration.sources.table import WorldTable

Reader = Callable[[Path, int, float, str], WorldTable]

READERS: dict[str, Reader] = {
    "wiod2013": wiod.read_2013,
    "wiod2016": wiod.read_2016,
    "icio": icio.read,
    "figaro": figaro.read,
    "exiobase3": exiobase.read,
    "eora26": eora.read,
    "gloria": gloria.read,
}
CATALOGUE = Path(__file__).parent / "sources.toml"


def catalogue() -> dict[str, dict[str, str]]:
    """What is known of every source: title, files, unit, licence, how to cite it, checksums."""
    return tomllib.loads(CATALOGUE.read_text(encoding="utf-8"))


def read_world_table(
    reader: str, folder: Path, file: str, year: int, factor: float | None = None, negative: str = "refuse"
) -> WorldTable:
    """The world table of a source. Raises InputError; a missing file is named with where to put which file."""
    if reader not in READERS:
        raise InputError(unknown_name("reader", reader, READERS))
    known = catalogue()[reader]
    path = folder / file
    if not path.exists():
        raise InputError(missing_file(reader, path))
    return READERS[reader](path, year, float(known["factor"]) if factor is None else factor, negative)


def missing_file(source: str, path: Path) -> Problem:
    """The problem of a source file that is not there: what to put where."""
    known = catalogue()[source]
    expected = (
        f"{known['title']} ({known['files']}); {known['licence']}; put it there, it is never downloaded"
    )
    return Problem("no such file", str(path), expected=expected)
