"""What happens to work when something breaks; a few of each, the long counts are `python -m tests.faults`.

The faults are tried by a process of their own (`tests/faults.py`): only one without threads may be forked safely.
"""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
PATIENCE = 240  # seconds for everything a test starts


def tried(*words):
    """Run `python -m tests.faults`; what it says on standard output."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults", *words],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="processes are forked")
def test_what_is_killed_or_refused_leaves_nothing_half_done():
    faults = ("killed_at_a_step", "refused_at_a_step")
    said = tried("classify", "--seed", "5", *(f"--only={fault}" for fault in faults))
    assert all(fault in said for fault in faults)


def test_the_page_shows_what_was_recorded():
    from docs import faults

    assert faults.PAGE.read_text(encoding="utf-8") == faults.page(), "renew it: python -m docs.faults"
    for row in yaml.safe_load(faults.TRAPS.read_text(encoding="utf-8")):
        assert (ROOT / "tests" / row["test"]).is_file()


def test_every_file_has_a_row_also_one_that_was_never_drawn_from(monkeypatch):
    from docs import faults

    record = faults.records.read("mutation")
    monkeypatch.setattr(
        faults.records, "read", lambda _: {file: record[file] for file in record if file != "path"}
    )
    rows = [line.strip("| ").split(" | ") for line in faults.scores()[0].splitlines()[2:-1]]
    shown = {row[0]: row[2:] for row in rows}
    assert {path.stem for path in (ROOT / "model").glob("[!_]*.py")} <= set(shown) | set(faults.SPEED_ONLY)
    assert shown["path"] == ["0", "0", "0", "-"]


@pytest.mark.slow
@pytest.mark.parametrize("command", ["solve", "sweep", "classify", "report"])
def test_every_fault_of_every_command(command):
    tried(command, "--count", "3", "--seed", "1")


# In the child, so that no code runs between fork and exec in a process that may have threads.
LIMITED = (
    "import resource, runpy, signal, sys\n"
    "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"  # so that writing fails, as on a full disk
    "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)\n"
    "sys.dont_write_bytecode = True\n"
    "sys.argv = sys.argv[2:]\n"
    "runpy.run_path('run.py', run_name='__main__')\n"
)


@pytest.mark.skipif(sys.platform == "win32", reason="limits on the size of files are POSIX")
def test_a_full_disk_is_said_in_a_line_and_leaves_nothing(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, "1000", "run.py", "patents", "classify", "--out", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
    assert "File too large" in done.stderr.strip().splitlines()[-1]
    assert not list(tmp_path.iterdir())
