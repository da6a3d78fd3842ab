"""Results that belong to a base year, kept as long as it lives."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from model.records import Benchmark

T = TypeVar("T")
_kept: dict[int, dict[Hashable, Any]] = {}


def remember(benchmark: Benchmark, key: Hashable, compute: Callable[[], T]) -> T:
    """compute(), once for each (benchmark, key); forgotten with the benchmark, which is frozen and so cannot change."""
    known = _kept.get(id(benchmark))
    if known is None:
        known = _kept[id(benchmark)] = {}
        weakref.finalize(benchmark, _kept.pop, id(benchmark), None)
    if key not in known:
        known[key] = compute()
    return known[key]
