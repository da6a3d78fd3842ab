"""Answers kept in SQLite, so that an interrupted run goes on where it stopped and no patent is paid for
twice.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from calibration.errors import InputError, Problem

_TABLE = """
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY,        -- fingerprint of model, prompt and text
    model TEXT NOT NULL,
    prompt TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('classified', 'unclassified')),
    answer TEXT NOT NULL,        -- JSON; empty when unclassified
    reason TEXT NOT NULL,
    requests INTEGER NOT NULL,   -- sent for this answer, failed ones included
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    created TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
) STRICT
"""


@dataclass(frozen=True, slots=True)
class CachedAnswer:
    """One row, without its time."""

    key: str
    model: str
    prompt: str
    status: str
    answer: str
    reason: str
    requests: int
    input_tokens: int
    output_tokens: int


class Cache:
    """Answers by key. Each is committed on its own: what was answered before a crash is kept."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def get(self, keys: Iterable[str]) -> dict[str, CachedAnswer]:
        """The answers there are for some keys."""
        wanted = list(dict.fromkeys(keys))
        found: dict[str, CachedAnswer] = {}
        for start in range(0, len(wanted), 500):
            some = wanted[start : start + 500]
            marks = ",".join("?" * len(some))
            rows = self._connection.execute(
                "SELECT key, model, prompt, status, answer, reason, requests, input_tokens, output_tokens "
                f"FROM answers WHERE key IN ({marks})",
                some,
            )
            found |= {row[0]: CachedAnswer(*row) for row in rows}
        return found

    def put(self, answer: CachedAnswer) -> None:
        """Keep an answer; the first one for a key stands."""
        with self._connection:
            self._connection.execute(
                "INSERT OR IGNORE INTO answers "
                "(key, model, prompt, status, answer, reason, requests, input_tokens, output_tokens) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    answer.key,
                    answer.model,
                    answer.prompt,
                    answer.status,
                    answer.answer,
                    answer.reason,
                    answer.requests,
                    answer.input_tokens,
                    answer.output_tokens,
                ),
            )

    def forget_unclassified(self, keys: Iterable[str]) -> int:
        """Drop the unclassified among some keys, so that they are asked again; how many there were."""
        with self._connection:
            return sum(
                self._connection.execute(
                    "DELETE FROM answers WHERE key = ? AND status = 'unclassified'", (key,)
                ).rowcount
                for key in set(keys)
            )


@contextmanager
def open_cache(path: str | Path) -> Iterator[Cache]:
    """A cache in a file, made when it is not there. Raises InputError when the file is no such cache."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=30)
    try:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(_TABLE)
        except sqlite3.DatabaseError as error:
            raise InputError(Problem(f"not a cache of answers ({error})", str(path))) from error
        yield Cache(connection)
    finally:
        connection.close()
