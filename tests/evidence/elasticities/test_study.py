"""From patents and prices to a panel, and from estimates to a calibration the model takes."""

from __future__ import annotations

import html
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from calibration.errors import InputError
from calibration.evidence import shipped
from calibration.evidence.elasticities.estimators import first_stage_f
from calibration.evidence.elasticities.instruments import Variation, variation
from calibration.evidence.elasticities.panel import Panel, panel_from_frame
from calibration.evidence.elasticities.parameters import SectorElasticity, calibration_text
from calibration.evidence.elasticities.simulate import World, simulate
from calibration.evidence.elasticities.study import (
    build_panel,
    licence_exposure,
    quota_tightness,
    sector_prices,
)
from calibration.evidence.elasticities.technology import epsilon_from_research, epsilon_standard_error
from calibration.evidence.exposure.measures import wiod_exposure
from calibration.load import find, load
from calibration.tables import write_csv
from run import guarded
from tests.evidence.elasticities.counts import drawn_counts

BASE = find("china-2009")


def test_price_index_by_hand() -> None:
    exposure = wiod_exposure()
    prices = sector_prices(exposure, (2009, 2010, 2011))
    raw = shipped.oxide_prices().set_index(["element", "year"])["price"]
    place = exposure.sectors.index("c14")
    share = dict(zip(exposure.elements, exposure.element_share[place], strict=True))
    covered = sum(share[e] for e in prices.elements)
    change = sum(share[e] / covered * np.log(raw[e, 2011] / raw[e, 2009]) for e in prices.elements)
    index = prices.log_price.loc["c14"]
    assert index[2011] - index[2009] == pytest.approx(change)
    assert prices.soft  # prices of 2010 and 2011 are recalled
    assert set(prices.log_price.index) == {"c8", "c9", "c11", "c12", "c13", "c14", "c15"}


def test_years_without_an_annual_average_are_left_out_not_filled() -> None:
    prices = sector_prices(wiod_exposure(), tuple(range(2007, 2021)))
    assert 2013 not in prices.years
    assert set(prices.elements) == {"La", "Ce", "Nd", "Eu", "Tb", "Dy"}
    with pytest.raises(
        InputError, match=r"three years are the least; of the years asked for there are: 2012$"
    ):
        sector_prices(wiod_exposure(), (2012, 2013))  # what is missing is years: 2012 has ten elements
    with pytest.raises(InputError, match=r"three years are the least; .*: none"):
        sector_prices(wiod_exposure(), (1990,))
    table = shipped.oxide_prices()
    one = table[(table["element"] == "Nd") | (table["year"] == 2010)]
    with pytest.raises(
        InputError, match="two elements in every year are the least; 1 have one in all of 2009, 2010"
    ):
        sector_prices(wiod_exposure(), (2009, 2010, 2011), one)
    two = table[table["element"].isin(["Nd", "Dy"])]
    assert set(sector_prices(wiod_exposure(), (2009, 2010, 2011), two).elements) == {"Nd", "Dy"}


def test_the_share_of_the_bundle_that_has_prices_is_told() -> None:
    exposure = wiod_exposure()
    prices = sector_prices(exposure, tuple(range(2007, 2021)))
    for sector, share in prices.coverage.items():
        row = exposure.element_share[exposure.sectors.index(sector)]
        assert share == pytest.approx(
            sum(s for e, s in zip(exposure.elements, row, strict=True) if e in prices.elements)
        )
    assert prices.coverage["c9"] < 0.65  # samarium, yttrium and others have no price in some years
    text = str(prices)
    assert f"c9 {100 * prices.coverage['c9']:.0f} %" in text
    assert "Ce, Dy, Eu, La, Nd, Tb" in text
    assert "recalled" in text
    short = sector_prices(exposure, (2009, 2010, 2011))
    assert (short.coverage > prices.coverage - 1e-12).all()


