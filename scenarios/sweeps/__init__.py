"""Sweeps: the same scenarios solved many times with other numbers."""

from scenarios.sweeps.study import Study, available, load

__all__ = ["Study", "available", "load"]
