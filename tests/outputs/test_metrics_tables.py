"""The tables of `run.py metrics` against one another and against the base year, row by row."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import calibration
from outputs.metrics import base, results, tables
from outputs.metrics.elasticity import Implied
from outputs.metrics.prediction import Loss, Prediction

PLACE = ["region", "sector"]


@pytest.fixture(scope="module")
def found():
    return results.measure(base.prepare(calibration.load("china-2009-small")), draws=3, solved=False)


@pytest.fixture(scope="module")
def use(found):
    """Direct and total use of every region-sector by element."""
    return tables.intensities(found)


def short(table):
    """Columns by the first words of their heads."""
    return table.rename(columns=lambda name: name.split(" [")[0])


def test_exposure_is_what_the_table_of_use_says(found, use):
    """Intensity is all that is used, dependence the part of it that the restricting origins sell."""
    table, used = short(tables.exposure(found)).set_index(PLACE), short(use)
    usd = use["total [USD per million USD of output]"]
    whole = usd.groupby([use["region"], use["sector"]]).sum()
    restricted = (usd * used["from restricting origins"]).groupby([use["region"], use["sector"]]).sum()
    row = table.loc[whole.index]
    np.testing.assert_allclose(row["intensity"], whole, rtol=1e-9)
    np.testing.assert_allclose(row["dependence"], restricted / whole, rtol=1e-9)
    assert np.abs(row["dependence"] - row["non-substitutability"]).max() > 0.1


def test_at_risk_is_the_index_times_output(found):
    """USD per million USD of output, times output in million USD."""
    labels, output = found.base.labels, found.base.calibration.benchmark.output
    table = tables.exposure(found)
    rows = short(table)
    assert (rows["index"].diff().dropna() <= 0).all()
    for _, row in rows.iterrows():
        made = output[labels.regions.index(row["region"]), labels.sectors.index(row["sector"])]
        assert row["at risk in output"] * 1e6 == pytest.approx(row["index"] * made, rel=1e-9)


def test_what_is_first_used_where_it_ends(found):
    """Of what an origin's elements end up as in a region: what was worked into something there first."""
    labels = found.base.labels
    table = tables.embodied_trade(found)
    for _, row in table.iterrows():
        e, i = labels.elements.index(row["element"]), labels.regions.index(row["origin"])
        f = labels.regions.index(row["final buyer"])
        assert row["embodied [t]"] == pytest.approx(found.routes[e, i, :, f].sum(), rel=1e-9)
        assert row["first used there [t]"] == pytest.approx(found.routes[e, i, f, f], rel=1e-9, abs=1e-12)
    assert (table["first used there [t]"] <= table["embodied [t]"] * (1 + 1e-12)).all()
    share = table["embodied [t]"] / table.groupby(["element", "origin"])["embodied [t]"].transform("sum")
    np.testing.assert_allclose(table["share of the origin's [share]"], share, rtol=1e-9)


def test_concentration_of_supply_is_the_sum_of_squared_shares(found):
    each = tables.supply(found)
    squares = (each["share of world supply [share]"] ** 2).groupby(each["element"]).sum()
    table = tables.elements(found).set_index("element")
    np.testing.assert_allclose(table["HHI of supply [0-1]"], squares[table.index], rtol=1e-9)
    china = each[each["origin"] == "CHN"].set_index("element")["share of world supply [share]"]
    np.testing.assert_allclose(table["from restricting origins [share]"], china[table.index], rtol=1e-9)


def test_intervals_of_regions_are_of_their_own_draws(found):
    table = tables.exposure_regions(found)
    for name in ("production", "consumption"):
        values = getattr(found.draws, name)
        ranks = pd.DataFrame(values).rank(axis=1, ascending=False).to_numpy()
        for level, text in ((0.05, "5 %"), (0.95, "95 %")):
            np.testing.assert_allclose(table[f"{name} index, {text}"], np.quantile(values, level, axis=0))
            np.testing.assert_allclose(table[f"{name} rank, {text}"], np.quantile(ranks, level, axis=0))


def test_losses_stand_beside_their_own_place(found):
    """Numbers that are drawn: percent beside percent, million USD beside million USD."""
    rng, labels = np.random.default_rng(2), found.base.labels
    n, j = len(labels.regions), len(labels.sectors)
    one = Loss(
        "a", "A", "exogenous", rng.random((n, j)), rng.random((n, j)), rng.random(n), 1e3 + rng.random(n)
    )
    table = tables.losses(replace(found, prediction=Prediction((one,), ())))
    index = tables.exposure(found).set_index(PLACE).iloc[:, 0]
    for _, row in table.iterrows():
        at = labels.regions.index(row["region"]), labels.sectors.index(row["sector"])
        assert row["index [USD per million USD of output]"] == index[row["region"], row["sector"]]
        assert row["rise of real unit cost [%]"] == one.cost[at]
        assert row["fall of output volume [%]"] == one.output[at]
        assert row["fall of the region's real income [%]"] == one.income[at[0]]
        assert row["the same [million USD]"] == one.income_usd[at[0]]


def test_elasticities_of_scores_and_of_the_solved_model(found):
    rng, sectors = np.random.default_rng(3), found.base.labels.sectors
    shape = (2, len(sectors))
    drawn = {name: rng.random(shape) for name in ("score", "substitution", "long_run", "fixed", "directed")}
    implied = Implied(
        scores=("one", "two"), score=drawn["score"], substitution=drawn["substitution"], long_run=drawn["long_run"],
        demand={name: drawn[name] for name in ("fixed", "directed")}, total={}, element=rng.random(3),
    )  # fmt: skip
    heads = {
        "score [0-1]": "score",
        "elasticity of substitution": "substitution",
        "long-run elasticity of substitution (E18)": "long_run",
        "price elasticity of demand, solved, fixed technology": "fixed",
        "price elasticity of demand, solved, directed technology": "directed",
    }
    for _, row in tables.substitutability(replace(found, implied=implied)).iterrows():
        at = implied.scores.index(row["scores"]), sectors.index(row["sector"])
        assert {head: row[head] for head in heads} == {head: drawn[name][at] for head, name in heads.items()}
