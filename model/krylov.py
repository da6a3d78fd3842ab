"""Flexible GMRES, lean: for systems of a few thousand unknowns NumPy's overhead counts, not flops."""

from __future__ import annotations

from collections.abc import Callable
from math import hypot, sqrt

import numpy as np

from model.records import Array

Operator = Callable[[Array], Array]

TIGHT = 1e-5  # tolerance from which on a basis that is orthogonal to rounding counts
KEPT = 16  # directions of earlier solves


# Of earlier solves: (m,size) directions, and what the operator made of them, orthonormal rows.
Recycled = list[tuple[Array, Array]]


def fgmres(
    product: Operator,
    precondition: Operator,
    rhs: Array,
    tolerance: float,
    limit: int,
    recycled: Recycled | None = None,
) -> tuple[Array, int]:
    """x with |product(x) - rhs| <= tolerance |rhs|, or the best after `limit` products; and the products it took.

    Saad (1993): x is a combination of the preconditioned directions, which are kept, so that the preconditioner may
    vary. Classical Gram-Schmidt as two matrix products, done twice where the tolerance is tight.

    recycled: what solves with operators close to this one have learnt; the preconditioner is made exact on it, and what
    this solve learns is added (recycling, as in Parks, de Sturler and others 2006).
    """
    norm = sqrt(rhs @ rhs)
    if norm == 0.0:
        return np.zeros_like(rhs), 0
    if recycled:
        precondition = _exact_on(recycled, precondition)
    basis, directions = np.empty((limit + 1, len(rhs))), np.empty((limit, len(rhs)))
    cosines: list[float] = []
    sines: list[float] = []
    triangle, right = np.zeros((limit, limit)), [norm]
    hessenberg = np.zeros((limit, limit + 1))
    np.divide(rhs, norm, out=basis[0])
    used = 0
    for step in range(limit):
        directions[step] = precondition(basis[step])
        image = product(directions[step])
        used += 1
        known = basis[: step + 1]
        column = known @ image
        image -= column @ known
        if tolerance < TIGHT:
            again = known @ image
            image -= again @ known
            column += again
        column = column.tolist()
        length = sqrt(image @ image)
        hessenberg[step, : step + 1], hessenberg[step, step + 1] = column, length
        for i in range(step):  # the rotations that made the earlier columns triangular
            upper, lower = column[i], column[i + 1]
            column[i], column[i + 1] = (
                cosines[i] * upper + sines[i] * lower,
                cosines[i] * lower - sines[i] * upper,
            )
        radius = hypot(column[step], length)
        if not radius > 0.0:  # the operator is singular on this direction, or not finite
            break
        cosine, sine = column[step] / radius, length / radius
        cosines.append(cosine)
        sines.append(sine)
        column[step] = radius
        triangle[: step + 1, step] = column
        right.append(-sine * right[step])
        right[step] *= cosine
        if abs(right[step + 1]) <= tolerance * norm or length <= 1e-14 * radius:
            break
        np.divide(image, length, out=basis[step + 1])
    rank = len(cosines)
    weights = _back_substitute(triangle[:rank, :rank], right[:rank])
    if recycled is not None and rank and length > 0.0:
        np.divide(image, length, out=basis[rank])
        mix = np.linalg.inv(triangle[:rank, :rank].T)
        recycled.append((mix @ directions[:rank], (mix @ hessenberg[:rank, : rank + 1]) @ basis[: rank + 1]))
        while sum(len(kept) for kept, _ in recycled) > KEPT:
            del recycled[0]
    return weights @ directions[:rank], used


def _exact_on(recycled: Recycled, precondition: Operator) -> Operator:
    """The preconditioner, but on what earlier solves know; the latest first."""

    def apply(vector: Array) -> Array:
        found: Array | float = 0.0
        for directions, images in reversed(recycled):
            part = images @ vector
            vector = vector - part @ images
            found = found + part @ directions
        return found + precondition(vector)

    return apply


def _back_substitute(upper: Array, right: list[float]) -> Array:
    weights = np.array(right)
    for i in range(len(weights) - 1, -1, -1):
        weights[i] = (weights[i] - upper[i, i + 1 :] @ weights[i + 1 :]) / upper[i, i]
    return weights
