"""The shipped base years, checked from their files by arithmetic that shares nothing with the builder."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest
import yaml

import calibration
from calibration import facts, identities

FOLDER = Path(calibration.__file__).parent
SHIPPED = ("china-2009", "world-2024", "china-2009-small")
STAGES = {"ree_mining": "mining", "ree_separation": "chemicals", "magnets": "electrical_optical"}


@pytest.fixture(scope="module", params=SHIPPED)
def base(request):
    return calibration.load(request.param)


def table(name, file):
    """Rows of a shipped table as dicts, by the csv module alone."""
    path = FOLDER / "data" / name / file
    text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()
    return list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))


def numbers(row, *names):
    return {key.split(" [")[0]: float(value) for key, value in row.items() if key not in names}


def settings(name):
    """The YAML of a calibration with its base, merged by hand."""
    top = yaml.safe_load((FOLDER / f"{name}.yaml").read_text())
    if "based_on" not in top:
        return top
    base = yaml.safe_load((FOLDER / top["based_on"]).read_text())
    merged = {**base, **top}
    for section in ("rare_earths", "parameters"):
        merged[section] = {**base[section], **top.get(section, {})}
    return merged


def by(labels, names):
    return {name: position for position, name in enumerate(getattr(labels, names))}


def test_output_of_every_host_sector_is_the_sum_of_its_sales_in_the_source_table(base):
    sales: dict[tuple[str, str], float] = {}
    for file in ("intermediate_trade.csv.gz", "final_trade.csv.gz"):
        for row in table(base.name, file):
            for good, value in numbers(row, "origin", "region").items():
                if file.startswith("final"):
                    continue
                sales[row["origin"], good] = sales.get((row["origin"], good), 0.0) + value
    # Final sales net of falls of stocks; what exceeds them counts as output of the year.
    final: dict[tuple[str, str], list[float]] = {}
    for row in table(base.name, "final_trade.csv.gz"):
        for good, value in numbers(row, "origin", "region").items():
            final.setdefault((row["origin"], good), []).append(value)
    regions, sectors = by(base.labels, "regions"), by(base.labels, "sectors")
    for (region, good), sold in sales.items():
        total = sold + max(sum(final[region, good]), 0.0)
        n = regions[region]
        members = [good, *(stage for stage, host in STAGES.items() if host == good)]
        found = sum(base.benchmark.output[n, sectors[member]] for member in members)
        assert found == pytest.approx(total, rel=1e-9, abs=1e-6), (region, good)


def test_purchases_and_income_of_every_host_sector_are_those_of_the_source_table(base):
    """Purchases before export taxes; income and taxes paid abroad make up the source's value added."""
    b = base.benchmark
    regions, goods, sectors = by(base.labels, "regions"), by(base.labels, "goods"), by(base.labels, "sectors")
    rare = {"concentrate": "mining", "magnets": "electrical_optical"} | dict.fromkeys(
        base.labels.elements, "chemicals"
    )
    untaxed = b.use.copy()  # at the gate: purchaser value over the mean tax factor of the origins
    for element in base.labels.elements:
        e = goods[element]
        for n in range(len(b.output)):
            share = b.trade_share[0][:, n, e]
            untaxed[n, e] *= sum(share / (1 + b.export_tax[:, n, e]))
    for row in table(base.name, "use.csv.gz"):
        n = regions[row["region"]]
        good = row["good"]
        for sector, value in numbers(row, "region", "good").items():
            members = [sector, *(stage for stage, host in STAGES.items() if host == sector)]
            kinds = [good, *(name for name, host in rare.items() if host == good)]
            found = sum(untaxed[n, goods[k], sectors[j]] for k in kinds for j in members)
            assert found == pytest.approx(value, rel=1e-6, abs=2e-5), (row["region"], good, sector)


def test_every_market_every_sector_and_every_budget_balances(base):
    """The identities of docs/model.md section 2, with loops instead of the builder's arrays."""
    b = base.benchmark
    n_regions, n_sectors, n_goods, _, _ = b.shape
    gate = np.zeros((n_regions, n_regions, n_goods))
    for n in range(n_regions):
        for k in range(n_goods):
            spending = b.use[n, k].sum() + b.final[n, k]
            for i in range(n_regions):
                gate[i, n, k] = b.trade_share[0, i, n, k] * spending / (1 + b.export_tax[i, n, k])
    for i in range(n_regions):
        for k in range(n_goods):
            made = sum(b.make[i, j, k] * b.output[i, j] for j in range(n_sectors))
            assert made == pytest.approx(gate[i, :, k].sum(), rel=1e-9)
        for j in range(n_sectors):
            cost = b.use[i, :, j].sum() + b.factor_payment[i, :, j].sum()
            assert cost == pytest.approx((1 - b.research_share[i, j]) * b.output[i, j], rel=1e-9)
        income = b.factor_payment[i].sum() + (b.research_share[i] * b.output[i]).sum()
        income += (gate[i] * b.export_tax[i]).sum() + b.deficit[i]
        assert income == pytest.approx(b.final[i].sum(), rel=1e-9)
    assert abs(b.deficit.sum()) < 1e-9 * b.final.sum()


