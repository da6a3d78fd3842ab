"""All metrics of a calibration, and one labelled Dataset of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import xarray as xr

from model.exposure import Intensity, embodied_routes, final_intensity, ghosh, intensity
from model.records import Array, Regime
from model.solution import SolveError
from model.supply_paths import Path, first_users, largest_paths
from outputs.metrics import elasticity, prediction, uncertainty
from outputs.metrics.base import Base
from outputs.metrics.regions import Regions, regions

PATHS = 25  # of each element

Progress = Callable[[], object]


@dataclass(frozen=True)
class Metrics:
    """What `run.py metrics` finds out."""

    base: Base
    intensity: Intensity
    final_kg: Array  # (e,n,j) kg per million USD of n's final demand for the product of j
    final_usd: Array  # (e,n,j)
    forward: Array  # (e,m) Ghosh: share of world supply that ends up in m's output, further sales included
    routes: Array  # (e,i,n,f) tonnes by origin, region of first use, region of final use
    paths: Mapping[str, tuple[Path, ...]]  # by element, largest first
    regions: Regions
    draws: uncertainty.Draws | None = None
    implied: elasticity.Implied | None = None
    prediction: prediction.Prediction | None = None
    problems: tuple[str, ...] = ()  # what was not solved, with the solver's reason


def measure(
    base: Base,
    *,
    draws: int = 100,
    seed: int = 0,
    solved: bool = True,
    scenarios: Sequence[str] = prediction.SCENARIOS,
    regimes: Sequence[Regime] = prediction.REGIMES,
    advance: Progress | None = None,
) -> Metrics:
    """Compute everything. Raises InputError; what the solver cannot solve is reported in `problems`."""
    flows, n = base.flows, len(base.labels.regions)
    found = intensity(flows)
    routes = embodied_routes(flows, found.direct_kg / 1e3, n)
    paths = {
        element: tuple(islice(largest_paths(flows, first_users(flows, e, ore=base.ore[e])), PATHS))
        for e, element in enumerate(base.labels.elements)
    }
    implied, predicted, problems = None, None, []
    if solved:
        try:
            implied = elasticity.implied(base, advance)
        except SolveError as error:
            problems.append(f"elasticities of demand: {error}")
        predicted = prediction.predict(base, scenarios, regimes, advance)
        problems += predicted.failed
    return Metrics(
        base=base,
        intensity=found,
        final_kg=final_intensity(flows, found.total_kg.sum(axis=1), n),
        final_usd=final_intensity(flows, found.total_usd.sum(axis=1), n),
        forward=ghosh(flows),
        routes=routes,
        paths=paths,
        regions=regions(base),
        draws=uncertainty.draw(base, draws, seed, advance) if draws else None,
        implied=implied,
        prediction=predicted,
        problems=tuple(problems),
    )


def steps(base: Base, draws: int, solved: bool, scenarios: Sequence[str], regimes: Sequence[str]) -> int:
    """How often `measure` reports an advance."""
    return draws + solved * (elasticity.solves(base) + len(scenarios) * len(regimes))


def dataset(found: Metrics) -> xr.Dataset:
    """Every metric with labels, units and a description."""
    base, e = found.base, found.base.exposure
    labels, shape = base.labels, found.base.calibration.benchmark.output.shape

    def cells(values: Array) -> Array:
        """(..., m) as (..., n, j)."""
        return np.asarray(values.reshape(*values.shape[:-1], *shape))

    both, per = ("region", "sector"), "per million USD of output"
    rows: dict[str, tuple[tuple[str, ...], Array, str, str]] = {
        "direct_kg": (("element", *both), cells(found.intensity.direct_kg.sum(axis=1)), f"kg {per}", "direct use"),
        "direct_usd": (("element", *both), cells(found.intensity.direct_usd.sum(axis=1)), f"USD {per}", "direct use"),
        "total_kg": (("element", *both), cells(found.intensity.total_kg.sum(axis=1)), f"kg {per}",
                     "direct use and that of all inputs (Leontief)"),
        "total_usd": (("element", *both), cells(found.intensity.total_usd.sum(axis=1)), f"USD {per}",
                      "direct use and that of all inputs (Leontief)"),
        "final_kg": (("element", *both), found.final_kg, "kg per million USD of final demand",
                     "embodied in what final buyers of the region buy of the sector's product, whoever makes it"),
        "final_usd": (("element", *both), found.final_usd, "USD per million USD of final demand",
                      "embodied in what final buyers of the region buy of the sector's product, whoever makes it"),
        "forward_share": (("element", *both), cells(found.forward), "share of world supply",
                          "supply that ends up in a sector's output through all forward links (Ghosh)"),
        "embodied_tonnes": (("element", "origin", "first_user", "final_buyer"), found.routes, "t",
                            "tonnes by separator, region of first use and region of final use"),
        "index": (both, cells(e.index), "USD per million USD of output", "exposure index"),
        "index_by_element": (("element", *both), cells(e.by_element), f"USD {per}", "exposure index"),
        "intensity": (both, cells(e.intensity), "USD per million USD of output", "part of the index: total intensity"),
        "dependence": (both, cells(e.dependence), "share", "part of the index: share from the restricting origins"),
        "non_substitutability": (both, cells(e.non_substitutability), "0 to 1", "part of the index"),
        "concentration": (both, cells(e.concentration), "0 to 1", "part of the index: HHI-WGI of world supply"),
        "index_crossing": (both, cells(base.crossing.index), "USD per million USD of output",
                           "exposure index, elements that leave the restricting origins as elements only"),
        "region_index_production": (("region",), found.regions.production, "USD per million USD of value added",
                                    "at-risk elements bought by a region's producers"),
        "region_index_consumption": (("region",), found.regions.consumption, "USD per million USD of final demand",
                                     "at-risk elements embodied in final demand"),
        "supply_share": (("element", "origin"), base.supply, "share", "of world supply, tonnes"),
        "supply_hhi_wgi": (("element",), base.concentration, "0 to 1", "governance-weighted Herfindahl index"),
        "restricting": (("origin",), base.restricting.astype(float), "0 or 1", "origins that restrict"),
    }  # fmt: skip
    if found.draws is not None:
        low, median, high = found.draws.quantiles(found.draws.index)
        for name, values in (("low", low), ("median", median), ("high", high)):
            rows[f"index_{name}"] = (
                both,
                cells(values),
                "USD per million USD of output",
                "quantile of the draws",
            )
    coordinates = {
        "region": labels.regions, "sector": labels.sectors, "element": labels.elements, "origin": labels.regions,
        "first_user": labels.regions, "final_buyer": labels.regions,
    }  # fmt: skip
    variables = {
        name: (axes, values, {"units": unit, "description": text})
        for name, (axes, values, unit, text) in rows.items()
    }
    for name, (_, values, _) in variables.items():
        if not np.isfinite(values).all():
            raise ValueError(f"{name} is not finite")
    about = {"calibration": base.calibration.name, "scores": base.score.name, "title": base.calibration.title}
    return xr.Dataset(variables, {name: list(values) for name, values in coordinates.items()}, about)
