"""The scenarios of a sweep: their files, with what the sweep lays over them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from calibration import Calibration, strict_yaml
from calibration.errors import InputError, Problem
from calibration.load import placed
from calibration.strict_yaml import Document
from scenarios import library
from scenarios.scenario import Place, Scenario
from scenarios.sweeps.design import Case, Design


@dataclass(frozen=True)
class Read:
    """A scenario of a sweep as far as it could be read, and the text it comes from."""

    scenario: Scenario
    document: Document
    right: bool  # nothing is wrong with it


def documents(design: Design, whole: Place) -> tuple[dict[str, Document], list[Problem]]:
    """The scenario files by their key, with what the sweep lays over them, and what cannot be read."""
    found, problems = {}, []
    for key, case in design.scenarios.items():
        entry = case if isinstance(case, Case) else Case(scenario=case)
        if whole.refused("scenarios", key) or whole.refused("scenarios", key, "scenario"):
            continue
        try:
            file = strict_yaml.load(library.find(entry.scenario, Path(whole.file).parent))
        except InputError as error:
            problems += [
                whole.problem(("scenarios", key), within(p), p.expected, p.suggestion) for p in error.problems
            ]
            continue
        data = file.data
        if isinstance(data, dict) and (entry.add or entry.change):
            data = {**data, **entry.change}
            given = data.get("instruments") or []
            if isinstance(given, list):  # anything else is refused where the file is read
                data["instruments"] = [*given, *entry.add]
        found[key] = Document(file.file, data, file.lines)
    return found, problems


def calibration_name(documents: Mapping[str, Document]) -> str:
    """The one calibration that all scenarios name, paths taken from their folders. Raises InputError."""
    said = [
        placed(str(doc.data.get("calibration", "")), Path(doc.file).parent)
        for doc in documents.values()
        if isinstance(doc.data, dict)
    ]
    names = {Path(name).resolve() for name in said}
    if len(names) != 1:
        text = f"the scenarios name {len(names)} calibrations"
        raise InputError(Problem(text, expected="one; or calibration: in the sweep"))
    return said[0]


def within(problem: Problem) -> str:
    """What is wrong in a file that another one names."""
    position = f"{problem.file}:{problem.line}" if problem.file and problem.line else problem.file
    return ": ".join(part for part in (position, problem.where, problem.what) if part)


def read(
    key: str, design: Design, found: Document | None, base: Calibration | None, whole: Place
) -> tuple[Read, list[Problem]]:
    """A scenario of the sweep and its problems; where the sweep changes the file, at the place where it does."""
    if found is None:
        return Read(UNREAD, Document("", {}, {}), False), []
    scenario, problems = library.partly(found, Path(found.file).parent, base)
    read = Read(scenario or UNREAD, found, not problems)
    if not isinstance(design.scenarios[key], Case):
        return read, list(problems)
    name = Path(found.file).name
    return read, [
        whole.problem(("scenarios", key), f"{name}, changed: {p.where}: {p.what}", p.expected, p.suggestion)
        for p in problems
    ]


# Of which nothing is known.
UNREAD = Scenario(name="x", title="x", question="x", calibration="x").placed(
    Place(doubts=frozenset({()})), {}
)
