"""Run benchmarks: `python benchmarks/run.py [NAME...]` prints one JSON line for each work; without names all of them.

Works are the entries of `WORKS` in the modules of this folder: a name and a function that returns what it measured
(seconds, peak_mb, note, and ratio and rival where there is one). `--write` also stores the lines in
benchmarks/results.json and on docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent
RESULTS = FOLDER / "results.json"
PAGE = ROOT / "docs" / "benchmarks.md"


def works() -> dict[str, Callable[[], dict[str, Any]]]:
    """All works by name, from the modules of this folder."""
    sys.path.insert(0, str(ROOT))
    found: dict[str, Callable[[], dict[str, Any]]] = {}
    for path in sorted(FOLDER.glob("*.py")):
        if path.stem not in ("run", "__main__", "__init__"):
            found |= getattr(importlib.import_module(f"benchmarks.{path.stem}"), "WORKS", {})
    return found


def seconds(line: dict[str, Any]) -> str:
    """Median and spread of a work as text."""
    value, spread = line["seconds"], line.get("spread", "")
    if isinstance(value, dict):
        value, spread = value["median"], f"{value['spread']:.2g}"
    return f"{value:.3g} ({spread})" if spread else f"{value:.3g}"


def page(lines: list[dict[str, Any]], machine: str) -> str:
    """The page of results."""
    cells = ("peak_mb", "ratio", "rival", "note")
    rows = [[line["name"], seconds(line), *(str(line.get(cell, "")) for cell in cells)] for line in lines]
    head = [["work", "seconds (spread)", "peak MB", "ratio to rival", "rival", "note"], ["---"] * 6]
    table = "\n".join(f"| {' | '.join(row)} |" for row in head + rows)
    about = f"Measured by `python benchmarks/run.py --write`, one thread of linear algebra, on {machine}."
    return f"# Benchmarks\n\n{about}\n\n{table}\n"


def main(argv: list[str]) -> int:
    """Run the works asked for."""
    parser = argparse.ArgumentParser(prog="benchmarks/run.py", description="Run benchmarks.")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--write", action="store_true", help="store the lines and the page")
    parser.add_argument("--source", metavar="DIR", help="folder of raw tables (WIOD), which are not shipped")
    args = parser.parse_args(argv)
    if args.source:
        os.environ["BENCHMARK_SOURCE"] = args.source
    known = works()
    unknown = [name for name in args.names if name not in known]
    if unknown:
        print(f"unknown work {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    lines = []
    for name in args.names or known:
        lines.append({"name": name, **known[name]()})
        print(json.dumps(lines[-1]), flush=True)
    if args.write:
        machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
        RESULTS.write_text(
            json.dumps({"machine": machine, "works": lines}, indent=1) + "\n", encoding="utf-8"
        )
        PAGE.write_text(page(lines, machine), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
