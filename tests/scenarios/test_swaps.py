"""Closure swaps: what is given in one solution is found in another."""

from __future__ import annotations

import numpy as np
import pytest

import calibration
import scenarios
from calibration.errors import InputError
from model import solve
from model.flows import gate_tonnes
from model.records import SHORT, Closure, Shock
from scenarios.swaps import fixed_taxes
from tests.instruments import awkward, exports_of, quota_on

LONG = Closure("directed", "target", "given")
HEAD = "name: t\ntitle: t\nquestion: what?\ncalibration: china-2009-small\nyear: 2010\nhorizon: long\n"


@pytest.fixture(scope="module")
def small():
    return calibration.load("china-2009-small")


def exported(base, solution):
    """Tonnes of elements that leave China, one by one."""
    b, china = base.benchmark, base.labels.regions.index("CHN")
    tonnes = gate_tonnes(solution)[china][:, b.elements]
    return np.delete(tonnes, china, axis=0)


def test_taxes_at_the_licence_give_the_quota_as_long_as_nothing_follows(small):
    quota, tax = (
        scenarios.load(name, small).shock(small) for name in ("china-2010-quota", "examples/fixed-tax")
    )
    assert quota.quotas
    assert not tax.quotas
    one, two = (solve(small.benchmark, shock, SHORT) for shock in (quota, tax))
    np.testing.assert_allclose(exported(small, two), exported(small, one), rtol=1e-8)
    np.testing.assert_allclose(two.allocation.state.price, one.allocation.state.price, atol=1e-8)


def test_with_the_tax_fixed_innovation_moves_tonnes_and_with_the_quantity_fixed_the_licence(small):
    quota, tax = (
        scenarios.load(name, small).shock(small) for name in ("china-2010-quota", "examples/fixed-tax")
    )
    held, free = (solve(small.benchmark, shock, LONG) for shock in (quota, tax))
    assert exported(small, held).sum() == pytest.approx(30258)
    assert exported(small, free).sum() < 0.95 * 30258
    start = solve(small.benchmark, quota, SHORT)
    (name,) = start.licence
    assert held.licence[name] < 0.9 * start.licence[name]


@pytest.mark.parametrize("closed", ["all", "some"])
def test_what_a_quota_of_nothing_closes_stays_closed_under_the_tax(closed):
    """E12: a limit of 0 is an embargo, which no rate of tax replaces."""
    b = awkward(2)
    elements = b.elements if closed == "all" else b.elements[:2]
    quotas = [quota_on(b, "none", exports_of(b, 0, elements), 0.0)]
    if closed == "some":
        quotas.append(quota_on(b, "half", exports_of(b, 0, b.elements[2:]), 0.5))
    shock = Shock(quotas=tuple(quotas))
    one, two = (solve(b, each, SHORT) for each in (shock, fixed_taxes(shock, b)))
    assert not gate_tonnes(two)[0, 1:, elements].any()
    for name in ("price", "output", "income"):
        np.testing.assert_allclose(
            getattr(two.allocation.state, name), getattr(one.allocation.state, name), rtol=0, atol=1e-9
        )


def test_the_equivalent_tax_is_one_rate_and_keeps_the_tonnes(small):
    shock = scenarios.load("china-2010-tax-equivalent", small).shock(small)
    solution = solve(small.benchmark, shock, SHORT)
    assert exported(small, solution).sum() == pytest.approx(30258)


def test_two_swaps_at_once_are_refused():
    text = HEAD + "tax_equivalent_of: china-2010-quota\ntaxes_from_licences_of: china-2010-quota\n"
    with pytest.raises(InputError, match="stands beside tax_equivalent_of"):
        scenarios.parse(text)


def test_a_swap_of_a_swap_is_refused():
    with pytest.raises(InputError, match="borrows its quotas itself"):
        scenarios.parse(HEAD + "taxes_from_licences_of: china-2010-tax-equivalent\n")
