"""A bull or bear year of military demand as a scenario of the model, with where its numbers come from.

The multiplier is a quantile of the growth of a series over a number of observations: how much more, or less, is
bought in a strong or weak year. The dependence measured by the study goes along as a source, not as a
parameter.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml

from calibration.errors import InputError, Problem
from calibration.evidence.comovement.analysis import Results
from calibration.evidence.comovement.phases import PHASES, PhaseDependence
from calibration.evidence.comovement.schema import DemandShiftSpec
from calibration.evidence.comovement.study import Study
from calibration.files import write_text


def demand_multiplier(level: np.ndarray, periods: int, quantile: float, dates: int) -> float:
    """Quantile of level_t / level_{t-periods} over the last `dates` dates where both are observed.

    Raises ValueError with fewer than 10 of them.
    """
    positive = np.where(level > 0, level, np.nan)
    ratio = (positive[periods:] / positive[:-periods])[-dates:]
    seen = ratio[np.isfinite(ratio)]
    if seen.size < 10 or (level[~np.isnan(level)] <= 0).any():
        raise ValueError(
            f"growth over {periods} observations needs 10 dates and levels above zero, got {seen.size}"
        )
    return float(np.quantile(seen, quantile))


def write_demand_scenarios(results: Results, folder: Path) -> list[Path]:
    """Write military-demand-bear.yaml and -bull.yaml. Raises InputError without a shift, or if a file is there."""
    spec = results.study.spec.demand_shift
    if spec is None:
        raise InputError(
            Problem(
                "no demand_shift in the study",
                str(results.study.file),
                expected="demand_shift: {series: ...}",
            )
        )
    if spec.series in results.study.absent:
        raise InputError(
            Problem(results.study.absent[spec.series], str(results.study.file), where="demand_shift.series")
        )
    paths = [folder / f"military-demand-{phase}.yaml" for phase in PHASES]
    there = [
        Problem("exists already", str(path), expected="another folder") for path in paths if path.exists()
    ]
    if there:
        raise InputError(there)
    for phase, path in zip(PHASES, paths, strict=True):
        text = yaml.safe_dump(demand_scenario(results, phase), sort_keys=False, allow_unicode=True, width=110)
        write_text(path, f"# Written by python run.py comovement {results.study.file.name}.\n{text}")
    return paths


def demand_scenario(results: Results, phase: str) -> dict[str, Any]:
    """The scenario of one phase as the mapping its YAML holds."""
    study = results.study
    spec = study.spec.demand_shift
    assert spec is not None
    series = study.series[spec.series]
    quantile = spec.bear if phase == "bear" else spec.bull
    labels = study.labels()
    other = "bull" if phase == "bear" else "bear"
    multiplier = demand_multiplier(series.history, spec.periods, quantile, study.dates.size)
    source = (
        f"{series.label} ({series.source}), growth over {spec.periods} observations, {100 * quantile:g} % quantile, "
        f"{labels[0]} to {labels[-1]}"
    )
    return {
        "name": f"military-demand-{phase}",
        "title": f"US military demand in a {phase} market",
        "question": f"What does a {'high' if phase == 'bull' else 'low'} year of military demand do to "
        "rare-earth prices, to exports and to other users?",
        "calibration": spec.calibration,
        "year": spec.year,
        "horizon": "long",
        "at_target": ["technology"],
        "groups": {"equipment": list(spec.goods)},
        "instruments": [
            {
                "type": "demand_shift",
                "name": "defence-equipment",
                "regions": spec.regions,
                "goods": "equipment",
                "multiplier": {"value": round(multiplier, 6), "source": source, "status": "computed"},
                "share": spec.share.model_dump(),
            }
        ],
        "compare_with": f"military-demand-{other}",
        "sources": [{"text": dependence_text(study, spec, phase, results.dependence), "status": "computed"}],
        "assumptions": [
            {
                "text": "Final demand stands for purchases of equipment; other final demand makes room, so "
                "total spending is the same."
            },
            {
                "text": f"{series.caption}: its growth is taken as the growth of military demand for these goods."
            },
        ],
    }


def dependence_text(
    study: Study, spec: DemandShiftSpec, phase: str, measured: dict[str, PhaseDependence]
) -> str:
    """What the study measured about who follows military demand in a phase, or why it could not."""
    start = f"Co-movement study {study.spec.study}"
    pair = spec.dependence
    absent = study.missing_for([pair.target, pair.predictor])
    if absent:
        return f"{start}: dependence in the {phase} phase not measured, no series for {', '.join(absent)}."
    m = measured[phase]
    names = " on ".join(study.series[name].caption for name in (pair.target, pair.predictor))
    return (
        f"{start}: mean cross-quantilogram of {names} in the {phase} phase at lag {study.spec.phases.lag}: "
        f"{m.value:.3f}, "
        f"{100 * (1 - study.spec.bootstrap.level):g} % interval {m.lower:.3f} to {m.upper:.3f}, p "
        f"{m.p_value:.3f}, {m.rows} rows."
    )
