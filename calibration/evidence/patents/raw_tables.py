"""Records of a file, one at a time: CSV, TSV, JSON lines and Parquet, packed by gzip or zip or not."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from calibration.errors import InputError, Problem
from calibration.files import MEGABYTE

MAX_RECORD = 50 * MEGABYTE  # characters of a cell or a line: whole texts of patents are far below it
FORMATS = ("csv", "tsv", "jsonl", "parquet")


def format_of(name: str) -> str:
    """csv, tsv, jsonl or parquet by the ending of a name, "" when it is none of these."""
    bare = re.sub(r"\.(gz|zip)$", "", name.lower())
    ending = bare.rsplit(".", 1)[-1]
    return {"txt": "tsv", "ndjson": "jsonl", "json": "jsonl"}.get(ending, ending if ending in FORMATS else "")


def records(path: Path) -> Iterator[tuple[dict[str, Any], int]]:
    """Every record of a file and the line it starts in."""
    kind = format_of(path.name)
    if not kind:
        raise InputError(
            Problem("no known format", str(path), expected="a file ending in ." + ", .".join(FORMATS))
        )
    if kind == "parquet":
        yield from _parquet(path)
        return
    try:
        with _open(path) as stream:
            yield from _jsonl(stream, path) if kind == "jsonl" else _delimited(stream, path, kind)
    except FileNotFoundError as error:
        raise InputError(Problem("no such file", str(path))) from error
    except UnicodeDecodeError as error:
        raise InputError(Problem("not UTF-8 text", str(path), expected="a file saved as UTF-8")) from error
    except (gzip.BadGzipFile, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise InputError(Problem(f"cannot be unpacked ({error})", str(path))) from error
    except (OSError, RuntimeError) as error:  # RuntimeError: an archive with a password
        raise InputError(Problem(f"cannot be read ({error})", str(path))) from error


@contextmanager
def _open(path: Path) -> Iterator[TextIO]:
    if path.suffix == ".gz":
        with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as stream:
            yield stream
    elif path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
            if len(names) != 1:
                raise InputError(
                    Problem(f"{len(names)} files in the archive", str(path), expected="one file")
                )
            with archive.open(names[0]) as raw:
                yield io.TextIOWrapper(raw, "utf-8-sig", newline="")
    else:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            yield stream


def _delimited(stream: TextIO, path: Path, kind: str) -> Iterator[tuple[dict[str, Any], int]]:
    before = csv.field_size_limit(MAX_RECORD)  # of the whole process
    reader = csv.reader(stream, delimiter="\t" if kind == "tsv" else ",", strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        while header and header[0].startswith("#"):  # comment lines before the header
            header = [name.strip() for name in next(reader, [])]
        if not header:
            raise InputError(Problem("the table is empty", str(path)))
        line = reader.line_num
        for cells in reader:
            if cells and len(cells) != len(header):
                what = f"{len(cells)} cells"
                raise InputError(
                    Problem(what, str(path), line + 1, expected=f"{len(header)}, as in the header")
                )
            if cells:
                yield dict(zip(header, cells, strict=True)), line + 1
            line = reader.line_num
    except csv.Error as error:
        raise InputError(Problem(f"not {kind.upper()}: {error}", str(path), reader.line_num)) from error
    finally:
        csv.field_size_limit(before)


def _jsonl(stream: TextIO, path: Path) -> Iterator[tuple[dict[str, Any], int]]:
    # A line is read up to the limit, so that a small packed file cannot fill the memory with one.
    for line, text in enumerate(iter(lambda: stream.readline(MAX_RECORD + 1), ""), start=1):
        if len(text) > MAX_RECORD:
            raise InputError(
                Problem(f"longer than {MAX_RECORD / MEGABYTE:g} million characters", str(path), line)
            )
        if not text.strip():
            continue
        try:
            record = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(Problem(f"not JSON: {error}", str(path), line)) from error
        if not isinstance(record, dict):
            raise InputError(Problem("not a JSON object", str(path), line, expected="one object per line"))
        yield record, line


def _parquet(path: Path) -> Iterator[tuple[dict[str, Any], int]]:
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            row = 0
            for batch in file.iter_batches(2000):
                for record in batch.to_pylist():
                    row += 1
                    yield record, row
    except FileNotFoundError as error:
        raise InputError(Problem("no such file", str(path))) from error
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise InputError(Problem(f"not a readable Parquet file ({error})", str(path))) from error
