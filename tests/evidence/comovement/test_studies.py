"""Tables, transforms, studies in YAML, findings, and the command that runs them."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import run as program
from calibration.errors import InputError
from calibration.evidence.comovement import (
    Bootstrap,
    Control,
    PhaseRule,
    block_dependence,
    cross_quantilogram,
    phase_block,
)
from calibration.evidence.comovement.analysis import run_study
from calibration.evidence.comovement.data import format_date, parse_date, read_phases, read_series
from calibration.evidence.comovement.demand import demand_multiplier
from calibration.evidence.comovement.phases import findings
from calibration.evidence.comovement.study import levels_of, read_study
from calibration.evidence.comovement.transforms import (
    absolute,
    difference,
    interaction,
    log,
    seasonal_adjustment,
    standardise,
    volatility,
)
from calibration.strict_yaml import load
from outputs.comovement.report import answers, write_results
from outputs.comovement.waveletfigures import scale_figure
from scenarios import library
from tests.evidence.comovement.oracles import synth

ROOT = Path(__file__).parents[3]
STUDIES = ROOT / "calibration/evidence/comovement/studies"
DATA = ROOT / "calibration/data"


def csv_of(columns, start=1996 * 12):
    """A monthly table of named columns as text."""
    lines = ["month," + ",".join(f"{name} [1]" for name in columns)]
    for i, row in enumerate(zip(*columns.values(), strict=True)):
        cells = ["" if np.isnan(value) else repr(float(value)) for value in row]
        lines.append(",".join([format_date(start + i, "monthly"), *cells]))
    return "\n".join(lines) + "\n"


STUDY = """
study: small
title: A small study <of> four series
tables:
  monthly: {file: table.csv, frequency: monthly}
  slot: {file: slot.csv, frequency: monthly, optional: true, published_by: the office of slots}
window: {from: 1996-03, to: 2023-10}
series:
  ree: {table: monthly, column: ree, label: Exports, stands_in_for: true exports}
  mil: {table: monthly, column: mil}
  vol: {table: monthly, column: vol}
  ten: {table: monthly, column: ten}
  vol_x_ten: {product: [vol, ten]}
  other: {table: slot, column: x}
bootstrap: {resamples: 60, level: 0.1, seed: 3}
quantilograms:
  - name: main
    target: ree
    predictors: [mil]
    controls: [{series: ten, level: 0.5, timing: contemporaneous}]
    levels: [0.3, 0.5, 0.7]
    lags: [1, 2]
    portmanteau: 3
    self_normalised: 2
    rolling: {width: 150, step: 60}
    subsamples: {early: {to: 2010-12}, late: {from: 2011-01}}
    regressors: {target: [ree], predictor: [mil], levels: [0.5], resamples: 20}
  - {name: product, target: ree, predictors: [vol_x_ten], levels: [0.5]}
  - {name: missing, target: ree, predictors: [other]}
wavelets:
  - {name: all, series: [ree, mil, vol], filter: d4, levels: 3, max_lag: 2, half_width: 30}
phases: {bear: 0.3, bull: 0.7, levels: [0.3, 0.5, 0.7]}
roles: {exports: ree, military: mil, volatility: vol, governance: ten, tension: other}
demand_shift:
  series: vol
  periods: 12
  dependence: {target: ree, predictor: mil}
  share: {value: 0.1, source: a judgement, status: analyst}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "table.csv").write_text(csv_of(synth()))
    (tmp_path / "study.yaml").write_text(STUDY)
    return tmp_path


def edited(folder, *pairs):
    text = STUDY
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    (folder / "study.yaml").write_text(text)
    return folder / "study.yaml"


