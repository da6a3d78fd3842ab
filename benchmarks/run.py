"""Run benchmarks: `python benchmarks/run.py [NAME...]` prints one JSON line for each work; without names all of them.

Works are the entries of `WORKS` in the modules of this folder: a name and a function that returns what it measured
(seconds, peak_mb, note, and ratio and rival where there is one). Several works run one after another, each in a process
of its own. `--write` also stores the lines in benchmarks/results.json and on docs/benchmarks.md; lines of works that
were not asked for stay.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402  (after the number of threads is set)

from benchmarks.page import page  # noqa: E402  (the root must be on the path first)

RESULTS = FOLDER / "results.json"
PAGE = ROOT / "docs" / "benchmarks.md"


def works() -> dict[str, Callable[[], dict[str, Any]]]:
    """All works by name, from the modules of this folder."""
    found: dict[str, Callable[[], dict[str, Any]]] = {}
    for path in sorted(FOLDER.glob("*.py")):
        if path.stem not in ("run", "page"):
            found |= getattr(importlib.import_module(f"benchmarks.{path.stem}"), "WORKS", {})
    return found


def measure(names: list[str]) -> Iterator[dict[str, Any]]:
    """Lines of works, each run in a process of its own; a work that fails says so in its note."""
    for name in names:
        command = [sys.executable, str(FOLDER / "run.py"), name]
        before = yardstick()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
            yield {"name": name, "seconds": None, "note": f"failed: {reason}"}
        else:
            line = json.loads(done.stdout.strip().splitlines()[-1])
            yield {**line, "yardstick_ms": round(1e3 * (before + yardstick()) / 2, 1)}


def yardstick() -> float:
    """Seconds of 20,000 calls on 1,000 numbers and 10 products of matrices: how fast the machine is now."""
    vector, matrix = np.linspace(0.0, 1.0, 1000), np.full((500, 500), 1e-3)
    begun = time.perf_counter()
    for _ in range(10_000):
        np.exp(vector + 1.0)
    for _ in range(10):
        matrix @ matrix
    return time.perf_counter() - begun


def write(lines: list[dict[str, Any]], known: Iterable[str], before: tuple[float, ...]) -> None:
    """Store the lines and the page, beside those of works that were not run now."""
    kept: list[dict[str, Any]] = (
        json.loads(RESULTS.read_text(encoding="utf-8"))["works"] if RESULTS.exists() else []
    )
    found = {line["name"]: line for line in [*kept, *lines]}
    ordered = [found[name] for name in known if name in found]
    load = f"the load was {before[0]:.1f} when they began and {os.getloadavg()[0]:.1f} when they ended."
    stored = json.dumps({"machine": machine(), "load": load, "works": ordered}, indent=1) + "\n"
    for path, text in ((RESULTS, stored), (PAGE, page(ordered, machine(), load))):
        fresh = path.with_suffix(".new")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(path)


def machine() -> str:
    """The class of machine, in a sentence."""
    info = Path("/proc/cpuinfo")
    named = re.search(r"model name\s*: (.*)", info.read_text()) if info.exists() else None
    kind = named.group(1).strip() if named else platform.machine()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{kind}, {os.cpu_count()} virtual cores, {memory:.0f} GB, Python {platform.python_version()}."


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
    before, lines = os.getloadavg(), []
    names = args.names or list(known)
    alone = len(names) == 1 and not args.write
    for line in [{"name": names[0], **known[names[0]]()}] if alone else measure(names):
        lines.append(line)
        print(json.dumps(line), flush=True)
    if args.write:
        write(lines, known, before)
    return int(any(line["seconds"] is None for line in lines))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
