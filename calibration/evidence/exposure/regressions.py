"""Difference in differences, event study and long difference of an outcome on exposure to rare earths.

Units have fixed effects and so has every group (country) in every year, so that what is compared is sectors
of one country with each other. Inference clusters by sector, because exposure varies by sector only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from calibration.errors import InputError
from calibration.evidence.elasticities.bootstrap import cluster_signs, joint_bootstrap, linear_bootstrap
from calibration.evidence.elasticities.fixed_effects import Codes, partial_out
from calibration.evidence.exposure.panels import ExposurePanel
from calibration.evidence.regression import feols

Array = npt.NDArray[np.float64]
PRETREND = "trend before"
FEWEST = 3  # sectors from which exposure can be told from chance


@dataclass(frozen=True, slots=True)
class Effect:
    """One coefficient of exposure: log points per standard deviation, clustered by sector; p-values of zero
    effect by clustered t and by wild cluster bootstrap.
    """

    name: str
    value: float
    standard_error: float
    interval: tuple[float, float]
    p_value: float
    bootstrap_p_value: float | None
    rows: int
    clusters: int


@dataclass(frozen=True, slots=True)
class EventStudy:
    """Coefficients of exposure by year relative to the base year (y,), their covariance (y, y) without the
    base year's zeros, and tests that nothing moved before it: of all years jointly, and of a linear trend in
    exposure. Both by wild cluster bootstrap, for by F or Hotelling's T^2 the joint one rejects too often.
    """

    years: tuple[int, ...]
    base_year: int
    value: Array
    standard_error: Array
    lower: Array
    upper: Array
    covariance: Array
    pre_years: int
    # Wald statistic over the number of years, and p; None without draws, or with as many years before as clusters
    # less one.
    joint_pretest: tuple[float, float] | None
    pretrend: Effect  # per year, years up to the base only
    rows: int
    clusters: int


def event_study(panel: ExposurePanel, base_year: int, *, level: float = 0.95, draws: int = 999) -> EventStudy:
    """Outcome on exposure x year, the base year left out. Raises InputError when the base year is not in the
    panel, or has fewer than two years before it or none after.
    """
    data = panel.data
    years = tuple(int(y) for y in sorted(data["year"].unique()))
    before, after = [y for y in years if y < base_year], [y for y in years if y > base_year]
    if base_year not in years or len(before) < 2 or not after:
        raise InputError(f"base year {base_year} needs two years before and one after; there are {years}")
    names = {y: f"exposure_{y}" for y in before + after}
    columns = {name: np.where(data["year"] == y, data["exposure"], 0.0) for y, name in names.items()}
    value, covariance, clusters = _fit(data, columns)
    error = np.sqrt(np.diag(covariance))
    width = float(stats.t.ppf(0.5 + level / 2, clusters - 1))
    place = [years.index(y) for y in names]
    full, spread = np.zeros(len(years)), np.zeros(len(years))
    full[place], spread[place] = value, error
    early = data[data["year"] <= base_year]
    trend = _effect(
        early, PRETREND, early["exposure"] * (early["year"] - base_year), level=level, draws=draws
    )
    return EventStudy(
        years,
        base_year,
        full,
        spread,
        full - width * spread,
        full + width * spread,
        covariance,
        len(before),
        _joint_pretest(data, columns, len(before), draws) if draws else None,
        trend,
        len(data),
        clusters,
    )


def difference_in_differences(
    panel: ExposurePanel,
    first_year: int,
    *,
    detrended: bool = False,
    level: float = 0.95,
    draws: int = 999,
) -> Effect:
    """Outcome on exposure from `first_year` on, against all years before; `detrended` adds a linear trend in
    exposure, which what sectors were already doing would continue. Raises InputError when either side has no
    years.
    """
    data = panel.data
    post = data["year"] >= first_year
    if post.all() or not post.any():
        raise InputError(f"the panel has no years on one side of {first_year}")
    extra = {"trend": data["exposure"] * (data["year"] - first_year)} if detrended else {}
    name = "after x exposure, trend taken out" if detrended else "after x exposure"
    return _effect(data, name, data["exposure"] * post, extra, level=level, draws=draws)


def long_difference(
    panel: ExposurePanel, start: int, end: int, *, level: float = 0.95, draws: int = 999
) -> Effect:
    """Average yearly growth from start to end on exposure, group effects: log points a year per standard
    deviation.

    For two years of a panel, or for hats of the model with a base year of ones.
    """
    wide = panel.data.pivot(index="unit", columns="year", values="outcome")
    missing = [y for y in (start, end) if y not in wide.columns]
    if missing or start >= end:
        raise InputError(f"no growth from {start} to {end} in years {sorted(wide.columns)}")
    growth = ((wide[end] - wide[start]) / (end - start)).rename("outcome")
    rows = panel.data.drop_duplicates("unit").drop(columns=["outcome"]).merge(growth.dropna(), on="unit")
    # Each unit once: its group's effect takes the place of unit and year effects.
    rows = rows.assign(unit=rows["group"], year=end)
    name = f"growth {start}-{end}"
    return _effect(rows, name, rows["exposure"], level=level, draws=draws, single=True)


def _effect(
    data: pd.DataFrame,
    name: str,
    regressor: pd.Series,
    extra: dict[str, pd.Series] | None = None,
    *,
    level: float,
    draws: int,
    single: bool = False,
) -> Effect:
    columns = {"effect": regressor.to_numpy(float)} | {k: v.to_numpy(float) for k, v in (extra or {}).items()}
    value, covariance, clusters = _fit(data, columns, single)
    error = float(np.sqrt(covariance[0, 0]))
    slope = float(value[0])
    width = float(stats.t.ppf(0.5 + level / 2, clusters - 1)) * error
    return Effect(
        name,
        slope,
        error,
        (slope - width, slope + width),
        float(2 * stats.t.sf(abs(slope) / error, clusters - 1)),
        _bootstrap(data, columns, draws, single) if draws else None,
        len(data),
        clusters,
    )


def _fit(data: pd.DataFrame, columns: dict[str, Array], single: bool = False) -> tuple[Array, Array, int]:
    """Coefficients (k,), covariance clustered by sector (k, k) and the number of clusters."""
    clusters = int(data["sector"].nunique())
    if clusters < FEWEST:
        raise InputError(f"{clusters} sectors are too few to tell exposure from chance")
    values = np.array([data["outcome"].to_numpy(float), *columns.values()])
    net, size = partial_out(values, _effects(data, single)), np.abs(values).max(axis=1)
    left = np.abs(net).max(axis=1) > 1e-12 * size
    if not left[0]:
        raise InputError("the outcome does not vary: there is nothing to explain")
    if not left.all():
        _refuse([name for name, stays in zip(columns, left[1:], strict=True) if not stays])
    error = net[0] - np.linalg.lstsq(net[1:].T, net[0], rcond=None)[0] @ net[1:]
    if not np.abs(error).max() > 1e-12 * size[0]:
        raise InputError("the outcome is fitted without error: there is nothing to test against")
    frame = data[["unit", "group", "sector", "year", "outcome"]].assign(**columns)
    frame["group_year"] = frame["group"].astype(str) + " " + frame["year"].astype(str)
    effects = "unit" if single else "unit + group_year"
    formula = f"outcome ~ {' + '.join(columns)} | {effects}"
    fit = feols(formula, frame, vcov={"CRV1": "sector"}, fixef_rm="none")
    found = list(fit.coef().index)
    if found != list(columns):
        _refuse([name for name in columns if name not in found])
    return fit.coef().to_numpy(float), np.asarray(fit._vcov, float), clusters


def _refuse(lost: list[str]) -> NoReturn:
    raise InputError(f"not told apart from the fixed effects: {', '.join(lost)}")


def _effects(data: pd.DataFrame, single: bool) -> tuple[Codes, ...]:
    """Units, and years of groups; units alone for `single`."""
    group_year = data["group"].astype(str) + " " + data["year"].astype(str)
    columns = [data["unit"]] if single else [data["unit"], group_year]
    return tuple(pd.factorize(column)[0].astype(np.intp) for column in columns)


def _bootstrap(data: pd.DataFrame, columns: dict[str, Array], draws: int, single: bool) -> float:
    """Wild cluster bootstrap p-value of the first column's effect, other columns taken out along with the
    effects.
    """
    cluster = pd.factorize(data["sector"], sort=True)[0].astype(np.intp)
    signs = cluster_signs(int(cluster.max()) + 1, draws, np.random.default_rng(0))
    first, *controls = columns.values()
    return linear_bootstrap(
        data["outcome"].to_numpy(float),
        first,
        first,
        _effects(data, single),
        cluster,
        signs,
        controls=np.array(controls) if controls else None,
    )


def _joint_pretest(
    data: pd.DataFrame, columns: dict[str, Array], before: int, draws: int
) -> tuple[float, float] | None:
    """Joint bootstrap test of the first `before` columns, the others free under the null."""
    cluster = pd.factorize(data["sector"], sort=True)[0].astype(np.intp)
    signs = cluster_signs(int(cluster.max()) + 1, draws, np.random.default_rng(0))
    early, late = np.array([*columns.values()])[:before], np.array([*columns.values()])[before:]
    outcome = data["outcome"].to_numpy(float)
    return joint_bootstrap(outcome, early, _effects(data, single=False), cluster, signs, late)
