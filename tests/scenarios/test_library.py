"""The shipped scenarios: they load, say where their numbers come from, and cover every instrument."""

from __future__ import annotations

import dataclasses
import json
import re
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import calibration
import scenarios
from calibration import strict_yaml
from model.records import REGIMES, SHORT, Closure
from scenarios import reference
from scenarios.library import FOLDER
from scenarios.quantities import SOFT
from scenarios.swaps import taxes_for_licences

SHIPPED = scenarios.available()


@pytest.fixture(scope="module")
def china() -> calibration.Calibration:
    return calibration.load("china-2009")


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_scenario_fits_its_calibration(name: str, china: calibration.Calibration) -> None:
    scenario = scenarios.load(name)
    assert name.endswith(scenario.name)
    assert scenario.question.endswith("?")
    assert scenario.question.count("?") == 1
    base = china if scenario.calibration == china.name else None
    if base is None:
        path = Path(calibration.__file__).parent / f"{scenario.calibration}.yaml"
        if not path.is_file():
            pytest.skip(f"{scenario.calibration} is not there yet")
        base = calibration.load(path)
    scenario.check(base)


@pytest.mark.parametrize("name", [name for name in SHIPPED if "/" not in name])
def test_every_number_of_the_library_has_a_source_and_a_status(name: str) -> None:
    scenario = scenarios.load(name)
    for row in scenario.figures():
        if not (row.value == 0 and row.year is not None):  # the end of something
            assert row.source, row
            assert row.status, row
        if row.status == "seen":
            assert re.search(r"\d{4}", row.source), f"no date in {row.source}"
    assert scenario.sources or scenario.assumptions or not scenario.instruments


def test_every_file_has_a_schema_line_for_editors() -> None:
    for name, path in SHIPPED.items():
        prefix = "../" if "/" in name else ""
        first = path.read_text(encoding="utf-8").splitlines()[0]
        assert first == f"# yaml-language-server: $schema={prefix}scenario.schema.json", name


def test_there_is_an_example_of_every_instrument() -> None:
    shown = {
        line.type
        for name in SHIPPED
        if name.startswith("examples/")
        for line in scenarios.load(name).instruments
    }
    assert shown == {kind.model_fields["type"].annotation.__args__[0] for kind in reference.KINDS}


def test_the_library_is_there() -> None:
    assert set(SHIPPED) >= {
        "no-shock", "china-2010-quota", "china-2010-tax-equivalent", "full-embargo", "japan-embargo-2010",
        "china-2010-2015", "flooding-and-mountain-pass", "licences-2023-2025", "full-embargo-2025", "allied-capacity",
        "rnd-instead-of-mines", "stockpile", "recycling", "military-demand-bull", "military-demand-bear",
    }  # fmt: skip


def test_the_quota_of_2010(china: calibration.Calibration) -> None:
    (quota,) = scenarios.load("china-2010-quota", china).shock(china).quotas
    labels = china.labels
    covered = np.zeros_like(quota.covers)
    origin = labels.regions.index("CHN")
    for element in labels.elements:
        covered[origin, :, labels.goods.index(element)] = True
    covered[origin, origin] = False
    assert (quota.covers == covered).all()
    assert (quota.limit, quota.specific) == (30258, True)


def test_the_tax_equivalent_differs_from_the_quota_in_the_licence_alone(
    china: calibration.Calibration,
) -> None:
    (quota,) = scenarios.load("china-2010-quota").shock(china).quotas
    (tax,) = scenarios.load("china-2010-tax-equivalent").shock(china).quotas
    for item in dataclasses.fields(quota):
        same = np.array_equal(getattr(quota, item.name), getattr(tax, item.name))
        assert same == (item.name != "specific"), item.name


def test_quotas_and_duties_from_2010_to_2015(china: calibration.Calibration) -> None:
    scenario = scenarios.load("china-2010-2015", china)
    limits = {
        year: sum(quota.limit for quota in scenario.shock(china, year).quotas) for year in scenario.span
    }
    assert limits == {
        2009: 0, 2010: 30258, 2011: 30184, 2012: 30996, 2013: 30999, 2014: 30611, 2015: 0, 2016: 0, 2017: 0, 2018: 0,
    }  # fmt: skip
    labels = china.labels
    origin, buyer = labels.regions.index("CHN"), labels.regions.index("JPN")

    def rate(year: int, element: str) -> float:
        tax = scenario.shock(china, year).export_tax
        tax = china.benchmark.export_tax if tax is None else tax
        return float(tax[origin, buyer, labels.goods.index(element)])

    vat = 1 + china.vat_not_refunded
    for element, duties in {
        "La": (0.15, 0.15, 0.05),
        "Nd": (0.15, 0.25, 0.25 / 3),
        "Dy": (0.25, 0.25, 0.25 / 3),
    }.items():
        for year, duty in zip((2010, 2012, 2015), duties, strict=True):
            assert rate(year, element) == pytest.approx((1 + duty) * vat - 1, abs=1e-4), (element, year)
        assert rate(2016, element) == pytest.approx(vat - 1)


