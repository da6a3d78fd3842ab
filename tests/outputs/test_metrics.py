"""Metrics of shipped base years: scores, governance, draws, solved elasticities, prediction of losses, the command."""

import csv
import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr
from scipy import stats

import calibration
import run
from calibration.errors import InputError
from calibration.load import build, read_settings
from model.exposure import exposure_index, world_table
from outputs import provenance
from outputs.metrics import (
    base,
    elasticity,
    governance,
    prediction,
    results,
    saving,
    scores,
    tables,
    text,
    uncertainty,
)
from outputs.metrics.regions import regions
from outputs.names import number

SMALL = "china-2009-small"


@pytest.fixture(scope="module")
def ready():
    return base.prepare(calibration.load(SMALL))


@pytest.fixture(scope="module")
def found(ready):
    return results.measure(ready, draws=5, solved=False)


@pytest.fixture(scope="module")
def implied(ready):
    return elasticity.implied(ready)


def column(table, start):
    """The one column whose header starts so."""
    (name,) = [name for name in table.columns if name.startswith(start)]
    return table[name].to_numpy()


# Tables and dataset


def test_every_variable_has_units_and_labels(found):
    data = results.dataset(found)
    for array in data.data_vars.values():
        assert array.attrs["units"]
        assert array.attrs["description"]
        assert np.isfinite(array.values).all()
    assert list(data["region"].values) == list(found.base.labels.regions)


def test_the_index_in_the_table_is_the_product_of_its_parts(found):
    table = tables.exposure(found)
    product = np.prod(
        [column(table, part) for part in ("intensity", "dependence", "non-subst", "concentration")], axis=0
    )
    np.testing.assert_allclose(product, column(table, "index [USD"), rtol=1e-10)
    assert (np.diff(column(table, "index [USD")) <= 0).all()


def test_ranks_run_over_sectors_outside_the_chain_and_the_restricting_region(found):
    table = tables.exposure(found)
    ranked = table[table["rank"] > 0]
    assert sorted(ranked["rank"]) == list(range(1, len(ranked) + 1))
    assert "CHN" not in set(ranked["region"])
    assert not {"ree_mining", "ree_separation", "magnets"} & set(ranked["sector"])
    low, middle, high = (column(table, f"index, {q}") for q in ("5 %", "median", "95 %"))
    assert (low <= middle).all() and (middle <= high).all()


def test_everything_used_is_finally_used_by_somebody(found):
    table = tables.embodied_trade(found)
    tonnes = table.groupby("element", sort=False)["embodied [t]"].sum()
    np.testing.assert_allclose(tonnes, found.base.flows.element_tonnes.sum(axis=(1, 2)), rtol=1e-10)
    shares = table.groupby(["element", "origin"], sort=False)["share of the origin's [share]"].sum()
    np.testing.assert_allclose(shares, 1, rtol=1e-10)


def test_final_demand_holds_what_is_embodied(found):
    table, flows = tables.final_demand(found), found.base.flows
    n = len(found.base.labels.regions)
    spent = flows.final.reshape(n, -1, n).sum(axis=0).T
    labels = found.base.labels
    kilos = sum(
        row[-2] * spent[labels.regions.index(row.region), labels.sectors.index(row.sector)]
        for row in table.itertuples(index=False)
    )
    np.testing.assert_allclose(kilos / 1e3, flows.element_tonnes.sum(), rtol=1e-9)


def test_paths_start_at_mines_and_fall_in_size(found):
    table = tables.supply_paths(found)
    for _, rows in table.groupby("element"):
        assert (np.diff(rows["tonnes [t]"]) <= 1e-9).all()
        assert rows["cumulative [share]"].iloc[-1] <= 1
    first = table[table["element"] == "Dy"].iloc[0]
    assert (first["mine"], first["separator"]) == ("CHN", "CHN")
    assert first["path"].startswith("CHN:magnets")


def test_the_country_index_is_the_product_of_its_parts(found):
    r = found.regions
    product = r.intensity * r.dependence * r.non_substitutability * r.concentration
    np.testing.assert_allclose(product, r.production, rtol=1e-10)
    assert (r.crossing <= r.production * (1 + 1e-12)).all()
    assert r.crossing[found.base.restricting] == 0
    np.testing.assert_allclose(
        r.crossing[~found.base.restricting], r.production[~found.base.restricting], rtol=1e-12
    )


