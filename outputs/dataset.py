"""Solutions and labels -> one xarray.Dataset: docs/model.md section 8.

Every variable has units, a long name, the equation it comes from and a description. Axes are joined exactly: cases that
differ in a label are refused, never cut to what they share. A number that is not finite is refused by name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

import numpy as np
import xarray as xr

from model import flows
from model.base_year import production_tonnes_base, quota_tonnes_base
from model.decomposition import first_order
from model.equilibrium import Residuals, residuals
from model.records import SHORT, Array, Benchmark, Labels, ProductionQuota, Quota, Shock
from model.shocks import base_quotas
from model.solution import Solution
from model.solve import solve
from model.unknowns import BLOCKS as PAIRED
from model.unknowns import layout
from model.variables import AXES, RENAMED, VARIABLES, Variable, results
from scenarios.base_year import research_outlay

AnyQuota: TypeAlias = Quota | ProductionQuota
LEAK = 1e-8  # of the tonnes sold; less is what the solver leaves
LETTERS = {**AXES, "q": "quota", "b": "block", "u": "group"}

EXTRA = tuple(
    Variable(*row)
    for row in (
        ("delivered_price", "ink", "ratio", "E1", "price of an origin's good at the buyer, taxes and frictions in it"),
        ("trade", "ink", "million USD", "E9", "sales of an origin to a buyer at the producer's gate"),
        ("quota_tonnes", "q", "t", "E12", "tonnes that count against a quota"),
        ("quota_leak", "q", "t", "E13", "of these, tonnes that are smuggled: what is sold beside the limit"),
        ("smuggling_cost", "q", "million USD", "E11", "what smuggling uses up, by quota; deducted from licence_rent"),
        ("licence_price", "q", "USD/kg", "E14", "rent of a quota per kg; for an ad-valorem licence the mean"),
        ("licence_rate", "q", "share", "E14", "rent of a quota over the gate value of what it covers"),
        ("quota_in_force", "q", "0 or 1", "E12", "1 where the quota applies in this year"),
        ("quota_limit", "q", "t", "E12", "limit of a quota; 0 where it is not in force"),
        ("group_equivalent_variation", "u", "million USD", "8", "equivalent variation of a group of regions, summed"),
        ("first_order_terms_of_trade", "nik", "million USD", "section 8", "Caliendo and Parro's first-order effect of "
         "border prices on a region's income, by partner (origin) and good; an approximation for small shocks"),
        ("first_order_volume_of_trade", "nik", "million USD", "section 8", "the same of tariffs and export taxes on "
         "more or less trade; the exact change beside it is equivalent_variation"),
        ("group_real_income", "u", "ratio", "8", "income of the base year plus equivalent variation, over the former"),
        ("residual", "b", "log ratio", "section 4", "largest residual of a block of equations, in absolute value"),
        ("walras", "", "share of world income", "E11", "what is left of the budget that Walras' law leaves out"),
        ("iterations", "", "count", "", "Newton iterations of the last solve"),
    )
)  # fmt: skip

BASE = tuple(
    Variable(*row)
    for row in (
        ("quota_base_tonnes", "q", "t", "E12", "tonnes of the base year that a quota counts"),
        ("quota_on_output", "q", "0 or 1", "section 5", "1 where a quota limits what is made and sold, not exports"),
        ("restricting", "n", "0 or 1", "", "1 where the scenario restricts what the region sells"),
        ("group_member", "un", "0 or 1", "", "1 where a region belongs to a group"),
        ("exposure", "nj", "USD per million USD", "section 9", "rare earths of the restricting regions that are hard "
         "to replace, bought directly or in inputs, per output"),
        ("exposed", "nj", "0 or 1", "section 9", "1 for the most exposed tenth outside the restricting regions"),
        ("chain", "j", "0 or 1", "", "1 for sectors of the rare-earth chain, from mine to magnet"),
        ("reo_content", "e", "kg per kg", "", "rare-earth oxide in a kilo of what is traded"),
        ("base_research", "njg", "million USD", "E15", "research by what it improves; base year"),
    )
)  # fmt: skip

OF_QUOTAS = [row.name for row in BASE if row.axes == "q"]  # of one scenario, where several are combined

# Levels whose base-year value is kept beside the result, as base_NAME.
LEVELS = tuple(row for row in (*VARIABLES, *EXTRA) if row.unit not in ("ratio", "log ratio", "count", "0 or 1")
               and row.name in {v.name for v in VARIABLES} | {"trade"})  # fmt: skip


class Case(NamedTuple):
    """The numbers of one solve, by variable name: what a worker process sends back."""

    values: Mapping[str, Array]
    message: str


@dataclass(frozen=True)
class Frame:
    """What all cases of a scenario share: labels, base year, and who restricts what."""

    labels: Labels
    benchmark: Benchmark
    quotas: tuple[str, ...]
    base: Mapping[str, Array]  # variables of BASE and base-year levels
    groups: Mapping[str, Array] = field(default_factory=dict)  # (n,) bool

    @property
    def coordinates(self) -> dict[str, tuple[str, ...]]:
        """Labels of every axis."""
        labels = self.labels
        return {
            "region": labels.regions, "origin": labels.regions, "sector": labels.sectors, "good": labels.goods,
            "element": labels.elements, "factor": labels.factors, "technology": labels.technologies,
            "stage": labels.stages, "quota": self.quotas, "group": tuple(self.groups), "block": BLOCKS,
        }  # fmt: skip


def frame(
    labels: Labels,
    benchmark: Benchmark,
    base: Solution,
    quotas: tuple[AnyQuota, ...],
    restricting: Array,
    marked: Mapping[str, Array],
    coalitions: Mapping[str, Collection[str]] | None = None,
) -> Frame:
    """A frame with its groups of regions: the world, the restricting regions, the others, and coalitions.

    base: the solution without a shock; marked: what `outputs.focus.marks` says of sectors.
    """
    named = {name: np.isin(labels.regions, list(members)) for name, members in (coalitions or {}).items()}
    groups = {"world": np.ones_like(restricting), "restricting": restricting, "others": ~restricting, **named}
    own = {
        "restricting": restricting.astype(float),
        "group_member": np.array(list(groups.values()), dtype=float),
        **marked,
    }
    names = tuple(quota.name for quota in quotas)
    return Frame(labels, benchmark, names, base_values(base, quotas) | own, groups)


BLOCKS = Residuals._fields


def all_quotas(benchmark: Benchmark, shock: Shock) -> tuple[AnyQuota, ...]:
    """Every quota of a year, on exports and on production, those that carry the base year's licences included."""
    kept = () if shock.remove_base_licence else base_quotas(benchmark)
    return (*kept, *shock.quotas, *shock.production_quotas)


