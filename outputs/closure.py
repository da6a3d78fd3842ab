"""What a result rests on, in words: what is given and what responds (the closure), and the scenario's numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from model.records import Benchmark, Labels, Regime
from outputs.names import capital, listed, number, regime, sector
from scenarios.common import RateLine
from scenarios.instruments import (
    CapacityInvestment,
    DemandShift,
    ExportQuota,
    ExportTax,
    ProductionQuota,
    ProductionSubsidy,
)
from scenarios.naming import Names
from scenarios.quantities import at, entries
from scenarios.scenario import Scenario

Assumed = tuple[str, str]  # what it is about, and what is assumed
FAR = 30  # years after the base year, from which on its economy is another one


def assumed(
    scenario: Scenario, benchmark: Benchmark, labels: Labels, regimes: Sequence[Regime], base_year: int
) -> list[Assumed]:
    """Everything in the closure that decides results, term by term (sections 4, 6 and 7 of docs/model.md).

    benchmark: the calibration's with the scenario's parameters and deficit rule. regimes: those that are solved.
    """
    return [
        ("Time", _time(scenario)),
        *([("Years", amiss)] if (amiss := years_amiss(scenario, base_year)) else []),
        *_technology(scenario, benchmark, regimes),
        *_scientists(benchmark, regimes),
        *_capacity(scenario, labels, regimes),
        ("Trade deficits", DEFICITS[benchmark.parameters.deficit_rule]),
        ("Factors of production", _mobility(benchmark, labels)),
        *_surplus(scenario, benchmark, labels),
        *_rents(scenario),
        *([("Late plant", late)] if (late := late_plant(scenario)) else []),
        *([("Plant that was paid for", KEPT)] if _builds_on_a_path(scenario) else []),
        *_replaced(scenario, benchmark, labels),
        *([("Demand", SHIFTED)] if any(isinstance(i, DemandShift) for i in scenario.instruments) else []),
        ("Expectations", EXPECTATIONS),
    ]


DEFICITS = {
    "fixed": "Each region's deficit or surplus keeps its size in units of the numeraire, the world's labour and "
    "capital income. It does not borrow through a restriction, nor lend what it gains (E11).",
    "share_of_world_income": "Each region's deficit or surplus keeps its share of what the world's factors earn, "
    "resource rents included. It does not borrow through a restriction, nor lend what it gains (E11).",
}
UNPAID = (
    "What is built so costs nobody anything: only the outlays of a capacity_investment are paid, so that a policy that "
    "makes plant grow looks better than it is."
)
KEPT = (
    "What an investment builds stops as other plant does: by what is above the rent's call for plant, a part every "
    "year (E22), though its rent may be above that of the base year. parameters: {capacity_exit: 0} keeps all plant."
)
SHIFTED = (
    "Real income is measured at the shifted demand, in the base year too. Research is paid out of prices and "
    "scientists are given (E7, E11), so that demand for goods with more research than others raises income, whatever "
    "else it does."
)
EXPECTATIONS = (
    "Buyers and sellers know prices. There is no hoarding, panic or speculation, and no stock but those that the "
    "scenario names; demand grows with income, and with what the scenario adds to it."
)


def _time(scenario: Scenario) -> str:
    if scenario.horizon == "path":
        return f"Year by year, {scenario.years}: each is in equilibrium with the technology and plant it begins with."
    stands = f" that stands for {scenario.year}" if scenario.year else ""
    one = f"One equilibrium{stands}, horizon {scenario.horizon}"
    if scenario.horizon == "short":
        return f"{one}: prices and trade respond; technology and plant do not."
    return (
        f"{one}: what responds has reached its target, however many years that takes. "
        "A scenario with horizon: path has the years."
    )


def years_amiss(scenario: Scenario, base_year: int) -> str:
    """What is amiss with years that come before the base year or long after it; empty when nothing is."""
    first, last = scenario.span[0], scenario.span[-1]
    if first is None or last is None:
        return ""
    if first < base_year:
        return (
            f"{first} is before the base year of {scenario.calibration}, {base_year}: what was then is held against "
            f"trade, prices and technology of {base_year}."
        )
    if last > base_year + FAR:
        return (
            f"{last} is {last - base_year} years after the base year of {scenario.calibration}, {base_year}: nothing "
            "grows or changes until then but what the scenario names and what answers to it."
        )
    return ""


def late_plant(scenario: Scenario) -> str:
    """Outlays of a path for plant that is ready after its last year only (E22); empty when there are none."""
    if scenario.horizon != "path":
        return ""
    years, late = [year for year in scenario.span if year is not None], []
    for line in scenario.instruments:
        if isinstance(line, CapacityInvestment):
            last = [year for year in years if year + line.build_time > years[-1]]
            paid = [str(year) for year in last if line.in_force(year) and at(line.spending, year)]
            late += [f"{line.name} in {listed(paid)}"] if paid else []
    if not late:
        return ""
    return (
        f"What is spent on {listed(late)} builds plant that is ready after {years[-1]}: the years that are shown bear "
        "its cost and have nothing of it (E22)."
    )


def _builds_on_a_path(scenario: Scenario) -> bool:
    return scenario.horizon == "path" and any(
        isinstance(line, CapacityInvestment) for line in scenario.instruments
    )


def _speeds(benchmark: Benchmark) -> str:
    """How fast technology moves up beside down (E21)."""
    up, down = benchmark.parameters.learning, benchmark.parameters.forgetting
    if up == down:
        return "up as fast as down"
    return "up faster than down" if up > down else "down faster than up"


def _technology(scenario: Scenario, benchmark: Benchmark, regimes: Sequence[Regime]) -> list[Assumed]:
    said = [f"With {regime('exogenous')} it is as in the base year."] if "exogenous" in regimes else []
    follow = [one for one in regimes if one != "exogenous"]
    if follow:
        if scenario.horizon == "path":
            text = f"it moves towards its target a little every year, {_speeds(benchmark)} (E21)"
        elif scenario.closure(follow[0]).technology == "target":
            text = "it is at its target: all that research answers to these prices has been found and is used (E17)"
        else:
            text = "it is as in the base year, because research has had no time; the regimes are the same"
        said.append(f"With {listed([regime(one) for one in follow])} {text}.")
    return [("Technology", " ".join(said))]


def _scientists(benchmark: Benchmark, regimes: Sequence[Regime]) -> list[Assumed]:
    """Where those come from who do more research on something (E16)."""
    if all(one == "exogenous" for one in regimes):
        return []
    par = benchmark.parameters
    from_where = {
        "sector": "from other research of the same sector: its direction changes, its amount hardly does",
        "region": "from research of all sectors of the region",
    }[par.research_closure]
    if par.research_supply_elasticity:
        from_where += f", and from other work with elasticity {par.research_supply_elasticity:g}"
    return [("Scientists", f"More research on something takes scientists {from_where} (E16).")]


def _capacity(scenario: Scenario, labels: Labels, regimes: Sequence[Regime]) -> list[Assumed]:
    if not labels.stages:
        return []
    term = f"Plant ({listed([sector(stage) for stage in labels.stages])})"
    if scenario.horizon == "path":
        follows = "Follows its rent: built after a build time, closed and scrapped over years (E22)."
        return [(term, f"{follows} {UNPAID}")]
    if scenario.closure(regimes[0]).capacity == "target":
        there = "At its target: plant has followed its rent, as if there were years to build it (E22)."
        return [(term, f"{there} {UNPAID}")]
    given = "As in the base year, with what investments of the scenario add; else none is built or scrapped"
    return [(term, f"{given}, however high the price.")]


def _mobility(benchmark: Benchmark, labels: Labels) -> str:
    """How each factor moves between the sectors of its region (E10)."""
    words = []
    for name, kappa in zip(labels.factors, benchmark.parameters.factor_mobility, strict=True):
        called = {"resource": "what is bound to ore and plant"}.get(name, name)
        if np.isinf(kappa):
            words.append(f"{called} moves freely")
        elif kappa == 0:
            words.append(f"{called} stays")
        else:
            words.append(f"{called} moves with elasticity {kappa:g}")
    return (
        f"Between the sectors of a region {listed(words)}. None moves between regions; all is employed (E10)."
    )


def _rents(scenario: Scenario) -> list[Assumed]:
    """Who gets the rents of export quotas, and whether they leak."""
    quotas = [line for line in scenario.instruments if isinstance(line, ExportQuota)]
    if not quotas:
        return []
    shared = [
        q.name for q in quotas if q.rent_to_importer and any(e.value for e in entries(q.rent_to_importer))
    ]
    leaking = [q.name for q in quotas if q.leak_margin is not None]
    rent = f"part of those of {listed(shared)} goes to importers, all others stay" if shared else "all stay"
    leak = (
        f"smuggling bounds the licence price of {listed(leaking)}"
        if leaking
        else "nothing is smuggled past a quota"
    )
    return [("Quota rents", f"{capital(rent)} in the region that exports (E11); {leak}.")]


def _surplus(scenario: Scenario, benchmark: Benchmark, labels: Labels) -> list[Assumed]:
    """What becomes of what nobody wants at its price, where that is thrown away."""
    floor, said = benchmark.parameters.price_floor, []
    if floor.any():
        each = [f"{e} {number(f)}" for e, f in zip(labels.elements, floor, strict=True) if f > 0]
        said.append(
            "What cannot be sold at the floor under its price is thrown away. The floors, as ratios to base-year "
            f"prices: {listed(each)} (E6)."
        )
    if any(isinstance(line, ProductionQuota) for line in scenario.instruments):
        said.append(
            "What would leave less than a millionth of its base-year price under a production quota is thrown away: "
            "nobody buys a licence for it (E6)."
        )
    return [("Surplus", " ".join(said))] if said else []


def _replaced(scenario: Scenario, benchmark: Benchmark, labels: Labels) -> list[Assumed]:
    """Taxes and subsidies of the base year that a `rate` takes the place of, where something is sold."""
    names, said = Names(scenario, labels), []
    traded = (benchmark.trade_share > 0).any(axis=0)
    for line in scenario.instruments:
        if not isinstance(line, RateLine) or line.rate is None:
            continue
        if isinstance(line, ProductionSubsidy):
            cells = names.regions(line.regions, ("regions",))[:, None] & names.sectors(line.sectors)
            base = benchmark.subsidy[cells & (benchmark.output > 0)]
        else:
            rates = benchmark.export_tax if isinstance(line, ExportTax) else benchmark.tariff
            base = rates[names.trade(line) & traded]
        if base.any():
            low, high = (number(100 * rate) for rate in (base.min(), base.max()))
            said.append(f"{line.name} takes the place of {low if low == high else f'{low} to {high}'} %")
    text = f"{listed(said)} in the base year; with add instead of rate, that would stay as well."
    return [("Rates replaced", text)] if said else []


def numbers(scenario: Scenario) -> list[tuple[str, str, str, str]]:
    """Every number of a scenario: which, its value with unit and year, status ("" for a setting), source."""
    found = []
    for one in scenario.figures():
        scale, unit = (100, "%") if one.unit == "ratio" else (1, one.unit)
        value = f"{scale * one.value:,.10g} {unit}".strip() + (f" in {one.year}" if one.year else "")
        found.append((f"{one.instrument}.{one.field}", value, one.status, one.source))
    return found
