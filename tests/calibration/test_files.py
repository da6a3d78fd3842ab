"""Files: read within limits, and written whole or not at all, whatever interrupts the writing."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from calibration.errors import InputError
from calibration.files import atomic_path, read_bytes, write_text

ROOT = Path(__file__).parents[2]


def test_a_file_is_written_with_its_folders(tmp_path):
    path = tmp_path / "a" / "b" / "t.txt"
    write_text(path, "één\n")
    assert path.read_bytes() == "één\n".encode()
    assert [entry.name for entry in path.parent.iterdir()] == ["t.txt"]


def test_a_new_file_has_the_usual_permissions(tmp_path):
    write_text(tmp_path / "t.txt", "x")
    (tmp_path / "usual.txt").write_text("x")
    assert (tmp_path / "t.txt").stat().st_mode == (tmp_path / "usual.txt").stat().st_mode


def test_an_error_while_writing_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("old")
    with pytest.raises(RuntimeError, match="stop"), atomic_path(path) as partial:  # noqa: PT012 - the point of it
        assert partial.suffix == ".csv"
        partial.write_text("half")
        raise RuntimeError("stop")
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["t.csv"]


def test_a_block_that_wrote_nothing_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "t.csv"):
        pass
    assert not list(tmp_path.iterdir())


def test_a_killed_writer_leaves_the_old_file(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text("old")
    script = (
        "import os, sys; from calibration.files import atomic_path\n"
        f"with atomic_path({str(path)!r}) as partial:\n"
        "    partial.write_text('half'); print('ready', flush=True); sys.stdin.read()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert path.read_text() == "old"
    assert all(entry.name == "t.txt" or entry.name.startswith(".partial-") for entry in tmp_path.iterdir())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_an_error_not_a_short_file(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text("old")
    with pytest.raises(OSError, match="No space left"), atomic_path(path) as partial:  # noqa: PT012
        partial.symlink_to("/dev/full")
        partial.write_text("x" * 100_000)
    assert path.read_text() == "old"


def test_reading_within_the_limit(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text("12345")
    assert read_bytes(path, 5) == b"12345"
    with pytest.raises(InputError, match="larger than the limit"):
        read_bytes(path, 4)


@pytest.mark.parametrize(
    ("name", "message"),
    [("no.txt", "no such file"), (".", "not a regular file"), ("a\x00b", "cannot be read")],
)
def test_what_cannot_be_read_is_said_so(tmp_path, name, message):
    with pytest.raises(InputError, match=message):
        read_bytes(str(tmp_path) + os.sep + name, 5)


def test_an_endless_device_is_not_read():
    with pytest.raises(InputError, match="not a regular file"):
        read_bytes("/dev/zero", 5)
