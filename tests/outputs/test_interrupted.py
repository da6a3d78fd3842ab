"""Ctrl-C in a terminal reaches every process of a command: the main one alone answers it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ARTIST = "from outputs.draw import Artist; one = Artist(); alive = lambda: one.process.poll() is None"
SOLVER = "from outputs.explorer.worker import Worker; one = Worker(); alive = one._process.is_alive"
# The main process is deaf, so that only what its child does is seen.
INTERRUPT = """
import os, signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
for _ in range(15):
    os.killpg(0, signal.SIGINT)
    time.sleep(0.2)
print(alive())
"""


@pytest.mark.skipif(os.name == "nt", reason="no process groups")
@pytest.mark.parametrize(
    ("start", "end"),
    [(ARTIST, "one.__exit__(None, None, None)"), (SOLVER, "one.close()")],
    ids=["figures", "explorer"],
)
def test_child_processes_leave_an_interrupt_to_the_main_one(start, end):
    done = subprocess.run(
        [sys.executable, "-c", start + INTERRUPT + end], cwd=ROOT, capture_output=True, text=True, check=False,
        timeout=60, start_new_session=True,
    )  # fmt: skip
    assert (done.stdout, done.stderr, done.returncode) == ("True\n", "", 0)
