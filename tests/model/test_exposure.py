"""Intensity and exposure: accounting identities, closed forms, another library's multipliers."""

import numpy as np
import pytest

import calibration
from model.exposure import (
    Flows,
    downstreamness,
    elasticity_of_score,
    embodied,
    embodied_routes,
    exposure,
    exposure_index,
    final_intensity,
    first_use,
    ghosh,
    governed_concentration,
    intensity,
    leontief_times,
    region_exposure,
    substitutability,
    supply_shares,
    upstreamness,
    world_table,
)  # fmt: skip
from tests.halves import split_benchmark
from tests.worlds import Sizes, world

REGIONS = 3


@pytest.fixture(scope="module", params=[1, 2])
def table(request):
    bench, _ = world(7, Sizes(REGIONS, 4, 2, request.param), licence=True)
    return bench, world_table(bench)


@pytest.fixture(scope="module")
def default():
    base = calibration.load("china-2009")
    return base, world_table(base.benchmark)


def by_hand(intermediate, final, used):
    """A world of one region: sales between sectors, final demand, tonnes of one element used."""
    intermediate, used = np.asarray(intermediate, float), np.asarray(used, float)
    output = intermediate.sum(axis=1) + np.asarray(final, float)
    return Flows(intermediate, np.asarray(final, float)[:, None], output, used[None, None], used[None, None])


# The table


def test_sales_add_up_to_output(table):
    _, flows = table
    np.testing.assert_allclose(
        flows.intermediate.sum(axis=1) + flows.final.sum(axis=1), flows.output, rtol=1e-12
    )


def test_a_table_that_feeds_on_itself_has_no_inverse():
    flows = by_hand([[1.0, 0.0], [0.0, 1.0]], [0.0, 1.0], [1.0, 0.0])
    with pytest.raises(ValueError, match="use up all they make"):
        flows.leontief  # noqa: B018


# Identities of the shipped base year


def test_embodied_use_is_all_use_in_the_default_calibration(default):
    _, flows = default
    found = intensity(flows)
    all_tonnes = flows.element_tonnes.sum(axis=2) * 1e3
    np.testing.assert_allclose(embodied(flows, found.total_kg).sum(axis=2), all_tonnes, rtol=1e-10)


def test_value_added_shares_sum_to_one_in_the_default_calibration(default):
    _, flows = default
    produced = flows.output > 0
    shares = leontief_times(flows, flows.value_added[None])[0]
    np.testing.assert_allclose(shares[produced], 1, atol=1e-10)


def test_the_dysprosium_of_china_is_what_its_separators_sell(default):
    base, flows = default
    china, dy = base.labels.regions.index("CHN"), base.labels.elements.index("Dy")
    good = base.labels.goods.index("Dy")
    made = base.benchmark.make[china, :, good] @ base.benchmark.output[china]
    tonnes = made * 1e6 / base.benchmark.unit_value[china, good] / 1e3
    np.testing.assert_allclose(
        embodied(flows, intensity(flows).total_kg)[dy, china].sum() / 1e3, tonnes, rtol=1e-10
    )


# Identities of any world


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


def test_total_is_the_sum_over_stages(table):
    _, flows = table
    result = intensity(flows)
    stage, total = result.direct_kg, np.zeros_like(result.direct_kg)
    for _ in range(200):
        total, stage = total + stage, stage @ flows.coefficients
    np.testing.assert_allclose(total, result.total_kg, rtol=1e-10)


def test_final_demand_contains_what_its_products_do(table):
    _, flows = table
    total = intensity(flows).total_kg
    spent = flows.final.reshape(REGIONS, -1, REGIONS).sum(axis=0).T
    contained = (final_intensity(flows, total, REGIONS) * spent).sum(axis=-1)
    np.testing.assert_allclose(contained, embodied(flows, total), rtol=1e-10)


def test_routes_add_up_by_first_user_and_by_final_buyer(table):
    _, flows = table
    result = intensity(flows)
    routes = embodied_routes(flows, result.direct_kg, REGIONS)
    np.testing.assert_allclose(routes.sum(axis=-2), embodied(flows, result.total_kg), rtol=1e-10)
    used = flows.element_tonnes.reshape(*flows.element_tonnes.shape[:2], REGIONS, -1).sum(axis=-1) * 1e3
    np.testing.assert_allclose(routes.sum(axis=-1), used, rtol=1e-10)


def test_all_of_an_elements_supply_is_distributed(table):
    """In the Ghosh view every unit is finally sold: shares times the final part of sales sum to 1."""
    _, flows = table
    shares = ghosh(flows)
    sold = flows.final.sum(axis=1) / flows.output
    np.testing.assert_allclose((shares * sold).sum(axis=1), 1, rtol=1e-10)