# Scores


def test_the_calibrations_own_scores_give_its_elasticities(ready):
    own = elasticity.elasticities(ready, ready.scores["calibration"])
    np.testing.assert_allclose(own, ready.calibration.benchmark.parameters.ree_elasticity, rtol=1e-12)


def test_published_scores_are_there_with_their_status(ready):
    assert set(ready.scores) >= {"calibration", "graedel-2015", "eu-2017-supply-risk", "eu-2014"}
    for one in ready.scores.values():
        assert one.status == "memory"
        assert ((one.element >= 0) & (one.element <= 100)).all()
    np.testing.assert_allclose(ready.scores["graedel-2015"].element, ready.scores["calibration"].element)


USER = """\
name: mine
title: Scores of a test
source: made up
status: analyst
elements: {default: 50, Dy: 80}
"""


def write(tmp_path, text):
    path = tmp_path / "scores.yaml"
    path.write_text(text)
    return path


def test_a_users_scores_are_read(ready, tmp_path):
    found = scores.read(write(tmp_path, USER), ready.calibration)
    by_name = dict(zip(ready.labels.elements, found.element, strict=True))
    assert by_name["Dy"] == 80
    assert by_name["La"] == 50
    halved = base.prepare(ready.calibration, score="mine", score_files=[tmp_path / "scores.yaml"])
    assert halved.score.name == "mine"
    assert halved.exposure.non_substitutability.max() <= 0.8 + 1e-12


def test_scores_of_an_application_reach_the_sectors_that_have_it(ready, tmp_path):
    """Fluid cracking catalysts are all that refineries use lanthanum for."""
    text = USER + "applications: {fcc_catalysts: {La: 10}, magnets: {default: 99}}\n"
    one = scores.read(write(tmp_path, text), ready.calibration)
    by_user = scores.by_first_user(one, ready.calibration)
    shape = ready.calibration.benchmark.output.shape
    la, dy = (ready.labels.elements.index(e) for e in ("La", "Dy"))
    host = ready.labels.sectors.index("magnets")
    names, share = scores.application_shares(ready.calibration)
    used = share[names.index("fcc_catalysts"), :, la]  # (n,j)
    np.testing.assert_allclose(by_user[la].reshape(shape)[used == 1], 10)
    only = share[names.index("magnets"), :, dy, host] == 1
    np.testing.assert_allclose(by_user[dy].reshape(shape)[only, host], 99)
    assert (used == 1).any() and only.any()
    assert ((share.sum(axis=0) >= 0) & (share.sum(axis=0) <= 1 + 1e-12)).all()


def test_applications_with_the_scores_of_the_elements_change_nothing(ready, tmp_path):
    text = USER + "applications: {magnets: {default: 50, Dy: 80}, phosphors: {default: 50, Dy: 80}}\n"
    one = scores.read(write(tmp_path, text), ready.calibration)
    by_user = scores.by_first_user(one, ready.calibration)
    np.testing.assert_allclose(by_user, np.broadcast_to(one.element[:, None], by_user.shape))


def test_every_wrong_name_of_a_score_file_is_reported(ready, tmp_path):
    text = USER.replace("{default: 50, Dy: 80}", "{Dj: 80, La: 5}") + "applications: {magnet: {Dy: 3}}\n"
    with pytest.raises(InputError) as error:
        scores.read(write(tmp_path, text), ready.calibration)
    message = str(error.value)
    assert "unknown element 'Dj'" in message
    assert "unknown application 'magnet'" in message
    assert "no score for" in message
    assert "scores.yaml:5" in message


@pytest.mark.parametrize(
    "line", ["elements: {default: 101}", "elements: {}", "elements: {default: 50}\nextra: 1"]
)
def test_scores_out_of_range_and_unknown_keys_are_refused(ready, tmp_path, line):
    with pytest.raises(InputError):
        scores.read(write(tmp_path, USER.replace("elements: {default: 50, Dy: 80}", line)), ready.calibration)


def test_a_name_that_is_taken_is_refused(ready, tmp_path):
    with pytest.raises(InputError, match="is taken"):
        scores.gather(ready.calibration, [write(tmp_path, USER.replace("mine", "eu-2014"))])


def test_unknown_scores_and_regions_are_named():
    small = calibration.load(SMALL)
    with pytest.raises(InputError, match="unknown scores 'eu-2015'"):
        base.prepare(small, score="eu-2015")
    with pytest.raises(InputError, match=r"unknown region 'CHM'.*did you mean CHN"):
        base.prepare(small, restricting=["CHM"])


