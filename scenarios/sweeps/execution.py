"""Running a sweep through `concurrent.futures.Executor`: in this process, in a pool, or on a Dask cluster.

Draws are cut into chunks of fixed size. A chunk is a pure function of its rows, so its numbers are the same whoever
computes it; only a few chunks are under way at a time, so memory does not grow with the number of draws.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import lru_cache
from typing import Any

import numpy as np

import calibration
from calibration.errors import InputError
from model.records import Array
from scenarios.processes import worker
from scenarios.sweeps import study as studies
from scenarios.sweeps.evaluate import evaluate
from scenarios.sweeps.storage import Chunk, Store, merge
from scenarios.sweeps.study import Spec, Study

THREADS = (
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
AHEAD = 3  # chunks under way for each worker
TIMEOUT = "20s"  # for a scheduler to answer
RESTARTS = 3  # of a pool whose worker was killed

Progress = Callable[[int], object]


class InProcess(Executor):
    """An executor that does the work itself, when it is submitted: nothing to set up, easy to debug."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call the function now."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001  (handed on by Future.result, as every executor does)
            future.set_exception(error)
        return future


def one_thread() -> AbstractContextManager[Any]:
    """BLAS with one thread: draws are parallel already, and sums are in one order."""
    try:
        from threadpoolctl import threadpool_limits
    except ModuleNotFoundError:
        return nullcontext()  # the environment variables of a pool's workers do the same
    return threadpool_limits(1)  # type: ignore[no-any-return]


def run_chunk(spec: Spec, number: int, rows: Array) -> Chunk:
    """Every draw of a chunk; runs in a worker. Raises InputError when the worker has other code or other tables."""
    start = time.perf_counter()
    study = _built(_Key(spec))
    with one_thread():
        done = evaluate(study, rows)
    values = np.array([each.values for each in done]).reshape(len(rows), len(study.columns))
    return Chunk(number, values, tuple(each.reason for each in done), time.perf_counter() - start)


class _Key:
    """A spec that can be looked up by its identity."""

    def __init__(self, spec: Spec) -> None:
        self.spec, self.identity = spec, spec.identity

    def __hash__(self) -> int:
        return hash(self.identity)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self.identity == other.identity


@lru_cache(maxsize=2)
def _built(key: _Key) -> Study:
    """The Study in this process, built once. Raises InputError when it would not be the same one."""
    from scenarios.sweeps.storage import differences

    spec = key.spec
    base = calibration.load(spec.calibration)
    here = studies.determined_by(spec.design, spec.documents, base)
    changed = differences(spec.determined_by, here)
    if changed:
        raise InputError(
            f"a worker differs from the main process in {', '.join(changed)}; expected the same checkout"
        )
    return studies.build(spec, base)


@contextmanager
def pool(workers: int) -> Iterator[Executor]:
    """Processes on this computer, each with one BLAS thread; 1 worker is this process."""
    if workers == 1:
        yield InProcess()
        return
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        context = multiprocessing.get_context("spawn")
        executor = ProcessPoolExecutor(workers, mp_context=context, initializer=worker)
        try:
            yield executor
        finally:
            executor.shutdown(wait=True, cancel_futures=True)
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def dask(address: str) -> Iterator[tuple[Executor, int]]:
    """A Dask cluster's workers as an executor, and how many there are. Raises InputError when nothing answers."""
    from distributed import Client

    try:
        client = Client(address, timeout=TIMEOUT)
    except (OSError, ValueError, TimeoutError) as error:
        raise InputError(f"--dask {address}: no scheduler answers ({error})") from error
    try:
        workers = len(client.scheduler_info(n_workers=-1)["workers"])
        if not workers:
            raise InputError(f"--dask {address}: the scheduler has no workers")
        yield client.get_executor(pure=False, retries=2), workers
    except (ModuleNotFoundError, RuntimeError) as error:
        if isinstance(error, ModuleNotFoundError) or "deserialization" in str(error):
            where = "expected both started in this checkout with PYTHONPATH=."
            raise InputError(
                f"--dask {address}: scheduler or workers do not find the code; {where}"
            ) from error
        raise
    finally:
        client.close()


def run(
    study: Study, store: Store, executor: Executor, workers: int, progress: Progress | None = None
) -> None:
    """Compute and save what is missing, then merge. What was saved stays when this is interrupted."""
    todo = store.missing()
    ahead = (
        1 if isinstance(executor, InProcess) else AHEAD * workers
    )  # what is done in this process is saved at once
    under_way: set[Future[Chunk]] = set()
    try:
        for number in itertools.islice(todo, ahead):
            under_way.add(_submit(study, store, executor, number))
        while under_way:
            done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
            for future in done:
                chunk = future.result()
                store.write(chunk)
                if progress is not None:
                    progress(len(chunk.reasons))
                following = next(todo, None)
                if following is not None:
                    under_way.add(_submit(study, store, executor, following))
    finally:
        for future in under_way:
            future.cancel()
    with one_thread():
        merge(study, store)


def _submit(study: Study, store: Store, executor: Executor, number: int) -> Future[Chunk]:
    return executor.submit(run_chunk, study.spec, number, study.sample.values[store.span(number)])


def run_in_pool(study: Study, store: Store, workers: int, progress: Progress | None = None) -> None:
    """`run` with processes of this computer; a pool that lost a worker is started again."""
    for attempt in itertools.count():
        try:
            with pool(workers) as executor:
                run(study, store, executor, workers, progress)
            return
        except BrokenProcessPool:
            if attempt == RESTARTS:
                raise
