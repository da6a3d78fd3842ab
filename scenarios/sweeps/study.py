"""A sweep made ready: design read and checked, calibration and scenarios loaded, points drawn."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

import calibration
from calibration import Calibration, strict_yaml
from calibration.errors import InputError, Problem, unknown_name
from calibration.files import content_hash, source_hash
from calibration.load import placed
from calibration.strict_yaml import Document
from calibration.validate import Reading, read, validate
from model.records import Array, Regime
from scenarios import library
from scenarios.scenario import Place, Scenario
from scenarios.sweeps import cases as cases_of
from scenarios.sweeps import ends, outcomes, sampling, targets
from scenarios.sweeps.centres import Centres
from scenarios.sweeps.design import Design
from scenarios.sweeps.gathering import STAND_INS, Parts, gather
from scenarios.sweeps.outcomes import Column

DESIGNS = Path(__file__).parent / "designs"
ROOT = Path(__file__).parents[2]
CODE = ("model", "calibration", "scenarios")  # what numbers come from; figures are made elsewhere
LIBRARIES = ("numpy", "scipy")


@dataclass(frozen=True)
class Spec:
    """Everything a worker needs to build a Study of its own, small enough to travel with every chunk."""

    design: Design
    file: str
    documents: Mapping[str, Document]  # scenarios as read, additions laid over them
    calibration: str
    determined_by: Mapping[str, Any]

    @cached_property
    def identity(self) -> str:
        """SHA-256 of everything the numbers depend on."""
        return content_hash(self.determined_by)


@dataclass(frozen=True)
class Study:
    """A sweep ready to run; rows are drawn once, in the main process."""

    spec: Spec
    calibration: Calibration
    cases: Mapping[str, Scenario]
    columns: tuple[Column, ...]
    quotas: Mapping[str, tuple[str, ...]]
    laws: tuple[Any, ...] = field(repr=False)
    correlation: Array = field(repr=False)

    @property
    def design(self) -> Design:
        """What the file says."""
        return self.spec.design

    @property
    def documents(self) -> Mapping[str, Document]:
        """Scenario files with their additions."""
        return self.spec.documents

    @cached_property
    def touched(self) -> dict[str, bool]:
        """Whether draws change a scenario's file."""
        return {key: targets.touches(self.design, case) for key, case in self.cases.items()}

    @cached_property
    def solves(self) -> tuple[tuple[str, Regime], ...]:
        """Scenario and regime of every solve of a draw."""
        read = [source for column in self.columns for source in (column.source, column.minus) if source]
        return tuple(dict.fromkeys((source.scenario, source.regime) for source in read))

    @cached_property
    def years(self) -> dict[str, tuple[int, ...]]:
        """Years (positions) that are read of each path."""
        read: dict[str, dict[int, None]] = {}
        for column in self.columns:
            for source in (column.source, column.minus):
                if source is not None and source.year is not None:
                    read.setdefault(source.scenario, {})[source.year] = None
        return {key: tuple(years) for key, years in read.items()}

    @cached_property
    def base_needed(self) -> tuple[str, ...]:
        """Scenarios of which base-year values are read."""
        read = [s for c in self.columns if c.needs_base for s in (c.source, c.minus) if s]
        return tuple(dict.fromkeys(source.scenario for source in read))

    @cached_property
    def variables(self) -> tuple[str, ...]:
        """Variables that are read of every solution."""
        names = dict.fromkeys(outcomes.KNOWN[column.outcome.variable].name for column in self.columns)
        return tuple(name for name in names if name != outcomes.LICENCE.name)

    @cached_property
    def trade_terms(self) -> bool:
        """Whether the terms of trade, which compare with the base year, are read."""
        return any(column.outcome.variable == "terms_of_trade" for column in self.columns)

    @cached_property
    def sample(self) -> sampling.Sample:
        """All points."""
        return sampling.sample(self.design.design, list(self.laws), self.design.names, self.correlation)

    @property
    def draws(self) -> int:
        """How many the design asks for, without drawing them."""
        return getattr(self.design.design, "draws", None) or len(self.sample.values)

    @cached_property
    def centres(self) -> Centres:
        """Where draws start from; found anew in every process."""
        return Centres(self)

    def read(self, document: Document) -> Scenario:
        """A scenario from an edited document. Raises InputError."""
        return library.from_document(document, Path(document.file).parent)


def available() -> dict[str, Path]:
    """The shipped designs by name."""
    return {path.stem: path for path in sorted(DESIGNS.glob("*.yaml"))}


def find(name: str | Path) -> Path:
    """The file of a design: a path, or the name of one that is shipped. Raises InputError."""
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        return path
    known = available()
    if str(name) not in known:
        problem = unknown_name("sweep", str(name), known)
        if str(name) in library.available():
            problem = Problem(f"{name} is a scenario", expected=f"`python run.py solve {name}`, or a sweep")
        raise InputError(problem)
    return known[str(name)]


