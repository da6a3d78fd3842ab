"""The solver: single solves of several sizes, batches, a fresh process, growth, and the fixed-point rival.

One thread of linear algebra. "Cold" times start from a benchmark never seen before: nothing is kept from other solves.
Works on the WIOD table need `--source DIR`; without it they say so and fail.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

ROOT = Path(__file__).parent.parent
REPEATS = 7  # at least
SPREAD = (
    10.0  # seconds over which repeats are spread: the speed of a shared machine comes in phases of seconds
)
LARGE = 5000  # cells beyond which a solve is repeated less often
RESIDUAL = (
    1e-10  # the largest of every solve here, and of the rival's; a tenth of it is the default elsewhere
)


def cold(
    build: Callable[[], tuple[Any, Any]], closure: Any, note: str, repeats: int = REPEATS
) -> dict[str, Any]:
    """Median time of `solve` on fresh benchmarks; build() gives a benchmark and a shock, and is not timed."""
    from model import solve
    from model.newton import Options

    times, own = [], []
    first = time.perf_counter()
    while len(times) < repeats or time.perf_counter() - first < SPREAD:
        benchmark, shock = build()
        begun, spent = time.perf_counter(), time.process_time()
        solution = solve(benchmark, shock, closure, options=Options(tolerance=RESIDUAL))
        times.append(time.perf_counter() - begun)
        own.append(time.process_time() - spent)
    residual = abs(solution.diagnosis.value)
    note += f"; cold; {solution.iterations} steps, {solution.evaluations} evaluations, {solution.products} products"
    return {
        "seconds": median(times), "spread": f"{min(times):.3g} to {max(times):.3g}", "processor": min(own),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3),
        "phases": _phases(solution), "note": f"{note}, residual {residual:.0e}",
    }  # fmt: skip


def _phases(solution: Any) -> dict[str, float]:
    """Milliseconds of one evaluation, one linearisation, one product and one renewal at the solution, the best of many;
    and the bytes that an evaluation cannot avoid reading, with the time that takes at 20 GB/s."""
    from model.equilibrium import allocate, residuals
    from model.problem import Equilibrium
    from model.tangent import linearise

    problem = Equilibrium(solution.system)
    system, cells = problem.system, problem.cells
    x = cells.pack(solution.allocation.state)
    tangent = linearise(system, solution.allocation)
    direction = cells.arrange(np.ones((cells.edges[-1], 1)))

    def best(work: Callable[[], Any], times: int = 20) -> float:
        found = []
        for _ in range(times):
            begun = time.perf_counter()
            work()
            found.append(time.perf_counter() - begun)
        return round(1e3 * min(found), 3)

    sourcing, nests = system.sourcing, system.nests
    read = (
        sum(a.nbytes for a in (sourcing.weight, sourcing.gate, nests.material, sourcing.share))
        + nests.material.nbytes
    )
    return {
        "evaluation_ms": best(lambda: residuals(system, allocate(system, cells.unpack(x)))),
        "linearisation_ms": best(lambda: linearise(system, solution.allocation)),
        "product_ms": best(lambda: tangent(direction)),
        "factorisation_ms": best(lambda: problem.preconditioner.renew(tangent, regions=True, chain=True), 5),
        "floor_mb_per_evaluation": round(read / 1e6, 2), "floor_ms_per_evaluation": round(read / 20e6, 3),
        "mflop_per_evaluation": round(2 * read / 8 / 1e6, 2),
    }  # fmt: skip


def _alone() -> Any:
    from model import Closure

    return Closure("exogenous", "given", "given")


def trade_wiod() -> dict[str, Any]:
    """(a) Raw WIOD 2010, Cobb-Douglas, sigma 5: a tariff of 25 % by all on all."""
    return cold(_wiod_war, _alone(), "raw WIOD 2010, tariffs of 25 % by all on all")


def _wiod_war() -> tuple[Any, Any]:
    from benchmarks.economies import trade_war, wiod
    from model import Shock
    from model.table import Elasticities

    b = wiod(elasticities=Elasticities(trade=5.0))
    return b, Shock(tariff=trade_war(b))


def trade(regions: int, sectors: int) -> Callable[[], dict[str, Any]]:
    """A random economy of a size, under the same shock."""

    def work() -> dict[str, Any]:
        from benchmarks.economies import random_economy, trade_war
        from model import Shock

        def build() -> tuple[Any, Any]:
            b = random_economy(regions, sectors, trade=5.0)
            return b, Shock(tariff=trade_war(b))

        repeats = 3 if regions * sectors > LARGE else REPEATS
        note = f"random economy {regions} x {sectors}, tariffs of 25 % by all on all"
        return {**cold(build, _alone(), note, repeats), "size": [regions, sectors]}

    return work


def full_wiod() -> dict[str, Any]:
    """(b) WIOD with the rare-earth chain and directed technology with spillovers: China's quota of 2010."""
    import calibration
    import scenarios
    from model import Closure

    def build() -> tuple[Any, Any]:
        base = calibration.load("china-2009-full")
        return base.benchmark, scenarios.load("china-2010-quota").shock(base, 2010)

    note = "41 x 38 with the chain, china-2010-quota, directed technology with spillovers"
    return cold(build, Closure("directed_with_spillovers", "target", "given"), note, 3)


