"""Run a study: every analysis its YAML asks for, on the series at hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from calibration.errors import InputError, Problem
from calibration.evidence.comovement.alignment import Control
from calibration.evidence.comovement.crossquantilogram import Bootstrap, CrossQuantilogram, cross_quantilogram
from calibration.evidence.comovement.hits import Floats, Ints
from calibration.evidence.comovement.local import LocalMultipleCorrelation, local_multiple_correlation
from calibration.evidence.comovement.modwt import Modwt, brick_wall, modwt, refuse_size
from calibration.evidence.comovement.multiple import (
    MultipleCorrelation,
    MultipleCrossCorrelation,
    multiple_correlation,
    multiple_cross_correlation,
)
from calibration.evidence.comovement.phases import PHASES, Finding, PhaseDependence, PhaseRule, findings
from calibration.evidence.comovement.portmanteau import Portmanteau, portmanteau
from calibration.evidence.comovement.regression import cross_quantilogram_regression
from calibration.evidence.comovement.schema import PairSpec, QuantilogramSpec, WaveletSpec
from calibration.evidence.comovement.selfnormalised import SelfNormalised, self_normalised
from calibration.evidence.comovement.study import Study, levels_of
from calibration.evidence.comovement.waveletmoments import ByLevel, wavelet_correlation, wavelet_variance
from calibration.evidence.comovement.waveletregression import (
    WaveletRegression,
    local_regression,
    wavelet_regression,
)
from calibration.evidence.comovement.windows import WindowedQuantilogram, windowed_quantilogram


@dataclass(frozen=True)
class QuantilogramResult:
    """One predictor of a quantilogram analysis: the grid, and the tests and windows that were asked for."""

    analysis: str
    target: str
    predictor: str
    controls: tuple[str, ...]  # as they are described on figures
    grid: CrossQuantilogram
    profile: CrossQuantilogram | None  # lag by lag at a few levels
    portmanteau: Portmanteau | None
    self_normalised: SelfNormalised | None
    windows: WindowedQuantilogram | None
    subsamples: dict[str, CrossQuantilogram]
    regression: CrossQuantilogram | None


@dataclass(frozen=True)
class WaveletResult:
    """One wavelet analysis; arrays by date cover `dates`, the part of the window where all series are observed."""

    analysis: str
    spec: WaveletSpec
    series: tuple[str, ...]
    dates: Ints
    half_width: float
    variance: ByLevel
    correlation: ByLevel
    multiple: MultipleCorrelation
    cross: MultipleCrossCorrelation | None
    regression: WaveletRegression
    local: LocalMultipleCorrelation
    local_regression: WaveletRegression


@dataclass(frozen=True)
class Results:
    """All results. dependence: by phase, of the pair named for the demand scenarios. skipped: with the reason."""

    study: Study
    quantilograms: list[QuantilogramResult]
    wavelets: list[WaveletResult]
    findings: list[Finding]
    dependence: dict[str, PhaseDependence]
    skipped: dict[str, str]


Progress = Callable[[Iterable[str]], Iterable[str]]


def run_study(study: Study, progress: Progress = iter) -> Results:
    """Run every analysis. Raises InputError naming the analysis where the data cannot carry it."""
    jobs: dict[str, Callable[[], object]] = {}
    skipped: dict[str, str] = {}
    spec = study.spec
    for q in spec.quantilograms:
        for predictor in q.predictors:
            name = f"{q.name}: {predictor}"
            used = [q.target, predictor, *(c.series for c in q.controls), *_regressors(q)]
            if absent := study.missing_for(used):
                skipped[name] = _why(absent)
            else:
                jobs[name] = lambda q=q, predictor=predictor: _quantilogram(study, q, predictor)  # type: ignore[misc]
    for w in spec.wavelets:
        if absent := study.missing_for(w.series):
            skipped[w.name] = _why(absent)
        else:
            jobs[w.name] = lambda w=w: _wavelet(study, w)  # type: ignore[misc]
    if spec.roles:
        jobs["findings"] = lambda: _findings(study)
    if spec.demand_shift:
        pair = spec.demand_shift.dependence
        if absent := study.missing_for([pair.target, pair.predictor]):
            skipped["demand shift, dependence"] = _why(absent)
        else:
            jobs["demand shift, dependence"] = lambda: _dependence(study, pair)
    done = []
    for name in progress(list(jobs)):
        with _named(study, name):
            done.append(jobs[name]())
    tables = [r for r in done if isinstance(r, list)]
    measured = [r for r in done if isinstance(r, dict)]
    return Results(
        study=study,
        quantilograms=[r for r in done if isinstance(r, QuantilogramResult)],
        wavelets=[r for r in done if isinstance(r, WaveletResult)],
        findings=tables[0] if tables else [],
        dependence=measured[0] if measured else {},
        skipped=skipped,
    )


def _why(absent: list[str]) -> str:
    return f"not at hand: {', '.join(dict.fromkeys(absent))}"


@contextmanager
def _named(study: Study, analysis: str) -> Iterator[None]:
    """What the estimators refuse, said as a fault of the study's input."""
    try:
        yield
    except ValueError as error:
        raise InputError(Problem(str(error), str(study.file), where=analysis)) from error