def load(name: str | Path, draws: int | None = None) -> Study:
    """Read and check a sweep by path or name. Raises InputError with every problem, each with file and line."""
    path = find(name)
    if path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    document = strict_yaml.load(path)
    return prepare(read(Design, document, STAND_INS), draws)


def prepare(reading: Reading[Design], draws: int | None = None) -> Study:
    """A sweep that was read, with its scenarios and calibration. Raises InputError with everything wrong with it."""
    if reading.record is None:
        raise InputError(reading.problems)
    design, found = reading.record, list(reading.problems)
    whole = Place(reading.document, (), reading.doubts)
    if draws is not None and whole.sure("design"):
        try:
            design = _with_draws(design, draws, reading.document)
        except InputError as error:
            found += error.problems
    documents, problems = cases_of.documents(design, whole)
    found += problems
    name, base, problems = _calibration(design, documents, whole)
    found += problems
    parts = gather(design, documents, base, whole)
    found += parts.problems
    if base is None or not parts.readable:
        raise InputError(library.in_order(found))
    spec = Spec(design, reading.document.file, documents, name, determined_by(design, documents, base))
    study = Study(spec, base, parts.scenarios, parts.columns, parts.listed, parts.laws, parts.correlation)
    found += ends.problems(_of_sound(study, parts), whole, parts.sound)
    if found:
        raise InputError(library.in_order(found))
    try:
        _ = study.sample
    except InputError as error:  # what the design cannot do, before anything is written
        text = [(p.what.removeprefix("design "), p.expected) for p in error.problems]
        raise InputError([whole.problem(("design",), *each) for each in text]) from None
    return study


def _calibration(
    design: Design, documents: Mapping[str, Document], whole: Place
) -> tuple[str, Calibration | None, list[Problem]]:
    """The calibration of a sweep, by its name; None where it cannot be known or read."""
    key = "scenarios" if design.calibration is None else "calibration"
    if not whole.sure("calibration") or (
        design.calibration is None and len(documents) < len(design.scenarios)
    ):
        return "", None, []
    try:
        own = design.calibration and placed(design.calibration, Path(whole.file).parent)
        name = own or cases_of.calibration_name(documents)
        return name, calibration.load(name), []
    except InputError as error:
        if design.calibration is None and all(p.file for p in error.problems):
            return "", None, list(error.problems)
        problems = [
            whole.problem((key,), cases_of.within(p), p.expected, p.suggestion) for p in error.problems
        ]
        return "", None, problems


def _of_sound(study: Study, parts: Parts) -> Study:
    """The sweep of the parameters with nothing wrong with them."""
    design = study.design.model_copy(update={"vary": tuple(study.design.vary[at] for at in parts.sound)})
    spec = replace(study.spec, design=design)
    return replace(study, spec=spec, laws=tuple(parts.laws[at] for at in parts.sound))


def build(spec: Spec, base: Calibration) -> Study:
    """The Study of a spec that was prepared elsewhere. Raises InputError."""
    parts = gather(spec.design, spec.documents, base, Place(Document(spec.file, {}, {(): 1})))
    if parts.problems:
        raise InputError(parts.problems)
    return Study(spec, base, parts.scenarios, parts.columns, parts.listed, parts.laws, parts.correlation)


def _with_draws(design: Design, draws: int, document: Document) -> Design:
    if not hasattr(design.design, "draws"):
        text = f"design {design.design.type} has the points it has"
        raise InputError(document.problem(("design", "type"), text, "no --draws"))
    data = design.model_dump(mode="json", by_alias=True)
    data["design"]["draws"] = draws
    return validate(Design, Document(document.file, data, {**document.lines, (): 1}))


@cache
def code_hash() -> str:
    """SHA-256 of the Python files that numbers come from."""
    return source_hash(ROOT, CODE)


def determined_by(design: Design, documents: Mapping[str, Document], base: Calibration) -> dict[str, Any]:
    """Everything the numbers of a sweep depend on: contents, not places or times."""
    return {
        "design": design.model_dump(mode="json", by_alias=True),
        "scenarios": {key: doc.data for key, doc in documents.items()},
        "borrowed": {f"{key}.{swap}": file.data for key, swap, file in _borrowed(documents)},
        "calibration": {"name": base.name, "files": dict(sorted(base.hashes.items()))},
        "code": code_hash(),
        "python": platform.python_version(),
        "libraries": {name: metadata.version(name) for name in LIBRARIES},
    }


def _borrowed(documents: Mapping[str, Document]) -> Iterator[tuple[str, str, Document]]:
    """Scenarios whose quotas others take over: files of their own. What cannot be read is said where it is built."""
    for key, doc in documents.items():
        for swap in library.SWAPS:
            name = doc.data.get(swap) if isinstance(doc.data, dict) else None
            if isinstance(name, str):
                with suppress(InputError):
                    yield key, swap, strict_yaml.load(library.find(name, Path(doc.file).parent))
