"""Mutation: break the model one small change at a time and see whether any test notices.

    python -m tests.mutation                      every file of model/, some changes of each
    python -m tests.mutation prices markets       these files, every change
    python -m tests.mutation --estimators         the estimators instead of the model
    python -m tests.mutation --record --each 30 --minutes 60
                                                  try others until 30 of each file are recorded (`tests/records/`)
    python -m tests.mutation --again              try the recorded survivors that nobody has explained anew

A change is made in memory, in a forked process, to one function: an operator, a comparison, a number, a call or a
condition (`tests/mutants.py`). Quick checks run first, then the tests of the file. What no test notices is a survivor;
those that `tests/mutation_survivors.yaml` explains are equivalent to the original. Ends with 1 when a survivor is not
explained. What was recorded of a function counts for as long as its text stays the same. Runs where processes can be
forked (Linux, macOS).
"""

from __future__ import annotations

import argparse
import importlib
import os
import random
import resource
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
from tests.mutants import Mutant, code_with, digest, functions, mutants_of
from tests.planting import exchanged

ROOT = Path(__file__).parents[1]
KNOWN = ROOT / "tests" / "mutation_survivors.yaml"
# Of one change: a change that makes the tests hang or fill the memory is noticed.
PROCESSOR, WALL = 75, 600  # seconds
MEMORY = 6 * 2**30  # bytes
KILLED, SURVIVED = 0, 1

Choice = tuple[types.FunctionType, Mutant]
# file -> function -> {"code": digest of its text, "tried": places of the changes, "survivors": the changes}
Record = dict[str, dict[str, dict]]

# Files whose own tests are elsewhere than in the invariants, as paths in tests/.
TESTS = {
    "exposure": ("model/test_exposure.py",),
    "table": ("model/test_exposure.py", "model/test_network.py", "model/test_table.py"),
    **dict.fromkeys(("implied", "refusals"), ("model/test_table.py",)),
    "arguments": ("model/test_arguments.py", "model/test_table.py"),
    **dict.fromkeys(("network", "centrality", "chokepoints", "supply_paths"), ("model/test_network.py",)),
    "path": ("model/test_path.py",),
    "decomposition": ("model/test_contributions.py",),
    "security": ("model/test_security.py",),
    "stability": ("model/test_stability.py",),
    "derivatives": ("model/test_derivatives.py",),
    "batch": ("model/test_batch.py", "model/test_group.py"),
    **dict.fromkeys(("group", "stack", "quasi"), ("model/test_group.py", "model/test_batch.py")),
    "uniqueness": ("model/test_uniqueness.py",),
    "feasibility": (
        "model/test_feasibility.py",
        "model/test_solver_statuses.py",
        "model/test_continuation.py",
        "model/test_shocks.py",
    ),
    "squeeze": ("model/test_squeeze.py", "model/test_security.py"),
    "continuation": ("model/test_continuation.py", "model/test_solver_statuses.py"),
    **dict.fromkeys(("newton", "krylov"), ("model/test_solver_newton.py", "model/test_solver_statuses.py")),
    **dict.fromkeys(
        ("preconditioner", "blocks"), ("model/test_solver_preconditioner.py", "model/test_batch.py")
    ),
    "elasticities.pooling": (
        "evidence/elasticities/test_formulas.py",
        "evidence/elasticities/test_pooling.py",
    ),
    "elasticities.technology": ("evidence/elasticities/test_technology.py",),
    "elasticities": (
        "evidence/elasticities/test_formulas.py",
        "evidence/elasticities/test_estimators.py",
        "evidence/elasticities/test_study.py",
    ),
    "exposure_evidence": ("evidence/exposure/test_formulas.py", "evidence/exposure/test_exposure.py"),
    **dict.fromkeys(
        (
            f"comovement.{name}"
            for name in (
                "crossquantilogram",
                "hits",
                "portmanteau",
                "resampling",
                "windows",
                "alignment",
                "regression",
                "selfnormalised",
                "moments",
            )
        ),
        tuple(
            f"evidence/comovement/test_{name}.py"
            for name in ("edges", "reference_quantile", "quantilogram", "regression_and_selfnormalised")
        ),
    ),
    **dict.fromkeys(
        (
            f"comovement.{name}"
            for name in (
                "modwt",
                "filters",
                "multiple",
                "local",
                "localcross",
                "waveletmoments",
                "waveletregression",
            )
        ),
        tuple(f"evidence/comovement/test_{name}.py" for name in ("edges", "reference_wavelet", "wavelets")),
    ),
    "comovement": ("evidence/comovement/test_edges.py", "evidence/comovement/test_studies.py"),
}
INVARIANTS = (
    "model/test_invariants_quotas.py", "model/test_invariants_limits.py",
    "model/test_invariants_shipped_calibration.py", "model/test_start.py",
)  # fmt: skip
# What else looks at a file, after the above.
EDGES = "model/test_edges.py"
STATUSES, DERIVATIVES = ("model/test_solver_statuses.py",), ("model/test_derivatives.py",)
GROUP = ("model/test_group.py",)  # equations for several draws at once
MORE = {
    **dict.fromkeys(("solve", "solution", "idle", "records"), STATUSES),
    "unknowns": (*STATUSES, "model/test_stability.py"),
    **dict.fromkeys(("flows", "welfare"), DERIVATIVES),
    "variables": ("model/test_table.py", *DERIVATIVES),
    **dict.fromkeys(("innovation", "restrictions", "equilibrium"), GROUP),
    **dict.fromkeys(("prepare", "system", "markets", "prices"), (*GROUP, *DERIVATIVES)),
    "sourcing": ("model/test_sourcing.py", *GROUP, *DERIVATIVES),
    "tangent": ("model/test_solver_preconditioner.py", *DERIVATIVES),
    "stability": STATUSES,
    "shocks": ("model/test_shocks.py", "model/test_continuation.py", *STATUSES),
    "exposure": ("evidence/exposure/test_exposure.py",),
}
# A wrong step or a poor preconditioner costs iterations; an answer is accepted on its residuals alone.
SPEED_ONLY = ("blocks", "krylov", "newton", "preconditioner", "problem", "memory", "quasi")
# Folder of estimators -> how its files are called here.
ESTIMATORS = {
    "calibration/evidence/elasticities": "elasticities",
    "calibration/evidence/exposure": "exposure_evidence",  # `exposure` is a file of the model
    "calibration/evidence/comovement": "comovement",
}
# Of these folders, what reads files and estimates nothing.
READERS = tuple(f"comovement.{name}" for name in ("data", "schema", "study", "studychecks"))


