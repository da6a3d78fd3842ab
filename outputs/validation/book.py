"""The facts, each with what was observed, what the model has, and how far the two are apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from outputs.paths.facts import View
from outputs.validation import measures
from outputs.validation.judging import HIT, HIT_SHARE, NEAR, NEAR_SHARE
from outputs.validation.observed import Figure, Observed

Kind = Literal["ratio", "share", "change", "sign", "at least"]
BASE = 2009
ARC = (2010, 2011, 2012)  # years of the arc elasticities of exports that two parameters were set inside of


@dataclass(frozen=True)
class Fact:
    """A fact: its counterpart in the model, and whether parameters were chosen with it in view."""

    name: str
    text: str
    unit: str
    kind: Kind
    observed: float
    source: str
    status: str
    model: Callable[[View, str], float]
    fitted: str = ""  # the parameter that was set with this fact in view; "" is a test
    group: str = ""


@dataclass(frozen=True)
class Row:
    """A fact held against the model under one regime."""

    fact: Fact
    regime: str
    model: float

    @property
    def verdict(self) -> str:
        """`hit`, `near`, `sign only` or `miss`; a fitted fact says so."""
        found = verdict(self.fact.kind, self.fact.observed, self.model)
        return f"{found} (fitted)" if self.fact.fitted else found


def verdict(kind: Kind, observed: float, model: float) -> str:
    """How far a number of the model is from an observed one.

    `ratio`: within 25 per cent, or a factor of 2. `change`: the same, and `sign only` where it is further off. `share`:
    within 0.05, or 0.15. `at least`: that much, or half of it.
    """
    if kind == "sign":
        return "hit" if np.sign(model) == np.sign(observed) else "miss"
    if kind == "at least":
        return "hit" if model >= observed else "near" if model >= observed / 2 else "miss"
    if kind == "share":
        gap = abs(model - observed)
        return "hit" if gap <= HIT_SHARE else "near" if gap <= NEAR_SHARE else "miss"
    if model * observed <= 0:
        return "miss"
    gap = abs(np.log(model / observed))
    if gap <= np.log(HIT):
        return "hit"
    if gap <= np.log(NEAR):
        return "near"
    return "sign only" if kind == "change" else "miss"


def facts(observed: Observed, elements: list[str], years: list[int]) -> list[Fact]:
    """Every fact that can be held against a path of these years and elements."""
    return [
        *_prices(observed, elements, years), *_home(observed, elements, years), *_trade(observed, years),
        *_literature(observed),
    ]  # fmt: skip


def _prices(observed: Observed, elements: list[str], years: list[int]) -> list[Fact]:
    """Prices abroad by year: the index over all elements with a price, and each element."""
    found = []
    for year in (y for y in years if BASE < y <= 2015):
        priced = [e for e in elements if (e, year) in observed.abroad and (e, BASE) in observed.abroad]
        if not priced:
            continue
        figures = [observed.abroad[e, year] for e in priced]
        fitted = "ree_elasticity_max, ree_elasticity_min" if year == 2010 else ""

        def index(view: View, regime: str, year: int = year, priced: list[str] = priced) -> float:
            return measures.price_index(view, regime, year, priced)

        # The observed index needs base tonnes too: they are the model's base year, which is fitted to BACI.
        found.append(
            Fact(
                f"price_abroad_{year}",
                f"Oxide prices outside China in {year} over {BASE}, weighted by tonnes of {BASE}",
                "ratio",
                "ratio",
                np.nan,
                _sources(figures),
                _weakest(figures),
                index,
                fitted,
                "prices",
            )
        )
        for element in priced:
            figure = observed.abroad[element, year]

            def one(view: View, regime: str, year: int = year, element: str = element) -> float:
                now, base = (measures.border_value(view, regime, y)[element] for y in (year, view.years[0]))
                return now / base

            found.append(
                Fact(
                    f"price_{element}_{year}",
                    f"{element} outside China in {year} over {BASE}",
                    "ratio",
                    "ratio",
                    figure.value / observed.abroad[element, BASE].value,
                    figure.source,
                    figure.status,
                    one,
                    fitted,
                    "prices by element",
                )
            )
    return found


def index_observed(observed: Observed, view: View, year: int) -> float:
    """The observed counterpart of `price_abroad_YEAR`, with the tonnes of the model's base year as weights."""
    weight = measures.exported(view, view.regimes[0], view.years[0])
    priced = [e for e in weight if (e, year) in observed.abroad and (e, BASE) in observed.abroad]
    now, base = (sum(weight[e] * observed.abroad[e, y].value for e in priced) for y in (year, BASE))
    return now / base


