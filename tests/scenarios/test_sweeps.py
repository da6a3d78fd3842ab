"""Designs of sweeps: distributions, points, quadratures, and what the reader of a YAML file is told."""

import itertools

import numpy as np
import pytest
from scipy import stats

from calibration import strict_yaml
from calibration.errors import InputError
from calibration.validate import validate
from scenarios import sweeps
from scenarios.sweeps import design as plans
from scenarios.sweeps import quadrature, reference, sampling
from scenarios.sweeps.distributions import Discrete, LogUniform, Triangular, TruncatedNormal, Uniform
from scenarios.sweeps.worlds import worlds

SMALL = """\
name: small
title: A small sweep
question: What decides?
scenarios: {quota: china-2010-quota}
calibration: china-2009-small
regimes: [exogenous, directed]
design: {type: monte_carlo, draws: 6, seed: 1}
vary:
  - path: calibration.ree_elasticity_max
  - path: calibration.supply_elasticity.ree_mining
  - path: instruments.quota-2010.limit
    name: limit
    distribution: {type: uniform, low: 20000, high: 35000}
outcomes:
  - {name: dy, variable: border_value, select: {origin: CHN, element: Dy}, measure: percent}
  - {name: gain, variable: equivalent_variation, select: {region: {all_but: CHN}}, threshold: 0}
"""


@pytest.fixture
def file(tmp_path):
    def write(text=SMALL, *changes):
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "small.yaml"
        path.write_text(text)
        return path

    return write


# Distributions


@pytest.mark.parametrize(
    ("law", "same"),
    [
        (Uniform(low=2.0, high=5.0), stats.uniform(2, 3)),
        (LogUniform(type="loguniform", low=0.1, high=10.0), stats.loguniform(0.1, 10)),
        (Triangular(type="triangular", low=1.0, mode=2.0, high=4.0), stats.triang(1 / 3, 1, 3)),
        (
            TruncatedNormal(type="normal", low=0.0, high=3.0, mean=1.0, sd=0.8),
            stats.truncnorm(-1.25, 2.5, 1, 0.8),
        ),
    ],
)
def test_quantiles_are_those_of_scipy(law, same):
    u = np.linspace(0, 1, 21)
    np.testing.assert_allclose(law.quantile(u), same.ppf(u), rtol=1e-12, atol=1e-12)
    assert (law.quantile(np.array([0.0, 1.0])) == law.bounds).all()


def test_moments_are_those_of_the_distribution():
    for law in (
        Uniform(low=2.0, high=5.0),
        LogUniform(type="loguniform", low=0.5, high=8.0),
        Triangular(type="triangular", low=1.0, mode=2.0, high=3.0),
        TruncatedNormal(type="normal", low=-1.0, high=3.0, mean=1.0, sd=0.8),
    ):
        mean, sd, log = law.moments()
        draws = law.quantile((np.arange(200_000) + 0.5) / 200_000)
        draws = np.log(draws) if log else draws
        z = (draws - mean) / sd
        np.testing.assert_allclose([z.mean(), z.var(), (z**4).mean()], [0, 1, law.kurtosis()], atol=2e-4)


def test_what_leans_to_one_side_has_no_quadrature():
    assert Triangular(type="triangular", low=0.0, mode=1.0, high=4.0).moments() is None
    assert TruncatedNormal(type="normal", low=0.0, high=4.0, mean=1.0, sd=1.0).moments() is None
    law = Triangular(type="triangular", low=0.0, mode=1.0, high=4.0)
    with pytest.raises(InputError, match="not symmetric"):
        sampling.sample(plans.Stroud(type="stroud"), [law], ("x",), np.eye(1))


def test_discrete_values_come_as_often_as_they_weigh():
    law = Discrete(type="discrete", values=(1.0, 5.0, 2.0), weights=(1.0, 2.0, 1.0))
    drawn = law.quantile((np.arange(4000) + 0.5) / 4000)
    assert [int((drawn == value).sum()) for value in (1.0, 5.0, 2.0)] == [1000, 2000, 1000]


# Points

TWO = [Uniform(low=0.0, high=1.0), Uniform(low=-1.0, high=1.0)]