# Governance


def test_governance_is_the_mean_of_six_published_figures(ready):
    with governance.FILE.open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(line for line in stream if not line.startswith("#")))
    china = next(row for row in rows if row["economy"] == "CHN" and row["year"] == "2009")
    figures = [float(value) for key, value in china.items() if key not in ("economy", "year")]
    place = ready.labels.regions.index("CHN")
    np.testing.assert_allclose(ready.governance.estimate[place], np.mean(figures))
    assert len(figures) == 6
    assert ready.governance.year == 2009
    assert ready.governance.economies[ready.labels.regions.index("EUR")] == ("AUT", "EST")


def test_a_supplier_without_figures_is_refused(ready, monkeypatch):
    _, known = governance.estimates(2009)
    monkeypatch.setattr(
        governance, "estimates", lambda year: (2009, {k: v for k, v in known.items() if k != "CHN"})
    )
    with pytest.raises(InputError, match="no governance figures of 2009 for CHN"):
        governance.governance(ready.calibration, ready.supply)


# Draws


def test_a_draw_at_the_values_of_the_calibration_is_the_calibration(ready):
    settings, document, concordance, _ = read_settings(ready.calibration.path)
    numbers = uncertainty.leaves(settings)
    quantiles = [
        np.log(x.value / x.low) / np.log(x.high / x.low)
        if x.low > 0
        else (x.value - x.low) / (x.high - x.low)
        for x in numbers
    ]
    same = uncertainty.drawn(settings, numbers, np.array(quantiles))
    again = build(same, document, concordance, ready.calibration.host, ready.calibration.path, {})
    index = exposure_index(
        world_table(again.benchmark), ready.first_user_score, ready.restricting, ready.concentration
    ).index
    np.testing.assert_allclose(index, ready.exposure.index, rtol=1e-8)


def test_draws_stay_in_their_ranges_and_shares_sum_to_one(ready):
    settings, *_ = read_settings(ready.calibration.path)
    numbers = uncertainty.leaves(settings)
    rng = np.random.default_rng(3)
    new = uncertainty.drawn(settings, numbers, rng.random(len(numbers)))
    old = settings.rare_earths
    low, high = old.oxide_price.range_factor
    for element, price in new.rare_earths.oxide_price.value.items():
        assert low <= price / old.oxide_price.value[element] <= high
    for row in new.rare_earths.ore_mix.value.values():
        assert sum(row.values()) == pytest.approx(1)
    assert max(new.parameters.substitutability.value.values()) <= 100
    assert max(new.rare_earths.magnet_home_share.value.values()) <= 1
    assert old.oxide_price.value == read_settings(ready.calibration.path)[0].rare_earths.oxide_price.value


def test_draws_repeat_with_their_seed(ready):
    first, again, other = (uncertainty.draw(ready, 3, seed).index for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)


def test_draws_without_a_base_year_are_counted_not_hidden(ready, monkeypatch):
    calls = iter(range(10))
    built = uncertainty.build

    def sometimes(*arguments):
        if next(calls) % 2:
            raise InputError("no such world")
        return built(*arguments)

    monkeypatch.setattr(uncertainty, "build", sometimes)
    drawn = uncertainty.draw(ready, 4, 0)
    assert len(drawn.index) == 2
    assert drawn.failed == ("no such world", "no such world")


def test_inputs_are_followed_from_a_nearby_inverse(ready):
    flows = world_table(ready.calibration.benchmark)
    nearby = flows.leontief * 1.02
    first = np.random.default_rng(0).random(len(flows.output)) * (flows.output > 0)
    exact = np.linalg.solve((np.eye(len(first)) - flows.coefficients).T, first)
    np.testing.assert_allclose(uncertainty.through_inputs(flows, first, nearby), exact, rtol=1e-8)


# Solved elasticities


def test_demand_in_the_solved_model_has_the_elasticity_of_the_scores(ready, implied):
    """Where rare earths are a small part of cost, nothing else can move demand (E5)."""
    users = (implied.score[0] > 0) & (np.array(ready.labels.sectors) != "magnets")
    np.testing.assert_allclose(implied.demand["fixed"][:, users], implied.substitution[:, users], atol=5e-3)


