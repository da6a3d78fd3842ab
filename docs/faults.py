"""Write docs/faults.md from what long runs recorded (`tests/records/`): `python -m docs.faults` from the root."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import yaml

from calibration.files import write_text
from tests import records
from tests.mutants import count, functions
from tests.mutation import ESTIMATORS, SPEED_ONLY, current, explained, files

PAGE = Path(__file__).with_suffix(".md")
TRAPS = Path(__file__).parents[1] / "tests" / "records" / "traps.yaml"

FAULTS = {
    "killed_at_a_moment": "kill -9 at a random moment",
    "killed_at_a_step": "kill -9 before a random file operation",
    "interrupted": "Ctrl-C at a random file operation",
    "refused_at_a_step": "writing fails from a random file operation on: no space, quota, read-only, broken disk",
    "small_disk": "a disk that fills up on the way",
    "read_only_disk": "a read-only disk",
    "in_the_way": "a file where the folder should be",
    "two_writers": "two processes do the same at once",
    "clock_runs_backwards": "a clock that runs backwards, files of the year 2100",
    "worker_lost": "one of two worker processes is killed",
    "orphaned_workers": "the main process is killed: its workers end",
}
COMMANDS = {"solve": "solve", "sweep": "sweep", "classify": "patents classify", "report": "report"}
OUTCOMES = ("nothing", "part", "finished")


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A table: text on the left, numbers on the right."""
    rows = [list(row) for row in rows]
    numbers = [all(isinstance(row[at], int | float) for row in rows) for at in range(len(rows[0]))]
    lines = [list(head), ["---:" if right else "---" for right in numbers], *rows]
    return "\n".join(f"| {' | '.join(_cell(value) for value in line)} |" for line in lines)


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def faults() -> str:
    """What was broken, and what was left of the work."""
    record, rows, tried = records.read("faults"), [], Counter()
    for command, shown in COMMANDS.items():
        for fault, about in FAULTS.items():
            counts = record.get(command, {}).get(fault)
            if counts:
                total = sum(counts.values())
                tried[fault] += total
                rows.append([f"`{shown}`", about, total, *(counts.get(outcome, 0) for outcome in OUTCOMES)])
    kills = tried["killed_at_a_moment"] + tried["killed_at_a_step"] + tried["orphaned_workers"]
    broken = sum(sum(found.get("broken", {}).values()) for found in record.values())
    head = ("command", "fault", "tried", "nothing there yet", "some whole files", "all there")
    return f"""\
{sum(tried.values()):,} faults, {kills:,} of them kills: **{broken} times was a file half written under a final name,
finished work lost, or another result reached afterwards** by the same command (a sweep: by `--resume`). What could
not be written ended with exit code 3 and one line that names the file. The columns on the right say what had its
final name when the process was gone; "some whole files" is what is resumed or replaced.

{table(head, rows)}

Found this way and mended: a disk that filled up while a sweep was put together ended the process in a crash inside
HDF5; two processes on one sweep tripped over each other; worker processes outlived a main process that was killed; a
disk that refused the last step of a run was not said.

`python -m tests.faults --count 20` tries each again, `--record` adds to the numbers here. A sweep on a Dask cluster
that loses a worker comes to the same bytes too (`tests/scenarios/test_sweeps_execution.py`)."""


def fuzzing() -> str:
    """What was read."""
    record = records.read("fuzzing")
    rows = [
        [name, sum(counts.values()), counts.get("read", 0), counts.get("refused", 0)]
        for name, counts in sorted(record.items())
    ]
    escaped, mended = (sum(counts.get(kind, 0) for counts in record.values()) for kind in ("fault", "mended"))
    total = sum(row[1] for row in rows)
    return f"""\
{total:,} inputs: {sum(row[2] for row in rows):,} were read, {sum(row[3] for row in rows):,} were refused with a
message that names the file and what is wrong, {mended} showed a fault that has been mended since, **{escaped} ended
otherwise**. Each had 10 s of a processor and 3 GB at most.

{table(("format", "inputs", "read", "refused"), rows)}

Found this way and mended: damaged gzip, zip and Parquet tables of patents, results with variables, axes, labels or
attributes that no result has, JSON of a run in another shape, parts of sweeps with damaged headers and, in CSV, a
number before an invisible character ended in a traceback; a line without an end, or a result that claims terabytes,
filled the memory.

`python -m tests.fuzzing --count 100000 --seed 1` draws others. The formats that take long to read (results, whole
calibrations) get fewer."""


