"""The panel behind E18: counts of two kinds of patents, a relative price, its instruments, and lags of both."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from calibration.errors import InputError, Problem

Array = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Panel:
    """Rows (n,) are unit x period; K columns of the price are its lags 0..K-1; M columns of instruments.

    ree and other are counts (fractional ones allowed); price is ln(p_R/p_X); unit, period, sector and cluster
    are codes into the `*_names`. `dropped` says how many rows fell away, and why.
    """

    ree: Array  # (n,)
    other: Array  # (n,)
    price: Array  # (K, n)
    instrument: Array  # (M, n); M = 0 when the price is taken as exogenous
    unit: Codes
    period: Codes
    sector: Codes
    cluster: Codes
    unit_names: tuple[str, ...]
    sector_names: tuple[str, ...]
    dropped: dict[str, int]
    clustered_by: str = "unit"  # the column that `cluster` codes

    @property
    def rows(self) -> int:
        """n"""
        return len(self.ree)

    def take(self, rows: npt.NDArray[np.bool_], reason: str) -> Panel:
        """The panel of some rows, codes made dense again and what was left out counted under `reason`."""
        lost = int((~rows).sum())
        if not lost:
            return self
        unit, unit_names = _dense(self.unit[rows], self.unit_names)
        sector, sector_names = _dense(self.sector[rows], self.sector_names)
        return replace(
            self,
            ree=self.ree[rows],
            other=self.other[rows],
            price=self.price[:, rows],
            instrument=self.instrument[:, rows],
            unit=unit,
            period=np.unique(self.period[rows], return_inverse=True)[1],
            sector=sector,
            cluster=np.unique(self.cluster[rows], return_inverse=True)[1],
            unit_names=unit_names,
            sector_names=sector_names,
            dropped=self.dropped | {reason: self.dropped.get(reason, 0) + lost},
        )


def panel_from_frame(
    data: pd.DataFrame,
    *,
    unit: str = "unit",
    period: str = "year",
    sector: str = "sector",
    cluster: str | None = None,
    ree: str = "ree_patents",
    other: str = "other_patents",
    price: str = "log_price",
    instruments: tuple[str, ...] = ("quota_exposure",),
    lags: int = 0,
) -> Panel:
    """A Panel from a table with one row per unit and year; `lags` adds that many past years of price and
    instruments.

    `cluster` names the column of independent clusters. By default they are units, or sectors where all units of a
    sector have one instrument (without instruments, one price): each unit then copies its sector's draw and adds no
    evidence of its own against a shock that the sector shares.

    Rows whose past is not in the table, and rows with no other patents (whose log is the offset), are dropped
    and counted. Raises InputError on missing columns, repeated rows, units in several sectors, negative counts,
    values that are not finite, and when no row is left.
    """
    _check(data, [unit, period, sector, *([cluster] if cluster else []), ree, other, price, *instruments])
    values = [ree, other, price, *instruments]
    problems = [
        Problem(f"{int(n)} values are not finite numbers", where=c)
        for c, n in _not_finite(data, values).items()
        if n
    ]
    problems += [
        Problem("negative count", where=c) for c in (ree, other) if (pd.to_numeric(data[c]) < 0).any()
    ]
    repeated = data.duplicated([unit, period])
    if repeated.any():
        first = data.loc[repeated, [unit, period]].iloc[0]
        problems.append(
            Problem(
                f"{int(repeated.sum())} rows repeat a unit and year, first {first[unit]} in {first[period]}"
            )
        )
    several = data.groupby(unit)[sector].nunique() > 1
    if several.any():
        first = several.index[several][0]
        of = ", ".join(map(str, sorted(data.loc[data[unit] == first, sector].unique())))
        problems.append(
            Problem(
                f"{int(several.sum())} units lie in several sectors, first {first} in {of}",
                expected="one sector a unit (a unit is a country and sector)",
            )
        )
    if data.empty:
        problems.append(Problem("the panel has no rows"))
    if problems:
        raise InputError(problems)
    if cluster is None:
        cluster = _independent(data, unit, period, sector, list(instruments) or [price])
    data = data.sort_values([unit, period], kind="stable").reset_index(drop=True)
    past = [_lagged(data, unit, period, price, k) for k in range(lags + 1)]
    moved = [_lagged(data, unit, period, z, k) for z in instruments for k in range(lags + 1)]
    unit_codes, unit_names = pd.factorize(data[unit], sort=True)
    sector_codes, sector_names = pd.factorize(data[sector], sort=True)
    panel = Panel(
        ree=data[ree].to_numpy(float),
        other=data[other].to_numpy(float),
        price=np.array(past),
        instrument=np.array(moved).reshape(len(moved), len(data)),
        unit=unit_codes.astype(np.intp),
        period=pd.factorize(data[period], sort=True)[0].astype(np.intp),
        sector=sector_codes.astype(np.intp),
        cluster=pd.factorize(data[cluster], sort=True)[0].astype(np.intp),
        unit_names=tuple(map(str, unit_names)),
        sector_names=tuple(map(str, sector_names)),
        dropped={},
        clustered_by=cluster,
    )
    complete = np.isfinite(panel.price).all(0) & np.isfinite(panel.instrument).all(0)
    return drop_uninformative(panel.take(np.asarray(complete, bool), "past years not in the table"))


def drop_uninformative(panel: Panel) -> Panel:
    """Without rows that cannot move a slope: no other patents, or a unit or year with no rare-earth patent or
    one row.

    Such units have a fixed effect of minus infinity. Repeated until none is left.
    """
    panel = panel.take(panel.other > 0, "no other patents, so no ratio")
    while True:
        before = panel.rows
        if not before:
            raise InputError(
                "no row is left that could move the slope: every unit or year lacks rare-earth patents"
            )
        for codes in (panel.unit, panel.period):
            kept = (np.bincount(codes, panel.ree) > 0) & (np.bincount(codes) > 1)
            if not kept.all():
                panel = panel.take(
                    np.asarray(kept[codes], bool), "unit or year with no rare-earth patent or a single row"
                )
                break
        if panel.rows == before:
            return panel


def _independent(data: pd.DataFrame, unit: str, period: str, sector: str, columns: list[str]) -> str:
    """The column to cluster by: sectors where several units share the values of `columns`, else units."""
    spread = data.groupby([sector, period])[columns].agg(np.ptp).abs().max()
    alike = (spread <= 1e-12 * data[columns].abs().max()).all()
    shared = (data.groupby(sector)[unit].nunique() > 1).any()
    return sector if alike and shared and data[sector].nunique() > 1 else unit


def _check(data: pd.DataFrame, needed: list[str]) -> None:
    from calibration.errors import unknown_name

    missing = [name for name in needed if name not in data.columns]
    if missing:
        raise InputError([unknown_name("column", name, list(data.columns)) for name in missing])


def _not_finite(data: pd.DataFrame, columns: list[str]) -> dict[str, int]:
    return {
        c: int((~np.isfinite(pd.to_numeric(data[c], errors="coerce").to_numpy(float))).sum()) for c in columns
    }


def _lagged(data: pd.DataFrame, unit: str, period: str, column: str, lag: int) -> Array:
    """Value `lag` years earlier of the same unit (n,); missing where that year is not in the table. Gaps are
    never bridged.
    """
    if lag == 0:
        return data[column].to_numpy(float)
    past = data[[unit, period, column]].assign(**{period: data[period] + lag})
    return data[[unit, period]].merge(past, on=[unit, period], how="left")[column].to_numpy(float)


def _dense(codes: Codes, names: tuple[str, ...]) -> tuple[Codes, tuple[str, ...]]:
    kept, new = np.unique(codes, return_inverse=True)
    return new.astype(np.intp), tuple(names[k] for k in kept)
