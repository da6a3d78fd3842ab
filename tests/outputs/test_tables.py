"""CSV tables: units in the head, full precision, nothing a spreadsheet would run."""

import csv

import numpy as np
import pytest

from calibration.tables import Column, format_csv, read_csv
from outputs import facts, findings, names, pricefacts, summary, tables
from outputs.report import tabular
from tests.outputs.conftest import HOSTILE


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.reader(line for line in stream if not line.startswith("#")))


def test_tables_read_back_to_the_same_numbers(runs, ds):
    names = [str(r) for r in ds["regime"].values]
    columns = [Column("region"), *(Column(r, "number", unit) for r in names for unit in ("million USD",))]
    path = runs.folders[0] / "tables" / "real_income.csv"
    all_columns = [*columns, *(Column(f"{r}", "number", "%") for r in names)]
    by_header = {column.header: column for column in all_columns}
    table = rows_of(path)
    assert set(table[0]) == set(by_header)
    at = table[0].index("directed [million USD]")
    found = [float(row[at]) for row in table[1:4]]
    np.testing.assert_array_equal(found, ds["equivalent_variation"].sel(regime="directed"))


def test_every_column_of_numbers_has_a_unit(ds):
    for name, table in tables.all_tables(ds).items():
        for column in table.columns:
            if table[column].dtype.kind == "f" and name != "residuals":
                assert "[" in column, (name, column)


def test_what_a_spreadsheet_would_run_is_text(runs):
    cells = [cell for row in rows_of(runs.folders[0] / "parameters.csv") for cell in row]
    assert any("HYPERLINK" in cell for cell in cells)
    assert not any(cell.startswith(("=", "+", "@")) for cell in cells)
    assert HOSTILE in cells


def test_parameters_keep_their_source_and_status(runs):
    table = read_csv(
        runs.folders[0] / "parameters.csv",
        [Column("name"), Column("value"), Column("unit"), Column("source"), Column("status"),
         Column("range", required=False), Column("soft"), Column("soft values", required=False)],
    )  # fmt: skip
    assert list(table["status"]) == ["seen", "analyst", "memory"]
    assert list(table["soft"]) == ["false", "true", "true"]


def test_tables_of_every_regime_are_stacked(ds):
    table = tables.all_tables(ds)["prices"]
    assert list(dict.fromkeys(table["regime"])) == [str(r) for r in ds["regime"].values]
    assert len(table) == ds.sizes["regime"] * ds.sizes["element"]


def test_an_element_that_is_not_exported_has_no_price_abroad(ds):
    bare = ds.copy(deep=True)
    own = bare["restricting"].values > 0
    bare["base_tonnes"].values[np.ix_(own, ~own, [0])] = 0.0
    first, second = (str(e) for e in bare["element"].values)
    table = pricefacts.table(bare, "exogenous").set_index("element")
    assert table.loc[first, [c for c in table.columns if c.startswith("abroad")]].isna().all()
    assert table.loc[first].filter(like="home").notna().all()
    assert table.loc[second].notna().all()
    written = tables.all_tables(bare)["prices"].set_index("element").loc[first, "abroad [USD/kg]"]
    assert list(written) == [None] * bare.sizes["regime"]
    format_csv(tables.columns(tables.all_tables(bare)["prices"]))
    rows = {row[0]: row[1:] for row in tabular.element_cards(bare)[first]["rows"]}
    assert set(rows["abroad, change [%]"]) == {"not exported"}
    shown = tabular.table("prices", tables.all_tables(bare)["prices"], "cut")
    assert any("not exported" in row for row in shown.rows) and dict(shown.columns)["abroad [USD/kg]"]
    line = next(one.text for one in summary.scenario(bare, 100) if one.text.startswith("abroad, base"))
    assert line.split()[3] == "-"
    assert "nan" not in str(findings.findings(bare)).lower()


def test_every_column_that_can_lack_a_price_says_why(ds):
    columns = pricefacts.table(ds, "exogenous").columns
    lacking = [c for c in columns if "USD/kg" in c or "change" in c]
    assert {pricefacts.no_price(c) for c in lacking} == {"not exported", "not made", "not bought"}
    for column in set(columns) - set(lacking):
        with pytest.raises(ValueError, match="holds no price; columns that do begin with abroad, home"):
            pricefacts.no_price(column)


@pytest.mark.parametrize(
    "name", ["real_income", "prices", "quotas", "sectors", "research", "security", "forces", "residuals"]
)
def test_no_table_holds_a_hole(ds, name):
    table = tables.all_tables(ds)[name]
    assert len(table)
    assert not table.isna().any().any()


def test_research_and_patents_of_a_group_change_by_their_totals(solved, ds):
    """E15, E20: what a group spends on research, added up after and before; sectors without any do not count."""
    b = solved.plan.benchmark
    outlay = b.research_share * (1 + b.subsidy) * b.output
    cost = b.use.sum(axis=1) + b.factor_payment.sum(axis=1)
    spent = outlay[:, None] * b.use[:, b.elements] / np.where(cost > 0, cost, 1.0)[:, None]  # (n,e,j)
    grown = spent * ds["research"].sel(regime="directed").values[:, :, :-1].transpose(0, 2, 1)
    groups = facts.sector_groups({name: ds[name].values for name in ("restricting", "chain", "exposed")})
    row = facts.sectors(ds).set_index(["regime", "measure"]).loc[("directed", "rare-earth patents")]
    for name, cells in groups.items():
        before, after = ((values * cells[:, None]).sum() for values in (spent, grown))
        assert row[f"{name} [%]"] == pytest.approx(100 * (after / before - 1 if before else 0.0), abs=1e-9)
    outside = ds["restricting"].values == 0
    by_element = 100 * (grown[outside].sum(axis=(0, 2)) / spent[outside].sum(axis=(0, 2)) - 1)
    table = facts.research(ds, "directed").set_index("technology")["outside [%]"]
    np.testing.assert_allclose(table.drop("X"), by_element, atol=1e-9)


def test_readable_units():
    assert names.readable_unit([0.05, -0.09]) == ("ppm", 1e4)
    assert names.readable_unit([0.05, -0.2]) == ("%", 1.0)
    assert names.readable_unit([]) == ("%", 1.0)


@pytest.mark.parametrize(("change", "told"), [(0.02, "2 %"), (2e-5, "20 ppm")])
def test_small_changes_of_exports_are_compared_in_millionths(ds, change, told):
    """All exports grow alike; one unit for all runs and regimes that stand side by side."""
    grown, still = (
        ds.assign(exports_volume=ds["exports_volume"].copy(data=np.full(ds["exports_volume"].shape, 1 + by)))
        for by in (change, 0.0)
    )
    *_, (label, values) = tabular.headlines([(grown, "exogenous"), (still, "exogenous")]).items()
    size, unit = told.split()
    assert label == f"exports of exposed sectors [{unit}]"
    assert values == pytest.approx([float(size), 0.0], abs=1e-9)