def files(estimators: bool = False) -> dict[str, types.ModuleType]:
    """Name of each file of model/, or of the estimators -> module."""
    found = {}
    for folder, prefix in (ESTIMATORS if estimators else {"model": ""}).items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            name = ".".join((prefix, *parts) if prefix else parts).removesuffix(".__init__")
            if name not in ("__init__", prefix, *READERS):
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


def noticed(mutant: Mutant) -> bool:
    """Whether a check or a test fails; in the process where the change was made."""
    own, more = tests_of(mutant.file), MORE.get(mutant.file.split(".")[0], ())
    if not own:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for check in quick_checks():
                try:
                    check()
                except Exception:  # noqa: BLE001  whatever goes wrong is a notice
                    return True
    return fails((*(own or INVARIANTS), *more, EDGES))


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


def run_one(function: types.FunctionType, mutant: Mutant) -> None:
    """In a forked process: ends with KILLED or SURVIVED."""

    def changed() -> bool:
        with exchanged(function, code_with(function, mutant)):
            return noticed(mutant)

    quietly(changed)


def quietly(notice: Callable[[], bool]) -> None:
    """Ends the process, with SURVIVED when nothing was noticed."""
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    signal.alarm(WALL)
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR, PROCESSOR))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    try:
        outcome = KILLED if notice() else SURVIVED
    except BaseException:  # noqa: BLE001  a change that breaks the harness is noticed
        outcome = KILLED
    os._exit(outcome)


def run(chosen: list[Choice], jobs: int, until: float) -> dict[Mutant, bool]:
    """Mutant -> survived, of those, in their order, for which there was time."""
    waiting, running, survived = list(reversed(chosen)), {}, {}
    while (waiting and time.monotonic() < until) or running:
        while waiting and len(running) < jobs and time.monotonic() < until:
            function, mutant = waiting.pop()
            child = os.fork()
            if child == 0:
                run_one(function, mutant)
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


