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
    """(c) One quota solve of china-2009 under fixed technology."""
    import calibration
    import scenarios
    from benchmarks.solver import cold
    from model import Closure

    def build() -> tuple[Any, Any]:
        base = calibration.load("china-2009")
        return base.benchmark, scenarios.load("china-2010-quota").shock(base, 2010)

    return cold(build, Closure("exogenous", "given", "given"), "china-2010-quota, exogenous")


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
