"""Draws solved together: the equations of all of them at once give what each gives alone."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest

from model import Closure, Shock, solve
from model.batch import FEWEST, Centre
from model.equilibrium import allocate, residuals
from model.prepare import prepare
from model.quasi import broyden
from model.solve import posed
from model.stack import Different, pack_residuals, stack, take, unpack
from model.tangent import linearise
from model.unknowns import layout
from tests.hard import hard
from tests.instruments import Case, awkward, cases, exports_of, production_quota, quota_on
from tests.model.test_batch import CLOSURES, ELASTICITIES, draws, read, shock

COUNT = FEWEST + 4


def everything(b) -> Shock:
    """Instruments of every kind that draws may share."""
    tax, tariff = b.export_tax.copy(), b.tariff.copy()
    tax[1], tariff[2] = 0.1, 0.2
    home = np.arange(len(tax))
    tax[home, home] = tariff[home, home] = 0.0
    subsidy, use = np.zeros(b.output.shape), np.zeros(b.final.shape)
    subsidy[1], use[2, 0] = 0.05, 0.1
    released = np.zeros(b.final.shape)
    released[1, b.elements[0]] = 1.0
    research = np.zeros((*b.output.shape, len(b.elements) + 1))
    research[:, :, 0] = 0.1
    leaky = quota_on(b, "leaky", exports_of(b, 0, b.elements), 0.5).replace(
        leak_margin=3.0, rent_to_importer=0.5
    )
    return Shock(
        quotas=(leaky,), export_tax=tax, tariff=tariff, subsidy=subsidy, use_subsidy=use, stock_release=released,
        research_subsidy=research,
    )  # fmt: skip


def drawn(b, given: Shock, count: int = COUNT):
    """Draws of elasticities and of the limits of quotas."""
    rng = np.random.default_rng(2)
    for moved, _ in draws(b, count, 0.2):
        limits = tuple(q.replace(limit=q.limit * rng.uniform(0.8, 1.2)) for q in given.quotas)
        yield moved, given.replace(quotas=limits)


def differs(one, other, name="system") -> list[str]:
    """Names of what differs between two records."""
    if is_dataclass(one):
        pairs = [(f"{name}.{f.name}", getattr(one, f.name), getattr(other, f.name)) for f in fields(one)]
    elif isinstance(one, tuple):
        if len(one) != len(other):
            return [name]
        pairs = [(name, *pair) for pair in zip(one, other, strict=True)]
    else:
        return [] if np.array_equal(one, other) else [name]
    return [found for at, left, right in pairs if left is not right for found in differs(left, right, at)]


@pytest.mark.parametrize("moves", [False, True], ids=["same elasticities", "other elasticities"])
def test_a_system_made_after_another_is_the_one_made_alone(moves):
    """Parts of the other are shared where they are made of the same numbers, and nowhere else."""
    known = cases()
    plain = known["no shock"].benchmark
    ordinary = production_quota(plain, 0.9)
    goods = np.arange(len(ordinary.goods)) == np.setdiff1d(np.arange(len(ordinary.goods)), plain.elements)[0]
    assert np.isfinite(plain.unit_value[ordinary.origin, goods]).all()
    known["production quota on an ordinary good"] = Case(
        plain, Shock(production_quotas=(ordinary.replace(goods=goods),))
    )
    for turn in (0, 1):  # as many groups of sectors, but other sectors in them
        two = np.where(np.arange(plain.shape[1]) % 3 == turn, 0.5, 0.8)
        other = plain.replace(parameters=plain.parameters.replace(materials_elasticity=two))
        known[f"materials in two groups, {turn}"] = Case(other, Shock())
    for good in np.setdiff1d(np.arange(plain.final.shape[1]), plain.elements)[
        :2
    ]:  # one quota of two is another
        more = quota_on(plain, "more", exports_of(plain, 1, [good]), 0.9)
        same = known["quota"].shock.quotas
        known[f"two quotas, one on good {good}"] = Case(plain, Shock(quotas=(*same, more)))
    told = {name: posed(case.benchmark, case.shock) for name, case in known.items()}
    systems = {
        name: prepare(case.benchmark, told[name][0], case.closure, told[name][1])
        for name, case in known.items()
    }
    shared = 0
    for name, case in known.items():
        b, (given, quotas) = case.benchmark, told[name]
        halved = tuple(q.replace(limit=q.limit / 2) for q in quotas)
        if moves:
            rng = np.random.default_rng(len(name))
            moved = {at: getattr(b.parameters, at) * rng.uniform(0.9, 1.1) for at in ELASTICITIES}
            b = b.replace(parameters=b.parameters.replace(**moved))
        alone = prepare(b, given, case.closure, halved)
        for other, like in systems.items():
            after = prepare(b, given, case.closure, halved, like=like)
            assert not differs(after, alone), (name, other)
            shared += after.sourcing.weight is like.sourcing.weight
    assert shared > len(known)


@pytest.mark.parametrize("closure", CLOSURES, ids=lambda c: f"{c.regime}-{c.capacity}")
@pytest.mark.parametrize("given", [shock, everything], ids=["quota", "everything"])
def test_draws_together_are_what_each_gives_alone(closure, given):
    b = awkward()
    centre, many = Centre(b, given(b), closure), list(drawn(b, given(b)))
    together = centre.solve_group(many)
    assert sum(found.products == 0 for found in together) > COUNT / 2, "most need no Newton step"
    for draw, found in zip(many, together, strict=True):
        alone = solve(*draw, closure)
        assert found.converged
        assert abs(found.diagnosis.value) < 1e-11
        if found.products == 0:  # its equations were evaluated at the start and after every step
            assert found.evaluations == len(found.history) == found.iterations + 1
        np.testing.assert_allclose(read(found)[1], read(alone)[1], rtol=1e-8, atol=1e-8)
        assert found.licence == pytest.approx(alone.licence, rel=1e-7)
        assert found.system.benchmark is draw[0]
        again = allocate(found.system, found.allocation.state)  # what is reported belongs to the unknowns
        for name in ("income", "supply", "licence_rate", "labour", "world", "quota_tonnes"):
            np.testing.assert_allclose(
                getattr(found.allocation, name), getattr(again, name), rtol=1e-12, atol=1e-12
            )


def test_draws_under_a_quota_on_production_are_what_each_gives_alone():
    """Its licence is the last of the unknowns."""
    b = awkward()
    given = Shock(production_quotas=(production_quota(b, 0.7),))
    many = list(drawn(b, given, FEWEST))
    for draw, found in zip(many, Centre(b, given).solve_group(many), strict=True):
        np.testing.assert_allclose(read(found)[1], read(solve(*draw))[1], rtol=1e-8, atol=1e-8)


def test_draws_of_other_base_years_are_solved_together():
    """Endowments that a draw changes (a supply elasticity decides what of a mine's income is rent)."""
    b, rng = awkward(), np.random.default_rng(3)
    many = []
    for moved, each in drawn(b, shock(b)):
        payment = moved.factor_payment.copy()
        shifted = rng.uniform(0.0, 0.2) * payment[:, 0]
        payment[:, 0] -= np.where((payment > 0)[:, 1], shifted, 0.0)
        payment[:, 1] += np.where((payment > 0)[:, 1], shifted, 0.0)
        many.append((moved.replace(factor_payment=payment), each))
    together = Centre(b, shock(b)).solve_group(many)
    assert sum(found.products == 0 for found in together) > COUNT / 2
    for draw, found in zip(many, together, strict=True):
        np.testing.assert_allclose(read(found)[1], read(solve(*draw))[1], rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("research_closure", ["sector", "region"])
def test_draws_of_which_some_subsidise_research_are_solved_together(research_closure):
    b = awkward(research_closure=research_closure)
    if research_closure == "region":
        low = np.full_like(b.parameters.innovation_elasticity, 0.08)
        b = b.replace(parameters=b.parameters.replace(innovation_elasticity=low))
    rates = np.zeros((*b.output.shape, len(b.elements) + 1))
    rates[1, :, :2] = 0.3
    plain = shock(b)
    given = [plain.replace(research_subsidy=rates * part) for part in (0.0, 1.0, 0.5, 0.0)] * FEWEST
    together = Centre(b, plain).solve_group([(b, one) for one in given])
    assert all(found.products == 0 for found in together), "none alone"
    for one, found in zip(given[:4], together, strict=False):
        alone = solve(b, one)
        np.testing.assert_allclose(
            found.allocation.state.research_e, alone.allocation.state.research_e, atol=1e-9
        )


def test_draws_of_innovation_go_together_but_for_one_that_feeds_on_itself():
    b, rng = awkward(), np.random.default_rng(3)
    lambdas = [b.parameters.innovation_elasticity * rng.uniform(0.9, 1.1) for _ in range(COUNT)]
    many = [
        (b.replace(parameters=b.parameters.replace(innovation_elasticity=lam)), shock(b)) for lam in lambdas
    ]
    wild = b.replace(parameters=b.parameters.replace(breadth=500.0))
    many.insert(3, (wild, shock(b)))
    found = Centre(b, shock(b), Closure("directed_with_spillovers")).solve_group(many)
    assert found.pop(3).status == "unstable"
    assert all(one.converged for one in found)
    assert sum(one.products == 0 for one in found) > COUNT / 2, "most need no Newton step"


def test_a_group_of_unlike_draws_loses_none():
    b = awkward()
    closed = np.zeros(b.export_tax.shape, dtype=bool)
    closed[:, 1, b.elements[0]] = True
    far = b.replace(parameters=b.parameters.replace(trade_elasticity=np.full(b.final.shape[1], 12.0)))
    many = list(drawn(b, shock(b)))
    many[3:3] = [(b, Shock(embargo=closed)), (b, shock(b, 1.5)), (far, shock(b, 0.01))]
    found = Centre(b, shock(b)).solve_group(many)
    assert [s.status for s in found[3:6]] == ["infeasible", "converged", "converged"]
    assert found[4].licence == {"quota": 0.0}
    assert all(s.converged for s in (*found[:3], *found[6:]))
    np.testing.assert_allclose(read(found[5])[1], read(solve(far, shock(b, 0.01)))[1], rtol=1e-8, atol=1e-8)


def test_an_inverse_steps_as_two_triangles_do():
    b = awkward()
    centre, often = Centre(b, shock(b)), Centre(b, shock(b), draws=1000)
    right = np.random.default_rng(5).normal(size=(3, centre.problem.cells.size))
    before = right.copy()
    one, other = centre.jacobian.correct(right), often.jacobian.correct(right)
    assert centre.jacobian.inverse is None
    assert often.jacobian.inverse is not None
    np.testing.assert_array_equal(right, before)
    np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-3 * np.abs(one).max())
    for vector, row in zip(right, one, strict=True):  # as the solver's own products see it
        state = centre.problem.cells.unpack(row.astype(float)[:, None])
        image = linearise(centre.solution.system, centre.solution.allocation)(state)
        np.testing.assert_allclose(centre.problem.cells.pack_residuals(image)[:, 0], -vector, atol=1e-3)


def test_the_same_group_gives_the_same_bits_and_another_group_the_same_numbers():
    b = awkward()
    centre, many = Centre(b, shock(b)), list(drawn(b, shock(b), 24))
    first, again = centre.solve_group(many), Centre(b, shock(b)).solve_group(many)
    fewer = centre.solve_group(many[5:17])
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(read(one)[1], read(other)[1])
    for one, other in zip(first[5:17], fewer, strict=True):
        np.testing.assert_allclose(read(one)[1], read(other)[1], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("closure", CLOSURES, ids=lambda c: f"{c.regime}-{c.capacity}")
def test_equations_of_a_stack_are_those_of_its_parts(closure):
    b = awkward()
    systems = [prepare(moved, each, closure, each.quotas) for moved, each in drawn(b, everything(b), 3)]
    whole, cells = stack(systems), layout(systems[0])
    rng = np.random.default_rng(4)
    x = rng.normal(0, 0.1, (3, cells.size))
    x[:, cells.starts[-3] :] = rng.uniform(0.1, 1.0, x[:, cells.starts[-3] :].shape)
    a = allocate(whole, unpack(cells, x))
    together = pack_residuals(cells, residuals(whole, a))
    for row, system in enumerate(systems):
        alone = allocate(system, cells.unpack(x[row]))
        np.testing.assert_allclose(
            together[row], cells.pack_residuals(residuals(system, alone)), rtol=1e-11, atol=1e-12
        )
        _same(take(a, alone, row), alone)
        _same(take(whole, systems[0], row).sourcing, system.sourcing)
        _same(take(whole, systems[0], [row, row]).nests.rho_ree[1], system.nests.rho_ree)


def _same(one, other) -> None:
    if is_dataclass(other):
        for f in fields(other):
            _same(getattr(one, f.name), getattr(other, f.name))
    elif isinstance(other, tuple):
        for left, right in zip(one, other, strict=True):
            _same(left, right)
    elif isinstance(other, np.ndarray | float):
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-12)


def test_draws_with_and_without_scientists_who_respond_are_solved_apart():
    """Research moves nothing in the first draw of the group, and something in others."""
    b = awkward()
    given = shock(b)
    centre = Centre(b, given, Closure("exogenous", "given", "given"), draws=20)
    draws = [
        (b.replace(parameters=b.parameters.replace(research_supply_elasticity=supply)), given)
        for supply in [0.0, 0.5, 1.0] * 4
    ]
    for found, (moved, _) in zip(centre.solve_group(draws), draws, strict=True):
        alone = solve(moved, given, centre.closure)
        assert found.converged
        np.testing.assert_allclose(found.allocation.labour, alone.allocation.labour, atol=1e-9)


def test_systems_that_differ_in_more_than_numbers_are_not_stacked():
    b = awkward()
    given = shock(b)

    def system(moved=b, each=given, closure=CLOSURES[1], quotas=None):
        return prepare(moved, each, closure, each.quotas if quotas is None else quotas)

    other_goods = quota_on(b, "other", exports_of(b, 1, b.elements[:1]), 0.5)
    released = np.ones(b.final.shape)
    for different in (
        system(moved=b.replace(elements=b.elements[:-1])), system(closure=CLOSURES[0]), system(quotas=()),
        system(quotas=(other_goods,)), system(each=given.replace(stock_release=released)),
        system(each=given.replace(use_subsidy=0.1 * released)),
        system(moved=b.replace(parameters=b.parameters.replace(deficit_rule="share_of_world_income"))),
    ):  # fmt: skip
        with pytest.raises(Different):
            stack([system(), different])


class Scalars:
    """x^3 = c for several c, from 1; and an x^2 + 1 = 0 that has no root."""

    metric = np.ones(1)

    def __init__(self, targets) -> None:
        self.targets = np.array(targets)

    def evaluate(self, rows, x):
        target = self.targets[rows][:, None]
        return rows, np.where(target > 0, x**3 - target, x**2 + 1)

    def keep(self, evaluation, position):
        return evaluation[position]

    def correct(self, residual):
        return -residual / 3

    def move(self, x, step):
        return x + step

    def length(self, x, step):
        return np.abs(step).max(axis=1)


def test_broyden_finds_the_roots_there_are_and_no_others():
    found = broyden(Scalars([1.1, 8.0, -1.0, 0.5]), np.ones((4, 1)), 1e-12, 30, longest=0.3)
    assert sorted(found) == [0, 1, 3]
    for row, target in ((0, 1.1), (1, 8.0), (3, 0.5)):
        assert found[row].x[0] == pytest.approx(np.cbrt(target), rel=1e-12)
        assert found[row].history[-1] < 1e-12 <= found[row].history[-2]
        assert found[row].kept == row
    assert not broyden(Scalars([8.0]), np.ones((1, 1)), 1e-12, 2, longest=0.3)


def test_broyden_gives_up_where_the_jacobian_is_singular():
    class Singular(Scalars):
        def correct(self, residual):
            return np.full_like(residual, np.inf)

    assert not broyden(Singular([8.0, 1.5]), np.ones((2, 1)), 1e-12, 30, longest=0.3)


def test_broyden_is_superlinear():
    history = broyden(Scalars([1.3]), np.ones((1, 1)), 1e-13, 30, longest=1.0)[0].history
    rates = np.diff(np.log(history[1:]))
    assert rates[-1] < 2 * rates[0] < 0


def test_a_quota_that_a_group_would_violate_is_met():
    """A slack quota is left out of the system of a draw; a draw in which it binds is solved anew."""
    b = awkward()
    covers = exports_of(b, 0, b.elements)
    first = quota_on(b, "first", covers, 0.5)
    wide = quota_on(b, "wide", exports_of(b, 1, b.elements), 1.05)
    given = Shock(quotas=(first, wide))
    many = [(moved, replace(each)) for moved, each in drawn(b, given)]
    for found in Centre(b, given).solve_group(many):
        assert found.converged
        assert min(found.licence.values()) >= 0
        alone = solve(
            found.system.benchmark, next(s for m, s in many if m is found.system.benchmark), Closure()
        )
        assert found.licence == pytest.approx(alone.licence, rel=1e-6, abs=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_draws_around_hard_scenarios_are_what_each_gives_alone(seed):
    """Near and far from the centre: together where that works, by itself where not, and never another answer."""
    case, rng = hard(seed), np.random.default_rng(seed)
    p, many = case.benchmark.parameters, []
    for spread in 4 * (0.05, 0.3, 0.8):
        moved = {
            name: getattr(p, name) * np.exp(rng.uniform(-spread, spread, getattr(p, name).shape))
            for name in ELASTICITIES
        }
        quotas = tuple(
            q.replace(limit=q.limit * np.exp(rng.uniform(-2, 2) * spread)) for q in case.shock.quotas
        )
        many.append(
            (case.benchmark.replace(parameters=p.replace(**moved)), case.shock.replace(quotas=quotas))
        )
    for draw, found in zip(
        many, Centre(case.benchmark, case.shock, case.closure).solve_group(many), strict=True
    ):
        alone = solve(*draw, case.closure, throw=False)
        assert found.status == alone.status
        if alone.converged:
            np.testing.assert_allclose(read(found)[1], read(alone)[1], rtol=1e-7, atol=1e-7)
