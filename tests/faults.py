"""What happens to work when something breaks: a command is killed, interrupted or refused a file, over and over.

    python -m tests.faults --count 20              every fault of every command, 20 times
    python -m tests.faults solve sweep --count 5   these commands
    python -m tests.faults --kills 500 --record    only kills, 500 in all, added to `tests/records/faults.json`

Each command runs once undisturbed; then in forked processes that meet a fault. Afterwards every file with a final name
must have the bytes of the undisturbed run, nothing that was finished may be lost, and the same command, or its
`--resume`, must come to the same bytes. Ends with 1 at the first that does not. Runs on Linux and macOS; a small or
read-only disk is made only where the system lets us (Linux namespaces).
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import errno
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import run
from tests import records

OLD = b"what was there before"
LIMIT = 120  # seconds that a command may take; one that hangs is a fault of ours
SWEEP = """\
name: small
title: A small sweep
question: What decides?
scenarios: {none: no-shock}
calibration: china-2009-small
regimes: [exogenous]
design: {type: monte_carlo, draws: 6, seed: 1}
vary:
  - path: calibration.supply_elasticity.ree_mining
outcomes:
  - {name: gain, variable: equivalent_variation, select: {region: CHN}}
"""
SOLVE = [
    "no-shock", "--calibration", "china-2009-small", "--regime", "exogenous",
    "--no-figures", "--no-security", "--no-decomposition", "-q",
]  # fmt: skip


class Broken(AssertionError):
    """A promise that was not kept."""


# ------------------------------------------------------------------ commands


@dataclass
class Command:
    """A command that writes into a folder, and what it leaves there when nothing disturbs it."""

    name: str
    words: Callable[[Path], list[str]]
    old: tuple[str, ...] = ()  # files that are there before, and stay until they are replaced
    at_once: bool = False  # all its files get their names together
    resume: str = ""  # file after which it is told to --resume
    whole: dict[str, bytes] = field(default_factory=dict)
    parts: dict[str, bytes] = field(default_factory=dict)  # that are dropped in the end
    steps: int = 0
    seconds: float = 0.0

    def arguments(self, out: Path) -> list[str]:
        """Words of the command line, for a folder as it is."""
        begun = bool(self.resume) and any(out.glob(self.resume))
        return [*self.words(out), *(["--resume"] if begun and not self.finished(out) else [])]

    def prepare(self, out: Path) -> None:
        """A new folder, with the old files."""
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        for name in self.old:
            (out / name).write_bytes(OLD)

    def finished(self, out: Path) -> bool:
        """Whether everything is there."""
        return set(self.whole) <= set(there := files(out)) and all(
            there[n] == self.whole[n] for n in self.whole
        )

    def check(self, found: Mapping[str, bytes]) -> str:
        """What a disturbed command left: nothing, part or everything. Raises Broken."""
        new = {name: content for name, content in found.items() if name not in self.old or content != OLD}
        for name, content in new.items():
            if content != self.whole.get(name, self.parts.get(name)):
                raise Broken(f"{self.name}: {name} is neither the old file nor the whole new one")
        if gone := [name for name in self.old if name not in found]:
            raise Broken(f"{self.name}: lost {gone}")
        whole = set(self.whole) <= set(new)
        if self.at_once and new and not whole:
            raise Broken(f"{self.name}: a part of the files has final names: {sorted(new)}")
        return "finished" if whole else "part" if new else "nothing"


def files(out: Path) -> dict[str, bytes]:
    """Content of the files with final names; what is under another name while it is written is left out.

    provenance.json, where time stamps are kept, counts by what it says of the other files.
    """
    found = {}
    for path in sorted(out.rglob("*")):
        name = path.relative_to(out).as_posix()
        if path.is_file() and ".partial-" not in name:
            found[name] = path.read_bytes() if path.name != "provenance.json" else _hashes(path)
    return found


def _hashes(path: Path) -> bytes:
    import json

    from outputs.store import file_hashes

    if json.loads(path.read_text(encoding="utf-8"))["files"] != file_hashes(path.parent):
        raise Broken(f"{path}: does not belong to the files beside it")
    return b"as written"


def commands(folder: Path) -> dict[str, Command]:
    """Every command, after one undisturbed run in this process, so that what follows is quick."""
    design = folder / "small.yaml"
    design.write_text(SWEEP, encoding="utf-8")
    one_run = folder / "runs"
    made = [
        Command("solve", lambda out: ["solve", *SOLVE, "--out", str(out)], at_once=True),
        Command(
            "sweep",
            lambda out: ["sweep", str(design), "--workers", "1", "--no-figures", "-q", "--out", str(out)],
            resume="*/sweep.json",
        ),
        Command("classify", lambda out: ["patents", "classify", "--out", str(out)], old=("verdicts.csv",)),
        Command(
            "report",
            lambda out: ["report", str(next(one_run.glob("[!.]*"))), "-o", str(out / "report.html")],
            old=("report.html",),
        ),
    ]
    return {command.name: command for command in made}


def undisturbed(command: Command, out: Path) -> None:
    """Learn what a command leaves, in how many steps and how long it takes."""
    from scenarios.sweeps import storage

    storage.CHUNK = 2  # so that a small sweep has several parts
    kept, storage.shutil.rmtree = storage.shutil.rmtree, lambda *args, **options: None
    try:
        with quiet(os.devnull):
            code = run.guarded(command.arguments(out))
    finally:
        storage.shutil.rmtree = kept
    if code:
        raise Broken(f"{command.name}: ends with {code} undisturbed")
    found = files(out)
    command.parts = {name: content for name, content in found.items() if "/chunks/" in name}
    command.whole = {name: content for name, content in found.items() if name not in command.parts}


def measured(command: Command, out: Path) -> None:
    """Count the steps of a command, and take its time, in a forked process as all that follow."""
    command.prepare(out)
    tally = out.parent / "steps"
    begun = time.monotonic()
    ended(command, fork(command, out, lambda: watch(out, at=-1, then=None, tally=tally)), {0})
    command.seconds, command.steps = time.monotonic() - begun, int(tally.read_text())
    if command.check(files(out)) != "finished":
        raise Broken(f"{command.name}: two undisturbed runs differ")


# ------------------------------------------------------------------ processes


@contextlib.contextmanager
def quiet(target: str | Path):
    """Standard output and error of this process go to a file for a while."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    with open(target, "ab") as stream:  # noqa: PTH123
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, one in enumerate(kept, start=1):
            os.dup2(one, number)
            os.close(one)


