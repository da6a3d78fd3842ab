"""Functions of the model with a bug planted: their code is exchanged in place, so that every importer sees it."""

from __future__ import annotations

import ast
import importlib
import inspect
import textwrap
import types
from collections.abc import Iterator
from contextlib import contextmanager


def locate(where: str) -> types.FunctionType:
    """The function of `module.function` or `module.Class.method`."""
    parts = where.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for name in parts[cut:]:
            found = vars(found)[name]
        return plain(found)
    raise LookupError(where)


def plain(found: object) -> types.FunctionType:
    """The function inside a property, a class method or a cache."""
    found = getattr(found, "fget", found)
    found = getattr(found, "__func__", found)
    found = inspect.unwrap(found)  # type: ignore[arg-type]
    if not isinstance(found, types.FunctionType):
        raise TypeError(f"{found!r} is no function")
    return found


def tree_of(function: types.FunctionType) -> ast.FunctionDef:
    """Its definition, decorators left out."""
    definition = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(definition, ast.FunctionDef)
    definition.decorator_list = []
    return definition


def code_of(definition: ast.FunctionDef, function: types.FunctionType) -> types.CodeType:
    """The definition compiled as part of the function's module."""
    definition = ast.fix_missing_locations(definition)
    # Defaults and annotations are not part of the code: they are not evaluated again.
    definition.args.defaults = [ast.Constant(None) for _ in definition.args.defaults]
    definition.args.kw_defaults = [d and ast.Constant(None) for d in definition.args.kw_defaults]
    flags = function.__code__.co_flags & importlib.import_module("__future__").annotations.compiler_flag
    namespace = dict(function.__globals__)
    module = ast.Module([ast.fix_missing_locations(definition)], [])
    compiled = compile(module, function.__code__.co_filename, "exec", flags=flags, dont_inherit=True)
    exec(compiled, namespace)  # noqa: S102
    return namespace[definition.name].__code__


@contextmanager
def exchanged(function: types.FunctionType, code: types.CodeType) -> Iterator[None]:
    """The function runs other code for a while."""
    kept = function.__code__
    function.__code__ = code
    try:
        yield
    finally:
        function.__code__ = kept


@contextmanager
def planted(where: str, old: str, new: str) -> Iterator[None]:
    """`old`, which must stand in the function exactly once, reads `new` for a while; layout and comments do not matter.

    Text that starts with an operator must have the spaces of `ast.unparse`.
    """
    function = locate(where)
    text = ast.unparse(tree_of(function))
    old, new = (_normal(part) for part in (old, new))
    if text.count(old) != 1:
        raise LookupError(f"{where}: {old!r} stands there {text.count(old)} times")
    definition = ast.parse(text.replace(old, new)).body[0]
    assert isinstance(definition, ast.FunctionDef)
    with exchanged(function, code_of(definition, function)):
        yield


def _normal(part: str) -> str:
    """Text as ast.unparse writes it, when it is complete enough to be parsed."""
    if part[:1] in "+-*/":
        return part
    try:
        return ast.unparse(ast.parse(part))
    except SyntaxError:
        return part
