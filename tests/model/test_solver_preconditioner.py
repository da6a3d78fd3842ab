"""The preconditioner: its written-out blocks against the derivative they stand for, and its inverses."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg.lapack import dgetrs
from scipy.optimize import root

from model import Closure, Shock, solve
from model.blocks import factors, inverse, triangular_inverse
from model.preconditioner import Regions, identity
from model.problem import Equilibrium
from model.table import Elasticities, benchmark_from_flows
from model.tangent import linearise
from model.tangent.home import home_blocks
from model.unknowns import layout
from tests.instruments import awkward, with_mines
from tests.worlds import quota, world

ALONE = Closure("exogenous", "given", "given")


def trade_economy(classes: str, holes: bool = False):
    """Three regions, five sectors, two mobile factors; with holes, region 1 makes neither good 2 nor 4."""
    rng = np.random.default_rng(2)
    flows, final = rng.uniform(0.5, 1.5, (3, 5, 3, 5)), rng.uniform(10, 20, (3, 5, 3))
    share = rng.dirichlet([3.0, 2.0], (3, 5)).transpose(0, 2, 1)
    if holes:
        flows[1, [2, 4]], final[1, [2, 4]], flows[:, :, 1, 2], flows[:, :, 1, 4] = 0, 0, 0, 0
    kinds = Elasticities(trade=4.0, materials=0.3, value_added=0.6, factor=0.7, final=0.8)
    return benchmark_from_flows(
        flows, final, use_classes=classes, factor_share=share, mobility=(np.inf, np.inf), elasticities=kinds
    )


def at_a_solution(b, shock, closure=ALONE):
    solution = solve(b, shock, closure)
    cells = layout(solution.system)
    return linearise(solution.system, solution.allocation), Regions(solution.system, cells), cells


def directed():
    b, _ = world(1, research_closure="sector")
    return b, Shock(quotas=(quota(b, 0.7),)), Closure("directed", "target", "given")


def by_columns(tangent, regions, cells):
    """The blocks as the derivative gives them, links between regions cut, column by column."""
    image = cells.flatten(tangent.at_home(False)(identity(cells, regions.rows.T)))[regions.rows]
    return image * regions.present[:, :, None] * regions.present[:, None, :]


@pytest.mark.parametrize("classes", ["common", "intermediate_final", "sector"])
@pytest.mark.parametrize("holes", [False, True])
def test_blocks_are_the_derivative_without_trade(classes, holes):
    b = trade_economy(classes, holes)
    tariff = np.where(np.eye(3, dtype=bool)[:, :, None], 0.0, np.linspace(0.1, 0.5, 5))
    use_subsidy = np.full(b.final.shape, 0.05)
    tangent, regions, cells = at_a_solution(b, Shock(tariff=tariff, use_subsidy=use_subsidy))
    assert regions.plain
    assert regions.present.all() != holes
    found = home_blocks(tangent, regions.goods, regions.sectors)
    found *= regions.present[:, :, None] & regions.present[:, None, :]
    wanted = by_columns(tangent, regions, cells)
    # Transfers that follow prices are left out of budgets: subsidies on use are.
    np.testing.assert_allclose(found[:, :-1], wanted[:, :-1], atol=1e-13)
    np.testing.assert_allclose(found[:, -1], wanted[:, -1], atol=0.06)


def test_blocks_of_the_base_year_are_the_same_whatever_is_solved_first():
    """Where only quotas are new the search begins at the base year, and its Jacobian there serves for both."""
    cut = Shock(quotas=(quota(world(1)[0], 0.7),))
    found = []
    for first in (cut, Shock(tariff=world(1)[0].tariff + 0.1)):
        b, _ = world(1)
        solve(b, first, ALONE)
        found.append(Equilibrium(solve(b, cut, ALONE).system).preconditioner.regions.inverse)
    np.testing.assert_array_equal(*found)


def test_it_holds_what_is_nearly_all_in_the_chain():
    """In the sum of squares; without a chain it holds nothing."""
    b, _ = world(1)
    problem = Equilibrium(solve(b, Shock(quotas=(quota(b, 0.7),)), ALONE).system)
    chain = problem.preconditioner.chain
    inside, outside = np.zeros((2, problem.cells.edges[-1]))
    inside[chain.rows[:4]] = 1.0
    outside[np.setdiff1d(problem.cells.positions, chain.rows)[:4]] = 1.0
    part = np.sqrt(1 / 0.9 - 1)  # of what is outside, beside which 90 % is inside
    assert problem.preconditioner.holds(inside + 0.99 * part * outside)
    assert not problem.preconditioner.holds(inside + 1.01 * part * outside)
    alone = Equilibrium(solve(trade_economy("common"), Shock(), ALONE).system)
    assert not alone.preconditioner.holds(np.ones(alone.cells.edges[-1]))


def test_a_rough_step_that_the_chain_asks_for_takes_no_product():
    b, _ = world(1)
    problem = Equilibrium(solve(b, Shock(quotas=(quota(b, 0.7),)), ALONE).system)
    start = problem.evaluate(problem.start())
    step, products = start.step(0.2, 80)
    exact, many = problem.evaluate(problem.start()).step(1e-10, 80)
    assert products == 0 < many
    cells = problem.cells
    moved = problem.preconditioner.chain.rows
    full, wanted = np.zeros((2, cells.edges[-1]))
    full[cells.positions], wanted[cells.positions] = step, exact
    np.testing.assert_allclose(full[moved], wanted[moved], rtol=0.02, atol=0.02 * np.abs(wanted).max())


def test_blocks_of_an_economy_with_a_chain_leave_out_only_what_is_small():
    b, _ = world(1, research_closure="sector")
    tangent, regions, cells = at_a_solution(b, Shock(quotas=(quota(b, 0.5),)), Closure())
    assert regions.plain
    found = home_blocks(tangent, regions.goods, regions.sectors)
    found *= regions.present[:, :, None] & regions.present[:, None, :]
    np.testing.assert_allclose(found, by_columns(tangent, regions, cells), atol=0.02)


@pytest.mark.parametrize("holes", [False, True])
def test_inverses_by_blocks_are_the_inverses(holes):
    b = trade_economy("common", holes)
    tangent, regions, cells = at_a_solution(b, Shock(productivity=np.full(b.output.shape, 1.1)))
    blocks = by_columns(tangent, regions, cells)
    regions.renew(tangent)
    assert regions.plain  # so by elimination
    right = np.where(regions.present, np.random.default_rng(0).normal(size=regions.present.shape), 0.0)
    vector, found = np.zeros(cells.edges[-1]), np.zeros(cells.edges[-1])
    vector[regions.rows] = right
    regions.apply(vector, found)
    left_out = {"rtol": 1e-3, "atol": 1e-3}  # by the series
    np.testing.assert_allclose(np.einsum("nlm,nm->nl", blocks, found[regions.rows]), right, **left_out)
    assert not found[regions.rows][~regions.present].any()
    dense = (inverse(blocks * 1.0, ~regions.present) @ right[:, :, None])[:, :, 0]
    np.testing.assert_allclose(found[regions.rows], dense, **left_out)


def test_sectors_that_share_goods_or_factors_of_their_own_take_the_general_way():
    b = awkward()
    specific = b.replace(parameters=b.parameters.replace(factor_mobility=np.array([np.inf, 0.0, 0.0])))
    _, regions, _ = at_a_solution(specific, Shock())
    assert not regions.plain


def test_an_embargo_that_closes_cells_does_not_meet_inverses_of_others():
    """Blocks are kept with the base year; those of an economy with fewer cells are others."""
    b = trade_economy("common")
    closed = np.zeros(b.export_tax.shape, dtype=bool)
    closed[1, :, 2] = True  # nobody buys good 2 of region 1: its maker stops
    whole = solve(b, Shock(), ALONE)
    cut = solve(b, Shock(embargo=closed), ALONE)
    fresh = solve(trade_economy("common"), Shock(embargo=closed), ALONE)
    assert whole.converged
    np.testing.assert_array_equal(cut.allocation.supply, fresh.allocation.supply)
    assert cut.products == fresh.products


def test_a_singular_block_is_met_by_what_comes_closest():
    blocks = np.stack([np.diag([1.0, 2.0, 0.0]), np.eye(3) + 0.1])
    right = np.array([[1.0, 4.0, 0.0], [1.0, 2.0, 3.0]])
    found = (inverse(blocks.copy(), np.zeros((2, 3), dtype=bool)) @ right[:, :, None])[:, :, 0]
    np.testing.assert_allclose(found[0], [1.0, 2.0, 0.0], atol=1e-6)
    np.testing.assert_allclose(found[1], np.linalg.solve(blocks[1], right[1]), atol=1e-6)


@pytest.mark.parametrize("k", [1, 15, 64, 65, 150])
def test_inverses_by_halves_are_those_of_lapack(k):
    """Cost shares below prices, sales shares above outputs, a border of two; leaves by series, above 64 by halves."""
    rng = np.random.default_rng(k)
    blocks = 0.3 * rng.normal(size=(5, 2 * k + 2, 2 * k + 2)) / np.sqrt(k)
    blocks[:, k : 2 * k, k : 2 * k] = 0.0
    blocks[:, k : 2 * k, :k] += np.eye(k)
    blocks[:, :k, k : 2 * k] += np.eye(k)
    blocks[:, 2 * k :, 2 * k :] += np.eye(2)
    found = triangular_inverse(blocks.copy(), np.zeros((5, 2 * k + 2), dtype=bool), k)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.linalg.inv(blocks), rtol=1e-3, atol=1e-3)


def test_a_series_that_does_not_fade_gives_way_to_elimination():
    """Spectral radius 1.5, and a diagonal of zeros: nothing that a series could sum."""
    rng = np.random.default_rng(0)
    steep = np.eye(6) - 1.5 * rng.dirichlet(np.ones(6), (3, 6))
    turned = np.roll(np.eye(6), 1, axis=0)[None]
    for blocks in (steep, turned):
        k, border = blocks.shape[-1], np.eye(1)[None]
        whole = np.zeros((len(blocks), 2 * k + 1, 2 * k + 1))
        whole[:, k : 2 * k, :k], whole[:, :k, k : 2 * k], whole[:, 2 * k :, 2 * k :] = blocks, blocks, border
        found = triangular_inverse(whole.copy(), np.zeros(whole.shape[:2], dtype=bool), k)
        np.testing.assert_allclose(found, np.linalg.inv(whole), rtol=1e-4, atol=1e-4)


def test_research_on_elements_that_follows_meets_its_equation():
    """E15 with technology of one's own, in closed form: the residual asked for, exactly."""
    tangent, _, cells = at_a_solution(*directed())
    rng = np.random.default_rng(2)
    d = cells.unpack(rng.normal(size=(cells.size, 3)))
    d = d._replace(research_x=0 * d.research_x, research_e=0 * d.research_e)
    region, active = tangent.region, tangent.system.research.active_e[..., None]
    price = rng.normal(size=(*tangent.a.sources.price.shape, 3))
    reward = rng.normal(size=d.output[:, region.users].shape)
    excess = rng.normal(size=d.research_e.shape)
    research = region.follow(d, price, reward, excess)
    reply = region.respond(d._replace(research_e=research), price)
    found = research - (reply.share_e + reward[:, :, None]) * active
    np.testing.assert_allclose(found, excess * active, atol=1e-10)
    assert active.any()


