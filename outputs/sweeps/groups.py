"""The outcomes of a sweep: columns that belong together, and the names people read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from outputs.names import number
from outputs.sweeps.reading import Sweep


@dataclass(frozen=True)
class Group:
    """The columns of one outcome: by regime, or by regime and year."""

    name: str
    words: str
    columns: tuple[str, ...]
    regimes: tuple[str, ...]
    years: tuple[int, ...]
    unit: str
    threshold: float | None

    @property
    def title(self) -> str:
        """The outcome as people read it, at the start of a line."""
        return self.words[:1].upper() + self.words[1:]

    @property
    def single(self) -> tuple[tuple[str, str], ...]:
        """Column and regime in the last year."""
        last = self.years[-1]
        return tuple(
            (c, r) for c, r, y in zip(self.columns, self.regimes, self.years, strict=True) if y == last
        )

    @property
    def path(self) -> bool:
        """Whether there are several years."""
        return len(set(self.years)) > 1


def groups(sweep: Sweep) -> list[Group]:
    """Columns by outcome, in the order of the file."""
    ds = sweep.dataset
    outcome = [str(name) for name in ds["column_outcome"].values]
    words = ds["column_title"] if "column_title" in ds else ds["column_outcome"].str.replace("-", " ")
    found = []
    for name in dict.fromkeys(outcome):
        at = [position for position, other in enumerate(outcome) if other == name]
        limit = float(ds["threshold"].values[at[0]])
        found.append(
            Group(
                name,
                str(words.values[at[0]]),
                tuple(sweep.columns[p] for p in at),
                tuple(str(ds["column_regime"].values[p]) for p in at),
                tuple(int(ds["column_year"].values[p]) for p in at),
                str(ds["units"].values[at[0]]),
                None if np.isnan(limit) else limit,
            )
        )
    return found


def without_unit(words: str) -> str:
    """A parameter's words without the unit that follows them after a comma."""
    return words.partition(", ")[0]


def valued(words: str, value: float) -> str:
    """A parameter's words with a value in front of its unit: exports left 20 % of 2009."""
    name, _, unit = words.partition(", ")
    return f"{name} {plain(value)} {unit}".strip()


def plain(value: float) -> str:
    """A number as people write it: 4 and not 4.00."""
    text = number(value)
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text


def in_words(size: float, unit: str) -> tuple[float, str]:
    """What amounts of this size are multiplied by to be read, and their unit then: large ones are in billions."""
    return (1e-3, "billion USD") if unit == "million USD" and size >= 2e4 else (1.0, unit)


def amounts(values: Sequence[float], unit: str) -> tuple[list[str], str]:
    """Numbers for a sentence, and their unit."""
    factor, unit = in_words(max(abs(value) for value in values), unit)
    return [number(factor * value) for value in values], unit