def nested_specific() -> dict[str, Any]:
    """CES nests of elasticity 0.05, a specific factor in every sector, origins by using sector: iceberg 2.5 on one."""
    from benchmarks.economies import wiod
    from model import Shock
    from model.table import Elasticities

    low = Elasticities(trade=5.0, final=0.5, materials=0.05, value_added=0.05, factor=0.05)

    def build() -> tuple[Any, Any]:
        share = np.stack([np.full((41, 35), 0.6), np.full((41, 35), 0.4)], axis=1)
        b = wiod(factor_share=share, mobility=(np.inf, 0.0), use_classes="sector", elasticities=low)
        far = np.ones(b.export_tax.shape)
        far[GERMANY] = 2.5
        far[GERMANY, GERMANY] = 1.0
        return b, Shock(iceberg=far)

    return cold(
        build, _alone(), "raw WIOD, elasticities 0.05, 1,435 specific factors, iceberg 2.5 on one region", 3
    )


GERMANY = 9


def fresh() -> dict[str, Any]:
    """A new process that imports, builds a random 31 x 40 economy and solves it: all of its time."""
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", FRESH], cwd=ROOT, check=True)
        times.append(time.perf_counter() - begun)
    return {
        "seconds": median(times), "spread": f"{min(times):.3g} to {max(times):.3g}",
        "note": "interpreter, imports, building the economy and the solve",
    }  # fmt: skip


FRESH = """
from benchmarks.economies import random_economy, trade_war
from model import Closure, Shock, solve
b = random_economy(31, 40, trade=5.0)
assert solve(b, Shock(tariff=trade_war(b)), Closure("exogenous", "given", "given")).converged
"""


def batch_trade(draws: int = 1000) -> dict[str, Any]:
    """1,000 draws of trade elasticities and tariffs at 31 x 40, in one process."""
    from benchmarks.economies import random_economy, trade_war
    from model import Shock
    from model.batch import Centre, solve_many
    from model.newton import Options

    b = random_economy(31, 40, trade=5.0)
    rng = np.random.default_rng(0)

    def draw() -> tuple[Any, Any]:
        sigma = 1 + (b.parameters.trade_elasticity - 1) * np.exp(rng.uniform(-0.3, 0.3, 40))
        moved = b.replace(parameters=b.parameters.replace(trade_elasticity=sigma))
        return moved, Shock(tariff=trade_war(b, rng.uniform(0.1, 0.4)))

    work = [draw() for _ in range(draws)]
    begun = time.perf_counter()
    centre = Centre(b, Shock(tariff=trade_war(b)), _alone(), Options(tolerance=RESIDUAL), draws)
    found = list(solve_many(centre, work, _status))
    seconds = time.perf_counter() - begun
    note = f"{draws} draws, {found.count('converged')} converged to {RESIDUAL:g}, one process"
    return {"seconds": seconds, "note": note}


