"""The outcomes of a sweep: columns that belong together, and the names people read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

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


def label(parameter: str) -> str:
    """A parameter's name on an axis."""
    words = parameter.replace("_", " ").replace("-", " ").replace(".", ", ").split(" ")
    return " ".join("REE" if word == "ree" else word for word in words)