def test_no_value_is_negative_and_absent_sectors_are_empty(base):
    b = base.benchmark
    for name in ("output", "make", "use", "final", "trade_share", "factor_payment", "research_share"):
        assert np.isfinite(getattr(b, name)).all(), name
        assert getattr(b, name).min() >= 0, name
    idle = b.output == 0
    assert np.all(b.use.sum(1)[idle] == 0)
    assert np.all(b.factor_payment.sum(1)[idle] == 0)
    elements = list(b.elements)
    assert np.all(b.final[:, elements] == 0)  # elements are never consumed
    home = np.arange(len(b.output))
    assert np.all(b.export_tax[home, home] == 0)


def test_imposed_figures_are_met_within_one_percent(base):
    comparisons = facts.compare(base)
    imposed = [row for row in comparisons if row.imposed]
    assert len(imposed) >= 12
    for row in imposed:
        assert row.base_year == pytest.approx(row.source_value, rel=0.01), row.what
    assert facts.unmet(comparisons) == ()


def test_imposed_figures_of_2009_are_met_but_for_what_is_said_of_them():
    """What their sources say: one flow below the price of any oxide, and output as the sum of what is sold."""
    base = calibration.load("china-2009")
    rows = {row.what: row for row in facts.compare(base) if row.imposed}
    value = rows.pop("export value CHN")
    for what, row in rows.items():
        assert row.base_year == pytest.approx(row.source_value, rel=2e-6), what
    customs = [row for row in table("china-2009", "rare_earth_trade.csv") if row["origin"] == "CHN"]
    stated = {
        row["region"]: float(row["cerium_value [million USD]"]) + float(row["other_value [million USD]"])
        for row in customs
    }
    (flow,) = [row for row in customs if row["region"] == "AUS"]
    tonnes = float(flow["cerium [t]"]) + float(flow["other [t]"])
    measures, regions = facts.Measures(base), by(base.labels, "regions")
    assert tonnes == pytest.approx(54, abs=0.5)
    assert stated["AUS"] * 1e3 / tonnes < measures.export_price.min()
    excess = measures.fob[regions["CHN"], regions["AUS"]].sum() - stated["AUS"]
    assert value.base_year - excess == pytest.approx(sum(stated.values()), rel=1e-6)
    assert value.base_year == pytest.approx(value.source_value, rel=0.002)


def test_world_value_export_tonnes_and_value_by_hand(base):
    """From the YAML and the customs table alone: tonnes mined, ore grades, prices; and customs sums."""
    s = settings(base.name)["rare_earths"]
    grades, price = s["ore_composition"]["value"], s["oxide_price"]["value"]
    elements = base.labels.elements
    value = 0.0
    for region, tonnes in s["mine_output"]["value"].items():
        for ore, part in s["ore_mix"]["value"][region].items():
            whole = sum(grades[ore].get(e, 0.0) for e in elements)
            value += sum(tonnes * part * grades[ore].get(e, 0.0) / whole * price[e] for e in elements) / 1e3
    measures = facts.Measures(base)
    reo_value = (measures.reo.sum((0, 1)) * np.array([price[e] for e in elements])).sum() / 1e3
    assert reo_value == pytest.approx(value, rel=0.001)

    customs = [row for row in table(base.name, "rare_earth_trade.csv") if row["origin"] == "CHN"]
    tonnes = sum(float(row["cerium [t]"]) + float(row["other [t]"]) for row in customs)
    paid = sum(
        float(row["cerium_value [million USD]"]) + float(row["other_value [million USD]"]) for row in customs
    )
    total = s.get("customs_total", {}).get("value", {"tonnes": tonnes, "value": paid})
    china = by(base.labels, "regions")["CHN"]
    away = measures.abroad[china]
    assert measures.tonnes[china, away].sum() == pytest.approx(total["tonnes"], rel=1e-9)
    assert measures.fob[china, away].sum() == pytest.approx(total["value"], rel=0.01)


