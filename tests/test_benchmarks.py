"""The page of benchmarks says what was hit and what was missed."""

import json

import numpy as np
import pytest

from benchmarks.economies import random_economy, trade_war
from benchmarks.page import TARGETS, page
from benchmarks.rival import FixedPoint
from benchmarks.run import PAGE, RESULTS, works
from model import Closure, Shock, solve


def lines():
    phases = dict.fromkeys(
        ("evaluation_ms", "linearisation_ms", "product_ms", "factorisation_ms", "floor_mb_per_evaluation",
         "mflop_per_evaluation", "floor_ms_per_evaluation"), 0.5)  # fmt: skip
    return [
        {
            "name": "trade-wiod-41x35",
            "seconds": 0.05,
            "spread": "0.04 to 0.07",
            "phases": phases,
            "note": "raw",
        },
        {"name": "trade-31x40", "seconds": 0.02, "processor": 0.019, "size": [31, 40], "peak_mb": 200},
        {"name": "batch-1000", "seconds": 2.0, "draws_per_second": 500.0},
        {"name": "fixed-point-rival", "seconds": 5.0, "ratio": 60.0, "rival": "model 0.08 s"},
        {"name": "metrics-wiod", "seconds": None, "note": "failed: no table"},
        {"name": "pcq-11x11x1", "seconds": {"median": 0.2, "spread": 0.01}},
    ]


def test_hits_and_misses_stand_beside_their_targets():
    text = page(lines(), "A machine.", "the load was 0.")
    rows = {line.split("`")[1]: line.split(" | ") for line in text.splitlines() if line.startswith("| `")}
    assert "Missed: trade-31x40, fixed-point-rival, metrics-wiod." in text
    assert rows["batch-1000"][3:5] == ["300 draws/s", "yes"]
    assert "not measured" in rows["metrics-wiod"]
    assert "31 x 40" in text


@pytest.mark.parametrize(("variant", "damping"), [("published", 0.2), ("textbook", 0.2), ("tuned", 0.5)])
def test_the_rival_solves_the_same_economy(variant, damping):
    """Two methods that share no code find the same wages and prices."""
    b = random_economy(5, 6)
    tariff = trade_war(b)
    wage, price, output, _, _ = FixedPoint(b, tariff).solve(variant, damping)
    state = solve(b, Shock(tariff=tariff), Closure("exogenous", "given", "given")).allocation
    np.testing.assert_allclose(wage, state.state.wage[:, 0], atol=1e-9)
    np.testing.assert_allclose(price, state.sources.price[0], atol=1e-9)
    np.testing.assert_allclose(output, b.output * np.exp(state.state.output), rtol=1e-8)


def test_every_target_is_that_of_a_work_and_the_page_is_that_of_the_results():
    assert set(TARGETS) <= set(works())
    stored = json.loads(RESULTS.read_text(encoding="utf-8"))
    assert PAGE.read_text(encoding="utf-8") == page(stored["works"], stored["machine"], stored["load"])
