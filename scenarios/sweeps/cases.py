"""The scenarios of a sweep: their files, with what the sweep lays over them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from calibration import Calibration, strict_yaml
from calibration.errors import InputError, Problem
from calibration.load import placed
from calibration.strict_yaml import Document
from scenarios import library
from scenarios.scenario import Scenario
from scenarios.sweeps.design import Case, Design


def documents(design: Design, document: Document) -> dict[str, Document]:
    """The scenario files by their key, with what the sweep lays over them. Raises InputError."""
    found, problems = {}, []
    for key, case in design.scenarios.items():
        entry = case if isinstance(case, Case) else Case(scenario=case)
        try:
            file = strict_yaml.load(library.find(entry.scenario, Path(document.file).parent))
        except InputError as error:
            problems += [
                document.problem(("scenarios", key), within(p), p.expected, p.suggestion)
                for p in error.problems
            ]
            continue
        data = file.data
        if isinstance(data, dict) and (entry.add or entry.change):
            data = {**data, **entry.change}
            given = data.get("instruments") or []
            if isinstance(given, list):  # anything else is refused where the file is read
                data["instruments"] = [*given, *entry.add]
        found[key] = Document(file.file, data, file.lines)
    if problems:
        raise InputError(problems)
    return found


def calibration_name(documents: Mapping[str, Document], document: Document) -> str:
    """The one calibration that all scenarios name, paths taken from their folders. Raises InputError."""
    said = [
        placed(str(doc.data.get("calibration", "")), Path(doc.file).parent)
        for doc in documents.values()
        if isinstance(doc.data, dict)
    ]
    names = {Path(name).resolve() for name in said}
    if len(names) != 1:
        text = f"the scenarios name {len(names)} calibrations"
        raise InputError(document.problem(("scenarios",), text, "one; or calibration: in the sweep"))
    return said[0]


def within(problem: Problem) -> str:
    """What is wrong in a file that another one names."""
    position = f"{problem.file}:{problem.line}" if problem.file and problem.line else problem.file
    return ": ".join(part for part in (position, problem.where, problem.what) if part)


def read(key: str, design: Design, found: Document, base: Calibration, document: Document) -> Scenario:
    """A scenario of the sweep. Raises InputError; where the sweep changes the file, at the place where it does."""
    try:
        return library.from_document(found, Path(found.file).parent, base)
    except InputError as error:
        if not isinstance(design.scenarios[key], Case):
            raise
        raise InputError(
            [
                document.problem(
                    ("scenarios", key),
                    f"{Path(found.file).name}, changed: {p.where}: {p.what}",
                    p.expected,
                    p.suggestion,
                )
                for p in error.problems
            ]
        ) from None
