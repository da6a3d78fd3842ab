"""The comparison with figures and the tables for reading: each from its own record, so they check one another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import calibration
from calibration import derived, facts
from calibration.load import build
from calibration.schema import Fact, OtherNames
from calibration.tables import Column, read_csv

NAME = "china-2009"


@pytest.fixture(scope="module")
def base():
    return calibration.load(NAME)


@pytest.fixture(scope="module")
def written(base, tmp_path_factory):
    """Folder with the tables for reading."""
    folder = tmp_path_factory.mktemp("tables")
    derived.write(base, folder)
    return folder


def rows(folder, name, numbers, places, more=()):
    """(places, numbers) of each row of a table; its unit stands behind a number's name."""
    columns = [
        *map(Column, places),
        *(Column(n, "number", u) for n, u in numbers.items()),
        *map(Column, more),
    ]
    table = read_csv(folder / name, columns)
    return [
        (tuple(table[p][row] for p in places), {n: table[n][row] for n in numbers})
        for row in range(len(table))
    ]


@pytest.fixture(scope="module")
def use(written):
    numbers = {"quantity": "t", "reo": "t", "value": "million USD"}
    return rows(written, "rare_earth_use.csv", numbers, ("region", "sector", "element"), ("status",))


@pytest.fixture(scope="module")
def shipped(written):
    numbers = {"quantity": "t", "gate_value": "million USD", "export_tax": "rate"}
    return rows(written, "rare_earth_shipments.csv", numbers, ("origin", "region", "element"), ("status",))


def total(found, column, **chosen):
    """Sum of a column over the rows in which the places named are these."""
    places = ("origin", "region", "element") if "origin" in chosen else ("region", "sector", "element")
    return sum(
        values[column]
        for where, values in found
        if all(dict(zip(places, where, strict=True))[place] == name for place, name in chosen.items())
    )


def measured(base, measure, **places):
    """What the base year has for a measure."""
    fact = Fact(measure=measure, value=1, unit="-", source="-", status="seen", imposed=False, **places)
    return facts.Measures(base).value(fact, "")


def test_the_tables_for_reading_are_those_that_are_shipped(base, written):
    for name in derived.FILES:
        assert (written / name).read_bytes() == (base.path.parent / "data" / NAME / name).read_bytes(), name


def test_use_is_that_of_the_table_of_use(base, use):
    """What a region uses is not what it makes, least of all in Japan and the United States."""
    world = total(use, "reo")
    assert measured(base, "world_tonnes_reo") == pytest.approx(world, rel=1e-4)
    for region in base.labels.regions:
        bought = total(use, "reo", region=region)
        assert measured(base, "use_reo", region=region) == pytest.approx(bought, rel=1e-4)
        assert measured(base, "home_use_share", region=region) == pytest.approx(bought / world, rel=1e-4)
        dysprosium = total(use, "reo", region=region, element="Dy")
        assert measured(base, "use_reo", region=region, element="Dy") == pytest.approx(dysprosium, rel=1e-4)
    for sector in base.labels.sectors:
        share = total(use, "value", sector=sector) / total(use, "value")
        assert measured(base, "use_share_of_sector", sector=sector) == pytest.approx(
            share, rel=1e-4, abs=1e-9
        )


def test_oxide_is_lighter_than_the_product(base, use):
    """Lanthanum and cerium are traded as compounds, everything else as oxide."""
    content = base.settings.rare_earths.reo_content.value
    for (_, _, element), values in use:
        part = content.get(element, content.get("default"))
        assert values["reo"] == pytest.approx(values["quantity"] * part, rel=2e-5)
    assert content["La"] < 1


def test_exports_are_those_of_the_table_of_shipments(base, shipped):
    """Free on board: the value at the gate with the export tax on it; what stays at home is no export."""
    for origin in base.labels.regions:
        abroad = [(where, v) for where, v in shipped if where[0] == origin and where[1] != origin]
        tonnes = sum(v["quantity"] for _, v in abroad)
        paid = sum(v["gate_value"] * (1 + v["export_tax"]) for _, v in abroad)
        assert measured(base, "export_tonnes", region=origin) == pytest.approx(tonnes, rel=1e-4)
        assert measured(base, "export_value", region=origin) == pytest.approx(paid, rel=1e-4)


def test_what_is_made_is_what_is_shipped_home_included(base, shipped):
    content = base.settings.rare_earths.reo_content.value
    oxide = {
        (origin, element): total(shipped, "quantity", origin=origin, element=element)
        * content.get(element, content.get("default"))
        for origin in base.labels.regions
        for element in base.labels.elements
    }
    for origin in base.labels.regions:
        made = sum(tonnes for (i, _), tonnes in oxide.items() if i == origin)
        assert measured(base, "production_reo", region=origin) == pytest.approx(made, rel=1e-4)
    world = sum(tonnes for (_, e), tonnes in oxide.items() if e == "Nd")
    share = measured(base, "production_share", region="CHN", element="Nd")
    assert share == pytest.approx(oxide["CHN", "Nd"] / world, rel=1e-4)


