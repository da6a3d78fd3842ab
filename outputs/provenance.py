"""Where a result comes from: code, packages, inputs, and the run id that all of them determine."""

from __future__ import annotations

import hashlib
import platform
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from calibration.files import content_hash, source_hash

ROOT = Path(__file__).parents[1]
PACKAGES = ("model", "calibration", "scenarios", "outputs")
LIBRARIES = ("numpy", "scipy", "xarray", "h5netcdf", "h5py")  # what the bytes of a result depend on


@cache
def code_hash() -> str:
    """SHA-256 of the project's Python files, names included: it changes with any line of code."""
    return source_hash(ROOT, PACKAGES)


@cache
def lock_hash() -> str:
    """SHA-256 of the lock file, "" when there is none."""
    path = ROOT / "requirements.lock"
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


@cache
def commit() -> str:
    """The commit checked out, with "+changes" when files differ from it; "" outside a repository."""
    try:
        found = _git("rev-parse", "HEAD")
        return found + ("+changes" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return ""


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=True, timeout=5
    )
    return done.stdout.strip()


@cache
def version() -> str:
    """The version in pyproject.toml."""
    import tomllib

    return str(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])


def libraries() -> dict[str, str]:
    """Versions of the packages that results depend on."""
    return {name: metadata.version(name) for name in LIBRARIES}


def inputs(scenario: Any, calibration: Any, **options: object) -> dict[str, Any]:
    """Everything a result is determined by: contents, not places or times."""
    return {
        "scenario": scenario.model_dump(mode="json"),
        "calibration": {"name": calibration.name, "files": dict(sorted(calibration.hashes.items()))},
        "options": options,
        "code": {"version": version(), "sha256": code_hash()},
        "lock": lock_hash(),
        "python": platform.python_version(),
        "libraries": libraries(),
    }


def run_id(determined_by: Mapping[str, Any]) -> str:
    """Twelve hexadecimal digits of the SHA-256 of the inputs."""
    return content_hash(determined_by)[:12]


def circumstances(command: str, seconds: float, now: str) -> dict[str, Any]:
    """What does not determine a result: time, machine, commit, command."""
    return {
        "time": now,
        "seconds": round(seconds, 2),
        "command": command,
        "commit": commit(),
        "python": sys.version,
        "platform": platform.platform(),
    }
