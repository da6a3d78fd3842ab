"""The tests can fail: a bug planted in each equation and each file is caught by a named quick check.

`tests/planting.py` exchanges the code of a function; layout and comments of the source do not matter, words do.
When an equation is rewritten, its entry follows.
"""

from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import yaml

import model
from model import Closure, Shock, SolveError, memory, path, solve
from model.decomposition import shapley
from tests import checks
from tests.instruments import awkward, cases, exports_of, quota_on
from tests.planting import planted

FILES = Path(model.__file__).parent


@cache
def case(name: str):
    return cases(0)[name]


# ------------------------------------------------------------------ quick checks; those of tests/checks.py take a case


def slack_quota(name: str) -> None:
    """A quota that does not bind leaves no trace."""
    c = case(name)
    b = c.benchmark
    # The case has a tighter one on a part of these sales: what the base year tells, that this binds, is wrong.
    more = exports_of(b, 0, b.elements) | exports_of(b, 1, b.elements[:1])
    loose = quota_on(b, "loose", more, 0.98)
    one = solve(b, c.shock.replace(quotas=(*c.shock.quotas, loose)), c.closure)
    other = solve(b, c.shock, c.closure)
    assert one.licence["loose"] == 0.0
    for first, second in zip(one.allocation.state[:8], other.allocation.state[:8], strict=True):
        assert first.tobytes() == second.tobytes()


def embargo(name: str) -> None:
    """A limit of zero is an embargo."""
    c = case(name)
    covers = exports_of(c.benchmark, 0, c.benchmark.elements)
    none = quota_on(c.benchmark, "none", covers, 0.0)
    one, other = (solve(c.benchmark, s, c.closure) for s in (Shock(quotas=(none,)), Shock(embargo=covers)))
    for first, second in zip(one.allocation.state[:8], other.allocation.state[:8], strict=True):
        assert first.tobytes() == second.tobytes()


def slope_of_direction(name: str) -> None:
    """E18: between elements, ln a moves with ln p by lambda (1-rho)/(1+lambda(1-rho)), exactly."""
    b = awkward(7, innovation_elasticity=np.full((4, 6), 0.5), spillover=np.zeros((4, 6)), breadth=0.0)
    solution = solve(b, case(name).shock, Closure("directed"))
    a, users = solution.allocation, solution.system.nests.users
    price = a.sources.price[0][:, b.elements][:, None, :]
    gap = 0.5 * (1 - b.parameters.element_elasticity[users][:, None])
    moved = a.costs.technology_e - a.costs.technology_e[:, :, :1]
    checks.assert_close("slope", moved, gap / (1 + gap) * (price - price[:, :, :1]), 1e-10)


def stated_slope(name: str) -> None:
    """E18 as the function that states it: eps_LR = (eps + lambda (1-eps)) / (1 + lambda (1-eps))."""
    from model.innovation import long_run_elasticity

    for eps, lam in ((0.2, 1.0), (0.7, 0.5), (1.0, 2.0)):
        assert long_run_elasticity(eps, lam) == pytest.approx((eps + lam * (1 - eps)) / (1 + lam * (1 - eps)))


def learning(name: str) -> None:
    """E21: up by delta_up, down by delta_down."""
    par = awkward(1).parameters.replace(learning=0.4, forgetting=0.1)
    moved = path.learn({"own": np.array([0.2, 0.2])}, {"own": np.array([0.7, -0.3])}, par)["own"]
    checks.assert_close("ln a", moved, [0.4, 0.15], 1e-12)


def stocks(name: str) -> None:
    """E23: what is held is what was laid in less what was released; more is refused, be it of one good."""
    laid_in, releases = (
        np.array([[10.0, 0.0], [5.0, 3.0]]),
        ([[4.0, 0], [0, 3]], [[-2, -1], [0, 0]], [[8, 1], [5, 0]]),
    )
    shocks = [Shock(stock_release=np.array(released, dtype=float)) for released in releases]
    held = path.hold_stocks([*shocks, Shock()], laid_in)
    checks.assert_close("held", held, [laid_in, [[6, 0], [5, 0]], [[8, 1], [5, 0]], np.zeros((2, 2))], 1e-12)
    with pytest.raises(
        ValueError, match="year 2 of the path: region 0 releases 11 t of good 0 but holds 10 t"
    ):
        path.hold_stocks([Shock(), Shock(stock_release=np.array([[11.0, 0.0], [0.0, 0.0]]))], laid_in)