def points(plan, laws=None, correlation=None):
    laws = laws or TWO
    names = tuple(f"p{j}" for j in range(len(laws)))
    return sampling.sample(plan, laws, names, np.eye(len(laws)) if correlation is None else correlation)


def test_latin_hypercube_has_one_draw_in_every_slice():
    values = points(plans.LatinHypercube(type="latin_hypercube", draws=50, seed=3)).values
    assert (np.sort((values[:, 0] * 50).astype(int)) == np.arange(50)).all()


def test_the_same_seed_gives_the_same_points_and_another_one_others():
    for kind in (plans.MonteCarlo, plans.LatinHypercube):
        name = kind.model_fields["type"].annotation.__args__[0]
        first, again, other = (points(kind(type=name, draws=20, seed=seed)).values for seed in (1, 1, 2))
        assert (first == again).all()
        assert (first != other).any()


@pytest.mark.parametrize("second_order", [False, True])
def test_saltelli_blocks_swap_one_parameter_at_a_time(second_order):
    d = 3
    unit, block = sampling.saltelli(d, 200, 5, second_order)
    rows = unit.reshape(-1, block, d)
    assert (len(rows) & (len(rows) - 1)) == 0
    assert len(unit) <= 200
    a, b = rows[:, 0], rows[:, -1]
    for j in range(d):
        assert (np.flatnonzero(rows[0, 1 + j] != a[0]) == [j]).all()
        assert (rows[:, 1 + j, j] == b[:, j]).all()
        if second_order:
            assert (rows[:, 1 + d + j, j] == a[:, j]).all()
            assert (np.delete(rows[:, 1 + d + j], j, axis=1) == np.delete(b, j, axis=1)).all()


def test_saltelli_blocks_have_salibs_order():
    salib = pytest.importorskip("SALib.sample.sobol")
    problem = {"num_vars": 3, "names": list("abc"), "bounds": [[0, 1]] * 3}
    for second_order in (False, True):
        theirs = salib.sample(problem, 4, calc_second_order=second_order, seed=1)
        _, block = sampling.saltelli(3, 100, 1, second_order)
        rows = theirs.reshape(4, block, 3)
        a, b = rows[:, 0], rows[:, -1]
        assert all((rows[:, 1 + j, j] == b[:, j]).all() for j in range(3))
        assert (np.delete(rows[:, 1], 0, axis=1) == np.delete(a, 0, axis=1)).all()


def test_a_copula_gives_the_rank_correlation_and_keeps_the_distributions():
    correlation = np.array([[1.0, 0.7], [0.7, 1.0]])
    plan = plans.MonteCarlo(type="monte_carlo", draws=20_000, seed=1)
    values = points(plan, correlation=correlation).values
    expected = 6 / np.pi * np.arcsin(0.7 / 2)  # Spearman's of a Gaussian copula
    assert stats.spearmanr(*values.T).statistic == pytest.approx(expected, abs=0.01)
    for column, law in zip(values.T, (stats.uniform(0, 1), stats.uniform(-1, 2)), strict=True):
        assert stats.kstest(column, law.cdf).pvalue > 0.001


def test_a_grid_has_every_combination_and_one_at_a_time_moves_one():
    grid = points(plans.Grid(type="grid", points={"p0": 3, "p1": 2})).values
    assert {tuple(row) for row in grid} == set(itertools.product([0, 0.5, 1], [-1, 1]))
    rows = points(plans.OneAtATime(type="one_at_a_time", points=3)).values
    assert (rows[0] == [0.5, 0]).all()
    assert ((rows[1:] != rows[0]).sum(axis=1) <= 1).all()


def test_designs_that_measure_independence_refuse_correlations():
    correlation = np.array([[1.0, 0.5], [0.5, 1.0]])
    for plan in (plans.Sobol(type="sobol", draws=100, seed=1), plans.Grid(type="grid", points=3)):
        with pytest.raises(InputError, match="independence"):
            points(plan, correlation=correlation)


