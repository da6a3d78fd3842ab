"""Run the Python blocks of a Markdown file one after another in one namespace."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import Any

NOTEBOOKS = sorted(Path(__file__).parent.glob("*.md"))
BLOCK = re.compile(r"```python\n(?P<code>.*?)```\n(?:\n```text\n.*?```\n)?", re.DOTALL)


def executed(text: str, name: str) -> str:
    """The same file with what every block printed under it as a `text` block. An error is raised as it is."""
    space: dict[str, Any] = {"__name__": "__main__"}

    def run(found: re.Match[str]) -> str:
        heard = io.StringIO()
        line = text[: found.start()].count("\n") + 1
        with contextlib.redirect_stdout(heard):
            exec(compile("\n" * line + found["code"], name, "exec"), space)  # noqa: S102 - our own pages
        said = heard.getvalue()
        shown = "\n".join(row.rstrip() for row in said.splitlines())
        return f"```python\n{found['code']}```\n" + (f"\n```text\n{shown}\n```\n" if said else "")

    return BLOCK.sub(run, text)
