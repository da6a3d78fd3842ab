"""What a sweep keeps of given results: measures, differences, units, and where a path of an instrument leads."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from calibration.errors import InputError
from scenarios.sweeps import local, outcomes, targets
from scenarios.sweeps.design import Outcome
from scenarios.sweeps.local import Raw
from scenarios.sweeps.outcomes import Column, Source
from scenarios.sweeps.targets import Target

ONE, OTHER = Source("one", "directed", None), Source("other", "directed", None)


def outcome(**given):
    return Outcome.model_validate({"name": "x", "variable": "output", **given})


def column(minus=None, **given):
    """The first two cells of (region, sector)."""
    return Column("x.directed", outcome(**given), (np.array([0]), np.array([0, 1])), ONE, minus, None, "", "")


def value(given):
    results = {ONE: {"output": np.array([[6.0, 9.0, 99.0]])}, OTHER: {"output": np.array([[3.0, 2.0, 99.0]])}}
    base = {
        "one": {"output": np.array([[4.0, 6.0, 99.0]])},
        "other": {"output": np.array([[1.0, 1.0, 99.0]])},
    }
    return given.value(results, base)


@pytest.mark.parametrize(
    ("measure", "alone", "less"),
    [("level", 15.0, 15.0 - 5.0), ("change", 15.0 - 10.0, 5.0 - 3.0), ("percent", 50.0, 50.0 - 150.0)],
)
def test_each_side_of_a_difference_is_measured_against_its_own_base_year(measure, alone, less):
    """6 + 9 after 4 + 6 in one scenario, 3 + 2 after 1 + 1 in the other."""
    assert value(column(measure=measure)) == pytest.approx(alone)
    assert value(column(OTHER, measure=measure)) == pytest.approx(less)


def test_amounts_are_added_and_ratios_averaged():
    assert outcomes.reduction(outcome()) == "sum"
    assert outcomes.reduction(outcome(reduce="mean")) == "mean"
    for variable in ("exports_volume", "import_dependence", "licence_price", "border_value"):
        assert outcomes.reduction(outcome(variable=variable)) == "mean"


def test_a_difference_of_percentages_is_in_points():
    assert outcomes._unit(outcome(measure="percent")) == "percent"
    assert outcomes._unit(outcome(measure="percent", minus={"regime": "exogenous"})) == "percentage points"
    assert outcomes._unit(outcome(measure="change")) == "million USD"


@pytest.mark.parametrize(("other", "fits"), [(("a", "b"), True), (("a", "c"), False), (("a",), False)])
def test_a_quota_is_compared_with_itself_alone(other, fits):
    place = SimpleNamespace(problem=lambda where, what, expected: what)
    if fits:
        outcomes._same_quotas(("a", "b"), other, np.array([1]), "key", place)
    else:
        with pytest.raises(InputError, match="key has no quota b in that place"):
            outcomes._same_quotas(("a", "b"), other, np.array([1]), "key", place)


@pytest.mark.parametrize("measure", ["level", "change", "percent"])
def test_the_derivative_of_a_measure_is_that_of_its_formula(measure):
    """New and base-year value both move with the parameter, at rates of their own."""

    def raw(s):
        return 8.0 + 3.0 * s, 5.0 - 2.0 * s

    def formula(s):
        new, old = raw(s)
        return {"level": new, "change": new - old, "percent": 100 * (new / old - 1)}[measure]

    middle = object.__new__(local._Middle)
    found = {"directed": Raw(8.0, np.array([3.0]), ("",)), None: Raw(5.0, np.array([-2.0]), ("",))}
    middle._raw = lambda key, regime, source: {"x.directed": found[regime]}
    result = middle.column(column(measure=measure))
    step = 1e-5
    assert result.value == pytest.approx(formula(0.0))
    assert result.change[0] == pytest.approx((formula(step) - formula(-step)) / (2 * step), rel=1e-8)


def test_the_longest_name_of_an_instrument_is_meant():
    """Names may hold dots: one that begins another does not take its place."""
    lines = [SimpleNamespace(name=name) for name in ("quota", "quota.2010", "tax")]
    scenario = SimpleNamespace(instruments=lines)
    for path, name, rest in (
        ("quota.2010.limit", "quota.2010", ["limit"]),
        ("quota.limit.2011", "quota", ["limit", "2011"]),
        ("tax.rate", "tax", ["rate"]),
    ):
        assert targets._position(Target("instruments", path, False), scenario) == (name, rest)
    assert targets._position(Target("instruments", "subsidy.rate", False), scenario) is None
