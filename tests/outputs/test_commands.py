"""The commands as people type them: output, exit codes, files."""

import contextlib
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import xarray as xr

import run
from outputs import pricefacts, store
from outputs.draw import Artist

ROOT = Path(__file__).parents[2]
FAST = ["--no-figures", "--no-security", "--no-decomposition", "--regime", "exogenous"]


def guarded(*arguments):
    return run.guarded([str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def solved(tmp_path_factory):
    """`solve` of the shipped base year without a shock and of one with a small cut."""
    root = tmp_path_factory.mktemp("cli")
    command = [
        sys.executable,
        "run.py",
        "solve",
        "no-shock",
        "china-2010-quota",
        "--json",
        "--out",
        root,
        *FAST,
    ]
    done = subprocess.run(
        [str(part) for part in command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return root, json.loads(done.stdout)


def test_json_is_all_that_is_printed_and_names_the_folder(solved):
    root, (first, second) = solved
    assert first["scenario"] == "no-shock"
    assert second["solved"] == ["exogenous"]
    assert Path(second["folder"]).parent == root
    china = next(row for row in second["tables"]["real_income"] if row["region"] == "CHN")
    assert china["exogenous [million USD]"] > 0
    assert first["tables"]["real_income"][0]["exogenous [million USD]"] == pytest.approx(0, abs=1e-6)


def test_facts_of_2010_read_from_the_published_result(solved):
    """Abroad cheap oxides rise several times more than dear ones, at home the mean does not; the rent is China's."""
    from outputs import store

    ds = store.read(solved[1][1]["folder"]).dataset.squeeze("scenario")
    table = pricefacts.table(ds, "exogenous").set_index("element")
    rise = table["abroad, change [%]"]
    assert min(rise["La"], rise["Ce"]) > 3 * max(rise["Dy"], rise["Eu"]) > 0
    assert pricefacts.index(ds, "exogenous")["home"] <= 0
    rents = ds["licence_rent"].sel(regime="exogenous")
    assert float(rents.sel(region="CHN")) == pytest.approx(float(rents.sum())) != 0


def test_the_same_run_again_is_recognised(tmp_path, capsys):
    for _ in range(2):
        assert guarded("solve", "no-shock", "--out", tmp_path, *FAST) == 0
        out, err = capsys.readouterr()
        assert err == ""  # no progress bar where nobody watches
    assert "the same run was there already" in out
    assert len(list(tmp_path.iterdir())) == 1


def test_compare_of_run_folders_solves_nothing(solved, capsys, monkeypatch, tmp_path):
    from outputs import experiment

    monkeypatch.setattr(experiment, "run_job", lambda job: pytest.fail("solved again"))
    folders = [one["folder"] for one in solved[1]]
    assert guarded("compare", *folders, "--rows", 3, "--out", tmp_path) == 0
    text = capsys.readouterr().out
    assert "scenario.instruments.quota-2010.limit.value: - | 30,258" in text
    assert "more (differences.csv)" in text
    folder = Path(text.splitlines()[-1].removeprefix("-> "))
    assert {"differences.csv", "inputs_that_differ.csv", "report.html", "headline.csv"} <= {
        p.name for p in folder.iterdir()
    }


def test_a_run_beside_itself_is_numbered(solved, capsys, tmp_path):
    folder = solved[1][0]["folder"]
    assert guarded("compare", folder, folder, "--no-report", "--out", tmp_path) == 0
    text = capsys.readouterr().out
    name = Path(folder).name
    assert f"[1] {name} (1)\n  [2] {name} (2)" in text
    assert "Results that differ by more than 1e-06: 0 variables" in text
    assert guarded("report", folder, folder, "-o", tmp_path / "r.html") == 0
    assert f"{name} (2)" in (tmp_path / "r.html").read_text()


def test_another_tolerance_is_another_comparison(solved, capsys, tmp_path):
    folders = [one["folder"] for one in solved[1]]
    for tolerance in ("1e-2", "0.5", "1e-2"):
        assert (
            guarded("compare", *folders, "--tolerance", tolerance, "--no-report", "-q", "--out", tmp_path)
            == 0
        )
    first, second, again = capsys.readouterr().out.splitlines()[2::3]
    assert first == again
    names = {Path(folder).name for folder in (first, second)}
    assert len(names) == 2
    assert all(re.fullmatch("comparison-[0-9a-f]{12}", name) for name in names)  # none had to be numbered
    rows = [len((Path(folder) / "differences.csv").read_text().splitlines()) for folder in (first, second)]
    assert rows[0] > rows[1]


@pytest.mark.parametrize("written", [True, False])
def test_the_default_comparison_names_a_report_only_where_there_is_one(written, tmp_path, monkeypatch):
    from types import SimpleNamespace

    from outputs import comparing, summary
    from outputs.commands import compare

    if written:
        (tmp_path / "report.html").write_text("")
    said = []
    gathered = SimpleNamespace(members=(1, 2), folders=(), outcomes=())
    monkeypatch.setattr(comparing, "gather", lambda names, args: gathered)
    monkeypatch.setattr(comparing, "save", lambda *_: store.Saved(tmp_path))
    monkeypatch.setattr(compare, "_default_summary", lambda _, shown: said.append(Path(shown)))
    monkeypatch.setattr(summary, "write", lambda _: None)
    args = SimpleNamespace(runs=[], json=False, quiet=False)
    assert compare.run(args) == 0
    assert said == [tmp_path / "report.html" if written else tmp_path]


def test_compare_for_machines(solved, capsys, tmp_path):
    folders = [one["folder"] for one in solved[1]]
    assert (
        guarded("compare", *folders, "--json", "--no-report", "--tolerance", "1e-2", "--out", tmp_path) == 0
    )
    found = json.loads(capsys.readouterr().out)
    assert found["results"]
    assert all(abs(row["difference [%]"]) > 0 for row in found["results"])


def test_report_of_a_run(solved, tmp_path, capsys):
    folder = solved[1][1]["folder"]
    assert guarded("report", folder, "-o", tmp_path / "r.html") == 0
    text = (tmp_path / "r.html").read_text()
    assert "China&#39;s export quota of 2010" in text
    assert guarded("report", Path(folder).name, "--out", solved[0], "--json") == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["report"].endswith("report.html")


def test_a_setting_makes_another_run(solved, capsys):
    root, _ = solved
    arguments = ["--set", "instruments.quota-2010.limit=33000", "--out", root, "--quiet", *FAST]
    assert guarded("solve", "china-2010-quota", *arguments) == 0
    folder = Path(capsys.readouterr().out.strip())
    assert folder.name not in {Path(one["folder"]).name for one in solved[1]}
    text = (folder / "scenario.yaml").read_text()
    assert "33000" in text
    assert "set on the command line" in text
    assert guarded("solve", folder / "scenario.yaml", "--out", root, "--quiet", *FAST) == 0
    assert Path(capsys.readouterr().out.strip()) == folder  # the saved scenario is the run's own input


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["solve", "china-2010-quta"], "did you mean china-2010-quota"),
        (["solve", "nothing.yaml"], "no such file"),
        (["solve", "no-shock", "--calibration", "china-2008"], "did you mean china-2009"),
        (["solve", "no-shock", "--set", "yeer=3"], "yeer"),
        (["solve", "china-2010-2015"], "is a path of years"),
        (["compare", "no-shock"], "compare needs two runs"),
        (["report", "no-such-run"], "no run 'no-such-run'"),
        (["completion", "--name", "a;rm"], "expected letters"),
    ],
)
def test_wrong_input_is_said_in_a_line(arguments, message, capsys, tmp_path):
    extra = ["--out", tmp_path] if arguments[0] in ("solve", "compare") else []
    assert guarded(*arguments, *extra) == 2
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []


def test_what_is_expected_instead_of_a_path_works(capsys, tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(
        "name: small\ntitle: T\nquestion: Q\ncalibration: china-2009-small\nhorizon: path\nyears: 2009-2012\n"
        "regimes: [exogenous]\ninstruments:\n"
        "  - {type: export_tax, origins: CHN, elements: all, add: {2010: 0.1}}\n"
    )
    assert guarded("solve", path, "--out", tmp_path / "runs", *FAST) == 2
    hint = capsys.readouterr().err.partition("a year of it: ")[2].split()
    assert guarded("solve", path, "--out", tmp_path / "runs", *hint, *FAST) == 0


def test_problems_of_all_scenarios_are_said_at_once(capsys, tmp_path):
    assert guarded("solve", "no-shok", "full-embarg", "--out", tmp_path) == 2
    said = capsys.readouterr().err
    assert "no-shok" in said
    assert "full-embarg" in said


def test_a_scenario_that_is_not_solved_ends_with_1_and_a_reason(capsys, tmp_path, monkeypatch):
    from dataclasses import replace

    from model.solution import Diagnosis
    from outputs import experiment

    def fails(benchmark, shock=None, closure=None, **options):
        found = original(benchmark, shock, closure, **options)
        if closure is not None and closure.regime == "directed":
            return replace(
                found, status="stalled", diagnosis=Diagnosis("stalled", "market", (0, 0), 1.0, "made to fail")
            )
        return found

    original = experiment.solve
    monkeypatch.setattr(experiment, "solve", fails)
    arguments = [
        "--no-figures",
        "--no-security",
        "--no-decomposition",
        "--regime",
        "exogenous",
        "--regime",
        "directed",
    ]
    assert guarded("solve", "no-shock", "--out", tmp_path, *arguments) == 1
    out, err = capsys.readouterr()
    assert "no-shock, directed: stalled; made to fail" in err
    assert "directed technology: stalled" in out or "! directed technology" in out
    (folder,) = tmp_path.iterdir()
    assert json.loads((folder / "provenance.json").read_text())["status"]["directed"].startswith("stalled")


def test_doctor_finds_this_computer_well(capsys):
    code = guarded("doctor", "--json")
    found = json.loads(capsys.readouterr().out)
    assert {"Python", "packages", "files", "disk", "solver", "NetCDF", "figures"} <= found.keys()
    broken = {name: one["text"] for name, one in found.items() if not one["ok"] and name != "packages"}
    assert not broken
    assert code == (0 if found["packages"]["ok"] else 3)


def test_doctor_says_what_to_do_where_nothing_can_be_written(tmp_path, monkeypatch):
    from outputs.commands import doctor

    monkeypatch.setattr(store, "RUNS", tmp_path / "gone" / "runs")
    well, text = doctor._disk()
    assert not well
    assert text.startswith(f"{tmp_path / 'gone'} cannot be written: No such file or directory")
    assert "--out" in text


def test_validate_tries_to_write_before_it_solves_for_minutes(tmp_path, monkeypatch, capsys):
    from outputs.paths import saving

    monkeypatch.setattr(saving, "solved", lambda *given, **named: pytest.fail("solved first"))
    taken = tmp_path / "taken"
    taken.write_text("a file, not a folder")
    assert guarded("validate", "--write", taken) == 3
    assert capsys.readouterr().err == f"{taken}: File exists\n"


def test_doctor_names_what_killed_runs_left_and_spares_runs_at_work(tmp_path):
    from outputs.commands import doctor

    assert doctor._unfinished(tmp_path) == ""
    for name in ("old", "busy", "new"):
        (tmp_path / f".partial-{name}" / "tables").mkdir(parents=True)
        (tmp_path / f".partial-{name}" / "tables" / "a.csv").write_text("x")
    past = time.time() - 2 * doctor.DAY
    for path in (
        *tmp_path.glob(".partial-old/**"),
        *tmp_path.glob(".partial-busy"),
        *tmp_path.glob(".partial-old/*/*"),
    ):
        os.utime(path, (past, past))
    assert doctor._unfinished(tmp_path) == (
        "; left by runs that were killed, `python run.py doctor --clean` deletes: .partial-old"
        "; 2 unfinished (.partial-*), changed within a day: at work, or killed"
    )


def test_doctor_deletes_what_killed_runs_left_and_nothing_else(tmp_path, monkeypatch, capsys):
    from outputs import store
    from outputs.commands import doctor

    runs = tmp_path / "runs"
    monkeypatch.setattr(store, "RUNS", runs)
    assert guarded("doctor", "--clean") == 0  # not even the folder is there
    assert capsys.readouterr().out == "nothing to delete\n"
    kept = tmp_path / "kept.csv"
    for path in (
        kept,
        runs / ".partial-old" / "a.csv",
        runs / ".partial-new" / "a.csv",
        runs / "run-1" / "a.csv",
        runs / "evidence" / "patents" / ".partial-deep.csv",
        runs / "evidence" / "b.csv",
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    (runs / ".partial-file.nc").write_text("x")
    (runs / ".partial-old" / "link").symlink_to(kept)
    past = time.time() - 2 * doctor.DAY
    for path in runs.rglob("*"):
        os.utime(path, (past, past), follow_symlinks=False)
    os.utime(kept, (past, past))
    os.utime(runs / ".partial-new" / "a.csv")
    assert guarded("doctor", "--clean") == 0
    said = capsys.readouterr().out.splitlines()
    deep = "evidence/patents/.partial-deep.csv"
    assert said == [f"deleted {runs / name}" for name in (".partial-file.nc", ".partial-old", deep)]
    assert sorted(path.name for path in runs.iterdir()) == [".partial-new", "evidence", "run-1"]
    assert (runs / "evidence" / "b.csv").is_file()
    assert kept.exists()


@pytest.mark.parametrize(
    ("command", "place"),
    [
        (["patents", "classify"], "evidence/patents"),
        (["estimate", "exposure"], "evidence/exposure"),
        (["estimate", "elasticities", "--simulate"], "evidence/elasticities"),
    ],
)
def test_results_go_to_the_projects_folder_from_anywhere(command, place, tmp_path, monkeypatch):
    from outputs.commands import estimate, patents

    monkeypatch.setattr(store, "RUNS", tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    seen = []
    for module, step in ((patents, "_classify"), (estimate, "_exposure"), (estimate, "_elasticities")):
        monkeypatch.setattr(module, step, lambda args: seen.append(args.out) or 0)
    assert guarded(*command) == 0
    assert guarded(*command, "--out", "mine") == 0
    assert seen == [tmp_path / "runs" / place, Path("mine")]


def test_the_page_of_the_record_goes_to_the_projects_folder(tmp_path, monkeypatch):
    from outputs.commands import validate

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(validate, "run", lambda args: written.append(args.write) or 0)
    written = []
    assert guarded("validate", "--write") == 0
    assert written == [ROOT / "docs"]


def test_doctor_says_what_is_broken(monkeypatch, capsys):
    from outputs.commands import doctor

    def broken():
        raise OSError("the disk is gone")

    monkeypatch.setattr(doctor, "CHECKS", {"disk": broken, "Python": doctor._python})
    assert guarded("doctor") == 3
    out = capsys.readouterr().out
    assert "BROKEN  disk: OSError: the disk is gone" in out
    assert "ok      Python" in out


def test_completion_knows_commands_options_and_what_is_shipped(capsys):
    assert guarded("completion") == 0
    script = capsys.readouterr().out
    begun = {
        "rep": "report", "solve china-2010-q": "china-2010-quota", "solve --horizon s": "short", "patents pan": "panel",
        "patents classify --retry": "--retry-unclassified", "patents audit sco": "score",
        "estimate elasticities --cluster un": "unit", "sweep elasticities": "elasticities-2010",
        "comovement mil": "military-development", "calibrate world": "world-2024",
        "path --calibration world": "world-2024", "solve x --calibration world": "world-2024",
        "metrics --scenario japan": "japan-embargo-2010",
        "compare japan": "japan-embargo-2010", "check world": "world-2024",
    }  # fmt: skip
    for words in begun:
        script += (
            f'COMP_WORDS=(run.py {words}); COMP_CWORD={len(words.split())}; _ree; echo "${{COMPREPLY[@]}}"\n'
        )
    script += 'COMP_WORDS=(python run.py sol); COMP_CWORD=2; _ree_python; echo "${COMPREPLY[@]}"; complete -p python\n'
    done = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    *completed, through_python, of_python = done.stdout.splitlines()
    assert dict(zip(begun, completed, strict=True)) == begun
    assert through_python == "solve"
    assert of_python == "complete -o bashdefault -o default -F _ree_python python"


# -- figures --------------------------------------------------------------------------------------------------


def test_figures_are_drawn_in_the_second_process_and_faults_are_said(runs, tmp_path):
    from PIL import Image

    with Artist() as artist:
        artist.draw(xr.Dataset(), tmp_path)
        artist.draw(store.read_netcdf(runs.folders[0] / "results.nc"), tmp_path / "figures")
        with pytest.raises(RuntimeError, match="figures were not drawn: KeyError"):
            artist.wait()
    drawn = sorted((tmp_path / "figures").glob("*.png"))
    assert {path.stem for path in drawn} == {"prices", "real_income", "sectors", "research", "forces"}
    for path in drawn:
        with Image.open(path) as picture:
            assert picture.size[0] >= 1400
            assert len(picture.convert("L").getcolors()) > 20  # not an empty page


def test_numbers_are_kept_when_pictures_fail(calibration, tmp_path, monkeypatch, capsys):
    from outputs import experiment, pipeline
    from tests.outputs.conftest import options, scenario

    class Fails(contextlib.nullcontext):
        def draw(self, result, folder):
            pass

        def wait(self):
            raise RuntimeError("figures were not drawn: why")

        def __enter__(self):
            return self

    monkeypatch.setattr(pipeline, "Artist", Fails)
    plan = experiment.plan(scenario(), calibration, regimes=("exogenous",), decompose=False, security=False)
    outcomes = pipeline.solve_and_save([plan], options(tmp_path, no_figures=False))
    assert (outcomes[0].saved.folder / "results.nc").is_file()
    assert pipeline.say_failures(outcomes) == 3
    assert "figures were not drawn: why" in capsys.readouterr().err


@pytest.mark.slow
def test_processes_side_by_side_give_the_same_bytes(calibration, runs, tmp_path):
    from outputs import experiment, pipeline, store
    from tests.outputs.conftest import options, scenario

    (outcome,) = pipeline.solve_and_save(
        [experiment.plan(scenario(), calibration)], options(tmp_path, workers=2)
    )
    assert store.file_hashes(outcome.saved.folder) == store.file_hashes(runs.folders[0])


def test_what_is_printed_makes_no_other_run(tmp_path, monkeypatch, capsys):
    """The same settings with more or less output are the same run, which is kept as it is."""
    words = ["solve", "no-shock", "--set", "parameters.breadth=0.02", "--out", str(tmp_path), *FAST]
    for more in ([], ["-q"], ["--json"]):
        monkeypatch.setattr(sys, "argv", ["run.py", *words, *more])
        assert run.guarded([*words, *more]) == 0
    (folder,) = tmp_path.iterdir()
    head = (folder / "scenario.yaml").read_text().splitlines()[0]
    assert head == "# no-shock.yaml with --set parameters.breadth=0.02"
    assert run.guarded(["check", str(folder / "scenario.yaml")]) == 0
    capsys.readouterr()
