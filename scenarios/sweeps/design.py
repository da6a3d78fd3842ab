"""A sweep as YAML: which numbers vary, by which plan, and which outcomes are kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from calibration.validate import Schema
from model.records import Regime
from scenarios.common import Name
from scenarios.selectors import Selector
from scenarios.sweeps.distributions import Distribution

Texts: TypeAlias = str | Annotated[tuple[str, ...], Field(min_length=1)]
Seed: TypeAlias = Annotated[int, Field(ge=0, le=2**31)]
MOST = 10_000_000  # draws
Count: TypeAlias = Annotated[int, Field(ge=2, le=MOST)]


class Varied(Schema):
    """One uncertain number, or several that move together."""

    name: Name | None = Field(None, description="Name in results; the last steps of the path when left out.")
    title: str | None = Field(
        None, description="On axes and in sentences, with a unit if it has one; the name when left out."
    )
    path: Texts = Field(
        description="calibration.NAME (also .row and .cell), parameters.NAME (also .label), or instruments.NAME.FIELD; "
        "several paths get the same number."
    )
    factor: bool = Field(
        False,
        description="For instruments: the number multiplies what stands in the scenario, in every year.",
    )
    distribution: Distribution | None = Field(
        None, description="Left out: uniform over the range in the calibration's parameter file."
    )

    @property
    def paths(self) -> tuple[str, ...]:
        """Every path that the number goes to."""
        return (self.path,) if isinstance(self.path, str) else self.path


class MonteCarlo(Schema):
    """Independent random draws."""

    type: Literal["monte_carlo"]
    draws: Count
    seed: Seed


class LatinHypercube(Schema):
    """Random draws that fill every parameter's range evenly."""

    type: Literal["latin_hypercube"]
    draws: Count
    seed: Seed


class Sobol(Schema):
    """Saltelli's plan for Sobol indices; draws are cut down to a power of two times (2 + parameters)."""

    type: Literal["sobol"]
    draws: Count
    seed: Seed
    second_order: bool = Field(
        False, description="Also interactions of pairs; needs 2 + 2 x parameters per point."
    )


class Morris(Schema):
    """Trajectories that move one parameter at a time: screening by elementary effects."""

    type: Literal["morris"]
    draws: Count
    seed: Seed
    levels: Annotated[int, Field(ge=4, le=100, multiple_of=2)] = 4


class Grid(Schema):
    """Every combination of evenly spaced quantiles, ends included."""

    type: Literal["grid"]
    points: Annotated[int, Field(ge=2, le=1000)] | dict[str, Annotated[int, Field(ge=2, le=1000)]] = Field(
        5, description="Points of each parameter, by name or for all; a discrete one has those of its values."
    )


class OneAtATime(Schema):
    """The centre, and each parameter at evenly spaced quantiles with all others at their centre."""

    type: Literal["one_at_a_time"]
    points: Annotated[int, Field(ge=2, le=1000)] = 2


class Stroud(Schema):
    """Stroud's quadrature of degree 3: mean and variance of outcomes from twice as many solves as parameters."""

    type: Literal["stroud"]
    degree: Literal[3, 5] = Field(
        3, description="3: 2n points, any covariance; 5: 2n^2+1 points, independent."
    )
    rotations: Annotated[int, Field(ge=1, le=1000)] = Field(
        1, description="Degree 3: average over random rotations."
    )
    seed: Seed = 0

    @model_validator(mode="after")
    def _rotations_of_three(self) -> Stroud:
        if self.degree == 5 and self.rotations > 1:
            raise PydanticCustomError(
                "rotations", "rotations of degree 5", {"expected": "degree: 3 with rotations"}
            )
        return self


AnyDesign: TypeAlias = Annotated[
    MonteCarlo | LatinHypercube | Sobol | Morris | Grid | OneAtATime | Stroud, Field(discriminator="type")
]


class Correlation(Schema):
    """How two parameters go together."""

    between: Annotated[tuple[str, ...], Field(min_length=2, max_length=2)]
    value: Annotated[float, Field(gt=-1, lt=1)] = Field(
        description="Of the normal scores (Gaussian copula) in random designs, of the numbers in quadratures."
    )

    @field_validator("between")
    @classmethod
    def _two(cls, between: tuple[str, ...]) -> tuple[str, ...]:
        if between[0] == between[1]:
            raise PydanticCustomError(
                "itself", f"{between[0]} goes with itself", {"expected": "two parameters"}
            )
        return between


