"""The pieces of the builder: balancing, mixes, falls of stocks, carving, income shares."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.balance import ras
from calibration.base_year import remove_negative_final
from calibration.carve import CarveData, carve
from calibration.chain import ChainData, build_chain, tilted_mix
from calibration.errors import InputError
from calibration.parameters import resource_share
from calibration.rebase import rebase
from calibration.sources.table import WorldTable

SEEDS = st.integers(0, 2**32 - 1)


@given(SEEDS, st.integers(2, 7), st.integers(2, 6))
def test_ras_meets_totals_and_keeps_odds_ratios(seed, rows, columns):
    rng = np.random.default_rng(seed)
    prior = rng.uniform(0.1, 10, (rows, columns))
    target = rng.uniform(0.1, 10, (rows, columns))
    found = ras(prior, target.sum(1), target.sum(0))
    np.testing.assert_allclose(found.sum(1), target.sum(1), rtol=1e-9)
    np.testing.assert_allclose(found.sum(0), target.sum(0), rtol=1e-9)
    # The solution is prior times a row factor times a column factor: cross ratios stay.
    change = np.log(found / prior)
    np.testing.assert_allclose(change - change[:1] - change[:, :1] + change[0, 0], 0, atol=1e-8)


def test_ras_keeps_zeros_and_refuses_what_cannot_be():
    prior = np.array([[1.0, 0.0], [1.0, 1.0]])
    found = ras(prior, np.array([1.0, 3.0]), np.array([2.0, 2.0]))
    assert found[0, 1] == 0
    with pytest.raises(ValueError, match="add to"):
        ras(prior, np.array([1.0, 3.0]), np.array([2.0, 3.0]))
    with pytest.raises(ValueError, match="not negative"):
        ras(-prior, np.array([1.0, 3.0]), np.array([2.0, 2.0]))
    with pytest.raises(ValueError, match="cannot"):
        ras(prior, np.array([3.0, 1.0]), np.array([2.0, 2.0]))


@given(SEEDS)
def test_a_tilted_mix_has_the_unit_value_asked_for(seed):
    rng = np.random.default_rng(seed)
    prior, price = rng.dirichlet(np.ones(8)) + 1e-4, rng.lognormal(2, 1.5, 8)
    mean = rng.uniform(1.05 * price.min(), 0.95 * price.max())
    mix = tilted_mix(prior, price, mean)
    assert mix @ price == pytest.approx(mean, rel=1e-9)
    assert mix.sum() == pytest.approx(1)
    tilt = np.log(mix / prior)
    slope = np.polyfit(np.log(price), tilt, 1)
    np.testing.assert_allclose(tilt, np.polyval(slope, np.log(price)), atol=1e-6)


def test_a_unit_value_outside_all_prices_leaves_the_mix_as_it_was():
    prior = np.array([0.2, 0.3, 0.5])
    np.testing.assert_allclose(tilted_mix(prior, np.array([3.0, 5.0, 9.0]), 2.0), prior)


def test_falls_of_stocks_leave_output_or_count_as_output():
    final = np.zeros((1, 3, 2))
    final[0, :, 0] = [-10, 30, 20]  # total 40 is kept
    final[0, :, 1] = [-10, 4, 1]  # falls exceed sales by 5
    found, moved, added = remove_negative_final(final)
    assert found.min() == 0
    assert found[0, :, 0].sum() == pytest.approx(40)
    np.testing.assert_allclose(found[0, :, 0], [0, 24, 16])
    np.testing.assert_allclose(found[0, :, 1], 0)
    assert moved == pytest.approx(20)
    assert added == pytest.approx(5)


@given(st.floats(0.06, 2.0), st.floats(0.3, 0.8), st.floats(0.05, 0.5))
def test_the_resource_share_gives_the_supply_elasticity(elasticity, value_added, factor):
    nu = float(resource_share(np.array(elasticity), np.array(value_added), np.array(factor), np.array(0.02)))
    found = (factor * (1 - nu) / nu + 0.02 * (1 - value_added)) / value_added
    if 0.05 < nu < 0.95:
        assert found == pytest.approx(elasticity, rel=1e-9)


REGIONS, SECTORS, ELEMENTS, APPLICATIONS = 4, 5, 3, 2  # lengths that all differ
HOSTS = np.array([0, 1, 2])


def small_chain(seed):
    """A chain of 4 regions, 5 host sectors, 3 elements; region 0 keeps the customs."""
    rng = np.random.default_rng(seed)
    trade = np.zeros((REGIONS, REGIONS, 2))
    trade[0, 1:] = rng.uniform(20, 200, (REGIONS - 1, 2))
    value = trade * rng.uniform(6, 15, trade.shape) / 1e3
    concentrate = np.diag(rng.uniform(300, 900, REGIONS))
    concentrate[0, 0] = 20000
    concentrate[3, 2] = 50
    return ChainData(
        customs_origin=0,
        oxide_price=np.array([4.0, 3.0, 60.0]),
        export_tax=np.array([0.3, 0.3, 0.5]),
        licence=0.0,
        reo_content=np.array([0.9, 0.9, 1.0]),
        concentrate_trade=concentrate,
        concentrate_content=0.5,
        concentrate_price_limit=2.0,
        concentrate_cost_share=0.3,
        ore_composition=rng.uniform(5, 50, (2, ELEMENTS)),
        ore_mix=rng.dirichlet(np.ones(2), REGIONS),
        element_by_application=rng.uniform(1, 10, (APPLICATIONS, ELEMENTS)),
        application_to_sector=np.array(
            [[0, 0, 0, 1, 0, 0, 0, 0], [0, 0, 0.2, 0, 0.4, 0, 0, 0.4]], dtype=float
        ),
        application_by_region=rng.uniform(0.5, 2, (APPLICATIONS, REGIONS)),
        active=np.ones((REGIONS, SECTORS + 3), dtype=bool),
        home_share=np.full(REGIONS, 0.7),
        reprocessing_limit=0.3,
        reprocessing_sector=1,
        trade_tonnes=trade,
        trade_value=value,
        cerium=1,
    )


def carving(data):
    return CarveData(
        host=HOSTS,
        value_added_share=np.array([0.6, 0.3, 0.3]),
        border_wedge=data.export_tax,
        customs_origin=0,
        reo_content=data.reo_content,
        magnet_content=0.3,
        magnet_price=np.full(REGIONS, 60.0),
        magnet_home_share=np.full(REGIONS, 0.6),
        magnet_buyers=np.array([0, 0, 0.5, 0.3, 0.2]),
    )


def host_world(seed, size=3000.0):
    rng = np.random.default_rng(seed)
    trade = rng.uniform(0.2, 1, (REGIONS, REGIONS, SECTORS)) * size
    use = rng.uniform(0.2, 1, (REGIONS, SECTORS, SECTORS))
    use *= (trade.sum(0) / use.sum(2))[:, :, None]
    final = rng.uniform(2, 4, (REGIONS, REGIONS, SECTORS)) * size
    return trade, use, final


def test_a_destination_that_uses_cerium_alone_buys_nothing_else():
    """Its mix was no number."""
    data = small_chain(3)
    uses = np.array([[0.0, 5.0, 0.0], [2.0, 1.0, 3.0]])  # of the first application cerium, of the second all
    lean = np.ones((APPLICATIONS, REGIONS))
    lean[1, 2] = 0.0
    chain = build_chain(dataclasses.replace(data, element_by_application=uses, application_by_region=lean))
    np.testing.assert_allclose(chain.shipments[0, 2], [0, data.trade_tonnes[0, 2].sum(), 0], rtol=1e-12)
    assert (chain.shipments[0, [1, 3]] > 0).all()


@given(SEEDS)
def test_elements_made_are_elements_bought(seed):
    data = small_chain(seed)
    chain = build_chain(data)
    np.testing.assert_allclose(chain.shipments.sum(1), chain.production, rtol=1e-9)
    np.testing.assert_allclose(chain.sector_share.sum(2), 1, rtol=1e-12)
    reo = chain.production @ data.reo_content
    np.testing.assert_allclose(reo, data.concentrate_trade.sum(0), rtol=1e-9)
    exports = chain.shipments[0, 1:]
    np.testing.assert_allclose(exports.sum(1), data.trade_tonnes[0, 1:].sum(1), rtol=1e-9)
    paid = exports @ (data.oxide_price * data.reo_content) / 1e3
    np.testing.assert_allclose(paid, data.trade_value[0, 1:].sum(1), rtol=1e-6)


@given(SEEDS, st.sampled_from([3000.0, 60000.0]))
def test_carving_changes_no_total_of_the_host_table(seed, size):
    """Put into their hosts again, the stages give back the host's totals, and its cells where none went below zero."""
    data = small_chain(seed)
    chain = build_chain(data)
    trade, use, final = host_world(seed, size)
    found = carve(carving(data), chain, trade, use, final)
    k = SECTORS
    host_of_good = [*range(k), 0, *[1] * ELEMENTS, 2]
    host_of_sector = [*range(k), 0, 1, 2]
    whole = np.zeros_like(trade)
    for good, host in enumerate(host_of_good):
        whole[:, :, host] += found.trade[0, :, :, good]
    np.testing.assert_allclose(whole.sum(0), trade.sum(0), rtol=1e-9)
    np.testing.assert_allclose(whole.sum(1), trade.sum(1), rtol=1e-9)
    if not found.moved:
        np.testing.assert_allclose(whole, trade, rtol=1e-9)
    assert size < 10000 or not found.moved
    np.testing.assert_allclose(found.trade[1, :, :, :k], final)
    taxes = np.zeros((REGIONS, k + 3))
    for e in range(ELEMENTS):
        gate = chain.shipments[0, :, e] * chain.element_value[0, e] / 1e3
        gate[0] = 0
        taxes += (gate * data.export_tax[e])[:, None] * chain.sector_share[:, e]
    columns = np.zeros((REGIONS, k))
    for sector, host in enumerate(host_of_sector):
        columns[:, host] += found.use[:, :, sector].sum(1) - taxes[:, sector]
    np.testing.assert_allclose(columns, use.sum(1), rtol=1e-9)
    assert found.use.min() >= 0
    assert found.trade.min() >= 0


