"""A finished sweep, read back, and what its draws are worth."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from calibration.errors import InputError, Problem, unknown_name
from model.records import Array
from outputs import store
from scenarios.sweeps.storage import MANIFEST, RESULTS

SAME = 1e-9  # of an outcome: the solver's tolerance is 1e-11 in logs
RESOLVED = {
    "million USD": 1e-3,
    "percent": 1e-7,
    "percentage points": 1e-7,
}  # of a world income of 6e7 million USD
IMPUTED = 0.01  # largest share of failed draws that are replaced; above it indices are refused


@dataclass(frozen=True)
class Sweep:
    """Values (draw, parameter), outcomes (draw, column; nan where failed), weights (draw,) and their names."""

    dataset: xr.Dataset
    values: Array
    outcomes: Array
    weights: Array

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the uncertain numbers."""
        return tuple(str(name) for name in self.dataset["parameter"].values)

    @property
    def columns(self) -> tuple[str, ...]:
        """Labels of the outcomes, one for each regime and year."""
        return tuple(str(label) for label in self.dataset["column"].values)

    @property
    def design(self) -> str:
        """Type of the design."""
        return str(self.dataset.attrs["design"])

    @property
    def block(self) -> int:
        """Draws that make a unit of the design."""
        return int(self.dataset.attrs["block"])

    @property
    def settings(self) -> dict[str, Any]:
        """What the file says of the design."""
        found: dict[str, Any] = json.loads(self.dataset.attrs["design_json"])
        return found

    @property
    def correlated(self) -> bool:
        """Whether parameters go together."""
        matrix = np.array(json.loads(self.dataset.attrs["correlation"]))
        return bool((matrix != np.eye(len(matrix))).any())

    @property
    def soft(self) -> tuple[str, ...]:
        """Parameters whose value in the calibration is a judgement or recalled."""
        return tuple(json.loads(self.dataset.attrs["soft"]))

    def position(self, column: str) -> int:
        """Position of a column. Raises InputError with the nearest name."""
        if column not in self.columns:
            raise InputError(unknown_name("outcome", column, self.columns))
        return self.columns.index(column)

    def unit(self, column: str) -> str:
        """Unit of a column."""
        return str(self.dataset["units"].values[self.position(column)])

    def words(self, parameter: str) -> str:
        """A parameter as people read it."""
        title = ""
        if "parameter_title" in self.dataset:
            title = str(self.dataset["parameter_title"].values[self.parameters.index(parameter)])
        return title or _spelt(parameter) + (" (factor)" if self.factor(parameter) else "")

    def factor(self, parameter: str) -> bool:
        """Whether a parameter's number multiplies what stands in the files."""
        at = self.parameters.index(parameter)
        return "factor" in self.dataset and bool(self.dataset["factor"].values[at])

    def change_by_range(self, column: str) -> Array:
        """(parameter,) derivative of an outcome in the middle, for a whole range; nan where there is none."""
        if "change_by_range" not in self.dataset:
            return np.full(len(self.parameters), np.nan)
        return np.asarray(self.dataset["change_by_range"].values[:, self.position(column)])

    def no_derivative(self) -> Array:
        """(parameter, column) why an outcome has no derivative, "" where it has one."""
        if "no_derivative" not in self.dataset:
            return np.full((len(self.parameters), len(self.columns)), "", dtype=object)
        return np.asarray(self.dataset["no_derivative"].values)

    @property
    def solved_alone(self) -> dict[str, str]:
        """Why no draw of a scenario and regime could start near the middle of all ranges."""
        return dict(json.loads(self.dataset.attrs.get("solved_alone", "{}")))

    def width(self) -> Array:
        """(parameter,) width of each range."""
        laws = [json.loads(str(text)) for text in self.dataset["distribution"].values]
        ends = [(min(v), max(v)) if (v := law.get("values")) else (law["low"], law["high"]) for law in laws]
        return np.array([high - low for low, high in ends])

    def failures(self) -> dict[int, str]:
        """Draws that failed, in whole or in part, and why."""
        reasons = self.dataset["reason"].values
        return {at: str(reason) for at, reason in enumerate(reasons) if str(reason)}

    def independent(self) -> Array:
        """(draw,) bool: draws that are a sample; in Saltelli's plan the first and last of a block."""
        chosen = np.ones(len(self.values), dtype=bool)
        if self.design == "sobol":
            place = np.arange(len(self.values)) % self.block
            chosen = (place == 0) | (place == self.block - 1)
        return chosen

    def solved(self, column: str) -> tuple[Array, Array, Array]:
        """Values, outcome and weights of the sample's draws in which a column was found."""
        y = self.outcomes[:, self.position(column)]
        keep = self.independent() & np.isfinite(y)
        if not keep.any():
            raise InputError(f"{column}: no draw was solved")
        return self.values[keep], y[keep], self.weights[keep] / self.weights[keep].sum()

    def whole(self, column: str) -> tuple[Array, int]:
        """(draw,) a column for designs that need every draw, and how many failed draws were replaced.

        A failed draw gets the outcome of the nearest solved one. Raises InputError when more than IMPUTED failed, or
        when the outcome is the same everywhere.
        """
        y = self.outcomes[:, self.position(column)].copy()
        failed = ~np.isfinite(y)
        if failed.mean() > IMPUTED:
            raise InputError(
                f"{column}: {failed.sum()} of {len(y)} draws failed, more than {100 * IMPUTED:g} %; no indices"
            )
        if failed.any():
            scaled = (self.values - self.values.mean(axis=0)) / np.maximum(self.values.std(axis=0), 1e-300)
            for at in np.flatnonzero(failed):
                distance = np.where(failed, np.inf, ((scaled - scaled[at]) ** 2).sum(axis=1))
                y[at] = y[int(np.argmin(distance))]
        refuse_constant(column, y, self.unit(column))
        return y, int(failed.sum())


