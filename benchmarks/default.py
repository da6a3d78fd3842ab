"""The default calibration: one solve, and the whole default run."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parent.parent


def default_static() -> dict[str, Any]:
    """One quota solve of china-2009 under fixed technology, from the arrays of a base year never seen before."""
    import calibration
    import scenarios
    from model import Closure, solve

    times, own = [], []
    for _ in range(7):
        base = calibration.load("china-2009")
        shock = scenarios.load("china-2010-quota").shock(base, 2010)
        begun, spent = time.perf_counter(), time.process_time()
        solve(base.benchmark, shock, Closure("exogenous", "given", "given"))
        times.append(time.perf_counter() - begun)
        own.append(time.process_time() - spent)
    note = "china-2010-quota, exogenous, nothing kept from other solves"
    spread = f"{min(times):.3g} to {max(times):.3g}"
    return {"seconds": median(times), "spread": spread, "processor": min(own), "note": note}


def default_run() -> dict[str, Any]:
    """`run.py` alone, in a process of its own, start-up included."""
    times = []
    for _ in range(3):
        with tempfile.TemporaryDirectory() as out:
            begun = time.perf_counter()
            command = [sys.executable, "run.py", "compare", "--quiet", "--out", out]
            subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
            times.append(time.perf_counter() - begun)
    note = "the default comparison, figures and report included"
    return {"seconds": median(times), "spread": f"{min(times):.3g} to {max(times):.3g}", "note": note}


WORKS: dict[str, Callable[[], dict[str, Any]]] = {
    "default-static": default_static,
    "default-run": default_run,
}
