"""Write what a solve prints into README.md: `python -m docs.readme` from the root."""

from __future__ import annotations

import re
from pathlib import Path

import calibration
import scenarios
from outputs import experiment, summary

README = Path(__file__).parents[1] / "README.md"
BLOCK = re.compile(r"(?<=```text\n).*?(?=```)", re.DOTALL)


def printed() -> str:
    """The summary of the quota of 2010, a hundred columns wide, less the line that names its folder."""
    base = calibration.load("china-2009")
    plan = experiment.plan(scenarios.load("china-2010-quota", base), base, security=False)
    (result,) = experiment.solve_plans([plan])
    if result.dataset is None or result.failed:
        raise SystemExit(f"not solved: {dict(result.failed)}")
    soft = summary.soft_count(base.parameters_table)
    lines = [line.text.rstrip() for line in summary.scenario(result.dataset, 100, soft=soft)]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Renew the block."""
    text = BLOCK.sub(lambda _: printed(), README.read_text(encoding="utf-8"), count=1)
    README.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
