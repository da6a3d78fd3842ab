"""Other people's formulas, on the shares of a `tests.tables.Table`: what the model must reproduce.

Nothing here uses `model/`: closed forms, a linear system, and a plain fixed point.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.tables import Table, flows


def gains_from_domestic_shares(table: Table, share_hat, sigma):
    """Arkolakis, Costinot and Rodriguez-Clare (2012) with sectors and intermediates: (n,) real wage, ratio.

    ln W_n = -sum_jk alpha_nj [(I - A_n')^-1]_jk ln(share_hat_nnk) / (sigma_k - 1); share_hat (n,k).
    """
    found = []
    for n in range(len(table.final)):
        used = table.trade[n, n] > 0
        direct = np.where(used, np.log(np.where(used, share_hat[n], 1.0)), 0.0) / (sigma - 1)
        # ln of price over wage: P_k = c_k + direct_k, and cost c_k is made of the prices of what k uses
        price = np.linalg.solve(np.eye(len(used)) - table.cost[n].T, direct)
        found.append(np.exp(-table.final[n] @ price))
    return np.array(found)


# ------------------------------------------------------------------ Caliendo and Parro (2015)


@dataclass(frozen=True)
class FixedPoint:
    """Their equilibrium in changes: wages (n,), prices (n,k), trade shares (i,n,k), incomes (n,)."""

    wage: np.ndarray
    price: np.ndarray
    trade: np.ndarray
    income: np.ndarray
    tariff_revenue: np.ndarray
    welfare: np.ndarray


def caliendo_parro(table: Table, theta, tariff, iceberg, tolerance: float = 1e-14) -> FixedPoint:
    """Cobb-Douglas costs and demand, one factor, tariffs, deficits: their loop over prices, spending and wages.

    theta (k,) dispersion, sigma - 1; tariff and iceberg (i,n,k) new rates and ratios.
    """
    t = table
    regions, goods = t.final.shape
    value_added = t.factor.sum(axis=1)  # (n,j) share of revenue
    output, income = before = flows(t)
    labour = (value_added * output).sum(axis=1)
    kappa = iceberg * (1 + tariff) / (1 + t.tariff)
    wage, price = np.ones(regions), np.ones((regions, goods))
    for _ in range(5000):
        for _ in range(5000):  # prices given wages
            cost = wage[:, None] ** value_added * np.exp(np.einsum("nkj,nk->nj", t.cost, np.log(price)))
            delivered = kappa * cost[:, None, :]
            power = np.where(t.trade > 0, delivered ** (-theta), 0.0)
            new = (t.trade * power).sum(axis=0)
            new = np.where(new > 0, new, 1.0) ** (-1 / theta)
            moved = np.abs(new / price - 1).max()
            price = new
            if moved < tolerance:
                break
        trade = t.trade * power * price**theta
        rate = trade * tariff / (1 + tariff)
        output, income, revenue = _spending(t, trade / (1 + tariff), rate, wage * labour, output, income)
        excess = (value_added * output).sum(axis=1) / (wage * labour)
        wage = wage * excess ** (
            1 / (1 + np.max(theta))
        )  # demand for a region's labour is about that elastic
        wage = wage * labour.sum() / (wage * labour).sum()
        if np.abs(excess - 1).max() < tolerance * 10:
            break
    else:
        raise ArithmeticError("the loop over wages does not settle")
    welfare = income / np.exp((t.final * np.log(price)).sum(axis=1)) / before[1]
    return FixedPoint(wage, price, trade, income, revenue, welfare)


def _spending(t: Table, gate, rate, earned, output, income):
    """Output (n,k), income (n,) and tariff revenue (n,) given trade shares and factor income, from a first guess."""
    duty = rate.sum(axis=0)
    for _ in range(100_000):
        spent = np.einsum("nkj,nj->nk", t.cost, output) + t.final * income[:, None]
        revenue = (duty * spent).sum(axis=1)
        before = output, income
        output, income = np.einsum("ink,nk->ik", gate, spent), earned + revenue + t.deficit
        if max(np.abs(output - before[0]).max(), np.abs(income - before[1]).max()) < 1e-14 * income.sum():
            break
    return output, income, revenue


# ------------------------------------------------------------------ Baqaee and Farhi (2019, 2024)


@dataclass(frozen=True)
class Network:
    """A table in their standard form: every CES nest is a producer, households and factors too."""

    omega: np.ndarray  # (node, node) input shares
    elasticity: np.ndarray  # (node,)
    sales: np.ndarray  # (node,) over world income
    household: np.ndarray  # (n,) nodes
    sector: np.ndarray  # (n,j)
    factor: np.ndarray  # (n,f)


def network(table: Table, sigma, final: float, added: float, factors: float, materials: float) -> Network:
    """Nodes and shares; elasticities of final demand, value added and materials, factors, goods, sigma (k,)."""
    t = table
    n, k = t.final.shape
    f = t.factor.shape[1]
    ids = np.arange(n + 3 * n * k + n * k + n * f)
    household, rest = ids[:n], ids[n:]
    sector, value, material, composite = rest[: 4 * n * k].reshape(4, n, k)
    factor = rest[4 * n * k :].reshape(n, f)
    omega, theta = np.zeros((len(ids), len(ids))), np.ones(len(ids))
    for m in range(n):
        omega[household[m], composite[m]] = t.final[m]
        theta[household[m]] = final
        for j in range(k):
            share = t.factor[m, :, j].sum()
            omega[sector[m, j], value[m, j]], omega[sector[m, j], material[m, j]] = share, 1 - share
            omega[value[m, j], factor[m]] = t.factor[m, :, j] / share
            if share < 1:
                omega[material[m, j], composite[m]] = t.cost[m, :, j] / (1 - share)
            omega[composite[m, j], sector[:, j]] = t.trade[:, m, j]
            theta[[sector[m, j], value[m, j], material[m, j]]] = added, factors, materials
            theta[composite[m, j]] = np.broadcast_to(sigma, (k,))[j]
    income = flows(t)[1] / flows(t)[1].sum()
    start = np.zeros(len(ids))
    start[household] = income
    sales = np.linalg.solve(np.eye(len(ids)) - omega.T, start)
    return Network(omega, theta, sales, household, sector, factor)


def first_order(net: Network, productivity):
    """Changes of ln welfare (n,) and of sales shares (node,) for d ln A (n,j): propagation in their standard form.

    Prices: dp = Psi (-dA + dw); shares: d Omega_kl = Omega_kl (1 - theta_k)(dp_l - sum_m Omega_km dp_m);
    sales: d lambda = (income of households + lambda d Omega) Psi; a factor's wage is its share of world income.
    """
    size = len(net.sales)
    psi = np.linalg.inv(np.eye(size) - net.omega)
    shock = np.zeros(size)
    shock[net.sector] = productivity
    slots = net.factor.ravel()

    def sales_change(dw):
        """Change of sales given changes of ln factor prices (node,)."""
        dp = psi @ (dw - shock)
        relative = net.omega * (1 - net.elasticity)[:, None] * (dp[None, :] - (net.omega @ dp)[:, None])
        new = net.sales @ relative
        new[net.household] += (net.sales[net.factor] * dw[net.factor]).sum(axis=1)
        return new @ psi, dp

    # linear in dw: d sales of factors = sales * dw; one wage level is free, world income is 1
    constant = sales_change(np.zeros(size))[0][slots]
    matrix = np.empty((len(slots), len(slots)))
    for column, node in enumerate(slots):
        unit = np.zeros(size)
        unit[node] = 1.0
        matrix[:, column] = sales_change(unit)[0][slots] - constant
    matrix = np.diag(net.sales[slots]) - matrix
    matrix[-1], constant = net.sales[slots], np.append(constant[:-1], 0.0)
    dw = np.zeros(size)
    dw[slots] = np.linalg.solve(matrix, constant)
    sales, dp = sales_change(dw)
    income = (net.sales[net.factor] * dw[net.factor]).sum(axis=1) / net.sales[net.household]
    return income - dp[net.household], sales
