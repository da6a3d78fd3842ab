"""Sweeps that run, stop, go on, and come to the same bytes whoever does the work."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5netcdf
import numpy as np
import pytest
import xarray as xr

import calibration
import scenarios as scenario_files
from calibration.errors import InputError
from model.solution import Diagnosis, SolveError
from model.solve import solve
from model.variables import results
from scenarios import sweeps
from scenarios.sweeps import evaluate, execution, storage, study
from scenarios.sweeps.worlds import reason
from tests.scenarios.test_sweeps import SMALL

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(storage, "SMALL", 2)


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    path = tmp_path_factory.mktemp("designs") / "small.yaml"
    path.write_text(SMALL)
    return sweeps.load(path)


@pytest.fixture(scope="module")
def finished(ready, tmp_path_factory):
    """The bytes of the sweep, done in one go in this process."""
    folder = tmp_path_factory.mktemp("once")
    store = storage.Store(folder, 6, len(ready.columns), 2)
    storage.create(ready, folder)
    execution.run(ready, store, execution.InProcess(), 1)
    return (folder / storage.RESULTS).read_bytes()


def store_in(ready, folder):
    """A new store with chunks of two draws, whatever the default is."""
    storage.create(ready, folder)
    return storage.Store(folder, len(ready.sample.values), len(ready.columns), 2)


def test_a_draw_is_the_scenario_solved_with_its_numbers(ready):
    row = ready.sample.values[0]
    (found,) = evaluate.evaluate(ready, row[None])
    assert found.reason == ""
    base = calibration.vary(
        ready.calibration, {"ree_elasticity_max": row[0], "supply_elasticity.ree_mining": row[1]}
    )
    scenario = scenario_files.load("china-2010-quota", base)
    quota = scenario.instruments[0].model_copy(update={"limit": row[2]})
    scenario = scenario.model_copy(update={"instruments": (quota,)})
    for regime in ("exogenous", "directed"):
        solution = solve(scenario.benchmark(base), scenario.shock(base), scenario.closure(regime))
        values = results(solution, solve(base.benchmark))
        column = [c.label for c in ready.columns].index(f"gain.{regime}")
        abroad = [at for at, name in enumerate(base.labels.regions) if name != "CHN"]
        # To 1e-9, or to the solver's tolerance of what it is a small difference of.
        exact, income = values["equivalent_variation"][abroad].sum(), base.benchmark.final[abroad].sum()
        assert found.values[column] == pytest.approx(exact, rel=1e-9, abs=1e-12 * income)
        origin, element = base.labels.regions.index("CHN"), base.labels.elements.index("Dy")
        at_base = results(solve(base.benchmark), solve(base.benchmark))["border_value"][origin, element]
        percent = 100 * (values["border_value"][origin, element] / at_base - 1)
        assert found.values[column - 2] == pytest.approx(percent, rel=1e-9)


def test_technology_is_read_by_the_name_that_results_give_it(tmp_path):
    chosen = "select: {region: CHN, sector: magnets}, measure: percent"
    outcome = f"  - {{name: level, variable: technology_level, {chosen}}}\n"
    path = tmp_path / "small.yaml"
    path.write_text(SMALL.replace("regimes: [exogenous, directed]", "regimes: [directed]") + outcome)
    ready = sweeps.load(path)
    row = ready.sample.values[0]
    (found,) = evaluate.evaluate(ready, row[None])
    world = evaluate.worlds(ready, row)["quota"]
    scenario, base = world.scenario, world.calibration
    solution = solve(scenario.benchmark(base), scenario.shock(base), scenario.closure("directed"))
    level = results(solution, solution, ("technology",))["technology"]
    cells = level[base.labels.regions.index("CHN"), base.labels.sectors.index("magnets")]
    assert abs(cells.mean() - 1) > 1e-6
    assert found.values[-1] == pytest.approx(100 * (cells.mean() - 1), rel=1e-6)


def test_results_hold_the_sample_and_say_what_they_are(finished, tmp_path):
    (tmp_path / "x.nc").write_bytes(finished)
    with h5netcdf.File(tmp_path / "x.nc", "r") as file:
        assert file.variables["value"].shape == (6, 3)
        assert np.isfinite(file.variables["outcome"][:]).all()
        assert file.attrs["design"] == "monte_carlo"
        assert file.variables["weight"][:].sum() == pytest.approx(1)


def test_interrupted_and_resumed_has_the_same_bytes(ready, finished, tmp_path):
    store = store_in(ready, tmp_path)

    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        execution.run(ready, store, execution.InProcess(), 1, stop)
    assert not store.complete
    assert 0 < len(list(store.missing())) < store.chunks
    execution.run(ready, storage.Store(tmp_path, 6, len(ready.columns), 2), execution.InProcess(), 1)
    assert (tmp_path / storage.RESULTS).read_bytes() == finished


def test_a_spoilt_chunk_is_computed_again(ready, finished, tmp_path):
    store = store_in(ready, tmp_path)
    execution_done = []
    with pytest.raises(KeyboardInterrupt):
        execution.run(
            ready, store, execution.InProcess(), 1, lambda n: execution_done.append(n) or _interrupt()
        )
    saved = next(number for number in range(store.chunks) if store.path(number).exists())
    content = store.path(saved).read_bytes()
    store.path(saved).write_bytes(content[: len(content) // 2])
    assert saved in set(store.missing())
    execution.run(ready, store, execution.InProcess(), 1)
    assert (tmp_path / storage.RESULTS).read_bytes() == finished


def _interrupt():
    raise KeyboardInterrupt


def test_two_processes_come_to_the_same_bytes(ready, finished, tmp_path):
    execution.run_in_pool(ready, store_in(ready, tmp_path), 2)
    assert (tmp_path / storage.RESULTS).read_bytes() == finished


SCRIPT = """
import sys
from pathlib import Path
from scenarios import sweeps
from scenarios.sweeps import execution, storage
storage.CHUNK = 2
ready = sweeps.load(sys.argv[1])
store = storage.create(ready, Path(sys.argv[2])) if sys.argv[3] == "new" else storage.resume(ready, Path(sys.argv[2]))
store = storage.Store(store.folder, store.draws, store.columns, 2)
execution.run(ready, store, execution.InProcess(), 1, lambda n: print(n, flush=True))
"""


def test_killed_and_resumed_has_the_same_bytes(ready, finished, tmp_path):
    """kill -9 after the first chunk was saved."""
    design, folder = tmp_path / "small.yaml", tmp_path / "out"
    design.write_text(SMALL)
    command = [sys.executable, "-c", SCRIPT, str(design), str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    first = subprocess.Popen([*command, "new"], stdout=subprocess.PIPE, env=environment, cwd=ROOT)
    assert first.stdout.readline().strip() == b"2"
    first.send_signal(signal.SIGKILL)
    first.wait(20)
    first.stdout.close()
    assert not (folder / storage.RESULTS).exists()
    execution.run(ready, storage.Store(folder, 6, len(ready.columns), 2), execution.InProcess(), 1)
    assert (folder / storage.RESULTS).read_bytes() == finished


def test_other_inputs_are_never_mixed_in(ready, tmp_path, monkeypatch):
    storage.create(ready, tmp_path)
    design = tmp_path / "other.yaml"
    design.write_text(SMALL.replace("seed: 1", "seed: 2"))
    with pytest.raises(InputError, match=r"begun with other inputs: design.design.seed"):
        storage.resume(sweeps.load(design), tmp_path)
    monkeypatch.setattr(study, "code_hash", lambda: "other code")
    design.write_text(SMALL)
    with pytest.raises(InputError, match="begun with other inputs: code"):
        storage.resume(sweeps.load(design), tmp_path)


def test_a_worker_with_other_code_refuses(ready, monkeypatch):
    monkeypatch.setattr(study, "code_hash", lambda: "other code")
    execution._built.cache_clear()
    with pytest.raises(InputError, match="a worker differs from the main process in code"):
        execution.run_chunk(ready.spec, 0, ready.sample.values[:1])


def test_failed_draws_keep_their_reason_and_their_place(ready, tmp_path, monkeypatch):
    unlucky = ready.sample.values[3, 2]
    real = evaluate.solve_together

    def fails(study, cases, rows, regime):
        found = real(study, cases, rows, regime)
        for at in np.nonzero(rows[:, 2] == unlucky)[0]:
            if regime == "directed":
                found[at] = ValueError("no equilibrium here")
        return found

    monkeypatch.setattr(evaluate, "solve_together", fails)
    store = store_in(ready, tmp_path)
    execution.run(ready, store, execution.InProcess(), 1)
    with xr.open_dataset(tmp_path / storage.RESULTS, engine="h5netcdf") as found:
        outcome, reason = found["outcome"].values, found["reason"].values.tolist()
    assert [at for at, text in enumerate(reason) if text] == [3]
    assert reason[3] == "quota, directed: ValueError: no equilibrium here"
    directed = [c.source.regime == "directed" for c in ready.columns]
    assert (np.isnan(outcome[3]) == directed).all()
    assert np.isfinite(np.delete(outcome, 3, axis=0)).all()


def test_an_outcome_without_a_base_year_is_a_failed_draw_with_its_reason(tmp_path):
    """Nobody pays a tariff in the base year: no percentage of it, and the other outcomes stand."""
    path = tmp_path / "small.yaml"
    path.write_text(SMALL + "  - {name: odd, variable: tariff_revenue, measure: percent}\n")
    ready = sweeps.load(path)
    (found,) = evaluate.evaluate(ready, ready.sample.values[:1])
    odd = [column.outcome.name == "odd" for column in ready.columns]
    assert (np.isnan(found.values) == odd).all()
    assert "odd.directed: is 0 in the base year, so nothing is a percentage of it" in found.reason


def test_a_base_year_that_fails_leaves_what_does_not_need_it(ready, monkeypatch):
    def no_base(*_):
        raise ValueError("no base year")

    monkeypatch.setattr(evaluate._Case, "base_solution", no_base)
    (found,) = evaluate.evaluate(ready, ready.sample.values[:1])
    assert (np.isnan(found.values) == [column.needs_base for column in ready.columns]).all()
    assert found.reason == "quota, the base year: ValueError: no base year"


def test_a_fault_of_the_program_stops_the_sweep(ready, tmp_path, monkeypatch):
    def broken(*_):
        raise TypeError("a bug")

    monkeypatch.setattr(evaluate, "solve_together", broken)
    with pytest.raises(TypeError, match="a bug"):
        execution.run(ready, store_in(ready, tmp_path), execution.InProcess(), 1)
    assert not (tmp_path / storage.RESULTS).exists()


def test_only_a_few_chunks_are_under_way(ready, tmp_path, monkeypatch):
    """Memory does not grow with draws: chunks are handed out as others are saved."""
    most = 0

    class Counting(execution.InProcess):
        handed = 0

        def submit(self, fn, /, *args, **kwargs):
            nonlocal most
            Counting.handed += 1
            most = max(most, Counting.handed - len(list(tmp_path.glob("chunks/*.npz"))))
            return super().submit(fn, *args, **kwargs)

    def fake(spec, number, rows):
        return storage.Chunk(number, np.zeros((len(rows), len(ready.columns))), ("",) * len(rows))

    monkeypatch.setattr(execution, "run_chunk", fake)
    many = sweeps.load(_written(tmp_path), draws=100)
    execution.run(many, store_in(many, tmp_path), Counting(), 2)
    assert Counting.handed == 50
    assert most <= execution.AHEAD * 2 + 1


def _written(folder):
    path = folder / "small.yaml"
    path.write_text(SMALL)
    return path


@pytest.mark.slow
def test_a_dask_cluster_that_loses_a_worker_comes_to_the_same_bytes(ready, finished, tmp_path):
    """A real scheduler and two worker processes on this computer; one is killed once the first chunk is saved."""
    distributed = pytest.importorskip("distributed")
    environment = {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, env=environment
        ) as cluster,
        execution.dask(cluster.scheduler_address) as (executor, workers),
    ):
        assert workers == 2
        pids = [worker.process.pid for worker in cluster.workers.values()]
        killed = []

        def kill_one(_):
            if not killed:
                os.kill(pids[0], signal.SIGKILL)
                killed.append(time.time())

        execution.run(ready, store_in(ready, tmp_path), executor, workers, kill_one)
    assert killed
    assert (tmp_path / storage.RESULTS).read_bytes() == finished


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (RuntimeError("Error during deserialization of the task graph."), InputError),
        (ModuleNotFoundError("No module named 'scenarios'"), InputError),
        (RuntimeError("something else"), RuntimeError),
    ],
)
def test_a_cluster_started_elsewhere_is_said_in_a_line(error, told, monkeypatch):
    distributed = pytest.importorskip("distributed")

    class Cluster:
        def __init__(self, *_, **__):
            pass

        def scheduler_info(self, n_workers):
            return {"workers": {"one": {}}}

        def get_executor(self, **_):
            return None

        def close(self):
            pass

    monkeypatch.setattr(distributed, "Client", Cluster)
    with (
        pytest.raises(told, match="PYTHONPATH" if told is InputError else "something else"),
        execution.dask("tcp://host:1"),
    ):
        raise error


def test_no_scheduler_is_said_in_a_line(monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(execution, "TIMEOUT", "1s")
    with pytest.raises(InputError, match="no scheduler answers"), execution.dask("tcp://127.0.0.1:1"):
        pass


@pytest.mark.slow
def test_a_quadrature_and_a_sample_agree_on_mean_and_spread(tmp_path):
    """The systematic sensitivity analysis of 6 solves against 600 draws of the same correlated numbers."""
    more = "correlations: [{between: [ree_elasticity_max, limit], value: 0.3}]\n"
    found = []
    for plan in ("{type: stroud}", "{type: latin_hypercube, draws: 600, seed: 3}"):
        path = tmp_path / "small.yaml"
        path.write_text(SMALL.replace("{type: monte_carlo, draws: 6, seed: 1}", plan) + more)
        ready = sweeps.load(path)
        store = storage.create(ready, tmp_path / ready.design.design.type)
        execution.run(ready, store, execution.InProcess(), 1)
        with xr.open_dataset(store.folder / storage.RESULTS, engine="h5netcdf") as done:
            y = done["outcome"].values
        mean = ready.sample.weights @ y
        found.append((mean, np.sqrt(ready.sample.weights @ (y - mean) ** 2)))
    (mean, sd), (expected, spread) = found
    # Cubes are integrated exactly; what bends more is not, and a uniform number has no long tails.
    np.testing.assert_allclose(mean, expected, atol=0.1 * spread.max(), rtol=0.1)
    np.testing.assert_allclose(sd, spread, rtol=0.25)


@pytest.mark.slow
def test_a_pool_that_loses_a_process_starts_again(ready, finished, tmp_path):
    killed = []

    def kill_one(_):
        if not killed:
            killed.append(multiprocessing.active_children()[0])
            killed[0].kill()

    execution.run_in_pool(ready, store_in(ready, tmp_path), 2, kill_one)
    assert killed
    assert (tmp_path / storage.RESULTS).read_bytes() == finished


def test_a_reason_names_region_and_good_of_a_path_that_failed(ready):
    labels = ready.calibration.labels
    error = SolveError(Diagnosis("stalled", "market", (1, 0), 1.0))
    error.add_note("in year 2010 of the path, regime directed")
    text = reason("quota, directed", error, labels)
    assert f"market of a good (E9): {labels.regions[1]}, {labels.goods[0]} (" in text
    assert text.endswith("in year 2010 of the path, regime directed")