def test_demand_with_directed_technology_has_the_long_run_elasticity(ready, implied):
    """E18, in closed form, against the solved model."""
    users = (implied.score[0] > 0) & (np.array(ready.labels.sectors) != "magnets")
    np.testing.assert_allclose(implied.demand["directed"][:, users], implied.long_run[:, users], atol=5e-3)
    assert (implied.long_run[:, users] > implied.substitution[:, users]).all()


def test_harder_scores_mean_less_elastic_demand(implied):
    own, strict = implied.scores.index("calibration"), implied.scores.index("eu-2017-supply-risk")
    assert implied.total["fixed"][strict] < implied.total["fixed"][own]
    assert (implied.element > 0).all()


def test_tonnes_by_user_add_up_to_tonnes_sold(ready):
    from model.flows import gate_tonnes
    from model.records import Shock
    from model.solve import solve

    b = ready.calibration.benchmark
    taxed = np.zeros(b.final.shape, dtype=bool)
    taxed[:, b.elements] = True
    answer = elasticity.respond(b, taxed, elasticity.FIXED)
    after = solve(b, Shock(use_subsidy=np.where(taxed, -elasticity.STEP, 0.0)), elasticity.FIXED)
    before = solve(b, Shock(), elasticity.FIXED)
    sold = [gate_tonnes(x)[:, :, b.elements].sum(axis=0) for x in (before, after)]  # (n,e)
    bought = (answer.value * np.exp(answer.quantity)).sum(axis=1) / answer.value.sum(axis=1)
    # Purchases at base prices against tonnes: equal but for the mix of origins, which a tax on all leaves alone.
    np.testing.assert_allclose(bought, sold[1] / sold[0], rtol=2e-3)


# Prediction


def test_rank_correlation_is_spearmans():
    rng = np.random.default_rng(5)
    a, b = rng.integers(0, 5, 40), rng.integers(0, 5, 40)  # with ties
    np.testing.assert_allclose(prediction.spearman(a, b), stats.spearmanr(a, b).statistic)
    assert prediction.spearman(np.ones(4), np.arange(4)) == 0
    low, high = prediction.bootstrap(np.arange(30.0), np.arange(30.0) ** 2)
    assert low == pytest.approx(1) and high == pytest.approx(1)


def test_the_quota_of_2010_hits_the_exposed(ready):
    found = prediction.predict(ready, ["china-2010-quota"], ["exogenous"])
    assert found.failed == ()
    rows = {(c.loss, c.measure): c for c in found.correlations}
    assert rows["cost", "exposure index"].value > 0.5
    assert rows["cost", "exposure index"].low > 0
    one = found.losses[0]
    np.testing.assert_allclose(
        one.income_usd, one.income / 100 * ready.calibration.benchmark.final.sum(axis=1), rtol=1e-6
    )


def test_losses_are_those_of_the_results(ready):
    import scenarios
    from model.records import Shock
    from model.solve import solve
    from model.variables import results as variables

    scenario = scenarios.load("china-2010-quota")
    b = ready.calibration.benchmark
    solution = solve(b, scenario.shock(ready.calibration), scenario.closure("exogenous"))
    values = variables(solution, solve(b, Shock(), scenario.closure("exogenous")))
    one = prediction.loss("quota", "", "exogenous", solution)
    made = b.output > 0
    real = values["unit_cost"] / values["final_price"][:, None]
    np.testing.assert_allclose(one.cost[made], 100 * (real - 1)[made], atol=1e-10)
    np.testing.assert_allclose(one.output[made], 100 * (1 - values["output_volume"])[made], atol=1e-10)
    np.testing.assert_allclose(one.income, 100 * (1 - values["real_income"]), atol=1e-10)


def test_what_is_not_solved_is_named(ready, monkeypatch):
    class Failed:
        converged = False

        class diagnosis:
            @staticmethod
            def text(labels):
                return "stalled"

    monkeypatch.setattr(prediction, "solve", lambda *arguments, **options: Failed)
    found = prediction.predict(ready, ["china-2010-quota"], ["exogenous"])
    assert found.failed == ("china-2010-quota, exogenous: stalled",)
    assert found.correlations == ()


