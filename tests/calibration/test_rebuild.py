"""From raw tables to a base year: the same bytes every time, any concordance, any unit, any order."""

from __future__ import annotations

import csv
import filecmp
import os
from pathlib import Path

import numpy as np
import pytest
import yaml

import calibration
from calibration import aggregate, host, rebuild
from calibration.errors import InputError
from calibration.load import build, find, read_settings
from model.records import SHORT, Quota, Shock
from model.solve import solve
from tests.calibration import raw_tables as raw
from tests.calibration import three

FOLDER = Path(calibration.__file__).parent
LABOUR_SHARES = {  # sectors whose industries the US accounts name (us_industries.csv)
    "food": (19,), "textiles": (20, 21), "leather": (21,), "wood": (8,), "petroleum": (24,), "chemicals": (25,),
    "plastics": (26,), "minerals": (9,), "metals": (10, 11), "machinery": (12,), "electrical_optical": (13, 14),
    "transport_equipment": (15, 16), "utilities": (6,), "construction": (7,),
}  # fmt: skip
SOURCE = os.environ.get("RARE_EARTH_SOURCE_DIR", "")
needs_source = pytest.mark.skipif(not SOURCE, reason="RARE_EARTH_SOURCE_DIR names no folder with raw tables")


@pytest.fixture
def small(tmp_path):
    source = tmp_path / "source"
    return three.write(tmp_path, source), source


def test_a_rebuild_gives_the_same_bytes(small, tmp_path):
    path, source = small
    for folder in ("once", "twice"):
        rebuild.rebuild(path, source, tmp_path / folder)
    same, *different = filecmp.cmpfiles(tmp_path / "once", tmp_path / "twice", host.FILES, shallow=False)
    assert sorted(same) == sorted(host.FILES)
    assert different == [[], []]


def test_another_table_with_another_concordance_balances_and_solves(small, tmp_path):
    path, source = small
    rebuild.rebuild(path, source, tmp_path / "three.tables")
    base = calibration.load(path)
    assert base.labels.regions == raw.COUNTRIES
    assert base.benchmark.shape == (3, 11, 20, 3, 10)
    china = base.labels.regions.index("CHN")
    covers = np.zeros((3, 3, 20), dtype=bool)
    covers[china][:, base.benchmark.elements] = True
    covers[china, china] = False
    tonnes = base.chain.shipments[china].sum() - base.chain.shipments[china, china].sum()
    quota = Quota("quota", covers, 0.8 * tonnes, np.ones(20))
    solution = solve(base.benchmark, Shock(quotas=(quota,)), SHORT)
    assert solution.converged
    assert solution.licence["quota"] > 0


def test_the_host_table_is_the_raw_table_summed(small):
    path, source = small
    found, notes = rebuild.host_from_source(path, source)
    flows, final, output = raw.world(3)
    flows = flows.reshape(3, 8, 3, 8)
    assert notes == ()
    for i in range(3):
        for k in range(8):
            assert found.stated_output[i, k] == output[8 * i + k]
            for n in range(3):
                assert found.intermediate_trade[i, n, k] == flows[i, k, n].sum()
                assert found.final_trade[i, n, k] == final.reshape(3, 8, 3, 5)[i, k, n].sum()
                for j in range(8):
                    assert found.use[n, k, j] == flows[:, k, n, j].sum()
    japan, china = 1, 0
    assert list(found.trade_tonnes[china, japan]) == [7000, 4000]
    assert list(found.trade_value[china, japan]) == [27, 60]


def test_totals_survive_grouping(small):
    path, source = small
    from calibration.sources import read_world_table

    table = read_world_table("wiod2013", source, "wiod2013_2009.npz", 2009)
    regions = {"ASIA": ("CHN", "JPN"), "ROW": ("ROW",)}
    sectors = {"a": raw.SECTORS[:3], "b": raw.SECTORS[3:]}
    grouped = aggregate.aggregate(table, regions, sectors)
    for name in ("intermediate", "final", "output"):
        assert getattr(grouped, name).sum() == pytest.approx(getattr(table, name).sum(), rel=1e-12)
    asia = table.intermediate[:2, :3, :2, 3:].sum()
    assert grouped.intermediate[0, 0, 0, 1] == pytest.approx(asia, rel=1e-12)


def test_what_a_reader_changed_is_told_to_the_end(small, tmp_path):
    path, source = small
    flows, final, output = raw.world(3)
    flows[3, 5], output[3] = -40.0, output[3] - flows[3, 5] - 40.0
    raw.write_npz(source / "wiod2013_2009.npz", flows, final, output)
    given = yaml.safe_load(path.read_text(encoding="utf-8"))
    given["sources"]["world_table"]["negative_flows"] = "zero"
    path.write_text(yaml.safe_dump(given), encoding="utf-8")
    _, notes = rebuild.rebuild(path, source, tmp_path / "three.tables")
    said = "1 negative flows between industries, 40 in all, set to zero."
    assert notes == (said,)
    assert f"# {said}" in (tmp_path / "three.tables" / "stated_output.csv").read_text(encoding="utf-8")


