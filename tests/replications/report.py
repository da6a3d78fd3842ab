"""Numbers of others beside ours, one row each: what the tests here assert and docs/replications.md shows.

python -m tests.replications.report > docs/replications.md
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cache

import numpy as np

from model import Shock, Solution, solve
from model.flows import spending_flows
from model.records import Benchmark
from model.welfare import real_income
from tests import closed_forms, single_sector
from tests.tables import Table, benchmark, random_table, shipped

REGIONS = (
    "CHN",
    "JPN",
    "USA",
    "KOR",
    "TWN",
    "DEU",
    "rest of EU27",
    "IND",
    "RUS",
    "BRA",
    "AUS",
    "rest of the world",
)
SIGMA = 5.0  # of the gains from trade: trade elasticity 4, in the middle of the range in use


@dataclass(frozen=True)
class Row:
    """One number: theirs, ours, and how far apart they may be, in the unit shown."""

    section: str
    what: str
    theirs: float
    ours: float
    unit: str
    tolerance: float
    digits: int = 6


# ------------------------------------------------------------------ gains from trade


def closing(b: Benchmark, region: int, cost: float = 3e3) -> Shock:
    """Trade costs that end all trade of a region."""
    iceberg = np.ones(b.export_tax.shape)
    iceberg[region], iceberg[:, region] = cost, cost
    iceberg[region, region] = 1.0
    return Shock(iceberg=iceberg)


def domestic_share_hat(solution: Solution, table: Table):
    """(n,k) new domestic share over the old."""
    paid = spending_flows(solution)[0]
    n = len(table.final)
    new = np.array(
        [paid[m, m] / np.where(paid[:, m].sum(axis=0) > 0, paid[:, m].sum(axis=0), 1.0) for m in range(n)]
    )
    old = np.array([table.trade[m, m] for m in range(n)])
    return np.where(old > 0, new / np.where(old > 0, old, 1.0), 1.0)


def gains_from_trade() -> list[Row]:
    """Arkolakis, Costinot and Rodriguez-Clare (2012): the loss from autarky from domestic shares alone."""
    kinds = {
        "one sector": shipped("one", intermediates=False),
        "31 sectors": shipped("all", intermediates=False),
        "31 sectors and intermediates": shipped("all"),
    }
    rows = []
    for kind, table in kinds.items():
        b, sigma = benchmark(table, SIGMA), np.full(table.final.shape[1], SIGMA)
        old = np.array([table.trade[m, m] for m in range(len(REGIONS))])
        autarky = closed_forms.gains_from_domestic_shares(
            table, np.where(old > 0, 1 / np.where(old > 0, old, 1), 1), sigma
        )
        for region in ("USA", "DEU", "CHN"):
            r = REGIONS.index(region)
            ours = real_income(solve(b, closing(b, r)))[r]
            rows.append(
                Row(
                    "autarky",
                    f"{region}, {kind}",
                    100 * (1 - autarky[r]),
                    100 * (1 - ours),
                    "% of real income",
                    1e-7,
                )
            )
    return rows


def gains_as_published() -> list[Row]:
    """The range their introduction gives for the United States of 2000: import share 7 %, elasticity 5 or 10."""
    rows = []
    for elasticity, published in ((5, 1.4), (10, 0.7)):
        trade = np.array([[0.93, 0.02], [0.07, 0.98]])[:, :, None]
        table = Table(trade, np.zeros((2, 1, 1)), np.ones((2, 1, 1)), np.ones((2, 1)), 0 * trade, np.zeros(2))
        b = benchmark(table, elasticity + 1.0)
        ours = 100 * (1 - real_income(solve(b, closing(b, 0)))[0])
        rows.append(
            Row(
                "published gains",
                f"import share 7 %, trade elasticity {elasticity}",
                published,
                ours,
                "%",
                0.05,
                2,
            )
        )
    share = 100 * (1 - shipped("one").trade[2, 2, 0])
    rows.append(
        Row(
            "published gains",
            "imports in spending of the United States (theirs: any recent year; ours: 2009)",
            8,
            share,
            "%",
            1.5,
            1,
        )
    )
    return rows


# ------------------------------------------------------------------ Caliendo and Parro


def caliendo_parro(kind: str) -> tuple[dict[str, float], closed_forms.FixedPoint]:
    """Largest differences between their fixed point and the model, by variable."""
    rng = np.random.default_rng(2)
    table = random_table(3, 5, 6, tariffs=0.3, deficits=30.0) if kind == "random" else shipped("all")
    n, k = table.final.shape
    sigma = np.linspace(2.5, 7.0, k)
    abroad = ~np.eye(n, dtype=bool)[:, :, None]
    tariff = np.where(abroad, table.tariff * 0.4 + rng.uniform(0, 0.3, table.tariff.shape), 0.0)
    iceberg = np.where(abroad, rng.uniform(0.9, 1.3, table.tariff.shape), 1.0)
    theirs = closed_forms.caliendo_parro(table, sigma - 1, tariff, iceberg)
    solution = solve(benchmark(table, sigma), Shock(tariff=tariff, iceberg=iceberg))
    a, paid = solution.allocation, spending_flows(solution)[0]
    spent = paid.sum(axis=0)
    return {
        "wages": np.abs(np.exp(a.state.wage[:, 0]) - theirs.wage).max(),
        "prices": np.abs(np.exp(a.sources.price[0]) - theirs.price).max(),
        "trade shares": np.abs(paid / np.where(spent > 0, spent, 1.0) - theirs.trade * (spent > 0)).max(),
        "tariff revenue over income": np.abs((a.sales.tariff - theirs.tariff_revenue) / theirs.income).max(),
        "real income": np.abs(real_income(solution) - theirs.welfare).max(),
    }, theirs  # fmt: skip


def caliendo_parro_rows() -> list[Row]:
    rows = []
    for kind, name in (
        ("random", "random table, 5 x 6, tariffs, deficits"),
        ("shipped", "table of 2009, 12 x 31, new tariffs"),
    ):
        rows += [
            Row("Caliendo-Parro", f"{name}: {what}", 0.0, gap, "ratio", 1e-9)
            for what, gap in caliendo_parro(kind)[0].items()
        ]
    return rows


# ------------------------------------------------------------------ Baqaee and Farhi

METALS = 11  # position among the 31 sectors
NESTS = {"final": 0.6, "added": 0.4, "factors": 0.7, "materials": 0.2}


def with_nests(table: Table, sigma) -> Benchmark:
    ones = np.ones(table.final.shape[1])
    return benchmark(
        table, sigma, final_elasticity=NESTS["final"], value_added_elasticity=NESTS["added"] * ones,
        factor_elasticity=NESTS["factors"] * ones, materials_elasticity=NESTS["materials"] * ones,
    )  # fmt: skip


def first_order_gap(table: Table, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(theirs, ours): d ln real income (n,) for a random change of productivity everywhere."""
    sigma = np.linspace(2.0, 6.0, table.final.shape[1])
    b, change = with_nests(table, sigma), np.random.default_rng(seed).normal(size=table.final.shape)
    theirs, _ = closed_forms.first_order(closed_forms.network(table, sigma, **NESTS), change)
    h = 1e-4
    up, down = (np.log(real_income(solve(b, Shock(productivity=np.exp(s * h * change))))) for s in (1, -1))
    return theirs, (up - down) / (2 * h)


