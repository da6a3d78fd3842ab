"""What brought a result about: contributions add up, and the words follow the numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.records import Shock
from outputs import experiment, forces, intact
from tests.outputs.conftest import scenario


def test_contributions_add_up_to_the_fullest_regime(solved):
    ds = solved.dataset.squeeze("scenario")
    assert solved.dataset.attrs["decomposed"] == "directed_with_spillovers"
    assert list(ds["force"].values) == ["cost", "direction", "spillovers", "breadth"]
    total = ds["real_income_usd_by_force"].sum("force")
    np.testing.assert_allclose(
        total, ds["equivalent_variation"].sel(regime="directed_with_spillovers"), rtol=1e-7
    )


def test_cost_alone_is_the_regime_without_learning(solved):
    ds = solved.dataset.squeeze("scenario")
    cost = ds["real_income_usd_by_force"].sel(force="cost")
    np.testing.assert_allclose(cost, ds["equivalent_variation"].sel(regime="exogenous"), rtol=1e-7)


def test_without_spillovers_only_direction_is_left(calibration):
    changed = scenario("plain", parameters={"spillover": 0, "breadth": 0})
    (result,) = experiment.solve_plans([experiment.plan(changed, calibration, security=False)])
    ds = result.dataset.squeeze("scenario")
    assert list(ds["force"].values) == ["cost", "direction"]
    first, second = (ds["real_income"].sel(regime=r) for r in ("directed", "directed_with_spillovers"))
    np.testing.assert_allclose(first, second, rtol=1e-10)


def test_forces_are_of_the_fullest_regime_that_was_solved(calibration, monkeypatch):
    """Those of the regime without learning stood under the name of the one without solution, and no report took it."""
    solve_one = experiment.run_job

    def without_spillovers(job):
        lost = experiment.Done(job.key, None, {}, "no root")
        return lost if job.key == ("case", "directed_with_spillovers") else solve_one(job)

    monkeypatch.setattr(experiment, "run_job", without_spillovers)
    ready = experiment.plan(scenario(), calibration, by_instrument="name")
    (result,) = experiment.solve_plans([ready])
    intact.check(result.dataset, "results.nc")
    assert list(result.failed) == ["directed_with_spillovers"]
    assert result.dataset.attrs["decomposed"] == "directed"
    ds = result.dataset.squeeze("scenario")
    assert list(ds["force"].values) == ["cost", "direction"]
    for axis in ("force", "instrument"):
        total = ds[f"real_income_usd_by_{axis}"].sum(axis)
        np.testing.assert_allclose(total, ds["equivalent_variation"].sel(regime="directed"), rtol=1e-7)


def test_nothing_is_decomposed_where_nothing_was_solved(calibration, monkeypatch):
    lost = lambda job: experiment.Done(job.key, None, {}, "no root")  # noqa: E731
    monkeypatch.setattr(experiment, "run_job", lost)
    (result,) = experiment.solve_plans([experiment.plan(scenario(), calibration, by_instrument="name")])
    assert result.dataset is None
    assert len(result.failed) == 3


def test_the_order_of_forces_does_not_matter():
    """Two symmetric forces share an interaction equally."""
    parts = {"direction": np.ones(1), "spillovers": np.ones(1)}
    worth = {
        frozenset(): 1.0,
        frozenset({"direction"}): 3.0,
        frozenset({"spillovers"}): 3.0,
        frozenset(parts): 9.0,
    }
    found = forces.contributions(parts, {on: np.array(value) for on, value in worth.items()})
    assert {name: float(part) for name, part in found.items()} == {
        "cost": 1.0,
        "direction": 4.0,
        "spillovers": 4.0,
    }


def test_a_corner_holds_only_its_own_parts():
    parts = {
        "direction": np.full(2, 1.0),
        "spillovers": np.full(2, 10.0),
        "capacity": np.full(3, 5.0),
        "breadth": np.zeros(2),
    }
    assert forces.acting(parts) == ("direction", "spillovers", "capacity")
    one = forces.corner_shock(Shock(), parts | {"breadth": np.full(2, 7.0)}, ["direction", "spillovers"])
    np.testing.assert_array_equal(one.technology, [11.0, 11.0])
    assert one.capacity is None
    assert len(forces.corners(parts)) == 2**3 - 2


@given(
    st.dictionaries(st.sampled_from(forces.FORCES), st.floats(-5, 5).map(lambda x: round(x, 3)), min_size=1)
)
def test_a_decisive_force_turns_the_sign_or_is_the_largest_of_it(parts):
    found = forces.decisive(parts)
    total = sum(parts.values())
    if total == 0:
        assert found == ()
        return
    turning = {name for name, part in parts.items() if np.sign(total - part) == -np.sign(total)}
    assert set(found) == turning or (not turning and len(found) == 1)
    assert all(np.sign(parts[name]) == np.sign(total) for name in found)


def test_the_loss_from_an_embargo_is_that_of_the_embargo(solved, calibration):
    """Recomputed by solving the embargo at the technology that is published."""
    from model.records import Closure
    from model.solve import solve
    from model.welfare import equivalent_variation

    ds = solved.dataset.squeeze("scenario")
    assert ds["embargo_loss"].attrs["cut"] == 1.0
    b = calibration.benchmark
    closed = np.zeros(b.export_tax.shape, dtype=bool)
    closed[0, 1:, b.elements] = True
    for regime in ("exogenous", "directed"):
        technology = np.log(ds["technology_level"].sel(regime=regime).values)
        cut = solve(b, Shock(embargo=closed, technology=technology), Closure("exogenous", "given", "given"))
        expected = ds["equivalent_variation"].sel(regime=regime) - equivalent_variation(cut)
        np.testing.assert_allclose(ds["embargo_loss"].sel(regime=regime), expected, rtol=1e-7)


@pytest.mark.parametrize("security", [True, False])
def test_what_is_not_asked_for_is_not_there(calibration, security):
    (result,) = experiment.solve_plans(
        [experiment.plan(scenario(), calibration, regimes=("exogenous",), decompose=False, security=security)]
    )
    assert ("embargo_loss" in result.dataset) == security
    assert "force" not in result.dataset.dims
