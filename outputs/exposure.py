"""Who is exposed to a restriction: section 9 of docs/model.md, with the restricting regions as one supplier."""

from __future__ import annotations

import numpy as np

from model.ces import shares_of
from model.records import Array, Benchmark, Shock

EXPOSED_SHARE = 0.1  # the most exposed tenth of sectors outside the restricting regions


def restricting_regions(benchmark: Benchmark, *shocks: Shock) -> Array:
    """(n,) bool: regions whose exports of rare-earth goods the shocks tax more, ration or close.

    Without any such region, the one that makes most of the elements: it is the one a restriction would come from.
    """
    b = benchmark
    chain = rare_earth_goods(b)
    found = np.zeros(b.output.shape[0], dtype=bool)
    for shock in shocks:
        for quota in shock.quotas:
            found |= (quota.covers & chain).any(axis=(1, 2))
        for quota in shock.production_quotas:
            found[quota.origin] |= bool((quota.goods & chain).any())
        if shock.embargo is not None:
            found |= (shock.embargo & chain).any(axis=(1, 2))
        if shock.export_tax is not None:
            found |= ((shock.export_tax > b.export_tax + 1e-12) & chain).any(axis=(1, 2))
    if not found.any():
        made = np.einsum("nj,nje->n", b.output, b.make[:, :, b.elements])
        found[int(made.argmax())] = True
    return found


def rare_earth_goods(benchmark: Benchmark) -> Array:
    """(k,) bool: the elements and what the stages with capacity make (concentrate, magnets)."""
    found = np.zeros(benchmark.final.shape[1], dtype=bool)
    found[benchmark.elements] = True
    for sector in benchmark.stage_sector:
        found |= (benchmark.make[:, sector] > 0).any(axis=0)
    return found


def exposure(benchmark: Benchmark, restricting: Array) -> Array:
    """Section 9: (n,j) share of a sector's revenue that is rare earths of the restricting regions, hard to replace.

    Direct: element purchases over output, times the restricting regions' share in the region's purchases of the element,
    times 1 - `ree_elasticity` (0 for a unit elasticity: losing the input then costs no more than its share). Total: the
    same in all inputs, through the world input-output table.
    """
    b = benchmark
    n, j, k, _, _ = b.shape
    dependence = b.trade_share[b.use_class][:, restricting].sum(axis=1)[:, :, b.elements]  # (j,n,e)
    hard = np.clip(1 - b.parameters.ree_elasticity, 0.0, 1.0)
    bought = np.einsum("nej,jne->nj", b.use[:, b.elements], dependence) * hard
    direct = shares_of(b.output, bought)
    by_maker = maker_shares(b)  # (i,k,j)
    technical = np.zeros((n, j, n, j))  # from (i, maker) to (n, user), per unit of the user's output
    for user in range(j):
        share = b.trade_share[b.use_class[user]]  # (i,n,k)
        flow = np.einsum("ink,nk,ikm->imn", share, b.use[:, :, user], by_maker, optimize=True)
        technical[:, :, :, user] = shares_of(b.output[:, user], flow)
    matrix = np.eye(n * j) - technical.reshape(n * j, n * j)
    return np.linalg.solve(matrix.T, direct.reshape(-1)).reshape(n, j)


def exposed(benchmark: Benchmark, measure: Array, restricting: Array) -> Array:
    """(n,j) bool: the most exposed tenth of sectors outside the restricting regions, the rare-earth chain left out."""
    cells = ~restricting[:, None] & ~chain_sectors(benchmark)[None, :] & (benchmark.output > 0)
    if not cells.any():
        return cells
    return cells & (measure >= np.quantile(measure[cells], 1 - EXPOSED_SHARE)) & (measure > 0)


def chain_sectors(benchmark: Benchmark) -> Array:
    """(j,) bool: sectors of the rare-earth chain, those that have stages with capacity."""
    found = np.zeros(benchmark.output.shape[1], dtype=bool)
    found[benchmark.stage_sector] = True
    return found


def maker_shares(benchmark: Benchmark) -> Array:
    """(i,k,j) share of each sector in its region's supply of a good."""
    supply = np.einsum("nj,njk->nkj", benchmark.output, benchmark.make)
    return shares_of(supply.sum(axis=2, keepdims=True), supply)
