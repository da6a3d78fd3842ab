"""The structural estimates, from a panel to a calibration: methods, bands, sectors, files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from calibration.errors import InputError, unknown_name
from calibration.evidence import shipped
from calibration.evidence.elasticities.estimators import (
    FEWEST_FOR_ANDERSON_RUBIN,
    METHODS,
    REFITTED,
    Method,
    SlopeEstimate,
    anderson_rubin_scan,
    estimate_slope,
    first_stage_f,
)
from calibration.evidence.elasticities.instruments import Variation, variation
from calibration.evidence.elasticities.panel import Panel
from calibration.evidence.elasticities.parameters import (
    MOSTLY_OWN,
    WEAK_F,
    SectorElasticity,
    calibration_text,
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
from calibration.files import write_text
from calibration.load import find, read_settings
from calibration.tables import write_csv
from outputs import sections
from outputs.evidence.figures import band_figure, marked, save, sectors_figure
from outputs.evidence.tables import epsilon_or_reason, screen, slopes_table
from outputs.names import listed

COMMON = "one slope for all sectors, a judgement, since the data do not tell them apart"
FEW_SERIES = 5
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


def calibration_names(base: str) -> dict[str, tuple[str, ...]]:
    """WIOD sector -> the calibration's sector that is it alone, with magnets where they are carved out of it."""
    settings, _, concordance, _ = read_settings(find(base))
    alone = {members[0]: name for name, members in concordance.sectors.items() if len(members) == 1}
    return {
        wiod: (name, "magnets") if name == settings.hosts.magnets else (name,) for wiod, name in alone.items()
    }


def write(
    findings: Findings,
    folder: Path,
    *,
    base: str,
    source: str,
    simulated: bool,
    truth: float | None = None,
    notes: Sequence[str] = (),
) -> list[Path]:
    """Tables, figures, summary, and the calibration when any sector has an elasticity; the paths written. `notes`:
    what is to be said of the data."""
    main, written = findings.main, [folder / "slopes.csv", folder / "epsilon_by_zeta.csv"]
    warning = ["SIMULATED data: shows the method, is no evidence"] if simulated else []
    write_csv(written[0], slopes_table(findings.slopes, findings.zeta), comments=warning)
    band = findings.band
    bounds = {"zeta": band.zeta, "epsilon": band.epsilon, "lower": band.lower, "upper": band.upper}
    write_csv(written[1], bounds | {"refused": [bool(r) for r in band.refused]}, comments=warning)
    drawn = band_figure(band, main.slope, main.best_interval, truth)
    written.append(save(marked(drawn, warning), folder / "epsilon_by_zeta.png"))
    found, refused = elasticities(findings, calibration_names(base))
    if findings.sectors is not None and findings.pooled is not None and findings.prior is not None:
        limit = float(research_slope_limit(findings.zeta))
        figure = sectors_figure(findings.sectors, findings.pooled, findings.prior, limit, _titles())
        written.append(save(marked(figure, warning), folder / "sectors.png"))
        written.append(folder / "sectors.csv")
        write_csv(written[-1], sectors_table(findings), comments=warning)
    if found:
        written.append(folder / "elasticities.yaml")
        _, _, concordance, _ = read_settings(find(base))
        origin = f"SIMULATED data, not evidence: {source}" if simulated else source
        common = findings.sectors is None
        text = calibration_text(
            found,
            findings.zeta,
            base=find(base),
            folder=folder,
            name=f"{Path(base).stem}-estimated",
            source=f"{COMMON}: {origin}" if common else origin,
            status="analyst" if simulated or common else "computed",
            sectors=(*concordance.sectors, "magnets"),
        )
        write_text(written[-1], text)
    written.append(folder / "summary.md")
    write_text(written[-1], summary(findings, refused, source, simulated, [*notes, *_written_of(found)]))
    slopes = slopes_table(findings.slopes, findings.zeta)
    table = pd.DataFrame(
        {
            name: slopes[name]
            for name in ("what", "slope", "lower", "upper", "epsilon", "epsilon_standard_error", "rows")
        }
    )
    said = [f"Source: {source}; zeta = {findings.zeta:g}.", *warning, *notes, *_trust(findings), *refused]
    said += _written_of(found)
    figures = [path for path in written if path.suffix == ".png"]
    title = "Elasticity of substitution from the direction of innovation"
    part = sections.Part(
        "elasticities", title, notes=said, pictures=figures, tables={"slopes": table}, folder=""
    )
    sections.write(folder, title, sections.body(part))
    written += [folder / sections.SECTION, folder / sections.PAGE]
    return written


def _titles() -> dict[str, str]:
    """Names of WIOD's sectors, code first."""
    table = shipped.sectors()
    return {code: f"{code} {name}" for code, name in zip(table["sector"], table["name"], strict=True)}


