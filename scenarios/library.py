"""Reading scenario files: by path, or by name from this folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from calibration import strict_yaml
from calibration.errors import InputError, Problem, unknown_name
from calibration.files import is_there, named_in
from calibration.load import find as find_calibration
from calibration.load import placed
from calibration.salvage import LEFT_OUT
from calibration.strict_yaml import Document
from calibration.validate import read
from scenarios import consistency
from scenarios.instruments import ExportQuota
from scenarios.scenario import Calibration, Place, Scenario

FOLDER = Path(__file__).parent
Finder: TypeAlias = Callable[[Scenario], Calibration]


def available() -> dict[str, Path]:
    """The shipped scenarios by name; those of the examples as `examples/NAME`."""
    files = [*sorted(FOLDER.glob("*.yaml")), *sorted(FOLDER.glob("examples/*.yaml"))]
    return {path.relative_to(FOLDER).with_suffix("").as_posix(): path for path in files}


def find(name: str | Path, beside: Path | None = None) -> Path:
    """The file of a scenario: a path that exists, a file beside another one, or a name. Raises InputError."""
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        return path if beside is None else named_in(beside, path)
    if beside is not None and is_there(beside / f"{name}.yaml"):
        return beside / f"{name}.yaml"
    known = available()
    if str(name) not in known:
        problem = unknown_name("scenario", str(name), known)
        if is_there(path, Path.is_dir):
            problem = Problem(
                "is a folder", str(path), expected="a scenario by name or a file ending in .yaml"
            )
        elif is_there(FOLDER / "sweeps" / "designs" / f"{name}.yaml"):
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
    calibration: Calibration | Finder | None = None,
    edit: Callable[[Document], Document] | None = None,
) -> Scenario:
    """Read and check a scenario by path or name; with a calibration also that every name in it exists.

    A function that finds the calibration of a scenario is asked for the one that the file names. `edit` changes what
    was read before it is checked, for settings that are not in the file. Raises InputError with every problem, each
    with file and line.
    """
    path = find(name)
    if path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())  # shorter in messages
    document = strict_yaml.load(path)
    return from_document(document if edit is None else edit(document), path.parent, calibration)


def parse(content: str | Mapping[str, Any], calibration: Calibration | Finder | None = None) -> Scenario:
    """Check a scenario given as YAML text or as a mapping. Raises InputError."""
    text = content if isinstance(content, str) else json.dumps(content, indent=1)
    return from_document(strict_yaml.loads(text, "<scenario>"), None, calibration)


def from_document(
    document: Document, folder: Path | None = None, calibration: Calibration | Finder | None = None
) -> Scenario:
    """Check a scenario that was read already; scenarios it names are looked for in `folder`. Raises InputError."""
    scenario, found = partly(document, folder, calibration)
    if scenario is None or found:
        raise InputError(found)
    return scenario


def partly(
    document: Document, folder: Path | None = None, calibration: Calibration | Finder | None = None
) -> tuple[Scenario | None, tuple[Problem, ...]]:
    """What can be read of a scenario, and everything wrong with it in the order of the file; None when it is no
    mapping. The scenario's places say which parts of it are not the file's."""
    scenario, found = _read(document)
    if scenario is None:
        return None, tuple(found)
    if calibration is not None and callable(calibration):
        calibration, problems = _named(scenario, calibration)
        found += problems
    found += _compared(scenario, folder)
    scenario, problems = _swapped(scenario, folder)
    found += problems
    found += consistency.problems(scenario)
    if calibration is not None:
        try:
            scenario.check(calibration)
        except InputError as error:
            found += error.problems
    return scenario, tuple(in_order(found))


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    """Each problem once, by file and line."""
    return sorted(dict.fromkeys(problems), key=lambda problem: (problem.file, problem.line or 0))


def _read(document: Document) -> tuple[Scenario | None, list[Problem]]:
    """What can be read of one file, knowing where it stands."""
    reading = read(Scenario, document, STAND_INS)
    if reading.record is None:
        return None, list(reading.problems)
    whole = Place(reading.document, (), reading.doubts)
    lines = enumerate(reading.record.instruments)
    places = {line.name: whole.at("instruments", position) for position, line in lines}
    return reading.record.placed(whole, places), list(reading.problems)


def _named(scenario: Scenario, finder: Finder) -> tuple[Calibration | None, list[Problem]]:
    """The calibration that a scenario names; what has no file of its own is told where the name stands."""
    if not scenario.whole.sure("calibration"):
        return None, []
    try:
        return finder(scenario), []
    except InputError as error:
        here = scenario.whole
        return None, [
            p if p.file else here.problem(("calibration",), p.what, p.expected, p.suggestion)
            for p in error.problems
        ]


# What is read in place of a value that is refused: nothing follows from it, for itself or for what stands beside it.
STAND_INS: Mapping[str, Any] = {
    **dict.fromkeys(("name", "title", "question", "calibration", "text", "source", "region", "stage"), "x"),
    **dict.fromkeys(
        (
            "year", "years", "horizon", "at_target", "regimes", "deficits", "compare_with", "tax_equivalent_of",
            "taxes_from_licences_of", "parameters", "coalitions", "groups", "sources", "assumptions", "instruments",
            "instruments.*.name", "from", "until", "note", "url", "paid_by", "weight", "licence", "rent_to_importer",
            "leak_margin", "share",
        ),
        LEFT_OUT,
    ),
    **{
        key + part: "all"
        for key in ("elements", "goods", "origins", "destinations", "regions", "sectors", "technologies")
        for part in ("", ".*")
    },
    **dict.fromkeys(("rate", "add", "cost", "tonnes", "spending", "release", "build_time"), 0),
    "all_but": "all", "all_but.*": "all", "coalitions.*": ["x"], "groups.*": ["x"], "status": "analyst",
    "instruments.*": {"type": "remove_base_licence"},
    "limit": 1000, "multiplier": 1, "purchase": 1e9, "initial": 1e9,
    "capacity_cost": {"value": 1, "unit": "ratio", "source": "x", "status": "analyst"},
}  # fmt: skip
SWAPS = ("tax_equivalent_of", "taxes_from_licences_of")


def _compared(scenario: Scenario, folder: Path | None) -> list[Problem]:
    """The scenario to compare with exists."""
    if scenario.compare_with is not None:
        try:
            find(scenario.compare_with, folder)
        except InputError as error:
            return _at(scenario, "compare_with", error)
    return []


def _at(scenario: Scenario, key: str, error: InputError) -> list[Problem]:
    """Problems of what a key names, where it stands."""
    return [scenario.whole.problem((key,), p.what, p.expected, p.suggestion) for p in error.problems]


def _swapped(scenario: Scenario, folder: Path | None) -> tuple[Scenario, list[Problem]]:
    """A closure swap: the lines of another scenario before our own.

    Its quotas with an ad-valorem licence (quantity fixed, tax found), or as they are, to be taxed at their licence
    (tax fixed, quantity found). It is a problem when that scenario has no quota, is itself a swap, or shares a name
    with our lines, and when both swaps are asked for.
    """
    asked = [key for key in SWAPS if getattr(scenario, key) is not None]
    if not asked:
        return scenario, []
    try:
        file = find(getattr(scenario, asked[0]), folder)
        other, found = _read(strict_yaml.load(file))
    except InputError as error:
        other, found = None, [p for p in error.problems if p.file] or _at(scenario, asked[0], error)
    if len(asked) > 1:
        found.append(scenario.whole.problem((asked[1],), f"stands beside {asked[0]}", "one of them"))
    if other is None or not (other.whole.sure("coalitions") and other.whole.sure("groups")):
        # Whose groups may be meant here: nothing can be said of names that look unknown.
        whole = replace(scenario.whole, doubts=scenario.whole.doubts | {(asked[0],)})
        scenario = scenario.placed(
            whole, {line.name: scenario.place(line.name) for line in scenario.instruments}
        )
    if other is None:
        return scenario, found
    found += consistency.problems(other)
    found += [
        scenario.whole.problem((asked[0],), f"{other.name} {fault}") for fault in _unfit(scenario, other)
    ]
    return _with_lines_of(other, scenario, asked[0]), found


def _unfit(scenario: Scenario, other: Scenario) -> Iterator[str]:
    """Why the lines of another scenario cannot be taken."""
    if any(getattr(other, key) is not None for key in SWAPS):
        yield "borrows its quotas itself"
    elif not any(isinstance(line, ExportQuota) for line in other.instruments) and other.whole.sure(
        "instruments"
    ):
        yield "has no export quota"
    own = {line.name for line in scenario.instruments}
    for line in other.instruments:
        if line.name in own:
            yield f"also has an instrument called {line.name!r}"


def _with_lines_of(other: Scenario, scenario: Scenario, swap: str) -> Scenario:
    licence = {"licence": "ad_valorem"} if swap == "tax_equivalent_of" else {}
    own = {line.name for line in scenario.instruments}
    borrowed = tuple(
        line.model_copy(update=licence) if isinstance(line, ExportQuota) else line
        for line in other.instruments
        if line.name not in own
    )
    places = {line.name: other.place(line.name) for line in borrowed}
    places |= {line.name: scenario.place(line.name) for line in scenario.instruments}
    both = scenario.model_copy(
        update={
            "instruments": (*borrowed, *scenario.instruments),
            "coalitions": {**other.coalitions, **scenario.coalitions},
            "groups": {**other.groups, **scenario.groups},
        }
    )
    return both.placed(scenario.whole, places)
