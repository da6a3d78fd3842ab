"""What is given to `benchmark_from_flows` and `benchmark_from_shares`, one mistake at a time, and several at once."""

from __future__ import annotations

import numpy as np
import pytest

from model import Closure, Shock, solve
from model.refusals import TableError
from model.table import Elasticities, Innovation, RareEarths, benchmark_from_flows, benchmark_from_shares

N, K = 3, 4
ALONE = Closure("exogenous", "given", "given")


def flows():
    rng = np.random.default_rng(0)
    return rng.uniform(0.1, 1.0, (N, K, N, K)), rng.uniform(6.0, 18.0, (N, K, N))


def cell(shape, at, value, rest=0.0):
    array = np.full(shape, rest)
    array[at] = value
    return array


def metals(**changes):
    told = {
        "elements": [0],
        "stage_sector": [],
        "unit_value": np.full((N, K), 5.0),
        "reo_content": np.ones(K),
    }
    return {"rare_earths": RareEarths(**told | changes)}


BORDER, SECTORS = (N, N, K), (N, K)
HALVES = {"factor_share": np.full((N, 2, K), 0.5), "mobility": (np.inf, 0.0)}
MISTAKES = {
    "a rate by buyer and good": (
        {"tariff": np.full((N, K), 0.1)},
        r"tariff has shape \(3, 4\).*\(i,n,k\) = \(3, 3, 4\)",
    ),
    "one number for all tariffs": ({"tariff": 0.1}, r"tariff has shape \(\)"),
    "a tariff that is no number": (
        {"tariff": cell(BORDER, (0, 1, 0), np.nan)},
        r"tariff .* not finite at \(0, 1, 0\)",
    ),
    "a tariff that pays for all": (
        {"tariff": cell(BORDER, (0, 1, 0), -2.0)},
        r"above -1, not \(0, 1, 0\) = -2",
    ),
    "an export tax": ({"export_tax": cell(BORDER, (2, 1, 3), -1.0)}, r"export_tax .* not \(2, 1, 3\) = -1"),
    "a subsidy by sector alone": ({"subsidy": np.zeros(K)}, r"subsidy has shape \(4,\).*\(n,j\)"),
    "words": ({"subsidy": "none"}, "subsidy is no array of numbers"),
    "factors that get nine tenths": (
        {**HALVES, "factor_share": np.full((N, 2, K), 0.45)},
        r"sum of factor_share .* must be 1, not \(0, 0\) = 0.9",
    ),
    "a factor that pays": (
        {**HALVES, "factor_share": np.stack([np.full(SECTORS, 1.5), np.full(SECTORS, -0.5)], 1)},
        "factor_share must be 0",
    ),
    "factors in the last place": (
        {**HALVES, "factor_share": np.full((N, K, 2), 0.5)},
        r"\(n,f,j\) = \(3, 2, 4\)",
    ),
    "no factor is paid": (
        {**HALVES, "factor_share": np.zeros((N, 2, K))},
        r"factor_share is 0 for every factor at",
    ),
    "mobility": ({"mobility": (-0.5,)}, "mobility must be 0 or more, or inf"),
    "labour": ({"labour": 1}, "labour is factor 1, and there are 1"),
    "numeraire": ({"numeraire": [False]}, "numeraire needs 1 entries"),
    "classes": (
        {"use_classes": "sectors"},
        "use_classes is 'sectors', and can be 'common', 'intermediate_final', 'sector'",
    ),
    "clipping": ({"negative": "clipped"}, "negative is 'clipped'"),
    "deficits": ({"deficit_rule": "share"}, "deficit_rule is 'share'"),
    "make of one region": ({"make": np.eye(K)}, r"make has shape \(4, 4\)"),
    "make below nothing": (
        {"make": cell((N, K, K), (0, 0, 0), -1.0)},
        r"make must be 0 or more, not \(0, 0, 0\)",
    ),
    "sold and not made": (
        {"make": np.eye(K) * cell((N, 1, K), (1, 0, 2), 0.0, 1.0)},
        r"make has no sector for goods that are sold, at \(1, 2\)",
    ),
    "elasticities of another length": (
        {"elasticities": Elasticities(trade=np.ones(K + 1))},
        r"elasticities.trade .*\(k\)",
    ),
    "an elasticity below 0": (
        {"elasticities": Elasticities(materials=-0.1)},
        "elasticities.materials must be 0 or more",
    ),
    "an elasticity that is none": (
        {"elasticities": Elasticities(final=np.nan)},
        "elasticities.final .* not finite",
    ),
    "transformation": (
        {"elasticities": Elasticities(transformation=-1.0)},
        "transformation must be above -1",
    ),
    "all revenue for research": ({"innovation": Innovation(share=1.0)}, "innovation.share must be below 1"),
    "an option that is none": (
        {"innovation": Innovation(options={"spilover": 1})},
        "has no 'spilover', and can have .*spillover,",
    ),
    "an option given elsewhere": (
        {"innovation": Innovation(options={"trade_elasticity": 1})},
        "has no 'trade_elasticity'",
    ),
    "an option's shape": (
        {"innovation": Innovation(options={"spillover": np.zeros(3)})},
        r"\(n,g\) = \(3, 1\)",
    ),
    "elements beyond the goods": (metals(elements=[7]), "positions of 4 goods, not .* = 7"),
    "elements as a mask": (metals(elements=[True, False, False, False]), "holds bool values"),
    "elements twice": (metals(elements=[0, 0]), "names some goods twice"),
    "a unit value of nothing": (
        metals(unit_value=cell(SECTORS, (0, 0), 0.0, 5.0)),
        r"unit_value must be above 0",
    ),
    "unit values by good": (metals(unit_value=np.ones(K)), r"unit_value has shape \(4,\)"),
    "a licence below 0": (metals(licence=cell(SECTORS, (0, 0), -3.0)), "licence must be 0 or more"),
}


