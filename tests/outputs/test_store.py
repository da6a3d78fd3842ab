"""Run folders: whole, never overwritten, the same bytes for the same inputs, and read back with checks."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import run
from calibration.errors import InputError
from outputs import experiment, pipeline, provenance, store
from tests.outputs.conftest import options, scenario

ROOT = Path(__file__).parents[2]


def make(root, name="run", text="one", **about):
    draft = store.Draft(name, root)
    (draft.folder / "table.csv").write_text(text)
    return draft.finish(about)


def test_a_folder_has_everything(runs):
    names = {
        path.relative_to(runs.folders[0]).as_posix() for path in runs.folders[0].rglob("*") if path.is_file()
    }
    assert {"results.nc", "inputs.json", "provenance.json", "parameters.csv", "scenario.yaml"} <= names
    assert {
        "tables/real_income.csv",
        "tables/prices.csv",
        "tables/residuals.csv",
        "tables/forces.csv",
    } <= names
    about = json.loads((runs.folders[0] / "provenance.json").read_text())
    assert {"time", "command", "commit", "status", "files", "platform"} <= about.keys()
    given = json.loads((runs.folders[0] / "inputs.json").read_text())
    assert {"scenario", "calibration", "code", "lock", "libraries", "options"} <= given.keys()
    assert runs.folders[0].name == f"cut-{provenance.run_id(given)}"


def test_two_runs_with_the_same_inputs_have_the_same_bytes_but_for_provenance(runs, calibration, tmp_path):
    (again,) = pipeline.solve_and_save([experiment.plan(scenario(), calibration)], options(tmp_path))
    assert again.saved.folder.name == runs.folders[0].name
    first, second = store.file_hashes(runs.folders[0]), store.file_hashes(again.saved.folder)
    assert first == second
    assert "results.nc" in first


def test_the_run_id_changes_with_every_input(calibration):
    plan = experiment.plan(scenario(), calibration)
    first = pipeline._inputs(plan)
    seen = {provenance.run_id(first)}
    changes = [
        {"lock": "other"}, {"python": "3.99"}, {"libraries": {"numpy": "0"}}, {"code": {"version": "9", "sha256": "0"}},
        {"calibration": {"name": "small", "files": {"small.yaml": "1"}}}, {"options": {"regimes": ["directed"]}},
        {"scenario": scenario(limit=0.61).model_dump(mode="json")},
    ]  # fmt: skip
    seen |= {provenance.run_id(first | change) for change in changes}
    assert len(seen) == len(changes) + 1


def test_the_hash_of_the_code_changes_with_a_line(tmp_path, monkeypatch):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "a.py").write_text("x = 1\n")
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    first = provenance.code_hash.__wrapped__()
    (tmp_path / "model" / "a.py").write_text("x = 2\n")
    second = provenance.code_hash.__wrapped__()
    (tmp_path / "model" / "a.py").rename(tmp_path / "model" / "b.py")
    assert len({first, second, provenance.code_hash.__wrapped__()}) == 3


def test_what_is_there_is_never_overwritten(tmp_path):
    first = make(tmp_path)
    same, other = make(tmp_path), make(tmp_path, text="two")
    assert same.folder == first.folder
    assert same.existed
    assert other.folder == tmp_path / "run-2"
    assert not other.existed
    assert (first.folder / "table.csv").read_text() == "one"
    assert make(tmp_path, text="two").folder == other.folder


def illustrated(root, **pictures):
    """The same results each time, with pictures: their name -> content."""
    draft = store.Draft("run", root)
    (draft.folder / "table.csv").write_text("one")
    (draft.folder / "figures").mkdir()
    for name, content in pictures.items():
        folder = draft.folder / ("figures" if name.endswith("_png") else ".")
        (folder / name.replace("_", ".")).write_text(content)
    return draft.finish({"time": "now"})


def test_pictures_asked_for_later_join_the_run_that_is_there(tmp_path):
    first = illustrated(tmp_path, index_html="bare")
    (first.folder / "mine.txt").write_text("not of the run")
    second = illustrated(tmp_path, index_html="with a picture", a_png="a", report_html="r")
    assert second.existed
    assert [path.name for path in tmp_path.iterdir()] == [first.folder.name]
    assert (first.folder / "figures" / "a.png").read_text() == "a"
    assert (first.folder / "report.html").read_text() == "r"
    assert (first.folder / "index.html").read_text() == "with a picture"
    about = json.loads((first.folder / "provenance.json").read_text())
    assert about["time"] == "now"
    assert about["files"] == {
        name: value for name, value in store.file_hashes(first.folder).items() if name != "mine.txt"
    }
    # What is there already is kept: other machines draw other bytes.
    illustrated(tmp_path, index_html="again", a_png="b", report_html="s")
    illustrated(tmp_path, index_html="bare")
    assert (first.folder / "figures" / "a.png").read_text() == "a"
    assert (first.folder / "index.html").read_text() == "with a picture"


def test_time_stamps_do_not_make_a_run_another_one(tmp_path):
    first = make(tmp_path, time="2010-01-01")
    assert make(tmp_path, time="2011-01-01").existed
    assert json.loads((first.folder / "provenance.json").read_text())["time"] == "2010-01-01"


def test_nothing_is_left_of_a_run_that_fails(tmp_path, monkeypatch, calibration):
    def fails(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pipeline.tables, "write_tables", fails)
    with pytest.raises(OSError, match="No space"):
        pipeline.solve_and_save(
            [experiment.plan(scenario(), calibration, security=False, decompose=False)], options(tmp_path)
        )
    assert list(tmp_path.iterdir()) == []


def test_a_killed_run_leaves_no_folder_under_a_final_name(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from outputs.store import Draft\n"
        "draft = Draft('run', Path(sys.argv[1])); (draft.folder / 'a').write_text('half'); print('there', flush=True)\n"
        "time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE)
    assert process.stdout.readline().strip() == b"there"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert [path.name.startswith(".partial-") for path in tmp_path.iterdir()] == [True]
    assert make(tmp_path).folder.name == "run"


def test_writers_of_one_run_at_the_same_time_keep_one_each(tmp_path):
    start, found = threading.Barrier(8), []

    def write(text):
        start.wait()
        found.append(make(tmp_path, text=text).folder)

    threads = [threading.Thread(target=write, args=("same" if at % 2 else f"other {at}",)) for at in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    texts = sorted((folder / "table.csv").read_text() for folder in tmp_path.iterdir())
    assert sorted(set(texts)) == ["other 0", "other 2", "other 4", "other 6", "same"]
    assert len(found) == 8


@given(st.text(max_size=200))
def test_a_name_is_never_a_way_out_of_the_folder(text):
    name = store.safe_name(text)
    assert name not in ("", ".", "..")
    assert not set(name) & set('/\\\0:*?"<>|')
    assert not name.startswith((".", "-"))
    assert len(name) <= 80


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "a/b", "..", "con\0x", "~root", "$(reboot)"]
)
def test_hostile_names_stay_inside(tmp_path, name):
    root = tmp_path / "runs"
    saved = make(root, name=name)
    assert saved.folder.parent == root
    assert list(tmp_path.iterdir()) == [root]


def test_a_result_that_was_changed_is_refused(runs, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(runs.folders[0], copy)
    assert store.read(copy).dataset.identical(store.read(runs.folders[0]).dataset)
    with (copy / "results.nc").open("ab") as stream:
        stream.write(b"\0")
    with pytest.raises(InputError, match="was changed"):
        store.read(copy)


@pytest.mark.parametrize(
    "name", ["results.nc", "inputs.json", "scenario.yaml", "parameters.csv", "tables/prices.csv"]
)
def test_a_run_is_refused_with_the_file_that_was_changed(runs, tmp_path, name, capsys):
    copy = shutil.copytree(runs.folders[0], tmp_path / "copy")
    content = (copy / name).read_bytes()
    for changed in (content + b" ", None):
        if changed is None and name != "results.nc":  # without results.nc it is no run at all
            (copy / name).unlink()
        elif changed is not None:
            (copy / name).write_bytes(changed)
        for words in (["report", str(copy)], ["compare", str(copy), str(runs.folders[1])]):
            assert run.guarded([*words, "--out", str(tmp_path)]) == 2
            assert f"{name}: was changed after it was written" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]
    assert not (copy / "report.html").exists()


def test_a_section_is_refused_when_its_folder_was_changed(runs, tmp_path, capsys):
    def folder(name, **about):
        draft = store.Draft(name, tmp_path)
        (draft.folder / "section.html").write_text("<section><h2>Metrics</h2></section>")
        (draft.folder / "inputs.json").write_text("{}")
        (draft.folder / "scores.csv").write_text("score\n1\n")
        return draft.finish(about).folder

    metrics, out = folder("metrics"), ["-o", str(tmp_path / "x.html")]
    assert run.guarded(["report", str(runs.folders[0]), str(metrics), *out]) == 0
    for name in ("section.html", "inputs.json", "scores.csv"):
        changed = folder(f"other-{name}")
        with (changed / name).open("a") as stream:
            stream.write("\n")
        assert run.guarded(["report", str(runs.folders[0]), str(changed), *out]) == 2
        assert f"{name}: was changed after it was written" in capsys.readouterr().err
    (metrics / "provenance.json").write_text("{}")  # as evidence has it: nothing was said of its files
    assert run.guarded(["report", str(runs.folders[0]), str(metrics), *out]) == 0


def test_an_unknown_run_is_refused_with_the_nearest_name(runs):
    with pytest.raises(InputError, match="did you mean cut-"):
        store.read(runs.folders[0].name[:-1] + "x", runs.root)
    with pytest.raises(InputError, match="no run"):
        store.read("nowhere/else", runs.root)


def test_a_beginning_stands_for_a_run_while_it_is_the_only_one(runs, tmp_path):
    cut, deep = runs.folders
    assert store.find("cut", runs.root, abbreviated=True) == cut
    assert store.find(deep.name[:-3], runs.root, abbreviated=True) == deep
    for name in ("cut-0123456789ab", "cut-0123456789ac", "cut-and-tax-0123456789ab"):
        (tmp_path / name).mkdir()
    assert store.find("cut-and", tmp_path, abbreviated=True).name == "cut-and-tax-0123456789ab"
    with pytest.raises(InputError, match=r"2 runs begin with 'cut'.*cut-0123456789ab, cut-0123456789ac"):
        store.find("cut", tmp_path, abbreviated=True)
    with pytest.raises(InputError, match="no run"):
        store.find("tax", tmp_path, abbreviated=True)
    with pytest.raises(InputError, match="no run"):
        store.find("cut", runs.root)  # a scenario's name is no run elsewhere


@pytest.mark.parametrize("content", [b"", b"not netcdf", b"\x89HDF\r\n\x1a\n" + b"\0" * 100])
def test_what_is_no_result_is_refused(tmp_path, content):
    (tmp_path / "x.nc").write_bytes(content)
    with pytest.raises(InputError, match="not a readable result"):
        store.read_netcdf(tmp_path / "x.nc")


def test_a_read_only_folder_is_an_error_of_the_system_not_a_traceback(tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root writes everywhere")
    tmp_path.chmod(0o500)
    done = subprocess.run(
        [sys.executable, "run.py", "solve", "no-shock", "--no-figures", "--out", str(tmp_path / "x")],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    tmp_path.chmod(0o700)
    assert done.returncode == 3
    assert "Traceback" not in done.stderr


def test_the_clock_may_run_backwards(tmp_path, monkeypatch):
    monkeypatch.setattr(time, "time", lambda: -1.0)
    assert make(tmp_path).folder.is_dir()
