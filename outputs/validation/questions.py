"""Innovation against security: what the model says to the three questions that the critics of 2010 ask.

Every sentence and number is made from paths solved here; nothing is assumed about who is right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import calibration
import scenarios
from calibration import Calibration
from model.records import Parameters, Regime
from outputs import facts as solve_facts
from outputs import names
from outputs.names import number, signed
from outputs.paths import facts, work
from outputs.paths.facts import View
from outputs.paths.labelled import label
from outputs.paths.plan import PathPlan, plan
from outputs.paths.work import CALIBRATED, EVEN
from scenarios.sweeps.execution import InProcess, pool

FULL: Regime = "directed_with_spillovers"
DIRECTED: Regime = "directed"
SECURITY_YEARS = (2015, 2020)
SHOWN_PPM = 0.05  # contributions below are not printed


def view_of(
    name: str, executor: Executor | None = None, base: Calibration | None = None, **options: Any
) -> View:
    """A shipped path on its own calibration, or on another, solved. Raises ValueError when a regime is not."""
    base = base or calibration.load(scenarios.load(name).calibration)
    return solved(plan(scenarios.load(name, base), base, **options), executor)


def solved(ready: PathPlan, executor: Executor | None = None) -> View:
    """A path, solved. Raises ValueError when a regime is not."""
    found = label(ready, work.run(ready, executor or InProcess()))
    if found.dataset is None or found.failed:
        raise ValueError(f"{ready.scenario.name}: {dict(found.failed)}")
    return View(found.dataset)


def saving_technology(view: View, regime: Regime, year: int, memory: str = CALIBRATED) -> float:
    """Percent by which technology outside saves rare earths, mean of elements, sectors weighted by what they spend."""
    ds = view.ds
    weight = ds["base_ree_cost_share"].values * ds["base_output"].values
    weight = weight * (ds["restricting"].values == 0)[:, None]
    level = np.log(
        view.over_time("technology_level", regime, memory)[view.years.index(year)][:, :, :-1]
    ).mean(axis=2)
    return 100 * float((weight * level).sum() / weight.sum())


def exposed_exports(view: View, regime: Regime, year: int, memory: str = CALIBRATED) -> float:
    """Change of exports of exposed sectors outside, ppm."""
    ds = view.ds
    ratio = view.over_time("exports_volume", regime, memory)[view.years.index(year)]
    return 1e6 * (solve_facts.weighted(ratio, ds["base_exports"].values * ds["exposed"].values) - 1)


# -- temporary against permanent ---------------------------------------------------------------------------------------


def temporary_against_permanent(executor: Executor, base: Calibration | None = None) -> str:
    """A quota of five years and one that stays: technology and exports at the end, and what brought them about."""
    ended, stays = (
        {
            regime: view_of(name, executor, base, regimes=(regime,), security=False)
            for regime in (DIRECTED, FULL)
        }
        for name in ("quota-that-ended", "quota-that-stays")
    )
    last = ended[FULL].years[-1]
    lines = [
        "### A restriction that ended against one that stays\n",
        f"`quota-that-ended` holds shipments to 30,258 t from 2010 to 2014, `quota-that-stays` to {last}. In {last}:\n",
        "| | technology that saves rare earths, outside, % | exports of exposed sectors outside, ppm | made up of |",
        "|---|---:|---:|---|",
    ]
    for what, views in (("ended", ended), ("stays", stays)):
        for regime, view in views.items():
            level, moved = saving_technology(view, regime, last), exposed_exports(view, regime, last)
            parts = _parts(view, last)
            lines.append(f"| {what}, {names.regime(regime)} | {signed(level)} | {signed(moved)} | {parts} |")
            level, moved = (f(view, regime, last, EVEN) for f in (saving_technology, exposed_exports))
            lines.append(
                f"| the same, forgetting as fast as learning | {signed(level)} | {signed(moved)} | |"
            )
    above = [exposed_exports(views[r], r, last) > 0 for views in (ended, stays) for r in (DIRECTED, FULL)]
    said = [
        _claim("technology abroad still saves rare earths", saving_technology(ended[FULL], FULL, last) > 0),
        _claim(
            "with prices back, exports of exposed sectors are above the base year, without spillovers",
            above[0],
        ),
        _claim("and with spillovers", above[1]),
        _claim("under the quota that stays they are above the base year, without spillovers", above[2]),
        _claim("and with spillovers", above[3]),
    ]
    return "\n".join([*lines, "", *(f"- {one}" for one in said), ""])


def _claim(text: str, holds: bool) -> str:
    return f"{names.capital(text)}: {'yes' if holds else 'no'}."


def _parts(view: View, year: int) -> str:
    table = facts.forces(view)
    last = table[table["year"] == year].set_index("force")["exports, exposed [%]"]
    return ", ".join(
        f"{names.FORCES[f]} {signed(1e4 * last[f], 2)}"
        for f in last.index
        if f != "sum" and abs(1e4 * last[f]) >= SHOWN_PPM
    )


# -- flooding first ----------------------------------------------------------------------------------------------------


def flooding_first(executor: Executor, base: Calibration | None = None) -> str:
    """The same squeeze with and without a flood before it."""
    regimes: tuple[Regime, ...] = ("exogenous", FULL)
    options: dict[str, Any] = {"regimes": regimes, "decompose": False, "companion": False}
    flood, alone = (
        view_of(name, executor, base, **options) for name in ("flooding-and-mountain-pass", "squeeze-alone")
    )
    heads = [f"{names.regime(r)}, {what}" for r in regimes for what in ("flood first", "squeeze alone")]
    lines = [
        "### First a flood, then a squeeze\n",
        "Exports are cut by half from 2018; in `flooding-and-mountain-pass` a flood of subsidised Chinese output went "
        "before, from 2010 to 2016.\n",
        f"| all others, million USD | {' | '.join(heads)} |",
        "|---|" + "---:|" * len(heads),
    ]
    rows: dict[str, Callable[[View, Regime], float]] = {
        "loss in 2018": lambda view, r: -_others_income(view, r, 2018),
        "loss of 2018 to 2024": lambda view, r: (
            -sum(_others_income(view, r, y) for y in view.years if y >= 2018)
        ),
        "real income of 2010 to 2017": lambda view, r: sum(
            _others_income(view, r, y) for y in view.years if 2010 <= y < 2018
        ),
        "what halving exports in 2017 would cost": lambda view, r: _cut_loss(view, r, 2017),
    }
    for text, measure in rows.items():
        cells = [number(measure(view, regime)) for regime in regimes for view in (flood, alone)]
        lines.append(f"| {text} | {' | '.join(cells)} |")
    dearer = [_others_income(flood, r, 2018) < _others_income(alone, r, 2018) for r in regimes]
    verdict = "yes" if all(dearer) else "no" if not any(dearer) else "only in one regime"
    return "\n".join(
        [*lines, "", f"- Does the flood make the later squeeze cost others more: {verdict}.", ""]
    )


def _others_income(view: View, regime: str, year: int) -> float:
    at = list(view.ds["group"].values).index("others")
    return float(view.over_time("group_equivalent_variation", regime)[view.years.index(year), at])


def _cut_loss(view: View, regime: str, year: int) -> float:
    return float(facts.others(view, "cut_loss", regime)[year])


# -- capacity against research -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Turn:
    """A parameter at the low or the high end of its range, as a factor on its default."""

    parameter: str
    low: float
    high: float
    turn: Callable[[Parameters, float], Parameters]


def _scale(name: str) -> Callable[[Parameters, float], Parameters]:
    def turn(parameters: Parameters, factor: float) -> Parameters:
        changed: Parameters = parameters.replace(**{name: factor * getattr(parameters, name)})
        return changed

    return turn


TURNS = (
    Turn("innovation_elasticity", 0.4, 1.2, _scale("innovation_elasticity")),
    Turn("learning", 1 / 3, 1.3, _scale("learning")),
    Turn("forgetting", 0.2, 6.0, _scale("forgetting")),
    Turn("spillover", 0.0, 3.0, _scale("spillover")),
    Turn("ree_elasticity", 0.6, 2.0, _scale("ree_elasticity")),
    Turn("capacity_exit", 0.2, 1.5, _scale("capacity_exit")),
    Turn("capacity_response", 0.3, 2.0, _scale("capacity_response")),
    Turn("capacity_weight", 0.5, 1.0, _scale("capacity_weight")),
)


@dataclass(frozen=True)
class Compared:
    """Loss of others if exports were halved, by year, under each policy: million USD."""

    none: Mapping[int, float]
    capacity: Mapping[int, float]
    research: Mapping[int, float]

    def gap(self, year: int) -> float:
        """By how much the loss is smaller with capacity than with research."""
        return self.research[year] - self.capacity[year]


def compare_policies(parameter: str = "", factor: float = 1.0) -> Compared | str:
    """Both policies with a parameter turned; the reason when a path was not solved. Runs in a worker."""
    losses = []
    for name in ("squeeze-alone", "allied-capacity", "rnd-instead-of-mines"):
        base = calibration.load("china-2009")
        scenario = scenarios.load(name, base)
        ready = plan(scenario, base, regimes=(FULL,), decompose=False, companion=False)
        parameters = ready.benchmark.parameters
        if (
            name == "squeeze-alone"
        ):  # the years before the squeeze: no policy, with the parameters of the other two
            parameters = parameters.replace(research_supply_elasticity=research_supply())
        for turn in TURNS:
            if turn.parameter == parameter:
                parameters = turn.turn(parameters, factor)
        benchmark = ready.benchmark.replace(parameters=parameters)
        try:
            view = solved(replace(ready, benchmark=benchmark))
        except ValueError as error:
            return str(error)
        if "note_cut_loss" in view.ds.attrs:
            return str(view.ds.attrs["note_cut_loss"].splitlines()[0])
        losses.append({year: _cut_loss(view, FULL, year) for year in view.years})
    none = {year: losses[0][min(year, 2017)] for year in losses[1]}
    return Compared(none, losses[1], losses[2])


def research_supply() -> float:
    """The research supply elasticity of the two policies compared."""
    return float(scenarios.load("allied-capacity").parameters["research_supply_elasticity"]["value"])


def capacity_against_research(executor: Executor) -> str:
    """The same money in plant abroad and in research: what halving exports would cost, and what decides it."""
    questions = [("", 1.0), *((t.parameter, f) for t in TURNS for f in (t.low, t.high) if f != 1.0)]
    given = [executor.submit(compare_policies, *question) for question in questions]
    answers = dict(zip(questions, (one.result() for one in given), strict=True))
    base = answers["", 1.0]
    if isinstance(base, str):
        return f"### Capacity against research\n\nNot solved: {base}\n"
    years = [year for year in (2010, 2012, 2014, *SECURITY_YEARS, 2024) if year in base.capacity]
    years = sorted(dict.fromkeys(years))
    lines = [
        "### Capacity against research\n",
        "2,000 million USD spent from 2010 to 2013, in mines, separation and magnets abroad (`allied-capacity`) or in "
        "research that saves rare earths (`rnd-instead-of-mines`). What halving China's exports at once would cost all "
        f"others, million USD, with {names.regime(FULL)}:\n",
        "| | " + " | ".join(map(str, years)) + " |",
        "|---|" + "---:|" * len(years),
    ]
    rows = {"no policy": base.none, "capacity": base.capacity, "research": base.research}
    lines += [f"| {text} | {' | '.join(number(row[year]) for year in years)} |" for text, row in rows.items()]
    lines += ["", *(f"- {one}" for one in _verdict(base)), "", *_sensitivity(answers, base)]
    return "\n".join([*lines, ""])


def _verdict(base: Compared) -> list[str]:
    said = []
    for year in SECURITY_YEARS:
        gap = base.gap(year)
        better, worse = ("capacity", "research") if gap > 0 else ("research", "capacity")
        said.append(
            f"In {year} {better} leaves a loss that is {number(abs(gap))} million USD smaller than {worse} does."
        )
    last = max(base.capacity)
    left = [1 - policy[last] / base.none[last] for policy in (base.capacity, base.research)]
    text = f"By {last} capacity avoids {100 * left[0]:.0f} % of the loss and research {100 * left[1]:.0f} %"
    return [
        *said,
        f"{text}: plant that is not wanted at the prices of the day closes, and what was learnt is forgotten.",
    ]


def _sensitivity(answers: Mapping[tuple[str, float], Compared | str], base: Compared) -> list[str]:
    """The three parameters that move the answer most, at both ends of their ranges."""
    found, failed = [], []
    for turn in TURNS:
        ends: list[tuple[float, Compared]] = []
        for factor in (turn.low, turn.high):
            one = base if factor == 1.0 else answers[turn.parameter, factor]
            if isinstance(one, str):
                failed.append(f"{turn.parameter} times {factor:.2g} was not solved ({one.split(';')[0]})")
            else:
                ends.append((factor, one))
        spread = max((abs(one.gap(y) - base.gap(y)) for _, one in ends for y in SECURITY_YEARS), default=0.0)
        found.append((spread, turn, ends))
    found.sort(key=lambda each: -each[0])
    lines = [
        "The three parameters that move this answer most, one at a time, at the ends of their ranges. Advantage of "
        "capacity over research, million USD, negative where research is better:\n",
        "| parameter | factor | " + " | ".join(map(str, SECURITY_YEARS)) + " |",
        "|---|---:|" + "---:|" * len(SECURITY_YEARS),
        f"| default | 1 | {' | '.join(signed(base.gap(y)) for y in SECURITY_YEARS)} |",
    ]
    for _, turn, ends in found[:3]:
        for factor, one in ends:
            gaps = " | ".join(signed(one.gap(year)) for year in SECURITY_YEARS)
            lines.append(f"| {turn.parameter} | {factor:.2g} | {gaps} |")
    turned = [
        t.parameter
        for _, t, ends in found
        if any(np.sign(o.gap(y)) != np.sign(base.gap(y)) for _, o in ends for y in SECURITY_YEARS)
    ]
    said = names.listed(turned) if turned else "none of the eight"
    return [*lines, "", f"- The sign of the answer turns with: {said}.", *(f"- {one}." for one in failed)]


def sections(workers: int) -> list[str]:
    """All answers, as sections of the page."""
    with pool(workers) as executor:
        asked: Sequence[Callable[[Executor], str]] = (
            temporary_against_permanent,
            flooding_first,
            capacity_against_research,
        )
        return ["## Innovation against security\n", *(one(executor) for one in asked)]