class TestTables:
    def test_every_problem_with_its_line(self, tmp_path):
        path = tmp_path / "bad.csv"
        path.write_text(
            "# a comment\nmonth,a [t],b,a [kg]\n2010-01,1,x,1\n2010-01,2,3,1\n"
            "2010-05,,4,1\n2010-13,1,inf,1\n2010-02,1,2,1\n"
        )
        with pytest.raises(InputError) as caught:
            read_series(path, "monthly")
        text = str(caught.value)
        for part in (
            "bad.csv:4: column month: 2010-01 stands twice",
            "bad.csv:5: column month: 2010-02 to 2010-04 are absent",
            "bad.csv:6: column month: text '2010-13' is not a date of monthly data; expected one like 2010-07",
            "bad.csv:7: column month: 2010-02 stands after a later date",
            "column text 'b' has no unit; expected b [unit]",
            "two columns named a",
            "bad.csv:3: column b: got text 'x'",
            "bad.csv:6: column b: got text 'inf'",
        ):
            assert part in text

    def test_absent_rows_as_missing(self, tmp_path):
        path = tmp_path / "gaps.csv"
        path.write_text("year,a [t]\n2000,1\n2003,4\n2004,\n")
        table = read_series(path, "annual", "missing")
        assert table.dates.tolist() == [2000, 2001, 2002, 2003, 2004]
        np.testing.assert_array_equal(table.values["a"], [1, np.nan, np.nan, 4, np.nan])

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("month,a [t]\n2010-01,1\n", "too few rows"),
            ("date,a [t]\n2010-01-01,1\n2010-01-02,1\n", "first column text 'date'; expected month"),
            ("month;a [t]\n2010-01;1\n2010-02;1\n", "one column only"),
        ],
    )
    def test_headers(self, tmp_path, text, message):
        path = tmp_path / "bad.csv"
        path.write_text(text)
        with pytest.raises(InputError, match=message.replace("(", r"\(")):
            read_series(path, "monthly")

    @pytest.mark.parametrize(
        ("frequency", "text"),
        [("monthly", "1999-12"), ("quarterly", "2001-Q4"), ("annual", "1987"), ("daily", "2020-02-29")],
    )
    def test_dates_there_and_back(self, frequency, text):
        assert format_date(parse_date(text, frequency), frequency) == text
        following = format_date(parse_date(text, frequency) + 1, frequency)
        assert parse_date(following, frequency) == parse_date(text, frequency) + 1

    def test_no_29_february_2021(self):
        with pytest.raises(ValueError, match="not a date of daily data"):
            parse_date("2021-02-29", "daily")

    @pytest.mark.parametrize("name", ["comovement_monthly", "comovement_annual"])
    def test_shipped_tables_have_provenance_for_every_column(self, name):
        about = load(DATA / f"{name}.provenance.yaml").data
        table = read_series(DATA / f"{name}.csv", about["frequency"])
        assert set(about["columns"]) == set(table.values)
        for column, entry in about["columns"].items():
            assert entry["unit"] == table.units[column]
            assert entry["source"]
            assert entry["status"] in ("seen", "computed")
        first, last = (format_date(table.dates[i], about["frequency"]) for i in (0, -1))
        assert (str(about["from"]), str(about["to"])) == (first, last)

    def test_monthly_panel_is_complete_1996_to_2023(self):
        table = read_series(DATA / "comovement_monthly.csv", "monthly")
        inside = (table.dates >= 1996 * 12) & (table.dates < 2024 * 12)
        assert inside.sum() == 336
        assert all(np.isfinite(x[inside]).all() for x in table.values.values())
        base = table.dates // 12 == 2017
        assert table.values["INDPRO"][base].mean() == pytest.approx(100, abs=0.01)

    def test_annual_means_are_those_of_the_monthly_table(self):
        monthly = read_series(DATA / "comovement_monthly.csv", "monthly")
        annual = read_series(DATA / "comovement_annual.csv", "annual")
        for name in ("IPB52300S", "INDPRO", "ADEFNO", "GPR", "GPRC_CHN"):
            for year, value in zip(annual.dates, annual.values[f"{name}_MEAN"], strict=True):
                assert value == pytest.approx(
                    monthly.values[name][monthly.dates // 12 == year].mean(), abs=1e-6
                )
        unit = annual.values["US_IMPORTS_HS2846_CHN_USD"] / annual.values["US_IMPORTS_HS2846_CHN_KG"]
        np.testing.assert_allclose(annual.values["US_IMPORTS_HS2846_CHN_UNIT_VALUE"], unit, atol=1e-6)


class TestTransforms:
    def test_closed_forms(self):
        x = np.array([1.0, 2.0, 4.0, 8.0])
        np.testing.assert_allclose(difference(log(x)), [np.nan, *[np.log(2)] * 3])
        np.testing.assert_allclose(difference(x, 2), [np.nan, np.nan, 3, 6])
        np.testing.assert_array_equal(absolute([-2.0, np.nan, 0.0, 3.0]), [2.0, np.nan, 0.0, 3.0])
        assert standardise(x).mean() == pytest.approx(0)
        assert standardise(x).std(ddof=1) == pytest.approx(1)
        np.testing.assert_allclose(volatility(x, 2), [np.nan, *np.abs(np.diff(x)) / np.sqrt(2)])
        np.testing.assert_allclose(interaction([x, -x]), -(standardise(x) ** 2))

    def test_seasonal_adjustment_takes_out_the_season(self):
        pytest.importorskip("statsmodels")
        t = np.arange(144.0)
        season = np.tile(np.random.default_rng(1).standard_normal(12), 12)
        adjusted = seasonal_adjustment(0.01 * t + season - season[:12].mean(), 12)
        assert np.quantile(np.abs(adjusted - 0.01 * t), 0.95) < 0.02  # the ends are less sure
        with pytest.raises(ValueError, match="without gaps"):
            seasonal_adjustment(np.where(t == 50, np.nan, t), 12)

    def test_refusals(self):
        with pytest.raises(ValueError, match="logarithm of -1 at observation 2"):
            log(np.array([1.0, -1.0]))
        with pytest.raises(ValueError, match="does not vary"):
            standardise(np.ones(5))


class TestPhases:
    def test_blocks(self):
        levels = np.array([0.1, 0.25, 0.5, 0.75, 0.9])
        assert phase_block(levels, "bear", 0.25, 0.75).sum() == 4
        assert phase_block(levels, "bull", 0.25, 0.75)[3:, 3:].all()
        with pytest.raises(ValueError, match="no quantile level lies in the bull"):
            phase_block(levels[:3], "bull", 0.25, 0.75)
        with pytest.raises(ValueError, match="0 < bear < bull < 1"):
            phase_block(levels, "bear", 0.8, 0.2)

    def test_block_is_the_mean_of_its_cells(self):
        data = synth()
        levels = [0.2, 0.3, 0.8]
        block = phase_block(np.array(levels), "bear", 0.3, 0.8)
        controls = [Control(data["ten"], 0.5)]
        found = block_dependence(data["ree"], data["mil"], levels, block, 1, Bootstrap(40), controls=controls)
        grid = cross_quantilogram(data["ree"], data["mil"], levels, 1, controls=controls).value[0]
        assert found.value == pytest.approx(grid[:2, :2].mean())
        assert found.cells == 4
        assert found.lower < found.value < found.upper

    def test_findings_of_a_world_that_obeys_them(self):
        """Exports follow military development always, and volatility with a minus only when high."""
        rng = np.random.default_rng(1)
        n = 600
        military, volatility_, governance, tension = rng.standard_normal((4, n))
        previous = np.roll(military, 1), np.roll(volatility_, 1)
        exports = previous[0] - 1.5 * np.maximum(previous[1], 0) + 0.5 * rng.standard_normal(n)
        roles = {
            "exports": exports,
            "military": military,
            "volatility": volatility_,
            "governance": governance,
        }
        rule = PhaseRule(np.array([0.15, 0.25, 0.5, 0.75, 0.85]))
        table = findings(roles | {"tension": tension}, rule, Bootstrap(200))
        said = {(f.claim.number, f.phase): f for f in table}
        assert len(table) == 6
        assert said[1, "bear"].verdict() == "same sign, significant"
        assert said[1, "bull"].verdict() == "same sign, significant"
        assert said[2, "bull"].verdict() == "same sign, significant"
        assert said[3, "bear"].measured.p_value > 0.01
        assert said[4, "bull"].controls == ("military", "volatility", "governance", "tension")
        without = findings(roles, rule, Bootstrap(40))
        assert without[-1].verdict() == "not tested: no series for tension"

    def test_dated_phases(self, tmp_path):
        path = tmp_path / "phases.csv"
        path.write_text("month,phase\n1996-01,bull\n1996-02,\n1996-04,bear\n")
        dates, phase = read_phases(path, "monthly")
        assert [format_date(n, "monthly") for n in dates] == ["1996-01", "1996-02", "1996-04"]
        assert phase.tolist() == ["bull", "", "bear"]
        path.write_text("month,phase\n1996-01,boom\n")
        with pytest.raises(InputError, match="expected one of bull, bear"):
            read_phases(path, "monthly")


class TestPairs:
    """Two series, the second of which follows the first by three months; of either the other is as well explained."""

    @pytest.mark.parametrize(
        ("variable", "moved", "behind"), [("", "ree", -3), (", variable: mil", "mil", 3)]
    )
    def test_axis_names_the_series_that_is_moved(self, folder, variable, moved, behind):
        rng = np.random.default_rng(0)
        first = rng.standard_normal(336)
        second = np.append(rng.standard_normal(3), first[:-3]) + 0.3 * rng.standard_normal(336)
        (folder / "table.csv").write_text(csv_of(synth() | {"ree": first, "mil": second}))
        path = edited(
            folder,
            ("series: [ree, mil, vol]", f"series: [ree, mil]{variable}"),
            ("max_lag: 2", "max_lag: 6"),
            ("label: Exports", "label: ree"),
        )
        study = read_study(path)
        results = run_study(study)
        cross = results.wavelets[0].cross
        assert cross.lags[np.argmax(np.abs(cross.value[0]))] == behind
        axes = scale_figure(study, results.wavelets[0]).figure.axes[1]
        assert axes.get_xlabel().startswith(f"lag of {moved} behind")

    def test_a_negative_correlation_is_as_sure_as_a_positive_one(self, folder):
        rng = np.random.default_rng(0)
        first = rng.standard_normal(336)
        pair = {"ree": first, "mil": 0.6 * rng.standard_normal(336) - first}
        (folder / "table.csv").write_text(csv_of(synth() | pair))
        results = run_study(read_study(edited(folder, ("series: [ree, mil, vol]", "series: [ree, mil]"))))
        said = answers(results)[-1]
        assert "surest at periods of 2–4 months (-0." in said
        assert "p-value below 0.001" in said

    def test_unrelated_series_are_said_to_be(self, folder):
        names = "series: [ree, mil, vol]", "series: [ree, mil, vol, ten]"
        noise = np.random.default_rng(3).standard_normal((4, 336))
        (folder / "table.csv").write_text(csv_of(dict(zip(synth(), noise, strict=True))))
        results = run_study(read_study(edited(folder, names)))
        assert "distinguishable from none at no scale" in answers(results)[-1]


class TestStudy:
    def test_series_and_slots(self, folder):
        study = read_study(folder / "study.yaml")
        assert study.labels()[0] == "1996-03"
        assert study.labels()[-1] == "2023-10"
        np.testing.assert_array_equal(study.series["ree"].values, synth()["ree"][2:-2])
        assert list(study.absent) == ["other"]
        assert "published by the office of slots" in study.absent["other"]
        expected = interaction([study.series["vol"].values, study.series["ten"].values])
        np.testing.assert_array_equal(study.series["vol_x_ten"].values, expected)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (
                ("optional: true, ", ""),
                "tables.slot.file: no file .*slot.csv; published by the office of slots",
            ),
            (("column: mil}", "column: mli}"), "unknown column 'mli'; expected .*did you mean mil?"),
            (("predictors: [mil]", "predictors: [mill]"), "unknown series 'mill'.*did you mean mil?"),
            (
                ("window: {from: 1996-03, to: 2023-10}", "window: {from: 1990-03}"),
                "not covered by table monthly",
            ),
            (("to: 2023-10", "to: 2023-13"), "window.to: text '2023-13' is not a date"),
            (
                ("levels: [0.3, 0.5, 0.7]\n    lags", "levels: [0.3, 1.5]\n    lags"),
                r"levels\[1\].*got the number 1.5",
            ),
            (("filter: d4", "filter: d5"), "unknown wavelet filter 'd5'; expected one of haar"),
            (("resamples: 60", "resample: 60"), "unknown key.*did you mean resamples?"),
            (("product: [vol, ten]", "product: [vol]"), "a product of one series"),
            (("name: all", "name: main"), "two analyses have the same name"),
            (
                ("column: vol}", "column: vol, unit: tonnes}"),
                "unit text 'tonnes', but the header of vol says text '1'",
            ),
            (("column: mil}", "column: mil, transform: [log]}"), "logarithm of"),
            (("column: mil}", "column: mil, transform: [{}]}"), "has 0; expected 1 or more"),
            (
                ("column: mil}", "column: mil, transform: [{log: 3}]}"),
                "log takes no number; expected log alone",
            ),
            (
                ("column: mil}", "column: mil, transform: [seasonal_adjustment]}"),
                "seasonal_adjustment needs a number; expected {seasonal_adjustment: 12}",
            ),
            (("subsamples: {early:", "subsamples: {../early:"), "subsamples.*should match pattern"),
            (("predictors: [mil]", "predictors: [mil, mil]"), r"predictors\[1\].*mil stands twice"),
            (
                ("levels: [0.3, 0.5, 0.7]\n    lags", "levels: {from: 0.1, to: 0.95, step: 0.3}\n    lags"),
                "steps of 0.3 from 0.1 do not lead to 0.95",
            ),
            (("levels: [0.5], resamples: 20}", "levels: [0.5], resamples: 5}"), "got the number 5"),
            (
                ("controls: [{series: ten,", "controls: [{series: mil, timing: lagged}, {series: ten,"),
                "mil is predictor and control",
            ),
            (("levels: 3,", "levels: 7,"), "level d7, s7 has no coefficient free of the ends"),
            (("lags: [1, 2]", "lags: [1, 400]"), "main: mil: lags must be different whole numbers"),
        ],
    )
    def test_bad_input_is_one_message(self, folder, change, message):
        path = edited(folder, change)
        with pytest.raises(InputError, match=message.replace("?", r"\?").replace("[0.3", "[0.3")):
            run_study(read_study(path))

    def test_grid_of_levels(self):
        study = read_study(STUDIES / "military-development.yaml")
        levels = levels_of(study.spec.quantilograms[0].levels)
        np.testing.assert_allclose(levels, np.arange(1, 20) / 20)
        assert levels.size == 19

    def test_differences_use_dates_before_the_window(self):
        study = read_study(STUDIES / "military-development.yaml")
        assert study.dates.size == 336
        assert all(np.isfinite(one.values).all() for one in study.series.values())
        level = study.series["military"]
        np.testing.assert_allclose(level.values[1:], np.diff(np.log(level.level)))

    def test_every_shipped_study_reads_or_names_what_it_lacks(self):
        for path in sorted(STUDIES.glob("*.yaml")):
            try:
                assert read_study(path).series
            except InputError as error:
                text = str(error)
                assert text.count("published by") == text.count("no file") == 4
                assert "General Administration of Customs" in text
                assert "U.S.-China Tension index" in text


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    (folder / "table.csv").write_text(csv_of(synth()))
    (folder / "study.yaml").write_text(STUDY)
    return run_study(read_study(folder / "study.yaml"))


