"""Which figures a sweep has, and their files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from calibration.errors import InputError
from outputs import style
from outputs.sweeps import figures, grids
from outputs.sweeps.groups import groups, plain, without_unit
from outputs.sweeps.reading import Sweep


@dataclass(frozen=True)
class Drawn:
    """A figure that was written, or why it was not."""

    title: str
    path: Path | None = None
    reason: str = ""


def draw(sweep: Sweep, folder: Path, tables: Mapping[str, pd.DataFrame]) -> list[Drawn]:
    """Every figure that the design allows, from the tables of `report.tables`; what cannot be drawn says why."""
    note = f"{sweep.dataset.attrs['title']}. {len(sweep.values):,} draws, design {sweep.design}, calibration " \
           f"{sweep.dataset.attrs['calibration']}."  # fmt: skip
    drawn = []
    with style.look():
        for title, name, make in _jobs(sweep, tables):
            try:
                figure = make()
            except InputError as error:
                drawn.append(Drawn(title, None, str(error)))
            else:
                drawn.append(Drawn(title, style.finish(figure, folder / f"{name}.png", title, note)))
    return drawn


def _jobs(sweep: Sweep, tables: Mapping[str, pd.DataFrame]) -> Iterator[tuple[str, str, Callable[[], Any]]]:
    found = groups(sweep)
    sampled = sweep.design in ("monte_carlo", "latin_hypercube", "sobol")
    if sampled:
        yield "How far outcomes spread", "distributions", partial(figures.distributions, sweep, found)
    for group in found:
        low = group.words
        if sweep.design == "sobol":
            yield (
                f"What decides {low}",
                f"sobol-{group.name}",
                partial(figures.sobol, sweep, tables, group),
            )
        if sweep.design == "morris":
            yield (
                f"What moves {low}",
                f"morris-{group.name}",
                partial(figures.morris, sweep, tables, group),
            )
        if sampled or sweep.design == "one_at_a_time":
            yield f"Tornado: {low}", f"tornado-{group.name}", partial(figures.tornado, sweep, tables, group)
        if sampled and group.threshold is not None:
            title = f"{group.title} against {plain(group.threshold)}, along what moves it most"
            yield title, f"threshold-{group.name}", partial(figures.threshold, sweep, tables, group)
        if group.path and sampled:
            yield f"{group.title}, year by year", f"fan-{group.name}", partial(figures.fan, sweep, group)
        if sweep.design == "grid" and len(sweep.parameters) <= 2:
            along, *other = [without_unit(sweep.words(sweep.parameters[at])) for at in grids.sides(sweep)]
            if other:
                title = f"{group.title} by {other[0]} and {along}"
                yield title, f"map-{group.name}", partial(grids.cells, sweep, group)
            yield f"{group.title} along {along}", f"lines-{group.name}", partial(grids.lines, sweep, group)
