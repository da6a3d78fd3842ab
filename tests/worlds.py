"""Small random worlds that balance exactly, with axes of all different lengths, for tests.

Nothing here uses the model's own equations: base-year flows solve the accounting identities of docs/model.md section 2
as one dense linear system.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from model.records import Benchmark, Labels, Parameters, Quota


@dataclass(frozen=True)
class Sizes:
    regions: int = 3
    ordinary: int = 4  # ordinary sectors besides mining, separation, magnets
    elements: int = 2
    classes: int = 1
    users: int = 2  # ordinary sectors that use rare earths


def world(
    seed: int = 0, sizes: Sizes | None = None, *, taxes: bool = True, research: bool = True, deficits: bool = True,
    subsidies: bool = True, licence: bool = False, ree_cost: float = 0.02, sigma: float = 4.0,
    capital_mobility: float = np.inf, sparse: bool = False, gaps: bool = False, licensed: tuple[int, ...] = (),
    **changes: object,
) -> tuple[Benchmark, Labels]:  # fmt: skip
    """A balanced world: ordinary sectors, mining, separation (joint) and magnets; labour, capital, resource.

    licensed: ordinary goods of region 0 with a licence. sparse: some origins sell nothing to some buyers.
    gaps: some users do without an element, or without research.
    """
    size = sizes or Sizes()
    rng = np.random.default_rng(seed)
    n, o, e, classes = size.regions, size.ordinary, size.elements, size.classes
    mining, separation, magnets = o, o + 1, o + 2
    j, k, f = o + 3, o + 2 + e, 3
    concentrate, magnet_good = o, o + 1
    elements = np.arange(o + 2, o + 2 + e)
    maker = np.concatenate([np.arange(o), [mining, magnets], np.full(e, separation)])
    users = [*range(size.users), magnets]

    cost = np.zeros((n, k, j))  # cost shares of goods
    for s in range(j):
        cost[:, :o, s] = rng.dirichlet(np.ones(o), n) * 0.4
        cost[:, magnet_good, s] = rng.uniform(0.001, 0.01, n) * (s in users and s != magnets)
        if s in users:
            cost[:, elements, s] = rng.dirichlet(np.ones(e), n) * rng.uniform(0.2, 1.0, (n, 1)) * ree_cost
    cost[:, concentrate, separation] = 0.35
    holes = np.random.default_rng(seed + 1)  # another stream, so that worlds without gaps stay as they are
    if gaps:
        kept = holes.random((n, e, j)) > 0.3
        kept |= ~((cost[:, elements] > 0) & kept).any(axis=(0, 2))[:, None]  # somebody uses each element
        cost[:, elements] *= kept
    payment = np.zeros((n, f, j))
    left = 1 - cost.sum(axis=1)
    labour = rng.uniform(0.4, 0.7, (n, j))
    resource = np.zeros((n, j))
    resource[:, [mining, separation, magnets]] = 0.3
    payment[:, 0], payment[:, 1], payment[:, 2] = (
        labour * (1 - resource) * left,
        (1 - labour) * (1 - resource) * left,
        resource * left,
    )
    final = np.concatenate([rng.dirichlet(np.ones(o), n), np.zeros((n, k - o))], axis=1)
    research_share = rng.uniform(0.005, 0.06, (n, j)) * research
    if gaps:
        research_share *= holes.random((n, j)) > 0.3
    share = rng.dirichlet(np.full(n, 1.5), (classes, n, k)).transpose(0, 3, 1, 2)  # (c,i,n,k)
    share = 0.5 * share + 0.5 * np.eye(n)[None, :, :, None]
    if sparse:
        keep = (rng.random(share.shape) > 0.4) | np.eye(n, dtype=bool)[None, :, :, None]
        share = share * keep / (share * keep).sum(axis=1, keepdims=True)
    abroad = 1 - np.eye(n)[:, :, None]
    export_tax = rng.uniform(0, 0.25, (n, n, k)) * abroad * taxes
    tariff = rng.uniform(0, 0.2, (n, n, k)) * abroad * taxes
    subsidy = rng.uniform(0, 0.1, (n, j)) * (taxes and subsidies)
    unit_value = rng.uniform(3.0, 30.0, (n, k))
    base_licence = np.zeros((n, k))
    if licence:
        base_licence[0, elements] = 2.0
    base_licence[0, list(licensed)] = 1.0
    rate = np.broadcast_to((base_licence / unit_value)[:, None], (n, n, k)) * abroad
    use_class = rng.integers(0, classes, j)
    final_class = classes - 1
    deficit = rng.normal(0, 20, n) * deficits
    deficit -= deficit.mean()

    keep = 1 / ((1 + export_tax) * (1 + rate) * (1 + tariff))
    size_s = n * k
    a = np.zeros((size_s + n, size_s + n))
    for buyer in range(n):
        for s in range(j):  # spending per unit of sales of the goods sector s makes
            z = (1 - research_share[buyer, s]) * (1 + subsidy[buyer, s])
            goods = np.nonzero(maker == s)[0]
            for g in range(k):
                gate = share[use_class[s], :, buyer, g] * keep[:, buyer, g] * cost[buyer, g, s] * z
                rows = np.arange(n) * k + g
                for made in goods:
                    a[rows, buyer * k + made] += gate
            own = (
                z * payment[buyer, :, s].sum()
                + research_share[buyer, s] * (1 + subsidy[buyer, s])
                - subsidy[buyer, s]
            )
            for made in goods:
                a[size_s + buyer, buyer * k + made] += own
        for g in range(k):
            rows = np.arange(n) * k + g
            a[rows, size_s + buyer] += share[final_class, :, buyer, g] * keep[:, buyer, g] * final[buyer, g]
    # tax and licence income by region, linear in gate sales of each origin to each buyer
    tax_rows = np.zeros((n, size_s + n))
    for buyer in range(n):
        columns = [(buyer * k + made, s) for s in range(j) for made in np.nonzero(maker == s)[0]]
        for g in range(k):
            spend = np.zeros((classes, size_s + n))
            for column, s in columns:
                spend[use_class[s], column] += (
                    (1 - research_share[buyer, s]) * (1 + subsidy[buyer, s]) * cost[buyer, g, s]
                )
            spend[final_class, size_s + buyer] += final[buyer, g]
            for origin in range(n):
                gate = (share[:, origin, buyer, g][:, None] * spend).sum(axis=0) * keep[origin, buyer, g]
                x, t, l = export_tax[origin, buyer, g], tariff[origin, buyer, g], rate[origin, buyer, g]
                tax_rows[buyer] += gate * t * (1 + x) * (1 + l)
                tax_rows[origin] += gate * (x * (1 + l) + l)
    a[size_s:] += tax_rows
    matrix = np.eye(size_s + n) - a
    matrix[-1] = 0
    matrix[-1, size_s:] = 1  # one budget follows from the others (Walras): fix world income instead
    rhs = np.zeros((size_s + n, 2))
    rhs[-1, 0] = 1000.0 * n
    rhs[size_s:-1, 1] = deficit[:-1]
    balanced, moved = np.linalg.solve(matrix, rhs).T
    filled = balanced > 1e-9  # not what a region neither uses nor sells
    while (balanced + moved <= 0)[filled].any():  # a deficit that this world cannot have
        deficit, moved = deficit / 2, moved / 2
    solution = np.where(filled, balanced + moved, 0.0)
    sales, income = solution[:size_s].reshape(n, k), solution[size_s:]
    output = np.stack([sales[:, maker == s].sum(axis=1) for s in range(j)], axis=1)
    make = np.zeros((n, j, k))
    make[:, maker, np.arange(k)] = sales / np.where(output > 0, output, 1.0)[:, maker]
    spent = (1 - research_share) * (1 + subsidy) * output
    g = k and e + 1
    parameters = Parameters(
        trade_elasticity=np.where(np.isin(np.arange(k), elements), 2 * sigma, rng.uniform(0.6, 1.4, k) * sigma),
        ree_elasticity=rng.uniform(0.1, 0.6, j), element_elasticity=rng.uniform(0.1, 0.8, j),
        value_added_elasticity=rng.uniform(0.3, 0.9, j), factor_elasticity=rng.uniform(0.4, 1.2, j),
        materials_elasticity=np.where(np.arange(j) % 2 == 0, 0.3, 0.9),
        transformation_elasticity=np.full(j, 0.2), final_elasticity=0.8, price_floor=np.zeros(g - 1),
        factor_mobility=np.array([np.inf, capital_mobility, 0.0]),
        innovation_elasticity=np.full((n, g), 0.5), spillover=np.full((n, g), 0.15),
        spillover_region=rng.dirichlet(np.ones(n), n), spillover_sector=rng.dirichlet(np.ones(j), j),
        breadth=0.05, capacity_weight=np.full(3, 0.7), capacity_response=np.array([0.8, 0.6, 0.9]),
        capacity_expansion=np.full(3, 0.2), capacity_exit=np.full(3, 0.5), build_time=np.array([2, 1, 1]),
    )  # fmt: skip
    if changes:
        parameters = parameters.replace(**changes)
    bench = Benchmark(
        output=output, make=make, use=cost * spent[:, None, :], final=final * income[:, None], trade_share=share,
        factor_payment=payment * spent[:, None, :], research_share=research_share, export_tax=export_tax, tariff=tariff,
        subsidy=subsidy, licence=base_licence, deficit=deficit, unit_value=unit_value, reo_content=np.ones(k),
        elements=elements, parameters=parameters, use_class=use_class, final_class=final_class,
        stage_sector=np.array([mining, separation, magnets]), labour=0, numeraire=np.array([True, True, False]),
    )  # fmt: skip
    labels = Labels(
        tuple(f"R{x}" for x in range(n)), (*(f"s{x}" for x in range(o)), "ree_mining", "ree_separation", "magnets"),
        (*(f"g{x}" for x in range(o)), "concentrate", "magnets", *(f"E{x}" for x in range(e))),
        ("labour", "capital", "resource"), tuple(f"E{x}" for x in range(e)), ("mining", "separation", "magnets"),
    )  # fmt: skip
    return bench, labels


def quota(bench: Benchmark, ratio: float, name: str = "quota", **options: object) -> Quota:
    """An export quota of region 0 on all elements, at a ratio of base tonnes."""
    n, k = bench.final.shape
    covers = np.zeros((n, n, k), dtype=bool)
    covers[0, 1:, bench.elements] = True
    draft = Quota(name, covers, 1.0, np.ones(k), **options)  # type: ignore[arg-type]
    from model.base_year import quota_tonnes_base

    return draft.replace(limit=ratio * quota_tonnes_base(bench, draft))
