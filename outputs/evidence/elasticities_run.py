"""The structural estimates of one panel: slopes by every method, bands, sectors and their elasticities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from calibration.errors import InputError, unknown_name
from calibration.evidence.elasticities.estimators import (
    FEWEST_FOR_ANDERSON_RUBIN,
    METHODS,
    Method,
    SlopeEstimate,
    anderson_rubin_scan,
    estimate_slope,
    first_stage_f,
)
from calibration.evidence.elasticities.instruments import Variation, variation
from calibration.evidence.elasticities.panel import Panel
from calibration.evidence.elasticities.parameters import (
    SectorElasticity,
)
from calibration.evidence.elasticities.pooling import (
    Pooled,
    SectorSlopes,
    normal_interval,
    shrink,
    slopes_by_sector,
    substitutability_prior,
)
from calibration.evidence.elasticities.technology import (
    Band,
    RefusedEstimate,
    epsilon_band,
    epsilon_from_research,
    research_slope,
    research_slope_limit,
)
from calibration.load import find, read_settings

ZETA_GRID = np.linspace(0.5, 6.0, 56)


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything one panel says. sectors, pooled, prior are None where sectors are not told apart, for the reason
    `why_not_by_sector`; `names` are the panel's sectors, `failed` the methods without an estimate, and why.
    """

    slopes: tuple[SlopeEstimate, ...]
    band: Band
    zeta: float
    sectors: SectorSlopes | None
    pooled: Pooled | None
    prior: np.ndarray | None  # slopes expected from substitutability (s,)
    names: tuple[str, ...] = ()
    why_not_by_sector: str = "the price is not instrumented"
    clustered_by: str = "unit"
    instrument: Variation | None = None
    failed: tuple[str, ...] = ()

    @property
    def main(self) -> SlopeEstimate:
        """The estimate that is reported: counts, price instrumented."""
        return self.slopes[0]


def investigate(
    panel: Panel, score: Mapping[str, float], *, zeta: float, base: str, draws: int, level: float = 0.95
) -> Findings:
    """All methods on one panel, eps over zeta, and sectors pooled towards the prior of the calibration `base`.

    Sectors are told apart where all have a substitutability score. Raises InputError when there is no slope.
    """
    slopes, failed = _slopes(panel, level, draws)
    band = epsilon_band(slopes[0].slope, slopes[0].best_interval, ZETA_GRID)
    found = Findings(
        slopes,
        band,
        zeta,
        None,
        None,
        None,
        panel.sector_names,
        clustered_by=panel.clustered_by,
        instrument=variation(panel),
        failed=failed,
    )
    if not len(panel.instrument):
        return found
    if len(panel.sector_names) < 2:
        return replace(found, why_not_by_sector="there is one sector")
    missing = [name for name in panel.sector_names if name not in score]
    if missing:
        reason = (
            f"sectors cannot be told apart: {len(missing)} of {len(panel.sector_names)} lack a substitutability score, "
            f"as those of WIOD have; {unknown_name('sector', missing[0], score)}"
        )
        return replace(found, why_not_by_sector=reason)
    settings, _, _, _ = read_settings(find(base))
    p = settings.parameters
    values = [score[name] for name in panel.sector_names]
    expected = substitutability_prior(values, p.ree_elasticity_min.value, p.ree_elasticity_max.value)
    prior = research_slope(expected, zeta)
    try:
        sectors = slopes_by_sector(panel)
    except (ValueError, RuntimeError) as error:
        return replace(found, why_not_by_sector=f"sectors cannot be told apart: {error}")
    pooled = shrink(sectors.slope, sectors.covariance, prior)
    return replace(found, sectors=sectors, pooled=pooled, prior=prior)