def test_capacity_and_research_cost_the_same_and_leave_the_same_regions_poorer(
    china: calibration.Calibration,
) -> None:
    def paid(name: str) -> dict[str, float]:
        total: dict[str, float] = {}
        scenario = scenarios.load(name)
        for line in scenario.instruments:
            payer = getattr(line, "paid_by", None) or getattr(line, "region", None) or line.regions
            total[payer] = total.get(payer, 0.0) + line.total(line.spending, scenario.last)
        return total

    mines, research = paid("allied-capacity"), paid("rnd-instead-of-mines")
    assert mines == research
    assert sum(mines.values()) == 2000


def test_closures_of_horizons_and_regimes() -> None:
    head = {"name": "t", "title": "t", "question": "q", "calibration": "c"}
    short = scenarios.parse(head | {"horizon": "short"})
    assert short.closure("exogenous") == SHORT
    assert short.closure("directed") == Closure("directed", "given", "given")
    long = scenarios.parse(head)
    assert long.closures() == {
        "exogenous": Closure("exogenous", "given", "target"),
        "directed": Closure("directed", "target", "target"),
        "directed_with_spillovers": Closure("directed_with_spillovers", "target", "target"),
    }
    assert tuple(long.closures()) == REGIMES
    fixed = scenarios.parse(head | {"at_target": ["technology"], "regimes": ["directed"]})
    assert fixed.closures() == {"directed": Closure("directed", "target", "given")}
    path = scenarios.parse(head | {"horizon": "path", "years": "2010-2012"})
    assert path.closure("directed") == Closure("directed", "given", "given")
    assert path.span == (2010, 2011, 2012)
    with pytest.raises(ValueError, match="name the year"):
        path.shock(None)


def test_a_scenario_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        scenarios.load("no-shock").title = "other"


def test_parameters_of_a_scenario(world: SimpleNamespace) -> None:
    head = {
        "name": "t",
        "title": "t",
        "question": "q",
        "calibration": "small",
        "deficits": "share_of_world_income",
    }
    parameters = {
        "breadth": 0.05,
        "ree_elasticity": {"magnets": {"value": 0.9, "source": "s", "status": "analyst"}, "pair": 0.7},
        "trade_elasticity": 5,
        "innovation_elasticity": {"JPN": {"Dy": 0.7}, "USA": 0.3, "duo": {"X": 0.1}},
        "factor_mobility": {"labour": 2, "resource": "mobile"},
        "build_time.magnets": 4,
        "price_floor": {"Dy": 0.4, "light": 0.2},
        "research_closure": "sector",
    }
    groups = {"groups": {"pair": ["chemicals", "services"]}, "coalitions": {"duo": ["AUS", "ROW"]}}
    scenario = scenarios.parse(head | groups | {"parameters": parameters}, world)
    base, changed = world.benchmark.parameters, scenario.benchmark(world).parameters
    assert changed.breadth == 0.05
    assert changed.ree_elasticity.tolist() == [
        *base.ree_elasticity[:2],
        0.9,
        0.7,
        base.ree_elasticity[4],
        0.7,
    ]
    assert (changed.trade_elasticity == 5).all()
    expected = base.innovation_elasticity.copy()
    expected[1, 2], expected[2, :], expected[3:, 4] = 0.7, 0.3, 0.1
    assert (changed.innovation_elasticity == expected).all()
    assert changed.factor_mobility.tolist() == [2, 1, np.inf]
    assert changed.build_time.tolist() == [3, 4]
    assert changed.build_time.dtype.kind == "i"
    assert changed.price_floor.tolist() == [0.2, 0.2, 0.4, 0]
    assert (changed.research_closure, changed.deficit_rule) == ("sector", "share_of_world_income")
    assert (base.trade_elasticity == 4).all()
    untouched = scenarios.parse({"name": "t", "title": "t", "question": "q", "calibration": "small"})
    assert untouched.benchmark(world) is world.benchmark


def test_licences_as_taxes(world: SimpleNamespace) -> None:
    scenario = scenarios.load("examples/export-quota")
    line = {"type": "export_quota", "origins": "CHN", "elements": "all", "limit": 500}
    scenario = scenarios.parse(
        {"name": "t", "title": "t", "question": "q", "calibration": "small", "instruments": [line]}
    )
    shock = scenario.shock(world)
    licence = np.where(shock.quotas[0].covers, 0.5, 0.0)
    taxed = taxes_for_licences(shock, world.benchmark, licence)
    assert taxed.quotas == ()
    assert taxed.remove_base_licence
    assert taxed.export_tax == pytest.approx((1 + world.benchmark.export_tax) * (1 + licence) - 1)


