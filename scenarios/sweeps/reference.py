"""The JSON schema of sweep files, for completion and checks in an editor: `python -m scenarios.sweeps.reference`."""

from __future__ import annotations

import json
from pathlib import Path

from calibration.files import write_text
from scenarios.sweeps.design import Design

SCHEMA = Path(__file__).parent / "sweep.schema.json"


def schema_text() -> str:
    """The schema as the file has it."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Design.model_json_schema(by_alias=True),
    }
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    write_text(SCHEMA, schema_text())
