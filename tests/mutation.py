"""Mutation: break the model one small change at a time and see whether any test notices.

    python -m tests.mutation                      every file of model/, some changes of each
    python -m tests.mutation prices markets       these files, every change
    python -m tests.mutation --estimators         the estimators instead of the model
    python -m tests.mutation --record --minutes 60
                                                  go on where the record ends, and add to it (`tests/records/`)

A change is made in memory, in a forked process, to one function: an operator, a comparison, a number, a call or a
condition (`tests/mutants.py`). Quick checks run first, then the tests of the file. What no test notices is a survivor;
those that `tests/mutation_survivors.yaml` explains are equivalent to the original. Ends with 1 when a survivor is not
explained. Runs where processes can be forked (Linux, macOS).
"""

from __future__ import annotations

import argparse
import importlib
import os
import random
import signal
import sys
import time
import types
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from itertools import zip_longest
from pathlib import Path

import pytest
import yaml

from tests import checks, records
from tests.instruments import cases
from tests.mutants import Mutant, code_with, functions, mutants_of
from tests.planting import exchanged

ROOT = Path(__file__).parents[1]
KNOWN = ROOT / "tests" / "mutation_survivors.yaml"
TIMEOUT = 240  # seconds; a change that makes the tests hang is noticed
KILLED, SURVIVED = 0, 1

# Files whose own tests are elsewhere than in the invariants, as paths in tests/.
TESTS = {
    "exposure": ("model/test_exposure.py",),
    "table": ("model/test_exposure.py", "model/test_network.py", "model/test_table.py"),
    **dict.fromkeys(("network", "centrality", "chokepoints", "supply_paths"), ("model/test_network.py",)),
    "path": ("model/test_path.py",),
    "decomposition": ("model/test_contributions.py",),
    "security": ("model/test_security.py",),
    "stability": ("model/test_stability.py",),
    "derivatives": ("model/test_derivatives.py",),
    "batch": ("model/test_batch.py",),
    "elasticities.pooling": ("evidence/elasticities/test_pooling.py",),
    "elasticities.technology": ("evidence/elasticities/test_technology.py",),
    "elasticities": ("evidence/elasticities/test_estimators.py", "evidence/elasticities/test_study.py"),
    "estimated": ("evidence/exposure/test_exposure.py",),
}
INVARIANTS = (
    "model/test_invariants_quotas.py", "model/test_invariants_limits.py",
    "model/test_invariants_shipped_calibration.py", "model/test_start.py",
)  # fmt: skip
# What else looks at a file, after the above.
EDGES = "model/test_edges.py"
STATUSES, DERIVATIVES = ("model/test_solver_statuses.py",), ("model/test_derivatives.py",)
MORE = {
    **dict.fromkeys(
        (
            "continuation",
            "feasibility",
            "solve",
            "solution",
            "squeeze",
            "shocks",
            "idle",
            "records",
            "unknowns",
        ),
        STATUSES,
    ),
    **dict.fromkeys(("tangent", "system", "flows", "welfare", "variables", "markets", "prices"), DERIVATIVES),
    "squeeze": ("model/test_security.py", *STATUSES),
    "stability": STATUSES,
    "exposure": ("evidence/exposure/test_exposure.py",),
}
# A wrong step or a poor preconditioner costs iterations; an answer is accepted on its residuals alone.
SPEED_ONLY = ("krylov", "newton", "preconditioner", "problem", "memory")
# Folder of estimators -> how its files are called here.
ESTIMATORS = {
    "calibration/evidence/elasticities": "elasticities",
    "calibration/evidence/exposure": "estimated",
}


def files(estimators: bool = False) -> dict[str, types.ModuleType]:
    """Name of each file of model/, or of the estimators -> module."""
    found = {}
    for folder, prefix in (ESTIMATORS if estimators else {"model": ""}).items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            name = ".".join((prefix, *parts) if prefix else parts).removesuffix(".__init__")
            if name not in ("__init__", prefix):
                found[name] = importlib.import_module(
                    ".".join((*folder.split("/"), *parts)).removesuffix(
                        ".__init__"
                    )  # a second copy otherwise
                )
    return found


# ------------------------------------------------------------------ what may notice

SOLVED = (
    "all at once", "quota that leaks", "recycling", "origins differ by use", "capacity at its target", "empty cells",
    "licence of the base year removed", "stock purchase", "production quota", "quotas that overlap",
    "embargo that closes a sector", "embargo on by-products",
)  # fmt: skip


