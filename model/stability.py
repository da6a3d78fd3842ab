"""Whether technology settles: the map from technology to the one research then aims at, around the base year.

T = d(target)/d(ln a), target = E17 at the equilibrium given a. Its eigenvalues decide two things. A regime in which
technology is at its target has a stable equilibrium only when all of them are below 1 (above, a sector that grows a
little attracts research that makes it grow more). A path (E21) closes a share delta of the gap every year and settles
when |1 - delta (1 - mu)| < 1 for every eigenvalue mu.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from model.base_year import nest_shares
from model.equilibrium import allocate
from model.krylov import fgmres
from model.memory import remember
from model.preconditioner import Preconditioner
from model.prepare import prepare
from model.records import Array, Benchmark, Closure, Parameters, Regime, Shock
from model.shocks import base_quotas
from model.solution import Diagnosis
from model.system import System
from model.tangent import Tangent, linearise
from model.unknowns import layout

ACCURACY = 1e-7  # of eigenvalues
LINEAR = 1e-8  # of linear solves
ROUGH = 1e-2  # of both, when only the side of 1 is wanted
CERTAIN = 10.0  # times a value may be farther off than it seems: T is far from normal, and so is what solves roughly
LIMIT = 80  # products


class Extremes(NamedTuple):
    """The largest and the smallest real part of the eigenvalues of T.

    Most random economies have complex ones too; among 320 none of them lowered `fastest` by more than 1.4 %.
    """

    largest: float
    smallest: float

    @property
    def fastest(self) -> float:
        """The speed of E21 at and above which a path does not settle."""
        return 2.0 / (1.0 - self.smallest)


class TechnologyMap:
    """T at the base year as a matrix-free product, on the cells of ln r; E17 is linear: r and a have one spectrum."""

    def __init__(self, benchmark: Benchmark, regime: Regime, accuracy: float = LINEAR) -> None:
        licences = base_quotas(benchmark)  # part of the base year: without them it is no equilibrium
        self.system: System = prepare(benchmark, Shock(), Closure(regime, "target", "given"), licences)
        given = prepare(benchmark, Shock(), Closure("exogenous", "given", "given"), licences)
        self.cells, self.given, self.accuracy = layout(self.system, True), layout(given, True), accuracy
        state = self.cells.unpack(np.zeros(self.cells.size))
        state = state._replace(licence=np.array([quota.start for quota in licences]))
        self.tangent = linearise(self.system, allocate(self.system, state))
        self.tangent_given = linearise(given, allocate(given, state))
        self.preconditioner = Preconditioner(given, self.given)
        self.preconditioner.renew(self.tangent_given, regions=False, chain=True)
        self.research = np.setdiff1d(self.cells.positions, self.given.positions)
        self.active = self.system.research.active_x, self.system.research.active_e
        self.size = len(self.research)

    def __call__(self, vector: Array) -> Array:
        """T times a change of ln r (size,): the research that follows when prices and quantities have adjusted."""
        change = np.zeros(self.cells.edges[-1])
        change[self.research] = vector
        rhs = np.zeros_like(change)
        rhs[self.given.positions] = -self._rows(self.tangent, change)[self.given.positions]
        reply, _ = fgmres(self._product_given, self.preconditioner.apply, rhs, self.accuracy, 400)
        return vector - self._rows(self.tangent, change + reply)[self.research]

    def locate(self, size: Array) -> tuple[str, tuple[int, ...]]:
        """(residual block, cell) where a vector on the cells of ln r is largest."""
        return self.cells.locate(int(np.searchsorted(self.cells.positions, self.research[size.argmax()])))

    def _product_given(self, vector: Array) -> Array:
        image = np.zeros_like(vector)
        image[self.given.positions] = self._rows(self.tangent_given, vector)[self.given.positions]
        return image

    def _rows(self, tangent: Tangent, vector: Array) -> Array:
        return self.cells.flatten(tangent(self.cells.arrange(vector[:, None])))[:, 0]


def extremes(benchmark: Benchmark, regime: Regime) -> Extremes:
    """The extreme eigenvalues of T at the base year. Raises ArithmeticError when they cannot be found."""
    return remember(benchmark, ("extremes", regime), lambda: _extremes(benchmark, regime))


def _extremes(benchmark: Benchmark, regime: Regime) -> Extremes:
    if regime == "exogenous":
        return Extremes(0.0, 0.0)
    product = TechnologyMap(benchmark, regime)
    for ritz in _arnoldi(product, product.size):
        largest, smallest = ritz.values[ritz.values.real.argmax()], ritz.values[ritz.values.real.argmin()]
        doubt = ritz.doubt[[ritz.values.real.argmax(), ritz.values.real.argmin()]]
        if (doubt <= ACCURACY * np.maximum(1.0, np.abs([largest, smallest]))).all():
            return Extremes(float(largest.real), float(smallest.real))
    if not product.size:
        return Extremes(0.0, 0.0)
    raise ArithmeticError(f"eigenvalues of the technology map were not found in {LIMIT} products")


def unstable(benchmark: Benchmark, closure: Closure) -> Diagnosis | None:
    """Section 6: why technology at its target has no stable equilibrium around this base year, or None.

    Either the long run of one sector is already unstable (lambda (eps - 1) or lambda (rho - 1) of 1 and more), or the
    whole economy is: the largest eigenvalue of T is 1 or more. Eigenvalues below -1 do not unsettle an equilibrium
    in which research and prices are settled together; they limit the speed of a path (`check_path`). An eigenvalue that
    cannot be told from 1 counts as 1.
    """
    if closure.technology != "target" or closure.regime == "exogenous":
        return None
    return remember(benchmark, ("unstable", closure.regime), lambda: _unstable(benchmark, closure.regime))


def _unstable(benchmark: Benchmark, regime: Regime) -> Diagnosis | None:
    for name, excess in long_run_feedback(benchmark).items():
        if excess.max(initial=0.0) >= 1:
            n, r, e = np.unravel_index(excess.argmax(), excess.shape)
            cells = int((excess >= 1).any(axis=2).sum())
            detail = (
                f"lambda ({name} - 1) = {excess[n, r, e]:.3g} is 1 or more in {cells} sectors (section 6)"
            )
            return Diagnosis("unstable", "research_e", (int(n), int(r), int(e)), float(excess.max()), detail)
    product = TechnologyMap(benchmark, regime, ROUGH)
    if not product.size:
        return None
    for ritz in _arnoldi(product, product.size):
        position = int(ritz.values.real.argmax())
        top, doubt = float(ritz.values.real[position]), float(ritz.doubt[position])
        rough = ROUGH * max(1.0, abs(top))
        if doubt < rough:
            break
    detail = "technology feeds on itself: the largest eigenvalue of its map is {:.3g} (section 6)"
    settles = top < 1
    if abs(top - 1) < CERTAIN * max(doubt, rough):  # too near to tell from a rough value
        try:
            top = extremes(benchmark, regime).largest
            settles = top < 1
        except ArithmeticError as error:
            settles = False
            detail = f"technology may feed on itself: the largest eigenvalue of its map is {{:.3g}} or so ({error})"
    if settles:
        return None
    block, cell = product.locate(np.abs(ritz.vectors[:, position] @ ritz.basis))
    detail = detail.format(top)
    return Diagnosis("unstable", block, cell, top, detail)


def long_run_feedback(b: Benchmark) -> dict[str, Array]:
    """Section 6: lambda (eps - 1) and lambda (rho - 1) of every element in every using sector with research, (n,r,e).

    From 1 on, an element that gets cheaper in a sector attracts research that makes it cheaper still.
    """
    nests, par = nest_shares(b), b.parameters
    researched = ((b.research_share > 0) & (b.output > 0))[:, nests.users, None]
    learns = researched & (nests.ree[:, nests.users, None] * nests.element > 0)
    own = par.innovation_elasticity[:, None, :-1] * learns
    named = {"eps": par.ree_elasticity, "rho": par.element_elasticity}
    return {name: own * (elasticity[nests.users, None] - 1) for name, elasticity in named.items()}


class Ritz(NamedTuple):
    """Approximate eigenvalues, and by how much each may be off."""

    values: Array
    doubt: Array
    vectors: Array  # columns, in terms of the basis
    basis: Array  # rows


def _arnoldi(product: Callable[[Array], Array], size: int) -> Iterator[Ritz]:
    """Arnoldi's method from a fixed start, one product at a time."""
    basis, projected = np.empty((LIMIT + 1, size)), np.zeros((LIMIT + 1, LIMIT))
    first = np.random.default_rng(0).standard_normal(size)
    basis[0] = first / np.linalg.norm(first)
    for step in range(min(LIMIT, size)):
        image = product(basis[step])
        for _ in range(2):
            column = basis[: step + 1] @ image
            image = image - column @ basis[: step + 1]
            projected[: step + 1, step] += column
        length = projected[step + 1, step] = np.linalg.norm(image)
        values, vectors = np.linalg.eig(projected[: step + 1, : step + 1])
        done = length <= 1e-12 * np.abs(projected).max(initial=1.0)
        if step > 3 or done or step + 1 == size:
            doubt = np.zeros(step + 1) if done else length * np.abs(vectors[-1])
            yield Ritz(values, doubt, vectors, basis[: step + 1])
        if done:
            return
        basis[step + 1] = image / length


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
            f"learning = {par.learning:g} and forgetting = {par.forgetting:g} overshoot under {regime}: "
            f"the stable range is 0 to {found.fastest:.3g} (smallest eigenvalue of the map {found.smallest:.3g})"
        )
    return found
