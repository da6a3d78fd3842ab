"""Run folders: written whole under a name made from the inputs, never over another one, read back with checks.

outputs/runs/<scenario>-<run id>/
    results.nc        every variable (NetCDF-4)
    tables/*.csv      the same numbers as tables
    figures/*.png     pictures
    scenario.yaml     the scenario as it was solved
    parameters.csv    parameters of the calibration with source and status
    inputs.json       everything the numbers are determined by; its hash is the run id
    provenance.json   time, command, machine, commit, and the hash of every file: the one file that differs between
                      two runs with the same inputs
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xarray as xr

from calibration.errors import InputError, Problem, nearest, one_of
from calibration.files import MEGABYTE, decode, read_bytes, write_bytes, write_text

RUNS = Path(__file__).parent / "runs"
RESULTS, PROVENANCE, INPUTS = "results.nc", "provenance.json", "inputs.json"
READ = (RESULTS, INPUTS, "scenario.yaml", "parameters.csv")  # what is read back of a run, hashed or not
PICTURES = (".png", ".svg", ".pdf", ".html")  # made from the results; their bytes may differ between machines
MAX_RESULT = 2_000 * MEGABYTE
MAX_JSON = 50 * MEGABYTE


@dataclass(frozen=True)
class Run:
    """A run folder that was read."""

    folder: Path
    dataset: xr.Dataset
    inputs: Mapping[str, Any]
    provenance: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Scenario and run id, the folder's name."""
        return self.folder.name


@dataclass(frozen=True)
class Saved:
    """What became of a run that was to be saved."""

    folder: Path
    existed: bool = False  # the same results were there, byte for byte


def write_netcdf(dataset: xr.Dataset, path: Path) -> None:
    """Write a Dataset as NetCDF-4, the same bytes for the same numbers."""
    encoding: dict[str, dict[str, Any]] = {
        str(name): {"zlib": True, "complevel": 4, "shuffle": True}
        if array.size > 1000 and array.dtype.kind == "f"
        else {}
        for name, array in dataset.variables.items()
    }
    for name, array in dataset.variables.items():
        if array.dtype.kind == "f":
            encoding[str(name)]["_FillValue"] = None
    # Through memory: on a full disk HDF5 itself would end the process where a plain write says so.
    write_bytes(path, bytes(dataset.to_netcdf(engine="h5netcdf", encoding=encoding)))


def read_netcdf(path: Path) -> xr.Dataset:
    """Read a result into memory. Raises InputError when it is not one."""
    if not path.is_file():
        raise InputError(Problem("no such file", str(path)))
    if path.stat().st_size > MAX_RESULT:
        raise InputError(Problem(f"larger than the limit of {MAX_RESULT / MEGABYTE:g} MB", str(path)))
    try:
        with xr.open_dataset(path, engine="h5netcdf", decode_times=False) as found:
            # What is packed, or never written, takes next to nothing in the file.
            if (size := sum(variable.nbytes for variable in found.variables.values())) > MAX_RESULT:
                raise InputError(
                    Problem(
                        f"unpacks to {size / MEGABYTE:,.0f} MB",
                        str(path),
                        expected=f"{MAX_RESULT / MEGABYTE:g} MB at most",
                    )
                )
            return found.load()
    except InputError:
        raise
    except (OSError, ValueError, KeyError, RuntimeError, TypeError, AttributeError) as error:
        raise InputError(
            Problem(f"not a readable result ({type(error).__name__}: {error})", str(path))
        ) from error


