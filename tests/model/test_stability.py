"""Whether technology settles."""

import re

import numpy as np
import pytest

import calibration
from model import Closure, Shock, solve, stability
from model.equilibrium import directed
from model.innovation import technology
from model.path import simulate
from model.stability import (
    ACCURACY,
    LIMIT,
    Extremes,
    Ritz,
    TechnologyMap,
    check_path,
    check_speeds,
    extremes,
    long_run_feedback,
    unstable,
)
from tests.instruments import awkward
from tests.worlds import Sizes, world

FULL = "directed_with_spillovers"


@pytest.mark.parametrize("licence", [False, True])
@pytest.mark.parametrize("regime", ["directed", FULL])
def test_the_map_is_the_derivative_of_research_by_finite_differences(regime, licence):
    """With licences of the base year too, which bind at its tonnes."""
    bench, _ = world(1, research_closure="sector", licence=licence)
    product = TechnologyMap(bench, regime)
    research, users = product.system.research, product.system.nests.users
    rng, h = np.random.default_rng(1), 1e-5
    r_x, r_e = (rng.standard_normal(mask.shape) * mask for mask in product.active)
    log_a = np.zeros((*bench.output.shape, len(bench.elements) + 1))
    log_a[:, :, -1], log_a[:, users, :-1] = technology(research, users, h * r_x, h * r_e, regime == FULL)
    pair = [
        solve(bench, Shock(technology=sign * log_a), Closure(regime, "given", "given")) for sign in (1, -1)
    ]
    up, down = (
        np.concatenate(
            [
                directed(s.system, s.allocation).research_x[product.active[0]],
                directed(s.system, s.allocation).research_e[product.active[1]],
            ]
        )
        for s in pair
    )
    vector = np.concatenate([r_x[product.active[0]], r_e[product.active[1]]])
    np.testing.assert_allclose(product(vector), (up - down) / (2 * h), atol=1e-6)


@pytest.mark.parametrize("closure", ["sector", "region"])
@pytest.mark.parametrize("regime", ["directed", FULL])
def test_extremes_are_those_of_the_dense_matrix(closure, regime):
    bench, _ = world(0, research_closure=closure)
    product = TechnologyMap(bench, regime)
    values = np.linalg.eigvals(np.stack([product(unit) for unit in np.eye(product.size)], axis=1))
    found = extremes(bench, regime)
    np.testing.assert_allclose(
        [found.largest, found.smallest], [values.real.max(), values.real.min()], atol=1e-6
    )


@pytest.mark.parametrize("closure", ["sector", "region"])
@pytest.mark.parametrize("top", [0.97, 0.99, 1.01, 1.03, 1.08])
def test_an_equilibrium_is_refused_from_an_eigenvalue_of_one_on(closure, top):
    """Also where the first values that Arnoldi's method finds are far below the largest."""
    for seed in (1, 2):
        options = {"research_closure": closure, "research_supply_elasticity": 0.5}
        bench, _ = world(seed, **options)
        par = bench.parameters
        scale = top / extremes(bench, "directed").largest
        bench = bench.replace(parameters=par.replace(innovation_elasticity=scale * par.innovation_elasticity))
        assert extremes(bench, "directed").largest == pytest.approx(top, rel=1e-5)
        assert (unstable(bench, Closure("directed")) is not None) == (top >= 1)


