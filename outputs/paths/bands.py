"""Bands around a path: quantiles of a sweep of the same path, shown in the path's own section of a report."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from markupsafe import Markup, escape
from matplotlib.ticker import MaxNLocator

import scenarios
from calibration.errors import InputError
from outputs import names, sections, store, style
from outputs.names import listed, signed
from outputs.paths.facts import View
from outputs.paths.figures import COLOUR
from outputs.paths.work import CALIBRATED
from outputs.sweeps import reading
from outputs.sweeps.groups import Group, groups
from outputs.sweeps.reading import Sweep
from scenarios.selectors import AllBut
from scenarios.sweeps.design import Outcome
from scenarios.sweeps.outcomes import KNOWN, reduction
from scenarios.sweeps.storage import MANIFEST

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


def with_bands(section: sections.Section, path: Path, sweep: Path) -> sections.Section:
    """The section of a path, a sweep of the same path shown as bands in front of its figures."""
    run, settings = store.read(path), json.loads(store.read_text(sweep / MANIFEST))
    key = same_path(run.inputs, settings["determined_by"])
    if not key:
        return section
    view, found = View(run.dataset), reading.read(sweep)
    with TemporaryDirectory() as folder, style.look():
        pictures = [
            _figure(draw(view, found, group, outcome, Path(folder)))
            for group, outcome in shown(found, settings["determined_by"]["design"], key)
        ]
    if not pictures:
        return section
    before, figure, after = section.html.partition("<figure")
    return sections.Section(section.title, section.key, before + Markup("").join(pictures) + figure + after)


def same_path(inputs: Mapping[str, Any], determined: Mapping[str, Any]) -> str:
    """What a sweep calls the scenario of a path; empty when the scenario or the calibration is another one.

    inputs: what determined the path; determined: what determined the sweep.
    """
    if determined["calibration"] != inputs["calibration"]:
        return ""
    for key, content in determined["scenarios"].items():
        try:
            if scenarios.parse(content).model_dump(mode="json") == inputs["scenario"]:
                return str(key)
        except InputError:
            continue  # it names files that are not at hand
    return ""


def shown(sweep: Sweep, design: Mapping[str, Any], key: str) -> list[tuple[Group, Outcome]]:
    """Outcomes of one scenario that a sweep has year by year, with what its file says of them."""
    outcomes = {one["name"]: Outcome.model_validate_json(json.dumps(one)) for one in design["outcomes"]}
    first = next(iter(json.loads(str(sweep.dataset.attrs["scenarios"]))))  # in the order of the sweep's file
    return [
        (group, outcomes[group.name])
        for group in groups(sweep)
        if group.path and not outcomes[group.name].minus and (outcomes[group.name].scenario or first) == key
    ]


def line(view: View, outcome: Outcome, regime: str) -> np.ndarray | None:
    """An outcome of the path itself, by year; None where the path does not hold it."""
    if outcome.variable not in view.ds or regime not in view.regimes:
        return None
    ratio = KNOWN[outcome.variable].unit == "ratio"
    now, base = (
        view.ds[outcome.variable].sel(memory=CALIBRATED, regime=regime),
        view.ds.get(f"base_{outcome.variable}"),
    )
    for axis, selector in outcome.select.items():
        chosen = _labels(selector, [str(label) for label in view.ds[axis].values])
        if chosen is None:
            return None
        now, base = now.sel({axis: chosen}), base if base is None or ratio else base.sel({axis: chosen})
    level: np.ndarray = getattr(now, reduction(outcome))([axis for axis in now.dims if axis != "year"]).values
    if outcome.measure == "level":
        return level
    if not ratio and base is None:
        return None
    old = 1.0 if ratio or base is None else float(getattr(base, reduction(outcome))())
    return level - old if outcome.measure == "change" else 100 * (level / old - 1)


def _labels(selector: Any, valid: list[str]) -> list[str] | None:
    """Labels that a selector stands for; None for groups, which only their scenario knows."""
    if selector == "all":
        return valid
    if isinstance(selector, AllBut):
        but = _labels(selector.all_but, valid)
        return None if but is None else [label for label in valid if label not in but]
    wanted = [selector] if isinstance(selector, str) else list(selector)
    return wanted if set(wanted) <= set(valid) else None


def draw(view: View, sweep: Sweep, group: Group, outcome: Outcome, folder: Path) -> tuple[Path, str]:
    """A panel for each regime: quantiles of the draws, and the path as calibrated. Returns the file and its title."""
    regimes = list(dict.fromkeys(group.regimes))
    figure, grid = style.figure(1, len(regimes), squeeze=False, sharey=True)
    said = []
    for axes, regime in zip(grid[0], regimes, strict=True):
        at = [n for n, one in enumerate(group.regimes) if one == regime]
        years, draws = [group.years[n] for n in at], [sweep.solved(group.columns[n])[1] for n in at]
        levels = np.array([np.quantile(values, LEVELS) for values in draws]).T
        axes.fill_between(
            years, levels[0], levels[4], color=COLOUR[regime], alpha=0.2, label="5 to 95 % of draws"
        )
        axes.fill_between(
            years, levels[1], levels[3], color=COLOUR[regime], alpha=0.4, label="25 to 75 % of draws"
        )
        axes.plot(years, levels[2], color=COLOUR[regime], lw=1.5, ls="--", label="median of draws")
        own = line(view, outcome, regime)
        if own is not None:
            axes.plot(
                view.years, own, color="black", lw=1.8, marker="o", ms=3.5, label="the path as calibrated"
            )
        if levels.min() < 0 < levels.max():
            style.zero_line(axes, vertical=False)
        axes.set_title(names.regime(regime), fontsize=10)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
        said.append(f"{signed(levels[0, -1], 2)} to {signed(levels[4, -1], 2)} with {names.regime(regime)}")
    grid[0, 0].set_ylabel(group.unit)
    grid[0, -1].legend(loc="best", fontsize=8)
    title = f"{group.title} in {group.years[-1]}, nine tenths of draws, {group.unit}: {listed(said)}"
    note = (
        f"{len(sweep.values)} draws of {listed([sweep.words(name) for name in sweep.parameters])}. "
        "A band holds what is varied, within ranges that are judgements for the most part, and nothing else."
    )
    return style.finish(figure, folder / f"band-{group.name}.png", title, note), title


def _figure(drawn: tuple[Path, str]) -> Markup:
    picture, title = drawn
    return Markup('<figure><img src="{}" alt="{}"></figure>\n').format(
        sections.embedded(picture), escape(title)
    )
