"""What the structural estimates leave behind: tables, figures, the summary, and a calibration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from calibration.evidence import shipped
from calibration.evidence.elasticities.estimators import REFITTED, SlopeEstimate
from calibration.evidence.elasticities.parameters import (
    MOSTLY_OWN,
    WEAK_F,
    SectorElasticity,
    calibration_text,
)
from calibration.evidence.elasticities.technology import research_slope_limit
from calibration.files import write_text
from calibration.load import find, read_settings
from calibration.tables import write_csv
from outputs import sections
from outputs.evidence.elasticities_run import Findings, elasticities
from outputs.evidence.figures import band_figure, marked, save, sectors_figure
from outputs.evidence.tables import epsilon_or_reason, screen, slopes_table
from outputs.names import listed

COMMON = "one slope for all sectors, a judgement, since the data do not tell them apart"
FEW_SERIES = 5


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
    slopes = slopes_table(findings.slopes, findings.zeta)
    write_csv(written[0], slopes, comments=warning)
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
