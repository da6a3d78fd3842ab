"""Figures of the wavelet analyses: multiple correlation by date and scale, dominant series, scales and lags."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.image import AxesImage

from calibration.evidence.comovement.analysis import WaveletResult
from calibration.evidence.comovement.modwt import periods
from calibration.evidence.comovement.multiple import MultipleCrossCorrelation
from calibration.evidence.comovement.study import Study
from outputs.comovement.drawing import (
    BLANK,
    COLOURS,
    DIVERGING,
    UNIT,
    Drawing,
    date_axis,
    hatch_cells,
    new_figure,
    say_if_blank,
)

WORTH = {"published": "N/2^level", "corrected": "n/2^level (n: coefficients that the ends do not touch)"}


def scale_labels(levels: int, frequency: str) -> list[str]:
    unit = UNIT[frequency]
    return [f"{low}–{high} {unit}" if high else f"over {low} {unit}" for low, high in periods(levels)]


def local_map(study: Study, result: WaveletResult) -> Drawing:
    """Local multiple correlation by date and scale: blank where unrelated series reach it, hatched at the ends."""
    local = result.local
    pair = len(result.series) == 2
    title = "Wavelet local multiple correlation: " + "; ".join(study.series[n].label for n in result.series)
    figure = new_figure(10, 4.9, title, study, result.series)
    axes = figure.subplots()
    shown = np.where(local.significant, local.value, np.nan)
    axes.set_facecolor(BLANK)
    image = axes.imshow(shown, origin="lower", aspect="auto", interpolation="none", **_colours(pair))  # type: ignore[arg-type]
    _scales(axes, study, result)
    say_if_blank(axes, shown)
    figure.colorbar(image, ax=axes, pad=0.01).set_label("multiple correlation φ")
    spec = result.spec
    caption = (
        f"{title}. {spec.filter} filter, {local.window} window with half-width {result.half_width:g}. Grey: unrelated "
        f"series reach as much in more than {100 * (1 - spec.confidence):g} % of samples, date by date (the sample is "
        "what the window holds, divided by 2^level). Hatched: coefficients touched by the ends of the sample; values "
        "there rest on neighbouring dates."
    )
    share = [
        f"{n}: {100 * s:.0f} %" for n, s in zip(local.levels, local.significant.mean(axis=1), strict=True)
    ]
    return Drawing(
        f"{result.analysis}-local",
        figure,
        caption,
        f"Map by date and scale; share significant, {', '.join(share)}.",
    )


def _scales(axes: Axes, study: Study, result: WaveletResult) -> None:
    local = result.local
    n = local.value.shape[1]
    hatch_cells(axes, ~local.known)
    for line in range(1, len(local.levels)):
        axes.axhline(line - 0.5, color="white", lw=1.2)
    axes.set_yticks(range(len(local.levels)), scale_labels(len(local.levels) - 1, study.frequency))
    axes.set_ylabel("period")
    axes.set_ylim(-0.5, len(local.levels) - 0.5)
    date_axis(axes, result.dates, study)
    axes.set_xlim(-0.5, n - 0.5)


def dominant_map(study: Study, result: WaveletResult) -> Drawing:
    """Which series is best explained by the others, by date and scale."""
    local = result.local
    title = "Dominant series: the one the others explain best"
    figure = new_figure(10, 4.6, title, study, result.series)
    axes = figure.subplots()
    axes.set_facecolor(BLANK)
    count = len(result.series)
    palette = ListedColormap([COLOURS[i % len(COLOURS)] for i in range(count)])
    shown = np.where(local.significant, local.dominant, -1).astype(float)
    shown[shown < 0] = np.nan
    image = axes.imshow(
        shown,
        origin="lower",
        aspect="auto",
        interpolation="none",
        cmap=palette,
        norm=BoundaryNorm(np.arange(-0.5, count), count),
    )
    _scales(axes, study, result)
    bar = figure.colorbar(image, ax=axes, pad=0.01, ticks=range(count))
    bar.ax.set_yticklabels(
        ["\n".join(textwrap.wrap(study.series[n].label, 18)) for n in result.series], fontsize=8
    )
    caption = f"{title}, where the multiple correlation is significant."
    return Drawing(
        f"{result.analysis}-dominant", figure, caption, "Map of the dominant series by date and scale."
    )


def scale_figure(study: Study, result: WaveletResult) -> Drawing:
    """Multiple correlation by scale with its interval and, if asked for, by lag."""
    multiple, cross = result.multiple, result.cross
    pair = len(result.series) == 2
    title = "Multiple correlation by scale" + (" and lag" if cross else "")
    figure = new_figure(10 if cross else 6, 4.6, title, study, result.series)
    columns = 2 if cross else 1
    panels = figure.subplots(1, columns, squeeze=False, sharey=True, width_ratios=[1, 1.2][:columns])[0]
    _by_scale(panels[0], study, result)
    if cross:
        image = _by_lag(panels[1], cross, pair, result.spec.confidence)
        moved = study.series[result.series[cross.dominant[0]]].label if pair else "the named series"
        panels[1].set_xlabel(
            f"lag of {moved} behind the other{'' if pair else 's'} ({UNIT[study.frequency]})"
        )
        figure.colorbar(image, ax=panels[1], pad=0.01).set_label("φ")
    caption = (
        f"{title}: {100 * result.spec.confidence:g} % intervals on {WORTH[result.spec.interval]} observations. Red: "
        f"what unrelated series stay below in {100 * result.spec.confidence:g} % of samples."
        + ("" if pair else " The series named is the one the others explain best.")
        + (" Right: grey where unrelated series reach as much." if cross else "")
    )
    values = ", ".join(f"{n} {v:.2f}" for n, v in zip(multiple.levels, multiple.value, strict=True))
    return Drawing(f"{result.analysis}-scales", figure, caption, f"Multiple correlation by level: {values}.")


def _by_scale(axes: Axes, study: Study, result: WaveletResult) -> None:
    multiple = result.multiple
    pair = len(result.series) == 2
    place = np.arange(len(multiple.levels))
    # An interval that is not defined, on fewer than 3 observations, is drawn over the whole range.
    least = -1.0 if pair else 0.0
    low, high = np.nan_to_num(multiple.lower, nan=least), np.nan_to_num(multiple.upper, nan=1.0)
    reach = [multiple.value - low, high - multiple.value]
    axes.errorbar(multiple.value, place, xerr=reach, fmt="o", color=COLOURS[0], capsize=3)
    for side in (-1, 1) if pair else (1,):
        axes.vlines(side * multiple.critical, place - 0.24, place + 0.06, color=COLOURS[5], lw=1.8)
    axes.set_yticks(place, scale_labels(len(multiple.levels) - 1, study.frequency))
    axes.set_xlim(least - 0.02, 1.02)
    axes.set_ylim(-0.5, len(place) - 0.5)
    axes.axvline(0, color="black", lw=0.6)
    axes.set_xlabel("multiple correlation φ")
    if not pair:
        for y, variable in zip(place, multiple.dominant, strict=True):
            name = study.series[result.series[variable]].label
            axes.annotate(
                name, (0.02, y + 0.14), xycoords=("axes fraction", "data"), fontsize=8, color="#555555"
            )


def _by_lag(axes: Axes, cross: MultipleCrossCorrelation, pair: bool, confidence: float) -> AxesImage:
    shown = np.where(cross.p_value <= 1 - confidence, cross.value, np.nan)
    axes.set_facecolor(BLANK)
    say_if_blank(axes, shown)
    edge = cross.lags[-1] + 0.5
    extent = (-edge, edge, -0.5, len(cross.levels) - 0.5)
    return axes.imshow(shown, origin="lower", aspect="auto", extent=extent, **_colours(pair))


def _colours(pair: bool) -> dict[str, Any]:
    """Two series have a sign, more of them none."""
    return {"cmap": DIVERGING, "vmin": -1, "vmax": 1} if pair else {"cmap": "viridis", "vmin": 0, "vmax": 1}


def wavelet_figures(study: Study, result: WaveletResult) -> list[Drawing]:
    """The dominant series is drawn only where there is one: two series explain each other equally well."""
    figures = [local_map(study, result), scale_figure(study, result)]
    return figures if len(result.series) == 2 else [figures[0], dominant_map(study, result), figures[1]]
