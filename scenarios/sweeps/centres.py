"""Where the draws of a sweep start from: one solved point for each scenario and regime, and how it moves.

Built once in every worker, from the design alone, so that a draw's numbers depend on nothing but its own row. The start
is a guess only: every draw is solved to the same tolerance, and one that fails from there is solved as if alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.linalg import hadamard

from model.batch import Centre, Draw
from model.newton import Options
from model.path import Path, simulate
from model.records import SHORT, Array, Benchmark, Closure, Regime, Shock
from model.solution import Solution, SolveError
from model.solve import solve
from model.stability import unstable
from scenarios.sweeps.distributions import Discrete
from scenarios.sweeps.surface import Surface, fit
from scenarios.sweeps.worlds import FAILURES, Told, World, reason, worlds

if TYPE_CHECKING:
    from scenarios.sweeps.study import Study

REACH = 0.3  # of a range: how far from the centre each parameter is moved to see how the solution moves
TRIALS = 6  # corners at which the surface must save iterations to be used
WORTH = 20  # draws for every point solved to find the surface, below which it is not worth its time
CHECKED = 5  # the same for every corner at which technology is checked
MARGIN = 2.0  # by which research could respond more at every corner and still settle


class Start(NamedTuple):
    """A centre, and where from there a draw's unknowns are likely to be."""

    centre: Centre
    surface: Surface
    settles: bool  # the technology of every draw, so that it need not be checked in each


