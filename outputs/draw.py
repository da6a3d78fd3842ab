"""Figures drawn in a second process, so that solving and writing go on meanwhile.

`python -m outputs.draw` reads jobs from standard input, each a pickled result and a folder; each line of the answer is
empty, or says what went wrong.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import xarray as xr

ROOT = Path(__file__).parents[1]


class Artist:
    """The second process. It loads its libraries as soon as it is made."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "outputs.draw"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},  # the cores are for the solver
            start_new_session=True,  # Ctrl-C is for the main process, which ends this one
        )  # fmt: skip
        self.jobs = 0
        self.sender = ThreadPoolExecutor(1)  # jobs wait there until the process reads

    def draw(self, dataset: xr.Dataset, folder: Path) -> None:
        """Ask for the figures of a result; returns at once."""
        self.sender.submit(self._send, pickle.dumps((dataset, folder.resolve())))
        self.jobs += 1

    def _send(self, job: bytes) -> None:
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):  # `wait` says that the process has ended
            self.process.stdin.write(job)
            self.process.stdin.flush()

    def wait(self) -> None:
        """Until everything that was asked for is drawn. Raises RuntimeError when something was not."""
        assert self.process.stdout is not None
        faults = [
            json.loads(line)
            for line in (self.process.stdout.readline() for _ in range(self.jobs))
            if line.strip()
        ]
        self.jobs = 0
        if any(faults) or self.process.poll() is not None:
            raise RuntimeError(
                f"figures were not drawn: {'; '.join(filter(None, faults)) or 'the process ended'}"
            )

    def __enter__(self) -> Artist:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.process.kill()
        self.sender.shutdown()
        if self.process.stdin is not None:
            with suppress(BrokenPipeError):
                self.process.stdin.close()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


def main() -> None:
    """Draw what standard input asks for until it ends."""
    from outputs import figures

    while True:
        try:
            dataset, folder = pickle.load(sys.stdin.buffer)  # noqa: S301  (made by this program a moment ago)
        except EOFError:
            return
        fault = ""
        try:
            figures.draw_scenario(dataset, folder)
        except Exception as error:  # noqa: BLE001 - handed to the process that asked
            fault = f"{type(error).__name__}: {error}"
        print(json.dumps(fault), flush=True)


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:
        sys.exit(130)
