"""A process that solves: it can be stopped when a solve takes too long, and the page stays up."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from calibration.errors import InputError
from outputs.explorer.state import State
from scenarios.processes import worker


class Busy(RuntimeError):
    """Too many requests are waiting."""


class TooSlow(RuntimeError):
    """A solve took longer than it may; the process was replaced."""


class Broken(RuntimeError):
    """The process ended, or failed in a way that is no fault of the request."""


def serve(pipe: Connection) -> None:
    """Answer states until the other side closes: ("answer", payload), ("refused", problems) or ("broken", kind)."""
    worker()
    from outputs.explorer.answer import Answers

    answers = Answers()
    while True:
        try:
            state = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send(("answer", answers(state)))
        except InputError as error:
            pipe.send(("refused", [str(problem) for problem in error.problems]))
        except Exception as error:  # noqa: BLE001 - one state must not end the process; the kind is told, no traceback
            pipe.send(("broken", type(error).__name__))


@contextmanager
def _not_interrupted() -> Iterator[None]:
    """Ctrl-C does not reach processes that are started now, before they can say so themselves.

    Python hands signals to the main thread alone: in others this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class Worker:
    """One solving process and a short queue before it."""

    def __init__(self, timeout: float = 30.0, waiting: int = 6) -> None:
        self.timeout = timeout
        self._turn, self._seats = threading.Lock(), threading.BoundedSemaphore(waiting)
        self._start()

    def _start(self) -> None:
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs,), daemon=True, name="explorer-solver")
        with _not_interrupted():
            self._process.start()
        theirs.close()

    def ask(self, state: State) -> dict[str, Any]:
        """What a state comes to. Raises InputError (list of texts), Busy, TooSlow, Broken."""
        if not self._seats.acquire(blocking=False):
            raise Busy
        try:
            with self._turn:
                return self._answer(state)
        finally:
            self._seats.release()

    def _answer(self, state: State) -> dict[str, Any]:
        try:
            self._pipe.send(state)
            if not self._pipe.poll(self.timeout):
                self._restart()
                raise TooSlow
            kind, content = self._pipe.recv()
        except (EOFError, OSError):
            self._restart()
            raise Broken("the solver ended") from None
        if kind == "refused":
            raise InputError("\n".join(content))
        if kind == "broken":
            raise Broken(content)
        return dict(content)

    def _restart(self) -> None:
        self.close()
        self._start()

    def close(self) -> None:
        """End the process."""
        self._pipe.close()
        self._process.kill()
        self._process.join()