def test_intensity_does_not_see_how_regions_are_drawn(table):
    bench, flows = table
    cut = split_benchmark(bench, 1)
    whole, halves = intensity(flows).total_kg.sum(axis=1), intensity(world_table(cut)).total_kg.sum(axis=1)
    first = whole.reshape(len(whole), REGIONS, -1)
    again = halves.reshape(len(halves), REGIONS + 1, -1)
    np.testing.assert_allclose(again[:, :REGIONS], first, rtol=1e-10)
    np.testing.assert_allclose(again[:, REGIONS], first[:, 1], rtol=1e-10)


def test_stages_to_and_from(table):
    _, flows = table
    assert (upstreamness(flows) >= 1).all()
    assert (downstreamness(flows) >= 1).all()
    # Output-weighted upstreamness times final demand: total output over final demand is the mean of downstreamness.
    weight = flows.final.sum(axis=1) / flows.final.sum()
    np.testing.assert_allclose(
        weight @ downstreamness(flows), flows.output.sum() / flows.final.sum(), rtol=1e-10
    )
    primary = flows.value_added * flows.output
    np.testing.assert_allclose(
        primary @ upstreamness(flows) / primary.sum(), flows.output.sum() / primary.sum(), rtol=1e-10
    )


# Closed forms


def test_a_chain_by_hand():
    """Ore-like A sells all to B, which sells to final demand; 5 t of the element are used by A, 1 t by B."""
    flows = by_hand([[0.0, 50.0], [0.0, 0.0]], [0.0, 200.0], [5.0, 1.0])
    result = intensity(flows)
    np.testing.assert_allclose(result.direct_kg[0, 0], [100.0, 5.0])
    np.testing.assert_allclose(result.total_kg[0, 0], [100.0, 30.0])  # 6 t in 200 million USD of B
    np.testing.assert_allclose(upstreamness(flows), [2, 1])
    np.testing.assert_allclose(downstreamness(flows), [1, 1.25])


def test_a_sector_that_buys_from_itself():
    flows = by_hand([[25.0]], [75.0], [3.0])
    np.testing.assert_allclose(intensity(flows).total_kg[0, 0], [30.0 / (1 - 0.25)])
    np.testing.assert_allclose(upstreamness(flows), [1 / (1 - 0.25)])


def test_concentration_of_a_badly_governed_monopoly_is_one():
    assert governed_concentration(np.array([1.0, 0.0]), np.array([-2.5, 2.5])) == 1
    assert governed_concentration(np.array([0.0, 1.0]), np.array([-2.5, 2.5])) == 0
    np.testing.assert_allclose(governed_concentration(np.full(4, 0.25), np.zeros(4)), 0.5 / 4)


def test_elasticities_run_from_the_best_to_the_worst_score():
    np.testing.assert_allclose(elasticity_of_score(np.array([0.0, 0.5, 1.0]), 0.1, 0.9), [0.9, 0.5, 0.1])


# Another library


@pytest.mark.filterwarnings("ignore")
def test_multipliers_agree_with_pymrio(default):
    pymrio = pytest.importorskip("pymrio")
    import pandas as pd

    base, flows = default
    produced = flows.output > 0
    nodes = pd.MultiIndex.from_product([base.labels.regions, base.labels.sectors], names=["region", "sector"])
    elements = pd.MultiIndex.from_product([base.labels.elements, base.labels.regions])
    z = pd.DataFrame(flows.intermediate, index=nodes, columns=nodes)
    x = pd.DataFrame(flows.output[:, None], index=nodes, columns=["indout"])
    use = pd.DataFrame(flows.element_tonnes.reshape(-1, len(nodes)) * 1e3, index=elements, columns=nodes)
    inverse = pymrio.calc_L(pymrio.calc_A(z, x))
    multipliers = pymrio.calc_M(pymrio.calc_S(use, x), inverse).to_numpy()
    ours = intensity(flows).total_kg.reshape(multipliers.shape)
    np.testing.assert_allclose(ours[:, produced], multipliers[:, produced], rtol=1e-10, atol=1e-12)
    forward = pymrio.calc_G(pymrio.calc_B(z, x)).to_numpy()
    np.testing.assert_allclose(upstreamness(flows)[produced], forward.sum(axis=1)[produced], rtol=1e-10)
    value = flows.element_value.sum(axis=1) / flows.element_value.sum(axis=(1, 2))[:, None]
    np.testing.assert_allclose(
        ghosh(flows)[..., produced], (value @ forward)[..., produced], rtol=1e-10, atol=1e-14
    )
    footprint = multipliers @ flows.final
    np.testing.assert_allclose(
        embodied(flows, intensity(flows).total_kg).reshape(footprint.shape), footprint, rtol=1e-10, atol=1e-10
    )