# ------------------------------------------------------------------ the record


def current(record: Record, modules: dict[str, types.ModuleType]) -> Record:
    """What was recorded of functions that read as they did then, of these files."""
    kept: Record = {}
    for file, module in modules.items():
        for name, function in functions(module) if file in record else ():
            found = record[file].get(name)
            if found and found["code"] == digest(function):
                kept.setdefault(file, {})[name] = found
    return kept


def added(
    record: Record, survived: dict[Mutant, bool], places: dict[tuple[str, str], types.FunctionType]
) -> Record:
    """The record with what was tried since."""
    new = {file: dict(found) for file, found in record.items()}
    for mutant, alive in survived.items():
        code = digest(places[mutant.file, mutant.function])
        old = new.setdefault(mutant.file, {}).get(
            mutant.function, {"code": code, "tried": "", "survivors": []}
        )
        new[mutant.file][mutant.function] = {
            "code": code,
            "tried": " ".join(sorted({*old["tried"].split(), mutant.place})),
            "survivors": sorted(
                {*old["survivors"], mutant.change} if alive else {*old["survivors"]} - {mutant.change}
            ),
        }
    return new


def choose(every: dict[str, list[Choice]], record: Record, each: int | None, seed: int) -> list[Choice]:
    """Changes not yet recorded, drawn until there are that many of each file; None: all of them."""
    groups = []
    for file, group in every.items():
        tried = {
            (name, place) for name, found in record.get(file, {}).items() for place in found["tried"].split()
        }
        left = [(f, m) for f, m in group if (m.function, m.place) not in tried]
        random.Random(f"{seed} {file}").shuffle(left)
        groups.append(left if each is None else left[: max(each - len(tried), 0)])
    return in_turn(groups)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="*", help="as in `prices` or `tangent.trade`; all changes of them")
    parser.add_argument("--estimators", action="store_true", help="the estimators instead of the model")
    parser.add_argument(
        "--each", type=int, help="changes of each file (default 12, or all of the named files)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the order in which changes are tried")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--minutes", type=float, default=1e6, help="stop after this time")
    parser.add_argument(
        "--go-on", action="store_true", help="do not ask first whether the tests pass unchanged"
    )
    parser.add_argument(
        "--again", action="store_true", help="try the recorded survivors that are not explained anew"
    )
    parser.add_argument("--record", action="store_true", help="skip what is recorded and add to it")
    options = parser.parse_args(arguments)
    modules = files(options.estimators)
    unknown = set(options.files) - set(modules)
    if unknown:
        parser.error(f"no file {', '.join(sorted(unknown))}; there are {', '.join(modules)}")
    until = time.monotonic() + 60 * options.minutes
    keeps = options.record or options.again
    record: Record = records.read("mutation") if keeps else {}
    others = {file: found for file, found in record.items() if file not in modules}
    record = current(record, modules)
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
        known = explained()
        chosen = [
            (f, m)
            for group in every.values()
            for f, m in group
            if m.change in recorded(record, m) and m.name not in known
        ]
    else:
        each = options.each or (None if options.files else 12)
        chosen = choose(every, record, each, options.seed)
    print(f"{len(chosen)} changes, {options.jobs} at a time", flush=True)
    ALL()
    asked = {tests_of(mutant.file): mutant.file for _, mutant in chosen}
    failing = [file for file in asked.values() if not options.go_on and not sound(file)]
    if failing:
        print(f"the tests of {', '.join(failing)} fail without any change", file=sys.stderr)
        return 2
    survived: dict[Mutant, bool] = {}
    places = {(m.file, m.function): function for group in every.values() for function, m in group}
    while chosen and time.monotonic() < until:  # in parts, so that a record never waits for the end
        part = run(chosen[:5], options.jobs, until)
        survived |= part
        chosen = chosen[5:]
        if keeps:
            record = added(record, part, places)
            records.write("mutation", others | record)
    return report(survived)


def recorded(record: Record, mutant: Mutant) -> list[str]:
    """Survivors recorded of the function that a mutant changes."""
    return record.get(mutant.file, {}).get(mutant.function, {}).get("survivors", [])


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