def test_regions_taken_alone_learn_only_when_told():
    tangent, _, cells = at_a_solution(*directed())
    d = cells.unpack(np.random.default_rng(3).normal(size=(cells.size, 1)))
    alone, learning = (tangent.at_home(research)(d) for research in (False, True))
    np.testing.assert_array_equal(alone.research_x, d.research_x)
    assert not np.allclose(learning.research_x, d.research_x)


def shared_good():
    """In each region ore is made by two sectors, by one of them beside its own good."""
    make = np.tile(np.eye(3), (2, 1, 1))
    make[1, 1, 2], make[1, 2, 2], make[0, 0, 2], make[0, 2, 2] = 0.7, 0.3, 0.4, 0.6
    return with_mines(make, bought=np.array([0.2, 0.2]))


def test_a_good_of_two_sectors_is_solved_though_each_block_is_singular_alone():
    """Regions and chain taken alone do not tell who makes the good: the whole does, as another method agrees."""
    shock = Shock(productivity=np.array([[1, 1.01, 1], [1, 1, 1.01]]))
    solution = solve(shared_good(), shock, ALONE)
    problem = Equilibrium(solution.system)
    tangent = linearise(solution.system, solution.allocation)
    problem.preconditioner.renew(tangent, regions=True, chain=True)
    assert problem.preconditioner.chain is not None
    sizes = np.linalg.svd(problem.preconditioner.chain._assemble(tangent))[1]
    assert sizes[-1] < 1e-14 * sizes[0], "the case that is meant"
    other = root(lambda x: problem.evaluate(x).residual, problem.start(), method="hybr", tol=1e-12)
    assert other.success
    np.testing.assert_allclose(problem.cells.pack(solution.allocation.state), other.x, atol=1e-8)


@pytest.mark.parametrize("scale", [1.0, 1e-12])
def test_factors_of_a_singular_matrix_are_those_of_it_where_it_is_regular(scale):
    rng = np.random.default_rng(0)
    left, _ = np.linalg.qr(rng.normal(size=(6, 6)))
    right, _ = np.linalg.qr(rng.normal(size=(6, 6)))
    matrix = (left * [3.0, 2.0, 1.0, 1.0, 0.5, 0.0]) @ right
    matrix[2] *= scale  # a row in another unit
    lu, pivots = factors(matrix)
    x = rng.normal(size=6)
    x -= right[-1] * (right[-1] @ x)  # no part in the direction that is lost
    found, _ = dgetrs(lu, pivots, matrix @ x)
    np.testing.assert_allclose(matrix @ found, matrix @ x, atol=1e-12)
    assert np.abs(found).max() < 100
    whole = matrix + np.outer(left[:, -1], right[-1])
    found, _ = dgetrs(*factors(whole), whole @ x)
    np.testing.assert_allclose(found, x, atol=1e-9)
