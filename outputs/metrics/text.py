"""Words that figures and summaries share."""

from __future__ import annotations

from outputs import names
from outputs.metrics.base import Base


def source(base: Base) -> str:
    """What stands under every figure."""
    return (
        f"Source: rare-earth-model, calibration {base.calibration.name}, scores {base.score.name} "
        f"({base.score.status}); use of elements by sector is recalled or judged (see parameters.csv)."
    )


def who(base: Base) -> str:
    """The restricting regions, as they stand in a sentence."""
    return names.listed([names.named(r) for r in base.restricting_names])


def node(base: Base, m: int) -> str:
    """A region-sector for people."""
    region, sector = divmod(m, len(base.labels.sectors))
    return f"{names.sector(base.labels.sectors[sector])} ({names.region(base.labels.regions[region])})"
