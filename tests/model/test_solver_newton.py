"""The methods that know no economics, on problems with known answers."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, replace

import numpy as np
import pytest

from model.krylov import KEPT, Recycled, fgmres
from model.newton import Options, newton


@dataclass(frozen=True)
class Function:
    """A small dense problem: f, its Jacobian, and how steps are made."""

    f: object
    jacobian: object
    wrong: float = 1.0  # factor on the step: 1 is Newton's

    def evaluate(self, x):
        return At(self, x, np.asarray(self.f(x)))

    def move(self, x, step):
        return x + step

    def length(self, x, step):
        return float(np.abs(step).max())


@dataclass(frozen=True)
class At:
    problem: Function
    x: np.ndarray
    residual: np.ndarray

    def step(self, tolerance, limit):
        with np.errstate(all="ignore"):
            return self.problem.wrong * np.linalg.solve(self.problem.jacobian(self.x), -self.residual), 1

    def level(self, residual):
        correction = np.linalg.solve(self.problem.jacobian(self.x), residual)
        return float(correction @ correction)


def test_quadratic_convergence():
    problem = Function(
        lambda x: np.array([x[0] ** 2 - 2, x[1] - x[0]]), lambda x: np.array([[2 * x[0], 0], [-1, 1]])
    )
    found = newton(problem, np.ones(2), Options())
    assert found.outcome == "converged"
    np.testing.assert_allclose(found.x, np.sqrt(2), rtol=1e-11)
    assert found.iterations <= 6
    gaps = [value for value in found.history if value > 1e-7]
    assert gaps[-1] < 2 * gaps[-2] ** 2  # the last steps square the error


def test_long_steps_are_cut():
    problem = Function(lambda x: x - 20, lambda x: np.eye(1))
    found = newton(problem, np.zeros(1), replace(Options(), max_step=1.5))
    assert found.outcome == "converged"
    assert found.iterations == 14  # 20 / 1.5, rounded up


def test_no_root_stalls_and_says_so():
    problem = Function(lambda x: x**2 + 1, lambda x: np.diag(2 * x))
    assert newton(problem, np.full(1, 3.0), Options()).outcome in ("stalled", "diverged")


def test_a_cycle_ends_early():
    """Steps of full length that keep coming back: a wrong Jacobian and a level that always approves."""

    @dataclass(frozen=True)
    class Approves(At):
        def level(self, residual):
            return 1.0 if residual is self.residual else 0.0

    @dataclass(frozen=True)
    class Circle(Function):
        def evaluate(self, x):
            return Approves(self, x, np.asarray(self.f(x)))

    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    problem = Circle(lambda x: turn @ x - x, lambda x: -np.eye(2))  # x + step = turn x
    found = newton(problem, np.array([0.5, 0.0]), Options())
    assert found.outcome == "stalled"
    assert found.iterations <= 12


def test_outside_the_domain_the_search_steps_back():
    problem = Function(lambda x: np.log(np.where(x > 0, x, np.nan)), lambda x: np.diag(1 / x))
    found = newton(
        problem, np.full(1, 8.0), replace(Options(), max_step=100.0)
    )  # a full step lands at 8 - 8 ln 8 < 0
    assert found.outcome == "converged"
    np.testing.assert_allclose(found.x, 1.0)


def test_a_start_outside_the_domain_is_not_finite():
    problem = Function(lambda x: np.full(1, np.nan), lambda x: np.eye(1))
    assert newton(problem, np.zeros(1), Options()).outcome == "non_finite"


def test_a_step_that_is_not_finite_diverges():
    problem = Function(lambda x: np.ones(1), lambda x: np.full((1, 1), np.nan))
    assert newton(problem, np.zeros(1), Options()).outcome == "diverged"


def test_the_cap_on_iterations_holds():
    problem = Function(lambda x: np.exp(x) - np.exp(50.0), lambda x: np.diag(np.exp(x)))
    found = newton(problem, np.zeros(1), replace(Options(), max_iterations=3))
    assert (found.outcome, found.iterations) == ("iteration_limit", 3)


@pytest.mark.parametrize("seed", range(5))
def test_gmres_agrees_with_a_direct_solve(seed):
    rng = np.random.default_rng(seed)
    matrix = np.eye(30) + 0.1 * rng.normal(size=(30, 30))
    rhs = rng.normal(size=30)
    near = np.linalg.inv(matrix + 0.05 * rng.normal(size=(30, 30)))
    found, used = fgmres(lambda v: matrix @ v, lambda v: near @ v, rhs, 1e-12, 60)
    np.testing.assert_allclose(matrix @ found, rhs, atol=1e-11)
    assert used < 30
    exact, once = fgmres(lambda v: matrix @ v, lambda v: np.linalg.solve(matrix, v), rhs, 1e-10, 60)
    assert once == 1
    np.testing.assert_allclose(exact, np.linalg.solve(matrix, rhs), rtol=1e-9, atol=1e-12)


def test_gmres_reaches_the_tolerance_asked_for_and_no_more():
    rng = np.random.default_rng(1)
    matrix, rhs = np.eye(200) + 0.5 * rng.normal(size=(200, 200)) / np.sqrt(200), rng.normal(size=200)
    products = []
    for tolerance in (1e-2, 1e-4, 1e-8):
        found, used = fgmres(lambda v: matrix @ v, lambda v: v.copy(), rhs, tolerance, 200)
        assert np.linalg.norm(matrix @ found - rhs) <= 1.01 * tolerance * np.linalg.norm(rhs)
        products.append(used)
    assert products == sorted(products)
    assert products[0] < products[-1]


def test_gmres_stops_at_its_limit_and_at_zero():
    rng = np.random.default_rng(2)
    matrix = rng.normal(size=(50, 50))
    _, used = fgmres(lambda v: matrix @ v, lambda v: v.copy(), rng.normal(size=50), 1e-12, 7)
    assert used == 7
    found, used = fgmres(lambda v: matrix @ v, lambda v: v.copy(), np.zeros(50), 1e-12, 7)
    assert used == 0
    assert not found.any()


def test_gmres_on_a_singular_matrix_returns_what_it_has():
    matrix = np.diag([1.0, 2.0, 0.0])
    found, _ = fgmres(lambda v: matrix @ v, lambda v: v.copy(), np.array([1.0, 1.0, 0.0]), 1e-12, 10)
    np.testing.assert_allclose(found, [1.0, 0.5, 0.0], atol=1e-12)


def test_gmres_recycles_what_it_learnt_from_a_matrix_nearby():
    rng = np.random.default_rng(3)
    matrix = np.eye(120) + 0.5 * rng.normal(size=(120, 120)) / np.sqrt(120)
    moved = matrix + 0.01 * rng.normal(size=(120, 120)) / np.sqrt(120)
    rhs = rng.normal(size=120)
    recycled = Recycled()
    _, first = fgmres(lambda v: matrix @ v, lambda v: v.copy(), rhs, 1e-4, 60, recycled)
    directions, images = recycled.directions, recycled.images
    np.testing.assert_allclose(directions @ matrix.T, images, atol=1e-6)  # kept in single precision
    np.testing.assert_allclose(images @ images.T, np.eye(len(images)), atol=1e-6)
    again, none = fgmres(lambda v: matrix @ v, lambda v: v.copy(), rhs, 1e-4, 60, deepcopy(recycled))
    assert none <= 1 < first
    near = rhs + 0.01 * rng.normal(size=120)
    found, used = fgmres(lambda v: moved @ v, lambda v: v.copy(), near, 1e-4, 60, recycled)
    assert used < 0.7 * fgmres(lambda v: moved @ v, lambda v: v.copy(), near, 1e-4, 60)[1]
    assert np.linalg.norm(moved @ found - near) <= 1.01e-4 * np.linalg.norm(near)
    for _ in range(10):
        fgmres(lambda v: moved @ v, lambda v: v.copy(), rng.normal(size=120), 1e-8, 60, recycled)
    assert len(recycled.directions) == len(recycled.images) == KEPT


def test_what_was_learnt_last_counts_before_what_was_learnt_earlier():
    """Two operators disagree about a direction: the preconditioner is exact for the later one."""
    recycled, e = Recycled(), np.eye(3)
    recycled.learn(e[:2], e[:2])  # the identity on the first two axes
    recycled.learn(e[:1] / 2, e[:1])  # then twice as much on the first
    apply = recycled.exact(lambda v: 10 * v)
    np.testing.assert_allclose(apply(np.array([1.0, 1.0, 1.0])), [0.5, 1.0, 10.0])
