"""A `Benchmark` from arrays: any input-output table with any number of regions, sectors and factors.

    benchmark_from_flows   flows between (region, sector) and users, as an inter-country table has them
    benchmark_from_shares  shares of spending, cost and final demand, as a Caliendo-Parro data set has them

Both give an economy without rare earths unless `rare_earths` says which goods are elements. Empty cells (a sector that
does not exist, a good nobody buys) are normal. Values are in one currency unit, called million USD in the records.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np

from model import arguments
from model.ces import shares_of
from model.implied import final_spending, output_per_spending, taxes_per_spending
from model.records import Array, Benchmark, Frozen, Parameters
from model.refusals import TableError, refuse_empty_cost, refuse_idle, refuse_unmade, refuse_unpaid

UseClasses = Literal["common", "intermediate_final", "sector"]
Negative = Literal["refuse", "clip"]
DeficitRule = Literal["fixed", "share_of_world_income"]


@dataclass(frozen=True)
class Elasticities(Frozen):
    """Elasticities of every nest: one number, or one per good (k) or sector (j). Defaults are those of a textbook."""

    trade: float | Array = 5.0  # (k) sigma of E2
    final: float = 1.0  # E8
    materials: float | Array = 1.0  # (j) between goods, E4
    value_added: float | Array = 1.0  # (j) value added against materials, E4
    factor: float | Array = 1.0  # (j) between factors, E4
    ree: float | Array = 0.2  # (j) rare earths against all other inputs, E5
    element: float | Array = 0.2  # (j) between elements, E3
    transformation: float | Array = 0.0  # (j) between the goods of one sector, E6


@dataclass(frozen=True)
class RareEarths(Frozen):
    """The rare-earth block: which goods are elements, who makes what, and what a kg is worth."""

    elements: Array  # (e,) positions among the goods
    stage_sector: Array  # (s,) sectors with capacity (mining, separation, magnets)
    unit_value: Array  # (i,k) USD per kg at the gate, nan where no quota can name the good
    reo_content: Array  # (k,)
    licence: Array | None = None  # (i,k) USD per kg


@dataclass(frozen=True)
class Innovation(Frozen):
    """Research and what it does (E15-E17); without it technology never moves."""

    share: float | Array = 0.0  # (n,j) of revenue
    elasticity: float | Array = 0.0  # (n,g) lambda
    options: dict[str, Any] = field(default_factory=dict)  # further fields of `Parameters`


def benchmark_from_flows(
    intermediate: Array,
    final: Array,
    *,
    factor_share: Array | None = None,
    mobility: Sequence[float] = (np.inf,),
    use_classes: UseClasses = "common",
    make: Array | None = None,
    tariff: Array | None = None,
    export_tax: Array | None = None,
    subsidy: Array | None = None,
    elasticities: Elasticities | None = None,
    innovation: Innovation | None = None,
    rare_earths: RareEarths | None = None,
    labour: int = 0,
    numeraire: Sequence[bool] | None = None,
    deficit_rule: DeficitRule = "fixed",
    negative: Negative = "refuse",
) -> Benchmark:
    """A base year from flows; output, value added and deficits follow from them, so that it balances.

    intermediate (i,k,n,j) and final (i,k,n): sales at the gate of the origin, before licence, export tax and tariff.
    factor_share (n,f,j): how value added (what the flows leave) is split, sums to 1; mobility (f,): inf is mobile
    between the region's sectors, 0 specific. make (n,j,k): which sector makes which good; the identity when None.
    use_classes: origin shares common to all uses, separate for intermediate and final use, or by using sector.
    negative: a negative flow is refused by name, or set to zero ("clip"; output then follows from what remains).
    Raises TableError.
    """
    flows, final = np.asarray(intermediate, float), np.asarray(final, float)
    if flows.ndim != 4 or final.shape != flows.shape[:3] or flows.shape[0] != flows.shape[2]:
        raise TableError(
            [f"intermediate {flows.shape} and final {final.shape} do not fit: (i,k,n,j) and (i,k,n)"]
        )
    kappa = np.atleast_1d(np.asarray(mobility, float))
    elasticities, innovation = elasticities or Elasticities(), innovation or Innovation()
    _, goods, regions, sectors = flows.shape
    sizes = arguments.sizes_of(regions, goods, sectors, len(kappa), rare_earths)
    problems = [
        *arguments.choice("use_classes", use_classes, get_args(UseClasses)),
        *arguments.choice("negative", negative, get_args(Negative)),
        *arguments.choice("deficit_rule", deficit_rule, get_args(DeficitRule)),
        *arguments.rates("tariff", tariff, "ink", sizes), *arguments.rates("export_tax", export_tax, "ink", sizes),
        *arguments.rates("subsidy", subsidy, "nj", sizes, number=True),
        *([] if make is None else arguments.numbers("make", make, "njk", sizes)),
        *arguments.factors(factor_share, kappa, labour, numeraire, sizes),
        *arguments.elasticities(elasticities, sizes), *arguments.innovation(innovation, sizes),
        *([] if rare_earths is None else arguments.rare_earths(rare_earths, sizes)),
        *arguments.negatives(flows, final, negative),
    ]  # fmt: skip
    if problems:
        raise TableError(problems)
    flows, final = np.maximum(flows, 0.0), np.maximum(final, 0.0)
    wedge = _wedge(*_rates(regions, goods, tariff, export_tax, rare_earths)).transpose(0, 2, 1)
    make = _identity_make(regions, sectors, goods) if make is None else np.asarray(make, float)
    if negative == "clip":
        flows = _affordable(flows, final, wedge, make, _kept(subsidy, innovation))
    sales = flows.sum(axis=(2, 3)) + final.sum(axis=2)
    refuse_unmade(sales, make)
    output = _output_of(sales, make)
    bought, consumed = flows * wedge[..., None], final * wedge
    shares, use_class, final_class = _shares_by_class(bought, consumed, use_classes)
    return _assemble(
        output=output, make=_make_shares(sales, make), use=bought.sum(axis=0).transpose(1, 0, 2),
        final=consumed.sum(axis=0).T, trade_share=shares, use_class=use_class, final_class=final_class,
        factor_share=factor_share, mobility=kappa, tariff=tariff, export_tax=export_tax, subsidy=subsidy,
        elasticities=elasticities, innovation=innovation, rare_earths=rare_earths, labour=labour,
        numeraire=numeraire, deficit_rule=deficit_rule,
    )  # fmt: skip


def benchmark_from_shares(
    trade_share: Array,
    cost_share: Array,
    final_share: Array,
    value_added: Array,
    *,
    deficit: Array | None = None,
    tariff: Array | None = None,
    export_tax: Array | None = None,
    subsidy: Array | None = None,
    innovation: Innovation | None = None,
    rare_earths: RareEarths | None = None,
    **options: Any,
) -> Benchmark:
    """A base year from shares, as in Caliendo and Parro (2015): spending is the solution of their linear system.

    trade_share (i,n,k): of n's spending on k at purchaser prices; or (c,i,n,k) with c = 2 (intermediate, final).
    cost_share (n,k,j): good k in the cost of j, the rest is value added; final_share (n,k).
    value_added (n,): income of factors, which fixes the scale. deficit (n,): these arrays imply it, so that it need
    not be given; another one is refused. Where they leave it open (all buy alike) it is as given, 0 when None.
    Other options as in `benchmark_from_flows`. Raises TableError.
    """
    pi = np.asarray(trade_share, float)
    pi = np.stack([pi, pi]) if pi.ndim == 3 else pi
    cost, final, added = (np.asarray(array, float) for array in (cost_share, final_share, value_added))
    if cost.ndim != 3:
        raise TableError([f"cost_share has shape {cost.shape}, and needs (n,k,j)"])
    regions, goods, sectors = cost.shape
    if goods != sectors:
        raise TableError(
            ["shares need one good for each sector; use benchmark_from_flows for joint production"]
        )
    sizes = arguments.sizes_of(regions, goods, sectors, 1, rare_earths) | {"c": 2}
    problems = [
        *arguments.numbers("trade_share", pi, "cink", sizes), *arguments.numbers("cost_share", cost, "nkj", sizes),
        *arguments.numbers("final_share", final, "nk", sizes), *arguments.numbers("value_added", added, "n", sizes),
        *([] if deficit is None else arguments.numbers("deficit", deficit, "n", sizes, -np.inf)),
        *arguments.rates("tariff", tariff, "ink", sizes), *arguments.rates("export_tax", export_tax, "ink", sizes),
        *arguments.rates("subsidy", subsidy, "nj", sizes, number=True),
        *([] if innovation is None else arguments.innovation(innovation, sizes)),
        *([] if rare_earths is None else arguments.rare_earths(rare_earths, sizes)),
    ]  # fmt: skip
    used = np.stack([cost.any(axis=2), final > 0]) if not problems else None
    problems = problems or [
        *arguments.sums("trade_share over origins", pi, 1, used),
        *arguments.sums("final_share over goods", final, 1),
    ]
    if problems:
        raise TableError(problems)
    rates = _rates(regions, goods, tariff, export_tax, rare_earths)
    at_gate = pi / _wedge(*rates)
    kept = np.broadcast_to(_kept(subsidy, innovation), (regions, sectors))
    paid = cost * kept[:, None]  # (n,k,j) of output
    output = output_per_spending(at_gate, paid, final)
    earned = np.einsum("nj,njm->nm", kept - paid.sum(axis=1), output)
    other = np.einsum("nj,njm->nm", 1 - kept, output) + taxes_per_spending(
        at_gate, rates, paid, final, output
    )
    spent = final_spending(earned, other, added, None if deficit is None else np.asarray(deficit, float))
    return benchmark_from_flows(
        np.einsum("ink,nkj,nj->iknj", at_gate[0], paid, output @ spent),
        np.einsum("ink,nk,n->ikn", at_gate[1], final, spent),
        tariff=tariff, export_tax=export_tax, subsidy=subsidy, innovation=innovation, rare_earths=rare_earths,
        **options,
    )  # fmt: skip


def _affordable(flows: Array, final: Array, wedge: Array, make: Array, kept: Array) -> Array:
    """Flows with the inputs of sectors that pay more for them than they sell for scaled down to their revenue.

    Suppliers then sell less, so that the rule is applied until no sector breaks it. kept: cost over output.
    """
    for _ in range(1000):
        revenue = kept * _output_of(flows.sum(axis=(2, 3)) + final.sum(axis=2), make)
        inputs = (flows * wedge[..., None]).sum(axis=(0, 1))
        if (inputs <= revenue * (1 + 1e-14)).all():
            return flows
        flows = flows * np.minimum(1.0, shares_of(inputs, revenue) + (inputs == 0))
    raise TableError(["some sectors buy inputs only from each other and never earn what they cost"])


def _rates(
    regions: int, goods: int, tariff: Array | None, export_tax: Array | None, rare_earths: RareEarths | None
) -> tuple[Array, Array, Array]:
    """(i,n,k) tariff, export tax, and licence as a rate of the gate price (0 at home)."""
    none = np.zeros((regions, regions, goods))
    licence = none
    if rare_earths is not None and rare_earths.licence is not None:
        charged = rare_earths.licence > 0
        if not np.isfinite(rare_earths.unit_value[charged]).all():
            raise TableError(["a good with a licence has no unit value"])
        rate = np.where(charged, rare_earths.licence / np.where(charged, rare_earths.unit_value, 1.0), 0.0)
        licence = rate[:, None, :] * ~np.eye(regions, dtype=bool)[:, :, None]
    tariff, export_tax = (none if rate is None else np.asarray(rate, float) for rate in (tariff, export_tax))
    return tariff, export_tax, licence


def _wedge(tariff: Array, export_tax: Array, licence: Array) -> Array:
    """(i,n,k) purchaser price over gate price, E1."""
    return (1 + tariff) * (1 + export_tax) * (1 + licence)


def _kept(subsidy: Array | None, innovation: Innovation | None) -> Array:
    """(n,j), or what gives it: what a sector pays for inputs over its output, research not counted."""
    research = 0.0 if innovation is None else np.asarray(innovation.share, float)
    return np.asarray((1 - research) * (1 + (0.0 if subsidy is None else np.asarray(subsidy, float))))


def _shares_by_class(bought: Array, consumed: Array, classes: UseClasses) -> tuple[Array, Array, int]:
    """(c,i,n,k) origin shares, (j,) class of every using sector, and the class of final demand."""
    sectors = bought.shape[3]
    intermediate, final = bought.sum(axis=3), consumed
    if classes == "common":
        spending = [intermediate + final]
        use_class, final_class = np.zeros(sectors, dtype=int), 0
    elif classes == "intermediate_final":
        spending = [intermediate, final]
        use_class, final_class = np.zeros(sectors, dtype=int), 1
    else:
        spending = [*np.moveaxis(bought, 3, 0), final]
        use_class, final_class = np.arange(sectors), sectors
    flows = np.stack(spending)  # (c,i,k,n)
    return shares_of(flows.sum(axis=1, keepdims=True), flows).transpose(0, 1, 3, 2), use_class, final_class


def _identity_make(regions: int, sectors: int, goods: int) -> Array:
    if sectors != goods:
        raise TableError([f"{goods} goods and {sectors} sectors: say who makes what with make (n,j,k)"])
    return np.broadcast_to(np.eye(sectors), (regions, sectors, goods))


def _output_of(sales: Array, make: Array) -> Array:
    """(n,j) value of output: the sales of the goods a sector makes; a good made by several is split as `make` says."""
    return np.einsum("njk,nk->nj", shares_of(make.sum(axis=1, keepdims=True), make), sales)


def _make_shares(sales: Array, make: Array) -> Array:
    """(n,j,k) revenue shares."""
    revenue = shares_of(make.sum(axis=1, keepdims=True), make) * sales[:, None, :]
    return shares_of(revenue.sum(axis=2, keepdims=True), revenue)


def _assemble(
    *, output: Array, make: Array, use: Array, final: Array, trade_share: Array, use_class: Array, final_class: int,
    factor_share: Array | None, mobility: Array, tariff: Array | None, export_tax: Array | None,
    subsidy: Array | None, elasticities: Elasticities, innovation: Innovation,
    rare_earths: RareEarths | None, labour: int, numeraire: Sequence[bool] | None,
    deficit_rule: DeficitRule,
) -> Benchmark:  # fmt: skip
    regions, sectors = output.shape
    goods, factors = final.shape[1], len(mobility)
    zero_trade = np.zeros((regions, regions, goods))
    tariff, export_tax = (
        zero_trade if rate is None else np.asarray(rate, float) for rate in (tariff, export_tax)
    )
    subsidy = np.array(np.broadcast_to(0.0 if subsidy is None else np.asarray(subsidy, float), output.shape))
    research = np.where(output > 0, np.broadcast_to(np.asarray(innovation.share, float), output.shape), 0.0)
    cost = (1 - research) * (1 + subsidy) * output
    added = cost - use.sum(axis=1)
    added = np.where(np.abs(added) < 1e-12 * cost, 0.0, added)
    share = np.ones((regions, 1, sectors)) if factor_share is None else np.asarray(factor_share, float)
    total = share.sum(axis=1)
    refuse_empty_cost(added)
    refuse_unpaid(added, total)
    block = rare_earths or RareEarths(
        np.zeros(0, dtype=int),
        np.zeros(0, dtype=int),
        np.full((regions, goods), np.nan),
        np.full(goods, np.nan),
    )
    elements, stages = (np.asarray(at, dtype=int) for at in (block.elements, block.stage_sector))
    b = Benchmark(
        output=output, make=make, use=use, final=final, trade_share=trade_share,
        factor_payment=shares_of(total[:, None, :], share) * added[:, None, :], research_share=research,
        export_tax=export_tax, tariff=tariff, subsidy=subsidy,
        licence=np.zeros((regions, goods)) if block.licence is None else np.asarray(block.licence, float),
        deficit=np.zeros(regions), unit_value=np.asarray(block.unit_value, float),
        reo_content=np.asarray(block.reo_content, float), elements=elements,
        parameters=_parameters(output.shape, goods, len(elements), stages, mobility, elasticities, innovation,
                               deficit_rule),
        use_class=use_class, final_class=final_class, stage_sector=stages, labour=labour,
        numeraire=np.array([True] * factors if numeraire is None else list(numeraire)),
    )  # fmt: skip
    refuse_idle(b)
    return b.replace(deficit=b.final.sum(axis=1) - _income_without_deficit(b))


def _income_without_deficit(b: Benchmark) -> Array:
    """E11 in the base year, without deficits: (n,) million USD."""
    from model.base_year import gate_value_base, licence_rate

    gate, licence = gate_value_base(b), licence_rate(b)
    research = (b.research_share * (1 + b.subsidy) - b.subsidy) * b.output
    tariff = gate * (1 + b.export_tax) * (1 + licence) * b.tariff
    at_border = gate * (b.export_tax * (1 + licence) + licence)
    return (
        b.factor_payment.sum(axis=(1, 2))
        + research.sum(axis=1)
        + tariff.sum(axis=(0, 2))
        + at_border.sum(axis=(1, 2))
    )


def _parameters(
    shape: tuple[int, ...], goods: int, elements: int, stages: Array, mobility: Array, e: Elasticities,
    innovation: Innovation, deficit_rule: DeficitRule,
) -> Parameters:  # fmt: skip
    regions, sectors = shape
    technologies = elements + 1

    def by(length: int, value: float | Array) -> Array:
        return np.array(np.broadcast_to(np.asarray(value, float), (length,)))

    defaults: dict[str, Any] = {
        "spillover": np.zeros((regions, technologies)), "spillover_region": np.eye(regions),
        "spillover_sector": np.eye(sectors), "breadth": 0.0, "price_floor": np.zeros(elements),
        "capacity_weight": np.ones(len(stages)),
        "capacity_response": np.full(len(stages), 0.5), "capacity_expansion": np.full(len(stages), 0.2),
        "capacity_exit": np.full(len(stages), 0.5), "build_time": np.zeros(len(stages), dtype=int),
    }  # fmt: skip
    return Parameters(
        trade_elasticity=by(goods, e.trade), ree_elasticity=by(sectors, e.ree),
        element_elasticity=by(sectors, e.element), value_added_elasticity=by(sectors, e.value_added),
        factor_elasticity=by(sectors, e.factor), materials_elasticity=by(sectors, e.materials),
        transformation_elasticity=by(sectors, e.transformation), final_elasticity=float(e.final),
        factor_mobility=mobility,
        innovation_elasticity=np.array(
            np.broadcast_to(np.asarray(innovation.elasticity, float), (regions, technologies))
        ),
        deficit_rule=deficit_rule, **{**defaults, **innovation.options},
    )  # fmt: skip
