"""Time and memory of all metrics and of the network, without figures: the default base year and the full world table.

`python -m benchmarks.metrics [NAME]` runs them, each in a process of its own, so that the peak of memory is its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

for _threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

ROOT = Path(__file__).parents[1]
CALIBRATIONS = {"metrics-default": "china-2009", "metrics-wiod": "china-2009-full"}
DRAWS = 100
TARGETS = {"metrics-default": 3.0, "metrics-wiod": 20.0}  # seconds


def work(name: str) -> dict[str, Any]:
    """Read the base year and compute every metric that needs no solve: seconds, of them processor time, peak memory."""
    import resource

    import calibration
    from outputs.metrics import base, network, networktables, results, tables

    start, spent = time.perf_counter(), time.process_time()
    ready = base.prepare(calibration.load(CALIBRATIONS[name]))
    found = results.measure(ready, draws=DRAWS, solved=False)
    tables.all_tables(found)
    results.dataset(found)
    networktables.all_tables(network.measure(ready, solved=False))
    nodes = int((ready.flows.output > 0).sum())
    note = f"{nodes} nodes, {DRAWS} draws; {time.process_time() - spent:.2f} s of processor; target {TARGETS[name]:g} s"
    return {
        "name": name,
        "seconds": time.perf_counter() - start,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "note": note,
    }


def apart(name: str) -> dict[str, Any]:
    """`work` in a process of its own. Raises CalledProcessError when it fails."""
    command = [sys.executable, "-m", "benchmarks.metrics", "--inside", name]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _default() -> dict[str, Any]:
    return apart("metrics-default")


def _wiod() -> dict[str, Any]:
    if not (ROOT / "calibration" / "data" / "china-2009-full").is_dir():
        note = "the tables of china-2009-full are not built; see run.py calibrate --help"
        return {"name": "metrics-wiod", "seconds": None, "peak_mb": None, "note": note}
    return apart("metrics-wiod")


WORKS: dict[str, Callable[[], dict[str, Any]]] = {"metrics-default": _default, "metrics-wiod": _wiod}

if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        print(json.dumps(work(sys.argv[2])))
    else:
        for one in sys.argv[1:] or WORKS:
            print(json.dumps(WORKS[one]()))
