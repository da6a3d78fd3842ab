"""Results on disk: a folder of finished chunks that becomes one NetCDF file.

    sweep.json         what the numbers are determined by, and how draws are cut into chunks; written first
    sample.npz         parameter values and weights of every draw
    chunks/NNNNNN.npz  outcomes and reasons of the draws of one chunk, written whole or not at all
    results.nc         everything, once the last chunk is there

A chunk never depends on who computed it or when, so results.nc has the same bytes after any number of interruptions.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import h5netcdf
import numpy as np

from calibration.errors import InputError, Problem
from calibration.files import atomic_path, write_bytes, write_text
from model.records import Array, Regime
from scenarios.sweeps.local import local
from scenarios.sweeps.study import Study
from scenarios.sweeps.targets import multiplies

MANIFEST, SAMPLE, CHUNKS, RESULTS = "sweep.json", "sample.npz", "chunks", "results.nc"
MAX_PART = 100_000_000  # bytes of a part's numbers and reasons
# Draws of a chunk, which are solved together: part of the folder's contents, so never a matter of how many workers
# there are. Small designs have small chunks, so that every worker has some.
CHUNK, SMALL = 64, 16
FEW = 1024  # draws


class Chunk(NamedTuple):
    """What came of some draws in a row."""

    number: int
    values: Array  # (draw, column), nan where failed
    reasons: tuple[str, ...]  # "" where nothing failed
    seconds: float = 0.0  # of a worker's time; never stored


@dataclass(frozen=True)
class Store:
    """The folder of a sweep."""

    folder: Path
    draws: int
    columns: int
    size: int  # draws in a chunk

    @property
    def chunks(self) -> int:
        """How many there are in all."""
        return -(-self.draws // self.size)

    def span(self, number: int) -> slice:
        """The draws of a chunk."""
        return slice(number * self.size, min((number + 1) * self.size, self.draws))

    def path(self, number: int) -> Path:
        """The file of a chunk."""
        return self.folder / CHUNKS / f"{number:06d}.npz"

    @property
    def complete(self) -> bool:
        """Whether all is done."""
        return (self.folder / RESULTS).is_file()

    def write(self, chunk: Chunk) -> None:
        """Save a chunk, whole or not at all."""
        with atomic_path(self.path(chunk.number)) as partial:
            np.savez(partial, values=chunk.values, reasons=np.array(chunk.reasons, dtype=str))

    def read(self, number: int) -> Chunk | None:
        """A finished chunk; None when it is not there or not whole, so that it is computed again."""
        span = self.span(number)
        try:
            with self.path(number).open("rb") as stream, np.load(stream, allow_pickle=False) as found:
                if sum(member.file_size for member in found.zip.infolist()) > MAX_PART:
                    return None
                values, reasons = found["values"], tuple(str(reason) for reason in found["reasons"])
        except (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error):
            return None
        except (MemoryError, SyntaxError, tokenize.TokenError):  # of a header that lies
            return None
        whole = values.shape == (span.stop - span.start, self.columns) and len(reasons) == len(values)
        return Chunk(number, values, reasons) if whole else None

    def missing(self) -> Iterator[int]:
        """Numbers of the chunks still to do."""
        return (number for number in range(self.chunks) if self.read(number) is None)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Have a folder, made if need be, to this process; however the process ends, the folder is free again.

    Raises InputError while another process has it. Where the system or the disk knows no such locks, nothing is held.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = _lock(folder)
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _lock(folder: Path) -> int | None:
    """A descriptor of the folder that holds it until it is closed. Raises InputError."""
    if sys.platform == "win32":
        return None
    import fcntl

    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        text = "another process is at work on this sweep"
        raise InputError(Problem(text, str(folder), expected="to wait until it ends")) from None
    except OSError:
        pass  # some network disks have no locks
    return descriptor


def create(study: Study, folder: Path) -> Store:
    """A new folder for a sweep; `sweep.json` last, so that a folder with it has all that is needed."""
    sample, design = study.sample, study.design
    store = Store(
        folder, len(sample.values), len(study.columns), CHUNK if len(sample.values) >= FEW else SMALL
    )
    (folder / CHUNKS).mkdir(parents=True, exist_ok=True)
    with atomic_path(folder / SAMPLE) as partial:
        np.savez(partial, values=sample.values, weights=sample.weights)
    about = {
        "identity": study.spec.identity, "name": design.name, "draws": store.draws, "chunk": store.size,
        "block": sample.block, "determined_by": study.spec.determined_by,
    }  # fmt: skip
    write_text(folder / MANIFEST, json.dumps(about, indent=1, ensure_ascii=False) + "\n")
    return store


def manifest(folder: Path) -> dict[str, Any]:
    """What `sweep.json` says. Raises InputError."""
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(Problem("no sweep", str(folder), expected=f"a folder with {MANIFEST}")) from None
    except (OSError, ValueError) as error:
        raise InputError(Problem(f"cannot be read ({error})", str(folder / MANIFEST))) from error
    if not isinstance(found, dict) or "identity" not in found:
        raise InputError(Problem("is not that of a sweep", str(folder / MANIFEST)))
    return found


def resume(study: Study, folder: Path) -> Store:
    """The folder of a sweep that was begun. Raises InputError when anything that its numbers depend on is different."""
    about = manifest(folder)
    if about["identity"] != study.spec.identity:
        changed = differences(
            about.get("determined_by", {}), json.loads(json.dumps(study.spec.determined_by))
        )
        text = f"was begun with other inputs: {', '.join(changed) or 'unknown'}"
        raise InputError(
            Problem(text, str(folder), expected="the same inputs, or a new run without --resume")
        )
    return Store(folder, about["draws"], len(study.columns), about["chunk"])


def differences(old: Mapping[str, Any], new: Mapping[str, Any], path: str = "") -> list[str]:
    """Dotted names of what differs between two nested mappings."""
    found = []
    for key in sorted({*old, *new}):
        a, b = old.get(key), new.get(key)
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            found += differences(a, b, f"{path}{key}.")
        elif a != b:
            found.append(f"{path}{key}")
    if not found and list(old) != list(new):
        found.append(f"{path}(order)")
    return found


def merge(study: Study, store: Store) -> Path:
    """Write results.nc from the chunks, one at a time, and drop them. Raises FileNotFoundError if one is missing."""
    target, content = store.folder / RESULTS, io.BytesIO()
    # Through memory, where the sample is too: on a full disk HDF5 itself would end the process without a word.
    with h5netcdf.File(content, "w") as file:
        _frame(file, study, store)
        for number in range(store.chunks):
            chunk = store.read(number)
            if chunk is None:
                raise FileNotFoundError(store.path(number))
            span = store.span(number)
            file.variables["outcome"][span] = chunk.values
            file.variables["reason"][span] = np.array(chunk.reasons, dtype=object)
    write_bytes(target, content.getvalue())
    shutil.rmtree(store.folder / CHUNKS, ignore_errors=True)
    return target


def _frame(file: Any, study: Study, store: Store) -> None:
    """Dimensions, names and the sample."""
    design, sample = study.design, study.sample
    file.dimensions = {"draw": store.draws, "parameter": len(design.vary), "column": len(study.columns)}
    import h5py

    text = h5py.string_dtype()

    def names(name: str, dimension: str, values: list[str], about: str) -> None:
        variable = file.create_variable(name, (dimension,), dtype=text, data=np.array(values, dtype=object))
        variable.attrs["long_name"] = about

    names("parameter", "parameter", list(design.names), "uncertain number")
    named = [each.title or "" for each in design.vary]
    names("parameter_title", "parameter", named, "uncertain number in words, empty when its name says all")
    names("path", "parameter", [", ".join(each.paths) for each in design.vary], "where the number goes")
    factors = np.array([multiplies(each, study.calibration) for each in design.vary], dtype=np.int8)
    about = "1 where the number multiplies what stands in the files, 0 where it is the value"
    file.create_variable("factor", ("parameter",), data=factors).attrs["long_name"] = about
    names(
        "distribution",
        "parameter",
        [law.model_dump_json() for law in study.laws],
        "distribution of the number",
    )
    names("column", "column", [column.label for column in study.columns], "outcome, regime and year")
    names("column_outcome", "column", [column.outcome.name for column in study.columns], "outcome")
    titles = [column.outcome.title or column.outcome.name.replace("-", " ") for column in study.columns]
    names("column_title", "column", titles, "outcome in words")
    names("column_regime", "column", [column.source.regime for column in study.columns], "technology regime")
    names("units", "column", [column.unit for column in study.columns], "unit")
    names(
        "description", "column", [column.description for column in study.columns], "what is read, and where"
    )
    years = np.array([column.year or 0 for column in study.columns], dtype=np.int32)
    file.create_variable("column_year", ("column",), data=years).attrs["long_name"] = "year of a path, else 0"
    limits = np.array([np.nan if c.outcome.threshold is None else c.outcome.threshold for c in study.columns])
    file.create_variable("threshold", ("column",), data=limits).attrs["long_name"] = (
        "threshold of the outcome, or nan"
    )
    file.create_variable("value", ("draw", "parameter"), data=sample.values).attrs["long_name"] = (
        "value of a parameter"
    )
    file.create_variable("weight", ("draw",), data=sample.weights).attrs["long_name"] = "weight of a draw"
    near = local(study)
    middle = file.create_variable("outcome_in_the_middle", ("column",), data=near.outcome)
    middle.attrs["long_name"] = "outcome with every parameter at its median"
    change = file.create_variable("change_by_range", ("parameter", "column"), data=near.change)
    change.attrs["long_name"] = "derivative of the outcome there, times the width of the range"
    lacking = file.create_variable("no_derivative", ("parameter", "column"), dtype=text, data=near.lacking)
    lacking.attrs["long_name"] = "why there is no derivative, else empty"
    outcome = file.create_variable("outcome", ("draw", "column"), dtype="f8")
    outcome.attrs["long_name"] = "outcome; nan where a draw failed"
    file.create_variable("reason", ("draw",), dtype=text).attrs["long_name"] = "why a draw failed, else empty"
    soft = {row.name for row in study.calibration.parameters_table if row.soft}
    file.attrs.update(
        {
            "title": design.title, "question": design.question, "name": design.name, "design": design.design.type,
            "design_json": design.design.model_dump_json(), "block": np.int64(sample.block),
            "scenarios": json.dumps({key: case.name for key, case in study.cases.items()}),
            "calibration": study.calibration.name, "identity": study.spec.identity,
            "solved_alone": json.dumps(_solved_alone(study)),
            "correlation": json.dumps(study.correlation.tolist()), "notes": json.dumps(list(design.notes)),
            "soft": json.dumps([n for n, v in zip(design.names, design.vary, strict=True)
                                if any(p.split(".")[1] in soft for p in v.paths if p.startswith("calibration."))]),
        }
    )  # fmt: skip


def _solved_alone(study: Study) -> dict[str, str]:
    """Why the middle of all ranges has no solution, so that no draw starts near it, by scenario and regime."""
    starts: list[tuple[str, Regime | None]] = [*study.solves]
    starts += [(key, None) for key in study.base_needed]
    reasons = {
        f"{key}, {regime or 'the base year'}": study.centres.lacking(key, regime) for key, regime in starts
    }
    return {name: why for name, why in reasons.items() if why}