ALL = cache(lambda: cases(0))  # made before forking: nothing in it comes from a function that changes


def quick_checks() -> Iterator[Callable[[], object]]:
    """Checks in the order in which they tend to notice."""
    all_cases = ALL()
    for check in (checks.levels, checks.derivative, checks.walras, checks.homogeneous):
        for name in reversed(all_cases):  # the last are the richest
            yield lambda check=check, name=name: check(all_cases[name], 3)
    for name in ("no shock", "licence of the base year kept", "origins differ by use", "empty cells"):
        yield lambda name=name: checks.replicates(all_cases[name])
    for name in SOLVED:
        yield lambda name=name: checks.reported(all_cases[name], checks.solved(all_cases[name]))


def tests_of(file: str) -> tuple[str, ...]:
    """Tests of a file of its own; none for those that the quick checks and the invariants look at."""
    return TESTS.get(file) or TESTS.get(file.split(".")[0], ())


def noticed(mutant: Mutant, again: bool = False) -> bool:
    """Whether a check or a test fails; in the process where the change was made.

    again: only what else looks at the file, for what is known to have escaped the first tests.
    """
    own, more = tests_of(mutant.file), MORE.get(mutant.file.split(".")[0], ())
    if again:
        return fails((EDGES, *more))
    if not own:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for check in quick_checks():
                try:
                    check()
                except Exception:  # noqa: BLE001  whatever goes wrong is a notice
                    return True
    return fails((EDGES, *(own or INVARIANTS), *more))


def fails(names: tuple[str, ...]) -> bool:
    """Whether a test of these files of tests/ fails."""
    arguments = [str(ROOT / "tests" / name) for name in names]
    options = ["-x", "-q", "-p", "no:cacheprovider", "--no-header", "--tb=no", "-W", "error"]
    return bool(names) and pytest.main([*arguments, *options]) != pytest.ExitCode.OK


# ------------------------------------------------------------------ running


def sound(file: str) -> bool:
    """Whether the tests of a file pass while nothing is changed, in a process of its own."""
    child = os.fork()
    if child == 0:
        nothing = Mutant(file, "", "", 0, 0)
        quietly(lambda: noticed(nothing))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == SURVIVED


def run_one(function: types.FunctionType, mutant: Mutant, again: bool) -> None:
    """In a forked process: ends with KILLED or SURVIVED."""

    def changed() -> bool:
        with exchanged(function, code_with(function, mutant)):
            return noticed(mutant, again)

    quietly(changed)


def quietly(notice: Callable[[], bool]) -> None:
    """Ends the process, with SURVIVED when nothing was noticed."""
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    signal.alarm(TIMEOUT)  # ends the process: noticed
    try:
        outcome = KILLED if notice() else SURVIVED
    except BaseException:  # noqa: BLE001  a change that breaks the harness is noticed
        outcome = KILLED
    os._exit(outcome)


def run(
    chosen: list[tuple[types.FunctionType, Mutant]], jobs: int, until: float, again: bool = False
) -> dict[Mutant, bool]:
    """Mutant -> survived, of those, in their order, for which there was time."""
    waiting, running, survived = list(reversed(chosen)), {}, {}
    while (waiting and time.monotonic() < until) or running:
        while waiting and len(running) < jobs and time.monotonic() < until:
            function, mutant = waiting.pop()
            child = os.fork()
            if child == 0:
                run_one(function, mutant, again)
            running[child] = mutant
        child, status = os.wait()
        mutant = running.pop(child)
        survived[mutant] = os.WIFEXITED(status) and os.WEXITSTATUS(status) == SURVIVED
        if survived[mutant]:
            print(f"  survived: {mutant.name}", flush=True)
    return survived


def explained() -> dict[str, str]:
    """Name of a survivor -> why no test can notice it."""
    if not KNOWN.exists():
        return {}
    rows = yaml.safe_load(KNOWN.read_text(encoding="utf-8")) or {}
    return {
        f"{place}: {change}": reason
        for place, group in rows.items()
        for reason, changes in group.items()
        for change in changes
    }