# Quadratures


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7])
def test_strouds_points_have_the_moments_of_degree_three(n):
    g = quadrature.stroud(n)
    assert g.shape == (2 * n, n)
    np.testing.assert_allclose(g.mean(axis=0), 0, atol=1e-14)
    np.testing.assert_allclose(g.T @ g / (2 * n), np.eye(n), atol=1e-14)
    np.testing.assert_allclose(np.einsum("pi,pj,pk->ijk", g, g, g), 0, atol=1e-13)


def test_rotations_keep_degree_three():
    g = quadrature.rotated(4, 5, seed=2)
    np.testing.assert_allclose(g.T @ g / len(g), np.eye(4), atol=1e-14)
    np.testing.assert_allclose(np.einsum("pi,pj,pk->ijk", g, g, g), 0, atol=1e-12)


def test_strouds_quadrature_is_exact_on_cubics_under_any_covariance():
    laws = [Uniform(low=1.0, high=3.0), Uniform(low=0.0, high=1.0), Uniform(low=-2.0, high=2.0)]
    correlation = np.array([[1.0, 0.3, 0.1], [0.3, 1.0, -0.2], [0.1, -0.2, 1.0]])
    found = points(plans.Stroud(type="stroud"), laws, correlation)
    mean = np.array([2.0, 0.5, 0.0])
    sd = np.array([2.0, 1.0, 4.0]) / np.sqrt(12)
    np.testing.assert_allclose(found.weights @ found.values, mean, atol=1e-14)
    deviation = found.values - mean
    covariance = deviation.T @ (found.weights[:, None] * deviation)
    np.testing.assert_allclose(covariance, np.outer(sd, sd) * correlation, atol=1e-14)
    third = np.einsum("p,pi,pj,pk->ijk", found.weights, deviation, deviation, deviation)
    np.testing.assert_allclose(third, 0, atol=1e-14)
    # So any cubic has the mean that every symmetric distribution of this covariance gives it.
    rng = np.random.default_rng(1)
    linear, square, cube = rng.standard_normal(3), rng.standard_normal((3, 3)), rng.standard_normal((3, 3, 3))

    def cubic(x):
        powers = (
            x @ linear,
            np.einsum("...i,...j,ij", x, x, square),
            np.einsum("...i,...j,...k,ijk", x, x, x, cube),
        )
        return sum(powers)

    spread = np.outer(sd, sd) * correlation
    mixed = sum(np.einsum("ij,k,ijk", spread, mean, np.moveaxis(cube, (0, 1, 2), order))
                for order in ((0, 1, 2), (0, 2, 1), (2, 1, 0)))  # fmt: skip
    exact = cubic(mean) + (square * spread).sum() + mixed
    assert found.weights @ cubic(found.values) == pytest.approx(exact, rel=1e-12)


def test_the_quadrature_of_degree_five_is_exact_on_quartics():
    laws = [
        Uniform(low=0.0, high=1.0),
        Triangular(type="triangular", low=-1.0, mode=0.0, high=1.0),
        Uniform(low=-1.0, high=3.0),
    ]
    found = points(plans.Stroud(type="stroud", degree=5), laws)
    assert len(found.values) == 2 * 9 + 1
    exactly = [stats.uniform(0, 1), stats.triang(0.5, -1, 2), stats.uniform(-1, 4)]
    for powers in itertools.product(range(5), repeat=3):
        if sum(powers) <= 5:
            exact = np.prod(
                [law.moment(power) if power else 1 for law, power in zip(exactly, powers, strict=True)]
            )
            got = found.weights @ np.prod(found.values**powers, axis=1)
            assert got == pytest.approx(exact, rel=1e-12, abs=1e-12), powers


def test_a_loguniform_is_integrated_in_logs():
    law = LogUniform(type="loguniform", low=0.5, high=2.0)
    found = points(plans.Stroud(type="stroud"), [law])
    assert found.weights @ np.log(found.values[:, 0]) == pytest.approx(0, abs=1e-14)
    assert found.weights @ np.log(found.values[:, 0]) ** 2 == pytest.approx(np.log(4) ** 2 / 12)


# YAML


