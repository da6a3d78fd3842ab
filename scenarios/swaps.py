"""Closure swaps: what is given in one solution is found in another."""

from __future__ import annotations

from model.flows import licence_rates
from model.records import SHORT, Array, Benchmark, Shock
from model.shocks import close_empty_quotas
from model.solve import solve


def taxes_for_licences(shock: Shock, benchmark: Benchmark, licence_rate: Array) -> Shock:
    """The reverse of `tax_equivalent_of`: licences become export taxes, 1 + x' = (1 + x)(1 + l); tonnes are free.

    licence_rate (i,n,k) is l of E14 in a solution of `shock`, as a share of the gate price; the base year's own
    licences (licence0) must be part of it, as they are dropped with the quotas. What a limit of 0 closes has no licence
    and stays closed. This changes no price and no quantity, unless importers had a share of the rent; what smuggling
    used up of it becomes revenue.
    """
    shock, _ = close_empty_quotas(benchmark, shock, shock.quotas)
    export_tax = benchmark.export_tax if shock.export_tax is None else shock.export_tax
    taxed: Shock = shock.replace(
        quotas=(), export_tax=(1 + export_tax) * (1 + licence_rate) - 1, remove_base_licence=True
    )
    return taxed


def fixed_taxes(shock: Shock, benchmark: Benchmark) -> Shock:
    """The shock with taxes in place of its quotas, at what licences cost with the base year's technology and capacity.

    What follows, technology and plant, then changes tonnes instead of licence prices. Raises SolveError.
    """
    solution = solve(benchmark, shock, SHORT)
    return taxes_for_licences(shock, benchmark, licence_rates(solution))