def second_order(table: Table, sector: int, sizes) -> list[tuple[float, float, float]]:
    """In a closed economy: (ours, first order, first and second order) of ln real income, by size of the shock."""
    sigma = np.full(table.final.shape[1], 3.0)
    b, net = with_nests(table, sigma), closed_forms.network(table, sigma, **NESTS)
    unit = np.zeros(table.final.shape)
    unit[0, sector] = 1.0
    domar = net.sales[net.sector[0, sector]]
    _, change = closed_forms.first_order(net, unit)
    curvature = change[net.sector[0, sector]]  # of the Domar weight: half of it is the second-order term
    found = []
    for size in sizes:
        ours = np.log(real_income(solve(b, Shock(productivity=np.exp(size * unit)))))[0]
        found.append((ours, domar * size, domar * size + 0.5 * curvature * size**2))
    return found


def closed_economy() -> Table:
    """China of 2009 on its own: imports count as home-made."""
    world = shipped("all")
    cost = world.cost[:1]
    capital = np.linspace(0.2, 0.6, cost.shape[1])
    factor = world.factor[:1] * np.stack([1 - capital, capital])[None]
    return Table(
        np.ones((1, 1, cost.shape[1])),
        cost,
        factor,
        world.final[:1],
        np.zeros((1, 1, cost.shape[1])),
        np.zeros(1),
    )