@pytest.fixture(scope="module")
def written(results, tmp_path_factory):
    folder = tmp_path_factory.mktemp("out") / "results"
    write_results(results, folder)
    return folder


class TestRun:
    def test_what_was_run(self, results):
        assert [(q.analysis, q.predictor) for q in results.quantilograms] == [
            ("main", "mil"),
            ("product", "vol_x_ten"),
        ]
        assert results.skipped == {"missing: other": "not at hand: other"}
        q = results.quantilograms[0]
        study = results.study
        y, x, z = (study.series[name].values for name in ("ree", "mil", "ten"))
        controls = [Control(z, 0.5, "contemporaneous")]
        again = cross_quantilogram(
            y, x, [0.3, 0.5, 0.7], [1, 2], controls=controls, bootstrap=Bootstrap(60, 0.1, seed=3)
        )
        np.testing.assert_array_equal(q.grid.value, again.value)
        np.testing.assert_array_equal(q.grid.margin, again.margin)
        early = slice(0, 178)
        part = cross_quantilogram(
            y[early], x[early], [0.3, 0.5, 0.7], 1, controls=[Control(z[early], 0.5, 0)]
        )
        # The same rows; the quantiles are those of the aligned rows there and of all dates here.
        assert np.abs(q.subsamples["early"].value[0] - part.value[0]).max() < 0.05
        assert len(answers(results)) == 3

    def test_numbers_in_netcdf_and_csv(self, results, written):
        data = xr.open_dataset(written / "results.nc", group="main-mil-grid", engine="h5netcdf")
        np.testing.assert_array_equal(data["value"].values, results.quantilograms[0].grid.value)
        assert data["value"].dims == ("lag", "target_quantile", "predictor_quantile")
        series = xr.open_dataset(written / "results.nc", group="series", engine="h5netcdf")
        assert series["ree"].attrs["stands_in_for"] == "true exports"
        lines = (written / "tables" / "main-mil-grid.csv").read_text().splitlines()
        assert len(lines) == 1 + 2 * 9
        header, first = lines[0].split(","), lines[1].split(",")
        assert float(first[header.index("value")]) == results.quantilograms[0].grid.value[0, 0, 0]
        local = (written / "tables" / "all-local-by-level-date.csv").read_text()
        assert local.count("\n") == 1 + 4 * 332
        assert ",nan" not in local

    def test_figures_and_section(self, written):
        names = {path.stem for path in (written / "figures").glob("*.png")}
        assert {
            "series",
            "main-mil-grid",
            "main-mil-lags",
            "main-mil-rolling",
            "main-mil-subsamples",
            "all-local",
        } < names
        page = (written / "index.html").read_text()
        assert page.count('<img src="data:image/png') == len(names)
        assert page.count(' alt="') == len(names)
        assert "A small study &lt;of&gt; four series" in page
        assert "true exports" in page
        assert "office of slots" in page
        assert "not tested: no series for tension" in page
        assert "http:" not in page
        assert "https:" not in page
        about = json.loads((written / "provenance.json").read_text())
        assert set(about["inputs"]) == {"study.yaml", "table.csv"}
        assert about["stand_ins"] == {"ree": "true exports"}

    def test_a_folder_is_never_overwritten(self, results, written):
        with pytest.raises(FileExistsError):
            write_results(results, written)


