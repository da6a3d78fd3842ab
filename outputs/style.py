"""One look for all figures: colours that colour-blind readers can tell apart, and shapes for readers in grey."""

from __future__ import annotations

import math
import textwrap
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator

from outputs.names import tick

# Okabe and Ito (2008).
BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, RED, PURPLE, GREY = (
    "#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7", "#8A8A8A",
)  # fmt: skip
REGIME: dict[str, dict[str, Any]] = {
    "exogenous": {"facecolor": GREY},
    "directed": {"facecolor": BLUE},
    "directed_with_spillovers": {"facecolor": GREEN, "hatch": "////", "edgecolor": "white", "linewidth": 0},
}
RC: Any = {
    "font.family": "DejaVu Sans", "font.size": 10, "axes.titlesize": 11, "axes.titleweight": "bold",
    "axes.titlelocation": "left", "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True,
    "axes.grid": True, "grid.color": "#E4E4E4", "grid.linewidth": 0.8, "legend.frameon": False, "legend.fontsize": 9,
    "figure.dpi": 110, "savefig.dpi": 150, "axes.edgecolor": "#555555", "xtick.color": "#333333",
    "ytick.color": "#333333", "figure.facecolor": "white", "hatch.linewidth": 1.2,
}  # fmt: skip
LABELS = 8  # that an axis has room for
INCHES = (10.0, 5.6)  # 16:9, a slide


def figure(
    rows: int = 1, columns: int = 1, size: tuple[float, float] = INCHES, **options: Any
) -> tuple[Figure, Any]:
    """A figure without pyplot's global state, and its axes."""
    drawn = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(drawn)
    return drawn, drawn.subplots(rows, columns, **options)


def look() -> Any:
    """Context in which figures are made."""
    return rc_context(RC)


def finish(drawn: Figure, path: Path, title: str, note: str) -> Path:
    """Title above, source and limits below, and write the PNG, which carries its title for those who cannot see it."""
    width = int(drawn.get_size_inches()[0] * 15.5)
    drawn.suptitle(
        plain("\n".join(textwrap.wrap(title, int(width * 0.54)))),
        x=0.01,
        ha="left",
        fontsize=14,
        weight="bold",
    )
    drawn.supxlabel(
        plain("\n".join(textwrap.wrap(note, width))), x=0.01, ha="left", fontsize=7.5, color="#555555"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    drawn.savefig(path, metadata={"Software": None, "Title": title})
    return path


def plain(text: str) -> str:
    """Text that matplotlib shows as it stands: a dollar sign would start a formula."""
    return text.replace("$", r"\$")


def log_ticks(axis: Axis, within: tuple[int, ...]) -> None:
    """Ticks of a logarithmic axis: those `within` each decade, or decades alone where there is no room for more."""
    low, high = axis.get_view_interval()
    few = math.log10(high / low) * len(within) <= LABELS
    axis.set_major_locator(LogLocator(subs=within if few else (1,)))
    axis.set_major_formatter(ticks())


def ticks() -> FuncFormatter:
    """Numbers on an axis as `names.tick` writes them."""
    return FuncFormatter(lambda value, _: tick(value))


def legend_above(axes: Axes, columns: int, *beside: Axes) -> None:
    """A legend between the title of a panel and its frame, where it covers nothing that is drawn.

    beside: panels without a legend whose titles are to stand as high.
    """
    entries = len(axes.get_legend_handles_labels()[1])
    axes.legend(
        loc="lower left", bbox_to_anchor=(0, 1), ncols=columns, fontsize=8, borderaxespad=0.2, borderpad=0.2,
        columnspacing=1.2, handlelength=1.5, handletextpad=0.6,
    )  # fmt: skip
    for panel in (axes, *beside):
        panel.set_title(panel.get_title(loc="left"), pad=6 + 13 * -(-entries // columns))


def zero_line(axes: Axes, vertical: bool = True) -> None:
    """The line of no change."""
    (axes.axvline if vertical else axes.axhline)(0, color="#333333", linewidth=0.9, zorder=1.5)
