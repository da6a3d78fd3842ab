"""`run.py doctor`: look at this computer: Python, packages, files, disk, and a solve of a small world."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

EPILOG = """\
examples:
  python run.py doctor             every check in a line; what fails says what to do
  python run.py doctor --json      the same for machines
  python run.py doctor --clean     delete what killed runs left in outputs/runs and nobody changed for a day

exit codes: 0 all is well, 3 something is missing or broken.
"""

DAY = 86_400.0  # seconds
Check = tuple[bool, str]


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The options of `doctor`."""
    parser = subparsers.add_parser(
        "doctor",
        help="look at this computer: Python, packages, files, a small solve",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="print the results for machines")
    how.add_argument("--clean", action="store_true", help="only delete what killed runs left, and name it")


def run(args: argparse.Namespace) -> int:
    """Run every check; one that breaks does not stop the others."""
    if args.clean:
        from outputs.pipeline import shown_path
        from outputs.store import RUNS

        print("\n".join(f"deleted {shown_path(path)}" for path in clean(RUNS)) or "nothing to delete")
        return 0
    found = {}
    for name, check in CHECKS.items():
        start = time.perf_counter()
        try:
            well, text = check()
        except Exception as error:  # noqa: BLE001 - a doctor reports whatever is broken
            well, text = False, f"{type(error).__name__}: {error}"
        found[name] = {"ok": well, "text": text, "seconds": round(time.perf_counter() - start, 2)}
        if not args.json:
            print(f"{'ok     ' if well else 'BROKEN '} {name}: {text}")
    if args.json:
        json.dump(found, sys.stdout, indent=1)
        sys.stdout.write("\n")
    return 0 if all(one["ok"] for one in found.values()) else 3


def _python() -> Check:
    inside = sys.prefix != sys.base_prefix
    well = (3, 11) <= sys.version_info[:2] <= (3, 13)
    return (
        well,
        f"{sys.version.split()[0]}{', in a virtual environment' if inside else ''}; 3.11 to 3.13 is needed",
    )


def _packages() -> Check:
    """Installed versions against the lock file."""
    from importlib import metadata

    wanted = _locked(Path(__file__).parents[2] / "requirements.lock")
    wrong = []
    for name, version in wanted.items():
        try:
            installed = metadata.version(name)
        except metadata.PackageNotFoundError:
            wrong.append(f"{name} is missing")
        else:
            if installed != version:
                wrong.append(f"{name} is {installed}, the lock file has {version}")
    if wrong:
        return (
            False,
            f"{'; '.join(wrong)}. Install with: python -m pip install --require-hashes -r requirements.lock",
        )
    return True, f"{len(wanted)} packages as in requirements.lock"


def _locked(path: Path) -> dict[str, str]:
    """Versions in a lock file that apply to this Python."""
    from packaging.requirements import Requirement

    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line[:1].isalnum() and "==" in line:
            requirement = Requirement(line.rstrip("\\ ").strip())
            if requirement.marker is None or requirement.marker.evaluate():
                found[requirement.name] = next(iter(requirement.specifier)).version
    return found


def _files() -> Check:
    import calibration
    import scenarios

    base = calibration.load("china-2009")
    names = scenarios.available()
    for name in names:
        scenarios.load(name)
    return True, f"calibration {base.name} balances; {len(names)} scenarios are readable"


def _disk() -> Check:
    from outputs.store import RUNS

    folder = RUNS if RUNS.is_dir() else RUNS.parent
    instead = "--out names another folder for the results of a command"
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".partial-"):
            free = shutil.disk_usage(folder).free / 1e9
    except OSError as error:
        return False, f"{folder} cannot be written: {error.strerror}; {instead}"
    if free <= 0.1:
        return False, f"{folder}: {free:.2f} GB free, 0.1 at least; {instead}{_unfinished(folder)}"
    return True, f"{folder} can be written; {free:.1f} GB free{_unfinished(folder)}"


def clean(folder: Path) -> list[Path]:
    """Delete what runs that were killed left behind; what it was. Raises OSError."""
    old, _ = _left(folder)
    for path in old:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    return old


def _left(folder: Path) -> tuple[list[Path], int]:
    """What runs left unfinished and nobody changed for a day, so that none is at work on it; how many others."""
    inside = (path.relative_to(folder) for path in sorted(folder.rglob(".partial-*")))
    left = [
        folder / path for path in inside if not any(part.startswith(".partial-") for part in path.parts[:-1])
    ]
    old = [path for path in left if time.time() - _changed(path) > DAY]
    return old, len(left) - len(old)


def _unfinished(folder: Path) -> str:
    """What runs that were killed left behind, by name once they are known to be dead; "" when nothing."""
    old, others = _left(folder)
    names = " ".join(path.relative_to(folder).as_posix() for path in old)
    text = f"; left by runs that were killed, `python run.py doctor --clean` deletes: {names}" if old else ""
    if others:
        text += f"; {others} unfinished (.partial-*), changed within a day: at work, or killed"
    return text


def _changed(path: Path) -> float:
    """When anything in a folder last changed."""
    times = []
    for each in (path, *path.rglob("*")):
        with suppress(OSError):  # at work: gone by now
            times.append(each.stat().st_mtime)
    return max(times, default=time.time())


def _solve() -> Check:
    import numpy as np

    import calibration
    from model.solve import solve

    base = calibration.load("china-2009")
    solution = solve(base.benchmark, throw=False)
    largest = float(
        max(np.abs(solution.allocation.price).max(), np.abs(solution.allocation.state.income).max())
    )
    well = solution.converged and largest < 1e-9
    return (
        well,
        f"the base year replicates: {solution.diagnosis.text(base.labels)}, largest change {largest:.0e}",
    )


def _netcdf() -> Check:
    import xarray as xr

    from outputs.store import read_netcdf, write_netcdf

    with tempfile.TemporaryDirectory() as folder:
        data = xr.Dataset({"x": ("n", [1.0, 2.0])}, {"n": ["a", "b"]})
        write_netcdf(data, Path(folder) / "x.nc")
        return bool(
            read_netcdf(Path(folder) / "x.nc").identical(data)
        ), "results can be written and read back"


def _figures() -> Check:
    from outputs import style

    with tempfile.TemporaryDirectory() as folder, style.look():
        drawn, axes = style.figure(size=(2, 1))
        axes.plot([0, 1])
        path = style.finish(drawn, Path(folder) / "x.png", "x", "x")
        return path.stat().st_size > 1000, "figures can be drawn"


def _threads() -> Check:
    given = {
        name: os.environ[name]
        for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
        if name in os.environ
    }
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return True, f"{cores} cores" + (f"; {', '.join(f'{k}={v}' for k, v in given.items())}" if given else "")


CHECKS: dict[str, Callable[[], Check]] = {
    "Python": _python, "packages": _packages, "processors": _threads, "files": _files, "disk": _disk, "solver": _solve,
    "NetCDF": _netcdf, "figures": _figures,
}  # fmt: skip
