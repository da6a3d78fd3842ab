"""Cuts of exports so deep that they have to be approached step by step: quotas that let ever less through."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from model.flows import gate_flows, gate_tonnes
from model.newton import Options
from model.records import Array, Benchmark, Closure, Quota, Shock
from model.shocks import implied
from model.solution import Solution, SolveError
from model.solve import solve

STATIC = Closure("exogenous", "given", "given")
ALMOST_NOTHING = 1e-5  # share of tonnes that the last quota on the way to an embargo lets through
DIRECT = Options(continuation=False)  # steps towards an embargo are walked here
SHORTEST = 1 / 32  # step (in logs of what is left) at which a walk towards an embargo is given up


def cut(
    benchmark: Benchmark, shock: Shock, closed: Array, shares: Sequence[float], today: Solution
) -> tuple[Solution, ...]:
    """The world of a shock with `closed` (i,n,k) cut by each of some shares of today's tonnes; 1 is an embargo.

    Technology and capacity stay as `shock` gives them: nothing has had time to follow. shares: ascending. today: the
    solution of `shock`; each cut starts from the one before. Raises ValueError for goods without a unit value, and
    SolveError when there is no solution; under a full embargo there may be none, where elasticities are far below 1 and
    nobody else can supply.
    """
    quota = Quota("cut", closed, 1.0, np.ones(closed.shape[2]))
    sold = np.where(closed & (gate_flows(today) > 0), gate_tonnes(today), 0.0)
    if not np.isfinite(sold).all():
        goods = np.flatnonzero(~np.isfinite(sold).all(axis=(0, 1)))
        raise ValueError(f"goods {goods.tolist()} have no unit value: they cannot be cut by tonnes")
    tonnes = float(sold.sum())
    if tonnes == 0:
        return (today,) * len(shares)
    here, left, found = today, 1.0, []
    for share in shares:
        aim = max(1.0 - share, ALMOST_NOTHING)
        here = _tighten(benchmark, shock, quota.replace(limit=tonnes), left, aim, here)
        left = aim
        if share == 1.0:
            here = solve(benchmark, closing(shock, closed), STATIC, start=here, options=DIRECT)
        found.append(here)
    return tuple(found)


def closing(shock: Shock, closed: Array) -> Shock:
    """A shock with `closed` embargoed as well; quotas on nothing but what is closed are dropped."""
    changed: Shock = shock.replace(
        embargo=closed if shock.embargo is None else closed | shock.embargo,
        quotas=tuple(quota for quota in shock.quotas if (quota.covers & ~closed).any()),
    )
    return changed


def _tighten(
    benchmark: Benchmark, shock: Shock, quota: Quota, left: float, aim: float, here: Solution
) -> Solution:
    """From a solution with a share `left` of a quota's limit to one with `aim`, in steps that adapt."""
    done, end, step = np.log(left), np.log(aim), np.log(0.2)
    while done > end:
        target = max(end, done + step)
        limit = quota.limit * (aim if target == end else float(np.exp(target)))
        tighter = quota.replace(limit=limit)
        others = tuple(q for q in shock.quotas if not implied(q, tighter))
        limited = shock.replace(quotas=(*others, tighter))
        there = solve(benchmark, limited, STATIC, start=here, options=DIRECT, throw=False)
        if there.converged:
            here, done, step = there, target, 1.5 * step
        elif step > -SHORTEST:
            raise SolveError(there)
        else:
            step /= 2
    return here
