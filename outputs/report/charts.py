"""Charts of the report as positions: what to draw where, in percent of the width, so that they fit any screen.

The template turns them into SVG whose text keeps its size. Nothing here knows HTML.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from outputs.names import LARGE, beside, number, signed, tick

LEFT, RIGHT = 1.0, 99.0  # percent of the width that marks may use
LONG = 5  # characters of a tick above which there are fewer ticks: they meet on a narrow screen
ROOM = 11.0  # percent kept beside the outermost bar for its number


@dataclass(frozen=True)
class Tick:
    """A grid line and its label."""

    x: float
    text: str


@dataclass(frozen=True)
class Mark:
    """A bar or a point of a row."""

    x: float  # left end of a bar, centre of a point
    width: float
    y: float  # pixels from the top of the chart: top of a bar, centre of a point
    kind: str  # class of its series
    text: str = ""  # number beside it
    text_x: float = 0.0
    anchor: str = "start"
    tip: str = ""
    size: float = 0.0  # radius of a point, pixels


@dataclass(frozen=True)
class Chart:
    """Marks with the axis they stand on."""

    rows: tuple[tuple[str, str], ...]  # (key, label) from top to bottom
    marks: tuple[tuple[str, Mark], ...]  # (key of its row, mark)
    ticks: tuple[Tick, ...]
    zero: float | None
    row_height: float
    height: float
    unit: str
    legend: tuple[tuple[str, str], ...] = ()  # (class, label)
    thickness: float = 0.0  # of a bar, pixels
    lines: tuple[tuple[str, Mark], ...] = ()  # lines between two points, drawn below the marks
    side: tuple[Tick, ...] = ()  # ticks of the vertical axis, y in pixels
    side_unit: str = ""


class Scale:
    """From values to percent of the width."""

    def __init__(
        self, low: float, high: float, log: bool = False, left: float = LEFT, right: float = RIGHT
    ) -> None:
        self.log = log
        self.low, self.high = (math.log(low), math.log(high)) if log else (low, high)
        if self.high - self.low < 1e-300:
            self.low, self.high = self.low - 1, self.high + 1
        self.left, self.right = left, right

    def __call__(self, value: float) -> float:
        at = math.log(value) if self.log else value
        return round(self.left + (self.right - self.left) * (at - self.low) / (self.high - self.low), 3)

    def ticks(self) -> tuple[Tick, ...]:
        """Round values across the scale."""
        values = (
            _log_ticks(math.exp(self.low), math.exp(self.high)) if self.log else _ticks(self.low, self.high)
        )
        if not self.log and max((len(tick(v)) for v in values), default=0) > LONG:
            values = _ticks(self.low, self.high, about=3)
        return tuple(Tick(self(v), tick(v)) for v in values)


def _ticks(low: float, high: float, about: int = 5) -> list[float]:
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(f * power for f in (1, 2, 2.5, 5, 10) if f * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(step * k, 12) for k in range(first, math.floor(high / step + 1e-9) + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    values = [factor * 10.0**p for p in powers for factor in (1, 3)]
    found = [v for v in values if low <= v <= high]
    if len(found) <= 8:
        return found
    whole = [v for v in found if abs(math.log10(v) - round(math.log10(v))) < 1e-9]
    return whole[:: 1 + len(whole) // 6]


def bars(
    rows: Sequence[tuple[str, str, Sequence[float]]],
    series: Sequence[tuple[str, str]],
    unit: str,
    *,
    thickness: float = 11.0,
    least: float = 0.0,
) -> Chart:
    """Grouped horizontal bars. rows: (key, label, value of each series); series: (class, label).

    `least`: changes smaller than this are written as "about 0".
    """
    values = [value for _, _, row in rows for value in row] or [0.0]
    scale = _bar_scale(min(values), max(values))
    height = thickness * len(series) + 9
    marks = []
    for at, (key, label, row) in enumerate(rows):
        for position, (value, (kind, name)) in enumerate(zip(row, series, strict=True)):
            top = at * height + 4.5 + position * thickness
            marks.append(
                (key, _bar(value, 0.0, top, kind, scale, f"{label}, {name}: {signed(value)} {unit}", least))
            )
    return Chart(
        tuple((key, label) for key, label, _ in rows), tuple(marks), scale.ticks(), scale(0.0), height,
        height * len(rows), _explained(unit, values), tuple(series), thickness - 1,
    )  # fmt: skip


def _explained(unit: str, values: Sequence[float]) -> str:
    """The unit, with what k and M stand for where they are used."""
    return f"{unit}; k: thousands, M: millions" if max(map(abs, values)) >= LARGE else unit


def waterfall(rows: Sequence[tuple[str, str, float]], unit: str, thickness: float = 18.0) -> Chart:
    """Bars that start where the one above ends; the last stands for their sum. rows: (key, label, value)."""
    starts, total = [], 0.0
    for _, _, value in rows[:-1]:
        starts.append(total)
        total += value
    starts.append(0.0)
    ends = [start + value for start, (_, _, value) in zip(starts, rows, strict=True)]
    scale = _bar_scale(min([0.0, *starts, *ends]), max([0.0, *starts, *ends]))
    height = thickness + 16  # three lines of a label on a narrow screen
    marks = []
    for at, ((key, label, value), start) in enumerate(zip(rows, starts, strict=True)):
        kind = "total" if at == len(rows) - 1 else "up" if value > 0 else "down"
        marks.append(
            (key, _bar(value, start, at * height + 8, kind, scale, f"{label}: {signed(value)} {unit}"))
        )
    return Chart(
        tuple((key, label) for key, label, _ in rows), tuple(marks), scale.ticks(), scale(0.0), height,
        height * len(rows), unit, thickness=thickness,
    )  # fmt: skip


def _bar_scale(low: float, high: float) -> Scale:
    """A scale with zero in it, and room for numbers beside the outermost bars."""
    low, high = min(low, 0.0), max(high, 0.0)
    return Scale(
        low,
        high,
        left=LEFT + (ROOM if low < 0 else 0.0),
        right=RIGHT - (ROOM if high > 0 or low == 0 else 1.0),
    )


def _bar(
    value: float, start: float, top: float, kind: str, scale: Scale, tip: str, least: float = 0.0
) -> Mark:
    begin, end = scale(start), scale(start + value)
    text = beside(value, least)
    anchor = "start" if value >= 0 or text == "about 0" else "end"
    return Mark(min(begin, end), round(abs(end - begin), 3), top, kind, text, end, anchor, tip)


def dumbbells(
    rows: Sequence[tuple[str, str, Sequence[tuple[float, float]]]],
    series: Sequence[tuple[str, str]],
    unit: str,
) -> Chart:
    """Before and after on a logarithmic scale. rows: (key, label, (before, after) of each series); all above 0."""
    values = [v for _, _, pairs in rows for pair in pairs for v in pair] or [1.0]
    scale = Scale(min(values) / 1.15, max(values) * 1.15, log=True)
    height = 15.0 * len(series) + 6
    marks, lines = [], []
    for at, (key, label, pairs) in enumerate(rows):
        for position, ((before, after), (kind, name)) in enumerate(zip(pairs, series, strict=True)):
            y = at * height + 10 + position * 15
            change = signed(100 * (after / before - 1))
            tip = f"{label}, {name}: {number(before)} to {number(after)} {unit} ({change} %)"
            left, right = sorted((scale(before), scale(after)))
            lines.append((key, Mark(left, right - left, y, kind, tip=tip)))
            marks.append((key, Mark(scale(before), 0, y, f"{kind} hollow", tip=tip, size=4.5)))
            marks.append((key, Mark(scale(after), 0, y, kind, tip=tip, size=5)))
    return Chart(
        tuple((key, label) for key, label, _ in rows), tuple(marks), scale.ticks(), None, height, height * len(rows),
        unit, tuple(series), lines=tuple(lines),
    )  # fmt: skip


def scatter(
    points: Sequence[tuple[str, str, float, float, float]],
    series: Sequence[tuple[str, str]],
    units: tuple[str, str],
    limits: tuple[float, float],
    height: float = 260.0,
) -> Chart:
    """Points on a logarithmic horizontal axis. points: (class, name, x, y, weight); y outside the limits stand on the
    edge."""
    xs = [x for _, _, x, _, _ in points] or [1.0, 10.0]
    scale = Scale(min(xs) / 1.2, max(xs) * 1.2, log=True, left=7.0)
    low, high = limits if limits[1] > limits[0] else (limits[0] - 1, limits[1] + 1)

    def up(value: float) -> float:
        inside = min(max(value, low), high)
        return round(height - 6 - (height - 12) * (inside - low) / (high - low), 2)

    most = max((w for *_, w in points), default=1.0) or 1.0
    marks = [
        (kind, Mark(scale(x), 0, up(y), kind, tip=f"{name}: {signed(y)} {units[1]}, exposure {number(x)} {units[0]}",
                    size=round(1.8 + 6 * math.sqrt(w / most), 2)))
        for kind, name, x, y, w in points
    ]  # fmt: skip
    side = tuple(Tick(up(v), tick(v)) for v in _ticks(low, high))
    zero = Mark(7.0, 92.0, up(0.0), "axis")
    return Chart(
        (),
        tuple(marks),
        scale.ticks(),
        None,
        0.0,
        height,
        units[0],
        tuple(series),
        lines=(("", zero),),
        side=side,
        side_unit=units[1],
    )
