"""`run.py sweep`: many draws of uncertain numbers, and which of them decides."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

# Before NumPy loads: draws are parallel already, and one thread adds numbers in one order.
for _threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

if TYPE_CHECKING:
    from outputs.sweeps.reading import Sweep
    from scenarios.sweeps.storage import Store
    from scenarios.sweeps.study import Study

EPILOG = """\
examples:
  python run.py sweep elasticities-2010 --draws 2000        a shipped design with fewer draws
  python run.py sweep my-sweep.yaml --workers 4             a file of your own, on four processes
  python run.py sweep elasticities-2010 --resume            go on after Ctrl-C, a crash or a power cut: same bytes
  python run.py sweep elasticities-2010 --dask tcp://host:8786
                                                            on a Dask cluster; docs/sweeps.md has its commands
  python run.py sweep --report elasticities-2010            tables, figures and pages again, from the results alone

Results go to outputs/runs/NAME-ID: results.nc with every draw, tables, figures, index.html. The ID comes from all
that the numbers depend on, so that no two versions of code, calibration or design are ever mixed.

exit codes: 0 done, 1 some draws failed (the report counts them), 2 the input is wrong, 3 a file cannot be written, 130
interrupted.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The options of `sweep`."""
    parser = subparsers.add_parser(
        "sweep",
        help="many draws of uncertain parameters: intervals, and which parameter decides",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("design", nargs="?", metavar="DESIGN", help="a sweep by name, or a YAML file")
    parser.add_argument(
        "--draws", type=int, metavar="N", help="solves of every scenario and regime instead of the design's"
    )
    parser.add_argument("--workers", type=int, metavar="W", help="processes (default: one for each core)")
    parser.add_argument(
        "--dask", metavar="ADDRESS", help="scheduler of a Dask cluster, such as tcp://host:8786"
    )
    parser.add_argument("--resume", action="store_true", help="go on with a sweep that was interrupted")
    parser.add_argument(
        "--report", metavar="FOLDER", help="only write tables, figures and pages of a finished sweep"
    )
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="where folders are made (default outputs/runs)"
    )
    parser.add_argument("--no-figures", action="store_true", help="draw no figures")
    parser.add_argument("-q", "--quiet", action="store_true", help="print only the folder")


def run(args: argparse.Namespace) -> int:
    """Draw, solve, save, analyse."""
    from calibration.errors import InputError
    from outputs import store
    from outputs.sweeps import reading

    start = time.perf_counter()
    if (args.design is None) == (args.report is None):
        raise InputError(
            "expected either a design or --report FOLDER; `python run.py sweep --help` has examples"
        )
    if args.report is not None:
        idle = [f"--{name}" for name in ("draws", "workers", "dask", "resume") if getattr(args, name)]
        if idle:
            raise InputError(f"--report computes no draws; expected it without {', '.join(idle)}")
        folder = store.find(args.report, args.out, abbreviated=True)
        return _report(reading.read(folder), folder, args, start)
    for name in ("draws", "workers"):
        if (given := getattr(args, name)) is not None and given < 1:
            raise InputError(f"--{name} {given}: expected 1 or more")
    from scenarios import sweeps
    from scenarios.sweeps import storage

    study = sweeps.load(args.design, args.draws)
    folder = (args.out or store.RUNS) / f"{study.design.name}-{study.spec.identity[:12]}"
    if args.resume and not (folder / storage.MANIFEST).is_file():
        _nothing_to_resume(study, folder.parent)
    with storage.alone(folder):
        begun = _begun(study, folder, args)
        if not begun.complete:
            try:
                _execute(study, begun, args)
            except KeyboardInterrupt:
                done = begun.chunks - sum(1 for _ in begun.missing())
                print(
                    f"interrupted with {done} of {begun.chunks} parts saved in {begun.folder}; --resume goes on",
                    file=sys.stderr,
                )
                return 130
        return _report(reading.read(folder), folder, args, start)


def _begun(study: Study, folder: Path, args: argparse.Namespace) -> Store:
    """The sweep in its folder: new, interrupted, or finished. Raises InputError when --resume would be needed."""
    from calibration.errors import InputError, Problem
    from scenarios.sweeps import storage

    if not (folder / storage.MANIFEST).is_file():
        return storage.create(study, folder)
    begun = storage.resume(study, folder)
    if begun.complete or args.resume:
        return begun
    text = "is this sweep, begun and not finished"
    raise InputError(Problem(text, str(folder), expected="--resume, to go on with it"))


def _nothing_to_resume(study: Study, root: Path) -> None:
    """Raise InputError: with what is different in the sweep of this name that was begun, if there is one."""
    from calibration.errors import InputError, Problem
    from scenarios.sweeps import storage

    name = study.design.name
    others = [path.parent for path in sorted(root.glob(f"{name}-*/{storage.MANIFEST}"))]
    unfinished = [path for path in others if not (path / storage.RESULTS).is_file()]
    if unfinished:
        storage.resume(study, unfinished[-1])  # says what is different
    raise InputError(
        Problem(f"no sweep {name} to go on with", str(root), expected="the same command without --resume")
    )


def _execute(study: Study, begun: Store, args: argparse.Namespace) -> None:
    from scenarios.sweeps import execution

    with _progress(begun, args.quiet) as advance:
        if args.dask:
            with execution.dask(args.dask) as (executor, workers):
                execution.run(study, begun, executor, workers, advance)
        else:
            execution.run_in_pool(study, begun, args.workers or os.cpu_count() or 1, advance)


@contextmanager
def _progress(begun: Store, quiet: bool) -> Iterator[Any]:
    """A bar with rate and time left, on terminals only."""
    from tqdm import tqdm

    silent = quiet or not sys.stderr.isatty()
    done = 0 if silent else begun.draws - sum((s := begun.span(n)).stop - s.start for n in begun.missing())
    with tqdm(
        total=begun.draws, initial=done, desc="draws", unit="draw", disable=silent, smoothing=0.05
    ) as bar:
        yield bar.update


def _report(sweep: Sweep, folder: Path, args: argparse.Namespace, start: float) -> int:
    from outputs import provenance, sections, store
    from outputs.pipeline import command_line, shown_path
    from outputs.sweeps import report

    found = report.write(sweep, folder, figures=not args.no_figures)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    about = provenance.circumstances(command_line(), time.perf_counter() - start, now)
    # A report written into this folder is no part of the sweep, and may be written again.
    reports = {page.name for page in folder.glob("*.html")} - {sections.SECTION, sections.PAGE}
    store.seal(folder, about, others=reports)
    failed = sweep.failures()
    if args.quiet:
        print(shown_path(folder))
        return 1 if failed else 0
    print(f"{sweep.dataset.attrs['title']}: {len(sweep.values):,} draws, design {sweep.design}")
    for line in report.answers(sweep, found):
        print(f"  {line}")
    if failed:
        first = next(iter(failed))
        print(f"  {len(failed)} draws failed, the first (draw {first}): {failed[first]}", file=sys.stderr)
    for where, why in sweep.solved_alone.items():
        text = f"{where}: the middle of all ranges has no solution, every draw was solved alone ({why})"
        print(f"  {text}", file=sys.stderr)
    if found.refused:
        print("  some analyses were left out; the page says which and why", file=sys.stderr)
    print(f"  {shown_path(folder)}/index.html")
    return 1 if failed else 0
