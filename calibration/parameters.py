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
from model.records import Parameters

Array = npt.NDArray[np.float64]

RESEARCH_GOODS = ("chemicals", "machinery", "electrical_optical", "transport_equipment")


def shares(p: ModelParameters, namer: Namer, axes: Axes, carved: Carved) -> Shares:
    """Labour, resource and research shares (n,j)."""
    regions, sectors, stages = axes.region.names, axes.sector.names, axes.stage.names

    def by_sector(name: str) -> Array:
        return namer.vector(getattr(p, name), axes.sector, at(name))

    labour = np.repeat(by_sector("labour_share")[None], len(regions), axis=0)
    by_region = namer.vector(p.research_by_region, axes.region, at("research_by_region"))
    research = by_sector("research_intensity")[None] * by_region[:, None]
    target = namer.grid(p.supply_elasticity, axes.stage, axes.region, at("supply_elasticity")).T  # (n,s)
    stage = [sectors.index(name) for name in stages]
    first = len(sectors) - len(stages)
    sales = carved.trade.sum((0, 2))
    output = np.stack([sales[:, first], sales[:, first + 1 : -1].sum(1), sales[:, -1]], axis=1)
    bought = carved.use[:, :, stage].sum(1)
    cost = output - research[:, stage] * (output - bought)
    value_added = 1 - np.divide(bought, cost, out=np.zeros_like(cost), where=cost > 0)
    resource = np.zeros_like(labour)
    resource[:, stage] = resource_share(
        target, value_added, by_sector("factor_elasticity")[stage], by_sector("value_added_elasticity")[stage]
    )
    return Shares(labour, resource, research)


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

    def by(name: str, axis: Axis) -> Array:
        return namer.vector(getattr(p, name), axis, at(name))

    technologies = len(elements) + 1
    innovation = np.repeat(by("innovation_elasticity", axes.region)[:, None], technologies, axis=1)
    innovation[:, -1] *= p.innovation_elasticity_other.value
    spillover = np.full((len(axes.region.names), technologies), p.spillover.value)
    spillover[:, -1] *= p.spillover_other.value
    build_time = by("build_time", axes.stage)
    if (build_time != np.round(build_time)).any():
        namer.problems.append(namer.document.problem((*at("build_time"), "value"), "not whole years"))
    return Parameters(
        trade_elasticity=np.concatenate(
            [1 + by("trade_theta", axes.good), by("trade_sigma_rare_earths", axes.rare_good)]
        ),
        ree_elasticity=ree_elasticity(p, namer, axes, base["use"][:, elements].sum(0)),
        element_elasticity=by("element_elasticity", axes.sector),
        value_added_elasticity=by("value_added_elasticity", axes.sector),
        factor_elasticity=by("factor_elasticity", axes.sector),
        materials_elasticity=by("materials_elasticity", axes.sector),
        transformation_elasticity=by("transformation_elasticity", axes.sector),
        final_elasticity=p.final_elasticity.value,
        factor_mobility=_mobility(p, namer, axes),
        innovation_elasticity=innovation,
        spillover=spillover,
        spillover_region=_region_weights(p.spillover_region.value, axes, base),
        spillover_sector=_sector_weights(p.spillover_sector.value, base["use"].sum(0)),
        breadth=p.breadth.value,
        breadth_reference=p.breadth_reference.value,
        research_supply_elasticity=p.research_supply_elasticity.value,
        research_closure=p.research_closure.value,
        capacity_weight=by("capacity_weight", axes.stage),
        capacity_response=by("capacity_response", axes.stage),
        capacity_expansion=by("capacity_expansion", axes.stage),
        capacity_exit=by("capacity_exit", axes.stage),
        capacity_scrapping=by("capacity_scrapping", axes.stage),
        build_time=build_time.astype(int),
        learning=p.learning.value,
        forgetting=p.forgetting.value,
    )


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
        where = (*at("factor_mobility"), "value")
        namer.problems.append(namer.document.problem(where, text, ", ".join(axes.factor.names)))
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


def _region_weights(rule: str, axes: Axes, base: dict[str, Any]) -> Array:
    """Omega_region (n,n), rows sum to 1."""
    n = len(axes.region.names)
    if rule == "own":
        return np.eye(n)
    if rule == "uniform":
        return np.full((n, n), 1 / n)
    goods = sorted({axes.good.position(name) for name in RESEARCH_GOODS})
    bought = base["use"].sum(2)[:, goods]
    weights = np.einsum("ink,nk->ni", base["trade_share"][0][:, :, goods], bought)
    return weights / weights.sum(1, keepdims=True)


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