class Centres:
    """The starts of a study, each found when first asked for."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.low, self.high = np.array([law.bounds for law in study.laws]).T
        self.middle = np.array([float(law.quantile(np.array(0.5))) for law in study.laws])
        # Distances from the centre are in ranges, of the logarithm where that is what is drawn evenly.
        self.log = np.array([law.type == "loguniform" for law in study.laws])
        width = self._scaled(self.high) - self._scaled(self.low)
        self.width = np.where(width > 0, width, 1.0)
        self._centres: dict[tuple[str, Regime | None], Centre | None] = {}
        self._starts: dict[tuple[str, Regime | None], Start | None] = {}
        self._lacking: dict[tuple[str, Regime | None], str] = {}
        self._paths: dict[tuple[str, Regime], Path | None] = {}

    def _scaled(self, row: Array) -> Array:
        return np.where(self.log, np.log(np.where(self.log, row, 1.0)), row)

    def moved(self, row: Array) -> Array:
        """(parameter,) how many ranges a draw is away from the centre."""
        return np.asarray((self._scaled(row) - self._scaled(self.middle)) / self.width)

    def row(self, moved: Array) -> Array:
        """The draw (parameter,) that is so many ranges away."""
        value = self._scaled(self.middle) + moved * self.width
        return np.where(self.log, np.exp(np.where(self.log, value, 0.0)), value)

    def solve(self, cases: Sequence[World], rows: Array, regime: Regime) -> list[Solution | Exception]:
        """A scenario of one year under a regime for several draws (draw, parameter), or why a draw failed."""
        closure, start = cases[0].scenario.closure(regime), self._start(cases[0].key, regime)
        found: dict[int, Solution | Exception] = {}
        draws: dict[int, Draw] = {}
        for at, world in enumerate(cases):
            try:
                shock = world.scenario.shock(world.calibration)
                if start is None:
                    found[at] = solve(world.benchmark, shock, closure)
                elif not start.settles and (problem := unstable(world.benchmark, closure)) is not None:
                    found[at] = SolveError(problem)
                else:
                    draws[at] = world.benchmark, shock
            except FAILURES as error:
                found[at] = error
        if start is not None and draws:
            guesses = np.stack([start.surface(self.moved(rows[at])) for at in draws])
            found |= zip(draws, _together(start.centre, list(draws.values()), guesses), strict=True)
        return [found[at] for at in range(len(cases))]

    def one(self, world: World, row: Array, regime: Regime) -> Solution:
        """One draw. Raises SolveError, InputError."""
        (found,) = self.solve([world], row[None], regime)
        if isinstance(found, Exception):
            raise found
        return found

    def path(self, world: World, regime: Regime) -> Path:
        """A draw's path, every year sought from the same year in the middle. Raises SolveError, ValueError."""
        return _simulated(world, regime, self._path(world.key, regime))

    def base(self, world: World, row: Array) -> Solution:
        """A draw's base year, in which regimes do not differ. Raises SolveError."""
        if (start := self._start(world.key, None)) is None:
            return solve(world.benchmark, Shock(), SHORT)
        solution = start.centre.solve(
            world.benchmark, Shock(), start.centre.at(start.surface(self.moved(row)))
        )
        if not solution.converged:
            raise SolveError(solution)
        return solution

    def of_middle(self, key: str, regime: Regime | None) -> Solution:
        """The middle of all ranges. Raises Told without one, SolveError where technology does not settle."""
        if (centre := self._centre(key, regime)) is None:
            raise Told(self._lacking[key, regime])
        if (problem := unstable(centre.told[0], centre.closure)) is not None:
            raise SolveError(problem)
        return centre.solution

    def lacking(self, key: str, regime: Regime | None) -> str:
        """Why the middle of all ranges has no solution, so that every draw is solved alone; "" when it has one."""
        if regime is not None and self.study.cases[key].years is not None:
            self._path(key, regime)
        else:
            self._centre(key, regime)
        return self._lacking.get((key, regime), "")

    def _path(self, key: str, regime: Regime) -> Path | None:
        if (key, regime) not in self._paths:
            try:
                self._paths[key, regime] = _simulated(worlds(self.study, self.middle)[key], regime, None)
            except FAILURES as error:
                self._lacking[key, regime], self._paths[key, regime] = (
                    reason("", error, self.study.calibration.labels),
                    None,
                )
        return self._paths[key, regime]

    def _centre(self, key: str, regime: Regime | None) -> Centre | None:
        """The middle of all ranges, solved; None where it has no solution, and every draw is alone."""
        if (key, regime) not in self._centres:
            try:
                world = worlds(self.study, self.middle)[key]
                shock, closure = Shock(), SHORT
                if regime is not None:
                    shock, closure = world.scenario.shock(world.calibration), world.scenario.closure(regime)
                centre = Centre(
                    world.benchmark, shock, closure, Options(check_stability=False), self.study.draws
                )
                self._centres[key, regime] = centre
            except FAILURES as error:
                self._lacking[key, regime], self._centres[key, regime] = (
                    reason("", error, self.study.calibration.labels),
                    None,
                )
        return self._centres[key, regime]

    def _start(self, key: str, regime: Regime | None) -> Start | None:
        if (key, regime) not in self._starts:
            centre = self._centre(key, regime)
            start = None
            if centre is not None:
                start = Start(centre, self._surface(centre, key, regime), self._settles(key, centre.closure))
            self._starts[key, regime] = start
        return self._starts[key, regime]

    def _surface(self, centre: Centre, key: str, regime: Regime | None) -> Surface:
        """What the unknowns do around a centre; flat where finding out costs more than it saves."""
        room = np.stack([-self.moved(self.low), self.moved(self.high)], axis=1)
        reach = np.minimum(REACH, 0.9 * room)
        reach[[isinstance(law, Discrete) for law in self.study.laws]] = 0.0
        parameters = len(self.middle)
        flat = fit(centre.x, lambda points: [None] * len(points), 0.0 * reach, crossed=False)
        if regime is None or self.study.draws < WORTH * 2 * parameters:
            return flat

        def solutions(points: Array, guesses: Array) -> list[Solution | None]:
            found: dict[int, Solution | Exception] = {}
            draws: dict[int, Draw] = {}
            for at, point in enumerate(points):
                try:
                    world = worlds(self.study, self.row(point))[key]
                    draws[at] = world.benchmark, world.scenario.shock(world.calibration)
                except FAILURES as error:
                    found[at] = error
            found |= zip(draws, _together(centre, list(draws.values()), guesses[list(draws)]), strict=True)
            both = [found[at] for at in range(len(points))]
            return [solution if isinstance(solution, Solution) else None for solution in both]

        def unknowns(points: Array) -> list[Array | None]:
            found = solutions(points, np.tile(centre.x, (len(points), 1)))
            return [None if solution is None else centre.unknowns(solution) for solution in found]

        crossed = self.study.draws >= WORTH * parameters * (parameters + 3) / 2
        surface = fit(centre.x, unknowns, reach, crossed)
        corners = np.where(self._corners()[:TRIALS] > 0, reach[:, 1], -reach[:, 0])
        near = solutions(corners, np.array([surface(corner) for corner in corners]))
        far = solutions(corners, np.tile(centre.x, (len(corners), 1)))
        saved = sum(b.iterations - a.iterations for a, b in zip(near, far, strict=True) if a and b)
        return surface if saved > 0 else flat

    def _corners(self) -> Array:
        """Corners (corner, parameter) of a box, as signs, that hold every three parameters at all combinations."""
        size = 2 ** int(np.ceil(np.log2(len(self.middle) + 1)))
        signs = hadamard(size)[:, 1 : len(self.middle) + 1]
        return np.stack([signs, -signs], axis=1).reshape(2 * size, -1)

    def _settles(self, key: str, closure: Closure) -> bool:
        """Whether no draw's technology can feed on itself.

        At the corners of the box of ranges, an orthogonal array of strength 3, technology must settle even when
        research responds MARGIN times as much.
        """
        corners = self._corners()
        if closure.technology != "target" or self.study.draws < CHECKED * len(corners):
            return closure.technology != "target"
        try:
            for corner in corners:
                world = worlds(self.study, np.where(corner > 0, self.high, self.low))[key]
                if unstable(_more_research(world.benchmark), closure) is not None:
                    return False
        except FAILURES:
            return False
        return True


def _simulated(world: World, regime: Regime, near: Path | None) -> Path:
    path = world.scenario.path(world.calibration)
    return simulate(
        world.benchmark, path.years, path.shocks, regime,
        added_capacity=path.added_capacity, initial_stocks=path.initial_stocks, near=near,
    )  # fmt: skip


def _together(centre: Centre, draws: list[Draw], guesses: Array) -> list[Solution | Exception]:
    """Draws around a centre; where one cannot even be set up, each by itself, so that it spoils no other."""
    try:
        solved: Sequence[Solution | Exception] = centre.solve_group(draws, guesses)
    except FAILURES as error:
        if len(draws) == 1:
            return [error]
        alone = zip(draws, guesses, strict=True)
        return [_together(centre, [draw], guess[None])[0] for draw, guess in alone]
    return [SolveError(s) if isinstance(s, Solution) and not s.converged else s for s in solved]


def _more_research(benchmark: Benchmark) -> Benchmark:
    """A base year in which research responds MARGIN times as much: the map of technology is so many times larger."""
    p = benchmark.parameters
    names = ("innovation_elasticity", "spillover")
    more = p.replace(**{name: MARGIN * getattr(p, name) for name in names}, breadth=MARGIN * p.breadth)
    return benchmark.replace(parameters=more)