@pytest.mark.parametrize(
    ("seed", "top"), [(24, 0.995), (43, 0.995), (140, 0.99), (122, 1.04), (122, 1.005), (262, 1.005)]
)
def test_a_map_far_from_normal_is_told_on_the_right_side_of_one(seed, top):
    """There the values found first look certain and are not, and a rough solve moves an eigenvalue by a percent."""
    rng = np.random.default_rng(seed)
    regions, ordinary, elements, users, classes = (
        int(rng.integers(*span)) for span in ((1, 4), (2, 6), (1, 4), (1, 3), (1, 3))
    )
    closure, supply = ("sector", "region")[rng.integers(2)], rng.choice([0, 0.5, 1.5])
    bench, _ = world(
        seed, Sizes(regions, ordinary, elements, classes, users), sparse=seed % 2 == 1, gaps=seed % 3 == 0,
        research_closure=closure, research_supply_elasticity=float(supply), sigma=rng.uniform(2, 7),
    )  # fmt: skip
    shape = bench.parameters.innovation_elasticity.shape
    drawn = {
        "innovation_elasticity": rng.uniform(0.02, 0.8, shape),
        "spillover": rng.uniform(0, 0.4, shape),
        "breadth": rng.uniform(0, 0.3),
    }

    def scaled(by):
        changed = {name: by * value for name, value in drawn.items()}
        return bench.replace(parameters=bench.parameters.replace(**changed))

    product = TechnologyMap(scaled(1.0), FULL)
    dense = np.stack([product(unit) for unit in np.eye(product.size)], axis=1)
    b = scaled(top / np.linalg.eigvals(dense).real.max())
    assert extremes(b, FULL).largest == pytest.approx(top, abs=1e-6)
    assert (unstable(b, Closure(FULL)) is not None) == (top >= 1)


@pytest.mark.parametrize("supply", [0.13, 0.147, 0.15])
def test_the_shipped_base_year_is_refused_where_its_eigenvalue_passes_one(supply):
    b = calibration.load("china-2009").benchmark
    b = b.replace(parameters=b.parameters.replace(research_supply_elasticity=supply))
    assert (unstable(b, Closure("directed")) is not None) == (extremes(b, "directed").largest >= 1)


def test_an_eigenvalue_that_cannot_be_told_from_one_is_refused_not_raised(monkeypatch):
    def lost(*_):
        raise ArithmeticError("not found")

    bench, _ = world(1, research_closure="region", research_supply_elasticity=0.5)
    par = bench.parameters
    scale = 0.999 / extremes(bench, "directed").largest
    bench = bench.replace(parameters=par.replace(innovation_elasticity=scale * par.innovation_elasticity))
    assert unstable(bench, Closure("directed")) is None
    monkeypatch.setattr(stability, "extremes", lost)
    again = bench.replace(output=bench.output.copy())
    assert re.search(r"may feed on itself.* 0\.9.*not found", unstable(again, Closure("directed")).detail)


def test_technology_that_feeds_on_itself_is_refused_with_the_range():
    bench, _ = world(0, research_closure="region")
    largest = extremes(bench, "directed").largest
    assert largest > 1
    with pytest.raises(ValueError, match=rf"largest eigenvalue .* stable below {1 / largest:.3g} times"):
        check_path(bench, "directed")
    # The range is right: eigenvalues are proportional to the innovation elasticity.
    tame = bench.replace(
        parameters=bench.parameters.replace(
            innovation_elasticity=bench.parameters.innovation_elasticity * 0.99 / largest
        )
    )
    assert check_path(tame, "directed").largest == pytest.approx(0.99, rel=1e-6)


def test_a_path_overshoots_outside_the_range_and_settles_inside():
    # Innovation pays so much that saved elements fall in price by more, and research turns away from them at once.
    bench, _ = world(
        1, research_closure="sector", innovation_elasticity=np.full((3, 3), 3.0), learning=1.0, forgetting=1.0
    )  # fmt: skip
    found = extremes(bench, "directed")
    assert found.fastest < 1
    with pytest.raises(ValueError, match=rf"the stable range is 0 to {found.fastest:.3g}"):
        check_path(bench, "directed")
    with pytest.raises(ValueError, match="the stable range is 0 to"):
        simulate(bench, [2010], [Shock()], "directed")
    shocks = [
        Shock(demand_shift=np.where(np.arange(bench.final.shape[1]) == 0, 1.05, 1.0) * np.ones((3, 1))),
        *[Shock()] * 11,
    ]

    def swing(speed):
        par = bench.parameters.replace(learning=speed, forgetting=speed)
        path = simulate(
            bench.replace(parameters=par),
            range(12),
            shocks,
            "directed",
            capacity_moves=False,
            check_stability=False,
        )
        return np.abs(np.diff(path.technology, axis=0)).max(axis=(1, 2, 3))

    outside, inside = swing(min(1.0, 1.2 * found.fastest)), swing(0.8 * found.fastest)
    assert outside[-1] > outside[4]
    assert inside[-1] < 0.5 * inside[4]


