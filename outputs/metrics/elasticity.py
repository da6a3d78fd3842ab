"""Substitutability two ways: what the scores say, and the price elasticity of demand in the solved model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from calibration.inputs import make_axes
from calibration.naming import Namer
from model.ces import shares_of
from model.exposure import elasticity_of_score
from model.records import Array, Benchmark, Closure, Shock
from model.solution import Solution
from model.solve import solve
from outputs.metrics.base import Base
from outputs.metrics.scores import Scores, by_first_user

STEP = 0.01  # rise of what users pay
FIXED = Closure("exogenous", "given", "given")
DIRECTED = Closure("directed", "target", "given")
Technology = Literal["fixed", "directed"]
CLOSURES: Mapping[Technology, Closure] = {"fixed": FIXED, "directed": DIRECTED}


@dataclass(frozen=True)
class Response:
    """How demand for rare earths answers their price, by user; nan nowhere, 0 where nothing is used."""

    price: Array  # (n,j,e) rise of what users pay, ln
    quantity: Array  # (n,j,e) change of tonnes, ln
    value: Array  # (n,j,e) base-year purchases, million USD

    def elasticity(self, cells: Array, *, by: tuple[int, ...]) -> Array:
        """Mean change of tonnes over mean rise of prices: sums over axes `by`, weights the value of `cells` (n,j,e)."""
        weight = self.value * cells
        return shares_of((weight * self.price).sum(axis=by), (weight * self.quantity).sum(axis=by))


def respond(benchmark: Benchmark, taxed: Array, closure: Closure, step: float = STEP) -> Response:
    """Solve with users in `taxed` (n,k) bool paying `step` more, whatever the origin; the region keeps the receipts.

    A use subsidy below zero: unlike a tariff it leaves the choice between origins alone. Raises SolveError.
    """
    shock = Shock(use_subsidy=np.where(taxed, -step, 0.0))
    before, after = solve(benchmark, Shock(), closure), solve(benchmark, shock, closure)
    price0, quantity0, value = _bought(before)
    price1, quantity1, _ = _bought(after)
    with np.errstate(divide="ignore", invalid="ignore"):
        change = np.where(value > 0, np.log(quantity1) - np.log(quantity0), 0.0)
    return Response(np.where(value > 0, price1 - price0, 0.0), change, value)


def _bought(solution: Solution) -> tuple[Array, Array, Array]:
    """(n,j,e) ln price paid, quantity at base prices and value of every user's purchases of elements."""
    b, users = solution.system.benchmark, solution.system.nests.users
    classes = b.use_class[users]
    price = solution.allocation.costs.users_price[classes][:, :, b.elements].transpose(1, 0, 2)
    spent = solution.allocation.spending.on_element
    shape = (*b.output.shape, len(b.elements))
    full = [np.zeros(shape) for _ in range(3)]
    for array, values in zip(full, (price, spent / np.exp(price), spent), strict=True):
        array[:, users] = values
    return full[0], full[1], full[2]


def sector_scores(base: Base, scores: Scores) -> Array:
    """(j,) score of each sector's purchases in the world, 0 to 1; 0 where it buys none."""
    b = base.calibration.benchmark
    use = b.use[:, b.elements, :]  # (n,e,j)
    score = by_first_user(scores, base.calibration)
    by_user = score.reshape(len(score), *b.output.shape) if score.ndim > 1 else score[:, None, None]
    return shares_of(use.sum(axis=(0, 1)), (use.transpose(1, 0, 2) * by_user).sum(axis=(0, 1))) / 100


def elasticities(base: Base, scores: Scores) -> Array:
    """(j,) eps_j that scores imply (section 9), sectors that the calibration sets by name as it sets them."""
    calibration = base.calibration
    p = calibration.settings.parameters
    by_rule = elasticity_of_score(
        sector_scores(base, scores), p.ree_elasticity_min.value, p.ree_elasticity_max.value
    )
    sectors = make_axes(calibration.settings, calibration.concordance).sector
    given = Namer(calibration.document).vector(
        p.ree_elasticity, sectors, ("parameters", "ree_elasticity"), missing=np.nan
    )
    return np.where(np.isnan(given), by_rule, given)


@dataclass(frozen=True)
class Implied:
    """Elasticities of demand outside the restricting regions, by scores; positive numbers, the larger the easier."""

    scores: tuple[str, ...]
    score: Array  # (s,j) 0 to 1
    substitution: Array  # (s,j) eps_j, the parameter
    demand: dict[Technology, Array]  # (s,j) solved, by technology
    total: dict[Technology, Array]  # (s,) solved, all users
    long_run: Array  # (s,j) eps_LR of E18, in closed form
    element: Array  # (e,) solved, price of one element alone, own scores, fixed technology


def implied(base: Base, advance: Callable[[], object] | None = None) -> Implied:
    """Solve with every set of scores, and with every element's price alone. Raises SolveError."""
    b = base.calibration.benchmark
    elements = np.zeros(b.final.shape, dtype=bool)
    elements[np.ix_(np.flatnonzero(~base.restricting), b.elements)] = True
    outside = np.broadcast_to(~base.restricting[:, None, None], (*b.output.shape, len(b.elements)))
    score = np.array([sector_scores(base, one) for one in base.scores.values()])
    eps = np.array([elasticities(base, one) for one in base.scores.values()])
    demand: dict[Technology, list[Array]] = {"fixed": [], "directed": []}
    total: dict[Technology, list[Array]] = {"fixed": [], "directed": []}
    for values in eps:
        bench = b.replace(parameters=b.parameters.replace(ree_elasticity=values))
        for technology, closure in CLOSURES.items():
            found = respond(bench, elements, closure)
            demand[technology].append(-found.elasticity(outside, by=(0, 2)))
            total[technology].append(-found.elasticity(outside, by=(0, 1, 2)))
            if advance:
                advance()
    solved = {t: np.array(rows) for t, rows in demand.items()}
    totals = {t: np.array(rows) for t, rows in total.items()}
    alone = _own_price(base, elements, outside, advance)
    return Implied(tuple(base.scores), score, eps, solved, totals, long_run(b, eps), alone)


def _own_price(base: Base, elements: Array, outside: Array, advance: Callable[[], object] | None) -> Array:
    """(e,) elasticity of demand for an element to its own price alone."""
    b, found = base.calibration.benchmark, []
    for position, good in enumerate(b.elements):
        alone = elements & (np.arange(elements.shape[1]) == good)
        answer = respond(b, alone, FIXED)
        cells = outside & (np.arange(len(b.elements)) == position)
        found.append(float(-answer.elasticity(cells, by=(0, 1, 2))))
        if advance:
            advance()
    return np.array(found)


def long_run(benchmark: Benchmark, substitution: Array) -> Array:
    """E18: eps_LR = 1 - (1-eps) / (1 + lambda (1-eps)), lambda of rare-earth technology, mean over regions."""
    lam = float(benchmark.parameters.innovation_elasticity[:, :-1].mean())
    return 1 - (1 - substitution) / (1 + lam * (1 - substitution))


def solves(base: Base) -> int:
    """Number of steps that `implied` reports."""
    return len(base.scores) * len(CLOSURES) + len(base.calibration.benchmark.elements)
