"""A scenario in one year, in the arrays the model reads: names become positions, ratios tonnes, money rates.

Pure: the same scenario, base year and labels give the same Shock. What does not fit is collected and raised at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from calibration.errors import InputError, one_of
from model.records import Array, Benchmark, Frozen, Labels, ProductionQuota, Quota, Shock
from scenarios import base_year
from scenarios import instruments as kinds
from scenarios.common import RateLine
from scenarios.draft import Draft
from scenarios.naming import Names
from scenarios.quantities import at, is_ratio
from scenarios.scenario import Scenario


@dataclass(frozen=True)
class PathInputs(Frozen):
    """What `model.path.simulate` takes of a scenario."""

    years: tuple[int, ...]
    shocks: tuple[Shock, ...]
    added_capacity: Array  # (t,n,s) finished at the start of each year, share of base capacity
    initial_stocks: Array  # (n,k) tonnes


def build(scenario: Scenario, benchmark: Benchmark, labels: Labels, year: int | None) -> Shock:
    """The Shock of a scenario in a year. Raises InputError with all names and numbers that do not fit."""
    return drafted(scenario, benchmark, labels, year).shock()


def build_path(scenario: Scenario, benchmark: Benchmark, labels: Labels) -> PathInputs:
    """All years of a scenario. Raises InputError."""
    years = tuple(year for year in scenario.span if year is not None)
    drafts = [drafted(scenario, benchmark, labels, year) for year in years]
    built = np.stack([each.array("capacity") for each in drafts])
    return PathInputs(
        years,
        tuple(each.shock() for each in drafts),
        np.diff(built, axis=0, prepend=np.zeros_like(built[:1])),
        drafts[0].array("initial_stocks"),
    )


def drafted(scenario: Scenario, benchmark: Benchmark, labels: Labels, year: int | None) -> Draft:
    """Every instrument of a scenario in a year. Raises InputError."""
    made = Draft(Names(scenario, labels), benchmark, year)
    for line in scenario.instruments:
        made.names.place = scenario.place(line.name)
        BUILDERS[type(line)](line, made)
    if made.names.problems:
        raise InputError(made.names.problems)
    return made


# -- instruments: each checks its names in every year, and acts only in the years it is in force -----------------------


def _set_or_add(line: RateLine, cells: Array, rates: Array, draft: Draft) -> None:
    if line.rate is not None:
        rates[cells] = draft.now(line.rate)
    else:
        rates[cells] += draft.now(line.add)


def _export_tax(line: kinds.ExportTax, draft: Draft) -> None:
    cells = draft.names.trade(line)
    if line.in_force(draft.year):
        _set_or_add(line, cells, draft.array("export_tax", draft.benchmark.export_tax), draft)


def _tariff(line: kinds.Tariff, draft: Draft) -> None:
    cells = draft.names.trade(line)
    if line.in_force(draft.year):
        _set_or_add(line, cells, draft.array("tariff", draft.benchmark.tariff), draft)


def _friction(line: kinds.Friction, draft: Draft) -> None:
    cells = draft.names.trade(line)
    if line.in_force(draft.year):
        draft.array("iceberg")[cells] *= 1 + draft.now(line.cost)


def _embargo(line: kinds.Embargo, draft: Draft) -> None:
    cells = draft.names.trade(line)
    if line.in_force(draft.year):
        draft.array("embargo")[cells] = True


def _quota_weight(line: kinds.ExportQuota | kinds.ProductionQuota, goods: Array, draft: Draft) -> Array:
    """Weight (k,) in a quota of a tonne of each good: 1, or its content of rare-earth oxide."""
    content = draft.benchmark.reo_content if line.weight == "reo" else np.ones(len(goods))
    weight = np.where(goods, content, 0.0)
    for k in np.flatnonzero(~np.isfinite(weight)):
        draft.names.clash(
            ("weight",),
            f"{draft.labels.goods[k]} has no rare-earth content in the calibration",
            "weight: gross",
        )
    return np.nan_to_num(weight)


def _export_quota(line: kinds.ExportQuota, draft: Draft) -> None:
    covers = draft.names.trade(line)
    goods = np.asarray(covers.any(axis=(0, 1)))
    weight = _quota_weight(line, goods, draft)
    base = draft.weighed(covers, base_year.tonnes_sold(draft.benchmark)) @ weight
    if is_ratio(line.limit) and base.sum() == 0 and covers.any():
        what = "a share of nothing: none of these goods is exported there in the base year"
        draft.names.clash(("limit",), what, "unit: t, or other goods, origins or destinations")
    if not line.in_force(draft.year):
        return
    limit = draft.now(line.limit) * (base.sum() if is_ratio(line.limit) else 1.0)
    if limit == 0:  # E12: a limit of 0 is an embargo
        draft.array("embargo")[covers] = True
        return
    draft.quotas.append(
        Quota(
            line.name,
            covers,
            limit,
            weight,
            specific=line.licence == "specific",
            rent_to_importer=draft.now(line.rent_to_importer),
            leak_margin=at(line.leak_margin, draft.year),
        )
    )


def _production_quota(line: kinds.ProductionQuota, draft: Draft) -> None:
    goods, origin = draft.names.goods(line), draft.names.region(line.region, ("region",))
    weight = _quota_weight(line, goods, draft)
    base = float(draft.weighed(goods, base_year.tonnes_made(draft.benchmark)[origin]) @ weight)
    if base == 0:
        draft.names.clash((), f"{line.region} makes none of the goods in the base year", "a region that does")
    if line.in_force(draft.year):
        limit = draft.now(line.limit) * (base if is_ratio(line.limit) else 1.0)
        draft.production_quotas.append(ProductionQuota(line.name, origin, goods, limit, weight))


def _production_subsidy(line: kinds.ProductionSubsidy, draft: Draft) -> None:
    cells = draft.names.regions(line.regions, ("regions",))[:, None] & draft.names.sectors(line.sectors)
    if line.in_force(draft.year):
        _set_or_add(line, cells, draft.array("subsidy", draft.benchmark.subsidy), draft)


def _use_subsidy(line: kinds.UseSubsidy, draft: Draft) -> None:
    cells = draft.names.regions(line.regions, ("regions",))[:, None] & draft.names.goods(line)
    if line.in_force(draft.year):
        draft.array("use_subsidy")[cells] = draft.now(line.rate)


def _research_subsidy(line: kinds.ResearchSubsidy, draft: Draft) -> None:
    regions, sectors = draft.names.regions(line.regions, ("regions",)), draft.names.sectors(line.sectors)
    technologies = draft.names.technologies(line.technologies)
    cells = regions[:, None, None] & sectors[:, None] & technologies
    outlay = float(base_year.research_outlay(draft.benchmark)[cells].sum())
    if outlay == 0:
        draft.names.clash(
            (), "no research of this kind in the base year", "regions and sectors that do research"
        )
        return
    if line.in_force(draft.year):
        rate = draft.now(line.rate) if line.spending is None else draft.now(line.spending) / outlay
        draft.array("research_subsidy")[cells] += rate


def _capacity_investment(line: kinds.CapacityInvestment, draft: Draft) -> None:
    region, stage = draft.names.region(line.region, ("region",)), draft.names.stage(line.stage, ("stage",))
    payer = draft.names.region(line.paid_by, ("paid_by",)) if line.paid_by else region
    if not draft.names.certain("region", "stage", "paid_by"):
        return
    base = _stage_capacity(line, region, stage, draft)
    if line.in_force(draft.year):
        draft.array("capacity_investment")[payer] += draft.now(line.spending)
    year = None if line.first_year() is None else draft.year
    built = 0.0 if year is None else line.total(line.spending, year - line.build_time) * 1e6
    if built and base:
        draft.array("capacity")[region, stage] += built / (line.capacity_cost.value * base)


def _stage_capacity(line: kinds.CapacityInvestment, region: int, stage: int, draft: Draft) -> float:
    """Base-year capacity in the unit that the cost is given for: tonnes a year, or USD of sales a year."""
    sector = int(draft.benchmark.stage_sector[stage])
    sales = draft.benchmark.output[:, sector]
    if sales[region] == 0:
        has = [name for at, name in enumerate(draft.labels.regions) if sales[at] > 0]
        what = f"{line.region} has no {line.stage} in the base year, not even a planned one"
        draft.names.refuse(("region",), what, one_of(has))
    if line.capacity_cost.unit == "ratio":
        return float(sales[region]) * 1e6
    tonnes = base_year.stage_tonnes(
        draft.benchmark, region, sector, reo=line.capacity_cost.unit == "USD/t REO"
    )
    if not np.isfinite(tonnes):
        what = f"the calibration does not know the weight of what {line.stage} makes"
        draft.names.refuse(("capacity_cost", "unit"), what, "unit: ratio")
        return 0.0
    return tonnes


def _base_use(line: kinds.Stockpile | kinds.Recycling, draft: Draft) -> Array:
    """Base-year purchases in tonnes of the goods by the regions of an instrument, 0 elsewhere; (n,k)."""
    regions, goods = draft.names.regions(line.regions, ("regions",)), draft.names.goods(line)
    sold = base_year.tonnes_sold(draft.benchmark)
    use = draft.weighed(regions[:, None] & goods, sold.sum(axis=0))
    if not use.any():
        draft.names.clash((), "none of the goods is used there in the base year", "regions that use them")
    return use


def _stockpile(line: kinds.Stockpile, draft: Draft) -> None:
    use = _base_use(line, draft)
    year = draft.year
    held = line.initial if year is None else line.held(year - 1, year)
    if held and use.any():  # at the start of the year: what was bought before a path begins is there
        draft.array("initial_stocks")[:] += held * use / use.sum()
    if line.in_force(draft.year) and use.any():
        tonnes = draft.now(line.release) - draft.now(line.purchase)
        draft.array("stock_release")[:] += tonnes * use / use.sum()


def _recycling(line: kinds.Recycling, draft: Draft) -> None:
    use = _base_use(line, draft)
    if line.in_force(draft.year) and use.any():
        share = draft.now(line.tonnes) / (1.0 if is_ratio(line.tonnes) else use.sum())
        recycled = draft.array("recycling")
        recycled[:] += share * use
        for n, k in np.argwhere((use > 0) & (recycled >= use))[:1]:
            used = f"{use[n, k]:,.4g} t of {draft.labels.goods[k]} used in {draft.labels.regions[n]}"
            what = f"all of the {used} in the base year would be recycled, or more"
            draft.names.refuse(("tonnes",), what, "less than all")
        draft.array("recycling_cost")[:] += draft.now(line.cost) * share * use


def _demand_shift(line: kinds.DemandShift, draft: Draft) -> None:
    cells = draft.names.regions(line.regions, ("regions",))[:, None] & draft.names.goods(line)
    bought = draft.benchmark.final[cells] > 0
    if cells.any() and not bought.any():
        draft.names.clash(
            (),
            "none of the goods is bought by final demand there",
            "goods that households or governments buy",
        )
    if line.in_force(draft.year):
        draft.array("demand_shift")[cells] *= 1 + draft.now(line.share, 1.0) * (
            draft.now(line.multiplier, 1.0) - 1
        )


def _productivity(line: kinds.Productivity, draft: Draft) -> None:
    cells = draft.names.regions(line.regions, ("regions",))[:, None] & draft.names.sectors(line.sectors)
    if line.in_force(draft.year):
        draft.array("productivity")[cells] *= draft.now(line.multiplier, 1.0)


def _remove_base_licence(line: kinds.RemoveBaseLicence, draft: Draft) -> None:
    if line.in_force(draft.year):
        draft.remove_base_licence = True


BUILDERS: Mapping[type, Callable[[Any, Draft], None]] = {
    kinds.ExportTax: _export_tax,
    kinds.Tariff: _tariff,
    kinds.Friction: _friction,
    kinds.Embargo: _embargo,
    kinds.ExportQuota: _export_quota,
    kinds.ProductionQuota: _production_quota,
    kinds.ProductionSubsidy: _production_subsidy,
    kinds.UseSubsidy: _use_subsidy,
    kinds.ResearchSubsidy: _research_subsidy,
    kinds.CapacityInvestment: _capacity_investment,
    kinds.Stockpile: _stockpile,
    kinds.Recycling: _recycling,
    kinds.DemandShift: _demand_shift,
    kinds.Productivity: _productivity,
    kinds.RemoveBaseLicence: _remove_base_licence,
}