def bootstrap_of(study: Study) -> Bootstrap:
    b = study.spec.bootstrap
    return Bootstrap(resamples=b.resamples, level=b.level, gamma=b.gamma, seed=b.seed, blocks=b.blocks)


def _regressors(q: QuantilogramSpec) -> list[str]:
    return [*q.regressors.target, *q.regressors.predictor] if q.regressors else []


def _quantilogram(study: Study, q: QuantilogramSpec, predictor: str) -> QuantilogramResult:
    y, x = study.series[q.target].values, study.series[predictor].values
    controls = [
        Control(study.series[c.series].values, c.level, c.timing, study.series[c.series].label)
        for c in q.controls
    ]
    levels = levels_of(q.levels)
    bootstrap = bootstrap_of(study)
    missing = study.spec.missing
    names = (study.series[q.target].label, study.series[predictor].label)
    common: dict[str, Any] = {"controls": controls, "missing": missing, "names": names}
    grid = cross_quantilogram(y, x, levels, q.lags, bootstrap=bootstrap, **common)
    profile, test, normal = None, None, None
    if q.portmanteau:
        every = range(1, q.portmanteau + 1)
        profile = cross_quantilogram(y, x, q.profile_levels, every, bootstrap=bootstrap, **common)
        test = portmanteau(y, x, levels, q.portmanteau, bootstrap=bootstrap, **common)
    if q.self_normalised:
        normal = self_normalised(
            y, x, levels, q.self_normalised, trimming=q.trimming, level=bootstrap.level, **common
        )
    windows = None
    if q.rolling:
        r = q.rolling
        windows = windowed_quantilogram(
            y, x, r.levels, r.lag, width=r.width, step=r.step, kind=r.kind, bootstrap=bootstrap, **common
        )
    subsamples = {
        name: cross_quantilogram(
            y, x, levels, q.lags, bootstrap=bootstrap, where=study.between(span), **common
        )
        for name, span in q.subsamples.items()
    }
    return QuantilogramResult(
        analysis=q.name,
        target=q.target,
        predictor=predictor,
        controls=tuple(
            f"{study.series[c.series].label} ({_level(c.level)}, {_timing(c.timing)})" for c in q.controls
        ),
        grid=grid,
        profile=profile,
        portmanteau=test,
        self_normalised=normal,
        windows=windows,
        subsamples=subsamples,
        regression=_regression(study, q, predictor, bootstrap, names) if q.regressors else None,
    )


def _level(level: float | str) -> str:
    return f"quantile {level:g}" if isinstance(level, float) else f"quantile of the {level}"


def _timing(timing: str | int) -> str:
    return timing if isinstance(timing, str) else f"lag {timing}"


