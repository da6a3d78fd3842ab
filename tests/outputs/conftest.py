"""Solved scenarios of a small random world, and their run folders."""

from __future__ import annotations

import argparse
from pathlib import Path
from types import SimpleNamespace

import pytest
import xarray as xr

import scenarios
from calibration.provenance import Parameter
from outputs import experiment, pipeline
from tests.worlds import Sizes, world

HOSTILE = "<script>alert('x')</script>"
FORMULA = '=HYPERLINK("http://evil")'


def small_calibration(**options):
    """A calibration like the real ones, on a random world: three regions, four ordinary sectors, two elements."""
    benchmark, labels = world(
        3, Sizes(regions=3, ordinary=4, elements=2), ree_cost=0.01, research_closure="sector", **options
    )
    rows = (
        Parameter(
            "substitutability",
            "parameters",
            {"E0": 40.0, "E1": 90.0},
            "score 0-100",
            "a book",
            "seen",
            None,
            False,
        ),
        Parameter("breadth", "parameters", 0.05, "elasticity", FORMULA, "analyst", (0.0, 0.1), True, ("E0",)),
        Parameter(HOSTILE, "parameters", 1.0, "-", "nowhere", "memory", None, True),
    )
    return SimpleNamespace(
        name="small", title="A small world", year=2009, benchmark=benchmark, labels=labels, parameters_table=rows,
        limits=("It is small.", HOSTILE), hashes={"small.yaml": "0" * 64}, notes=(),
    )  # fmt: skip


def scenario(name="cut", limit=0.6, **changes):
    """A quota of the first region on all elements."""
    line = {
        "type": "export_quota", "name": "quota", "origins": "R0", "elements": "all",
        "limit": {"value": limit, "unit": "ratio", "source": "a test", "status": "analyst"},
    }  # fmt: skip
    given = {
        "name": name, "title": f"A cut {HOSTILE}", "question": "What does a cut do?", "calibration": "small",
        "year": 2010, "horizon": "long", "at_target": ["technology"], "instruments": [line] if limit else [],
        "assumptions": [{"text": HOSTILE, "status": "memory"}],
    }  # fmt: skip
    return scenarios.parse(given | changes)


def options(out: Path, **changes) -> argparse.Namespace:
    """Parsed options of `run.py solve` with their defaults."""
    parser = argparse.ArgumentParser()
    pipeline.add_options(parser)
    return argparse.Namespace(**{**vars(parser.parse_args([])), "out": out, "no_figures": True, **changes})


@pytest.fixture(scope="session")
def calibration():
    return small_calibration()


@pytest.fixture(scope="session")
def solved(calibration):
    """A cut to 60 % under all regimes, with its decomposition and the embargo."""
    (result,) = experiment.solve_plans([experiment.plan(scenario(), calibration)])
    assert not result.failed
    return result


@pytest.fixture(scope="session")
def taxed(calibration):
    """The same with an ad-valorem licence, two regimes."""
    line = scenario().instruments[0].model_copy(update={"licence": "ad_valorem"})
    changed = scenario("taxed").model_copy(update={"instruments": (line,)})
    (result,) = experiment.solve_plans(
        [experiment.plan(changed, calibration, regimes=("exogenous", "directed"), security=False)]
    )
    return result


@pytest.fixture(scope="session")
def ds(solved) -> xr.Dataset:
    return solved.dataset.squeeze("scenario")


@pytest.fixture(scope="session")
def runs(calibration, tmp_path_factory):
    """Two run folders on disk."""
    root = tmp_path_factory.mktemp("runs")
    plans = [
        experiment.plan(scenario(), calibration),
        experiment.plan(scenario("deep", 0.4), calibration, security=False),
    ]
    outcomes = pipeline.solve_and_save(plans, options(root))
    return SimpleNamespace(
        root=root, outcomes=outcomes, folders=[outcome.saved.folder for outcome in outcomes]
    )