def test_ranges_are_those_of_the_calibration(file):
    study = sweeps.load(file())
    rows = {row.name: row for row in study.calibration.parameters_table}
    assert study.laws[0].bounds == rows["ree_elasticity_max"].range
    assert study.laws[1].bounds == rows["supply_elasticity"].range
    assert study.laws[2].bounds == (20000, 35000)
    assert [column.label for column in study.columns] == [
        "dy.exogenous", "dy.directed", "gain.exogenous", "gain.directed"
    ]  # fmt: skip


OTHER = ", minus: {regime: directed_with_spillovers}, measure: percent"
LAW = "distribution: {type: uniform, low: 20000, high: 35000}"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("ree_elasticity_max", "ree_elasticity_mx", r"small.yaml:9: vary\[0\].path: .*did you mean ree_elasticity_max"),
        ("instruments.quota-2010", "instruments.quota-2011", r":11: vary\[2\].path: .*did you mean quota-2010"),
        ("quota-2010.limit", "quota-2010.limt", r"vary\[2\].path: .*no such number; .*mean limit"),
        ("calibration.ree_elasticity_max", "elasticity", r"small.yaml:9: .*expected calibration.NAME"),
        ("border_value", "border_valu", r"small.yaml:15: outcomes\[0\].variable: .*did you mean border_value"),
        ("element: Dy", "element: Dj", r"outcomes\[0\].select.element: unknown element 'Dj'"),
        ("element: Dy", "sector: magnets", r"border_value has no axis 'sector'"),
        ("low: 20000", "low: 40000", r"small.yaml:13: .*smaller number first"),
        ("low: 20000", "low: -5", r"vary\[2\]: at limit = -5: .*0 or more"),
        ("measure: percent}", "reduce: sum}", "a sum of USD/kgs has no meaning"),
        ("china-2010-quota", "china-2010-qota", r"small.yaml:4: scenarios.quota: .*did you mean china-2010-quota"),
        ("monte_carlo", "monte_karlo", r"small.yaml:7: design.type: .*did you mean monte_carlo"),
        ("draws: 6", "draws: six", r"small.yaml:7: design.draws: got text 'six'"),
        (", measure: percent", OTHER, "unknown regime of the sweep"),
        (LAW, "factor: false", r"small.yaml:11: .*a distribution with low, high"),
        (LAW, "distribution: {type: discrete, values: [3e4]}", r"values: has 1; expected 2 or more"),
        (LAW, "distribution: {type: discrete, values: [3e4, 3e4]}", r":13: .*a value is given twice"),
        (LAW, "distribution: {type: normal, mean: 1e9, sd: 1, low: 1, high: 2}", r":13: .*leaves nothing between"),
        ("instruments.quota-2010.limit", "calibration.ree_elasticity_max", r":11: .*gets another number from"),
        ("ree_mining", "ree_minig", r"small.yaml:10: vary\[1\].path: .*no such number; .*mean ree_mining"),
        ("[exogenous, directed]", "[exogenous, exogenous]", r":6: regimes\[1\]: regime used twice"),
        ("{quota: china-2010-quota}", "{quota: china-2010-quota, more: no-shock}", r":4: scenarios.more: no outcome"),
        ("border_value, select: {origin: CHN, element: Dy}", "equivalent_variation", r"is 0 in the base year"),
        ("{type: monte_carlo, draws: 6, seed: 1}", "{type: sobol, draws: 6, seed: 1}", r":7: design: sobol: 6 draws"),
        ("{type: monte_carlo, draws: 6, seed: 1}", "{type: grid, points: 1000}", r":7: .*1,000,000,000 draws"),
        ("{type: monte_carlo, draws: 6, seed: 1}", "{type: stroud, degree: 5, rotations: 2}", r":7: design: rotations"),
        ("{type: monte_carlo, draws: 6", "{type: morris, levels: 5, draws: 20", r":7: design.levels: .*multiple of 2"),
        ("{quota: china-2010-quota}", "{quota: {scenario: china-2010-quota, change: {horizn: short}}}",
         r"small.yaml:4: scenarios.quota: china-2010-quota.yaml, changed: horizn: unknown key"),
        ("{quota: china-2010-quota}", "{quota: {scenario: china-2010-quota, change: {instruments: 5}}}",
         r":4: scenarios.quota: .*instruments: got the number 5; expected a list"),
        ("{quota: china-2010-quota}", "{quota: ./nowhere.yaml}", r":4: scenarios.quota: .*nowhere.yaml: no such file"),
        ("china-2009-small", "china-2009-smal", r"small.yaml:5: calibration: .*did you mean china-2009-small"),
        ("quota-2010.limit", "quota-2010", r":11: vary\[2\].path: names no number of quota-2010; expected inst"),
        ("threshold: 0", "regimes: [directed], minus: {regime: directed}", r"\].minus: is the outcome itself"),
    ],
)  # fmt: skip
def test_every_mistake_is_named_with_its_line(file, old, new, message):
    with pytest.raises(InputError, match=message):
        sweeps.load(file(SMALL, (old, new)))


