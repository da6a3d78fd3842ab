"""`run.py sweep` as a user meets it: folders, resuming, refusals, exit codes."""

import io
import re
import sys

import pytest
import xarray as xr

import run
from outputs.sweeps import reading, report
from scenarios.sweeps import centres, evaluate, execution, storage
from tests.scenarios.test_sweeps import SMALL


@pytest.fixture
def design(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(SMALL.replace("regimes: [exogenous, directed]", "regimes: [exogenous]"))
    return path


@pytest.fixture
def sweep(design, tmp_path, monkeypatch):
    """Run the command in this process on the small design; returns the exit code."""
    monkeypatch.setattr(storage, "SMALL", 2)

    def command(*more):
        return run.guarded(
            ["sweep", str(design), "--workers", "1", "--out", str(tmp_path / "runs"), "--no-figures", *more]
        )

    return command


def folders(tmp_path):
    return sorted(path for path in (tmp_path / "runs").iterdir())


def test_a_sweep_leaves_results_tables_and_a_page(sweep, tmp_path, capsys):
    assert sweep() == 0
    (folder,) = folders(tmp_path)
    assert folder.name.startswith("small-")
    assert {"results.nc", "sweep.json", "index.html", "section.html", "tables"} <= {
        p.name for p in folder.iterdir()
    }
    assert not (folder / "chunks").exists()
    out, err = capsys.readouterr()
    assert "6 draws, design monte_carlo" in out
    assert "Dy (fixed technology): median" in out
    assert "draws:" not in err  # no bar where there is no terminal
    before = (folder / "results.nc").read_bytes()
    assert sweep() == 0  # the same again: nothing is solved, nothing is overwritten
    assert (folder / "results.nc").read_bytes() == before
    made = [folder / "section.html", *sorted((folder / "tables").iterdir())]
    before = [path.read_bytes() for path in made]
    assert run.guarded(["sweep", "--report", str(folder), "--no-figures", "-q"]) == 0
    assert [path.read_bytes() for path in made] == before


@pytest.mark.parametrize("name", ["results.nc", "sweep.json"])
def test_a_sweep_that_was_changed_is_refused(sweep, tmp_path, name, capsys):
    assert sweep() == 0
    (folder,) = folders(tmp_path)
    with (folder / name).open("ab") as stream:
        stream.write(b"\n")
    assert run.guarded(["sweep", "--report", str(folder), "--no-figures"]) == 2
    assert f"{name}: was changed after it was written" in capsys.readouterr().err


def test_what_a_sweep_makes_of_its_results_is_made_again_and_a_report_refuses_it_changed(
    sweep, tmp_path, capsys
):
    assert sweep() == 0
    (folder,) = folders(tmp_path)
    table, again = folder / "tables" / "summary.csv", ["sweep", "--report", str(folder), "--no-figures", "-q"]
    as_written = table.read_bytes()
    (folder / "report.html").write_text("a report that took the sweep in")
    assert run.guarded(again) == 0
    (folder / "report.html").write_text("another one")
    table.write_bytes(as_written + b"1\n")
    assert run.guarded(["report", str(folder)]) == 2
    said = capsys.readouterr().err
    assert "summary.csv: was changed after it was written" in said
    assert "report.html" not in said
    assert run.guarded(again) == 0
    assert table.read_bytes() == as_written


def test_interrupted_then_refused_then_resumed(sweep, design, tmp_path, monkeypatch, capsys):
    real = execution.run_chunk

    def interrupt(spec, number, rows):
        if number == 2:
            raise KeyboardInterrupt
        return real(spec, number, rows)

    monkeypatch.setattr(storage, "SMALL", 2)
    monkeypatch.setattr(execution, "run_chunk", interrupt)
    assert sweep() == 130
    assert "--resume goes on" in capsys.readouterr().err
    assert sweep() == 2
    assert "begun and not finished; expected --resume" in capsys.readouterr().err
    monkeypatch.setattr(execution, "run_chunk", real)
    design.write_text(design.read_text().replace("seed: 1", "seed: 9"))
    assert sweep("--resume") == 2
    assert "was begun with other inputs: design.design.seed" in capsys.readouterr().err
    design.write_text(design.read_text().replace("seed: 9", "seed: 1"))
    assert sweep("--resume") == 0
    (folder,) = folders(tmp_path)
    with xr.open_dataset(folder / "results.nc", engine="h5netcdf") as found:
        assert found["outcome"].notnull().all()


SLOW = pytest.mark.slow
CORRELATED = "correlations: [{between: [ree_elasticity_max, limit], value: 0.3}]\n"


@pytest.mark.parametrize(
    ("plan", "more", "draws", "tables"),
    [
        pytest.param("{type: sobol, draws: 40, seed: 1}", "", 40, {"sobol", "coefficients", "tornado"}, marks=SLOW),
        pytest.param("{type: sobol, draws: 70, seed: 1, second_order: true}", "", 64, {"sobol_pairs"}, marks=SLOW),
        ("{type: morris, draws: 12, seed: 1}", "", 12, {"morris"}),
        pytest.param("{type: latin_hypercube, draws: 30, seed: 1}", CORRELATED, 30, {"tornado"}, marks=SLOW),
        ("{type: grid, points: {ree_elasticity_max: 2, supply_elasticity.ree_mining: 2, limit: 3}}", "", 12, set()),
        ("{type: one_at_a_time, points: 3}", "", 10, {"tornado"}),
        ("{type: stroud}", CORRELATED, 6, set()),
        pytest.param("{type: stroud, degree: 5}", "", 19, set(), marks=SLOW),
    ],
)  # fmt: skip
def test_every_design_goes_from_the_file_to_the_page(sweep, design, tmp_path, plan, more, draws, tables):
    text = design.read_text().replace("{type: monte_carlo, draws: 6, seed: 1}", plan)
    design.write_text(text[: text.index("  - {name: gain")] + more)
    assert sweep() == 0
    (folder,) = folders(tmp_path)
    with xr.open_dataset(folder / "results.nc", engine="h5netcdf") as found:
        assert found["outcome"].shape == (draws, 1)
        assert found["outcome"].notnull().all()
    assert {"summary", *tables} <= {path.stem for path in (folder / "tables").glob("*.csv")}
    section = (folder / "section.html").read_text()
    assert "Left out" not in section
    assert run.guarded(["sweep", "--report", str(folder), "--no-figures", "-q"]) == 0
    assert (folder / "section.html").read_text() == section  # every interval drawn from a seed


def test_failed_draws_are_said_and_counted(sweep, tmp_path, monkeypatch, capsys):
    real, calls = evaluate.solve_together, []

    def sometimes(*args):
        found = real(*args)
        if not calls:
            found[1] = ValueError("no equilibrium here")
        calls.append(args)
        return found

    monkeypatch.setattr(evaluate, "solve_together", sometimes)
    assert sweep() == 1
    assert (
        "1 draws failed, the first (draw 1): quota, exogenous: ValueError: no equilibrium here"
        in capsys.readouterr().err
    )
    (folder,) = folders(tmp_path)
    assert "no equilibrium here" in (folder / "tables" / "failed.csv").read_text()
    assert "1 draws failed" in (folder / "index.html").read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["sweep"], "expected either a design or --report"),
        (["sweep", "elasticites-2010"], "did you mean elasticities-2010"),
        (["sweep", "elasticities-2010", "--draws", "5"], "20 draws or more"),
        (["sweep", "elasticities-2010", "--workers", "0"], "--workers 0: expected 1 or more"),
        (["sweep", "embargo-cliff", "--draws", "50"], "no --draws"),
        (["sweep", "--report", "nowhere"], "no run 'nowhere'"),
        (["sweep", "--report", "x", "--draws", "9", "--resume"], "expected it without --draws, --resume"),
    ],
)
def test_mistakes_are_said_in_a_line(words, message, tmp_path, capsys):
    assert run.guarded([*words, "--out", str(tmp_path)]) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_check_reads_sweeps(design, capsys):
    assert run.guarded(["check", str(design), "rnd-or-mines"]) == 0
    out = capsys.readouterr().out
    assert "6 draws of 3 numbers, 1 solves each" in out
    assert "ree_elasticity_max: uniform, 0.2 to 0.9 (soft)" in out
    assert re.search(r"supply_elasticity.ree_mining: uniform, × [\d.]+ to [\d.]+", out)
    assert "limit: uniform, 20000 to 35000" in out


