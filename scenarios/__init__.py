"""Scenario files, checked and turned into shocks; sweeps and their execution."""

from scenarios.library import available, load, parse
from scenarios.scenario import Scenario

__all__ = ["Scenario", "available", "load", "parse"]