def _spelt(name: str) -> str:
    words = name.replace("_", " ").replace("-", " ").replace(".", ": ").split(" ")
    return " ".join("REE" if word == "ree" else word for word in words)


def is_constant(y: Array, unit: str = "") -> bool:
    """Whether an outcome does not vary: what varies less than the solver resolves does not."""
    return bool(np.ptp(y) <= max(SAME * float(np.abs(y).max()), RESOLVED.get(unit, 0.0), 1e-300))


def refuse_constant(column: str, y: Array, unit: str = "") -> None:
    """Raise InputError for an outcome that does not vary: shares of a variance of zero mean nothing."""
    if not np.isfinite(y).all():
        raise InputError(f"{column}: an outcome is not a number")
    if is_constant(y, unit):
        raise InputError(f"{column}: the same in every draw ({y[0]:g}); no parameter moves it")


def read(folder: str | Path) -> Sweep:
    """A finished sweep from its folder, or from its name under outputs/runs. Raises InputError when it was changed.

    Its tables and page may have been: they are made of what is read here.
    """
    found = store.find(folder)
    path = found / RESULTS
    if not path.is_file():
        raise InputError(
            Problem(
                "holds no finished sweep", str(found), expected="`python run.py sweep DESIGN --resume` first"
            )
        )
    store.refuse_changed(found, (RESULTS, MANIFEST), others=False, if_hashed=True)
    return of(store.read_netcdf(path))


def of(dataset: xr.Dataset) -> Sweep:
    """A Sweep of its Dataset. Raises InputError when it is none."""
    lacking = [name for name in ("value", "outcome", "weight", "reason") if name not in dataset]
    if lacking or "block" not in dataset.attrs:
        raise InputError(f"not the result of a sweep: no {', '.join(lacking) or 'block'}")
    return Sweep(dataset, dataset["value"].values, dataset["outcome"].values, dataset["weight"].values)
