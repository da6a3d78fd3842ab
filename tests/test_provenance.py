"""Where numbers come from: the run id follows every input, shipped numbers have a source, results carry limits."""

import copy
import gzip
import io
import json
import sys
import tomllib
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

import calibration
import scenarios
from calibration import strict_yaml
from calibration.errors import InputError
from outputs import experiment, pipeline, provenance

ROOT = Path(__file__).parents[1]
STATUSES = {"seen", "computed", "memory", "analyst"}
CALIBRATIONS = sorted((ROOT / "calibration").glob("*.yaml"))
SCENARIOS = sorted((ROOT / "scenarios").glob("*.yaml"))
DATA = sorted(path for path in (ROOT / "calibration" / "data").rglob("*.csv*") if path.is_file())


@cache
def base():
    return calibration.load("china-2009-small")


def identity(scenario, **options):
    settings = {"regimes": ["directed"], "decompose": True, "security": True} | options
    return provenance.run_id(provenance.inputs(scenario, base(), **settings))


def places(tree, path=()):
    """Every place of a tree at which a number or text stands."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from places(value, (*path, key))
    elif isinstance(tree, list):
        for key, value in enumerate(tree):
            yield from places(value, (*path, key))
    else:
        yield path


def put(tree, path, value):
    new = copy.deepcopy(tree)
    at = new
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return new


def other(value):
    """Another value of the same kind; None where there is none."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float):
        return value * 1.01
    return f"{value}-x" if isinstance(value, str) else None


# ------------------------------------------------------------------ the run id


@pytest.mark.parametrize("name", ["china-2010-quota", "stockpile", "licences-2023-2025"])
def test_any_change_of_a_scenario_changes_the_run_id(name):
    """Every number and text of the file, one at a time; what the schema does not take is no scenario."""
    data = strict_yaml.load(ROOT / "scenarios" / f"{name}.yaml").data
    first, seen, changed = identity(scenarios.parse(data)), set(), 0
    for path in places(data):
        value = data
        for key in path:
            value = value[key]
        if path[0] == "compare_with":  # where other numbers can be read, not what these rest on
            continue
        try:
            new = scenarios.parse(put(data, path, other(value)))
        except InputError:
            continue
        seen.add(identity(new))
        changed += 1
    assert first not in seen
    assert changed > 10