# ------------------------------------------------------------------ Arnoldi's method


@pytest.mark.parametrize("size", [1, 3, 4, 30])
def test_arnoldi_finds_all_eigenvalues_of_a_small_matrix(size):
    matrix = np.random.default_rng(size).normal(size=(size, size))
    found = list(stability._arnoldi(lambda v: matrix @ v, size))
    wanted = np.linalg.eigvals(matrix)
    last = found[-1]
    assert len(last.values) == size
    gap = np.abs(np.sort_complex(last.values) - np.sort_complex(wanted)).max()
    assert gap < 1e-10 * max(1.0, np.abs(wanted).max())
    assert len(found) == max(size - 4, 1)  # from the fifth product on
    np.testing.assert_allclose(last.basis @ last.basis.T, np.eye(size), atol=1e-13)
    for at, value in enumerate(last.values):  # Ritz vectors are eigenvectors
        vector = last.vectors[:, at] @ last.basis
        np.testing.assert_allclose(matrix @ vector, value * vector, atol=1e-10)


def test_arnoldi_says_how_far_off_it_may_be():
    """A symmetric matrix: within the doubt of every approximation lies an eigenvalue."""
    rng = np.random.default_rng(5)
    root = rng.normal(size=(60, 60))
    matrix = root + root.T
    wanted = np.linalg.eigvalsh(matrix)
    rough = 0
    for ritz in stability._arnoldi(lambda v: matrix @ v, 60):
        gap = np.abs(ritz.values[:, None] - wanted).min(axis=1)
        assert (gap <= ritz.doubt + 1e-10).all()
        rough += (ritz.doubt > 0.1).any()
    assert rough > 20


def test_arnoldi_ends_where_nothing_is_left_to_find_and_at_its_limit():
    few = np.zeros(200)
    few[:3] = 3.0, -2.0, 0.5  # of rank three: the fourth product finds no new direction
    (found,) = stability._arnoldi(lambda v: few * v, 200)
    np.testing.assert_allclose(np.sort(found.values.real), [-2.0, 0.0, 0.5, 3.0], atol=1e-12)
    np.testing.assert_array_equal(found.doubt, np.zeros(4))
    many = np.linspace(-1, 1, 200)
    found = list(stability._arnoldi(lambda v: many * v, 200))
    assert len(found[-1].values) == LIMIT
    assert len(found) == LIMIT - 4
    assert list(stability._arnoldi(lambda v: v, 0)) == []


# ------------------------------------------------------------------ what is made of approximations


def scripted(monkeypatch, *approximations, size=3):
    """Arnoldi's method comes to these (values, doubts), one after another."""

    class Map:
        def __init__(self, *_):
            self.size = size

        def locate(self, vector):
            return "research_x", (int(np.argmax(vector)), 1)

    def arnoldi(product, size):
        for values, doubt in approximations:
            count = len(values)
            yield Ritz(np.array(values), np.array(doubt), np.eye(count), np.eye(count)[::-1])

    monkeypatch.setattr(stability, "TechnologyMap", Map)
    monkeypatch.setattr(stability, "_arnoldi", arnoldi)
    return awkward(0)


def test_extremes_wait_until_both_ends_are_certain(monkeypatch):
    good, bad = 0.9 * ACCURACY, 1.1 * ACCURACY
    b = scripted(
        monkeypatch,
        ([0.1, 0.8, -0.5], [0.0, good, bad]),
        ([0.2, 0.7, -0.6], [0.0, bad, good]),
        ([0.3 + 1j, 0.6 + 0j, -0.7], [9.0, good, good]),
        ([0.0, 0.0, 0.0], [0.0, 0.0, 0.0]),
    )
    assert stability._extremes(b, "directed") == Extremes(0.6, -0.7)


