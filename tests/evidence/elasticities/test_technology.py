"""E18 read backwards: closed forms, their limits and their refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.evidence.elasticities.technology import (
    RefusedEstimate,
    epsilon_band,
    epsilon_from_research,
    epsilon_from_technology,
    epsilon_standard_error,
    research_slope,
    research_slope_limit,
    technology_slope,
)

EPSILON = st.floats(0.01, 3.0)
ZETA = st.floats(0.3, 20.0)


@given(EPSILON, ZETA)
def test_slopes_and_elasticities_are_inverse(epsilon: float, zeta: float) -> None:
    if epsilon >= 1 + zeta - 1e-3:  # there the map from eps to the slope has its pole
        return
    assert epsilon_from_research(float(research_slope(epsilon, zeta)), zeta) == pytest.approx(
        epsilon, rel=1e-9
    )
    b = float(technology_slope(epsilon, zeta))
    assert epsilon_from_technology(b, zeta) == pytest.approx(epsilon, rel=1e-9)


@given(EPSILON, ZETA)
def test_slope_is_that_of_the_two_equations(epsilon: float, zeta: float) -> None:
    # E15: r = (1-eps)(p - a); E17: a = r/zeta; solved here as a linear system, not by the formula.
    r, _ = np.linalg.solve([[1.0, 1 - epsilon], [-1 / zeta, 1.0]], [1 - epsilon, 0.0])
    if abs(1 + (1 - epsilon) / zeta) > 1e-6:
        assert float(research_slope(epsilon, zeta)) == pytest.approx(r, rel=1e-9, abs=1e-12)


def test_limit_is_the_slope_of_fixed_proportions() -> None:
    for zeta in (0.5, 2.0, 7.0):
        limit = float(research_slope_limit(zeta))
        assert limit == pytest.approx(float(research_slope(0.0, zeta)))
        assert epsilon_from_research(limit - 1e-9, zeta) == pytest.approx(0.0, abs=1e-7)
        with pytest.raises(RefusedEstimate, match=r"at or above zeta/\(1\+zeta\)"):
            epsilon_from_research(limit, zeta)


def test_unit_elasticity_is_a_slope_of_zero() -> None:
    assert epsilon_from_research(0.0, 2.0) == 1.0
    assert epsilon_from_technology(0.0, 2.0) == 1.0


def test_refusal_says_which_zeta_would_do() -> None:
    with pytest.raises(RefusedEstimate, match=r"at least 4 is needed"):
        epsilon_from_research(0.8, 2.0)
    assert epsilon_from_research(0.8, 4.1) > 0
    with pytest.raises(RefusedEstimate, match="no zeta fits a slope of 1 or more"):
        epsilon_from_research(1.2, 2.0)


def test_a_slope_of_patents_taken_for_one_of_technology_is_refused() -> None:
    slope = float(research_slope(0.3, 2.0))
    with pytest.raises(RefusedEstimate, match="Patents measure research, not technology"):
        epsilon_from_technology(slope, 2.0)


@pytest.mark.parametrize("zeta", [0.0, -1.0, np.inf, np.nan])
def test_zeta_must_be_a_positive_number(zeta: float) -> None:
    with pytest.raises(ValueError, match="zeta"):
        epsilon_from_research(0.3, zeta)


def test_band_orders_its_ends_and_stops_at_the_bound() -> None:
    band = epsilon_band(0.5, (0.4, 0.62), [0.5, 1.5, 2.0, 6.0])
    assert band.refused.tolist() == [True, False, False, False]
    assert band.bounded.tolist() == [True, True, False, False]
    assert band.epsilon[0] == band.lower[0] == 0.0
    assert (band.lower <= band.epsilon).all()
    assert (band.epsilon <= band.upper).all()
    assert band.epsilon[2] == pytest.approx(epsilon_from_research(0.5, 2.0))
    assert band.upper[2] == pytest.approx(epsilon_from_research(0.4, 2.0))
    assert band.lower[2] == pytest.approx(epsilon_from_research(0.62, 2.0))
    # A refused slope whose interval reaches below the limit has an upper end.
    refused = epsilon_band(0.7, (0.5, 0.9), [2.0])
    assert refused.refused.tolist() == [True]
    assert refused.epsilon[0] == refused.lower[0] == 0.0
    assert refused.upper[0] == pytest.approx(epsilon_from_research(0.5, 2.0)) == pytest.approx(1 / 3)


def test_band_of_an_open_interval_ends_where_eps_does() -> None:
    band = epsilon_band(0.5, (-np.inf, np.inf), [2.0, 3.0])
    assert band.upper.tolist() == [3.0, 4.0]
    assert band.lower.tolist() == [0.0, 0.0]
    assert epsilon_from_research(-1e9, 2.0) == pytest.approx(3.0, abs=1e-6)


def test_delta_method_is_the_slope_of_the_map() -> None:
    step = 1e-6
    numerical = (epsilon_from_research(0.4 + step, 2.0) - epsilon_from_research(0.4 - step, 2.0)) / (2 * step)
    assert epsilon_standard_error(0.4, 0.1, 2.0) == pytest.approx(abs(numerical) * 0.1, rel=1e-6)
    with pytest.raises(RefusedEstimate):
        epsilon_standard_error(0.8, 0.1, 2.0)