def test_quota_tightness_is_zero_once_there_is_none() -> None:
    tightness = quota_tightness(tuple(range(2003, 2020)))
    assert 2003 not in tightness
    assert tightness[2010] > 0.5
    assert tightness[2018] == 0.0
    assert np.mean([tightness[y] for y in range(2005, 2010)]) == pytest.approx(0.0, abs=1e-12)


def test_a_licence_weighs_on_users_of_cheap_oxides() -> None:
    exposure = licence_exposure(wiod_exposure())
    assert exposure["c8"] > exposure["c14"] > 0  # lanthanum for cracking against europium and neodymium
    assert exposure["c1"] == 0.0


def test_panel_of_counts_and_totals() -> None:
    years = range(2007, 2013)
    rows = [(c, s, y) for c in ("JPN", "DEU") for s in ("c14", "c9", "c1") for y in years]
    totals = pd.DataFrame(rows, columns=["country", "sector", "year"]).assign(patents=100.0)
    some = totals.assign(element="Nd", category="uses_less", patents=2.0)
    others = totals.assign(element="Dy", category="new_use", patents=3.0)
    passing = totals.assign(element="Y", category="unrelated", patents=50.0)
    panel = build_panel(pd.concat([some, others, passing]), totals, dependence={"JPN": 1.0, "DEU": 0.5})
    assert len(panel) == 24  # c1 buys no rare earths
    assert set(panel["ree_patents"]) == {2.0}
    assert set(panel["other_patents"]) == {95.0}
    exposure = panel.pivot(index="year", columns="unit", values="quota_exposure")
    assert exposure["DEU c9"].to_numpy() == pytest.approx(0.5 * exposure["JPN c9"].to_numpy())
    with pytest.raises(InputError, match="more rare-earth patents than patents"):
        build_panel(some.assign(patents=200.0), totals)
    one = (some["country"] == "DEU") & (some["sector"] == "c9") & (some["year"] == 2010)
    with pytest.raises(InputError, match="more rare-earth patents than patents in DEU, c9, 2010"):
        build_panel(some.assign(patents=np.where(one, 200.0, 2.0)), totals)
    all_of_them = build_panel(some.assign(patents=100.0), totals)
    assert set(all_of_them["other_patents"]) == {0.0}
    counts = pd.concat([some, others])
    for cut in (
        totals[totals["country"] != "DEU"],
        totals.drop(index=totals.query("country == 'DEU' and sector == 'c9' and year == 2010").index),
    ):
        with pytest.raises(
            InputError, match=r"\d+ cells have rare-earth patents and no totals, first DEU, c"
        ):
            build_panel(counts, cut)
    # Nothing is lost where nothing was used: patents of sectors that buy no rare earths, or on other things.
    assert len(build_panel(counts, totals[totals["sector"] != "c1"])) == 24
    idle = passing[passing["country"] == "DEU"]
    there = totals[totals["country"] == "JPN"]
    assert len(build_panel(pd.concat([some[some["country"] == "JPN"], idle]), there)) == 12
    with pytest.raises(InputError, match="unknown classes savings"):
        build_panel(some, totals, saving=("savings",))


def test_countries_that_copy_one_instrument_add_no_evidence() -> None:
    """One quota and seven sectors: as many clusters, and the same first stage, with one country and with twenty."""
    panels = [panel_from_frame(build_panel(*drawn_counts(n))) for n in (1, 5, 20)]
    assert [p.clustered_by for p in panels] == ["unit", "sector", "sector"]
    assert [int(p.cluster.max()) + 1 for p in panels] == [7, 7, 7]
    f = [first_stage_f(p)[0] for p in panels]
    assert f == pytest.approx([f[0]] * 3, rel=1e-6)
    by_unit = first_stage_f(panel_from_frame(build_panel(*drawn_counts(20)), cluster="unit"))[0]
    assert by_unit > 10 * f[0]  # what copies pretend to know
    assert [variation(p) for p in panels] == [Variation(7, 1)] * 3