def case(solution: Solution, base: Solution, shock: Shock, frame: Frame) -> Case:
    """Every variable of a solved case. Raises ValueError when one is not finite."""
    values = dict(results(solution, base))
    values["delivered_price"] = flows.delivered_price(solution)
    values["trade"] = flows.gate_flows(solution)
    values |= _quotas(solution, all_quotas(frame.benchmark, shock), frame.quotas)
    income, change = values["equivalent_variation"], frame.benchmark.final.sum(axis=1)
    members = np.array(list(frame.groups.values()), dtype=float).reshape(len(frame.groups), len(income))
    values["group_equivalent_variation"] = members @ income
    approximate, usd = first_order(solution, base), solution.system.income_base[:, None, None]
    values["first_order_terms_of_trade"] = approximate.terms_of_trade * usd
    values["first_order_volume_of_trade"] = approximate.volume_of_trade * usd
    values["group_real_income"] = 1 + (members @ income) / (members @ change)
    values["residual"] = largest_residuals(solution)
    values["walras"] = np.asarray(walras(solution))
    values["iterations"] = np.asarray(float(solution.iterations))
    refuse_not_finite(values)
    return Case(values, solution.diagnosis.text(frame.labels))


def largest_residuals(solution: Solution) -> Array:
    """(b,) largest residual of each block of equations, in absolute value; 0 for a block that is not solved for."""
    found, cells = residuals(solution.system, solution.allocation), layout(solution.system)
    masks = {block: mask for (_, block), mask in zip(PAIRED, cells.masks, strict=True)}
    return np.array([np.abs(getattr(found, block)[masks[block]]).max(initial=0.0) for block in BLOCKS])


