"""What a path says, in sentences made from its numbers and from nothing else."""

from __future__ import annotations

import json

import numpy as np

from outputs import facts as solve_facts
from outputs import lost, names, pricefacts, wording
from outputs.findings import DEEP, DEEP_CAUTION, is_deep, regions
from outputs.forces import decisive
from outputs.names import listed, number, signed
from outputs.paths import facts
from outputs.paths.facts import View
from outputs.paths.work import CALIBRATED, EVEN
from outputs.pricefindings import TOLD
from outputs.wording import Finding, dearer, resolved, sentence


def findings(view: View) -> list[Finding]:
    """Everything that can be said of a path, most asked-for first."""
    said = [
        regions(view.ds),
        prices(view),
        chain(view),
        income(view),
        assets(view),
        exports(view),
        memory(view),
        lost.technology(view.ds),
        deciding(view),
        by_instrument(view),
        security(view),
        replacing(view),
    ]
    return [one for one in said if one is not None]


def prices(view: View) -> Finding | None:
    """When oxide prices abroad are furthest from the base year, and where they end."""
    if not pricefacts.exported(view.ds):
        return None
    table = facts.overview(view)
    table = table[table["memory"] == CALIBRATED]
    parts = []
    for regime in dict.fromkeys((view.regimes[0], view.regimes[-1])):
        run = table[table["regime"] == regime].set_index("year")["oxides abroad [%]"]
        peak = view.years[int(np.argmax(np.abs(run.to_numpy())))]
        parts.append(
            f"with {names.regime(regime)} oxides abroad are furthest from their base-year price in {peak} "
            f"({dearer(float(run[peak]))}) and cost {dearer(float(run.iloc[-1]))} in {view.years[-1]}"
        )
    if pricefacts.paid(view.ds):
        parts.append("where exports to some or all have stopped that is what others pay, wherever it is from")
    return Finding("Prices", sentence(parts))


def chain(view: View) -> Finding | None:
    """What concentrate and magnets cost those who buy them outside: furthest from the base year, and at the end."""
    each = []
    for good in pricefacts.chain_goods(view.ds):
        said, most = [], 0.0
        for regime in dict.fromkeys((view.regimes[0], view.regimes[-1])):
            change = np.array([pricefacts.bought_index(view.year(at), regime, good) for at in view.years])
            peak = int(np.argmax(np.abs(change)))
            most = max(most, abs(float(change[peak])))
            said.append(
                f"{dearer(float(change[peak]))} in {view.years[peak]} and {dearer(float(change[-1]))} in "
                f"{view.years[-1]} with {names.regime(regime)}"
            )
        each += [f"for {good} {', '.join(said)}"] if most >= TOLD else []
    who = (
        f"Outside {wording.restrictors(view.ds)} buyers pay, wherever it is from, furthest from the base year"
    )
    return Finding("Ore and magnets", f"{who} and at the end, {'; '.join(each)}.") if each else None


def income(view: View) -> Finding:
    """Real income of the others: the worst year, and the last one."""
    said = _at_its_lowest(view, {regime: _group(view, regime, "others") for regime in view.regimes})
    text = f"Real income of all others against the base year, at its lowest and at the end: {said}."
    return Finding("Real income", text + caution(is_deep(view.ds)))


def assets(view: View) -> Finding | None:
    """The others' real income but for what stocks cost and bring, where there are any: a sale is no gain."""
    if not view.ds["stock"].values.any():
        return None
    base, others = view.ds["base_income"].values, view.ds["restricting"].values == 0
    without = {
        regime: ((view.over_time("real_income_without_asset_sales", regime) - 1) * base)[:, others].sum(
            axis=1
        )
        for regime in view.regimes
    }
    return Finding(
        "Stocks",
        "In real income what is bought for stocks is spent and what is sold from them earned, at today's prices. "
        f"But for both it is, at its lowest and at the end: {_at_its_lowest(view, without)}.",
    )


def _at_its_lowest(view: View, values: dict[str, np.ndarray]) -> str:
    """An amount by regime: in its worst year, and in the last one."""
    parts = []
    for regime, amount in values.items():
        worst = int(amount.argmin())
        unit, scale = names.readable_money([amount[worst], amount[-1]])
        parts.append(
            f"with {names.regime(regime)} {signed(scale * amount[worst])} {unit} in {view.years[worst]} and "
            f"{signed(scale * amount[-1])} in {view.years[-1]}"
        )
    return "; ".join(parts)


def caution(deep: bool) -> str:
    """What is said behind losses that no data can tell."""
    return f" {DEEP_CAUTION}." if deep else ""


def exports(view: View) -> Finding:
    """Exports of exposed sectors at the end of the path."""
    table = facts.overview(view)
    last = table[(table["memory"] == CALIBRATED) & (table["year"] == view.years[-1])].set_index("regime")
    values = last["exports, exposed [%]"]
    unit, scale = names.readable_unit([float(v) for v in values])
    parts = [
        f"{signed(scale * values[regime], 2)} {unit} with {names.regime(regime)}" for regime in view.regimes
    ]
    return Finding(
        "Exports",
        f"Exports of exposed sectors outside {wording.restrictors(view.ds)} in {view.years[-1]}: {listed(parts)}.",
    )