def test_world_value_is_at_the_prices_of_the_largest_exporter(base, use):
    """At its border, tax in it: the FOB prices of the file. What it sells at home makes nobody an exporter."""
    prices, content = (
        getattr(base.settings.rare_earths, name).value for name in ("oxide_price", "reo_content")
    )
    assert content.keys() >= {"La", "Ce"}
    value = sum(total(use, "reo", element=e) * prices[e] for e in base.labels.elements) / 1e3
    assert measured(base, "world_value_at_export_prices") == pytest.approx(value, rel=1e-4)


def test_the_largest_exporter_need_not_be_the_largest_maker(base):
    """A maker of everything that sells next to nothing abroad sets no price there."""
    b, elements = base.benchmark, base.benchmark.elements
    china, other = (base.labels.regions.index(name) for name in ("CHN", "USA"))
    share = b.trade_share.copy()
    for n in range(len(base.labels.regions)):
        if n != china:
            moved = 0.999 * share[:, china, n, elements]
            share[:, china, n, elements] -= moved
            share[:, other, n, elements] += moved
    unit_value = b.unit_value.copy()
    unit_value[other] *= 2.0
    turned = replace(base, benchmark=b.replace(trade_share=share, unit_value=unit_value))
    measures = facts.Measures(turned)
    made = measures.fob.sum((1, 2))
    assert made.argmax() == china
    np.testing.assert_allclose(measures.export_price, unit_value[other, elements], rtol=1e-12)


@pytest.mark.parametrize("off", [-0.02, 0.02])
def test_an_imposed_figure_is_missed_from_above_and_from_below(base, off):
    row = next(row for row in facts.compare(base) if row.imposed)
    missed = replace(row, base_year=row.source_value * (1 + off))
    assert facts.unmet((row, missed, replace(missed, imposed=False))) == (missed,)


def test_the_table_of_cells_says_what_is_left_of_each(base, written):
    """What is taken out of a cell of the host table and what the carved table has in it make the host's cell."""
    numbers = {"host_value": "million USD", "taken_out": "million USD", "share_taken": "rate"}
    found = rows(written, "carved_cells.csv", numbers, ("region", "good", "sector"))
    regions, goods, sectors = (list(getattr(base.labels, name)) for name in ("regions", "goods", "sectors"))
    assert len(found) > 100
    for (region, good, sector), values in found:
        left = base.benchmark.use[regions.index(region), goods.index(good), sectors.index(sector)]
        assert values["host_value"] - values["taken_out"] == pytest.approx(left, rel=1e-4, abs=2e-4)
        assert values["share_taken"] * values["host_value"] == pytest.approx(values["taken_out"], rel=2e-5)


def test_the_customs_origin_may_be_within_a_group(base, tmp_path):
    """Its name is then none of the regions'; it ended in a ValueError."""
    names = tuple("ASIA" if name == "CHN" else name for name in base.labels.regions)
    groups = dict(zip(names, base.concordance.regions.values(), strict=True))
    lead = base.concordance.parameter_names.model_copy(update={"regions": OtherNames(within={"CHN": "ASIA"})})
    concordance = base.concordance.model_copy(update={"regions": groups, "parameter_names": lead})
    settings = base.settings.model_copy(update={"facts": ()})
    host = replace(base.host, regions=names)
    other = build(settings, base.document, concordance, host, base.path, {})
    found = {row.what.replace("ASIA", "CHN"): row for row in facts.compare(other)}
    wanted = {row.what: row for row in facts.compare(base) if row.what in found}
    assert len(wanted) == len(base.labels.elements)
    for what, row in wanted.items():
        assert found[what].source_value == pytest.approx(row.source_value, rel=1e-12)
        assert found[what].base_year == pytest.approx(row.base_year, rel=1e-9)
    derived.write(other, tmp_path)
    (text,) = {
        line.split(",")[0]
        for line in (tmp_path / derived.FILES[1]).read_text().splitlines()
        if "computed" in line
    }
    assert text == "ASIA"


def test_an_ore_without_any_of_the_elements_gives_none(base):
    """It ended in a division by zero."""
    r = base.settings.rare_earths
    grades = {**r.ore_composition.value, "xenotime": {"Ce": 0.0}}
    ores = r.ore_composition.model_copy(update={"value": grades})
    settings = base.settings.model_copy(
        update={"rare_earths": r.model_copy(update={"ore_composition": ores}), "facts": ()}
    )
    other = build(settings, base.document, base.concordance, base.host, base.path, {})
    for row in facts.compare(other):
        assert row.base_year == pytest.approx(row.source_value, rel=1e-9)


def test_only_exports_of_the_customs_origin_are_computed(base, written):
    table = read_csv(
        written / "rare_earth_shipments.csv",
        [
            *map(Column, ("origin", "region", "element", "status")),
            Column("quantity", "number", "t"),
            Column("gate_value", "number", "million USD"),
            Column("export_tax", "number", "rate"),
        ],
    )
    customs = (table["origin"] == "CHN") & (table["region"] != "CHN")
    assert set(table["status"][customs]) == {"computed"}
    assert set(table["status"][~customs]) == {"analyst"}
