"""Tables of the report: units that can be read, labels in words, no research where nothing comes of it."""

import numpy as np
import pandas as pd
import pytest

from outputs import facts, names, readable, tables
from outputs.readable import Change
from outputs.report import tabular

LEARNING = ["directed", "directed_with_spillovers"]


@pytest.mark.parametrize(
    ("percent", "text"),
    [
        (-0.00507, "-50.7 ppm"), (16.1, "16.1 %"), (-2.84, "-2.84 %"), (0.099, "990 ppm"), (0.1, "0.100 %"),
        (0.0, "0 ppm"), (-5e-12, "0 ppm"),
    ],
)  # fmt: skip
def test_a_change_is_shown_in_the_unit_that_suits_it(percent, text):
    assert str(Change(percent)) == text
    assert Change(percent) == percent


def test_columns_of_small_changes_are_in_ppm_and_others_stay():
    frame = pd.DataFrame(
        {
            "region": ["A", "B"],
            "sum [% of income]": [0.002, -0.05],
            "exports [%]": [0.002, 5.0],
            "x [t]": [1.0, 2.0],
        }
    )
    page = readable.page("first_order", frame, LEARNING)
    assert list(page.columns) == ["region", "sum [ppm of income]", "exports [%]", "x [t]"]
    np.testing.assert_allclose(page["sum [ppm of income]"], [20.0, -500.0])
    np.testing.assert_array_equal(page["exports [%]"], frame["exports [%]"])


def test_columns_show_no_rounding():
    frame = pd.DataFrame({"exports [%]": [-1.1e-14, 5.0, np.nan]})
    np.testing.assert_array_equal(readable.by_column(frame)["exports [%]"], [0.0, 5.0, np.nan])


def test_rows_of_different_things_have_units_of_their_own_and_equal_the_download(ds):
    frame = tables.all_tables(ds)["exposed_and_other_sectors"]
    shown = tabular.table(
        "exposed_and_other_sectors", frame, "cut", readable.page("exposed_and_other_sectors", frame, LEARNING)
    )
    assert [head for head, _ in shown.columns][2:] == ["exposed sectors", "other sectors", "rare-earth chain"]
    assert all(numeric for _, numeric in shown.columns[2:])
    kept = frame[(frame["measure"] != readable.PATENTS) | frame["regime"].isin(LEARNING)]
    for row, (_, full) in zip(shown.rows, kept.iterrows(), strict=True):
        for text, value in zip(row[2:], full.iloc[2:], strict=True):
            number, unit = text.split()
            scale = {"%": 1.0, "ppm": 1e4}[unit]
            assert float(number.replace(",", "")) == pytest.approx(scale * value, rel=6e-3, abs=1e-4)


def test_research_that_nothing_comes_of_is_on_no_page_but_in_the_download(ds):
    full = tables.all_tables(ds)
    fixed = full["exposed_and_other_sectors"].query(
        "regime == 'exogenous' and measure == 'rare-earth patents'"
    )
    assert abs(fixed["exposed [%]"].item()) > 0.1  # prices call for research under fixed technology, too
    assert not facts.learns(ds, "exogenous")
    for name in ("exposed_and_other_sectors", "research"):
        page = readable.page(name, full[name], LEARNING)
        idle = page[page["regime"] == "exogenous"]
        assert not len(idle) or readable.PATENTS not in set(idle["measure"])
        assert set(page["regime"]) >= set(LEARNING)
    slopes = tabular.table(
        "growth_on_exposure",
        full["growth_on_exposure"],
        "cut",
        readable.page("growth_on_exposure", full["growth_on_exposure"], LEARNING),
    )
    (patents,) = [row for row in slopes.rows if row[0] == readable.PATENTS]
    assert patents[1] == "–"
    assert "–" not in patents[2:]
    assert "exogenous" in slopes.csv
    assert (
        float(full["growth_on_exposure"].set_index("outcome").loc[readable.PATENTS, "exogenous [% per s.d.]"])
        != 0
    )


def test_labels_are_words_in_heads():
    assert (
        readable.head("directed_with_spillovers [million USD]")
        == "directed technology and spillovers [million USD]"
    )
    assert readable.head("magnet_chain [%]") == "rare-earth chain [%]"
    assert readable.head("abroad, change [%]") == "abroad, change [%]"


def test_large_amounts_are_in_billions():
    assert names.readable_money([9999.0, -3.0]) == ("million USD", 1.0)
    assert names.readable_money([12.0, -10000.0]) == ("billion USD", 1e-3)
    assert names.readable_money([]) == ("million USD", 1.0)
