"""The cross-quantilogram against values printed by the R package quantilogram, at 1e-10."""

import numpy as np
import pytest

from calibration.evidence.comovement import (
    Bootstrap,
    Control,
    cross_quantilogram,
    indices_from_uniforms,
    portmanteau,
    quantile,
    quantile_hits,
)
from tests.evidence.comovement.oracles import FOLDER, reference, synth

DATA = synth()
TIES = {name: np.round(2 * x) / 2 for name, x in DATA.items()}
CONTROLS = {
    "none": [],
    "vol50": [Control(DATA["vol"], 0.5)],
    "volten50": [Control(DATA["vol"], 0.5), Control(DATA["ten"], 0.5)],
}


def test_quantiles_and_hits():
    for row in reference("quantiles_hits.csv"):
        x = (DATA if row["dataset"] == "synth" else TIES)[row["var"]]
        level = float(row["a"])
        assert quantile(x, level)[0] == pytest.approx(float(row["q"]), abs=1e-10)
        assert (quantile_hits(x, level) > 0).sum() == int(row["nhit"])


@pytest.mark.parametrize(
    ("file", "controls", "column"),
    [
        ("cq_grid19.csv.gz", "none", "crq"),
        ("pcq_grid19.csv.gz", "vol50", "pcrq"),
        ("pcq_grid19.csv.gz", "volten50", "pcrq"),
    ],
)
def test_grid_of_19_quantiles(file, controls, column):
    rows = [row for row in reference(file) if row.get("controls", controls) == controls]
    levels = sorted({float(row["a1"]) for row in rows})
    lags = sorted({int(row["k"]) for row in rows})
    result = cross_quantilogram(DATA["ree"], DATA["mil"], levels, lags, controls=CONTROLS[controls])
    printed = np.full(result.value.shape, np.nan)
    for row in rows:
        place = lags.index(int(row["k"])), levels.index(float(row["a1"])), levels.index(float(row["a2"]))
        printed[place] = float(row[column])
    np.testing.assert_allclose(result.value, printed, atol=1e-10, rtol=0)


@pytest.mark.parametrize("name", ["synth", "ties"])
def test_portmanteau(name):
    data = DATA if name == "synth" else TIES
    controls = [Control(data["vol"], 0.5), Control(data["ten"], 0.5)]
    rows = [row for row in reference("portmanteau.csv.gz") if row["dataset"] == name]
    pairs = {(float(row["a1"]), float(row["a2"])) for row in rows}
    for a1, a2 in sorted(pairs):
        tests = [
            portmanteau(data["ree"], data["mil"], [a1], 12, predictor_levels=[a2], controls=given)
            for given in ([], controls)
        ]
        for row in rows:
            if (float(row["a1"]), float(row["a2"])) != (a1, a2):
                continue
            p = int(row["p"]) - 1
            for test, prefix in zip(tests, ("", "pcq_"), strict=True):
                found = test.box_pierce.value[p, 0, 0], test.ljung_box.value[p, 0, 0]
                printed = float(row[f"{prefix}Q_BP"]), float(row[f"{prefix}Q_LB"])
                np.testing.assert_allclose(found, printed, atol=1e-10, rtol=0)


def test_critical_values_from_recorded_indices():
    indices = np.loadtxt(FOLDER / "indices_k1_gamma0.1_B250.csv.gz", delimiter=",", dtype=int) - 1
    for row in reference("critical_values.csv"):
        bootstrap = Bootstrap(indices=indices, level=float(row["sigLev"]), gamma=0.1)
        for controls, kind in ((CONTROLS["none"], "cq"), (CONTROLS["volten50"], "pcq")):
            result = cross_quantilogram(
                DATA["ree"],
                DATA["mil"],
                [float(row["a1"])],
                1,
                predictor_levels=[float(row["a2"])],
                controls=controls,
                bootstrap=bootstrap,
            )
            found = result.lower.item(), result.upper.item()
            printed = float(row[f"{kind}_lo"]), float(row[f"{kind}_hi"])
            np.testing.assert_allclose(found, printed, atol=1e-10, rtol=0)


def test_indices_from_recorded_uniforms():
    by_case = {}
    for row in reference("indices_from_uniforms.csv.gz"):
        by_case.setdefault(float(row["gamma"]), []).append(row)
    assert len(by_case) == 5
    for gamma, rows in by_case.items():
        start = [float(row["uU"]) for row in rows if row["uU"] != "NA"]
        found = indices_from_uniforms(float(rows[0]["u0"]), [float(row["uS"]) for row in rows], start, gamma)
        assert (found + 1).tolist() == [int(row["index"]) for row in rows]