def test_a_country_under_another_name_is_told(small):
    path, source = small
    rows = (source / "baci.csv").read_text(encoding="utf-8")
    (source / "baci.csv").write_text(rows.replace("Japan", "Japan (mainland)"), encoding="utf-8")
    found, notes = rebuild.host_from_source(path, source)
    (said,) = notes
    assert "do not have Japan (is it Japan (mainland)?)" in said
    assert "is in ROW" in said
    assert found.trade_tonnes[0, 1].sum() == 0  # counted elsewhere, which is why it is told


@pytest.mark.parametrize("unknown", ["", "NA", "           NA"])
def test_a_quantity_that_the_trade_data_do_not_know_counts_as_none(small, unknown):
    """CEPII writes NA; it ended in a ValueError."""
    path, source = small
    rows = (source / "baci.csv").read_text(encoding="utf-8")
    (source / "baci.csv").write_text(rows.replace("60000,4000", f"60000,{unknown}"), encoding="utf-8")
    found, _ = rebuild.host_from_source(path, source)
    assert found.trade_tonnes[0, 1].tolist() == [7000, 0]
    assert found.trade_value[0, 1].tolist() == [27, 60]


@pytest.mark.parametrize("cell", ["-5", "nan", "inf", "many", '"1,5"'])
def test_a_quantity_that_is_none_is_refused_with_its_line(small, cell):
    """A negative one was taken away from what others shipped, without a word."""
    path, source = small
    rows = (source / "baci.csv").read_text(encoding="utf-8")
    (source / "baci.csv").write_text(rows.replace("60000,4000", f"60000,{cell}"), encoding="utf-8")
    with pytest.raises(InputError) as error:
        rebuild.host_from_source(path, source)
    (problem,) = error.value.problems
    assert (problem.line, problem.where) == (3, "column quantity_tonnes")
    (source / "baci.csv").write_text(rows.replace("quantity_tonnes", "tonnes"), encoding="utf-8")
    with pytest.raises(InputError, match="tonnes"):
        rebuild.host_from_source(path, source)


def test_a_country_that_no_region_holds_is_refused(small):
    """Without a region for the rest; it ended in a ValueError."""
    path, source = small
    concordance = path.parent / "three.concordance.yaml"
    concordance.write_text(concordance.read_text().replace("rest: ROW\n", ""))
    with pytest.raises(InputError, match=r"Chile is in no region of the concordance; expected `rest`"):
        rebuild.host_from_source(path, source)


def test_a_row_that_breaks_off_is_refused(small, tmp_path):
    """One number would otherwise be spread over every column."""
    path, source = small
    rebuild.rebuild(path, source, tmp_path / "three.tables")
    file = tmp_path / "three.tables" / "stated_output.csv"
    lines = file.read_text(encoding="utf-8").splitlines()
    lines[-1] = ",".join(lines[-1].split(",")[:2])
    file.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(InputError, match=f"stated_output.csv:{len(lines)}: 2 cells; expected 9, as above"):
        calibration.load(path)


@pytest.mark.parametrize(
    ("regions", "said"),
    [
        ({"A": ("CHN", "JPN")}, "economy 'ROW' stands in 0 groups"),
        ({"A": ("CHN", "JPN"), "B": ("JPN", "ROW")}, "economy 'JPN' stands in 2 groups"),
        ({"A": ("CHN", "JPN", "ROW", "Japn")}, "economy 'Japn' of group A is not in the source table"),
    ],
)
def test_a_concordance_must_be_complete_and_exclusive(small, regions, said):
    from calibration.sources import read_world_table

    table = read_world_table("wiod2013", small[1], "wiod2013_2009.npz", 2009)
    with pytest.raises(InputError, match=said):
        aggregate.aggregate(table, regions, {s: (s,) for s in raw.SECTORS})


def settings_of(name):
    path = find(name)
    given, document, concordance, _ = read_settings(path)
    tables = host.read(path.parent / given.tables, tuple(concordance.regions), tuple(concordance.sectors))
    return given, document, concordance, tables, path


def scaled_names(entry, factor):
    return entry.model_copy(update={"value": {name: factor * value for name, value in entry.value.items()}})