def batch_default(draws: int = 1000, workers: int = 2) -> dict[str, Any]:
    """(d) 1,000 draws of every elasticity and of the quota at the default calibration, in two processes.

    The clock starts when both workers have solved the middle and factorised its Jacobian.
    """
    import calibration
    import scenarios
    from model import Closure
    from model.batch import FEWEST, Centre, solve_many
    from model.newton import Options

    base = calibration.load("china-2009")
    b, shock = base.benchmark, scenarios.load("china-2010-quota").shock(base, 2010)
    rng = np.random.default_rng(0)
    names = (
        "trade_elasticity", "ree_elasticity", "element_elasticity", "materials_elasticity", "value_added_elasticity",
        "factor_elasticity",
    )  # fmt: skip

    def draw() -> tuple[Any, Any]:
        moved = {name: getattr(b.parameters, name) * np.exp(rng.uniform(-0.3, 0.3)) for name in names}
        ratio = np.exp(rng.uniform(-0.2, 0.2))
        quotas = tuple(quota.replace(limit=quota.limit * ratio) for quota in shock.quotas)
        return b.replace(parameters=b.parameters.replace(**moved)), shock.replace(quotas=quotas)

    work = [draw() for _ in range(draws)]
    centre = Centre(b, shock, Closure("directed", "target", "given"), Options(tolerance=RESIDUAL), draws)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        list(solve_many(centre, work[: 2 * workers * FEWEST], _status, pool, chunk=FEWEST))
        begun = time.perf_counter()
        found = list(solve_many(centre, work, _status, pool))
        seconds = time.perf_counter() - begun
    note = (
        f"{draws / seconds:.0f} draws/s, {found.count('converged')} of {draws} converged to {RESIDUAL:g}, "
        f"{workers} processes that had the middle factorised"
    )
    return {"seconds": seconds, "draws_per_second": round(draws / seconds, 1), "note": note}


def _status(solution: Any) -> str:
    return str(solution.status)


def fixed_point_rival(variant: str, damping: float, repeats: int) -> Callable[[], dict[str, Any]]:
    """The damped fixed point on the economy and shock of trade-wiod-41x35, side by side in one run."""

    def work() -> dict[str, Any]:
        from benchmarks.rival import FixedPoint
        from model import solve
        from model.newton import Options

        ours, theirs = [], []
        for _ in range(repeats):
            b, shock = _wiod_war()
            begun = time.perf_counter()
            solution = solve(b, shock, _alone(), options=Options(tolerance=RESIDUAL))
            ours.append(time.perf_counter() - begun)
            begun = time.perf_counter()
            wage, _, _, outer, loops = FixedPoint(b, shock.tariff).solve(variant, damping, tolerance=RESIDUAL)
            theirs.append(time.perf_counter() - begun)
        gap = float(np.abs(wage - solution.allocation.state.wage[:, 0]).max())
        note = f"{variant} damped fixed point, damping {damping}: {outer} outer and {loops} inner iterations"
        return {
            "seconds": median(theirs), "spread": f"{min(theirs):.3g} to {max(theirs):.3g}",
            "ratio": round(median(theirs) / median(ours), 2), "rival": f"model {median(ours):.3g} s",
            "note": f"{note}; wages differ from the model's by {gap:.0e}",
        }  # fmt: skip

    return work


WORKS: dict[str, Callable[[], dict[str, Any]]] = {
    "trade-wiod-41x35": trade_wiod,
    "trade-31x40": trade(31, 40),
    "fresh-31x40": fresh,
    "trade-100x50": trade(100, 50),
    "full-wiod-41x35": full_wiod,
    "nested-specific-41x35": nested_specific,
    "batch-31x40": batch_trade,
    "batch-1000": batch_default,
    "fixed-point-rival": fixed_point_rival("textbook", 0.2, repeats=3),
    "fixed-point-rival-tuned": fixed_point_rival("tuned", 0.5, repeats=5),
    "fixed-point-rival-published": fixed_point_rival("published", 0.2, repeats=1),
    **{f"growth-{n}x26": trade(n, 26) for n in (12, 24, 48, 95)},
    "growth-50x160": trade(50, 160),
    "growth-190x26": trade(190, 26),
}
