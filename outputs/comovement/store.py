"""Every number of a co-movement study: labelled datasets, written as NetCDF groups and as CSV."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from calibration.evidence.comovement.analysis import QuantilogramResult, Results, WaveletResult
from calibration.evidence.comovement.crossquantilogram import CrossQuantilogram
from calibration.evidence.comovement.data import format_date
from calibration.evidence.comovement.modwt import periods
from calibration.evidence.comovement.phases import Finding
from calibration.evidence.comovement.portmanteau import Portmanteau
from calibration.evidence.comovement.selfnormalised import SelfNormalised
from calibration.evidence.comovement.study import Study
from calibration.evidence.comovement.waveletregression import WaveletRegression
from calibration.evidence.comovement.windows import WindowedQuantilogram
from calibration.files import write_bytes
from calibration.tables import write_csv

CELL = ("lag", "target_quantile", "predictor_quantile")
DESCRIPTIONS = {
    "value": "(partial) cross-quantilogram, uncentred correlation of quantile hits",
    "margin": "significant if further from zero: quantile of the resamples' distance from their mean",
    "p_value": "share of resamples at least as far from their mean as the value is from zero",
    "p_family": "bootstrap p-value of the cell in the whole map of its lag; 1 where not reliable",
    "standard_error": "standard deviation over resamples",
    "lower": "lower critical value as published: quantile of the resampled deviation from the estimate",
    "upper": "upper critical value as published: quantile of the resampled deviation from the estimate",
    "expected": "expected count of the least likely combination of hits under independence",
}


def datasets(results: Results) -> dict[str, xr.Dataset]:
    """All results by group name: series, findings, and one group per analysis and kind of number."""
    study = results.study
    groups = {"series": series_dataset(study)}
    for q in results.quantilograms:
        base = f"{q.analysis}-{q.predictor}".replace("_", "-")
        about = {"target": q.target, "predictor": q.predictor, "controls": "; ".join(q.controls) or "none"}
        groups |= {f"{base}-{kind}": data.assign_attrs(about) for kind, data in _quantilogram(study, q)}
    for w in results.wavelets:
        groups |= {f"{w.analysis}-{kind}": data for kind, data in _wavelet(study, w)}
    return groups


def series_dataset(study: Study) -> xr.Dataset:
    data = xr.Dataset(coords={"date": study.labels()})
    for name, one in study.series.items():
        about = {
            "long_name": one.label,
            "units": one.unit,
            "transform": one.transform,
            "source": one.source,
            "status": one.status,
        }
        if one.stands_in_for:
            about["stands_in_for"] = one.stands_in_for
        data[name] = ("date", one.values, about)
        data[f"{name}_level"] = (
            "date",
            one.level,
            {"long_name": f"{one.label}, before transforms", "units": one.unit},
        )
    return data


def grid_dataset(grid: CrossQuantilogram) -> xr.Dataset:
    """A cross-quantilogram over (lag, target quantile, predictor quantile)."""
    arrays = {
        name: (CELL, getattr(grid, name), {"long_name": text, "units": "1"})
        for name, text in DESCRIPTIONS.items()
        if getattr(grid, name) is not None
    }
    data = xr.Dataset(
        arrays,
        coords={
            "lag": list(grid.lags),
            "target_quantile": grid.target_levels,
            "predictor_quantile": grid.predictor_levels,
        },
    )
    data["rows"] = ("lag", grid.rows, {"long_name": "lag-aligned rows used", "units": "1"})
    if grid.bootstrap is not None:
        data["significant"] = (
            CELL,
            grid.significant,
            {"long_name": "further from zero than the margin, cell by cell"},
        )
        data["reliable"] = (CELL, grid.reliable, {"long_name": "enough observations for the bootstrap"})
        data["gamma"] = (
            "lag",
            grid.gamma,
            {"long_name": "restart probability of the stationary bootstrap", "units": "1"},
        )
        data["discarded"] = ("lag", grid.discarded, {"long_name": "resamples not defined", "units": "1"})
        b = grid.bootstrap
        data = data.assign_attrs(resamples=b.resamples, level=b.level, seed=b.seed)
    return data.assign_attrs(missing=grid.missing)


def _quantilogram(study: Study, q: QuantilogramResult) -> Iterator[tuple[str, xr.Dataset]]:
    yield "grid", grid_dataset(q.grid)
    if q.profile is not None:
        yield "lags", grid_dataset(q.profile)
    if q.portmanteau is not None:
        yield "portmanteau", portmanteau_dataset(q.portmanteau)
    if q.self_normalised is not None:
        yield "self-normalised", self_normalised_dataset(q.self_normalised)
    if q.windows is not None:
        yield q.windows.kind, windows_dataset(study, q.windows)
    for name, grid in q.subsamples.items():
        yield f"subsample-{name.replace(' ', '-')}", grid_dataset(grid)
    if q.regression is not None:
        yield "regression-hits", grid_dataset(q.regression)


def portmanteau_dataset(test: Portmanteau) -> xr.Dataset:
    cell = ("max_lag", "target_quantile", "predictor_quantile")
    data = xr.Dataset(
        {"rho": (("lag", *cell[1:]), test.rho), "in_sup": (cell[1:], test.region)},
        coords={
            "lag": np.arange(1, len(test.rho) + 1),
            "max_lag": np.arange(1, len(test.rho) + 1),
            "target_quantile": test.target_levels,
            "predictor_quantile": test.predictor_levels,
        },
    )
    for kind in ("box_pierce", "ljung_box"):
        q = getattr(test, kind)
        for name in ("value", "critical", "p_value"):
            if getattr(q, name) is not None:
                data[f"{kind}_{name}"] = (cell, getattr(q, name))
            if getattr(q, f"sup_{name}") is not None:
                data[f"{kind}_sup_{name}"] = ("max_lag", getattr(q, f"sup_{name}"))
    return data


def self_normalised_dataset(test: SelfNormalised) -> xr.Dataset:
    cell = ("max_lag", "target_quantile", "predictor_quantile")
    return xr.Dataset(
        {
            "value": (cell, test.value),
            "p_value": (cell, test.p_value),
            "critical": ("max_lag", test.critical),
        },
        coords={
            "max_lag": np.arange(1, len(test.value) + 1),
            "target_quantile": test.target_levels,
            "predictor_quantile": test.predictor_levels,
        },
        attrs={"level": test.level, "trimming": test.trimming},
    )


def windows_dataset(study: Study, windows: WindowedQuantilogram) -> xr.Dataset:
    parts = [grid_dataset(result) for result in windows.results]
    data = xr.concat(parts, dim="window", join="exact", combine_attrs="identical")
    labels = study.labels()
    return data.assign_coords(
        first=("window", [labels[i] for i in windows.first]),
        last=("window", [labels[i] for i in windows.last]),
    )


def _wavelet(study: Study, w: WaveletResult) -> Iterator[tuple[str, xr.Dataset]]:
    depth = len(w.multiple.levels) - 1
    low = [float(a) for a, _ in periods(depth)]
    about: dict[str, Any] = {
        "filter": w.spec.filter,
        "boundary": w.spec.boundary,
        "brick_wall": str(w.spec.brick_wall).lower(),
        "window": w.local.window,
        "half_width": w.half_width,
        "interval": w.local.interval,
        "confidence": w.spec.confidence,
        "centred": str(w.spec.centre).lower(),
    }
    by_level = xr.Dataset(
        coords={"level": list(w.multiple.levels), "series": list(w.series), "other": list(w.series)},
        attrs=about,
    )
    by_level["shortest_period"] = ("level", low, {"units": f"observations ({study.frequency})"})
    for name, one, dims in (
        ("variance", w.variance, ("level", "series")),
        ("correlation", w.correlation, ("level", "series", "other")),
        ("multiple_correlation", w.multiple, ("level",)),
    ):
        for part in ("value", "lower", "upper"):
            by_level[f"{name}_{part}"] = (dims, getattr(one, part))
    by_level["multiple_correlation_p_value"] = ("level", w.multiple.p_value)
    by_level["multiple_correlation_critical"] = ("level", w.multiple.critical)
    by_level["dominant"] = ("level", _names(w, w.multiple.dominant))
    yield "scales", _with_regression(by_level, w, w.regression, ("level", "series"))
    if w.cross is not None:
        shown = ("value", "lower", "upper", "p_value")
        parts = {part: (("level", "lag"), getattr(w.cross, part)) for part in shown}
        yield (
            "cross",
            xr.Dataset(parts, coords={"level": list(w.cross.levels), "lag": w.cross.lags}, attrs=about),
        )
    dates = [format_date(n, study.frequency) for n in w.dates]
    local = xr.Dataset(
        coords={"level": list(w.local.levels), "date": dates, "series": list(w.series)}, attrs=about
    )
    for part in ("value", "lower", "upper", "effective", "p_value", "known", "significant"):
        local[part] = (("level", "date"), getattr(w.local, part))
    local["dominant"] = (("level", "date"), _names(w, w.local.dominant))
    yield "local", _with_regression(local, w, w.local_regression, ("level", "date", "series"))


def _names(w: WaveletResult, dominant: np.ndarray) -> np.ndarray:
    return np.array([*w.series, ""], dtype=object)[dominant]


def _with_regression(
    data: xr.Dataset, w: WaveletResult, fit: WaveletRegression, dims: tuple[str, ...]
) -> xr.Dataset:
    parts = ("slope", "standard_error", "lower", "upper", "p_value")
    return data.assign({f"regression_{part}": (dims, getattr(fit, part)) for part in parts})


def findings_columns(found: list[Finding], level: float) -> dict[str, list[Any]]:
    """The table of findings, one row per claim and phase."""
    columns: dict[str, list[Any]] = {
        name: []
        for name in (
            "finding",
            "claim",
            "phase",
            "expected sign",
            "value",
            "lower",
            "upper",
            "p-value",
            "rows",
            "given",
            "verdict",
        )
    }
    for f in found:
        m = f.measured
        row = (
            f.claim.number,
            f.claim.text,
            f.phase,
            f.expected,
            *((None,) * 5 if m is None else (m.value, m.lower, m.upper, m.p_value, m.rows)),
            ", ".join(f.controls),
            f.verdict(level),
        )
        for name, cell in zip(columns, row, strict=True):
            columns[name].append(cell)
    return columns


def write_netcdf(groups: dict[str, xr.Dataset], path: Path) -> None:
    """One NetCDF file with a group per dataset, whole or not at all."""
    # Through memory: on a full disk HDF5 itself would end the process where a plain write says so.
    write_bytes(path, bytes(xr.DataTree.from_dict(dict(groups)).to_netcdf(engine="h5netcdf")))


def write_tables(groups: dict[str, xr.Dataset], folder: Path) -> list[Path]:
    """Every dataset as CSV: variables with the same dimensions side by side, a row per cell, missing cells empty."""
    written = []
    for group, data in groups.items():
        by_dims: dict[tuple[str, ...], list[str]] = {}
        for name, variable in data.data_vars.items():
            by_dims.setdefault(tuple(map(str, variable.dims)), []).append(str(name))
        for place, (dims, names) in enumerate(sorted(by_dims.items(), key=lambda item: -len(item[0]))):
            path = folder / (
                f"{group}.csv" if place == 0 else f"{group}-by-{'-'.join(dims)}.csv".replace("_", "-")
            )
            write_csv(path, _columns(data[names], dims))
            written.append(path)
    return written


def _columns(data: xr.Dataset, dims: tuple[str, ...]) -> dict[str, list[Any]]:
    along = {dim: data[dim].values if dim in data.coords else np.arange(data.sizes[dim]) for dim in dims}
    columns = {
        dim: mesh.ravel().tolist()
        for dim, mesh in zip(dims, np.meshgrid(*along.values(), indexing="ij"), strict=True)
    }
    for name, coordinate in data.coords.items():
        if name not in dims and coordinate.dims and set(coordinate.dims) <= set(dims):
            columns[str(name)] = (
                coordinate.broadcast_like(
                    data[dims[0]].expand_dims({d: data.sizes[d] for d in dims if d != dims[0]})
                )
                .transpose(*dims)
                .values.ravel()
                .tolist()
            )
    for name, variable in data.data_vars.items():
        columns[str(name)] = [_cell(v) for v in variable.transpose(*dims).values.ravel().tolist()]
    return columns


def _cell(value: Any) -> Any:
    return None if isinstance(value, float) and not np.isfinite(value) else value