def test_thousands_instead_of_millions_change_nothing_but_the_unit():
    given, document, concordance, tables, path = settings_of("china-2009-small")
    import dataclasses

    values = ("intermediate_trade", "final_trade", "use", "stated_output", "trade_value")
    larger = dataclasses.replace(tables, **{name: 1e3 * getattr(tables, name) for name in values})
    r = given.rare_earths
    limit = r.concentrate_price_limit.model_copy(update={"value": 1e3 * r.concentrate_price_limit.value})
    prices = {
        "oxide_price": scaled_names(r.oxide_price, 1e3),
        "magnet_price": scaled_names(r.magnet_price, 1e3),
        "concentrate_price_limit": limit,
    }
    dearer = given.model_copy(update={"rare_earths": r.model_copy(update=prices)})
    one = build(given, document, concordance, tables, path, {}).benchmark
    other = build(dearer, document, concordance, larger, path, {}).benchmark
    np.testing.assert_allclose(other.output, 1e3 * one.output, rtol=1e-9)
    np.testing.assert_allclose(other.use, 1e3 * one.use, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(other.trade_share, one.trade_share, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(other.unit_value, 1e3 * one.unit_value, rtol=1e-12)


def test_kilotonnes_instead_of_tonnes_change_nothing_but_the_unit():
    given, document, concordance, tables, path = settings_of("china-2009-small")
    import dataclasses

    fewer = dataclasses.replace(tables, trade_tonnes=tables.trade_tonnes / 1e3)
    r = given.rare_earths
    limit = r.concentrate_price_limit.model_copy(update={"value": 1e3 * r.concentrate_price_limit.value})
    changed = {
        "oxide_price": scaled_names(r.oxide_price, 1e3),
        "magnet_price": scaled_names(r.magnet_price, 1e3),
        "mine_output": scaled_names(r.mine_output, 1e-3),
        "concentrate_price_limit": limit,
        "latent_capacity": r.latent_capacity.model_copy(update={"value": {}}),
    }
    other_settings = given.model_copy(update={"rare_earths": r.model_copy(update=changed)})
    one = build(given, document, concordance, tables, path, {}).benchmark
    other = build(other_settings, document, concordance, fewer, path, {}).benchmark
    for name in ("output", "use", "final", "trade_share", "factor_payment", "deficit"):
        np.testing.assert_allclose(
            getattr(other, name), getattr(one, name), rtol=1e-8, atol=1e-8, err_msg=name
        )


def test_regions_in_another_order_give_the_same_economy():
    import dataclasses

    given, document, concordance, tables, path = settings_of("china-2009-small")
    order = [3, 0, 7, 1, 2, 6, 5, 4]
    names = tuple(tables.regions[p] for p in order)
    both = np.ix_(order, order)
    turned = dataclasses.replace(
        tables,
        regions=names,
        intermediate_trade=tables.intermediate_trade[both],
        final_trade=tables.final_trade[both],
        use=tables.use[order],
        stated_output=tables.stated_output[order],
        trade_tonnes=tables.trade_tonnes[both],
        trade_value=tables.trade_value[both],
    )
    groups = concordance.model_copy(update={"regions": {name: concordance.regions[name] for name in names}})
    one = build(given, document, concordance, tables, path, {}).benchmark
    other = build(given, document, groups, turned, path, {}).benchmark
    np.testing.assert_allclose(other.output, one.output[order], rtol=1e-9)
    np.testing.assert_allclose(other.trade_share[0], one.trade_share[0][both], rtol=1e-8, atol=1e-14)
    np.testing.assert_allclose(other.deficit, one.deficit[order], rtol=1e-6)
    np.testing.assert_allclose(
        other.parameters.spillover_region, one.parameters.spillover_region[both], rtol=1e-9
    )


@needs_source
@pytest.mark.parametrize("name", ["china-2009", "china-2009-small", "world-2024"])
def test_the_shipped_tables_are_those_the_raw_tables_give(name, tmp_path):
    rebuild.rebuild(find(name), Path(SOURCE), tmp_path)
    shipped = FOLDER / "data" / name
    _, mismatch, errors = filecmp.cmpfiles(shipped, tmp_path, host.FILES, shallow=False)
    assert (mismatch, errors) == ([], [])


@needs_source
def test_full_detail_balances(tmp_path):
    given, document, concordance, _ = read_settings(find("china-2009-full"))
    tables, _ = rebuild.host_from_source(find("china-2009-full"), Path(SOURCE))
    base = build(given, document, concordance, tables, find("china-2009-full"), {})
    assert base.benchmark.shape == (41, 38, 47, 3, 10)
    twelve = calibration.load("china-2009")
    assert base.benchmark.output.sum() == pytest.approx(twelve.benchmark.output.sum(), rel=1e-4)


@needs_source
def test_labour_shares_that_are_not_soft_are_the_sums_of_their_industries():
    """Those of industries that the US accounts of 2009 are known to name; whatever else the entry holds is soft."""
    path = Path(SOURCE) / "tables" / "us_tfp_63industries_1995_2023.csv"
    with path.open(encoding="utf-8") as stream:
        rows = {int(row["industry_id"]): row for row in csv.DictReader(stream) if row["year"] == "2009"}
    given = yaml.safe_load((FOLDER / "china-2009.yaml").read_text(encoding="utf-8"))
    value = given["parameters"]["labour_share"]["value"]
    for sector, industries in LABOUR_SHARES.items():
        labour, capital = (sum(float(rows[i][what]) for i in industries) for what in ("LAB", "CAP"))
        assert value[sector] == pytest.approx(labour / (labour + capital), abs=0.01), sector


def test_labour_shares_without_a_named_industry_are_soft():
    given = yaml.safe_load((FOLDER / "china-2009.yaml").read_text(encoding="utf-8"))
    entry = given["parameters"]["labour_share"]
    assert set(entry["value"]) - set(entry["soft"]) == set(LABOUR_SHARES)