def shares_add_up(name: str) -> None:
    """Shapley values of a game of three sum to the whole and treat equals alike."""
    found = shapley(("a", "b", "c"), lambda group: np.array(len(group) ** 2 + 3.0 * ("a" in group)))
    assert [float(found[p]) for p in "abc"] == pytest.approx([6.0, 3.0, 3.0])


def located(name: str) -> None:
    """Every entry of the residual vector is traced to its block and cell."""
    from model.unknowns import BLOCKS
    from tests.points import assemble

    system, cells = assemble(case(name))
    members = {"mobile": system.mobile, "sluggish": system.sluggish, "research_e": system.nests.users}
    for position in range(0, cells.size, 7):
        state = cells.unpack(np.eye(1, cells.size, position)[0])
        block, cell = cells.locate(position)
        unknown = next(field for field, residual in BLOCKS if residual == block)
        if block in members:  # a factor or a sector by its place among all
            cell = (cell[0], int(np.nonzero(members[block] == cell[1])[0][0]), *cell[2:])
        assert getattr(state, unknown)[cell] == 1.0


def part_way(name: str) -> None:
    """Continuation starts at the base year and ends at the shock."""
    from model.shocks import scaled
    from tests.points import assemble, residuals_at

    c = case(name)
    part, quotas = scaled(c.benchmark, c.shock, c.shock.quotas, 1e-12)
    system, cells = assemble(type(c)(c.benchmark, part.replace(quotas=quotas), c.closure))
    _, r = residuals_at(system, cells.unpack(np.zeros(cells.size)))
    assert checks.largest(cells.pack_residuals(r)) < 1e-9
    middle, _ = scaled(c.benchmark, c.shock, (), 0.5)
    whole = 1 + c.shock.tariff
    checks.assert_close("half", 1 + middle.tariff, np.sqrt(whole * (1 + c.benchmark.tariff)), 1e-12)


# A crash is noticed too, and what is not raised.
NOTICED = (AssertionError, SolveError, IndexError, ValueError, RuntimeWarning, pytest.fail.Exception)
OWN = {
    f.__name__: f
    for f in (
        slack_quota,
        embargo,
        slope_of_direction,
        stated_slope,
        learning,
        stocks,
        shares_add_up,
        part_way,
        located,
    )
}


def check(name: str, of: str) -> None:
    """Run a named check on a named case."""
    if name in OWN:
        OWN[name](of)
    else:
        getattr(checks, name)(case(of))


class Bug(NamedTuple):
    """`old` reads `new` in the function `where`; the check that must notice, and the case it looks at."""

    equation: str
    where: str
    old: str
    new: str
    check: str
    case: str


BUGS = tuple(
    Bug(row["equation"], row["in"], row["old"], row["new"], row["check"], row["case"])
    for row in yaml.safe_load((Path(__file__).parent / "planted_bugs.yaml").read_text(encoding="utf-8"))
)


@pytest.mark.parametrize(
    "bug", BUGS, ids=lambda bug: f"{bug.equation} {bug.where.removeprefix('model.')} {bug.check}"
)
def test_a_planted_bug_is_caught(bug, monkeypatch):
    monkeypatch.setattr(memory, "_kept", {})  # what was computed without the bug, or with it
    with planted(bug.where, bug.old, bug.new), pytest.raises(NOTICED):
        check(bug.check, bug.case)


@pytest.mark.parametrize("of", sorted({(bug.check, bug.case) for bug in BUGS}), ids=" ".join)
def test_the_checks_pass_without_a_bug(of):
    check(*of)


def test_every_equation_has_its_bug():
    assert {bug.equation for bug in BUGS} >= {f"E{number}" for number in range(1, 24)}
