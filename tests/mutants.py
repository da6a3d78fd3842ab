"""Mutants: the small changes that `tests/mutation.py` makes to a function, one at a time."""

from __future__ import annotations

import ast
import copy
import hashlib
import inspect
import io
import textwrap
import tokenize
import types
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from tests.planting import code_of, plain, tree_of

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
    new = copy.copy(node)
    if isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in ARITHMETIC:
        new.op = ARITHMETIC[type(node.op)]()
        yield new
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        new.ops = [NEGATED[type(node.ops[0])]()]
        yield new
        if type(node.ops[0]) in BOUNDARY and isinstance(node.comparators[0], ast.Constant):
            edge = copy.copy(node)
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

    @property
    def place(self) -> str:
        """Which change of the function it is, in short."""
        return f"{self.site}.{self.variant}"


class _Put(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        return self.new if node is self.old else self.generic_visit(node)


def _sites(definition: ast.FunctionDef) -> list[ast.AST]:
    visitor = _Sites()
    for statement in definition.body:
        visitor.visit(statement)
    return visitor.found


def count(function: types.FunctionType) -> int:
    """How many changes there are."""
    return sum(1 for node in _sites(tree_of(function)) for _ in variants(node))


def digest(function: types.FunctionType) -> str:
    """What tells two versions of a function apart: its text without docstring, comments and layout."""
    text = textwrap.dedent(inspect.getsource(function))
    definition = ast.parse(text).body[0]
    assert isinstance(definition, ast.FunctionDef)
    lines = text.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    if ast.get_docstring(definition) is not None:
        about = definition.body[0]
        lines[about.lineno - 1 : about.end_lineno] = []
    return hashlib.sha256("".join("".join(lines).split()).encode()).hexdigest()[:12]


def mutants_of(file: str, name: str, function: types.FunctionType) -> Iterator[Mutant]:
    definition = tree_of(function)
    parents = {child: node for node in ast.walk(definition) for child in ast.iter_child_nodes(node)}
    seen: Counter[str] = Counter()
    for site, node in enumerate(_sites(definition)):
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
    old = _sites(definition)[mutant.site]
    new = list(variants(old))[mutant.variant]
    return code_of(_Put(old, new).visit(definition), function)


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
