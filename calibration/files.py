"""Reading within limits, and writing so that a file is either the old one or the whole new one."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import secrets
import stat
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from calibration.errors import InputError, Problem

MEGABYTE = 1_000_000


def read_bytes(path: str | Path, limit: int) -> bytes:
    """The content of a regular file, of at most `limit` bytes; one whose name ends in .gz is unpacked.

    Raises InputError when the file is missing, unreadable, not a regular file or too large.
    """
    path = Path(path)
    try:
        # Asked before opening: opening a pipe would wait for its writer.
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputError(Problem("not a regular file", str(path)))
        if path.suffix == ".gz":
            with gzip.open(path) as stream:
                content = stream.read(limit + 1)
        else:
            with path.open("rb") as stream:
                content = stream.read(limit + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(Problem(f"not a readable gzip file ({error})", str(path))) from error
    except FileNotFoundError as error:
        raise InputError(Problem("no such file", str(path))) from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise InputError(
            Problem(f"cannot be read: {getattr(error, 'strerror', None) or error}", str(path))
        ) from error
    if len(content) > limit:
        raise InputError(Problem(f"larger than the limit of {limit / MEGABYTE:g} MB", str(path)))
    return content


def decode(content: bytes, file: str) -> str:
    """UTF-8 bytes as text, a byte-order mark dropped. Raises InputError with the line of the first bad byte."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        what = f"byte 0x{content[error.start]:02x} is not UTF-8 text"
        raise InputError(Problem(what, file, line, expected="a file saved as UTF-8")) from error


def try_writing(folder: Path) -> None:
    """Make a folder, and a file in it that is deleted at once. Raises OSError, which names the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".partial-"):
            pass
    except OSError as error:
        error.filename, error.filename2 = str(folder), None
        raise


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """A path beside `path` to write to; it takes the place of `path` when the block ends without an error.

    It has the same ending, from which libraries tell the format. A reader sees the old file or the whole new one,
    never a part; after a crash what is left is a file whose name starts with `.partial-`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{secrets.token_hex(6)}-{path.name}")
    try:
        yield partial
        _flush(partial)
        partial.replace(path)
        _flush(path.parent)
    except OSError as error:
        if error.filename == str(partial):  # the name that was asked for says more to who asked
            error.filename, error.filename2 = str(path), None
        raise
    finally:
        with suppress(FileNotFoundError):
            partial.unlink()


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    with atomic_path(path) as partial:
        partial.write_bytes(content)


def write_text(path: str | Path, text: str) -> None:
    """Write UTF-8 text whole or not at all, line ends as they stand in it."""
    write_bytes(path, text.encode())


def named_in(folder: Path, name: str | Path) -> Path:
    """The file that a file in `folder` calls by a path: beside it, or in the working folder where none is beside it."""
    there, here = folder / name, Path(name)
    return here if is_there(here) and not is_there(there) else there


def is_there(path: Path, kind: Callable[[Path], bool] = Path.is_file) -> bool:
    """Whether a path leads to a file; a name too long for one leads nowhere."""
    with suppress(OSError):
        return kind(path)
    return False


def content_hash(value: Any) -> str:
    """SHA-256 of nested mappings, lists and scalars; the order of keys counts, as it decides which setting wins."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def source_hash(root: Path, packages: Iterable[str]) -> str:
    """SHA-256 of the Python files of some packages below a folder, names included."""
    digest = hashlib.sha256()
    for package in packages:
        for path in sorted((root / package).rglob("*.py")):
            digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _flush(path: Path) -> None:
    """Have the disk hold what was written, so that the new name never points to an empty file after a power cut."""
    if path.is_dir() and os.name == "nt":  # folders cannot be opened there
        return
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