def baqaee_farhi_rows() -> list[Row]:
    rows = []
    for name, table in (("random world of 4", random_table(4, factors=2)), ("world of 2009", shipped("all"))):
        theirs, ours = first_order_gap(table, 5)
        gap = np.round(np.abs(theirs - ours), 6)  # as printed: no choice rests on rounding
        worst = max(range(len(gap)), key=lambda n: (gap[n], abs(theirs[n])))
        what = f"slope of ln real income, {name}, region that is furthest off (steepest, where all agree)"
        rows.append(Row("first order", what, theirs[worst], ours[worst], "", 2e-5))
    ((ours, first, second),) = second_order(closed_economy(), METALS, [-0.3])
    what = "productivity of metals -30 log points, closed economy: ln real income"
    rows.append(Row("second order", f"{what}, Domar weight alone", first, ours, "", 1e-2, 5))
    rows.append(
        Row("second order", f"{what}, with the change of the Domar weight", second, ours, "", 1e-3, 5)
    )
    return rows


# ------------------------------------------------------------------ one CES sector


def input_cut_rows() -> list[Row]:
    """Bachmann et al. (2022): output of a CES function after a cut of one input."""
    rows = []
    for share, cut, elasticity in (
        (0.04, 0.10, 0.04),
        (0.04, 0.10, 0.2),
        (0.012, 0.30, 0.1),
        (0.012, 0.30, 0.2),
    ):
        theirs = single_sector.closed_form_loss(share, elasticity, cut)
        ours = single_sector.loss(share, elasticity, cut)
        what = f"share {100 * share:g} %, cut {100 * cut:g} %, elasticity {elasticity:g}"
        rows.append(Row("input cut", what, 100 * theirs, 100 * ours, "% of output", 1e-7))
    return rows


def directed_rows() -> list[Row]:
    """Losses of one CES sector with technology fixed and directed."""
    rows = []
    for elasticity, cut, innovation in itertools.product((0.1, 0.2), (0.8, 0.4), (None, 1.0)):
        theirs = 100 * single_sector.closed_form_loss(1e-4, elasticity, cut, innovation or 0.0)
        ours = 100 * single_sector.loss(1e-4, elasticity, cut, innovation)
        technology = "fixed" if innovation is None else f"directed, λ = {innovation:g}"
        what = f"elasticity {elasticity:g}, cut {100 * cut:g} %, technology {technology}"
        rows.append(Row("directed", what, theirs, ours, "% of output", 1e-7))
    return rows


def long_run_elasticity(elasticity: float, innovation: float) -> float:
    """-d ln(quantity of the input over labour) / d ln(their relative price), technology at its target."""
    b = single_sector.economy(1e-3, elasticity, innovation)
    a = single_sector.after_cut(b, 0.3, directed=True).allocation
    price = a.state.price[0, single_sector.MINE] - a.state.wage[0, 0]
    return float(-np.log(0.7) / price)


def long_run_rows() -> list[Row]:
    rows = []
    for elasticity, innovation in ((0.1, 1.0), (0.5, 1.0), (0.1, 0.5)):
        stated = (elasticity + innovation * (1 - elasticity)) / (1 + innovation * (1 - elasticity))
        ours = long_run_elasticity(elasticity, innovation)
        rows.append(
            Row("long run", f"elasticity {elasticity:g}, λ = {innovation:g}", stated, ours, "ratio", 1e-9)
        )
    return rows


# ------------------------------------------------------------------ the page