PAIR = SMALL.replace(
    "{quota: china-2010-quota}",
    "{quota: china-2010-quota, none: no-shock, path: {scenario: no-shock, change: {horizon: path, years: 2009-2010}}}",
)


@pytest.mark.parametrize(
    ("outcome", "message"),
    [
        (
            "{name: x, variable: real_income, minus: {scenario: path}}",
            r"small.yaml:17: outcomes\[2\].minus.scenario: no-shock has the years 2009 to 2010; "
            "expected a scenario of one year",
        ),
        (
            "{name: x, variable: real_income, scenario: path, minus: {scenario: none}}",
            "no-shock is no path of years; expected one with the year 2010",
        ),
        (
            "{name: x, variable: licence_price, select: {quota: quota-2010}, minus: {scenario: none}}",
            "none has no quota quota-2010 in that place",
        ),
        ("{name: x, variable: real_income, minus: {regimes: exogenous}}", "did you mean regime"),
        ("{name: x, variable: real_income, minus: {}}", "names nothing; expected scenario: or regime:"),
    ],
)
def test_what_cannot_be_subtracted_is_refused(file, outcome, message):
    with pytest.raises(InputError, match=message):
        sweeps.load(file(PAIR + f"  - {outcome}\n"))


def test_a_licence_that_is_a_rate_has_no_price_per_kg(file):
    wanted = "  - {name: x, variable: licence_price, select: {quota: quota-2010}}\n"
    assert [column.unit for column in sweeps.load(file(SMALL + wanted)).columns][-1] == "USD/kg"
    quota = "type: export_quota, name: rate, origins: CHN, elements: all, limit: {value: 90, unit: '%'}"
    scenario = f"{{quota: {{scenario: china-2010-quota, add: [{{{quota}, licence: ad_valorem}}]}}}}"
    text = SMALL.replace("{quota: china-2010-quota}", scenario)
    sweeps.load(file(text + wanted))  # the other one's
    with pytest.raises(
        InputError, match="licence of rate is ad valorem and has no price per kg; expected a quota"
    ):
        sweeps.load(file(text + wanted.replace("select: {quota: quota-2010}", "select: {quota: rate}")))


def test_years_are_subtracted_by_the_calendar(file):
    """Two paths that begin in different years: 2010 less 2010, not the second year less the second."""
    text = (
        SMALL.replace(
            "{quota: china-2010-quota}",
            "{one: {scenario: no-shock, change: {horizon: path, years: 2009-2011}},"
            " two: {scenario: no-shock, change: {horizon: path, years: 2010-2011}}}",
        )
        .replace("instruments.quota-2010.limit", "parameters.ree_elasticity")
        .replace("low: 20000, high: 35000", "low: 0.2, high: 0.3")
    )
    text = text[: text.index("outcomes:")] + (
        "outcomes:\n  - {name: x, variable: real_income, scenario: one, year: 2010, minus: {scenario: two}}\n"
    )
    column = sweeps.load(file(text)).columns[0]
    assert (column.source.year, column.minus.year) == (1, 0)


