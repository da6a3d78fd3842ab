"""What a result says, in sentences made from its numbers and from nothing else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from outputs import facts, forces, lost, names, pricefacts, pricefindings, quotas
from outputs.names import listed, number, signed
from outputs.wording import (
    NEGLIGIBLE,
    Finding,
    elsewhere,
    ending,
    gains,
    moves,
    regimes,
    resolved,
    restrictors,
    sentence,
    tiny,
)

DEEP = 0.01  # of income: losses beyond it rest on what no data can tell
UNSEEN = (
    "so deep a cut was never seen, and what the last tonnes are worth follows from the form of the equations "
    "(docs/limits.md)"
)
DEEP_CAUTION = f"Losses above 1 % of income are no forecast: {UNSEEN}"
SURPLUS = 0.5  # tonnes: less is not worth a sentence


def findings(ds: xr.Dataset) -> list[Finding]:
    """Everything that can be said of a scenario, most asked-for first."""
    said = (
        regions,
        pricefindings.oxides,
        pricefindings.chain,
        surplus,
        rent,
        income,
        innovation,
        lost.technology,
        exports,
        security,
    )
    return [found for say in said if (found := say(ds)) is not None]


def headline(ds: xr.Dataset) -> str:
    """The answer in a sentence or two: prices and real income, with fixed technology and with most forces."""
    each, own = regimes(ds), restrictors(ds)
    said = []
    for regime in dict.fromkeys((each[0], each[-1])):
        group = ds["group_equivalent_variation"].sel(regime=regime)
        mine, others = float(group.sel(group="restricting")), float(group.sel(group="others"))
        gained = gains(mine, len(facts.restricting(ds)), " a year")
        said.append(
            f"With {names.regime(regime)}, {pricefindings.cost(ds, regime)}{own} {gained}, all others {gains(others)}."
        )
    return " ".join(said)


def regions(ds: xr.Dataset) -> Finding | None:
    """Who is meant by those that restrict and by all others, where it is not plain."""
    own, extent = facts.restricting(ds), ds.attrs.get("restricts", "some")
    apart = f"{names.capital(restrictors(ds))} stands apart as the largest maker of elements"
    if extent == "none":
        text = f"No sales of rare-earth goods are restricted. {apart}, where a restriction would come from"
        return Finding("Regions", f"{text}; all others are the other regions.")
    if extent == "all":
        return Finding("Regions", f"Every region restricts. {apart}; all others restrict too.")
    if len(own) < 4:
        return None
    others = [str(r) for r in ds["region"].values if str(r) not in own]
    restrict, rest = (listed([names.named(r) for r in some]) for some in (own, others))
    return Finding("Regions", f"{len(own)} regions restrict: {restrict}. All others are {rest}.")


def who_in_each(runs: Sequence[tuple[str, xr.Dataset]]) -> str:
    """Whom each run counts as restricting, where that is not the same in all; "" where it is."""
    if len({tuple(facts.restricting(ds)) for _, ds in runs}) < 2:
        return ""
    each = [f"{names.listed([names.named(r) for r in facts.restricting(ds)])} in {name}" for name, ds in runs]
    return (
        f"Restricting, at home, abroad and outside are not the same regions in all runs: {'; '.join(each)}."
    )


def surplus(ds: xr.Dataset) -> Finding | None:
    """What is made and thrown away, where anything is: tonnes, and of which elements."""
    each = []
    for regime in regimes(ds):
        tonnes = ds["thrown_away"].sel(regime=regime).sum("region").to_series().sort_values(ascending=False)
        if tonnes.sum() > SURPLUS:
            parts = [
                f"{names.element(str(e))} {number(t)} t" for e, t in tonnes.items() if t > 0.01 * tonnes.sum()
            ]
            each.append(f"{number(float(tonnes.sum()))} t with {names.regime(regime)} ({', '.join(parts)})")
    text = (
        "Made and thrown away, because nobody buys it at the floor under its price or it would not pay for a licence: "
        f"{listed(each)}."
    )
    return Finding("Surplus", text) if each else None


def rent(ds: xr.Dataset) -> Finding | None:
    """Who receives the rents of the quotas."""
    received = {r: ds["licence_rent"].sel(regime=r).values for r in regimes(ds)}
    worth = [regime for regime, value in received.items() if value.sum() > NEGLIGIBLE]
    if not worth:
        return idle(ds)
    first = worth[0]
    total = received[first].sum()
    order = np.argsort(-received[first])
    got = [names.named(str(ds["region"].values[n])) for n in order if received[first][n] > 0.01 * total]
    if quotas.taxes(ds):
        return Finding("Tax", _as_tax(ds, received, listed(got)))
    text = (
        f"The right to {quotas.right(ds)} is worth {number(total)} million USD a year with {names.regime(first)}, "
        f"and goes to {listed(got)}."
    )
    text += elsewhere({r: float(v.sum()) for r, v in received.items()}, " million USD", first)
    return Finding("Rent", f"{text} {quotas.smuggling(ds)}".strip())


def _as_tax(ds: xr.Dataset, received: dict[str, np.ndarray], who: str) -> str:
    """The export taxes that give the tonnes of another scenario's quotas, and what they bring whom."""
    said, taxes, others = [], quotas.taxes(ds), quotas.licences(ds)
    for quota in taxes:
        rates = [
            f"{number(100 * float(rate))} % with {names.regime(regime)}"
            for regime, rate in zip(regimes(ds), ds["licence_rate"].sel(quota=quota).values, strict=True)
        ]
        limit = quotas.tonnes(float(ds["quota_limit"].sel(quota=quota).values.max()))
        said.append(f"The export tax that leaves {limit} t of what {quota} covers is {listed(rates)}.")
    each = (ds["licence_price"] * ds["quota_tonnes"] / 1e3 - ds["smuggling_cost"]).sel(quota=taxes)
    brought = {r: float(each.sel(regime=r).sum()) for r in received}
    whole = {r: float(value.sum()) for r, value in received.items()}
    money, all_money = (
        listed([f"{number(value)} with {names.regime(r)}" for r, value in one.items()])
        for one in (brought, whole)
    )
    text = f"{' '.join(said)} That is on top of other taxes on exports, and brings"
    if not others:
        return f"{text} {who}, in million USD a year, {money}."
    return (
        f"{text}, in million USD a year, {money}. With what licences for {listed(others)} are worth it is {all_money}, "
        f"and goes to {who}."
    )


