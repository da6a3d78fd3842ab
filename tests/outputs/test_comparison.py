"""Comparing runs: inputs that differ, results ranked, units refused."""

import numpy as np
import pytest

from calibration.errors import InputError
from outputs import comparison
from outputs.comparison import Member


def member(ds, name="a", **inputs):
    return Member(name, ds, inputs)


def test_equal_runs_do_not_differ(ds):
    both = [member(ds, "a", x=1), member(ds.copy(deep=True), "b", x=1)]
    assert len(comparison.inputs(both)) == 0
    assert len(comparison.results(both)) == 0
    assert comparison.left_out(both) == []


def test_other_units_are_refused(ds):
    other = ds.copy(deep=True)
    other["output"].attrs["units"] = "billion USD"
    with pytest.raises(InputError, match="output: units differ: million USD in a, billion USD in b"):
        comparison.results([member(ds), member(other, "b")])


@pytest.mark.parametrize(("factor", "found"), [(1 + 1e-3, 1), (1 + 1e-8, 0)])
def test_only_differences_beyond_the_tolerance_count(ds, factor, found):
    other = ds.assign(income=(ds["income"] * factor).assign_attrs(ds["income"].attrs))
    table = comparison.results([member(ds), member(other, "b")], 1e-6)
    assert len(table) == found
    if found:
        assert table["difference [%]"][0] == pytest.approx(0.1, rel=1e-6)
        assert table["cells"][0] == ds["income"].size


@pytest.mark.parametrize("factor", [1.5, 1 / 1.5])
@pytest.mark.parametrize(("tolerance", "found"), [(0.34, 0), (0.33, 1)])
def test_the_tolerance_is_a_share_of_the_larger_value(ds, factor, tolerance, found):
    """Whichever run comes first: 150 is a third above 100, of 150."""
    other = ds.assign(income=(ds["income"] * factor).assign_attrs(ds["income"].attrs))
    assert len(comparison.results([member(ds), member(other, "b")], tolerance)) == found


def test_the_tolerance_is_of_each_value_not_of_the_largest(ds):
    other = ds.copy(deep=True)
    values = other["output"].values
    smallest = np.unravel_index(np.argmin(np.where(values > 0, values, np.inf)), values.shape)
    assert values[smallest] < 0.01 * values.max()
    values[smallest] *= 1.01
    (row,) = comparison.results([member(ds), member(other, "b")], 1e-3).to_dict("records")
    assert (row["variable"], row["cells"]) == ("output", 1)
    assert row["difference [%]"] == pytest.approx(1, rel=1e-6)


def test_the_largest_difference_comes_first(ds):
    other = ds.copy(deep=True)
    other["final_price"] = other["final_price"] * 1.01
    other["income"] = other["income"] * 1.5
    for name in ("final_price", "income"):
        other[name].attrs = ds[name].attrs
    table = comparison.results([member(ds), member(other, "b")])
    assert list(table["variable"]) == ["income", "final_price"]


def test_the_cell_that_differs_most_is_named(ds):
    other = ds.copy(deep=True)
    other["output"].loc[{"regime": "directed", "region": "R1", "sector": "s2"}] *= 3
    (row,) = comparison.results([member(ds), member(other, "b")]).to_dict("records")
    assert row["cell"] == "regime directed, region R1, sector s2"
    assert row["cells"] == 1
    assert row["other"] == pytest.approx(3 * row["first"])


def test_any_number_of_runs(ds, solved):
    others = []
    for at, factor in enumerate((1.1, 1.2, 1.3)):
        changed = ds.assign(income=(ds["income"] * factor).assign_attrs(ds["income"].attrs))
        others.append(member(changed, f"run{at}", depth=at))
    table = comparison.results([member(ds, "first", depth=9), *others])
    assert set(table["run"]) == {"run0", "run1", "run2"}
    inputs = comparison.inputs([member(ds, "first", depth=9), *others])
    assert list(inputs.columns) == ["input", "first", "run0", "run1", "run2"]
    assert inputs.iloc[0].tolist() == ["depth", "9", "0", "1", "2"]


def test_inputs_differ_by_the_name_of_the_instrument():
    one = {"scenario": {"instruments": [{"name": "quota", "limit": {"value": 1}}], "year": 2010}, "lock": "x"}
    two = {"scenario": {"instruments": [{"name": "quota", "limit": {"value": 2}}], "year": 2010}, "lock": "x"}
    table = comparison.inputs([Member("a", None, one), Member("b", None, two)])
    assert table.to_numpy().tolist() == [["scenario.instruments.quota.limit.value", "1", "2"]]
    three = {"scenario": {"year": 2010}}
    table = comparison.inputs([Member("a", None, one), Member("c", None, three)])
    assert ["lock", "x", "-"] in table.to_numpy().tolist()


def test_another_order_of_parameters_is_an_input_that_differs():
    def of(*parameters):
        return Member("a", None, {"scenario": {"parameters": dict.fromkeys(parameters, 0.1), "year": 2010}})

    (row,) = comparison.inputs([of("x", "x.y"), of("x.y", "x")]).to_dict("records")
    assert list(row.values()) == ["scenario.parameters, in this order", "parameters.x, parameters.x.y",
                                  "parameters.x.y, parameters.x"]  # fmt: skip
    assert len(comparison.inputs([of("x", "x.y"), of("x", "x.y")])) == 0
    assert list(comparison.inputs([of("x", "y"), of("y")])["input"]) == ["scenario.parameters.x"]


def test_what_cannot_be_compared_is_said(ds, taxed):
    renamed = ds.assign_coords(region=["R0", "R1", "elsewhere"]).drop_vars("income")
    said = comparison.left_out([member(ds), member(renamed, "b")])
    assert any(line.startswith("region differs in b:") for line in said)
    assert any("not in b: income" in line for line in said)
    table = comparison.results([member(ds), member(renamed, "b")])
    assert "equivalent_variation" not in set(table["variable"])


def test_regimes_in_common_are_compared(ds, taxed):
    two = taxed.dataset.squeeze("scenario")
    table = comparison.results([member(ds), member(two, "tax")])
    assert "border_value" in set(table["variable"])
    cells = table.set_index("variable")["cell"]
    assert "directed_with_spillovers" not in " ".join(cells)
    assert np.isfinite(table["difference [%]"]).all()
