"""A copy of the project in which the commands of its pages are run, each once, whichever process asks first."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.calibration import three
from tests.docs.pages import PAGES, ROOT, files

LONGEST = 180  # seconds that a command may take


class Done(NamedTuple):
    """What a command left."""

    code: int
    out: str
    err: str


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock between processes."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class Workplace:
    """As somebody has it who cloned the project and activated its environment."""

    def __init__(self, shared: Path) -> None:
        self.root, self.records = shared / "clone", shared / "records"
        self.environment = {
            **os.environ,
            "PATH": f"{self.root / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "VIRTUAL_ENV": str(self.root / ".venv"),
        }
        self.environment.pop("PYTHONPATH", None)
        with locked(shared / "clone.lock"):
            if not self.records.is_dir():
                _copy(self.root)
                _files_of_the_reader(self.root)
                self.records.mkdir()

    def run(self, line: str) -> Done:
        """Run a line in bash, or tell what came of it before."""
        record = self.records / hashlib.sha256(line.encode()).hexdigest()[:16]
        with locked(record.with_suffix(".lock")):
            if not record.exists():
                done = subprocess.run(
                    ["bash", "-c", f"set -o pipefail\n{line}"],
                    cwd=self.root, env=self.environment, capture_output=True, text=True, timeout=LONGEST,
                    stdin=subprocess.DEVNULL, check=False,
                )  # fmt: skip
                record.write_text(json.dumps([done.returncode, done.stdout, done.stderr]))
            return Done(*json.loads(record.read_text()))

    @contextmanager
    def started(self, line: str) -> Iterator[subprocess.Popen[str]]:
        """A command that goes on until it is interrupted, and ends then."""
        process = subprocess.Popen(
            ["bash", "-c", f"exec env {line}"], cwd=self.root, env=self.environment, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.communicate(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                raise


def _files_of_the_reader(root: Path) -> None:
    """What pages have their reader write: YAML that they print, and calibrations of a table in the folder DIR."""
    for page in PAGES:
        for name, text in files(page.read_text(encoding="utf-8")).items():
            (root / name).write_text(text, encoding="utf-8")
    for name in ("my", "my-calibration"):
        three.write(root, root / "DIR", name)


def _environment(folder: Path) -> None:
    """The packages that run the tests, as `make` would have installed them here."""
    folder.mkdir()
    for name in ("bin", "lib", "lib64", "include"):
        if (Path(sys.prefix) / name).exists():
            (folder / name).symlink_to(Path(sys.prefix) / name)
    settings = Path(sys.prefix) / "pyvenv.cfg"
    text = settings.read_text() if settings.is_file() else f"home = {Path(sys.base_prefix) / 'bin'}\n"
    (folder / "pyvenv.cfg").write_text(text)
    for stamp in (".run", ".dev"):
        (folder / stamp).touch()


def _copy(root: Path) -> None:
    """The files that git knows, or all of them where there is no git."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode == 0:
        for name in filter(None, listed.stdout.split("\0")):
            if (ROOT / name).is_file():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, root / name)
    else:
        shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns(".*", "runs", "_build", "__pycache__"))
    _environment(root / ".venv")
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=False)  # for the hooks of `pre-commit install`
