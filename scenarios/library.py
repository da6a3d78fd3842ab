"""Reading scenario files: by path, or by name from this folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from calibration import strict_yaml
from calibration.errors import InputError, Problem, unknown_name
from calibration.files import named_in
from calibration.load import find as find_calibration
from calibration.load import placed
from calibration.strict_yaml import Document
from calibration.validate import validate
from scenarios import consistency
from scenarios.instruments import AnyInstrument, ExportQuota
from scenarios.scenario import Calibration, Place, Scenario

FOLDER = Path(__file__).parent


def available() -> dict[str, Path]:
    """The shipped scenarios by name; those of the examples as `examples/NAME`."""
    files = [*sorted(FOLDER.glob("*.yaml")), *sorted(FOLDER.glob("examples/*.yaml"))]
    return {path.relative_to(FOLDER).with_suffix("").as_posix(): path for path in files}


def find(name: str | Path, beside: Path | None = None) -> Path:
    """The file of a scenario: a path that exists, a file beside another one, or a name. Raises InputError."""
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        return path if beside is None else named_in(beside, path)
    if beside is not None and (beside / f"{name}.yaml").is_file():
        return beside / f"{name}.yaml"
    known = available()
    if str(name) not in known:
        problem = unknown_name("scenario", str(name), known)
        if path.is_dir():
            problem = Problem(
                "is a folder", str(path), expected="a scenario by name or a file ending in .yaml"
            )
        elif (FOLDER / "sweeps" / "designs" / f"{name}.yaml").is_file():
            problem = Problem(f"{name} is a sweep", expected=f"`python run.py sweep {name}`, or a scenario")
        raise InputError(problem)
    return known[str(name)]


def calibration_file(scenario: Scenario) -> Path:
    """The file of the calibration that a scenario names. Raises InputError when no shipped one has that name."""
    document = scenario.whole.document
    if document is None or ("calibration",) in document.origins:  # typed on the command line
        return find_calibration(scenario.calibration)
    return find_calibration(placed(scenario.calibration, Path(document.file).parent))


def load(
    name: str | Path,
    calibration: Calibration | None = None,
    edit: Callable[[Document], Document] | None = None,
) -> Scenario:
    """Read and check a scenario by path or name; with a calibration also that every name in it exists.

    `edit` changes what was read before it is checked, for settings that are not in the file. Raises InputError with
    every problem, each with file and line.
    """
    path = find(name)
    if path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())  # shorter in messages
    document = strict_yaml.load(path)
    return _finish(document if edit is None else edit(document), calibration, path.parent)


def parse(content: str | Mapping[str, Any], calibration: Calibration | None = None) -> Scenario:
    """Check a scenario given as YAML text or as a mapping. Raises InputError."""
    text = content if isinstance(content, str) else json.dumps(content, indent=1)
    return _finish(strict_yaml.loads(text, "<scenario>"), calibration, None)


def from_document(
    document: Document, folder: Path | None = None, calibration: Calibration | None = None
) -> Scenario:
    """Check a scenario that was read already; scenarios it names are looked for in `folder`. Raises InputError."""
    return _finish(document, calibration, folder)


def _finish(document: Document, calibration: Calibration | None, folder: Path | None) -> Scenario:
    found: list[Problem] = []
    try:
        scenario = _placed(validate(Scenario, document), Place(document))
    except InputError as error:
        found += error.problems
        part = _readable_part(document)
        if part is None:
            raise
        scenario = part
    else:
        found += _references(scenario, document, folder)
        if not found:
            scenario = _swapped(scenario, folder)
    found += consistency.problems(scenario)
    if calibration is not None:
        try:
            scenario.check(calibration)
        except InputError as error:
            found += (problem for problem in error.problems if problem not in found)
    if found:
        raise InputError(sorted(found, key=lambda problem: (problem.file, problem.line or 0)))
    return scenario


def _placed(scenario: Scenario, whole: Place, positions: Sequence[int] | None = None) -> Scenario:
    """The scenario, knowing where its instruments stand in the file."""
    lines = zip(positions or range(len(scenario.instruments)), scenario.instruments, strict=True)
    places = {line.name: Place(whole.document, ("instruments", at)) for at, line in lines}
    return scenario.placed(whole, places)


def _readable_part(document: Document) -> Scenario | None:
    """What can be read of a scenario whose schema has errors, so that the names in the rest are checked as well."""
    data = document.data
    if not isinstance(data, dict) or not isinstance(data.get("instruments", []), list):
        return None
    read = [(position, _mended(line)) for position, line in enumerate(data.get("instruments", []))]
    positions = [position for position, line in read if line is not None]
    frame: dict[str, Any] = {"name": "part", "title": "", "question": "", "calibration": ""}
    for keys in (("horizon", "year", "years"), ("coalitions",), ("groups",), ("parameters",)):
        given = {key: data[key] for key in keys if key in data}
        with suppress(ValidationError):
            Scenario.model_validate_json(json.dumps(frame | given))
            frame |= given
    if ("year" in data or "years" in data) and not frame.keys() & {"year", "years"}:
        return None  # without its years nothing can be said of what is dated
    with suppress(ValidationError):
        scenario = Scenario.model_validate_json(json.dumps(frame))
        named = (line.model_copy(update={"name": f"line-{at}"}) for at, line in read if line is not None)
        return _placed(scenario.model_copy(update={"instruments": tuple(named)}), Place(document), positions)
    return None


_ONE: TypeAdapter[Any] = TypeAdapter(AnyInstrument)
# What stands in for a number that cannot be read, so that the names beside it can still be looked up.
_STAND_IN: Mapping[str, Any] = {
    "limit": 1000, "rate": 0, "cost": 0, "multiplier": 1, "tonnes": 0, "build_time": 0, "from": 1900, "spending": 0,
    "purchase": 1e9, "capacity_cost": {"value": 1, "unit": "ratio", "source": "", "status": "analyst"},
}  # fmt: skip


def _mended(line: Any) -> Any:
    """An instrument without the fields that cannot be read; None when too little is left."""
    for _ in range(2):
        try:
            return _ONE.validate_json(json.dumps(line))
        except ValidationError as error:
            bad = {detail["loc"][1] for detail in error.errors() if len(detail["loc"]) > 1}
            if not isinstance(line, dict):
                return None
            kept = {key: value for key, value in line.items() if key not in bad}
            line = kept | {key: value for key, value in _STAND_IN.items() if key in bad}
    return None


def _references(scenario: Scenario, document: Document, folder: Path | None) -> Iterator[Problem]:
    """Other scenarios that are named exist."""
    for key in ("compare_with", *SWAPS):
        name = getattr(scenario, key)
        if name is not None:
            try:
                find(name, folder)
            except InputError as error:
                for problem in error.problems:
                    yield document.problem((key,), problem.what, problem.expected, problem.suggestion)


SWAPS = ("tax_equivalent_of", "taxes_from_licences_of")


def _swapped(scenario: Scenario, folder: Path | None) -> Scenario:
    """A closure swap: the lines of another scenario before our own.

    Its quotas with an ad-valorem licence (quantity fixed, tax found), or as they are, to be taxed at their licence
    (tax fixed, quantity found). Raises InputError when that scenario has no quota, is itself a swap, or shares a name
    with our lines, and when both swaps are asked for.
    """
    asked = [key for key in SWAPS if getattr(scenario, key) is not None]
    if not asked:
        return scenario
    if len(asked) > 1:
        raise InputError(scenario.whole.problem((asked[1],), f"stands beside {asked[0]}", "one of them"))
    other = load(find(getattr(scenario, asked[0]), folder))
    quotas = [line for line in other.instruments if isinstance(line, ExportQuota)]
    faults = []
    if any(getattr(other, key) is not None for key in SWAPS):
        faults.append("borrows its quotas itself")
    if not quotas:
        faults.append("has no export quota")
    own = {line.name for line in scenario.instruments}
    faults += [
        f"also has an instrument called {line.name!r}" for line in other.instruments if line.name in own
    ]
    if faults:
        raise InputError(scenario.whole.problem((asked[0],), f"{other.name} {fault}") for fault in faults)
    licence = {"licence": "ad_valorem"} if asked[0] == "tax_equivalent_of" else {}
    borrowed = tuple(
        line.model_copy(update=licence) if isinstance(line, ExportQuota) else line
        for line in other.instruments
    )
    places = {line.name: other.place(line.name) for line in other.instruments}
    places |= {line.name: scenario.place(line.name) for line in scenario.instruments}
    both = scenario.model_copy(
        update={
            "instruments": (*borrowed, *scenario.instruments),
            "coalitions": {**other.coalitions, **scenario.coalitions},
            "groups": {**other.groups, **scenario.groups},
        }
    )
    return both.placed(scenario.whole, places)