def test_measures_build_on_each_other(ready):
    measures = prediction.measures_by_sector(ready)
    assert (measures["of restricting origins"] <= measures["total intensity"] * (1 + 1e-12)).all()
    assert (measures["and hard to replace"] <= measures["of restricting origins"] * (1 + 1e-12)).all()
    assert (measures["index, crossing the border"] <= measures["exposure index"] * (1 + 1e-12)).all()
    assert (measures["direct intensity"] <= measures["total intensity"] * (1 + 1e-12)).all()
    assert set(prediction.measures_by_region(ready)) >= {"index, production", "index, consumption"}
    assert len(regions(ready).production) == len(ready.labels.regions)


# The command


def test_the_command_writes_a_whole_folder_once(tmp_path, capsys):
    command = [
        "metrics",
        SMALL,
        "--draws",
        "2",
        "--no-solve",
        "--no-figures",
        "--quiet",
        "--out",
        str(tmp_path),
    ]
    assert run.guarded(command) == 0
    (folder,) = tmp_path.iterdir()
    assert capsys.readouterr().out.strip() == str(folder)
    for name in (
        "metrics.nc",
        "index.html",
        "section.html",
        "inputs.json",
        "provenance.json",
        "parameters.csv",
    ):
        assert (folder / name).is_file()
    with xr.open_dataset(folder / "metrics.nc", engine="h5netcdf") as data:
        assert "index" in data
    assert run.guarded(command) == 0
    assert list(tmp_path.iterdir()) == [folder]


def test_shipped_tables_are_part_of_the_run_id(ready, tmp_path, monkeypatch):
    shutil.copytree(saving.DATA, tmp_path / "data")
    monkeypatch.setattr(saving, "DATA", tmp_path / "data")
    seen = {provenance.run_id(saving.determined(ready, "metrics", []))}
    files = sorted(saving.DATA.iterdir())
    assert {"governance.csv", "substitutability.csv", "provenance.yaml"} <= {file.name for file in files}
    for file in files:
        file.write_bytes(file.read_bytes() + b"\n")
        seen.add(provenance.run_id(saving.determined(ready, "metrics", [])))
    assert len(seen) == 1 + len(files)


def test_the_command_prints_json(tmp_path, capsys):
    assert (
        run.guarded(
            ["metrics", SMALL, "--draws", "0", "--no-solve", "--no-figures", "--json", "--out", str(tmp_path)]
        )
        == 0
    )
    printed = json.loads(capsys.readouterr().out)
    assert printed["command"] == "metrics"
    assert set(printed["findings"]) >= {"intensity", "exposure", "path"}
    rows = [row for row in printed["tables"]["intensity"] if row["region"] != "CHN"]
    direct = "direct [kg per million USD of output]"
    base = calibration.load(SMALL)
    made = {
        (region, sector): base.benchmark.output[n, j]
        for n, region in enumerate(base.labels.regions)
        for j, sector in enumerate(base.labels.sectors)
        if region != "CHN" and sector not in base.labels.stages
    }
    kg = sum(float(row[direct]) * made.get((row["region"], row["sector"]), 0.0) for row in rows)
    said = (
        f"the rare-earth chain left out, uses {number(kg / sum(made.values()), 2)} kg of rare earths directly"
    )
    assert said in printed["findings"]["intensity"]
    assert printed["tables"]["exposure"][0]["region"]


@pytest.mark.parametrize(
    "arguments",
    [["no-such-base"], [SMALL, "--restricting", "XXX"], [SMALL, "--score", "none"], [SMALL, "--scenario", "nope"],
     [SMALL, "--scenario", "china-2010-2015"], [SMALL, "--scores", "missing.yaml"]],
)  # fmt: skip
def test_wrong_input_ends_with_code_2_and_writes_nothing(arguments, tmp_path, capsys):
    assert run.guarded(["metrics", *arguments, "--draws", "1", "--no-figures", "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_figures_are_drawn(ready, found, implied, tmp_path):
    from dataclasses import replace

    from outputs.metrics import figures

    full = replace(
        found, implied=implied, prediction=prediction.predict(ready, ["china-2010-quota"], ["exogenous"])
    )
    drawn = figures.draw(full, tmp_path)
    assert {path.stem for path in drawn} == {
        "heat_map", "ranking", "regions", "final_users", "substitutability", "prediction",
    }  # fmt: skip
    assert all(path.stat().st_size > 20_000 for path in drawn)


def test_regions_have_their_articles():
    two = SimpleNamespace(restricting_names=("USA", "ROW"))
    assert text.who(two) == "the United States and the rest of the world"