def idle(ds: xr.Dataset) -> Finding | None:
    """That no quota binds under any regime, where there are quotas whose tonnes are sold."""
    table: Any = quotas.table(ds)
    if (table["licence [USD/kg]"] > NEGLIGIBLE).any():
        return None
    table = table[(table["regime"] == regimes(ds)[0]) & (table["sold [t]"] > 0)]
    each = []
    for _, row in table.iterrows():
        limit, sold = (quotas.tonnes(row[column]) for column in ("limit [t]", "sold [t]"))
        each.append(f"{row['quota']} allows {limit} t, of which {sold} t are sold")
    return Finding("Rent", f"No quota binds: {listed(each)}.") if each else None


def income(ds: xr.Dataset) -> Finding:
    """Who gains and who loses real income, by regime."""
    own, parts = restrictors(ds), []
    for regime in regimes(ds):
        group = ds["group_equivalent_variation"].sel(regime=regime)
        mine, others = float(group.sel(group="restricting")), float(group.sel(group="others"))
        share = 100 * (float(ds["group_real_income"].sel(regime=regime, group="others")) - 1)
        parts.append(
            f"with {names.regime(regime)} {own} {gains(mine, len(facts.restricting(ds)))} "
            f"and all others {gains(others)}"
            + (f" ({tiny(share)} of their income)" if abs(others) > NEGLIGIBLE else "")
        )
    text = "; ".join(parts)
    worst = ds["equivalent_variation"].sel(regime=regimes(ds)[0])
    n = int(worst.values.argmin())
    if float(worst[n]) < -NEGLIGIBLE:
        unit, scale = names.readable_money([float(worst[n])])
        most = f"{signed(scale * float(worst[n]))} {unit}, {names.regime(regimes(ds)[0])}"
        text += f". Most is lost by {names.named(str(ds['region'].values[n]))} ({most})"
    if is_deep(ds):
        text += f". {DEEP_CAUTION}"
    return Finding("Real income", names.capital(text) + ".")


