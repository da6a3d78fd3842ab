"""The page `equations`: every equation of model.md beside the functions that compute it, from their docstrings."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
MODEL, API = ROOT / "docs" / "model.md", ROOT / "docs" / "api.md"
CITED = re.compile(r"\bE(\d{1,2})[ab]?\b(?:\s*(?:-|–|to)\s*E(\d{1,2})\b)?")


class Function(NamedTuple):
    """A function or class of the model whose docstring cites equations."""

    name: str  # model.prices.price_index
    numbers: tuple[int, ...]
    is_class: bool


def numbers(text: str) -> tuple[int, ...]:
    """Equations cited in a text, ranges included, in order."""
    found: list[int] = []
    for first, last in CITED.findall(text):
        found += [n for n in range(int(first), int(last or first) + 1) if n not in found]
    return tuple(found)


def functions() -> Iterator[Function]:
    """Every top-level function and class of `model/` that cites an equation, by file and line."""
    for path in sorted((ROOT / "model").rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                cited = numbers(ast.get_docstring(node) or "")
                if cited:
                    yield Function(f"{module}.{node.name}", cited, isinstance(node, ast.ClassDef))


def texts() -> dict[int, str]:
    """What model.md says of each equation: the list item that its number opens."""
    items = re.split(r"\n(?=- \*\*E\d)|\n(?=#)|\n\n", MODEL.read_text(encoding="utf-8"))
    found = {}
    for item in items:
        if opened := re.match(r"- \*\*E(\d{1,2})\*\*(?: \(\[code\]\(equations\.md#e\d+\)\))?", item):
            found[int(opened[1])] = re.sub(r"\n\s+", "\n", item[opened.end() :]).strip()
    return found


def sections() -> str:
    """The page's sections: an equation, then its functions. One that computes several stands under its
    first, one that the API page describes stands there."""
    said, everything, elsewhere = texts(), list(functions()), API.read_text(encoding="utf-8")
    lines = []
    for number, text in sorted(said.items()):
        lines += [f"(equation-e{number})=", f"## E{number}", "", text, "", "[In its context](model.md)", ""]
        mine = [one for one in everything if number in one.numbers]
        others = [one for one in mine if one.numbers[0] != number or f":: {one.name}\n" in elsewhere]
        lines += ["```{eval-rst}"]
        for one in mine:
            if one not in others:
                lines += [f".. auto{'class' if one.is_class else 'function'}:: {one.name}", ""]
        lines += ["```", ""]
        if others:
            links = ", ".join(f"{{py:obj}}`~{one.name}`" for one in others)
            lines += [f"Also in {links}.", ""]
    return "\n".join(lines)
