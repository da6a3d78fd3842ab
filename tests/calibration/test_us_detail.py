"""US detail: make and use tables, requirements in closed form, and the comparison with the world table."""

from __future__ import annotations

import csv
import gzip
import os
from pathlib import Path

import numpy as np
import pytest

import calibration
from calibration import facts, strict_yaml, us_detail
from calibration.errors import InputError
from calibration.schema import UsDetail
from calibration.sources import bea
from calibration.validate import validate

SOURCE = os.environ.get("RARE_EARTH_SOURCE_DIR", "")
BASE = calibration.load("china-2009")
CONCORDANCE = validate(UsDetail, strict_yaml.load(us_detail.CONCORDANCE))


def codes():
    """Every industry that the concordance names, and one of each sector."""
    named = {
        code
        for group in (CONCORDANCE.applications, CONCORDANCE.magnets)
        for row in group.values()
        for code in row
    }
    return sorted(named | set(CONCORDANCE.hosts.values()) | {"111200", "211000", "4200ID", "550000"})


def synthetic(seed=0):
    """A diagonal make table, so that industries are commodities, and a random use table."""
    rng = np.random.default_rng(seed)
    industries = codes()
    j = len(industries)
    output = rng.uniform(2e4, 8e4, j)
    use = rng.uniform(0, 1, (j, j))
    use *= 0.5 * output / use.sum(0)
    return bea.DetailTable(2012, tuple(industries), tuple(industries), {}, np.diag(output), use)


def write_tables(folder, table, year=2012, edit=None):
    """The files of a year in BEA's layout, totals and value added included."""
    industries = list(table.industries)
    make = [["", *table.commodities, "T008"]]
    make += [[code, *row, row.sum()] for code, row in zip(industries, table.make, strict=True)]
    make.append(["T007", *table.make.sum(0), table.make.sum()])
    use = [["", *industries, "T001", "F01000", "T007"]]
    use += [
        [code, *row, row.sum(), 1.0, row.sum() + 1]
        for code, row in zip(table.commodities, table.use, strict=True)
    ]
    use.append(["V00100", *np.ones(len(industries) + 3)])
    if edit:
        edit(make, use)
    for name, rows in zip(bea.FILES[year], (make, use), strict=True):
        with gzip.open(folder / name, "wt", newline="") as stream:
            csv.writer(stream).writerows(rows)


def test_the_tables_come_back_without_totals(tmp_path):
    table = synthetic()
    write_tables(tmp_path, table)
    found = bea.read(tmp_path, 2012)
    assert found.industries == table.industries
    np.testing.assert_allclose(found.make, table.make)
    np.testing.assert_allclose(found.use, table.use)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda make, use: use.__delitem__(3), "no row"),
        (lambda make, use: use.insert(3, ["999999", *use[3][1:]]), "is not in the make table"),
        (lambda make, use: use.insert(3, use[5]), "stands twice"),
        (lambda make, use: make[2].__setitem__(2, -4.0), "negative output"),
        (lambda make, use: use[4].__setitem__(7, "n.a."), "expected a number"),
        (lambda make, use: use[4].pop(), "cells"),
    ],
)
def test_what_is_wrong_in_them_is_named(tmp_path, edit, said):
    write_tables(tmp_path, synthetic(), edit=edit)
    with pytest.raises(InputError, match=said) as error:
        bea.read(tmp_path, 2012)
    assert "bea2012_detail" in str(error.value)


def test_a_year_without_tables_and_missing_files():
    with pytest.raises(InputError, match="one of 2007, 2012, 2017"):
        bea.read(Path(), 2013)
    with pytest.raises(InputError, match="never downloaded"):
        bea.read(Path("nowhere"), 2017)


def test_total_requirements_solve_the_leontief_system():
    """With a diagonal make table: total = direct + total A, A the carved use table over output."""
    table = synthetic()
    found = us_detail.intensities(BASE, table)
    bought = found.direct + found.in_magnets
    embodied = found.total - bought
    # Carving takes rare earths out of two rows only; elsewhere A is use over output.
    hosts = [table.commodities.index(code) for code in CONCORDANCE.hosts.values()]
    rows = [p for p in range(len(table.commodities)) if p not in hosts]
    a = table.use / table.output
    part = found.total[:, rows] @ a[rows]
    assert (embodied >= part - 1e-9).all()
    upper = found.total @ a
    assert (embodied <= upper + 1e-9).all()
    np.testing.assert_allclose(embodied.sum(), upper.sum(), rtol=0.05)


