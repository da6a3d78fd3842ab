"""The results of a solution: what each variable is (`VARIABLES`) and its values (`results`).

One row for every variable: axes in the letters of docs/model.md, unit, equation, description. Ratios are hats: the
value in the solution over the value in the base year, 1 for a sector that the region does not have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import NamedTuple

import numpy as np

from model import flows, welfare
from model.base_year import gate_value_base
from model.base_year import licence_rate as base_licence_rate
from model.ces import herfindahl, shares_of
from model.equilibrium import directed
from model.markets import sluggish_index
from model.records import Array, Benchmark
from model.solution import Solution

AXES = {
    "n": "region", "i": "origin", "j": "sector", "k": "good", "e": "element", "f": "factor", "g": "technology",
    "s": "stage", "m": "factor",
}  # fmt: skip
# Names in results and sweeps of what cannot bear its own there: it is the name of an axis.
RENAMED = {"technology": "technology_level"}


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
        ("thrown_away", "ne", "t", "E6", "made, but not sold at its floor or not worth a licence; gross weight"),
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
        ("deficit", "n", "million USD", "E11", "trade deficit: what is spent beyond what is earned; negative if lent"),
        ("technology_gain", "n", "million USD", "E19b", "cost saved by technology at new prices and quantities"),
        ("terms_of_trade", "n", "million USD", "8", "gain from border prices on the way there (Divisia), with rents"),
        ("import_dependence", "ne", "share", "8", "imports in purchases of an element, at the gate"),
        ("concentration", "ne", "index", "8", "Herfindahl index of the origins of an element, at the gate, 0 to 1"),
        ("stage_import_dependence", "ns", "share", "8", "imports in purchases of what a stage makes, at the gate"),
        ("stage_concentration", "ns", "index", "8", "Herfindahl index of the origins of what a stage makes, 0 to 1"),
        ("supply_concentration", "e", "index", "8", "Herfindahl index of world supply of an element by origin, 0 to 1"),
        ("stage_supply_concentration", "s", "index", "8", "Herfindahl index of world supply of a stage by origin"),
    )
)  # fmt: skip


NAMES = tuple(row.name for row in VARIABLES)
OF_SECTORS = {row.name for row in VARIABLES if row.unit == "ratio" and row.axes.startswith("nj")}


def results(solution: Solution, base: Solution, names: Iterable[str] = NAMES) -> dict[str, Array]:
    """Variables of `VARIABLES`, all or some: arrays with the axes named there.

    base: the solution without a shock.
    """
    read = _Reader(solution, base)
    return {
        name: read.existing(READ[name](read)) if name in OF_SECTORS else READ[name](read) for name in names
    }


class _Reader:
    """What several variables are read from, computed when first needed."""

    def __init__(self, solution: Solution, base: Solution) -> None:
        self.solution, self.base, self.system, self.a = solution, base, solution.system, solution.allocation
        self.b, self.state = self.system.benchmark, self.a.state
        self.at_gate = self.b.unit_value[:, self.b.elements]
        self.abroad = ~np.eye(len(self.at_gate), dtype=bool)[:, :, None]

    def existing(self, hat: Array) -> Array:
        """(n,j) or (n,j,g) with 1 where the region has no such sector, though another may make its good there."""
        there = self.b.output > 0
        return np.where(there if hat.ndim == 2 else there[:, :, None], hat, 1.0)

    @cached_property
    def gate(self) -> Array:
        return flows.gate_flows(self.solution)

    @cached_property
    def border(self) -> Array:
        return _border_price(self.solution, self.gate)

    @cached_property
    def exports(self) -> Array:
        return np.asarray((self.gate * self.abroad).sum(axis=1))

    @cached_property
    def origin_share(self) -> Array:
        bought = self.gate[:, :, self.b.elements]
        return shares_of(bought.sum(axis=0), bought)

    @cached_property
    def stages(self) -> Array:
        return flows.stage_flows(self.solution)

    @cached_property
    def stage_share(self) -> Array:
        return shares_of(self.stages.sum(axis=0), self.stages)

    def wage(self) -> Array:
        wage = np.zeros(self.system.endowment.shape)
        wage[:, self.system.mobile] = self.state.wage
        wage[:, self.system.sluggish] = sluggish_index(self.system, self.state.rent)
        return wage

    def rent(self) -> Array:
        if not len(self.b.stage_sector):
            return np.zeros((len(self.at_gate), 0))
        return self.state.rent[:, self.system.stage_factor, self.b.stage_sector]

    def exports_volume(self) -> Array:
        volume = self.exports / np.exp(self.a.price)
        before = (gate_value_base(self.b) * self.abroad).sum(axis=1)
        return _ratio(_by_sector(self.solution, volume), _by_sector(self.solution, before, base=True))

    def technology_gain(self) -> Array:
        saved = np.expm1(welfare.cost_saved(self.solution))
        return np.asarray((self.system.cost_base * np.exp(self.state.output) * saved).sum(axis=1))


READ: dict[str, Callable[[_Reader], Array]] = {
    "producer_price": lambda r: np.exp(r.a.price),
    "purchaser_price": lambda r: np.exp(_mean_price(r.solution)),
    "border_price": lambda r: r.border,
    "border_value": lambda r: r.border * _border_base(r.b, r.at_gate),
    "gate_value": lambda r: np.exp(r.a.price[:, r.b.elements]) * r.at_gate,
    "tonnes": lambda r: flows.gate_tonnes(r.solution)[:, :, r.b.elements],
    "thrown_away": lambda r: flows.thrown_away(r.solution)[:, r.b.elements],
    "output": lambda r: r.b.output * np.exp(r.state.output),
    "output_volume": lambda r: np.exp(r.state.output - r.a.revenue_price),
    "exports": lambda r: _by_sector(r.solution, r.exports),
    "exports_volume": _Reader.exports_volume,
    "unit_cost": lambda r: np.exp(r.a.costs.unit),
    "ree_cost_share": lambda r: r.a.spending.share_ree,
    "tfp_solow": lambda r: np.exp(welfare.solow_residual(r.solution)),
    "tfp_cost_saved": lambda r: np.exp(welfare.cost_saved(r.solution)),
    "technology": lambda r: np.exp(welfare.technology(r.solution)),
    "research": lambda r: np.exp(welfare.research(r.solution)),
    "ree_patents": lambda r: welfare.ree_patents(r.solution),
    "scientists": lambda r: directed(r.system, r.a).scientists,
    "scientists_wage": lambda r: np.exp(directed(r.system, r.a).wage),
    "wage": lambda r: np.exp(r.wage()),
    "resource_rent": lambda r: np.exp(r.rent()),
    "capacity": lambda r: np.exp(r.a.capacity),
    "income": lambda r: r.system.income_base * np.exp(r.state.income),
    "final_price": lambda r: np.exp(r.a.spending.final_price),
    "real_income": lambda r: welfare.real_income(r.solution),
    "real_income_without_asset_sales": lambda r: welfare.real_income(r.solution, asset_sales=False),
    "equivalent_variation": lambda r: welfare.equivalent_variation(r.solution),
    "licence_rent": lambda r: welfare.licence_rent(r.solution),
    "export_tax_revenue": lambda r: r.a.sales.tax,
    "tariff_revenue": lambda r: r.a.sales.tariff,
    "deficit": lambda r: welfare.trade_deficit(r.solution),
    "technology_gain": _Reader.technology_gain,
    "terms_of_trade": lambda r: welfare.terms_of_trade(r.solution, r.base),
    "import_dependence": lambda r: r.origin_share.sum(axis=0) - np.einsum("iie->ie", r.origin_share),
    "concentration": lambda r: (r.origin_share**2).sum(axis=0),
    "stage_import_dependence": lambda r: r.stage_share.sum(axis=0) - np.einsum("iis->is", r.stage_share),
    "stage_concentration": lambda r: (r.stage_share**2).sum(axis=0),
    "supply_concentration": lambda r: herfindahl(r.a.supply[:, r.b.elements]),
    "stage_supply_concentration": lambda r: herfindahl(r.stages.sum(axis=1)),
}


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
    at_gate = np.exp(solution.allocation.price[:, e])
    return np.where(total > 0, shares_of(total, (weight * ratio).sum(axis=1)), at_gate)


def _border_base(b: Benchmark, at_gate: Array) -> Array:
    """(i,e) USD per kg at the border in the base year, weighted by sales abroad."""
    e = b.elements
    markup = ((1 + b.export_tax) * (1 + base_licence_rate(b)))[:, :, e]
    weight = gate_value_base(b)[:, :, e] * ~np.eye(len(at_gate), dtype=bool)[:, :, None]
    total = weight.sum(axis=1)
    return at_gate * np.where(total > 0, shares_of(total, (weight * markup).sum(axis=1)), 1.0)
