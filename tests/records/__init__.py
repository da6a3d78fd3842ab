"""What long runs found: counts that `tests.faults`, `tests.fuzzing` and `tests.mutation` add to with --record.

One JSON file each, in this folder; `python -m docs.faults` makes the page of them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from calibration.files import write_text

FOLDER = Path(__file__).parent


def read(name: str) -> dict[str, Any]:
    """A record; empty when nothing was recorded."""
    path = FOLDER / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def write(name: str, record: dict[str, Any]) -> None:
    """Replace a record."""
    write_text(
        FOLDER / f"{name}.json", json.dumps(record, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    )