def sectors_table(findings: Findings) -> dict[str, list[object]]:
    """One row per sector: its own slope, what was expected of it, the two pooled, and eps where there is one."""
    sectors, pooled, prior = findings.sectors, findings.pooled, findings.prior
    assert sectors is not None
    assert pooled is not None
    assert prior is not None
    own = [epsilon_or_reason(float(b), findings.zeta)[0] for b in sectors.slope]
    together = [epsilon_or_reason(float(b), findings.zeta)[0] for b in pooled.slope]
    return {
        "sector": list(sectors.names),
        "slope": sectors.slope.tolist(),
        "standard_error": np.sqrt(np.diag(sectors.covariance)).tolist(),
        "expected": (prior + pooled.shift).tolist(),
        "pooled": pooled.slope.tolist(),
        "pooled_standard_error": pooled.standard_error.tolist(),
        "own_weight": pooled.own_weight.tolist(),
        "first_stage_f": sectors.first_stage_f.tolist(),
        "epsilon_own": list(own),
        "epsilon_pooled": list(together),
    }


def _trust(findings: Findings) -> list[str]:
    """How far the estimates can be believed: instruments, methods that failed."""
    main, lines = findings.main, []
    if main.weak_instrument_interval is not None:
        low, high = (f"{end:.3g}" if np.isfinite(end) else "no end" for end in main.best_interval)
        lines.append(
            f"The interval of eps rests on Anderson and Rubin's of the {main.method} slope, {low} to {high}; lower and "
            "upper in the table are by clustered t."
        )
    if findings.instrument is not None:
        many, of = findings.instrument.paths, findings.instrument.series
        lines.append(f"The instrument takes {many} different paths over time, combinations of {of} series.")
        if of < FEW_SERIES:
            instead = f", not of {main.units} units" if many < main.units else ""
            lines.append(
                "So few series of shocks make a shift-share design: the evidence is of "
                f"{many} loadings on them{instead}."
            )
    if main.first_stage_f and min(main.first_stage_f) < WEAK_F:
        cure = "use the Anderson-Rubin interval in slopes.csv"
        if main.weak_instrument_interval is None:
            cure = "there are too few clusters for an Anderson-Rubin interval, and others may be too short"
        lines.append(f"WEAK INSTRUMENT (first-stage F below {WEAK_F:g}): {cure}.")
    lines += _to_first_order(findings.slopes)
    return [*lines, *(f"Without an estimate: {reason}" for reason in findings.failed)]


def _to_first_order(slopes: Sequence[SlopeEstimate]) -> list[str]:
    """Whose errors are the jackknife's to first order only, and why."""
    reasons = {
        True: f"there are more than {REFITTED} clusters, with which the two are near",
        False: "left without one of the clusters there is no estimate, and with few clusters they are too small",
    }
    found = {
        many: [e.method for e in slopes if not e.jackknife and (e.clusters > REFITTED) == many]
        for many in reasons
    }
    return [
        f"Errors of {listed(methods)} are the jackknife's to first order: {reasons[many]}."
        for many, methods in found.items()
        if methods
    ]


def _written_of(found: Sequence[SectorElasticity]) -> list[str]:
    """Which elasticities in the calibration are soft."""
    soft = [e.sector for e in found if e.soft]
    if not soft:
        return []
    return [
        f"Soft in elasticities.yaml, own weight below {MOSTLY_OWN:g} or F below {WEAK_F:g}: {', '.join(soft)}."
    ]


def summary(
    findings: Findings, refused: list[str], source: str, simulated: bool, notes: Sequence[str] = ()
) -> str:
    """The findings as a page of Markdown."""
    table = slopes_table(findings.slopes, findings.zeta)
    shown = {
        name: table[name]
        for name in (
            "method",
            "slope",
            "standard_error",
            "lower",
            "upper",
            "epsilon",
            "epsilon_standard_error",
            "first_stage_f",
            "zeros",
        )
    }
    lines = ["# Elasticity of substitution from the direction of innovation (E18)", ""]
    if simulated:
        lines += ["**SIMULATED data. This shows the method and is no evidence about rare earths.**", ""]
    main = findings.main
    lines += [
        f"Source: {source}. {main.rows} rows, {main.units} units, {main.clusters} clusters ({findings.clustered_by}); "
        f"zeta = {findings.zeta:g}.",
        "",
        "```",
        screen(shown),
        "```",
        "",
    ]
    lines += [f"- {name}: {count} rows left out" for name, count in main.dropped.items()]
    lines += [
        f"- {e.method} refused: {reason}"
        for e in findings.slopes
        if (reason := epsilon_or_reason(e.slope, findings.zeta)[1])
    ]
    lines += [f"- {text}" for text in (*_trust(findings), *notes)]
    if findings.pooled is not None:
        p = findings.pooled
        side = "above" if p.shift > 0 else "below"
        lines.append(
            f"- Sectors scatter around the substitutability rule by {p.between_deviation:.3f} and lie "
            f"{abs(p.shift):.3f} {side} it (standard error {p.shift_error:.3f}), in slopes."
        )
    if findings.sectors is None and findings.main.first_stage_f:
        lines.append(f"- In elasticities.yaml, unless the slope is refused: {COMMON}.")
    lines += [f"- Without an elasticity of its own: {text}" for text in refused]
    return "\n".join(lines) + "\n"