def test_extremes_beyond_one_are_as_certain_for_their_size(monkeypatch):
    b = scripted(monkeypatch, ([5.0, -50.0], [4.0 * ACCURACY, 40.0 * ACCURACY]))
    assert stability._extremes(b, "directed") == Extremes(5.0, -50.0)
    b = scripted(monkeypatch, ([5.0, -0.5], [4.0 * ACCURACY, 2.0 * ACCURACY]))
    with pytest.raises(ArithmeticError, match="not found in 80 products"):
        stability._extremes(b, "directed")


def test_without_research_there_is_nothing_to_unsettle(monkeypatch):
    b = scripted(monkeypatch, size=0)
    assert stability._extremes(b, "directed") == Extremes(0.0, 0.0)
    assert stability._unstable(b, "directed") is None
    monkeypatch.undo()
    assert extremes(world(0, research=False)[0], "directed") == Extremes(0.0, 0.0)
    assert extremes(world(0)[0], "exogenous") == Extremes(0.0, 0.0)


def test_the_fastest_path_overshoots_by_as_much_as_it_was_off():
    """1 - delta (1 - mu) = -1 at delta = 2 / (1 - mu)."""
    assert Extremes(0.5, -3.0).fastest == 0.5
    assert Extremes(0.5, 0.0).fastest == 2.0


def refused(monkeypatch, *approximations, precise=None):
    """What `_unstable` says; the precise eigenvalue must not be asked for unless there is one."""
    b = scripted(monkeypatch, *approximations)

    def extremes(*_):
        if precise is None:
            raise AssertionError("a rough value is enough")
        return Extremes(precise, -1.0)

    monkeypatch.setattr(stability, "extremes", extremes)
    return stability._unstable(b, "directed")


def test_a_rough_value_far_below_one_is_enough(monkeypatch):
    assert refused(monkeypatch, ([0.5, -2.0], [0.04, 0.0])) is None


def test_a_rough_value_is_refined_while_its_doubt_may_reach_one(monkeypatch):
    assert refused(monkeypatch, ([0.5, -2.0], [0.06, 0.0]), ([0.6, -2.0], [0.03, 0.0])) is None


def test_the_first_value_below_one_is_not_taken_for_the_largest(monkeypatch):
    found = refused(monkeypatch, ([0.5, -2.0], [0.04, 0.0]), ([0.5, 1.5], [0.0, 0.0]))
    assert found.value == 1.5


def test_a_value_above_one_is_refused_with_its_cell(monkeypatch):
    found = refused(monkeypatch, ([-2.0, 1.5], [0.0, 0.2]), ([-2.0, 1.4], [0.0, 0.013]))
    assert (found.status, found.block, found.cell, found.value) == ("unstable", "research_x", (0, 1), 1.4)
    assert found.detail == "technology feeds on itself: the largest eigenvalue of its map is 1.4 (section 6)"


@pytest.mark.parametrize(("precise", "stable"), [(0.9999, True), (1.0, False), (1.0001, False)])
def test_a_value_near_one_is_looked_at_closely(monkeypatch, precise, stable):
    found = refused(monkeypatch, ([-2.0, 1.001], [0.0, 0.005]), precise=precise)
    assert (found is None) == stable
    if not stable:
        assert found.value == precise


