"""Freed memory stays with the process: solves ask the system for no pages again and again."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource
import statistics
import calibration
import scenarios
from model import Closure, solve

found = []
for _ in range(7):
    base = calibration.load("china-2009")  # other work, after which memory would be given back
    shock = scenarios.load("china-2010-quota").shock(base, 2010)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    solve(base.benchmark, shock, Closure("exogenous", "given", "given"))
    found.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(round(statistics.median(found[2:])))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators have rules of their own")
def test_a_solve_has_next_to_no_page_faults():
    found = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True)
    assert int(found.stdout) < 200