@pytest.mark.parametrize(("wrong", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_named_with_its_place(wrong, said):
    with pytest.raises(TableError, match=said):
        benchmark_from_flows(*flows(), **wrong)


def test_all_mistakes_are_told_at_once():
    with pytest.raises(TableError) as refused:
        benchmark_from_flows(*flows(), subsidy=-1.0, labour=3, deficit_rule="none", mobility=(np.nan,))
    assert len(refused.value.problems) == 4


def test_nobody_consumes_anything():
    intermediate, final = flows()
    with pytest.raises(TableError, match="nothing that anybody consumes"):
        benchmark_from_flows(intermediate, 0 * final)


def test_sectors_that_sell_to_each_other_alone_are_named():
    """Their costs are each other's prices: any multiple of these is an equilibrium."""
    intermediate, final = flows()
    final[0, :2] = 0.0
    intermediate[0, :2] = 0.0
    intermediate[:, :, 0, :2] = 0.0
    intermediate[0, 0, 0, 1] = intermediate[0, 1, 0, 0] = 2.0
    with pytest.raises(TableError, match=r"2 sectors sell only to each other .* \(0, 0\) = 2, \(0, 1\) = 2"):
        benchmark_from_flows(intermediate, final, use_classes="sector")
    intermediate[0, 1, 1, 3] = 0.5  # a customer
    b = benchmark_from_flows(intermediate, final, use_classes="sector")
    assert solve(b, Shock(productivity=np.full(SECTORS, 1.1)), ALONE).converged


def test_lists_and_one_subsidy_for_all_are_as_good_as_arrays():
    intermediate, final = flows()
    tariff = cell(BORDER, (0, 1, 2), 0.25)
    b = benchmark_from_flows(
        intermediate.tolist(),
        final.tolist(),
        tariff=tariff.tolist(),
        subsidy=0.02,
        mobility=np.inf,
        **metals(),
    )
    same = benchmark_from_flows(
        intermediate, final, tariff=tariff, subsidy=np.full(SECTORS, 0.02),
        **metals(elements=np.array([0]), stage_sector=np.zeros(0, dtype=int)),
    )  # fmt: skip
    for name in ("output", "tariff", "subsidy", "factor_payment", "deficit", "elements"):
        np.testing.assert_array_equal(getattr(b, name), getattr(same, name), err_msg=name)
    shock = Shock(productivity=np.full(SECTORS, 1.1))
    np.testing.assert_array_equal(
        solve(b, shock, ALONE).allocation.income, solve(same, shock, ALONE).allocation.income
    )


def test_shares_of_factors_in_single_precision_leave_nothing_unpaid():
    intermediate, final = flows()
    share = np.random.default_rng(1).dirichlet([1.0, 2.0], SECTORS).transpose(0, 2, 1).astype(np.float32)
    b = benchmark_from_flows(intermediate, final, factor_share=share, mobility=(np.inf, 0.0))
    np.testing.assert_allclose(b.factor_payment.sum(axis=1), b.output - b.use.sum(axis=1), rtol=1e-12)
    assert abs(b.deficit.sum()) < 1e-11


SHARES = {
    "origins that sum to nine tenths": ({"trade_share": 0.9}, "sum of trade_share over origins must be 1"),
    "goods that sum to a half": ({"final_share": 0.5}, r"sum of final_share over goods must be 1, not \(0,\) = 0.5"),
    "costs below 0": ({"cost_share": -1.0}, "cost_share must be 0 or more"),
    "value added below 0": ({"value_added": -1.0}, "value_added must be 0 or more"),
}  # fmt: skip


@pytest.mark.parametrize(("factor", "said"), SHARES.values(), ids=SHARES)
def test_shares_that_are_none_are_refused(factor, said):
    b = benchmark_from_flows(*flows())
    told = {
        "trade_share": b.trade_share[0],
        "cost_share": b.use / b.output[:, None],
        "final_share": b.final / b.final.sum(axis=1, keepdims=True),
        "value_added": b.factor_payment.sum(axis=(1, 2)),
    }
    assert np.allclose(benchmark_from_shares(**told).output, b.output)
    with pytest.raises(TableError, match=said):
        benchmark_from_shares(**{name: array * factor.get(name, 1.0) for name, array in told.items()})


def test_shapes_of_shares_are_refused():
    with pytest.raises(TableError, match=r"cost_share has shape \(4, 4\), and needs \(n,k,j\)"):
        benchmark_from_shares(np.ones((N, N, K)), np.zeros((K, K)), np.ones(SECTORS), np.ones(N))
    with pytest.raises(TableError, match=r"value_added has shape \(\), and needs \(n\)"):
        benchmark_from_shares(np.ones((N, N, K)), np.zeros((N, K, K)), np.ones(SECTORS), 1.0)


def test_what_lies_on_an_edge_that_belongs_to_the_range_is_taken():
    """Goods without oxide in them, the first good as an element, elasticities of 0."""
    told = metals(reo_content=np.zeros(K), elements=[0])
    b = benchmark_from_flows(*flows(), elasticities=Elasticities(materials=0.0, factor=0.0), **told)
    assert not b.reo_content.any()
    assert b.elements.tolist() == [0]
    assert solve(b, Shock(), ALONE).converged