def _regression(
    study: Study, q: QuantilogramSpec, predictor: str, bootstrap: Bootstrap, names: tuple[str, str]
) -> CrossQuantilogram:
    assert q.regressors is not None
    y, x = study.series[q.target].values[1:], study.series[predictor].values[1:]
    sides = [
        np.column_stack([study.series[name].values[:-1] for name in chosen])
        for chosen in (q.regressors.target, q.regressors.predictor)
    ]
    draws = replace(bootstrap, resamples=q.regressors.resamples)
    return cross_quantilogram_regression(
        y, x, sides[0], sides[1], q.regressors.levels, q.regressors.lags, bootstrap=draws, names=names
    )


def _wavelet(study: Study, w: WaveletSpec) -> WaveletResult:
    table, dates = observed_stretch(study, w.series)
    transform: Modwt = modwt(table, w.filter, w.levels, w.boundary)
    transform = brick_wall(transform) if w.brick_wall else transform
    lost = [name for name, known in zip(transform.names, transform.known, strict=True) if not known.any()]
    if lost:
        raise ValueError(
            f"level {', '.join(lost)} has no coefficient free of the ends of {len(dates)} observations: "
            "take fewer levels or a shorter filter"
        )
    variable = None if w.variable is None else w.series.index(w.variable)
    local = local_multiple_correlation(
        transform, w.half_width, w.window, variable, w.confidence, w.interval, centre=w.centre
    )
    cross = None
    if w.max_lag:
        cross = multiple_cross_correlation(transform, w.max_lag, variable, w.confidence, w.centre, w.interval)
    return WaveletResult(
        analysis=w.name,
        spec=w,
        series=tuple(w.series),
        dates=dates,
        half_width=local.half_width,
        variance=wavelet_variance(transform, confidence=w.confidence),
        correlation=wavelet_correlation(transform, w.confidence, w.centre, w.interval),
        multiple=multiple_correlation(transform, variable, w.confidence, w.centre, w.interval),
        cross=cross,
        regression=wavelet_regression(transform, variable, confidence=w.confidence, centre=w.centre),
        local=local,
        local_regression=local_regression(
            transform, w.half_width, w.window, variable, confidence=w.confidence, centre=w.centre
        ),
    )


def observed_stretch(study: Study, names: list[str]) -> tuple[Floats, Ints]:
    """The series as columns over the dates where all are observed. Raises ValueError if these dates have a gap."""
    table = np.column_stack([study.series[name].values for name in names])
    seen = np.flatnonzero(~np.isnan(table).any(axis=1))
    if seen.size < 16:
        raise ValueError(
            f"{', '.join(names)} are observed together on {seen.size} dates; a wavelet analysis needs 16"
        )
    if seen[-1] - seen[0] + 1 != seen.size:
        labels = study.labels()
        inside = np.setdiff1d(np.arange(seen[0], seen[-1]), seen)
        raise ValueError(
            f"a wavelet analysis cannot bridge the gap at {labels[inside[0]]}, where a series is missing"
        )
    refuse_size(table[seen], names)
    return table[seen], study.dates[seen]


def phase_rule(study: Study) -> PhaseRule:
    p = study.spec.phases
    return PhaseRule(levels_of(p.levels), p.bear, p.bull, p.lag, study.phases)


def _dependence(study: Study, pair: PairSpec) -> dict[str, PhaseDependence]:
    target, predictor = study.series[pair.target], study.series[pair.predictor]
    rule, bootstrap = phase_rule(study), bootstrap_of(study)
    names = (target.label, predictor.label)
    return {
        phase: rule.dependence(
            phase, target.values, predictor.values, bootstrap, (), study.spec.missing, names
        )
        for phase in PHASES
    }


def _findings(study: Study) -> list[Finding]:
    rule = phase_rule(study)
    roles = {role: study.series[name] for role, name in study.spec.roles.items() if name in study.series}
    labels: dict[str, str] = {role: one.caption for role, one in roles.items()}
    return findings(
        {role: one.values for role, one in roles.items()},
        rule,
        bootstrap_of(study),
        study.spec.missing,
        labels,
    )