class TestCommand:
    def test_run_and_scenarios(self, folder, capsys, monkeypatch):
        monkeypatch.chdir(folder)
        light = STUDY[: STUDY.index("quantilograms:")] + STUDY[STUDY.index("phases:") :]
        (folder / "study.yaml").write_text(light)
        assert program.main(["comovement", "study.yaml", "--output", "out", "--scenarios", "made"]) == 0
        said = capsys.readouterr()
        assert "1 bear, claimed +:" in said.out
        assert "not at hand: other: no file slot.csv; published by the office of slots" in said.err
        for phase in ("bear", "bull"):
            scenario = library.load(folder / "made" / f"military-demand-{phase}.yaml")
            assert scenario.instruments[0].type == "demand_shift"
            assert scenario.compare_with == f"military-demand-{'bull' if phase == 'bear' else 'bear'}"
        with pytest.raises(InputError, match="exists already"):
            program.main(["comovement", "study.yaml", "--output", "out"])

    def test_check_only(self, capsys):
        assert program.main(["comovement", "military-development", "--check"]) == 0
        said = capsys.readouterr().out
        assert "US defense and space production (stands in for US military-industrial development)" in said

    def test_a_mistyped_name_is_answered_with_the_studies_there_are(self, capsys):
        assert program.guarded(["comovement", "military-developments"]) == 2
        said = capsys.readouterr().err
        assert said.startswith("unknown study 'military-developments'; expected one of military-development,")
        assert said.endswith("did you mean military-development?\n")
        assert program.guarded(["comovement", "my-study.yaml"]) == 2
        assert capsys.readouterr().err == "my-study.yaml: no such file\n"

    def test_missing_slots_are_exit_code_2(self, capsys):
        assert program.guarded(["comovement", "rare-earth-exports"]) == 2
        assert "published by Rogers, Sun and Sun (2024)" in capsys.readouterr().err