def traps() -> str:
    """Hostile input with a test of its own."""
    rows = yaml.safe_load(TRAPS.read_text(encoding="utf-8"))
    return table(
        ("input", "what happens", "test"), ([r["input"], r["then"], f"`tests/{r['test']}`"] for r in rows)
    )


def scores() -> tuple[str, str]:
    """Mutation score by file, also of those not tried; the survivors.

    What was tried of functions that read otherwise now does not count.
    """
    modules = files() | files(estimators=True)
    record, known = current(records.read("mutation"), modules), explained()
    rows, survivors, sums = [], [], Counter[str]()
    for file, module in modules.items():
        if file in SPEED_ONLY:
            continue
        found = record.get(file, {})
        names = [
            (f"{function}: {change}", known.get(f"{file}.{function}: {change}", ""))
            for function, tried in found.items()
            for change in tried["survivors"]
        ]
        tried = sum(len(one["tried"].split()) for one in found.values())
        equivalent = sum(bool(why) for _, why in names)
        noticed = tried - len(names)
        changes = sum(count(function) for _, function in functions(module))
        sums.update(changes=changes, tried=tried, noticed=noticed, equivalent=equivalent)
        rows.append([file, changes, tried, noticed, equivalent, _score(noticed, tried - equivalent, 0)])
        survivors += [
            [file, f"`{name.replace('|', chr(92) + '|')}`", why or "not noticed"] for name, why in names
        ]
    whole = _score(sums["noticed"], sums["tried"] - sums["equivalent"], 1)
    rows.append(["all", *(sums[k] for k in ("changes", "tried", "noticed", "equivalent")), whole])
    head = ("file", "possible changes", "tried", "noticed", "equivalent", "score")
    return table(head, rows), table(("file", "change", "why no test notices"), survivors)


def _folders() -> str:
    """Folders of estimators, and how the table calls one that has another name there."""
    named = {Path(folder).name: prefix for folder, prefix in ESTIMATORS.items()}
    return ", ".join(name if name == shown else f"{name} as `{shown}`" for name, shown in named.items())


def _score(noticed: int, counted: int, digits: int) -> str:
    return f"{100 * noticed / counted:.{digits}f} %" if counted else "-"


def page() -> str:
    """docs/faults.md."""
    by_file, survivors = scores()
    return f"""\
# Faults and hostile input

What was done to the program to make it lose work, lie or fall over, and what happened. The numbers are those of
the last recorded runs; this page is written from them by `python -m docs.faults`.

## Work that is cut short

{faults()}

## Files that nobody meant

Good files of every format that is read were changed, as trees (values replaced, removed, renamed, repeated, moved)
and as bytes, and read.

{fuzzing()}

## Traps with tests of their own

{traps()}

## Bugs planted in the code

A small change is made to one function at a time (an operator, a comparison, a number, a condition), and the tests
run. The share of changes that some test notices says how much the tests see. Changes are drawn at random, as many
from each file as there was time for; those that cannot be noticed, because the program does the same, are counted as
equivalent and listed with the reason. What was tried of a function that reads otherwise by now does not count: a file
with 0 tried has not been drawn from, or not since it was rewritten. Files are those of `model/`, and at the end the
estimators in `calibration/evidence/` ({_folders()}). The parts that only
decide how fast a solution is found ({", ".join(SPEED_ONLY)}) are left out: an
answer is accepted on its residuals alone.

What no test noticed was followed by a test, a simpler line or a reason, and tried again: the table is what stands
after that. Fresh draws score lower: of 682 drawn in a row, 602 (88 %) were noticed at first, fewest in the
co-movement estimators (64 of 85). One change that nobody noticed was better than what it changed: a sector whose
last buyer but itself is embargoed now closes, where the solver met a singular matrix.

{by_file}

{survivors}

`python -m tests.mutation --record` goes on where this ends; `python -m tests.mutation prices` tries every change of
a file. On every test run, bugs planted in each equation must be noticed (`tests/model/planted_bugs.yaml`).
"""


def main() -> None:
    """Renew the page."""
    write_text(PAGE, page())


if __name__ == "__main__":
    main()
