"""Intensity and exposure: accounting identities and closed forms."""

import numpy as np
import pytest

from model.exposure import (
    downstreamness, embodied, exposure, ghosh, intensity, leontief_times, upstreamness, world_table,
)  # fmt: skip
from tests.worlds import Sizes, world


@pytest.fixture(scope="module", params=[1, 2])
def table(request):
    bench, _ = world(7, Sizes(3, 4, 2, request.param), licence=True)
    return bench, world_table(bench)


def test_sales_add_up_to_output(table):
    _, flows = table
    np.testing.assert_allclose(flows.intermediate.sum(axis=1) + flows.final.sum(axis=1), flows.output, rtol=1e-12)


def test_value_added_shares_sum_to_one(table):
    _, flows = table
    np.testing.assert_allclose(leontief_times(flows, flows.value_added[None]), 1, rtol=1e-12)


def test_embodied_use_is_all_use(table):
    _, flows = table
    result = intensity(flows)
    np.testing.assert_allclose(
        embodied(flows, result.total_kg).sum(axis=2), flows.element_tonnes.sum(axis=2) * 1e3, rtol=1e-10
    )
    np.testing.assert_allclose(
        embodied(flows, result.total_usd).sum(axis=2), flows.element_value.sum(axis=2) * 1e6, rtol=1e-10
    )


def test_total_is_direct_plus_that_of_inputs(table):
    _, flows = table
    result = intensity(flows)
    again = result.direct_kg + result.total_kg @ flows.coefficients
    np.testing.assert_allclose(again, result.total_kg, rtol=1e-10)


def test_all_of_an_elements_supply_is_distributed(table):
    """In the Ghosh view every unit is finally sold: shares times the final part of sales sum to 1."""
    _, flows = table
    shares = ghosh(flows)
    sold = flows.final.sum(axis=1) / flows.output
    np.testing.assert_allclose((shares * sold).sum(axis=(1, 2)), 1, rtol=1e-10)


def test_stages_to_and_from(table):
    _, flows = table
    assert (upstreamness(flows) >= 1).all()
    assert (downstreamness(flows) >= 1).all()
    # Output-weighted upstreamness times final demand: total output over final demand is the mean of downstreamness.
    weight = flows.final.sum(axis=1) / flows.final.sum()
    np.testing.assert_allclose(weight @ downstreamness(flows), flows.output.sum() / flows.final.sum(), rtol=1e-10)


def test_exposure_counts_only_restricting_origins_and_scales_with_the_score(table):
    bench, flows = table
    total = intensity(flows).total_usd
    score = np.array([100.0, 50.0])
    none = exposure(bench, total, score, np.zeros(3, dtype=bool))
    first = exposure(bench, total, score, np.array([True, False, False]))
    everyone = exposure(bench, total, score, np.ones(3, dtype=bool))
    assert (none == 0).all()
    assert (first <= everyone).all()
    np.testing.assert_allclose(exposure(bench, total, score / 2, np.ones(3, dtype=bool)), everyone / 2)
