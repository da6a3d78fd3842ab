"""Whether technology settles: the map from technology to the technology that research then aims at, around the base year.

T = d(target)/d(ln a), target = E17 at the equilibrium given a. Its eigenvalues decide two things. A regime in which
technology is at its target has a stable equilibrium only when all of them are below 1 (above, a sector that grows a
little attracts research that makes it grow more). A path (E21) closes a share delta of the gap every year and settles
when |1 - delta (1 - mu)| < 1 for every eigenvalue mu.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigs

from model.equilibrium import Allocation, State, allocate, residuals
from model.problem import Equilibrium, Point
from model.records import Array, Benchmark, Closure, Parameters, Regime, Shock
from model.system import System, prepare

STEP = 1e-30  # of complex-step derivatives
ACCURACY = 1e-5  # of eigenvalues
LINEAR = 1e-8  # of linear solves


class Extremes(NamedTuple):
    """The eigenvalues of T with the largest and the smallest real part; they are real in all economies met so far."""

    largest: float
    smallest: float

    @property
    def fastest(self) -> float:
        """The speed of E21 at and above which a path does not settle."""
        return 2.0 / (1.0 - self.smallest)


class TechnologyMap:
    """T at the base year as a matrix-free product, on the cells of ln r; E17 is linear, so r and a have one spectrum."""

    def __init__(self, benchmark: Benchmark, regime: Regime) -> None:
        at_target, given = Closure(regime, "target", "given"), Closure("exogenous", "given", "given")
        self.system: System = prepare(benchmark, Shock(), at_target, ())
        self.problem = Equilibrium(prepare(benchmark, Shock(), given, ()))
        self.start = self.problem.start()
        self.base = self.problem.evaluate(self.start)
        research = self.system.research
        self.active = research.active_x, research.active_e
        self.size = int(sum(mask.sum() for mask in self.active))

    def __call__(self, vector: Array) -> Array:
        """T times a change of ln r (size,)."""
        r_x, r_e = (np.zeros(mask.shape) for mask in self.active)
        r_x[self.active[0]], r_e[self.active[1]] = np.split(vector, [int(self.active[0].sum())])
        still = self.problem.cells.unpack(np.zeros(self.problem.cells.size))
        moved = residuals(self.system, self._along(still, r_x, r_e))
        rhs = self.problem.cells.pack_residuals(type(moved)(*(np.imag(part) / STEP for part in moved)))
        reply, _ = Point(self.problem, self.start, self.base.allocation, rhs).step(LINEAR, 400)
        direction = self._along(self.problem.cells.unpack(reply), r_x, r_e).direction
        both = np.imag(direction.research_x)[self.active[0]], np.imag(direction.research_e)[self.active[1]]
        return np.concatenate(both) / STEP

    def _along(self, change: State, r_x: Array, r_e: Array) -> Allocation:
        """The allocation a complex step away from the base year."""
        step = change._replace(research_x=r_x, research_e=r_e)
        return allocate(self.system, State(*(1j * STEP * part for part in step)))


def extremes(benchmark: Benchmark, regime: Regime) -> Extremes:
    """The extreme eigenvalues of T at the base year. Raises ArithmeticError when they cannot be found."""
    product = TechnologyMap(benchmark, regime)
    if regime == "exogenous" or not product.size:
        return Extremes(0.0, 0.0)
    operator = LinearOperator((product.size, product.size), matvec=product, dtype=float)
    first = np.random.default_rng(0).standard_normal(product.size)
    try:
        found = [
            eigs(operator, k=min(3, product.size - 2), which=which, v0=first, tol=ACCURACY, return_eigenvectors=False).real
            for which in ("LR", "SR")
        ]
    except ArpackNoConvergence as error:
        raise ArithmeticError(f"eigenvalues of the technology map were not found: {error}") from error
    return Extremes(float(found[0].max()), float(found[1].min()))


def check_speeds(parameters: Parameters) -> None:
    """E21, E22: refuse speeds that are no share of a gap closed in a year, with the range. Raises ValueError.

    Within the range capacity is stable for every build time, because its target does not depend on capacity.
    """
    speeds = {
        name: np.asarray(getattr(parameters, name))
        for name in ("learning", "forgetting", "capacity_expansion", "capacity_exit", "capacity_scrapping")
    }
    for name, value in speeds.items():
        if not ((value >= 0) & (value <= 1)).all():
            raise ValueError(f"{name} = {value} is outside its stable range [0, 1]")
    if (np.asarray(parameters.build_time) < 0).any():
        raise ValueError(f"build_time = {parameters.build_time} is negative")
    response = np.asarray(parameters.capacity_response)
    if not (np.isfinite(response) & (response >= 0)).all():
        raise ValueError(f"capacity_response = {response} is outside its range: 0 or more, and finite")


def check_path(benchmark: Benchmark, regime: Regime) -> Extremes:
    """E21: refuse a path on which technology cannot settle, with the range. Raises ValueError."""
    check_speeds(benchmark.parameters)
    found = extremes(benchmark, regime)
    if found.largest >= 1:
        raise ValueError(
            f"technology feeds on itself under {regime}: the largest eigenvalue of the technology map is "
            f"{found.largest:.3g}, and must be below 1; innovation_elasticity, spillover and breadth are stable below "
            f"{1 / found.largest:.3g} times their values, or with research_closure: sector"
        )
    par = benchmark.parameters
    speed = max(par.learning, par.forgetting)
    if speed >= found.fastest:
        raise ValueError(
            f"learning = {par.learning:g} and forgetting = {par.forgetting:g} overshoot under {regime}: the stable range "
            f"is 0 to {found.fastest:.3g} (smallest eigenvalue of the technology map {found.smallest:.3g})"
        )
    return found