def test_a_number_that_multiplies_is_told_from_a_value(sweep, design, tmp_path, capsys):
    text = design.read_text()
    design.write_text(
        text.replace(
            "{type: uniform, low: 20000, high: 35000}",
            "{type: uniform, low: 0.8, high: 1.1}\n    factor: true",
        )
    )
    assert run.guarded(["check", str(design)]) == 0
    assert "limit: uniform, × 0.8 to 1.1" in capsys.readouterr().out
    assert sweep() == 0
    found = reading.read(folders(tmp_path)[0])
    assert [found.factor(name) for name in found.parameters] == [False, True, True]
    drawn = {name: found.values[:, at] for at, name in enumerate(found.parameters)}
    assert drawn["limit"].max() < 1.2  # of 30,258 t: what is said to multiply does
    assert found.words("ree_elasticity_max") == "REE elasticity max"
    assert found.words("limit") == "limit (factor)"
    cells = {path: words for _, path, words, _ in report._parameters(found)}
    assert cells["instruments.quota-2010.limit"] == "uniform: low × 0.8, high × 1.1"
    assert cells["calibration.ree_elasticity_max"] == "uniform: low 0.2, high 0.9"
    assert re.fullmatch(
        r"uniform: low × [\d.]+, high × [\d.]+", cells["calibration.supply_elasticity.ree_mining"]
    )


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


def test_a_terminal_sees_the_rate_and_the_time_left(sweep, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stderr", shown := Terminal())
    assert sweep() == 0
    first, last = (shown.getvalue().split("\r")[at] for at in (1, -1))
    assert "0/6" in first
    assert re.search(r"6/6 \[\d\d:\d\d<\d\d:\d\d, +[\d.]+ ?(draw/s|s/draw)\]", last)


def test_a_quiet_sweep_shows_no_bar(sweep, monkeypatch):
    monkeypatch.setattr(sys, "stderr", shown := Terminal())
    assert sweep("-q") == 0
    assert shown.getvalue() == ""


def test_a_middle_without_solution_is_said_once_and_on_the_page(
    sweep, tmp_path, monkeypatch, capsys, request
):
    request.addfinalizer(execution._built.cache_clear)  # what was built here has no centre

    def no_centre(*_):
        raise ValueError("no centre")

    monkeypatch.setattr(centres, "Centre", no_centre)
    execution._built.cache_clear()
    assert sweep() == 0
    said = "quota, exogenous: the middle of all ranges has no solution, every draw was solved alone"
    assert capsys.readouterr().err.count(said) == 1
    (folder,) = folders(tmp_path)
    with xr.open_dataset(folder / "results.nc", engine="h5netcdf") as found:
        assert "no centre" in found.attrs["solved_alone"]
        assert found["outcome"].notnull().all()
    assert (
        "The middle of all ranges has no solution (quota, exogenous)" in (folder / "section.html").read_text()
    )