def test_calibration_is_loaded_by_the_model_as_it_is(tmp_path: Path) -> None:
    base = load(BASE)
    found = [
        SectorElasticity("machinery", 0.42, 0.21, 0.6),
        SectorElasticity("magnets", 0.0, 0.0, 0.2),
    ]
    text = calibration_text(
        found,
        2.5,
        base=BASE,
        folder=tmp_path,
        name="x",
        source="a test",
        status="computed",
        sectors=base.labels.sectors,
    )
    (tmp_path / "x.yaml").write_text(text, encoding="utf-8")
    loaded = load(tmp_path / "x.yaml")
    old = dict(zip(base.labels.sectors, base.benchmark.parameters.ree_elasticity, strict=True))
    new = dict(zip(loaded.labels.sectors, loaded.benchmark.parameters.ree_elasticity, strict=True))
    assert new["machinery"] == 0.42
    assert new["magnets"] == 0.01
    assert {k: v for k, v in new.items() if k not in ("machinery", "magnets")} == {
        k: v for k, v in old.items() if k not in ("machinery", "magnets")
    }
    assert loaded.benchmark.parameters.innovation_elasticity[0, 0] == pytest.approx(0.4)
    with pytest.raises(InputError, match="did you mean machinery"):
        calibration_text(
            [SectorElasticity("machinry", 0.4, 0.2, 0.6)], 2.0, base=BASE, folder=tmp_path, name="x", source="s",
            status="computed", sectors=base.labels.sectors,
        )  # fmt: skip
    with pytest.raises(ValueError, match="every sector was refused"):
        calibration_text(
            [], 2.0, base=BASE, folder=tmp_path, name="x", source="s", status="computed", sectors=()
        )


def written_panel(path: Path, data: pd.DataFrame) -> list[str]:
    """Words of the command that reads a panel."""
    columns = ["unit", "sector", "year", "ree_patents", "other_patents", "log_price", "quota_exposure"]
    write_csv(path, {c: data[c].tolist() for c in columns if c in data})
    return [
        "estimate",
        "elasticities",
        "--panel",
        str(path),
        "--draws",
        "99",
        "--out",
        str(path.parent / "out"),
    ]