def in_turn(groups: list[list[object]]) -> list[object]:
    """One of each group after another, so that any stop leaves as many of each."""
    return [one for row in zip_longest(*groups) for one in row if one is not None]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="*", help="as in `prices` or `tangent.trade`; all changes of them")
    parser.add_argument("--estimators", action="store_true", help="the estimators instead of the model")
    parser.add_argument("--each", type=int, default=12, help="changes of each file (default 12)")
    parser.add_argument("--seed", type=int, default=0, help="of the order in which changes are tried")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--minutes", type=float, default=1e6, help="stop after this time")
    parser.add_argument(
        "--go-on", action="store_true", help="do not ask first whether the tests pass unchanged"
    )
    parser.add_argument("--again", action="store_true", help="try what is recorded as survivor anew")
    parser.add_argument("--record", action="store_true", help="skip what is recorded and add to it")
    options = parser.parse_args(arguments)
    modules = files(options.estimators)
    unknown = set(options.files) - set(modules)
    if unknown:
        parser.error(f"no file {', '.join(sorted(unknown))}; there are {', '.join(modules)}")
    until = time.monotonic() + 60 * options.minutes
    record = records.read("mutation") if options.record or options.again else {}
    every = {
        file: [
            (function, mutant)
            for name, function in functions(module)
            for mutant in mutants_of(file, name, function)
        ]
        for file, module in modules.items()
        if (file in options.files if options.files else file not in SPEED_ONLY)
    }
    if options.again:
        return once_more(every, record, options.jobs, until)
    groups = []
    for file, group in every.items():
        random.Random(options.seed).shuffle(group)
        done = record.get(file, {}).get("tried", 0)
        groups.append(group[done : None if options.files else done + options.each])
    chosen = in_turn(groups)
    print(f"{len(chosen)} changes, {options.jobs} at a time", flush=True)
    ALL()
    asked = {tests_of(file): file for file, group in zip(every, groups, strict=True) if group}
    failing = [file for file in asked.values() if not options.go_on and not sound(file)]
    if failing:
        print(f"the tests of {', '.join(failing)} fail without any change", file=sys.stderr)
        return 2
    survived: dict[Mutant, bool] = {}
    while chosen and time.monotonic() < until:  # in parts, so that a record never waits for the end
        survived |= run(chosen[:20], options.jobs, until)
        chosen = chosen[20:]
        if options.record:
            records.write("mutation", added(record, survived, {file: len(g) for file, g in every.items()}))
    return report(survived)


def once_more(every: dict[str, list], record: dict[str, dict], jobs: int, until: float) -> int:
    """Try the recorded survivors with the tests that look at their files too, and strike off those that are noticed."""
    for file, group in every.items():
        names = set(record.get(file, {}).get("survivors", ()))
        chosen = [(f, m) for f, m in group if m.name.removeprefix(f"{file}.") in names]
        for mutant, alive in run(chosen, jobs, until, again=True).items():
            if not alive:
                record[file]["survivors"].remove(mutant.name.removeprefix(f"{file}."))
        records.write("mutation", record)
    return 0


def added(record: dict[str, dict], survived: dict[Mutant, bool], changes: dict[str, int]) -> dict[str, dict]:
    """The record with what was tried since."""
    new = dict(record)
    for file in {mutant.file for mutant in survived}:
        old = record.get(file, {"tried": 0, "survivors": []})
        here = {mutant: alive for mutant, alive in survived.items() if mutant.file == file}
        names = [mutant.name.removeprefix(f"{file}.") for mutant, alive in here.items() if alive]
        new[file] = {
            "changes": changes[file],
            "tried": old["tried"] + len(here),
            "survivors": sorted(old["survivors"] + names),
        }
    return new


def report(survived: dict[Mutant, bool]) -> int:
    """Score by file, and the survivors that nobody has explained."""
    known = explained()
    open_ = [m.name for m, alive in survived.items() if alive and m.name not in known]
    equivalent = Counter(m.file for m, alive in survived.items() if alive and m.name in known)
    total, alive = Counter(m.file for m in survived), Counter(m.file for m, a in survived.items() if a)
    print(f"\n{'file':<22}{'changes':>8}{'noticed':>9}{'equivalent':>12}{'score':>8}")
    for file in [*sorted(total), ""]:
        n, a, e = (sum(c.values()) if not file else c[file] for c in (total, alive, equivalent))
        score = (n - a) / (n - e) if n > e else 1.0
        print(f"{file or 'all':<22}{n:>8}{n - a:>9}{e:>12}{100 * score:>7.1f}%")
    if open_:
        print("\nnoticed by no test, and not explained in tests/mutation_survivors.yaml:")
        print("\n".join(f"  {name}" for name in sorted(open_)))
    return 1 if open_ else 0


if __name__ == "__main__":
    sys.exit(main())