def test_impossible_correlations_are_refused(file):
    three = "\n".join(
        f"  - {{between: [{a}, {b}], value: {v}}}"
        for a, b, v in (
            ("ree_elasticity_max", "limit", 0.9),
            ("ree_elasticity_max", "supply_elasticity.ree_mining", 0.9),
            ("limit", "supply_elasticity.ree_mining", -0.9),
        )
    )
    with pytest.raises(InputError, match="positive definite"):
        sweeps.load(file(SMALL + "correlations:\n" + three))
    with pytest.raises(InputError, match="unknown parameter 'lmit'"):
        sweeps.load(file(SMALL + "correlations:\n  - {between: [ree_elasticity_max, lmit], value: 0.5}"))
    with pytest.raises(InputError, match=r"small.yaml:18: correlations\[0\].between: limit goes with itself"):
        sweeps.load(file(SMALL + "correlations:\n  - {between: [limit, limit], value: 0.5}"))
    pair = "  - {between: [limit, ree_elasticity_max], value: 0.5}\n"
    with pytest.raises(InputError, match="pair used twice"):
        sweeps.load(file(SMALL + "correlations:\n" + 2 * pair))


WHEN = (
    SMALL[: SMALL.index("scenarios:")]
    + """\
scenarios:
  cut:
    scenario: no-shock
    change: {horizon: path, years: 2009-2012}
    add: [{type: embargo, name: stop, origins: CHN, elements: heavy, destinations: JPN, from: 2011}]
calibration: china-2009-small
regimes: [exogenous]
design: {type: grid}
vary:
  - path: instruments.stop.from
    distribution: {type: discrete, values: [2010, 2012]}
outcomes:
  - {name: gain, variable: equivalent_variation, select: {region: JPN}, year: all}
"""
)


def test_when_something_begins_may_be_uncertain(file):
    study = sweeps.load(file(WHEN))
    for row, first in zip(study.sample.values, (2010, 2012), strict=True):
        world = worlds(study, row)["cut"]
        shocks = world.scenario.path(world.calibration).shocks
        assert [shock.embargo is not None for shock in shocks] == [
            year >= first for year in range(2009, 2013)
        ]
    years = file(WHEN, ("{type: discrete, values: [2010, 2012]}", "{type: uniform, low: 2010, high: 2012}"))
    with pytest.raises(InputError, match=r"at stop.from = 2010.76: .*expected a whole number"):
        sweeps.load(years)


def test_one_wrong_number_is_blamed_alone(file):
    """The others are built together with it, and would fail with it."""
    with pytest.raises(InputError) as refused:
        sweeps.load(file(SMALL, ("ree_mining", "ree_minig")))
    assert len(refused.value.problems) == 1


def test_a_change_of_instruments_takes_the_place_of_those_of_the_file(file):
    case = "{scenario: china-2010-quota, change: {instruments: []}, add: [ONE]}".replace(
        "ONE", "{type: export_quota, name: cut, origins: CHN, elements: all, limit: {value: 50, unit: '%'}}"
    )
    text = SMALL.replace("quota: china-2010-quota", f"quota: {case}").replace("quota-2010.limit", "cut.limit")
    text = text.replace("low: 20000, high: 35000", "low: 20, high: 90")
    assert sweeps.load(file(text)).quotas == {"quota": ("cut",)}


@pytest.mark.parametrize("name", sorted(sweeps.available()))
def test_shipped_designs_are_right(name):
    study = sweeps.load(name)
    assert study.design.name == name
    assert len(study.sample.values) > 0


def test_draws_of_the_command_line_take_the_place_of_the_files(file):
    assert len(sweeps.load(file(), draws=9).sample.values) == 9
    grid = file(SMALL, ("{type: monte_carlo, draws: 6, seed: 1}", "{type: grid, points: 2}"))
    with pytest.raises(InputError, match="no --draws"):
        sweeps.load(grid, draws=9)


def test_repeated_names_are_refused():
    text = SMALL.replace("name: limit", "name: ree_elasticity_max")
    with pytest.raises(InputError, match="used twice: ree_elasticity_max"):
        validate(plans.Design, strict_yaml.loads(text, "x.yaml"))


def test_the_schema_for_editors_is_up_to_date():
    assert reference.SCHEMA.read_text(encoding="utf-8") == reference.schema_text()
