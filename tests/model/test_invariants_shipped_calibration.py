"""The invariants on the base year that is shipped: 12 regions, 38 sectors, ten elements, empty cells, latent mines."""

from functools import cache

import numpy as np
import pytest

import calibration
from model import Closure, Shock, solve
from model.flows import gate_tonnes
from model.variables import results
from model.welfare import real_income
from tests import checks
from tests.halves import split, twice
from tests.instruments import Case, exports_of, quota_on
from tests.points import point, residuals_at

EXOGENOUS = Closure("exogenous", "given", "given")
LONG = Closure("directed", "target", "target")
REGIMES = (EXOGENOUS, Closure("directed"), Closure("directed_with_spillovers"))
CUT = 30258 / 50145  # China's quota of 2010 over that of 2009


@cache
def shipped():
    return calibration.load("china-2009")


@cache
def case(regime: Closure, ratio: float = CUT) -> Case:
    """A quota on China's exports of all elements, by oxide content."""
    b = shipped().benchmark
    china = shipped().labels.regions.index("CHN")
    content = np.where(np.isfinite(b.reo_content), b.reo_content, 0.0)
    return Case(
        b, Shock(quotas=(quota_on(b, "quota", exports_of(b, china, b.elements), ratio, content),)), regime
    )


@cache
def solution(regime: Closure):
    c = case(regime)
    return solve(c.benchmark, c.shock, c.closure)


@pytest.mark.parametrize("closure", [*REGIMES, LONG], ids=lambda c: f"{c.regime}-{c.capacity}")
def test_the_base_year_is_an_equilibrium_without_iterating(closure):
    checks.replicates(Case(shipped().benchmark, Shock(), closure))


@pytest.mark.parametrize("identity", [checks.levels, checks.walras, checks.homogeneous, checks.derivative],
                         ids=lambda f: f.__name__)  # fmt: skip
def test_identities_at_a_random_point(identity):
    identity(case(REGIMES[2]), seed=2)


@pytest.mark.parametrize("regime", REGIMES, ids=lambda c: c.regime)
def test_the_quota_of_2010_is_an_equilibrium_when_recomputed(regime):
    checks.solved(case(regime), solution(regime))
    quota = case(regime).shock.quotas[0]
    sold = (np.where(quota.covers, np.nan_to_num(gate_tonnes(solution(regime))), 0.0) * quota.weight).sum()
    assert sold == pytest.approx(quota.limit, rel=1e-10)


def test_results_are_what_the_flows_say():
    checks.reported(case(REGIMES[2]), solution(REGIMES[2]))


def test_a_slack_quota_changes_nothing_bit_for_bit():
    slack = case(REGIMES[2], 1.1)
    one, other = (
        solve(slack.benchmark, slack.shock, slack.closure),
        solve(slack.benchmark, Shock(), slack.closure),
    )
    assert one.licence == {"quota": 0.0}
    for first, second in zip(one.allocation.state[:8], other.allocation.state[:8], strict=True):
        assert first.tobytes() == second.tobytes()


def test_what_the_quota_did():
    """Cheap oxides rise most abroad, not at home; the rent goes to China; direction lowers the world's loss."""
    labels, b = shipped().labels, shipped().benchmark
    china = labels.regions.index("CHN")
    c = REGIMES[0]
    table = results(solution(c), solve(b, closure=c))
    rise = dict(zip(labels.elements, table["border_price"][china], strict=True))
    assert min(rise["La"], rise["Ce"]) > 1.5 * max(rise["Dy"], rise["Eu"]) > 1.5
    base = results(solve(b, closure=c), solve(b, closure=c))
    tonnes = base["tonnes"][china, china]
    assert (tonnes * table["gate_value"][china]).sum() <= (tonnes * base["gate_value"][china]).sum()
    assert table["licence_rent"][china] > 0 and not np.delete(table["licence_rent"], china).any()
    abroad = np.arange(len(labels.regions)) != china
    income = b.final.sum(axis=1)
    losses = [(income * (real_income(solution(regime)) - 1))[abroad].sum() for regime in REGIMES]
    assert losses[0] < losses[1] < 0


def test_a_region_split_in_two_has_the_residuals_of_the_whole():
    whole = case(REGIMES[2])
    region = shipped().labels.regions.index("JPN")
    system, _, state = point(whole, 1)
    _, r = residuals_at(system, state)
    halves, _, _ = point(split(whole, region), 1)
    fields = ("price", "output", "wage", "rent", "income", "research_x", "research_e", "capacity")
    repeated = state._replace(**{field: twice(getattr(state, field), region, 0) for field in fields})
    _, r2 = residuals_at(halves, repeated)
    for field in ("market", "profit", "sluggish", "research_x", "research_e"):
        checks.assert_close(field, getattr(r2, field), twice(getattr(r, field), region, 0), 1e-10)