def is_deep(ds: xr.Dataset) -> bool:
    """Whether all others, or one of them, lose so much under some regime, in some year, that no data can tell it."""
    together = ds["group_real_income"].sel(group="others").values
    each = ds["real_income"].values[..., ds["restricting"].values == 0]
    return bool((together < 1 - DEEP).any() or (each < 1 - DEEP).any())


def innovation(ds: xr.Dataset) -> Finding | None:
    """What happened to rare-earth patents and productivity of exposed sectors outside."""
    if not facts.are_exposed(ds):
        return None
    table: Any = facts.sectors(ds).set_index(["regime", "measure"])
    learning = [r for r in regimes(ds) if facts.learns(ds, r)]
    parts = []
    for regime in learning:
        patents = table.loc[(regime, "rare-earth patents")]
        saved = float(table.loc[(regime, "cost saved by technology")]["exposed [%]"])
        parts.append(
            f"with {names.regime(regime)} rare-earth patents change by {signed(patents['exposed [%]'])} % in exposed "
            f"sectors outside {restrictors(ds)} and by {signed(patents['other [%]'])} % in others, and technology "
            f"{_saves(saved)}"
        )
    return Finding("Innovation", sentence(parts)) if parts else None


def _saves(saved: float) -> str:
    """What technology does to the cost of exposed sectors, percent."""
    if abs(saved) < NEGLIGIBLE:
        return "changes nothing in their cost"
    unit, scale = names.readable_unit([saved])
    return (
        f"{'saves' if saved > 0 else 'costs'} exposed sectors {number(abs(scale * saved), 2)} {unit} of cost"
    )


def exports(ds: xr.Dataset) -> Finding:
    """Do exports of exposed sectors outside the restricting regions rise or fall, and which force decides."""
    if not facts.are_exposed(ds):
        return Finding("Exports", f"No sector outside {restrictors(ds)} uses elements from there.")
    table: Any = facts.sectors(ds).set_index(["regime", "measure"])
    parts = []
    rows = {regime: table.loc[(regime, "exports, volume")] for regime in regimes(ds)}
    unit, scale = names.readable_unit([row["exposed [%]"] for row in rows.values()])
    for regime, row in rows.items():
        others = f"other sectors {signed(scale * row['other [%]'], 2)}"
        parts.append(f"{moves(scale * row['exposed [%]'], unit)} with {names.regime(regime)} ({others})")
    about = " (ppm: millionths)" if unit == "ppm" else ""
    text = f"Exports of exposed sectors outside {restrictors(ds)} {listed(parts)}{about}."
    return Finding("Exports", f"{text} {deciding_force(ds)}".strip())


def deciding_force(ds: xr.Dataset) -> str:
    """The force that decides the sign of exposed sectors' exports in the fullest regime; "" without a decomposition."""
    if "force" not in ds.dims:
        return ""
    parts = {str(f): resolved(float(ds["exposed_exports_by_force"].sel(force=f))) for f in ds["force"].values}
    total = sum(parts.values())
    regime = names.regime(str(ds.attrs.get("decomposed", "")))
    if abs(total) < NEGLIGIBLE:
        return f"With {regime} no force moves them."
    unit, scale = names.readable_unit(list(parts.values()))
    detail = listed([f"{names.FORCES[f]} {signed(scale * v, 2)}" for f, v in parts.items()])
    decide = forces.decisive(parts)
    pivotal = all(np.sign(total - parts[f]) == -np.sign(total) for f in decide)
    which = listed([names.FORCES[f] for f in decide])
    one = len(decide) == 1
    if sum(abs(value) > NEGLIGIBLE for value in parts.values()) == 1:
        reason = "nothing else moves them"
    elif pivotal:
        reason = "without it" if one else "without any one of them"
        reason = f"{reason} they would {'fall' if total > 0 else 'rise'}"
    else:
        reason = "it is the largest of that sign, though none alone turns it"
    return f"With {regime}, {which} {'decides' if one else 'decide'} ({reason}); in {unit}: {detail}."


def deciding(ds: xr.Dataset) -> tuple[str, ...]:
    """The forces that decide the sign of exposed sectors' exports; none without a decomposition."""
    if "force" not in ds.dims:
        return ()
    return forces.decisive(
        {str(f): float(ds["exposed_exports_by_force"].sel(force=f)) for f in ds["force"].values}
    )


