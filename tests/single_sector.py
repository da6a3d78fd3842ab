"""One region, one CES sector, one input in fixed supply: where the loss from a cut has a closed form."""

from __future__ import annotations

import numpy as np

from model import Closure, Shock, Solution, solve
from model.records import Benchmark, Parameters
from model.welfare import real_income

GOOD, MINE = 0, 1  # sectors, and what they make


def economy(share: float, elasticity: float, innovation: float = 0.0, research: float = 0.02) -> Benchmark:
    """A good made of labour and an ore; the ore is made of the resource alone, whose capacity a shock can cut.

    share: the ore in the good's cost; elasticity: between ore and labour; innovation: lambda, for both.
    """
    value = 1000.0
    ore = share * value * (1 - research)
    use = np.zeros((1, 2, 2))
    use[0, MINE, GOOD] = ore
    payment = np.zeros((1, 2, 2))  # labour, resource
    payment[0, 0, GOOD], payment[0, 1, MINE] = (1 - share) * value * (1 - research), ore
    ones, zeros = np.ones(2), np.zeros((1, 2))
    parameters = Parameters(
        trade_elasticity=4 * ones, ree_elasticity=elasticity * ones, element_elasticity=0.5 * ones,
        value_added_elasticity=0.5 * ones, factor_elasticity=0.5 * ones, materials_elasticity=0.5 * ones,
        transformation_elasticity=0 * ones, final_elasticity=0.5, factor_mobility=np.array([np.inf, 0.0]),
        innovation_elasticity=np.full((1, 2), innovation), spillover=zeros, spillover_region=np.eye(1),
        spillover_sector=np.eye(2), breadth=0.0, research_closure="sector", capacity_weight=np.ones(1),
        capacity_response=np.ones(1), capacity_expansion=np.ones(1), capacity_exit=np.ones(1),
        build_time=np.ones(1, dtype=int),
    )  # fmt: skip
    return Benchmark(
        output=np.array([[value, ore]]), make=np.eye(2)[None], use=use, final=np.array([[value, 0.0]]),
        trade_share=np.ones((1, 1, 1, 2)), factor_payment=payment, research_share=np.array([[research, 0.0]]),
        export_tax=np.zeros((1, 1, 2)), tariff=np.zeros((1, 1, 2)), subsidy=zeros, licence=zeros, deficit=np.zeros(1),
        unit_value=np.array([[np.nan, 10.0]]), reo_content=ones, elements=np.array([MINE]), parameters=parameters,
        use_class=np.zeros(2, dtype=int), stage_sector=np.array([MINE]), numeraire=np.array([True, False]),
    )  # fmt: skip


def after_cut(benchmark: Benchmark, cut: float, directed: bool) -> Solution:
    closure = Closure("directed") if directed else Closure("exogenous", "given", "given")
    return solve(benchmark, Shock(capacity=np.full((1, 1), np.log1p(-cut))), closure)


def loss(share: float, elasticity: float, cut: float, innovation: float | None = None) -> float:
    """Share of real income lost, by the model; technology is fixed without `innovation`."""
    b = economy(share, elasticity, innovation or 0.0)
    return float(1 - real_income(after_cut(b, cut, innovation is not None))[0])


def closed_form_loss(share: float, elasticity: float, cut: float, innovation: float = 0.0) -> float:
    """The same from the production function Y = [(1-s)(a_X)^r + s (a_R R)^r]^(1/r), r = (eps-1)/eps.

    Research follows cost shares, so ln(a_R/a_X) = lambda r [ln(a_R/a_X) + ln R], and a_g = (share of g, hat)^lambda.
    """
    r = (elasticity - 1) / elasticity
    ratio = innovation * r * np.log1p(-cut) / (1 - innovation * r)  # ln(a_R/a_X)
    odds = share / (1 - share) * np.exp(r * (ratio + np.log1p(-cut)))  # of the ore against labour in cost
    new = odds / (1 + odds)
    a_ore, a_labour = (new / share) ** innovation, ((1 - new) / (1 - share)) ** innovation
    output = ((1 - share) * a_labour**r + share * (a_ore * (1 - cut)) ** r) ** (1 / r)
    return float(1 - output)
