"""Slow, literal versions of the estimators, written from the formulas and sharing no code with the library."""

import csv
import gzip
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent / "reference"


def reference(name):
    """Rows of a table of printed values, as dicts of text."""
    path = FOLDER / name
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return list(csv.DictReader(content.decode().splitlines()))


def synth():
    rows = reference("synth.csv")
    return {name: np.array([float(row[name]) for row in rows]) for name in ("ree", "mil", "vol", "ten")}


def number(text):
    return float("nan") if text in ("NA", "NaN") else float(text)


def hits(x, level):
    """1[x <= q] - level with NumPy's own type-7 quantile, compared a hair above it against rounding."""
    q = np.quantile(x, level)
    return (x <= q + 1e-9 * (1 + abs(q))) - level


def correlation_of_hits(columns):
    """-P12 / sqrt(P11 P22) from the inverse of the matrix of products; plain correlation with two columns."""
    h = np.column_stack(columns)
    if h.shape[1] == 2:
        return h[:, 0] @ h[:, 1] / np.sqrt((h[:, 0] @ h[:, 0]) * (h[:, 1] @ h[:, 1]))
    p = np.linalg.inv(h.T @ h)
    return -p[0, 1] / np.sqrt(p[0, 0] * p[1, 1])


def quantilogram(y, x, a1, a2, k, controls=()):
    """controls: (series, level, lags) with the lags at which it enters. Quantiles of the full series."""
    deepest = max([k, *(lag for _, _, lags in controls for lag in lags)])
    t = np.arange(deepest, len(y))
    columns = [hits(y, a1)[t], hits(x, a2)[t - k]]
    columns += [hits(z, level)[t - lag] for z, level, lags in controls for lag in lags]
    return correlation_of_hits(columns)


def window_weight(z, m, window):
    u = z / m
    inside = z <= m
    return {
        "gaussian": np.exp(-(u**2)),
        "uniform": inside * 1.0,
        "tricube": inside * (1 - u**3) ** 3,
        "epanechnikov": inside * (1 - u**2),
        "bartlett": inside * (1 - u),
        "wendland": inside * (1 - u) ** 4 * (1 + 4 * u),
    }[window]


def rank_deficient(matrix):
    """Whether a column has less than 1e-7 of its length left once those before it are taken out (R's qr)."""
    basis = []
    for column in matrix.T:
        left = column.copy()
        for _ in range(2):
            for direction in basis:
                left -= (direction @ left) * direction
        if np.linalg.norm(left) < 1e-7 * np.linalg.norm(column):
            return True
        basis.append(left / np.linalg.norm(left))
    return False


def local_correlation(w, m, window, variable=None):
    """wlmc of one level, date by date: phi, Nhat, dominant. w (N, d), missing rows NaN; the loop of the R package."""
    n, d = w.shape
    phi, size, best = np.full(n, np.nan), np.full(n, np.nan), np.full(n, -1)
    known = ~np.isnan(w[:, 0])
    for s in range(n):
        theta = window_weight(np.abs(np.arange(n) - s), m, window)
        theta = theta / theta.sum()
        x = (w * theta[:, None])[known]
        c = x.T @ x
        with np.errstate(invalid="ignore", divide="ignore"):
            r = c / np.sqrt(np.outer(np.diag(c), np.diag(c)))
            size[s] = 1 / np.sum(theta[known] ** 2)
        if np.isnan(r).any():
            continue
        if rank_deficient(r):
            phi[s] = 1.0
            continue
        p = np.diag(np.linalg.inv(r))
        best[s] = np.argmax(p) if variable is None else variable
        phi[s] = np.sqrt(max(1 - 1 / p[best[s]], 0))
        if d == 2:
            phi[s] *= np.sign(r[0, 1])
    return phi, size, best
