"""Data from a known truth: sectors whose rare-earth price, use and research follow E3, E5 and E14-E18 of
docs/model.md.

What the estimator is tested on. Demand for each element and its price clear year by year, an export quota
with one licence price per tonne included, so that prices answer to the very shocks that move research;
patents are counts with zeros, and the price the researcher sees is measured with error.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from calibration.evidence.elasticities.technology import research_slope

Array = npt.NDArray[np.float64]
# Of market clearing. E18 holds at any price, so this touches only how endogenous the price is.
TOLERANCE = 1e-5


@dataclass(frozen=True, slots=True)
class World:
    """The truth and the size of a simulated panel. Shocks are standard deviations of logs, `persistence`
    their yearly AR(1).
    """

    epsilon: float | tuple[float, ...] = 0.4  # E5, one for all sectors or one each
    zeta: float = 2.0  # 1/lambda of E17
    element_elasticity: float = 0.3  # rho of E3
    sectors: int = 16
    countries: int = 10
    years: int = 20
    elements: int = 8
    # Tilts use, and with it research, towards rare earths: what makes the price endogenous.
    demand_shock: float = 0.25
    technology_shock: float = 0.15  # knowledge that research did not make
    sector_shock: float = 0.0  # a demand shock that a sector's units in all countries share
    persistence: float = 0.5
    supply_elasticity: float = 0.6  # of each element's separation
    local_price_slope: float = 0.3  # of a user's own price in its own demand: long contracts, small grades
    quota_depth: float = 0.8  # log of the fall of the limit at the height of the episode
    quota_noise: float = 0.2
    # Share of a country's rare earths that the quota binds, drawn between the two. Where they are equal the instrument
    # is the same in every country, as it is in a panel built from patents.
    dependence: tuple[float, float] = (0.05, 0.95)
    price_error: float = 0.05
    ree_patents: float = 4.0  # mean count in a country, sector and year
    other_patents: float = 200.0


@dataclass(frozen=True, slots=True)
class Draw:
    """One simulated panel: rows are (unit, year), units are country-sector pairs; `slope` is the true beta
    per sector (j,).
    """

    data: pd.DataFrame
    slope: Array
    epsilon: Array


def simulate(world: World, rng: np.random.Generator) -> Draw:
    """Simulate E14-E18 once. Columns: unit, sector, country, year, ree_patents, other_patents, log_price,
    quota_exposure, exposure, log_research_ratio and log_technology_ratio (the last two are truth that no
    researcher sees).
    """
    epsilon = np.broadcast_to(np.asarray(world.epsilon, float), (world.sectors,)).copy()
    units = world.sectors * world.countries
    sector = np.tile(np.arange(world.sectors), world.countries)
    country = np.repeat(np.arange(world.countries), world.sectors)
    # Element shares of rare-earth cost (u, e).
    weights = rng.dirichlet(np.full(world.elements, 0.35), world.sectors)[sector]
    dependence = rng.uniform(*world.dependence, world.countries)[country]
    unit_value = rng.lognormal(np.log(20), 1.0, world.elements)  # USD per kg
    limit = _quota_path(world, rng)
    demand = _autoregressive(world.demand_shock, world, units, rng)
    knowledge = _autoregressive(world.technology_shock, world, units, rng)
    if world.sector_shock:
        demand = demand + _autoregressive(world.sector_shock, world, world.sectors, rng)[:, sector]
    cost = rng.normal(0, 0.15, (world.years, world.elements))
    size = rng.lognormal(0, 0.8, units)
    price = _clear(
        world, epsilon[sector], weights, dependence, unit_value, size, limit, demand, knowledge, cost
    )
    research = _research_ratio(price, demand, knowledge, epsilon[sector], world.zeta)

    # Pre-period exposure: kg of quota-bound oxide in a dollar of the sector's rare-earth bill, which is what a licence
    # per kg (E14) adds to its price, at the licence that doubles the mean oxide's price.
    licence = unit_value.mean()
    exposure = dependence * (weights * np.log1p(licence / unit_value)).sum(1)
    scale = rng.lognormal(0, 0.6, units)
    observed = price + rng.normal(0, world.price_error, price.shape)
    year, unit = np.divmod(np.arange(world.years * units), units)
    return Draw(
        pd.DataFrame(
            {
                "unit": unit,
                "sector": sector[unit],
                "country": country[unit],
                "year": year,
                "ree_patents": rng.poisson(world.ree_patents * scale * np.exp(research)).ravel(),
                "other_patents": 1
                + rng.poisson(world.other_patents * rng.lognormal(0, 0.4, price.shape)).ravel(),
                "log_price": observed.ravel(),
                "quota_exposure": (-limit[:, None] * exposure).ravel(),
                "exposure": exposure[unit],
                "log_research_ratio": research.ravel(),
                "log_technology_ratio": (research / world.zeta + knowledge).ravel(),
            }
        ),
        research_slope(epsilon, world.zeta),
        epsilon,
    )


def _quota_path(world: World, rng: np.random.Generator) -> Array:
    """ln of the export limit over base exports (t,): a deep episode in mid-sample, and noise."""
    when = (np.arange(world.years) - 0.6 * world.years) / (0.2 * world.years)
    path = -world.quota_depth * np.exp(-0.5 * when**2) + rng.normal(0, world.quota_noise, world.years)
    return np.minimum(path, 0.25)


def _autoregressive(deviation: float, world: World, units: int, rng: np.random.Generator) -> Array:
    """Stationary AR(1) shocks (t, u)."""
    shock = np.empty((world.years, units))
    shock[0] = rng.normal(0, deviation, units)
    fresh = np.sqrt(1 - world.persistence**2) * deviation
    for t in range(1, world.years):
        shock[t] = world.persistence * shock[t - 1] + rng.normal(0, fresh, units)
    return shock


def _research_ratio(price: Array, demand: Array, knowledge: Array, epsilon: Array, zeta: float) -> Array:
    """E15-E17: ln(r_R/r_X), which solves r = (1-eps)(price - a) + demand with a = r/zeta + knowledge. (t, u)"""
    return ((1 - epsilon) * (price - knowledge) + demand) / (1 + (1 - epsilon) / zeta)


def _clear(
    world: World,
    epsilon: Array,
    weights: Array,
    dependence: Array,
    unit_value: Array,
    size: Array,
    limit: Array,
    demand: Array,
    knowledge: Array,
    cost: Array,
) -> Array:
    """ln of the relative price of the rare-earth bundle (t, u) at which every element clears and tonnes keep
    to the quota.

    Within a year users cannot change the origin they buy from, so that a licence (E14) adds dependence x
    licence to a kilo. Damped iteration on element costs (t, e), the licence (t,) and users' own quantities
    (t, u).
    """
    rho, years = world.element_elasticity, len(limit)
    kilos = weights * size[:, None] / unit_value  # (u, e) at the base
    bound = dependence[:, None] * kilos
    mean_value = (bound.sum(0) @ unit_value) / bound.sum()  # USD per kg of what the quota binds
    marginal = np.zeros((years, len(unit_value)))  # ln of cost over base
    licence = np.zeros(years)
    own = np.zeros((years, len(size)))
    for _ in range(1000):
        licensed = licence[:, None] / (unit_value * np.exp(marginal))  # licence over cost (t, e)
        element = marginal[:, None, :] + np.log1p(dependence[None, :, None] * licensed[:, None, :])
        bundle = np.log((weights * np.exp((1 - rho) * element)).sum(2)) / (1 - rho)
        price = bundle + world.local_price_slope * own
        research = _research_ratio(price, demand, knowledge, epsilon, world.zeta)
        technology = research / world.zeta + knowledge
        quantity = -epsilon * price + (epsilon - 1) * technology + demand
        per_element = np.exp(quantity[:, :, None] - rho * (element - bundle[:, :, None]))
        total = np.log((kilos * per_element).sum(1) / kilos.sum(0))  # (t, e)
        over = np.log((bound * per_element).sum((1, 2)) / bound.sum()) - limit
        marginal_step = cost + total / world.supply_elasticity - marginal
        licence_step = np.maximum((licence + mean_value) * over, -licence)
        gap = max(
            np.abs(marginal_step).max(),
            np.abs(licence_step / (licence + mean_value)).max(),
            np.abs(quantity - own).max(),
        )
        if gap < TOLERANCE:
            return price
        marginal += 0.2 * marginal_step
        licence += 0.5 * licence_step
        own += 0.4 * (quantity - own)
    raise RuntimeError(f"the simulated markets did not clear: {gap:.2e} left")
