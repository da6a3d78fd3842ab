"""Counts of patents by country, sector, element, year and class: fractional, so that every patent counts once
in all.

A patent is shared equally among its inventors, among its CPC classes (each passed on to sectors by the
concordance) and among the rare earths it is about. Stocks are built by the perpetual inventory method.
"""

from __future__ import annotations

import re
import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from calibration.errors import InputError, Problem
from calibration.evidence.patents.cpc import Symbol, parse_symbol
from calibration.evidence.patents.records import Patent, Verdict
from calibration.evidence.shipped import sectors
from calibration.strict_yaml import load
from calibration.tables import Column, read_csv
from calibration.validate import Schema, validate

SHIPPED = Path(__file__).parent / "concordance.yaml"
COUNTRIES = Path(__file__).parent / "countries.yaml"
UNKNOWN = "unknown"
REST = "RoW"
NO_ELEMENT = "unspecified"
_CODE = re.compile("[A-Za-z]{2}")
_SECTION = re.compile(r"[A-HY](\d{2})?", re.IGNORECASE)
DIMENSIONS = ("country", "sector", "element", "year", "category")


class ConcordanceFile(Schema):
    """concordance.yaml"""

    status: Literal["seen", "computed", "memory", "analyst"]
    source: str
    classes: dict[str, dict[str, float]]
    default: dict[str, float]


@dataclass(frozen=True, slots=True)
class Concordance:
    """Probabilities by CPC prefix; the longest that fits a symbol holds."""

    by_prefix: Mapping[str, Mapping[str, float]]
    default: Mapping[str, float]
    source: str
    status: str

    def sectors(self, symbol: Symbol) -> Mapping[str, float]:
        """Probability by sector of one CPC symbol."""
        subclass = symbol.subclass
        prefixes = [subclass, subclass[:3], subclass[:1]]
        if symbol.group is not None:
            subgroups = [symbol.subgroup[:k] for k in range(len(symbol.subgroup), 1, -1)]
            deep = [f"{subclass} {symbol.group}/{digits}" for digits in subgroups]
            prefixes = [*deep, f"{subclass} {symbol.group}", *prefixes]
        return next((self.by_prefix[p] for p in prefixes if p in self.by_prefix), self.default)


def read_concordance(path: str | Path = SHIPPED) -> Concordance:
    """A concordance in YAML, or a CSV file with columns cpc, sector, probability. Raises InputError when
    probabilities do not add up to 1 or a sector is unknown.
    """
    path = Path(path)
    if path.suffix == ".csv":
        columns = [Column("cpc"), Column("sector"), Column("probability", "number", minimum=0, maximum=1)]
        table = read_csv(path, columns, key=("cpc", "sector"))
        by_prefix: dict[str, dict[str, float]] = defaultdict(dict)
        for cpc, sector, probability in zip(table["cpc"], table["sector"], table["probability"], strict=True):
            by_prefix[cpc][sector] = float(probability)
        content = ConcordanceFile(status="seen", source=str(path), classes=dict(by_prefix), default={})
    else:
        content = validate(ConcordanceFile, load(path))
    known = set(sectors()["sector"])
    problems = []
    classes: dict[str, Mapping[str, float]] = {}
    for text, shares in content.classes.items():
        prefix = _prefix(text)
        if not prefix or prefix in classes:
            what = "another way to write one above" if prefix else "no CPC symbol"
            expected = "a section, class, subclass or group, as C, C22, C22B or C22B 59/00"
            problems.append(Problem(what, str(path), where=text, expected=expected))
        classes[prefix] = shares
    for prefix, shares in [
        *content.classes.items(),
        *([("default", content.default)] if content.default else []),
    ]:
        strange = sorted(set(shares) - known)
        if strange:
            problems.append(Problem(f"unknown sectors {', '.join(strange)}", str(path), where=prefix))
        if abs(sum(shares.values()) - 1) > 1e-6:
            what = f"probabilities add up to {sum(shares.values()):g}"
            problems.append(Problem(what, str(path), where=prefix, expected="1"))
    if problems:
        raise InputError(problems)
    return Concordance(classes, content.default or {UNKNOWN: 1.0}, content.source, content.status)


def _prefix(text: str) -> str:
    """A section, class or symbol as `Concordance.sectors` looks for it, however it is written; "" when it is none."""
    if _SECTION.fullmatch(text.strip()):
        return text.strip().upper()
    symbol = parse_symbol(text)
    return "" if symbol is None else str(symbol)


def shares_by_country(patent: Patent, names: Mapping[str, str] | None = None) -> dict[str, float]:
    """Each inventor an equal part. With `names`, codes are translated, in capitals or not, and those it lacks are the
    rest of the world. Without inventors the whole is `unknown`.
    """
    if not patent.inventor_countries:
        return {UNKNOWN: 1.0}
    shares: dict[str, float] = defaultdict(float)
    for code in patent.inventor_countries:
        country = code if names is None else names.get(code.upper(), REST)
        shares[country] += 1 / len(patent.inventor_countries)
    return dict(shares)


