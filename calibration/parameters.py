"""Model parameters and income shares from a calibration YAML."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from calibration.base_year import Shares
from calibration.carve import Carved
from calibration.inputs import Axes
from calibration.naming import Axis, Namer
from calibration.schema import ModelParameters
from model.ces import shares_of
from model.records import Parameters

Array = npt.NDArray[np.float64]

BY_SECTOR = (
    "element_elasticity", "value_added_elasticity", "factor_elasticity", "materials_elasticity",
    "transformation_elasticity",
)  # fmt: skip
BY_STAGE = (
    "capacity_weight", "capacity_response", "capacity_expansion", "capacity_exit", "capacity_scrapping",
)  # fmt: skip
RESEARCH_GOODS = ("chemicals", "machinery", "electrical_optical", "transport_equipment")


def shares(p: ModelParameters, namer: Namer, axes: Axes, carved: Carved) -> Shares:
    """Labour, resource and research shares (n,j)."""
    regions, sectors, stages = axes.region.names, axes.sector.names, axes.stage.names
    given = _of_shares(p, namer, axes)
    labour = np.repeat(given["labour_share"][None], len(regions), axis=0)
    research = given["research_intensity"][None] * given["research_by_region"][:, None]
    target = given["supply_elasticity"].T  # (n,s)
    stage = [sectors.index(name) for name in stages]
    first = len(sectors) - len(stages)
    sales = carved.trade.sum((0, 2))
    output = np.stack([sales[:, first], sales[:, first + 1 : -1].sum(1), sales[:, -1]], axis=1)
    bought = carved.use[:, :, stage].sum(1)
    cost = output - research[:, stage] * (output - bought)
    value_added = 1 - np.divide(bought, cost, out=np.zeros_like(cost), where=cost > 0)
    resource = np.zeros_like(labour)
    resource[:, stage] = resource_share(
        target, value_added, given["factor_elasticity"][stage], given["value_added_elasticity"][stage]
    )
    return Shares(labour, resource, research)


def look_up(p: ModelParameters, namer: Namer, axes: Axes) -> None:
    """Whether all names are those of the calibration; what is wrong is left in `namer`."""
    _of_shares(p, namer, axes)
    _of_model(p, namer, axes)
    _research_goods(p, namer, axes)
    ree_elasticity(p, namer, axes, np.ones((len(axes.element.names), len(axes.sector.names))))


def _of_shares(p: ModelParameters, namer: Namer, axes: Axes) -> dict[str, Array]:
    """The numbers by name that shares are made of."""
    sectors = ("labour_share", "research_intensity", "factor_elasticity", "value_added_elasticity")
    return {
        **{name: namer.vector(getattr(p, name), axes.sector, at(name)) for name in sectors},
        "research_by_region": namer.vector(p.research_by_region, axes.region, at("research_by_region")),
        "supply_elasticity": namer.grid(
            p.supply_elasticity, axes.stage, axes.region, at("supply_elasticity")
        ),
    }


def resource_share(elasticity: Array, value_added: Array, factor: Array, substitution: Array) -> Array:
    """E10: the share nu of the specific resource in value added that gives a supply elasticity.

    Solves elasticity = [factor (1-nu)/nu + substitution (1-v)]/v for nu; where the second term alone exceeds the
    target, nu is 0.95.
    """
    left = elasticity * value_added - substitution * (1 - value_added)
    return np.where(left > 0, factor / (factor + np.maximum(left, 0.0)), 0.95).clip(0.05, 0.95)


def model_parameters(
    p: ModelParameters, namer: Namer, axes: Axes, base: dict[str, Any], elements: Array
) -> Parameters:
    """`model.Parameters` of a base year given as the arrays of a `Benchmark`."""
    given = _of_model(p, namer, axes)
    technologies = len(elements) + 1
    innovation = np.repeat(given.pop("innovation_elasticity")[:, None], technologies, axis=1)
    innovation[:, -1] *= p.innovation_elasticity_other.value
    spillover = np.full((len(axes.region.names), technologies), p.spillover.value)
    spillover[:, -1] *= p.spillover_other.value
    return Parameters(
        **given,
        ree_elasticity=ree_elasticity(p, namer, axes, base["use"][:, elements].sum(0)),
        final_elasticity=p.final_elasticity.value,
        innovation_elasticity=innovation,
        spillover=spillover,
        spillover_region=_region_weights(p.spillover_region.value, _research_goods(p, namer, axes), base),
        spillover_sector=_sector_weights(p.spillover_sector.value, base["use"].sum(0)),
        breadth=p.breadth.value,
        breadth_reference=p.breadth_reference.value,
        research_supply_elasticity=p.research_supply_elasticity.value,
        research_closure=p.research_closure.value,
        learning=p.learning.value,
        forgetting=p.forgetting.value,
    )


def _of_model(p: ModelParameters, namer: Namer, axes: Axes) -> dict[str, Any]:
    """The parameters that are given by name."""

    def by(name: str, axis: Axis) -> Array:
        return namer.vector(getattr(p, name), axis, at(name))

    build_time = by("build_time", axes.stage)
    if (build_time != np.round(build_time)).any():
        namer.refuse((*at("build_time"), "value"), "not whole years")
    floors = None if p.price_floor is None else by("price_floor", axes.element)
    trade = [1 + by("trade_theta", axes.good), by("trade_sigma_rare_earths", axes.rare_good)]
    return {
        "trade_elasticity": np.concatenate(trade),
        **{name: by(name, axes.sector) for name in BY_SECTOR},
        **{name: by(name, axes.stage) for name in BY_STAGE},
        "price_floor": np.zeros(len(axes.element.names)) if floors is None else floors,
        "build_time": np.nan_to_num(build_time).astype(int),
        "factor_mobility": _mobility(p, namer, axes),
        "innovation_elasticity": by("innovation_elasticity", axes.region),
    }


def at(name: str) -> tuple[str, str]:
    """Path of an entry of the section `parameters`."""
    return ("parameters", name)


def _mobility(p: ModelParameters, namer: Namer, axes: Axes) -> Array:
    """kappa (f,) of E10: `mobile` is infinity."""
    given = p.factor_mobility.value
    unknown = [name for name in given if name not in axes.factor.names]
    lacking = [name for name in axes.factor.names if name not in given]
    if unknown or lacking:
        text = f"names {', '.join(given)}"
        namer.refuse((*at("factor_mobility"), "value"), text, ", ".join(axes.factor.names))
        return np.zeros(len(axes.factor.names))
    return np.array([np.inf if given[f] == "mobile" else float(given[f]) for f in axes.factor.names])


def ree_elasticity(p: ModelParameters, namer: Namer, axes: Axes, use: Array) -> Array:
    """(j,) eps_j = max - (max - min) score_j, score_j = sum_e share_je score_e / 100; `use` (e,j) of the world."""
    score = namer.vector(p.substitutability, axes.element, at("substitutability"))
    share = use / np.maximum(use.sum(0), 1e-300)
    low, high = p.ree_elasticity_min.value, p.ree_elasticity_max.value
    by_rule = high - (high - low) * (score / 100) @ share
    given = namer.vector(p.ree_elasticity, axes.sector, at("ree_elasticity"), missing=np.nan)
    return np.where(np.isnan(given), by_rule, given)


def _research_goods(p: ModelParameters, namer: Namer, axes: Axes) -> list[int]:
    """Positions of the goods whose trade carries research between regions; none where it is not asked for."""
    if p.spillover_region.value != "trade":
        return []
    found, lacking = set(), []
    for name in RESEARCH_GOODS:
        try:
            found.add(axes.good.position(name))
        except KeyError:
            lacking.append(name)
    if lacking:
        text = f"no sector is or holds {', '.join(lacking)}, whose trade is meant"
        expected = (
            "uniform or own, or `parameter_names` in the concordance that say within which sector they are"
        )
        namer.refuse((*at("spillover_region"), "value"), text, expected)
    return sorted(found)


def _region_weights(rule: str, goods: list[int], base: dict[str, Any]) -> Array:
    """Omega_region (n,n), rows sum to 1; goods: those whose trade counts."""
    n = len(base["output"])
    if rule == "own":
        return np.eye(n)
    if rule == "uniform":
        return np.full((n, n), 1 / n)
    bought = base["use"].sum(2)[:, goods]
    weights = np.einsum("ink,nk->ni", base["trade_share"][0][:, :, goods], bought)
    return shares_of(weights.sum(1, keepdims=True), weights)


def _sector_weights(rule: str, use: Array) -> Array:
    """Omega_sector (j,j), rows sum to 1; `use` (k,j) of the world."""
    j = use.shape[1]
    if rule == "own":
        return np.eye(j)
    if rule == "uniform":
        return np.full((j, j), 1 / j)
    bundle = use / np.maximum(np.linalg.norm(use, axis=0), 1e-300)
    likeness = bundle.T @ bundle
    np.fill_diagonal(likeness, 1.0)
    return likeness / likeness.sum(1, keepdims=True)