def _home(observed: Observed, elements: list[str], years: list[int]) -> list[Fact]:
    """Prices inside China on the two days for which there are any, over what they were in the base year."""
    found = []
    for (element, year), figure in observed.in_china.items():
        if element not in elements or year not in years:
            continue

        def now(view: View, regime: str, year: int = year, element: str = element) -> float:
            return measures.oxide_value(view, regime, year)[element]

        found.append(
            Fact(
                f"price_in_china_{element}_{year}",
                f"{element} inside China in {year}, without VAT",
                "USD/kg",
                "ratio",
                figure.value,
                figure.source,
                figure.status,
                now,
                "",
                "prices in China",
            )
        )
    return found


def _trade(observed: Observed, years: list[int]) -> list[Fact]:
    found = []
    for year in (y for y in years if y <= 2018):
        series: list[tuple[str, str, str, Callable[[View, str, int], float], bool]] = [
            ("export tonnes", "China's exports of rare-earth compounds", "t", measures.export_tonnes, year <= 2014),
            ("export unit value", "Unit value of these exports", "USD/kg", measures.unit_value, year <= 2014),
            ("share of China in Japanese imports", "China's share of Japan's imports", "share of tonnes",
             measures.share_in_japan, True),
        ]  # fmt: skip
        for name, text, unit, measure, wanted in series:
            if not wanted or (name, year) not in observed.trade:
                continue
            figure = observed.trade[name, year]

            def model(
                view: View,
                regime: str,
                year: int = year,
                measure: Callable[[View, str, int], float] = measure,
            ) -> float:
                return measure(view, regime, year)

            found.append(
                Fact(
                    f"{name.replace(' ', '_')}_{year}",
                    f"{text}, {year}",
                    unit,
                    "share" if unit.startswith("share") else "ratio",
                    figure.value,
                    figure.source,
                    figure.status,
                    model,
                    _set_by(name, year),
                    name,
                )
            )
        if ("export quota", year) in observed.trade and ("customs exports", year) in observed.trade:
            quota, customs = observed.trade["export quota", year], observed.trade["customs exports", year]

            def use(view: View, regime: str, year: int = year) -> float:
                return measures.quota_use(view, regime, year)

            found.append(
                Fact(
                    f"quota_use_{year}",
                    f"Customs exports over the quota, {year}",
                    "share",
                    "share",
                    customs.value / quota.value,
                    f"{customs.source}; {quota.source}",
                    _weakest([customs, quota]),
                    use,
                    "",
                    "quota use",
                )
            )
    return found


def _set_by(series: str, year: int) -> str:
    """What was set with a number of trade in view."""
    if series.startswith("export") and year == BASE:
        return "the base year"
    if series in ("export tonnes", "export unit value") and year in ARC:
        return "ree_elasticity_max, ree_elasticity_min"
    return ""


def _literature(observed: Observed) -> list[Fact]:
    book = observed.literature

    def fact(name: str, text: str, unit: str, kind: Kind, model: Callable[[View, str], float]) -> Fact:
        figure = book[name]
        return Fact(
            name, text, unit, kind, figure.value, figure.source, figure.status, model, "", "literature"
        )

    return [
        fact("patents", "Rare-earth patent stock of exposed sectors outside China over that of others", "%", "change",
             measures.patent_stock),
        fact("exports", "Export growth of exposed sectors outside China over that of others", "points a year", "change",
             measures.export_growth),
        fact("tfp_japan", "Productivity growth in Japan per standard deviation of exposure", "% a year", "change",
             measures.tfp_slope),
        fact("tfp_china", "Productivity of rare-earth-intensive sectors in China", "% a year, the sign counts", "sign",
             measures.tfp_china),
        fact("mitigated",
             "Share of Europe's loss that innovation mitigates, 2010-2014 (0.9: our reading of `almost entirely`)",
             "share", "at least", measures.mitigated),
    ]  # fmt: skip


def _sources(figures: list[Figure]) -> str:
    return "; ".join(dict.fromkeys(figure.source for figure in figures))


def _weakest(figures: list[Figure]) -> str:
    """The softest status among some figures."""
    order = ("analyst", "memory", "computed", "seen")
    return min((figure.status for figure in figures), key=order.index)


OF_INNOVATION = ("patents", "mitigated")  # nothing to compare where technology is fixed


def compare(observed: Observed, view: View) -> list[Row]:
    """Every fact under every regime of a path."""
    elements = [str(e) for e in view.ds["element"].values]
    rows = []
    for fact in facts(observed, elements, view.years):
        if np.isnan(fact.observed):
            year = int(fact.name.rsplit("_", 1)[1])
            fact = _with(fact, index_observed(observed, view, year))
        for regime in view.regimes:
            if fact.name in OF_INNOVATION and regime == "exogenous":
                continue
            if fact.name == "mitigated" and "exogenous" not in view.regimes:
                continue
            rows.append(Row(fact, regime, fact.model(view, regime)))
    return rows


def _with(fact: Fact, observed: float) -> Fact:
    return replace(fact, observed=observed)