def shares_by_sector(patent: Patent, concordance: Concordance) -> dict[str, float]:
    """Each CPC symbol an equal part, passed on to sectors. Without a readable symbol the whole is `unknown`."""
    symbols = [s for s in (parse_symbol(code) for code in patent.cpc) if s is not None]
    if not symbols:
        return {UNKNOWN: 1.0}
    shares: dict[str, float] = defaultdict(float)
    for symbol in symbols:
        for sector, probability in concordance.sectors(symbol).items():
            shares[sector] += probability / len(symbols)
    return dict(shares)


def count(
    patents: Sequence[Patent],
    verdicts: Iterable[Verdict],
    concordance: Concordance,
    countries: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Fractional counts with columns DIMENSIONS and `patents`; adds up to the number of classified patents.

    Patents that are unclassified or pending are not counted, and are for the caller to report.
    """
    by_id = {patent.id: patent for patent in patents}
    totals: dict[tuple[str, str, str, int, str], float] = defaultdict(float)
    for verdict in verdicts:
        if verdict.status != "classified":
            continue
        patent = by_id[verdict.id]
        elements = verdict.elements or (NO_ELEMENT,)
        for country, a in shares_by_country(patent, countries).items():
            for sector, b in shares_by_sector(patent, concordance).items():
                for element in elements:
                    totals[country, sector, element, patent.year, verdict.category] += a * b / len(elements)
    rows = [(*key, value) for key, value in sorted(totals.items())]
    return pd.DataFrame(rows, columns=[*DIMENSIONS, "patents"])


def count_all(
    patents: Iterable[Patent], concordance: Concordance, countries: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Fractional counts of patents of every kind, classified or not: country, sector, year, patents. The
    `other patents` of E18 are these less the rare-earth ones.
    """
    totals: dict[tuple[str, str, int], float] = defaultdict(float)
    for patent in patents:
        for country, a in shares_by_country(patent, countries).items():
            for sector, b in shares_by_sector(patent, concordance).items():
                totals[country, sector, patent.year] += a * b
    rows = [(*key, value) for key, value in sorted(totals.items())]
    return pd.DataFrame(rows, columns=["country", "sector", "year", "patents"])


def add_up(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Counts of several parts of a source as one."""
    whole = pd.concat(parts, ignore_index=True)
    keys = [name for name in whole.columns if name != "patents"]
    total: pd.DataFrame = whole.groupby(keys)["patents"].sum().reset_index(name="patents")
    return total


def exceeding(counts: pd.DataFrame, totals: pd.DataFrame) -> pd.DataFrame:
    """The cells (country, sector, year) in which `counts` of some patents are above the `totals` of all."""
    cell = ["country", "sector", "year"]
    some = counts.groupby(cell)["patents"].sum()
    whole = totals.set_index(cell)["patents"].reindex(some.index, fill_value=0.0)
    over = some[some > whole + 1e-9 * (1 + whole)]  # sums in another order differ in the last digits
    return over.reset_index()


def part_of(name: str, parts: int) -> int:
    """Which of so many parts a patent, or a family, is read in by its name; the same on every run."""
    return zlib.crc32(name.encode()) % parts


def country_names() -> dict[str, str]:
    """Two-letter codes, and WIOD's own names, -> WIOD's names of countries."""
    codes: dict[str, str] = load(COUNTRIES).data
    return codes | {name: name for name in codes.values()}


def not_codes(patents: Iterable[Patent], names: Mapping[str, str]) -> list[str]:
    """What stands for countries of inventors and is no code: it counts as the rest of the world, whatever it means."""
    given = {code for patent in patents for code in patent.inventor_countries}
    return sorted(code for code in given if code.upper() not in names and not _CODE.fullmatch(code))


def stocks(counts: pd.DataFrame, depreciation: float = 0.15, growth: float = 0.05) -> pd.DataFrame:
    """Knowledge stocks by the perpetual inventory method: K_t = (1 - depreciation) K_{t-1} + N_t, for every
    year between the first and the last of the counts; the first year's K is N/(depreciation + growth), as if
    N had grown at that rate.

    Columns: the dimensions, `patents` and `stock`. Raises ValueError unless 0 < depreciation < 1 and growth
    >= 0.
    """
    if not (0 < depreciation < 1 and growth >= 0):
        raise ValueError("depreciation must lie between 0 and 1, growth must not be negative")
    keys = [name for name in counts.columns if name not in ("year", "patents")]
    if counts.empty:
        return counts.assign(stock=pd.Series(dtype=float))
    years = np.arange(int(counts["year"].min()), int(counts["year"].max()) + 1)
    wide = counts.pivot_table(index=keys, columns="year", values="patents", aggfunc="sum", fill_value=0.0)
    wide = wide.reindex(columns=years, fill_value=0.0)
    flow = wide.to_numpy(float)
    stock = _inventory(flow, depreciation, growth)
    long = wide.melt(value_name="patents", ignore_index=False).reset_index()
    # `melt` goes year by year, so the stocks do too.
    return long.assign(stock=stock.T.ravel()).sort_values([*keys, "year"], ignore_index=True)


def _inventory(flow: npt.NDArray[np.float64], depreciation: float, growth: float) -> npt.NDArray[np.float64]:
    """Stocks of flows (k, t)."""
    stock = np.empty_like(flow)
    stock[:, 0] = flow[:, 0] / (depreciation + growth)
    for t in range(1, flow.shape[1]):
        stock[:, t] = (1 - depreciation) * stock[:, t - 1] + flow[:, t]
    return stock