def walras(solution: Solution) -> float:
    """E11: income less earnings of the region whose budget is left out, over world income."""
    system, a = solution.system, solution.allocation
    left_out = system.numeraire_region
    spent = system.income_base[left_out] * np.exp(a.state.income[left_out])
    return float(abs(spent - a.income[left_out]) / (system.income_base * np.exp(a.state.income)).sum())


def _quotas(solution: Solution, quotas: Sequence[AnyQuota], names: Sequence[str]) -> dict[str, Array]:
    """Tonnes, licences and smuggling of each quota of `names`; 0 for one that is not in force."""
    in_force = {quota.name: quota for quota in quotas}
    gate = flows.gate_flows(solution)
    tonnes = np.nan_to_num(flows.gate_tonnes(solution))
    made = {quota.name: row for row, quota in enumerate(solution.system.restrictions.production)}
    columns = {name: np.zeros(len(names)) for name in
               ("quota_tonnes", "quota_leak", "smuggling_cost", "licence_price", "licence_rate", "quota_in_force",
                "quota_limit")}  # fmt: skip
    for at, name in enumerate(names):
        if name not in in_force:
            continue
        quota = in_force[name]
        columns["quota_in_force"][at] = 1.0
        columns["quota_limit"][at] = quota.limit
        if isinstance(quota, ProductionQuota):
            a, row = solution.allocation, made[name]
            chi, counted = solution.licences[name], float(a.production_tonnes[row])
            value = float(a.supply[quota.origin, quota.goods].sum())
            columns["quota_tonnes"][at], columns["licence_price"][at] = counted, chi
            columns["licence_rate"][at] = _over(chi * counted / 1e3, value)
            continue
        chi = solution.licence.get(name, 0.0)
        counted = float((quota.covers * tonnes * quota.counted).sum())
        value = float(gate[quota.covers].sum())
        rent = chi * (counted / 1e3 if quota.specific else value)  # million USD
        columns["quota_tonnes"][at] = counted
        leak = counted - quota.limit
        if quota.leak_margin is not None and leak > LEAK * counted:
            columns["quota_leak"][at] = leak
            columns["smuggling_cost"][at] = quota.leak_margin * leak / 1e3
        columns["licence_price"][at] = chi if quota.specific else _over(rent * 1e3, counted)
        columns["licence_rate"][at] = _over(rent, value)
    return columns