class Case(Schema):
    """A scenario of the sweep, with lines and settings laid over its file."""

    scenario: str = Field(description="By name, or a file.")
    add: tuple[dict[str, Any], ...] = Field((), description="Instruments added to those of the file.")
    change: dict[str, Any] = Field(
        default_factory=dict, description="Top-level keys that differ: horizon: short, parameters: {...}."
    )


class Minus(Schema):
    """What an outcome is compared with: the same number elsewhere."""

    scenario: str | None = None
    regime: Regime | None = None


class Outcome(Schema):
    """One number, or one for each regime or year, that every draw yields."""

    name: Name
    title: str | None = Field(None, description="Heading in figures and sentences; the name when left out.")
    variable: str = Field(
        description="A variable of docs/results.md from producer_price to stage_supply_concentration; or licence_price."
    )
    select: dict[str, Selector] = Field(
        default_factory=dict,
        description="Labels by axis: {region: JPN, sector: [magnets]}; all where left out.",
    )
    reduce: Literal["sum", "mean"] | None = Field(
        None, description="Over the cells selected; the sum of amounts, the mean of ratios, when left out."
    )
    measure: Literal["level", "change", "percent"] = Field(
        "level", description="As it is; less the base year; change in percent of the base year."
    )
    scenario: str | None = Field(None, description="Which one; the first when left out.")
    regimes: tuple[Regime, ...] = Field((), description="All of the sweep when left out.")
    minus: Minus | None = Field(None, description="Another scenario or regime that is subtracted.")
    year: int | Literal["all"] | None = Field(
        None, description="Of a path: one year, or all; the last if left out."
    )
    threshold: float | None = Field(
        None, description="Drawn in figures; where scenario discovery divides draws."
    )

    @field_validator("regimes")
    @classmethod
    def _regimes_once(cls, regimes: tuple[Regime, ...]) -> tuple[Regime, ...]:
        _once(regimes, "regime")
        return regimes


class Design(Schema):
    """A sweep: the same scenarios solved many times with other numbers."""

    name: Name = Field(description="The file's name without .yaml.")
    title: str
    question: str
    scenarios: dict[str, str | Case] = Field(
        description="The scenarios of every draw, by a name of their own."
    )
    calibration: str | None = Field(None, description="Instead of the scenarios' own.")
    regimes: tuple[Regime, ...] = Field((), description="Those of the first scenario when left out.")
    design: AnyDesign
    vary: Annotated[tuple[Varied, ...], Field(min_length=1)]
    correlations: tuple[Correlation, ...] = ()
    outcomes: Annotated[tuple[Outcome, ...], Field(min_length=1)]
    notes: tuple[str, ...] = Field((), description="What a reader of the results must know.")

    @field_validator("vary")
    @classmethod
    def _name_all(cls, vary: tuple[Varied, ...]) -> tuple[Varied, ...]:
        named = tuple(
            each if each.name else each.model_copy(update={"name": _short(each.paths[0])}) for each in vary
        )
        _once([str(each.name) for each in named], "parameter", "name")
        return named

    @field_validator("regimes")
    @classmethod
    def _regimes_once(cls, regimes: tuple[Regime, ...]) -> tuple[Regime, ...]:
        _once(regimes, "regime")
        return regimes

    @field_validator("correlations")
    @classmethod
    def _pairs_once(cls, correlations: tuple[Correlation, ...]) -> tuple[Correlation, ...]:
        _once([" and ".join(sorted(each.between)) for each in correlations], "pair", "between")
        return correlations

    @field_validator("outcomes")
    @classmethod
    def _outcomes_once(cls, outcomes: tuple[Outcome, ...]) -> tuple[Outcome, ...]:
        _once([each.name for each in outcomes], "outcome", "name")
        return outcomes

    @model_validator(mode="after")
    def _scenarios(self) -> Design:
        if not self.scenarios:
            raise PydanticCustomError(
                "scenarios", "names no scenario", {"expected": "scenarios: {name: scenario}"}
            )
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters, in order."""
        return tuple(str(each.name) for each in self.vary)


def _short(path: str) -> str:
    """calibration.ree_elasticity_max -> ree_elasticity_max; instruments.quota-2010.limit -> quota-2010.limit."""
    return path.partition(".")[2].lower() or path.lower()


def _once(names: Sequence[str], kind: str, *key: str) -> None:
    """Raises ValidationError at what stands a second time."""
    twice = [
        InitErrorDetails(
            type=PydanticCustomError(
                "twice", f"{kind} used twice: {name}", {"expected": f"each {kind} once"}
            ),
            loc=(at, *key),
            input=None,
        )
        for at, name in enumerate(names)
        if name in names[:at]
    ]
    if twice:
        raise ValidationError.from_exception_data(kind, twice)
