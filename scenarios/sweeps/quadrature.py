"""Quadratures for systematic sensitivity analysis: few points with the right moments (Stroud 1957)."""

from __future__ import annotations

import numpy as np

from model.records import Array


def stroud(n: int) -> Array:
    """Stroud (1957), degree 3: 2n equally weighted points (2n,n) with mean 0, covariance I and no odd moments."""
    k = np.arange(1, 2 * n + 1)[:, None]
    odd = np.arange(1, 2 * (n // 2), 2)[None, :]
    angle = odd * k * np.pi / n
    points = np.empty((2 * n, n))
    points[:, 0 : 2 * (n // 2) : 2] = np.sqrt(2) * np.cos(angle)
    points[:, 1 : 2 * (n // 2) : 2] = np.sqrt(2) * np.sin(angle)
    if n % 2:
        points[:, -1] = (-1.0) ** k[:, 0]
    return points


def rotated(n: int, times: int, seed: int) -> Array:
    """Stroud's points under `times` random rotations: (2n times, n), still of degree 3."""
    rng = np.random.default_rng(seed)
    turned = [stroud(n)]
    for _ in range(times - 1):
        q, r = np.linalg.qr(rng.standard_normal((n, n)))
        turned.append(stroud(n) @ (q * np.sign(np.diag(r))))
    return np.concatenate(turned)


def degree_five(kurtosis: Array) -> tuple[Array, Array]:
    """Fully symmetric degree 5 for independent variables: 2n^2+1 points (.,n) and weights.

    Derived from its conditions, every moment up to the fifth, which the tests check one by one.
    kurtosis (n,): fourth moment over squared variance, 9/5 for a uniform. The axis points sit where the fourth moment
    is met, the diagonal ones at the same distance on two axes.
    """
    n, reach = len(kurtosis), np.sqrt(kurtosis)
    points, weights = [np.zeros(n)], [0.0]
    for i in range(n):
        for sign in (1, -1):
            points.append(sign * reach[i] * np.eye(n)[i])
            weights.append(
                0.5 / kurtosis[i] - 0.5 * sum(1 / (kurtosis[i] * kurtosis[m]) for m in range(n) if m != i)
            )
    for i in range(n):
        for m in range(i):
            for a in (1, -1):
                for b in (1, -1):
                    points.append(a * reach[i] * np.eye(n)[i] + b * reach[m] * np.eye(n)[m])
                    weights.append(0.25 / (kurtosis[i] * kurtosis[m]))
    weights[0] = 1.0 - sum(weights)
    return np.array(points), np.array(weights)
