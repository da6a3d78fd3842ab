"""The rival: the damped fixed point that most codes of this field use, as published, as in textbooks and tuned.

Caliendo and Parro (2015): given wages, prices by iteration; given prices, trade shares and spending; then wages move a
part of the way to where they clear the labour market. In all variants all steps are matrix products.
The published one finds spending from one linear system of all regions and goods each time, as codes adapted from the
authors' own do. The textbook one finds it by iteration, too: that is faster. Both run their inner loops from the base
year to the full tolerance each time and move wages by a fifth of their excess demand. The tuned one starts every loop
from its last result, lets inner tolerances follow the outer error, and moves wages by the largest part that converges.
It solves the same economy as the model: one mobile factor, Cobb-Douglas inputs and demand, tariffs, deficits fixed in
the numeraire.
"""

from __future__ import annotations

import numpy as np

from model.records import Benchmark


class FixedPoint:
    """Constants of the economy, laid out for products."""

    def __init__(self, b: Benchmark, tariff: np.ndarray) -> None:
        cost = b.use.sum(axis=1) + b.factor_payment.sum(axis=1)  # (n,j)
        safe = np.where(cost > 0, cost, 1.0)
        self.value_added = b.factor_payment[:, 0] / safe
        self.inputs = np.ascontiguousarray((b.use / safe[:, None]).transpose(0, 2, 1))  # (n,j,k)
        self.theta = b.parameters.trade_elasticity - 1  # (k,)
        self.tariff = np.ascontiguousarray(tariff.transpose(2, 1, 0))  # (k,n,i)
        change = ((1 + tariff) / (1 + b.tariff)).transpose(2, 1, 0)
        self.pi = (
            np.ascontiguousarray(b.trade_share[0].transpose(2, 1, 0)) * change ** -self.theta[:, None, None]
        )
        self.bought = self.pi.sum(axis=2) > 0
        self.labour = b.factor_payment[:, 0].sum(axis=1)
        self.deficit, self.output = b.deficit, b.output
        income = b.final.sum(axis=1, keepdims=True)
        self.final = b.final / np.where(income > 0, income, 1.0)
        self.present = b.output > 0
        self.income = b.final.sum(axis=1)

    def prices(self, wage, price, tolerance, limit=10_000):
        """(n,k) ln purchaser prices and what they are made of, given wages; (k,n) sums, iterations."""
        used = 0
        for used in range(1, limit + 1):  # noqa: B007
            cost = self.value_added * wage[:, None] + (self.inputs @ price[:, :, None])[..., 0]
            power = np.exp(-self.theta[:, None] * cost.T)
            total = (self.pi @ power[:, :, None])[..., 0]
            total = np.where(self.bought, total, 1.0)
            new = -np.log(total).T / self.theta
            gap, price = np.abs(new - price).max(), new
            if gap < tolerance:
                break
        return price, power, total, used

    def spending(self, wage, power, total, output, income, tolerance, limit=10_000):
        """(n,j) output and (n,) income given prices."""
        weight = self.pi * (power[:, None, :] / total[:, :, None])
        gate = weight / (1 + self.tariff)
        duty = (weight - gate).sum(axis=2)  # (k,n)
        earned = np.exp(wage) * self.labour + self.deficit
        used = 0
        for used in range(1, limit + 1):  # noqa: B007
            spent = (output[:, None, :] @ self.inputs)[:, 0] + self.final * income[:, None]  # (n,k)
            new = (spent.T[:, None, :] @ gate)[:, 0].T
            income = earned + (duty.T * spent).sum(axis=1)
            gap, output = np.abs(new - output).max() / np.abs(output).max(), new
            if gap < tolerance:
                break
        return output, income, used

    def linear_spending(self, wage, power, total):
        """(n,j) output given prices, from the linear system of spending by region and good."""
        n, goods = self.final.shape
        weight = self.pi * (power[:, None, :] / total[:, :, None])
        gate = weight / (1 + self.tariff)  # (k,n,i)
        duty = (weight - gate).sum(axis=2)  # (k,n)
        earned = np.exp(wage) * self.labour + self.deficit
        # Spending of n on k: inputs of what n sells to all regions, and what n spends of its income, duties included.
        of_sales = (gate.transpose(2, 0, 1)[:, :, None, :] * self.inputs[..., None]).transpose(0, 2, 3, 1)
        matrix = np.eye(n * goods) - of_sales.reshape(n * goods, n * goods)
        own = self.final[:, :, None] * duty.T[:, None, :]
        for region in range(n):
            at = slice(region * goods, (region + 1) * goods)
            matrix[at, at] -= own[region]
        spent = np.linalg.solve(matrix, (self.final * earned[:, None]).reshape(-1)).reshape(n, goods)
        return (spent.T[:, None, :] @ gate)[:, 0].T

    def solve(self, variant: str, damping: float, tolerance: float = 1e-10, limit: int = 5_000):
        """ln wages, ln purchaser prices, output; outer iterations and inner ones. Raises RuntimeError."""
        wage, price = np.zeros(len(self.labour)), np.zeros(self.final.shape)
        output, income, error, inner = self.output, self.income, 1.0, 0
        tuned = variant == "tuned"
        for iteration in range(limit):
            inside = max(1e-2 * error, 0.1 * tolerance) if tuned else 0.1 * tolerance
            if not tuned:
                price, output, income = np.zeros(self.final.shape), self.output, self.income
            price, power, total, used = self.prices(wage, price, inside)
            if variant == "published":
                output, more = self.linear_spending(wage, power, total), 0
            else:
                output, income, more = self.spending(wage, power, total, output, income, inside)
            inner += used + more
            demand = (self.value_added * output).sum(axis=1)
            excess = np.log(demand / (np.exp(wage) * self.labour))
            error = np.abs(excess - excess.mean()).max()
            if not np.isfinite(error):
                raise RuntimeError("the fixed point diverges")
            if error < tolerance:
                return wage, price, output, iteration + 1, inner
            wage = wage + damping * excess
            wage -= np.log((np.exp(wage) * self.labour).sum() / self.labour.sum())
        raise RuntimeError("the fixed point does not converge")
