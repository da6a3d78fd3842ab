"""Numbers of a calibration changed without a file."""

import dataclasses
import importlib
import pickle

import numpy as np
import pytest

import calibration
from calibration.errors import InputError

load, vary = (importlib.import_module(f"calibration.{name}") for name in ("load", "vary"))
BASE = calibration.load("china-2009")


def position(names, name):
    return names.index(name)


def test_a_single_number_is_set_and_a_table_is_scaled():
    varied = calibration.vary(BASE, {"spillover": 0.02, "magnet_price": 1.5, "magnet_price.JPN": 2.0})
    assert varied.benchmark.parameters.spillover[0, 0] == 0.02
    magnets = position(BASE.labels.sectors, "magnets")
    ratio = varied.benchmark.output[:, magnets] / np.maximum(BASE.benchmark.output[:, magnets], 1e-300)
    japan, china = position(BASE.labels.regions, "JPN"), position(BASE.labels.regions, "CHN")
    assert ratio[china] == pytest.approx(1.5)
    assert ratio[japan] == pytest.approx(3.0)


def test_nothing_changed_is_the_same_to_the_bit():
    same = calibration.vary(BASE, {})
    for name in ("output", "use", "trade_share", "factor_payment", "deficit"):
        assert np.array_equal(getattr(same.benchmark, name), getattr(BASE.benchmark, name)), name


@pytest.mark.parametrize("beyond", [0.5, 2.0])
def test_a_number_outside_its_range_widens_it(beyond):
    """So that nothing shows a value beside a range that it is not in."""
    low, high = BASE.settings.parameters.ree_elasticity_max.range
    value = low * beyond if beyond < 1 else high * beyond
    varied = calibration.vary(BASE, {"ree_elasticity_max": value})
    (row,) = (row for row in varied.parameters_table if row.name == "ree_elasticity_max")
    assert row.value == value
    assert row.range == (min(low, value), max(high, value))
    within = calibration.vary(BASE, {"ree_elasticity_max": (low + high) / 2})
    assert within.settings.parameters.ree_elasticity_max.range == (low, high)


def test_a_cell_of_a_grid_is_scaled():
    varied = calibration.vary(BASE, {"ore_composition.ion_clay.Dy": 2.0})
    element = position(BASE.labels.elements, "Dy")
    assert varied.chain.production[0, element] > 1.5 * BASE.chain.production[0, element]


def test_shares_still_add_to_one():
    varied = calibration.vary(BASE, {"ore_mix.CHN.ion_clay": 1.5, "concentrate_destination": 1.1})
    mix = varied.settings.rare_earths.ore_mix.value["CHN"]
    assert sum(mix.values()) == pytest.approx(1)
    assert mix["ion_clay"] == pytest.approx(0.3 / 1.1)
    assert varied.chain.production[0].sum() == pytest.approx(BASE.chain.production[0].sum(), rel=0.02)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"magnet_prize": 1.0}, "unknown parameter 'magnet_prize'.*did you mean magnet_price"),
        ({"magnet_price.JPM": 1.0}, "no such number"),
        ({"spillover.x": 1.0}, "no such number"),
        ({"spillover_region": 1.0}, "is no number"),
        ({"value_added_share": 9.0}, "less than or equal to 1"),
        ({"mine_output.CHN": 0.1}, "export more of an element"),
    ],
)
def test_what_cannot_be_is_refused(changes, said):
    with pytest.raises(InputError, match=said):
        calibration.vary(BASE, changes)


def test_a_calibration_can_be_sent_to_another_process():
    again = pickle.loads(pickle.dumps(BASE))  # noqa: S301
    assert np.array_equal(again.benchmark.output, BASE.benchmark.output)
    assert again.labels == BASE.labels
    assert calibration.vary(again, {"learning": 0.2}).benchmark.parameters.learning == 0.2


@pytest.mark.parametrize("end", [0, 1])
def test_every_parameter_can_go_to_either_end_of_its_range(end):
    for entry in BASE.parameters_table:  # a hundred builds of 30 ms
        if entry.range is not None:
            calibration.vary(BASE, {entry.name: entry.range[end]})


def test_parameters_changed_alone_give_what_building_all_again_gives():
    changes = {"supply_elasticity.ree_mining": 1.4, "ree_elasticity_max": 0.3, "research_intensity": 1.2}
    quick = calibration.vary(BASE, changes)
    whole = load.build(
        vary.changed(BASE.settings, changes),
        BASE.document,
        BASE.concordance,
        BASE.host,
        BASE.path,
        BASE.hashes,
    )
    for one, other in ((quick, whole), (quick.benchmark, whole.benchmark)):
        for field in dataclasses.fields(one):
            if field.name not in (
                "benchmark",
                "parameters",
                "chain",
                "carved",
                "host",
                "document",
                "concordance",
            ):
                np.testing.assert_equal(getattr(one, field.name), getattr(other, field.name), field.name)
    for field in dataclasses.fields(quick.benchmark.parameters):
        np.testing.assert_equal(
            getattr(quick.benchmark.parameters, field.name), getattr(whole.benchmark.parameters, field.name)
        )
    assert (quick.benchmark.factor_payment != BASE.benchmark.factor_payment).any()
    assert calibration.vary(BASE, {"ree_elasticity_max": 0.3}).benchmark.data is BASE.benchmark.data
