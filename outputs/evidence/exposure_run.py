"""The exposure regressions, all of them: samples, estimates, files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from calibration.errors import InputError, Problem
from calibration.evidence import shipped
from calibration.evidence.exposure.measures import Exposure, read_exposure, us_exposure, wiod_exposure
from calibration.evidence.exposure.panels import ExposurePanel, exports_panel, tfp_panel
from calibration.evidence.exposure.regressions import (
    FEWEST,
    PRETREND,
    Effect,
    EventStudy,
    difference_in_differences,
    event_study,
    long_difference,
)
from calibration.files import write_text
from calibration.tables import write_csv
from outputs import sections
from outputs.evidence.figures import event_study_figure, save
from outputs.evidence.tables import effects_table, event_table

SHOWN = ("outcome", "sample", "effect", "value [log points per sd]", "lower", "upper", "bootstrap_p_value")
WHAT = (
    "Log points per standard deviation of exposure, sectors of one country compared. p-values by wild cluster "
    "bootstrap."
)
SOFT = "soft, from use by application (memory) and a judgement of who buys for each application (analyst)"
CHINA = "China apart, goods"
STILL = 1e-11  # log points: rounding of the solver


@dataclass(frozen=True, slots=True)
class Estimates:
    """Rows of (outcome, sample, estimate)."""

    effects: tuple[tuple[str, str, Effect], ...]
    studies: tuple[tuple[str, str, EventStudy], ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Exposures:
    """What the regressions take as exposure, by sector and by US industry: the shipped measures, or those of a file.
    direct: None for a file, which has one measure only. table: what is shown of sectors, column by column. said: where
    they come from.
    """

    wiod: dict[str, float]
    direct: dict[str, float] | None
    us: dict[str, float]
    table: dict[str, Any]
    said: str


def exposures(own: Path | None = None, own_us: Path | None = None) -> Exposures:
    """The shipped exposures, or in their place those of files with columns sector and exposure."""
    measured, us_measured = wiod_exposure(), us_exposure()
    given = read_exposure(own, measured.sectors) if own else None
    us = read_exposure(own_us, us_measured.sectors) if own_us else by_name(us_measured)
    of = {"sectors": own, "US industries": own_us}
    said = f"Exposure {'; '.join(f'of {name}: {path.name if path else SOFT}' for name, path in of.items())}."
    if given is not None:
        return Exposures(given, None, us, {"sector": list(given), "exposure": list(given.values())}, said)
    metrics = measured.frame()
    table = {
        "sector": metrics["sector"],
        "direct [USD per million USD]": metrics["direct"],
        "total [USD per million USD]": metrics["total"],
        "score": metrics["score"],
        "exposure": metrics["exposure"],
    }
    return Exposures(by_name(measured), by_name(measured, "direct"), us, table, said)


def samples(exposures: Exposures) -> list[tuple[str, Callable[[], ExposurePanel]]]:
    """The samples and how each is made, exports first."""
    wiod, direct, us = exposures.wiod, exposures.direct, exposures.us
    sectors = shipped.sectors()
    top = max(sectors.loc[sectors["goods"], "sector"], key=lambda sector: wiod[sector])
    rest = {sector: value for sector, value in wiod.items() if sector != top}
    alone = [("the same, direct exposure only", lambda: exports_panel(direct))] if direct else []
    return [
        ("39 countries without China, goods", lambda: exports_panel(wiod)),
        (f"the same without {top}, the most exposed", lambda: exports_panel(rest, without_sectors=(top,))),
        *alone,
        ("39 countries without China, all sectors", lambda: exports_panel(wiod, goods_only=False)),
        (CHINA, lambda: exports_panel(wiod, countries=("CHN",))),
        ("US, 63 industries", lambda: tfp_panel(us)),
        ("US, 19 manufacturing industries", lambda: tfp_panel(us, manufacturing_only=True)),
    ]


def by_name(exposure: Exposure, metric: str = "exposure") -> dict[str, float]:
    """A metric by sector."""
    return dict(zip(exposure.sectors, getattr(exposure, metric).tolist(), strict=True))


def estimate(
    named: list[tuple[str, Callable[[], ExposurePanel]]],
    base_year: int,
    draws: int,
    progress: Callable[[str], None] = lambda _: None,
) -> Estimates:
    """Event study, difference in differences with and without trends, and growth from the base year to the last one."""
    effects: list[tuple[str, str, Effect]] = []
    studies: list[tuple[str, str, EventStudy]] = []
    for name, make in named:
        progress(name)
        panel = make()
        last = int(panel.data["year"].max())
        study = event_study(panel, base_year, draws=draws)
        studies.append((panel.outcome, name, study))
        for effect in (
            study.pretrend,
            difference_in_differences(panel, base_year + 1, draws=draws),
            difference_in_differences(panel, base_year + 1, detrended=True, draws=draws),
            long_difference(panel, base_year, last, draws=draws),
        ):
            effects.append((panel.outcome, name, effect))
    return Estimates(tuple(effects), tuple(studies), _smallest(effects))


def _smallest(effects: Sequence[tuple[str, str, Effect]]) -> tuple[str, ...]:
    """What the smallest of many p-values is worth: Holm's adjustment of it (Bonferroni's), trends before left out."""
    found = [
        (e.bootstrap_p_value, f"{outcome}, {sample}, {e.name}")
        for outcome, sample, e in effects
        if e.bootstrap_p_value is not None and e.name != PRETREND
    ]
    if not found:
        return ()
    p, where = min(found)
    adjusted = min(1.0, len(found) * p)
    return (
        f"The smallest of {len(found)} p-values of effects is {p:.3f} ({where}); adjusted for their number (Holm) it "
        f"is {adjusted:.2f}.",
    )


def with_model(
    estimates: Estimates,
    result: Path,
    regimes: Sequence[str],
    base_year: int,
    draws: int,
    last_year: int = 2011,
) -> Estimates:
    """The estimates with those of a result of the model behind them: growth on exposure, every outcome it has, in the
    regimes asked for or in all. An outcome that no sector moves, as technology when it is exogenous, is noted only."""
    import xarray as xr

    from outputs.evidence.model_results import OUTCOMES, panel_from_result

    try:
        with xr.open_dataset(result, engine="h5netcdf") as opened:
            data = opened.load()
        known = [str(name) for name in data["regime"].values]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(Problem(f"not a result of the model ({error})", str(result))) from error
    rows, notes = list(estimates.effects), list(estimates.notes)
    for regime in regimes or known:
        for variable in OUTCOMES:
            panel = panel_from_result(data, variable, regime=regime, base_year=base_year, last_year=last_year)
            if panel.data["sector"].nunique() < FEWEST:
                notes.append(f"{panel.source}: {panel.outcome} is of fewer than {FEWEST} sectors")
            elif float(np.ptp(panel.data["outcome"])) < STILL:
                notes.append(f"{panel.source}: {panel.outcome} does not move")
            else:
                end = int(panel.data["year"].max())
                rows.append(
                    (panel.outcome, panel.source, long_difference(panel, base_year, end, draws=draws))
                )
    return Estimates(tuple(rows), estimates.studies, tuple(notes))


def write(estimates: Estimates, exposures: Exposures, folder: Path) -> list[Path]:
    """Tables and figures; the paths written."""
    written = [folder / "effects.csv", folder / "event_studies.csv", folder / "exposure.csv"]
    note = "standard deviations of exposure; intervals of 95%, clustered by sector"
    write_csv(written[0], effects_table(estimates.effects), comments=[note])
    write_csv(written[1], event_table(estimates.studies), comments=[note])
    write_csv(written[2], exposures.table, comments=[exposures.said])
    for outcome, second, title in (
        ("ln exports", CHINA, "Exports and exposure to rare earths, 1995-2011"),
        (
            "ln TFP",
            "US, 19 manufacturing industries",
            "US productivity and exposure to rare earths, 1995-2023",
        ),
    ):
        group = [(sample, study) for name, sample, study in estimates.studies if name == outcome]
        chosen = group[:1] + [one for one in group[1:] if one[0] == second]
        if chosen:
            path = folder / f"event_study_{outcome.removeprefix('ln ').lower()}.png"
            written.append(save(event_study_figure(chosen, outcome, title), path))
    written.append(folder / "summary.md")
    write_text(written[-1], summary(estimates, exposures.said))
    effects = effects_table(estimates.effects)
    table = pd.DataFrame({name: effects[name] for name in SHOWN})
    notes = [WHAT, exposures.said, *estimates.notes]
    figures = [path for path in written if path.suffix == ".png"]
    title = "Exports, productivity and exposure to rare earths"
    part = sections.Part(
        "exposure", title, notes=notes, pictures=figures, tables={"effects": table}, folder=""
    )
    sections.write(folder, title, sections.body(part))
    written += [folder / sections.SECTION, folder / sections.PAGE]
    return written


def summary(estimates: Estimates, said: str) -> str:
    """The estimates as a page of Markdown."""
    lines = [
        "# Exposure to rare earths: exports and productivity",
        "",
        "Log points per standard deviation of exposure. p: wild cluster bootstrap by sector.",
        f"{said} See docs/evidence.md.",
        "",
        "| outcome | sample | effect | value | 95% interval | p |",
        "|---|---|---|---:|---|---:|",
    ]
    for outcome, sample, e in estimates.effects:
        p = "-" if e.bootstrap_p_value is None else f"{e.bootstrap_p_value:.3f}"
        lines.append(
            f"| {outcome} | {sample} | {e.name} | {e.value:+.2g} | {e.interval[0]:+.2g} to {e.interval[1]:+.2g} | {p} |"
        )
    lines += [
        "",
        "Tests that nothing moved with exposure before the base year (all years jointly; wild cluster bootstrap "
        "of the Wald statistic, the null imposed):",
        "",
    ]
    for outcome, sample, study in estimates.studies:
        test = study.joint_pretest
        said = (
            "too few sectors for a test"
            if test is None
            else f"Wald / years = {test[0]:.1f}, p = {test[1]:.3f}"
        )
        lines.append(f"- {outcome}, {sample}: {said}")
    lines += [f"- {note}" for note in estimates.notes]
    return "\n".join(lines) + "\n"