def test_demand_multipliers_are_those_of_the_shipped_scenarios():
    study = read_study(STUDIES / "military-development.yaml")
    level = study.series["military"].history
    for phase, quantile in (("bear", 0.1), ("bull", 0.9)):
        shift = load(ROOT / f"scenarios/military-demand-{phase}.yaml").data["instruments"][0]
        assert demand_multiplier(level, 12, quantile, 336) == pytest.approx(
            shift["multiplier"]["value"], abs=5e-4
        )
        assert study.spec.demand_shift.share.value == shift["share"]["value"]


def test_supplied_tables_fill_the_slots(tmp_path):
    """The study of the original question runs as soon as the four tables are there."""
    shutil.copy(STUDIES / "rare-earth-exports.yaml", tmp_path / "study.yaml")
    text = (tmp_path / "study.yaml").read_text().replace("../../../data/comovement", f"{DATA}/comovement")
    (tmp_path / "study.yaml").write_text(
        text.replace("../../../data/slots/", "").replace("resamples: 1000", "resamples: 40")
    )
    data = synth()
    start = 1995 * 12
    long = {name: np.concatenate([x[:12] + 0.1, x]) for name, x in data.items()}
    for file, column, unit, x in (
        ("china_ree_exports_monthly", "CHN_REE_EXPORTS", "t", np.exp(0.1 * long["ree"])),
        ("us_china_tension_monthly", "UCT", "index", np.exp(0.1 * long["ten"])),
        ("ree_price_monthly", "REE_PRICE", "USD per kg", np.exp(0.1 * long["vol"])),
        ("china_governance_monthly", "CHN_GOVERNANCE", "points", np.cumsum(long["mil"])),
    ):
        text = csv_of({column: x}, start).replace("[1]", f"[{unit}]")
        (tmp_path / f"{file}.csv").write_text(text)
    results = run_study(read_study(tmp_path / "study.yaml"))
    assert not results.skipped
    assert len(results.findings) == 6
    assert all(f.measured is not None for f in results.findings)
    assert set(results.dependence) == {"bear", "bull"}
