"""Figures of a co-movement study. Every figure names the series that stand in for others."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure

from calibration.evidence.comovement.analysis import QuantilogramResult, WaveletResult
from calibration.evidence.comovement.crossquantilogram import FEWEST_EXPECTED, CrossQuantilogram
from calibration.evidence.comovement.data import format_date
from calibration.evidence.comovement.modwt import periods
from calibration.evidence.comovement.study import Study

DIVERGING = "RdBu_r"
# Okabe and Ito: told apart by colour-blind readers and in grey.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")
UNIT = {"monthly": "months", "quarterly": "quarters", "annual": "years", "daily": "observations"}
BLANK = "#ececec"


@dataclass(frozen=True)
class Drawing:
    """A figure, its file name without ending, a caption, and a description for those who cannot see it."""

    name: str
    figure: Figure
    caption: str
    alt: str


def new_figure(width: float, height: float, title: str, study: Study, used: Sequence[str]) -> Figure:
    """A figure with a title and, below it, which series stand in for what."""
    figure = Figure(figsize=(width, height), layout="constrained", dpi=150)
    figure.suptitle("\n".join(textwrap.wrap(title, int(width * 10), break_on_hyphens=False)), fontsize=12, fontweight="bold", x=0.01, ha="left")
    note = stand_ins(study, used)
    if note:
        figure.supxlabel("\n".join(textwrap.wrap(note, int(width * 15), break_on_hyphens=False)), fontsize=8, x=0.01, ha="left", color="#444444")
    return figure


def stand_ins(study: Study, used: Sequence[str]) -> str:
    parts = [
        f"{one.label} stands in for {one.stands_in_for}"
        for one in (study.series[name] for name in dict.fromkeys(used))
        if one.stands_in_for
    ]
    return "Stand-ins: " + "; ".join(parts) + "." if parts else ""


def used_series(study: Study, result: QuantilogramResult) -> list[str]:
    spec = next(q for q in study.spec.quantilograms if q.name == result.analysis)
    return [result.target, result.predictor, *(c.series for c in spec.controls)]


def date_axis(axes: Axes, dates: np.ndarray, study: Study) -> None:
    """A handful of dates along the axis, at round years where the data have them."""
    labels = [format_date(n, study.frequency) for n in dates]
    starts = [i for i, text in enumerate(labels) if i == 0 or text[:4] != labels[i - 1][:4]]
    years = [i for i in starts if int(labels[i][:4]) % max(1, len(starts) // 8 or 1) == 0] or starts
    axes.set_xticks(years, [labels[i][:4] for i in years])
    axes.set_xlim(-0.5, len(dates) - 0.5)


def _tick_levels(levels: np.ndarray) -> tuple[list[int], list[str]]:
    every = max(1, round(len(levels) / 7))
    # Start so that the median is labelled where there is one.
    middle = int(np.argmin(np.abs(levels - 0.5)))
    place = [i for i in range(len(levels)) if (i - middle) % every == 0]
    return place, [f"{levels[i]:g}" for i in place]


def heat_map(axes: Axes, grid: CrossQuantilogram, place: int, limit: float, labelled: bool = True):
    """One lag: insignificant cells blank, sparse ones hatched, dots where a cell is significant for the whole map."""
    shown = np.where(grid.significant[place] & grid.reliable[place], grid.value[place], np.nan)
    axes.set_facecolor(BLANK)
    hatch_cells(axes, ~grid.reliable[place])
    image = axes.imshow(shown, origin="lower", cmap=DIVERGING, vmin=-limit, vmax=limit, aspect="auto")
    assert grid.p_family is not None and grid.bootstrap is not None
    strong = np.argwhere(grid.p_family[place] <= grid.bootstrap.level)
    axes.plot(strong[:, 1], strong[:, 0], "k.", markersize=4)
    axes.set_xticks(*_tick_levels(grid.predictor_levels))
    axes.set_yticks(*_tick_levels(grid.target_levels))
    if labelled:
        axes.set_xlabel("quantile of the predictor")
        axes.set_ylabel("quantile of the target")
    return image


def hatch_cells(axes: Axes, cells: np.ndarray) -> None:
    """Hatch the cells that are True, run by run along each row."""
    for row, marked in enumerate(cells):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], marked, [0]]).astype(int)))
        for start, end in edges.reshape(-1, 2):
            axes.fill_between(
                [start - 0.5, end - 0.5], row - 0.5, row + 0.5, hatch="///", facecolor="none", edgecolor="#9a9a9a", lw=0
            )


def span(count: int, study: Study) -> str:
    """A number of observations in words: 1 month, 12 months."""
    unit = UNIT[study.frequency]
    return f"{count} {unit[:-1] if count == 1 else unit}"


def grid_figure(study: Study, result: QuantilogramResult) -> Drawing:
    grid = result.grid
    limit = max(0.1, float(np.ceil(np.abs(grid.value).max() * 10) / 10))
    columns = min(len(grid.lags), 4)
    rows = -(-len(grid.lags) // columns)
    figure = new_figure(3.1 * columns + 1.2, 3.2 * rows + 1.5, _title(result, study), study, used_series(study, result))
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for place, axes in enumerate(panels.flat):
        if place >= len(grid.lags):
            axes.set_visible(False)
            continue
        image = heat_map(axes, grid, place, limit, labelled=False)
        axes.set_title(f"lag {span(grid.lags[place], study)}", fontsize=10)
        if place >= len(grid.lags) - columns:
            axes.set_xlabel("quantile of the predictor\nlow: bear  →  high: bull", fontsize=9)
        if place % columns == 0:
            axes.set_ylabel("quantile of the target\nlow: bear  →  high: bull", fontsize=9)
    bar = figure.colorbar(image, ax=panels, shrink=0.85, pad=0.01)
    bar.set_label(
        ("partial " if result.controls else "") + "cross-quantilogram\n> 0: low together, high together", fontsize=9
    )
    assert grid.bootstrap is not None
    percent = f"{100 * grid.bootstrap.level:g} %"
    caption = (
        f"{_title(result, study)}. Grey: not significant at {percent}, cell by cell (stationary bootstrap, "
        f"{grid.bootstrap.resamples} resamples, null-centred). Dot: significant at {percent} for the whole map. Hatched: fewer "
        f"than {FEWEST_EXPECTED:g} observations expected where both are extreme, too few for the bootstrap. "
        "A positive value at high quantiles of both means that a high predictor is followed by a high target more often than "
        "if they were unrelated; at low quantiles the same of low ones."
        + (f" Given {'; '.join(result.controls)}." if result.controls else "")
    )
    clear = grid.significant & grid.reliable
    share = [f"lag {k}: {c.sum()} of {r.sum()}" for k, c, r in zip(grid.lags, clear, grid.reliable, strict=True)]
    return Drawing(_name(result, "grid"), figure, caption, f"Heat maps by lag. Cells significant, {', '.join(share)}.")


def _title(result: QuantilogramResult, study: Study) -> str:
    return f"{study.series[result.predictor].label} → {study.series[result.target].label}"


def _name(result: QuantilogramResult, what: str) -> str:
    return f"{result.analysis}-{result.predictor}-{what}".replace("_", "-")


def lag_figure(study: Study, result: QuantilogramResult) -> Drawing:
    """Bars lag by lag with bands, and the Ljung-Box statistic against its critical values, at a few levels."""
    profile, test = result.profile, result.portmanteau
    assert profile is not None and test is not None and profile.lower is not None and profile.upper is not None
    count = profile.target_levels.size
    figure = new_figure(3.4 * count + 0.6, 6.2, _title(result, study) + ", lag by lag", study, used_series(study, result))
    panels = figure.subplots(2, count, squeeze=False, sharex=True, sharey="row")
    lags = np.array(profile.lags)
    reach = float(np.abs(profile.value[:, range(count), range(count)]).max())
    for i, level in enumerate(profile.target_levels):
        top, bottom = panels[:, i]
        value, low, high = (a[:, i, i] for a in (profile.value, profile.lower, profile.upper))
        reach = max(reach, float(np.abs([low, high]).max()))
        clear = (value < low) | (value > high)
        top.bar(lags[clear], value[clear], color=COLOURS[0], label="significant")
        top.bar(lags[~clear], value[~clear], color="#bcd3e3", label="not significant")
        top.step(np.append(lags - 0.5, lags[-1] + 0.5), np.append(low, low[-1]), where="post", color="#D55E00", lw=1)
        top.step(np.append(lags - 0.5, lags[-1] + 0.5), np.append(high, high[-1]), where="post", color="#D55E00", lw=1)
        top.axhline(0, color="black", lw=0.6)
        sparse = "" if profile.reliable[:, i, i].all() else "\n(too few observations for these bands)"
        top.set_title(f"both at quantile {level:g}{sparse}", fontsize=10)
        at = (int(np.argmin(np.abs(test.target_levels - level))), int(np.argmin(np.abs(test.predictor_levels - level))))
        q = test.ljung_box
        assert q.critical is not None
        bottom.plot(lags, q.value[:, at[0], at[1]], "o-", color=COLOURS[0], ms=4, label="Ljung-Box Q")
        bottom.plot(lags, q.critical[:, at[0], at[1]], "--", color="#D55E00", label="critical value")
        bottom.set_xlabel(f"lag ({UNIT[study.frequency]})")
    panels[0, 0].set_ylim(-1.15 * reach, 1.15 * reach)
    panels[0, 0].set_ylabel(("partial " if result.controls else "") + "cross-quantilogram")
    panels[1, 0].set_ylabel("Q over lags 1 to p")
    panels[1, 0].set_ylim(bottom=0)
    panels[1, 0].legend(fontsize=8, frameon=False)
    panels[0, -1].legend(fontsize=8, frameon=False)
    sup = test.ljung_box.sup_p_value
    assert sup is not None and test.bootstrap is not None
    caption = (
        f"{_title(result, study)}: dependence lag by lag with {100 * (1 - test.bootstrap.level):g} % null-centred bands "
        f"(top), and the Ljung-Box statistic over lags 1 to p with its bootstrap critical value (bottom). Supremum over all "
        f"{test.target_levels.size} x {test.predictor_levels.size} quantile pairs at p = {lags[-1]}: p-value {sup[-1]:.3f}."
    )
    return Drawing(_name(result, "lags"), figure, caption, f"Bars of dependence by lag at {count} quantile levels, with Q statistics.")


def rolling_figure(study: Study, result: QuantilogramResult) -> Drawing:
    windows = result.windows
    assert windows is not None
    first = windows.results[0]
    count = first.target_levels.size
    title = f"{_title(result, study)}, {windows.kind} windows, lag {first.lags[0]}"
    figure = new_figure(9, 1.9 * count + 1.2, title, study, used_series(study, result))
    panels = figure.subplots(count, 1, squeeze=False, sharex=True, sharey=True)[:, 0]
    value, low, high, reliable = (windows.stacked(name)[:, 0] for name in ("value", "lower", "upper", "reliable"))
    for i, axes in enumerate(panels):
        if not reliable[:, i, i].all():
            axes.text(0.99, 0.05, "too few observations for these bands", transform=axes.transAxes, ha="right", fontsize=8)
        axes.fill_between(windows.last, low[:, i, i], high[:, i, i], color="#f3cfb3", label="not significant inside", lw=0)
        axes.plot(windows.last, value[:, i, i], color=COLOURS[0], lw=1.8, label="estimate")
        axes.axhline(0, color="black", lw=0.6)
        axes.set_ylabel(f"quantile {first.target_levels[i]:g}")
    panels[0].legend(fontsize=8, frameon=False, ncols=2, loc="upper left")
    date_axis(panels[-1], study.dates, study)
    panels[-1].set_xlim(windows.last[0], windows.last[-1])
    panels[-1].set_xlabel("last date of the window")
    width = int(windows.last[0] - windows.first[0] + 1)
    start = f"{width} {UNIT[study.frequency]}" if windows.kind == "rolling" else f"from {width} {UNIT[study.frequency]} upwards"
    caption = f"{title}: windows of {start}, both series at the same quantile level, null-centred bootstrap band of each window."
    return Drawing(_name(result, "rolling"), figure, caption, f"Dependence by window end at {count} quantile levels, with bands.")


def subsample_figure(study: Study, result: QuantilogramResult) -> Drawing:
    parts = result.subsamples
    lags = result.grid.lags
    limit = max(0.1, float(np.ceil(max(np.abs(g.value).max() for g in parts.values()) * 10) / 10))
    title = f"{_title(result, study)}, by sub-sample"
    figure = new_figure(3.0 * len(lags) + 1.4, 2.8 * len(parts) + 1.4, title, study, used_series(study, result))
    panels = figure.subplots(len(parts), len(lags), squeeze=False, sharex=True, sharey=True)
    for row, (name, grid) in enumerate(parts.items()):
        for column, lag in enumerate(lags):
            image = heat_map(panels[row, column], grid, column, limit, labelled=False)
            if row == 0:
                panels[row, column].set_title(f"lag {lag}", fontsize=10)
        panels[row, 0].set_ylabel(f"{name} ({grid.rows[0]} rows)\nquantile of the target", fontsize=9)
    for axes in panels[-1]:
        axes.set_xlabel("quantile of the predictor", fontsize=9)
    figure.colorbar(image, ax=panels, shrink=0.85, pad=0.01).set_label("cross-quantilogram", fontsize=9)
    caption = (
        f"{title}. Quantiles and critical values are those of each sub-sample. Grey: not significant; hatched: too few "
        "observations; dot: significant for the whole map."
    )
    return Drawing(_name(result, "subsamples"), figure, caption, f"Heat maps for {', '.join(parts)}.")


def quantilogram_figures(study: Study, result: QuantilogramResult) -> list[Drawing]:
    drawings = [grid_figure(study, result)]
    if result.profile is not None:
        drawings.append(lag_figure(study, result))
    if result.windows is not None:
        drawings.append(rolling_figure(study, result))
    if result.subsamples:
        drawings.append(subsample_figure(study, result))
    return drawings


def scale_labels(levels: int, frequency: str) -> list[str]:
    unit = UNIT[frequency]
    return [f"{low}–{high} {unit}" if high else f"over {low} {unit}" for low, high in periods(levels)]


def series_figure(study: Study) -> Drawing:
    names = list(study.series)
    figure = new_figure(9, 1.25 * len(names) + 1.2, "The series as they are compared", study, names)
    panels = figure.subplots(len(names), 1, squeeze=False, sharex=True)[:, 0]
    for axes, name in zip(panels, names, strict=True):
        one = study.series[name]
        axes.plot(one.values, color=COLOURS[0], lw=0.9)
        axes.set_title(f"{one.label} ({one.unit}; {one.transform})", fontsize=9, loc="left")
        axes.tick_params(labelsize=8)
    date_axis(panels[-1], study.dates, study)
    gone = [f"{name}: {int(np.isnan(s.values).sum())} missing" for name, s in study.series.items() if np.isnan(s.values).any()]
    caption = "The series after their transforms. " + ("; ".join(gone) + "." if gone else "No value is missing.")
    return Drawing("series", figure, caption, f"Line plots of {', '.join(names)}.")


def local_map(study: Study, result: WaveletResult) -> Drawing:
    """Local multiple correlation by date and scale: blank where the interval holds zero, hatched at the ends."""
    local = result.local
    pair = len(result.series) == 2
    title = "Wavelet local multiple correlation: " + ", ".join(study.series[n].label for n in result.series)
    figure = new_figure(10, 4.9, title, study, result.series)
    axes = figure.subplots()
    shown = np.where(local.significant, local.value, np.nan)
    axes.set_facecolor(BLANK)
    colours = {"cmap": DIVERGING, "vmin": -1, "vmax": 1} if pair else {"cmap": "viridis", "vmin": 0, "vmax": 1}
    image = axes.imshow(shown, origin="lower", aspect="auto", interpolation="none", **colours)  # type: ignore[arg-type]
    _scales(axes, study, result)
    figure.colorbar(image, ax=axes, pad=0.01).set_label("multiple correlation φ")
    formula = {
        "published": "published interval, N = 1/Σθ², too narrow at coarse scales",
        "corrected": "corrected interval, effective sample of the window divided by 2^level",
    }[local.interval]
    spec = result.spec
    caption = (
        f"{title}. {spec.filter} filter, {local.window} window with half-width {result.half_width:g}. Grey: the "
        f"{100 * spec.confidence:g} % interval holds 0 ({formula}). Hatched: coefficients touched by the ends of the sample; "
        "values there rest on neighbouring dates."
    )
    share = [f"{n}: {100 * s:.0f} %" for n, s in zip(local.levels, local.significant.mean(axis=1), strict=True)]
    return Drawing(f"{result.analysis}-local", figure, caption, f"Map by date and scale; share significant, {', '.join(share)}.")


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
        shown, origin="lower", aspect="auto", interpolation="none", cmap=palette, norm=BoundaryNorm(np.arange(-0.5, count), count)
    )
    _scales(axes, study, result)
    bar = figure.colorbar(image, ax=axes, pad=0.01, ticks=range(count))
    bar.ax.set_yticklabels(["\n".join(textwrap.wrap(study.series[n].label, 18)) for n in result.series], fontsize=8)
    caption = f"{title}, where the multiple correlation is significant."
    return Drawing(f"{result.analysis}-dominant", figure, caption, "Map of the dominant series by date and scale.")


def scale_figure(study: Study, result: WaveletResult) -> Drawing:
    """Multiple correlation by scale with its interval and, if asked for, by lag."""
    multiple, cross = result.multiple, result.cross
    title = "Multiple correlation by scale" + (" and lag" if cross else "")
    figure = new_figure(10 if cross else 6, 4.6, title, study, result.series)
    panels = np.atleast_1d(figure.subplots(1, 2 if cross else 1, sharey=True, width_ratios=[1, 1.2] if cross else None))
    place = np.arange(len(multiple.levels))
    # An interval that is not defined, on fewer than 3 observations, is drawn over the whole range.
    least = -1.0 if len(result.series) == 2 else 0.0
    low, high = np.nan_to_num(multiple.lower, nan=least), np.nan_to_num(multiple.upper, nan=1.0)
    axes = panels[0]
    axes.errorbar(multiple.value, place, xerr=[multiple.value - low, high - multiple.value], fmt="o", color=COLOURS[0], capsize=3)
    axes.set_yticks(place, scale_labels(len(multiple.levels) - 1, study.frequency))
    axes.set_xlim(least - 0.02, 1.02)
    axes.set_ylim(-0.5, len(place) - 0.5)
    axes.axvline(0, color="black", lw=0.6)
    axes.set_xlabel("multiple correlation φ")
    for y, variable in zip(place, multiple.dominant, strict=True):
        axes.annotate(study.series[result.series[variable]].label, (0.02, y + 0.14), xycoords=("axes fraction", "data"), fontsize=8, color="#555555")
    if cross:
        pair = len(result.series) == 2
        colours = {"cmap": DIVERGING, "vmin": -1, "vmax": 1} if pair else {"cmap": "viridis", "vmin": 0, "vmax": 1}
        clear = (np.nan_to_num(cross.lower, nan=0) > 0) | (np.nan_to_num(cross.upper, nan=0) < 0)
        panels[1].set_facecolor(BLANK)
        edge = cross.lags[-1] + 0.5
        image = panels[1].imshow(
            np.where(clear, cross.value, np.nan), origin="lower", aspect="auto", extent=(-edge, edge, -0.5, len(place) - 0.5), **colours
        )
        panels[1].set_xlabel(f"lag of the named series behind the others ({UNIT[study.frequency]})")
        figure.colorbar(image, ax=panels[1], pad=0.01).set_label("φ")
    caption = (
        f"{title}: {100 * result.spec.confidence:g} % intervals on N/2^level observations; the series named is the one the others "
        "explain best." + (" Right: grey where the interval holds 0." if cross else "")
    )
    values = ", ".join(f"{n} {v:.2f}" for n, v in zip(multiple.levels, multiple.value, strict=True))
    return Drawing(f"{result.analysis}-scales", figure, caption, f"Multiple correlation by level: {values}.")


def wavelet_figures(study: Study, result: WaveletResult) -> list[Drawing]:
    return [local_map(study, result), dominant_map(study, result), scale_figure(study, result)]
