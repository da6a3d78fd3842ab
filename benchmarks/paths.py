"""Time and memory of a path of 15 years: three regimes with their companions, and what cuts and embargoes would cost.

`python -m benchmarks.paths` prints one JSON line. Two processes, as `run.py path` has on two cores; nothing is written.
"""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Callable
from typing import Any

SCENARIO, YEARS = "china-2010-2015", "2009-2023"
WORKERS = 2
TARGET = 60.0  # seconds on 2 cores


def path() -> dict[str, Any]:
    """Solve the path from nothing; seconds, largest memory of a process, and how many equilibria were asked for."""
    import calibration
    import scenarios
    from outputs import settings
    from outputs.paths import labelled, work
    from outputs.paths.plan import plan
    from scenarios.sweeps.execution import pool

    start = time.perf_counter()
    edit = settings.editor([settings.parse(f"years={YEARS}")])
    base = calibration.load(scenarios.load(SCENARIO).calibration)
    ready = plan(scenarios.load(SCENARIO, base, edit), base, decompose=False)
    with pool(WORKERS) as executor:
        found = labelled.label(ready, work.run(ready, executor))
    seconds = time.perf_counter() - start
    assert found.dataset is not None
    assert not found.failed
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    peak = max(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, children.ru_maxrss) / 1e3
    load = f"{children.ru_utime + children.ru_stime:.0f} s of processor in {WORKERS} workers"
    years = work.count(ready)
    note = f"{len(ready.years)} years, {years} years of chains with cuts and embargoes; {load}; target {TARGET:g} s"
    return {"seconds": round(seconds, 1), "peak_mb": round(peak), "note": note}


WORKS: dict[str, Callable[[], dict[str, Any]]] = {"path-15y": path}

if __name__ == "__main__":
    print(json.dumps({"name": "path-15y", **path()}))