def _over(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0


def base_values(base: Solution, quotas: Sequence[AnyQuota]) -> dict[str, Array]:
    """Base-year levels, research and tonnes under each quota, by name."""
    benchmark = base.system.benchmark
    values = dict(results(base, base)) | {"trade": flows.gate_flows(base)}
    levels = {f"base_{row.name}": values[row.name] for row in LEVELS}
    tonnes = np.array([base_tonnes(benchmark, quota) for quota in quotas])
    on_output = np.array([float(isinstance(quota, ProductionQuota)) for quota in quotas])
    content = benchmark.reo_content[benchmark.elements]
    research = research_outlay(benchmark)
    own = {"quota_base_tonnes": tonnes, "quota_on_output": on_output}
    return levels | own | {"reo_content": content, "base_research": research}


def base_tonnes(benchmark: Benchmark, quota: AnyQuota) -> float:
    """E12: tonnes of the base year that a quota counts."""
    if isinstance(quota, ProductionQuota):
        return production_tonnes_base(benchmark, quota)
    return quota_tonnes_base(benchmark, quota)


def base_solution(benchmark: Benchmark) -> Solution:
    """The solution without a shock. Raises SolveError when the base year is not an equilibrium."""
    return solve(benchmark, closure=SHORT)


def assemble(
    cases: Mapping[tuple[str, int | None], Case],
    frame: Frame,
    scenario: str,
    attributes: Mapping[str, str] | None = None,
) -> xr.Dataset:
    """The Dataset of a scenario: cases by (regime, year), a full grid of both; the year axis is left out when None.

    Raises ValueError on repeated labels, on a hole in the grid and on numbers that are not finite.
    """
    regimes = list(dict.fromkeys(regime for regime, _ in cases))
    years = list(dict.fromkeys(year for _, year in cases))
    holes = [(regime, year) for regime in regimes for year in years if (regime, year) not in cases]
    if holes or not cases:
        raise ValueError(f"no result for {holes or scenario}")
    coordinates = frame.coordinates
    refuse_repeated(coordinates)
    refuse_not_finite(frame.base)
    lead = ["scenario", "regime"] if years == [None] else ["scenario", "regime", "year"]
    variables = {}
    for row in (*VARIABLES, *EXTRA):
        stack = np.array(
            [[cases[regime, year].values[row.name] for year in years] for regime in regimes], dtype=float
        )
        stack = stack[:, 0] if years == [None] else stack
        name = RENAMED.get(row.name, row.name)
        variables[name] = (lead + dims(row), stack[None], describe(row._replace(name=name)))
    for row in (*BASE, *(base_row(level) for level in LEVELS)):
        if row.name in frame.base:
            variables[row.name] = (dims(row), np.asarray(frame.base[row.name], dtype=float), describe(row))
    messages = np.array([[cases[regime, year].message for year in years] for regime in regimes], dtype=object)
    messages = messages[:, 0] if years == [None] else messages
    said = {
        "long_name": "what the solver said",
        "units": "text",
        "equation": "",
        "description": "status of the solve",
    }
    variables["message"] = (lead, messages[None], said)
    coords = {name: np.array(labels, dtype=object) for name, labels in coordinates.items()}
    coords |= {"scenario": np.array([scenario], dtype=object), "regime": np.array(regimes, dtype=object)}
    if years != [None]:
        coords["year"] = np.array(years)
    return xr.Dataset(variables, coords, dict(attributes or {}))


def dims(row: Variable) -> list[str]:
    """Names of a variable's axes."""
    return [LETTERS[letter] for letter in row.axes]


def base_row(row: Variable) -> Variable:
    """The row of a variable's base-year value."""
    return row._replace(name=f"base_{row.name}", description=f"{row.description}; base year")


def describe(row: Variable) -> dict[str, str]:
    """Attributes of a variable."""
    equation = row.equation if not row.equation[:1].isdigit() else f"section {row.equation}"
    name = row.name.replace("_", " ").replace("ree ", "REE ").replace("tfp", "TFP")
    return {"units": row.unit, "long_name": name, "equation": equation, "description": row.description}


def combine(datasets: Sequence[xr.Dataset]) -> xr.Dataset:
    """Runs of several scenarios as one Dataset along `scenario`, quotas of all of them side by side.

    Raises ValueError when any other axis differs: nothing is dropped silently.
    """
    quotas = list(dict.fromkeys(name for ds in datasets for name in ds["quota"].values.tolist()))
    widened = [_with_quotas(ds, quotas) for ds in datasets]
    with xr.set_options(keep_attrs=True):
        return xr.concat(
            widened, "scenario", data_vars="minimal", coords="minimal", compat="equals", join="exact",
            combine_attrs="drop_conflicts",
        )  # fmt: skip


def _with_quotas(dataset: xr.Dataset, names: list[str]) -> xr.Dataset:
    """The quota axis widened to `names`; a quota that is not this scenario's is not in force and has zeros."""
    wide = dataset.reindex(quota=names, fill_value=0.0)
    own = {name: wide[name].expand_dims(scenario=wide["scenario"]) for name in OF_QUOTAS}
    return wide.assign(own)


def refuse_not_finite(values: Mapping[str, Array]) -> None:
    """Raise ValueError naming the first variables that hold a number which is not finite, and where."""
    bad = []
    for name, array in values.items():
        array = np.asarray(array, dtype=float)
        if not np.isfinite(array).all():
            cell = tuple(int(v) for v in np.argwhere(~np.isfinite(array))[0])
            bad.append(f"{name} at {cell} is {array[cell]}")
    if bad:
        raise ValueError(f"a result is not finite: {'; '.join(bad[:5])}")


def refuse_repeated(coordinates: Mapping[str, Sequence[str]]) -> None:
    """Raise ValueError when a label stands twice on an axis: selecting by it would be ambiguous."""
    for axis, labels in coordinates.items():
        twice = sorted({label for label in labels if list(labels).count(label) > 1})
        if twice:
            raise ValueError(f"{axis} has a label twice: {', '.join(twice)}")