def memory(view: View) -> Finding | None:
    """How much of the last year rests on forgetting being slower than learning."""
    if EVEN not in view.memories:
        return None
    regime = view.regimes[-1]
    one, two = (_group(view, regime, "others", memory)[-1] for memory in (CALIBRATED, EVEN))
    up, down = view.ds.attrs.get("learning", ""), view.ds.attrs.get("forgetting", "")
    text = (
        f"With {names.regime(regime)} others' real income in {view.years[-1]} differs from that of the base year by "
        f"{signed(one)} million USD; were forgetting as fast as learning ({up} a year instead of {down}), by "
        f"{signed(two)}."
    )
    return Finding("Memory", text)


def deciding(view: View) -> Finding | None:
    """The forces that decide the sign of exposed sectors' exports in the last year that was decomposed."""
    table = facts.forces(view)
    if not len(table):
        return None
    at = int(table["year"].max())
    last = table[table["year"] == at].set_index("force")["exports, exposed [%]"]
    parts = {force: resolved(float(last[force])) for force in last.index if force != "sum"}
    unit, scale = names.readable_unit(list(parts.values()))
    which = listed([names.FORCES[force] for force in decisive(parts)]) or "nothing"
    detail = ", ".join(f"{names.FORCES[force]} {signed(scale * value, 2)}" for force, value in parts.items())
    regime = names.regime(str(view.ds.attrs.get("decomposed", "")))
    total = f"{signed(scale * resolved(float(last['sum'])), 2)} {unit}"
    text = f"Exports of exposed sectors in {at}, {regime}: {total} = {detail}. Decided by {which}."
    return Finding("Forces", text)


def by_instrument(view: View) -> Finding | None:
    """What each instrument did to real income of the others: over all years and in the last; None if not asked."""
    table = facts.instruments(view)
    if not len(table):
        return None
    column, last = "real income, others [million USD]", view.years[-1]
    parts = []
    for name in dict.fromkeys(table["instrument"]):
        one = table[table["instrument"] == name].set_index("year")[column]
        parts.append(f"{name} {signed(float(one.sum()))} ({signed(float(one[last]))} in {last})")
    return Finding(
        "Instruments", f"Real income of all others over all years, million USD: {', '.join(parts)}."
    )


def security(view: View) -> Finding | None:
    """What a cut and an embargo would cost at the start and at the end, with and without innovation so far."""
    regime, parts = view.regimes[-1], []
    for name, what in (("cut_loss", _cut(view)), ("embargo_loss", "A full embargo that lasts")):
        if name not in view.ds:
            continue
        now, without = (
            facts.others(view, f"{name}{suffix}", regime) for suffix in ("", "_without_innovation")
        )
        (first, start), (last, end), bare = next(now.items()), list(now.items())[-1], without.iloc[-1]
        unit, scale = names.readable_money([start, end, bare])
        gain = " (a minus sign is a gain)" if min(start, end, bare) < 0 else ""
        gaps = [str(year) for year in view.years if year not in now.index]
        unsolved = f", and was not solved in {listed(gaps)}" if gaps else ""
        parts.append(
            f"{what} costs all others {number(scale * start)} {unit} a year in {first} and "
            f"{number(scale * end)} in {last} ({number(scale * bare)} at base-year technology){gain}{unsolved}"
        )
    if not parts:
        return None
    text = f"With {names.regime(regime)}: {'; '.join(part[0].lower() + part[1:] for part in parts)}."
    return Finding("Security", text + caution(is_insecure(view)))


def is_insecure(view: View) -> bool:
    """Whether a cut or an embargo would cost all others so much, in any regime and year, that no data can tell it."""
    at_stake = DEEP * solve_facts.others_income(view.ds)
    lost = [name for name in ("cut_loss", "embargo_loss") if name in view.ds]
    return any(bool((facts.others(view, n, r) > at_stake).any()) for n in lost for r in view.regimes)


def replacing(view: View) -> Finding | None:
    """Years until plant outside has grown to what an embargo calls for, by stage."""
    if "years_to_replace_stage" not in view.ds:
        return None
    values = view.over_time("years_to_replace_stage", view.regimes[-1])
    years, said = view.ds["embargo_year"].values, []
    for at in dict.fromkeys((0, len(years) - 1)):
        stages = zip(view.ds["stage"].values, values[at], strict=True)
        parts = [
            f"{names.sector(str(stage))} {'never' if years < 0 else f'{years:.0f}'}"
            for stage, years in stages
        ]
        said.append(f"{listed(parts)} in {years[at]}")
    return Finding(
        "Years to replace",
        "Years until plant outside could make nine tenths of what it will once it has followed an embargo on elements "
        f"(0: it need not grow): {'; '.join(said)}.",
    )


def missing(view: View) -> list[str]:
    """What was asked for and not solved, with the solver's reason."""
    failed = json.loads(view.ds.attrs.get("failed", "{}"))
    return [*(f"{names.regime(regime)}: {why}" for regime, why in failed.items()), *gaps(view)]


def gaps(view: View) -> list[str]:
    """What was not solved of the regimes that were, with the solver's reason."""
    attributes = view.ds.attrs
    return [
        f"{key[5:].replace('_', ' ')}: {why}"
        for key in attributes
        if key.startswith("note_")
        for why in attributes[key].splitlines()
    ]


def _group(view: View, regime: str, group: str, memory: str = CALIBRATED) -> np.ndarray:
    """(t,) equivalent variation of a group of regions."""
    at = list(view.ds["group"].values).index(group)
    values: np.ndarray = view.over_time("group_equivalent_variation", regime, memory)[:, at]
    return values


def _cut(view: View) -> str:
    share = float(view.ds["cut"].values[0]) if "cut" in view.ds.coords else 0.0
    return f"A sudden cut of exports by {100 * share:.6g} %"
