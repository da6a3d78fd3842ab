"""The results of a solution: what each variable is (`VARIABLES`) and its values (`results`).

One row for every variable: axes in the letters of docs/model.md, unit, equation, description. Ratios are hats: the
value in the solution over the value in the base year.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from model import flows, welfare
from model.ces import herfindahl, shares_of
from model.markets import sluggish_index
from model.records import Array, Benchmark
from model.solution import Solution
from model.system import gate_value_base
from model.system import licence_rate as base_licence_rate

AXES = {
    "n": "region", "i": "origin", "j": "sector", "k": "good", "e": "element", "f": "factor", "g": "technology",
    "s": "stage", "m": "factor",
}  # fmt: skip


class Variable(NamedTuple):
    """A row of the table of results."""

    name: str
    axes: str  # letters of AXES
    unit: str
    equation: str
    description: str


VARIABLES = tuple(
    Variable(*row)
    for row in (
        ("producer_price", "nk", "ratio", "E6", "price at the producer's gate, before export tax and licence"),
        ("purchaser_price", "nk", "ratio", "E2", "price paid by buyers, over all origins"),
        ("border_price", "ie", "ratio", "E1", "price of an element at the border: gate price, licence, export tax"),
        ("border_value", "ie", "USD/kg", "E1", "the same in USD per kg"),
        ("gate_value", "ie", "USD/kg", "E6", "price of a region's element at home, USD per kg"),
        ("tonnes", "ine", "t", "E12", "tonnes sold by origin to buyer, gross weight"),
        ("output", "nj", "million USD", "E9", "value of output at the producer's gate"),
        ("output_volume", "nj", "ratio", "E9", "volume of output"),
        ("exports", "nj", "million USD", "E9", "exports of a sector's goods at the gate, to other regions"),
        ("exports_volume", "nj", "ratio", "E9", "volume of exports at base gate prices"),
        ("unit_cost", "nj", "ratio", "E5", "unit cost"),
        ("ree_cost_share", "nj", "share", "E5", "rare earths in cost"),
        ("tfp_solow", "nj", "ratio", "E19a", "TFP as accounts see it (Sato-Vartia); blind to direction"),
        ("tfp_cost_saved", "nj", "ratio", "E19b", "cost without new technology over cost with it, new prices"),
        ("technology", "njg", "ratio", "E17", "productivity of each type of input, a"),
        ("research", "njg", "ratio", "E15", "research on each type of input, r; also its patents (E20)"),
        ("ree_patents", "nj", "ratio", "E20", "rare-earth patents, elements weighted by cost share"),
        ("scientists", "n", "ratio", "E16", "scientists at work"),
        ("scientists_wage", "nj", "ratio", "E16", "wage of scientists"),
        ("wage", "nf", "ratio", "E10", "wage of a factor; the index over sectors when it is not mobile"),
        ("resource_rent", "ns", "ratio", "E10", "return to ore bodies and plant, by stage"),
        ("capacity", "ns", "ratio", "E22", "capacity by stage, K"),
        ("income", "n", "million USD", "E11", "income"),
        ("final_price", "n", "ratio", "E8", "price of the final bundle"),
        ("real_income", "n", "ratio", "8", "real income: consumption over the price of the final bundle"),
        ("real_income_without_asset_sales", "n", "ratio", "8", "the same, stocks sold not counted as income"),
        ("equivalent_variation", "n", "million USD", "8", "equivalent variation at base prices"),
        ("licence_rent", "n", "million USD", "E11", "quota rents received, smuggling costs deducted"),
        ("export_tax_revenue", "n", "million USD", "E11", "export tax revenue"),
        ("tariff_revenue", "n", "million USD", "E11", "tariff revenue"),
        ("technology_gain", "n", "million USD", "E19b", "cost saved by technology at new prices and quantities"),
        ("terms_of_trade", "n", "million USD", "8", "gain from border prices at mean quantities (Bennet), with rents"),
        ("import_dependence", "ne", "share", "8", "imports in purchases of an element, at the gate"),
        ("concentration", "ne", "index", "8", "Herfindahl index of the origins of an element, at the gate, 0 to 1"),
        ("stage_import_dependence", "ns", "share", "8", "imports in purchases of what a stage makes, at the gate"),
        ("stage_concentration", "ns", "index", "8", "Herfindahl index of the origins of what a stage makes, 0 to 1"),
        ("supply_concentration", "e", "index", "8", "Herfindahl index of world supply of an element by origin, 0 to 1"),
        ("stage_supply_concentration", "s", "index", "8", "Herfindahl index of world supply of a stage by origin"),
    )
)  # fmt: skip


def results(solution: Solution, base: Solution) -> dict[str, Array]:
    """Every variable of `VARIABLES`: arrays with the axes named there. `base` is the solution without a shock."""
    system, a = solution.system, solution.allocation
    b, state = system.benchmark, a.state
    gate, tonnes = flows.gate_flows(solution), flows.gate_tonnes(solution)
    at_gate = b.unit_value[:, b.elements]
    border = _border_price(solution, gate)
    abroad = ~np.eye(gate.shape[0], dtype=bool)
    exports = (gate * abroad[:, :, None]).sum(axis=1)
    volume = exports / np.exp(state.price)
    base_exports = (gate_value_base(b) * abroad[:, :, None]).sum(axis=1)
    rent = (
        state.rent[:, system.stage_factor, b.stage_sector]
        if len(b.stage_sector)
        else np.zeros((len(gate), 0))
    )
    bought = gate[:, :, b.elements]
    origin_share = shares_of(bought.sum(axis=0), bought)
    stages = flows.stage_flows(solution)
    stage_share = shares_of(stages.sum(axis=0), stages)
    gain = system.cost_base * np.exp(state.output) * np.expm1(welfare.cost_saved(solution))
    wage = np.zeros(system.endowment.shape)
    wage[:, system.mobile] = state.wage
    wage[:, system.sluggish] = sluggish_index(system, state.rent)
    return {
        "producer_price": np.exp(state.price),
        "purchaser_price": np.exp(_mean_price(solution)),
        "border_price": border,
        "border_value": border * _border_base(b, at_gate),
        "gate_value": np.exp(state.price[:, b.elements]) * at_gate,
        "tonnes": tonnes[:, :, b.elements],
        "output": b.output * np.exp(state.output),
        "output_volume": np.exp(state.output - a.revenue_price),
        "exports": _by_sector(solution, exports),
        "exports_volume": _ratio(_by_sector(solution, volume), _by_sector(solution, base_exports, base=True)),
        "unit_cost": np.exp(a.costs.unit),
        "ree_cost_share": a.spending.share_ree,
        "tfp_solow": np.exp(welfare.solow_residual(solution)),
        "tfp_cost_saved": np.exp(welfare.cost_saved(solution)),
        "technology": np.exp(welfare.technology(solution)),
        "research": np.exp(welfare.research(solution)),
        "ree_patents": welfare.ree_patents(solution),
        "scientists": a.direction.scientists,
        "scientists_wage": np.exp(a.direction.wage),
        "wage": np.exp(wage),
        "resource_rent": np.exp(rent),
        "capacity": np.exp(a.capacity),
        "income": system.income_base * np.exp(state.income),
        "final_price": np.exp(a.spending.final_price),
        "real_income": welfare.real_income(solution),
        "real_income_without_asset_sales": welfare.real_income(solution, asset_sales=False),
        "equivalent_variation": welfare.equivalent_variation(solution),
        "licence_rent": welfare.licence_rent(solution),
        "export_tax_revenue": a.sales.tax,
        "tariff_revenue": a.sales.tariff,
        "technology_gain": gain.sum(axis=1),
        "terms_of_trade": welfare.terms_of_trade(solution, base),
        "import_dependence": origin_share.sum(axis=0) - np.einsum("iie->ie", origin_share),
        "concentration": (origin_share**2).sum(axis=0),
        "stage_import_dependence": stage_share.sum(axis=0) - np.einsum("iis->is", stage_share),
        "stage_concentration": (stage_share**2).sum(axis=0),
        "supply_concentration": herfindahl(a.supply[:, b.elements]),
        "stage_supply_concentration": herfindahl(stages.sum(axis=1)),
    }  # fmt: skip


def _ratio(new: Array, base: Array) -> Array:
    """new / base, 1 where there was nothing."""
    return np.divide(new, base, out=np.ones_like(new), where=base > 0)


def _by_sector(solution: Solution, by_good: Array, base: bool = False) -> Array:
    """(n,j) from (n,k): each good to the sectors that make it, by their share of its supply."""
    system, a = solution.system, solution.allocation
    b = system.benchmark
    share = system.pair_share if base else a.made
    output = b.output if base else b.output * np.exp(a.state.output)
    supply = share * output[:, system.pair_sector]
    total = supply @ system.to_good
    sold = shares_of(total[:, system.pair_good], supply) * by_good[:, system.pair_good]
    return sold @ system.to_sector


def _mean_price(solution: Solution) -> Array:
    """(n,k) ln purchaser price, averaged over classes of use by spending."""
    spending, price = solution.allocation.spending.net, solution.allocation.sources.price
    return shares_of(spending.sum(axis=0), (spending * price).sum(axis=0))


def _border_price(solution: Solution, gate: Array) -> Array:
    """(i,e) mean ratio of border prices over foreign buyers, weighted by base sales; the gate price without any."""
    b = solution.system.benchmark
    e = b.elements
    tax0 = (1 + b.export_tax) * (1 + base_licence_rate(b))
    ratio = (flows.export_price(solution) / tax0)[:, :, e]
    weight = gate_value_base(b)[:, :, e] * ~np.eye(gate.shape[0], dtype=bool)[:, :, None]
    total = weight.sum(axis=1)
    at_gate = np.exp(solution.allocation.state.price[:, e])
    return np.where(total > 0, shares_of(total, (weight * ratio).sum(axis=1)), at_gate)


def _border_base(b: Benchmark, at_gate: Array) -> Array:
    """(i,e) USD per kg at the border in the base year, weighted by sales abroad."""
    e = b.elements
    markup = ((1 + b.export_tax) * (1 + base_licence_rate(b)))[:, :, e]
    weight = gate_value_base(b)[:, :, e] * ~np.eye(len(at_gate), dtype=bool)[:, :, None]
    total = weight.sum(axis=1)
    return at_gate * np.where(total > 0, shares_of(total, (weight * markup).sum(axis=1)), 1.0)
