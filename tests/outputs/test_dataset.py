"""The Dataset: complete, labelled, finite, and true to the solution by arithmetic of its own."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from model.records import Closure
from model.solve import solve
from outputs import dataset, experiment, findings, focus, names, store, summary
from tests.outputs.conftest import scenario, small_calibration
from tests.worlds import quota

ATTRIBUTES = ("units", "long_name", "equation", "description")


def test_every_variable_says_what_it_is(solved):
    for name, variable in solved.dataset.data_vars.items():
        assert all(attribute in variable.attrs for attribute in ATTRIBUTES), name
        assert variable.attrs["units"], name
        assert variable.attrs["description"], name


def test_every_number_is_finite(solved, taxed):
    for result in (solved, taxed):
        for name, variable in result.dataset.data_vars.items():
            if variable.dtype.kind == "f":
                assert np.isfinite(variable.values).all(), name


def test_axes_have_the_labels_of_the_calibration(ds, calibration):
    labels = calibration.labels
    axes = {"region": labels.regions, "origin": labels.regions, "sector": labels.sectors, "good": labels.goods,
            "element": labels.elements, "factor": labels.factors, "technology": labels.technologies,
            "stage": labels.stages, "quota": ("quota",)}  # fmt: skip
    for axis, wanted in axes.items():
        assert tuple(ds[axis].values) == wanted
    assert ds["tonnes"].dims == ("regime", "origin", "region", "element")


def test_netcdf_gives_back_what_was_written(solved, tmp_path):
    store.write_netcdf(solved.dataset, tmp_path / "a.nc")
    xr.testing.assert_identical(store.read_netcdf(tmp_path / "a.nc"), solved.dataset)


def test_equal_results_are_equal_bytes(solved, tmp_path):
    for name in ("a.nc", "b.nc"):
        store.write_netcdf(solved.dataset.copy(deep=True), tmp_path / name)
    assert (tmp_path / "a.nc").read_bytes() == (tmp_path / "b.nc").read_bytes()


@given(
    where=st.integers(0, 10_000),
    value=st.sampled_from([np.nan, np.inf, -np.inf]),
    name=st.sampled_from(["output", "tonnes"]),
)
def test_a_number_that_is_not_finite_is_refused_by_name(where, value, name):
    array = np.ones((4, 5))
    array.flat[where % 20] = value
    with pytest.raises(ValueError, match=f"{name} at"):
        dataset.refuse_not_finite({"income": np.ones(3), name: array})


def test_a_solution_with_such_a_number_gives_no_result(solved, monkeypatch):
    plan = solved.plan
    solution = solve(plan.benchmark, plan.shock, Closure("exogenous", "given", "given"))
    good = dataset.results

    def spoilt(*arguments):
        return good(*arguments) | {"tonnes": np.full((3, 3, 2), np.nan)}

    monkeypatch.setattr(dataset, "results", spoilt)
    with pytest.raises(ValueError, match=r"not finite: .*tonnes at \(0, 0, 0\) is nan"):
        dataset.case(solution, plan.base, plan.shock, plan.frame)


def test_a_case_with_a_hole_is_refused(solved, calibration):
    plan = solved.plan
    solution = solve(plan.benchmark, plan.shock, Closure("exogenous", "given", "given"))
    one = dataset.case(solution, plan.base, plan.shock, plan.frame)
    with pytest.raises(ValueError, match="no result for"):
        dataset.assemble({("exogenous", 2010): one, ("directed", 2011): one}, plan.frame, "x")


def test_years_are_an_axis(solved):
    plan = solved.plan
    solution = solve(plan.benchmark, plan.shock, Closure("exogenous", "given", "given"))
    one = dataset.case(solution, plan.base, plan.shock, plan.frame)
    found = dataset.assemble({("exogenous", 2010): one, ("exogenous", 2011): one}, plan.frame, "x")
    assert found["income"].dims == ("scenario", "regime", "year", "region")
    assert list(found["year"].values) == [2010, 2011]


def test_a_label_that_comes_twice_is_refused():
    with pytest.raises(ValueError, match="region has a label twice: A"):
        dataset.refuse_repeated({"region": ("A", "B", "A"), "sector": ("s",)})


def test_scenarios_are_combined_along_their_own_axis(solved, calibration):
    (other,) = experiment.solve_plans([experiment.plan(scenario("deep", 0.4), calibration)])
    both = dataset.combine([solved.dataset, other.dataset])
    assert list(both["scenario"].values) == ["cut", "deep"]
    for one in (solved, other):
        name = one.plan.scenario.name
        np.testing.assert_array_equal(
            both["income"].sel(scenario=name), one.dataset["income"].sel(scenario=name)
        )


def test_scenarios_with_other_regions_are_not_combined(solved):
    other = solved.dataset.assign_coords(region=["R0", "R1", "elsewhere"])
    with pytest.raises(ValueError, match=r"region|align"):
        dataset.combine([solved.dataset, other])


def test_tonnes_under_the_quota_are_those_sold_and_the_limit_binds(ds):
    for regime in ds["regime"].values:
        run = ds.sel(regime=regime)
        abroad = run["tonnes"].sel(origin="R0", region=["R1", "R2"]).sum()
        np.testing.assert_allclose(abroad, run["quota_tonnes"].sel(quota="quota"), rtol=1e-9)
        np.testing.assert_allclose(run["quota_tonnes"], run["quota_limit"], rtol=1e-8)
        np.testing.assert_allclose(run["quota_limit"], 0.6 * ds["quota_base_tonnes"], rtol=1e-12)


@pytest.mark.parametrize("which", ["solved", "taxed"])
def test_rent_is_price_times_tonnes(which, request):
    ds = request.getfixturevalue(which).dataset.squeeze("scenario")
    rent = (
        ds["licence_price"].sel(quota="quota") * ds["quota_tonnes"].sel(quota="quota") / 1e3
    )  # USD/kg t = thousand USD
    np.testing.assert_allclose(rent, ds["licence_rent"].sel(region="R0"), rtol=1e-9)
    gate = (
        ds["trade"]
        .sel(origin="R0", region=["R1", "R2"], good=list(ds["element"].values))
        .sum(["region", "good"])
    )
    np.testing.assert_allclose(ds["licence_rate"].sel(quota="quota") * gate, rent, rtol=1e-9)


@pytest.mark.parametrize(("which", "specific"), [("solved", True), ("taxed", False)])
def test_a_licence_is_one_price_per_kg_and_a_tax_one_rate(which, specific, request, calibration):
    run = request.getfixturevalue(which).dataset.squeeze("scenario").sel(regime="exogenous", origin="R0")
    elements = list(run["element"].values)
    at_gate = run["producer_price"].sel(region="R0", good=elements)
    rate = run["delivered_price"].sel(region=["R1", "R2"], good=elements) / at_gate.drop_vars("region") - 1
    unit = calibration.benchmark.unit_value[0, calibration.benchmark.elements]
    licence = rate * at_gate.drop_vars("region") * unit if specific else rate
    np.testing.assert_allclose(
        licence, run["licence_price" if specific else "licence_rate"].item(), rtol=1e-9
    )


def test_groups_add_up(ds):
    ev = ds["equivalent_variation"]
    np.testing.assert_allclose(
        ds["group_equivalent_variation"].sel(group="world"), ev.sum("region"), rtol=1e-9, atol=1e-12
    )
    np.testing.assert_allclose(
        ds["group_equivalent_variation"].sel(group="others"),
        ev.sel(region=["R1", "R2"]).sum("region"),
        rtol=1e-9,
    )
    np.testing.assert_allclose(ds["real_income"] - 1, ev / ds["base_income"], rtol=1e-6, atol=1e-14)


def test_residuals_are_of_the_equations_that_were_solved(ds):
    assert float(ds["residual"].max()) < 1e-9
    assert float(ds["walras"].max()) < 1e-9
    assert float(ds["residual"].sel(regime="directed").max()) > 0  # computed, not filled in


def test_without_a_shock_nothing_moves(calibration):
    (result,) = experiment.solve_plans([experiment.plan(scenario("none", None), calibration, security=False)])
    ds = result.dataset.squeeze("scenario")
    for name, variable in ds.data_vars.items():
        if variable.attrs["units"] == "ratio":
            np.testing.assert_allclose(variable, 1.0, atol=1e-12, err_msg=name)
    for name in ("tonnes", "output", "exports", "income"):
        np.testing.assert_allclose(ds[name].isel(regime=0), ds[f"base_{name}"], rtol=1e-12)


def test_regimes_that_are_not_solved_are_named_and_left_out(calibration):
    everything = {"type": "embargo", "name": "stop", "origins": "R0", "elements": "all"}
    more = [{**everything, "name": f"stop-{r.lower()}", "origins": r} for r in ("R1", "R2")]
    home = scenario("impossible", None, instruments=[everything, *more], at_target=["technology"])
    plan = experiment.plan(home, calibration, security=False, decompose=False)
    hard = plan.shock.replace(embargo=np.ones_like(plan.shock.embargo))  # not even sales at home
    (result,) = experiment.solve_plans([experiment.Plan(**{**vars(plan), "shock": hard})])
    assert result.dataset is None
    assert set(result.failed) == {"exogenous", "directed", "directed_with_spillovers"}
    assert "infeasible" in result.failed["directed"]


# -- who restricts, who is exposed ----------------------------------------------------------------------------


def test_restricting_regions_are_those_of_the_instruments(calibration):
    b = calibration.benchmark
    assert focus.restricting_regions(b, scenario().shock(calibration)).tolist() == [True, False, False]
    embargo = scenario(
        "e", None, instruments=[{"type": "embargo", "name": "e", "origins": "R2", "elements": "all"}]
    )
    assert focus.restricting_regions(b, embargo.shock(calibration)).tolist() == [False, False, True]
    made = (b.output[:, :, None] * b.make)[:, :, b.elements].sum(axis=(1, 2))
    assert focus.restricting_regions(b, scenario("n", None).shock(calibration)).argmax() == made.argmax()


@pytest.mark.parametrize(
    "line",
    [
        {"type": "export_quota", "limit": {"value": 80, "unit": "%"}},
        {"type": "export_tax", "add": 0.2},
        {"type": "embargo", "elements": "E0"},
    ],
)
def test_when_all_restrict_the_largest_maker_stands_apart(calibration, line):
    """Instruments without `origins` are of all regions; without anybody else there would be no others."""
    lines = [{"name": "line", "elements": "all", **line}]
    b, shock = calibration.benchmark, scenario("all", None, instruments=lines).shock(calibration)
    assert focus.restricted(b, shock).all()
    made = (b.output[:, :, None] * b.make)[:, :, b.elements].sum(axis=(1, 2))
    found = focus.restricting_regions(b, shock)
    assert found.sum() == 1
    assert found.argmax() == made.argmax()


def test_a_region_that_sells_nothing_restricts_nothing(calibration):
    b = calibration.benchmark
    share = np.array(b.trade_share)
    goods = focus.rare_earth_goods(b)
    share[..., 2, :, goods] = 0.0
    line = {"type": "export_tax", "name": "line", "elements": "all", "add": 0.2}
    shock = scenario("all", None, instruments=[line]).shock(calibration)
    found = focus.restricting_regions(b.replace(trade_share=share), shock)
    assert found.tolist() == [True, True, False]


def test_a_result_without_origins_says_who_is_meant(calibration):
    line = {"type": "export_quota", "name": "line", "elements": "all", "limit": {"value": 80, "unit": "%"}}
    asked = scenario("all", None, instruments=[line])
    (result,) = experiment.solve_plans([experiment.plan(asked, calibration, security=False)])
    assert not result.failed
    ds = result.dataset.squeeze("scenario")
    assert np.isfinite(ds["group_real_income"]).all()
    said = findings.regions(ds).text
    assert "Every region restricts" in said
    assert "all others restrict too" in said
    assert any("Every region restricts" in line.text for line in summary.scenario(result.dataset, 100))


def test_who_is_meant_is_said_where_it_is_not_plain(ds):
    assert findings.regions(ds) is None  # one region restricts
    none = findings.regions(ds.assign_attrs(restricts="none")).text
    assert "No sales of rare-earth goods are restricted" in none
    assert "R0 stands apart" in none
    regions = [f"R{at}" for at in range(6)]
    many = xr.Dataset({"restricting": ("region", [1.0, 1, 0, 1, 1, 0])}, {"region": regions})
    assert findings.regions(many).text == "4 regions restrict: R0, R1, R3 and R4. All others are R2 and R5."
    assert names.regions(["R0", "R1", "R2"]) == "R0, R1 and R2"
    assert names.regions(["R0", "R1", "R2", "R3"]) == "4 restricting regions"


def test_what_a_shock_does_is_no_cost_of_a_restriction_where_none_is(calibration):
    line = {
        "type": "tariff",
        "name": "more",
        "origins": "R0",
        "destinations": "R1",
        "elements": "all",
        "rate": 0.3,
    }
    asked = scenario("more", None, instruments=[line])
    (result,) = experiment.solve_plans([experiment.plan(asked, calibration, security=False)])
    ds = result.dataset.squeeze("scenario")
    assert ds.attrs["restricts"] == "none"
    assert "cost" not in findings.deciding_force(ds)
    assert "the shock itself" in findings.deciding_force(ds)
    (line,) = [row.text for row in summary.scenario(result.dataset, 200) if "Decided by" in row.text]
    assert "cost" not in line


def test_exposure_is_the_sum_of_all_rounds_of_inputs(calibration):
    b = calibration.benchmark
    restricting = np.array([True, False, False])
    found = focus.exposure(b, restricting, np.array([40.0, 90.0]))
    n, j, k = b.output.shape[0], b.output.shape[1], b.final.shape[1]
    wedge = (1 + b.export_tax) * (1 + b.tariff)
    gate = b.trade_share[0][:, :, :, None] * b.use[None] / wedge[:, :, :, None]  # (i,n,k,j)
    direct = np.einsum("inej,e->nj", gate[restricting][:, :, b.elements], [0.4, 0.9]) / b.output * 1e6
    maker = np.zeros((n, k, j))
    supply = b.output[:, :, None] * b.make
    for i in range(n):
        for good in range(k):
            maker[i, good] = supply[i, :, good] / supply[i, :, good].sum()
    coefficients = np.einsum("inkj,ikm->imnj", gate, maker) / b.output[None, None]
    total, last = direct.copy(), direct
    for _ in range(400):
        last = np.einsum("im,imnj->nj", last, coefficients)
        total += last
    np.testing.assert_allclose(found, total, rtol=1e-8)


def test_the_most_exposed_tenth_is_outside_and_not_the_chain(calibration):
    b = calibration.benchmark
    restricting = np.array([True, False, False])
    measure = focus.exposure(b, restricting, np.array([40.0, 90.0]))
    chosen = focus.exposed(b, measure, restricting)
    assert chosen.any()
    assert not chosen[0].any()
    assert not chosen[:, b.stage_sector].any()
    left = ~chosen & ~restricting[:, None] & ~np.isin(np.arange(b.output.shape[1]), b.stage_sector)[None, :]
    assert measure[chosen].min() > measure[left].max()


def test_a_slack_quota_is_listed_with_a_price_of_zero():
    calibration = small_calibration()
    assert quota(calibration.benchmark, 2.0).limit > 0
    (result,) = experiment.solve_plans([experiment.plan(scenario("loose", 2.0), calibration, security=False)])
    ds = result.dataset.squeeze("scenario")
    assert float(abs(ds["licence_price"]).max()) == 0.0
    assert float(ds["quota_in_force"].min()) == 1.0
    assert float(abs(ds["equivalent_variation"]).max()) < 1e-9
