"""What worker processes do first."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading


def worker() -> None:
    """Initializer of a pool's processes: Ctrl-C is the main process's business, and none of them outlives it.

    A main process that is killed closes no pool; its workers would wait for work for ever.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow, daemon=True, name="ends with the main process").start()


def _follow() -> None:
    main = multiprocessing.parent_process()
    if main is not None:
        main.join()
        os._exit(1)