def test_the_json_schema_and_the_reference_page_are_current() -> None:
    hint = "run `python -m scenarios.reference`"
    assert reference.SCHEMA.read_text(encoding="utf-8") == reference.schema_text(), hint
    page = reference.PAGE.read_text(encoding="utf-8")
    assert page == reference.page_text(page), hint


def test_the_examples_of_the_reference_page_are_scenarios(china: calibration.Calibration) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", reference.PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 4
    whole = [block for block in blocks if "question:" in block]
    assert whole
    for block in whole:
        scenarios.parse(block, china)
    head = "name: t\ntitle: t\nquestion: q?\ncalibration: china-2009\n"
    for block in blocks:
        if block.startswith(("coalitions", "parameters")):
            scenarios.parse(head + block, china)


def test_the_first_example_makes_magnet_metals_dearer(china: calibration.Calibration) -> None:
    """Its tax comes on top of the base year's, which is above 40 % on terbium and dysprosium."""
    page = reference.PAGE.read_text(encoding="utf-8")
    example = scenarios.parse(re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)[0], china)
    assert example.name == "dearer-magnet-metals"
    taxed = example.shock(china).export_tax - china.benchmark.export_tax
    home = china.labels.regions.index("CHN")
    for good in ("Pr", "Nd", "Tb", "Dy"):
        change = np.delete(taxed[home, :, china.labels.goods.index(good)], home)
        assert (change > 0.1).all(), good


def test_shipped_files_agree_with_the_json_schema() -> None:
    """A small reading of JSON Schema, independent of pydantic, over what the shipped files use of it."""
    schema = json.loads(reference.SCHEMA.read_text(encoding="utf-8"))
    for path in SHIPPED.values():
        assert fits(json.loads(json.dumps(strict_yaml.load(path).data)), schema, schema), path.name
    assert not fits({"name": "x"}, schema, schema)
    tax = schema["$defs"]["ExportTax"]
    assert not fits({"type": "export_tax", "rate": {"value": 1, "unit": "EUR"}}, tax, schema)
    assert not fits({"type": "export_tax", "rat": 1}, tax, schema)


def fits(value: object, schema: dict, root: dict) -> bool:
    if "$ref" in schema and not fits(value, root["$defs"][schema["$ref"].rsplit("/", 1)[1]], root):
        return False
    if "oneOf" in schema and sum(fits(value, option, root) for option in schema["oneOf"]) != 1:
        return False
    if "anyOf" in schema and not any(fits(value, option, root) for option in schema["anyOf"]):
        return False
    if ("enum" in schema and value not in schema["enum"]) or ("const" in schema and value != schema["const"]):
        return False
    kinds = {
        "object": dict,
        "array": list,
        "string": str,
        "integer": int,
        "number": (int, float),
        "null": type(None),
    }
    if "type" in schema and not isinstance(value, kinds[schema["type"]]):
        return False
    if isinstance(value, list) and "items" in schema:
        return all(fits(item, schema["items"], root) for item in value)
    if isinstance(value, dict):
        names, keys = schema.get("properties", {}), schema.get("propertyNames", {}).get("pattern", "")
        other = schema.get("additionalProperties", True)
        inner = all(
            fits(item, names[key], root)
            if key in names
            else other is True or (other is not False and fits(item, other, root))
            for key, item in value.items()
        )
        return (
            inner
            and all(re.search(keys, key) for key in value)
            and all(key in value for key in schema.get("required", ()))
        )
    return True


def test_loading_is_fast() -> None:
    scenarios.load("china-2010-2015")
    start = time.perf_counter()
    scenarios.load("china-2010-2015")
    assert time.perf_counter() - start < 0.1


def test_soft_numbers_are_known_as_such() -> None:
    rows = scenarios.load("china-2010-2015").figures()
    assert {row.year for row in rows if row.status in SOFT} >= {2012}
    assert FOLDER.name == "scenarios"


def test_every_amount_has_its_unit() -> None:
    """What a stock holds at first was told as a bare number."""
    stock = {
        "type": "stockpile",
        "name": "s",
        "regions": "JPN",
        "elements": "Nd",
        "initial": 6000,
        "release": 5,
    }
    head = {"name": "t", "title": "t", "question": "q", "calibration": "china-2009", "year": 2010}
    rows = scenarios.parse(head | {"instruments": [stock]}).figures()
    assert {row.field: row.unit for row in rows} == {"initial": "t", "release": "t"}