def test_customs_flows_by_destination_are_kept():
    base = calibration.load("china-2009")
    measures = facts.Measures(base)
    regions = by(base.labels, "regions")
    for row in table("china-2009", "rare_earth_trade.csv"):
        if row["origin"] == "CHN" and row["region"] != "CHN":
            n = regions[row["region"]]
            tonnes = float(row["cerium [t]"]) + float(row["other [t]"])
            value = float(row["cerium_value [million USD]"]) + float(row["other_value [million USD]"])
            assert measures.tonnes[0, n].sum() == pytest.approx(tonnes, rel=1e-9)
            if value / tonnes * 1e3 > 3.5:  # below the price of every element a mix cannot meet the value
                assert measures.fob[0, n].sum() == pytest.approx(value, rel=1e-6), row["region"]


def test_domestic_price_is_export_price_less_duty_and_vat():
    base = calibration.load("china-2009")
    b, e = base.benchmark, by(base.labels, "goods")
    for element, fob, duty in (
        ("La", 4.88, 0.15),
        ("Nd", 19.12, 0.15),
        ("Dy", 115.67, 0.25),
        ("Eu", 492.92, 0.25),
    ):
        gate = b.unit_value[0, e[element]] / b.reo_content[e[element]]  # USD per kg of oxide
        assert gate == pytest.approx(fob / (1 + duty) / 1.17)
        assert b.export_tax[0, 1, e[element]] == pytest.approx((1 + duty) * 1.17 - 1)


def test_supply_elasticities_are_those_asked_for(base):
    """E10: [s (1-nu)/nu + eta (1-v)]/v, with shares read from the benchmark."""
    b, p = base.benchmark, base.benchmark.parameters
    asked = settings(base.name)["parameters"]["supply_elasticity"]["value"]
    for stage, sector in zip(base.labels.stages, b.stage_sector, strict=True):
        for n, region in enumerate(base.labels.regions):
            if b.output[n, sector] == 0:
                continue
            payments = b.factor_payment[n, :, sector]
            v = payments.sum() / (payments.sum() + b.use[n, :, sector].sum())
            nu = payments[2] / payments.sum()
            elasticity = (
                p.factor_elasticity[sector] * (1 - nu) / nu + p.value_added_elasticity[sector] * (1 - v)
            ) / v
            target = asked[stage].get(region, asked[stage]["default"])
            assert elasticity == pytest.approx(target, rel=1e-6), (stage, region)


def test_spillover_weights_are_rows_of_shares(base):
    p = base.benchmark.parameters
    for weights in (p.spillover_region, p.spillover_sector):
        assert weights.min() >= 0
        np.testing.assert_allclose(weights.sum(1), 1, rtol=1e-12)


def test_research_cannot_run_away(base):
    p = base.benchmark.parameters
    strongest = p.innovation_elasticity.max()
    assert strongest * (p.ree_elasticity.max() - 1) < 1
    assert strongest * (p.element_elasticity.max() - 1) < 1


def test_every_parameter_has_unit_source_and_status(base):
    assert len(base.parameters_table) > 50
    for entry in base.parameters_table:
        assert entry.unit, entry.name
        assert entry.source, entry.name
        assert entry.status in ("seen", "computed", "memory", "analyst"), entry.name
        assert entry.soft or entry.status in ("seen", "computed"), entry.name


def test_the_composition_of_ores_is_that_of_the_elements_that_are_kept(base):
    """What is left out (19 % of xenotime) is not lost: tonnes mined are tonnes of these elements, as the unit says."""
    s = settings(base.name)["rare_earths"]
    assert "made to add to 100" in s["ore_composition"]["unit"]
    measures = facts.Measures(base)
    assert measures.reo.sum() == pytest.approx(sum(s["mine_output"]["value"].values()), rel=1e-9)
    assert sum(s["ore_composition"]["value"]["xenotime"].values()) < 82


def test_latent_mines_have_a_share_that_can_grow():
    base = calibration.load("china-2009")
    region, good = by(base.labels, "regions")["AUS"], by(base.labels, "goods")["concentrate"]
    assert base.benchmark.trade_share[0, region, :, good].max() > 0
    assert base.latent_capacity["AUS", "ree_mining"] == pytest.approx(11000 / 110)


def test_tables_stay_compact_and_say_where_they_come_from():
    total = 0
    for name in SHIPPED:
        for path in (FOLDER / "data" / name).iterdir():
            total += path.stat().st_size
            content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            assert content.startswith(b"# "), path.name
    assert total < 2_000_000


