"""A region split in two identical halves behaves as the whole: shares, taxes, quotas, spillovers, capacity, stocks."""

import numpy as np
import pytest

from model import solve
from model.variables import results
from tests import checks
from tests.halves import split, twice
from tests.instruments import cases
from tests.points import point, residuals_at

CASES = cases(21)
EXPORTER, BUYER = 0, 2
# A licence of the base year covers all trade abroad, so trade between halves of its origin cannot be exempt from it.
SPLITS = [(name, r) for name in CASES for r in (EXPORTER, BUYER) if r == BUYER or "base year" not in name]


@pytest.mark.parametrize(("name", "region"), SPLITS)
def test_halves_have_the_residuals_of_the_whole_at_any_point(name, region):
    case = CASES[name]
    system, _, state = point(case, 5)
    a, r = residuals_at(system, state)
    halves, _, _ = point(split(case, region), 5)
    prices = dict(zip((q.name for q in system.restrictions.quotas), state.licence, strict=True))
    names = [q.name for q in halves.restrictions.quotas]
    production = [q.origin for q in system.restrictions.production for _ in range(1 + (q.origin == region))]
    repeated = state._replace(
        **{field: twice(getattr(state, field), region, 0)
           for field in ("price", "output", "wage", "rent", "income", "research_x", "research_e", "capacity")},
        licence=np.array([prices[name] for name in names]),
        production_licence=np.repeat(state.production_licence, len(production)),
    )  # fmt: skip
    a2, r2 = residuals_at(halves, repeated)
    for field in ("market", "profit", "mobile", "sluggish", "research_x", "research_e", "capacity"):
        checks.assert_close(field, getattr(r2, field), twice(getattr(r, field), region, 0), 1e-11)
    whole = a2.income.copy()
    whole[region] += whole[-1]
    checks.assert_close("income", whole[:-1], a.income, 1e-8)
    checks.assert_close("numeraire", a2.world, a.world, 1e-12)
    checks.assert_close("tonnes", a2.quota_tonnes, a.quota_tonnes, 1e-7)


@pytest.mark.parametrize("region", [EXPORTER, BUYER])
@pytest.mark.parametrize(
    "name", ["quotas that overlap", "quota that leaks", "capacity at its target", "tariff"]
)
def test_halves_change_nothing_but_concentration(name, region):
    case = CASES[name]
    both = []
    for c in (case, split(case, region)):
        solution = solve(c.benchmark, c.shock, c.closure)
        both.append((solution, results(solution, solve(c.benchmark, closure=c.closure))))
    (one, whole), (two, halves) = both
    assert two.licence == pytest.approx(one.licence, rel=1e-8)
    # The border price of a half counts sales to the other half, which pay no tax: it may differ.
    ratios = ("producer_price", "purchaser_price", "unit_cost", "real_income", "technology", "research", "ree_patents",
              "tfp_solow", "tfp_cost_saved", "wage", "resource_rent", "capacity", "final_price")  # fmt: skip
    for variable in ratios:
        checks.assert_close(variable, halves[variable], twice(whole[variable], region, 0), 1e-9)
    for variable in (
        "income",
        "licence_rent",
        "tariff_revenue",
        "export_tax_revenue",
        "equivalent_variation",
        "output",
    ):
        joined = halves[variable][:-1].copy()
        joined[region] += halves[variable][-1]
        checks.assert_close(variable, joined, whole[variable], 1e-6)
    assert np.all(halves["concentration"] <= twice(whole["concentration"], region, 0) + 1e-12)
    assert np.all(halves["concentration"][0] < whole["concentration"][0])
