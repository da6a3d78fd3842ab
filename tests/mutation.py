"""Mutation: break the model one small change at a time and see whether any test notices.

    python -m tests.mutation                    every file of model/, a sample of the changes
    python -m tests.mutation prices markets     these files, every change

A change is made in memory, in a forked process, to one function: an operator, a comparison, a number, a call or a
condition (`tests/planting.py`). Quick checks run first, then the tests of the file. What no test notices is a survivor;
those that `tests/mutation_survivors.yaml` explains are equivalent to the original. Ends with 1 when a survivor is not
explained. Runs where processes can be forked (Linux, macOS).
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib
import inspect
import os
import random
import signal
import sys
import types
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
import yaml

from tests import checks
from tests.instruments import cases
from tests.planting import code_of, exchanged, plain, tree_of

ROOT = Path(__file__).parents[1]
KNOWN = ROOT / "tests" / "mutation_survivors.yaml"
TIMEOUT = 240  # seconds; a change that makes the tests hang is noticed
KILLED, SURVIVED = 0, 1

# Files whose own tests are elsewhere than in the invariants.
TESTS = {
    "exposure": ("test_exposure.py",),
    "table": ("test_exposure.py", "test_network.py"),
    **dict.fromkeys(("network", "centrality", "chokepoints", "supply_paths"), ("test_network.py",)),
    "path": ("test_path.py",),
    "decomposition": ("test_contributions.py",),
    "security": ("test_security.py",),
    "stability": ("test_stability.py",),
}
INVARIANTS = (
    "test_invariants_quotas.py", "test_invariants_limits.py", "test_invariants_shipped_calibration.py", "test_start.py",
)  # fmt: skip
# A wrong step or a poor preconditioner costs iterations; an answer is accepted on its residuals alone.
SPEED_ONLY = ("krylov", "newton", "preconditioner", "problem", "memory")

# ------------------------------------------------------------------ changes

ARITHMETIC = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
    ast.FloorDiv: ast.Div,
}
NEGATED = {ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
           ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In}  # fmt: skip
BOUNDARY = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
PAIRS = (("exp", "expm1"), ("log", "log1p"), ("minimum", "maximum"), ("min", "max"), ("any", "all"), ("zeros", "ones"),
         ("zeros_like", "ones_like"), ("argmax", "argmin"))  # fmt: skip
CALLS = {a: b for pair in PAIRS for a, b in (pair, pair[::-1])}


def variants(node: ast.AST) -> Iterator[ast.AST]:
    """Small changes of one node."""
    new = copy.deepcopy(node)
    if isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in ARITHMETIC:
        new.op = ARITHMETIC[type(node.op)]()
        yield new
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        new.ops = [NEGATED[type(node.ops[0])]()]
        yield new
        if type(node.ops[0]) in BOUNDARY and isinstance(node.comparators[0], ast.Constant):
            edge = copy.deepcopy(node)
            edge.ops = [BOUNDARY[type(node.ops[0])]()]
            yield edge
    elif isinstance(node, ast.BoolOp):
        new.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield new
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not | ast.Invert):
        yield new.operand
    elif isinstance(node, ast.If | ast.IfExp) and not isinstance(
        node.test, ast.Compare | ast.UnaryOp | ast.BoolOp
    ):
        new.test = ast.UnaryOp(ast.Not(), new.test)
        yield new
    elif isinstance(node, ast.Constant):
        yield from _constants(node.value)
    elif isinstance(node, ast.Call):
        yield from _calls(node)


def _constants(value: object) -> Iterator[ast.AST]:
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int):
        yield ast.Constant(value + 1)
    elif isinstance(value, float):
        yield ast.Constant(1.0 if value == 0.0 else 2 * value)


def _calls(node: ast.Call) -> Iterator[ast.AST]:
    new = copy.deepcopy(node)
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name in CALLS:
        if isinstance(new.func, ast.Attribute):
            new.func.attr = CALLS[name]
        else:
            new.func.id = CALLS[name]
        yield new
    elif name == "where" and len(node.args) == 3:
        new.args[1:] = reversed(new.args[1:])
        yield new
    elif name == "abs" and len(node.args) == 1:
        yield new.args[0]


class _Sites(ast.NodeVisitor):
    """Nodes of a function that can change.

    Not those in messages and annotations; nor a 0 that something is compared with (the comparison changes instead), nor
    a number that `np.where` puts where there is nothing.
    """

    def __init__(self) -> None:
        self.found: list[ast.AST] = []

    def generic_visit(self, node: ast.AST) -> None:
        if isinstance(
            node, ast.Raise | ast.JoinedStr | ast.Assert | ast.arguments | ast.Import | ast.ImportFrom
        ):
            return
        self.found.append(node)
        for field, value in ast.iter_fields(node):
            if field in ("annotation", "returns", "decorator_list"):
                continue
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST) and not _idle(node, child):
                    self.visit(child)


def _idle(node: ast.AST, child: ast.AST) -> bool:
    """Whether a part of a node may be anything."""
    if isinstance(node, ast.Compare):
        return isinstance(child, ast.Constant) and child.value == 0
    if isinstance(node, ast.Call):
        name = getattr(node.func, "attr", "")
        keyword = isinstance(child, ast.keyword) and child.arg in ("dtype", "strict", "optimize")
        return keyword or (name == "where" and isinstance(child, ast.Constant) and child.value == 1.0)
    return False


@dataclass(frozen=True)
class Mutant:
    """A function with one change."""

    file: str
    function: str
    change: str  # the smallest expression around it, before -> after, and which one of several alike
    site: int
    variant: int

    @property
    def name(self) -> str:
        return f"{self.file}.{self.function}: {self.change}"


class _Put(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        return self.new if node is self.old else self.generic_visit(node)


def mutants_of(file: str, name: str, function: types.FunctionType) -> Iterator[Mutant]:
    definition = tree_of(function)
    visitor = _Sites()
    for statement in definition.body:
        visitor.visit(statement)
    parents = {child: node for node in ast.walk(definition) for child in ast.iter_child_nodes(node)}
    seen: Counter[str] = Counter()
    for site, node in enumerate(visitor.found):
        for variant, new in enumerate(variants(node)):
            around = node
            while isinstance(around, ast.Constant | ast.Tuple | ast.Slice) and around in parents:
                around = parents[around]
            before = ast.unparse(around).split("\n")[0]
            # the node itself may stand for the whole expression around it
            after = ast.unparse(_Put(node, new).visit(around) if around is not node else new).split("\n")[0]
            if around is not node:
                _Put(new, node).visit(around)
            change = f"{before} -> {after}"
            seen[change] += 1
            yield Mutant(
                file, name, change + (f" #{seen[change]}" if seen[change] > 1 else ""), site, variant
            )


def code_with(function: types.FunctionType, mutant: Mutant) -> types.CodeType:
    definition = tree_of(function)
    visitor = _Sites()
    for statement in definition.body:
        visitor.visit(statement)
    old = visitor.found[mutant.site]
    new = list(variants(old))[mutant.variant]
    return code_of(_Put(old, new).visit(definition), function)


# ------------------------------------------------------------------ functions of the model


def files() -> dict[str, types.ModuleType]:
    """Name of each file of model/ -> module."""
    found = {}
    for path in sorted((ROOT / "model").rglob("*.py")):
        name = ".".join(path.relative_to(ROOT / "model").with_suffix("").parts).removesuffix(".__init__")
        if name != "__init__":
            found[name] = importlib.import_module(f"model.{name}")
    return found


def functions(module: types.ModuleType) -> Iterator[tuple[str, types.FunctionType]]:
    """Functions and methods that a module defines."""

    def own(members: dict[str, object], prefix: str) -> Iterator[tuple[str, types.FunctionType]]:
        for name, member in members.items():
            try:
                function = plain(member)
            except (TypeError, ValueError):
                if inspect.isclass(member) and member.__module__ == module.__name__ and not prefix:
                    yield from own(vars(member), f"{name}.")
                continue
            written = (
                function.__module__ == module.__name__ and function.__code__.co_filename == module.__file__
            )
            if written and not function.__code__.co_freevars:
                yield prefix + name, function

    yield from own(vars(module), "")


# ------------------------------------------------------------------ what may notice

SOLVED = (
    "all at once", "quota that leaks", "recycling", "origins differ by use", "capacity at its target", "empty cells",
    "licence of the base year removed", "stock purchase", "production quota", "quotas that overlap",
    "embargo that closes a sector", "embargo on by-products",
)  # fmt: skip


ALL = cache(lambda: cases(0))  # made before forking: nothing in it comes from a function that changes


def quick_checks() -> Iterator[Callable[[], object]]:
    """Checks in the order in which they tend to notice."""
    all_cases = ALL()
    for check in (checks.levels, checks.derivative, checks.walras, checks.homogeneous):
        for name in reversed(all_cases):  # the last are the richest
            yield lambda check=check, name=name: check(all_cases[name], 3)
    for name in ("no shock", "licence of the base year kept", "origins differ by use", "empty cells"):
        yield lambda name=name: checks.replicates(all_cases[name])
    for name in SOLVED:
        yield lambda name=name: checks.reported(all_cases[name], checks.solved(all_cases[name]))


def noticed(mutant: Mutant) -> bool:
    """Whether a check or a test fails; in the process where the change was made."""
    if mutant.file not in TESTS:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for check in quick_checks():
                try:
                    check()
                except Exception:  # noqa: BLE001  whatever goes wrong is a notice
                    return True
    chosen = [*TESTS.get(mutant.file, ()), *(INVARIANTS if mutant.file not in TESTS else ())]
    arguments = [str(ROOT / "tests" / "model" / name) for name in chosen]
    options = ["-x", "-q", "-p", "no:cacheprovider", "--no-header", "--tb=no", "-W", "error"]
    return pytest.main([*arguments, *options]) != pytest.ExitCode.OK


# ------------------------------------------------------------------ running


def sound(file: str) -> bool:
    """Whether the tests of a file pass while nothing is changed, in a process of its own."""
    child = os.fork()
    if child == 0:
        nothing = Mutant(file, "", "", 0, 0)
        quietly(lambda: noticed(nothing))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == SURVIVED


def run_one(function: types.FunctionType, mutant: Mutant) -> None:
    """In a forked process: ends with KILLED or SURVIVED."""

    def changed() -> bool:
        with exchanged(function, code_with(function, mutant)):
            return noticed(mutant)

    quietly(changed)


def quietly(notice: Callable[[], bool]) -> None:
    """Ends the process, with SURVIVED when nothing was noticed."""
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    signal.alarm(TIMEOUT)  # ends the process: noticed
    try:
        outcome = KILLED if notice() else SURVIVED
    except BaseException:  # noqa: BLE001  a change that breaks the harness is noticed
        outcome = KILLED
    os._exit(outcome)


def run(chosen: list[tuple[types.FunctionType, Mutant]], jobs: int) -> dict[Mutant, bool]:
    """Mutant -> survived."""
    waiting, running, survived = list(reversed(chosen)), {}, {}
    while waiting or running:
        while waiting and len(running) < jobs:
            function, mutant = waiting.pop()
            child = os.fork()
            if child == 0:
                run_one(function, mutant)
            running[child] = mutant
        child, status = os.wait()
        mutant = running.pop(child)
        survived[mutant] = os.WIFEXITED(status) and os.WEXITSTATUS(status) == SURVIVED
        if survived[mutant]:
            print(f"  survived: {mutant.name}", flush=True)
        if len(survived) % 50 == 0:
            print(f"  {len(survived)} of {len(chosen)}", flush=True)
    return survived


def explained() -> dict[str, str]:
    """Name of a survivor -> why no test can notice it."""
    if not KNOWN.exists():
        return {}
    rows = yaml.safe_load(KNOWN.read_text(encoding="utf-8")) or {}
    return {
        f"{place}: {change}": reason
        for place, group in rows.items()
        for reason, changes in group.items()
        for change in changes
    }


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "files", nargs="*", help="files of model/, as in `prices` or `tangent.trade`; all changes of them"
    )
    parser.add_argument(
        "--sample", type=int, default=400, help="changes tried when no file is named (default 400)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args(arguments)
    modules = files()
    unknown = set(options.files) - set(modules)
    if unknown:
        parser.error(f"no file {', '.join(sorted(unknown))} in model/; there are {', '.join(modules)}")
    chosen = [
        (function, mutant)
        for file, module in modules.items()
        if (file in options.files if options.files else file not in SPEED_ONLY)
        for name, function in functions(module)
        for mutant in mutants_of(file, name, function)
    ]
    if not options.files and len(chosen) > options.sample:
        chosen = random.Random(options.seed).sample(chosen, options.sample)
    print(f"{len(chosen)} changes, {options.jobs} at a time", flush=True)
    ALL()
    failing = [file for file in sorted({mutant.file for _, mutant in chosen}) if not sound(file)]
    if failing:
        print(f"the tests of {', '.join(failing)} fail without any change", file=sys.stderr)
        return 2
    return report(run(chosen, options.jobs))


def report(survived: dict[Mutant, bool]) -> int:
    """Score by file, and the survivors that nobody has explained."""
    known = explained()
    open_ = [m.name for m, alive in survived.items() if alive and m.name not in known]
    equivalent = Counter(m.file for m, alive in survived.items() if alive and m.name in known)
    total, alive = Counter(m.file for m in survived), Counter(m.file for m, a in survived.items() if a)
    print(f"\n{'file':<22}{'changes':>8}{'noticed':>9}{'equivalent':>12}{'score':>8}")
    for file in [*sorted(total), ""]:
        n, a, e = (sum(c.values()) if not file else c[file] for c in (total, alive, equivalent))
        score = (n - a) / (n - e) if n > e else 1.0
        print(f"{file or 'all':<22}{n:>8}{n - a:>9}{e:>12}{100 * score:>7.1f}%")
    if open_:
        print("\nnoticed by no test, and not explained in tests/mutation_survivors.yaml:")
        print("\n".join(f"  {name}" for name in sorted(open_)))
    return 1 if open_ else 0


if __name__ == "__main__":
    sys.exit(main())
