"""How fast sweeps run: draws of elasticities-2010 under three regimes.

`python benchmarks/run.py sweep-10000` runs the whole design on two processes. `python -m benchmarks.sweeps [DRAWS]`
measures some of its draws: what a worker does once, processor time for each draw, the scaling from one to two
processes, each after its start, and what that comes to for the whole design.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

for _threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

if TYPE_CHECKING:
    from scenarios.sweeps.study import Study

FULL = 10_240
CHUNK = 64  # draws, as in the sweep


def sweep(draws: int = FULL, workers: int = 2) -> dict[str, Any]:
    """The sweep from its design to its results, start of the processes included."""
    from scenarios import sweeps
    from scenarios.sweeps import execution, storage

    begun = time.perf_counter()
    study = sweeps.load("elasticities-2010", draws)
    with tempfile.TemporaryDirectory() as folder:
        store = storage.create(study, Path(folder))
        execution.run_in_pool(study, store, workers)
        content = (store.folder / storage.RESULTS).read_bytes()
    seconds = time.perf_counter() - begun
    note = f"{draws:,} draws, {len(study.solves)} regimes each, {workers} processes"
    digest = hashlib.sha256(content).hexdigest()
    return {"seconds": seconds, "draws_per_second": round(draws / seconds, 1), "note": note, "sha256": digest}


def _alone(study: Study, draws: int) -> tuple[float, float]:
    """Processor seconds of what a worker does once, and of one draw, in this process."""
    from scenarios.sweeps.evaluate import evaluate

    begun = time.process_time()
    evaluate(study, study.sample.values[:CHUNK])
    started = time.process_time()
    for at in range(CHUNK, CHUNK + draws, CHUNK):
        evaluate(study, study.sample.values[at : at + CHUNK])
    return started - begun, (time.process_time() - started) / draws


def _together(study: Study, draws: int, workers: int) -> tuple[float, bytes]:
    """Seconds that draws take in so many processes that have started, and the bytes of their outcomes."""
    from scenarios.sweeps import execution

    parts = [study.sample.values[at : at + CHUNK] for at in range(0, draws, CHUNK)]
    with execution.pool(workers) as executor:
        wait([executor.submit(execution.run_chunk, study.spec, 0, parts[0]) for _ in range(4 * workers)])
        begun = time.perf_counter()
        found = [executor.submit(execution.run_chunk, study.spec, n, part) for n, part in enumerate(parts)]
        values = b"".join(future.result().values.tobytes() for future in found)
        return time.perf_counter() - begun, values


def main(draws: int) -> None:
    """Measure some draws of the whole design."""
    from scenarios import sweeps

    study = sweeps.load("elasticities-2010", FULL)
    once, each = _alone(study, draws)
    print(
        f"one process: {once:.1f} s once, then {1000 * each:.1f} ms of processor for a draw, {1 / each:.1f} a second"
    )
    seconds, values = {}, {}
    for workers in (1, 2):
        seconds[workers], values[workers] = _together(study, draws, workers)
        rate = draws / seconds[workers]
        whole = once + FULL / rate
        print(f"{workers} workers: {rate:.1f} draws a second; {FULL:,} would take {whole / 60:.1f} min")
    print(f"scaling {seconds[1] / seconds[2]:.2f}; the same bytes: {values[1] == values[2]}")


WORKS: dict[str, Callable[[], object]] = {"sweep-10000": sweep}


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