SECTIONS = {
    "autarky": """## Gains from trade

Arkolakis, Costinot and Rodriguez-Clare (2012), and Costinot and Rodriguez-Clare (2014)
for sectors and intermediates: without deficits, taxes and research, and with Cobb-
Douglas costs and demand, the loss from autarky follows from domestic shares and trade
elasticities alone. Theirs is the formula, ours the solved model with trade costs that
end a region's trade, on the shipped table of 2009 (WIOD; 12 regions; trade elasticity
4). Sectors that a region buys but does not make are joined to a neighbour, since a
domestic share of zero has no formula. They must agree to 1e-7 percentage points.""",
    "published gains": """The introduction of the 2012 paper puts the gains of the United States of 2000 between
0.7 and 1.4 % (recalled, not checked against the text). Costinot and Rodriguez-Clare
(2018, Journal of Economic Perspectives) write that about 8 cents of a dollar spent
there go to imports, by WIOD; ours is the year 2009. They must agree to the digits
given, the last to 1.5 percentage points.""",
    "Caliendo-Parro": """## Caliendo and Parro (2015)

Cobb-Douglas costs and demand, tariffs, deficits. Their equations in changes, solved by
their own loop over prices, spending and wages (`tests/closed_forms.py`, which shares
nothing with the model), against the model. The number is the largest difference over
all cells; it must be below 1e-9. The countries and numbers of their paper need their
data set, which is not shipped: a table with those shares goes through the same two
functions.""",
    "first order": """## Baqaee and Farhi (2019, 2024)

Every CES nest of a table becomes a producer, as in their standard form; a linear system
gives the change of factor shares, prices, sales and real income
(`tests/closed_forms.py`). Nests with elasticities 0.2 to 0.7, trade elasticities 1 to
5, productivity changes at random in every cell. First order: derivatives must agree to
2e-5. Hulten's theorem is the sum over regions and is tested with the rare-earth chain
in place.""",
    "second order": """Second order, in a closed economy with two factors: half the change of the Domar weight.
The error that is left must fall with the third power of the shock (tested at four
sizes); the table shows a large shock.""",
    "input cut": """## A cut of one input

The exercise of Bachmann et al. (2022) for an energy embargo: output of a CES function
when one input falls. Theirs is the formula, ours an economy in which the input comes
from a resource whose capacity is cut. Shares and elasticities are in the range they
discuss (recalled, not checked against the text); they report losses of 0.5 to 3 % of
GDP. Must agree to 1e-7 percentage points.""",
    "directed": """## A cut with directed technology

One CES sector, an input with a cost share of 0.01 %, research that moves between the
input and labour (the argument is that of Hassler, Krusell and Olovsson 2021). With both
λ equal the loss has a closed form (`tests/single_sector.py`). Must agree to 1e-7
percentage points.""",
    "long run": """The long-run elasticity between the input and labour is (ε + λ(1−ε))/(1 + λ(1−ε)), so
1/(2−ε) at λ = 1: here from the change of quantities over that of prices after a cut of
30 %. Must agree to 1e-9.""",
}

INTRODUCTION = """# Replications

Other people's formulas and numbers beside what the model gives. Every row is a test (`tests/replications/`),
and this page is printed by them: `python -m tests.replications.report > docs/replications.md`.
"""


@cache
def rows() -> tuple[Row, ...]:
    """All of them."""
    return (
        *gains_from_trade(), *gains_as_published(), *caliendo_parro_rows(), *baqaee_farhi_rows(), *input_cut_rows(),
        *directed_rows(), *long_run_rows(),
    )  # fmt: skip


def page() -> str:
    """docs/replications.md."""
    parts = [INTRODUCTION]
    for section, text in SECTIONS.items():
        parts.append(
            f"{text}\n\n| what | theirs | ours | difference | must agree to |\n|---|---:|---:|---:|---:|"
        )
        for row in rows():
            if row.section == section:
                theirs, ours = (_number(x, row) for x in (row.theirs, row.ours))
                cells = (row.what, theirs, ours, _difference(row), f"{row.tolerance:.1g} {row.unit}")
                parts[-1] += f"\n| {' | '.join(cells)} |".replace("  ", " ")
        parts[-1] += "\n"
    return "\n".join(parts)


def _number(value: float, row: Row) -> str:
    if row.theirs == 0.0:  # a largest difference
        return "0" if value == 0.0 else f"< {row.tolerance:.0e}"
    return f"{value:.{row.digits}f}"


def _difference(row: Row) -> str:
    """Ours less theirs, to the digits shown: what is beyond them differs between machines."""
    if row.theirs == 0.0:
        return _number(row.ours, row)
    return f"{round(row.ours - row.theirs, row.digits) + 0.0:.{row.digits}f}"


if __name__ == "__main__":
    print(page(), end="")
