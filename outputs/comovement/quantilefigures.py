"""Figures of the cross-quantilogram: heat maps by lag, bars lag by lag, windows, sub-samples."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from matplotlib.ticker import MaxNLocator

from calibration.evidence.comovement.analysis import QuantilogramResult
from calibration.evidence.comovement.crossquantilogram import FEWEST_EXPECTED, CrossQuantilogram
from calibration.evidence.comovement.portmanteau import Portmanteau
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
    span,
)


def used_series(study: Study, result: QuantilogramResult) -> list[str]:
    spec = next(q for q in study.spec.quantilograms if q.name == result.analysis)
    return [result.target, result.predictor, *(c.series for c in spec.controls)]


def _tick_levels(levels: np.ndarray) -> tuple[list[int], list[str]]:
    every = max(1, round(len(levels) / 7))
    # Start so that the median is labelled where there is one.
    middle = int(np.argmin(np.abs(levels - 0.5)))
    place = [i for i in range(len(levels)) if (i - middle) % every == 0]
    return place, [f"{levels[i]:g}" for i in place]


def heat_map(
    axes: Axes, grid: CrossQuantilogram, place: int, limit: float, labelled: bool = True
) -> AxesImage:
    """One lag: insignificant cells blank, sparse ones hatched, dots where a cell is significant for the whole map."""
    shown = np.where(grid.significant[place] & grid.reliable[place], grid.value[place], np.nan)
    axes.set_facecolor(BLANK)
    hatch_cells(axes, ~grid.reliable[place])
    image = axes.imshow(shown, origin="lower", cmap=DIVERGING, vmin=-limit, vmax=limit, aspect="auto")
    say_if_blank(axes, shown)
    assert grid.p_family is not None and grid.bootstrap is not None
    strong = np.argwhere(grid.p_family[place] <= grid.bootstrap.level)
    axes.plot(strong[:, 1], strong[:, 0], "k.", markersize=4)
    axes.set_xticks(*_tick_levels(grid.predictor_levels))
    axes.set_yticks(*_tick_levels(grid.target_levels))
    if labelled:
        axes.set_xlabel("quantile of the predictor")
        axes.set_ylabel("quantile of the target")
    return image


def grid_figure(study: Study, result: QuantilogramResult) -> Drawing:
    grid = result.grid
    limit = max(0.1, float(np.ceil(np.abs(grid.value).max() * 10) / 10))
    columns = min(len(grid.lags), 4)
    rows = -(-len(grid.lags) // columns)
    figure = new_figure(
        3.1 * columns + 1.2, 3.2 * rows + 1.5, _title(result, study), study, used_series(study, result)
    )
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
        ("partial " if result.controls else "") + "cross-quantilogram\n> 0: low together, high together",
        fontsize=9,
    )
    assert grid.bootstrap is not None
    percent = f"{100 * grid.bootstrap.level:g} %"
    caption = (
        f"{_title(result, study)}. Grey: not significant at {percent}, cell by cell (stationary bootstrap, "
        f"{grid.bootstrap.resamples} resamples). Dot: significant at {percent} for the whole map. Hatched: fewer than "
        f"{FEWEST_EXPECTED:g} observations expected where both are extreme, too few for the bootstrap, or values that "
        "repeat too often for quantiles to part them. A positive "
        "value at high quantiles of both means that a high predictor is followed by a high target more often than "
        "if they were unrelated; at low quantiles the same of low ones."
        + (f" Given {'; '.join(result.controls)}." if result.controls else "")
    )
    clear = grid.significant & grid.reliable
    share = [
        f"lag {k}: {c.sum()} of {r.sum()}" for k, c, r in zip(grid.lags, clear, grid.reliable, strict=True)
    ]
    return Drawing(
        _name(result, "grid"), figure, caption, f"Heat maps by lag. Cells significant, {', '.join(share)}."
    )


def _title(result: QuantilogramResult, study: Study) -> str:
    return f"{study.series[result.predictor].label} → {study.series[result.target].label}"


def _name(result: QuantilogramResult, what: str) -> str:
    return f"{result.analysis}-{result.predictor}-{what}".replace("_", "-")


def lag_figure(study: Study, result: QuantilogramResult) -> Drawing:
    """Bars lag by lag with bands, and the Ljung-Box statistic against its critical values, at a few levels."""
    profile, test = result.profile, result.portmanteau
    assert profile is not None and profile.margin is not None and test is not None
    count = profile.target_levels.size
    title = f"{_title(result, study)}, lag by lag"
    figure = new_figure(3.4 * count + 0.6, 6.2, title, study, used_series(study, result))
    panels = figure.subplots(2, count, squeeze=False, sharex=True, sharey="row")
    for i in range(count):
        _bars(panels[0, i], profile, i)
        _q_statistic(panels[1, i], test, float(profile.target_levels[i]))
        panels[1, i].set_xlabel(f"lag ({UNIT[study.frequency]})")
        panels[1, i].xaxis.set_major_locator(MaxNLocator(integer=True))
    reach = 1.3 * max(np.abs(profile.value).max(), profile.margin[:, range(count), range(count)].max())
    panels[0, 0].set_ylim(-reach, reach)
    panels[1, 0].set_ylim(bottom=0)
    panels[0, 0].set_ylabel(("partial " if result.controls else "") + "cross-quantilogram")
    panels[1, 0].set_ylabel("Q over lags 1 to p")
    for axes in (panels[0, -1], panels[1, 0]):
        axes.legend(fontsize=8, framealpha=0.9, edgecolor="none")
    sup = test.ljung_box.sup_p_value
    assert sup is not None and test.bootstrap is not None
    caption = (
        f"{title}: dependence with {100 * (1 - test.bootstrap.level):g} % bootstrap bands around zero (top), and the "
        "Ljung-Box statistic over lags 1 to p with its bootstrap critical value (bottom). Supremum over the "
        f"{test.region.sum()} reliable pairs of quantiles at p = {profile.lags[-1]}: p-value {sup[-1]:.3f}."
    )
    alt = f"Bars of dependence by lag at {count} quantile levels, with Q statistics."
    return Drawing(_name(result, "lags"), figure, caption, alt)


def _bars(axes: Axes, profile: CrossQuantilogram, i: int) -> None:
    assert profile.margin is not None
    lags = np.array(profile.lags)
    value, margin = profile.value[:, i, i], profile.margin[:, i, i]
    clear = np.abs(value) > margin
    axes.bar(lags[clear], value[clear], color=COLOURS[0], label="significant")
    axes.bar(lags[~clear], value[~clear], color="#bcd3e3", label="not significant")
    edges = np.append(lags - 0.5, lags[-1] + 0.5)
    for band in (margin, -margin):
        axes.step(edges, np.append(band, band[-1]), where="post", color="#D55E00", lw=1)
    axes.axhline(0, color="black", lw=0.6)
    sparse = "" if profile.reliable[:, i, i].all() else "\n(too few observations for these bands)"
    axes.set_title(f"both at quantile {profile.target_levels[i]:g}{sparse}", fontsize=10)


def _q_statistic(axes: Axes, test: Portmanteau, level: float) -> None:
    """At the pair of levels of the grid nearest to `level`."""
    i, j = (int(np.argmin(np.abs(levels - level))) for levels in (test.target_levels, test.predictor_levels))
    q = test.ljung_box
    assert q.critical is not None
    lags = np.arange(1, len(q.value) + 1)
    axes.plot(lags, q.value[:, i, j], "o-", color=COLOURS[0], ms=4, label="Ljung-Box Q")
    axes.plot(lags, q.critical[:, i, j], "--", color="#D55E00", label="critical value")


def rolling_figure(study: Study, result: QuantilogramResult) -> Drawing:
    windows = result.windows
    assert windows is not None
    first = windows.results[0]
    count = first.target_levels.size
    title = f"{_title(result, study)}, {windows.kind} windows, lag {first.lags[0]}"
    figure = new_figure(9, 1.9 * count + 1.2, title, study, used_series(study, result))
    panels = figure.subplots(count, 1, squeeze=False, sharex=True, sharey=True)[:, 0]
    value, margin, reliable = (windows.stacked(name)[:, 0] for name in ("value", "margin", "reliable"))
    for i, axes in enumerate(panels):
        if not reliable[:, i, i].all():
            note = "too few observations for these bands"
            axes.text(0.99, 0.05, note, transform=axes.transAxes, ha="right", fontsize=8)
        band = margin[:, i, i]
        axes.fill_between(windows.last, -band, band, color="#f3cfb3", label="not significant inside", lw=0)
        axes.plot(windows.last, value[:, i, i], color=COLOURS[0], lw=1.8, label="estimate")
        axes.axhline(0, color="black", lw=0.6)
        axes.set_ylabel(f"quantile {first.target_levels[i]:g}")
    panels[0].legend(fontsize=8, frameon=False, ncols=2, loc="upper left")
    date_axis(panels[-1], study.dates, study)
    panels[-1].set_xlim(windows.last[0], windows.last[-1])
    panels[-1].set_xlabel("last date of the window")
    width = span(int(windows.last[0] - windows.first[0] + 1), study)
    kind = f"of {width}" if windows.kind == "rolling" else f"of {width} and more, from the first date"
    caption = (
        f"{title}: windows {kind}, both series at the same quantile level, bootstrap band of each window."
    )
    alt = f"Dependence by window end at {count} quantile levels, with bands."
    return Drawing(_name(result, "rolling"), figure, caption, alt)


def subsample_figure(study: Study, result: QuantilogramResult) -> Drawing:
    parts = result.subsamples
    lags = result.grid.lags
    limit = max(0.1, float(np.ceil(max(np.abs(g.value).max() for g in parts.values()) * 10) / 10))
    title = f"{_title(result, study)}, by sub-sample"
    figure = new_figure(
        3.0 * len(lags) + 1.4, 2.8 * len(parts) + 1.4, title, study, used_series(study, result)
    )
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
        f"{title}. Quantiles and critical values are those of each sub-sample. Grey: not significant; "
        "hatched: too few "
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