def test_one_quota_gives_one_elasticity_that_the_model_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Shipped prices, six countries: the instruments of sectors are collinear once year effects are out."""
    for name, data in zip(("counts", "totals"), drawn_counts(6, size=400.0), strict=True):
        write_csv(tmp_path / f"{name}.csv", {c: data[c].tolist() for c in data})
    words = ["estimate", "elasticities", "--draws", "99", "--out", str(tmp_path / "out")]
    for name in ("counts", "totals"):
        words += [f"--{name}", str(tmp_path / f"{name}.csv")]
    assert guarded(words) == 0
    out = capsys.readouterr().out
    assert "sectors cannot be told apart" in out
    assert "7 clusters (sector)" in out
    assert "7 different paths over time, combinations of 1 series" in out
    assert "one slope for all sectors" in out
    assert "c9 60 %" in out
    loaded = load(tmp_path / "out" / "elasticities.yaml").settings.parameters.ree_elasticity
    assert set(loaded.value) == {
        "minerals", "metals", "machinery", "electrical_optical", "magnets", "transport_equipment", "petroleum",
        "chemicals",
    }  # fmt: skip
    (value,) = set(loaded.value.values())
    assert 0.0 < value < 1.0
    truth = float(epsilon_from_research(0.4, 2.0))
    low, high = loaded.range_factor
    assert low * value < truth < high * value
    assert value == pytest.approx(truth, abs=0.15)
    assert high / low < 1.5  # the counts are many: an interval without ends would say nothing
    assert loaded.status == "analyst"
    assert loaded.source.startswith("one slope for all sectors, a judgement")
    again = [*words[:-6], "--out", str(tmp_path / "by_unit"), *words[-4:], "--cluster", "unit"]
    assert guarded(again) == 0
    assert "42 clusters (unit)" in capsys.readouterr().out


def test_sectors_that_rest_on_the_prior_are_soft(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Seven sectors with instruments of their own, that of three is noise: they are told, and soft in the file."""
    rng = np.random.default_rng(0)
    names = np.array(["c8", "c9", "c11", "c12", "c13", "c14", "c15"])
    unit, year = np.divmod(np.arange(56 * 16), 16)
    sector = unit % 7
    z = rng.normal(size=unit.size)
    slope = np.array([0.1, 0.6, 0.0, 0.5, 0.3, 0.3, 0.3])[sector]
    price = np.where(sector < 4, z, 0.0) + 0.4 * rng.normal(size=unit.size)
    counts = rng.poisson(60 * np.exp(slope * price)).astype(float)
    data = pd.DataFrame(
        {
            "unit": unit, "sector": names[sector], "year": 2000 + year, "ree_patents": counts,
            "other_patents": 1000.0, "log_price": price, "quota_exposure": z,
        }
    )  # fmt: skip
    assert guarded(written_panel(tmp_path / "panel.csv", data)) == 0
    entry = load(tmp_path / "out" / "elasticities.yaml").settings.parameters.ree_elasticity
    assert entry.status == "computed"
    # What is unknown of three sectors is, by the year effects they share, less known of the others (Sanderson and
    # Windmeijer's F): some of those may be soft too, those with the best first stages are not.
    assert {"electrical_optical", "magnets", "transport_equipment", "machinery"} <= set(entry.soft)
    assert not {"minerals", "chemicals"} & set(entry.soft)
    assert "own weight" in entry.source
    assert ", F " in entry.source
    out = capsys.readouterr().out
    assert "Soft in elasticities.yaml" in out
    methods = "iv_ppml, iv_log, ppml and log_plus_one"
    first_order = f"Errors of {methods} are the jackknife's to first order: there are more than 50"
    assert first_order in out
    assert first_order in html.unescape((tmp_path / "out" / "section.html").read_text(encoding="utf-8"))
    slopes = pd.read_csv(tmp_path / "out" / "slopes.csv", comment="#").set_index("method").loc["iv_ppml"]
    error = epsilon_standard_error(slopes["slope"], slopes["standard_error"], 2.0)
    assert slopes["epsilon_standard_error"] == error > slopes["standard_error"]


@pytest.mark.parametrize("names", [["lamps", "motors", "magnets"], ["c8", "c9", "c99"]])
def test_sectors_of_another_list_have_one_slope_together(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], names: list[str]
) -> None:
    """A panel of them was refused whole, and what would have been accepted was not said."""
    data = simulate(World(sectors=3, countries=8, years=12, ree_patents=20.0), np.random.default_rng(0)).data
    data["sector"] = [names[k] for k in data["sector"]]
    assert guarded(written_panel(tmp_path / "panel.csv", data)) == 0
    out = capsys.readouterr().out
    first = next(name for name in names if not name.startswith(("c8", "c9")) or name == "c99")
    assert f"unknown sector '{first}'; expected one of c1, c2, " in out and "(35 in all)" in out
    assert "one slope for all sectors" in out and "iv_ppml" in out
    assert ("lamps: the calibration has no sector" in out) is ("lamps" in names)
    assert (tmp_path / "out" / "elasticities.yaml").exists() is ("c8" in names)


