"""Software bill of materials: every package of the lock files with version and licence, in CycloneDX.

    .venv/bin/python -m docs.sbom          # renew docs/sbom.cdx.json after `make lock`

Versions come from requirements-dev.lock, licences from the metadata of the installed packages. Packages that this
platform does not install are listed without a licence.
"""

from __future__ import annotations

import json
import re
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
TARGET = ROOT / "docs" / "sbom.cdx.json"
PINNED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)", re.MULTILINE)


def locked(name: str) -> dict[str, str]:
    """Package names, normalised, and versions of a lock file."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return {re.sub(r"[-_.]+", "-", package).lower(): version for package, version in PINNED.findall(text)}


def licence(package: str) -> str | None:
    """The licence a package states: by expression, classifier or field. None when it says nothing."""
    try:
        about = metadata.metadata(package)
    except metadata.PackageNotFoundError:
        return None
    stated = about.get("License-Expression") or ""
    classifiers = [
        c.rsplit(" :: ", 1)[-1] for c in about.get_all("Classifier", []) if c.startswith("License ::")
    ]
    field = (about.get("License") or "").strip()
    return stated or "; ".join(classifiers) or (field if 0 < len(field) <= 80 else None) or None


def component(package: str, version: str, running: bool) -> dict[str, Any]:
    """One CycloneDX component; `required` packages run the model, the others test it or estimate its parameters."""
    entry: dict[str, Any] = {
        "type": "library", "name": package, "version": version, "purl": f"pkg:pypi/{package}@{version}",
        "scope": "required" if running else "optional",
    }  # fmt: skip
    stated = licence(package)
    if stated is not None:
        entry["licenses"] = [{"license": {"name": stated}}]
    return entry


def bill() -> dict[str, Any]:
    """The bill of materials."""
    running, everything = locked("requirements.lock"), locked("requirements-dev.lock")
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "rare-earth-model"}},
        "components": [component(p, v, p in running) for p, v in sorted(everything.items())],
    }  # fmt: skip


if __name__ == "__main__":
    TARGET.write_text(json.dumps(bill(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{TARGET.relative_to(ROOT)}: {len(bill()['components'])} packages")
