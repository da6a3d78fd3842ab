"""Wavelets against values printed by the R packages waveslim and wavemulcor, at 1e-10."""

import numpy as np
import pytest

from calibration.evidence.comovement import (
    brick_wall,
    local_multiple_correlation,
    modwt,
    multiple_correlation,
    phase_shift,
    wavelet_filter,
)
from tests.evidence.comovement.oracles import number, reference, synth

DATA = synth()


def table(names):
    return np.column_stack([DATA[name] for name in names.split("+")])


def grouped(file, *keys):
    groups = {}
    for row in reference(file):
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    return groups


def test_filters_within_the_digits_of_printed_tables():
    # Printed digits of d8, la16 and la20 are off by up to 2e-10; ours solve the defining equations.
    for (name,), rows in grouped("filters.csv", "wf").items():
        g, h = (np.array([float(row[column]) for row in rows]) for column in ("g_lpf", "h_hpf"))
        np.testing.assert_allclose(wavelet_filter(name).scaling, g, atol=2e-10)
        np.testing.assert_allclose(wavelet_filter(name).wavelet, h, atol=2e-10)


def test_phase_shifts_and_boundaries():
    for row in reference("phase_shifts.csv"):
        w, level = wavelet_filter(row["wf"]), int(row["level"])
        found = w.shift(level), w.smooth_shift(level), w.boundary(level)
        assert found == (int(row["shift_d"]), int(row["shift_s"]), int(row["n_boundary"])), row


def test_modwt():
    for (name, boundary, level), rows in grouped("modwt.csv.gz", "wf", "boundary", "level").items():
        transform = modwt(DATA["ree"], name, 5, boundary)
        found = transform.coefficients[transform.names.index(level), [int(row["t"]) - 1 for row in rows], 0]
        np.testing.assert_allclose(found, [float(row["coef"]) for row in rows], atol=1e-10, rtol=0)


def test_la20_with_its_printed_digits():
    """The transform takes any scaling filter, so printed digits can be repeated where they matter."""
    printed = [float(row["g_lpf"]) for row in reference("filters.csv") if row["wf"] == "la20"]
    own, exact = modwt(DATA["ree"], printed, 4), modwt(DATA["ree"], "la20", 4)
    assert 1e-11 < np.abs(own.coefficients - exact.coefficients).max() < 5e-9
    assert own.filter.shift(3) == exact.filter.shift(3)


@pytest.mark.parametrize(
    "case", grouped("multiple_correlation.csv", "vars", "J", "brickwall", "ymaxr").items()
)
def test_multiple_correlation(case):
    (names, levels, walled, variable), rows = case
    transform = modwt(table(names), "la8", int(levels))
    transform = brick_wall(transform) if walled == "TRUE" else transform
    result = multiple_correlation(transform, int(variable) - 1 if variable != "0" else None, centre=False)
    for ours, theirs in (("value", "val"), ("lower", "lo"), ("upper", "up")):
        printed = [number(row[theirs]) for row in rows]
        np.testing.assert_allclose(getattr(result, ours), printed, atol=1e-10, rtol=0)
    if names.count("+") > 1:  # two series tie, and the R package lets rounding decide
        assert (result.dominant + 1).tolist() == [int(row["YmaxR"]) for row in rows]


CASES = grouped("local_multiple_correlation.csv.gz", "vars", "J", "brickwall", "M", "ymaxr")


@pytest.mark.parametrize("case", CASES.items())
def test_local_multiple_correlation(case):
    (names, levels, walled, half_width, variable), rows = case
    transform = modwt(table(names), "la8", int(levels))
    transform = brick_wall(transform) if walled == "TRUE" else transform
    chosen = int(variable) - 1 if variable != "0" else None
    result = local_multiple_correlation(transform, float(half_width), variable=chosen, centre=False)
    place = [result.levels.index(row["level"]) for row in rows], [int(row["t"]) - 1 for row in rows]
    for ours, theirs in (("value", "val"), ("lower", "lo"), ("upper", "up")):
        printed = [number(row[theirs]) for row in rows]
        np.testing.assert_allclose(getattr(result, ours)[place], printed, atol=1e-10, rtol=0)
    if names.count("+") > 1:
        assert (result.dominant[place] + 1).tolist() == [int(row["YmaxR"]) for row in rows]


def test_shifted_levels_line_up_with_an_event():
    """A pulse keeps its date at every level: the largest smooth and detail coefficients stay within a filter width."""
    x = np.zeros(256)
    x[128] = 1.0
    for name in ("haar", "d4", "la8", "la16"):
        shifted = phase_shift(modwt(x, name, 4))
        for level in range(5):
            energy = shifted.coefficients[level, :, 0] ** 2
            centre = (np.arange(256) * energy).sum() / energy.sum()
            assert abs(centre - 128) <= 2.0 ** max(level, 1), (name, level)
