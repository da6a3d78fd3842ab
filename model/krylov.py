"""Flexible GMRES, lean: for systems of a few thousand unknowns NumPy's overhead counts, not flops."""

from __future__ import annotations

from collections.abc import Callable
from math import hypot, sqrt

import numpy as np
from scipy.linalg.lapack import dtrtri, strtri

from model.records import Array

Operator = Callable[[Array], Array]

TIGHT = 1e-5  # tolerance from which on a basis that is orthogonal to rounding counts
KEPT = 16  # directions of earlier solves


class Recycled:
    """What earlier solves have learnt: a part of the preconditioner, and like it in single precision."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Start anew."""
        self.directions: Array | None = None  # (m,size), the latest first
        self.images: Array | None = None  # (m,size) what the operator made of them
        self.overlap: Array | None = None  # (KEPT,KEPT) products of images with later ones, 1 on the diagonal
        self.order: Array | None = None  # (m,m) makes parts of products with images: the latest come first

    def learn(self, directions: Array, images: Array) -> None:
        """Add directions and their images, orthonormal rows; the oldest are forgotten."""
        directions, images = directions[:KEPT].astype(np.float32), images[:KEPT].astype(np.float32)
        new = len(images)
        overlap = np.zeros((KEPT, KEPT), dtype=np.float32)
        overlap.flat[:: KEPT + 1] = 1.0
        if self.directions is not None and self.images is not None and self.overlap is not None:
            old = min(len(self.images), KEPT - new)
            overlap[new : new + old, :new] = self.images[:old] @ images.T
            overlap[new:, new:] = self.overlap[: KEPT - new, : KEPT - new]
            directions = np.concatenate([directions, self.directions[:old]])
            images = np.concatenate([images, self.images[:old]])
        self.directions, self.images, self.overlap = directions, images, overlap
        self.order, _ = strtri(overlap[: len(images), : len(images)], lower=1)

    def exact(self, precondition: Operator) -> Operator:
        """The preconditioner made exact on what is known."""
        directions, images, order = self.directions, self.images, self.order
        if directions is None or images is None or order is None:
            return precondition

        def apply(vector: Array) -> Array:
            vector = vector.astype(np.float32)
            parts = order @ (images @ vector)
            found: Array = precondition(vector - parts @ images)
            found += parts @ directions
            return found

        return apply


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
    if recycled is not None:
        precondition = recycled.exact(precondition)
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
    if not rank:
        return np.zeros_like(rhs), used
    inverse, _ = dtrtri(triangle[:rank, :rank])
    if recycled is not None and length > 0.0:
        np.divide(image, length, out=basis[rank])
        images = (inverse.T @ hessenberg[:rank, : rank + 1]) @ basis[: rank + 1]
        recycled.learn(inverse.T @ directions[:rank], images)
    return (inverse @ right[:rank]) @ directions[:rank], used
