"""Derivatives of outcomes in the middle of all ranges: against differences, and against a sample."""

import numpy as np
import pytest

from outputs.sweeps import indices, reading, report
from scenarios import sweeps
from scenarios.sweeps import centres, execution, storage
from scenarios.sweeps import design as plans
from scenarios.sweeps.distributions import Uniform
from scenarios.sweeps.evaluate import evaluate
from scenarios.sweeps.local import _Middle, local
from tests.outputs.test_sweeps import sweep_of
from tests.scenarios.test_sweeps import SMALL

MORE = """\
  - {name: more, variable: output, select: {region: CHN, sector: magnets}, measure: change}
  - {name: rent, variable: licence_price, select: {quota: quota-2010}}
  - {name: adds, variable: equivalent_variation, regimes: [directed], minus: {regime: exogenous}}
"""
NARROW = """\
name: narrow
title: One number in a narrow range
question: Is it linear?
scenarios: {quota: china-2010-quota}
calibration: china-2009-small
regimes: [directed]
design: DESIGN
vary:
  - name: limit
    path: instruments.quota-2010.limit
    distribution: {type: uniform, low: 29000, high: 29500}
outcomes:
  - {name: dy, variable: border_value, select: {origin: CHN, element: Dy}, measure: percent}
"""


def load(tmp_path, text):
    path = tmp_path / f"{text.split()[1]}.yaml"
    path.write_text(text)
    return sweeps.load(path)


def test_derivatives_are_those_of_the_outcomes(tmp_path):
    ready = load(tmp_path, SMALL + MORE)
    found, centres = local(ready), ready.centres
    np.testing.assert_allclose(evaluate(ready, centres.middle[None])[0].values, found.outcome, rtol=1e-9)
    assert np.isfinite(found.change).all()
    h = 0.02
    for at, change in enumerate(found.change):
        far, near = (((centres.high - centres.low) * np.eye(3)[at] * step) for step in (2 * h, h))
        steps = centres.middle + np.array([-far, -near, near, far])
        values = [found.values for found in evaluate(ready, steps)]
        expected = np.array([1, -8, 8, -1]) @ values / (12 * h)
        np.testing.assert_allclose(change, expected, rtol=2e-4, atol=1e-5 * np.abs(found.outcome).max())


MADE = """\
name: made
title: A limit on what is made
question: What is a licence worth?
calibration: china-2009-small
year: 2010
horizon: short
instruments:
  - {type: production_quota, name: made, region: CHN, elements: all, limit: {value: 85, unit: "%"}}
"""


def test_the_licence_of_a_production_quota_is_an_outcome_with_a_derivative(tmp_path):
    """It was refused: "covers no quota of this calibration"."""
    (tmp_path / "made.yaml").write_text(MADE)
    text = NARROW[: NARROW.index("vary:")].replace("china-2010-quota", "made.yaml")
    ready = load(
        tmp_path,
        text.replace("DESIGN", "{type: one_at_a_time}").replace("[directed]", "[exogenous]")
        + "vary:\n  - {path: calibration.ree_elasticity_max}\n"
        + "outcomes:\n  - {name: rent, variable: licence_price, select: {quota: made}}\n",
    )
    found, centres = local(ready), ready.centres
    h = 0.02 * (centres.high - centres.low)
    low, middle, high = (evaluate(ready, (centres.middle + s * h)[None])[0].values[0] for s in (-1, 0, 1))
    assert middle > 1 and found.outcome[0] == pytest.approx(middle, rel=1e-9)
    assert found.change[0, 0] == pytest.approx((high - low) / 0.04, rel=1e-3)


@pytest.mark.parametrize(
    "plan",
    ["{type: one_at_a_time}", "{type: latin_hypercube, draws: 20, seed: 1}"],
)
def test_the_tornado_of_a_nearly_linear_outcome_is_that_of_its_derivatives(tmp_path, plan):
    ready = load(tmp_path, NARROW.replace("DESIGN", plan))
    store = storage.create(ready, tmp_path / "out")
    execution.run(ready, store, execution.InProcess(), 1)
    table = indices.tornado(reading.read(store.folder), "dy.directed")
    assert abs(table["swing"][0]) > 0.01
    assert table["derivative"][0] == pytest.approx(table["swing"][0], rel=0.01)


def test_a_discrete_number_has_no_derivative(tmp_path):
    ready = load(
        tmp_path, NARROW.replace("DESIGN", "{type: one_at_a_time}").replace(
            "{type: uniform, low: 29000, high: 29500}", "{type: discrete, values: [29000, 29500]}"
        )
    )  # fmt: skip
    found = local(ready)
    assert np.isnan(found.change).all()
    assert np.isfinite(found.outcome).all()
    assert (found.lacking == "a discrete number moves in steps").all()


def test_a_derivative_that_cannot_be_taken_keeps_its_reason_and_spares_the_others(tmp_path, monkeypatch):
    """By name of the parameter, through the file, to the page."""
    ready = load(tmp_path, SMALL)
    real = _Middle._fill

    def fails(self, found, solution, key, base, parameters):
        if 1 in parameters and not base:
            raise ValueError("the cells of China's mines change")
        real(self, found, solution, key, base, parameters)

    monkeypatch.setattr(_Middle, "_fill", fails)
    found = local(ready)
    assert np.isnan(found.change[1]).all()
    assert np.isfinite(np.delete(found.change, 1, axis=0)).all()
    assert (found.lacking[1] == "ValueError: the cells of China's mines change").all()
    assert not np.delete(found.lacking, 1, axis=0).any()
    store = storage.create(ready, tmp_path / "out")
    execution.run(ready, store, execution.InProcess(), 1)
    refused = report.without_derivatives(reading.read(store.folder))
    assert refused == {
        "derivatives of all outcomes by supply_elasticity.ree_mining": "ValueError: the cells of China's mines change"
    }
    report.write(reading.read(store.folder), store.folder, figures=False)
    page = (store.folder / "section.html").read_text()
    assert "by supply_elasticity.ree_mining: ValueError: the cells of China" in page


def test_a_middle_without_solution_leaves_no_derivatives_and_says_why(tmp_path, monkeypatch):
    ready = load(tmp_path, SMALL)
    monkeypatch.setattr(centres, "Centre", _refuse)
    monkeypatch.setattr(centres, "solve", _refuse)
    found = local(ready)
    assert np.isnan(found.outcome).all()
    assert set(found.lacking[:, 2]) == {"the middle of all ranges, exogenous: ValueError: no solution"}
    assert set(found.lacking[:, 3]) == {"the middle of all ranges, directed: ValueError: no solution"}


def _refuse(*_, **__):
    raise ValueError("no solution")


def test_reasons_of_derivatives_are_told_together():
    """One line for what goes together: by reason, then by the outcomes that share it."""
    sweep = sweep_of(
        plans.OneAtATime(type="one_at_a_time"),
        lambda x: np.column_stack([x[:, 0], x[:, 1]]),
        [Uniform(low=0.0, high=1.0)] * 3,
        regimes=("exogenous", "directed"),
    )
    why = np.full((3, 2), "", dtype=object)
    why[0, 1], why[1], why[2] = "a", "b", "b"
    sweep.dataset["no_derivative"] = (("parameter", "column"), why)
    assert report.without_derivatives(sweep) == {
        "derivatives of y.directed by p0": "a",
        "derivatives of all outcomes by p1, p2": "b",
    }
