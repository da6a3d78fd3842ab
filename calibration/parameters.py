"""Model parameters and income shares from a calibration YAML."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from calibration.base_year import Shares
from calibration.carve import Carved
from calibration.naming import Namer
from calibration.schema import ModelParameters
from model.records import Labels, Parameters

Array = npt.NDArray[np.float64]

RESEARCH_GOODS = ("chemicals", "machinery", "electrical_optical", "transport_equipment")


def shares(p: ModelParameters, namer: Namer, labels: Labels, carved: Carved) -> Shares:
    """Labour, resource and research shares (n,j)."""
    sectors, regions, stages = labels.sectors, labels.regions, labels.stages

    def by_sector(name: str) -> Array:
        return namer.vector(getattr(p, name), sectors, ("parameters", name), kind="sector")

    labour = np.repeat(by_sector("labour_share")[None], len(regions), axis=0)
    by_region = namer.vector(
        p.research_by_region, regions, ("parameters", "research_by_region"), kind="region"
    )
    research = by_sector("research_intensity")[None] * by_region[:, None]
    target = namer.grid(
        p.supply_elasticity, stages, regions, ("parameters", "supply_elasticity"), kinds=("stage", "region")
    ).T  # (n,s)
    stage = [sectors.index(name) for name in stages]
    sales = carved.trade.sum((0, 2))
    first = len(sectors) - len(stages)
    output = np.stack([sales[:, first], sales[:, first + 1 : -1].sum(1), sales[:, -1]], axis=1)
    cost = output - research[:, stage] * (output - carved.use[:, :, stage].sum(1))
    value_added = 1 - carved.use[:, :, stage].sum(1) / np.where(cost > 0, cost, 1.0)
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
    p: ModelParameters, namer: Namer, labels: Labels, base: dict[str, Any], elements: Array
) -> Parameters:
    """`model.Parameters` of a base year given as the arrays of a `Benchmark`."""
    sectors, regions, goods, stages = labels.sectors, labels.regions, labels.goods, labels.stages
    ordinary = goods[: len(sectors) - len(stages)]

    def by(name: str, names: tuple[str, ...], kind: str) -> Array:
        return namer.vector(getattr(p, name), names, ("parameters", name), kind=kind)

    def mobility(value: float | str) -> float:
        return np.inf if value == "mobile" else float(value)

    technologies = len(labels.elements) + 1
    innovation = np.repeat(by("innovation_elasticity", regions, "region")[:, None], technologies, axis=1)
    innovation[:, -1] *= p.innovation_elasticity_other.value
    return Parameters(
        trade_elasticity=np.concatenate(
            [
                1 + by("trade_theta", ordinary, "good"),
                by("trade_sigma_rare_earths", goods[len(ordinary) :], "rare-earth good"),
            ]
        ),
        ree_elasticity=ree_elasticity(p, namer, labels, base["use"][:, elements].sum(0)),
        element_elasticity=by("element_elasticity", sectors, "sector"),
        value_added_elasticity=by("value_added_elasticity", sectors, "sector"),
        factor_elasticity=by("factor_elasticity", sectors, "sector"),
        materials_elasticity=by("materials_elasticity", sectors, "sector"),
        transformation_elasticity=by("transformation_elasticity", sectors, "sector"),
        final_elasticity=p.final_elasticity.value,
        factor_mobility=np.array([mobility(p.factor_mobility.value[name]) for name in labels.factors]),
        innovation_elasticity=innovation,
        spillover=np.full((len(regions), technologies), p.spillover.value),
        spillover_region=_region_weights(p.spillover_region.value, labels, base),
        spillover_sector=_sector_weights(p.spillover_sector.value, base["use"].sum(0)),
        breadth=p.breadth.value,
        breadth_reference=p.breadth_reference.value,
        research_supply_elasticity=p.research_supply_elasticity.value,
        research_closure=p.research_closure.value,
        capacity_weight=by("capacity_weight", stages, "stage"),
        capacity_response=by("capacity_response", stages, "stage"),
        capacity_expansion=by("capacity_expansion", stages, "stage"),
        capacity_exit=by("capacity_exit", stages, "stage"),
        build_time=by("build_time", stages, "stage").astype(int),
        learning=p.learning.value,
        forgetting=p.forgetting.value,
    )


def ree_elasticity(p: ModelParameters, namer: Namer, labels: Labels, use: Array) -> Array:
    """(j,) eps_j = max - (max - min) score_j, score_j = sum_e share_je score_e / 100; `use` (e,j) of the world."""
    score = namer.vector(
        p.substitutability, labels.elements, ("parameters", "substitutability"), kind="element"
    )
    share = use / np.maximum(use.sum(0), 1e-300)
    low, high = p.ree_elasticity_min.value, p.ree_elasticity_max.value
    by_rule = high - (high - low) * (score / 100) @ share
    given = namer.vector(
        p.ree_elasticity, labels.sectors, ("parameters", "ree_elasticity"), kind="sector", missing=np.nan
    )
    return np.where(np.isnan(given), by_rule, given)


def _region_weights(rule: str, labels: Labels, base: dict[str, Any]) -> Array:
    """Omega_region (n,n), rows sum to 1."""
    n = len(labels.regions)
    if rule == "own":
        return np.eye(n)
    if rule == "uniform":
        return np.full((n, n), 1 / n)
    goods = [labels.goods.index(name) for name in RESEARCH_GOODS]
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
