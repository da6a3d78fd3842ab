"""What a parameter may be: a distribution, its quantiles, and mean and spread for quadratures."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError
from scipy import stats

from calibration.validate import Schema
from model.records import Array


def _fault(what: str, expected: str) -> PydanticCustomError:
    return PydanticCustomError("distribution", what, {"expected": expected})


class Bounded(Schema):
    """A distribution between two bounds; bounds left out are those of the calibration's range."""

    low: float | None = Field(None, description="Lower bound; the calibration's range if left out.")
    high: float | None = Field(None, description="Upper bound; the calibration's range if left out.")

    @model_validator(mode="after")
    def _ordered(self) -> Bounded:
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise _fault(
                f"runs from {self.low:g} to {self.high:g}", "the smaller number first, and some width"
            )
        return self

    def completed(self, low: float, high: float, centre: float) -> Any:
        """With what the file leaves out taken from the calibration."""
        return self.model_copy(update={"low": low if self.low is None else self.low,
                                       "high": high if self.high is None else self.high})  # fmt: skip

    @property
    def bounds(self) -> tuple[float, float]:
        """Lower and upper bound."""
        assert self.low is not None and self.high is not None
        return self.low, self.high


class Uniform(Bounded):
    """Every value between the bounds is as likely."""

    type: Literal["uniform"] = "uniform"

    def quantile(self, u: Array) -> Array:
        """Value (any shape) at probability u."""
        low, high = self.bounds
        return low + (high - low) * u

    def moments(self) -> tuple[float, float, bool]:
        """Mean and standard deviation of what is symmetric, and whether that is the logarithm."""
        low, high = self.bounds
        return (low + high) / 2, (high - low) / math.sqrt(12), False

    def kurtosis(self) -> float:
        """Fourth moment over squared variance."""
        return 1.8


class LogUniform(Bounded):
    """Every ratio is as likely: uniform in the logarithm."""

    type: Literal["loguniform"]

    @model_validator(mode="after")
    def _positive(self) -> LogUniform:
        if self.low is not None and self.low <= 0:
            raise _fault(f"a logarithm from {self.low:g}", "a lower bound above 0")
        return self

    def quantile(self, u: Array) -> Array:
        """Value at probability u."""
        low, high = self.bounds
        return np.asarray(np.clip(low * (high / low) ** u, low, high))

    def moments(self) -> tuple[float, float, bool]:
        """Of the logarithm."""
        low, high = np.log(self.bounds)
        return (low + high) / 2, (high - low) / math.sqrt(12), True

    def kurtosis(self) -> float:
        """Fourth moment over squared variance, of the logarithm."""
        return 1.8


class Peaked(Bounded):
    """A law of SciPy between the bounds, symmetric when its peak is in their middle."""

    def _law(self) -> Any:
        raise NotImplementedError

    def _peak(self) -> float:
        raise NotImplementedError

    def quantile(self, u: Array) -> Array:
        """Value at probability u."""
        return np.asarray(self._law().ppf(u))

    def moments(self) -> tuple[float, float, bool] | None:
        """None when it leans to one side."""
        low, high = self.bounds
        if not math.isclose(self._peak(), (low + high) / 2, rel_tol=1e-6, abs_tol=1e-12):
            return None
        return float(self._law().mean()), float(self._law().std()), False

    def kurtosis(self) -> float:
        """Fourth moment over squared variance."""
        return 3.0 + float(self._law().stats(moments="k"))


class Triangular(Peaked):
    """Most likely at the mode, falling in straight lines to the bounds."""

    type: Literal["triangular"]
    mode: float | None = Field(None, description="Most likely value; the calibration's if left out.")

    def completed(self, low: float, high: float, centre: float) -> Any:
        """The mode is the calibration's value unless given."""
        whole = super().completed(low, high, centre)
        return whole.model_copy(update={"mode": centre if self.mode is None else self.mode})

    def _peak(self) -> float:
        assert self.mode is not None
        return self.mode

    def _law(self) -> Any:
        low, high = self.bounds
        return stats.triang((self._peak() - low) / (high - low), low, high - low)


class TruncatedNormal(Peaked):
    """Normal, cut off at the bounds."""

    type: Literal["normal"]
    mean: float | None = Field(
        None, description="Mean before truncation; the calibration's value if left out."
    )
    sd: Annotated[float, Field(gt=0)] = Field(description="Standard deviation before truncation.")

    def completed(self, low: float, high: float, centre: float) -> Any:
        """The mean is the calibration's value unless given."""
        whole = super().completed(low, high, centre)
        return whole.model_copy(update={"mean": centre if self.mean is None else self.mean})

    def _peak(self) -> float:
        assert self.mean is not None
        return self.mean

    def _law(self) -> Any:
        low, high = self.bounds
        mean = self._peak()
        return stats.truncnorm((low - mean) / self.sd, (high - mean) / self.sd, mean, self.sd)


class Discrete(Schema):
    """One of a few values, with weights."""

    type: Literal["discrete"]
    values: Annotated[tuple[float, ...], Field(min_length=2)]
    weights: tuple[Annotated[float, Field(gt=0)], ...] | None = Field(None, description="Equal if left out.")

    @model_validator(mode="after")
    def _as_many(self) -> Discrete:
        if self.weights is not None and len(self.weights) != len(self.values):
            raise _fault(f"{len(self.values)} values, {len(self.weights)} weights", "a weight for each value")
        if len(set(self.values)) < len(self.values):
            raise _fault("a value is given twice", "each value once; `weights` make one more likely")
        return self

    def completed(self, low: float, high: float, centre: float) -> Any:
        """Nothing is left out."""
        return self

    @property
    def bounds(self) -> tuple[float, float]:
        """Smallest and largest value."""
        return min(self.values), max(self.values)

    def quantile(self, u: Array) -> Array:
        """Value at probability u."""
        weights = np.array(self.weights or (1.0,) * len(self.values))
        edges = np.cumsum(weights)[:-1] / weights.sum()
        return np.asarray(np.array(self.values)[np.searchsorted(edges, u, side="right")])

    def moments(self) -> None:
        """No quadrature takes one."""


Distribution: TypeAlias = Annotated[
    Uniform | LogUniform | Triangular | TruncatedNormal | Discrete, Field(discriminator="type")
]