def safe_name(text: str) -> str:
    """Text as part of a folder's name: letters, digits, dots, dashes; never a way out of the folder."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.")[:80] or "run"


class Draft:
    """A run folder in the making: files are written to `folder`; `finish` gives it its name, `discard` removes it."""

    def __init__(self, name: str, root: Path | None = None) -> None:
        self.name, self.root = safe_name(name), root or RUNS
        self.root.mkdir(parents=True, exist_ok=True)
        self.folder = self.root / f".partial-{secrets.token_hex(6)}"
        self.folder.mkdir()

    def finish(self, provenance: Mapping[str, Any]) -> Saved:
        """Write provenance.json and rename the folder.

        A folder of that name that holds the same results is kept, and given the pictures it lacks; one that holds
        others is never touched: the new one gets a number.
        """
        try:
            hashes = seal(self.folder, provenance)
            flush(self.folder)
            return _rename(self.folder, self.root, self.name, hashes)
        finally:
            self.discard()

    def discard(self) -> None:
        """Remove what was not finished."""
        shutil.rmtree(self.folder, ignore_errors=True)


def seal(folder: Path, provenance: Mapping[str, Any], others: Iterable[str] = ()) -> dict[str, str]:
    """Write provenance.json with the hashes of all files but it and `others`, which are returned."""
    hashes = {name: value for name, value in file_hashes(folder).items() if name not in set(others)}
    _write_provenance(folder, {**provenance, "files": hashes})
    return hashes


def _write_provenance(folder: Path, about: Mapping[str, Any]) -> None:
    write_text(folder / PROVENANCE, json.dumps(about, indent=2, ensure_ascii=False, sort_keys=True) + "\n")


def flush(folder: Path) -> None:
    """Have the disk hold every file before the folder gets its name."""
    if os.name == "nt":  # folders cannot be opened there
        return
    for path in (*(p for p in folder.rglob("*")), folder):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _rename(partial: Path, root: Path, name: str, hashes: Mapping[str, str]) -> Saved:
    for count in range(1, 1000):
        target = root / (name if count == 1 else f"{name}-{count}")
        if target.exists():
            if same_results(target, hashes):
                return _there(target, partial)
            continue
        try:
            partial.rename(target)
        except OSError:
            if not target.exists():  # no other process has just made this folder: the disk refuses
                raise
            if same_results(target, hashes):
                return _there(target, partial)
        else:
            return Saved(target)
    raise FileExistsError(f"{root / name}: a thousand runs of this name exist")


def _there(target: Path, partial: Path) -> Saved:
    """A folder with the same results takes over the pictures it lacks, and with them the pages that show them."""
    made = [path.relative_to(partial) for path in sorted(partial.rglob("*")) if path.suffix in PICTURES]
    if any(not (target / name).exists() for name in made):
        taken = [name for name in made if name.suffix == ".html" or not (target / name).exists()]
        for name in taken:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (partial / name).replace(target / name)
        about = _json(target / PROVENANCE)
        hashes = {name: value for name, value in file_hashes(target).items() if Path(name) in taken}
        about["files"] = {**about.get("files", {}), **hashes}
        _write_provenance(target, about)
    return Saved(target, existed=True)


def same_results(folder: Path, hashes: Mapping[str, str]) -> bool:
    """Whether a folder holds, intact, the files with these hashes; pictures need not have the same bytes."""
    try:
        there = file_hashes(folder)
    except OSError:
        return False
    wanted = {path: value for path, value in hashes.items() if not path.endswith(PICTURES)}
    return all(there.get(path) == value for path, value in wanted.items())


def file_hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every file in a folder but provenance.json, by path within it."""
    return {
        path.relative_to(folder).as_posix(): found
        for path in sorted(folder.rglob("*"))
        if path.name != PROVENANCE and (found := _hash(path))
    }


def read(run: str | Path, root: Path | None = None) -> Run:
    """A run by folder, or by its name under `root`. Raises InputError when it is missing or was changed since."""
    folder = find(run, root)
    if not (folder / RESULTS).is_file():
        raise InputError(
            Problem(f"holds no {RESULTS}", str(folder), expected="a run folder made by python run.py solve")
        )
    refuse_changed(folder, READ)
    return Run(folder, read_netcdf(folder / RESULTS), _json(folder / INPUTS), _json(folder / PROVENANCE))


def refuse_changed(
    folder: Path, names: Iterable[str], *, others: bool = True, if_hashed: bool = False
) -> None:
    """Raise InputError with those of the files that are not as provenance.json has them, or not there.

    others: every other file that provenance.json names, too; if_hashed: take a folder as it is when nothing was
    written down of its files, as of evidence.
    """
    path = folder / PROVENANCE
    if if_hashed and not path.is_file():
        return
    files = _json(path).get("files")
    if files is None and if_hashed:
        return
    written = files if isinstance(files, dict) else {}
    asked = dict.fromkeys([*names, *(written if others else ())])
    changed = [name for name in asked if _hash(folder / name) != written.get(name)]
    if changed:
        what = "was changed after it was written"
        raise InputError([Problem(what, str(folder / name), expected="an untouched run") for name in changed])


def _hash(path: Path) -> str | None:
    """SHA-256 of a file; None when it is not there."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def find(run: str | Path, root: Path | None = None, *, abbreviated: bool = False) -> Path:
    """The folder of a run. Abbreviated names stand for the one folder that begins so. Raises InputError."""
    root = root or RUNS
    if Path(run).is_dir():
        return Path(run)
    under = root / Path(run).name
    if str(run) == Path(run).name and under.is_dir():
        return under
    names = sorted(path.name for path in root.glob("[!.]*") if path.is_dir()) if root.is_dir() else []
    begun = _begun(str(run), names) if abbreviated else []
    if len(begun) == 1:
        return root / begun[0]
    if begun:
        raise InputError(Problem(f"{len(begun)} runs begin with {str(run)!r}", expected=one_of(begun)))
    raise InputError(
        Problem(
            f"no run {str(run)!r}",
            expected=f"a run folder, or {one_of(names)}"
            if names
            else f"a run folder; there is none in {root} yet",
            suggestion=nearest(run, names),
        )
    )


def _begun(run: str, names: list[str]) -> list[str]:
    """Names that a beginning stands for: those that lack only their ID when there are any."""
    whole = [name for name in names if re.fullmatch(re.escape(run) + "-[0-9a-f]{12}", name)]
    return whole or [name for name in names if run and name.startswith(run)]


def is_run(name: str | Path, root: Path | None = None) -> bool:
    """Whether a name stands for a run folder."""
    try:
        return (find(name, root) / PROVENANCE).is_file()
    except InputError:
        return False


def read_text(path: Path) -> str:
    """A text file of a run. Raises InputError."""
    return decode(read_bytes(path, MAX_JSON), str(path))


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(read_text(path))
    except (json.JSONDecodeError, RecursionError) as error:
        raise InputError(Problem(f"not JSON ({error})", str(path))) from error
    if not isinstance(found, dict):
        raise InputError(Problem("not a JSON object", str(path)))
    return found