def test_carving_out_more_than_a_cell_holds_moves_it_within_the_totals():
    data = small_chain(1)
    chain = build_chain(data)
    trade, use, final = host_world(1)
    use[2, 1, 3], use[2, 1, 0] = 1e-6, use[2, 1, 0] + use[2, 1, 3] - 1e-6  # sector 3 buys almost no chemicals
    found = carve(carving(data), chain, trade, use, final)
    assert found.use.min() >= 0
    assert any(moved.region == 2 for moved in found.moved)
    plain = carve(carving(data), chain, *host_world(1))
    rows = found.use[2, :SECTORS].sum(1)
    np.testing.assert_allclose(rows[1], plain.use[2, 1].sum(), rtol=1e-9)


def test_taking_out_more_than_there_is_is_refused():
    data = small_chain(1)
    trade, use, final = host_world(1, size=0.5)
    with pytest.raises(InputError, match="more is taken out"):
        carve(carving(data), build_chain(data), trade, use, final)


def test_exports_beyond_output_are_refused():
    data = small_chain(1)
    greedy = dataclasses.replace(
        data, trade_tonnes=1e3 * data.trade_tonnes, trade_value=1e3 * data.trade_value
    )
    with pytest.raises(InputError, match="export more of an element"):
        build_chain(greedy)


