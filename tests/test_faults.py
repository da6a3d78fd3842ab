"""What happens to work when something breaks: killed processes, full disks, two writers at once, no place to write."""

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from outputs.store import PROVENANCE, file_hashes

ROOT = Path(__file__).parent.parent
QUICK = [
    "solve",
    "no-shock",
    "--regime",
    "exogenous",
    "--no-figures",
    "--no-security",
    "--no-decomposition",
    "-q",
]


def start(out, **options):
    """`run.py solve` of a small scenario, in a process of its own."""
    command = [sys.executable, "run.py", *QUICK, "--out", str(out)]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def ended(process):
    """Exit code of a process and what it said on standard error."""
    _, said = process.communicate()
    return process.returncode, said


def finished(out):
    """Folders with a final name, each checked against the hashes it was written with."""
    folders = [p for p in Path(out).glob("*") if not p.name.startswith(".partial-") and p.name != "whole"]
    for folder in folders:
        written = json.loads((folder / PROVENANCE).read_text(encoding="utf-8"))["files"]
        assert file_hashes(folder) == written, folder
    return folders


def kills(out, count, seed):
    """Kill a run at a random moment, over and over; then let one finish."""
    begun = time.monotonic()
    assert ended(start(out / "whole")) == (0, "")
    length = time.monotonic() - begun
    moments = random.Random(seed)
    for _ in range(count):
        process = start(out)
        time.sleep(moments.uniform(0.3, 1.05) * length)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert len(finished(out)) <= 1
    assert ended(start(out)) == (0, "")
    (again,) = finished(out)
    (whole,) = finished(out / "whole")
    assert (again / "results.nc").read_bytes() == (whole / "results.nc").read_bytes()


def test_a_killed_run_leaves_nothing_under_a_final_name(tmp_path):
    kills(tmp_path, 2, seed=1)


@pytest.mark.slow
def test_many_killed_runs_leave_nothing_under_a_final_name(tmp_path):
    kills(tmp_path, 100, seed=2)


def test_two_writers_of_the_same_run_leave_one_whole_folder(tmp_path):
    both = [start(tmp_path), start(tmp_path)]
    assert [ended(process) for process in both] == [(0, ""), (0, "")]
    assert len(finished(tmp_path)) == 1
    assert not list(tmp_path.glob(".partial-*"))


@pytest.mark.skipif(sys.platform == "win32", reason="limits on the size of files are POSIX")
def test_a_full_disk_is_said_in_a_line_and_leaves_nothing(tmp_path):
    def limited():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # so that writing fails, as on a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    process = start(tmp_path, preexec_fn=limited, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    code, said = ended(process)
    assert code == 3, said
    assert len(said.strip().splitlines()) == 1, said
    assert "Traceback" not in said
    assert not list(tmp_path.iterdir())


def test_no_place_to_write_is_said_in_a_line(tmp_path):
    place = tmp_path / "a-file"
    place.write_text("in the way")
    code, said = ended(start(place / "runs"))
    assert code == 3, said
    assert len(said.strip().splitlines()) == 1, said
    assert place.read_text() == "in the way"
