"""Sphinx: the pages of this folder as HTML, by `make docs`."""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from docs import equations  # noqa: E402

_project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

project = _project["name"]
version = release = _project["version"]
copyright = "the rare-earth-model authors"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.viewcode"]
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"{project} {version}"
autodoc_typehints = "none"  # NumPy types would drown the names; shapes stand in the docstrings
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True


def _restructured(app, what, name, obj, options, lines):
    """Docstrings are plain text: keep what reStructuredText would take for markup, and link equation numbers."""
    made, was_indented = [], False
    for line in lines:
        indented = line.startswith(" ") and bool(line.strip())
        if indented != was_indented and made and made[-1]:
            made.append("")
        was_indented = indented
        made.append(("| " if indented else "") + _escaped(line.strip()))
    lines[:] = made


def _escaped(line):
    """One line with code in double backticks, other markup escaped, equations linked."""
    parts = re.split(r"`+([^`]*)`+", line)
    for at in range(0, len(parts), 2):
        text = re.sub(r"([\\*|])", r"\\\1", parts[at])
        text = re.sub(r"_(?=\W|$)", r"\\_", text)
        parts[at] = re.sub(r"\bE(\d{1,2})\b", r":ref:`E\1 <equation-e\1>`\\ ", text)
    for at in range(1, len(parts), 2):
        parts[at] = f"``{parts[at]}``\\ "
    return "".join(parts)


def _with_sections(app, docname, source):
    """The page of equations, made from docstrings."""
    if docname == "equations":
        source[0] += "\n" + equations.sections()


def setup(app):
    """Hooks of the two above."""
    app.connect("autodoc-process-docstring", _restructured)
    app.connect("source-read", _with_sections)
