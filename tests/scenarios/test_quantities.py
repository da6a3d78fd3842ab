"""Values by year: steps, lines, units, bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from scenarios.common import Amount, Tax
from scenarios.quantities import Figure, Limit, Money, Rate, at, entries, start

YEARS = st.integers(1990, 2040)
NUMBERS = st.floats(-0.5, 10, allow_nan=False)
POINTS = st.dictionaries(YEARS, NUMBERS, min_size=1, max_size=8)


@given(POINTS, YEARS)
def test_a_step_holds_until_the_next_given_year(points: dict[int, float], year: int) -> None:
    earlier = [y for y in points if y <= year]
    expected = points[max(earlier)] if earlier else None
    assert at(points, year) == expected
    assert at(Rate(steps={y: Figure(value=v) for y, v in points.items()}), year) == expected


@given(POINTS.filter(lambda points: len(points) > 1), YEARS)
def test_a_linear_path_meets_its_points_and_lies_on_the_chord_between(
    points: dict[int, float], year: int
) -> None:
    path = Rate(linear=points)
    for given_year, value in points.items():
        assert at(path, given_year) == value
    before, after = [y for y in points if y <= year], [y for y in points if y >= year]
    if not before:
        assert at(path, year) is None
    elif not after:
        assert at(path, year) == points[max(points)]
    else:
        low, high = max(before), min(after)
        weight = (year - low) / (high - low) if high > low else 0.0
        chord = (1 - weight) * points[low] + weight * points[high]
        assert at(path, year) == pytest.approx(chord, abs=1e-12)


@given(POINTS, st.randoms())
def test_the_order_of_years_in_the_file_does_not_matter(points: dict[int, float], random) -> None:
    shuffled = list(points.items())
    random.shuffle(shuffled)
    assert all(at(points, year) == at(dict(shuffled), year) for year in range(1988, 2042))
    assert start(dict(shuffled)) == min(points)


@given(NUMBERS, st.one_of(st.none(), YEARS))
def test_a_plain_number_holds_always(value: float, year: int | None) -> None:
    assert at(value, year) == value


def test_units_are_converted() -> None:
    assert at(Rate(value=25, unit="%"), None) == 0.25
    assert at(Limit(steps={2010: 30.258}, unit="kt"), 2012) == pytest.approx(30258)
    assert at(Limit(value=60, unit="%"), 2012) == pytest.approx(0.6)
    assert at(Money(value=2, unit="billion USD"), None) == 2000


def test_a_value_by_year_asked_without_a_year_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a year"):
        at({2010: 1.0}, None)


def test_a_point_has_its_own_source_or_that_of_the_whole() -> None:
    path = Rate(
        steps={2010: 0.1, 2011: Figure(value=0.2, source="own", status="seen")},
        source="all",
        status="analyst",
    )
    assert [(e.year, e.source, e.status) for e in entries(path)] == [
        (2010, "all", "analyst"),
        (2011, "own", "seen"),
    ]


TAX: TypeAdapter[object] = TypeAdapter(Tax)


@pytest.mark.parametrize(
    ("value", "places"),
    [
        (25, [()]),
        (-1, [()]),
        ({2010: 0.1, 2011: 25, 2012: -3}, [(2011,), (2012,)]),
        ({"steps": {2010: 2100, 2011: 20}, "unit": "%"}, [("steps", 2010)]),
        ({"linear": {2010: 0, 2011: {"value": 30}}}, [("linear", 2011, "value")]),
    ],
)
def test_bounds_hold_in_every_year_and_in_every_unit(value: object, places: list[tuple[object, ...]]) -> None:
    with pytest.raises(ValidationError) as error:
        TAX.validate_python(value)
    found = [
        tuple(step for step in detail["loc"] if step not in ("number", "years", "figure"))
        for detail in error.value.errors()
    ]
    assert found == places


@pytest.mark.parametrize(
    "value", [True, "0.2", None, [0.1], {}, {"value": 1, "steps": {2010: 1}}, {"linear": {2010: 1}}]
)
def test_what_is_no_quantity_is_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Amount).validate_json(__import__("json").dumps(value), strict=True)