def test_errors_of_few_clusters_to_first_order_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the column `errors` of slopes.csv said so, of errors that are 15 to 40 % too small with seven clusters."""
    from calibration.evidence.elasticities import estimators

    data = simulate(World(sectors=7, countries=6, years=12, ree_patents=20.0), np.random.default_rng(0)).data
    data["sector"] = [("c8", "c9", "c11", "c12", "c13", "c14", "c15")[k] for k in data["sector"]]
    words = written_panel(tmp_path / "panel.csv", data)
    assert guarded(words) == 0
    assert "to first order" not in capsys.readouterr().out
    shutil.rmtree(tmp_path / "out")
    monkeypatch.setattr(
        estimators, "jackknife", lambda panel, method, slope: None if method == "ppml" else np.eye(1)
    )
    assert guarded(words) == 0
    assert (
        "Errors of ppml are the jackknife's to first order: left without one of the"
        in capsys.readouterr().out
    )


def test_a_method_that_fails_stops_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from calibration.evidence.elasticities import estimators

    def fails(_: Panel) -> None:
        raise ValueError("no separation")

    monkeypatch.setitem(estimators._SOLVERS, "ppml", fails)
    world = World(sectors=7, countries=6, years=12, ree_patents=20.0)
    data = simulate(world, np.random.default_rng(0)).data
    data["sector"] = [("c8", "c9", "c11", "c12", "c13", "c14", "c15")[k] for k in data["sector"]]
    words = written_panel(tmp_path / "panel.csv", data)
    assert guarded(words) == 0
    out = capsys.readouterr().out
    assert "Without an estimate: ppml: no separation" in out
    found = pd.read_csv(tmp_path / "out" / "slopes.csv", comment="#").set_index("method").loc["iv_ppml"]
    interval = f"{found['weak_iv_lower']:.3g} to {found['weak_iv_upper']:.3g}"
    assert f"rests on Anderson and Rubin's of the iv_ppml slope, {interval};" in out
    listed = (tmp_path / "out" / "slopes.csv").read_text(encoding="utf-8")
    assert [m in listed for m in ("iv_ppml", "iv_log", "\nppml", "log_plus_one")] == [True, True, False, True]
    shutil.rmtree(tmp_path / "out")
    monkeypatch.setitem(estimators._SOLVERS, "iv_ppml", fails)
    assert guarded(words) == 2
    told = capsys.readouterr().err
    assert "the panel does not identify a slope: no separation" in told
    assert "first-stage F is" in told
    assert "Anderson-Rubin test does not reject slopes from" in told
    assert not (tmp_path / "out").exists()


def test_an_instrument_that_does_not_move_the_price_is_what_is_told() -> None:
    from outputs.evidence.elasticities_run import investigate

    data = simulate(World(sectors=6, countries=4, years=10, ree_patents=8.0), np.random.default_rng(3)).data
    noise = np.random.default_rng(1).normal(size=len(data))
    panel = panel_from_frame(data.assign(quota_exposure=noise))
    told = r"instruments move the price too little.* first-stage F is 0\.\d+; the Anderson-Rubin test rejects no slope"
    with pytest.raises(InputError, match=told):
        investigate(panel, {}, zeta=2.0, base="china-2009", draws=0)
    # Of six clusters that test can reject nothing, so that nothing is said of it.
    few = panel_from_frame(data.assign(quota_exposure=noise), cluster="sector")
    with pytest.raises(InputError, match=r"first-stage F is \d\.\d+$"):
        investigate(few, {}, zeta=2.0, base="china-2009", draws=0)


def test_counts_fitted_without_error_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    unit, year = np.divmod(np.arange(12 * 8), 8)
    data = pd.DataFrame({"unit": unit, "sector": np.where(unit % 2, "c8", "c9"), "year": year})
    z = np.random.default_rng(0).integers(-3, 4, unit.size).astype(float)
    data = data.assign(
        log_price=z * np.log(2), quota_exposure=z, ree_patents=8.0 * 2.0**z, other_patents=64.0
    )
    assert guarded(written_panel(tmp_path / "panel.csv", data)) == 2
    assert "without error" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_simulated_estimates_by_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from outputs.evidence import elasticities_files, figures

    drawn = []
    monkeypatch.setattr(
        elasticities_files, "save", lambda one, path: drawn.append(one) or figures.save(one, path)
    )
    out = tmp_path / "out"
    assert guarded(["estimate", "elasticities", "--simulate", "--draws", "99", "--out", str(out)]) == 0
    assert "SIMULATED" in capsys.readouterr().out
    written = {p.name for p in out.iterdir()}
    assert written == {
        "slopes.csv",
        "epsilon_by_zeta.csv",
        "epsilon_by_zeta.png",
        "sectors.csv",
        "sectors.png",
        "elasticities.yaml",
        "summary.md",
        "section.html",
        "index.html",
    }
    # A copy of a figure alone is not to be taken for evidence.
    assert len(drawn) == 2
    assert all("SIMULATED" in one.get_supxlabel() for one in drawn)
    labels = [text.get_text() for text in drawn[1].axes[0].get_yticklabels()]
    assert labels
    assert not any("..." in text for text in labels)
    loaded = load(out / "elasticities.yaml")
    assert "SIMULATED data, not evidence" in loaded.settings.parameters.ree_elasticity.source
    assert loaded.settings.parameters.ree_elasticity.status == "analyst"


def test_one_country_gets_no_sector_slopes_and_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its common slope is above the limit in this draw, so that there is no elasticity to write."""
    world = World(sectors=7, countries=1, years=18, ree_patents=40.0)
    data = simulate(world, np.random.default_rng(0)).data
    data["sector"] = [("c8", "c9", "c11", "c12", "c13", "c14", "c15")[k] for k in data["sector"]]
    columns = ["unit", "sector", "year", "ree_patents", "other_patents", "log_price", "quota_exposure"]
    write_csv(tmp_path / "panel.csv", {c: data[c].tolist() for c in columns})
    words = ["estimate", "elasticities", "--panel", str(tmp_path / "panel.csv"), "--draws", "99"]
    assert guarded([*words, "--out", str(tmp_path / "out")]) == 0
    out = capsys.readouterr().out
    assert "sectors cannot be told apart" in out
    assert "is at or above zeta/(1+zeta)" in out
    assert not (tmp_path / "out" / "elasticities.yaml").exists()


