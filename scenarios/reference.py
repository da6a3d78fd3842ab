"""What is made from the schema: the JSON schema that editors read, and the tables of docs/scenarios.md.

`python -m scenarios.reference` writes both; a test says when they are out of date.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from calibration.files import write_text
from scenarios.common import Instrument
from scenarios.instruments import AnyInstrument
from scenarios.overrides import AXES, AXIS_KIND, CHOICES
from scenarios.scenario import Scenario
from scenarios.selectors import ELEMENT_GROUPS

SCHEMA = Path(__file__).parent / "scenario.schema.json"
PAGE = Path(__file__).parents[1] / "docs" / "scenarios.md"
BEGIN = "<!-- The rest of this page is made by `python -m scenarios.reference`. -->\n"

KINDS: tuple[type[Instrument], ...] = get_args(get_args(AnyInstrument)[0])


def json_schema() -> dict[str, Any]:
    """The schema of a scenario file as JSON Schema, for completion and checks in an editor."""
    schema = _plain(Scenario.model_json_schema(by_alias=True))
    for kind in KINDS:
        schema["$defs"][kind.__name__]["description"] = f"{kind.summary} {kind.overlap}"
    schema["properties"]["parameters"]["properties"] = {
        **{name: {"description": f"axes: {_axes(name)}"} for name in AXES},
        **{name: {"enum": list(choices)} for name, choices in CHOICES.items()},
    }
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _plain(schema: Any) -> Any:
    """Without titles that only repeat names, nulls that mean "left out", and keys that editors do not know."""
    if isinstance(schema, list):
        return [_plain(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    plain = {
        key: {name: _plain(inner) for name, inner in value.items()}
        if key in ("properties", "$defs")
        else _plain(value)
        for key, value in schema.items()
        if key not in ("title", "discriminator") and not (key == "default" and value in (None, ""))
    }
    choices = [choice for choice in plain.get("anyOf", []) if choice != {"type": "null"}]
    if len(choices) == 1 and len(plain["anyOf"]) > 1:
        del plain["anyOf"]
        plain = {**choices[0], **plain}
    return plain


def schema_text() -> str:
    """The JSON schema as the file has it."""
    return json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n"


def page_text(page: str) -> str:
    """The documentation page with its tables renewed."""
    return page[: page.index(BEGIN)] + BEGIN + "\n" + "\n".join(_tables()) + "\n"


def _tables() -> Iterator[str]:
    schema = json_schema()
    yield "## Keys of a scenario\n"
    yield from _table(schema, schema, "key")
    yield "\n`sources` are entries with these keys, `assumptions` have `text` and `status`:\n"
    yield from _table(schema["$defs"]["Source"], schema, "key")
    yield "\n## Instruments\n"
    text = "Every instrument also has `name`, `from`, `until` and `note`."
    yield f"{text} Numbers such as E1 are those of [the model](model.md).\n"
    common = ("type", "name", "from", "until", "note")
    for kind in KINDS:
        definition = schema["$defs"][kind.__name__]
        yield f"### `{definition['properties']['type']['const']}`\n\n{kind.summary} {kind.overlap}\n"
        fields = {name: field for name, field in definition["properties"].items() if name not in common}
        if fields:
            yield from _table({**definition, "properties": fields}, schema, "field")
        yield ""
    yield "## Units\n"
    yield "| quantity | units, the first is meant when none is given |\n|---|---|"
    for name in ("Rate", "Tonnes", "Limit", "Money", "Price", "CapacityCost"):
        unit = schema["$defs"][name]["properties"]["unit"]
        yield f"| {_words(name)} | {', '.join(f'`{each}`' for each in unit['enum'])} |"
    yield "\n## Groups of elements\n"
    yield "`all` and `elements`: all elements of the calibration. A group stands for its members that are there.\n"
    yield "| group | members |\n|---|---|"
    for group, members in ELEMENT_GROUPS.items():
        yield f"| `{group}` | {' '.join(members)} |"
    yield "\n## Parameters that a scenario may change\n"
    yield "| parameter | axes | from | to |\n|---|---|---|---|"
    for name, (_, low, high) in AXES.items():
        yield f"| `{name}` | {_axes(name)} | {low:g} | {high:g} |"
    for name, choices in CHOICES.items():
        yield f"| `{name}` | | {' or '.join(f'`{choice}`' for choice in choices)} | |"


def _axes(name: str) -> str:
    return ", ".join(AXIS_KIND[axis] for axis in AXES[name][0]) or "one number"


def _table(definition: Mapping[str, Any], schema: Mapping[str, Any], head: str) -> Iterator[str]:
    """Fields with type, default and description; required ones are marked."""
    yield f"| {head} | value | default | meaning |\n|---|---|---|---|"
    required = definition.get("required", [])
    for name, field in definition["properties"].items():
        default = "required" if name in required else _default(field.get("default"))
        meaning = field.get("description", "").replace("|", "\\|")
        yield f"| `{name}` | {_value(field)} | {default} | {meaning} |"


def _default(value: Any) -> str:
    if value in (None, "", [], {}):
        return ""
    return f"`{', '.join(value) if isinstance(value, list) else value}`"


def _value(field: Mapping[str, Any]) -> str:
    """A field's type in the words of docs/scenarios.md."""
    if "enum" in field:
        return ", ".join(f"`{each}`" for each in field["enum"])
    if "$ref" in field:
        return _words(field["$ref"].rsplit("/", 1)[1])
    options = field.get("oneOf", [])
    for option in options:
        name = option.get("$ref", "").rsplit("/", 1)[-1]
        if name == "AllBut":
            return "names"
        if name:
            return _words(name)
    kind = field.get("type")
    if kind == "array":
        inner = _value(field["items"])
        return "list of instruments" if options or "oneOf" in field["items"] else f"list of {inner}"
    return {"string": "text", "number": "number", "integer": "whole number", "object": "mapping"}.get(
        str(kind), ""
    )


def _words(name: str) -> str:
    named = {"Rate": "rate", "Tonnes": "tonnes", "Limit": "limit", "Money": "money", "Price": "price",
             "CapacityCost": "capacity cost", "Source": "sources", "Assumption": "assumptions"}  # fmt: skip
    return named.get(name, name)


def main() -> None:
    """Write the JSON schema and the tables of the page."""
    write_text(SCHEMA, schema_text())
    write_text(PAGE, page_text(PAGE.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