# Substitutability and the index


def test_scores_are_means_over_the_mix(table):
    bench, flows = table
    users = bench.use[:, bench.elements].sum(axis=1) > 0
    np.testing.assert_allclose(substitutability(bench, np.array([70.0, 70.0]))[users], 0.7)
    assert (substitutability(bench, np.array([70.0, 70.0]))[~users] == 0).all()
    by_node = np.full((2, len(flows.output)), 70.0)
    np.testing.assert_allclose(
        substitutability(bench, by_node), substitutability(bench, np.array([70.0, 70.0]))
    )


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


def test_the_index_is_the_product_of_its_parts(table):
    _, flows = table
    index = exposure_index(
        flows, np.array([100.0, 50.0]), np.array([True, False, False]), np.array([0.3, 0.8])
    )
    product = index.intensity * index.dependence * index.non_substitutability * index.concentration
    np.testing.assert_allclose(product, index.index, rtol=1e-12)
    for part in (index.dependence, index.non_substitutability, index.concentration):
        assert (part >= 0).all()
        assert (part <= 1 + 1e-12).all()
    assert (index.concentration >= 0.3 - 1e-12).all()
    assert (index.concentration <= 0.8 + 1e-12).all()


def test_without_concentration_it_is_the_exposure_of_section_9(table):
    bench, flows = table
    score, restricting = np.array([100.0, 50.0]), np.array([True, False, True])
    index = exposure_index(flows, score, restricting, np.ones(2))
    plain = exposure(bench, intensity(flows).total_usd, score, restricting)
    np.testing.assert_allclose(index.index.reshape(plain.shape), plain, rtol=1e-12)


def test_what_stays_inside_the_restricting_region_does_not_cross_the_border(table):
    _, flows = table
    score, restricting = np.array([100.0, 50.0]), np.array([True, False, False])
    everywhere = exposure_index(flows, score, restricting, np.ones(2))
    abroad = exposure_index(flows, score, restricting, np.ones(2), crossing=True)
    at_home = first_use(flows, score, restricting)[2] - first_use(flows, score, restricting, crossing=True)[2]
    np.testing.assert_allclose(
        everywhere.index - abroad.index, leontief_times(flows, at_home).sum(axis=0), atol=1e-9
    )
    own = np.repeat(restricting, len(flows.output) // REGIONS)
    assert (at_home[:, ~own] == 0).all()
    assert (at_home[:, own].sum(axis=0) > 0).any()


def test_regions_together_are_exposed_to_all_that_is_at_risk(table):
    _, flows = table
    score, restricting = np.array([100.0, 50.0]), np.array([True, False, False])
    index = exposure_index(flows, score, restricting, np.ones(2))
    first = first_use(flows, score, restricting)[2].sum(axis=0)
    regions = region_exposure(flows, index.index, first)
    spent = flows.final.sum(axis=0)
    np.testing.assert_allclose(regions.consumption @ spent / 1e6, regions.at_risk.sum(), rtol=1e-10)
    np.testing.assert_allclose(first @ flows.output / 1e6, regions.at_risk.sum(), rtol=1e-10)


def test_supply_is_shared_among_origins(table):
    _, flows = table
    np.testing.assert_allclose(supply_shares(flows).sum(axis=1), 1)


@pytest.mark.parametrize("crossing", [False, True])
def test_first_use_in_loops(table, crossing):
    """By element and node: all, of restricting origins, and of these hard to replace; at home or not."""
    bench, flows = table
    sectors = bench.output.shape[1]
    restricting, rng = np.array([True, False, True]), np.random.default_rng(0)
    for score in (np.array([30.0, 90.0]), rng.uniform(0, 100, (2, len(flows.output)))):
        found = first_use(flows, score, restricting, crossing=crossing)
        for e, m in np.ndindex(2, len(flows.output)):
            usd = [flows.element_value[e, i, m] / flows.output[m] * 1e6 for i in range(REGIONS)]
            risk = usd[0] + usd[2]
            if crossing and restricting[m // sectors]:
                risk = 0.0
            hard = risk * (score[e] if score.ndim == 1 else score[e, m]) / 100
            np.testing.assert_allclose(found[:, e, m], [sum(usd), risk, hard], rtol=1e-12)
