"""Substitutability scores: the calibration's own, published alternatives, and files of the user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from calibration import Calibration, strict_yaml
from calibration.errors import InputError, Problem, unknown_name
from calibration.inputs import chain_data, make_axes
from calibration.naming import Namer
from calibration.schema import Text
from calibration.tables import Column, read_csv
from calibration.validate import Schema, validate
from model.records import Array
from outputs import focus

DATA = Path(__file__).parents[2] / "calibration" / "data" / "metrics"
OWN = "calibration"  # name of the scores that the calibration itself is built with
Score = Annotated[float, Field(ge=0, le=100)]
Status = Literal["seen", "computed", "memory", "analyst"]


class About(Schema):
    """Where published scores come from."""

    title: Text
    source: Text
    status: Status


class Suppliers(Schema):
    """Economies that mine or separate rare earths from a year on."""

    first_year: int
    economies: tuple[Text, ...]
    source: Text
    status: Status


class AboutGovernance(About):
    licence: Text
    rest: tuple[Text, ...]
    suppliers: tuple[Suppliers, ...]


class Provenance(Schema):
    """calibration/data/metrics/provenance.yaml."""

    substitutability: dict[str, About]
    governance: AboutGovernance


class ScoreFile(Schema):
    """A user's scores: by element, and where they differ, by application and element."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    title: Text
    source: Text
    status: Status
    elements: Annotated[dict[str, Score], Field(min_length=1)]
    applications: dict[str, dict[str, Score]] = {}


@dataclass(frozen=True)
class Scores:
    """How hard elements are to replace: 0 good substitutes, 100 none."""

    name: str
    title: str
    source: str
    status: str
    element: Array  # (e,)
    application: Mapping[str, Array] = field(default_factory=dict)  # (e,) where an application has its own


def provenance() -> Provenance:
    """Sources of the tables shipped for metrics."""
    return validate(Provenance, strict_yaml.load(DATA / "provenance.yaml"))


def published(elements: Sequence[str]) -> dict[str, Scores]:
    """Scores shipped beside those of calibrations. Raises InputError when a table lacks an element."""
    about = provenance().substitutability
    columns = [
        Column("measure", valid=list(about)),
        Column("element"),
        Column("score", "number", "0-100", 0, 100),
    ]
    table = read_csv(DATA / "substitutability.csv", columns, ("measure", "element"))
    found = {}
    for name, source in about.items():
        rows = table["measure"] == name
        given = dict(zip(table["element"][rows], table["score"][rows], strict=True))
        if all(element in given for element in elements):
            values = np.array([float(given[element]) for element in elements])
            found[name] = Scores(name, source.title, source.source, source.status, values)
    return found


def own(calibration: Calibration) -> Scores:
    """The scores of a calibration, from which its elasticities follow."""
    row = next(row for row in calibration.parameters_table if row.name == "substitutability")
    return Scores(OWN, f"scores of {calibration.name}", row.source, row.status, focus.scores(calibration))


def read(path: str | Path, calibration: Calibration) -> Scores:
    """A user's file. Raises InputError with every unknown or missing name."""
    document = strict_yaml.load(path)
    given = validate(ScoreFile, document)
    elements = calibration.labels.elements
    applications = tuple(calibration.settings.rare_earths.element_by_application.value)
    problems = [
        document.problem(("applications", name), unknown_name("application", name, applications).what)
        for name in given.applications
        if name not in applications
    ]
    mappings: list[tuple[tuple[str, ...], dict[str, float]]] = [(("elements",), given.elements)]
    mappings += [(("applications", name), values) for name, values in given.applications.items()]
    for where, values in mappings:
        for name in values:
            if name not in (*elements, "default"):
                problem = unknown_name("element", name, (*elements, "default"))
                problems.append(
                    document.problem((*where, name), problem.what, problem.expected, problem.suggestion)
                )
    lacking = [e for e in elements if e not in given.elements and "default" not in given.elements]
    if lacking:
        text = f"no score for {', '.join(lacking)}"
        problems.append(document.problem(("elements",), text, "a score for each, or `default`"))
    if problems:
        raise InputError(problems)
    base = _vector(given.elements, elements, np.full(len(elements), np.nan))
    own_scores = {name: _vector(values, elements, base) for name, values in given.applications.items()}
    return Scores(given.name, given.title, given.source, given.status, base, own_scores)


def _vector(values: Mapping[str, float], elements: Sequence[str], otherwise: Array) -> Array:
    filled = [
        values.get(e, values.get("default", other)) for e, other in zip(elements, otherwise, strict=True)
    ]
    return np.array(filled, dtype=float)


def gather(calibration: Calibration, files: Sequence[str | Path]) -> dict[str, Scores]:
    """All scores at hand by name: the calibration's own first, then the user's files, then the published ones."""
    found = {OWN: own(calibration)}
    shipped = published(calibration.labels.elements)
    for path in files:
        scores = read(path, calibration)
        if scores.name in found or scores.name in shipped:
            text = f"the name {scores.name!r} is taken"
            raise InputError(Problem(text, str(path), where="name", expected="a name of its own"))
        found[scores.name] = scores
    return found | shipped


def chosen(all_scores: Mapping[str, Scores], name: str) -> Scores:
    """Scores by name. Raises InputError."""
    if name not in all_scores:
        raise InputError(unknown_name("scores", name, list(all_scores)))
    return all_scores[name]


def application_shares(calibration: Calibration) -> tuple[tuple[str, ...], Array]:
    """Names of the applications, and (a,n,e,j) share of each in a sector's use of an element.

    Use that no application explains (what chemical industries work up for export) has shares 0.
    """
    settings = calibration.settings
    axes = make_axes(settings, calibration.concordance)
    data = chain_data(settings, Namer(calibration.document), axes, calibration.host)
    use = np.einsum(
        "ae,an,aj,nj->anej",
        data.element_by_application, data.application_by_region, data.application_to_sector, data.active.astype(float),
    )  # fmt: skip
    total = use.sum(axis=0)
    share = _over(use, total)
    # What is worked up for export comes on top of what applications use.
    by_application = _over(total, total.sum(axis=2, keepdims=True)) * (
        1 - calibration.chain.reprocessed[:, None, None]
    )
    explained = _over(by_application, calibration.chain.sector_share)
    return tuple(settings.rare_earths.element_by_application.value), share * explained


def _over(part: Array, whole: Array) -> Array:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def by_first_user(scores: Scores, calibration: Calibration) -> Array:
    """(e,) the scores, or (e,m) where applications have their own: the mean over what a sector uses an element for."""
    if not scores.application:
        return scores.element
    names, share = application_shares(calibration)
    score = np.repeat(scores.element[None], len(names), axis=0)
    for name, values in scores.application.items():
        score[names.index(name)] = values
    rest = 1 - share.sum(axis=0)  # (n,e,j)
    mean = np.einsum("ae,anej->enj", score, share) + scores.element[:, None, None] * rest.transpose(1, 0, 2)
    return np.asarray(mean.reshape(len(mean), -1))
