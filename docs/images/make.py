"""Draw the picture of the README: `python -m docs.images.make` from the root."""

from __future__ import annotations

import tempfile
from pathlib import Path

import calibration
import scenarios
from outputs import experiment, facts, figures, style

TARGET = Path(__file__).parent / "china-2010-quota.png"


def main() -> None:
    """Solve the quota of 2010 and draw its prices."""
    base = calibration.load("china-2009")
    ready = experiment.plan(scenarios.load("china-2010-quota", base), base, decompose=False, security=False)
    (result,) = experiment.solve_plans([ready])
    if result.dataset is None or result.failed:
        raise SystemExit(f"not solved: {dict(result.failed)}")
    with tempfile.TemporaryDirectory() as folder, style.look():
        note = figures.source_note(facts.one_scenario(result.dataset), "china-2010-quota")
        figures.prices(facts.one_scenario(result.dataset), Path(folder), note).replace(TARGET)


if __name__ == "__main__":
    main()