def said(out: Path) -> Path:
    """Where a disturbed process writes what it says."""
    return out.with_name(out.name + ".said")


def fork(
    command: Command,
    out: Path,
    before: Callable[[], object] = lambda: None,
    after: Callable[[], object] = lambda: None,
) -> int:
    """Run a command in a forked process, in a process group of its own; returns its id."""
    sys.stdout.flush()
    words = command.arguments(out)
    child = os.fork()
    if child:
        return child
    code = 70
    try:
        os.setpgid(0, 0)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.alarm(LIMIT)
        text = os.open(said(out), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 1)
        os.dup2(text, 2)
        before()
        code = run.guarded(words)
        sys.stderr.flush()
        after()
    except BaseException:  # noqa: BLE001  whatever escapes is a fault of ours, and said
        os.write(2, traceback.format_exc().encode())
    os._exit(code)


def ended(command: Command, child: int, codes: set[int]) -> int:
    """Exit code of a process, negative for a signal. Raises Broken for one that is not expected."""
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code not in codes:
        raise Broken(f"{command.name}: ends with {code}, expected {sorted(codes)}")
    return code


def one_line(command: Command, out: Path) -> None:
    """What the process said must be one line, without a traceback; what it says of its work comes before."""
    text = said(out).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line]
    if "Traceback" in text or not lines or len(lines) > 5:
        raise Broken(f"{command.name}: says {text!r}")