CHANGES = {
    "a regime": {"regimes": ["exogenous"]},
    "another regime beside it": {"regimes": ["directed", "exogenous"]},
    "no decomposition": {"decompose": False},
    "no security": {"security": False},
    "contributions of instruments": {"by_instrument": "all"},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_options_are_part_of_the_run_id(change):
    scenario = scenarios.load("china-2010-quota")
    assert identity(scenario, **change) != identity(scenario)


def test_the_order_of_parameters_is_part_of_the_run_id():
    """The later one wins where two set the same number."""
    data = strict_yaml.load(ROOT / "scenarios" / "china-2010-quota.yaml").data
    both = [("ree_elasticity", 0.3), ("ree_elasticity.magnets", 0.05)]
    first, second = (scenarios.parse(data | {"parameters": dict(order)}) for order in (both, both[::-1]))
    one, other = (case.benchmark(base()).parameters.ree_elasticity for case in (first, second))
    assert (one != other).any()
    assert identity(first) != identity(second)


@pytest.mark.parametrize("what", ["code_hash", "lock_hash", "version", "libraries"])
def test_code_and_packages_are_part_of_the_run_id(what, monkeypatch):
    scenario = scenarios.load("china-2010-quota")
    first = identity(scenario)
    monkeypatch.setattr(provenance, what, lambda: "another")
    assert identity(scenario) != first


def test_every_file_of_the_calibration_is_part_of_the_run_id():
    """Numbers in its tables change results and no line of the scenario."""
    scenario, files = scenarios.load("china-2010-quota"), base().hashes
    assert provenance.inputs(scenario, base())["calibration"]["files"] == files
    for name in files:
        changed = replace(base(), hashes=files | {name: "another"})
        new = provenance.run_id(provenance.inputs(scenario, changed))
        assert new != provenance.run_id(provenance.inputs(scenario, base())), name


def test_every_package_that_results_pass_through_is_hashed():
    """The packages whose imports are held to one direction are all there are."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert set(provenance.PACKAGES) == set(settings["tool"]["importlinter"]["root_packages"])


@pytest.mark.parametrize(("status", "told"), [("", "abc"), (" M run.py", "abc+changes")])
def test_files_that_differ_from_the_commit_are_told(monkeypatch, status, told):
    monkeypatch.setattr(provenance, "_git", lambda *words: "abc" if words[0] == "rev-parse" else status)
    assert provenance.commit.__wrapped__() == told


def test_what_does_not_change_the_numbers_does_not_change_the_run_id(monkeypatch):
    """Time, place, machine and commit stand in provenance.json alone."""
    scenario = scenarios.load("china-2010-quota")
    first = identity(scenario)
    monkeypatch.setattr(provenance, "commit", lambda: "another")
    monkeypatch.chdir(ROOT / "tests")
    assert identity(scenario) == first
    text = json.dumps(provenance.inputs(scenario, base()), default=str)
    assert str(ROOT) not in text
    assert "time" not in provenance.inputs(scenario, base())


OPENED: set[str] = set()
WATCHING = [False]


def _watch(event, details):
    if WATCHING[0] and event == "open" and isinstance(details[0], str | Path):
        OPENED.add(str(details[0]))


@pytest.mark.parametrize("name", ["china-2009-small", "world-2024"])
def test_every_file_that_a_calibration_reads_is_in_its_hashes(name):
    """Asked of the interpreter, which tells of every file that is opened."""
    if not OPENED:
        sys.addaudithook(_watch)  # stays for good, and sleeps
    OPENED.clear()
    WATCHING[0] = True
    try:
        found = calibration.load(name)
    finally:
        WATCHING[0] = False
    read = {Path(path).resolve() for path in OPENED if Path(path).suffix in (".yaml", ".csv", ".gz")}
    read = {path for path in read if path.is_relative_to(ROOT) and ".venv" not in path.parts}
    assert len(read) > 5
    assert {path.name for path in read} <= {Path(entry).name for entry in found.hashes}


# ------------------------------------------------------------------ numbers and their sources


def numbers(tree, path=(), told=False):
    """Every mapping that gives a value: its place, and whether it or what it is a part of has a source and a status."""
    if isinstance(tree, dict):
        told |= bool(str(tree.get("source", "")).strip()) and tree.get("status") in STATUSES
        if "value" in tree or "values" in tree:
            yield path, told
        for key, value in tree.items():
            yield from numbers(value, (*path, key), told)
    elif isinstance(tree, list):
        for key, value in enumerate(tree):
            yield from numbers(value, (*path, key), told)


@pytest.mark.parametrize("path", [*CALIBRATIONS, *SCENARIOS], ids=lambda path: path.stem)
def test_every_number_of_a_shipped_file_has_a_source_and_a_status(path):
    document = strict_yaml.load(path)
    found = list(numbers(document.data))
    lacking = [
        f"line {document.line(where)}: {'.'.join(map(str, where))}" for where, told in found if not told
    ]
    assert lacking == []


@pytest.mark.parametrize(
    "path", DATA, ids=lambda path: path.relative_to(ROOT / "calibration" / "data").as_posix()
)
def test_every_shipped_table_says_where_it_is_from(path):
    """In its first line, or in the provenance file beside it, which must name it."""
    packed = path.suffix == ".gz"
    text = gzip.decompress(path.read_bytes()).decode() if packed else path.read_text(encoding="utf-8")
    first = io.StringIO(text).readline()
    beside = [
        *path.parent.glob("provenance.yaml"),
        *path.parent.glob(f"{path.name.split('.')[0]}.provenance.yaml"),
    ]
    named = any(path.name in one.read_text(encoding="utf-8") or path.stem in one.name for one in beside)
    assert (first.startswith("#") and len(first) > 20) or named


# ------------------------------------------------------------------ limits


@pytest.mark.parametrize("path", CALIBRATIONS, ids=lambda path: path.stem)
def test_every_shipped_calibration_states_its_limits(path):
    data = strict_yaml.load(path).data
    assert data.get("limits") or data.get("based_on")


def test_a_result_carries_the_limits_of_its_calibration(tmp_path):
    import argparse

    from outputs import report, store

    scenario = scenarios.load("no-shock", base())
    plan = experiment.plan(scenario, base(), regimes=("exogenous",), decompose=False, security=False)
    parser = argparse.ArgumentParser()
    pipeline.add_options(parser)
    options = argparse.Namespace(**{**vars(parser.parse_args([])), "out": tmp_path, "no_figures": True})
    (one,) = pipeline.solve_and_save([plan], options)
    limits = json.loads(store.read(one.saved.folder).dataset.attrs["limits"])
    assert limits == list(base().limits)
    assert len(limits) >= 3
    html = report.build.html([report.from_folder(one.saved.folder)])
    from markupsafe import escape

    assert all(str(escape(text)) in html for text in limits)