def test_magnet_makers_need_room_for_value_added():
    data = small_chain(1)
    cheap = dataclasses.replace(carving(data), magnet_price=np.full(REGIONS, 3.0))
    with pytest.raises(InputError, match="magnets pays more for rare earths"):
        carve(cheap, build_chain(data), *host_world(1))


@given(SEEDS)
def test_a_rebased_table_has_the_new_sizes(seed):
    rng = np.random.default_rng(seed)
    n, k = 3, 4
    flows = rng.uniform(1, 10, (n, k, n, k))
    final = rng.uniform(20, 60, (n, k, n))
    table = WorldTable(
        "t", 2011, ("A", "B", "C"), tuple("wxyz"), flows, final, flows.sum((2, 3)) + final.sum(2)
    )
    growth = rng.uniform(0.6, 2.5, n)
    found = rebase(table, growth)

    def value_added(t):
        output = t.intermediate.sum((2, 3)) + t.final.sum(2)
        return output - t.intermediate.sum((0, 1))

    np.testing.assert_allclose(value_added(found), growth[:, None] * value_added(table), rtol=1e-7)
    np.testing.assert_allclose(found.output, growth[:, None] * table.output, rtol=1e-12)
    same = rebase(table, np.full(n, 1.7))
    np.testing.assert_allclose(same.intermediate, 1.7 * flows, rtol=1e-7)