def test_all_the_region_buys_is_split_and_nothing_more():
    found = us_detail.intensities(BASE, synthetic())
    measures = facts.Measures(BASE)
    region = BASE.labels.regions.index("USA")
    np.testing.assert_allclose(
        (found.direct * found.output).sum(1) / 1e3, measures.reo[:, region].sum(0), rtol=1e-9
    )
    good = BASE.labels.goods.index("magnets")
    paid = BASE.benchmark.use[region, good].sum()
    assert (found.in_magnets * found.output).sum() > 0
    assert paid > 0


def test_industries_buy_for_the_applications_they_serve():
    found = us_detail.intensities(BASE, synthetic())
    place = {code: p for p, code in enumerate(found.industries)}
    elements = {name: p for p, name in enumerate(found.elements)}
    assert found.direct[elements["La"], place["324110"]] > 0  # cracking catalysts
    assert found.direct[elements["Eu"], place["324110"]] == 0
    assert found.direct[elements["Eu"], place["335110"]] > 0  # lamps
    assert found.direct[:, place["111200"]].sum() == 0
    assert found.in_magnets[elements["Nd"], place["335312"]] > 0  # motors
    assert found.total[:, place["111200"]].sum() > 0  # by what it buys


def test_world_intensities_count_every_kilogram_once():
    """Total intensity times final use adds up to all rare earths bought, as nothing else absorbs output."""
    _, total = us_detail.world_intensities(BASE)
    b = BASE.benchmark
    from calibration.identities import gate_values

    share = gate_values(b) / np.maximum(gate_values(b).sum(0), 1e-300)
    makes = (b.make > 0).astype(float)
    final = np.einsum("ijk,ink,nk->ij", makes, share, b.final)
    tonnes = facts.Measures(BASE).reo.sum()
    assert (total * final).sum() / 1e3 == pytest.approx(tonnes, rel=1e-2)


def test_every_industry_has_a_sector():
    with pytest.raises(InputError, match="industry 999999 has no sector"):
        us_detail.sector_of_industry(CONCORDANCE, ("999999",), "bea-detail.yaml")
    sectors = us_detail.sector_of_industry(CONCORDANCE, ("333314", "333111", "562000", "S00201"), "")
    assert sectors == ("electrical_optical", "machinery", "other_services", "inland_transport")


def test_the_page_says_how_far_the_shipped_tables_agree_with_the_world_table():
    """Sectors that need most, from the shipped tables: all that are further off than a third are named."""
    folder, off = Path(calibration.__file__).parent / "data" / "china-2009", {}
    for year in (2012, 2017):
        lines = (folder / f"us_detail_{year}_by_sector.csv").read_text(encoding="utf-8").splitlines()
        rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
        for row in sorted(rows, key=lambda row: -float(row["world_total [kg REO per million USD]"]))[:7]:
            detail, world = (
                float(row[f"{name}_total [kg REO per million USD]"]) for name in ("detail", "world")
            )
            if abs(detail / world - 1) > 1 / 3:
                off[row["sector"], year] = detail / world
    assert off == {("petroleum", 2012): pytest.approx(0.58, abs=0.01)}
    page = " ".join((folder.parents[2] / "docs" / "calibration.md").read_text(encoding="utf-8").split())
    assert "but for petroleum in 2012, which is 42 % lower" in page


@pytest.mark.skipif(not SOURCE, reason="RARE_EARTH_SOURCE_DIR names no folder with raw tables")
@pytest.mark.parametrize("year", [2012, 2017])
def test_detail_and_world_table_agree_within_a_third_for_the_exposed_sectors(year):
    """Both spread the same kilograms; outputs of other years and imports at home technology make the rest."""
    found = us_detail.intensities(BASE, bea.read(Path(SOURCE) / "io", year))
    assert len(found.industries) > 400
    rows = {row.sector: row for row in us_detail.compare_with_world(BASE, found)}
    for sector in ("minerals", "electrical_optical", "machinery", "metals", "transport_equipment"):
        assert rows[sector].detail_total == pytest.approx(rows[sector].world_total, rel=0.35), sector
