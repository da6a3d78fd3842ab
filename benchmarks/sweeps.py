"""How fast sweeps run: draws of elasticities-2010 under three regimes, on one and on two processes.

`python -m benchmarks.sweeps [DRAWS]` prints draws per second and the scaling; 10,240 draws are the full design. With
fewer draws the time of the full design is extrapolated, and the line says so.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

for _threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

FULL = 10_240


def sweep(draws: int = FULL, workers: int = 2) -> str:
    """Run the sweep in a temporary folder; returns the SHA-256 of its results."""
    import hashlib

    from scenarios import sweeps
    from scenarios.sweeps import execution, storage

    study = sweeps.load("elasticities-2010", draws)
    with tempfile.TemporaryDirectory() as folder:
        store = storage.create(study, Path(folder))
        execution.run_in_pool(study, store, workers)
        return hashlib.sha256((store.folder / storage.RESULTS).read_bytes()).hexdigest()


WORKS: dict[str, Callable[[], object]] = {"sweep-10000": sweep}


def main(draws: int) -> None:
    """Time one and two workers on the same draws and compare their bytes."""
    seconds, hashes = {}, {}
    for workers in (1, 2):
        start = time.perf_counter()
        hashes[workers] = sweep(draws, workers)
        seconds[workers] = time.perf_counter() - start
        rate = draws / seconds[workers]
        note = "measured" if draws >= FULL else f"extrapolated from {draws} draws, start-up included"
        print(f"{workers} workers: {rate:.1f} draws/s; {FULL:,} draws in {FULL / rate / 60:.1f} min ({note})")
    print(f"scaling {seconds[1] / seconds[2]:.2f}; the same bytes: {hashes[1] == hashes[2]}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else FULL)
