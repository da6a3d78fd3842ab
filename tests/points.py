"""Points off equilibrium: random unknowns, what they imply, and derivatives there."""

from __future__ import annotations

import numpy as np

from model.equilibrium import Allocation, Residuals, State, allocate, directed, residuals
from model.prepare import prepare
from model.records import Quota
from model.shocks import base_quotas, close_empty_quotas
from model.system import System
from model.tangent import linearise
from model.unknowns import Layout, layout
from tests.conditions import sides
from tests.independent import Economy, Published, base_gate, licensed, quota_tonnes
from tests.instruments import Case


def assemble(case: Case) -> tuple[System, Layout]:
    """The system of a case with all its quotas in it, binding or not."""
    b, shock = case.benchmark, case.shock
    quotas = shock.quotas if shock.remove_base_licence else (*base_quotas(b), *shock.quotas)
    shock, quotas = close_empty_quotas(b, shock, quotas)
    system = prepare(b, shock, case.closure, quotas)
    return system, layout(system)


def point(case: Case, seed: int, size: float = 0.1) -> tuple[System, Layout, State]:
    """Random unknowns: logs around 0, licence prices and smuggled tonnes above it."""
    system, cells = assemble(case)
    rng = np.random.default_rng(seed)
    state = cells.unpack(rng.normal(0, size, cells.size))
    quotas, leaking = system.restrictions.quotas, system.restrictions.leaking
    state = state._replace(
        licence=rng.uniform(0.1, 1.0, len(quotas)) * [1.0 if q.specific else 0.2 for q in quotas],
        leak=np.zeros(len(leaking)), production_licence=rng.uniform(0.1, 0.5, len(state.production_licence)),
    )  # fmt: skip
    if len(leaking):  # a part of what is sold
        state = state._replace(
            leak=rng.uniform(0.05, 0.2, len(leaking)) * allocate(system, state).quota_tonnes[leaking]
        )
    return system, cells, state


def published_at(system: System, a: Allocation) -> Published:
    """What a solution with these unknowns would publish."""
    b, users = system.benchmark, system.nests.users
    regions, sectors = b.output.shape
    technology, research = np.zeros((2, regions, sectors, len(b.elements) + 1))
    direction = directed(system, a)
    technology[:, :, -1], technology[:, users, :-1] = a.costs.technology_x, a.costs.technology_e
    source = a.state if system.learns else direction
    research[:, :, -1], research[:, users, :-1] = source.research_x, source.research_e
    quotas = system.restrictions.quotas
    return Published(
        price=np.exp(a.price), output=b.output * np.exp(a.state.output), wage=np.exp(a.wage),
        income=system.income_base * np.exp(a.state.income), technology=np.exp(technology), research=np.exp(research),
        research_wage=np.exp(direction.wage), scientists=direction.scientists, capacity=np.exp(a.capacity),
        licence=dict(zip([q.name for q in quotas], a.state.licence.tolist(), strict=True)),
        leak=dict(zip([quotas[q].name for q in system.restrictions.leaking], a.state.leak.tolist(), strict=True)),
        production_licence=a.state.production_licence.tolist(), wasted=1 - np.exp(a.state.price - a.net),
    )  # fmt: skip


def expected_residuals(system: System, w: Economy) -> dict[str, np.ndarray]:
    """Residuals by name, as docs/model.md has them: ln(supply) - ln(demand), from flows worked out anew."""
    users, logs = system.nests.users, {}
    for name, (one, other) in sides(w).items():
        there = (np.asarray(one) > 0) & (np.asarray(other) > 0)
        logs[name] = np.log(np.where(there, one, 1.0)) - np.log(np.where(there, other, 1.0))
    logs["budget"][system.numeraire_region] = np.log(w.world)
    logs["research_x"], logs["research_e"] = logs["research"][:, :, -1], logs["research"][:, users, :-1]
    fb = [fischer_burmeister(*pair) for pair in licence_and_room(w)]
    logs["quota"] = np.array(fb)
    leaking = [q for q in w.quotas if q.name in w.p.leak]
    margin = {q.name: (q.leak_margin - w.p.licence[q.name]) / mean_value(w, q) for q in leaking}
    leak = {q.name: w.p.leak[q.name] / base_tonnes(w, q) for q in leaking}
    logs["leak"] = np.array([fischer_burmeister(leak[name], margin[name]) for name in leak])
    logs["production"] = np.array([fischer_burmeister(*pair) for pair in production_rent_and_room(w)])
    return logs


def base_tonnes(w: Economy, quota: Quota) -> float:
    return quota_tonnes(w.b, quota, base_gate(w.b), np.ones(w.b.final.shape))


def mean_value(w: Economy, quota: Quota) -> float:
    """E13: u_q, USD per quota kg of what the quota covers; rates need no scale."""
    if not quota.specific:
        return 1.0
    return base_gate(w.b)[quota.covers].sum() * 1e6 / (base_tonnes(w, quota) * 1e3)


def licence_and_room(w: Economy) -> list[tuple[float, float]]:
    """E13: A = chi/u_q and B = ln(limit/tonnes) of every quota."""
    found = []
    for q in w.quotas:
        if q.name in w.p.licence:
            sold, allowed = quota_tonnes(w.b, q, w.gate, w.p.price), q.limit + w.p.leak.get(q.name, 0.0)
            found.append((w.p.licence[q.name] / mean_value(w, q), np.log(allowed / sold)))
    return found


def production_rent_and_room(w: Economy) -> list[tuple[float, float]]:
    """Section 5: the same for production quotas."""
    found, b = [], w.b
    for chi, q in zip(w.p.production_licence, w.shock.production_quotas, strict=True):
        i, goods = q.origin, np.nonzero(q.goods)[0]
        before = b.output[i] @ b.make[i]
        base = sum(q.weight[k] * before[k] / b.unit_value[i, k] for k in goods)
        sold = licensed(w, q)
        made = sum(q.weight[k] * w.supply[i, k] / (w.p.price[i, k] * b.unit_value[i, k]) for k in sold)
        found.append((chi / (before[goods].sum() / base), np.log(q.limit / (made * 1e3))))
    return found


def fischer_burmeister(a: float, b: float) -> float:
    """E13: 0 where both are at least 0 and one of them is 0."""
    return a + b - np.hypot(a, b)


def complex_step(
    system: System, cells: Layout, state: State, direction: np.ndarray, step: float = 1e-30
) -> np.ndarray:
    """Derivative of the residuals along a direction, exact to rounding."""
    moved = cells.unpack(cells.pack(state).astype(complex) + 1j * step * direction)
    return cells.pack_residuals(residuals(system, allocate(system, moved))).imag / step


def analytic(
    system: System, cells: Layout, state: State, direction: np.ndarray, rough: bool = False
) -> np.ndarray:
    """The same from the product that the solver uses; `direction` may have several columns."""
    product = linearise(system, allocate(system, state), rough)
    columns = direction.reshape(cells.size, -1)
    return cells.pack_residuals(product(cells.unpack(columns))).reshape(direction.shape)


def residuals_at(system: System, state: State) -> tuple[Allocation, Residuals]:
    a = allocate(system, state)
    return a, residuals(system, a)