def tax_mix(quota: xr.Dataset, tax: xr.Dataset) -> str:
    """How the mix of elements under one tax rate differs from that under a quota of the same tonnes."""
    first = regimes(quota)[0]
    one: Any = pricefacts.table(quota, first)
    two: Any = pricefacts.table(tax, first)
    gap = two["sold abroad [t]"] - one["sold abroad [t]"]
    up, down = int(gap.idxmax()), int(gap.idxmin())
    if max(abs(gap)) < 1e-6:
        return "The mix of elements is the same."
    change = [names.element(str(one["element"][at])) + f" {signed(float(gap[at]))} t" for at in (up, down)]
    return f"Against the quota, the tax sells abroad {change[0]} and {change[1]} ({names.regime(first)})."


def security(ds: xr.Dataset) -> Finding | None:
    """What a full embargo would cost now, and whether technology has made that less."""
    table = facts.embargo(ds)
    if not len(table):
        note = ds.attrs.get("note_security")
        return Finding("Security", f"Not computed: {note}.") if note else None
    if not pricefacts.exported(ds):
        return Finding(
            "Security",
            f"{names.capital(restrictors(ds))} export{ending(ds)} no elements that could be stopped.",
        )
    others = table[table["region"] == "others"].iloc[0]
    losses = [float(others[f"{r} [million USD]"]) for r in regimes(ds)]
    if pricefacts.stopped(ds):
        text = f"{names.capital(restrictors(ds))} export{ending(ds)} no elements any more"
        return Finding("Security", f"{text}: what a stop costs is the change of real income above.")
    unit, scale = names.readable_money(losses)
    gains = all(loss < -NEGLIGIBLE for loss in losses)
    sign = -1 if gains else 1
    parts = [
        f"{number(sign * scale * loss)} with {names.regime(r)}"
        for r, loss in zip(regimes(ds), losses, strict=True)
    ]
    what = embargo_name(ds)
    text = (
        f"{names.capital(what)} at once, with plant and technology as they then stand, would "
        f"{'bring' if gains else 'cost'} all others, in {unit} a year, {listed(parts)}"
        f"{'' if gains or min(losses) >= 0 else ' (a minus sign is a gain)'}."
    )
    if len(losses) > 1 and losses[-1] > 0 and regimes(ds)[0] == "exogenous":
        gap = losses[0] - losses[-1]
        if abs(gap) < NEGLIGIBLE:
            text += " Innovation until then makes no difference to it."
        elif gap > 0:
            left = number(scale * losses[-1])
            text += f" Innovation until then avoids {number(scale * gap)} of it and leaves {left}."
        else:
            text += f" Innovation until then makes it dearer by {number(-scale * gap)}."
    share = embargo_share(ds)
    if share > DEEP:
        text += f" That is up to {number(100 * share)} % of their income, and no forecast: {UNSEEN}."
    return Finding("Security", text)


def embargo_share(ds: xr.Dataset) -> float:
    """The largest loss of all others that an embargo would bring now, as a share of their income."""
    table: Any = facts.embargo(ds).set_index("region")
    losses = [float(table.loc["others", f"{r} [million USD]"]) for r in (regimes(ds)[0], regimes(ds)[-1])]
    return max(losses) / facts.others_income(ds)


def embargo_name(ds: xr.Dataset) -> str:
    """What the security figures ask: a full stop of exports, or a cut of nine tenths."""
    cut = float(ds["embargo_loss"].attrs["cut"]) if "embargo_loss" in ds else 1.0
    what = "a full stop" if cut == 1.0 else f"a cut by {100 * cut:.0f} %"
    return f"{what} of {names.possessive(restrictors(ds))} exports of elements"


def failed(ds: xr.Dataset) -> list[str]:
    """What was asked for and not solved, with the solver's reason."""
    said = [
        f"{names.regime(regime)}: {why}" for regime, why in json.loads(ds.attrs.get("failed", "{}")).items()
    ]
    return said + [
        str(ds.attrs[note])
        for note in ("note_decomposition", "note_security", "note_instruments")
        if note in ds.attrs
    ]
