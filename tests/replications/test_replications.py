"""Other people's numbers: every row of docs/replications.md, and how errors shrink."""

from pathlib import Path

import numpy as np
import pytest

from tests import single_sector
from tests.replications import report

PAGE = Path(__file__).parents[2] / "docs" / "replications.md"
SECTIONS = tuple(report.SECTIONS)


@pytest.mark.parametrize("section", SECTIONS)
def test_ours_is_theirs(section):
    found = [row for row in report.rows() if row.section == section]
    assert found
    for row in found:
        assert abs(row.ours - row.theirs) <= row.tolerance, row


def test_every_row_is_shown():
    assert {row.section for row in report.rows()} == set(SECTIONS)


def test_the_page_shows_these_numbers():
    assert PAGE.read_text(encoding="utf-8") == report.page()


def test_second_order_leaves_an_error_of_third_order():
    sizes = np.array([0.2, 0.1, 0.05, 0.025])
    for sign in (1, -1):
        found = np.array(report.second_order(report.closed_economy(), report.METALS, sign * sizes))
        first, second = (np.abs(found[:, 0] - found[:, column]) for column in (1, 2))
        assert np.all(np.abs(np.log2(first[:-1] / first[1:]) - 2) < 0.2)
        assert np.all(np.abs(np.log2(second[:-1] / second[1:]) - 3) < 0.2)


# (elasticity, cut, lambda) -> loss in %, and half a unit of its last digit; the input's share is 1e-4
ROUNDED = {
    (0.1, 0.8, None): (44.0, 0.5), (0.1, 0.8, 1.0): (0.036, 5e-4), (0.1, 0.4, None): (0.109, 5e-4),
    (0.1, 0.4, 1.0): (0.0065, 5e-5), (0.2, 0.8, None): (1.50, 5e-3), (0.2, 0.8, 1.0): (0.033, 5e-4),
    (0.2, 0.4, None): (0.017, 5e-4), (0.2, 0.4, 1.0): (0.0063, 5e-5),
}  # fmt: skip


@pytest.mark.parametrize(("case", "rounded"), ROUNDED.items())
def test_losses_round_to_the_known_table(case, rounded):
    elasticity, cut, innovation = case
    loss, half = rounded
    assert abs(100 * single_sector.loss(1e-4, elasticity, cut, innovation) - loss) <= half


def test_caliendo_and_parro_moves_the_world():
    """The comparison is not of two standstills."""
    _, theirs = report.caliendo_parro("shipped")
    assert np.ptp(theirs.wage) > 0.01
    assert np.abs(theirs.welfare - 1).max() > 0.005
    assert theirs.tariff_revenue.min() > 0


def test_sectors_and_intermediates_raise_the_gains():
    """The ranking that Costinot and Rodriguez-Clare (2014) report for every country."""
    losses = {row.what: row.ours for row in report.rows() if row.section == "autarky"}
    for region in ("USA", "DEU", "CHN"):
        one, many, inputs = (
            losses[f"{region}, {k}"] for k in ("one sector", "31 sectors", "31 sectors and intermediates")
        )
        assert one < many < inputs
