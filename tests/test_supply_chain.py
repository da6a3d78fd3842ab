"""Every dependency is justified and listed; the bill of materials is that of the lock files."""

import json
import re
import tomllib
from pathlib import Path

from docs.sbom import TARGET, locked

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def direct():
    """Names of the packages the project itself asks for."""
    listed = [
        *PROJECT["dependencies"],
        *(d for extra in PROJECT["optional-dependencies"].values() for d in extra),
    ]
    return {re.match(r"[A-Za-z0-9._-]+", one).group() for one in listed} - {"rare-earth-model"}


def test_every_direct_dependency_has_its_reason():
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    missing = sorted(name for name in direct() if not re.search(rf"\b{re.escape(name)}\b", page))
    assert missing == []


def test_the_bill_of_materials_is_that_of_the_locks():
    components = json.loads(TARGET.read_text(encoding="utf-8"))["components"]
    listed = {c["name"]: c["version"] for c in components}
    assert listed == locked("requirements-dev.lock"), "renew it: python -m docs.sbom"
    required = {c["name"] for c in components if c["scope"] == "required"}
    assert required == set(locked("requirements.lock"))


def test_what_runs_the_model_has_a_licence_that_allows_it():
    components = json.loads(TARGET.read_text(encoding="utf-8"))["components"]
    for c in components:
        if c["scope"] == "required" and c["name"] != "colorama":  # colorama: Windows only
            names = " ".join(entry["license"]["name"] for entry in c.get("licenses", []))
            assert names, c["name"]
            assert not re.search(r"\bA?GPL", names), c["name"]
