"""From patents and prices to a panel, and from estimates to a calibration the model takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from calibration.errors import InputError
from calibration.evidence import shipped
from calibration.evidence.elasticities.estimators import first_stage_f
from calibration.evidence.elasticities.instruments import Variation, variation
from calibration.evidence.elasticities.panel import panel_from_frame
from calibration.evidence.elasticities.parameters import SectorElasticity, calibration_text
from calibration.evidence.elasticities.study import (
    build_panel,
    licence_exposure,
    quota_tightness,
    sector_prices,
)
from calibration.evidence.exposure.measures import wiod_exposure
from calibration.load import find, load
from run import guarded

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
    with pytest.raises(InputError, match="two elements and three years"):
        sector_prices(wiod_exposure(), (2012, 2013))


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
    with pytest.raises(InputError, match="unknown classes savings"):
        build_panel(some, totals, saving=("savings",))


def drawn_counts(countries: int, slope: float = 0.4, size: float = 40.0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Counts and totals as of `patents panel`: research on the shipped prices with a known slope, Poisson counts."""
    years = tuple(range(2005, 2021))
    prices = sector_prices(wiod_exposure(), years).log_price
    rng = np.random.default_rng(0)
    cells = [(f"C{k:02d}", s, y) for k in range(countries) for s in prices.index for y in prices.columns]
    totals = pd.DataFrame(cells, columns=["country", "sector", "year"])
    level = prices.sub(prices.mean(axis=1), axis=0)
    mean = [size * np.exp(slope * level.loc[s, y]) for _, s, y in cells]
    counts = totals.assign(element="Nd", category="uses_less", patents=rng.poisson(mean).astype(float))
    return counts, totals.assign(patents=3000.0 + counts["patents"])


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


def test_simulated_estimates_by_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from outputs.evidence import elasticities_run, figures

    drawn = []
    monkeypatch.setattr(
        elasticities_run, "save", lambda one, path: drawn.append(one) or figures.save(one, path)
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
    from calibration.evidence.elasticities.simulate import World, simulate
    from calibration.tables import write_csv

    world = World(sectors=7, countries=1, years=18, ree_patents=40.0)
    data = simulate(world, np.random.default_rng(0)).data
    data["sector"] = [("c8", "c9", "c11", "c12", "c13", "c14", "c15")[k] for k in data["sector"]]
    columns = ["unit", "sector", "year", "ree_patents", "other_patents", "log_price", "quota_exposure"]
    write_csv(tmp_path / "panel.csv", {c: data[c].tolist() for c in columns})
    words = ["estimate", "elasticities", "--panel", str(tmp_path / "panel.csv"), "--draws", "99"]
    assert guarded([*words, "--out", str(tmp_path / "out")]) == 0
    assert "sectors cannot be told apart" in capsys.readouterr().out
    assert not (tmp_path / "out" / "elasticities.yaml").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["elasticities", "--simulate", "--zeta", "-1"], "--zeta"),
        (["elasticities", "--simulate", "--draws", "5"], "--draws"),
        (["elasticities", "--counts", "nowhere.csv"], "--totals: missing"),
        (["elasticities", "--panel", "nowhere.csv"], "no such file"),
        (["elasticities", "--simulate", "--base", "china-2008"], "china-2009"),
        (["exposure", "--exposure", "nowhere.csv"], "no such file"),
        (["exposure", "--base-year", "1995"], "base year 1995"),
    ],
)
def test_mistakes_are_told(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(["estimate", *words]) == 2
    assert message in capsys.readouterr().err
