"""Numbers of a calibration that the shipped files leave at one or zero, or far from their limits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import yaml

import calibration
from calibration.inherit import FOLDER
from calibration.load import _notes

NAME = "china-2009-small"


@pytest.fixture(scope="module")
def base():
    return calibration.load(NAME)


def parameters(base, **changes):
    return calibration.vary(base, changes).benchmark.parameters


def test_research_on_other_inputs_has_its_own_elasticity_and_spillover(base):
    """As ratios to those of rare earths: of what research adds, and of what that of others does."""
    before = base.benchmark.parameters
    after = parameters(base, innovation_elasticity_other=0.5)
    np.testing.assert_array_equal(after.innovation_elasticity[:, :-1], before.innovation_elasticity[:, :-1])
    np.testing.assert_allclose(after.innovation_elasticity[:, -1], 0.5 * after.innovation_elasticity[:, 0])
    assert before.innovation_elasticity[0, 0] not in (0.0, 1.0)
    spread = before.spillover[0, 0]
    assert 0 < spread < 1
    for ratio in (0.0, 0.25, 1.0):
        found = parameters(base, spillover_other=ratio).spillover
        np.testing.assert_array_equal(found[:, :-1], spread)
        np.testing.assert_allclose(found[:, -1], ratio * spread)


def test_what_is_worked_up_for_export_is_limited(base):
    """Exports beyond what a region sells of its own, over what it buys; no more than the limit of the file."""
    limit = base.settings.rare_earths.reprocessing_share_limit.value
    found = {
        share: calibration.vary(base, {"reprocessing_share_limit": share}).chain.reprocessed
        for share in (0.05, limit)
    }
    assert found[limit].max() == limit
    np.testing.assert_allclose(found[0.05], np.minimum(found[limit], 0.05))
    assert (found[0.05] < found[limit]).any()


@pytest.mark.parametrize("name", ["china-2009", "world-2024"])
def test_a_parameter_is_soft_when_it_is_recalled_or_judged_or_part_of_it_is(name):
    """By the files alone: the status, and the values that are named as soft."""
    base = calibration.load(name)
    merged = {}
    for path in reversed(
        [path for path in base.hashes if path.endswith(".yaml") and "concordance" not in path]
    ):
        file = FOLDER / path
        if not file.is_file():
            continue
        given = yaml.safe_load(file.read_text(encoding="utf-8"))
        for section in ("rare_earths", "parameters"):
            merged |= given.get(section, {})
    partly = 0
    for row in base.parameters_table:
        entry = merged[row.name]
        recalled = entry["status"] in ("memory", "analyst")
        assert row.soft is (recalled or bool(entry.get("soft"))), row.name
        partly += row.soft and not recalled
    assert partly > 0


@pytest.mark.parametrize(("off", "noted"), [(0.4, False), (-0.4, False), (3.0, True), (-3.0, True)])
def test_what_the_source_states_of_output_is_noted_when_it_is_off(base, off, noted):
    """By more than half a million USD, with the largest difference in the note."""
    sold = base.host.intermediate_trade.sum(1) + base.host.final_trade.sum(1)
    stated = sold.copy()
    stated[1, 2] += off
    notes = _notes(replace(base.host, stated_output=stated), base.carved, 0.0, 0.0)
    text = f"Output is the sum of sales; the source table states it within {abs(off):.0f} million USD."
    assert (text in notes) is noted
    assert len(notes) == len(base.carved.moved) + noted
