"""Technology that is lost where research turns away from rare earths: told where it is much, and breadth did it."""

from __future__ import annotations

import numpy as np
import pytest

from outputs import findings, lost, summary

FULL = "directed_with_spillovers"


def with_level(ds, level, regime=FULL, sector=None, breadth="0.02"):
    """The result in which a sector's other inputs do `level` of what they did."""
    made = ds["base_output"].values > 0
    n, j = np.argwhere(made)[-1] if sector is None else sector
    technology = ds["technology_level"].copy(data=np.ones(ds["technology_level"].shape))
    where = {"regime": regime, "technology": "X", "region": ds["region"][n], "sector": ds["sector"][j]}
    technology.loc[where] = level
    return ds.assign(technology_level=technology).assign_attrs(breadth=breadth)


def test_a_sector_that_loses_more_than_a_fifth_is_told_with_how_much_more_it_takes(ds):
    told = lost.technology(with_level(ds, 0.25))
    n, j = np.argwhere(ds["base_output"].values > 0)[-1]
    assert f"output of {ds['sector'].values[j]} in {ds['region'].values[n]} takes 4.00 times" in told.text
    assert told in findings.findings(with_level(ds, 0.25))
    rows = summary.scenario(with_level(ds, 0.25).expand_dims(scenario=["cut"]), 100)
    assert any(row.text.startswith("! No forecast with directed technology and spill") for row in rows)


@pytest.mark.parametrize(
    "change", [{"level": 0.81}, {"level": 0.25, "regime": "directed"}, {"level": 0.25, "breadth": "0"}]
)
def test_little_or_what_something_else_did_is_not(ds, change):
    assert lost.technology(with_level(ds, **change)) is None


def test_sectors_that_make_nothing_lose_nothing(ds):
    base = ds["base_output"].copy()
    base[0, 0] = 0.0
    assert lost.technology(with_level(ds.assign(base_output=base), 0.25, sector=(0, 0))) is None


def test_of_a_path_any_year_counts_but_no_companion(ds):
    calm, bad = with_level(ds, 1.0), with_level(ds, 0.5)
    years = bad["technology_level"].expand_dims(year=[2010, 2011]).copy()
    years[0] = calm["technology_level"]
    both = years.expand_dims(memory=["calibrated", "even"]).copy()
    assert "takes 2.00 times" in lost.caution(bad.assign(technology_level=both))
    both[0] = 1.0
    assert lost.caution(bad.assign(technology_level=both)) == ""
