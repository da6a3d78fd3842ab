"""Shocks that are none: what `solve` says to arrays that do not fit and numbers outside their domain."""

from __future__ import annotations

import numpy as np
import pytest

from model import Closure, Parameters, Quota, Shock, solve
from model.batch import Centre
from model.shocks import FIELDS
from tests.instruments import awkward, exports_of, quota_on

ALONE = Closure("exogenous", "given", "given")


@pytest.fixture(scope="module")
def b():
    return awkward()


def whole(b, name):
    """An array for a field of `Shock` that is inside its domain."""
    n, j, k, _, e = b.shape
    sizes = {"n": n, "i": n, "j": j, "k": k, "g": e + 1, "s": len(b.stage_sector)}
    value = 1.0 if name in ("iceberg", "productivity", "demand_shift") else 0.0
    return np.full([sizes[axis] for axis in FIELDS[name].axes], value)


@pytest.mark.parametrize("name", FIELDS)
def test_an_instrument_of_another_shape_is_refused(b, name):
    array = whole(b, name)
    with pytest.raises(
        ValueError, match=rf"{name} has shape .*, and needs \({','.join(FIELDS[name].axes)}\)"
    ):
        solve(b, Shock(**{name: array[..., :-1]}), ALONE, throw=False)
    with pytest.raises(ValueError, match=f"{name} needs an array of numbers"):
        solve(b, Shock(**{name: array.tolist()}), ALONE, throw=False)


def test_what_is_closed_and_covered_is_true_or_false(b):
    """Of whole numbers `~` makes -1 and -2, both of them true."""
    with pytest.raises(ValueError, match="embargo needs an array of True and False"):
        solve(b, Shock(embargo=np.zeros(b.tariff.shape, dtype=int)), ALONE)
    covers = exports_of(b, 0, b.elements)
    quota = quota_on(b, "q", covers, 0.5)
    with pytest.raises(ValueError, match="what quota 'q' covers needs an array of True and False"):
        solve(b, Shock(quotas=(quota.replace(covers=covers.astype(float)),)), ALONE)


EDGES = {
    "export_tax": -1.0, "tariff": -1.0, "iceberg": 0.0, "subsidy": -1.0, "productivity": 0.0, "use_subsidy": 1.0,
    "demand_shift": -0.1, "recycling": -1.0, "research_subsidy": -1.0,
}  # fmt: skip
PLACES = {"ink": (0, 2, 1), "nj": (2, 1), "nk": (2, 1), "n": (2,), "njg": (2, 1, 0), "ns": (2, 1)}


OUTSIDE = [(name, value) for name in FIELDS for value in (np.nan, np.inf)] + list(EDGES.items())


@pytest.mark.parametrize(("name", "value"), OUTSIDE)
def test_a_number_outside_its_domain_is_named_with_its_place(b, name, value):
    array, at = whole(b, name), PLACES[FIELDS[name].axes]
    array[at] = value
    solution = solve(b, Shock(**{name: array}), ALONE, throw=False)
    assert solution.status == "non_finite"
    place = ", ".join(map(str, at))
    assert f"{name}[{place}] = {array[at]:g} is outside the domain of {name}" in solution.diagnosis.text()
    region = 0 if FIELDS[name].axes == "ink" else 2
    assert solution.diagnosis.cell[0] == region
    assert solution.diagnosis.block == FIELDS[name].block


def test_a_draw_outside_the_domain_spoils_no_other(b):
    wrong = whole(b, "productivity")
    wrong[1, 2] = np.nan
    draws = [(b, Shock(productivity=whole(b, "productivity") * (1 + at / 100))) for at in range(9)]
    draws[4] = (b, Shock(productivity=wrong))
    found = Centre(b, Shock(), ALONE).solve_group(draws)
    assert [s.status for s in found] == ["converged"] * 4 + ["non_finite"] + ["converged"] * 4
    assert "productivity[1, 2] = nan" in found[4].diagnosis.text()


@pytest.mark.parametrize(
    ("name", "at"), [("trade_elasticity", 3), ("ree_elasticity", 7), ("final_elasticity", None)]
)
def test_a_parameter_that_is_no_number_is_named(b, name, at):
    value = np.array(getattr(b.parameters, name), dtype=float)
    value.reshape(-1)[0 if at is None else at] = np.nan
    draw = b.replace(parameters=b.parameters.replace(**{name: value if value.ndim else float(value)}))
    shock = Shock(productivity=1.1 * whole(b, "productivity"))
    solution = solve(draw, shock, ALONE, throw=False)
    assert solution.status == "non_finite"
    assert f"parameter {name}{'' if at is None else [at]} = nan" in solution.diagnosis.text()


def test_two_quotas_need_two_names(b):
    """Licence prices go by name: of two quotas called alike one was taken for the other, and dropped."""
    quotas = tuple(quota_on(b, "same", exports_of(b, at, b.elements), 0.5) for at in (0, 1))
    with pytest.raises(ValueError, match="two quotas are named 'same'"):
        solve(b, Shock(quotas=quotas), ALONE, throw=False)
    assert solve(b, Shock(quotas=(quotas[0], quotas[1].replace(name="other"))), ALONE).converged


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rent_to_importer": 2.0}, "rent_to_importer = 2.0 is no share"),
        ({"leak_margin": -1.0}, "smuggling costs -1.0 USD per kg"),
        ({"leak_margin": np.nan}, "smuggling costs nan"),
        ({"weight": -np.ones(13)}, "needs a limit, and a weight"),
    ],
)
def test_quotas_that_are_none_are_refused(b, changes, said):
    quota = quota_on(b, "q", exports_of(b, 0, b.elements), 0.5)
    assert isinstance(quota, Quota)
    with pytest.raises(ValueError, match=said):
        quota.replace(**changes)


@pytest.mark.parametrize("name", ["regime", "technology", "capacity"])
def test_a_misspelt_closure_passes_for_none(name):
    with pytest.raises(ValueError, match=f"{name} is 'givn', and can be"):
        Closure(**{name: "givn"})


@pytest.mark.parametrize("name", ["factor_mobility", "materials_elasticity"])
def test_what_sorts_factors_and_sectors_has_to_be_a_number(b, name):
    """A factor neither mobile nor not was left out of the economy; a sector of no group ended in an error of NumPy."""
    value = getattr(b.parameters, name).copy()
    value[1] = np.nan
    with pytest.raises(ValueError, match=rf"{name} = .*nan.* holds what is no number"):
        b.parameters.replace(**{name: value})


@pytest.mark.parametrize("name", ["research_closure", "deficit_rule"])
def test_a_misspelt_rule_passes_for_none(b, name):
    assert isinstance(b.parameters, Parameters)
    with pytest.raises(ValueError, match=f"{name} is 'sectors', and can be"):
        b.parameters.replace(**{name: "sectors"})
