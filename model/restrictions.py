"""Export quotas, licences and leakage: E12-E14 of docs/model.md.

Arrays may carry axes of draws before those named (`model/stack.py`): every index counts from the last axis.
"""

from __future__ import annotations

import numpy as np

from model.base_year import TONNES
from model.records import Array
from model.system import Restrictions, Sourcing


def licence_rates(r: Restrictions, price: Array, chi: Array) -> Array:
    """E14: (kc,n,i) licence as a rate of the gate price; one price per kg, whatever the good.

    price (kc,i) ln hats of producer prices; chi (q,) USD per quota kg (a rate for ad-valorem quotas).
    """
    if not len(r.quotas):
        return np.zeros((*price.shape[:-2], *r.per_kg.shape[1:]), dtype=price.dtype)
    per_value = np.exp(-price) / r.unit_value
    of_kg = chi if r.all_specific else np.where(r.specific, chi, 0.0)
    rate = _over_quotas(of_kg, r.per_kg) * per_value[..., :, None, :]
    if r.all_specific:
        return rate
    return rate + _over_quotas(np.where(r.specific, 0.0, chi), (r.per_kg > 0).astype(float))


def _over_quotas(chi: Array, cells: Array) -> Array:
    """(kc,n,i) sum over quotas of chi (q,) times cells (q,kc,n,i)."""
    found: Array = chi @ cells.reshape(len(cells), -1)
    return found.reshape(*chi.shape[:-1], *cells.shape[1:])


def log_licence(sourcing: Sourcing, rate: Array) -> Array:
    """E1: (kc,n,i) ln((1+l)/(1+l0))."""
    return np.log1p(rate) - sourcing.log_licence_base


def tonnes_per_value(r: Restrictions, price: Array) -> Array:
    """E12: (kc,i) tonnes per million USD at the gate."""
    return TONNES * np.exp(-price) / r.unit_value


def quota_tonnes(r: Restrictions, gate: Array, price: Array) -> Array:
    """E12: (q,) tonnes under each quota; gate (kc,n,i) million USD at the gate."""
    if not len(r.quotas):
        return np.zeros((*gate.shape[:-3], 0))
    tonnes = gate * tonnes_per_value(r, price)[..., :, None, :]
    counted: Array = tonnes.reshape(*tonnes.shape[:-3], -1) @ r.per_kg.reshape(len(r.per_kg), -1).T
    return counted


def complementarity(slack: Array, other: Array) -> Array:
    """E13: Fischer-Burmeister function of two numbers that are both >= 0 with product 0, without cancellation."""
    root = np.sqrt(slack * slack + other * other)
    total = slack + other
    positive = np.real(total) > 0
    safe = np.where(positive, total + root, 1.0)
    return np.where(positive, 2 * slack * other / safe, total - root)


def complementarity_slopes(slack: Array, other: Array) -> tuple[Array, Array]:
    """Derivatives of `complementarity`; at the corner (0, 0) an element of its generalised Jacobian."""
    root = np.hypot(slack, other)
    corner = root == 0
    safe = np.where(corner, 1.0, root)
    first = np.where(corner, 1 - np.sqrt(0.5), 1 - slack / safe)
    second = np.where(corner, 1 - np.sqrt(0.5), 1 - other / safe)
    return first, second


def allowed(r: Restrictions, leak: Array) -> Array:
    """E13: (q,) tonnes that may leave: the limit, and what is smuggled past it."""
    limit = np.exp(r.log_limit)
    if not len(r.leaking):
        return limit
    limit = np.broadcast_to(limit, (*leak.shape[:-1], len(r.quotas))).astype(leak.dtype)
    limit[..., r.leaking] += leak
    return limit


def quota_conditions(r: Restrictions, chi: Array, tonnes: Array, leak: Array) -> tuple[Array, Array]:
    """E13: (q,) licence price against room under the limit; (ql,) leak against its margin.

    leak (ql,) tonnes: what is smuggled adds to what may leave, so that no room is a small difference of tonnes. Signs
    are residuals: 0 at a solution.
    """
    if not len(r.quotas):
        return chi, leak
    smuggling = leak
    if len(r.leaking):
        margin = (r.leak_margin - chi[..., r.leaking]) / r.scale[..., r.leaking]
        smuggling = complementarity(leak / r.leak_scale, margin)
    return complementarity(chi / r.reach, np.log(allowed(r, leak)) - np.log(tonnes)), smuggling
