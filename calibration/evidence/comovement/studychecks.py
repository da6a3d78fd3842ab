"""What can be wrong in a study before any data are read: names that are not defined, dates that are none."""

from __future__ import annotations

from collections.abc import Iterator

from calibration.errors import Problem, unknown_name
from calibration.evidence.comovement.data import Frequency, parse_date
from calibration.evidence.comovement.schema import Span, StudySpec
from calibration.strict_yaml import Document


def unknown_names(spec: StudySpec, document: Document) -> Iterator[Problem]:
    """Names of series and tables that the study uses and does not define."""
    used: list[tuple[list[str | int], str]] = []
    for name, one in spec.series.items():
        if one.table and one.table not in spec.tables:
            at = ["series", name, "table"]
            yield unknown_name("table", one.table, spec.tables, file=document.file, line=document.line(at))
        for place, part in enumerate(one.product):
            used.append((["series", name, "product", place], part))
            if part in spec.series and spec.series[part].product:
                yield document.problem(
                    ["series", name, "product", place], f"{part} is itself a product", "series of a table"
                )
    for n, q in enumerate(spec.quantilograms):
        here: list[str | int] = ["quantilograms", n]
        used.append(([*here, "target"], q.target))
        used += [([*here, "predictors", i], p) for i, p in enumerate(q.predictors)]
        used += [([*here, "controls", i, "series"], c.series) for i, c in enumerate(q.controls)]
        for side in ("target", "predictor"):
            used += [
                ([*here, "regressors", side, i], r) for i, r in enumerate(getattr(q.regressors, side, []))
            ]
        for i, p in enumerate(q.predictors):
            if p in q.predictors[:i]:
                yield document.problem([*here, "predictors", i], f"{p} stands twice", "each predictor once")
            if p == q.target and 0 in q.lags:
                yield document.problem(
                    [*here, "predictors", i],
                    f"{p} is also the target, at lag 0",
                    "another series or lags from 1",
                )
            for j, c in enumerate(q.controls):
                if c.series == p and c.timing == "lagged":
                    yield document.problem(
                        [*here, "controls", j], f"{p} is predictor and control at once", "another series"
                    )
    for n, w in enumerate(spec.wavelets):
        used += [(["wavelets", n, "series", i], s) for i, s in enumerate(w.series)]
        if w.variable is not None and w.variable not in w.series:
            line = document.line(["wavelets", n, "variable"])
            yield unknown_name("series", w.variable, w.series, file=document.file, line=line)
        if len(set(w.series)) < len(w.series):
            yield document.problem(["wavelets", n, "series"], "a series stands twice")
    used += [(["roles", role], name) for role, name in spec.roles.items()]
    if spec.demand_shift:
        used.append((["demand_shift", "series"], spec.demand_shift.series))
        used += [
            (["demand_shift", "dependence", side], getattr(spec.demand_shift.dependence, side))
            for side in ("target", "predictor")
        ]
    for where, name in used:
        if name not in spec.series:
            yield unknown_name("series", name, spec.series, file=document.file, line=document.line(where))
    names = [q.name for q in spec.quantilograms] + [w.name for w in spec.wavelets]
    if len(set(names)) < len(names):
        yield document.problem([], "two analyses have the same name", "names that differ: they name files")


def bad_dates(spec: StudySpec, document: Document, frequency: Frequency) -> Iterator[Problem]:
    spans: list[tuple[list[str | int], Span]] = [(["window"], spec.window)]
    for n, q in enumerate(spec.quantilograms):
        spans += [(["quantilograms", n, "subsamples", name], span) for name, span in q.subsamples.items()]
    for at, span in spans:
        for key, text in (("from", span.start), ("to", span.end)):
            try:
                if text is not None:
                    parse_date(text, frequency)
            except ValueError as error:
                yield document.problem([*at, key], str(error))
