"""Exposure metrics and regressions: by hand, against a second method, and on data with a known effect."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from calibration.errors import InputError
from calibration.evidence import shipped
from calibration.evidence.exposure.measures import (
    read_exposure,
    standardise,
    us_exposure,
    value_by_user,
    wiod_exposure,
)
from calibration.evidence.exposure.panels import (
    ExposurePanel,
    exports_panel,
    panel_from_arrays,
    tfp_panel,
)
from calibration.evidence.exposure.regressions import (
    difference_in_differences,
    event_study,
    long_difference,
)
from outputs.evidence import exposure_run
from outputs.evidence.model_results import panel_from_result
from run import guarded


def test_shares_of_applications_add_up() -> None:
    for which in ("sector", "us_industry"):
        shares = shipped.application_users(which).groupby("application")["share"].sum()
        assert shares.to_numpy() == pytest.approx(1.0)
        assert set(shares.index) == set(shipped.use_by_application()["application"])


def test_value_is_tonnes_times_price() -> None:
    use, prices = shipped.use_by_application(), shipped.oxide_prices()
    price = prices[prices["year"] == 2009].set_index("element")["price"]
    world = (use["oxide"] * use["element"].map(price)).sum() / 1000
    for which in ("sector", "us_industry"):
        assert value_by_user(which).to_numpy().sum() == pytest.approx(world)
    assert 1500 < world < 2000  # million USD; about 1.7 billion at export prices of 2009


def test_total_intensity_solves_the_input_output_system() -> None:
    exposure = wiod_exposure()
    coefficients = shipped.world_inputs().to_numpy()
    # What j's output holds is what it buys itself and what its inputs hold: no inverse here.
    assert exposure.total == pytest.approx(exposure.direct + coefficients.T @ exposure.total)
    assert (exposure.total >= exposure.direct).all()
    assert ((exposure.score > 0.3) & (exposure.score < 1.0)).all()
    assert exposure.exposure == pytest.approx(exposure.total * exposure.score)
    direct_users = exposure.direct > 0
    assert exposure.element_share[direct_users].sum(1) == pytest.approx(1.0)
    assert exposure.sectors[int(exposure.exposure.argmax())] == "c14"


def test_us_industries_are_those_of_their_names() -> None:
    names = shipped.us_industries().set_index("industry")["name"]
    output = shipped.us_tfp().set_index(["industry", "year"])["gross_output"]
    tfp = shipped.us_tfp().set_index(["industry", "year"])["tfp"]
    assert names[13] == "Computer and electronic products"
    growth = {i: tfp[i, 2007] / tfp[i, 1995] for i in range(8, 27)}
    assert max(growth, key=lambda i: growth[i]) == 13
    assert output[24, 2008] / output[24, 1998] > 4  # petroleum with the oil price
    assert us_exposure().exposure[13] == us_exposure().exposure.max()  # position 13 is industry 14


def synthetic(effect: float, seed: int = 0, trend: float = 0.0) -> ExposurePanel:
    """Twelve sectors in five groups; exposure raises the outcome from 2010 on by `effect`, and by `trend` a year."""
    rng = np.random.default_rng(seed)
    years = tuple(range(2003, 2015))
    exposure = rng.normal(size=12)
    exposure = (exposure - exposure.mean()) / exposure.std(ddof=1)
    log = rng.normal(size=(1, 5, 12)) + rng.normal(size=(12, 5, 1)) + rng.normal(0, 0.02, (12, 5, 12))
    log += 0.02 * rng.normal(size=(12, 1, 12))
    log += effect * exposure * (np.array(years) >= 2010)[:, None, None]
    log += trend * exposure * np.arange(12)[:, None, None]
    names = tuple(f"s{k:02d}" for k in range(12))
    return panel_from_arrays(
        np.exp(log), exposure, years, groups=tuple("abcde"), sectors=names, name="ln y", source="synthetic"
    )


def test_known_effect_is_found_and_none_before() -> None:
    panel = synthetic(0.1, seed=1)
    effect = difference_in_differences(panel, 2010)
    assert effect.value == pytest.approx(0.1, abs=0.02)
    assert abs(effect.value - 0.1) < 3 * effect.standard_error
    assert effect.bootstrap_p_value is not None
    assert effect.bootstrap_p_value < 0.05
    study = event_study(panel, 2009)
    by_year = dict(zip(study.years, study.value, strict=True))
    assert by_year[2009] == 0.0
    assert all(abs(by_year[y]) < 0.04 for y in range(2003, 2009))
    assert all(0.06 < by_year[y] < 0.14 for y in range(2010, 2015))
    assert study.joint_pretest is not None
    assert study.joint_pretest[1] > 0.01
    assert study.pretrend.p_value > 0.05


def test_difference_in_differences_is_the_regression_of_differences() -> None:
    # With one exposure for all groups it is the regression of sectors' mean changes on exposure, twelve points.
    panel = synthetic(0.1, seed=2)
    data = panel.data.assign(after=panel.data["year"] >= 2010)
    change = data.groupby(["sector", "after"])["outcome"].mean().unstack().pipe(lambda d: d[True] - d[False])
    exposure = data.groupby("sector")["exposure"].first()
    assert difference_in_differences(panel, 2010, draws=99).value == pytest.approx(
        np.polyfit(exposure, change, 1)[0]
    )


def test_trend_is_told_from_effect() -> None:
    panel = synthetic(0.0, trend=0.03)
    assert difference_in_differences(panel, 2010).value > 0.15
    assert abs(difference_in_differences(panel, 2010, detrended=True).value) < 0.04
    study = event_study(panel, 2009)
    assert study.pretrend.value == pytest.approx(0.03, abs=0.01)
    assert study.pretrend.p_value < 0.01


def test_no_effect_is_seldom_found() -> None:
    found = [difference_in_differences(synthetic(0.0, seed=s), 2010, draws=199) for s in range(16)]
    assert sum((e.bootstrap_p_value or 0.0) < 0.05 for e in found) <= 4
    assert abs(np.mean([e.value for e in found])) < 0.01


def test_long_difference_takes_hats_of_the_model() -> None:
    rng = np.random.default_rng(0)
    exposure = rng.uniform(size=9)
    noise = 1e-9 * rng.normal(size=(4, 9))  # without any there would be no p-value
    scaled = (exposure - exposure.mean()) / exposure.std(ddof=1)
    hats = np.exp(0.05 * scaled + 0.1 * rng.normal(size=(4, 1)) + noise)
    panel = panel_from_arrays(
        np.array([np.ones((4, 9)), hats]),
        exposure,
        (2009, 2011),
        groups=tuple("abcd"),
        sectors=tuple(f"s{k}" for k in range(9)),
        name="ln exports",
        source="the model",
    )
    effect = long_difference(panel, 2009, 2011)
    assert effect.value == pytest.approx(0.05 / 2)  # a year
    assert effect.clusters == 9


def result_dataset() -> xr.Dataset:
    rng = np.random.default_rng(1)
    exposure = rng.uniform(size=(4, 6))
    hats = 1 + 0.1 * exposure.mean(0) + 0.001 * rng.normal(size=(1, 2, 4, 6))
    base = np.ones((4, 6))
    return xr.Dataset(
        {
            "exports_volume": (("scenario", "regime", "region", "sector"), hats),
            "restricting": ("region", [1.0, 0, 0, 0]),
            "chain": ("sector", [0.0, 0, 0, 0, 0, 1.0]),
            "exposure": (("region", "sector"), exposure),
            "base_exports": (("region", "sector"), base),
            "base_output": (("region", "sector"), base),
            "base_research": (("region", "sector", "technology"), np.ones((4, 6, 3))),
        },
        {
            "scenario": ["quota"],
            "regime": ["exogenous", "directed"],
            "region": list("abcd"),
            "sector": [f"s{k}" for k in range(6)],
            "technology": ["E0", "E1", "X"],
        },
    )


def test_results_of_the_model_become_a_panel_without_the_restricting_region() -> None:
    panel = panel_from_result(result_dataset(), "exports_volume", regime="directed")
    assert set(panel.data["group"]) == {"b", "c", "d"}
    assert set(panel.data["sector"]) == {"s0", "s1", "s2", "s3", "s4"}
    assert panel.data.groupby("year")["outcome"].mean()[2009] == 0.0
    assert long_difference(panel, 2009, 2011, draws=99).value > 0
    with pytest.raises(InputError, match="unknown regime"):
        panel_from_result(result_dataset(), "exports_volume", regime="directd")
    with pytest.raises(InputError, match="unknown variable"):
        panel_from_result(result_dataset(), "ree_patents", regime="directed")


def test_what_there_never_was_is_not_growth_of_zero(tmp_path: Path) -> None:
    """Sectors without research on elements in the base year have a ratio of 1: they are no rows of the regression."""
    result = result_dataset()
    growth = result["exports_volume"]
    research = result["base_research"].copy()
    research[:, 0, :2] = 0.0  # a sector whose research is all on other things
    research[1, 3, :2] = 0.0
    result["base_research"] = research
    idle = (research[..., :2].sum("technology") == 0).broadcast_like(growth)
    result["ree_patents"] = growth.where(~idle, 1.0)
    found = panel_from_result(result, "ree_patents", regime="directed")
    assert set(found.data["sector"]) == {"s1", "s2", "s3", "s4"}
    assert "b s3" not in set(found.data["unit"])
    assert len(found.data) == 2 * (3 * 4 - 1)
    result["tfp_cost_saved"] = growth
    few = result.assign(base_research=research.where(research["sector"].isin(["s1", "s2"]), 0.0))
    few.to_netcdf(tmp_path / "results.nc", engine="h5netcdf")
    none = exposure_run.Estimates((), ())
    beside = exposure_run.with_model(none, tmp_path / "results.nc", ["directed"], 2009, 99)
    assert "the model: quota, directed: ln rare-earth patents is of fewer than 3 sectors" in beside.notes


def test_model_beside_data_by_command(tmp_path: Path) -> None:
    still = result_dataset()
    still["tfp_cost_saved"] = still["exports_volume"] * 0 + 1
    still["ree_patents"] = still["exports_volume"] ** 2
    still.to_netcdf(tmp_path / "results.nc", engine="h5netcdf")
    none = exposure_run.Estimates((), ())
    found = exposure_run.with_model(none, tmp_path / "results.nc", ["directed"], 2009, 99)
    assert [row[0] for row in found.effects] == ["ln export volume", "ln rare-earth patents"]
    assert found.effects[1][2].value == pytest.approx(2 * found.effects[0][2].value)
    assert found.notes == ("the model: quota, directed: ln TFP (cost saved by technology) does not move",)
    (tmp_path / "text.nc").write_text("no result", encoding="utf-8")
    with pytest.raises(InputError, match="not a result of the model"):
        exposure_run.with_model(none, tmp_path / "text.nc", [], 2009, 99)


def test_exports_panel_is_balanced_and_without_china() -> None:
    exposure = dict(zip(wiod_exposure().sectors, wiod_exposure().exposure, strict=True))
    panel = exports_panel(exposure)
    assert panel.data["group"].nunique() == 39
    assert not {"CHN", "RoW"} & set(panel.data["group"])
    assert (panel.data.groupby("unit").size() == 17).all()
    by_sector = panel.data.groupby("sector")["exposure"].first()
    assert by_sector.mean() == pytest.approx(0.0, abs=1e-12)
    assert by_sector.std(ddof=1) == pytest.approx(1.0)
    china = exports_panel(exposure, countries=("CHN",))
    assert set(china.data["group"]) == {"CHN"}
    with pytest.raises(InputError, match="did you mean CHN"):
        exports_panel(exposure, countries=("CHNA",))


def test_tfp_panel() -> None:
    exposure = dict(zip(us_exposure().sectors, us_exposure().exposure, strict=True))
    panel = tfp_panel(exposure)
    assert panel.data.shape[0] == 63 * 29
    assert tfp_panel(exposure, manufacturing_only=True).data["sector"].nunique() == 19


def test_exposures_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    path.write_text("sector,exposure\nc1,1\nc2,2\n", encoding="utf-8")
    assert read_exposure(path, ("c1", "c2")) == {"c1": 1.0, "c2": 2.0}
    with pytest.raises(InputError, match="no exposure for c3"):
        read_exposure(path, ("c1", "c2", "c3"))
    with pytest.raises(InputError, match="c2"):
        read_exposure(path, ("c1",))
    with pytest.raises(InputError, match="equally exposed"):
        standardise({"a": 1.0, "b": 1.0}, ["a", "b"])


def test_wrong_years_are_told() -> None:
    panel = synthetic(0.0)
    with pytest.raises(InputError, match="needs two years before"):
        event_study(panel, 2004)
    with pytest.raises(InputError, match="no years on one side"):
        difference_in_differences(panel, 2020)
    with pytest.raises(InputError, match="no growth from 2009 to 2020"):
        long_difference(panel, 2009, 2020)


def test_joint_test_is_left_out_where_there_is_none() -> None:
    exposure = {s: float(k) for k, s in enumerate(("c1", "c2", "c3", "c4", "c5", "c6"))}
    full = exports_panel(dict.fromkeys(wiod_exposure().sectors, 0.0) | exposure)
    few = ExposurePanel(full.data[full.data["sector"].isin(exposure)], full.outcome, full.source, 0)
    assert event_study(few, 2009, draws=99).joint_pretest is None


def test_the_smallest_of_many_p_values_is_adjusted_for_their_number() -> None:
    panel = synthetic(0.1, seed=1)
    found = exposure_run.estimate([("here", lambda: panel), ("there", lambda: panel)], 2009, 99)
    effects = [e for _, _, e in found.effects if e.name != "trend before"]
    assert len(effects) == 6
    p = min(e.bootstrap_p_value for e in effects)
    assert 0 < p < 0.05
    (note,) = found.notes
    assert f"smallest of 6 p-values of effects is {p:.3f}" in note
    assert f"(Holm) it is {6 * p:.2f}" in note
    assert exposure_run.estimate([("here", lambda: panel)], 2009, 0).notes == ()
    page = exposure_run.summary(found, "Exposure: mine.")
    assert f"| {p:.3f} |" in page
    assert note in page


def test_exposures_of_a_file_are_those_that_are_written_and_named(tmp_path: Path) -> None:
    sectors = wiod_exposure().sectors
    given = dict(
        zip(sectors, np.linspace(1.0, 2.0, len(sectors)).tolist(), strict=True)
    )  # services most exposed
    table = "".join(f"{name},{value!r}\n" for name, value in given.items())
    (tmp_path / "mine.csv").write_text(f"sector,exposure\n{table}", encoding="utf-8")
    found = exposure_run.exposures(tmp_path / "mine.csv")
    assert (found.wiod, found.direct) == (given, None)
    made = dict(exposure_run.samples(found))
    # One measure makes no sample of direct exposure, and the sector left out is one of the sample's.
    assert not [name for name in made if "direct" in name]
    (without,) = [name for name in made if "most exposed" in name]
    whole = made["39 countries without China, goods"]().data
    left = set(whole["sector"]) - set(made[without]().data["sector"])
    assert len(left) == 1
    assert f" {left.pop()}," in without
    exposure_run.write(exposure_run.Estimates((), ()), found, tmp_path / "out")
    written = (tmp_path / "out" / "exposure.csv").read_text(encoding="utf-8")
    assert written.startswith("# Exposure of sectors: mine.csv; of US industries: soft")
    assert written.endswith(f"sector,exposure\n{table}")
    assert "mine.csv" in (tmp_path / "out" / "summary.md").read_text(encoding="utf-8")
    assert "mine.csv" in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_real_regressions_by_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(["estimate", "exposure", "--out", str(tmp_path), "--draws", "199"]) == 0
    out = capsys.readouterr().out
    assert "China apart" in out
    assert "63 industries" in out
    assert {p.name for p in tmp_path.iterdir()} == {
        "effects.csv",
        "event_studies.csv",
        "exposure.csv",
        "event_study_exports.png",
        "event_study_tfp.png",
        "summary.md",
        "section.html",
        "index.html",
    }