def test_the_tables_for_reading_are_those_of_the_base_year(base):
    """rare_earth_use.csv: tonnes of every element add to what the regions buy; all marked as judged."""
    bought: dict[tuple[str, str], float] = {}
    for row in table(base.name, "rare_earth_use.csv"):
        key = row["region"], row["element"]
        bought[key] = bought.get(key, 0.0) + float(row["quantity [t]"])
        assert row["status"] == "analyst"
    measures = facts.Measures(base)
    for (region, element), tonnes in bought.items():
        n, e = base.labels.regions.index(region), base.labels.elements.index(element)
        assert measures.tonnes[:, n, e].sum() == pytest.approx(tonnes, rel=1e-4)


def test_loading_is_fast():
    import time

    start = time.process_time()
    calibration.load("china-2009")
    assert time.process_time() - start < 0.3


def test_an_unbalanced_base_is_refused_with_the_cells_named(base):
    broken = base.benchmark.output.copy()
    broken[1, 3] *= 1 + 1e-6
    with pytest.raises(calibration.errors.InputError) as error:
        identities.check(base.benchmark.replace(output=broken), base.labels)
    assert f"goods of {base.labels.regions[1]}, {base.labels.sectors[3]} is off by 1.00e-06" in str(
        error.value
    )


def test_two_classes_of_use_balance_too():
    from calibration import host as hosts
    from calibration.load import build, find, read_settings

    path = find("china-2009")
    given, document, concordance, _ = read_settings(path)
    host = hosts.read(path.parent / given.tables, tuple(concordance.regions), tuple(concordance.sectors))
    two = build(given.model_copy(update={"use_classes": 2}), document, concordance, host, path, {})
    one = calibration.load("china-2009")
    assert two.benchmark.trade_share.shape[0] == 2
    np.testing.assert_allclose(two.benchmark.output, one.benchmark.output, rtol=1e-9, atol=1e-6)
    assert np.abs(two.benchmark.trade_share[0] - two.benchmark.trade_share[1])[:, :, :35].max() > 0.01


def test_elasticities_are_those_of_the_rules():
    base = calibration.load("china-2009")
    given, p = settings("china-2009")["parameters"], base.benchmark.parameters
    sector, good = by(base.labels, "sectors"), by(base.labels, "goods")
    theta = given["trade_theta"]["value"]
    for name in ("agriculture", "paper", "machinery"):
        assert p.trade_elasticity[good[name]] == pytest.approx(1 + theta[name])
    assert p.trade_elasticity[good["finance"]] == pytest.approx(1 + theta["default"])
    assert p.trade_elasticity[good["Nd"]] == pytest.approx(
        given["trade_sigma_rare_earths"]["value"]["default"]
    )
    score, high, low = (
        given[k]["value"] for k in ("substitutability", "ree_elasticity_max", "ree_elasticity_min")
    )
    for name in ("petroleum", "magnets"):
        cost = {e: base.benchmark.use[:, good[e], sector[name]].sum() for e in base.labels.elements}
        mean = sum(cost[e] * score[e] for e in cost) / sum(cost.values()) / 100
        assert p.ree_elasticity[sector[name]] == pytest.approx(high - (high - low) * mean, rel=1e-9)
    # Cracking catalysts (La) have worse substitutes than magnets (Nd, Pr).
    assert p.ree_elasticity[sector["petroleum"]] < p.ree_elasticity[sector["magnets"]]


def test_regions_learn_from_where_they_buy():
    base = calibration.load("china-2009")
    b, good = base.benchmark, by(base.labels, "goods")
    regions = by(base.labels, "regions")
    n, i = regions["AUS"], regions["CHN"]
    goods = ("chemicals", "machinery", "electrical_optical", "transport_equipment")
    bought = {k: b.use[n, good[k]].sum() for k in goods}
    share = sum(bought[k] * b.trade_share[0, i, n, good[k]] for k in goods) / sum(bought.values())
    assert b.parameters.spillover_region[n, i] == pytest.approx(share, rel=1e-9)
    assert b.parameters.spillover_region[n, i] > 10 * b.parameters.spillover_region[i, n]


def test_magnets_are_as_many_as_the_elements_in_them(base):
    s = settings(base.name)["rare_earths"]
    b, good = base.benchmark, by(base.labels, "goods")
    maker = by(base.labels, "sectors")["magnets"]
    measures = facts.Measures(base)
    for n, region in enumerate(base.labels.regions):
        oxide = 0.0
        for e, element in enumerate(base.labels.elements):
            spent = b.use[n, good[element]]
            if spent.sum() > 0:
                oxide += measures.reo[:, n, e].sum() * spent[maker] / spent.sum()
        price = s["magnet_price"]["value"]
        expected = oxide / s["reo_content"]["value"]["magnets"] * price.get(region, price["default"]) / 1e3
        assert b.output[n, maker] == pytest.approx(expected, rel=1e-6, abs=1e-9), region