@pytest.mark.parametrize("name", ["ree_elasticity", "element_elasticity"])
def test_the_long_run_of_every_sector_and_element_is_looked_at(name):
    """lambda (elasticity - 1): the worst is named, and how many sectors there are like it."""
    b = awkward(3, gaps=True)
    par = b.parameters
    innovation = np.linspace(0.3, 0.6, par.innovation_elasticity.size).reshape(
        par.innovation_elasticity.shape
    )
    elasticity = getattr(par, name).copy()
    users = np.flatnonzero((b.use[:, b.elements].sum(axis=1) > 0).any(axis=0))
    elasticity[users[0]], elasticity[users[1]] = 4.0, 3.5
    high = b.replace(parameters=par.replace(innovation_elasticity=innovation, **{name: elasticity}))
    short = {"ree_elasticity": "eps", "element_elasticity": "rho"}[name]
    excess = long_run_feedback(high)[short]
    worst, where, sectors = -np.inf, None, set()
    for n, r, e in np.ndindex(excess.shape):
        j = users[r]
        learns = b.use[n, b.elements[e], j] > 0 and b.research_share[n, j] > 0 and b.output[n, j] > 0
        wanted = innovation[n, e] * (elasticity[j] - 1) if learns else 0.0
        assert excess[n, r, e] == pytest.approx(wanted, abs=1e-15)
        if wanted > worst:
            worst, where = wanted, (n, r, e)
        if wanted >= 1:
            sectors.add((n, r))
    found = unstable(high, Closure("directed"))
    assert (found.block, found.cell, found.value) == ("research_e", where, pytest.approx(worst))
    assert found.detail == (
        f"lambda ({short} - 1) = {worst:.3g} is 1 or more in {len(sectors)} sectors (section 6)"
    )


def test_sectors_exactly_at_the_border_are_refused_and_counted():
    bench, _ = world(1)
    par = bench.parameters
    assert (par.innovation_elasticity == 0.5).all()
    user = np.flatnonzero((bench.use[:, bench.elements].sum(axis=1) > 0).all(axis=0))[0]
    elasticity = np.where(np.arange(len(par.ree_elasticity)) == user, 3.0, par.ree_elasticity)
    found = unstable(
        bench.replace(parameters=par.replace(ree_elasticity=elasticity)), Closure("directed", "target")
    )
    assert found.value == 1.0
    assert "is 1 or more in 3 sectors" in found.detail  # the same one in every region


def test_only_technology_at_its_target_can_feed_on_itself():
    bench, _ = world(0, research_closure="region")
    assert unstable(bench, Closure("directed")) is not None
    assert unstable(bench, Closure("directed", "given")) is None
    assert unstable(bench, Closure("exogenous")) is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"build_time": np.array([2, -1, 1])}, "build_time = .* is negative"),
        ({"capacity_response": np.array([0.5, -0.1, 1.0])}, "capacity_response = .* 0 or more"),
        ({"capacity_response": np.array([0.5, np.inf, 1.0])}, "capacity_response = .* finite"),
        ({"capacity_expansion": np.array([0.5, 1.1, 1.0])}, r"capacity_expansion = .* \[0, 1\]"),
        ({"capacity_scrapping": np.array([0.5, -0.1, 1.0])}, r"capacity_scrapping = .* \[0, 1\]"),
        ({"learning": np.nan}, r"learning = nan .* \[0, 1\]"),
    ],
)
def test_what_is_no_speed_and_no_time_is_refused(changes, message):
    par = world(1)[0].parameters
    check_speeds(par)
    edges = {
        "build_time": np.zeros(3, dtype=int),
        "capacity_response": np.zeros(3),
        "learning": 1.0,
        "forgetting": 0.0,
    }
    check_speeds(par.replace(**edges))
    with pytest.raises(ValueError, match=message):
        check_speeds(par.replace(**changes))


def test_a_path_may_be_slower_than_its_fastest_and_no_faster(monkeypatch):
    bench, _ = world(1, research_closure="sector", learning=0.3, forgetting=0.1)
    monkeypatch.setattr(stability, "extremes", lambda *_: Extremes(0.5, 1 - 2 / 0.3))
    with pytest.raises(ValueError, match=r"learning = 0\.3 and forgetting = 0\.1 overshoot"):
        check_path(bench, "directed")
    monkeypatch.setattr(stability, "extremes", lambda *_: Extremes(0.5, 1 - 2 / 0.31))
    assert check_path(bench, "directed").largest == 0.5
    monkeypatch.setattr(stability, "extremes", lambda *_: Extremes(1.0, 0.0))
    with pytest.raises(ValueError, match="feeds on itself"):
        check_path(bench, "directed")