def test_files_without_rows_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, data in zip(("counts", "totals"), drawn_counts(1), strict=True):
        write_csv(tmp_path / f"{name}.csv", {c: data[c].tolist() for c in data})
        write_csv(tmp_path / f"no_{name}.csv", {c: [] for c in data})
    panel = tmp_path / "panel.csv"
    panel.write_text("unit,sector,year,ree_patents,other_patents,log_price\n", encoding="utf-8")
    both = [f"--counts={tmp_path / 'counts.csv'}", f"--totals={tmp_path / 'totals.csv'}"]
    for words, file in (
        ([f"--panel={panel}"], "panel.csv"),
        ([f"--counts={tmp_path / 'no_counts.csv'}", both[1]], "no_counts.csv"),
        ([both[0], f"--totals={tmp_path / 'no_totals.csv'}"], "no_totals.csv"),
    ):
        assert guarded(["estimate", "elasticities", *words, "--out", str(tmp_path / "out")]) == 2
        assert f"{file}: there are no rows below the header" in capsys.readouterr().err
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["elasticities", "--simulate", "--zeta", "-1"], "--zeta"),
        (["elasticities", "--simulate", "--draws", "5"], "--draws"),
        (["elasticities", "--counts", "nowhere.csv"], "--totals: missing"),
        (["elasticities", "--panel", "nowhere.csv"], "no such file"),
        (
            ["elasticities", "--simulate", "--saving", "foo"],
            "--saving: does not apply: only --counts needs it",
        ),
        (["elasticities", "--simulate", "--totals", "t.csv"], "--totals: does not apply"),
        (["elasticities", "--panel", "nowhere.csv", "--seed", "3"], "--seed: does not apply"),
        (["elasticities", "--simulate", "--base", "china-2008"], "china-2009"),
        (["exposure", "--exposure", "nowhere.csv"], "no such file"),
        (["exposure", "--regime", "directed"], "--regime: does not apply"),
        (["exposure", "--base-year", "1995"], "base year 1995"),
    ],
)
def test_mistakes_are_told(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(["estimate", *words]) == 2
    assert message in capsys.readouterr().err