def watch(out: Path, at: int, then: Callable[[], object] | None, tally: Path | None = None) -> None:
    """From now on count the steps that change something below a folder, and act at one of them and those after it.

    A step is a file opened for writing, a new folder, or a file or folder that gets its final name.
    """
    inside, steps = str(out), 0

    def hook(event: str, details: tuple[object, ...]) -> None:
        nonlocal steps
        if event == "open":
            writes = isinstance(details[2], int) and details[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            if not writes:
                return
        elif event not in ("os.mkdir", "os.rename"):
            return
        path = str(details[0])
        if inside not in path or (event == "os.mkdir" and os.path.isdir(path)):  # noqa: PTH112
            return
        steps += 1
        if tally is not None:
            descriptor = os.open(tally, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.write(descriptor, str(steps).encode())
            os.close(descriptor)
        if 0 < at <= steps and then is not None:
            then()

    sys.addaudithook(hook)


# ------------------------------------------------------------------ faults; each tries once and says what was left


def killed_at_a_moment(command: Command, out: Path, chance: random.Random) -> str:
    """kill -9 at a random moment."""
    child = fork(command, out)
    time.sleep(chance.uniform(0.0, 1.0) * command.seconds)
    os.kill(child, signal.SIGKILL)
    ended(command, child, {0, -signal.SIGKILL})
    return command.check(files(out))


def killed_at_a_step(command: Command, out: Path, chance: random.Random) -> str:
    """kill -9 just before a random step that changes a file."""
    at = chance.randint(1, command.steps)
    child = fork(command, out, lambda: watch(out, at, lambda: os.kill(os.getpid(), signal.SIGKILL)))
    ended(command, child, {0, -signal.SIGKILL})
    return command.check(files(out))


def interrupted(command: Command, out: Path, chance: random.Random) -> str:
    """Ctrl-C at a random step."""
    at = chance.randint(1, command.steps)
    child = fork(command, out, lambda: watch(out, at, lambda: os.kill(os.getpid(), signal.SIGINT)))
    if ended(command, child, {0, 130}) == 130:
        one_line(command, out)
    return command.check(files(out))


def refused_at_a_step(command: Command, out: Path, chance: random.Random) -> str:
    """From a random step on, writing fails: no space, a read-only or broken disk."""
    number = chance.choice([errno.ENOSPC, errno.EROFS, errno.EIO, errno.EDQUOT, errno.EACCES])

    def refuse() -> None:
        os.write(2, f"step {at}: {os.strerror(number)}\n".encode())
        raise OSError(number, os.strerror(number), str(out))

    at = chance.randint(1, command.steps)
    ended(command, fork(command, out, lambda: watch(out, at, refuse)), {3})
    one_line(command, out)
    if list(out.rglob(".partial-*")):
        raise Broken(f"{command.name}: leaves parts behind though it could have removed them")
    return command.check(files(out))


def small_disk(command: Command, out: Path, chance: random.Random) -> str:
    """A disk that fills up on the way."""
    need = sum(len(content) for content in command.whole.values())
    return on_disk_of(command, out, f"size={int(need * chance.uniform(0.02, 0.9)) // 4096 * 4096 + 4096}", 0)


def read_only_disk(command: Command, out: Path, chance: random.Random) -> str:
    """A disk that cannot be written to."""
    return on_disk_of(command, out, "size=1m", MS_RDONLY)


def in_the_way(command: Command, out: Path, chance: random.Random) -> str:
    """A file where the folder should be."""
    shutil.rmtree(out)
    out.write_bytes(OLD)
    try:
        ended(command, fork(command, out), {2, 3})
        one_line(command, out)
        if out.read_bytes() != OLD:
            raise Broken(f"{command.name}: wrote over a file that was in the way")
    finally:
        out.unlink()
    return "nothing"


def two_writers(command: Command, out: Path, chance: random.Random) -> str:
    """Two processes do the same at the same time."""
    first = fork(command, out)
    time.sleep(chance.uniform(0.0, 0.3) * command.seconds)
    second = fork(command, out)
    codes = [ended(command, child, {0, 2} if command.resume else {0}) for child in (first, second)]
    if 0 not in codes:
        raise Broken(f"{command.name}: of two writers none came through")
    if any(out.rglob(".partial-*")):
        raise Broken(f"{command.name}: two writers leave parts behind")
    return command.check(files(out))


def clock_runs_backwards(command: Command, out: Path, chance: random.Random) -> str:
    """Every look at the clock is earlier than the last; the files that are there are of the year 2100."""
    from datetime import UTC, datetime, timedelta

    from outputs import pipeline

    for path in out.rglob("*"):
        os.utime(path, (4.1e9, 4.1e9))

    def backwards() -> None:
        at = [datetime(2001, 1, 1, tzinfo=UTC)]

        class Clock(datetime):
            @classmethod
            def now(cls, tz=None):
                at[0] -= timedelta(hours=1)
                return at[0]

        pipeline.datetime = Clock
        time.time = lambda: Clock.now().timestamp()

    ended(command, fork(command, out, backwards), {0})
    return command.check(files(out))


def worker_lost(command: Command, out: Path, chance: random.Random) -> str:
    """One of two worker processes is killed: the sweep goes on with new ones."""
    several = Command(command.name, lambda o: [("2" if w == "1" else w) for w in command.words(o)])
    child = fork(several, out)
    target = None
    while target is None and os.waitpid(child, os.WNOHANG)[0] == 0:
        target = next(iter(reversed(children(child))), None)
        time.sleep(0.02)
    time.sleep(chance.uniform(0.0, 2.0))
    with contextlib.suppress(ProcessLookupError):
        os.kill(target or 0, signal.SIGKILL)
    ended(command, child, {0})
    return command.check(files(out))


def orphaned_workers(command: Command, out: Path, chance: random.Random) -> str:
    """The main process of a sweep on two workers is killed: its workers end by themselves."""
    several = Command(command.name, lambda o: [("2" if w == "1" else w) for w in command.words(o)])
    child = fork(several, out)
    workers: list[int] = []
    while not workers and os.waitpid(child, os.WNOHANG)[0] == 0:
        time.sleep(0.05)
        workers = children(child)
    time.sleep(chance.uniform(0.0, 3.0))
    workers = children(child) or workers
    os.kill(child, signal.SIGKILL)
    ended(command, child, {-signal.SIGKILL, 0})
    until = time.monotonic() + 30
    while left := [pid for pid in workers if alive(pid)]:
        if time.monotonic() > until:
            for pid in left:
                os.kill(pid, signal.SIGKILL)
            raise Broken(f"{command.name}: workers outlive the process that started them")
        time.sleep(0.1)
    return command.check(files(out))


def children(process: int) -> list[int]:
    """Ids of the processes that a process started (Linux)."""
    try:
        return [int(one) for one in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    except OSError:
        return []


def alive(process: int) -> bool:
    """Whether a process runs, and is not only remembered by the system."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


CLONE_NEWNS, MS_RDONLY, MS_REC, MS_PRIVATE = 0x00020000, 1, 16384, 1 << 18


def on_disk_of(command: Command, out: Path, options: str, flags: int) -> str:
    """Run a command on a disk of its own, which only its process sees and which ends with it."""
    words, result = command.arguments(out), out.with_name(out.name + ".left")

    def mount() -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(CLONE_NEWNS) or libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None):
            os._exit(99)
        if libc.mount(b"tmpfs", str(out).encode(), b"tmpfs", flags, options.encode()):
            os._exit(99)
        if not flags:
            for name in command.old:
                (out / name).write_bytes(OLD)

    def look() -> None:
        left = any(out.rglob(".partial-*"))
        found = files(out) | (dict.fromkeys(command.old, OLD) if flags else {})
        result.write_text("parts left behind" if left else command.check(found))

    assert words
    if ended(command, fork(command, out, mount, look), {3, 99}) == 99:
        return "not possible here"
    one_line(command, out)
    outcome = result.read_text()
    if outcome not in ("nothing", "part"):
        raise Broken(f"{command.name}: on a disk of {options}: {outcome}")
    return outcome


KILLS = (killed_at_a_moment, killed_at_a_step)
FAULTS = (
    *KILLS, interrupted, refused_at_a_step, small_disk, read_only_disk, in_the_way, two_writers, clock_runs_backwards,
)  # fmt: skip
ONLY_SWEEP = (worker_lost, orphaned_workers)

# ------------------------------------------------------------------ running


def trial(fault, command: Command, out: Path, chance: random.Random, fresh: bool) -> str:
    """One fault; nothing that was finished before it may be gone after it."""
    if fresh or command.finished(out):
        command.prepare(out)
    before = set(files(out)) if out.is_dir() else set()
    said(out).unlink(missing_ok=True)
    try:
        outcome = fault(command, out, chance)
    except Broken as error:
        text = said(out).read_text(encoding="utf-8")[-3000:] if said(out).is_file() else ""
        raise Broken(f"{fault.__name__}, {error}\n{text}") from None
    after = set(files(out)) if out.is_dir() else before
    merged = any(name.endswith("results.nc") for name in after)  # parts are dropped once they are in it
    lost = before - after - (set(command.parts) if merged else set())
    if lost:
        raise Broken(f"{fault.__name__}, {command.name}: lost {sorted(lost)}")
    return outcome


def completed(command: Command, out: Path) -> None:
    """After a fault the command comes to the bytes of the undisturbed run."""
    if not out.is_dir():
        command.prepare(out)
    if not command.finished(out):
        ended(command, fork(command, out), {0})
    found = {name: content for name, content in files(out).items() if name not in command.parts}
    if found != command.whole:
        raise Broken(f"{command.name}: other bytes after a fault")


def study(command: Command, faults: Mapping[Callable, int], out: Path, chance: random.Random):
    """Every fault of a command so many times; yields fault and outcome of each."""
    undisturbed(command, out)
    measured(command, out)
    for fault, count in faults.items():
        for number in range(count):
            # A sweep that was killed is left as it is and killed again when it goes on.
            fresh = not (command.resume and fault in KILLS) or number == 0
            yield fault.__name__, trial(fault, command, out, chance, fresh)
            if fault not in KILLS or number == count - 1:
                completed(command, out)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("commands", nargs="*", help="solve, sweep, classify, report (default: all)")
    parser.add_argument("--count", type=int, default=1, help="times that each fault is tried (default 1)")
    parser.add_argument("--kills", type=int, help="only kills, so many in all")
    parser.add_argument("--only", action="append", help="only this fault; may be repeated")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--record", action="store_true", help="add the counts to the record")
    options = parser.parse_args(arguments)
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="faults-") as place:
        folder = Path(place)
        known = commands(folder)
        names = options.commands or list(known)
        if unknown := set(names) - set(known):
            parser.error(f"no command {', '.join(sorted(unknown))}; there are {', '.join(known)}")
        if "report" in names:
            with quiet(os.devnull):
                run.guarded(["solve", *SOLVE, "--out", str(folder / "runs")])
        for name in names:
            chosen = dict.fromkeys((*FAULTS, *(ONLY_SWEEP if name == "sweep" else ())), options.count)
            if options.kills:
                chosen = dict.fromkeys(KILLS, -(-options.kills // (2 * len(names))))
            if options.only:
                chosen = {f: n for f, n in chosen.items() if f.__name__ in options.only}
            found = Counter()
            try:
                for fault, outcome in study(known[name], chosen, folder / name, chance):
                    found[fault, outcome] += 1
            except Broken as error:
                found["broken", "promise"] += 1
                print(error, file=sys.stderr)
                return 1
            finally:
                if options.record:
                    add(name, found)
            for (fault, outcome), count in sorted(found.items()):
                print(f"{name:10} {fault:22} {outcome:10} {count:5}", flush=True)
    return 0


def add(command: str, found: Counter) -> None:
    """Add counts to the record: command -> fault -> what was left -> how often."""
    record = records.read("faults")
    for (fault, outcome), count in found.items():
        place = record.setdefault(command, {}).setdefault(fault, {})
        place[outcome] = place.get(outcome, 0) + count
    records.write("faults", record)


if __name__ == "__main__":
    sys.exit(main())