def _slopes(panel: Panel, level: float, draws: int) -> tuple[tuple[SlopeEstimate, ...], tuple[str, ...]]:
    """The slope by every method, the one reported first, and the other methods that failed with the reason.

    Raises InputError when the one reported fails, with what Anderson and Rubin's test still says.
    """
    methods: tuple[Method, ...] = METHODS if len(panel.instrument) else ("ppml", "log_plus_one")
    slopes, failed = [], []
    for method in methods:
        try:
            slopes.append(estimate_slope(panel, method, level=level, draws=draws))
        except (ValueError, RuntimeError) as error:
            if method == methods[0]:
                raise InputError(
                    f"the panel does not identify a slope: {error}{_still_said(panel, level)}"
                ) from error
            failed.append(f"{method}: {error}")
    return tuple(slopes), tuple(failed)


def _still_said(panel: Panel, level: float) -> str:
    """First-stage F, and the slopes that Anderson and Rubin's test does not reject, where clusters are enough for it to
    reject any; nothing where there is neither."""
    if not len(panel.instrument) == len(panel.price) == 1:
        return ""
    try:
        strength = f". The first-stage F is {first_stage_f(panel)[0]:.2g}"
        if int(panel.cluster.max()) + 1 < FEWEST_FOR_ANDERSON_RUBIN:
            return strength
        interval = anderson_rubin_scan(panel, level)
    except (ValueError, RuntimeError):
        return ""
    if interval is None:
        said = "rejects every slope"
    elif interval == (None, None):
        said = "rejects no slope"
    else:
        low, high = interval
        said = "does not reject slopes from "
        said += f"{'minus infinity' if low is None else f'{low:.3g}'} to "
        said += "infinity" if high is None else f"{high:.3g}"
    return f"{strength}; the Anderson-Rubin test {said}"


def elasticities(
    findings: Findings, names: Mapping[str, tuple[str, ...]]
) -> tuple[list[SectorElasticity], list[str]]:
    """eps by sector of the calibration from pooled slopes, and what was refused and why. `names`: the panel's sectors
    by the calibration's names for them; sectors without one are left out, and said to be."""
    if findings.sectors is None or findings.pooled is None:
        return _one_for_all(findings, names)
    found, refused = [], []
    limit = float(research_slope_limit(findings.zeta))
    pooled = findings.pooled
    for k, sector in enumerate(findings.sectors.names):
        if sector not in names:
            refused.append(f"{sector}: the calibration has no sector that is this one alone")
            continue
        low, high = normal_interval(float(pooled.slope[k]), float(pooled.standard_error[k]))
        try:
            value = epsilon_from_research(float(pooled.slope[k]), findings.zeta)
        except RefusedEstimate as error:
            refused.append(f"{sector} ({', '.join(names[sector])}): {error}")
            continue
        lower = epsilon_from_research(high, findings.zeta) if high < limit else 0.0
        upper = epsilon_from_research(low, findings.zeta)
        own, strength = float(pooled.own_weight[k]), float(findings.sectors.first_stage_f[k])
        found += [SectorElasticity(name, value, lower, upper, own, strength) for name in names[sector]]
    return found, refused


def _one_for_all(
    findings: Findings, names: Mapping[str, tuple[str, ...]]
) -> tuple[list[SectorElasticity], list[str]]:
    """The eps of the common slope, for every sector that the calibration has alone; none without an instrument."""
    refused = [findings.why_not_by_sector]
    if not findings.main.first_stage_f:
        return [], refused
    try:
        value = epsilon_from_research(findings.main.slope, findings.zeta)
    except RefusedEstimate as error:
        return [], [*refused, str(error)]
    band = epsilon_band(findings.main.slope, findings.main.best_interval, [findings.zeta])
    lower, upper = float(band.lower[0]), float(band.upper[0])
    strength = min(findings.main.first_stage_f)
    alone = [name for sector in findings.names for name in names.get(sector, ())]
    refused += [
        f"{s}: the calibration has no sector that is this one alone" for s in findings.names if s not in names
    ]
    return [SectorElasticity(name, value, lower, upper, None, strength) for name in alone], refused
