"""Parameters that a scenario sets, one cell after another, and units of quantities by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import scenarios
from calibration.errors import InputError
from scenarios import overrides
from scenarios.common import Instrument
from scenarios.instruments import UseSubsidy
from scenarios.quantities import Limit, Money, Price, Rate, Tonnes, at
from tests.scenarios.conftest import ELEMENTS, FACTORS, GOODS, REGIONS, SECTORS, STAGES

HEAD = {"name": "t", "title": "t", "question": "q", "calibration": "small", "instruments": []}
LETTERS = {
    "n": REGIONS,
    "j": SECTORS,
    "k": GOODS,
    "e": ELEMENTS,
    "f": FACTORS,
    "s": STAGES,
    "g": (*ELEMENTS, "X"),
}


def changed(world: Any, **parameters: Any) -> Any:
    """The parameters of the small world as a scenario sets them."""
    return scenarios.parse(HEAD | {"parameters": parameters}, world).benchmark(world).parameters


@pytest.mark.parametrize("name", overrides.AXES)
def test_every_parameter_has_the_axes_that_its_numbers_have(world: SimpleNamespace, name: str) -> None:
    """Set at the last label of every axis: that cell moves, no other one does."""
    before = np.asarray(getattr(world.benchmark.parameters, name), dtype=float)
    axes, low, high = overrides.AXES[name]
    assert before.shape == tuple(len(LETTERS[letter]) for letter in axes)
    value = 1.0 if low <= 1.0 <= high and name != "price_floor" else low
    path = ".".join((name, *(LETTERS[letter][-1] for letter in axes)))
    after = np.asarray(getattr(changed(world, **{path: value}), name), dtype=float)
    expected = before.copy()
    expected[(-1,) * len(axes)] = value
    np.testing.assert_array_equal(after, expected)


def test_one_line_does_not_undo_another(world: SimpleNamespace) -> None:
    given = {"ree_elasticity.magnets": 0.9, "ree_elasticity": {"chemicals": 0.8}}
    expected = np.array(world.benchmark.parameters.ree_elasticity)
    expected[SECTORS.index("magnets")], expected[SECTORS.index("chemicals")] = 0.9, 0.8
    np.testing.assert_array_equal(changed(world, **given).ree_elasticity, expected)
    later = changed(world, **{"ree_elasticity.magnets": 0.9}, ree_elasticity=0.7).ree_elasticity
    np.testing.assert_array_equal(later, np.full(len(SECTORS), 0.7))


def test_what_is_mobile_moves_without_limit(world: SimpleNamespace) -> None:
    found = changed(world, factor_mobility={"capital": "mobile", "labour": 2.0}).factor_mobility
    np.testing.assert_array_equal(found, [2.0, np.inf, 0.0])


@pytest.mark.parametrize(
    ("kind", "unit", "one"),
    [
        (Rate, "ratio", 1.0), (Rate, "%", 0.01), (Tonnes, "t", 1.0), (Tonnes, "kt", 1e3), (Limit, "t", 1.0),
        (Limit, "kt", 1e3), (Limit, "ratio", 1.0), (Limit, "%", 0.01), (Money, "million USD", 1.0),
        (Money, "billion USD", 1e3), (Money, "USD", 1e-6), (Price, "USD/kg", 1.0), (Price, "USD/t", 1e-3),
    ],
)  # fmt: skip
def test_every_unit_in_the_default_one(kind: Any, unit: str, one: float) -> None:
    """A thousand kilos are a tonne, a thousand tonnes a kilotonne; a price per tonne is a thousandth of one per kg."""
    assert at(kind(value=7.0, unit=unit), None) == pytest.approx(7 * one)
    assert set(kind.UNITS) == set(kind.model_fields["unit"].annotation.__args__)


@pytest.mark.parametrize(("rate", "fits"), [(0.99, True), (1.0, False)])
def test_nobody_is_paid_to_take_goods(rate: float, fits: bool) -> None:
    """A subsidy of the whole price is none of less than the price."""
    line = {"name": "s", "type": "use_subsidy", "regions": "JPN", "elements": "all", "rate": rate}
    if fits:
        assert UseSubsidy.model_validate(line).rate == rate
    else:
        with pytest.raises(InputError, match="less than 1"):
            scenarios.parse(HEAD | {"instruments": [line]})


class Two(Instrument):
    """Two numbers, either of which brings the instrument into force."""

    one: Any = None
    other: Any = None


@pytest.mark.parametrize(
    ("given", "first"),
    [
        ({"one": {2012: 1.0}}, 2012),
        ({"one": {2012: 1.0}, "other": {2010: 1.0}}, 2010),
        ({"one": {2012: 1.0}, "other": 3.0}, None),
        ({"one": {2012: 1.0}, "other": 3.0, "from": 2011}, 2011),
        ({"one": {2012: 1.0}, "from": 2015}, 2015),
        ({"one": {2012: 1.0}, "from": 2005}, 2012),
    ],
)
def test_a_number_without_years_holds_in_every_year(given: dict[str, Any], first: int | None) -> None:
    line = Two.model_validate({"name": "two", **given})
    assert line.first_year() == first
    for year in range(2000, 2020):
        assert line.in_force(year) is (first is None or year >= first)
